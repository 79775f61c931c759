#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# L15 of Hourglass's study: pf-window is killed at every single system call of a
# run that goes on from a state, is run again, and gives the bytes of a run
# that was not disturbed; the run after that does, too.
set -u
for p in strace pf-partition pf-pack pf-put pf-window; do
	command -v $p > /dev/null || { echo "ok 1 L15 # skip no $p"; exit 0; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/pf-hourglass.XXXXXX") || exit 4
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/../bats/hourglass.bash"
cd "$work" || exit 4
strace -f -qq -o trace true 2> /dev/null || { echo "ok 1 L15 # skip strace cannot trace here"; exit 0; }

window()
{
	pf-window -q -O tsv -s "$1" -W 3d -g id count min:id events
}

events
for day in 1 2 3 4 5; do march "0$day" 1:3 "2:$day" 3:1; done
pf-window -q -s state -W 3d --end 2013-03-05 -g id count min:id events > /dev/null
march 03 2:2
march 04 4:1
cp -r state before
strace -f -qq -o trace pf-window -q -O tsv -s state -W 3d -g id count min:id events > want
window state > again
cmp -s want again || { echo "not ok 1 L15: the second run differs"; exit 1; }

failed=0
killed=0
while read -r call nth; do
	rm -rf s
	cp -r before s
	strace -f -qq -o /dev/null -e "inject=$call:signal=KILL:when=$nth" \
		pf-window -q -O tsv -s s -W 3d -g id count min:id events > out 2> /dev/null
	[ $? = 137 ] && killed=$((killed + 1))
	for run in 1 2; do
		window s > out 2> err
		if ! cmp -s want out; then
			echo "# killed at $call $nth: run $run afterwards differs: $(head -1 err)"
			failed=1
		fi
	done
done < <(sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' trace | grep -v -e exit -e execve |
	awk '{ print $1, ++n[$1] }') 2> /dev/null # "Killed"
if [ $killed -lt 150 ]; then
	echo "# only $killed runs were killed"
	failed=1
fi
echo 1..1
[ $failed = 0 ] && echo "ok 1 L15: killed at each of $killed system calls, the same bytes" ||
	echo "not ok 1 L15"
exit $failed
