/* SPDX-License-Identifier: Apache-2.0
 *
 * Names to columns, types from the leaves up, constants folded. Binding
 * rewrites the tree (conversions, in and between), so binding again starts
 * from the text.
 */
#include "expr/ast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/near.h"
#include "base/time.h"
#include "expr/pattern.h"

static const enum pf_kind kind_of[] = {
	[PF_X_NULL] = PF_STRING,  [PF_X_BOOL] = PF_BOOLEAN,
	[PF_X_INT] = PF_BIGINT,	  [PF_X_DEC] = PF_DECIMAL,
	[PF_X_DOUBLE] = PF_DOUBLE, [PF_X_STRING] = PF_STRING,
	[PF_X_BYTES] = PF_BYTES,  [PF_X_DATE] = PF_DATE,
	[PF_X_TIME] = PF_TIME,	  [PF_X_TS] = PF_TIMESTAMP,
	[PF_X_LTZ] = PF_TIMESTAMP_LTZ, [PF_X_INTERVAL] = PF_BIGINT,
};

size_t pf_x_width(enum pf_xkind x)
{
	switch (x) {
	case PF_X_NULL:
	case PF_X_BOOL:
		return 1;
	case PF_X_DEC:
		return sizeof(pf_i128);
	case PF_X_STRING:
	case PF_X_BYTES:
		return sizeof(struct pf_view);
	default:
		return 8;
	}
}

struct pf_type pf_x_type(struct pf_xtype t)
{
	struct pf_type type = { .kind = kind_of[t.x] };
	if (t.x == PF_X_DEC || t.x == PF_X_TIME || t.x == PF_X_TS || t.x == PF_X_LTZ)
		type.precision = t.precision;
	if (t.x == PF_X_DEC)
		type.scale = t.scale;
	return type;
}

struct pf_xtype pf_x_of(struct pf_type t)
{
	struct pf_xtype x = { PF_X_INT, t.precision, t.scale };
	switch (t.kind) {
	case PF_BOOLEAN:
		x.x = PF_X_BOOL;
		break;
	case PF_FLOAT:
	case PF_DOUBLE:
		x.x = PF_X_DOUBLE;
		break;
	case PF_DECIMAL:
		x.x = PF_X_DEC;
		break;
	case PF_STRING:
		x.x = PF_X_STRING;
		break;
	case PF_BYTES:
	case PF_LARGE_BYTES:
	case PF_STRINGS:
		x.x = PF_X_BYTES;
		break;
	case PF_DATE:
		x.x = PF_X_DATE;
		break;
	case PF_TIME:
		x.x = PF_X_TIME;
		break;
	case PF_TIMESTAMP:
		x.x = PF_X_TS;
		break;
	case PF_TIMESTAMP_LTZ:
		x.x = PF_X_LTZ;
		break;
	default:
		break;
	}
	return x;
}

char *pf_x_name(struct pf_xtype t, char *out)
{
	if (t.x == PF_X_NULL)
		snprintf(out, 40, "null");
	else if (t.x == PF_X_INTERVAL)
		snprintf(out, 40, "duration");
	else
		pf_type_name(pf_x_type(t), out);
	return out;
}

int pf_bind_fail_type(struct pf_expr *e, const struct pf_node *x,
		      const char *wanted, struct pf_error *err)
{
	char name[40];
	return pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err,
			    "%s wanted, this is %s", wanted, pf_x_name(x->type, name));
}

struct pf_datum pf_node_datum(const struct pf_node *x)
{
	struct pf_datum d = { .type = pf_x_type(x->type),
			      .null = x->value_state != PF_S_VALID };
	if (d.null)
		return d;
	switch (x->type.x) {
	case PF_X_NULL:
		d.null = true;
		break;
	case PF_X_BOOL:
		d.i = x->value.b;
		break;
	case PF_X_DEC:
		d.dec = x->value.dec;
		break;
	case PF_X_DOUBLE:
		d.d = x->value.d;
		break;
	case PF_X_STRING:
	case PF_X_BYTES:
		d.bytes = x->value.s;
		break;
	default:
		d.i = x->value.i;
		break;
	}
	return d;
}

