/* SPDX-License-Identifier: Apache-2.0 */
#include "load/merge.h"

#include <stdlib.h>

#include "arrow/layout.h"
#include "arrow/pieces.h"
#include "base/alloc.h"
#include "load/heads.h"

enum {
	BATCH_ROWS = 8192,
	BATCH_BYTES = 4 << 20,
	/* Rows compared one by one before the rest is searched by halves. */
	FEW = 4,
	NONE = UINT16_MAX,
};

/* A run and the row of it that is next. */
struct cursor {
	struct pf_merge_run run;
	struct pf_batch batch;
	int64_t at;
	uint64_t *heads; /* of the batch's rows */
	size_t heads_cap;
	size_t row_bytes; /* about */
	const int64_t *numbers;
	const int8_t *kinds;
	struct pf_builder *last; /* the last row of the batch before */
	bool done;
};

/* A row that may be the newest of its key. */
struct candidate {
	uint32_t from; /* cursor; the merge's n: the row that is held */
	int64_t row;
	bool there;
};

struct pf_merge {
	struct pf_schema *schema;
	int *keys;
	size_t n_keys;
	size_t whole; /* so many of the keys are in the heads in full */
	struct cursor *cursors; /* n, and one more that lends what is held */
	size_t n, alive;
	/* A tree of losers: [0] the foremost cursor, below who lost to whom. */
	uint32_t *tree;
	uint64_t *front; /* the next row's head, by cursor */
	uint32_t streak; /* the cursor that was foremost last */
	struct pf_piece *pieces; /* that go out next */
	size_t n_pieces, pieces_cap;
	int64_t rows;    /* in pieces and in out */
	size_t bytes;    /* likewise, about */
	const struct pf_column **sources;
	struct pf_builder *out, *held;
	bool started, newest;
	struct pf_merge_newest how;
	int *sequence;
	struct candidate best;
};

struct pf_merge *pf_merge_new(struct pf_schema *schema, const int *keys,
			      size_t n_keys, const struct pf_merge_run *runs, size_t n)
{
	struct pf_merge *m = pf_zalloc(1, sizeof *m);
	m->schema = pf_schema_ref(schema);
	m->keys = pf_alloc(n_keys + 1, sizeof *m->keys);
	for (size_t i = 0; i < n_keys; i++)
		m->keys[i] = keys[i];
	m->n_keys = n_keys;
	m->cursors = pf_zalloc(n + 1, sizeof *m->cursors);
	m->tree = pf_alloc(n + 1, sizeof *m->tree);
	m->front = pf_alloc(n + 1, sizeof *m->front);
	m->sources = pf_alloc(n + 1, sizeof *m->sources);
	m->n = n;
	m->streak = (uint32_t)n;
	m->out = pf_builder_new(schema);
	m->held = pf_builder_new(schema);
	for (size_t i = 0; i < n; i++) {
		m->cursors[i].run = runs[i];
		m->cursors[i].last = pf_builder_new(schema);
	}
	return m;
}

void pf_merge_keep_newest(struct pf_merge *m, const struct pf_merge_newest *how)
{
	m->newest = true;
	m->how = *how;
	m->sequence = pf_alloc(how->n_sequence + 1, sizeof *m->sequence);
	for (size_t i = 0; i < how->n_sequence; i++)
		m->sequence[i] = how->sequence[i];
}

void pf_merge_free(struct pf_merge *m)
{
	if (!m)
		return;
	for (size_t i = 0; i <= m->n; i++) {
		pf_builder_free(m->cursors[i].last);
		free(m->cursors[i].heads);
	}
	pf_builder_free(m->out);
	pf_builder_free(m->held);
	pf_schema_unref(m->schema);
	free(m->cursors);
	free(m->tree);
	free(m->front);
	free(m->sources);
	free(m->pieces);
	free(m->sequence);
	free(m->keys);
	free(m);
}

/* --- keys --- */

static void set_heads(struct pf_merge *m, struct cursor *c)
{
	size_t rows = (size_t)c->batch.rows;
	if (rows > c->heads_cap) {
		free(c->heads);
		c->heads = pf_alloc(rows, sizeof *c->heads);
		c->heads_cap = rows;
	}
	m->whole = pf_heads_set(m->schema, m->keys, m->n_keys, &c->batch, c->heads);
}

