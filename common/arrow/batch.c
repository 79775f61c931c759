/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/batch.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"

/* --- reading --- */

int64_t pf_int_at(const struct pf_column *c, enum pf_kind kind, int64_t row)
{
	switch (kind) {
	case PF_BOOLEAN:
		return pf_bit(c->values, row);
	case PF_TINYINT:
		return ((const int8_t *)c->values)[row];
	case PF_SMALLINT:
		return ((const int16_t *)c->values)[row];
	case PF_INT:
	case PF_DATE:
	case PF_TIME:
		return ((const int32_t *)c->values)[row];
	case PF_BIGINT:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		return ((const int64_t *)c->values)[row];
	default:
		return 0;
	}
}

static int cmp_doubles(double a, double b)
{
	bool nan_a = a != a, nan_b = b != b;
	if (nan_a || nan_b)
		return nan_a - nan_b;
	return (a > b) - (a < b);
}

int pf_value_cmp(enum pf_kind kind, const struct pf_column *a, int64_t row_a,
		 const struct pf_column *b, int64_t row_b)
{
	switch (kind) {
	case PF_FLOAT:
		return cmp_doubles(((const float *)a->values)[row_a],
				   ((const float *)b->values)[row_b]);
	case PF_DOUBLE:
		return cmp_doubles(((const double *)a->values)[row_a],
				   ((const double *)b->values)[row_b]);
	case PF_DECIMAL: {
		pf_i128 x, y;
		memcpy(&x, (const char *)a->values + 16 * row_a, sizeof x);
		memcpy(&y, (const char *)b->values + 16 * row_b, sizeof y);
		return (x > y) - (x < y);
	}
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		return pf_view_cmp(pf_bytes_at(a, row_a), pf_bytes_at(b, row_b));
	default: {
		int64_t x = pf_int_at(a, kind, row_a), y = pf_int_at(b, kind, row_b);
		return (x > y) - (x < y);
	}
	}
}

static bool is_negative(enum pf_kind kind, const struct pf_column *c, int64_t row)
{
	return kind == PF_FLOAT ? signbit(((const float *)c->values)[row]) :
				  signbit(((const double *)c->values)[row]);
}

int pf_key_cmp(enum pf_kind kind, const struct pf_column *a, int64_t row_a,
	       const struct pf_column *b, int64_t row_b)
{
	int c = pf_value_cmp(kind, a, row_a, b, row_b);
	double of_a;
	if (c || (kind != PF_FLOAT && kind != PF_DOUBLE))
		return c;
	of_a = kind == PF_FLOAT ? (double)((const float *)a->values)[row_a] :
				  ((const double *)a->values)[row_a];
	return of_a == 0 ? is_negative(kind, b, row_b) - is_negative(kind, a, row_a) : 0;
}

int64_t pf_count_nulls(const uint8_t *validity, int64_t n)
{
	int64_t set = 0, i = 0;
	for (; i + 64 <= n; i += 64) {
		uint64_t word;
		memcpy(&word, validity + i / 8, sizeof word);
		set += __builtin_popcountll(word);
	}
	for (; i < n; i++)
		set += pf_bit(validity, i);
	return n - set;
}

size_t pf_batch_bytes(const struct pf_batch *b)
{
	size_t bytes = 0, rows = (size_t)b->rows;
	for (size_t i = 0; i < b->schema->n; i++) {
		const struct pf_column *c = &b->columns[i];
		if (c->validity)
			bytes += rows / 8;
		if (c->child)
			bytes += rows * 4 + (size_t)c->offsets[rows] * 4 +
				 (size_t)c->child->offsets[c->offsets[rows]];
		else if (c->offsets64)
			bytes += rows * 8 + (size_t)c->offsets64[rows];
		else if (c->offsets)
			bytes += rows * 4 + (size_t)c->offsets[rows];
		else if (b->schema->fields[i].type.kind == PF_BOOLEAN)
			bytes += rows / 8;
		else
			bytes += rows * pf_kind_width(b->schema->fields[i].type.kind);
	}
	return bytes;
}

/* --- building --- */

void pf_colbuf_reset(struct pf_colbuf *c)
{
	c->rows = c->nulls = 0;
	c->validity.len = c->values.len = c->offsets.len = 0;
	c->child_offsets.len = 0;
	if (c->kind == PF_LARGE_BYTES)
		pf_buf_zeros(&c->offsets, 8);
	else if (pf_kind_is_variable(c->kind))
		pf_buf_zeros(&c->offsets, 4);
	if (c->kind == PF_STRINGS)
		pf_buf_zeros(&c->child_offsets, 4);
}

