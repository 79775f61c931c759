/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/alloc.h"
#include "parquet/encoding.h"
#include "parquet/file.h"

/* --- may it be read as that? --- */

bool pq_convertible(const struct pq_mapping *m, struct pf_type to)
{
	struct pf_type from = m->type;
	if (pf_kind_is_integer(to.kind))
		return pf_kind_is_integer(from.kind) && from.kind <= to.kind;
	if (m->form == PQ_FORM_INT96)
		return pf_kind_is_timestamp(to.kind);
	if (pf_kind_is_timestamp(to.kind))
		return from.kind == to.kind && pf_type_units(from) <= pf_type_units(to);
	switch (to.kind) {
	case PF_DOUBLE:
		return from.kind == PF_FLOAT || from.kind == PF_DOUBLE;
	case PF_DECIMAL:
		return from.kind == PF_DECIMAL && from.scale == to.scale &&
		       from.precision <= to.precision;
	case PF_STRING:
	case PF_BYTES:
		return m->form == PQ_FORM_BYTES;
	default:
		return from.kind == to.kind;
	}
}

/* --- numbers --- */

/* Stored integers as int64, before their unit changes. */
static int64_t *load_ints(const struct pq_mapping *m, const struct pq_dense *d,
			  struct pf_buf *room)
{
	int64_t *out = (int64_t *)(void *)pq_room(room, d->n, 8);
	if (m->form == PQ_FORM_INT96) {
		for (size_t i = 0; i < d->n; i++)
			out[i] = pq_int96_micros(d->fixed + 12 * i);
	} else if (m->width == 4) {
		for (size_t i = 0; i < d->n; i++) {
			int32_t v;
			memcpy(&v, d->fixed + 4 * i, 4);
			out[i] = v;
		}
	} else if (d->n) {
		memcpy(out, d->fixed, 8 * d->n);
	}
	if (m->form == PQ_FORM_UINT && m->bits < 64)
		for (size_t i = 0; i < d->n; i++)
			out[i] = (int64_t)((uint64_t)out[i] &
					   (((uint64_t)1 << m->bits) - 1));
	return out;
}

static int scale_ints(const struct pq_mapping *m, struct pf_type to, int64_t *v,
		      size_t n, struct pf_error *err)
{
	if (m->divide > 1)
		for (size_t i = 0; i < n; i++)
			v[i] = v[i] / m->divide - (v[i] % m->divide < 0);
	if (!pf_kind_is_timestamp(to.kind))
		return 0;
	int64_t have = pf_type_units(m->type), want = pf_type_units(to);
	for (size_t i = 0; have < want && i < n; i++)
		if (__builtin_mul_overflow(v[i], want / have, &v[i]))
			return pf_fail(err, PF_E_PARQUET, "a time beyond the range of %lld digits",
				       (long long)to.precision);
	for (size_t i = 0; have > want && i < n; i++)
		v[i] = v[i] / (have / want) - (v[i] % (have / want) < 0);
	return 0;
}

#define NARROW(type, least, most)                                          \
	do {                                                               \
		type *out_ = (type *)(void *)pq_room(&room->values, n,    \
						      sizeof(type));       \
		int64_t low_ = 0, high_ = 0;                               \
		for (size_t i_ = 0; i_ < n; i_++) {                        \
			low_ = v[i_] < low_ ? v[i_] : low_;                \
			high_ = v[i_] > high_ ? v[i_] : high_;             \
			out_[i_] = (type)v[i_];                            \
		}                                                          \
		if (low_ < (least) || high_ > (most))                      \
			return pf_fail(err, PF_E_PARQUET,                  \
				       "a value beyond the range of its type"); \
		*values = out_;                                            \
	} while (0)

