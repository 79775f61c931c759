# SPDX-License-Identifier: Apache-2.0
# Tables that Paimon's Java code wrote: the rows that their notes list, and
# refusals by name.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-query
	need_shared corpora/paimon/tables
}

# query TABLE OPTION...
query()
{
	local t=$PF_SHARED/corpora/paimon/tables/$1.db/$1
	shift
	pf-query -O csv "$@" "$t"
}

@test "an altered table: columns found by id, not by name" {
	equals "$(query append_table_with_alter_table | sort)" "$(sort <<-'END'
	key0,key1,k,c,d,a,e
	0,1,16,13,,15,
	0,1,26,23,,25,
	0,1,36,33,,35,
	0,1,66,63,517,65,618
	0,1,76,73,527,75,628
	0,1,86,83,537,85,638
	1,1,46,43,,45,
	1,1,56,53,,55,
	1,1,96,93,547,95,648
	1,1,106,103,557,105,658
	END
	)"
	equals "$(query append_table_with_alter_table -w 'a > 80 and key0 = 1' -c a,e | tail -n +2 | sort -n)" "95,648
105,658"
	# As of the first snapshot.
	equals "$(query append_table_with_alter_table --snapshot 1 -c 'count(*) as n' | tail -1)" 5
}

@test "tables with indexes, row tracking, timestamps of nine digits" {
	equals "$(query append_with_bitmap -w "f0 = 'Bob'" -c f0,f1,f2,f3)" "f0,f1,f2,f3
Bob,10,1,12.1
Bob,10,1,16.1"
	equals "$(query append_with_bloomfilter -c f0,f4 -w 'f1 = 200')" "f0,f4
Bob,2025-04-25T01:01:42.000123"
	equals "$(query append_with_bloomfilter -c 'count(*) as n' -w 'f1 = 201')" "n
0"
	equals "$(query append_table_row_tracking_with_compact -c f0 | sort | tr '\n' ' ')" "Alice Bob David Lily f0 "
}

@test "append tables: all rows that their notes list, of every snapshot" {
	equals "$(query append_with_bitmap)" "f0,f1,f2,f3
Alice,10,1,11.1
Bob,10,1,12.1
Emily,10,0,13.1
Tony,10,0,14.1
Lucy,20,1,15.1
Bob,10,1,16.1
Tony,20,0,17.1
Alice,20,,18.1"
	equals "$(query append_with_bloomfilter)" "f0,f1,f2,f3,f4
Alice,100,-2,11.1,2025-04-25T01:00:02.000123
Bob,200,-3,12.1,2025-04-25T01:01:42.000123
Emily,300,1,13.1,2025-04-25T00:56:42.000123
Tony,50,1,14.1,1969-12-31T23:59:58.255123
Lucy,500,-1,15.1,1969-12-31T23:59:58.235123
Bob,100,2,16.1,
Tony,,-2,17.1,2025-04-25T01:00:02.000123
Alice,20,,18.1,1969-12-31T23:59:58.275123"
	local first="f0,f1,f2,f3
Lily,2,12,2.1
Alice,3,13,3.1" snapshot
	equals "$(query append_table_row_tracking_with_compact --snapshot 1)" "$first"
	for snapshot in 2 3 4; do
		equals "$(query append_table_row_tracking_with_compact --snapshot $snapshot)" "$first
Bob,4,14,4.1
David,5,15,5.1"
	done
	equals "$(query append_table_with_alter_table --snapshot 1 | sort)" "$(sort <<-'END'
	key0,key1,a,b,c,d,k
	0,1,12,13,14,15,16
	0,1,22,23,24,25,26
	0,1,32,33,34,35,36
	1,1,42,43,44,45,46
	1,1,52,53,54,55,56
	END
	)"
}

