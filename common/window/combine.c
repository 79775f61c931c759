/* SPDX-License-Identifier: Apache-2.0 */
#include "window/combine.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "window/key.h"

enum {
	CHUNK = 4096,          /* keys at a time */
	CURSOR_BYTES = 640 << 10, /* of memory, about */
	FAN_MIN = 8,
	FAN_MAX = 256,
};

/* One run on its way through. */
struct cursor {
	struct pf_run_in *in;
	const struct pf_combine_input *input;
	struct pf_batch batch;
	int skip;              /* leading columns that are no key */
	int64_t row;           /* the next */
	int64_t pending;       /* rows before it that were given slots only */
	pf_u128 *heads;        /* per row of the batch */
	uint32_t *slots;
	size_t cap;
	struct pf_buf keys;    /* long keys: bytes, and where they end */
	size_t *ends;
	bool end;
};

struct pf_combine {
	const struct pf_shape *shape;
	struct pf_combine_input *inputs;
	struct cursor *cursors;
	size_t n;
	size_t *heap, nheap;   /* of cursor numbers */
	bool by_cell, longer;  /* longer: keys may exceed 16 bytes */
	size_t nkeys;
	struct pf_builder *keys; /* of the slots of this chunk */
	int64_t *rows;
	struct pf_agg_states **states;
	size_t slots;
	uint32_t *kept;        /* slots with rows behind them */
	size_t nkept;
	struct pf_buf last;    /* the last key */
	pf_u128 last_head;
	struct pf_builder *out; /* of pf_combine_stored */
	int scratch;           /* of earlier passes, -1: none */
	struct pf_run_out *scratch_out;
};

/* --- keys --- */

static struct pf_view key_of(const struct cursor *c, int64_t row)
{
	size_t from = row ? c->ends[row - 1] : 0;
	return pf_view_of(c->keys.data + from, c->ends[row] - from);
}

static int make_keys(struct pf_combine *m, struct cursor *c)
{
	size_t n = (size_t)c->batch.rows;
	if (n > c->cap) {
		c->cap = pf_grow(c->cap, n);
		c->heads = pf_realloc(c->heads, c->cap, sizeof *c->heads);
		c->slots = pf_realloc(c->slots, c->cap, sizeof *c->slots);
		c->ends = pf_realloc(c->ends, c->cap, sizeof *c->ends);
	}
	c->keys.len = 0;
	for (size_t i = 0; i < n; i++) {
		size_t from = c->keys.len;
		for (size_t k = 0; k < m->nkeys; k++)
			pf_sortkey_add(&c->keys,
				       c->batch.schema->fields[(size_t)c->skip + k].type.kind,
				       &c->batch.columns[(size_t)c->skip + k], (int64_t)i);
		c->heads[i] = pf_sortkey_head(c->keys.data + from, c->keys.len - from);
		if (m->longer)
			c->ends[i] = c->keys.len;
		else
			c->keys.len = 0;
	}
	return 0;
}

static int key_cmp(const struct pf_combine *m, const struct cursor *a, const struct cursor *b)
{
	pf_u128 x = a->heads[a->row], y = b->heads[b->row];
	if (x != y)
		return x < y ? -1 : 1;
	return m->longer ? pf_view_cmp(key_of(a, a->row), key_of(b, b->row)) : 0;
}

/* --- the heap: the smallest key first, plus before minus --- */

static bool before(const struct pf_combine *m, size_t a, size_t b)
{
	int c = key_cmp(m, &m->cursors[a], &m->cursors[b]);
	if (c)
		return c < 0;
	bool minus_a = m->cursors[a].input->minus, minus_b = m->cursors[b].input->minus;
	return minus_a != minus_b ? minus_b : a < b;
}

static void sift(struct pf_combine *m, size_t i)
{
	size_t moving = m->heap[i];
	for (;;) {
		size_t kid = 2 * i + 1;
		if (kid >= m->nheap)
			break;
		if (kid + 1 < m->nheap && before(m, m->heap[kid + 1], m->heap[kid]))
			kid++;
		if (!before(m, m->heap[kid], moving))
			break;
		m->heap[i] = m->heap[kid];
		i = kid;
	}
	m->heap[i] = moving;
}

/* --- states --- */

