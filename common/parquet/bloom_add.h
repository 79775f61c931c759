/* SPDX-License-Identifier: Apache-2.0
 *
 * Adds split-block bloom filters to a Parquet file that is there already: its
 * bytes up to the footer stay as they are, the filters follow, then the footer
 * with their places filled in (ColumnMetaData fields 14 and 15) and everything
 * else copied, known to us or not.
 */
#ifndef PF_PARQUET_BLOOM_ADD_H
#define PF_PARQUET_BLOOM_ADD_H

#include "parquet/reader.h"

/* Why a column cannot have a filter that every reader understands ("it is
 * boolean"), or NULL. */
const char *pf_parquet_bloom_refused(const struct pf_parquet_file *f, size_t column);

/* Has the column one in every row group? */
bool pf_parquet_bloom_complete(const struct pf_parquet_file *f, size_t column);

/* Append to out the whole file with filters for these columns (ordinals) in
 * every row group that has none. bytes: those that f was opened on.
 * PF_E_UNSUPPORTED for a column that is refused. */
int pf_parquet_bloom_add(struct pf_parquet_file *f, struct pf_view bytes,
			 const int *columns, size_t n, struct pf_buf *out,
			 struct pf_error *err);

#endif
