# SPDX-License-Identifier: Apache-2.0
"""What Paimon's merge engines make of the versions of a row, in plain Python,
written from its merge functions and independent of ours. A version is a dict
with "op" (+I -U +U -D), "seq" (the order in which it came) and its columns.
Rows that come together are merged once when they are stored, and what is stored
is merged when it is read: merge() does both."""
import functools
import json

from _keyed_model import WORDS

ADDS = ("+I", "+U")


class Unmergeable(Exception):
    pass


def less_null(a, b):
    """-1, 0, 1; a missing value is less than any."""
    if a is None or b is None:
        return (a is not None) - (b is not None)
    if isinstance(a, str):
        a, b = a.encode(), b.encode()
    return (a > b) - (a < b)


class Rules:
    def __init__(self, engine, columns, keys, options=None, sequence=()):
        self.engine, self.columns, self.keys = engine, columns, keys
        self.options, self.sequence = options or {}, list(sequence)
        self.descends = self.options.get("sequence.field.sort-order") == "descending"
        self.groups = {}  # column -> tuple of fields that order it
        for key, value in self.options.items():
            if key.endswith(".sequence-group"):
                fields = tuple(key[len("fields."):-len(".sequence-group")].split(","))
                for c in list(fields) + value.split(","):
                    self.groups[c] = fields
        listed = self.options.get("partial-update.remove-record-on-sequence-group")
        self.removing = set(listed.split(",")) if listed else set()

    def on(self, key):
        return self.options.get(key) == "true"

    def ignores(self, op):
        return op not in ADDS and (self.on("ignore-delete") or
                                   (op == "-U" and self.on("ignore-update-before")))

    def function(self, column):
        if self.engine == "aggregation" and column in self.sequence:
            return "last_value"
        if column in self.keys:
            return "primary-key"
        if column in {f for fields in self.groups.values() for f in fields}:
            return None
        name = self.options.get(f"fields.{column}.aggregate-function",
                                self.options.get("fields.default-aggregate-function"))
        return name or (None if self.engine == "partial-update" else "last_non_null_value")

    def order(self, a, b):
        for column in self.sequence:
            x, y = a[column], b[column]
            c = less_null(x, y)
            if c:
                return -c if self.descends and x is not None and y is not None else c
        return a["seq"] - b["seq"]


class Field:
    """One column's value, and how it changes."""

    def __init__(self, rules, column):
        self.rules, self.column = rules, column
        self.name = rules.function(column)
        self.delimiter = rules.options.get(f"fields.{column}.list-agg-delimiter", ",")
        self.distinct = rules.on(f"fields.{column}.distinct")
        self.keeps = rules.on(f"fields.{column}.ignore-retract")
        self.begun = False

    def agg(self, acc, new):
        n = self.name
        if n in ("last_value", "primary-key"):
            return new
        if n == "last_non_null_value":
            return acc if new is None else new
        if n == "first_value":
            if self.begun:
                return acc
            self.begun = True
            return new
        if n in ("first_non_null_value", "first_not_null_value"):
            if self.begun or new is None:
                return acc
            self.begun = True
            return new
        if n == "listagg":
            if new is None or not new.strip():
                return acc
            if acc is None or not acc.strip():
                return new
            parts = [acc]
            if not self.distinct:
                return acc + self.delimiter + new
            seen = set(acc.split(self.delimiter))
            for part in new.split(self.delimiter):
                if part.strip() and part not in seen:
                    seen.add(part)
                    parts.append(part)
            return self.delimiter.join(parts)
        if acc is None or new is None:
            return new if acc is None else acc
        if n == "sum":
            return acc + new
        if n == "product":
            return acc * new
        if n == "min":
            return acc if less_null(acc, new) < 0 else new
        if n == "max":
            return new if less_null(acc, new) < 0 else acc
        if n == "bool_and":
            return acc and new
        if n == "bool_or":
            return acc or new
        raise AssertionError(n)

    def retract(self, acc, old):
        if self.keeps:
            return acc
        n = self.name
        if n == "primary-key":
            return old
        if n == "last_value":
            return None
        if n == "last_non_null_value":
            return acc if old is None else None
        if n == "sum":
            if acc is None or old is None:
                return (None if old is None else -old) if acc is None else acc
            return acc - old
        raise Unmergeable(f"{self.column}: {n}")


def result(rules, version, op, row):
    return {**{c: row.get(c) for c in rules.columns}, "op": op, "seq": version["seq"]}


