# SPDX-License-Identifier: Apache-2.0
"""Tables of ours with a primary key, and everybody in turns on them: upserts,
deletes and compactions of ours, of Paimon Java, Flink, Spark and pypaimon in a
random order. After each commit all of them read the rows of a model.
check_keyed.py runs this, and says what the words of the matrix promise."""
import datetime
import json
import os
import shutil
import sys

import pyarrow as pa
import pyarrow.parquet as pq

from engines import HERE, canon, text
from programs import list_files, ours, sh
from readers import Flink, PaimonJava, PyPaimon, Spark
from tap import rng

sys.path.insert(0, os.path.join(os.path.dirname(HERE), "conform"))
from _keyed_model import TABLES, apply, version  # noqa: E402

COMPACT = ("commit.force-compact", "true", "num-sorted-run.compaction-trigger", "1")
TITLES = {"plain": "BIGINT key, 3 buckets", "text": "text and number as key, `sequence`, 2 buckets",
          "days": "INT key, partitioned by day, 2 buckets"}
LOAD = "pf-stage read {s} --after {t} | pf-partition | pf-pack -q --old-readers | pf-put -q {t}"


class Ours:
    """A table and what must be in it."""

    def __init__(self, name, definition, make_key, key, sequence):
        self.name, self.make_key, self.key, self.sequence = name, make_key, key, sequence
        self.path, self.stage = os.path.abspath(f"wh/default.db/ours_{name}"), f"{name}.stage"
        self.model, self.n, self.operations, self.turns = {}, 0, 0, 0
        with open(f"{name}.yaml", "w") as f:
            f.write(definition)
        sh(f"pf-put -q --create {name}.yaml {self.path}")
        with open(f"{self.path}/schema/schema-0") as f:
            fields = json.load(f)["fields"]
        self.types = {x["name"]: x["type"].replace(" NOT NULL", "") for x in fields}
        self.names = list(self.types)

    def value(self, row, column):
        if column == "dt":
            return row["ts"][:10]
        return datetime.datetime.fromisoformat(row["ts"]) if column == "ts" else row[column]

    def cells(self, row):
        return tuple(text(self.value(row, c)) for c in self.names)

    def want(self, of=lambda row: True):
        return sorted(self.cells(r) for r in self.model.values() if r["op"] in ("+I", "+U") and of(r))

    def id(self, row):
        return tuple(self.value(row, c) for c in self.key)

    def latest(self):
        try:
            with open(self.path + "/snapshot/LATEST") as f:
                return f.read()
        except FileNotFoundError:
            return "0"

    def live(self):
        return [r for r in self.model.values() if r["op"] in ("+I", "+U")]

    def versions(self, n):
        """New ones, known to the model. Compactions forget deletes, and then an
        older version that comes late is the only one; so none comes late to
        what was deleted."""
        rows = []
        for _ in range(n):
            row = version(rng, self.make_key(rng))
            old = self.model.get(self.id(row))
            if self.sequence and old and "-" in old["op"] + row["op"]:
                row[self.sequence] = (old[self.sequence] or 0) + rng.randrange(3)
            rows.append(row)
            self.put(row)
        return rows

    def put(self, row):
        self.operations += 1
        apply(self.model, row, self.key, self.sequence)

    def singles(self, n):
        """Upserts, at most one of each key, for those whose writes have no order."""
        rows = {}
        for _ in range(n):
            row = version(rng, self.make_key(rng))
            row["op"] = "+U"
            old = self.model.get(self.id(row))
            if self.sequence and old and "-" in old["op"]:
                row[self.sequence] = (old[self.sequence] or 0) + rng.randrange(3)
            rows[self.id(row)] = row
        return list(rows.values())

    def put_all(self, rows):
        for row in rows:
            self.put(row)


# Turns: (who, what) in a table.

def we_write(t):
    t.n += 1
    with open(f"{t.name}.jsonl", "w") as f:
        for row in t.versions(rng.choice([1, 5, 30])):
            f.write(json.dumps(row, ensure_ascii=False) + "\n")
    sh(f"pf-stage append -q -S {t.name}.yaml {t.stage} --source s{t.n} < {t.name}.jsonl")
    sh(LOAD.format(s=t.stage, t=t.path))


def we_compact(t, full):
    sh(f"pf-put -q --compact {full} {t.path} && pf-put -q --verify {t.path}")


def java_writes(java, t, options=()):
    for row in t.versions(rng.choice([1, 5, 20])):
        java.ask("change", t.path, row["op"], *[None if v is None else v if isinstance(v, str) else text(v)
                                                for v in (t.value(row, f) for f in t.names)])
    java.ask("commit", t.path, *options)


