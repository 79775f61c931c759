# SPDX-License-Identifier: Apache-2.0
"""Tables with a primary key that other engines made and filled; check_keyed.py
runs these, and says what the words of the matrix promise. A kind is given an
engine and yields (what, wrong), as in check_theirs.py."""
import datetime
import decimal
import json
import os
import subprocess

from engines import NULL, canon, json_value, unescaped
from programs import ours, sh
from tables import OPS, Table, differs
from tap import rng
from values import java_type, literal, moment
from writers import JavaWriter

KEYS = {  # what keys are made of, by type; others are drawn
    "string": ["", "a", "b", "z", "ä", "é" * 9, "\U0001f40b", "ÿ", "\x7f", "\x80", "\uffff", "a long common prefix of two 1",
               "a long common prefix of two 2", "x" * 300, "x" * 301, "tab\t\\"],
    "bytes": [b"", b"\0", b"\x7f", b"\x80", b"\xff", b"\xff\0", b"a", b"a\xff", b"\xff" * 40],
    "varbinary(9)": [b"", b"\0", b"\x7f", b"\x80\x7f", b"\xff"],
    "int": [-2**31, -70000, -256, -1, 0, 1, 255, 65536, 2**31 - 1],
    "bigint": [-2**63, -2**33, -1, 0, 1, 2**32, 2**63 - 1],
    "smallint": [-2**15, -129, -1, 0, 1, 2**15 - 1], "tinyint": [-128, -1, 0, 127],
    "decimal(9,2)": [decimal.Decimal(x) for x in ("-9999999.99", "-0.01", "0.00", "0.10", "1.00", "9999999.99")],
    "decimal(38,10)": [decimal.Decimal(x) for x in ("-1234567890123456789012345678.0000000001", "-1.0000000000",
                                                    "0.0000000000", "0.0000000001", "18446744073709551616.5000000000")],
    "date": [datetime.date(1969, 12, 31), datetime.date(1, 1, 1), datetime.date(2024, 2, 29), datetime.date(9999, 12, 31)],
    "float": [-1.5, -0.0, 0.0, 0.5, 3.0e38], "double": [-1e300, -0.0, 0.0, 5e-324, 0.1],
}
WHOLE = "PF_WHOLE" in os.environ
VALUES = {"v": "string", "n": "int", "x": "double"}
FORCED = ("commit.force-compact", "true", "num-sorted-run.compaction-trigger", "1")
LATER = ("write-only", "true")


def key_of(e, kind):
    if kind in KEYS:
        return rng.choice(KEYS[kind])
    return e.value(kind)


class Keyed(Table):
    """states: the rows by snapshot, as the engine itself read them then."""

    def __init__(self, e, name, columns, key, options="", partition=""):
        self.key, self.states = key, {}
        options = "primary-key=" + ",".join(key) + "\n" + options
        if "bucket=" not in options:
            options += "\nbucket=2"
        super().__init__(e, "k_" + name, columns, options, partition)
        keys = {tuple(key_of(e, columns[k]) for k in key) for _ in range(60)}
        self.keys = sorted(keys, key=repr)[:40]
        rng.shuffle(self.keys)
        self.keys = self.keys[:14]

    @property
    def types(self):  # as the engines' literals ask for them
        return {c: java_type(k) for c, k in self.columns.items()}

    def version(self, **fixed):
        r = {c: None if rng.random() < 0.2 else self.engine.value(k) for c, k in self.columns.items()}
        r.update(zip(self.key, rng.choice(self.keys)))
        for c, make in fixed.items():
            r[c] = make() if callable(make) else make
        return r

    def change(self, kinds=("+I", "+U", "+U", "-D"), rows=12, options=(), **fixed):
        """Versions of rows as one commit."""
        change(self.engine, self, [(rng.choice(kinds), self.version(**fixed)) for _ in range(rows)], options)

    def theirs(self):
        names = ", ".join(f"`{c}`" for c in self.columns)
        if isinstance(self.engine, JavaWriter):
            cells = self.engine.ask("rows", self.path)[1:]
        else:
            cells = self.engine.sql.ask("rows", f"SELECT {names} FROM {self.engine.name(self)}")[1:]
        return sorted(map(tuple, cells))

    def mine(self, *args):
        return ours(self.path, *args).select(self.names)

    def latest(self):
        with open(self.path + "/snapshot/LATEST") as f:
            return f.read()


