/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs are sorted, so rows of all of them up to the least of their batches'
 * last keys can be put in order at once: by counting sort of the few bytes of
 * their keys that differ, which is cheaper than comparing runs row by row.
 */
#include "window/combine_internal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "window/key.h"

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
	c->slots = pf_realloc(c->slots, c->cap, sizeof *c->slots);
	if (longer)
		c->ends = pf_realloc(c->ends, c->cap, sizeof *c->ends);
}

static void make_keys(struct pf_combine *m, struct pf_cursor *c)
{
	size_t n = (size_t)c->batch.rows;
	const struct pf_column *columns = &c->batch.columns[c->skip];
	make_room(c, n, m->longer);
	if (m->fast && pf_sortkey_heads(m->only, columns, c->batch.rows, c->heads))
		return;
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

static int key_cmp(const struct pf_combine *m, const struct pf_cursor *a, int64_t row_a,
		   const struct pf_cursor *b, int64_t row_b)
{
	pf_u128 x = a->heads[row_a], y = b->heads[row_b];
	if (x != y)
		return x < y ? -1 : 1;
	return m->longer ? pf_view_cmp(key_of(a, row_a), key_of(b, row_b)) : 0;
}

static int item_cmp(const struct pf_combine *m, const struct pf_ordered *a,
		    const struct pf_ordered *b)
{
	if (a->part != b->part)
		return a->part < b->part ? -1 : 1;
	int c = m->exact ? 0 :
			   key_cmp(m, &m->cursors[a->cursor], a->row, &m->cursors[b->cursor],
				   b->row);
	return c ? c : (a->cursor > b->cursor) - (a->cursor < b->cursor);
}

bool pf_combine_same(const struct pf_combine *m, const struct pf_ordered *a,
		     const struct pf_ordered *b)
{
	return a->part == b->part &&
	       (m->exact || !key_cmp(m, &m->cursors[a->cursor], a->row,
				     &m->cursors[b->cursor], b->row));
}

/* Day and bucket are the first 18 bytes of a key: two numbers with a byte in
 * front of each. */
bool pf_combine_same_cell(const struct pf_combine *m, const struct pf_ordered *a,
			  const struct pf_ordered *b)
{
	enum { CELL_BYTES = 18 };
	return !memcmp(key_of(&m->cursors[a->cursor], a->row).data,
		       key_of(&m->cursors[b->cursor], b->row).data, CELL_BYTES);
}

/* --- batches --- */

static int next_batch(struct pf_combine *m, struct pf_cursor *c, struct pf_error *err)
{
	c->row = 0;
	PF_TRY(pf_run_in_next(c->in, &c->batch, err));
	c->end = !c->batch.rows;
	c->seen += c->batch.rows;
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

static unsigned zeros_before(pf_u128 v)
{
	uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
	if (high)
		return (unsigned)__builtin_clzll(high);
	return low ? 64 + (unsigned)__builtin_clzll(low) : 127;
}

static void sift(const struct pf_combine *m, struct pf_ordered *x, size_t i, size_t n)
{
	struct pf_ordered moving = x[i];
	for (size_t kid; (kid = 2 * i + 1) < n; i = kid) {
		if (kid + 1 < n && item_cmp(m, &x[kid], &x[kid + 1]) < 0)
			kid++;
		if (item_cmp(m, &moving, &x[kid]) >= 0)
			break;
		x[i] = x[kid];
	}
	x[i] = moving;
}

/* Those whose parts agree, by all of the key. Heap sort: no worst case. */
static void sort_ties(const struct pf_combine *m, struct pf_ordered *x, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(m, x, i, n);
	while (n > 1) {
		struct pf_ordered top = x[0];
		x[0] = x[--n];
		x[n] = top;
		sift(m, x, 0, n);
	}
}

/* By the parts, least significant byte first, and only bytes that differ. */
static void sort_parts(struct pf_combine *m, uint64_t differ)
{
	size_t n = m->nitems;
	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t at[257] = { 0 };
		if (!(uint8_t)(differ >> shift))
			continue;
		for (size_t i = 0; i < n; i++)
			at[(uint8_t)(m->items[i].part >> shift) + 1]++;
		for (size_t i = 0; i < 256; i++)
			at[i + 1] += at[i];
		for (size_t i = 0; i < n; i++)
			m->other[at[(uint8_t)(m->items[i].part >> shift)]++] = m->items[i];
		struct pf_ordered *swap = m->items;
		m->items = m->other;
		m->other = swap;
	}
}

/* The 64 bits of each head from the first one on in which they differ, as a
 * small number. Returns the bits of those numbers that differ. */
static uint64_t make_parts(struct pf_combine *m)
{
	pf_u128 differ = 0, first = m->cursors[m->items[0].cursor].heads[m->items[0].row];
	for (size_t i = 0; i < m->nitems; i++)
		differ |= m->cursors[m->items[i].cursor].heads[m->items[i].row] ^ first;
	unsigned skip = zeros_before(differ);
	uint64_t parts = (uint64_t)(differ << skip >> 64);
	unsigned drop = parts ? (unsigned)__builtin_ctzll(parts) : 0;
	m->exact = !m->longer && !(uint64_t)(differ << skip);
	for (size_t i = 0; i < m->nitems; i++) {
		struct pf_ordered *x = &m->items[i];
		pf_u128 head = m->cursors[x->cursor].heads[x->row];
		x->part = (uint64_t)(head << skip >> 64) >> drop;
	}
	return parts >> drop;
}

static void sort_items(struct pf_combine *m)
{
	uint64_t differ = make_parts(m);
	if (m->items[0].cursor == m->items[m->nitems - 1].cursor)
		return; /* all of one run */
	sort_parts(m, differ);
	for (size_t i = 0, end; i < m->nitems && !m->exact; i = end) {
		end = i + 1;
		while (end < m->nitems && m->items[end].part == m->items[i].part)
			end++;
		if (end - i > 1)
			sort_ties(m, m->items + i, end - i);
	}
}

static void take_rows(struct pf_combine *m, size_t cursor, int64_t to)
{
	struct pf_cursor *c = &m->cursors[cursor];
	size_t n = m->nitems + (size_t)(to - c->row);
	if (n > m->item_cap) {
		m->item_cap = pf_grow(m->item_cap, n);
		m->items = pf_realloc(m->items, m->item_cap, sizeof *m->items);
		m->other = pf_realloc(m->other, m->item_cap, sizeof *m->other);
	}
	for (int64_t row = c->row; row < to; row++)
		m->items[m->nitems++] = (struct pf_ordered){ 0, (uint32_t)cursor,
							  (uint32_t)row };
}

int pf_combine_fill(struct pf_combine *m, struct pf_error *err)
{
	m->nitems = m->at = 0;
	for (size_t i = 0; i < m->n; i++) {
		struct pf_cursor *c = &m->cursors[i];
		if (!c->end && c->row == c->batch.rows)
			PF_TRY(next_batch(m, c, err));
	}
	const struct pf_cursor *bound = first_to_end(m);
	for (size_t i = 0; i < m->n; i++)
		if (!m->cursors[i].end)
			take_rows(m, i, rows_up_to(m, &m->cursors[i], bound));
	if (m->nitems)
		sort_items(m);
	return 0;
}

void pf_cursor_free(struct pf_cursor *c)
{
	pf_run_in_free(c->in);
	free(c->heads);
	free(c->slots);
	free(c->ends);
	pf_buf_free(&c->keys);
}
