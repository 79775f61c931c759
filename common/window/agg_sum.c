/* SPDX-License-Identifier: Apache-2.0
 *
 * count and sum: exact, so what was merged can be subtracted again. A sum is
 * carried in 128 bits and only has to fit its result type when it is finished.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "base/alloc.h"

/* --- count --- */

static int count_bind(struct pf_agg *a, struct pf_error *err)
{
	(void)err;
	a->result = (struct pf_type){ .kind = PF_BIGINT };
	a->algebra = PF_ALGEBRA_INVERTIBLE;
	pf_agg_state_column(a, "", a->result);
	return 0;
}

static void count_reserve(struct pf_agg_states *s, size_t n)
{
	int64_t *data = s->data;
	if (n > s->cap) {
		s->cap = pf_grow(s->cap, n);
		s->data = data = pf_realloc(data, s->cap, sizeof *data);
		s->bytes = s->cap * sizeof *data;
	}
	if (n > s->n) {
		memset(data + s->n, 0, (n - s->n) * sizeof *data);
		s->n = n;
	}
}

static void clear(struct pf_agg_states *s)
{
	s->n = 0;
}

static void release(struct pf_agg_states *s)
{
	free(s->data);
}

static int count_add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
		     struct pf_error *err)
{
	int64_t *data = s->data;
	(void)err;
	bool all = !s->agg->nargs || !rows->args[0].nulls;
	for (int64_t i = 0; i < rows->n; i++)
		data[rows->slots[i]] += all || !pf_is_null(&rows->args[0], i);
	return 0;
}

static int fail_count(struct pf_error *err)
{
	return pf_fail(err, PF_E_EXPR_VALUE, "a count does not fit 64 bits");
}

static int count_merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		       struct pf_error *err)
{
	int64_t *data = s->data;
	const int64_t *from = (const int64_t *)in->columns[0].values + in->from;
	for (int64_t i = 0; i < in->n; i++) {
		int64_t *to = &data[in->slots ? in->slots[i] : (uint32_t)i];
		if (__builtin_add_overflow(*to, from[i], to))
			return fail_count(err);
	}
	return 0;
}

static int count_subtract(struct pf_agg_states *s, const struct pf_agg_stored *in,
			  struct pf_error *err)
{
	int64_t *data = s->data;
	const int64_t *from = (const int64_t *)in->columns[0].values + in->from;
	for (int64_t i = 0; i < in->n; i++) {
		int64_t *to = &data[in->slots ? in->slots[i] : (uint32_t)i];
		if (__builtin_sub_overflow(*to, from[i], to))
			return fail_count(err);
	}
	return 0;
}

static int count_store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		       struct pf_colbuf *out, struct pf_error *err)
{
	const int64_t *data = s->data;
	(void)err;
	for (size_t i = 0; i < n; i++)
		pf_col_i64(out, data[slots ? slots[i] : i]);
	return 0;
}

static int count_finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
			const struct pf_agg_range *range, struct pf_colbuf *out,
			struct pf_error *err)
{
	(void)range;
	return count_store(s, slots, n, out, err);
}

const struct pf_agg_kind pf_agg_count = {
	.name = "count",
	.help = "rows, or values of X that are not null",
	.max_args = 1,
	.bind = count_bind,
	.reserve = count_reserve,
	.clear = clear,
	.release = release,
	.add = count_add,
	.merge = count_merge,
	.subtract = count_subtract,
	.store = count_store,
	.finish = count_finish,
};

/* --- sum --- */

struct sum {
	pf_i128 total;
	int64_t n; /* values; the sum of none is null */
};

static int sum_bind(struct pf_agg *a, struct pf_error *err)
{
	char name[40];
	struct pf_type t = a->types[0];
	if (t.kind == PF_DECIMAL) {
		a->result = (struct pf_type){ PF_DECIMAL, 38, t.scale };
	} else if (pf_kind_is_integer(t.kind)) {
		a->result = (struct pf_type){ .kind = PF_BIGINT };
	} else {
		pf_fail(err, PF_E_EXPR_TYPE, "%s needs integers or decimals, this is %s",
			a->name, pf_type_name(t, name));
		return pf_hint(err, "int() and decimal() read numbers from text");
	}
	a->algebra = PF_ALGEBRA_INVERTIBLE;
	pf_agg_state_column(a, "", (struct pf_type){ PF_DECIMAL, 38, a->result.scale });
	pf_agg_state_column(a, ".n", (struct pf_type){ .kind = PF_BIGINT });
	return 0;
}

