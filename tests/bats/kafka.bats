# SPDX-License-Identifier: Apache-2.0
# A topic as a stage, as far as librdkafka's mock cluster can show it: it
# duplicates in spite of idempotence, which is good for us here, and keeps no
# order of transactions, no retention, no security (tests/conform/kafka.sh asks
# a real broker).
load helpers

setup_file()
{
	mock_cluster 40
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
	cat > schema.yaml <<-'END'
	table: numbers
	id: id
	time: ts
	buckets: 4
	partition: day
	columns:
	  id: bigint not null
	  ts: timestamp(3) not null
	  n: int
	END
	pf-put -q --create schema.yaml wh
}

# numbers FROM TO: rows FROM .. TO - 1 as JSON lines
numbers()
{
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i < to; i++)
			printf "{\"id\": %d, \"ts\": \"2024-01-%02dT00:00:%02d\", \"n\": %d}\n",
				i % 97, 1 + i % 3, i % 60, i
	}'
}

# Load what the table does not have yet.
load_table()
{
	pf-stage read "$@" --after wh | pf-partition | pf-pack | pf-put -q wh
}

# "rows distinct-rows sum" of n in the operands
sums()
{
	pf-query "$@" -c 'count(), distinct(n), sum(n)' -O tsv | tail -1 | tr '\t' ' '
}

@test "append, read, load: each row once, in the topic, in flight, in the table" {
	numbers 0 5000 > in.jsonl
	status 0 pf-stage append -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	contains "$stderr" "5,000 rows appended, 0 rejected, 0 duplicate; durable at 5,000"
	equals "$(sums "$TOPIC")" "5000 5000 12497500"
	equals "$(sums wh "$TOPIC")" "5000 5000 12497500"
	contains "$(pf-stage status "$TOPIC" wh)" "	5000 rows"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh)" "5000 5000 12497500"
	equals "$(sums wh "$TOPIC")" "5000 5000 12497500"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh)" "5000 5000 12497500"
	# An entity is in one partition.
	for p in 0 1 2 3; do
		pf-stage read "$TOPIC" --partitions $p | pf-query -g id -c 'count()' -O tsv | tail -n +2
	done | cut -f1 | sort | uniq -d > twice
	equals "$(cat twice)" ""
	status 0 pf-stage status "$TOPIC" wh
	contains "$output" "partitions	4"
	contains "$output" "	0 behind	0 seconds	0 rows"
}

@test "windows of a topic, and of a table and what is in flight behind it; the state has none of that" {
	need_program pf-window
	numbers 0 300 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC" in.jsonl
	windows() { pf-window -q -O tsv -W 2d -g id --end 2024-01-04 "$@"; }
	windows count sum:n -S schema.yaml in.jsonl > want
	windows count sum:n "$TOPIC" | diff - want
	load_table -n 100 "$TOPIC"
	# whole messages
	[ "$(pf-query -O tsv -c 'count()' wh | tail -1)" -ge 100 ]
	windows count sum:n wh > loaded
	! diff -q loaded want
	for state in "" "-s state" "-s state"; do
		# shellcheck disable=SC2086
		windows $state count sum:n wh "$TOPIC" | diff - want
	done
	windows -s state count sum:n wh | diff - loaded
	load_table "$TOPIC"
	windows -s state count sum:n wh "$TOPIC" | diff - want
	windows -s state count sum:n wh | diff - want
}

@test "append again: nothing; the file grows: only the rest" {
	numbers 0 300 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	status 0 pf-stage append "$TOPIC" in.jsonl
	contains "$stderr" "0 rows appended, 0 rejected, 300 duplicate"
	numbers 300 400 >> in.jsonl
	mv in.jsonl moved.jsonl
	status 0 pf-stage append "$TOPIC" moved.jsonl
	contains "$stderr" "100 rows appended, 0 rejected, 300 duplicate"
	equals "$(sums "$TOPIC")" "400 400 79800"
	# stdin with a name
	numbers 1000 1100 | pf-stage append -q --source feed "$TOPIC"
	numbers 1000 1200 | pf-stage append -q --source feed "$TOPIC"
	equals "$(sums "$TOPIC")" "600 600 299700"
}

