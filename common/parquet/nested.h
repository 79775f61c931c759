/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of lists, maps and rows, read as the JSON text of each value: a flat
 * row can hold that, and json() of the expression language reaches into it.
 *
 * Rows are objects, lists arrays. A map is an object whose names are the keys'
 * texts, or, where keys are nested themselves, an array of objects of a "key"
 * and a "value". Single values look as in JSON lines: bytes in base64, times in
 * ISO form, what is no number (NaN, infinity) null.
 *
 * The values of the leaves come page by page from each leaf's own pages; record
 * assembly by repetition and definition levels is that of Dremel (Melnik et
 * al., 2010). Lists in the old forms of two levels are understood (parquet-
 * format, LogicalTypes.md). Reading on from the last row costs nothing, reading
 * back begins again at the row group's first page.
 */
#ifndef PF_PARQUET_NESTED_H
#define PF_PARQUET_NESTED_H

#include "parquet/file.h"

struct pq_nested;

/* The column whose element stands at `at`; first_leaf: of the file. NULL when
 * its shape is none that is known, or a leaf cannot be read. */
struct pq_nested *pq_nested_new(const struct pf_parquet_file *f, size_t at,
				size_t first_leaf);
void pq_nested_free(struct pq_nested *n); /* NULL is fine */

/* Append the texts of the rows in the ranges to a column of strings. */
int pq_nested_read(struct pf_parquet_file *f, struct pq_nested *n, size_t group,
		   const struct pf_parquet_range *ranges, size_t n_ranges,
		   struct pf_colbuf *out, struct pf_error *err);

#endif
