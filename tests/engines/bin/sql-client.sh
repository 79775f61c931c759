#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sql-client.sh -f FILE: what Flink's own script of that name does with a file of
statements, on the jars of tests/engines/install: that script and its launcher
are in no Maven artifact. Rows are printed as its tableau mode prints them."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from engines import OPENS, OUT  # noqa: E402

with open(f"{OUT}/flink.classpath") as f:
    classpath = f.read().strip()
os.execvp("java", ["java", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC",
                   "-Dfile.encoding=UTF-8", *OPENS, "-cp", f"{OUT}/flink:{classpath}", "FlinkDriver", *sys.argv[1:]])
