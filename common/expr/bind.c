/* SPDX-License-Identifier: Apache-2.0
 *
 * Names to columns, types from the leaves up, constants folded. Binding
 * rewrites the tree (conversions, in and between), so binding again starts
 * from the text.
 */
#include "expr/bind.h"

#include <stdio.h>

#include "base/near.h"
#include "base/time.h"

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

void pf_bind_set_value(struct pf_node *x, const struct pf_datum *d)
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
	pf_bind_set_value(x, &x->lit);
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
			     "'%s' is no %s",
			     pf_quote(quoted, sizeof quoted, text.data, text.len),
			     pf_x_name(to, name));
		return pf_hint(err, to.x == PF_X_TIME ? "times of day look like '10:05:03'" :
			       "times look like '2024-07-01' or '2024-07-01T10:05:03Z'");
	}
	pf_bind_set_value(x, &d);
	return 0;
}

void pf_bind_fold(struct pf_expr *e, struct pf_node *x)
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

void pf_bind_slot(struct pf_expr *e, struct pf_node **slot, struct pf_xtype to)
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
	pf_bind_fold(e, c);
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
		pf_bind_slot(e, &x->kids[i], t);
	*out = t;
	return 0;
}

void pf_bind_convert(struct pf_expr *e, struct pf_node *x, uint32_t kid,
		     struct pf_xtype to)
{
	pf_bind_slot(e, &x->kids[kid], to);
}

bool pf_expr_is_function(struct pf_view name)
{
	return pf_fn_find(name) != NULL;
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
			PF_TRY(pf_bind_condition(e, x->kids[i], err));
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
		PF_TRY(pf_bind_pair(e, x, &x->kids[0], &x->kids[1], err));
		break;
	case PF_N_ADD:
	case PF_N_SUB:
	case PF_N_MUL:
	case PF_N_DIV:
	case PF_N_MOD:
		PF_TRY(pf_bind_arithmetic(e, x, err));
		break;
	case PF_N_IN:
		PF_TRY(pf_bind_in(e, x, err));
		break;
	case PF_N_BETWEEN:
		PF_TRY(pf_bind_between(e, x, err));
		break;
	case PF_N_LIKE:
	case PF_N_MATCH:
		PF_TRY(pf_bind_pattern(e, x, err));
		break;
	case PF_N_IS_NULL:
		break;
	case PF_N_CASE:
		PF_TRY(pf_bind_case(e, x, err));
		break;
	case PF_N_CALL:
		PF_TRY(bind_call(e, x, err));
		break;
	case PF_N_CONVERT:
		break;
	}
	pf_bind_fold(e, x);
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
	return pf_bind_condition(e, e->root, err);
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
