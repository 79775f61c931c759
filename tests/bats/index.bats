# SPDX-License-Identifier: Apache-2.0
# pf-index: what it adds is right, and nothing else changes.
load helpers

setup_file()
{
	load helpers
	need_program pf-partition pf-pack pf-index pf-put
	cd "$BATS_FILE_TMPDIR" || return 1
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
	  event: string
	  price: double
	  flag: boolean
	  amount: decimal(20,2)
	  small: smallint
	  day: date
	  at: timestamp_ltz(6)
	END
	awk 'BEGIN {
		srand(7)
		split("view buy cart na\xc3\xafve back", kind, " ")
		for (i = 0; i < 20000; i++) {
			printf "{\"user_id\": %d, \"ts\": \"2024-01-0%dT%02d:%02d:%02d.%03d\"",
				rand() * 500, 1 + i % 2, rand() * 24, rand() * 60, rand() * 60, rand() * 1000
			if (rand() < 0.95) printf ", \"event\": \"%s\"", kind[1 + int(rand() * 5)]
			if (rand() < 0.9) printf ", \"price\": %s%.2f", rand() < 0.5 ? "-" : "", int(rand() * 500) / 100
			if (rand() < 0.8) printf ", \"flag\": %s", rand() < 0.5 ? "true" : "false"
			printf ", \"amount\": %d.%02d, \"small\": %d", (rand() - 0.5) * 1e12, rand() * 100, rand() * 300 - 150
			printf ", \"day\": \"2023-%02d-%02d\"", 1 + rand() * 12, 1 + rand() * 28
			printf ", \"at\": \"2024-05-01T00:00:%02d.%06dZ\"}\n", rand() * 60, rand() * 1000000
		}
	}' > rows.jsonl
	pf-partition -S schema.yaml rows.jsonl | pf-pack > seg.arrows
	cat > streams.py <<-'END'
	import io
	import pyarrow as pa
	import pyarrow.parquet as pq

	def segments(name):
	    with open(name, "rb") as f:
	        return pa.ipc.open_stream(f).read_all().to_pylist()

	def table(segment):
	    # Threads of its own that outlive it abort Python now and then.
	    return pq.read_table(io.BytesIO(segment["data"]), use_threads=False, pre_buffer=False)
	END
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-partition pf-pack pf-index pf-put
	ln -s "$BATS_FILE_TMPDIR"/{schema.yaml,rows.jsonl,seg.arrows,streams.py} .
}

# The table of seg.arrows.
stored()
{
	pf-put -q --create schema.yaml wh/default.db/events
	pf-put -q --append wh/default.db/events < seg.arrows
}

snapshot()
{
	sed -n "s/^ *\"$2\" : \"\{0,1\}\([^\",]*\).*/\1/p" "wh/default.db/events/snapshot/snapshot-$1"
}

@test "without anything to do, segments pass through byte for byte" {
	status 0 --keep-empty-lines pf-index -v -o same.arrows seg.arrows
	cmp seg.arrows same.arrows
	contains "$stderr" "20000 rows in, 20000 out; 0 of 4 segments indexed"
	pf-index < seg.arrows | cmp - seg.arrows
}