# bats test_tags=crash
@test "a broker that refuses what it is sent, and takes it later: each row once" {
	numbers 0 500 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	numbers 500 600 >> in.jsonl
	mock errors 0 19 5
	pf-stage append -q --ack-fd 7 "$TOPIC" in.jsonl 7> acks
	equals "$(sums "$TOPIC")" "600 600 179700"
	equals "$(tail -1 acks | cut -f 1)" 100
}

@test "X2 X3: killed with messages on their way or positions unreported: the rest once" {
	numbers 0 20000 > in.jsonl
	for at in X1:2 X2:1 X2:1 X2:1 X3:1; do
		run -137 env PF_CRASH_AT=$at pf-stage append -S schema.yaml \
			--sync 1ms --ack-fd 7 "$TOPIC?partitions=4" in.jsonl 7> acks
	done
	pf-stage append -q "$TOPIC" in.jsonl
	equals "$(sums "$TOPIC")" "20000 20000 199990000"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh)" "20000 20000 199990000"
}

@test "rejected rows have their number, too: resuming behind them loses none" {
	{ numbers 0 10; echo '{"id": 1, "ts": "?", "n": 1}'; numbers 10 20; } > in.jsonl
	status 0 pf-stage append -S schema.yaml --rejects bad.jsonl "$TOPIC?partitions=4" in.jsonl
	contains "$stderr" "20 rows appended, 1 rejected"
	status 0 pf-stage append --rejects bad.jsonl "$TOPIC" in.jsonl
	contains "$stderr" "0 rows appended, 0 rejected, 21 duplicate"
	equals "$(wc -l < bad.jsonl)" 1
	equals "$(sums "$TOPIC")" "20 20 190"
}

@test "payload=json: one row a message, keyed, and each once when sent twice" {
	numbers 0 500 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4&payload=json" in.jsonl
	status 0 pf-stage status "$TOPIC?payload=json" wh
	contains "$output" "messages	500"
	status 2 pf-stage read "$TOPIC?payload=json"
	contains "$stderr" "does not say what its rows are"
	load_table "$TOPIC?payload=json" 2> /dev/null
	equals "$(sums wh)" "500 500 124750"
	run -137 env PF_CRASH_AT=X2 pf-stage append -S schema.yaml \
		--payload json "$TOPIC" <(numbers 0 1)
	numbers 500 600 >> in.jsonl
	pf-stage append -q -S schema.yaml --payload json "$TOPIC" in.jsonl
	equals "$(sums wh "$TOPIC?payload=json" -w 'n >= 500')" "100 100 54950"
}

@test "S08: a row too large for a message is refused with its place, and the others go on" {
	sed '$a\  text: string' schema.yaml > wide.yaml
	for i in 0 1 2 3 4 5 6 7 8; do
		case $i in 2) bytes=950000 ;; 5) bytes=880000 ;; *) bytes=9 ;; esac
		printf '{"id": %d, "ts": "2024-01-01T00:00:00", "n": %d, "text": "' $i $i
		head -c $bytes /dev/zero | tr '\0' y
		echo '"}'
	done > in.jsonl
	status 3 pf-stage append -S wide.yaml "$TOPIC?partitions=4" in.jsonl
	contains "$stderr" "in.jsonl:3:"
	contains "$stderr" "a message of topic 't$BATS_TEST_NUMBER' at most 900000 (PF3009)"
	equals "$(sums "$TOPIC")" "2 2 1"
	status 0 pf-stage append --rejects bad.jsonl "$TOPIC" in.jsonl
	contains "$stderr" "6 rows appended, 1 rejected, 2 duplicate"
	equals "$(sums "$TOPIC")" "8 8 34"
	equals "$(cut -c1-60 bad.jsonl | grep -o '"line": 3')" '"line": 3'
}

@test "S06: brokers that time out, are not the leader, lack replicas: each row once" {
	numbers 0 200 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	from=200
	# REQUEST_TIMED_OUT, NOT_LEADER, NOT_ENOUGH_REPLICAS (before, after), STORAGE
	for error in "7 1" "7 20" "6 1" "6 4" "19 20" "20 2" "56 2"; do
		mock errors 0 $error
		numbers $from $((from + 100)) >> in.jsonl
		status 0 pf-stage append --ack-fd 7 "$TOPIC" in.jsonl 7> acks
		equals "$(tail -1 acks | cut -f2)" "$(stat -c %s in.jsonl)"
		from=$((from + 100))
	done
	equals "$(sums "$TOPIC")" "900 900 404550"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh)" "900 900 404550"
}

