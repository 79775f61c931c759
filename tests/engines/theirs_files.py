# SPDX-License-Identifier: Apache-2.0
"""Kinds of tables of theirs, by how rows are kept: types, codecs, partitions, statistics,
indexes, manifests, places. Each is given an engine and yields (what, wrong)."""
import datetime
import decimal
import glob
import os

from tables import Table, check_filtered, check_read, differs
from tap import rng


def all_types(e):
    t = Table(e, "types", {"id": "int", **{f"c{i}": k for i, k in enumerate(e.TYPES)}, "none": "string"})
    t.add(120, id=lambda i: i, none=None)
    if not e.kinds:
        t.add(80, id=lambda i: 120 + i, none=None)
    yield "read", check_read(t)
    yield "filtered", check_filtered(t)


CODED = {"id": "bigint", "n": "int", "s": "string", "d": "double", "f": "float", "b": "boolean", "x": "decimal(20,5)",
         "ts": "timestamp(6)", "nano": "timestamp(9)", "y": "bytes", "t": "smallint"}


def known(e, columns):
    """Those that the engine has types for."""
    return {c: k for c, k in columns.items() if k in e.TYPES}


def codecs(e):
    """Each commit in another way: codec, versions of pages, dictionaries, and
    pages and row groups so small that a file has many."""
    t = Table(e, "codecs", known(e, CODED))
    n = 0
    ways = [("PARQUET_1_0", "true"), ("PARQUET_2_0", "true"), ("PARQUET_2_0", "false")]
    for codec in ("zstd", "snappy", "gzip", "lz4", "uncompressed"):
        # SQL takes its time; and Paimon 0.9 reads no delta encodings.
        few = ways[:1] if e.short == "spark" else ways[n // 40 % 3:][:1]
        for version, dictionary in few if e.kinds else ways:
            t.add(40, ("file.compression", codec, "parquet.compression", codec, "parquet.writer.version", version,
                       "parquet.enable.dictionary", dictionary, "parquet.page.size", "512",
                       "parquet.block.size", "4096"), id=lambda i: n + i)
            n += 40
    yield "read", check_read(t)
    yield "filtered", check_filtered(t)
    import pyarrow.parquet as pq
    seen = set()
    for f in glob.glob(t.path + "/bucket-0/*.parquet"):
        m = pq.ParquetFile(f).metadata
        for g in range(m.num_row_groups):
            for c in range(m.num_columns):
                k = m.row_group(g).column(c)
                seen |= {k.compression, *k.encodings}
    print(f"# {t.name}: {sorted(seen)}")
    # pyarrow has no name for the LZ4 of Hadoop.
    want = {"ZSTD", "SNAPPY", "GZIP", "UNKNOWN", "UNCOMPRESSED"}
    yield "", (want if e.short == "spark" else want | {"DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY"}) - seen


def partitions(e):
    wrong = []
    strange = [None, "", " ", "a b", "x/y=z%25", "__DEFAULT_PARTITION__", "漢:{}", "2024-01-01", "ä'\"#*?"]
    dates = [datetime.date(2024, 1, 31), datetime.date(1969, 12, 31), None]
    moments = [datetime.datetime(2024, 1, 31), datetime.datetime(2024, 1, 31, 10, 5, 7),
               datetime.datetime(1969, 12, 31, 23, 59, 59, 120000), None]
    cases = [("s", {"p": "string"}, "p=default", strange, None),
             ("two", {"k": "int", "p": "date"}, "", dates, [0, -7, 2**31 - 1, None]),
             ("ts3", {"p": "timestamp(3)"}, "", moments, None),
             ("ts6", {"p": "timestamp(6)", "k": "boolean"}, "", moments, [True, False, None]),
             ("dec", {"p": "decimal(9,2)", "k": "bigint"}, "", [decimal.Decimal("1.50"), decimal.Decimal("-0.05"), None],
              [2**63 - 1, -1]),
             ("time", {"p": "time(3)", "k": "char(5)"}, "", [datetime.time(10, 5), datetime.time(0, 0, 0, 1000)], ["abcde"]),
             ("ints", {"p": "tinyint", "k": "smallint"}, "", [1, -128, None], [1, -300]),
             ("cast", {"p": "date", "k": "timestamp(3)"}, "partition.legacy-name=false", dates, moments)]
    for name, keys, options, values, others in cases:
        if not set(keys.values()) <= set(e.TYPES) or (e.kinds and name not in ("s", "two")):
            continue
        options = "" if options == "p=default" else options
        t = Table(e, "part_" + name, {"id": "int", "w": "string", **keys}, options, ",".join(sorted(keys)))
        fixed = {"p": lambda i: values[i % len(values)]}
        if others:
            fixed["k"] = lambda i: others[i // 2 % len(others)]
        t.add(30, id=lambda i: i, **fixed)
        if not e.kinds:
            t.add(12, id=lambda i: 30 + i, **fixed)
        for bad in (check_read(t), check_filtered(t)):
            if bad:
                wrong.append((name, bad))
    yield "read", wrong
    yield "filtered", wrong


SOME = {"id": "int", "n": "bigint", "s": "string", "x": "double", "f": "float", "b": "boolean", "d": "date",
        "m": "decimal(9,2)", "ts": "timestamp(3)", "us": "timestamp(6)", "z": "timestamp_ltz(3)", "y": "bytes",
        "i": "smallint", "t": "time(3)"}
FEW = {"n": lambda i: i % 5, "s": lambda i: f"word {i % 7}"}


def several(e, name, cases, columns=SOME, **fixed):
    """A table for each case, three commits each; fixed: values by column."""
    wrong = []
    for case, options in cases:
        t = Table(e, f"{name}_{case}", columns, options)
        for k in range(1 if e.kinds else 3):
            t.add(25, id=lambda i: 25 * k + i, **fixed)
        for bad in (check_read(t), check_filtered(t, 6)):
            if bad:
                wrong.append((case, bad))
    return wrong


def statistics(e):
    modes = ["none", "counts", "truncate(3)", "full"]
    cases = [(f"mode{i}", f"metadata.stats-mode={m}") for i, m in enumerate(modes)]
    cases += [("sparse", "metadata.stats-dense-store=false"), ("first", "metadata.stats-keep-first-n-columns=2"),
              ("mixed", "metadata.stats-mode=none\nfields.n.stats-mode=full\nfields.s.stats-mode=truncate(2)"),
              ("off", "metadata.stats-dense-store=false\nmetadata.stats-mode=none")]
    wrong = several(e, "stats", cases[2:3] + cases[-2:-1] if e.kinds else cases, known(e, SOME))
    yield "read", wrong
    yield "filtered", wrong


def indexes(e):
    """Beside the file and in the manifest."""
    wrong = []
    bloom = "file-index.bloom-filter.columns=id,n,s,x,f,d,ts,us,z,y,i,t"
    bitmap = "file-index.bitmap.columns=id,n,s,d,ts,us,z,i,b,t"
    if e.kinds:
        yield from several_sql(e)
        return
    kinds = [("bloom", bloom), ("bitmap", bitmap), ("bitmap1", bitmap + "\nfile-index.bitmap.s.version=1"),
             ("bsi", "file-index.bsi.columns=id,n,d,m,ts,us,z,i,t"),
             ("both", "file-index.bloom-filter.columns=s,n\nfile-index.bitmap.columns=n,b\nfile-index.bsi.columns=ts")]
    if e.at_least("1.3"):
        kinds.append(("range", "file-index.range-bitmap.columns=id,n,s,x,d,ts,us,z,i,t"))
    for threshold in ("1 B", "1 MB"):
        cases = [(f"{k}_{threshold[2:]}", f"{o}\nfile-index.in-manifest-threshold={threshold}") for k, o in kinds]
        # Paimon cannot take the magnitude of the smallest integer.
        near = {"n": lambda i: rng.randrange(-99, 99), "i": lambda i: rng.randrange(-9, 9)}
        for case in cases:
            wrong += several(e, "index", [case], **(near if "bsi" in case[0] or "both" in case[0] else {}))
        wrong += several(e, "index_few", cases[:2], **FEW)
    t = f"wh/default.db/index_bloom_B_{e.short}/bucket-0"
    yield "read", wrong
    yield "filtered", wrong
    yield "", [] if glob.glob(t + "/*.index") else "no file with an index beside it"


def several_sql(e):
    columns = {c: k for c, k in known(e, SOME).items() if k in ("int", "bigint", "string", "double", "date")}
    wrong = several(e, "index", [("both", "file-index.bloom-filter.columns=id,s,x,d\nfile-index.bitmap.columns=n,s\n"
                                  "file-index.in-manifest-threshold=1 B")], columns, **FEW)
    yield "read", wrong
    yield "filtered", wrong


def manifests(e):
    """Of several codecs, merged, with statistics of their own, tags."""
    wrong = []
    for codec in ("zstd", "snappy", "deflate", "null") if not e.kinds else ("snappy",):
        t = Table(e, "manifests_" + codec, {**known(e, SOME), "p": "string"},
                  f"manifest.compression={codec}\nmanifest.merge-min-count=3\nbucket=2\nbucket-key=id", "p")
        for k in range(10 if not e.kinds else 4):
            t.add(4, id=lambda i: 4 * k + i, p=lambda i: f"p{i % 2}")
            if k == 2:
                e.tag(t, "three")
                before = t.sums()
        for bad in (check_read(t), check_filtered(t, 4), differs(t.query("--snapshot", "three"), before)):
            if bad:
                wrong.append((codec, bad))
    yield "read", wrong
    yield "filtered", wrong


def places(e):
    """Data files in a directory of their own, and outside of the table."""
    wrong = []
    outside = os.path.abspath(f"outside_{e.short}")
    cases = [("dir", "data-file.path-directory=data", ""), ("dirp", "data-file.path-directory=da/ta", "p"),
             ("dv", "data-file.path-directory=data\ndeletion-vectors.enabled=true", "p"),
             ("out", f"data-file.external-paths=file://{outside}\ndata-file.external-paths.strategy=round-robin", "p")]
    for name, options, partition in [c for c in cases if not e.kinds or c[0] in ("dirp", "out")]:
        t = Table(e, "place_" + name, {**known(e, SOME), "p": "string"}, options + "\nfile-index.bloom-filter.columns=s", partition)
        t.add(20, id=lambda i: i, p=lambda i: f"p{i % 2}")
        t.add(20, id=lambda i: 20 + i, p=lambda i: f"p{i % 3}")
        if name == "dv":
            t.delete("id", {3, 5, 33})
        for bad in (check_read(t), check_filtered(t)):
            if bad:
                wrong.append((name, bad))
        if name == "dirp" and not glob.glob(t.path + "/da/ta/p=*/bucket-*/*.parquet"):
            wrong.append("nothing is in the directory")
        if name == "out" and not glob.glob(outside + "/**/*.parquet", recursive=True):
            wrong.append("nothing is outside")
    yield "read", wrong
    yield "filtered", wrong


def tracked(e):
    """Rows with identities of their own."""
    if not e.at_least("1.3"):
        return
    wrong = several(e, "tracked", [("rows", "row-tracking.enabled=true")])
    yield "read", wrong
    yield "filtered", wrong
