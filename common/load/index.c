/* SPDX-License-Identifier: Apache-2.0 */
#include "load/index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/near.h"
#include "load/recode.h"
#include "parquet/bloom_add.h"

/* --- the plan --- */

void pf_index_plan_free(struct pf_index_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		free(plan->wishes[i].column);
	free(plan->wishes);
	*plan = (struct pf_index_plan){ 0 };
}

/* Takes the column's name over. What was wished first stays. */
static void add(struct pf_index_plan *plan, struct pf_index_wish wish)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct pf_index_wish *w = &plan->wishes[i];
		if (w->native == wish.native && w->kind == wish.kind &&
		    !strcmp(w->column, wish.column)) {
			free(wish.column);
			return;
		}
	}
	plan->wishes = pf_realloc(plan->wishes, plan->n + 1, sizeof *plan->wishes);
	plan->wishes[plan->n++] = wish;
}

void pf_index_plan_bloom(struct pf_index_plan *plan, const char *column)
{
	add(plan, (struct pf_index_wish){ .column = pf_strdup(column), .native = true });
}

void pf_index_plan_kind(struct pf_index_plan *plan, const char *column,
			enum pf_file_index_kind kind)
{
	add(plan, (struct pf_index_wish){ .column = pf_strdup(column), .kind = kind,
					  .fpp = PF_INDEX_FPP, .optional = true });
}

/* Each name of a list between commas. */
static void add_names(struct pf_index_plan *plan, const char *names,
		      struct pf_index_wish wish)
{
	for (const char *at = names; *at;) {
		at += strspn(at, " ,");
		size_t len = strcspn(at, ",");
		const char *next = at + len;
		while (len && at[len - 1] == ' ')
			len--;
		if (len) {
			wish.column = pf_strndup(at, len);
			add(plan, wish);
		}
		at = next;
	}
}

int pf_index_plan_file_index(struct pf_index_plan *plan, const char *text, double fpp,
			     struct pf_error *err)
{
	struct pf_index_wish wish = { .fpp = fpp };
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	char *type = pf_strndup(text, len);
	bool known = pf_file_index_kind_parse(type, &wish.kind);
	free(type);
	if (!known)
		return pf_fail(err, PF_E_USAGE,
			       "'%.*s' is no file index: bloom-filter or bitmap",
			       (int)len, text);
	size_t before = plan->n;
	if (colon)
		add_names(plan, colon + 1, wish);
	if (!colon || (plan->n == before && !colon[1 + strspn(colon + 1, " ,")])) {
		pf_fail(err, PF_E_USAGE, "'%s' names no columns", text);
		return pf_hint(err, "%.*s:COLUMN,COLUMN", (int)len, text);
	}
	return 0;
}

static double option_fpp(const struct pf_meta *options, const char *column,
			 double otherwise)
{
	char *key = pf_asprintf("file-index.bloom-filter.%s.fpp", column);
	const char *text = pf_meta_get(options, key);
	double fpp = text ? strtod(text, NULL) : otherwise;
	free(key);
	return fpp > 0 && fpp < 1 ? fpp : otherwise;
}

void pf_index_plan_options(struct pf_index_plan *plan, const struct pf_meta *options,
			   double fpp)
{
	static const char file_index[] = "file-index.", columns[] = ".columns";
	static const char native[] = "parquet.bloom.filter.enabled#";
	for (size_t i = 0; i < options->n; i++) {
		const char *key = options->items[i].key, *value = options->items[i].value;
		struct pf_index_wish wish = { .fpp = fpp, .optional = true };
		size_t len = strlen(key), from = plan->n;
		if (!strncmp(key, native, sizeof native - 1) && !strcmp(value, "true")) {
			wish.native = true;
			wish.column = pf_strdup(key + sizeof native - 1);
			add(plan, wish);
		}
		if (strncmp(key, file_index, sizeof file_index - 1) ||
		    len < sizeof file_index + sizeof columns - 2 ||
		    strcmp(key + len - (sizeof columns - 1), columns))
			continue;
		char *type = pf_strndup(key + sizeof file_index - 1,
					len - (sizeof file_index + sizeof columns - 2));
		if (pf_file_index_kind_parse(type, &wish.kind))
			add_names(plan, value, wish);
		free(type);
		for (; from < plan->n; from++)
			plan->wishes[from].fpp = option_fpp(
				options, plan->wishes[from].column, fpp);
	}
}

bool pf_index_plan_bitmaps(const struct pf_index_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!plan->wishes[i].native && plan->wishes[i].kind == PF_FILE_INDEX_BITMAP)
			return true;
	return false;
}

/* --- a segment --- */

void pf_index_room_free(struct pf_index_room *room)
{
	pf_buf_free(&room->data);
	pf_buf_free(&room->index);
	pf_buf_free(&room->recoded);
}

/* What has to be made for one file. */
struct work {
	struct pf_parquet_file *file;
	struct pf_view data;       /* that it was opened on */
	struct pf_file_index *old; /* or NULL */
	bool bitmap;               /* the file has one, or will */
	int *blooms;
	size_t n_blooms;
	struct pf_file_index_spec *specs;
	size_t n_specs;
	/* The columns to look at for the file index. */
	struct pf_schema *schema;
	int *ordinals;
};

static int unknown_column(const struct pf_parquet_file *f, const char *name,
			  struct pf_error *err)
{
	size_t n = pf_parquet_columns(f);
	const char **names = pf_alloc(n, sizeof *names);
	for (size_t i = 0; i < n; i++)
		names[i] = pf_parquet_column(f, i)->name;
	const char *near = pf_near_of(name, names, n);
	int code = pf_fail(err, PF_E_UNKNOWN_COLUMN, "there is no column '%s' to index",
			   name);
	if (near)
		code = pf_hint(err, "did you mean '%s'?", near);
	free(names);
	return code;
}

