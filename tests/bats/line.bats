# SPDX-License-Identifier: Apache-2.0
# The four load programs as one line that follows its stage.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage pf-partition pf-pack pf-put pf-query
	cat > schema.yaml <<-'END'
	table: events
	id: user_id
	time: ts
	zone: UTC
	partition: day
	buckets: 2
	columns:
	  user_id: bigint not null
	  ts: timestamp(3) not null
	END
	pf-put -q --create schema.yaml wh/default.db/events
}

# numbers FROM TO: rows as JSON lines
numbers()
{
	local i
	for ((i = $1; i < $2; i++)); do
		echo "{\"user_id\": $i, \"ts\": \"2024-01-01T00:00:00Z\"}"
	done
}

stored()
{
	pf-query -O tsv wh/default.db/events -c 'count()' 2> /dev/null | tail -1
}

stores()
{
	[ "$(stored)" = "$1" ]
}

@test "rows flow through programs that follow a stage, before a mark comes" {
	numbers 0 1 | pf-stage append -q -S schema.yaml stage
	mkfifo pipe
	pf-stage read stage --follow > pipe 3>&- &
	local reader=$! line begin best took i
	(pf-partition < pipe | pf-query -O tsv -c user_id > rows) 3>&- &
	line=$!
	until_true grep -qx 0 rows
	# 300 ms are promised. A mark comes a second after the one before: when rows
	# that follow one another waited for it, not one of them would be fast. The
	# fastest counts, whatever else the machine does.
	best=1000
	for i in 1 2 3 4 5 6; do
		begin=$(date +%s%N)
		numbers $i $((i + 1)) | pf-stage append -q stage
		until_true grep -qx $i rows
		took=$((($(date +%s%N) - begin) / 1000000))
		[ $took -ge $best ] || best=$took
	done
	echo "$best ms"
	[ $best -lt 700 ]
	kill -TERM $reader
	wait $reader
	wait $line
	equals "$(wc -l < rows)" 8
}

@test "-v: each program says where the rows went that came in" {
	numbers 0 30 > rows.jsonl
	pf-stage append -q -S schema.yaml stage rows.jsonl
	pf-stage read -v stage --after wh/default.db/events 2> one |
		pf-partition -v 2> two | pf-pack -v > segments.arrows 2> three
	contains "$(cat one)" "30 rows in = 30 read + 0 rejected + 0 duplicate + 0 filtered"
	contains "$(cat two three)" "30 rows in, 30 out"
	status 0 pf-put -v wh/default.db/events segments.arrows
	contains "$stderr" "30 rows in = 30 stored + 0 duplicate"
	status 0 pf-put -v wh/default.db/events segments.arrows
	contains "$stderr" "30 rows in = 0 stored + 30 duplicate"
	contains "$stderr" "already loaded"
	equals "$(stored)" 30
}

@test "pf-pack sends what waits at a mark when the input pauses" {
	numbers 0 5 | pf-stage append -q -S schema.yaml stage
	mkfifo pipe
	pf-stage read stage --follow > pipe 3>&- &
	local reader=$!
	(pf-partition < pipe | pf-pack --every 1500ms | pf-put -q wh/default.db/events) 3>&- &
	local line=$!
	until_true stores 5
	numbers 5 8 | pf-stage append -q stage
	until_true stores 8
	kill -TERM $reader
	wait $reader
	wait $line
}

@test "a signal to a whole line that follows: everything read is loaded, all exit 0" {
	numbers 0 5 | pf-stage append -q -S schema.yaml stage
	mkfifo read one two three
	pf-stage read stage --follow > read 3>&- &
	local all=$!
	tee seen < read > one 3>&- &
	pf-partition < one > two 3>&- &
	all+=" $!"
	pf-pack --every 1h < two > three 3>&- &
	all+=" $!"
	pf-put -q wh/default.db/events < three 3>&- &
	all+=" $!"
	until_true grep -q pf:parts seen # a mark: the rows before it are read
	local pid
	for pid in $all; do
		until_true takes_signals $pid
	done
	equals "$(stored)" 0
	kill -TERM $all
	for pid in $all; do
		wait $pid
	done
	equals "$(stored)" 5
	pf-put -q --verify wh/default.db/events
}

@test "a signal to a whole line that is bounded: nothing is loaded, all end by it" {
	numbers 0 5 | pf-stage append -q -S schema.yaml stage
	pf-stage read stage > rows
	mkfifo one two three
	# A head that stands still in the middle of its stream.
	(head -c $(($(wc -c < rows) - 500)) rows; exec sleep 100) > one 3>&- &
	local head=$!
	pf-partition < one > two 2> errors 3>&- &
	local all=$!
	pf-pack < two > three 2>> errors 3>&- &
	all+=" $!"
	pf-put wh/default.db/events < three 2> put 3>&- &
	all+=" $!"
	local pid code
	for pid in $all; do
		until_true takes_signals $pid
	done
	sleep 0.5
	# All at once: none may see the end of another before its own signal.
	kill -STOP $all
	kill -TERM $all
	kill -CONT $all
	kill -TERM $head
	for pid in $all; do
		code=0
		wait $pid || code=$?
		equals $code 143
	done
	equals "$(cat errors)" ""
	contains "$(cat put)" "pf-partition failed"
	equals "$(stored)" 0
}

