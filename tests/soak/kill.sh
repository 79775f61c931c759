#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kills at full length: every crash point at least 20 times, 1000 at random.
python3 tests/tools/killer.py --each "${PF_SOAK_EACH:-20}" --random "${PF_SOAK_RANDOM:-1000}" |
	sed 's/^# *\([0-9]* killed in\)/= \1/'
exit "${PIPESTATUS[0]}"