def literal(sql, t, column, v):
    kind = sql.sql_type(t.types[column])
    return f"CAST(NULL AS {kind})" if v is None else f"CAST({v} AS {kind})" if isinstance(v, int) else sql.cast(t, column, v)


def select(sql, t, row):
    return "SELECT " + ", ".join(f"{literal(sql, t, c, t.value(row, c))} AS {c}" for c in t.names)


def one_of(sql, t, rows):
    """Paimon 0.9 cannot ask Parquet for small integers, see check.py; a cast alone
    Spark would take away."""
    def column(k):
        return f"({k} + 0)" if isinstance(sql, Spark) and t.types[k] == "SMALLINT" else k
    return " OR ".join("(" + " AND ".join(f"{column(k)} = {literal(sql, t, k, v)}" for k, v in zip(t.key, t.id(r))) + ")" for r in rows)


def sql_upserts(sql, t):
    rows = t.singles(rng.choice([1, 4, 8]))
    sql.ask("rows", f"INSERT INTO {sql.name(t.path)} " + " UNION ALL ".join(select(sql, t, r) for r in rows))
    t.put_all(rows)


def sql_deletes(sql, t):
    some = rng.sample(t.live(), min(4, len(t.live())))
    if some:
        sql.ask("rows", f"DELETE FROM {sql.name(t.path)} WHERE {one_of(sql, t, some)}")
    t.put_all([{**r, "op": "-D"} for r in some])


def sql_updates(sql, t):
    some = rng.sample(t.live(), min(4, len(t.live())))
    word = rng.choice(["updated", "ä'\\n", ""])
    if some:
        sql.ask("rows", f"UPDATE {sql.name(t.path)} SET event = {sql.string(word)} WHERE {one_of(sql, t, some)}")
    t.put_all([{**r, "event": word} for r in some])


def spark_merges(spark, t):
    """MERGE INTO: what is there is updated or deleted, the rest inserted."""
    rows = t.singles(6)
    gone = [r for r in rng.sample(t.live(), min(2, len(t.live()))) if t.id(r) not in {t.id(x) for x in rows}]
    source = " UNION ALL ".join([select(spark, t, r) + ", false AS gone" for r in rows] +
                                [select(spark, t, r) + ", true AS gone" for r in gone])
    spark.ask("rows", f"MERGE INTO {spark.name(t.path)} t USING ({source}) s ON " +
              " AND ".join(f"t.{k} = s.{k}" for k in t.key) + " WHEN MATCHED AND s.gone THEN DELETE WHEN MATCHED THEN UPDATE SET "
              + ", ".join(f"{c} = s.{c}" for c in t.names if c not in t.key) + " WHEN NOT MATCHED THEN INSERT ("
              + ", ".join(t.names) + ") VALUES (" + ", ".join(f"s.{c}" for c in t.names) + ")")
    t.put_all(rows + [{**r, "op": "-D"} for r in gone])


def flink_streams(flink, t):
    """A changing query in streaming mode: a maximum per key, which grows."""
    first = [{**r, "n": r["n"] or 0} for r in t.singles(4)]
    later = [{**r, "n": r["n"] + 1} for r in first]
    flink.ask("prepare", f"INSERT INTO {flink.name(t.path)} SELECT " +
              ", ".join(c if c in t.key else f"MAX({c})" for c in t.names)
              + " FROM (" + " UNION ALL ".join(select(flink, t, r) for r in first + later) + f") GROUP BY {', '.join(t.key)}")
    t.put_all(first + later)


def pypaimon_writes(py, t):
    rows = t.singles(rng.choice([1, 6]))
    py.write(t.path, lambda schema: pa.Table.from_pylist([{c: t.value(r, c) for c in t.names} for r in rows], schema=schema))
    t.put_all(rows)


def writes(e, t):
    """Paimon 0.9 (Spark's) does not know that files may have no statistics, as
    pypaimon's, and forgets it when it merges manifests; then no other reader
    knows. So these two never write to the same table."""
    return not isinstance(e, Spark if t.name == "days" else PyPaimon)


