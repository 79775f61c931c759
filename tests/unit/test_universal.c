/* SPDX-License-Identifier: Apache-2.0
 *
 * Which runs universal compaction takes: the cases of Paimon's own
 * UniversalCompactionTest (sizes, levels, what is picked) and its options; the
 * order of runs; files of a level that overlap.
 */
#include "keyed/universal.h"

#include <stdlib.h>

#include "paimon/internal.h"
#include "paimon/levels.h"
#include "unit.h"

static struct pf_error err;

struct runs {
	struct pf_keyed_run items[8];
	size_t n;
};

/* "0:1 1:2": levels and sizes, newest first. */
static struct runs runs_of(const char *text)
{
	struct runs r = { .n = 0 };
	int level, used;
	long long bytes;
	while (sscanf(text, "%d:%lld%n", &level, &bytes, &used) == 2) {
		r.items[r.n++] = (struct pf_keyed_run){ .level = level, .bytes = bytes,
							.n = 1 };
		text += used;
	}
	return r;
}

/* How many runs are taken, and to which level: "3 to 2, size ratio". */
static void check(int64_t amplification, int64_t ratio, int64_t trigger, int32_t levels,
		  const char *text, bool full, const char *want)
{
	const struct pf_universal u = { .trigger = trigger, .ratio = ratio,
					.amplification = amplification,
					.levels = levels };
	struct runs r = runs_of(text);
	struct pf_universal_pick pick;
	char got[64] = "nothing";
	if (pf_universal_choose(&u, r.items, r.n, full, &pick))
		snprintf(got, sizeof got, "%zu to %d, %s", pick.n, pick.level, pick.why);
	CHECK_STR(got, want);
}

TEST(picks)
{
	check(25, 1, 3, 3, "0:1 0:2 0:3 0:3", false, "4 to 2, size amplification");
	check(25, 1, 3, 4, "0:1 1:1 2:1 3:50", false, "3 to 2, size ratio");
	check(25, 1, 3, 4, "0:1 1:2 2:3 3:50", false, "3 to 2, number of runs");
	check(25, 1, 3, 3, "0:1 0:1 1:1 2:50", false, "3 to 1, size ratio");
	check(25, 1, 3, 3, "0:1 0:2 1:3 2:50", false, "3 to 1, number of runs");
	check(200, 1, 5, 6, "0:1 0:1 0:1 0:1024 0:1048576", false, "5 to 5, size ratio");
	check(200, 1, 5, 6, "0:1 0:1 0:1 0:1 5:1000", false, "4 to 4, size ratio");
	check(200, 1, 5, 6, "0:1 0:5 0:9 0:20 5:1000", false, "nothing");
	check(200, 1, 5, 6, "0:1 0:5 0:9 0:20 4:99 5:1000", false,
	      "4 to 3, number of runs");
	check(200, 1, 5, 6, "0:10 0:20 0:30 5:1", false, "nothing");
	check(200, 1, 5, 6, "0:10 0:20 0:30 0:40 5:1", false,
	      "5 to 5, size amplification");
	/* Somebody else's levels are more. */
	check(200, 1, 5, 6, "0:1 0:1 0:1 0:1 8:1", false, "5 to 8, size amplification");
	check(200, 1, 5, 6, "", false, "nothing");
}

TEST(full)
{
	check(200, 1, 5, 6, "0:1", true, "1 to 5, full");
	check(200, 1, 5, 6, "0:1 5:10", true, "2 to 5, full");
	check(200, 1, 5, 6, "5:10", true, "nothing");
	check(200, 1, 5, 6, "3:10", true, "1 to 5, full");
	check(200, 1, 5, 6, "", true, "nothing");
}

/* Runs of 1 come one by one; after each, what there is. */
TEST(a_life)
{
	const struct pf_universal u = { .trigger = 5, .ratio = 1, .amplification = 200,
					.levels = 6 };
	struct runs r = { .n = 0 };
	struct pf_universal_pick pick;
	int64_t written = 0;
	for (int i = 0; i < 2000; i++) {
		memmove(r.items + 1, r.items, r.n++ * sizeof *r.items);
		r.items[0] = (struct pf_keyed_run){ .level = 0, .bytes = 1, .n = 1 };
		while (pf_universal_choose(&u, r.items, r.n, false, &pick)) {
			struct pf_keyed_run made = { .level = pick.level, .n = 1 };
			for (size_t k = 0; k < pick.n; k++)
				made.bytes += r.items[k].bytes;
			written += made.bytes;
			CHECK(pick.level > 0);
			CHECK(pick.n == r.n || pick.level < r.items[pick.n].level);
			memmove(r.items + 1, r.items + pick.n,
				(r.n - pick.n) * sizeof *r.items);
			r.items[0] = made;
			r.n -= pick.n - 1;
		}
		CHECK(r.n <= 5);
		if (r.n > 5)
			return;
	}
	/* Each row was rewritten a few times, not hundreds. */
	CHECK(written < 2000 * 20);
}

static struct pf_table_schema *schema_of(const char *options)
{
	char json[2000];
	struct pf_table_schema *s = NULL;
	snprintf(json, sizeof json,
		 "{\"version\":3,\"id\":0,\"fields\":["
		 "{\"id\":0,\"name\":\"k\",\"type\":\"BIGINT NOT NULL\"}],"
		 "\"highestFieldId\":0,\"partitionKeys\":[],"
		 "\"primaryKeys\":[\"k\"],\"options\":{\"bucket\":\"1\"%s%s},"
		 "\"timeMillis\":0}",
		 *options ? "," : "", options);
	CHECK_OK(pf_table_schema_parse(json, strlen(json), "schema-0", &s, &err), &err);
	return s;
}

