# SPDX-License-Identifier: Apache-2.0
"""What the table holds afterwards, as others read it: pypaimon says which
files are in it, DuckDB reads them."""
import os

import rows
from lines import Trouble


def data_files(table):
    import pypaimon
    warehouse, database, name = table.rsplit("/", 2)
    catalog = pypaimon.CatalogFactory.create({"warehouse": warehouse})
    t = catalog.get_table(f"{database.removesuffix('.db')}.{name}")
    builder = t.new_read_builder()
    files = []
    for split in builder.new_scan().plan().splits():
        files += [f.file_path if hasattr(f, "file_path") and f.file_path else
                  os.path.join(table, f.file_name) for f in split.files]
    return [str(f) for f in files]


def verify(table, sources, total_order=None):
    """Every acknowledged row once, no other row, and in order. total_order:
    (source, pos) in the stage's order, where it has one."""
    import duckdb
    files = data_files(table)
    db = duckdb.connect()
    db.execute("set threads=2; set memory_limit='2GB'")
    if not files:
        if any(s.acked_lines() for s in sources):
            raise Trouble("rows are acknowledged, and the table has no file")
        return 0
    db.execute("create table t as select id, ts, source, pos, text, filename as file, "
               "file_row_number as nr from read_parquet(?, filename=true, "
               "file_row_number=true, hive_partitioning=false)", [files])
    db.execute("create table s (source int, written bigint, acked bigint, complete bool)")
    db.executemany("insert into s values (?, ?, ?, ?)",
                   [(s.number, s.written, s.written if s.complete else s.acked_lines(),
                     s.complete) for s in sources])

    def none(what, sql):
        wrong = db.execute(sql).fetchall()
        if wrong:
            raise Trouble(f"{what}: {wrong[:5]} (of {len(wrong)})")
    none("rows twice", "select source, pos, count(*) from t group by all having count(*) > 1")
    none("rows of nobody", "select source, pos from t left join s using (source) "
         f"where written is null or pos >= written or pos < 0 or pos % {rows.BAD_EVERY} "
         f"= {rows.BAD_EVERY - 1}")
    none("rows with other values", "select source, pos, id, ts, text from t where "
         f"id <> {rows.ID_SQL} or ts <> {rows.TS_SQL} or "
         "text <> 'row ' || pos || ' of source ' || source")
    none("acknowledged rows lost (source, acknowledged lines, rows there)",
         "select s.source, any_value(acked), count(pos) from s left join t "
         "on t.source = s.source and pos < acked group by s.source "
         f"having count(pos) <> any_value(acked - acked // {rows.BAD_EVERY})")
    none("files not sorted by (id, time)", "select file, nr from (select *, lag(id) over w "
         "as i, lag(ts) over w as m from t window w as (partition by file order by nr)) "
         "where id < i or id = i and ts < m")
    none("rows of a source out of order", "select file, nr, source, pos, before from ("
         "select *, max(pos) over (partition by file, id, ts, source order by nr rows "
         "between unbounded preceding and 1 preceding) as before from t) where pos < before")
    if total_order is not None:
        db.register("o", total_order)
        db.execute("create table o2 as select source, pos, row_number() over () as seq from o")
        none("rows out of the stage's order", "select file, nr, seq, before from (select *, "
             "max(seq) over (partition by file, id, ts order by nr rows between unbounded "
             "preceding and 1 preceding) as before from t join o2 using (source, pos)) "
             "where seq < before")
    return db.execute("select count(*) from t").fetchone()[0]
