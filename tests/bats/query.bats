# SPDX-License-Identifier: Apache-2.0
# pf-query: answers, and what it says when there is none.

load helpers

setup_file()
{
	cd "$BATS_FILE_TMPDIR" || return 1
	cp "$PF_ROOT"/tests/data/examples/* .
	pf-put -q --create events.yaml t
	pf-stage append -q -S events.yaml s events.jsonl
	pf-stage read s --after t | pf-partition | pf-pack -qq | pf-put -q t
	pf-stage append -q s more.jsonl
}

setup()
{
	cd "$BATS_FILE_TMPDIR" || return 1
}

rows()
{
	pf-query -O tsv "$@" | tail -n +2
}

@test "a damaged file is named once, with the table's place; a position beyond the last" {
	cp -r t damaged
	: > "$(ls damaged/dt=2024-01-31/bucket-1/*.parquet)"
	status 3 pf-query damaged
	equals "$(grep -o 'parquet' <<< "$stderr" | wc -l)" 1
	contains "$stderr" "damaged/dt=2024-01-31/bucket-1/"
	contains "$stderr" "too short for a Parquet file (PF3011)"
	status 2 pf-query t -c 'ts,#9'
	contains "$stderr" "no column matches '#9' in --columns (PF2042)"
	equals "$(pf-query t -c '#2-#3' -n 0)" $'ts\tevent'
	status 2 pf-query t --between 1 -n 3
	contains "$stderr" "option '--between' needs FROM TO"
}

@test "an empty file of a definition that names its format has no rows; an empty pipe was cut" {
	small_schema
	: > empty.csv
	sed 's/^columns/input: {format: csv}\ncolumns/' schema.yaml > csv.yaml
	status 0 pf-query -S csv.yaml empty.csv -c user_id
	equals "$output" user_id
	pf-partition -S csv.yaml empty.csv | pf-query -c user_id > rows
	equals "$(cat rows)" user_id
	status 3 pf-query -S schema.yaml empty.csv
	status 3 pf-query -S csv.yaml < empty.csv
	status 3 pf-partition -S csv.yaml < empty.csv
	status 0 pf-query -S schema.yaml -I csv empty.csv
}

@test "an entity's history is in time order, stored and in flight" {
	equals "$(rows t s --id 42 -c ts,event)" "$(printf '%s\t%s\n' \
		2024-01-31T10:00:00.120 view 2024-01-31T10:02:30.500 buy \
		2024-02-01T08:15:00.000 view 2024-02-01T11:30:00.000 buy)"
	equals "$(rows s t --id 42 -c ts | tail -1)" 2024-02-01T11:30:00.000
	equals "$(rows t s --id 7 -c user_id | uniq)" 7
	equals "$(rows t --id 42,7 -c user_id,ts | cut -f 1 | tr '\n' ' ')" "42 7 42 42 7 "
	equals "$(rows t --id 42 --order-by 'ts desc' -n 1 -c ts)" 2024-02-01T08:15:00.000
}

@test "since and until are half open, in every spelling" {
	equals "$(rows t --since 2024-01-31T10:00:01 --until 2024-02-01T08:15 -c 'count()')" 3
	equals "$(rows t --since 2024-02-01 -c 'count()')" 2
	equals "$(rows t --until 2024-01-31T11:00:01+01:00 -c 'count()')" 1
	equals "$(rows t --since @1706774400 --until @1706774400.5 -c 'count()')" 0
	equals "$(rows t --since @1706695350.5 --until @1706695350.501 -c 'count()')" 1
	equals "$(rows t --since 1d -c 'count()')" 0
	equals "$(rows t --until now -c 'count()')" 6
	# Columns of seconds and of days.
	local type ts
	for type in 'timestamp(0)' 'timestamp_ltz(0)' 'timestamp(2)' date; do
		printf '%s\n' 'table: e' 'id: k' 'time: ts' 'partition: month' 'buckets: 1' \
			'columns:' '  k: int not null' "  ts: $type not null" > coarse.yaml
		ts=T00:00:00Z
		[ "$type" != date ] || ts=
		printf '{"k":%d,"ts":"%s"}\n' 1 1969-12-31$ts 2 1970-01-01$ts 3 1970-01-02$ts > coarse.jsonl
		ask() { rows -S coarse.yaml -I jsonl coarse.jsonl -c k "$@" | tr '\n' ' '; }
		equals "$type $(ask --since 1970-01-01)" "$type 2 3 "
		equals "$type $(ask --since 1969-12-31T23:59:59.999)" "$type 2 3 "
		equals "$type $(ask --since 1970-01-01T00:00:00.001)" "$type 3 "
		equals "$type $(ask --until 1970-01-01)" "$type 1 "
		equals "$type $(ask --until 1970-01-01T00:00:00.001)" "$type 1 2 "
		equals "$type $(ask --until 1969-12-30T23:59:59.999)" "$type "
		equals "$type $(ask --since 2h)" "$type "
		equals "$type $(ask --until now)" "$type 1 2 3 "
	done
	status 2 pf-query t --since yesterday
	contains "$stderr" "'yesterday' is not a time, in --since"
}

@test "--tz: times are read and printed in another zone; conditions keep to the table's" {
	printf '%s\n' 'table: z' 'id: k' 'time: ts' 'zone: Europe/Zurich' 'partition: day' 'buckets: 1' \
		columns: '  k: int not null' '  ts: timestamp_ltz(0) not null' '  w: timestamp(0)' > zurich.yaml
	printf '{"k":%d,"ts":"2024-%s","w":"2024-%s"}\n' 1 07-01T00:30:00Z 07-01T02:30:00 \
		2 07-01T12:00:00Z 07-01T14:00:00 > zurich.jsonl
	ask() { rows -S zurich.yaml zurich.jsonl "$@" | tr '\t\n' ' ,'; }
	equals "$(ask -c ts,w -n 1)" "2024-07-01T02:30:00+02:00 2024-07-01T02:30:00,"
	equals "$(ask -c ts,w -n 1 --tz America/New_York)" "2024-06-30T20:30:00-04:00 2024-07-01T02:30:00,"
	equals "$(ask -c ts -n 1 --tz UTC -O csv)" "2024-07-01T00:30:00Z,"
	equals "$(ask -c k --tz America/New_York --since 2024-07-01)" "2,"
	equals "$(ask -c k --tz America/New_York --since 2024-07-01T00:30:00Z)" "1,2,"
	equals "$(ask -c k -t w --tz +05:30 --until 2024-07-01T06:00)" ""
	equals "$(ask -c k -t w --tz +05:30 --until 2024-07-01T06:00:01)" "1,"
	equals "$(ask -c 'hour(ts)' --tz UTC -w "ts < '2024-07-01T02:31:00'")" "2,"
	pf-put -q --create zurich.yaml z
	pf-partition -S zurich.yaml zurich.jsonl | pf-pack -qq | pf-put -q --append z
	local made
	made=$(rows --snapshots z --tz +09:00 | cut -f 2)
	contains "$made" +09:00
	equals "$(rows z --as-of "$made" -c 'count()')" 2
	equals "$(rows z --as-of "${made%+*}" --tz +09:00 -c 'count()')" 2
	status 2 pf-query z --as-of "${made%+*}" --tz +10:00
	contains "$stderr" "has no snapshot that old"
	status 2 pf-query z --tz Mars/Olympus
	contains "$stderr" "--tz: unknown time zone 'Mars/Olympus' (PF2001)"
}

@test "columns: names, ranges, globs, positions, exclusions, expressions" {
	header() { pf-query -O tsv t -n 0 -c "$1" | tr '\t' ' '; }
	equals "$(header ts,user_id)" "ts user_id"
	equals "$(header ts-price)" "ts event price"
	equals "$(header 'e*,#1')" "event user_id"
	equals "$(header -dt)" "user_id ts event price"
	equals "$(header '-d*,-#2')" "user_id event price"
	equals "$(header 'p=price*2,price * 3 as q,price - 1')" "p q price - 1"
	status 2 pf-query t -c 'x*'
	contains "$stderr" "no column matches 'x*'"
}

@test "aggregates are exact and see nulls as SQL does" {
	equals "$(rows t -c 'count(),count(price),sum(price),min(ts),max(user_id),avg(price),distinct(user_id)')" \
		"$(printf '6\t2\t25.4\t2024-01-31T10:00:00.120\t1001\t12.7\t3')"
	equals "$(rows t -w false -c 'count(),sum(price),max(ts)')" "$(printf '0\t\t')"
	equals "$(rows t -g user_id -c 'first(event),last(event),n=count()' --order-by user_id | tail -1)" \
		"$(printf '1001\tview\tview\t1')"
	equals "$(rows t -g 'd=date(ts)' --order-by d | tr '\t\n' '  ')" "2024-01-31 4 2024-02-01 2 "
	status 3 pf-query t -c 'sum(9223372036854775807)'
	contains "$stderr" "does not fit"
	status 2 pf-query t -g user_id -c event
	contains "$stderr" "'event' is neither an aggregate nor a key of --group-by"
	status 2 pf-query t -c 'sum(event)'
	contains "$stderr" "sum(event) needs numbers, this is string"
}

@test "expressions over aggregates and keys" {
	equals "$(rows t -c 'sum(price)*2')" 50.8
	equals "$(rows t -c 'sum(price)/count(), round(avg(price),1) as a,n=count( * )+1,max(user_id)')" \
		"$(printf '4.233333333333333\t12.7\t7\t1001')"
	equals "$(pf-query t -O tsv -c 'count()+1,min(user_id),x=-count(price)' | tr '\t\n' '  ')" \
		"count()+1 min(user_id) x 7 7 -2 "
	equals "$(rows t -g user_id -c 'user_id,user_id+1,count()*10,total=sum(price),total*2' \
		--order-by 'count()*10 desc,user_id' | tr '\t\n' ' ,')" \
		"42 43 30 19.9 39.8,7 8 20 5.5 11,1001 1002 10  ,"
	equals "$(rows t -w false -c "coalesce(sum(price),0)+count(), concat('count(', ')')=='count()'")" "$(printf '0\ttrue')"
	equals "$(rows t -g event -c "if(count()>2,'many','few')" --order-by event | tr '\t\n' '  ')" "buy few view many "
	status 2 pf-query t -c 'sum(price)*user_id'
	contains "$stderr" "'user_id' is neither an aggregate nor a key of --group-by"
	status 2 pf-query t -c 'sum(nothing)+1'
	contains "$stderr" "unknown column 'nothing'"
	status 2 pf-query t -c 'sum(sum(price))+1'
	contains "$stderr" "unknown function 'sum'"
	status 2 pf-query t -c 'cuont()'
	contains "$stderr" "unknown function 'cuont' in --columns (PF2043)"
	contains "$stderr" "did you mean 'count'?"
	status 2 pf-query t -c 'lenght(event)'
	contains "$stderr" "did you mean 'length'?"
	status 2 pf-query t -c 'avg()+1'
	contains "$stderr" "avg() of what"
	status 2 pf-query t -c 'sum(*)+1'
}

@test "json() reaches into nested JSON that was staged as text" {
	printf '%s\n' 'table: j' 'id: k' 'time: ts' 'partition: none' 'buckets: 1' columns: \
		'  k: int not null' '  ts: date not null' '  payload: string' > nested.yaml
	printf '%s\n' '{"k": 1, "ts": "2024-01-01", "payload": {"who": {"name": "J\u00f6rg \"J\""}, "n": [3, 4.5]}}' \
		'{"k": 2, "ts": "2024-01-02", "payload": {"who": null, "n": []}}' '{"k": 3, "ts": "2024-01-03"}' > nested.jsonl
	equals "$(rows -S nested.yaml nested.jsonl -c "k,json(payload,'who.name'),json(payload,'n.1'),json(payload,'who')" | head -1)" \
		"$(printf '1\tJ\303\266rg "J"\t4.5\t{"name":"J\\\\u00f6rg \\\\"J\\\\""}')"
	equals "$(rows -S nested.yaml nested.jsonl -w "json(payload,'n.0') is null" -c k | tr '\n' ' ')" "2 3 "
	equals "$(rows -S nested.yaml nested.jsonl -c "sum(double(json(payload,'n.1')))*2")" 9
}

@test "--json-ints=string: for readers that take numbers for doubles" {
	equals "$(pf-query t -O jsonl --id 1001 -c user_id,price --json-ints=string)" '{"user_id":"1001","price":null}'
	equals "$(pf-query t -O json --id 1001 -c user_id,big=9223372036854775807 --json-ints string | tr -d '\n ')" \
		'[{"user_id":"1001","big":"9223372036854775807"}]'
	equals "$(pf-query t -O jsonl --id 1001 -c user_id)" '{"user_id":1001}'
	status 2 pf-query t --json-ints=text
}

@test "order: several keys, descending, nulls, stable" {
	equals "$(rows t -c price --order-by 'price desc' | tr '\n' ,)" "19.9,5.5,,,,,"
	equals "$(rows t -c price --order-by 'price nulls first' | tr '\n' ,)" ",,,,5.5,19.9,"
	equals "$(rows t -c user_id,ts --order-by 'event, user_id desc' -n 2 | cut -f 1 | tr '\n' ,)" "42,7,"
	equals "$(rows t -c user_id --order-by 'hour(ts) desc, user_id' --offset 1 -n 2 | tr '\n' ,)" "7,42,"
}

@test "wrong questions are refused before the first row, pointing at the place" {
	status 2 pf-query t -w 'prise > 10'
	equals "$output" ""
	contains "$stderr" "unknown column 'prise' in --where (PF2042)"
	contains "$stderr" $'prise > 10\n^^^^^\n'
	contains "$stderr" "hint: did you mean 'price'?"
	status 2 pf-query t -w 'event = 5'
	contains "$stderr" "string cannot be compared with bigint in --where (PF2041)"
	status 2 pf-query t -w 'price >'
	contains "$stderr" "a value is missing at the end in --where (PF2040)"
	status 2 pf-query t -c 'lenght(event)'
	contains "$stderr" "did you mean 'length'?"
	status 2 pf-query t --id forty-two
	contains "$stderr" "--id: 'forty-two' is no bigint"
	status 2 pf-query t --group-by usr_id
	contains "$stderr" "did you mean 'user_id'?"
	status 2 pf-query t --order-by nothing
	contains "$stderr" "unknown column 'nothing' in --order-by"
}

@test "a value that cannot be computed is an error only where it matters" {
	status 3 pf-query t -c '1 / (user_id - 7)'
	contains "$stderr" "division by zero in --columns (PF3040)"
	contains "$stderr" "nullif(x, 0)"
	equals "$(rows t -w 'user_id <> 7 and 35 / (user_id - 7) = 1' -c 'count()')" 3
	equals "$(rows t --id 42 -w '35 / (user_id - 7) = 1' -c 'count()')" 3
}

@test "operands: what cannot be read or mixed is said" {
	status 2 pf-query events.jsonl
	contains "$stderr" "'events.jsonl' is text: a schema is needed"
	status 4 pf-query nowhere
	contains "$stderr" "cannot open 'nowhere': No such file"
	mkdir -p empty
	status 2 pf-query empty
	contains "$stderr" "neither a table nor a stage"
	status 2 pf-query t s --snapshot 1
	contains "$stderr" "cannot be combined with a stage"
	status 2 pf-query t --as-of 2020-01-01
	contains "$stderr" "has no snapshot that old"
	status 2 pf-query t --snapshot 99
	contains "$stderr" "has no snapshot 99"
	printf 'table: o\nid: user_id\ntime: ts\npartition: none\nbuckets: 1\ncolumns:\n  user_id: string not null\n  ts: timestamp(3) not null\n  event: string\n  price: double\n' > other.yaml
	status 2 pf-query -S other.yaml t events.jsonl
	contains "$stderr" "column 'user_id' of"
	status 3 pf-query - < /dev/null
	contains "$stderr" "PF3001"
}

@test "mixed operands that share a schema are one answer" {
	part=$(find t/dt=2024-01-31 -name '*.parquet' | head -1)
	cp "$part" part.parquet
	equals "$(rows t s -c 'count()')" 7
	equals "$(rows -S events.yaml events.jsonl more.jsonl -c 'count()')" 7
	equals "$(pf-query s -O arrow | pf-query -S events.yaml -O tsv - more.jsonl -c 'count()' | tail -1)" 8
	n=$(rows part.parquet -c 'count()')
	equals "$(rows t part.parquet -c 'count()')" "$((6 + n))"
}

@test "several tables: each is pruned by its own columns' numbers and types" {
	local i name
	table() { # NAME ID COLUMN COLUMN
		printf '%s\n' "table: $1" 'id: id' 'time: ts' 'partition: day' 'buckets: 5' 'columns:' \
			"  id: $2 not null" '  ts: timestamp(3) not null' "  $3: int" "  $4: int" > "$1.yaml"
		pf-put -q --create "$1.yaml" "$1"
		for i in 1 2 3 4 5 6 7 8 9; do
			printf '{"id":%d,"ts":"2024-01-01T00:00:00","a":%d,"b":%d}\n' "$i" "$((100 + i))" "$i"
		done | pf-partition -S "$1.yaml" -I jsonl | pf-pack -qq | pf-put -q --append "$1"
	}
	table wide bigint a b
	table narrow int b a
	for i in 1 2 3 4 5 6 7 8 9; do
		equals "$(pf-query -O tsv -c a,b --id "$i" ./wide ./narrow | tail -n +2)" \
			"$(printf '%d\t%d\n%d\t%d' $((100 + i)) "$i" $((100 + i)) "$i")"
		equals "$(pf-query -O tsv -c 'count()' --where "a >= 100 + $i" ./wide ./narrow | tail -1)" $((2 * (10 - i)))
	done
	# what the first has cannot be narrower than what the others have
	status 2 pf-query --id 1 ./narrow ./wide
	contains "$stderr" "column 'id' of './wide' is bigint, elsewhere it is int"
}

@test "exit status says whether there was a row" {
	status 0 pf-query t --id 42 --exit-status
	status 1 pf-query t --id 43 --exit-status
	equals "$stderr" ""
}

@test "snapshots and time travel" {
	cp -r t t2
	pf-stage read s --after t2 | pf-partition | pf-pack -qq | pf-put -q t2
	equals "$(rows --snapshots t2 | cut -f 1,3,4,5 | tr '\t\n' '  ')" "1 APPEND 6 6 2 APPEND 7 1 "
	equals "$(rows t2 -c 'count()')" 7
	equals "$(rows t2 --snapshot 1 -c 'count()')" 6
	equals "$(rows t2 s -c 'count()')" 7
	before=$(rows --snapshots t2 | head -1 | cut -f 2)
	equals "$(rows t2 --as-of "$before" -c 'count()')" 6
	equals "$(rows --files t2 | awk -F '\t' '{ n += $4 } END { print n }')" 7
	equals "$(rows --schema t | cut -f 1,4 | tr '\t\n' '  ')" "user_id id ts time event  price  dt partition "
}

@test "lists are printed whole: what is about rows is refused beside them" {
	local list
	for list in --files --snapshots --schema; do
		status 2 pf-query t $list -n 1
		contains "$stderr" "options '$list' and '--limit' exclude each other (PF2001)"
		status 2 pf-query t $list -w 'rows > 1'
		status 2 pf-query t -c ts $list
	done
	equals "$(pf-query --snapshots t -O arrow | rows -c 'max(snapshot)')" 1
}

@test "entities of several pages, and other columns of their rows" {
	printf '%s\n' 'table: p' 'id: k' 'time: ts' 'partition: none' 'buckets: 1' columns: \
		'  k: int not null' '  ts: timestamp(0) not null' '  name: string' > pages.yaml
	pf-put -q --create pages.yaml p
	seq 1 200000 | awk 'BEGIN { print "k,ts,name" } { print $1 ",2024-01-01,name of " $1 }' |
		pf-partition -S pages.yaml -I csv | pf-pack -q | pf-put -q --append p
	equals "$(rows p --id 5,99999,190000 -c name | tr '\n' ,)" "name of 5,name of 99999,name of 190000,"
	contains "$(pf-query p --explain --id 5,99999,190000)" "page index: "
	lacks "$(pf-query p --explain --id 5,99999,190000)" "page index: 0 "
}

@test "a file of the newest snapshot that is lost is damage, never an answer" {
	local file
	cp -r t lost
	file=$(find lost -name '*.parquet' | sort | head -1)
	rm "$file"
	status 3 pf-query lost -c 'count()'
	equals "$output" ""
	contains "$stderr" "file '${file#lost/}' of snapshot 1 is gone (PF3020)"
}

@test "explain tells what was skipped, and prunes by partition, bucket, statistics" {
	out=$(pf-query t --explain -w "dt = '2024-02-01'")
	contains "$out" "by partition"
	lacks "$out" "skipped: 0 by partition"
	out=$(pf-query t --explain --id 123456)
	contains "$out" "result      0 rows"
	lacks "$(pf-query t --explain --no-prune --id 42)" "skipped: 1"
}

@test "a Parquet file through a pipe, packed, or on stdin" {
	local file
	file=$(find t -name '*.parquet' | head -1)
	pf-query "$file" > direct
	[ "$(wc -l < direct)" -gt 1 ]
	# shellcheck disable=SC2002
	cat "$file" | pf-query | cmp - direct
	pf-query < "$file" | cmp - direct
	gzip -c "$file" > packed.gz
	pf-query packed.gz | cmp - direct
	# shellcheck disable=SC2002
	cat packed.gz | pf-query - | cmp - direct
	head -c 500 "$file" > torn
	status 3 pf-query - < torn
	contains "$stderr" "'stdin': not a Parquet file"
}

@test "groups and distinct values beyond the memory change nothing" {
	{
		echo user_id,ts,event,price
		seq 1 100000 | awk '{ printf "%d,2024-01-01T00:%02d:%02d,%s,%d\n", $1 * 7919 % 50021, $1 % 60, $1 * 7 % 60, "event number " ($1 * 31 % 20011) " of many", $1 % 977 }'
	} > many.csv
	local ask
	for ask in '-g user_id -c count(),sum(price),min(event),first(price),last(event),distinct(event)' \
		'-g event,user_id -c count()' '-g price%10 -c distinct(user_id),distinct(event)' \
		'-c distinct(user_id),distinct(event),distinct(price),count()'; do
		# shellcheck disable=SC2086
		pf-query -S events.yaml -I csv many.csv -O csv $ask --memory 1Gi | sort > big
		# shellcheck disable=SC2086
		pf-query -S events.yaml -I csv many.csv -O csv $ask --memory 1Mi | sort > small
		cmp big small
	done
	equals "$(tail -1 small)" 'distinct(user_id),distinct(event),distinct(price),count'
	equals "$(head -1 small)" 50021,20011,977,100000
	equals "$(rows -S events.yaml -I csv many.csv --id 7 -c 'min(user_id),max(user_id),count()' | tr '\t' ' ')" "7 7 2"
	# Ordered, it is the same to the byte.
	pf-query -S events.yaml -I csv many.csv -g user_id -c 'sum(price)*2' --order-by user_id --memory 1Gi > big
	pf-query -S events.yaml -I csv many.csv -g user_id -c 'sum(price)*2' --order-by user_id --memory 1Mi > small
	cmp big small
	equals "$(wc -l < small)" 50022
	# Values that grow are another matter.
	local i text
	text=$(printf %0120000d 0)
	for i in $(seq 20); do
		printf '{"user_id": %d, "ts": "2024-01-01T00:00:00", "event": "%s"}\n' "$i" "$text"
	done > long.jsonl
	status 4 pf-query -S events.yaml long.jsonl -g user_id -c 'last(event)' --memory 1Mi
	contains "$stderr" "--memory raises the bound"
}

@test "files are left out by the bounds of floats, which NaN takes away" {
	printf '%s\n' 'table: f' 'id: k' 'time: ts' 'partition: none' 'buckets: 1' columns: \
		'  k: int not null' '  ts: timestamp(0) not null' '  f: float' '  d: double' '  b: bytes' > floats.yaml
	pf-put -q --create floats.yaml f
	load() { pf-partition -S floats.yaml -I csv | pf-pack -qq | pf-put -q --append f; }
	printf '%s\n' k,ts,f,d,b 1,2024-01-01,1,-0.5,01 2,2024-01-01,2.5,7,02 | load
	printf '%s\n' k,ts,f,d,b 3,2024-01-01,10,100,01 4,2024-01-01,,120.25,03 | load
	printf '%s\n' k,ts,f,d,b 5,2024-01-01,50,nan,01 6,2024-01-01,60,500,01 | load
	read_files() { pf-query f --explain -w "$1" | sed -n 's/^ *files *\([0-9]*\) of.*/\1/p'; }
	asked() { echo "$(read_files "$1") $(rows f -w "$1" -c k | tr '\n' ' ')"; }
	equals "$(asked 'f = 2.5')" "1 2 "
	equals "$(asked 'f between 5 and 20')" "1 3 "
	equals "$(asked 'f < 1.5')" "1 1 "
	equals "$(asked 'd < 0')" "2 1 "
	equals "$(asked 'd between 110 and 130')" "2 4 "
	equals "$(asked 'd > 400')" "3 5 6 "
	equals "$(asked 'd = 500')" "1 6 "
	equals "$(asked "d = double('nan')")" "3 5 "
	pf-put -q --verify f
}

