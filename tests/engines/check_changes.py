#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_changes.py [VERSION...]: what changed between two snapshots, asked of us and
of Paimon Java (incremental-between, scan mode diff, of the audit log). Tables of
every merge engine are made and written by it, compacted by it and by us in
between; for each pair of snapshots both tell the same keys, with the same rows.
After each commit windows from a state are those of a recompute.

Paimon gives a row that was updated as it is, not as it was; one of which nothing
but the kind of its last version differs; and deletes of keys that were not there,
with what the delete says, not the row.
Files that both snapshots have it leaves out on both sides, so that what it merges
lacks older versions: of engines that make a row of several, only pairs without
such files are compared, of the others all.
PF_SEED and PF_STEPS choose the history. Prints TAP.
"""
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "conform"))
from _keyed_model import sh
from engines import EngineError, Java, installed, text

seed, steps = int(os.environ.get("PF_SEED", "5")), int(os.environ.get("PF_STEPS", "7"))
COMPACT = {"commit.force-compact": "true", "num-sorted-run.compaction-trigger": "1"}
COLUMNS = ["id", "INT NOT NULL", "event", "STRING", "n", "BIGINT", "d", "DOUBLE", "ts", "TIMESTAMP(3)"]
TABLES = [
    ("dedup", "", ["+I", "+U", "-D"]),
    ("descending", "sequence.field=n\nsequence.field.sort-order=descending", ["+I", "+U"]),
    ("partial", "merge-engine=partial-update", ["+I", "+U"]),
    ("sums", "merge-engine=aggregation\nfields.n.aggregate-function=sum\n"
     "fields.event.aggregate-function=last_value\nfields.d.aggregate-function=sum", ["+I", "-D"]),
    ("first-row", "merge-engine=first-row", ["+I"]),
    ("vectors", "deletion-vectors.enabled=true", ["+I", "+U", "-D"]),
    ("thin", "data-file.thin-mode=true", ["+I", "+U", "-D"]),
]


WHOLE = ("dedup", "thin")  # a row is one version


def cells(row):
    row["ts"] = row["ts"] and text(datetime.datetime.fromisoformat(row["ts"]))
    row["d"] = text(None if row["d"] is None else float(row["d"]))
    return tuple(row[c] if c == "d" else text(row[c]) for c in COLUMNS[::2])


def ours(table, options):
    for line in sh(f"pf-query -O jsonl {options} {table}").splitlines():
        row = json.loads(line)
        yield row.pop("_VALUE_KIND", "+I"), cells(row)


def files_of(table, snapshot):
    return {f["file"]: f["level"] for f in map(json.loads, sh(
        f"pf-query -q -O jsonl --files --snapshot {snapshot} {table}").splitlines())}


def check(java, folder, name, options, kinds):
    r = random.Random(seed)
    table = f"{folder}/wh/default.db/{name}"
    java.ask("create", table, "primary-key=id\nbucket=2\n" + options, "", *COLUMNS)
    for commit in range(steps):
        for _ in range(r.choice([1, 6, 30])):
            row = [r.randrange(-12, 12), r.choice(["a", "b", "ä", None]),
                   r.choice([None, r.randrange(-5, 5)]), r.choice([None, 0.5, -2.0]),
                   datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=r.randrange(60))]
            java.ask("change", table, r.choice(kinds),
                     *[v if v is None or isinstance(v, str) else text(v) for v in row])
        how = COMPACT if commit % 3 == 1 else {"write-only": "true"}
        java.ask("commit", table, *[x for o in how.items() for x in o])
        if commit % 3 == 2: # refused by name where it would not be right
            subprocess.run(["pf-put", "-q", "--compact", "--full", table], capture_output=True)
        ask = "-O tsv -t ts -W 4d --end 2024-01-05 -g event count max:n sum:d " + table
        got = sh(f"pf-window -qq -s {table}.state --allow-missing " + ask)
        assert got == sh("pf-window -qq " + ask), f"{name}, commit {commit}: windows with a state"
    with open(f"{table}/snapshot/LATEST") as f:
        last = int(f.read())
    pairs = changed = 0
    states = {i: {row for _, row in ours(table, f"--snapshot {i}")} for i in range(1, last + 1)}
    files = {i: files_of(table, i) for i in states}
    hidden = name in ("first-row", "vectors")  # level 0 is not seen by readers
    for a in range(1, last):
        for b in range(a + 1, last + 1):
            if name not in WHOLE and (files[a].keys() & files[b].keys() or hidden and
                                      0 in [*files[a].values(), *files[b].values()]):
                continue
            names, *rows = java.ask("changes", table, str(a), str(b))
            told = [(k, row) for k, row in ours(table, f"--between {a} {b} --changelog")]
            old = {row[0]: row for row in states[a]}
            assert all(old[row[0]] == row for k, row in told if k in ("-U", "-D")), \
                f"{name}, {a} to {b}: rows as they were"
            got = {(k, row[:1]) if k == "-D" else ("+", row) for k, row in told if k != "-U"}
            want = {("-D", (x[1],)) if x[0] == "-D" else ("+", tuple(x[1:])) for x in rows}
            want = {x for x in want if (x[1][0] in old if x[0] == "-D" else x[1] not in states[a])}
            assert got == want, f"{name}, {a} to {b}: ours {sorted(got - want)}, Paimon {sorted(want - got)}"
            pairs += 1
            changed += len(got)
    assert hidden or changed > pairs > 0, f"{name}: nothing changes"
    return pairs


def main():
    versions = sys.argv[1:] or [v for v in ("paimon-1.2.0", "paimon-2.0.0") if installed(v)]
    if not versions:
        print("1..0 # SKIP Paimon Java is not installed (make engines)")
        return 0
    print(f"1..{len(versions) * len(TABLES)}")
    n = failed = 0
    for v in versions:
        folder = tempfile.mkdtemp(prefix="pf-changes-")
        java = Java(v, folder=folder)
        for spec in TABLES:
            n += 1
            try:
                pairs = check(java, folder, *spec)
                print(f"ok {n} {v}: {spec[0]}, {pairs} pairs of snapshots", flush=True)
            except (AssertionError, EngineError) as e:
                failed += 1
                print(f"not ok {n} {v}: {spec[0]}, PF_SEED={seed}\n# " + str(e).replace("\n", "\n# "),
                      flush=True)
        java.stop()
        shutil.rmtree(folder)
    return failed > 0


sys.exit(main())
