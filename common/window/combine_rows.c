/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs are sorted, so rows of all of them up to the least of their batches'
 * last keys can be put in order at once, which is cheaper than comparing runs
 * row by row.
 */
#include "window/combine_internal.h"

#include <stdlib.h>

#include "base/alloc.h"

/* --- keys --- */

static struct pf_view key_of(const struct pf_cursor *c, int64_t row)
{
	size_t from = row ? c->ends[row - 1] : 0;
	return pf_view_of(c->keys.data + from, c->ends[row] - from);
}

static void make_room(struct pf_cursor *c, size_t n, bool longer)
{
	if (n <= c->cap)
		return;
	c->cap = pf_grow(c->cap, n);
	c->heads = pf_realloc(c->heads, c->cap, sizeof *c->heads);
	if (longer)
		c->ends = pf_realloc(c->ends, c->cap, sizeof *c->ends);
}

/* The batch's only key as 64 bits each. */
static void make_ints(struct pf_combine *m, struct pf_cursor *c, size_t n)
{
	const struct pf_column *key = &c->batch.columns[c->skip];
	c->ints = key->values;
	if (pf_kind_width(m->only) == 8)
		return;
	c->widened = pf_realloc(c->widened, n, sizeof *c->widened);
	pf_ints_at(key, m->only, 0, n, c->widened);
	c->ints = c->widened;
}

static void make_keys(struct pf_combine *m, struct pf_cursor *c)
{
	size_t n = (size_t)c->batch.rows;
	const struct pf_column *columns = &c->batch.columns[c->skip];
	c->slots = pf_realloc(c->slots, n, sizeof *c->slots);
	c->ints = NULL;
	if (m->plain && !columns->nulls) {
		make_ints(m, c, n);
		return;
	}
	make_room(c, n, m->longer);
	c->keys.len = 0;
	for (size_t i = 0; i < n; i++) {
		size_t from = c->keys.len;
		for (size_t k = 0; k < m->nkeys; k++)
			pf_sortkey_add(&c->keys,
				       c->batch.schema->fields[(size_t)c->skip + k].type.kind,
				       &columns[k], (int64_t)i);
		c->heads[i] = pf_sortkey_head(c->keys.data + from, c->keys.len - from);
		if (m->longer)
			c->ends[i] = c->keys.len;
		else
			c->keys.len = 0;
	}
}

static pf_u128 head_at(const struct pf_cursor *c, int64_t row)
{
	return c->ints ? pf_sortkey_int_head(c->ints[row]) : c->heads[row];
}

static int key_cmp(const struct pf_combine *m, const struct pf_cursor *a, int64_t row_a,
		   const struct pf_cursor *b, int64_t row_b)
{
	pf_u128 x = head_at(a, row_a), y = head_at(b, row_b);
	if (x != y)
		return x < y ? -1 : 1;
	return m->longer ? pf_view_cmp(key_of(a, row_a), key_of(b, row_b)) : 0;
}

static int by_key(void *ctx, const struct pf_radix_item *x, const struct pf_radix_item *y)
{
	const struct pf_combine *m = ctx;
	int c = key_cmp(m, &m->cursors[x->a], x->b, &m->cursors[y->a], y->b);
	return c ? c : (x->a > y->a) - (x->a < y->a);
}

bool pf_combine_same(const struct pf_combine *m, const struct pf_radix_item *x,
		     const struct pf_radix_item *y)
{
	return x->part == y->part &&
	       (m->order.exact ||
		!key_cmp(m, &m->cursors[x->a], x->b, &m->cursors[y->a], y->b));
}

/* Day and bucket are the first 18 bytes of a key: two numbers with a byte in
 * front of each. */
bool pf_combine_same_cell(const struct pf_combine *m, const struct pf_radix_item *x,
			  const struct pf_radix_item *y)
{
	enum { CELL_BYTES = 18 };
	return !memcmp(key_of(&m->cursors[x->a], x->b).data,
		       key_of(&m->cursors[y->a], y->b).data, CELL_BYTES);
}

/* --- batches --- */

static int next_batch(struct pf_combine *m, struct pf_cursor *c, struct pf_error *err)
{
	c->row = c->to = 0;
	PF_TRY(pf_run_in_next(c->in, &c->batch, err));
	c->end = !c->batch.rows;
	c->seen += c->batch.rows;
	if (!c->end)
		make_keys(m, c);
	return 0;
}

/* The cursor whose batch ends first, of those that have more; NULL: none. */
static const struct pf_cursor *first_to_end(const struct pf_combine *m)
{
	const struct pf_cursor *least = NULL;
	for (size_t i = 0; i < m->n; i++) {
		const struct pf_cursor *c = &m->cursors[i];
		if (c->end || c->seen >= c->input->run.rows)
			continue;
		if (!least || key_cmp(m, c, c->batch.rows - 1, least,
				      least->batch.rows - 1) < 0)
			least = c;
	}
	return least;
}

