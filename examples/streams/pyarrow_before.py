#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pyarrow_before.py CSV...: daily prices, one file a ticker, whose name is only in
the file's, as an Arrow stream for pf-stage append. Empty files are passed over."""
import os
import sys

import pyarrow as pa
import pyarrow.csv

schema = pa.schema({"ticker": pa.string(), "day": pa.date32(), "close": pa.float64(), "volume": pa.int64()})
with pa.ipc.new_stream(sys.stdout.buffer, schema) as out:
    for path in sys.argv[1:]:
        if os.path.getsize(path) == 0:
            continue
        t = pa.csv.read_csv(path)
        ticker = pa.repeat(os.path.basename(path).split(".")[0], len(t))
        out.write_table(pa.table([ticker, t["Date"], t["Close"], t["Volume"]], schema.names).cast(schema))
