#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""window_keyed.py [STEPS [SEED]]: windows over rows that change.

Tables with a primary key of all engines that are written here: rows come, are
updated, move from one day to another, are deleted; small runs are compacted, or
all; snapshots expire, the table is rolled back. Windows of several questions are
asked from states that follow at their own pace. Each answer must be, to the
byte, what the same program computes from the whole table, and what DuckDB
computes from the rows that pf-query reads; days that did not change are not late.
"""
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta

try:
    import duckdb
    import pyarrow as pa
except ImportError:
    print("1..0 # SKIP duckdb or pyarrow is missing")
    sys.exit(1 if os.environ.get("CI") == "true" else 0)

BUILD = os.path.abspath(os.environ.get("PF_BUILD", "build"))
ENV = dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"])
START = datetime(2024, 2, 24)
DAYS = 9
YAML = """table: t
primary_key: [%s]
time: ts
partition: %s
buckets: %d
row_kind: op
%scolumns:
  id: bigint
  shop: string
  ts: timestamp(3)
  kind: string
  price: {type: "decimal(10,2)"%s}
"""
# name, key, partition, options, how price is aggregated, row kinds
TABLES = [
    ("whole", "id", "none", "", "", ["+I", "+U", "+U", "-D"]),
    ("sequence", "id, shop", "none", "sequence: price\n", "", ["+I", "+U", "+U"]),
    ("days", "dt, id", "day", "", "", ["+I", "+U", "+U", "-D"]),
    ("sums", "id", "none", "merge: aggregation\n", ", aggregate: sum", ["+I", "+U"]),
    ("partial", "id", "none", "merge: partial-update\n", "", ["+I", "+U"]),
]
# name, keys, aggregates, their DuckDB
SHAPES = [
    ("sums", "-g kind", "count sum:price", "count(*)::varchar, sum(price)::varchar"),
    ("extremes", "-g shop", "count max:price distinct:id min:kind",
     "count(*)::varchar, max(price)::varchar, count(distinct id)::varchar, min(kind)"),
    ("some", "-g id -w \"kind = 'a'\"", "count last:price",
     None),
    ("all", "", "count avg:price days", None),
]
WINDOWS = ["1d", "2d", "3d", "5d", "week", "since=2024-02-25", "tumble=2d"]


class Run:
    def __init__(self, folder, seed):
        self.d, self.rng = folder, random.Random(seed)
        r = self.rng
        self.spec = TABLES[seed % len(TABLES)]
        self.name, key, self.partition, options, price, self.kinds = self.spec
        self.t, self.n, self.log, self.checked = "wh/default.db/t", 0, [], 0
        self.view = {}
        with open(f"{folder}/t.yaml", "w") as f:
            f.write(YAML % (key, self.partition, r.choice([1, 2, 3]), options, price))
        self.sh(f"pf-put -q --create t.yaml {self.t}")

    def sh(self, command, check=True):
        p = subprocess.run(["bash", "-c", "set -o pipefail; " + command], cwd=self.d, env=ENV,
                           capture_output=True)
        if check and p.returncode:
            raise RuntimeError("%s\nexit %d\n%s" % (command, p.returncode, p.stderr.decode()))
        return p

    def load(self, many=None):
        r = self.rng
        self.n += 1
        with open(f"{self.d}/{self.n}.jsonl", "w") as f:
            for _ in range(many or r.choice([1, 2, 10])):
                ts = START + timedelta(days=r.randrange(DAYS), hours=r.randrange(24))
                row = {"op": r.choice(self.kinds), "id": r.randrange(30), "shop": r.choice(["x", "y"]),
                       "ts": ts.isoformat(), "kind": r.choice(["a", "b", None]),
                       "price": r.choice([None, f"{r.randrange(-500, 500) / 100:.2f}"])}
                f.write(json.dumps(row) + "\n")
        self.sh(f"pf-partition -S t.yaml {self.n}.jsonl | pf-pack -q | pf-put -q --append {self.t}")

    def compact(self):
        self.sh("pf-put -q --compact %s %s" % (self.rng.choice(["", "--full"]), self.t))

    def snapshots(self):
        return sorted(int(n.split("-")[1]) for n in os.listdir(f"{self.d}/{self.t}/snapshot")
                      if n.startswith("snapshot-"))

    def expire(self):
        ids = self.snapshots()
        for i in ids[:-1]:
            os.remove(f"{self.d}/{self.t}/snapshot/snapshot-{i}")

    def rollback(self):
        ids = self.snapshots()[-3:]
        self.sh("pf-put -q --rollback %d %s" % (self.rng.choice(ids), self.t))

    def question(self):
        r = self.rng
        end = ""
        if r.random() < 0.6:
            end = "--end " + (START + timedelta(days=r.randrange(2, DAYS + 1))).date().isoformat()
        return " ".join("-W " + w for w in r.sample(WINDOWS, r.choice([1, 1, 2]))) + " " + end

    def ask(self):
        name, keys, aggs, sql = self.rng.choice(SHAPES)
        question = self.question() + " " + keys
        memory = self.rng.choice(["", "--memory 1Mi"])
        inc = f"pf-window -O tsv -s state-{name} --allow-missing {memory} {question} {aggs} {self.t}"
        p = self.sh(inc, check=False)
        want = self.sh(f"pf-window -O tsv {question} {aggs} {self.t}", check=False)
        if p.returncode == 2 and want.returncode == 2 and b"is empty" in p.stderr + want.stderr:
            return
        if p.returncode or p.stdout != want.stdout:
            raise RuntimeError("%s\nexit %d %s\nis not what a recompute gives\n%s\n%s" % (
                inc, p.returncode, p.stderr.decode(), p.stdout.decode(), want.stdout.decode()))
        if sql:
            self.compare(p.stdout.decode(), keys.split()[1], sql)
        self.checked += 1

    def compare(self, text, key, sql):
        rows = pa.ipc.open_stream(io.BytesIO(self.sh(f"pf-query -O arrow {self.t}").stdout)).read_all()
        con = duckdb.connect()
        con.register("t", rows)
        lines = [line.split("\t") for line in text.splitlines()]
        head, got = lines[0], {}
        a = head.index("window_start")
        for cells in lines[1:]:
            got.setdefault((cells[a], cells[a + 1]), set()).add((cells[0], *cells[a + 2:]))
        for (begin, end), rows in got.items():
            want = {tuple("" if v is None else str(v) for v in r) for r in con.execute(
                f"select {key}, {sql} from t where ts >= ? and ts < ? group by {key}",
                [datetime.fromisoformat(begin), datetime.fromisoformat(end)]).fetchall()}
            if rows != want:
                raise RuntimeError("DuckDB differs in %s to %s: ours %s, DuckDB %s" % (
                    begin, end, sorted(rows - want)[:3], sorted(want - rows)[:3]))

    def changes(self):
        """Rows taken back and put in since the last time give the answer of now."""
        p = self.sh("pf-window -s state-changes --changes -W since=2024-02-24 --end 2024-03-05 -O tsv "
                    f"--allow-missing -g kind count sum:price {self.t}")
        for line in p.stdout.decode().splitlines()[1:]:
            sign, key, *values = line.split("\t")
            if sign == "-" and self.view.pop(key, None) != values:
                raise RuntimeError("--changes takes back what was not there: " + line)
            if sign == "+":
                self.view[key] = values
        want = {}
        for line in self.sh("pf-window -W since=2024-02-24 --end 2024-03-05 -O tsv -g kind count sum:price "
                            + self.t).stdout.decode().splitlines()[1:]:
            key, *values = line.split("\t")
            want[key] = values
        if self.view != want:
            raise RuntimeError("the changes come to %s, a recompute to %s" % (self.view, want))
        self.checked += 1

    def late(self):
        """Days are late that are not what they were, and no others."""
        ask = f"pf-window -q -s state-late --allow-missing -W since=2024-02-24 --end 2024-03-05 count sum:price {self.t}"
        rows = "pf-query -O tsv -c ts,price --order-by ts,price,id " + self.t
        self.sh(ask)
        before = self.sh(rows).stdout.decode().splitlines()[1:]
        self.rng.choice([lambda: self.load(1), self.compact, self.expire])()
        after = self.sh(rows).stdout.decode().splitlines()[1:]
        days = lambda lines: {d: [x for x in lines if x[:10] == d] for d in {x[:10] for x in lines}}
        old, now = days(before), days(after)
        changed = {d for d in {**old, **now} if d and old.get(d) != now.get(d)}
        p = self.sh(ask.replace("-q ", "--late=fail "), check=False)
        if (p.returncode == 3) != bool(changed):
            raise RuntimeError("--late=fail: exit %d, changed are %s\n%s" % (
                p.returncode, changed, p.stderr.decode()))
        p = self.sh(ask.replace("-q ", "--late=report "))
        said = set(re.findall(r"late: (\S+) bucket", p.stderr.decode()))
        if said != changed:
            raise RuntimeError("--late=report: %s, changed are %s" % (said, changed))
        self.checked += 1

    def verify(self):
        for name, keys, aggs, _ in SHAPES:
            if os.path.exists(f"{self.d}/state-{name}/state.json"):
                self.sh(f"pf-window -s state-{name} --verify 1 --allow-missing -W 3d {keys} {aggs} {self.t}")

    def step(self):
        steps = [("load", 20, self.load), ("compact", 5, self.compact), ("expire", 2, self.expire),
                 ("rollback", 2, self.rollback), ("ask", 25, self.ask), ("changes", 5, self.changes),
                 ("late", 6, self.late), ("verify", 2, self.verify)]
        name = self.rng.choices([s[0] for s in steps], [s[1] for s in steps])[0]
        if not os.path.exists(f"{self.d}/{self.t}/snapshot/LATEST"):
            name = "load"
        self.log.append(name)
        dict((s[0], s[2]) for s in steps)[name]()


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("PF_STEPS", 50))
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20130315
    failed = 0
    print("1..%d" % len(TABLES))
    for i in range(len(TABLES)):
        with tempfile.TemporaryDirectory(prefix="pf-window.") as d:
            run = Run(d, seed + i)
            try:
                run.load(40)
                for _ in range(steps):
                    run.step()
                print("ok %d %s: %d answers" % (i + 1, run.name, run.checked), flush=True)
            except Exception as e:
                failed += 1
                print("not ok %d %s, seed %d: %s" % (i + 1, run.name, seed + i, " ".join(run.log[-12:])))
                print("# " + str(e).replace("\n", "\n# "), flush=True)
                if os.environ.get("PF_KEEP"):
                    shutil.copytree(d, os.environ["PF_KEEP"], dirs_exist_ok=True)
    return failed > 0


sys.exit(main())
