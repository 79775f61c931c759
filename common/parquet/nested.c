/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/nested.h"

#include <stdlib.h>
#include <string.h>

#include "arrow/value_text.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "parquet/chunk.h"
#include "parquet/nested_shape.h"

/* The entries of a leaf, page by page. */
struct leaf {
	const struct pq_shape_leaf *is;
	struct pq_reading chunk;
	struct pq_dictionary dictionary;
	struct pf_buf rep, def;   /* levels of the page, uint32 */
	size_t n, next;           /* entries of the page */
	struct pq_page_rows rows; /* values of the page */
	struct pf_column column;
	size_t value;
	int64_t offset, left;     /* next page, entries behind this one */
};

struct pq_nested {
	struct pq_shape shape;
	struct leaf *leaves; /* shape.n_leaves of them */
	bool open;
	size_t group;
	int64_t row; /* that is next */
	struct pf_buf text, key;
};

struct pq_nested *pq_nested_new(const struct pf_parquet_file *f, size_t at,
				size_t first_leaf)
{
	struct pq_shape shape;
	if (!pq_shape_read(f, at, first_leaf, &shape))
		return NULL;
	struct pq_nested *n = pf_zalloc(1, sizeof *n);
	n->shape = shape;
	n->leaves = pf_zalloc(shape.n_leaves, sizeof *n->leaves);
	for (size_t i = 0; i < shape.n_leaves; i++)
		n->leaves[i].is = &shape.leaves[i];
	return n;
}

void pq_nested_free(struct pq_nested *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->shape.n_leaves; i++) {
		struct leaf *l = &n->leaves[i];
		pf_buf_free(&l->rep);
		pf_buf_free(&l->def);
		pf_buf_free(&l->dictionary.page);
		pf_buf_free(&l->dictionary.views);
		pq_scan_free(l->chunk.s);
	}
	free(n->leaves);
	pq_shape_free(&n->shape);
	pf_buf_free(&n->text);
	pf_buf_free(&n->key);
	free(n);
}

/* --- entries of a leaf --- */

static int open_leaf(struct pf_parquet_file *f, struct leaf *l, size_t group,
		     struct pf_error *err)
{
	struct pq_scan *room = l->chunk.s ? l->chunk.s : pq_scan_new();
	l->chunk = (struct pq_reading){
		.f = f, .s = room, .meta = &f->footer.groups[group].chunks[l->is->at],
		.m = &l->is->mapping, .group = group, .dictionary = &l->dictionary,
	};
	l->dictionary.loaded = false;
	l->n = l->next = l->value = 0;
	if (l->chunk.meta->type != (int32_t)l->is->mapping.physical)
		return pf_fail(err, PF_E_PARQUET, "schema and pages differ in its type");
	PF_TRY(pq_chunk_extent(f, l->chunk.meta, &l->chunk.begin, &l->chunk.end, err));
	l->offset = l->chunk.begin;
	l->left = l->chunk.meta->num_values;
	return 0;
}

/* n levels; *data goes behind them. prefixed: their length stands before. */
static int take_levels(const uint8_t **data, const uint8_t *end, bool prefixed, size_t bytes,
		       unsigned most, size_t n, struct pf_buf *out, struct pf_error *err)
{
	out->len = 0;
	uint32_t *levels = (uint32_t *)(void *)pf_buf_room(out, pf_mul(n + 1, 4));
	if (!most) {
		memset(levels, 0, n * 4);
		*data += prefixed ? 0 : bytes;
		return 0;
	}
	if (prefixed) {
		if (end - *data < 4)
			return pf_fail(err, PF_E_PARQUET, "a page ends inside its levels");
		bytes = pq_load32(*data);
		*data += 4;
	}
	if (bytes > (size_t)(end - *data))
		return pf_fail(err, PF_E_PARQUET, "a page ends inside its levels");
	PF_TRY(pq_hybrid_decode(*data, bytes, pq_bit_width(most), n, most, levels, err));
	*data += bytes;
	return 0;
}

