#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh BUILD: real logs through the whole line, then ten million generated
# rows for speed. Prints every command it runs; everything it makes is under
# BUILD/demo, or $PF_DEMO_DIR. PF_DEMO_ROWS changes the number of generated rows.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 4
case ${1:-build} in
/*) B=${1:-build} ;;
*) B=$PWD/${1:-build} ;;
esac
examples=$PWD/examples
export PATH=$B:$B/tools:$PATH LC_ALL=C.UTF-8 TZ=UTC0
rows=${PF_DEMO_ROWS:-10000000}
place=${PF_DEMO_DIR:-$B/demo}
rm -rf "$place"
mkdir -p "$place"
cd "$place" || exit 4

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

say()
{
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# Show a command line, then run it.
do_it()
{
	printf '$ %s\n' "${1//$'\n'/$'\n  '}"
	local status=0
	eval "$1" || status=$?
	if [ $status != 0 ]; then
		echo "demo: this command failed with exit status $status" >&2
		exit $status
	fi
}

now_ms()
{
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

thousands()
{
	printf '%s' "$1" | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta'
}

# rate WHAT ROWS SINCE_MS
rate()
{
	local ms=$(($(now_ms) - $3))
	[ $ms -gt 0 ] || ms=1
	printf '  %s: %s rows in %d.%03d s, %s rows per second\n' "$1" "$(thousands "$2")" \
		$((ms / 1000)) $((ms % 1000)) "$(thousands $(($2 * 1000 / ms)))"
}

say "1. What happened to this machine's packages"
if [ "$(zcat -f /var/log/dpkg.log* 2> /dev/null | head -n 1 | wc -l)" = 1 ]; then
	echo "Its log, /var/log/dpkg.log, becomes rows: entity = package, time = when."
	do_it "zcat -f \$(ls -tr /var/log/dpkg.log*) | awk -f $examples/packages.awk > packages.tsv"
else
	echo "It keeps no log of them; the times of /var/lib/dpkg/info/*.list tell when each was unpacked."
	do_it "find /var/lib/dpkg/info -name '*.list' -printf '%TY-%Tm-%Td %TH:%TM:00 status unpacked %f unknown\n' |
    sed 's/\.list / /' | awk -f $examples/packages.awk > packages.tsv"
fi
echo "Accept them: when this returns, they are on disk."
do_it "pf-stage append -S $examples/packages.yaml packages.stage packages.tsv"
echo "Make a table, and load what the stage has accepted: one atomic commit."
do_it "pf-put --create $examples/packages.yaml wh/default.db/packages"
do_it "pf-stage read packages.stage --after wh/default.db/packages |
    pf-partition | pf-pack | pf-index | pf-put wh/default.db/packages"
package=$(cut -f 1 packages.tsv | tail -n +2 | sort | uniq -c | sort -k1,1nr -k2 | awk 'NR == 1 { print $2 }')
echo "The history of one package, in time order:"
do_it "pf-query wh/default.db/packages packages.stage --id $package -n 8 -O table"
echo "A row is visible as soon as it was accepted, before any commit:"
do_it "(head -n 1 packages.tsv; printf '%s\t%s\tdemo\t\t\t\n' $package \"\$(date +'%F %T')\") > late.tsv"
do_it "pf-stage append packages.stage late.tsv"
do_it "pf-query wh/default.db/packages packages.stage --id $package -w \"action = 'demo'\" -O table"

say "2. Speed: $(thousands "$rows") generated rows"
need_mib=$((rows / 2500))
free_mib=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
if [ "$free_mib" -lt "$need_mib" ]; then
	rows=$((rows / 10))
	echo "There are only $free_mib MiB free here, so $(thousands $rows) rows have to do."
fi
start=$(now_ms)
do_it "gen $rows | pf-stage append -S $examples/clicks.yaml clicks.stage"
rate "accepted, durable" "$rows" "$start"
do_it "pf-put --create $examples/clicks.yaml wh/default.db/clicks"
start=$(now_ms)
do_it "pf-stage read clicks.stage --after wh/default.db/clicks |
    pf-partition | pf-pack | pf-index | pf-put wh/default.db/clicks"
rate "partitioned, sorted, packed, indexed, committed" "$rows" "$start"
du -sh clicks.stage wh/default.db/clicks | sed 's/^/  /'

say "3. Three answers"
echo "What one user bought since 24 March, the first five:"
start=$(now_ms)
do_it "pf-query wh/default.db/clicks clicks.stage --id 35762 --since 2024-03-24 -w \"event = 'buy'\" -n 5 -O table"
echo "  found among $(thousands "$rows") rows in $(($(now_ms) - start)) ms, a fresh process"
echo "What people do:"
do_it "pf-query wh/default.db/clicks --group-by event -c 'event, count(*) as n, sum(price) as total' --order-by 'n desc' -O table"
echo "Who spends most:"
do_it "pf-query wh/default.db/clicks -w \"event = 'buy'\" --group-by user_id \\
    -c 'user_id, count(*) as buys, sum(price) as total' --order-by 'total desc' -n 5 -O table"

say "Yours to try"
cat <<END
  cd $place && export PATH=$B:\$PATH
  pf-query wh/default.db/clicks --id 35762 --explain
  pf-query wh/default.db/packages -w "action in ('install', 'upgrade')" -c package,ts,old_version,version
  pf-query wh/default.db/clicks --snapshots
  pf-put --verify wh/default.db/clicks

The tables under $place/wh are Apache Paimon's: pypaimon, Spark, Flink, Trino read and write the very same files.
END