@test "--bloom: rows, pages and footer stay; no value is excluded that is there" {
	need_peer pyarrow duckdb
	pf-index --bloom event,price,amount,small,day,at seg.arrows > bloom.arrows
	"$PF_PYTHON" - <<-'END'
	import duckdb
	from streams import *
	con, probes, excluded = duckdb.connect(), 0, 0
	for old, new in zip(segments("seg.arrows"), segments("bloom.arrows"), strict=True):
	    for key in ("partition", "bucket", "rows", "index", "replaces"):
	        assert old[key] == new[key], key
	    footer = int.from_bytes(old["data"][-8:-4], "little")
	    pages = len(old["data"]) - 8 - footer
	    assert old["data"][:pages] == new["data"][:pages]
	    a, b = (pq.read_metadata(io.BytesIO(s["data"])).to_dict() for s in (old, new))
	    a.pop("serialized_size"), b.pop("serialized_size")
	    assert a == b
	    assert table(old).equals(table(new))
	    with open("new.parquet", "wb") as f:
	        f.write(new["data"])
	    places = con.execute("select path_in_schema, bloom_filter_offset, bloom_filter_length "
	                         "from parquet_metadata('new.parquet')").fetchall()
	    have = {name for name, offset, length in places if offset and length}
	    assert have == {"user_id", "event", "price", "amount", "small", "day", "at"}, have
	    at = pages
	    for name, offset, length in places:
	        if name in have - {"user_id"}:
	            assert offset == at, (name, offset, at)
	            at += length
	    for name in sorted(have):
	        values = con.execute(f"""select distinct "{name}" from 'new.parquet'
	            where "{name}" is not null using sample 60 rows""").fetchall()
	        for value, in values:
	            probe = con.execute(f"select bool_or(bloom_filter_excludes) from "
	                                f"parquet_bloom_probe('new.parquet', '{name}', ?)", [value])
	            assert not probe.fetchone()[0], (name, value)
	            probes += 1
	    for i in range(100):
	        probe = con.execute("select bool_and(bloom_filter_excludes) from "
	                            "parquet_bloom_probe('new.parquet', 'event', ?)", [f"none {i}"])
	        excluded += probe.fetchone()[0]
	assert probes > 800 and excluded > 350, (probes, excluded)
	END
	# And pf-put takes what it says about itself.
	pf-put -q --create schema.yaml wh/default.db/events
	pf-put -q --append wh/default.db/events < bloom.arrows
	pf-put --verify wh/default.db/events
}

@test "--file-index bitmap: the rows of every value, as another reader finds them" {
	need_peer pyarrow pyroaring
	pf-index --file-index bitmap:event,flag,price --file-index bitmap:small seg.arrows > x.arrows
	"$PF_PYTHON" - <<-'END'
	import math, struct
	from collections import defaultdict
	from pyroaring import BitMap
	from streams import *

	class Reader:
	    def __init__(self, data, at=0):
	        self.data, self.at = data, at
	    def take(self, fmt):
	        v, = struct.unpack_from(">" + fmt, self.data, self.at)
	        self.at += struct.calcsize(">" + fmt)
	        return v
	    def text(self, fmt):
	        n = self.take(fmt)
	        self.at += n
	        return self.data[self.at - n:self.at].decode()

	def parts(data):
	    r = Reader(data)
	    assert (r.take("q"), r.take("i")) == (1493475289347502, 1)
	    head, found = r.take("i"), {}
	    for _ in range(r.take("i")):
	        name = r.text("H")
	        for _ in range(r.take("i")):
	            kind, start, length = r.text("H"), r.take("i"), r.take("i")
	            assert start >= head
	            found[name, kind] = data[start:start + length]
	    assert r.take("i") == 0 and r.at == head
	    return found

	def rows(body, offset):
	    return [-1 - offset] if offset < 0 else list(BitMap.deserialize(body[offset:]))

	def bitmap(data, value):
	    r, found = Reader(data), {}
	    assert r.take("b") == 2
	    total, distinct = r.take("i"), r.take("i")
	    null = (r.take("i"), r.take("i")) if r.take("b") else None
	    blocks = [(value(r), r.take("i")) for _ in range(r.take("i"))]
	    size = r.take("i")
	    start, body = r.at, data[r.at + size:]
	    for first, offset in blocks:
	        r.at = start + offset
	        for i in range(r.take("i")):
	            v = value(r)
	            assert i or v == first
	            found[v] = rows(body, r.take("i"))
	            r.take("i")
	    assert len(found) == distinct and list(found) == sorted(found)
	    if null:
	        found[None] = rows(body, null[0])
	    return total, found

	def signed(v): # the two zeros are two values
	    return (v, math.copysign(1, v)) if isinstance(v, float) else v

	values = {"event": lambda r: r.text("i"), "flag": lambda r: r.take("b") != 0,
	          "price": lambda r: signed(r.take("d")), "small": lambda r: r.take("h")}
	for old, new in zip(segments("seg.arrows"), segments("x.arrows"), strict=True):
	    found = parts(new["index"])
	    assert set(found) == {(c, "bitmap") for c in values}
	    stored = table(new)
	    for name, value in values.items():
	        want = defaultdict(list)
	        for i, v in enumerate(stored[name].to_pylist()):
	            want[signed(v)].append(i)
	        total, got = bitmap(found[name, "bitmap"], value)
	        assert total == new["rows"]
	        assert got == dict(want), name
	END
}

