# SPDX-License-Identifier: Apache-2.0
"""Change streams become the tables that Flink's and Paimon's documentation
promise, read by pf-query and by pypaimon.

The sequences are written here, in exactly the shapes of the ones that Apache Flink
tests its formats with (flink-formats/flink-json/src/test/resources, Apache-2.0:
debezium-data-schema-include.txt and -exclude.txt,
debezium-postgres-data-replica-identity.txt, canal-data.txt, maxwell-data.txt), and
with their history of a table of products, of which DebeziumJsonSerDeSchemaTest,
CanalJsonSerDeSchemaTest and MaxwellJsonSerDeSchemaTest list the rows. No package of
a registry carries those files: the test jars of flink-json and
flink-connector-kafka have classes only.

Then real data: the newest commit of each author of git.git, and the invoices of a
web shop with cancellations as deletes, against DuckDB on the raw files. Prints TAP.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

DATA = os.environ.get("PF_SHARED", "../shared") + "/data"
try:
    import duckdb
    from pypaimon import CatalogFactory
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit()


def sh(command, **kw):
    p = subprocess.run(["bash", "-c", "set -o pipefail; " + command], capture_output=True,
                       text=True, **kw)
    if p.returncode:
        raise AssertionError(f"{command}\nexit {p.returncode}\n{p.stderr}")
    return p.stdout


# --- what happened to the products ---

FIRST = [(101, "scooter", "Small 2-wheel scooter", 3.14),
         (102, "car battery", "12V car battery", 8.1),
         (103, "12-pack drill bits", "12-pack of drill bits with sizes ranging from #40 to #3", 0.8),
         (104, "hammer", "12oz carpenter's hammer", 0.75),
         (105, "hammer", "14oz carpenter's hammer", 0.875),
         (106, "hammer", "16oz carpenter's hammer", 1.0),
         (107, "rocks", "box of assorted rocks", 5.3),
         (108, "jacket", "water resistent black wind breaker", 0.1),
         (109, "spare tire", "24 inch spare tire", 22.2)]
NAMES = ["id", "name", "description", "weight"]
# Statements: ("insert", rows), ("update", {id: changes}), ("delete", ids). One is one
# message of Canal, and one a row of the others.
HISTORY = [
    ("insert", FIRST),
    ("update", {106: {"description": "18oz carpenter hammer"}}),
    ("update", {107: {"weight": 5.1}}),
    ("insert", [(110, "jacket", "water resistent white wind breaker", 0.2)]),
    ("insert", [(111, "scooter", "Big 2-wheel scooter ", 5.18)]),
    ("update", {110: {"description": "new water resistent white wind breaker", "weight": 0.5}}),
    ("update", {111: {"weight": 5.17}}),
    ("delete", [111]),
]
MORE = HISTORY + [
    ("update", {101: {"weight": 5.17}, 102: {"weight": 5.17}}),
    ("ddl", "CREATE TABLE `xj_`.`user02` (`uid` int(0) NOT NULL, PRIMARY KEY (`uid`))"),
    ("delete", [102, 103]),
]
# The rows that those tests end with.
FINAL = FIRST[:5] + [(106, "hammer", "18oz carpenter hammer", 1.0),
                     (107, "rocks", "box of assorted rocks", 5.1)] + FIRST[7:] + \
    [(110, "jacket", "new water resistent white wind breaker", 0.5)]
FINAL_MORE = [(101, "scooter", "Small 2-wheel scooter", 5.17)] + FINAL[3:]


def steps(history):
    """(what, row after or None, row before or None) of each row, by statement."""
    rows = {}
    for what, of in history:
        done = []
        if what == "insert":
            for row in of:
                rows[row[0]] = dict(zip(NAMES, row))
                done.append((what, rows[row[0]], None))
        elif what == "update":
            for i, changes in of.items():
                old, rows[i] = rows[i], {**rows[i], **changes}
                done.append((what, rows[i], old))
        elif what == "delete":
            done = [(what, None, rows.pop(i)) for i in of]
        else:
            done = of
        yield what, done


CONNECT = {"type": "struct", "optional": False, "name": "dbserver1.inventory.products.Envelope",
           "fields": [{"type": "struct", "optional": True, "field": side,
                       "name": "dbserver1.inventory.products.Value",
                       "fields": [{"type": t, "optional": n > 1, "field": f} for n, (f, t) in
                                  enumerate(zip(NAMES, ["int32", "string", "string", "double"]))]}
                      for side in ("before", "after")] +
                     [{"type": "string", "optional": False, "field": "op"},
                      {"type": "int64", "optional": True, "field": "ts_ms"}]}


def debezium(history, schema=False, identity=True):
    ts = 1589355606100
    for what, done in steps(history):
        for _, after, before in done:
            ts += 1
            op = {"insert": "r" if ts < 1589355606110 and not identity else "c", "update": "u",
                  "delete": "d"}[what]
            # Without its identity set, Postgres knows of the old row only the key.
            known = before if identity else \
                {"id": before["id"]} if before and what == "delete" else None
            message = {"before": known, "after": after,
                       "source": {"version": "1.1.1.Final", "connector": "mysql", "ts_ms": 0,
                                  "snapshot": "true", "db": "inventory", "table": "products",
                                  "server_id": 0, "gtid": None, "pos": 154, "query": None},
                       "op": op, "ts_ms": ts, "transaction": None}
            yield {"schema": CONNECT, "payload": message} if schema else message
            if what == "delete":
                yield None  # the tombstone


def canal(history):
    es, n = 1589373515000, 2
    for what, done in steps(history):
        es, n = es + 3000, n + 1
        message = {"data": None, "database": "inventory", "es": es, "id": n, "isDdl": False,
                   "mysqlType": {"id": "INTEGER", "name": "VARCHAR(255)",
                                 "description": "VARCHAR(512)", "weight": "FLOAT"},
                   "old": None, "pkNames": ["id"], "sql": "",
                   "sqlType": {"id": 4, "name": 12, "description": 12, "weight": 7},
                   "table": "products2", "ts": es + 477, "type": what.upper()}
        if what == "ddl":
            message.update(isDdl=True, type="CREATE", sql=done, table="user02")
        else:
            def texts(row):
                return {k: str(v) for k, v in row.items()}
            message["data"] = [texts(after or before) for _, after, before in done]
            if what == "update":
                message["old"] = [texts({k: v for k, v in before.items() if v != after[k]})
                                  for _, after, before in done]
        yield message


def maxwell(history):
    ts, xid = 1596684883, 7125
    for what, done in steps(history):
        ts, xid = ts + 4, xid + 17
        if what == "ddl":
            yield {"type": "table-create", "database": "xj_", "table": "user02", "def": {},
                   "ts": ts * 1000, "sql": done}
            continue
        for i, (_, after, before) in enumerate(done):
            yield {"database": "test", "table": "product", "type": what, "ts": ts, "xid": xid,
                   **({"xoffset": i} if i + 1 < len(done) else {"commit": True}),
                   "data": after or before,
                   **({"old": {k: v for k, v in before.items() if v != after[k]}}
                      if what == "update" else {}), "primary_key_columns": ["id"]}


def definition(form, when, unit, more=""):
    return f"""
