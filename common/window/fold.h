/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to partial aggregates, by hashing: one state for each (day, bucket,
 * key), given out sorted. When memory is full, what is there is sorted and
 * put aside as a run, and the runs are merged at the end; so any number of
 * keys passes.
 *
 * It also remembers, for each cell (day, bucket), from which inputs its rows
 * came.
 */
#ifndef PF_WINDOW_FOLD_H
#define PF_WINDOW_FOLD_H

#include "window/run.h"
#include "window/shape.h"

struct pf_fold;

struct pf_fold *pf_fold_new(const struct pf_shape *shape, size_t memory);
void pf_fold_free(struct pf_fold *f); /* NULL is fine */

/* Where rows come from, and which of them count. */
struct pf_fold_from {
	int32_t bucket;
	uint32_t input;         /* the caller's number for it */
	int64_t from_us, to_us; /* only times within [from, to) */
	/* All rows are of the cell of this time, and count: times are not looked
	 * at. Only for shapes whose aggregates need none. */
	bool whole;
	int64_t whole_us;
	/* Only these cells; NULL: all. Asked once per change of cell. */
	bool (*cell)(void *ctx, int64_t day, int32_t bucket);
	void *ctx;
};

/* batch: of shape->needed, filtered already. */
int pf_fold_add(struct pf_fold *f, const struct pf_batch *batch,
		const struct pf_fold_from *from, struct pf_error *err);

/* Rows that were taken in. */
int64_t pf_fold_rows(const struct pf_fold *f);

/* A cell that has been written. */
struct pf_fold_cell {
	int64_t day;
	int32_t bucket;
	struct pf_sorted run;
	const uint32_t *inputs; /* ascending; the fold's */
	size_t ninputs;
};

/* Behind the last row: every cell as a run of shape->partial, appended to an
 * open file, by day and bucket. cells: allocated, the caller's to free; their
 * inputs live as long as the fold. */
int pf_fold_write(struct pf_fold *f, struct pf_run_out *out,
		  struct pf_fold_cell **cells, size_t *n, struct pf_error *err);

#endif
