# SPDX-License-Identifier: Apache-2.0
"""window.py BUILD [SCALE [SHAPE...]]: windows that go on from a state, against
recomputing.

Shapes S1-S8 of Hourglass's study, their keys and rows times SCALE (0.05). For
each, n days are loaded into a table and a state is built, which is charged
(`first`). Then days arrive one by one (DAYS of them), and each contender makes
the window of n days that ends with the new one, all its rows sorted by key in a
file; the median counts:

  R    pf-window without state: reads all n days, keeps nothing
  I    pf-window with its state: reads the new day, gives the whole window
  D1   DuckDB, GROUP BY over the Parquet files of the n days
  D2   DuckDB, keeping a table of daily partials by hand
  D3   DuckDB, the last window - the day that left + the new day, by hand;
       only where that is possible, and it never notices late rows

first/I is what --fresh would cost, R/D1 how good a recompute R is. Below S1: three
windows in one run, only what changed (--changes), and S8: 30 x 64 cells, one of
which gets a late row, then one day's that get more. DuckDB has one thread, as
pf-window, and stays connected; pf-window is a fresh process each time. All answers
of a day are compared before its times count. SCALE 1 is the study's size.
"""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

import duckdb
import pyarrow as pa
import pyarrow.ipc

BUILD = os.path.abspath(sys.argv[1])
SCALE = float(sys.argv[2]) if len(sys.argv) > 2 else 0.05
ONLY = sys.argv[3:]
HERE = os.path.join(BUILD, "bench-window")
DAYS = 3
CONTENDERS = ("R", "I", "D1", "D2", "D3")
EPOCH = 15706  # 2013-01-01

# name, keys, rows a day, n, aggregates of ours, of DuckDB, can be subtracted
SHAPES = [
    ("S1", 2_000_000, 3_000_000, 30, "count", "count(*)", True),
    ("S1-A2", 2_000_000, 3_000_000, 30, "count sum:amount avg:amount",
     "count(*), sum(amount), avg(amount)", True),
    ("S1-A3", 2_000_000, 3_000_000, 30, "min:amount max:amount last:item",
     "min(amount), max(amount), max_by(item, ts)", False),
    ("S2", 20_000_000, 2_000_000, 30, "count", "count(*)", True),
    ("S3", 500_000, 500_000, 365, "count", "count(*)", True),
    ("S4", 10_000, 5_000_000, 30, "count", "count(*)", True),
    ("S5", 2_000_000, 3_000_000, 7, "count", "count(*)", True),
    ("S6", 2_000_000, 1_000_000, 90, "count", "count(*)", True),
    ("S7", 0, 5_000_000, 30, "count hll:item", "count(*), approx_count_distinct(item)", False),
]
YAML = """table: t
id: id
time: ts
zone: UTC
partition: day
buckets: %d
columns:
  id: bigint not null
  ts: timestamp(3) not null
  item: int
  amount: decimal(10,2)
"""


def day_name(d):
    return time.strftime("%Y-%m-%d", time.gmtime((EPOCH + d) * 86400))


def generate(con, d, rows, keys, seed=0):
    """Rows of a day as an Arrow table: keys skewed by a square."""
    keys = max(keys, 1000)
    rel = con.sql(f"""
        with r as (select i, hash(i * 4 + 1 + {seed}) as a, hash(i * 4 + 2 + {seed}) as b,
                          hash(i * 4 + 3 + {seed}) as c
                   from range({d} * {rows}::bigint, {d + 1} * {rows}::bigint) t(i))
        select (pow((a % 1000003) / 1000003.0, 2) * {keys})::bigint as id,
               make_timestamp(({EPOCH} + {d}) * 86400000000::bigint + (b % 86400000)::bigint * 1000)::timestamp_ms as ts,
               (c % 50000)::int as item,
               ((c % 1000000)::decimal(10,2) / 100)::decimal(10,2) as amount
        from r""")
    return rel.to_arrow_table() if hasattr(rel, "to_arrow_table") else rel.arrow()


def do(con, sql):
    con.execute(sql).fetchall()


