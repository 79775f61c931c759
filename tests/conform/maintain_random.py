# SPDX-License-Identifier: Apache-2.0
"""Random histories of a table: loads, compactions, indexes, expiry, tags,
rollbacks, schema changes and cleaning in any order. After each step pf-query,
pypaimon and a model in memory hold the same rows, every tag still gives its own,
--verify is clean, and a predicate gives the same pruned and not. DuckDB reads the
live files where they are all of the newest schema. Prints TAP.

A failing history is repeated with its seed: maintain_random.py SEED STEPS.
PF_TEST_JAVA=paimon-1.2.0,paimon-2.0.0 lets Paimon's own Java of these versions
(tests/engines) read the table after each step, too, with a predicate, and expire
snapshots in between."""
import datetime
import decimal
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

try:
    import duckdb
    import pypaimon
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit()

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JAVA = [name for name in os.environ.get("PF_TEST_JAVA", "").split(",") if name]
if JAVA:
    sys.path.insert(0, os.environ.get("PF_TEST_ENGINES", os.path.join(ROOT, "tests", "engines")))
    import engines
BUILD = os.environ.get("PF_BUILD", os.path.join(ROOT, "build"))
os.environ["PATH"] = f"{BUILD}:" + os.environ["PATH"]
TABLE = "wh/default.db/t"
WIDER = {"int": "bigint", "float": "double", "decimal(9,2)": "decimal(20,2)"}
HEAD = """table: t
id: id
time: ts
zone: UTC
partition: day
buckets: 2
columns:
  id: bigint not null
  ts: timestamp(3) not null
"""


def run(*argv, stdin=None, ok=(0,)):
    p = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode in ok, f"{' '.join(argv)}: exit {p.returncode}: {p.stderr.decode()[-600:]}"
    return p.stdout


class Column:
    def __init__(self, name, kind):
        self.name, self.kind, self.was, self.now = name, kind, None, self


class Stage:
    """Rows of one definition: which columns of the table it feeds."""
    def __init__(self, n, columns):
        self.path, self.rows, self.columns = f"stage{n}", [], [(c, c.name, c.kind) for c in columns]
        self.yaml = f"stage{n}.yaml"
        with open(self.yaml, "w") as f:
            f.write(HEAD + "".join(f"  {c.name}: {c.kind}\n" for c in columns))


