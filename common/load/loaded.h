/* SPDX-License-Identifier: Apache-2.0
 *
 * Up to where a table has loaded a stage: the link between the two, which is
 * kept in the table and nowhere else.
 */
#ifndef PF_LOAD_LOADED_H
#define PF_LOAD_LOADED_H

#include "stage/stage.h"

struct pf_loaded {
	struct pf_stage_start *starts; /* of the partitions that it has rows of */
	size_t n;
	char *sources;  /* marks of a topic's sources, or NULL */
};

struct pf_table;
struct pf_snapshot;

/* By the table's newest snapshot with an offset map; as_of_ms > 0: as it was
 * then. A table without snapshots (at that time) has loaded nothing. */
int pf_loaded_read(const char *table, const char *stage_uuid, int64_t as_of_ms,
		   struct pf_loaded *loaded, struct pf_error *err);
/* The same of an open table as of a snapshot (NULL: the newest). */
int pf_loaded_of(struct pf_table *table, const struct pf_snapshot *snapshot,
		 const char *stage_uuid, struct pf_loaded *loaded, struct pf_error *err);
/* Give the columns of a stage the field ids that they have in the table, in the
 * newest of its schemas that has these columns, and remember that of the
 * generated one (metadata pf:partition-id). Unchanged when none has. */
int pf_loaded_field_ids(const char *table, struct pf_schema *rows, struct pf_error *err);

void pf_loaded_free(struct pf_loaded *loaded);

/* Next offset of partition 0: all that an embedded stage has. */
int64_t pf_loaded_next(const struct pf_loaded *loaded);

#endif
