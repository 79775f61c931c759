#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# load.sh TABLE SCHEMA STAGE [FILE...]: append files to a stage, then load
# what the stage has accepted into the table. Made for cron:
#
#   */5 * * * *  load.sh wh/default.db/events events.yaml stage /var/log/app/*.jsonl
#
# One run at a time (a second one exits 75 at once). Everything is said in
# $PF_LOG, by default STAGE.log; nothing on stdout, so that cron stays silent.
# Run again after any failure: what was accepted is never lost, what was
# loaded is never loaded twice.
#
# Exit status: that of the first program that failed (pf(7)); 0 when all is
# loaded; 75 when another run holds the lock.
set -u
export LC_ALL=C

if [ $# -lt 3 ]; then
	echo "usage: load.sh TABLE SCHEMA STAGE [FILE...]" >&2
	exit 2
fi
table=$1 schema=$2 stage=$3
shift 3
log=${PF_LOG:-${stage%/}.log}

# The lock is held by the open descriptor, so no crash can leave it behind.
exec 9> "${stage%/}.lock" || exit 4
if ! flock -n 9; then
	echo "load.sh: another run holds ${stage%/}.lock" >&2
	exit 75
fi
exec 2>> "$log" || exit 4

say()
{
	echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) load.sh[$$]: $*" >&2
}

fail()
{
	say "$1 failed with exit status $2"
	exit "$2"
}

say "begin"
if [ $# -gt 0 ]; then
	pf-stage append -S "$schema" --rejects "${stage%/}.rejects" "$stage" "$@" || fail pf-stage $?
fi
if [ ! -e "$table/schema/schema-0" ]; then
	mkdir -p "$(dirname "$table")" && pf-put --create "$schema" "$table" >&2 || fail "pf-put --create" $?
fi

# Every program tells the next one when it fails, so the status of the last
# says whether the commit happened. pf-stage's own failure comes as 3 or 5.
pf-stage read "$stage" --after "$table" |
	pf-partition |
	pf-pack |
	pf-put "$table" >&2
status=$?
[ $status = 0 ] || fail "the load line" $status
say "done"