/* Rows with the same head. */
static int cmp_tails(const struct pf_merge *m, const struct pf_batch *a, int64_t row_a,
		     const struct pf_batch *b, int64_t row_b)
{
	if (m->whole == m->n_keys)
		return 0;
	return pf_heads_cmp(m->schema, m->keys + m->whole, m->n_keys - m->whole, a, row_a, b,
			    row_b);
}

static bool same_key(const struct pf_merge *m, const struct cursor *a, int64_t row_a,
		     const struct cursor *b, int64_t row_b)
{
	return a->heads[row_a] == b->heads[row_b] &&
	       !cmp_tails(m, &a->batch, row_a, &b->batch, row_b);
}

/* Does a row of cursor a come before the next row of cursor b? */
static bool before(const struct pf_merge *m, uint32_t a, int64_t row, uint32_t b)
{
	const struct cursor *x = &m->cursors[a], *y = &m->cursors[b];
	if (y->done)
		return true;
	if (x->heads[row] != m->front[b])
		return x->heads[row] < m->front[b];
	int c = cmp_tails(m, &x->batch, row, &y->batch, y->at);
	return c ? c < 0 : a < b;
}

/* --- the tree --- */

static bool wins(const struct pf_merge *m, uint32_t a, uint32_t b)
{
	if (m->front[a] != m->front[b])
		return m->front[a] < m->front[b];
	if (m->cursors[a].done || m->cursors[b].done)
		return m->cursors[a].done == m->cursors[b].done ? a < b :
								  m->cursors[b].done;
	return before(m, a, m->cursors[a].at, b);
}

/* Cursor w has another row in front: play it up to the root. */
static void replay(struct pf_merge *m, uint32_t w)
{
	for (size_t t = (w + m->n) / 2; t; t /= 2)
		if (wins(m, m->tree[t], w)) {
			uint32_t other = m->tree[t];
			m->tree[t] = w;
			w = other;
		}
	m->tree[0] = w;
}

static void plant(struct pf_merge *m)
{
	for (size_t t = 0; t < m->n; t++)
		m->tree[t] = NONE;
	for (uint32_t w = 0; w < m->n; w++) {
		uint32_t up = w;
		size_t t = (w + m->n) / 2;
		for (; t && m->tree[t] != NONE; t /= 2)
			if (wins(m, m->tree[t], up)) {
				uint32_t other = m->tree[t];
				m->tree[t] = up;
				up = other;
			}
		m->tree[t] = up;
	}
}

/* Who would be foremost without the foremost one, or NONE: it lost to that one
 * on its way up. */
static uint32_t runner_up(const struct pf_merge *m, uint32_t w)
{
	uint32_t best = NONE;
	for (size_t t = (w + m->n) / 2; t; t /= 2)
		if (best == NONE || wins(m, m->tree[t], best))
			best = m->tree[t];
	return best;
}

/* --- input --- */

static int check_keys(const struct pf_merge *m, const struct cursor *c,
		      struct pf_error *err)
{
	for (size_t i = 0; i < m->n_keys; i++)
		if (c->batch.columns[m->keys[i]].nulls)
			return pf_fail(err, PF_E_BAD_ROW,
				       "'%s': a row without a value of '%s'", c->run.name,
				       m->schema->fields[m->keys[i]].name);
	return 0;
}

/* A run must not go back, neither within the batch nor from the one before. */
static int check_order(const struct pf_merge *m, struct cursor *c,
		       struct pf_error *err)
{
	const struct pf_batch *b = &c->batch;
	bool back = false;
	if (c->last->columns[0].rows) {
		struct pf_batch last = pf_builder_batch(c->last);
		back = pf_heads_cmp(m->schema, m->keys, m->n_keys, &last, 0, b, 0) > 0;
	}
	for (int64_t r = 1; !back && r < b->rows; r++) {
		if (c->heads[r - 1] != c->heads[r])
			back = c->heads[r - 1] > c->heads[r];
		else
			back = cmp_tails(m, b, r - 1, b, r) > 0;
	}
	if (back)
		return pf_fail(err, PF_E_CORRUPT,
			       "'%s' says that it is sorted and is not", c->run.name);
	pf_builder_reset(c->last);
	pf_builder_append(c->last, b, b->rows - 1, 1);
	return 0;
}

