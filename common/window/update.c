/* SPDX-License-Identifier: Apache-2.0 */
#include "window/update.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/keyset.h"
#include "window/changes.h"
#include "window/fold.h"
#include "window/keyed_rows.h"
#include "window/table_rows.h"

/* --- what has to be read --- */

/* A cell as a key of a set. */
struct cell_key {
	int64_t day;
	int64_t bucket;
};

struct work {
	struct pf_state *s;
	struct pf_update *u;
	size_t at;                 /* the table that it is about now */
	struct pf_table *table;
	const struct pf_snapshot *snapshot;
	struct pf_changes c;
	struct pf_keyset *rebuild; /* cells that are built anew */
	int64_t old_from;          /* what the state held before */
	int64_t rebuild_from, rebuild_to; /* the stretch of their days */
	bool all;                  /* every cell is */
};

static bool is_rebuilt(const struct work *w, int64_t day, int32_t bucket)
{
	struct cell_key key = { day, bucket }, any = { day, INT32_MIN };
	return w->all || pf_keyset_find(w->rebuild, &key, sizeof key) != UINT32_MAX ||
	       pf_keyset_find(w->rebuild, &any, sizeof any) != UINT32_MAX;
}

/* Old inputs count in cells that are built anew, and before what was held. */
static bool old_wanted(void *ctx, int64_t day, int32_t bucket)
{
	const struct work *w = ctx;
	return pf_shape_cell_us(w->u->shape, day) < w->old_from || is_rebuilt(w, day, bucket);
}

static void mark_rebuilt(struct work *w, int64_t day, int32_t bucket)
{
	struct cell_key key = { day, bucket };
	int64_t from = pf_shape_cell_us(w->u->shape, day);
	int64_t to = pf_shape_cell_us(w->u->shape, day + 1);
	bool is_new;
	pf_keyset_put(w->rebuild, &key, sizeof key, &is_new);
	w->rebuild_from = from < w->rebuild_from ? from : w->rebuild_from;
	w->rebuild_to = to > w->rebuild_to ? to : w->rebuild_to;
}

static bool drop_rebuilt(void *ctx, const struct pf_state_cell *cell)
{
	const struct work *w = ctx;
	return cell->table == w->at && is_rebuilt(w, cell->day, cell->bucket);
}

/* Cells that hold rows of a file that is gone. */
static void find_rebuilt(struct work *w)
{
	for (size_t i = 0; i < w->s->ncells; i++) {
		const struct pf_state_cell *c = &w->s->cells[i];
		bool gone = false;
		for (size_t k = 0; k < c->inputs.n && !gone; k++)
			gone = pf_ids_has(&w->c.gone, c->inputs.items[k]);
		if (gone)
			mark_rebuilt(w, c->day, c->bucket);
	}
}

/* --- reading --- */

static int read_file(struct work *w, struct pf_table_rows *rows, struct pf_fold *fold,
		     const struct pf_data_file *file, size_t input, bool is_new,
		     struct pf_error *err)
{
	struct pf_fold_from from = { .bucket = file->bucket, .input = (uint32_t)input,
				     .from_us = w->u->from_us, .to_us = INT64_MAX,
				     .cell = is_new ? NULL : old_wanted, .ctx = w };
	struct pf_batch batch;
	from.whole = pf_table_rows_whole(rows, file, from.from_us, from.to_us,
					 &from.whole_us);
	PF_TRY(pf_table_rows_file(rows, file, from.whole, err));
	do {
		PF_TRY(pf_table_rows_next(rows, &batch, err));
		if (batch.rows)
			PF_TRY(pf_fold_add(fold, &batch, &from, err));
	} while (batch.rows);
	w->u->files_read++;
	return 0;
}

/* The files that have come. */
static int read_new(struct work *w, struct pf_fold *fold, struct pf_error *err)
{
	struct pf_table_rows *rows;
	PF_TRY(pf_table_rows_open(w->u->shape, w->table, w->s->tables[w->at].name,
				  w->u->from_us, INT64_MAX, &rows, err));
	int code = 0;
	for (size_t i = 0; i < w->c.nadded && !code; i++) {
		const struct pf_added *a = &w->c.added[i];
		if (pf_table_rows_may(rows, a->file))
			code = read_file(w, rows, fold, a->file, a->input, true, err);
	}
	w->u->bytes += pf_table_rows_bytes(rows);
	pf_table_rows_close(rows);
	return code;
}

/* Known files again, for the cells that are built anew and for days before
 * those that the state held. */
