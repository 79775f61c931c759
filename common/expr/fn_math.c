/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions on numbers. Integers stay integers, decimals stay exact.
 */
#include "expr/fn.h"

#include <math.h>

static int bind_number(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	struct pf_node *k = x->kids[0];
	if (k->type.x == PF_X_NULL)
		k->type.x = PF_X_INT;
	if (!pf_x_is_number(k->type.x))
		return pf_bind_fail_type(e, k, "a number", err);
	x->type = k->type;
	return 0;
}

static void eval_abs(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out;
	void *out = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		if (x->type.x == PF_X_DOUBLE) {
			((double *)out)[i] = fabs(PF_AT(double, a, i));
		} else if (x->type.x == PF_X_DEC) {
			pf_i128 v = PF_AT(pf_i128, a, i);
			((pf_i128 *)out)[i] = v < 0 ? -v : v;
		} else {
			int64_t v = PF_AT(int64_t, a, i);
			if (v == INT64_MIN && s[i] == PF_S_VALID)
				s[i] = PF_S_OVERFLOW;
			((int64_t *)out)[i] = v < 0 && v != INT64_MIN ? -v : v;
		}
	}
}

enum rounding { ROUND, FLOOR, CEIL };

static pf_i128 round_dec(pf_i128 v, unsigned drop, enum rounding how)
{
	pf_i128 p = pf_pow10(drop), q = v / p, r = v % p;
	if (how == FLOOR)
		return q - (r < 0);
	if (how == CEIL)
		return q + (r > 0);
	if ((r < 0 ? -r : r) >= p - (r < 0 ? -r : r))
		q += v < 0 ? -1 : 1;
	return q;
}

static double round_double(double v, int64_t digits, enum rounding how)
{
	if (how == FLOOR)
		return floor(v);
	if (how == CEIL)
		return ceil(v);
	if (!digits)
		return round(v);
	if (digits < -308 || digits > 308)
		return digits > 0 ? v : 0;
	double p = pow(10, (double)(digits < 0 ? -digits : digits));
	double scaled = digits > 0 ? v * p : v / p;
	if (!isfinite(scaled) || fabs(scaled) >= 4503599627370496.0)
		return v;
	return digits > 0 ? round(scaled) / p : round(scaled) * p;
}

static int bind_round(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(bind_number(e, x, err));
	int64_t digits = 0;
	if (x->nkids == 2) {
		const struct pf_node *k = x->kids[1];
		if (!k->konst || k->type.x != PF_X_INT || k->value_state)
			return pf_bind_fail_type(e, k, "a plain number", err);
		digits = k->value.i;
	}
	x->column = (int)(digits > 400 ? 400 : digits < -400 ? -400 : digits);
	if (x->type.x == PF_X_DEC) {
		/* decimals that go leave the type, too */
		int keep = x->column < 0 ? 0 : x->column;
		if (keep < x->type.scale)
			x->type.scale = (uint8_t)keep;
		x->type.precision = 38;
	}
	return 0;
}

static uint8_t round_int(int64_t v, int digits, int64_t *out)
{
	*out = v;
	if (digits >= 0)
		return PF_S_VALID;
	if (digits < -18) {
		*out = 0;
		return digits == -19 && (v >= 5000000000000000000 ||
					 v <= -5000000000000000000) ?
			       PF_S_OVERFLOW : PF_S_VALID;
	}
	pf_i128 r = round_dec(v, (unsigned)-digits, ROUND) * pf_pow10((unsigned)-digits);
	*out = (int64_t)r;
	return *out == r ? PF_S_VALID : PF_S_OVERFLOW;
}

static void eval_rounding(struct pf_expr *e, struct pf_node *x, enum rounding how)
{
	const struct pf_node *k = x->kids[0];
	int digits = how == ROUND ? x->column : 0;
	void *out = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		if (x->type.x == PF_X_DOUBLE) {
			((double *)out)[i] =
				round_double(PF_AT(double, &k->out, i), digits, how);
		} else if (x->type.x == PF_X_DEC) {
			pf_i128 v = PF_AT(pf_i128, &k->out, i);
			int drop = k->type.scale - digits;
			if (drop > 38)
				v = 0;
			else if (drop > 0)
				v = round_dec(v, (unsigned)drop, how) *
				    pf_pow10(digits < 0 ? (unsigned)-digits : 0);
			((pf_i128 *)out)[i] = v;
		} else if (s[i] == PF_S_VALID) {
			s[i] = round_int(PF_AT(int64_t, &k->out, i), digits,
					 &((int64_t *)out)[i]);
		} else {
			((int64_t *)out)[i] = 0;
		}
	}
}

static void eval_round(struct pf_expr *e, struct pf_node *x)
{
	eval_rounding(e, x, ROUND);
}

static int bind_floor(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(bind_number(e, x, err));
	if (x->type.x == PF_X_DEC)
		x->type = (struct pf_xtype){ PF_X_DEC, 38, 0 };
	return 0;
}

static void eval_floor(struct pf_expr *e, struct pf_node *x)
{
	eval_rounding(e, x, FLOOR);
}

static void eval_ceil(struct pf_expr *e, struct pf_node *x)
{
	eval_rounding(e, x, CEIL);
}

static int bind_div(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	for (uint32_t i = 0; i < 2; i++)
		PF_TRY(pf_fn_want(e, x, i, PF_X_INT, "an integer", err));
	x->type = (struct pf_xtype){ .x = PF_X_INT };
	return 0;
}

/* Whole quotient towards zero, as % has its remainder. */
static void eval_div(struct pf_expr *e, struct pf_node *x)
{
	int64_t *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		int64_t a = PF_AT(int64_t, &x->kids[0]->out, i);
		int64_t b = PF_AT(int64_t, &x->kids[1]->out, i);
		v[i] = 0;
		if (s[i] != PF_S_VALID)
			continue;
		if (b == 0)
			s[i] = PF_S_DIV_ZERO;
		else if (b == -1 && a == INT64_MIN)
			s[i] = PF_S_OVERFLOW;
		else
			v[i] = a / b;
	}
}

static int bind_sqrt(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(bind_number(e, x, err));
	x->type = (struct pf_xtype){ .x = PF_X_DOUBLE };
	pf_bind_convert(e, x, 0, x->type);
	return 0;
}

static void eval_sqrt(struct pf_expr *e, struct pf_node *x)
{
	double *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		double a = PF_AT(double, &x->kids[0]->out, i);
		if (a < 0 && s[i] == PF_S_VALID)
			s[i] = PF_S_RANGE;
		v[i] = a < 0 ? 0 : sqrt(a);
	}
}

const struct pf_fn pf_fns_math[] = {
	{ "abs", 1, 1, bind_number, eval_abs, "abs(x)" },
	{ "round", 1, 2, bind_round, eval_round, "round(x [, decimals])" },
	{ "floor", 1, 1, bind_floor, eval_floor, "floor(x)" },
	{ "ceil", 1, 1, bind_floor, eval_ceil, "ceil(x)" },
	{ "div", 2, 2, bind_div, eval_div, "div(a, b)" },
	{ "sqrt", 1, 1, bind_sqrt, eval_sqrt, "sqrt(x)" },
	{ .name = NULL },
};
