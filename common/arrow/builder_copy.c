/* SPDX-License-Identifier: Apache-2.0
 *
 * Many values at once: rows of other columns, in ranges or picked, and one
 * value again and again.
 */
#include "arrow/builder_impl.h"

#include "base/alloc.h"

/* Nothing null: bits are only needed when there are some already. */
static bool all_valid(struct pf_colbuf *c, const struct pf_column *src, int64_t n)
{
	if (src->validity && src->nulls)
		return false;
	if (c->validity.len)
		pf_colbuf_push_bits(&c->validity, c->rows, NULL, 0, n);
	return true;
}

void pf_col_append_validity(struct pf_colbuf *c, const struct pf_column *src,
			    int64_t from, int64_t n)
{
	if (all_valid(c, src, n))
		return;
	pf_colbuf_need_validity(c);
	pf_colbuf_push_bits(&c->validity, c->rows, src->validity, from, n);
	for (int64_t i = 0; i < n; i++)
		c->nulls += !pf_bit(src->validity, from + i);
}

static void gather_validity(struct pf_colbuf *c, const struct pf_column *src,
			    const uint32_t *rows, size_t n)
{
	if (all_valid(c, src, (int64_t)n))
		return;
	pf_colbuf_need_validity(c);
	size_t i = 0;
	for (; i < n && (c->rows + (int64_t)i) & 7; i++) {
		bool valid = pf_bit(src->validity, rows[i]);
		pf_colbuf_push_bit(&c->validity, c->rows + (int64_t)i, valid);
		c->nulls += !valid;
	}
	uint8_t *out = pf_buf_room(&c->validity, (n - i) / 8 + 1);
	for (; i + 8 <= n; i += 8) {
		unsigned byte = 0;
		for (unsigned k = 0; k < 8; k++)
			byte |= (unsigned)pf_bit(src->validity, rows[i + k]) << k;
		*out++ = (uint8_t)byte;
		c->validity.len++;
		c->nulls += 8 - __builtin_popcount(byte);
	}
	for (; i < n; i++) {
		bool valid = pf_bit(src->validity, rows[i]);
		pf_colbuf_push_bit(&c->validity, c->rows + (int64_t)i, valid);
		c->nulls += !valid;
	}
}

static void append_strings(struct pf_colbuf *c, const struct pf_column *src,
			   int64_t row)
{
	for (int32_t k = src->offsets[row]; k < src->offsets[row + 1]; k++) {
		struct pf_view v = pf_bytes_at(src->child, k);
		pf_buf_add(&c->values, v.data, v.len);
		int32_t end = pf_offset32(c->values.len);
		pf_buf_add(&c->child_offsets, &end, sizeof end);
	}
	pf_colbuf_push_offset(c);
}

void pf_col_append(struct pf_colbuf *c, const struct pf_column *src,
		   int64_t from, int64_t n)
{
	if (n <= 0)
		return;
	pf_col_append_validity(c, src, from, n);
	size_t width = pf_kind_width(c->kind);
	if (width) {
		pf_buf_add(&c->values, (const char *)src->values + (size_t)from * width,
			   (size_t)n * width);
	} else if (c->kind == PF_BOOLEAN) {
		pf_colbuf_push_bits(&c->values, c->rows, src->values, from, n);
	} else if (c->kind == PF_STRINGS) {
		for (int64_t i = 0; i < n; i++)
			append_strings(c, src, from + i);
	} else if (c->kind == PF_LARGE_BYTES) {
		for (int64_t i = 0; i < n; i++) {
			struct pf_view v = pf_bytes_at(src, from + i);
			pf_buf_add(&c->values, v.data, v.len);
			pf_colbuf_push_offset(c);
		}
	} else {
		int32_t base = src->offsets[from];
		size_t start = c->values.len;
		pf_buf_add(&c->values, (const uint8_t *)src->values + base,
			   (size_t)(src->offsets[from + n] - base));
		(void)pf_offset32(c->values.len);
		int32_t shift = (int32_t)start - base;
		int32_t *out = (int32_t *)(void *)pf_buf_room(&c->offsets,
							      (size_t)n * 4);
		for (int64_t i = 0; i < n; i++)
			out[i] = src->offsets[from + i + 1] + shift;
		c->offsets.len += (size_t)n * 4;
	}
	c->rows += n;
}

/* Sorted order is random order in memory: ask for rows before their turn. */
enum { AHEAD = 24 };

#define GATHER(type)                                                       \
	do {                                                               \
		const type *in_ = src->values;                             \
		type *out_ = (type *)(void *)pf_buf_room(&c->values,       \
							 n * sizeof(type)); \
		for (size_t i_ = 0; i_ < n; i_++) {                        \
			if (i_ + AHEAD < n)                                \
				__builtin_prefetch(&in_[rows[i_ + AHEAD]]); \
			out_[i_] = in_[rows[i_]];                          \
		}                                                          \
		c->values.len += n * sizeof(type);                         \
	} while (0)

/* Values so short that they are copied as one of that length, into room and
 * from bytes that are there anyway: no branch depends on how short they are. */
