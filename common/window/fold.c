/* SPDX-License-Identifier: Apache-2.0 */
#include "window/fold.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/order.h"
#include "query/keyset.h"
#include "window/combine.h"
#include "window/fold_keys.h"

enum { GIVE_ROWS = 4096 };

struct cell {
	int64_t day;
	int32_t bucket;
	uint32_t *inputs;
	size_t n, cap;
};

struct pf_fold {
	const struct pf_shape *shape;
	size_t memory;
	struct pf_fold_keys *keys;
	struct pf_agg_states **states;
	int64_t *rows;         /* per slot */
	size_t cap;
	int64_t *times;
	uint32_t *slots, *taken; /* per row: its slot, those that count */
	uint32_t *row_cells;     /* of the rows that count */
	size_t row_cap;
	struct pf_builder *picked; /* rows that count, when not all do */
	int64_t nrows;
	/* cells by number, and the number of each */
	struct cell *cells;
	size_t ncells;
	struct pf_keyset *cell_numbers;
	/* runs that memory forced out */
	int scratch;
	struct pf_run_out *scratch_out;
	struct pf_combine_input *runs;
	size_t nruns;
};

struct pf_fold *pf_fold_new(const struct pf_shape *shape, size_t memory)
{
	struct pf_fold *f = pf_zalloc(1, sizeof *f);
	f->shape = shape;
	f->memory = memory;
	f->scratch = -1;
	f->keys = pf_fold_keys_new(shape);
	f->cell_numbers = pf_keyset_new();
	f->states = pf_alloc(shape->naggs + 1, sizeof *f->states);
	for (size_t i = 0; i < shape->naggs; i++)
		f->states[i] = pf_agg_states_new(shape->aggs[i]);
	f->picked = pf_builder_new(shape->needed);
	return f;
}

void pf_fold_free(struct pf_fold *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->shape->naggs; i++)
		pf_agg_states_free(f->states[i]);
	free(f->states);
	for (size_t i = 0; i < f->ncells; i++)
		free(f->cells[i].inputs);
	free(f->cells);
	pf_fold_keys_free(f->keys);
	pf_keyset_free(f->cell_numbers);
	free(f->rows);
	free(f->times);
	free(f->slots);
	free(f->taken);
	free(f->row_cells);
	pf_builder_free(f->picked);
	pf_run_out_free(f->scratch_out);
	if (f->scratch >= 0)
		close(f->scratch);
	free(f->runs);
	free(f);
}

int64_t pf_fold_rows(const struct pf_fold *f)
{
	return f->nrows;
}

/* --- cells --- */

struct cell_key {
	int64_t day, bucket;
};

/* The number of a cell. */
static uint32_t cell_number(struct pf_fold *f, int64_t day, int32_t bucket)
{
	struct cell_key key = { day, bucket };
	bool is_new;
	uint32_t i = pf_keyset_put(f->cell_numbers, &key, sizeof key, &is_new);
	if (is_new) {
		f->cells = pf_realloc(f->cells, f->ncells + 1, sizeof *f->cells);
		f->cells[f->ncells++] = (struct cell){ .day = day, .bucket = bucket };
	}
	return i;
}

/* It has rows of the input; its number. */
static uint32_t note_input(struct pf_fold *f, int64_t day, const struct pf_fold_from *from)
{
	uint32_t i = cell_number(f, day, from->bucket);
	struct cell *c = &f->cells[i];
	if (c->n && c->inputs[c->n - 1] == from->input)
		return i;
	if (c->n == c->cap) {
		c->cap = pf_grow(c->cap, c->n + 1);
		c->inputs = pf_realloc(c->inputs, c->cap, sizeof *c->inputs);
	}
	c->inputs[c->n++] = from->input;
	return i;
}

/* --- taking in --- */

static void make_room(struct pf_fold *f, size_t rows)
{
	if (rows <= f->row_cap)
		return;
	f->row_cap = pf_grow(f->row_cap, rows);
	f->times = pf_realloc(f->times, f->row_cap, sizeof *f->times);
	f->slots = pf_realloc(f->slots, f->row_cap, sizeof *f->slots);
	f->taken = pf_realloc(f->taken, f->row_cap, sizeof *f->taken);
	f->row_cells = pf_realloc(f->row_cells, f->row_cap, sizeof *f->row_cells);
}

/* The rows that count, into f->taken; their cells are noted. *one: all are of
 * one cell. */
