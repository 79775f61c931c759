/* SPDX-License-Identifier: Apache-2.0 */
#include "window/combine_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
	CURSOR_BYTES = 640 << 10, /* of memory, about */
	FAN_MIN = 8,
	FAN_MAX = 256,
};

/* --- states --- */

/* Hand rows that have slots to the aggregates. */
static int take_stretch(const struct pf_combine *m, const struct pf_lane *lane,
			const struct pf_cursor *c, int64_t from, int64_t n,
			struct pf_error *err)
{
	size_t column = (size_t)c->skip + m->nkeys;
	const int64_t *rows = (const int64_t *)c->batch.columns[column++].values + from;
	bool minus = c->input->minus;
	for (int64_t i = 0; i < n; i++) {
		/* Without a sign: what a damaged file says may be of any size. */
		uint64_t some = minus ? 0 - (uint64_t)rows[i] : (uint64_t)rows[i];
		int64_t *of = &lane->rows[c->slots[from + i]];
		*of = (int64_t)((uint64_t)*of + some);
	}
	for (size_t a = 0; a < m->shape->naggs; a++) {
		const struct pf_agg *agg = m->shape->aggs[a];
		struct pf_agg_stored in = { from, n, c->slots + from,
					    &c->batch.columns[column], minus };
		int code = agg->kind->merge(lane->states[a], &in, err);
		if (code)
			return pf_context(err, "'%s'", c->input->run.name);
		column += agg->state->n;
	}
	return 0;
}

/* Pending rows of a run, into the lanes that have it. */
static int take_run(const struct pf_combine *m, struct pf_cursor *c, struct pf_error *err)
{
	for (uint64_t left = c->input->lanes; left; left &= left - 1) {
		const struct pf_lane *lane = &m->lanes[__builtin_ctzll(left)];
		for (size_t k = 0; k < c->npending; k++)
			PF_TRY(take_stretch(m, lane, c, c->pending[k].from, c->pending[k].n,
					    err));
	}
	c->npending = 0;
	return 0;
}

/* What is subtracted was merged before. */
static int take(struct pf_combine *m, enum pf_combine_side side, struct pf_error *err)
{
	for (int minus = 0; minus < 2; minus++)
		for (size_t i = 0; i < m->n; i++) {
			struct pf_cursor *c = &m->cursors[i];
			if (c->input->side == side && c->input->minus == (minus != 0))
				PF_TRY(take_run(m, c, err));
		}
	return 0;
}

void pf_lane_clear(const struct pf_combine *m, const struct pf_lane *lane)
{
	for (size_t i = 0; i < m->shape->naggs; i++) {
		const struct pf_agg_kind *kind = m->shape->aggs[i]->kind;
		kind->clear(lane->states[i]);
		kind->reserve(lane->states[i], m->slots);
	}
	memset(lane->rows, 0, m->slots * sizeof *lane->rows);
}

static int take_all(struct pf_combine *m, struct pf_error *err)
{
	for (size_t i = 0; i < m->nlanes; i++)
		pf_lane_clear(m, &m->lanes[i]);
	PF_TRY(take(m, PF_OF_BOTH, err));
	if (m->watch) {
		PF_TRY(take(m, PF_OF_OLD, err));
		PF_TRY(pf_watch_old(m, err));
	}
	return take(m, PF_OF_NEW, err);
}

/* --- opening --- */

static int open_cursors(struct pf_combine *m, struct pf_error *err)
{
	m->cursors = pf_zalloc(m->n + 1, sizeof *m->cursors);
	for (size_t i = 0; i < m->n; i++)
		m->cursors[i].input = &m->inputs[i];
	for (size_t i = 0; i < m->n; i++) {
		struct pf_cursor *c = &m->cursors[i];
		c->skip = c->input->partial && !m->by_cell ? PF_PARTIAL_KEYS : 0;
		PF_TRY(pf_run_in_open(&c->input->run,
				      c->input->partial ? m->shape->partial : m->shape->merged,
				      &c->in, err));
	}
	return 0;
}

