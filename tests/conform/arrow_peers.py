#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams written by pyarrow, read and written again by ParaFlow, read by pyarrow.

Every Arrow type that a flat row can hold must come back with the same values
in the type that pf-stream(5) names; everything else must be refused by the
column's name. The data is made anew in each run; the seed is printed.
"""
import datetime
import decimal
import io
import os
import random
import struct
import subprocess
import sys

try:
    import pyarrow as pa
except ImportError:
    print("1..0 # SKIP no pyarrow")
    sys.exit(0)

RECODE = os.path.join(os.environ.get("PF_BUILD", "build"), "tools", "recode")
SEED = int(os.environ.get("PF_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
rng = random.Random(SEED)
D = decimal.Decimal


def recode(data):
    p = subprocess.run([RECODE], input=data, capture_output=True, timeout=200)
    return p.returncode, p.stdout, p.stderr.decode(errors="replace")


def stream(schema, batches, **options):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as w:
        for b in batches:
            w.write_batch(b)
    return sink.getvalue()


def read(data):
    reader = pa.ipc.open_stream(data)
    batches, metas = [], []
    while True:
        try:
            b, meta = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            break
        b.validate(full=True)
        batches.append(b)
        metas.append(dict(meta) if meta else {})
    return reader.schema, batches, metas


# --- values ---

def text():
    return "".join(rng.choice("abcäö€\U0001f600 \"\n") for _ in range(rng.choice([0, 1, 3, 12, 13, 40])))


def blob():
    return rng.randbytes(rng.choice([0, 1, 12, 13, 60]))


def integer(bits, signed=True):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return lambda: rng.choice([low, high, 0, rng.randint(low, high)])


def digits(p, s):
    return lambda: D(rng.randint(-(10 ** p) + 1, 10 ** p - 1)).scaleb(-s, decimal.Context(prec=99))


def half():
    return struct.unpack("<e", struct.pack("<e", rng.uniform(-100, 100)))[0]


def scaled(bits, unit):
    return lambda: rng.randint(-(1 << bits), 1 << bits) * unit


CASES = [  # name, type, maker of a value, type that comes back, value that comes back
    ("bool", pa.bool_(), lambda: rng.random() < .5, None),
    *[("int%d" % b, getattr(pa, "int%d" % b)(), integer(b), None) for b in (8, 16, 32, 64)],
    ("uint8", pa.uint8(), integer(8, False), pa.int16()),
    ("uint16", pa.uint16(), integer(16, False), pa.int32()),
    ("uint32", pa.uint32(), integer(32, False), pa.int64()),
    ("uint64", pa.uint64(), integer(63, False), pa.int64()),
    ("float16", pa.float16(), half, pa.float32()),
    ("float32", pa.float32(), lambda: struct.unpack("<f", rng.randbytes(3) + b"\x3f")[0], None),
    ("float64", pa.float64(), lambda: rng.choice([0.0, float("inf"), 1e-310, rng.random()]), None),
    ("string", pa.string(), text, None),
    ("large_string", pa.large_string(), text, pa.string()),
    ("string_view", pa.string_view(), text, pa.string()),
    ("binary", pa.binary(), blob, None),
    ("large_binary", pa.large_binary(), blob, pa.binary()),
    ("binary_view", pa.binary_view(), blob, pa.binary()),
    ("fixed_size_binary", pa.binary(7), lambda: rng.randbytes(7), pa.binary()),
    ("date32", pa.date32(), lambda: datetime.date(rng.randint(1, 9999), 2, 3), None),
    ("date64", pa.date64(), lambda: datetime.date(rng.randint(1, 9999), 2, 3), pa.date32()),
    ("time32_s", pa.time32("s"), lambda: rng.randrange(86400), pa.time32("ms"), 1000),
    ("time32_ms", pa.time32("ms"), lambda: rng.randrange(86400000), None),
    ("time64_us", pa.time64("us"), lambda: rng.randrange(86400000) * 1000, pa.time32("ms"), 1e-3),
    ("time64_ns", pa.time64("ns"), lambda: rng.randrange(86400000) * 1000000, pa.time32("ms"), 1e-6),
    ("timestamp_s", pa.timestamp("s"), scaled(40, 1), pa.timestamp("ms"), 1000),
    ("timestamp_ms", pa.timestamp("ms"), scaled(50, 1), None),
    ("timestamp_us", pa.timestamp("us"), scaled(60, 1), None),
    ("timestamp_ns", pa.timestamp("ns"), scaled(50, 1000), pa.timestamp("us"), 1e-3),
    ("timestamp_utc", pa.timestamp("ms", "UTC"), scaled(50, 1), None),
    ("timestamp_zone", pa.timestamp("us", "Europe/Berlin"), scaled(50, 1), pa.timestamp("us", "UTC")),
    ("timestamp_ns_zone", pa.timestamp("ns", "+02:00"), scaled(40, 1000), pa.timestamp("us", "UTC"), 1e-3),
    ("decimal32", pa.decimal32(9, 2), digits(9, 2), pa.decimal128(9, 2)),
    ("decimal64", pa.decimal64(18, 0), digits(18, 0), pa.decimal128(18, 0)),
    ("decimal128", pa.decimal128(38, 38), digits(38, 38), None),
    ("decimal128_5", pa.decimal128(5, 5), digits(5, 5), None),
    ("decimal256", pa.decimal256(38, 10), digits(38, 10), pa.decimal128(38, 10)),
    ("decimal256_76", pa.decimal256(76, 10), digits(38, 10), pa.decimal128(38, 10)),
    ("null", pa.null(), lambda: None, pa.string()),
    ("list", pa.list_(pa.string()), lambda: [text() for _ in range(rng.randrange(4))], None),
    ("large_list", pa.large_list(pa.large_string()), lambda: [text() for _ in range(rng.randrange(4))],
     pa.list_(pa.string())),
    ("list_view", pa.list_view(pa.string_view()), lambda: [text() for _ in range(rng.randrange(4))],
     pa.list_(pa.string())),
    ("large_list_view", pa.large_list_view(pa.string()), lambda: [text() for _ in range(rng.randrange(4))],
     pa.list_(pa.string())),
    ("fixed_size_list", pa.list_(pa.string(), 2), lambda: [text(), text()], pa.list_(pa.string())),
    ("dictionary", pa.dictionary(pa.int8(), pa.string()), lambda: "w%d" % rng.randrange(20), pa.string()),
    ("dictionary_int", pa.dictionary(pa.uint32(), pa.int64()), lambda: rng.randrange(9) - 4, pa.int64()),
    ("dictionary_bool", pa.dictionary(pa.int64(), pa.bool_()), lambda: rng.random() < .5, pa.bool_()),
    ("dictionary_decimal", pa.dictionary(pa.int16(), pa.decimal128(9, 2)),
     lambda: D(rng.randrange(9)) / 4, pa.decimal128(9, 2)),
    ("runs", pa.run_end_encoded(pa.int32(), pa.string()), lambda: rng.choice("ab"), pa.string()),
    ("runs_int", pa.run_end_encoded(pa.int16(), pa.uint8()), lambda: rng.randrange(3), pa.int16()),
]


def column(kind, values):
    if pa.types.is_run_end_encoded(kind):
        plain = pa.array(values, kind.value_type)
        runs, ends = [], []
        for i, v in enumerate(values):
            if not runs or runs[-1] != v:
                runs.append(v)
                ends.append(i + 1)
            ends[-1] = i + 1
        return pa.RunEndEncodedArray.from_arrays(pa.array(ends, kind.run_end_type),
                                                 pa.array(runs, plain.type))
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    if pa.types.is_float16(kind):  # would want numpy's numbers
        return pa.array(values, pa.float32()).cast(kind)
    return pa.array(values, kind)


def same(a, b):
    return a == b or (a != a and b != b)


def plain_values(array):
    """Integers where Python's own types are too narrow."""
    t = array.type
    if pa.types.is_timestamp(t):
        return array.cast(pa.int64()).to_pylist()
    if pa.types.is_time32(t):
        return array.cast(pa.int32()).to_pylist()
    if pa.types.is_date32(t):
        return array.cast(pa.int32()).to_pylist()
    return array.to_pylist()


