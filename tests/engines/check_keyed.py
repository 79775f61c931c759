#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_keyed.py [VERSION...]: tables with a primary key that we and Paimon Java
write to in turns: upserts and deletes of ours from a stage, of theirs by their own
writer, and compactions of theirs (some of the levels, or all of them). After each
step the rows are those of a model, read by pf-query (with and without pruning) and
by that version of Paimon Java. PF_SEED and PF_STEPS choose the history. Prints TAP.
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
from _keyed_model import TABLES, apply, live, query, sh, version
from engines import EPOCH, EngineError, Java, installed, text

seed, steps = int(os.environ.get("PF_SEED", "3")), int(os.environ.get("PF_STEPS", "14"))
COMPACT = {"commit.force-compact": "true", "num-sorted-run.compaction-trigger": "1"}


class Table:
    def __init__(self, r, folder, java, name, definition, make_key, columns, sequence):
        self.r, self.folder, self.java, self.name = r, folder, java, name
        self.make_key, self.columns, self.sequence = make_key, columns, sequence
        self.table, self.stage = f"{folder}/wh/default.db/{name}", f"{folder}/{name}.stage"
        self.model, self.n = {}, 0
        with open(f"{folder}/{name}.yaml", "w") as f:
            f.write(definition)
        sh(f"pf-put -q --create {folder}/{name}.yaml {self.table}")
        with open(f"{self.table}/schema/schema-0") as f:
            self.fields = [x["name"] for x in json.load(f)["fields"]]

    def rows(self):
        rows = [version(self.r, self.make_key(self.r)) for _ in range(self.r.choice([1, 5, 40]))]
        for row in rows:
            # A compaction forgets deletes, and then an older version that comes
            # late is the only one: which of them there were is not known here.
            if self.sequence:
                row["op"] = "+U"
            apply(self.model, row, self.columns, self.sequence)
        return rows

    def we_write(self):
        self.n += 1
        path = f"{self.folder}/{self.name}.{self.n}.jsonl"
        with open(path, "w") as f:
            for row in self.rows():
                f.write(json.dumps(row, ensure_ascii=False) + "\n")
        sh(f"pf-stage append -q -S {self.folder}/{self.name}.yaml {self.stage} {path}")
        sh(f"pf-stage read {self.stage} --after {self.table} | pf-partition | pf-pack -q | "
           f"pf-put -q {self.table}")

    def cell(self, row, name):
        if name == "dt":
            return row["ts"][:10]
        if name == "ts":
            return text(datetime.datetime.fromisoformat(row["ts"]))
        return row[name]

    def they_write(self, options=None):
        for row in self.rows():
            self.java.ask("change", self.table, row["op"], *[self.cell(row, f) for f in self.fields])
        self.java.ask("commit", self.table, *[x for o in (options or {}).items() for x in o])

    def their_rows(self):
        names, *rows = self.java.ask("rows", self.table)
        out = []
        for cells in rows:
            row = {}
            for name, cell in zip(names, cells):
                if name == "dt":
                    continue
                if name == "ts":
                    cell = (EPOCH + datetime.timedelta(microseconds=int(cell))).isoformat()[:19]
                elif cell == "\\N":
                    cell = None
                elif name not in ("event", "name"):
                    cell = int(cell)
                row[name] = cell
            out.append(json.dumps([row[c] for c in sorted(row)], ensure_ascii=False))
        return sorted(out)

    def check(self, what):
        want = live(self.model)
        for options in "", "--no-prune":
            got = query(self.table, options)
            assert got == want, f"{self.name}, {what}: we read {got}, not {want}"
        for where, of in (("n > 0", lambda x: (x["n"] or 0) > 0), ("event = 'a'", lambda x: x["event"] == "a")):
            some = live({k: v for k, v in self.model.items() if of(v)})
            got = query(self.table, f'-w "{where}"')
            assert got == some, f"{self.name}, {what}, {where}: we read {got}, not {some}"
        got = self.their_rows()
        assert got == want, f"{self.name}, {what}: Java reads {got}, not {want}"

    def history(self):
        turns = {"we write": self.we_write, "they write": self.they_write,
                 "they write and compact": lambda: self.they_write(COMPACT)}
        done = []
        for step in range(steps):
            done.append(self.r.choice(["we write", "we write", *turns]))
            turns[done[-1]]()
            self.check(f"step {step + 1} of {done}")


def main():
    versions = sys.argv[1:] or [v for v in ("paimon-1.2.0", "paimon-1.4.2", "paimon-2.0.0")
                                if installed(v)]
    if not versions:
        print("1..0 # SKIP Paimon Java is not installed (make engines)")
        return 0
    print(f"1..{len(versions) * len(TABLES)}")
    n = failed = 0
    for v in versions:
        folder = tempfile.mkdtemp(prefix="pf-keyed-")
        java = Java(v, folder=folder)
        for i, spec in enumerate(TABLES):
            n += 1
            try:
                Table(random.Random(seed * 100 + i), folder, java, *spec).history()
                print(f"ok {n} {v}: {spec[0]}", flush=True)
            except (AssertionError, EngineError) as e:
                failed += 1
                print(f"not ok {n} {v}: {spec[0]}, PF_SEED={seed}\n# " + str(e).replace("\n", "\n# "),
                      flush=True)
        java.stop()
        shutil.rmtree(folder)
    return failed > 0


sys.exit(main())