@test "no room for what waits while it is sorted: exit 4, and where" {
	[ "$(id -u)" = 0 ] || skip "mounting a small file system needs root"
	mkdir tiny
	mount -t tmpfs -o size=300k none tiny 2> /dev/null || skip "no mount here"
	seq 1 60000 | awk '{ printf "{\"user_id\": %d, \"ts\": \"2024-01-01T00:00:00\", \"event\": \"e\"}\n", $1 * 7919 % 60000 }' > shuffled.jsonl
	TMPDIR=$PWD/tiny run --separate-stderr pf-query -S events.yaml shuffled.jsonl --order-by user_id --memory 1Mi
	local left
	left=$(ls -A tiny)
	umount tiny
	equals "$status $output" "4 "
	contains "$stderr" "cannot write a temporary file in '$PWD/tiny': No space left on device"
	equals "$left" ""
}

@test "spilling a sort changes nothing" {
	seq 1 60000 | awk '{ printf "{\"user_id\": %d, \"ts\": \"2024-01-01T00:00:00\", \"event\": \"%s\", \"price\": %d}\n", $1, "e" ($1 * 7919 % 1000), $1 % 977 }' > many.jsonl
	pf-query -S events.yaml many.jsonl --order-by 'price desc, event' -O csv > big
	pf-query -S events.yaml many.jsonl --order-by 'price desc, event' -O csv --memory 1Mi > small
	cmp big small
	pf-query -S events.yaml many.jsonl --order-by price -O csv > big.ties
	pf-query -S events.yaml many.jsonl --order-by price -O csv --memory 1Mi | cmp - big.ties
	equals "$(sort -t , -k 4,4nr -k 3,3 -s <(tail -n +2 big) | cmp - <(tail -n +2 big))" ""
	pf-query -S events.yaml many.jsonl --order-by 'price desc, event' -O csv -n 100 | cmp - <(head -101 big)
}

