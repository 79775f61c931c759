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
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from engines import JAVA, installed
from matrix import compare, section
from tap import attempt, check, draw_for, run
from theirs_changed import NO_DELETE, altered, buckets, casts, compacted, deletions, windows
from theirs_files import all_types, codecs, indexes, manifests, partitions, places, statistics, tracked
from theirs_nested import nested
from theirs_refused import refused
from writers import FlinkWriter, JavaWriter, SparkWriter

HEAD = "## Tables of theirs"

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
ABSENT = {("deletions", "flink"): f"Flink deletes by primary key only: `{NO_DELETE}`.",
          ("windows", "flink"): f"Flink deletes by primary key only: `{NO_DELETE}`.",
          ("tracked", "java120"): "`row-tracking.enabled` is in no class of Paimon before 1.3.",
          ("tracked", "spark"): "`row-tracking.enabled` is in no class of Paimon before 1.3.",
          ("places", "spark"): "Neither option is in a class of Paimon 0.9."}
NOTES = list(dict.fromkeys(ABSENT.values()))


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
        _, kept, _ = section(HEAD)
        compare(HEAD, matrix(engines, cells, kept))


if __name__ == "__main__":
    run("theirs", main)
