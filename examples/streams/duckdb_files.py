#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""duckdb_files.py TABLE SQL [PF-QUERY OPTION...]: run SQL on the files that are in
the table now, read by DuckDB itself; its rows are called `rows`. Options such as
--snapshot choose another version."""
import json
import subprocess
import sys

import duckdb

table, sql, *options = sys.argv[1:]
listed = subprocess.run(["pf-query", "--files", table, "-O", "jsonl", *options], check=True, capture_output=True)
files = [json.loads(line) for line in listed.stdout.splitlines()]
paths = ["/".join(filter(None, (table, f["partition"], f"bucket-{f['bucket']}", f["file"]))) for f in files]
# dt is a column of the files, too: the directories need not be parsed.
rows = duckdb.read_parquet(paths, hive_partitioning=False)
for row in duckdb.sql(sql).fetchall():
    print(*row, sep="\t")
