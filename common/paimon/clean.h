/* SPDX-License-Identifier: Apache-2.0
 *
 * Orphans: files in a table's directories that no snapshot, tag, branch or
 * kept changelog refers to, left by crashes, lost races, rollbacks and deleted
 * tags. Only those older than an age go, since a file that is being written, or
 * waits for its commit, looks like an orphan: the age must be longer than any
 * load takes from its first file to its commit.
 *
 * Files are listed first and references read afterwards, so what was committed
 * in between is safe. Directories looked into are those that Paimon makes
 * (bucket directories of the partitions, manifest, index, statistics, snapshot,
 * changelog, tag, schema, consumer); names that neither Paimon nor we give are
 * left alone. When any reference cannot be read, nothing is deleted.
 *
 * Source: Apache Paimon, OrphanFilesClean.
 */
#ifndef PF_PAIMON_CLEAN_H
#define PF_PAIMON_CLEAN_H

#include "paimon/table.h"

struct pf_clean_plan {
	char **files; /* paths */
	size_t n;
	int64_t bytes;
};

int pf_clean_plan(struct pf_table *table, int64_t older_than_ms,
		  struct pf_clean_plan *plan, struct pf_error *err);
void pf_clean_plan_free(struct pf_clean_plan *plan);
int pf_clean_run(struct pf_table *table, const struct pf_clean_plan *plan,
		 struct pf_error *err);

#endif
