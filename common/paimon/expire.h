/* SPDX-License-Identifier: Apache-2.0
 *
 * Expiry: the oldest snapshots go, and with them the files that only they
 * need. What stays: the newest `keep` snapshots; one whose successor is
 * younger than keep_ms or grace_ms (running queries read it); the snapshot that
 * holds our offset map and all after it; those that a consumer still has to
 * read. Snapshots go from the oldest on, so their numbers stay without gaps,
 * which streaming readers rely on. A tag is a snapshot of its own: its files
 * stay, and so do those of branches and kept changelogs.
 *
 * First the snapshots' files go, oldest first, then what they alone referred
 * to: a reader finds a snapshot whole or not at all, and a crash between leaves
 * orphans, for pf_table_clean.
 *
 * Sources: reference paimon-format.md 11.1; Apache Paimon,
 * ExpireSnapshotsImpl, SnapshotDeletion.
 */
#ifndef PF_PAIMON_EXPIRE_H
#define PF_PAIMON_EXPIRE_H

#include "paimon/table.h"

struct pf_expire_options {
	int64_t keep;     /* at least 1 */
	int64_t keep_ms;
	int64_t grace_ms;
	int64_t now_ms;   /* 0: the clock */
};

struct pf_expire_plan {
	int64_t first, end;  /* snapshots [first, end) go; none when equal */
	int64_t latest;
	const char *why;     /* what keeps `end`: "it is among the newest", ... */
	char consumer[128];  /* the consumer, when it is one */
	char **files;        /* paths to delete: data and their indexes, metadata */
	size_t n_files, n_data;
	int64_t bytes;
};

/* PF_E_TABLE_FEATURE for tables whose files we do not know enough of. */
int pf_expire_plan(struct pf_table *table, const struct pf_expire_options *options,
		   struct pf_expire_plan *plan, struct pf_error *err);
void pf_expire_plan_free(struct pf_expire_plan *plan);

int pf_expire_run(struct pf_table *table, const struct pf_expire_plan *plan,
		  struct pf_error *err);

#endif