@test "types altered in other ways than widening: values are cast" {
	equals "$(query append_with_cast_timestamp)" "ts_sec,ts_milli,ts_micro,ts_nano,ts_tz_sec,ts_tz_milli,ts_tz_micro,ts_tz_nano,int_ts_sec,int_ts_tz_micro
1,1970-01-01,1970-01-01 00:00:00.000001,1970-01-01T00:00:00.000000Z,2,1970-01-01,1970-01-01 00:00:00.000002,1970-01-01T00:00:00.000000,1970-01-01T00:00:00,1970-01-01T00:00:00.000000Z
3,1970-01-01,,1970-01-01T00:00:00.000000Z,4,1970-01-01,1970-01-01 00:00:00.000004,1970-01-01T00:00:00.000000,1970-01-01T00:00:01,1970-01-01T00:00:01.000000Z
5,1970-01-01,,,6,,1970-01-01 00:00:00.000006,,1969-12-31T23:59:59,1969-12-31T23:59:59.000000Z"
	# Statistics of the file are about other values.
	equals "$(query append_with_cast_timestamp -w "ts_sec = 3" -c ts_tz_sec)" "ts_tz_sec
4"
	equals "$(query append_with_cast_timestamp -w "ts_micro >= '1970-01-01 00:00:00.000001'" -c 'count() as n' | tail -1)" 1
}

# A table with a deletion vector: the rows of one with a primary key, whose key
# its schema no longer says.
with_deletions()
{
	cp -r "$PF_SHARED/corpora/paimon/tables/pk_with_bitmap_dv.db/pk_with_bitmap_dv" dv
	chmod -R u+w dv
	sed -i 's/"primaryKeys" : \[ "key" \]/"primaryKeys" : []/' dv/schema/schema-0
}

@test "deletion vectors: their rows are gone, in every way to ask" {
	with_deletions
	equals "$(pf-query -O csv dv -c key,f0,f3 --order-by key)" "key,f0,f3
1,Bob,12.1
2,Emily,13.1
3,Tony,14.1
5,Bob,16.1
6,Tony,17.1
7,Alice,18.1"
	equals "$(pf-query -O csv dv -c 'count() as n,sum(key) as s' --no-prune | tail -1)" "6,24"
	# By the bitmap index, which knows nothing of them, and by statistics.
	equals "$(pf-query -O csv dv -c key -w "f0 in ('Alice', 'Lucy')")" "key
7"
	equals "$(pf-query -O csv dv -c 'count() as n' -w 'key = 4')" "n
0"
	status 0 pf-put --verify dv
	equals "$(pf-query --files -O json dv | python3 -c 'import json, sys
rows = json.load(sys.stdin)
print(sum(r["rows"] for r in rows), sum(r["deleted"] for r in rows))')" "8 2"
	# As of the snapshot before.
	equals "$(pf-query -O csv dv --snapshot 2 -c 'count() as n' | tail -1)" 8
}