/* Position of the column among those to look at. */
static int look_at(struct work *w, int ordinal)
{
	const struct pf_parquet_column *c = pf_parquet_column(w->file, (size_t)ordinal);
	for (size_t i = 0; i < w->schema->n; i++)
		if (w->ordinals[i] == ordinal)
			return (int)i;
	w->ordinals[w->schema->n] = ordinal;
	pf_schema_add(w->schema, c->name, c->type, c->nullable);
	return (int)w->schema->n - 1;
}

static int take_wish(struct work *w, const struct pf_index_wish *wish,
		     struct pf_error *err)
{
	int ordinal = pf_parquet_find(w->file, wish->column);
	if (ordinal < 0)
		return wish->optional ? 0 : unknown_column(w->file, wish->column, err);
	size_t column = (size_t)ordinal;
	const struct pf_parquet_column *c = pf_parquet_column(w->file, column);
	if (wish->native) {
		if (wish->optional && pf_parquet_bloom_refused(w->file, column))
			return 0;
		if (!pf_parquet_bloom_complete(w->file, column))
			w->blooms[w->n_blooms++] = ordinal;
		return 0;
	}
	if (c->refused || !pf_file_index_takes(wish->kind, c->type)) {
		char type[40];
		if (wish->optional)
			return 0;
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "column '%s' (%s) cannot have a %s index", c->name,
			       c->refused ? c->refused : pf_type_name(c->type, type),
			       pf_file_index_kind_name(wish->kind));
	}
	w->bitmap |= wish->kind == PF_FILE_INDEX_BITMAP;
	if (!pf_file_index_has(w->old, wish->column, wish->kind))
		w->specs[w->n_specs++] = (struct pf_file_index_spec){
			wish->kind, look_at(w, ordinal), wish->fpp };
	return 0;
}

static int build_file_index(struct work *w, struct pf_buf *out, struct pf_error *err)
{
	struct pf_file_index_builder *index;
	PF_TRY(pf_file_index_builder_new(w->schema, w->specs, w->n_specs, &index, err));
	struct pf_builder *rows = pf_builder_new(w->schema);
	int code = 0;
	for (size_t g = 0; !code && g < pf_parquet_groups(w->file); g++) {
		pf_builder_reset(rows);
		code = pf_parquet_read(w->file, g, w->ordinals, w->schema->n, NULL, 0,
				       rows, err);
		if (!code) {
			struct pf_batch batch = pf_builder_batch(rows);
			code = pf_file_index_builder_add(index, &batch, err);
		}
	}
	out->len = 0;
	if (!code)
		code = pf_file_index_builder_finish(index, w->old, out, err);
	pf_builder_free(rows);
	pf_file_index_builder_free(index);
	return code;
}

static int open_file(struct work *w, struct pf_view data, struct pf_error *err)
{
	pf_parquet_close(w->file);
	w->file = NULL;
	w->data = data;
	struct pf_random_source source = pf_random_view(&w->data, "segment");
	return pf_parquet_open(&source, &w->file, err);
}

static int work_on(struct work *w, const struct pf_index_plan *plan,
		   struct pf_segment *s, struct pf_index_room *room, bool *changed,
		   struct pf_error *err)
{
	for (size_t i = 0; i < plan->n; i++)
		PF_TRY(take_wish(w, &plan->wishes[i], err));
	bool recode = w->bitmap && pf_parquet_has_delta(w->file);
	if (recode) {
		room->recoded.len = 0;
		PF_TRY(pf_recode(w->file, &room->recoded, err));
		PF_TRY(open_file(w, pf_view_of(room->recoded.data, room->recoded.len), err));
	}
	if (w->n_specs)
		PF_TRY(build_file_index(w, &room->index, err));
	if (w->n_blooms) {
		room->data.len = 0;
		PF_TRY(pf_parquet_bloom_add(w->file, w->data, w->blooms, w->n_blooms,
					    &room->data, err));
	}
	/* Only now: w->old looks at the old bytes. */
	if (w->n_specs)
		s->index = pf_view_of(room->index.data, room->index.len);
	s->data = w->n_blooms ? pf_view_of(room->data.data, room->data.len) : w->data;
	*changed = w->n_specs || w->n_blooms || recode;
	return 0;
}

int pf_index_segment(const struct pf_index_plan *plan, struct pf_segment *segment,
		     struct pf_index_room *room, bool *changed, struct pf_error *err)
{
	struct work w = { 0 };
	*changed = false;
	PF_TRY(open_file(&w, segment->data, err));
	int64_t rows = pf_parquet_rows(w.file);
	int code = 0;
	if (rows != segment->rows)
		code = pf_fail(err, PF_E_CORRUPT,
			       "a segment of %" PRId64 " rows says that it has %" PRId64,
			       rows, segment->rows);
	/* An index that is damaged is as if it were not there. */
	if (!code && segment->index.data)
		pf_file_index_open(segment->index, rows, &w.old, NULL);
	w.schema = pf_schema_new();
	w.blooms = pf_alloc(plan->n, sizeof *w.blooms);
	w.specs = pf_alloc(plan->n, sizeof *w.specs);
	w.ordinals = pf_alloc(plan->n, sizeof *w.ordinals);
	if (!code)
		code = work_on(&w, plan, segment, room, changed, err);
	free(w.blooms);
	free(w.specs);
	free(w.ordinals);
	pf_schema_unref(w.schema);
	pf_file_index_free(w.old);
	pf_parquet_close(w.file);
	return code;
}
