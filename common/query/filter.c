/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

int pf_filter_add(struct pf_filter *f, const char *text, const char *what,
		  struct pf_error *err)
{
	struct pf_expr *e;
	PF_TRY(pf_expr_parse(text, strlen(text), what, &e, err));
	f->items = pf_realloc(f->items, f->n + 1, sizeof *f->items);
	f->items[f->n++] = e;
	return 0;
}

static void free_bounds(struct pf_filter *f)
{
	for (size_t i = 0; i < f->nbounds; i++)
		free(f->bounds[i].ranges);
	free(f->bounds);
	f->bounds = NULL;
	f->nbounds = 0;
}

int pf_filter_bind(struct pf_filter *f, const struct pf_schema *schema,
		   const char *zone, struct pf_error *err)
{
	for (size_t i = 0; i < f->n; i++)
		PF_TRY(pf_expr_bind_filter(f->items[i], schema, zone, err));
	free_bounds(f);
	f->nbounds = schema->n;
	f->bounds = pf_zalloc(schema->n + 1, sizeof *f->bounds);
	for (size_t c = 0; c < schema->n; c++) {
		struct pf_column_bounds *b = &f->bounds[c];
		b->ranges = pf_zalloc(f->n + 1, sizeof *b->ranges);
		for (size_t i = 0; i < f->n; i++)
			b->n += pf_expr_bounds(f->items[i], (int)c, &b->ranges[b->n]);
	}
	return 0;
}

void pf_filter_free(struct pf_filter *f)
{
	for (size_t i = 0; i < f->n; i++)
		pf_expr_free(f->items[i]);
	free_bounds(f);
	free(f->items);
	free(f->rows);
	*f = (struct pf_filter){ 0 };
}

int pf_filter_rows(struct pf_filter *f, const struct pf_batch *batch, size_t *n,
		   struct pf_error *err)
{
	*n = (size_t)batch->rows;
	if (*n > f->cap) {
		f->rows = pf_realloc(f->rows, *n, sizeof *f->rows);
		/* Where there is no condition they stay what they are. */
		for (size_t i = f->cap; i < *n && !f->n; i++)
			f->rows[i] = (uint32_t)i;
		f->cap = *n;
	}
	for (size_t i = 0; i < f->n && *n; i++)
		PF_TRY(i ? pf_expr_refine(f->items[i], batch, f->rows, n, err) :
			   pf_expr_filter(f->items[i], batch, f->rows, n, err));
	return 0;
}

void pf_filter_columns(const struct pf_filter *f, bool *used)
{
	for (size_t i = 0; i < f->n; i++)
		pf_expr_columns(f->items[i], used);
}

const struct pf_column_bounds *pf_filter_bounds(const struct pf_filter *f, int column)
{
	static const struct pf_column_bounds nothing = { 0 };
	return column >= 0 && (size_t)column < f->nbounds ? &f->bounds[column] : &nothing;
}

/* A condition sees each of its comparisons alone; the range of a column has
 * them together, and one end tells what the other cannot about NaN. */
static bool ranges_may_match(const struct pf_filter *f, size_t column,
			     pf_block_stats_fn stats, void *ctx)
{
	const struct pf_column_bounds *b = &f->bounds[column];
	struct pf_block_stats s;
	if (!b->n || !stats(ctx, (int)column, &s))
		return true;
	for (size_t i = 0; i < b->n; i++)
		if (!pf_range_may_match_block(&b->ranges[i], &s))
			return false;
	return true;
}

bool pf_filter_may_match(const struct pf_filter *f, pf_block_stats_fn stats, void *ctx)
{
	for (size_t i = 0; i < f->n; i++)
		if (!pf_expr_may_match(f->items[i], stats, ctx))
			return false;
	for (size_t c = 0; c < f->nbounds; c++)
		if (!ranges_may_match(f, c, stats, ctx))
			return false;
	return true;
}
