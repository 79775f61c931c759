#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_race.py [VERSION...]: a table of ours with a primary key in use while Paimon
Java compacts it: users (user_id BIGINT, event_type STRING, timestamp TIMESTAMP, PRIMARY
KEY (user_id)), without partition. Prints TAP.

First in an order that is certain: Java's compaction is written, then we load, or
compact, and only then it is committed; ours is stopped while it writes, Java's comes
in between. Then all at once, for PF_SECONDS: one stages and loads updates and deletes,
we compact, Java compacts, by the rules and fully; two ask, the table alone and with
its rows in flight. Every answer is the state after one of the loads, never an older one
than before; in the end both read the rows of the model, and nothing is lost.

Who comes second finds out and begins again, or gives up (status 75). On a local disk
Java's commit looks, then renames, so now and then it replaces a snapshot of ours;
pf-put sees that and says so, the stage still has the rows, and they are loaded again.
"""
import datetime
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from engines import NULL, EngineError, Java, installed, text

seed = int(os.environ.get("PF_SEED", str(random.randrange(10**6))))
SECONDS = float(os.environ.get("PF_SECONDS", "6"))
KEYS = 2000
YAML = """table: users
primary_key: [user_id]
time: timestamp
partition: none
buckets: 2
row_kind: op
columns:
  user_id: bigint
  event_type: string
  timestamp: timestamp
