# SPDX-License-Identifier: Apache-2.0
"""A table with a primary key whose columns of values come, are renamed, widened
and go between loads: files of four schemas are merged to what a dictionary says, by
pf-query and by pypaimon, before and after a compaction."""
import json
import os
import random
import sys

from _keyed_model import report, sh

try:
    from pypaimon import CatalogFactory
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit()

r = random.Random(int(os.environ.get("PF_SEED", "5")))
HEAD = "primary_key: [k]\ntime: ts\npartition: none\nbuckets: 2\nmerge: {}\ncolumns:\n"
# Columns of each schema, as a definition has them: name, type, what it was called.
SCHEMAS = [
    [("k", "int", None), ("a", "int", None), ("s", "string", None), ("ts", "timestamp(0)", None)],
    [("k", "int", None), ("a", "bigint", None), ("s", "string", None), ("d", "double", None),
     ("ts", "timestamp(0)", None)],
    [("k", "int", None), ("a", "bigint", None), ("label", "string", "s"), ("d", "double", None),
     ("ts", "timestamp(0)", None)],
    [("k", "int", None), ("label", "string", None), ("d", "double", None),
     ("ts", "timestamp(0)", None), ("a", "string", None)],
]


def value(name, kind):
    if name == "k":
        return r.randrange(20)
    if name == "ts":
        return f"2024-01-01T00:00:{r.randrange(60):02d}"
    if r.random() < 0.3:
        return None
    return {"int": lambda: r.randrange(-9, 9), "bigint": lambda: r.randrange(1 << 40),
            "double": lambda: r.randrange(99) / 4,
            "string": lambda: r.choice(["x", "ä", ""])}[kind]()


def history(folder, merge):
    table, model = f"{folder}/wh/default.db/t", {}
    for n, columns in enumerate(SCHEMAS):
        names = [c[0] for c in columns]
        with open(f"{folder}/{n}.yaml", "w") as f:
            f.write(HEAD.format(merge))
            for name, kind, was in columns:
                f.write(f"  {name}: {{type: {kind}{', was: ' + was if was else ''}}}\n")
        if n:
            # A column of another type under an old name is another column.
            if n == 3:
                with open(f"{folder}/drop.yaml", "w") as f:
                    f.write(HEAD.format(merge))
                    f.writelines(f"  {name}: {kind}\n" for name, kind, _ in columns[:-1])
                sh(f"pf-put -q --alter {folder}/drop.yaml --drop {table}")
            sh(f"pf-put -q --alter {folder}/{n}.yaml {table}")
            was = {c[0]: c[2] or c[0] for c in columns}
            had = [c[0] for c in SCHEMAS[n - 1]]
            gone = {"a"} if n == 3 else set()
            model = {k: {c: row[was[c]] if was[c] in had and c not in gone else None
                         for c in names} for k, row in model.items()}
        else:
            sh(f"pf-put -q --create {folder}/{n}.yaml {table}")
        rows = [{c: value(c, kind) for c, kind, _ in columns} for _ in range(25)]
        with open(f"{folder}/{n}.jsonl", "w") as f:
            f.writelines(json.dumps(row) + "\n" for row in rows)
        sh(f"pf-stage append -q -S {folder}/{n}.yaml {folder}/stage{n} {folder}/{n}.jsonl; "
           f"pf-stage read {folder}/stage{n} --after {table} | pf-partition | pf-pack -q | "
           f"pf-put -q {table}")
        for row in rows:
            old = model.get(row["k"])
            if old and merge == "partial-update":
                row = {c: old[c] if row[c] is None else row[c] for c in names}
            model[row["k"]] = row
        check(folder, table, names, model, f"{merge}, schema {n}")
    sh(f"pf-put -q --compact --full {table}; pf-put -q --verify {table}")
    check(folder, table, names, model, f"{merge}, compacted")


def shown(rows, names):
    return sorted(json.dumps([row[c] for c in names], ensure_ascii=False) for row in rows)


def check(folder, table, names, model, what):
    want = shown(model.values(), names)
    out = sh(f"pf-query -O jsonl {table}")
    ours = [json.loads(x) for x in out.splitlines()]
    for row in ours:  # 18 is a double, too
        if row.get("d") is not None:
            row["d"] = float(row["d"])
    got = shown(ours, names)
    assert got == want, f"{what}:\n{got}\n{want}"
    theirs = CatalogFactory.create({"warehouse": f"{folder}/wh"}).get_table("default.t")
    rb = theirs.new_read_builder()
    rows = rb.new_read().to_arrow(rb.new_scan().plan().splits()).to_pylist()
    for row in rows:
        row["ts"] = row["ts"].isoformat()[:19]
    assert shown(rows, names) == want, f"{what}, pypaimon:\n{shown(rows, names)}\n{want}"


sys.exit(report([(engine, lambda folder, engine=engine: history(folder, engine))
                 for engine in ("deduplicate", "partial-update")]))
