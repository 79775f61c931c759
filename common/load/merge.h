/* SPDX-License-Identifier: Apache-2.0
 *
 * Merging sorted runs: several sequences of batches, each sorted by the same
 * key columns, become one. Rows of equal keys come in the order of their runs,
 * and within a run as they came, so a merge of runs in stage order is stable.
 *
 * Memory: each run holds the one batch it lent last, the merge 8 bytes for each
 * of its rows and a batch of output. Keys hold no nulls. A run that goes back is
 * PF_E_CORRUPT, so what comes out is sorted, whatever was claimed.
 *
 * Rows of a table with a primary key are versions: of those of equal keys only
 * the newest may be asked for. The others are never copied.
 *
 * Method: D. Knuth, TAOCP 3, 5.4.1 (a tree of losers). Keys are compared by
 * their first 64 bits as one number, made once per batch, and in full where
 * these are equal and do not say it all. When one run stays foremost, all its
 * rows before the runner-up's are taken at once: IDs repeat, and ranges of keys
 * often do not overlap.
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

/* Columns as in schema (a reference is taken). At most 65,534 runs; their
 * contexts are borrowed. */
struct pf_merge *pf_merge_new(struct pf_schema *schema, const int *keys,
			      size_t n_keys, const struct pf_merge_run *runs,
			      size_t n);
void pf_merge_free(struct pf_merge *m); /* NULL is fine */

/* Before the first rows: of rows with equal keys only the newest goes out, by
 * these columns (a null is older than any value), then by the number (bigint,
 * no nulls), then what adds a row over what takes it away (kind, tinyint, no
 * nulls); without keep_deletes it does so only if it adds one. */
struct pf_merge_newest {
	const int *sequence; /* copied */
	size_t n_sequence;
	bool descends;
	int number, kind;
	bool keep_deletes;
};
void pf_merge_keep_newest(struct pf_merge *m, const struct pf_merge_newest *how);

/* The next rows of all, valid until the next call; rows == 0 behind the last. */
int pf_merge_next(struct pf_merge *m, struct pf_batch *batch, struct pf_error *err);

#endif
