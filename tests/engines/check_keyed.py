#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_keyed.py [VERSION...]: tables with a primary key that we and Paimon Java
write to in turns: upserts and deletes of ours from a stage, of theirs by their own
writer, compactions of theirs (some of the levels, or all of them) and of ours. After each
step the rows are those of a model, read by pf-query (with and without pruning) and
by that version of Paimon Java. Then tables of all that we read and do not write,
every merge engine, deletion vectors, dynamic buckets, written and compacted by
Paimon Java: we read what it reads. PF_SEED and PF_STEPS choose the history. Prints TAP.
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

    def we_compact(self):
        sh(f"pf-put -q --compact --full {self.table} && pf-put -q --verify {self.table}")

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
        turns = {"we write": self.we_write, "we compact": self.we_compact, "they write": self.they_write,
                 "they write and compact": lambda: self.they_write(COMPACT)}
        done = []
        for step in range(steps):
            done.append(self.r.choice(["we write", "we write", *turns]))
            turns[done[-1]]()
            self.check(f"step {step + 1} of {done}")


# Options of a table that they make and write, and the kinds of rows it may get.
THEIRS = [
    ("dedup-descending", "sequence.field=n\nsequence.field.sort-order=descending", ["+I", "+U"]),
    ("dedup-ignore-delete", "ignore-delete=true", ["+I", "+U", "-D"]),
    ("partial", "merge-engine=partial-update", ["+I", "+U"]),
    ("partial-remove", "merge-engine=partial-update\npartial-update.remove-record-on-delete=true",
     ["+I", "+U", "+U", "-D"]),
    ("partial-sequence", "merge-engine=partial-update\nsequence.field=n", ["+I"]),
    ("sums", "merge-engine=aggregation\nfields.n.aggregate-function=sum\n"
     "fields.event.aggregate-function=last_value\nfields.d.aggregate-function=sum",
     ["+I", "+U", "-U", "-D"]),
    ("extremes", "merge-engine=aggregation\nfields.n.aggregate-function=max\n"
     "fields.event.aggregate-function=min\nfields.d.aggregate-function=min\n"
     "fields.ts.aggregate-function=first_value", ["+I"]),
    ("lists", "merge-engine=aggregation\nfields.event.aggregate-function=listagg\n"
     "fields.n.aggregate-function=first_non_null_value\nfields.d.aggregate-function=product", ["+I"]),
    ("last", "merge-engine=aggregation\nfields.default-aggregate-function=last_non_null_value",
     ["+I", "-U", "-D"]),
    ("first-row", "merge-engine=first-row", ["+I"]),
    ("vectors", "deletion-vectors.enabled=true", ["+I", "+U", "-D"]),
    ("wide-vectors", "deletion-vectors.enabled=true\ndeletion-vectors.bitmap64=true", ["+I", "-D"]),
    ("dynamic", "bucket=-1", ["+I", "+U", "-D"]),
    ("thin", "data-file.thin-mode=true", ["+I", "+U", "-D"]),
]
# What Paimon does otherwise in older releases: 1.2 takes partial updates and removals of
# overlapping files in another order than the sequence's, and up to 1.4 empty texts
# are parts of lists.
OTHERWISE = {"paimon-1.2.0": ["partial-remove", "partial-sequence"]}
EMPTY_TEXTS = ["paimon-2.0.0"]
COLUMNS = ["id", "INT NOT NULL", "event", "STRING", "n", "BIGINT", "d", "DOUBLE", "ts", "TIMESTAMP(3)"]


def as_csv(rows):
    return sorted(json.dumps(row) for row in rows)


def ours(table, options=""):
    out = []
    for line in sh(f"pf-query -O jsonl {options} {table}").splitlines():
        row = json.loads(line)
        row["ts"] = row["ts"] and text(datetime.datetime.fromisoformat(row["ts"]))
        row["d"] = text(None if row["d"] is None else float(row["d"]))
        out.append([row[c] if c == "d" else text(row[c]) for c in COLUMNS[::2]])
    return as_csv(out)


def theirs(java, folder, texts, name, options, kinds):
    r = random.Random(seed)
    table = f"{folder}/wh/default.db/{name}"
    if "bucket=" not in options:
        options += "\nbucket=2"
    java.ask("create", table, "primary-key=id\n" + options, "", *COLUMNS)
    for commit in range(steps // 2):
        for _ in range(r.choice([1, 6, 40])):
            row = [r.randrange(-12, 12), r.choice(texts),
                   r.choice([None, r.randrange(-50, 50)]), r.choice([None, 0.5, -2.0, 3.25]),
                   datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=r.randrange(99))]
            java.ask("change", table, r.choice(kinds),
                     *[v if v is None or isinstance(v, str) else text(v) for v in row])
        how = COMPACT if commit % 3 == 1 else {"write-only": "true"} if commit % 3 else {}
        java.ask("commit", table, *[x for o in how.items() for x in o])
        names, *rows = java.ask("rows", table)
        want = as_csv(rows)
        for o in "", "--no-prune":
            got = ours(table, o)
            assert got == want, f"{name}, commit {commit} {how} {o}:\nwe read {got}\nnot     {want}"
        names, *rows = java.ask("rows", table, "n", ">", "0", "id", "<", "6")
        got = ours(table, "-w 'n > 0 and id < 6'")
        assert got == as_csv(rows), f"{name}, commit {commit} {how}, n > 0:\nwe read {got}\nnot     {as_csv(rows)}"


def main():
    versions = sys.argv[1:] or [v for v in ("paimon-1.2.0", "paimon-1.4.2", "paimon-2.0.0")
                                if installed(v)]
    if not versions:
        print("1..0 # SKIP Paimon Java is not installed (make engines)")
        return 0
    specs = {v: TABLES + [s for s in THEIRS if s[0] not in OTHERWISE.get(v, ())] for v in versions}
    print(f"1..{sum(map(len, specs.values()))}")
    n = failed = 0
    for v in versions:
        texts = ["a", "b", "ä", None] + [""] * (v in EMPTY_TEXTS)
        folder = tempfile.mkdtemp(prefix="pf-keyed-")
        java = Java(v, folder=folder)
        for i, spec in enumerate(specs[v]):
            n += 1
            try:
                if i < len(TABLES):
                    Table(random.Random(seed * 100 + i), folder, java, *spec).history()
                else:
                    theirs(java, folder, texts, *spec)
                print(f"ok {n} {v}: {spec[0]}", flush=True)
            except (AssertionError, EngineError) as e:
                failed += 1
                print(f"not ok {n} {v}: {spec[0]}, PF_SEED={seed}\n# " + str(e).replace("\n", "\n# "),
                      flush=True)
        java.stop()
        shutil.rmtree(folder)
    return failed > 0


sys.exit(main())
