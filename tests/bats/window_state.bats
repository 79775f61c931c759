# SPDX-License-Identifier: Apache-2.0
# pf-window -s: only what changed is read, and the answer is that of a recompute.

load helpers
load window_table

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	window_table
}

@test "an append is merged: only its file is read, and the answer is a recompute's" {
	load_rows "1 1 1.50" "2 1 2" "1 2 3"
	equals "$(rows -s st -W 3d --allow-missing -g id count sum:price)" \
		"$(printf '1 2013-02-27 2013-03-03 2 4.50\n2 2013-02-27 2013-03-03 1 2.00' | sed s/02-27/02-28/)"
	load_rows "1 3 10" "3 3 1"
	mv t/dt=2013-03-01 away # what is not needed is not even opened
	equals "$(rows -s st -W 2d -g id count sum:price)" \
		"$(printf '1 2013-03-02 2013-03-04 2 13.00\n3 2013-03-02 2013-03-04 1 1.00')"
	equals "$(rows -s st -W 3d -g id count sum:price)" \
		"$(printf '1 2013-03-01 2013-03-04 3 14.50\n2 2013-03-01 2013-03-04 1 2.00\n3 2013-03-01 2013-03-04 1 1.00')"
	mv away t/dt=2013-03-01
	equals "$(rows -s st -W 3d -g id count sum:price)" "$(rows -W 3d -g id count sum:price)"
}

@test "changes of a few late rows: only their keys are looked at, no answer is written" {
	local i answer changes
	changes() { rows -s st -W 2d --changes -g id count sum:price; }
	for i in 1 2; do
		seq 40 | sed "s/.*/{\"id\":&,\"ts\":\"2013-03-0${i}T12:00:00.000\",\"price\":$i}/"
	done | pf-partition -S t.yaml -I jsonl | pf-pack -qq > new.arrows
	pf-put -q --append t new.arrows
	changes > /dev/null
	answer=$(ls st/window-*)
	load_rows "3 1 5"
	equals "$(changes)" "$(printf -- '- 3 2013-03-01 2013-03-03 2 3.00\n+ 3 2013-03-01 2013-03-03 3 8.00')"
	load_rows "3 2 0" "50 1 1"
	equals "$(changes)" "$(printf -- '- 3 2013-03-01 2013-03-03 3 8.00\n+ 3 2013-03-01 2013-03-03 4 8.00\n+ 50 2013-03-01 2013-03-03 1 1.00')"
	equals "$(changes)" ""
	equals "$(ls st/window-*)" "$answer"
	# Runs that become one, and days that leave: it is written before.
	for i in {1..10}; do
		load_rows "3 1 $((10 + i))"
		equals "$(changes | cut -d ' ' -f 1,2,5 | tr '\n' ' ')" "- 3 $((i + 3)) + 3 $((i + 4)) "
	done
	equals "$(rows -s st -W 2d -g id count sum:price)" "$(rows -W 2d -g id count sum:price)"
	load_rows "3 3 7"
	equals "$(changes | grep -c '^-')" 41
	equals "$(rows -s st -W 2d -g id count sum:price)" "$(rows -W 2d -g id count sum:price)"
}

# what --changes gives, onto the answer in the file view, is the recompute's; the
# bounds of windows aside
follows() # WINDOW AGGREGATE...
{
	local window=$1
	shift
	touch view
	rows -s st --changes -W "$window" -g id "$@" | cut -d ' ' -f 1,2,5- > changes
	awk 'FILENAME == "view" { row[$1] = $0; next }
		{ change = $1; id = $2; sub(/^. /, "") }
		change == "-" && row[id] != $0 { print "not what was: " $0 }
		change == "-" { delete row[id] }
		change == "+" { row[id] = $0 }
		END { for (id in row) print row[id] }' view changes | sort -n > now
	mv now view
	equals "$(cat view)" "$(rows -W "$window" -g id "$@" | cut -d ' ' -f 1,4-)"
}

# load_keys DAY PRICE FIRST STEP LAST: a row for each key, in one commit
load_keys()
{
	seq "$3" "$4" "$5" | sed "s/.*/{\"id\":&,\"ts\":\"2013-03-$(printf %02d "$1")T12:00:00.000\",\"price\":$2}/" |
		pf-partition -S t.yaml -I jsonl | pf-pack -qq > new.arrows
	pf-put -q --append t new.arrows
}

@test "changes of many keys: what others have beside them does not matter" {
	local answer
	load_keys 1 1 2 2 300
	load_keys 2 2 3 3 300
	follows 2d count sum:price
	answer=$(ls st/window-*)
	load_keys 1 4 5 7 250
	follows 2d count sum:price
	load_keys 2 4 1 9 280
	follows 2d count sum:price
	equals "$(ls st/window-*)" "$answer"
	load_keys 2 4 1 1 280
	follows 2d count sum:price
	[ "$(ls st/window-*)" != "$answer" ]
}

@test "changes of windows that are put together anew" {
	local day
	for day in 1 2 3 4 5 6 7; do
		load_keys $day $((day * 7 % 5)) $day $day 40
		follows 4d --allow-missing count max:price days distinct:price
	done
	load_keys 6 9 3 4 30
	follows 4d --allow-missing count max:price days distinct:price
	follows 4d --allow-missing count max:price days distinct:price
	equals "$(cat changes)" ""
}

