# SPDX-License-Identifier: Apache-2.0
# pf-put's maintenance: rows stay what they are, plans are what is done.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage pf-partition pf-pack pf-put pf-query
	small_schema
	table=wh/default.db/events
	pf-put -q --create schema.yaml $table
	loads=0
}

# load_rows FIRST LAST: rows of 50 entities, one a second; stamp tells them apart.
load_rows()
{
	loads=$((loads + 1))
	awk -v first="$1" -v last="$2" 'BEGIN { for (i = first; i <= last; i++)
		printf "{\"user_id\": %d, \"ts\": \"2024-01-31T%02d:%02d:%02d\", \"event\": \"e%d\", \"price\": %d.5}\n",
			i * 7919 % 50, int(i / 3600) % 24, int(i / 60) % 60, i % 60, i % 3, i }' > rows.$loads.jsonl
	pf-stage append -q -S schema.yaml stage rows.$loads.jsonl
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
}

content()
{
	pf-query "$@" -O tsv $table | LC_ALL=C sort | md5sum
}

files()
{
	pf-query --files -O tsv "$@" $table | tail -n +2 | wc -l
}

snapshot()
{
	cat $table/snapshot/LATEST
}

@test "--compact: the same rows in fewer files, sound, and nothing left to do" {
	for i in 0 1 2 3 4 5; do
		load_rows $((i * 100)) $((i * 100 + 99))
	done
	before=$(content)
	history=$(pf-query --id 42 -O tsv $table | md5sum)
	equals "$(files)" 24
	status 0 pf-put --compact --explain $table
	contains "$output" "dt=2024-01-31/bucket-3: 6 files in 6 runs, "
	contains "$output" ": runs of like size"
	contains "$output" "24 of 24 files would be rewritten, 600 rows, "
	equals "$(snapshot)" 6
	equals "$(find $table -name 'data-*' | wc -l)" 24
	status 0 pf-put --compact $table
	contains "$stderr" "pf-put: events: snapshot 7, 24 files with 600 rows are 4 files now, "
	equals "$(files)" 4
	equals "$(content)" "$before"
	equals "$(content --no-prune)" "$before"
	equals "$(pf-query --id 42 -O tsv $table | md5sum)" "$history"
	equals "$(content --snapshot 6)" "$before"
	status 0 pf-put --verify $table
	contains "$stderr" "is sound: 4 files, 600 rows"
	contains "$(cat $table/snapshot/snapshot-7)" '"commitKind" : "COMPACT"'
	status 0 pf-put --compact $table
	contains "$stderr" "pf-put: events: nothing to compact"
	equals "$(snapshot)" 7
	status 0 pf-put --compact --full --explain $table
	contains "$output" "0 of 4 files would be rewritten"
}

@test "--compact: tiers: a large old run stays until new ones are half as large; --full takes it" {
	load_rows 0 39999
	load_rows 40000 40049
	load_rows 40050 40099
	pf-put -q --compact $table
	equals "$(files)" 8
	status 0 pf-put --compact $table
	contains "$stderr" "nothing to compact"
	before=$(content)
	status 0 pf-put --compact --full $table
	contains "$stderr" "8 files with 40,100 rows are 4 files now"
	equals "$(content)" "$before"
}

@test "--compact carries the offset map, and loads go on over it" {
	load_rows 0 49
	load_rows 50 99
	pf-put -q --compact $table
	equals "$(python3 -c "
import json
s = json.load(open('$table/snapshot/snapshot-3'))
m = json.loads(s['properties']['pf:offsets'])
print([p['next'] for g in m['stages'].values() for p in g['parts'].values()])")" "[100]"
	load_rows 100 149
	equals "$(pf-query -c 'count(*) as n' -O tsv $table | tail -1)" 150
	equals "$(pf-query -c 'count(*) as n' -O tsv $table stage | tail -1)" 150
	status 0 pf-put --verify $table
}

@test "--compact keeps equal rows of one ID and time in the order of their commits" {
	for i in 1 2 3 4; do
		for n in 1 2 3; do
			printf '{"user_id": 1, "ts": "2024-01-31T00:00:00", "event": "%d-%d", "price": 0}\n' $i $n
		done > same.$i.jsonl
		pf-stage append -q -S schema.yaml stage same.$i.jsonl
		pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
		[ $i != 2 ] || pf-put -q --compact $table
	done
	pf-put -q --compact --full $table
	equals "$(files)" 1
	equals "$(pf-query -c event -O tsv $table | tail -n +2 | tr '\n' ' ')" \
		"1-1 1-2 1-3 2-1 2-2 2-3 3-1 3-2 3-3 4-1 4-2 4-3 "
}

@test "--compact keeps the indexes that the files had" {
	load_rows 0 99
	pf-index --bloom event --file-index bitmap:event --file-index bloom-filter:price $table |
		pf-put -q $table
	load_rows 100 199
	before=$(content)
	pf-put -q --compact --full $table
	equals "$(content)" "$before"
	status 0 pf-put --verify $table
	status 0 pf-index --bloom event --file-index bitmap:event --file-index bloom-filter:price -v $table
	contains "$stderr" "0 of 4 segments indexed"
	status 0 pf-query -w "price = 100.25" --explain $table
	contains "$output" "4 by file index"
}

