/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of versions to rows, against a model that knows nothing of runs: keys of
 * several types (equal beginnings, negative numbers, bytes above 0x7f), late and
 * missing sequences, deletes, runs in pieces of all sizes, so little memory that
 * runs become temporary ones.
 */
#include "load/merge_keyed.h"

#include <stdlib.h>

#include "load/sort.h"
#include "paimon/internal.h"
#include "unit.h"

static struct pf_error err;
static uint64_t state = 11;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

enum { VALUE = 3, NUMBER = 4, KIND = 5, COLUMNS = 6 };

/* Key columns a and b, sequence column s, value v. */
static struct pf_table_schema *schema_of(const char *a, const char *b, const char *options)
{
	char json[2000];
	struct pf_table_schema *s = NULL;
	snprintf(json, sizeof json,
		 "{\"version\":3,\"id\":0,\"fields\":["
		 "{\"id\":0,\"name\":\"a\",\"type\":\"%s NOT NULL\"},"
		 "{\"id\":1,\"name\":\"b\",\"type\":\"%s NOT NULL\"},"
		 "{\"id\":2,\"name\":\"s\",\"type\":\"INT\"},"
		 "{\"id\":3,\"name\":\"v\",\"type\":\"STRING\"}],"
		 "\"highestFieldId\":3,\"partitionKeys\":[],"
		 "\"primaryKeys\":[\"a\",\"b\"],\"options\":{\"bucket\":\"1\"%s%s},"
		 "\"timeMillis\":0}",
		 a, b, *options ? "," : "", options);
	CHECK_OK(pf_table_schema_parse(json, strlen(json), "schema-0", &s, &err), &err);
	return s;
}

static void put_key(struct pf_colbuf *c, uint32_t keys)
{
	static const char *const texts[] = { "", "a", "a long beginning ", "\xc3\xa9",
					     "a long beginning \xff", "zz" };
	char text[64];
	uint32_t k = below(keys);
	if (c->kind == PF_STRING) {
		int n = snprintf(text, sizeof text, "%s%u", texts[k % 6], k / 6);
		pf_col_bytes(c, text, (size_t)n);
	} else if (c->kind == PF_DECIMAL) {
		pf_col_i128(c, (pf_i128)k - (pf_i128)(keys / 2));
	} else if (c->kind == PF_BOOLEAN) {
		pf_col_bool(c, k & 1);
	} else {
		pf_col_int(c, (int64_t)k - keys / 2);
	}
}

static void put_version(struct pf_builder *b, uint32_t keys, int64_t number)
{
	char text[80];
	int n = snprintf(text, sizeof text, "version %u of %s", (unsigned)number,
			 &"0123456789 0123456789"[below(20)]);
	put_key(&b->columns[0], keys);
	put_key(&b->columns[1], 3);
	if (below(5))
		pf_col_i32(&b->columns[2], (int32_t)below(4));
	else
		pf_col_null(&b->columns[2]);
	if (below(9))
		pf_col_bytes(&b->columns[VALUE], text, (size_t)n);
	else
		pf_col_null(&b->columns[VALUE]);
	pf_col_i64(&b->columns[NUMBER], number);
	pf_col_i8(&b->columns[KIND], (int8_t)below(4));
}

static bool same_key(const struct pf_batch *b, int64_t x, int64_t y)
{
	for (int c = 0; c < 2; c++)
		if (pf_value_cmp(b->schema->fields[c].type.kind, &b->columns[c], x,
				 &b->columns[c], y))
			return false;
	return true;
}

static int64_t sequence_of(const struct pf_batch *b, int64_t row)
{
	const struct pf_column *c = &b->columns[2];
	return pf_is_null(c, row) ? INT64_MIN : pf_int_at(c, PF_INT, row);
}

/* All versions sorted by key: the rows that stay, by their own numbers. */
static void model(const struct pf_batch *all, const uint32_t *order, bool sequence,
		  bool descends, bool keep, struct pf_buf *want)
{
	const int64_t *numbers = all->columns[NUMBER].values;
	const int8_t *kinds = all->columns[KIND].values;
	for (int64_t from = 0, to; from < all->rows; from = to) {
		int64_t best = order[from];
		for (to = from; to < all->rows && same_key(all, order[from], order[to]); to++) {
			int64_t r = order[to];
			int64_t p = sequence ? sequence_of(all, r) : 0;
			int64_t q = sequence ? sequence_of(all, best) : 0;
			if (p != q && p != INT64_MIN && q != INT64_MIN && descends) {
				int64_t other = p;
				p = q;
				q = other;
			}
			if (p > q || (p == q && numbers[r] > numbers[best]))
				best = r;
		}
		if (keep || !pf_kind_retracts(kinds[best]))
			pf_buf_printf(want, "%" PRId64 " ", numbers[best]);
	}
}

/* A run in memory, lent in pieces of random sizes. */
struct run {
	struct pf_builder *rows, *piece;
	int64_t at;
	uint32_t most;
	bool begun, closed;
};

static size_t reading, most_reading; /* runs at a time */

static int next(void *ctx, struct pf_batch *batch, struct pf_error *e)
{
	struct run *r = ctx;
	struct pf_batch all = pf_builder_batch(r->rows);
	int64_t n = 1 + below(r->most);
	(void)e;
	reading += !r->begun;
	r->begun = true;
	most_reading = reading > most_reading ? reading : most_reading;
	pf_builder_free(r->piece); /* nobody may look at the last one any more */
	r->piece = pf_builder_new(r->rows->schema);
	n = n > all.rows - r->at ? all.rows - r->at : n;
	pf_builder_append(r->piece, &all, r->at, n);
	r->at += n;
	*batch = pf_builder_batch(r->piece);
	return 0;
}

