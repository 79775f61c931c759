# SPDX-License-Identifier: Apache-2.0
# Tables with a primary key: made, loaded with updates and deletes, read back.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage pf-partition pf-pack pf-put pf-query
	users_schema "row_kind: op"
	cat > one.csv <<-'END'
	op,user_id,event_type,timestamp
	+I,1,login,2024-01-01T00:00:00
	+I,2,login,2024-01-01T00:00:01
	+U,1,click,2024-01-01T00:00:02
	+I,3,login,2024-01-01T00:00:03
	END
	cat > two.csv <<-'END'
	op,user_id,event_type,timestamp
	-D,3,login,2024-01-01T00:00:04
	+U,2,logout,2024-01-01T00:00:05
	+I,-7,new,2024-01-01T00:00:06
	END
	pf-put -q --create users.yaml $table
}

# load FILE: stage it and commit what the table does not have.
load_file()
{
	pf-stage append -q -S users.yaml stage "$1" &&
		pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
}

@test "--create: a schema that Paimon takes for its own" {
	python3 - $table/schema/schema-0 <<-'END'
	import json, sys
	s = json.load(open(sys.argv[1]))
	assert [f["type"] for f in s["fields"]] == ["BIGINT NOT NULL", "STRING", "TIMESTAMP(3) NOT NULL"]
	assert s["primaryKeys"] == ["user_id"] and s["partitionKeys"] == []
	o = s["options"]
	assert o["bucket"] == "2" and o["bucket-key"] == "user_id" and o["merge-engine"] == "deduplicate"
	assert "bucket-append-ordered" not in o
	END
	cat > sums.yaml <<-'END'
	primary_key: [dt, item, shop]
	id: shop
	time: ts
	merge: aggregation
	sequence: [ts]
	columns:
	  shop: int
	  item: string
	  ts: timestamp(0)
	  sold:
	    type: bigint
	    aggregate: sum
	END
	pf-put -q --create sums.yaml wh/default.db/sums
	python3 - wh/default.db/sums/schema/schema-0 <<-'END'
	import json, sys
	s = json.load(open(sys.argv[1]))
	assert s["primaryKeys"] == ["dt", "item", "shop"] and s["partitionKeys"] == ["dt"]
	assert all(f["type"].endswith(" NOT NULL") for f in s["fields"] if f["name"] in s["primaryKeys"])
	o = s["options"]
	assert o["merge-engine"] == "aggregation" and o["fields.sold.aggregate-function"] == "sum"
	assert o["sequence.field"] == "ts" and o["bucket-key"] == "shop"
	END
}

@test "updates replace, deletes delete, old snapshots stay" {
	load_file one.csv
	equals "$(pf-query -O csv $table | sort)" "$(sort <<-'END'
	user_id,event_type,timestamp
	1,click,2024-01-01T00:00:02.000
	2,login,2024-01-01T00:00:01.000
	3,login,2024-01-01T00:00:03.000
	END
	)"
	load_file two.csv
	equals "$(pf-query -O csv $table | sort)" "$(sort <<-'END'
	user_id,event_type,timestamp
	-7,new,2024-01-01T00:00:06.000
	1,click,2024-01-01T00:00:02.000
	2,logout,2024-01-01T00:00:05.000
	END
	)"
	equals "$(pf-query -O csv -c event_type --id 2 $table)" "event_type
logout"
	equals "$(pf-query -O csv -c event_type -w "event_type = 'login'" $table)" "event_type"
	equals "$(pf-query -O csv -c 'count(*) as n' --snapshot 1 $table)" "n
3"
	# Nothing twice: the stage has nothing new.
	load_file two.csv
	equals "$(cat $table/snapshot/LATEST)" 2
}

@test "a segment: key columns, numbers, kinds, one row a key" {
	pf-partition -S users.yaml one.csv | pf-pack -q > segments.arrows
	pf-put -q --append $table segments.arrows
	equals "$(for f in $table/bucket-*/*.parquet; do
		pf-query -O csv -c _KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND,user_id,event_type $f
	done | sort -u)" "$(sort <<-'END'
	_KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND,user_id,event_type
	1,1,2,1,click
	2,0,0,2,login
	3,0,0,3,login
	END
	)"
	# The same segments are known by their hash.
	pf-put -q --append $table segments.arrows
	equals "$(cat $table/snapshot/LATEST)" 1
	# Numbers go on behind those in use, whoever packed the rows and when.
	pf-partition -S users.yaml two.csv | pf-pack -q > two.arrows
	pf-put -q --append $table two.arrows
	equals "$(for f in $table/bucket-*/*.parquet; do
		pf-query -O csv -c user_id,_SEQUENCE_NUMBER,_VALUE_KIND $f | tail -n +2
	done | sort)" "$(sort <<-'END'
	1,1,2
	2,0,0
	3,0,0
	-7,2,0
	2,2,2
	3,1,3
	END
	)"
}

@test "segments may be indexed on their way" {
	need_program pf-index
	pf-partition -S users.yaml one.csv | pf-pack -q |
		pf-index -q --file-index bitmap:event_type --bloom event_type | pf-put -q --append $table
	pf-partition -S users.yaml two.csv | pf-pack -q |
		pf-index -q --file-index bitmap:event_type | pf-put -q --append $table
	pf-put -q --verify $table
	for event in login logout click new; do
		want=$(pf-query -O csv -c user_id -w "event_type = '$event'" --no-prune $table)
		equals "$(pf-query -O csv -c user_id -w "event_type = '$event'" $table)" "$want"
	done
	# Stored twice, as it was and as it is: the old one is not found.
	equals "$(pf-query -O csv -c user_id -w "event_type = 'login'" $table)" "user_id"
	# Compaction makes only those that the table's options ask for.
	pf-put -q --compact --full $table
	equals "$(pf-query -O csv -c user_id -w "event_type = 'logout'" $table)" "user_id
2"
}

@test "rows that are superseded are counted" {
	run --separate-stderr bash -c "pf-partition -S users.yaml one.csv | pf-pack -v > segments.arrows"
	contains "$stderr" "4 rows in, 3 out"
	contains "$stderr" "1 rows left out: newer ones of the same key came with them"
}

