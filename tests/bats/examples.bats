# SPDX-License-Identifier: Apache-2.0
# The scripts of examples/: the whole flow as cron runs it, and the demo.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage pf-partition pf-pack pf-put pf-query
	small_schema
	small_rows
	load=$PF_ROOT/examples/load.sh
	query=$PF_ROOT/examples/query.sh
}

count()
{
	pf-query -O tsv -c 'count(*) as n' "$@" | tail -1
}

@test "load.sh: silent, logged, loaded once however often it runs" {
	status 0 "$load" wh/default.db/events schema.yaml stage events.jsonl
	equals "$output$stderr" ""
	contains "$(cat stage.log)" "load.sh"
	contains "$(tail -1 stage.log)" "done"
	equals "$(count wh/default.db/events)" 4
	"$load" wh/default.db/events schema.yaml stage events.jsonl
	equals "$(count wh/default.db/events)" 4
	sed 's/"user_id": 7,/"user_id": 8,/' events.jsonl | head -2 | tail -1 >> events.jsonl
	"$load" wh/default.db/events schema.yaml stage events.jsonl
	equals "$(count wh/default.db/events)" 5
	no_temporaries .
}

@test "load.sh: a second run at the same time exits 75 at once" {
	exec 8> stage.lock
	flock 8
	status 75 "$load" wh/default.db/events schema.yaml stage events.jsonl
	contains "$stderr" "another run holds stage.lock"
	[ ! -e stage ]
	exec 8>&-
	"$load" wh/default.db/events schema.yaml stage events.jsonl
	equals "$(count wh/default.db/events)" 4
}

@test "load.sh: the status of what failed, and why in the log" {
	status 2 "$load" wh/default.db/events
	status 4 "$load" wh/default.db/events schema.yaml stage missing.jsonl
	contains "$(cat stage.log)" "No such file or directory"
	contains "$(tail -1 stage.log)" "pf-stage failed with exit status 4"
	sed -i 's/bigint not null/bigginty/' schema.yaml
	status 2 "$load" wh/default.db/events schema.yaml stage2 events.jsonl
	contains "$(cat stage2.log)" "bigginty"
}

@test "load.sh: rows that do not fit go to the rejects, the others are loaded" {
	echo '{"user_id": "x", "ts": "2024-02-01T00:00:00.000"}' >> events.jsonl
	"$load" wh/default.db/events schema.yaml stage events.jsonl
	equals "$(count wh/default.db/events)" 4
	[ -s stage.rejects ]
	contains "$(cat stage.rejects)" "events.jsonl"
}

@test "load.sh: killed at any moment, run again: everything once" {
	need_program tools/gen
	gen 20000 > clicks.jsonl
	local i
	for i in 1 2 3 4 5 6 7 8; do
		timeout -s KILL "0.0$i" "$load" wh/default.db/clicks "$PF_ROOT/examples/clicks.yaml" stage clicks.jsonl || true
		sleep 0.05
	done
	# What a killed run started may hold the lock for a moment.
	until_true "$load" wh/default.db/clicks "$PF_ROOT/examples/clicks.yaml" stage clicks.jsonl
	equals "$(count wh/default.db/clicks)" 20000
}

@test "query.sh: a report, whole or not at all; the old one stays when it fails" {
	"$load" wh/default.db/events schema.yaml stage events.jsonl
	PF_REPORT=report.csv status 0 "$query" wh/default.db/events stage -O csv --id 42 -c ts,event
	equals "$output$stderr" ""
	equals "$(head -1 report.csv)" "ts,event"
	equals "$(wc -l < report.csv)" 3
	PF_REPORT=report.csv status 2 "$query" wh/default.db/events stage -c nonsense
	contains "$stderr" "pf-query failed with exit status 2"
	equals "$(wc -l < report.csv)" 3
	no_temporaries .
}

@test "query.sh: waits for its lock, and sees rows not yet loaded" {
	"$load" wh/default.db/events schema.yaml stage events.jsonl
	echo '{"user_id": 42, "ts": "2024-03-01T00:00:00.000", "event": "late"}' |
		pf-stage append -q stage
	contains "$("$query" wh/default.db/events stage --id 42 -O tsv)" late
}

