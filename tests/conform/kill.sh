#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The short form of the kill test; tests/soak/kill.sh is the long one.
for p in pf-stage pf-partition pf-pack pf-put pf-query; do
	command -v "$p" > /dev/null || { echo "ok 1 kills # skip no $p"; exit 0; }
done
exec python3 "$(dirname "$0")/../tools/killer.py" --each 2 --random 25