@test "changes of rows that were given out and are gone, and of values that time changes" {
	load_keys 1 1 1 1 40
	load_keys 2 1 1 1 40
	follows 2d count sum:price
	load_rows "3 1 5"
	follows 2d count sum:price
	equals "$(cat changes)" "$(printf -- '- 3 2 2.00\n+ 3 3 7.00')"
	pf-put -q --rollback 2 t
	follows 2d count sum:price
	equals "$(cat changes)" "$(printf -- '- 3 3 7.00\n+ 3 2 2.00')"
	load_rows "4 1 6"
	follows 2d count sum:price
	equals "$(cat changes)" "$(printf -- '- 4 2 2.00\n+ 4 3 8.00')"
	# another snapshot of the same number
	pf-put -q --rollback 2 t
	load_rows "5 1 7"
	follows 2d count sum:price
	equals "$(cat changes)" "$(printf -- '- 4 3 8.00\n+ 4 2 2.00\n- 5 2 2.00\n+ 5 3 9.00')"
	rm -r st view
	follows since=2013-03-01 count days:2
	load_keys 3 1 1 4 40
	follows since=2013-03-01 count days:2
	load_keys 4 1 1 5 40
	follows since=2013-03-01 count days:2
	equals "$(sed -n 2p view)" "2 2 0"
}

@test "an answer waits for more before it is written, and for no day that leaves the state" {
	local day answer
	for day in {1..10}; do load_keys "$day" "$day" "$day" 1 $((day + 1)); done
	load_keys 11 1 1 3 1200
	load_keys 12 5 1 3 1200
	follows 12d count sum:price
	answer=$(ls st/window-*)
	for day in {13..18}; do
		load_keys "$day" "$day" $((day * 2)) 1 $((day * 2 + 2))
		follows 12d count sum:price
		equals "$(ls st/window-*)" "$answer"
		equals "$(rows -s st -W 12d -g id count sum:price)" "$(rows -W 12d -g id count sum:price)"
	done
	for day in {19..22}; do
		load_keys "$day" "$day" $((day * 2)) 1 $((day * 2 + 2))
		follows 12d count sum:price
	done
	[ "$(ls st/window-*)" != "$answer" ]
	answer=$(ls st/window-*)
	load_keys 23 1 2 3 1200
	follows 12d count sum:price
	[ "$(ls st/window-*)" != "$answer" ]
}

@test "a file of several days is not taken for one of a day" {
	rm -r t
	sed -i 's/partition: day/partition: none/' t.yaml
	pf-put -q --create t.yaml t
	load_rows "1 1 1" "1 2 2" "1 3 4" "2 3 8"
	equals "$(rows -s st -W 3d -g id count sum:price)" \
		"$(printf '1 2013-03-01 2013-03-04 3 7.00\n2 2013-03-01 2013-03-04 1 8.00')"
	load_rows "1 3 16" "2 3 32"
	equals "$(rows -s st -W 1d --end 2013-03-03 -g id count sum:price)" \
		"1 2013-03-02 2013-03-03 1 2.00"
	equals "$(rows -s st -W 1d -g id count sum:price)" \
		"$(printf '1 2013-03-03 2013-03-04 2 20.00\n2 2013-03-03 2013-03-04 2 40.00')"
	equals "$(rows -s st -W 2d -g id count sum:price)" "$(rows -W 2d -g id count sum:price)"
}

@test "a compaction changes nothing, and nothing is read" {
	load_rows "1 1 1"
	load_rows "1 1 2"
	load_rows "2 1 5"
	rows -s st -W 1d -g id count sum:price > before
	pf-put -q --compact --full t
	chmod -R a-r t/dt=* 2> /dev/null
	mv t/dt=2013-03-01 away
	equals "$(rows -s st -W 1d -g id count sum:price)" "$(cat before)"
}

@test "a compaction of files that are known and files that are not, when days before are asked for" {
	rm -r t
	sed -i 's/partition: day/partition: none/' t.yaml
	pf-put -q --create t.yaml t
	load_rows "1 1 1" "1 2 2"
	equals "$(rows -s st -W 1d -g id count sum:price)" "1 2013-03-02 2013-03-03 1 2.00"
	load_rows "1 1 4" "2 2 8" "1 2 16"
	pf-put -q --compact --full t
	equals "$(rows -s st -W 2d --end 2013-03-03 -g id count sum:price)" \
		"$(printf '1 2013-03-01 2013-03-03 4 23.00\n2 2013-03-01 2013-03-03 1 8.00')"
}

@test "late rows are added to their day, and leave with it" {
	load_rows "1 1 1" "1 2 1" "1 4 1"
	equals "$(rows -s st -W 3d --allow-missing -g id count)" "1 2013-03-02 2013-03-05 2"
	load_rows "1 3 1" "1 3 1"
	equals "$(rows -s st -W 3d -g id count)" "1 2013-03-02 2013-03-05 4"
	load_rows "1 5 1" "1 6 1" "1 7 1"
	equals "$(rows -s st -W 3d -g id count)" "1 2013-03-05 2013-03-08 3"
}

@test "windows of other lengths, starts and ends from one state" {
	for day in 1 2 3 4 5 6 7 8 9; do load_rows "1 $day 1" "$day $day 1"; done
	for w in 5d 2d 9d since=2013-03-04 since=2013-03-01 week month tumble=3d; do
		for end in 2013-03-10 2013-03-07 2013-03-08; do
			equals "$(rows -s st -W $w --end $end -g id count max:price)" \
				"$(rows -W $w --end $end -g id count max:price)"
		done
	done
	equals "$(rows -s st -W 2d -W 4d --from 2013-03-05 --end 2013-03-09 -g id count max:price)" \
		"$(rows -W 2d -W 4d --from 2013-03-05 --end 2013-03-09 -g id count max:price)"
}

@test "a day without rows is an error, unless that is allowed" {
	load_rows "1 1 1" "1 3 1"
	status 3 pf-window -s st -W 3d count t
	contains "$stderr" "1 of the days from 2013-03-01 to 2013-03-04 has no row, the first is 2013-03-02"
	contains "$stderr" "PF3050"
	equals "$(rows -s st -W 3d --allow-missing count)" "2013-03-01 2013-03-04 2"
}

