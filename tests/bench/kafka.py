# SPDX-License-Identifier: Apache-2.0
"""kafka.py BUILD [append] [freshness] [--rows N] [--line 3.9] [--rate N] [--seconds N]

append: rows staged and read again per second, by pf-stage on a real broker, by
kcat on the same broker and file, and by pf-stage in its embedded stage. CPU
seconds and peak memory are the client's; "broker" is what the broker itself
used meanwhile.

freshness: while RATE rows a second are appended and loaded (--follow, a commit
every 5 s), how long from the moment that --ack-fd reports a row until a
pf-query of table and stage has printed it. Queries run one after the other, so
their own time, start-up included, is part of it. The reports are read by a process
that does nothing else, and the rows are made before. When fewer rows were
acknowledged a second than RATE (98 in 100), or half were not loaded meanwhile, the line
says so, and the exit status is 1: it is no measurement then.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "engines"))
sys.dont_write_bytecode = True
import kafka  # noqa: E402

SCHEMA = os.path.join(ROOT, "examples", "clicks.yaml")
HERTZ = os.sysconf("SC_CLK_TCK")


def row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def cpu_of(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def peak_of(pid):
    """MiB; wait4's would be that of this process, if that is more."""
    try:
        return int(re.search(r"VmHWM:\s*(\d+)", open(f"/proc/{pid}/status").read())[1]) // 1024
    except (OSError, TypeError):
        return 0


def run(name, command, rows, broker):
    """One line of the table; the client's seconds and peak memory."""
    before = cpu_of(broker) if broker else 0
    begin = time.monotonic()
    child = subprocess.Popen(["bash", "-c", "exec " + command])
    peak, ended = 0, threading.Event()

    def sample():
        nonlocal peak
        while not ended.wait(0.02):
            peak = peak_of(child.pid) or peak
    sampler = threading.Thread(target=sample)
    sampler.start()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    ended.set()
    sampler.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    used = f"{cpu_of(broker) - before:.2f}" if broker else "-"
    row(name, f"{rows / wall:,.0f}", f"{wall:.2f}", f"{usage.ru_utime + usage.ru_stime:.2f}",
        used, peak, "" if child.returncode == 0 else
        f"failed: {child.returncode}")


def append(args, cluster):
    with open("rows.jsonl", "wb") as f:
        subprocess.run(["gen", str(args.rows)], stdout=f, check=True)
    rows = args.rows
    at = cluster.address()
    pid = cluster.node(1)["pid"]
    for name in ("warm", "ours", "json", "kcat", "lz4"):
        cluster.create_topic(name, 4)
    subprocess.run(["bash", "-c", f"head -200000 rows.jsonl | kcat -q -P -b {at} -t warm && "
                    f"kcat -q -C -e -b {at} -t warm > /dev/null"], check=True)
    print(f"{rows:,} rows, {os.path.getsize('rows.jsonl') / 1e6:.0f} MB of JSON lines, one broker "
          f"of {cluster.state['line']}, 4 partitions, load {os.getloadavg()[0]:.1f}\n")
    row("staged", "rows/s", "wall s", "CPU s", "broker CPU s", "peak MiB", "")
    row("---", "--:", "--:", "--:", "--:", "--:", "---")
    ours = f"pf-stage append -q -S {SCHEMA} "
    kcat = f"kcat -q -b {at} -P -X acks=all -X enable.idempotence=true -l -t "
    run("pf-stage append kafka://", f"{ours} kafka://{at}/ours rows.jsonl", rows, pid)
    run("kcat -z lz4", f"{kcat} lz4 -z lz4 rows.jsonl", rows, pid)
    run("kcat", f"{kcat} kcat rows.jsonl", rows, pid)
    run("pf-stage append --payload json", f"{ours} --payload json kafka://{at}/json rows.jsonl",
        rows, pid)
    run("pf-stage append (embedded)", f"{ours} stage rows.jsonl", rows, None)
    print()
    row("read", "rows/s", "wall s", "CPU s", "broker CPU s", "peak MiB", "")
    row("---", "--:", "--:", "--:", "--:", "--:", "---")
    run("pf-stage read kafka://", f"pf-stage read kafka://{at}/ours > /dev/null", rows, pid)
    run("kcat -C, lz4", f"kcat -q -C -e -b {at} -t lz4 > /dev/null", rows, pid)
    run("kcat -C", f"kcat -q -C -e -b {at} -t kcat > /dev/null", rows, pid)
    run("pf-stage read, JSON payload",
        f"pf-stage read -S {SCHEMA} kafka://{at}/json?payload=json > /dev/null", rows, pid)
    run("pf-stage read (embedded)", "pf-stage read stage > /dev/null", rows, None)
    print()


