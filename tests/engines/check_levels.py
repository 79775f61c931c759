#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_levels.py [VERSION...] [CASE...]: compaction of tables with a primary key beside Paimon
Java's own. A random history of loads (large and small, updates and deletes, ranges of
keys that overlap and such that do not); now and then the table is copied, Java
compacts the one by its rules, or fully, and we the other. Both must then have levels of
the same rows, keys and deletes, have kept and moved the same files, read the same by us
and by Java, and `pf-query --files` must say of each file what Java's own $files table
says; where the files of a level are cut is everybody's own. The history goes on with
either. Prints TAP.

Releases up to 2.0.0 stop at the first older run that is larger also within level 0, and
then, since that is not written to, take all of it and the next level. Paimon's master
takes level 0 whole, without the next level, and so do we; where the two rules differ,
levels are not compared.
"""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
from engines import EngineError, Java, installed

seed, steps = int(os.environ.get("PF_SEED", "1")), int(os.environ.get("PF_STEPS", "40"))
NEWEST, OLDEST = "paimon-2.0.0", "paimon-1.2.0"
CASES = {"as made": {}, "eager": {"num-sorted-run.compaction-trigger": "3"},
         "small files": {"target-file-size": "64 kb", "num-sorted-run.compaction-trigger": "4"},
         "by size": {"compaction.incremental-size-threshold": "40 kb"}}
YAML = """primary_key: [id]
time: ts
partition: none
buckets: 2
row_kind: op
columns:
  id: bigint
  n: int
  note: string
  ts: timestamp(3)
"""


def sh(command):
    p = subprocess.run(["bash", "-c", "set -o pipefail; " + command], capture_output=True, text=True)
    assert p.returncode == 0, f"{command}\nexit {p.returncode}\n{p.stderr}"
    return p.stdout


def ours(table, options=""):
    """Bucket, level, rows, first and last key, deletes of each file, by name."""
    out = {}
    for line in sh(f"pf-query -q --files -O tsv {options} {table}").splitlines()[1:]:
        c = line.split("\t")
        out[c[2]] = tuple(int(x) for x in (c[1], c[5], c[3], c[10], c[11], c[12]))
    return out


def theirs(java, table):
    names, *rows = java.ask("rows", table + "$files")
    out = {}
    for r in (dict(zip(names, cells)) for cells in rows):
        keys = [int(re.sub(r"[^-0-9]", "", r[k])) for k in ("min_key", "max_key")]
        out[os.path.basename(r["file_path"])] = (
            int(r["bucket"]), int(r["level"]), int(r["record_count"]), *keys, int(r["deleteRowCount"]))
    return out


def levels_of(files):
    """Rows, first and last key, deletes of each bucket's levels, of level 0 by file."""
    out = {}
    for i, (bucket, level, rows, first, last, deletes) in enumerate(sorted(files.values())):
        key = (bucket, level, i if not level else 0)
        a = out.get(key, (0, first, last, 0))
        out[key] = (a[0] + rows, min(a[1], first), max(a[2], last), a[3] + deletes)
    return sorted((k[:2], v) for k, v in out.items())


def taken(runs, trigger, master):
    """How many of the runs (level, bytes), newest first, are compacted together."""
    sizes = [b for _, b in runs]
    if len(runs) < trigger:
        return 0
    if sum(sizes[:-1]) * 100 > 200 * sizes[-1]:
        return len(runs)

    def by_ratio(n):
        begun = n > 1
        while n < len(runs) and (sum(sizes[:n]) * 1.01 >= sizes[n] or
                                 (master and begun and runs[n][0] <= 1)):
            n, begun = n + 1, True
        if n < len(runs) and runs[n][0] <= 1:  # level 0 is not written to
            n = next((i + 1 for i in range(n, len(runs)) if runs[i][0]), len(runs))
        return n if begun else 0

    return by_ratio(1) or (by_ratio(len(runs) - trigger + 1) if len(runs) > trigger else 0)


def rules_agree(table, trigger):
    runs = {}
    for line in sh(f"pf-query -q --files -O tsv {table}").splitlines()[1:]:
        c = line.split("\t")
        key = (int(c[1]), int(c[9]))
        runs[key] = (int(c[5]), runs.get(key, (0, 0))[1] + int(c[4]))
    buckets = {b: [runs[k] for k in sorted(runs) if k[0] == b] for b, _ in runs}
    return all(taken(r, trigger, True) == taken(r, trigger, False) for r in buckets.values())


def rows_of(table):
    return sorted(sh(f"pf-query -q -O tsv {table}").splitlines())


def snapshot(table):
    with open(f"{table}/snapshot/LATEST") as f:
        return int(f.read())