@test "a missing day that the window begins with, whatever the state is of" {
	load_rows "1 1 1" "1 2 1" "1 3 1" "1 5 1" "1 6 1" "1 7 1"
	local s
	rows -s old -W 7d --allow-missing count > /dev/null
	for s in old new; do
		status 3 pf-window -s $s -W 4d count t
		contains "$stderr" "1 of the days from 2013-03-04 to 2013-03-08 has no row, the first is 2013-03-04"
		status 0 pf-window -s $s -O tsv --allow-missing -W 4d count t
		contains "$output" "2013-03-04	2013-03-08	3"
	done
	# behind all rows; before them; from before the first one
	status 3 pf-window -s behind -W 4d --end 2013-04-01 count t
	contains "$stderr" "4 of the days from 2013-03-28 to 2013-04-01 have no row"
	status 0 pf-window -s before -W 4d --end 2013-02-01 count t
	contains "$stderr" "no row is of the window from 2013-01-28 to 2013-02-01, or of a time before it"
	status 0 pf-window -s young -W 10d --end 2013-03-04 count t
	contains "$stderr" "has rows from 2013-03-01 on only"
	# of hours
	status 3 pf-window -s hours -W 24h --end 2013-03-05T06:00:00 count t
	contains "$stderr" "1 of the days from 2013-03-04T06:00:00 to 2013-03-05T06:00:00 has no row"
}

@test "a table without rows: no answer, and one as soon as there are some" {
	local w s
	for w in 4d since=2013-03-01 month tumble=2d 12h; do
		status 0 pf-window -O tsv -s "st-$w" -W $w -g id count t
		equals "$output" "id	window_start	window_end	count"
		equals "$stderr" "pf-window: warning: there is no row"
		equals "$(pf-window -O tsv -W $w -g id count t 2>&1)" "$output"
	done
	load_rows "1 2 1"
	for w in 4d since=2013-03-01 month tumble=2d 12h; do
		equals "$(rows -s "st-$w" -W $w -g id count)" "$(rows -W $w -g id count)"
	done
	equals "$(rows -s st-since=2013-03-01 -W since=2013-03-01 -g id count)" "1 2013-03-01 2013-03-03 1"
	# a start behind all rows is a mistake, with a state and without
	for s in "" "-s later"; do
		# shellcheck disable=SC2086
		status 2 pf-window $s -W since=2013-03-09 count t
		contains "$stderr" "the window from 2013-03-09 to 2013-03-03 is empty"
	done
	status 0 pf-window -s none -W month -w 'price > 5' count t
	contains "$stderr" "there is no row that --where lets pass"
}

@test "what now() says changes, what a state has counted does not" {
	load_rows "1 1 1"
	local now='ts < timestamp(now())' ask
	for ask in "-w|$now|count" "count_if:$now" "-g|old=$now|count"; do
		IFS='|' read -ra ask <<< "$ask"
		status 2 pf-window -s st -W 1d "${ask[@]}" t
		contains "$stderr" "says now(), which is another time in the next run"
		equals "$(rows -W 1d "${ask[@]}" | tr ' ' '\n' | tail -1)" 1
	done
}

@test "more files in a state than may be open at once" {
	local i
	for i in {1..40}; do
		printf '{"id":1,"ts":"2013-%02d-%02dT12:00:00","price":%d}\n' $((i / 28 + 1)) $((i % 28 + 1)) "$i" |
			pf-window -qq -O tsv -s st --input "$i" -W 1d --allow-missing max:price -S t.yaml -I jsonl - > /dev/null
	done
	(
		ulimit -Sn 30
		equals "$(pf-window -qq -O tsv -s st --input 40 -W 60d --allow-missing max:price -S t.yaml -I jsonl /dev/null | tail -1)" \
			"2012-12-15	2013-02-13	39.00"
	)
}

@test "a day whose rows --where leaves out is not missing" {
	load_rows "1 1 9" "1 2 1" "1 3 9"
	status 0 pf-window -s st -O tsv -W 3d -w 'price > 5' count t
	equals "$(tail -1 <<< "$output" | cut -f 3)" 2
	contains "$stderr" "1 of the days from 2013-03-01 to 2013-03-04 has rows, but none that --where lets pass, the first is 2013-03-02"
	load_rows "1 6 9"
	status 3 pf-window -s st -W 6d -w 'price > 5' count t
	contains "$stderr" "2 of the days from 2013-03-01 to 2013-03-07 have no row, the first is 2013-03-04"
	status 0 pf-window -s st -W 6d -w 'price > 5' --allow-missing count t
	contains "$stderr" "3 of the days from 2013-03-01 to 2013-03-07 have no row that --where lets pass"
}

@test "a state of hours ends where a recompute does" {
	load_rows "1 1 9" "1 2 1"
	for w in 6h 30h "1d -W 2h" 1d since=2013-03-01; do
		# shellcheck disable=SC2086
		equals "$(rows -s st-"${w%% *}" --allow-missing -W $w count)" "$(rows -W $w count)"
		# shellcheck disable=SC2086
		equals "$(rows -s st-6h --allow-missing -W $w count)" "$(rows -W $w count)"
	done
	equals "$(rows -s st-6h -W 6h --allow-missing count)" "2013-03-02T07:00:00 2013-03-02T13:00:00 1"
}