table: products
primary_key: [id]
time: changed
partition: none
buckets: 2
input:
  format: {form}{more}
columns:
  id: int
  name: string
  description: string
  weight: float
  changed: {{type: timestamp_ltz(3), from: ^.{when}, format: {unit}}}
"""


ONE = "\n  database: inventory|test\n  table: product.*"
SEQUENCES = [
    ("Debezium (debezium-data-schema-exclude.txt)", debezium(HISTORY),
     definition("debezium-json", "ts_ms", "epoch_ms"), FINAL),
    ("Debezium with schema (debezium-data-schema-include.txt)", debezium(HISTORY, schema=True),
     definition("debezium-json", "ts_ms", "epoch_ms"), FINAL),
    ("Debezium of Postgres (debezium-postgres-data-replica-identity.txt)",
     debezium(HISTORY, identity=False), definition("debezium-json", "ts_ms", "epoch_ms"), FINAL),
    ("Canal (canal-data.txt)", canal(MORE),
     definition("canal-json", "es", "epoch_ms", ONE), FINAL_MORE),
    ("Maxwell (maxwell-data.txt)", maxwell(MORE),
     definition("maxwell-json", "ts", "epoch_s", ONE), FINAL_MORE),
]


def pypaimon_rows(warehouse, name, columns):
    table = CatalogFactory.create({"warehouse": warehouse}).get_table("default." + name)
    rb = table.new_read_builder()
    rows = rb.new_read().to_arrow(rb.new_scan().plan().splits()).to_pylist()
    return sorted(tuple(row[c] for c in columns) for row in rows)


def query_rows(operands, columns):
    return sorted(tuple(json.loads(line)[c] for c in columns) for line in
                  sh(f"pf-query -O jsonl {operands}").splitlines())


def rounded(rows):
    return [(*r[:3], round(r[3], 3)) for r in rows]


def sequence(lines, yaml, want):
    lines = list(lines)
    with open("p.yaml", "w") as f:
        f.write(yaml)
    with open("all", "w") as f:
        f.writelines(json.dumps(x) + "\n" for x in lines)
    # Staged and loaded in two commits, asked in between.
    sh("pf-put -q --create p.yaml wh/default.db/products")
    sh("pf-stage append -qq -S p.yaml st <(head -11 all)")
    load = "pf-stage read st --after wh/default.db/products | pf-partition | pf-pack -q | " \
        "pf-put -q wh/default.db/products"
    sh(load)
    sh("pf-stage append -qq -S p.yaml st <(tail -n +12 all)")
    assert rounded(query_rows("wh/default.db/products st", NAMES)) == want, "in flight"
    sh(load)
    assert rounded(query_rows("wh/default.db/products", NAMES)) == want, "staged"
    assert rounded(pypaimon_rows("wh", "products", NAMES)) == want, "pypaimon"
    # Directly.
    sh("pf-put -q --create p.yaml wh/default.db/direct")
    sh("pf-partition -qq -S p.yaml all | pf-pack -q | pf-put -q --append wh/default.db/direct")
    assert rounded(query_rows("wh/default.db/direct", NAMES)) == want, "direct"
    assert rounded(pypaimon_rows("wh", "direct", NAMES)) == want, "direct, pypaimon"
    sh("pf-put -q --compact --full wh/default.db/products")
    assert rounded(pypaimon_rows("wh", "products", NAMES)) == want, "compacted, pypaimon"
    sh("pf-put -q --verify wh/default.db/products")


def sums():
    """Orders change, and a table of sums per customer follows: updates take their old
    values away, and an order that goes to somebody else moves."""
    with open("sums.yaml", "w") as f:
        f.write("""
