/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys that are whole numbers close to each other, as numbers of entities
 * often are: they are found by their distance from the least, which takes no
 * sorting.
 */
#include "window/combine_internal.h"

#include "base/alloc.h"

enum {
	SPREAD = 8,           /* distances for each row at most */
	RANGE_MAX = 1 << 22,
};

/* The least and the greatest key of the rows that are next. */
static bool find_range(const struct pf_combine *m, int64_t *least, int64_t *most,
		       int64_t *rows)
{
	*least = INT64_MAX;
	*most = INT64_MIN;
	*rows = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct pf_cursor *c = &m->cursors[i];
		if (c->row == c->to)
			continue;
		if (!c->ints)
			return false;
		*least = c->ints[c->row] < *least ? c->ints[c->row] : *least;
		*most = c->ints[c->to - 1] > *most ? c->ints[c->to - 1] : *most;
		*rows += c->to - c->row;
	}
	return *rows > 0;
}

bool pf_combine_dense(struct pf_combine *m)
{
	struct pf_dense *d = &m->dense;
	int64_t most, rows;
	bool only = pf_combine_only(m);
	if (!m->plain || !find_range(m, &d->least, &most, &rows))
		return false;
	uint64_t range = (uint64_t)most - (uint64_t)d->least;
	if (range >= RANGE_MAX || range / SPREAD > (uint64_t)rows)
		return false;
	d->range = (size_t)range + 1;
	d->at = 0;
	if (d->range > d->cap) {
		d->cap = pf_grow(d->cap, d->range);
		d->numbers = pf_realloc(d->numbers, d->cap, sizeof *d->numbers);
	}
	if (!d->distances)
		d->distances = pf_alloc(PF_COMBINE_KEYS, sizeof *d->distances);
	memset(d->numbers, 0, d->range * sizeof *d->numbers);
	for (size_t i = 0; i < m->n; i++) {
		const struct pf_cursor *c = &m->cursors[i];
		if (only && c->input->side == PF_OF_BOTH)
			continue;
		for (int64_t row = c->row; row < c->to; row++)
			d->numbers[(uint64_t)c->ints[row] - (uint64_t)d->least] = 1;
	}
	return true;
}

/* Rows that nobody needs have no slot. */
static void add_wanted(struct pf_cursor *c, int64_t to)
{
	for (int64_t row = c->row; row < to; row++)
		if (c->slots[row] != UINT32_MAX)
			pf_cursor_add(c, row);
}

void pf_combine_dense_slots(struct pf_combine *m)
{
	struct pf_dense *d = &m->dense;
	size_t at = d->at, slots = 0;
	for (; at < d->range && slots < m->most; at++) {
		uint16_t any = d->numbers[at];
		d->distances[slots] = (uint32_t)at;
		slots += any;
		d->numbers[at] = (uint16_t)(slots * any);
	}
	d->at = at;
	m->slots = slots;
	for (size_t i = 0; i < m->n; i++) {
		struct pf_cursor *c = &m->cursors[i];
		int64_t row = c->row;
		for (; row < c->to; row++) {
			uint64_t distance = (uint64_t)c->ints[row] - (uint64_t)d->least;
			if (distance >= at)
				break;
			c->slots[row] = (uint32_t)d->numbers[distance] - 1;
		}
		if (pf_combine_only(m))
			add_wanted(c, row);
		else if (row > c->row)
			pf_cursor_add_slow(c, c->row, row - c->row);
		c->row = row;
	}
}
