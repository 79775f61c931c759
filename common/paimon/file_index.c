/* SPDX-License-Identifier: Apache-2.0
 *
 * The container, big-endian: int64 magic; int32 version; int32 length of the
 * head; int32 columns; per column: name, int32 indexes, per index: type,
 * int32 start, int32 length; int32 0; bodies. Names are Java's modified
 * UTF-8 with a uint16 length.
 */
#include "paimon/file_index.h"

#include <math.h>
#include <stdlib.h>

#include "paimon/file_index_parts.h"

enum {
	FIXED_BYTES = 16,    /* magic, version, length of the head */
	FIRST_READ = 4096,   /* holds most heads */
	HEAD_MAX = 1 << 20,
	BODY_MAX = 64 << 20, /* of an index that is read for one question */
};

static const char *const kind_names[] = {
	[PF_FILE_INDEX_BLOOM] = "bloom-filter",
	[PF_FILE_INDEX_BITMAP] = "bitmap",
};

enum { KINDS = sizeof kind_names / sizeof *kind_names };

const char *pf_file_index_kind_name(enum pf_file_index_kind kind)
{
	return kind_names[kind];
}

bool pf_file_index_kind_parse(const char *name, enum pf_file_index_kind *kind)
{
	for (int i = 0; i < KINDS; i++)
		if (!strcmp(name, kind_names[i])) {
			*kind = (enum pf_file_index_kind)i;
			return true;
		}
	return false;
}

bool pf_file_index_takes(enum pf_file_index_kind kind, struct pf_type type)
{
	return kind == PF_FILE_INDEX_BLOOM ? pf_index_bloom_takes(type.kind)
					   : pf_index_bitmap_takes(type.kind);
}

/* --- values --- */

uint64_t pf_index_float_bits(enum pf_kind kind, double d)
{
	uint64_t bits;
	if (kind == PF_FLOAT) {
		float f = (float)d;
		uint32_t low;
		memcpy(&low, &f, sizeof low);
		return isnan(d) ? 0x7fc00000 : low;
	}
	memcpy(&bits, &d, sizeof bits);
	return isnan(d) ? 0x7ff8000000000000 : bits;
}

bool pf_index_points(const struct pf_range *range, const struct pf_datum **points,
		     size_t *n)
{
	if (range->has_set) {
		*points = range->set;
		*n = range->nset;
		return true;
	}
	*points = &range->min;
	*n = 1;
	return range->has_min && range->has_max && !range->min_open &&
	       !range->max_open && pf_datum_comparable(range->min.type, range->max.type) &&
	       pf_datum_cmp(&range->min, &range->max) == 0;
}

/* --- names --- */

/* Modified UTF-8: NUL takes two bytes, and a character beyond the basic plane
 * is a pair of surrogates of three bytes each. */
void pf_index_put_name(struct pf_buf *out, const char *name)
{
	size_t at = out->len, len = strlen(name);
	pf_buf_zeros(out, 2);
	for (size_t i = 0; i < len;) {
		const uint8_t *p = (const uint8_t *)name + i;
		if (p[0] < 0xf0 || len - i < 4) {
			pf_buf_byte(out, p[0]);
			i++;
			continue;
		}
		uint32_t c = (p[0] & 7u) << 18 | (p[1] & 63u) << 12 |
			     (p[2] & 63u) << 6 | (p[3] & 63u);
		uint32_t pair[2] = { 0xd800 + ((c - 0x10000) >> 10),
				     0xdc00 + ((c - 0x10000) & 0x3ff) };
		for (int k = 0; k < 2; k++) {
			pf_buf_byte(out, (uint8_t)(0xe0 | (pair[k] >> 12 & 15)));
			pf_buf_byte(out, (uint8_t)(0x80 | (pair[k] >> 6 & 63)));
			pf_buf_byte(out, (uint8_t)(0x80 | (pair[k] & 63)));
		}
		i += 4;
	}
	size_t n = out->len - at - 2;
	out->data[at] = (uint8_t)(n >> 8);
	out->data[at + 1] = (uint8_t)n;
}

static bool take_name(struct pf_view *from, struct pf_view *name)
{
	uint64_t len = 0;
	return pf_take_be(from, 2, &len) && pf_take(from, (size_t)len, name);
}

