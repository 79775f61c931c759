#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""window_duckdb.py: pf-window against DuckDB, on rows that are loaded in part.

Random rows, some in the table and the rest in the stage; every kind of
window, with keys and aggregates; DuckDB computes the same from the rows as
they were made.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta

try:
    import duckdb
except ImportError:
    print("1..0 # SKIP duckdb is missing")
    sys.exit(1 if os.environ.get("CI") == "true" else 0)

BUILD = os.environ.get("PF_BUILD", "build")
YAML = """table: t
id: id
time: ts
zone: UTC
partition: month
buckets: 2
columns:
  id: int not null
  ts: timestamp(3) not null
  kind: string
  price: decimal(10,2)
  n: bigint
"""


def sh(line, cwd):
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=cwd, check=True,
                          stdout=subprocess.PIPE,
                          env=dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"])).stdout.decode()


def main():
    global BUILD
    BUILD = os.path.abspath(BUILD)
    rng = random.Random(5)
    failed = done = 0
    with tempfile.TemporaryDirectory(prefix="pf-window.") as d:
        start = datetime(2024, 1, 1)
        rows = []
        for _ in range(20000):
            ts = start + timedelta(milliseconds=rng.randrange(120 * 86400 * 1000))
            rows.append({"id": rng.randrange(300), "ts": ts.isoformat(timespec="milliseconds"),
                         "kind": rng.choice(["a", "b", None]),
                         "price": rng.choice([None, "%.2f" % (rng.randrange(-10**6, 10**6) / 100)]),
                         "n": rng.choice([None, rng.randrange(-2**40, 2**40)])})
        with open(d + "/rows.jsonl", "w") as f:
            for r in rows:
                f.write(json.dumps(r) + "\n")
        with open(d + "/t.yaml", "w") as f:
            f.write(YAML)
        sh("pf-put -q --create t.yaml t; pf-stage append -q -S t.yaml s rows.jsonl;"
           "pf-stage read s --after t -n 13000 | pf-partition | pf-pack -qq | pf-put -q t", d)
        con = duckdb.connect()
        con.execute("create table t as select id::int id, ts::timestamp ts, kind, "
                    "price::decimal(10,2) price, n::bigint n from read_json_auto('%s')" % (d + "/rows.jsonl"))
        newest = max(datetime.fromisoformat(r["ts"]) for r in rows)
        midnight = newest.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        for keys in ("id", "kind", "id,kind", ""):
            for window in ("30d", "7d", "36h", "since=2024-02-29", "since=2024-03-01T12:30:00.5"):
                for end in (None, "2024-03-31", "2024-03-15T06:00:00.250"):
                    hour = newest.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
                    to = datetime.fromisoformat(end) if end else hour if window == "36h" else midnight
                    since = datetime.fromisoformat(window[6:]) if window[0] == "s" else \
                        to - timedelta(hours=int(window[:-1]) * (24 if window[-1] == "d" else 1))
                    line = "pf-window -O jsonl -W %s %s %s count sum:price min:n max:ts t s" % (
                        window, "-g " + keys if keys else "", "--end " + end if end else "")
                    got = sorted(json.dumps([json.loads(r)[c] for c in
                                             [k for k in keys.split(",") if k] +
                                             ["count", "sum(price)", "min(n)", "max(ts)"]], default=str)
                                 for r in sh(line, d).splitlines())
                    want = con.execute(
                        "select %s count(*), sum(price)::double, min(n), "
                        "strftime(max(ts), '%%Y-%%m-%%dT%%H:%%M:%%S.%%g') from t where ts >= ? and ts < ? %s"
                        % (keys + "," if keys else "", "group by " + keys if keys else "having count(*) > 0"),
                        [since, to]).fetchall()
                    done += 1
                    if got != sorted(json.dumps(list(r), default=str) for r in want):
                        failed += 1
                        print("not ok - %s\n# %s\n# DuckDB: %s" % (line, got[:2], want[:2]))
    print("1..1\n%sok 1 %d windows are DuckDB's" % ("not " * (failed > 0), done))
    return failed > 0


sys.exit(main())