def change(e, t, changes, options=()):
    """Java takes kinds of rows; SQL upserts, then deletes what has the keys."""
    if isinstance(e, JavaWriter):
        for (kind, _), cells in zip(changes, t.cells([r for _, r in changes])):
            e.ask("change", t.path, kind, *[None if c == NULL else unescaped(c) for c in cells])
        e.ask("commit", t.path, *options)
        return
    last = {tuple(r[k] for k in t.key): (kind, r) for kind, r in changes}  # a statement has no order
    e.insert(t, [r for kind, r in last.values() if kind in ("+I", "+U")], options)
    gone = [key for key, (kind, _) in last.items() if kind == "-D"]
    if gone:
        each = [" AND ".join(f"`{k}` = {e.sql.cast(t, k, v)}" for k, v in zip(t.key, key)) for key in gone]
        e.run(f"DELETE FROM {e.name(t)} WHERE " + " OR ".join(f"({x})" for x in each))


def read(t):
    """All rows are what the engine reads; and remember them."""
    want = t.theirs()
    t.states[t.latest()] = want
    for args in (), ("--no-prune",):
        got = sorted(canon(t.mine(*args)))
        if got != want:
            return differs(got, want) or (len(got), len(want))
    return []


def filtered(t, most=3):
    """Keys and values that are there; values of versions that are gone find nothing."""
    table, wrong = t.mine(), []
    rows, cells = table.to_pylist(), canon(table)
    columns = list(t.key) + rng.sample([c for c in t.columns if c not in t.key], min(most, len(t.columns) - len(t.key)))
    for c in columns:
        kind = t.columns[c]
        pool = [r[c] for r in rows if r[c] is not None and r[c] == r[c]]
        cases = [("=", rng.choice(pool)), (rng.choice(["<", ">="]), rng.choice(pool))] if pool else []
        cases.append(("=", key_of(t.engine, kind)))
        for op, v in cases:
            if isinstance(v, bool) and op != "=":
                continue
            where = f"{c} {op} {literal(kind, v)}"
            want = sorted(x for x, r in zip(cells, rows) if r[c] is not None and OPS[op](r[c], v))
            got = sorted(canon(t.mine("-w", where)))
            if got != want:
                wrong.append((where, got[:2], want[:2], len(got), len(want)))
    return wrong


def looked_up(t):
    """An entity by its ID: there, and not there."""
    table, wrong, c = t.mine(), [], t.key[0]
    rows, cells = table.to_pylist(), canon(table)
    kind = t.columns[c]
    if kind in ("float", "double"):
        return []
    for key in rng.sample(t.keys, min(4, len(t.keys))):
        v = key[0]
        if isinstance(v, (bytes, datetime.datetime, bool)) or v == "" or (isinstance(v, str) and set(v) & set(",\t\"\\")):
            continue
        want = sorted(x for x, r in zip(cells, rows) if r[c] == v)
        got = sorted(canon(t.mine(f"--id={v}", "--id-column", c)))
        if got != want:
            wrong.append((c, v, got, want))
    return wrong


def older(t):
    """Snapshots of before are what was read then."""
    return [(n, differs(got, want) or (len(got), len(want))) for n, want in t.states.items()
            for got in [sorted(canon(t.mine("--snapshot", n)))] if got != want]


def verified(t):
    p = subprocess.run(["pf-put", "--verify", t.path], capture_output=True, text=True)
    return [] if p.returncode == 0 else p.stderr[-500:]


