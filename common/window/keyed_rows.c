/* SPDX-License-Identifier: Apache-2.0 */
#include "window/keyed_rows.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "keyed/sections.h"
#include "query/keyed_changes.h"
#include "query/keyed_scan.h"
#include "query/table_files.h"
#include "window/table_rows.h"

/* --- rows of a snapshot --- */

struct reading {
	struct pf_keyed_rows *r;
	struct pf_table_rows *rows;
	struct pf_table_files *files;
	struct pf_scan_counts counts;
	struct pf_file_list kept;
};

/* Sections in which no version has a time that counts hold no such row. */
static int keep_sections(struct reading *g, const struct pf_file_list *list,
			 struct pf_error *err)
{
	struct pf_sections s;
	PF_TRY(pf_sections_make(list, pf_table_schema(g->r->table), g->r->rules, &s, err));
	g->kept.files = pf_alloc(list->n + 1, sizeof *g->kept.files);
	for (size_t i = 0; i < s.n; i++) {
		const struct pf_section *at = &s.items[i];
		bool may = false;
		for (size_t k = 0; k < at->n && !may; k++)
			for (size_t f = 0; f < at->runs[k].n && !may; f++)
				may = pf_table_rows_in_time(g->rows, at->runs[k].files[f]);
		for (size_t k = 0; k < at->n && may; k++)
			for (size_t f = 0; f < at->runs[k].n; f++)
				g->kept.files[g->kept.n++] = *at->runs[k].files[f];
	}
	pf_sections_free(&s);
	g->r->files += (int64_t)g->kept.n;
	return 0;
}

static int open_file(void *ctx, const struct pf_data_file *file, const struct pf_wanted *w,
		     struct pf_parquet_scan **scan, struct pf_error *err)
{
	return pf_table_files_open(((struct reading *)ctx)->files, file, w, scan, err);
}

static void close_file(void *ctx, const struct pf_data_file *file)
{
	pf_table_files_done(((struct reading *)ctx)->files, file);
}

static bool may_match(void *ctx, const struct pf_data_file *file)
{
	return pf_table_rows_may(((struct reading *)ctx)->rows, file);
}

/* Files [from, to) of a bucket of a partition. */
static int read_bucket(struct reading *g, size_t from, size_t to, struct pf_fold *fold,
		       struct pf_fold_from *into, struct pf_error *err)
{
	const struct pf_keyed_files files = { .open = open_file, .done = close_file,
					      .may_match = may_match,
					      .ctx = g };
	const struct pf_file_list some = { .files = g->kept.files + from, .n = to - from };
	struct pf_wanted wanted = *pf_table_rows_wanted(g->rows);
	struct pf_keyed_scan *scan;
	struct pf_batch batch;
	wanted.memory = g->r->memory;
	into->bucket = some.files[0].bucket;
	PF_TRY(pf_keyed_scan_new(&some, pf_table_schema(g->r->table), g->r->rules, &wanted,
				 &files, &g->counts, &scan, err));
	int code;
	do {
		code = pf_keyed_scan_next(scan, &batch, err);
		bool any = !code && batch.rows;
		if (any)
			code = pf_table_rows_finish(g->rows, &batch, err);
		if (any && !code && batch.rows)
			code = pf_fold_add(fold, &batch, into, err);
		batch.rows = any;
	} while (!code && batch.rows);
	pf_keyed_scan_free(scan);
	return code ? pf_context(err, "'%s'", pf_table_name(g->r->table)) : 0;
}

static int read_all(struct reading *g, const struct pf_snapshot *snapshot,
		    struct pf_fold *fold, const struct pf_fold_from *from,
		    struct pf_error *err)
{
	struct pf_fold_from into = *from;
	const struct pf_data_file *f = g->kept.files;
	PF_TRY(pf_table_files_new(g->r->table, snapshot->id, &g->counts, &g->files, err));
	PF_TRY(pf_table_files_hold(g->files, &g->kept, NULL, NULL, err));
	for (size_t i = 0, end; i < g->kept.n; i = end) {
		for (end = i + 1; end < g->kept.n && f[i].bucket == f[end].bucket &&
				  !pf_view_cmp(f[i].partition, f[end].partition);)
			end++;
		PF_TRY(read_bucket(g, i, end, fold, &into, err));
	}
	return 0;
}

