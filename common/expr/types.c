/* SPDX-License-Identifier: Apache-2.0
 *
 * The types of the language and those of columns; which type holds both of
 * two values.
 */
#include "expr/ast.h"

#include <stdio.h>

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
