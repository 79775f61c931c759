/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "load/sort.h"

/* Is order a permutation that is sorted and stable? By the plainest means. */
static bool right_order(const struct pf_batch *b, const uint32_t *order,
			const int *columns, size_t n)
{
	char *seen = calloc((size_t)b->rows, 1);
	bool right = true;
	for (int64_t i = 0; i < b->rows; i++) {
		right &= order[i] < b->rows && !seen[order[i]];
		seen[order[i]] = 1;
		if (!i)
			continue;
		int c = 0;
		for (size_t k = 0; k < n && !c; k++) {
			const struct pf_column *col = &b->columns[columns[k]];
			c = pf_value_cmp(b->schema->fields[columns[k]].type.kind,
					 col, order[i - 1], col, order[i]);
		}
		right &= c < 0 || (c == 0 && order[i - 1] < order[i]);
	}
	free(seen);
	return right;
}

static uint64_t state = 42;
static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void fill(struct pf_colbuf *c, enum pf_kind kind, int64_t range)
{
	char text[32];
	int64_t v = range ? (int64_t)(next() % (uint64_t)range) - range / 2 :
			    (int64_t)next();
	switch (kind) {
	case PF_STRING:
		snprintf(text, sizeof text, "user-%lld", (long long)v);
		pf_col_bytes(c, text, strlen(text));
		break;
	case PF_DOUBLE:
		pf_col_f64(c, v == 0 ? -0.0 : (double)v / 3);
		break;
	case PF_DECIMAL:
		pf_col_i128(c, (pf_i128)v * 1000000007);
		break;
	default:
		pf_col_int(c, v);
	}
}

static void try_sort(enum pf_kind id, int64_t id_range, int64_t time_range,
		     size_t rows)
{
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "time", (struct pf_type){ .kind = PF_TIMESTAMP, .precision = 3 }, true);
	pf_schema_add(schema, "id", (struct pf_type){ .kind = id, .precision = 38 }, true);
	struct pf_builder *b = pf_builder_new(schema);
	for (size_t i = 0; i < rows; i++) {
		fill(&b->columns[0], PF_TIMESTAMP, time_range);
		fill(&b->columns[1], id, id_range);
	}
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_sorter *s = pf_sorter_new();
	int columns[] = { 1, 0 };
	CHECK(right_order(&batch, pf_sort_rows(s, &batch, columns, 2), columns, 2));
	pf_sorter_free(s);
	pf_builder_free(b);
	pf_schema_unref(schema);
}

TEST(every_kind_and_range)
{
	static const enum pf_kind kinds[] = { PF_BIGINT, PF_INT, PF_STRING, PF_DOUBLE,
					      PF_DECIMAL, PF_SMALLINT, PF_BOOLEAN };
	static const size_t sizes[] = { 0, 1, 2, 40, 300, 5000 };
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
			int64_t range = kinds[k] == PF_SMALLINT ? 30000 : 100000;
			try_sort(kinds[k], 5, 1000, sizes[n]);
			try_sort(kinds[k], range, 86400000, sizes[n]);
		}
	/* Keys of 64 bits each do not fit in one: two sorts. */
	try_sort(PF_BIGINT, 0, 0, 3000);
	try_sort(PF_BIGINT, 0, 86400000, 3000);
}

TEST(time_in_order_already)
{
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "id", (struct pf_type){ .kind = PF_STRING }, false);
	pf_schema_add(schema, "ts", (struct pf_type){ .kind = PF_TIMESTAMP, .precision = 6 }, false);
	struct pf_builder *b = pf_builder_new(schema);
	for (int i = 0; i < 1000; i++) {
		char id[2] = { (char)('a' + i * 7 % 5), (char)(0x80 + i % 3) };
		pf_col_bytes(&b->columns[0], id, (size_t)(i % 2 + 1));
		pf_col_i64(&b->columns[1], i / 10);
	}
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_sorter *s = pf_sorter_new();
	int columns[] = { 0, 1 };
	CHECK(right_order(&batch, pf_sort_rows(s, &batch, columns, 2), columns, 2));
	pf_sorter_free(s);
	pf_builder_free(b);
	pf_schema_unref(schema);
}

UNIT_MAIN(CASE(every_kind_and_range), CASE(time_in_order_already))
