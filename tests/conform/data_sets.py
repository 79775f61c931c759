#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every set of ../shared/data goes from its raw file through the whole line
into a table, with the definition in tests/data-sets; DuckDB reads the raw file
on its own. Then: rows in = stored + rejected, and the two sets of rows are
equal, row for row and value for value (so sums, counts, minima and maxima per
column and per entity are, too). The awkward points of each set are asserted by
name. Prints TAP.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import duckdb

DATA = os.environ.get("PF_SHARED", "../shared") + "/data"
BUILD = os.environ.get("PF_BUILD", "build")
HERE = os.path.join(os.environ.get("PF_ROOT", "."), "tests/data-sets")
if not os.path.isdir(DATA):
    print(f"1..0 # SKIP no {DATA}")
    sys.exit()

db = duckdb.connect()
db.execute("SET TimeZone='UTC'; SET threads=1")


def lines(path):
    """A view over raw lines: (line, filename)."""
    return (f"(SELECT rtrim(line, chr(13)) AS line, filename FROM read_csv('{path}', delim='\\x01', quote='', "
            "escape='', header=false, auto_detect=false, columns={'line': 'VARCHAR'}, "
            "filename=true, max_line_size=4000000))")


# What DuckDB makes of the raw files: the table's columns, in its order, as a
# SELECT with {raw}; how many rows must be rejected, as another.
SETS = {
    "online_retail": dict(
        unpack="tar --zstd -xf {data}/online_retail_by_day.tar.zst", files="online_retail/by-day/*.csv",
        raw="(SELECT * FROM read_csv('online_retail/by-day/*.csv', header=true, all_varchar=true))",
        rows="""SELECT InvoiceNo, StockCode, Description, Quantity::INT, InvoiceDate::TIMESTAMP,
            UnitPrice::DECIMAL(12,3), CustomerID::DOUBLE::BIGINT, Country FROM {raw} WHERE CustomerID IS NOT NULL""",
        rejected="SELECT count(*) FROM {raw} WHERE CustomerID IS NULL",
        stored=406829, facts={"SELECT count(DISTINCT customer) FROM t": 4372,
                              "SELECT count(*) FROM t WHERE customer = 17850": 312,
                              "SELECT min(quantity) < 0 FROM t": True,
                              "SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM t)) > 5000 FROM t": True}),
    "prsa_beijing": dict(
        unpack="tar -xf {data}/prsa_beijing.tar.xz", files="prsa_beijing/*.csv",
        raw="(SELECT * FROM read_csv('prsa_beijing/*.csv', header=true, all_varchar=true, nullstr=['NA', ' ']))",
        rows="""SELECT station, make_timestamp(year::INT, month::INT, day::INT, hour::INT, 0, 0), No::INT,
            "PM2.5"::DOUBLE, PM10::DOUBLE, SO2::DOUBLE, NO2::DOUBLE, CO::DOUBLE, O3::DOUBLE, TEMP::DOUBLE,
            PRES::DOUBLE, DEWP::DOUBLE, RAIN::DOUBLE, wd, WSPM::DOUBLE FROM {raw}""",
        stored=420768, facts={"SELECT count(DISTINCT station) FROM t": 12,
                              "SELECT count(*) - count(pm2_5) > 8000 FROM t": True}),
    "gharchive": dict(
        unpack="zstd -dqc {data}/gharchive_2015-01-01-0.emails-hashed.json.zst > raw", stdin="raw",
        raw="(SELECT json AS j FROM read_ndjson_objects('raw', maximum_object_size=10000000))",
        rows="""SELECT (j->>'$.actor.id')::BIGINT, (j->>'$.created_at')::TIMESTAMPTZ::TIMESTAMP,
            (j->>'$.id')::BIGINT, j->>'$.type', j->>'$.actor.login', (j->>'$.repo.id')::BIGINT,
            j->>'$.repo.name', (j->>'$.org.id')::BIGINT, (j->>'$.payload.size')::INT,
            j->>'$.payload.action', (j->>'$.public')::BOOLEAN, (j->'$.payload')::VARCHAR FROM {raw}""",
        table="SELECT * REPLACE (json(payload)::VARCHAR AS payload) FROM t",
        stored=7702, facts={"SELECT count(DISTINCT type) FROM t": 14}),
    "git_commits": dict(
        unpack="zstd -dqc {data}/git_git_commits.tsv.zst > raw", stdin="raw",
        raw="(SELECT * FROM read_csv('raw', header=true, delim='\t', quote='', all_varchar=true))",
        rows="""SELECT commit, n_parents::INT, author_id, author_time::TIMESTAMPTZ, committer_id,
            commit_time::TIMESTAMPTZ, files::INT, insertions::INT, deletions::INT FROM {raw}""",
        stored=81966, facts={"SELECT count(DISTINCT author_id) FROM t": 2669,
                             "SELECT epoch(min(author_time)) FROM t": 1112911993,
                             "SELECT round(quantile_disc(epoch(commit_time - author_time), 0.5) / 3600, 1) FROM t": 3.6}),
    "adsb_switzerland": dict(
        unpack="zstd -dqc {data}/adsb_switzerland.json.zst > raw", stdin="raw",
        raw="""(SELECT * FROM read_json('raw', format='array', maximum_object_size=100000000, columns={{timestamp: 'BIGINT',
            altitude: 'DOUBLE', callsign: 'VARCHAR', groundspeed: 'DOUBLE', icao24: 'VARCHAR', latitude: 'DOUBLE',
            longitude: 'DOUBLE', track: 'DOUBLE', vertical_rate: 'DOUBLE'}}))""",
        rows="""SELECT icao24, make_timestamptz(timestamp * 1000), callsign, altitude, groundspeed, latitude,
            longitude, track, vertical_rate FROM {raw}""",
        stored=139098, facts={"SELECT count(DISTINCT icao24) FROM t": 842}),
    "zeek_dns": dict(
        unpack="zstd -dqc {data}/zeek_dns.log.zst > raw", stdin="raw",
        raw=f"(SELECT list_transform(string_split(line, chr(9)), lambda x: nullif(x, '-')) AS f FROM {lines('raw')} WHERE line NOT LIKE '#%')",
        rows="""SELECT make_timestamptz((f[1]::DECIMAL(38,6) * 1000000)::BIGINT), f[2], f[3], f[4]::INT, f[5], f[6]::INT,
            f[7], f[8]::INT, f[9]::DECIMAL(12,6), replace(f[10], '(empty)', ''), f[11]::INT, f[12], f[13]::INT, f[14],
            f[15]::INT, f[16], f[17] = 'T', f[18] = 'T', f[19] = 'T', f[20] = 'T', f[21]::INT,
            f[22], f[23], f[24] = 'T' FROM {raw}""",
        stored=53615, facts={"SELECT count(DISTINCT orig_h) FROM t": 77,
                             "SELECT count(*) > 0 FROM t WHERE answers LIKE '%,%'": True}),
    "apache_logs": dict(
        unpack="zstd -dqc {data}/apache_logs.zst > raw", stdin="raw", raw=lines("raw"),
        rows="""SELECT f[1], nullif(f[3], '-'), strptime(regexp_extract(line, '\\[([^\\]]+)\\]', 1), '%d/%b/%Y:%H:%M:%S %z')::TIMESTAMPTZ,
            q[2], string_split(q[3], ' ')[2]::SMALLINT, nullif(string_split(q[3], ' ')[3], '-')::BIGINT,
            substr(line, length(q[1]) + length(q[2]) + length(q[3]) + 3)
            FROM (SELECT line, string_split(line, ' ') AS f, string_split(line, '"') AS q FROM {raw})""",
        stored=10000, facts={"SELECT count(DISTINCT client) FROM t": 1753,
                             "SELECT count(*) FROM t WHERE rest NOT LIKE '%\"'": 1}),
    "auth_log": dict(
        unpack="zstd -dqc {data}/auth.log.zst > raw", stdin="raw", raw=lines("raw"),
        rows="""SELECT f[4], strptime('2017 ' || f[1] || ' ' || f[2] || ' ' || f[3], '%Y %b %d %H:%M:%S'),
            regexp_extract(f[5], '^[^\\[:]+'), nullif(regexp_extract(f[5], '\\[([0-9]+)\\]', 1), '')::INT,
            substr(line, instr(line, f[5]) + length(f[5]) + 1)
            FROM (SELECT line, regexp_split_to_array(line, ' +') AS f FROM {raw})""",
        stored=7121, facts={"SELECT count(DISTINCT program) > 3 FROM t": True}),
    "nginxplus": dict(
        unpack="zstd -dqc {data}/nginxplus_json_logs.zst > raw", stdin="raw",
        raw="(SELECT json AS j FROM read_ndjson_objects('raw', maximum_object_size=10000000))",
        rows="""SELECT (j->>'$.pid')::INT, make_timestamptz((j->>'$.timestamp')::BIGINT * 1000),
            make_timestamptz((j->>'$.load_timestamp')::BIGINT * 1000), (j->>'$.version')::SMALLINT, j->>'$.nginx_version',
            j->>'$.address', (j->>'$.generation')::INT, (j->>'$.connections.accepted')::BIGINT,
            (j->>'$.connections.active')::INT, (j->>'$.connections.idle')::INT, (j->>'$.ssl.handshakes')::BIGINT,
            (j->>'$.requests.total')::BIGINT, (j->>'$.caches.http_cache.hit.bytes')::BIGINT,
            (j->'$.server_zones')::VARCHAR, (j->'$.upstreams')::VARCHAR FROM {raw}""",
        stored=500, facts={"SELECT sum(length(upstreams)) > 100000 FROM t": True}),
    "uci_diabetes": dict(
        unpack="tar --zstd -xf {data}/uci_diabetes.tar.zst", files="uci_diabetes/data-??",
        raw=f"""(SELECT f, try_strptime(f[1] || ' ' || f[2], '%m-%d-%Y %H:%M') AS ts, regexp_extract(filename, 'data-([0-9]+)$', 1)::INT AS p
            FROM (SELECT string_split(line, chr(9)) AS f, filename FROM {lines('uci_diabetes/data-??')}))""",
        rows="SELECT p, ts, f[3]::INT, nullif(f[4], '') FROM {raw} WHERE ts IS NOT NULL AND len(f) = 4",
        rejected="SELECT count(*) FROM {raw} WHERE ts IS NULL OR len(f) <> 4",
        facts={"SELECT count(DISTINCT patient) FROM t": 70,
               "SELECT count(*) > 0 FROM t WHERE value = '0Hi'": True}),
    "stock_prices": dict(
        unpack="mkdir stocks && tar --zstd -xf {data}/stock_prices_daily.tar.zst -C stocks", files="stocks/*.us.txt",
        raw=f"""(SELECT string_split(line, ',') AS f, regexp_extract(filename, '([^/.]+)\\.us\\.txt$', 1) AS ticker
            FROM {lines('stocks/*.us.txt')} WHERE line NOT LIKE 'Date,%')""",
        rows="""SELECT ticker, f[1]::DATE, f[2]::DOUBLE, f[3]::DOUBLE, f[4]::DOUBLE, f[5]::DOUBLE, f[6]::BIGINT,
            f[7]::BIGINT FROM {raw}""",
        facts={"SELECT min(day)::VARCHAR FROM t": "1970-01-02", "SELECT count(DISTINCT ticker) > 880 FROM t": True}),
}