class History:
    def __init__(self, rng):
        self.rng, self.names, self.clock = rng, 0, 0
        self.columns = [Column(self.new_name(), k) for k in ("int", "string", "float", "decimal(9,2)")]
        self.stages, self.loaded, self.tags = [], {}, {}
        self.snapshots = {}   # id -> {stage: rows loaded}
        self.latest = 0
        self.new_stage()
        self.java = [engines.Java(name) for name in JAVA]
        run("pf-put", "-q", "--create", self.stages[0].yaml, TABLE)

    def new_name(self):
        self.names += 1
        return f"c{self.names}"

    def new_stage(self):
        self.stages.append(Stage(len(self.stages), self.columns))

    # --- rows ---

    def value(self, kind):
        rng = self.rng
        if rng.random() < 0.15:
            return None
        if kind in ("int", "bigint"):
            bound = 2**31 - 1 if kind == "int" or rng.random() < 0.5 else 2**60
            return rng.choice([rng.randrange(50), bound, -bound, rng.randrange(bound)])
        if kind in ("float", "double"):
            return rng.choice([0.5, -2.25, 1024.0, rng.randrange(10000) / 4])
        if kind.startswith("decimal"):
            cents = rng.randrange(10**9 if "9," in kind else 10**17)
            return f"{cents // 100}.{cents % 100:02}"
        return rng.choice(["", "a", "b", "long text " * 3 + str(rng.randrange(9)), "ünï"])

    def content(self, loaded, then=None):
        """Rows of a state of offsets, by the columns of now or then."""
        out, columns = [], then or self.columns
        for stage in self.stages:
            for row in stage.rows[:loaded.get(stage.path, 0)]:
                values = [row["values"].get(c.now) for c in columns]
                out.append((row["id"], row["ts"], *map(self.shown, values, columns)))
        return sorted(out, key=repr)

    def columns_then(self):
        """The columns as a snapshot made now will keep them."""
        out = []
        for c in self.columns:
            then = Column(c.name, c.kind)
            then.now = c
            out.append(then)
        return out

    @staticmethod
    def shown(value, column):
        if value is None:
            return None
        return float(value) if column.kind in ("float", "double") else \
            f"{decimal.Decimal(value):.2f}" if column.kind.startswith("decimal") else value

    def queried(self, *options, then=None):
        columns = then or self.columns
        names = ["id", "ts"] + [c.name for c in columns]
        lines = run("pf-query", TABLE, "-O", "jsonl", "-c", ",".join(names), *options).splitlines()
        out = []
        for line in lines:
            row = json.loads(line, parse_float=decimal.Decimal)
            out.append((row["id"], row["ts"],
                        *(self.shown(row[c.name], c) for c in columns)))
        return sorted(out, key=repr)

    def peers(self):
        table = pypaimon.CatalogFactory.create({"warehouse": "wh"}).get_table("default.t")
        builder = table.new_read_builder()
        splits = builder.new_scan().plan().splits()
        if not splits:
            return []
        out = []
        for row in builder.new_read().to_arrow(splits).to_pylist():
            ts = row["ts"].isoformat(timespec="milliseconds")
            out.append((row["id"], ts, *(self.shown(row[c.name], c) for c in self.columns)))
        return sorted(out, key=repr)

    # --- steps ---

    def seen(self):
        """A snapshot was made, or not."""
        hint = f"{TABLE}/snapshot/LATEST"
        self.latest = int(open(hint).read()) if os.path.exists(hint) else 0
        if self.latest:
            self.snapshots.setdefault(self.latest, (dict(self.loaded), self.columns_then()))

    def load(self):
        rng, stage = self.rng, self.stages[-1]
        with open("rows.jsonl", "w") as f:
            for _ in range(rng.randrange(1, 60)):
                self.clock += rng.randrange(0, 4000)
                ts = f"2024-01-{1 + self.clock // 86400000:02}T{self.clock // 3600000 % 24:02}:" \
                     f"{self.clock // 60000 % 60:02}:{self.clock // 1000 % 60:02}.{self.clock % 1000:03}"
                row = {"id": rng.randrange(-5, 12), "ts": ts}
                values = {c: self.value(kind) for c, _, kind in stage.columns}
                stage.rows.append({**row, "values": values})
                f.write(json.dumps({**row, **{name: values[c] for c, name, _ in stage.columns
                                              if values[c] is not None}}) + "\n")
        run("pf-stage", "append", "-q", "-S", stage.yaml, stage.path, "rows.jsonl")
        self.load_stages()

    def load_stages(self):
        for stage in self.stages:
            if not stage.rows:
                continue
            line = run("pf-stage", "read", stage.path, "--after", TABLE)
            for program in ("pf-partition", "pf-pack"):
                line = run(program, stdin=line)
            run("pf-put", "-q", TABLE, stdin=line)
            self.loaded[stage.path] = len(stage.rows)
            self.seen()

    def compact(self):
        run("pf-put", "-q", "--compact", *(["--full"] if self.rng.random() < 0.4 else []), TABLE)
        self.seen()

    def index(self):
        column = self.rng.choice(self.columns)
        kind = self.rng.choice(["bitmap", "bloom-filter"])
        if column.kind.startswith("decimal") or column.kind in ("float", "double"):
            return
        segments = run("pf-index", "--bloom", column.name, "--file-index",
                       f"{kind}:{column.name}", TABLE)
        run("pf-put", "-q", TABLE, stdin=segments)
        self.seen()

    def expire(self):
        keep = str(self.rng.randrange(1, 6))
        run("pf-put", "-q", "--expire", "--keep", keep, "--keep-time", "0s", "--grace", "0s", TABLE)
        there = {int(n[9:]) for n in os.listdir(f"{TABLE}/snapshot") if n.startswith("snapshot-")}
        assert max(there) == self.latest and len(there) >= min(int(keep), len(self.snapshots))
        self.snapshots = {k: v for k, v in self.snapshots.items() if k in there}

    def tag(self):
        if self.tags and self.rng.random() < 0.3:
            name = self.rng.choice(sorted(self.tags))
            run("pf-put", "-q", "--delete-tag", name, TABLE)
            del self.tags[name]
        elif self.snapshots:
            self.names += 1
            name, n = f"tag{self.names}", self.rng.choice(sorted(self.snapshots))
            run("pf-put", "-q", "--tag", name, "--snapshot", str(n), TABLE)
            self.tags[name] = (n, self.snapshots[n])

    def rollback(self):
        targets = {str(n): (n, v) for n, v in self.snapshots.items()} | self.tags
        if not targets:
            return
        target = self.rng.choice(sorted(targets))
        run("pf-put", "-q", "--rollback", target, TABLE)
        n, state = targets[target]
        self.loaded, self.latest = dict(state[0]), n
        self.snapshots = {k: v for k, v in self.snapshots.items() if k <= n}
        self.snapshots[n] = state
        self.tags = {k: v for k, v in self.tags.items() if v[0] <= n}
        assert int(open(f"{TABLE}/snapshot/LATEST").read()) == n

    def alter(self):
        rng = self.rng
        what = rng.choice(["add", "rename", "drop", "widen", "order"])
        column = rng.choice(self.columns)
        drop = []
        if what == "add" and len(self.columns) < 8:
            at = rng.randrange(len(self.columns) + 1)
            name = self.new_name() if rng.random() < 0.6 or self.names < 6 else \
                rng.choice([n for n in map("c{}".format, range(1, self.names + 1))
                            if n not in {c.name for c in self.columns}] or [self.new_name()])
            self.columns.insert(at, Column(name, rng.choice(["int", "string", "float", "decimal(9,2)"])))
        elif what == "rename":
            column.was, column.name = column.name, self.new_name()
        elif what == "drop" and len(self.columns) > 2:
            self.columns.remove(column)
            drop = ["--drop"]
        elif what == "widen" and column.kind in WIDER:
            column.kind = WIDER[column.kind]
        else:
            rng.shuffle(self.columns)
        with open("alter.yaml", "w") as f:
            f.write(HEAD)
            for c in self.columns:
                f.write(f"  {c.name}: {{type: '{c.kind}', was: {c.was}}}\n" if c.was else
                        f"  {c.name}: {c.kind}\n")
                c.was = None
        run("pf-put", "-q", "--alter", "alter.yaml", *drop, TABLE)
        self.new_stage()

    def clean(self):
        run("pf-put", "-q", "--clean", "--older-than", "0s", TABLE)
        left = run("pf-put", "--clean", "--older-than", "0s", "--explain", TABLE).decode()
        assert left.startswith("0 orphans"), left

    def java_expire(self):
        if self.java and self.latest:
            self.rng.choice(self.java).ask("expire", os.path.abspath(TABLE),
                                           str(self.rng.randrange(1, 6)))
            there = {int(n[9:]) for n in os.listdir(f"{TABLE}/snapshot") if n.startswith("snapshot-")}
            self.snapshots = {k: v for k, v in self.snapshots.items() if k in there}

    # --- what must hold ---

    def check_java(self, rows):
        def cell(value, column):
            if value is not None and column.kind.startswith("decimal"):
                value = decimal.Decimal(value)
            return engines.text(value, column.kind)
        column = self.rng.randrange(len(self.columns))
        value = self.rng.choice(rows)[2 + column] if rows else None
        want = sorted([str(r[0]), engines.text(datetime.datetime.fromisoformat(r[1])),
                       *map(cell, r[2:], self.columns)] for r in rows)
        hits = [r for r in want if r[2 + column] == cell(value, self.columns[column])]
        for java in self.java:
            names, *got = java.ask("rows", os.path.abspath(TABLE))
            assert names == ["id", "ts", *(c.name for c in self.columns), "dt"], names
            got = sorted(r[:-1] for r in got)
            assert got == want, difference(java.name, got, want)
            if self.columns[column].kind == "string" and value is not None:
                got = java.ask("rows", os.path.abspath(TABLE), self.columns[column].name, "=", value)
                got = sorted(r[:-1] for r in got[1:] if r[2 + column] == value)
                assert got == hits, difference(f"{java.name} where = {value!r}", got, hits)

    def check(self):
        want = self.content(self.loaded)
        got = self.queried()
        assert got == want, difference("pf-query", got, want)
        if self.latest:
            got = self.peers()
            assert got == want, difference("pypaimon", got, want)
            if self.java:
                self.check_java(want)
        for name, (_, (loaded, then)) in self.tags.items():
            got, tagged = self.queried("--snapshot", name, then=then), self.content(loaded, then)
            assert got == tagged, difference(f"tag {name}", got, tagged)
        self.check_predicate(want)
        run("pf-put", "-q", "--verify", TABLE)
        self.check_files(len(want))

    def check_predicate(self, rows):
        column = self.rng.randrange(len(self.columns))
        c = self.columns[column]
        known = [r[2 + column] for r in rows if r[2 + column] is not None]
        value = self.rng.choice(known) if known and self.rng.random() < 0.8 else self.value(c.kind)
        op = self.rng.choice(["=", ">=", "<"])
        if value is None:
            where = f"{c.name} is null"
        else:
            text = "'" + value + "'" if c.kind == "string" else str(value)
            where = f"{c.name} {op} {text}"
        pruned, whole = self.queried("-w", where), self.queried("-w", where, "--no-prune")
        assert pruned == whole, f"{where}: {len(pruned)} rows, {len(whole)} without pruning"
        if op == "=" and c.kind in ("int", "bigint", "string"):
            same = [r for r in rows if r[2 + column] == value]
            assert pruned == same, difference(where, pruned, same)

    def check_files(self, rows):
        newest = max(int(n[7:]) for n in os.listdir(f"{TABLE}/schema") if n[0] != ".")
        listing = [line.split("\t") for line in
                   run("pf-query", "--files", "-O", "tsv", TABLE).decode().splitlines()[1:]]
        if not listing or any(int(f[6]) != newest for f in listing):
            return
        paths = [f"{TABLE}/{f[0]}/bucket-{f[1]}/{f[2]}" for f in listing]
        names = ", ".join(f'"{c.name}"' for c in self.columns)
        count, = duckdb.execute(f"select count(*) from (select id, ts, {names} from "
                            f"read_parquet({paths!r}, hive_partitioning=false))").fetchone()
        assert count == rows, f"DuckDB finds {count} rows, not {rows}"


