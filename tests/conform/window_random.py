#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""window_random.py [STEPS [SEED]]: incremental windows on a table that changes.

Random steps: rows are appended, late ones too; small files are compacted;
partitions are overwritten and dropped by another engine; windows of several
kinds are asked for with changing lengths, starts and ends, also ends that move
back, from several states that follow the table at their own pace; a run is
killed on the way. After each question the incremental answer must be, to the
byte, what the same program computes from the whole table, and what DuckDB
computes from the rows as the test made them.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta

try:
    import duckdb
    import pypaimon
    import pyarrow as pa
except ImportError:
    print("1..0 # SKIP duckdb, pyarrow or pypaimon is missing")
    sys.exit(1 if os.environ.get("CI") == "true" else 0)

BUILD = os.path.abspath(os.environ.get("PF_BUILD", "build"))
ENV = dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"])
START = datetime(2024, 2, 20)  # a leap day and two ends of months are near
YAML = """table: t
id: id
time: ts
zone: UTC
partition: %s
buckets: 2
columns:
  id: int not null
  ts: timestamp(3) not null
  other: timestamp(3)
  kind: string
  price: decimal(10,2)
  x: double
"""

# name, options, the aggregates, their DuckDB (None: not compared)
SHAPES = [
    ("sums", "-g id", "count sum:price",
     "count(*)::varchar, sum(price)::varchar", "ts", "id"),
    ("extremes", "-g id", "count min:price max:kind distinct:kind",
     "count(*)::varchar, min(price)::varchar, max(kind), count(distinct kind)::varchar", "ts", "id"),
    ("kinds", "-g kind -w 'x is not null'", "count sum:x last:id",
     None, "ts", "kind"),
    ("all", "", "count distinct:id days",
     "count(*)::varchar, count(distinct id)::varchar, count(distinct ts::date)::varchar", "ts", ""),
    ("other", "-g id -t other", "n=count top=max:price",
     "count(*)::varchar, max(price)::varchar", "other", "id"),
    ("hours", "-g kind", "count max:ts",
     "count(*)::varchar, strftime(max(ts), '%Y-%m-%dT%H:%M:%S.%g')", "ts", "kind"),
]
LENGTHS = ["1d", "2d", "3d", "5d", "8d", "13d", "21d", "week", "month", "tumble=3d",
           "since=2024-02-25", "since=2024-03-01", "since=2024-02-10"]
HOURS = ["6h", "24h", "36h", "3d", "since=2024-03-01T06:00:00", "day"]


