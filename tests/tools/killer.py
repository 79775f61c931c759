# SPDX-License-Identifier: Apache-2.0
"""killer.py [--random N] [--each N] [--rows N] [--seed N]
[--keyed [--compact] | --changes | --sums]: kill -9, again and again, and see that a rerun
puts everything right. --keyed: a table with a primary key, which holds the newest row of
each user; --compact: it was loaded, and its compaction is killed: no row changes,
nothing is lost or comes back. --changes: the same, and the input is a change stream,
whose messages are several rows or none. --sums: a table that adds up what each has paid,
so that a row loaded twice shows.

--random N: N kills of a program of the load line, chosen at random, at a
random moment. --each N: every crash point X1 .. X12 (common/base/fault.h) is
hit N times. A kill counts only if the process lived. After each, the commands
are simply run again until they succeed; then the table must hold what the
uninterrupted one holds, row for row, every position that was acknowledged
must be staged, pf-put --verify must be clean and no file must be left over
that is not referenced for good reason. Prints TAP, with a histogram.
"""
import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PF_BUILD", os.path.join(ROOT, "build"))
os.environ["PATH"] = f"{BUILD}:{BUILD}/tools:" + os.environ["PATH"]
SCHEMA = CLICKS = os.path.join(ROOT, "examples", "clicks.yaml")
TABLE = "wh/default.db/clicks"
APPEND = [["pf-stage", "append", "-q", "-S", SCHEMA, "stage", "rows.jsonl", "--ack-fd"]]
LOAD = [["pf-stage", "read", "stage", "--after", TABLE], ["pf-partition"], ["pf-pack"],
        ["pf-put", "-q", TABLE]]
SUMS = """
merge: aggregation
options:
  fields.price.aggregate-function: sum
  fields.session.aggregate-function: first_value
  fields.country.aggregate-function: listagg"""
# Who passes which point: (line, place in it).
COMPACT = [["pf-put", "-q", "--compact", "--full", TABLE]]
POINTS = {**{f"X{i}": (APPEND, 0) for i in range(1, 7)},
          **{f"X{i}": (LOAD, 3) for i in range(7, 13)}}


class Killed:
    def __init__(self, alive, codes, acks):
        self.alive, self.codes, self.acks = alive, codes, acks


def run(line, victim=None, after=None, point=None):
    """Run a pipeline; kill the victim after some seconds or at a point."""
    processes = []
    ack_read, ack_write = os.pipe()
    os.set_inheritable(ack_write, True)
    stdin = subprocess.DEVNULL
    for i, argv in enumerate(line):
        env = dict(os.environ)
        if line is APPEND:
            argv = [*argv, str(ack_write)]
        if point and i == victim:
            env["PF_CRASH_AT"] = point
        last = i == len(line) - 1
        p = subprocess.Popen(argv, stdin=stdin, stderr=open("stderr.log", "ab"), env=env,
                             stdout=subprocess.DEVNULL if last else subprocess.PIPE,
                             close_fds=line is not APPEND)
        if stdin is not subprocess.DEVNULL:
            stdin.close()
        stdin = p.stdout
        processes.append(p)
    os.close(ack_write)
    if after is not None:
        time.sleep(after)
        processes[victim].send_signal(signal.SIGKILL)
    acks = b""
    while chunk := os.read(ack_read, 65536):
        acks += chunk
    os.close(ack_read)
    codes = [p.wait() for p in processes]
    alive = victim is not None and codes[victim] == -signal.SIGKILL
    return Killed(alive, codes, acks)


def until_done(line):
    for _ in range(20):
        result = run(line)
        if not any(result.codes):
            return
        if any(c not in (0, 75) for c in result.codes):
            break
        time.sleep(0.05)
    raise AssertionError(f"a rerun fails: {result.codes}\n" + open("stderr.log").read()[-2000:])


def content():
    rows = subprocess.run(["pf-query", TABLE, "-O", "tsv"], check=True,
                          stdout=subprocess.PIPE).stdout.splitlines()
    if SCHEMA != CLICKS:
        # Versions that were loaded twice do not show among the newest.
        files = subprocess.run(["pf-query", "--files", TABLE, "-O", "jsonl"], check=True,
                               stdout=subprocess.PIPE).stdout.splitlines()
        rows.append(b"%d versions" % sum(json.loads(f)["rows"] for f in files))
    return len(rows) - 1, hashlib.sha256(b"\n".join(sorted(rows))).hexdigest()


