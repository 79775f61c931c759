/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads Parquet files, whoever wrote them: all encodings, V1 and V2 pages,
 * the codecs of ext/codec.h, INT96 timestamps, legacy annotations. Flat
 * columns; a nested one as the JSON text of its values, for those who ask for
 * a string. An encrypted or otherwise foreign column is refused by name when it
 * is asked for, not before.
 *
 * Made for looking things up: one pread of the tail gives the footer;
 * statistics, bloom filters (32 bytes a probe) and the page index say which
 * rows can matter; read() touches only the pages of these rows of the columns
 * asked for. An index that is missing or malformed is as if it were not there
 * and changes no answer; malformed data is PF_E_PARQUET, a wrong checksum
 * PF_E_CORRUPT. Nothing is allocated on the word of a header alone.
 *
 * Nanoseconds (INT96, TIMESTAMP NANOS) are cut to microseconds, times of day
 * to milliseconds: the types have no more digits.
 *
 * One file is used by one thread at a time. What it lends lives as long as it.
 */
#ifndef PF_PARQUET_READER_H
#define PF_PARQUET_READER_H

#include "arrow/batch.h"
#include "base/io.h"
#include "parquet/value.h"

struct pf_parquet_file;

/* The source must outlive the file (the struct itself is copied). */
int pf_parquet_open(const struct pf_random_source *source,
		    struct pf_parquet_file **file, struct pf_error *err);
void pf_parquet_close(struct pf_parquet_file *file); /* NULL is fine */

int64_t pf_parquet_rows(const struct pf_parquet_file *f);
const char *pf_parquet_created_by(const struct pf_parquet_file *f); /* "" if absent */
const struct pf_meta *pf_parquet_meta(const struct pf_parquet_file *f);

/* --- columns: the fields at the top of the schema, by ordinal --- */

struct pf_parquet_column {
	const char *name;
	int32_t id;            /* field id, -1: none */
	struct pf_type type;   /* what it is read as (when refused is NULL) */
	bool nullable;
	const char *refused;   /* why it cannot be read ("nested types are not
				* supported"), else NULL */
	bool nested;           /* refused as what it is, but can be read as a
				* string: its JSON text */
};

size_t pf_parquet_columns(const struct pf_parquet_file *f);
const struct pf_parquet_column *pf_parquet_column(const struct pf_parquet_file *f,
						  size_t ordinal);
int pf_parquet_find(const struct pf_parquet_file *f, const char *name); /* -1: none */
int pf_parquet_find_id(const struct pf_parquet_file *f, int32_t id);    /* -1: none */

/* A new schema (the caller's reference) of the columns that can be read, with
 * their field ids and the key-value metadata. When ordinals is not NULL, it
 * gets the ordinal of each (room for pf_parquet_columns). */
struct pf_schema *pf_parquet_schema(const struct pf_parquet_file *f, int *ordinals);

/* --- row groups --- */

struct pf_parquet_sorting {
	int column; /* ordinal, -1: a nested one */
	bool descending, nulls_first;
};

size_t pf_parquet_groups(const struct pf_parquet_file *f);
int64_t pf_parquet_group_rows(const struct pf_parquet_file *f, size_t group);
const struct pf_parquet_sorting *pf_parquet_group_sorting(
	const struct pf_parquet_file *f, size_t group, size_t *n);

/* Bytes of the column's pages as stored. */
int64_t pf_parquet_chunk_bytes(const struct pf_parquet_file *f, size_t group,
			       size_t column);

/* About how many rows of these columns (-1: none) take so many bytes in memory, at
 * least one and at most the group's. Texts may come out of a dictionary many times
 * over: where there is one it is a guess. */
int64_t pf_parquet_rows_in(const struct pf_parquet_file *f, size_t group,
			   const int *columns, size_t n, size_t bytes);

/* Has a column DELTA_BINARY_PACKED pages? Other engines misread these when they
 * want some rows of a page only (see load/recode.h). */
bool pf_parquet_has_delta(const struct pf_parquet_file *f);

/* Statistics of a column of a row group, in the column's type; what is absent
 * is not known. */
struct pf_parquet_stats pf_parquet_group_stats(const struct pf_parquet_file *f,
					       size_t group, size_t column);

/* --- bloom filters --- */

bool pf_parquet_has_bloom(const struct pf_parquet_file *f, size_t group,
			  size_t column);

/* Can the value be in the column of that row group? *maybe is true, too, when
 * there is no (usable) filter. Errors are those of reading bytes. */
int pf_parquet_bloom(struct pf_parquet_file *f, size_t group, size_t column,
		     const struct pf_parquet_value *value, bool *maybe,
		     struct pf_error *err);

/* --- page index --- */

struct pf_parquet_pages {
	size_t n;
	const int64_t *first_row; /* n + 1: the last is the group's rows */
	const struct pf_parquet_stats *stats; /* n; min, max unknown in pages
					       * of nulls and without ColumnIndex */
};

/* *pages is NULL when there is no usable OffsetIndex. */
int pf_parquet_pages(struct pf_parquet_file *f, size_t group, size_t column,
		     const struct pf_parquet_pages **pages, struct pf_error *err);

/* Bring the page indexes of several columns in with one pread if they are
 * neighbours. Not needed, only quicker. */
int pf_parquet_pages_prefetch(struct pf_parquet_file *f, size_t group,
			      const int *columns, size_t n, struct pf_error *err);

/* --- rows --- */

struct pf_parquet_range {
	int64_t from, to; /* rows [from, to) of the row group */
};

/* Append the rows in the ranges (ascending, disjoint; NULL: all rows) of the
 * columns asked for: column i of the builder gets columns[i]; -1 appends
 * nulls (a column that the file does not have). The builder's type may be
 * wider than the file's (int to bigint, float to double, milliseconds to
 * microseconds, decimal with more digits); anything else is PF_E_UNSUPPORTED.
 * On error the builder holds what it held before. */
int pf_parquet_read(struct pf_parquet_file *f, size_t group, const int *columns,
		    size_t n, const struct pf_parquet_range *ranges,
		    size_t n_ranges, struct pf_builder *out, struct pf_error *err);

/* --- what it took --- */

struct pf_parquet_counters {
	int64_t reads, bytes;    /* preads and what they brought */
	int64_t pages_decoded;   /* data pages */
	int64_t bloom_probes;
};

const struct pf_parquet_counters *pf_parquet_counters(const struct pf_parquet_file *f);

#endif
