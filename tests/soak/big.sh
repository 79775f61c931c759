#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 10 GB of JSON lines through the whole line within its memory: the data
# segment of each program is limited, so that one that needs more dies.
set -u -o pipefail
gb=${PF_SOAK_GB:-10}
rows=$((gb * 1000000000 / 141))
schema=$PWD/examples/clicks.yaml
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pf-big.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 4
table=wh/default.db/clicks
n=0
check()
{
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		echo "# is $2, should be $3"
	fi
}

# peak NAME COMMAND...: run it and write its peak resident MiB to NAME.peak
peak()
{
	local name=$1
	shift
	python3 -c '
import os, subprocess, sys
p = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(p.pid, 0)
open(sys.argv[1] + ".peak", "w").write(str(usage.ru_maxrss // 1024))
sys.exit(os.waitstatus_to_exitcode(status))' "$name" "$@"
}

pf-put -q --create "$schema" $table
SECONDS=0
gen $rows | peak partition pf-partition -I jsonl -S "$schema" |
	peak pack pf-pack | peak index pf-index | peak put pf-put -q --append $table
check "the line succeeds" $? 0
seconds=$SECONDS
check "all rows are there" "$(pf-query -O tsv -c 'count(*)' $table | tail -1)" $rows
total=0
for name in partition pack index put; do
	mib=$(cat $name.peak)
	echo "= pf-$name: peak $mib MiB resident"
	total=$((total + mib))
done
check "peaks together within 512 MiB ($total MiB)" $((total <= 512)) 1
pf-put --verify $table > verify.log 2>&1
check "the table verifies" $? 0
echo "= $gb GB of JSON lines, $rows rows: $seconds s, $total MiB"