@test "S07: sequence numbers out of order end it for good, naming it; run again, each row once" {
	numbers 0 100 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	numbers 100 5000 >> in.jsonl
	mock errors 0 45 1
	status 4 pf-stage append --ack-fd 7 "$TOPIC" in.jsonl 7> acks
	contains "$stderr" "topic 't$BATS_TEST_NUMBER'"
	contains "$stderr" "desynchronization"
	contains "$stderr" "(PF4010)"
	equals "$(cat acks)" ""
	[ "$(sums "$TOPIC" | cut -d' ' -f1)" -lt 5000 ]
	status 0 pf-stage append "$TOPIC" in.jsonl
	equals "$(sums "$TOPIC")" "5000 5000 12497500"
}

@test "S08: the broker's word that a message is too large ends it, and nothing is claimed" {
	numbers 0 50 > in.jsonl
	numbers 0 1 | pf-stage append -q -S schema.yaml "$TOPIC?partitions=4"
	mock errors 0 10 1
	status 4 pf-stage append --ack-fd 7 "$TOPIC" in.jsonl 7> acks
	contains "$stderr" "(PF4006)"
	equals "$(cat acks)" ""
	status 0 pf-stage append "$TOPIC" in.jsonl
	equals "$(sums "$TOPIC")" "51 50 1225"
}

@test "a topic that answers and acknowledges nothing is given up: 75, after delivery.timeout.ms" {
	numbers 0 50 > in.jsonl
	numbers 0 1 | pf-stage append -q -S schema.yaml "$TOPIC?partitions=4"
	echo delivery.timeout.ms=1500 > patience
	mock errors 0 19 1000
	status 75 pf-stage append --kafka-config patience --ack-fd 7 "$TOPIC" in.jsonl 7> acks
	contains "$stderr" "topic 't$BATS_TEST_NUMBER' answers, but acknowledged none of "
	equals "$(cat acks)" ""
	echo delivery.timeout.ms=soon > patience
	status 2 pf-stage append --kafka-config patience "$TOPIC" in.jsonl
	contains "$stderr" "refuses the value of property 'delivery.timeout.ms'"
	mock clear 0
	echo delivery.timeout.ms=0 > patience
	status 0 pf-stage append --kafka-config patience "$TOPIC" in.jsonl
	equals "$(sums "$TOPIC")" "51 50 1225"
}

@test "a leader that is not known yet, or whose epoch is not, passes" {
	numbers 0 300 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	# ListOffsets and Fetch: NOT_LEADER, FENCED_ and UNKNOWN_LEADER_EPOCH,
	# OFFSET_NOT_AVAILABLE
	for error in 6 74 75 78; do
		mock errors 2 $error 3
		status 0 pf-stage status "$TOPIC" wh
		contains "$output" "	300 rows"
		mock errors 1 $error 3
		equals "$(sums wh "$TOPIC")" "300 300 44850"
	done
	mock errors 2 75 1000
	status 75 pf-stage status --connect-timeout 1s "$TOPIC"
	contains "$stderr" "(PF7506)"
	mock clear 2
	status 0 pf-stage status "$TOPIC"
}

# leaders NODE: of all partitions of this test's topic
leaders()
{
	local p
	for p in 0 1 2 3; do mock leader "${TOPIC##*/}" $p "$1"; done
}

@test "S06: no partition has a leader: waited for; 75 when that lasts" {
	numbers 0 300 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	leaders -1
	status 75 pf-stage status --connect-timeout 1s "$TOPIC"
	contains "$stderr" "Leader not available (PF7506)"
	status 75 pf-stage read --connect-timeout 1s "$TOPIC" -o out
	status 75 pf-query --connect-timeout 1s "$TOPIC"
	contains "$stderr" "Leader not available (PF7506)"
	status 75 pf-window -W 1d -t ts --connect-timeout 1s "$TOPIC"
	contains "$stderr" "Leader not available (PF7506)"
	(sleep 1; leaders 1) 3>&- &
	equals "$(sums wh "$TOPIC")" "300 300 44850"
	wait
	# ListOffsets: a broker that leads it, and does not know of the topic yet
	mock errors 2 3 3
	equals "$(sums wh "$TOPIC")" "300 300 44850"
}

