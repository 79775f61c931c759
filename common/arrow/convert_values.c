/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/convert_values.h"

#include <stdio.h>

int pf_convert_room(struct pf_convert_node *n, int64_t count, size_t bytes,
		    struct pf_error *err)
{
	size_t need;
	if (__builtin_mul_overflow((uint64_t)count, bytes, &need) || need > *n->room)
		return pf_fail(err, PF_E_LIMIT,
			       "column '%s': a batch takes too much memory", n->name);
	*n->room -= need;
	return 0;
}

static bool null_at(const struct pf_array *a, int64_t i)
{
	return a->validity && !pf_bit(a->validity, i);
}

static int unfit(const struct pf_convert_node *n, int64_t row, const char *value,
		 struct pf_error *err)
{
	char type[40];
	return pf_fail(err, PF_E_BAD_ROW,
		       "column '%s': %s in row %lld of a batch does not fit %s", n->name,
		       value, (long long)row, pf_type_name(n->type, type));
}

static int unfit_int(const struct pf_convert_node *n, int64_t row, int64_t value,
		     struct pf_error *err)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)value);
	return unfit(n, row, text, err);
}

/* The result's values, zeroed so that nulls are 0. */
static int new_values(struct pf_convert_node *n, const struct pf_array *a,
		      struct pf_column *out, struct pf_error *err)
{
	size_t width = pf_kind_width(n->type.kind);
	PF_TRY(pf_convert_room(n, a->length, width, err));
	n->values.len = 0;
	pf_buf_zeros(&n->values, (size_t)a->length * width + 8);
	out->values = n->values.data;
	return 0;
}

/* --- borrowed --- */

static int borrow(struct pf_convert_node *n, const struct pf_array *a,
		  struct pf_column *out, struct pf_error *err)
{
	(void)n, (void)err;
	out->values = a->values;
	return 0;
}

static int borrow_bytes(struct pf_convert_node *n, const struct pf_array *a,
			struct pf_column *out, struct pf_error *err)
{
	const int32_t *in = (const void *)a->offsets;
	out->values = a->values;
	out->offsets = in;
	if (!in[0])
		return 0;
	/* Columns begin at 0. */
	PF_TRY(pf_convert_room(n, a->length + 1, 4, err));
	n->offsets.len = 0;
	int32_t *to = (void *)pf_buf_room(&n->offsets, ((size_t)a->length + 1) * 4);
	for (int64_t i = 0; i <= a->length; i++)
		to[i] = in[i] - in[0];
	out->values = a->values + in[0];
	out->offsets = to;
	return 0;
}

static int borrow_large(struct pf_convert_node *n, const struct pf_array *a,
			struct pf_column *out, struct pf_error *err)
{
	const int64_t *in = (const void *)a->offsets;
	out->values = a->values;
	out->offsets64 = in;
	if (!in[0])
		return 0;
	PF_TRY(pf_convert_room(n, a->length + 1, 8, err));
	n->offsets.len = 0;
	int64_t *to = (void *)pf_buf_room(&n->offsets, ((size_t)a->length + 1) * 8);
	for (int64_t i = 0; i <= a->length; i++)
		to[i] = in[i] - in[0];
	out->values = a->values + in[0];
	out->offsets64 = to;
	return 0;
}

/* --- numbers --- */

static int widen(struct pf_convert_node *n, const struct pf_array *a,
		 struct pf_column *out, struct pf_error *err)
{
	PF_TRY(new_values(n, a, out, err));
	void *to = n->values.data;
	for (int64_t i = 0; i < a->length; i++) {
		if (null_at(a, i))
			continue;
		int64_t v = pf_number_at(a->values, a->field->width, false, i);
		if (v < 0) {
			char text[24];
			snprintf(text, sizeof text, "%llu", (unsigned long long)v);
			return unfit(n, i, text, err);
		}
		if (n->type.kind == PF_SMALLINT)
			((int16_t *)to)[i] = (int16_t)v;
		else if (n->type.kind == PF_INT)
			((int32_t *)to)[i] = (int32_t)v;
		else
			((int64_t *)to)[i] = v;
	}
	return 0;
}

