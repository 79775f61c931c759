# SPDX-License-Identifier: Apache-2.0
"""Append tables of ours: how each is made, and what is in it."""
import decimal
import glob
import json
import os
import re
import shutil

from engines import canon, digest, json_value, text
from filters import filters
from programs import list_files, ours, sh
from readers import PaimonJava
from tap import check, rng
from values import TYPES, digits, moment, single, word

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.path.abspath(os.environ.get("PF_SHARED", os.path.join(ROOT, "..", "shared")))


class Kind:
    """A table of ours: where it is, its rows and how they may be pruned."""

    def __init__(self, name, title):
        self.name, self.title, self.indexed = name, title, set()
        self.path = os.path.abspath(f"wh/default.db/{name}")

    def load(self):
        self.table, self.lists = ours(self.path), {}
        self.names = self.table.column_names
        self.rows = canon(self.table)
        self.digest = digest(self.names, self.rows)
        self.schema = json.load(open(sorted(glob.glob(self.path + "/schema/schema-*"))[-1]))
        self.types = {f["name"]: f["type"].split(" NOT NULL")[0] for f in self.schema["fields"]}
        self.id = self.schema["options"]["bucket-key"]
        self.files = list_files(self.path)
        self.time = self.schema["options"].get("pf.time") or "ts"

    def column(self, name):
        if name not in self.lists:
            self.lists[name] = self.table.column(name).to_pylist()
        return self.lists[name]

    def copy(self, name):
        path = os.path.abspath(f"wh/default.db/{name}")
        shutil.rmtree(path, ignore_errors=True)
        sh(f"cp -a '{self.path}' '{path}'")
        return path


def types_kind(name, title, id_type, partition, buckets, pack="", index=""):
    kind = Kind(name, title)
    ids = sorted({TYPES[id_type]() for _ in range(300)})[:60]
    rows = []
    for i in range(400):
        r = {"id": rng.choice(ids), "ts": moment(3, 1_704_000_000, 1_704_150_000), "seq": i}
        for k, t in enumerate(TYPES):
            r[f"c{k}"] = None if rng.random() < 0.1 else TYPES[t]()
        r["none"], r["yes"] = None, True
        rows.append(r)
    columns = "".join(f"  c{k}: {t}\n" for k, t in enumerate(TYPES))
    with open(name + ".yaml", "w") as f:
        f.write(f"table: {name}\nid: id\ntime: ts\npartition: {partition}\nbuckets: {buckets}\n"
                f"columns:\n  id: {id_type} not null\n  ts: timestamp(3) not null\n"
                f"  seq: bigint\n{columns}  none: string\n  yes: boolean\n")
    with open(name + ".jsonl", "w") as f:
        for r in rows:
            f.write(json.dumps({k: json_value(v) for k, v in r.items()}) + "\n")
    sh(f"pf-put -q --create {name}.yaml {kind.path}")
    half = len(rows) // 2  # two commits
    for part in (f"head -{half}", f"tail -n +{half + 1}"):
        sh(f"{part} {name}.jsonl | pf-partition -S {name}.yaml -I jsonl | pf-pack -q {pack} | "
           f"{index} pf-put -q --append {kind.path}")
    kind.load()
    kind.indexed = set(re.findall(r"\bc\d+", index))
    got = {v: i for i, v in enumerate(kind.column("seq"))}
    wrong = []
    for r in rows:
        i = got.get(r["seq"])
        for c in r:
            if i is None or text(r[c], str(kind.table.schema.field(c).type)) != kind.rows[i][kind.names.index(c)]:
                wrong.append((c, r[c], i is not None and kind.rows[i][kind.names.index(c)]))
    check(f"{title}: pf-query gives what was put in", len(kind.rows) == len(rows) and not wrong, wrong[:3])
    asked = {(c, what) for c, _, _, what in filters(kind)}
    lacks = [c for c in kind.names for what in ("hit", "miss") if (c, what) not in asked]
    check(f"{title}: every column is asked for what is there and what is not", lacks == ["c0", "none"], lacks)
    return kind


def data_kind(name, unpack, files, pack="--old-readers", index=""):
    """A set of ../shared/data, through the whole line."""
    kind = Kind(name, name.replace("_", " ") + (", a bitmap" if index else ""))
    schema = f"{ROOT}/tests/data-sets/{name}.yaml"
    sh(f"mkdir -p raw/{name} && cd raw/{name} && {unpack.format(data=SHARED + '/data')} && "
       f"{{ pf-stage append -q -S {schema} --rejects rejects stage {files} || [ $? = 1 ]; }} && "
       f"pf-put -q --create {schema} {kind.path} && pf-stage read stage --after {kind.path} | "
       f"pf-partition | pf-pack -q {pack} | {index} pf-put -q {kind.path}")
    kind.load()
    return kind