static void sum_reserve(struct pf_agg_states *s, size_t n)
{
	struct sum *data = s->data;
	if (n > s->cap) {
		s->cap = pf_grow(s->cap, n);
		s->data = data = pf_realloc(data, s->cap, sizeof *data);
		s->bytes = s->cap * sizeof *data;
	}
	if (n > s->n) {
		memset(data + s->n, 0, (n - s->n) * sizeof *data);
		s->n = n;
	}
}

static int fail_sum(const struct pf_agg_states *s, struct pf_error *err)
{
	pf_fail(err, PF_E_EXPR_VALUE, "%s does not fit its type", s->agg->name);
	return pf_hint(err, "sum(decimal(x, 38, 0)) has 38 digits");
}

static int sum_add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
		   struct pf_error *err)
{
	struct sum *data = s->data;
	const struct pf_column *c = &rows->args[0];
	enum pf_kind kind = s->agg->types[0].kind;
	bool nulls = c->nulls > 0;
	for (int64_t i = 0; i < rows->n; i++) {
		pf_i128 v;
		if (nulls && pf_is_null(c, i))
			continue;
		struct sum *to = &data[rows->slots[i]];
		if (kind == PF_DECIMAL)
			memcpy(&v, (const uint8_t *)c->values + i * 16, 16);
		else
			v = pf_int_at(c, kind, i);
		if (__builtin_add_overflow(to->total, v, &to->total))
			return fail_sum(s, err);
		to->n++;
	}
	return 0;
}

static int sum_combine(struct pf_agg_states *s, const struct pf_agg_stored *in, bool minus,
		       struct pf_error *err)
{
	struct sum *data = s->data;
	const uint8_t *totals = in->columns[0].values;
	const int64_t *counts = in->columns[1].values;
	for (int64_t i = 0; i < in->n; i++) {
		struct sum *to = &data[in->slots ? in->slots[i] : (uint32_t)i];
		pf_i128 v;
		memcpy(&v, totals + (in->from + i) * 16, 16);
		if (minus ? __builtin_sub_overflow(to->total, v, &to->total) :
			    __builtin_add_overflow(to->total, v, &to->total))
			return fail_sum(s, err);
		to->n += minus ? -counts[in->from + i] : counts[in->from + i];
	}
	return 0;
}

static int sum_merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		     struct pf_error *err)
{
	return sum_combine(s, in, false, err);
}

static int sum_subtract(struct pf_agg_states *s, const struct pf_agg_stored *in,
			struct pf_error *err)
{
	return sum_combine(s, in, true, err);
}

static bool fits38(pf_i128 v)
{
	static const pf_i128 max = ((pf_i128)10000000000000000000ULL) *
				   ((pf_i128)10000000000000000000ULL) - 1;
	return v <= max && v >= -max;
}

static int sum_store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		     struct pf_colbuf *out, struct pf_error *err)
{
	const struct sum *data = s->data;
	for (size_t i = 0; i < n; i++) {
		const struct sum *v = &data[slots ? slots[i] : i];
		if (!fits38(v->total))
			return fail_sum(s, err);
		pf_col_i128(&out[0], v->total);
		pf_col_i64(&out[1], v->n);
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

const struct pf_agg_kind pf_agg_sum = {
	.name = "sum",
	.help = "sum of X, exact",
	.min_args = 1,
	.max_args = 1,
	.bind = sum_bind,
	.reserve = sum_reserve,
	.clear = clear,
	.release = release,
	.add = sum_add,
	.merge = sum_merge,
	.subtract = sum_subtract,
	.store = sum_store,
	.finish = sum_finish,
};
