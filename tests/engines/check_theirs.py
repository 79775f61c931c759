#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_theirs.py [--write] [KIND...] [ENGINE...]: append tables that other
engines' own code made and filled, read by pf-query. Prints TAP and the second
matrix of MATRIX.md, which must be what was found (--write makes it so).

  read      pf-query gives the rows that were put in, as the engine itself
            reads them back: all rows, and for every column the sum of its values
  filtered  for every column the rows with a value that is there, those with
            one that is not, those beside a bound and the nulls, so that
            statistics, partitions and file indexes of theirs are trusted
  appended  pf-put adds rows, which the engine finds, or
  refused   pf-put says by name why it does not
  windowed  pf-window with a state between whose runs rows were deleted gives
            what it gives without one, and what the rows are

Data is made anew in each run; the seed is printed (PF_TEST_SEED). A kind of table
of an engine is the same with the same seed, whichever others are asked for.
"""
import datetime
import decimal
import glob
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import check as base
from check import JAVA, PaimonJava, agrees, installed, moment, ours, sh, unescaped, word
from engines import NULL, UTC, EngineError, canon, digest, text
from tap import check, draw_for, rng, run

HEAD = "## Tables of theirs"


# Values.

def precise(p, zone=None):
    def make():
        v = moment(min(p, 6))
        return v.replace(tzinfo=zone) if zone else v
    return make


MAKE = dict(base.TYPES)
MAKE["variant"] = MAKE["blob"] = lambda: None
MAKE.update({
    "char(5)": lambda: word(5), "varchar(9)": lambda: word(rng.randrange(10)),
    "binary(4)": lambda: rng.randbytes(4), "varbinary(9)": lambda: rng.randbytes(rng.randrange(10)),
    "decimal(5,0)": lambda: base.digits(5, 0), "decimal(20,5)": lambda: base.digits(20, 5), "decimal(20,2)": lambda: base.digits(20, 2),
    "time(0)": lambda: datetime.time(rng.randrange(24), rng.randrange(60), rng.randrange(60)),
    **{f"timestamp({p})": precise(p) for p in range(10)},
    **{f"timestamp_ltz({p})": precise(p, UTC) for p in range(10)},
})


def java_type(t):
    if t.startswith("{"):
        return t
    if t.startswith("timestamp_ltz"):
        return f"TIMESTAMP{t[13:]} WITH LOCAL TIME ZONE"
    return t.upper()


def kind_of(t):
    return "float" if t == "float" else ""


def literal(t, v):
    """As pf-query's --where takes it."""
    if isinstance(v, bool):
        return str(v).lower()
    if isinstance(v, bytes):
        return f"x'{v.hex()}'"
    if isinstance(v, str):
        return "'" + v.replace("'", "''") + "'"
    if isinstance(v, float):
        return repr(v) if "e" in repr(v) else repr(v) + "e0"
    if isinstance(v, datetime.datetime):
        s = v.replace(tzinfo=None).isoformat()
        return f"'{s}Z'" if v.tzinfo else f"'{s}'"
    if isinstance(v, (datetime.date, datetime.time)):
        return f"'{v.isoformat()}'"
    return str(v)


class Table:
    """A table of theirs: columns, and the rows that must be in it."""

    def __init__(self, engine, name, columns, options="", partition=""):
        self.engine, self.partition = engine, partition
        self.name = f"{name}_{engine.short}"
        self.path = os.path.abspath(f"wh/default.db/{self.name}")
        self.columns = dict(columns)
        self.rows = []
        engine.create(self, options, partition)

    @property
    def names(self):
        return list(self.columns)

    def make(self, count_, **fixed):
        """More rows, not yet written; fixed: values by column."""
        rows = []
        for i in range(count_):
            r = {}
            for c, t in self.columns.items():
                if c in fixed:
                    r[c] = fixed[c](i) if callable(fixed[c]) else fixed[c]
                else:
                    r[c] = None if rng.random() < 0.15 else self.engine.value(t)
            rows.append(r)
        return rows

    def add(self, count_, options_=(), **fixed):
        """As one commit."""
        rows = self.make(count_, **fixed)
        self.engine.insert(self, rows, options_)
        self.rows += rows

    def delete(self, column, values):
        self.engine.delete(self, column, values)
        self.rows = [r for r in self.rows if r[column] not in values]

    def cells(self, rows):
        return [tuple(text(r.get(c), kind_of(t)) for c, t in self.columns.items()) for r in rows]

    def sums(self, rows=None):
        return digest(self.names, self.cells(self.rows if rows is None else rows))

    def query(self, *args):
        return digest(self.names, canon(ours(self.path, *args).select(self.names)))


def differs(got, want):
    return [x for x in zip(got, want) if x[0] != x[1]][:3] if len(got) == len(want) else (got[:2], want[:2])


def check_read(t, sums=None):
    """pf-query, the engine and what was put in agree."""
    want = sums or t.sums()
    wrong = differs(t.engine.digest(t), want)
    if wrong:
        return "the engine itself", wrong
    return differs(t.query(), want) or differs(t.query("--no-prune", "-w", "1 = 1"), want)


OPS = {"=": lambda a, b: a == b, "<": lambda a, b: a < b, ">=": lambda a, b: a >= b}


def check_filtered(t, most=1000):
    """Of many columns some: other tables take others, and other runs. The oldest
    and the newest release are asked the most."""
    wrong = []
    if t.engine.title.endswith(("1.3.1", "1.4.2")):
        most = min(most, 3)
    for c, kind in rng.sample(list(t.columns.items()), min(most, len(t.columns))):
        values = [r[c] for r in t.rows if r[c] is not None and r[c] == r[c]]
        cases = [("is null", None)]
        if values:
            some, bound = rng.choice(values), rng.choice(values)
            cases.append(("=", some))
            if not isinstance(some, bool):
                cases.append((rng.choice(["<", ">="]), bound))
            for _ in range(20):
                miss = MAKE[kind]()
                if miss not in values:
                    cases.append(("=", miss))
                    break
        for op, v in cases:
            if op == "is null":
                want = [r for r in t.rows if r[c] is None]
                where = f"{c} is null"
            else:
                want = [r for r in t.rows if r[c] is not None and OPS[op](r[c], v)]
                where = f"{c} {op} {literal(kind, v)}"
            got = t.query("-w", where)
            if got != t.sums(want):
                wrong.append((where, got[0], t.sums(want)[0]))
    return wrong


# The engines as writers.