def check_case(case, **options):
    name, kind, make, back = case[:4]
    batches, want = [], []
    for rows in (0, 1, 300, 17):
        nulls = rng.choice([0, .3])
        values = [None if rng.random() < nulls else make() for _ in range(rows)]
        array = column(kind, values)
        if rows == 300 and not pa.types.is_run_end_encoded(kind):
            array, values = array.slice(5, 250), values[5:255]
        batches.append(pa.record_batch([array], names=[name]))
        want.append(values)
    status, out, err = recode(stream(batches[0].schema, batches, **options))
    if status:
        return err
    schema, got, _ = read(out)
    if schema.field(0).type != (back or kind):
        return "type %s, not %s" % (schema.field(0).type, back or kind)
    got = [b for b in got if b.num_rows]
    flat = [v for b in got for v in plain_values(b.column(0))]
    expect = [v for values in want for v in values]
    if pa.types.is_date(kind):
        expect = [v if v is None else v.toordinal() - 719163 for v in expect]
    if len(case) > 4:
        expect = [v if v is None else v * case[4] if case[4] > 1 else v // round(1 / case[4])
                  for v in expect]
    if len(flat) != len(expect):
        return "%d values, not %d" % (len(flat), len(expect))
    bad = [(i, a, b) for i, (a, b) in enumerate(zip(expect, flat)) if not same(a, b)]
    return "expected, got: %s" % bad[:3] if bad else None


