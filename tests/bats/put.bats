# SPDX-License-Identifier: Apache-2.0
# pf-put: what is committed, what is refused, what is left behind.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage pf-partition pf-pack pf-put
	small_schema
	small_rows
	table=wh/default.db/events
	pf-put -q --create schema.yaml $table
}

# Segments without marks.
segments()
{
	pf-partition -S schema.yaml "$@" | pf-pack -q
}

rows()
{
	pf-query -O tsv -c 'count(*) as n' $table | tail -1
}

data_files()
{
	find $table -name 'data-*' | wc -l
}

@test "--create: the schema, the options that keep the layout, and only once" {
	status 2 pf-put --create schema.yaml $table
	contains "$stderr" "is a table already (PF2022)"
	status 2 pf-put --create schema.yaml 'wh/default.db/a$b'
	contains "$stderr" "cannot have a '\$'"
	sed -i 's/price: double/_LEVEL: double/' schema.yaml
	status 2 pf-put --create schema.yaml wh/default.db/other
	contains "$stderr" "is reserved"
	[ ! -e wh/default.db/other/schema ]
	python3 - $table/schema/schema-0 <<-'END'
	import json, sys
	s = json.load(open(sys.argv[1]))
	assert [f["name"] for f in s["fields"]] == ["user_id", "ts", "event", "price", "dt"]
	assert [f["type"] for f in s["fields"]] == ["BIGINT NOT NULL", "TIMESTAMP(3) NOT NULL", "STRING", "DOUBLE", "STRING"]
	assert [f["id"] for f in s["fields"]] == list(range(5)) and s["highestFieldId"] == 4
	assert s["partitionKeys"] == ["dt"] and s["primaryKeys"] == [] and s["version"] == 3
	o = s["options"]
	assert o["bucket"] == "4" and o["bucket-key"] == "user_id" and o["bucket-append-ordered"] == "false"
	assert o["pf.id"] == "user_id" and o["pf.time"] == "ts" and o["pf.zone"] == "UTC" and o["pf.partition-by"] == "day"
	END
}

@test "a load is one snapshot with the stage's offsets; again, it is already loaded" {
	pf-stage append -q -S schema.yaml stage events.jsonl
	pf-stage read stage --from-start | pf-partition | pf-pack -q > segs.arrows
	status 0 pf-put $table segs.arrows
	contains "$stderr" "pf-put: events: snapshot 1, 3 segments, 4 rows, "
	contains "$stderr" " in 2 partitions"
	equals "$output" ""
	equals "$(cat $table/snapshot/LATEST)" 1
	contains "$(cat $table/snapshot/snapshot-1)" '"pf:offsets"'
	contains "$(cat $table/consumer/consumer-paraflow)" '"nextSnapshot" : 1'
	status 0 pf-put $table < segs.arrows
	contains "$stderr" "already loaded, nothing to do"
	equals "$(data_files)" 3
	equals "$(rows)" 4
	status 0 pf-put --verify $table
	contains "$stderr" "snapshot 1 is sound: 3 files, 4 rows"
}

@test "C03: what somebody else has loaded meanwhile: exit 75, and nothing is left of ours" {
	pf-stage append -q -S schema.yaml stage events.jsonl
	pf-stage read stage --from-start | pf-partition | pf-pack -q > early.arrows
	sed 's/7,/8,/' events.jsonl | sed -n 2p >> events.jsonl
	pf-stage append -q stage events.jsonl
	pf-stage read stage --from-start | pf-partition | pf-pack -q > whole.arrows
	pf-put -q $table early.arrows
	status 75 pf-put $table whole.arrows
	contains "$stderr" "has loaded up to 4 (PF7502)"
	contains "$stderr" "--after $table"
	equals "$(data_files)" 3
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(rows)" 5
}

@test "a stage whose first rows are gone: only with --restart" {
	pf-stage append -q -S schema.yaml stage events.jsonl
	pf-stage read stage --offsets 2 | pf-partition | pf-pack -q > late.arrows
	status 75 pf-put $table late.arrows
	contains "$stderr" "--restart loads it if it is meant to begin there"
	pf-put -q --restart $table late.arrows
	equals "$(rows)" 2
	status 0 pf-put --restart $table late.arrows
	contains "$stderr" "already loaded"
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(rows)" 2
}

@test "streams without marks: only with --append, each once" {
	segments events.jsonl > day.arrows
	status 2 pf-put $table day.arrows
	contains "$stderr" "--append commits them, once"
	equals "$(data_files)" 0
	equals "$(find $table/snapshot -name 'snapshot-*' | wc -l)" 0
	pf-put -q --append $table day.arrows
	status 0 pf-put --append $table day.arrows
	contains "$stderr" "refused as already loaded"
	equals "$(data_files)" 3
	head -1 events.jsonl > one.jsonl
	segments one.jsonl > one.arrows
	pf-put -q --append $table one.arrows
	equals "$(rows)" 5
}

@test "P13: an empty load makes no snapshot" {
	: > none.jsonl
	pf-stage append -q -S schema.yaml stage none.jsonl
	pf-stage read stage --after $table | pf-partition | pf-pack -q > none.arrows
	status 0 pf-put $table none.arrows
	[ ! -e $table/snapshot/snapshot-1 ]
}