table: sums
primary_key: [customer]
time: at
partition: none
buckets: 2
merge: aggregation
options: {fields.at.ignore-retract: "true"}
input: {format: debezium-json}
columns:
  customer: int
  amount: {type: "decimal(12,2)", aggregate: sum}
  orders: {type: bigint, aggregate: sum, from: one}
  at: {type: timestamp_ltz(3), from: ^.ts_ms, format: epoch_ms}
""")
    r = random.Random(int(os.environ.get("PF_SEED", "7")))
    orders, lines = {}, []
    for n in range(3000):
        i = r.randrange(400)
        before, after = orders.get(i), {"id": i, "customer": r.randrange(40),
                                        "amount": f"{r.randrange(-9999, 99999) / 100:.2f}", "one": 1}
        if before and r.random() < 0.3:
            after = None
        elif before and r.random() < 0.7:
            after["customer"] = before["customer"]
        orders[i] = after
        lines.append({"before": before, "after": after, "ts_ms": 1700000000000 + n,
                      "op": "d" if not after else "u" if before else "c"})
    want = {}
    for x in lines:
        for row in x["before"], x["after"]:
            if row:
                want.setdefault(row["customer"], [0, 0])
    for row in filter(None, orders.values()):
        want[row["customer"]][0] += round(float(row["amount"]) * 100)
        want[row["customer"]][1] += 1
    want = sorted((c, a, n) for c, (a, n) in want.items())
    with open("all", "w") as f:
        f.writelines(json.dumps(x) + "\n" for x in lines)
    columns = ["customer", "amount", "orders"]

    def exact(rows):
        return [(c, round(float(a) * 100), n) for c, a, n in rows]
    sh("pf-put -q --create sums.yaml wh/default.db/sums")
    for n in 1000, 1900, 2500, 3000:
        sh(f"head -{n} all > part; pf-stage append -qq --source log -S sums.yaml st < part")
        if n == 3000:
            assert exact(query_rows("wh/default.db/sums st", columns)) == want, "in flight"
        sh("pf-stage read st --after wh/default.db/sums | pf-partition | pf-pack -q | "
           "pf-put -q wh/default.db/sums")
    assert exact(query_rows("wh/default.db/sums", columns)) == want, "merged"
    sh("pf-put -q --compact --full wh/default.db/sums")
    # pypaimon does not read tables with ignore-retract.
    assert exact(query_rows("wh/default.db/sums", columns)) == want, "compacted"


# --- the example of the second seed ---

def second_seed():
    """CREATE TABLE users (user_id BIGINT, event_type STRING, `timestamp` TIMESTAMP,
    PRIMARY KEY (user_id) NOT ENFORCED)"""
    with open("users.yaml", "w") as f:
        f.write("""