@test "the generator gives the same bytes for the same options" {
	need_program tools/gen
	gen 1000 --seed=7 > a
	gen 1000 --seed=7 | cmp - a
	equals "$(wc -l < a)" 1000
	! gen 1000 --seed=8 | cmp -s - a
	equals "$(gen 3 --format=csv | wc -l)" 4
	# Pinned: figures that name the generator's rows must stay comparable.
	equals "$(gen 1000 | cksum | cut -d' ' -f1)" 3542631674
}

@test "the demo runs" {
	need_program tools/gen pf-index
	PF_DEMO_DIR=$PWD/demo PF_DEMO_ROWS=30000 status 0 "$PF_ROOT/examples/demo.sh" "$PF_BUILD"
	contains "$output" "rows per second"
	contains "$output" "3. Three answers"
}

@test "windows/hourglass.sh: right in every case that Hourglass gets wrong" {
	need_program pf-window
	status 0 "$PF_ROOT/examples/windows/hourglass.sh" "$PF_BUILD"
	equals "$(cut -c 1 <<< "$output" | tr -d "\n")" " ABCDEFGHJLMPRSTW"
	contains "$output" "20, called 11 days     refused: 9 of the days"
	! grep -q WRONG <<< "$output"
	equals "$stderr" ""
}

@test "maintain.sh: silent, logged; merges, expires, cleans; goes on with the next table" {
	maintain=$PF_ROOT/examples/maintain.sh
	t=wh/default.db/events
	for n in 1 2 3; do
		sed "s/\"user_id\": 7,/\"user_id\": $n,/" events.jsonl > part.$n.jsonl
		"$load" $t schema.yaml stage part.$n.jsonl
	done
	before=$(pf-query -O tsv $t | LC_ALL=C sort | md5sum)
	touch -d '9 days ago' $t/manifest/manifest-left-0
	status 4 "$maintain" wh/default.db/none $t
	equals "$output$stderr" ""
	contains "$(cat wh/default.db/none.maintain.log)" "failed with exit status 4"
	log=$(cat $t.maintain.log)
	contains "$log" " rows are 3 files now"
	contains "$log" "nothing to expire"
	contains "$log" "1 orphan deleted"
	contains "$log" "$t: done"
	[ ! -e $t/manifest/manifest-left-0 ]
	equals "$(pf-query -O tsv $t | LC_ALL=C sort | md5sum)" "$before"
	PF_KEEP=0s "$maintain" $t
	exec 8> $t.maintain.lock
	flock 8
	status 75 "$maintain" $t
	contains "$stderr" "another run holds $t.maintain.lock"
	status 2 "$maintain"
	status 0 pf-put --verify $t
}

has_rows()
{
	[ "$(count wh/default.db/events)" = "$1" ]
}

@test "follow.sh: rows are loaded as they come; SIGTERM commits what was read and ends with 0" {
	pf-put -q --create schema.yaml wh/default.db/events
	pf-stage append -q -S schema.yaml stage events.jsonl
	PF_EVERY=200ms "$PF_ROOT/examples/follow.sh" wh/default.db/events stage 2> log 3>&- &
	pid=$!
	until_true has_rows 4
	sed 's/"user_id": 7,/"user_id": 8,/' events.jsonl | pf-stage append -q --source more stage
	until_true has_rows 8
	kill $pid
	wait $pid
	equals "$(count wh/default.db/events)" 8
	# What was read, and waits for an hour to pass.
	mkdir bin
	cat > bin/pf-partition <<-'END'
	#!/bin/sh
	PATH=${PATH#*:}
	trap : TERM
	(trap '' TERM; exec tee seen) | pf-partition
	END
	chmod +x bin/pf-partition
	PATH=$PWD/bin:$PATH PF_EVERY=1h "$PF_ROOT/examples/follow.sh" wh/default.db/events stage 2> log 3>&- &
	pid=$!
	until_true [ -s seen ]
	sed 's/"user_id": 7,/"user_id": 9,/' events.jsonl | pf-stage append -q --source last stage
	until_true grep -q pf:parts seen # a mark behind them
	has_rows 8
	kill $pid
	wait $pid
	equals "$(count wh/default.db/events)" 12
	# Nothing of it runs on.
	equals "$(for p in /proc/[0-9]*; do
		[ "$(readlink "$p/cwd")" = "$PWD" ] && cat "$p/comm"
	done | grep ^pf-)" ""
}