static int read_old(struct work *w, struct pf_fold *fold, struct pf_error *err)
{
	bool back = w->u->from_us < w->old_from && w->old_from != INT64_MAX;
	int64_t from = back ? w->u->from_us : w->rebuild_from;
	int64_t to = back ? w->old_from : w->rebuild_to;
	if (pf_keyset_count(w->rebuild)) {
		from = w->rebuild_from < from ? w->rebuild_from : from;
		to = w->rebuild_to > to ? w->rebuild_to : to;
	} else if (!back) {
		return 0;
	}
	PF_TRY(pf_changes_list(&w->c, w->table, w->snapshot, err));
	struct pf_table_rows *rows;
	PF_TRY(pf_table_rows_open(w->u->shape, w->table, w->s->tables[w->at].name, from, to,
				  &rows, err));
	int code = 0;
	for (size_t i = 0; i < w->c.live.n && !code; i++) {
		const struct pf_data_file *f = &w->c.live.files[i];
		size_t input;
		if (!pf_changes_is_old(&w->c, w->s, f, &input) || !pf_table_rows_may(rows, f))
			continue;
		code = read_file(w, rows, fold, f, input, false, err);
	}
	w->u->bytes += pf_table_rows_bytes(rows);
	pf_table_rows_close(rows);
	return code;
}

/* --- what it came to --- */

static bool was_published(const struct work *w, int64_t day)
{
	int64_t from = pf_shape_cell_us(w->u->shape, day);
	for (size_t i = 0; i < w->s->npublished; i++)
		if (from >= w->s->published[i].from_us && from < w->s->published[i].to_us)
			return from >= w->old_from;
	return false;
}

static void note_late(struct work *w, int64_t day, int32_t bucket, bool rebuilt)
{
	struct pf_update *u = w->u;
	if (!was_published(w, day))
		return;
	u->late = pf_realloc(u->late, u->nlate + 1, sizeof *u->late);
	u->late[u->nlate++] = (struct pf_late){ day, bucket, w->at, rebuilt };
}

static int by_cell(const void *a, const void *b)
{
	const struct pf_late *x = a, *y = b;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return (x->table > y->table) - (x->table < y->table);
}

static bool had_cell(const struct pf_state *s, int64_t day, int32_t bucket, size_t table)
{
	size_t lo = 0, hi = s->ncells;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct pf_state_cell *c = &s->cells[mid];
		if (c->day < day || (c->day == day && (c->bucket < bucket ||
						       (c->bucket == bucket && c->table < table))))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->ncells && s->cells[lo].day == day && s->cells[lo].bucket == bucket &&
	       s->cells[lo].table == table;
}

static void count_cell(struct work *w, const struct pf_fold_cell *c)
{
	struct pf_update *u = w->u;
	bool rebuilt = is_rebuilt(w, c->day, c->bucket);
	bool merged = !rebuilt && had_cell(w->s, c->day, c->bucket, w->at);
	u->cells_new += !rebuilt && !merged;
	u->cells_merged += merged;
	if (!rebuilt)
		note_late(w, c->day, c->bucket, false);
}

static int take_cells(struct work *w, struct pf_fold *fold, struct pf_error *err)
{
	struct pf_state *s = w->s;
	struct pf_fold_cell *cells = NULL;
	struct pf_run_out *out;
	size_t n = 0, file;
	if (!pf_fold_rows(fold))
		return 0;
	PF_TRY(pf_state_file_new(s, "partials", &file, err));
	const char *name = s->files[file].name ? s->files[file].name : "temporary state";
	PF_TRY(pf_run_out_open(s->files[file].fd, name, w->u->shape->partial, &out, err));
	int code = pf_fold_write(fold, out, &cells, &n, err);
	if (!code)
		code = pf_run_out_finish(out, err);
	pf_run_out_free(out);
	for (size_t i = 0; i < n; i++)
		count_cell(w, &cells[i]);
	for (size_t i = 0; i < n && !code; i++) {
		struct pf_state_cell c = { .day = cells[i].day, .bucket = cells[i].bucket,
					   .table = w->at, .id = s->next_id++, .file = file,
					   .run = cells[i].run };
		for (size_t k = 0; k < cells[i].ninputs; k++)
			pf_ids_add(&c.inputs, cells[i].inputs[k]);
		pf_state_add_cell(s, &c);
	}
	pf_state_sort_cells(s);
	free(cells);
	return code;
}

static void note_rebuilt(struct work *w)
{
	size_t n = pf_keyset_count(w->rebuild);
	w->u->cells_rebuilt += (int64_t)n;
	for (size_t i = 0; i < n; i++) {
		struct cell_key key;
		memcpy(&key, pf_keyset_at(w->rebuild, (uint32_t)i).data, sizeof key);
		note_late(w, key.day, (int32_t)key.bucket, true);
	}
}