"""
LOAD = "pf-stage read stage --after t | pf-partition | pf-pack -qq | pf-put -q t"
REPLACED = "was replaced by another committer"
EPOCH = datetime.datetime(2024, 1, 1)


def sh(command):
    return subprocess.run(["bash", "-c", "set -o pipefail; " + command], capture_output=True, text=True)


def must(command):
    p = sh(command)
    assert p.returncode == 0, f"{command}: exit {p.returncode}\n{p.stderr}"
    return p.stdout


class Users:
    """The table, its stage and what must be in it; states[i] is that after i appends."""

    def __init__(self, r, java):
        self.r, self.java = r, java
        self.model, self.versions, self.states = {}, 0, [frozenset()]
        self.staged = self.loaded = 0  # appends
        self.counts = {}
        with open("t.yaml", "w") as f:
            f.write(YAML)
        must("pf-put -q --create t.yaml t")

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def append(self, rows, kinds=("+I", "+U", "+U", "-D"), keys=KEYS):
        with open("rows.csv", "w") as f:
            f.write("op,user_id,event_type,timestamp\n")
            for _ in range(rows):
                self.versions += 1
                key, kind = self.r.randrange(-keys // 2, keys // 2), self.r.choice(kinds)
                event = self.r.choice(["", f"v{self.versions}", "ä" * self.r.randrange(1, 30)])
                at = (EPOCH + datetime.timedelta(microseconds=self.versions)).isoformat(timespec="microseconds")
                f.write(f"{kind},{key},{event},{at}\n")
                self.model[key] = None if kind == "-D" else (key, event or None, at)
        self.states.append(frozenset(v for v in self.model.values() if v))
        must(f"pf-stage append -q -I csv -S t.yaml --source s{len(self.states)} stage < rows.csv")
        self.staged += 1

    def load(self):
        while True:
            p = sh(LOAD)
            if REPLACED not in p.stderr:
                break
            self.count("snapshots of ours that Java replaced")
        assert p.returncode == 0, f"{LOAD}: exit {p.returncode}\n{p.stderr}"
        self.loaded = self.staged

    def ask(self, operands="t"):
        rows = map(json.loads, must(f"pf-query -q -O jsonl {operands}").splitlines())
        return frozenset((r["user_id"], r["event_type"], r["timestamp"]) for r in rows)

    def check(self, what):
        want = self.states[-1]
        got = self.ask()
        assert got == want, f"{what}: we read {len(got)} rows, not {len(want)}: {list(got ^ want)[:4]}"
        names, *rows = self.java.ask("rows", os.path.abspath("t"))
        assert names == ["user_id", "event_type", "timestamp"], names
        got = {tuple(r) for r in rows}
        cells = {(str(k), NULL if e is None else e, text(datetime.datetime.fromisoformat(t))) for k, e, t in want}
        assert got == cells and len(rows) == len(cells), \
            f"{what}: Java reads {len(rows)} rows, not {len(cells)}: {list(got ^ cells)[:4]}"
        must("pf-put -q --verify t")

    def snapshots(self):
        """(by us, kind) of each."""
        found = []
        for path in glob.glob("t/snapshot/snapshot-*"):
            with open(path) as f:
                s = json.load(f)
            found.append((s["commitUser"].startswith("paraflow"), s["commitKind"]))
        return found


def theirs_then_ours(u):
    table = os.path.abspath("t")
    u.append(3000, ("+I",))
    u.load()
    u.append(300)
    u.java.ask("begin", table, "full")
    u.load()
    u.java.ask("end", table)
    u.check("a load while Java compacts")
    assert (False, "COMPACT") in u.snapshots(), u.snapshots()
    u.append(300)
    u.load()
    u.java.ask("begin", table, "full")
    must("pf-put -q --compact --full t")
    try:
        u.java.ask("end", table)
        raise AssertionError("Java replaces files that we have replaced")
    except EngineError as e:
        assert "conflict" in str(e).lower(), e
    u.check("our compaction while Java compacts")


def ours_then_theirs(u):
    """Our compaction is stopped once it has begun to write."""
    held = 0
    for _ in range(6):
        u.append(60000, ("+I", "+U"), 60000)
        u.load()
        before, last = set(glob.glob("t/bucket-*/*")), u.snapshots()
        p = subprocess.Popen(["pf-put", "-q", "--compact", "--full", "t"], stderr=subprocess.PIPE, text=True)
        while p.poll() is None and set(glob.glob("t/bucket-*/*")) == before:
            time.sleep(0.001)
        p.send_signal(signal.SIGSTOP)
        held += len(u.snapshots()) == len(last)
        u.java.ask("compact", os.path.abspath("t"), "full")
        p.send_signal(signal.SIGCONT)
        said = p.communicate()[1]
        assert p.returncode in (0, 75) or REPLACED in said, f"exit {p.returncode}: {said}"
        u.check("Java's compaction while we compact")
        if held == 2:
            return
    assert held, "our compaction was never stopped before its commit"


class Others:
    """What goes on beside the loads, until it is over."""

    def __init__(self, u):
        self.u, self.over, self.problems = u, threading.Event(), []
        self.answers = []
        jobs = [self.theirs, self.ours, lambda: self.asks("t"), lambda: self.asks("t stage")]
        self.threads = [threading.Thread(target=self.guard, args=(job,)) for job in jobs]
        for t in self.threads:
            t.start()

    def guard(self, job):
        try:
            while not self.over.is_set():
                job()
        except Exception as e:
            self.problems.append(f"{type(e).__name__}: {e}")
            self.over.set()

    def theirs(self):
        how = self.u.r.choice(["rules", "full"])
        try:
            self.u.java.ask("compact", os.path.abspath("t"), how)
            self.u.count("compactions by Java")
        except EngineError as e:
            assert "conflict" in str(e).lower(), e
            self.u.count("conflicts that Java gave up")
        time.sleep(0.05)

    def ours(self):
        p = sh("pf-put -q --compact t")
        assert p.returncode in (0, 75) or REPLACED in p.stderr, f"pf-put --compact: exit {p.returncode}\n{p.stderr}"
        self.u.count("compactions by us" if not p.returncode else "conflicts that we gave up")
        time.sleep(0.1)

    def asks(self, operands):
        least = self.u.staged if "stage" in operands else self.u.loaded
        self.answers.append((operands, least, self.u.ask(operands)))
        self.u.count("answers of " + operands)

    def end(self):
        self.over.set()
        for t in self.threads:
            t.join()
        assert not self.problems, "\n".join(self.problems)
        # A snapshot that was replaced takes its rows along, until they come again.
        shaken = any("replaced" in what for what in self.u.counts)
        for operands, least, got in self.answers:
            at = [i for i, s in enumerate(self.u.states) if s == got]
            assert at, f"an answer of {operands}, {len(got)} rows, is no state"
            assert shaken or at[-1] >= least, f"an answer of {operands} is state {at}, {least} had been seen to be there"


def all_at_once(u):
    others = Others(u)
    turns = ("loads", "compactions by Java", "compactions by us", "answers of t", "answers of t stage")
    end = time.monotonic() + SECONDS

    def enough():
        """A busy machine takes its time until all have had their turns."""
        late = time.monotonic() - end
        return late > 90 or late > 0 and all(u.counts.get(what, 0) > 1 for what in turns)
    try:
        while not enough() and not others.over.is_set():
            u.append(u.r.choice([1, 40, 400]))
            u.load()
            u.count("loads")
    finally:
        others.end()
    u.check("in the end")
    must("pf-put -q --compact t")
    runs = [json.loads(x)["run"] for x in must("pf-query -q --files -O jsonl t").splitlines()]
    assert max(runs) <= 5, f"{max(runs)} runs after a compaction"
    u.check("compacted")
    assert all(u.counts.get(what, 0) > 1 for what in turns), u.counts


def main():
    versions = sys.argv[1:] or [v for v in ("paimon-1.2.0", "paimon-2.0.0") if installed(v)]
    if not versions:
        print("1..0 # SKIP Paimon Java is not installed (make engines)")
        return 0
    parts = [theirs_then_ours, all_at_once, ours_then_theirs]
    print(f"1..{len(versions) * len(parts)}")
    n = failed = 0
    for v in versions:
        folder = tempfile.mkdtemp(prefix="pf-race-", dir=os.environ.get("PF_ENGINES_TMP"))
        os.chdir(folder)
        java = Java(v, folder=folder)
        u = Users(random.Random(seed), java)
        for part in parts:
            n += 1
            begin = time.monotonic()
            try:
                part(u)
                print(f"ok {n} {v}: {part.__name__.replace('_', ' ')} ({time.monotonic() - begin:.1f} s)", flush=True)
            except (AssertionError, EngineError) as e:
                failed += 1
                print(f"not ok {n} {v}: {part.__name__.replace('_', ' ')}, PF_SEED={seed}\n# " +
                      str(e).replace("\n", "\n# "), flush=True)
        print(f"# {dict(sorted(u.counts.items()))}, {len(u.snapshots())} snapshots")
        java.stop()
        os.chdir("/")
        shutil.rmtree(folder)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