@test "a topic that brokers forget for a moment is still there; one that is gone ends it" {
	numbers 0 300 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	numbers 300 400 >> in.jsonl
	timeout 200 pf-stage read --follow -n 400 "$TOPIC" > all 2> err 3>&- 8>&- &
	reader=$!
	until_true [ -s all ]
	# Who is not the leader any more makes the client ask for the topic.
	mock topic "${TOPIC##*/}" 3
	mock errors 1 6 4
	sleep 2
	mock topic "${TOPIC##*/}" 0
	pf-stage append -q "$TOPIC" in.jsonl
	wait $reader
	equals "$(sums all)" "400 400 79800"
	timeout 200 pf-stage read --follow "$TOPIC" > all 2> err 3>&- 8>&- &
	reader=$!
	until_true [ -s all ]
	mock topic "${TOPIC##*/}" 3
	mock errors 1 6 4
	code=0
	wait $reader || code=$?
	mock topic "${TOPIC##*/}" 0
	mock clear 1
	equals $code 2
	contains "$(cat err)" "topic '${TOPIC##*/}'"
	contains "$(cat err)" "(PF2030)"
}

@test "a topic that brokers forget while rows are on their way: 75, run again each row once" {
	numbers 0 10 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	mkfifo feed
	timeout 200 pf-stage append --source s --ack-fd 7 "$TOPIC" < feed 7> acks 2> err 3>&- 8>&- &
	writer=$!
	exec 9> feed
	numbers 10 20 >&9
	until_true [ -s acks ]
	mock topic "${TOPIC##*/}" 3
	mock errors 0 6 1000
	numbers 20 30 >&9
	code=0
	wait $writer || code=$?
	exec 9>&-
	mock topic "${TOPIC##*/}" 0
	mock clear 0
	equals $code 75
	contains "$(cat err)" "(PF7506)"
	equals "$(tail -1 acks | cut -f 1)" 10
	numbers 10 40 | pf-stage append -q --source s "$TOPIC"
	equals "$(sums "$TOPIC")" "40 40 780"
}

@test "--offsets, --limit, --partitions; what is not there is refused" {
	numbers 0 100 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	numbers 100 200 > more.jsonl
	pf-stage append -q "$TOPIC" more.jsonl
	equals "$(pf-stage read "$TOPIC" --offsets 0:1,1:1,2:1,3:1 | sums)" "100 100 14950"
	status 2 pf-stage read "$TOPIC" --partitions 4
	contains "$stderr" "there is no partition 4"
	status 3 pf-stage read "$TOPIC" --offsets 0:99
	contains "$stderr" "offset 99 lies beyond the end of topic"
	status 3 pf-stage read "$TOPIC" --offsets 0:1@0123456789abcdef-1
	contains "$stderr" "partition 0 has another message at offset 0"
	status 3 pf-stage read "$TOPIC" --offsets 7:1
	contains "$stderr" "no partition 7 any more"
	status 2 pf-stage append "$TOPIC?partitions=3" more.jsonl
	contains "$stderr" "has 4 partitions, not 3"
	status 2 pf-stage trim "$TOPIC" --consumer wh
	contains "$stderr" "a topic is not trimmed"
}

@test "lines of disjoint partitions load one table, each for itself" {
	numbers 0 1000 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	load_table "$TOPIC" --partitions 2-3 2> /dev/null
	numbers 1000 2000 >> in.jsonl
	pf-stage append -q "$TOPIC" in.jsonl
	load_table "$TOPIC" --partitions 0-1 2> /dev/null &
	load_table "$TOPIC" --partitions 2,3 2> /dev/null
	wait $!
	equals "$(sums wh)" "2000 2000 1999000"
	equals "$(sums wh "$TOPIC")" "2000 2000 1999000"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh)" "2000 2000 1999000"
}