@test "--compact leaves files that old engines can read such, and packs others as ever" {
	need_peer pyarrow
	# deltas: the encodings of the live files.
	deltas()
	{
		pf-query --files -O tsv $table | awk -v t=$table 'NR > 1 { print t "/" $1 "/bucket-" $2 "/" $3 }' |
			"$PF_PYTHON" -c 'import sys, pyarrow.parquet as pq
seen = set()
for f in sys.stdin.read().split():
    m = pq.ParquetFile(f).metadata
    for c in range(m.num_columns):
        seen |= set(m.row_group(0).column(c).encodings)
print(*sorted(e for e in seen if "DELTA" in e))'
	}
	for i in 0 1; do
		awk -v i=$i 'BEGIN { for (k = 0; k < 400; k++)
			printf "{\"user_id\": %d, \"ts\": \"2024-01-31T10:%02d:%02d.%03d\", \"event\": \"%d-%d\"}\n",
				k * 7919 % 50, k / 60, k % 60, k, k * k, i }' > rows.jsonl
		pf-partition -S schema.yaml -I jsonl rows.jsonl | pf-pack -q --old-readers | pf-put -q --append $table
	done
	equals "$(deltas)" ""
	pf-put -q --compact --full $table
	equals "$(files)" 4
	equals "$(deltas)" ""
	sed -i 's/-1"/-2"/' rows.jsonl
	pf-partition -S schema.yaml -I jsonl rows.jsonl | pf-pack -q | pf-put -q --append $table
	contains "$(deltas)" DELTA_BINARY_PACKED
	pf-put -q --compact --full $table
	equals "$(files)" 4
	contains "$(deltas)" DELTA_BINARY_PACKED
	status 0 pf-put --verify $table
}

@test "X18: --compact beside loads: what came meanwhile stays; what was replaced is planned anew" {
	for i in 0 1 2 3; do load_rows $((i * 50)) $((i * 50 + 49)); done
	(
		for i in 4 5 6 7 8 9; do load_rows $((i * 50)) $((i * 50 + 49)); done
	) &
	loader=$!
	for i in 1 2 3 4 5 6; do
		run -0 pf-put -q --compact --full $table
	done
	(pf-put -q --compact --full $table || [ $? = 75 ]) &
	(pf-put -q --compact --full $table || [ $? = 75 ]) &
	wait
	equals "$(pf-query -c 'count(*) as n' -O tsv $table | tail -1)" 500
	equals "$(pf-query -c 'sum(price) as s' -O tsv $table | tail -1)" "125000"
	status 0 pf-put --verify $table
}

@test "--compact killed at every point of its commit: the table is what it was, and the rerun does it" {
	for i in 0 1 2; do load_rows $((i * 50)) $((i * 50 + 49)); done
	before=$(content)
	for x in X7 X7:4 X8 X8:3 X9 X10 X11 X12; do
		rm -rf copy
		cp -r $table copy
		run -137 env PF_CRASH_AT=$x pf-put -q --compact copy
		equals "$(pf-query -O tsv copy | LC_ALL=C sort | md5sum)" "$before"
		status 0 pf-put --verify copy
		pf-put -q --compact copy
		equals "$(pf-query -O tsv copy | LC_ALL=C sort | md5sum)" "$before"
		equals "$(pf-query --files -O tsv copy | tail -n +2 | wc -l)" 4
		status 0 pf-put --verify copy
	done
}

@test "--compact killed at any moment: not a row is another, and --clean finds what was left" {
	for i in 0 1 2 3; do load_rows $((i * 5000)) $((i * 5000 + 4999)); done
	before=$(content)
	cp -r $table whole
	killed=0
	for t in 0.004 0.008 0.012 0.016 0.02 0.025 0.03 0.04 0.06 0.1; do
		rm -rf $table
		cp -r whole $table
		run timeout -s KILL $t pf-put -q --compact --full $table
		[ "$status" != 137 ] || killed=$((killed + 1))
		equals "$(content)" "$before"
		status 0 pf-put --verify $table
		pf-put -q --compact --full $table
		equals "$(files)" 4
		equals "$(content)" "$before"
		pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
		pf-put -q --clean --older-than 0s $table
		equals "$(find $table -name 'data-*' | wc -l)" 4
		equals "$(content)" "$before"
	done
	[ $killed -gt 0 ]
}

@test "--expire goes by the offset map, not by what a killed commit left in our consumer file" {
	for i in 0 1 2; do load_rows $((i * 100)) $((i * 100 + 99)); done
	echo '{"nextSnapshot": 1}' > $table/consumer/consumer-paraflow
	pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
	equals "$(pf-query --snapshots -O tsv $table | tail -n +2 | wc -l)" 1
	echo '{"nextSnapshot": 3}' > $table/consumer/consumer-other
	load_rows 300 399
	pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
	equals "$(pf-query --snapshots -O tsv $table | tail -n +2 | wc -l)" 2
}

