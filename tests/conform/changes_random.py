# SPDX-License-Identifier: Apache-2.0
"""What changed from one snapshot to another, by models: random histories of
tables with a primary key (upserts, deletes, compactions in between) and without
one (appends, compactions, overwritten partitions, snapshots that expire) are
asked, for each pair of snapshots, for their changes. They are those of the
model, of a dictionary or of a bag of rows; put into the table as it was, they
make it what it is. Of tables that Paimon Java wrote, the changes between any two
snapshots make the rows of one those of the other.
"""
import collections
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys

from _keyed_model import TABLES, apply, report, sh, version

try:
    import pyarrow as pa
    from pypaimon import CatalogFactory
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit()

seed = int(os.environ.get("PF_SEED", "11"))
commits = int(os.environ.get("PF_STEPS", "6"))
CORPUS = os.environ.get("PF_SHARED", "../shared") + "/corpora/paimon/tables"


def text(row):
    return json.dumps([row[c] for c in sorted(row) if c != "op"], ensure_ascii=False)


def latest(table):
    with open(f"{table}/snapshot/LATEST") as f:
        return int(f.read())


def changes(table, a, b, options="--changelog"):
    """(kind, row) in the order of the answer."""
    out = []
    for line in sh(f"pf-query -O jsonl --between {a} {b} {options} {table}").splitlines():
        row = json.loads(line)
        kind = row.pop("_VALUE_KIND", "+")
        row.pop("dt", None)
        row["ts"] = row["ts"][:19]
        out.append((kind, text(row)))
    return out


def differences(before, after):
    """Of two states by key: what a changelog has to say."""
    out = []
    for key in {**before, **after}:
        old, now = before.get(key), after.get(key)
        if old == now:
            continue
        if old is None:
            out.append(("+I", now))
        elif now is None:
            out.append(("-D", old))
        else:
            out += [("-U", old), ("+U", now)]
    return out


def states(model):
    return {k: text(r) for k, r in model.items() if r["op"] in ("+I", "+U")}


def check_pairs(name, table, history, r):
    for a in range(len(history)):
        for b in range(a + 1, len(history)):
            got = changes(table, a, b)
            want = differences(history[a], history[b])
            assert sorted(got) == sorted(want), \
                f"{name}, {a} to {b}: {sorted(got)[:4]} ... not {sorted(want)[:4]} ..."
            for i, (kind, _) in enumerate(got):
                assert kind != "-U" or got[i + 1][0] == "+U", f"{name}, {a} to {b}: -U without +U"
            if r.random() < 0.2:
                new = sorted(x for k, x in want if k[0] == "+")
                assert sorted(x for _, x in changes(table, a, b, "")) == new, f"{name}: new rows"
                key = r.randrange(-9, 9)
                where = f"-w 'user_id = {key}'" if name != "text" else f"-w 'part = {key % 2}'"
                column = "user_id" if name != "text" else "part"
                some = sorted((k, x) for k, x in want if json.loads(x)[COLUMN[name].index(column)] ==
                              (key if name != "text" else key % 2))
                for prune in "", "--no-prune":
                    assert sorted(changes(table, a, b, f"--changelog {prune} {where}")) == some, \
                        f"{name}, {a} to {b}, {where} {prune}"


COLUMN = {"plain": ["event", "n", "ts", "user_id"], "text": ["event", "n", "name", "part", "ts"],
          "days": ["event", "n", "ts", "user_id"]}


def rows_of(table, options=""):
    out = []
    for line in sh(f"pf-query -O jsonl {options} {table}").splitlines():
        row = json.loads(line)
        row.pop("dt", None)
        row["ts"] = row["ts"][:19]
        out.append(text(row))
    return sorted(out)