static int choose_rows(struct pf_fold *f, const struct pf_batch *batch,
		       const struct pf_fold_from *from, size_t *n, bool *one,
		       struct pf_error *err)
{
	int64_t cell_from = INT64_MAX, cell_to = INT64_MIN;
	uint32_t cell = 0;
	bool wanted = false;
	*n = 0;
	*one = true;
	for (int64_t i = 0; i < batch->rows; i++) {
		int64_t t = f->times[i];
		if (t == INT64_MIN || t < from->from_us || t >= from->to_us)
			continue;
		if (t < cell_from || t >= cell_to) {
			int64_t day = pf_shape_cell(f->shape, t);
			if (day < INT32_MIN || day > INT32_MAX)
				return pf_fail(err, PF_E_LIMIT, "a time is too far from 1970");
			cell_from = pf_shape_cell_us(f->shape, day);
			cell_to = pf_shape_cell_us(f->shape, day + 1);
			wanted = !from->cell || from->cell(from->ctx, day, from->bucket);
			if (wanted) {
				cell = note_input(f, day, from);
				*one = *one && (!*n || cell == f->row_cells[0]);
			}
		}
		if (!wanted)
			continue;
		f->row_cells[*n] = cell;
		f->taken[(*n)++] = (uint32_t)i;
	}
	return 0;
}

/* An expression's values for the batch. */
static int evaluate(struct pf_expr *e, const struct pf_batch *batch,
		    struct pf_builder **made, struct pf_column *column,
		    struct pf_error *err)
{
	int c = pf_expr_column(e);
	if (c >= 0) {
		*column = batch->columns[c];
		return 0;
	}
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "", pf_expr_type(e), true);
	*made = pf_builder_new(s);
	pf_schema_unref(s);
	PF_TRY(pf_expr_eval(e, batch, &(*made)->columns[0], err));
	*column = pf_builder_batch(*made).columns[0];
	return 0;
}

/* A slot for each row; new ones have no rows yet. True: it is one for all. */
static bool give_slots(struct pf_fold *f, const struct pf_batch *batch,
		       const struct pf_column *keys, bool one)
{
	size_t before = pf_fold_keys_count(f->keys);
	bool one_slot = pf_fold_keys_slots(f->keys, keys, batch->rows,
					   one ? NULL : f->row_cells, f->row_cells[0],
					   f->slots);
	size_t n = pf_fold_keys_count(f->keys);
	if (n > f->cap) {
		f->cap = pf_grow(f->cap, n);
		f->rows = pf_realloc(f->rows, f->cap, sizeof *f->rows);
	}
	if (n > before)
		memset(f->rows + before, 0, (n - before) * sizeof *f->rows);
	if (one_slot)
		f->rows[f->slots[0]] += batch->rows;
	for (int64_t i = 0; i < batch->rows && !one_slot; i++)
		f->rows[f->slots[i]]++;
	return one_slot;
}

static int feed(struct pf_fold *f, const struct pf_batch *batch, bool one,
		const int64_t *times, struct pf_error *err)
{
	const struct pf_shape *s = f->shape;
	size_t n = s->keys.n + s->naggs * PF_AGG_ARGS, at = 0;
	struct pf_column *columns = pf_zalloc(n + 1, sizeof *columns);
	struct pf_builder **made = pf_zalloc(n + 1, sizeof *made);
	bool one_slot = false;
	int code = 0;
	for (; at < s->keys.n && !code; at++)
		code = evaluate(s->keys.items[at].expr, batch, &made[at], &columns[at], err);
	if (!code)
		one_slot = give_slots(f, batch, columns, one);
	for (size_t a = 0; a < s->naggs && !code; a++) {
		const struct pf_agg *agg = s->aggs[a];
		struct pf_column *args = &columns[at];
		for (size_t i = 0; i < agg->nargs && !code; i++, at++)
			code = evaluate(agg->args[i], batch, &made[at], &columns[at], err);
		struct pf_agg_rows rows = { batch->rows, f->slots, args, times, one_slot };
		agg->kind->reserve(f->states[a], pf_fold_keys_count(f->keys));
		if (!code)
			code = pf_agg_take(f->states[a], &rows, err);
	}
	for (size_t i = 0; i < n; i++)
		pf_builder_free(made[i]);
	free(made);
	free(columns);
	f->nrows += batch->rows;
	if (s->tick)
		s->tick(s->tick_ctx, batch->rows);
	return code;
}

static size_t memory_used(const struct pf_fold *f)
{
	size_t bytes = pf_fold_keys_bytes(f->keys) + f->cap * sizeof *f->rows;
	for (size_t i = 0; i < f->shape->naggs; i++)
		bytes += f->states[i]->bytes;
	return bytes;
}

static int put_aside(struct pf_fold *f, struct pf_error *err);

