/* SPDX-License-Identifier: Apache-2.0
 *
 * What the metadata of a table says about the way from one snapshot to another:
 * the files of both, and which snapshots lie between.
 *
 * The way can be walked when each snapshot of it is there still. What appends
 * and overwrites brought and took is known then, and compactions, which change
 * no row, need not be looked at. When snapshots have expired in between, or
 * compactions do change what is seen, the two lists of files are compared.
 */
#ifndef PF_QUERY_BETWEEN_H
#define PF_QUERY_BETWEEN_H

#include "keyed/rules.h"
#include "paimon/scan.h"

/* The two ends. */
enum { PF_BEFORE, PF_AFTER };

struct pf_between {
	struct pf_file_list files[2]; /* live files of both */
	bool walked;
	bool appended; /* walked: files were only added, and compacted */
	struct pf_file_list *deltas; /* walked: without those of compactions */
	size_t ndeltas;
	int64_t snapshots; /* walked */
};

/* before NULL: of nothing. rules: of a table with a primary key, or NULL. */
int pf_between_find(struct pf_table *table, const struct pf_rules *rules,
		    const struct pf_snapshot *before, const struct pf_snapshot *after,
		    struct pf_between *between, struct pf_error *err);
void pf_between_free(struct pf_between *b);

/* The same rows of the same file? */
bool pf_between_same(const struct pf_data_file *a, const struct pf_data_file *b);

#endif
