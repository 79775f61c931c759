#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# maintain.sh TABLE...: what a table needs now and then. Made for cron, beside
# loads and queries:
#
#   15 3 * * *  maintain.sh wh/default.db/events wh/default.db/clicks
#
# Small files are merged, snapshots older than $PF_KEEP (7d) expire, files left
# by crashes go after $PF_ORPHANS (2d), and on the first of a month the table is
# tagged with the month's name, to stay readable for good. One run at a time per
# table (another one is skipped, and the status is 75 then). Everything is said
# in $PF_LOG, by default TABLE.maintain.log.
#
# Exit status: that of the first step that failed; the other tables are still
# looked after.
set -u
export LC_ALL=C

if [ $# -lt 1 ]; then
	echo "usage: maintain.sh TABLE..." >&2
	exit 2
fi
keep=${PF_KEEP:-7d} orphans=${PF_ORPHANS:-2d} worst=0

say()
{
	echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) maintain.sh[$$]: $*" >&2
}

# One step; what it says is in the log.
step()
{
	pf-put "$@" >&2 && return 0
	status=$?
	say "pf-put $* failed with exit status $status"
	[ $worst != 0 ] || worst=$status
	return $status
}

maintain()
{
	say "$1: begin"
	step --compact "$1" || return
	if [ "$(date -u +%d)" = 01 ]; then
		month=$(date -u +%Y-%m)
		[ -e "$1/tag/tag-$month" ] || step --tag "$month" "$1" || return
	fi
	step --expire --keep-time "$keep" "$1" || return
	step --clean --older-than "$orphans" "$1" || return
	say "$1: done"
}

for table; do
	# The lock is held by the open descriptor, so no crash can leave it behind.
	exec 9> "${table%/}.maintain.lock" || exit 4
	if ! flock -n 9; then
		echo "maintain.sh: another run holds ${table%/}.maintain.lock" >&2
		[ $worst != 0 ] || worst=75
		continue
	fi
	maintain "$table" 2>> "${PF_LOG:-${table%/}.maintain.log}"
done
exit $worst
