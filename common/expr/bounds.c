/* SPDX-License-Identifier: Apache-2.0
 *
 * What a condition says about single columns. Only rows for which it is true
 * count, so null and false are the same here, and `not` can be pushed down to
 * the comparisons: not (a and b) is true exactly where not a or not b is.
 * Everything that is not understood allows everything.
 */
#include "expr/ast.h"

#include <stdlib.h>

#include "base/time.h"
#include "expr/pattern.h"

static const struct pf_range nothing = { 0 };

static struct pf_range values_only(void)
{
	return (struct pf_range){ .values = true };
}

static struct pf_range between(const struct pf_datum *min, bool min_open,
			       const struct pf_datum *max, bool max_open)
{
	struct pf_range r = values_only();
	if (min) {
		r.has_min = true;
		r.min = *min;
		r.min_open = min_open;
	}
	if (max) {
		r.has_max = true;
		r.max = *max;
		r.max_open = max_open;
	}
	return r;
}

static struct pf_range of_set(const struct pf_datum *set, size_t n)
{
	if (!n)
		return nothing;
	struct pf_range r = between(&set[0], false, &set[n - 1], false);
	r.has_set = true;
	r.set = set;
	r.nset = n;
	return r;
}

static enum pf_node_op mirrored(enum pf_node_op op)
{
	switch (op) {
	case PF_N_LT:
		return PF_N_GT;
	case PF_N_LE:
		return PF_N_GE;
	case PF_N_GT:
		return PF_N_LT;
	case PF_N_GE:
		return PF_N_LE;
	default:
		return op;
	}
}

static enum pf_node_op opposite(enum pf_node_op op)
{
	switch (op) {
	case PF_N_EQ:
		return PF_N_NE;
	case PF_N_NE:
		return PF_N_EQ;
	case PF_N_LT:
		return PF_N_GE;
	case PF_N_LE:
		return PF_N_GT;
	case PF_N_GT:
		return PF_N_LE;
	default:
		return PF_N_LT;
	}
}

static struct pf_range of_comparison(struct pf_expr *e, enum pf_node_op op,
				     const struct pf_node *k)
{
	if (k->value_state != PF_S_VALID)
		return nothing;
	struct pf_datum *d = pf_arena_get(&e->bound, 1, sizeof *d);
	*d = pf_node_datum(k);
	switch (op) {
	case PF_N_EQ:
		return of_set(d, 1);
	case PF_N_LT:
		return between(NULL, false, d, true);
	case PF_N_LE:
		return between(NULL, false, d, false);
	case PF_N_GT:
		return between(d, true, NULL, false);
	case PF_N_GE:
		return between(d, false, NULL, false);
	default:
		return values_only();
	}
}

/* The day on which the year or date that a constant names begins. */
static int64_t first_day(const struct pf_node *call, int64_t value, int later)
{
	/* Beyond these no column has values. */
	int64_t most = call->fn->name[0] == 'y' ? 300000000 : 110000000000;
	value = (value > most ? most : value < -most ? -most : value) + later;
	return call->fn->name[0] == 'y' ? pf_days_from_civil(value, 1, 1) : value;
}

/* year(ts) = 2024: what that says about ts. Days are those of the wall clock;
 * the bounds of an instant leave a day on each side for its zone. */
static struct pf_range of_calendar(struct pf_expr *e, enum pf_node_op op,
				   const struct pf_node *call, const struct pf_node *k)
{
	if (k->value_state != PF_S_VALID)
		return nothing;
	bool instant = call->kids[0]->type.x == PF_X_LTZ;
	struct pf_datum *d = pf_arena_get(&e->bound, 2, sizeof *d);
	/* Rows with that value lie in [d[0], d[1]). */
	for (int i = 0; i < 2; i++) {
		int64_t day = first_day(call, k->value.i, i);
		if (instant)
			day += i ? 1 : -1;
		d[i] = (struct pf_datum){ .type = { .kind = PF_DATE }, .i = day };
	}
	switch (op) {
	case PF_N_EQ:
		return between(&d[0], false, &d[1], true);
	case PF_N_LT:
		return between(NULL, false, &d[instant], true);
	case PF_N_LE:
		return between(NULL, false, &d[1], true);
	case PF_N_GT:
		return between(&d[!instant], false, NULL, false);
	case PF_N_GE:
		return between(&d[0], false, NULL, false);
	default:
		return values_only();
	}
}