static int convert_ints(const struct pq_mapping *m, struct pf_type to,
			const struct pq_dense *d, struct pq_convert_room *room,
			const void **values, struct pf_error *err)
{
	size_t n = d->n;
	int64_t *v = load_ints(m, d, &room->ints);
	PF_TRY(scale_ints(m, to, v, n, err));
	switch (pf_kind_width(to.kind)) {
	case 1:
		NARROW(int8_t, INT8_MIN, INT8_MAX);
		break;
	case 2:
		NARROW(int16_t, INT16_MIN, INT16_MAX);
		break;
	case 4:
		NARROW(int32_t, INT32_MIN, INT32_MAX);
		break;
	case 16: {
		uint8_t *out = pq_room(&room->values, n, 16);
		for (size_t i = 0; i < n; i++) {
			pf_i128 wide = m->form == PQ_FORM_UINT ?
					       (pf_i128)(uint64_t)v[i] : v[i];
			memcpy(out + 16 * i, &wide, 16);
		}
		*values = out;
		break;
	}
	default:
		*values = v;
		break;
	}
	return 0;
}

static int convert_decimals(const struct pq_mapping *m, const struct pq_dense *d,
			    struct pq_convert_room *room, const void **values,
			    struct pf_error *err)
{
	uint8_t *out = pq_room(&room->values, d->n, 16);
	for (size_t i = 0; i < d->n; i++) {
		struct pf_view raw = m->width ?
			pf_view_of(d->fixed + i * m->width, m->width) : d->views[i];
		pf_i128 v;
		if (!pq_decimal_of(raw.data, raw.len, &v))
			return pf_fail(err, PF_E_PARQUET, "a decimal of more than 38 digits");
		memcpy(out + 16 * i, &v, 16);
	}
	*values = out;
	return 0;
}

static void convert_floats(const struct pq_mapping *m, struct pf_type to,
			   const struct pq_dense *d, struct pq_convert_room *room,
			   const void **values)
{
	size_t width = to.kind == PF_FLOAT ? 4 : 8;
	uint8_t *out = pq_room(&room->values, d->n, width);
	for (size_t i = 0; i < d->n; i++) {
		float f;
		if (m->form == PQ_FORM_HALF)
			f = pq_half_float((uint16_t)(d->fixed[2 * i] |
						     d->fixed[2 * i + 1] << 8));
		else
			memcpy(&f, d->fixed + 4 * i, 4);
		double wide = (double)f;
		memcpy(out + width * i, width == 4 ? (void *)&f : (void *)&wide, width);
	}
	*values = out;
}

/* Is the stored form the type's own? */
static bool as_is(const struct pq_mapping *m, struct pf_type to)
{
	if (m->form == PQ_FORM_INT)
		return m->divide == 1 && pf_kind_width(to.kind) == m->width &&
		       (!pf_kind_is_timestamp(to.kind) ||
			pf_type_units(m->type) == pf_type_units(to));
	return (m->form == PQ_FORM_FLOAT && to.kind == PF_FLOAT) ||
	       (m->form == PQ_FORM_DOUBLE && to.kind == PF_DOUBLE);
}

static int convert_numbers(const struct pq_mapping *m, struct pf_type to,
			   const struct pq_dense *d, struct pq_convert_room *room,
			   const void **values, struct pf_error *err)
{
	*values = d->fixed;
	if (as_is(m, to))
		return 0;
	switch (m->form) {
	case PQ_FORM_INT:
	case PQ_FORM_UINT:
	case PQ_FORM_INT96:
		return convert_ints(m, to, d, room, values, err);
	case PQ_FORM_DECIMAL:
		return convert_decimals(m, d, room, values, err);
	default:
		convert_floats(m, to, d, room, values);
		return 0;
	}
}

/* --- nulls back in --- */

#define SPREAD(type)                                                       \
	do {                                                               \
		for (size_t i_ = 0; i_ < page->n; i_++) {                  \
			if (pf_bit(page->valid, (int64_t)i_)) {            \
				memcpy(out + i_ * sizeof(type), in,        \
				       sizeof(type));                      \
				in += sizeof(type);                        \
			} else {                                           \
				memset(out + i_ * sizeof(type), 0,         \
				       sizeof(type));                      \
			}                                                  \
		}                                                          \
	} while (0)

