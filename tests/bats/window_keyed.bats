# SPDX-License-Identifier: Apache-2.0
# pf-window over tables with a primary key: rows that change, with a state.

load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	cat > orders.yaml <<-'END'
	table: orders
	primary_key: [id]
	time: ts
	partition: none
	buckets: 1
	row_kind: op
	columns:
	  id: bigint
	  ts: timestamp(3)
	  shop: string
	  price: bigint
	  note: string
	END
	pf-put -q --create orders.yaml orders
	into "+I,1,2024-01-01T10:00:00,x,10," "+I,2,2024-01-01T11:00:00,y,20," \
		"+I,3,2024-01-02T10:00:00,x,30," "+I,4,2024-01-03T10:00:00,y,40,"
}

# into ROW...: one commit.
into()
{
	printf '%s\n' op,id,ts,shop,price,note "$@" > rows.csv
	pf-partition -S orders.yaml rows.csv | pf-pack -qq | pf-put -q --append orders
}

# The days of 1 to 4 January as the state has them, and as a recompute.
days()
{
	local days
	days=$(pf-window -qq -s st --allow-missing -O csv --per-day -W 3d --end 2024-01-04 count sum:price orders)
	[ "$days" = "$(pf-window -qq -O csv --per-day -W 3d --end 2024-01-04 count sum:price orders)" ] ||
		echo "not a recompute's"
	tail -n +2 <<< "$days" | tr '\n' ' '
}

@test "an update is taken back and added, a delete taken back, a move changes both days" {
	equals "$(days)" "2024-01-01,2,30 2024-01-02,1,30 2024-01-03,1,40 "
	into "+U,2,2024-01-01T11:00:00,y,25,"
	equals "$(days)" "2024-01-01,2,35 2024-01-02,1,30 2024-01-03,1,40 "
	into "+U,1,2024-01-02T09:00:00,x,10,"
	equals "$(days)" "2024-01-01,1,25 2024-01-02,2,40 2024-01-03,1,40 "
	# The day alone: what its row 1 is now, another file says.
	into "+U,2,2024-01-01T12:00:00,y,26,"
	equals "$(days)" "2024-01-01,1,26 2024-01-02,2,40 2024-01-03,1,40 "
	# The last row of a day: none is left.
	into "-D,4,2024-01-03T10:00:00,y,40,"
	equals "$(days)" "2024-01-01,1,26 2024-01-02,2,40 "
	status 3 pf-window -q -s st -W 1d --end 2024-01-04 count sum:price orders
	contains "$stderr" "2024-01-03"
	into "+I,4,2024-01-03T10:00:00,y,41," "-D,2,2024-01-01T00:00:00,,,"
	equals "$(days)" "2024-01-02,2,40 2024-01-03,1,41 "
}

@test "compactions, and updates of what is not asked for, change nothing" {
	days > /dev/null
	into "+U,3,2024-01-02T10:00:00,z,30,later"
	pf-put -q --compact --full orders
	status 0 pf-window -s st --explain --late=fail -W 3d --end 2024-01-04 count sum:price orders
	contains "$output" "read: 0 rows"
	contains "$output" "0 new, 0 got more, 0 built anew, 0 late"
	equals "$(days)" "2024-01-01,2,30 2024-01-02,1,30 2024-01-03,1,40 "
	# Only the day that changed is built anew.
	into "+U,3,2024-01-02T10:00:00,z,31,later"
	status 0 pf-window -s st --explain -W 3d --end 2024-01-04 count sum:price orders
	contains "$output" "1 built anew"
}