def shell(command, folder):
    env = dict(os.environ, PATH=os.path.abspath(BUILD) + ":" + os.environ["PATH"])
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=env, capture_output=True,
                          text=True, timeout=120)


def load(name, spec, folder):
    """Through the line; the counts that pf-stage printed."""
    schema = os.path.abspath(f"{HERE}/{name}.yaml")
    source = spec.get("files") or f"--source {name} < {spec['stdin']}"
    p = shell(f"pf-stage append -S {schema} --rejects rejects stage {source} && "
              f"pf-put --create {schema} table >&2 && "
              "pf-stage read stage --after table | pf-partition | pf-pack | pf-put table >&2 && pf-put --verify table >&2",
              folder)
    if p.returncode:
        raise AssertionError(f"the line ends with {p.returncode}: {p.stderr.strip()[-800:]}")
    m = re.search(r"([\d,]+) rows? appended(?:, ([\d,]+) rejected)?", p.stderr)
    return [int((g or "0").replace(",", "")) for g in m.groups()]


def same_rows(spec, folder):
    """The rows in the one and not in the other, both ways."""
    files = glob.glob(folder + "/table/**/*.parquet", recursive=True)
    db.execute("CREATE OR REPLACE TEMP VIEW f AS SELECT * FROM read_parquet("
               f"{files!r}, hive_partitioning=false)")
    if "dt" in [r[0] for r in db.execute("DESCRIBE f").fetchall()]:
        db.execute("CREATE OR REPLACE TEMP TABLE t AS SELECT * EXCLUDE dt FROM f")
    else:
        db.execute("CREATE OR REPLACE TEMP TABLE t AS SELECT * FROM f")
    types = [(r[0], r[1]) for r in db.execute("DESCRIBE t").fetchall()]
    names = ", ".join(f'"{n}"' for n, _ in types)
    raw = spec["raw"].replace("{{", "{").replace("}}", "}")
    db.execute(f"CREATE OR REPLACE TEMP TABLE r({', '.join(chr(34) + n + chr(34) + ' ' + t for n, t in types)})")
    db.execute(f"INSERT INTO r {spec['rows'].replace('{raw}', raw)}")
    ours = spec.get("table", "SELECT * FROM t")
    for a, b, what in ((ours, "SELECT * FROM r", "stored but not DuckDB's"),
                       ("SELECT * FROM r", ours, "DuckDB's but not stored")):
        n = db.execute(f"SELECT count(*) FROM (SELECT {names} FROM ({a}) EXCEPT ALL SELECT {names} FROM ({b}))").fetchone()[0]
        if n:
            few = db.execute(f"SELECT {names} FROM ({a}) EXCEPT ALL SELECT {names} FROM ({b}) LIMIT 3").fetchall()
            raise AssertionError(f"{n} rows are {what}: {few}"[:900])
    return raw, len(files)


