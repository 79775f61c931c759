#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# follow.sh TABLE STAGE [READ-OPTION...]: load a stage, a directory or
# kafka://host/topic, into a table as its rows come, for days. One commit every
# $PF_EVERY (60s) in which there were rows.
#
#   follow.sh wh/default.db/events 'kafka://broker/events' --kafka-config kafka.properties
#
# Ends at SIGTERM or SIGINT: what was read is committed first. What may pass (75:
# no broker, another commit came first, the definition grew) is tried again,
# after a second, then longer, at most a minute; after another failure it ends
# with its status. It begins where the table stands, so it may be killed at
# any moment. examples/paraflow-follow.service runs it under systemd.
# Beside it, by cron, small files become big ones and old snapshots go:
#
#   17 * * * *  maintain.sh wh/default.db/events
set -u
if [ $# -lt 2 ]; then
	echo "usage: follow.sh TABLE STAGE [READ-OPTION...]" >&2
	exit 2
fi
table=$1 stage=$2
shift 2
every=${PF_EVERY:-60s}
status_file=$(mktemp) || exit 4
trap 'rm -f "$status_file"' EXIT

# The line is a session of its own: the signal goes to all of it at once, and
# only from here.
line=
stopping=
stop()
{
	stopping=1
	# It may be about to begin.
	while [ -n "$line" ] && kill -0 "$line" 2> /dev/null; do
		kill -TERM "-$line" 2> /dev/null && break
		sleep 0.1
	done
}
trap stop TERM INT

pause=1
while [ -z "$stopping" ]; do
	begin=$(date +%s)
	: > "$status_file"
	# shellcheck disable=SC2016
	setsid sh -c '
		trap : TERM
		every=$1 status_file=$2 table=$3 stage=$4
		shift 4
		{
			pf-stage read --follow "$stage" --after "$table" "$@"
			echo $? > "$status_file"
		} | pf-partition | pf-pack --every "$every" | pf-index | pf-put "$table"
		exit $?' sh "$every" "$status_file" "$table" "$stage" "$@" &
	line=$!
	[ -z "$stopping" ] || stop
	wait "$line"
	status=$?
	# A signal ends wait, not the line.
	while [ -n "$stopping" ] && kill -0 "-$line" 2> /dev/null; do
		sleep 0.1
	done
	line=
	[ -z "$stopping" ] || break
	read -r head < "$status_file" && [ "$head" != 0 ] && status=$head
	[ "$status" = 75 ] || exit "$status"
	[ $(($(date +%s) - begin)) -lt 60 ] || pause=1
	echo "follow.sh: trying again in $pause s" >&2
	sleep "$pause" &
	wait $!
	pause=$((pause * 2 > 60 ? 60 : pause * 2))
done
exit 0