static void set_value(struct pf_node *x, const struct pf_datum *d)
{
	x->type = pf_x_of(d->type);
	x->konst = true;
	x->value_state = d->null ? PF_S_NULL : PF_S_VALID;
	switch (x->type.x) {
	case PF_X_BOOL:
		x->value.b = d->i != 0;
		break;
	case PF_X_DEC:
		x->value.dec = d->dec;
		break;
	case PF_X_DOUBLE:
		x->value.d = d->d;
		break;
	case PF_X_STRING:
	case PF_X_BYTES:
		x->value.s = d->bytes;
		break;
	default:
		x->value.i = d->i;
		break;
	}
}

static void bind_literal(struct pf_node *x)
{
	if (x->lit.null) {
		x->type = (struct pf_xtype){ .x = PF_X_NULL };
		x->konst = true;
		x->value_state = PF_S_NULL;
		return;
	}
	set_value(x, &x->lit);
	if (x->lit_interval)
		x->type = (struct pf_xtype){ .x = PF_X_INTERVAL };
}

static const char *column_name_at(const void *ctx, size_t i)
{
	const struct pf_schema *s = ctx;
	return i < s->n ? s->fields[i].name : NULL;
}

static int fail_column(struct pf_expr *e, struct pf_node *x, const char *name,
		       struct pf_error *err)
{
	char quoted[128];
	pf_expr_fail(e, x->at, x->len, PF_E_UNKNOWN_COLUMN, err,
		     "unknown column '%s'",
		     pf_quote(quoted, sizeof quoted, name, strlen(name)));
	const char *near = pf_near(name, column_name_at, e->schema);
	if (near)
		return pf_hint(err, "did you mean '%s'?", near);
	struct pf_buf list = { 0 };
	for (size_t i = 0; i < e->schema->n && list.len < 300; i++)
		pf_buf_printf(&list, "%s%s", i ? ", " : "", e->schema->fields[i].name);
	pf_hint(err, "columns: %s%s", pf_buf_cstr(&list), list.len < 300 ? "" : ", ...");
	pf_buf_free(&list);
	return err ? err->code : PF_E_UNKNOWN_COLUMN;
}

static int bind_column(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	char *name = pf_arena_text(&e->arena, x->name.data, x->name.len);
	x->column = pf_schema_find(e->schema, name);
	if (x->column < 0)
		return fail_column(e, x, name, err);
	struct pf_type type = e->schema->fields[x->column].type;
	if (type.kind == PF_LARGE_BYTES || type.kind == PF_STRINGS) {
		char tn[40];
		return pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err,
				    "column '%s' is %s, which expressions cannot use",
				    name, pf_type_name(type, tn));
	}
	x->column_kind = type.kind;
	x->type = pf_x_of(type);
	return 0;
}

int pf_bind_coerce(struct pf_expr *e, struct pf_node *x, struct pf_xtype to,
		   struct pf_error *err)
{
	if (x->type.x == PF_X_NULL) {
		x->type = to;
		memset(&x->value, 0, sizeof x->value);
		return 0;
	}
	if (x->op != PF_N_LITERAL || x->type.x != PF_X_STRING)
		return 0;
	struct pf_view text = x->lit.bytes;
	struct pf_datum d;
	if (to.x == PF_X_BYTES) {
		x->type = to;
		return 0;
	}
	if (!pf_x_is_time(to.x) && to.x != PF_X_TIME)
		return 0;
	/* A date beside something later in the day becomes a timestamp; digits
	 * that the column does not have stay. */
	struct pf_type type = pf_x_type(to);
	int64_t micros;
	bool zone, date_only;
	if (pf_x_is_time(to.x) && pf_time_parse(text, &micros, &zone, &date_only)) {
		if (to.x == PF_X_DATE && !date_only)
			type = (struct pf_type){ .kind = PF_TIMESTAMP, .precision = 3 };
		if (type.kind != PF_DATE && micros % 1000)
			type.precision = 6;
	}
	if (pf_datum_parse(type, (const char *)text.data, text.len, e->zone, &d, NULL)) {
		char quoted[64], name[40];
		pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err,
			     "'%s' is not a %s",
			     pf_quote(quoted, sizeof quoted, text.data, text.len),
			     pf_x_name(to, name));
		return pf_hint(err, to.x == PF_X_TIME ? "times of day look like '10:05:03'" :
			       "times look like '2024-07-01' or '2024-07-01T10:05:03Z'");
	}
	set_value(x, &d);
	return 0;
}

