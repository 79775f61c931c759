/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/nested.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "parquet/chunk.h"
#include "parquet/json_value.h"

enum { MOST_DEEP = 32, MOST_NODES = 10000 };

enum shape { LEAF, ROW, LIST, MAP };

struct node {
	enum shape shape;
	char *name;
	bool optional;
	unsigned def;     /* definition level at which it is not null */
	unsigned rep;     /* list, map: level at which an element repeats */
	unsigned element; /* list, map: definition level of an element */
	size_t leaf, n_leaves; /* those beneath it, of the column's */
	struct node *children;
	size_t n;
};

/* The entries of a leaf, page by page. */
struct leaf {
	struct pq_mapping mapping;
	size_t at;                /* among the file's leaves */
	unsigned max_def, max_rep;
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
	struct node root;
	struct leaf *leaves;
	size_t n_leaves, n_nodes;
	bool open;
	size_t group;
	int64_t row; /* that is next */
	struct pf_buf text, key;
};

/* --- the shape --- */

struct build {
	const struct pf_parquet_file *f;
	struct pq_nested *n;
	size_t at, first_leaf;
};

static bool build_node(struct build *b, unsigned def, unsigned rep, unsigned deep,
		       bool element, struct node *out);

static bool is_list(const struct pq_element *e)
{
	return e->logical == PQ_LOG_LIST ||
	       (e->logical == PQ_LOG_NONE && e->converted == PQ_CONV_LIST);
}

static bool is_map(const struct pq_element *e)
{
	return e->logical == PQ_LOG_MAP ||
	       (e->logical == PQ_LOG_NONE && (e->converted == PQ_CONV_MAP ||
					      e->converted == PQ_CONV_MAP_KEY_VALUE));
}

static bool build_leaf(struct build *b, unsigned def, unsigned rep, const struct pq_element *e)
{
	struct pq_nested *n = b->n;
	struct pq_element single = *e;
	n->leaves = pf_realloc(n->leaves, n->n_leaves + 1, sizeof *n->leaves);
	struct leaf *l = &n->leaves[n->n_leaves];
	*l = (struct leaf){ .at = b->first_leaf + n->n_leaves, .max_def = def,
			    .max_rep = rep };
	n->n_leaves++;
	single.repetition = PQ_REQUIRED;
	return !pq_mapping_read(&single, &l->mapping) && !pq_chunks_refused(b->f, l->at);
}

static bool build_children(struct build *b, size_t n, unsigned def, unsigned rep,
			   unsigned deep, bool elements, struct node *out)
{
	out->children = pf_zalloc(n + 1, sizeof *out->children);
	for (size_t i = 0; i < n; i++) {
		out->n++;
		if (!build_node(b, def, rep, deep + 1, elements, &out->children[i]))
			return false;
	}
	return n > 0;
}

/* A list of three levels: what is repeated is a group of nothing but the
 * element. Of two: it is the element itself. */
static bool two_levels(const struct pq_element *parent, const struct pq_element *repeated)
{
	static const char tuple[] = "_tuple";
	size_t len = parent->name.len;
	return repeated->children != 1 ||
	       !pf_view_cmp(repeated->name, pf_view_str("array")) ||
	       (repeated->name.len == len + sizeof tuple - 1 &&
		!memcmp(repeated->name.data, parent->name.data, len) &&
		!memcmp(repeated->name.data + len, tuple, sizeof tuple - 1));
}

static bool build_group(struct build *b, const struct pq_element *e, unsigned def,
			unsigned rep, unsigned deep, struct node *out)
{
	const struct pq_footer *t = &b->f->footer;
	const struct pq_element *in = b->at < t->n_elements ? &t->elements[b->at] : NULL;
	bool repeats = in && e->children == 1 && in->repetition == PQ_REPEATED;
	out->element = def + 1;
	out->rep = rep + 1;
	if (repeats && is_list(e)) {
		out->shape = LIST;
		bool old = two_levels(e, in);
		b->at += !old;
		return build_children(b, 1, def + 1, rep + 1, deep, old, out);
	}
	if (repeats && is_map(e) && (in->children == 1 || in->children == 2)) {
		out->shape = MAP;
		b->at++;
		return build_children(b, (size_t)in->children, def + 1, rep + 1, deep, false,
				      out);
	}
	out->shape = ROW;
	return build_children(b, (size_t)e->children, def, rep, deep, false, out);
}

/* element: what repeats is taken for one of it, its list being known. */
static bool build_node(struct build *b, unsigned def, unsigned rep, unsigned deep,
		       bool element, struct node *out)
{
	const struct pq_footer *t = &b->f->footer;
	if (b->at >= t->n_elements || deep > MOST_DEEP || ++b->n->n_nodes > MOST_NODES)
		return false;
	const struct pq_element *e = &t->elements[b->at];
	bool ok;
	out->name = pf_strndup((const char *)e->name.data, e->name.len);
	out->leaf = b->n->n_leaves;
	out->def = def;
	if (e->repetition == PQ_REPEATED && !element) { /* without annotation */
		out->shape = LIST;
		out->element = def + 1;
		out->rep = rep + 1;
		ok = build_children(b, 1, def + 1, rep + 1, deep, true, out);
	} else {
		b->at++;
		out->optional = e->repetition == PQ_OPTIONAL;
		out->def = def += out->optional;
		ok = e->children > 0 ? build_group(b, e, def, rep, deep, out) :
				       build_leaf(b, def, rep, e);
	}
	out->n_leaves = b->n->n_leaves - out->leaf;
	return ok && out->n_leaves > 0;
}

