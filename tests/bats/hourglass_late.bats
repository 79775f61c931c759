# SPDX-License-Identifier: Apache-2.0
# Scenarios that Apache DataFu Hourglass gets wrong, or never tested: late and
# changed days, holes, windows that are resized or moved back, foreign files,
# crashes, two runs at once. Names are those of the reference; L8, L9,
# L11 and L14 take another engine, and are in conform/hourglass_expired.py; L15
# is conform/hourglass_kill.sh, L20 the random walk of conform/window_random.py.
# In A to J each day has ten rows of key 1, so a window of n days is 10 n.

load helpers
load hourglass

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-partition pf-pack pf-put pf-window
	events
}

# ten DAY...: a day with ten rows of key 1, in March 2013.
ten()
{
	local d
	for d; do march "$d" 1:10; done
}

@test "L1 (A): a day that arrives after later ones is counted; fixed start" {
	ten 01 03
	equals "$(counts --allow-missing -W since=2013-03-01)" "1:20 2013-03-01..2013-03-04"
	march 02 1:7
	equals "$(counts -W since=2013-03-01)" "1:27 2013-03-01..2013-03-04"
	ten 04
	equals "$(counts -W since=2013-03-01)" "1:37 2013-03-01..2013-03-05"
}

@test "L2 (B): a day that arrives late counts, and leaves as it came; fixed length" {
	ten 01 02 04 05
	equals "$(counts --allow-missing -W 5d)" "1:40 2013-03-01..2013-03-06"
	ten 03 06
	equals "$(counts -W 5d)" "1:50 2013-03-02..2013-03-07"
	ten 07 08
	equals "$(counts -W 5d)" "1:50 2013-03-04..2013-03-09"
}

@test "L3 (C): a hole that is never filled leaves the window without a trace" {
	ten 01 02 04 05
	equals "$(counts --allow-missing -W 5d)" "1:40 2013-03-01..2013-03-06"
	ten 06
	status 3 pf-window -q -s state -W 5d -g id count events
	contains "$stderr" "2013-03-03"
	equals "$(counts --allow-missing -W 5d)" "1:40 2013-03-02..2013-03-07"
	ten 07 08
	equals "$(counts -W 5d)" "1:50 2013-03-04..2013-03-09"
}

@test "L4 (D): rows that come late into a counted day leave with it" {
	ten 01 02 03 04 05
	equals "$(counts -W 5d)" "1:50 2013-03-01..2013-03-06"
	march 01 1:15
	equals "$(counts -W 5d)" "1:65 2013-03-01..2013-03-06"
	ten 06
	equals "$(counts -W 5d)" "1:50 2013-03-02..2013-03-07"
	ten 07
	equals "$(counts -W 5d)" "1:50 2013-03-03..2013-03-08"
}

@test "L4 (D): the same when the run in between did not happen" {
	ten 01 02 03 04 05
	equals "$(counts -W 5d)" "1:50 2013-03-01..2013-03-06"
	march 01 1:15
	march 03 1:5
	ten 06
	equals "$(counts -W 5d)" "1:55 2013-03-02..2013-03-07"
}

@test "L5 (E): a window that is made longer has all its days" {
	ten 01 02 03 04 05 06 07 08 09 10
	equals "$(counts -W 5d)" "1:50 2013-03-06..2013-03-11"
	equals "$(counts -W 10d)" "1:100 2013-03-01..2013-03-11"
}

@test "L6 (F): a start that is moved back has all its days" {
	ten 01 02 03 04 05 06 07 08 09 10
	equals "$(counts -W since=2013-03-05)" "1:60 2013-03-05..2013-03-11"
	ten 11
	equals "$(counts -W since=2013-03-01)" "1:110 2013-03-01..2013-03-12"
}

@test "L7 (G): an old window is given again" {
	ten 01 02 03 04 05 06 07
	equals "$(counts -W 5d)" "1:50 2013-03-03..2013-03-08"
	equals "$(counts -W 5d --end 2013-03-06)" "1:50 2013-03-01..2013-03-06"
	march 02 1:1
	equals "$(counts -W 5d --end 2013-03-06)" "1:51 2013-03-01..2013-03-06"
}