def check(name, spec):
    with tempfile.TemporaryDirectory() as folder:
        p = shell(spec["unpack"].format(data=os.path.abspath(DATA)), folder)
        assert p.returncode == 0, p.stderr
        here = os.getcwd()
        os.chdir(folder)
        try:
            stored, rejected = load(name, spec, folder)
            raw, files = same_rows(spec, folder)
            count = db.execute("SELECT count(*) FROM t").fetchone()[0]
            assert count == stored, f"{count} rows in the table, {stored} appended"
            assert stored == spec.get("stored", stored), f"{stored} stored, not {spec['stored']}"
            want = db.execute(spec["rejected"].replace("{raw}", raw)).fetchone()[0] if "rejected" in spec else 0
            assert rejected == want, f"{rejected} rejected, not {want}"
            if rejected:
                with open("rejects", encoding="utf-8") as f:
                    kept = [json.loads(line) for line in f]
                assert len(kept) == rejected, f"{len(kept)} lines of rejects, not {rejected}"
            for sql, value in spec["facts"].items():
                got = db.execute(sql).fetchone()[0]
                assert got == value, f"{sql} is {got}, not {value}"
            return f"{stored} rows stored, {rejected} rejected, {files} files"
        finally:
            os.chdir(here)


BUILD = os.path.abspath(BUILD)
HERE = os.path.abspath(HERE)
DATA = os.path.abspath(DATA)
chosen = sys.argv[1:] or list(SETS)
print(f"1..{len(chosen)}")
for i, set_name in enumerate(chosen, 1):
    try:
        print(f"ok {i} {set_name} # {check(set_name, SETS[set_name])}", flush=True)
    except Exception as e:  # every set reports
        print(f"# {type(e).__name__}: {e}\nnot ok {i} {set_name}", flush=True)