/* IEEE 754 binary16 to binary32, exactly. */
static float half_to_float(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, fraction = h & 0x3ff;
	uint32_t exponent = h >> 10 & 0x1f, bits;
	if (exponent == 31) {
		bits = 0x7f800000 | fraction << 13;
	} else if (exponent) {
		bits = (exponent + 112) << 23 | fraction << 13;
	} else if (fraction) {
		exponent = 113;
		while (!(fraction & 0x400)) {
			fraction <<= 1;
			exponent--;
		}
		bits = exponent << 23 | (fraction & 0x3ff) << 13;
	} else {
		bits = 0;
	}
	bits |= sign;
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

static int half(struct pf_convert_node *n, const struct pf_array *a,
		struct pf_column *out, struct pf_error *err)
{
	PF_TRY(new_values(n, a, out, err));
	float *to = (void *)n->values.data;
	const uint16_t *in = (const void *)a->values;
	for (int64_t i = 0; i < a->length; i++)
		to[i] = half_to_float(in[i]);
	return 0;
}

static pf_i128 most_of(unsigned precision)
{
	pf_i128 most = 1;
	while (precision--)
		most *= 10;
	return most - 1;
}

/* A value of 32 to 256 bits as 128; false: it does not fit. */
static bool decimal_at(const struct pf_array *a, int64_t i, pf_i128 *v)
{
	size_t bytes = (size_t)a->field->width / 8;
	const uint8_t *p = a->values + (size_t)i * bytes;
	if (bytes < 16) {
		*v = pf_number_at(a->values, a->field->width, true, i);
		return true;
	}
	memcpy(v, p, sizeof *v);
	if (bytes == 16)
		return true;
	pf_i128 high;
	memcpy(&high, p + 16, sizeof high);
	return high == (*v < 0 ? -1 : 0);
}

static int decimal(struct pf_convert_node *n, const struct pf_array *a,
		   struct pf_column *out, struct pf_error *err)
{
	pf_i128 most = most_of(n->type.precision), v;
	bool borrowed = a->field->width == 128 && (uintptr_t)a->values % 16 == 0;
	if (borrowed)
		out->values = a->values;
	else
		PF_TRY(new_values(n, a, out, err));
	for (int64_t i = 0; i < a->length; i++) {
		bool fits = decimal_at(a, i, &v) && v <= most && v >= -most;
		if (!fits) {
			if (!null_at(a, i))
				return unfit(n, i, "a decimal", err);
			v = 0;
		}
		if (!borrowed)
			memcpy(n->values.data + 16 * (size_t)i, &v, sizeof v);
	}
	return 0;
}

/* --- time --- */

enum { DAY_MS = 86400000 };

static int date64(struct pf_convert_node *n, const struct pf_array *a,
		  struct pf_column *out, struct pf_error *err)
{
	const int64_t *in = (const void *)a->values;
	PF_TRY(new_values(n, a, out, err));
	int32_t *to = (void *)n->values.data;
	for (int64_t i = 0; i < a->length; i++) {
		if (null_at(a, i))
			continue;
		int64_t days = in[i] / DAY_MS;
		if (in[i] % DAY_MS || days < INT32_MIN || days > INT32_MAX)
			return unfit_int(n, i, in[i], err);
		to[i] = (int32_t)days;
	}
	return 0;
}

static int time_of_day(struct pf_convert_node *n, const struct pf_array *a,
		       struct pf_column *out, struct pf_error *err)
{
	static const int64_t per_ms[] = { 1, 1, 1000, 1000000 };
	const struct pf_arrow_field *f = a->field;
	bool same = f->unit == PF_UNIT_MS;
	int32_t *to = NULL;
	if (same) {
		out->values = a->values;
	} else {
		PF_TRY(new_values(n, a, out, err));
		to = (void *)n->values.data;
	}
	for (int64_t i = 0; i < a->length; i++) {
		int64_t v = pf_number_at(a->values, f->width, true, i);
		int64_t divisor = per_ms[f->unit];
		int64_t most = f->unit == PF_UNIT_S ? DAY_MS / 1000 : DAY_MS * divisor;
		if (v < 0 || v >= most || v % divisor) {
			if (!null_at(a, i))
				return unfit_int(n, i, v, err);
			continue;
		}
		if (!same)
			to[i] = (int32_t)(f->unit == PF_UNIT_S ? v * 1000 : v / divisor);
	}
	return 0;
}

static int seconds(struct pf_convert_node *n, const struct pf_array *a,
		   struct pf_column *out, struct pf_error *err)
{
	const int64_t *in = (const void *)a->values;
	PF_TRY(new_values(n, a, out, err));
	int64_t *to = (void *)n->values.data;
	for (int64_t i = 0; i < a->length; i++)
		if (!null_at(a, i) && __builtin_mul_overflow(in[i], 1000, &to[i]))
			return unfit_int(n, i, in[i], err);
	return 0;
}

static int nanoseconds(struct pf_convert_node *n, const struct pf_array *a,
		       struct pf_column *out, struct pf_error *err)
{
	const int64_t *in = (const void *)a->values;
	PF_TRY(new_values(n, a, out, err));
	int64_t *to = (void *)n->values.data;
	for (int64_t i = 0; i < a->length; i++) {
		if (null_at(a, i))
			continue;
		if (in[i] % 1000)
			return unfit_int(n, i, in[i], err);
		to[i] = in[i] / 1000;
	}
	return 0;
}

/* --- bytes --- */

static int too_long(const struct pf_convert_node *n, struct pf_error *err)
{
	return pf_fail(err, PF_E_LIMIT,
		       "column '%s': a batch has more than 2 GiB of text", n->name);
}

static int shrink_offsets(struct pf_convert_node *n, const struct pf_array *a,
			  struct pf_column *out, struct pf_error *err)
{
	const int64_t *in = (const void *)a->offsets;
	if (in[a->length] - in[0] > INT32_MAX)
		return too_long(n, err);
	PF_TRY(pf_convert_room(n, a->length + 1, 4, err));
	n->offsets.len = 0;
	int32_t *to = (void *)pf_buf_room(&n->offsets, ((size_t)a->length + 1) * 4);
	for (int64_t i = 0; i <= a->length; i++)
		to[i] = (int32_t)(in[i] - in[0]);
	out->values = a->values + in[0];
	out->offsets = to;
	return 0;
}

static int views(struct pf_convert_node *n, const struct pf_array *a,
		 struct pf_column *out, struct pf_error *err)
{
	PF_TRY(pf_convert_room(n, a->length + 1, 4, err));
	n->offsets.len = n->values.len = 0;
	int32_t *to = (void *)pf_buf_room(&n->offsets, ((size_t)a->length + 1) * 4);
	to[0] = 0;
	for (int64_t i = 0; i < a->length; i++) {
		int32_t part[4];
		const uint8_t *view = a->values + 16 * (size_t)i, *data = view + 4;
		if (!null_at(a, i)) {
			memcpy(part, view, sizeof part);
			if (part[0] > 12)
				data = a->views[part[2]].data + part[3];
			PF_TRY(pf_convert_room(n, part[0], 1, err));
			if ((size_t)part[0] > INT32_MAX - n->values.len)
				return too_long(n, err);
			pf_buf_add(&n->values, data, (size_t)part[0]);
		}
		to[i + 1] = (int32_t)n->values.len;
	}
	pf_buf_room(&n->values, 8);
	out->values = n->values.data;
	out->offsets = to;
	return 0;
}

static int fixed_bytes(struct pf_convert_node *n, const struct pf_array *a,
		       struct pf_column *out, struct pf_error *err)
{
	int64_t bytes;
	if (__builtin_mul_overflow(a->length, (int64_t)a->field->width, &bytes) ||
	    bytes > INT32_MAX)
		return too_long(n, err);
	PF_TRY(pf_convert_room(n, a->length + 1, 4, err));
	n->offsets.len = 0;
	int32_t *to = (void *)pf_buf_room(&n->offsets, ((size_t)a->length + 1) * 4);
	for (int64_t i = 0; i <= a->length; i++)
		to[i] = (int32_t)(i * a->field->width);
	out->values = a->values;
	out->offsets = to;
	return 0;
}

static int all_null(struct pf_convert_node *n, const struct pf_array *a,
		    struct pf_column *out, struct pf_error *err)
{
	PF_TRY(pf_convert_room(n, a->length, 5, err));
	n->offsets.len = n->validity.len = 0;
	pf_buf_zeros(&n->offsets, ((size_t)a->length + 1) * 4);
	pf_buf_zeros(&n->validity, (size_t)a->length / 8 + 1);
	out->values = n->validity.data;
	out->offsets = (const void *)n->offsets.data;
	out->validity = a->length ? n->validity.data : NULL;
	out->nulls = a->length;
	return 0;
}

/* --- choice --- */

static pf_convert_run *integer(const struct pf_arrow_field *f, struct pf_type *type)
{
	int rank = f->width == 8 ? 0 : f->width == 16 ? 1 : f->width == 32 ? 2 : 3;
	if (!f->is_signed && rank < 3)
		rank++;
	type->kind = (enum pf_kind)(PF_TINYINT + rank);
	return f->is_signed ? borrow : widen;
}

static pf_convert_run *timestamp(const struct pf_arrow_field *f, struct pf_type *type)
{
	static pf_convert_run *const runs[] = { seconds, borrow, borrow, nanoseconds };
	static const uint8_t digits[] = { 0, 3, 6, 6 };
	type->kind = f->zone ? PF_TIMESTAMP_LTZ : PF_TIMESTAMP;
	type->precision = digits[f->unit];
	return runs[f->unit];
}

pf_convert_run *pf_convert_plain(const struct pf_arrow_field *f, struct pf_type *type)
{
	*type = (struct pf_type){ .kind = PF_STRING };
	switch (f->id) {
	case PF_ARROW_NULL:
		return all_null;
	case PF_ARROW_UTF8:
		return borrow_bytes;
	case PF_ARROW_LARGE_UTF8:
		return shrink_offsets;
	case PF_ARROW_UTF8_VIEW:
		return views;
	case PF_ARROW_INT:
		return integer(f, type);
	case PF_ARROW_TIMESTAMP:
		return timestamp(f, type);
	default:
		break;
	}
	type->kind = PF_BYTES;
	switch (f->id) {
	case PF_ARROW_BINARY:
		return borrow_bytes;
	case PF_ARROW_LARGE_BINARY: {
		/* ParaFlow's own columns of segments stay as they are. */
		const char *said = pf_meta_get(&f->meta, "pf:type");
		bool large = said && !strcmp(said, "large_bytes");
		if (large)
			type->kind = PF_LARGE_BYTES;
		return large ? borrow_large : shrink_offsets;
	}
	case PF_ARROW_BINARY_VIEW:
		return views;
	case PF_ARROW_FIXED_BINARY:
		return fixed_bytes;
	case PF_ARROW_BOOL:
		type->kind = PF_BOOLEAN;
		return borrow;
	case PF_ARROW_FLOAT:
		type->kind = f->width == 64 ? PF_DOUBLE : PF_FLOAT;
		return f->width == 16 ? half : borrow;
	case PF_ARROW_DECIMAL:
		type->kind = PF_DECIMAL;
		type->precision = (uint8_t)(f->precision < 38 ? f->precision : 38);
		type->scale = (uint8_t)f->scale;
		return f->scale >= 0 && f->scale <= type->precision ? decimal : NULL;
	case PF_ARROW_DATE:
		type->kind = PF_DATE;
		return f->unit == PF_UNIT_DAY ? borrow : date64;
	case PF_ARROW_TIME:
		type->kind = PF_TIME;
		type->precision = f->unit == PF_UNIT_S ? 0 : 3;
		return time_of_day;
	default:
		return NULL;
	}
}