def staged():
    rows = subprocess.run(["pf-query", "stage", "-O", "tsv", "-c", "count(*)"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.split()
    return int(rows[-1])


def fresh(rows_file):
    for name in ("stage", "wh", "stderr.log"):
        if os.path.isdir(name):
            shutil.rmtree(name)
        elif os.path.exists(name):
            os.unlink(name)
    if not os.path.exists("rows.jsonl"):
        os.link(rows_file, "rows.jsonl")
    subprocess.run(["pf-put", "-q", "--create", SCHEMA, TABLE], check=True)


def check_acks(acks):
    """The last whole line says how many rows are durable: they are there."""
    lines = re.findall(rb"^(.*)\n", acks, re.M)
    if not lines or not os.path.exists("stage/stage.json"):
        assert not lines, "acknowledged, and no stage"
        return
    durable = max(int(n) for n in re.findall(rb"\d+", lines[-1])[:1])
    assert staged() >= durable, f"acknowledged {durable}, staged {staged()}"


def one_round(kill, expected, rows_file):
    """kill() runs some of the line and says whether the victim lived."""
    fresh(rows_file)
    counted, acks = kill()
    check_acks(acks)
    until_done(APPEND)
    until_done(LOAD)
    until_done(LOAD)  # and once more, which must change nothing
    got = content()
    assert got == expected, f"the table has {got[0]} rows, not {expected[0]}, or others"
    verify = subprocess.run(["pf-put", "--verify", TABLE], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    assert verify.returncode == 0, verify.stdout
    return counted


def random_kill(rng, spans):
    def kill():
        if rng.random() < 0.4:
            result = run(APPEND, 0, rng.uniform(0, spans[0]))
            return ("append", result.alive), result.acks
        until_done(APPEND)
        victim = rng.randrange(4)
        result = run(LOAD, victim, rng.uniform(0, spans[1]))
        return (LOAD[victim][0] + (" read" if victim == 0 else ""), result.alive), b""
    return kill


def point_kill(point, nth):
    def kill():
        line, victim = POINTS[point]
        if line is LOAD:
            until_done(APPEND)
        result = run(line, victim, point=f"{point}:{nth}")
        return (f"{point}:{nth}", result.alive), result.acks
    return kill


def live_files():
    out = subprocess.run(["pf-query", "-q", "--files", TABLE, "-O", "jsonl"], check=True,
                         stdout=subprocess.PIPE).stdout.splitlines()
    return [json.loads(f) for f in out]


def prepare_compaction(rows_file):
    """Several runs of each bucket over one another, kept as they are."""
    fresh(rows_file)
    with open(rows_file) as f:
        lines = f.readlines()
    for part in range(6):
        with open("part.jsonl", "w") as f:
            f.writelines(lines[part::6])
        subprocess.run(["bash", "-c", f"set -o pipefail; pf-partition -S {SCHEMA} part.jsonl | "
                        f"pf-pack -qq | pf-put -q --append {TABLE}"], check=True)
    # Some of it compacted already: two levels, and runs above.
    subprocess.run(["pf-put", "-q", "--compact", TABLE], check=True)
    with open("part.jsonl", "w") as f:
        f.writelines(lines[::3])
    subprocess.run(["bash", "-c", f"set -o pipefail; pf-partition -S {SCHEMA} part.jsonl | "
                    f"pf-pack -qq | pf-put -q --append {TABLE}"], check=True)
    shutil.rmtree("before", ignore_errors=True)
    shutil.copytree("wh", "before")
    rows = subprocess.run(["pf-query", TABLE, "-O", "tsv"], check=True,
                          stdout=subprocess.PIPE).stdout.splitlines()
    assert max(f["run"] for f in live_files()) > 1
    return sorted(rows)


def compaction_round(expected, after=None, point=None):
    shutil.rmtree("wh")
    shutil.copytree("before", "wh")
    killed = run(COMPACT, 0, after, point)
    for again in range(2):
        rows = subprocess.run(["pf-query", TABLE, "-O", "tsv"], check=True,
                              stdout=subprocess.PIPE).stdout.splitlines()
        assert sorted(rows) == expected, f"other rows than before, {'rerun' if again else 'killed'}"
        verify = subprocess.run(["pf-put", "--verify", TABLE], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)
        assert verify.returncode == 0, verify.stdout
        until_done(COMPACT)
    assert all(f["run"] == 1 and not f["deletes"] for f in live_files())
    # What the killed one left behind goes, and nothing else.
    subprocess.run(["pf-put", "-q", "--clean", "--older-than", "0s", TABLE], check=True)
    verify = subprocess.run(["pf-put", "--verify", TABLE], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    assert verify.returncode == 0, verify.stdout
    return point or "at random", killed.alive


def span(line):
    begin = time.monotonic()
    until_done(line)
    return time.monotonic() - begin


def changes(rows):
    """Canal's messages: rows come by threes; of these one gets another key, one is
    deleted; now and then the schema changes."""
    message = {"database": "d", "table": "clicks", "isDdl": False, "old": None}
    for i in range(0, len(rows) - 2, 3):
        a, b, c = rows[i:i + 3]
        yield {**message, "type": "INSERT", "data": [a, b, c]}
        yield {**message, "type": "UPDATE", "old": [{"user_id": a["user_id"]}, {"item": b["item"]}],
               "data": [{**a, "user_id": a["user_id"] + 1}, {**b, "item": "other"}]}
        if i % 2:
            yield {**message, "type": "DELETE", "data": [c]}
        if i % 999 == 0:
            yield {**message, "type": "ALTER", "isDdl": True, "data": None, "sql": "ALTER"}


def main():
    args = argparse.ArgumentParser()
    for name, default in (("random", 30), ("each", 2), ("rows", 20000), ("seed", 0)):
        args.add_argument("--" + name, type=int, default=default)
    args.add_argument("--keyed", action="store_true")
    args.add_argument("--changes", action="store_true")
    args.add_argument("--sums", action="store_true")
    args.add_argument("--compact", action="store_true")
    args = args.parse_args()
    args.keyed |= args.changes | args.sums
    seed = args.seed or int.from_bytes(os.urandom(4), "little")
    rng = random.Random(seed)
    print(f"# seed {seed}")
    scratch = tempfile.mkdtemp(prefix="pf-kill.", dir=os.environ.get("TMPDIR"))
    os.chdir(scratch)
    if args.keyed:
        global SCHEMA
        with open(CLICKS) as f, open("keyed.yaml", "w") as out:
            key = "primary_key: [user_id]" + SUMS * args.sums
            out.write(f.read().replace("id: user_id", key, 1))
            if args.changes:
                out.write("input: {format: canal-json}\n")
        SCHEMA = os.path.join(scratch, "keyed.yaml")
        APPEND[0][4] = SCHEMA
    with open("all.jsonl", "wb") as f:
        subprocess.run(["gen", str(args.rows)], stdout=f, check=True)
    if args.changes:
        with open("all.jsonl") as f:
            messages = list(changes([json.loads(line) for line in f]))
        with open("all.jsonl", "w") as f:
            f.writelines(json.dumps(m) + "\n" for m in messages)
    if args.compact:
        expected = prepare_compaction("all.jsonl")
        took = span(COMPACT)
        points = [f"X{i}" for i in range(7, 13)]
    else:
        fresh("all.jsonl")
        spans = (span(APPEND), span(LOAD))
        expected = content()
        points = POINTS
    assert args.keyed or expected[0] == args.rows, expected
    number = failed = 0
    histogram = {}

    def report(name, attempt):
        nonlocal number, failed
        number += 1
        try:
            attempt()
            print(f"ok {number} {name}", flush=True)
        except (AssertionError, subprocess.CalledProcessError) as e:
            failed += 1
            keep = f"{scratch}.failed.{number}"
            shutil.copytree(".", keep)
            print(f"not ok {number} {name}\n# {str(e)[:1500]}\n# kept in {keep}", flush=True)

    def kills(name, wanted, make, tries):
        def attempt():
            counted = 0
            for i in range(tries):
                if counted >= wanted:
                    break
                where, alive = make(i)() if args.compact else \
                    one_round(make(i), expected, "all.jsonl")
                if alive:
                    counted += 1
                    histogram[where] = histogram.get(where, 0) + 1
            assert counted >= wanted, f"only {counted} of {wanted} kills met a living process"
        report(name, attempt)

    def at_point(i, point):
        # The first passing is the likeliest; later ones are tried in turn.
        if args.compact:
            return lambda: compaction_round(expected, point=f"{point}:{1 + i % 3}")
        return point_kill(point, 1 + i % 3)

    def at_random(_):
        if args.compact:
            return lambda: compaction_round(expected, after=rng.uniform(0, took))
        return random_kill(rng, spans)

    for point in points:
        if args.each:
            kills(f"killed at {point}", args.each, lambda i, p=point: at_point(i, p), 4 * args.each)
    if args.random:
        kills(f"{args.random} kills at random moments", args.random, at_random, 6 * args.random)
    for where, n in sorted(histogram.items()):
        print(f"# {n:5} killed in {where}")
    os.chdir("/")
    shutil.rmtree(scratch)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
