#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tables with a primary key, and everybody in turns on them, at full length:
# 2,000 upserts and deletes at least, and all engines read after every commit
# (tests/engines/check_keyed.py); then all tables of theirs that it has.
# PF_SOAK_TURNS is how many turns a history has.
set -u -o pipefail
turns=${PF_SOAK_TURNS:-40}
total=0
for ((seed = 1; total < 2000; seed++)); do
	SECONDS=0
	PF_TEST_SEED=$seed PF_STEPS=$turns "$PF_PYTHON" tests/engines/check_keyed.py ours > "$PF_BUILD/soak/turns.out" 2>&1
	grep -A3 '^not ok' "$PF_BUILD/soak/turns.out"
	grep '^ok' "$PF_BUILD/soak/turns.out"
	sed -n 's/^# \(seed .*\), .*/\1/p' "$PF_BUILD/soak/turns.out"
	n=$(sed -n 's/^# [a-z]*: \([0-9]*\) versions, .*/\1/p' "$PF_BUILD/soak/turns.out" | tail -3 | awk '{ n += $1 } END { print n }')
	[ -n "$n" ] || { echo "not ok 1 seed $seed did not end"; exit 1; }
	total=$((total + n))
	echo "= seed $seed: $n upserts and deletes in $turns turns on three tables, $SECONDS s"
done
SECONDS=0
PF_WHOLE=1 "$PF_PYTHON" tests/engines/check_keyed.py theirs > "$PF_BUILD/soak/turns.out" 2>&1
grep -A3 '^not ok' "$PF_BUILD/soak/turns.out"
grep '^ok' "$PF_BUILD/soak/turns.out"
echo "= all tables of theirs: $SECONDS s"
