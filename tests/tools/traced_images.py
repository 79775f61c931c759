# SPDX-License-Identifier: Apache-2.0
"""traced_images.py stage|put|window [--images N] [--seed N] [--forget-syncs | --eatmydata]

What a disk may hold after a power cut. A run is recorded with strace; then,
for moments chosen all over it, images are built of what could be on the disk
at that moment: everything that was synced, and of the rest any subset, torn
at blocks, holes as zeros, names without their files' bytes or missing. On
each image:

stage: no row is missing that was acknowledged; what can be read is a prefix
       of the input; running the append again gives every row once.
put:   pf-put --verify is clean; after a reported success all rows are there;
       running the load again gives every row once.
window: the state is the one before the run or the one behind it, which it is
       after a reported success: what changed is then not given out again, and
       the file that it was written to has it; what the state holds and answers
       is what the table gives.

--forget-syncs treats no sync as done, --eatmydata preloads libeatmydata, which
makes them nothing: then the test must fail, which shows that it can.
"""
import argparse
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PF_BUILD", os.path.join(ROOT, "build"))
os.environ["PATH"] = f"{BUILD}:{BUILD}/tools:" + os.environ["PATH"]
BLOCK = 4096
CALLS = ("openat,mkdir,mkdirat,write,pwrite64,writev,ftruncate,fallocate,lseek,fsync,"
         "fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,dup,close")


class Node:
    """A file's bytes or a directory's names."""

    def __init__(self, is_dir):
        self.is_dir = is_dir
        self.names = {}
        self.data = bytearray()


# --- what the program did ---

class Recording:
    """ops: ("data", node, at, bytes), ("size", node, n), ("name", dir, name,
    node or None), ("rename", dir, name, dir, name), ("ack", text), and
    ("sync", node, upto): ops before upto that concern node are on the disk."""

    def __init__(self, base, top):
        self.base, self.top = base, top
        self.root = Node(True)
        self.ops = []
        self.baseline = []
        self.paths = {base: self.root}
        self.files = {}
        self.load(base, self.root)

    def load(self, path, node):
        """What is there before counts as synced."""
        for name in sorted(os.listdir(path)):
            if path == self.base and name != self.top:
                continue
            full = os.path.join(path, name)
            child = Node(os.path.isdir(full))
            if not child.is_dir:
                child.data += open(full, "rb").read()
            node.names[name] = child
            self.paths[full] = child
            self.baseline.append(("name", node, name, child))
            if child.is_dir:
                self.load(full, child)
            else:
                self.baseline.append(("data", child, 0, bytes(child.data)))

    def cut(self, moment):
        """The program died here, the machine did not: what it wrote is there
        for the next one, on the disk or not."""
        self.ops = self.ops[:moment]
        self.files = {}
        self.paths = {self.base: self.root}
        _, names = image(self, moment, random.Random(0), "keep", False)

        def walk(node, path):
            for name, child in names.get(id(node), {}).items():
                self.paths[os.path.join(path, name)] = child
                walk(child, os.path.join(path, name))

        walk(self.root, self.base)

    def inside(self, path):
        return path == os.path.join(self.base, self.top) or \
            path.startswith(os.path.join(self.base, self.top) + "/")

    def split(self, path):
        return self.paths[os.path.dirname(path)], os.path.basename(path)

    def add_name(self, path, node):
        d, name = self.split(path)
        self.paths[path] = node
        self.ops.append(("name", d, name, node))

    def write(self, fd, path, data, at=None):
        if path.endswith("/acks") and not self.inside(path):
            self.ops.append(("ack", data))
            return
        if fd not in self.files or not self.inside(path):
            return
        f = self.files[fd]
        where = f["at"] if at is None else at
        self.ops.append(("data", f["node"], where, data))
        if at is None:
            f["at"] += len(data)

    def call(self, name, args, result, started):
        ok = not result.startswith("-1")
        if not ok:
            return
        if name == "openat":
            self.open(args, result)
        elif name in ("write", "pwrite64"):
            fd, path = self.fd(args[0])
            n = int(result)
            self.write(fd, path, text(args[1])[:n],
                       int(args[3]) if name == "pwrite64" else None)
        elif name == "writev":
            fd, path = self.fd(args[0])
            pieces = b"".join(text(s) for s in re.findall(r'iov_base=("[^"]*")', ",".join(args)))
            self.write(fd, path, pieces[:int(result)])
        elif name == "ftruncate":
            fd, path = self.fd(args[0])
            if fd in self.files and self.inside(path):
                self.ops.append(("size", self.files[fd]["node"], int(args[1])))
        elif name == "lseek":
            fd, path = self.fd(args[0])
            if fd in self.files:
                self.files[fd]["at"] = int(result)
        elif name in ("fsync", "fdatasync"):
            path = self.fd(args[0])[1].removesuffix(" (deleted)")
            node = self.paths.get(path)
            if node is not None:
                self.ops.append(("sync", node, started))
        elif name in ("mkdir", "mkdirat"):
            path = self.path(args, 0)[0]
            if self.inside(path):
                self.add_name(path, Node(True))
        elif name in ("link", "linkat"):
            old, rest = self.path(args, 0)
            new, _ = self.path(rest, 0)
            if self.inside(new):
                self.add_name(new, self.paths[old])
        elif name in ("rename", "renameat", "renameat2"):
            old, rest = self.path(args, 0)
            new, _ = self.path(rest, 0)
            if self.inside(new):
                self.ops.append(("rename", *self.split(old), *self.split(new)))
                self.paths[new] = self.paths.pop(old)
        elif name in ("unlink", "unlinkat"):
            path = self.path(args, 0)[0]
            if self.inside(path):
                self.ops.append(("name", *self.split(path), None))
                self.paths.pop(path, None)
        elif name == "close":
            self.files.pop(self.fd(args[0])[0], None)

    def open(self, args, result):
        fd, path = self.fd(result)
        if not self.inside(path):
            self.files.pop(fd, None)
            return
        asked = self.path(args, 0)[0]
        path = os.path.normpath(asked)
        if path not in self.paths:
            self.add_name(path, Node("O_DIRECTORY" in args[2]))
        node = self.paths[path]
        if "O_TRUNC" in args[2]:
            self.ops.append(("size", node, 0))
        self.files[fd] = {"node": node, "at": 0}

    @staticmethod
    def fd(arg):
        m = re.match(r"(AT_FDCWD|\d+)<(.*)>$", arg, re.S)
        if not m:
            return -1, ""
        number = -1 if m[1] == "AT_FDCWD" else int(m[1])
        return number, text('"' + m[2] + '"').decode()

    def path(self, args, i):
        """A path argument, with the directory's descriptor before it if there
        is one; and the arguments behind it."""
        if args[i].startswith('"'):
            return os.path.join(self.base, text(args[i]).decode()), args[i + 1:]
        under = self.fd(args[i])[1]
        return os.path.normpath(os.path.join(under, text(args[i + 1]).decode())), args[i + 2:]


