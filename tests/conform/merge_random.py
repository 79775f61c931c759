# SPDX-License-Identifier: Apache-2.0
"""Tables of partial updates and aggregates, by a model: random histories under
random rules (sequence groups with and without aggregates, sequences of several
columns that ascend or descend, deletes that remove, retract or are ignored) are
staged and loaded commit by commit. Rows in flight, rows that are stored, parts
of their columns, older snapshots and rows that were compacted are what the
model says; and what pypaimon reads, where it knows the rules."""
import json
import os
import random
import sys

from _keyed_model import report, sh
from _merge_model import (ADDS, TYPES, Rules, definition, merge, random_row, random_rules,
                          with_rows)

try:
    from pypaimon import CatalogFactory
except ImportError:
    CatalogFactory = None

seed = int(os.environ.get("PF_SEED", "7"))
rounds = int(os.environ.get("PF_ROUNDS", "12"))


def shown(rows, columns):
    return sorted(json.dumps([row[c] for c in columns], ensure_ascii=False) for row in rows)


def live(rules, state, columns):
    merged = [merge(rules, versions) for versions in state.values()]
    return shown([m for m in merged if m and m["op"] in ADDS], columns)


def answer(operands, columns, options=""):
    out = sh(f"pf-query -O jsonl -c {','.join(columns)} {options} {operands}")
    rows = [json.loads(x) for x in out.splitlines()]
    return shown(rows, columns)


def pypaimon_rows(warehouse):
    table = CatalogFactory.create({"warehouse": warehouse}).get_table("default.t")
    rb = table.new_read_builder()
    rows = rb.new_read().to_arrow(rb.new_scan().plan().splits()).to_pylist()
    for row in rows:
        row["ts"] = row["ts"].isoformat()[:19]
    return shown(rows, list(TYPES))


def history(r, folder):
    engine, options, sequence, retracts = random_rules(r)
    rules, dt = Rules(engine, list(TYPES), ["k"], options, sequence), r.random() < 0.3
    text = definition(rules, dt)
    warehouse, stage = f"{folder}/wh", f"{folder}/stage"
    table, columns = f"{warehouse}/default.db/t", list(TYPES)
    with open(f"{folder}/t.yaml", "w") as f:
        f.write(text)
    try:
        sh(f"pf-put -q --create {folder}/t.yaml {table}")
        key_of = (lambda row: (row["ts"][:10], row["k"])) if dt else (lambda row: row["k"])
        state, states, seq = {}, [], 0
        for commit in range(5):
            rows = []
            for _ in range(r.choice([1, 6, 40])):
                rows.append(random_row(r, rules, seq, retracts))
                seq += 1
            with open(f"{folder}/rows.jsonl", "w") as f:
                f.writelines(json.dumps({k: v for k, v in row.items() if k != "seq"},
                                        ensure_ascii=False) + "\n" for row in rows)
            os.rename(f"{folder}/rows.jsonl", f"{folder}/{commit}.jsonl")
            sh(f"pf-stage append -q -S {folder}/t.yaml {stage} {folder}/{commit}.jsonl")
            state = with_rows(state, key_of, rows, rules)
            parts = [columns, ["k", r.choice(columns[1:])], [r.choice(columns)]]
            for part in parts:
                want, got = live(rules, state, part), answer(f"{table} {stage}", part)
                assert got == want, f"commit {commit}, in flight, {part}:\n{got}\n{want}"
            sh(f"pf-stage read {stage} --after {table} | pf-partition | pf-pack -q | "
               f"pf-put -q {table}; pf-put -q --verify {table}")
            states.append(live(rules, state, columns))
            for part in parts:
                want, got = live(rules, state, part), answer(table, part)
                assert got == want, f"commit {commit}, {part}:\n{got}\n{want}"
            if CatalogFactory and engine != "deduplicate" and not retracts:
                try:
                    got = pypaimon_rows(warehouse)
                except NotImplementedError:
                    pass
                else:
                    assert got == states[-1], f"commit {commit}, pypaimon:\n{got}\n{states[-1]}"
                    compared.append(engine)
            if r.random() < 0.3:
                before = len(os.listdir(f"{table}/snapshot"))
                sh(f"pf-put -q --compact --full {table}; pf-put -q --verify {table}")
                state = {k: [m] for k, v in state.items()
                         if (m := merge(rules, v)) and m["op"] in ADDS}
                got = answer(table, columns)
                assert got == states[-1], f"commit {commit}, compacted:\n{got}\n{states[-1]}"
                states += [states[-1]] * (len(os.listdir(f"{table}/snapshot")) - before)
        for at, want in enumerate(states):
            got = answer(table, columns, f"--snapshot {at + 1}")
            assert got == want, f"snapshot {at + 1}:\n{got}\n{want}"
    except AssertionError as e:
        raise AssertionError(f"{e}\n{text}") from None


compared = []
failed = report([(f"history {i}, PF_SEED={seed}", lambda folder, i=i: history(random.Random(seed * 1000 + i), folder))
                 for i in range(1, rounds + 1)], more=1)
print(f"ok {rounds + 1} pypaimon read {len(compared)} of these states")
sys.exit(failed)