FRESH = """table: fresh
id: id
time: ts
zone: UTC
partition: none
buckets: 4
columns:
  id: bigint not null
  ts: timestamp(3) not null
  pos: bigint not null
  text: string
"""
TICK = 1000   # rows between those that the queries look for
MARKER = 999999
BASE = 10 ** 11  # so that all numbers have the same length


def tick_of_rows(first):
    """TICK lines, all of one length; the last one is a marker."""
    out = []
    for pos in range(first, first + TICK):
        who = MARKER if pos % TICK == TICK - 1 else 100000 + pos * 7919 % 800000
        out.append(f'{{"id":{who},"ts":"2024-01-01T{pos // 3600000 % 24:02}:'
                   f'{pos // 60000 % 60:02}:{pos // 1000 % 60:02}.{pos % 1000:03}",'
                   f'"pos":{pos + BASE},"text":"some text of a row"}}\n')
    return "".join(out).encode()


# A process of its own: it says when each position was reported.
ACKS = """
import os, sys, time
at, rest = [], b""
while True:
    data = os.read(int(sys.argv[1]), 1 << 16)
    when = time.monotonic()
    if not data:
        break
    lines = (rest + data).split(b"\\n")
    rest = lines.pop()
    at += [(when, line.split(b"\\t")[1].decode()) for line in lines]
sys.stdout.write("".join(f"{when} {position}\\n" for when, position in at))
"""