@test "--compact of another engine's files: unsorted ones are sorted, without options of ours" {
	need_peer pypaimon pyarrow
	"$PF_PYTHON" - <<-'END'
	import pyarrow as pa, random, pypaimon
	catalog = pypaimon.CatalogFactory.create({"warehouse": "theirs"})
	catalog.create_database("default", True)
	schema = pa.schema([("k", pa.string()), ("n", pa.int64()), ("dt", pa.string())])
	catalog.create_table("default.t", pypaimon.Schema.from_pyarrow_schema(schema, ["dt"],
		options={"bucket": "2", "bucket-key": "k"}), False)
	table = catalog.get_table("default.t")
	rnd = random.Random(1)
	for _ in range(3):
	    write = table.new_batch_write_builder()
	    w, c = write.new_write(), write.new_commit()
	    rows = [{"k": f"key {rnd.randrange(50)}", "n": rnd.randrange(1000), "dt": rnd.choice("ab")} for _ in range(200)]
	    w.write_arrow(pa.Table.from_pylist(rows, schema))
	    c.commit(w.prepare_commit())
	    w.close(); c.close()
	END
	table=theirs/default.db/t
	before=$(content)
	equals "$(pf-query -c 'count(*) as n' -O tsv $table | tail -1)" 600
	status 0 pf-put --compact $table
	contains "$stderr" "snapshot 4, 12 files with 600 rows are 4 files now"
	equals "$(content)" "$before"
	status 0 pf-put --verify $table
	status 0 pf-put --compact --full $table
	contains "$stderr" "nothing to compact"
	lacks "$(cat $table/snapshot/snapshot-4)" "pf:offsets"
	[ ! -e $table/consumer/consumer-paraflow ]
	equals "$("$PF_PYTHON" -c '
import pypaimon
t = pypaimon.CatalogFactory.create({"warehouse": "theirs"}).get_table("default.t")
b = t.new_read_builder()
rows = b.new_read().to_arrow(b.new_scan().plan().splits()).to_pylist()
print(len(rows), sum(r["n"] for r in rows))')" "600 $(pf-query -c 'sum(n) as s' -O tsv $table | tail -1)"
}

@test "--compact keeps to --memory, whatever there is to merge" {
	# 400,000 rows, about 80 MB of them, in ten loads.
	rm -r $table
	sed 's/buckets: 4/buckets: 1/' schema.yaml > one.yaml
	pf-put -q --create one.yaml $table
	for i in 0 1 2 3 4 5 6 7 8 9; do
		awk -v i=$i 'BEGIN { srand(i); for (k = 0; k < 40000; k++) {
			s = i ":"; for (j = 0; j < 18; j++) s = s sprintf("%09d-", rand() * 1e9)
			printf "{\"user_id\": %d, \"ts\": \"2024-01-31T10:%02d:%02d.%03d\", \"event\": \"%s\"}\n",
				rand() * 5000, k % 3600 / 60, k % 60, k % 1000, s } }' |
			pf-partition -S one.yaml -I jsonl | pf-pack -q | pf-put -q --append $table
	done
	equals "$(files)" 10
	before=$(pf-query -c 'count() as n, min(event) as a, max(event) as z, distinct(event) as d' $table)
	cat > rss.py <<-'END'
	import resource, subprocess, sys
	subprocess.run(sys.argv[1:], check=True)
	print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
	END
	mib=$(python3 rss.py pf-put -q --compact --memory 64Mi --tmp-dir . $table)
	echo "$mib MiB"
	case $PF_BUILD in *asan*) ;; *) [ "$mib" -lt 110 ] ;; esac # the sanitizer's own memory counts
	equals "$(pf-query -c 'count() as n, min(event) as a, max(event) as z, distinct(event) as d' $table)" "$before"
	status 0 pf-put --verify $table
}

@test "queries beside compactions and expiry: every one gives all rows" {
	for i in 0 1 2 3 4 5; do load_rows $((i * 100)) $((i * 100 + 99)); done
	before=$(content)
	(
		for i in 1 2 3 4 5 6 7 8; do
			pf-index --file-index bloom-filter:event,price $table | pf-put -q $table
			pf-put -q --compact --full $table
			pf-put -q --expire --keep 1 --keep-time 0s --grace 30s $table
			pf-put -q --clean --older-than 30s $table
			pf-put -q --rollback 6 $table
		done
		touch done
	) &
	n=0
	while [ ! -e done ] || [ $n -lt 5 ]; do
		equals "$(content)" "$before"
		equals "$(pf-query -c 'count() as n' -w "event like 'e%'" -O tsv $table | tail -1)" 600
		n=$((n + 1))
	done
	wait
	echo "$n queries"
	status 0 pf-put --verify $table
}

# ids N...: the snapshots that there are.
snapshots()
{
	pf-query --snapshots -O tsv $table | tail -n +2 | cut -f 1 | tr '\n' ' '
}

# Every file that anything refers to is there, nothing else.
no_orphans()
{
	status 0 pf-put --clean --older-than 0s --explain $table
	contains "$output" "0 orphans would go, 0 bytes"
}