static void add_lane(struct pf_combine *m)
{
	struct pf_lane *lane = &m->lanes[m->nlanes++];
	*lane = (struct pf_lane){ 0 };
	lane->rows = pf_alloc(PF_COMBINE_KEYS, sizeof *lane->rows);
	lane->states = pf_alloc(m->shape->naggs + 1, sizeof *lane->states);
	for (size_t i = 0; i < m->shape->naggs; i++)
		lane->states[i] = pf_agg_states_new(m->shape->aggs[i]);
}

static void free_lane(const struct pf_combine *m, const struct pf_lane *lane)
{
	for (size_t i = 0; i < m->shape->naggs; i++)
		pf_agg_states_free(lane->states[i]);
	free(lane->states);
	free(lane->rows);
}

static struct pf_combine *new_merge(const struct pf_shape *shape, size_t lanes, bool by_cell)
{
	struct pf_combine *m = pf_zalloc(1, sizeof *m);
	struct pf_schema *schema = by_cell ? shape->partial : shape->merged;
	m->shape = shape;
	m->by_cell = by_cell;
	m->scratch = -1;
	m->nkeys = shape->keys.n + (by_cell ? PF_PARTIAL_KEYS : 0);
	size_t bytes = 0;
	for (size_t i = 0; i < m->nkeys; i++) {
		enum pf_kind kind = schema->fields[i].type.kind;
		m->longer = m->longer || pf_kind_is_variable(kind);
		bytes += kind == PF_DECIMAL ? 17 : 9;
		m->only = kind;
	}
	m->longer = m->longer || bytes > 16;
	m->plain = m->nkeys == 1 && pf_sortkey_is_int(m->only);
	m->first = pf_alloc(PF_COMBINE_KEYS, sizeof *m->first);
	m->out = pf_builder_new(schema);
	m->kept = pf_alloc(PF_COMBINE_KEYS, sizeof *m->kept);
	m->of_lane = pf_alloc(PF_COMBINE_KEYS, sizeof *m->of_lane);
	m->lanes = pf_alloc(lanes, sizeof *m->lanes);
	m->most = PF_COMBINE_KEYS / lanes;
	while (m->nlanes < lanes)
		add_lane(m);
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
	*out = (struct pf_combine_input){ .partial = m->by_cell, .minus = minus,
					  .side = inputs[0].side, .lanes = inputs[0].lanes };
	code = pf_combine_write(group, m->scratch_out, &out->run, err);
	pf_combine_free(group);
	return code;
}

/* What is not equal in this cannot be merged beforehand. */
static int kind_cmp(const struct pf_combine_input *x, const struct pf_combine_input *y)
{
	if (x->minus != y->minus)
		return x->minus - y->minus;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	return (x->lanes > y->lanes) - (x->lanes < y->lanes);
}

/* Neighbours of one kind together, until few enough are left. */
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
			       !kind_cmp(&m->inputs[i + n], &m->inputs[i]))
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

static int by_kind(const void *a, const void *b)
{
	const struct pf_combine_input *x = a, *y = b;
	int kind = kind_cmp(x, y);
	return kind ? kind : (x->run.rows > y->run.rows) - (x->run.rows < y->run.rows);
}