class Freshness:
    def __init__(self, url):
        self.url = url
        self.table = f"wh/default.db/fresh{abs(hash(url))}"
        self.acked = []  # (when, rows)
        self.seen = []   # (when a query ended, how long it took, highest row)
        self.done = False
        self.begin = self.late = 0.0
        self.length = len(tick_of_rows(0)) // TICK
        self.file = "fresh.rows"

    def make_rows(self, args):
        if not os.path.exists(self.file):
            with open(self.file, "wb") as f:
                for i in range(args.rate * args.seconds // TICK):
                    f.write(tick_of_rows(i * TICK))

    def feed(self, stdin, args):
        ticks, size = args.rate * args.seconds // TICK, self.length * TICK
        begin = self.begin = time.monotonic()
        with open(self.file, "rb") as f:
            for i in range(ticks):
                wait = begin + i * TICK / args.rate - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                self.late = max(self.late, -wait)
                data = memoryview(f.read(size))
                while data:
                    data = data[stdin.write(data):]
        stdin.close()

    def queries(self):
        while not self.done:
            begin = time.monotonic()
            p = subprocess.run(["pf-query", "-O", "tsv", "--id", str(MARKER), "-c", "max(pos)",
                                self.table, self.url], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
            m = re.search(rb"^(\d+)$", p.stdout, re.M)
            if p.returncode == 0 and m:
                end = time.monotonic()
                self.seen.append((end, end - begin, int(m[1]) - BASE))

    def run(self, args):
        self.make_rows(args)
        subprocess.run(["pf-put", "-q", "--create", "fresh.yaml", self.table], check=True)
        ack_read, ack_write = os.pipe()
        acks = subprocess.Popen([sys.executable, "-c", ACKS, str(ack_read)],
                                pass_fds=(ack_read,), stdout=subprocess.PIPE)
        os.close(ack_read)
        append = subprocess.Popen(
            ["pf-stage", "append", "-q", "-S", "fresh.yaml", "--source", "feed", "--ack-fd",
             str(ack_write), self.url], stdin=subprocess.PIPE, bufsize=0, pass_fds=(ack_write,))
        os.close(ack_write)
        feed = threading.Thread(target=self.feed, args=(append.stdin, args))
        feed.start()
        time.sleep(1)  # the loader finds the stage
        load = subprocess.Popen(
            ["bash", "-c", f"pf-stage read --follow '{self.url}' --after {self.table} | "
             f"pf-partition | pf-pack -q --every 5s | pf-put -q {self.table}"],
            start_new_session=True)
        asking = threading.Thread(target=self.queries)
        asking.start()
        feed.join()
        status = append.wait()
        out = acks.communicate()[0].decode()
        self.acked = [(float(when), int(position) // self.length) for when, position in
                      (line.split() for line in out.splitlines())]
        time.sleep(2)
        self.done = True
        asking.join()
        os.killpg(load.pid, 15)
        load.wait()
        return status

    def loaded(self):
        p = subprocess.run(["pf-query", "-O", "tsv", "-c", "count()", self.table],
                           stdout=subprocess.PIPE)
        return int(p.stdout.split()[1]) if p.returncode == 0 else 0

    def report(self, name, args, status):
        """One line of the table; was it the load that was asked for?"""
        waits, at = [], 0
        total = args.rate * args.seconds
        whole = bool(self.acked) and self.acked[-1][1] == total
        ack = iter(self.acked + [(float("inf"), total)])
        when, rows = next(ack)
        for marker in range(TICK - 1, total, TICK):
            while rows <= marker:
                when, rows = next(ack)
            while at < len(self.seen) and self.seen[at][2] < marker:
                at += 1
            # Rows acknowledged before the first query could end say nothing.
            if at < len(self.seen) and at > 0 and when < float("inf"):
                waits.append(max(0.0, self.seen[at][0] - when))
        waits.sort()
        took = sorted(t for _, t, _ in self.seen)

        def ms(values, share):
            return f"{1000 * values[min(len(values) - 1, int(share * len(values)))]:.0f}" \
                if values else "-"
        last = self.acked[-1] if self.acked else (float("inf"), 0)
        rate = last[1] / (last[0] - self.begin)
        loaded = self.loaded()
        notes = [f"{total // TICK - len(waits)} of {total // TICK} not measured"]
        if status or not whole:
            notes.append(f"append ended with {status}, {last[1]:,} rows acknowledged")
        if rate < 0.98 * args.rate:
            notes.append(f"LOAD NOT REACHED: {args.rate:,} rows/s were asked for")
        if args.seconds >= 15 and loaded < total / 2:
            notes.append(f"LOADING FELL BEHIND: {loaded:,} of {total:,} rows in the table")
        row(name, ms(waits, 0.5), ms(waits, 0.99), ms(waits, 1), ms(took, 0.5), ms(took, 0.99),
            len(took), f"{rate:,.0f}", f"{1000 * self.late:.0f}", "; ".join(notes))
        return len(notes) == 1


def freshness(args, cluster):
    with open("fresh.yaml", "w") as f:
        f.write(FRESH)
    print(f"{args.rate:,} rows/s for {args.seconds} s, load {os.getloadavg()[0]:.1f}\n")
    row("stage", "p50 ms", "p99 ms", "worst ms", "query p50 ms", "query p99 ms", "queries",
        "rows/s acknowledged", "feed late ms", "")
    row("---", *["--:"] * 8, "---")
    valid = True
    for name in ("embedded", "kafka"):
        url = "fresh"
        if name == "kafka":
            cluster.create_topic("fresh", 4)
            url = f"kafka://{cluster.address()}/fresh"
        f = Freshness(url)
        valid &= f.report(name, args, f.run(args))
    print()
    return valid


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("what", nargs="*", default=["append", "freshness"])
    parser.add_argument("--line", default="3.9")
    for name, default in (("rows", 2000000), ("rate", 100000), ("seconds", 60)):
        parser.add_argument("--" + name, type=int, default=default)
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    os.environ["PATH"] = f"{build}:{build}/tools:" + os.environ["PATH"]
    scratch = tempfile.mkdtemp(prefix="pf-bench.", dir=os.environ.get("TMPDIR"))
    os.chdir(scratch)
    cluster = kafka.Kafka("kafka", die_with_us=True)
    valid = True
    try:
        cluster.create(args.line)
        for what in args.what:
            valid &= {"append": append, "freshness": freshness}[what](args, cluster) is not False
    finally:
        os.chdir("/")
        if cluster.state:
            cluster.kill()
        shutil.rmtree(scratch)
    sys.exit(not valid)


if __name__ == "__main__":
    main()
