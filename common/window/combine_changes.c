/* SPDX-License-Identifier: Apache-2.0
 *
 * Two answers against each other while they are combined: the states of a chunk
 * are the old answer's first. Then the runs that only the new one has come on
 * top, so keys of no such run cannot differ and are not compared; or, where no
 * run is of both, the chunk is begun again with the new one's.
 */
#include "window/combine_internal.h"

#include <stdlib.h>

#include "base/alloc.h"

void pf_combine_watch(struct pf_combine *m, const struct pf_combine_label *was,
		      struct pf_schema *result, bool only)
{
	struct pf_watch *w = pf_zalloc(1, sizeof *w);
	w->was = was;
	w->only = only;
	for (size_t i = 0; i < m->n; i++)
		for (size_t l = 0; l < m->nlanes; l++)
			if (m->inputs[i].side == PF_OF_OLD && m->inputs[i].lanes >> l & 1)
				m->lanes[l].apart = true;
	w->hit = pf_alloc(PF_COMBINE_KEYS, sizeof *w->hit);
	w->old = pf_alloc(PF_COMBINE_KEYS, sizeof *w->old);
	w->new = pf_alloc(PF_COMBINE_KEYS, sizeof *w->new);
	w->order = pf_alloc(2 * PF_COMBINE_KEYS, sizeof *w->order);
	w->rows = pf_builder_new(result);
	w->out = pf_builder_new(result);
	m->watch = w;
}

void pf_watch_free(struct pf_watch *w)
{
	if (!w)
		return;
	free(w->hit);
	free(w->old);
	free(w->new);
	free(w->order);
	pf_builder_free(w->rows);
	pf_builder_free(w->out);
	free(w);
}

void pf_watch_slots(struct pf_combine *m)
{
	bool *hit = m->watch->hit;
	memset(hit, 0, m->slots * sizeof *hit);
	for (size_t i = 0; i < m->n; i++) {
		const struct pf_cursor *c = &m->cursors[i];
		if (c->input->side == PF_OF_BOTH)
			continue;
		for (size_t k = 0; k < c->npending; k++) {
			const struct pf_stretch *s = &c->pending[k];
			for (int64_t row = s->from; row < s->from + s->n; row++)
				hit[c->slots[row]] = true;
		}
	}
}

/* The slots that are hit and have rows now. */
static size_t hit_slots(const struct pf_combine *m, uint32_t *slots)
{
	size_t n = 0;
	for (size_t i = 0; i < m->slots; i++)
		if (m->watch->hit[i] && pf_combine_any(m, i))
			slots[n++] = (uint32_t)i;
	return n;
}

int pf_watch_old(struct pf_combine *m, struct pf_error *err)
{
	struct pf_watch *w = m->watch;
	w->nold = hit_slots(m, w->old);
	pf_builder_reset(w->rows);
	if (w->nold)
		PF_TRY(pf_combine_put(m, w->old, w->nold, w->was, w->rows, err));
	for (size_t i = 0; i < m->nlanes; i++)
		if (m->lanes[i].apart)
			pf_lane_clear(m, &m->lanes[i]);
	return 0;
}

void pf_watch_new(struct pf_combine *m)
{
	m->watch->nnew = hit_slots(m, m->watch->new);
}

/* Nulls equal each other. */
static bool is_same(enum pf_kind kind, const struct pf_column *c, int64_t a, int64_t b)
{
	bool no_a = pf_is_null(c, a), no_b = pf_is_null(c, b);
	return no_a || no_b ? no_a == no_b : !pf_value_cmp(kind, c, a, c, b);
}

/* The values are the last columns. */
static bool same_values(const struct pf_batch *rows, size_t values, int64_t a, int64_t b)
{
	for (size_t i = rows->schema->n - values; i < rows->schema->n; i++)
		if (!is_same(rows->schema->fields[i].type.kind, &rows->columns[i], a, b))
			return false;
	return true;
}

/* Which rows differ, by key; what was before what is. */
static size_t differing(const struct pf_combine *m, const struct pf_batch *rows)
{
	const struct pf_watch *w = m->watch;
	size_t n = 0, values = 0;
	for (size_t i = 0; i < m->shape->naggs; i++)
		values += m->nlanes * pf_agg_width(m->shape->aggs[i]);
	for (size_t i = 0, k = 0; i < w->nold || k < w->nnew;) {
		uint32_t old = i < w->nold ? w->old[i] : UINT32_MAX;
		uint32_t new = k < w->nnew ? w->new[k] : UINT32_MAX;
		size_t a = i, b = w->nold + k;
		i += old <= new;
		k += new <= old;
		if (old == new && same_values(rows, values, (int64_t)a, (int64_t)b))
			continue;
		if (old <= new)
			w->order[n++] = (uint32_t)a;
		if (new <= old)
			w->order[n++] = (uint32_t)b;
	}
	return n;
}

int pf_combine_changes(struct pf_combine *m, const struct pf_combine_label *is,
		       struct pf_batch *batch, struct pf_error *err)
{
	struct pf_watch *w = m->watch;
	if (w->nnew)
		PF_TRY(pf_combine_put(m, w->new, w->nnew, is, w->rows, err));
	struct pf_batch rows = pf_builder_batch(w->rows);
	pf_builder_reset(w->out);
	pf_builder_gather(w->out, &rows, w->order, differing(m, &rows));
	*batch = pf_builder_batch(w->out);
	return 0;
}
