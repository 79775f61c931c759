/* SPDX-License-Identifier: Apache-2.0
 *
 * count and count_if: rows, values that are not null, rows for which a
 * condition is true.
 */
#include "window/agg_kinds.h"

static int count_bind(struct pf_agg *a, struct pf_error *err)
{
	(void)err;
	a->result = (struct pf_type){ .kind = PF_BIGINT };
	a->algebra = PF_ALGEBRA_INVERTIBLE;
	pf_agg_state_column(a, "", a->result);
	return 0;
}

static int if_bind(struct pf_agg *a, struct pf_error *err)
{
	char name[40];
	if (a->types[0].kind == PF_BOOLEAN)
		return count_bind(a, err);
	pf_fail(err, PF_E_EXPR_TYPE, "%s needs a condition, this is %s", a->name,
		pf_type_name(a->types[0], name));
	return pf_hint(err, "count:X counts the values that are not null");
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	pf_agg_array(s, n, sizeof(int64_t));
}

static int count_add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
		     struct pf_error *err)
{
	int64_t *data = s->data;
	(void)err;
	bool all = !s->agg->nargs || !rows->args[0].nulls;
	if (all && rows->one) {
		data[rows->slots[0]] += rows->n;
		return 0;
	}
	for (int64_t i = 0; i < rows->n; i++)
		data[rows->slots[i]] += all || !pf_is_null(&rows->args[0], i);
	return 0;
}

static int if_add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
		  struct pf_error *err)
{
	int64_t *data = s->data;
	const struct pf_column *c = &rows->args[0];
	(void)err;
	for (int64_t i = 0; i < rows->n; i++)
		data[rows->slots[i]] += !pf_is_null(c, i) && pf_bit(c->values, i);
	return 0;
}

static int fail_count(struct pf_error *err)
{
	return pf_fail(err, PF_E_EXPR_VALUE, "a count does not fit 64 bits");
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	const int sign = in->minus ? -1 : 1;
	int64_t *data = s->data;
	const int64_t *from = (const int64_t *)in->columns[0].values + in->from;
	for (int64_t i = 0; i < in->n; i++) {
		int64_t *to = &data[pf_agg_slot(in, i)];
		if (pf_is_null(&in->columns[0], in->from + i) || from[i] < 0)
			return pf_agg_fail_state(s->agg, err);
		if (__builtin_add_overflow(*to, sign * from[i], to))
			return fail_count(err);
	}
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		       struct pf_colbuf *out, struct pf_error *err)
{
	const int64_t *data = s->data;
	(void)err;
	int64_t *to = pf_col_fill(out, n, sizeof *to);
	for (size_t i = 0; i < n; i++)
		to[i] = data[slots ? slots[i] : i];
	return 0;
}

static int finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
			const struct pf_agg_range *range, struct pf_colbuf *out,
			struct pf_error *err)
{
	(void)range;
	return store(s, slots, n, out, err);
}

#define COUNT(symbol, word, min, binder, adder, text)                        \
	const struct pf_agg_kind symbol = {                                  \
		.name = word, .help = text, .min_args = min, .max_args = 1,  \
		.bind = binder, .reserve = reserve,                          \
		.clear = pf_agg_array_clear,                                 \
		.release = pf_agg_array_release, .add = adder,               \
		.merge = merge, .store = store,                              \
		.finish = finish,                                            \
	}

COUNT(pf_agg_count, "count", 0, count_bind, count_add,
	"rows, or values of X that are not null");
COUNT(pf_agg_count_if, "count_if", 1, if_bind, if_add, "rows for which X is true");