class JavaWriter:
    kinds = []
    TYPES = [k for k in MAKE if k not in ("variant", "blob")]

    def __init__(self, name):
        self.java = PaimonJava(name)
        self.title, self.version = self.java.title, name.split("-")[1]
        self.short = "java" + self.version.replace(".", "")
        self.ask = self.java.ask

    def value(self, t):
        """Its own reader of 1.2 takes no INT96 from before 1970."""
        v = MAKE[t]()
        old = t.startswith("timestamp") and t[-2] in "789" and not self.at_least("1.3")
        return v.replace(year=2000 + v.year % 28) if old else v

    def sql_type(self, k):
        return java_type(k)

    def at_least(self, version):
        return tuple(map(int, self.version.split("."))) >= tuple(map(int, version.split(".")))

    def create(self, t, options, partition):
        columns = [x for c, k in t.columns.items() for x in (c, java_type(k))]
        self.ask("create", t.path, options, partition, *columns)

    def insert(self, t, rows, options=()):
        for r in t.cells(rows):
            self.ask("write", t.path, *[None if c == NULL else unescaped(c) for c in r])
        self.ask("commit", t.path, *options)

    def delete(self, t, column, values):
        self.ask("delete", t.path, column, *[text(v, kind_of(t.columns[column])) for v in values])

    def alter(self, t, *what):
        self.ask("alter", t.path, *what)

    def tag(self, t, name):
        self.ask("tag", t.path, name)

    def compact(self, t):
        self.alter(t, "set", "write-only", "false")
        self.ask("compact", t.path, "full")

    def overwrite(self, t, partition, rows):
        self.insert(t, rows, ("overwrite", "p=" + partition))

    def digest(self, t):
        return self.ask("digest", t.path)[1:]

    def stop(self):
        self.java.stop()


class SqlWriter:
    kinds = ["sql"]  # a table instead of several where SQL takes its time
    """Tables made by SQL. The rows come out of tables that Paimon Java wrote:
    no literal has to say them."""

    def __init__(self, engine, short):
        self.sql, self.title, self.short = engine, engine.title, short
        self.loader = JavaWriter("paimon-1.2.0")
        self.loader.short = short
        self.loaded = 0

    def value(self, t):
        return MAKE[t]()

    def run(self, statement):
        return self.sql.ask("rows", statement)

    def name(self, t):
        return self.sql.name(t.path)

    def at_least(self, version):
        return False

    def create(self, t, options, partition):
        columns = ", ".join(f"`{c}` {self.sql_type(k)}" for c, k in t.columns.items())
        by = f" PARTITIONED BY ({partition})" if partition else ""
        with_ = ", ".join("'{}' = '{}'".format(*o.split("=", 1)) for o in options.split("\n") if o)
        with_ = f" {self.with_} ({with_})" if with_ else ""
        self.run(f"CREATE TABLE {self.name(t)} ({columns}){by}{with_}")

    def insert(self, t, rows, options=()):
        self.loaded += 1
        source = Table(self.loader, f"source{self.loaded}", t.columns)
        self.loader.insert(source, rows)
        names = ", ".join(f"`{c}`" for c in t.columns)
        self.run(self.insertion(t, names, source, dict(zip(options[::2], options[1::2]))))

    def alter(self, t, what, *args):
        args = [f"`{a}`" if what not in ("set", "add", "type") and a not in ("first",) else a for a in args]
        self.run(f"ALTER TABLE {self.name(t)} " + self.change(what, *args))

    def digest(self, t):
        names = ", ".join(f"`{c}`" for c in t.columns)
        return self.sql.ask("digest", f"SELECT {names} FROM {self.name(t)}")

    def sql_type(self, k):
        return self.nested(json.loads(k)) if k.startswith("{") else self.type(k)

    def compact(self, t):
        self.run(f"CALL {self.call}sys.compact({self.arg} => 'default.{t.name}')")

    def tag(self, t, name):
        self.run(f"CALL {self.call}sys.create_tag({self.arg} => 'default.{t.name}', tag => '{name}')")

    def overwrite(self, t, partition, rows):
        ids = ", ".join(str(r["id"]) for r in rows)
        self.run(f"INSERT OVERWRITE {self.name(t)} PARTITION (p = '{partition}') SELECT id, s FROM {self.name(t)} "
                 f"WHERE p = '{partition}' AND id IN ({ids})")

    def delete(self, t, column, values):
        self.run(f"DELETE FROM {self.name(t)} WHERE {column} IN ({', '.join(map(str, values))})")

    def stop(self):
        self.loader.stop()
        self.sql.stop()


class FlinkWriter(SqlWriter):
    with_, call, arg = "WITH", "", "`table`"
    TYPES = [k for k in MAKE if k not in ("time(3)", "variant", "blob")]

    def __init__(self, warehouse):
        super().__init__(base.Flink(warehouse), "flink")

    def at_least(self, version):
        return True

    def run(self, statement):
        if statement.startswith("CALL"):
            self.sql.ask("rows", "USE CATALOG paimon")
        return super().run(statement)

    def type(self, k):
        return k.upper() if not k.startswith("timestamp_ltz") else f"TIMESTAMP_LTZ{k[13:]}"

    def nested(self, j):
        if isinstance(j, str):
            return j
        kind, _, nullable = j["type"].partition(" ")
        inner = (", ".join(f"`{f['name']}` {self.nested(f['type'])}" for f in j["fields"]) if kind == "ROW" else
                 ", ".join(self.nested(j[x]) for x in ("element", "key", "value") if x in j))
        return f"{kind}<{inner}> {nullable}".strip()

    def insertion(self, t, names, source, options):
        hint = ", ".join(f"'{k}' = '{v}'" for k, v in options.items())
        hint = f" /*+ OPTIONS({hint}) */" if hint else ""
        return f"INSERT INTO {self.name(t)}{hint} SELECT {names} FROM {self.name(source)}"

    def change(self, what, *a):
        place = "" if len(a) < 3 else " FIRST" if a[2] == "first" else f" AFTER `{a[2]}`"
        if what == "add":
            return f"ADD `{a[0]}` {a[1]}{place}"
        if what == "type":
            return f"MODIFY `{a[0]}` {a[1]}"
        if what == "move":
            return f"MODIFY {a[0]} {self.moved} " + ("FIRST" if len(a) < 2 else f"AFTER {a[1]}")
        if what == "set":
            return f"SET ('{a[0]}' = '{a[1]}')"
        return f"DROP {a[0]}" if what == "drop" else f"RENAME {a[0]} TO {a[1]}"

    def alter(self, t, what, *args):
        if what == "move":  # the type has to be said again
            self.moved = self.type(t.columns[args[0]])
        super().alter(t, what, *args)


