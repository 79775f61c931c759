/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of one type as columns of another would store them: what an index
 * that knows stored values has to be asked for.
 */
#include <math.h>

#include "expr/ast.h"

static bool in_kind(enum pf_kind kind, int64_t i)
{
	int unused = 64 - 8 * (int)pf_kind_width(kind);
	return (int64_t)((uint64_t)i << unused) >> unused == i;
}

static bool exact_integer(enum pf_kind kind, const struct pf_datum *v, int64_t *out)
{
	const double whole = 9007199254740992.0; /* 2^53 */
	if (pf_kind_is_integer(v->type.kind))
		*out = v->i;
	else if ((v->type.kind == PF_FLOAT || v->type.kind == PF_DOUBLE) &&
		 fabs(v->d) <= whole && floor(v->d) == v->d)
		*out = (int64_t)v->d;
	else
		return false;
	return in_kind(kind, *out);
}

static bool exact_float(enum pf_kind kind, const struct pf_datum *v, double *out)
{
	const int64_t whole = INT64_C(1) << 53;
	if (v->type.kind == PF_FLOAT || v->type.kind == PF_DOUBLE)
		*out = v->d;
	else if (pf_kind_is_integer(v->type.kind) && v->i <= whole && v->i >= -whole)
		*out = (double)v->i;
	else
		return false;
	return !isnan(*out) &&
	       (kind == PF_DOUBLE || (double)(float)*out == *out);
}

static bool exact_decimal(struct pf_type type, const struct pf_datum *v, pf_i128 *out)
{
	unsigned scale = v->type.kind == PF_DECIMAL ? v->type.scale : 0;
	pf_i128 limit = pf_pow10(type.precision);
	if (v->type.kind == PF_DECIMAL)
		*out = v->dec;
	else if (pf_kind_is_integer(v->type.kind))
		*out = v->i;
	else
		return false;
	if (scale > type.scale) {
		pf_i128 by = pf_pow10(scale - type.scale);
		if (*out % by)
			return false;
		*out /= by;
	} else if (__builtin_mul_overflow(*out, pf_pow10(type.scale - scale), out)) {
		return false;
	}
	return *out < limit && *out > -limit;
}

static bool exact_timestamp(struct pf_type type, const struct pf_datum *v,
			    int64_t *out)
{
	int64_t from = pf_type_units(v->type), to = pf_type_units(type);
	if (v->type.kind != type.kind)
		return false;
	if (from <= to)
		return !__builtin_mul_overflow(v->i, to / from, out);
	*out = v->i / (from / to);
	return v->i % (from / to) == 0;
}

bool pf_datum_exact(struct pf_type type, const struct pf_datum *value,
		    struct pf_datum *out)
{
	*out = *value;
	out->type = type;
	if (value->null)
		return false;
	switch (type.kind) {
	case PF_TINYINT:
	case PF_SMALLINT:
	case PF_INT:
	case PF_BIGINT:
		return exact_integer(type.kind, value, &out->i);
	case PF_FLOAT:
	case PF_DOUBLE:
		return exact_float(type.kind, value, &out->d);
	case PF_DECIMAL:
		return exact_decimal(type, value, &out->dec);
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		return exact_timestamp(type, value, &out->i);
	case PF_STRING:
	case PF_BYTES:
		return value->type.kind == PF_STRING || value->type.kind == PF_BYTES;
	default:
		return value->type.kind == type.kind;
	}
}