TEST(options)
{
	struct pf_universal u;
	struct pf_table_schema *s = schema_of("");
	CHECK_OK(pf_universal_read(s, &u, &err), &err);
	CHECK_INT(u.trigger, 5);
	CHECK_INT(u.levels, 6);
	CHECK_INT(u.amplification, 200);
	CHECK_INT(u.ratio, 1);
	CHECK_INT(u.file_bytes, 128 << 20);
	CHECK_INT(u.small_bytes, (int64_t)((128 << 20) * 0.7));
	pf_table_schema_free(s);
	s = schema_of("\"num-sorted-run.compaction-trigger\":\"3\","
		      "\"target-file-size\":\"16 MB\",\"compaction.size-ratio\":\"7\","
		      "\"compaction.total-size-threshold\":\"1gb\","
		      "\"compaction.incremental-size-threshold\":\"65536\"");
	CHECK_OK(pf_universal_read(s, &u, &err), &err);
	CHECK_INT(u.trigger, 3);
	CHECK_INT(u.levels, 4);
	CHECK_INT(u.ratio, 7);
	CHECK_INT(u.file_bytes, 16 << 20);
	CHECK_INT(u.least_total, 1 << 30);
	CHECK_INT(u.most_new, 65536);
	pf_table_schema_free(s);
	static const char *const bad[] = {
		"\"num-levels\":\"1\"", "\"target-file-size\":\"16 apples\"",
		"\"num-sorted-run.compaction-trigger\":\"0\"",
		"\"compaction.size-ratio\":\"-1\"",
		"\"compaction.small-file-ratio\":\"7\"",
		"\"target-file-size\":\"99999999999 tb\"",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		s = schema_of(bad[i]);
		CHECK_INT(pf_universal_read(s, &u, &err), PF_E_TABLE_FEATURE);
		pf_table_schema_free(s);
	}
}

/* By total and by new size, also below the trigger. */
TEST(early)
{
	const struct pf_universal total = { .trigger = 5, .amplification = 200,
					    .levels = 6, .least_total = 100 };
	const struct pf_universal fresh = { .trigger = 5, .amplification = 200,
					    .levels = 6, .most_new = 10 };
	struct pf_universal_pick pick;
	struct runs r = runs_of("0:1 5:98");
	CHECK(pf_universal_choose(&total, r.items, r.n, false, &pick) && pick.n == 2);
	CHECK(!pf_universal_choose(&total, r.items + 1, 1, false, &pick));
	CHECK(!pf_universal_choose(&fresh, r.items, r.n, false, &pick));
	r = runs_of("0:1 5:99");
	CHECK(!pf_universal_choose(&total, r.items, r.n, false, &pick));
	r = runs_of("0:11 5:99");
	CHECK(pf_universal_choose(&fresh, r.items, r.n, false, &pick) && pick.level == 5);
}

static struct pf_view key_row(struct pf_arena *a, int64_t k)
{
	struct pf_buf row = { 0 };
	struct pf_datum d = { .type = { .kind = PF_BIGINT }, .i = k };
	pf_row_serialize(&row, &d, 1);
	struct pf_view v = pf_arena_copy(a, row.data, row.len);
	pf_buf_free(&row);
	return v;
}

TEST(order_and_overlap)
{
	/* level, least and greatest number, first and last key */
	static const int64_t rows[][5] = {
		{ 5, 0, 9, 1, 5 },    { 0, 20, 29, 1, 9 }, { 0, 30, 39, 1, 9 },
		{ 5, 0, 9, 6, 8 },    { 2, 10, 19, 1, 9 }, { 0, 30, 35, 2, 3 },
		{ 0, 30, 39, -5, 0 },
	};
	enum { N = 7 };
	struct pf_data_file list[N] = { 0 };
	const struct pf_data_file *files[N], *pair[2];
	struct pf_keyed_run runs[N];
	struct pf_arena arena = { 0 };
	struct pf_table_schema *s = schema_of("");
	char names[N][4], got[N + 1] = "";
	for (size_t i = 0; i < N; i++) {
		snprintf(names[i], sizeof names[i], "%c", (char)('a' + i));
		files[i] = &list[i];
		list[i] = (struct pf_data_file){
			.name = names[i], .level = (int32_t)rows[i][0], .size = 10,
			.min_sequence = rows[i][1], .max_sequence = rows[i][2],
			.min_key = key_row(&arena, rows[i][3]),
			.max_key = key_row(&arena, rows[i][4]),
		};
	}
	CHECK_OK(pf_levels_overlap(s, files, N, pair, &err), &err);
	CHECK(!pair[0] && !pair[1]);
	CHECK_INT(pf_keyed_runs(files, N, runs), 6);
	for (size_t i = 0; i < N; i++)
		got[i] = files[i]->name[0];
	got[5] = got[6] = 0; /* the level's two files in any order */
	CHECK_STR(got, "cgfbe");
	CHECK_INT(runs[5].n, 2);
	CHECK_INT(runs[5].bytes, 20);
	CHECK_INT(runs[4].level, 2);
	list[3].min_key = key_row(&arena, 5);
	CHECK_OK(pf_levels_overlap(s, files, N, pair, &err), &err);
	CHECK(pair[0] == &list[0] && pair[1] == &list[3]);
	list[3].bucket = 1;
	CHECK_OK(pf_levels_overlap(s, files, N, pair, &err), &err);
	CHECK(!pair[0]);
	list[3].min_key.len = 3;
	CHECK_INT(pf_levels_overlap(s, files, N, pair, &err), PF_E_TABLE_CORRUPT);
	pf_arena_free(&arena);
	pf_table_schema_free(s);
}

UNIT_MAIN(CASE(picks), CASE(full), CASE(a_life), CASE(options), CASE(early),
	  CASE(order_and_overlap))
