/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch at a time, a node at a time. Every node computes all rows, also
 * those that a neighbour rules out: errors are states of single values and
 * count only where a result depends on them.
 */
#include "expr/ast.h"

#include <math.h>
#include <stdlib.h>

#include "expr/pattern.h"

void *pf_node_values(struct pf_expr *e, struct pf_node *x, size_t n)
{
	(void)e;
	size_t bytes = pf_mul(n ? n : 1, pf_x_width(x->type.x));
	x->vbuf.len = 0;
	void *v = pf_buf_room(&x->vbuf, bytes);
	x->out = (struct pf_vec){ .v = v };
	return v;
}

uint8_t *pf_node_state(struct pf_expr *e, struct pf_node *x, size_t n)
{
	(void)e;
	x->sbuf.len = 0;
	uint8_t *s = pf_buf_room(&x->sbuf, n ? n : 1);
	memset(s, PF_S_VALID, n ? n : 1);
	x->out.state = s;
	return s;
}

static void merge_into(uint8_t *s, const struct pf_vec *k, size_t n)
{
	if (!k->state)
		return;
	if (k->konst) {
		uint8_t c = k->state[0];
		for (size_t i = 0; i < n; i++)
			s[i] = s[i] > c ? s[i] : c;
	} else {
		for (size_t i = 0; i < n; i++)
			s[i] = s[i] > k->state[i] ? s[i] : k->state[i];
	}
}

const uint8_t *pf_node_merge_states(struct pf_expr *e, struct pf_node *x)
{
	uint8_t *s = NULL;
	for (uint32_t i = 0; i < x->nkids; i++) {
		if (!x->kids[i]->out.state)
			continue;
		if (!s)
			s = pf_node_state(e, x, e->n);
		merge_into(s, &x->kids[i]->out, e->n);
	}
	return s;
}

/* The state buffer for writing, whether or not a kid had one. */
static uint8_t *own_states(struct pf_expr *e, struct pf_node *x)
{
	uint8_t *s = (uint8_t *)(uintptr_t)pf_node_merge_states(e, x);
	return s ? s : pf_node_state(e, x, e->n);
}

/* --- columns --- */

#define WIDEN(T)                                      \
	do {                                          \
		const T *src = c->values;             \
		for (size_t i = 0; i < n; i++)        \
			v[i] = src[i];                \
	} while (0)

static void load_ints(struct pf_expr *e, struct pf_node *x, const struct pf_column *c)
{
	size_t n = e->n;
	if (pf_kind_width(x->column_kind) == 8) {
		x->out.v = c->values;
		return;
	}
	int64_t *v = pf_node_values(e, x, n);
	switch (pf_kind_width(x->column_kind)) {
	case 1:
		WIDEN(int8_t);
		break;
	case 2:
		WIDEN(int16_t);
		break;
	default:
		WIDEN(int32_t);
		break;
	}
}

static void load_column(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_column *c = &e->batch->columns[x->column];
	size_t n = e->n;
	x->out = (struct pf_vec){ 0 };
	switch (x->column_kind) {
	case PF_BOOLEAN: {
		uint8_t *v = pf_node_values(e, x, n);
		for (size_t i = 0; i < n; i++)
			v[i] = pf_bit(c->values, (int64_t)i);
		break;
	}
	case PF_FLOAT: {
		double *v = pf_node_values(e, x, n);
		const float *src = c->values;
		for (size_t i = 0; i < n; i++)
			v[i] = (double)src[i];
		break;
	}
	case PF_DOUBLE:
		x->out.v = c->values;
		break;
	case PF_DECIMAL: {
		/* Arrow aligns to 8 bytes only */
		pf_i128 *v = pf_node_values(e, x, n);
		memcpy(v, c->values, n * sizeof *v);
		break;
	}
	case PF_STRING:
	case PF_BYTES: {
		struct pf_view *v = pf_node_values(e, x, n);
		const uint8_t *data = c->values;
		for (size_t i = 0; i < n; i++)
			v[i] = pf_view_of(data ? data + c->offsets[i] : data,
					  (size_t)(c->offsets[i + 1] - c->offsets[i]));
		break;
	}
	default:
		load_ints(e, x, c);
		break;
	}
	if (!c->validity || !c->nulls)
		return;
	uint8_t *s = pf_node_state(e, x, n);
	for (size_t i = 0; i < n; i++)
		s[i] = !pf_bit(c->validity, (int64_t)i);
}

/* --- truth --- */

