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
	head -c 10 whole > "$index"
	status 3 pf-query dv
	rm "$index"
	status 75 pf-query dv
	# What rewrites tables must not bring the rows back.
	cp whole "$index"
	status 2 pf-put --compact dv
}

@test "what cannot be read right is refused by name" {
	t=$PF_SHARED/corpora/paimon/tables
	status 2 pf-query $t/append_09.db/append_09
	contains "$stderr" "is an ORC file"
	status 2 pf-query $t/pk_09.db/pk_09
	contains "$stderr" "primary key"
	status 2 pf-query $t/parquet_append_table.db/parquet_append_table
	contains "$stderr" "column 'f10' is of type MAP, which is not supported (PF2020)"
	status 2 pf-query $t/append_with_cast_timestamp.db/append_with_cast_timestamp
	contains "$stderr" "column 'ts_sec' was of type TIMESTAMP(0) in schema 0 and is INT now"
}
