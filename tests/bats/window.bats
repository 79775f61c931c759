# SPDX-License-Identifier: Apache-2.0
# pf-window: what is in the window, and nothing else.

load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	cp "$PF_ROOT"/tests/data/examples/* .
}

rows()
{
	pf-window -O tsv "$@" -S events.yaml events.jsonl | tail -n +2
}

@test "the window ends at the midnight after the newest row" {
	equals "$(rows -W 1d count)" "$(printf '2024-02-01\t2024-02-02\t2')"
	equals "$(rows -W 2d count sum:price)" "$(printf '2024-01-31\t2024-02-02\t6\t25.4')"
	equals "$(rows -W 12h count)" "$(printf '2024-01-31T22:00:00\t2024-02-01T10:00:00\t3')"
	equals "$(rows -W 90m count)" "$(printf '2024-02-01T07:31:00\t2024-02-01T09:01:00\t2')"
}

@test "bounds are half open" {
	equals "$(rows -W since=2024-01-31T10:00:01 --end 2024-02-01T08:15:00 count)" \
		"$(printf '2024-01-31T10:00:01\t2024-02-01T08:15:00\t3')"
}

@test "a moment with an offset is a wall clock of the table's zone" {
	local one
	sed -i 's/^zone: .*/zone: Europe\/Zurich/' events.yaml # the rows' clock is Zurich's
	for one in 2024-01-31T23:59:59.9 2024-01-31T22:59:59.9Z 2024-02-01T00:59:59.9+02:00; do
		equals "$(rows -W since=$one --end 2024-02-01T08:00:00Z count)" \
			"$(rows -W since=2024-01-31T23:59:59.9 --end 2024-02-01T09:00:00 count)"
	done
	equals "$(rows -W since=2024-01-31T23:00:00Z --end 2024-02-02 count)" \
		"$(printf '2024-02-01\t2024-02-02\t2')"
	status 2 pf-window -W since=2024-02-30 -S events.yaml events.jsonl
	contains "$stderr" "'since=2024-02-30' does not begin with a date"
}

@test "weeks begin on Mondays, tumbling ones too, other lengths in 1970; months with their first moment" {
	cat > days.yaml <<- 'END'
		table: days
		id: id
		time: ts
		zone: UTC
		partition: day
		buckets: 1
		columns: {id: int not null, ts: timestamp(0) not null}
	END
	{
		printf '2023-12-%02d ' {1..31}
		printf '2024-01-%02d ' {1..31}
		printf '2024-02-%02d ' {1..9}
	} | tr ' ' '\n' | sed 's/.*/{"id":1,"ts":"&T00:00:00"}/' > days.jsonl
	answer() { pf-window -O tsv -W "$1" --end "$2" count -S days.yaml days.jsonl | tail -n +2 | tr '\t' ' '; }
	equals "$(answer week 2024-01-29)" "2024-01-22 2024-01-29 7"
	equals "$(answer week 2024-01-30)" "2024-01-29 2024-01-30 1"
	equals "$(answer tumble=7d 2024-01-29)" "2024-01-22 2024-01-29 7"
	equals "$(answer tumble=7d 2024-01-31)" "2024-01-22 2024-01-29 7"
	equals "$(answer tumble=14d 2024-01-31)" "2024-01-08 2024-01-22 14"
	equals "$(answer tumble=3d 2024-01-31)" "2024-01-27 2024-01-30 3"
	equals "$(answer month 2024-02-01)" "2024-01-01 2024-02-01 31"
	equals "$(answer month 2024-02-02)" "2024-02-01 2024-02-02 1"
	equals "$(answer year 2024-01-01)" "2023-01-01 2024-01-01 31"
	equals "$(answer year 2024-02-01)" "2024-01-01 2024-02-01 31"
	equals "$(answer day 2024-01-05)" "2024-01-04 2024-01-05 1"
}

@test "one row for each key" {
	equals "$(rows -W 30d -g user_id count max:price min:ts | cut -f 1,4- | tr '\t\n' '  ')" \
		"7 2 5.5 2024-01-31T10:00:01.000 42 3 19.9 2024-01-31T10:00:00.120 1001 1  2024-01-31T23:59:59.999 "
	equals "$(rows -W 30d -g event -w 'price is not null' count)" \
		"$(printf 'buy\t2024-01-03\t2024-02-02\t2')"
}

@test "what is not there yet is refused by name" {
	status 2 pf-window -W session:30m count -S events.yaml events.jsonl
	contains "$stderr" "windows of sessions are not supported yet"
	status 2 pf-window -s state -W 1d count -S events.yaml events.jsonl
	contains "$stderr" "--state goes with tables, and stages behind one: 'events.jsonl' is a text"
	status 2 pf-window count -S events.yaml events.jsonl
	contains "$stderr" "--window is needed"
	status 2 pf-window -W since=2025-01-01 -S events.yaml events.jsonl
	contains "$stderr" "is empty"
	status 2 pf-window -W 1d sum:prise -S events.yaml events.jsonl
	contains "$stderr" "did you mean 'price'?"
	status 2 pf-window -W 1d cuont -S events.yaml events.jsonl
	contains "$stderr" "neither a file nor an aggregate is called 'cuont'"
	contains "$stderr" "did you mean 'count'?"
	status 2 pf-window -W 1d n=number:price -S events.yaml events.jsonl
	contains "$stderr" "neither a file nor an aggregate is called 'n=number:price'"
	status 2 pf-window -W 1d -S events.yaml events.jsonl sum:price
	contains "$stderr" "'sum:price' stands behind the operands"
	status 4 pf-window -W 1d -S events.yaml evnets.jsonl
	contains "$stderr" "cannot open 'evnets.jsonl'"
	local option
	for option in --fresh --late=report --revise --changes --keep-dropped --verify=1 --wait=1s --input=x; do
		status 2 pf-window -W 1d $option -S events.yaml events.jsonl
		contains "$stderr" "option '${option%%=*}' says nothing here"
	done
}