static uint8_t max8(int a, int b)
{
	return (uint8_t)(a > b ? a : b);
}

bool pf_bind_common(struct pf_xtype a, struct pf_xtype b, struct pf_xtype *out)
{
	*out = a;
	if (b.x == PF_X_NULL)
		return true;
	if (a.x == PF_X_NULL) {
		*out = b;
		return true;
	}
	if (pf_x_is_number(a.x) && pf_x_is_number(b.x)) {
		if (a.x == PF_X_DOUBLE || b.x == PF_X_DOUBLE) {
			*out = (struct pf_xtype){ .x = PF_X_DOUBLE };
			return true;
		}
		if (a.x == PF_X_INT && b.x == PF_X_INT)
			return true;
		int pa = a.x == PF_X_INT ? 19 : a.precision;
		int pb = b.x == PF_X_INT ? 19 : b.precision;
		int sa = a.x == PF_X_INT ? 0 : a.scale, sb = b.x == PF_X_INT ? 0 : b.scale;
		int scale = max8(sa, sb);
		int whole = max8(pa - sa, pb - sb);
		*out = (struct pf_xtype){ PF_X_DEC,
					  (uint8_t)(whole + scale > 38 ? 38 : whole + scale),
					  (uint8_t)scale };
		return true;
	}
	if (a.x == b.x) {
		out->precision = max8(a.precision, b.precision);
		return true;
	}
	if ((a.x == PF_X_DATE && b.x == PF_X_TS) || (a.x == PF_X_TS && b.x == PF_X_DATE)) {
		*out = a.x == PF_X_TS ? a : b;
		return true;
	}
	return false;
}

/* Compute a node whose kids are constants. What cannot be computed stays, to
 * fail only if a row asks for it. */
static void fold(struct pf_expr *e, struct pf_node *x)
{
	if (x->konst || x->op == PF_N_COLUMN)
		return;
	for (uint32_t i = 0; i < x->nkids; i++)
		if (!x->kids[i]->konst)
			return;
	e->n = 1;
	pf_node_eval(e, x);
	uint8_t state = pf_state_at(&x->out, 0);
	if (state > PF_S_NULL)
		return;
	x->value_state = state;
	memset(&x->value, 0, sizeof x->value);
	if (state == PF_S_VALID)
		memcpy(&x->value, x->out.v, pf_x_width(x->type.x));
	if (state == PF_S_VALID &&
	    (x->type.x == PF_X_STRING || x->type.x == PF_X_BYTES))
		x->value.s = pf_arena_copy(&e->bound, x->value.s.data, x->value.s.len);
	x->konst = true;
}

/* Put a conversion above *slot if its type is not `to` already. */
static void convert(struct pf_expr *e, struct pf_node **slot, struct pf_xtype to)
{
	struct pf_node *x = *slot;
	bool same = x->type.x == to.x &&
		    (to.x != PF_X_DEC || x->type.scale == to.scale) &&
		    ((to.x != PF_X_TS && to.x != PF_X_LTZ) ||
		     pf_x_units(x->type) == pf_x_units(to));
	if (same)
		return;
	if (x->type.x == PF_X_NULL) {
		x->type = to;
		memset(&x->value, 0, sizeof x->value);
		return;
	}
	struct pf_node *c = pf_node_new(e, PF_N_CONVERT, x->at, x->len, 1);
	c->kids[0] = x;
	c->type = to;
	fold(e, c);
	*slot = c;
}

int pf_bind_unify(struct pf_expr *e, struct pf_node *x, uint32_t first,
		  uint32_t step, struct pf_xtype *out, struct pf_error *err)
{
	struct pf_xtype t = { .x = PF_X_NULL };
	/* Columns and computed values decide first, literals adapt. */
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = first; i < x->nkids; i += step) {
			struct pf_node *k = x->kids[i];
			bool adapts = k->op == PF_N_LITERAL &&
				      (k->type.x == PF_X_STRING ||
				       k->type.x == PF_X_NULL);
			if (adapts != (pass == 1))
				continue;
			if (adapts && t.x != PF_X_NULL)
				PF_TRY(pf_bind_coerce(e, k, t, err));
			if (!pf_bind_common(t, k->type, &t)) {
				char wanted[40];
				return pf_bind_fail_type(e, k, pf_x_name(t, wanted), err);
			}
		}
	if (t.x == PF_X_NULL)
		t.x = PF_X_STRING;
	for (uint32_t i = first; i < x->nkids; i += step)
		convert(e, &x->kids[i], t);
	*out = t;
	return 0;
}