/* --- reading --- */

static int malformed(struct pf_error *err, const char *what)
{
	return pf_fail(err, PF_E_CORRUPT, "malformed file index: %s", what);
}

static int read_entry(struct pf_file_index *index, struct pf_view column,
		      struct pf_view *from, uint64_t size, uint64_t *left,
		      struct pf_error *err)
{
	struct pf_view type;
	int32_t start, length;
	if (!take_name(from, &type) || !pf_take_i32(from, &start) ||
	    !pf_take_i32(from, &length))
		return malformed(err, "the head ends early");
	if (start == -1) /* an index of nothing */
		return 0;
	if (start < 0 || length < 0 || (uint64_t)start > size ||
	    (uint64_t)length > size - (uint64_t)start)
		return malformed(err, "an index lies outside");
	if ((uint64_t)length > *left)
		return malformed(err, "its indexes overlap");
	*left -= (uint64_t)length;
	index->entries = pf_realloc(index->entries, index->n + 1, sizeof *index->entries);
	index->entries[index->n++] = (struct pf_index_part){
		.column = column, .type = type, .start = (uint64_t)start,
		.body = pf_view_of(NULL, (size_t)length),
	};
	return 0;
}

/* The length of the head. */
static int check_magic(struct pf_view bytes, uint64_t size, size_t *head,
		       struct pf_error *err)
{
	uint64_t said = 0;
	int32_t version, length;
	if (!pf_take_be(&bytes, 8, &said) || said != PF_INDEX_MAGIC)
		return malformed(err, "wrong magic number");
	if (!pf_take_i32(&bytes, &version) || version != PF_INDEX_VERSION)
		return malformed(err, "unknown version");
	if (!pf_take_i32(&bytes, &length) || length < FIXED_BYTES + 4 ||
	    length > HEAD_MAX || (uint64_t)length > size)
		return malformed(err, "wrong length of the head");
	*head = (size_t)length;
	return 0;
}

/* What follows the fixed part, in a container of size bytes. */
static int read_head(struct pf_file_index *index, struct pf_view from, uint64_t size,
		     struct pf_error *err)
{
	struct pf_view column;
	int32_t columns, indexes;
	uint64_t left = size; /* for bodies */
	if (!pf_take_i32(&from, &columns))
		return malformed(err, "the head ends early");
	for (int32_t c = 0; c < columns; c++) {
		if (!take_name(&from, &column) || !pf_take_i32(&from, &indexes))
			return malformed(err, "the head ends early");
		for (int32_t i = 0; i < indexes; i++)
			PF_TRY(read_entry(index, column, &from, size, &left, err));
	}
	return 0;
}

static struct pf_file_index *index_new(int64_t rows)
{
	struct pf_file_index *index = pf_zalloc(1, sizeof *index);
	index->rows = rows;
	return index;
}

/* Hand over, or not. */
static int opened(struct pf_file_index *x, int code, struct pf_file_index **index)
{
	*index = x;
	if (code) {
		pf_file_index_free(x);
		*index = NULL;
	}
	return code;
}

int pf_file_index_open(struct pf_view bytes, int64_t rows,
		       struct pf_file_index **index, struct pf_error *err)
{
	struct pf_file_index *x = index_new(rows);
	size_t head;
	int code = check_magic(bytes, bytes.len, &head, err);
	if (!code)
		code = read_head(x, pf_view_of(bytes.data + FIXED_BYTES,
					       head - FIXED_BYTES), bytes.len, err);
	for (size_t i = 0; i < x->n; i++)
		x->entries[i].body.data = bytes.data + x->entries[i].start;
	return opened(x, code, index);
}

static int read_source_head(struct pf_file_index *x, struct pf_error *err)
{
	const struct pf_random_source *s = x->source;
	size_t have = s->size < FIRST_READ ? (size_t)s->size : FIRST_READ, head;
	PF_TRY(s->pread(s->ctx, pf_buf_room(&x->head, have), have, 0, err));
	x->head.len = have;
	PF_TRY(check_magic(pf_view_of(x->head.data, have), s->size, &head, err));
	if (head > have) {
		PF_TRY(s->pread(s->ctx, pf_buf_room(&x->head, head - have), head - have,
				have, err));
		x->head.len = head;
	}
	return read_head(x, pf_view_of(x->head.data + FIXED_BYTES, head - FIXED_BYTES),
			 s->size, err);
}

