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
import shutil
import sys
import tempfile

from _keyed_model import WORDS, sh
from _merge_model import ADDS, Rules, merge

try:
    from pypaimon import CatalogFactory
except ImportError:
    CatalogFactory = None

seed = int(os.environ.get("PF_SEED", "7"))
rounds = int(os.environ.get("PF_ROUNDS", "12"))
TYPES = {"k": "int", "a": "bigint", "s": "string", "t": "boolean", "g": "int", "h": "int",
         "name": "string", "ts": "timestamp(0)"}
NUMBERS = ["sum", "min", "max", "first_value", "last_value", "first_non_null_value",
           "last_non_null_value"]
TEXTS = ["listagg", "min", "max", "first_value", "last_value", "last_non_null_value"]
TRUTHS = ["bool_and", "bool_or", "last_value", "first_non_null_value"]


def random_rules(r):
    """An engine, its options, its sequence."""
    engine = r.choice(["partial-update", "partial-update", "aggregation", "aggregation",
                       "deduplicate"])
    options, sequence = {}, []
    functions = {"a": r.choice(NUMBERS), "s": r.choice(TEXTS), "t": r.choice(TRUTHS)}
    if r.random() < 0.5:
        sequence = r.choice([["g"], ["h"], ["g", "h"]])
        if r.random() < 0.4:
            options["sequence.field.sort-order"] = "descending"
    if engine == "aggregation":
        for c, f in functions.items():
            if r.random() < 0.8:
                options[f"fields.{c}.aggregate-function"] = f
        if r.random() < 0.2:
            options["fields.default-aggregate-function"] = "last_value"
    grouped = engine == "partial-update" and r.random() < 0.6
    if grouped:
        fields = r.choice(["g", "g,h"])
        options[f"fields.{fields}.sequence-group"] = r.choice(["a", "a,s", "a,s,t"])
        if fields == "g" and r.random() < 0.3:
            options["fields.h.sequence-group"] = "name"
        protected = options[f"fields.{fields}.sequence-group"].split(",")
        for c in protected:
            if r.random() < 0.5:
                options[f"fields.{c}.aggregate-function"] = functions[c]
    if options.get("fields.s.aggregate-function") == "listagg":
        if r.random() < 0.5:
            options["fields.s.distinct"] = "true"
        if r.random() < 0.5:
            options["fields.s.list-agg-delimiter"] = "; "
    if r.random() < 0.4:  # what pypaimon knows: nothing is taken away
        options = {k: v for k, v in options.items() if "-group" not in k and
                   (engine == "aggregation" or "-function" not in k)}
        return engine, options, sequence, False
    ways = {"partial-update": ["partial-update.remove-record-on-delete"],
            "aggregation": ["aggregation.remove-record-on-delete"], "deduplicate": []}[engine]
    way = r.choice(["ignore-delete", None, None] + ([] if grouped else ways))
    if way:
        options[way] = "true"
    if grouped and not way and r.random() < 0.4:
        options["partial-update.remove-record-on-sequence-group"] = "g"
    if way != "aggregation.remove-record-on-delete":
        for c in TYPES:
            name = options.get(f"fields.{c}.aggregate-function")
            if name not in (None, "sum", "last_value", "last_non_null_value") and r.random() < 0.8:
                options[f"fields.{c}.ignore-retract"] = "true"
        if engine == "aggregation" and r.random() < 0.8:
            options["fields.ts.ignore-retract"] = "true"
    if r.random() < 0.2:
        options["ignore-update-before"] = "true"
    return engine, options, sequence, True


def takes(rules, op):
    """Is a row of that kind one that the table can make sense of?"""
    if op in ADDS or rules.ignores(op) or rules.engine == "deduplicate":
        return True
    if op == "-D" and (rules.on("partial-update.remove-record-on-delete") or
                       rules.on("aggregation.remove-record-on-delete")):
        return True
    if rules.engine == "partial-update" and not rules.groups:
        return rules.on("partial-update.remove-record-on-delete")
    ordering = {f for fields in rules.groups.values() for f in fields}
    for c in TYPES:
        if c in rules.keys or rules.on(f"fields.{c}.ignore-retract"):
            continue
        if rules.engine == "partial-update" and (c not in rules.groups or c in ordering):
            continue
        name = rules.function(c)
        if name not in (None, "sum", "last_value", "last_non_null_value"):
            return False
        if c == "ts" and name != "sum":
            return False  # may not be null
    return True


def definition(rules, dt):
    lines = [f"primary_key: [{'dt, ' if dt else ''}k]", "time: ts",
             f"partition: {'day' if dt else 'none'}", "buckets: 2", f"merge: {rules.engine}",
             "row_kind: op"]
    if rules.sequence:
        lines.append(f"sequence: {json.dumps(rules.sequence)}")
    if rules.options:
        lines.append("options:")
        lines += [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in rules.options.items()]
    lines += ["columns:"] + [f"  {c}: {t}" for c, t in TYPES.items()]
    return "\n".join(lines) + "\n"


def random_row(r, rules, seq, retracts):
    kinds = [op for op in ("-U", "-D") if retracts and takes(rules, op)]
    op = r.choice(kinds) if kinds and r.random() < 0.25 else r.choice(ADDS)
    return {"op": op, "k": r.randrange(0, 12), "a": r.choice([None, r.randrange(-99, 99)]),
            "s": r.choice([None] + WORDS), "t": r.choice([None, True, False]),
            "g": r.choice([None, r.randrange(5)]), "h": r.choice([None, r.randrange(5)]),
            "name": r.choice([None] + WORDS),
            "ts": f"2024-01-0{r.randrange(1, 3)}T0{r.randrange(10)}:00:00", "seq": seq}


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


def with_rows(state, key_of, rows, rules):
    """The state once these rows have been stored together."""
    state, new = {k: list(v) for k, v in state.items()}, {}
    for row in rows:
        new.setdefault(key_of(row), []).append(row)
    for key, versions in new.items():
        stored = merge(rules, versions)
        if stored:
            state.setdefault(key, []).append(stored)
    return state


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


failed, compared = 0, []
print(f"1..{rounds + 1}")
for i in range(1, rounds + 1):
    folder = tempfile.mkdtemp(prefix="pf-merge-")
    try:
        history(random.Random(seed * 1000 + i), folder)
        print(f"ok {i} history {i}")
    except AssertionError as e:
        failed += 1
        print(f"not ok {i} history {i}, PF_SEED={seed}\n# " + str(e).replace("\n", "\n# "))
    finally:
        shutil.rmtree(folder)
print(f"ok {rounds + 1} pypaimon read {len(compared)} of these states")
sys.exit(failed > 0)