/* m: freed when it fails. */
static int open_inputs(struct pf_combine *m, const struct pf_combine_input *inputs, size_t n,
		       size_t memory, struct pf_combine **out, struct pf_error *err)
{
	size_t fan = memory / CURSOR_BYTES;
	fan = fan < FAN_MIN ? FAN_MIN : fan > FAN_MAX ? FAN_MAX : fan;
	m->inputs = pf_alloc(n + 1, sizeof *m->inputs);
	m->n = n;
	for (size_t i = 0; i < n; i++) {
		m->inputs[i] = inputs[i];
		if (m->nlanes == 1)
			m->inputs[i].lanes = 1;
	}
	if (n > fan) /* small ones first: the large are read once */
		qsort(m->inputs, n, sizeof *m->inputs, by_kind);
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

int pf_combine_open(const struct pf_shape *shape, const struct pf_combine_input *inputs,
		  size_t n, bool by_cell, size_t memory, struct pf_combine **out,
		  struct pf_error *err)
{
	return open_inputs(new_merge(shape, 1, by_cell), inputs, n, memory, out, err);
}

int pf_combine_open_lanes(const struct pf_shape *shape, const struct pf_combine_input *inputs,
			  size_t n, size_t lanes, size_t memory, struct pf_combine **out,
			  struct pf_error *err)
{
	return open_inputs(new_merge(shape, lanes, false), inputs, n, memory, out, err);
}

void pf_combine_free(struct pf_combine *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->cursors && i < m->n; i++)
		pf_cursor_free(&m->cursors[i]);
	for (size_t i = 0; i < m->nlanes; i++)
		free_lane(m, &m->lanes[i]);
	free(m->lanes);
	free(m->cursors);
	free(m->inputs);
	pf_radix_free(&m->order);
	free(m->first);
	free(m->dense.numbers);
	free(m->dense.distances);
	pf_builder_free(m->out);
	free(m->wanted);
	pf_watch_free(m->watch);
	free(m->kept);
	free(m->of_lane);
	pf_run_out_free(m->scratch_out);
	if (m->scratch >= 0)
		close(m->scratch);
	free(m);
}

/* --- merging --- */

/* A slot for the next row. False: the chunk has no room for it. */
static bool give_slot(struct pf_combine *m)
{
	const struct pf_radix_item *x = &m->order.items[m->at];
	const struct pf_radix_item *last = m->slots ? x - 1 : NULL;
	struct pf_cursor *c = &m->cursors[x->a];
	if (!last || !pf_combine_same(m, last, x)) {
		if (m->slots == m->most ||
		    (last && m->by_cell && m->shape->by_commands &&
		     !pf_combine_same_cell(m, last, x)))
			return false;
		m->first[m->slots++] = x;
	}
	c->slots[x->b] = (uint32_t)m->slots - 1;
	pf_cursor_add(c, x->b);
	m->at++;
	return true;
}

/* Count the slots that have rows in a lane; what has less than none is no
 * answer. */
static int check_lane(const struct pf_combine *m, struct pf_lane *lane, struct pf_error *err)
{
	size_t n = 0;
	int64_t all = 0; /* negative when one of them is */
	for (size_t i = 0; i < m->slots; i++) {
		all |= lane->rows[i];
		n += lane->rows[i] != 0;
	}
	lane->nkept = n;
	if (all >= 0)
		return 0;
	pf_fail(err, PF_E_CORRUPT, "more rows leave the window than were in it");
	return pf_hint(err, "the state can be built anew from the table: --fresh");
}

static int keep(struct pf_combine *m, struct pf_error *err)
{
	bool only = pf_combine_only(m);
	m->nkept = 0;
	for (size_t i = 0; i < m->nlanes; i++)
		PF_TRY(check_lane(m, &m->lanes[i], err));
	for (size_t i = 0; i < m->slots; i++)
		if (pf_combine_any(m, i) && (!only || m->watch->hit[i]))
			m->kept[m->nkept++] = (uint32_t)i;
	return 0;
}

size_t pf_combine_count(const struct pf_combine *m, size_t lane)
{
	return m->lanes[lane].nkept;
}

int pf_combine_next(struct pf_combine *m, size_t *n, struct pf_error *err)
{
	*n = 0;
	for (;;) {
		m->slots = 0;
		if (m->at == m->order.n && m->dense.at == m->dense.range)
			PF_TRY(pf_combine_fill(m, err));
		if (!m->order.n && !m->dense.range)
			return 0;
		if (m->dense.range)
			pf_combine_dense_slots(m);
		while (m->at < m->order.n && give_slot(m))
			continue;
		if (m->watch)
			pf_watch_slots(m);
		PF_TRY(take_all(m, err));
		PF_TRY(keep(m, err));
		*n = m->nkept;
		if (m->watch) {
			pf_watch_new(m);
			*n += m->watch->nold;
		}
		if (*n)
			return 0;
	}
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
		PF_TRY(pf_combine_stored(m, 0, &batch, err));
		PF_TRY(pf_run_out_batch(out, &batch, 0, batch.rows, err));
	}
}
