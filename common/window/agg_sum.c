/* SPDX-License-Identifier: Apache-2.0
 *
 * sum and avg of integers and decimals: exact, so what was merged can be
 * subtracted again. A sum is carried in 128 bits and has to fit its result
 * type only when it is finished. For floats see agg_real.c.
 */
#include "window/agg_kinds.h"

struct sum {
	pf_i128 total;
	int64_t n; /* values; the sum of none is null */
};

static void state_columns(struct pf_agg *a, uint8_t scale)
{
	a->algebra = PF_ALGEBRA_INVERTIBLE;
	pf_agg_state_column(a, "", (struct pf_type){ PF_DECIMAL, 38, scale });
	pf_agg_state_column(a, ".n", (struct pf_type){ .kind = PF_BIGINT });
}

static int sum_bind(struct pf_agg *a, struct pf_error *err)
{
	struct pf_type t = a->types[0];
	if (!pf_agg_is_number(t))
		return pf_agg_fail_number(a, err);
	if (pf_agg_is_real(t))
		return pf_agg_bind_real(a, false, err);
	a->result = (struct pf_type){ .kind = PF_BIGINT };
	if (t.kind == PF_DECIMAL)
		a->result = (struct pf_type){ PF_DECIMAL, 38, t.scale };
	state_columns(a, a->result.scale);
	return 0;
}

static int avg_bind(struct pf_agg *a, struct pf_error *err)
{
	if (!pf_agg_is_number(a->types[0]))
		return pf_agg_fail_number(a, err);
	if (pf_agg_is_real(a->types[0]))
		return pf_agg_bind_real(a, true, err);
	a->result = (struct pf_type){ .kind = PF_DOUBLE };
	state_columns(a, a->types[0].scale);
	return 0;
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	pf_agg_array(s, n, sizeof(struct sum));
}

static int fail_sum(const struct pf_agg_states *s, struct pf_error *err)
{
	pf_fail(err, PF_E_EXPR_VALUE, "%s does not fit its type", s->agg->name);
	return pf_hint(err, "sum(decimal(x, 38, 0)) has 38 digits");
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
	       struct pf_error *err)
{
	struct sum *data = s->data;
	const struct pf_column *c = &rows->args[0];
	struct pf_type type = s->agg->types[0];
	bool nulls = c->nulls > 0;
	for (int64_t i = 0; i < rows->n; i++) {
		if (nulls && pf_is_null(c, i))
			continue;
		struct sum *to = &data[rows->slots[i]];
		pf_i128 v = pf_agg_exact_at(type, c, i);
		if (__builtin_add_overflow(to->total, v, &to->total))
			return fail_sum(s, err);
		to->n++;
	}
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	struct sum *data = s->data;
	const uint8_t *totals = in->columns[0].values;
	const int64_t *counts = in->columns[1].values;
	for (int64_t i = 0; i < in->n; i++) {
		struct sum *to = &data[pf_agg_slot(in, i)];
		int64_t row = in->from + i, n = counts[row];
		pf_i128 v;
		if (pf_is_null(&in->columns[0], row) || pf_is_null(&in->columns[1], row) ||
		    n < 0 || __builtin_add_overflow(to->n, in->minus ? -n : n, &to->n))
			return pf_agg_fail_state(s->agg, err);
		memcpy(&v, totals + row * 16, 16);
		if (in->minus ? __builtin_sub_overflow(to->total, v, &to->total) :
			    __builtin_add_overflow(to->total, v, &to->total))
			return fail_sum(s, err);
	}
	return 0;
}

static bool fits38(pf_i128 v)
{
	static const pf_i128 max = ((pf_i128)10000000000000000000ULL) *
				   ((pf_i128)10000000000000000000ULL) - 1;
	return v <= max && v >= -max;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		     struct pf_colbuf *out, struct pf_error *err)
{
	const struct sum *data = s->data;
	uint8_t *totals = pf_col_fill(&out[0], n, sizeof data->total);
	int64_t *counts = pf_col_fill(&out[1], n, sizeof *counts);
	for (size_t i = 0; i < n; i++) {
		const struct sum *v = &data[slots ? slots[i] : i];
		if (!fits38(v->total))
			return fail_sum(s, err);
		memcpy(totals + i * sizeof v->total, &v->total, sizeof v->total);
		counts[i] = v->n;
	}
	return 0;
}

static int sum_finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		      const struct pf_agg_range *range, struct pf_colbuf *out,
		      struct pf_error *err)
{
	const struct sum *data = s->data;
	bool decimal = s->agg->result.kind == PF_DECIMAL;
	(void)range;
	for (size_t i = 0; i < n; i++) {
		const struct sum *v = &data[slots ? slots[i] : i];
		if (!v->n) {
			pf_col_null(out);
		} else if (decimal) {
			if (!fits38(v->total))
				return fail_sum(s, err);
			pf_col_i128(out, v->total);
		} else {
			if (v->total > INT64_MAX || v->total < INT64_MIN)
				return fail_sum(s, err);
			pf_col_i64(out, (int64_t)v->total);
		}
	}
	return 0;
}

static int avg_finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		      const struct pf_agg_range *range, struct pf_colbuf *out,
		      struct pf_error *err)
{
	const struct sum *data = s->data;
	double unit = pf_agg_unit(s->agg->types[0]);
	(void)range;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		const struct sum *v = &data[slots ? slots[i] : i];
		if (v->n)
			pf_col_f64(out, (double)v->total / unit / (double)v->n);
		else
			pf_col_null(out);
	}
	return 0;
}

#define EXACT(symbol, word, binder, finisher, text)                          \
	const struct pf_agg_kind symbol = {                                  \
		.name = word, .help = text, .min_args = 1, .max_args = 1,    \
		.bind = binder, .reserve = reserve,                          \
		.clear = pf_agg_array_clear,                                 \
		.release = pf_agg_array_release, .add = add,                 \
		.merge = merge, .store = store,                              \
		.finish = finisher,                                          \
	}

EXACT(pf_agg_sum, "sum", sum_bind, sum_finish, "sum of X, exact");
EXACT(pf_agg_avg, "avg", avg_bind, avg_finish, "mean of X");
