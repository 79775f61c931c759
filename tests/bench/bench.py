# SPDX-License-Identifier: Apache-2.0
"""bench.py BUILD ROWS: see run.

Each line is a fresh process tree. CPU seconds are user + system of the whole
tree; peak memory is the largest sum of resident set sizes seen, sampled every
20 ms (shared pages count for each process that has them). Before each line
the input is read once, so that all find it in the page cache.
"""
import os
import shutil
import subprocess
import sys
import threading
import time

BUILD, ROWS = sys.argv[1], sys.argv[2]
HERE = os.path.join(BUILD, "bench")
TABLE = "wh/default.db/clicks"
SCHEMA = os.path.abspath("examples/clicks.yaml")

DUCK_LOAD = """
import duckdb
duckdb.sql('set enable_progress_bar = false')
duckdb.sql('''copy (select * from read_json('rows.jsonl', format='newline_delimited',
  columns={user_id: 'bigint', ts: 'timestamp', event: 'varchar', item: 'varchar',
           price: 'decimal(10,2)', country: 'varchar', session: 'varchar'})
  order by user_id, ts) to 'duck.parquet' (format parquet, compression zstd)''')
"""
CLICK_LOAD = """
import chdb
chdb.query('''insert into function file('click.parquet', Parquet)
  select * from file('rows.jsonl', JSONEachRow, 'user_id Int64, ts DateTime64(3),
    event String, item String, price Nullable(Decimal(10, 2)), country String, session String')
  order by user_id, ts
  settings output_format_parquet_compression_method='zstd',
    date_time_input_format='best_effort', engine_file_truncate_on_insert=1''')
"""
OUR_LOAD = f"""pf-partition -I jsonl -S {SCHEMA} rows.jsonl | pf-pack | pf-index |
    pf-put -q --append {TABLE}"""
OUR_STAGED = f"""pf-stage append -q -S {SCHEMA} stage rows.jsonl &&
    pf-stage read stage --after {TABLE} | pf-partition | pf-pack | pf-index | pf-put -q {TABLE}"""


def tree_rss(root):
    """Resident bytes of a process and all its descendants."""
    children = {}
    rss = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(pid))
        rss[int(pid)] = int(fields[21]) * 4096
    total, todo = 0, [root]
    while todo:
        pid = todo.pop()
        total += rss.get(pid, 0)
        todo += children.get(pid, [])
    return total


def measure(command):
    peak = 0
    begin = time.monotonic()
    child = subprocess.Popen(["bash", "-o", "pipefail", "-c", command])
    done = threading.Event()

    def sample():
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, tree_rss(child.pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    done.set()
    sampler.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, wall, usage.ru_utime + usage.ru_stime, peak


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(path) for f in fs)


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def load():
    python = sys.executable
    lines = [
        ("ParaFlow", OUR_LOAD, TABLE),
        ("ParaFlow, staged", OUR_STAGED, TABLE),
        ("DuckDB", f'{python} -c "$DUCK_LOAD"', "duck.parquet"),
        ("ClickHouse", f'{python} -c "$CLICK_LOAD"', "click.parquet"),
    ]
    os.environ.update(DUCK_LOAD=DUCK_LOAD, CLICK_LOAD=CLICK_LOAD)
    print(f"\n{ROWS} rows, {size('rows.jsonl') / 1e9:.2f} GB of JSON lines "
          f"to sorted zstd Parquet, {os.cpu_count()} cores:\n")
    row("line", "wall s", "CPU s", "peak MiB", "output MB")
    row("---", "--:", "--:", "--:", "--:")
    for name, command, output in lines:
        shutil.rmtree("wh", ignore_errors=True) if "ParaFlow" in name else None
        shutil.rmtree("stage", ignore_errors=True)
        if "ParaFlow" in name:
            subprocess.run(["pf-put", "-q", "--create", SCHEMA, TABLE], check=True)
        subprocess.run(["cat", "rows.jsonl"], stdout=subprocess.DEVNULL, check=True)
        status, wall, cpu, peak = measure(command)
        if status:
            row(name, f"failed ({status})", "", "", "")
            continue
        row(name, f"{wall:.2f}", f"{cpu:.2f}", f"{peak / 2**20:.0f}", f"{size(output) / 1e6:.0f}")


def best(command, times=5):
    walls = []
    for _ in range(times):
        begin = time.monotonic()
        subprocess.run(["bash", "-c", command], check=True, stdout=subprocess.DEVNULL)
        walls.append(time.monotonic() - begin)
    return min(walls), sorted(walls)[times // 2]


def lookup():
    import duckdb
    files = f"{TABLE}/**/*.parquet"
    sql = f"select * from read_parquet('{files}') where user_id = 35762 order by ts"
    print("\none entity, all its rows in time order:\n")
    row("process", "best ms", "median ms")
    row("---", "--:", "--:")
    ours = best(f"pf-query {TABLE} --id 35762 -O tsv")
    row("pf-query, fresh", f"{ours[0] * 1e3:.1f}", f"{ours[1] * 1e3:.1f}")
    os.environ["SQL"] = sql
    duck = best(sys.executable + " -c 'import duckdb, os; duckdb.sql(os.environ[\"SQL\"]).fetchall()'")
    row("DuckDB, fresh", f"{duck[0] * 1e3:.1f}", f"{duck[1] * 1e3:.1f}")
    con = duckdb.connect()
    con.sql("set enable_object_cache=true")
    walls = []
    for _ in range(7):
        begin = time.monotonic()
        rows = con.sql(sql).fetchall()
        walls.append(time.monotonic() - begin)
    row("DuckDB, warm", f"{min(walls) * 1e3:.1f}", f"{sorted(walls)[3] * 1e3:.1f}")
    got = subprocess.run(["pf-query", TABLE, "--id", "35762", "-O", "tsv", "-c", "user_id"], check=True,
                         stdout=subprocess.PIPE, text=True).stdout.count("\n") - 1
    assert got == len(rows), (got, len(rows))
    print(f"\n{got} rows each.")


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    os.chdir(HERE)
    with open("rows.jsonl", "wb") as f:
        subprocess.run(["gen", ROWS], stdout=f, check=True)
    load()
    lookup()
    os.chdir("/")
    shutil.rmtree(HERE)


main()