REFUSED = [
    ("struct", pa.array([{"a": 1}]), "2090", "struct<a: int64>"),
    ("map", pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())), "2090", "map<"),
    ("list_int", pa.array([[1]], pa.list_(pa.int32())), "2090", "list<int32>"),
    ("duration", pa.array([1], pa.duration("s")), "2090", "duration[s]"),
    ("interval", pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "2090", "interval[month_day_nano]"),
    ("union", pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()),
                                       [pa.array([1])]), "2090", "dense_union"),
    ("scale", pa.array([D(1000)], pa.decimal128(5, -2)), "2090", "decimal128(5, -2)"),
    ("uint64", pa.array([0, 1 << 63], pa.uint64()), "3003", "9223372036854775808 in row 1"),
    ("ns", pa.array([1000, 1], pa.timestamp("ns")), "3003", "1 in row 1"),
    ("us", pa.array([1], pa.time64("us")), "3003", "1 in row 0"),
    ("midnight", pa.array([86400000], pa.time32("ms")), "3003", "86400000 in row 0"),
    ("seconds", pa.array([1 << 62], pa.timestamp("s")), "3003", "in row 0"),
    ("part_of_a_day", pa.array([1], pa.int64()).view(pa.date64()), "3003", "1 in row 0"),
    ("wide", pa.array([D(10) ** 38], pa.decimal256(76, 0)), "3003", "a decimal in row 0"),
    ("null_item", pa.array([["a", None]]), "3003", "an item that is null"),
]


def check_refused(name, array, code, part):
    status, out, err = recode(stream(pa.schema([(name, array.type)]),
                                     [pa.record_batch([array], names=[name])]))
    if status != 1 or not err.startswith(code + " 'stdin': column '%s'" % name) or part not in err:
        return "exit %d: %s" % (status, err)
    return None


def check_replaced():
    """Dictionaries that grow, and dictionaries that change, between batches."""
    batches = []
    for words in (["a", "b"], ["a", "b", "c"], ["x"], ["x", "a", "zz"]):
        codes = [rng.choice([None, *range(len(words))]) for _ in range(50)]
        batches.append(pa.record_batch([pa.DictionaryArray.from_arrays(
            pa.array(codes, pa.int8()), pa.array(words))], names=["w"]))
    for deltas in (True, False):
        status, out, err = recode(stream(batches[0].schema, batches, emit_dictionary_deltas=deltas))
        if status:
            return err
        got = [v for b in read(out)[1] for v in b.column(0).to_pylist()]
        if got != [v for b in batches for v in b.column(0).to_pylist()]:
            return "values differ with deltas=%s" % deltas
    return None


def check_metadata():
    """Metadata of schema, fields, batches; types that only pf:type can say."""
    fields = [
        pa.field("a", pa.timestamp("ms"), metadata={"pf:type": "timestamp(1)", "PARQUET:field_id": "7"}),
        pa.field("b", pa.timestamp("us"), metadata={"pf:type": "timestamp(1)"}),  # contradicts
        pa.field("c", pa.large_binary(), metadata={"pf:type": "large_bytes", "x": "ü"}),
        pa.field("d", pa.int32(), nullable=False, metadata={"PARQUET:field_id": "-3"}),
        pa.field("e", pa.binary(16), metadata={"ARROW:extension:name": "someones.own"}),
    ]
    schema = pa.schema(fields, metadata={"pf:id": "d", "note": "two\nlines"})
    batch = pa.record_batch([pa.array([1], f.type) if i != 2 and i != 4 else pa.array([b"0" * 16], f.type)
                             for i, f in enumerate(fields)], schema=schema)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as w:
        w.write_batch(batch, custom_metadata={"pf:partition": "2024-01-31", "pf:bucket": "3"})
    status, out, err = recode(sink.getvalue())
    if status:
        return err
    got, batches, metas = read(out)
    want = [{b"pf:type": b"timestamp(1)", b"PARQUET:field_id": b"7"}, None,
            {b"pf:type": b"large_bytes", b"x": "ü".encode()}, None, None]
    if [f.metadata for f in got] != want:
        return "fields: %s" % [f.metadata for f in got]
    if [f.nullable for f in got] != [True, True, True, False, True]:
        return "nullability"
    if got.metadata != {b"pf:id": b"d", b"note": b"two\nlines"}:
        return "schema: %s" % got.metadata
    if [m.get("pf:control") or m.get(b"pf:control") for m in metas] not in (
            ["begin", None, "end"], [b"begin", None, b"end"]):
        return "control: %s" % metas
    if {str(k, "utf8") if isinstance(k, bytes) else k for k in metas[1]} != {"pf:partition", "pf:bucket"}:
        return "batch: %s" % metas[1]
    # and once more: ours is read as ours
    status, again, err = recode(out)
    if status or again != out:
        return "not the same bytes again: %s" % err
    return None


