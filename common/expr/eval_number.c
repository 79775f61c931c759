/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic and the conversions that bind puts in: a result that does not
 * fit is an error of its row.
 */
#include "expr/eval.h"

#include <math.h>

static void int_arithmetic(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out, *b = &x->kids[1]->out;
	int64_t *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	/* Values of rows that are not valid are arbitrary: count overflow only
	 * where it matters. */
	for (size_t i = 0; i < e->n; i++) {
		int64_t l = PF_AT(int64_t, a, i), r = PF_AT(int64_t, b, i);
		bool bad = false;
		switch (x->op) {
		case PF_N_ADD:
			bad = __builtin_add_overflow(l, r, &v[i]);
			break;
		case PF_N_SUB:
			bad = __builtin_sub_overflow(l, r, &v[i]);
			break;
		case PF_N_MUL:
			bad = __builtin_mul_overflow(l, r, &v[i]);
			break;
		default: /* the remainder has the sign of the dividend */
			v[i] = r == 0 || r == -1 ? 0 : l % r;
			if (r == 0 && s[i] == PF_S_VALID)
				s[i] = PF_S_DIV_ZERO;
			break;
		}
		if (bad && s[i] == PF_S_VALID)
			s[i] = PF_S_OVERFLOW;
	}
}

/* Times: an interval counts microseconds, and so does what it is added to. */
static void date_arithmetic(struct pf_expr *e, struct pf_node *x)
{
	int_arithmetic(e, x);
	if (x->type.x != PF_X_DATE)
		return;
	/* A date is 32 bits of days. */
	uint8_t *s = (uint8_t *)(uintptr_t)x->out.state;
	const int64_t *v = x->out.v;
	for (size_t i = 0; i < e->n; i++)
		if (s[i] == PF_S_VALID && v[i] != (int32_t)v[i])
			s[i] = PF_S_OVERFLOW;
}

static void dec_arithmetic(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out, *b = &x->kids[1]->out;
	const pf_i128 limit = pf_pow10(38) - 1;
	pf_i128 *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		pf_i128 l = PF_AT(pf_i128, a, i), r = PF_AT(pf_i128, b, i), out = 0;
		bool bad = false;
		if (s[i] != PF_S_VALID) {
			v[i] = 0;
			continue;
		}
		switch (x->op) {
		case PF_N_ADD:
			bad = __builtin_add_overflow(l, r, &out);
			break;
		case PF_N_SUB:
			bad = __builtin_sub_overflow(l, r, &out);
			break;
		case PF_N_MUL:
			bad = __builtin_mul_overflow(l, r, &out);
			break;
		default:
			if (r == 0)
				s[i] = PF_S_DIV_ZERO;
			else
				out = l % r;
			break;
		}
		if (bad || out > limit || out < -limit)
			s[i] = PF_S_OVERFLOW;
		v[i] = out;
	}
}

static void double_arithmetic(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out, *b = &x->kids[1]->out;
	double *v = pf_node_values(e, x, e->n);
	bool divides = x->op == PF_N_DIV || x->op == PF_N_MOD;
	uint8_t *s = divides ? pf_node_own_states(e, x) : NULL;
	if (!divides)
		pf_node_merge_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		double l = PF_AT(double, a, i), r = PF_AT(double, b, i);
		switch (x->op) {
		case PF_N_ADD:
			v[i] = l + r;
			break;
		case PF_N_SUB:
			v[i] = l - r;
			break;
		case PF_N_MUL:
			v[i] = l * r;
			break;
		default:
			if (r == 0 && s[i] == PF_S_VALID)
				s[i] = PF_S_DIV_ZERO;
			v[i] = r == 0 ? 0 : x->op == PF_N_DIV ? l / r : fmod(l, r);
			break;
		}
	}
}

void pf_eval_arithmetic(struct pf_expr *e, struct pf_node *x)
{
	if (x->type.x == PF_X_DOUBLE)
		double_arithmetic(e, x);
	else if (x->type.x == PF_X_DEC)
		dec_arithmetic(e, x);
	else
		date_arithmetic(e, x);
}

void pf_eval_neg(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out;
	if (x->type.x == PF_X_DOUBLE) {
		double *v = pf_node_values(e, x, e->n);
		for (size_t i = 0; i < e->n; i++)
			v[i] = -PF_AT(double, a, i);
		pf_node_merge_states(e, x);
	} else if (x->type.x == PF_X_DEC) {
		pf_i128 *v = pf_node_values(e, x, e->n);
		for (size_t i = 0; i < e->n; i++)
			v[i] = -PF_AT(pf_i128, a, i);
		pf_node_merge_states(e, x);
	} else if (x->type.x == PF_X_NULL) {
		memset(pf_node_values(e, x, e->n), 0, e->n);
		pf_node_merge_states(e, x);
	} else {
		int64_t *v = pf_node_values(e, x, e->n);
		uint8_t *s = pf_node_own_states(e, x);
		for (size_t i = 0; i < e->n; i++)
			if (__builtin_sub_overflow((int64_t)0, PF_AT(int64_t, a, i), &v[i]) &&
			    s[i] == PF_S_VALID)
				s[i] = PF_S_OVERFLOW;
	}
}

/* --- conversions that bind puts in --- */

static void convert_to_double(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	double *v = pf_node_values(e, x, e->n);
	for (size_t i = 0; i < e->n; i++)
		v[i] = k->type.x == PF_X_INT ?
			       (double)PF_AT(int64_t, &k->out, i) :
			       pf_dec_to_double(PF_AT(pf_i128, &k->out, i), k->type.scale);
	pf_node_merge_states(e, x);
}

static void convert_to_dec(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	pf_i128 *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	unsigned from = k->type.x == PF_X_INT ? 0 : k->type.scale;
	for (size_t i = 0; i < e->n; i++) {
		pf_i128 d = k->type.x == PF_X_INT ? (pf_i128)PF_AT(int64_t, &k->out, i) :
						    PF_AT(pf_i128, &k->out, i);
		v[i] = 0;
		if (s[i] == PF_S_VALID && !pf_dec_rescale(d, from, x->type.scale, &v[i]))
			s[i] = PF_S_OVERFLOW;
	}
}

static void convert_time(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	int64_t *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	int64_t to = pf_x_units(x->type), factor;
	if (k->type.x == PF_X_DATE)
		factor = 86400 * to;
	else
		factor = to / pf_x_units(k->type);
	for (size_t i = 0; i < e->n; i++) {
		int64_t t = PF_AT(int64_t, &k->out, i);
		if (!factor) /* microseconds to milliseconds */
			v[i] = t / 1000 - (t % 1000 < 0);
		else if (__builtin_mul_overflow(t, factor, &v[i]) && s[i] == PF_S_VALID)
			s[i] = PF_S_OVERFLOW;
	}
}

void pf_eval_convert(struct pf_expr *e, struct pf_node *x)
{
	switch (x->type.x) {
	case PF_X_DOUBLE:
		convert_to_double(e, x);
		break;
	case PF_X_DEC:
		convert_to_dec(e, x);
		break;
	default:
		convert_time(e, x);
		break;
	}
}