def text(quoted):
    return bytes.fromhex(quoted.strip('"').replace("\\x", ""))


def arguments(inner):
    """Split at commas outside of quotes and brackets."""
    return [a.strip() for a in re.findall(r'(?:"[^"]*"|<[^>]*>|\[[^\]]*\]|\{[^}]*\}|[^,"<\[{])+', inner)]


def record(argv, base, top, feed=None, env=None, acks=False, r=None):
    """Run argv in base under strace; r: go on with that recording."""
    r = r or Recording(base, top)
    log = os.path.join(base, "strace.log")
    command = ["strace", "-f", "-y", "-xx", "-s", "100000000", "-e", "trace=" + CALLS,
               "-e", "signal=none", "-o", log]
    for name, value in (env or {}).items():
        command += ["-E", f"{name}={value}"]
    pass_fds = ()
    if acks:
        fd = os.open(os.path.join(base, "acks"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        pass_fds = (fd,)
        argv = [*argv, "--ack-fd", str(fd)]
    p = subprocess.Popen(command + argv, cwd=base, stdin=subprocess.PIPE, pass_fds=pass_fds,
                         stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    if feed:
        threading.Thread(target=feed, args=(p.stdin,)).start()
    else:
        p.stdin.close()
    said = p.stderr.read().decode()
    status = p.wait()
    if acks:
        os.close(pass_fds[0])
    assert status == 0, f"{argv} gave {status}: {said}"
    begun = {}
    for line in open(log):
        m = re.match(r"(\d+) +(.*)$", line.rstrip("\n"), re.S)
        pid, what = m[1], m[2]
        unfinished = re.match(r"(\w+)\((.*?),? ?<unfinished \.\.\.>$", what)
        resumed = re.match(r"<\.\.\. (\w+) resumed>(.*)\) += (.*)$", what)
        whole = re.match(r"(\w+)\((.*)\) += (.*)$", what)
        if unfinished:
            begun[pid] = (unfinished[2], len(r.ops))
        elif resumed:
            inner, started = begun.pop(pid)
            r.call(resumed[1], arguments(inner + resumed[2]), resumed[3], started)
        elif whole:
            r.call(whole[1], arguments(whole[2]), whole[3], len(r.ops))
    return r


# --- what may be on the disk ---

def blocks(op):
    """A write as the pieces that reach the disk on their own."""
    _, node, at, data = op
    while data:
        n = BLOCK - at % BLOCK
        yield ("data", node, at, data[:n])
        at, data = at + n, data[n:]


def image(r, moment, rng, how, syncs):
    """Nodes as they may be: how is drop, keep, or mix."""
    durable = set()
    if syncs:
        for op in r.ops[:moment]:
            if op[0] != "sync":
                continue
            for i, other in enumerate(r.ops[:op[2]]):
                if other[0] in ("data", "size", "name") and other[1] is op[1]:
                    durable.add(i)
                if other[0] == "rename" and (other[1] is op[1] or other[3] is op[1]):
                    durable.add(i)
    contents, names = {}, {}
    chance = rng.random()

    def apply(op, sure):
        if op[0] == "name":
            names.setdefault(id(op[1]), {})[op[2]] = op[3]
            if op[3] is None:
                del names[id(op[1])][op[2]]
        elif op[0] == "rename":
            child = names.get(id(op[1]), {}).pop(op[2], None) or op[5]
            names.setdefault(id(op[3]), {})[op[4]] = child
        elif op[0] == "size":
            data = contents.setdefault(id(op[1]), bytearray())
            del data[op[2]:]
            data.extend(bytes(op[2] - len(data)))
        elif op[0] == "data":
            for _, node, at, piece in blocks(op):
                data = contents.setdefault(id(node), bytearray())
                lost = not sure and how == "mix" and rng.random() < chance
                if lost and rng.random() < 0.5:
                    continue
                if len(data) < at + len(piece):
                    data.extend(bytes(at + len(piece) - len(data)))
                if not lost:
                    data[at:at + len(piece)] = piece

    for op in r.baseline:
        apply(op, True)
    targets = {}
    for i, op in enumerate(r.ops[:moment]):
        if op[0] == "name" and op[3] is not None:
            targets[id(op[1]), op[2]] = op[3]
        if op[0] == "rename":
            node = targets.pop((id(op[1]), op[2]), None) or op[1].names.get(op[2])
            targets[id(op[3]), op[4]] = node
            op = (*op, node)
        sure = i in durable
        if op[0] in ("ack", "sync"):
            continue
        if sure or how == "keep" or (how == "mix" and rng.random() > chance * 0.7):
            apply(op, sure or how == "keep")
    return contents, names


def materialize(r, contents, names, to):
    def put(node, path):
        if node.is_dir:
            os.makedirs(path, exist_ok=True)
            for name, child in names.get(id(node), {}).items():
                put(child, os.path.join(path, name))
        else:
            with open(path, "wb") as f:
                f.write(contents.get(id(node), b""))

    put(r.root, to)


# --- what must be true of it ---

def output(argv, cwd, **more):
    p = subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    assert p.returncode == 0, f"{' '.join(argv)}: {p.returncode}: {p.stderr.decode()[:400]}"
    return p.stdout


def stage_rows(cwd, stage):
    stream = output(["pf-stage", "read", stage], cwd)
    return output([os.path.join(ROOT, "tests/tools/arrow_rows")], cwd, input=stream).splitlines()


class Stage:
    """Rows come in pieces, each acknowledged; segments are small."""
    top = "stage"

    def __init__(self, base):
        self.base = base
        with open(os.path.join(base, "schema.yaml"), "w") as f:
            f.write("table: t\nid: id\ntime: ts\npartition: day\nbuckets: 2\ncolumns:\n"
                    "  id: bigint not null\n  ts: timestamp(3) not null\n  text: string\n")
        self.lines = [f'{{"id": {i}, "ts": "2024-01-01T00:00:00.{i % 1000:03}", "text": "t{i}"}}\n'
                      .encode() for i in range(1500)]
        with open(os.path.join(base, "rows"), "wb") as f:
            f.writelines(self.lines)
        self.argv = ["pf-stage", "append", "-q", "-S", os.path.join(base, "schema.yaml"),
                     "--segment-size", "24Ki", "--source", "s", "stage"]
        whole = os.path.join(base, "whole")
        os.mkdir(whole)
        output(self.argv, whole, stdin=open(os.path.join(base, "rows")))
        self.want = stage_rows(whole, "stage")
        assert len(self.want) == len(self.lines)

    def feed(self, pipe):
        for i in range(0, len(self.lines), 60):
            pipe.write(b"".join(self.lines[i:i + 60]))
            pipe.flush()
            time.sleep(0.006)
        pipe.close()

    def record(self, env, rng):
        """Up to some moment; then, on what that left, a second run."""
        r = record(self.argv, self.base, self.top, self.feed, env, acks=True)
        moment = rng.randrange(len(r.ops))
        contents, names = image(r, moment, rng, "keep", False)
        shutil.rmtree(os.path.join(self.base, self.top))
        r.cut(moment)
        materialize(r, contents, names, self.base)
        return record(self.argv, self.base, self.top, self.feed, env, acks=True, r=r)

    def check(self, cwd, ops):
        acked = 0
        for op in ops:
            if op[0] == "ack":
                acked = int(op[1].split(b"\t")[0])
        if os.path.exists(os.path.join(cwd, "stage/stage.json")):
            rows = stage_rows(cwd, "stage")
            assert len(rows) >= acked, f"{acked} rows were acknowledged, {len(rows)} are there"
            assert rows == self.want[:len(rows)], "other rows are there"
        else:
            assert not acked, f"{acked} rows were acknowledged, and there is no stage"
        output(self.argv, cwd, stdin=open(os.path.join(self.base, "rows")))
        assert stage_rows(cwd, "stage") == self.want, "a rerun gives other rows"


class Put:
    """A stage in three marks, loaded into a table."""
    top = "wh"

    def __init__(self, base):
        self.base = base
        self.stage = Stage(base)
        shutil.move(os.path.join(base, "whole/stage"), os.path.join(base, "stage"))
        self.schema = os.path.join(base, "schema.yaml")
        output(["pf-put", "-q", "--create", self.schema, "wh/default.db/t"], base)
        self.load(base, "-n 500")
        self.command = (f"pf-stage read {base}/stage --after wh/default.db/t | pf-partition |"
                        " pf-pack > segs.arrows")
        output(["sh", "-c", self.command], base)

    def load(self, cwd, some=""):
        output(["sh", "-c", f"pf-stage read {self.base}/stage {some} --after wh/default.db/t |"
                " pf-partition | pf-pack | pf-put -q wh/default.db/t"], cwd)

    def record(self, env, rng):
        r = record(["pf-put", "-q", "wh/default.db/t", "segs.arrows"], self.base, self.top, None,
                   env)
        r.ops.append(("ack", b"done"))
        return r

    def count(self, cwd):
        rows = output(["pf-query", "wh/default.db/t", "-O", "tsv", "-c", "id"], cwd)
        return sorted(int(n) for n in rows.split()[1:])

    def check(self, cwd, ops):
        output(["pf-put", "--verify", "wh/default.db/t"], cwd)
        have = self.count(cwd)
        assert have in (list(range(500)), list(range(1500))), f"{len(have)} rows"
        if any(op[0] == "ack" for op in ops):
            assert len(have) == 1500, "reported as loaded, and not there"
        self.load(cwd)
        assert self.count(cwd) == list(range(1500)), "a rerun gives other rows"
        output(["pf-put", "--verify", "wh/default.db/t"], cwd)


class Window:
    """A state that follows a table: the run that takes in its second commit."""
    top = "w"

    def __init__(self, base):
        self.base = base
        os.mkdir(os.path.join(base, "w"))
        with open(os.path.join(base, "schema.yaml"), "w") as f:
            f.write("table: t\nid: id\ntime: ts\npartition: day\nbuckets: 2\ncolumns:\n"
                    "  id: int not null\n  ts: timestamp(3) not null\n  n: bigint\n")
        output(["pf-put", "-q", "--create", "schema.yaml", "t"], base)
        self.ask = ["-qq", "-O", "tsv", "-W", "2d", "-g", "id", "count", "sum:n", f"{base}/t"]
        self.argv = ["pf-window", "-s", "w/st", "--changes", *self.ask]
        self.append([(day, n) for day in (1, 2) for n in range(300)])
        output(self.argv, base)
        self.append([(1, 7), (2, 8)] + [(3, 2 * n) for n in range(200)])
        whole = os.path.join(base, "whole")
        shutil.copytree(os.path.join(base, "w"), os.path.join(whole, "w"))
        self.news = output(self.argv, whole).splitlines()[1:]
        assert len(self.news) > 300

    def append(self, rows):
        lines = "".join(f'{{"id": {n}, "ts": "2024-01-0{day}T12:00:00.000", "n": {n * day}}}\n'
                        for day, n in rows)
        output(["sh", "-c", "pf-partition -S schema.yaml -I jsonl | pf-pack -qq |"
                " pf-put -q --append t"], self.base, input=lines.encode())

    def record(self, env, rng):
        r = record([*self.argv, "-o", "w/changes.tsv"], self.base, self.top, None, env)
        r.ops.append(("ack", b"done"))
        return r

    def check(self, cwd, ops):
        written = os.path.join(cwd, "w", "changes.tsv")
        given = open(written, "rb").read().splitlines()[1:] if os.path.exists(written) else []
        news = output(self.argv, cwd).splitlines()[1:]
        assert not news or news == self.news, "changes of neither state"
        assert news or given == self.news, "the state has moved, what it gave out is lost"
        assert not news or not ops or ops[-1][0] != "ack", "what was given out is given out again"
        output(["pf-window", "-s", "w/st", "--verify", "1", *self.ask], cwd)
        assert output(["pf-window", "-s", "w/st", *self.ask], cwd) == \
            output(["pf-window", *self.ask], cwd), "other rows are in the answer"


def main():
    args = argparse.ArgumentParser()
    args.add_argument("what", choices=["stage", "put", "window"])
    args.add_argument("--images", type=int, default=100)
    args.add_argument("--seed", type=int, default=0)
    args.add_argument("--forget-syncs", action="store_true")
    args.add_argument("--eatmydata", action="store_true")
    args = args.parse_args()
    seed = args.seed or int.from_bytes(os.urandom(4), "little")
    rng = random.Random(seed)
    env = {}
    if args.eatmydata:
        found = glob.glob("/usr/lib/*/libeatmydata.so")
        if not found:
            sys.exit("no libeatmydata here")
        env["LD_PRELOAD"] = found[0]
    base = tempfile.mkdtemp(prefix="pf-images.", dir=os.environ.get("TMPDIR"))
    case = {"stage": Stage, "put": Put, "window": Window}[args.what](base)
    r = case.record(env, rng)
    kinds = [op[0] for op in r.ops]
    print(f"# seed {seed}: {len(r.ops)} steps, {kinds.count('sync')} syncs, "
          f"{kinds.count('ack')} acknowledgements", flush=True)
    failed = 0
    for i in range(args.images):
        moment = rng.randrange(len(r.ops) + 1) if i else len(r.ops)
        how = ("drop", "keep", "mix", "mix", "drop")[i % 5]
        if i % 5 == 4:
            # The worst moment: it was just said that something is there.
            moment = rng.choice([n for n, op in enumerate(r.ops) if op[0] == "ack"]) + 1
        cwd = os.path.join(base, "image")
        shutil.rmtree(cwd, ignore_errors=True)
        os.mkdir(cwd)
        materialize(r, *image(r, moment, rng, how, not args.forget_syncs), cwd)
        if os.path.isdir(base + "/kept"):
            shutil.rmtree(base + "/kept")
        shutil.copytree(cwd, base + "/kept")
        try:
            case.check(cwd, r.ops[:moment])
        except AssertionError as e:
            failed += 1
            keep = f"{base}.{i}"
            shutil.copytree(base + "/kept", keep, dirs_exist_ok=True)
            print(f"not ok {i + 1} {how} at step {moment}: {e}\n# the image is kept in {keep}")
            if failed == 3:
                break
    if not failed:
        print(f"ok 1 {args.images} images of what a disk may hold are recovered")
    shutil.rmtree(base)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
