/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "parquet/encoder.h"

/* --- how they stand in the file --- */

/* As parquet-java cuts in its column indexes. */
#define MOST 64

/* The longest prefix of at most MOST bytes that ends between characters. */
static size_t cut(struct pf_view v, bool text)
{
	size_t n = MOST;
	if (!text)
		return n;
	while (n > MOST - 4 && (v.data[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Make the text of n bytes the next greater one of characters: count the
 * last up, drop it when there is no greater. Returns the length, 0: none. */
static size_t next_text(uint8_t *text, size_t n)
{
	while (n) {
		size_t start = n - 1;
		while (start && n - start < 4 && (text[start] & 0xc0) == 0x80)
			start--;
		uint32_t cp;
		if (pf_utf8_decode(text + start, n - start, &cp) == n - start &&
		    cp < 0x10ffff) {
			cp = cp == 0xd7ff ? 0xe000 : cp + 1;
			return start + pf_utf8_encode(cp, text + start);
		}
		n = start;
	}
	return 0;
}

static size_t next_bytes(uint8_t *bytes, size_t n)
{
	while (n && bytes[n - 1] == 0xff)
		n--;
	if (n)
		bytes[n - 1]++;
	return n;
}

bool pq_bound_write(const struct pq_mapping *m, const struct pf_parquet_value *v,
		    bool is_max, struct pf_buf *out)
{
	if (m->form != PQ_FORM_BYTES || v->bytes.len <= MOST) {
		(void)pq_value_encode(m, v, out);
		return true;
	}
	bool text = m->type.kind == PF_STRING;
	uint8_t part[MOST + 4];
	size_t n = cut(v->bytes, text);
	memcpy(part, v->bytes.data, n);
	if (is_max)
		n = text ? next_text(part, n) : next_bytes(part, n);
	/* Nothing greater of that length: the value itself must do. */
	if (!n) {
		pf_buf_add(out, v->bytes.data, v->bytes.len);
		return true;
	}
	pf_buf_add(out, part, n);
	return false;
}

/* --- of dense values [from, to) --- */

static bool bounds_ints(const struct pq_encoder *e, size_t from, size_t to,
			struct pf_parquet_value *min, struct pf_parquet_value *max)
{
	const int64_t *v = (const int64_t *)(const void *)e->dense.data;
	int64_t low = v[from], high = v[from];
	for (size_t i = from; i < to; i++) {
		low = v[i] < low ? v[i] : low;
		high = v[i] > high ? v[i] : high;
	}
	min->i = low;
	min->dec = low;
	max->i = high;
	max->dec = high;
	return true;
}

/* NaN is left out; zeros get the sign that makes them bounds of both. */
static bool bounds_floats(const struct pq_encoder *e, size_t from, size_t to,
			  struct pf_parquet_value *min,
			  struct pf_parquet_value *max, int64_t *nans)
{
	double low = INFINITY, high = -INFINITY;
	size_t numbers = 0;
	if (e->m->width == 4) {
		const float *v = (const float *)(const void *)e->dense.data;
		for (size_t i = from; i < to; i++) {
			double d = (double)v[i];
			low = d < low ? d : low;
			high = d > high ? d : high;
			numbers += d == d;
		}
	} else {
		const double *v = (const double *)(const void *)e->dense.data;
		for (size_t i = from; i < to; i++) {
			low = v[i] < low ? v[i] : low;
			high = v[i] > high ? v[i] : high;
			numbers += v[i] == v[i];
		}
	}
	*nans += (int64_t)(to - from - numbers);
	min->d = low == 0 ? -0.0 : low;
	max->d = high == 0 ? 0.0 : high;
	return numbers > 0;
}

static bool bounds_bits(const struct pq_encoder *e, int64_t from, int64_t to,
			struct pf_parquet_value *min, struct pf_parquet_value *max)
{
	const uint8_t *valid = e->column->nulls ? e->column->validity : NULL;
	bool any[2] = { false, false };
	for (int64_t i = from; i < to && !(any[0] && any[1]); i++)
		if (!valid || pf_bit(valid, i))
			any[pf_bit(e->column->values, i)] = true;
	min->i = !any[0];
	max->i = any[1];
	return any[0] || any[1];
}

/* Most comparisons need no more than the heads. */
static void bounds_scan(const struct pf_view *v, size_t n, struct pf_view *low,
			struct pf_view *high)
{
	uint64_t low_head = pq_head(*low), high_head = pq_head(*high);
	for (size_t i = 0; i < n; i++) {
		uint64_t head = pq_head(v[i]);
		if (head < low_head || (head == low_head && pf_view_cmp(v[i], *low) < 0)) {
			*low = v[i];
			low_head = head;
		} else if (head > high_head ||
			   (head == high_head && pf_view_cmp(v[i], *high) > 0)) {
			*high = v[i];
			high_head = head;
		}
	}
}

/* Decimals in fixed bytes: bounds by their numbers. */
static void bounds_decimals(const struct pf_view *v, size_t n, pf_i128 *low,
			    pf_i128 *high)
{
	for (size_t i = 0; i < n; i++) {
		pf_i128 d = 0;
		(void)pq_decimal_of(v[i].data, v[i].len, &d);
		*low = d < *low ? d : *low;
		*high = d > *high ? d : *high;
	}
}

static bool bounds_views(struct pq_encoder *e, size_t from, size_t to,
			 struct pf_parquet_value *min, struct pf_parquet_value *max)
{
	const struct pf_view *v = pq_views(&e->dense);
	if (e->m->form == PQ_FORM_DECIMAL) {
		(void)pq_decimal_of(v[from].data, v[from].len, &min->dec);
		max->dec = min->dec;
		bounds_decimals(v + from, to - from, &min->dec, &max->dec);
		return true;
	}
	min->bytes = max->bytes = v[from];
	if (e->encoding != PQ_RLE_DICTIONARY) {
		bounds_scan(v + from, to - from, &min->bytes, &max->bytes);
		return true;
	}
	/* Compare each entry of the dictionary that the page uses once. */
	if (e->used_cap < e->dict.n) {
		e->used_cap = e->dict.n;
		e->used = pf_realloc(e->used, e->used_cap, 1);
	}
	memset(e->used, 0, e->dict.n);
	for (size_t i = from; i < to; i++)
		e->used[e->dict.codes[i]] = 1;
	for (size_t i = 0; i < e->dict.n; i++)
		if (e->used[i])
			bounds_scan(&e->dict.views[i], 1, &min->bytes, &max->bytes);
	return true;
}

bool pq_bounds_of(struct pq_encoder *e, int64_t row, int64_t row_end, size_t from,
		  size_t to, struct pf_parquet_value *min,
		  struct pf_parquet_value *max, int64_t *nans)
{
	*min = *max = (struct pf_parquet_value){ .known = true, .exact = true };
	if (from == to)
		return false;
	switch (e->kind) {
	case DENSE_BITS:
		return bounds_bits(e, row, row_end, min, max);
	case DENSE_INTS:
		return bounds_ints(e, from, to, min, max);
	case DENSE_FLOATS:
		return bounds_floats(e, from, to, min, max, nans);
	default:
		return bounds_views(e, from, to, min, max);
	}
}
