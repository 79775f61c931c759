/* SPDX-License-Identifier: Apache-2.0 */
#include "keyed/function.h"

#include <string.h>

static bool any_type(struct pf_type type)
{
	(void)type;
	return true;
}

static bool is_number(struct pf_type type)
{
	return pf_kind_is_integer(type.kind) || type.kind == PF_FLOAT ||
	       type.kind == PF_DOUBLE || type.kind == PF_DECIMAL;
}

/* A product of decimals may take more digits than are computed with here. */
static bool is_plain_number(struct pf_type type)
{
	return is_number(type) && type.kind != PF_DECIMAL;
}

static bool is_text(struct pf_type type)
{
	return type.kind == PF_STRING;
}

static bool is_truth(struct pf_type type)
{
	return type.kind == PF_BOOLEAN;
}

static int take(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		const struct pf_datum *in, struct pf_error *err)
{
	(void)r;
	(void)err;
	v->now = *in;
	return 0;
}

static int take_value(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		      const struct pf_datum *in, struct pf_error *err)
{
	return in->null ? 0 : take(v, r, in, err);
}

static int forget(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		  const struct pf_datum *in, struct pf_error *err)
{
	(void)r;
	(void)in;
	(void)err;
	v->now.null = true;
	return 0;
}

static int forget_value(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
			const struct pf_datum *in, struct pf_error *err)
{
	return in->null ? 0 : forget(v, r, in, err);
}

static int take_first(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		      const struct pf_datum *in, struct pf_error *err)
{
	bool first = !v->begun;
	v->begun = true;
	return first ? take(v, r, in, err) : 0;
}

static int take_first_value(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
			    const struct pf_datum *in, struct pf_error *err)
{
	return in->null ? 0 : take_first(v, r, in, err);
}

/* Equal values: the later one, as Paimon does (0.0 and -0.0). */
static int take_least(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		      const struct pf_datum *in, struct pf_error *err)
{
	if (in->null || (!v->now.null && pf_datum_cmp(&v->now, in) < 0))
		return 0;
	return take(v, r, in, err);
}

static int take_largest(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
			const struct pf_datum *in, struct pf_error *err)
{
	if (in->null || (!v->now.null && pf_datum_cmp(&v->now, in) > 0))
		return 0;
	return take(v, r, in, err);
}

static int take_and(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		    const struct pf_datum *in, struct pf_error *err)
{
	if (in->null || (!v->now.null && !v->now.i))
		return 0;
	return take(v, r, in, err);
}

static int take_or(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		   const struct pf_datum *in, struct pf_error *err)
{
	if (in->null || (!v->now.null && v->now.i))
		return 0;
	return take(v, r, in, err);
}

/* --- arithmetic --- */

static int overflow(const struct pf_keyed_rule *r, struct pf_error *err)
{
	char type[40];
	return pf_fail(err, PF_E_EXPR_VALUE,
		       "column '%s': what its versions make is too large for %s",
		       r->column, pf_type_name(r->type, type));
}

static bool fits(enum pf_kind kind, int64_t v)
{
	switch (kind) {
	case PF_TINYINT:
		return v >= INT8_MIN && v <= INT8_MAX;
	case PF_SMALLINT:
		return v >= INT16_MIN && v <= INT16_MAX;
	case PF_INT:
		return v >= INT32_MIN && v <= INT32_MAX;
	default:
		return true;
	}
}

/* More digits than the column has: null, as Paimon says. */
static void add_decimal(struct pf_datum *now, pf_i128 in)
{
	pf_i128 most = 1, sum;
	for (int i = 0; i < now->type.precision; i++)
		most *= 10;
	now->null = __builtin_add_overflow(now->dec, in, &sum) || sum >= most ||
		    sum <= -most;
	now->dec = sum;
}

static int add_signed(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		      const struct pf_datum *in, bool minus, struct pf_error *err)
{
	enum pf_kind kind = r->type.kind;
	if (in->null)
		return 0;
	if (v->now.null) {
		v->now = *in;
		if (!minus)
			return 0;
		/* From nothing: what is missing. */
		if (kind == PF_DECIMAL)
			v->now.dec = 0;
		else if (pf_kind_is_integer(kind))
			v->now.i = 0;
		else
			v->now.d = -0.0;
	}
	if (kind == PF_DECIMAL) {
		add_decimal(&v->now, minus ? -in->dec : in->dec);
	} else if (kind == PF_FLOAT) {
		float a = (float)v->now.d, b = (float)in->d;
		v->now.d = (double)(minus ? a - b : a + b);
	} else if (kind == PF_DOUBLE) {
		v->now.d = minus ? v->now.d - in->d : v->now.d + in->d;
	} else {
		int64_t sum;
		if ((minus ? __builtin_sub_overflow(v->now.i, in->i, &sum) :
			     __builtin_add_overflow(v->now.i, in->i, &sum)) ||
		    !fits(kind, sum))
			return overflow(r, err);
		v->now.i = sum;
	}
	return 0;
}

static int add_up(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		  const struct pf_datum *in, struct pf_error *err)
{
	return add_signed(v, r, in, false, err);
}

static int subtract(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		    const struct pf_datum *in, struct pf_error *err)
{
	return add_signed(v, r, in, true, err);
}

static int multiply(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		    const struct pf_datum *in, struct pf_error *err)
{
	if (in->null)
		return 0;
	if (v->now.null) {
		v->now = *in;
	} else if (r->type.kind == PF_FLOAT) {
		v->now.d = (double)((float)v->now.d * (float)in->d);
	} else if (r->type.kind == PF_DOUBLE) {
		v->now.d *= in->d;
	} else {
		int64_t product;
		if (__builtin_mul_overflow(v->now.i, in->i, &product) ||
		    !fits(r->type.kind, product))
			return overflow(r, err);
		v->now.i = product;
	}
	return 0;
}