/* All of the batch is of one cell, which the caller knows. */
static int add_whole(struct pf_fold *f, const struct pf_batch *batch,
		     const struct pf_fold_from *from, struct pf_error *err)
{
	int64_t day = pf_shape_cell(f->shape, from->whole_us);
	if (from->cell && !from->cell(from->ctx, day, from->bucket))
		return 0;
	f->row_cells[0] = note_input(f, day, from);
	return feed(f, batch, true, NULL, err);
}

static int add_some(struct pf_fold *f, const struct pf_batch *batch,
		    const struct pf_fold_from *from, struct pf_error *err)
{
	size_t n;
	bool one;
	pf_shape_times(f->shape, batch, f->times);
	PF_TRY(choose_rows(f, batch, from, &n, &one, err));
	if (!n)
		return 0;
	struct pf_batch rows = *batch;
	if (n < (size_t)batch->rows) {
		pf_builder_reset(f->picked);
		pf_builder_gather(f->picked, batch, f->taken, n);
		rows = pf_builder_batch(f->picked);
		for (size_t i = 0; i < n; i++)
			f->times[i] = f->times[f->taken[i]];
	}
	return feed(f, &rows, one, f->times, err);
}

int pf_fold_add(struct pf_fold *f, const struct pf_batch *batch,
		const struct pf_fold_from *from, struct pf_error *err)
{
	make_room(f, (size_t)batch->rows);
	PF_TRY(from->whole ? add_whole(f, batch, from, err) : add_some(f, batch, from, err));
	return memory_used(f) > f->memory ? put_aside(f, err) : 0;
}

/* --- giving out --- */

static int store(struct pf_fold *f, const uint32_t *slots, size_t n,
		 struct pf_builder *out, struct pf_error *err)
{
	const struct pf_shape *s = f->shape;
	size_t column = PF_PARTIAL_KEYS + s->keys.n;
	bool days = s->partial->fields[PF_PARTIAL_DAY].type.kind == PF_DATE;
	pf_builder_reset(out);
	for (size_t i = 0; i < n; i++) {
		const struct cell *c = &f->cells[pf_fold_keys_cell(f->keys, slots[i])];
		if (days)
			pf_col_i32(&out->columns[PF_PARTIAL_DAY], (int32_t)c->day);
		else
			pf_col_i64(&out->columns[PF_PARTIAL_DAY],
				   pf_shape_cell_us(s, c->day) / 1000);
		pf_col_i32(&out->columns[PF_PARTIAL_BUCKET], c->bucket);
		pf_col_i64(&out->columns[column], f->rows[slots[i]]);
	}
	pf_fold_keys_put(f->keys, slots, n, &out->columns[PF_PARTIAL_KEYS]);
	column++;
	for (size_t a = 0; a < s->naggs; a++) {
		PF_TRY(s->aggs[a]->kind->store(f->states[a], slots, n, &out->columns[column],
					       err));
		column += s->aggs[a]->state->n;
	}
	return 0;
}

/* Sorted rows of partials one batch after the other; cut(): a cell ends. */
struct writer {
	struct pf_fold *f;
	struct pf_run_out *out;
	bool by_cell;
	bool any;
	int64_t day;
	int32_t bucket;
	struct pf_fold_cell *cells;
	size_t n;
};

static int end_cell(struct writer *w, struct pf_error *err)
{
	struct pf_sorted run;
	if (!w->any)
		return 0;
	PF_TRY(pf_run_out_cut(w->out, &run, err));
	uint32_t i = cell_number(w->f, w->day, w->bucket);
	w->cells = pf_realloc(w->cells, w->n + 1, sizeof *w->cells);
	w->cells[w->n++] = (struct pf_fold_cell){ .day = w->day, .bucket = w->bucket,
						  .run = run, .inputs = w->f->cells[i].inputs,
						  .ninputs = w->f->cells[i].n };
	return 0;
}

static int write_rows(struct writer *w, const struct pf_batch *batch, struct pf_error *err)
{
	const struct pf_column *days = &batch->columns[PF_PARTIAL_DAY];
	const int32_t *buckets = batch->columns[PF_PARTIAL_BUCKET].values;
	enum pf_kind kind = batch->schema->fields[PF_PARTIAL_DAY].type.kind;
	if (!w->by_cell)
		return pf_run_out_batch(w->out, batch, 0, batch->rows, err);
	for (int64_t from = 0, to; from < batch->rows; from = to) {
		int64_t day = pf_int_at(days, kind, from);
		for (to = from + 1; to < batch->rows && buckets[to] == buckets[from] &&
				    pf_int_at(days, kind, to) == day;)
			to++;
		if (kind != PF_DATE)
			day = pf_shape_cell(w->f->shape, day * 1000000 /
					    pf_type_units(batch->schema->fields[0].type));
		if (!w->any || day != w->day || buckets[from] != w->bucket) {
			PF_TRY(end_cell(w, err));
			w->any = true;
			w->day = day;
			w->bucket = buckets[from];
		}
		PF_TRY(pf_run_out_batch(w->out, batch, from, to - from, err));
	}
	return 0;
}

