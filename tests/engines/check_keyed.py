#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_keyed.py [--write] [ours|theirs] [TABLE...] [ENGINE...]: tables with a
primary key, and other engines' own code. Prints TAP and two sections of
MATRIX.md, which must be what was found (--write makes them so).

Of ours (keyed_ours.py), with everybody taking turns: we load upserts and
deletes from a stage and compact, Paimon Java writes kinds of rows and
compacts, Flink and Spark insert, update, delete, merge and compact by SQL,
pypaimon writes. PF_STEPS is how many turns each table takes; PF_WHOLE asks
everybody for all that the second part has.

  read      after each turn all rows are those of a model; what pf-query reads
            is looked at, too, with and without pruning and by conditions
  pruned    with a condition on the key, the right rows come from a copy that
            lacks all files that the bounds of keys rule out
  written   the engine had its turns, and all others read what came of them

Of theirs (keyed_theirs.py): the engine makes a table and commits some times.

  read      after each commit pf-query gives the rows that the engine reads
  filtered  so it does by conditions on keys and values, --no-prune or not
  looked up and by --id
  older     --snapshot gives the rows that there were then
  verified  pf-put --verify finds nothing wrong
  upserted, compacted
            we do, and the engine reads what came of it, and goes on

Data is made anew in each run; the seed is printed (PF_TEST_SEED). A table of theirs
is the same with the same seed, whichever others are asked for; one of ours has the
same turns with the same engines.
"""
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import keyed_ours as own
import keyed_theirs as other
from engines import JAVA, installed
from matrix import compare
from readers import Flink, PaimonJava, PyPaimon, Spark
from tap import attempt, check, draw_for, run
from writers import FlinkWriter, JavaWriter, SparkWriter

STEPS = int(os.environ.get("PF_STEPS", "11"))
HEAD_OURS, HEAD_THEIRS = "## Tables of ours with a primary key", "## Tables of theirs with a primary key"

# What an engine does otherwise: (table, engine, word, a part of what is found,
# the reason in the matrix).
EXCEPTIONS = [
    (t, "pypaimon", "read", "KeyError: '_VALUE_STATS_COLS'", "Until Spark has written: pypaimon reads no manifests of Paimon before "
     "1.0, `KeyError: '_VALUE_STATS_COLS'`.") for t in ("plain", "text")] + [
    ("days", "Spark", "pruned", "ArrayIndexOutOfBoundsException", "Unless pypaimon has written: Paimon 0.9 does not know that files may "
     "have no statistics, `ArrayIndexOutOfBoundsException` in `KeyValueFileStoreScan.filterByValueFilter`, and forgets it when it merges "
     "manifests; so the two do not write to the same table."),
]
NOTES = list(dict.fromkeys(e[4] for e in EXCEPTIONS))


def outcome(fn):
    try:
        return fn()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


class Turns:
    """The turns, and what went wrong, by (table, engine or None for us, word)."""

    def __init__(self, engines, names):
        self.engines = engines
        self.tables = [own.Ours(*spec) for spec in own.TABLES if spec[0] in names]
        self.wrong = {(t.name, e, w): [] for t in self.tables for e in [None] + engines for w in ("read", "pruned", "written")}
        self.done = {}

    def note(self, t, e, word, bad):
        """An exception is one where the engine says so itself."""
        known = [x for x in EXCEPTIONS if x[0] in (t.name, "*") and e and x[1] in e.title and x[2] == word and x[3] in str(bad)]
        if bad and not known:
            self.wrong[t.name, e, word].append((self.done.get(t.name), bad))

    def turn(self, t, engine, what, fn):
        self.done[t.name] = f"{what}, snapshot {t.latest()}"
        t.turns += 1
        draw_for(f"{t.name} {t.turns}")
        print(f"# {t.name}: {self.done[t.name]}", flush=True)
        self.note(t, engine, "written", outcome(lambda: fn(t)))
        self.note(t, None, "read", outcome(lambda: own.we_read(t)))

    def read(self):
        def all_of(e):
            if isinstance(e, (Flink, Spark)):
                return outcome(lambda: own.read_all(e, self.tables))
            return {t.name: outcome(lambda: own.read_all(e, [t])[t.name]) for t in self.tables}
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(all_of, self.engines))
        for e, got in zip(self.engines, found):
            for t in self.tables:
                mine = got if isinstance(got, str) else got[t.name]
                if isinstance(mine, str):
                    self.note(t, e, "read", mine)
                elif mine != t.want():
                    self.note(t, e, "read", ([x for x in zip(mine, t.want()) if x[0] != x[1]][:2], len(mine), len(t.want())))

    def prune(self, engines):
        for t in self.tables:
            draw_for(f"{t.name} pruned {t.turns}")
            copy, key, value, away = own.pruned_copies(t)
            print(f"# {t.name}: {t.operations} versions, {len(t.want())} rows; {away} files were away from {key} = {value!r}")
            for e in engines:
                self.note(t, e, "pruned", outcome(lambda: own.pruned(e, t, copy, key, value)))

    def play(self):
        orders = {}
        for t in self.tables:
            draw_for(t.name)
            orders[t.name] = own.order_of(self.engines, t, STEPS)
        for half in range(2):
            for step in range(max(len(o[half]) for o in orders.values())):
                for t in self.tables:
                    if step < len(orders[t.name][half]):
                        self.turn(t, *orders[t.name][half][step])
                self.read()
                if sum(map(len, self.wrong.values())) > 30:
                    return
            self.prune([e for e in self.engines if isinstance(e, PyPaimon) == (half == 0)])

    def rows(self):
        """Of the matrix."""
        self.play()
        result = {}
        for t in self.tables:
            for w in ("read", "written"):
                bad = self.wrong[t.name, None, w]
                check(f"{t.name}: {w} by us", not bad, bad[:3])
            row = []
            for e in self.engines:
                words = []
                for w in ("read", "pruned", "written")[:3 if own.writes(e, t) else 2]:
                    bad = self.wrong[t.name, e, w]
                    ok = check(f"{t.name}: {e.title}: {w}", not bad, bad[:3])
                    notes = {NOTES.index(x[4]) + 1 for x in EXCEPTIONS if x[0] in (t.name, "*") and x[1] in e.title and x[2] == w}
                    words.append((w if ok else f"**{w}: no**") + "".join(f" [{n}]" for n in sorted(notes)))
                row.append(", ".join(words))
            result[own.TITLES[t.name]] = row
        return result


def play_theirs(engines, kinds):
    def work(e):
        cells, begin = {}, time.time()
        for k in kinds:
            at = time.time()
            draw_for(f"{k} {e.short}")
            cells[k] = [] if not may(e, k) else attempt(lambda: other.KINDS[k][1](e))
            for what, bad in cells[k]:
                if bad:
                    print(f"# {e.title}: {k}: {what}: {str(bad)[:600]}", flush=True)
            if cells[k]:
                print(f"# {e.title}: {k} {time.time() - at:.1f} s", flush=True)
        e.stop()
        print(f"# {e.title}: {time.time() - begin:.1f} s", flush=True)
        return cells
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(work, e) for e in reversed(engines)][::-1]
    return {other.KINDS[k][0]: [judge(other.KINDS[k][0], e, j.result()[k]) for e, j in zip(engines, jobs)] for k in kinds}


def judge(title, e, results):
    """The words of a cell."""
    return ", ".join(what if check(f"{title}: {e.title}: {what}", not bad, bad) else f"**{what}: no**" for what, bad in results
                     if what or check(f"{title}: {e.title}: as meant", not bad, bad) is None)


def may(e, kind):
    """Java alone says how rows are kept; SQL takes its time."""
    if not e.kinds:
        return True
    if e.short == "flink" and not other.WHOLE:
        return kind in ("keys", "merges", "vectors", "spread", "changelogs", "upserted")
    return kind != "refused" and (kind != "vectors" or e.short == "flink")


def section(head, about, engines, rows, notes=()):
    lines = [head, "", *about, "", "| table | " + " | ".join(e.title.rsplit(" ", 1)[0] if isinstance(e, PyPaimon) else e.title
                                                            for e in engines) + " |", "|---" * (len(engines) + 1) + "|"]
    lines += [f"| {title} | " + " | ".join(row) + " |" for title, row in rows.items()]
    lines += [""] * bool(notes) + [f"{i}. {note}" for i, note in enumerate(notes, 1)]
    return "\n".join(lines) + "\n"


def main():
    warehouse = os.path.abspath("wh")
    arguments = [a for a in sys.argv[1:] if a != "--write"]
    names = [spec[0] for spec in own.TABLES]
    kinds = [a for a in arguments if a in other.KINDS] or list(other.KINDS)
    some = [a for a in arguments if a not in other.KINDS and a not in names and a not in ("ours", "theirs")]
    java = [JAVA_ for JAVA_ in JAVA if installed(JAVA_)]

    def wanted(engines):
        return [e for e in engines if not some or any(a in e.title for a in some)]
    if "theirs" not in arguments:
        engines = wanted([PaimonJava(j) for j in java] + ([Flink(warehouse)] if installed("flink") else [])
                         + ([Spark(warehouse)] if installed("spark") else []) + [PyPaimon(warehouse)])
        mine = [a for a in arguments if a in names]
        rows = Turns(engines, mine or names).rows()
        for e in engines:
            e.stop()
        if not mine and not some:
            compare(HEAD_OURS, section(HEAD_OURS, [
                "Everybody in turns on them: upserts, deletes, updates, merges and compactions; what the",
                "words promise is said at the head of `check_keyed.py`, which makes this part and the next",
                "anew with `--write`."], engines, rows, NOTES))
    if "ours" not in arguments:
        engines = wanted([JavaWriter(j) for j in java] + ([FlinkWriter(warehouse)] if installed("flink") else [])
                         + ([SparkWriter(warehouse)] if installed("spark") else []))
        rows = play_theirs(engines, kinds)
        if len(kinds) == len(other.KINDS) and not some and not other.WHOLE:
            compare(HEAD_THEIRS, section(HEAD_THEIRS, [
                "Tables that the engines made and filled, and `pf-query` and `pf-put` on them. An empty cell:",
                "not asked in this short form (`PF_WHOLE=1 check_keyed.py theirs` asks more)."], engines, rows))


if __name__ == "__main__":
    run("keyed", main)