void pf_colbuf_free(struct pf_colbuf *c)
{
	pf_buf_free(&c->validity);
	pf_buf_free(&c->values);
	pf_buf_free(&c->offsets);
	pf_buf_free(&c->child_offsets);
}

size_t pf_colbuf_bytes(const struct pf_colbuf *c)
{
	return c->validity.len + c->values.len + c->offsets.len +
	       c->child_offsets.len;
}

struct pf_builder *pf_builder_new(struct pf_schema *schema)
{
	struct pf_builder *b = pf_zalloc(1, sizeof *b);
	b->schema = pf_schema_ref(schema);
	b->columns = pf_zalloc(schema->n, sizeof *b->columns);
	b->views = pf_zalloc(schema->n, sizeof *b->views);
	for (size_t i = 0; i < schema->n; i++)
		b->columns[i].kind = schema->fields[i].type.kind;
	pf_builder_reset(b);
	return b;
}

void pf_builder_free(struct pf_builder *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->schema->n; i++)
		pf_colbuf_free(&b->columns[i]);
	free(b->columns);
	free(b->views);
	pf_schema_unref(b->schema);
	free(b);
}

void pf_builder_reset(struct pf_builder *b)
{
	for (size_t i = 0; i < b->schema->n; i++)
		pf_colbuf_reset(&b->columns[i]);
}

size_t pf_builder_bytes(const struct pf_builder *b)
{
	size_t bytes = 0;
	for (size_t i = 0; i < b->schema->n; i++)
		bytes += pf_colbuf_bytes(&b->columns[i]);
	return bytes;
}

size_t pf_builder_capacity(const struct pf_builder *b)
{
	size_t bytes = sizeof *b + b->schema->n * (sizeof *b->columns +
						   sizeof *b->views);
	for (size_t i = 0; i < b->schema->n; i++) {
		const struct pf_colbuf *c = &b->columns[i];
		bytes += c->validity.cap + c->values.cap + c->offsets.cap +
			 c->child_offsets.cap;
	}
	return bytes;
}

struct pf_column pf_colbuf_view(struct pf_colbuf *c)
{
	struct pf_column v = { .nulls = c->nulls };
	v.validity = c->nulls ? c->validity.data : NULL;
	/* Never lend a NULL values pointer: empty columns are legal
	 * arguments of memcpy and of codecs. */
	pf_buf_room(&c->values, 8);
	v.values = c->values.data;
	if (c->kind == PF_LARGE_BYTES)
		v.offsets64 = (const int64_t *)(const void *)c->offsets.data;
	else if (pf_kind_is_variable(c->kind))
		v.offsets = (const int32_t *)(const void *)c->offsets.data;
	if (c->kind == PF_STRINGS) {
		c->child_view = (struct pf_column){
			.values = c->values.data,
			.offsets = (const int32_t *)(const void *)c->child_offsets.data,
		};
		v.child = &c->child_view;
	}
	return v;
}

struct pf_batch pf_builder_batch(struct pf_builder *b)
{
	for (size_t i = 0; i < b->schema->n; i++)
		b->views[i] = pf_colbuf_view(&b->columns[i]);
	return (struct pf_batch){ .schema = b->schema,
				  .rows = b->schema->n ? b->columns[0].rows : 0,
				  .columns = b->views };
}

/* Set or clear the bit of the row about to be counted. */
static void push_bit(struct pf_buf *bits, int64_t row, bool value)
{
	if ((row & 7) == 0)
		pf_buf_byte(bits, 0);
	if (value)
		pf_bit_set(bits->data, row);
}

void pf_col_valid_slow(struct pf_colbuf *c)
{
	push_bit(&c->validity, c->rows, true);
}

/* The first null brings the bitmap into being: all before it are valid. */
static void need_validity(struct pf_colbuf *c)
{
	if (c->validity.len || !c->rows)
		return;
	size_t bytes = (size_t)(c->rows + 7) / 8;
	memset(pf_buf_room(&c->validity, bytes), 0xff, bytes);
	c->validity.len = bytes;
	if (c->rows & 7)
		c->validity.data[bytes - 1] = (uint8_t)((1u << (c->rows & 7)) - 1);
}

/* Append n bits, of src from bit `from`, or ones when src is NULL; bits holds
 * `at` of them. Bits behind the last stay zero. */