static void close_run(void *ctx)
{
	struct run *r = ctx;
	reading -= r->begun;
	r->closed = true;
}

static void check(const char *a, const char *b, const char *options, size_t n_runs,
		  uint32_t rows, uint32_t keys, uint32_t most, size_t memory, bool keep)
{
	struct pf_table_schema *t = schema_of(a, b, options);
	struct pf_schema *s = pf_schema_copy(t->columns);
	pf_schema_add(s, PF_SEQUENCE_COLUMN, (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(s, PF_KIND_COLUMN, (struct pf_type){ .kind = PF_TINYINT }, false);
	const struct pf_keyed_merge_options o = { .keep_deletes = keep,
						  .memory_bytes = memory };
	struct pf_rules *rules = NULL;
	struct pf_keyed_merge *m = NULL;
	struct pf_builder *all = pf_builder_new(s);
	struct run *runs = calloc(n_runs + 1, sizeof *runs);
	struct pf_sorter *sorter = pf_sorter_new();
	const int key_columns[] = { 0, 1 };
	int64_t number = 0;
	CHECK_OK(pf_rules_read(t, &rules, &err), &err);
	CHECK_OK(pf_keyed_merge_new(rules, s, &o, &m, &err), &err);
	for (size_t i = 0; i < n_runs; i++) {
		struct pf_builder *mixed = pf_builder_new(s);
		for (uint32_t k = below(rows + 1); k; k--)
			put_version(mixed, keys, number++);
		struct pf_batch batch = pf_builder_batch(mixed);
		const uint32_t *order = pf_sort_rows(sorter, &batch, key_columns, 2);
		pf_builder_append(all, &batch, 0, batch.rows);
		runs[i] = (struct run){ pf_builder_new(s), pf_builder_new(s), 0, most, false, false };
		pf_builder_gather(runs[i].rows, &batch, order, (size_t)batch.rows);
		pf_builder_free(mixed);
		const struct pf_run run = { .merge = { next, &runs[i], "run" },
					    .bytes = 1000, .close = close_run };
		pf_keyed_merge_add(m, &run);
	}
	struct pf_buf want = { 0 }, got = { 0 };
	struct pf_batch every = pf_builder_batch(all), batch;
	model(&every, pf_sort_rows(sorter, &every, key_columns, 2), rules->nsequence > 0,
	      rules->sequence_descends, keep, &want);
	bool same = true;
	for (;;) {
		batch.rows = 0;
		CHECK_OK(pf_keyed_merge_next(m, &batch, &err), &err);
		if (!batch.rows)
			break;
		const int64_t *numbers = batch.columns[NUMBER].values;
		for (int64_t r = 0; r < batch.rows; r++) {
			int64_t at = numbers[r]; /* of all rows, its own */
			pf_buf_printf(&got, "%" PRId64 " ", at);
			for (int c = 0; c < COLUMNS; c++) {
				const struct pf_column *x = &batch.columns[c],
						       *y = &every.columns[c];
				bool null = pf_is_null(x, r);
				same &= null == pf_is_null(y, at);
				same &= null || !pf_value_cmp(s->fields[c].type.kind, x, r, y, at);
			}
		}
	}
	CHECK(same);
	/* Each takes 1000 bytes; two can always be read. */
	CHECK(most_reading <= (memory < 2000 ? 2 : memory / 1000));
	most_reading = 0;
	CHECK_STR(pf_buf_cstr(&got), pf_buf_cstr(&want));
	pf_keyed_merge_free(m);
	for (size_t i = 0; i < n_runs; i++) {
		CHECK(runs[i].closed);
		pf_builder_free(runs[i].rows);
		pf_builder_free(runs[i].piece);
	}
	pf_buf_free(&want);
	pf_buf_free(&got);
	free(runs);
	pf_sorter_free(sorter);
	pf_builder_free(all);
	pf_schema_unref(s);
	pf_rules_free(rules);
	pf_table_schema_free(t);
}

TEST(the_newest)
{
	static const char *const keys[][2] = {
		{ "BIGINT", "INT" },	 { "INT", "SMALLINT" }, { "STRING", "INT" },
		{ "SMALLINT", "STRING" }, { "BOOLEAN", "BIGINT" }, { "DATE", "TINYINT" },
		{ "DECIMAL(9,2)", "INT" },
	};
	static const char *const options[] = {
		"", "\"sequence.field\":\"s\"",
		"\"sequence.field\":\"s\",\"sequence.field.sort-order\":\"descending\"",
	};
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
		for (size_t i = 0; i < 3; i++)
			for (int keep = 0; keep < 2; keep++) {
				const char *a = keys[k][0], *b = keys[k][1], *o = options[i];
				check(a, b, o, 1, 300, 50, 7, 1 << 20, keep);
				check(a, b, o, 5, 900, 200, 100, 1 << 20, keep);
				check(a, b, o, 20, 60, 30, 3, 1 << 20, keep);
				/* Two runs at a time. */
				check(a, b, o, 9, 90, 40, 20, 1500, keep);
				check(a, b, o, 12, 90, 40, 20, 4000, keep);
			}
}

TEST(stretches_and_edges)
{
	check("BIGINT", "INT", "", 0, 10, 10, 3, 1 << 20, false);
	check("BIGINT", "INT", "", 3, 40000, 100000, 9000, 1 << 20, false);
	check("BIGINT", "INT", "", 2, 30000, 5, 40000, 1 << 20, true);
	check("STRING", "INT", "", 40, 400, 4000, 64, 20000, false);
}

UNIT_MAIN(CASE(the_newest), CASE(stretches_and_edges))