def run(command, **more):
    return subprocess.run(command, shell=True, check=True, executable="/bin/bash", **more)


def load(*tables):
    """Arrow tables into t, one commit."""
    child = subprocess.Popen("pf-partition -S t.yaml | pf-pack -qq | pf-put -q --append t",
                             shell=True, stdin=subprocess.PIPE)
    out = None
    for table in tables:
        out = out or pa.ipc.new_stream(child.stdin, table.schema)
        out.write_table(table)
    out.close()
    child.stdin.close()
    assert child.wait() == 0


def cpu():
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def both(f):
    """Seconds of wall clock and of all processors."""
    begin, work = time.monotonic(), cpu()
    f()
    return time.monotonic() - begin, cpu() - work


def timed(f):
    return both(f)[0]


class Shape:
    def __init__(self, con, name, keys, rows, n, ours, duck, exact, buckets=8):
        self.con, self.name, self.n, self.ours, self.duck, self.exact = con, name, n, ours, duck, exact
        self.keys, self.rows = int(keys * SCALE), int(rows * SCALE)
        self.group = "-g id" if keys else ""
        shutil.rmtree(HERE, ignore_errors=True)
        os.makedirs(HERE)
        os.chdir(HERE)
        with open("t.yaml", "w") as f:
            f.write(YAML % (buckets if keys else 1))
        run("pf-put -q --create t.yaml t")
        load(*(generate(con, d, self.rows, self.keys) for d in range(n)))

    def window(self, d):
        return f"-W {self.n}d --end {day_name(d + 1)}"

    def pf(self, d, out, more=""):
        run(f"pf-window -q -O csv -o {out} -f {self.window(d)} {self.group} {more} {self.ours} t")

    def files(self, first, last):
        return [f"t/dt={day_name(d)}/*/*.parquet" for d in range(max(first, 0), last + 1)]

    def sql(self, source):
        by = "id, " if self.group else ""
        return f"select {by}{self.duck} from {source} {'group by id order by id' if self.group else ''}"

    def d1(self, d, out):
        do(self.con, f"copy ({self.sql('read_parquet(%s)' % self.files(d - self.n + 1, d))}) to '{out}' (header)")

    # Counts and sums by hand, as a person would keep them.
    def partial(self, d):
        return (f"select {d} as day, id, count(*) as n, sum(amount) as s, min(amount) as lo, max(amount) as hi, "
                f"max_by(item, ts) as item, max(ts) as ts from read_parquet({self.files(d, d)}) group by id")

    def from_partials(self):
        return {"count(*)": "sum(n)::bigint", "sum(amount)": "sum(s)", "avg(amount)": "sum(s)::double / sum(n)",
                "min(amount)": "min(lo)", "max(amount)": "max(hi)", "max_by(item, ts)": "max_by(item, ts)"}

    def merged(self):
        text = self.duck
        for a, b in self.from_partials().items():
            text = text.replace(a, b)
        return text

    def d2_start(self, d):
        do(self.con, "drop table if exists partials")
        do(self.con, f"create table partials as {self.partial(d)}")

    def d2(self, d, out):
        do(self.con, f"insert into partials {self.partial(d)}")
        do(self.con, f"delete from partials where day <= {d - self.n}")
        do(self.con, f"copy (select id, {self.merged()} from partials where day > {d - self.n} "
                         f"group by id order by id) to '{out}' (header)")

    def d3_start(self, d):
        do(self.con, "create or replace table kept as select id, sum(n)::bigint n, sum(s) s "
                         f"from partials where day > {d - self.n} group by id")

    def d3(self, d, out):
        old = f"(select id, count(*) n, sum(amount) s from read_parquet({self.files(d - self.n, d - self.n)}) group by id)"
        new = f"(select id, count(*) n, sum(amount) s from read_parquet({self.files(d, d)}) group by id)"
        do(self.con, f"""create or replace table kept as
            select id, n, s from (
              select coalesce(k.id, w.id) id, coalesce(k.n, 0) - coalesce(o.n, 0) + coalesce(w.n, 0) n,
                     coalesce(k.s, 0) - coalesce(o.s, 0) + coalesce(w.s, 0) s
              from kept k full outer join {new} w on k.id = w.id left join {old} o on o.id = coalesce(k.id, w.id))
            where n > 0""")
        columns = {"count(*)": "n", "sum(amount)": "s", "avg(amount)": "s::double / n"}
        text = self.duck
        for a, b in columns.items():
            text = text.replace(a, b)
        do(self.con, f"copy (select id, {text} from kept order by id) to '{out}' (header)")


