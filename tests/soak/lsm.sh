#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The life of a table with a primary key without any JVM: commits of updates and
# deletes, a compaction after every tenth, an expiry after every twentieth and a
# cleaning after every fiftieth. Sorted runs stay few, files stay few, the rows are a
# model's, and --verify is clean all along.
exec "${PF_PYTHON:-python3}" "$(dirname "$0")/lsm.py" "${PF_SOAK_COMMITS:-500}" "${PF_SOAK_ROWS:-2000}"