static int read_all(struct work *w, struct pf_error *err)
{
	struct pf_fold *fold = pf_fold_new(w->u->shape, w->u->memory);
	int code = read_new(w, fold, err);
	if (!code)
		code = read_old(w, fold, err);
	w->u->rows += pf_fold_rows(fold);
	if (!code) {
		note_rebuilt(w);
		pf_state_drop_cells(w->s, drop_rebuilt, w);
		code = take_cells(w, fold, err);
	}
	pf_fold_free(fold);
	return code;
}

/* --- tables with a primary key --- */

static void note_changed(void *ctx, int64_t day, int32_t bucket)
{
	struct work *w = ctx;
	if (pf_shape_cell_us(w->u->shape, day + 1) > w->u->from_us)
		mark_rebuilt(w, day, bucket);
}

/* What has changed since the state's snapshot: w->all when that is gone. */
static int find_changed(struct work *w, struct pf_keyed_rows *r, struct pf_error *err)
{
	const struct pf_state_table *t = &w->s->tables[w->at];
	struct pf_snapshot *before = NULL;
	w->all = w->old_from == INT64_MAX;
	if (w->all)
		return 0;
	int code = t->snapshot ? pf_snapshot_read(w->table, t->snapshot, &before, err) : 0;
	bool same = !code && (!before || (!strcmp(before->delta_list, t->snapshot_list) &&
					  before->time_ms == t->snapshot_ms));
	same = same && (w->snapshot ? !before || before->id <= w->snapshot->id : !before);
	if (same)
		code = pf_keyed_rows_changed(r, before, w->snapshot, note_changed, w,
					     &w->u->snapshots, err);
	pf_snapshot_free(before);
	w->all = !same || code == PF_E_VANISHED || code == PF_E_NO_FILE;
	w->u->compared = w->u->compared || w->all;
	return w->all && (!code || code == PF_E_VANISHED || code == PF_E_NO_FILE) ? 0 : code;
}

