#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A table loaded as it comes for an hour, from Kafka; then for ten minutes from
# an embedded stage. make check has two short forms.
seconds=${PF_SOAK_SECONDS:-3600}
status=0
if "$PF_PYTHON" tests/engines/kafka.py install 3.9; then
	"$PF_PYTHON" tests/soak/follow.py --stage kafka --seconds "$seconds" || status=1
fi
"$PF_PYTHON" tests/soak/follow.py --stage embedded --seconds "$((seconds / 6))" || status=1
exit $status
