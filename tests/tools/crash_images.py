# SPDX-License-Identifier: Apache-2.0
"""crash_images.py [--images N] [--seed N] [--rows N] [--careless]: what a disk
may hold after a power loss at any moment of the main job, and whether the next
run recovers exactly from it.

The job runs once under tests/preload/record.c. Then, N times: a moment is
chosen; everything synced by then is there; of what was not, a random part is:
writes to a file are dropped, reordered or cut at a sector, and changes of a
directory that was not synced may be missing (POSIX promises no more). In that
image

  - no acknowledged row is missing from the stage, no committed row from the
    table;
  - the job, run again, gives exactly the table of the undisturbed run, and
    pf-put --verify is content.

--careless preloads libeatmydata as well, which makes every sync do nothing:
then images must fail, or this test would notice nothing. Prints TAP.
"""
import argparse
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("PF_BUILD", os.path.join(ROOT, "build")))
EATMYDATA = next(iter(glob.glob("/usr/lib/*/libeatmydata.so")), None)
SECTOR = 512
SCHEMA = """\
table: events
id: id
time: ts
partition: day
buckets: 2
columns:
  id: bigint not null
  ts: timestamp(3) not null
  n: bigint not null
  text: string
"""


# --- the job ---

def make_rows(path, first, rows, rng):
    with open(path, "a") as f:
        for n in range(first, first + rows):
            minute = rng.randrange(2 * 1440)
            f.write(json.dumps({"id": rng.randrange(20), "n": n, "text": "x" * rng.randrange(60),
                                "ts": f"2024-01-{minute // 1440 + 1:02}T{minute // 60 % 24:02}:{minute % 60:02}:00"})
                    + "\n")


def job(disk, home, env=None, ack=None):
    """Append what the source has, load what the table lacks; each line must
    succeed. ack: a descriptor for --ack-fd."""
    append = ["pf-stage", "append", "-q", f"{disk}/stage", "-S", f"{home}/events.yaml",
              "--segment-size", "64Ki", f"{home}/events.jsonl"]
    if ack is not None:
        append += ["--ack-fd", str(ack)]
    table = f"{disk}/wh/events"
    load = (f"pf-stage read {disk}/stage --after {table} | pf-partition | pf-pack | "
            f"pf-index | pf-put -q {table}")
    if not os.path.exists(f"{table}/schema/schema-0"):
        run(["pf-put", "-q", "--create", f"{home}/events.yaml", table], env)
    run(append, env, pass_fds=[ack] if ack is not None else [])
    run(["bash", "-o", "pipefail", "-c", load], env)


class Failed(Exception):
    pass


def run(argv, env=None, **options):
    p = subprocess.run(argv, env=dict(os.environ, **(env or {})), capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, **options)
    if p.returncode:
        raise Failed(f"{' '.join(argv)}: exit {p.returncode}: {p.stderr.strip()}")
    return p.stdout


def rows_of(disk, what):
    """Numbers of the rows in the stage or the table, sorted; [] if not there."""
    path = f"{disk}/{what}"
    there = f"{path}/stage.json" if what == "stage" else f"{path}/schema/schema-0"
    if not os.path.exists(there):
        return []
    out = run(["pf-query", path, "-c", "n,id,ts,text", "-O", "jsonl"])
    return sorted(out.splitlines())


# --- the record and what a disk makes of it ---

class File:
    def __init__(self):
        self.ops = []      # (offset, bytes), or (length, None) for a truncation
        self.synced = 0    # so many are safe


class Directory:
    def __init__(self):
        self.ops = []      # (name, object), (name, None) removed, (old, new, object) renamed
        self.synced = 0
        self.now = {}      # as the programs see it


