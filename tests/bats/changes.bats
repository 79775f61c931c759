# SPDX-License-Identifier: Apache-2.0
# Change streams of Debezium, Canal and Maxwell: what of a message becomes rows,
# what is told, counted, refused.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage pf-partition pf-pack pf-put pf-query
	users_schema
	cat > changes.json <<-'END'
	{"before":null,"after":{"user_id":1,"event_type":"login","timestamp":"2024-01-01T00:00:00Z"},"op":"r","ts_ms":1}
	{"before":null,"after":{"user_id":2,"event_type":"login","timestamp":"2024-01-01T00:00:01Z"},"op":"c","ts_ms":2}
	{"before":{"user_id":1,"event_type":"login","timestamp":"2024-01-01T00:00:00Z"},"after":{"user_id":1,"event_type":"click","timestamp":"2024-01-01T00:00:02Z"},"op":"u","ts_ms":3}
	{"before":{"user_id":2,"event_type":"login","timestamp":"2024-01-01T00:00:01Z"},"after":{"user_id":3,"event_type":"login","timestamp":"2024-01-01T00:00:01Z"},"op":"u","ts_ms":4}
	{"before":{"user_id":1,"event_type":"click","timestamp":"2024-01-01T00:00:02Z"},"after":null,"op":"d","ts_ms":5}
	null
	END
	want="user_id,event_type,timestamp
3,login,2024-01-01T00:00:01.000"
}

@test "-I debezium-json: staged, loaded, asked in flight" {
	# The definition knows nothing of kinds: the format brings them.
	pf-put -q --create users.yaml $table
	status 0 pf-stage append -S users.yaml -I debezium-json stage changes.json
	contains "$stderr" "stage: 6 rows appended, 0 rejected, 0 duplicate"
	contains "$stderr" "messages that are no rows: 0 schema changes, 1 empty, 0 of other tables"
	equals "$(pf-query -O csv $table stage)" "$want"
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(pf-query -O csv $table)" "$want"
	pf-put -q --verify $table
	# Nothing twice.
	status 0 pf-stage append -S users.yaml -I debezium-json stage changes.json
	contains "$stderr" "0 rows appended, 0 rejected, 6 duplicate"
}

@test "-I debezium-json: without a stage, with input: in the definition" {
	pf-put -q --create users.yaml $table
	pf-partition -S users.yaml -I debezium-json changes.json | pf-pack -q | pf-put -q --append $table
	equals "$(pf-query -O csv $table)" "$want"
	sed -i 's/^columns:/input: {format: debezium-json}\ncolumns:/' users.yaml
	rm -rf $table
	pf-put -q --create users.yaml $table
	pf-partition -S users.yaml < changes.json | pf-pack -q | pf-put -q --append $table
	equals "$(pf-query -O csv $table)" "$want"
	# As rows they have their kinds.
	equals "$(pf-query -S users.yaml -O csv -c user_id,_VALUE_KIND changes.json)" "user_id,_VALUE_KIND
1,0
2,0
1,2
2,3
3,0
1,3"
}

@test "changelog-producer: input: rows as they were before updates are kept, too" {
	sed -i 's/^columns:/options: {changelog-producer: input}\ncolumns:/; s/^buckets: 2/buckets: 1/' users.yaml
	pf-put -q --create users.yaml $table
	pf-stage append -q -S users.yaml -I debezium-json stage changes.json
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(pf-query -O csv $table)" "$want"
	equals "$(pf-query -O csv -c _KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND,event_type $table/bucket-0/changelog-*)" \
		"_KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND,event_type
1,0,0,login
1,2,1,login
1,3,2,click
1,6,3,click
2,1,0,login
2,4,3,login
3,5,0,login"
	pf-put -q --verify $table
	# An update that does not say what was.
	printf '%s\n' '{"before":null,"after":{"user_id":3,"event_type":"x","timestamp":"2024-01-02"},"op":"u"}' > bare.json
	status 3 pf-stage append -S users.yaml -I debezium-json stage bare.json
	contains "$stderr" "the row before the update is not in the message, and the table needs it"
}

@test "a stage without kinds does not take changes" {
	printf '{"user_id":1,"timestamp":"2024-01-01"}\n' > plain.json
	pf-stage append -q -S users.yaml stage plain.json
	status 2 pf-stage append -I debezium-json stage changes.json
	contains "$stderr" "the definition has no kinds of rows"
	sed '/primary_key/d; s/^table/id: user_id\ntable/' users.yaml > none.yaml
	status 2 pf-stage append -S none.yaml -I canal-json other changes.json
	contains "$stderr" "a change stream updates and deletes rows: 'primary_key' is missing"
}

@test "pf-stage schema guesses nothing from changes" {
	status 2 pf-stage schema -I debezium-json changes.json
	contains "$stderr" "nothing is guessed from debezium-json"
}

