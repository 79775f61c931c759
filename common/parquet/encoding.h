/* SPDX-License-Identifier: Apache-2.0
 *
 * Parquet's encodings of dense values, without nulls and pages (apache/
 * parquet-format, Encodings.md). Encoders append to a buffer. Decoders look
 * at no byte outside what they were given, except that PQ_SLACK bytes behind
 * the end must be readable (their content does not matter), so that words can
 * be loaded whole.
 */
#ifndef PF_PARQUET_ENCODING_H
#define PF_PARQUET_ENCODING_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"

#define PQ_SLACK 16

/* Room for n values of that width, in the place of what the buffer has. */
static inline uint8_t *pq_room(struct pf_buf *b, size_t n, size_t width)
{
	b->len = 0;
	return pf_buf_room(b, pf_add(pf_mul(n, width), PQ_SLACK));
}

/* Bits that the value takes; 0 for 0. */
static inline unsigned pq_bit_width(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static inline uint32_t pq_load32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t pq_load64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* The first eight bytes, zeros behind the last, as a number: in the order of
 * the bytes. PQ_SLACK bytes behind the view must be readable. */
static inline uint64_t pq_head(struct pf_view v)
{
	uint64_t head = __builtin_bswap64(pq_load64(v.data));
	return v.len >= 8 ? head : head & ~(UINT64_MAX >> 8 * v.len);
}

/* --- RLE and bit-packing hybrid: levels, dictionary indices, booleans --- */

void pq_hybrid_encode(struct pf_buf *out, const uint32_t *values, size_t n,
		      unsigned width);

/* Exactly n values of width (0..32), each at most limit; else PF_E_PARQUET. */
int pq_hybrid_decode(const uint8_t *data, size_t len, unsigned width, size_t n,
		     uint32_t limit, uint32_t *out, struct pf_error *err);

/* Exactly n values of width 1 as a bitmap, LSB first, zero behind the n-th
 * bit. *ones: how many are set. */
int pq_hybrid_bitmap(const uint8_t *data, size_t len, size_t n, uint8_t *bits,
		     size_t *ones, struct pf_error *err);
/* The same for the levels of a bitmap: definition levels of 0 and 1. */
void pq_hybrid_encode_bitmap(struct pf_buf *out, const uint8_t *bits,
			     size_t from, size_t n);

/* --- DELTA_BINARY_PACKED --- */

/* narrow: the values are INT32, deltas wrap around at 32 bits. */
void pq_delta_encode(struct pf_buf *out, const int64_t *values, size_t n,
		     bool narrow);

/* The first n of exactly total values; *used: bytes read, of all of them when
 * n is total. */
int pq_delta_decode(const uint8_t *data, size_t len, bool narrow, size_t total,
		    size_t n, int64_t *out, size_t *used, struct pf_error *err);

/* --- strings --- */

/* DELTA_BYTE_ARRAY of n views. scratch: reused room. */
void pq_delta_strings_encode(struct pf_buf *out, const struct pf_view *values,
			     size_t n, struct pf_buf *scratch);

/* DELTA_LENGTH_BYTE_ARRAY: the views point into data. */
int pq_delta_length_decode(const uint8_t *data, size_t len, size_t n,
			   struct pf_view *out, struct pf_buf *scratch,
			   struct pf_error *err);

/* DELTA_BYTE_ARRAY: the views point into bytes, which gets at most limit. */
int pq_delta_strings_decode(const uint8_t *data, size_t len, size_t n,
			    size_t limit, struct pf_view *out,
			    struct pf_buf *bytes, struct pf_buf *scratch,
			    struct pf_error *err);

/* PLAIN byte arrays: the views point into data. */
int pq_plain_strings_decode(const uint8_t *data, size_t len, size_t n,
			    struct pf_view *out, struct pf_error *err);

/* BYTE_STREAM_SPLIT of n values of width bytes (n x width bytes given). */
void pq_split_decode(const uint8_t *data, size_t n, size_t width, uint8_t *out);

#endif
