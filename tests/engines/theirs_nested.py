# SPDX-License-Identifier: Apache-2.0
"""The kind of tables of theirs with lists, maps and rows. It is given an engine and yields
(what, wrong)."""
import json

from engines import NULL, unescaped
from programs import ours
from tables import Table
from tap import rng
from values import moment, word


NESTED = {
    "l": '{"type": "ARRAY", "element": "INT"}',
    "ll": '{"type": "ARRAY", "element": {"type": "ARRAY NOT NULL", "element": "STRING"}}',
    "r": '{"type": "ROW", "fields": [{"id": 20, "name": "a", "type": "INT"}, {"id": 21, "name": "b \\"q", "type": "STRING"}, '
         '{"id": 22, "name": "d", "type": "DATE"}, {"id": 23, "name": "t", "type": "TIMESTAMP(3)"}]}',
    "m": '{"type": "MAP", "key": "STRING", "value": "DECIMAL(9, 2)"}',
    "mi": '{"type": "MAP", "key": "BIGINT", "value": {"type": "ARRAY", "element": "DOUBLE"}}',
    "mk": '{"type": "MAP", "key": {"type": "ARRAY NOT NULL", "element": "INT"}, "value": {"type": "ROW", "fields": '
          '[{"id": 30, "name": "x", "type": "BOOLEAN"}, {"id": 31, "name": "y", "type": "BIGINT"}]}}',
    "lr": '{"type": "ARRAY", "element": {"type": "ROW", "fields": [{"id": 40, "name": "k", "type": "STRING"}, '
          '{"id": 41, "name": "v", "type": {"type": "ARRAY", "element": "INT"}}]}}',
}


def maybe(make, share=0.2):
    return None if rng.random() < share else make()


def a_list(make):
    return [maybe(make) for _ in range(rng.randrange(4))]


def an_int():
    return rng.randrange(-99, 99)


NESTED_VALUES = {
    "l": lambda: a_list(an_int),
    "ll": lambda: [a_list(lambda: word(3)) for _ in range(rng.randrange(3))],
    "r": lambda: {"a": maybe(an_int), 'b \"q': maybe(lambda: word(4)), "d": maybe(lambda: moment().date().isoformat()),
                  "t": maybe(lambda: moment(3).isoformat(timespec="milliseconds"))},
    "m": lambda: {word(2) + str(i): maybe(lambda: rng.randrange(100) + 0.25) for i in range(rng.randrange(4))},
    "mi": lambda: {str(i * 7): maybe(lambda: a_list(lambda: an_int() / 2)) for i in range(rng.randrange(4))},
    "mk": lambda: [{"key": [i, an_int()], "value": maybe(lambda: {"x": maybe(lambda: True), "y": maybe(an_int)})}
                   for i in range(rng.randrange(3))],
    "lr": lambda: [maybe(lambda: {"k": maybe(lambda: word(2)), "v": maybe(lambda: a_list(an_int))})
                   for _ in range(rng.randrange(4))],
}


def nested(e):
    """As the JSON text of their values; pages and row groups are small."""
    def plain(v):
        """Spark has timestamps of six digits only."""
        if isinstance(v, dict) and isinstance(v.get("t"), str):
            v["t"] = v["t"][:23]
        return v

    def rows_of(text_rows):
        return sorted([[c if i == 0 or c is None else plain(json.loads(c)) for i, c in enumerate(r)] for r in text_rows],
                      key=lambda r: int(r[0]))
    wrong = []
    for version in ("PARQUET_1_0", "PARQUET_2_0") if not e.kinds else ("PARQUET_1_0",):
        t = Table(e, "nested_" + version[8:9], {"id": "int", **NESTED})
        put = []
        for k in range(2):
            rows = [{"id": 150 * k + i, **{c: maybe(NESTED_VALUES[c]) for c in NESTED}} for i in range(150)]
            e.insert(t, [{c: v if c == "id" or v is None else json.dumps(v) for c, v in r.items()} for r in rows],
                     ("parquet.writer.version", version, "parquet.page.size", "300", "parquet.block.size", "3000",
                      "parquet.page.size.row.check.min", "5", "parquet.page.size.row.check.max", "5"))
            put += [[str(r["id"])] + [r[c] for c in NESTED] for r in rows]
        # Paimon's own reader takes no nested column out of pages of version 2.
        theirs = put if version == "PARQUET_2_0" or e.kinds else rows_of(
            [[None if c == NULL else unescaped(c) for c in r] for r in e.ask("rows", t.path)[1:]])
        if theirs != put:
            wrong.append(("the engine itself", [x for x in zip(theirs, put) if x[0] != x[1]][:2]))
        got = ours(t.path)
        mine = rows_of([[str(r["id"])] + [r[c] for c in NESTED] for r in got.to_pylist()])
        if mine != put:
            wrong.append([x for x in zip(mine, put) if x[0] != x[1]][:2])
        # Some rows only, so that others are passed over.
        some = ours(t.path, "-w", "id in (3, 77, 149, 151, 298)", "-c", "id,lr,mk").to_pylist()
        if rows_of([[str(r["id"]), r["lr"], r["mk"]] for r in some]) != [[p[0], p[7], p[6]] for p in put
                                                                        if p[0] in ("3", "77", "149", "151", "298")]:
            wrong.append("some rows")
        n = ours(t.path, "-w", "json(r, 'a') = '5'", "-c", "count() as n").to_pylist()[0]["n"]
        if n != sum(p[3] is not None and p[3]["a"] == 5 for p in put):
            wrong.append("json()")
    yield "read", wrong