void pf_bind_convert(struct pf_expr *e, struct pf_node *x, uint32_t kid,
		     struct pf_xtype to)
{
	convert(e, &x->kids[kid], to);
}

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
static int bind_pair(struct pf_expr *e, struct pf_node *x, struct pf_node **a,
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
		/* A decimal beside a double is the nearest double. */
		if ((*a)->type.x == PF_X_DEC && (*b)->type.x == PF_X_DOUBLE)
			convert(e, a, (*b)->type);
		if ((*b)->type.x == PF_X_DEC && (*a)->type.x == PF_X_DOUBLE)
			convert(e, b, (*a)->type);
	}
	if (t.x == PF_X_TS) {
		if ((*a)->type.x == PF_X_DATE)
			convert(e, a, t);
		if ((*b)->type.x == PF_X_DATE)
			convert(e, b, t);
	}
	if (t.x == PF_X_TS || t.x == PF_X_LTZ) {
		adapt_time(*a, *b);
		adapt_time(*b, *a);
	}
	return 0;
}

static int want_bool(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(pf_bind_coerce(e, x, (struct pf_xtype){ .x = PF_X_BOOL }, err));
	if (x->type.x != PF_X_BOOL)
		return pf_bind_fail_type(e, x, "a condition (boolean)", err);
	return 0;
}

static int bind_arithmetic(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	struct pf_xtype a = x->kids[0]->type, b = x->kids[1]->type, t;
	const struct pf_xtype dbl = { .x = PF_X_DOUBLE };
	const struct pf_xtype interval = { .x = PF_X_INTERVAL };
	if (a.x == PF_X_NULL && b.x == PF_X_NULL)
		a.x = x->kids[0]->type.x = PF_X_INT;
	if (a.x == PF_X_NULL)
		a = x->kids[0]->type = b;
	if (b.x == PF_X_NULL)
		b = x->kids[1]->type = a;
	if (pf_x_is_number(a.x) && pf_x_is_number(b.x)) {
		(void)pf_bind_common(a, b, &t);
		if (x->op == PF_N_DIV)
			t = dbl;
		if (t.x == PF_X_DEC && x->op == PF_N_MUL) {
			/* Scales add up; the operands keep theirs. */
			int sa = a.x == PF_X_INT ? 0 : a.scale;
			int sb = b.x == PF_X_INT ? 0 : b.scale;
			if (sa + sb > 38) {
				pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err,
					     "the product has %d decimals, 38 are the limit",
					     sa + sb);
				return pf_hint(err, "convert with double()");
			}
			struct pf_xtype ta = { PF_X_DEC, 38, (uint8_t)sa };
			struct pf_xtype tb = { PF_X_DEC, 38, (uint8_t)sb };
			convert(e, &x->kids[0], ta);
			convert(e, &x->kids[1], tb);
			x->type = (struct pf_xtype){ PF_X_DEC, 38, (uint8_t)(sa + sb) };
			return 0;
		}
		convert(e, &x->kids[0], t);
		convert(e, &x->kids[1], t);
		x->type = t;
		if (t.x == PF_X_DEC)
			x->type.precision = 38;
		return 0;
	}
	if (x->op == PF_N_ADD && (a.x == PF_X_INTERVAL || a.x == PF_X_INT) &&
	    pf_x_is_time(b.x)) {
		struct pf_node *swap = x->kids[0];
		x->kids[0] = x->kids[1];
		x->kids[1] = swap;
		t = a, a = b, b = t;
	}
	if (x->op == PF_N_ADD || x->op == PF_N_SUB) {
		if (a.x == PF_X_DATE && b.x == PF_X_INT) {
			x->type = a;
			return 0;
		}
		if (pf_x_is_time(a.x) && b.x == PF_X_INTERVAL) {
			x->type = (struct pf_xtype){
				a.x == PF_X_DATE ? PF_X_TS : a.x, 6, 0
			};
			convert(e, &x->kids[0], x->type);
			return 0;
		}
		if (a.x == PF_X_INTERVAL && b.x == PF_X_INTERVAL) {
			x->type = interval;
			return 0;
		}
	}
	if (x->op == PF_N_SUB && pf_x_is_time(a.x)) {
		PF_TRY(pf_bind_coerce(e, x->kids[1], a, err));
		b = x->kids[1]->type;
	} else if (x->op == PF_N_SUB && pf_x_is_time(b.x)) {
		PF_TRY(pf_bind_coerce(e, x->kids[0], b, err));
		a = x->kids[0]->type;
	}
	if (x->op == PF_N_SUB && a.x == PF_X_DATE && b.x == PF_X_DATE) {
		x->type = (struct pf_xtype){ .x = PF_X_INT };
		return 0;
	}
	if (x->op == PF_N_SUB && pf_x_is_time(a.x) && pf_x_is_time(b.x) &&
	    pf_bind_common(a, b, &t)) {
		t.precision = 6;
		convert(e, &x->kids[0], t);
		convert(e, &x->kids[1], t);
		x->type = interval;
		return 0;
	}
	if (x->op == PF_N_MUL && a.x == PF_X_INTERVAL && b.x == PF_X_INT) {
		x->type = interval;
		return 0;
	}
	static const char *const verbs[] = { "added to", "subtracted from",
					     "multiplied with", "divided by",
					     "divided by" };
	char an[40], bn[40];
	bool sub = x->op == PF_N_SUB;
	pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err, "%s cannot be %s %s",
		     pf_x_name(sub ? b : a, an), verbs[x->op - PF_N_ADD],
		     pf_x_name(sub ? a : b, bn));
	if (a.x == PF_X_STRING || b.x == PF_X_STRING)
		return pf_hint(err, "concat(a, b) joins texts; int() and double() read numbers");
	return err ? err->code : PF_E_EXPR_TYPE;
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