@test "--verify looks at keys, numbers and kinds; --expire keeps what is needed" {
	load_file one.csv
	load_file two.csv
	status 0 pf-put --verify $table
	contains "$stderr" "is sound"
	pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
	equals "$(ls $table/snapshot | sort | tr '\n' ' ')" "EARLIEST LATEST snapshot-2 "
	equals "$(pf-query -O csv -c 'count(*) as n' $table)" "n
3"
	pf-put --verify -q $table
	# Files that were swapped: the entries tell.
	set -- $table/bucket-1/*.parquet
	cp "$1" x && cp "$2" "$1" && cp x "$2"
	status 3 pf-put --verify $table
	contains "$stderr" "its first key lies outside of what the entry says"
	contains "$stderr" "sequence numbers are not among"
	contains "$stderr" "rows are deletes, the entry says"
}

@test "--compact: one run of the highest level, without what was deleted" {
	load_file one.csv
	load_file two.csv
	# Two runs are few.
	status 0 pf-put --compact $table
	contains "$stderr" "nothing to compact"
	status 0 pf-put --compact --full $table
	contains "$stderr" "4 files with 6 rows are 2 files now"
	equals "$(pf-query --files -O csv $table | cut -d, -f2,4,6)" "bucket,rows,level
0,2,5
1,1,5"
	equals "$(pf-query -O csv -c user_id,event_type $table --order-by user_id)" "user_id,event_type
-7,new
1,click
2,logout"
	pf-put -q --verify $table
	grep -q '"totalRecordCount" : 3' $table/snapshot/snapshot-3
	grep -q '"commitKind" : "COMPACT"' $table/snapshot/snapshot-3
	# What was before is there still.
	equals "$(pf-query -O csv -c 'count(*) as n' --snapshot 1 $table)" "n
3"
	# Loads go on where they were, newer than what was compacted.
	printf '%s\n' 'op,user_id,event_type,timestamp' '-D,1,,2024-01-05' '-D,2,,2024-01-05' '-D,-7,,2024-01-05' > c.csv
	load_file c.csv
	equals "$(pf-query -O csv -c 'count(*) as n' $table)" "n
0"
	# Nothing is left of a bucket.
	pf-put -q --compact --full $table
	equals "$(pf-query --files -O csv $table | wc -l)" 1
	grep -q '"totalRecordCount" : 0' $table/snapshot/snapshot-5
	load_file one.csv
	printf '%s\n' 'op,user_id,event_type,timestamp' '+I,9,back,2024-01-06' > d.csv
	load_file d.csv
	equals "$(pf-query -O csv -c user_id,event_type $table)" "user_id,event_type
9,back"
	pf-put -q --verify $table
}

@test "--compact: Paimon's rules; runs that need no merge are not rewritten" {
	sed -i 's/buckets: 2/buckets: 1/' users.yaml
	rm -rf $table
	pf-put -q --create users.yaml $table
	# Of 1 to 40000, then four small ones within.
	{ echo op,user_id,event_type,timestamp; seq 40000 | sed 's/.*/+I,&,begin,2024-01-01/'; } > a.csv
	load_file a.csv
	for i in 1 2 3 4; do
		printf '%s\n' op,user_id,event_type,timestamp "+U,$((i * 100)),later $i,2024-01-02" "-D,$i,,2024-01-02" > b.csv
		load_file b.csv
	done
	status 0 pf-query --files -O csv $table
	equals "$stderr" ""
	status 0 pf-query -v --files -O csv $table
	contains "$stderr" "users: 1 bucket, a key is looked for in 5.0 sorted runs on average, at most 5 (bucket-0)"
	equals "$(cut -d, -f4,6,10- <<< "$output")" "rows,level,run,first_key,last_key,deletes
2,0,1,4,400,1
2,0,2,3,300,1
2,0,3,2,200,1
2,0,4,1,100,1
40000,0,5,1,40000,0"
	# The small ones and, since level 0 is not written to, the large one.
	status 0 pf-put --compact --explain $table
	contains "$output" "bucket-0: 5 of 5 runs to level 5, 40,008 rows"
	contains "$output" "deletes go: size ratio"
	contains "$output" "5 of 5 files would be rewritten, 0 get another level; 1 bucket, at most 5 runs in one; snapshot 5"
	equals "$(cat $table/snapshot/LATEST)" 5
	pf-put -q --compact $table
	equals "$(pf-query -q --files -O csv $table | cut -d, -f4,6,10-)" "rows,level,run,first_key,last_key,deletes
39996,5,1,5,40000,0"
	# What is small is merged above the large one, and keeps its deletes.
	for i in 5 6 7 8; do
		printf '%s\n' op,user_id,event_type,timestamp "+U,$((i * 100)),later $i,2024-01-02" "-D,$i,,2024-01-02" > b.csv
		load_file b.csv
	done
	status 0 pf-put --compact --explain $table
	contains "$output" "bucket-0: 4 of 5 runs to level 4, 8 rows"
	[[ $output != *"deletes go"* ]]
	pf-put -q --compact $table
	equals "$(pf-query -q --files -O csv $table | cut -d, -f4,6,10-)" "rows,level,run,first_key,last_key,deletes
8,4,1,5,800,4
39996,5,2,5,40000,0"
	equals "$(pf-query -O csv -c 'count(*) as n, min(user_id) as first' $table)" "n,first
39992,9"
	pf-put -q --verify $table
	equals "$(pf-query -O csv -c event_type --id 700 $table)" "event_type
later 7"
	# What stands alone in its range of keys gets the level as it is.
	printf '%s\n' op,user_id,event_type,timestamp "+I,-5,first,2024-01-02" > b.csv
	load_file b.csv
	status 0 pf-put --compact --full --explain $table
	contains "$output" "level 0, 1 rows"
	alone=$(pf-query -q --files -O csv $table | awk -F, '$4 == 1 { print $3 }')
	sed -i 's/"bucket" : /"compaction.small-file-ratio" : "0", &/' $table/schema/schema-0
	status 0 pf-put --compact --full --explain $table
	contains "$output" "$alone  level 0, 1 rows, "
	contains "$output" "1 get another level"
	pf-put -q --compact --full $table
	pf-query -q --files -O csv $table | grep -q "$alone"
	equals "$(pf-query -q --files -O csv $table | cut -d, -f4,6,10-)" "rows,level,run,first_key,last_key,deletes
1,5,1,-5,-5,0
39992,5,1,9,40000,0"
	pf-put -q --verify $table
	status 0 pf-put --compact --full $table
	contains "$stderr" "nothing to compact"
	# Unless it takes rows away.
	printf '%s\n' op,user_id,event_type,timestamp "-D,-70,,2024-01-02" "+I,-80,last,2024-01-02" > b.csv
	load_file b.csv
	pf-put -q --compact --full $table
	equals "$(pf-query -q --files -O csv $table | cut -d, -f4,6,10- | head -2)" "rows,level,run,first_key,last_key,deletes
1,5,1,-80,-80,0"
}

