#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_plans.py: what other engines plan to read of a table of ours.

check.py shows that files which a filter rules out need not be there. Here are
the numbers: the files and splits of Paimon Java's plan, what the metrics of
Spark's scan say (numSplits, splitSize; Paimon 0.9 leaves its counts of files at
0), and the filters that Flink's plan pushes into its source. Expected is what follows from
the files themselves: their day, their bucket, the minima and maxima of their
rows, and the bloom filter in their manifest entries. Prints TAP.
"""
import json
import os

import pyarrow.parquet as pq

from engines import JAVA, installed, text
from programs import ours, sh
from readers import Flink, PaimonJava, Spark
from tap import check, rng, run, skip

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]


def make():
    """Four days in four commits, three buckets; words go with the day's half."""
    with open("plans.yaml", "w") as f:
        f.write("table: plans\nid: id\ntime: ts\npartition: day\nbuckets: 3\ncolumns:\n  id: bigint not null\n"
                "  ts: timestamp(3) not null\n  n: bigint\n  word: string\n")
    table = os.path.abspath("wh/default.db/plans")
    sh(f"pf-put -q --create plans.yaml {table}")
    for d, day in enumerate(DAYS):
        with open("rows.jsonl", "w") as f:
            for i in range(60):
                f.write(json.dumps({"id": rng.randrange(200), "n": 100 * d + i, "word": f"w{rng.randrange(0, 2000, 2):04d}",
                                    "ts": f"{day}T{rng.randrange(24):02d}:{rng.randrange(60):02d}:00.000"}) + "\n")
        sh(f"pf-partition -S plans.yaml -I jsonl rows.jsonl | pf-pack -q --old-readers | "
           f"pf-index -q --file-index bloom-filter:word | pf-put -q --append {table}")
    return table


def files_of(table):
    found = []
    for f in ours("--files", table).to_pylist():
        rows = pq.read_table(os.path.join(table, f["partition"], f"bucket-{f['bucket']}", f["file"]),
                             partitioning=None).to_pylist()
        found.append({"bucket": f["bucket"], "rows": rows})
    return found


def spans(file, column, low, high):
    values = [r[column] for r in file["rows"]]
    return min(values) <= high and max(values) >= low


def questions(files):
    """(name, [(column, op, value)], the files that can hold a match)."""
    rows = [r for f in files for r in f["rows"]]
    some = rng.choice(rows)
    own = next(f["bucket"] for f in files for r in f["rows"] if r["id"] == some["id"])
    at = sorted(r["ts"] for r in rows)[len(rows) * 2 // 3]
    absent = next(w for w in (f"w{n:04d}" for n in range(1001, 2000, 2)))
    day = [f for f in files if f["rows"][0]["dt"] == DAYS[2]]
    low, high = min(r["n"] for r in rows), max(r["n"] for r in rows)
    end = max(r["ts"] for r in rows)
    return [("no filter", [], files),
            ("dt", [("dt", "=", DAYS[2])], day),
            ("the time", [("ts", ">=", at)], [f for f in files if spans(f, "ts", at, end)]),
            ("dt and the time", [("dt", ">=", DAYS[2]), ("ts", ">=", at)],
             [f for f in files if f["rows"][0]["dt"] >= DAYS[2] and spans(f, "ts", at, end)]),
            ("the ID", [("id", "=", some["id"])],
             [f for f in files if f["bucket"] == own and spans(f, "id", some["id"], some["id"])]),
            ("a number's statistics", [("n", ">=", 250)], [f for f in files if spans(f, "n", 250, high)]),
            ("nothing", [("n", "<", low)], []),
            ("the file index", [("word", "=", absent)], None)]


def java_plan(engine, table, filters):
    line = engine.ask("digest", table, *[x for c, op, v in filters for x in (c, op, text(v))])[0]
    return int(line[1]), int(line[2])


def spark_plan(engine, table, filters):
    where = " AND ".join(f"{c} {op} " + (f"TIMESTAMP_NTZ '{v}'" if c == "ts" else f"'{v}'" if isinstance(v, str) else str(v))
                         for c, op, v in filters)
    metrics = {r[1]: int(r[2]) for r in engine.ask("explain", f"SELECT * FROM {engine.name(table)}" +
                                                  (f" WHERE {where}" if where else "")) if r[0] == "metric"}
    return metrics


def main():
    table = make()
    files = files_of(table)
    asked = questions(files)
    check("the table has files to prune", len(files) == 12 and all(q[2] is None or len(q[2]) < 12 for q in asked[1:]))
    for name in filter(installed, JAVA):
        engine = PaimonJava(name)
        for what, filters, want in asked:
            got, splits = java_plan(engine, table, filters)
            # A bloom filter says yes in vain once in a hundred times.
            ok = got <= 1 if want is None else got == len(want)
            check(f"{engine.title}: by {what}: {got} of {len(files)} files, {splits} splits",
                  ok and (splits <= got) and (splits > 0) == (got > 0), want and len(want))
        engine.stop()
    warehouse = os.path.abspath("wh")
    engine = Spark(warehouse)
    every = spark_plan(engine, table, []).get("splitSize")
    for what, filters, want in asked:
        m = spark_plan(engine, table, filters)
        got = m.get("numSplits", -1)
        ok = got <= 1 if want is None else got == len(want)
        check(f"Spark: by {what}: {got} splits, {m.get('splitSize')} bytes of {every}, {m.get('numOutputRows')} rows",
              ok and (m["splitSize"] < every) == (got < len(files)), m)
    engine.stop()
    engine = Flink(warehouse)
    for what, filters, want in asked[1:]:
        where = " AND ".join(f"{c} {op} " + (f"TIMESTAMP '{v}'" if c == "ts" else f"'{v}'" if isinstance(v, str) else
                                             str(v)) for c, op, v in filters)
        plan = "\n".join(r[0] for r in engine.ask("explain", f"SELECT * FROM {engine.name(table)} WHERE {where}"))
        source = [line for line in plan.split("\n") if "TableSourceScan" in line]
        pushed = bool(source) and all(f"({c}, " in source[-1] or f"{c}=" in source[-1] for c, _, _ in filters)
        check(f"Flink: by {what}: its source is told", pushed, plan)
    engine.stop()


if __name__ == "__main__":
    if not any(map(installed, JAVA)) or not installed("spark") or not installed("flink"):
        skip("the engines are not installed")
    run("plans", main)
