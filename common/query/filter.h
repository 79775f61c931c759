/* SPDX-License-Identifier: Apache-2.0
 *
 * Several conditions that must all be true: --id, --since, --until, --where.
 * Each keeps its own text, so that messages point at the right option. Rows
 * that one rules out are nothing to the next.
 */
#ifndef PF_QUERY_FILTER_H
#define PF_QUERY_FILTER_H

#include "expr/expr.h"

struct pf_column_bounds {
	struct pf_range *ranges;
	size_t n;
};

struct pf_filter {
	struct pf_expr **items;
	size_t n;
	uint32_t *rows; /* scratch and result of pf_filter_rows */
	size_t cap;
	struct pf_column_bounds *bounds; /* per column of the bound schema */
	size_t nbounds;
};

/* Parse one more condition. what: the option, for messages. */
int pf_filter_add(struct pf_filter *f, const char *text, const char *what,
		  struct pf_error *err);
int pf_filter_bind(struct pf_filter *f, const struct pf_schema *schema,
		   const char *zone, struct pf_error *err);
void pf_filter_free(struct pf_filter *f);

/* The rows that pass, in f->rows. */
int pf_filter_rows(struct pf_filter *f, const struct pf_batch *batch, size_t *n,
		   struct pf_error *err);

/* Which columns the conditions read: sets, never clears. */
void pf_filter_columns(const struct pf_filter *f, bool *used);

/* What the conditions say about a column, a range for each that says
 * something: a value must lie in all of them. Computed when binding. */
const struct pf_column_bounds *pf_filter_bounds(const struct pf_filter *f, int column);

/* May all conditions be true for some row of a block? */
bool pf_filter_may_match(const struct pf_filter *f, pf_block_stats_fn stats,
			 void *ctx);

#endif
