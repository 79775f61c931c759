/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of compaction: what planning (compact_plan.c), reading a job's files
 * as one sorted run (compact_runs.c) and doing it all (compact.c) share.
 */
#ifndef PF_LOAD_COMPACT_INTERNAL_H
#define PF_LOAD_COMPACT_INTERNAL_H

#include "load/compact.h"
#include "load/merge.h"
#include "paimon/commit.h"

/* What rows are sorted by: the ID, and the time where the table says which
 * column that is. */
size_t pf_compact_keys(const struct pf_table_schema *s, int keys[2]);

/* Why files with this one among them are left alone, or NULL. (compact_plan.c) */
const char *pf_compact_refused(const struct pf_table_schema *now,
			       const struct pf_data_file *f);

/* Commit what was written since the last time, if anything was, and add it to
 * the result. (compact.c) */
int pf_compact_commit(struct pf_commit *commit, struct pf_compact_result *waiting,
		      struct pf_compact_result *result, struct pf_error *err);

/* --- compact_runs.c: files of one cell as one sorted run --- */

struct pf_compact_reader;

/* Files oldest first. memory_bytes: for all runs together. */
int pf_compact_reader_open(struct pf_table *table, const struct pf_table_schema *now,
			   const struct pf_data_file *const *files, size_t n,
			   size_t memory_bytes, const char *tmp_dir,
			   struct pf_compact_reader **reader, struct pf_error *err);
/* rows == 0 behind the last. */
int pf_compact_reader_next(struct pf_compact_reader *r, struct pf_batch *batch,
			   struct pf_error *err);
void pf_compact_reader_close(struct pf_compact_reader *r); /* NULL is fine */

#endif
