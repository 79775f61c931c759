#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a disk may hold after a power cut, at full length; and that the test
# can fail.
n=${PF_SOAK_IMAGES:-100}
failed=0
for what in stage put window; do
	for run in 1 2 3 4 5; do
		python3 tests/tools/traced_images.py $what --images "$n" || failed=1
	done
	echo "= $((5 * n)) images of $what after five recorded runs"
	if python3 tests/tools/traced_images.py $what --images 20 --eatmydata > /dev/null; then
		echo "not ok $what: nothing is synced and the test does not notice"
		failed=1
	else
		echo "ok $what without syncs fails"
	fi
done
exit $failed
