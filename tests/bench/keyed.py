# SPDX-License-Identifier: Apache-2.0
"""keyed.py BUILD [ROWS [COMMITS]]: updates of a table with a primary key.

ROWS upserts (10M) over a tenth as many keys, drawn evenly, come in COMMITS (20)
of the same size, and so many sorted runs lie over one another in each of 4
buckets. In one run, with the same rows:

  ours      pf-partition | pf-pack | pf-put; pf-query; pf-put --compact
  Paimon    its Java library, 2.0.0: rows from memory into its writer (without
            compaction, as ours), its merge on read, its full compaction
  DuckDB    INSERT ... ON CONFLICT into a table of its own; and, for the scan,
            the newest row of each key by a window over Parquet files of all
            versions

After 1, 5 and all commits keys are looked up, one question each (of ours, one
process each), then all rows are merged and read, with all columns. Answers are
compared with each other and with numpy before times count. Engines have one
thread each; CPU seconds are those of all processes of a contender, the JVM's
with its compiler and collector. The JVM is warmed up with a fifth of the rows on
another table first, which is not counted. Then the throughput per CPU second is
compared: of writing and of reading merged rows we promise three times Paimon's.
"""
import os
import random
import resource
import shutil
import subprocess
import sys
import time

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "engines"))
from engines import OPENS, OUT, installed

BUILD = os.path.abspath(sys.argv[1])
HERE = os.path.join(os.environ.get("PF_BENCH_DIR", BUILD), "bench-keyed")
JAVA = "paimon-2.0.0"
BUCKETS, LOOKUPS, ITEM = 4, 20, 12
YAML = f"""table: t
primary_key: [id]
time: ts
zone: UTC
partition: none
buckets: {BUCKETS}
columns:
  id: bigint not null
  ts: timestamp(3) not null
  item: string
  n: int
  amount: double
"""


def count(text):
    return int(float(text[:-1]) * {"k": 1e3, "M": 1e6}[text[-1]]) if text[-1] in "kM" else int(text)