class SparkWriter(SqlWriter):
    with_, call, arg = "TBLPROPERTIES", "paimon.", "table"
    # Of times it has only timestamps of six digits.
    TYPES = [k for k in MAKE if not k.startswith("time") and k not in ("variant", "blob") and "binary" not in k] + [
        "timestamp(6)", "timestamp_ltz(6)"]

    def __init__(self, warehouse):
        super().__init__(base.Spark(warehouse), "spark")

    def type(self, k):
        return {"timestamp(6)": "TIMESTAMP_NTZ", "timestamp_ltz(6)": "TIMESTAMP", "bytes": "BINARY"}.get(k, k.upper())

    def insertion(self, t, names, source, options):
        for k, v in options.items():
            self.alter(t, "set", k, v)
        # Of lists in maps Paimon 0.9 reads wrong ones; Spark's own reader does not.
        nested = any(k.startswith("{") for k in t.columns.values())
        return f"INSERT INTO {self.name(t)} SELECT {names} FROM " + (
            f"parquet.`{source.path}/bucket-0/*.parquet`" if nested else self.name(source))

    def change(self, what, *a):
        if what == "add":
            return f"ADD COLUMN `{a[0]}` {a[1]}"
        if what == "type":
            return f"ALTER COLUMN `{a[0]}` TYPE {a[1]}"
        if what == "move":
            return f"ALTER COLUMN {a[0]} " + ("FIRST" if len(a) < 2 else f"AFTER {a[1]}")
        if what == "set":
            return f"SET TBLPROPERTIES ('{a[0]}' = '{a[1]}')"
        return f"DROP COLUMN {a[0]}" if what == "drop" else f"RENAME COLUMN {a[0]} TO {a[1]}"

    def nested(self, j):
        if isinstance(j, str):
            return re.sub(r"TIMESTAMP\(.\)", "TIMESTAMP_NTZ", j)
        kind = j["type"].partition(" ")[0]
        if kind == "ROW":
            return "STRUCT<" + ", ".join(f"`{f['name']}`: {self.nested(f['type'])}" for f in j["fields"]) + ">"
        return f"{kind}<" + ", ".join(self.nested(j[x]) for x in ("element", "key", "value") if x in j) + ">"


# Kinds of tables. Each is given an engine and yields (what, wrong).

def all_types(e):
    t = Table(e, "types", {"id": "int", **{f"c{i}": k for i, k in enumerate(e.TYPES)}, "none": "string"})
    t.add(120, id=lambda i: i, none=None)
    if not e.kinds:
        t.add(80, id=lambda i: 120 + i, none=None)
    yield "read", check_read(t)
    yield "filtered", check_filtered(t)


CODED = {"id": "bigint", "n": "int", "s": "string", "d": "double", "f": "float", "b": "boolean", "x": "decimal(20,5)",
         "ts": "timestamp(6)", "nano": "timestamp(9)", "y": "bytes", "t": "smallint"}


def known(e, columns):
    """Those that the engine has types for."""
    return {c: k for c, k in columns.items() if k in e.TYPES}


