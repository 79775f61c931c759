# SPDX-License-Identifier: Apache-2.0
"""Engines that make, fill and alter tables of theirs (tables.py)."""
import json
import re

from engines import NULL, text, unescaped
from readers import Flink, PaimonJava, Spark
from tables import Table
from values import MAKE, java_type, kind_of


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
    """Tables made by SQL. The rows come out of tables that Paimon Java wrote:
    no literal has to say them."""
    kinds = ["sql"]  # a table instead of several where SQL takes its time

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
        super().__init__(Flink(warehouse), "flink")

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
        super().__init__(Spark(warehouse), "spark")

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
