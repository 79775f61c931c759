/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/ipc_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "arrow/flatbuf.h"
#include "arrow/ipc.h"
#include "base/alloc.h"

enum {
	VERSION_V5 = 4,
	HEADER_SCHEMA = 1,
	HEADER_BATCH = 3,
	/* Buffers of a batch begin at multiples of this many bytes of its body;
	 * few rows are not worth the padding. */
	ALIGN = 64,
	ALIGN_FEW = 8,
	FEW_ROWS = 256,
};

const uint8_t pf_ipc_end_of_stream[8] = { 0xff, 0xff, 0xff, 0xff };

static const uint8_t zeros[ALIGN];

struct pf_ipc_writer {
	struct pf_schema *schema;
	struct pf_fbb fbb;
	struct pf_buf head;    /* prefix and metadata */
	struct pf_buf nodes, buffers; /* structs of two int64 each */
	struct pf_view *pieces;
	size_t n, cap;
	uint64_t body;         /* bytes so far */
	size_t align;
};

struct pf_ipc_writer *pf_ipc_writer_new(const struct pf_schema *schema)
{
	struct pf_ipc_writer *w = pf_zalloc(1, sizeof *w);
	/* Counting references changes nothing that others see. */
	w->schema = pf_schema_ref((struct pf_schema *)(uintptr_t)schema);
	return w;
}

void pf_ipc_writer_free(struct pf_ipc_writer *w)
{
	if (!w)
		return;
	pf_schema_unref(w->schema);
	pf_fbb_free(&w->fbb);
	pf_buf_free(&w->head);
	pf_buf_free(&w->nodes);
	pf_buf_free(&w->buffers);
	free(w->pieces);
	free(w);
}

/* --- metadata --- */

static pf_fbb_ref put_pair(struct pf_fbb *b, const char *key, const char *value)
{
	pf_fbb_ref k = pf_fbb_string(b, key), v = pf_fbb_string(b, value);
	pf_fbb_begin(b);
	pf_fbb_ref_slot(b, 0, k);
	pf_fbb_ref_slot(b, 1, v);
	return pf_fbb_end(b);
}

/* Pairs of meta, then those of more; 0 when there are none. */
static pf_fbb_ref put_meta(struct pf_fbb *b, const struct pf_meta *meta,
			   const struct pf_meta *more)
{
	size_t n = (meta ? meta->n : 0) + (more ? more->n : 0), k = 0;
	if (!n)
		return 0;
	pf_fbb_ref *refs = pf_alloc(n, sizeof *refs);
	for (size_t i = 0; meta && i < meta->n; i++)
		refs[k++] = put_pair(b, meta->items[i].key, meta->items[i].value);
	for (size_t i = 0; more && i < more->n; i++)
		refs[k++] = put_pair(b, more->items[i].key, more->items[i].value);
	pf_fbb_ref all = pf_fbb_refs(b, refs, n);
	free(refs);
	return all;
}

/* The table of a type; *id is its number in the union Type. Values equal to a
 * default of Schema.fbs are written, too: no reader has to know defaults. */
static pf_fbb_ref put_type(struct pf_fbb *b, struct pf_type type, int *id)
{
	pf_fbb_ref zone = type.kind == PF_TIMESTAMP_LTZ ? pf_fbb_string(b, "UTC") : 0;
	pf_fbb_begin(b);
	switch (type.kind) {
	case PF_BOOLEAN:
		*id = PF_ARROW_BOOL;
		break;
	case PF_TINYINT:
	case PF_SMALLINT:
	case PF_INT:
	case PF_BIGINT:
		*id = PF_ARROW_INT;
		pf_fbb_int(b, 0, 4, (int64_t)pf_kind_width(type.kind) * 8);
		pf_fbb_int(b, 1, 1, 1);
		break;
	case PF_FLOAT:
	case PF_DOUBLE:
		*id = PF_ARROW_FLOAT;
		pf_fbb_int(b, 0, 2, type.kind == PF_FLOAT ? 1 : 2);
		break;
	case PF_DECIMAL:
		*id = PF_ARROW_DECIMAL;
		pf_fbb_int(b, 0, 4, type.precision);
		pf_fbb_int(b, 1, 4, type.scale);
		pf_fbb_int(b, 2, 4, 128);
		break;
	case PF_STRING:
		*id = PF_ARROW_UTF8;
		break;
	case PF_BYTES:
		*id = PF_ARROW_BINARY;
		break;
	case PF_LARGE_BYTES:
		*id = PF_ARROW_LARGE_BINARY;
		break;
	case PF_DATE:
		*id = PF_ARROW_DATE;
		pf_fbb_int(b, 0, 2, 0);
		break;
	case PF_TIME:
		*id = PF_ARROW_TIME;
		pf_fbb_int(b, 0, 2, PF_UNIT_MS);
		pf_fbb_int(b, 1, 4, 32);
		break;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		*id = PF_ARROW_TIMESTAMP;
		pf_fbb_int(b, 0, 2, type.precision <= 3 ? PF_UNIT_MS : PF_UNIT_US);
		pf_fbb_ref_slot(b, 1, zone);
		break;
	case PF_STRINGS:
		*id = PF_ARROW_LIST;
		break;
	}
	return pf_fbb_end(b);
}

