# SPDX-License-Identifier: Apache-2.0
"""Engines that read and append to tables of ours (append_ours.py).

read() gives nothing, or says what differs; counts() how many rows each filter finds;
systems() what system tables say; append() writes rows that the table has once more.
"""
import datetime
import importlib.metadata
import os

from engines import NULL, Java, text, unescaped
from filters import differ, part
from tap import skip

try:
    import duckdb
    import polars
    import pyarrow as pa
    import pyarrow.dataset
    from pypaimon import CatalogFactory
    from pypaimon.schema.data_types import PyarrowFieldParser
except ImportError as e:
    skip(e)


def version(package):
    return importlib.metadata.version(package)


def arrow_text(kind, c, v):
    return text(v, str(kind.table.schema.field(c).type))


class PaimonJava:
    def __init__(self, name):
        self.title = "Paimon Java " + name.split("-")[1]
        self.java = Java(name, folder=os.getcwd())
        self.ask = self.java.ask
        # Until 2.0 its own comparison of bytes is of signed ones.
        self.signed_bytes = name < "paimon-2"

    def request(self, kind, filter_):
        c, op, v = filter_[:3]
        return [c, op] + ([] if op == "null" else [unescaped(arrow_text(kind, c, v))])

    def read(self, kind, filters_, wants):
        got = self.ask("digest", kind.path)
        if got[1:] != kind.digest:
            return [x for x in zip(got[1:], kind.digest) if x[0] != x[1]][:3]
        wrong = []
        every = kind.name == "types_day" or (not self.signed_bytes and len(kind.rows) < 5000)  # 1.x is slow
        for f, want in zip(filters_, wants) if every else part(kind, filters_, wants):
            if kind.types[f[0]] == "BYTES" and f[1] in "<>=" and f[1] != "=" and self.signed_bytes:
                continue
            got = self.ask("digest", kind.path, *self.request(kind, f))[1:]
            if got != want.digest():
                wrong.append((f, kind.types[f[0]], got[0], len(want)))
        return wrong

    def systems(self, path, wanted):
        found = {}
        for name, columns in wanted.items():
            names, *rows = self.ask("rows", f"{path}${name}")
            found[name] = [tuple(r[names.index(c)] for c in columns) for r in rows]
        return found

    def counts(self, kind, asked):
        return [int(self.ask("digest", path, *self.request(kind, f))[1][1]) for path, f in asked]

    def append(self, path, kind, filter_, rows):
        for i in rows:
            self.ask("write", path, *[None if c == NULL else unescaped(c) for c in kind.rows[i]])
        self.ask("commit", path)

    def stop(self):
        self.java.stop()


class Sql:
    """Flink and Spark, which take a second for each statement: one counts the rows of
    many filters, one reads all system tables."""
    def can_say(self, t, v):
        """No times below seconds; floats of few digits: Flink's planner cuts
        literals of type FLOAT to seven (its plan shows it)."""
        if isinstance(v, datetime.time):
            return False
        return not isinstance(v, float) or float("%.5g" % v) == v

    def asks_all(self, kind):
        """Where it reads one of TYPED only."""
        return False

    def cast(self, kind, c, v):
        t = self.sql_type(kind.types[c])
        if isinstance(v, bool):
            return str(v).upper()
        if isinstance(v, bytes):
            return f"X'{v.hex()}'"
        if isinstance(v, str):
            return self.string(v)
        if isinstance(v, float):
            return f"CAST('{v!r}' AS {t})"
        if isinstance(v, datetime.datetime):
            return self.timestamp(v, t)
        return f"CAST('{v}' AS {t})"

    def where(self, kind, filter_):
        c, op, v = filter_[:3]
        return f"{self.q(c)} IS NULL" if op == "null" else f"{self.q(c)} {op} {self.cast(kind, c, v)}"

    def read(self, kind, filters_, wants):
        got = self.ask("digest", f"SELECT {self.columns(kind)} FROM {self.name(kind.path)}")
        if got != kind.digest:
            return [x for x in zip(got, kind.digest) if x[0] != x[1]][:3]
        wrong = []
        asked = zip(filters_, wants) if self.asks_all(kind) else part(kind, filters_, wants)
        filters_, wants = zip(*[(f, w) for f, w in asked if self.can_say(kind.types[f[0]], f[2])])
        for begin in range(0, len(filters_), 20):
            some = filters_[begin:begin + 20]
            for f, got, want in zip(some, self.counts(kind, [(kind.path, f) for f in some]), wants[begin:]):
                if got != len(want):
                    wrong.append((f, kind.types[f[0]], got, len(want)))
        return wrong

    def counts(self, kind, asked):
        union = " UNION ALL ".join(f"SELECT '{i}' AS f, COUNT(*) AS n FROM {self.name(path)} WHERE {self.where(kind, f)}"
                                   for i, (path, f) in enumerate(asked))
        got = {int(a): int(b) for a, b in self.ask("rows", union)[1:]}
        return [got.get(i) for i in range(len(asked))]

    def systems(self, path, wanted):
        width = max(map(len, wanted.values()))

        def select(name, columns):
            cells = [self.q(c) for c in columns] + ["NULL"] * (width - len(columns))
            return (f"SELECT CAST('{name}' AS STRING) AS name, " +
                    ", ".join(f"CAST({c} AS STRING) AS c{i}" for i, c in enumerate(cells)) +
                    f" FROM {self.name(path)[:-1]}${name}`")
        rows = self.ask("rows", " UNION ALL ".join(select(n, c) for n, c in wanted.items()))[1:]
        return {name: [tuple(r[1:1 + len(c)]) for r in rows if r[0] == name] for name, c in wanted.items()}

    def columns(self, kind):
        return ", ".join(self.q(c) for c in kind.names)

    def append(self, path, kind, filter_, rows):
        self.ask("rows", f"INSERT INTO {self.name(path)} SELECT {self.columns(kind)} FROM {self.name(path)} "
                 f"WHERE {self.where(kind, filter_)}")

    def stop(self):
        self.java.stop()