@test "J: a window that is made shorter" {
	ten 01 02 03 04 05 06 07 08 09 10
	equals "$(counts -W 10d)" "1:100 2013-03-01..2013-03-11"
	equals "$(counts -W 5d)" "1:50 2013-03-06..2013-03-11"
	ten 11
	equals "$(counts -W 5d)" "1:50 2013-03-07..2013-03-12"
}

@test "L10 (P): answers put aside that are gone or empty are made again; partials are an error" {
	ten 01 02 03 04 05
	equals "$(counts -W 5d)" "1:50 2013-03-01..2013-03-06"
	rm -rf state
	mkdir state
	equals "$(counts -W 5d)" "1:50 2013-03-01..2013-03-06"
	rm state/partials-*
	ten 06
	status 3 pf-window -q -s state -W 5d -g id count events
	equals "$(counts -W 5d --fresh)" "1:50 2013-03-02..2013-03-07"
}

@test "L12: a key whose sum is 0 stays while it has rows, and goes with them" {
	table=sums
	sed 's/^table: .*/table: sums/; $a\  n: int' events.yaml > sums.yaml
	pf-put -q --create sums.yaml sums
	local n=0 at
	# DAY, then ID VALUE ...
	one_day() {
		local day=$1
		shift
		printf '{"id":%s,"ts":"'"$day"'T01:00:00","n":%s}\n' "$@" |
			pf-partition -I jsonl -S sums.yaml | pf-pack -qq | pf-put -q --append sums
	}
	sums() {
		pf-window -q -O tsv -s state -W 2d --end "$1" -g id sum:n sums | awk 'NR > 1 { printf "%s:%s ", $1, $4 }'
	}
	one_day 2013-03-01 1 5 2 3
	one_day 2013-03-02 1 -5 2 4
	one_day 2013-03-03 1 0 3 1
	one_day 2013-03-04 3 1
	equals "$(sums 2013-03-03)" "1:0 2:7 "
	equals "$(sums 2013-03-04)" "1:-5 2:4 3:1 "
	equals "$(sums 2013-03-05)" "1:0 3:2 "
	one_day 2013-03-05 3 1
	equals "$(sums 2013-03-06)" "3:2 "
}

@test "L13: the day that leaves holds the extreme; minimum, maximum, estimate" {
	local d day end
	march 01 99:1 1:1 1000:1
	for d in 02 03 04 05 06 07 08; do march $d "$((10#$d + 50)):2" 60:1; done
	for end in 04 05 06 07 08 09; do
		pf-window -q -O tsv -s state -W 3d --end 2013-03-$end min:id max:id hll:id distinct:id 'last:id' events > inc
		pf-window -q -O tsv -W 3d --end 2013-03-$end min:id max:id hll:id distinct:id 'last:id' events > full
		cmp inc full
	done
	equals "$(tail -1 inc | cut -f 3-6)" "$(printf '56\t60\t4\t4')"
}

@test "L16: two runs at once: one wins, the other exits 75" {
	ten 01 02
	counts -W 2d > /dev/null
	exec 9< state/lock
	flock -n 9
	status 75 pf-window -q -s state -W 2d -g id count events
	contains "$stderr" "state"
	exec 9<&-
	equals "$(counts -W 2d)" "1:20 2013-03-01..2013-03-03"
}

@test "L17: a key that is away for n days and comes back; one that is always there" {
	march 01 1:1 2:2
	march 02 2:1
	march 03 2:1
	march 04 2:1
	march 05 1:3 2:1
	equals "$(counts -W 3d --end 2013-03-04)" "1:1 2:4 2013-03-01..2013-03-04"
	equals "$(counts -W 3d --end 2013-03-05)" "2:3 2013-03-02..2013-03-05"
	equals "$(counts -W 3d --end 2013-03-06)" "1:3 2:3 2013-03-03..2013-03-06"
}

