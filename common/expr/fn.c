/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding functions; those that choose among values or convert them.
 */
#include "expr/fn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/value_text.h"
#include "base/time.h"

static const struct pf_fn *const groups[] = { pf_fns_text, pf_fns_math,
					      pf_fns_time, pf_fns_choice };

const struct pf_fn *pf_fn_at(size_t i)
{
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
		for (const struct pf_fn *f = groups[g]; f->name; f++)
			if (!i--)
				return f;
	return NULL;
}

const struct pf_fn *pf_fn_find(struct pf_view name)
{
	const struct pf_fn *f;
	for (size_t i = 0; (f = pf_fn_at(i)); i++)
		if (pf_view_is(name, f->name))
			return f;
	return NULL;
}

uint8_t *pf_fn_text(struct pf_expr *e, size_t len)
{
	if (len > PF_FN_TEXT_MAX || e->work.total > (size_t)1 << 30)
		return NULL;
	return pf_arena_get(&e->work, len ? len : 1, 1);
}

int pf_fn_want(struct pf_expr *e, struct pf_node *x, uint32_t kid,
	       enum pf_xkind kind, const char *wanted, struct pf_error *err)
{
	PF_TRY(pf_bind_coerce(e, x->kids[kid], (struct pf_xtype){ .x = kind }, err));
	if (x->kids[kid]->type.x != kind)
		return pf_bind_fail_type(e, x->kids[kid], wanted, err);
	return 0;
}

/* --- choosing --- */

static void pick(struct pf_node *x, uint8_t *v, uint8_t *s, size_t i,
		 const struct pf_vec *from)
{
	size_t width = pf_x_width(x->type.x);
	s[i] = pf_state_at(from, i);
	memcpy(v + i * width,
	       (const uint8_t *)from->v + (from->konst ? 0 : i) * width, width);
}

static int bind_coalesce(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	return pf_bind_unify(e, x, 0, 1, &x->type, err);
}

static void eval_coalesce(struct pf_expr *e, struct pf_node *x)
{
	uint8_t *v = pf_node_values(e, x, e->n), *s = pf_node_state(e, x, e->n);
	for (size_t i = 0; i < e->n; i++) {
		uint32_t k = 0;
		while (k + 1 < x->nkids &&
		       pf_state_at(&x->kids[k]->out, i) == PF_S_NULL)
			k++;
		pick(x, v, s, i, &x->kids[k]->out);
	}
}

static int bind_if(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(pf_fn_want(e, x, 0, PF_X_BOOL, "a condition (boolean)", err));
	return pf_bind_unify(e, x, 1, 1, &x->type, err);
}

static void eval_if(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *c = &x->kids[0]->out;
	uint8_t *v = pf_node_values(e, x, e->n), *s = pf_node_state(e, x, e->n);
	for (size_t i = 0; i < e->n; i++) {
		uint8_t cs = pf_state_at(c, i);
		pick(x, v, s, i,
		     &x->kids[cs == PF_S_VALID && PF_AT(uint8_t, c, i) ? 1 : 2]->out);
		if (cs > PF_S_NULL)
			s[i] = cs;
	}
}

/* Three-way comparison of two values of the (same) type of x. */
static int compare(const struct pf_node *x, const struct pf_vec *a,
		   const struct pf_vec *b, size_t i)
{
	switch (x->type.x) {
	case PF_X_NULL:
		return 0;
	case PF_X_BOOL:
		return (int)PF_AT(uint8_t, a, i) - (int)PF_AT(uint8_t, b, i);
	case PF_X_DOUBLE:
		return pf_cmp_double(PF_AT(double, a, i), PF_AT(double, b, i));
	case PF_X_DEC: {
		pf_i128 l = PF_AT(pf_i128, a, i), r = PF_AT(pf_i128, b, i);
		return (l > r) - (l < r);
	}
	case PF_X_STRING:
	case PF_X_BYTES:
		return pf_view_cmp(PF_AT(struct pf_view, a, i),
				   PF_AT(struct pf_view, b, i));
	default: {
		int64_t l = PF_AT(int64_t, a, i), r = PF_AT(int64_t, b, i);
		return (l > r) - (l < r);
	}
	}
}

static void eval_nullif(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_vec *a = &x->kids[0]->out, *b = &x->kids[1]->out;
	uint8_t *v = pf_node_values(e, x, e->n), *s = pf_node_state(e, x, e->n);
	for (size_t i = 0; i < e->n; i++) {
		pick(x, v, s, i, a);
		uint8_t bs = pf_state_at(b, i);
		if (bs > PF_S_NULL)
			s[i] = s[i] > bs ? s[i] : bs;
		else if (s[i] == PF_S_VALID && bs == PF_S_VALID && !compare(x, a, b, i))
			s[i] = PF_S_NULL;
	}
}

