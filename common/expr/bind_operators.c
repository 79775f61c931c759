/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators ask of their operands, and what they make of them. Literals
 * adapt to columns, never the other way round.
 */
#include "expr/bind.h"

#include <math.h>
#include <stdlib.h>

#include "expr/pattern.h"

/* A constant number takes the type of what it is compared with, if that
 * changes nothing: comparing equal types is quick. */
static void adapt_number(struct pf_node *k, const struct pf_node *other)
{
	if (!k->konst || k->value_state != PF_S_VALID || k->type.x == other->type.x)
		return;
	enum pf_xkind to = other->type.x;
	if (to == PF_X_DOUBLE && k->type.x == PF_X_INT &&
	    k->value.i <= 1LL << 53 && k->value.i >= -(1LL << 53)) {
		k->value.d = (double)k->value.i;
	} else if (to == PF_X_DOUBLE && k->type.x == PF_X_DEC) {
		k->value.d = pf_dec_to_double(k->value.dec, k->type.scale);
		/* 0.1 beside a float column means the float that prints so. */
		if (other->op == PF_N_COLUMN && other->column_kind == PF_FLOAT)
			k->value.d = (double)(float)k->value.d;
	} else if (to == PF_X_INT && k->type.x == PF_X_DOUBLE &&
		   k->value.d == trunc(k->value.d) && fabs(k->value.d) < 9e18) {
		k->value.i = (int64_t)k->value.d;
	} else if (to == PF_X_INT && k->type.x == PF_X_DEC &&
		   k->value.dec % pf_pow10(k->type.scale) == 0 &&
		   k->value.dec / pf_pow10(k->type.scale) <= INT64_MAX &&
		   k->value.dec / pf_pow10(k->type.scale) >= INT64_MIN) {
		k->value.i = (int64_t)(k->value.dec / pf_pow10(k->type.scale));
	} else {
		return;
	}
	k->type = (struct pf_xtype){ .x = to };
}

/* The same for a decimal of more digits behind the point. */
static void adapt_decimal(struct pf_node *k, const struct pf_node *other)
{
	bool is_int = k->type.x == PF_X_INT;
	unsigned scale = is_int ? 0 : k->type.scale;
	pf_i128 v;
	if (!k->konst || k->value_state != PF_S_VALID || other->type.x != PF_X_DEC ||
	    (!is_int && k->type.x != PF_X_DEC) || scale > other->type.scale)
		return;
	if (__builtin_mul_overflow(is_int ? k->value.i : k->value.dec,
				   pf_pow10(other->type.scale - scale), &v))
		return;
	k->value.dec = v;
	k->type = other->type;
}

/* The same for a time of finer units that are not used. */
static void adapt_time(struct pf_node *k, const struct pf_node *other)
{
	if (k->konst && k->value_state == PF_S_VALID && k->type.x == other->type.x &&
	    pf_x_units(k->type) == 1000000 && pf_x_units(other->type) == 1000 &&
	    k->value.i % 1000 == 0) {
		k->value.i /= 1000;
		k->type.precision = 3;
	}
}

static int fail_compare(struct pf_expr *e, const struct pf_node *x,
			const struct pf_node *a, const struct pf_node *b,
			struct pf_error *err)
{
	char an[40], bn[40];
	pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err,
		     "%s cannot be compared with %s", pf_x_name(a->type, an),
		     pf_x_name(b->type, bn));
	bool sa = a->type.x == PF_X_STRING, sb = b->type.x == PF_X_STRING;
	const struct pf_node *s = sa ? a : b;
	if (sa != sb && pf_x_is_number((sa ? b : a)->type.x)) {
		if (s->op == PF_N_LITERAL)
			return pf_hint(err, "write the number without quotes");
		return pf_hint(err, "quote the value, or convert with int() or double()");
	}
	if ((a->type.x == PF_X_LTZ) != (b->type.x == PF_X_LTZ))
		return pf_hint(err, "timestamp(x) is the wall clock of an instant");
	return err ? err->code : PF_E_EXPR_TYPE;
}

