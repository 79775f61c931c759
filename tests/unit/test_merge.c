/* SPDX-License-Identifier: Apache-2.0
 *
 * Merging sorted runs against a stable sort of the same rows, for numbers and
 * texts, few and many runs, batches of all sizes.
 */
#include "load/merge.h"

#include <stdlib.h>

#include "load/sort.h"
#include "unit.h"

static struct pf_error err;
static uint64_t state = 42;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

/* A run in memory, lent in pieces of random sizes. */
struct run {
	struct pf_builder *rows;  /* sorted */
	struct pf_builder *piece;
	int64_t at;
	uint32_t most;
};

static int next(void *ctx, struct pf_batch *batch, struct pf_error *e)
{
	struct run *r = ctx;
	struct pf_batch all = pf_builder_batch(r->rows);
	int64_t n = 1 + below(r->most);
	(void)e;
	pf_builder_reset(r->piece);
	if (n > all.rows - r->at)
		n = all.rows - r->at;
	pf_builder_append(r->piece, &all, r->at, n);
	r->at += n;
	*batch = pf_builder_batch(r->piece);
	return 0;
}

/* id, time, where the row came from */
static void add_row(struct pf_builder *b, bool text, uint32_t ids, int64_t tag)
{
	char name[64];
	uint32_t id = below(ids);
	if (text) {
		int n = snprintf(name, sizeof name, "%s%u", id % 3 ? "long common prefix " : "",
				 id);
		pf_col_bytes(&b->columns[0], name, (size_t)n);
	} else {
		pf_col_i64(&b->columns[0], (int64_t)id - 3);
	}
	pf_col_i64(&b->columns[1], below(4));
	if (tag % 5)
		pf_col_i64(&b->columns[2], tag);
	else
		pf_col_null(&b->columns[2]);
	pf_col_i64(&b->columns[3], tag);
}

