# SPDX-License-Identifier: Apache-2.0
# pf-stage: what was accepted is there, once, whatever happens in between.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage tools/ipc_dump
}

# The rows of a stage, one a line.
rows()
{
	pf-stage read "$@" | "$PF_ROOT/tests/tools/arrow_rows"
}

# Its control messages, one JSON object a line.
control()
{
	pf-stage read "$@" | "$PF_ROOT/tests/tools/arrow_rows" --control
}

# field NAME: of pf-stage status on stdin
field()
{
	awk -F '\t' -v name="$1" '$1 == name { print $2 }'
}

count_schema()
{
	cat > schema.yaml <<-'END'
	table: numbers
	id: id
	time: ts
	buckets: 2
	partition: day
	columns:
	  id: bigint not null
	  ts: timestamp(3) not null
	  text: string
	END
}

# numbers FROM TO: rows FROM .. TO - 1 as JSON lines
numbers()
{
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i < to; i++)
			printf "{\"id\": %d, \"ts\": \"2024-01-%02dT00:00:%02d.%03d\", \"text\": \"t%d\"}\n",
				i, 1 + i % 28, i % 60, i % 1000, i * 7
	}'
}

@test "append, read, append again: nothing twice; the file grows: only the rest" {
	count_schema
	numbers 0 100 > in.jsonl
	status 0 pf-stage append -S schema.yaml stage in.jsonl
	equals "$output" ""
	equals "$stderr" "pf-stage: stage: 100 rows appended, 0 rejected, 0 duplicate; durable at 100"
	status 0 pf-stage append stage in.jsonl
	contains "$stderr" "0 rows appended, 0 rejected, 100 duplicate; durable at 100"
	numbers 100 130 >> in.jsonl
	status 0 pf-stage append -v stage in.jsonl
	contains "$stderr" "30 rows appended, 0 rejected, 100 duplicate; durable at 130"
	contains "$stderr" "130 rows in = 30 appended + 0 rejected + 100 duplicate"
	numbers 0 130 > all.jsonl
	pf-stage append -q -S schema.yaml other all.jsonl
	rows stage > a; rows other > b
	cmp a b
	equals "$(wc -l < a)" 130
}

@test "a file that moved is the same source; another beginning is a new one; so is a shorter file" {
	count_schema
	numbers 0 50 > log
	pf-stage append -q -S schema.yaml stage log
	mv log log.1
	status 0 pf-stage append stage log.1
	contains "$stderr" " 0 rows appended, 0 rejected, 50 duplicate"
	numbers 50 60 > log
	status 0 pf-stage append stage log.1 log
	contains "$stderr" " 10 rows appended, 0 rejected, 50 duplicate"
	# copied and cut off: the copy is known, the rest is new
	cp log log.2; numbers 60 65 > log
	status 0 pf-stage append stage log.2 log
	contains "$stderr" " 5 rows appended, 0 rejected, 10 duplicate"
	numbers 0 20 > short
	status 0 pf-stage append stage short
	contains "$stderr" " 20 rows appended, 0 rejected, 0 duplicate"
	# the same beginning, another middle: not the same
	{ numbers 0 19; numbers 70 90; } > fork
	status 0 pf-stage append stage fork
	contains "$stderr" "39 rows appended, 0 rejected, 0 duplicate"
	# also when it only differs behind the first 4 KiB
	numbers 100 300 > long
	pf-stage append -q stage long
	{ numbers 100 280; numbers 400 450; } > fork
	status 0 pf-stage append stage fork
	contains "$stderr" "230 rows appended, 0 rejected, 0 duplicate"
}

@test "compressed or not: positions count plain bytes" {
	count_schema
	numbers 0 3000 > in.jsonl
	gzip -k in.jsonl
	pf-stage append -q -S schema.yaml stage in.jsonl.gz
	status 0 pf-stage append stage in.jsonl
	contains "$stderr" " 0 rows appended, 0 rejected, 3,000 duplicate"
	numbers 3000 3100 >> in.jsonl
	gzip -kf in.jsonl
	status 0 pf-stage append stage in.jsonl.gz
	contains "$stderr" " 100 rows appended, 0 rejected, 3,000 duplicate"
	if command -v zstd > /dev/null; then
		numbers 3100 3101 >> in.jsonl
		zstd -qk in.jsonl
		status 0 pf-stage append stage in.jsonl.zst
		contains "$stderr" " 1 row appended, 0 rejected, 3,100 duplicate"
	fi
}