ROWS = count(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
COMMITS = int(sys.argv[3]) if len(sys.argv) > 3 else 20
EACH = ROWS // COMMITS
ROWS = EACH * COMMITS
KEYS = ROWS // 10


def run(command, **more):
    return subprocess.run(command, shell=True, check=True, executable="/bin/bash", **more)


def children():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def both(f, cpu=children):
    """What f gives, and seconds of wall clock and of processors."""
    begin, work = time.monotonic(), cpu()
    got = f()
    return got, time.monotonic() - begin, cpu() - work


class Rows:
    """The upserts as columns, and what is left of them."""

    def __init__(self):
        r = np.random.default_rng(6)
        self.id = r.integers(0, KEYS, ROWS, dtype=np.int64)
        self.ts = 1_700_000_000_000 + np.arange(ROWS, dtype=np.int64) * 7
        numbers = r.integers(0, 50_000, ROWS)
        self.item = np.char.mod("item-%07d", numbers).astype(f"S{ITEM}")
        self.n = r.integers(-1000, 1000, ROWS, dtype=np.int32)
        self.amount = r.integers(0, 100_000, ROWS).astype(np.float64)

    def table(self, begin, end):
        s = slice(begin, end)
        return pa.table({
            "id": self.id[s], "ts": pa.array(self.ts[s]).cast(pa.timestamp("ms")),
            "item": pa.array(self.item[s]).cast(pa.string()), "n": self.n[s],
            "amount": self.amount[s]})

    def raw(self, path):
        with open(path, "wb") as f:
            for c in (self.id, self.ts, self.item, self.n, self.amount):
                f.write(c.tobytes())

    def last(self, rows):
        """The newest row of each key among the first ones."""
        _, at = np.unique(self.id[:rows][::-1], return_index=True)
        return rows - 1 - at

    def answer(self, rows):
        at = self.last(rows)
        return (len(at), int(self.n[at].sum()), int(self.amount[at].sum()), int(self.ts[at].max()),
                min(self.item[at]).decode(), max(self.item[at]).decode())


class Ours:
    name = "ParaFlow"

    def __init__(self):
        with open("t.yaml", "w") as f:
            f.write(YAML)
        run("pf-put -q --create t.yaml ours")

    def write(self, i):
        return both(lambda: run(f"pf-partition -S t.yaml rows-{i}.arrows | pf-pack -qq | "
                                "pf-put -q --append ours"))[1:]

    def scan(self):
        got, wall, cpu = both(lambda: run(
            "pf-query -q -O csv -c 'count(*) as k, sum(n) as s, sum(amount) as a, "
            "max(ts) as t, min(item) as f, max(item) as l' ours", stdout=subprocess.PIPE,
            text=True).stdout.splitlines()[1].split(","))
        at = int(np.datetime64(got[3], "ms").astype(np.int64))
        return (int(got[0]), int(got[1]), int(float(got[2])), at, got[4], got[5]), wall, cpu

    def lookup(self, ids):
        def ask():
            return sum(int(run(f"pf-query -q -O csv -c n --id {i} ours", stdout=subprocess.PIPE,
                               text=True).stdout.split()[1]) for i in ids)
        return both(ask)

    def compact(self):
        return both(lambda: run("pf-put -q --compact --full ours"))[1:]


class Paimon:
    name = "Paimon Java"

    def __init__(self, rows):
        classpath = open(f"{OUT}/{JAVA}.classpath").read().strip()
        self.process = subprocess.Popen(
            ["java", "-Xmx3g", "-XX:+UseSerialGC", "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8",
             *OPENS, "-cp", f"{OUT}/{JAVA}:{classpath}", "PaimonBench"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=open("java.log", "ab"), text=True)
        run("pf-put -q --create t.yaml wh/default.db/theirs")
        run("pf-put -q --create t.yaml wh/default.db/warm")
        self.table, warm = "wh/default.db/theirs", "wh/default.db/warm"
        self.ask("rows", "rows.bin", str(ROWS))
        self.warm_up = 0
        for i in range(5):
            self.warm_up += self.ask("write", warm, str(i * ROWS // 25), str((i + 1) * ROWS // 25))[2]
        for _ in range(3):
            self.warm_up += self.ask("scan", warm)[2]
        self.warm_up += self.ask("lookup", warm, *(str(i) for i in rows.id[:LOOKUPS]))[2]
        self.warm_up += self.ask("compact", warm)[2]

    def ask(self, *fields):
        self.process.stdin.write("\t".join(fields) + "\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline().rstrip("\n")
            if line == ".":
                break
            assert line and line[0] != "!", line
            lines.append(line.split("\t"))
        wall, cpu, *answer = lines[0]
        return answer, float(wall), float(cpu)

    def write(self, i):
        return self.ask("write", self.table, str(i * EACH), str((i + 1) * EACH))[1:]

    def scan(self):
        a, wall, cpu = self.ask("scan", self.table)
        return (*(int(x) for x in a[:4]), a[4], a[5]), wall, cpu

    def lookup(self, ids):
        a, wall, cpu = self.ask("lookup", self.table, *(str(i) for i in ids))
        return int(a[0]), wall, cpu

    def compact(self):
        return self.ask("compact", self.table)[1:]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class DuckDB:
    name = "DuckDB"

    def __init__(self):
        self.con = duckdb.connect("duck.db")
        self.con.execute("set threads = 1")
        self.con.execute("create table t (id bigint primary key, ts timestamp_ms, item varchar, "
                         "n int, amount double)")

    def timed(self, sql):
        def own():
            u = resource.getrusage(resource.RUSAGE_SELF)
            return u.ru_utime + u.ru_stime
        return both(lambda: self.con.execute(sql).fetchall(), own)

    def write(self, i):
        # Of a key that comes twice in a statement it wants the last row only.
        return self.timed(
            f"insert into t select id, ts, item, n, amount from 'rows-{i}.parquet' "
            "qualify row_number() over (partition by id order by seq desc) = 1 "
            "on conflict do update set ts = excluded.ts, item = excluded.item, "
            "n = excluded.n, amount = excluded.amount")[1:]

    ANSWER = "count(*), sum(n), sum(amount)::bigint, epoch_ms(max(ts)), min(item), max(item)"

    def scan(self):
        got, wall, cpu = self.timed(f"select {self.ANSWER} from t")
        return got[0], wall, cpu

    def window(self):
        got, wall, cpu = self.timed(
            f"select {self.ANSWER} from (select * from 'rows-*.parquet' "
            "qualify row_number() over (partition by id order by seq desc) = 1)")
        return got[0], wall, cpu

    def lookup(self, ids):
        total = wall = cpu = 0
        for i in ids:
            got, w, c = self.timed(f"select n from t where id = {i}")
            total, wall, cpu = total + got[0][0], wall + w, cpu + c
        return total, wall, cpu


def per_second(rows, seconds):
    return f"{rows / seconds / 1e6:.2f} M/s"


def main():
    if not installed(JAVA):
        print(f"keyed: without Paimon Java then (tests/engines/install {JAVA})", file=sys.stderr)
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    os.chdir(HERE)
    rows = Rows()
    rows.raw("rows.bin")
    for i in range(COMMITS):
        table = rows.table(i * EACH, (i + 1) * EACH)
        with pa.ipc.new_stream(f"rows-{i}.arrows", table.schema) as out:
            out.write_table(table, 65536)
        seq = pa.array(np.arange(i * EACH, (i + 1) * EACH))
        pa.parquet.write_table(table.append_column("seq", seq), f"rows-{i}.parquet",
                               compression="zstd")
    contenders = [Ours()] + ([Paimon(rows)] if installed(JAVA) else []) + [DuckDB()]
    print(f"\n## {ROWS:,} upserts over {KEYS:,} keys, {COMMITS} commits, {BUCKETS} buckets\n")
    for c in contenders[1:-1]:
        print(f"warm-up of the JVM, not counted: {c.warm_up:.1f} CPU s\n")
    random.seed(6)
    table = []
    write = {c.name: [0, 0] for c in contenders}
    for i in range(COMMITS):
        for c in contenders:
            wall, cpu = c.write(i)
            write[c.name][0] += wall
            write[c.name][1] += cpu
        done = i + 1
        if done not in (1, 5, COMMITS):
            continue
        at = rows.last(done * EACH)
        some = at[[random.randrange(len(at)) for _ in range(LOOKUPS)]]
        ids, want = [int(x) for x in rows.id[some]], int(rows.n[some].sum())
        for c in contenders:
            got, wall, cpu = c.lookup(ids)
            assert got == want, f"{c.name}: looked up {got}, not {want}"
            table.append((f"lookup, {done} runs", c.name, wall / LOOKUPS, cpu / LOOKUPS, LOOKUPS))
    for c in contenders:
        table.append(("write", c.name, *write[c.name], ROWS))
    want = rows.answer(ROWS)

    def scans(what):
        for c in contenders:
            best = None
            for _ in range(3):
                got, wall, cpu = c.scan()
                assert got == want, f"{c.name}, {what}: {got}, not {want}"
                best = min(best or (wall, cpu), (wall, cpu), key=lambda x: x[1])
            table.append((what, c.name, *best, ROWS))

    scans(f"scan, {COMMITS} runs")
    got, wall, cpu = contenders[-1].window()
    assert got == want, f"DuckDB, window: {got}, not {want}"
    table.append((f"scan, {COMMITS} runs", "DuckDB, window over Parquet", wall, cpu, ROWS))
    for c in contenders[:-1]:
        table.append(("compaction", c.name, *c.compact(), ROWS))
    scans("scan, compacted")
    print("| what | who | seconds | CPU s | upserts per CPU s | to Paimon Java |")
    print("|---|---|--:|--:|--:|--:|")
    for what, who, wall, cpu, n in table:
        java = [t[3] for t in table if t[0] == what and t[1] == Paimon.name]
        print(f"| {what} | {who} | {wall:.3f} | {cpu:.3f} | "
              f"{per_second(n, cpu) if n > LOOKUPS else ''} | "
              f"{f'{java[0] / cpu:.1f}x' if java and cpu else ''} |")
    for c in contenders[1:-1]:
        c.stop()
    shutil.rmtree(HERE)


main()