/* Hand the rows that have slots to the aggregates. */
static int take(struct pf_combine *m, struct cursor *c, struct pf_error *err)
{
	if (!c->pending)
		return 0;
	int64_t from = c->row - c->pending;
	size_t column = (size_t)c->skip + m->nkeys;
	const int64_t *rows = (const int64_t *)c->batch.columns[column++].values + from;
	bool minus = c->input->minus;
	for (int64_t i = 0; i < c->pending; i++)
		m->rows[c->slots[from + i]] += minus ? -rows[i] : rows[i];
	for (size_t a = 0; a < m->shape->naggs; a++) {
		const struct pf_agg *agg = m->shape->aggs[a];
		struct pf_agg_stored in = { from, c->pending, c->slots + from,
					    &c->batch.columns[column] };
		int code = minus ? agg->kind->subtract(m->states[a], &in, err) :
				   agg->kind->merge(m->states[a], &in, err);
		if (code)
			return pf_context(err, "'%s'", c->input->run.name);
		column += agg->state->n;
	}
	c->pending = 0;
	return 0;
}

/* What is subtracted was merged before. */
static int take_all(struct pf_combine *m, bool minus, struct pf_error *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->cursors[i].input->minus)
			PF_TRY(take(m, &m->cursors[i], err));
	for (size_t i = 0; i < m->n && minus; i++)
		if (m->cursors[i].input->minus)
			PF_TRY(take(m, &m->cursors[i], err));
	return 0;
}

static int next_batch(struct pf_combine *m, struct cursor *c, struct pf_error *err)
{
	if (c->input->minus)
		PF_TRY(take_all(m, true, err));
	else
		PF_TRY(take(m, c, err));
	c->row = 0;
	PF_TRY(pf_run_in_next(c->in, &c->batch, err));
	c->end = !c->batch.rows;
	return make_keys(m, c);
}

/* --- opening --- */

static int open_cursors(struct pf_combine *m, struct pf_error *err)
{
	m->cursors = pf_zalloc(m->n + 1, sizeof *m->cursors);
	m->heap = pf_alloc(m->n + 1, sizeof *m->heap);
	for (size_t i = 0; i < m->n; i++)
		m->cursors[i].input = &m->inputs[i];
	for (size_t i = 0; i < m->n; i++) {
		struct cursor *c = &m->cursors[i];
		c->skip = c->input->partial && !m->by_cell ? PF_PARTIAL_KEYS : 0;
		PF_TRY(pf_run_in_open(&c->input->run,
				      c->input->partial ? m->shape->partial : m->shape->merged,
				      &c->in, err));
		PF_TRY(next_batch(m, c, err));
		if (!c->end)
			m->heap[m->nheap++] = i;
	}
	for (size_t i = m->nheap / 2; i-- > 0;)
		sift(m, i);
	return 0;
}

static struct pf_combine *new_merge(const struct pf_shape *shape, bool by_cell)
{
	struct pf_combine *m = pf_zalloc(1, sizeof *m);
	struct pf_schema *schema = by_cell ? shape->partial : shape->merged, *keys;
	m->shape = shape;
	m->by_cell = by_cell;
	m->scratch = -1;
	m->nkeys = shape->keys.n + (by_cell ? PF_PARTIAL_KEYS : 0);
	keys = pf_schema_new();
	size_t bytes = 0;
	for (size_t i = 0; i < m->nkeys; i++) {
		struct pf_type t = schema->fields[i].type;
		pf_schema_add(keys, schema->fields[i].name, t, true);
		m->longer = m->longer || pf_kind_is_variable(t.kind);
		bytes += t.kind == PF_DECIMAL ? 17 : 9;
	}
	m->longer = m->longer || bytes > 16;
	m->keys = pf_builder_new(keys);
	pf_schema_unref(keys);
	m->out = pf_builder_new(schema);
	m->rows = pf_alloc(CHUNK, sizeof *m->rows);
	m->kept = pf_alloc(CHUNK, sizeof *m->kept);
	m->states = pf_alloc(shape->naggs + 1, sizeof *m->states);
	for (size_t i = 0; i < shape->naggs; i++)
		m->states[i] = pf_agg_states_new(shape->aggs[i]);
	return m;
}

static int merge_group(struct pf_combine *m, const struct pf_combine_input *inputs, size_t n,
		       size_t memory, struct pf_combine_input *out, struct pf_error *err)
{
	struct pf_combine *group;
	struct pf_combine_input *plain = pf_alloc(n, sizeof *plain);
	bool minus = inputs[0].minus;
	for (size_t i = 0; i < n; i++) {
		plain[i] = inputs[i];
		plain[i].minus = false;
	}
	int code = pf_combine_open(m->shape, plain, n, m->by_cell, memory, &group, err);
	free(plain);
	if (code)
		return code;
	*out = (struct pf_combine_input){ .partial = m->by_cell, .minus = minus };
	code = pf_combine_write(group, m->scratch_out, &out->run, err);
	pf_combine_free(group);
	return code;
}

