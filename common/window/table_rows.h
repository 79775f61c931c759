/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of single data files of a table, for a stretch of time: what a
 * state reads when a few files have come. Filtered, also by the shape's
 * conditions; a few rows outside of the stretch may be among them.
 */
#ifndef PF_WINDOW_TABLE_ROWS_H
#define PF_WINDOW_TABLE_ROWS_H

#include "paimon/scan.h"
#include "window/shape.h"

struct pf_table_rows;

/* name: what the shape's tag says of the table's rows. */
int pf_table_rows_open(const struct pf_shape *shape, struct pf_table *table,
		       const char *name, int64_t from_us, int64_t to_us, struct pf_table_rows **rows,
		       struct pf_error *err);
void pf_table_rows_close(struct pf_table_rows *r); /* NULL is fine */

/* Can the file hold rows of the stretch, by its statistics? */
bool pf_table_rows_may(const struct pf_table_rows *r, const struct pf_data_file *file);

/* Can it, by its times alone? (A row of a table with a primary key may be made of
 * columns of several versions.) */
bool pf_table_rows_in_time(const struct pf_table_rows *r, const struct pf_data_file *file);

/* For rows that are read otherwise: what to read, and then the tag, and the
 * conditions that need it; batch is of shape->needed and may become empty. */
const struct pf_wanted *pf_table_rows_wanted(const struct pf_table_rows *r);
int pf_table_rows_finish(struct pf_table_rows *r, struct pf_batch *batch,
			 struct pf_error *err);

/* Are all rows of the file of one cell and within [from, to), so that they can
 * be read as a whole? */
bool pf_table_rows_whole(const struct pf_table_rows *r, const struct pf_data_file *file,
			 int64_t from_us, int64_t to_us, int64_t *wall_us);
/* The next rows are those of this file. PF_E_VANISHED when it is gone. whole:
 * their times are not read, and null. */
int pf_table_rows_file(struct pf_table_rows *r, const struct pf_data_file *file,
		       bool whole, struct pf_error *err);
/* Of shape->needed, until the next call; rows == 0 behind the file's last. */
int pf_table_rows_next(struct pf_table_rows *r, struct pf_batch *batch,
		       struct pf_error *err);

int64_t pf_table_rows_bytes(const struct pf_table_rows *r); /* that were read */

#endif