def difference(who, got, want):
    more = [r for r in got if r not in want][:3]
    less = [r for r in want if r not in got][:3]
    return f"{who}: {len(got)} rows, not {len(want)}; more: {more}; less: {less}"


def history(seed, steps):
    rng = random.Random(seed)
    scratch = tempfile.mkdtemp(prefix="pf-maintain.", dir=os.environ.get("TMPDIR"))
    os.chdir(scratch)
    done = []
    try:
        h = History(rng)
        kinds = [(h.load, 8), (h.compact, 4), (h.index, 2), (h.expire, 2), (h.tag, 3),
                 (h.rollback, 1), (h.alter, 3), (h.clean, 2),
                 (h.java_expire, 2 if JAVA else 0)]
        weighted = [f for f, n in kinds for _ in range(n)]
        for i in range(steps):
            step = h.load if i == 0 else rng.choice(weighted)
            done.append(step.__name__)
            step()
            h.check()
        for java in h.java:
            java.stop()
        os.chdir("/")
        shutil.rmtree(scratch)
    except AssertionError as e:
        os.chdir("/")
        raise AssertionError(f"{e}\nafter {' '.join(done)}\nkept in {scratch}") from e
    return done


def main():
    if len(sys.argv) > 1:
        plans = [(int(sys.argv[1]), int(sys.argv[2]))]
    else:
        plans = [(seed, 25) for seed in (1, 2, 3, int.from_bytes(os.urandom(3), "little"))]
    print(f"1..{len(plans)}")
    failed = False
    for i, (seed, steps) in enumerate(plans, 1):
        try:
            done = history(seed, steps)
            counts = {name: done.count(name) for name in sorted(set(done))}
            print(f"ok {i} history {seed}: {steps} steps # {counts}", flush=True)
        except AssertionError as e:
            failed = True
            print(f"not ok {i} history {seed}", *str(e).splitlines(), sep="\n# ", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
