# SPDX-License-Identifier: Apache-2.0
# pf-window --tag: several tables as one co-group, with a state and without.

load helpers

# table NAME "COLUMN: TYPE"...: an empty table by day.
table()
{
	local name=$1
	shift
	{
		printf 'table: %s\nid: id\ntime: ts\nzone: %s\npartition: day\nbuckets: 2\ncolumns:\n' \
			"$name" "${zone:-UTC}"
		printf '  %s\n' "$@"
	} > "$name.yaml"
	pf-put -q --create "$name.yaml" "$name"
}

# into TABLE ROW...: JSON rows of "ID DAY REST"
into()
{
	local name=$1 row
	shift
	for row in "$@"; do
		# shellcheck disable=SC2086
		set -- $row
		printf '{"id":%s,"ts":"2013-03-%02dT12:00:00.000"%s}\n' "$1" "$2" "${3:+,$3}"
	done | pf-partition -S "$name.yaml" -I jsonl | pf-pack -qq > new.arrows
	pf-put -q --append "$name" new.arrows
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	table seen 'id: int not null' 'ts: timestamp(3) not null' 'page: string'
	table paid 'id: bigint not null' 'ts: timestamp(6) not null' 'price: decimal(10,2)'
	into seen "1 1 \"page\":\"a\"" "1 1" "2 1" "3 2 \"page\":\"b\""
	into paid '1 1 "price":5' '4 2 "price":7'
}

ask()
{
	pf-window -qq -O tsv -g id "$@" --tag from views="count_if:\`from\`='seen'" \
		buys="count_if:\`from\`='paid'" sum:price max:page seen paid |
		tail -n +2 | cut -f 1,4- | tr '\t\n' ' |'
}