@test "X19: an answer never mixes two states while loads go on" {
	mkdir race && cd race
	seq 1 4000 | awk '{ printf "{\"user_id\": %d, \"ts\": \"2024-01-%02dT00:00:00\", \"event\": \"x%d\", \"price\": 1}\n", $1 % 50, $1 % 28 + 1, $1 }' > rows.jsonl
	pf-put -q --create ../events.yaml t
	split -l 250 rows.jsonl part.
	for part in part.*; do
		pf-stage append -q -S ../events.yaml --segment-size 8Ki s $part
	done
	(
		for _ in 1 2 3 4 5 6 7 8; do
			pf-stage read s --after t -n 500 | pf-partition | pf-pack -qq | pf-put -q t
			pf-stage trim -q s --consumer t --grace 0s
		done
	) &
	loader=$!
	asked=0
	while kill -0 $loader 2> /dev/null || [ $asked -lt 5 ]; do
		equals "$(rows t s -c 'count(),sum(price)')" "$(printf '4000\t4000')"
		equals "$(rows t s --id 7 -c 'count()')" 80
		asked=$((asked + 1))
	done
	wait $loader
	equals "$(rows t -c 'count()')" 4000
	[ "$(rows s -c 'count()')" -lt 4000 ] # what was loaded was trimmed
}

@test "rows leave before the next ones are waited for" {
	mkfifo pipe
	pf-query -S events.yaml -I jsonl pipe -c event -O tsv > out &
	exec 9> pipe
	printf '{"user_id": 1, "ts": "2024-01-01T00:00:00", "event": "early", "price": 1}\n' >&9
	until_true grep -q early out
	exec 9>&-
	wait
}