def load(r, folder, table, model, step):
    with open(f"{folder}/rows.csv", "w") as f:
        f.write("op,id,n,note,ts\n")
        least = r.choice([0, 0, 0, 1000 * r.randrange(20)])
        width, rows = r.choice([100, 3000, 20000]), r.choice([1, 20, 20, 300, 5000])
        kinds = ["+I", "+U", "+U", "-D"]
        if r.random() < 0.3:  # much that is new, and stands alone
            least, width, rows, kinds = 100000 * (step + 1), 20000, 9000, ["+I"]
        for _ in range(rows):
            key, kind, n = least + r.randrange(width), r.choice(kinds), r.randrange(10**9)
            f.write(f"{kind},{key},{n},{n:x},2024-01-01T00:00:00\n")
            model[key] = None if kind == "-D" else n
    sh(f"pf-partition -S {folder}/t.yaml {folder}/rows.csv | pf-pack -qq | pf-put -q --append {table}")


def history(java, folder, options, steps):
    r = random.Random(seed)
    table, copy, model = f"{folder}/wh/default.db/t", f"{folder}/wh/default.db/c", {}
    with open(f"{folder}/t.yaml", "w") as f:
        f.write(YAML)
    sh(f"pf-put -q --create {folder}/t.yaml {table}")
    with open(f"{table}/schema/schema-0") as f:
        text = f.read()
    for key, value in options.items():
        text = text.replace('"options" : {', f'"options" : {{\n    "{key}" : "{value}",')
    with open(f"{table}/schema/schema-0", "w") as f:
        f.write(text)
    trigger = int(options.get("num-sorted-run.compaction-trigger", 5))
    compared = moved = stay = 0
    levels = set()
    for step in range(steps):
        load(r, folder, table, model, step)
        if r.random() < 0.4:
            continue
        full = r.random() < 0.15
        before, agree = ours(table), full or rules_agree(table, trigger)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(table, copy)
        for _ in range(10):  # until it has nothing more to do
            at = snapshot(copy)
            java.ask("compact", copy, "full" if full else "rules")
            if snapshot(copy) == at:
                break
        sh(f"pf-put -q --compact {'--full' if full else ''} {table} && pf-put -q --verify {table}")
        a, b = ours(table), theirs(java, copy)
        what = f"step {step}, {'full' if full else 'rules'}"
        assert not agree or levels_of(a) == levels_of(b), f"{what}: from {sorted(before.values())}\n" \
            f"we make   {sorted(a.values())}\nJava makes {sorted(b.values())}"
        kept = {f: v for f, v in a.items() if f in before}
        assert not agree or kept == {f: v for f, v in b.items() if f in before}, f"{what}: other files are kept or moved"
        for t in table, copy:
            assert ours(t) == theirs(java, t), f"{what}: {ours(t)}\nJava lists {theirs(java, t)}"
            want = {k: v for k, v in model.items() if v is not None}
            got = {int(x.split("\t")[0]): int(x.split("\t")[1]) for x in rows_of(t)[:-1]}
            assert got == want, f"{what}: we read other rows of {t}"
            got = {int(x[0]): int(x[1]) for x in java.ask("rows", t)[1:]}
            assert got == want, f"{what}: Java reads other rows of {t}"
        compared += agree
        moved += sum(1 for f in kept if kept[f] != before[f])
        stay += sum(1 for f in kept if kept[f] == before[f] and kept[f][1])
        levels |= {f[1] for f in a.values()}
        if r.random() < 0.5:
            shutil.rmtree(table)
            os.rename(copy, table)
    return f"{compared} compactions compared, levels {sorted(levels)}, {moved} files moved, {stay} kept"


def main():
    named = [a for a in sys.argv[1:] if a in CASES]
    versions = [a for a in sys.argv[1:] if a not in CASES]
    # The newest has all cases, the oldest one, unless they are named, and a short one.
    cases = [(v, c) for v in versions or [NEWEST, OLDEST] if installed(v)
             for c in named or (["eager"] if v == OLDEST and not versions else CASES)]
    if not cases:
        print("1..0 # SKIP Paimon Java is not installed (make engines)")
        return 0
    print(f"1..{len(cases)}")
    failed = 0
    for n, (version, name) in enumerate(cases, 1):
        folder = tempfile.mkdtemp(prefix="pf-levels-")
        java = Java(version, folder=folder)
        try:
            said = history(java, folder, CASES[name], steps if version == NEWEST else steps // 3)
            print(f"ok {n} {version}: {name}\n# {said}", flush=True)
        except (AssertionError, EngineError) as e:
            failed += 1
            print(f"not ok {n} {version}: {name}, PF_SEED={seed}\n# " +
                  str(e)[:3000].replace("\n", "\n# "), flush=True)
        java.stop()
        shutil.rmtree(folder)
    return failed > 0


sys.exit(main())
