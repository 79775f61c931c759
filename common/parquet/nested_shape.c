/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/nested_shape.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { MOST_DEEP = 32, MOST_NODES = 10000 };

struct build {
	const struct pf_parquet_file *f;
	struct pq_shape *shape;
	size_t n_nodes;
	size_t at;         /* next element of the file's schema */
	size_t first_leaf; /* of the column, among the file's */
};

static bool build_node(struct build *b, unsigned def, unsigned rep, unsigned deep,
		       bool element, struct pq_shape_node *out);

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
	struct pq_shape *s = b->shape;
	struct pq_element single = *e;
	s->leaves = pf_realloc(s->leaves, s->n_leaves + 1, sizeof *s->leaves);
	struct pq_shape_leaf *l = &s->leaves[s->n_leaves];
	*l = (struct pq_shape_leaf){ .at = b->first_leaf + s->n_leaves, .max_def = def,
				     .max_rep = rep };
	s->n_leaves++;
	single.repetition = PQ_REQUIRED;
	return !pq_mapping_read(&single, &l->mapping) && !pq_chunks_refused(b->f, l->at);
}

static bool build_children(struct build *b, size_t n, unsigned def, unsigned rep,
			   unsigned deep, bool elements, struct pq_shape_node *out)
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
			unsigned rep, unsigned deep, struct pq_shape_node *out)
{
	const struct pq_footer *t = &b->f->footer;
	const struct pq_element *in = b->at < t->n_elements ? &t->elements[b->at] : NULL;
	bool repeats = in && e->children == 1 && in->repetition == PQ_REPEATED;
	out->element = def + 1;
	out->rep = rep + 1;
	if (repeats && is_list(e)) {
		out->kind = PQ_SHAPE_LIST;
		bool old = two_levels(e, in);
		b->at += !old;
		return build_children(b, 1, def + 1, rep + 1, deep, old, out);
	}
	if (repeats && is_map(e) && (in->children == 1 || in->children == 2)) {
		out->kind = PQ_SHAPE_MAP;
		b->at++;
		return build_children(b, (size_t)in->children, def + 1, rep + 1, deep, false,
				      out);
	}
	out->kind = PQ_SHAPE_ROW;
	return build_children(b, (size_t)e->children, def, rep, deep, false, out);
}

/* element: what repeats is taken for one of it, its list being known. */
static bool build_node(struct build *b, unsigned def, unsigned rep, unsigned deep,
		       bool element, struct pq_shape_node *out)
{
	const struct pq_footer *t = &b->f->footer;
	if (b->at >= t->n_elements || deep > MOST_DEEP || ++b->n_nodes > MOST_NODES)
		return false;
	const struct pq_element *e = &t->elements[b->at];
	bool ok;
	out->name = pf_strndup((const char *)e->name.data, e->name.len);
	out->leaf = b->shape->n_leaves;
	out->def = def;
	if (e->repetition == PQ_REPEATED && !element) { /* without annotation */
		out->kind = PQ_SHAPE_LIST;
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
	out->n_leaves = b->shape->n_leaves - out->leaf;
	return ok && out->n_leaves > 0;
}

static void free_node(struct pq_shape_node *n)
{
	for (size_t i = 0; i < n->n; i++)
		free_node(&n->children[i]);
	free(n->children);
	free(n->name);
}

bool pq_shape_read(const struct pf_parquet_file *f, size_t at, size_t first_leaf,
		   struct pq_shape *shape)
{
	struct build b = { .f = f, .shape = shape, .at = at, .first_leaf = first_leaf };
	*shape = (struct pq_shape){ 0 };
	if (build_node(&b, 0, 0, 0, false, &shape->root))
		return true;
	pq_shape_free(shape);
	return false;
}

void pq_shape_free(struct pq_shape *shape)
{
	free_node(&shape->root);
	free(shape->leaves);
	*shape = (struct pq_shape){ 0 };
}
