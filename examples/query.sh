#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# query.sh TABLE STAGE [PF-QUERY OPTIONS...]: write a report about stored and
# just accepted rows to a file, whole or not at all. Made for cron:
#
#   0 6 * * *  PF_REPORT=/srv/report.csv query.sh wh/default.db/events stage \
#                  -O csv --since 1d --group-by event -c 'event, count(*)'
#
# Waits at most a minute for another run of itself. The report goes to
# $PF_REPORT (default: stdout), messages to $PF_LOG (default: stderr).
# Exit status: pf-query's (pf(7)); 75 when another run holds the lock.
set -u
export LC_ALL=C

if [ $# -lt 2 ]; then
	echo "usage: query.sh TABLE STAGE [PF-QUERY OPTIONS...]" >&2
	exit 2
fi
table=$1 stage=$2
shift 2
[ -z "${PF_LOG-}" ] || exec 2>> "$PF_LOG" || exit 4

if [ -n "${PF_REPORT-}" ]; then
	exec 9> "$PF_REPORT.lock" || exit 4
	flock -w 60 9 || exit 75
	set -- -f -o "$PF_REPORT" "$@"
fi

# 75: a file vanished while it was read (trim, expiry); the newest snapshot
# has it all, so ask again.
for attempt in 1 2 3; do
	pf-query "$table" "$stage" "$@"
	status=$?
	[ $status = 75 ] || break
	sleep $attempt
done
if [ $status != 0 ]; then
	echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) query.sh[$$]: pf-query failed with exit status $status" >&2
fi
exit $status
