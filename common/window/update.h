/* SPDX-License-Identifier: Apache-2.0
 *
 * A state brought to snapshots of its tables by reading only what changed.
 * Change is found in metadata, never in data or time stamps:
 *
 *	the snapshots since the state's are walked: an append adds its files,
 *	a compaction renames inputs, what else deletes files makes the cells
 *	that those files are in to be built anew;
 *	when the walk is not possible (snapshots have expired, the table was
 *	rolled back or made anew), file lists are compared, and the cells of
 *	files that are gone are built anew.
 *
 * Files are known by directory and name, which Paimon never uses twice.
 *
 * Files of a table with a primary key hold versions of rows. There the cells that
 * changed rows were in, and are in, are built anew (keyed_rows.h); one that comes
 * to what it was stays. Without the state's snapshot all of them are.
 */
#ifndef PF_WINDOW_UPDATE_H
#define PF_WINDOW_UPDATE_H

#include "keyed/rules.h"
#include "paimon/scan.h"
#include "window/fold.h"
#include "window/state.h"

/* What one of the state's tables is brought to. */
struct pf_update_table {
	struct pf_table *table;
	const struct pf_snapshot *snapshot; /* NULL: the table is empty */
	struct pf_rules *rules;             /* of one with a primary key, or NULL */
};

struct pf_update {
	/* in */
	const struct pf_shape *shape;
	const struct pf_update_table *tables; /* as many as the state has */
	int64_t from_us;      /* the state must hold all rows from here on */
	size_t memory;
	bool keep_dropped;    /* what a dropped partition had stays counted */
	bool all_late;        /* also cells that the state has let go are looked for */
	/* out */
	bool moved;           /* the state is not what it was */
	bool compared;        /* lists were compared, the chain was broken */
	int64_t snapshots;    /* walked */
	int64_t files_new, files_renamed, files_gone, files_read;
	int64_t rows, bytes;  /* read */
	int64_t cells_new, cells_merged, cells_rebuilt; /* merged: got more rows */
	struct pf_late *late;  /* by day and bucket */
	size_t nlate;
};

/* A cell of a window that had been given out, and is not what it was. Of days that
 * the state had and has no more, those of tables without a primary key are, that
 * got rows, and only if they were looked for: this takes reading these rows. */
struct pf_late {
	int64_t day;
	int32_t bucket;
	size_t table;
	bool rebuilt;          /* else it got more rows */
};

int pf_state_update(struct pf_state *s, struct pf_update *u, struct pf_error *err);
void pf_update_free(struct pf_update *u);

/* Rows that were folded into a new file of the state, as pf_fold_write gives
 * them. */
int pf_update_write(struct pf_state *s, struct pf_fold *fold, struct pf_schema *partial,
		    size_t *file, struct pf_fold_cell **cells, size_t *n,
		    struct pf_error *err);

#endif