def order_of(engines, t, steps):
    """Turns in a random order, one of each engine at least: (engine or None for
    us, words, what). Spark's come in the second half, since pypaimon reads
    nothing of Paimon 0.9 (see check_keyed.py)."""
    engines = [e for e in engines if writes(e, t)]
    all_ = turns(engines)
    ours_ = [x for x in all_ if not x[0]]
    early = [x for x in all_ if not isinstance(x[0], Spark)]
    first = [rng.choice([x for x in all_ if x[0] is e]) for e in engines if not isinstance(e, Spark)] + [rng.choice(ours_[1:])]
    last = [rng.choice([x for x in all_ if x[0] is e]) for e in engines if isinstance(e, Spark)] + [rng.choice(ours_[1:]), ours_[0]]
    half = max(len(first), steps // 2 - 1)
    first += [rng.choice(early) for _ in range(half - len(first))]
    last += [rng.choice(all_) for _ in range(steps - half - 1 - len(last))]
    rng.shuffle(first)
    rng.shuffle(last)
    return ours_[:1] + first, last


def turns(engines):
    """Who may do what."""
    result = [(None, "we write", we_write), (None, "we compact", lambda t: we_compact(t, "")),
              (None, "we compact --full", lambda t: we_compact(t, "--full"))]
    for e in engines:
        def add(what, fn, e=e):
            result.append((e, f"{e.title} {what}", lambda t: fn(e, t)))
        if isinstance(e, PaimonJava):
            add("writes", java_writes)
            add("writes and compacts", lambda e, t: java_writes(e, t, COMPACT))
        elif isinstance(e, PyPaimon):
            add("upserts", pypaimon_writes)
        else:
            add("upserts", sql_upserts)
            add("deletes", sql_deletes)
            add("updates", sql_updates)
            add("compacts", compacts)
            add(*(("merges", spark_merges) if isinstance(e, Spark) else ("streams", flink_streams)))
    return result


def compacts(sql, t):
    name = "default." + os.path.basename(t.path)
    if isinstance(sql, Flink):
        sql.ask("rows", "USE CATALOG paimon")
        sql.ask("rows", f"CALL sys.compact(`table` => '{name}')")
    else:
        sql.ask("rows", f"CALL paimon.sys.compact(table => '{name}')")


# Readers: the rows of all tables, by name.

def read_all(e, tables):
    if isinstance(e, PaimonJava):
        return {t.name: sorted(map(tuple, e.ask("rows", t.path)[1:])) for t in tables}
    if isinstance(e, PyPaimon):
        return {t.name: sorted(canon(e.table(t.path).select(t.names))) for t in tables}
    # Planning takes long: one statement for all tables.
    columns = list(dict.fromkeys(c for t in tables for c in t.names))
    kinds = {c: "TIMESTAMP_NTZ" if isinstance(e, Spark) else "TIMESTAMP(3)" for c in columns if c == "ts"}

    def cell(t, c):
        return f"CAST({c if c in t.types else 'NULL'} AS {kinds.get(c, 'STRING')}) AS {c}"
    rows = e.ask("rows", " UNION ALL ".join(f"SELECT '{t.name}' AS table_name, " + ", ".join(cell(t, c) for c in columns)
                                            + f" FROM {e.name(t.path)}" for t in tables))
    result = {t.name: [] for t in tables}
    for name, *cells in rows[1:]:
        row = dict(zip(columns, cells))
        result[name].append(tuple(row[c] for c in next(t for t in tables if t.name == name).names))
    return {name: sorted(r) for name, r in result.items()}


CONDITIONS = [("n > 0", lambda r: (r["n"] or 0) > 0), ("event = 'a'", lambda r: r["event"] == "a"),
              ("ts < '2024-01-02'", lambda r: r["ts"] < "2024-01-02")]


def we_read(t):
    wrong = []
    for options in (), ("--no-prune",):
        got = sorted(canon(ours(t.path, *options).select(t.names)))
        if got != t.want():
            wrong.append((options, [x for x in zip(got, t.want()) if x[0] != x[1]][:2], len(got), len(t.want())))
    where, of = rng.choice(CONDITIONS)
    got = sorted(canon(ours(t.path, "-w", where).select(t.names)))
    if got != t.want(of):
        wrong.append((where, got[:3], t.want(of)[:3]))
    return wrong


def pruned_copies(t):
    """The table without the files that have none of a key's versions, by the
    bounds in their metadata; with as many files as stay away."""
    copy = t.path + "_part"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(t.path, copy)
    row = rng.choice(t.live())
    key = t.key[-1] if t.name == "days" else t.key[0]
    value, away = t.value(row, key), 0
    for path in list_files(t.path):
        keys = pq.read_table(path, columns=["_KEY_" + key], partitioning=None).column(0).to_pylist()
        if not min(keys) <= value <= max(keys):
            os.unlink(path.replace(t.path, copy))
            away += 1
    return copy, key, value, away


def pruned(e, t, copy, key, value):
    want = t.want(lambda r: t.value(r, key) == value)
    if isinstance(e, PaimonJava):
        got = e.ask("rows", copy, key, "=", text(value) if not isinstance(value, str) else value)[1:]
    elif isinstance(e, PyPaimon):
        table = e.table(copy, (key, "=", value))
        got = canon(table.select(t.names)) if table else []
    else:
        got = e.ask("rows", f"SELECT {', '.join(t.names)} FROM {e.name(copy)} WHERE {key} = {literal(e, t, key, value)}")[1:]
    got = sorted(map(tuple, got))
    return [] if got == want else (key, value, got[:3], want[:3])