def check_wide():
    """Many columns, many batches, little by little."""
    cases = [c for c in CASES if c[0] not in ("runs", "runs_int") and not c[0].startswith("dictionary")]
    arrays = [column(c[1], [c[2]() for _ in range(1000)]) for c in cases]
    batch = pa.record_batch(arrays, names=[c[0] for c in cases])
    status, out, err = recode(stream(batch.schema, [batch] * 40))
    if status:
        return err
    _, batches, _ = read(out)
    return None if sum(b.num_rows for b in batches) == 40000 else "rows are missing"


def check_other_readers():
    """What is written is the plain profile, which everybody reads."""
    try:
        import duckdb
        import polars
    except ImportError:
        return None
    wide = [c for c in CASES if c[3] is None and c[0] not in ("decimal128", "decimal128_5", "date32",
                                                                "time32_ms")]
    columns = [column(c[1], [None if rng.random() < .2 else c[2]() for _ in range(500)]) for c in wide]
    batch = pa.record_batch(columns, names=[c[0] for c in wide])
    status, out, err = recode(stream(batch.schema, [batch, batch.slice(100, 100)]))
    if status:
        return err
    want = pa.Table.from_batches([batch, batch.slice(100, 100)])
    frame = polars.read_ipc_stream(io.BytesIO(out)).to_arrow()
    for name in want.column_names:
        a, b = plain_values(want[name]), plain_values(frame[name])
        if len(a) != len(b) or not all(same(x, y) for x, y in zip(a, b)):
            return "polars reads other values in " + name
    got = pa.ipc.open_stream(out).read_all()  # duckdb finds it by its name
    numbers = [n for n in want.column_names if n.startswith("int") or n in ("string", "bool")]
    query = "select count(*), %s from %%s" % ", ".join("min(%s), max(%s), count(%s)" % (n, n, n) for n in numbers)
    if duckdb.sql(query % "got").fetchall() != duckdb.sql(query % "want").fetchall():
        return "duckdb reads other values"
    return None


def check_no_end():
    batch = pa.record_batch([pa.array([1, 2, 3])], names=["a"])
    data = stream(batch.schema, [batch])
    status, _, err = recode(data[:-8])
    if status != 1 or "3001 " not in err or "no end-of-stream marker" not in err.replace("without an", "no"):
        return "exit %d: %s" % (status, err)
    return None


def main():
    options = [{}, {"compression": "lz4"}, {"compression": "zstd"},
               {"metadata_version": pa.ipc.MetadataVersion.V4}, {"use_legacy_format": True}]
    jobs = [("%s %s" % (c[0], o or ""), lambda c=c, o=o: check_case(c, **o)) for c in CASES for o in options]
    jobs += [("refused " + r[0], lambda r=r: check_refused(*r)) for r in REFUSED]
    jobs += [("dictionaries grow and change", check_replaced), ("metadata", check_metadata),
             ("wide", check_wide), ("other readers", check_other_readers),
             ("no end-of-stream", check_no_end)]
    print("# PF_TEST_SEED=%d" % SEED)
    print("1..%d" % len(jobs))
    failed = 0
    for i, (name, job) in enumerate(jobs, 1):
        try:
            problem = job()
        except Exception as e:  # a test that cannot be made is a failed test
            problem = "%s: %s" % (type(e).__name__, e)
        failed += problem is not None
        print("%s %d %s" % ("not ok" if problem else "ok", i, name))
        if problem:
            print("# " + str(problem)[:1500].replace("\n", "\n# "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