@test "a definition that grows; readers that began before are told" {
	numbers 0 10 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	sed '$a\  extra: string' schema.yaml > wider.yaml
	echo '{"id": 5, "ts": "2024-01-01T00:00:00", "n": 10, "extra": "x"}' > more.jsonl
	pf-stage append -q -S wider.yaml "$TOPIC" more.jsonl
	equals "$(pf-query "$TOPIC" -c 'count(), count(extra)' -O tsv | tail -1)" "11	1"
	status 2 pf-stage append -S schema.yaml "$TOPIC" more.jsonl
	contains "$stderr" "lacks or moves column 'extra'"
	status 75 pf-stage read -S schema.yaml -o out "$TOPIC"
	contains "$stderr" "column 'extra' is new or wider"
}

@test "a configuration that others can read, or that librdkafka does not know" {
	printf 'sasl.password=sesame\n' > secrets
	chmod 644 secrets
	status 2 pf-stage status --kafka-config secrets "$TOPIC"
	contains "$stderr" "others may open it (mode 0644)"
	lacks "$stderr" sesame
	chmod 600 secrets
	printf 'sasl.pasword=sesame\n' > secrets
	status 2 pf-query --kafka-config secrets wh "$TOPIC"
	contains "$stderr" "no property 'sasl.pasword'"
	lacks "$stderr" sesame
}

@test "a look-up without a topic does not load librdkafka" {
	numbers 0 10 > in.jsonl
	pf-stage append -q -S schema.yaml stage in.jsonl
	strace -f -e trace=openat -o trace pf-query stage -n 1 > /dev/null || skip "no strace"
	! grep -q librdkafka trace
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	strace -f -e trace=openat -o trace pf-query "$TOPIC" -n 1 > /dev/null
	grep -q librdkafka trace
}

# slow_feed FIRST TO: so many rows, then the others when the file go is there
slow_feed()
{
	numbers 0 "$1"
	while [ ! -e go ]; do sleep 0.1; done
	numbers "$1" "$2"
}

@test "S14: the same source from two processes at once: each row once, also across loads" {
	numbers 0 1 | pf-stage append -q -S schema.yaml --source s "$TOPIC?partitions=4"
	# Each has looked at the topic, and sent one row more.
	slow_feed 2 500 | pf-stage append -q --source s --ack-fd 7 "$TOPIC" 7> one.acks &
	one=$!
	until_true [ -s one.acks ]
	slow_feed 3 500 | pf-stage append -q --source s --ack-fd 7 "$TOPIC" 7> two.acks &
	two=$!
	until_true [ -s two.acks ]
	# A third one is faster, and the table has its rows before the others'.
	numbers 0 500 | pf-stage append -q --source s "$TOPIC"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh)" "500 500 124750"
	touch go
	wait $one
	wait $two
	status 0 pf-stage read "$TOPIC" -o all
	contains "$stderr" "500 rows read, 0 rejected, 995 duplicate"
	equals "$(sums all)" "500 500 124750"
	equals "$(sums wh "$TOPIC")" "500 500 124750"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh)" "500 500 124750"
	equals "$(pf-query wh "$TOPIC" --id 7 -c 'count()' -O tsv | tail -1)" 6
	equals "$(pf-query wh "$TOPIC?partitioner=fiber" --id 7 -c 'count()' -O tsv | tail -1)" 6
}

