#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""window_replay.py [RUNS [SET...]]: real data in the order it arrived, windows by when
it happened.

git_commits: a commit arrives when it was committed and belongs to the day its
author made it, hours or years before. online_retail: a file a day, which holds
all of it and no other; and invoices by their numbers, some hundred at a time,
so that most days come in parts, some minutes out of order. zeek_dns: lines as
they were logged, with thousands of inversions, windows of hours.
Everything up to some day is loaded at once; from there every day (or batch) is
loaded and asked for on its own, from a state that grows, and each answer must
be a recompute's to the byte and DuckDB's in its values. RUNS: how many days of
each; 0: all there are (tests/soak/replay.sh), with a compaction and an expiry now
and then, as a table that lives for years has them.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

try:
    import duckdb
except ImportError:
    print("1..0 # SKIP duckdb is missing")
    sys.exit(1 if os.environ.get("CI") == "true" else 0)

BUILD = os.path.abspath(os.environ.get("PF_BUILD", "build"))
DATA = os.path.abspath(os.environ.get("PF_SHARED", "../shared")) + "/data"
HERE = os.path.abspath(os.path.join(os.environ.get("PF_ROOT", "."), "tests/data-sets"))
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 12
ONLY = sys.argv[2:]
MAINTAIN = 64  # runs from one compaction to the next
if not os.path.isdir(DATA):
    print("1..0 # SKIP no %s" % DATA)
    sys.exit()

# raw: commands that leave the rows, in arrival order, in the file raw with a
# header line; unit: what a row's batch is (a DuckDB expression over all of
# raw), first: units loaded at once.
SETS = {
    "git_commits": dict(
        first=lambda n: n // 2,
        unpack="zstd -dqc {data}/git_git_commits.tsv.zst > all", head="head -1 all",
        batch="strftime(commit_time::TIMESTAMPTZ, '%Y-%m-%d')", sep="\\t",
        ask="-W 30d -W 365d -g author_id --allow-missing", aggs="count sum:files max:commit_time",
        sql="""SELECT author_id::VARCHAR, count(*)::VARCHAR, coalesce(sum(files::INT)::VARCHAR, '')
               FROM r WHERE author_time::TIMESTAMPTZ >= '{a}' AND author_time::TIMESTAMPTZ < '{b}' GROUP BY 1"""),
    "online_retail": dict(
        late=False, first=lambda n: 20,
        unpack="tar --zstd -xf {data}/online_retail_by_day.tar.zst;"
               "(cat online_retail/by-day/*.csv | head -1; for f in online_retail/by-day/*.csv; do tail -n +2 $f; done) |"
               " tr -d '\\r' > all", head="head -1 all",
        batch="strftime(InvoiceDate::TIMESTAMP, '%Y-%m-%d')", sep=",", where="CustomerID IS NOT NULL",
        ask="-W 30d -W 7d -g customer --allow-missing", aggs="count sum:quantity sum:unit_price",
        sql="""SELECT CustomerID::DOUBLE::BIGINT::VARCHAR, count(*)::VARCHAR, sum(Quantity::INT)::VARCHAR
               FROM r WHERE InvoiceDate::TIMESTAMP >= '{a}' AND InvoiceDate::TIMESTAMP < '{b}' GROUP BY 1"""),
    "online_retail by invoice": dict(
        yaml="online_retail", numbered=True, first=lambda n: n // 3,
        unpack="tar --zstd -xf {data}/online_retail_by_day.tar.zst;"
               "(cat online_retail/by-day/*.csv | head -1; for f in online_retail/by-day/*.csv; do tail -n +2 $f; done) |"
               " tr -d '\\r' | (read -r head; echo \"$head\"; sed -E 's/^[A-Za-z]?([0-9]+)/\\1\\t&/' |"
               " sort -s -n -k 1,1 | cut -f 2-) > all", head="head -1 all",
        batch="(row_number() OVER () // 700)::VARCHAR", sep=",", where="CustomerID IS NOT NULL",
        ask="-W 30d -W 7d -g customer --allow-missing", aggs="count sum:quantity sum:unit_price",
        sql="""SELECT CustomerID::DOUBLE::BIGINT::VARCHAR, count(*)::VARCHAR, sum(Quantity::INT)::VARCHAR
               FROM r WHERE InvoiceDate::TIMESTAMP >= '{a}' AND InvoiceDate::TIMESTAMP < '{b}' GROUP BY 1"""),
    "zeek_dns": dict(
        first=lambda n: n // 3,
        unpack="zstd -dqc {data}/zeek_dns.log.zst > all", head="grep '^#' all | grep -v '^#close'",
        batch="(row_number() OVER () // 1500)::VARCHAR", sep="\\t", zeek=True, numbered=True,
        ask="-W 6h -W 24h -g orig_h --allow-missing", aggs="count max:resp_p distinct:query",
        sql="""SELECT orig_h, count(*)::VARCHAR, max(resp_p::INT)::VARCHAR
               FROM r WHERE ts >= '{a}' AND ts < '{b}' GROUP BY 1"""),
}


def sh(line, cwd):
    p = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env=dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"], LC_ALL="C.UTF-8"))
    if p.returncode:
        raise RuntimeError("%s\nexit %d: %s" % (line, p.returncode, p.stderr.decode()[-800:]))
    return p.stdout


