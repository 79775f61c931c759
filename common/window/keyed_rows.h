/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables with a primary key, as a state sees them. Their files hold versions of
 * rows, so no file by itself says what a cell has: the rows of a snapshot are
 * read merged, and which cells are not what they were is found from what changed
 * between two snapshots (query/keyed_changes.h): those of the times that changed
 * rows had, and of those they have.
 */
#ifndef PF_WINDOW_KEYED_ROWS_H
#define PF_WINDOW_KEYED_ROWS_H

#include "keyed/rules.h"
#include "window/fold.h"

struct pf_keyed_rows {
	const struct pf_shape *shape;
	struct pf_table *table;
	const struct pf_rules *rules;
	const char *name; /* what the shape's tag says */
	size_t memory;
	int64_t files, bytes; /* out: read; added to */
};

/* The rows of a snapshot (NULL: none) into a fold. from: the stretch and the
 * cells; its bucket is set here. Sections without a time of [least_us, most_us)
 * are left out. */
int pf_keyed_rows_fold(struct pf_keyed_rows *r, const struct pf_snapshot *snapshot,
		       int64_t least_us, int64_t most_us, struct pf_fold *fold,
		       const struct pf_fold_from *from, struct pf_error *err);

/* Told of the cell of every row that changed, as it was and as it is. bucket
 * INT32_MIN: any. */
typedef void pf_keyed_cell_fn(void *ctx, int64_t day, int32_t bucket);
int pf_keyed_rows_changed(struct pf_keyed_rows *r, const struct pf_snapshot *before,
			  const struct pf_snapshot *after, pf_keyed_cell_fn *cell,
			  void *ctx, int64_t *snapshots, struct pf_error *err);

#endif
