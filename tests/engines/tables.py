# SPDX-License-Identifier: Apache-2.0
"""A table of theirs, which an engine makes and fills (writers.py), and whether pf-query
reads it as the engine does."""
import os

from engines import canon, digest, text
from programs import ours
from tap import rng
from values import MAKE, kind_of, literal


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