@test "--between: what changed, with kinds and without, compactions aside" {
	load_file one.csv
	load_file two.csv
	pf-put -q --compact --full $table
	want="user_id,event_type,timestamp,_VALUE_KIND
2,login,2024-01-01T00:00:01.000,-U
2,logout,2024-01-01T00:00:05.000,+U
-7,new,2024-01-01T00:00:06.000,+I
3,login,2024-01-01T00:00:03.000,-D"
	equals "$(pf-query -O csv --between 1 2 --changelog $table)" "$want"
	equals "$(pf-query -O csv --between 1 3 --changelog $table)" "$want"
	equals "$(pf-query -O csv --between 2 3 --changelog $table)" "user_id,event_type,timestamp,_VALUE_KIND"
	# A compaction has nothing to be read for.
	contains "$(pf-query --between 2 3 --explain $table)" "rows        0 looked at"
	equals "$(pf-query -O csv --between 1 3 $table)" "user_id,event_type,timestamp
2,logout,2024-01-01T00:00:05.000
-7,new,2024-01-01T00:00:06.000"
	equals "$(pf-query -O csv --between 1 2 --changelog -w 'user_id = 2' -c event_type,_VALUE_KIND $table)" \
		"event_type,_VALUE_KIND
login,-U
logout,+U"
	equals "$(pf-query -O jsonl --between 1 2 --changelog -w '_VALUE_KIND = 3' -c user_id,_VALUE_KIND $table)" \
		'{"user_id":3,"_VALUE_KIND":"-D"}'
	equals "$(pf-query -O csv --between 0 1 -c 'count()' $table)" "count
3"
	# Tags and times are ends, too.
	pf-put -q --tag both $table
	equals "$(pf-query -O csv --between 1 both --changelog $table)" "$want"
	equals "$(pf-query -O csv --between 0 now -c user_id $table)" "user_id
1
2
-7"
}

@test "--between: few changes of a large table are looked up" {
	sed -i 's/buckets: 2/buckets: 1/' users.yaml
	rm -rf $table
	pf-put -q --create users.yaml $table
	{ echo op,user_id,event_type,timestamp; seq 200000 | sed 's/.*/+I,&,begin,2024-01-01/'; } > a.csv
	load_file a.csv
	printf '%s\n' op,user_id,event_type,timestamp "+U,100,later,2024-01-02" "-D,199000,,2024-01-02" > b.csv
	load_file b.csv
	want="user_id,event_type,_VALUE_KIND
100,begin,-U
100,later,+U
199000,begin,-D"
	for options in "" --no-prune "-w user_id>0"; do
		equals "$(pf-query -O csv --between 1 2 --changelog $options -c user_id,event_type,_VALUE_KIND $table)" "$want"
	done
	rows=$(pf-query --between 1 2 --explain $table | sed -n 's/,//g; s/.*rows *\([0-9]*\) looked at.*/\1/p')
	((rows < 200000))
}

@test "--between: what cannot be told is refused by name" {
	load_file one.csv
	load_file two.csv
	status 2 pf-query --between 2 1 $table
	contains "$stderr" "snapshot 2 of '$table' is newer than 1"
	status 2 pf-query --between 1 9 $table
	contains "$stderr" "has no snapshot 9"
	status 2 pf-query --between 1 later $table
	contains "$stderr" "has no tag 'later'"
	status 2 pf-query --between 1
	contains "$stderr" "option '--between' needs FROM TO"
	status 2 pf-query --changelog $table
	contains "$stderr" "it goes with: between"
	status 2 pf-query --between 1 2 $table stage
	contains "$stderr" "--between is asked of tables"
	status 2 pf-query --between 1 2 --snapshot 1 $table
	contains "$stderr" "exclude each other"
	pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
	status 2 pf-query --between 1 2 $table
	contains "$stderr" "snapshot 1 of '$table' has expired, the oldest is 2 (PF2024)"
}

@test "--between: another count of buckets moves rows, and changes none" {
	load_file one.csv
	load_file two.csv
	# As another engine's overwrite does it: the same rows in one bucket.
	sed 's/^buckets: 2/buckets: 1/' users.yaml > one.yaml
	pf-put -q --create one.yaml wh/default.db/one
	pf-query -O arrow $table | pf-partition -T wh/default.db/one | pf-pack -q |
		pf-put -q --append wh/default.db/one
	python3 - $table wh/default.db/one <<-'END'
	import json, os, shutil, sys
	to, frm = sys.argv[1:]
	# Snapshot 3: the other table's first, whose base is empty.
	for d in "manifest", "bucket-0":
	    shutil.copytree(f"{frm}/{d}", f"{to}/{d}", dirs_exist_ok=True)
	s = json.load(open(f"{frm}/snapshot/snapshot-1"))
	s.update(id=3, commitKind="OVERWRITE")
	json.dump(s, open(f"{to}/snapshot/snapshot-3", "w"))
	open(f"{to}/snapshot/LATEST", "w").write("3")
	END
	equals "$(pf-query -O csv --order-by user_id $table)" "$(pf-query -O csv --order-by user_id --snapshot 2 $table)"
	equals "$(pf-query -O csv --between 2 3 --changelog $table)" "user_id,event_type,timestamp,_VALUE_KIND"
	equals "$(pf-query -O csv --between 1 3 --changelog $table -c user_id,_VALUE_KIND --order-by user_id)" "user_id,_VALUE_KIND
-7,+I
2,-U
2,+U
3,-D"
}

@test "--compact leaves files that old engines can read such" {
	need_peer pyarrow
	# deltas: the encodings of the live files.
	deltas()
	{
		pf-query --files -O tsv $table | awk -F '\t' -v t=$table 'NR > 1 { print t "/bucket-" $2 "/" $3 }' |
			"$PF_PYTHON" -c 'import sys, pyarrow.parquet as pq
seen = set()
for f in sys.stdin.read().split():
    m = pq.ParquetFile(f).metadata
    for c in range(m.num_columns):
        seen |= set(m.row_group(0).column(c).encodings)
print(*sorted(e for e in seen if "DELTA" in e))'
	}
	for i in 1 2; do
		awk -v i=$i 'BEGIN { print "op,user_id,event_type,timestamp"
			for (k = 0; k < 400; k++) print "+I," k * 7 ",e" k * k "," "2024-01-0" i "T00:00:00" }' > rows.csv
		pf-stage append -q -S users.yaml stage rows.csv
		pf-stage read stage --after $table | pf-partition | pf-pack -q --old-readers | pf-put -q $table
	done
	pf-put -q --compact --full $table
	equals "$(pf-query --files $table | wc -l) $(deltas)" "3 "
	sed -i 's/2024-01-02/2024-01-03/' rows.csv
	load_file rows.csv
	contains "$(deltas)" DELTA_BINARY_PACKED
	pf-put -q --compact --full $table
	contains "$(pf-query --files $table | wc -l) $(deltas)" "3 DELTA_BINARY_PACKED"
}