static void eval_not(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out;
	uint8_t *v = pf_node_values(e, x, e->n);
	for (size_t i = 0; i < e->n; i++)
		v[i] = !PF_AT(uint8_t, a, i);
	pf_node_merge_states(e, x);
}

/* dominant: the value that decides alone, false for and, true for or. What
 * it meets, null or error, does not matter. */
static void eval_junction(struct pf_expr *e, struct pf_node *x)
{
	uint8_t dominant = x->op == PF_N_OR;
	size_t n = e->n;
	uint8_t *v = pf_node_values(e, x, n);
	uint8_t *s = NULL;
	memset(v, !dominant, n);
	for (uint32_t k = 0; k < x->nkids; k++) {
		pf_node_eval(e, x->kids[k]);
		const struct pf_vec *b = &x->kids[k]->out;
		if (!s && !b->state && !b->konst) {
			const uint8_t *bv = b->v;
			if (dominant)
				for (size_t i = 0; i < n; i++)
					v[i] |= bv[i];
			else
				for (size_t i = 0; i < n; i++)
					v[i] &= bv[i];
			/* Nothing left to decide: the other kids rest. */
			if (!memchr(v, !dominant, n))
				return;
			continue;
		}
		if (!s)
			s = pf_node_state(e, x, n);
		for (size_t i = 0; i < n; i++) {
			uint8_t bs = pf_state_at(b, i), bv = PF_AT(uint8_t, b, i);
			if (s[i] == PF_S_VALID && v[i] == dominant)
				continue;
			if (bs == PF_S_VALID) {
				if (bv == dominant) {
					v[i] = dominant;
					s[i] = PF_S_VALID;
				}
			} else {
				s[i] = s[i] > bs ? s[i] : bs;
			}
		}
	}
}

static void eval_is_null(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out;
	uint8_t *v = pf_node_values(e, x, e->n), *s = NULL;
	memset(v, 0, e->n);
	for (size_t i = 0; a->state && i < e->n; i++) {
		uint8_t as = pf_state_at(a, i);
		v[i] = as == PF_S_NULL;
		if (as > PF_S_NULL) {
			if (!s)
				s = pf_node_state(e, x, e->n);
			s[i] = as;
		}
	}
}

/* --- comparisons --- */

#define LOOP(T, A, B, TEST)                                     \
	for (size_t i = 0; i < n; i++) {                        \
		T l = A, r = B;                                 \
		v[i] = (uint8_t)(TEST);                         \
	}
#define SIDES(T, TEST)                                          \
	do {                                                    \
		const T *pa = a->v, *pb = b->v;                 \
		if (b->konst) {                                 \
			T k = *pb;                              \
			LOOP(T, pa[i], k, TEST)                 \
		} else if (a->konst) {                          \
			T k = *pa;                              \
			LOOP(T, k, pb[i], TEST)                 \
		} else {                                        \
			LOOP(T, pa[i], pb[i], TEST)             \
		}                                               \
	} while (0)
#define SIX(T, EQ, LT)                                          \
	switch (op) {                                           \
	case PF_N_EQ:                                           \
		SIDES(T, EQ(l, r));                             \
		break;                                          \
	case PF_N_NE:                                           \
		SIDES(T, !(EQ(l, r)));                          \
		break;                                          \
	case PF_N_LT:                                           \
		SIDES(T, LT(l, r));                             \
		break;                                          \
	case PF_N_LE:                                           \
		SIDES(T, !(LT(r, l)));                          \
		break;                                          \
	case PF_N_GT:                                           \
		SIDES(T, LT(r, l));                             \
		break;                                          \
	default:                                                \
		SIDES(T, !(LT(l, r)));                          \
		break;                                          \
	}
#define PLAIN_EQ(l, r) ((l) == (r))
#define PLAIN_LT(l, r) ((l) < (r))
/* NaN equals itself and is above everything. */
#define DOUBLE_EQ(l, r) ((l) == (r) || ((l) != (l) && (r) != (r)))
#define DOUBLE_LT(l, r) ((l) < (r) || ((r) != (r) && (l) == (l)))
#define VIEW_EQ(l, r) \
	((l).len == (r).len && (!(l).len || !memcmp((l).data, (r).data, (l).len)))
#define VIEW_LT(l, r) (pf_view_cmp((l), (r)) < 0)

