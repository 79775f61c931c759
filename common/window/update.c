/* SPDX-License-Identifier: Apache-2.0 */
#include "window/update_internal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/keyset.h"
#include "window/table_rows.h"

/* --- what has to be read --- */

/* A cell as a key of a set. */
struct cell_key {
	int64_t day;
	int64_t bucket;
};

bool pf_work_rebuilds(const struct pf_work *w, int64_t day, int32_t bucket)
{
	struct cell_key key = { day, bucket }, any = { day, INT32_MIN };
	return w->all || pf_keyset_find(w->rebuild, &key, sizeof key) != UINT32_MAX ||
	       pf_keyset_find(w->rebuild, &any, sizeof any) != UINT32_MAX;
}

bool pf_work_wants(void *ctx, int64_t day, int32_t bucket)
{
	const struct pf_work *w = ctx;
	return pf_shape_cell_us(w->u->shape, day) < w->old_from ||
	       pf_work_rebuilds(w, day, bucket);
}

void pf_work_rebuild(struct pf_work *w, int64_t day, int32_t bucket)
{
	struct cell_key key = { day, bucket };
	int64_t from = pf_shape_cell_us(w->u->shape, day);
	int64_t to = pf_shape_cell_us(w->u->shape, day + 1);
	bool is_new;
	pf_keyset_put(w->rebuild, &key, sizeof key, &is_new);
	w->rebuild_from = from < w->rebuild_from ? from : w->rebuild_from;
	w->rebuild_to = to > w->rebuild_to ? to : w->rebuild_to;
}

bool pf_work_drops(void *ctx, const struct pf_state_cell *cell)
{
	const struct pf_work *w = ctx;
	return cell->table == w->at && pf_work_rebuilds(w, cell->day, cell->bucket);
}

/* Cells that hold rows of a file that is gone. */
static void find_rebuilt(struct pf_work *w)
{
	for (size_t i = 0; i < w->s->ncells; i++) {
		const struct pf_state_cell *c = &w->s->cells[i];
		bool gone = false;
		for (size_t k = 0; k < c->inputs.n && !gone; k++)
			gone = pf_ids_has(&w->c.gone, c->inputs.items[k]);
		if (gone)
			pf_work_rebuild(w, c->day, c->bucket);
	}
}

/* --- reading --- */

/* Where new rows count from: rows of days that the state has let go are late, and
 * no more than that. */
static int64_t new_from(const struct pf_work *w)
{
	bool more = w->u->all_late && w->s->first_us < w->u->from_us;
	return more ? w->s->first_us : w->u->from_us;
}

