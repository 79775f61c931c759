/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "paimon/file_index_parts.h"

struct part {
	struct pf_file_index_spec spec;
	struct pf_index_bloom *bloom;   /* one of the two */
	struct pf_index_bitmap *bitmap;
};

struct pf_file_index_builder {
	struct pf_schema *schema;
	struct part *parts;
	size_t n;
	int64_t rows;
};

int pf_file_index_builder_new(const struct pf_schema *schema,
			      const struct pf_file_index_spec *specs, size_t n,
			      struct pf_file_index_builder **builder,
			      struct pf_error *err)
{
	char type_name[40];
	for (size_t i = 0; i < n; i++) {
		const struct pf_field *f = &schema->fields[specs[i].column];
		if (!pf_file_index_takes(specs[i].kind, f->type))
			return pf_fail(err, PF_E_UNSUPPORTED,
				       "column '%s' (%s) cannot have a %s index",
				       f->name, pf_type_name(f->type, type_name),
				       pf_file_index_kind_name(specs[i].kind));
	}

	struct pf_file_index_builder *b = pf_zalloc(1, sizeof *b);
	b->schema = pf_schema_copy(schema);
	b->parts = pf_zalloc(n, sizeof *b->parts);
	b->n = n;
	for (size_t i = 0; i < n; i++) {
		struct pf_type type = schema->fields[specs[i].column].type;
		b->parts[i].spec = specs[i];
		if (specs[i].kind == PF_FILE_INDEX_BLOOM)
			b->parts[i].bloom = pf_index_bloom_new(type, specs[i].fpp);
		else
			b->parts[i].bitmap = pf_index_bitmap_new(type);
	}
	*builder = b;
	return 0;
}

void pf_file_index_builder_free(struct pf_file_index_builder *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++) {
		pf_index_bloom_free(b->parts[i].bloom);
		pf_index_bitmap_free(b->parts[i].bitmap);
	}
	free(b->parts);
	pf_schema_unref(b->schema);
	free(b);
}

int pf_file_index_builder_add(struct pf_file_index_builder *b,
			      const struct pf_batch *batch, struct pf_error *err)
{
	if (batch->rows > INT32_MAX - b->rows)
		return pf_fail(err, PF_E_LIMIT,
			       "a file index cannot speak of more than %d rows",
			       INT32_MAX);
	b->rows += batch->rows;
	for (size_t i = 0; i < b->n; i++) {
		const struct part *p = &b->parts[i];
		const struct pf_column *c = &batch->columns[p->spec.column];
		if (p->bloom)
			pf_index_bloom_add(p->bloom, c, batch->rows);
		else
			pf_index_bitmap_add(p->bitmap, c, batch->rows);
	}
	return 0;
}

/* --- the container --- */

/* What goes into a container, in its order: the parts of a column stand
 * together. */
struct contents {
	struct pf_index_part *entries;
	size_t n;
	struct pf_buf bodies, names;
};

/* Write the bodies of the new parts. Views are made when the buffers have
 * stopped to move. */
static void write_parts(struct pf_file_index_builder *b, struct contents *c,
			size_t *ends)
{
	for (size_t i = 0; i < b->n; i++) {
		struct part *p = &b->parts[i];
		pf_index_put_name(&c->names,
				  b->schema->fields[p->spec.column].name);
		if (p->bloom)
			pf_index_bloom_finish(p->bloom, &c->bodies);
		else
			pf_index_bitmap_finish(p->bitmap, &c->bodies);
		ends[i] = c->bodies.len;
	}
}

static void list_parts(const struct pf_file_index_builder *b, struct contents *c,
		       const size_t *ends)
{
	struct pf_view names = pf_view_of(c->names.data, c->names.len);
	for (size_t i = 0, at = 0; i < b->n; at = ends[i++]) {
		uint64_t len = 0;
		struct pf_index_part *e = &c->entries[c->n++];
		pf_take_be(&names, 2, &len);
		pf_take(&names, (size_t)len, &e->column);
		e->type = pf_view_str(pf_file_index_kind_name(b->parts[i].spec.kind));
		e->body = pf_view_of(c->bodies.data + at, ends[i] - at);
	}
}