@test "P14: a last line without newline waits; --final-line takes it" {
	count_schema
	numbers 0 10 | head -c -1 > in.jsonl
	status 0 pf-stage append -S schema.yaml stage in.jsonl
	contains "$stderr" " 9 rows appended"
	contains "$stderr" "wait at the end of the input"
	echo >> in.jsonl
	status 0 pf-stage append stage in.jsonl
	contains "$stderr" " 1 row appended, 0 rejected, 9 duplicate"
	numbers 20 30 | head -c -1 > other.jsonl
	status 0 pf-stage append --final-line stage other.jsonl
	contains "$stderr" " 10 rows appended"
	lacks "$stderr" "wait"
}

@test "stdin: appended as it is; with a name it is resumed" {
	count_schema
	numbers 0 10 | pf-stage append -q -S schema.yaml stage
	numbers 0 10 | pf-stage append -q stage -
	equals "$(rows stage | wc -l)" 20
	numbers 0 2000 > in
	head -n 1200 in | pf-stage append -q --source feed stage
	status 0 pf-stage append --source feed stage < in
	contains "$stderr" " 800 rows appended, 0 rejected, 1,200 duplicate"
	equals "$(rows stage | wc -l)" 2020
	contains "$(pf-stage status stage)" "source	feed	"
	# the same beginning, then other bytes: that is an error, not a guess
	status 3 pf-stage append --source feed stage < <(head -n 700 in; numbers 5000 7000)
	contains "$stderr" "not what was staged of it before"
	status 3 pf-stage append --source feed stage < <(head -n 300 in)
	contains "$stderr" "were staged before"
	equals "$(rows stage | wc -l)" 2020
	# another beginning is a new round of the same source
	status 0 pf-stage append --source feed stage < <(numbers 9000 9005)
	contains "$stderr" " 5 rows appended, 0 rejected, 0 duplicate"
	status 2 pf-stage append --source feed stage in in
}

@test "csv, tsv, JSON array, Arrow: the same rows, and each is resumed" {
	count_schema
	numbers 0 500 > in.jsonl
	pf-stage append -q -S schema.yaml stage in.jsonl
	rows stage > want
	{ echo id,ts,text; awk -F '"' '{ gsub(/[:, ]/, "", $3); print $3 "," $6 "," $10 }' in.jsonl; } > in.csv
	tr , '\t' < in.csv > in.tsv
	{ echo '['; sed '$!s/$/,/' in.jsonl; echo ']'; } > in.json
	pf-stage read stage > in.arrows
	for kind in csv tsv json arrows; do
		status 0 pf-stage append -S schema.yaml "stage.$kind" "in.$kind"
		contains "$stderr" " 500 rows appended"
		rows "stage.$kind" > "got.$kind"
		cmp want "got.$kind"
		status 0 pf-stage append "stage.$kind" "in.$kind"
		contains "$stderr" " 0 rows appended, 0 rejected, 500 duplicate"
	done
	# a grown csv goes on behind its header
	echo '7,2024-02-01T00:00:00,more' >> in.csv
	status 0 pf-stage append stage.csv in.csv
	contains "$stderr" " 1 row appended, 0 rejected, 500 duplicate"
	equals "$(rows stage.csv | wc -l)" 501
}

@test "rejects: original bytes, place, reason; counted; exit 0" {
	count_schema
	{ numbers 0 3; echo '{"id": 1.5, "ts": "2024-01-01T00:00:00"}'; numbers 3 5; echo '{"ts": 3'; } > in
	status 0 pf-stage append -S schema.yaml --rejects bad stage in
	contains "$stderr" " 5 rows appended, 2 rejected, 0 duplicate; durable at 5"
	python3 - <<-'END'
	import json
	rows = [json.loads(line) for line in open("bad")]
	data = open("in", "rb").read()
	assert [r["line"] for r in rows] == [4, 7], rows
	for r in rows:
	    raw = r["row"].encode()
	    assert data[r["byte"]:r["byte"] + len(raw) + 1] == raw + b"\n", r
	    assert r["file"] == "in" and r["code"].startswith("PF3") and r["reason"], r
	assert rows[0]["column"] == "id", rows
	END
	# again: rejected rows are known, too
	status 0 pf-stage append --rejects bad stage in
	contains "$stderr" " 0 rows appended, 0 rejected, 7 duplicate"
	equals "$(wc -l < bad)" 2
	printf '{"id": 1, "ts": "2024-01-01T00:00:00", "text": "\xff"}\n' > raw
	status 0 pf-stage append --rejects raw.bad stage raw
	python3 - <<-'END'
	import base64, json
	r = json.loads(open("raw.bad").read())
	assert base64.b64decode(r["row_base64"]) + b"\n" == open("raw", "rb").read(), r
	END
}

