/* SPDX-License-Identifier: Apache-2.0
 *
 * Several sources as one: each has all columns that any of them has, null
 * where it lacks one, and one more that says whose rows these are. Conditions
 * on a source's own columns go to it, so that it can skip what they rule out.
 */
#include "query/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct tagged {
	struct pf_source base;
	struct pf_source *inner;
	char *column;
	struct pf_schema *wanted;   /* what the source below has of it */
	const struct pf_schema *all;
	struct pf_filter filter;
	struct pf_wanted below;
	bool all_below;             /* no condition is left for those above */
	struct pf_builder *made;    /* the tag, and nulls */
	struct pf_column *columns;
};

/* Does it speak of columns of this schema only? */
static bool is_of(const struct pf_expr *e, const struct pf_schema *s)
{
	const char **names;
	size_t n = pf_expr_names(e, &names);
	for (size_t i = 0; i < n; i++)
		if (pf_schema_find(s, names[i]) < 0)
			return false;
	return true;
}

static int filter_below(struct tagged *t, const struct pf_wanted *w, struct pf_error *err)
{
	struct pf_buf text = { 0 };
	int code = 0;
	t->all_below = true;
	for (size_t i = 0; w->filter && i < w->filter->n && !code; i++) {
		if (!is_of(w->filter->items[i], t->wanted)) {
			t->all_below = false;
			continue;
		}
		text.len = 0;
		pf_expr_print(w->filter->items[i], &text);
		code = pf_filter_add(&t->filter, pf_buf_cstr(&text), "a condition", err);
	}
	pf_buf_free(&text);
	if (code)
		return code;
	return pf_filter_bind(&t->filter, t->wanted, pf_meta_get(&w->schema->meta, "pf:zone"),
			      err);
}

static int start(struct pf_source *s, const struct pf_wanted *w, struct pf_error *err)
{
	struct tagged *t = (struct tagged *)s;
	t->all = w->schema;
	t->wanted = pf_schema_new();
	for (size_t i = 0; i < w->schema->n; i++) {
		const struct pf_field *f = &w->schema->fields[i];
		if (pf_schema_find(t->inner->schema, f->name) >= 0)
			pf_schema_add(t->wanted, f->name, f->type, f->nullable)->id = f->id;
	}
	pf_meta_copy(&t->wanted->meta, &w->schema->meta);
	t->columns = pf_zalloc(w->schema->n + 1, sizeof *t->columns);
	t->made = pf_builder_new((struct pf_schema *)(uintptr_t)w->schema);
	PF_TRY(filter_below(t, w, err));
	t->below = (struct pf_wanted){ t->wanted, &t->filter, .prune = w->prune };
	PF_TRY(t->inner->ops->start(t->inner, &t->below, err));
	s->snapshot = t->inner->snapshot;
	return 0;
}

/* The column's value for so many rows: the source's name, or null. */
static struct pf_column made(struct tagged *t, size_t column, int64_t rows)
{
	struct pf_colbuf *c = &t->made->columns[column];
	bool tag = !strcmp(t->all->fields[column].name, t->column);
	while (c->rows < rows)
		if (tag)
			pf_col_bytes(c, t->base.name, strlen(t->base.name));
		else
			pf_col_null(c);
	return pf_colbuf_view(c);
}

static int next(struct pf_source *s, struct pf_batch *batch, struct pf_error *err)
{
	struct tagged *t = (struct tagged *)s;
	struct pf_batch b;
	PF_TRY(t->inner->ops->next(t->inner, &b, err));
	s->filtered = t->inner->filtered && t->all_below;
	s->rejected = t->inner->rejected;
	s->counts = t->inner->counts;
	for (size_t i = 0; i < t->all->n && b.rows; i++) {
		int from = pf_schema_find(t->wanted, t->all->fields[i].name);
		t->columns[i] = from < 0 ? made(t, i, b.rows) : b.columns[from];
	}
	*batch = (struct pf_batch){ t->all, b.rows, t->columns, b.meta };
	return 0;
}

static bool ready(struct pf_source *s)
{
	struct pf_source *inner = ((struct tagged *)s)->inner;
	return !inner->ops->ready || inner->ops->ready(inner);
}

static void close_tagged(struct pf_source *s)
{
	struct tagged *t = (struct tagged *)s;
	pf_source_close(t->inner);
	pf_filter_free(&t->filter);
	pf_schema_unref(t->wanted);
	pf_builder_free(t->made);
	free(t->columns);
	free(t->column);
	free(t);
}

static const struct pf_source_ops ops = { start, next, ready, close_tagged };

/* --- the schema of all --- */

/* Columns of the same name are of the wider type; where neither is wider, the
 * source says so when the column is wanted. */
static void add_columns(struct pf_schema *all, const struct pf_source *s)
{
	for (size_t i = 0; i < s->schema->n; i++) {
		const struct pf_field *f = &s->schema->fields[i];
		int at = pf_schema_find(all, f->name);
		if (at < 0) {
			struct pf_field *to = pf_schema_add(all, f->name, f->type, true);
			to->id = f->id;
			pf_meta_copy(&to->meta, &f->meta);
			continue;
		}
		struct pf_field *to = &all->fields[at];
		to->nullable = to->nullable || f->nullable;
		if (pf_type_widens(to->type, f->type) &&
		    (!pf_kind_is_timestamp(f->type.kind) ||
		     f->type.precision > to->type.precision))
			to->type = f->type;
	}
}

/* Who lacks a column is said with it: a key or a time cannot be null for all
 * rows of a source. */
static void note_absent(struct pf_schema *all, const struct pf_source *s)
{
	for (size_t i = 0; i < all->n; i++) {
		struct pf_field *f = &all->fields[i];
		if (pf_schema_find(s->schema, f->name) >= 0)
			continue;
		f->nullable = true;
		pf_meta_set(&f->meta, "pf:absent", s->name);
	}
}

static const char *zone_of(const struct pf_source *s)
{
	const char *zone = pf_meta_get(&s->schema->meta, "pf:zone");
	return zone && *zone ? zone : "UTC";
}

static int check(struct pf_source *const *sources, size_t n, const char *column,
		 struct pf_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (pf_schema_find(sources[i]->schema, column) >= 0)
			return pf_fail(err, PF_E_USAGE, "'%s' has a column '%s' already",
				       sources[i]->name, column);
		if (strcmp(zone_of(sources[i]), zone_of(sources[0])) != 0)
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "the zone of '%s' is %s, that of '%s' is %s",
				       sources[i]->name, zone_of(sources[i]),
				       sources[0]->name, zone_of(sources[0]));
	}
	return 0;
}

int pf_sources_tag(struct pf_source **sources, size_t n, const char *column,
		   struct pf_error *err)
{
	PF_TRY(check(sources, n, column, err));
	struct pf_schema *all = pf_schema_copy(sources[0]->schema);
	for (size_t i = 1; i < n; i++)
		add_columns(all, sources[i]);
	for (size_t i = 0; i < n; i++)
		note_absent(all, sources[i]);
	pf_schema_add(all, column, (struct pf_type){ .kind = PF_STRING }, false);
	pf_meta_set(&all->meta, "pf:tag", column);
	for (size_t i = 0; i < n; i++) {
		struct tagged *t = pf_zalloc(1, sizeof *t);
		t->inner = sources[i];
		t->column = pf_strdup(column);
		t->base = (struct pf_source){ .ops = &ops,
					      .name = pf_strdup(sources[i]->name),
					      .kind = sources[i]->kind,
					      .schema = pf_schema_ref(all) };
		sources[i] = &t->base;
	}
	pf_schema_unref(all);
	return 0;
}
