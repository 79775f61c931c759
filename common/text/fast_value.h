/* SPDX-License-Identifier: Apache-2.0
 *
 * The short ways of values that nearly every row takes, inlined into the
 * readers. Each either appends the value and returns what follows it, or
 * appends nothing and returns NULL: the general way (text/value.h) decides
 * then. Both ways accept the same texts and give the same values.
 *
 * p may be read for 32 bytes, whatever stands there. stop: where the field
 * ends; NULL in JSON, where the byte behind a value says so itself.
 */
#ifndef PF_TEXT_FAST_VALUE_H
#define PF_TEXT_FAST_VALUE_H

#include "text/number.h"
#include "text/scan.h"
#include "text/value.h"

static inline bool pf_fast_end(const uint8_t *p, const uint8_t *stop)
{
	return stop ? p == stop : *p == ',' || *p == '}' || *p == ' ';
}

/* As pf_col_bytes for string and bytes; data may be read for 16 bytes more. */
static inline void pf_fast_bytes(struct pf_colbuf *c, const uint8_t *data, size_t len)
{
	uint8_t *to = pf_buf_room(&c->values, len + 16);
#ifdef __SSE2__
	if (len <= 16)
		_mm_storeu_si128((__m128i *)(void *)to, pf_load16(data));
	else
#endif
		memcpy(to, data, len);
	c->values.len += len;
	/* Offsets beyond 2 GiB: let the general function deal with them. */
	if (c->values.len > INT32_MAX) {
		c->values.len -= len;
		pf_col_bytes(c, data, len);
		return;
	}
	int32_t end = (int32_t)c->values.len;
	memcpy(pf_buf_room(&c->offsets, sizeof end), &end, sizeof end);
	c->offsets.len += sizeof end;
	pf_col_valid(c);
}

/* The digits at the beginning of eight bytes: how many, and their number
 * (Lemire, "Quickly parsing eight digits"). */
static inline unsigned pf_fast_eight(const uint8_t *p, uint64_t *value)
{
	uint64_t w;
	memcpy(&w, p, sizeof w);
	/* Not zero in the bytes that are no digits; what carries out of one only
	 * reaches bytes behind it. */
	uint64_t other = ((w & 0xf0f0f0f0f0f0f0f0) |
			  (((w + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) ^
			 0x3333333333333333;
	unsigned n = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
	if (!n)
		return 0;
	/* Zeros before the digits, so that they are always eight. */
	w = (w & 0x0f0f0f0f0f0f0f0f) << (64 - 8 * n);
	w = w * 10 + (w >> 8);
	*value = (((w & 0x000000ff000000ff) * 0x000f424000000064) +
		  ((w >> 16 & 0x000000ff000000ff) * 0x0000271000000001)) >> 32;
	return n;
}

/* Up to 18 digits, without leading zeros. */
static inline const uint8_t *pf_fast_digits(const uint8_t *p, uint64_t *value)
{
	const uint8_t *start = p;
	uint64_t v = 0;
	unsigned n = pf_fast_eight(p, &v);
	p += n;
	if (n == 8) {
		for (; (uint8_t)(*p - '0') < 10; p++) {
			if (p - start == 18)
				return NULL;
			v = v * 10 + (uint64_t)(*p - '0');
		}
	}
	if (p == start || (*start == '0' && p - start > 1))
		return NULL;
	*value = v;
	return p;
}

/* A decimal of at most 18 digits, none of which the column drops. */
static inline const uint8_t *pf_fast_decimal(struct pf_conv *c, struct pf_colbuf *out,
					     const uint8_t *p, const uint8_t *stop)
{
	static const int64_t powers[] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
		1000000000, 10000000000, 100000000000, 1000000000000,
		10000000000000, 100000000000000, 1000000000000000,
		10000000000000000, 100000000000000000, 1000000000000000000,
	};
	bool negative = *p == '-';
	const uint8_t *start = p + negative;
	uint64_t v;
	p = pf_fast_digits(start, &v);
	if (!p)
		return NULL;
	unsigned zeros = c->type.scale;
	if (*p == '.') {
		const uint8_t *point = ++p;
		for (; (uint8_t)(*p - '0') < 10; p++) {
			if (!zeros || p - start > 18)
				return NULL;
			v = v * 10 + (uint64_t)(*p - '0');
			zeros--;
		}
		if (p == point)
			return NULL;
	}
	if (!pf_fast_end(p, stop) || zeros > 18 ||
	    v > (uint64_t)(c->high / powers[zeros]))
		return NULL;
	int64_t value = (int64_t)v * powers[zeros];
	pf_col_i128(out, negative ? -value : value);
	return p;
}

static inline const uint8_t *pf_fast_int(struct pf_conv *c, struct pf_colbuf *out,
					 const uint8_t *p, const uint8_t *stop)
{
	uint64_t v;
	bool negative = *p == '-';
	p = pf_fast_digits(p + negative, &v);
	if (!p || !pf_fast_end(p, stop))
		return NULL;
	int64_t value = negative ? -(int64_t)v : (int64_t)v;
	if (value < c->low || value > c->high)
		return NULL;
	if (c->kind == PF_BIGINT)
		pf_col_i64(out, value);
	else if (c->kind == PF_INT)
		pf_col_i32(out, (int32_t)value);
	else
		pf_col_int(out, value);
	return p;
}

static inline const uint8_t *pf_fast_epoch(struct pf_conv *c, struct pf_colbuf *out,
					   const uint8_t *p, const uint8_t *stop)
{
	uint64_t v;
	p = pf_fast_digits(p, &v);
	if (!p || !pf_fast_end(p, stop))
		return NULL;
	return pf_conv_append_epoch(c, out, (int64_t)v) ? NULL : p;
}

/* Up to 16 digits: the mantissa and the power of ten are exact, and so the
 * quotient is the nearest double (Clinger). */
static inline const uint8_t *pf_fast_double(struct pf_conv *c, struct pf_colbuf *out,
					    const uint8_t *p, const uint8_t *stop)
{
	static const double powers[] = { 1e0,  1e1,  1e2,  1e3,	1e4,  1e5,
					 1e6,  1e7,  1e8,  1e9,	1e10, 1e11,
					 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18 };
	const uint8_t *start = p;
	bool negative = *p == '-';
	uint64_t v;
	p = pf_fast_digits(p + negative, &v);
	if (!p)
		return NULL;
	const uint8_t *point = p;
	if (*p == '.') {
		point = ++p;
		for (; (uint8_t)(*p - '0') < 10; p++) {
			if (p - start > 17)
				return NULL;
			v = v * 10 + (uint64_t)(*p - '0');
		}
		if (p == point)
			return NULL;
	}
	if (!pf_fast_end(p, stop) || v > (uint64_t)1 << 53 || p - start > 18)
		return NULL;
	double d = (double)v / powers[p - point];
	d = negative ? -d : d;
	if (c->kind == PF_DOUBLE)
		pf_col_f64(out, d);
	else
		pf_col_f32(out, pf_float_of(d, (const char *)start,
					    (size_t)(p - start)));
	return p;
}

#endif
