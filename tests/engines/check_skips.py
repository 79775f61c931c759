#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_skips.py: filters that skip rows within our files, by the page index or
by a bitmap, give others the right values, too.

The vectorized Parquet readers of Spark and of Paimon misread DELTA_BINARY_PACKED
pages of which they want some rows only; our files must not bring them to it
(see pf-index(1), CAVEATS). 60,000 rows with long texts that go with the ID, so
that pages can be skipped by the texts; columns with many nulls and none; as
pf-pack makes them, and with a bitmap. Asked are Paimon Java in all versions and
Spark's own reader of Parquet. Prints TAP.
"""
import json
import os

from engines import JAVA, Java, digest, installed, text
from programs import sh
from tap import check, outcome, rng, run, skip
from values import moment

ROWS = 60000
ENGINES = list(filter(installed, [*JAVA, "spark"]))
NAMES = ["id", "ts", "few", "half", "seq", "key", "word"]


def some_rows():
    rows = []
    for i in range(ROWS):
        n = i // 3
        rows.append({"id": n, "ts": moment(3, 1_704_000_000, 1_704_400_000), "seq": i * 7 + rng.randrange(5),
                     "few": rng.randrange(1 << 40) if rng.random() < 0.05 else None,
                     "half": rng.randrange(1 << 40) if rng.random() < 0.5 else None,
                     "key": f"k{rng.randrange(2000)}", "word": f"{n:08d}-{rng.randbytes(60).hex()}"})
    return rows


def make(name, index):
    with open(name + ".yaml", "w") as f:
        f.write(f"table: {name}\nid: id\ntime: ts\npartition: none\nbuckets: 1\ncolumns:\n"
                "  id: bigint not null\n  ts: timestamp(3) not null\n  few: bigint\n  half: bigint\n"
                "  seq: bigint\n  key: string\n  word: string\n")
    path = os.path.abspath("wh/default.db/" + name)
    sh(f"pf-put -q --create {name}.yaml {path} && pf-partition -S {name}.yaml -I jsonl rows.jsonl | "
       f"pf-pack -q | {index} pf-put -q --append {path}")
    return path


def questions(rows):
    """Conditions of (column, operator, value), and the rows that they find."""
    found = []
    for _ in range(8):
        r = rng.choice(rows)
        found += [[("word", "=", r["word"])], [("key", "=", r["key"])], [("id", "=", r["id"])]]
        low = rng.randrange(ROWS - 600)
        found.append([("word", ">=", rows[low]["word"]), ("word", "<", rows[low + rng.randrange(1, 600)]["word"])])
        found.append([("seq", ">=", rows[low]["seq"]), ("seq", "<", rows[low + 50]["seq"])])
    compare = {"=": lambda a, b: a == b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b}
    cells = [tuple(text(r[c]) for c in NAMES) for r in rows]
    return [(q, digest(NAMES, [cells[i] for i, r in enumerate(rows)
                               if all(compare[op](r[c], v) for c, op, v in q)])) for q in found]


def ask_java(java, path, asked):
    for conditions, want in asked:
        flat = [x for c, op, v in conditions for x in (c, op, text(v))]
        got = java.ask("digest", path, *flat)[1:]
        if got != want:
            yield conditions, got, want


def ask_spark(spark, path, asked):
    for conditions, want in asked:
        where = " AND ".join(f"{c} {op} " + (f"'{v}'" if isinstance(v, str) else str(v)) for c, op, v in conditions)
        got = spark.ask("digest", f"SELECT {', '.join(NAMES)} FROM parquet.`{path}/bucket-0/*.parquet` WHERE {where}")
        if got != want:
            yield conditions, got, want


def main():
    rows = some_rows()
    with open("rows.jsonl", "w") as f:
        for r in rows:
            f.write(json.dumps({**r, "ts": r["ts"].isoformat()}) + "\n")
    tables = [("plain", make("plain", "")), ("bitmap", make("bitmap", "pf-index -q --file-index bitmap:key |"))]
    asked = questions(rows)
    for name in ENGINES:
        java = Java(name, *([os.path.abspath("wh")] if name == "spark" else []), folder=os.getcwd())
        ask = ask_spark if name == "spark" else ask_java
        for title, path in tables:
            wrong, seconds = outcome(lambda: list(ask(java, path, asked)))
            check(f"{name}: {len(asked)} filters of the table with {title} files ({seconds:.1f} s)", not wrong, wrong)
        java.stop()


if __name__ == "__main__":
    if not ENGINES:
        skip("the engines are not installed")
    run("skips", main)