@test "--expire: what only old snapshots need goes; queries, the map and the newest stay" {
	for i in 0 1 2 3 4; do load_rows $((i * 20)) $((i * 20 + 19)); done
	pf-put -q --compact $table
	before=$(content)
	old=$(find $table -name 'data-*' | wc -l)
	status 0 pf-put --expire $table
	contains "$stderr" "nothing to expire"
	status 0 pf-put --expire --keep 2 --keep-time 0s $table
	contains "$stderr" "nothing to expire" # grace
	status 0 pf-put --expire --keep 2 --keep-time 0s --grace 1h --explain $table
	contains "$output" "no snapshot would expire; snapshot 1 stays: a query may be reading it"
	status 0 pf-put --expire --keep 2 --keep-time 0s --grace 0s --explain $table
	contains "$output" "snapshots 1 to 4 would expire, with 0 data files and "
	contains "$output" "snapshot 5 stays: it is among the newest"
	equals "$(snapshots)" "1 2 3 4 5 6 "
	status 0 pf-put --expire --keep 2 --keep-time 0s --grace 0s $table
	contains "$stderr" "snapshots 1 to 4 expired, "
	equals "$(snapshots)" "5 6 "
	equals "$(cat $table/snapshot/EARLIEST)" 5
	equals "$(find $table -name 'data-*' | wc -l)" "$old"
	no_orphans
	status 0 pf-put --expire --keep 1 --keep-time 0s --grace 0s $table
	equals "$(snapshots)" "6 "
	equals "$(find $table -name 'data-*' | wc -l)" "$(files)"
	equals "$(content)" "$before"
	no_orphans
	status 0 pf-put --verify $table
	load_rows 100 119
	equals "$(pf-query -c 'count(*) as n' -O tsv $table stage | tail -1)" 120
	status 0 pf-put --verify $table
}

@test "C10: --expire keeps what a consumer has still to read, and what holds the offset map" {
	for i in 0 1 2 3; do load_rows $((i * 10)) $((i * 10 + 9)); done
	echo '{"nextSnapshot": 3}' > $table/consumer/consumer-flink
	status 0 pf-put --expire --keep 1 --keep-time 0s --grace 0s --explain $table
	contains "$output" "snapshot 3 stays: a consumer has still to read it: flink"
	rm $table/consumer/consumer-*
	# As if others had committed since: snapshots without a map.
	python3 - $table/snapshot/snapshot-3 $table/snapshot/snapshot-4 <<-'END'
	import json, sys
	for name in sys.argv[1:]:
	    snapshot = json.load(open(name))
	    del snapshot["properties"]
	    json.dump(snapshot, open(name, "w"))
	END
	status 0 pf-put --expire --keep 1 --keep-time 0s --grace 0s --explain $table
	contains "$output" "snapshot 2 stays: it says what has been loaded"
}

@test "--tag: a tagged snapshot can be read after it expired; --delete-tag and --clean let it go" {
	load_rows 0 19
	load_rows 20 39
	first=$(content --snapshot 1)
	status 0 pf-put --tag monday --snapshot 1 $table
	contains "$stderr" "events: snapshot 1 is 'monday'"
	status 0 pf-put --tag monday --snapshot 1 $table
	contains "$stderr" "already"
	status 2 pf-put --tag monday $table
	contains "$stderr" "exists already: it is snapshot 1"
	status 0 pf-put --tag now $table
	for bad in 7 "a b" a/b ''; do
		status 2 pf-put --tag "$bad" $table
		contains "$stderr" "(PF2001)"
	done
	status 2 pf-put --tag later --snapshot 9 $table
	equals "$(pf-query --snapshots -O tsv $table | tail -n +2 | cut -f 1,8 | tr '\t\n' '  ')" "1 monday 2 now "
	pf-put -q --compact --full $table
	pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
	equals "$(snapshots)" "1 2 3 "
	equals "$(ls $table/snapshot | grep -c snapshot-)" 1
	equals "$(content --snapshot monday)" "$first"
	status 2 pf-query --snapshot tuesday $table
	contains "$stderr" "has no tag 'tuesday'"
	no_orphans
	pf-put -q --delete-tag now $table
	status 2 pf-put --delete-tag now $table
	pf-put -q --clean --older-than 0s $table
	equals "$(content --snapshot monday)" "$first"
	status 0 pf-put --delete-tag monday $table
	contains "$stderr" "tag 'monday' is gone"
	status 0 pf-put --clean --older-than 0s $table
	contains "$stderr" " orphans deleted, "
	equals "$(find $table -name 'data-*' | wc -l)" "$(files)"
	no_orphans
	status 0 pf-put --verify $table
}

@test "C11: --rollback: the table, its offsets and its later tags are what they were; the stage is read again" {
	load_rows 0 19
	one=$(content)
	load_rows 20 39
	two=$(content)
	pf-put -q --tag end $table
	status 0 pf-put --rollback 1 --explain $table
	contains "$output" "delete snapshot 2"
	contains "$output" "delete tag end"
	contains "$output" "would have 20 rows instead of 40, as of snapshot 1"
	equals "$(content)" "$two"
	status 0 pf-put --rollback 1 $table
	contains "$stderr" "back at snapshot 1, 20 rows; what was loaded since is read from the stage again"
	equals "$(content)" "$one"
	equals "$(snapshots)" "1 "
	equals "$(cat $table/snapshot/LATEST)" 1
	equals "$(ls $table/tag)" ""
	contains "$(cat $table/consumer/consumer-paraflow)" '"nextSnapshot" : 1'
	equals "$(pf-query -c 'count(*) as n' -O tsv $table stage | tail -1)" 40
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(content)" "$two"
	equals "$(snapshots)" "1 2 "
	status 0 pf-put --verify $table
	pf-put -q --clean --older-than 0s $table
	status 0 pf-put --verify $table
	status 2 pf-put --rollback 5 $table
	contains "$stderr" "has no snapshot '5'"
	status 2 pf-put --rollback nowhere $table
	contains "$stderr" "has no tag 'nowhere'"
}

