# SPDX-License-Identifier: Apache-2.0
# Change streams and kinds of rows by way of a topic: librdkafka's mock cluster.
load helpers

setup_file()
{
	mock_cluster 8
}

teardown_file()
{
	end_mock_cluster
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage pf-partition pf-pack pf-put pf-query
	mock_topic
	cp "$PF_ROOT"/tests/data/examples/members.* .
	want="id,name,credit
1,Ada,4.00"
}

@test "a topic that Debezium writes: rows, tombstones, another key, a bad message" {
	command -v kcat > /dev/null || skip "no kcat"
	{
		sed 's/^/k|/' members.json
		printf '%s\n' 'k|' 'k|{"op":"c","after":{"id":7,"hue":1},"ts_ms":1706695204000}' \
			'k|{"op":"u","before":{"id":7},"after":{"id":8,"hue":1},"ts_ms":1706695205000}' 'k|{"op":"t"}'
	} | kcat -P -b "$SERVERS" -t t1 -p 0 -K '|' -Z -q
	printf '%s' '{"op": "c",
 "after": {"id": 9}, "ts_ms": 1706695206000}' > multi
	kcat -P -b "$SERVERS" -t t1 -p 0 -q multi
	pf-put -q --create members.yaml wh
	status 3 pf-stage read -S members.yaml "$TOPIC" --after wh -o rows
	contains "$stderr" "topic 't1', partition 0, offset 7: the table was truncated"
	run --separate-stderr bash -c "pf-stage read -v -S members.yaml '$TOPIC' --after wh --rejects bad.jsonl |
		pf-partition | pf-pack -q | pf-put -q wh"
	equals "$status" 0
	contains "$stderr" "partition 0, offset 5: rows have a column 'hue' that the definition lacks"
	equals "$(grep -c hue <<< "$stderr")" 1
	contains "$stderr" "10 rows in = 8 read + 1 rejected + 0 duplicate + 1 filtered"
	equals "$(cut -c1-60 bad.jsonl)" '{"topic": "t1", "partition": 0, "offset": 7, "code": "PF3003'
	equals "$(pf-query -O csv -c id,name,credit wh --order-by id)" "$want
8,,
9,,"
	# Nothing is left, and nothing comes twice.
	pf-stage read -qq -S members.yaml "$TOPIC" --after wh --rejects bad.jsonl | pf-partition | pf-pack -q | pf-put -q wh
	equals "$(pf-query -O csv -c 'count(*) as n' wh)" "n
3"
}

@test "kinds survive a topic, as Arrow and as one row a message" {
	pf-stage append -q -S members.yaml "$TOPIC?partitions=4" members.json
	pf-put -q --create members.yaml wh
	equals "$(pf-query -O csv -c id,name,credit wh "$TOPIC")" "$want"
	pf-stage read -q "$TOPIC" --after wh | pf-partition | pf-pack -q | pf-put -q wh
	equals "$(pf-query -O csv -c id,name,credit wh)" "$want"
	url="kafka://$SERVERS/t5?partitions=4&payload=json"
	pf-stage append -q -S members.yaml "$url" members.json
	pf-put -q --create members.yaml wj
	pf-stage read -q -S members.yaml "$url" --after wj | pf-partition | pf-pack -q | pf-put -q wj
	equals "$(pf-query -O csv -c id,name,credit wj)" "$want"
}
