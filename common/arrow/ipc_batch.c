/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/ipc_batch.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/codec.h"

struct pf_array *pf_arrays_new(const struct pf_arrow_field *fields, size_t n)
{
	struct pf_array *arrays = pf_zalloc(n, sizeof *arrays);
	for (size_t i = 0; i < n; i++) {
		arrays[i].field = &fields[i];
		if (!fields[i].dictionary)
			arrays[i].children =
				pf_arrays_new(fields[i].children, fields[i].n);
	}
	return arrays;
}

void pf_arrays_free(struct pf_array *arrays, size_t n)
{
	for (size_t i = 0; arrays && i < n; i++) {
		struct pf_array *a = &arrays[i];
		if (a->children)
			pf_arrays_free(a->children, a->field->n);
		pf_dictionary_unref(a->dictionary);
		free(a->views);
	}
	free(arrays);
}

void pf_dictionary_unref(struct pf_dictionary *d)
{
	if (!d || --d->refs > 0)
		return;
	for (size_t i = 0; i < d->n; i++) {
		struct pf_dictionary_part *part = d->parts[i];
		if (--part->refs > 0)
			continue;
		if (part->values.children)
			pf_arrays_free(part->values.children, part->values.field->n);
		free(part->values.views);
		for (size_t k = 0; k < part->nbuffers; k++)
			pf_buf_free(&part->buffers[k]);
		free(part->buffers);
		free(part->memory);
		free(part);
	}
	free(d->parts);
	free(d);
}

const struct pf_dictionary_part *pf_dictionary_part(const struct pf_dictionary *d,
						    int64_t i)
{
	size_t low = 0, high = d->n;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (d->parts[mid]->from <= i)
			low = mid;
		else
			high = mid;
	}
	return d->parts[low];
}

/* --- taking buffers --- */

/* What an empty buffer points to, so that offset 0 can always be read. */
static const uint64_t nothing[8];

struct cursor {
	const struct pf_ipc_body *in;
	struct pf_fb_vector nodes, buffers, counts;
	uint32_t node, buffer, count;
	int codec; /* -1: none */
	size_t room;
};

int pf_array_odd(const struct pf_array *a, struct pf_error *err, const char *what)
{
	return pf_fail(err, PF_E_ARROW, "column '%s': %s", a->field->name, what);
}

/* Buffer number k decompressed. */
static int decompress(struct cursor *c, const struct pf_array *a, uint32_t k,
		      struct pf_view *v, struct pf_error *err)
{
	if (v->len < 8)
		return pf_array_odd(a, err, "a compressed buffer is too short");
	int64_t length = pf_fb_i64(v->data);
	v->data += 8;
	v->len -= 8;
	if (length == -1)
		return 0;
	if (length < 0)
		return pf_array_odd(a, err, "a compressed buffer has a negative length");
	if ((uint64_t)length > c->room)
		return pf_fail(err, PF_E_LIMIT,
			       "column '%s': a batch decompresses to more than %zu bytes",
			       a->field->name, c->in->limit);
	c->room -= (size_t)length;
	size_t *n = c->in->nbuffers;
	if (k >= *n) {
		*c->in->buffers = pf_realloc(*c->in->buffers, k + 1,
					     sizeof **c->in->buffers);
		memset(*c->in->buffers + *n, 0, (k + 1 - *n) * sizeof **c->in->buffers);
		*n = k + 1;
	}
	struct pf_buf *out = &(*c->in->buffers)[k];
	out->len = 0;
	uint8_t *to = pf_buf_room(out, (size_t)length);
	if (pf_decompress(NULL, c->codec == 0 ? PF_CODEC_LZ4_FRAME : PF_CODEC_ZSTD, v->data,
			  v->len, to, (size_t)length, err))
		return pf_context(err, "column '%s'", a->field->name);
	out->len = (size_t)length;
	*v = pf_view_of(to, out->len);
	return 0;
}

static int take_buffer(struct cursor *c, const struct pf_array *a, struct pf_view *v,
		       struct pf_error *err)
{
	uint32_t k = c->buffer++;
	if (k >= c->buffers.n)
		return pf_array_odd(a, err, "the message has too few buffers");
	int64_t offset = pf_fb_i64(c->buffers.items + 16 * (size_t)k);
	int64_t length = pf_fb_i64(c->buffers.items + 16 * (size_t)k + 8);
	if (offset < 0 || length < 0 || (uint64_t)offset > c->in->body.len ||
	    (uint64_t)length > c->in->body.len - (uint64_t)offset)
		return pf_array_odd(a, err, "a buffer lies outside the message");
	*v = pf_view_of(nothing, 0);
	if (!length)
		return 0;
	if (offset % 8)
		return pf_array_odd(a, err, "a buffer is not aligned");
	*v = pf_view_of(c->in->body.data + offset, (size_t)length);
	if (c->codec < 0)
		return 0;
	PF_TRY(decompress(c, a, k, v, err));
	if (!v->len)
		*v = pf_view_of(nothing, 0);
	return 0;
}

