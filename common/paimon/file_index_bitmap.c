/* SPDX-License-Identifier: Apache-2.0
 *
 * bitmap: the rows of every value, as roaring bitmaps. Offsets count from the
 * body; a value of one row has -1 - row for an offset and no bitmap.
 *
 *   v2: byte 2; int rows; int values; byte hasNull; [int offset, length];
 *       int blocks; per block: first value, int offset; int bytes of blocks;
 *       blocks: int n, n x (value, int offset, int length); body
 *   v1: byte 1; int rows; int values; byte hasNull; [int offset];
 *       per value: value, int offset; body
 */
#include <stdlib.h>

#include "base/arena.h"
#include "ext/hash.h"
#include "paimon/file_index_parts.h"
#include "paimon/roaring.h"

enum {
	BLOCK_BYTES = 16 << 10,   /* a block of values, its count included */
	SINGLE_ROW_BYTES = 18,    /* what a bitmap of one row would take */
	NO_VALUE = -1,            /* id of null */
};

bool pf_index_bitmap_takes(enum pf_kind kind)
{
	return kind == PF_BOOLEAN || pf_kind_is_integer(kind) ||
	       pf_kind_is_timestamp(kind) || kind == PF_DATE || kind == PF_TIME ||
	       kind == PF_FLOAT || kind == PF_DOUBLE || kind == PF_STRING;
}

/* Bytes of a value; 0 for strings. */
static size_t value_width(enum pf_kind kind)
{
	return kind == PF_BOOLEAN ? 1 : pf_kind_width(kind);
}

/* --- collecting --- */

/* A distinct value: its bits, or its text in the arena. */
struct value {
	uint64_t bits;
	struct pf_view text;
};

struct pf_index_bitmap {
	struct pf_type type;
	struct pf_buf row_ids;  /* int32 per row: which value, NO_VALUE */
	struct value *values;
	uint32_t n;
	size_t room;
	uint32_t *slots;        /* id + 1; 0: free */
	size_t capacity;
	struct pf_arena arena;
};

struct pf_index_bitmap *pf_index_bitmap_new(struct pf_type type)
{
	struct pf_index_bitmap *b = pf_zalloc(1, sizeof *b);
	b->type = type;
	return b;
}

static void release(struct pf_index_bitmap *b)
{
	pf_buf_free(&b->row_ids);
	free(b->values);
	free(b->slots);
	pf_arena_free(&b->arena);
}

void pf_index_bitmap_free(struct pf_index_bitmap *b)
{
	if (b) {
		release(b);
		free(b);
	}
}

static uint64_t hash_of(enum pf_kind kind, const struct value *v)
{
	return kind == PF_STRING ? pf_xxh3(v->text.data, v->text.len)
				 : pf_index_hash_int((int64_t)v->bits);
}

static size_t home(uint64_t hash, size_t capacity)
{
	return (size_t)(hash ^ hash >> 32) & (capacity - 1);
}

static void grow(struct pf_index_bitmap *b)
{
	b->capacity = b->capacity ? pf_mul(b->capacity, 2) : 256;
	free(b->slots);
	b->slots = pf_zalloc(b->capacity, sizeof *b->slots);
	for (uint32_t id = 0; id < b->n; id++) {
		size_t i = home(hash_of(b->type.kind, &b->values[id]), b->capacity);
		while (b->slots[i])
			i = (i + 1) & (b->capacity - 1);
		b->slots[i] = id + 1;
	}
}

static bool same(const struct value *a, const struct value *b)
{
	return a->bits == b->bits && !pf_view_cmp(a->text, b->text);
}

static int32_t value_id(struct pf_index_bitmap *b, struct value v)
{
	if (b->n >= b->capacity / 2)
		grow(b);
	size_t i = home(hash_of(b->type.kind, &v), b->capacity);
	for (; b->slots[i]; i = (i + 1) & (b->capacity - 1))
		if (same(&b->values[b->slots[i] - 1], &v))
			return (int32_t)(b->slots[i] - 1);
	if (b->n == b->room) {
		b->room = pf_grow(b->room, b->n + 1);
		b->values = pf_realloc(b->values, b->room, sizeof *b->values);
	}
	if (v.text.len)
		v.text = pf_arena_copy(&b->arena, v.text.data, v.text.len);
	b->values[b->n] = v;
	b->slots[i] = ++b->n;
	return (int32_t)(b->n - 1);
}