def forty_kind():
    """Forty commits of ours: manifests are merged, and reading stays fast."""
    kind = Kind("forty", "forty commits")
    with open("forty.yaml", "w") as f:
        f.write("table: forty\nid: id\ntime: ts\npartition: day\nbuckets: 2\ncolumns:\n"
                "  id: bigint not null\n  ts: timestamp(3) not null\n  seq: bigint\n  word: string\n")
    sh(f"pf-put -q --create forty.yaml {kind.path}")
    for turn in range(40):
        with open("forty.jsonl", "w") as f:
            for i in range(25):
                f.write(json.dumps({"id": rng.randrange(50), "seq": turn * 25 + i, "word": word(5),
                                    "ts": moment(3, 1_704_000_000, 1_704_400_000).isoformat()}) + "\n")
        sh(f"pf-stage append -q -S forty.yaml forty-stage forty.jsonl && pf-stage read forty-stage --after {kind.path} | "
           f"pf-partition | pf-pack -q --old-readers | pf-put -q {kind.path}")
    kind.load()
    java = PaimonJava("paimon-2.0.0")
    manifests = len(java.ask("rows", kind.path + "$manifests")) - 1
    java.stop()
    check("forty commits: manifests were merged", manifests < 31, manifests)
    said = sh(f"pf-query {kind.path} -w \"dt = '2024-01-02' and id = 7\" --explain").decode()
    read = int(re.search(r"manifests +(\d+) read", said)[1])
    check("forty commits: few manifests are read for a day and an ID", read <= manifests, said)
    check("forty commits: every row once", sorted(kind.column("seq")) == list(range(1000)))
    return kind


def maintained_kind():
    """Ours after all that pf-put does to a table: files of two schemas, some
    compacted, some with indexes; tags; snapshots that expired or were undone."""
    kind = Kind("maintained", "altered, compacted, tagged, rolled back, expired, cleaned")
    head = "table: maintained\nid: id\ntime: ts\npartition: day\nbuckets: 2\ncolumns:\n  id: bigint not null\n"
    olds = "  ts: timestamp(3) not null\n  seq: bigint\n  n: int\n  f: float\n  d: decimal(9,2)\n  s: string\n  gone: string\n"
    news = ("  note: string\n  ts: timestamp(3) not null\n  word: {type: string, was: s}\n  seq: bigint\n  n: bigint\n"
            "  f: double\n  d: decimal(18,2)\n")
    for name, columns in (("old", olds), ("new", news)):
        with open(name + ".yaml", "w") as f:
            f.write(head + columns)
    days = {"old": (1_704_067_200, 1_704_240_000), "new": (1_704_153_600, 1_704_326_400)}  # one in common
    want = {}

    def load(which, rows=30):
        with open("m.jsonl", "w") as f:
            for _ in range(rows):
                seq = len(want)
                r = {"id": rng.randrange(20), "ts": moment(3, *days[which]).isoformat(), "seq": seq,
                     "n": rng.choice([None, rng.randrange(-9, 9)]), "f": rng.choice([None, single()]),
                     "d": rng.choice([None, str(digits(9, 2))])}
                s = rng.choice([None, "", word(4)])
                more = {"s": s, "gone": "x"} if which == "old" else {"word": s, "note": word(2)}
                want[seq] = (r["n"], r["f"], r["d"] and decimal.Decimal(r["d"]), s, more.get("note"))
                f.write(json.dumps({**r, **more}) + "\n")
        sh(f"pf-stage append -q -S {which}.yaml m-{which} --source s{len(want)} < m.jsonl")
        again(which)

    def again(which):
        sh(f"pf-stage read m-{which} --after {kind.path} | pf-partition | pf-pack -q --old-readers | pf-put -q {kind.path}")

    sh(f"pf-put -q --create old.yaml {kind.path}")
    load("old")
    load("old")
    sh(f"pf-put -q --tag first {kind.path}")
    load("old")
    sh(f"pf-put -q --compact {kind.path}")
    sh(f"pf-index -q --bloom n --file-index bloom-filter:s {kind.path} | pf-put -q {kind.path}")
    sh(f"pf-put -q --alter new.yaml --drop {kind.path}")
    load("new")
    load("new")
    newest = max(ours("--snapshots", kind.path).column("snapshot").to_pylist())
    sh(f"pf-put -q --rollback {newest - 1} {kind.path}")
    again("new")
    load("new")
    # Days with new rows are merged; the others' files keep the old schema.
    sh(f"pf-put -q --compact {kind.path}")
    load("new")
    sh(f"pf-put -q --tag last {kind.path} && pf-put -q --expire --keep 2 --keep-time 0s --grace 0s {kind.path} && "
       f"pf-put -q --clean --older-than 0s {kind.path} && pf-put --verify {kind.path}")
    kind.load()
    got = dict(zip(kind.column("seq"), zip(*[kind.column(c) for c in ("n", "f", "d", "word", "note")])))
    wrong = [(k, got.get(k), want.get(k)) for k in got.keys() | want.keys() if got.get(k) != want.get(k)]
    check(f"{kind.title}: pf-query gives what was put in", not wrong and len(kind.rows) == len(want), wrong[:3])
    schemas = set(ours("--files", kind.path).column("schema").to_pylist())
    check(f"{kind.title}: files of two schemas", schemas == {0, 1}, schemas)
    return kind