@test "one process at a time; another question needs another state" {
	load_rows "1 1 1"
	rows -s st -W 1d count > /dev/null
	exec 9< st/lock
	flock -s 9
	status 75 pf-window -s st -W 1d count t
	contains "$stderr" "PF7501"
	status 75 pf-window -s st --wait 50ms -W 1d count t
	{
		sleep 0.3
		flock -u 9
	} &
	status 0 pf-window -s st --wait 60s -W 1d count t
	wait $!
	status 2 pf-window -s st -W 1d -g id count t
	contains "$stderr" "state 'st' is of another question: it has no 'key id id int'"
	status 2 pf-window -s st -W 1d max:price t
	contains "$stderr" "it has 'aggregate count count()', this is 'aggregate max(price) max(price) decimal(10,2)'"
	pf-window -s st2 -W 1d count max:price t
	status 2 pf-window -s st2 -W 1d count t
	contains "$stderr" "it has 'aggregate max(price) max(price) decimal(10,2)', too"
	status 2 pf-window -s st -W 90m count t
	contains "$stderr" "state 'st' is of days"
	equals "$(rows -s st --fresh -W 1d -g id count)" "1 2013-03-01 2013-03-02 1"
}

@test "what is not ours is left alone, what is damaged is refused" {
	load_rows "1 1 1" "2 1 1"
	mkdir other
	touch other/precious
	status 2 pf-window -s other -W 1d count t
	contains "$stderr" "'other' is not a state: there is 'precious' in it"
	rows -s st -W 1d -g id count > first
	mkdir st/20130401-backup
	touch st/partials-000009-0.arrow
	status 0 pf-window -s st -W 1d -g id count t
	contains "$stderr" "'st/20130401-backup' is not part of the state: left alone"
	[ -d st/20130401-backup ]
	[ ! -e st/partials-000009-0.arrow ]
	size=$(stat -c %s st/window-000001-1.arrow)
	for back in 12 20 28 44 60 76 92 124 140 204; do
		rm -rf bad
		cp -r st bad
		printf '\377\123' | dd of=bad/window-000001-1.arrow bs=1 conv=notrunc \
			seek=$((size - back)) 2> /dev/null
		status 3 pf-window -s bad -W 1d -g id count t
		contains "$stderr" "bad"
	done
	# make asan sees that what was read up to there is given back
	sed -i 's/"cells": "[0-9][^"]*"/"cells": "1-3,x"/' bad/state.json
	status 3 pf-window -s bad -W 1d -g id count t
	contains "$stderr" "malformed list of numbers"
	sed -i 's/"generation": 1/"generation": 9223372036854775807/' bad/state.json
	status 3 pf-window -s bad -W 1d -g id count t
	contains "$stderr" "something is missing"
	equals "$(rows -s st --fresh -W 1d -g id count)" "$(cat first)"
}

@test "X20: killed anywhere, the next run gives the same bytes" {
	load_rows "1 1 1" "2 1 1" "1 2 4"
	rows -s st -W 2d -g id count sum:price > /dev/null
	load_rows "1 3 7" "2 2 1"
	rows -W 2d -g id count sum:price > want
	for point in W1 W2 W3 W4; do
		cp -r st st-$point
		PF_CRASH_AT=$point pf-window -qq -O tsv -s st-$point -W 2d -g id count sum:price t > out || true
		equals "$(tail -n +2 out | tr '\t' ' ')" "$(cat want)"
		equals "$(rows -s st-$point -W 2d -g id count sum:price)" "$(cat want)"
	done
}

@test "X20: killed while runs become one, what changed is given out again or not at all" {
	local day news
	changes() { pf-window -qq -O tsv -s "$1" --changes -W 2d -g id count t 2> /dev/null | tail -n +2 | tr '\t' ' '; }
	load_rows "1 1 1" "2 1 1" "1 2 4"
	for day in {1..8}; do
		load_rows "1 2 1$day"
		changes st > /dev/null
	done
	load_rows "1 2 19"
	news=$(printf -- '- 1 2013-03-01 2013-03-03 10\n+ 1 2013-03-01 2013-03-03 11')
	for point in W1 W2 W3 W4; do
		cp -r st st-$point
		PF_CRASH_AT=$point changes st-$point > /dev/null || true
		[ $point = W4 ] || equals "$(changes st-$point)" "$news"
		equals "$(changes st-$point)" ""
		equals "$(rows -s st-$point -W 1d -g id count)" "1 2013-03-02 2013-03-03 10"
	done
}

@test "rows in flight are in the answer, never in the state" {
	load_rows "1 1 1"
	printf '{"id":1,"ts":"2013-03-01T13:00:00.000","price":5}\n' |
		pf-stage append -q -S t.yaml s -
	equals "$(pf-window -qq -O tsv -s st -W 1d -g id count sum:price t s | tail -n +2 | tr '\t' ' ')" \
		"1 2013-03-01 2013-03-02 2 6.00"
	equals "$(rows -s st -W 1d -g id count sum:price)" "1 2013-03-01 2013-03-02 1 1.00"
}

@test "times of any number of digits: in flight, bounds between two of them" {
	local p end
	for p in 0 1 2 3 4 6; do
		rm -rf t s st
		sed -i "s/ts: timestamp.*/ts: timestamp($p) not null/" t.yaml
		pf-put -q --create t.yaml t
		load_rows "1 1 1" "1 2 2"
		printf '{"id":1,"ts":"2013-03-02T13:00:00","price":5}\n' | pf-stage append -q -S t.yaml s -
		equals "$(pf-window -qq -O tsv -s st -W 2d -g id count sum:price t s | tail -n +2 | tr '\t' ' ')" \
			"1 2013-03-01 2013-03-03 3 8.00"
		for end in 11:59:59.999999/1 12:00:00/1 12:00:00.000001/2 12:00:00.5/2; do
			equals "$(rows -W 2d --end "2013-03-02T${end%/*}" count | cut -d ' ' -f 3)" ${end#*/}
			equals "$(rows -W "since=2013-03-01T${end%/*}" --end 2013-03-02 count | cut -d ' ' -f 3)" \
				"$([ ${end#*/} = 2 ] || echo 1)"
		done
	done
}

