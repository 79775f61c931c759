# SPDX-License-Identifier: Apache-2.0
"""loss.py [--stage embedded|kafka] [--line 3.9] [--rows N] [--seconds S]
[--producers N] [--loaders N] [--kills N] [--brokers N] [--seed N] [--whole]
[--log FILE]
loss.py --total FILE

Load rows while everything that takes part is killed, stopped and cut off, at
random; afterwards the table must hold every acknowledged row once.

Rounds are made until S seconds are over, or N kills have been counted. In a
round, producers append growing files (pf-stage append --ack-fd), some of them
given up for good after a crash; loaders race on the same partitions (read |
pf-partition | pf-pack | pf-put, bounded or following); a reader asks for table and stage at once.
Chaos kills (-9) any of their processes, at a random moment or at a crash
point; stops and continues them; fills the disk; with Kafka it also kills and
stops the broker and cuts or freezes the network between (proxy.py). A kill
counts only if the process lived.

Then all that is left is appended and loaded, undisturbed, and check.py reads
the table with DuckDB and pypaimon. During it, every query must show what was
acknowledged before it began, and every step must give out what it took in.
--whole lets a round end with all rows, however long it takes. Prints TAP; --log
adds a line to FILE (when, commit, stage, seed, rows, kills of whom, result), and
--total adds these up.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import check
import rows
from lines import Field, Trouble, run_line

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("PF_BUILD", os.path.join(ROOT, "build"))
TABLE = "wh/default.db/lost"


class Embedded:
    kind = "embedded"
    has_total_order = True

    def __init__(self, args, scratch):
        self.url = "stage"

    def new_round(self):
        shutil.rmtree("stage", ignore_errors=True)

    def is_there(self):
        return os.path.exists("stage/stage.json")

    def append_options(self):
        return ["--wait", "30s"]

    def faults(self, field):
        return []

    def quiet(self):
        pass

    def close(self):
        pass


class Kafka:
    """A broker, and a proxy through which all clients reach it."""
    kind = "kafka"
    has_total_order = False

    def __init__(self, args, scratch):
        sys.path.insert(0, os.path.join(ROOT, "tests", "engines"))
        import kafka
        self.kind = f"kafka {args.line}"
        self.args = args
        self.cluster = kafka.Kafka(os.path.join(scratch, "kafka"), die_with_us=True)
        self.cluster.create(args.line)
        ports = self.cluster.node(1)["ports"]
        self.proxy = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "proxy.py"), str(ports["PROXIED"]),
             str(ports["BEHIND"])], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.proxy.stdout.readline()
        self.number = 0
        self.brokers = 0

    def new_round(self):
        self.number += 1
        self.topic = f"lost{self.number}"
        self.cluster.create_topic(self.topic, 4)
        self.url = f"kafka://{self.cluster.address('PROXIED')}/{self.topic}"

    def is_there(self):
        return True

    def append_options(self):
        return []

    def network(self, order, seconds):
        self.proxy.stdin.write(f"{order} {seconds}\n".encode())
        self.proxy.stdin.flush()
        self.proxy.stdout.readline()

    def kill_broker(self, field):
        if self.brokers >= self.args.brokers:
            return
        self.brokers += 1
        self.cluster.kill()
        field.count("broker killed")
        self.cluster.start()

    def stop_broker(self, field):
        pid = self.cluster.node(1)["pid"]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(field.draw("uniform", 0.2, 1.5))
        os.kill(pid, signal.SIGCONT)
        field.count("broker stopped")

    def cut(self, field):
        self.network("cut", field.draw("uniform", 0.05, 1.0))
        field.count("network cut")

    def freeze(self, field):
        self.network("freeze", field.draw("uniform", 0.05, 1.0))
        field.count("network frozen")

    def faults(self, field):
        return [(0.015, self.kill_broker), (0.03, self.stop_broker), (0.1, self.cut),
                (0.1, self.freeze)]

    def quiet(self):
        self.cluster.start()

    def close(self):
        self.proxy.stdin.close()
        self.proxy.wait()
        self.cluster.kill()


def number(text):
    return int(text.replace(",", ""))


class Round:
    def __init__(self, args, stage, field, seed_rows, deadline):
        self.args, self.stage, self.field = args, stage, field
        self.deadline = deadline
        self.trouble = None
        self.stopping = threading.Event()  # chaos ends
        self.loaded = threading.Event()    # loaders and readers end
        for name in ("wh", "tmp", "full"):
            shutil.rmtree(name, ignore_errors=True)
        os.makedirs("tmp")
        with open("lost.yaml", "w") as f:
            f.write(rows.SCHEMA)
        self.serial = getattr(Round, "serial", 0) + 1
        Round.serial = self.serial
        stage.new_round()
        subprocess.run(["pf-put", "-q", "--create", "lost.yaml", TABLE], check=True)
        self.sources = [rows.Source(n, f"source{self.serial}-{n}.jsonl")
                        for n in range(args.producers)]
        self.seed_rows = seed_rows

    def append(self, source, crash):
        argv = ["pf-stage", "append", "-v", "-S", "lost.yaml", "--rejects",
                f"tmp/bad{source.number}", *self.stage.append_options(), "--ack-fd", "ACK",
                self.stage.url, source.path]
        lines = source.written
        before = source.acked_bytes
        codes, texts, _ = run_line(self.field, [argv], crash, source.ack)
        if codes == [0]:
            if source.acked_bytes != source.bytes:
                raise Trouble(f"append ended well, but acknowledged {source.acked_bytes} of "
                              f"{source.bytes} bytes:\n{texts[0]}")
            self.law(r"([\d,]+) rows in = ([\d,]+) appended \+ ([\d,]+) rejected \+ "
                     r"([\d,]+) duplicate", texts[0], lines if before < source.bytes else None)
        return codes[0]

    def law(self, pattern, text, expected):
        m = re.search(pattern, text)
        if not m:
            raise Trouble(f"no account of rows in:\n{text}")
        into, *out = map(number, m.groups())
        if into != sum(out) or expected is not None and into != expected:
            raise Trouble(f"rows in are not rows out ({expected} expected):\n{text}")
        self.field.count("laws")
        return out

    def line_laws(self, codes, texts):
        """Of a whole line that ended well: what one gave the next took, and each
        accounts for all of it. Rows into the table."""
        if any(codes):
            return None
        rows = self.law(r"([\d,]+) rows in = ([\d,]+) read \+ ([\d,]+) rejected \+ "
                        r"([\d,]+) duplicate \+ ([\d,]+) filtered", texts[0], None)[0]
        for text in texts[1:-1]:
            self.law(r"([\d,]+) rows in, ([\d,]+) out", text, rows)
        return self.law(r"([\d,]+) rows in = ([\d,]+) stored \+ ([\d,]+) duplicate",
                        texts[-1], rows)[0]

    def follow(self, crash):
        """Load for a while as a service does."""
        every = self.field.draw("randint", 50, 500)
        codes, texts, _ = run_line(
            self.field, [["pf-stage", "read", "-v", "--follow", self.stage.url, "--after", TABLE],
                         ["pf-partition", "-v"], ["pf-pack", "-v", "--every", f"{every}ms"],
                         ["pf-index", "-v"], ["pf-put", "-v", TABLE]],
            crash, ask_to_end=self.field.draw("uniform", 0.3, 2))
        self.line_laws(codes, texts)
        self.field.count("followed")

    def load(self, crash):
        line = [["pf-stage", "read", "-v", self.stage.url, "--after", TABLE],
                ["pf-partition", "-v"], ["pf-pack", "-v"], ["pf-put", "-v", TABLE]]
        codes, texts, _ = run_line(self.field, line, crash)
        self.line_laws(codes, texts)
        return codes

    def query(self):
        """Acknowledged before: seen now."""
        known = {s.number: rows.good_before(s.acked_lines()) for s in self.sources}
        codes, texts, out = run_line(
            self.field, [["pf-query", "-O", "jsonl", "-g", "source", "-c",
                          "source,count(*) as n,max(pos) as top", TABLE, self.stage.url]],
            last_out=subprocess.PIPE)
        if codes[0]:
            return
        seen = {r["source"]: r for r in map(json.loads, out.splitlines())}
        for source, n in known.items():
            have = seen.get(source, {"n": 0, "top": -1})
            if have["n"] < n:
                raise Trouble(f"source {source}: {n} rows acknowledged, {have} seen")
            if have["n"] > rows.good_before(have["top"] + 1):
                raise Trouble(f"source {source}: rows seen twice: {have}")
        self.field.count("queries")

    def guarded(self, work):
        def run():
            try:
                work()
            except Exception as e:  # any end of a thread but a good one is trouble
                self.trouble = self.trouble or e
                self.stopping.set()
                self.loaded.set()
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def producer(self, source):
        field = self.field
        share = self.args.rows // self.args.producers
        give_up = field.draw("randint", 1, share) if source.number % 3 == 2 else None
        while source.written < share and not self.stopping.is_set():
            source.grow(min(share - source.written,
                            field.draw("randint", self.args.chunk // 20 + 1, self.args.chunk)))
            while not self.stopping.is_set():
                code = self.append(source, 0.15)
                if give_up and source.written >= give_up and code:
                    source.complete = False  # its client is gone, for ever
                    return
                if code == 0:
                    break
        if source.number % 3 == 2 and self.stopping.is_set():
            source.complete = False

    def loader(self):
        while not self.loaded.is_set():
            if self.stage.is_there() and self.field.draw("random") < 0.3:
                self.follow(0.15)
            elif self.stage.is_there():
                self.load(0.15)
            time.sleep(self.field.draw("uniform", 0, 0.05))

    def reader(self):
        while not self.loaded.is_set():
            if self.stage.is_there():
                self.query()
            time.sleep(self.field.draw("uniform", 0, 0.1))

    def kill(self, field):
        victim = field.victim()
        if victim and field.draw("random") < 0.3:
            time.sleep(field.draw("uniform", 0, 0.03))
        if victim and victim.poll() is None:
            victim.send_signal(signal.SIGKILL)

    def kill_many(self, field):
        for p in field.all_live():
            if field.draw("random") < 0.7:
                p.send_signal(signal.SIGKILL)

    def pause(self, field):
        victim = field.victim()
        if victim and victim.poll() is None:
            victim.send_signal(signal.SIGSTOP)
            time.sleep(field.draw("uniform", 0.01, 0.4))
            victim.send_signal(signal.SIGCONT)
            field.count("stopped")

    def fill_disk(self, field):
        open("full", "w").close()
        time.sleep(field.draw("uniform", 0.01, 0.2))
        os.unlink("full")
        field.count("disk full")

    def chaos(self, pause, *faults):
        """One fault after the other, each as often as its weight says."""
        field = self.field
        while not self.stopping.wait(field.draw("uniform", 0, 2 * pause)):
            draw = field.draw("uniform", 0, sum(weight for weight, _ in faults))
            for weight, fault in faults:
                if draw < weight:
                    fault(field)
                    break
                draw -= weight

    def watch(self):
        """Nothing takes longer than this, whatever happens around it."""
        while not self.loaded.wait(1):
            stuck = self.field.hanging(self.args.patience)
            if stuck:
                self.stopping.set()
                time.sleep(1)
                for p in self.field.all_live():
                    p.kill()
                raise Trouble(stuck)

    def run(self):
        side = [self.guarded(self.reader)] + \
            [self.guarded(self.loader) for _ in range(self.args.loaders)]
        producers = [self.guarded(lambda s=s: self.producer(s)) for s in self.sources]
        chaos = [self.guarded(lambda: self.chaos(self.args.pause, (0.95, self.kill),
                                                 (0.05, self.kill_many))),
                 self.guarded(lambda: self.chaos(0.2, (0.2, self.pause),
                                                 (0.1, self.fill_disk),
                                                 *self.stage.faults(self.field)))]
        self.guarded(self.watch)
        for p in producers:
            while p.is_alive():
                p.join(0.2)
                if time.monotonic() > self.deadline and not self.args.whole:
                    self.stopping.set()
        self.stopping.set()
        for c in chaos:
            c.join()
        self.loaded.set()
        for t in side:
            t.join()
        for p in self.field.all_live():  # only after trouble
            p.kill()
        if self.trouble:
            raise self.trouble
        self.stage.quiet()
        begin = time.monotonic()
        stored = self.finish()
        self.field.count("seconds to finish undisturbed", round(time.monotonic() - begin))
        return stored

    def until_done(self, what, work):
        for _ in range(30):
            if not work():
                return
            time.sleep(0.2)
        raise Trouble(f"{what} does not end well, undisturbed")

    def finish(self):
        for source in self.sources:
            if source.complete:
                self.until_done("append", lambda s=source: self.append(s, 0))
        self.until_done("load", lambda: any(self.load(0)))
        self.until_done("load", lambda: any(self.load(0)))  # must change nothing
        self.query()
        total = self.stage_order() if self.stage.has_total_order else None
        stored = check.verify(os.path.abspath(TABLE), self.sources, total)
        seen = int(subprocess.run(["pf-query", "-O", "tsv", "-c", "count(*)", TABLE,
                                   self.stage.url], check=True, stdout=subprocess.PIPE)
                   .stdout.split()[-1])
        if seen != stored:
            raise Trouble(f"others read {stored} rows, we {seen}")
        self.whole_law(stored)
        v = subprocess.run(["pf-put", "--verify", TABLE], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
        if v.returncode:
            raise Trouble("pf-put --verify is not content: " + v.stdout)
        for s in self.sources:
            os.unlink(s.path)
        return stored

    def whole_law(self, stored):
        """All that the stage has is in the table, or was there twice."""
        p = subprocess.run(["pf-stage", "read", "-v", "--from-start", self.stage.url],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        out = self.law(r"([\d,]+) rows in = ([\d,]+) read \+ ([\d,]+) rejected \+ "
                       r"([\d,]+) duplicate \+ ([\d,]+) filtered", p.stderr, None)
        if p.returncode or out[0] != stored or out[1] or out[3]:
            raise Trouble(f"{stored} rows are stored, and the stage has others: {p.stderr}")
        self.field.count("rows twice in the stage", out[2])

    def stage_order(self):
        """The stage's rows as pyarrow reads them, in its order."""
        import pyarrow as pa
        p = subprocess.Popen(["pf-stage", "read", "-q", self.stage.url, "--from-start"],
                             stdout=subprocess.PIPE)
        table = pa.ipc.open_stream(p.stdout).read_all().select(["source", "pos"])
        if p.wait():
            raise Trouble("the stage cannot be read")
        return table