@test "a signal to the head of a bounded line: it aborts its stream, and ends by the signal" {
	local code pid
	# Waiting for its input.
	mkfifo slow
	exec 9<> slow
	numbers 0 5 >&9
	pf-partition -S schema.yaml -I jsonl slow > rows 2> errors 3>&- 9>&- &
	pid=$!
	until_true [ -s rows ]
	kill -TERM $pid
	code=0
	wait $pid || code=$?
	exec 9>&-
	equals $code 143
	equals "$(cat errors)" ""
	status 5 pf-pack rows
	contains "$stderr" "pf-partition failed"
	contains "$stderr" "stopped by a signal"
	# Waiting for those who read.
	seq 1 100000 | awk '{ printf "{\"user_id\": %d, \"ts\": \"2024-01-01T00:00:00Z\"}\n", $1 }' |
		pf-stage append -q -S schema.yaml stage
	mkfifo pipe
	local head
	for head in 'pf-stage read stage' 'pf-query stage -O arrow'; do
		rm -f go
		$head > pipe 2> errors 3>&- &
		pid=$!
		(until [ -e go ]; do sleep 0.05; done; exec cat > rows) < pipe 3>&- &
		until_true takes_signals $pid
		sleep 0.3
		kill -TERM $pid
		touch go
		code=0
		wait $pid || code=$?
		equals $code 143
		wait
		equals "$(cat errors)" ""
		status 5 pf-query rows -c 'count()'
		contains "$stderr" "stopped by a signal"
	done
}

@test "streams without marks that follow one another are known each for itself" {
	local s
	for s in a b; do
		numbers 0 $((${#s} + ($(printf %d "'$s") - 97))) > $s.jsonl
		pf-partition -S schema.yaml $s.jsonl | pf-pack > $s
	done
	status 0 pf-put --append wh/default.db/events a
	equals "$(stored)" 1
	cat a b > ab
	status 0 pf-put --append wh/default.db/events ab
	contains "$stderr" "loaded before"
	equals "$(stored)" 3
	status 0 pf-put --append wh/default.db/events b a
	status 0 pf-put --append wh/default.db/events ab
	equals "$(stored)" 3
	# A mark behind them says nothing about them.
	numbers 3 5 | pf-stage append -q -S schema.yaml stage
	pf-stage read stage > c.rows
	pf-partition -S schema.yaml a.jsonl > a.rows
	pf-partition c.rows > c.routed
	pf-pack c.routed > c
	cat a c > ac
	status 2 pf-put wh/default.db/events ac
	status 0 pf-put --append wh/default.db/events ac
	equals "$(stored)" 5
	cat a.rows c.routed > rows
	status 2 pf-pack rows
	contains "$stderr" "with and without marks"
	# Nor does it when they come as operands of their own.
	status 2 pf-pack a.rows c.routed
	contains "$stderr" "with and without marks"
	status 2 pf-partition -S schema.yaml a.jsonl c.rows
	contains "$stderr" "with and without marks"
	pf-pack c.routed a.rows > both
	pf-pack a.rows a.rows > both
}

@test "a signal while files are put: nothing of the rest, and it is raised again" {
	numbers 0 5 | pf-stage append -q -S schema.yaml stage
	pf-stage read stage | pf-partition | pf-pack > rows
	mkfifo slow
	pf-put wh/default.db/events slow 2> put 3>&- &
	local put=$! code=0
	exec 9> slow
	head -c 3000 rows >&9
	until_true takes_signals $put
	sleep 0.3
	kill -TERM $put
	sleep 0.1
	tail -c +3001 rows >&9 || true
	exec 9>&-
	wait $put || code=$?
	equals $code 143
	contains "$(cat put)" "stopped by a signal"
	equals "$(find wh -name '*.parquet')" ""
	pf-put -q wh/default.db/events rows
	equals "$(stored)" 5
}

@test "a stage does not become a table, nor a table a stage" {
	pf-put -q --create schema.yaml table
	numbers 0 1 > numbers
	status 2 pf-stage append -S schema.yaml table numbers
	contains "$stderr" "'table' is a table"
	[ ! -e table/stage.json ]
	numbers 0 1 | pf-stage append -q -S schema.yaml stage
	status 2 pf-put --create schema.yaml stage
	contains "$stderr" "is a stage"
	[ ! -e stage/schema ]
}

@test "two stages in one line are loaded together or not at all" {
	numbers 0 5 | pf-stage append -q -S schema.yaml a
	numbers 5 8 | pf-stage append -q -S schema.yaml b
	numbers 8 9 | pf-stage append -q -S schema.yaml c
	local s
	for s in a b c; do
		pf-stage read $s > $s.arrows
	done
	cat a.arrows b.arrows | pf-partition | pf-pack > ab
	cat a.arrows c.arrows | pf-partition | pf-pack > ac
	status 0 pf-put wh/default.db/events ab
	contains "$stderr" "snapshot 1, "
	contains "$stderr" " 8 rows"
	status 0 pf-put wh/default.db/events ab
	contains "$stderr" "already loaded"
	# Half of this is new, and nothing tells which half of each file.
	status 75 pf-put wh/default.db/events ac
	contains "$stderr" "one stage after the other"
	equals "$(stored)" 8
	pf-partition c.arrows | pf-pack | pf-put -q wh/default.db/events
	equals "$(stored)" 9
	# A stage that has nothing new is no obstacle.
	numbers 9 11 | pf-stage append -q c
	(pf-stage read a --after wh/default.db/events; pf-stage read c --after wh/default.db/events) |
		pf-partition | pf-pack | pf-put -q wh/default.db/events
	equals "$(stored)" 11
}