/* Nulls are passed over, as in every database but two. */
static void extreme(struct pf_expr *e, struct pf_node *x, int sign)
{
	uint8_t *v = pf_node_values(e, x, e->n), *s = pf_node_state(e, x, e->n);
	for (size_t i = 0; i < e->n; i++) {
		const struct pf_vec *best = NULL;
		uint8_t bad = PF_S_VALID;
		for (uint32_t k = 0; k < x->nkids; k++) {
			const struct pf_vec *c = &x->kids[k]->out;
			uint8_t cs = pf_state_at(c, i);
			if (cs > PF_S_NULL)
				bad = cs;
			else if (cs == PF_S_VALID &&
				 (!best || sign * compare(x, c, best, i) > 0))
				best = c;
		}
		pick(x, v, s, i, best ? best : &x->kids[0]->out);
		if (bad)
			s[i] = bad;
	}
}

static void eval_greatest(struct pf_expr *e, struct pf_node *x)
{
	extreme(e, x, 1);
}

static void eval_least(struct pf_expr *e, struct pf_node *x)
{
	extreme(e, x, -1);
}

/* --- converting --- */

static int bind_int(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	struct pf_node *k = x->kids[0];
	if (!pf_x_is_number(k->type.x) && k->type.x != PF_X_STRING &&
	    k->type.x != PF_X_BOOL && k->type.x != PF_X_NULL)
		return pf_bind_fail_type(e, k, "a number, a string or a boolean", err);
	x->type = (struct pf_xtype){ .x = PF_X_INT };
	return 0;
}

static uint8_t double_to_int(double d, int64_t *v)
{
	d = trunc(d);
	if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0))
		return PF_S_OVERFLOW;
	*v = (int64_t)d;
	return PF_S_VALID;
}

static uint8_t to_int(const struct pf_node *k, size_t i, int64_t *v)
{
	struct pf_datum d;
	switch (k->type.x) {
	case PF_X_INT:
		*v = PF_AT(int64_t, &k->out, i);
		return PF_S_VALID;
	case PF_X_BOOL:
		*v = PF_AT(uint8_t, &k->out, i);
		return PF_S_VALID;
	case PF_X_DOUBLE:
		return double_to_int(PF_AT(double, &k->out, i), v);
	case PF_X_DEC: {
		pf_i128 q = PF_AT(pf_i128, &k->out, i) / pf_pow10(k->type.scale);
		*v = (int64_t)q;
		return *v == q ? PF_S_VALID : PF_S_OVERFLOW;
	}
	case PF_X_STRING: {
		struct pf_view t = PF_AT(struct pf_view, &k->out, i);
		if (pf_datum_parse((struct pf_type){ .kind = PF_BIGINT },
				   (const char *)t.data, t.len, NULL, &d, NULL))
			return PF_S_BAD_CAST;
		*v = d.i;
		return PF_S_VALID;
	}
	default:
		return PF_S_NULL;
	}
}

static void eval_int(struct pf_expr *e, struct pf_node *x)
{
	int64_t *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = 0;
		if (s[i] == PF_S_VALID)
			s[i] = to_int(x->kids[0], i, &v[i]);
	}
}

static int bind_double(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(bind_int(e, x, err));
	x->type = (struct pf_xtype){ .x = PF_X_DOUBLE };
	return 0;
}

static uint8_t to_double(const struct pf_node *k, size_t i, double *v)
{
	struct pf_datum d;
	switch (k->type.x) {
	case PF_X_INT:
		*v = (double)PF_AT(int64_t, &k->out, i);
		return PF_S_VALID;
	case PF_X_BOOL:
		*v = PF_AT(uint8_t, &k->out, i);
		return PF_S_VALID;
	case PF_X_DOUBLE:
		*v = PF_AT(double, &k->out, i);
		return PF_S_VALID;
	case PF_X_DEC:
		*v = pf_dec_to_double(PF_AT(pf_i128, &k->out, i), k->type.scale);
		return PF_S_VALID;
	case PF_X_STRING: {
		struct pf_view t = PF_AT(struct pf_view, &k->out, i);
		if (pf_datum_parse((struct pf_type){ .kind = PF_DOUBLE },
				   (const char *)t.data, t.len, NULL, &d, NULL))
			return PF_S_BAD_CAST;
		*v = d.d;
		return PF_S_VALID;
	}
	default:
		return PF_S_NULL;
	}
}

static void eval_double(struct pf_expr *e, struct pf_node *x)
{
	double *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = 0;
		if (s[i] == PF_S_VALID)
			s[i] = to_double(x->kids[0], i, &v[i]);
	}
}

/* decimal(x, p, s): exact digits, the last rounded half away from zero. */
static int bind_decimal(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(bind_int(e, x, err));
	int64_t ps[2];
	for (uint32_t i = 1; i < 3; i++) {
		const struct pf_node *k = x->kids[i];
		if (!k->konst || k->type.x != PF_X_INT || k->value_state)
			return pf_bind_fail_type(e, k, "a plain number", err);
		ps[i - 1] = k->value.i;
	}
	if (ps[0] < 1 || ps[0] > 38 || ps[1] < 0 || ps[1] > ps[0])
		return pf_expr_fail(e, x->at, x->len, PF_E_EXPR_TYPE, err,
				    "there is no such decimal type");
	x->type = (struct pf_xtype){ PF_X_DEC, (uint8_t)ps[0], (uint8_t)ps[1] };
	return 0;
}