@test "what does not fit: its file, line, byte; the others go on" {
	{
		head -2 changes.json
		echo '{"before":null,"after":{"user_id":"x"},"op":"c"}'
		echo '{"before":null,"after":null,"op":"t"}'
		echo '{"op":"d","before":null}'
		echo '{"after":'
		tail -2 changes.json
	} > some.json
	status 3 pf-stage append -S users.yaml -I debezium-json stage some.json
	contains "$stderr" "some.json:3: byte 226, column 'user_id': 'x' is not an integer"
	rm -rf stage
	status 0 pf-stage append -S users.yaml -I debezium-json --rejects bad.json stage some.json
	contains "$stderr" "3 rows appended, 4 rejected, 0 duplicate"
	equals "$(cut -c1-72 bad.json)" '{"file": "some.json", "line": 3, "byte": 226, "code": "PF3004", "column"
{"file": "some.json", "line": 4, "byte": 275, "code": "PF3003", "column"
{"file": "some.json", "line": 5, "byte": 313, "code": "PF3003", "column"
{"file": "some.json", "line": 6, "byte": 338, "code": "PF3013", "column"'
	contains "$(sed -n 2p bad.json)" "the table was truncated, which rows cannot say"
	contains "$(sed -n 3p bad.json)" "'before' is missing"
	contains "$(sed -n 3p bad.json)" '"row": "{\"op\":\"d\",\"before\":null}"'
}

@test "schema changes are told and counted, a new column once" {
	cat > canal.json <<-'END'
	{"data":[{"user_id":"1","event_type":"a","timestamp":"2024-01-01 00:00:00"}],"database":"d","table":"users","type":"INSERT","old":null,"isDdl":false}
	{"data":null,"database":"d","table":"users","type":"ALTER","isDdl":true,"sql":"ALTER TABLE users ADD colour INT"}
	{"data":[{"user_id":"2","event_type":"a","timestamp":"2024-01-01 00:00:00","colour":"7"}],"database":"d","table":"users","type":"INSERT","old":null,"isDdl":false}
	{"data":[{"user_id":"3","event_type":"a","timestamp":"2024-01-01 00:00:00","colour":"7"}],"database":"d","table":"users","type":"INSERT","old":null,"isDdl":false}
	{"data":null,"database":"d","table":"other","type":"ERASE","isDdl":true,"sql":"DROP TABLE other"}
	END
	status 0 pf-stage append -S users.yaml -I canal-json stage canal.json
	contains "$stderr" "warning: canal.json:2: byte 150: the schema of 'd.users' was changed: 'ALTER TABLE users ADD colour INT'"
	contains "$stderr" "warning: canal.json:3: byte 264: rows have a column 'colour' that the definition lacks: its values are left out"
	equals "$(grep -c colour <<< "$stderr")" 2
	contains "$stderr" "messages that are no rows: 2 schema changes, 0 empty, 0 of other tables"
	sed -i 's/^columns:/input: {format: canal-json, table: users}\ncolumns:/' users.yaml
	status 0 pf-stage append -S users.yaml one canal.json
	contains "$stderr" "messages that are no rows: 1 schema changes, 0 empty, 1 of other tables"
	lacks "$stderr" "DROP TABLE"
}

@test "a grown file: what was not staged, and only that" {
	head -3 changes.json > log
	pf-stage append -q -S users.yaml -I debezium-json stage log
	head -4 changes.json | tail -1 | head -c 50 >> log
	run --separate-stderr pf-stage append -S users.yaml -I debezium-json stage log
	contains "$stderr" "50 bytes wait at the end"
	cp changes.json log
	status 0 pf-stage append -S users.yaml -I debezium-json stage log
	contains "$stderr" "3 rows appended, 0 rejected, 3 duplicate"
	pf-put -q --create users.yaml $table
	equals "$(pf-query -O csv $table stage)" "$want"
}

@test "pf-window takes rows as they are, not their changes" {
	pf-put -q --create users.yaml $table
	pf-stage append -q -S users.yaml -I debezium-json stage changes.json
	status 2 pf-window -W 1d -g user_id count stage
	contains "$stderr" "'stage' has changes of rows, not rows"
	equals "$(pf-window -O csv -W 1d -g user_id count $table stage)" "user_id,window_start,window_end,count
3,2024-01-01,2024-01-02,1"
	pf-stage read stage --after $table | pf-partition | pf-pack -q |
		pf-index -q --bloom event_type | pf-put -q $table
	equals "$(pf-query -O csv $table)" "$want"
	equals "$(pf-window -O csv -W 1d -g user_id count $table)" "user_id,window_start,window_end,count
3,2024-01-01,2024-01-02,1"
}
