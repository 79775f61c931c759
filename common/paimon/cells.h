/* SPDX-License-Identifier: Apache-2.0
 *
 * What a committer must know about each (partition, bucket): the highest
 * sequence number that its files have used, and by how many buckets the
 * partition's files were made. Kept up from snapshot to snapshot, so that a
 * commit reads only what is new to it.
 */
#ifndef PF_PAIMON_CELLS_H
#define PF_PAIMON_CELLS_H

#include "paimon/manifest.h"

struct pf_cells;

struct pf_cells *pf_cells_new(void);
void pf_cells_free(struct pf_cells *c); /* NULL is fine */

/* Bring it to the snapshot (NULL: no snapshot yet). */
int pf_cells_update(struct pf_cells *c, struct pf_table *table,
		    const struct pf_snapshot *snapshot, struct pf_error *err);

/* Give the files the sequence numbers behind those in use and check their
 * bucket counts against the partition's (PF_E_TABLE_FEATURE). The files are
 * not remembered: they are not committed yet. */
int pf_cells_number(struct pf_cells *c, struct pf_data_file *files, size_t n,
		    struct pf_error *err);

/* Of tables with a primary key, whose rows carry their numbers: give a file of
 * so many numbers those behind the ones in use and behind what was given out
 * before. Its partition and bucket must be set. */
void pf_cells_take(struct pf_cells *c, struct pf_data_file *file, int64_t numbers);
/* The highest number in use in a file's bucket; -1: none. */
int64_t pf_cells_highest(struct pf_cells *c, const struct pf_data_file *file);
/* Have the partitions the files' bucket counts? PF_E_TABLE_FEATURE as above. */
int pf_cells_check(struct pf_cells *c, const struct pf_data_file *files, size_t n,
		   struct pf_error *err);

/* The files have been committed in that snapshot, the next one. */
void pf_cells_commit(struct pf_cells *c, const struct pf_data_file *files, size_t n,
		     int64_t snapshot);

#endif