/* The first row behind a key. */
static int64_t rows_up_to(const struct pf_combine *m, const struct pf_cursor *c,
			  const struct pf_cursor *bound)
{
	int64_t lo = c->row, hi = c->batch.rows;
	if (!bound || c == bound)
		return hi;
	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;
		if (key_cmp(m, c, mid, bound, bound->batch.rows - 1) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* --- the order --- */

static void take_rows(struct pf_combine *m, size_t cursor)
{
	struct pf_cursor *c = &m->cursors[cursor];
	pf_radix_room(&m->order, (size_t)(c->to - c->row));
	for (int64_t row = c->row; row < c->to; row++)
		pf_radix_push(&m->order, head_at(c, row), (uint32_t)cursor, (uint32_t)row);
}

static int by_head(const void *a, const void *b)
{
	pf_u128 x = *(const pf_u128 *)a, y = *(const pf_u128 *)b;
	return (x > y) - (x < y);
}

/* Only rows with keys of those matter that are in the order so far. */
static void note_wanted(struct pf_combine *m)
{
	size_t n = m->order.n;
	if (n > m->wanted_cap) {
		m->wanted_cap = pf_grow(m->wanted_cap, n);
		m->wanted = pf_realloc(m->wanted, m->wanted_cap, sizeof *m->wanted);
	}
	m->nwanted = n;
	if (!n)
		return;
	memcpy(m->wanted, m->order.heads, n * sizeof *m->wanted);
	qsort(m->wanted, n, sizeof *m->wanted, by_head);
}

/* The first row from `lo` on whose head is not less. */
static int64_t row_of(const struct pf_cursor *c, int64_t lo, pf_u128 head)
{
	int64_t hi = c->to;
	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;
		if (head_at(c, mid) < head)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Only rows whose key may be one of those. */
static void take_wanted(struct pf_combine *m, size_t cursor)
{
	struct pf_cursor *c = &m->cursors[cursor];
	int64_t row = c->row;
	for (size_t i = 0; i < m->nwanted; i++) {
		row = row_of(c, row, m->wanted[i]);
		for (; row < c->to && head_at(c, row) == m->wanted[i]; row++) {
			pf_radix_room(&m->order, 1);
			pf_radix_push(&m->order, m->wanted[i], (uint32_t)cursor,
				      (uint32_t)row);
		}
	}
}

/* Are rows of one answer alone so few that others are better searched for? */
static bool are_few(const struct pf_combine *m)
{
	enum { SEARCH = 16 }; /* rows that one search costs */
	int64_t one = 0, both = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct pf_cursor *c = &m->cursors[i];
		*(c->input->side == PF_OF_BOTH ? &both : &one) += c->to - c->row;
	}
	return one < both / SEARCH;
}

/* Up to a key that all have come to. */
static void take_up(struct pf_combine *m)
{
	const struct pf_cursor *bound = first_to_end(m);
	for (size_t i = 0; i < m->n; i++) {
		struct pf_cursor *c = &m->cursors[i];
		c->to = c->end ? c->row : rows_up_to(m, c, bound);
	}
	bool search = pf_combine_only(m) && are_few(m);
	if (!search && pf_combine_dense(m))
		return;
	for (size_t i = 0; i < m->n; i++)
		if (!search || m->cursors[i].input->side != PF_OF_BOTH)
			take_rows(m, i);
	if (!search)
		return;
	note_wanted(m);
	for (size_t i = 0; i < m->n; i++)
		if (m->cursors[i].input->side == PF_OF_BOTH)
			take_wanted(m, i);
}

/* Batches that are used up are followed by the next. *more: is there one that
 * matters? */
static int read_on(struct pf_combine *m, bool *more, struct pf_error *err)
{
	*more = false;
	for (size_t i = 0; i < m->n; i++) {
		struct pf_cursor *c = &m->cursors[i];
		c->row = c->to;
		if (!c->end && c->row == c->batch.rows)
			PF_TRY(next_batch(m, c, err));
		*more = *more || (!c->end && (!pf_combine_only(m) || c->input->side != PF_OF_BOTH));
	}
	return 0;
}

int pf_combine_fill(struct pf_combine *m, struct pf_error *err)
{
	struct pf_radix *o = &m->order;
	bool more = true;
	o->n = m->at = m->dense.range = m->dense.at = 0;
	while (!o->n && !m->dense.range) {
		PF_TRY(read_on(m, &more, err));
		if (!more)
			return 0;
		take_up(m);
	}
	if (o->n)
		pf_radix_sort(o, m->longer, o->items[0].a == o->items[o->n - 1].a, by_key, m);
	return 0;
}

void pf_cursor_add_slow(struct pf_cursor *c, int64_t from, int64_t n)
{
	if (c->npending == c->pending_cap) {
		c->pending_cap = pf_grow(c->pending_cap, c->npending + 1);
		c->pending = pf_realloc(c->pending, c->pending_cap, sizeof *c->pending);
	}
	c->pending[c->npending++] = (struct pf_stretch){ from, n };
}

void pf_cursor_free(struct pf_cursor *c)
{
	pf_run_in_free(c->in);
	free(c->pending);
	free(c->heads);
	free(c->slots);
	free(c->widened);
	free(c->ends);
	pf_buf_free(&c->keys);
}