@test "--compact makes the indexes that the table's options ask for" {
	need_program pf-index
	sed -i 's/"bucket" : /"file-index.bitmap.columns" : "event_type", "file-index.bloom-filter.columns" : "user_id", &/' $table/schema/schema-0
	for i in 1 2; do
		awk -v i=$i 'BEGIN { print "op,user_id,event_type,timestamp"
			for (k = 0; k < 4000; k++) print "+I," k * 3 ",e" k % 50 + i ",2024-01-01" }' > rows.csv
		load_file rows.csv
	done
	pf-put -q --compact --full $table
	ls $table/bucket-*/*.index
	pf-put -q --verify $table
	want=$(pf-query -O csv -c 'count(*) as n' --no-prune -w "event_type = 'e7'" $table)
	equals "$(pf-query -O csv -c 'count(*) as n' -w "event_type = 'e7'" $table)" "$want"
	# Nobody has it: the bitmaps say so.
	contains "$(pf-query --explain -w "event_type = 'e3x'" $table)" "files       0 of 2 read; skipped: 0 by partition, 0 by bucket, 0 by statistics, 2 by file index"
}

# peak COMMAND...: MiB that it was resident at most, behind what it prints.
peak()
{
	python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)' "$@"
}

@test "many runs of wide rows are merged within --memory" {
	case $PF_BUILD in *asan*) skip "the sanitizer's own memory counts" ;; esac
	sed -i 's/buckets: 2/buckets: 1/; /row_kind/d' users.yaml
	rm -rf $table
	pf-put -q --create users.yaml $table
	for i in $(seq 24); do
		python3 - $i > wide.csv <<-'END'
		import base64, random, sys
		r = random.Random(int(sys.argv[1]))
		print("user_id,event_type,timestamp")
		for _ in range(400):
		    print(f"{r.randrange(6000)},{base64.b64encode(r.randbytes(6000)).decode()},2024-01-01")
		END
		pf-partition -S users.yaml wide.csv | pf-pack -qq | pf-put -q --append $table
	done
	set -- -q -O csv -c 'count(*) as n, sum(length(event_type)) as s, max(event_type) as m' $table
	pf-query "$@" --memory 2Gi > want
	run peak pf-query "$@" --memory 2Gi
	[ "${lines[2]}" -gt 100 ] # it takes what it may
	run peak pf-query "$@" --memory 64Mi
	equals "$(head -2 <<< "$output")" "$(cat want)"
	echo "# query: ${lines[2]} MiB"
	[ "${lines[2]}" -lt 76 ]
	status 0 peak pf-put -q --compact --memory 64Mi $table
	echo "# compaction: $output MiB"
	[ "$output" -lt 84 ]
	equals "$(pf-query "$@")" "$(cat want)"
	equals "$(pf-query -q --files -O csv $table | cut -d, -f6,10)" "level,run
5,1"
	pf-put -q --verify $table
}

@test "more rows than pf-pack has memory for: sums, changelogs, one row a key and file" {
	cat > sums.yaml <<-'END'
	primary_key: [k]
	time: ts
	partition: none
	buckets: 16
	merge: aggregation
	options: {fields.n.aggregate-function: sum, fields.least.aggregate-function: min, changelog-producer: input}
	columns: {k: bigint, n: bigint, least: int, note: string, ts: timestamp(0)}
	END
	table=wh/default.db/sums
	pf-put -q --create sums.yaml $table
	awk 'BEGIN { print "k,n,least,note,ts"; for (i = 0; i < 400000; i++)
		printf "%d,%d,%d,a note of some length %d,2024-01-01\n", i * 7919 % 30011, i, (i * 31) % 100003, i }' > sums.csv
	run --separate-stderr bash -c "pf-partition -S sums.yaml sums.csv | pf-pack -v --threads 1 --memory 16Mi > little.arrows"
	[[ $stderr =~ ' '[1-9][0-9]+' bytes waited in a temporary file' ]]
	pf-partition -S sums.yaml sums.csv | pf-pack -q > much.arrows
	pf-put -q --append $table little.arrows
	status 0 pf-put --verify $table
	contains "$stderr" "400,000 rows"
	set -- -O csv -c 'count(*) as rows, sum(n) as n, sum(k * n) as kn, sum(least * k) as least, min(note) as note'
	want="rows,n,kn,least,note
$(awk -F, 'NR > 1 { n += $2; kn += $1 * $2; if (!($1 in m) || $3 < m[$1]) m[$1] = $3; last[$1] = $4 }
	END { for (k in m) { rows++; l += k * m[k]; if (note == "" || last[k] < note) note = last[k] }
		printf "%d,%.0f,%.0f,%.0f,%s", rows, n, kn, l, note }' sums.csv)"
	equals "$(pf-query "$@" $table)" "$want"
	pf-put -q --compact --full $table
	equals "$(pf-query "$@" $table)" "$want"
	pf-put -q --append $table much.arrows
	equals "$(pf-query -O csv -c 'count(*) as rows, sum(n) as n' $table)" "rows,n
30011,$((400000 * 399999))"
}

@test "without row kinds every row is inserted; sequence decides" {
	sed -i '/row_kind/d; s/^columns:/sequence: timestamp\ncolumns:/' users.yaml
	rm -rf $table
	pf-put -q --create users.yaml $table
	printf '%s\n' 'user_id,event_type,timestamp' '5,late,2024-01-03' '5,early,2024-01-01' > a.csv
	printf '%s\n' 'user_id,event_type,timestamp' '5,between,2024-01-02' '6,six,2024-01-02' > b.csv
	load_file a.csv
	load_file b.csv
	equals "$(pf-query -O csv -c user_id,event_type $table | sort)" "$(sort <<-'END'
	user_id,event_type
	5,late
	6,six
	END
	)"
}

@test "0.0 and -0.0 are two values of a sequence, and a change from one to the other is told" {
	cat > zeros.yaml <<-'END'
	primary_key: [a, b]
	time: ts
	partition: none
	buckets: 1
	sequence: x
	columns:
	  a: smallint
	  b: string
	  x: double
	  word: string
	  ts: timestamp(0)
	END
	zeros()
	{
		printf '%s\n' a,b,x,word,ts "$@" > zeros.csv
		pf-stage append -q -S zeros.yaml zeros zeros.csv
		equals "$(pf-query -O csv -c a,b,x,word wh/default.db/zeros zeros --order-by a,b)" "$want"
		pf-stage read zeros --after wh/default.db/zeros | pf-partition | pf-pack -q |
			pf-put -q wh/default.db/zeros
		equals "$(pf-query -O csv -c a,b,x,word wh/default.db/zeros --order-by a,b)" "$want"
	}
	pf-put -q --create zeros.yaml wh/default.db/zeros
	want="a,b,x,word
1,x,0,one
1,y,-0,two
2,x,-0,three"
	zeros 1,x,0.0,one,2024-01-01 1,y,-0.0,two,2024-01-01 1,x,-0.0,late,2024-01-01 2,x,-0.0,three,2024-01-01
	want="a,b,x,word
1,x,0,one
1,y,0,two
2,x,-0,four"
	zeros 1,y,0.0,two,2024-01-01 1,x,-0.0,later,2024-01-01 2,x,-0.0,four,2024-01-01
	equals "$(pf-query -O csv -c a,b,x,_VALUE_KIND --between 1 2 --changelog wh/default.db/zeros)" "a,b,x,_VALUE_KIND
1,y,-0,-U
1,y,0,+U
2,x,-0,-U
2,x,-0,+U"
}

@test "rows in flight are merged over stored ones" {
	load_file one.csv
	pf-stage append -q -S users.yaml stage two.csv
	want="user_id,event_type,timestamp
-7,new,2024-01-01T00:00:06.000
1,click,2024-01-01T00:00:02.000
2,logout,2024-01-01T00:00:05.000"
	equals "$(pf-query -O csv $table stage --order-by user_id)" "$want"
	equals "$(pf-query -O csv stage $table --order-by user_id)" "$want"
	equals "$(pf-query -O csv -c event_type --id 2 $table stage)" "event_type
logout"
	equals "$(pf-query -O csv -c event_type --id 3 $table stage)" "event_type"
	equals "$(pf-query -O csv -c event_type -w "event_type = 'login'" $table stage)" "event_type"
	equals "$(pf-query -O csv -c 'count(*) as n' $table stage)" "n
3"
	pf-stage append -q -S users.yaml other two.csv
	status 2 pf-query $table stage other
	contains "$stderr" "rows of one stage can be merged over it, not of two"
	# A table without rows yet.
	rm -rf $table
	pf-put -q --create users.yaml $table
	equals "$(pf-query -O csv -c 'count(*) as n' $table stage)" "n
3"
}

@test "a kind that is none is refused before it is acknowledged" {
	printf '%s\n' 'op,user_id,event_type,timestamp' 'X,5,late,2024-01-03' > a.csv
	status 3 pf-stage append -S users.yaml stage a.csv
	contains "$stderr" "is no kind of a row (+I, -U, +U, -D)"
}

@test "another writer in the same bucket: what comes second is numbered behind it" {
	sed -i 's/^row_kind/options: {changelog-producer: input}\nrow_kind/' users.yaml
	rm -rf $table
	pf-put -q --create users.yaml $table
	load_file one.csv
	# Between numbering and commit, another load goes through.
	mkfifo in
	pf-partition -S users.yaml two.csv | pf-pack -q > two.arrows
	pf-put -q --append $table < in &
	slow=$!
	exec 9> in
	head -c -400 two.arrows >&9
	sleep 0.5
	printf '%s\n' 'op,user_id,event_type,timestamp' '+U,3,again,2024-01-03T00:00:00' '+U,1,again,2024-01-03T00:00:00' > c.csv
	pf-partition -S users.yaml c.csv | pf-pack -q | pf-put -q --append $table
	tail -c 400 two.arrows >&9
	exec 9>&-
	wait $slow
	equals "$(cat $table/snapshot/LATEST)" 3
	equals "$(pf-query -O csv -c user_id,event_type --order-by user_id $table)" "user_id,event_type
-7,new
1,again
2,logout"
	# Each number once in a bucket, those of the changelog with the rows'.
	for kind in data changelog; do
		for b in 0 1; do
			equals "$(for f in $table/bucket-$b/$kind-*; do
				pf-query -O csv -c _SEQUENCE_NUMBER $f | tail -n +2
			done | sort -n | uniq -d)" ""
		done
	done
	for f in $table/bucket-*/data-*; do
		pf-query -O csv -c _KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND $f | tail -n +2
	done | sort > rows
	for f in $table/bucket-*/changelog-*; do
		pf-query -O csv -c _KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND $f | tail -n +2
	done | sort > log
	equals "$(comm -23 rows log)" ""
	pf-put -q --verify $table
	pf-put -q --clean --older-than 0s --explain $table > left
	equals "$(grep -c parquet left)" 0
}