@test "without --rejects the first bad row stops; rows before it stay" {
	count_schema
	{ numbers 0 3; echo '{"id": "x", "ts": "2024-01-01T00:00:00"}'; numbers 3 5; } > in
	status 3 pf-stage append -S schema.yaml stage in
	contains "$stderr" "in"
	contains "$stderr" "4"
	contains "$stderr" "id"
	equals "$(rows stage | wc -l)" 3
	contains "$stderr" "in:4: byte "
	contains "$stderr" "hint: --rejects FILE takes such rows"
	status 1 pf-stage append --on-error=skip stage in
	contains "$stderr" " 2 rows appended, 1 rejected, 3 duplicate"
	contains "$stderr" "1 row was left out (PF1001)"
	equals "$(rows stage | wc -l)" 5
}

@test "a stage that never had a row takes a better definition" {
	count_schema
	sed 's/  id: bigint/  number: bigint/; s/^id: id/id: number/' schema.yaml > wrong.yaml
	numbers 0 5 > in
	status 3 pf-stage append -S wrong.yaml stage in
	contains "$stderr" "column 'number': the value is missing"
	status 0 pf-stage append --rejects bad -S wrong.yaml stage in
	contains "$stderr" "0 rows appended, 5 rejected"
	status 0 pf-stage append -S schema.yaml stage in
	contains "$stderr" "5 rows appended, 0 rejected, 0 duplicate"
	equals "$(rows stage | wc -l)" 5
	# From the first row on it is what it is.
	status 2 pf-stage append -S wrong.yaml stage in
	contains "$stderr" "the definition does not fit stage 'stage': another column is the id (PF2031)"
	equals "$(rows stage | wc -l)" 5
}

@test "--on-error=reject goes with --rejects, the other words do not" {
	count_schema
	{ numbers 0 3; echo '{"id": "x", "ts": "2024-01-01T00:00:00"}'; numbers 3 5; } > in
	status 2 pf-stage append --on-error=reject -S schema.yaml stage in
	contains "$stderr" "hint: --rejects FILE"
	[ ! -e stage ]
	status 2 pf-stage append --on-error=skip --rejects bad -S schema.yaml stage in
	contains "$stderr" "exclude each other"
	status 0 pf-stage append --on-error=reject --rejects bad -S schema.yaml stage in
	equals "$(rows stage | wc -l) $(wc -l < bad)" "5 1"
}

@test "--max-errors: so many rows may not fit; the next one stops" {
	printf '%s\n' '{"id": 1, "ts": "2024-01-01"}' bad1 '{"id": 2, "ts": "2024-01-01"}' bad2 \
		'{"id": 3, "ts": "2024-01-01"}' bad3 '{"id": 4, "ts": "2024-01-01"}' > in.jsonl
	printf '%s\n' 'table: t' 'id: id' 'time: ts' 'buckets: 1' 'partition: none' columns: \
		'  id: int not null' '  ts: date not null' > few.yaml
	status 3 pf-stage append -S few.yaml --rejects bad --max-errors 2 s in.jsonl
	contains "$stderr" "3 rows appended, 2 rejected"
	contains "$stderr" "in.jsonl:6: byte 100: the row is no JSON object; the row after 2 that did not fit (PF3013)"
	equals "$(wc -l < bad)" 2
	status 3 pf-stage append --on-error=skip --max-errors 0 s in.jsonl
	status 1 pf-stage append --on-error=skip --max-errors 1 s in.jsonl
	equals "$(pf-query s -c 'count(),sum(id)' -O csv | tail -1)" 4,10
	status 2 pf-stage append --max-errors 1 s in.jsonl
	contains "$stderr" "it goes with: rejects on-error"
}

