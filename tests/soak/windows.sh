#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Incremental windows against recomputes and DuckDB: 10 000 random steps, and
# real data replayed day by day.
set -u
steps=${PF_SOAK_STEPS:-10000}
export PF_ROOT=$PWD
seed=$((RANDOM * 32768 + RANDOM))
echo "= $steps random steps from seed $seed"
"$PF_PYTHON" tests/conform/window_random.py "$steps" "$seed"
"$PF_PYTHON" tests/conform/window_replay.py 400 | tee replay.log
sed -n 's/^ok [0-9]* /= /p' replay.log
rm -f replay.log