@test "an update of a day that was given out is late" {
	pf-window -q -s st -W 3d --end 2024-01-04 count sum:price orders > /dev/null
	into "+U,1,2024-01-02T10:00:00,x,10,"
	status 3 pf-window -s st --late=fail -W 3d --end 2024-01-04 count sum:price orders
	contains "$stderr" "2 cells that had been given out have changed, the first is 2024-01-01"
	status 0 pf-window -s st --allow-missing --late=report -W 3d --end 2024-01-04 count sum:price orders
	contains "$stderr" "late: 2024-01-01 bucket"
	contains "$stderr" "late: 2024-01-02 bucket"
	[[ $stderr != *2024-01-03* ]]
	# A file of many days again, and nothing new in it.
	into "+U,1,2024-01-02T10:00:00,x,10," "+U,4,2024-01-03T10:00:00,y,40,"
	status 0 pf-window -s st --allow-missing --late=fail -W 3d --end 2024-01-04 count sum:price orders
}

@test "without the state's snapshot all is built anew, and what is the same stays" {
	days > /dev/null
	into "+U,3,2024-01-02T10:00:00,x,33,"
	rm orders/snapshot/snapshot-1
	status 0 pf-window -s st --explain --late=report -W 3d --end 2024-01-04 count sum:price orders
	contains "$output" "snapshots are gone in between"
	contains "$output" "1 built anew"
	equals "$(days)" "2024-01-01,2,30 2024-01-02,1,33 2024-01-03,1,40 "
	pf-window -qq -s st --verify 1 --allow-missing -W 3d count sum:price orders > /dev/null
}

@test "--changes: keys as they were and as they are; deletes take a key away" {
	ask() { pf-window -qq -s ch --changes --allow-missing -O csv -W 3d --end 2024-01-04 -g shop count sum:price orders; }
	equals "$(ask)" "change,shop,window_start,window_end,count,sum(price)
+,x,2024-01-01,2024-01-04,2,40
+,y,2024-01-01,2024-01-04,2,60"
	into "-D,2,2024-01-01T00:00:00,,," "+U,4,2024-01-03T10:00:00,x,40,"
	equals "$(ask)" "change,shop,window_start,window_end,count,sum(price)
-,x,2024-01-01,2024-01-04,2,40
+,x,2024-01-01,2024-01-04,3,80
-,y,2024-01-01,2024-01-04,2,60"
	equals "$(ask)" "change,shop,window_start,window_end,count,sum(price)"
}

@test "beside a table without a key: each by its own rules" {
	printf '%s\n' 'table: clicks' 'id: id' 'time: ts' 'partition: day' 'buckets: 2' 'columns:' \
		'  id: bigint not null' '  ts: timestamp(3) not null' > clicks.yaml
	pf-put -q --create clicks.yaml clicks
	click() { printf '{"id":1,"ts":"%s"}\n' "$@" | pf-partition -S clicks.yaml -I jsonl | pf-pack -qq | pf-put -q --append clicks; }
	click 2024-01-01T00:00:00 2024-01-03T00:00:00
	both() {
		pf-window -qq "$@" --allow-missing -O csv -W 3d --end 2024-01-04 -g id --tag of \
			clicks="count_if:\`of\`='clicks'" orders="count_if:\`of\`='orders'" sum:price \
			clicks orders | tail -n +2 | cut -d, -f1,4- | tr '\n' ' '
	}
	equals "$(both -s both)" "1,2,1,10 2,0,1,20 3,0,1,30 4,0,1,40 "
	into "-D,2,2024-01-01T00:00:00,,," "+U,1,2024-01-02T00:00:00,x,11,"
	click 2024-01-02T00:00:00
	equals "$(both -s both)" "1,3,1,11 3,0,1,30 4,0,1,40 "
	equals "$(both)" "1,3,1,11 3,0,1,30 4,0,1,40 "
}

@test "what would not be right is refused by name" {
	pf-stage append -q -S orders.yaml stage rows.csv
	status 2 pf-window -s st -W 3d count orders stage
	contains "$stderr" "rows in flight change its rows"
	status 2 pf-window -s st --keep-dropped -W 3d count orders
	contains "$stderr" "has a primary key"
	# Without a state they are merged.
	equals "$(pf-window -qq -O tsv -W 3d --end 2024-01-04 count orders stage | tail -1 | cut -f3)" 4
}
