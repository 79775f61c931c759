#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pf-index on Parquet files of other writers: what it adds, DuckDB and pyarrow
read; what it must not touch stays; damaged files end with a message.

Each file goes as a segment of a stream that pyarrow writes. Prints TAP.
"""
import glob
import io
import os
import signal
import subprocess
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

SHARED = os.environ.get("PF_SHARED", "../shared") + "/corpora/parquet"
INDEX = os.environ.get("PF_BUILD", "build") + "/pf-index"
SCHEMA = pa.schema([
    ("partition", pa.list_(pa.string())), ("bucket", pa.int32()), ("rows", pa.int64()),
    pa.field("data", pa.large_binary(), metadata={"pf:type": "large_bytes"}),
    ("index", pa.binary()), ("replaces", pa.list_(pa.string())),
    pa.field("changelog", pa.large_binary(), metadata={"pf:type": "large_bytes"})])

if not os.path.isdir(SHARED):
    print(f"1..0 # SKIP no {SHARED}")
    sys.exit()


def run(data, rows, *options):
    """Exit status, the segment that comes out, stderr."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, SCHEMA) as w:
        w.write_batch(pa.record_batch(
            [pa.array(c, t.type) for c, t in zip(
                ([[]], [0], [rows], [data], [None], [None], [None]), SCHEMA)], schema=SCHEMA))
    p = subprocess.run([INDEX, *options], input=sink.getvalue(), capture_output=True,
                       timeout=200)
    if p.returncode:
        return p.returncode, None, p.stderr.decode()
    out = pa.ipc.open_stream(p.stdout).read_all().to_pylist()
    assert len(out) == 1
    return 0, out[0], p.stderr.decode()


def metadata(data):
    m = pq.read_metadata(io.BytesIO(data))
    try:
        m = m.to_dict()
        m.pop("serialized_size")
        return m
    except pa.ArrowNotImplementedError: # statistics of decimals
        return m.schema.to_arrow_schema(), m.num_rows, m.created_by, m.metadata


def check_column(data, rows, name):
    """Add a bloom filter of the column; whether there is one now."""
    status, segment, message = run(data, rows, "--bloom", name)
    if status:
        assert status in (2, 3), (status, message)
        assert message.startswith("pf-index: ") and "PF" in message, message
        return False
    new = segment["data"]
    footer = int.from_bytes(data[-8:-4], "little")
    if new != data:
        assert new[:len(data) - 8 - footer] == data[:-8 - footer]
    assert str(metadata(data)) == str(metadata(new))
    with open("foreign.parquet", "wb") as f:
        f.write(new)
    con = duckdb.connect()
    places = con.execute("select bloom_filter_offset from parquet_metadata('foreign.parquet') "
                         "where path_in_schema = ?", [name]).fetchall()
    assert all(p for p, in places), places
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        found = con.execute(f"select distinct {quoted} from 'foreign.parquet' "
                            f"where {quoted} is not null limit 50").fetchall()
    except duckdb.Error:
        return True # it cannot read the column at all
    for value, in found:
        if value != value:
            continue
        try:
            excluded = con.execute(
                "select bool_and(bloom_filter_excludes) from "
                "parquet_bloom_probe('foreign.parquet', ?, ?)", [name, value]).fetchone()[0]
        except duckdb.Error:
            continue # a type that it does not probe
        assert not excluded, (name, value)
        global probed
        probed += 1
    return True


def check_file(path):
    with open(path, "rb") as f:
        data = f.read()
    try:
        meta = pq.read_metadata(io.BytesIO(data))
    except (OSError, pa.ArrowInvalid):
        status, _, message = run(data, 1, "--bloom", "a")
        assert status in (2, 3), (status, message)
        return 0
    names = [n for n in meta.schema.to_arrow_schema().names if n and "," not in n]
    return sum(check_column(data, meta.num_rows, name) for name in names[:8])


def check_damaged(path):
    with open(path, "rb") as f:
        data = f.read()
    for options in (["--bloom", "a"], ["--file-index", "bitmap:a"]):
        status, _, message = run(data, 1, *options)
        assert status in (2, 3, 4), (status, message)


probed = 0
good = sorted(glob.glob(SHARED + "/data/*.parquet"))
bad = sorted(p for d in ("bad_data", "fuzz") for p in glob.glob(f"{SHARED}/{d}/*")
             if os.path.isfile(p))
os.chdir(os.environ.get("TMPDIR", "/tmp"))
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
print(f"1..{len(good) + len(bad) + 1}")
failed = n = columns = 0
for check, paths in ((check_file, good), (check_damaged, bad)):
    for path in paths:
        n += 1
        try:
            columns += check(path) or 0
            print(f"ok {n} {os.path.basename(path)}")
        except Exception as e:
            failed = 1
            print(f"not ok {n} {os.path.basename(path)}\n# {type(e).__name__}: {e!s:.300}")
n += 1
enough = columns > 60 and probed > 800
failed |= not enough
print(f"{'ok' if enough else 'not ok'} {n} {columns} columns, {probed} probes")
sys.exit(failed)
