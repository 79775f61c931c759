# SPDX-License-Identifier: Apache-2.0
"""follow.py [--stage embedded|kafka] [--line 3.9] [--seconds S] [--rate ROWS]
[--every TIME] [--maintain S] [--samples FILE]

A table that is loaded as a service loads it: examples/follow.sh with a commit
every TIME, rows coming at RATE a second, examples/maintain.sh beside it every
so many seconds as cron would run it. Sampled all the while: the files of each
bucket and day in the newest snapshot (pypaimon says which these are) and the
resident memory of the five programs. In the middle no rows come for a while.
SIGTERM ends it while rows still come; what is left is loaded once more.

Right is: at most 20 files per bucket and day at any moment; memory that does
not grow; no more commits than intervals, each with rows, none while no rows
come; an end with 0 in which everything read is committed; and a table with
every row exactly once, as DuckDB reads it, and nothing for --verify to say.
Prints TAP, and what was measured after "= ".
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

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PF_BUILD", os.path.join(ROOT, "build"))
sys.path[:0] = [os.path.join(ROOT, "tests", name) for name in ("loss", "engines")]
sys.dont_write_bytecode = True
import check  # noqa: E402

TABLE = "wh/default.db/follow"
MOST_FILES = 20
PROGRAMS = ("pf-stage", "pf-partition", "pf-pack", "pf-index", "pf-put")
BEGIN = 1704067200000  # 2024-01-01
IDS = 5000
SCHEMA = """table: follow
id: id
time: ts
zone: UTC
partition: day
buckets: 4
columns:
  id: bigint not null
  ts: timestamp(3) not null
  pos: bigint not null
  text: string