static int divide(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		  const struct pf_datum *in, struct pf_error *err)
{
	if (in->null || v->now.null)
		return 0;
	if (r->type.kind == PF_FLOAT) {
		v->now.d = (double)((float)v->now.d / (float)in->d);
	} else if (r->type.kind == PF_DOUBLE) {
		v->now.d /= in->d;
	} else {
		if (!in->i)
			return pf_fail(err, PF_E_EXPR_VALUE,
				       "column '%s': a product is divided by zero",
				       r->column);
		if (in->i == -1 && (v->now.i == INT64_MIN || !fits(r->type.kind, -v->now.i)))
			return overflow(r, err);
		v->now.i /= in->i;
	}
	return 0;
}

/* --- texts --- */

static bool is_blank(struct pf_view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] != ' ' && !(v.data[i] >= 9 && v.data[i] <= 13) &&
		    !(v.data[i] >= 0x1c && v.data[i] <= 0x1f))
			return false;
	return true;
}

/* The part of a text up to the delimiter; the rest goes on behind it. */
static struct pf_view next_part(struct pf_view *rest, struct pf_view delimiter, bool *more)
{
	const uint8_t *end = delimiter.len && rest->len ?
		memmem(rest->data, rest->len, delimiter.data, delimiter.len) : NULL;
	struct pf_view part = *rest;
	*more = end != NULL;
	if (end) {
		part.len = (size_t)(end - rest->data);
		*rest = pf_view_of(end + delimiter.len,
				   rest->len - part.len - delimiter.len);
	}
	return part;
}

static bool has_part(struct pf_view list, struct pf_view delimiter, struct pf_view part)
{
	for (bool more = true; more;)
		if (!pf_view_cmp(next_part(&list, delimiter, &more), part))
			return true;
	return false;
}

static int join(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		const struct pf_datum *in, struct pf_error *err)
{
	struct pf_view delimiter = pf_view_str(r->delimiter);
	(void)err;
	if (in->null || is_blank(in->bytes))
		return 0;
	if (v->now.null || is_blank(v->now.bytes)) {
		v->now = *in;
		return 0;
	}
	if (v->now.bytes.data != v->text.data || v->now.bytes.len != v->text.len) {
		v->text.len = 0;
		pf_buf_add(&v->text, v->now.bytes.data, v->now.bytes.len);
	}
	struct pf_view rest = in->bytes;
	for (bool more = true; more;) {
		struct pf_view part = rest;
		if (r->distinct)
			part = next_part(&rest, delimiter, &more);
		else
			more = false;
		struct pf_view so_far = pf_view_of(v->text.data, v->text.len);
		if (r->distinct && (is_blank(part) || has_part(so_far, delimiter, part)))
			continue;
		pf_buf_add(&v->text, delimiter.data, delimiter.len);
		pf_buf_add(&v->text, part.data, part.len);
	}
	v->now.bytes = pf_view_of(v->text.data, v->text.len);
	return 0;
}

/* --- the table --- */

static const struct pf_keyed_function functions[] = {
	{ "sum", is_number, add_up, subtract, false },
	{ "product", is_plain_number, multiply, divide, false },
	{ "min", any_type, take_least, NULL, false },
	{ "max", any_type, take_largest, NULL, false },
	{ "first_value", any_type, take_first, NULL, false },
	{ "first_non_null_value", any_type, take_first_value, NULL, false },
	{ "first_not_null_value", any_type, take_first_value, NULL, false },
	{ "last_value", any_type, take, forget, true },
	{ "last_non_null_value", any_type, take_value, forget_value, true },
	{ "listagg", is_text, join, NULL, false },
	{ "bool_and", is_truth, take_and, NULL, false },
	{ "bool_or", is_truth, take_or, NULL, false },
	{ "primary-key", any_type, take, take, false },
};

const struct pf_keyed_function *pf_keyed_function_of(const char *name)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}

void pf_keyed_value_begin(struct pf_keyed_value *v, struct pf_type type)
{
	v->now = (struct pf_datum){ .type = type, .null = true };
	v->begun = false;
}

void pf_keyed_value_free(struct pf_keyed_value *v)
{
	pf_buf_free(&v->text);
	pf_buf_free(&v->spare);
}

/* What there is comes behind the older one: Paimon's aggReversed. */
int pf_keyed_value_put_before(struct pf_keyed_value *v, const struct pf_keyed_function *f,
			     const struct pf_keyed_rule *r, const struct pf_datum *in,
			     struct pf_error *err)
{
	struct pf_datum now = v->now;
	if (now.bytes.data && now.bytes.data == v->text.data) {
		struct pf_buf text = v->text;
		v->text = v->spare;
		v->spare = text;
	}
	v->now = *in;
	return f->add(v, r, &now, err);
}

int pf_keyed_value_put(struct pf_keyed_value *v, const struct pf_keyed_function *f,
		      const struct pf_keyed_rule *r, const struct pf_datum *in,
		      bool retract, struct pf_error *err)
{
	if (!retract)
		return f->add(v, r, in, err);
	if (r->ignore_retract)
		return 0;
	if (f->retract)
		return f->retract(v, r, in, err);
	return pf_fail(err, PF_E_TABLE_FEATURE,
		       "column '%s': %s cannot take back a value, and "
		       "fields.%s.ignore-retract is not set",
		       r->column, f->name, r->column);
}