int pf_file_index_open_source(const struct pf_random_source *source, int64_t rows,
			      struct pf_file_index **index, struct pf_error *err)
{
	struct pf_file_index *x = index_new(rows);
	x->source = source;
	return opened(x, read_source_head(x, err), index);
}

void pf_file_index_free(struct pf_file_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->n; i++)
		free(index->entries[i].owned);
	free(index->entries);
	pf_buf_free(&index->head);
	free(index);
}

/* Have the body in memory; false when it cannot be had. */
static bool load(const struct pf_file_index *index, struct pf_index_part *e)
{
	if (e->body.data || !e->body.len)
		return e->body.len > 0;
	if (e->body.len > BODY_MAX)
		return false;
	const struct pf_random_source *s = index->source;
	uint8_t *body = pf_alloc(e->body.len, 1);
	if (s->pread(s->ctx, body, e->body.len, e->start, NULL)) {
		free(body);
		e->body.len = 0; /* not again */
		return false;
	}
	e->owned = body;
	e->body.data = body;
	return true;
}

/* Is it such an index of the column, and can it be asked? */
static bool usable(const struct pf_file_index *index, struct pf_index_part *e,
		   struct pf_view column, enum pf_file_index_kind kind)
{
	return pf_index_part_is(e, column, kind) && load(index, e);
}

bool pf_index_part_is(const struct pf_index_part *e, struct pf_view column,
		       enum pf_file_index_kind kind)
{
	return !pf_view_cmp(e->column, column) &&
	       !pf_view_cmp(e->type, pf_view_str(kind_names[kind]));
}

static struct pf_view encoded_name(struct pf_buf *out, const char *column)
{
	pf_index_put_name(out, column);
	return pf_view_of(out->data + 2, out->len - 2);
}

bool pf_file_index_has(const struct pf_file_index *index, const char *column,
		       enum pf_file_index_kind kind)
{
	struct pf_buf buf = { 0 };
	bool found = false;
	if (!index)
		return false;
	struct pf_view name = encoded_name(&buf, column);
	for (size_t i = 0; !found && i < index->n; i++)
		found = pf_index_part_is(&index->entries[i], name, kind);
	pf_buf_free(&buf);
	return found;
}

bool pf_file_index_may_match(struct pf_file_index *index, const char *column,
			     struct pf_type type, const struct pf_range *range)
{
	struct pf_buf buf = { 0 };
	bool may = true, any;
	if (!index || !index->n)
		return true;
	struct pf_view name = encoded_name(&buf, column);
	for (size_t i = 0; may && i < index->n; i++) {
		struct pf_index_part *e = &index->entries[i];
		if (usable(index, e, name, PF_FILE_INDEX_BLOOM))
			may = pf_index_bloom_may_match(e->body, type, range);
		else if (usable(index, e, name, PF_FILE_INDEX_BITMAP))
			may = !pf_index_bitmap_rows(e->body, type, index->rows,
						    range, NULL, &any) || any;
	}
	pf_buf_free(&buf);
	return may;
}

bool pf_file_index_rows(struct pf_file_index *index, const char *column,
			struct pf_type type, const struct pf_range *range,
			uint8_t *bits)
{
	struct pf_buf buf = { 0 };
	bool known = false, any;
	if (!index || !index->n || index->rows < 0)
		return false;
	size_t bytes = ((size_t)index->rows + 7) / 8;
	struct pf_view name = encoded_name(&buf, column);
	for (size_t i = 0; !known && i < index->n; i++) {
		struct pf_index_part *e = &index->entries[i];
		if (!usable(index, e, name, PF_FILE_INDEX_BITMAP))
			continue;
		uint8_t *rows = pf_zalloc(bytes, 1);
		known = pf_index_bitmap_rows(e->body, type, index->rows, range,
					     rows, &any);
		for (size_t k = 0; known && k < bytes; k++)
			bits[k] &= rows[k];
		free(rows);
	}
	pf_buf_free(&buf);
	return known;
}