/* Make two values comparable: equal kinds, or numbers of different ones. */
int pf_bind_pair(struct pf_expr *e, struct pf_node *x, struct pf_node **a,
		     struct pf_node **b, struct pf_error *err)
{
	PF_TRY(pf_bind_coerce(e, *a, (*b)->type, err));
	PF_TRY(pf_bind_coerce(e, *b, (*a)->type, err));
	struct pf_xtype t;
	if (!pf_bind_common((*a)->type, (*b)->type, &t))
		return fail_compare(e, x, *a, *b, err);
	if (pf_x_is_number(t.x)) {
		adapt_number(*a, *b);
		adapt_number(*b, *a);
		adapt_decimal(*a, *b);
		adapt_decimal(*b, *a);
		/* A decimal beside a double is the nearest double. */
		if ((*a)->type.x == PF_X_DEC && (*b)->type.x == PF_X_DOUBLE)
			pf_bind_slot(e, a, (*b)->type);
		if ((*b)->type.x == PF_X_DEC && (*a)->type.x == PF_X_DOUBLE)
			pf_bind_slot(e, b, (*a)->type);
	}
	if (t.x == PF_X_TS) {
		if ((*a)->type.x == PF_X_DATE)
			pf_bind_slot(e, a, t);
		if ((*b)->type.x == PF_X_DATE)
			pf_bind_slot(e, b, t);
	}
	if (t.x == PF_X_TS || t.x == PF_X_LTZ) {
		adapt_time(*a, *b);
		adapt_time(*b, *a);
	}
	return 0;
}

int pf_bind_condition(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(pf_bind_coerce(e, x, (struct pf_xtype){ .x = PF_X_BOOL }, err));
	if (x->type.x != PF_X_BOOL)
		return pf_bind_fail_type(e, x, "a condition (boolean)", err);
	return 0;
}

/* Scales of decimals add up; the operands keep theirs. */
static int bind_product(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	const struct pf_xtype a = x->kids[0]->type, b = x->kids[1]->type;
	int sa = a.x == PF_X_INT ? 0 : a.scale, sb = b.x == PF_X_INT ? 0 : b.scale;
	if (sa + sb > 38) {
		pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err,
			     "the product has %d decimals, 38 are the limit", sa + sb);
		return pf_hint(err, "convert with double()");
	}
	pf_bind_slot(e, &x->kids[0], (struct pf_xtype){ PF_X_DEC, 38, (uint8_t)sa });
	pf_bind_slot(e, &x->kids[1], (struct pf_xtype){ PF_X_DEC, 38, (uint8_t)sb });
	x->type = (struct pf_xtype){ PF_X_DEC, 38, (uint8_t)(sa + sb) };
	return 0;
}

static int bind_numbers(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	struct pf_xtype t;
	(void)pf_bind_common(x->kids[0]->type, x->kids[1]->type, &t);
	if (x->op == PF_N_DIV)
		t = (struct pf_xtype){ .x = PF_X_DOUBLE };
	if (t.x == PF_X_DEC && x->op == PF_N_MUL)
		return bind_product(e, x, err);
	pf_bind_slot(e, &x->kids[0], t);
	pf_bind_slot(e, &x->kids[1], t);
	x->type = t;
	if (t.x == PF_X_DEC)
		x->type.precision = 38;
	return 0;
}

/* A time or a duration with a duration (a date with days) added or taken away,
 * or a duration many times. False: it is none of these. */
static bool bind_duration(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_xtype a = x->kids[0]->type, b = x->kids[1]->type;
	bool sum = x->op == PF_N_ADD || x->op == PF_N_SUB;
	if ((sum && a.x == PF_X_DATE && b.x == PF_X_INT) ||
	    (sum && a.x == PF_X_INTERVAL && b.x == PF_X_INTERVAL) ||
	    (x->op == PF_N_MUL && a.x == PF_X_INTERVAL && b.x == PF_X_INT)) {
		x->type = a;
		return true;
	}
	if (!sum || !pf_x_is_time(a.x) || b.x != PF_X_INTERVAL)
		return false;
	x->type = (struct pf_xtype){ a.x == PF_X_DATE ? PF_X_TS : a.x, 6, 0 };
	pf_bind_slot(e, &x->kids[0], x->type);
	return true;
}

/* Days between two dates, the duration between two times. *is: it is that; a
 * text beside a time is read as one. */