@test "a deletion vector that is damaged, cut or gone is an error, never rows" {
	with_deletions
	local index
	index=$(echo dv/index/*)
	cp "$index" whole
	printf '\377' | dd of="$index" bs=1 seek=20 conv=notrunc status=none
	status 3 pf-query dv
	contains "$stderr" "its deletion vector has a wrong checksum"
	status 3 pf-put --verify dv
	contains "$stderr" "its deletion vector has a wrong checksum"
	head -c 10 whole > "$index"
	status 3 pf-query dv
	rm "$index"
	status 3 pf-query dv
	contains "$stderr" "of snapshot"
	# What rewrites tables must not bring the rows back.
	cp whole "$index"
	status 2 pf-put --compact dv
}

@test "pf-window: a deletion vector that comes between two runs with a state, goes, is damaged" {
	with_deletions
	# Column f1 as a time, by a schema that the files are cast to: 10 and 20 seconds.
	python3 - <<-'END'
	import json
	s = json.load(open("dv/schema/schema-0"))
	s["id"] = 1
	next(f for f in s["fields"] if f["name"] == "f1")["type"] = "TIMESTAMP(0)"
	json.dump(s, open("dv/schema/schema-1", "w"))
	END
	mkdir later
	window()
	{
		pf-window -qq -O tsv -t f1 -W 1d --end 1970-01-02 -g f0 count sum:key max:f3 "$@" dv |
			tail -n +2 | cut -f 1,4- | tr '\t\n' ' |'
	}
	local all="Alice 2 7 18.1|Bob 2 6 16.1|Emily 1 2 13.1|Lucy 1 4 15.1|Tony 2 9 17.1|"
	local left="Alice 1 7 18.1|Bob 2 6 16.1|Emily 1 2 13.1|Tony 2 9 17.1|"
	# upto N: the table as it was at snapshot N.
	upto()
	{
		mv dv/snapshot/snapshot-* later/
		for n in $(seq "$1"); do mv later/snapshot-$n dv/snapshot/; done
		echo "$1" > dv/snapshot/LATEST
	}
	upto 2
	equals "$(window)" "$all"
	equals "$(window -s st)" "$all"
	upto 4
	equals "$(window)" "$left"
	cp -r st before
	# The vector cannot be read: no answer, and the state is what it was.
	local index
	index=$(echo dv/index/*)
	cp "$index" whole
	printf '\377' | dd of="$index" bs=1 seek=20 conv=notrunc status=none
	status 3 pf-window -s st -t f1 -W 1d --end 1970-01-02 -g f0 count sum:key max:f3 dv
	contains "$stderr" "its deletion vector has a wrong checksum"
	cp whole "$index"
	equals "$(window -s st)" "$left"
	equals "$(window -s before)" "$left"
	# Nothing is new, and it stays.
	equals "$(window -s st)" "$left"
	# And without it again, as after a rollback.
	upto 2
	equals "$(window -s st)" "$all"
}

# All five have Parquet data files; their manifests are ORC.
@test "manifests in ORC are refused by name, by all who read tables" {
	local t name
	for name in append_09 append_10 append_with_empty_partition \
		append_with_empty_partition_with_empty_value parquet_append_table; do
		t=$PF_SHARED/corpora/paimon/tables/$name.db/$name
		for command in "pf-query" "pf-query --files" "pf-query --explain" "pf-put --verify"; do
			# shellcheck disable=SC2086
			status 2 $command "$t"
			contains "$stderr" "is an ORC file; only manifests in Avro are supported (PF2020)"
		done
		for command in "pf-put --compact" "pf-index --bloom f1"; do
			# shellcheck disable=SC2086
			status 2 $command "$t"
			contains "$stderr" "(PF2020)"
		done
	done
}

@test "data files of tables whose manifests are ORC give the rows of the notes" {
	local t=$PF_SHARED/corpora/paimon/tables
	equals "$(pf-query -O csv $t/append_10.db/append_10/f1=*/bucket-*/*.parquet | sort)" "$(sort <<-'END'
	f0,f1,f2,f3
	Alice,10,1,11.1
	Bob,10,0,12.1
	Emily,10,0,13.1
	Tony,10,0,14.1
	Lucy,20,1,14.1
	END
	)"
	equals "$(pf-query -O csv -c f1,f2,f3,f0 $t/append_with_empty_partition.db/append_with_empty_partition/f0=*/bucket-*/*.parquet |
		sort)" "$(sort <<-'END'
	f1,f2,f3,f0
	500,-1,15.1,2025
	100,-2,11.1,2024
	300,1,13.1,2024
	200,-3,12.1,
	50,1,14.1,
	100,2,16.1,
	END
	)"
	equals "$(pf-query -O csv -c f2,f5,f8,f12 $t/parquet_append_table.db/parquet_append_table/bucket-0/*.parquet |
		sort -n | tail -3)" "37,3000000007,s37,1970-03-29
38,3000000008,s38,1970-03-30
39,3000000009,s39,1970-03-31"
}

@test "a primary key: versions in overlapping files become rows" {
	equals "$(query pk_table_scan_and_read_mor -c f0,f1,f2,f3 | sort)" "$(sort <<-'END'
	f0,f1,f2,f3
	Alice,10,1,19.1
	"Two roads diverged in a wood, and I took the one less traveled by, And that has made all the difference.",10,1,11
	Bob,10,0,12.1
	David,10,0,17.1
	Emily,10,0,13.1
	Marco,10,0,21.1
	Marco2,10,0,31.1
	Skye,10,0,21
	Skye2,10,0,31
	Lucy,20,1,14.1
	Paul,20,1,18.1
	END
	)"
	# Before anything was deleted or compacted, and after the first deletes.
	equals "$(query pk_table_scan_and_read_mor --snapshot 1 -c f0,f3 -w 'f2 = 0' | sort)" "$(sort <<-'END'
	f0,f3
	Alex,16.1
	Bob,12.1
	David,17.1
	Emily,13.1
	Tony,14.1
	END
	)"
	for snapshot in 2 3; do
		equals "$(query pk_table_scan_and_read_mor --snapshot $snapshot -c f0,f3 -w "f1 = 10 and f0 < 'F'" | sort)" "$(sort <<-'END'
		f0,f3
		Alex,16.1
		Alice,19.1
		Bob,12.1
		David,17.1
		Emily,13.1
		END
		)"
	done
	equals "$(query pk_table_scan_and_read_mor --snapshot 4 -c f3 -w "f0 = 'Alex'")" "f3
21.2"
}

@test "a primary key: no condition brings back an old version" {
	# Alice was 11.1, Alex 16.1 and 21.2 and is deleted, Tony too.
	for where in 'f3 = 11.1' 'f3 < 12' 'f3 between 16 and 16.5' 'f3 = 21.2' "f0 = 'Alex'" "f0 in ('Tony', 'Alex')"; do
		want=$(query pk_table_scan_and_read_mor --no-prune -w "$where")
		equals "$(query pk_table_scan_and_read_mor -w "$where")" "$want"
		lacks "$want" Alex
		lacks "$want" Tony
		lacks "$want" 11.1
	done
	equals "$(query pk_table_scan_and_read_mor -c f0 -w 'f3 = 19.1')" "f0
Alice"
	equals "$(query pk_table_scan_and_read_mor -c 'count(*) as n')" "n
11"
	equals "$(query pk_table_scan_and_read_mor --snapshot 1 --id-column f2 --id 0 -c 'count(*) as n')" "n
5"
}

@test "a primary key: partial updates, deletes ignored" {
	equals "$(query pk_table_partial_update)" "k0,k1,v0,v1,v2
0,1,100,true,new_apple
1,0,2,false,
1,1,133.3,false,banana
2,1,144.4,true,orange"
	equals "$(query pk_table_partial_update --snapshot 1 -w 'v2 is not null' -c v2)" "v2
apple
banana"
	equals "$(query pk_table_partial_update -w 'v0 is null')" "k0,k1,v0,v1,v2"
}

@test "a primary key: deletion vectors, altered schemas" {
	equals "$(query pk_with_bitmap_dv -c key,f0,f2)" "key,f0,f2
1,Bob,1
2,Emily,0
3,Tony,0
5,Bob,1
6,Tony,0
7,Alice,"
	equals "$(query pk_with_bitmap_dv -c key -w "f0 = 'Alice'")" "key
7"
	# Nothing was deleted yet.
	equals "$(query pk_with_bitmap_dv --snapshot 2 -c key -w "f0 = 'Alice'")" "key
0
7"
	equals "$(query pk_table_with_alter_table -c key0,key1,key_2,a,c,d,e | sort)" "$(sort <<-'END'
	key0,key1,key_2,a,c,d,e
	1,1,22,26,24,,
	1,1,32,36,34,,
	1,1,62,66,64,,
	1,1,72,76,74,,
	1,1,52,516,514,518,519
	0,1,2,6,4,,
	0,1,12,96,94,,
	0,1,502,506,504,508,509
	END
	)"
	# As of the first compaction, with the columns of that time.
	equals "$(query pk_table_with_alter_table --snapshot 2 -c 'key0,count(*) as n,sum(a) as a' --group-by key0 | sort)" "0,2,16
1,7,371
key0,n,a"
	equals "$(query pk_09 -c f0,f1,f2,f3 | sed 's/^"Two.*difference."/Two/; s/^Whether[^,]*/Whether/' | sort)" "$(sort <<-'END'
	f0,f1,f2,f3
	Alice,10,1,21.1
	Two,10,1,11
	Whether,10,1,19.1
	Alex,10,0,16.1
	Bob,10,0,12.1
	David,10,0,17.1
	Emily,10,0,13.1
	Lucy,20,1,14.1
	Paul,20,1,18.1
	END
	)"
}
