/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/batch.h"

#include <math.h>

int64_t pf_int_at(const struct pf_column *c, enum pf_kind kind, int64_t row)
{
	switch (kind) {
	case PF_BOOLEAN:
		return pf_bit(c->values, row);
	case PF_TINYINT:
		return ((const int8_t *)c->values)[row];
	case PF_SMALLINT:
		return ((const int16_t *)c->values)[row];
	case PF_INT:
	case PF_DATE:
	case PF_TIME:
		return ((const int32_t *)c->values)[row];
	case PF_BIGINT:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		return ((const int64_t *)c->values)[row];
	default:
		return 0;
	}
}

#define WIDEN(type)                                                        \
	for (size_t i_ = 0; i_ < n; i_++)                                  \
		out[i_] = ((const type *)c->values)[(size_t)from + i_]

void pf_ints_at(const struct pf_column *c, enum pf_kind kind, int64_t from, size_t n,
		int64_t *out)
{
	switch (pf_kind_width(kind)) {
	case 1:
		WIDEN(int8_t);
		break;
	case 2:
		WIDEN(int16_t);
		break;
	case 4:
		WIDEN(int32_t);
		break;
	case 8:
		WIDEN(int64_t);
		break;
	default: /* bits */
		for (size_t i = 0; i < n; i++)
			out[i] = pf_int_at(c, kind, from + (int64_t)i);
	}
}

static int cmp_doubles(double a, double b)
{
	bool nan_a = a != a, nan_b = b != b;
	if (nan_a || nan_b)
		return nan_a - nan_b;
	return (a > b) - (a < b);
}

int pf_value_cmp(enum pf_kind kind, const struct pf_column *a, int64_t row_a,
		 const struct pf_column *b, int64_t row_b)
{
	switch (kind) {
	case PF_FLOAT:
		return cmp_doubles(((const float *)a->values)[row_a],
				   ((const float *)b->values)[row_b]);
	case PF_DOUBLE:
		return cmp_doubles(((const double *)a->values)[row_a],
				   ((const double *)b->values)[row_b]);
	case PF_DECIMAL: {
		pf_i128 x, y;
		memcpy(&x, (const char *)a->values + 16 * row_a, sizeof x);
		memcpy(&y, (const char *)b->values + 16 * row_b, sizeof y);
		return (x > y) - (x < y);
	}
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		return pf_view_cmp(pf_bytes_at(a, row_a), pf_bytes_at(b, row_b));
	default: {
		int64_t x = pf_int_at(a, kind, row_a), y = pf_int_at(b, kind, row_b);
		return (x > y) - (x < y);
	}
	}
}

static bool is_negative(enum pf_kind kind, const struct pf_column *c, int64_t row)
{
	return kind == PF_FLOAT ? signbit(((const float *)c->values)[row]) :
				  signbit(((const double *)c->values)[row]);
}

int pf_key_cmp(enum pf_kind kind, const struct pf_column *a, int64_t row_a,
	       const struct pf_column *b, int64_t row_b)
{
	int c = pf_value_cmp(kind, a, row_a, b, row_b);
	double of_a;
	if (c || (kind != PF_FLOAT && kind != PF_DOUBLE))
		return c;
	of_a = kind == PF_FLOAT ? (double)((const float *)a->values)[row_a] :
				  ((const double *)a->values)[row_a];
	return of_a == 0 ? is_negative(kind, b, row_b) - is_negative(kind, a, row_a) : 0;
}

int64_t pf_count_nulls(const uint8_t *validity, int64_t n)
{
	int64_t set = 0, i = 0;
	for (; i + 64 <= n; i += 64) {
		uint64_t word;
		memcpy(&word, validity + i / 8, sizeof word);
		set += __builtin_popcountll(word);
	}
	for (; i < n; i++)
		set += pf_bit(validity, i);
	return n - set;
}

size_t pf_batch_bytes(const struct pf_batch *b)
{
	size_t bytes = 0, rows = (size_t)b->rows;
	for (size_t i = 0; i < b->schema->n; i++) {
		const struct pf_column *c = &b->columns[i];
		if (c->validity)
			bytes += rows / 8;
		if (c->child)
			bytes += rows * 4 + (size_t)c->offsets[rows] * 4 +
				 (size_t)c->child->offsets[c->offsets[rows]];
		else if (c->offsets64)
			bytes += rows * 8 + (size_t)c->offsets64[rows];
		else if (c->offsets)
			bytes += rows * 4 + (size_t)c->offsets[rows];
		else if (b->schema->fields[i].type.kind == PF_BOOLEAN)
			bytes += rows / 8;
		else
			bytes += rows * pf_kind_width(b->schema->fields[i].type.kind);
	}
	return bytes;
}