@test "--file-index bitmap: the file is encoded anew without DELTA, all else stays" {
	need_peer pyarrow
	pf-index --bloom event seg.arrows > bloom.arrows
	pf-index --file-index bitmap:event bloom.arrows > x.arrows
	pf-index --file-index bitmap:event x.arrows | cmp - x.arrows # and once only
	"$PF_PYTHON" - <<-'END'
	from streams import *

	def chunks(segment):
	    meta = pq.ParquetFile(io.BytesIO(segment["data"])).metadata
	    return [meta.row_group(g).column(c) for g in range(meta.num_row_groups)
	            for c in range(meta.num_columns)]

	def delta(segment):
	    return any("DELTA_BINARY_PACKED" in c.encodings for c in chunks(segment))

	for old, new in zip(segments("bloom.arrows"), segments("x.arrows"), strict=True):
	    assert delta(old) and not delta(new)
	    assert table(old).equals(table(new), check_metadata=True)
	    a, b = (pq.ParquetFile(io.BytesIO(s["data"])).metadata for s in (old, new))
	    assert a.metadata == b.metadata and a.created_by == b.created_by
	    assert a.row_group(0).sorting_columns == b.row_group(0).sorting_columns != ()
	    assert old["rows"] == new["rows"] and new["index"]
	    for c, d in zip(chunks(old), chunks(new), strict=True):
	        assert c.statistics == d.statistics and c.has_column_index == d.has_column_index
	END
	# So it is after compaction, whatever went into it.
	pf-put -q --create schema.yaml wh/default.db/events
	pf-put -q --append wh/default.db/events x.arrows
	head -50 rows.jsonl | pf-partition -S schema.yaml -I jsonl | pf-pack -q |
		pf-put -q --append wh/default.db/events
	pf-put -q --compact --full wh/default.db/events
	pf-put --verify wh/default.db/events
	pf-query -O tsv --files wh/default.db/events > files
	"$PF_PYTHON" - <<-'END'
	import csv
	import pyarrow.parquet as pq
	files = list(csv.DictReader(open("files"), delimiter="\t"))
	assert files
	for f in files:
	    name = f"wh/default.db/events/{f['partition']}/bucket-{f['bucket']}/{f['file']}"
	    meta = pq.ParquetFile(name).metadata
	    assert not any("DELTA_BINARY_PACKED" in meta.row_group(g).column(c).encodings
	                   for g in range(meta.num_row_groups) for c in range(meta.num_columns)), name
	END
}

@test "--file-index bloom-filter: sized by the values, --fpp is kept" {
	need_peer pyarrow
	pf-index --file-index bloom-filter:small,amount_ seg.arrows > x.arrows 2> message && return 1
	contains "$(cat message)" "there is no column 'amount_' to index (PF2042)"
	contains "$(cat message)" "did you mean 'amount'?"
	for fpp in 0.1 0.01 0.001; do
		pf-index --fpp $fpp --file-index bloom-filter:at,small seg.arrows > x.arrows
		FPP=$fpp "$PF_PYTHON" - <<-'END'
		import math, os, struct
		from streams import *
		MASK = (1 << 64) - 1

		def signed(v, bits=64):
		    v &= (1 << bits) - 1
		    return v - (1 << bits) if v >> bits - 1 else v

		def mix(k):
		    k = signed(~k + (k << 21))
		    k = signed(k ^ k >> 24)
		    k = signed(k + (k << 3) + (k << 8))
		    k = signed(k ^ k >> 14)
		    k = signed(k + (k << 2) + (k << 4))
		    k = signed(k ^ k >> 28)
		    return signed(k + (k << 31))

		def has(body, v):
		    k, bits = struct.unpack_from(">i", body)[0], (len(body) - 4) * 8
		    h = mix(v) & MASK
		    for i in range(1, k + 1):
		        c = signed(h + i * (h >> 32), 32)
		        c = (~c if c < 0 else c) % bits
		        if not body[4 + (c >> 3)] >> (c & 7) & 1:
		            return False
		    return True

		fpp = float(os.environ["FPP"])
		tried = passed = 0
		for segment in segments("x.arrows"):
		    data = segment["index"]
		    at = data.index(b"bloom-filter") + 12
		    start, length = struct.unpack_from(">ii", data, at)
		    values = {v for v in table(segment)["at"].cast("int64").to_pylist() if v is not None}
		    body = data[start:start + length]
		    want = len(values) * -math.log(fpp) / math.log(2) ** 2 / 8
		    assert abs(len(body) - 4 - want) < 2, (len(body), want)
		    assert all(has(body, v) for v in values)
		    absent = [v for v in range(min(values), min(values) + 4000) if v not in values]
		    tried, passed = tried + len(absent), passed + sum(has(body, v) for v in absent)
		assert passed < 1.5 * fpp * tried + 5, (passed, tried)
		END
	done
}

