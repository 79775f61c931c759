/* SPDX-License-Identifier: Apache-2.0
 *
 * Deletion vectors: which rows of a data file are no longer there, by their
 * position in it. They stand one after the other in index files, which a
 * snapshot's index manifest lists; a scan says of each data file where its own
 * one is (pf_data_file.deletion).
 *
 * Both forms are read: a 32-bit roaring bitmap (magic 1581511376), and 64-bit
 * ones as Iceberg has them (magic 1681511377). What the vector says of itself
 * (length, checksum, how many rows) must be so: rows that are not there any
 * more must never come back because of a damaged file.
 *
 * Source: Apache Paimon, DeletionVector, BitmapDeletionVector and
 * Bitmap64DeletionVector (reference paimon-format.md sections 4.6, 8.7).
 */
#ifndef PF_PAIMON_DELETION_H
#define PF_PAIMON_DELETION_H

#include "paimon/scan.h"

/* The deleted rows of a file as bits, one for each of file->rows, to be freed;
 * NULL when it has none. PF_E_NO_FILE: the index file is gone. */
int pf_deletion_read(struct pf_table *table, const struct pf_data_file *file,
		     uint8_t **deleted, struct pf_error *err);

/* The same of a vector's bytes, from its length to its checksum, for tests. */
int pf_deletion_decode(struct pf_view bytes, int64_t rows, uint8_t *deleted,
		       struct pf_error *err);

#endif