static void push_bits(struct pf_buf *bits, int64_t at, const uint8_t *src,
		      int64_t from, int64_t n)
{
	int64_t i = 0;
	for (; i < n && (at + i) & 7; i++)
		push_bit(bits, at + i, !src || pf_bit(src, from + i));
	size_t whole = (size_t)(n - i) / 8;
	uint8_t *out = pf_buf_room(bits, whole);
	unsigned shift = (unsigned)(from + i) & 7;
	if (!whole) {
		/* Nothing, and maybe no room either. */
	} else if (!src) {
		memset(out, 0xff, whole);
	} else if (!shift) {
		memcpy(out, src + ((from + i) >> 3), whole);
	} else {
		const uint8_t *in = src + ((from + i) >> 3);
		for (size_t k = 0; k < whole; k++)
			out[k] = (uint8_t)(in[k] >> shift | in[k + 1] << (8 - shift));
	}
	bits->len += whole;
	for (i += (int64_t)whole * 8; i < n; i++)
		push_bit(bits, at + i, !src || pf_bit(src, from + i));
}

static void push_offset(struct pf_colbuf *c)
{
	if (c->kind == PF_LARGE_BYTES) {
		int64_t end = (int64_t)c->values.len;
		pf_buf_add(&c->offsets, &end, sizeof end);
	} else if (c->kind == PF_STRINGS) {
		int32_t end = (int32_t)(c->child_offsets.len / 4 - 1);
		pf_buf_add(&c->offsets, &end, sizeof end);
	} else {
		/* Batches are flushed long before this; see pf_builder_bytes. */
		if (c->values.len > INT32_MAX)
			(void)pf_mul(SIZE_MAX, 2);
		int32_t end = (int32_t)c->values.len;
		pf_buf_add(&c->offsets, &end, sizeof end);
	}
}

void pf_col_null(struct pf_colbuf *c)
{
	need_validity(c);
	push_bit(&c->validity, c->rows, false);
	c->nulls++;
	if (c->kind == PF_BOOLEAN)
		push_bit(&c->values, c->rows, false);
	else if (pf_kind_is_variable(c->kind))
		push_offset(c);
	else
		pf_buf_zeros(&c->values, pf_kind_width(c->kind));
	c->rows++;
}

void pf_col_nulls(struct pf_colbuf *c, int64_t n)
{
	size_t width = pf_kind_width(c->kind);
	int64_t whole = 0;
	while (n > 0 && (c->rows & 7 || n < 8 || !width)) {
		pf_col_null(c);
		n--;
	}
	if (n > 0) {
		whole = n / 8 * 8;
		need_validity(c);
		pf_buf_zeros(&c->validity, (size_t)whole / 8);
		pf_buf_zeros(&c->values, (size_t)whole * width);
		c->nulls += whole;
		c->rows += whole;
	}
	for (n -= whole; n > 0; n--)
		pf_col_null(c);
}

void pf_col_bool(struct pf_colbuf *c, bool value)
{
	push_bit(&c->values, c->rows, value);
	pf_col_valid(c);
}

void pf_col_bytes_slow(struct pf_colbuf *c, const void *data, size_t len)
{
	pf_buf_add(&c->values, data, len);
	push_offset(c);
	pf_col_valid(c);
}

void pf_col_strings(struct pf_colbuf *c, const struct pf_view *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pf_buf_add(&c->values, items[i].data, items[i].len);
		int32_t end = (int32_t)c->values.len;
		pf_buf_add(&c->child_offsets, &end, sizeof end);
	}
	push_offset(c);
	pf_col_valid(c);
}

void pf_col_int(struct pf_colbuf *c, int64_t value)
{
	switch (c->kind) {
	case PF_BOOLEAN:
		pf_col_bool(c, value != 0);
		break;
	case PF_TINYINT:
		pf_col_i8(c, (int8_t)value);
		break;
	case PF_SMALLINT:
		pf_col_i16(c, (int16_t)value);
		break;
	case PF_INT:
	case PF_DATE:
	case PF_TIME:
		pf_col_i32(c, (int32_t)value);
		break;
	default:
		pf_col_i64(c, value);
		break;
	}
}

/* Nothing null: bits are only needed when there are some already. */
static bool all_valid(struct pf_colbuf *c, const struct pf_column *src, int64_t n)
{
	if (src->validity && src->nulls)
		return false;
	if (c->validity.len)
		push_bits(&c->validity, c->rows, NULL, 0, n);
	return true;
}

void pf_col_fill_slow(struct pf_colbuf *c, size_t n)
{
	push_bits(&c->validity, c->rows, NULL, 0, (int64_t)n);
}

void pf_col_append_validity(struct pf_colbuf *c, const struct pf_column *src,
			    int64_t from, int64_t n)
{
	if (all_valid(c, src, n))
		return;
	need_validity(c);
	push_bits(&c->validity, c->rows, src->validity, from, n);
	for (int64_t i = 0; i < n; i++)
		c->nulls += !pf_bit(src->validity, from + i);
}

