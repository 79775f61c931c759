#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""query_random.py [CASES [SEED]]: pruned, unpruned and DuckDB's answers agree.

Random data, random conditions; every condition is answered by pf-query with
and without --no-prune, and by DuckDB from the same files. Two kinds of data
take turns: a table that our own line of programs loaded, and Parquet files
that pyarrow wrote with small row groups and pages. Bounds are drawn from the
data. At least 30 % of the conditions must have skipped something and at least
half must have an answer that is not empty, or the test has lost its teeth.
"""
import datetime
import decimal
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings

try:
    import duckdb
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.ipc
    import pyarrow.parquet as pq
except ImportError as e:
    print("1..0 # SKIP %s is missing" % e.name)
    sys.exit(1 if os.environ.get("CI") == "true" else 0)

warnings.filterwarnings("ignore", message="Arrow output")
BUILD = os.environ.get("PF_BUILD", "build")
CASES = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("PF_QUERY_CASES", "2000"))
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20240701
CASES_PER_SET = 40

YAML = """table: t
id: id
time: ts
zone: UTC
partition: %s
buckets: %d
columns:
  id: bigint not null
  ts: timestamp(3) not null
  s: string
  x: double
  d: decimal(12,3)
  n: int
  b: boolean
  day: date
"""


def tool(name):
    return os.path.join(BUILD, name)


class Data:
    """One set of rows, where pf-query reads it, and what DuckDB reads."""

    def __init__(self, rng, root, number):
        self.rng = rng
        self.dir = os.path.join(root, "set%d" % number)
        os.mkdir(self.dir)
        self.grain = None
        ours = number % 2 == 0
        # large: more rows than one row group of ours has, than are decoded at a time
        self.large = number % 8 in (0, 5)
        n = rng.randrange(135_000, 200_000) if self.large else rng.randrange(2000, 20000)
        self.rows(n)
        if ours:
            self.load()
        else:
            self.write()

    def rows(self, n):
        rng = self.rng
        ids = rng.choice([20, 500, n // 3 + 1, n * 4])
        start = datetime.datetime(2024, 1, 1) + datetime.timedelta(days=rng.randrange(200))
        span = rng.choice([3, 40, 400]) * 86400 * 1000
        words = ["", "a", "ab", "abc", "b'q", "Zoë", "żółw", "x_y", "50%", "ABC", "z" * 70]
        nulls = rng.choice([0, 0.02, 0.5])

        make = np.random.default_rng(rng.randrange(1 << 60))

        def maybe(values):
            return pa.array(values, mask=make.random(n) < nulls)

        texts = np.array([w + t for w in words for t in [""] * 25 + [str(i) for i in range(25)]],
                         dtype=object)
        ts = np.datetime64(start, "ms") + make.integers(0, span, n)
        x = np.where(make.random(n) < 0.5, make.normal(0, 100, n).round(2),
                     make.integers(-5, 5, n).astype(float))
        x[make.random(n) < 0.05] = -0.0
        d = make.integers(-10**6, 10**6, n)
        unscaled = np.empty((n, 2), np.int64)
        unscaled[:, 0], unscaled[:, 1] = d, d >> 63
        dec = pa.Array.from_buffers(pa.decimal128(12, 3), n, [None, pa.py_buffer(unscaled.tobytes())])
        cols = {
            "id": make.integers(0, ids, n) - ids // 4,
            "ts": ts,
            "s": maybe(texts[make.integers(0, len(texts), n)]),
            "x": maybe(x),
            "d": pc.if_else(pa.array(make.random(n) < nulls), pa.scalar(None, dec.type), dec),
            "n": maybe(make.integers(-3, 100, n).astype(np.int32)),
            "b": maybe(make.random(n) < 0.3),
            "day": maybe(ts.astype("datetime64[D]")),
        }
        self.schema = pa.schema([
            pa.field("id", pa.int64(), False), pa.field("ts", pa.timestamp("ms"), False),
            ("s", pa.string()), ("x", pa.float64()), ("d", pa.decimal128(12, 3)),
            ("n", pa.int32()), ("b", pa.bool_()), ("day", pa.date32())])
        self.table = pa.table(cols, self.schema)

    def load(self):
        rng = self.rng
        src = os.path.join(self.dir, "rows.arrows")
        with pa.ipc.new_stream(src, self.schema) as w:
            w.write_table(self.table, max_chunksize=10000)
        yaml = os.path.join(self.dir, "t.yaml")
        with open(yaml, "w") as f:
            self.grain = rng.choice([None, "month", "year"])
            buckets = rng.choice([1, 1, 2] if self.large else [1, 2, 5])
            f.write(YAML % (self.grain or "none", buckets))
        table = os.path.join(self.dir, "t")
        subprocess.run([tool("pf-put"), "-q", "--create", yaml, table], check=True)
        line = "%s -S %s %s | %s -qq | %s -q --append %s" % (
            tool("pf-partition"), yaml, src, tool("pf-pack"), tool("pf-put"), table)
        subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True)
        self.operands = [table]
        self.glob = table + "/**/*.parquet"

    def write(self):
        rng = self.rng
        files = 1 if self.large else rng.randrange(1, 4)
        order = self.table.sort_by([("id", "ascending"), ("ts", "ascending")])
        if rng.random() < 0.3:
            order = self.table
        self.operands = []
        step = order.num_rows // files + 1
        for i in range(files):
            path = os.path.join(self.dir, "f%d.parquet" % i)
            pq.write_table(order.slice(i * step, step), path,
                           row_group_size=1 << 20 if self.large else rng.choice([500, 2000, 7000]),
                           data_page_size=rng.choice([256, 2048, 1 << 20]) << 5 * self.large,
                           write_batch_size=64 << 5 * self.large,
                           use_dictionary=rng.choice([True, False, ["s"]]),
                           compression=rng.choice(["none", "snappy", "zstd", "gzip", "lz4"]),
                           write_page_index=rng.random() < 0.8,
                           write_statistics=rng.random() < 0.9,
                           data_page_version=rng.choice(["1.0", "2.0"]),
                           store_schema=False)
            self.operands.append(path)
        self.glob = self.dir + "/*.parquet"

    # --- conditions: (pf-query's text, DuckDB's text) ---

    def value(self, column):
        """A literal from the data, mostly."""
        rng = self.rng
        for _ in range(20):
            v = self.table[column][rng.randrange(self.table.num_rows)].as_py()
            if v is not None:
                break
        else:
            v = {"s": "a", "x": 1.5, "d": decimal.Decimal("1.5"), "n": 3, "b": True,
                 "day": datetime.date(2024, 1, 1)}[column]
        if rng.random() < 0.15:
            if column in ("id", "n"):
                v += rng.choice([-1, 1, 10**6])
            elif column == "x":
                v += 0.005
            elif column == "d":
                v += decimal.Decimal("0.0005")
            elif column == "ts":
                v += datetime.timedelta(microseconds=rng.choice([500, -500, 86400 * 10**9]))
        return v

    def text(self, v):
        if isinstance(v, bool):
            return "true" if v else "false"
        if isinstance(v, str):
            return "'" + v.replace("'", "''") + "'"
        if isinstance(v, datetime.datetime):
            return "'" + v.isoformat(timespec="microseconds") + "'"
        if isinstance(v, datetime.date):
            return "'" + v.isoformat() + "'"
        if isinstance(v, float):
            return repr(v) if "e" in repr(v) else repr(v) + "e0"
        return str(v)

    def leaf(self):
        rng = self.rng
        if self.grain and rng.random() < 0.15:
            v = self.value("ts")
            t = v.strftime("%Y-%m" if self.grain == "month" else "%Y")
            return ("dt %s '%s'" % (rng.choice(["=", "<", ">=", "<>"]), t),) * 2
        # the columns that files are sorted by, most of the time
        column = rng.choice(["id"] * 8 + ["ts"] * 4 + ["s", "s", "x", "d", "n", "b", "day"])
        v = self.value(column)
        t = self.text(v)
        kind = rng.random()
        if kind < 0.08:
            return ("%s is %snull" % (column, rng.choice(["", "not "])),) * 2
        if kind < 0.2:
            items = [self.text(self.value(column)) for _ in range(rng.randrange(1, 5))]
            if rng.random() < 0.1:
                items.append("null")
            return ("%s %sin (%s)" % (column, rng.choice(["", "", "", "not "]), ", ".join(items)),) * 2
        if kind < 0.35:
            w = self.value(column)
            if rng.random() < 0.9:
                v, w = min(v, w), max(v, w)
            return ("%s between %s and %s" % (column, self.text(v), self.text(w)),) * 2
        if column == "s" and kind < 0.7:
            part = v[:rng.randrange(len(v) + 1)]
            escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            quoted = self.text(part)
            forms = [
                ("s like %s escape '\\'" % self.text(escaped + "%"),) * 2,
                ("s not like %s escape '\\'" % self.text("%" + escaped + "%"),) * 2,
                ("s like '_%'",) * 2,
                ("starts_with(s, %s)" % quoted,) * 2,
                ("contains(s, %s)" % quoted,) * 2,
                ("lower(s) = lower(%s)" % quoted,) * 2,
                ("length(s) > 2",) * 2,
                ("s ~ '^[a-c]+[0-9]'", "regexp_matches(s, '^[a-c]+[0-9]')"),
                ("substr(s, 2, 2) <> 'b1'",) * 2,
            ]
            return rng.choice(forms)
        if column == "ts" and kind < 0.45:
            return rng.choice([
                ("year(ts) = %d and month(ts) >= %d" % (v.year, v.month),) * 2,
                ("date(ts) = %s" % self.text(v.date()), "ts::date = %s" % self.text(v.date())),
                ("hour(ts) between 3 and 9",) * 2,
            ])
        if column in ("n", "id") and kind < 0.45:
            return rng.choice([("%s %% 7 = 3" % column,) * 2,
                               ("%s + 1 > %s" % (column, t),) * 2,
                               ("abs(%s) <= abs(%s)" % (column, t),) * 2,
                               ("%s * 2.5 < %s" % (column, t),) * 2])
        if column == "b":
            return rng.choice([("b",) * 2, ("not b",) * 2, ("b = %s" % t,) * 2])
        if column == "id" and kind < 0.8:
            return ("id = %s" % t,) * 2
        op = rng.choice(["=", "<>", "<", "<=", ">", ">="])
        if rng.random() < 0.1:
            return ("%s %s %s" % (t, op, column),) * 2
        return ("%s %s %s" % (column, op, t),) * 2

    def condition(self, depth=0):
        rng = self.rng
        kind = rng.random()
        if not depth and rng.random() < 0.4:
            # what people ask: an entity, a stretch of time, and something more
            v, (ours, theirs) = self.value("id"), self.condition(1)
            near = rng.choice(["id = %d" % v, "id in (%d, %d)" % (v, self.value("id")),
                               "id between %d and %d" % (v, v + 3)])
            return "%s and %s" % (near, ours), "%s and %s" % (near, theirs)
        if depth > 2 or kind < 0.5:
            return self.leaf()
        if kind < 0.57:
            a = self.condition(depth + 1)
            return tuple("not (%s)" % t for t in a)
        word = " and " if kind < 0.85 else " or "
        parts = [self.condition(depth + 1) for _ in range(rng.randrange(2, 4))]
        return tuple("(" + word.join(p[i] for p in parts) + ")" for i in (0, 1))


QUESTIONS = [
    # arguments, what DuckDB selects, order matters
    ([], "id, ts, s, x, d, n, b, day", "", False),
    (["-c", "id,s"], "id, s", "", False),
    (["-c", "count(), sum(id), sum(d), min(ts), max(s), distinct(n)"],
     "count(*), sum(id)::bigint, sum(d), min(ts), max(s), count(distinct n)", "", False),
    (["-g", "n", "-c", "count(), min(x), sum(d)"],
     "n, count(*), min(x), sum(d)", "group by n", False),
    (["-c", "ts,id,x", "--order-by", "x desc, id, ts", "-n", "20"],
     "ts, id, x", "order by x desc nulls last, id, ts limit 20", True),
]


def normal(table, ordered):
    """The same answer is the same table: types of one width, rows in order."""
    columns = []
    for column in table.columns:
        t = column.type
        if pa.types.is_floating(t):
            column = pc.add(column.cast(pa.float64()), 0.0)  # -0.0 is 0.0
        elif pa.types.is_integer(t):
            column = column.cast(pa.int64())
        elif pa.types.is_decimal(t):
            column = column.cast(pa.decimal128(38, 3))
        elif pa.types.is_timestamp(t):
            column = column.cast(pa.timestamp("us"))
        elif pa.types.is_large_string(t):
            column = column.cast(pa.string())
        columns.append(column)
    table = pa.table(columns, ["c%d" % i for i in range(len(columns))])
    if not ordered:
        table = table.sort_by([(name, "ascending") for name in table.column_names])
    return table.combine_chunks()


def query(data, where, args):
    run = subprocess.run([tool("pf-query"), "-O", "arrow", "-w", where] + args + data.operands,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        raise RuntimeError("pf-query exits %d: %s" % (run.returncode, run.stderr.decode()))
    table = pa.ipc.open_stream(run.stdout).read_all()
    return table.drop_columns([c for c in table.column_names if c == "dt"])


def skipped(data, where):
    out = subprocess.run([tool("pf-query"), "--explain", "-w", where, "-c", "id"] + data.operands,
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in out.splitlines():
        label, _, rest = line.strip().partition(" ")
        if label in ("files", "row", "pages", "manifests") and "skipped" in rest:
            words = rest.replace(",", "").split("skipped")
            if label == "pages":
                if int(words[0].split("page index:")[1].split()[0]):
                    return True
            elif label == "manifests":
                if int(words[0].split()[-1]):
                    return True
            elif any(w.isdigit() and int(w) for w in words[1].replace(":", " ").split()):
                return True
    return False


def main():
    rng = random.Random(SEED)
    root = tempfile.mkdtemp(prefix="pf-query-random.")
    con = duckdb.connect()
    con.execute("set threads = 1")
    failed = pruned = asked = nonempty = 0
    try:
        for case in range(CASES):
            if case % CASES_PER_SET == 0:
                data = Data(rng, root, case // CASES_PER_SET)
                con.execute("create or replace table t as select * from "
                            "read_parquet('%s', hive_partitioning=false)" % data.glob)
            ours, theirs = data.condition()
            args, select, tail, ordered = rng.choice(QUESTIONS)
            want = normal(con.execute("select %s from t where %s %s" % (select, theirs, tail))
                          .to_arrow_table(), ordered)
            what = "case %d of seed %d: -w %r %s" % (case, SEED, ours, " ".join(args))
            try:
                fast = normal(query(data, ours, args), ordered)
                slow = normal(query(data, ours, args + ["--no-prune"]), ordered)
            except RuntimeError as e:
                fast = slow = None
                print("# %s" % e)
            if fast is None or not fast.equals(want) or not slow.equals(want):
                failed += 1
                print("not ok - %s" % what)
                if fast is not None:
                    print("# pruned %d rows, unpruned %d, DuckDB %d" %
                          (fast.num_rows, slow.num_rows, want.num_rows))
                    print("# pruned %s\n# DuckDB %s" % (fast.slice(0, 3).to_pylist(),
                                                      want.slice(0, 3).to_pylist()))
                if failed > 5:
                    break
            count = con.execute("select count(*) from t where " + theirs).fetchone()[0]
            nonempty += count > 0
            if case % 2 == 0:
                asked += 1
                pruned += skipped(data, ours)
            if (case + 1) % CASES_PER_SET == 0:
                shutil.rmtree(data.dir)
    finally:
        shutil.rmtree(root)
    print("1..3")
    print("%sok 1 %d answers agree, pruned, unpruned and DuckDB's" % ("not " * (failed > 0), CASES))
    print("%sok 2 %d of %d conditions skipped something" % ("not " * (pruned < 0.3 * asked), pruned, asked))
    print("%sok 3 %d of %d conditions have an answer" % ("not " * (nonempty < 0.5 * CASES), nonempty, CASES))
    return failed > 0


sys.exit(main())
