/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorted rows of one cell as new data files of a commit: a file is closed
 * where an entity ends once it has target_bytes, and anyhow at most_bytes, so
 * files of one rewrite do not overlap. What the files are is a function of the
 * rows and the plan alone, however the rows were cut into batches. Bytes go to
 * the table as they come; in memory is a row group.
 */
#ifndef PF_LOAD_REWRITE_H
#define PF_LOAD_REWRITE_H

#include "load/index.h"
#include "paimon/commit.h"

struct pf_rewrite_plan {
	struct pf_schema *rows; /* borrowed, as all pointers here */
	const int *keys;        /* that rows are sorted by; the first is the ID */
	size_t n_keys;
	int32_t buckets;
	const struct pf_index_plan *indexes; /* besides the ID's bloom filter */
	int64_t target_bytes, most_bytes;
	int zstd_level;
	bool old_readers; /* see parquet/writer.h */
	const char *created_by;
};

struct pf_rewrite;

/* Plan, commit and cell are borrowed. */
int pf_rewrite_new(const struct pf_rewrite_plan *plan, struct pf_commit *commit,
		   const struct pf_cell *cell, struct pf_rewrite **rewrite,
		   struct pf_error *err);
/* An unfinished file goes. NULL is fine. */
void pf_rewrite_free(struct pf_rewrite *r);

/* The next rows, in order. */
int pf_rewrite_add(struct pf_rewrite *r, const struct pf_batch *batch,
		   struct pf_error *err);

/* Close the last file. Files and bytes written, and rows. */
int pf_rewrite_finish(struct pf_rewrite *r, size_t *files, uint64_t *bytes,
		      int64_t *rows, struct pf_error *err);

#endif