table: users
primary_key: [user_id]
time: timestamp
partition: none
columns:
  user_id: bigint
  event_type: string
  timestamp: timestamp(6)
""")
    with open("users.csv", "w") as f:
        f.write("user_id,event_type,timestamp\n1,login,2024-01-01 10:00:00\n"
                "2,login,2024-01-01 10:00:01.5\n1,click,2024-01-01 10:00:02.000001\n")
    with open("more.csv", "w") as f:
        f.write("user_id,event_type,timestamp\n2,logout,2024-01-01 11:00:00\n-3,,2024-01-01 11:00:01\n")
    sh("pf-put -q --create users.yaml wh/default.db/users")
    with open("wh/default.db/users/schema/schema-0") as f:
        schema = json.load(f)
    assert [(c["name"], c["type"]) for c in schema["fields"]] == [
        ("user_id", "BIGINT NOT NULL"), ("event_type", "STRING"),
        ("timestamp", "TIMESTAMP(6) NOT NULL")], schema["fields"]
    assert schema["primaryKeys"] == ["user_id"] and schema["partitionKeys"] == []
    for name in "users.csv", "more.csv":
        sh(f"pf-stage append -q -S users.yaml st {name}")
        sh("pf-stage read st --after wh/default.db/users | pf-partition | pf-pack -q | "
           "pf-put -q wh/default.db/users")
    columns = ["user_id", "event_type", "timestamp"]
    got = query_rows("wh/default.db/users", columns)
    assert got == [(-3, None, "2024-01-01T11:00:01.000000"),
                   (1, "click", "2024-01-01T10:00:02.000001"),
                   (2, "logout", "2024-01-01T11:00:00.000000")], got
    theirs = [(i, e, t.isoformat(timespec="microseconds")) for i, e, t in
              pypaimon_rows("wh", "users", columns)]
    assert theirs == got, theirs


# --- real data ---

def same(db, table, columns, select, least):
    """The table's rows, by us and by pypaimon, are those of the SELECT."""
    sh(f"pf-query -O arrow wh/default.db/{table} -c {columns} -o rows.arrows")
    import pyarrow
    with pyarrow.OSFile("rows.arrows") as f:
        ours = pyarrow.ipc.open_stream(f).read_all().select(columns.split(","))
    rb = CatalogFactory.create({"warehouse": "wh"}).get_table("default." + table).new_read_builder()
    theirs = rb.new_read().to_arrow(rb.new_scan().plan().splits()).select(columns.split(","))
    db.execute(f"CREATE OR REPLACE TABLE want AS {select}")
    n = db.execute("SELECT count(*) FROM want").fetchall()[0][0]
    assert n > least, n
    for name, got in ("pf-query", ours), ("pypaimon", theirs):
        db.register("got", got)
        assert got.num_rows == n, f"{name} has {got.num_rows} rows, DuckDB {n}"
        differ = db.execute(f"""SELECT count(*) FROM (
            (SELECT {columns} FROM want EXCEPT ALL SELECT {columns} FROM got) UNION ALL
            (SELECT {columns} FROM got EXCEPT ALL SELECT {columns} FROM want))""").fetchall()[0][0]
        assert not differ, f"{name}: {differ} rows differ"


