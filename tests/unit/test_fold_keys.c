/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups of rows by number and in order, against looking for each of them.
 */
#include "unit.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "window/fold_keys.h"
#include "window/radix.h"

enum { ROWS = 300, BATCHES = 6, CELLS = 3 };

struct seen {
	int64_t value;
	bool null;
	uint32_t cell;
};

static struct pf_shape *shape_of(enum pf_kind kind)
{
	char *by[] = { (char[]){ "k" } };
	struct pf_schema *s = pf_schema_new();
	struct pf_shape *shape;
	pf_schema_add(s, "k", (struct pf_type){ .kind = kind }, true);
	pf_schema_add(s, "ts", (struct pf_type){ PF_TIMESTAMP, 3, 0 }, true);
	const struct pf_shape_options o = { .group_by = by, .ngroup_by = 1, .time = "ts",
					    .grain_us = 86400000000 };
	int code = pf_shape_new(s, &o, &shape, NULL);
	CHECK_INT(code, 0);
	pf_schema_unref(s);
	return shape;
}

static bool same(const struct seen *a, const struct seen *b)
{
	return a->cell == b->cell && a->null == b->null && (a->null || a->value == b->value);
}

/* By cell, from the last to the first; nulls last. */
static bool in_order(const struct seen *a, const struct seen *b)
{
	if (a->cell != b->cell)
		return a->cell > b->cell;
	if (a->null || b->null)
		return !a->null;
	return a->value < b->value;
}

static void random_batch(struct pf_colbuf *c, struct seen *rows, bool sorted, bool nulls)
{
	int64_t value = -20;
	pf_colbuf_reset(c);
	for (int i = 0; i < ROWS; i++) {
		value = sorted ? value + rand() % 2 : rand() % 400 - 200;
		if (i % 50 == 7 && !sorted)
			value = value * 1000000007;
		rows[i] = (struct seen){ c->kind == PF_INT ? (int32_t)value : value,
					 nulls && rand() % 30 == 0, (uint32_t)(rand() % CELLS) };
		if (rows[i].null)
			pf_col_null(c);
		else
			pf_col_int(c, rows[i].value);
	}
}

static void check_sorted(struct pf_fold_keys *k, const struct seen *slots, size_t n)
{
	static const uint32_t ranks[CELLS] = { 2, 1, 0 };
	uint32_t *order = pf_fold_keys_sorted(k, ranks, CELLS);
	int wrong = 0;
	for (size_t i = 1; i < n; i++)
		wrong += !in_order(&slots[order[i - 1]], &slots[order[i]]);
	CHECK_INT(wrong, 0);
	free(order);
}

static void check_keys(struct pf_fold_keys *k, enum pf_kind kind, int sorted, bool nulls)
{
	static struct seen slots[ROWS * BATCHES], rows[ROWS];
	static uint32_t cells[ROWS], got[ROWS], all[ROWS * BATCHES];
	struct pf_colbuf c = { .kind = kind }, out = { .kind = kind };
	size_t n = 0;
	int wrong = 0;
	for (int batch = 0; batch < BATCHES; batch++) {
		random_batch(&c, rows, batch < sorted, nulls && batch > 1);
		for (int i = 0; i < ROWS; i++)
			cells[i] = rows[i].cell;
		struct pf_column column = pf_colbuf_view(&c);
		pf_fold_keys_slots(k, &column, ROWS, cells, 0, got);
		for (int i = 0; i < ROWS; i++) {
			size_t at = 0;
			while (at < n && !same(&slots[at], &rows[i]))
				at++;
			if (at == n)
				slots[n++] = rows[i];
			wrong += got[i] != at || pf_fold_keys_cell(k, got[i]) != rows[i].cell;
		}
	}
	CHECK_INT(wrong, 0);
	CHECK_INT((int64_t)pf_fold_keys_count(k), (int64_t)n);
	check_sorted(k, slots, n);
	for (size_t i = 0; i < n; i++)
		all[i] = (uint32_t)i;
	pf_colbuf_reset(&out);
	pf_fold_keys_put(k, all, n, &out);
	struct pf_column put = pf_colbuf_view(&out);
	for (size_t i = 0; i < n; i++)
		wrong += pf_is_null(&put, (int64_t)i) != slots[i].null ||
			 (!slots[i].null && pf_int_at(&put, kind, (int64_t)i) != slots[i].value);
	CHECK_INT(wrong, 0);
	pf_colbuf_free(&c);
	pf_colbuf_free(&out);
}

