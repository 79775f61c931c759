#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real data in the order it arrived, whole: every day of git's history by when
# commits were made, every day and every 700 lines of a web shop, a DNS log.
# After each the windows, from a state, are a recompute's to the byte and DuckDB's.
set -u
export PF_ROOT=$PWD
"$PF_PYTHON" tests/conform/window_replay.py 0 | tee replay.log
status=${PIPESTATUS[0]}
sed -n 's/^ok [0-9]* /= /p' replay.log
rm -f replay.log
exit "$status"