static pf_fbb_ref put_field(struct pf_fbb *b, const char *name, bool nullable,
			    struct pf_type type, const struct pf_meta *meta,
			    const struct pf_meta *more)
{
	pf_fbb_ref child = 0;
	int id = 0;
	if (type.kind == PF_STRINGS)
		child = put_field(b, "item", true, (struct pf_type){ .kind = PF_STRING },
				  NULL, NULL);
	pf_fbb_ref pairs = put_meta(b, meta, more);
	pf_fbb_ref children = pf_fbb_refs(b, &child, child ? 1 : 0);
	pf_fbb_ref table = put_type(b, type, &id);
	pf_fbb_ref text = pf_fbb_string(b, name);
	pf_fbb_begin(b);
	pf_fbb_ref_slot(b, 0, text);
	pf_fbb_int(b, 1, 1, nullable);
	pf_fbb_int(b, 2, 1, id);
	pf_fbb_ref_slot(b, 3, table);
	pf_fbb_ref_slot(b, 5, children);
	pf_fbb_ref_slot(b, 6, pairs);
	return pf_fbb_end(b);
}

/* Does Arrow's type alone say which of ours it is? */
static bool arrow_says_it(struct pf_type type)
{
	if (type.kind == PF_LARGE_BYTES)
		return false; /* others say large_binary and mean bytes */
	if (type.kind == PF_TIME)
		return type.precision == 3;
	return !pf_kind_is_timestamp(type.kind) || type.precision == 3 ||
	       type.precision == 6;
}

static pf_fbb_ref put_column(struct pf_fbb *b, const struct pf_field *f)
{
	struct pf_meta more = { 0 };
	char text[40];
	if (f->id >= 0) {
		snprintf(text, sizeof text, "%d", f->id);
		pf_meta_set(&more, PF_META_FIELD_ID, text);
	}
	if (!arrow_says_it(f->type))
		pf_meta_set(&more, PF_META_TYPE, pf_type_name(f->type, text));
	pf_fbb_ref ref = put_field(b, f->name, f->nullable, f->type, &f->meta, &more);
	pf_meta_free(&more);
	return ref;
}

/* Prefix and metadata of a message whose header table is written. */
static void put_message(struct pf_ipc_writer *w, int kind, pf_fbb_ref header,
			pf_fbb_ref pairs)
{
	struct pf_fbb *b = &w->fbb;
	pf_fbb_begin(b);
	pf_fbb_int(b, 3, 8, (int64_t)w->body);
	pf_fbb_ref_slot(b, 2, header);
	pf_fbb_ref_slot(b, 4, pairs);
	pf_fbb_int(b, 0, 2, VERSION_V5);
	pf_fbb_int(b, 1, 1, kind);
	struct pf_view metadata = pf_fbb_finish(b, pf_fbb_end(b));
	uint32_t prefix[2] = { 0xffffffff, (uint32_t)metadata.len };
	w->head.len = 0;
	pf_buf_add(&w->head, prefix, sizeof prefix);
	pf_buf_add(&w->head, metadata.data, metadata.len);
}

void pf_ipc_append_schema(struct pf_ipc_writer *w, struct pf_buf *out)
{
	struct pf_fbb *b = &w->fbb;
	const struct pf_schema *s = w->schema;
	pf_fbb_reset(b);
	w->body = 0;
	pf_fbb_ref *refs = pf_alloc(s->n, sizeof *refs);
	for (size_t i = 0; i < s->n; i++)
		refs[i] = put_column(b, &s->fields[i]);
	pf_fbb_ref pairs = put_meta(b, &s->meta, NULL);
	pf_fbb_ref fields = pf_fbb_refs(b, refs, s->n);
	free(refs);
	pf_fbb_begin(b);
	pf_fbb_int(b, 0, 2, 0);
	pf_fbb_ref_slot(b, 1, fields);
	pf_fbb_ref_slot(b, 2, pairs);
	put_message(w, HEADER_SCHEMA, pf_fbb_end(b), 0);
	pf_buf_add(out, w->head.data, w->head.len);
}

/* --- bodies --- */

static void add_piece(struct pf_ipc_writer *w, const void *data, size_t len)
{
	if (!len)
		return;
	if (w->n == w->cap) {
		w->cap = pf_grow(w->cap, w->n + 1);
		w->pieces = pf_realloc(w->pieces, w->cap, sizeof *w->pieces);
	}
	w->pieces[w->n++] = pf_view_of(data, len);
}

