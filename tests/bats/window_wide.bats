# SPDX-License-Identifier: Apache-2.0
# pf-window --wide: one row for each key, its windows side by side.

load helpers
load window_table

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	window_table
	load_rows "1 1 1.50" "2 1 2" "1 2 3" "3 3 1" "1 3 10"
}

@test "a key of any of the windows has a row; what no rows come to stands in the others" {
	equals "$(pf-window -O tsv --wide -W 3d -W 1d -g id count sum:price t)" "$(printf '%s\t' \
		id window_end count_3d 'sum(price)_3d' count_1d 'sum(price)_1d' | sed 's/.$//'
		printf '\n1\t2013-03-04\t3\t14.50\t1\t10.00\n2\t2013-03-04\t1\t2.00\t0\t\n3\t2013-03-04\t1\t1.00\t1\t1.00')"
	equals "$(rows --wide -W 1d -W 3d -g id count)" \
		"$(printf '%s\n' '1 2013-03-04 1 3' '2 2013-03-04 0 1' '3 2013-03-04 1 1')"
	equals "$(rows --wide -W 3d -W 1d n=count)" "2013-03-04 5 2"
	equals "$(rows --wide -W 1d -W since=2013-03-02 --from 2013-03-03 --end 2013-03-04 -g id count)" \
		"$(printf '1 2013-03-03 1 1\n1 2013-03-04 1 2\n3 2013-03-04 1 1')"
}

@test "from a state: what is read once, is put aside for each window, and serves it alone" {
	local day
	rows -s st --wide -W 3d -W 2d -W 1d -g id count sum:price > /dev/null
	equals "$(jq -c '[.windows[] | [.window, .rows]]' st/state.json)" '[["3d",3],["2d",2],["1d",2]]'
	for day in 4 5 6; do
		load_rows "1 $day 1" "4 $day 2" "2 2 7"
		equals "$(rows -s st --wide -W 3d -W 2d -W 1d -g id count sum:price)" \
			"$(rows --wide -W 3d -W 2d -W 1d -g id count sum:price)"
		equals "$(rows -s st -W 2d -g id count sum:price)" "$(rows -W 2d -g id count sum:price)"
	done
	rows -s st --wide -W 3d -W 2d -W 1d -g id count sum:price --stats stats.json > /dev/null
	equals "$(jq -c '[.windows, .answers_reused, .rows_out]' stats.json)" "[3,3,2]"
}

@test "a window that is new, beside those that are kept" {
	rows -s st --wide -W 2d -W 1d -g id count > /dev/null
	load_rows "1 4 1"
	equals "$(rows -s st --wide -W 2d -W 4d -W 1d -W week -g id count)" \
		"$(rows --wide -W 2d -W 4d -W 1d -W week -g id count)"
}

@test "windows that end earlier stand beside the others, under the latest end" {
	equals "$(rows --wide -W 2d -W tumble=2d --end 2013-03-05 -g id count)" "$(printf '%s\n' \
		'1 2013-03-05 1 2' '3 2013-03-05 1 1')"
	equals "$(rows --wide -W tumble=2d --from 2013-03-03 --end 2013-03-05 -g id count)" \
		"$(printf '%s\n' '1 2013-03-02 1' '2 2013-03-02 1' '1 2013-03-04 2' '3 2013-03-04 1')"
}

@test "rows in flight are in the windows that they are of, never in the state" {
	local asked="-s st --wide -W 2d -W 1d -g id count"
	printf '{"id":%s,"ts":"2013-03-0%sT13:00:00.000","price":5}\n' 1 2 9 3 |
		pf-stage append -q -S t.yaml s -
	# shellcheck disable=SC2086
	equals "$(pf-window -qq -O tsv $asked t s | tail -n +2 | tr '\t' ' ')" \
		"$(printf '1 2013-03-04 3 1\n3 2013-03-04 1 1\n9 2013-03-04 1 1')"
	# shellcheck disable=SC2086
	equals "$(rows $asked)" "$(printf '1 2013-03-04 2 1\n3 2013-03-04 1 1')"
}

@test "--changes: a key whose value differs in any of the windows, as it was and as it is" {
	local asked="-s st --wide -W 3d -W 1d --changes -g id count"
	# shellcheck disable=SC2086
	equals "$(rows $asked)" "$(printf '%s\n' '+ 1 2013-03-04 3 1' '+ 2 2013-03-04 1 0' '+ 3 2013-03-04 1 1')"
	# shellcheck disable=SC2086
	equals "$(rows $asked)" ""
	load_rows "2 2 1"
	# shellcheck disable=SC2086
	equals "$(rows $asked)" "$(printf '%s\n' '- 2 2013-03-04 1 0' '+ 2 2013-03-04 2 0')"
	load_rows "5 4 1"
	# shellcheck disable=SC2086
	equals "$(rows $asked)" "$(printf '%s\n' '- 1 2013-03-04 3 1' '+ 1 2013-03-05 2 0' '- 2 2013-03-04 2 0' \
		'+ 2 2013-03-05 1 0' '- 3 2013-03-04 1 1' '+ 3 2013-03-05 1 0' '+ 5 2013-03-05 1 1')"
}

@test "--revise gives out again what late rows changed in any of the windows" {
	local day asked="-s st --wide -W 2d -W 1d -g id count"
	for day in 4 5 6; do
		load_rows "1 $day 1"
		# shellcheck disable=SC2086
		rows $asked > /dev/null
	done
	load_rows "1 4 2"
	# shellcheck disable=SC2086
	equals "$(rows $asked --revise)" "$(printf '%s\n' '1 2013-03-05 3 2' '3 2013-03-05 1 0' '1 2013-03-06 3 1' \
		'1 2013-03-07 2 1')"
	# shellcheck disable=SC2086
	equals "$(rows $asked --revise)" "1 2013-03-07 2 1"
}

@test "what does not go together is said" {
	local many
	status 2 pf-window --wide -W 1d --per-day count t
	contains "$stderr" "--wide goes without --per-day and --state-out"
	status 2 pf-window --wide -W 1d --state-out -O arrow count t
	contains "$stderr" "--wide goes without --per-day and --state-out"
	status 2 pf-window --wide -W 1d -W 1d count t
	contains "$stderr" "two columns of the answer are called 'count_1d'"
	many=$(printf -- '-W %dd ' {1..65})
	# shellcheck disable=SC2086
	status 2 pf-window --wide $many --end 2013-03-04 count t
	contains "$stderr" "--wide goes with 64 windows at most"
	# shellcheck disable=SC2086
	equals "$(rows --wide ${many% -W*} --end 2013-03-04 count | cut -d ' ' -f 1-5,65)" "2013-03-04 2 3 5 5 5"
}
