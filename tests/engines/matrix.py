# SPDX-License-Identifier: Apache-2.0
"""MATRIX.md: each script that finds out a section of it compares that with what is
there, or puts it there (--write)."""
import os
import sys
from itertools import zip_longest

from tap import check

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "MATRIX.md")


def section(head):
    """What stands before the section of that head, it, and what follows. The first one,
    with which the file begins, goes by no head."""
    with open(PATH) as f:
        before, there, rest = f.read().partition(head + "\n") if head else ("", "", f.read())
    kept, more, after = rest.partition("\n## ")
    return before, there + kept, more + after


def compare(head, found):
    """head: of the section, "" for the first. A line that differs says why."""
    before, kept, after = section(head)
    print("# " + found.replace("\n", "\n# "))
    if "--write" in sys.argv:
        with open(PATH, "w") as f:
            f.write(before.rstrip() + "\n\n" * bool(before) + found + after)
        return
    lines = [x for x in zip_longest(found.split("\n"), kept.split("\n"), fillvalue="") if x[0] != x[1]]
    check("MATRIX.md is what this run found" + head.replace("## ", ": ", 1), found == kept,
          lines and f"{len(lines)} lines differ: found '{lines[0][0]}', kept '{lines[0][1]}'")
