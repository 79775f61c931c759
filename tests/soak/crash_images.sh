# SPDX-License-Identifier: Apache-2.0
# Power losses at 1000 moments, five seeds.
for seed in 1 2 3 4 5; do
	python3 tests/tools/crash_images.py --images 200 --seed $seed --rows 1500 | sed 's/^# \([0-9]* images\)/= \1/'
done
python3 tests/tools/crash_images.py --images 50 --careless
