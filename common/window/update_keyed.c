/* SPDX-License-Identifier: Apache-2.0
 *
 * A table with a primary key: its cells that changed rows were in, and are in,
 * are built anew, and those that come to what they were stay.
 */
#include "window/update_internal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "window/keyed_rows.h"

static void note_changed(void *ctx, int64_t day, int32_t bucket)
{
	struct pf_work *w = ctx;
	if (pf_shape_cell_us(w->u->shape, day + 1) > w->u->from_us)
		pf_work_rebuild(w, day, bucket);
}

/* What has changed since the state's snapshot: w->all when that is gone. */
static int find_changed(struct pf_work *w, struct pf_keyed_rows *r, struct pf_error *err)
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
	const struct pf_work *w;
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
	return pf_work_drops((void *)(uintptr_t)a->w, cell) &&
	       (!now || !a->same[now - a->cells]);
}

static bool same_run(const struct pf_sorted *a, const struct pf_sorted *b)
{
	return a->rows == b->rows && a->bytes == b->bytes && a->hash == b->hash;
}

/* A cell of this table has one run. */
static void compare_cells(struct pf_work *w, struct anew *a)
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
		pf_work_late(w, c->day, c->bucket, true);
	}
	for (size_t i = 0; i < a->n; i++) {
		const struct pf_fold_cell *c = &a->cells[i];
		if (a->same[i] || pf_work_had(w->s, c->day, c->bucket, w->at))
			continue;
		w->u->cells_new++;
		pf_work_late(w, c->day, c->bucket, false);
	}
}

static int take_anew(struct pf_work *w, struct pf_fold *fold, struct pf_error *err)
{
	struct pf_state *s = w->s;
	struct anew a = { .w = w };
	size_t file;
	PF_TRY(pf_update_write(s, fold, w->u->shape->partial, &file, &a.cells, &a.n, err));
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

static int read_keyed(struct pf_work *w, struct pf_keyed_rows *r, struct pf_error *err)
{
	bool back = w->u->from_us < w->old_from && w->old_from != INT64_MAX;
	const struct pf_fold_from into = { .from_us = w->u->from_us, .to_us = INT64_MAX,
					   .cell = pf_work_wants, .ctx = w };
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

int pf_work_keyed(struct pf_work *w, struct pf_error *err)
{
	struct pf_update *u = w->u;
	struct pf_keyed_rows r = { .shape = u->shape, .table = w->table,
				   .rules = u->tables[w->at].rules,
				   .name = w->s->tables[w->at].name, .memory = u->memory };
	int code = find_changed(w, &r, err);
	if (!code)
		code = read_keyed(w, &r, err);
	u->files_read += r.files;
	u->bytes += r.bytes;
	return code;
}