static struct value value_at(enum pf_kind kind, const struct pf_column *c, int64_t r)
{
	struct value v = { 0 };
	if (kind == PF_STRING)
		v.text = pf_bytes_at(c, r);
	else if (kind == PF_FLOAT)
		v.bits = pf_index_float_bits(kind, (double)((const float *)c->values)[r]);
	else if (kind == PF_DOUBLE)
		v.bits = pf_index_float_bits(kind, ((const double *)c->values)[r]);
	else
		v.bits = (uint64_t)pf_int_at(c, kind, r);
	return v;
}

void pf_index_bitmap_add(struct pf_index_bitmap *b, const struct pf_column *c,
			 int64_t rows)
{
	enum pf_kind kind = b->type.kind;
	int32_t *ids = (int32_t *)(void *)
		pf_buf_room(&b->row_ids, pf_mul((size_t)rows, sizeof *ids));
	int32_t last_id = NO_VALUE;
	struct value last = { 0 };
	for (int64_t r = 0; r < rows; r++) {
		ids[r] = NO_VALUE;
		if (pf_is_null(c, r))
			continue;
		/* Equal values often stand together. */
		struct value v = value_at(kind, c, r);
		if (last_id == NO_VALUE || !same(&last, &v)) {
			last_id = value_id(b, v);
			last = v;
		}
		ids[r] = last_id;
	}
	b->row_ids.len += (size_t)rows * sizeof *ids;
}

/* --- the body --- */

/* Java's order: of Integer, Float.compare, unsigned bytes. */
static int64_t order_of(enum pf_kind kind, uint64_t bits)
{
	if (kind == PF_FLOAT) {
		int32_t i = (int32_t)(uint32_t)bits;
		return i < 0 ? i ^ INT32_MAX : i;
	}
	if (kind == PF_DOUBLE) {
		int64_t i = (int64_t)bits;
		return i < 0 ? i ^ INT64_MAX : i;
	}
	return (int64_t)bits;
}

static int compare(const void *pa, const void *pb, void *ctx)
{
	const struct pf_index_bitmap *b = ctx;
	const struct value *x = &b->values[*(const uint32_t *)pa];
	const struct value *y = &b->values[*(const uint32_t *)pb];
	if (b->type.kind == PF_STRING)
		return pf_view_cmp(x->text, y->text);
	int64_t i = order_of(b->type.kind, x->bits);
	int64_t j = order_of(b->type.kind, y->bits);
	return (i > j) - (i < j);
}

static size_t value_bytes(enum pf_kind kind, const struct value *v)
{
	return kind == PF_STRING ? 4 + v->text.len : value_width(kind);
}

static void put_value(struct pf_buf *out, enum pf_kind kind, const struct value *v)
{
	if (kind == PF_STRING) {
		pf_put_be(out, v->text.len, 4);
		pf_buf_add(out, v->text.data, v->text.len);
	} else {
		pf_put_be(out, v->bits, value_width(kind));
	}
}

/* The rows of every value: those of value i are rows[first[i]] and up to
 * first[i + 1]; nulls come last, as value n. */
struct lists {
	uint32_t *first, *rows;
};

static struct lists row_lists(const struct pf_index_bitmap *b)
{
	const int32_t *ids = (const int32_t *)(const void *)b->row_ids.data;
	size_t rows = b->row_ids.len / sizeof *ids;
	struct lists l = {
		.first = pf_zalloc((size_t)b->n + 3, sizeof *l.first),
		.rows = pf_alloc(rows, sizeof *l.rows),
	};
	/* Counted two places up, filled one place up, so that first[i] is the
	 * beginning when all is filled in. */
	for (size_t r = 0; r < rows; r++)
		l.first[(ids[r] == NO_VALUE ? b->n : (uint32_t)ids[r]) + 2]++;
	for (size_t i = 2; i < (size_t)b->n + 3; i++)
		l.first[i] += l.first[i - 1];
	for (size_t r = 0; r < rows; r++)
		l.rows[l.first[(ids[r] == NO_VALUE ? b->n : (uint32_t)ids[r]) + 1]++] =
			(uint32_t)r;
	return l;
}

/* Write the rows of value i; returns its offset, and its length. */
static int64_t put_rows(struct pf_buf *body, const struct lists *l, uint32_t i,
			int64_t *length)
{
	const uint32_t *rows = l->rows + l->first[i];
	size_t n = l->first[i + 1] - l->first[i];
	*length = -1;
	if (n == 1)
		return -1 - (int64_t)rows[0];
	size_t at = body->len;
	pf_roaring_write(body, rows, n);
	*length = (int64_t)(body->len - at);
	return (int64_t)at;
}