def commit_now():
    return subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"],
                          stdout=subprocess.PIPE, text=True).stdout.strip() or "-"


def write_log(args, stage, field, commit, seed, stored, seconds, result):
    kills = " ".join(f"{name.replace('pf-stage ', '')}={n}"
                     for name, n in sorted(field.kills.items()))
    others = " ".join(f"{name.replace(' ', '-')}={n}" for name, n in sorted(field.counts.items()))
    with open(args.log, "a") as f:
        f.write("\t".join((time.strftime("%Y-%m-%d %H:%M", time.gmtime()), commit, stage.kind,
                           f"seed={seed}", f"rows={stored}", f"seconds={seconds:.0f}",
                           f"kills={sum(field.kills.values())}", kills, others, result)) + "\n")


def total(path):
    """Runs, rows and kills of a log, by stage."""
    sums = {}
    for line in open(path):
        when, commit, stage, *fields, result = line.rstrip("\n").split("\t")
        s = sums.setdefault(stage, {"runs": 0, "failed": 0})
        s["runs"] += 1
        s["failed"] += result != "ok"
        for key, n in re.findall(r"([a-z-]+)=(\d+)", " ".join(fields)):
            if key != "seed":
                s[key] = s.get(key, 0) + int(n)
    for stage, s in sums.items():
        print(f"{stage}: " + ", ".join(f"{n:,} {key}" for key, n in s.items()))
    print("kills of programs and brokers together: "
          f"{sum(s.get('kills', 0) + s.get('broker-killed', 0) for s in sums.values()):,}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=("embedded", "kafka"), default="embedded")
    parser.add_argument("--line", default="3.9")
    parser.add_argument("--log")
    parser.add_argument("--total")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--pause", type=float, help="seconds between kills")
    for name, default in (("rows", 200000), ("chunk", 3000), ("seconds", 30), ("kills", 0),
                          ("producers", 3), ("loaders", 2), ("brokers", 50), ("patience", 120), ("seed", 0)):
        parser.add_argument("--" + name, type=int, default=default)
    args = parser.parse_args()
    if args.total:
        return total(args.total)
    args.pause = args.pause or {"embedded": 0.04, "kafka": 0.15}[args.stage]
    seed = args.seed or int.from_bytes(os.urandom(4), "little")
    print(f"# seed {seed}", flush=True)
    commit = commit_now()  # of what is tested; it may be built anew meanwhile
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    if args.log:
        args.log = os.path.abspath(args.log)
    scratch = tempfile.mkdtemp(prefix="pf-loss.", dir=os.environ.get("TMPDIR"))
    os.chdir(scratch)
    os.environ["PATH"] = f"{BUILD}:" + os.environ["PATH"]
    env = dict(os.environ, TMPDIR=os.path.join(scratch, "tmp"),
               PF_FULL=os.path.join(scratch, "full"),
               LD_PRELOAD=os.path.join(BUILD, "preload", "full.so"))
    field = Field(seed, env)
    begin = time.monotonic()
    stage = {"embedded": Embedded, "kafka": Kafka}[args.stage](args, scratch)
    rounds = stored = 0
    result, ended = "ok", False
    try:
        while True:
            rounds += 1
            stored += Round(args, stage, field, seed, begin + args.seconds).run()
            kills = sum(field.kills.values())
            if time.monotonic() - begin > args.seconds * 0.8 or \
                    args.kills and kills >= args.kills:
                break
        print(f"ok 1 nothing lost, nothing twice: {args.stage} stage, {rounds} rounds, "
              f"{stored} rows, {kills} kills")
        shutil.rmtree(scratch)
    except (Exception, SystemExit, KeyboardInterrupt) as e:
        result = "FAILED: " + str(e).split("\n")[0][:200]
        ended = not isinstance(e, Exception)
        print(f"not ok 1 nothing lost, nothing twice: {args.stage} stage, round {rounds}")
        print("# " + "\n# ".join((type(e).__name__ + " " + str(e)).splitlines()))
        print(f"# kept in {scratch}")
    finally:
        os.chdir("/")
        stage.close()
    for what, n in sorted({**field.kills, **field.counts}.items()):
        print(f"# {n:6} {what}")
    seconds = time.monotonic() - begin
    print(f"# {seconds:.0f} s")
    if args.log:
        write_log(args, stage, field, commit, seed, stored, seconds, result)
    if ended:  # threads that work go on otherwise
        for p in field.all_live():
            p.kill()
        os._exit(1)
    return result != "ok"


if __name__ == "__main__":
    sys.exit(main())
