/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a pq_encoder, shared by the parts of the encoder: choose.c
 * (dense values, choice of encoding, bloom filter), bounds.c (minima and
 * maxima), encode.c (pages).
 */
#ifndef PF_PARQUET_ENCODER_H
#define PF_PARQUET_ENCODER_H

#include "parquet/dict.h"
#include "parquet/encode.h"
#include "parquet/encoding.h"

/* How the dense values of a chunk are held. */
enum dense { DENSE_BITS, DENSE_INTS, DENSE_FLOATS, DENSE_VIEWS };

struct pq_encoder {
	struct pf_compressor *compressor;
	int64_t page_rows;
	bool old_readers; /* no DELTA encodings */
	struct pq_dict dict;
	struct pf_buf dense;   /* int64, float or double, views */
	struct pf_buf keys;    /* floats as int64; bytes of decimals */
	struct pf_buf hashes;
	struct pf_buf raw, packed, scratch;
	/* Pages that wait for the codec to be settled, one behind the other. */
	struct pf_buf held_raw, held_packed;
	struct pq_held_page {
		enum pq_page_kind kind;
		size_t values, raw, packed; /* bytes */
	} *held;
	size_t n_held, held_cap;
	struct pf_buf out;

	/* The chunk at hand. */
	const struct pq_mapping *m;
	const struct pf_column *column;
	bool nullable, sorted, movable;
	enum dense kind;
	enum pq_encoding encoding;
	size_t n; /* dense values */
	uint8_t *used; /* a byte for each dictionary entry */
	size_t used_cap;
	int32_t codec; /* pq_compression, -1: not settled */
	size_t n_put;  /* data pages in out */
};

static inline int64_t *pq_ints(const struct pf_buf *b)
{
	return (int64_t *)(void *)b->data;
}

static inline struct pf_view *pq_views(const struct pf_buf *b)
{
	return (struct pf_view *)(void *)b->data;
}

/* Bytes of the strings and of `each` before every one. */
static inline size_t pq_views_bytes(const struct pf_view *v, size_t n, size_t each)
{
	size_t bytes = n * each;
	for (size_t i = 0; i < n; i++)
		bytes += v[i].len;
	return bytes;
}

/* Bits of a code of the dictionary. */
static inline unsigned pq_code_width(const struct pq_encoder *e)
{
	unsigned width = pq_bit_width(e->dict.n ? e->dict.n - 1 : 0);
	return width ? width : 1; /* Arrow writes no width 0, either */
}

/* Fill in kind, dense and encoding for the column at hand. */
void pq_choose(struct pq_encoder *e, int64_t rows);

/* The filter of the values at hand, after pq_choose. */
void pq_make_bloom(struct pq_encoder *e, struct pf_buf *bloom);

/* Minimum and maximum of dense values [from, to), of rows [row, row_end);
 * false when there are none. Counts NaNs. */
bool pq_bounds_of(struct pq_encoder *e, int64_t row, int64_t row_end, size_t from,
		  size_t to, struct pf_parquet_value *min,
		  struct pf_parquet_value *max, int64_t *nans);

#endif