static int bind_difference(struct pf_expr *e, struct pf_node *x, bool *is,
			   struct pf_error *err)
{
	struct pf_xtype t;
	*is = false;
	if (x->op != PF_N_SUB)
		return 0;
	if (pf_x_is_time(x->kids[0]->type.x))
		PF_TRY(pf_bind_coerce(e, x->kids[1], x->kids[0]->type, err));
	else if (pf_x_is_time(x->kids[1]->type.x))
		PF_TRY(pf_bind_coerce(e, x->kids[0], x->kids[1]->type, err));
	const struct pf_xtype a = x->kids[0]->type, b = x->kids[1]->type;
	if (a.x == PF_X_DATE && b.x == PF_X_DATE) {
		x->type = (struct pf_xtype){ .x = PF_X_INT };
		*is = true;
	} else if (pf_x_is_time(a.x) && pf_x_is_time(b.x) && pf_bind_common(a, b, &t)) {
		t.precision = 6;
		pf_bind_slot(e, &x->kids[0], t);
		pf_bind_slot(e, &x->kids[1], t);
		x->type = (struct pf_xtype){ .x = PF_X_INTERVAL };
		*is = true;
	}
	return 0;
}

static int fail_arithmetic(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	static const char *const verbs[] = { "added to", "subtracted from",
					     "multiplied with", "divided by",
					     "divided by" };
	const struct pf_xtype a = x->kids[0]->type, b = x->kids[1]->type;
	char an[40], bn[40];
	bool sub = x->op == PF_N_SUB;
	pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err, "%s cannot be %s %s",
		     pf_x_name(sub ? b : a, an), verbs[x->op - PF_N_ADD],
		     pf_x_name(sub ? a : b, bn));
	if (a.x == PF_X_STRING || b.x == PF_X_STRING)
		return pf_hint(err, "concat(a, b) joins texts; int() and double() read numbers");
	return err ? err->code : PF_E_EXPR_TYPE;
}

int pf_bind_arithmetic(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	struct pf_xtype *a = &x->kids[0]->type, *b = &x->kids[1]->type;
	bool is_difference;
	if (a->x == PF_X_NULL && b->x == PF_X_NULL)
		a->x = PF_X_INT;
	if (a->x == PF_X_NULL)
		*a = *b;
	if (b->x == PF_X_NULL)
		*b = *a;
	if (pf_x_is_number(a->x) && pf_x_is_number(b->x))
		return bind_numbers(e, x, err);
	if (x->op == PF_N_ADD && (a->x == PF_X_INTERVAL || a->x == PF_X_INT) &&
	    pf_x_is_time(b->x)) {
		struct pf_node *swap = x->kids[0];
		x->kids[0] = x->kids[1];
		x->kids[1] = swap;
	}
	if (bind_duration(e, x))
		return 0;
	PF_TRY(bind_difference(e, x, &is_difference, err));
	return is_difference ? 0 : fail_arithmetic(e, x, err);
}

/* The constant as a value of the subject's own type; false: it equals none. */
static bool set_item(const struct pf_node *k, struct pf_xtype to, struct pf_datum *d)
{
	*d = pf_node_datum(k);
	pf_i128 r;
	switch (to.x) {
	case PF_X_INT:
		return k->type.x == PF_X_INT;
	case PF_X_DOUBLE:
		return k->type.x == PF_X_DOUBLE;
	case PF_X_DEC:
		if (k->type.x == PF_X_DOUBLE)
			return false;
		r = k->type.x == PF_X_INT ? (pf_i128)d->i : d->dec;
		if (!pf_dec_rescale(r, k->type.x == PF_X_INT ? 0 : k->type.scale,
				    to.scale, &d->dec) ||
		    pf_cmp_dec(d->dec, to.scale, r,
			       k->type.x == PF_X_INT ? 0 : k->type.scale) != 0)
			return false;
		d->type = pf_x_type(to);
		return true;
	case PF_X_TS:
	case PF_X_LTZ:
		if (pf_x_units(to) == pf_x_units(k->type))
			return true;
		d->type = pf_x_type(to);
		if (pf_x_units(to) == 1000) {
			bool whole = d->i % 1000 == 0;
			d->i /= 1000;
			return whole;
		}
		return !__builtin_mul_overflow(d->i, (int64_t)1000, &d->i);
	default:
		return true;
	}
}

static int cmp_datum(const void *a, const void *b)
{
	return pf_datum_cmp(a, b);
}

static void bind_set(struct pf_expr *e, struct pf_node *x)
{
	struct pf_datum *set = pf_arena_get(&e->bound, x->nkids, sizeof *set);
	size_t n = 0;
	x->set_null = false;
	for (uint32_t i = 1; i < x->nkids; i++) {
		if (x->kids[i]->value_state == PF_S_NULL)
			x->set_null = true;
		else if (set_item(x->kids[i], x->kids[0]->type, &set[n]))
			n++;
	}
	qsort(set, n, sizeof *set, cmp_datum);
	size_t m = 0;
	for (size_t i = 0; i < n; i++)
		if (!m || pf_datum_cmp(&set[m - 1], &set[i]) != 0)
			set[m++] = set[i];
	x->set = set;
	x->nset = m;
	x->nkids = 1; /* the others are in the set now */
}