static bool test(enum pf_node_op op, int c)
{
	switch (op) {
	case PF_N_EQ:
		return c == 0;
	case PF_N_NE:
		return c != 0;
	case PF_N_LT:
		return c < 0;
	case PF_N_LE:
		return c <= 0;
	case PF_N_GT:
		return c > 0;
	default:
		return c >= 0;
	}
}

/* One value as a datum, for pairs of types that have no loop of their own. */
static struct pf_datum datum_at(const struct pf_node *x, size_t i)
{
	struct pf_datum d = { .type = pf_x_type(x->type) };
	if (x->type.x == PF_X_DEC)
		d.dec = PF_AT(pf_i128, &x->out, i);
	else if (x->type.x == PF_X_DOUBLE)
		d.d = PF_AT(double, &x->out, i);
	else
		d.i = PF_AT(int64_t, &x->out, i);
	return d;
}

static bool same_layout(struct pf_xtype a, struct pf_xtype b)
{
	if (a.x != b.x)
		return false;
	if (a.x == PF_X_DEC)
		return a.scale == b.scale;
	return (a.x != PF_X_TS && a.x != PF_X_LTZ) || pf_x_units(a) == pf_x_units(b);
}

static void eval_compare(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *ka = x->kids[0], *kb = x->kids[1];
	const struct pf_vec *a = &ka->out, *b = &kb->out;
	enum pf_node_op op = x->op;
	size_t n = e->n;
	uint8_t *v = pf_node_values(e, x, n);
	const uint8_t *s = pf_node_merge_states(e, x);
	if (!same_layout(ka->type, kb->type)) {
		if (ka->type.x == PF_X_NULL || kb->type.x == PF_X_NULL) {
			memset(v, 0, n);
			return;
		}
		for (size_t i = 0; i < n; i++) {
			if (s && s[i] != PF_S_VALID)
				continue;
			struct pf_datum l = datum_at(ka, i), r = datum_at(kb, i);
			v[i] = test(op, pf_datum_cmp(&l, &r));
		}
		return;
	}
	switch (ka->type.x) {
	case PF_X_NULL:
		memset(v, 0, n);
		break;
	case PF_X_BOOL:
		SIX(uint8_t, PLAIN_EQ, PLAIN_LT)
		break;
	case PF_X_DEC:
		SIX(pf_i128, PLAIN_EQ, PLAIN_LT)
		break;
	case PF_X_DOUBLE:
		SIX(double, DOUBLE_EQ, DOUBLE_LT)
		break;
	case PF_X_STRING:
	case PF_X_BYTES:
		SIX(struct pf_view, VIEW_EQ, VIEW_LT)
		break;
	default:
		SIX(int64_t, PLAIN_EQ, PLAIN_LT)
		break;
	}
}

static bool int_in(const struct pf_datum *set, size_t n, int64_t v)
{
	size_t lo = 0;
	while (n) {
		size_t half = n / 2;
		if (set[lo + half].i < v) {
			lo += half + 1;
			n -= half + 1;
		} else if (set[lo + half].i == v) {
			return true;
		} else {
			n = half;
		}
	}
	return false;
}

