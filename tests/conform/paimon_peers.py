#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables that ParaFlow made and loaded, read by pypaimon and DuckDB; tables
that pypaimon wrote to, continued and verified by ParaFlow.

For IDs of some types (PF_TEST_IDS of them, 3): every column of every type with nulls and extreme
values; all rows, a filter on dt, on the ID, and on each column (a hit and a
miss), so that our statistics and buckets are trusted by somebody else's
reader. Data is made anew in each run; the seed is printed. Prints TAP.
"""
import datetime
import decimal
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

try:
    import duckdb
    import pyarrow as pa
    from pypaimon import CatalogFactory
except ImportError as e:
    print(f"1..0 # SKIP {e}")
    sys.exit()

BUILD = os.path.abspath(os.environ.get("PF_BUILD", "build"))
SEED = int(os.environ.get("PF_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
rng = random.Random(SEED)
ROWS = 400
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)


def word(n):
    return "".join(rng.choice("abcxyz äß漢𐍈-%/") for _ in range(n))


def moment(low=-2_000_000_000, high=4_000_000_000, digits=6):
    us = rng.randrange(low * 10**6, high * 10**6)
    return EPOCH + datetime.timedelta(microseconds=us - us % 10**(6 - digits))


# type, value, as JSON text
TYPES = {
    "boolean": (lambda: rng.random() < 0.5, lambda v: v),
    "tinyint": (lambda: rng.choice([-128, 127, 0, rng.randrange(-128, 128)]), lambda v: v),
    "smallint": (lambda: rng.choice([-2**15, 2**15 - 1, rng.randrange(-300, 300)]), lambda v: v),
    "int": (lambda: rng.choice([-2**31, 2**31 - 1, rng.randrange(-300, 300)]), lambda v: v),
    "bigint": (lambda: rng.choice([-2**63, 2**63 - 1, rng.randrange(-300, 300)]), lambda v: v),
    "float": (lambda: rng.randrange(-2**20, 2**20) / 64, lambda v: v),
    "double": (lambda: rng.uniform(-1e9, 1e9), lambda v: v),
    "decimal(9,2)": (lambda: decimal.Decimal(rng.randrange(-10**9 + 1, 10**9)).scaleb(-2), str),
    "decimal(18,4)": (lambda: decimal.Decimal(rng.randrange(-10**18 + 1, 10**18)).scaleb(-4), str),
    "decimal(38,10)": (lambda: decimal.Decimal(rng.randrange(-10**38 + 1, 10**38)).scaleb(
        -10, decimal.Context(prec=40)), str),
    "string": (lambda: word(rng.choice([0, 1, 5, 15, 16, 17, 40])), lambda v: v),
    "date": (lambda: moment().date(), str),
    "timestamp(0)": (lambda: moment(digits=0), lambda v: v.isoformat()),
    "timestamp(3)": (lambda: moment(digits=3), lambda v: v.isoformat()),
    "timestamp(6)": (lambda: moment(), lambda v: v.isoformat()),
    "timestamp_ltz(6)": (lambda: moment().replace(tzinfo=UTC), lambda v: v.isoformat()),
}
IDS = ["bigint", "string", "int", "smallint", "tinyint", "date", "decimal(9,2)", "decimal(38,10)"]
n = 0
failed = 0


def check(name, ok, why=""):
    global n, failed
    n += 1
    failed += not ok
    print(("" if ok else "not ") + f"ok {n} {name}")
    if not ok and why:
        print("# " + str(why)[:2000].replace("\n", "\n# "))


def sh(line, status=0):
    p = subprocess.run(["bash", "-c", "set -o pipefail; " + line], capture_output=True, text=True)
    if p.returncode != status:
        raise RuntimeError(f"{line}: {p.returncode}: {p.stderr}")
    return p.stdout + p.stderr


def make_rows(id_type, count):
    """Rows as Python values; "" becomes null in text? No: JSON tells them apart."""
    ids = [TYPES[id_type][0]() for _ in range(40)]
    rows = []
    for i in range(count):
        r = {"id": rng.choice(ids), "ts": moment(1_704_000_000, 1_704_400_000, 3), "seq": i}
        for k, t in enumerate(TYPES):
            r[f"c{k}"] = None if rng.random() < 0.1 else TYPES[t][0]()
        r["none"] = None
        rows.append(r)
    return rows


def write_json(rows, id_type, path):
    with open(path, "w") as f:
        for r in rows:
            j = {"id": TYPES[id_type][1](r["id"]), "ts": r["ts"].isoformat(), "seq": r["seq"]}
            for k, t in enumerate(TYPES):
                v = r[f"c{k}"]
                j[f"c{k}"] = None if v is None else TYPES[t][1](v)
            f.write(json.dumps(j) + "\n")


def definition(id_type, partition, buckets):
    columns = "".join(f"  c{k}: {t}\n" for k, t in enumerate(TYPES))
    return (f"table: t\nid: id\ntime: ts\npartition: {partition}\nbuckets: {buckets}\n"
            f"columns:\n  id: {id_type} not null\n  ts: timestamp(3) not null\n"
            f"  seq: bigint\n{columns}  none: string\n")


def read(table, make=None):
    b = table.new_read_builder()
    if make:
        b = b.with_filter(make(b.new_predicate_builder()))
    return b.new_read().to_arrow(b.new_scan().plan().splits())


def numbers(t):
    return sorted(t.column("seq").to_pylist()) if t is not None and t.num_rows else []


def dt_of(r, partition):
    return r["ts"].isoformat()[:{"day": 10, "month": 7, "year": 4}[partition]]


def check_types(id_type):
    partition = rng.choice(["day", "month", "none"])
    buckets = rng.choice([1, 3, 8])
    name = f"id {id_type}, {partition}, {buckets} buckets"
    rows = make_rows(id_type, ROWS)
    open("t.yaml", "w").write(definition(id_type, partition, buckets))
    write_json(rows, id_type, "rows.jsonl")
    shutil.rmtree("wh", ignore_errors=True)
    sh("pf-put -q --create t.yaml wh/default.db/t")
    sh("pf-partition -S t.yaml rows.jsonl | pf-pack -q | pf-put -q --append wh/default.db/t")
    check(f"{name}: --verify", "is sound" in sh("pf-put --verify wh/default.db/t"))
    table = CatalogFactory.create({"warehouse": "wh"}).get_table("default.t")
    got = sorted(read(table).to_pylist(), key=lambda r: r["seq"])
    want = [dict(r, **({} if partition == "none" else {"dt": dt_of(r, partition)})) for r in rows]
    differ = [(g, w) for g, w in zip(got, want) if g != w]
    check(f"{name}: pypaimon reads every value", len(got) == ROWS and not differ, differ[:1])
    if partition != "none":
        day = dt_of(rows[0], partition)
        check(f"{name}: filter on dt", numbers(read(table, lambda p: p.equal("dt", day))) ==
              [r["seq"] for r in rows if dt_of(r, partition) == day])
        check(f"{name}: filter on dt, a miss",
              not numbers(read(table, lambda p: p.equal("dt", "1999-01-01"))))
    some = rng.choice(rows)["id"]
    check(f"{name}: filter on the ID", numbers(read(table, lambda p: p.equal("id", some))) ==
          [r["seq"] for r in rows if r["id"] == some], some)
    wrong = []
    for k, t in enumerate(TYPES):
        c = f"c{k}"
        values = sorted({r[c] for r in rows if r[c] is not None})
        bounds = [values[0], values[-1], rng.choice(values)]
        for v in bounds:
            ops = [("equal", lambda x: x == v), ("greater_than", lambda x: x > v),
                   ("less_or_equal", lambda x: x <= v)]
            for op, test in [ops[0] if t == "boolean" else rng.choice(ops)]:
                a = numbers(read(table, lambda p: getattr(p, op)(c, v)))
                b = [r["seq"] for r in rows if r[c] is not None and test(r[c])]
                if a != b:
                    wrong.append((t, op, v, len(a), len(b)))
        a = numbers(read(table, lambda p: p.is_null(c)))
        if a != [r["seq"] for r in rows if r[c] is None]:
            wrong.append((t, "is_null", len(a)))
    if numbers(read(table, lambda p: p.is_not_null("none"))):
        wrong.append(("none", "is_not_null"))
    check(f"{name}: filters on every column", not wrong, wrong)
    files = sh("find wh/default.db/t -name '*.parquet'").split()
    total = duckdb.sql(f"select count(*), sum(seq), count(distinct id), sum(c1) from read_parquet("
                       f"{files}, hive_partitioning=false)").fetchall()[0]
    check(f"{name}: DuckDB reads the same files", total == (
        ROWS, sum(r["seq"] for r in rows), len({r["id"] for r in rows}),
        sum(r["c1"] or 0 for r in rows)), total)


def check_turns():
    """pypaimon and we append in turns; our offsets survive its commits."""
    shutil.rmtree("wh", ignore_errors=True)
    open("t.yaml", "w").write(definition("bigint", "day", 4))
    sh("pf-put -q --create t.yaml wh/default.db/t")
    table = CatalogFactory.create({"warehouse": "wh"}).get_table("default.t")
    load = ("pf-stage read stage --after wh/default.db/t | pf-partition | pf-pack -q | "
            "pf-put -q wh/default.db/t")
    rows, all_rows = [], 0
    for turn in range(4):
        rows += make_rows("bigint", 50)
        write_json(rows, "bigint", "rows.jsonl")
        sh("pf-stage append -q -S t.yaml stage rows.jsonl")
        sh(load)
        sh(load)
        all_rows += 50
        ours = read(table)
        check(f"turn {turn}: pypaimon sees our rows once", ours.num_rows == all_rows, ours.num_rows)
        b = table.new_batch_write_builder()
        w, c = b.new_write(), b.new_commit()
        w.write_arrow(ours.slice(0, 20).cast(ours.schema))
        c.commit(w.prepare_commit())
        w.close()
        c.close()
        all_rows += 20
        check(f"turn {turn}: its rows are in their buckets",
              f"{all_rows} rows" in sh("pf-put --verify wh/default.db/t"))
    out = sh("pf-query -O tsv -c 'count(*) as n' wh/default.db/t")
    check("pf-query counts both", out.split() == ["n", str(all_rows)], out)


def main():
    print(f"# seed {SEED}")
    os.environ["PATH"] = BUILD + ":" + os.environ["PATH"]
    os.environ["TZ"] = "UTC0"
    with tempfile.TemporaryDirectory(prefix="pf-peers-") as scratch:
        os.chdir(scratch)
        for id_type in rng.sample(IDS, int(os.environ.get("PF_TEST_IDS", 3))):
            check_types(id_type)
        check_turns()
        os.chdir("/")
    print(f"1..{n}")
    return failed > 0


sys.exit(main())
