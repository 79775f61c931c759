/* SPDX-License-Identifier: Apache-2.0
 *
 * Merging sorted runs: several sequences of batches, each sorted by the same
 * key columns, become one. Rows of equal keys come in the order of their runs,
 * and within a run as they came, so a merge of runs in stage order is stable.
 *
 * Memory: each run holds the one batch it lent last, the merge a batch of
 * output. Keys hold no nulls. A run that goes back is PF_E_CORRUPT, so what
 * comes out is sorted, whatever was claimed.
 *
 * Method: D. Knuth, TAOCP 3, 5.4.1 (a heap of runs), taking from the foremost
 * run all rows before the runner-up's at once, since IDs repeat.
 */
#ifndef PF_LOAD_MERGE_H
#define PF_LOAD_MERGE_H

#include "arrow/batch.h"

struct pf_merge_run {
	/* The next rows, valid until the next call; rows == 0 behind the last. */
	int (*next)(void *ctx, struct pf_batch *batch, struct pf_error *err);
	void *ctx;
	const char *name; /* for messages; borrowed */
};

struct pf_merge;

/* Columns as in schema (a reference is taken). At most 2^20 runs; their
 * contexts are borrowed. */
struct pf_merge *pf_merge_new(struct pf_schema *schema, const int *keys,
			      size_t n_keys, const struct pf_merge_run *runs,
			      size_t n);
void pf_merge_free(struct pf_merge *m); /* NULL is fine */

/* The next rows of all, valid until the next call; rows == 0 behind the last. */
int pf_merge_next(struct pf_merge *m, struct pf_batch *batch, struct pf_error *err);

#endif