@test "marks: one per bounded read, with offsets and anchor; offsets are checked" {
	count_schema
	numbers 0 100 | pf-stage append -q -S schema.yaml stage
	control stage > marks
	equals "$(grep -c '"mark"' marks)" 1
	local anchor
	anchor=$(sed -n 's/.*"pf:parts": "0:0:100:\([0-9a-f]*\)".*/\1/p' marks)
	equals "${#anchor}" 16
	numbers 100 120 | pf-stage append -q stage
	equals "$(rows stage --offsets "100@$anchor" | wc -l)" 20
	equals "$(rows stage --offsets 117 | wc -l)" 3
	equals "$(rows stage --offsets 120 | wc -l)" 0
	contains "$(control stage --offsets "100@$anchor" -n 5)" '"pf:parts": "0:100:105:'
	status 3 pf-stage read stage --offsets 121
	contains "$stderr" "beyond the end"
	status 3 pf-stage read stage --offsets 100@0123456789abcdef
	contains "$stderr" "another history"
	status 2 pf-stage read stage --offsets x
	status 2 pf-stage read stage --from-start --offsets 1
}

@test "every stream and every segment is read by pyarrow" {
	need_peer pyarrow
	count_schema
	numbers 0 5000 | pf-stage append -q -S schema.yaml --segment-size 64Ki --sync 1ms stage
	numbers 5000 5100 | pf-stage append -q stage
	pf-stage read stage > all.arrows
	"$PF_PYTHON" - <<-'END'
	import glob
	import pyarrow as pa
	want = list(range(5100))
	table = pa.ipc.open_stream("all.arrows").read_all()
	assert table["id"].to_pylist() == want
	assert table["text"].to_pylist() == [f"t{i * 7}" for i in want]
	ids = []
	files = sorted(glob.glob("stage/*.arrows"))
	for f in files:
	    part = pa.ipc.open_stream(f).read_all()
	    assert int(f[6:26]) == len(ids), f
	    ids += part["id"].to_pylist()
	assert ids == want and len(files) >= 2, files
	END
}

@test "status: rows, segments, bytes, sources" {
	count_schema
	numbers 0 1000 > in
	pf-stage append -q -S schema.yaml --segment-size 4Ki --sync 1ms stage in
	pf-stage status stage > st
	equals "$(field rows < st)" 1000
	equals "$(field first < st)" 0
	equals "$(field end < st)" 1000
	equals "$(field segments < st)" "$(ls stage/*.arrows | wc -l)"
	equals "$(field bytes < st)" "$(cat stage/*.arrows | wc -c)"
	contains "$(cat st)" "source	in	$(wc -c < in) bytes	1000 rows"
	status 2 pf-stage status .
	status 2 pf-stage read nothing
	contains "$stderr" "not a stage"
}

@test "X16: read --after, status and trim go by the table's offset map" {
	need_program pf-partition pf-pack pf-put
	count_schema
	numbers 0 300 > in
	for n in 100 200 300; do
		head -n $n in > part
		pf-stage append -q -S schema.yaml --segment-size 4Ki stage part
	done
	equals "$(ls stage/*.arrows | wc -l)" 3
	pf-put -q --create schema.yaml wh/default.db/t
	equals "$(rows stage --after wh/default.db/t | wc -l)" 300
	pf-stage read stage -n 250 --after wh/default.db/t | pf-partition | pf-pack |
		pf-put -q wh/default.db/t
	equals "$(rows stage --after wh/default.db/t | wc -l)" 50
	contains "$(pf-stage status stage wh/default.db/t)" "table	wh/default.db/t	250 loaded	50 behind"
	status 2 pf-stage trim stage
	contains "$stderr" "--consumer"
	# loaded a moment ago: queries may still read it
	status 0 pf-stage trim stage --consumer wh/default.db/t
	contains "$stderr" "0 segments removed"
	status 0 pf-stage trim stage --grace 0s --dry-run --consumer wh/default.db/t
	contains "$stderr" "2 segments would be removed"
	equals "$(ls stage/*.arrows | wc -l)" 3
	status 0 pf-stage trim stage --grace 0s --consumer wh/default.db/t
	contains "$stderr" "2 segments removed"
	contains "$stderr" "begins at row 200"
	equals "$(rows stage --after wh/default.db/t | wc -l)" 50
	status 3 pf-stage read stage --offsets 10
	contains "$stderr" "no longer has rows 10 to 199"
	equals "$(rows stage --offsets 10 --accept-gap | wc -l)" 100
	contains "$(control stage --offsets 10 --accept-gap)" '[[10, 200]]'
	# the sources are still known
	status 0 pf-stage append stage in
	contains "$stderr" " 0 rows appended, 0 rejected, 300 duplicate"
}

