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
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

from append_ours import ORDER, TABLES
from engines import JAVA, installed
from filters import Found, differ, filters, selected
from matrix import compare, section
from programs import ours, sh
from readers import Files, Flink, PaimonJava, PyPaimon, Spark
from tap import check, draw_for, outcome, rng, run, skip

try:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
except ImportError as e:
    skip(e)

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
    _, kept, _ = section("")
    compare("", matrix(engines, rows, "" if wanted == list(TABLES) else kept))


if __name__ == "__main__":
    run("engines", main)
