/* SPDX-License-Identifier: Apache-2.0
 *
 * Encodes one column of one row group: its pages, and what the footer and the
 * indexes must say about them. Knows the whole column before it chooses an
 * encoding, so nothing is tried twice that counting can settle:
 *
 *   sorted by this column first   RLE_DICTIONARY if distinct/rows <= 1/4,
 *                                 else DELTA_BYTE_ARRAY, DELTA_BINARY_PACKED
 *   other integers, times         DELTA_BINARY_PACKED, or a dictionary of at
 *                                 most 256 if that is smaller
 *   other strings                 a dictionary of at most 65,536 entries and
 *                                 1 MiB if that is smaller, else PLAIN
 *   decimals of fixed width       PLAIN
 *   floats                        PLAIN, or a dictionary if few differ
 *   booleans                      PLAIN
 *
 * For old readers PLAIN stands where DELTA does.
 */
#ifndef PF_PARQUET_ENCODE_H
#define PF_PARQUET_ENCODE_H

#include "ext/codec.h"
#include "parquet/mapping.h"

/* Bounds as they stand in the file, inside the chunk's `bounds`. */
struct pq_bounds {
	size_t min_at, min_len, max_at, max_len;
	bool known, min_exact, max_exact;
};

struct pq_page_done {
	int64_t offset;    /* from the chunk's beginning */
	int64_t first_row;
	int64_t nulls;
	int32_t bytes;     /* with header */
	bool null_page;
	struct pq_bounds bounds;
};

/* A column chunk, encoded. */
struct pq_chunk_done {
	uint32_t encodings;  /* a bit for each pq_encoding */
	enum pq_encoding encoding; /* of the data pages */
	bool compressed;
	int64_t rows, nulls;
	int64_t nans;        /* -1: not a float column */
	int64_t uncompressed_bytes, compressed_bytes;
	int64_t dictionary_bytes; /* first data page's offset; 0: none */
	struct pq_page_done *pages;
	size_t n_pages, pages_cap;
	struct pf_buf bounds;
	struct pq_bounds all;
	bool index;          /* a ColumnIndex can be written */
	struct pf_buf bloom; /* empty: none */
	/* Where it came to stand in the file. */
	int64_t offset, bloom_offset, bloom_bytes;
	int64_t column_index_offset, offset_index_offset;
	int64_t column_index_bytes, offset_index_bytes;
};

void pq_chunk_done_free(struct pq_chunk_done *c);

struct pq_encoder;
struct pq_encoder *pq_encoder_new(int zstd_level, int64_t page_rows,
				  bool old_readers);
void pq_encoder_free(struct pq_encoder *e);

/* Encode rows rows of a column. sorted: the rows are sorted by it before any
 * other. movable: its integers will be changed in place (parquet/shift.h), so
 * they stand plain, and nothing else says what they are. The chunk's bytes,
 * valid until the next call, come back in *bytes.
 * 16 bytes behind the column's values must be readable. */
int pq_encode_chunk(struct pq_encoder *e, const struct pq_mapping *m,
		    bool nullable, bool sorted, bool bloom, bool movable,
		    const struct pf_column *column, int64_t rows,
		    struct pq_chunk_done *done, struct pf_view *bytes,
		    struct pf_error *err);

/* --- bounds.c --- */

/* Append a bound to out, at most 64 bytes of strings; returns whether it is
 * the value itself. A maximum that is cut is made greater. */
bool pq_bound_write(const struct pq_mapping *m, const struct pf_parquet_value *v,
		    bool is_max, struct pf_buf *out);

/* --- footer_write.c --- */

struct pq_group_done {
	struct pq_chunk_done *chunks;
	int64_t rows, offset;
};

void pq_column_index_write(struct pf_buf *out, const struct pq_mapping *m,
			   const struct pq_chunk_done *c);
void pq_offset_index_write(struct pf_buf *out, const struct pq_chunk_done *c);

struct pq_footer_parts {
	const struct pf_schema *schema;
	const struct pq_mapping *mappings;
	const struct pq_element *elements;
	const struct pq_group_done *groups;
	size_t n_groups;
	const int *sort_columns;
	size_t n_sort;
	int64_t rows;
	const char *created_by;
	const struct pf_meta *meta;
};

void pq_footer_write(struct pf_buf *out, const struct pq_footer_parts *parts);

#endif
