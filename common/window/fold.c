/* SPDX-License-Identifier: Apache-2.0 */
#include "window/fold.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "query/keyset.h"
#include "window/key.h"
#include "window/combine.h"

enum { GIVE_ROWS = 4096 };

/* Day and bucket in front of every key. */
enum { CELL_BYTES = 8 };

struct cell {
	int64_t day;
	int32_t bucket;
	uint32_t *inputs;
	size_t n, cap;
};

struct pf_fold {
	const struct pf_shape *shape;
	size_t memory;
	struct pf_keyset *keys;
	struct pf_agg_states **states;
	int64_t *rows;         /* per slot */
	size_t cap;
	struct pf_buf key;
	int64_t *times;
	uint32_t *slots, *taken; /* per row: its slot, those that count */
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
	f->keys = pf_keyset_new();
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
	pf_keyset_free(f->keys);
	pf_keyset_free(f->cell_numbers);
	free(f->rows);
	pf_buf_free(&f->key);
	free(f->times);
	free(f->slots);
	free(f->taken);
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

/* --- sorting --- */

/* What a slot is sorted by: the cell, then the key's first bytes. */
struct item {
	uint64_t cell;
	pf_u128 head;
	uint32_t slot;
};

static uint8_t byte_of(const struct item *x, unsigned byte)
{
	return (uint8_t)(byte < 16 ? x->head >> (8 * byte) : x->cell >> (8 * (byte - 16)));
}

/* By cell and head; least significant byte first, and only bytes that
 * differ. Stable. */
static struct item *radix(struct item *items, struct item *other, size_t n)
{
	uint64_t cells = 0;
	pf_u128 heads = 0;
	for (size_t i = 1; i < n; i++) {
		cells |= items[i].cell ^ items[0].cell;
		heads |= items[i].head ^ items[0].head;
	}
	struct item differ = { cells, heads, 0 };
	for (unsigned byte = 0; byte < 24; byte++) {
		size_t at[257] = { 0 };
		if (!byte_of(&differ, byte))
			continue;
		for (size_t i = 0; i < n; i++)
			at[byte_of(&items[i], byte) + 1]++;
		for (size_t i = 0; i < 256; i++)
			at[i + 1] += at[i];
		for (size_t i = 0; i < n; i++)
			other[at[byte_of(&items[i], byte)]++] = items[i];
		struct item *swap = items;
		items = other;
		other = swap;
	}
	return items;
}

/* Items whose first bytes agree, by all bytes. Heap sort: no worst case. */
static bool less(const struct pf_fold *f, const struct item *a, const struct item *b)
{
	return pf_view_cmp(pf_keyset_at(f->keys, a->slot),
			   pf_keyset_at(f->keys, b->slot)) < 0;
}

static void sift(const struct pf_fold *f, struct item *x, size_t i, size_t n)
{
	struct item moving = x[i];
	for (size_t kid; (kid = 2 * i + 1) < n; i = kid) {
		if (kid + 1 < n && less(f, &x[kid], &x[kid + 1]))
			kid++;
		if (!less(f, &moving, &x[kid]))
			break;
		x[i] = x[kid];
	}
	x[i] = moving;
}

static void sort_ties(const struct pf_fold *f, struct item *x, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(f, x, i, n);
	while (n > 1) {
		struct item top = x[0];
		x[0] = x[--n];
		x[n] = top;
		sift(f, x, 0, n);
	}
}

/* The slots in the order of day, bucket, key. Allocated. */
static uint32_t *sorted_slots(const struct pf_fold *f)
{
	size_t n = pf_keyset_count(f->keys);
	struct item *a = pf_alloc(n + 1, sizeof *a), *b = pf_alloc(n + 1, sizeof *b);
	for (size_t i = 0; i < n; i++) {
		struct pf_view key = pf_keyset_at(f->keys, (uint32_t)i);
		a[i].cell = (uint64_t)(pf_sortkey_head(key.data, CELL_BYTES) >> 64);
		a[i].head = pf_sortkey_head(key.data + CELL_BYTES, key.len - CELL_BYTES);
		a[i].slot = (uint32_t)i;
	}
	struct item *items = radix(a, b, n);
	for (size_t i = 0, end; i < n; i = end) {
		end = i + 1;
		while (end < n && items[end].head == items[i].head &&
		       items[end].cell == items[i].cell)
			end++;
		if (end - i > 1)
			sort_ties(f, items + i, end - i);
	}
	uint32_t *slots = pf_alloc(n + 1, sizeof *slots);
	for (size_t i = 0; i < n; i++)
		slots[i] = items[i].slot;
	free(a);
	free(b);
	return slots;
}

/* --- cells --- */

static void put_cell(uint8_t *out, int64_t day, int32_t bucket)
{
	uint32_t d = (uint32_t)(int32_t)day ^ (uint32_t)1 << 31;
	uint32_t b = (uint32_t)bucket ^ (uint32_t)1 << 31;
	d = __builtin_bswap32(d);
	b = __builtin_bswap32(b);
	memcpy(out, &d, 4);
	memcpy(out + 4, &b, 4);
}

static void get_cell(const uint8_t *in, int64_t *day, int32_t *bucket)
{
	uint32_t d, b;
	memcpy(&d, in, 4);
	memcpy(&b, in + 4, 4);
	*day = (int32_t)(__builtin_bswap32(d) ^ (uint32_t)1 << 31);
	*bucket = (int32_t)(__builtin_bswap32(b) ^ (uint32_t)1 << 31);
}

static void note_input(struct pf_fold *f, int64_t day, const struct pf_fold_from *from)
{
	uint8_t key[CELL_BYTES];
	bool is_new;
	put_cell(key, day, from->bucket);
	uint32_t i = pf_keyset_put(f->cell_numbers, key, sizeof key, &is_new);
	if (is_new) {
		f->cells = pf_realloc(f->cells, f->ncells + 1, sizeof *f->cells);
		f->cells[f->ncells++] = (struct cell){ .day = day, .bucket = from->bucket };
	}
	struct cell *c = &f->cells[i];
	if (c->n && c->inputs[c->n - 1] == from->input)
		return;
	if (c->n == c->cap) {
		c->cap = pf_grow(c->cap, c->n + 1);
		c->inputs = pf_realloc(c->inputs, c->cap, sizeof *c->inputs);
	}
	c->inputs[c->n++] = from->input;
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
}

/* The rows that count, into f->taken; their cells are noted. */
static int choose_rows(struct pf_fold *f, const struct pf_batch *batch,
		       const struct pf_fold_from *from, size_t *n, struct pf_error *err)
{
	int64_t last = INT64_MIN, cell_from = 0, cell_to = 0;
	bool wanted = false;
	*n = 0;
	for (int64_t i = 0; i < batch->rows; i++) {
		int64_t t = f->times[i];
		if (t == INT64_MIN || t < from->from_us || t >= from->to_us)
			continue;
		if (t < cell_from || t >= cell_to || last == INT64_MIN) {
			last = pf_shape_cell(f->shape, t);
			if (last < INT32_MIN || last > INT32_MAX)
				return pf_fail(err, PF_E_LIMIT, "a time is too far from 1970");
			cell_from = pf_shape_cell_us(f->shape, last);
			cell_to = pf_shape_cell_us(f->shape, last + 1);
			wanted = !from->cell || from->cell(from->ctx, last, from->bucket);
			if (wanted)
				note_input(f, last, from);
		}
		if (wanted)
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

static void give_slots(struct pf_fold *f, const struct pf_batch *batch,
		       const struct pf_column *keys, int32_t bucket)
{
	struct pf_buf *key = &f->key;
	struct pf_buf last = { 0 };
	uint32_t slot = 0;
	for (int64_t i = 0; i < batch->rows; i++) {
		bool is_new;
		uint8_t cell[CELL_BYTES];
		key->len = 0;
		put_cell(cell, pf_shape_cell(f->shape, f->times[i]), bucket);
		pf_buf_add(key, cell, sizeof cell);
		for (size_t k = 0; k < f->shape->keys.n; k++)
			pf_sortkey_add(key, pf_expr_type(f->shape->keys.items[k].expr).kind,
				       &keys[k], i);
		/* Rows of an entity stand together in a sorted file. */
		if (i && key->len == last.len && !memcmp(key->data, last.data, last.len)) {
			f->slots[i] = slot;
			f->rows[slot]++;
			continue;
		}
		slot = pf_keyset_put(f->keys, key->data, key->len, &is_new);
		size_t n = pf_keyset_count(f->keys);
		if (n > f->cap) {
			f->cap = pf_grow(f->cap, n);
			f->rows = pf_realloc(f->rows, f->cap, sizeof *f->rows);
		}
		if (is_new)
			f->rows[slot] = 0;
		f->rows[slot]++;
		f->slots[i] = slot;
		struct pf_buf swap = last;
		last = *key;
		*key = swap;
	}
	pf_buf_free(&last);
}

static int feed(struct pf_fold *f, const struct pf_batch *batch, int32_t bucket,
		struct pf_error *err)
{
	const struct pf_shape *s = f->shape;
	size_t n = s->keys.n + s->naggs * PF_AGG_ARGS, at = 0;
	struct pf_column *columns = pf_zalloc(n + 1, sizeof *columns);
	struct pf_builder **made = pf_zalloc(n + 1, sizeof *made);
	int code = 0;
	for (; at < s->keys.n && !code; at++)
		code = evaluate(s->keys.items[at].expr, batch, &made[at], &columns[at], err);
	if (!code)
		give_slots(f, batch, columns, bucket);
	for (size_t a = 0; a < s->naggs && !code; a++) {
		const struct pf_agg *agg = s->aggs[a];
		struct pf_column *args = &columns[at];
		for (size_t i = 0; i < agg->nargs && !code; i++, at++)
			code = evaluate(agg->args[i], batch, &made[at], &columns[at], err);
		struct pf_agg_rows rows = { batch->rows, f->slots, args, f->times };
		agg->kind->reserve(f->states[a], pf_keyset_count(f->keys));
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
	/* Sorting takes two items a key. */
	size_t bytes = pf_keyset_bytes(f->keys) + f->cap * sizeof *f->rows +
		       pf_keyset_count(f->keys) * (2 * sizeof(struct item) + 4);
	for (size_t i = 0; i < f->shape->naggs; i++)
		bytes += f->states[i]->bytes;
	return bytes;
}

static int put_aside(struct pf_fold *f, struct pf_error *err);

int pf_fold_add(struct pf_fold *f, const struct pf_batch *batch,
		const struct pf_fold_from *from, struct pf_error *err)
{
	size_t n;
	make_room(f, (size_t)batch->rows);
	pf_shape_times(f->shape, batch, f->times);
	PF_TRY(choose_rows(f, batch, from, &n, err));
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
	PF_TRY(feed(f, &rows, from->bucket, err));
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
		struct pf_view key = pf_keyset_at(f->keys, slots[i]);
		int64_t day;
		int32_t bucket;
		get_cell(key.data, &day, &bucket);
		key = pf_view_of(key.data + CELL_BYTES, key.len - CELL_BYTES);
		if (days)
			pf_col_i32(&out->columns[PF_PARTIAL_DAY], (int32_t)day);
		else
			pf_col_i64(&out->columns[PF_PARTIAL_DAY],
				   pf_shape_cell_us(s, day) / 1000);
		pf_col_i32(&out->columns[PF_PARTIAL_BUCKET], bucket);
		for (size_t k = 0; k < s->keys.n; k++)
			pf_sortkey_take(&key, &out->columns[PF_PARTIAL_KEYS + k]);
		pf_col_i64(&out->columns[column], f->rows[slots[i]]);
	}
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
	uint8_t key[CELL_BYTES];
	bool is_new;
	if (!w->any)
		return 0;
	PF_TRY(pf_run_out_cut(w->out, &run, err));
	put_cell(key, w->day, w->bucket);
	uint32_t i = pf_keyset_put(w->f->cell_numbers, key, sizeof key, &is_new);
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
	struct pf_view first = pf_keyset_at(f->keys, slots[0]);
	for (size_t i = 1; i < n; i++)
		if (memcmp(pf_keyset_at(f->keys, slots[i]).data, first.data, CELL_BYTES) != 0)
			return i;
	return n;
}

/* What is in memory, sorted; memory is empty afterwards. */
static int write_memory(struct pf_fold *f, struct writer *w, struct pf_error *err)
{
	uint32_t *slots = sorted_slots(f);
	size_t n = pf_keyset_count(f->keys);
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
	pf_keyset_free(f->keys);
	f->keys = pf_keyset_new();
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
			code = pf_combine_stored(m, &batch, err);
		if (!code && n)
			code = write_rows(w, &batch, err);
	} while (!code && n);
	pf_combine_free(m);
	return code;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

int pf_fold_write(struct pf_fold *f, struct pf_run_out *out,
		  struct pf_fold_cell **cells, size_t *n, struct pf_error *err)
{
	struct writer w = { .f = f, .out = out, .by_cell = true };
	for (size_t i = 0; i < f->ncells; i++)
		if (f->cells[i].n > 1)
			qsort(f->cells[i].inputs, f->cells[i].n, sizeof *f->cells[i].inputs,
			      by_number);
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
