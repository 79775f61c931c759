# SPDX-License-Identifier: Apache-2.0
# Tables with a primary key: made, loaded with updates and deletes, read back.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage pf-partition pf-pack pf-put pf-query
	table=wh/default.db/users
	cat > users.yaml <<-'END'
	table: users
	primary_key: [user_id]
	time: timestamp
	partition: none
	buckets: 2
	row_kind: op
	columns:
	  user_id: bigint
	  event_type: string
	  timestamp: timestamp(3)
	END
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
	# Compaction leaves the indexes out.
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
	grep -q '"totalRecordCount" : 3' $table/snapshot/snapshot-4
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
	grep -q '"totalRecordCount" : 0' $table/snapshot/snapshot-7
	load_file one.csv
	printf '%s\n' 'op,user_id,event_type,timestamp' '+I,9,back,2024-01-06' > d.csv
	load_file d.csv
	equals "$(pf-query -O csv -c user_id,event_type $table)" "user_id,event_type
9,back"
	pf-put -q --verify $table
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

@test "another writer in the same bucket: nothing is committed, run it again" {
	load_file one.csv
	pf-stage append -q -S users.yaml stage two.csv
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
	code=0
	wait $slow || code=$?
	equals $code 75
	equals "$(cat $table/snapshot/LATEST)" 2
	equals "$(pf-query -O csv -c event_type -w 'user_id = 3' $table)" "event_type
again"
}

@test "what cannot be written or kept right is refused by name" {
	load_file one.csv
	status 2 pf-put --alter users.yaml $table
	contains "$stderr" "primary key"
	sed -i 's/^row_kind/merge: partial-update\nrow_kind/' users.yaml
	rm -rf $table
	pf-put -q --create users.yaml $table
	run --separate-stderr bash -c "pf-partition -S users.yaml one.csv | pf-pack | pf-put --append $table"
	[ "$status" != 0 ]
	contains "$stderr" "merged by 'partial-update' cannot be written yet"
	for option in '"changelog-producer" : "input"' '"ignore-delete" : "true"' '"deletion-vectors.enabled" : "true"' '"merge-engine" : "first-row"'; do
		sed "s/\"merge-engine\" : \"[a-z-]*\"/$option/" -i $table/schema/schema-0
		sed -i '/^merge/d' users.yaml
		run --separate-stderr bash -c "pf-partition -S users.yaml one.csv | pf-pack | pf-put --append $table"
		[ "$status" != 0 ]
		contains "$stderr" "PF2020"
		sed "s/$option/\"merge-engine\" : \"deduplicate\"/" -i $table/schema/schema-0
	done
}