static int by_day(const void *a, const void *b)
{
	const struct pf_fold_cell *x = a, *y = b;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* Those that were built anew, and what they came to. */
struct anew {
	const struct work *w;
	struct pf_fold_cell *cells;
	size_t n;
	bool *same; /* as the run that the state has */
};

static bool is_gone(void *ctx, const struct pf_state_cell *cell)
{
	const struct anew *a = ctx;
	const struct pf_fold_cell key = { .day = cell->day, .bucket = cell->bucket };
	const struct pf_fold_cell *now =
		a->n ? bsearch(&key, a->cells, a->n, sizeof key, by_day) : NULL;
	return drop_rebuilt((void *)(uintptr_t)a->w, cell) &&
	       (!now || !a->same[now - a->cells]);
}

static bool same_run(const struct pf_sorted *a, const struct pf_sorted *b)
{
	return a->rows == b->rows && a->bytes == b->bytes && a->hash == b->hash;
}

/* A cell of this table has one run. */
static void compare_cells(struct work *w, struct anew *a)
{
	for (size_t i = 0; i < w->s->ncells; i++) {
		const struct pf_state_cell *c = &w->s->cells[i];
		const struct pf_fold_cell key = { .day = c->day, .bucket = c->bucket };
		struct pf_fold_cell *now =
			a->n ? bsearch(&key, a->cells, a->n, sizeof key, by_day) : NULL;
		if (c->table == w->at && now && same_run(&c->run, &now->run))
			a->same[now - a->cells] = true;
	}
	for (size_t i = 0; i < w->s->ncells; i++) {
		const struct pf_state_cell *c = &w->s->cells[i];
		if (!is_gone(a, c))
			continue;
		w->u->cells_rebuilt++;
		note_late(w, c->day, c->bucket, true);
	}
	for (size_t i = 0; i < a->n; i++) {
		const struct pf_fold_cell *c = &a->cells[i];
		if (a->same[i] || had_cell(w->s, c->day, c->bucket, w->at))
			continue;
		w->u->cells_new++;
		note_late(w, c->day, c->bucket, false);
	}
}

static int take_anew(struct work *w, struct pf_fold *fold, struct pf_error *err)
{
	struct pf_state *s = w->s;
	struct anew a = { .w = w };
	struct pf_run_out *out;
	size_t file;
	PF_TRY(pf_state_file_new(s, "partials", &file, err));
	const char *name = s->files[file].name ? s->files[file].name : "temporary state";
	PF_TRY(pf_run_out_open(s->files[file].fd, name, w->u->shape->partial, &out, err));
	int code = pf_fold_write(fold, out, &a.cells, &a.n, err);
	if (!code)
		code = pf_run_out_finish(out, err);
	pf_run_out_free(out);
	PF_TRY(code);
	a.same = pf_zalloc(a.n + 1, sizeof *a.same);
	compare_cells(w, &a);
	pf_state_drop_cells(s, is_gone, &a);
	for (size_t i = 0; i < a.n; i++) {
		if (a.same[i])
			continue;
		pf_state_add_cell(s, &(struct pf_state_cell){
			.day = a.cells[i].day, .bucket = a.cells[i].bucket, .table = w->at,
			.id = s->next_id++, .file = file, .run = a.cells[i].run });
	}
	pf_state_sort_cells(s);
	free(a.cells);
	free(a.same);
	return 0;
}

static int read_keyed(struct work *w, struct pf_keyed_rows *r, struct pf_error *err)
{
	bool back = w->u->from_us < w->old_from && w->old_from != INT64_MAX;
	const struct pf_fold_from into = { .from_us = w->u->from_us, .to_us = INT64_MAX,
					   .cell = old_wanted, .ctx = w };
	int64_t from = w->rebuild_from, to = w->rebuild_to;
	if (back && w->u->from_us < from)
		from = w->u->from_us;
	if (back && w->old_from > to)
		to = w->old_from;
	if (w->all) {
		from = w->u->from_us;
		to = INT64_MAX;
	}
	if (from >= to)
		return 0;
	struct pf_fold *fold = pf_fold_new(w->u->shape, w->u->memory);
	int code = pf_keyed_rows_fold(r, w->snapshot, from, to, fold, &into, err);
	w->u->rows += pf_fold_rows(fold);
	if (!code)
		code = take_anew(w, fold, err);
	pf_fold_free(fold);
	return code;
}

/* False: it was that already. */
static bool note_snapshot(struct pf_state_table *t, const struct pf_snapshot *snapshot)
{
	const char *list = snapshot ? snapshot->delta_list : "";
	bool moved = strcmp(t->snapshot_list, list) != 0;
	free(t->snapshot_list);
	t->snapshot = snapshot ? snapshot->id : 0;
	t->snapshot_ms = snapshot ? snapshot->time_ms : 0;
	t->snapshot_list = pf_strdup(list);
	return moved;
}

static int update_table(struct work *w, struct pf_error *err)
{
	struct pf_state *s = w->s;
	struct pf_update *u = w->u;
	const struct pf_changes_how how = { .keep_dropped = u->keep_dropped,
					    .back = u->from_us < s->from_us &&
						    s->from_us != INT64_MAX };
	PF_TRY(pf_changes_find(&w->c, s, w->at, w->table, w->snapshot, &how, err));
	w->rebuild = pf_keyset_new();
	w->rebuild_from = INT64_MAX;
	w->rebuild_to = INT64_MIN;
	u->compared = u->compared || w->c.compared;
	u->snapshots += w->c.snapshots;
	u->files_new += (int64_t)w->c.nadded;
	u->files_renamed += w->c.renamed;
	u->files_gone += w->c.removed;
	find_rebuilt(w);
	int code = read_all(w, err);
	if (!code)
		u->moved = note_snapshot(&s->tables[w->at], w->snapshot) || u->moved;
	pf_keyset_free(w->rebuild);
	pf_changes_free(&w->c);
	return code;
}

static int update_keyed(struct work *w, struct pf_error *err)
{
	struct pf_update *u = w->u;
	struct pf_keyed_rows r = { .shape = u->shape, .table = w->table,
				   .rules = u->tables[w->at].rules,
				   .name = w->s->tables[w->at].name, .memory = u->memory };
	w->rebuild = pf_keyset_new();
	w->rebuild_from = INT64_MAX;
	w->rebuild_to = INT64_MIN;
	int code = find_changed(w, &r, err);
	if (!code)
		code = read_keyed(w, &r, err);
	if (!code)
		u->moved = note_snapshot(&w->s->tables[w->at], w->snapshot) || u->moved;
	u->files_read += r.files;
	u->bytes += r.bytes;
	pf_keyset_free(w->rebuild);
	w->all = false;
	return code;
}

int pf_state_update(struct pf_state *s, struct pf_update *u, struct pf_error *err)
{
	struct work w = { .s = s, .u = u, .old_from = s->from_us };
	if (s->from_us < u->from_us)
		u->from_us = s->from_us;
	for (w.at = 0; w.at < s->ntables; w.at++) {
		w.table = u->tables[w.at].table;
		w.snapshot = u->tables[w.at].snapshot;
		PF_TRY(u->tables[w.at].rules ? update_keyed(&w, err) : update_table(&w, err));
	}
	u->moved = u->moved || s->from_us != u->from_us;
	s->from_us = u->from_us;
	if (u->nlate)
		qsort(u->late, u->nlate, sizeof *u->late, by_cell);
	return 0;
}

void pf_update_free(struct pf_update *u)
{
	free(u->late);
	u->late = NULL;
	u->nlate = 0;
}
