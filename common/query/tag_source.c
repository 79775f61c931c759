/* SPDX-License-Identifier: Apache-2.0
 *
 * A source with one column more, which says whose rows these are. Conditions
 * that do not ask for it go to the source below, so that it can skip what
 * they rule out.
 */
#include "query/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct tagged {
	struct pf_source base;
	struct pf_source *inner;
	char *column, *value;
	struct pf_schema *wanted; /* without the column */
	const struct pf_schema *all;
	struct pf_filter filter;
	struct pf_wanted below;
	bool all_below; /* no condition asks for the column */
	int at;         /* of the column in all, -1: nobody wants it */
	struct pf_builder *values;
	struct pf_column *columns;
};

static bool mentions(const struct pf_expr *e, const char *column)
{
	const char **names;
	size_t n = pf_expr_names(e, &names);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], column))
			return true;
	return false;
}

static int filter_below(struct tagged *t, const struct pf_wanted *w, struct pf_error *err)
{
	struct pf_buf text = { 0 };
	int code = 0;
	t->all_below = true;
	for (size_t i = 0; w->filter && i < w->filter->n && !code; i++) {
		if (mentions(w->filter->items[i], t->column)) {
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
	t->at = pf_schema_find(w->schema, t->column);
	t->wanted = pf_schema_new();
	for (size_t i = 0; i < w->schema->n; i++) {
		const struct pf_field *f = &w->schema->fields[i];
		if ((int)i != t->at)
			pf_schema_add(t->wanted, f->name, f->type, f->nullable)->id = f->id;
	}
	pf_meta_copy(&t->wanted->meta, &w->schema->meta);
	t->columns = pf_zalloc(w->schema->n + 1, sizeof *t->columns);
	PF_TRY(filter_below(t, w, err));
	t->below = (struct pf_wanted){ t->wanted, &t->filter, w->prune };
	PF_TRY(t->inner->ops->start(t->inner, &t->below, err));
	s->snapshot = t->inner->snapshot;
	return 0;
}

static int next(struct pf_source *s, struct pf_batch *batch, struct pf_error *err)
{
	struct tagged *t = (struct tagged *)s;
	struct pf_batch b;
	PF_TRY(t->inner->ops->next(t->inner, &b, err));
	s->filtered = t->inner->filtered && t->all_below;
	s->rejected = t->inner->rejected;
	s->counts = t->inner->counts;
	while (t->values->columns[0].rows < b.rows)
		pf_col_bytes(&t->values->columns[0], t->value, strlen(t->value));
	for (size_t i = 0, from = 0; i < t->all->n; i++)
		t->columns[i] = (int)i == t->at ? pf_colbuf_view(&t->values->columns[0]) :
						  b.columns[from++];
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
	pf_builder_free(t->values);
	free(t->columns);
	free(t->column);
	free(t->value);
	free(t);
}

static const struct pf_source_ops ops = { start, next, ready, close_tagged };

int pf_source_tagged(struct pf_source *inner, const char *column, struct pf_source **out,
		     struct pf_error *err)
{
	const struct pf_type text = { .kind = PF_STRING };
	if (pf_schema_find(inner->schema, column) >= 0)
		return pf_fail(err, PF_E_USAGE, "'%s' has a column '%s' already", inner->name,
			       column);
	struct tagged *t = pf_zalloc(1, sizeof *t);
	t->inner = inner;
	t->column = pf_strdup(column);
	t->value = pf_strdup(inner->name);
	struct pf_schema *one = pf_schema_new();
	pf_schema_add(one, column, text, false);
	t->values = pf_builder_new(one);
	pf_schema_unref(one);
	t->base = (struct pf_source){ .ops = &ops, .name = pf_strdup(inner->name),
				      .kind = inner->kind,
				      .schema = pf_schema_copy(inner->schema) };
	pf_schema_add(t->base.schema, column, text, false);
	*out = &t->base;
	return 0;
}