@test "late rows: applied, reported, or refused" {
	load_rows "1 1 1" "1 2 1"
	rows -s st -W 2d -g id count > /dev/null
	load_rows "1 1 1"
	status 3 pf-window -s st --late=fail -W 2d -g id count t
	contains "$stderr" "1 cells that had been given out have changed, the first is 2013-03-01, bucket"
	contains "$stderr" "PF3051"
	status 0 pf-window -O tsv -s st --late=report -W 2d -g id count t
	contains "$stderr" "late: 2013-03-01 bucket"
	contains "$output" "$(printf '1\t2013-03-01\t2013-03-03\t3')"
	status 0 pf-window -O tsv -s st --late=report -W 2d -g id count t
	equals "$stderr" ""
	load_rows "2 3 1" # behind all that was given out
	status 0 pf-window -s st --late=fail -W 2d -g id count t
}

@test "late rows of days that no remembered answer has" {
	local day
	for day in {3..14}; do
		load_rows "1 $day $day"
		rows -s st --late=fail -W 1d -g id count > /dev/null
	done
	load_rows "1 2 1" # there was no such day
	status 0 pf-window -s st --late=fail -W 1d -g id count t
	load_rows "1 1 1" "1 4 40" "2 4 40" "1 9 90"
	status 3 pf-window -s st --late=fail -W 1d -g id count t
	contains "$stderr" "that had been given out have changed, the first is 2013-03-04, bucket"
	status 0 pf-window -O tsv -s st --late=report -W 1d -g id count t
	equals "$(grep -o 'late: [0-9-]*' <<< "$stderr" | sort -u | tr '\n' ' ')" "late: 2013-03-04 late: 2013-03-09 "
	equals "$(tail -1 <<< "$output")" "1	2013-03-14	2013-03-15	1"
	status 0 pf-window -s st --late=fail -W 1d -g id count t
	for day in 1d 20d; do
		equals "$(rows -s st -W $day --allow-missing -g id count)" "$(rows -W $day -g id count)"
	done
}

@test "--revise gives out again what late rows have changed" {
	for day in 1 2 3 4; do
		load_rows "1 $day 1"
		rows -s st -W 2d --allow-missing -g id count > /dev/null
	done
	load_rows "1 2 5" "1 5 1"
	equals "$(rows -s st -W 2d --revise -g id count)" "$(printf '%s\n' \
		'1 2013-03-01 2013-03-03 3' '1 2013-03-02 2013-03-04 3' '1 2013-03-04 2013-03-06 2')"
	equals "$(rows -s st -W 2d --revise -g id count)" "1 2013-03-04 2013-03-06 2"
}

@test "--revise knows the last 8 answers of a window, whatever others were asked for" {
	local day
	for day in {1..11}; do
		load_rows "1 $day 1"
		rows -s st -W 1d -g id count > /dev/null
	done
	for day in {02..11}; do
		rows -s st -W since=2013-03-01 --end "2013-03-$day" -g id count > /dev/null
	done
	load_rows "1 3 1" "1 4 1" "1 10 1" "1 12 1"
	equals "$(rows -s st -W 1d --revise -g id count)" "$(printf '%s\n' \
		'1 2013-03-04 2013-03-05 2' '1 2013-03-10 2013-03-11 2' '1 2013-03-12 2013-03-13 1')"
}

@test "--revise after runs became one gives out what changed, and nothing else" {
	local day
	for day in 1 2 3 4; do
		load_rows "1 $day 1"
		rows -s st -W 2d --allow-missing -g id count > /dev/null
	done
	for day in {1..8}; do
		load_rows "1 1 1$day"
		rows -s st -W 2d -g id count > /dev/null
	done
	equals "$(rows -s st -W 2d --revise -g id count)" "$(printf '%s\n' \
		'1 2013-02-28 2013-03-02 9' '1 2013-03-01 2013-03-03 10' '1 2013-03-03 2013-03-05 2')"
	for day in {1..8}; do
		load_rows "1 2 2$day"
		equals "$(rows -s st -W 2d --revise -g id count)" "$(printf '%s\n' \
			"1 2013-03-01 2013-03-03 $((day + 10))" "1 2013-03-02 2013-03-04 $((day + 2))" '1 2013-03-03 2013-03-05 2')"
	done
	equals "$(rows -s st -W 2d --revise -g id count)" "1 2013-03-03 2013-03-05 2"
}

@test "--changes: what was and what is, nothing when nothing changed" {
	load_rows "1 1 1" "2 1 1" "1 2 1"
	equals "$(rows -s st --changes -W 2d -g id count)" \
		"$(printf '+ 1 2013-03-01 2013-03-03 2\n+ 2 2013-03-01 2013-03-03 1')"
	load_rows "1 3 1" "3 3 1"
	equals "$(rows -s st --changes -W 2d -g id count)" \
		"$(printf -- '- 2 2013-03-01 2013-03-03 1\n+ 3 2013-03-02 2013-03-04 1')"
	equals "$(rows -s st --changes -W 2d -g id count)" ""
	status 2 pf-window --changes -W 2d count t
	contains "$stderr" "option '--changes' says nothing here"
	contains "$stderr" "it goes with: state"
}

@test "--changes kept in a table with a primary key: the answer, whatever leaves it" {
	local day format
	printf '%s\n' 'table: kept' 'primary_key: [id]' 'time: window_end' 'partition: none' 'buckets: 1' \
		"row_kind: {from: change, delete: '-'}" \
		'columns: {id: int, window_end: date, n: bigint, total: "decimal(38,2)"}' > kept.yaml
	pf-put -q --create kept.yaml kept
	load_rows "1 1 1" "2 1 1" "3 1 1"
	for day in 2 3 4 5 6; do
		load_rows "1 $day $day" "$day $day 1" "2 1 $((day + 10))"
		format=$([ $((day % 2)) = 1 ] && echo csv || echo jsonl)
		pf-window -qq -s st --changes -W 3d -g id n=count total=sum:price -O $format t |
			pf-partition -S kept.yaml -I $format - | pf-pack -qq | pf-put -q --append kept
		equals "$(pf-query -O tsv -c id,n,total --order-by id kept | tail -n +2)" \
			"$(pf-window -qq -O tsv -W 3d -g id n=count total=sum:price t | tail -n +2 | cut -f 1,4-)"
	done
	equals "$(pf-query -O tsv -c id,n kept --order-by id | tr '\t\n' ': ')" "id:n 1:3 4:1 5:1 6:1 "
}

