# SPDX-License-Identifier: Apache-2.0
"""Filters: (column, operator, value, what it is for), and what they must find.

A boolean column with both values has no miss, one of nulls no hit. A kind is a table
of append_ours.py.
"""
import datetime
import decimal

from engines import canon, digest, text
from tap import rng, skip
from values import TYPES, word

try:
    import polars
except ImportError as e:
    skip(e)

TYPED = ["types_day", "types_month", "types_year", "types_none"]


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
