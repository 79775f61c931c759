/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting rows by several keys, stable. With a limit only the best rows are
 * kept; more rows than memory holds go to an unlinked temporary file as
 * sorted runs and are merged.
 *
 * Nulls are last, also with desc, unless said otherwise.
 */
#ifndef PF_QUERY_ORDER_H
#define PF_QUERY_ORDER_H

#include "query/items.h"

struct pf_order;

struct pf_order_key {
	int column; /* of the schema below */
	bool descending, nulls_first;
};

/* Rows of schema by keys; only the first `visible` columns are given out
 * again. limit: rows wanted, -1: all. */
int pf_order_new(struct pf_schema *schema, const struct pf_order_key *keys,
		 size_t nkeys, size_t visible, int64_t limit, size_t memory,
		 struct pf_order **order, struct pf_error *err);
void pf_order_free(struct pf_order *o); /* NULL is fine */

int pf_order_add(struct pf_order *o, const struct pf_batch *batch, struct pf_error *err);
/* Rows in order until the next call; rows == 0 behind the last. */
int pf_order_next(struct pf_order *o, struct pf_batch *batch, struct pf_error *err);

#endif