static int unpack_page(struct leaf *l, const struct pq_page *p, struct pf_error *err)
{
	const struct pq_page_header *h = &p->h;
	struct pf_buf *out = &l->chunk.s->page;
	out->len = 0;
	if (h->kind == PQ_PAGE_DATA)
		return pq_unpack(&l->chunk, true, p->body, (size_t)h->compressed,
				 (size_t)h->uncompressed, out, err);
	int64_t both = (int64_t)h->def_bytes + h->rep_bytes;
	if (h->def_bytes < 0 || h->rep_bytes < 0 || both > h->compressed ||
	    both > h->uncompressed)
		return pf_fail(err, PF_E_PARQUET, "malformed page header");
	size_t levels = (size_t)both;
	PF_TRY(pq_unpack(&l->chunk, false, p->body, levels, levels, out, err));
	return pq_unpack(&l->chunk, h->is_compressed, p->body + levels,
			 (size_t)h->compressed - levels, (size_t)h->uncompressed - levels,
			 out, err);
}

static int take_page(struct leaf *l, const struct pq_page *p, struct pf_error *err)
{
	bool v1 = p->h.kind == PQ_PAGE_DATA;
	size_t n = (size_t)p->h.values, values = 0;
	if (p->h.values < 0 || p->h.values > l->left || p->h.values > PQ_PAGE_VALUES)
		return pf_fail(err, PF_E_PARQUET, "a page of more values than its column");
	if (v1 && p->h.level_encoding == PQ_BIT_PACKED && l->is->max_def)
		return pf_fail(err, PF_E_UNSUPPORTED, "bit-packed levels are not supported");
	PF_TRY(unpack_page(l, p, err));
	const struct pf_buf *page = &l->chunk.s->page;
	const uint8_t *data = page->data, *end = data + page->len;
	PF_TRY(take_levels(&data, end, v1, (size_t)p->h.rep_bytes, l->is->max_rep, n, &l->rep,
			   err));
	PF_TRY(take_levels(&data, end, v1, (size_t)p->h.def_bytes, l->is->max_def, n, &l->def,
			   err));
	const uint32_t *def = (const uint32_t *)(const void *)l->def.data;
	for (size_t i = 0; i < n; i++)
		values += def[i] == l->is->max_def;
	l->rows = (struct pq_page_rows){ .n = values };
	PF_TRY(pq_decode_values(&l->is->mapping, p->h.encoding, &l->dictionary, data,
				(size_t)(end - data), values, values, &l->chunk.s->decode,
				&l->rows.dense, err));
	PF_TRY(pq_convert(&l->is->mapping, l->is->mapping.type, &l->rows, &l->chunk.s->convert,
			  &l->column, err));
	l->chunk.f->counters.pages_decoded++;
	l->n = n;
	l->next = l->value = 0;
	l->left -= p->h.values;
	return 0;
}

/* Have an entry; *more is false behind the last one. */
static int load(struct leaf *l, bool *more, struct pf_error *err)
{
	while (l->next == l->n && l->left > 0) {
		struct pq_page p = { 0 };
		int64_t next;
		if (l->offset >= l->chunk.begin + l->chunk.meta->compressed_bytes)
			return pf_fail(err, PF_E_PARQUET, "its pages have fewer values than it");
		PF_TRY(pq_load_page(&l->chunk, l->offset, l->chunk.end, &p, &next, err));
		if (p.h.kind == PQ_PAGE_DICTIONARY || pq_is_data(&p.h)) {
			PF_TRY(pq_load_body(&l->chunk, &p, next, l->chunk.end, err));
			PF_TRY(pq_is_data(&p.h) ? take_page(l, &p, err) :
						  pq_take_dictionary(&l->chunk, &p.h, p.body,
								     err));
		}
		l->offset = next;
	}
	*more = l->next < l->n;
	return 0;
}

static unsigned rep_of(const struct leaf *l)
{
	return ((const uint32_t *)(const void *)l->rep.data)[l->next];
}

static unsigned def_of(const struct leaf *l)
{
	return ((const uint32_t *)(const void *)l->def.data)[l->next];
}

static int need_entry(struct leaf *l, struct pf_error *err)
{
	bool more;
	PF_TRY(load(l, &more, err));
	return more ? 0 : pf_fail(err, PF_E_PARQUET, "its leaves have different rows");
}