static struct pf_schema *make_schema(bool text)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "id", (struct pf_type){ .kind = text ? PF_STRING : PF_BIGINT }, false);
	pf_schema_add(s, "time", (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(s, "maybe", (struct pf_type){ .kind = PF_BIGINT }, true);
	pf_schema_add(s, "tag", (struct pf_type){ .kind = PF_BIGINT }, false);
	return s;
}

static void sort_into(struct pf_builder *to, struct pf_builder *from)
{
	struct pf_sorter *sorter = pf_sorter_new();
	struct pf_batch all = pf_builder_batch(from);
	int keys[] = { 0, 1 };
	const uint32_t *order = pf_sort_rows(sorter, &all, keys, 2);
	pf_builder_reset(to);
	pf_builder_gather(to, &all, order, (size_t)all.rows);
	pf_sorter_free(sorter);
}

static void check_merge(bool text, size_t n_runs, uint32_t rows, uint32_t ids,
			uint32_t most)
{
	struct pf_schema *s = make_schema(text);
	struct pf_builder *all = pf_builder_new(s), *want = pf_builder_new(s);
	struct run *runs = calloc(n_runs + 1, sizeof *runs);
	struct pf_merge_run *inputs = calloc(n_runs + 1, sizeof *inputs);
	int keys[] = { 0, 1 };
	int64_t tag = 0, got = 0;
	bool same = true;
	for (size_t i = 0; i < n_runs; i++) {
		struct pf_builder *mixed = pf_builder_new(s);
		for (uint32_t k = below(rows + 1); k; k--)
			add_row(mixed, text, ids, tag++);
		runs[i] = (struct run){ pf_builder_new(s), pf_builder_new(s), 0, most };
		struct pf_batch b = pf_builder_batch(mixed);
		pf_builder_append(all, &b, 0, b.rows);
		sort_into(runs[i].rows, mixed);
		pf_builder_free(mixed);
		inputs[i] = (struct pf_merge_run){ next, &runs[i], "run" };
	}
	sort_into(want, all);
	struct pf_batch expected = pf_builder_batch(want), batch;
	struct pf_merge *m = pf_merge_new(s, keys, 2, inputs, n_runs);
	for (;;) {
		CHECK_OK(pf_merge_next(m, &batch, &err), &err);
		if (!batch.rows)
			break;
		for (int64_t r = 0; r < batch.rows && got + r < expected.rows; r++) {
			const struct pf_column *a = batch.columns, *b = expected.columns;
			same &= pf_int_at(&a[3], PF_BIGINT, r) ==
				pf_int_at(&b[3], PF_BIGINT, got + r);
			same &= pf_is_null(&a[2], r) == pf_is_null(&b[2], got + r);
		}
		got += batch.rows;
	}
	CHECK_INT(got, expected.rows);
	CHECK(same);
	pf_merge_free(m);
	for (size_t i = 0; i < n_runs; i++) {
		pf_builder_free(runs[i].rows);
		pf_builder_free(runs[i].piece);
	}
	free(runs);
	free(inputs);
	pf_builder_free(all);
	pf_builder_free(want);
	pf_schema_unref(s);
}

static void test_stable_merges(void)
{
	check_merge(false, 0, 10, 3, 5);
	check_merge(false, 1, 5000, 3, 100);
	for (int text = 0; text < 2; text++) {
		check_merge(text, 2, 1000, 5, 1000);
		check_merge(text, 3, 20000, 5, 30000); /* long stretches */
		check_merge(text, 7, 3000, 1000, 64);
		check_merge(text, 40, 200, 20, 7);
		check_merge(text, 300, 10, 1, 3);
	}
}

/* A run that goes back is found out, also from one batch to the next. */
static void test_a_run_that_goes_back(void)
{
	for (uint32_t most = 1; most <= 4; most += 3) {
		struct pf_schema *s = make_schema(false);
		struct run r = { pf_builder_new(s), pf_builder_new(s), 0, most };
		int keys[] = { 0, 1 }, code = 0;
		static const int64_t ids[] = { 1, 2, 4, 3, 5 };
		struct pf_batch batch;
		for (int i = 0; i < 5; i++) {
			pf_col_i64(&r.rows->columns[0], ids[i]);
			pf_col_i64(&r.rows->columns[1], 0);
			pf_col_null(&r.rows->columns[2]);
			pf_col_i64(&r.rows->columns[3], i);
		}
		struct pf_merge_run in = { next, &r, "file.parquet" };
		struct pf_merge *m = pf_merge_new(s, keys, 2, &in, 1);
		do
			code = pf_merge_next(m, &batch, &err);
		while (!code && batch.rows);
		CHECK_INT(code, PF_E_CORRUPT);
		CHECK(strstr(err.message, "file.parquet") != NULL);
		pf_merge_free(m);
		pf_builder_free(r.rows);
		pf_builder_free(r.piece);
		pf_schema_unref(s);
	}
}

/* Keys tell -0.0 from 0.0, which is later; not a number is last. */
static void test_zeros(void)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "x", (struct pf_type){ .kind = PF_DOUBLE }, false);
	pf_schema_add(s, "k", (struct pf_type){ .kind = PF_BIGINT }, false);
	static const double values[2][3] = { { -1, -0.0, 0.0 }, { -0.0, 0.0, 1 } };
	static const int64_t last[2][3] = { { 1, 9, 2 }, { 7, 3, 4 } };
	struct run runs[2];
	struct pf_merge_run inputs[2];
	int keys[] = { 0, 1 };
	struct pf_buf got = { 0 };
	struct pf_batch batch = { 0 };
	for (size_t i = 0; i < 2; i++) {
		runs[i] = (struct run){ pf_builder_new(s), pf_builder_new(s), 0, 2 };
		for (size_t k = 0; k < 3; k++) {
			pf_col_f64(&runs[i].rows->columns[0], values[i][k]);
			pf_col_i64(&runs[i].rows->columns[1], last[i][k]);
		}
		inputs[i] = (struct pf_merge_run){ next, &runs[i], "run" };
	}
	struct pf_merge *m = pf_merge_new(s, keys, 2, inputs, 2);
	do {
		CHECK_OK(pf_merge_next(m, &batch, &err), &err);
		for (int64_t r = 0; r < batch.rows; r++)
			pf_buf_printf(&got, "%" PRId64 " ",
				      ((const int64_t *)batch.columns[1].values)[r]);
	} while (batch.rows);
	CHECK_STR(pf_buf_cstr(&got), "1 7 9 2 3 4 ");
	pf_buf_free(&got);
	pf_merge_free(m);
	for (size_t i = 0; i < 2; i++) {
		pf_builder_free(runs[i].rows);
		pf_builder_free(runs[i].piece);
	}
	pf_schema_unref(s);
}

UNIT_MAIN(CASE(stable_merges), CASE(a_run_that_goes_back), CASE(zeros))