def canonical(con, path, ours, exact=True):
    """An answer as a hash: keys and values, whatever the columns are called."""
    names = con.execute(f"describe select * from read_csv('{path}')").fetchall()
    keep = [n[0] for n in names if n[0] not in ("window_start", "window_end", "window")]
    if not exact:  # but for the estimate
        keep = keep[:-1]
    columns = ", ".join(f'round("{c}"::double, 6)' for c in keep)
    return con.execute(f"select count(*), sum(hash({columns})::hugeint) from read_csv('{path}')").fetchall()[0]


def check(con, shape, paths):
    got = {p: canonical(con, p, shape.ours, "hll" not in shape.ours) for p in paths}
    assert len(set(got.values())) == 1, (shape.name, got)
    return got[paths[0]][0]


def row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def measure(con, spec):
    s = Shape(con, *spec)
    last = s.n - 1
    first = both(lambda: s.pf(last, "i.csv", "-s state"))
    by_hand = bool(s.group)
    if by_hand:
        s.d2_start(0)
        for d in range(1, s.n):
            do(con, f"insert into partials {s.partial(d)}")
        if s.exact:
            s.d3_start(last)
    times = {k: [] for k in CONTENDERS}
    keys = 0
    for d in range(s.n, s.n + DAYS):
        load(generate(con, d, s.rows, s.keys))
        run("cat t/dt=*/*/* > /dev/null")
        t = {"I": both(lambda: s.pf(d, "i.csv", "-s state")),
             "R": both(lambda: s.pf(d, "r.csv")), "D1": both(lambda: s.d1(d, "d1.csv"))}
        paths = ["i.csv", "r.csv", "d1.csv"]
        if by_hand:
            t["D2"] = both(lambda: s.d2(d, "d2.csv"))
            paths.append("d2.csv")
            if s.exact:
                t["D3"] = both(lambda: s.d3(d, "d3.csv"))
                paths.append("d3.csv")
        keys = check(con, s, paths)
        run("cmp i.csv r.csv")
        for k, v in t.items():
            times[k].append(v)
    state = sum(os.path.getsize(os.path.join("state", f)) for f in os.listdir("state"))
    for what in (0, 1):
        m = {k: statistics.median(x[what] for x in v) for k, v in times.items() if v}
        row(s.name, ("wall", "CPU")[what], s.n, f"{s.rows:,}", f"{keys:,}", f"{first[what]:.2f}",
            *(f"{m[k]:.3f}" if k in m else "" for k in CONTENDERS), f"**{m['R'] / m['I']:.1f}**",
            f"{first[what] / m['I']:.0f}",
            *(f"{m[k] / m['I']:.1f}" if k in m else "" for k in ("D1", "D2", "D3")), f"{m['R'] / m['D1']:.1f}",
            f"{state / 1e6:.0f}")
    return s