/* One entry of each leaf beneath: all of them say that there is nothing. */
static int pass(struct pq_nested *n, const struct pq_shape_node *node, struct pf_error *err)
{
	for (size_t i = node->leaf; i < node->leaf + node->n_leaves; i++) {
		struct leaf *l = &n->leaves[i];
		PF_TRY(need_entry(l, err));
		if (def_of(l) == l->is->max_def)
			return pf_fail(err, PF_E_PARQUET, "its leaves have different rows");
		l->next++;
	}
	return 0;
}

/* --- a value --- */

/* A value of the page, its number among those that are not null. */
static void put_single(const struct leaf *l, size_t i, struct pf_buf *out)
{
	const struct pq_mapping *m = &l->is->mapping;
	const struct pf_view *views = l->rows.dense.views;
	if (m->type.kind == PF_BOOLEAN) {
		pf_format_value(out, m->type, &l->column, (int64_t)i, PF_VALUE_JSON, NULL);
		return;
	}
	if (m->type.kind != PF_STRING && m->type.kind != PF_BYTES) {
		/* The page's own bytes may lie anywhere. */
		size_t width = pf_kind_width(m->type.kind);
		pf_i128 value;
		struct pf_column one = l->column;
		memcpy(&value, (const uint8_t *)one.values + i * width, width);
		one.values = &value;
		pf_format_value(out, m->type, &one, 0, PF_VALUE_JSON, NULL);
		return;
	}
	struct pf_view v = views ? views[i] :
			   pf_view_of(l->rows.dense.fixed + i * m->width, m->width);
	if (m->type.kind == PF_STRING) {
		pf_format_json_string(out, v.data, v.len);
		return;
	}
	pf_buf_byte(out, '"');
	pf_base64_encode(v.data, v.len, out);
	pf_buf_byte(out, '"');
}

static int put(struct pq_nested *n, const struct pq_shape_node *node, struct pf_buf *out,
	       struct pf_error *err);

static int put_key(struct pq_nested *n, const struct pq_shape_node *key, struct pf_buf *out,
		   struct pf_error *err)
{
	size_t before = out->len;
	PF_TRY(put(n, key, out, err));
	if (out->data[before] == '"')
		return 0;
	n->key.len = 0;
	pf_buf_add(&n->key, out->data + before, out->len - before);
	out->len = before;
	pf_buf_byte(out, '"');
	pf_buf_add(out, n->key.data, n->key.len);
	pf_buf_byte(out, '"');
	return 0;
}

/* One element of a list, or one key and its value. */
static int put_element(struct pq_nested *n, const struct pq_shape_node *node, bool as_object,
		       struct pf_buf *out, struct pf_error *err)
{
	if (node->kind == PQ_SHAPE_LIST)
		return put(n, &node->children[0], out, err);
	pf_buf_str(out, as_object ? "" : "{\"key\":");
	PF_TRY(as_object ? put_key(n, &node->children[0], out, err) :
			   put(n, &node->children[0], out, err));
	pf_buf_str(out, as_object ? ":" : ",\"value\":");
	if (node->n > 1)
		PF_TRY(put(n, &node->children[1], out, err));
	else
		pf_buf_str(out, "null");
	pf_buf_str(out, as_object ? "" : "}");
	return 0;
}

static int put_many(struct pq_nested *n, const struct pq_shape_node *node, struct pf_buf *out,
		    struct pf_error *err)
{
	struct leaf *l = &n->leaves[node->leaf];
	bool as_object = node->kind == PQ_SHAPE_MAP && node->children[0].kind == PQ_SHAPE_LEAF;
	bool more = true;
	pf_buf_byte(out, as_object ? '{' : '[');
	if (def_of(l) < node->element) {
		PF_TRY(pass(n, node, err));
		more = false;
	}
	for (bool first = true; more; first = false) {
		if (!first)
			pf_buf_byte(out, ',');
		PF_TRY(put_element(n, node, as_object, out, err));
		PF_TRY(load(l, &more, err));
		more = more && rep_of(l) == node->rep;
	}
	pf_buf_byte(out, as_object ? '}' : ']');
	return 0;
}

