#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py [--write] [TABLE...] [ENGINE...]: tables of ours, read, pruned and written by other
engines' own code: Paimon Java in four versions, pypaimon, Flink, Spark, DuckDB,
polars and pyarrow. Prints TAP and, at the end, the matrix of agreement, which must be
the one in MATRIX.md (--write makes it so).

  read      all rows, and for every column the sum of its values and the rows
            that filters find: a value that is there, one that is not, a bound,
            null. Expected is what pf-query gives, and that is what was put in.
            Flink and Spark, which take a second for each, are asked a part of
            the filters of a table, so that over the tables that they read each
            column is asked for each; indexed ones always
  listed    $files, $snapshots, $partitions and $manifests say what
            pf-query --files and --snapshots do
  pruned    with a filter on dt, on the time or on the ID, the right rows come
            from a copy of the table that lacks all files which the partition,
            the statistics or the bucket rule out
  written   the engine appends rows of its own to a copy, and pf-query and
            pf-put --verify find the old ones and the new

Data is made anew in each run; the seed is printed (PF_TEST_SEED). A table is the
same with the same seed, whichever others are asked for.
"""
import datetime
import decimal
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from engines import EPOCH, NULL, UTC, Java, canon, digest, installed, json_value, text  # noqa: E402
from tap import check, draw_for, rng, run, skip  # noqa: E402

try:
    import duckdb
    import polars
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset
    import pyarrow.parquet as pq
    from pypaimon import CatalogFactory
    from pypaimon.schema.data_types import PyarrowFieldParser
except ImportError as e:
    skip(e)

ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.path.abspath(os.environ.get("PF_SHARED", os.path.join(ROOT, "..", "shared")))
JAVA = ["paimon-1.2.0", "paimon-1.3.1", "paimon-1.4.2", "paimon-2.0.0"]


def sh(line, status=0):
    p = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True)
    if p.returncode != status:
        raise RuntimeError(f"{line}: {p.returncode}: {p.stderr.decode(errors='replace')[-900:]}")
    return p.stdout


def ours(*args):
    """What pf-query gives, as an Arrow table."""
    out = subprocess.run(["pf-query", *args, "-O", "arrow"], capture_output=True)
    if out.returncode:
        raise RuntimeError(f"pf-query {args}: {out.stderr.decode()}")
    return pa.ipc.open_stream(out.stdout).read_all()


# Tables.

def word(k):
    return "".join(rng.choice("abcxyz äß漢𐍈-%/'\\\t") for _ in range(k))


def moment(digits=6, low=-2_000_000_000, high=4_000_000_000):
    us = rng.randrange(low * 10**6, high * 10**6)
    return EPOCH + datetime.timedelta(microseconds=us - us % 10**(6 - digits))


def digits(p, s):
    most = 10**p - 1
    v = rng.choice([most, -most, 0, rng.randrange(-most, most)])
    return decimal.Decimal(v).scaleb(-s, decimal.Context(prec=50))


def whole(bits):
    return rng.choice([-2**(bits - 1), 2**(bits - 1) - 1, 0, rng.randrange(-100, 100)])


def single():
    return rng.choice([0.5, -1.5, 2.0**-126, -(2.0**127), rng.randrange(-2**20, 2**20) / 64])


TYPES = {
    "boolean": lambda: rng.random() < 0.5, "tinyint": lambda: whole(8),
    "smallint": lambda: whole(16), "int": lambda: whole(32), "bigint": lambda: whole(64),
    "float": single, "double": lambda: rng.choice([1.7976931348623157e308, -5e-324,
                                                   rng.uniform(-1e9, 1e9)]),
    "decimal(9,2)": lambda: digits(9, 2), "decimal(18,4)": lambda: digits(18, 4),
    "decimal(38,10)": lambda: digits(38, 10),
    "string": lambda: word(rng.choice([0, 1, 5, 15, 16, 17, 40])),
    "bytes": lambda: rng.randbytes(rng.choice([0, 1, 7, 40])),
    "date": lambda: rng.choice([datetime.date(1, 1, 1), datetime.date(9999, 12, 31), moment().date()]),
    "time(3)": lambda: (EPOCH + datetime.timedelta(milliseconds=rng.randrange(86400000))).time(),
    **{f"timestamp({p})": (lambda p=p: moment(p)) for p in range(7)},
    **{f"timestamp_ltz({p})": (lambda p=p: moment(p).replace(tzinfo=UTC)) for p in range(7)},
}


class Kind:
    """A table of ours: where it is, its rows and how they may be pruned."""

    def __init__(self, name, title):
        self.name, self.title, self.indexed = name, title, set()
        self.path = os.path.abspath(f"wh/default.db/{name}")

    def load(self):
        self.table, self.lists = ours(self.path), {}
        self.names = self.table.column_names
        self.rows = canon(self.table)
        self.digest = digest(self.names, self.rows)
        self.schema = json.load(open(sorted(glob.glob(self.path + "/schema/schema-*"))[-1]))
        self.types = {f["name"]: f["type"].split(" NOT NULL")[0] for f in self.schema["fields"]}
        self.id = self.schema["options"]["bucket-key"]
        self.files = list_files(self.path)
        self.time = self.schema["options"].get("pf.time") or "ts"

    def column(self, name):
        if name not in self.lists:
            self.lists[name] = self.table.column(name).to_pylist()
        return self.lists[name]

    def copy(self, name):
        path = os.path.abspath(f"wh/default.db/{name}")
        shutil.rmtree(path, ignore_errors=True)
        sh(f"cp -a '{self.path}' '{path}'")
        return path


def types_kind(name, title, id_type, partition, buckets, pack="", index=""):
    kind = Kind(name, title)
    ids = sorted({TYPES[id_type]() for _ in range(300)})[:60]
    rows = []
    for i in range(400):
        r = {"id": rng.choice(ids), "ts": moment(3, 1_704_000_000, 1_704_150_000), "seq": i}
        for k, t in enumerate(TYPES):
            r[f"c{k}"] = None if rng.random() < 0.1 else TYPES[t]()
        r["none"], r["yes"] = None, True
        rows.append(r)
    columns = "".join(f"  c{k}: {t}\n" for k, t in enumerate(TYPES))
    with open(name + ".yaml", "w") as f:
        f.write(f"table: {name}\nid: id\ntime: ts\npartition: {partition}\nbuckets: {buckets}\n"
                f"columns:\n  id: {id_type} not null\n  ts: timestamp(3) not null\n"
                f"  seq: bigint\n{columns}  none: string\n  yes: boolean\n")
    with open(name + ".jsonl", "w") as f:
        for r in rows:
            f.write(json.dumps({k: json_value(v) for k, v in r.items()}) + "\n")
    sh(f"pf-put -q --create {name}.yaml {kind.path}")
    half = len(rows) // 2  # two commits
    for part in (f"head -{half}", f"tail -n +{half + 1}"):
        sh(f"{part} {name}.jsonl | pf-partition -S {name}.yaml -I jsonl | pf-pack -q {pack} | "
           f"{index} pf-put -q --append {kind.path}")
    kind.load()
    kind.indexed = set(re.findall(r"\bc\d+", index))
    got = {v: i for i, v in enumerate(kind.column("seq"))}
    wrong = []
    for r in rows:
        i = got.get(r["seq"])
        for c in r:
            if i is None or text(r[c], str(kind.table.schema.field(c).type)) != kind.rows[i][kind.names.index(c)]:
                wrong.append((c, r[c], i is not None and kind.rows[i][kind.names.index(c)]))
    check(f"{title}: pf-query gives what was put in", len(kind.rows) == len(rows) and not wrong, wrong[:3])
    asked = {(c, what) for c, _, _, what in filters(kind)}
    lacks = [c for c in kind.names for what in ("hit", "miss") if (c, what) not in asked]
    check(f"{title}: every column is asked for what is there and what is not", lacks == ["c0", "none"], lacks)
    return kind


def data_kind(name, unpack, files, pack="--old-readers", index=""):
    """A set of ../shared/data, through the whole line."""
    kind = Kind(name, name.replace("_", " ") + (", a bitmap" if index else ""))
    schema = f"{ROOT}/tests/data-sets/{name}.yaml"
    sh(f"mkdir -p raw/{name} && cd raw/{name} && {unpack.format(data=SHARED + '/data')} && "
       f"{{ pf-stage append -q -S {schema} --rejects rejects stage {files} || [ $? = 1 ]; }} && "
       f"pf-put -q --create {schema} {kind.path} && pf-stage read stage --after {kind.path} | "
       f"pf-partition | pf-pack -q {pack} | {index} pf-put -q {kind.path}")
    kind.load()
    return kind


def forty_kind():
    """Forty commits of ours: manifests are merged, and reading stays fast."""
    kind = Kind("forty", "forty commits")
    with open("forty.yaml", "w") as f:
        f.write("table: forty\nid: id\ntime: ts\npartition: day\nbuckets: 2\ncolumns:\n"
                "  id: bigint not null\n  ts: timestamp(3) not null\n  seq: bigint\n  word: string\n")
    sh(f"pf-put -q --create forty.yaml {kind.path}")
    for turn in range(40):
        with open("forty.jsonl", "w") as f:
            for i in range(25):
                f.write(json.dumps({"id": rng.randrange(50), "seq": turn * 25 + i, "word": word(5),
                                    "ts": moment(3, 1_704_000_000, 1_704_400_000).isoformat()}) + "\n")
        sh(f"pf-stage append -q -S forty.yaml forty-stage forty.jsonl && pf-stage read forty-stage --after {kind.path} | "
           f"pf-partition | pf-pack -q --old-readers | pf-put -q {kind.path}")
    kind.load()
    java = PaimonJava("paimon-2.0.0")
    manifests = len(java.ask("rows", kind.path + "$manifests")) - 1
    java.stop()
    check("forty commits: manifests were merged", manifests < 31, manifests)
    said = sh(f"pf-query {kind.path} -w \"dt = '2024-01-02' and id = 7\" --explain").decode()
    read = int(re.search(r"manifests +(\d+) read", said)[1])
    check("forty commits: few manifests are read for a day and an ID", read <= manifests, said)
    check("forty commits: every row once", sorted(kind.column("seq")) == list(range(1000)))
    return kind


def maintained_kind():
    """Ours after all that pf-put does to a table: files of two schemas, some
    compacted, some with indexes; tags; snapshots that expired or were undone."""
    kind = Kind("maintained", "altered, compacted, tagged, rolled back, expired, cleaned")
    head = "table: maintained\nid: id\ntime: ts\npartition: day\nbuckets: 2\ncolumns:\n  id: bigint not null\n"
    olds = "  ts: timestamp(3) not null\n  seq: bigint\n  n: int\n  f: float\n  d: decimal(9,2)\n  s: string\n  gone: string\n"
    news = ("  note: string\n  ts: timestamp(3) not null\n  word: {type: string, was: s}\n  seq: bigint\n  n: bigint\n"
            "  f: double\n  d: decimal(18,2)\n")
    for name, columns in (("old", olds), ("new", news)):
        with open(name + ".yaml", "w") as f:
            f.write(head + columns)
    days = {"old": (1_704_067_200, 1_704_240_000), "new": (1_704_153_600, 1_704_326_400)}  # one in common
    want = {}

    def load(which, rows=30):
        with open("m.jsonl", "w") as f:
            for _ in range(rows):
                seq = len(want)
                r = {"id": rng.randrange(20), "ts": moment(3, *days[which]).isoformat(), "seq": seq,
                     "n": rng.choice([None, rng.randrange(-9, 9)]), "f": rng.choice([None, single()]),
                     "d": rng.choice([None, str(digits(9, 2))])}
                s = rng.choice([None, "", word(4)])
                more = {"s": s, "gone": "x"} if which == "old" else {"word": s, "note": word(2)}
                want[seq] = (r["n"], r["f"], r["d"] and decimal.Decimal(r["d"]), s, more.get("note"))
                f.write(json.dumps({**r, **more}) + "\n")
        sh(f"pf-stage append -q -S {which}.yaml m-{which} --source s{len(want)} < m.jsonl")
        again(which)

    def again(which):
        sh(f"pf-stage read m-{which} --after {kind.path} | pf-partition | pf-pack -q --old-readers | pf-put -q {kind.path}")

    sh(f"pf-put -q --create old.yaml {kind.path}")
    load("old")
    load("old")
    sh(f"pf-put -q --tag first {kind.path}")
    load("old")
    sh(f"pf-put -q --compact {kind.path}")
    sh(f"pf-index -q --bloom n --file-index bloom-filter:s {kind.path} | pf-put -q {kind.path}")
    sh(f"pf-put -q --alter new.yaml --drop {kind.path}")
    load("new")
    load("new")
    newest = max(ours("--snapshots", kind.path).column("snapshot").to_pylist())
    sh(f"pf-put -q --rollback {newest - 1} {kind.path}")
    again("new")
    load("new")
    # Days with new rows are merged; the others' files keep the old schema.
    sh(f"pf-put -q --compact {kind.path}")
    load("new")
    sh(f"pf-put -q --tag last {kind.path} && pf-put -q --expire --keep 2 --keep-time 0s --grace 0s {kind.path} && "
       f"pf-put -q --clean --older-than 0s {kind.path} && pf-put --verify {kind.path}")
    kind.load()
    got = dict(zip(kind.column("seq"), zip(*[kind.column(c) for c in ("n", "f", "d", "word", "note")])))
    wrong = [(k, got.get(k), want.get(k)) for k in got.keys() | want.keys() if got.get(k) != want.get(k)]
    check(f"{kind.title}: pf-query gives what was put in", not wrong and len(kind.rows) == len(want), wrong[:3])
    schemas = set(ours("--files", kind.path).column("schema").to_pylist())
    check(f"{kind.title}: files of two schemas", schemas == {0, 1}, schemas)
    return kind


def oddities_kind():
    """Others may write any dt: null, empty, what a path cannot have; we go on."""
    kind = Kind("oddities", "dt of others: null, empty, strange; then ours")
    with open("odd.yaml", "w") as f:
        f.write("table: oddities\nid: id\ntime: ts\npartition: day\nbuckets: 2\ncolumns:\n"
                "  id: bigint not null\n  ts: timestamp(3) not null\n  seq: bigint\n  word: string\n")
    sh(f"pf-put -q --create odd.yaml {kind.path}")
    load = f"pf-partition -S odd.yaml -I jsonl odd.jsonl | pf-pack -q --old-readers | pf-put -q --append {kind.path}"
    java = PaimonJava("paimon-2.0.0")
    strange = [None, "", " ", "a b", "x/y=z%25", "__DEFAULT_PARTITION__", "漢:{}", "2024-01-01"]
    seq = 0
    for turn in range(2):
        with open("odd.jsonl", "w") as f:
            for _ in range(20):
                f.write(json.dumps({"id": rng.randrange(9), "seq": seq, "word": word(3),
                                    "ts": moment(3, 1_704_000_000, 1_704_200_000).isoformat()}) + "\n")
                seq += 1
        sh(load)
        if turn == 0:
            for dt in strange:
                java.ask("write", kind.path, "7", text(moment(3, 1_704_000_000, 1_704_200_000)), str(seq), "theirs", dt)
                seq += 1
            java.ask("commit", kind.path)
    java.stop()
    kind.load()
    got = dict(zip(kind.column("seq"), kind.column("dt")))
    check("strange dt: pf-query gives what was put in", sorted(got) == list(range(seq)) and
          [got[20 + i] for i in range(len(strange))] in (strange, [d or None for d in strange]), got)
    print(f"# dt: {[got[20 + i] for i in range(len(strange))]}")
    return kind


# Filters: (column, operator, value, what it is for), and what they must find.
# A boolean column with both values has no miss, one of nulls no hit.

def filters(kind):
    """For every column: a value that is there, a bound, one that is not, null."""
    result = []
    for c in kind.names:
        arrow = str(kind.table.schema.field(c).type)
        values = [v for v in kind.column(c) if v is not None and v == v]
        here = {text(v, arrow) for v in values}
        if values:
            some = rng.choice(values)
            result.append((c, "=", some, "hit"))
            if not isinstance(some, bool):
                bound = rng.choice(values)
                result.append((c, rng.choice(["<", ">="]), bound, "bound"))
        t = kind.types[c]
        for _ in range(50):
            miss = random_value(t, values)
            if miss is not None and text(miss, arrow) not in here:
                result.append((c, "=", miss, "miss"))
                break
        result.append((c, "null", None, "null"))
    return result


PARTS = ["hit", "bound", "miss", "null"]


def part(kind, filters_, wants):
    """A fourth of them, of many rows an eighth; with each table of TYPED another one, so that together
    they are all; all hits and misses of columns with an index."""
    at = TYPED.index(kind.name) if kind.name in TYPED else 0
    some = 4 if len(kind.rows) < 20000 else 8
    return [(f, w) for f, w in zip(filters_, wants)
            if (kind.names.index(f[0]) + PARTS.index(f[3])) % some == at
            or (f[0] in kind.indexed and f[1] == "=")]


def random_value(t, values):
    base = t.split("(")[0].lower()
    if base in ("int", "bigint", "smallint", "tinyint"):
        return rng.randrange(-128, 128)
    if base in ("string", "varchar", "char"):
        return word(6)
    if base in ("float", "double"):
        return rng.randrange(-10000, 10000) / 8
    if not values:
        return None
    v = rng.choice(values)
    if isinstance(v, bool):
        return not v
    if isinstance(v, datetime.time):
        return TYPES["time(3)"]()
    if isinstance(v, decimal.Decimal):
        return v.copy_negate()
    if isinstance(v, bytes):
        return rng.randbytes(5)
    if isinstance(v, (datetime.datetime, datetime.date)):
        try:
            return v + datetime.timedelta(days=rng.choice([-1, 1, 3]))
        except OverflowError:
            return None
    return None


def passes(v, op, bound):
    if op == "null":
        return v is None
    if v is None or v != v:
        return False
    return {"=": v == bound, "<": v < bound, ">=": v >= bound}[op]


class Found(list):
    """Rows that a filter finds; their digest is made once."""

    def __init__(self, kind, filter_):
        super().__init__(kind.rows[i] for i in selected(kind, filter_))
        self.names, self.made = kind.names, None

    def digest(self):
        self.made = self.made or digest(self.names, self)
        return self.made


def differ(kind, got, *want):
    """Of a table in Arrow and those that it should be together. Many rows are
    compared by hashes that know no order."""
    def hashes(t):
        return t.num_rows and polars.from_arrow(t).hash_rows(1, 2, 3, 4).sum()
    if kind.table.num_rows > 5000:
        rows, sums = sum(t.num_rows for t in want), sum(map(hashes, want)) % 2**64
        return [] if (got.num_rows, hashes(got) % 2**64) == (rows, sums) else ["rows", got.num_rows, rows]
    want = digest(kind.names, [r for t in want for r in canon(t)])
    return [x for x in zip(digest(kind.names, canon(got)), want) if x[0] != x[1]][:3]


def selected(kind, filter_):
    c, op, bound = filter_[:3]
    return [i for i, v in enumerate(kind.column(c)) if passes(v, op, bound)]


# Engines. read() gives nothing, or says what differs.

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


def unescaped(s):
    out, it = [], iter(s)
    for c in it:
        out.append({"t": "\t", "n": "\n", "r": "\r"}.get(d, d) if c == "\\" and (d := next(it)) else c)
    return "".join(out)


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
        table = self.catalog.get_table("default." + os.path.basename(path))
        schema = PyarrowFieldParser.from_paimon_schema(table.table_schema.fields)
        b = table.new_batch_write_builder()
        write, commit = b.new_write(), b.new_commit()
        write.write_arrow(kind.table.take(rows).cast(schema))
        commit.commit(write.prepare_commit())
        write.close()
        commit.close()

    def stop(self):
        pass


def list_files(table, *args):
    """The paths of pf-query --files."""
    return [os.path.join(table, f["partition"] or "", f"bucket-{f['bucket']}", f["file"])
            for f in ours("--files", table, *args).to_pylist()]


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


def version(package):
    import importlib.metadata
    return importlib.metadata.version(package)



# What is expected not to work, by an engine's own error: (kind, engine, what,
# a part of the error, the reason in the matrix).
DELTA = ("Unsupported encoding: DELTA_", "Spark's connector is there up to Paimon 0.9 only, whose own reader of Parquet says "
         "`Unsupported encoding: DELTA_BINARY_PACKED`; Paimon reads these from 1.2 on. Tables packed with "
         "`pf-pack --old-readers` have none.")
BITMAP = ("your plugin version is lower than 2", "Paimon 0.9 knows bitmap indexes of version 1 only: `read index file "
          "fail, your plugin version is lower than 2`.")
YOUNG = ("Index 0 out of bounds", "Paimon 0.9 cannot plan a filter on a column that is younger than a file with an index in its manifest "
         "entry: `SimpleStatsConverters.convertFilter`, `Index 0 out of bounds for length 0`.")
BY_ID = ("SchemaError", "polars finds columns by name: `SchemaError: data type mismatch for column n`. Paimon and pf-query "
         "find them by field ID, and so does DuckDB (`schema`). `pf-put --compact --full` gives all files the newest schema.")
BY_NAME = ("'column', 'word'", "pyarrow, too, finds columns by name: one that was renamed is null in files from before.")
EXCEPTIONS = [*[(k, "Spark", w, *DELTA) for k in ("types_day", "types_none", "git_commits")
                for w in ("read", "pruned", "written")],
              *[(k, "Spark", "read", *BITMAP) for k in ("types_month", "gharchive")],
              ("maintained", "Spark", "read", *YOUNG),
              ("maintained", "polars", "read", *BY_ID), ("maintained", "pyarrow", "read", *BY_NAME)]
NOTES = list(dict.fromkeys(e[4] for e in EXCEPTIONS))


def outcome(fn):
    """"" or what went wrong, as text."""
    begin = time.time()
    try:
        wrong = fn()
        return ("" if not wrong else str(wrong)), time.time() - begin
    except Exception as error:
        return f"{type(error).__name__}: {error}", time.time() - begin


def prunings(kind):
    """Copies of the table that lack what a filter rules out: (copy, filter,
    rows to find), for the partition, the time and the ID."""
    files = []
    for path in kind.files:
        t = pq.read_table(path, columns=[kind.time, kind.id], partitioning=None)
        files.append((path, *pc.min_max(t.column(kind.time)).as_py().values(),
                      *pc.min_max(t.column(kind.id)).as_py().values()))
    middle = sorted(f[2] for f in files)[len(files) // 2]
    some = rng.choice(kind.column(kind.id))
    cases = [((kind.time, ">=", middle), [f[0] for f in files if f[2] >= middle]),
             ((kind.id, "=", some), [f[0] for f in files if f[3] <= some <= f[4]])]
    if "dt" in kind.names:
        day = rng.choice([d for d in kind.column("dt") if d and d[0] in "12"])
        cases.append((("dt", "=", day), [f for f in kind.files if f"/dt={day}/" in f]))
    result = []
    for filter_, keep in cases:
        copy = kind.copy(f"{kind.name}_{filter_[0]}_part")
        for path in kind.files:
            if path not in keep:
                os.unlink(path.replace(kind.path, copy))
        result.append((copy, filter_, len(selected(kind, filter_)), len(kind.files) - len(keep)))
    return result


def pruned(engine, kind, cases):
    got = engine.counts(kind, [(copy, f) for copy, f, _, _ in cases])
    return [(f, n, want) for (_, f, want, _), n in zip(cases, got) if n != want]


def listed(engine, kind):
    """Its $files, $snapshots, $partitions, $manifests and ours."""
    files = ours("--files", kind.path).to_pylist()
    snapshots = ours("--snapshots", kind.path).to_pylist()
    wanted = {"files": ("bucket", "file_path", "record_count", "file_size_in_bytes", "level", "schema_id"),
              "snapshots": ("snapshot_id", "schema_id", "commit_kind", "total_record_count"),
              "partitions": ("record_count", "file_size_in_bytes", "file_count"),
              "manifests": ("num_added_files", "num_deleted_files")}
    if any(s["tags"] for s in snapshots):
        wanted["tags"] = ("tag_name", "snapshot_id", "schema_id", "record_count")
    theirs = engine.systems(kind.path, wanted)
    wrong = []

    def same(what, got, want):
        got = sorted(got)
        want = sorted(tuple(map(str, w)) for w in want)
        if got != want:
            wrong.append((what, [x for x in got if x not in want][:2], [x for x in want if x not in got][:2]))
    same("$files", [(b, os.path.basename(p), *r) for b, p, *r in theirs["files"]],
         [(f["bucket"], f["file"], f["rows"], f["bytes"], f["level"], f["schema"]) for f in files])
    # Ours lists snapshots that only a tag keeps, too.
    same("$snapshots", theirs["snapshots"],
         [(s["snapshot"], s["schema"], s["kind"], s["rows"]) for s in snapshots
          if os.path.exists(f"{kind.path}/snapshot/snapshot-{s['snapshot']}")])
    same("$tags", theirs.get("tags", []),
         [(t, s["snapshot"], s["schema"], s["rows"]) for s in snapshots for t in (s["tags"] or "").split(",") if t])
    parts = {}
    for f in files:
        p = parts.setdefault(f["partition"], [0, 0, 0])
        p[0], p[1], p[2] = p[0] + f["rows"], p[1] + f["bytes"], p[2] + 1
    got, want = theirs["partitions"], list(parts.values())
    if kind.name == "oddities":  # several partitions share a directory
        got, want = ([tuple(str(sum(int(r[i]) for r in x)) for i in range(3))] for x in (got, want))
    same("$partitions", got, want)
    same("$manifests", [(str(sum(int(a) - int(d) for a, d in theirs["manifests"])),)], [(len(files),)])
    return wrong


def written(engine, kind, k):
    """It appends the rows of an entity once more; all is there, and sound."""
    copy = kind.copy(f"{kind.name}_by_{k}")
    filter_ = (kind.id, "=", min(kind.column(kind.id)))
    rows = selected(kind, filter_)
    engine.append(copy, kind, filter_, rows)
    sh(f"pf-put --verify '{copy}'")
    wrong = differ(kind, ours(copy), kind.table, kind.table.take(rows))
    shutil.rmtree(copy)
    return wrong


def judge(kind, engine, what, wrong):
    """The word for the matrix; a failure that is not expected is reported."""
    if not wrong:
        check(f"{kind.title}: {engine.title}: {what}", True)
        return what
    for k, e, w, part, reason in EXCEPTIONS:
        if k in (kind.name, "*") and e in engine.title and w == what and part in wrong:
            check(f"{kind.title}: {engine.title}: {what} fails in its own way", True)
            return f"{what}: no [{NOTES.index(reason) + 1}]"
    check(f"{kind.title}: {engine.title}: {what}", False, wrong)
    return f"**{what}: no**"


def examine(kind, engines):
    """A row of the matrix."""
    chosen = filters(kind)
    wants = [Found(kind, f) for f in chosen]
    cases = prunings(kind)
    print(f"# {kind.title}: {len(kind.rows)} rows, {len(kind.files)} files, without "
          + ", ".join(f"{c[3]} by {c[1][0]}" for c in cases))

    def work(k, engine):
        result = [("read", *outcome(lambda: engine.read(kind, chosen, wants)))]
        if not isinstance(engine, Files):
            if not isinstance(engine, PyPaimon):
                result.append(("listed", *outcome(lambda: listed(engine, kind))))
            if any(c[3] for c in cases):  # one file alone leaves nothing to prune
                result.append(("pruned", *outcome(lambda: pruned(engine, kind, cases))))
            result.append(("written", *outcome(lambda: written(engine, kind, k))))
        return result
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(work, k, e) for k, e in enumerate(engines)]
    row = []
    for engine, job in zip(engines, jobs):
        words = [judge(kind, engine, what, wrong) for what, wrong, _ in job.result()]
        print(f"# {engine.title}: " + ", ".join(f"{what} {s:.1f} s" for what, _, s in job.result()))
        row.append(", ".join(words))
    for copy, *_ in cases:
        shutil.rmtree(copy)
    return row


def matrix(engines, rows, kept):
    """MATRIX.md with the rows of this run in the place of those of before."""
    titles = [e.title.rsplit(" ", 1)[0] if isinstance(e, (PyPaimon, Files)) else e.title for e in engines]
    lines = ["# Agreement", "",
             "Tables of ours, and other engines' own code on them. Made by `make check-engines`,",
             "which fails when this file differs; what the words promise is said at the head of",
             "`check.py`, which makes it anew with `--write`. Python packages are those of `tests/tools/need`.",
             "Maven has Paimon's bundle of 1.3.1, not of 1.3.2; 2.0.0 is taken from its Flink",
             "connector; Spark's connector is there up to 0.9.0. A table of one file leaves",
             "nothing to prune.", "",
             "| table | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    done = {kind.title: row for kind, row in rows}
    for line in kept.split("\n"):
        cells = [c.strip() for c in line.split("|")[1:-1]]
        if cells and cells[0] != "table" and cells[0] not in ("", "---"):
            done.setdefault(cells[0], cells[1:])
    for title in sorted(done, key=lambda t: ORDER.index(t) if t in ORDER else len(ORDER)):
        lines.append(f"| {title} | " + " | ".join(done[title]) + " |")
    lines += [""] + [f"{i}. {note}" for i, note in enumerate(NOTES, 1)]
    return "\n".join(lines).rstrip() + "\n"


def agrees(what, found, kept):
    """One part of MATRIX.md; a line that differs says why."""
    lines = [x for x in zip_longest(found.split("\n"), kept.split("\n"), fillvalue="") if x[0] != x[1]]
    check(what, found == kept, lines and f"{len(lines)} lines differ: found '{lines[0][0]}', kept '{lines[0][1]}'")


TABLES = {
    "types_day": lambda: types_kind("types_day", "every type; day, 3 buckets", "bigint", "day", 3),
    "types_month": lambda: types_kind(
        "types_month", "every type; month, ID string, bloom and bitmap indexes, `--old-readers`", "string", "month", 4,
        "--old-readers",
        "pf-index -q --bloom c10 --file-index bloom-filter:c2,c4,c10,c11,c17,c19 --file-index bitmap:c0,c1,c3,c12 |"),
    "types_year": lambda: types_kind("types_year", "every type; year, ID int, bloom filters, `--old-readers`", "int",
                                     "year", 2, "--old-readers", "pf-index -q --file-index bloom-filter:c3,c10 |"),
    "types_none": lambda: types_kind("types_none", "every type; no partition, ID decimal(9,2)", "decimal(9,2)",
                                     "none", 3),
    "uci_diabetes": lambda: data_kind("uci_diabetes", "tar --zstd -xf {data}/uci_diabetes.tar.zst",
                                      "uci_diabetes/data-??"),
    "zeek_dns": lambda: data_kind("zeek_dns", "zstd -dqc {data}/zeek_dns.log.zst > raw", "raw"),
    "gharchive": lambda: data_kind("gharchive", "zstd -dqc {data}/gharchive_2015-01-01-0.emails-hashed.json.zst > raw",
                                   "raw", "", "pf-index -q --file-index bitmap:type |"),
    "git_commits": lambda: data_kind("git_commits", "zstd -dqc {data}/git_git_commits.tsv.zst > raw", "raw", ""),
    "oddities": oddities_kind,
    "forty": forty_kind,
    "maintained": maintained_kind,
}
TYPED = ["types_day", "types_month", "types_year", "types_none"]


ORDER = ["every type; day, 3 buckets", "every type; month, ID string, bloom and bitmap indexes, `--old-readers`",
         "every type; year, ID int, bloom filters, `--old-readers`", "every type; no partition, ID decimal(9,2)",
         "uci diabetes", "zeek dns", "gharchive, a bitmap", "git commits", "dt of others: null, empty, strange; then ours", "forty commits",
         "altered, compacted, tagged, rolled back, expired, cleaned"]


def main():
    warehouse = os.path.abspath("wh")
    engines = [PaimonJava(j) for j in JAVA if installed(j)]
    engines += [Flink(warehouse)] if installed("flink") else []
    engines += [Spark(warehouse)] if installed("spark") else []
    engines += [PyPaimon(warehouse), Files("duckdb"), Files("polars"), Files("pyarrow")]
    arguments = [a for a in sys.argv[1:] if a != "--write"]
    wanted = [a for a in arguments if a in TABLES] or list(TABLES)
    some = [a for a in arguments if a not in TABLES]
    if some:
        engines = [e for e in engines if any(a in e.title for a in some)]
    rows = []
    try:
        for name in wanted:
            draw_for(name)
            kind = TABLES[name]()
            rows.append((kind, examine(kind, engines)))
    finally:
        for e in engines:
            e.stop()
    if some:
        return
    path = f"{HERE}/MATRIX.md"
    kept = open(path).read() if os.path.exists(path) else ""
    kept, theirs, rest = kept.partition("\n## Tables of theirs")  # check_theirs.py makes these
    found = matrix(engines, rows, "" if wanted == list(TABLES) else kept)
    print("# " + found.replace("\n", "\n# "))
    if "--write" in sys.argv:
        with open(path, "w") as f:
            f.write(found + theirs + rest)
    else:
        agrees("MATRIX.md is what this run found", found, kept)


if __name__ == "__main__":
    run("engines", main)
