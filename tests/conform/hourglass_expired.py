#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hourglass_expired.py: scenarios of Hourglass's study in which another engine
changes what was counted already: L8, L9 (days expire at the source), L11 (a day
is rewritten, or dropped), and L14 (sums of doubles over 400 windows).

pypaimon drops the partitions and overwrites the days; what pf-window says with
its state is compared with what it says without one, and with the truth.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
from datetime import date, timedelta

try:
    import pyarrow as pa
    from pypaimon import CatalogFactory
except ImportError:
    print("1..0 # SKIP pypaimon is missing")
    sys.exit(1 if os.environ.get("CI") == "true" else 0)

BUILD = os.path.abspath(os.environ.get("PF_BUILD", "build"))
TABLE = "wh/default.db/t"
YAML = """table: t
id: id
time: ts
zone: UTC
partition: day
buckets: 2
columns:
  id: bigint not null
  ts: timestamp(3) not null
  v: double
"""
n = failed = 0


def check(name, got, want):
    global n, failed
    n += 1
    if got != want:
        failed += 1
        print(f"# got  {str(got)[:400]}\n# want {str(want)[:400]}")
    print(f"{'ok' if got == want else 'not ok'} {n} {name}")


def sh(line, status=0):
    p = subprocess.run(["bash", "-o", "pipefail", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert p.returncode == status, (line, p.returncode, p.stderr)
    return p.stdout if not status else p.stderr


def new_table():
    sh("rm -rf wh state")
    with open("t.yaml", "w") as f:
        f.write(YAML)
    sh(f"pf-put -q --create t.yaml {TABLE}")


def load(rows):
    with open("rows.jsonl", "w") as f:
        for day, key, v in rows:
            f.write(json.dumps({"id": key, "ts": f"{day}T12:00:00", "v": v}) + "\n")
    sh(f"pf-partition -I jsonl -S t.yaml rows.jsonl | pf-pack -qq | pf-put -q --append {TABLE}")


def day(d):
    return f"2013-03-{d:02d}"


def ten(*days):
    for d in days:
        load([(day(d), 1, 1.0)] * 10)


def counts(options, state="-s state"):
    rows = sh(f"pf-window -q -O tsv {state} {options} -g id count {TABLE}").splitlines()[1:]
    return [tuple(r.split("\t")) for r in rows]


def both(options):
    """With the state and without: the same rows, given once."""
    one, two = counts(options), counts(options.replace("--allow-missing", ""), "")
    assert one == two, (options, one, two)
    return one


def paimon():
    return CatalogFactory.create({"warehouse": "wh"}).get_table("default.t")


def drop(*days):
    commit = paimon().new_batch_write_builder().new_commit()
    commit.truncate_partitions([{"dt": day(d)} for d in days])
    commit.close()


def overwrite(d, keys):
    table = paimon()
    b = table.new_batch_write_builder().overwrite({"dt": day(d)})
    w, c = b.new_write(), b.new_commit()
    at = (date(2013, 3, d) - date(1970, 1, 1)).days * 86400000
    names = table.field_names if hasattr(table, "field_names") else [f.name for f in table.fields]
    columns = {"id": pa.array(keys, pa.int64()), "ts": pa.array([at + i for i in range(len(keys))], pa.timestamp("ms")),
               "v": pa.array([1.0] * len(keys), pa.float64()), "dt": pa.array([day(d)] * len(keys), pa.string())}
    schema = pa.schema([pa.field(m, columns[m].type, nullable=m == "v" or m == "dt") for m in names])
    w.write_arrow(pa.table([columns[m] for m in names], schema=schema))
    c.commit(w.prepare_commit())
    w.close()
    c.close()


def expired():
    new_table()
    ten(*range(1, 11))
    check("L8 (S) ten days from a fixed start", both("-W since=2013-03-01"), [("1", day(1), day(11), "100")])
    sh("cp -r state kept")
    drop(*range(1, 10))
    ten(11)
    check("L8 (S) days that expired stay counted where that is the policy",
          counts("-W since=2013-03-01 --keep-dropped", "-s kept"), [("1", day(1), day(12), "110")])
    said = sh(f"pf-window -q -s state -W since=2013-03-01 -g id count {TABLE}", 3)
    check("L8 (S) days that expired are named, not left out in silence", day(1) in said, True)
    check("L8 (S) and left out when that is wanted", both("-W since=2013-03-01 --allow-missing"),
          [("1", day(1), day(12), "20")])
    check("L9 (T) a window of what is there goes on", both(f"-W since={day(10)}"), [("1", day(10), day(12), "20")])
    ten(12)
    check("L9 (T) and the next day, too", both("-W 3d"), [("1", day(10), day(13), "30")])


def changed():
    new_table()
    ten(1, 2, 3, 4, 5)
    check("L11 before", both("-W 5d"), [("1", day(1), day(6), "50")])
    overwrite(2, [1, 1, 1, 2])
    check("L11 a day is rewritten", both("-W 5d"), [("1", day(1), day(6), "43"), ("2", day(1), day(6), "1")])
    ten(6)
    check("L11 the rewritten day in the next window", both("-W 5d"),
          [("1", day(2), day(7), "43"), ("2", day(2), day(7), "1")])
    ten(7)
    check("L11 and it leaves as it is now", both("-W 5d"), [("1", day(3), day(8), "50")])
    overwrite(4, [1] * 25)
    drop(5)
    check("L11 rewritten and dropped at once", both("-W 5d --allow-missing"), [("1", day(3), day(8), "55")])
    overwrite(5, [1] * 10)
    check("L11 dropped, and there again", both("-W 5d"), [("1", day(3), day(8), "65")])


def doubles():
    """L14: 1e16 and 1 mixed, a window of 7 days over 400 days."""
    new_table()
    start, values = date(2012, 1, 1), []
    for k in range(407):
        values.append([1e16 if k % 3 == 0 else 1.0, 1.0, -1e16 if k % 5 == 0 else 0.1])
    for first in range(0, 407, 40):
        load([(start + timedelta(days=k), 1, v) for k in range(first, min(first + 40, 407)) for v in values[k]])
        end = start + timedelta(days=min(first + 40, 407))
        begin = start + timedelta(days=max(first, 6) + 1)
        line = f"-O jsonl --from {begin} --end {end} -W 7d s=sum:v {TABLE}"
        got = [json.loads(r)["s"] for r in sh(f"pf-window -q -s state {line}").splitlines()]
        want = [math.fsum(v for d in values[k - 6:k + 1] for v in d) for k in range(max(first, 6), min(first + 40, 407))]
        if got != want:
            check(f"L14 windows from day {first}", got, want)
            return
    check("L14 400 windows of doubles are exact, to the last bit", True, True)


def main():
    os.environ["PATH"] = BUILD + ":" + os.environ["PATH"]
    os.environ["TZ"] = "UTC0"
    with tempfile.TemporaryDirectory(prefix="pf-hourglass-") as scratch:
        os.chdir(scratch)
        expired()
        changed()
        doubles()
        os.chdir("/")
    print(f"1..{n}")
    return failed > 0


sys.exit(main())
