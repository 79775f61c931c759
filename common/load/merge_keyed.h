/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorted runs of versions, from a table with a primary key, to its rows: one per
 * key, by the rules of the table. Where the newest version is the row, the others
 * are never copied (load/merge.h); every other merge engine gets all versions of a
 * key (keyed/fold.h).
 *
 * Memory: as load/runs.h; runs that are too many become temporary ones, which
 * hold all versions, since only all of them together make a row.
 */
#ifndef PF_LOAD_MERGE_KEYED_H
#define PF_LOAD_MERGE_KEYED_H

#include "keyed/rules.h"
#include "keyed/sections.h"
#include "load/runs.h"

struct pf_keyed_merge;

struct pf_keyed_merge_options {
	bool keep_deletes;   /* a key whose row is deleted leaves its delete */
	size_t memory_bytes; /* for all runs */
	const char *tmp_dir;
};

/* versions: the columns of runs, with keys, sequence columns, number and kind
 * (see keyed/fold.h). rules must outlive it. */
int pf_keyed_merge_new(const struct pf_rules *rules, struct pf_schema *versions,
		       const struct pf_keyed_merge_options *options,
		       struct pf_keyed_merge **merge, struct pf_error *err);
void pf_keyed_merge_free(struct pf_keyed_merge *m); /* NULL is fine */

/* What reading a run of files takes at the least; the files are read one by one. */
size_t pf_keyed_run_bytes(const struct pf_sorted_run *files);

/* One more run, before the first rows; see pf_runs_add. */
void pf_keyed_merge_add(struct pf_keyed_merge *m, const struct pf_run *run);

/* Rows of the versions' columns, until the next call; rows == 0 behind the last. */
int pf_keyed_merge_next(struct pf_keyed_merge *m, struct pf_batch *batch,
			struct pf_error *err);

#endif
