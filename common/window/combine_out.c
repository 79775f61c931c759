/* SPDX-License-Identifier: Apache-2.0
 *
 * What is given out of a chunk of combined keys: stored states, or values.
 */
#include "window/combine_internal.h"

/* The slots that it is about. */
struct chosen {
	const uint32_t *slots;
	size_t n;
};

/* --- keys --- */

/* A key's column as a row has it. */
static const struct pf_column *column_of(const struct pf_combine *m,
					 const struct pf_radix_item *x, size_t key)
{
	const struct pf_cursor *c = &m->cursors[x->a];
	return &c->batch.columns[(size_t)c->skip + key];
}

static bool any_null(const struct pf_combine *m, size_t key)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct pf_cursor *c = &m->cursors[i];
		if (!c->end && c->batch.columns[(size_t)c->skip + key].nulls)
			return true;
	}
	return false;
}

#define PUT(type)                                                           \
	do {                                                                \
		type *to_ = pf_col_fill(out, c->n, sizeof(type));           \
		for (size_t i_ = 0; i_ < c->n; i_++) {                      \
			const struct pf_radix_item *x_ = m->first[c->slots[i_]];  \
			to_[i_] = ((const type *)column_of(m, x_, key)->values)[x_->b]; \
		}                                                           \
	} while (0)

/* The only key, by its distance from the least. */
static void put_dense(const struct pf_combine *m, const struct chosen *c,
		      struct pf_colbuf *out)
{
	const struct pf_dense *d = &m->dense;
	if (pf_kind_width(out->kind) != 8) {
		for (size_t i = 0; i < c->n; i++) {
			int64_t value = d->least + d->distances[c->slots[i]];
			if (out->kind == PF_BOOLEAN)
				pf_col_bool(out, value != 0);
			else
				pf_col_int(out, value);
		}
		return;
	}
	int64_t *to = pf_col_fill(out, c->n, sizeof *to);
	for (size_t i = 0; i < c->n; i++)
		to[i] = d->least + d->distances[c->slots[i]];
}

/* Values of fixed width, none of them null. */
static bool put_plain(const struct pf_combine *m, const struct chosen *c, size_t key,
		      struct pf_colbuf *out)
{
	size_t width = pf_kind_width(out->kind);
	if ((width != 4 && width != 8) || any_null(m, key))
		return false;
	if (width == 4)
		PUT(uint32_t);
	else
		PUT(uint64_t);
	return true;
}

static void put_keys(const struct pf_combine *m, const struct chosen *c,
		     struct pf_colbuf *out)
{
	if (m->dense.range) {
		put_dense(m, c, out);
		return;
	}
	for (size_t k = 0; k < m->nkeys; k++) {
		if (put_plain(m, c, k, &out[k]))
			continue;
		for (size_t i = 0; i < c->n; i++) {
			const struct pf_radix_item *x = m->first[c->slots[i]];
			pf_col_append(&out[k], column_of(m, x, k), x->b, 1);
		}
	}
}

/* --- states and values --- */

/* The columns of all states. */
static int put_states(const struct pf_combine *m, const struct pf_lane *lane,
		      const struct chosen *c, struct pf_colbuf *out, struct pf_error *err)
{
	for (size_t i = 0; i < m->shape->naggs; i++) {
		const struct pf_agg *a = m->shape->aggs[i];
		PF_TRY(a->kind->store(lane->states[i], c->slots, c->n, out, err));
		out += a->state->n;
	}
	return 0;
}

/* The columns of all values. */
static int put_values(const struct pf_combine *m, const struct pf_lane *lane,
		      const struct chosen *c, const struct pf_agg_range *range,
		      struct pf_colbuf *out, struct pf_error *err)
{
	for (size_t i = 0; i < m->shape->naggs; i++) {
		const struct pf_agg *a = m->shape->aggs[i];
		PF_TRY(a->kind->finish(lane->states[i], c->slots, c->n, range, out, err));
		out += pf_agg_width(a);
	}
	return 0;
}

/* The slots that have rows in a lane. */
static struct chosen kept_of(struct pf_combine *m, const struct pf_lane *lane)
{
	struct chosen c = { m->kept, m->nkept };
	if (lane->nkept == m->nkept)
		return c;
	c = (struct chosen){ m->of_lane, 0 };
	for (size_t i = 0; i < m->nkept; i++)
		if (lane->rows[m->kept[i]])
			m->of_lane[c.n++] = m->kept[i];
	return c;
}

int pf_combine_stored(struct pf_combine *m, size_t lane, struct pf_batch *batch,
		      struct pf_error *err)
{
	const struct pf_lane *of = &m->lanes[lane];
	const struct chosen c = kept_of(m, of);
	struct pf_colbuf *out = m->out->columns;
	pf_builder_reset(m->out);
	put_keys(m, &c, out);
	out += m->nkeys;
	int64_t *rows = pf_col_fill(out++, c.n, sizeof *rows);
	for (size_t i = 0; i < c.n; i++)
		rows[i] = of->rows[c.slots[i]];
	PF_TRY(put_states(m, of, &c, out, err));
	*batch = pf_builder_batch(m->out);
	return 0;
}

static void put_bound(struct pf_colbuf *out, size_t n, int64_t value)
{
	if (pf_kind_width(out->kind) == 4) {
		int32_t *to = pf_col_fill(out, n, sizeof *to);
		for (size_t i = 0; i < n; i++)
			to[i] = (int32_t)value;
	} else {
		int64_t *to = pf_col_fill(out, n, sizeof *to);
		for (size_t i = 0; i < n; i++)
			to[i] = value;
	}
}

int pf_combine_put(struct pf_combine *m, const uint32_t *slots, size_t n,
		   const struct pf_combine_label *labels, struct pf_builder *rows,
		   struct pf_error *err)
{
	const struct chosen c = { slots, n };
	const struct pf_combine_label *label = &labels[0];
	size_t width = 0;
	for (size_t i = 0; i < m->shape->naggs; i++)
		width += pf_agg_width(m->shape->aggs[i]);
	struct pf_colbuf *out = rows->columns;
	if (label->columns->change)
		pf_col_repeat(out++, pf_view_str(label->change), n);
	if (label->columns->day)
		put_bound(out++, n, label->start);
	put_keys(m, &c, out);
	out += m->nkeys;
	if (label->columns->name)
		pf_col_repeat(out++, pf_view_str(label->window), n);
	if (label->columns->start)
		put_bound(out++, n, label->start);
	if (label->columns->end)
		put_bound(out++, n, label->end);
	if (label->columns->states)
		return put_states(m, &m->lanes[0], &c, out, err);
	for (size_t i = 0; i < m->nlanes; i++)
		PF_TRY(put_values(m, &m->lanes[i], &c, &labels[i].range, out + i * width, err));
	return 0;
}

int pf_combine_finished(struct pf_combine *m, const struct pf_combine_label *labels,
			struct pf_builder *rows, struct pf_error *err)
{
	return pf_combine_put(m, m->kept, m->nkept, labels, rows, err);
}
