#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# L17 of Hourglass's study: ten million keys, windows from a state and from
# scratch, within a memory that holds a fiftieth of them (PF_SOAK_KEYS: fewer).
set -u
keys=${PF_SOAK_KEYS:-10000000}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/pf-keys.XXXXXX") || exit 4
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 4
export TMPDIR=$work # where runs wait
cat > t.yaml <<- 'END'
	table: t
	id: id
	time: ts
	zone: UTC
	partition: day
	buckets: 4
	columns:
	  id: bigint not null
	  ts: timestamp(0) not null
	  v: int
END
pf-put -q --create t.yaml t || exit 4

# load DAY FIRST STEP: every STEPth key from FIRST on has a row on that day
load()
{
	awk -v day="$1" -v first="$2" -v step="$3" -v keys="$keys" 'BEGIN {
		print "id,ts,v"
		for (i = first; i <= keys; i += step)
			printf "%.0f,2013-03-0%dT12:00:00,%d\n", i * 7919 % 1000000007, day, i % 1000
	}' | pf-partition -S t.yaml -I csv | pf-pack -qq | pf-put -q --append t
}

# limited COMMAND...: its data stays below 96 MiB; how much it took, on stderr
limited()
{
	(
		ulimit -d 98304
		exec /usr/bin/time -f "$1 %e s, %M KiB resident" -a -o took "${@:2}"
	)
}

ask=(pf-window -qq -O tsv --memory 16Mi -g id count sum:v max:v)
load 1 1 1
limited "first run" "${ask[@]}" -s st -W 2d t > first || exit 1
load 2 1 10
limited "next day" "${ask[@]}" -s st -W 2d t > inc || exit 1
limited "from scratch" "${ask[@]}" -W 2d t > full || exit 1
sed 's/^/= /' took
echo 1..2
status=0
if cmp inc full && [ "$(tail -n +2 inc | wc -l)" = "$keys" ]; then
	echo "ok 1 $keys keys in 16 MiB: the answer of a state is a recompute's"
else
	echo "not ok 1 $keys keys in 16 MiB"
	status=1
fi
# sums that need no program of ours
if [ "$(awk -F '\t' 'NR > 1 { n += $4; s += $5 } END { printf "%.0f %.0f", n, s }' inc)" = \
	"$(awk -v keys="$keys" 'BEGIN {
		for (i = 1; i <= keys; i++) { n++; s += i % 1000 }
		for (i = 1; i <= keys; i += 10) { n++; s += i % 1000 }
		printf "%.0f %.0f", n, s }')" ]; then
	echo "ok 2 all rows are counted and summed"
else
	echo "not ok 2 all rows are counted and summed"
	status=1
fi
exit $status