def newest_commits():
    with open("git.yaml", "w") as f:
        f.write("""
table: authors
primary_key: [author_id]
time: commit_time
sequence: commit_time
partition: none
buckets: 4
input: {format: tsv}
columns:
  author_id: string
  commit: string
  author_time: {type: timestamp_ltz(0), format: rfc3339}
  commit_time: {type: timestamp_ltz(0), format: rfc3339}
  files: int
  insertions: int
""")
    sh(f"zstd -dqc {DATA}/git_git_commits.tsv.zst > raw")
    sh("pf-put -q --create git.yaml wh/default.db/authors")
    # In three commits, so that most authors have several versions in the table.
    for n in 1, 2, 3:
        sh(f"head -c $(($(stat -c %s raw) * {n} / 3)) raw > part; [ {n} = 3 ] && cp raw part; "
           "pf-stage append -q --source git -S git.yaml st < part")
        sh("pf-stage read st --after wh/default.db/authors | pf-partition | pf-pack -q | "
           "pf-put -q wh/default.db/authors")
    db = duckdb.connect()
    db.execute("SET TimeZone='UTC'; SET threads=1")
    same(db, "authors", "author_id,commit,author_time,commit_time,files,insertions", """
        SELECT author_id, commit, author_time::TIMESTAMPTZ AS author_time,
            commit_time::TIMESTAMPTZ AS commit_time, files::INT AS files, insertions::INT AS insertions
        FROM (SELECT *, row_number() OVER (PARTITION BY author_id
                ORDER BY commit_time::TIMESTAMPTZ DESC, n DESC) AS k
            FROM (SELECT *, row_number() OVER () AS n FROM
                read_csv('raw', header=true, delim='\t', quote='', all_varchar=true)))
        WHERE k = 1""", 2000)


def cancelled_invoices():
    with open("retail.yaml", "w") as f:
        f.write("""
table: bought
primary_key: [customer, stock_code]
time: ts
sequence: ts
partition: none
buckets: 4
row_kind: {from: InvoiceNo, delete: '^C'}
input: {format: csv}
columns:
  customer: {type: bigint, from: CustomerID}
  stock_code: {type: string, from: StockCode}
  invoice: {type: string, from: InvoiceNo}
  quantity: {type: int, from: Quantity}
  ts: {type: timestamp(0), from: InvoiceDate}
  unit_price: {type: "decimal(12,3)", from: UnitPrice}
""")
    sh(f"tar --zstd -xf {DATA}/online_retail_by_day.tar.zst")
    sh("pf-put -q --create retail.yaml wh/default.db/bought")
    for months in "2010-* by-day/2011-0[1-5]-*", "2011-0[6-9]-* by-day/2011-1*":
        files = " ".join(f"online_retail/{p if '/' in p else 'by-day/' + p}" for p in months.split())
        sh(f"pf-stage append -q -S retail.yaml --rejects no-id st {files}")
        sh("pf-stage read st --after wh/default.db/bought | pf-partition | pf-pack -q | "
           "pf-put -q wh/default.db/bought")
    with open("no-id") as f:
        assert sum(1 for _ in f) == 135080
    db = duckdb.connect()
    db.execute("SET threads=1")
    same(db, "bought", "customer,stock_code,invoice,quantity,ts,unit_price", """
        SELECT CustomerID::DOUBLE::BIGINT AS customer, StockCode AS stock_code, InvoiceNo AS invoice,
            Quantity::INT AS quantity, InvoiceDate::TIMESTAMP AS ts,
            UnitPrice::DECIMAL(12,3) AS unit_price
        FROM (SELECT *, row_number() OVER (PARTITION BY CustomerID, StockCode
                ORDER BY InvoiceDate::TIMESTAMP DESC, n DESC) AS k
            FROM (SELECT *, row_number() OVER () AS n FROM
                read_csv('online_retail/by-day/*.csv', header=true, all_varchar=true))
            WHERE CustomerID IS NOT NULL)
        WHERE k = 1 AND InvoiceNo NOT LIKE 'C%'""", 200000)


TESTS = [(name, lambda lines=lines, yaml=yaml, want=want: sequence(lines, yaml, want))
         for name, lines, yaml, want in SEQUENCES]
TESTS.append(("sums that follow changing orders", sums))
TESTS.append(("the second seed's example, from text to pf-query and pypaimon", second_seed))
if os.path.isdir(DATA):
    TESTS.append(("git.git: the newest commit of each author", newest_commits))
    TESTS.append(("online_retail: cancellations are deletes", cancelled_invoices))
chosen = [t for t in TESTS if len(sys.argv) < 2 or sys.argv[1] in t[0]]
failed = 0
print(f"1..{len(chosen)}")
top = os.getcwd()
DATA = os.path.abspath(DATA)
for i, (name, test) in enumerate(chosen, 1):
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            test()
            print(f"ok {i} {name}", flush=True)
        except AssertionError as e:
            failed += 1
            for line in str(e).splitlines() or ["failed"]:
                print("#", line[:500])
            print(f"not ok {i} {name}", flush=True)
        os.chdir(top)
sys.exit(failed > 0)