@test "C14: segments that do not fit the table: exit 2, the difference, nothing left" {
	segments events.jsonl > day.arrows
	sed 's/buckets: 4/buckets: 8/' schema.yaml > eight.yaml
	pf-put -q --create eight.yaml wh/default.db/eight
	status 2 pf-put --append wh/default.db/eight day.arrows
	contains "$stderr" "the segments are of 4 buckets, table 'wh/default.db/eight' has 8"
	sed 's/price: double/price: bigint/' schema.yaml > price.yaml
	pf-put -q --create price.yaml wh/default.db/price
	status 2 pf-put --append wh/default.db/price day.arrows
	contains "$stderr" "column 'price' is double in the segment and bigint in the table"
	sed 's/partition: day/partition: month/' schema.yaml > month.yaml
	pf-put -q --create month.yaml wh/default.db/month
	status 2 pf-put --append wh/default.db/month day.arrows
	contains "$stderr" "partition is 'day', the table's 'month'"
	sed 's/  event: string//' schema.yaml > less.yaml
	pf-put -q --create less.yaml wh/default.db/less
	status 2 pf-put --append wh/default.db/less day.arrows
	contains "$stderr" "column 3 is 'event' in the segment and 'price' in the table"
	equals "$(find wh -name 'data-*' | wc -l)" 0
}

@test "operands: no table, rows instead of segments, a terminal" {
	status 4 pf-put nowhere < /dev/null
	mkdir empty
	status 2 pf-put empty < /dev/null
	contains "$stderr" "is not a table"
	pf-partition -S schema.yaml events.jsonl > rows.arrows
	status 2 pf-put $table rows.arrows
	contains "$stderr" "put pf-pack before this program"
	run on_terminal "pf-put $table"
	equals "$status" 2
	status 2 pf-put --create schema.yaml --verify $table
	status 2 pf-put --verify $table more
}

@test "X7 .. X12 C01: killed at every point of a commit: the rerun makes it whole" {
	pf-stage append -q -S schema.yaml stage events.jsonl
	pf-stage read stage --from-start | pf-partition | pf-pack -q > segs.arrows
	for x in X7 X8 X9 X10 X11 X12; do
		rm -rf wh
		pf-put -q --create schema.yaml $table
		PF_CRASH_AT=$x status 137 pf-put $table segs.arrows
		[ "$x" != X12 ] || [ -e $table/snapshot/snapshot-1 ]
		[ "$x" = X12 ] || [ ! -e $table/snapshot/snapshot-1 ]
		pf-put -q $table segs.arrows
		equals "$(rows)" 4
		pf-put -q --verify $table
	done
}

@test "K05: a full disk: exit 4, nothing committed, nothing left" {
	mkdir small
	mount -t tmpfs -o size=256k tmpfs small 2> /dev/null || skip "cannot mount a tmpfs"
	pf-put -q --create schema.yaml small/t
	awk 'BEGIN { srand(3); for (i = 0; i < 60000; i++)
		printf "{\"user_id\": %d, \"ts\": \"2024-01-01T00:00:00.000\", \"price\": %.9f}\n", rand() * 1e9, rand() }' > many.jsonl
	segments many.jsonl > many.arrows
	status 4 pf-put --append small/t many.arrows
	files=$(find small/t -name 'data-*' | wc -l)
	snapshots=$(find small/t -name 'snapshot-*' | wc -l)
	umount small
	contains "$stderr" "No space left"
	equals "$files $snapshots" "0 0"
}

@test "C17: --verify names a file that is damaged, cut or gone" {
	segments events.jsonl | pf-put -q --append $table
	f=$(find $table -name 'data-*' | head -1)
	cp "$f" saved
	head -c 300 saved > "$f"
	status 3 pf-put --verify $table
	contains "$stderr" "the file has 300 bytes"
	rm "$f"
	status 3 pf-put --verify $table
	contains "$stderr" "No such file or directory"
	contains "$stderr" "problem"
	# A byte in a page that is another one.
	cp saved "$f"
	printf '\252' | dd of="$f" bs=1 seek=40 conv=notrunc 2> dd.log
	cmp -s "$f" saved && return 1
	status 3 pf-put --verify $table
	cp saved "$f"
	status 0 pf-put --verify $table
	# A symbolic link is not followed out of the table.
	rm "$f"
	ln -s "$PWD/saved" "$f"
	status 3 pf-put --verify $table
	contains "$stderr" "symbolic link"
}

@test "C19: files have the modes that the umask leaves" {
	for mask in 077 027 000; do
		rm -rf modes
		(umask $mask && pf-put -q --create schema.yaml modes/default.db/t &&
			segments events.jsonl | pf-put -q --append modes/default.db/t)
		want=$(printf %o $((0666 & ~0$mask)))
		equals "$(find modes -type f -printf '%m\n' | sort -u)" "$want"
		equals "$(find modes -mindepth 1 -type d -printf '%m\n' | sort -u)" \
			"$(printf %o $((0777 & ~0$mask)))"
	done
}

@test "C02: twelve loads at once: each stage's rows are there once" {
	for i in 1 2 3 4 5 6; do
		sed "s/\"event\"/\"x\": $i, \"event\"/" events.jsonl > e$i.jsonl
		pf-stage append -q -S schema.yaml stage$i e$i.jsonl
		pf-stage read stage$i --from-start | pf-partition | pf-pack -q > s$i.arrows
	done
	for i in 1 2 3 4 5 6 1 2 3 4 5 6; do
		pf-put -q $table s$i.arrows &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p"
	done
	equals "$(rows)" 24
	equals "$(data_files)" 18
	pf-put -q --verify $table
	equals "$(cat $table/snapshot/LATEST)" 6
	no_temporaries $table
}