/* Neighbours of one sign together, until few enough are left. */
static int reduce(struct pf_combine *m, size_t fan, size_t memory, struct pf_error *err)
{
	if (m->n <= fan)
		return 0;
	PF_TRY(pf_run_scratch(&m->scratch, err));
	PF_TRY(pf_run_out_open(m->scratch, "scratch", m->by_cell ? m->shape->partial :
			       m->shape->merged, &m->scratch_out, err));
	while (m->n > fan) {
		size_t made = 0;
		for (size_t i = 0; i < m->n;) {
			size_t n = 1;
			while (n < fan && i + n < m->n &&
			       m->inputs[i + n].minus == m->inputs[i].minus)
				n++;
			if (n == 1)
				m->inputs[made] = m->inputs[i];
			else
				PF_TRY(merge_group(m, m->inputs + i, n, memory,
						   &m->inputs[made], err));
			made++;
			i += n;
		}
		if (made == m->n)
			break;
		m->n = made;
	}
	return 0;
}

static int by_sign(const void *a, const void *b)
{
	const struct pf_combine_input *x = a, *y = b;
	if (x->minus != y->minus)
		return x->minus - y->minus;
	return (x->run.rows > y->run.rows) - (x->run.rows < y->run.rows);
}

int pf_combine_open(const struct pf_shape *shape, const struct pf_combine_input *inputs,
		  size_t n, bool by_cell, size_t memory, struct pf_combine **out,
		  struct pf_error *err)
{
	struct pf_combine *m = new_merge(shape, by_cell);
	size_t fan = memory / CURSOR_BYTES;
	fan = fan < FAN_MIN ? FAN_MIN : fan > FAN_MAX ? FAN_MAX : fan;
	m->inputs = pf_alloc(n + 1, sizeof *m->inputs);
	memcpy(m->inputs, inputs, n * sizeof *inputs);
	m->n = n;
	if (n > fan) /* small ones first: the large are read once */
		qsort(m->inputs, n, sizeof *m->inputs, by_sign);
	int code = reduce(m, fan, memory, err);
	if (!code)
		code = open_cursors(m, err);
	if (code) {
		pf_combine_free(m);
		return code;
	}
	*out = m;
	return 0;
}

void pf_combine_free(struct pf_combine *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->cursors && i < m->n; i++) {
		struct cursor *c = &m->cursors[i];
		pf_run_in_free(c->in);
		free(c->heads);
		free(c->slots);
		free(c->ends);
		pf_buf_free(&c->keys);
	}
	for (size_t i = 0; i < m->shape->naggs; i++)
		pf_agg_states_free(m->states[i]);
	free(m->cursors);
	free(m->inputs);
	free(m->heap);
	pf_builder_free(m->keys);
	pf_builder_free(m->out);
	free(m->rows);
	free(m->kept);
	free(m->states);
	pf_buf_free(&m->last);
	pf_run_out_free(m->scratch_out);
	if (m->scratch >= 0)
		close(m->scratch);
	free(m);
}

/* --- merging --- */

static bool is_last(const struct pf_combine *m, const struct cursor *c)
{
	if (!m->slots || c->heads[c->row] != m->last_head)
		return false;
	return !m->longer ||
	       !pf_view_cmp(key_of(c, c->row), pf_view_of(m->last.data, m->last.len));
}

/* Is the key of another cell than the last one? Day and bucket are the first
 * 18 bytes of a key: two numbers with a byte in front of each. */
static bool other_cell(const struct pf_combine *m, const struct cursor *c)
{
	enum { CELL_BYTES = 18 };
	return memcmp(key_of(c, c->row).data, m->last.data, CELL_BYTES) != 0;
}

/* A slot for the cursor's key; false when the chunk is full. */
static bool give_slot(struct pf_combine *m, struct cursor *c)
{
	if (is_last(m, c)) {
		c->slots[c->row] = (uint32_t)m->slots - 1;
		return true;
	}
	if (m->slots == CHUNK || (m->slots && m->by_cell && m->shape->by_commands &&
				  other_cell(m, c)))
		return false;
	m->last_head = c->heads[c->row];
	if (m->longer) {
		struct pf_view key = key_of(c, c->row);
		m->last.len = 0;
		pf_buf_add(&m->last, key.data, key.len);
	}
	for (size_t k = 0; k < m->nkeys; k++)
		pf_col_append(&m->keys->columns[k], &c->batch.columns[(size_t)c->skip + k],
			      c->row, 1);
	c->slots[c->row] = (uint32_t)m->slots;
	m->rows[m->slots++] = 0;
	return true;
}