class Disk:
    """Replays events; knows what is safe."""

    def __init__(self):
        self.root = Directory()
        self.begun = {}
        self.acked = 0

    def find(self, path):
        node = self.root
        for part in path.split("/") if path != "." else []:
            node = node.now.get(part) if isinstance(node, Directory) else None
        return node

    def parent(self, path):
        base, _, name = path.rpartition("/")
        return self.find(base or "."), name

    def event(self, words, data):
        what = words[0]
        if what == "create":
            directory, name = self.parent(words[1])
            if name not in directory.now:
                self.enter(directory, name, File())
        elif what == "mkdir":
            self.enter(*self.parent(words[1]), Directory())
        elif what == "write":
            self.find(words[1]).ops.append((int(words[2]), data))
        elif what == "truncate":
            node = self.find(words[1])
            if node.ops or int(words[2]):
                node.ops.append((int(words[2]), None))
        elif what == "link":
            self.enter(*self.parent(words[2]), self.find(words[1]))
        elif what == "rename":
            (a, old), (b, new) = self.parent(words[1]), self.parent(words[2])
            node = a.now.pop(old)
            b.now[new] = node
            if a is b:
                a.ops.append((old, new, node))
            else:
                a.ops.append((old, None))
                b.ops.append((new, node))
        elif what == "unlink":
            directory, name = self.parent(words[1])
            directory.now.pop(name, None)
            directory.ops.append((name, None))
        elif what == "sync-begin":
            node = self.find(words[2])
            if node is not None:
                self.begun[words[1]] = (node, len(node.ops))
        elif what == "sync-end":
            if words[1] in self.begun:
                node, upto = self.begun.pop(words[1])
                node.synced = max(node.synced, upto)
        elif what == "ack":
            self.acked = max(self.acked, max(int(row.split()[0]) for row in data.split(b"\n") if row))

    def enter(self, directory, name, node):
        directory.now[name] = node
        directory.ops.append((name, node))

    def image(self, where, rng):
        """One of the states that the disk may be in now."""
        keep = rng.choice([0.0, 0.5, 0.9, 1.0])
        self.write(self.root, where, rng, keep)

    def write(self, directory, where, rng, keep):
        os.makedirs(where, exist_ok=True)
        names = {}
        for i, op in enumerate(directory.ops):
            if i >= directory.synced and rng.random() >= keep:
                continue
            if len(op) == 3:
                names.pop(op[0], None)
                names[op[1]] = op[2]
            elif op[1] is None:
                names.pop(op[0], None)
            else:
                names[op[0]] = op[1]
        for name, node in names.items():
            path = os.path.join(where, name)
            if isinstance(node, Directory):
                self.write(node, path, rng, keep)
                continue
            content = bytearray()
            late = [op for op in node.ops[node.synced:] if rng.random() < keep]
            if rng.random() < 0.3:
                rng.shuffle(late)
            for i, (at, data) in enumerate(node.ops[:node.synced] + late):
                if data is None:
                    del content[at:]
                    content.extend(bytes(at - len(content)))
                    continue
                if i >= node.synced and rng.random() < 0.3:
                    data = data[:rng.randrange(len(data) + 1) // SECTOR * SECTOR]
                if len(content) < at:
                    content.extend(bytes(at - len(content)))
                content[at:at + len(data)] = data
            with open(path, "wb") as f:
                f.write(content)


def read_record(path):
    events = []
    with open(path, "rb") as f:
        while line := f.readline():
            words = line.decode().split()
            data = f.read(int(words[3])) if words[0] in ("write", "ack") else None
            events.append((words, data))
    return events


# --- the test ---

def record(home, disk, rows, rng, careless):
    """Run the job over a source that grows twice. Returns the events, and the
    rows that the table held after so many of them."""
    path = f"{home}/record"
    env = {"LD_PRELOAD": f"{BUILD}/preload/record.so", "PF_RECORD": path, "PF_RECORD_ROOT": disk,
           "LC_ALL": "C.UTF-8", "TZ": "UTC0"}
    if careless:
        env["LD_PRELOAD"] = EATMYDATA + " " + env["LD_PRELOAD"]
    committed = []
    for part in range(3):
        make_rows(f"{home}/events.jsonl", part * rows, rows, rng)
        ack = os.open(f"{home}/acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.set_inheritable(ack, True)
        job(disk, home, dict(env, PF_RECORD_ACK=str(ack)), ack)
        os.close(ack)
        committed.append((len(read_record(path)), (part + 1) * rows))
    return read_record(path), committed


def check(image, home, disk, golden, acked, committed):
    """Recover from the image, which stands where the disk stood."""
    staged = len(rows_of(disk, "stage"))
    if staged < acked:
        raise Failed(f"{acked} rows were acknowledged, {staged} are in the stage")
    stored = len(rows_of(disk, "wh/events"))
    if stored < committed:
        raise Failed(f"{committed} rows were committed, {stored} are in the table")
    job(disk, home)
    if rows_of(disk, "wh/events") != golden:
        raise Failed("the table differs after recovery")
    run(["pf-put", "-q", "--verify", f"{disk}/wh/events"])


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--images", type=int, default=60)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--rows", type=int, default=400)
    args.add_argument("--careless", action="store_true")
    args = args.parse_args()
    os.environ["PATH"] = BUILD + ":" + os.environ["PATH"]
    linked = subprocess.run(["ldd", f"{BUILD}/pf-put"], capture_output=True, text=True).stdout
    if "libasan" in linked:
        print("1..1\nok 1 # SKIP a preload library and AddressSanitizer exclude each other")
        return 0
    if args.careless and not EATMYDATA:
        print("1..1\nok 1 # SKIP no libeatmydata")
        return 0
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as home:
        home = os.path.realpath(home)
        disk = f"{home}/disk"
        os.mkdir(disk)
        with open(f"{home}/events.yaml", "w") as f:
            f.write(SCHEMA)
        events, committed = record(home, disk, args.rows, rng, args.careless)
        golden = rows_of(disk, "wh/events")
        if len(golden) != 3 * args.rows:
            sys.exit(f"the undisturbed run stored {len(golden)} rows")
        bad, first = 0, ""
        for n in range(args.images):
            moment = rng.randrange(len(events) + 1)
            state = Disk()
            for words, data in events[:moment]:
                state.event(words, data)
            shutil.rmtree(disk)
            state.image(disk, random.Random(args.seed * 1000 + n))
            sure = max([rows for at, rows in committed if at <= moment], default=0)
            try:
                check(disk, home, disk, golden, state.acked, sure)
            except Failed as why:
                bad += 1
                first = first or f"image {n} after event {moment} of {len(events)}: {why}"
                if os.environ.get("PF_KEEP_IMAGE"):
                    shutil.copytree(disk, os.environ["PF_KEEP_IMAGE"], dirs_exist_ok=True)
                    break
    print("1..1")
    print(f"# {args.images} images of {len(events)} events, {bad} did not recover (--seed={args.seed})")
    if first:
        print(f"# {first}")
    if args.careless:
        print(f"{'ok' if bad else 'not ok'} 1 without syncs, rows are lost and this test sees it")
        return not bad
    print(f"{'not ok' if bad else 'ok'} 1 every image recovers exactly")
    return bool(bad)


sys.exit(main())