@test "several writers at once: nothing lost, nothing twice" {
	make_engine raced "merge: aggregation" "options: {fields.a.aggregate-function: sum, changelog-producer: input}"
	writer()
	{
		local i code
		for i in $(seq 8); do
			rows "+I 1 1 $1 $i
+I $i 1 $1 $i
+I 100$1 1 - -"
			cp rows.csv $1.$i.csv
			pf-stage append -q -S engine.yaml stage.$1 $1.$i.csv
			code=75
			for _ in $(seq 50); do
				pf-stage read stage.$1 --after $table | pf-partition | pf-pack -q | pf-put -q $table && code=0 && break
			done
			[ $code = 0 ] || echo "writer $1, load $i" >> lost
		done
	}
	for w in 1 2 3; do
		mkdir $w && cp engine.yaml $w
		(cd $w && table=../$table && writer $w) &
	done
	(for _ in $(seq 6); do sleep 0.4; pf-put -q --compact --full $table || true; done) &
	wait
	[ ! -e lost ]
	equals "$(pf-query -O csv -c k,a --order-by k $table)" "k,a
1,27
2,3
3,3
4,3
5,3
6,3
7,3
8,3
1001,8
1002,8
1003,8"
	pf-put -q --verify $table
	equals "$(python3 -c "
import glob, json
print(sum(json.load(open(f))['changelogRecordCount'] for f in glob.glob('$table/snapshot/snapshot-*')))")" 72
}

