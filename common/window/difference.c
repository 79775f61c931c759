/* SPDX-License-Identifier: Apache-2.0 */
#include "window/difference.h"

#include "base/alloc.h"

enum { GIVE_ROWS = 4096 };

/* One answer, row by row. */
struct side {
	struct pf_combine *m;
	struct pf_combine_label *label;
	struct pf_builder *rows;
	struct pf_batch batch;
	int64_t at;
};

static int open_side(const struct pf_difference *d, struct side *s, bool old,
		     struct pf_combine_label *label, struct pf_error *err)
{
	bool new = !old || d->deltas;
	s->label = label;
	s->rows = pf_builder_new(d->result);
	PF_TRY(pf_combine_open(d->shape, new ? d->new_inputs : d->old_inputs,
			       new ? d->nnew : d->nold, false, d->memory, &s->m, err));
	if (d->deltas)
		pf_combine_changed(s->m, old);
	return 0;
}

static void close_side(struct side *s)
{
	pf_combine_free(s->m);
	pf_builder_free(s->rows);
}

/* The next row is there, or batch.rows is 0. */
static int fill(struct side *s, struct pf_error *err)
{
	size_t n;
	if (!s->m || s->at < s->batch.rows)
		return 0;
	s->at = 0;
	pf_builder_reset(s->rows);
	PF_TRY(pf_combine_next(s->m, &n, err));
	if (n)
		PF_TRY(pf_combine_finished(s->m, s->label, s->rows, err));
	s->batch = pf_builder_batch(s->rows);
	return 0;
}

/* Nulls are last and equal each other. */
static int value_cmp(const struct side *a, const struct side *b, size_t column)
{
	const struct pf_column *x = &a->batch.columns[column], *y = &b->batch.columns[column];
	bool no_x = pf_is_null(x, a->at), no_y = pf_is_null(y, b->at);
	if (no_x || no_y)
		return no_x - no_y;
	return pf_value_cmp(a->batch.schema->fields[column].type.kind, x, a->at, y, b->at);
}

static int keys_cmp(const struct pf_difference *d, const struct side *a,
		    const struct side *b)
{
	for (size_t k = 0; k < d->shape->keys.n; k++) {
		int c = value_cmp(a, b, k + 1); /* change stands before */
		if (c)
			return c;
	}
	return 0;
}

static bool same_values(const struct pf_difference *d, const struct side *a,
			const struct side *b)
{
	size_t values = 0;
	for (size_t i = 0; i < d->shape->naggs; i++)
		values += pf_agg_width(d->shape->aggs[i]);
	for (size_t c = d->result->n - values; c < d->result->n; c++)
		if (value_cmp(a, b, c))
			return false;
	return true;
}

static int take(struct pf_difference *d, struct pf_builder *out, struct side *s, bool give,
		struct pf_error *err)
{
	if (give) {
		pf_builder_append(out, &s->batch, s->at, 1);
		d->rows++;
	}
	s->at++;
	if (out->columns[0].rows < GIVE_ROWS)
		return 0;
	struct pf_batch batch = pf_builder_batch(out);
	int code = d->put ? d->put(d->ctx, &batch, err) : 0;
	pf_builder_reset(out);
	return code;
}

static int walk(struct pf_difference *d, struct side *old, struct side *new,
		struct pf_builder *out, struct pf_error *err)
{
	for (;;) {
		PF_TRY(fill(old, err));
		PF_TRY(fill(new, err));
		bool has_old = old->batch.rows > old->at, has_new = new->batch.rows > new->at;
		if (!has_old && !has_new)
			return 0;
		int c = !has_old ? 1 : !has_new ? -1 : keys_cmp(d, old, new);
		bool same = c == 0 && same_values(d, old, new);
		if (c <= 0)
			PF_TRY(take(d, out, old, !same, err));
		if (c >= 0)
			PF_TRY(take(d, out, new, !same, err));
	}
}

int pf_difference_give(struct pf_difference *d, struct pf_error *err)
{
	struct side old = { 0 }, new = { 0 };
	struct pf_builder *out = pf_builder_new(d->result);
	int code = d->nold || d->deltas ? open_side(d, &old, true, &d->old_label, err) : 0;
	if (!code)
		code = open_side(d, &new, false, &d->new_label, err);
	if (!code)
		code = walk(d, &old, &new, out, err);
	struct pf_batch rest = pf_builder_batch(out);
	if (!code && rest.rows && d->put)
		code = d->put(d->ctx, &rest, err);
	close_side(&old);
	close_side(&new);
	pf_builder_free(out);
	return code;
}
