# SPDX-License-Identifier: Apache-2.0
# What a disk may hold after a power cut: unsynced writes dropped, torn,
# reordered. tests/soak runs this at length.
load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	need_program pf-stage tools/ipc_dump
	strace -o /dev/null true 2> /dev/null || skip "strace does not work here"
	ASAN_OPTIONS+=:detect_leaks=0 # which is a tracer itself
	export TMPDIR=$BATS_TEST_TMPDIR
}

images()
{
	PF_BUILD=$PF_BUILD python3 "$PF_ROOT/tests/tools/traced_images.py" "$@"
}

@test "a stage is recovered from what the disk may hold, acknowledged rows and all" {
	run -0 images stage --images 20
	echo "$output"
}

@test "C18: a table is recovered from what the disk may hold" {
	need_program pf-partition pf-pack pf-put pf-query
	run -0 images put --images 12
	echo "$output"
}

@test "a state of windows is recovered from what the disk may hold" {
	need_program pf-partition pf-pack pf-put pf-window
	run -0 images window --images 15
	echo "$output"
}

@test "without syncs those tests fail" {
	run -1 images stage --images 8 --forget-syncs
	run -1 images put --images 8 --forget-syncs
	run -1 images window --images 8 --forget-syncs
	[ -e /usr/lib/x86_64-linux-gnu/libeatmydata.so ] || skip "no libeatmydata"
	run -1 images stage --images 8 --eatmydata
}
