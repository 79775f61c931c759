# SPDX-License-Identifier: Apache-2.0
# The 28 tests of Apache DataFu Hourglass as scenarios of pf-window, with its
# inputs and its expected values. Where Hourglass counts the days that a run
# reads, these count its rows.

load helpers
load hourglass

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-partition pf-pack pf-put pf-window
	events
}

# ones ID...: "DAY:1 ..."
ones()
{
	printf '%d:1 ' "$@"
}

three_days()
{
	march 15 1:3 2:4 3:7
	march 16 1:4 2:2 3:6
	march 17 1:6 2:8 3:2
}

per_day_rows()
{
	march 15 1:3 2:4 3:7
	march 16 1:5 2:3 3:4 4:3 5:1
	march 17 2:3 3:10 5:4 6:3
}

@test "PC singleDay" {
	march 15 1:3 2:4 3:7
	equals "$(counts -W since=2013-03-15)" "1:3 2:4 3:7 2013-03-15..2013-03-16"
}

@test "PC multipleDays" {
	three_days
	equals "$(counts -W since=2013-03-15)" "1:13 2:14 3:15 2013-03-15..2013-03-18"
}

@test "PC multipleIterations" {
	three_days
	equals "$(counts -W since=2013-03-15 --end 2013-03-16)" "1:3 2:4 3:7 2013-03-15..2013-03-16"
	equals "$(counts -W since=2013-03-15 --end 2013-03-17)" "1:7 2:6 3:13 2013-03-15..2013-03-17"
	equals "$(counts -W since=2013-03-15 --end 2013-03-18)" "1:13 2:14 3:15 2013-03-15..2013-03-18"
}

@test "PC multipleRunsFixedStartReuseOutput" {
	three_days
	equals "$(counts -W since=2013-03-15)" "1:13 2:14 3:15 2013-03-15..2013-03-18"
	march 18 1:2 2:5 3:4 4:3 5:2
	march 19 1:6 2:8 3:2 4:5
	equals "$(counts -W since=2013-03-15)" "1:21 2:27 3:21 4:8 5:2 2013-03-15..2013-03-20"
	equals "$(stat_of rows_read) $(stat_of answers_reused)" "37 1" # the new days, and what there was
	# the earlier window is still to be had
	equals "$(counts -W since=2013-03-15 --end 2013-03-18)" "1:13 2:14 3:15 2013-03-15..2013-03-18"
}

@test "PC startDate" {
	march 15 1:10 2:12 3:14
	march 16 1:10 2:12 3:14
	march 17 1:2 2:4 3:1
	march 18 1:1 2:2 3:5
	equals "$(counts -W since=2013-03-17)" "1:3 2:6 3:6 2013-03-17..2013-03-19"
}

@test "PC endDate" {
	march 15 1:2 2:4 3:1
	march 16 1:1 2:2 3:5
	march 17 1:10 2:12 3:14
	march 18 1:10 2:12 3:14
	equals "$(counts -W since=2013-03-15 --end 2013-03-17)" "1:3 2:6 3:6 2013-03-15..2013-03-17"
}

@test "PC startAndEndDate" {
	march 11 1:10 2:12 3:14
	march 12 1:10 2:12 3:14
	march 13 1:2 2:4 3:1
	march 14 1:1 2:2 3:3
	march 15 1:10 2:12 3:14
	march 16 1:10 2:12 3:14
	equals "$(counts -W since=2013-03-13 --end 2013-03-15)" "1:3 2:6 3:4 2013-03-13..2013-03-15"
}

@test "PC multipleRunsFixedWindowNoReuse" {
	march 15 1:15 2:25 3:7 10:3
	march 16 1:4 2:9 3:12 4:3
	march 17 3:5 5:13
	equals "$(counts -W 3d)" "1:19 2:34 3:24 4:3 5:13 10:3 2013-03-15..2013-03-18"
	march 18 3:9 5:24 6:7
	equals "$(counts -W 3d --fresh)" "1:4 2:9 3:26 4:3 5:37 6:7 2013-03-16..2013-03-19"
}

