# SPDX-License-Identifier: Apache-2.0
"""Kinds of tables of theirs, by what becomes of them: altered, cast, deleted from,
compacted, appended to by us, seen through windows. Each is given an engine and yields
(what, wrong)."""
import datetime
import json
import os
import subprocess

from engines import EngineError, json_value
from programs import ours, sh
from tables import Table, check_filtered, check_read, differs
from tap import rng
from theirs_files import SOME, known
from values import literal, moment

NO_DELETE = "can not support delete"


def fails(fn, part):
    try:
        fn()
        return "it was done"
    except EngineError as error:
        return [] if part in str(error) else str(error)


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
    fixed = {"id": lambda i: 1000 + i, "ts": lambda i: moment(3, 1_704_000_000, 1_704_200_000)}
    rows = t.make(n, **fixed)
    with open(t.name + ".jsonl", "w") as f:
        for r in rows:
            f.write(json.dumps({c: json_value(v) for c, v in r.items() if c != "dt"}) + "\n")
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
    some = {"ts": lambda i: moment(3, 1_704_000_000, 1_704_200_000)}
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