@test "--changes of a window that was not asked for while others were: still from what it gave" {
	local i
	load_rows "1 1 1" "2 1 1" "1 2 1"
	rows -s st --changes -W 2d -g id count > /dev/null
	for i in {1..12}; do # so many runs of a cell become one
		load_rows "1 1 $((i + 1))"
		rows -s st -W 1d --end 2013-03-02 -g id count > /dev/null
	done
	equals "$(rows -s st --changes -W 2d -g id count)" \
		"$(printf -- '- 1 2013-03-01 2013-03-03 2\n+ 1 2013-03-01 2013-03-03 14')"
	equals "$(rows -s st --changes -W 2d -g id count)" ""
}

@test "runs become one beneath an answer that waits to be written" {
	local n
	load_keys 1 1 1 1 5
	load_keys 2 1 1 1 40
	load_keys 3 1 1 1 5
	for n in {1..8}; do
		load_rows "3 2 1$n"
		rows -s st -W 1d --end 2013-03-03 -g id count > /dev/null
	done
	load_rows "3 2 19"
	rows -s st -W 2d --from 2013-03-03 --end 2013-03-04 -g id count > /dev/null
	equals "$(rows -s st --changes -W 2d -g id count)" ""
	load_rows "3 3 1"
	equals "$(rows -s st --changes -W 2d -g id count)" \
		"$(printf -- '- 3 2013-03-02 2013-03-04 11\n+ 3 2013-03-02 2013-03-04 12')"
}

@test "kept answers and blocks are a cache: without them the answer is the same" {
	local day
	for day in 1 2 3 4 5 6 7 8; do load_rows "1 $day $day" "$day $day 1"; done
	for aggs in "count sum:price" "max:price distinct:price"; do
		rows -s "st${aggs::1}" -W 8d -W 3d -g id $aggs > before
		rm "st${aggs::1}"/window-*
		equals "$(rows -s "st${aggs::1}" -W 8d -W 3d -g id $aggs)" "$(cat before)"
		rm "st${aggs::1}"/window-*
		equals "$(rows -s "st${aggs::1}" -W 5d -g id $aggs)" "$(rows -W 5d -g id $aggs)"
		equals "$(rows -s "st${aggs::1}" -W 8d -W 3d -g id $aggs)" "$(cat before)"
	done
	# what is compared with an answer that is gone is not made up
	rm stc/window-*
	status 3 pf-window -s stc --changes -W 8d -g id count sum:price t
	contains "$stderr" "--fresh"
	equals "$(rows -s stc -W 8d -g id count sum:price | wc -l)" 8
	equals "$(rows -s stc --changes -W 8d -g id count sum:price)" ""
}

@test "an answer that waits to be written and is gone is in nobody's way" {
	local n
	load_keys 1 1 1 1 40
	load_keys 2 1 1 1 40
	rows -s st --changes -W 2d -g id count > /dev/null
	load_rows "3 1 5"
	rows -s st --changes -W 2d -g id count > /dev/null
	rm st/window-*
	for n in {1..9}; do # so many runs of a cell become one
		load_rows "3 1 1$n"
		status 0 pf-window -O tsv -s st -W 1d --end 2013-03-02 -g id count t
		contains "$output" "$(printf '\n3\t2013-03-01\t2013-03-02\t%d\n' $((n + 2)))"
	done
	status 3 pf-window -s st --changes -W 2d -g id count t
	contains "$stderr" "--fresh"
	equals "$(rows -s st -W 2d -g id count | sed -n 3p)" "3 2013-03-01 2013-03-03 12"
}

@test "--per-day is a stream that becomes a table" {
	load_rows "1 1 1" "2 1 1" "1 2 5" "1 2 7"
	equals "$(rows --per-day -W 2d -g id n=count total=sum:price)" \
		"$(printf '%s\n' '2013-03-01 1 1 1.00' '2013-03-01 2 1 1.00' '2013-03-02 1 2 12.00')"
	cat > days.yaml <<- 'END'
		table: days
		id: id
		time: day
		partition: day
		buckets: 1
		columns: {id: int not null, day: date not null, n: bigint, total: "decimal(38,2)"}
	END
	pf-put -q --create days.yaml days
	pf-window -q -s st --per-day -W 2d -g id n=count total=sum:price -O jsonl t |
		pf-partition -S days.yaml -I jsonl | pf-pack -q | pf-put -q --append days
	equals "$(pf-window -qq -O tsv -W 2d --end 2013-03-03 -g id sum:n sum:total ./days | tail -n +2 | tr '\t' ' ')" \
		"$(printf '1 2013-03-01 2013-03-03 3 13.00\n2 2013-03-01 2013-03-03 1 1.00')"
}

