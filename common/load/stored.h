/* SPDX-License-Identifier: Apache-2.0
 *
 * A data file of a table as rows of the table's schema, in pieces: columns are
 * found by field id through the schema that the file was written with, those
 * that are younger than the file are null, types are widened.
 *
 * Also what else the file brings: whether its rows are sorted, and which
 * indexes it has, so that what takes its place has them, too.
 */
#ifndef PF_LOAD_STORED_H
#define PF_LOAD_STORED_H

#include "load/index.h"
#include "paimon/scan.h"
#include "parquet/reader.h"

struct pf_stored;

/* now: the schema of the rows to come. PF_E_NO_FILE when it is gone,
 * PF_E_TABLE_FEATURE when a type has changed in another way than widening. */
int pf_stored_open(struct pf_table *table, const struct pf_table_schema *now,
		   const struct pf_data_file *file, struct pf_stored **stored,
		   struct pf_error *err);
/* The same with each row's sequence number and kind behind the table's columns, of
 * a file of a table with a primary key. */
int pf_stored_open_versions(struct pf_table *table, const struct pf_table_schema *now,
			    const struct pf_data_file *file, struct pf_stored **stored,
			    struct pf_error *err);
struct pf_schema *pf_stored_versions(const struct pf_table_schema *now); /* its rows' */

void pf_stored_close(struct pf_stored *s); /* NULL is fine */

/* Are all its rows sorted by these columns of the schema, ascending, as the
 * footer says? A claim about each of several row groups is taken for one about
 * the file only from us. */
bool pf_stored_sorted(const struct pf_stored *s, const int *keys, size_t n_keys);

/* May one of these columns be null in a row, as far as is known? */
bool pf_stored_has_nulls(const struct pf_stored *s, const int *keys, size_t n_keys);

/* Is a column in a DELTA encoding, which old readers do not know? */
bool pf_stored_has_delta(const struct pf_stored *s);

/* Rows come in pieces of about so many bytes; 1 MiB unless said. */
void pf_stored_pieces(struct pf_stored *s, size_t bytes);

/* The next rows, valid until the next call; rows == 0 behind the last. As a
 * pf_merge_run wants it: ctx is the stored file. */
int pf_stored_next(void *ctx, struct pf_batch *batch, struct pf_error *err);

/* Wish for the indexes that the file has, by the columns' names of now; the
 * bloom filter of `id` is everybody's and left out. */
int pf_stored_indexes(const struct pf_stored *s, int id, struct pf_index_plan *plan,
		      struct pf_error *err);

/* The container beside a file or in its manifest entry; the bytes are in room
 * or borrowed. *index is empty when it has none. An index that has gone is as
 * if there were none. */
int pf_stored_index(struct pf_table *table, const struct pf_data_file *file,
		    struct pf_buf *room, struct pf_view *index, struct pf_error *err);

#endif