def aggregate(rules, versions):
    fields, row, deleted = {c: Field(rules, c) for c in rules.columns}, {}, False
    for v in versions:
        deleted = rules.on("aggregation.remove-record-on-delete") and v["op"] == "-D"
        if deleted:
            row = {c: v[c] for c in rules.columns}
            continue
        for c, f in fields.items():
            change = f.agg if v["op"] in ADDS else f.retract
            row[c] = change(row.get(c), v[c])
    if row.get("ts") is None:  # may not be null
        row["ts"] = versions[0]["ts"]
    return result(rules, versions[-1], "-D" if deleted else "+I", row)


def partial_update(rules, versions):
    fields = {c: Field(rules, c) for c in rules.columns}
    row, filled, inserted, deleted = {c: None for c in rules.columns}, False, False, False
    latest = versions[0]
    for v in versions:
        adds, deleted = v["op"] in ADDS, False
        if not adds and not filled:
            row, filled = {c: v[c] for c in rules.columns}, True
        if not adds and rules.on("ignore-delete"):
            continue
        latest = v
        if not adds and not rules.groups:
            if not rules.on("partial-update.remove-record-on-delete"):
                raise Unmergeable("delete")
            if v["op"] == "-D":
                row, deleted = {c: v[c] for c in rules.columns}, True
            continue
        # Each group is newer, older, or says nothing, before anything changes.
        standing = {}
        for group in set(rules.groups.values()):
            if all(v[c] is None for c in group):
                standing[group] = None
            else:
                compared = [less_null(v[c], row[c]) for c in group]
                standing[group] = next((x for x in compared if x), 0) >= 0
        if not adds and v["op"] == "-D" and any(
                standing[g] and rules.removing & set(g) for g in standing):
            row, deleted = {c: v[c] for c in rules.columns}, True
            continue
        for c, f in fields.items():
            group = rules.groups.get(c)
            if group is None:
                if adds and (f.name == "primary-key" or v[c] is not None):
                    row[c] = v[c]
                continue
            if standing[group] is None:
                continue
            if c in group:
                row[c] = v[c] if standing[group] else row[c]
            elif adds:
                if standing[group]:
                    row[c] = f.agg(row[c], v[c]) if f.name else v[c]
                elif f.name:
                    row[c] = f.agg(v[c], row[c])
            elif f.name:
                row[c] = f.retract(row[c], v[c])
            elif standing[group]:
                row[c] = None
        if adds:
            inserted = filled = True
    return result(rules, latest, "-D" if deleted or not inserted else "+I", row)


def deduplicate(rules, versions):
    return versions[-1]


ENGINES = {"aggregation": aggregate, "partial-update": partial_update,
           "deduplicate": deduplicate}


def merge(rules, versions):
    """What one flush, or one reader, makes of them; None: nothing."""
    versions = [v for v in versions if not rules.ignores(v["op"])]
    versions = sorted(versions, key=functools.cmp_to_key(rules.order))
    if len(versions) < 2:
        return versions[0] if versions else None
    return ENGINES[rules.engine](rules, versions)


def with_rows(state, key_of, rows, rules):
    """The state once these rows have been stored together."""
    state, new = {k: list(v) for k, v in state.items()}, {}
    for row in rows:
        new.setdefault(key_of(row), []).append(row)
    for key, versions in new.items():
        stored = merge(rules, versions)
        if stored:
            state.setdefault(key, []).append(stored)
    return state


# --- random tables and rows ---

TYPES = {"k": "int", "a": "bigint", "s": "string", "t": "boolean", "g": "int", "h": "int",
         "name": "string", "ts": "timestamp(0)"}
NUMBERS = ["sum", "min", "max", "first_value", "last_value", "first_non_null_value",
           "last_non_null_value"]
TEXTS = ["listagg", "min", "max", "first_value", "last_value", "last_non_null_value"]
TRUTHS = ["bool_and", "bool_or", "last_value", "first_non_null_value"]


