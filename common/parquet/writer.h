/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes Parquet files that every big engine reads and that are quick to look
 * things up in: V1 pages of 20,480 rows (plain texts: 64 KiB), zstd, CRC on
 * every page, statistics, page index, split-block bloom filters, sorting
 * columns (apache/parquet-format, parquet.thrift, PageIndex.md,
 * BloomFilter.md; types as Apache Paimon's Parquet files have them).
 *
 * A row group is buffered as columns and encoded when it is full, so every
 * choice of encoding rests on exact counts. The bytes written are a function
 * of rows, schema and options alone: batch boundaries do not show. Writing is
 * strictly forward.
 */
#ifndef PF_PARQUET_WRITER_H
#define PF_PARQUET_WRITER_H

#include "arrow/batch.h"
#include "base/io.h"

enum { PF_PARQUET_GROUP_ROWS = 131072 };

/* Zero-initialised is all defaults. Everything is copied. */
struct pf_parquet_options {
	const char *created_by;  /* "pf-pack version X.Y.Z (build HASH)": readers
				  * parse it to know a writer's bugs */
	int zstd_level;          /* 0: 1 */
	bool old_readers;        /* only encodings that every reader knows: plain
				  * values and dictionaries */
	int64_t row_group_rows;  /* 0: PF_PARQUET_GROUP_ROWS */
	int64_t page_rows;       /* 0: 20,480 */
	const int *sort_columns; /* rows come sorted by these, ascending */
	size_t n_sort;
	const int *bloom_columns;
	size_t n_bloom;
	const int *movable_columns; /* integers that are changed in place later, see
				   * parquet/shift.h */
	size_t n_movable;
	const struct pf_meta *meta; /* key-values of the footer; NULL: none */
};

struct pf_parquet_writer;

/* The sink must outlive the writer. PF_E_UNSUPPORTED for column kinds that a
 * file cannot have (strings). */
int pf_parquet_writer_open(const struct pf_byte_sink *sink,
			   const struct pf_schema *schema,
			   const struct pf_parquet_options *options,
			   struct pf_parquet_writer **writer,
			   struct pf_error *err);

/* Add rows [from, from + n) of a batch whose leading columns are the
 * schema's. A null in a column that is not nullable is PF_E_BAD_ROW. */
int pf_parquet_writer_add(struct pf_parquet_writer *w,
			  const struct pf_batch *batch, int64_t from, int64_t n,
			  struct pf_error *err);

/* Add the rows named, in that order: what a sort gives. Rows that make a row
 * group on their own are gathered column by column, without a buffer for all of
 * them; last: no more rows come, so that the rest makes one, too. */
int pf_parquet_writer_gather(struct pf_parquet_writer *w,
			     const struct pf_batch *batch, const uint32_t *rows,
			     size_t n, bool last, struct pf_error *err);

int64_t pf_parquet_writer_rows(const struct pf_parquet_writer *w);

/* Bytes written, and an estimate of what the buffered rows will take; depends
 * on the rows so far only. */
uint64_t pf_parquet_writer_bytes(const struct pf_parquet_writer *w);

/* Bytes of memory that the buffered rows take. */
size_t pf_parquet_writer_memory(const struct pf_parquet_writer *w);

/* Write what is buffered, the indexes and the footer. The writer then only
 * answers rows and bytes (now exact). */
int pf_parquet_writer_finish(struct pf_parquet_writer *w, struct pf_error *err);
void pf_parquet_writer_free(struct pf_parquet_writer *w); /* NULL is fine */

/* Begin another file of the same schema and options in the memory that the one
 * before took, finished or not. */
int pf_parquet_writer_restart(struct pf_parquet_writer *w,
			      const struct pf_byte_sink *sink,
			      struct pf_error *err);

#endif