def replay(name, s, d):
    sh(s["unpack"].format(data=DATA), d)
    db = duckdb.connect()
    db.execute("SET TimeZone='UTC'; SET threads=1")
    with open(d + "/all", encoding="utf-8", errors="surrogateescape", newline="\n") as f:
        lines = f.read().split("\n")[:-1]
    head = sh(s["head"], d).decode()
    if s.get("zeek"):
        rows = [l for l in lines if not l.startswith("#")]
        batches = [str(i // 1500) for i in range(len(rows))]
        values = [l.split("\t") for l in rows]
        db.execute("CREATE TABLE raw (n INT, b VARCHAR, ts TIMESTAMP, orig_h VARCHAR, resp_p VARCHAR)")
        with open(d + "/v.csv", "w") as f:
            for i, v in enumerate(values):
                f.write("%d\t%s\t%s\t%s\t%s\n" % (i, batches[i], v[0], v[2], v[5]))
        db.execute("INSERT INTO raw SELECT column0, column1, make_timestamp((column2::DECIMAL(38,6) * 1000000)::BIGINT), "
                   "column3, column4 FROM read_csv('%s/v.csv', delim='\t', header=false, all_varchar=true)" % d)
    else:
        rows = lines[1:]
        db.execute("CREATE TABLE raw AS SELECT %s b, * FROM read_csv('%s/all', delim='%s', quote='%s', header=true, "
                   "all_varchar=true)" % (s["batch"], d, s["sep"], '"' if s["sep"] == "," else ""))
        batches = [r[0] for r in db.execute("SELECT b FROM raw").fetchall()]
    if len(batches) != len(rows):
        raise RuntimeError("%d rows, %d lines" % (len(batches), len(rows)))
    units = sorted(set(batches), key=(int if s.get("numbered") else str))
    runs = len(units) - 1 if RUNS == 0 else min(RUNS, len(units) - 1)
    first = min(s["first"](len(units)), len(units) - runs) if RUNS else len(units) - runs
    by_unit = {}
    for l, b in zip(rows, batches):
        by_unit.setdefault(b, []).append(l)
    sh("pf-put -q --create %s/%s.yaml t" % (HERE, s.get("yaml", name)), d)
    db.execute("CREATE TABLE units AS SELECT unnest(?::VARCHAR[]) AS b, unnest(?::INT[]) AS nth", [units, list(range(len(units)))])
    db.execute("CREATE TABLE numbered AS SELECT raw.*, nth FROM raw JOIN units USING (b)")
    late = loaded = 0
    for i, unit in enumerate([None] + units[first:first + runs]):
        chunk = units[:first] if unit is None else [unit]
        loaded += len(chunk)
        with open(d + "/new", "w", encoding="utf-8", errors="surrogateescape", newline="\n") as f:
            f.write(head)
            for u in chunk:
                f.writelines(l + "\n" for l in by_unit[u])
        sh("pf-stage append -q -S %s/%s.yaml --source run%d --rejects rejected s - < new; rm -f rejected;"
           "pf-stage read s --after t | pf-partition | pf-pack -qq | pf-put -q t" % (HERE, s.get("yaml", name), i), d)
        if i % MAINTAIN == MAINTAIN - 1:
            sh("pf-put -q --compact t; pf-put -q --expire --keep 1 --keep-time 1s --grace 1s t", d)
        got = sh("pf-window -O tsv -s st --stats stats.json %s %s t" % (s["ask"], s["aggs"]), d)
        late += json.load(open(d + "/stats.json"))["cells_late"]
        table = [l.split("\t") for l in got.decode().splitlines()]
        cols = {c: k for k, c in enumerate(table[0])}
        bounds = sorted({(r[cols["window_start"]], r[cols["window_end"]]) for r in table[1:]})
        full = sh("pf-window -O tsv %s --end %s %s t" % (s["ask"], max(b for _, b in bounds), s["aggs"]), d)
        if got != full:
            a, b = got.decode().splitlines(), full.decode().splitlines()
            raise RuntimeError("run %d: %s\nrecomputed: %s" % (i, [x for x in a if x not in b][:2], [x for x in b if x not in a][:2]))
        db.execute("CREATE OR REPLACE TEMP VIEW r AS SELECT * FROM numbered WHERE nth < %d %s" % (
            loaded, "AND " + s["where"] if "where" in s else ""))
        for a, b in bounds:
            ours = sorted((r[0], r[4], r[5]) for r in table[1:] if (r[2], r[3]) == (a, b))
            theirs = sorted(db.execute(s["sql"].format(a=a, b=b)).fetchall())
            if ours != theirs:
                raise RuntimeError("run %d, %s to %s: ours %s, DuckDB's %s" % (
                    i, a, b, [x for x in ours if x not in theirs][:2], [x for x in theirs if x not in ours][:2]))
    if (late > 0) != s.get("late", True):
        raise RuntimeError("%d late cells: these are not the data that it is about" % late)
    return runs + 1, late


def main():
    failed = n = 0
    sets = {k: s for k, s in SETS.items() if not ONLY or k in ONLY}
    print("1..%d" % len(sets))
    for name, s in sets.items():
        n += 1
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="pf-replay.") as d:
            try:
                runs, late = replay(name, s, d)
                print("ok %d %s: %d runs, %d late cells, each answer a recompute's and DuckDB's, %.0f s" % (
                    n, name, runs, late, time.monotonic() - begin), flush=True)
            except Exception as e:
                failed += 1
                print("not ok %d %s\n# %s" % (n, name, str(e).replace("\n", "\n# ")))
    return failed > 0


sys.exit(main())
