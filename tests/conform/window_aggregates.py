#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""window_aggregates.py: every aggregate of pf-window against DuckDB, straight
and going on from a state, day by day, with late rows.

Random rows of all types arrive in an order that is not that of their times.
After each load, windows are asked for with a state and without one, per key
and of all rows; both must give the same bytes, and DuckDB the same values.
Sums of doubles are compared with Python's fsum, to the last bit; estimates of
hll have to be within four standard errors of the truth.
"""
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from fractions import Fraction

try:
    import duckdb
except ImportError:
    print("1..0 # SKIP duckdb is missing")
    sys.exit(1 if os.environ.get("CI") == "true" else 0)

BUILD = os.path.abspath(os.environ.get("PF_BUILD", "build"))
YAML = """table: t
id: id
time: ts
zone: UTC
partition: day
buckets: 3
columns:
  id: int not null
  ts: timestamp(3) not null
  i: bigint
  d: decimal(12,3)
  f: double
  s: string
  b: boolean
  h: date
"""
DAY = timedelta(days=1)

# name of ours: DuckDB's, in which w0 and w1 are the window's first and last day
EXACT = {
    "count": "count(*)",
    "count:i": "count(i)",
    "count_if:b": "count_if(b)",
    "sum:i": "sum(i)::bigint",
    "sum:d": "sum(d)::varchar",
    "min:i": "min(i)", "max:i": "max(i)", "min:s": "min(s)", "max:s": "max(s)",
    "min:d": "min(d)::varchar", "max:h": "max(h)::varchar", "min:b": "min(b)", "max:f": "max(f)",
    "distinct:i": "count(distinct i)", "distinct:s": "count(distinct s)", "distinct:f": "count(distinct f)",
    "distinct:h": "count(distinct h)",
    "hist:s": "list(s order by s) filter (s is not null)",
    "hist:i:10": "list((floor(i / 10) * 10)::bigint order by i) filter (i is not null)",
    "hist:d:2.5": "list((floor(d / 2.5) * 2.5)::decimal(18,3) order by d) filter (d is not null)",
    "days": "count(distinct ts::date)",
    "days:7": "count(distinct ts::date) filter (ts::date > w1 - 7)",
    "bits:5": "coalesce(bit_or((1::bigint << (w1 - ts::date)::int)) filter (ts::date > w1 - 5), 0)",
    "dau:s": "count(distinct s) filter (ts::date = w1)",
    "wau:i": "count(distinct i) filter (ts::date > w1 - 7)",
    "mau:i": "count(distinct i) filter (ts::date > w1 - 30)",
    "active:s:3": "count(distinct s) filter (ts::date > w1 - 3)",
    # a value that goes with the time, with ties by the value
    "first:i": "arg_min_null(i, (ts, i is null, coalesce(i, 0)))",
    "last:s": "arg_max_null(s, (ts, s is not null, coalesce(s, '')))",
    "min_by:s:d": "arg_min_null(s, (d, s is null, coalesce(s, ''))) filter (d is not null)",
    "max_by:i:f": "arg_max_null(i, (f, i is not null, coalesce(i, 0))) filter (f is not null)",
}
NEAR = {
    "avg:i": "avg(i)", "avg:d": "avg(d::double)",
    "var:i": "var_samp(i)", "stddev:d": "stddev_samp(d)", "stddev_pop:i": "stddev_pop(i)",
}
PLAIN = ["sum:f", "avg:f", "var_pop:f", "hll:s", "hll:i:12", "streak", "streak_max", "retain:s:1", "retain:i:7"]


def sh(line, cwd):
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=cwd, check=True, stdout=subprocess.PIPE,
                          env=dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"])).stdout.decode()


def plain(rows, w0, w1):
    """The aggregates that are easier said in Python; rows of one key."""
    out = {}
    days = {r["ts"].date() for r in rows}
    fs = [r["f"] for r in rows if r["f"] is not None]
    out["sum:f"] = math.fsum(fs) if fs else None
    out["avg:f"] = math.fsum(fs) / len(fs) if fs else None
    mean = sum(map(Fraction, fs)) / len(fs) if fs else 0
    out["var_pop:f"] = float(sum((Fraction(f) - mean) ** 2 for f in fs) / len(fs)) if fs else None
    streak = 0
    while w1 - streak * DAY in days:
        streak += 1
    out["streak"] = streak
    longest = run = 0
    for k in range((w1 - w0).days + 1):
        run = run + 1 if w0 + k * DAY in days else 0
        longest = max(longest, run)
    out["streak_max"] = longest
    for name, column, after in (("retain:s:1", "s", 1), ("retain:i:7", "i", 7)):
        first, seen = {}, set()
        for r in rows:
            if r[column] is not None:
                day = r["ts"].date()
                first[r[column]] = min(first.get(r[column], day), day)
                seen.add((r[column], day))
        cohort = [v for v, day in first.items() if day + after * DAY <= w1]
        out[name] = sum((v, first[v] + after * DAY) in seen for v in cohort) / len(cohort) if cohort else None
    out["hll:s"] = (len({r["s"] for r in rows} - {None}), 4 * 0.0082)
    out["hll:i:12"] = (len({r["i"] for r in rows} - {None}), 4 * 0.0163)
    return out


def same(name, got, want):
    if isinstance(want, tuple):
        return abs(got - want[0]) <= max(want[0] * want[1], 0)
    if name.startswith("hist"):
        counts = {}
        for v in want or []:
            text = str(v)
            counts[text] = counts.get(text, 0) + 1
        return {str(k): v for k, v in json.loads(got).items()} == normal(counts, name)
    if (name in NEAR or name == "var_pop:f") and got is not None and want is not None:
        return abs(got - want) <= 1e-12 * max(1, abs(want))
    if isinstance(want, str) and isinstance(got, (int, float)):
        return float(want) == float(got)
    return got == want


def normal(counts, name):
    if name == "hist:d:2.5":
        return {"%.3f" % float(k): v for k, v in counts.items()}
    return counts


class Test:
    def __init__(self, d):
        self.d, self.rng = d, random.Random(8)
        self.rows, self.files, self.done, self.failed = [], 0, 0, 0
        self.con = duckdb.connect()
        self.con.execute("create table t (id int, ts timestamp, i bigint, d decimal(12,3), f double, s varchar, "
                         "b boolean, h date)")
        with open(d + "/t.yaml", "w") as f:
            f.write(YAML)
        sh("pf-put -q --create t.yaml t", d)

    def row(self, day):
        rng = self.rng
        f = rng.choice([None, 0.0, -0.0, 0.1, 1e16, -1e16, 1.0, 1e-30, rng.uniform(-1e6, 1e6)])
        return {"id": rng.randrange(12), "ts": day + timedelta(milliseconds=rng.randrange(0, 86400000, 3600000)),
                "i": rng.choice([None, rng.randrange(-50, 50), rng.randrange(-50, 50)]),
                "d": rng.choice([None, "%.3f" % (rng.randrange(-20000, 20000) / 1000)]), "f": f,
                "s": rng.choice([None, "", "a", "b", "naïve", "x%d" % rng.randrange(2000)]),
                "b": rng.choice([None, True, False]),
                "h": rng.choice([None, "2024-02-%02d" % rng.randrange(1, 30)])}

    def load(self, day, n):
        rows = [self.row(day) for _ in range(n)]
        for r in rows:
            self.con.execute("insert into t values (?, ?, ?, ?, ?, ?, ?, ?)", list(r.values()))
        self.rows += rows
        name = "%d.jsonl" % self.files
        self.files += 1
        with open(self.d + "/" + name, "w") as f:
            for r in rows:
                f.write(json.dumps(dict(r, ts=r["ts"].isoformat(timespec="milliseconds"))) + "\n")
        sh("pf-partition -I jsonl -S t.yaml %s | pf-pack -qq | pf-put -q --append t" % name, self.d)

    def ask(self, key, days, end):
        names = list(EXACT) + list(NEAR) + PLAIN
        ours = "pf-window -q -O jsonl --allow-missing -W %dd --end %s %s %s t" % (
            days, end.date(), "-g id" if key else "",
            " ".join("'a%d=%s'" % (k, n) for k, n in enumerate(names)))
        with_state = sh(ours.replace("pf-window", "pf-window -s state" + ("-id" if key else "")), self.d)
        straight = sh(ours, self.d)
        self.done += 1
        if with_state != straight:
            self.fail("with a state it is another answer", ours, with_state, straight)
        w0, w1 = end - days * DAY, end - DAY
        sql = "select %s %s from t where ts >= ? and ts < ? %s" % (
            "id," if key else "", ", ".join((EXACT | NEAR)[n] for n in list(EXACT) + list(NEAR)),
            "group by id order by id" if key else "")
        sql = sql.replace("w1", "date '%s'" % w1.date()).replace("w0", "date '%s'" % w0.date())
        answers = self.con.execute(sql, [w0, end]).fetchall()
        got = [json.loads(line) for line in straight.splitlines()]
        if len(got) != len(answers):
            return self.fail("rows", ours, len(got), len(answers))
        for g, a in zip(got, answers):
            mine = [r for r in self.rows if w0 <= r["ts"] < end and (not key or r["id"] == a[0])]
            want = dict(zip(list(EXACT) + list(NEAR), a[1:] if key else a))
            want.update(plain(mine, w0.date(), w1.date()))
            for k, n in enumerate(names):
                self.done += 1
                if not same(n, g["a%d" % k], want[n]):
                    self.fail(n, ours.split(" 'a0")[0] + " key %s" % (a[0] if key else "none"), g["a%d" % k], want[n])
        return None

    def fail(self, what, line, got, want):
        self.failed += 1
        if self.failed < 12:
            print("# %s: %s\n#  ours: %s\n#  want: %s" % (what, line, str(got)[:300], str(want)[:300]))


def main():
    with tempfile.TemporaryDirectory(prefix="pf-window.") as d:
        t = Test(d)
        begin = datetime(2024, 1, 25)
        for k in range(14):
            day = begin + k * DAY
            t.load(day, 120)
            if k % 3 == 2:
                t.load(day - t.rng.randrange(1, 6) * DAY, 40)  # late
            for days in (1, 5, 30) if k % 4 == 3 else (5,):
                t.ask(False, days, day + DAY)
                t.ask(True, days, day + DAY)
        t.ask(True, 3, begin + 5 * DAY)
        print("1..1\n%sok 1 %d values of aggregates are DuckDB's, from a state and without" %
              ("not " * (t.failed > 0), t.done))
        return t.failed > 0


sys.exit(main())