def codecs(e):
    """Each commit in another way: codec, versions of pages, dictionaries, and
    pages and row groups so small that a file has many."""
    t = Table(e, "codecs", known(e, CODED))
    n = 0
    ways = [("PARQUET_1_0", "true"), ("PARQUET_2_0", "true"), ("PARQUET_2_0", "false")]
    for codec in ("zstd", "snappy", "gzip", "lz4", "uncompressed"):
        # SQL takes its time; and Paimon 0.9 reads no delta encodings.
        few = ways[:1] if e.short == "spark" else ways[n // 40 % 3:][:1]
        for version, dictionary in few if e.kinds else ways:
            t.add(40, ("file.compression", codec, "parquet.compression", codec, "parquet.writer.version", version,
                       "parquet.enable.dictionary", dictionary, "parquet.page.size", "512",
                       "parquet.block.size", "4096"), id=lambda i: n + i)
            n += 40
    yield "read", check_read(t)
    yield "filtered", check_filtered(t)
    import pyarrow.parquet as pq
    seen = set()
    for f in glob.glob(t.path + "/bucket-0/*.parquet"):
        m = pq.ParquetFile(f).metadata
        for g in range(m.num_row_groups):
            for c in range(m.num_columns):
                k = m.row_group(g).column(c)
                seen |= {k.compression, *k.encodings}
    print(f"# {t.name}: {sorted(seen)}")
    # pyarrow has no name for the LZ4 of Hadoop.
    want = {"ZSTD", "SNAPPY", "GZIP", "UNKNOWN", "UNCOMPRESSED"}
    yield "", (want if e.short == "spark" else want | {"DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY"}) - seen


def partitions(e):
    wrong = []
    strange = [None, "", " ", "a b", "x/y=z%25", "__DEFAULT_PARTITION__", "漢:{}", "2024-01-01", "ä'\"#*?"]
    dates = [datetime.date(2024, 1, 31), datetime.date(1969, 12, 31), None]
    moments = [datetime.datetime(2024, 1, 31), datetime.datetime(2024, 1, 31, 10, 5, 7),
               datetime.datetime(1969, 12, 31, 23, 59, 59, 120000), None]
    cases = [("s", {"p": "string"}, "p=default", strange, None),
             ("two", {"k": "int", "p": "date"}, "", dates, [0, -7, 2**31 - 1, None]),
             ("ts3", {"p": "timestamp(3)"}, "", moments, None),
             ("ts6", {"p": "timestamp(6)", "k": "boolean"}, "", moments, [True, False, None]),
             ("dec", {"p": "decimal(9,2)", "k": "bigint"}, "", [decimal.Decimal("1.50"), decimal.Decimal("-0.05"), None],
              [2**63 - 1, -1]),
             ("time", {"p": "time(3)", "k": "char(5)"}, "", [datetime.time(10, 5), datetime.time(0, 0, 0, 1000)], ["abcde"]),
             ("ints", {"p": "tinyint", "k": "smallint"}, "", [1, -128, None], [1, -300]),
             ("cast", {"p": "date", "k": "timestamp(3)"}, "partition.legacy-name=false", dates, moments)]
    for name, keys, options, values, others in cases:
        if not set(keys.values()) <= set(e.TYPES) or (e.kinds and name not in ("s", "two")):
            continue
        options = "" if options == "p=default" else options
        t = Table(e, "part_" + name, {"id": "int", "w": "string", **keys}, options, ",".join(sorted(keys)))
        fixed = {"p": lambda i: values[i % len(values)]}
        if others:
            fixed["k"] = lambda i: others[i // 2 % len(others)]
        t.add(30, id=lambda i: i, **fixed)
        if not e.kinds:
            t.add(12, id=lambda i: 30 + i, **fixed)
        for bad in (check_read(t), check_filtered(t)):
            if bad:
                wrong.append((name, bad))
    yield "read", wrong
    yield "filtered", wrong


def altered(e):
    """Files of each schema: columns added, dropped, added again under the same
    name, renamed, moved and widened."""
    moment_ = "timestamp(3)" if "timestamp(3)" in e.TYPES else "timestamp(6)"
    t = Table(e, "altered", {"id": "int", "a": "tinyint", "b": "int", "c": "float", "d": "decimal(9,2)",
                             "s": "varchar(9)", "m": moment_, "gone": "string", "u": "smallint"})
    t.add(30, id=lambda i: i)

    def change(*what, rename=None, drop=None, add=None, types=None):
        e.alter(t, *what)
        if rename:
            t.columns = {rename.get(c, c): k for c, k in t.columns.items()}
            for r in t.rows:
                for old, new in rename.items():
                    r[new] = r.pop(old)
        if drop:
            del t.columns[drop]
            for r in t.rows:
                del r[drop]
        if add:
            t.columns.update(add)
            for r in t.rows:
                r.update({c: None for c in add})
        if types:
            t.columns.update(types)
    change("add", "new", "STRING", add={"new": "string"})
    t.add(10, id=lambda i: 30 + i)
    change("drop", "gone", drop="gone")
    change("add", "gone", "BIGINT", add={"gone": "bigint"})
    change("rename", "b", "was_b", rename={"b": "was_b"})
    change("add", "b", "INT", add={"b": "int"})
    t.add(10, id=lambda i: 40 + i)
    change("type", "a", "INT", types={"a": "int"})
    change("type", "was_b", "BIGINT", types={"was_b": "bigint"})
    change("type", "c", "DOUBLE", types={"c": "double"})
    change("type", "d", "DECIMAL(20, 2)", types={"d": "decimal(20,2)"})
    change("type", "s", "STRING", types={"s": "string"})
    change("type", "u", "BIGINT", types={"u": "bigint"})
    t.add(20, id=lambda i: 50 + i)
    e.alter(t, "move", "s", "id")
    e.alter(t, "move", "m")
    order = ["m", "id", "s"]
    t.columns = {c: t.columns[c] for c in order + [c for c in t.columns if c not in order]}
    t.add(10, id=lambda i: 70 + i)
    for r in t.rows:  # a float that is read as a double is that float
        if r["id"] < 50 and isinstance(r["c"], float):
            r["c"] = float(r["c"])
    yield "read", check_read(t)
    yield "filtered", check_filtered(t)


CASTS = [("tinyint", "string"), ("int", "double"), ("int", "float"), ("int", "decimal(20,5)"), ("bigint", "int"),
         ("double", "int"), ("double", "bigint"), ("double", "string"), ("float", "string"), ("float", "smallint"),
         ("decimal(18,4)", "decimal(18,1)"), ("decimal(18,4)", "int"), ("decimal(9,2)", "double"),
         ("decimal(38,10)", "string"), ("decimal(5,0)", "decimal(20,5)"), ("boolean", "string"), ("boolean", "int"),
         ("date", "string"), ("date", "timestamp(3)"), ("timestamp(6)", "string"), ("timestamp(6)", "timestamp(3)"),
         ("timestamp(3)", "date"), ("timestamp(0)", "string"), ("time(3)", "string"), ("timestamp_ltz(3)", "string"),
         ("timestamp_ltz(6)", "timestamp(6)"), ("timestamp(3)", "timestamp_ltz(6)"), ("string", "varchar(3)"),
         ("varchar(9)", "char(5)"), ("varbinary(9)", "binary(4)"), ("int", "boolean"), ("timestamp(3)", "bigint"),
         ("int", "timestamp(3)")]


def casts(e):
    """Types altered in other ways: expected is what the engine makes of it."""
    some = {f"c{i}": (a, b) for i, (a, b) in enumerate(CASTS) if {a, b} <= set(e.TYPES)}
    t = Table(e, "casts", {"id": "int", **{c: a for c, (a, _) in some.items()}},
              "file-index.bloom-filter.columns=" + ",".join(c for c, (a, _) in some.items()
                                                            if not a.startswith(("dec", "bool"))))
    # Java before 19 gives some doubles more digits than they need.
    short = {f"c{i}": lambda i: rng.choice([None, 0.5, 5e-324, rng.randrange(-2**30, 2**30) / 8])
             for i, (a, b) in enumerate(CASTS) if a == "double" and b == "string"}
    short.update({f"c{i}": lambda i: rng.choice([None, 0.5, rng.randrange(-2**19, 2**19) / 8])
                  for i, (a, b) in enumerate(CASTS) if a == "float" and b == "string"})
    t.add(60, id=lambda i: i, **{c: v for c, v in short.items() if c in some})
    refused = []
    for c, (a, b) in some.items():
        try:
            e.alter(t, "type", c, e.sql_type(b))
            t.columns[c] = b
        except EngineError as error:
            refused.append(f"{a} as {b}")
    if len(refused) == len(some):
        yield "read", "nothing was altered"
    if refused:
        print(f"# {e.title} does not alter {', '.join(refused)}")
    want = e.digest(t)
    wrong = differs(t.query(), want)
    yield "read", wrong
    # Filters by a value that the cast made find its rows.
    rows = ours(t.path).to_pylist()
    for c, k in t.columns.items():
        v = next((r[c] for r in rows if r[c] is not None and r[c] == r[c]), None)
        if v is None or wrong:
            continue
        got = ours(t.path, "-w", f"{c} = {literal(k, v)}", "-c", "id").column("id").to_pylist()
        if sorted(got) != sorted(r["id"] for r in rows if r[c] == v):
            wrong.append((c, k, v, got))
    yield "filtered", wrong


def deletions(e):
    wrong = []
    cases = [("v1", "", ""), ("v1p", "", "p"), ("v1b", "bucket=2\nbucket-key=id", ""),
             ("v2", "deletion-vectors.bitmap64=true", "p"),
             ("dir", "index-file-in-data-file-dir=true\nfile-index.bitmap.columns=w", "p")]
    if e.short == "flink":
        # For whom tables without a primary key are not there to delete from.
        t = Table(e, "dv_none", {"id": "int"}, "deletion-vectors.enabled=true")
        t.add(5, id=lambda i: i)
        yield "", fails(lambda: t.delete("id", {1}), NO_DELETE)
        return
    for name, options, partition in cases if not e.kinds else cases[:2]:
        t = Table(e, "dv_" + name, {"id": "int", "p": "string", "w": "string", "x": "double"},
                  "deletion-vectors.enabled=true\n" + options, partition)
        t.add(200, ("parquet.page.size", "256", "parquet.block.size", "1000"), id=lambda i: i, p=lambda i: f"p{i % 2}",
              w=lambda i: f"w{i % 7}")
        t.add(100, id=lambda i: 200 + i, p=lambda i: f"p{i % 2}")
        t.delete("id", {0, 1, 17, 99, 199, 200, 299} | set(range(120, 150)))
        bad = check_read(t) or check_filtered(t)
        t.add(20, id=lambda i: 300 + i, p="p1")
        t.delete("id", {2, 300, 298})
        bad = bad or check_read(t) or check_filtered(t)
        if bad:
            wrong.append((name, bad))
    yield "read", wrong
    yield "filtered", wrong


SOME = {"id": "int", "n": "bigint", "s": "string", "x": "double", "f": "float", "b": "boolean", "d": "date",
        "m": "decimal(9,2)", "ts": "timestamp(3)", "us": "timestamp(6)", "z": "timestamp_ltz(3)", "y": "bytes",
        "i": "smallint", "t": "time(3)"}
FEW = {"n": lambda i: i % 5, "s": lambda i: f"word {i % 7}"}


def several(e, name, cases, columns=SOME, **fixed):
    """A table for each case, three commits each; fixed: values by column."""
    wrong = []
    for case, options in cases:
        t = Table(e, f"{name}_{case}", columns, options)
        for k in range(1 if e.kinds else 3):
            t.add(25, id=lambda i: 25 * k + i, **fixed)
        for bad in (check_read(t), check_filtered(t, 6)):
            if bad:
                wrong.append((case, bad))
    return wrong


def statistics(e):
    modes = ["none", "counts", "truncate(3)", "full"]
    cases = [(f"mode{i}", f"metadata.stats-mode={m}") for i, m in enumerate(modes)]
    cases += [("sparse", "metadata.stats-dense-store=false"), ("first", "metadata.stats-keep-first-n-columns=2"),
              ("mixed", "metadata.stats-mode=none\nfields.n.stats-mode=full\nfields.s.stats-mode=truncate(2)"),
              ("off", "metadata.stats-dense-store=false\nmetadata.stats-mode=none")]
    wrong = several(e, "stats", cases[2:3] + cases[-2:-1] if e.kinds else cases, known(e, SOME))
    yield "read", wrong
    yield "filtered", wrong


def indexes(e):
    """Beside the file and in the manifest."""
    wrong = []
    bloom = "file-index.bloom-filter.columns=id,n,s,x,f,d,ts,us,z,y,i,t"
    bitmap = "file-index.bitmap.columns=id,n,s,d,ts,us,z,i,b,t"
    if e.kinds:
        yield from several_sql(e)
        return
    kinds = [("bloom", bloom), ("bitmap", bitmap), ("bitmap1", bitmap + "\nfile-index.bitmap.s.version=1"),
             ("bsi", "file-index.bsi.columns=id,n,d,m,ts,us,z,i,t"),
             ("both", "file-index.bloom-filter.columns=s,n\nfile-index.bitmap.columns=n,b\nfile-index.bsi.columns=ts")]
    if e.at_least("1.3"):
        kinds.append(("range", "file-index.range-bitmap.columns=id,n,s,x,d,ts,us,z,i,t"))
    for threshold in ("1 B", "1 MB"):
        cases = [(f"{k}_{threshold[2:]}", f"{o}\nfile-index.in-manifest-threshold={threshold}") for k, o in kinds]
        # Paimon cannot take the magnitude of the smallest integer.
        near = {"n": lambda i: rng.randrange(-99, 99), "i": lambda i: rng.randrange(-9, 9)}
        for case in cases:
            wrong += several(e, "index", [case], **(near if "bsi" in case[0] or "both" in case[0] else {}))
        wrong += several(e, "index_few", cases[:2], **FEW)
    t = f"wh/default.db/index_bloom_B_{e.short}/bucket-0"
    yield "read", wrong
    yield "filtered", wrong
    yield "", [] if glob.glob(t + "/*.index") else "no file with an index beside it"


def several_sql(e):
    columns = {c: k for c, k in known(e, SOME).items() if k in ("int", "bigint", "string", "double", "date")}
    wrong = several(e, "index", [("both", "file-index.bloom-filter.columns=id,s,x,d\nfile-index.bitmap.columns=n,s\n"
                                  "file-index.in-manifest-threshold=1 B")], columns, **FEW)
    yield "read", wrong
    yield "filtered", wrong


def compacted(e):
    """Compacted, then overwritten; what was before is read by snapshot."""
    t = Table(e, "compacted", {"id": "int", "s": "string", "p": "string"},
              "bucket=2\nbucket-key=id\nwrite-only=true\ncompaction.min.file-num=2", "p")
    for k in range(4):
        t.add(40, id=lambda i: 40 * k + i, p=lambda i: f"p{i % 2}")
    before = ours("--files", t.path).num_rows
    e.compact(t)
    wrong = check_read(t) or check_filtered(t)
    if ours("--files", t.path).num_rows >= before:
        wrong = wrong or "no fewer files"
    was, newest = t.sums(), max(ours("--snapshots", t.path).column("snapshot").to_pylist())
    e.overwrite(t, "p1", [r for r in t.rows if r["p"] == "p1" and r["id"] < 21])
    t.rows = [r for r in t.rows if r["p"] == "p0" or r["id"] < 21]
    wrong = wrong or check_read(t) or check_filtered(t) or differs(t.query("--snapshot", str(newest)), was)
    yield "read", wrong
    yield "filtered", wrong


def append_ours(t, n=30):
    """Rows by pf-partition, pf-pack, pf-put; raises what pf-put says."""
    fixed = {"id": lambda i: 1000 + i, "ts": lambda i: base.moment(3, 1_704_000_000, 1_704_200_000)}
    rows = t.make(n, **fixed)
    with open(t.name + ".jsonl", "w") as f:
        for r in rows:
            f.write(json.dumps({c: base.json_value(v) for c, v in r.items() if c != "dt"}) + "\n")
    with open(t.name + ".yaml", "w") as f:
        f.write(f"table: t\nid: id\ntime: ts\npartition: {'day' if 'dt' in t.columns else 'none'}\nbuckets: 3\n"
                "columns:\n" + "".join(f"  {c}: {k}\n" for c, k in t.columns.items() if c != "dt"))
    sh(f"pf-partition -S {t.name}.yaml -I jsonl {t.name}.jsonl | pf-pack -q --old-readers | pf-put -q --append {t.path}")
    for r in rows:
        if "dt" in t.columns:
            r["dt"] = r["ts"].strftime("%Y-%m-%d")
    t.rows += rows


def check_appended(t):
    append_ours(t)
    return check_read(t)


def check_refused(t, part):
    """pf-put gives its reason, and nothing has changed."""
    try:
        append_ours(t)
    except RuntimeError as error:
        return [] if part in str(error) else str(error)
    return "was taken"


def buckets(e):
    """With fixed buckets, into which we can append, too."""
    columns = {c: k for c, k in known(e, SOME).items() if k != "boolean"}
    if e.short == "spark":
        columns["ts"] = "timestamp(6)"
    day = {"dt": lambda i: f"2024-01-0{i % 3 + 1}"}
    some = {"ts": lambda i: base.moment(3, 1_704_000_000, 1_704_200_000)}
    wrong, appended, refused = [], [], []
    cases = [("one", columns, "bucket=3\nbucket-key=id", "", None),
             ("day", {**columns, "dt": "string"}, "bucket=3\nbucket-key=id", "dt", None),
             ("indexed", columns, "bucket=3\nbucket-key=id\nfile-index.bloom-filter.columns=s,n\n"
              "metadata.stats-mode=none\nfile.compression=snappy", "", None),
             ("keys", columns, "bucket=3\nbucket-key=id,s", "", "bucket key of several columns"),
             ("none", columns, "bucket=-1", "", "no fixed buckets"),
             ("text", columns, "bucket=3\nbucket-key=s", "", "")]
    if e.kinds:
        cases = cases[1:2]
    elif e.at_least("1.3"):
        cases += [("mod", columns, "bucket=3\nbucket-key=id\nbucket-function.type=mod", "", "bucket-function.type"),
                  *[("hive", columns, "bucket=3\nbucket-key=id\nbucket-function.type=hive", "", "bucket-function.type")
                    for _ in range(e.at_least("1.4"))]]
    for name, columns, options, partition, why in cases:
        t = Table(e, "bucket_" + name, columns, options, partition)
        for k in range(1 if e.kinds else 2):
            t.add(40, id=lambda i: 40 * k + i, **some, **(day if partition else {}))
        for bad in (check_read(t), check_filtered(t, 6)):
            if bad:
                wrong.append((name, bad))
        if why is None:
            bad = check_appended(t)
            if not e.kinds:
                t.add(10, id=lambda i: 2000 + i, **some, **(day if partition else {}))
                bad = bad or check_read(t)
            bad = bad or check_filtered(t, 6)
            appended += [(name, bad)] if bad else []
        else:
            bad = check_refused(t, why) or check_read(t)
            refused += [(name, bad)] if bad else []
    yield "read", wrong
    yield "filtered", wrong
    yield "appended", appended
    if not e.kinds:
        yield "others refused", refused


def manifests(e):
    """Of several codecs, merged, with statistics of their own, tags."""
    wrong = []
    for codec in ("zstd", "snappy", "deflate", "null") if not e.kinds else ("snappy",):
        t = Table(e, "manifests_" + codec, {**known(e, SOME), "p": "string"},
                  f"manifest.compression={codec}\nmanifest.merge-min-count=3\nbucket=2\nbucket-key=id", "p")
        for k in range(10 if not e.kinds else 4):
            t.add(4, id=lambda i: 4 * k + i, p=lambda i: f"p{i % 2}")
            if k == 2:
                e.tag(t, "three")
                before = t.sums()
        for bad in (check_read(t), check_filtered(t, 4), differs(t.query("--snapshot", "three"), before)):
            if bad:
                wrong.append((codec, bad))
    yield "read", wrong
    yield "filtered", wrong


def places(e):
    """Data files in a directory of their own, and outside of the table."""
    wrong = []
    outside = os.path.abspath(f"outside_{e.short}")
    cases = [("dir", "data-file.path-directory=data", ""), ("dirp", "data-file.path-directory=da/ta", "p"),
             ("dv", "data-file.path-directory=data\ndeletion-vectors.enabled=true", "p"),
             ("out", f"data-file.external-paths=file://{outside}\ndata-file.external-paths.strategy=round-robin", "p")]
    for name, options, partition in [c for c in cases if not e.kinds or c[0] in ("dirp", "out")]:
        t = Table(e, "place_" + name, {**known(e, SOME), "p": "string"}, options + "\nfile-index.bloom-filter.columns=s", partition)
        t.add(20, id=lambda i: i, p=lambda i: f"p{i % 2}")
        t.add(20, id=lambda i: 20 + i, p=lambda i: f"p{i % 3}")
        if name == "dv":
            t.delete("id", {3, 5, 33})
        for bad in (check_read(t), check_filtered(t)):
            if bad:
                wrong.append((name, bad))
        if name == "dirp" and not glob.glob(t.path + "/da/ta/p=*/bucket-*/*.parquet"):
            wrong.append("nothing is in the directory")
        if name == "out" and not glob.glob(outside + "/**/*.parquet", recursive=True):
            wrong.append("nothing is outside")
    yield "read", wrong
    yield "filtered", wrong


def tracked(e):
    """Rows with identities of their own."""
    if not e.at_least("1.3"):
        return
    wrong = several(e, "tracked", [("rows", "row-tracking.enabled=true")])
    yield "read", wrong
    yield "filtered", wrong


def refused(e):
    """What we cannot read, by name."""
    def why(t, *args):
        p = subprocess.run(["pf-query", t.path, *args], capture_output=True, text=True)
        return p.returncode, p.stderr

    wrong = []
    small = {"id": "int", "s": "string"}

    def refuses(name, t, part, *args):
        code, message = why(t, *args)
        if code != 2 or part.lower() not in message.lower():
            wrong.append((name, code, message))

    cases = [("orc", small, "file.format=orc", "is ORC", ""), ("avro", small, "file.format=avro", "is Avro", "")]
    if e.at_least("1.3"):
        cases.append(("evolution", small, "row-tracking.enabled=true\ndata-evolution.enabled=true", "data evolution", ""))
    if e.at_least("1.4") and not e.kinds:
        cases.append(("blob", {"id": "int", "b": "blob"}, "row-tracking.enabled=true\ndata-evolution.enabled=true",
                      "column 'b' is of type BLOB", ""))
    if not e.kinds:
        cases += [("float", {"id": "int", "p": "float"}, "", "partition column 'p' is of type FLOAT", "p"),
                  ("double", {"id": "int", "p": "double"}, "", "partition column 'p' is of type DOUBLE", "p"),
                  ("nano", {"id": "int", "p": "timestamp(9)"}, "", "partition column 'p' is of type TIMESTAMP(9)", "p")]
    for name, columns, options, part, partition in cases:
        t = Table(e, "refused_" + name, columns, options, partition)
        t.add(5, id=lambda i: i)
        refuses(name, t, part)
    # Some files of another format are refused where they matter only.
    t = Table(e, "refused_mixed", {**small, "p": "string"}, "", "p")
    t.add(5, id=lambda i: i, p="parquet")
    t.add(5, ("file.format", "orc"), id=lambda i: i, p="orc")
    refuses("mixed", t, "is ORC")
    want = t.sums([r for r in t.rows if r["p"] == "parquet"])
    if t.query("-w", "p = 'parquet'") != want:
        wrong.append("Parquet beside ORC")
    if e.kinds:
        yield "refused by name", wrong
        return
    # A column of a type that is not known takes nothing from the others.
    t = Table(e, "refused_variant", {"id": "int", "v": "variant"})
    t.add(5, id=lambda i: i, v=None)
    refuses("variant", t, "column 'v' is of type VARIANT, which is not supported")
    if sorted(ours(t.path, "-c", "id").column("id").to_pylist()) != list(range(5)):
        wrong.append("beside a variant")
    # What is inside of a row may be altered: its files of before are refused.
    t = Table(e, "refused_inside", {"id": "int", "r": NESTED["r"]})
    t.add(5, id=lambda i: i, r='{"a": 1}')
    e.alter(t, "add", "r.x", "INT")
    refuses("altered inside", t, "column 'r' of type ROW was altered inside after schema 0, which is not supported")
    # Branches, by themselves or together with the table.
    t = Table(e, "refused_branch", small)
    t.add(5, id=lambda i: i)
    e.ask("tag", t.path, "five")
    e.ask("branch", t.path, "b")
    if check_read(t):
        wrong.append("beside a branch")
    branch = subprocess.run(["pf-query", t.path + "/branch/branch-b"], capture_output=True, text=True)
    if branch.returncode != 2 or "is a branch of a table" not in branch.stderr:
        wrong.append(("branch", branch.returncode, branch.stderr))
    e.alter(t, "set", "scan.fallback-branch", "b")
    refuses("fallback", t, "together with one of its branches (scan.fallback-branch)")
    # Options of the table itself that every batch read obeys.
    t = Table(e, "refused_older", small)
    t.add(5, id=lambda i: i)
    older = t.sums()
    t.add(5, id=lambda i: 5 + i)
    e.alter(t, "set", "scan.snapshot-id", "1")
    if e.digest(t) != older:
        wrong.append("the engine itself does not obey scan.snapshot-id")
    refuses("older", t, "by its option scan.snapshot-id = '1', which is not supported")
    yield "refused by name", wrong


NESTED = {
    "l": '{"type": "ARRAY", "element": "INT"}',
    "ll": '{"type": "ARRAY", "element": {"type": "ARRAY NOT NULL", "element": "STRING"}}',
    "r": '{"type": "ROW", "fields": [{"id": 20, "name": "a", "type": "INT"}, {"id": 21, "name": "b \\"q", "type": "STRING"}, '
         '{"id": 22, "name": "d", "type": "DATE"}, {"id": 23, "name": "t", "type": "TIMESTAMP(3)"}]}',
    "m": '{"type": "MAP", "key": "STRING", "value": "DECIMAL(9, 2)"}',
    "mi": '{"type": "MAP", "key": "BIGINT", "value": {"type": "ARRAY", "element": "DOUBLE"}}',
    "mk": '{"type": "MAP", "key": {"type": "ARRAY NOT NULL", "element": "INT"}, "value": {"type": "ROW", "fields": '
          '[{"id": 30, "name": "x", "type": "BOOLEAN"}, {"id": 31, "name": "y", "type": "BIGINT"}]}}',
    "lr": '{"type": "ARRAY", "element": {"type": "ROW", "fields": [{"id": 40, "name": "k", "type": "STRING"}, '
          '{"id": 41, "name": "v", "type": {"type": "ARRAY", "element": "INT"}}]}}',
}


def maybe(make, share=0.2):
    return None if rng.random() < share else make()


def a_list(make):
    return [maybe(make) for _ in range(rng.randrange(4))]


def an_int():
    return rng.randrange(-99, 99)


NESTED_VALUES = {
    "l": lambda: a_list(an_int),
    "ll": lambda: [a_list(lambda: word(3)) for _ in range(rng.randrange(3))],
    "r": lambda: {"a": maybe(an_int), 'b \"q': maybe(lambda: word(4)), "d": maybe(lambda: moment().date().isoformat()),
                  "t": maybe(lambda: moment(3).isoformat(timespec="milliseconds"))},
    "m": lambda: {word(2) + str(i): maybe(lambda: rng.randrange(100) + 0.25) for i in range(rng.randrange(4))},
    "mi": lambda: {str(i * 7): maybe(lambda: a_list(lambda: an_int() / 2)) for i in range(rng.randrange(4))},
    "mk": lambda: [{"key": [i, an_int()], "value": maybe(lambda: {"x": maybe(lambda: True), "y": maybe(an_int)})}
                   for i in range(rng.randrange(3))],
    "lr": lambda: [maybe(lambda: {"k": maybe(lambda: word(2)), "v": maybe(lambda: a_list(an_int))})
                   for _ in range(rng.randrange(4))],
}


def nested(e):
    """As the JSON text of their values; pages and row groups are small."""
    def plain(v):
        """Spark has timestamps of six digits only."""
        if isinstance(v, dict) and isinstance(v.get("t"), str):
            v["t"] = v["t"][:23]
        return v

    def rows_of(text_rows):
        return sorted([[c if i == 0 or c is None else plain(json.loads(c)) for i, c in enumerate(r)] for r in text_rows],
                      key=lambda r: int(r[0]))
    wrong = []
    for version in ("PARQUET_1_0", "PARQUET_2_0") if not e.kinds else ("PARQUET_1_0",):
        t = Table(e, "nested_" + version[8:9], {"id": "int", **NESTED})
        put = []
        for k in range(2):
            rows = [{"id": 150 * k + i, **{c: maybe(NESTED_VALUES[c]) for c in NESTED}} for i in range(150)]
            e.insert(t, [{c: v if c == "id" or v is None else json.dumps(v) for c, v in r.items()} for r in rows],
                     ("parquet.writer.version", version, "parquet.page.size", "300", "parquet.block.size", "3000",
                      "parquet.page.size.row.check.min", "5", "parquet.page.size.row.check.max", "5"))
            put += [[str(r["id"])] + [r[c] for c in NESTED] for r in rows]
        # Paimon's own reader takes no nested column out of pages of version 2.
        theirs = put if version == "PARQUET_2_0" or e.kinds else rows_of(
            [[None if c == NULL else unescaped(c) for c in r] for r in e.ask("rows", t.path)[1:]])
        if theirs != put:
            wrong.append(("the engine itself", [x for x in zip(theirs, put) if x[0] != x[1]][:2]))
        got = ours(t.path)
        mine = rows_of([[str(r["id"])] + [r[c] for c in NESTED] for r in got.to_pylist()])
        if mine != put:
            wrong.append([x for x in zip(mine, put) if x[0] != x[1]][:2])
        # Some rows only, so that others are passed over.
        some = ours(t.path, "-w", "id in (3, 77, 149, 151, 298)", "-c", "id,lr,mk").to_pylist()
        if rows_of([[str(r["id"]), r["lr"], r["mk"]] for r in some]) != [[p[0], p[7], p[6]] for p in put
                                                                        if p[0] in ("3", "77", "149", "151", "298")]:
            wrong.append("some rows")
        n = ours(t.path, "-w", "json(r, 'a') = '5'", "-c", "count() as n").to_pylist()[0]["n"]
        if n != sum(p[3] is not None and p[3]["a"] == 5 for p in put):
            wrong.append("json()")
    yield "read", wrong


def windows(e):
    """Deletion vectors that come, grow and go (a compaction takes the rows
    away for good) between two runs of pf-window with a state."""
    if e.short == "flink":
        return
    wrong = []
    ts = "timestamp(3)" if not e.kinds else "timestamp(6)"
    for name, options in (("loose", "bucket=-1"), ("fixed", "bucket=2\nbucket-key=id\nwrite-only=true")):
        t = Table(e, "window_" + name, {"id": "int", "ts": ts, "n": "bigint", "seq": "int", "dt": "string"},
                  "deletion-vectors.enabled=true\n" + options, "dt")
        state = os.path.abspath(f"state_{t.name}")
        start = datetime.datetime(2024, 1, 1)

        def load(first, days, count_=60):
            t.add(count_, seq=lambda i: first + i, id=lambda i: i % 7, n=lambda i: rng.choice([None, i, -i]),
                  ts=lambda i: start + datetime.timedelta(days=days[i % len(days)], seconds=i),
                  dt=lambda i: f"2024-01-0{1 + days[i % len(days)]}")

        def window(days, *args):
            out = subprocess.run(["pf-window", "-qq", "-t", "ts", "-W", f"{days}d", "--end", "2024-01-05", "-g", "id", "count",
                                  "sum:n", "min:seq", "max:seq", "--allow-missing", "-O", "jsonl", *args, t.path], capture_output=True, text=True)
            if out.returncode:
                raise EngineError(f"pf-window {args}: {out.stderr}")
            return sorted(tuple(json.loads(line).values()) for line in out.stdout.splitlines())

        def same(what):
            """In windows of 2 and 4 days, and a state that is what the table gives."""
            for days in (2, 4):
                low, want = datetime.datetime(2024, 1, 5) - datetime.timedelta(days=days), {}
                for r in t.rows:
                    if low <= r["ts"] < datetime.datetime(2024, 1, 5):
                        want.setdefault(r["id"], []).append(r)
                want = [(k, len(v), sum(r["n"] for r in v if r["n"] is not None) if any(r["n"] is not None for r in v) else None,
                         min(r["seq"] for r in v), max(r["seq"] for r in v)) for k, v in sorted(want.items())]
                for how, got in (("", window(days)), ("-s", window(days, "-s", state))):
                    got = [(g[0], *g[3:]) for g in got]
                    if got != want:
                        wrong.append((name, what, days, how, got, want))

        load(0, [0, 1, 2, 3])
        same("before")
        t.delete("seq", {0, 5, 9, 33, 59})
        same("some are deleted")
        load(60, [3])
        t.delete("seq", {6, 61, 119} | set(range(40, 50)))
        same("more came, and more are deleted")
        t.delete("seq", {r["seq"] for r in t.rows if r["dt"] == "2024-01-02"})
        same("all of a day")
        if name == "fixed" and not e.kinds:
            e.compact(t)
            if any(ours("--files", t.path).column("deleted").to_pylist()):
                print(f"# {t.name}: the compaction left deletion vectors")
            same("compacted")
    yield "windowed", wrong


KINDS = {
    "nested": ("lists, maps, rows: read as JSON text", nested),
    "statistics": ("statistics: none, counts, cut, whole, dense or not", statistics),
    "indexes": ("file indexes: bloom, bitmap, bsi, range bitmap; beside the file and embedded", indexes),
    "buckets": ("fixed buckets, one and two keys, other functions", buckets),
    "compacted": ("compacted, overwritten", compacted),
    "manifests": ("manifests of every codec, merged; tags", manifests),
    "places": ("`data-file.path-directory`, external paths", places),
    "tracked": ("row tracking", tracked),
    "refused": ("ORC, Avro, mixed formats, data evolution, VARIANT, BLOB, branches, rows altered inside, float partitions, options that say when", refused),
    "types": ("every type, timestamps of nine digits", all_types),
    "codecs": ("codecs, page versions, encodings, many row groups", codecs),
    "partitions": ("partitions: null, empty, strange; two columns; every type", partitions),
    "altered": ("altered: added, dropped, renamed, moved, widened", altered),
    "casts": ("altered: types cast to others", casts),
    "deletions": ("deletion vectors, both kinds; bucketed, partitioned, beside the data", deletions),
    "windows": ("deletion vectors between two windows with a state", windows),
}

# Why a cell has no word: the engine's own error, which the run has seen, or
# what its release lacks.
NO_DELETE = "can not support delete"
ABSENT = {("deletions", "flink"): f"Flink deletes by primary key only: `{NO_DELETE}`.",
          ("windows", "flink"): f"Flink deletes by primary key only: `{NO_DELETE}`.",
          ("tracked", "java120"): "`row-tracking.enabled` is in no class of Paimon before 1.3.",
          ("tracked", "spark"): "`row-tracking.enabled` is in no class of Paimon before 1.3.",
          ("places", "spark"): "Neither option is in a class of Paimon 0.9."}
NOTES = list(dict.fromkeys(ABSENT.values()))


def fails(fn, part):
    try:
        fn()
        return "it was done"
    except EngineError as error:
        return [] if part in str(error) else str(error)


def attempt(fn):
    try:
        return list(fn())
    except Exception as error:
        import traceback
        traceback.print_exc()
        return [("read", f"{type(error).__name__}: {error}")]


def judge(title, engine, results, why):
    cell = []
    for what, wrong in results:
        ok = check(f"{title}: {engine.title}: {what or 'as meant'}", not wrong, wrong)
        if what:
            cell.append(what if ok else f"**{what}: no**")
    if not cell and why:
        return f"no [{NOTES.index(why) + 1}]"
    return ", ".join(cell)


def work(engine, kinds):
    cells = {}
    begin = time.time()
    for k in kinds:
        at = time.time()
        if (k, engine.short) in ABSENT and k in ("tracked", "places"):
            cells[k] = []
            continue
        draw_for(f"{k} {engine.short}")
        cells[k] = attempt(lambda: KINDS[k][1](engine))
        print(f"# {engine.title}: {k} {time.time() - at:.1f} s", flush=True)
    engine.stop()
    print(f"# {engine.title}: {time.time() - begin:.1f} s", flush=True)
    return cells


def matrix(engines, cells, kept):
    """The engines that did not run have what they had before."""
    old = [[c.strip() for c in line.split("|")[1:-1]] for line in kept.split("\n") if line.startswith("|")]
    columns = {t: {r[0]: r[i] for r in old[2:]} for i, t in enumerate(old[0]) if i} if old else {}
    for e, c in zip(engines, cells):
        columns[e.title] = {KINDS[k][0]: c[k] for k in KINDS}
    lines = [HEAD, "", "Append tables that the engines above made and filled, and `pf-query` and `pf-put` on them;",
             "what the words promise is said at the head of `check_theirs.py`, which makes this part",
             "anew with `--write`.", "",
             "| table | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for title, _ in KINDS.values():
        lines.append(f"| {title} | " + " | ".join(c.get(title, "") for c in columns.values()) + " |")
    lines += [""] + [f"{i}. {note}" for i, note in enumerate(NOTES, 1)]
    return "\n".join(lines) + "\n"


def main():
    warehouse = os.path.abspath("wh")
    engines = [FlinkWriter(warehouse)] if installed("flink") else []
    engines += [SparkWriter(warehouse)] if installed("spark") else []
    engines = [JavaWriter(j) for j in JAVA if installed(j)] + engines
    arguments = [a for a in sys.argv[1:] if a != "--write"]
    kinds = [a for a in arguments if a in KINDS] or list(KINDS)
    some = [a for a in arguments if a not in KINDS]
    if some:
        engines = [e for e in engines if any(a in e.title for a in some)]
    with ThreadPoolExecutor(2) as pool:  # the slowest ones first
        jobs = [pool.submit(work, e, kinds) for e in reversed(engines)][::-1]
    cells = [{k: judge(KINDS[k][0], e, j.result()[k], ABSENT.get((k, e.short))) for k in kinds} for e, j in zip(engines, jobs)]
    if len(kinds) == len(KINDS):
        path = f"{base.HERE}/MATRIX.md"
        before, _, kept = open(path).read().partition(HEAD)
        kept, more, after = kept.partition("\n## ")  # check_keyed.py makes the next
        found = matrix(engines, cells, kept)
        print("# " + found.replace("\n", "\n# "))
        if "--write" in sys.argv:
            with open(path, "w") as f:
                f.write(before.rstrip() + "\n\n" + found + more + after)
        else:
            agrees("MATRIX.md is what this run found", found, HEAD + kept)


if __name__ == "__main__":
    run("theirs", main)
