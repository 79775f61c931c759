/* SPDX-License-Identifier: Apache-2.0 */
#include "load/merge.h"

#include <stdlib.h>

#include "base/alloc.h"

enum {
	BATCH_ROWS = 8192,
	BATCH_BYTES = 16 << 20,
	/* Rows compared one by one before the rest is searched by halves. */
	FEW = 4,
};

/* A run and the row of it that is next. */
struct cursor {
	struct pf_merge_run run;
	struct pf_batch batch;
	int64_t at;
	struct pf_builder *last; /* the last row of the batch before */
};

/* Rows of a cursor's batch that go out next. */
struct piece {
	struct cursor *from;
	int64_t at, n;
};

struct pf_merge {
	struct pf_schema *schema;
	int *keys;
	size_t n_keys;
	struct cursor *cursors;
	struct cursor **heap; /* the foremost row on top */
	size_t n, n_heap;
	struct piece *pieces;
	size_t n_pieces, pieces_cap;
	struct pf_builder *out;
	bool started;
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
	m->heap = pf_alloc(n + 1, sizeof *m->heap);
	m->n = n;
	m->out = pf_builder_new(schema);
	for (size_t i = 0; i < n; i++) {
		m->cursors[i].run = runs[i];
		m->cursors[i].last = pf_builder_new(schema);
	}
	return m;
}

void pf_merge_free(struct pf_merge *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		pf_builder_free(m->cursors[i].last);
	pf_builder_free(m->out);
	pf_schema_unref(m->schema);
	free(m->cursors);
	free(m->heap);
	free(m->pieces);
	free(m->keys);
	free(m);
}

static int cmp_rows(const struct pf_merge *m, const struct pf_batch *a, int64_t row_a,
		    const struct pf_batch *b, int64_t row_b)
{
	for (size_t i = 0; i < m->n_keys; i++) {
		int k = m->keys[i];
		const struct pf_column *x = &a->columns[k], *y = &b->columns[k];
		enum pf_kind kind = m->schema->fields[k].type.kind;
		int c;
		if (kind == PF_BIGINT || kind == PF_TIMESTAMP ||
		    kind == PF_TIMESTAMP_LTZ) {
			int64_t v = ((const int64_t *)x->values)[row_a];
			int64_t w = ((const int64_t *)y->values)[row_b];
			c = (v > w) - (v < w);
		} else {
			c = pf_value_cmp(kind, x, row_a, y, row_b);
		}
		if (c)
			return c;
	}
	return 0;
}

/* Does a row of one run come before the next row of another? */
static bool before(const struct pf_merge *m, const struct cursor *a, int64_t row,
		   const struct cursor *b)
{
	int c = cmp_rows(m, &a->batch, row, &b->batch, b->at);
	return c ? c < 0 : a < b;
}

/* --- the heap --- */

static void sift_down(struct pf_merge *m, size_t i)
{
	struct cursor *moving = m->heap[i];
	for (;;) {
		size_t kid = 2 * i + 1;
		if (kid >= m->n_heap)
			break;
		if (kid + 1 < m->n_heap &&
		    before(m, m->heap[kid + 1], m->heap[kid + 1]->at, m->heap[kid]))
			kid++;
		if (!before(m, m->heap[kid], m->heap[kid]->at, moving))
			break;
		m->heap[i] = m->heap[kid];
		i = kid;
	}
	m->heap[i] = moving;
}

/* The run that would be foremost without the foremost one; NULL: none. */
static const struct cursor *runner_up(const struct pf_merge *m)
{
	if (m->n_heap < 2)
		return NULL;
	if (m->n_heap > 2 && before(m, m->heap[2], m->heap[2]->at, m->heap[1]))
		return m->heap[2];
	return m->heap[1];
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
		back = cmp_rows(m, &last, 0, b, 0) > 0;
	}
	for (int64_t r = 1; !back && r < b->rows; r++)
		back = cmp_rows(m, b, r - 1, b, r) > 0;
	if (back)
		return pf_fail(err, PF_E_CORRUPT,
			       "'%s' says that it is sorted and is not", c->run.name);
	pf_builder_reset(c->last);
	pf_builder_append(c->last, b, b->rows - 1, 1);
	return 0;
}