@test "what cannot be written or kept right is refused by name" {
	load_file one.csv
	local schema=$table/schema/schema-0
	cp $schema as-made
	for option in '"changelog-producer" : "lookup"' '"changelog-producer" : "full-compaction"' \
		'"deletion-vectors.enabled" : "true"' '"merge-engine" : "first-row"' '"bucket" : "-1"' \
		'"bucket" : "-2"' '"rowkind.field" : "event_type"' '"sequence.snapshot-ordering" : "true"'; do
		key=${option%% :*}
		grep -v "^    $key" as-made | sed "s/\"options\" : {/&\n    $option,/" > $schema
		run --separate-stderr bash -c "pf-partition -S users.yaml two.csv | pf-pack -q | pf-put --append $table"
		[ "$status" = 2 ] || fail "$option: $status $stderr"
		name=${key//\"/}
		case $stderr in *"$name"*) ;; *) fail "$option: $stderr" ;; esac
	done
	cp as-made $schema
	# The rows of a table that keeps the first are not even packed.
	sed 's/^row_kind/merge: first-row\nrow_kind/' users.yaml > first.yaml
	pf-put -q --create first.yaml wh/default.db/first
	run --separate-stderr bash -c "pf-partition -S first.yaml one.csv | pf-pack -q > x"
	equals "$status" 2
	contains "$stderr" "merge-engine = first-row can be read, but not written"
	# Merged by other rules than the table's.
	sed 's/^row_kind/merge: partial-update\nrow_kind/' users.yaml > partial.yaml
	sed -i '/^-D/d; /^-U/d' two.csv
	run --separate-stderr bash -c "pf-partition -S partial.yaml two.csv | pf-pack -q | pf-put --append $table"
	equals "$status" 2
	contains "$stderr" "way of merging versions is 'partial-update', the table's 'deduplicate'"
	pf-put -q --create partial.yaml wh/default.db/partial
	sed 's/^row_kind/options: {ignore-delete: true}\nrow_kind/' partial.yaml > ignore.yaml
	run --separate-stderr bash -c "pf-partition -S ignore.yaml two.csv | pf-pack -q | pf-put --append wh/default.db/partial"
	equals "$status" 2
	contains "$stderr" "ignore-delete is 'true', the table's ''"
	sed 's/^row_kind/sequence: event_type\nrow_kind/' partial.yaml > sequence.yaml
	run --separate-stderr bash -c "pf-partition -S sequence.yaml two.csv | pf-pack -q | pf-put --append wh/default.db/partial"
	equals "$status" 2
	contains "$stderr" "in sequence by 1 columns, the table's by 0"
	# A definition whose rules contradict each other.
	sed 's/^row_kind/options: {partial-update.remove-record-on-delete: true, ignore-delete: true}\nrow_kind/' partial.yaml > no.yaml
	status 2 pf-put --create no.yaml wh/default.db/no
	contains "$stderr" "do not go together"
	status 2 pf-stage append -S no.yaml stage-no two.csv
	contains "$stderr" "do not go together"
	[ ! -e wh/default.db/no ]
}

# engine NAME LINE...: a table NAME whose definition has those lines, loaded from
# $kinds.jsonl one file after the other, answers printed in between.
make_engine()
{
	table=wh/default.db/$1
	{
		echo "primary_key: [k]"
		echo "time: ts"
		echo "partition: none"
		echo "buckets: 1"
		echo "row_kind: op"
		shift
		printf '%s\n' "$@"
		echo "columns: {k: int, a: int, s: string, g: int, ts: timestamp(0)}"
	} > engine.yaml
	rm -rf stage $table
	pf-put -q --create engine.yaml $table
}

# rows TEXT: lines of "op k a s g", - is null.
rows()
{
	while read -r op k a s g; do
		[ "$a" = - ] && a=
		[ "$s" = - ] && s=
		[ "$g" = - ] && g=
		echo "$op,$k,$a,$s,$g,2024-01-01"
	done <<< "$1" | sed '1i op,k,a,s,g,ts' > rows.csv
}

answer()
{
	pf-query -O csv -c k,a,s,g --order-by k "$@" | tail -n +2
}

# step ROWS WANT: as rows in flight, then loaded.
step()
{
	rows "$1"
	pf-stage append -q -S engine.yaml stage rows.csv
	equals "$(answer $table stage)" "$2"
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(answer $table)" "$2"
	pf-put -q --verify $table
}

@test "options that mean nothing to the merge engine are no matter" {
	sed -i 's/"options" : {/&\n    "fields.event_type.aggregate-function" : "max",\n    "partial-update.remove-record-on-delete" : "true",\n    "ignore-delete" : "false",\n    "changelog-producer" : "NONE",/' $table/schema/schema-0
	load_file one.csv
	load_file two.csv
	equals "$(pf-query -O csv -c user_id,event_type --order-by user_id $table)" "user_id,event_type
-7,new
1,click
2,logout"
}

@test "partial updates: each column's newest value, loaded and in flight" {
	make_engine partial "merge: partial-update" "options: {ignore-delete: true}"
	grep -q '"merge-engine" : "partial-update"' $table/schema/schema-0
	grep -q '"ignore-delete" : "true"' $table/schema/schema-0
	step "+I 1 10 - -
+I 1 - x -
+I 2 20 y 2
-D 2 - - -" "1,10,x,
2,20,y,2"
	# One row for each key in the file; ignored deletes are not there.
	equals "$(pf-query -O csv -c _KEY_k,_SEQUENCE_NUMBER,_VALUE_KIND,a,s $table/bucket-0/*.parquet)" \
		"_KEY_k,_SEQUENCE_NUMBER,_VALUE_KIND,a,s
1,0,0,10,x
2,1,0,20,y"
	step "+U 1 - z 5
+I 3 1 - -
-U 3 - - -
-D 1 - - -" "1,10,z,5
2,20,y,2
3,1,,"
	pf-put -q --compact --full $table
	equals "$(answer $table)" "1,10,z,5
2,20,y,2
3,1,,"
	pf-put -q --verify $table
}

@test "partial updates: a delete removes the row" {
	make_engine removes "merge: partial-update" "options: {partial-update.remove-record-on-delete: true}"
	step "+I 1 10 x -
+I 2 20 y 2" "1,10,x,
2,20,y,2"
	# Together with what comes behind it, a delete is no delete: as in Paimon.
	step "-D 1 0 - -
+I 1 - new -
-D 2 0 - -" "1,0,new,"
	step "-D 1 - - -" ""
	step "+I 1 - after -" "1,,after,"
	pf-put -q --compact --full $table
	equals "$(answer $table)" "1,,after,"
}

@test "sequence groups: columns that are updated together" {
	make_engine groups "merge: partial-update" "options:" "  fields.g.sequence-group: a" \
		"  fields.a.aggregate-function: sum"
	step "+I 1 1 x 5
+I 1 2 - 3
+I 2 7 u 1" "1,3,x,5
2,7,u,1"
	step "+U 1 4 y 4
+I 1 100 n -
-D 2 3 - 2" "1,7,n,5
2,4,u,2"
	# Only a part of the columns: what orders them is read all the same.
	equals "$(pf-query -O csv -c a $table | sort)" "4
7
a"
	pf-put -q --compact --full $table
	equals "$(answer $table)" "1,7,n,5
2,4,u,2"
}