static void free_node(struct node *n)
{
	for (size_t i = 0; i < n->n; i++)
		free_node(&n->children[i]);
	free(n->children);
	free(n->name);
}

struct pq_nested *pq_nested_new(const struct pf_parquet_file *f, size_t at,
				size_t first_leaf)
{
	struct pq_nested *n = pf_zalloc(1, sizeof *n);
	struct build b = { .f = f, .n = n, .at = at, .first_leaf = first_leaf };
	if (build_node(&b, 0, 0, 0, false, &n->root))
		return n;
	pq_nested_free(n);
	return NULL;
}

void pq_nested_free(struct pq_nested *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n_leaves; i++) {
		struct leaf *l = &n->leaves[i];
		pf_buf_free(&l->rep);
		pf_buf_free(&l->def);
		pf_buf_free(&l->dictionary.page);
		pf_buf_free(&l->dictionary.views);
		pq_scan_free(l->chunk.s);
	}
	free(n->leaves);
	free_node(&n->root);
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
		.f = f, .s = room, .meta = &f->footer.groups[group].chunks[l->at],
		.m = &l->mapping, .group = group, .dictionary = &l->dictionary,
	};
	l->dictionary.loaded = false;
	l->n = l->next = l->value = 0;
	if (l->chunk.meta->type != (int32_t)l->mapping.physical)
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
	if (v1 && p->h.level_encoding == PQ_BIT_PACKED && l->max_def)
		return pf_fail(err, PF_E_UNSUPPORTED, "bit-packed levels are not supported");
	PF_TRY(unpack_page(l, p, err));
	const struct pf_buf *page = &l->chunk.s->page;
	const uint8_t *data = page->data, *end = data + page->len;
	PF_TRY(take_levels(&data, end, v1, (size_t)p->h.rep_bytes, l->max_rep, n, &l->rep,
			   err));
	PF_TRY(take_levels(&data, end, v1, (size_t)p->h.def_bytes, l->max_def, n, &l->def,
			   err));
	const uint32_t *def = (const uint32_t *)(const void *)l->def.data;
	for (size_t i = 0; i < n; i++)
		values += def[i] == l->max_def;
	l->rows = (struct pq_page_rows){ .n = values };
	PF_TRY(pq_decode_values(&l->mapping, p->h.encoding, &l->dictionary, data,
				(size_t)(end - data), values, values, &l->chunk.s->decode,
				&l->rows.dense, err));
	PF_TRY(pq_convert(&l->mapping, l->mapping.type, &l->rows, &l->chunk.s->convert,
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
static int pass(struct pq_nested *n, const struct node *node, struct pf_error *err)
{
	for (size_t i = node->leaf; i < node->leaf + node->n_leaves; i++) {
		struct leaf *l = &n->leaves[i];
		PF_TRY(need_entry(l, err));
		if (def_of(l) == l->max_def)
			return pf_fail(err, PF_E_PARQUET, "its leaves have different rows");
		l->next++;
	}
	return 0;
}

/* --- a value --- */

static int put(struct pq_nested *n, const struct node *node, struct pf_buf *out,
	       struct pf_error *err);

static int put_key(struct pq_nested *n, const struct node *key, struct pf_buf *out,
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
static int put_element(struct pq_nested *n, const struct node *node, bool as_object,
		       struct pf_buf *out, struct pf_error *err)
{
	if (node->shape == LIST)
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

static int put_many(struct pq_nested *n, const struct node *node, struct pf_buf *out,
		    struct pf_error *err)
{
	struct leaf *l = &n->leaves[node->leaf];
	bool as_object = node->shape == MAP && node->children[0].shape == LEAF;
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

static int put_row(struct pq_nested *n, const struct node *node, struct pf_buf *out,
		   struct pf_error *err)
{
	pf_buf_byte(out, '{');
	for (size_t i = 0; i < node->n; i++) {
		const char *name = node->children[i].name;
		if (i)
			pf_buf_byte(out, ',');
		pq_json_text(out, pf_view_str(name));
		pf_buf_byte(out, ':');
		PF_TRY(put(n, &node->children[i], out, err));
	}
	pf_buf_byte(out, '}');
	return 0;
}

static int put(struct pq_nested *n, const struct node *node, struct pf_buf *out,
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
	if (node->shape == ROW)
		return put_row(n, node, out, err);
	if (node->shape != LEAF)
		return put_many(n, node, out, err);
	if (def_of(l) != l->max_def)
		return pf_fail(err, PF_E_PARQUET, "its leaves have different rows");
	pq_json_value(out, &l->mapping, &l->rows, &l->column, l->value++);
	l->next++;
	return 0;
}

/* --- rows --- */

static int skip_row(struct pq_nested *n, struct pf_error *err)
{
	for (size_t i = 0; i < n->n_leaves; i++) {
		struct leaf *l = &n->leaves[i];
		bool more = true;
		PF_TRY(need_entry(l, err));
		do {
			l->value += def_of(l) == l->max_def;
			l->next++;
			PF_TRY(load(l, &more, err));
		} while (more && rep_of(l));
	}
	return 0;
}

static int put_one(struct pq_nested *n, struct pf_colbuf *out, struct pf_error *err)
{
	for (size_t i = 0; i < n->n_leaves; i++) {
		PF_TRY(need_entry(&n->leaves[i], err));
		if (rep_of(&n->leaves[i]))
			return pf_fail(err, PF_E_PARQUET, "its leaves have different rows");
	}
	n->text.len = 0;
	bool null = n->root.optional && def_of(&n->leaves[0]) < n->root.def;
	PF_TRY(put(n, &n->root, &n->text, err));
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
			for (size_t i = 0; i < n->n_leaves; i++)
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
