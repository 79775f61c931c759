#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""duckdb_before.py CSV...: invoices of a web shop, cleaned with SQL, as an Arrow
stream for pf-stage append. Cancellations (C...) and lines without customer go."""
import sys

import duckdb
import pyarrow as pa

rows = duckdb.sql("""
    SELECT CustomerID::DOUBLE::BIGINT AS customer, InvoiceDate::TIMESTAMP_S AS ts, InvoiceNo AS invoice,
        StockCode AS stock_code, Quantity::INT AS quantity, UnitPrice::DECIMAL(12,3) AS unit_price,
        Country AS country
    FROM read_csv(?, header = true, all_varchar = true)
    WHERE CustomerID IS NOT NULL AND InvoiceNo NOT LIKE 'C%'""", params=[sys.argv[1:]]).to_arrow_reader(10000)
with pa.ipc.new_stream(sys.stdout.buffer, rows.schema) as out:
    for batch in rows:
        out.write_batch(batch)
