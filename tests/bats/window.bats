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
	equals "$(rows -W 12h count)" ""
}

@test "bounds are half open" {
	equals "$(rows -W since=2024-01-31T10:00:01 --end 2024-02-01T08:15:00 count)" \
		"$(printf '2024-01-31T10:00:01\t2024-02-01T08:15:00\t3')"
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
	contains "$stderr" "--state goes with one table, and stages: 'events.jsonl' is a text"
	status 2 pf-window count -S events.yaml events.jsonl
	contains "$stderr" "--window is needed"
	status 2 pf-window -W since=2025-01-01 -S events.yaml events.jsonl
	contains "$stderr" "is empty"
	status 2 pf-window -W 1d sum:prise -S events.yaml events.jsonl
	contains "$stderr" "did you mean 'price'?"
}