class Found:
    """What went wrong, by word of the matrix and table."""

    def __init__(self):
        self.wrong = {}

    def all(self, t, words=("read", "filtered", "looked up", "older", "verified")):
        checks = {"read": read, "filtered": filtered, "looked up": looked_up, "older": older, "verified": verified}
        for w in words:
            bad = checks[w](t)
            self.wrong.setdefault(w, [])
            if bad:
                self.wrong[w].append((t.name, t.latest(), bad))
            if bad and w == "read":
                return

    def words(self):
        yield from self.wrong.items()


def play(t, found, commits, kinds=("+I", "+U", "+U", "-D"), rows=12, **fixed):
    """commits: the options of each."""
    for i, options in enumerate(commits):
        t.change(kinds, rows, options, **fixed)
        found.all(t, ("read", "filtered") if i == len(commits) // 2 else ("read",))
    found.all(t)


THREE = [LATER, LATER, LATER]  # overlapping runs


def some(e, cases):
    """Of many cases a few: other runs take others. SQL takes its time, and releases
    between the oldest and the newest differ little. PF_WHOLE takes all."""
    if e.kinds:
        return cases[:2 if WHOLE else 1]
    most = 3 if e.title.endswith(("1.2.0", "2.0.0")) else 1
    return cases if WHOLE else rng.sample(cases, min(most, len(cases)))


def keys(e):
    found = Found()
    cases = [("text", {"k": "string"}), ("turned", {"p": "smallint", "k": "string"}), ("ints", {"a": "int", "b": "bigint", "c": "tinyint"}),
             ("decimals", {"m": "decimal(38,10)", "w": "decimal(9,2)"}), ("days", {"d": "date", "ts": "timestamp(3)"}),
             ("moments", {"u": "timestamp(6)", "z": "timestamp_ltz(3)"}), ("bytes", {"y": "bytes", "b": "boolean"}),
             ("reals", {"f": "float", "r": "double"}), ("fixed", {"c": "char(5)", "y": "varbinary(9)"}), ("times", {"z": "timestamp_ltz(6)", "t": "time(3)"})]
    for name, columns in some(e, cases):
        t = Keyed(e, "key_" + name, {**columns, **VALUES}, list(columns)[::-1])
        if not e.at_least("2.0"):  # since then -0.0 and 0.0 are two keys
            t.keys = [k for k in t.keys if -0.0 not in k or not isinstance(k[0], float)]
        play(t, found, [LATER] if e.kinds else [*THREE, FORCED, LATER])
    yield from found.words()


def a_sequence():
    return rng.choice([None, *range(-4, 5)])


def sequences(e):
    """Late versions and those without a sequence."""
    found = Found()
    cases = [("one", "sequence.field=n"), ("two", "sequence.field=n,m"), ("down", "sequence.field=n\nsequence.field.sort-order=descending"),
             ("text", "sequence.field=v"), ("kinds", "rowkind.field=k\nsequence.field=n")]
    if not e.kinds and not e.at_least("1.4"):
        # A process of before takes one order for both of a type (CodeGenUtils'
        # cache knows the columns only).
        cases = [c for c in cases if c[0] != "down"]
    for name, options in some(e, cases):
        t = Keyed(e, "sequence_" + name, {"id": "int", **VALUES, "m": "int", "k": "string"}, ["id"], options)
        kinds = ("+I",) if e.kinds or name == "kinds" else ("+I", "+U", "+U", "-D")
        play(t, found, [()] if e.kinds else [*THREE, FORCED, LATER, LATER], kinds, n=a_sequence, m=a_sequence,
             k=lambda: rng.choice(["+I", "+U", "-D"]), v=lambda: rng.choice(["a", "ä", "b", None]))
    yield from found.words()


def levels(e):
    """Partial compactions leave several levels, a full one a single run."""
    found = Found()
    t = Keyed(e, "levels", {"id": "int", **VALUES}, ["id"], "num-sorted-run.compaction-trigger=3\nbucket=1")
    t.keys = [(i,) for i in range(400)]
    seen = set()
    for rows in (40, 6, 3, 2) if e.kinds else (900, 6, 3, 2, 40, 5, 1, 2, 3, 2):
        t.change(rows=rows)
        found.all(t, ("read", "filtered"))
        seen.add(tuple(sorted(f["level"] for f in ours("--files", t.path).to_pylist())))
    found.all(t)
    yield from found.words()
    if not e.kinds:
        yield "", [] if any(len({x for x in s if x}) > 1 for s in seen) else f"no two levels above 0: {seen}"


SETS = {"id": "int", "v": "string", "n": "bigint", "x": "double", "m": "decimal(9,2)", "b": "boolean", "g": "int", "h": "int", "w": "string"}
SMALL = {"n": lambda: rng.choice([None, *range(-50, 50)]), "x": lambda: rng.choice([None, 0.5, -2.0, 3.25]), "g": a_sequence, "h": a_sequence,
         "m": lambda: rng.choice([None, decimal.Decimal("1.25"), decimal.Decimal("-7.00")]), "v": lambda: rng.choice(["a", "b", "ä", None]),
         "w": lambda: rng.choice(["a", "b", None])}


def merges(e):
    """The other merge engines; a case has the kinds of rows it may get."""
    found = Found()
    plain, gone = ("+I", "+U"), ("+I", "+U", "+U", "-D")
    partial, sums = "merge-engine=partial-update\n", "merge-engine=aggregation\n"
    cases = [
        ("groups", partial + "fields.g.sequence-group=v,n\nfields.h.sequence-group=x,m", plain),
        ("sums", sums + "fields.n.aggregate-function=sum\nfields.v.aggregate-function=last_value\n"
         "fields.x.aggregate-function=sum\nfields.m.aggregate-function=sum", ("+I", "+U", "-U", "-D")),
        ("partial", partial, plain),
        ("group_pair", partial + "fields.g,h.sequence-group=v,n,x\nfields.default-aggregate-function=last_non_null_value", plain),
        ("group_sums", partial + "fields.g.sequence-group=n,v,m\nfields.n.aggregate-function=sum\n"
         "fields.v.aggregate-function=listagg\nfields.m.aggregate-function=first_non_null_value\n"
         "fields.h.sequence-group=x,b\nfields.x.aggregate-function=max\nfields.b.aggregate-function=bool_or", plain),
        ("group_gone", partial + "fields.g.sequence-group=v,n\nfields.h.sequence-group=x\nfields.x.aggregate-function=sum", gone),
        ("group_removes", partial + "fields.g.sequence-group=v,n\nfields.h.sequence-group=x,m\n"
         "partial-update.remove-record-on-sequence-group=g", gone),
        ("ignores", partial + "ignore-delete=true", gone),
        ("removes", partial + "partial-update.remove-record-on-delete=true", gone),
        ("ordered", partial + "sequence.field=g", ("+I",)),
        ("extremes", sums + "fields.n.aggregate-function=max\nfields.v.aggregate-function=min\nfields.x.aggregate-function=min\n"
         "fields.m.aggregate-function=max\nfields.b.aggregate-function=bool_and\nfields.g.aggregate-function=first_value", ("+I",)),
        ("lists", sums + "fields.v.aggregate-function=listagg\nfields.w.aggregate-function=listagg\nfields.w.list-agg-delimiter=;\n"
         "fields.n.aggregate-function=first_non_null_value\nfields.x.aggregate-function=product", ("+I",)),
        ("last", sums + "fields.default-aggregate-function=last_non_null_value\nsequence.field=h", ("+I", "-U", "-D")),
        ("first", "merge-engine=first-row", ("+I",)),
        ("newest", "ignore-delete=true", gone),
    ]
    otherwise = OTHERWISE if not e.at_least("1.4") and not e.kinds else ()
    for name, options, kinds in some(e, [c for c in cases if c[0] not in otherwise]):
        t = Keyed(e, "merge_" + name, SETS, ["id"], options)
        play(t, found, [()] if e.kinds else [LATER, FORCED, LATER, LATER, FORCED], plain if e.kinds else kinds, **SMALL)
    yield from found.words()


# Paimon before 1.4 keeps the values of before in a row that a delete begins anew
# (PartialUpdateMergeFunction.initRow).
OTHERWISE = ("removes", "group_removes")


def vectors(e):
    found = Found()
    cases = [("plain", "deletion-vectors.enabled=true"), ("wide", "deletion-vectors.enabled=true\ndeletion-vectors.bitmap64=true"),
             ("sequence", "deletion-vectors.enabled=true\nsequence.field=n"),
             ("merge", "deletion-vectors.enabled=true\nmerge-engine=aggregation\nfields.n.aggregate-function=sum")]
    if not e.at_least("1.3"):
        cases.pop(1) if not e.kinds else None
    for name, options in some(e, cases):
        t = Keyed(e, "vector_" + name, {"id": "int", **VALUES}, ["id"], options)
        t.keys = [(i,) for i in range(60)]
        play(t, found, [()] if e.kinds else [(), FORCED, (), LATER, ()], ("+I", "+U") if name == "merge" else ("+I", "+U", "-D"),
             30, n=a_sequence)
    yield from found.words()


def spread(e):
    """Buckets that are not fixed, and partitions that the key does not name."""
    found = Found()
    cases = [("dynamic", {"id": "int", **VALUES}, ["id"], "bucket=-1", "")]
    if e.kinds and e.short == "flink" and WHOLE:
        cases.append(("across", {"id": "int", "p": "string", **VALUES}, ["id"], "bucket=-1", "p"))
    for name, columns, key, options, partition in cases:
        t = Keyed(e, "spread_" + name, columns, key, options + "\ndynamic-bucket.target-row-num=5", partition)
        play(t, found, [(), ()], p=lambda: rng.choice(["p1", "p2", "ä"]))
    yield from found.words()


def partitions(e):
    found = Found()
    cases = [("one", {"p": "string", "id": "int"}, "p"), ("two", {"p": "date", "q": "int", "id": "string"}, "p,q")]
    for name, columns, partition in some(e, cases):
        t = Keyed(e, "part_" + name, {**columns, **VALUES}, list(columns), "", partition)
        t.keys = [tuple(v[:20] if isinstance(v, str) else v for v in key) for key in t.keys[:8]]
        play(t, found, [()] if e.kinds else [LATER, LATER, FORCED, LATER])
    yield from found.words()


def changelogs(e):
    found = Found()
    for name in some(e, ["lookup", "input", "full-compaction"]):
        t = Keyed(e, "changes_" + name.split("-")[0], {"id": "int", **VALUES}, ["id"], f"changelog-producer={name}")
        play(t, found, [()] if e.kinds else [LATER, LATER, FORCED, LATER, ()])
    yield from found.words()


def files(e):
    """How files are written must not matter: codecs, pages, statistics, indexes."""
    found = Found()
    cases = [(f"codec_{c}", f"file.compression={c}\nparquet.page.size=300\nparquet.block.size=2000\nparquet.writer.version=PARQUET_2_0")
             for c in ("snappy", "gzip", "lz4", "uncompressed")]
    cases += [(f"stats{i}", f"metadata.stats-mode={m}") for i, m in enumerate(("none", "counts", "truncate(2)", "full"))]
    cases += [("sparse", "metadata.stats-dense-store=false"), ("thin", "data-file.thin-mode=true"),
              ("indexed", "file-index.bloom-filter.columns=v,n,id\nfile-index.bitmap.columns=n\nfile-index.in-manifest-threshold=1 B"),
              ("embedded", "file-index.bloom-filter.columns=v,id\nfile-index.bloom-filter.id.items=50\nfile-index.bloom-filter.v.items=50")]
    for name, options in some(e, cases) if not e.kinds else [cases[10]]:
        t = Keyed(e, "files_" + name, {"id": "int", **VALUES}, ["id"], options)
        t.keys = [(i,) for i in range(60)]
        play(t, found, [()] if e.kinds else [LATER, LATER, FORCED, LATER], rows=40, n=a_sequence)
    yield from found.words()


def altered(e):
    found = Found()
    t = Keyed(e, "altered", {"id": "int", **VALUES, "w": "string"}, ["id"], "")
    steps = [("add", "new", "BIGINT"), ("drop", "w"), ("rename", "v", "was_v"), ("type", "n", "BIGINT"), ("add", "v", "STRING")]
    kinds = {"add": lambda n, k: {**t.columns, n: k.lower()}, "drop": lambda n: {c: k for c, k in t.columns.items() if c != n},
             "rename": lambda n, m: {m if c == n else c: k for c, k in t.columns.items()},
             "type": lambda n, k: {**t.columns, n: k.lower()}}
    t.change(options=LATER)
    for what, *args in steps[::2] if e.kinds and not WHOLE else steps:
        e.alter(t, what, *args)
        t.columns = kinds[what](*args)
        t.change(options=LATER, n=a_sequence)
        found.all(t, ("read", "filtered"))
    if not e.kinds:
        t.change(options=FORCED)
    t.states = {}  # older snapshots have other columns
    found.all(t)
    yield from found.words()


def refused(e):
    """By name, since any other reading would give other rows."""
    wrong = []
    lists = '{"type": "ARRAY", "element": "INT"}'
    cases = [("collect", {"id": "int", "l": lists}, "merge-engine=aggregation\nfields.l.aggregate-function=collect", "'collect'"),
             ("avro", {"id": "int"}, "file.format.per.level=0:avro", "is Avro"), ("orc", {"id": "int"}, "file.format=orc", "is ORC"),
             ("nano", {"id": "int", "u": "timestamp(9)"}, "", "primary key has column 'u' of type TIMESTAMP(9)"),
             ("postponed", {"id": "int"}, "bucket=-2", "postponed buckets"),
             ("beside", {"id": "int"}, "deletion-vectors.enabled=true\ndeletion-vectors.merge-on-read=true", "merge-on-read"),
             ("digits", {"id": "int", "m": "decimal(9,2)"}, "merge-engine=aggregation\nfields.m.aggregate-function=product", "'product'")]
    for name, columns, options, part in cases:
        t = Keyed(e, "refused_" + name, columns, ["id", "u"][:len(columns) if name == "nano" else 1], options)
        for i in range(2):
            e.ask("change", t.path, "+I", "1", *["[1]" if name == "collect" else "1"] * (len(columns) - 1))
            e.ask("commit", t.path, *LATER)
        p = subprocess.run(["pf-query", t.path], capture_output=True, text=True)
        if p.returncode != 2 or part not in p.stderr:
            wrong.append((name, p.returncode, p.stderr))
    yield "refused by name", wrong


def we_change(t, rows):
    """(kind, row)s of ours through the line; raises what it says."""
    with open(t.name + ".yaml", "w") as f:
        f.write(f"table: t\nprimary_key: [{', '.join(t.key)}]\nid: {t.key[0]}\ntime: ts\npartition: none\nbuckets: 2\nrow_kind: op\n"
                + t.extra + "columns:\n" + "".join(f"  {c}: {k}\n" for c, k in t.columns.items()))
    with open(t.name + ".jsonl", "w") as f:
        for kind, r in rows:
            f.write(json.dumps({"op": kind, **{c: json_value(v) for c, v in r.items()}}) + "\n")
    sh(f"pf-partition -S {t.name}.yaml -I jsonl {t.name}.jsonl | pf-pack -q --old-readers | pf-put -q --append {t.path}")


def upserted(e):
    """We upsert and delete in their tables, and compact them; they read it and go on."""
    found, wrong = Found(), []
    stamp = "timestamp(6)" if e.kinds and e.short == "spark" else "timestamp(3)"
    cases = [("plain", ["id"], "", ""), ("pair", ["s", "id"], "bucket-key=s\nsequence.field=n", "sequence: n\n")]
    for name, key, options, extra in cases[:1] if e.kinds else cases:
        t = Keyed(e, "upserted_" + name, {"id": "bigint", "s": "string", "n": "int", "ts": stamp}, key, options + "\nnum-sorted-run.compaction-trigger=50")
        t.extra, top = extra, 0
        t.change(rows=20, n=1)
        for step in range(2 if e.kinds else 4):
            rows = [(rng.choice(["+I", "+U", "-D"]), t.version(n=lambda: 2 + step, ts=moment(3))) for _ in range(15)]
            try:
                we_change(t, rows)
                if step % 2:
                    sh(f"pf-put -q --compact --full {t.path}")
            except RuntimeError as error:
                wrong.append((name, str(error)))
                break
            found.all(t, ("read", "filtered", "verified"))
            if not e.kinds:
                t.change(rows=5, n=2 + step, options=LATER)
                found.all(t, ("read",))
        found.all(t)
    wrong += found.wrong.pop("read", [])
    yield "upserted, compacted", wrong
    yield from found.words()
    if not e.kinds:
        yield "others refused", not_ours(e)


def not_ours(e):
    """What we do not write, by name, and leave alone."""
    wrong = []
    cases = [("bucket=-1", ["id"], "no fixed buckets"), ("deletion-vectors.enabled=true", ["id"], "deletion"),
             ("merge-engine=first-row", ["id"], "first-row"), ("changelog-producer=lookup", ["id"], "changelog-producer"),
             ("changelog-producer=full-compaction", ["id"], "changelog-producer"), ("rowkind.field=s", ["id"], "rowkind.field"),
             ("data-file.thin-mode=true", ["id"], "thin-mode"), ("", ["s", "id"], "bucket key of several columns"),
             ("bucket=-2", ["id"], "postponed buckets")]
    for i, (options, key, part) in enumerate(cases):
        t = Keyed(e, f"not_ours{i}", {"id": "bigint", "s": "string", "n": "int", "ts": "timestamp(3)"}, key, options)
        t.extra = ""
        t.change(rows=3, kinds=("+I",), s="+I")
        before = t.latest()
        try:
            we_change(t, [("+I", t.version(n=1, s="+I", ts=moment(3)))])
            wrong.append((options, "was taken"))
        except RuntimeError as error:
            if part not in str(error):
                wrong.append((options, str(error)[-200:]))
        if t.latest() != before:
            wrong.append((options, "was changed"))
    return wrong


KINDS = {
    "keys": ("keys of every type and of several columns; updated, deleted, back again", keys),
    "sequences": ("sequences: late, null, of two columns, descending; kinds in a column", sequences),
    "levels": ("overlapping runs, levels of partial compactions", levels),
    "merges": ("partial updates, sequence groups, aggregates, the first row", merges),
    "vectors": ("deletion vectors, both kinds", vectors),
    "spread": ("dynamic buckets", spread),
    "partitions": ("partitions", partitions),
    "changelogs": ("changelog producers `lookup`, `input`, `full-compaction`", changelogs),
    "files": ("codecs, pages, statistics, thin files, file indexes", files),
    "altered": ("altered: added, dropped, renamed, widened", altered),
    "refused": ("`collect`, products of decimals, vectors beside merging, postponed buckets, level 0 in Avro, ORC, nine digits in a key", refused),
    "upserted": ("ours on theirs", upserted),
}