static uint8_t to_decimal(const struct pf_node *x, size_t i, pf_i128 *v)
{
	const struct pf_node *k = x->kids[0];
	unsigned scale = 0, digits;
	char text[400];
	switch (k->type.x) {
	case PF_X_INT:
		*v = PF_AT(int64_t, &k->out, i);
		break;
	case PF_X_BOOL:
		*v = PF_AT(uint8_t, &k->out, i);
		break;
	case PF_X_DEC:
		*v = PF_AT(pf_i128, &k->out, i);
		scale = k->type.scale;
		break;
	case PF_X_DOUBLE: {
		double d = PF_AT(double, &k->out, i);
		if (!(fabs(d) < 1e38))
			return PF_S_OVERFLOW;
		/* printf rounds the exact value once */
		int n = snprintf(text, sizeof text, "%.*f", x->type.scale, d);
		if (!pf_dec_parse(pf_view_of(text, (size_t)n), v, &scale, &digits))
			return PF_S_OVERFLOW;
		break;
	}
	case PF_X_STRING:
		if (!pf_dec_parse(PF_AT(struct pf_view, &k->out, i), v, &scale, &digits))
			return PF_S_BAD_CAST;
		break;
	default:
		return PF_S_NULL;
	}
	pf_i128 limit = pf_pow10(x->type.precision);
	if (!pf_dec_rescale(*v, scale, x->type.scale, v) || *v >= limit || *v <= -limit)
		return PF_S_OVERFLOW;
	return PF_S_VALID;
}

static void eval_decimal(struct pf_expr *e, struct pf_node *x)
{
	pf_i128 *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = 0;
		if (s[i] == PF_S_VALID)
			s[i] = to_decimal(x, i, &v[i]);
	}
}

static int bind_string(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	(void)e;
	(void)err;
	x->type = (struct pf_xtype){ .x = PF_X_STRING };
	return 0;
}

static void print_value(const struct pf_node *k, size_t i, struct pf_buf *out)
{
	char text[64];
	size_t n;
	int64_t v;
	switch (k->type.x) {
	case PF_X_BOOL:
		pf_buf_str(out, PF_AT(uint8_t, &k->out, i) ? "true" : "false");
		return;
	case PF_X_DEC:
		pf_format_decimal(out, PF_AT(pf_i128, &k->out, i), k->type.scale);
		return;
	case PF_X_DOUBLE:
		if (k->op == PF_N_COLUMN && k->column_kind == PF_FLOAT)
			pf_format_float(out, (float)PF_AT(double, &k->out, i));
		else
			pf_format_double(out, PF_AT(double, &k->out, i));
		return;
	case PF_X_DATE:
		n = pf_format_date(text, PF_AT(int64_t, &k->out, i));
		break;
	case PF_X_TIME:
		n = pf_format_time_ms(text, (int32_t)PF_AT(int64_t, &k->out, i),
				      k->type.precision);
		break;
	case PF_X_TS:
	case PF_X_LTZ:
		v = PF_AT(int64_t, &k->out, i);
		n = pf_format_timestamp(text, v, pf_x_units(k->type), k->type.precision);
		if (k->type.x == PF_X_LTZ)
			text[n++] = 'Z';
		break;
	default:
		pf_format_int(out, PF_AT(int64_t, &k->out, i));
		return;
	}
	pf_buf_add(out, text, n);
}

static void eval_string(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	struct pf_view *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	struct pf_buf text = { 0 };
	for (size_t i = 0; i < e->n; i++) {
		v[i] = pf_view_of("", 0);
		if (s[i] != PF_S_VALID || k->type.x == PF_X_NULL)
			continue;
		if (k->type.x == PF_X_STRING || k->type.x == PF_X_BYTES) {
			v[i] = PF_AT(struct pf_view, &k->out, i);
			continue;
		}
		text.len = 0;
		print_value(k, i, &text);
		uint8_t *p = pf_fn_text(e, text.len);
		if (!p) {
			s[i] = PF_S_LONG;
			continue;
		}
		memcpy(p, text.data, text.len);
		v[i] = pf_view_of(p, text.len);
	}
	pf_buf_free(&text);
}

const struct pf_fn pf_fns_choice[] = {
	{ "coalesce", 1, 255, bind_coalesce, eval_coalesce, "coalesce(a, b, ...)" },
	{ "if", 3, 3, bind_if, eval_if, "if(condition, then, else)" },
	{ "nullif", 2, 2, bind_coalesce, eval_nullif, "nullif(a, b)" },
	{ "least", 1, 255, bind_coalesce, eval_least, "least(a, b, ...)" },
	{ "greatest", 1, 255, bind_coalesce, eval_greatest, "greatest(a, b, ...)" },
	{ "int", 1, 1, bind_int, eval_int, "int(x)" },
	{ "double", 1, 1, bind_double, eval_double, "double(x)" },
	{ "decimal", 3, 3, bind_decimal, eval_decimal, "decimal(x, digits, decimals)" },
	{ "string", 1, 1, bind_string, eval_string, "string(x)" },
	{ .name = NULL },
};
