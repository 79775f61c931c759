/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages of a column chunk, one after the other: headers, bodies, checksums,
 * unpacking, the dictionary. What is in them is for scan.c (flat columns) and
 * nested.c to say.
 */
#ifndef PF_PARQUET_CHUNK_H
#define PF_PARQUET_CHUNK_H

#include "ext/codec.h"
#include "parquet/encoding.h"
#include "parquet/file.h"

/* Room that is reused from column to column. */
struct pq_scan {
	struct pf_decompressor *decompressor;
	struct pf_buf page;      /* unpacked */
	struct pf_buf validity;
	/* Of each column the dictionary that was read last: row groups are
	 * often read piece by piece. */
	struct pq_dictionary *dictionaries;
	size_t n_dictionaries;
	struct pq_decode_room decode;
	struct pq_convert_room convert;
};

/* The column of a row group that is being read. */
struct pq_reading {
	struct pf_parquet_file *f;
	struct pq_scan *s;
	const struct pq_chunk *meta;
	const struct pq_mapping *m;
	bool nullable;
	int64_t begin, end;  /* its pages */
	int64_t rows;        /* of the row group */
	size_t group;
	struct pq_dictionary *dictionary;
	struct pf_type to;
	struct pf_colbuf *out;
	const struct pf_parquet_range *ranges;
	size_t n_ranges, at_range;
};

struct pq_page {
	struct pq_page_header h;
	int64_t first_row;
	const uint8_t *body;
	int64_t offset;
};

/* The header at offset; *next: where the next page begins. ahead: bytes up to
 * there are wanted, too. */
int pq_load_page(struct pq_reading *c, int64_t offset, int64_t ahead, struct pq_page *p,
		 int64_t *next, struct pf_error *err);
/* Its body, whole and checked; valid until the next bytes are loaded. */
int pq_load_body(struct pq_reading *c, struct pq_page *p, int64_t next, int64_t ahead,
		 struct pf_error *err);
/* The dictionary page there, of loaded bytes or by loading them. */
int pq_take_dictionary(struct pq_reading *c, const struct pq_page_header *h,
		       const uint8_t *body, struct pf_error *err);
int pq_load_dictionary(struct pq_reading *c, int64_t offset, struct pf_error *err);

/* Unpack len bytes into out_len at the end of out, with slack. */
int pq_unpack(const struct pq_reading *c, bool compressed, const uint8_t *data, size_t len,
	      size_t out_len, struct pf_buf *out, struct pf_error *err);

static inline bool pq_is_data(const struct pq_page_header *h)
{
	return h->kind == PQ_PAGE_DATA || h->kind == PQ_PAGE_DATA_V2;
}

#endif