static void reserve(struct pf_combine *m)
{
	for (size_t i = 0; i < m->shape->naggs; i++)
		m->shape->aggs[i]->kind->reserve(m->states[i], CHUNK);
}

static int keep(struct pf_combine *m, struct pf_error *err)
{
	m->nkept = 0;
	for (size_t i = 0; i < m->slots; i++) {
		if (m->rows[i] < 0) {
			pf_fail(err, PF_E_CORRUPT, "more rows leave the window than were in it");
			return pf_hint(err, "the state can be built anew from the table: --fresh");
		}
		if (m->rows[i])
			m->kept[m->nkept++] = (uint32_t)i;
	}
	return 0;
}

int pf_combine_next(struct pf_combine *m, size_t *n, struct pf_error *err)
{
	*n = 0;
	while (m->nheap && !*n) {
		m->slots = 0;
		pf_builder_reset(m->keys);
		for (size_t i = 0; i < m->shape->naggs; i++)
			m->shape->aggs[i]->kind->clear(m->states[i]);
		reserve(m);
		while (m->nheap) {
			struct cursor *c = &m->cursors[m->heap[0]];
			if (!give_slot(m, c))
				break;
			c->row++;
			c->pending++;
			if (c->row == c->batch.rows) {
				PF_TRY(next_batch(m, c, err));
				if (c->end)
					m->heap[0] = m->heap[--m->nheap];
			}
			sift(m, 0);
		}
		PF_TRY(take_all(m, true, err));
		PF_TRY(keep(m, err));
		*n = m->nkept;
	}
	return 0;
}

static void put_keys(struct pf_combine *m, struct pf_colbuf *out)
{
	struct pf_batch keys = { 0 };
	if (m->nkeys)
		keys = pf_builder_batch(m->keys);
	for (size_t k = 0; k < m->nkeys; k++)
		pf_col_gather(&out[k], &keys.columns[k], m->kept, m->nkept);
}

/* The columns of all states. */
static int put_states(struct pf_combine *m, struct pf_colbuf *out, struct pf_error *err)
{
	for (size_t i = 0; i < m->shape->naggs; i++) {
		const struct pf_agg *a = m->shape->aggs[i];
		PF_TRY(a->kind->store(m->states[i], m->kept, m->nkept, out, err));
		out += a->state->n;
	}
	return 0;
}

int pf_combine_stored(struct pf_combine *m, struct pf_batch *batch, struct pf_error *err)
{
	pf_builder_reset(m->out);
	put_keys(m, m->out->columns);
	for (size_t i = 0; i < m->nkept; i++)
		pf_col_i64(&m->out->columns[m->nkeys], m->rows[m->kept[i]]);
	PF_TRY(put_states(m, m->out->columns + m->nkeys + 1, err));
	*batch = pf_builder_batch(m->out);
	return 0;
}

static void put_text(const struct pf_combine *m, struct pf_colbuf *out, const char *text)
{
	for (size_t i = 0; i < m->nkept; i++)
		pf_col_bytes(out, text, strlen(text));
}

static void put_bound(const struct pf_combine *m, struct pf_colbuf *out, int64_t value)
{
	for (size_t i = 0; i < m->nkept; i++)
		pf_col_int(out, value);
}

int pf_combine_finished(struct pf_combine *m, const struct pf_combine_label *label,
			struct pf_builder *rows, struct pf_error *err)
{
	struct pf_colbuf *out = rows->columns;
	if (label->columns->change)
		put_text(m, out++, label->change);
	if (label->columns->day)
		put_bound(m, out++, label->start);
	put_keys(m, out);
	out += m->nkeys;
	if (label->columns->name)
		put_text(m, out++, label->window);
	if (label->columns->bounds) {
		put_bound(m, out++, label->start);
		put_bound(m, out++, label->end);
	}
	if (label->columns->states)
		return put_states(m, out, err);
	for (size_t i = 0; i < m->shape->naggs; i++) {
		PF_TRY(m->shape->aggs[i]->kind->finish(m->states[i], m->kept, m->nkept,
						       &label->range, out, err));
		out += pf_agg_width(m->shape->aggs[i]);
	}
	return 0;
}

int pf_combine_write(struct pf_combine *m, struct pf_run_out *out, struct pf_sorted *run,
		   struct pf_error *err)
{
	size_t n;
	struct pf_batch batch;
	for (;;) {
		PF_TRY(pf_combine_next(m, &n, err));
		if (!n)
			return pf_run_out_cut(out, run, err);
		PF_TRY(pf_combine_stored(m, &batch, err));
		PF_TRY(pf_run_out_batch(out, &batch, 0, batch.rows, err));
	}
}