@test "what is there is not made again; the same input gives the same bytes" {
	set -- --bloom event --file-index bitmap:event --file-index bloom-filter:at
	pf-index "$@" seg.arrows > once.arrows
	pf-index "$@" seg.arrows > again.arrows
	cmp once.arrows again.arrows
	status 0 pf-index -v "$@" -o twice.arrows once.arrows
	contains "$stderr" "0 of 4 segments indexed"
	cmp once.arrows twice.arrows
	# One after another: together.
	pf-index --file-index bitmap:event seg.arrows | pf-index --bloom event |
		pf-index --file-index bloom-filter:at | cmp - once.arrows
}

@test "another implementation reads the indexed table, filters and all" {
	need_peer pypaimon
	pf-put -q --create schema.yaml wh/default.db/events
	pf-index --bloom event,price --file-index bitmap:event,flag,small \
		--file-index bloom-filter:event,price,at,day seg.arrows |
		pf-put -q --append wh/default.db/events
	ls wh/default.db/events/dt=*/bucket-*/*.index
	"$PF_PYTHON" - <<-'END' 2> errors || { cat errors; return 1; }
	import pyarrow as pa, pyarrow.compute as pc
	from pypaimon import CatalogFactory
	from streams import *
	t = CatalogFactory.create({"warehouse": "wh"}).get_table("default.events")

	def read(predicate=None):
	    b = t.new_read_builder()
	    if predicate:
	        b = b.with_filter(predicate(b.new_predicate_builder()))
	    return b.new_read().to_arrow(b.new_scan().plan().splits())

	key = ["user_id", "ts", "at", "amount"]
	want = pa.concat_tables(table(s) for s in segments("seg.arrows"))
	order = [(k, "ascending") for k in key]
	columns = want.column_names
	assert read().select(columns).sort_by(order).to_pylist() == want.sort_by(order).to_pylist()
	for what, predicate, mask in [
	        ("event", lambda p: p.equal("event", "buy"), pc.equal(want["event"], "buy")),
	        ("null", lambda p: p.is_null("event"), pc.is_null(want["event"])),
	        ("none", lambda p: p.equal("event", "nothing"), pc.equal(want["event"], "nothing")),
	        ("small", lambda p: p.equal("small", 17), pc.equal(want["small"], 17)),
	        ("dt", lambda p: p.equal("dt", "2024-01-02"), pc.equal(want["dt"], "2024-01-02")),
	        ("id", lambda p: p.equal("user_id", 42), pc.equal(want["user_id"], 42))]:
	    got, expected = read(predicate).num_rows, want.filter(mask).num_rows
	    assert got == expected, (what, got, expected)
	END
}

@test "a table is indexed in place: a COMPACT snapshot, the same rows, once" {
	stored
	status 0 pf-index -v --bloom event --file-index bitmap:flag -o x.arrows wh/default.db/events
	contains "$stderr" "4 of 4 segments indexed"
	status 0 pf-put wh/default.db/events x.arrows
	contains "$stderr" "snapshot 2, 4 segments, 20,000 rows"
	equals "$(snapshot 2 commitKind) $(snapshot 2 totalRecordCount) $(snapshot 2 deltaRecordCount)" \
		"COMPACT 20000 0"
	pf-put --verify wh/default.db/events
	# The old files stay for snapshot 1; the stream again does nothing.
	equals "$(find wh -name 'data-*.parquet' | wc -l)" 8
	status 0 pf-put wh/default.db/events x.arrows
	contains "$stderr" "already loaded"
	status 0 pf-index -v --bloom event --file-index bitmap:flag -o y.arrows wh/default.db/events
	contains "$stderr" "0 rows in, 0 out; 0 of 4 segments indexed"
	status 0 pf-put wh/default.db/events y.arrows
	equals "$(cat wh/default.db/events/snapshot/LATEST)" 2
	# More of them: what is there stays.
	pf-index --file-index bitmap:event wh/default.db/events | pf-put -q wh/default.db/events
	pf-put --verify wh/default.db/events
	pf-index --bloom event --file-index bitmap:flag --file-index bitmap:event \
		seg.arrows > all.arrows
	need_peer pypaimon
	"$PF_PYTHON" - <<-'END' 2> errors || { cat errors; return 1; }
	import glob
	from pypaimon import CatalogFactory
	from streams import *
	t = CatalogFactory.create({"warehouse": "wh"}).get_table("default.events")
	b = t.new_read_builder()
	splits = b.new_scan().plan().splits()
	files = [f for s in splits for f in s.files]
	assert len(files) == 4 and sum(f.row_count for f in files) == 20000
	assert all(f.level == 0 and f.file_source == 1 for f in files)
	# Sequence numbers are those of the files replaced.
	assert all(f.max_sequence_number - f.min_sequence_number == f.row_count - 1 for f in files)
	def key(row):
	    return tuple((v is not None, v) for v in row.values())
	got = b.new_read().to_arrow(splits)
	want = [r for s in segments("seg.arrows") for r in table(s).to_pylist()]
	assert sorted(got.to_pylist(), key=key) == sorted(want, key=key)
	END
}

@test "X17: of two that index a table at once, the second exits 75 and leaves nothing" {
	stored
	pf-index --bloom event wh/default.db/events > a.arrows
	pf-index --bloom small wh/default.db/events > b.arrows
	pf-put -q wh/default.db/events a.arrows
	find wh -type f | sort > before
	status 75 pf-put wh/default.db/events b.arrows
	contains "$stderr" "was replaced or deleted meanwhile"
	contains "$stderr" "PF7502"
	find wh -type f | sort | diff before -
	# Rows that came meanwhile are no obstacle.
	pf-index --bloom small wh/default.db/events > c.arrows
	sed 's/"user_id": /&9/' rows.jsonl | head -100 | pf-partition -I jsonl -S schema.yaml |
		pf-pack | pf-put -q --append wh/default.db/events
	pf-put -q wh/default.db/events c.arrows
	pf-put --verify wh/default.db/events
	equals "$(snapshot 4 totalRecordCount)" 20100
}

@test "a table's options say which indexes, for it and with -T for streams" {
	stored
	status 2 pf-index wh/default.db/events
	contains "$stderr" "no index is asked for"
	sed -i 's/"options" : {/&\n    "file-index.bitmap.columns" : "event, flag,gone,amount",\n    "file-index.bloom-filter.columns" : "at",\n    "file-index.bloom-filter.at.fpp" : "0.1",\n    "parquet.bloom.filter.enabled#small" : "true",\n    "file-index.bsi.columns" : "price",/' \
		wh/default.db/events/schema/schema-0
	pf-index -T wh/default.db/events seg.arrows > by-option.arrows
	pf-index --bloom small --file-index bitmap:event,flag --fpp 0.1 \
		--file-index bloom-filter:at seg.arrows > by-hand.arrows
	cmp by-option.arrows by-hand.arrows
	pf-index wh/default.db/events | pf-put wh/default.db/events
	pf-put --verify wh/default.db/events
	equals "$(snapshot 2 commitKind)" COMPACT
}

@test "marks pass: loaded exactly once through the whole line" {
	need_program pf-stage
	pf-stage append -q -S schema.yaml stage rows.jsonl
	pf-put -q --create schema.yaml wh/default.db/events
	line() {
		pf-stage read stage --after wh/default.db/events | pf-partition | pf-pack |
			pf-index --file-index bitmap:event | pf-put "$@" wh/default.db/events
	}
	line -q
	equals "$(snapshot 1 totalRecordCount)" 20000
	head -50 rows.jsonl | sed 's/"user_id": /&7/' > more.jsonl
	pf-stage append -q stage more.jsonl
	line -q
	line -q
	equals "$(cat wh/default.db/events/snapshot/LATEST)" 2
	equals "$(snapshot 2 totalRecordCount)" 20050
	pf-put --verify wh/default.db/events
}

@test "what cannot be is said, with the status for it" {
	status 2 pf-index --bloom flag seg.arrows
	contains "$stderr" "column 'flag' cannot have a bloom filter: it is boolean (PF2090)"
	status 2 pf-index --file-index bitmap:amount seg.arrows
	contains "$stderr" "column 'amount' (decimal(20,2)) cannot have a bitmap index (PF2090)"
	status 2 pf-index --file-index zone:amount seg.arrows
	contains "$stderr" "'zone' is no file index: bloom-filter or bitmap"
	status 2 pf-index --file-index bitmap seg.arrows
	contains "$stderr" "names no columns"
	status 2 pf-index --fpp 2 --file-index bloom-filter:at seg.arrows
	contains "$stderr" "--fpp: '2' is no number between"
	status 2 pf-index rows.jsonl
	pf-partition -S schema.yaml rows.jsonl > parts.arrows
	status 2 pf-index parts.arrows
	contains "$stderr" "put pf-pack before this program"
	stored
	status 2 pf-index --bloom event wh/default.db/events seg.arrows
	contains "$stderr" "must be the only operand"
	status 4 pf-index nowhere.arrows
}

@test "a cut stream ends with 3, and what follows commits nothing" {
	head -c 100000 seg.arrows > cut.arrows
	status 3 pf-index --bloom event -o x.arrows cut.arrows
	[ ! -e x.arrows ]
	pf-put -q --create schema.yaml wh/default.db/events
	! pf-index --bloom event cut.arrows 2> /dev/null > x.arrows
	status 5 pf-put --append wh/default.db/events x.arrows
	[ ! -e wh/default.db/events/snapshot/snapshot-1 ]
}

@test "a segment whose bytes are damaged is refused" {
	need_peer pyarrow
	"$PF_PYTHON" - <<-'END'
	import pyarrow as pa
	with pa.ipc.open_stream("seg.arrows") as r:
	    t = r.read_all()
	data = t["data"].to_pylist()
	data[1] = data[1][:200] + bytes(20) + data[1][220:]
	t = t.set_column(3, t.schema.field(3), pa.array(data, pa.large_binary()))
	with pa.ipc.new_stream("bad.arrows", t.schema) as w:
	    w.write_table(t)
	END
	status 3 pf-index --bloom event,price,amount,small,day,at --file-index bitmap:flag \
		--file-index bloom-filter:user_id -o x.arrows bad.arrows
	[ ! -e x.arrows ]
}

@test "pf-query: indexes leave files out and change no answer" {
	need_program pf-query
	need_peer pyarrow duckdb
	pf-put -q --create schema.yaml wh/default.db/events
	pf-index --bloom event,price,at --file-index bitmap:event,flag,small,price \
		--file-index bloom-filter:at,day,price seg.arrows |
		pf-put -q --append wh/default.db/events
	pf-put -q --create schema.yaml wh/default.db/plain
	pf-put -q --append wh/default.db/plain seg.arrows
	pf-put -q --create schema.yaml wh/default.db/blooms
	pf-index --bloom event,price,amount,small,day,at seg.arrows |
		pf-put -q --append wh/default.db/blooms
	"$PF_PYTHON" - <<-'END'
	import random, re, subprocess
	import duckdb
	from streams import *
	seed = random.SystemRandom().randrange(1 << 32)
	print("# seed", seed)
	rng = random.Random(seed)
	rows = pa.concat_tables(table(s) for s in segments("seg.arrows"))
	con = duckdb.connect()
	con.execute("set timezone = 'UTC'")

	def value(column):
	    v = rng.choice([x for x in rng.sample(rows[column].to_pylist(), 50) if x is not None])
	    far = rng.random() < 0.4
	    if column == "event":
	        return f"'{v}{'x' if far else ''}'"
	    if column == "flag":
	        return "true" if v else "false"
	    if column == "small":
	        return str(v)
	    if column == "amount":
	        return f"{v + far}"
	    if column == "price":
	        return f"{v + 0.001 * far:.3f}"
	    if column == "day":
	        return f"'{v.replace(day=29 + rng.randrange(2)) if far and v.month != 2 else v}'"
	    v = v.replace(microsecond=rng.randrange(1000000)) if far else v
	    return f"'{v:%Y-%m-%dT%H:%M:%S.%fZ}'"

	def term():
	    c = rng.choice(["event", "flag", "small", "price", "day", "at", "amount"])
	    kind = rng.randrange(6)
	    if kind == 0:
	        return f"{c} is {rng.choice(['', 'not '])}null"
	    if kind == 1 and c != "flag":
	        return f"{c} in ({value(c)}, {value(c)}, {value(c)})"
	    if kind == 2 and c in ("small", "price"):
	        return f"{c} between {value(c)} and {value(c)}"
	    if kind == 3 and c in ("small", "price", "event"):
	        return f"{c} {rng.choice(['<', '>', '<=', '>='])} {value(c)}"
	    return f"{c} = {value(c)}"

	def query(*args):
	    p = subprocess.run(["pf-query", "-O", "tsv", *args], capture_output=True, text=True)
	    assert not p.returncode, (args, p.stderr)
	    return p.stdout

	def quoted(where): # DuckDB keeps this word for itself
	    return re.sub(r"\bat\b", '"at"', where)

	by_index = by_bloom = some = 0
	for i in range(50):
	    where = f" {rng.choice(['and', 'and', 'or'])} ".join(
	        term() for _ in range(rng.choice([1, 1, 2, 3])))
	    want = con.execute(f"select count(*) from rows where {quoted(where)}").fetchone()[0]
	    for t in ("wh/default.db/events", "wh/default.db/blooms"):
	        got = int(query(t, "-w", where, "-c", "count(*) as n").split()[1])
	        assert got == want, (where, t, got, want)
	    explain = query("wh/default.db/events", "-w", where, "--explain")
	    by_index += int(re.search(r"files .* (\d+) by file index", explain)[1])
	    explain = query("wh/default.db/blooms", "-w", where, "--explain")
	    by_bloom += int(re.search(r"(\d+) by bloom filter", explain)[1])
	    some += want > 0
	assert by_index > 5 and by_bloom > 5 and some > 8, (by_index, by_bloom, some)
	END
	# A damaged index, or none where one should be: the file is read.
	for f in wh/default.db/events/dt=2024-01-01/bucket-*/*.index; do
		head -c 30 "$f" > "$f.x"
		mv "$f.x" "$f"
	done
	rm wh/default.db/events/dt=2024-01-02/bucket-*/*.index
	equals "$(pf-query wh/default.db/events -w "event = 'buy' and flag" -c 'count(*) as n' -O csv)" \
		"$(pf-query wh/default.db/plain -w "event = 'buy' and flag" -c 'count(*) as n' -O csv)"
}

@test "pf-query: indexes that Java wrote" {
	need_program pf-query
	need_shared corpora/paimon/tables
	bitmap=$PF_SHARED/corpora/paimon/tables/append_with_bitmap.db/append_with_bitmap
	bloom=$PF_SHARED/corpora/paimon/tables/append_with_bloomfilter.db/append_with_bloomfilter
	by_index() {
		pf-query "$1" -w "$2" -c f0 --explain | sed -n "s/^  files .* \\([0-9]*\\) by file index/\\1/p"
	}
	equals "$(by_index "$bitmap" "f0 = 'Carol'")" 1
	equals "$(by_index "$bitmap" "f1 = 11")" 1
	equals "$(by_index "$bitmap" "f1 = 20")" 0
	equals "$(by_index "$bitmap" "f2 is null")" 0
	equals "$(by_index "$bloom" "f0 = 'Carol'")" 1
	equals "$(by_index "$bloom" "f3 = 12.5")" 1
	equals "$(pf-query "$bitmap" -w "f0 = 'Bob'" -c f1,f3 -O csv)" $'f1,f3\n10,12.1\n10,16.1'
	equals "$(pf-query "$bloom" -w "f3 = 14.1" -c f0 -O csv)" $'f0\nTony'
	equals "$(pf-query "$bitmap" -w 'f2 is null' -c f0 -O csv)" $'f0\nAlice'
}