def keyed(r, folder, name, definition, make_key, columns, sequence):
    table, stage = f"{folder}/wh/default.db/{name}", f"{folder}/{name}.stage"
    with open(f"{folder}/{name}.yaml", "w") as f:
        f.write(definition)
    sh(f"pf-put -q --create {folder}/{name}.yaml {table}")
    model, history = {}, [{}]
    for commit in range(commits):
        with open(f"{folder}/{name}.{commit}.jsonl", "w") as f:
            for _ in range(r.choice([1, 4, 50])):
                row = version(r, make_key(r))
                f.write(json.dumps(row, ensure_ascii=False) + "\n")
                apply(model, row, columns, sequence)
        sh(f"pf-stage append -q -S {folder}/{name}.yaml {stage} {folder}/{name}.{commit}.jsonl")
        sh(f"pf-stage read {stage} --after {table} | pf-partition | pf-pack -q | pf-put -q {table}")
        history.append(states(model))
        if r.random() < 0.4 and not sequence:
            sh(f"pf-put -q --compact {r.choice(['', '--full'])} {table}")
            history += [history[-1]] * (latest(table) + 1 - len(history))
    check_pairs(name, table, history, r)
    # Put into the table as it was, they make it what it is.
    for _ in range(3):
        a = r.randrange(1, len(history) - 1)
        b = r.randrange(a + 1, len(history))
        copy = f"{folder}/wh/default.db/{name}_copy"
        shutil.copytree(table, copy)
        sh(f"pf-put -q --rollback {a} {copy}")
        leave = "-c -dt" if "dt" in columns else ""
        sh(f"pf-query -O arrow --between {a} {b} --changelog {leave} {table} | "
           f"pf-partition | pf-pack -q | pf-put -q --append {copy}")
        assert rows_of(copy) == sorted(history[b].values()), f"{name}: {a} with the changes to {b}"
        shutil.rmtree(copy)
    # Snapshots that have expired in between: the lists of files are compared.
    middle = [i for i in range(2, len(history) - 1) if r.random() < 0.7]
    for i in middle:
        os.remove(f"{table}/snapshot/snapshot-{i}")
    for a, b in ((0, len(history) - 1), (1, len(history) - 1)):
        assert sorted(changes(table, a, b)) == sorted(differences(history[a], history[b])), \
            f"{name}, {a} to {b} without {middle}"


APPEND = """table: bag
id: id
time: ts
partition: day
buckets: 2
columns:
  id: bigint not null
  ts: timestamp(3) not null
  x: double
  word: string
"""


class Bag:
    def __init__(self, r, folder):
        self.r, self.folder, self.n = r, folder, 0
        self.table = f"{folder}/wh/default.db/bag"
        with open(f"{folder}/bag.yaml", "w") as f:
            f.write(APPEND)
        sh(f"pf-put -q --create {folder}/bag.yaml {self.table}")
        self.rows = collections.Counter()
        self.history = [collections.Counter()]

    def row(self):
        r = self.r
        return {"id": r.randrange(6), "ts": f"2024-01-0{r.randrange(1, 4)}T0{r.randrange(3)}:00:00",
                "x": r.choice([None, 0.5, -1.5]), "word": r.choice(["a", "", None, "é"])}

    def note(self):
        self.history += [collections.Counter(self.rows)] * (latest(self.table) + 1 - len(self.history))

    def append(self):
        self.n += 1
        with open(f"{self.folder}/bag.{self.n}.jsonl", "w") as f:
            for _ in range(self.r.choice([1, 8, 30])):
                row = self.row()
                f.write(json.dumps(row) + "\n")
                self.rows[text(row)] += 1
        sh(f"pf-partition -S {self.folder}/bag.yaml {self.folder}/bag.{self.n}.jsonl | pf-pack -q | "
           f"pf-put -q --append {self.table}")

    def compact(self):
        sh(f"pf-put -q --compact --full {self.table}")

    def overwrite(self):
        days = sorted({json.loads(x)[1][:10] for x in self.rows.elements()})
        if not days:
            return
        import datetime
        day = self.r.choice(days)
        old = [x for x in self.rows.elements() if json.loads(x)[1][:10] == day]
        new = [x for x in old if self.r.random() < 0.6]
        row = self.row()
        row["ts"] = day + row["ts"][10:]
        new.append(text(row))
        catalog = CatalogFactory.create({"warehouse": self.folder + "/wh"})
        builder = catalog.get_table("default.bag").new_batch_write_builder()
        builder.overwrite({"dt": day})
        write, commit = builder.new_write(), builder.new_commit()
        data = [json.loads(x) for x in new]
        write.write_arrow(pa.table(
            {"id": [v[0] for v in data], "ts": [datetime.datetime.fromisoformat(v[1]) for v in data],
             "x": [v[3] for v in data], "word": [v[2] for v in data], "dt": [day] * len(data)},
            schema=pa.schema([pa.field("id", pa.int64(), False), pa.field("ts", pa.timestamp("ms"), False),
                              pa.field("x", pa.float64()), pa.field("word", pa.string()),
                              pa.field("dt", pa.string(), False)])))
        commit.commit(write.prepare_commit())
        write.close()
        commit.close()
        self.rows = collections.Counter([x for x in self.rows.elements()
                                         if json.loads(x)[1][:10] != day] + new)

    def check(self, a, b, what=""):
        before, after = self.history[a], self.history[b]
        want = sorted([("+I", x) for x in (after - before).elements()] +
                      [("-D", x) for x in (before - after).elements()])
        for options in "", "--memory 1Mi":
            got = sorted(changes(self.table, a, b, "--changelog " + options))
            assert got == want, f"bag, {a} to {b} {what}: {got[:4]} not {want[:4]}"
        count = int(sh(f"pf-query -O tsv --between {a} {b} -c 'count()' {self.table}").split()[1])
        assert count == sum((after - before).values()), f"bag, {a} to {b} {what}: {count} new"