int pf_bind_in(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	bool konst = true;
	/* Twice: a literal subject learns its type from a later item. */
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 1; i < x->nkids; i++)
			PF_TRY(pf_bind_pair(e, x->kids[i], &x->kids[0], &x->kids[i], err));
	for (uint32_t i = 1; i < x->nkids; i++)
		konst = konst && x->kids[i]->konst;
	if (konst && x->kids[0]->type.x != PF_X_NULL) {
		bind_set(e, x);
		return 0;
	}
	x->op = PF_N_OR;
	x->nkids--;
	struct pf_node *subject = x->kids[0];
	for (uint32_t i = 0; i < x->nkids; i++) {
		struct pf_node *eq = pf_node_new(e, PF_N_EQ, x->at, x->len, 2);
		eq->kids[0] = subject;
		eq->kids[1] = x->kids[i + 1];
		eq->type.x = PF_X_BOOL;
		x->kids[i] = eq;
	}
	return 0;
}

int pf_bind_between(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	struct pf_node *low = x->kids[0], *high = x->kids[0];
	/* Twice: a literal subject learns its type from the second bound. */
	for (int pass = 0; pass < 2; pass++) {
		PF_TRY(pf_bind_pair(e, x, &low, &x->kids[1], err));
		PF_TRY(pf_bind_pair(e, x, &high, &x->kids[2], err));
	}
	struct pf_node *ge = pf_node_new(e, PF_N_GE, x->at, x->len, 2);
	struct pf_node *le = pf_node_new(e, PF_N_LE, x->at, x->len, 2);
	ge->type.x = le->type.x = PF_X_BOOL;
	ge->kids[0] = low;
	ge->kids[1] = x->kids[1];
	le->kids[0] = high;
	le->kids[1] = x->kids[2];
	pf_bind_fold(e, ge);
	pf_bind_fold(e, le);
	x->op = PF_N_AND;
	x->nkids = 2;
	x->kids[0] = ge;
	x->kids[1] = le;
	return 0;
}

int pf_bind_pattern(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	for (uint32_t i = 0; i < x->nkids; i++) {
		PF_TRY(pf_bind_coerce(e, x->kids[i],
				      (struct pf_xtype){ .x = PF_X_STRING }, err));
		if (x->kids[i]->type.x != PF_X_STRING)
			return pf_bind_fail_type(e, x->kids[i], "a string", err);
		if (i && (x->kids[i]->op != PF_N_LITERAL ||
			  x->kids[i]->value_state != PF_S_VALID))
			return pf_expr_fail(e, x->kids[i]->at, x->kids[i]->len,
					    PF_E_EXPR_TYPE, err,
					    "the pattern must be a quoted text");
	}
	struct pf_view p = x->kids[1]->value.s;
	struct pf_error why = { 0 };
	int code;
	if (x->op == PF_N_MATCH) {
		code = pf_regex_compile(&e->bound, p, false, &x->regex, &why);
	} else {
		struct pf_view escape = x->nkids == 3 ? x->kids[2]->value.s :
							pf_view_of("", 0);
		code = pf_like_compile(&e->bound, p, escape, x->lit.i != 0, &x->regex,
				       &why);
	}
	if (code)
		return pf_expr_fail(e, x->kids[1]->at, x->kids[1]->len,
				    PF_E_EXPR_SYNTAX, err, "%s", why.message);
	return 0;
}

int pf_bind_case(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	uint32_t pairs = x->nkids / 2;
	for (uint32_t i = 0; i < pairs; i++)
		PF_TRY(pf_bind_condition(e, x->kids[2 * i], err));
	/* The results, gathered so that they can be unified: thens and else. */
	struct pf_node *r = pf_node_new(e, PF_N_CASE, x->at, x->len,
					pairs + (x->nkids & 1));
	for (uint32_t i = 0; i < pairs; i++)
		r->kids[i] = x->kids[2 * i + 1];
	if (x->nkids & 1)
		r->kids[pairs] = x->kids[x->nkids - 1];
	PF_TRY(pf_bind_unify(e, r, 0, 1, &x->type, err));
	for (uint32_t i = 0; i < pairs; i++)
		x->kids[2 * i + 1] = r->kids[i];
	if (x->nkids & 1)
		x->kids[x->nkids - 1] = r->kids[pairs];
	return 0;
}