static void set_numbers(const struct pf_merge *m, struct cursor *c)
{
	if (!m->newest)
		return;
	c->numbers = c->batch.columns[m->how.number].values;
	c->kinds = c->batch.columns[m->how.kind].values;
}

/* The next batch of a run; rows == 0 behind its last. */
static int refill(struct pf_merge *m, uint32_t w, struct pf_error *err)
{
	struct cursor *c = &m->cursors[w];
	c->at = 0;
	PF_TRY(c->run.next(c->run.ctx, &c->batch, err));
	if (!c->batch.rows) {
		c->done = true;
		m->front[w] = UINT64_MAX;
		m->alive--;
		return 0;
	}
	PF_TRY(check_keys(m, c, err));
	set_heads(m, c);
	set_numbers(m, c);
	c->row_bytes = pf_batch_bytes(&c->batch) / (size_t)c->batch.rows + 1;
	m->front[w] = c->heads[0];
	return check_order(m, c, err);
}

static int start(struct pf_merge *m, struct pf_error *err)
{
	if (m->n >= NONE)
		return pf_fail(err, PF_E_LIMIT, "%zu runs are too many to merge", m->n);
	m->started = true;
	m->alive = m->n;
	for (uint32_t i = 0; i < m->n; i++)
		PF_TRY(refill(m, i, err));
	plant(m);
	return 0;
}

/* --- output --- */

/* Column by column, so that each stays in the cache. */
static void copy_pieces(struct pf_merge *m)
{
	for (size_t c = 0; c < m->schema->n && m->n_pieces; c++) {
		for (size_t i = 0; i <= m->n; i++)
			if (m->cursors[i].batch.rows)
				m->sources[i] = &m->cursors[i].batch.columns[c];
		pf_col_append_pieces(&m->out->columns[c], m->sources, m->pieces,
				     m->n_pieces);
	}
	m->n_pieces = 0;
}

static void add_piece(struct pf_merge *m, uint32_t from, int64_t at, int64_t n)
{
	struct pf_piece *last = m->n_pieces ? &m->pieces[m->n_pieces - 1] : NULL;
	m->rows += n;
	m->bytes += m->cursors[from].row_bytes * (size_t)n;
	if (last && last->from == from && last->at + last->n == at) {
		last->n += (uint32_t)n;
		return;
	}
	if (m->n_pieces == m->pieces_cap) {
		m->pieces_cap = pf_grow(m->pieces_cap, m->n_pieces + 1);
		m->pieces = pf_realloc(m->pieces, m->pieces_cap, sizeof *m->pieces);
	}
	m->pieces[m->n_pieces++] = (struct pf_piece){ from, (uint32_t)n, at };
}

/* How many of the foremost run's rows, up to most, come before the rival's
 * next; at least one does. */
