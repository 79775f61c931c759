/* SPDX-License-Identifier: Apache-2.0
 *
 * One Parquet file, filtered: row groups are left out by statistics and bloom
 * filters, pages by the page index, and the columns that no condition reads
 * are fetched only for the rows that passed. Leaving out never changes the
 * answer; with prune off everything is read.
 */
#ifndef PF_QUERY_PARQUET_SCAN_H
#define PF_QUERY_PARQUET_SCAN_H

#include "paimon/cast.h"
#include "parquet/reader.h"
#include "query/source.h"

struct pf_parquet_scan;

/* columns[i]: ordinal in the file of wanted->schema's column i, -1: all null.
 * The scan owns file from here on, also when it fails. counts is added to. */
int pf_parquet_scan_new(struct pf_parquet_file *file, const int *columns,
			const struct pf_wanted *wanted,
			struct pf_scan_counts *counts,
			struct pf_parquet_scan **scan, struct pf_error *err);

/* Before the first rows: those of the file that can match at all, a bit each
 * (see paimon/file_index.h). Owned from here on; NULL: all. */
void pf_parquet_scan_only(struct pf_parquet_scan *scan, uint8_t *rows);

/* Before the first rows: those of the file that are not there any more, a bit
 * each (see paimon/deletion.h). Owned from here on; NULL: none. */
void pf_parquet_scan_without(struct pf_parquet_scan *scan, uint8_t *rows);

/* Before the first rows: a wanted column has this value in all rows, whatever
 * the file says. The value must outlive the scan. */
void pf_parquet_scan_constant(struct pf_parquet_scan *scan, size_t column,
			      const struct pf_datum *value);

/* Before the first rows: about so many bytes of them are decoded at a time, at
 * most. */
void pf_parquet_scan_bytes(struct pf_parquet_scan *scan, size_t bytes);

/* Before the first rows: a wanted column is read from `ordinal` and cast. What
 * the file's statistics say of it is not asked. The zone must outlive the scan. */
void pf_parquet_scan_cast(struct pf_parquet_scan *scan, size_t column, int ordinal,
			  const struct pf_cast *cast, const struct pf_zone *zone);

/* Rows that pass, of wanted->schema, until the next call; rows == 0 behind the
 * last. */
int pf_parquet_scan_next(struct pf_parquet_scan *scan, struct pf_batch *batch,
			 struct pf_error *err);
void pf_parquet_scan_free(struct pf_parquet_scan *scan); /* NULL is fine */

#endif
