/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns that grow value by value.
 */
#include "arrow/builder_impl.h"

#include <stdlib.h>

#include "base/alloc.h"

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

/* --- bits and offsets --- */

void pf_col_valid_slow(struct pf_colbuf *c)
{
	pf_colbuf_push_bit(&c->validity, c->rows, true);
}

void pf_colbuf_need_validity(struct pf_colbuf *c)
{
	if (c->validity.len || !c->rows)
		return;
	size_t bytes = (size_t)(c->rows + 7) / 8;
	memset(pf_buf_room(&c->validity, bytes), 0xff, bytes);
	c->validity.len = bytes;
	if (c->rows & 7)
		c->validity.data[bytes - 1] = (uint8_t)((1u << (c->rows & 7)) - 1);
}

void pf_colbuf_push_bits(struct pf_buf *bits, int64_t at, const uint8_t *src,
			 int64_t from, int64_t n)
{
	int64_t i = 0;
	for (; i < n && (at + i) & 7; i++)
		pf_colbuf_push_bit(bits, at + i, !src || pf_bit(src, from + i));
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
		pf_colbuf_push_bit(bits, at + i, !src || pf_bit(src, from + i));
}

void pf_colbuf_push_offset(struct pf_colbuf *c)
{
	if (c->kind == PF_LARGE_BYTES) {
		int64_t end = (int64_t)c->values.len;
		pf_buf_add(&c->offsets, &end, sizeof end);
	} else if (c->kind == PF_STRINGS) {
		int32_t end = pf_offset32(c->child_offsets.len / 4 - 1);
		pf_buf_add(&c->offsets, &end, sizeof end);
	} else {
		int32_t end = pf_offset32(c->values.len);
		pf_buf_add(&c->offsets, &end, sizeof end);
	}
}

/* --- values --- */

void pf_col_null(struct pf_colbuf *c)
{
	pf_colbuf_need_validity(c);
	pf_colbuf_push_bit(&c->validity, c->rows, false);
	c->nulls++;
	if (c->kind == PF_BOOLEAN)
		pf_colbuf_push_bit(&c->values, c->rows, false);
	else if (pf_kind_is_variable(c->kind))
		pf_colbuf_push_offset(c);
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
		pf_colbuf_need_validity(c);
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
	pf_colbuf_push_bit(&c->values, c->rows, value);
	pf_col_valid(c);
}

void pf_col_bytes_slow(struct pf_colbuf *c, const void *data, size_t len)
{
	pf_buf_add(&c->values, data, len);
	pf_colbuf_push_offset(c);
	pf_col_valid(c);
}

void pf_col_strings(struct pf_colbuf *c, const struct pf_view *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pf_buf_add(&c->values, items[i].data, items[i].len);
		int32_t end = pf_offset32(c->values.len);
		pf_buf_add(&c->child_offsets, &end, sizeof end);
	}
	pf_colbuf_push_offset(c);
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

void pf_col_fill_slow(struct pf_colbuf *c, size_t n)
{
	pf_colbuf_push_bits(&c->validity, c->rows, NULL, 0, (int64_t)n);
}

/* --- taking back --- */

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