@test "--rollback to a tag whose snapshot has expired" {
	load_rows 0 19
	one=$(content)
	pf-put -q --tag start $table
	load_rows 20 39
	load_rows 40 59
	three=$(content)
	pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
	pf-put -q --rollback start $table
	equals "$(content)" "$one"
	equals "$(ls $table/snapshot | sort | tr '\n' ' ')" "EARLIEST LATEST snapshot-1 "
	equals "$(cat $table/snapshot/EARLIEST)" 1
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(content)" "$three"
	status 0 pf-put --verify $table
}

@test "--clean: only orphans, only old ones, of all places" {
	load_rows 0 19
	pf-put -q --tag one $table
	pf-index --file-index bloom-filter:event --file-index bitmap:price $table | pf-put -q $table
	before=$(content)
	bucket=$(dirname "$(find $table -name 'data-*' | head -1)")
	touch -d '2 days ago' $bucket/data-orphan-0.parquet $bucket/data-orphan-0.parquet.index \
		$table/manifest/manifest-orphan-0 $table/manifest/manifest-list-orphan-0 \
		$table/snapshot/.snapshot-9.x.tmp $table/schema/.schema-1.x.tmp
	touch $bucket/data-young-0.parquet
	touch -d '2 days ago' $bucket/readme.txt $table/notes.parquet
	find $table -name 'data-*' -exec touch -d '3 days ago' {} +
	touch $bucket/data-young-0.parquet
	status 0 pf-put --clean --explain $table
	contains "$output" "6 orphans would go, 0 bytes"
	status 0 pf-put --clean $table
	contains "$stderr" "events: 6 orphans deleted, 0 bytes"
	equals "$(find $table -name '*orphan*' -o -name '.*.tmp' | wc -l)" 0
	[ -e $bucket/data-young-0.parquet ]
	[ -e $bucket/readme.txt ]
	[ -e $table/notes.parquet ]
	equals "$(content)" "$before"
	equals "$(content --snapshot one)" "$before"
	status 0 pf-put --verify $table
	status 0 pf-put --clean $table
	contains "$stderr" "no orphans"
}

@test "killed while it expires, rolls back: the table is sound, the rerun goes on" {
	for i in 0 1 2 3 4; do load_rows $((i * 20)) $((i * 20 + 19)); done
	pf-put -q --compact $table
	pf-put -q --compact --full $table
	before=$(content)
	two=$(content --snapshot 2)
	cp -r $table whole
	for x in X13 X13:3 X14 X14:7; do
		rm -rf $table
		cp -r whole $table
		run -137 env PF_CRASH_AT=$x pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
		equals "$(content)" "$before"
		status 0 pf-put --verify $table
		pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
		pf-put -q --clean --older-than 0s $table
		equals "$(snapshots)" "6 "
		equals "$(find $table -name 'data-*' | wc -l)" "$(files)"
		status 0 pf-put --verify $table
	done
	for x in X15 X15:3; do
		rm -rf $table
		cp -r whole $table
		run -137 env PF_CRASH_AT=$x pf-put -q --rollback 2 $table
		status 0 pf-put --verify $table
		pf-put -q --rollback 2 $table
		equals "$(content)" "$two"
		pf-put -q --clean --older-than 0s $table
		status 0 pf-put --verify $table
	done
}

# altered COLUMN-LINES: a definition with these columns behind the first two.
altered()
{
	sed '/event: string/,$d' schema.yaml
	printf '  %s\n' "$@"
}

one_row()
{
	printf '%s\n' "$1" > row.jsonl
	pf-stage append -q -S "${2:-schema.yaml}" "${3:-stage}" row.jsonl
	pf-stage read "${3:-stage}" --after $table | pf-partition | pf-pack -q | pf-put -q $table
}

rows()
{
	pf-query "$@" -O tsv $table | tail -n +2 | LC_ALL=C sort | tr '\t\n' '|,'
}

