#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kill test on a table of aggregates: what were loaded twice would count twice.
for p in pf-stage pf-partition pf-pack pf-put pf-query; do
	command -v "$p" > /dev/null || { echo "ok 1 kills # skip no $p"; exit 0; }
done
exec python3 "$(dirname "$0")/../tools/killer.py" --sums --each 1 --random 8 --rows 8000
