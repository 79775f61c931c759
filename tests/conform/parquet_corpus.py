#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Parquet files that nobody here wrote.

parquet-testing's data: every flat column is read as pyarrow or DuckDB read it
(one of the two is enough: neither is right about all of them), or refused by
name for a reason that is true. bad_data and fuzz: an error or an answer,
quickly, in bounded memory, and never a crash. An argument is the only file of
the data to look at.
"""
import glob
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

try:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    print("1..0 # SKIP no pyarrow or no duckdb")
    sys.exit(0)

CORPUS = os.path.join(os.environ.get("PF_SHARED", "../shared"), "corpora", "parquet")
BUILD = os.environ.get("PF_BUILD", "build")
DUMP = os.path.join(BUILD, "tools", "parquet_dump")
SANITIZED = "asan" in BUILD
SECONDS = 20 if SANITIZED else 5
MEMORY = 1 << 30

if not os.path.isdir(CORPUS):
    print("1..0 # SKIP %s is not there" % CORPUS)
    sys.exit(0)

n = 0
failed = 0


def result(ok, name, *why):
    global n, failed
    n += 1
    failed += not ok
    print("%sok %d %s" % ("" if ok else "not ", n, name))
    for line in why:
        if not ok:
            print("# " + line)


def limits():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def used_seconds():
    """Of a processor, by programs that ended: a busy machine takes longer."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(*args):
    begin = used_seconds()
    p = subprocess.run([DUMP, *args], capture_output=True, timeout=SECONDS * 20,
                       preexec_fn=limits)
    return p.returncode, p.stdout.decode(errors="replace"), \
        p.stderr.decode(errors="replace"), used_seconds() - begin


def plain(v):
    """A value in the form in which all readers agree."""
    if v is None:
        return None
    if isinstance(v, (bytearray, memoryview)):
        v = bytes(v)
    if isinstance(v, str):
        return v.encode()
    if isinstance(v, float):
        return "nan" if math.isnan(v) else v
    return v


def columns_of(table):
    """Columns as lists of plain values; nanoseconds cut to microseconds."""
    out = {}
    for i, field in enumerate(table.schema):
        column = table.column(i)
        t = field.type
        if pa.types.is_timestamp(t):
            # Microseconds since 1970: not every time has a datetime.
            up, down = {"s": (1000000, 1), "ms": (1000, 1), "us": (1, 1), "ns": (1, 1000)}[t.unit]
            whole = column.cast(pa.int64()).to_pylist()
            out.setdefault(field.name, [None if v is None else v * up // down for v in whole])
            continue
        if pa.types.is_time(t) and t.unit in ("us", "ns"):
            by = 1000 if t.unit == "us" else 1000000
            whole = column.cast(pa.int64()).to_pylist()
            column = pa.array([None if v is None else v // by for v in whole],
                              pa.int32()).cast(pa.time32("ms"))
        elif pa.types.is_float16(t):
            column = pa.array([None if v is None else float(v) for v in column.to_pylist()])
        elif pa.types.is_dictionary(t):
            column = column.cast(t.value_type)
        out.setdefault(field.name, [plain(v) for v in column.to_pylist()])
    return out


def by_pyarrow(path):
    return columns_of(pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read())


def by_duckdb(path):
    con = duckdb.connect()
    con.execute("set timezone='UTC'")
    return columns_of(con.sql("select * from read_parquet($path, binary_as_string=false)", params={"path": path}).to_arrow_table())


def same(ours, theirs):
    if len(ours) != len(theirs):
        return "%d rows, not %d" % (len(ours), len(theirs))
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a != b and not (isinstance(a, float) and isinstance(b, float) and
                           math.isclose(a, b, rel_tol=1e-6)):
            return "row %d is %r, not %r" % (i, a, b)
    return None


# What must not be read, and a word of the reason.
ERRORS = {
    "datapage_v1-corrupt-checksum.parquet": "checksum",
    "rle-dict-uncompressed-corrupt-checksum.parquet": "checksum",
}

# Beyond the range of the nanoseconds in which both others compute; the values
# are those that the file was made of (9999-12-31, 290000-12-31).
KNOWN = {"int96_from_spark.parquet": {"a": [
    1704141296123456, 1704070800000000, 253402225200000000, 1735599600000000, None,
    9089380393200000000]}}

# Called bad, but everybody reads it: a dictionary whose codes are 0 bits wide.
READABLE = {"ARROW-GH-43605.parquet"}


def check_data(path):
    name = os.path.basename(path)
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out.arrows")
        code, _, err, seconds = run(path, out)
        again, _, claims, _ = run(path)
        if again != code:
            return result(False, name + ": ranges, statistics, indexes", claims)
        if name in ERRORS:
            return result(code == 3 and ERRORS[name] in err, name, err)
        refused = dict(re.findall(r"^refused (.*?): (.*)$", err, re.M))
        if code:
            return result(False, name, "exit %d" % code, err)
        ours = columns_of(pa.ipc.open_stream(out).read_all())
    votes, why = [], []
    if name in KNOWN:
        votes.append(("known", KNOWN[name]))
    for who, read in (("pyarrow", by_pyarrow), ("duckdb", by_duckdb)):
        try:
            votes.append((who, read(path)))
        except Exception as e:
            why.append("%s: %s" % (who, str(e)[:200]))
    for column, reason in refused.items():
        if "nested" not in reason and "repeated" not in reason:
            return result(False, name, "refused %s: %s" % (column, reason))
    wrong = []
    for column, values in ours.items():
        verdicts = []
        for who, table in votes:
            if column in table:
                verdict = same(values, table[column])
                verdicts.append(verdict and "%s: %s: %s" % (column, who, verdict))
        if not verdicts:
            why.append("%s: nobody else has it" % column)
        elif all(verdicts):
            wrong.append(verdicts[0])
    compared = "%d columns, %d refused" % (len(ours), len(refused))
    if ours and not votes:
        compared += ", by nobody else: " + "; ".join(why)
    result(not wrong, "%s: %s" % (name, compared), *wrong, *why)


if len(sys.argv) > 1:
    check_data(os.path.join(CORPUS, "data", sys.argv[1]))
    print("1..%d" % n)
    sys.exit(failed > 0)

for path in sorted(glob.glob(os.path.join(CORPUS, "data", "*.parquet"))):
    check_data(path)

for path in sorted(glob.glob(os.path.join(CORPUS, "data", "*.encrypted"))):
    code, _, err, _ = run(path)
    result(code in (0, 2) and ("ncrypted" in err), os.path.basename(path),
           "exit %d" % code, err)

for folder in ("bad_data", "fuzz"):
    for path in sorted(glob.glob(os.path.join(CORPUS, folder, "*"))):
        name = folder + "/" + os.path.basename(path)
        if os.path.basename(path) in READABLE:
            check_data(path)
            continue
        try:
            code, _, err, seconds = run(path)
        except subprocess.TimeoutExpired:
            result(False, name, "takes too long")
            continue
        fine = code in (0, 2, 3) or (code == 4 and "limit" not in err and "more than" in err)
        result(fine and seconds < SECONDS and "Sanitizer" not in err
               and (folder == "fuzz" or code == 3 or "refused" in err), name,
               "exit %d after %.1f s" % (code, seconds), err[-2000:])

print("1..%d" % n)
sys.exit(failed > 0)