@test "--alter: added columns are null, renamed ones keep their data, dropped ones disappear" {
	one_row '{"user_id": 1, "ts": "2024-01-31T00:00:01", "event": "a", "price": 1.5}'
	altered 'kind: {type: string, was: event}' 'price: double' 'country: string' > new.yaml
	status 0 pf-put --alter new.yaml --explain $table
	equals "$output" "rename column 'event' to 'kind'
add column 'country' string"
	[ ! -e $table/schema/schema-1 ]
	status 0 pf-put --alter new.yaml $table
	contains "$stderr" "pf-put: events: schema 1: rename column 'event' to 'kind'; add column 'country' string"
	status 0 pf-put --alter new.yaml $table
	contains "$stderr" "is as the definition says"
	[ ! -e $table/schema/schema-2 ]
	equals "$(rows)" "1|2024-01-31T00:00:01.000|a|1.5||2024-01-31,"
	# A stage of the old definition: its rows are of the old schema.
	one_row '{"user_id": 2, "ts": "2024-01-31T00:00:02", "event": "b", "price": 2.5}'
	one_row '{"user_id": 3, "ts": "2024-01-31T00:00:03", "kind": "c", "country": "CH"}' new.yaml stage2
	equals "$(rows -c user_id,kind,country)" "1|a|,2|b|,3|c|CH,"
	equals "$(rows -c user_id -w "kind = 'b'")" "2,"
	equals "$(rows -c user_id -w "country is null")" "1,2,"
	equals "$(rows -c user_id -w "country = 'CH'" --no-prune)" "3,"
	# Indexes of old files, under the column's name of then.
	pf-index --file-index bitmap:kind,country -v $table 2> said | pf-put -q $table
	contains "$(cat said)" "3 of 3 segments indexed"
	pf-index --file-index bitmap:kind,country -v $table 2> said > none.arrows
	contains "$(cat said)" "0 of 3 segments indexed"
	equals "$(rows -c user_id -w "kind = 'b'")" "2,"
	equals "$(rows -c user_id -w "country is null")" "1,2,"
	# Rows in flight, of the old definition.
	printf '{"user_id": 4, "ts": "2024-01-31T00:00:04", "event": "d", "price": 4}\n' > row.jsonl
	pf-stage append -q stage row.jsonl
	equals "$(pf-query -c user_id,kind,country,dt -w 'user_id > 2' -O tsv $table stage | tail -n +2 | LC_ALL=C sort | tr '\t\n' '|,')" \
		"3|c|CH|2024-01-31,4|d||2024-01-31,"
	# Rows that pass no stage: the new columns are numbered behind dt.
	printf '{"user_id": 5, "ts": "2024-01-31T00:00:05", "kind": "e", "country": "DE"}\n' |
		pf-partition -S new.yaml -T $table -I jsonl | pf-pack -q | pf-put -q --append $table
	equals "$(rows -c user_id,country,dt -w 'user_id = 5')" "5|DE|2024-01-31,"
	pf-put -q --rollback "$(($(cat $table/snapshot/LATEST) - 1))" $table
	status 0 pf-put --verify $table
	altered 'price: double' > less.yaml
	status 2 pf-put --alter less.yaml $table
	contains "$stderr" "the definition would drop column 'kind'"
	pf-put -q --alter less.yaml --drop $table
	equals "$(rows)" "1|2024-01-31T00:00:01.000|1.5|2024-01-31,2|2024-01-31T00:00:02.000|2.5|2024-01-31,3|2024-01-31T00:00:03.000||2024-01-31,"
	# An old snapshot has the columns that it had.
	equals "$(pf-query --snapshot 1 -O tsv $table | head -1 | tr '\t' ' ')" "user_id ts event price dt"
	equals "$(rows --snapshot 1)" "1|2024-01-31T00:00:01.000|a|1.5|2024-01-31,"
	equals "$(rows --snapshot 3 -c user_id,kind -w "kind = 'b' or country = 'CH'")" "2|b,3|c,"
	# The name again is another column.
	altered 'price: double' 'kind: string' > again.yaml
	pf-put -q --alter again.yaml $table
	equals "$(rows -c user_id,kind)" "1|,2|,3|,"
	before=$(content)
	pf-put -q --compact --full $table
	equals "$(content)" "$before"
	equals "$(pf-query --files -O tsv $table | tail -n +2 | cut -f 7 | sort -u)" "3"
	status 0 pf-put --verify $table
}

@test "--alter: widening is exact, and old files are still found and left out by their statistics" {
	altered 'n: int' 'f: float' 'd: decimal(9,2)' > one.yaml
	rm -r $table
	pf-put -q --create one.yaml $table
	one_row '{"user_id": 1, "ts": "2024-01-31T00:00:01", "n": -2147483648, "f": 0.1, "d": 1234567.89}' one.yaml
	one_row '{"user_id": 2, "ts": "2024-01-31T00:00:02", "n": 2147483647, "f": 1e30, "d": -0.01}' one.yaml
	pf-index --bloom n,f --file-index bloom-filter:n --file-index bitmap:n $table | pf-put -q $table
	altered 'n: bigint' 'f: double' 'd: decimal(20,2)' > wide.yaml
	status 0 pf-put --alter wide.yaml $table
	contains "$stderr" "widen column 'n' from int to bigint; widen column 'f' from float to double"
	one_row '{"user_id": 3, "ts": "2024-01-31T00:00:03", "n": 9007199254740993, "f": 0.1, "d": 123456789012345678.25}' wide.yaml new
	equals "$(rows -c user_id,n,d)" "1|-2147483648|1234567.89,2|2147483647|-0.01,3|9007199254740993|123456789012345678.25,"
	equals "$(rows -c user_id -w 'n = -2147483648')" "1,"
	equals "$(rows -c user_id -w 'n >= 2147483647')" "2,3,"
	equals "$(rows -c user_id -w 'n = 9007199254740993')" "3,"
	equals "$(rows -c user_id -w 'f = 0.1')" "3,"
	equals "$(rows -c user_id -w 'f < 1')" "1,3,"
	equals "$(rows -c user_id -w 'd = -0.01')" "2,"
	before=$(content)
	equals "$(content --no-prune)" "$before"
	pf-put -q --compact --full $table
	equals "$(content)" "$before"
	equals "$(rows -c user_id -w 'n = -2147483648')" "1,"
	status 0 pf-put --verify $table
}