/* Texts that begin with prefix: up to the first text behind all of them. */
static struct pf_range of_prefix(struct pf_expr *e, struct pf_view prefix)
{
	if (!prefix.len)
		return values_only();
	struct pf_datum min = { .type = { .kind = PF_STRING }, .bytes = prefix };
	struct pf_view next = pf_arena_copy(&e->bound, prefix.data, prefix.len);
	while (next.len && next.data[next.len - 1] == 0xff)
		next.len--;
	struct pf_datum max = { .type = { .kind = PF_STRING }, .bytes = next };
	if (next.len)
		((uint8_t *)(uintptr_t)next.data)[next.len - 1]++;
	return between(&min, false, next.len ? &max : NULL, true);
}

static int cmp(const void *a, const void *b)
{
	return pf_datum_cmp(a, b);
}

static struct pf_range intersect(struct pf_expr *e, struct pf_range a, struct pf_range b)
{
	struct pf_range r = a;
	r.nulls = a.nulls && b.nulls;
	r.values = a.values && b.values;
	if (!r.values)
		return (struct pf_range){ .nulls = r.nulls };
	if (b.has_min) {
		int c = r.has_min ? pf_datum_cmp(&b.min, &r.min) : 1;
		if (c > 0)
			r.min = b.min;
		r.min_open = c > 0 ? b.min_open : c == 0 ? r.min_open || b.min_open :
							   r.min_open;
		r.has_min = true;
	}
	if (b.has_max) {
		int c = r.has_max ? pf_datum_cmp(&b.max, &r.max) : -1;
		if (c < 0)
			r.max = b.max;
		r.max_open = c < 0 ? b.max_open : c == 0 ? r.max_open || b.max_open :
							   r.max_open;
		r.has_max = true;
	}
	if (r.has_min && r.has_max) {
		int c = pf_datum_cmp(&r.min, &r.max);
		if (c > 0 || (c == 0 && (r.min_open || r.max_open)))
			return (struct pf_range){ .nulls = r.nulls };
	}
	if (!a.has_set && !b.has_set)
		return r;
	const struct pf_range *from = a.has_set ? &a : &b;
	const struct pf_range *with = a.has_set ? &b : &a;
	struct pf_datum *set = pf_arena_get(&e->bound, from->nset, sizeof *set);
	size_t n = 0;
	for (size_t i = 0; i < from->nset; i++)
		if (pf_range_has(with, &from->set[i]))
			set[n++] = from->set[i];
	struct pf_range s = of_set(set, n);
	s.nulls = r.nulls;
	return s;
}

static struct pf_range hull(struct pf_expr *e, struct pf_range a, struct pf_range b)
{
	if (!a.values || !b.values) {
		struct pf_range r = a.values ? a : b;
		r.nulls = a.nulls || b.nulls;
		return r;
	}
	struct pf_range r = values_only();
	r.nulls = a.nulls || b.nulls;
	if (a.has_min && b.has_min) {
		int c = pf_datum_cmp(&a.min, &b.min);
		r.has_min = true;
		r.min = c <= 0 ? a.min : b.min;
		r.min_open = c < 0 ? a.min_open : c > 0 ? b.min_open :
							  a.min_open && b.min_open;
	}
	if (a.has_max && b.has_max) {
		int c = pf_datum_cmp(&a.max, &b.max);
		r.has_max = true;
		r.max = c >= 0 ? a.max : b.max;
		r.max_open = c > 0 ? a.max_open : c < 0 ? b.max_open :
							  a.max_open && b.max_open;
	}
	if (a.has_set && b.has_set) {
		struct pf_datum *set = pf_arena_get(&e->bound, a.nset + b.nset,
						    sizeof *set);
		memcpy(set, a.set, a.nset * sizeof *set);
		memcpy(set + a.nset, b.set, b.nset * sizeof *set);
		qsort(set, a.nset + b.nset, sizeof *set, cmp);
		size_t n = 0;
		for (size_t i = 0; i < a.nset + b.nset; i++)
			if (!n || pf_datum_cmp(&set[n - 1], &set[i]) != 0)
				set[n++] = set[i];
		r.has_set = true;
		r.set = set;
		r.nset = n;
	}
	return r;
}

/* year(column) or date(column), which rise with the column? */
static bool is_calendar(const struct pf_node *k)
{
	return k->op == PF_N_CALL && k->kids[0]->op == PF_N_COLUMN &&
	       pf_x_is_time(k->kids[0]->type.x) &&
	       (!strcmp(k->fn->name, "date") || !strcmp(k->fn->name, "year"));
}