"""
# One row a millisecond of event time; one row in 50 is a day or two late.
ID_SQL = f"(pos * 7919 % {IDS})"
MS_SQL = f"({BEGIN} + 2 * 86400000 + pos - (case when pos % 50 = 49 then 1 + pos % 2 else 0 end) * 86400000)"


def line(pos):
    ms = BEGIN + 2 * 86400000 + pos - (1 + pos % 2 if pos % 50 == 49 else 0) * 86400000
    ts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))
    return (f'{{"id":{pos * 7919 % IDS},"ts":"{ts}.{ms % 1000:03}","pos":{pos},'
            f'"text":"row {pos}"}}\n')


class Feed:
    """pf-stage append with rows on its stdin; rows acknowledged."""

    def __init__(self, url, args):
        self.rate, self.written, self.acked_bytes, self.bytes = args.rate, 0, 0, 0
        self.pausing, self.ending = threading.Event(), threading.Event()
        ack_read, ack_write = os.pipe()
        self.append = subprocess.Popen(
            ["pf-stage", "append", "-q", "-S", "follow.yaml", "--source", "feed", "--ack-fd",
             str(ack_write), url], stdin=subprocess.PIPE, pass_fds=(ack_write,))
        os.close(ack_write)
        self.threads = [threading.Thread(target=self.write),
                        threading.Thread(target=self.read_acks, args=(ack_read,))]
        for t in self.threads:
            t.start()

    def write(self):
        begin = time.monotonic()
        due = 0.0
        while not self.ending.wait(0.1):
            now = time.monotonic()
            due += 0 if self.pausing.is_set() else (now - begin) * self.rate
            begin = now
            if due < 1:
                continue
            data = "".join(map(line, range(self.written, self.written + int(due)))).encode()
            self.append.stdin.write(data)
            self.append.stdin.flush()
            self.written += int(due)
            self.bytes += len(data)
            due -= int(due)
        self.append.stdin.close()

    def read_acks(self, fd):
        with os.fdopen(fd, "rb") as f:
            for text in f:
                self.acked_bytes = int(text.split(b"\t")[1])

    def end(self):
        self.ending.set()
        for t in self.threads:
            t.join()
        return self.append.wait()


def children(pid):
    """pid -> name of all that a process started, and these."""
    parents, names = {}, {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            head, tail = open(f"/proc/{p}/stat").read().rsplit(")", 1)
        except OSError:
            continue
        names[int(p)] = head.split("(", 1)[1]
        parents[int(p)] = int(tail.split()[1])
    found, more = {}, {pid}
    while more:
        more = {p for p, parent in parents.items() if parent in more}
        found.update({p: names[p] for p in more})
    return found


def resident_kib(pid):
    try:
        return int(re.search(r"VmRSS:\s*(\d+)", open(f"/proc/{pid}/status").read())[1])
    except (OSError, TypeError):
        return 0


class Watch:
    """What is sampled while the line runs."""

    def __init__(self, line_pid, args):
        import pypaimon
        self.args, self.line_pid = args, line_pid
        warehouse, database, name = TABLE.rsplit("/", 2)
        self.table = pypaimon.CatalogFactory.create({"warehouse": warehouse}).get_table(
            f"{database.removesuffix('.db')}.{name}")
        self.most_files, self.files = 0, 0
        self.memory = []     # (seconds, {program: KiB})
        self.snapshots = {}  # id -> (kind, ms, rows)
        self.unread = 0
        self.done = threading.Event()
        self.trouble = None
        self.begin = time.monotonic()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def count_files(self):
        cells = {}
        for split in self.table.new_read_builder().new_scan().plan().splits():
            cell = (*split.partition.values, split.bucket)
            cells[cell] = cells.get(cell, 0) + len(split.files)
        return max(cells.values(), default=0), sum(cells.values())

    def read_snapshots(self):
        for name in os.listdir(f"{TABLE}/snapshot"):
            if not name.startswith("snapshot-") or int(name[9:]) in self.snapshots:
                continue
            try:
                s = json.load(open(f"{TABLE}/snapshot/{name}"))
            except (OSError, ValueError):  # expired; not yet written
                continue
            self.snapshots[s["id"]] = (s["commitKind"], s["timeMillis"], s["deltaRecordCount"])

    def loaded(self):
        return sum(rows for kind, _, rows in list(self.snapshots.values()) if kind == "APPEND")

    def wait_for(self, feed):
        """Until all that came is loaded; what stands in the way shows later."""
        deadline = time.monotonic() + 100
        while self.loaded() < feed.written and time.monotonic() < deadline:
            time.sleep(0.2)

    def sample(self):
        self.read_snapshots()
        self.memory.append((time.monotonic() - self.begin,
                            {name: resident_kib(pid) for pid, name in
                             children(self.line_pid).items() if name in PROGRAMS}))
        try:
            most, self.files = self.count_files()
            self.most_files = max(self.most_files, most)
        except Exception:  # a file of it may expire under pypaimon
            self.unread += 1
            most = None
        if self.args.samples:
            with open(self.args.samples, "a") as f:
                f.write(f"{self.memory[-1][0]:.0f}\t{most}\t{self.files}\t"
                        f"{len(self.snapshots)}\t{self.memory[-1][1]}\n")

    def run(self):
        try:
            while not self.done.wait(2 if self.args.seconds < 600 else 5):
                self.sample()
        except Exception as e:
            self.trouble = e

    def end(self):
        self.done.set()
        self.thread.join()
        self.read_snapshots()
        if self.trouble:
            raise self.trouble

    def peak(self, begin, end):
        """program -> the most KiB between two moments"""
        peaks = {}
        for when, kib in self.memory:
            if begin <= when < end:
                for name, n in kib.items():
                    peaks[name] = max(peaks.get(name, 0), n)
        return peaks


def maintain(args, done, results):
    """As cron does it."""
    env = dict(os.environ, PF_KEEP="10m", PF_ORPHANS="1h", PF_LOG="maintain.log")
    while not done.wait(args.maintain):
        results.append(subprocess.run([f"{ROOT}/examples/maintain.sh", TABLE],
                                      env=env).returncode)


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|m)", text).groups()
    return float(number) * {"ms": 1, "s": 1000, "m": 60000}[unit]


class Tap:
    def __init__(self):
        self.n, self.failed = 0, 0

    def ok(self, good, what, why=""):
        self.n += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.n} {what}", flush=True)
        if not good:
            print("# " + str(why).replace("\n", "\n# "), flush=True)


def check_rows(rows):
    """Every row once, with its values, as DuckDB reads the files."""
    import duckdb
    db = duckdb.connect()
    db.execute("set threads=1; set memory_limit='1GB'")
    db.execute("create table t as select id, epoch_ms(ts) as ms, pos, text from "
               "read_parquet(?, hive_partitioning=false)", [check.data_files(TABLE)])
    have = db.execute("select count(*), count(distinct pos), min(pos), max(pos), "
                      f"count(*) filter (where id <> {ID_SQL} or ms <> {MS_SQL} or "
                      "text <> 'row ' || pos) from t").fetchone()
    return have == (rows, rows, 0, rows - 1, 0), have


def run(args, url, tap):
    with open("follow.yaml", "w") as f:
        f.write(SCHEMA)
    subprocess.run(["pf-put", "-q", "--create", "follow.yaml", TABLE], check=True)
    feed = Feed(url, args)
    while not feed.acked_bytes:
        time.sleep(0.05)
    started = time.time() * 1000
    follow = subprocess.Popen([f"{ROOT}/examples/follow.sh", TABLE, url],
                              env=dict(os.environ, PF_EVERY=args.every),
                              stderr=open("follow.log", "w"))
    watch = Watch(follow.pid, args)
    done, maintained = threading.Event(), []
    cron = threading.Thread(target=maintain, args=(args, done, maintained))
    cron.start()
    every = milliseconds(args.every)
    quiet = max(6 * every / 1000, 5)
    time.sleep((args.seconds - quiet) / 2)
    feed.pausing.set()
    time.sleep(0.5)  # it may be writing
    watch.wait_for(feed)
    quiet_from = time.time() * 1000
    time.sleep(quiet)
    quiet_to = time.time() * 1000
    feed.pausing.clear()
    time.sleep((args.seconds - quiet) / 2)

    alive = follow.poll() is None
    acked = feed.acked_bytes
    begin = time.monotonic()
    follow.send_signal(signal.SIGTERM)
    stopped = time.time() * 1000
    status = follow.wait()
    took = time.monotonic() - begin
    ended = feed.end()
    done.set()
    cron.join()
    watch.end()
    log = open("follow.log").read()
    tap.ok(alive and status == 0, f"SIGTERM ends the line with 0, in {took:.1f} s",
           f"status {status}, alive before: {alive}\n{log}")
    loaded = watch.loaded()
    tap.ok(ended == 0 and acked <= feed.acked_bytes == feed.bytes,
           "all rows that came are acknowledged",
           f"append: {ended}, {feed.acked_bytes} of {feed.bytes} bytes")
    tap.ok(not any(maintained), f"{len(maintained)} times maintained beside it",
           f"{maintained}\n" + (open("maintain.log").read()[-2000:] if any(maintained) else ""))

    appends = sorted((ms, n) for kind, ms, n in watch.snapshots.values() if kind == "APPEND")
    most = (stopped - started) / every + 3
    tap.ok(appends and len(appends) <= most and all(n > 0 for _, n in appends),
           f"{len(appends)} commits of ours, no more than intervals of {args.every}, "
           "each with rows", f"at most {most:.0f}: {appends}")
    idle = [a for a in appends if quiet_from < a[0] < quiet_to]
    tap.ok(not idle, "none while no rows came", idle)
    gaps = [b[0] - a[0] for a, b in zip(appends, appends[1:])
            if not (a[0] <= quiet_from + every and b[0] >= quiet_to - every)]
    restarts = log.count("trying again")
    print(f"= {args.stage}: {feed.written:,} rows at {args.rate:,} a second, {len(appends)} "
          f"commits, at most {max(gaps, default=0) / 1000:.1f} s apart; the line began anew "
          f"{restarts} times")
    print(f"= {args.stage}: at most {watch.most_files} files of one bucket and day, "
          f"{watch.files} files in the end, {len(watch.memory)} samples"
          + (f", {watch.unread} without files" if watch.unread else ""))
    tap.ok(0 < watch.most_files <= MOST_FILES,
           f"never more than {MOST_FILES} files of a bucket and day", watch.most_files)
    end = watch.memory[-1][0]
    early, late = watch.peak(end * 0.1, end * 0.5), watch.peak(end * 0.5, end)
    print(f"= {args.stage}: MiB resident at most, first half and second half: " + ", ".join(
        f"{name} {early.get(name, 0) / 1024:.0f} {late.get(name, 0) / 1024:.0f}"
        for name in PROGRAMS))
    grown = {name: (early[name], late.get(name, 0)) for name in early
             if late.get(name, 0) > early[name] * 1.25 + 8192}
    tap.ok(set(early) == set(PROGRAMS) and not grown, "memory does not grow",
           f"{early}\n{grown}")

    rest = subprocess.run(["bash", "-o", "pipefail", "-c",
                           'pf-stage read "$U" --after "$T" | pf-partition | pf-pack -q | '
                           'pf-put "$T"'], env=dict(os.environ, U=url, T=TABLE),
                          stderr=subprocess.PIPE, text=True)
    good, have = check_rows(feed.written)
    tap.ok(rest.returncode == 0 and good and 0 < loaded <= feed.written,
           f"{feed.written:,} rows, each once ({feed.written - loaded:,} after the line)",
           f"rows, different rows, first, last, wrong: {have}\n{rest.stderr}")
    verify = subprocess.run(["pf-put", "--verify", TABLE], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    tap.ok(verify.returncode == 0, "pf-put --verify has nothing to say", verify.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=("embedded", "kafka"), default="kafka")
    parser.add_argument("--line", default="3.9")
    parser.add_argument("--every", default="5s")
    parser.add_argument("--samples", help="a file for every sample")
    for name, default in (("seconds", 3600), ("rate", 2000), ("maintain", 60)):
        parser.add_argument("--" + name, type=int, default=default)
    args = parser.parse_args()
    if args.samples:
        args.samples = os.path.abspath(args.samples)
    scratch = tempfile.mkdtemp(prefix="pf-follow.", dir=os.environ.get("TMPDIR"))
    os.chdir(scratch)
    os.environ["PATH"] = f"{BUILD}:" + os.environ["PATH"]
    tap, cluster, url = Tap(), None, "stage"
    try:
        if args.stage == "kafka":
            import kafka
            cluster = kafka.Kafka(os.path.join(scratch, "kafka"), die_with_us=True)
            cluster.create(args.line)
            cluster.create_topic("follow", 4)
            url = f"kafka://{cluster.address()}/follow"
        run(args, url, tap)
    finally:
        os.chdir("/")
        if cluster and cluster.state:
            cluster.kill()
        if tap.failed:
            print(f"# kept in {scratch}")
        else:
            shutil.rmtree(scratch)
    return tap.failed > 0


if __name__ == "__main__":
    sys.exit(main())