@test "--alter refuses what rows have their places by, what loses values, what nulls would break" {
	load_rows 0 9
	refused()
	{
		status 2 pf-put --alter new.yaml --drop $table
		contains "$stderr" "$1"
		[ ! -e $table/schema/schema-1 ]
	}
	altered 'event: string' 'price: float' > new.yaml
	refused "column 'price' cannot become float: double would lose values"
	altered 'event: int' 'price: double' > new.yaml
	refused "column 'event' cannot become int"
	altered 'event: string not null' 'price: double' > new.yaml
	refused "column 'event' may be null in rows that are there"
	altered 'event: string' 'price: double' 'x: int not null' > new.yaml
	refused "column 'x' is new and must be nullable"
	sed 's/buckets: 4/buckets: 8/' schema.yaml > new.yaml
	refused "the table has 4 buckets and keeps them, not 8"
	sed 's/partition: day/partition: month/' schema.yaml > new.yaml
	refused "partitioned by day and stays so"
	sed 's/zone: UTC/zone: Europe\/Zurich/' schema.yaml > new.yaml
	refused "the table's zone is UTC"
	sed 's/user_id/uid/; s/^id: user_id/id: uid/' schema.yaml > new.yaml
	refused "the table's ID column is 'user_id'"
	altered 'a: {type: string, was: event}' 'b: {type: string, was: event}' 'price: double' > new.yaml
	refused "two columns would be what 'event' was"
	altered 'event: string' 'price: double' 'x: string' > new.yaml
	printf '{"user_id": 1, "ts": "2024-01-31T00:00:01", "x": "y"}\n' > x.jsonl
	pf-partition -S new.yaml x.jsonl | pf-pack -q > x.arrows
	status 2 pf-put --append $table x.arrows
	contains "$stderr" "pf-put --alter changes the table's schema"
}

# Every name, with content and times.
whole_tree()
{
	find "$1" -printf '%p %y %i %s %T@\n' | LC_ALL=C sort
	find "$1" -type f -exec md5sum {} + | LC_ALL=C sort
}

@test "--explain does nothing, in every mode, and its plan is what is done then" {
	for i in 0 1 2 3 4 5; do load_rows $((i * 100)) $((i * 100 + 99)); done
	pf-put -q --tag old --snapshot 2 $table
	touch -d '2 days ago' $table/manifest/manifest-orphan-0
	altered 'kind: {type: string, was: event}' 'price: double' > new.yaml
	altered 'price: double' > less.yaml
	local before
	before=$(whole_tree $table)
	# plan WHAT-IT-SAYS OPTION...
	plan()
	{
		local says=$1
		shift
		status 0 pf-put "$@" --explain $table
		contains "$output" "$says"
		equals "$stderr" ""
		equals "$(whole_tree $table)" "$before"
	}
	plan "24 of 24 files would be rewritten" --compact
	plan "24 of 24 files would be rewritten" --compact --full --memory 64Mi
	plan "snapshots 1 to 4 would expire" --expire --keep 2 --keep-time 0s --grace 0s
	plan "no snapshot would expire" --expire
	plan "snapshot 6 would be 'now'" --tag now
	plan "snapshot 3 would be 'then'" --tag 'then' --snapshot 3
	plan "snapshot 2 is 'old' already" --tag old --snapshot 2
	plan "tag 'old' of snapshot 2 would go" --delete-tag old
	plan "delete snapshot 6" --rollback 5
	plan "delete snapshot 3" --rollback old
	plan "rename column 'event' to 'kind'" --alter new.yaml
	plan "drop column 'event'" --alter less.yaml --drop
	plan "refused without --drop" --alter less.yaml
	plan "delete manifest/manifest-orphan-0" --clean
	# What would be refused is refused.
	status 2 pf-put --tag old --explain $table
	contains "$stderr" "exists already: it is snapshot 2"
	status 2 pf-put --tag later --snapshot 9 --explain $table
	contains "$stderr" "has no snapshot 9"
	status 2 pf-put --delete-tag none --explain $table
	contains "$stderr" "has no tag 'none'"
	status 2 pf-put --rollback none --explain $table
	status 2 pf-put --verify --explain $table
	equals "$(whole_tree $table)" "$before"
	# The files that are said to go are those that go.
	for mode in '--expire --keep 2 --keep-time 0s --grace 0s' --clean; do
		before=$(find $table -type f | LC_ALL=C sort)
		# shellcheck disable=SC2086
		pf-put $mode --explain $table | sed -n "s|^delete |$table/|p" | LC_ALL=C sort > said
		# shellcheck disable=SC2086
		pf-put -q $mode $table
		comm -23 <(echo "$before") <(find $table -type f | LC_ALL=C sort) |
			grep -v '/snapshot/' > gone || :
		grep -v '/snapshot/' said | cmp - gone
		[ -s gone ]
	done
}