@test "S14: a locked stage: exit 75 at once; --wait waits" {
	count_schema
	mkfifo pipe
	pf-stage append -q -S schema.yaml stage < pipe 3>&- &
	exec 9> pipe
	numbers 0 1 >&9
	until_true [ -e stage/stage.lock ]
	status 75 pf-stage append stage < <(numbers 1 2)
	contains "$stderr" "being written by another process"
	# Its input ends a second after ours has begun to wait.
	sleep 1 3>&- &
	exec 9>&-
	status 0 pf-stage append --wait 100s stage < <(numbers 1 2)
	wait
	equals "$(rows stage | wc -l)" 2
	# readers take no lock
}

acknowledged()
{
	[ "$(wc -l < acks)" -ge "$1" ]
}

staged()
{
	[ -e stage/stage.json ] && [ "$(rows stage | wc -l)" = "$1" ]
}

@test "a row that came alone is acknowledged and readable at once; --follow sees it" {
	count_schema
	mkfifo pipe
	pf-stage append -q -S schema.yaml --ack-fd 7 --source s stage < pipe 7> acks 3>&- &
	exec 9> pipe
	for i in 0 1 2 3 4; do
		numbers $i $((i + 1)) >&9
		until_true acknowledged $((i + 1))
		equals "$(tail -1 acks | cut -f 1)" $((i + 1))
		equals "$(rows stage | wc -l)" $((i + 1))
	done
	equals "$(tail -1 acks | cut -f 3)" s
	equals "$(tail -1 acks | cut -f 2)" "$(numbers 0 5 | wc -c)"
	pf-stage read stage --follow > follow.arrows 3>&- 9>&- &
	local reader=$!
	numbers 5 8 >&9
	exec 9>&-
	until_true grep -q t49 follow.arrows
	kill -TERM $reader
	wait $reader
	equals "$("$PF_ROOT/tests/tools/arrow_rows" < follow.arrows | wc -l)" 8
	contains "$("$PF_ROOT/tests/tools/arrow_rows" --control < follow.arrows | tail -1)" '"end"'
}

@test "an Arrow stream that is cut: its rows once, and the rest when it is whole" {
	count_schema
	numbers 0 3000 | pf-stage append -q -S schema.yaml a
	numbers 3000 9000 | pf-stage append -q --source more a
	pf-stage read a > whole.arrows
	head -c 150000 whole.arrows > cut.arrows
	local i n
	for i in 1 2; do
		status 3 pf-stage append -S schema.yaml stage cut.arrows
		n=$(rows stage | wc -l)
		[ $n -gt 0 ]
		[ $n -lt 9000 ]
		equals "${first:=$n}" $n
	done
	status 0 pf-stage append stage whole.arrows
	rows a > want
	rows stage > got
	cmp want got
}

@test "SIGTERM in the middle of a line is not its end, not even with --final-line" {
	count_schema
	mkfifo pipe
	pf-stage append -q -S schema.yaml -I csv --final-line --source s stage < pipe 3>&- &
	local writer=$!
	exec 9> pipe
	printf 'id,ts,text\n1,2024-01-01T00:00:00Z,a\n2,2024-01-01T00:00:00Z,hal' >&9
	until_true staged 1
	kill -TERM $writer
	wait $writer
	exec 9>&-
	equals "$(rows stage | wc -l)" 1
	printf 'id,ts,text\n1,2024-01-01T00:00:00Z,a\n2,2024-01-01T00:00:00Z,half\n' |
		pf-stage append -q -I csv --source s stage
	contains "$(rows stage)" '"68616c66"'
	equals "$(rows stage | wc -l)" 2
}

