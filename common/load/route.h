/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing rows to cells: every row gets its partition (the day, month or year
 * of its event time in the table's zone) and its fiber (Paimon's bucket of
 * its ID), and leaves in batches that belong to exactly one cell each.
 *
 * Rows are gathered in memory until batches are worth their overhead, at most
 * half of memory_bytes, then regrouped by a counting sort; the rest is for the
 * batch on its way out. Rows of one cell keep their order. Cells leave in the
 * order (partition, bucket).
 */
#ifndef PF_LOAD_ROUTE_H
#define PF_LOAD_ROUTE_H

#include "arrow/layout.h"

/* Takes a batch of one cell; cell and partition stand in its metadata, too.
 * All of it is valid during the call only. */
typedef int pf_cell_fn(void *ctx, const struct pf_cell *cell,
		       const struct pf_batch *batch, struct pf_error *err);

/* How evenly rows spread over the buckets. */
struct pf_skew {
	int64_t rows;
	int64_t cells;          /* (partition, bucket) pairs per regrouping, summed */
	int64_t batches;        /* that left */
	int64_t least, most;    /* rows of the emptiest and the fullest bucket */
	int32_t least_bucket, most_bucket;
};

struct pf_router;

/* The schema is that of the input; its layout metadata decides. The schema of
 * what leaves has dt as its last column, unless the grain is none (never null
 * where it is part of a primary key). */
int pf_router_new(struct pf_schema *in, size_t memory_bytes, pf_cell_fn *emit,
		  void *ctx, struct pf_router **router, struct pf_error *err);
struct pf_schema *pf_router_schema(struct pf_router *r); /* borrowed */
void pf_router_free(struct pf_router *r);                /* NULL is fine */

/* PF_E_BAD_ROW for a row without ID or time. May emit. */
int pf_router_add(struct pf_router *r, const struct pf_batch *batch,
		  struct pf_error *err);

/* Emit everything that waits. */
int pf_router_flush(struct pf_router *r, struct pf_error *err);

/* Rows that wait. */
int64_t pf_router_waiting(const struct pf_router *r);

struct pf_skew pf_router_skew(const struct pf_router *r);

#endif