def random_rules(r):
    """An engine, its options, its sequence."""
    engine = r.choice(["partial-update", "partial-update", "aggregation", "aggregation",
                       "deduplicate"])
    options, sequence = {}, []
    if r.random() < 0.2:
        options["changelog-producer"] = "input"
    functions = {"a": r.choice(NUMBERS), "s": r.choice(TEXTS), "t": r.choice(TRUTHS)}
    if r.random() < 0.5:
        sequence = r.choice([["g"], ["h"], ["g", "h"]])
        if r.random() < 0.4:
            options["sequence.field.sort-order"] = "descending"
    if engine == "aggregation":
        for c, f in functions.items():
            if r.random() < 0.8:
                options[f"fields.{c}.aggregate-function"] = f
        if r.random() < 0.2:
            options["fields.default-aggregate-function"] = "last_value"
    grouped = engine == "partial-update" and r.random() < 0.6
    if grouped:
        fields = r.choice(["g", "g,h"])
        options[f"fields.{fields}.sequence-group"] = r.choice(["a", "a,s", "a,s,t"])
        if fields == "g" and r.random() < 0.3:
            options["fields.h.sequence-group"] = "name"
        protected = options[f"fields.{fields}.sequence-group"].split(",")
        for c in protected:
            if r.random() < 0.5:
                options[f"fields.{c}.aggregate-function"] = functions[c]
    if options.get("fields.s.aggregate-function") == "listagg":
        if r.random() < 0.5:
            options["fields.s.distinct"] = "true"
        if r.random() < 0.5:
            options["fields.s.list-agg-delimiter"] = "; "
    if r.random() < 0.4:  # what pypaimon knows: nothing is taken away
        options = {k: v for k, v in options.items() if "-group" not in k and
                   (engine == "aggregation" or "-function" not in k)}
        return engine, options, sequence, False
    ways = {"partial-update": ["partial-update.remove-record-on-delete"],
            "aggregation": ["aggregation.remove-record-on-delete"], "deduplicate": []}[engine]
    way = r.choice(["ignore-delete", None, None] + ([] if grouped else ways))
    if way:
        options[way] = "true"
    if grouped and not way and r.random() < 0.4:
        options["partial-update.remove-record-on-sequence-group"] = "g"
    if way != "aggregation.remove-record-on-delete":
        for c in TYPES:
            name = options.get(f"fields.{c}.aggregate-function")
            if name not in (None, "sum", "last_value", "last_non_null_value") and r.random() < 0.8:
                options[f"fields.{c}.ignore-retract"] = "true"
        if engine == "aggregation" and r.random() < 0.8:
            options["fields.ts.ignore-retract"] = "true"
    if r.random() < 0.2:
        options["ignore-update-before"] = "true"
    return engine, options, sequence, True


def takes(rules, op):
    """Is a row of that kind one that the table can make sense of?"""
    if op in ADDS or rules.ignores(op) or rules.engine == "deduplicate":
        return True
    if op == "-D" and (rules.on("partial-update.remove-record-on-delete") or
                       rules.on("aggregation.remove-record-on-delete")):
        return True
    if rules.engine == "partial-update" and not rules.groups:
        return rules.on("partial-update.remove-record-on-delete")
    ordering = {f for fields in rules.groups.values() for f in fields}
    for c in TYPES:
        if c in rules.keys or rules.on(f"fields.{c}.ignore-retract"):
            continue
        if rules.engine == "partial-update" and (c not in rules.groups or c in ordering):
            continue
        name = rules.function(c)
        if name not in (None, "sum", "last_value", "last_non_null_value"):
            return False
        if c == "ts" and name != "sum":
            return False  # may not be null
    return True


def definition(rules, dt):
    lines = [f"primary_key: [{'dt, ' if dt else ''}k]", "time: ts",
             f"partition: {'day' if dt else 'none'}", "buckets: 2", f"merge: {rules.engine}",
             "row_kind: op"]
    if rules.sequence:
        lines.append(f"sequence: {json.dumps(rules.sequence)}")
    if rules.options:
        lines.append("options:")
        lines += [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in rules.options.items()]
    lines += ["columns:"] + [f"  {c}: {t}" for c, t in TYPES.items()]
    return "\n".join(lines) + "\n"


def random_row(r, rules, seq, retracts):
    kinds = [op for op in ("-U", "-D") if retracts and takes(rules, op)]
    op = r.choice(kinds) if kinds and r.random() < 0.25 else r.choice(ADDS)
    return {"op": op, "k": r.randrange(0, 12), "a": r.choice([None, r.randrange(-99, 99)]),
            "s": r.choice([None] + WORDS), "t": r.choice([None, True, False]),
            "g": r.choice([None, r.randrange(5)]), "h": r.choice([None, r.randrange(5)]),
            "name": r.choice([None] + WORDS),
            "ts": f"2024-01-0{r.randrange(1, 3)}T0{r.randrange(10)}:00:00", "seq": seq}