@test "L17: many more keys than memory" {
	local day
	for day in 01 02 03; do
		seq -f "{\"id\":%.0f,\"ts\":\"2013-03-${day}T12:00:00\"}" "${day#0}" 150000 |
			pf-partition -I jsonl -S events.yaml | pf-pack -qq | pf-put -q --append events
	done
	# Each key takes some 80 bytes: 150000 of them are a dozen times this.
	pf-window -q -O tsv -s state --memory 1Mi -W 2d --end 2013-03-03 -g id count events > /dev/null
	pf-window -q -O tsv -s state --memory 1Mi -W 2d -g id count events > inc
	pf-window -q -O tsv --memory 1Mi -W 2d -g id count events > full
	cmp inc full
	equals "$(tail -n +2 inc | cut -f 4 | sort | uniq -c | xargs)" "1 1 149998 2"
}

@test "L18a (W): foreign files and odd names are left alone and reported" {
	ten 01 02
	counts -W 2d > /dev/null
	mkdir -p events/dt=20130401-backup/bucket-0 state/20130401-backup events/_tmp
	touch events/dt=20130401-backup/bucket-0/data-x.parquet state/20130401-backup/part-0.avro state/notes.txt
	pf-window -O tsv -s state -W 2d -g id count events > out 2> err
	equals "$(tail -1 out | cut -f 4)" 20
	contains "$(cat err)" "notes.txt"
	ten 03
	equals "$(counts -W 2d)" "1:20 2013-03-02..2013-03-04"
	[ -e state/20130401-backup/part-0.avro ]
	[ -e state/notes.txt ]
	[ -e events/dt=20130401-backup/bucket-0/data-x.parquet ]
}

@test "L18b: a missing day, one of which no row counts, an unreadable file: three reports" {
	ten 01 03
	status 3 pf-window -q -s state -W 3d -g id count events
	contains "$stderr" "1 of the days from 2013-03-01 to 2013-03-04 has no row, the first is 2013-03-02"
	march 02 5:1
	status 0 pf-window -O tsv -s none -W 3d -w 'id = 1' -g id count events
	contains "$stderr" "has rows, but none that --where lets pass, the first is 2013-03-02"
	contains "$output" "2013-03-04	20"
	ten 02
	printf broken > "$(ls events/dt=2013-03-02/*/*.parquet | head -1)"
	status 3 pf-window -q -s state -W 3d -g id count events
	contains "$stderr" ".parquet"
}

@test "L19: leap day, year's end" {
	day 2012-02-28 1:1
	day 2012-02-29 1:2
	day 2012-03-01 1:4
	day 2012-12-31 1:8
	day 2013-01-01 1:16
	equals "$(counts -W 2d --end 2012-03-01)" "1:3 2012-02-28..2012-03-01"
	equals "$(counts -W 2d --end 2012-03-02)" "1:6 2012-02-29..2012-03-02"
	equals "$(counts -W 2d --end 2013-01-02)" "1:24 2012-12-31..2013-01-02"
	equals "$(counts -W month --end 2012-03-01 --allow-missing)" "1:3 2012-02-01..2012-03-01"
	equals "$(counts -W year --end 2013-01-01 --allow-missing)" "1:15 2012-01-01..2013-01-01"
}

@test "L19: days are those of the zone, also when the clock changes" {
	sed 's/^table: .*/table: zurich/; s/^zone: .*/zone: Europe\/Zurich/; s/timestamp(3)/timestamp_ltz(3)/' events.yaml > zurich.yaml
	pf-put -q --create zurich.yaml zurich
	# The 31st of March 2013 has 23 hours: from 23:00 to 22:00 UTC.
	printf '{"id":1,"ts":"2013-03-%sZ"}\n' 30T22:59:59 30T23:00:00 31T00:59:59 31T21:59:59 31T22:00:00 |
		pf-partition -I jsonl -S zurich.yaml | pf-pack -qq | pf-put -q --append zurich
	days() {
		pf-window -q -O tsv -s state --allow-missing -W 1d --end "$1" count zurich | tail -1 | cut -f 1-3 | tr '\t' ' '
	}
	equals "$(days 2013-03-31)" "2013-03-30 2013-03-31 1"
	equals "$(days 2013-04-01)" "2013-03-31 2013-04-01 3"
	equals "$(days 2013-04-02)" "2013-04-01 2013-04-02 1"
}
