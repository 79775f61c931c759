/* SPDX-License-Identifier: Apache-2.0 */
#include "query/row_ranges.h"

#include <stdlib.h>

#include "base/alloc.h"

void pf_ranges_push(struct pf_row_ranges *r, int64_t from, int64_t to)
{
	if (r->n && r->items[r->n - 1].to == from) {
		r->items[r->n - 1].to = to;
		return;
	}
	if (r->n == r->cap) {
		r->cap = pf_grow(r->cap, r->n + 1);
		r->items = pf_realloc(r->items, r->cap, sizeof *r->items);
	}
	r->items[r->n++] = (struct pf_parquet_range){ from, to };
}

void pf_ranges_intersect(struct pf_row_ranges *a, const struct pf_row_ranges *b)
{
	struct pf_row_ranges out = { 0 };
	size_t i = 0, k = 0;
	while (i < a->n && k < b->n) {
		const struct pf_parquet_range *l = &a->items[i], *r = &b->items[k];
		int64_t from = l->from > r->from ? l->from : r->from;
		int64_t to = l->to < r->to ? l->to : r->to;
		if (from < to)
			pf_ranges_push(&out, from, to);
		if (l->to < r->to)
			i++;
		else
			k++;
	}
	free(a->items);
	*a = out;
}

int64_t pf_ranges_rows(const struct pf_row_ranges *r)
{
	int64_t rows = 0;
	for (size_t i = 0; i < r->n; i++)
		rows += r->items[i].to - r->items[i].from;
	return rows;
}

void pf_ranges_free(struct pf_row_ranges *r)
{
	free(r->items);
	*r = (struct pf_row_ranges){ 0 };
}
