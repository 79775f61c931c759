#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""polars_before.py JSON: positions of aircraft (one JSON array), the first of each
minute, in metric units, as an Arrow stream for pf-stage append."""
import sys

import polars as pl

positions = (
    pl.read_json(sys.argv[1])
    .lazy()
    .with_columns(ts=pl.from_epoch("timestamp", "ms").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"))
    .sort("ts")
    .group_by("icao24", minute=pl.col("ts").dt.truncate("1m"), maintain_order=True)
    .first()
    .select("icao24", "ts", "callsign", altitude_m=pl.col("altitude") * 0.3048,
            speed_kmh=pl.col("groundspeed") * 1.852, latitude="latitude", longitude="longitude")
)
positions.collect().write_ipc_stream(sys.stdout.buffer)
