#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Parquet files that ParaFlow writes, read by others.

Random schemas and rows (the seed is printed) are written as Parquet and as an
Arrow stream: pyarrow (checking page checksums), DuckDB and polars must read the
same values from the file; its statistics must be those of the values; DuckDB
must find every value in the bloom filters; filters, which make readers use
statistics, blooms and page indexes, must give the same rows as no file at all.
"""
import math
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
    import chdb
except ImportError:
    chdb = None
try:
    import polars
except ImportError:
    polars = None

GEN = os.path.join(os.environ.get("PF_BUILD", "build"), "tools", "parquet_gen")
SEED = int(os.environ.get("PF_TEST_SEED", random.SystemRandom().randrange(1, 1 << 32)))
ROUNDS = int(os.environ.get("PF_TEST_ROUNDS", 6))
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


def bits(column):
    """Floats as integers, so that NaNs and the signs of zeros count."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_floating(column.type):
        wide = pa.int32() if column.type.bit_width == 32 else pa.int64()
        valid = column.is_valid()
        filled = pc.fill_null(column, 0.0)
        return pc.if_else(valid, filled.view(wide), pa.scalar(None, wide))
    return column


def unsame(ours, theirs):
    """Names of the columns of theirs that differ from what was written."""
    out = []
    for name in ours.column_names:
        a, b = bits(ours[name]), theirs[name]
        b = b.combine_chunks() if isinstance(b, pa.ChunkedArray) else b
        if not pa.types.is_floating(ours[name].type):
            b = b.cast(a.type)
        if not a.equals(bits(b)):
            out.append("%s (%s)" % (name, ours[name].type))
    return out


# --- statistics ---

def check_statistics(ours, meta):
    wrong = []
    at = 0
    for g in range(meta.num_row_groups):
        group = meta.row_group(g)
        part = ours.slice(at, group.num_rows)
        at += group.num_rows
        for c in range(meta.num_columns):
            chunk = group.column(c)
            column = part.column(c).combine_chunks()
            s = chunk.statistics
            where = "group %d column %d (%s)" % (g, c, column.type)
            if s is None or s.null_count != column.null_count:
                wrong.append(where + ": null count")
                continue
            values = column.drop_null()
            if pa.types.is_floating(column.type):
                values = values.filter(pc.invert(pc.is_nan(values)))
            if len(values) == 0:
                if s.has_min_max:
                    wrong.append(where + ": bounds of nothing")
                continue
            if not s.has_min_max:
                wrong.append(where + ": no bounds")
                continue
            if pa.types.is_binary(column.type) or pa.types.is_string(column.type):
                raw = sorted(v.encode() if isinstance(v, str) else v for v in values.to_pylist())
                low, high = [v.encode() if isinstance(v, str) else v for v in (s.min, s.max)]
                if not (low <= raw[0] and raw[-1] <= high and raw[0].startswith(low)
                        and (len(raw[-1]) > 64 or high == raw[-1])):
                    wrong.append(where + ": %r %r" % (low, high))
                continue
            try:
                limits = pc.min_max(values).as_py()
                got = (s.min, s.max)
            except (OverflowError, ValueError, NotImplementedError):
                continue  # a time that Python has no word for; see the filters
            want = (limits["min"], limits["max"])
            if pa.types.is_decimal(column.type) or pa.types.is_time(column.type):
                got, want = [str(v) for v in got], [str(v) for v in want]
                if pa.types.is_decimal(column.type):
                    continue  # compared through DuckDB's filters below
            if list(got) != list(want):
                wrong.append(where + ": %r, not %r" % (got, want))
    return wrong


# --- filters ---

def check_filters(con, path, ours):
    """count(*) under a filter: with the file's indexes and without."""
    wrong = []
    con.register("ours", ours)
    for name in ours.column_names:
        t = ours[name].type
        valid = ours[name].drop_null()
        # Paimon's times of day are "UTC adjusted": DuckDB gives them a zone.
        if len(valid) == 0 or pa.types.is_boolean(t) or pa.types.is_time(t):
            continue
        for _ in range(3):
            value = valid.slice(rng.randrange(len(valid)), 1).combine_chunks()
            one = pa.table({"v": value})
            con.register("one", one)
            for op in ("=", "<", ">="):
                sql = 'select count(*) from %s where "%s" ' + op + " (select v from one)"
                want = con.execute(sql % ("ours", name)).fetchall()[0]
                got = con.execute(sql % ("read_parquet('%s')" % path, name)).fetchall()[0]
                # A literal is what prunes; a subquery may not.
                text = con.execute("select v::varchar from one").fetchall()[0][0]
                kind = con.execute("select typeof(v) from one").fetchall()[0][0]
                literal = "'%s'::%s" % (text.replace("'", "''"), kind)
                if kind in ("BLOB", "VARCHAR"):
                    literal = "(select v from one)" if kind == "BLOB" else literal
                pruned = con.execute('select count(*) from read_parquet(\'%s\') where "%s" %s %s'
                                 % (path, name, op, literal)).fetchall()[0]
                if got != want or (pruned != want and kind not in ("FLOAT", "DOUBLE")):
                    wrong.append("%s %s %s: %s, %s, not %s" % (name, op, text, got, pruned, want))
    return wrong


