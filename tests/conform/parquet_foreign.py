#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Parquet files that pyarrow, DuckDB and polars write, read by ParaFlow.

Random columns (the seed is printed), written with every page version, codec
and encoding that the writers offer, with and without dictionaries, page
indexes and checksums, in pages and row groups of odd sizes; whole and in
ranges of rows the values must be those that were written. Types that ParaFlow
has no word for are cut, widened or refused as reader.h says.
"""
import datetime
import decimal
import os
import random
import subprocess
import sys
import tempfile

try:
    import duckdb
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
except ImportError:
    print("1..0 # SKIP no pyarrow or no duckdb")
    sys.exit(0)
try:
    import polars
except ImportError:
    polars = None

DUMP = os.path.join(os.environ.get("PF_BUILD", "build"), "tools", "parquet_dump")
SEED = int(os.environ.get("PF_TEST_SEED", random.SystemRandom().randrange(1, 1 << 32)))
ROUNDS = int(os.environ.get("PF_TEST_ROUNDS", 25))
rng = random.Random(SEED)
n = 0
failed = 0


def result(ok, name, *why):
    global n, failed
    n += 1
    failed += not ok
    print("%sok %d %s" % ("" if ok else "not ", n, name), flush=True)
    for line in why:
        if not ok:
            print("# " + str(line))


# --- columns ---

def text():
    return "".join(rng.choice(["a", "user-", "é", "漢", "0", "/x", ""]) for _ in range(rng.randrange(12)))


def big(bits):
    return rng.randrange(-(1 << bits - 1), 1 << bits - 1) >> rng.choice([0, 0, bits // 2, bits - 3])


# type, a value, what our reader gives for it (None: the same type)
TYPES = {
    "bool": (pa.bool_(), lambda: rng.random() < 0.3, None),
    "int8": (pa.int8(), lambda: big(8), None),
    "int16": (pa.int16(), lambda: big(16), None),
    "int32": (pa.int32(), lambda: big(32), None),
    "int64": (pa.int64(), lambda: big(64), None),
    "uint8": (pa.uint8(), lambda: rng.randrange(1 << 8), pa.int16()),
    "uint16": (pa.uint16(), lambda: rng.randrange(1 << 16), pa.int32()),
    "uint32": (pa.uint32(), lambda: rng.randrange(1 << 32), pa.int64()),
    "uint64": (pa.uint64(), lambda: rng.randrange(1 << 64), pa.decimal128(20, 0)),
    "float": (pa.float32(), lambda: rng.choice([0.0, -0.0, 1.5, rng.randrange(1000) / 4]), None),
    "double": (pa.float64(), lambda: rng.choice([0.0, rng.random(), 1e300, rng.randrange(9) / 8]), None),
    "half": (pa.float16(), lambda: rng.randrange(-1000, 1000) / 4, pa.float32()),
    "string": (pa.string(), text, None),
    "binary": (pa.binary(), lambda: rng.randbytes(rng.randrange(20)), None),
    "fixed": (pa.binary(5), lambda: rng.randbytes(5), pa.binary()),
    "date": (pa.date32(), lambda: datetime.date(1900, 1, 1) + datetime.timedelta(rng.randrange(80000)), None),
    "time_ms": (pa.time32("ms"), lambda: rng.randrange(86400000), None),
    "time_us": (pa.time64("us"), lambda: rng.randrange(86400000000), "time"),
    "ts_ms": (pa.timestamp("ms"), lambda: rng.randrange(-10**12, 4 * 10**12), None),
    "ts_us": (pa.timestamp("us"), lambda: rng.randrange(-10**15, 4 * 10**15), None),
    "ts_ns": (pa.timestamp("ns"), lambda: rng.randrange(-10**18, 4 * 10**18), "ns"),
    "ts_utc": (pa.timestamp("us", "UTC"), lambda: rng.randrange(-10**15, 4 * 10**15), None),
    "dec9": (pa.decimal128(9, 2), lambda: decimal.Decimal(big(29)).scaleb(-2), None),
    "dec18": (pa.decimal128(18, 6), lambda: decimal.Decimal(big(59)).scaleb(-6), None),
    "dec38": (pa.decimal128(38, 10), lambda: decimal.Decimal(big(120)).scaleb(-10), None),
}


def column(kind, rows):
    t, value, _ = TYPES[kind]
    distinct = rng.choice([1, 3, 50, 5000, None])
    pool = [value() for _ in range(distinct)] if distinct else None
    null = rng.choice([0, 0, 0.01, 0.5, 1])
    out, last = [], None
    for _ in range(rows):
        if rng.random() < null:
            out.append(None)
            continue
        if last is None or rng.random() < 0.7:
            last = rng.choice(pool) if pool else value()
        out.append(last)
    if kind == "half":
        return pa.array(out, pa.float32()).cast(t)
    return pa.array(out, t)


def as_read(kind, column):
    """What ParaFlow should give."""
    to = TYPES[kind][2]
    if to is None:
        return column
    if to == "ns":
        whole = column.cast(pa.int64()).to_pylist()
        return pa.array([None if v is None else v // 1000 for v in whole], pa.timestamp("us"))
    if to == "time":
        whole = column.cast(pa.int64()).to_pylist()
        return pa.array([None if v is None else v // 1000 for v in whole], pa.int32()).cast(pa.time32("ms"))
    if kind == "half":
        return pa.array([None if v is None else float(v) for v in column.to_pylist()], to)
    return pa.array(column.to_pylist(), to)


def same(ours, want):
    ours = ours.combine_chunks()
    if isinstance(ours, pa.ChunkedArray):
        ours = ours.chunk(0) if ours.num_chunks else pa.array([], ours.type)
    if pa.types.is_floating(want.type):
        kind = pa.int32() if want.type.bit_width == 32 else pa.int64()
        null = pa.scalar(None, kind)
        a, b = [pc.if_else(v.is_valid(), pc.fill_null(v, 0.0).view(kind), null) for v in (ours, want)]
        return a.equals(b)
    return ours.type == want.type and ours.equals(want)


# --- reading ---

def read(path, tmp):
    """The file as a table, after the check that ranges give the same."""
    out = os.path.join(tmp, "out.arrows")
    for args in ([path], [path, out]):
        p = subprocess.run([DUMP, *args], capture_output=True, timeout=120)
        if p.returncode:
            return None, p.stderr.decode(errors="replace")
    return pa.ipc.open_stream(out).read_all(), p.stderr.decode()


def compare(name, path, tmp, kinds, wants):
    table, err = read(path, tmp)
    if table is None:
        return result(False, name, err)
    wrong = []
    for c, (kind, want) in enumerate(zip(kinds, wants)):
        if "c%d" % c not in table.column_names:
            wrong.append("c%d (%s) is not there: %s" % (c, kind, err))
        elif not same(table["c%d" % c], want):
            wrong.append("c%d (%s): %s, not %s" % (c, kind, table["c%d" % c].slice(0, 5).to_pylist(),
                                                 want.slice(0, 5).to_pylist()))
    result(not wrong, name, *wrong)


# --- writing ---

def encodings(kinds):
    """Columns that get an encoding of their own instead of a dictionary."""
    out = {}
    for c, kind in enumerate(kinds):
        choice = ["PLAIN"]
        if kind in ("int32", "int64", "uint32", "ts_us", "ts_ms", "date"):
            choice += ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
        elif kind in ("string", "binary"):
            choice += ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]
        elif kind in ("float", "double", "half"):
            choice += ["BYTE_STREAM_SPLIT"]
        elif kind in ("fixed", "dec38"):
            choice += ["DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"]
        elif kind == "bool":
            choice += ["RLE"]
        out["c%d" % c] = rng.choice(choice)
    return out


def by_pyarrow(path, table, kinds):
    options = {
        "compression": rng.choice(["none", "snappy", "gzip", "zstd", "lz4"]),
        "data_page_version": rng.choice(["1.0", "2.0"]),
        "data_page_size": rng.choice([100, 3000, 1 << 20]),
        "row_group_size": rng.choice([77, 1000, 1 << 20]),
        "write_page_index": rng.random() < 0.5,
        "write_page_checksum": rng.random() < 0.5,
        "write_statistics": rng.random() < 0.7,
        "store_schema": False,
    }
    if rng.random() < 0.5:
        options["use_dictionary"] = False
        options["column_encoding"] = encodings(kinds)
    elif rng.random() < 0.5:
        options["dictionary_pagesize_limit"] = 200
    if "ts_ns" in kinds and rng.random() < 0.3:
        options["use_deprecated_int96_timestamps"] = True
        table = table.select([i for i, k in enumerate(kinds) if not k.startswith("ts_") or k == "ts_ns"])
    pq.write_table(table, path, **options)
    return table, options


def one_round(tmp):
    rows = rng.choice([0, 1, 100, 1000, 3000])
    kinds = [rng.choice(list(TYPES)) for _ in range(rng.randrange(1, 9))]
    columns = [column(k, rows) for k in kinds]
    names = ["c%d" % i for i in range(len(kinds))]
    table = pa.table(dict(zip(names, columns)))
    wants = [as_read(k, c) for k, c in zip(kinds, columns)]
    path = os.path.join(tmp, "a.parquet")
    written, options = by_pyarrow(path, table, kinds)
    kept = [int(name[1:]) for name in written.column_names]
    name = "pyarrow %d rows %s %s" % (rows, ",".join(kinds), options)
    table2, err = read(path, tmp)
    if table2 is None:
        result(False, name, err)
    else:
        wrong = ["c%d (%s): %s, not %s" % (c, kinds[c], table2["c%d" % c].slice(0, 5).to_pylist(),
                                          wants[c].slice(0, 5).to_pylist())
                 for c in kept if not same(table2["c%d" % c], wants[c])]
        result(not wrong, name, *wrong)
    # DuckDB and polars, which have no such choices, and fewer types.
    plain = [i for i, k in enumerate(kinds) if k not in
             ("half", "fixed", "time_us", "time_ms", "ts_ns", "uint64", "ts_utc")]
    few = table.select(plain).rename_columns(["c%d" % i for i in range(len(plain))])
    few_kinds, few_wants = [kinds[i] for i in plain], [wants[i] for i in plain]
    if not plain:
        return
    con = duckdb.connect()
    con.register("few", few)
    version = rng.choice(["V1", "V2"])
    con.execute("copy few to '%s' (format parquet, parquet_version %s, codec '%s', row_group_size %d)"
                % (path, version, rng.choice(["snappy", "zstd", "gzip", "lz4_raw", "uncompressed"]),
                   rng.choice([2048, 122880])))
    # A millisecond is a microsecond there.
    for i, k in enumerate(few_kinds):
        if k == "ts_ms":
            few_wants[i] = few_wants[i].cast(con.sql("select * from few limit 0").to_arrow_table()
                                             .schema.field(i).type)
    compare("DuckDB %s %d rows %s" % (version, rows, ",".join(few_kinds)), path, tmp, few_kinds, few_wants)
    if polars:
        codec = rng.choice(["snappy", "zstd", "gzip", "lz4", "uncompressed"])
        polars.from_arrow(few).write_parquet(path, compression=codec, row_group_size=rng.choice([500, None]),
                                             data_page_size=rng.choice([100, None]))
        compare("polars %s %d rows %s" % (codec, rows, ",".join(few_kinds)), path, tmp, few_kinds,
                [w for k, w in zip(few_kinds, [wants[i] for i in plain])])


def check_signs(tmp):
    """Wide decimals, pages of both signs after pages of one: polars bounds them wrongly."""
    if not polars:
        return
    path = os.path.join(tmp, "signs.parquet")
    want = pa.array([decimal.Decimal(i if i < 50 else i * (-1) ** i) for i in range(100)],
                    pa.decimal128(38, 10))
    polars.from_arrow(pa.table({"c0": want})).write_parquet(path, row_group_size=500, data_page_size=100)
    compare("polars, decimals of both signs", path, tmp, ["dec38"], [want])


def check_refused(tmp):
    path = os.path.join(tmp, "nested.parquet")
    pq.write_table(pa.table({"plain": [1, 2], "list": [[1], []],
                             "struct": [{"a": 1, "b": [2]}, None], "last": ["x", None]}), path)
    table, err = read(path, tmp)
    result(table is not None and table.to_pydict() == {"plain": [1, 2], "last": ["x", None]}
           and "refused list: nested types are not supported" in err
           and "refused struct: nested types are not supported" in err,
           "columns beside nested ones are read", err)
    pq.write_table(pa.table({"plain": [1, 2], "squeezed": ["x", "y"]}), path,
                   compression={"plain": "zstd", "squeezed": "brotli"})
    table, err = read(path, tmp)
    result(table is not None and table.to_pydict() == {"plain": [1, 2]}
           and "refused squeezed: brotli compression is not supported" in err,
           "columns beside brotli ones are read", err)


with tempfile.TemporaryDirectory() as tmp:
    print("# seed %d" % SEED)
    check_signs(tmp)
    check_refused(tmp)
    for _ in range(ROUNDS):
        one_round(tmp)
print("1..%d" % n)
sys.exit(failed > 0)
