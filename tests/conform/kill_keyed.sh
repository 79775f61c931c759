#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kill test on a table with a primary key: nothing is lost, and nothing is
# loaded twice; of one that is compacted no row changes.
for p in pf-stage pf-partition pf-pack pf-put pf-query; do
	command -v "$p" > /dev/null || { echo "ok 1 kills # skip no $p"; exit 0; }
done
python3 "$(dirname "$0")/../tools/killer.py" --keyed --each 1 --random 8 --rows 8000
loads=$?
python3 "$(dirname "$0")/../tools/killer.py" --keyed --compact --each 1 --random 6 --rows 8000 &&
	exit $loads