static int64_t rows_before(const struct pf_merge *m, uint32_t w, uint32_t rival,
			   int64_t most)
{
	int64_t n = 1, at = m->cursors[w].at;
	if (rival == NONE)
		return most;
	for (; n < most && n < FEW; n++)
		if (!before(m, w, at + n, rival))
			return n;
	int64_t low = n, high = most; /* rows below low come before */
	for (int64_t step = FEW; low < high; step *= 2) {
		int64_t probe = low + step < most ? low + step : most;
		if (probe > low && before(m, w, at + probe - 1, rival)) {
			low = probe;
			continue;
		}
		high = probe - 1;
		break;
	}
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		if (before(m, w, at + middle - 1, rival))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* How many rows of the foremost cursor are taken at once. Where runs alternate,
 * to ask who is second costs more than it gives. */
static int64_t stretch(struct pf_merge *m, uint32_t w)
{
	const struct cursor *c = &m->cursors[w];
	int64_t most = c->batch.rows - c->at;
	int64_t room = (int64_t)((BATCH_BYTES - m->bytes) / c->row_bytes) + 1;
	most = most < BATCH_ROWS - m->rows ? most : BATCH_ROWS - m->rows;
	most = most < room ? most : room;
	bool again = m->streak == w;
	m->streak = w;
	return again ? rows_before(m, w, runner_up(m, w), most) : 1;
}

/* The rows before c->at have been taken. */
static int move_on(struct pf_merge *m, uint32_t w, struct pf_error *err)
{
	struct cursor *c = &m->cursors[w];
	if (c->at < c->batch.rows) {
		m->front[w] = c->heads[c->at];
	} else {
		/* Its batch goes: what it lent is copied first. */
		copy_pieces(m);
		PF_TRY(refill(m, w, err));
	}
	replay(m, w);
	return 0;
}

static bool is_full(const struct pf_merge *m)
{
	return m->rows >= BATCH_ROWS || m->bytes >= BATCH_BYTES;
}

static int next_all(struct pf_merge *m, struct pf_error *err)
{
	while (m->alive && !is_full(m)) {
		uint32_t w = m->tree[0];
		struct cursor *c = &m->cursors[w];
		int64_t n = stretch(m, w);
		add_piece(m, w, c->at, n);
		c->at += n;
		PF_TRY(move_on(m, w, err));
	}
	copy_pieces(m);
	return 0;
}

/* --- the newest of equal keys --- */

/* Is a row older than the best one so far, which has its key? */
static bool is_older(const struct pf_merge *m, const struct cursor *x, int64_t row_x)
{
	const struct cursor *y = &m->cursors[m->best.from];
	int64_t row_y = m->best.row;
	for (size_t i = 0; i < m->how.n_sequence; i++) {
		int s = m->sequence[i];
		const struct pf_column *a = &x->batch.columns[s], *b = &y->batch.columns[s];
		bool no_x = pf_is_null(a, row_x), no_y = pf_is_null(b, row_y);
		if (no_x != no_y)
			return no_x;
		int order = no_x ? 0 : pf_key_cmp(m->schema->fields[s].type.kind, a, row_x,
						    b, row_y);
		if (order)
			return m->how.descends ? order > 0 : order < 0;
	}
	if (x->numbers[row_x] != y->numbers[row_y])
		return x->numbers[row_x] < y->numbers[row_y];
	return pf_kind_retracts(x->kinds[row_x]) && !pf_kind_retracts(y->kinds[row_y]);
}

/* Its key is complete. */
static void give_best(struct pf_merge *m)
{
	const struct candidate *b = &m->best;
	if (b->there && (m->how.keep_deletes ||
			 !pf_kind_retracts(m->cursors[b->from].kinds[b->row])))
		add_piece(m, b->from, b->row, 1);
	m->best.there = false;
}

static void offer(struct pf_merge *m, uint32_t w, int64_t row)
{
	struct cursor *c = &m->cursors[w];
	if (m->best.there && same_key(m, c, row, &m->cursors[m->best.from], m->best.row)) {
		if (is_older(m, c, row))
			return;
	} else {
		give_best(m);
	}
	m->best = (struct candidate){ w, row, true };
}

/* The batch that the best row is in goes: keep the row. */
static void hold_best(struct pf_merge *m)
{
	struct cursor *h = &m->cursors[m->n];
	const struct cursor *c = &m->cursors[m->best.from];
	copy_pieces(m); /* the row that was held before may be among them */
	pf_builder_reset(m->held);
	pf_builder_append(m->held, &c->batch, m->best.row, 1);
	h->batch = pf_builder_batch(m->held);
	if (!h->heads)
		h->heads = pf_alloc(1, sizeof *h->heads);
	h->heads[0] = c->heads[m->best.row];
	h->row_bytes = c->row_bytes;
	set_numbers(m, h);
	m->best = (struct candidate){ (uint32_t)m->n, 0, true };
}

static int next_newest(struct pf_merge *m, struct pf_error *err)
{
	while (m->alive && !is_full(m)) {
		uint32_t w = m->tree[0];
		struct cursor *c = &m->cursors[w];
		int64_t n = stretch(m, w);
		for (int64_t i = 0; i < n; i++)
			offer(m, w, c->at + i);
		c->at += n;
		if (c->at == c->batch.rows && m->best.there && m->best.from == w)
			hold_best(m);
		PF_TRY(move_on(m, w, err));
	}
	if (!m->alive)
		give_best(m);
	copy_pieces(m);
	return 0;
}

int pf_merge_next(struct pf_merge *m, struct pf_batch *batch, struct pf_error *err)
{
	if (!m->started)
		PF_TRY(start(m, err));
	pf_builder_reset(m->out);
	do {
		m->rows = 0;
		m->bytes = 0;
		PF_TRY(m->newest ? next_newest(m, err) : next_all(m, err));
		*batch = pf_builder_batch(m->out);
	} while (!batch->rows && m->alive);
	return 0;
}
