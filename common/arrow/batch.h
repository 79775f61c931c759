/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows as columns. A pf_batch is a borrowed view: whoever made it (a stream
 * reader, a builder, a scan) says how long it stays valid, usually until its
 * next call. A pf_builder owns growing columns and lends batches.
 *
 * Layout is Arrow's, starting at element 0 (no slices); see arrow/type.h.
 */
#ifndef PF_ARROW_BATCH_H
#define PF_ARROW_BATCH_H

#include "arrow/schema.h"
#include "base/buf.h"

struct pf_column {
	int64_t nulls;
	const uint8_t *validity;     /* bitmap, LSB first; NULL: nothing is null */
	const void *values;          /* fixed width, bitmap, or the data bytes */
	const int32_t *offsets;      /* string, bytes, strings: rows + 1 */
	const int64_t *offsets64;    /* large_bytes: rows + 1 */
	const struct pf_column *child; /* strings: the elements */
};

struct pf_batch {
	const struct pf_schema *schema;
	int64_t rows;
	const struct pf_column *columns; /* schema->n of them */
	const struct pf_meta *meta;      /* of the message; NULL: none */
};

static inline bool pf_bit(const uint8_t *bits, int64_t i)
{
	return bits[i >> 3] >> (i & 7) & 1;
}

static inline void pf_bit_set(uint8_t *bits, int64_t i)
{
	bits[i >> 3] = (uint8_t)(bits[i >> 3] | 1u << (i & 7));
}

static inline void pf_bit_clear(uint8_t *bits, int64_t i)
{
	bits[i >> 3] = (uint8_t)(bits[i >> 3] & ~(1u << (i & 7)));
}

static inline bool pf_is_null(const struct pf_column *c, int64_t row)
{
	return c->validity && !pf_bit(c->validity, row);
}

static inline struct pf_view pf_bytes_at(const struct pf_column *c, int64_t row)
{
	if (c->offsets64)
		return pf_view_of((const uint8_t *)c->values + c->offsets64[row],
				  (size_t)(c->offsets64[row + 1] - c->offsets64[row]));
	return pf_view_of((const uint8_t *)c->values + c->offsets[row],
			  (size_t)(c->offsets[row + 1] - c->offsets[row]));
}

/* The value of any integer-like column (boolean, integers, date, time,
 * timestamps) as int64. The row must not be null. */
int64_t pf_int_at(const struct pf_column *c, enum pf_kind kind, int64_t row);
/* Of n rows; those that are null give some number. */
void pf_ints_at(const struct pf_column *c, enum pf_kind kind, int64_t from, size_t n,
		int64_t *out);

/* -1, 0, 1: the order of Paimon and Parquet (unsigned bytes, false < true,
 * -0.0 == 0.0, NaN last and equal to NaN). Neither row may be null. */
int pf_value_cmp(enum pf_kind kind, const struct pf_column *a, int64_t row_a,
		 const struct pf_column *b, int64_t row_b);

/* The same, but -0.0 < 0.0: the order of keys, in which they are two. */
int pf_key_cmp(enum pf_kind kind, const struct pf_column *a, int64_t row_a,
	       const struct pf_column *b, int64_t row_b);

/* Number of zero bits among the first n: the nulls of a validity bitmap. */
int64_t pf_count_nulls(const uint8_t *validity, int64_t n);

/* Bytes that the batch's values take, for memory bounds and flush rules. */
size_t pf_batch_bytes(const struct pf_batch *b);

/* --- building --- */

struct pf_colbuf {
	enum pf_kind kind;
	int64_t rows, nulls;
	struct pf_buf validity; /* empty while nothing is null */
	struct pf_buf values;
	struct pf_buf offsets;  /* rows + 1, int32 or int64 (large_bytes) */
	struct pf_buf child_offsets; /* strings */
	struct pf_column child_view;
};

/* Begin with no rows, keeping the memory, once the kind is set. */
void pf_colbuf_reset(struct pf_colbuf *c);
void pf_colbuf_free(struct pf_colbuf *c);
size_t pf_colbuf_bytes(const struct pf_colbuf *c); /* as pf_builder_bytes */

struct pf_builder {
	struct pf_schema *schema; /* holds a reference */
	struct pf_colbuf *columns;
	struct pf_column *views;
};

struct pf_builder *pf_builder_new(struct pf_schema *schema);
void pf_builder_free(struct pf_builder *b); /* NULL is fine */

/* Forget the rows, keep the memory. */
void pf_builder_reset(struct pf_builder *b);

/* Bytes that the rows take now (not the capacity). */
size_t pf_builder_bytes(const struct pf_builder *b);

