/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/value.h"

struct pf_parquet_value pf_parquet_value_at(enum pf_kind kind,
					    const struct pf_column *c, int64_t row)
{
	struct pf_parquet_value v = { .known = true, .exact = true };
	switch (kind) {
	case PF_FLOAT:
		v.d = (double)((const float *)c->values)[row];
		break;
	case PF_DOUBLE:
		v.d = ((const double *)c->values)[row];
		break;
	case PF_DECIMAL:
		memcpy(&v.dec, (const char *)c->values + 16 * row, 16);
		break;
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		v.bytes = pf_bytes_at(c, row);
		break;
	default:
		v.i = pf_int_at(c, kind, row);
		break;
	}
	return v;
}

int pf_parquet_value_cmp(enum pf_kind kind, const struct pf_parquet_value *a,
			 const struct pf_parquet_value *b)
{
	switch (kind) {
	case PF_FLOAT:
	case PF_DOUBLE:
		if (a->d != a->d || b->d != b->d)
			return (a->d != a->d) - (b->d != b->d);
		return (a->d > b->d) - (a->d < b->d);
	case PF_DECIMAL:
		return (a->dec > b->dec) - (a->dec < b->dec);
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		return pf_view_cmp(a->bytes, b->bytes);
	default:
		return (a->i > b->i) - (a->i < b->i);
	}
}