@test "states of days in a table are merged and finished by a second job" {
	load_rows "1 1 1" "2 1 1" "1 2 7.25" "2 2 3" "1 3 4" "3 3 1" "3 3 2"
	aggregates="n=count m=avg:price h=hll:price:10 top=max:price d=days:2 s=hist:price:2"
	cat > days.yaml <<- 'END'
		table: states
		id: id
		time: day
		partition: day
		buckets: 2
		columns: {day: date not null, id: int not null, n: bigint, m: "decimal(38,2)", m.n: bigint,
			h: bytes, top: "decimal(10,2)", d: bytes, s: bytes}
	END
	pf-put -q --create days.yaml states
	# shellcheck disable=SC2086
	for end in 3 4; do
		pf-window -qq -O arrow -s st --per-day --state-out -W $((5 - end))d --end 2013-03-0$end -g id $aggregates t |
			pf-partition -T states | pf-pack -qq | pf-put -q --append states
	done
	for s in "" "-s second"; do
		# shellcheck disable=SC2086
		pf-window -qq -O tsv $s -W 3d -g id "n=merge:n:count()" "m=merge:m:avg(decimal(10,2))" \
			"h=merge:h:hll(decimal(10,2)):10" "top=merge:top:max(decimal(10,2))" "d=merge:d:days():2" \
			"s=merge:s:hist(decimal(10,2)):2" ./states > merged
		# shellcheck disable=SC2086
		pf-window -qq -O tsv -W 3d -g id $aggregates t | diff - merged
	done
	status 2 pf-window -W 3d -g id "merge:h:hll(decimal(10,2)):10:3" ./states
	contains "$stderr" "does not say of what a state is"
}

@test "--per-day, stored by pf-put, is what DuckDB makes of the rows and reads" {
	need_peer duckdb
	for day in 1 2 3 4; do load_rows "1 $day 1.5" "2 $day $day" "$day $day null"; done
	cat > days.yaml <<- 'END'
		table: days
		id: id
		time: day
		partition: day
		buckets: 2
		columns: {day: date not null, id: int not null, n: bigint, total: "decimal(38,2)", top: "decimal(10,2)"}
	END
	pf-put -q --create days.yaml days
	# the first job twice: what it stored is the second one's input
	pf-window -qq -O arrow -s st --per-day -W 3d --end 2013-03-04 -g id n=count total=sum:price top=max:price t |
		pf-partition -T days | pf-pack -qq | pf-put -q --append days
	pf-window -qq -O arrow -s st --per-day -W 1d --end 2013-03-05 -g id n=count total=sum:price top=max:price t |
		pf-partition -T days | pf-pack -qq | pf-put -q --append days
	"$PF_PYTHON" - > got <<- 'END'
		import duckdb
		ours = duckdb.sql("select day, id, n, total, top from 'days/dt=*/bucket-*/*.parquet'").fetchall()
		rows = duckdb.sql("select ts::date, id, count(*), sum(price), max(price) "
		                  "from 't/dt=*/bucket-*/*.parquet' group by 1, 2").fetchall()
		print(len(ours), sorted(ours, key=str) == sorted(rows, key=str))
	END
	equals "$(cat got)" "10 True"
	equals "$(pf-window -qq -O tsv -s second -W 4d -g id sum:n sum:total max:top ./days | tail -n +2 | tr '\t' ' ')" \
		"$(rows -W 4d -g id count sum:price max:price)"
}

@test "--explain and --stats say what it takes; --verify finds a wrong state" {
	load_rows "1 1 1" "2 1 1" "1 2 5"
	rows -s st -W 2d -g id count > /dev/null
	load_rows "1 3 1"
	equals "$(pf-window -s st --explain -W 2d -g id count t)" "$(printf '%s\n' \
		'state: 3 runs of days, of snapshot 2' \
		'table: 1 snapshots since the state'\''s' \
		'files: 1 came, 0 were made by compactions, 0 are gone' \
		'read: 1 rows of 1 files; cells: 1 new, 0 got more, 0 built anew, 0 late' \
		'window 2d from 2013-03-02 to 2013-03-04: 0 kept answers and blocks, 2 runs; 2 rows of partials instead of 2')"
	equals "$(rows -s st --stats stats.json --verify 1 -W 2d -g id count)" \
		"1 2013-03-02 2013-03-04 2"
	equals "$(grep -oE '"(rows_read|files_read|cells_new|windows|rows_out)": [0-9]+' stats.json | cut -d : -f 2 | tr -d '\n')" \
		" 1 1 1 1 1"
	jq -e '.seconds_read > 0 and .seconds_answer > 0' stats.json
	status 4 pf-window -s st --stats no/where -W 2d -g id count t
	equals "$output" ""
	contains "$stderr" "cannot open 'no/where'"
	status 2 pf-window -s st --wait soon -W 2d -g id count t
	contains "$stderr" "--wait: 'soon' is not a duration"
	status 0 pf-window -s st --verify 1 -W 2d -g id count t
	contains "$stderr" "3 days are what the table gives, of 4 rows"
	# A file of another day in the place of the one that was read.
	old=$(find t/dt=2013-03-02 -name '*.parquet')
	cp "$(find t/dt=2013-03-03 -name '*.parquet')" "$old"
	status 1 pf-window -s st --verify 1 -W 2d -g id count t
	contains "$stderr" "state 'st' differs from the table on 2013-03-02"
}

@test "--verify: the same rows are the same bytes, however many came before them" {
	{
		echo id,ts,price
		awk 'BEGIN { for (day = 1; day < 3; day++) for (i = 0; i < (day == 1 ? 20 : 9000); i++)
			printf "%d,2013-03-%02dT%02d:%02d:%02d,1\n", i, day, i / 3600, i / 60 % 60, i % 60 }'
	} > many.csv
	load_rows "1 1 1"
	rows -s st -W 1d -g "k=concat(string(id),' of ',string(ts))" count sum:price > /dev/null
	pf-partition -S t.yaml many.csv | pf-pack -qq | pf-put -q --append t
	rows -s st -W 2d -g "k=concat(string(id),' of ',string(ts))" count sum:price > /dev/null
	load_rows "1 1 2"
	status 0 pf-window -s st --verify 1 -W 2d -g "k=concat(string(id),' of ',string(ts))" count sum:price t
	contains "$stderr" "2 days are what the table gives, of 9022 rows"
}