static int read_file(struct pf_work *w, struct pf_table_rows *rows, struct pf_fold *fold,
		     const struct pf_data_file *file, size_t input, bool is_new,
		     struct pf_error *err)
{
	struct pf_fold_from from = { .bucket = file->bucket, .input = (uint32_t)input,
				     .from_us = is_new ? new_from(w) : w->u->from_us,
				     .to_us = INT64_MAX,
				     .cell = is_new ? NULL : pf_work_wants, .ctx = w };
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
static int read_new(struct pf_work *w, struct pf_fold *fold, struct pf_error *err)
{
	struct pf_table_rows *rows;
	PF_TRY(pf_table_rows_open(w->u->shape, w->table, w->s->tables[w->at].name,
				  new_from(w), INT64_MAX, &rows, err));
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
static int read_old(struct pf_work *w, struct pf_fold *fold, struct pf_error *err)
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

static bool was_published(const struct pf_work *w, int64_t day)
{
	int64_t from = pf_shape_cell_us(w->u->shape, day);
	for (size_t i = 0; i < w->s->npublished; i++)
		if (from >= w->s->published[i].from_us && from < w->s->published[i].to_us)
			return from >= w->old_from;
	return false;
}

static void add_late(struct pf_work *w, int64_t day, int32_t bucket, bool rebuilt)
{
	struct pf_update *u = w->u;
	u->late = pf_realloc(u->late, u->nlate + 1, sizeof *u->late);
	u->late[u->nlate++] = (struct pf_late){ day, bucket, w->at, rebuilt };
}

void pf_work_late(struct pf_work *w, int64_t day, int32_t bucket, bool rebuilt)
{
	if (was_published(w, day))
		add_late(w, day, bucket, rebuilt);
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

bool pf_work_had(const struct pf_state *s, int64_t day, int32_t bucket, size_t table)
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

static void count_cell(struct pf_work *w, const struct pf_fold_cell *c)
{
	struct pf_update *u = w->u;
	bool rebuilt = pf_work_rebuilds(w, c->day, c->bucket);
	bool merged = !rebuilt && pf_work_had(w->s, c->day, c->bucket, w->at);
	u->cells_new += !rebuilt && !merged;
	u->cells_merged += merged;
	if (!rebuilt)
		pf_work_late(w, c->day, c->bucket, false);
}

int pf_update_write(struct pf_state *s, struct pf_fold *fold, struct pf_schema *partial,
		    size_t *file, struct pf_fold_cell **cells, size_t *n,
		    struct pf_error *err)
{
	struct pf_run_out *out;
	PF_TRY(pf_state_file_new(s, "partials", file, err));
	const char *name = s->files[*file].name ? s->files[*file].name : "temporary state";
	PF_TRY(pf_run_out_open(s->files[*file].fd, name, partial, &out, err));
	int code = pf_fold_write(fold, out, cells, n, err);
	if (!code)
		code = pf_run_out_finish(out, err);
	pf_run_out_free(out);
	return code;
}

static int take_cells(struct pf_work *w, struct pf_fold *fold, struct pf_error *err)
{
	struct pf_state *s = w->s;
	struct pf_fold_cell *cells = NULL;
	size_t n = 0, file;
	if (!pf_fold_rows(fold))
		return 0;
	int code = pf_update_write(s, fold, w->u->shape->partial, &file, &cells, &n, err);
	for (size_t i = 0; i < n && !code; i++) {
		bool gone = pf_shape_cell_us(w->u->shape, cells[i].day) < w->u->from_us;
		if (gone)
			add_late(w, cells[i].day, cells[i].bucket, false);
		else
			count_cell(w, &cells[i]);
	}
	for (size_t i = 0; i < n && !code; i++) {
		if (pf_shape_cell_us(w->u->shape, cells[i].day) < w->u->from_us)
			continue;
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

static void note_rebuilt(struct pf_work *w)
{
	size_t n = pf_keyset_count(w->rebuild);
	w->u->cells_rebuilt += (int64_t)n;
	for (size_t i = 0; i < n; i++) {
		struct cell_key key;
		memcpy(&key, pf_keyset_at(w->rebuild, (uint32_t)i).data, sizeof key);
		pf_work_late(w, key.day, (int32_t)key.bucket, true);
	}
}

static int read_all(struct pf_work *w, struct pf_error *err)
{
	struct pf_fold *fold = pf_fold_new(w->u->shape, w->u->memory);
	int code = read_new(w, fold, err);
	if (!code)
		code = read_old(w, fold, err);
	w->u->rows += pf_fold_rows(fold);
	if (!code) {
		note_rebuilt(w);
		pf_state_drop_cells(w->s, pf_work_drops, w);
		code = take_cells(w, fold, err);
	}
	pf_fold_free(fold);
	return code;
}

/* A table whose files are rows. */
static int update_plain(struct pf_work *w, struct pf_error *err)
{
	struct pf_state *s = w->s;
	struct pf_update *u = w->u;
	const struct pf_changes_how how = { .keep_dropped = u->keep_dropped,
					    .back = u->from_us < s->from_us &&
						    s->from_us != INT64_MAX };
	PF_TRY(pf_changes_find(&w->c, s, w->at, w->table, w->snapshot, &how, err));
	u->compared = u->compared || w->c.compared;
	u->snapshots += w->c.snapshots;
	u->files_new += (int64_t)w->c.nadded;
	u->files_renamed += w->c.renamed;
	u->files_gone += w->c.removed;
	find_rebuilt(w);
	int code = read_all(w, err);
	pf_changes_free(&w->c);
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

static int update_table(struct pf_state *s, struct pf_update *u, size_t at, int64_t old_from,
			struct pf_error *err)
{
	struct pf_work w = { .s = s, .u = u, .at = at, .old_from = old_from,
			     .table = u->tables[at].table, .snapshot = u->tables[at].snapshot,
			     .rebuild = pf_keyset_new(),
			     .rebuild_from = INT64_MAX, .rebuild_to = INT64_MIN };
	int code = u->tables[at].rules ? pf_work_keyed(&w, err) : update_plain(&w, err);
	if (!code)
		u->moved = note_snapshot(&s->tables[at], w.snapshot) || u->moved;
	pf_keyset_free(w.rebuild);
	return code;
}

int pf_state_update(struct pf_state *s, struct pf_update *u, struct pf_error *err)
{
	int64_t old_from = s->from_us;
	if (s->from_us < u->from_us)
		u->from_us = s->from_us;
	for (size_t i = 0; i < s->ntables; i++)
		PF_TRY(update_table(s, u, i, old_from, err));
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