@test "aggregation: every column by its function, rows taken back" {
	make_engine sums "merge: aggregation" "sequence: g" "options:" "  fields.a.aggregate-function: sum" \
		"  fields.s.aggregate-function: listagg" "  fields.s.ignore-retract: true" \
		"  fields.s.list-agg-delimiter: '|'" \
		"  fields.ts.ignore-retract: true"
	grep -q '"fields.s.list-agg-delimiter" : "|"' $table/schema/schema-0
	step "+I 1 1 b 2
+I 1 2 a 1
+I 2 5 - 1" "1,3,a|b,2
2,5,,1"
	step "-U 1 2 b 3
+U 1 8 c 3
-D 2 5 - 2" "1,9,a|b|c,3
2,0,,"
	pf-put -q --compact --full $table
	equals "$(answer $table)" "1,9,a|b|c,3
2,0,,"
	# More than fits is said, and nothing is loaded.
	rows "+I 1 2147483647 - 4
+I 1 1 - 4"
	run --separate-stderr bash -c "pf-partition -S engine.yaml rows.csv | pf-pack -q > x"
	[ "$status" != 0 ]
	contains "$stderr" "column 'a': what its versions make is too large for int"
}

@test "the sequence may descend, and is told by several columns" {
	make_engine down "sequence: [g, a]" "options: {sequence.field.sort-order: descending}"
	grep -q '"sequence.field.sort-order" : "descending"' $table/schema/schema-0
	step "+I 1 5 first 3
+I 1 6 later 3
+I 1 4 null -
+I 2 - null -
+I 3 1 x 9" "1,5,first,3
2,,null,
3,1,x,9"
	step "+U 1 9 greater 4
+U 2 1 less -
+U 3 1 again 9" "1,5,first,3
2,1,less,
3,1,again,9"
}

@test "a row that takes away what cannot be taken away is refused before it is acknowledged" {
	make_engine partial "merge: partial-update"
	rows "+I 1 1 x 1
-D 1 1 x 1"
	status 3 pf-stage append -S engine.yaml stage rows.csv
	contains "$stderr" "takes a row away, which the table's way of merging cannot"
	run --separate-stderr pf-stage append --rejects bad.jsonl -S engine.yaml stage rows.csv
	equals "$(grep -c . bad.jsonl)" 1
	# What comes by another way is refused when it is packed.
	make_engine sums "merge: aggregation" "options: {fields.a.aggregate-function: sum, fields.ts.ignore-retract: true}"
	pf-partition -S engine.yaml rows.csv | LC_ALL=C sed 's/sum/min/' > min.arrows
	run --separate-stderr bash -c "pf-pack -q min.arrows > x"
	[ "$status" != 0 ]
	contains "$stderr" "column 'a' cannot take a value back from its min"
	contains "$stderr" "fields.a.ignore-retract leaves such values out"
}

@test "--alter: value columns come, are renamed, widened and go; old files are merged with new ones" {
	make_engine altered "merge: aggregation" "options: {fields.a.aggregate-function: sum}"
	step "+I 1 1 x 5
+I 2 2 y 6" "1,1,x,5
2,2,y,6"
	# In flight with the old definition.
	rows "+I 1 10 z -"
	pf-stage append -q -S engine.yaml stage rows.csv
	cat > new.yaml <<-'END'
	primary_key: [k]
	time: ts
	partition: none
	buckets: 1
	row_kind: op
	merge: aggregation
	options: {fields.a.aggregate-function: sum, fields.m.aggregate-function: max}
	columns: {k: int, a: bigint, label: {type: string, was: s}, m: int, ts: timestamp(0)}
	END
	status 2 pf-put --alter new.yaml $table
	contains "$stderr" "--drop does it"
	status 0 pf-put --alter new.yaml --drop $table
	contains "$stderr" "widen column 'a' from int to bigint; rename column 's' to 'label'; add column 'm' int; drop column 'g'"
	contains "$stderr" "set fields.m.aggregate-function to 'max'"
	grep -q '"fields.m.aggregate-function" : "max"' $table/schema/schema-1
	equals "$(pf-query -O csv -c k,a,label,m --order-by k $table)" "k,a,label,m
1,1,x,
2,2,y,"
	equals "$(pf-query -O csv -c k,a,label,m --order-by k $table stage)" "k,a,label,m
1,11,z,
2,2,y,"
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	sed -i 's/{type: string, was: s}/string/' new.yaml
	printf '%s\n' op,k,a,label,m,ts +I,1,100,n,5,2024-01-01 +I,2,1000000000000,,3,2024-01-01 +I,2,,,4,2024-01-01 > new.csv
	pf-stage append -q -S new.yaml stage-new new.csv
	pf-stage read stage-new --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(pf-query -O csv -c k,a,label,m --order-by k $table)" "k,a,label,m
1,111,n,5
2,1000000000002,y,4"
	equals "$(pf-query -O csv -c k,a,s,g --order-by k --snapshot 1 $table)" "k,a,s,g
1,1,x,5
2,2,y,6"
	# The new column merged by another rule than its own.
	sed 's/, fields.m[^}]*//' new.yaml > other.yaml
	pf-stage append -q -S other.yaml stage-other new.csv
	run --separate-stderr bash -c "pf-stage read stage-other --after $table | pf-partition | pf-pack -q | pf-put $table"
	equals "$status" 2
	contains "$stderr" "fields.m.aggregate-function is '', the table's 'max'"
	pf-put -q --verify $table
	pf-put -q --compact --full $table
	equals "$(pf-query -O csv -c k,a,label,m --order-by k $table)" "k,a,label,m
1,111,n,5
2,1000000000002,y,4"
	pf-put -q --verify $table
}

@test "--alter: what versions were merged by stays as it is" {
	make_engine fixed "sequence: g"
	rows "+I 1 1 x 5"
	pf-partition -S engine.yaml rows.csv | pf-pack -q | pf-put -q --append $table
	refuses()
	{
		sed "$1" engine.yaml > other.yaml
		status 2 pf-put --alter other.yaml --drop $table
		contains "$stderr" "$2"
	}
	refuses 's/k: int/k: bigint/' "column 'k' stays int: rows have their places by it"
	refuses 's/k: int/kk: {type: int, was: k}/; s/\[k\]/[kk]/' "primary key is what it is and stays so"
	refuses 's/\[k\]/[k, a]/' "primary key is what it is and stays so"
	refuses 's/g: int/g: bigint/' "column 'g' stays int: it says which version of a row is newer"
	refuses 's/, g: int//; /^sequence/d' "sequence is what it is and stays so"
	refuses 's/sequence: g/sequence: a/' "sequence is what it is and stays so"
	refuses 's/^time/merge: aggregation\ntime/' "merged by 'deduplicate' and stay so, not by 'aggregation'"
	refuses 's/^time/options: {ignore-delete: true}\ntime/' "option 'ignore-delete' is '' and stays so, not 'true'"
	[ ! -e $table/schema/schema-1 ]
	make_engine groups "merge: partial-update" "options: {fields.g.sequence-group: 'a,s'}"
	refuses 's/g: int/g: bigint/' "it says which version of a row is newer"
	refuses 's/ s: string,//; s/a,s/a/' "option 'fields.g.sequence-group' names it"
	refuses '/^options/d' "option 'fields.g.sequence-group' is 'a,s' and stays so"
	# Values may be widened, computed or not.
	sed 's/ a: int/ a: bigint/' engine.yaml > wide.yaml
	status 0 pf-put --alter wide.yaml $table
	contains "$stderr" "widen column 'a' from int to bigint"
}