@test "another input under the same name is another round: each of its rows is there" {
	numbers 0 500 | pf-stage append -q -S schema.yaml --source s "$TOPIC?partitions=4"
	load_table "$TOPIC" 2> /dev/null
	status 0 pf-stage append --source s "$TOPIC" < <(numbers 900 1000)
	contains "$stderr" "100 rows appended, 0 rejected, 0 duplicate"
	status 0 pf-stage append --source s "$TOPIC" < <(numbers 900 1010)
	contains "$stderr" "10 rows appended, 0 rejected, 100 duplicate"
	# A third one, of which the topic has what a run that died had sent, with an
	# old look-back even; then the same beginning as the first.
	run -137 env PF_CRASH_AT=X2 pf-stage append --source s "$TOPIC" < <(numbers 2000 2300)
	status 0 pf-stage append --source s "$TOPIC" < <(numbers 2000 2300)
	equals "$(sums "$TOPIC" -w 'n >= 2000')" "300 300 644850"
	status 0 pf-stage append --source s "$TOPIC" < <(numbers 0 40)
	contains "$stderr" "40 rows appended, 0 rejected, 0 duplicate"
	equals "$(sums "$TOPIC")" "950 910 875375"
	# One that begins with the row of the one before.
	status 0 pf-stage append --source s "$TOPIC" < <(numbers 0 1; numbers 6000 6010)
	contains "$stderr" "11 rows appended, 0 rejected, 0 duplicate"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh)" "961 920 935420"
	# The same of a file, whose first round is older than what is looked at.
	numbers 3000 3200 > in.jsonl
	pf-stage append -q "$TOPIC" in.jsonl
	sleep 1.1
	numbers 4000 4100 > in.jsonl
	status 0 pf-stage append --look-back 1s "$TOPIC" in.jsonl
	contains "$stderr" "100 rows appended, 0 rejected, 0 duplicate"
	load_table "$TOPIC" 2> /dev/null
	equals "$(sums wh -w 'n >= 3000')" "310 310 1084895"
}

# looked: how many messages an append with -v looked through
looked()
{
	sed -n 's/.*looked through \([0-9,]*\) messages\{0,1\} .*/\1/p' <<< "$stderr" | tr -d ,
}

@test "an append that starts looks back to where its source stands, and no further" {
	url="$TOPIC?partitions=4&payload=json"
	numbers 0 20000 > in.jsonl
	pf-stage append -q -S schema.yaml "$url" in.jsonl
	status 0 pf-stage append -v -S schema.yaml "$url" in.jsonl
	contains "$stderr" "0 rows appended, 0 rejected, 20,000 duplicate"
	[ "$(looked)" -gt 0 ] # the messages of one commit, however many
	numbers 20000 20100 >> in.jsonl
	pf-stage append -q -S schema.yaml "$url" in.jsonl
	status 0 pf-stage append -v -S schema.yaml "$url" in.jsonl
	contains "$stderr" "0 rows appended, 0 rejected, 20,100 duplicate"
	[ "$(looked)" -le 256 ]
	# Whoever is not there is looked for everywhere.
	status 0 pf-stage append -v -S schema.yaml --source other "$url" < <(numbers 0 5)
	contains "$stderr" "5 rows appended"
	equals "$(looked)" 20100
}

@test "the newest position, though older ones stand nearer to the end of other partitions" {
	url="$TOPIC?payload=json"
	of() { yes "{\"id\": $1, \"ts\": \"2024-01-01T00:00:00\", \"n\": 1}" | head -n "$2"; }
	add() { pf-stage append -q -S schema.yaml "$url" --source "$@"; }
	# Entities 0 and 1 are in different partitions: the second commit of `mine` is
	# buried there, the first one is the last that its partition has.
	of 0 1 > mine
	add mine < mine
	of 1 3 >> mine
	add mine < mine
	of 1 700 | add others
	status 0 pf-stage append -v -S schema.yaml "$url" --source mine < mine
	contains "$stderr" "0 rows appended, 0 rejected, 4 duplicate"
	equals "$(looked)" 704
}

@test "with ?partitioner=fiber a look-up reads only the partition that can hold the ID" {
	numbers 0 5000 > in.jsonl
	pf-stage append -q -S schema.yaml "$TOPIC?partitions=4" in.jsonl
	for id in 0 1 2 50 96; do
		equals "$(pf-query "$TOPIC?partitioner=fiber" --id $id -c 'count(), sum(n)' -O tsv)" \
			"$(pf-query in.jsonl -S schema.yaml --id $id -c 'count(), sum(n)' -O tsv)"
	done
	looked=$(pf-query --explain "$TOPIC?partitioner=fiber" --id 7 | awk '$1 == "rows" { print $2 }' | tr -d ,)
	all=$(pf-query --explain "$TOPIC" --id 7 | awk '$1 == "rows" { print $2 }' | tr -d ,)
	equals "$all" 5000
	[ "$looked" -lt 3000 ]
}