enum { SHORT_BYTES = 16 };

/* Rows that get room at once, were they all that short. */
enum { PIECE_ROWS = 1024 };

void pf_col_repeat(struct pf_colbuf *c, struct pf_view text, size_t n)
{
	size_t end = c->values.len + pf_mul(n, text.len);
	(void)pf_offset32(end);
	uint8_t *out = pf_buf_room(&c->values, n * text.len + SHORT_BYTES);
	int32_t *ends = (int32_t *)(void *)pf_buf_room(&c->offsets, n * 4);
	int32_t start = (int32_t)c->values.len, len = (int32_t)text.len;
	uint8_t first[SHORT_BYTES] = { 0 };
	memcpy(first, text.data, text.len < SHORT_BYTES ? text.len : SHORT_BYTES);
	for (size_t i = 0; i < n; i++) {
		if (text.len <= SHORT_BYTES)
			memcpy(out + i * text.len, first, SHORT_BYTES);
		else
			memcpy(out + i * text.len, text.data, text.len);
		ends[i] = start + (int32_t)(i + 1) * len;
	}
	c->values.len = end;
	c->offsets.len += n * 4;
	if (c->validity.len)
		pf_colbuf_push_bits(&c->validity, c->rows, NULL, 0, (int64_t)n);
	c->rows += (int64_t)n;
}

static void gather_bytes(struct pf_colbuf *c, const struct pf_column *src,
			 const uint32_t *rows, size_t n)
{
	const uint8_t *data = src->values;
	const int32_t *offsets = src->offsets;
	int32_t known = 0; /* so many of the source's bytes are there for sure */
	int32_t *ends = (int32_t *)(void *)pf_buf_room(&c->offsets, n * 4);
	for (size_t from = 0; from < n; from += PIECE_ROWS) {
		size_t to = n - from < PIECE_ROWS ? n : from + PIECE_ROWS;
		uint8_t *out = pf_buf_room(&c->values, (to - from) * SHORT_BYTES);
		for (size_t i = from; i < to; i++) {
			if (i + 2 * AHEAD < n) {
				__builtin_prefetch(&offsets[rows[i + 2 * AHEAD]]);
				__builtin_prefetch(data + offsets[rows[i + AHEAD]]);
			}
			int32_t at = offsets[rows[i]], end = offsets[rows[i] + 1];
			size_t len = (size_t)(end - at);
			known = end > known ? end : known;
			if (len <= SHORT_BYTES && at <= known - SHORT_BYTES) {
				memcpy(out, data + at, SHORT_BYTES);
			} else {
				c->values.len = (size_t)(out - c->values.data);
				out = pf_buf_room(&c->values, len + (to - i) * SHORT_BYTES);
				memcpy(out, data + at, len);
			}
			out += len;
			ends[i] = (int32_t)(out - c->values.data);
		}
		c->values.len = (size_t)(out - c->values.data);
		(void)pf_offset32(c->values.len);
	}
	c->offsets.len += n * 4;
}

void pf_col_gather(struct pf_colbuf *c, const struct pf_column *src,
		   const uint32_t *rows, size_t n)
{
	if (!n)
		return;
	gather_validity(c, src, rows, n);
	switch (pf_kind_width(c->kind)) {
	case 1:
		GATHER(uint8_t);
		break;
	case 2:
		GATHER(uint16_t);
		break;
	case 4:
		GATHER(uint32_t);
		break;
	case 8:
		GATHER(uint64_t);
		break;
	case 16:
		GATHER(pf_i128);
		break;
	default:
		if (c->kind == PF_BOOLEAN) {
			for (size_t i = 0; i < n; i++)
				pf_colbuf_push_bit(&c->values, c->rows + (int64_t)i,
					 pf_bit(src->values, rows[i]));
		} else if (c->kind == PF_STRINGS) {
			for (size_t i = 0; i < n; i++)
				append_strings(c, src, rows[i]);
		} else if (c->kind == PF_LARGE_BYTES) {
			for (size_t i = 0; i < n; i++) {
				struct pf_view v = pf_bytes_at(src, rows[i]);
				pf_buf_add(&c->values, v.data, v.len);
				pf_colbuf_push_offset(c);
			}
		} else {
			gather_bytes(c, src, rows, n);
		}
	}
	c->rows += (int64_t)n;
}

void pf_builder_append(struct pf_builder *b, const struct pf_batch *src,
		       int64_t from, int64_t n)
{
	size_t columns = b->schema->n < src->schema->n ? b->schema->n :
							 src->schema->n;
	for (size_t i = 0; i < columns; i++)
		pf_col_append(&b->columns[i], &src->columns[i], from, n);
}

void pf_builder_gather(struct pf_builder *b, const struct pf_batch *src,
		       const uint32_t *rows, size_t n)
{
	size_t columns = b->schema->n < src->schema->n ? b->schema->n :
							 src->schema->n;
	for (size_t i = 0; i < columns; i++)
		pf_col_gather(&b->columns[i], &src->columns[i], rows, n);
}