def check_blooms(con, path, ours):
    wrong, probed = [], 0
    for i, name in enumerate(ours.column_names):
        t = ours[name].type
        if i % 2 or not (pa.types.is_integer(t) or pa.types.is_string(t)):
            continue
        values = ours[name].drop_null()
        for _ in range(min(20, len(values))):
            row = rng.randrange(len(values))
            value = values[row].as_py()
            groups = con.execute("select bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)",
                                 [path, name, value]).fetchall()
            probed += 1
            if all(excluded for (excluded,) in groups):
                wrong.append("%s does not contain %r" % (name, value))
        if pa.types.is_string(t):
            absent = con.execute("select bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)",
                                 [path, name, "no such value in the file"]).fetchall()
            if len(values) and not any(excluded for (excluded,) in absent):
                wrong.append("%s excludes nothing" % name)
    return wrong


def check_clickhouse(path, ours):
    """ClickHouse prunes by the page index, and checks the pages' checksums."""
    wrong = []
    for name in ours.column_names:
        if not pa.types.is_integer(ours[name].type):
            continue
        valid = ours[name].drop_null()
        for _ in range(4 if len(valid) else 0):
            low, high = sorted(valid[rng.randrange(len(valid))].as_py() for _ in range(2))
            want = pc.sum(pc.and_(pc.greater_equal(valid, low), pc.less_equal(valid, high))).as_py()
            got = chdb.query("select count() from file('%s', Parquet) where %s >= %d and %s <= %d"
                             % (path, name, low, name, high), "CSV").data().strip()
            if int(got) != want:
                wrong.append("%s in %d .. %d: %s, not %d" % (name, low, high, got, want))
    return wrong


def one_round(tmp, seed, rows, columns):
    path, stream = os.path.join(tmp, "a.parquet"), os.path.join(tmp, "a.arrows")
    subprocess.run([GEN, str(seed), str(rows), str(columns), path, stream], check=True, timeout=120)
    ours = pa.ipc.open_stream(stream).read_all()
    file = pq.ParquetFile(path, page_checksum_verification=True)
    name = "seed %d, %d rows of %d columns: " % (seed, rows, columns)
    wrong = unsame(ours, file.read())
    result(not wrong, name + "pyarrow reads the same", *wrong)
    con = duckdb.connect()
    con.execute("set timezone='UTC'")
    theirs = con.sql("select * from read_parquet('%s')" % path).to_arrow_table()
    wrong = unsame(ours, theirs)
    result(not wrong, name + "DuckDB reads the same", *wrong)
    if polars:
        wrong = unsame(ours, polars.read_parquet(path).to_arrow())
        result(not wrong, name + "polars reads the same", *wrong)
    wrong = check_statistics(ours, file.metadata)
    result(not wrong, name + "statistics are those of the values", *wrong[:20])
    indexed = all(file.metadata.row_group(g).column(c).has_offset_index
                  for g in range(file.metadata.num_row_groups)
                  for c in range(file.metadata.num_columns))
    result(indexed, name + "every column has its offset index")
    wrong = check_blooms(con, path, ours)
    result(not wrong, name + "bloom filters contain their rows", *wrong[:20])
    wrong = check_filters(con, path, ours)
    result(not wrong, name + "filters find the same rows", *wrong[:20])
    if chdb:
        wrong = check_clickhouse(path, ours)
        result(not wrong, name + "ClickHouse finds the same rows", *wrong[:20])
    meta = file.metadata.metadata
    result(meta.get(b"pf:test") == "värde".encode()
           and file.metadata.created_by == "pf-pack version 0.1.0 (build test)"
           and all(file.schema_arrow.field(c).metadata[b"PARQUET:field_id"] == b"%d" % (10 + c)
                   for c in range(columns)), name + "metadata", meta)


def check_log(tmp):
    """A sorted log: the file's own order and how DuckDB looks things up in it."""
    path = os.path.join(tmp, "log.parquet")
    subprocess.run([GEN, "0", "300000", "8", path, "/dev/null"], check=True, timeout=120)
    meta = pq.ParquetFile(path).metadata
    sorting = meta.row_group(0).sorting_columns
    result([(s.column_index, s.descending) for s in sorting] == [(0, False), (1, False)],
           "sorting columns are (id, ts)", sorting)
    con = duckdb.connect()
    row = con.execute("""select count(*), count(distinct id), sum(n), min(ts), max(ts),
                         count(*) filter (where id < lag_id or (id = lag_id and ts < lag_ts))
                         from (select *, lag(id) over () lag_id, lag(ts) over () lag_ts
                               from read_parquet(?))""", [path]).fetchall()[0]
    result(row[0] == 300000 and row[1] == 23077 and row[5] == 0, "rows stand in the order said", row)
    hits = con.execute("select count(*) from read_parquet(?) where id = 'user-00012345'",
                       [path]).fetchall()[0]
    result(hits == (13,), "DuckDB finds one user", hits)
    excluded = con.execute("select count(*) filter (where bloom_filter_excludes), count(*) from "
                           "parquet_bloom_probe(?, 'id', 'user-00012345x')", [path]).fetchall()[0]
    result(excluded[1] == 3 and excluded[0] >= 2, "bloom filters exclude who is not there", excluded)


with tempfile.TemporaryDirectory() as tmp:
    print("# seed %d" % SEED)
    check_log(tmp)
    for _ in range(ROUNDS):
        one_round(tmp, rng.randrange(1, 1 << 40), rng.choice([0, 1, 9, 1000, 12000, 30000]),
                  rng.randrange(4, 20))
print("1..%d" % n)
sys.exit(failed > 0)