@test "follow.sh: systemd takes the unit, and cron's line maintains the table beside it" {
	pf-put -q --create schema.yaml wh/default.db/events
	pf-stage append -q -S schema.yaml stage events.jsonl
	PF_EVERY=200ms "$PF_ROOT/examples/follow.sh" wh/default.db/events stage 2> log 3>&- &
	pid=$!
	until_true has_rows 4
	line=$(sed -n 's/^# *17 \* \* \* \*  *//p' "$PF_ROOT/examples/follow.sh")
	equals "$line" "maintain.sh wh/default.db/events"
	PATH=$PATH:$PF_ROOT/examples status 0 sh -c "$line"
	[ -s wh/default.db/events.maintain.log ]
	kill $pid
	wait $pid
	equals "$(count wh/default.db/events)" 4
	systemd-analyze --version > /dev/null 2>&1 || skip "no systemd-analyze"
	sed "s|/usr/local/lib/paraflow|$PF_ROOT/examples|" "$PF_ROOT/examples/paraflow-follow.service" \
		> paraflow-follow.service
	grep -q "^ExecStart=$PF_ROOT/examples/follow.sh " paraflow-follow.service
	status 0 systemd-analyze verify ./paraflow-follow.service
	equals "$output$stderr" ""
}

@test "follow.sh: tries again after 75, ends with another status" {
	pf-put -q --create schema.yaml wh/default.db/events
	pf-stage append -q -S schema.yaml stage events.jsonl
	mkdir bin
	cat > bin/pf-stage <<-'END'
	#!/bin/sh
	echo >> tries
	[ $(wc -l < tries) -le 2 ] && exit 75
	[ -e stop ] && exit 3
	touch stop
	PATH=${PATH#*:}
	pf-stage "$@" &
	until [ "$(pf-query -O tsv -c 'count()' wh/default.db/events | tail -1)" = 4 ]; do sleep 0.1; done
	kill -9 $!
	exit 75
	END
	chmod +x bin/pf-stage
	PATH=$PWD/bin:$PATH PF_EVERY=100ms status 3 timeout 200 "$PF_ROOT/examples/follow.sh" wh/default.db/events stage
	equals "$(wc -l < tries)" 4
	contains "$stderr" "trying again in 1 s"
	equals "$(count wh/default.db/events)" 4
}

@test "features.md: cut off anywhere, the table of features is what is asked" {
	local day points=(W1 W2 W3 W4 X1 X2 X3 X4 X5 X6 X7 X8 X9 X10 X11 X12)
	cp "$PF_ROOT"/tests/data/examples/events.* .
	sed -n '/cat > features.yaml/,/^> END/s/^> //p' "$PF_ROOT/examples/features.md" | grep -v ^END > features.yaml
	sed -n '/cat > features.sh/,/^> END/s/^> //p' "$PF_ROOT/examples/features.md" | grep -v ^END > features.sh
	grep -q 'pf-stage append' features.sh
	pf-put -q --create events.yaml events
	pf-put -q --create features.yaml features
	for day in {1..20}; do
		printf '{"user_id":%d,"ts":"2024-03-%02dT12:00:00.000","price":%d}\n' $((day % 4)) "$day" "$day" 9 \
			$((day / 3 * 3 + 1)) 1 | pf-partition -S events.yaml -I jsonl | pf-pack -qq | pf-put -q --append events
		PF_CRASH_AT=${points[day % ${#points[@]}]} sh features.sh || true
		sh features.sh
		diff <(pf-query features -O tsv | tail -n +2) <(pf-window -qq --wide -W 1d -W 2d -g user_id n=count \
			spent=sum:price events -O tsv | tail -n +2)
	done
}