static bool value_in(const struct pf_node *x, const struct pf_node *k, size_t i)
{
	struct pf_datum d;
	if (k->type.x == PF_X_STRING || k->type.x == PF_X_BYTES)
		d = (struct pf_datum){ .type = pf_x_type(k->type),
				       .bytes = PF_AT(struct pf_view, &k->out, i) };
	else if (k->type.x == PF_X_BOOL)
		d = (struct pf_datum){ .type = pf_x_type(k->type),
				       .i = PF_AT(uint8_t, &k->out, i) };
	else
		d = datum_at(k, i);
	size_t lo = 0, hi = x->nset;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = pf_datum_cmp(&x->set[mid], &d);
		if (!c)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static void eval_in(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	size_t n = e->n;
	uint8_t *v = pf_node_values(e, x, n);
	uint8_t *s = x->set_null ? own_states(e, x) :
				   (uint8_t *)(uintptr_t)pf_node_merge_states(e, x);
	bool ints = k->type.x == PF_X_INT || k->type.x == PF_X_DATE ||
		    k->type.x == PF_X_TS || k->type.x == PF_X_LTZ ||
		    k->type.x == PF_X_TIME || k->type.x == PF_X_INTERVAL;
	for (size_t i = 0; i < n; i++) {
		if (s && s[i] != PF_S_VALID)
			continue;
		v[i] = ints ? int_in(x->set, x->nset, PF_AT(int64_t, &k->out, i)) :
			      value_in(x, k, i);
		if (!v[i] && x->set_null)
			s[i] = PF_S_NULL;
	}
}

static void eval_pattern(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out;
	uint8_t *v = pf_node_values(e, x, e->n);
	const uint8_t *s = pf_node_merge_states(e, x);
	for (size_t i = 0; i < e->n; i++)
		v[i] = !(s && s[i]) &&
		       pf_regex_search(x->regex, PF_AT(struct pf_view, a, i));
}

/* --- arithmetic --- */

static void int_arithmetic(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out, *b = &x->kids[1]->out;
	int64_t *v = pf_node_values(e, x, e->n);
	uint8_t *s = own_states(e, x);
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
	uint8_t *s = own_states(e, x);
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
	uint8_t *s = divides ? own_states(e, x) : NULL;
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

static void eval_arithmetic(struct pf_expr *e, struct pf_node *x)
{
	if (x->type.x == PF_X_DOUBLE)
		double_arithmetic(e, x);
	else if (x->type.x == PF_X_DEC)
		dec_arithmetic(e, x);
	else
		date_arithmetic(e, x);
}

static void eval_neg(struct pf_expr *e, struct pf_node *x)
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
		uint8_t *s = own_states(e, x);
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
	uint8_t *s = own_states(e, x);
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
	uint8_t *s = own_states(e, x);
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

static void eval_convert(struct pf_expr *e, struct pf_node *x)
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

/* --- case --- */

static void eval_case(struct pf_expr *e, struct pf_node *x)
{
	size_t width = pf_x_width(x->type.x), n = e->n;
	uint32_t pairs = x->nkids / 2;
	uint8_t *v = pf_node_values(e, x, n), *s = pf_node_state(e, x, n);
	for (size_t i = 0; i < n; i++) {
		const struct pf_vec *pick = NULL;
		uint8_t state = PF_S_NULL;
		for (uint32_t p = 0; p < pairs; p++) {
			const struct pf_vec *when = &x->kids[2 * p]->out;
			uint8_t ws = pf_state_at(when, i);
			if (ws > PF_S_NULL) {
				state = ws;
				break;
			}
			if (ws == PF_S_VALID && PF_AT(uint8_t, when, i)) {
				pick = &x->kids[2 * p + 1]->out;
				break;
			}
		}
		if (!pick && state == PF_S_NULL && x->nkids & 1)
			pick = &x->kids[x->nkids - 1]->out;
		s[i] = pick ? pf_state_at(pick, i) : state;
		if (pick)
			memcpy(v + i * width,
			       (const uint8_t *)pick->v + (pick->konst ? 0 : i) * width,
			       width);
		else
			memset(v + i * width, 0, width);
	}
}

void pf_node_eval(struct pf_expr *e, struct pf_node *x)
{
	if (x->konst) {
		x->out = (struct pf_vec){ &x->value,
					  x->value_state ? &x->value_state : NULL,
					  true };
		return;
	}
	if (x->op == PF_N_AND || x->op == PF_N_OR) {
		eval_junction(e, x);
		return;
	}
	for (uint32_t i = 0; i < x->nkids; i++)
		pf_node_eval(e, x->kids[i]);
	switch (x->op) {
	case PF_N_COLUMN:
		load_column(e, x);
		break;
	case PF_N_NOT:
		eval_not(e, x);
		break;
	case PF_N_NEG:
		eval_neg(e, x);
		break;
	case PF_N_EQ:
	case PF_N_NE:
	case PF_N_LT:
	case PF_N_LE:
	case PF_N_GT:
	case PF_N_GE:
		eval_compare(e, x);
		break;
	case PF_N_ADD:
	case PF_N_SUB:
	case PF_N_MUL:
	case PF_N_DIV:
	case PF_N_MOD:
		eval_arithmetic(e, x);
		break;
	case PF_N_IN:
		eval_in(e, x);
		break;
	case PF_N_LIKE:
	case PF_N_MATCH:
		eval_pattern(e, x);
		break;
	case PF_N_IS_NULL:
		eval_is_null(e, x);
		break;
	case PF_N_CASE:
		eval_case(e, x);
		break;
	case PF_N_CALL:
		x->fn->eval(e, x);
		break;
	case PF_N_CONVERT:
		eval_convert(e, x);
		break;
	default:
		break;
	}
}

/* --- results --- */

static const char *reason(uint8_t state)
{
	switch (state) {
	case PF_S_OVERFLOW:
		return "the result does not fit its type";
	case PF_S_DIV_ZERO:
		return "division by zero";
	case PF_S_BAD_CAST:
		return "the text is no such value";
	case PF_S_LONG:
		return "the text gets too long";
	default:
		return "the value is out of range";
	}
}

/* The deepest node where the row's error arose. */
static const struct pf_node *culprit(const struct pf_node *x, size_t row)
{
	for (uint32_t i = 0; i < x->nkids; i++) {
		const struct pf_node *k = x->kids[i];
		if (!k->konst && pf_state_at(&k->out, row) > PF_S_NULL) {
			x = k;
			i = UINT32_MAX;
		}
	}
	return x;
}

static int fail_value(struct pf_expr *e, size_t row, struct pf_error *err)
{
	uint8_t state = pf_state_at(&e->root->out, row);
	const struct pf_node *x = culprit(e->root, row);
	pf_expr_fail(e, x->at, x->len, PF_E_EXPR_VALUE, err, "%s", reason(state));
	if (state == PF_S_DIV_ZERO)
		return pf_hint(err, "nullif(x, 0) makes such a row null");
	return err ? err->code : PF_E_EXPR_VALUE;
}

static void run(struct pf_expr *e, const struct pf_batch *batch)
{
	if (e->work.total > 1 << 20)
		pf_arena_free(&e->work);
	e->batch = batch;
	e->n = (size_t)batch->rows;
	pf_node_eval(e, e->root);
}

int pf_expr_filter(struct pf_expr *e, const struct pf_batch *batch,
		   uint32_t *rows, size_t *n, struct pf_error *err)
{
	run(e, batch);
	const struct pf_vec *r = &e->root->out;
	size_t m = 0, all = e->n;
	*n = 0;
	if (r->konst || r->state) {
		for (size_t i = 0; i < all; i++) {
			uint8_t s = pf_state_at(r, i);
			if (s > PF_S_NULL)
				return fail_value(e, i, err);
			rows[m] = (uint32_t)i;
			m += s == PF_S_VALID && PF_AT(uint8_t, r, i);
		}
	} else {
		const uint8_t *v = r->v;
		for (size_t i = 0; i < all; i++) {
			rows[m] = (uint32_t)i;
			m += v[i];
		}
	}
	*n = m;
	return 0;
}

int pf_expr_refine(struct pf_expr *e, const struct pf_batch *batch,
		   uint32_t *rows, size_t *n, struct pf_error *err)
{
	run(e, batch);
	const struct pf_vec *r = &e->root->out;
	size_t m = 0;
	for (size_t i = 0; i < *n; i++) {
		uint8_t s = pf_state_at(r, rows[i]);
		if (s > PF_S_NULL)
			return fail_value(e, rows[i], err);
		if (s == PF_S_VALID && PF_AT(uint8_t, r, rows[i]))
			rows[m++] = rows[i];
	}
	*n = m;
	return 0;
}

static void put(struct pf_colbuf *out, const struct pf_node *x, size_t i)
{
	const struct pf_vec *r = &x->out;
	switch (x->type.x) {
	case PF_X_BOOL:
		pf_col_bool(out, PF_AT(uint8_t, r, i) != 0);
		break;
	case PF_X_DEC:
		pf_col_i128(out, PF_AT(pf_i128, r, i));
		break;
	case PF_X_DOUBLE:
		pf_col_f64(out, PF_AT(double, r, i));
		break;
	case PF_X_STRING:
	case PF_X_BYTES: {
		struct pf_view v = PF_AT(struct pf_view, r, i);
		pf_col_bytes(out, v.data, v.len);
		break;
	}
	default:
		pf_col_int(out, PF_AT(int64_t, r, i));
		break;
	}
}

int pf_expr_eval(struct pf_expr *e, const struct pf_batch *batch,
		 struct pf_colbuf *out, struct pf_error *err)
{
	if (e->root->op == PF_N_COLUMN) {
		pf_col_append(out, &batch->columns[e->root->column], 0, batch->rows);
		return 0;
	}
	run(e, batch);
	const struct pf_vec *r = &e->root->out;
	for (size_t i = 0; i < e->n; i++) {
		uint8_t s = pf_state_at(r, i);
		if (s > PF_S_NULL)
			return fail_value(e, i, err);
		if (s == PF_S_NULL || e->root->type.x == PF_X_NULL)
			pf_col_null(out);
		else
			put(out, e->root, i);
	}
	return 0;
}