/* The one column that a simple condition is about, -1: not simple. */
static int subject(const struct pf_node *x)
{
	const struct pf_node *k = x->nkids ? x->kids[0] : NULL;
	switch (x->op) {
	case PF_N_COLUMN:
		return x->column;
	case PF_N_EQ:
	case PF_N_NE:
	case PF_N_LT:
	case PF_N_LE:
	case PF_N_GT:
	case PF_N_GE:
		if (k->op == PF_N_COLUMN && x->kids[1]->konst)
			return k->column;
		if (x->kids[1]->konst && is_calendar(k) &&
		    (x->kids[1]->type.x == PF_X_DATE || x->kids[1]->type.x == PF_X_INT))
			return k->kids[0]->column;
		if (k->konst && x->kids[1]->op == PF_N_COLUMN)
			return x->kids[1]->column;
		return -1;
	case PF_N_IN:
	case PF_N_IS_NULL:
	case PF_N_LIKE:
	case PF_N_MATCH:
		return k->op == PF_N_COLUMN ? k->column : -1;
	case PF_N_CALL:
		if (!strcmp(x->fn->name, "starts_with") && k->op == PF_N_COLUMN &&
		    x->kids[1]->konst)
			return k->column;
		return -1;
	default:
		return -1;
	}
}

/* The range of a simple condition, or of its opposite. */
static struct pf_range leaf(struct pf_expr *e, const struct pf_node *x, bool neg)
{
	struct pf_datum truth = { .type = { .kind = PF_BOOLEAN }, .i = !neg };
	struct pf_datum *d;
	enum pf_node_op op = x->op;
	switch (op) {
	case PF_N_COLUMN:
		d = pf_arena_get(&e->bound, 1, sizeof *d);
		*d = truth;
		return of_set(d, 1);
	case PF_N_IN:
		if (neg)
			return x->set_null ? nothing : values_only();
		return of_set(x->set, x->nset);
	case PF_N_IS_NULL:
		return neg ? values_only() : (struct pf_range){ .nulls = true };
	case PF_N_LIKE:
	case PF_N_MATCH:
		return neg ? values_only() : of_prefix(e, pf_regex_prefix(x->regex));
	case PF_N_CALL:
		if (x->kids[1]->value_state != PF_S_VALID)
			return nothing;
		return neg ? values_only() : of_prefix(e, x->kids[1]->value.s);
	default:
		if (x->kids[0]->op == PF_N_CALL && !x->kids[0]->konst)
			return of_calendar(e, neg ? opposite(op) : op, x->kids[0],
					   x->kids[1]);
		if (x->kids[0]->konst)
			return of_comparison(e, neg ? opposite(mirrored(op)) : mirrored(op),
					     x->kids[0]);
		return of_comparison(e, neg ? opposite(op) : op, x->kids[1]);
	}
}

static struct pf_range constant(const struct pf_node *x, bool neg)
{
	bool is_true = x->value_state == PF_S_VALID && (x->value.b != 0) != neg;
	return is_true ? pf_range_all() : nothing;
}

static struct pf_range bounds(struct pf_expr *e, const struct pf_node *x, int column,
			      bool neg)
{
	if (x->konst)
		return constant(x, neg);
	if (x->op == PF_N_NOT)
		return bounds(e, x->kids[0], column, !neg);
	if (x->op == PF_N_AND || x->op == PF_N_OR) {
		bool both = (x->op == PF_N_AND) != neg;
		struct pf_range r = bounds(e, x->kids[0], column, neg);
		for (uint32_t i = 1; i < x->nkids; i++) {
			struct pf_range k = bounds(e, x->kids[i], column, neg);
			r = both ? intersect(e, r, k) : hull(e, r, k);
		}
		return r;
	}
	return subject(x) == column ? leaf(e, x, neg) : pf_range_all();
}

bool pf_expr_bounds(struct pf_expr *e, int column, struct pf_range *range)
{
	*range = bounds(e, e->root, column, false);
	return !range->nulls || !range->values || range->has_min || range->has_max ||
	       range->has_set;
}

static bool may_match(struct pf_expr *e, const struct pf_node *x, bool neg,
		      pf_block_stats_fn fn, void *ctx)
{
	if (x->konst)
		return constant(x, neg).values;
	if (x->op == PF_N_NOT)
		return may_match(e, x->kids[0], !neg, fn, ctx);
	if (x->op == PF_N_AND || x->op == PF_N_OR) {
		bool both = (x->op == PF_N_AND) != neg;
		for (uint32_t i = 0; i < x->nkids; i++)
			if (may_match(e, x->kids[i], neg, fn, ctx) != both)
				return !both;
		return both;
	}
	int column = subject(x);
	struct pf_block_stats s = { .nulls = -1, .rows = -1 };
	if (column < 0 || !fn(ctx, column, &s))
		return true;
	struct pf_range r = leaf(e, x, neg);
	return pf_range_may_match_block(&r, &s);
}

bool pf_expr_may_match(struct pf_expr *e, pf_block_stats_fn stats, void *ctx)
{
	return may_match(e, e->root, false, stats, ctx);
}