@test "states are made, stored, merged and finished apart" {
	events() { pf-window "$@" -S events.yaml events.jsonl; }
	local aggregates="count n=sum:price mean=avg:price sd=stddev:price distinct:user_id hll:event:12 days last:event min_by:event:ts hist:event"
	# Each day for itself, then all of them.
	events -O arrow --state-out --from 2024-01-31 --end 2024-02-02 -W 1d -g user_id $aggregates > days.arrow
	pf-window -O tsv -W 3d -g user_id merge:count merge:n merge:mean merge:sd "merge:distinct(user_id)" \
		"merge:hll(event:12)" merge:days "merge:last(event)" "merge:min_by(event:ts)" "merge:hist(event)" \
		--end 2024-02-02 days.arrow > merged
	events -O tsv -W 3d --end 2024-02-02 -g user_id $aggregates > direct
	diff direct merged
	# What a column is a state of can be said, and must fit it.
	events -O arrow --state-out -W 3d count > all.arrow
	equals "$(pf-window -O tsv -W since=2024-01-01 n=merge:count:'count()' all.arrow | tail -1 | cut -f 3)" 6
	status 2 pf-window -W since=2024-01-01 merge:count:'sum(double)' all.arrow
	contains "$stderr" "has bytes here, this is bigint"
	status 2 pf-window -W since=2024-01-01 merge:count:'summ(double)' all.arrow
	status 2 pf-window -W since=2024-01-01 merge:window_end all.arrow
	contains "$stderr" "does not say of what its states are"
	status 2 pf-window -W since=2024-01-01 merge:nothing all.arrow
	contains "$stderr" "no column is called 'nothing'"
}

# Bounds are dates, or times of as many digits, where all of a run can be.
shortest()
{
	sed -E 's/\.0+([^0-9]|$)/\1/g; s/T00:00:00([^.0-9]|$)/\1/g'
}

@test "several windows in one run are what each is alone" {
	local w end all="-W 12h -W 2d -W since=2024-01-31T10:00:01 -W week -W tumble=1d -W 1s -W since=2024-01-31T23:59:59.999"
	for end in 2024-02-02 2024-02-01T08:15:00 2024-02-01T08:15:00.001; do
		# shellcheck disable=SC2086
		rows $all --end $end -g user_id count max:price days | shortest > together
		for w in ${all//-W/}; do
			rows -W "$w" --end $end -g user_id count max:price days |
				awk -F '\t' -v OFS='\t' -v w="$w" '{ $1 = $1 OFS w } 1'
		done | shortest > apart
		diff together apart
		rows -W 1d -W 36h --from 2024-01-30T00:00:00.5 --end 2024-02-02T00:00:00.5 --every 6h count > together
		for w in 1d 36h; do
			for d in 30 31 01 02; do
				for h in 00 06 12 18; do
					m=$((10#$d > 20 ? 1 : 2))
					[ "$d$h" -lt 0206 ] || [ "$d$h" -gt 2000 ] || continue
					rows -W $w --end 2024-0$m-${d}T$h:00:00.5 count | sed "s/^/$w\t/"
				done
			done
		done > apart
		diff together apart
	done
	equals "$(wc -l < apart)" 14
}

@test "keys that are far apart, close, and both; of all kinds of whole numbers" {
	cat > far.yaml <<- 'END'
		table: far
		id: id
		time: ts
		partition: day
		buckets: 3
		columns: {id: bigint not null, ts: timestamp(0) not null, small: tinyint, day: date, yes: boolean}
	END
	awk 'BEGIN { for (day = 1; day < 6; day++) {
		for (i = 0; i < 9000; i++)
			print (i % 3 ? i * 7 % 9000 : i * 1000000007) "\t" day
		print "-9223372036854775808\t" day; print "9223372036854775807\t" day; print -day "\t" day } }' |
		awk -F '\t' '{ printf "{\"id\":%s,\"ts\":\"2024-01-0%dT01:00:00\",\"small\":%d,\"day\":\"2024-01-%02d\",\"yes\":%s}\n",
			$1, $2, NR % 250 - 125, NR % 31 + 1, NR % 5 ? "true" : "null" }' > far.jsonl
	pf-put -q --create far.yaml far
	pf-partition -S far.yaml -I jsonl far.jsonl | pf-pack -qq | pf-put -q --append far
	local key w where end
	for key in id small day yes; do
		for where in 'id is not null' 'id >= 0 and id < 9000'; do
			for w in 1d 3d 5d; do
				pf-window -q -O tsv -W $w -w "$where" -g $key count far | tail -n +2 | cut -f 1,4 > plain
				# the same keys as text are brought together in another way
				pf-window -q -O tsv -W $w -w "$where" -g "k=string($key)" count far | tail -n +2 | cut -f 1,4 > text
				diff <(sort plain) <(sort text)
				[ $key != id ] || sort -c -n -k 1,1 plain
				for end in 2024-01-04 2024-01-06; do
					pf-window -q -O tsv -s "st-$key-${#where}" -W $w -w "$where" --end $end --allow-missing -g $key count max:ts far > inc
					pf-window -q -O tsv -W $w -w "$where" --end $end -g $key count max:ts far > full
					diff inc full
				done
			done
		done
	done
	equals "$(wc -l < plain)" 2
}