void pf_index_bitmap_finish(struct pf_index_bitmap *b, struct pf_buf *out)
{
	enum pf_kind kind = b->type.kind;
	struct lists l = row_lists(b);
	uint32_t nulls = l.first[b->n + 1] - l.first[b->n];
	struct pf_buf body = { 0 }, heads = { 0 }, blocks = { 0 };
	int64_t length, offset;

	pf_buf_byte(out, 2);
	pf_put_be(out, b->row_ids.len / sizeof(int32_t), 4);
	pf_put_be(out, b->n, 4);
	pf_buf_byte(out, nulls > 0);
	if (nulls) {
		offset = put_rows(&body, &l, b->n, &length);
		pf_put_be(out, (uint64_t)offset, 4);
		pf_put_be(out, (uint64_t)(nulls == 1 ? SINGLE_ROW_BYTES : length), 4);
	}

	uint32_t *order = pf_alloc(b->n, sizeof *order);
	for (uint32_t i = 0; i < b->n; i++)
		order[i] = i;
	qsort_r(order, b->n, sizeof *order, compare, b);

	uint32_t nblocks = 0, in_block = 0;
	size_t start = 0;
	for (uint32_t i = 0; i < b->n; i++) {
		const struct value *v = &b->values[order[i]];
		size_t need = 8 + value_bytes(kind, v);
		if (!nblocks || blocks.len - start + need > BLOCK_BYTES) {
			start = blocks.len;
			in_block = 0;
			nblocks++;
			put_value(&heads, kind, v);
			pf_put_be(&heads, start, 4);
			pf_buf_zeros(&blocks, 4);
		}
		in_block++;
		for (int byte = 0; byte < 4; byte++)
			blocks.data[start + (size_t)byte] =
				(uint8_t)(in_block >> (24 - 8 * byte));
		offset = put_rows(&body, &l, order[i], &length);
		put_value(&blocks, kind, v);
		pf_put_be(&blocks, (uint64_t)offset, 4);
		pf_put_be(&blocks, (uint64_t)length, 4);
	}

	pf_put_be(out, nblocks, 4);
	pf_buf_add(out, heads.data, heads.len);
	pf_put_be(out, blocks.len, 4);
	pf_buf_add(out, blocks.data, blocks.len);
	pf_buf_add(out, body.data, body.len);

	free(order);
	free(l.first);
	free(l.rows);
	pf_buf_free(&body);
	pf_buf_free(&heads);
	pf_buf_free(&blocks);
	release(b);
	*b = (struct pf_index_bitmap){ .type = b->type };
}

/* --- asking --- */

/* One question to one body. */
struct question {
	struct pf_view body;
	struct pf_type type;
	int64_t rows;
	const struct pf_range *range;
	uint8_t *bits; /* or NULL */
	bool any;
};

static bool take_value(struct pf_view *from, struct pf_type type,
		       struct pf_datum *out)
{
	uint64_t bits = 0;
	int32_t len;
	*out = (struct pf_datum){ .type = type };
	if (type.kind == PF_STRING)
		return pf_take_i32(from, &len) && len >= 0 &&
		       pf_take(from, (size_t)len, &out->bytes);
	size_t width = value_width(type.kind);
	if (!pf_take_be(from, width, &bits))
		return false;
	if (type.kind == PF_FLOAT) {
		uint32_t low = (uint32_t)bits;
		float f;
		memcpy(&f, &low, sizeof f);
		out->d = (double)f;
	} else if (type.kind == PF_DOUBLE) {
		memcpy(&out->d, &bits, sizeof out->d);
	} else {
		size_t unused = 64 - 8 * width;
		out->i = (int64_t)(bits << unused) >> unused;
	}
	return true;
}

/* The rows of a value, or of null, match. */
static bool add_rows(struct question *q, int32_t offset)
{
	struct pf_view from = q->body;
	if (offset < 0) {
		int64_t row = -1 - (int64_t)offset;
		if (row >= q->rows)
			return false;
		if (q->bits)
			pf_bit_set(q->bits, row);
	} else {
		if ((size_t)offset >= from.len)
			return false;
		from.data += offset;
		from.len -= (size_t)offset;
		if (q->bits && pf_roaring_read(from, (uint64_t)q->rows, q->bits,
					       NULL, NULL))
			return false;
	}
	q->any = true;
	return true;
}

static bool ask_value(struct question *q, const struct pf_datum *value,
		      int32_t offset)
{
	return !q->range->values || !pf_range_has(q->range, value) ||
	       add_rows(q, offset);
}