/* Bytes of memory that the builder holds. */
size_t pf_builder_capacity(const struct pf_builder *b);

/* Lend the rows as a batch, valid until the builder is touched again. All
 * columns must have the same number of rows. */
struct pf_batch pf_builder_batch(struct pf_builder *b);

/* Lend one column, likewise. */
struct pf_column pf_colbuf_view(struct pf_colbuf *c);

/* Drop what was appended beyond rows in every column: a row that turned out
 * bad halfway. */
void pf_builder_truncate(struct pf_builder *b, int64_t rows);
void pf_col_truncate(struct pf_colbuf *c, int64_t rows); /* of one column */

void pf_col_null(struct pf_colbuf *c);
void pf_col_nulls(struct pf_colbuf *c, int64_t n); /* n of them */
void pf_col_bool(struct pf_colbuf *c, bool value);
void pf_col_strings(struct pf_colbuf *c, const struct pf_view *items, size_t n);

/* Internal: count one more row that is valid. */
void pf_col_valid_slow(struct pf_colbuf *c);
static inline void pf_col_valid(struct pf_colbuf *c)
{
	if (c->validity.len)
		pf_col_valid_slow(c);
	c->rows++;
}

static inline void pf_col_fixed(struct pf_colbuf *c, const void *value, size_t width)
{
	memcpy(pf_buf_room(&c->values, width), value, width);
	c->values.len += width;
	pf_col_valid(c);
}

static inline void pf_col_i8(struct pf_colbuf *c, int8_t v) { pf_col_fixed(c, &v, sizeof v); }
static inline void pf_col_i16(struct pf_colbuf *c, int16_t v) { pf_col_fixed(c, &v, sizeof v); }
static inline void pf_col_i32(struct pf_colbuf *c, int32_t v) { pf_col_fixed(c, &v, sizeof v); }
static inline void pf_col_i64(struct pf_colbuf *c, int64_t v) { pf_col_fixed(c, &v, sizeof v); }
static inline void pf_col_f32(struct pf_colbuf *c, float v) { pf_col_fixed(c, &v, sizeof v); }
static inline void pf_col_f64(struct pf_colbuf *c, double v) { pf_col_fixed(c, &v, sizeof v); }
static inline void pf_col_i128(struct pf_colbuf *c, pf_i128 v) { pf_col_fixed(c, &v, sizeof v); }

/* n more values of fixed width, none of them null, which the caller fills in. */
void pf_col_fill_slow(struct pf_colbuf *c, size_t n);
static inline void *pf_col_fill(struct pf_colbuf *c, size_t n, size_t width)
{
	void *values = pf_buf_room(&c->values, n * width);
	c->values.len += n * width;
	if (c->validity.len)
		pf_col_fill_slow(c, n);
	c->rows += (int64_t)n;
	return values;
}

/* A string or bytes of any kind of offsets. */
void pf_col_bytes_slow(struct pf_colbuf *c, const void *data, size_t len);
static inline void pf_col_bytes(struct pf_colbuf *c, const void *data, size_t len)
{
	size_t end = c->values.len + len;
	if (c->kind == PF_LARGE_BYTES || end > INT32_MAX) {
		pf_col_bytes_slow(c, data, len);
		return;
	}
	if (len)
		memcpy(pf_buf_room(&c->values, len), data, len);
	c->values.len = end;
	int32_t end32 = (int32_t)end;
	memcpy(pf_buf_room(&c->offsets, 4), &end32, 4);
	c->offsets.len += 4;
	pf_col_valid(c);
}

/* Append an integer-like value to a column of any such kind (the value fits). */
void pf_col_int(struct pf_colbuf *c, int64_t value);

/* Append n times the same string. */
void pf_col_repeat(struct pf_colbuf *c, struct pf_view text, size_t n);

/* Append rows [from, from + n) of a column of the same kind. */
void pf_col_append(struct pf_colbuf *c, const struct pf_column *src,
		   int64_t from, int64_t n);

/* For those who fill values by themselves: the validity of n more rows. Counts
 * nulls, not rows; call before counting the rows. */
void pf_col_append_validity(struct pf_colbuf *c, const struct pf_column *src,
			    int64_t from, int64_t n);

/* Append the rows named, in that order. */
void pf_col_gather(struct pf_colbuf *c, const struct pf_column *src,
		   const uint32_t *rows, size_t n);

/* All columns of a batch whose schema has the builder's leading columns. */
void pf_builder_append(struct pf_builder *b, const struct pf_batch *src,
		       int64_t from, int64_t n);
void pf_builder_gather(struct pf_builder *b, const struct pf_batch *src,
		       const uint32_t *rows, size_t n);

#endif