@test "PC severalRunsFixedWindowReuseOutput" {
	local d
	for d in 01 02 03 04 05 06 07 08 09 10; do march $d $((10#$d)):1; done
	equals "$(counts -W 10d)" "$(ones 1 2 3 4 5 6 7 8 9 10)2013-03-01..2013-03-11"
	for d in 11 12 13; do march $d $d:1; done
	equals "$(counts -W 10d)" "$(ones 4 5 6 7 8 9 10 11 12 13)2013-03-04..2013-03-14"
	equals "$(stat_of rows_read)" 3
	for d in 14 15; do march $d $d:1; done
	equals "$(counts -W 10d)" "$(ones 6 7 8 9 10 11 12 13 14 15)2013-03-06..2013-03-16"
	equals "$(stat_of rows_read)" 2
}

@test "PC twoRunsFixedWindowReuseOutput" {
	march 14 1:5 2:17 3:9 99:9
	march 15 1:15 2:25 3:7 100:1 101:1 102:10
	march 16 1:4 2:9 3:12 4:3
	march 17 3:5 5:13
	march 18 3:9 5:24 6:7
	march 19 3:9 5:24 6:1 7:4
	march 20 1:1 3:10 5:1 6:7 8:9
	equals "$(counts -W 6d)" \
		"1:20 2:34 3:52 4:3 5:62 6:15 7:4 8:9 100:1 101:1 102:10 2013-03-15..2013-03-21"
	march 21 1:9 3:15 6:9 8:20 9:20 100:1 102:5
	equals "$(counts -W 6d)" \
		"1:14 2:9 3:60 4:3 5:62 6:24 7:4 8:29 9:20 100:1 102:5 2013-03-16..2013-03-22"
	equals "$(stat_of rows_read)" 79
}

# Events come from two tables. clicks, impressions: "ID ID ...".
two_tables()
{
	events impressions
	events clicks
}

# both DAY "IMPRESSION..." "CLICK...": one row for each.
both()
{
	local id
	for id in $2; do echo "$id:1"; done | sort | uniq -c | awk '{ sub(/:1/, "", $2); print $2 ":" $1 }' > impressions.rows
	table=impressions march "$1" $(cat impressions.rows)
	for id in $3; do echo "$id:1"; done | sort | uniq -c | awk '{ sub(/:1/, "", $2); print $2 ":" $1 }' > clicks.rows
	[ ! -s clicks.rows ] || table=clicks march "$1" $(cat clicks.rows)
}

# Both kinds of rows by key: "ID:IMPRESSIONS,CLICKS ...".
joined()
{
	pf-window -q -O tsv --tag from -g id "$@" i="count_if:\`from\`='impressions'" c="count_if:\`from\`='clicks'" \
		impressions clicks | awk 'NR > 1 { printf "%s%s:%s,%s", sep, $1, $(NF - 1), $NF; sep = " " }'
}

# Each with a state of its own, and their answers put together.
joined_answers()
{
	local t
	for t in impressions clicks; do
		pf-window -q -O arrow --allow-missing -s "state-$t" -g id "$@" n=count $t |
			pf-query -O arrow -c "id,window_start,i=if('$t'='impressions',n,0),c=if('$t'='clicks',n,0)" -
	done | pf-window -q -O tsv -t window_start --end 2013-03-18 -W 30d -g id sum:i sum:c - |
		awk 'NR > 1 { printf "%s%s:%s,%s", sep, $1, $(NF - 1), $NF; sep = " " }'
}

@test "PC joinTest" {
	two_tables
	both 15 "1 2 3 3 4" "1 2 2 4"
	equals "$(joined -s state -W 3d)" "1:1,1 2:1,2 3:2,0 4:1,1"
	both 16 "5 6 6 7 7" "5 6"
	both 17 "8 9 10" "8 8 8 10 10"
	local want="1:1,1 2:1,2 3:2,0 4:1,1 5:1,1 6:2,1 7:2,0 8:1,3 9:1,0 10:1,2"
	equals "$(joined -W 3d)" "$want"
	equals "$(joined -s state --stats stats.json -W 3d)" "$want"
	equals "$(joined_answers -W 3d --end 2013-03-18)" "$want"
}

@test "PC joinMissingClicksTest" {
	two_tables
	both 15 "1 2 3 3 4" "1 2 2 4"
	both 16 "5 6 6 7 7" "5 6"
	both 17 "8 9 10" ""
	local want="1:1,1 2:1,2 3:2,0 4:1,1 5:1,1 6:2,1 7:2,0 8:1,0 9:1,0 10:1,0"
	equals "$(joined -W 3d)" "$want"
	equals "$(joined -s state --stats stats.json -W 3d)" "$want"
	equals "$(joined_answers -W 3d --end 2013-03-18)" "$want"
}

october()
{
	local d
	for d; do day "2012-10-$d" "$((10#$d)):1"; done
}

@test "Planner exactlyThreeDays" {
	october 01 02 03
	equals "$(counts -W 3d)" "$(ones 1 2 3)2012-10-01..2012-10-04"
}

@test "Planner latestThreeDays" {
	october 01 02 03 04
	equals "$(counts -W 3d)" "$(ones 2 3 4)2012-10-02..2012-10-05"
}

@test "Planner previousOutputReuse" {
	october 01 02 03 04 05 06 07 08
	equals "$(counts -W 8d)" "$(ones 1 2 3 4 5 6 7 8)2012-10-01..2012-10-09"
	october 09 10
	equals "$(counts -W 8d)" "$(ones 3 4 5 6 7 8 9 10)2012-10-03..2012-10-11"
	equals "$(stat_of rows_read)" 2
}

@test "Planner previousOutputNoReuseSmallWindow" {
	october 01 02
	equals "$(counts -W 2d)" "$(ones 1 2)2012-10-01..2012-10-03"
	october 03
	equals "$(counts -W 2d)" "$(ones 2 3)2012-10-02..2012-10-04"
}

@test "Planner previousOutputNoReuseTooOld" {
	october 01 02 03 04 05 06 07 08
	equals "$(counts -W 8d)" "$(ones 1 2 3 4 5 6 7 8)2012-10-01..2012-10-09"
	october 09 10 11 12 13 14 15 16 17 18 19 20
	equals "$(counts -W 8d)" "$(ones 13 14 15 16 17 18 19 20)2012-10-13..2012-10-21"
}

# days OPTION...: a day's rows in a line each, "DAY ID:COUNT ...".
days()
{
	pf-window -q -O tsv -s state --stats stats.json -g id --per-day "$@" count events |
		awk 'NR > 1 { if ($1 != day) printf "%s%s", (day ? "\n" : ""), $1; day = $1; printf " %s:%s", $2, $3 } END { print "" }'
}

@test "PP numDays" {
	per_day_rows
	equals "$(days -W 2d)" "2013-03-16 1:5 2:3 3:4 4:3 5:1
2013-03-17 2:3 3:10 5:4 6:3"
}

@test "PP startDate" {
	march 14 1:2 2:3 3:4
	per_day_rows
	equals "$(days -W since=2013-03-15 --end 2013-03-17)" "2013-03-15 1:3 2:4 3:7
2013-03-16 1:5 2:3 3:4 4:3 5:1"
}

@test "PP endDate" {
	per_day_rows
	march 18 2:5 3:7 5:3 6:3
	equals "$(days -W 2d --end 2013-03-18)" "2013-03-16 1:5 2:3 3:4 4:3 5:1
2013-03-17 2:3 3:10 5:4 6:3"
}

@test "PP startAndEndDate" {
	per_day_rows
	march 18 2:5 3:7 5:3 6:3
	equals "$(days -W since=2013-03-16 --end 2013-03-18)" "2013-03-16 1:5 2:3 3:4 4:3 5:1
2013-03-17 2:3 3:10 5:4 6:3"
}

@test "PP multipleRuns" {
	per_day_rows
	equals "$(days -W 3d)" "2013-03-15 1:3 2:4 3:7
2013-03-16 1:5 2:3 3:4 4:3 5:1
2013-03-17 2:3 3:10 5:4 6:3"
	march 18 2:2 3:6 5:2 7:3
	equals "$(days -W 3d | tail -1)" "2013-03-18 2:2 3:6 5:2 7:3"
	equals "$(stat_of rows_read)" 13
	equals "$(days -W 3d | wc -l)" 3
}

# The co-group by day: "DAY ID:IMPRESSIONS,CLICKS ...".
joined_days()
{
	pf-window -q -O tsv --tag from -g id --per-day -W 3d --end 2013-03-18 i="count_if:\`from\`='impressions'" \
		c="count_if:\`from\`='clicks'" impressions clicks |
		awk 'NR > 1 { if ($1 != day) printf "%s%s", (day ? "\n" : ""), $1; day = $1; printf " %s:%s,%s", $2, $3, $4 } END { print "" }'
}

@test "PP joinTest" {
	two_tables
	both 15 "1 2 3 3 4" "1 2 2 4"
	both 16 "5 6 6 7 7" "5 6"
	both 17 "8 9 10" "8 8 8 10 10"
	equals "$(joined_days)" "2013-03-15 1:1,1 2:1,2 3:2,0 4:1,1
2013-03-16 5:1,1 6:2,1 7:2,0
2013-03-17 8:1,3 9:1,0 10:1,2"
}

@test "PP joinClicksMissingTest" {
	two_tables
	both 15 "1 2 3 3 4" "1 2 2 4"
	both 16 "5 6 6 7 7" "5 6"
	both 17 "8 9 10" ""
	equals "$(joined_days)" "2013-03-15 1:1,1 2:1,2 3:2,0 4:1,1
2013-03-16 5:1,1 6:2,1 7:2,0
2013-03-17 8:1,0 9:1,0 10:1,0"
}

# The first job's days are stored as a table, the second job is of that.
@test "Integration numDays" {
	per_day_rows
	cat > partials.yaml <<-END
	table: partials
	id: id
	time: day
	zone: UTC
	partition: day
	buckets: 2
	columns:
	  day: date not null
	  id: bigint not null
	  count: bigint
	END
	pf-put -q --create partials.yaml partials
	pf-window -q -O arrow --per-day -W 2d -g id count events |
		pf-partition -T partials | pf-pack -qq | pf-put -q --append partials
	equals "$(pf-query -O tsv -c 'count()' --where "dt='2013-03-16'" partials | tail -1)" 5
	equals "$(pf-query -O tsv -c 'count()' --where "dt='2013-03-17'" partials | tail -1)" 4
	equals "$(pf-window -q -O tsv -s second -W 2d -g id sum:count partials |
		awk 'NR > 1 { printf "%s:%s ", $1, $4; range = $2 ".." $3 } END { print range }')" \
		"1:5 2:6 3:14 4:3 5:5 6:3 2013-03-16..2013-03-18"
}

@test "TestAvroJob basicAvroJobTest: not incremental" {
	per_day_rows
	equals "$(pf-window -q -O tsv -W 3d -g id count events | awk 'NR > 1 { printf "%s:%s ", $1, $4 }')" \
		"1:8 2:10 3:21 4:3 5:5 6:3 "
}

@test "Example countByMember" {
	march 15 1:3 2:1 3:2
	march 16 1:2 2:2 3:1
	equals "$(counts -W since=2013-03-15)" "1:5 2:3 3:3 2013-03-15..2013-03-17"
	march 17 1:2 2:3 3:2
	equals "$(counts -W since=2013-03-15)" "1:7 2:6 3:5 2013-03-15..2013-03-18"
}

@test "Example estimateNumMembers" {
	local d n members
	members() {
		pf-window -q -O tsv -s state -W 30d hll:id:20 distinct:id events | tail -1 | cut -f 3,4
	}
	march 01 $(seq -f '%.0f:1' 10000)
	for d in $(seq -w 2 30); do rows "2013-03-$d" 1:1 2:1 3:1 4:1 5:1; done |
		pf-partition -I jsonl -S events.yaml | pf-pack -qq | pf-put -q --append events
	n=$(members)
	equals "${n#*	}" 10000
	[ "${n%	*}" -gt 9950 ]
	[ "${n%	*}" -lt 10050 ]
	march 31 6:1 7:1 8:1 9:1 10:1
	equals "$(members)" "10	10"
}
