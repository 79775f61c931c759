/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of an open Parquet file, shared by the parts of the reader:
 * reader.c (footer, columns), lookup.c (statistics, blooms, page index),
 * read.c and scan.c (pages of a chunk), decode.c (values of a page),
 * convert.c (into the builder's types).
 */
#ifndef PF_PARQUET_FILE_H
#define PF_PARQUET_FILE_H

#include "parquet/mapping.h"
#include "parquet/reader.h"

/* What one page may take, stored or unpacked, and how many values. */
#define PQ_PAGE_BYTES ((int64_t)256 << 20)
#define PQ_PAGE_VALUES ((int64_t)16 << 20)

/* A column chunk's page index and the place of its bloom filter, once
 * looked for. */
struct pq_chunk_cache {
	bool pages_tried, bloom_tried;
	struct pq_page_location *locations;
	struct pf_parquet_pages pages; /* n == 0: none */
	int64_t *first_row;
	struct pf_parquet_stats *stats;
	struct pf_buf column_index;    /* bounds point into it */
	int64_t bloom_at;              /* the bitset */
	int32_t bloom_bytes;           /* 0: none */
	/* Where the last walk through the pages got to: the next one that
	 * wants later rows goes on there. Row 0: nowhere. */
	int64_t walk_row, walk_offset;
	int64_t dictionary_at;         /* seen on the way; 0: none */
};

struct pq_leaf {
	struct pq_mapping mapping;
	size_t leaf; /* position among the leaves = in the chunk lists */
	char *name;
	struct pq_nested *nested; /* see parquet/nested.h; NULL: a flat column */
};

/* Bytes of the file in memory. */
struct pq_window {
	uint64_t offset;
	struct pf_buf bytes;
};

struct pf_parquet_file {
	struct pf_random_source source;
	struct pf_parquet_counters counters;
	struct pq_window tail;   /* the last bytes, among them the footer */
	struct pq_window window; /* what was fetched ahead */
	struct pf_buf footer_bytes; /* when it is longer than the tail */
	struct pq_footer footer;
	char *created_by;
	struct pf_parquet_column *columns;
	struct pq_leaf *leaves;  /* one for each column */
	size_t n_columns;
	struct pf_parquet_sorting **sorting; /* of each group */
	struct pq_chunk_cache **caches;      /* groups x columns */
	struct pq_scan *scan;
};

/* Exactly len bytes at offset, which must lie in the file (PF_E_PARQUET). */
int pq_pread(struct pf_parquet_file *f, void *data, size_t len, int64_t offset,
	     struct pf_error *err);

/* Have [offset, offset + len) in the window; a pread unless it is there. */
int pq_fetch(struct pf_parquet_file *f, size_t len, int64_t offset,
	     struct pf_error *err);

/* The bytes if they are in memory already, else NULL. Valid until the next
 * pq_fetch. */
const uint8_t *pq_in_memory(const struct pf_parquet_file *f, size_t len,
			    int64_t offset);

struct pq_chunk *pq_chunk_of(const struct pf_parquet_file *f, size_t group,
			     size_t column);
struct pq_chunk_cache *pq_cache_of(struct pf_parquet_file *f, size_t group,
				   size_t column);
void pq_cache_free(struct pq_chunk_cache *c);

/* Where a chunk's pages begin and end. */
int pq_chunk_extent(const struct pf_parquet_file *f, const struct pq_chunk *c,
		    int64_t *begin, int64_t *end, struct pf_error *err);

/* Why the chunks of a leaf cannot be read, or NULL. */
const char *pq_chunks_refused(const struct pf_parquet_file *f, size_t leaf);

/* --- decode.c: dense values of a page, as stored --- */

struct pq_dense {
	size_t n;
	const uint8_t *fixed;        /* n x mapping.width; booleans a byte each */
	const struct pf_view *views; /* BYTE_ARRAY */
};

struct pq_dictionary {
	bool loaded;
	size_t group; /* whose it is */
	size_t n;
	struct pf_buf page;  /* fixed values, or what views point into */
	struct pf_buf views;
};

/* Reused room for decoding. */
struct pq_decode_room {
	struct pf_buf codes, values, bytes, scratch;
};

/* The n values of a dictionary page, whose bytes are in d->page. */
int pq_decode_dictionary(const struct pq_mapping *m, size_t n,
			 struct pq_dictionary *d, struct pf_error *err);

/* The first n of the total values in data (len bytes, PQ_SLACK readable bytes
 * behind). */
int pq_decode_values(const struct pq_mapping *m, int32_t encoding,
		     const struct pq_dictionary *d, const uint8_t *data,
		     size_t len, size_t total, size_t n,
		     struct pq_decode_room *room, struct pq_dense *dense,
		     struct pf_error *err);

/* --- convert.c --- */

/* Can the column be read as that type? */
bool pq_convertible(const struct pq_mapping *m, struct pf_type to);

struct pq_convert_room {
	struct pf_buf ints, values, spread;
};

struct pq_page_rows {
	struct pq_dense dense;
	const uint8_t *valid; /* bitmap of the n rows; NULL: nothing is null */
	size_t n;
};

/* Turn a page's dense values into the type, once (strings stay views); then
 * append rows [from, to). width: of a stored value. */
int pq_convert(const struct pq_mapping *m, struct pf_type to,
	       const struct pq_page_rows *page, struct pq_convert_room *room,
	       struct pf_column *out, struct pf_error *err);
int pq_append(const struct pq_page_rows *page, size_t width,
	      const struct pf_column *column, int64_t from, int64_t to,
	      struct pf_colbuf *out, struct pf_error *err);

/* --- scan.c --- */

struct pq_scan *pq_scan_new(void);
void pq_scan_free(struct pq_scan *s);
int64_t pq_rows_asked(const struct pf_parquet_range *ranges, size_t n);
int pq_scan_column(struct pf_parquet_file *f, size_t group, size_t column,
		   const struct pf_parquet_range *ranges, size_t n_ranges,
		   struct pf_type to, struct pf_colbuf *out, struct pf_error *err);

#endif
