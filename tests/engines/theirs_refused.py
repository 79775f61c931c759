# SPDX-License-Identifier: Apache-2.0
"""The kind of tables of theirs that pf-query refuses, by name. It is given an engine and
yields (what, wrong)."""
import subprocess

from programs import ours
from tables import Table, check_read
from theirs_nested import NESTED


def refused(e):
    """What we cannot read, by name."""
    def why(t, *args):
        p = subprocess.run(["pf-query", t.path, *args], capture_output=True, text=True)
        return p.returncode, p.stderr

    wrong = []
    small = {"id": "int", "s": "string"}

    def refuses(name, t, part, *args):
        code, message = why(t, *args)
        if code != 2 or part.lower() not in message.lower():
            wrong.append((name, code, message))

    cases = [("orc", small, "file.format=orc", "is ORC", ""), ("avro", small, "file.format=avro", "is Avro", "")]
    if e.at_least("1.3"):
        cases.append(("evolution", small, "row-tracking.enabled=true\ndata-evolution.enabled=true", "data evolution", ""))
    if e.at_least("1.4") and not e.kinds:
        cases.append(("blob", {"id": "int", "b": "blob"}, "row-tracking.enabled=true\ndata-evolution.enabled=true",
                      "column 'b' is of type BLOB", ""))
    if not e.kinds:
        cases += [("float", {"id": "int", "p": "float"}, "", "partition column 'p' is of type FLOAT", "p"),
                  ("double", {"id": "int", "p": "double"}, "", "partition column 'p' is of type DOUBLE", "p"),
                  ("nano", {"id": "int", "p": "timestamp(9)"}, "", "partition column 'p' is of type TIMESTAMP(9)", "p")]
    for name, columns, options, part, partition in cases:
        t = Table(e, "refused_" + name, columns, options, partition)
        t.add(5, id=lambda i: i)
        refuses(name, t, part)
    # Some files of another format are refused where they matter only.
    t = Table(e, "refused_mixed", {**small, "p": "string"}, "", "p")
    t.add(5, id=lambda i: i, p="parquet")
    t.add(5, ("file.format", "orc"), id=lambda i: i, p="orc")
    refuses("mixed", t, "is ORC")
    want = t.sums([r for r in t.rows if r["p"] == "parquet"])
    if t.query("-w", "p = 'parquet'") != want:
        wrong.append("Parquet beside ORC")
    if e.kinds:
        yield "refused by name", wrong
        return
    # A column of a type that is not known takes nothing from the others.
    t = Table(e, "refused_variant", {"id": "int", "v": "variant"})
    t.add(5, id=lambda i: i, v=None)
    refuses("variant", t, "column 'v' is of type VARIANT, which is not supported")
    if sorted(ours(t.path, "-c", "id").column("id").to_pylist()) != list(range(5)):
        wrong.append("beside a variant")
    # What is inside of a row may be altered: its files of before are refused.
    t = Table(e, "refused_inside", {"id": "int", "r": NESTED["r"]})
    t.add(5, id=lambda i: i, r='{"a": 1}')
    e.alter(t, "add", "r.x", "INT")
    refuses("altered inside", t, "column 'r' of type ROW was altered inside after schema 0, which is not supported")
    # Branches, by themselves or together with the table.
    t = Table(e, "refused_branch", small)
    t.add(5, id=lambda i: i)
    e.ask("tag", t.path, "five")
    e.ask("branch", t.path, "b")
    if check_read(t):
        wrong.append("beside a branch")
    branch = subprocess.run(["pf-query", t.path + "/branch/branch-b"], capture_output=True, text=True)
    if branch.returncode != 2 or "is a branch of a table" not in branch.stderr:
        wrong.append(("branch", branch.returncode, branch.stderr))
    e.alter(t, "set", "scan.fallback-branch", "b")
    refuses("fallback", t, "together with one of its branches (scan.fallback-branch)")
    # Options of the table itself that every batch read obeys.
    t = Table(e, "refused_older", small)
    t.add(5, id=lambda i: i)
    older = t.sums()
    t.add(5, id=lambda i: 5 + i)
    e.alter(t, "set", "scan.snapshot-id", "1")
    if e.digest(t) != older:
        wrong.append("the engine itself does not obey scan.snapshot-id")
    refuses("older", t, "by its option scan.snapshot-id = '1', which is not supported")
    yield "refused by name", wrong