class Flink(Sql):
    def __init__(self, warehouse):
        self.title = "Flink 2.0.1, Paimon 2.0.0"
        self.java = Java("flink", folder=os.getcwd())
        self.warehouse = warehouse

    def ask(self, *fields):
        if self.java.process is None:
            catalog = f"CREATE CATALOG paimon WITH ('type' = 'paimon', 'warehouse' = 'file:{self.warehouse}')"
            self.java.ask("rows", catalog)
            self.java.ask("prepare", catalog)
        return self.java.ask(*fields)

    def name(self, path):
        return f"paimon.`default`.`{os.path.basename(path)}`"

    def q(self, c):
        return f"`{c}`"

    def sql_type(self, t):
        return t.replace("WITH LOCAL TIME ZONE", "").strip() if "LOCAL" not in t else t

    def string(self, v):
        return "'" + v.replace("'", "''") + "'"

    def timestamp(self, v, t):
        s = v.replace(tzinfo=None).isoformat(" ", timespec="microseconds")
        return f"CAST('{s}' AS {t})"


class Spark(Sql):
    def can_say(self, t, v):
        """Paimon 0.9 cannot ask Parquet for small integers: "class
        java.lang.Byte cannot be cast to class java.lang.Integer"."""
        return t not in ("TINYINT", "SMALLINT") and super().can_say(t, v)

    def asks_all(self, kind):
        return kind.name == "types_year"

    def __init__(self, warehouse):
        self.title = "Spark 3.5.6, Paimon 0.9.0"
        self.java = Java("spark", warehouse, folder=os.getcwd())
        self.ask = self.java.ask

    def name(self, path):
        return f"paimon.default.`{os.path.basename(path)}`"

    def q(self, c):
        return f"`{c}`"

    def sql_type(self, t):
        if t.startswith("TIMESTAMP"):
            return "TIMESTAMP" if "LOCAL" in t else "TIMESTAMP_NTZ"
        return "BINARY" if t == "BYTES" else t

    def string(self, v):
        return "'" + v.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def timestamp(self, v, t):
        return f"CAST('{v.replace(tzinfo=None).isoformat(' ', timespec='microseconds')}' AS {t})"


class PyPaimon:
    def __init__(self, warehouse):
        self.title = "pypaimon " + version("pypaimon")
        self.catalog = CatalogFactory.create({"warehouse": warehouse})

    def table(self, path, filter_=None):
        table = self.catalog.get_table("default." + os.path.basename(path))
        b = table.new_read_builder()
        if filter_:
            c, op, v = filter_[:3]
            p = b.new_predicate_builder()
            b = b.with_filter(p.is_null(c) if op == "null" else getattr(p, {
                "=": "equal", "<": "less_than", ">=": "greater_or_equal"}[op])(c, v))
        return b.new_read().to_arrow(b.new_scan().plan().splits())

    def read(self, kind, filters_, wants):
        wrong = differ(kind, self.table(kind.path).select(kind.names).cast(kind.table.schema), kind.table)
        if wrong:
            return wrong
        for f, want in part(kind, filters_, wants):
            t = self.table(kind.path, f)
            if (t.num_rows if t else 0) != len(want):
                wrong.append((f, kind.types[f[0]], t and t.num_rows, len(want)))
        return wrong

    def counts(self, kind, asked):
        found = [self.table(path, f) for path, f in asked]
        return [t.num_rows if t else 0 for t in found]

    def append(self, path, kind, filter_, rows):
        self.write(path, lambda schema: kind.table.take(rows).cast(schema))

    def write(self, path, make):
        """make: gives the rows as Arrow has them, by the table's schema."""
        table = self.catalog.get_table("default." + os.path.basename(path))
        b = table.new_batch_write_builder()
        write, commit = b.new_write(), b.new_commit()
        write.write_arrow(make(PyarrowFieldParser.from_paimon_schema(table.table_schema.fields)))
        commit.commit(write.prepare_commit())
        write.close()
        commit.close()

    def stop(self):
        pass


class Files:
    """DuckDB, polars or pyarrow on the files that pf-query --files lists."""

    def __init__(self, which):
        self.title = which + " " + version(which)
        self.which = which

    def read(self, kind, filters_, wants):
        paths = kind.files
        if self.which == "duckdb":
            t = duckdb.sql(f"SELECT * FROM read_parquet({paths!r}, hive_partitioning=false{self.by_id(kind)})").to_arrow_table()
        elif self.which == "polars":
            t = polars.read_parquet(paths, hive_partitioning=False).to_arrow()
        else:
            t = pa.dataset.dataset(paths, format="parquet", schema=kind.table.schema).to_table()
        return differ(kind, t.select(kind.names).cast(kind.table.schema), kind.table)

    def by_id(self, kind):
        """Files of several schemas: columns are found by field ID."""
        if kind.schema["id"] == 0:
            return ""
        types = {"STRING": "VARCHAR", "BYTES": "BLOB"}
        fields = ", ".join(f"{f['id']}: {{name: '{f['name']}', type: '{types.get(t, t)}', default_value: NULL}}"
                           for f in kind.schema["fields"] for t in [f["type"].split(" NOT NULL")[0]])
        return f", schema=MAP {{{fields}}}"

    def stop(self):
        pass