static void gather_validity(struct pf_colbuf *c, const struct pf_column *src,
			    const uint32_t *rows, size_t n)
{
	if (all_valid(c, src, (int64_t)n))
		return;
	need_validity(c);
	size_t i = 0;
	for (; i < n && (c->rows + (int64_t)i) & 7; i++) {
		bool valid = pf_bit(src->validity, rows[i]);
		push_bit(&c->validity, c->rows + (int64_t)i, valid);
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
		push_bit(&c->validity, c->rows + (int64_t)i, valid);
		c->nulls += !valid;
	}
}

static void append_strings(struct pf_colbuf *c, const struct pf_column *src,
			   int64_t row)
{
	for (int32_t k = src->offsets[row]; k < src->offsets[row + 1]; k++) {
		struct pf_view v = pf_bytes_at(src->child, k);
		pf_buf_add(&c->values, v.data, v.len);
		int32_t end = (int32_t)c->values.len;
		pf_buf_add(&c->child_offsets, &end, sizeof end);
	}
	push_offset(c);
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
		push_bits(&c->values, c->rows, src->values, from, n);
	} else if (c->kind == PF_STRINGS) {
		for (int64_t i = 0; i < n; i++)
			append_strings(c, src, from + i);
	} else if (c->kind == PF_LARGE_BYTES) {
		for (int64_t i = 0; i < n; i++) {
			struct pf_view v = pf_bytes_at(src, from + i);
			pf_buf_add(&c->values, v.data, v.len);
			push_offset(c);
		}
	} else {
		int32_t base = src->offsets[from];
		size_t start = c->values.len;
		pf_buf_add(&c->values, (const uint8_t *)src->values + base,
			   (size_t)(src->offsets[from + n] - base));
		if (c->values.len > INT32_MAX)
			(void)pf_mul(SIZE_MAX, 2);
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
	if (end > INT32_MAX)
		(void)pf_mul(SIZE_MAX, 2);
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
		push_bits(&c->validity, c->rows, NULL, 0, (int64_t)n);
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
		if (c->values.len > INT32_MAX)
			(void)pf_mul(SIZE_MAX, 2);
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
				push_bit(&c->values, c->rows + (int64_t)i,
					 pf_bit(src->values, rows[i]));
		} else if (c->kind == PF_STRINGS) {
			for (size_t i = 0; i < n; i++)
				append_strings(c, src, rows[i]);
		} else if (c->kind == PF_LARGE_BYTES) {
			for (size_t i = 0; i < n; i++) {
				struct pf_view v = pf_bytes_at(src, rows[i]);
				pf_buf_add(&c->values, v.data, v.len);
				push_offset(c);
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

void pf_col_truncate(struct pf_colbuf *c, int64_t rows)
{
	if (c->rows <= rows)
		return;
	size_t n = (size_t)rows, bits = (n + 7) / 8;
	uint8_t last = (uint8_t)((1u << (n & 7)) - 1);
	if (c->validity.len) {
		c->validity.len = bits;
		if (n & 7)
			c->validity.data[bits - 1] &= last;
		c->nulls = pf_count_nulls(c->validity.data, rows);
	}
	if (c->kind == PF_BOOLEAN) {
		c->values.len = bits;
		if (n & 7)
			c->values.data[bits - 1] &= last;
	} else if (c->kind == PF_STRINGS) {
		int32_t kept, end;
		memcpy(&kept, c->offsets.data + 4 * n, sizeof kept);
		c->offsets.len = 4 * (n + 1);
		c->child_offsets.len = 4 * ((size_t)kept + 1);
		memcpy(&end, c->child_offsets.data + 4 * (size_t)kept, sizeof end);
		c->values.len = (size_t)end;
	} else if (c->kind == PF_LARGE_BYTES) {
		int64_t end;
		memcpy(&end, c->offsets.data + 8 * n, sizeof end);
		c->offsets.len = 8 * (n + 1);
		c->values.len = (size_t)end;
	} else if (pf_kind_is_variable(c->kind)) {
		int32_t end;
		memcpy(&end, c->offsets.data + 4 * n, sizeof end);
		c->offsets.len = 4 * (n + 1);
		c->values.len = (size_t)end;
	} else {
		c->values.len = n * pf_kind_width(c->kind);
	}
	c->rows = rows;
}

void pf_builder_truncate(struct pf_builder *b, int64_t rows)
{
	for (size_t i = 0; i < b->schema->n; i++)
		pf_col_truncate(&b->columns[i], rows);
}
