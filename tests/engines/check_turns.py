#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_turns.py: one table that we, Flink, Spark and Paimon Java write to in
turns: inserts, compactions, expiry and the removal of orphans by them, our
commits from a stage in between. After each step the rows are exactly those
that were put in, and our next load goes on where the last one ended (the
offset map survives what the others do). A streaming read of Flink that began
with the table sees each of our rows once. Prints TAP.
"""
import datetime
import glob
import json
import os
import time

import pyarrow.parquet as pq

from engines import EngineError, installed
from programs import list_files, ours, sh
from readers import Flink, PaimonJava, Spark
from tap import check, rng, run, skip
from values import moment, word

LOAD = ("pf-stage read stage --after {t} | pf-partition | pf-pack -q --old-readers | pf-put -q {t}")


class Turns:
    def __init__(self, bucket):
        self.name = f"turns{bucket}"
        self.table = os.path.abspath("wh/default.db/" + self.name)
        self.want, self.staged = {}, []
        with open("t.yaml", "w") as f:
            f.write(f"table: {self.name}\nid: id\ntime: ts\npartition: day\nbuckets: {bucket}\n"
                    "columns:\n  id: bigint not null\n  ts: timestamp(3) not null\n  seq: bigint\n  word: string\n")
        sh(f"pf-put -q --create t.yaml {self.table}")

    def we_load(self, rows=40):
        """Stage some rows and load what the table does not have, twice."""
        with open("rows.jsonl", "w") as f:
            for _ in range(rows):
                seq = len(self.staged)
                r = {"id": rng.randrange(30), "ts": moment(3, 1_704_000_000, 1_704_200_000).isoformat(),
                     "seq": seq, "word": word(4)}
                self.staged.append(seq)
                self.want[seq] = 1
                f.write(json.dumps(r) + "\n")
        sh(f"pf-stage append -q -S t.yaml stage --source s{len(self.staged)} < rows.jsonl")
        sh(LOAD.format(t=self.table))
        sh(LOAD.format(t=self.table))

    def exact(self, what):
        got = {}
        for seq in ours(self.table).column("seq").to_pylist():
            got[seq] = got.get(seq, 0) + 1
        verify = sh(f"pf-put --verify {self.table} 2>&1 || true").decode()
        wrong = {s: (got.get(s), self.want.get(s)) for s in got.keys() | self.want.keys()
                 if got.get(s) != self.want.get(s)}
        check(f"{self.name}: {what}: rows exact and the table sound", not wrong and "is sound" in verify,
              f"{len(wrong)} differ: {list(wrong.items())[:5]} {verify[-300:]}")

    def files(self):
        return ours("--files", self.table).num_rows

    def insert(self, engine, first):
        wall = "TIMESTAMP" if isinstance(engine, Flink) else "TIMESTAMP_NTZ"
        engine.ask("rows", f"INSERT INTO {engine.name(self.table)} VALUES "
                   f"(7, {wall} '2024-01-01 10:00:00', {first}, 'theirs', '2024-01-01'), "
                   f"(8, {wall} '2024-01-02 10:00:00', {first + 1}, '', '2024-01-02')")
        self.want[first] = self.want[first + 1] = 1


    def sorted_files(self):
        """Are the rows of every file in the order of ID and time?"""
        for path in list_files(self.table):
            t = pq.read_table(path, columns=["id", "ts"], partitioning=None)
            keys = list(zip(t["id"].to_pylist(), t["ts"].to_pylist()))
            if keys != sorted(keys):
                return False
        return True


def sorted_by_spark(t, spark, name):
    """Spark's compactions that sort are for tables without buckets: it refuses
    ours by name and leaves it alone; of such a table we read what they wrote."""
    before = last_snapshot(t.table)["id"]
    for strategy in ("order", "zorder", "hilbert"):
        try:
            spark.ask("rows", f"CALL paimon.sys.compact(table => '{name}', order_strategy => '{strategy}', "
                      "order_by => 'id,ts')")
            said = "nothing"
        except EngineError as e:
            said = str(e)
        check(f"{t.name}: Spark does not sort a table with buckets by {strategy}", "UnsupportedOperationException" in said
              or "not supported" in said or "only support" in said, said)
        print(f"# {said[:200]}")
    check(f"{t.name}: and leaves it alone", last_snapshot(t.table)["id"] == before)
    loose = Turns.__new__(Turns)
    loose.name, loose.table = "loose", os.path.abspath("wh/default.db/loose")
    spark.ask("rows", "CREATE TABLE paimon.default.loose (id BIGINT, ts TIMESTAMP_NTZ, seq BIGINT, word STRING, dt STRING) "
              "PARTITIONED BY (dt) TBLPROPERTIES ('bucket' = '-1', 'file.format' = 'parquet')")
    for _ in range(2):
        spark.ask("rows", f"INSERT INTO paimon.default.loose SELECT * FROM paimon.default.`{t.name}`")
    want = sorted(2 * ours(t.table).column("seq").to_pylist())
    attempt("loose: Spark sorts a table without buckets by order", lambda: spark.ask(  # its curves take no TIMESTAMP_NTZ
        "rows", "CALL paimon.sys.compact(table => 'default.loose', order_strategy => 'order', order_by => 'id,ts')"))
    check("loose: we read it after order", sorted(ours(loose.table).column("seq").to_pylist()) == want)
    check("loose: the output of 'order' is sorted by ID and time", loose.sorted_files())


def last_snapshot(table):
    with open(max(glob.glob(table + "/snapshot/snapshot-*"), key=lambda p: int(p.rsplit("-", 1)[1]))) as f:
        return json.load(f)


def attempt(what, fn):
    try:
        fn()
        return check(what, True)
    except EngineError as e:
        return check(what, False, e)


def play(bucket, flink, spark, java):
    t = Turns(bucket)
    name = f"default.{t.name}"
    t.we_load()
    t.exact("we load")
    flink.ask("rows", "SELECT 1")
    flink.ask("stream", f"SELECT seq FROM {flink.name(t.table)} "
              "/*+ OPTIONS('scan.mode'='latest-full', 'continuous.discovery-interval'='200 ms') */")
    attempt(f"{t.name}: Spark inserts", lambda: t.insert(spark, 100000))
    t.exact("Spark inserts")
    t.we_load()
    t.exact("we load after Spark")
    attempt(f"{t.name}: Flink inserts", lambda: t.insert(flink, 200000))
    t.we_load()
    t.exact("Flink inserts, we load")
    before = t.files()
    attempt(f"{t.name}: Spark compacts", lambda: spark.ask("rows", f"CALL paimon.sys.compact(table => '{name}')"))
    check(f"{t.name}: Spark's compaction leaves fewer files", t.files() < before, (before, t.files()))
    t.exact("Spark compacts")
    sorted_by_spark(t, spark, name)
    t.we_load()
    t.exact("we load after the compaction")
    sh(f"pf-put -q --compact {t.table}")
    check(f"{t.name}: our compaction sorts what Spark's left, by ID and time", t.sorted_files())
    t.exact("we compact")
    counted = spark.ask("rows", f"SELECT count(*), count(DISTINCT seq), sum(seq) FROM {spark.name(t.table)}")[1]
    check(f"{t.name}: Spark reads what we compacted", counted == [str(len(t.want)), str(len(t.want)), str(sum(t.want))], counted)
    t.we_load()
    t.exact("we load after our compaction")
    before = t.files()
    attempt(f"{t.name}: Flink compacts", lambda: flink.ask("rows", f"CALL paimon.sys.compact(`table` => '{name}', compact_strategy => 'full')"))
    print(f"# {t.name}: {before} files before, {t.files()} after Flink's compaction")
    t.exact("Flink compacts")
    t.we_load()
    before = len(glob.glob(t.table + "/snapshot/snapshot-*"))
    attempt(f"{t.name}: Java expires all but one snapshot", lambda: java.ask("expire", t.table, "1"))
    left = len(glob.glob(t.table + "/snapshot/snapshot-*"))
    check(f"{t.name}: snapshots went", left < before, (before, left))
    t.exact("Java expires")
    t.insert(spark, 300000)  # the newest snapshot has no offsets of ours
    check(f"{t.name}: Spark's snapshot has no map of ours", not last_snapshot(t.table).get("properties"))
    java.ask("expire", t.table, "1")
    t.we_load()
    t.exact("Spark inserts, Java expires all but its snapshot, we load")
    orphan = os.path.dirname(glob.glob(t.table + "/dt=*/bucket-*/*.parquet")[0]) + "/data-orphan-0.parquet"
    with open(orphan, "w") as f:
        f.write("nobody names me")
    time.sleep(2)
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    attempt(f"{t.name}: Flink removes orphans", lambda: flink.ask(
        "rows", f"CALL paimon.sys.remove_orphan_files(`table` => '{name}', older_than => '{now:%Y-%m-%d %H:%M:%S}', "
        "`mode` => 'local')"))
    check(f"{t.name}: the orphan went", not os.path.exists(orphan))
    t.exact("Flink removes orphans")
    t.we_load()
    t.exact("we load at last")
    seen = {}
    for cell, in flink.ask("next", str(len(t.want)), "60"):
        seen[int(cell)] = seen.get(int(cell), 0) + 1
    for cell, in flink.ask("next", "1", "2"):
        seen[int(cell)] = seen.get(int(cell), 0) + 1
    wrong = {s: (seen.get(s), n) for s, n in t.want.items() if seen.get(s) != n}
    check(f"{t.name}: a streaming read of Flink sees each row once", not wrong and len(seen) == len(t.want),
          f"{len(wrong)} differ: {list(wrong.items())[:8]}")
    flink.ask("cancel")


def main():
    warehouse = os.path.abspath("wh")
    engines = [Flink(warehouse), Spark(warehouse), PaimonJava("paimon-1.4.2")]
    try:
        play(2, *engines)
    finally:
        for e in engines:
            e.stop()


if __name__ == "__main__":
    if not all(map(installed, ("flink", "spark", "paimon-1.4.2"))):
        skip("the engines are not installed")
    run("turns", main)