def late(con):
    """S8: rows come late into one cell of a state of 30 x 64, then into a day's."""
    s = Shape(con, "S8", *SHAPES[0][1:], buckets=64)
    d = s.n - 1
    fresh = both(lambda: s.pf(d, "i.csv", "-s state"))
    rows = generate(con, d - 15, s.rows, s.keys, seed=77)
    n = max(1, s.rows // 1000)
    load(rows.slice(0, 1))
    one = both(lambda: s.pf(d, "c.csv", "-s state --changes"))
    load(rows.slice(1, n))
    many = both(lambda: s.pf(d, "c.csv", "-s state --changes"))
    nothing = both(lambda: s.pf(d, "c.csv", "-s state --changes"))
    whole = both(lambda: s.pf(d, "i.csv", "-s state"))
    s.pf(d, "r.csv")
    run("cmp i.csv r.csv")
    say = lambda t: f"{t[0]:.4f} ({t[1]:.4f}) s"
    print(f"\nS8, wall (CPU): building the state of 30 x 64 cells anew {say(fresh)}; its changes after one late row "
          f"{say(one)}, {fresh[0] / one[0]:.0f} ({fresh[1] / one[1]:.0f}) times less; after {n} late rows of one day "
          f"{say(many)}, {fresh[0] / many[0]:.0f} ({fresh[1] / many[1]:.0f}) times less; after nothing "
          f"{say(nothing)}; the whole window {say(whole)}")


def several(con, s):
    """Three windows in one run, side by side and one below the other, and only what
    changed, against one window."""
    lengths = (s.n, 7, 14)
    three = " ".join(f"-W {n}d" for n in lengths)
    runs = {"one": f"-W {s.n}d", "wide": f"--wide {three}", "long": three, "changes": f"--changes -W {s.n}d"}

    def pf(d, what, out, more=""):
        run(f"pf-window -q -O csv -o {out} -f {runs[what]} --end {day_name(d + 1)} {s.group} {more} {s.ours} t")

    for what in runs:
        shutil.rmtree(f"state-{what}", ignore_errors=True)
        shutil.copytree("state", f"state-{what}")
        pf(s.n + DAYS - 1, what, "x.csv", f"-s state-{what}")
    times = {what: [] for what in runs}
    for d in range(s.n + DAYS, s.n + 2 * DAYS):
        load(generate(con, d, s.rows, s.keys))
        for what in runs:
            times[what].append(both(lambda: pf(d, what, f"{what}.csv", f"-s state-{what}")))
    fresh = {what: both(lambda: pf(d, what, "x.csv") or run(f"cmp x.csv {what}.csv"))
             for what in ("one", "wide", "long")}
    check_wide(con, lengths)
    for name, at in (("wall", 0), ("CPU", 1)):
        new = {what: statistics.median(t[at] for t in v) for what, v in times.items()}
        print(f"\n{s.name}, {name} of a new day: one window {new['one']:.3f} s; three side by side {new['wide']:.3f} s "
              f"({new['wide'] / new['one']:.2f}x), one below the other {new['long']:.3f} s "
              f"({new['long'] / new['one']:.2f}x); one with --changes {new['changes']:.3f} s. From Parquet: one window "
              f"{fresh['one'][at]:.3f} s, three {fresh['wide'][at]:.3f} s ({fresh['wide'][at] / fresh['one'][at]:.2f}x), "
              f"{fresh['long'][at]:.3f} s ({fresh['long'][at] / fresh['one'][at]:.2f}x)")


def check_wide(con, lengths):
    """The windows side by side are those one below the other."""
    names = [f"count_{n}d" for n in lengths]
    pivot = ", ".join(f"coalesce(max(count) filter (\"window\" = '{n}d'), 0) as count_{n}d" for n in lengths)
    con.execute(f"create or replace temp table below as select id, {pivot} from read_csv('long.csv') group by id")
    got = [con.execute(f"select count(*), sum(hash(id, {', '.join(f'{c}::bigint' for c in names)})::hugeint) "
                       f"from {source}").fetchall() for source in ("read_csv('wide.csv')", "below")]
    assert got[0] == got[1], got


def main():
    con = duckdb.connect()
    do(con, "set threads = 1; set enable_progress_bar = false; set preserve_insertion_order = false")
    print(f"\nwindows, scale {SCALE}, seconds a day (median of {DAYS}), {os.cpu_count()} cores:\n")
    row("shape", "s of", "days", "rows a day", "keys", "first", "R", "I", "D1", "D2", "D3", "R/I", "first/I", "D1/I", "D2/I", "D3/I",
        "R/D1", "state MB")
    row(*["--:"] * 18)
    for spec in SHAPES:
        if ONLY and spec[0] not in ONLY:
            continue
        s = measure(con, spec)
        if spec[0] in ("S1", "S4"):
            several(con, s)
            print()
    if not ONLY or "S8" in ONLY:
        late(con)
    os.chdir("/")
    shutil.rmtree(HERE)


main()
