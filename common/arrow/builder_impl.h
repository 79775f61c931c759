/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside arrow/: what appending values one by one (builder.c) and many at once
 * (builder_copy.c) share.
 */
#ifndef PF_ARROW_BUILDER_IMPL_H
#define PF_ARROW_BUILDER_IMPL_H

#include "arrow/batch.h"

/* A length as an offset of 32 bits. Batches are flushed long before it is too
 * large; see pf_builder_bytes. */
static inline int32_t pf_offset32(size_t len)
{
	if (len > INT32_MAX)
		pf_out_of_memory();
	return (int32_t)len;
}

/* Append the bit of a row: the one after `row` others. */
static inline void pf_colbuf_push_bit(struct pf_buf *bits, int64_t row, bool value)
{
	if ((row & 7) == 0)
		pf_buf_byte(bits, 0);
	if (value)
		pf_bit_set(bits->data, row);
}

/* Append n bits, of src from bit `from`, or ones when src is NULL; bits holds
 * `at` of them. Bits behind the last stay zero. */
void pf_colbuf_push_bits(struct pf_buf *bits, int64_t at, const uint8_t *src,
			 int64_t from, int64_t n);

/* The first null brings the bitmap into being: all before it are valid. */
void pf_colbuf_need_validity(struct pf_colbuf *c);

/* Where the value ends whose bytes (or elements) were just appended. */
void pf_colbuf_push_offset(struct pf_colbuf *c);

#endif
