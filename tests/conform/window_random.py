#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""window_random.py [STEPS [SEED]]: incremental windows on a table that changes.

Random steps: rows are appended, late ones too, few or so many that memory does
not hold their keys; rows are staged and loaded later; small files are compacted;
partitions are overwritten and dropped by another engine; the table is rolled
back, gets a column, loses snapshots; windows of several kinds are asked for
with changing lengths, starts and ends, also ends that move back, from several
states that follow the table, or two of them, at their own pace, one below the
other or side by side; a run is killed on the way. After each question the
incremental answer must be, to the byte, what the same program computes from the
whole table, and what DuckDB computes from the rows as the test made them;
windows side by side must be those one below the other.
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
buckets: %d
columns:
  id: %s not null
  ts: timestamp(3) not null
  other: timestamp(3)
  kind: string
  price: decimal(10,2)
  x: double
"""
COLUMNS = "{id: '%s', ts: 'TIMESTAMP', other: 'TIMESTAMP', kind: 'VARCHAR', price: 'DECIMAL(10,2)', x: 'DOUBLE'}"

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
    ("sketch", "-g kind", "hll:id:10 hist:id days bits streak active:id:7 retain:id:1", None, "ts", "kind"),
    ("spread", "-g id", "var:price avg:price stddev_pop:x min_by:kind:ts max_by:id:price first:x", None, "ts", "id"),
    ("pairs", "-g kind,price", "count distinct:id",
     "price::varchar, count(*)::varchar, count(distinct id)::varchar", "ts", "kind,price"),
    ("wide", "-g \"k=concat(string(id),'-',string(ts))\"", "count sum:price count_if:'x > 0'",
     "count(*)::varchar, sum(price)::varchar, (count(*) filter (x > 0))::varchar", "ts", "key"),
    ("both", "-g id --tag tag", "c=count_if:'tag=\"u\"' s=sum:price max:kind", None, "ts", "id"),
]
KEYS = {"key": "concat(id, '-', strftime(ts, '%Y-%m-%dT%H:%M:%S.%g'))"}
LENGTHS = ["1d", "2d", "3d", "5d", "8d", "13d", "21d", "week", "month", "tumble=3d",
           "since=2024-02-25", "since=2024-03-01", "since=2024-02-10"]
HOURS = ["6h", "24h", "36h", "3d", "since=2024-03-01T06:00:00", "day"]


class Run:
    def __init__(self, dir_, seed):
        self.rng = random.Random(seed)
        self.d = dir_
        self.rows = []       # dicts, with their partition
        self.partition = self.rng.choice(["day", "day", "month", "none"])
        self.id_type = self.rng.choice(["int", "bigint", "string"])
        self.staged = []     # rows of the stage that are not loaded
        self.rows_u = []     # of the second table
        self.history = {}    # rows by snapshot, since the stage was loaded
        self.floor = 0       # the snapshot that says what was loaded
        self.forgotten = False # the snapshots before anything was loaded are gone
        self.extra = 0       # columns that were added
        self.given = {}      # what --revise gave last, by window
        self.today = 0
        self.nload = 0
        self.log = []
        self.view = {False: {}, True: {}} # what --changes came to so far; with --wide
        self.checked = self.steps = 0
        self.buckets = self.rng.choice([1, 2, 2, 5])
        for name in ("t", "u"):
            with open(dir_ + "/%s.yaml" % name, "w") as f:
                f.write(YAML.replace("table: t", "table: " + name) % (
                    self.partition, self.buckets if name == "t" else 3, self.id_type))
            self.sh("mkdir -p wh/default.db; pf-put -q --create %s.yaml wh/default.db/%s; ln -s wh/default.db/%s %s" % (
                (name,) * 4))
        self.t = "wh/default.db/t"
        self.sql_id = {"int": "INT", "bigint": "BIGINT", "string": "VARCHAR"}[self.id_type]
        self.con = duckdb.connect()
        self.con.execute("SET threads=1")
        for table in ("t", "staged"):
            self.con.execute("create table %s (id %s, ts timestamp, other timestamp, kind varchar, "
                             "price decimal(10,2), x double)" % (table, self.sql_id))

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
        id_ = int(rng.paretovariate(0.7)) % 40
        return {"id": "k%d" % id_ if self.id_type == "string" else id_, "ts": ts, "other": other and other.replace(
                    microsecond=other.microsecond // 1000 * 1000),
                "kind": rng.choice(["a", "b", "c\tc", None]),
                "price": rng.choice([None, rng.randrange(-10**6, 10**6)]),
                "x": rng.choice([None, 1e16, 1.0, -1e16, rng.random()])}

    def part(self, row):
        return row["ts"].strftime({"day": "%Y-%m-%d", "month": "%Y-%m", "none": ""}[self.partition])

    def insert(self, table, rows):
        if not rows:
            return
        with open(self.d + "/insert.jsonl", "w") as f:
            f.writelines(self.as_json(r) + "\n" for r in rows)
        self.con.execute("insert into %s select * from read_json('%s/insert.jsonl', format='newline_delimited', columns=%s)" % (
            table, self.d, COLUMNS % self.sql_id))

    def keep(self, rows):
        self.insert("t", rows)
        self.rows += rows

    def replace(self, rows):
        self.con.execute("delete from t")
        self.rows = []
        self.keep(rows)

    def newest(self):
        snaps = self.d + "/" + self.t + "/snapshot"
        return max([int(n.split("-")[1]) for n in os.listdir(snaps) if n.startswith("snapshot-")])

    def note(self):
        self.history[self.newest()] = self.rows[:]

    def as_json(self, r):
        iso = lambda t: t and t.isoformat(timespec="milliseconds")
        return json.dumps({"id": r["id"], "ts": iso(r["ts"]), "other": iso(r["other"]),
                           "kind": r["kind"], "x": r["x"],
                           "price": None if r["price"] is None else "%.2f" % (r["price"] / 100)})

    # --- steps ---

    def some_rows(self, late):
        rng = self.rng
        if not late:
            self.today += rng.choice([0, 1, 1, 1, 2])
        days = [self.today] if not late else [rng.randrange(max(1, self.today))
                                              for _ in range(rng.choice([1, 2]))]
        many = not late and rng.random() < 0.03
        return [self.row(rng.choice(days)) for _ in range(9000 if many else rng.choice([1, 3, 20, 60]))]

    def write(self, rows):
        with open(self.d + "/new.jsonl", "w") as f:
            f.writelines(self.as_json(r) + "\n" for r in rows)

    def append(self, late=False):
        rows = self.some_rows(late)
        self.write(rows)
        self.sh("pf-partition -S t.yaml -T t new.jsonl | pf-pack -qq > new.arrows;"
                "pf-put -q --append --restart %s new.arrows" % self.t)
        self.keep(rows)
        self.note()

    def append_u(self):
        rows = self.some_rows(self.rng.random() < 0.4)
        self.write(rows)
        self.sh("pf-partition -S u.yaml new.jsonl | pf-pack -qq > new.arrows; pf-put -q --append --restart u new.arrows")
        self.rows_u += rows
        if self.rng.random() < 0.2:
            self.sh("pf-put -q --compact --full u")

    def stage(self):
        if self.forgotten: # nobody could say that nothing of it is in the table
            return
        rows = self.some_rows(self.rng.random() < 0.3)
        self.write(rows)
        self.sh("pf-stage append -q -S t.yaml s - < new.jsonl")
        self.staged += rows
        self.insert("staged", rows)

    def load(self):
        """What is staged goes into the table."""
        if not self.staged:
            return
        self.sh("pf-stage read s --after %s | pf-partition | pf-pack -qq | pf-put -q %s" % (self.t, self.t))
        self.con.execute("delete from staged")
        self.keep(self.staged)
        self.staged = []
        self.history = {}
        self.note()
        self.floor = self.newest()

    def rollback(self):
        ids = [i for i in self.history if i != self.newest() and
               os.path.exists("%s/%s/snapshot/snapshot-%d" % (self.d, self.t, i))]
        if ids:
            to = self.rng.choice(sorted(ids)[-4:])
            self.sh("pf-put -q --rollback %d %s" % (to, self.t))
            self.history = {i: r for i, r in self.history.items() if i <= to}
            self.replace(self.history[to])

    def alter(self):
        """A column more; the states do not ask for it."""
        self.extra += 1
        with open(self.d + "/t.yaml", "a") as f:
            f.write("  extra%d: string\n" % self.extra)
        self.sh("pf-put -q --alter t.yaml %s" % self.t)

    def compact(self):
        self.sh("pf-put -q --compact %s %s" % (self.rng.choice(["", "--full"]), self.t))
        self.note()

    def overwrite(self, drop):
        """Another engine replaces what a partition holds."""
        parts = sorted({self.part(r) for r in self.rows})
        if not parts or (self.partition == "none" and drop):
            return
        part = self.rng.choice(parts)
        old = [r for r in self.rows if self.part(r) == part]
        new = [] if drop else [r for r in old if self.rng.random() < 0.7] + \
            [dict(self.rng.choice(old), id=self.row(0)["id"])]
        catalog = pypaimon.CatalogFactory.create({"warehouse": self.d + "/wh"})
        table = catalog.get_table("default.t")
        builder = table.new_batch_write_builder()
        builder.overwrite({"dt": part} if self.partition != "none" else {})
        ids = {"int": pa.int32(), "bigint": pa.int64(), "string": pa.string()}[self.id_type]
        schema = [("id", ids), ("ts", pa.timestamp("ms")), ("other", pa.timestamp("ms")),
                  ("kind", pa.string()), ("price", pa.decimal128(10, 2)), ("x", pa.float64())]
        schema += [("extra%d" % (i + 1), pa.string()) for i in range(self.extra)]
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
            write.write_arrow(pa.table({n: pa.array([r.get(n) for r in data], t) for n, t in schema},
                                       schema=pa.schema([pa.field(n, t, nullable=n not in ("id", "ts", "dt"))
                                                         for n, t in schema])))
            commit.commit(write.prepare_commit())
        write.close()
        commit.close()
        self.replace([r for r in self.rows if self.part(r) != part] + new)
        self.note()

    def expire(self):
        """Old snapshots go, as any engine's expiry does it: newest first stays."""
        snaps = self.d + "/" + self.t + "/snapshot"
        ids = sorted(int(n.split("-")[1]) for n in os.listdir(snaps) if n.startswith("snapshot-"))
        if self.staged and not self.floor:
            return
        self.forgotten = not self.floor
        first = self.floor or ids[-1]
        for i in ids:
            if i < first: # not what says which rows were loaded
                os.remove("%s/snapshot-%d" % (snaps, i))
        with open(snaps + "/EARLIEST", "w") as f:
            f.write(str(first))

    def ask(self, crash=False):
        rng = self.rng
        name, keys, aggs, sql, time, key = rng.choice(SHAPES)
        operands = self.t
        if name == "both":
            operands = rng.choice(["u t", "t u"])
            if not self.rows_u:
                return
        elif self.staged and rng.random() < 0.5:
            operands += " s"
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
        wide = rng.random() < 0.35
        question = "%s %s %s %s" % (" ".join("-W " + w for w in windows), keys, end, "--wide" * wide)
        memory = rng.choice(["", "", "--memory 1Mi"])
        inc = "pf-window -O tsv -s state-%s --allow-missing %s %s %s %s" % (
            name, question, memory, aggs, operands)
        if rng.random() < 0.1 and os.path.exists(self.d + "/state-%s" % name):
            p = self.sh(inc + " --late fail", check=False)
            if p.returncode not in (0, 2, 3) or (p.returncode and p.stdout):
                raise RuntimeError("%s --late fail: exit %d\n%s" % (inc, p.returncode, p.stderr.decode()))
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
        full = "pf-window -O tsv %s %s %s %s" % (rng.choice([memory, ""]), question, aggs, operands)
        want = self.sh(full).stdout
        if p.stdout != want:
            raise RuntimeError("%s\nis not what a recompute gives\n%s" % (
                inc, first_difference(p.stdout, want)))
        if crash and p.returncode == 0:
            with open(self.d + "/cut.tsv", "rb") as f:
                cut = f.read()
            if cut and cut != p.stdout:
                raise RuntimeError("%s\ngave other bytes before it was killed" % inc)
        if wide:
            if "--from" not in end:
                self.compare_wide(p.stdout.decode(), full, windows, inc)
        elif sql:
            self.compare(p.stdout.decode(), sql, time, key, sql.count("::varchar") + (name in ("extremes", "hours")), inc,
                         operands.endswith(" s"))
        self.checked += 1

    def revise(self):
        """Windows that were given out and are not what they were, are given again."""
        out = self.sh("pf-window -O tsv -s state-revise --allow-missing --revise -W 3d -g id count sum:price %s" % self.t)
        now = {}
        for line in out.stdout.decode().splitlines()[1:]:
            key, a, b, count, total = line.split("\t")
            now.setdefault((a, b), set()).add((key, count, total))
        def truth(bounds):
            return {tuple(text_of(v) for v in r) for r in self.con.execute(
                "select id::varchar, count(*)::varchar, sum(price)::varchar from t where ts >= ? and ts < ? group by id",
                [datetime.fromisoformat(v) for v in bounds]).fetchall()}
        for bounds in list(self.given)[-8:]:
            if not truth(bounds): # which has no line to be seen by
                self.given[bounds] = set()
            elif bounds not in now and self.given[bounds] != truth(bounds):
                raise RuntimeError("--revise leaves out %s, which changed" % (bounds,))
        for bounds, rows in now.items():
            if rows != truth(bounds):
                raise RuntimeError("--revise: %s is %s, not %s" % (bounds, sorted(rows), sorted(truth(bounds))))
        asked = list(now)[-1:]  # behind those that were given out again
        for bounds, rows in now.items():
            if bounds in self.given or bounds in asked:
                self.given[bounds] = rows
        if now and len(self.given) > 8:
            self.given = dict(list(self.given.items())[-8:])
        self.checked += 1

    def merge(self):
        """States of the days, stored, merged and finished elsewhere."""
        end = START + timedelta(days=rng_day(self.rng, self.today))
        to = end.date().isoformat()
        first = (end - timedelta(days=4)).date().isoformat()
        days = "pf-window -O arrow -s state-merge --allow-missing --state-out -W 1d --from %s --end %s -g id " \
            "n=count total=sum:price sd=stddev:x k=distinct:kind h=hll:ts:8 %s > days.arrow" % (first, to, self.t)
        self.sh(days)
        got = self.sh("pf-window -O tsv -W 5d --end %s -g id merge:n merge:total merge:sd merge:k merge:h days.arrow" % to).stdout
        want = self.sh("pf-window -O tsv -W 5d --end %s -g id n=count total=sum:price sd=stddev:x k=distinct:kind h=hll:ts:8 %s" % (
            to, self.t)).stdout
        if got.split(b"\n", 1)[1] != want.split(b"\n", 1)[1]:
            raise RuntimeError("merged states: " + first_difference(got, want))
        self.checked += 1

    def changes(self, wide):
        """Rows taken back and put in since the last time give the answer of now."""
        question = "-O tsv -g id %s count sum:price max:kind %s" % (
            "--wide -W 5d -W 2d -W month" if wide else "-W 5d", self.t)
        bounds = 1 if wide else 2
        view = self.view[wide]
        p = self.sh("pf-window -s state-changes%s --changes --allow-missing %s" % ("-wide" * wide, question))
        for line in p.stdout.decode().splitlines()[1:]:
            sign, key, rest = line.split("\t", 2)
            values = rest.split("\t")[bounds:]
            if sign == "-":
                if view.pop(key) != values:
                    raise RuntimeError("--changes takes back what was not there: " + line)
            elif key in view:
                raise RuntimeError("--changes adds what is there: " + line)
            else:
                view[key] = values
        want = {}
        for line in self.sh("pf-window " + question).stdout.decode().splitlines()[1:]:
            key, values = line.split("\t", 1)
            want[key] = values.split("\t")[bounds:]
        if view != want:
            raise RuntimeError("the changes come to %s, a recompute to %s" % (
                sorted(view.items())[:3], sorted(want.items())[:3]))
        self.checked += 1

    def verify(self):
        for name, keys, aggs, _, _, _ in SHAPES:
            if name != "hours" and os.path.exists("%s/state-%s/state.json" % (self.d, name)):
                self.sh("pf-window -s state-%s --verify 1 --allow-missing -W 3d %s %s %s" % (
                    name, keys, aggs, "t u" if name == "both" else self.t))

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

    def compare(self, text, sql, time, key, naggs, inc, flight):
        lines = [l.split("\t") for l in text.splitlines()]
        head = lines[0] if lines else []
        got = {}
        for l in lines[1:]:
            bounds = (l[head.index("window_start")], l[head.index("window_end")])
            got.setdefault(bounds, set()).add(tuple(([l[0]] if key else []) + (
                l[1:2] if "," in key else []) + l[-naggs + ("," in key):]))
        by = KEYS.get(key, key)
        for (a, b), rows in got.items():
            q = "select %s %s from %s where %s >= ? and %s < ? %s" % (
                by.split(",")[0] + "::varchar," if key in ("id", "kind", "kind,price") else by + "," if key else "", sql,
                "(from t union all from staged)" if flight else "t", time, time, "group by " + by if key else "")
            want = {tuple(text_of(v) for v in r) for r in self.con.execute(
                q, [datetime.fromisoformat(a), datetime.fromisoformat(b)]).fetchall()}
            if rows != want:
                raise RuntimeError("%s\nDuckDB differs in %s to %s: ours %s, DuckDB %s" % (
                    inc, a, b, sorted(rows - want)[:3], sorted(want - rows)[:3]))

    def compare_wide(self, text, full, windows, inc):
        """A key has in a window what it has in that window alone, or what no rows give."""
        lines = [l.split("\t") for l in text.splitlines()]
        nvalues = (len(lines[0]) - lines[0].index("window_end") - 1) // len(windows) if lines else 0
        nkeys = len(lines[0]) - len(windows) * nvalues - 1 if lines else 0
        rows = {tuple(l[:nkeys]): l[nkeys + 1:] for l in lines[1:]}
        if len(rows) != len(lines[1:]):
            raise RuntimeError(inc + "\ngives a key twice")
        seen, none = set(), set()
        if rows and "--end" not in full: # where it is depends on all lengths
            full = full.replace("--wide", "--wide --end " + lines[1][nkeys])
        for i, w in enumerate(windows):
            alone = [l.split("\t") for l in self.sh(full.replace("--wide", "", 1).replace(
                " ".join("-W " + w for w in windows), "-W " + w)).stdout.decode().splitlines()[1:]]
            want = {tuple(l[:nkeys]): l[nkeys + 2:] for l in alone}
            seen |= set(want)
            for key, values in rows.items():
                got = values[i * nvalues:(i + 1) * nvalues]
                if key not in want:
                    none.add(tuple(got))
                elif got != want[key]:
                    raise RuntimeError("%s\nhas for %s in %s: %s, alone it is %s" % (inc, key, w, got, want[key]))
        if seen != set(rows) or len(none) > 1 or any(v not in ("", "0", "{}") for r in none for v in r):
            raise RuntimeError("%s\nkeys %s against %s, of no rows: %s" % (
                inc, sorted(rows)[:3], sorted(seen)[:3], none))

    def step(self):
        steps = [("append", 22, self.append), ("late", 12, lambda: self.append(True)),
                 ("compact", 4, self.compact), ("overwrite", 2, lambda: self.overwrite(False)),
                 ("drop", 1, lambda: self.overwrite(True)), ("expire", 2, self.expire),
                 ("ask", 42, self.ask), ("crash", 7, lambda: self.ask(True)),
                 ("changes", 4, lambda: self.changes(False)), ("changes_wide", 4, lambda: self.changes(True)),
                 ("days", 3, self.days),
                 ("verify", 1, self.verify), ("append_u", 6, self.append_u), ("stage", 5, self.stage),
                 ("load", 4, self.load), ("rollback", 2, self.rollback), ("alter", 1, self.alter),
                 ("revise", 4, self.revise), ("merge", 2, self.merge)]
        name = self.rng.choices([s[0] for s in steps], [s[1] for s in steps])[0]
        if not self.rows and name not in ("append_u", "stage"):
            name = "append"
        self.log.append(name)
        self.steps += 1
        dict((s[0], s[2]) for s in steps)[name]()


def rng_day(rng, today):
    return rng.randrange(max(1, today - 10), today + 2)


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
    print("1..1\n%sok 1 L20: %d random steps, %d answers are those of a recompute and of DuckDB" % (
        "not " * (failed > 0), done, checked))
    return failed > 0


sys.exit(main())
