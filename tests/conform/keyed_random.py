# SPDX-License-Identifier: Apache-2.0
"""Tables with a primary key, by a model: random histories of upserts and
deletes (keys of several columns and types, late and missing sequences, rows
that are deleted and come back) are loaded commit by commit. After each, all
rows and the answers to random conditions are those of a dictionary, with and
without pruning, compacted in between, before the rows are loaded and after; so are older snapshots, and what pypaimon reads.
"""
import json
import os
import random
import sys

from _keyed_model import TABLES, apply, live, query, report, sh, version

try:
    from pypaimon import CatalogFactory
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit()

seed = int(os.environ.get("PF_SEED", "7"))
CONDITIONS = [
    ("n > 10", lambda x: x["n"] is not None and x["n"] > 10),
    ("n is null", lambda x: x["n"] is None),
    ("event = 'a'", lambda x: x["event"] == "a"),
    ("event > 'b'", lambda x: x["event"] is not None and x["event"].encode() > b"b"),
    ("ts < '2024-01-02'", lambda x: x["ts"] < "2024-01-02"),
]


def conditions(r, columns, key):
    for where, of in CONDITIONS:
        yield where, of
    if "user_id" in key:
        v = key["user_id"]
        yield f"user_id = {v}", lambda x: x["user_id"] == v
        yield f"user_id < {v} and n > 0", lambda x: x["user_id"] < v and (x["n"] or 0) > 0
    else:
        v = key["name"]
        yield f"name = '{v}'", lambda x: x["name"] == v
        yield f"part >= {key['part']} and n < 0", \
            lambda x: x["part"] >= key["part"] and x["n"] is not None and x["n"] < 0


def latest(table):
    with open(f"{table}/snapshot/LATEST") as f:
        return int(f.read())


def pypaimon_rows(warehouse, name):
    table = CatalogFactory.create({"warehouse": warehouse}).get_table("default." + name)
    rb = table.new_read_builder()
    rows = rb.new_read().to_arrow(rb.new_scan().plan().splits()).to_pylist()
    for row in rows:
        row.pop("dt", None)
        row["ts"] = row["ts"].isoformat()[:19]
    return sorted(json.dumps([row[c] for c in sorted(row)], ensure_ascii=False) for row in rows)


def history(r, folder, name, definition, make_key, columns, sequence):
    warehouse = f"{folder}/wh"
    table, stage = f"{warehouse}/default.db/{name}", f"{folder}/{name}.stage"
    with open(f"{folder}/{name}.yaml", "w") as f:
        f.write(definition)
    sh(f"pf-put -q --create {folder}/{name}.yaml {table}")
    model, states = {}, []
    for commit in range(7):
        rows = [version(r, make_key(r)) for _ in range(r.choice([1, 7, 60]))]
        with open(f"{folder}/{name}.{commit}.jsonl", "w") as f:
            for row in rows:
                f.write(json.dumps(row, ensure_ascii=False) + "\n")
                apply(model, row, columns, sequence)
        sh(f"pf-stage append -q -S {folder}/{name}.yaml {stage} {folder}/{name}.{commit}.jsonl")
        # In flight, before they are loaded: the same rows already.
        both = f"{table} {stage}"
        assert query(both) == live(model), f"{name}, commit {commit}: rows in flight"
        for where, of in conditions(r, columns, make_key(r)):
            want = live({k: v for k, v in model.items() if of(v)})
            for prune in "", "--no-prune":
                got = query(both, f'{prune} -w "{where}"')
                assert got == want, f"{name}, commit {commit}, in flight, {where} {prune}: {got} {want}"
        sh(f"pf-stage read {stage} --after {table} | pf-partition | pf-pack -q | pf-put -q {table}")
        states.append(live(model))
        sh(f"pf-put --verify {table}")
        # A compaction forgets deletes; a late version of a row that was deleted
        # is the only one then.
        if r.random() < 0.5 and not sequence:
            sh(f"pf-put -q --compact {r.choice(['', '--full'])} {table}")
            sh(f"pf-put --verify {table}")
            if latest(table) > len(states):
                states += [states[-1]] * (latest(table) - len(states))
        assert query(table) == states[-1], f"{name}, commit {commit}: rows"
        for where, of in conditions(r, columns, make_key(r)):
            want = live({k: v for k, v in model.items() if of(v)})
            for prune in "", "--no-prune":
                got = query(table, f'{prune} -w "{where}"')
                assert got == want, f"{name}, commit {commit}, {where} {prune}: {got} {want}"
    for at, want in enumerate(states):
        assert query(table, f"--snapshot {at + 1}") == want, f"{name}: snapshot {at + 1}"
    sh(f"pf-put -q --compact --full {table}")
    assert query(table) == states[-1], f"{name}: compacted"
    sh(f"pf-put --verify {table}")
    # pypaimon 2.0 puts keys in the order of columns, not of the key, and
    # orders by the sequence number alone.
    if name != "text":
        assert pypaimon_rows(warehouse, name) == states[-1], f"{name}: pypaimon"


sys.exit(report([(f"{spec[0]}, PF_SEED={seed}", lambda folder, i=i, spec=spec:
                  history(random.Random(seed * 10 + i), folder, *spec)) for i, spec in enumerate(TABLES, 1)]))
