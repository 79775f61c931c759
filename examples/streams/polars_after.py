#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""polars_after.py: how far did aircraft climb? From the Arrow stream of
pf-query -O arrow; the five that climbed most."""
import sys

import polars as pl

climbs = (
    pl.read_ipc_stream(sys.stdin.buffer)
    .lazy()
    .sort("icao24", "ts")
    .group_by("icao24")
    .agg(positions=pl.len(), climbed=pl.col("altitude_m").diff().clip(lower_bound=0).sum().round().cast(int))
    .sort("climbed", "icao24", descending=[True, False])
    .head(5)
)
print(climbs.collect().write_csv(separator="\t"), end="")