static const void *spread(const struct pq_page_rows *page, size_t width,
			  const void *dense, struct pf_buf *room)
{
	if (!page->valid)
		return dense;
	const uint8_t *in = dense;
	uint8_t *out = pq_room(room, page->n, width);
	switch (width) {
	case 1:
		SPREAD(uint8_t);
		break;
	case 2:
		SPREAD(uint16_t);
		break;
	case 4:
		SPREAD(uint32_t);
		break;
	case 8:
		SPREAD(uint64_t);
		break;
	default:
		SPREAD(pf_i128);
		break;
	}
	return out;
}

static const void *bits_of(const struct pq_page_rows *page, struct pf_buf *room)
{
	uint8_t *out = pq_room(room, page->n / 8 + 1, 1);
	const uint8_t *in = page->dense.fixed;
	memset(out, 0, page->n / 8 + 1);
	for (size_t i = 0; i < page->n; i++)
		if ((!page->valid || pf_bit(page->valid, (int64_t)i)) && *in++)
			pf_bit_set(out, (int64_t)i);
	return out;
}

int pq_convert(const struct pq_mapping *m, struct pf_type to,
	       const struct pq_page_rows *page, struct pq_convert_room *room,
	       struct pf_column *out, struct pf_error *err)
{
	*out = (struct pf_column){ .validity = page->valid,
				   .nulls = (int64_t)(page->n - page->dense.n) };
	if (m->form == PQ_FORM_BYTES)
		return 0; /* straight from the views, see pq_append */
	if (m->form == PQ_FORM_BOOL) {
		out->values = bits_of(page, &room->spread);
		return 0;
	}
	const void *values;
	PF_TRY(convert_numbers(m, to, &page->dense, room, &values, err));
	out->values = spread(page, pf_kind_width(to.kind), values, &room->spread);
	return 0;
}

/* --- into the builder --- */

/* Dense values before row n. */
static size_t valid_before(const struct pq_page_rows *page, int64_t n)
{
	if (!page->valid)
		return (size_t)n;
	return (size_t)(n - pf_count_nulls(page->valid, n));
}

static struct pf_view view_at(const struct pq_page_rows *page, size_t i, size_t width)
{
	return page->dense.views ? page->dense.views[i] :
				   pf_view_of(page->dense.fixed + i * width, width);
}

static int append_views(const struct pq_page_rows *page, size_t width, int64_t from,
			int64_t to, struct pf_colbuf *out, struct pf_error *err)
{
	size_t first = valid_before(page, from), last = valid_before(page, to);
	size_t bytes = 0, k = first;
	for (size_t i = first; i < last; i++)
		bytes += view_at(page, i, width).len;
	if (bytes > INT32_MAX - out->values.len)
		return pf_fail(err, PF_E_LIMIT,
			       "more than 2 GiB of strings in one batch");
	size_t rows = (size_t)(to - from);
	uint8_t *p = pf_buf_room(&out->values, bytes + PQ_SLACK);
	int32_t *ends = (int32_t *)(void *)pf_buf_room(&out->offsets, rows * 4);
	int32_t end = (int32_t)out->values.len;
	for (size_t i = 0; i < rows; i++) {
		if (!page->valid || pf_bit(page->valid, from + (int64_t)i)) {
			struct pf_view v = view_at(page, k++, width);
			/* Behind both there is room to copy a bit more. */
			if (v.len <= PQ_SLACK)
				memcpy(p, v.data, PQ_SLACK);
			else
				memcpy(p, v.data, v.len);
			p += v.len;
			end += (int32_t)v.len;
		}
		ends[i] = end;
	}
	out->values.len += bytes;
	out->offsets.len += rows * 4;
	return 0;
}

int pq_append(const struct pq_page_rows *page, size_t width,
	      const struct pf_column *column, int64_t from, int64_t to,
	      struct pf_colbuf *out, struct pf_error *err)
{
	if (column->values || !pf_kind_is_variable(out->kind)) {
		pf_col_append(out, column, from, to - from);
		return 0;
	}
	PF_TRY(append_views(page, width, from, to, out, err));
	pf_col_append_validity(out, column, from, to - from);
	out->rows += to - from;
	return 0;
}