static int bind_in(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	bool konst = true;
	/* Twice: a literal subject learns its type from a later item. */
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 1; i < x->nkids; i++)
			PF_TRY(bind_pair(e, x->kids[i], &x->kids[0], &x->kids[i], err));
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

static int bind_between(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	struct pf_node *low = x->kids[0], *high = x->kids[0];
	/* Twice: a literal subject learns its type from the second bound. */
	for (int pass = 0; pass < 2; pass++) {
		PF_TRY(bind_pair(e, x, &low, &x->kids[1], err));
		PF_TRY(bind_pair(e, x, &high, &x->kids[2], err));
	}
	struct pf_node *ge = pf_node_new(e, PF_N_GE, x->at, x->len, 2);
	struct pf_node *le = pf_node_new(e, PF_N_LE, x->at, x->len, 2);
	ge->type.x = le->type.x = PF_X_BOOL;
	ge->kids[0] = low;
	ge->kids[1] = x->kids[1];
	le->kids[0] = high;
	le->kids[1] = x->kids[2];
	fold(e, ge);
	fold(e, le);
	x->op = PF_N_AND;
	x->nkids = 2;
	x->kids[0] = ge;
	x->kids[1] = le;
	return 0;
}

static int bind_pattern(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
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

static int bind_case(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	uint32_t pairs = x->nkids / 2;
	for (uint32_t i = 0; i < pairs; i++)
		PF_TRY(want_bool(e, x->kids[2 * i], err));
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

static const char *fn_name_at(const void *ctx, size_t i)
{
	(void)ctx;
	const struct pf_fn *fn = pf_fn_at(i);
	return fn ? fn->name : NULL;
}

static int bind_call(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	char name[64];
	snprintf(name, sizeof name, "%.*s", (int)(x->name.len < 60 ? x->name.len : 60),
		 (const char *)x->name.data);
	x->fn = pf_fn_find(x->name);
	if (!x->fn) {
		char quoted[96];
		pf_expr_fail(e, x->at, x->name.len, PF_E_UNKNOWN_FUNCTION, err,
			     "unknown function '%s'",
			     pf_quote(quoted, sizeof quoted, name, strlen(name)));
		const char *near = pf_near(name, fn_name_at, NULL);
		return pf_hint(err, near ? "did you mean '%s'?" :
					   "pf-expr(7) lists the functions%.0s", near);
	}
	if (x->nkids < x->fn->min_args || x->nkids > x->fn->max_args) {
		pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err,
			     "%s: wrong number of arguments", x->fn->name);
		return pf_hint(err, "usage: %s", x->fn->signature);
	}
	int code = x->fn->bind(e, x, err);
	if (code && err && !err->hint[0])
		pf_hint(err, "usage: %s", x->fn->signature);
	return code;
}

static int bind_node(struct pf_expr *e, struct pf_node **slot, struct pf_error *err)
{
	struct pf_node *x = *slot;
	for (uint32_t i = 0; i < x->nkids; i++)
		PF_TRY(bind_node(e, &x->kids[i], err));
	x->type = (struct pf_xtype){ .x = PF_X_BOOL };
	switch (x->op) {
	case PF_N_LITERAL:
		bind_literal(x);
		break;
	case PF_N_COLUMN:
		return bind_column(e, x, err);
	case PF_N_NOT:
	case PF_N_AND:
	case PF_N_OR:
		for (uint32_t i = 0; i < x->nkids; i++)
			PF_TRY(want_bool(e, x->kids[i], err));
		break;
	case PF_N_NEG:
		x->type = x->kids[0]->type;
		if (!pf_x_is_number(x->type.x) && x->type.x != PF_X_NULL &&
		    x->type.x != PF_X_INTERVAL)
			return pf_bind_fail_type(e, x->kids[0], "a number", err);
		break;
	case PF_N_EQ:
	case PF_N_NE:
	case PF_N_LT:
	case PF_N_LE:
	case PF_N_GT:
	case PF_N_GE:
		PF_TRY(bind_pair(e, x, &x->kids[0], &x->kids[1], err));
		break;
	case PF_N_ADD:
	case PF_N_SUB:
	case PF_N_MUL:
	case PF_N_DIV:
	case PF_N_MOD:
		PF_TRY(bind_arithmetic(e, x, err));
		break;
	case PF_N_IN:
		PF_TRY(bind_in(e, x, err));
		break;
	case PF_N_BETWEEN:
		PF_TRY(bind_between(e, x, err));
		break;
	case PF_N_LIKE:
	case PF_N_MATCH:
		PF_TRY(bind_pattern(e, x, err));
		break;
	case PF_N_IS_NULL:
		break;
	case PF_N_CASE:
		PF_TRY(bind_case(e, x, err));
		break;
	case PF_N_CALL:
		PF_TRY(bind_call(e, x, err));
		break;
	case PF_N_CONVERT:
		break;
	}
	fold(e, x);
	return 0;
}

/* Binding again: the tree as it was parsed. */
static int start_over(struct pf_expr *e, struct pf_error *err)
{
	struct pf_expr *fresh;
	PF_TRY(pf_expr_parse(e->text, e->text_len, e->what, &fresh, err));
	struct pf_expr old = *e;
	*e = *fresh;
	*fresh = old;
	pf_expr_free(fresh);
	return 0;
}

int pf_expr_bind(struct pf_expr *e, const struct pf_schema *schema,
		 const char *zone, struct pf_error *err)
{
	if (e->schema)
		PF_TRY(start_over(e, err));
	e->schema = pf_schema_ref((struct pf_schema *)schema);
	e->now = pf_now_ms() * 1000;
	PF_TRY(pf_zone_open(zone, &e->zone, err));
	PF_TRY(bind_node(e, &e->root, err));
	pf_arena_free(&e->work);
	return 0;
}

int pf_expr_bind_filter(struct pf_expr *e, const struct pf_schema *schema,
			const char *zone, struct pf_error *err)
{
	PF_TRY(pf_expr_bind(e, schema, zone, err));
	return want_bool(e, e->root, err);
}

struct pf_type pf_expr_type(const struct pf_expr *e)
{
	const struct pf_node *x = e->root;
	if (x->op == PF_N_COLUMN)
		return e->schema->fields[x->column].type;
	return pf_x_type(x->type);
}

int pf_expr_column(const struct pf_expr *e)
{
	return e->root->op == PF_N_COLUMN ? e->root->column : -1;
}

void pf_expr_columns(const struct pf_expr *e, bool *used)
{
	for (size_t i = 0; i < e->nall; i++)
		if (e->all[i]->op == PF_N_COLUMN)
			used[e->all[i]->column] = true;
}
