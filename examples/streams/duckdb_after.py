#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""duckdb_after.py SQL: run SQL on the Arrow stream of pf-query -O arrow; its rows
are called `rows`."""
import sys

import duckdb
import pyarrow as pa

rows = pa.ipc.open_stream(sys.stdin.buffer)
for row in duckdb.sql(sys.argv[1]).fetchall():
    print(*row, sep="\t")
