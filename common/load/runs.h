/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorted runs that may be too many to be merged at once: neighbours are merged
 * into temporary runs until what is left can be read side by side within the
 * memory. Only as many are as have to be. The order of runs is kept, and with it
 * that of rows of equal keys.
 *
 * Method: D. Knuth, TAOCP 3, 5.4 (merging in several passes).
 */
#ifndef PF_LOAD_RUNS_H
#define PF_LOAD_RUNS_H

#include "load/merge.h"

/* A run as others have it. */
struct pf_run {
	struct pf_merge_run merge;
	size_t bytes; /* what reading it takes at least */
	/* Before its first rows: it may take so much. NULL: it takes what it takes. */
	void (*share)(void *ctx, size_t bytes);
	/* It has been read, or never will be. NULL: nothing to do. */
	void (*close)(void *ctx);
};

struct pf_runs;

/* Rows as in schema; memory_bytes: for all runs together. tmp_dir: see
 * load/spill.h; borrowed. */
struct pf_runs *pf_runs_new(struct pf_schema *schema, const int *keys, size_t n_keys,
			    size_t memory_bytes, const char *tmp_dir);
void pf_runs_free(struct pf_runs *r); /* NULL is fine; closes what is open */

/* One more; it is closed when it has been read, or with the runs. */
void pf_runs_add(struct pf_runs *r, const struct pf_run *run);
/* One more, of these rows in this order; copied to a temporary file. */
int pf_runs_put(struct pf_runs *r, const struct pf_batch *rows, const uint32_t *order,
		struct pf_error *err);

/* No more than that many stay: some neighbours become one now. */
int pf_runs_limit(struct pf_runs *r, size_t most, struct pf_error *err);

/* All of them, merged. The merge lives as long as the runs. */
int pf_runs_merge(struct pf_runs *r, struct pf_merge **merge, struct pf_error *err);

#endif
