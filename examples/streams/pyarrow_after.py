#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pyarrow_after.py FILE: write the Arrow stream of pf-query -O arrow into a Parquet
file, one batch after the other, and say what is in it."""
import sys

import pyarrow as pa
import pyarrow.parquet

rows = pa.ipc.open_stream(sys.stdin.buffer)
with pa.parquet.ParquetWriter(sys.argv[1], rows.schema) as out:
    for batch in rows:
        out.write_batch(batch)
print(sys.argv[1], pa.parquet.read_metadata(sys.argv[1]).num_rows, "rows of", ", ".join(rows.schema.names))