class Run:
    def __init__(self, dir_, seed):
        self.rng = random.Random(seed)
        self.d = dir_
        self.rows = []       # dicts, with their partition
        self.partition = self.rng.choice(["day", "day", "month", "none"])
        self.today = 0
        self.nload = 0
        self.log = []
        self.view = {}       # what --changes came to so far
        self.checked = self.steps = 0
        with open(dir_ + "/t.yaml", "w") as f:
            f.write(YAML % self.partition)
        self.sh("mkdir -p wh/default.db; pf-put -q --create t.yaml wh/default.db/t")
        self.t = "wh/default.db/t"
        self.con = duckdb.connect()
        self.con.execute("create table t (id int, ts timestamp, other timestamp, kind varchar, "
                         "price decimal(10,2), x double)")

    def sh(self, line, check=True, **env):
        p = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=self.d, env=dict(ENV, **env),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if check and p.returncode:
            raise RuntimeError("%s\nexit %d\n%s" % (line, p.returncode, p.stderr.decode()))
        return p

    def row(self, day):
        rng = self.rng
        ts = START + timedelta(days=day, milliseconds=rng.randrange(86400000))
        other = None if rng.random() < 0.05 else ts + timedelta(
            hours=rng.choice([0, 0, 1, -30, 50, -200]) * rng.random())
        return {"id": int(rng.paretovariate(0.7)) % 40, "ts": ts, "other": other and other.replace(
                    microsecond=other.microsecond // 1000 * 1000),
                "kind": rng.choice(["a", "b", "c\tc", None]),
                "price": rng.choice([None, rng.randrange(-10**6, 10**6)]),
                "x": rng.choice([None, 1e16, 1.0, -1e16, rng.random()])}

    def part(self, row):
        return row["ts"].strftime({"day": "%Y-%m-%d", "month": "%Y-%m", "none": ""}[self.partition])

    def keep(self, rows):
        if not rows:
            return
        self.con.executemany("insert into t values (?, ?, ?, ?, ?, ?)", [
            [r["id"], r["ts"], r["other"], r["kind"],
             None if r["price"] is None else "%.2f" % (r["price"] / 100), r["x"]] for r in rows])
        self.rows += rows

    def as_json(self, r):
        iso = lambda t: t and t.isoformat(timespec="milliseconds")
        return json.dumps({"id": r["id"], "ts": iso(r["ts"]), "other": iso(r["other"]),
                           "kind": r["kind"], "x": r["x"],
                           "price": None if r["price"] is None else "%.2f" % (r["price"] / 100)})

    # --- steps ---

    def append(self, late=False):
        rng = self.rng
        if not late:
            self.today += rng.choice([0, 1, 1, 1, 2])
        days = [self.today] if not late else [rng.randrange(max(1, self.today))
                                              for _ in range(rng.choice([1, 2]))]
        rows = [self.row(rng.choice(days)) for _ in range(rng.choice([1, 3, 20, 60]))]
        with open(self.d + "/new.jsonl", "w") as f:
            f.writelines(self.as_json(r) + "\n" for r in rows)
        self.nload += 1
        self.sh("pf-partition -S t.yaml new.jsonl | pf-pack -qq > new.arrows;"
                "pf-put -q --append --restart %s new.arrows" % self.t)
        self.keep(rows)

    def compact(self):
        self.sh("pf-put -q --compact --full %s" % self.t)

    def overwrite(self, drop):
        """Another engine replaces what a partition holds."""
        parts = sorted({self.part(r) for r in self.rows})
        if not parts or (self.partition == "none" and drop):
            return
        part = self.rng.choice(parts)
        old = [r for r in self.rows if self.part(r) == part]
        new = [] if drop else [r for r in old if self.rng.random() < 0.7] + \
            [dict(self.rng.choice(old), id=self.rng.randrange(40))]
        catalog = pypaimon.CatalogFactory.create({"warehouse": self.d + "/wh"})
        table = catalog.get_table("default.t")
        builder = table.new_batch_write_builder()
        builder.overwrite({"dt": part} if self.partition != "none" else {})
        schema = [("id", pa.int32()), ("ts", pa.timestamp("ms")), ("other", pa.timestamp("ms")),
                  ("kind", pa.string()), ("price", pa.decimal128(10, 2)), ("x", pa.float64())]
        if self.partition != "none":
            schema.append(("dt", pa.string()))
        import decimal
        data = [dict(r, dt=part, price=None if r["price"] is None else
                     decimal.Decimal(r["price"]).scaleb(-2)) for r in new]
        write, commit = builder.new_write(), builder.new_commit()
        if drop:
            if not hasattr(commit, "truncate_partitions"):
                return
            commit.truncate_partitions([{"dt": part}])
        else:
            write.write_arrow(pa.table({n: pa.array([r[n] for r in data], t) for n, t in schema},
                                       schema=pa.schema([pa.field(n, t, nullable=n not in ("id", "ts", "dt"))
                                                         for n, t in schema])))
            commit.commit(write.prepare_commit())
        write.close()
        commit.close()
        self.rows = [r for r in self.rows if self.part(r) != part]
        self.con.execute("delete from t")
        kept, self.rows = self.rows, []
        self.keep(kept + new)

    def expire(self):
        """Old snapshots go, as any engine's expiry does it: newest first stays."""
        snaps = self.d + "/" + self.t + "/snapshot"
        ids = sorted(int(n.split("-")[1]) for n in os.listdir(snaps) if n.startswith("snapshot-"))
        for i in ids[:-1]:
            os.remove("%s/snapshot-%d" % (snaps, i))
        with open(snaps + "/EARLIEST", "w") as f:
            f.write(str(ids[-1]))

    def ask(self, crash=False):
        rng = self.rng
        name, keys, aggs, sql, time, key = rng.choice(SHAPES)
        hours = name == "hours"
        windows = rng.sample(HOURS if hours else LENGTHS, rng.choice([1, 1, 1, 2, 3]))
        if hours and not os.path.exists(self.d + "/state-hours/state.json"):
            windows = ["6h"]  # which makes it a state of hours
        end = ""
        if rng.random() < 0.4:
            at = START + timedelta(days=rng.randrange(max(1, self.today - 20), self.today + 2))
            if hours:
                at += timedelta(hours=rng.randrange(24))
            end = "--end " + at.isoformat()
            if rng.random() < 0.3:
                end += " --from " + (at - timedelta(days=rng.randrange(3))).isoformat()
        question = "%s %s %s" % (" ".join("-W " + w for w in windows), keys, end)
        memory = rng.choice(["", "", "--memory 1Mi"])
        inc = "pf-window -O tsv -s state-%s --allow-missing %s %s %s %s" % (
            name, question, memory, aggs, self.t)
        if crash:
            point = "W%d" % rng.randrange(1, 5)
            p = self.sh(inc + " > cut.tsv", check=False, PF_CRASH_AT=point)
            if p.returncode not in (-signal.SIGKILL, 128 + signal.SIGKILL, 0, 2):
                raise RuntimeError("%s at %s: exit %d\n%s" % (inc, point, p.returncode, p.stderr.decode()))
        p = self.sh(inc, check=False)
        if p.returncode == 2 and b"is empty" in p.stderr:
            return
        if p.returncode:
            raise RuntimeError("%s\nexit %d\n%s" % (inc, p.returncode, p.stderr.decode()))
        full = "pf-window -O tsv %s %s %s" % (question, aggs, self.t)
        if hours and not end:  # a state of hours ends with the newest hour
            lines = p.stdout.decode().splitlines()
            if len(lines) < 2:
                return
            at = lines[-1].split("\t")[lines[0].split("\t").index("window_end")]
            full = "pf-window -O tsv %s --end %s %s %s" % (question, at, aggs, self.t)
        want = self.sh(full).stdout
        if p.stdout != want:
            raise RuntimeError("%s\nis not what a recompute gives\n%s" % (
                inc, first_difference(p.stdout, want)))
        if crash and p.returncode == 0:
            with open(self.d + "/cut.tsv", "rb") as f:
                cut = f.read()
            if cut and cut != p.stdout:
                raise RuntimeError("%s\ngave other bytes before it was killed" % inc)
        if sql:
            self.compare(p.stdout.decode(), sql, time, key, len(aggs.split()), inc)
        self.checked += 1

    def changes(self):
        """Rows taken back and put in since the last time give the answer of now."""
        window, opts = "5d", "-g id -O tsv --allow-missing"
        p = self.sh("pf-window -s state-changes --changes %s -W %s count sum:price max:kind %s" % (
            opts, window, self.t))
        for line in p.stdout.decode().splitlines()[1:]:
            sign, key, rest = line.split("\t", 2)
            values = rest.split("\t")[2:]
            if sign == "-":
                if self.view.pop(key) != values:
                    raise RuntimeError("--changes takes back what was not there: " + line)
            elif key in self.view:
                raise RuntimeError("--changes adds what is there: " + line)
            else:
                self.view[key] = values
        want = {}
        for line in self.sh("pf-window -O tsv -g id -W %s count sum:price max:kind %s" % (
                window, self.t)).stdout.decode().splitlines()[1:]:
            key, values = line.split("\t", 1)
            want[key] = values.split("\t")[2:]
        if self.view != want:
            raise RuntimeError("the changes come to %s, a recompute to %s" % (
                sorted(self.view.items())[:3], sorted(want.items())[:3]))
        self.checked += 1

    def verify(self):
        for name, keys, aggs, _, _, _ in SHAPES:
            if name != "hours" and os.path.exists("%s/state-%s/state.json" % (self.d, name)):
                self.sh("pf-window -s state-%s --verify 1 --allow-missing -W 3d %s %s %s" % (
                    name, keys, aggs, self.t))

    def days(self):
        """One row for each day, straight, and through stored states."""
        end = "--end " + (START + timedelta(days=self.today)).date().isoformat()
        got = self.sh("pf-window -O tsv -s state-sums --allow-missing --per-day -W 7d %s -g id "
                      "count sum:price %s" % (end, self.t)).stdout
        want = self.sh("pf-window -O tsv --per-day -W 7d %s -g id count sum:price %s" % (
            end, self.t)).stdout
        if got != want:
            raise RuntimeError("--per-day is not what a recompute gives\n" +
                               first_difference(got, want))

    def compare(self, text, sql, time, key, naggs, inc):
        lines = [l.split("\t") for l in text.splitlines()]
        head = lines[0] if lines else []
        got = {}
        for l in lines[1:]:
            bounds = (l[head.index("window_start")], l[head.index("window_end")])
            got.setdefault(bounds, set()).add(tuple(([l[0]] if key else []) + l[-naggs:]))
        for (a, b), rows in got.items():
            q = "select %s %s from t where %s >= ? and %s < ? %s %s" % (
                key + "::varchar," if key else "", sql, time, time,
                "", "group by " + key if key else "")
            want = {tuple(text_of(v) for v in r) for r in self.con.execute(
                q, [datetime.fromisoformat(a), datetime.fromisoformat(b)]).fetchall()}
            if rows != want:
                raise RuntimeError("%s\nDuckDB differs in %s to %s: ours %s, DuckDB %s" % (
                    inc, a, b, sorted(rows - want)[:3], sorted(want - rows)[:3]))

    def step(self):
        steps = [("append", 22, self.append), ("late", 12, lambda: self.append(True)),
                 ("compact", 4, self.compact), ("overwrite", 2, lambda: self.overwrite(False)),
                 ("drop", 1, lambda: self.overwrite(True)), ("expire", 2, self.expire),
                 ("ask", 42, self.ask), ("crash", 7, lambda: self.ask(True)),
                 ("changes", 5, self.changes), ("days", 3, self.days),
                 ("verify", 1, self.verify)]
        name = self.rng.choices([s[0] for s in steps], [s[1] for s in steps])[0]
        if not self.rows:
            name = "append"
        self.log.append(name)
        self.steps += 1
        dict((s[0], s[2]) for s in steps)[name]()


def text_of(v):
    if v is None:
        return ""
    return str(v).replace("\t", "\\t")


def first_difference(a, b):
    a, b = a.decode().splitlines(), b.decode().splitlines()
    for x, y in zip(a, b):
        if x != y:
            return "incremental: %s\nrecomputed:  %s" % (x, y)
    return "%d lines against %d: %s" % (len(a), len(b), (a[len(b):] or b[len(a):])[:1])


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("PF_WINDOW_STEPS", 220))
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20130315
    failed = done = checked = 0
    while done < steps and not failed:
        with tempfile.TemporaryDirectory(prefix="pf-window.") as d:
            run = Run(d, seed)
            try:
                while done < steps and run.steps < 150:
                    run.step()
                    done += 1
            except Exception as e:
                failed += 1
                print("# seed %d, table by %s, step %d: %s" % (
                    seed, run.partition, run.steps, " ".join(run.log[-12:])))
                for line in str(e).splitlines():
                    print("# " + line)
                if os.environ.get("PF_KEEP"):
                    shutil.copytree(d, os.environ["PF_KEEP"], dirs_exist_ok=True)
            checked += run.checked
        seed += 1
    print("1..1\n%sok 1 %d random steps, %d answers are those of a recompute and of DuckDB" % (
        "not " * (failed > 0), done, checked))
    return failed > 0


sys.exit(main())