static bool same_part(const struct pf_index_part *a, const struct pf_index_part *b)
{
	return !pf_view_cmp(a->column, b->column) && !pf_view_cmp(a->type, b->type);
}

/* What stays goes first, so that adding one after another gives the same as
 * adding together. */
static void list_kept(const struct pf_file_index *keep, struct contents *c)
{
	size_t made = c->n, kept = 0;
	struct pf_index_part *old = pf_alloc(keep->n, sizeof *old);
	for (size_t k = 0; k < keep->n; k++) {
		bool anew = false;
		for (size_t i = 0; i < made; i++)
			anew |= same_part(&c->entries[i], &keep->entries[k]);
		if (!anew)
			old[kept++] = keep->entries[k];
	}
	memmove(c->entries + kept, c->entries, made * sizeof *c->entries);
	memcpy(c->entries, old, kept * sizeof *old);
	c->n += kept;
	free(old);
}

static void group_columns(struct contents *c)
{
	for (size_t i = 1; i < c->n; i++) {
		struct pf_index_part e = c->entries[i];
		size_t to = i;
		for (size_t k = 0; k < i; k++)
			if (!pf_view_cmp(c->entries[k].column, e.column))
				to = k + 1;
		if (to < i)
			memmove(&c->entries[to + 1], &c->entries[to],
				(i - to) * sizeof *c->entries);
		c->entries[to] = e;
	}
}

static size_t parts_of_column(const struct contents *c, size_t first)
{
	size_t n = 1;
	while (first + n < c->n &&
	       !pf_view_cmp(c->entries[first].column, c->entries[first + n].column))
		n++;
	return n;
}

static void put_view(struct pf_buf *out, struct pf_view text)
{
	pf_put_be(out, text.len, 2);
	pf_buf_add(out, text.data, text.len);
}

static size_t head_bytes(const struct contents *c)
{
	size_t bytes = 8 + 4 + 4 + 4 + 4;
	for (size_t i = 0; i < c->n; i += parts_of_column(c, i))
		bytes += 2 + c->entries[i].column.len + 4;
	for (size_t i = 0; i < c->n; i++)
		bytes += 2 + c->entries[i].type.len + 8;
	return bytes;
}

static void write_container(const struct contents *c, struct pf_buf *out)
{
	size_t columns = 0, body = head_bytes(c);
	for (size_t i = 0; i < c->n; i += parts_of_column(c, i))
		columns++;
	pf_put_be(out, PF_INDEX_MAGIC, 8);
	pf_put_be(out, PF_INDEX_VERSION, 4);
	pf_put_be(out, body, 4);
	pf_put_be(out, columns, 4);
	for (size_t i = 0, left = 0; i < c->n; i++, left--) {
		const struct pf_index_part *e = &c->entries[i];
		if (!left) {
			left = parts_of_column(c, i);
			put_view(out, e->column);
			pf_put_be(out, left, 4);
		}
		put_view(out, e->type);
		pf_put_be(out, body, 4);
		pf_put_be(out, e->body.len, 4);
		body += e->body.len;
	}
	pf_put_be(out, 0, 4);
	for (size_t i = 0; i < c->n; i++)
		pf_buf_add(out, c->entries[i].body.data, c->entries[i].body.len);
}

int pf_file_index_builder_finish(struct pf_file_index_builder *b,
				 const struct pf_file_index *keep,
				 struct pf_buf *out, struct pf_error *err)
{
	struct contents c = { 0 };
	size_t base = out->len, *ends = pf_alloc(b->n, sizeof *ends);
	c.entries = pf_alloc(b->n + (keep ? keep->n : 0), sizeof *c.entries);
	write_parts(b, &c, ends);
	list_parts(b, &c, ends);
	if (keep && keep->n)
		list_kept(keep, &c);
	group_columns(&c);
	write_container(&c, out);
	free(ends);
	free(c.entries);
	pf_buf_free(&c.bodies);
	pf_buf_free(&c.names);
	b->rows = 0;
	if (out->len - base > INT32_MAX)
		return pf_fail(err, PF_E_LIMIT, "a file index of %zu bytes is too long",
			       out->len - base);
	return 0;
}