@test "one JSON array: run again it is whole, grown it goes on, cut it is told" {
	count_schema
	local row='{"id": 1, "ts": "2024-01-01T00:00:00Z"}'
	local text
	for text in "[$row, $row]" "[$row,$row"$'\n]\n\n'; do
		rm -rf stage
		printf '%s' "$text" > a.json
		pf-stage append -q -S schema.yaml stage a.json
		status 0 pf-stage append --final-line stage a.json
		contains "$stderr" "0 rows appended"
		printf '%s, %s\n]' "${text%"${text##*\}}"}" "$row" > a.json
		status 0 pf-stage append --final-line stage a.json
		contains "$stderr" "1 row appended"
		equals "$(rows stage | wc -l)" 3
	done
	printf '%s' "[$row, $row" > b.json
	status 3 pf-stage append --final-line stage b.json
	status 3 pf-stage append --final-line stage b.json
	contains "$stderr" "ends inside its JSON array"
}

@test "S02: SIGTERM: what was read is acknowledged, the rest comes with the next run" {
	count_schema
	mkfifo pipe
	pf-stage append -S schema.yaml --source s stage < pipe 2> err 3>&- &
	local writer=$!
	exec 9> pipe
	numbers 0 10 >&9
	until_true staged 10
	kill -TERM $writer
	wait $writer
	exec 9>&-
	contains "$(cat err)" "10 rows appended"
	numbers 0 20 | pf-stage append -q --source s stage
	equals "$(rows stage | wc -l)" 20
}

# expected N: in.jsonl of N rows, and `want`, what a stage gives that was not disturbed
expected()
{
	count_schema
	numbers 0 "$1" > in.jsonl
	pf-stage append -q -S schema.yaml whole in.jsonl
	rows whole > want
}

# The stage has all that was acknowledged.
keeps_its_word()
{
	local acked
	acked=$(tail -1 acks | cut -f 1)
	[ -z "$acked" ] || [ "$(pf-stage status stage | field end)" -ge "$acked" ]
}

# Appended again, it has what is expected.
mended()
{
	pf-stage append -q -S schema.yaml stage in.jsonl
	rows stage > got
	cmp want got
}

# killed POINT: run an append that dies there, on top of what is staged
killed()
{
	run env PF_CRASH_AT="$1" pf-stage append -q --sync 1ms --segment-size 32Ki \
		--ack-fd 7 -S schema.yaml stage in.jsonl 7>> acks
}

@test "kill -9 at X1 .. X6: a rerun adds exactly what is missing, no acknowledged row is gone" {
	expected 30000
	local point n kills
	for point in X1 X2 X3 X4 X5 X6; do
		rm -rf stage acks
		kills=0
		: > acks
		for n in 1 2 1 3 2; do
			killed "$point:$n"
			[ "$status" = 137 ] || continue
			kills=$((kills + 1))
			keeps_its_word
		done
		echo "# $point: $kills kills"
		[ $kills -ge 1 ]
		mended
	done
}

@test "S01: kill -9 at random moments: row for row the same" {
	expected 200000
	local i kills=0
	for i in 1 2 3 4 5 6 7 8; do
		rm -rf stage
		: > acks
		while :; do
			pf-stage append -q --sync 1ms --segment-size 256Ki -S schema.yaml \
				--ack-fd 7 stage in.jsonl 7>> acks 3>&- &
			local pid=$!
			sleep "0.0$((RANDOM % 4))$((RANDOM % 10))"
			kill -KILL $pid 2> /dev/null || true
			wait $pid && break
			kills=$((kills + 1))
			keeps_its_word
			[ $kills -lt 60 ] || break
		done
		mended
	done
	echo "# $kills kills"
	[ $kills -ge 1 ]
}

@test "S15: a full disk: exit 4, what was acknowledged stays, more room and it goes on" {
	[ "$(id -u)" = 0 ] || skip "mounting a small file system needs root"
	mkdir small
	mount -t tmpfs -o size=300k none small 2> /dev/null || skip "no mount here"
	count_schema
	numbers 0 20000 > in.jsonl
	run --separate-stderr pf-stage append -S schema.yaml --sync 1ms --ack-fd 7 small/stage in.jsonl 7> acks
	local failed=$status message=$stderr acked
	acked=$(tail -1 acks | cut -f 1)
	pf-stage status small/stage > st
	mount -o remount,size=30m small
	run -0 pf-stage append -q small/stage in.jsonl
	rows small/stage > got
	umount small
	equals "$failed" 4
	contains "$message" "No space left"
	[ "$(field end < st)" -ge "${acked:-0}" ]
	pf-stage append -q -S schema.yaml whole in.jsonl
	rows whole > want
	cmp want got
}

@test "S16: a call that fails, wherever it stands: no false acknowledgement, a rerun mends it" {
	strace -o /dev/null true 2> /dev/null || skip "strace does not work here"
	ASAN_OPTIONS+=:detect_leaks=0 # which is a tracer itself
	expected 9000
	local call when failures=0
	for call in fdatasync:error=EIO fsync:error=EIO write:error=ENOSPC renameat:error=EIO; do
		for when in 1 2 4; do
			rm -rf stage
			: > acks
			run strace -f -o /dev/null -e trace="${call%%:*}" -e inject="$call:when=$when" \
				pf-stage append -q --sync 1ms --segment-size 32Ki --ack-fd 7 \
				-S schema.yaml stage in.jsonl 7> acks
			[ "$status" = 0 ] || failures=$((failures + 1))
			[ "$status" = 0 ] || [ "$status" = 4 ] || { echo "$call $when: $status $output"; false; }
			keeps_its_word
			mended
		done
	done
	[ $failures -ge 6 ]
}

@test "S23: out of descriptors at any point: exit 4, nothing claimed, a rerun mends it" {
	expected 200
	local n failures=0
	for n in 5 6 7 8 9 10 12 16; do
		rm -rf stage
		: > acks
		status=0
		bash -c "ulimit -n $n; exec pf-stage append -q --ack-fd 3 -S schema.yaml stage in.jsonl" \
			3> acks 2> /dev/null || status=$?
		[ "$status" = 0 ] || failures=$((failures + 1))
		# 127: not even a library could be opened.
		[ "$status" = 0 ] || [ "$status" = 4 ] || [ "$status" = 127 ]
		[ "$status" = 0 ] || [ ! -s acks ]
		mended
	done
	[ $failures -ge 1 ]
}

@test "S21: a stage of somebody else's, or that cannot be written: exit 4, named" {
	[ "$(id -u)" = 0 ] || skip "only root can be somebody else"
	setpriv --reuid=65534 --regid=65534 --clear-groups "$PF_BUILD/pf-stage" --version \
		> /dev/null 2>&1 || skip "nobody cannot run the programs here"
	count_schema
	numbers 0 20 | pf-stage append -q -S schema.yaml stage
	chmod 755 . stage
	status 4 setpriv --reuid=65534 --regid=65534 --clear-groups "$PF_BUILD/pf-stage" \
		append stage < /dev/null
	contains "$stderr" "'stage/stage.lock'"
	chmod 700 stage
	status 4 setpriv --reuid=65534 --regid=65534 --clear-groups "$PF_BUILD/pf-stage" read stage
	contains "$stderr" "stage"
}

@test "X3: a position that was not reported is reported by the next run" {
	count_schema
	numbers 0 50 > in
	PF_CRASH_AT=X3 run pf-stage append -q -S schema.yaml --ack-fd 7 stage in 7> acks
	equals "$status" 137
	equals "$(cat acks)" ""
	status 0 pf-stage append -v --ack-fd 7 stage in 7> acks
	contains "$stderr" "0 rows appended, 0 rejected, 50 duplicate"
	equals "$(cat acks)" "50	$(stat -c %s in)	in"
	status 0 bash -c 'pf-stage append -q --source s --ack-fd 7 stage 7>> acks < in'
	status 0 bash -c 'pf-stage append -q --source s --ack-fd 7 stage 7>> acks < in'
	equals "$(sed -n '2,$p' acks)" "100	$(stat -c %s in)	s
100	$(stat -c %s in)	s"
}

@test "P16 P17: outputs that fail: /dev/full, a closed descriptor" {
	count_schema
	{ numbers 0 3; echo bad; } > in
	status 4 pf-stage append -S schema.yaml --rejects /dev/full stage in
	equals "$(rows stage | wc -l)" 0
	status 0 pf-stage append --rejects bad stage in
	status 2 pf-stage append --ack-fd 99 stage <(numbers 3 4)
	contains "$stderr" "descriptor 99 is not open"
	equals "$(rows stage | wc -l)" 3
	status 4 bash -c 'pf-stage read stage > /dev/full'
	contains "$stderr" "cannot write 'stdout'"
	status 4 pf-stage append -S missing.yaml stage in
	status 4 pf-stage append stage missing
	status 2 pf-stage append new in
	contains "$stderr" "-S"
	[ ! -e new ]
}

@test "S20: a damaged stage is refused by name" {
	count_schema
	numbers 0 10 | pf-stage append -q -S schema.yaml stage
	numbers 10 20 | pf-stage append -q stage
	local file=stage/00000000000000000000.arrows
	printf X | dd of=$file bs=1 seek=1500 conv=notrunc status=none
	status 3 pf-stage read stage
	contains "$stderr" "$file"
	status 3 pf-stage append stage < <(numbers 20 30)
	contains "$stderr" "damaged"
}

@test "P15: definitions: columns are added, types widened; anything else is refused" {
	count_schema
	numbers 0 5 | pf-stage append -q -S schema.yaml stage
	sed 's/text: string/text: string\n  more: int/' schema.yaml > more.yaml
	echo '{"id": 9, "ts": "2024-01-01T00:00:00", "text": "x", "more": 7}' |
		pf-stage append -q -S more.yaml stage
	rows stage > got
	equals "$(wc -l < got)" 6
	equals "$(grep -c '"07000000"\]$' got)" 1
	equals "$(grep -c 'null\]$' got)" 5
	status 2 pf-stage append -S schema.yaml stage < <(numbers 5 6)
	contains "$stderr" "does not fit stage"
	sed 's/id: bigint/id: string/' schema.yaml > other.yaml
	status 2 pf-stage append -S other.yaml stage < <(numbers 5 6)
}

@test "Arrow input: columns by name, wider types, nulls where none may be" {
	need_peer pyarrow
	count_schema
	"$PF_PYTHON" - <<-'END'
	import datetime
	import pyarrow as pa
	t = datetime.datetime(2024, 1, 1)
	table = pa.table({"extra": [1, 2, 3, 4], "text": pa.array(["a", None, "c", "d"]),
	                  "ts": pa.array([t, t, None, t], pa.timestamp("ms")),
	                  "id": pa.array([1, None, 3, 4], pa.int32())})
	with pa.ipc.new_stream("in.arrows", table.schema) as w:
	    w.write_table(table)
	END
	status 3 pf-stage append -S schema.yaml stop in.arrows
	contains "$stderr" "row 2: null in column 'id'"
	equals "$(rows stop | wc -l)" 1
	status 0 pf-stage append -S schema.yaml --rejects bad stage in.arrows
	contains "$stderr" " 2 rows appended, 2 rejected, 0 duplicate"
	equals "$(rows stage | tail -1)" '["0400000000000000", "00d0b1fb8c010000", "64"]' ||
		rows stage
	equals "$(grep -c '"row": "{\\"id\\": null' bad)" 1
	status 0 pf-stage append --rejects bad stage in.arrows
	contains "$stderr" " 0 rows appended, 0 rejected, 4 duplicate"
	sed 's/bigint/string/' schema.yaml > other.yaml
	status 2 pf-stage append -S other.yaml other in.arrows
	contains "$stderr" "column 'id'"
}

@test "schema: a definition that the data fit, from a file or stdin" {
	numbers 0 400 > in.jsonl
	status 0 pf-stage schema in.jsonl
	equals "$stderr" ""
	contains "$output" "id: id"
	contains "$output" "time: ts"
	printf '%s\n' "$output" > guess.yaml
	status 0 pf-stage append -S guess.yaml stage in.jsonl
	contains "$stderr" " 400 rows appended, 0 rejected"
	{ echo id,ts,text; awk -F '"' '{ gsub(/[:, ]/, "", $3); print $3 "," $6 "," $10 }' in.jsonl; } |
		gzip > in.csv.gz
	pf-stage schema in.csv.gz > csv.yaml
	status 0 pf-stage append -S csv.yaml csv.stage in.csv.gz
	contains "$stderr" " 400 rows appended, 0 rejected"
	pf-stage schema < in.jsonl -o out.yaml
	grep -q '^columns:' out.yaml
	status 4 pf-stage schema missing
	status 4 bash -c 'pf-stage schema in.jsonl > /dev/full'
}
