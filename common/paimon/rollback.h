/* SPDX-License-Identifier: Apache-2.0
 *
 * Naming a snapshot, and going back to one.
 *
 * A tag is a copy of a snapshot's file. Rolling back deletes every later
 * snapshot, and the tags of these, newest first, after LATEST was set: the
 * table is what it was, its offset map too, so what had been loaded since is
 * read from the stage again. Data files stay, for queries that still read them;
 * pf_table_clean finds them as orphans. Schemas stay as they are.
 *
 * Sources: reference paimon-format.md 10.3, 11.2; Apache Paimon, TagManager,
 * RollbackHelper.
 */
#ifndef PF_PAIMON_ROLLBACK_H
#define PF_PAIMON_ROLLBACK_H

#include "paimon/refs.h"

/* Make a tag of a snapshot (0: the newest). *made: which one; *existed: the tag
 * was there already, of the same snapshot. PF_E_USAGE when it is of another. */
int pf_tag_create(struct pf_table *table, const char *name, int64_t snapshot,
		  int64_t *made, bool *existed, struct pf_error *err);
/* The same without making it; *snapshot as asked, then which one it would be. */
int pf_tag_plan(struct pf_table *table, const char *name, int64_t *snapshot,
		bool *existed, struct pf_error *err);
/* PF_E_USAGE when there is none. What only it kept becomes an orphan. */
int pf_tag_delete(struct pf_table *table, const char *name, struct pf_error *err);
int pf_tag_delete_plan(struct pf_table *table, const char *name, int64_t *snapshot,
		       struct pf_error *err);

struct pf_rollback_plan {
	int64_t to;
	bool from_tag;       /* its snapshot has expired and comes back */
	char *tag;           /* or NULL */
	int64_t *snapshots;  /* that go, ascending */
	size_t n_snapshots;
	char **tags;         /* that go */
	size_t n_tags;
	int64_t rows, rows_now;
};

/* target: a snapshot's number or a tag. PF_E_USAGE when there is no such. */
int pf_rollback_plan(struct pf_table *table, const char *target,
		     struct pf_rollback_plan *plan, struct pf_error *err);
void pf_rollback_plan_free(struct pf_rollback_plan *plan);

int pf_rollback_run(struct pf_table *table, const struct pf_rollback_plan *plan,
		    struct pf_error *err);

#endif