/* Nobody needs more when one match is all that matters. */
static bool settled(const struct question *q)
{
	return q->any && !q->bits;
}

static bool ask_v1(struct question *q, struct pf_view from, int32_t values,
		   bool has_null, int32_t null_offset)
{
	struct pf_view scan = from;
	struct pf_datum value;
	int32_t offset;
	/* The body begins behind the last value. */
	for (int32_t i = 0; i < values; i++)
		if (!take_value(&scan, q->type, &value) || !pf_take_i32(&scan, &offset))
			return false;
	q->body = scan;
	if (has_null && q->range->nulls && !add_rows(q, null_offset))
		return false;
	for (int32_t i = 0; i < values && !settled(q); i++)
		if (!take_value(&from, q->type, &value) ||
		    !pf_take_i32(&from, &offset) || !ask_value(q, &value, offset))
			return false;
	return true;
}

static bool ask_block(struct question *q, struct pf_view block)
{
	struct pf_datum value;
	int32_t n, offset, length;
	if (!pf_take_i32(&block, &n) || n < 0)
		return false;
	for (int32_t i = 0; i < n && !settled(q); i++)
		if (!take_value(&block, q->type, &value) ||
		    !pf_take_i32(&block, &offset) ||
		    !pf_take_i32(&block, &length) || !ask_value(q, &value, offset))
			return false;
	return true;
}

/* May a block whose values begin at first, and end before next (NULL: the
 * last one), hold a match? */
static bool block_matters(const struct question *q, const struct pf_datum *first,
			  const struct pf_datum *next)
{
	/* Bounds leave NaN out, blocks of floats do not. */
	if (q->type.kind == PF_FLOAT || q->type.kind == PF_DOUBLE)
		return true;
	return pf_range_may_match(q->range, first, next, 0, -1);
}

static bool ask_v2(struct question *q, struct pf_view from, int32_t values,
		   bool has_null, int32_t null_offset)
{
	int32_t nblocks, offset, next_offset = 0, bytes;
	struct pf_datum first, next;
	struct pf_view heads, scan, blocks;
	if (!pf_take_i32(&from, &nblocks) || nblocks < 0 || nblocks > values)
		return false;
	heads = scan = from;
	for (int32_t i = 0; i < nblocks; i++)
		if (!take_value(&scan, q->type, &first) || !pf_take_i32(&scan, &offset))
			return false;
	if (!pf_take_i32(&scan, &bytes) || bytes < 0 ||
	    !pf_take(&scan, (size_t)bytes, &blocks))
		return false;
	q->body = scan;
	if (has_null && q->range->nulls && !add_rows(q, null_offset))
		return false;
	if (!nblocks || !q->range->values)
		return true;

	take_value(&heads, q->type, &next);
	pf_take_i32(&heads, &next_offset);
	for (int32_t i = 0; i < nblocks && !settled(q); i++) {
		bool last = i == nblocks - 1;
		first = next;
		offset = next_offset;
		if (offset < 0 || offset > bytes)
			return false;
		if (!last) {
			take_value(&heads, q->type, &next);
			pf_take_i32(&heads, &next_offset);
		}
		if (block_matters(q, &first, last ? NULL : &next) &&
		    !ask_block(q, pf_view_of(blocks.data + offset,
					     (size_t)(bytes - offset))))
			return false;
	}
	return true;
}

bool pf_index_bitmap_rows(struct pf_view body, struct pf_type type, int64_t rows,
			  const struct pf_range *range, uint8_t *bits, bool *any)
{
	struct question q = { .type = type, .rows = rows, .range = range, .bits = bits };
	uint64_t version = 0, has_null = 0;
	int32_t said_rows, values, null_offset = 0, null_length;
	if (!pf_index_bitmap_takes(type.kind) || !pf_take_be(&body, 1, &version) ||
	    version < 1 || version > 2 || !pf_take_i32(&body, &said_rows) ||
	    said_rows != rows || !pf_take_i32(&body, &values) || values < 0 ||
	    values > rows || !pf_take_be(&body, 1, &has_null) || has_null > 1)
		return false;
	if (has_null && !pf_take_i32(&body, &null_offset))
		return false;
	if (has_null && version == 2 && !pf_take_i32(&body, &null_length))
		return false;
	bool ok = version == 1
			  ? ask_v1(&q, body, values, has_null, null_offset)
			  : ask_v2(&q, body, values, has_null, null_offset);
	*any = q.any;
	return ok;
}
