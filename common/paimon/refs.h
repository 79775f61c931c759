/* SPDX-License-Identifier: Apache-2.0
 *
 * What keeps files alive: snapshots, tags, branches and long-lived changelogs,
 * and the names that they refer to. Expiry, the end of a tag and the removal
 * of orphans delete only what none of these refers to. File names hold a
 * random part, so a name without its directory says which file it is.
 *
 * Sources: reference paimon-format.md 1.2, 11.1, 11.2; Apache Paimon,
 * TagManager, SnapshotDeletion, OrphanFilesClean.
 */
#ifndef PF_PAIMON_REFS_H
#define PF_PAIMON_REFS_H

#include "paimon/table.h"

/* --- tags and the like --- */

/* A snapshot that is kept under a name: "nightly"; of a branch and its tags
 * "branch b1". */
struct pf_tag {
	char *name;
	struct pf_snapshot *snapshot;
};

struct pf_tags {
	struct pf_tag *items; /* by snapshot, then name */
	size_t n;
};

/* The table's own tags. */
int pf_tags_read(struct pf_table *table, struct pf_tags *tags, struct pf_error *err);
/* What branches hold, and changelogs kept longer than their snapshots. */
int pf_branches_read(struct pf_table *table, struct pf_tags *tags,
		     struct pf_error *err);
void pf_tags_free(struct pf_tags *tags);
const struct pf_tag *pf_tags_find(const struct pf_tags *tags, const char *name);

/* One tag's snapshot; PF_E_NO_FILE when there is no such tag. */
int pf_tag_read(struct pf_table *table, const char *name,
		struct pf_snapshot **snapshot, struct pf_error *err);

/* Is it a name that a tag can have: not empty, no number, no path? */
int pf_tag_check_name(const char *name, struct pf_error *err);

/* --- sets of names --- */

struct pf_refs;

struct pf_refs *pf_refs_new(void);
void pf_refs_free(struct pf_refs *r); /* NULL is fine */
/* False when it was there. */
bool pf_refs_add(struct pf_refs *r, const char *name);
bool pf_refs_has(const struct pf_refs *r, const char *name);
size_t pf_refs_count(const struct pf_refs *r);

/* Names of a snapshot's manifest lists, manifests, statistics and index
 * files. */
int pf_refs_add_metadata(struct pf_refs *r, struct pf_table *table,
			 const struct pf_snapshot *snapshot, struct pf_error *err);

/* Manifests that were read, for whom many snapshots share. Zero-initialised. */
struct pf_refs_cache {
	struct pf_cached_manifest *items;
	size_t n;
};
void pf_refs_cache_free(struct pf_refs_cache *cache);

/* Names of its live data files and what stands beside them, and of the files
 * of its changelog. */
int pf_refs_add_live(struct pf_refs *r, struct pf_refs_cache *cache,
		     struct pf_table *table, const struct pf_snapshot *snapshot,
		     struct pf_error *err);

#endif