/* The next batch of a run; rows == 0 behind its last. */
static int refill(struct pf_merge *m, struct cursor *c, struct pf_error *err)
{
	c->at = 0;
	PF_TRY(c->run.next(c->run.ctx, &c->batch, err));
	if (!c->batch.rows)
		return 0;
	PF_TRY(check_keys(m, c, err));
	return check_order(m, c, err);
}

static int start(struct pf_merge *m, struct pf_error *err)
{
	m->started = true;
	for (size_t i = 0; i < m->n; i++) {
		PF_TRY(refill(m, &m->cursors[i], err));
		if (m->cursors[i].batch.rows)
			m->heap[m->n_heap++] = &m->cursors[i];
	}
	for (size_t i = m->n_heap / 2; i--;)
		sift_down(m, i);
	return 0;
}

/* --- output --- */

/* Column by column, so that each stays in the cache. */
static void copy_pieces(struct pf_merge *m)
{
	for (size_t c = 0; c < m->schema->n; c++) {
		struct pf_colbuf *to = &m->out->columns[c];
		for (size_t i = 0; i < m->n_pieces; i++) {
			const struct piece *p = &m->pieces[i];
			pf_col_append(to, &p->from->batch.columns[c], p->at, p->n);
		}
	}
	m->n_pieces = 0;
}

static void add_piece(struct pf_merge *m, struct cursor *from, int64_t n)
{
	if (m->n_pieces == m->pieces_cap) {
		m->pieces_cap = pf_grow(m->pieces_cap, m->n_pieces + 1);
		m->pieces = pf_realloc(m->pieces, m->pieces_cap, sizeof *m->pieces);
	}
	m->pieces[m->n_pieces++] = (struct piece){ from, from->at, n };
	from->at += n;
}

/* How many of the foremost run's rows, up to most, come before the rival's
 * next; at least one does. */
static int64_t rows_before(const struct pf_merge *m, const struct cursor *c,
			   const struct cursor *rival, int64_t most)
{
	int64_t n = 1;
	if (!rival)
		return most;
	for (; n < most && n < FEW; n++)
		if (!before(m, c, c->at + n, rival))
			return n;
	int64_t low = n, high = most; /* rows below low come before */
	for (int64_t step = FEW; low < high; step *= 2) {
		int64_t probe = low + step < most ? low + step : most;
		if (probe > low && before(m, c, c->at + probe - 1, rival)) {
			low = probe;
			continue;
		}
		high = probe - 1;
		break;
	}
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		if (before(m, c, c->at + middle - 1, rival))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Rows of the foremost run go out. */
static int take(struct pf_merge *m, int64_t most, int64_t *taken, struct pf_error *err)
{
	struct cursor *c = m->heap[0];
	int64_t left = c->batch.rows - c->at;
	*taken = rows_before(m, c, runner_up(m), left < most ? left : most);
	add_piece(m, c, *taken);
	if (c->at == c->batch.rows) {
		/* Its batch goes: what it lent is copied first. */
		copy_pieces(m);
		PF_TRY(refill(m, c, err));
		if (!c->batch.rows)
			m->heap[0] = m->heap[--m->n_heap];
	}
	if (m->n_heap)
		sift_down(m, 0);
	return 0;
}

int pf_merge_next(struct pf_merge *m, struct pf_batch *batch, struct pf_error *err)
{
	if (!m->started)
		PF_TRY(start(m, err));
	pf_builder_reset(m->out);
	for (int64_t rows = 0, n; rows < BATCH_ROWS && m->n_heap; rows += n) {
		PF_TRY(take(m, BATCH_ROWS - rows, &n, err));
		if (pf_builder_bytes(m->out) > BATCH_BYTES)
			break;
	}
	copy_pieces(m);
	*batch = pf_builder_batch(m->out);
	return 0;
}