def oddities_kind():
    """Others may write any dt: null, empty, what a path cannot have; we go on."""
    kind = Kind("oddities", "dt of others: null, empty, strange; then ours")
    with open("odd.yaml", "w") as f:
        f.write("table: oddities\nid: id\ntime: ts\npartition: day\nbuckets: 2\ncolumns:\n"
                "  id: bigint not null\n  ts: timestamp(3) not null\n  seq: bigint\n  word: string\n")
    sh(f"pf-put -q --create odd.yaml {kind.path}")
    load = f"pf-partition -S odd.yaml -I jsonl odd.jsonl | pf-pack -q --old-readers | pf-put -q --append {kind.path}"
    java = PaimonJava("paimon-2.0.0")
    strange = [None, "", " ", "a b", "x/y=z%25", "__DEFAULT_PARTITION__", "漢:{}", "2024-01-01"]
    seq = 0
    for turn in range(2):
        with open("odd.jsonl", "w") as f:
            for _ in range(20):
                f.write(json.dumps({"id": rng.randrange(9), "seq": seq, "word": word(3),
                                    "ts": moment(3, 1_704_000_000, 1_704_200_000).isoformat()}) + "\n")
                seq += 1
        sh(load)
        if turn == 0:
            for dt in strange:
                java.ask("write", kind.path, "7", text(moment(3, 1_704_000_000, 1_704_200_000)), str(seq), "theirs", dt)
                seq += 1
            java.ask("commit", kind.path)
    java.stop()
    kind.load()
    got = dict(zip(kind.column("seq"), kind.column("dt")))
    check("strange dt: pf-query gives what was put in", sorted(got) == list(range(seq)) and
          [got[20 + i] for i in range(len(strange))] in (strange, [d or None for d in strange]), got)
    print(f"# dt: {[got[20 + i] for i in range(len(strange))]}")
    return kind


TABLES = {
    "types_day": lambda: types_kind("types_day", "every type; day, 3 buckets", "bigint", "day", 3),
    "types_month": lambda: types_kind(
        "types_month", "every type; month, ID string, bloom and bitmap indexes, `--old-readers`", "string", "month", 4,
        "--old-readers",
        "pf-index -q --bloom c10 --file-index bloom-filter:c2,c4,c10,c11,c17,c19 --file-index bitmap:c0,c1,c3,c12 |"),
    "types_year": lambda: types_kind("types_year", "every type; year, ID int, bloom filters, `--old-readers`", "int",
                                     "year", 2, "--old-readers", "pf-index -q --file-index bloom-filter:c3,c10 |"),
    "types_none": lambda: types_kind("types_none", "every type; no partition, ID decimal(9,2)", "decimal(9,2)",
                                     "none", 3),
    "uci_diabetes": lambda: data_kind("uci_diabetes", "tar --zstd -xf {data}/uci_diabetes.tar.zst",
                                      "uci_diabetes/data-??"),
    "zeek_dns": lambda: data_kind("zeek_dns", "zstd -dqc {data}/zeek_dns.log.zst > raw", "raw"),
    "gharchive": lambda: data_kind("gharchive", "zstd -dqc {data}/gharchive_2015-01-01-0.emails-hashed.json.zst > raw",
                                   "raw", "", "pf-index -q --file-index bitmap:type |"),
    "git_commits": lambda: data_kind("git_commits", "zstd -dqc {data}/git_git_commits.tsv.zst > raw", "raw", ""),
    "oddities": oddities_kind,
    "forty": forty_kind,
    "maintained": maintained_kind,
}
ORDER = ["every type; day, 3 buckets", "every type; month, ID string, bloom and bitmap indexes, `--old-readers`",
         "every type; year, ID int, bloom filters, `--old-readers`", "every type; no partition, ID decimal(9,2)",
         "uci diabetes", "zeek dns", "gharchive, a bitmap", "git commits", "dt of others: null, empty, strange; then ours", "forty commits",
         "altered, compacted, tagged, rolled back, expired, cleaned"]
