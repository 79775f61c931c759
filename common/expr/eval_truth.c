/* SPDX-License-Identifier: Apache-2.0
 *
 * What is true: logic with three values, comparisons, sets, patterns, and the
 * choice that case makes.
 */
#include "expr/eval.h"

#include "expr/pattern.h"

void pf_eval_not(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out;
	uint8_t *v = pf_node_values(e, x, e->n);
	for (size_t i = 0; i < e->n; i++)
		v[i] = !PF_AT(uint8_t, a, i);
	pf_node_merge_states(e, x);
}

/* One row of a junction: what is known so far, and one more result. dominant:
 * the value that decides alone, false for and, true for or. What it meets, null
 * or error, does not matter. No branches: what rows hold is hard to foresee. */
static inline void meet(uint8_t *v, uint8_t *s, uint8_t bv, uint8_t bs, uint8_t dominant)
{
	uint8_t was = (uint8_t)-((*s == PF_S_VALID) & (*v == dominant));
	uint8_t is = (uint8_t)-((bs == PF_S_VALID) & (bv == dominant));
	uint8_t worse = *s > bs ? *s : bs;
	_Static_assert(PF_S_VALID == 0, "a mask makes a state valid");
	*v = (uint8_t)((*v & ~is) | (dominant & is));
	*s = (uint8_t)(worse & ~(was | is));
}

static void meet_all(uint8_t *restrict v, uint8_t *restrict s, const struct pf_vec *b,
		     size_t n, uint8_t dominant)
{
	const uint8_t *bv = b->v, *bs = b->state;
	if (b->konst)
		for (size_t i = 0; i < n; i++)
			meet(&v[i], &s[i], bv[0], bs ? bs[0] : (uint8_t)PF_S_VALID,
			     dominant);
	else if (bs)
		for (size_t i = 0; i < n; i++)
			meet(&v[i], &s[i], bv[i], bs[i], dominant);
	else
		for (size_t i = 0; i < n; i++)
			meet(&v[i], &s[i], bv[i], PF_S_VALID, dominant);
}

void pf_eval_junction(struct pf_expr *e, struct pf_node *x)
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
		meet_all(v, s, b, n, dominant);
	}
}

void pf_eval_is_null(struct pf_expr *e, struct pf_node *x)
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

void pf_eval_compare(struct pf_expr *e, struct pf_node *x)
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

void pf_eval_in(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	size_t n = e->n;
	uint8_t *v = pf_node_values(e, x, n);
	uint8_t *s = x->set_null ? pf_node_own_states(e, x) :
				   (uint8_t *)(uintptr_t)pf_node_merge_states(e, x);
	bool ints = k->type.x == PF_X_INT || k->type.x == PF_X_DATE ||
		    k->type.x == PF_X_TS || k->type.x == PF_X_LTZ ||
		    k->type.x == PF_X_TIME || k->type.x == PF_X_INTERVAL;
	/* The look-up of an entity: one number, as a loop of comparisons. */
	if (ints && x->nset == 1 && !s && !k->out.konst) {
		const int64_t *a = k->out.v, one = x->set[0].i;
		for (size_t i = 0; i < n; i++)
			v[i] = a[i] == one;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (s && s[i] != PF_S_VALID)
			continue;
		v[i] = ints ? int_in(x->set, x->nset, PF_AT(int64_t, &k->out, i)) :
			      value_in(x, k, i);
		if (!v[i] && x->set_null)
			s[i] = PF_S_NULL;
	}
}

void pf_eval_pattern(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out;
	uint8_t *v = pf_node_values(e, x, e->n);
	const uint8_t *s = pf_node_merge_states(e, x);
	for (size_t i = 0; i < e->n; i++)
		v[i] = !(s && s[i]) &&
		       pf_regex_search(x->regex, PF_AT(struct pf_view, a, i));
}

void pf_eval_case(struct pf_expr *e, struct pf_node *x)
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