@test "branches: others' are kept, and refused by name wherever one is given" {
	load_rows 0 19
	pf-put -q --tag one $table
	mkdir -p $table/branch/branch-b/schema $table/branch/branch-b/snapshot
	cp $table/schema/schema-0 $table/branch/branch-b/schema
	cp $table/snapshot/snapshot-1 $table/branch/branch-b/snapshot
	load_rows 20 39
	pf-put -q --compact --full $table
	pf-put -q --delete-tag one $table
	pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
	pf-put -q --clean --older-than 0s $table
	# Nothing that the branch needs is gone.
	cp -r $table copy
	cp copy/branch/branch-b/snapshot/snapshot-1 copy/tag/tag-b
	equals "$(pf-query -c 'count() as n' -O tsv --snapshot b copy | tail -1)" 20
	local branch=$table/branch/branch-b
	for command in "pf-query $branch" "pf-query --files $branch/" "pf-window -W 1d count $branch" \
		"pf-put --verify $branch" "pf-put --compact $branch" "pf-put --clean $branch" \
		"pf-index --bloom event $branch" "pf-stage read stage --after $branch"; do
		# shellcheck disable=SC2086
		status 2 $command
		contains "$stderr" "is a branch of a table, which is not supported (PF2020)"
	done
	cd $branch
	status 2 pf-query .
	contains "$stderr" "is a branch of a table, which is not supported (PF2020)"
	cd - > /dev/null
	# A table that is read together with its branch.
	for option in scan.fallback-branch scan.primary-branch; do
		cp $table/schema/schema-0 whole
		sed -i "s/\"options\" : {/&\n    \"$option\" : \"b\",/" $table/schema/schema-0
		for command in "pf-query $table" "pf-window -W 1d count $table" "pf-put --verify $table" \
			"pf-put --compact $table"; do
			# shellcheck disable=SC2086
			status 2 $command
			contains "$stderr" "together with one of its branches ($option), which is not supported"
		done
		cp whole $table/schema/schema-0
	done
	status 0 pf-put --verify $table
}

# with_option NAME VALUE: the table with one more of its own.
with_option()
{
	cp whole $table/schema/schema-0
	sed -i "s/\"options\" : {/&\n    \"$1\" : \"$2\",/" $table/schema/schema-0
}

@test "options of a table that have it read in part or at an older snapshot are refused" {
	load_rows 0 9
	load_rows 10 19
	cp $table/schema/schema-0 whole
	local option
	with_option scan.snapshot-id 1
	for command in "pf-window -W 1d count $table" "pf-put --verify $table" "pf-put --compact $table" \
		"pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put $table"; do
		status 2 bash -o pipefail -c "$command"
		contains "$stderr" "by its option scan.snapshot-id = '1', which is not supported"
	done
	for option in "scan.snapshot-id 1" "scan.tag-name first" "scan.version 1" "scan.watermark 7" \
		"scan.timestamp 2024-01-31 00:00:00" "scan.timestamp-millis 1" \
		"log.scan.timestamp-millis 1" "scan.creation-time-millis 1" \
		"scan.file-creation-time-millis 1" "scan.bucket 0" "incremental-between 1,2" \
		"incremental-between-timestamp 1,2" "incremental-to-auto-tag first" \
		"scan.mode from-snapshot" "scan.mode compacted-full" "log.scan from-timestamp"; do
		with_option "${option%% *}" "${option#* }"
		status 2 pf-query $table
		contains "$stderr" "by its option ${option%% *} = '${option#* }', which is not supported (PF2020)"
		contains "$stderr" "hint: engines reset it: ALTER TABLE ... RESET ('${option%% *}')"
	done
	# Where a batch read is one of all that is there, and what concerns streams only.
	for option in "scan.mode default" "scan.mode latest-full" "scan.mode FULL" "scan.mode latest" \
		"log.scan full" "consumer-id me" "scan.bounded.watermark 7"; do
		with_option "${option%% *}" "${option#* }"
		equals "$(pf-query -c 'count() as n' -O tsv $table | tail -1)" 20
	done
}

@test "modes exclude one another and take the table alone" {
	load_rows 0 9
	status 2 pf-put --compact --verify $table
	contains "$stderr" "(PF2001)"
	status 2 pf-put --compact $table other
	contains "$stderr" "--compact takes one operand"
	status 2 pf-put --explain $table
	contains "$stderr" "--explain goes with"
	# What belongs to one mode says nothing in another, nor in a load.
	local option
	for option in --full '--keep 3' '--keep-time 1h' '--grace 1h' --drop '--older-than 1d' \
		'--snapshot 1' '--memory 64Mi' '--tmp-dir .'; do
		status 2 pf-put --delete-tag none $option $table
		contains "$stderr" "option '${option%% *}' says nothing here (PF2001)"
		contains "$stderr" "hint: it goes with: "
	done
	status 4 pf-put --compact nowhere
	contains "$stderr" "nowhere"
}
