# SPDX-License-Identifier: Apache-2.0
# What the tests of the programs share. In a .bats file:
#
#   load helpers
#   @test "..." { ... }
#
# Programs are on PATH; every test runs in a scratch directory of its own
# ($BATS_TEST_TMPDIR) with LC_ALL, TZ and all PF_ variables pinned.

PF_ROOT=${PF_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
PF_BUILD=${PF_BUILD:-$PF_ROOT/build}
PF_SHARED=${PF_SHARED:-$PF_ROOT/../shared}
PF_PYTHON=${PF_PYTHON:-$PF_ROOT/build/peers/bin/python}
export PF_ROOT PF_BUILD PF_SHARED PF_PYTHON
export PATH=$PF_BUILD:$PF_BUILD/tools:$PATH LC_ALL=C.UTF-8 TZ=UTC0

bats_require_minimum_version 1.5.0

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
}

# A program that another slice of work brings.
need_program()
{
	local p
	for p; do
		[ -x "$PF_BUILD/$p" ] || skip "no $p"
	done
}

# Somebody else's implementation: need_peer pyarrow duckdb
need_peer()
{
	local module
	for module; do
		"$PF_PYTHON" -c "import $module" 2> /dev/null || skip "no Python package $module"
	done
}

need_shared()
{
	[ -e "$PF_SHARED/$1" ] || skip "no ../shared/$1"
}

# status N COMMAND...: run it, expect the exit status, keep stdout in $output
# and stderr in $stderr.
status()
{
	local want=$1
	shift
	run --separate-stderr "-$want" "$@"
}

# contains TEXT PART / lacks TEXT PART
contains()
{
	[[ $1 == *"$2"* ]] || { printf 'no "%s" in:\n%s\n' "$2" "$1"; return 1; }
}

lacks()
{
	[[ $1 != *"$2"* ]] || { printf '"%s" must not be in:\n%s\n' "$2" "$1"; return 1; }
}

equals()
{
	[ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2"; return 1; }
}

# until_true COMMAND...: tried again until it is, for a minute and longer on a busy
# machine.
until_true()
{
	local _
	for _ in $(seq 1200); do
		"$@" && return 0
		sleep 0.05
	done
	echo "never true: $*"
	return 1
}

# takes_signals PID: has the program begun, and does what it wants at SIGTERM?
takes_signals()
{
	local mask
	mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2> /dev/null)
	[ $((0x${mask:-0} & 0x4000)) != 0 ]
}

# No file that looks temporary is left in a directory.
no_temporaries()
{
	local left
	left=$(find "$1" -name '*.tmp' -o -name '.*.tmp')
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# Run a shell command line with a terminal for stdin, stdout, stderr; prints
# what came out. The exit status is the command's.
on_terminal()
{
	script -qefc "$1" /dev/null < /dev/null
}

# The table definition and rows that many tests use: three entities, two days.
small_schema()
{
	cat > schema.yaml <<-'END'
	table: events
	id: user_id
	time: ts
	zone: UTC
	partition: day
	buckets: 4
	columns:
	  user_id: bigint not null
	  ts: timestamp(3) not null
	  event: string
	  price: double
	END
}

small_rows()
{
	cat > events.jsonl <<-'END'
	{"user_id": 42, "ts": "2024-01-31T23:59:59.500", "event": "view", "price": 1.5}
	{"user_id": 7, "ts": "2024-02-01T00:00:00.000", "event": "buy", "price": 19.9}
	{"user_id": 42, "ts": "2024-02-01T08:00:00.001", "event": "buy", "price": null}
	{"user_id": 9223372036854775807, "ts": "2024-02-01T09:30:00.000", "event": "naïve \"quote\"", "price": 0}
	END
}

# small_table: wh/events with those four rows, through the whole line.
small_table()
{
	need_program pf-stage pf-partition pf-pack pf-put
	small_schema
	small_rows
	pf-stage append -q -S schema.yaml stage events.jsonl
	pf-put -q --create schema.yaml wh/default.db/events
	pf-stage read stage --after wh/default.db/events | pf-partition | pf-pack |
		pf-put -q wh/default.db/events
}

# users_schema [LINE]: the definition of a table of users as they are, which is to be
# $table.
users_schema()
{
	table=wh/default.db/users
	cat > users.yaml <<-END
	table: users
	primary_key: [user_id]
	time: timestamp
	partition: none
	buckets: 2${1:+
	$1}
	columns:
	  user_id: bigint
	  event_type: string
	  timestamp: timestamp(3)
	END
}

# mock_cluster TOPICS: for the tests of a file, librdkafka's mock cluster with
# topics t1, t2 ...; it ends when its standard input does.
mock_cluster()
{
	mkfifo "$BATS_FILE_TMPDIR/hold"
	"$PF_BUILD/tools/kafka_mock" 1 "$1" < "$BATS_FILE_TMPDIR/hold" \
		> "$BATS_FILE_TMPDIR/servers" 2> /dev/null 3>&- &
	exec 8> "$BATS_FILE_TMPDIR/hold"
	for _ in $(seq 300); do
		[ -s "$BATS_FILE_TMPDIR/servers" ] && break
		sleep 0.1
	done
}

end_mock_cluster()
{
	exec 8>&-
}

mock_obeyed()
{
	[ "$(wc -l < "$BATS_FILE_TMPDIR/servers")" -gt "$1" ]
}

# mock COMMAND...: what tests/tools/kafka_mock.c takes; it is done then.
mock()
{
	local before
	before=$(wc -l < "$BATS_FILE_TMPDIR/servers")
	echo "$*" >&8
	until_true mock_obeyed "$before"
}

# TOPIC becomes this test's own, SERVERS where it is.
mock_topic()
{
	SERVERS=$(head -1 "$BATS_FILE_TMPDIR/servers")
	[ -n "$SERVERS" ] || skip "no mock cluster"
	TOPIC=kafka://$SERVERS/t$BATS_TEST_NUMBER
}
