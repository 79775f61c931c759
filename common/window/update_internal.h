/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside update: what one of the state's tables needs (update.c), and how that
 * is found and done for a table with a primary key (update_keyed.c).
 */
#ifndef PF_WINDOW_UPDATE_INTERNAL_H
#define PF_WINDOW_UPDATE_INTERNAL_H

#include "window/changes.h"
#include "window/fold.h"
#include "window/update.h"

struct pf_work {
	struct pf_state *s;
	struct pf_update *u;
	size_t at;                 /* the table that it is about now */
	struct pf_table *table;
	const struct pf_snapshot *snapshot;
	struct pf_changes c;
	struct pf_keyset *rebuild; /* cells that are built anew */
	int64_t old_from;          /* what the state held before */
	int64_t rebuild_from, rebuild_to; /* the stretch of their days */
	bool all;                  /* every cell is */
};

/* Mark a cell as one that is built anew. bucket INT32_MIN: those of all. */
void pf_work_rebuild(struct pf_work *w, int64_t day, int32_t bucket);
bool pf_work_rebuilds(const struct pf_work *w, int64_t day, int32_t bucket);
/* Is a run of the state of such a cell? For pf_state_drop_cells. */
bool pf_work_drops(void *work, const struct pf_state_cell *cell);
/* Do rows of a cell count that were there before? Of those that are built anew,
 * and before what was held. For struct pf_fold_from. */
bool pf_work_wants(void *work, int64_t day, int32_t bucket);

/* Does the state have the cell? */
bool pf_work_had(const struct pf_state *s, int64_t day, int32_t bucket, size_t table);
/* Note a cell that is not what it was, if it had been given out. */
void pf_work_late(struct pf_work *w, int64_t day, int32_t bucket, bool rebuilt);

/* A table with a primary key. */
int pf_work_keyed(struct pf_work *w, struct pf_error *err);

#endif