@test "columns that one of them lacks are null there, and types are the wider" {
	equals "$(ask -W 2d)" "1 2 1 5.00 a|2 1 0  |3 1 0  b|4 0 1 7.00 |"
	equals "$(pf-window -qq -O tsv -W 2d -g id --tag from count paid seen | cut -f 1,4 | tr '\t\n' ' |')" \
		"id count|1 3|2 1|3 1|4 1|"
	# conditions on the tag, on a column of one of them, on one of both
	equals "$(ask -W 2d -w "\`from\`='paid' or page='a'")" "1 1 1 5.00 a|4 0 1 7.00 |"
	equals "$(ask -W 2d -w 'price > 5')" "4 0 1 7.00 |"
	equals "$(ask -W 2d -w 'id = 1')" "1 2 1 5.00 a|"
}

@test "a state of several tables reads only what came, from whichever" {
	equals "$(ask -s st -W 2d)" "$(ask -W 2d)"
	into seen "4 3 \"page\":\"z\""
	equals "$(ask -s st --stats s.json -W 2d)" "3 1 0  b|4 1 1 7.00 z|"
	contains "$(cat s.json)" '"rows_read": 1,'
	into paid '2 2 "price":1' # late, and the day has no other row in this bucket
	equals "$(ask -s st --late=report --stats s.json -W 2d 2> err)" "$(ask -W 2d)"
	contains "$(cat s.json)" '"rows_read": 1,'
	equals "$(pf-window -s st --verify 1 -W 2d -g id --tag from views="count_if:\`from\`='seen'" \
		buys="count_if:\`from\`='paid'" sum:price max:page paid seen 2>&1 > /dev/null)" \
		"pf-window: 3 days are what the table gives, of 8 rows"
	# a condition on the tag, in a state
	equals "$(ask -s only -W 3d -w "\`from\`='paid' or page is null")" \
		"$(ask -W 3d -w "\`from\`='paid' or page is null")"
}

@test "a day that was rewritten in one table is read again from that one only" {
	into seen "1 2"
	ask -s st -W 2d > /dev/null
	pf-put -q --rollback 1 seen # its last commit is undone
	equals "$(ask -s st --stats s.json -W 2d)" "$(ask -W 2d)"
	contains "$(cat s.json)" '"cells_rebuilt": 1,'
	contains "$(cat s.json)" '"files_gone": 1,'
	# compactions of one, appends to the other
	into paid '1 2 "price":1'
	pf-put -q --compact --full paid
	equals "$(ask -s st -W 2d)" "$(ask -W 2d)"
	into paid '1 2 "price":1'
	pf-put -q --compact --full paid
	pf-put -q --rollback 1 paid
	equals "$(ask -s st -W 2d)" "$(ask -W 2d)"
}

@test "copies of one table, whose files are called alike, are two tables" {
	cp -r seen twin
	count() { pf-window -qq -O tsv "$@" --tag from -W 2d n=count seen twin | tail -1 | cut -f 3; }
	equals "$(count)" 8
	equals "$(count -s st)" 8
	into seen "9 2"
	equals "$(count -s st)" 9
	rm -rf twin
	cp -r seen twin
	equals "$(count -s st)" 10
}

@test "what several tables cannot do is said" {
	ask -s st -W 2d > /dev/null
	status 2 pf-window -s st -W 2d -g id --tag from views="count_if:\`from\`='seen'" \
		buys="count_if:\`from\`='paid'" sum:price max:page paid seen paid
	contains "$stderr" "'paid' is given twice"
	cp -r seen other
	status 2 pf-window -s st -W 2d -g id --tag from views="count_if:\`from\`='seen'" \
		buys="count_if:\`from\`='paid'" sum:price max:page paid other
	contains "$stderr" "state 'st' is of 'seen', 'paid': 'other' is not among them"
	status 2 pf-window -W 2d -g page --tag from count seen paid
	contains "$stderr" "'paid' has no column 'page', which is a key"
	status 2 pf-window -W 2d --tag id count seen paid
	contains "$stderr" "'seen' has a column 'id' already"
	table odd 'id: string not null' 'ts: timestamp(3) not null'
	status 2 pf-window -W 2d -g id --tag from count seen odd
	contains "$stderr" "column 'id' of 'odd' is string, elsewhere it is int"
	status 2 pf-window -s s2 -W 2d -g id --tag from count seen odd
	contains "$stderr" "column 'id' of 'odd' is string, elsewhere it is int"
	zone=Europe/Zurich table far 'id: int not null' 'ts: timestamp(3) not null'
	status 2 pf-window -W 2d --tag from count seen far
	contains "$stderr" "the zone of 'far' is Europe/Zurich, that of 'seen' is UTC"
	# without a tag the tables' columns are those of the first
	status 2 pf-window -W 2d max:page seen paid
	contains "$stderr" "column 'ts' of 'paid' is timestamp(6), elsewhere it is timestamp(3)"
	cp seen.yaml less.yaml
	sed -i 's/^table: .*/table: less/; /page/d' less.yaml
	pf-put -q --create less.yaml less
	status 2 pf-window -W 2d max:page seen less
	contains "$stderr" "'less' has no column 'page'"
	status 2 pf-window -s s3 -W 2d max:page seen less
	contains "$stderr" "'less' has no column 'page'"
}

@test "tables without a tag are one table in parts, in a state, too" {
	cp seen.yaml more.yaml
	sed -i 's/^table: .*/table: more/' more.yaml
	pf-put -q --create more.yaml more
	into more "1 2"
	for s in "" "-s st" "-s st"; do
		# shellcheck disable=SC2086
		equals "$(pf-window -qq -O tsv $s -W 2d -g id count seen more | cut -f 1,4 | tr '\t\n' ' |')" \
			"id count|1 3|2 1|3 1|"
	done
	status 2 pf-window -s st -W 2d -g id count seen
	contains "$stderr" "state 'st' is of 'seen', 'more': 'more' is not given"
}

@test "files as a co-group, in a state under a name, and sent again" {
	printf '{"id":%s,"ts":"2013-03-01T12:00:00.000"}\n' 1 2 > views.jsonl
	printf '{"id":%s,"ts":"2013-03-01T13:00:00.000"}\n' 1 1 > clicks.jsonl
	files() {
		pf-window -qq -O tsv -s files --input "$1" --tag from -W 1d -g id v="count_if:\`from\`='views.jsonl'" \
			c="count_if:\`from\`='clicks.jsonl'" -S seen.yaml "${@:2}" | tail -n +2 | cut -f 1,4- | tr '\t\n' ' |'
	}
	equals "$(files friday views.jsonl clicks.jsonl)" "1 1 2|2 1 0|"
	equals "$(files friday clicks.jsonl views.jsonl)" "1 1 2|2 1 0|"
	equals "$(files saturday clicks.jsonl)" "1 1 4|2 1 0|"
	equals "$(files friday clicks.jsonl)" "1 0 4|"
}