@test "changelog-producer: input: rows as they came, beside the files of level 0" {
	sed -i 's/^row_kind/options: {changelog-producer: input}\nrow_kind/; s/^buckets: 2/buckets: 1/' users.yaml
	rm -rf $table
	pf-put -q --create users.yaml $table
	grep -q '"changelog-producer" : "input"' $table/schema/schema-0
	load_file one.csv
	load_file two.csv
	equals "$(pf-query -O csv -c user_id,event_type --order-by user_id $table)" "user_id,event_type
-7,new
1,click
2,logout"
	# By key and version, none left out, with the numbers that the rows have.
	equals "$(ls $table/bucket-0 | cut -d- -f1 | sort | uniq -c | tr -s ' ')" " 2 changelog
 2 data"
	system=_KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND,event_type
	equals "$(for n in 1 2; do
		python3 -c "import json; s = json.load(open('$table/snapshot/snapshot-$n')); print(s['changelogRecordCount'], s['totalRecordCount'], bool(s['changelogManifestList']))"
	done)" "4 3 True
3 6 True"
	equals "$(for f in $(ls -tr $table/bucket-0/changelog-*); do pf-query -O csv -c $system $f; done)" "_KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND,event_type
1,0,0,login
1,2,2,click
2,1,0,login
3,3,0,login
_KEY_user_id,_SEQUENCE_NUMBER,_VALUE_KIND,event_type
-7,6,0,new
2,5,2,logout
3,4,3,login"
	equals "$(for f in $(ls -tr $table/bucket-0/data-*); do pf-query -O csv -c $system $f | tail -n +2; done)" "1,2,2,click
2,1,0,login
3,3,0,login
-7,6,0,new
2,5,2,logout
3,4,3,login"
	status 0 pf-put --verify $table
	contains "$stderr" "snapshot 2 is sound: 2 files, 6 rows"
	contains "$stderr" "; changelogs of 2 files, 7 rows"
	# Those of older snapshots, too.
	first=$(ls -tr $table/bucket-0/changelog-* | head -1) second=$(ls -t $table/bucket-0/changelog-* | head -1)
	cp -p "$first" kept
	cp "$second" "$first"
	status 3 pf-put --verify $table
	contains "$stderr" "'bucket-0/$(basename "$first")': the file has 3 rows, its entry says 4"
	contains "$stderr" "its first key lies outside of what the entry says"
	contains "$stderr" "3 sequence numbers are not among 0 to 3"
	contains "$stderr" "1 rows are deletes, the entry says 0"
	lacks "$stderr" "more than once"
	rm "$first"
	status 3 pf-put --verify $table
	contains "$stderr" "$(basename "$first")"
	cp -p kept "$first"
	sed -i.kept 's/"changelogRecordCount" : 4/"changelogRecordCount" : 5/' $table/snapshot/snapshot-1
	status 3 pf-put --verify $table
	contains "$stderr" "snapshot 1 says that its changelog has 5 rows, its files have 4"
	mv $table/snapshot/snapshot-1.kept $table/snapshot/snapshot-1
	# Compactions make none, and what has expired takes its own along.
	pf-put -q --compact --full $table
	grep -q '"changelogManifestList" : null' $table/snapshot/snapshot-3
	pf-put -q --clean --older-than 0s $table
	equals "$(ls $table/bucket-0/changelog-* | wc -l)" 2
	pf-put -q --expire --keep 1 --keep-time 0s --grace 0s $table
	equals "$(find $table -name 'changelog-*.parquet' | wc -l)" 0
	equals "$(ls $table/manifest | grep -c list)" 2
	equals "$(pf-query -O csv -c 'count(*) as n' $table)" "n
3"
	# Other sources of it are refused, and so is one that the table has not.
	sed 's/: input/: lookup/' users.yaml > lookup.yaml
	status 2 pf-put --create lookup.yaml wh/default.db/lookup
	contains "$stderr" "'changelog-producer' cannot be 'lookup'"
	sed '/^options/d' users.yaml > none.yaml
	pf-put -q --create none.yaml wh/default.db/none
	run --separate-stderr bash -c "pf-partition -S users.yaml one.csv | pf-pack -q | pf-put --append wh/default.db/none"
	equals "$status" 2
	contains "$stderr" "changelog-producer is 'input', the table's ''"
}

@test "changelog-producer: input: versions in sequence, ignored ones left out" {
	make_engine log "merge: aggregation" "sequence: g" "options:" "  changelog-producer: input" \
		"  ignore-delete: true" "  fields.a.aggregate-function: sum"
	rows "+I 1 1 x 5
+I 2 2 y 1
-D 1 1 x 9
+U 1 4 z 2"
	pf-stage append -q -S engine.yaml stage rows.csv
	equals "$(answer $table stage)" "1,5,x,5
2,2,y,1"
	pf-stage read stage --after $table | pf-partition | pf-pack -q | pf-put -q $table
	equals "$(pf-query -O csv -c _KEY_k,_SEQUENCE_NUMBER,_VALUE_KIND,a,g $table/bucket-0/changelog-*)" \
		"_KEY_k,_SEQUENCE_NUMBER,_VALUE_KIND,a,g
1,3,2,4,2
1,0,0,1,5
2,1,0,2,1"
	equals "$(answer $table)" "1,5,x,5
2,2,y,1"
	grep -q '"changelogRecordCount" : 3' $table/snapshot/snapshot-1
}

@test "deletes alone that a time ignores leave it a value: it may not be null" {
	make_engine lone "merge: aggregation" \
		"options: {fields.a.aggregate-function: sum, fields.ts.ignore-retract: true}"
	step "-D 5 1 x 2
-D 5 1 y 3" "5,-2,,"
	step "+I 5 7 z 1" "5,5,z,1"
}