@test "thirty times more keys than memory holds pass, within that memory" {
	cat > many.yaml <<- 'END'
		table: many
		id: id
		time: ts
		partition: none
		buckets: 1
		columns: {id: bigint not null, ts: timestamp(0) not null, v: bigint}
	END
	awk 'BEGIN { print "id,ts,v"; for (i = 0; i < 300000; i++)
		printf "%d,2024-01-%02dT00:00:00,%d\n", (i * 7919) % 299993, 1 + i % 5, i }' > many.csv
	pf-put -q --create many.yaml many
	pf-partition -S many.yaml many.csv | pf-pack -qq | pf-put -q --append many
	pf-window -qq -O csv -W 5d -g id count sum:v max:v many > roomy
	for state in "" "-s st"; do
		(
			case $PF_BUILD in
			*asan*) ;;
			*) ulimit -d 60000 ;;
			esac
			# shellcheck disable=SC2086
			pf-window -qq -O csv $state --memory 1Mi -W 5d -g id count sum:v max:v many > tight
		)
		cmp roomy tight
	done
	equals "$(wc -l < roomy)" 299994
}

@test "keys close to each other, then keys far apart: several batches of both" {
	local d
	for d in 1 2; do
		{
			seq -f '%.0f 7 ' 0 30000
			seq -f '%.0f 7 ' 1000000 1000 61000000
		} | sed "s/\([0-9]*\) \([0-9]*\).*/{\"id\":\1,\"ts\":\"2013-03-0${d}T12:00:00.000\",\"price\":\2}/" |
			pf-partition -S t.yaml -I jsonl | pf-pack -qq > new.arrows
		pf-put -q --append t new.arrows
	done
	timeout 60 pf-window -qq -s st -W 2d -g id count sum:price -O tsv t > got
	pf-window -qq -W 2d -g id count sum:price -O tsv t > want
	equals "$(wc -l < want)" 90003
	cmp got want
}

@test "days from a pipe: added once under a name, replaced when sent again" {
	day() # DAY ROWS...
	{
		local d=$1 row
		shift
		for row in "$@"; do
			printf '{"id":%s,"ts":"2013-03-%02dT12:00:00.000","price":1}\n' "$row" "$d"
		done | pf-window -qq -O tsv -s st --input "day$d" -W 2d -g id count -S t.yaml -I jsonl - |
			tail -n +2 | tr '\t' ' '
	}
	equals "$(day 1 1 2 2)" "$(printf '1 2013-02-28 2013-03-02 1\n2 2013-02-28 2013-03-02 2')"
	equals "$(day 2 1)" "$(printf '1 2013-03-01 2013-03-03 2\n2 2013-03-01 2013-03-03 2')"
	equals "$(day 2 1)" "$(printf '1 2013-03-01 2013-03-03 2\n2 2013-03-01 2013-03-03 2')"
	equals "$(day 1 1 1 3)" "$(printf '1 2013-03-01 2013-03-03 3\n3 2013-03-01 2013-03-03 1')"
	equals "$(day 3 3)" "$(printf '1 2013-03-02 2013-03-04 1\n3 2013-03-02 2013-03-04 1')"
	load_rows "1 1 1"
	status 2 pf-window -s st -W 1d -g id count t
	contains "$stderr" "state 'st' is of rows that came with --input"
}

@test "files that are gone are forgotten, what others were made of is not" {
	local inputs
	rm -r t
	sed -i 's/buckets: 2/buckets: 300/; s/partition: day/partition: none/' t.yaml
	pf-put -q --create t.yaml t
	asked() { equals "$(rows -s st --allow-missing -W 2d --end 2013-03-03 -g id count sum:price)" \
		"$(rows -W 2d --end 2013-03-03 -g id count sum:price)"; }
	load_rows "1 1 1"
	load_rows "1 1 2"
	asked
	pf-put -q --compact --full t
	asked
	load_rows "1 2 4"
	asked
	pf-put -q --compact --full t
	asked
	load_keys 2 1 1 1 200
	asked
	inputs=$(stat -c %s st/inputs-*)
	pf-put -q --rollback 5 t
	load_keys 2 2 1 9 200
	asked
	[ "$(stat -c %s st/inputs-*)" -lt $((inputs / 2)) ]
	load_keys 2 3 1 8 200
	asked
	pf-put -q --rollback 2 t
	asked
}

@test "files of which little is needed are written anew" {
	local size
	{
		seq 20000 | sed 's/.*/{"id":&,"ts":"2013-03-01T12:00:00.000","price":1}/'
		for day in {02..12}; do
			seq 1 "$((10#$day))" 90 | sed "s/.*/{\"id\":&,\"ts\":\"2013-03-${day}T12:00:00.000\",\"price\":2}/"
		done
	} | pf-partition -S t.yaml -I jsonl | pf-pack -qq > new.arrows
	pf-put -q --append t new.arrows
	equals "$(rows -s st -W 1d --end 2013-03-02 -g id count sum:price | wc -l)" 20000
	size=$(cat st/partials-* | wc -c)
	rows -s st -W 1d --from 2013-03-05 --end 2013-03-13 -g id count sum:price > /dev/null
	[ "$(cat st/partials-* | wc -c)" -lt $((size / 10)) ]
	equals "$(rows -s st -W 9d -g id count sum:price)" "$(rows -W 9d -g id count sum:price)"
}

@test "when all days that a state keeps are gone, the newest that are left decide" {
	for day in 1 2; do load_rows "1 $day 1"; done
	for day in 11 12 13 14 15 16 17 18 19; do
		load_rows "2 $day 1"
		rows -s st -W 1d -g id count > /dev/null
	done
	pf-put -q --rollback 2 t
	equals "$(rows -s st -W 1d -g id count)" "1 2013-03-02 2013-03-03 1"
}