int pf_keyed_rows_fold(struct pf_keyed_rows *r, const struct pf_snapshot *snapshot,
		       int64_t least_us, int64_t most_us, struct pf_fold *fold,
		       const struct pf_fold_from *from, struct pf_error *err)
{
	const struct pf_scan_filter read = { .use = PF_SCAN_READ };
	struct reading g = { .r = r };
	struct pf_file_list list;
	if (!snapshot)
		return 0;
	PF_TRY(pf_table_rows_open(r->shape, r->table, r->name, least_us, most_us, &g.rows, err));
	int code = pf_scan_files(r->table, snapshot, &read, &list, err);
	if (!code)
		code = keep_sections(&g, &list, err);
	if (!code)
		code = read_all(&g, snapshot, fold, from, err);
	pf_table_files_free(g.files);
	pf_table_rows_close(g.rows);
	free(g.kept.files);
	pf_file_list_free(&list);
	r->bytes += g.counts.bytes;
	return code;
}

/* --- what changed --- */

/* The columns that the shape reads, as far as the table has them, then those of
 * the key. at[i]: where needed column i is, or -1. */
static struct pf_schema *changing_columns(const struct pf_keyed_rows *r, int *at)
{
	const struct pf_schema *needed = r->shape->needed;
	const struct pf_schema *own = pf_table_schema(r->table)->columns;
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; i < needed->n; i++) {
		const struct pf_field *f = &needed->fields[i];
		at[i] = pf_schema_find(own, f->name) < 0 ? -1 : (int)s->n;
		if (at[i] >= 0)
			pf_schema_add(s, f->name, f->type, true)->id = f->id;
	}
	for (size_t i = 0; i < r->rules->nkeys; i++) {
		int c = pf_schema_find(own, r->rules->keys[i]);
		if (c < 0 || pf_schema_find(s, r->rules->keys[i]) >= 0)
			continue;
		pf_schema_add(s, own->fields[c].name, own->fields[c].type, true)->id =
			own->fields[c].id;
	}
	return s;
}

/* The cells of a batch of changed rows. */
struct telling {
	const struct pf_shape *shape;
	const int *at;
	struct pf_column *columns;
	int64_t *times;
	size_t cap;
	pf_keyed_cell_fn *cell;
	void *ctx;
};

static void tell(struct telling *t, const struct pf_batch *rows, int32_t bucket)
{
	int64_t last = INT64_MIN;
	struct pf_batch needed = { .schema = t->shape->needed, .rows = rows->rows,
				   .columns = t->columns };
	if ((size_t)rows->rows > t->cap) {
		t->cap = pf_grow(t->cap, (size_t)rows->rows);
		t->times = pf_realloc(t->times, t->cap, sizeof *t->times);
	}
	for (size_t i = 0; i < t->shape->needed->n; i++)
		if (t->at[i] >= 0)
			t->columns[i] = rows->columns[t->at[i]];
	pf_shape_times(t->shape, &needed, t->times);
	for (int64_t i = 0; i < rows->rows; i++) {
		if (t->times[i] == INT64_MIN)
			continue;
		int64_t day = pf_shape_cell(t->shape, t->times[i]);
		if (day != last)
			t->cell(t->ctx, day, bucket);
		last = day;
	}
}

int pf_keyed_rows_changed(struct pf_keyed_rows *r, const struct pf_snapshot *before,
			  const struct pf_snapshot *after, pf_keyed_cell_fn *cell,
			  void *ctx, int64_t *snapshots, struct pf_error *err)
{
	int *at = pf_alloc(r->shape->needed->n + 1, sizeof *at);
	struct pf_schema *columns = changing_columns(r, at);
	struct telling t = { .shape = r->shape, .at = at, .cell = cell, .ctx = ctx };
	struct pf_scan_counts counts = { 0 };
	struct pf_keyed_changes *c = NULL;
	const struct pf_keyed_changes_of of = {
		.table = r->table, .rules = r->rules, .before = before, .after = after,
		.columns = columns, .prune = true, .memory = r->memory, .counts = &counts };
	t.columns = pf_zalloc(r->shape->needed->n + 1, sizeof *t.columns);
	int code = pf_keyed_changes_open(&of, &c, err);
	while (!code) {
		struct pf_batch rows;
		int32_t bucket;
		code = pf_keyed_changes_next(c, &rows, &bucket, err);
		if (code || !rows.rows)
			break;
		tell(&t, &rows, bucket);
	}
	if (!code)
		*snapshots += pf_keyed_changes_between(c)->snapshots;
	pf_keyed_changes_close(c);
	r->bytes += counts.bytes;
	r->files += counts.files - counts.files_stats;
	pf_schema_unref(columns);
	free(at);
	free(t.columns);
	free(t.times);
	return code;
}