TEST(keys)
{
	static const enum pf_kind kinds[] = { PF_BIGINT, PF_INT };
	for (size_t i = 0; i < 2; i++) {
		struct pf_shape *shape = shape_of(kinds[i]);
		struct pf_fold_keys *k = pf_fold_keys_new(shape);
		for (int sorted = 0; sorted <= 2; sorted++)
			for (int nulls = 0; nulls < 2; nulls++) {
				check_keys(k, kinds[i], sorted, nulls);
				pf_fold_keys_clear(k);
			}
		pf_fold_keys_free(k);
		pf_shape_free(shape);
	}
}

/* A slot for each cell, and it is known when there is one for all. */
TEST(no_keys)
{
	struct pf_schema *s = pf_schema_new();
	struct pf_shape *shape;
	uint32_t cells[ROWS], slots[ROWS], first[CELLS] = { 0, 0, 0 };
	size_t seen = 0;
	int wrong = 0;
	pf_schema_add(s, "ts", (struct pf_type){ PF_TIMESTAMP, 3, 0 }, true);
	const struct pf_shape_options o = { .time = "ts", .grain_us = 86400000000 };
	CHECK_INT(pf_shape_new(s, &o, &shape, NULL), 0);
	struct pf_fold_keys *k = pf_fold_keys_new(shape);
	for (int i = 0; i < ROWS; i++)
		cells[i] = i % 20 ? cells[i - 1] : (uint32_t)(rand() % CELLS);
	CHECK(!pf_fold_keys_slots(k, NULL, ROWS, cells, 0, slots));
	for (int i = 0; i < ROWS; i++) {
		if (!first[cells[i]])
			first[cells[i]] = (uint32_t)++seen;
		wrong += slots[i] != first[cells[i]] - 1 ||
			 pf_fold_keys_cell(k, slots[i]) != cells[i];
	}
	for (uint32_t cell = 0; cell < CELLS; cell++) {
		CHECK(pf_fold_keys_slots(k, NULL, ROWS, NULL, cell, slots));
		for (int i = 0; i < ROWS; i++)
			wrong += slots[i] != slots[0] || pf_fold_keys_cell(k, slots[i]) != cell;
	}
	CHECK_INT(wrong, 0);
	CHECK_INT((int64_t)pf_fold_keys_count(k), CELLS);
	pf_fold_keys_free(k);
	pf_shape_free(shape);
	pf_schema_unref(s);
}

enum { N = 5000 };

struct things {
	pf_u128 heads[N];
	uint32_t numbers[N];
};

static int by_key(void *ctx, const struct pf_radix_item *x, const struct pf_radix_item *y)
{
	const struct things *t = ctx;
	if (t->heads[x->a] != t->heads[y->a])
		return t->heads[x->a] < t->heads[y->a] ? -1 : 1;
	if (t->numbers[x->a] != t->numbers[y->a])
		return t->numbers[x->a] < t->numbers[y->a] ? -1 : 1;
	return (x->a > y->a) - (x->a < y->a);
}

/* Heads that begin alike, that have an outlier, that do not tell all. */
TEST(radix)
{
	static struct things t;
	pf_u128 *heads = t.heads;
	uint32_t *numbers = t.numbers;
	for (int kind = 0; kind < 5; kind++) {
		struct pf_radix r = { 0 };
		int wrong = 0;
		pf_radix_room(&r, N);
		for (uint32_t i = 0; i < N; i++) {
			pf_u128 wide = ((pf_u128)(uint64_t)rand() << 90) ^
				       ((pf_u128)(uint64_t)rand() << 31) ^ (pf_u128)(uint64_t)rand();
			heads[i] = kind == 0 ? (pf_u128)(rand() % 3000) << 56 :
				   kind == 1 ? wide :
				   kind == 2 ? (pf_u128)(rand() % 100) | (pf_u128)(i == 77) << 127 :
				   kind == 3 ? 7 :
					       (pf_u128)(rand() % 20) << 120;
			numbers[i] = (uint32_t)rand() % 1000;
			pf_radix_push(&r, heads[i], i, 0);
		}
		pf_radix_sort(&r, kind > 2, false, by_key, &t);
		for (size_t i = 1; i < N; i++) {
			uint32_t x = r.items[i - 1].a, y = r.items[i].a;
			wrong += heads[x] > heads[y];
			if (kind > 2)
				wrong += heads[x] == heads[y] && numbers[x] > numbers[y];
			else if (r.exact)
				wrong += (heads[x] == heads[y]) !=
					 (r.items[i - 1].part == r.items[i].part);
		}
		CHECK_INT(wrong, 0);
		pf_radix_free(&r);
	}
}

UNIT_MAIN(CASE(keys), CASE(no_keys), CASE(radix))
