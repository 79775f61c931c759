#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Incremental windows against recomputes and DuckDB: 10 000 random steps.
set -u
steps=${PF_SOAK_STEPS:-10000}
export PF_ROOT=$PWD
seed=$((RANDOM * 32768 + RANDOM))
echo "= $steps random steps from seed $seed"
"$PF_PYTHON" tests/conform/window_random.py "$steps" "$seed"