/* A buffer of at least count x bits bits. */
static int take_sized(struct cursor *c, const struct pf_array *a, int64_t count,
		      uint64_t bits, struct pf_view *v, struct pf_error *err)
{
	uint64_t need;
	PF_TRY(take_buffer(c, a, v, err));
	if (__builtin_mul_overflow((uint64_t)count, bits, &need) ||
	    need / 8 + (need % 8 != 0) > v->len)
		return pf_array_odd(a, err, "a buffer is too short for its rows");
	return 0;
}

static int take_validity(struct cursor *c, struct pf_array *a, struct pf_error *err)
{
	struct pf_view v;
	PF_TRY(take_buffer(c, a, &v, err));
	a->validity = NULL;
	if (!v.len) {
		return a->nulls && a->length ?
			       pf_array_odd(a, err, "values are null and no bitmap says which") :
			       0;
	}
	if (v.len < (uint64_t)a->length / 8 + (a->length % 8 != 0))
		return pf_array_odd(a, err, "the validity bitmap is too short");
	a->validity = v.data;
	return 0;
}

/* n + 1 offsets; a column without rows may leave them out. */
static int take_offsets(struct cursor *c, struct pf_array *a, bool large,
			struct pf_error *err)
{
	struct pf_view v;
	PF_TRY(take_buffer(c, a, &v, err));
	a->offsets = v.data;
	a->offsets_bytes = v.len;
	if (!v.len && !a->length)
		return 0;
	if ((uint64_t)a->length >= v.len / (large ? 8 : 4))
		return pf_array_odd(a, err, "there are too few offsets");
	return 0;
}

static int take_values(struct cursor *c, struct pf_array *a, uint64_t bits,
		       struct pf_error *err)
{
	struct pf_view v;
	PF_TRY(take_sized(c, a, a->length, bits, &v, err));
	a->values = v.data;
	a->values_bytes = v.len;
	return 0;
}

static int take_data(struct cursor *c, struct pf_array *a, bool large,
		     struct pf_error *err)
{
	PF_TRY(take_offsets(c, a, large, err));
	return take_values(c, a, 0, err);
}

static int take_views(struct cursor *c, struct pf_array *a, struct pf_error *err)
{
	PF_TRY(take_values(c, a, 128, err));
	if (c->count >= c->counts.n)
		return pf_array_odd(a, err, "the number of its data buffers is missing");
	int64_t n = pf_fb_i64(c->counts.items + 8 * (size_t)c->count++);
	if (n < 0 || (uint64_t)n > c->buffers.n - c->buffer)
		return pf_array_odd(a, err, "the message has too few buffers");
	a->nviews = (size_t)n;
	a->views = pf_realloc(a->views, a->nviews, sizeof *a->views);
	for (size_t i = 0; i < a->nviews; i++)
		PF_TRY(take_buffer(c, a, &a->views[i], err));
	return 0;
}

static int take_list_view(struct cursor *c, struct pf_array *a, bool large,
			  struct pf_error *err)
{
	struct pf_view v;
	unsigned bits = large ? 64 : 32;
	PF_TRY(take_sized(c, a, a->length, bits, &v, err));
	a->offsets = v.data;
	a->offsets_bytes = v.len;
	PF_TRY(take_sized(c, a, a->length, bits, &v, err));
	a->sizes = v.data;
	a->sizes_bytes = v.len;
	return 0;
}

static int take_union(struct cursor *c, struct pf_array *a, struct pf_error *err)
{
	struct pf_view v;
	PF_TRY(take_values(c, a, 8, err));
	if (!a->field->dense)
		return 0;
	PF_TRY(take_sized(c, a, a->length, 32, &v, err));
	a->offsets = v.data;
	a->offsets_bytes = v.len;
	return 0;
}

/* --- arrays --- */

static int read_array(struct cursor *c, struct pf_array *a, struct pf_error *err);

/* Children of rows as long as their parent must reach as far. */
static int read_children(struct cursor *c, struct pf_array *a, int64_t least,
			 struct pf_error *err)
{
	for (size_t i = 0; i < a->field->n; i++) {
		PF_TRY(read_array(c, &a->children[i], err));
		if (a->children[i].length < least)
			return pf_array_odd(a, err, "a child is shorter than its parent");
	}
	return 0;
}

static int read_index(struct cursor *c, struct pf_array *a, struct pf_error *err)
{
	struct pf_dictionary *d = c->in->dictionary(c->in->ctx, a->field->dictionary_id);
	PF_TRY(take_values(c, a, (uint64_t)a->field->index_width, err));
	if (!d && a->nulls < a->length)
		return pf_array_odd(a, err, "its dictionary has not come yet");
	if (d)
		d->refs++;
	pf_dictionary_unref(a->dictionary);
	a->dictionary = d;
	return 0;
}

static bool has_validity(const struct pf_array *a, int version)
{
	const struct pf_arrow_field *f = a->field;
	if (f->dictionary)
		return true;
	/* V4 left out the nulls' alone. */
	if (f->id == PF_ARROW_UNION || f->id == PF_ARROW_RUN_END)
		return version < 4;
	return f->id != PF_ARROW_NULL;
}