static int put_row(struct pq_nested *n, const struct pq_shape_node *node, struct pf_buf *out,
		   struct pf_error *err)
{
	pf_buf_byte(out, '{');
	for (size_t i = 0; i < node->n; i++) {
		const char *name = node->children[i].name;
		if (i)
			pf_buf_byte(out, ',');
		pf_format_json_string(out, name, strlen(name));
		pf_buf_byte(out, ':');
		PF_TRY(put(n, &node->children[i], out, err));
	}
	pf_buf_byte(out, '}');
	return 0;
}

static int put(struct pq_nested *n, const struct pq_shape_node *node, struct pf_buf *out,
	       struct pf_error *err)
{
	struct leaf *l = &n->leaves[node->leaf];
	PF_TRY(need_entry(l, err));
	if (out->len > INT32_MAX / 2)
		return pf_fail(err, PF_E_LIMIT, "a value of more than 1 GiB of text");
	if (node->optional && def_of(l) < node->def) {
		pf_buf_str(out, "null");
		return pass(n, node, err);
	}
	if (node->kind == PQ_SHAPE_ROW)
		return put_row(n, node, out, err);
	if (node->kind != PQ_SHAPE_LEAF)
		return put_many(n, node, out, err);
	if (def_of(l) != l->is->max_def)
		return pf_fail(err, PF_E_PARQUET, "its leaves have different rows");
	put_single(l, l->value++, out);
	l->next++;
	return 0;
}

/* --- rows --- */

static int skip_row(struct pq_nested *n, struct pf_error *err)
{
	for (size_t i = 0; i < n->shape.n_leaves; i++) {
		struct leaf *l = &n->leaves[i];
		bool more = true;
		PF_TRY(need_entry(l, err));
		do {
			l->value += def_of(l) == l->is->max_def;
			l->next++;
			PF_TRY(load(l, &more, err));
		} while (more && rep_of(l));
	}
	return 0;
}

static int put_one(struct pq_nested *n, struct pf_colbuf *out, struct pf_error *err)
{
	for (size_t i = 0; i < n->shape.n_leaves; i++) {
		PF_TRY(need_entry(&n->leaves[i], err));
		if (rep_of(&n->leaves[i]))
			return pf_fail(err, PF_E_PARQUET, "its leaves have different rows");
	}
	n->text.len = 0;
	bool null = n->shape.root.optional && def_of(&n->leaves[0]) < n->shape.root.def;
	PF_TRY(put(n, &n->shape.root, &n->text, err));
	if (null)
		pf_col_null(out);
	else if (out->values.len + n->text.len > INT32_MAX)
		return pf_fail(err, PF_E_LIMIT, "more than 2 GiB of text in one batch");
	else
		pf_col_bytes(out, n->text.data, n->text.len);
	return 0;
}

static int read_ranges(struct pf_parquet_file *f, struct pq_nested *n, size_t group,
		       const struct pf_parquet_range *ranges, size_t n_ranges,
		       struct pf_colbuf *out, struct pf_error *err)
{
	for (size_t r = 0; r < n_ranges; r++) {
		if (ranges[r].from == ranges[r].to)
			continue;
		if (!n->open || n->group != group || n->row > ranges[r].from) {
			for (size_t i = 0; i < n->shape.n_leaves; i++)
				PF_TRY(open_leaf(f, &n->leaves[i], group, err));
			n->open = true;
			n->group = group;
			n->row = 0;
		}
		for (; n->row < ranges[r].from; n->row++)
			PF_TRY(skip_row(n, err));
		for (; n->row < ranges[r].to; n->row++)
			PF_TRY(put_one(n, out, err));
	}
	return 0;
}

int pq_nested_read(struct pf_parquet_file *f, struct pq_nested *n, size_t group,
		   const struct pf_parquet_range *ranges, size_t n_ranges,
		   struct pf_colbuf *out, struct pf_error *err)
{
	int code = read_ranges(f, n, group, ranges, n_ranges, out, err);
	/* In the middle of a row nobody can go on. */
	if (code)
		n->open = false;
	return code;
}
