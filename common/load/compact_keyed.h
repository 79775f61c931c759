/* SPDX-License-Identifier: Apache-2.0
 *
 * Compaction of a table with a primary key: of a bucket the newest sorted runs
 * become one, of a level that universal compaction chooses
 * (keyed/universal.h). Files whose keys overlap are merged by the table's rules
 * into new ones; a large file that stands alone in its range of keys is not
 * rewritten, but gets the new level, or stays if it has it; small ones are
 * rewritten with their neighbours. Deletes go once there is nothing older that
 * they could be about: when all runs take part.
 *
 * What is planned is committed together, in pieces of 1 GiB: COMPACT snapshots
 * that go through only if all files that were read are live still, so loads,
 * queries and other engines' compactions may run beside it. What somebody else
 * replaced first is planned anew, from then on bucket by bucket.
 *
 * Memory is bounded as with pf_compact(): a part for the runs being merged,
 * which are merged into temporary ones first when they are too many, the rest
 * for a row group of output.
 *
 * Source: Apache Paimon, MergeTreeCompactTask, CompactStrategy (reference
 * paimon-format.md section 8.8).
 */
#ifndef PF_LOAD_COMPACT_KEYED_H
#define PF_LOAD_COMPACT_KEYED_H

#include "keyed/sections.h"
#include "keyed/universal.h"
#include "load/compact.h"

/* One after the other, by key: a file gets another level, or files are merged. */
struct pf_keyed_step {
	const struct pf_data_file *moved; /* or NULL: */
	size_t from, to;                  /* sections of the job */
};

/* Runs of one bucket that become one. */
struct pf_keyed_job {
	struct pf_data_file *files; /* of these runs, newest run first */
	size_t n;
	size_t runs, of_runs;
	int32_t level;
	const char *why;
	bool keep_deletes;
	struct pf_sections sections;
	struct pf_keyed_step *steps;
	size_t n_steps;
	/* What is rewritten, gets another level only, stays. */
	size_t rewritten, moved, kept;
	int64_t rows, bytes; /* of what is rewritten */
};

struct pf_keyed_plan {
	int64_t snapshot; /* 0: the table is empty */
	struct pf_file_list list;
	struct pf_rules *rules;
	struct pf_universal how;
	struct pf_keyed_job *jobs;
	size_t n_jobs;
	size_t buckets, most_runs;  /* all of them; the most of one */
	size_t left_alone;          /* buckets that are not for us */
	const char *left_alone_why;
};

/* Of the newest snapshot. PF_E_TABLE_FEATURE when the table is not for us to
 * write. */
int pf_keyed_plan(struct pf_table *table, bool full, struct pf_keyed_plan *plan,
		  struct pf_error *err);
void pf_keyed_plan_free(struct pf_keyed_plan *plan);

/* As pf_compact(), which calls it. */
int pf_compact_keyed(struct pf_table *table, const struct pf_compact_options *options,
		     struct pf_compact_result *result, struct pf_error *err);

#endif