static int read_array(struct cursor *c, struct pf_array *a, struct pf_error *err)
{
	const struct pf_arrow_field *f = a->field;
	uint32_t k = c->node++;
	if (k >= c->nodes.n)
		return pf_array_odd(a, err, "the message has too few nodes");
	a->length = pf_fb_i64(c->nodes.items + 16 * (size_t)k);
	a->nulls = pf_fb_i64(c->nodes.items + 16 * (size_t)k + 8);
	if (a->length < 0 || a->nulls < 0 || a->nulls > a->length)
		return pf_array_odd(a, err, "its length or number of nulls is not possible");
	a->validity = NULL;
	a->values = a->offsets = a->sizes = (const uint8_t *)nothing;
	a->values_bytes = a->offsets_bytes = a->sizes_bytes = 0;
	if (has_validity(a, c->in->version))
		PF_TRY(take_validity(c, a, err));
	if (f->dictionary)
		return read_index(c, a, err);
	bool large = pf_arrow_is_large(f->id);
	int64_t least = a->length;
	switch (f->id) {
	case PF_ARROW_NULL:
		return 0;
	case PF_ARROW_BOOL:
		return take_values(c, a, 1, err);
	case PF_ARROW_INT:
	case PF_ARROW_FLOAT:
	case PF_ARROW_DECIMAL:
	case PF_ARROW_DATE:
	case PF_ARROW_TIME:
	case PF_ARROW_TIMESTAMP:
	case PF_ARROW_INTERVAL:
	case PF_ARROW_DURATION:
		return take_values(c, a, (uint64_t)f->width, err);
	case PF_ARROW_FIXED_BINARY:
		return take_values(c, a, (uint64_t)f->width * 8, err);
	case PF_ARROW_BINARY:
	case PF_ARROW_UTF8:
	case PF_ARROW_LARGE_BINARY:
	case PF_ARROW_LARGE_UTF8:
		return take_data(c, a, large, err);
	case PF_ARROW_BINARY_VIEW:
	case PF_ARROW_UTF8_VIEW:
		return take_views(c, a, err);
	case PF_ARROW_LIST:
	case PF_ARROW_LARGE_LIST:
	case PF_ARROW_MAP:
		PF_TRY(take_offsets(c, a, large, err));
		least = 0;
		break;
	case PF_ARROW_LIST_VIEW:
	case PF_ARROW_LARGE_LIST_VIEW:
		PF_TRY(take_list_view(c, a, large, err));
		least = 0;
		break;
	case PF_ARROW_FIXED_LIST:
		if (__builtin_mul_overflow(a->length, (int64_t)f->width, &least))
			return pf_array_odd(a, err, "its length is not possible");
		break;
	case PF_ARROW_UNION:
		PF_TRY(take_union(c, a, err));
		if (f->dense)
			least = 0;
		break;
	case PF_ARROW_RUN_END:
		least = 0;
		break;
	case PF_ARROW_STRUCT:
		break;
	}
	return read_children(c, a, least, err);
}

int pf_arrays_read(const struct pf_ipc_body *in, struct pf_array *arrays, size_t n,
		   int64_t *rows, struct pf_error *err)
{
	struct cursor c = { .in = in,
			    .nodes = pf_fb_vector(in->header, 1, 16),
			    .buffers = pf_fb_vector(in->header, 2, 16),
			    .counts = pf_fb_vector(in->header, 4, 8),
			    .codec = -1,
			    .room = in->limit };
	struct pf_fb_table compression = pf_fb_table(in->header, 3);
	*rows = pf_fb_int(in->header, 0, 8, 0);
	if (compression.fb) {
		c.codec = (int)pf_fb_int(compression, 0, 1, 0);
		if (c.codec < 0 || c.codec > 1 || pf_fb_int(compression, 1, 1, 0) != 0)
			return pf_fail(err, PF_E_UNSUPPORTED,
				       "unknown compression %d of an Arrow message",
				       c.codec);
	}
	if (in->header.fb->bad)
		return pf_fail(err, PF_E_ARROW, "malformed record batch: %s",
			       in->header.fb->bad);
	if (*rows < 0)
		return pf_fail(err, PF_E_ARROW, "a record batch has a negative length");
	for (size_t i = 0; i < n; i++) {
		PF_TRY(read_array(&c, &arrays[i], err));
		if (arrays[i].length != *rows)
			return pf_fail(err, PF_E_ARROW,
				       "column '%s' has %lld rows in a batch of %lld",
				       arrays[i].field->name,
				       (long long)arrays[i].length, (long long)*rows);
	}
	if (c.node != c.nodes.n || c.buffer != c.buffers.n)
		return pf_fail(err, PF_E_ARROW,
			       "a record batch has more columns than the schema");
	for (size_t i = 0; i < n; i++)
		PF_TRY(pf_array_check(&arrays[i], err));
	return 0;
}