/* How many of the slots are of the first one's cell. */
static size_t one_cell(const struct pf_fold *f, const uint32_t *slots, size_t n)
{
	uint32_t first = pf_fold_keys_cell(f->keys, slots[0]);
	for (size_t i = 1; i < n; i++)
		if (pf_fold_keys_cell(f->keys, slots[i]) != first)
			return i;
	return n;
}

struct place {
	int64_t day;
	int32_t bucket;
	uint32_t cell;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* The slots in the order of day, bucket, key. Allocated. */
static uint32_t *sorted_slots(struct pf_fold *f)
{
	struct place *places = pf_alloc(f->ncells + 1, sizeof *places);
	uint32_t *ranks = pf_alloc(f->ncells + 1, sizeof *ranks);
	for (size_t i = 0; i < f->ncells; i++)
		places[i] = (struct place){ f->cells[i].day, f->cells[i].bucket, (uint32_t)i };
	if (f->ncells)
		qsort(places, f->ncells, sizeof *places, by_place);
	for (size_t i = 0; i < f->ncells; i++)
		ranks[places[i].cell] = (uint32_t)i;
	uint32_t *slots = pf_fold_keys_sorted(f->keys, ranks, f->ncells);
	free(places);
	free(ranks);
	return slots;
}

/* What is in memory, sorted; memory is empty afterwards. */
static int write_memory(struct pf_fold *f, struct writer *w, struct pf_error *err)
{
	uint32_t *slots = sorted_slots(f);
	size_t n = pf_fold_keys_count(f->keys);
	struct pf_builder *out = pf_builder_new(f->shape->partial);
	int code = 0;
	for (size_t from = 0, some; from < n && !code; from += some) {
		some = n - from < GIVE_ROWS ? n - from : GIVE_ROWS;
		if (f->shape->by_commands)
			some = one_cell(f, slots + from, some);
		code = store(f, slots + from, some, out, err);
		struct pf_batch batch = pf_builder_batch(out);
		if (!code)
			code = write_rows(w, &batch, err);
	}
	pf_builder_free(out);
	free(slots);
	pf_fold_keys_clear(f->keys);
	for (size_t i = 0; i < f->shape->naggs; i++) {
		pf_agg_states_free(f->states[i]);
		f->states[i] = pf_agg_states_new(f->shape->aggs[i]);
	}
	return code;
}

static int put_aside(struct pf_fold *f, struct pf_error *err)
{
	if (f->scratch < 0) {
		PF_TRY(pf_run_scratch(&f->scratch, err));
		PF_TRY(pf_run_out_open(f->scratch, "scratch", f->shape->partial,
				       &f->scratch_out, err));
	}
	struct writer w = { .f = f, .out = f->scratch_out };
	PF_TRY(write_memory(f, &w, err));
	f->runs = pf_realloc(f->runs, f->nruns + 1, sizeof *f->runs);
	f->runs[f->nruns] = (struct pf_combine_input){ .partial = true };
	return pf_run_out_cut(f->scratch_out, &f->runs[f->nruns++].run, err);
}

static int write_merged(struct pf_fold *f, struct writer *w, struct pf_error *err)
{
	struct pf_combine *m;
	struct pf_batch batch;
	size_t n = 0;
	PF_TRY(put_aside(f, err));
	PF_TRY(pf_combine_open(f->shape, f->runs, f->nruns, true, f->memory, &m, err));
	int code;
	do {
		code = pf_combine_next(m, &n, err);
		if (!code && n)
			code = pf_combine_stored(m, 0, &batch, err);
		if (!code && n)
			code = write_rows(w, &batch, err);
	} while (!code && n);
	pf_combine_free(m);
	return code;
}

int pf_fold_write(struct pf_fold *f, struct pf_run_out *out,
		  struct pf_fold_cell **cells, size_t *n, struct pf_error *err)
{
	struct writer w = { .f = f, .out = out, .by_cell = true };
	for (size_t i = 0; i < f->ncells; i++)
		if (f->cells[i].n > 1)
			qsort(f->cells[i].inputs, f->cells[i].n, sizeof *f->cells[i].inputs,
			      pf_by_u32);
	int code = f->nruns ? write_merged(f, &w, err) : write_memory(f, &w, err);
	if (!code)
		code = end_cell(&w, err);
	if (code) {
		free(w.cells);
		return code;
	}
	*cells = w.cells;
	*n = w.n;
	return 0;
}