def bag(r, folder):
    b = Bag(r, folder)
    for i in range(commits + 4):
        b.append() if not i else r.choice([b.append, b.append, b.compact, b.overwrite])()
        b.note()
    n = len(b.history)
    for i in range(n):
        for k in range(i + 1, n):
            b.check(i, k)
    for i in range(2, n - 1):
        if r.random() < 0.5:
            os.remove(f"{b.table}/snapshot/snapshot-{i}")
    b.check(1, n - 1, "with snapshots that are gone")
    p = subprocess.run(f"rm {b.table}/snapshot/snapshot-1; pf-query --between 1 {n - 1} {b.table}",
                       shell=True, capture_output=True, text=True)
    assert p.returncode == 2 and "PF2024" in p.stderr, f"an expired snapshot: {p.stderr}"


def java_tables(folder):
    pairs = 0
    # The same with deletion vectors as a table of rows without a key.
    bare = folder + "/vectors_without_key"
    shutil.copytree(CORPUS + "/pk_with_bitmap_dv.db/pk_with_bitmap_dv", bare)
    for d in (bare, bare + "/schema"):
        os.chmod(d, 0o755)
    with open(bare + "/schema/schema-0") as f:
        schema = json.load(f)
    os.remove(bare + "/schema/schema-0")
    with open(bare + "/schema/schema-0", "w") as f:
        json.dump({**schema, "primaryKeys": []}, f)
    for table in [bare, *sorted(glob.glob(CORPUS + "/*/*"))]:
        ids = sorted(int(re.sub(r".*-", "", x)) for x in glob.glob(table + "/snapshot/snapshot-*"))
        if len(ids) < 2:
            continue
        rows = {}
        if subprocess.run(["pf-query", "-n", "0", table], capture_output=True).returncode:
            continue  # ORC
        for i in ids:
            out = sh(f"pf-query -O jsonl --snapshot {i} {table}").splitlines()
            rows[i] = (sh(f"pf-query --schema --snapshot {i} {table}"), collections.Counter(out))
        for a in ids:
            for b in ids:
                if a >= b or rows[a][0] != rows[b][0]:
                    continue
                bag = collections.Counter(rows[a][1])
                for line in sh(f"pf-query -O jsonl --between {a} {b} --changelog {table}").splitlines():
                    row = json.loads(line)
                    kind = row.pop("_VALUE_KIND")
                    bag[line.replace(f',"_VALUE_KIND":"{kind}"', "")] += 1 if kind[0] == "+" else -1
                bag = {k: n for k, n in bag.items() if n}
                assert bag == rows[b][1], f"{table}, {a} to {b}: {bag} not {dict(rows[b][1])}"
                pairs += 1
    assert pairs > 20, f"only {pairs} pairs"


jobs = [(spec[0], lambda r, folder, s=spec: keyed(r, folder, *s)) for spec in TABLES]
jobs += [("bag", bag)]
if os.path.isdir(CORPUS):
    jobs += [("tables of Paimon Java", lambda r, folder: java_tables(folder))]
sys.exit(report([(f"{name}, PF_SEED={seed}", lambda folder, i=i, run=run: run(random.Random(seed * 10 + i), folder))
                 for i, (name, run) in enumerate(jobs, 1) if sys.argv[1:] == [] or sys.argv[1] in name]))
