# SPDX-License-Identifier: Apache-2.0
"""Tables with a primary key, and what they must hold: definitions, random
versions of rows, and the rules of deduplication in a dictionary. Shared by
keyed_random.py and tests/engines/check_keyed.py; report() by all of these."""
import datetime
import json
import subprocess
import tempfile

EPOCH = datetime.datetime(2024, 1, 1)
WORDS = ["a", "b", "z", "", "ä", "é" * 9, "\U0001f40b", "ÿ", "a long common prefix of two 1",
         "a long common prefix of two 2"]

# name, definition, how to make a key, key columns
TABLES = [
    ("plain", """
primary_key: [user_id]
time: ts
partition: none
buckets: 3
row_kind: op
columns:
  user_id: bigint
  event: string
  n: int
  ts: timestamp(3)
""", lambda r: {"user_id": r.randrange(-30, 30)}, ["user_id"], None),
    ("text", """
primary_key: [name, part]
id: name
time: ts
partition: none
buckets: 2
sequence: n
row_kind: op
columns:
  event: string
  part: smallint
  name: string
  n: int
  ts: timestamp(3)
""", lambda r: {"name": r.choice(WORDS), "part": r.randrange(-2, 2)}, ["name", "part"], "n"),
    ("days", """
primary_key: [dt, user_id]
time: ts
partition: day
buckets: 2
row_kind: op
columns:
  user_id: int
  event: string
  n: int
  ts: timestamp(3)
""", lambda r: {"user_id": r.randrange(-9, 9)}, ["dt", "user_id"], None),
]


def sh(command, **kw):
    p = subprocess.run(["bash", "-c", "set -o pipefail; " + command], capture_output=True,
                       text=True, **kw)
    if p.returncode:
        raise AssertionError(f"{command}\nexit {p.returncode}\n{p.stderr}")
    return p.stdout


def version(r, key):
    ts = EPOCH + datetime.timedelta(hours=r.randrange(0, 60))
    row = {"op": r.choice(["+I", "+U", "+U", "-U", "-D"]), "event": r.choice(WORDS + [None]),
           "n": r.choice([None, r.randrange(-50, 50)]), "ts": ts.isoformat(), **key}
    return row


def apply(model, row, columns, sequence):
    """The rules of deduplication: the newest version stays, deletes too."""
    dt = row["ts"][:10]
    key = tuple(dt if c == "dt" else row[c] for c in columns)
    old = model.get(key)
    if old and sequence:
        a, b = old[sequence], row[sequence]
        if a is not None and (b is None or b < a):
            return
    model[key] = row


def live(model):
    return sorted(json.dumps([row[c] for c in sorted(row) if c != "op"], ensure_ascii=False)
                  for row in model.values() if row["op"] in ("+I", "+U"))


def query(table, options=""):
    out = sh(f"pf-query -O jsonl {options} {table}")
    rows = [json.loads(x) for x in out.splitlines()]
    for row in rows:
        row.pop("dt", None)
        row["ts"] = row["ts"][:19]
    return sorted(json.dumps([row[c] for c in sorted(row)], ensure_ascii=False) for row in rows)


def report(jobs, more=0):
    """Of (name, what to do in a folder): a line of TAP each; more lines follow.
    True: one of them failed."""
    failed = False
    print(f"1..{len(jobs) + more}")
    for i, (name, do) in enumerate(jobs, 1):
        with tempfile.TemporaryDirectory(prefix="pf-keyed-") as folder:
            try:
                do(folder)
                print(f"ok {i} {name}", flush=True)
            except AssertionError as e:
                failed = True
                print(f"not ok {i} {name}\n# " + str(e).replace("\n", "\n# "), flush=True)
    return failed