static void add_buffer(struct pf_ipc_writer *w, const void *data, size_t len)
{
	int64_t entry[2] = { (int64_t)w->body, (int64_t)len };
	size_t pad = (w->align - len % w->align) % w->align;
	pf_buf_add(&w->buffers, entry, sizeof entry);
	add_piece(w, data, len);
	add_piece(w, zeros, pad);
	w->body += len + pad;
}

static void add_node(struct pf_ipc_writer *w, int64_t rows, int64_t nulls)
{
	int64_t entry[2] = { rows, nulls };
	pf_buf_add(&w->nodes, entry, sizeof entry);
}

static void add_validity(struct pf_ipc_writer *w, const struct pf_column *c,
			 int64_t rows)
{
	bool any = c->nulls && c->validity;
	add_node(w, rows, any ? c->nulls : 0);
	add_buffer(w, c->validity, any ? (size_t)(rows + 7) / 8 : 0);
}

/* Offsets and data of a string or bytes column. */
static void add_bytes(struct pf_ipc_writer *w, const struct pf_column *c, int64_t rows)
{
	size_t n = (size_t)rows;
	if (c->offsets64) {
		add_buffer(w, c->offsets64, (n + 1) * 8);
		add_buffer(w, c->values, (size_t)c->offsets64[n]);
	} else {
		add_buffer(w, c->offsets, (n + 1) * 4);
		add_buffer(w, c->values, (size_t)c->offsets[n]);
	}
}

static void add_column(struct pf_ipc_writer *w, enum pf_kind kind,
		       const struct pf_column *c, int64_t rows)
{
	size_t n = (size_t)rows, width = pf_kind_width(kind);
	add_validity(w, c, rows);
	if (width) {
		add_buffer(w, c->values, n * width);
	} else if (kind == PF_BOOLEAN) {
		add_buffer(w, c->values, (n + 7) / 8);
	} else if (kind == PF_STRINGS) {
		add_buffer(w, c->offsets, (n + 1) * 4);
		add_validity(w, c->child, c->offsets[n]);
		add_bytes(w, c->child, c->offsets[n]);
	} else {
		add_bytes(w, c, rows);
	}
}

/* What a column without rows is written from. */
static struct pf_column empty_column(enum pf_kind kind)
{
	static const int64_t zero[1];
	static const struct pf_column child = {
		.values = zeros, .offsets = (const int32_t *)(const void *)zero
	};
	struct pf_column c = { .values = zeros };
	if (kind == PF_LARGE_BYTES)
		c.offsets64 = zero;
	else if (pf_kind_is_variable(kind))
		c.offsets = child.offsets;
	if (kind == PF_STRINGS)
		c.child = &child;
	return c;
}

const struct pf_view *pf_ipc_write_batch(struct pf_ipc_writer *w,
					 const struct pf_batch *batch, size_t *pieces)
{
	struct pf_fbb *b = &w->fbb;
	pf_fbb_reset(b);
	w->n = w->nodes.len = w->buffers.len = 0;
	w->body = 0;
	w->align = batch->rows < FEW_ROWS ? ALIGN_FEW : ALIGN;
	add_piece(w, zeros, 1); /* the head, known below */
	for (size_t i = 0; i < w->schema->n; i++) {
		enum pf_kind kind = w->schema->fields[i].type.kind;
		struct pf_column empty = empty_column(kind);
		add_column(w, kind, batch->rows ? &batch->columns[i] : &empty,
			   batch->rows);
	}
	pf_fbb_ref pairs = put_meta(b, batch->meta, NULL);
	pf_fbb_ref buffers = pf_fbb_structs(b, w->buffers.data, w->buffers.len / 16, 16);
	pf_fbb_ref nodes = pf_fbb_structs(b, w->nodes.data, w->nodes.len / 16, 16);
	pf_fbb_begin(b);
	pf_fbb_int(b, 0, 8, batch->rows);
	pf_fbb_ref_slot(b, 1, nodes);
	pf_fbb_ref_slot(b, 2, buffers);
	put_message(w, HEADER_BATCH, pf_fbb_end(b), pairs);
	w->pieces[0] = pf_view_of(w->head.data, w->head.len);
	*pieces = w->n;
	return w->pieces;
}

void pf_ipc_append_batch(struct pf_ipc_writer *w, const struct pf_batch *batch,
			 struct pf_buf *out)
{
	size_t n;
	const struct pf_view *pieces = pf_ipc_write_batch(w, batch, &n);
	for (size_t i = 0; i < n; i++)
		pf_buf_add(out, pieces[i].data, pieces[i].len);
}
