#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_merge.py [VERSION...]: tables of partial updates and aggregates under random
rules (sequence groups, aggregates, sequences that descend, deletes of all ways), made
by us, written in turns by us and by Paimon Java's own writer, compacted by both.
After each step the rows are those of a model, read by pf-query and by Paimon Java.
The model follows 2.0; the oldest release gets fewer histories, without what was
otherwise before 1.4 (see keyed_theirs.py). PF_SEED, PF_STEPS and PF_ROUNDS choose the histories. Prints TAP.
"""
import datetime
import json
import os
import random
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "conform"))
from _keyed_model import sh
from _merge_model import ADDS, TYPES, Rules, definition, merge, random_row, random_rules, with_rows
from engines import EPOCH, EngineError, Java, installed, text

seed, steps = int(os.environ.get("PF_SEED", "3")), int(os.environ.get("PF_STEPS", "7"))
rounds = int(os.environ.get("PF_ROUNDS", "10"))
COLUMNS = list(TYPES)


def value(name, cell):
    if cell == "\\N":
        return None
    if name == "ts":
        return (EPOCH + datetime.timedelta(microseconds=int(cell))).isoformat()[:19]
    if TYPES[name] == "boolean":
        return cell == "true"
    return cell if TYPES[name] == "string" else int(cell)


def cell(name, v):
    return text(datetime.datetime.fromisoformat(v)) if name == "ts" else \
        v if v is None or isinstance(v, str) else text(v)


def rules_for(r, version):
    while True:
        rules = random_rules(r)
        if version >= "paimon-1.4" or not any("remove-record" in k or v == "descending" for k, v in rules[1].items()):
            return rules


class Table:
    def __init__(self, r, folder, java):
        engine, options, sequence, self.retracts = rules_for(r, java.name)
        self.rules = Rules(engine, COLUMNS, ["k"], options, sequence)
        self.r, self.folder, self.java, self.n, self.seq = r, folder, java, 0, 0
        self.table, self.state = f"{folder}/wh/default.db/t", {}
        self.definition = definition(self.rules, False)
        with open(f"{folder}/t.yaml", "w") as f:
            f.write(self.definition)
        sh(f"pf-put -q --create {folder}/t.yaml {self.table}")

    def rows(self):
        rows = [random_row(self.r, self.rules, self.seq + i, self.retracts)
                for i in range(self.r.choice([1, 6, 40]))]
        self.seq += len(rows)
        self.state = with_rows(self.state, lambda row: row["k"], rows, self.rules)
        return rows

    def we_write(self):
        self.n += 1
        path = f"{self.folder}/{self.n}.jsonl"
        with open(path, "w") as f:
            f.writelines(json.dumps({k: v for k, v in row.items() if k != "seq"},
                                    ensure_ascii=False) + "\n" for row in self.rows())
        sh(f"pf-stage append -q -S {self.folder}/t.yaml {self.folder}/stage {path}; "
           f"pf-stage read {self.folder}/stage --after {self.table} | pf-partition | pf-pack -q | "
           f"pf-put -q {self.table}; pf-put -q --verify {self.table}")

    def compacted(self):
        self.state = {k: [m] for k, v in self.state.items()
                      if (m := merge(self.rules, v)) and m["op"] in ADDS}

    def we_compact(self):
        sh(f"pf-put -q --compact --full {self.table} && pf-put -q --verify {self.table}")
        self.compacted()

    def they_write(self):
        for row in self.rows():
            self.java.ask("change", self.table, row["op"], *[cell(c, row[c]) for c in COLUMNS])
        self.java.ask("commit", self.table, "write-only", "true")

    def check(self, what):
        merged = [merge(self.rules, v) for v in self.state.values()]
        want = sorted(json.dumps([m[c] for c in COLUMNS]) for m in merged if m and m["op"] in ADDS)
        ours = [json.loads(x) for x in sh(f"pf-query -O jsonl {self.table}").splitlines()]
        ours = sorted(json.dumps([row[c] for c in COLUMNS]) for row in ours)
        names, *rows = self.java.ask("rows", self.table)
        theirs = sorted(json.dumps([value(c, x) for c, x in zip(names, row)]) for row in rows)
        assert names == COLUMNS, names
        for who, got in (("Java reads", theirs), ("we read", ours)):
            assert got == want, f"{what}: {who}\n{got}\nnot\n{want}\n{self.definition}"

    def history(self):
        turns = {"we write": self.we_write, "they write": self.they_write,
                 "we compact": self.we_compact}
        done = []
        for _ in range(steps):
            done.append(self.r.choice(["we write", "they write", *turns]))
            turns[done[-1]]()
            self.check(", ".join(done))


def main():
    versions = {v: rounds for v in sys.argv[1:]} or \
        {v: n for v, n in (("paimon-2.0.0", rounds), ("paimon-1.2.0", rounds // 3 + 1)) if installed(v)}
    if not versions:
        print("1..0 # SKIP Paimon Java is not installed (make engines)")
        return 0
    print(f"1..{sum(versions.values())}")
    n = failed = 0
    for v, histories in versions.items():
        base = tempfile.mkdtemp(prefix="pf-merge-")
        java = Java(v, folder=base)
        for i in range(histories):
            n += 1
            folder = f"{base}/{i}"
            os.mkdir(folder)
            try:
                Table(random.Random(seed * 100 + i), folder, java).history()
                print(f"ok {n} {v}: history {i}", flush=True)
            except (AssertionError, EngineError) as e:
                failed += 1
                print(f"not ok {n} {v}: history {i}, PF_SEED={seed}\n# " +
                      str(e).replace("\n", "\n# "), flush=True)
        java.stop()
        shutil.rmtree(base)
    return failed > 0


sys.exit(main())
