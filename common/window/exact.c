/* SPDX-License-Identifier: Apache-2.0
 *
 * A term adds less than 2^32 to a digit, so 2^30 of them fit before digits
 * have to be carried. Canonical form, which is what is written and rounded:
 * digits in [0, 2^32) but for the last, in [-2^31, 2^31), which has the sign;
 * no more of them than needed, none that is 0 at the low end.
 */
#include "window/exact.h"

#include <math.h>
#include <stdlib.h>

enum {
	WAS_NAN = 1,
	WAS_PLUS = 2,
	WAS_MINUS = 4,
	MAX_TERMS = 1 << 30,
	MAX_DIGITS = 1024, /* of bytes that are read; squares of doubles need 136 */
};
static const int64_t BASE = (int64_t)1 << 32;

static int64_t *digits(struct pf_exact *e)
{
	return e->cap ? e->many : e->few;
}

void pf_exact_free(struct pf_exact *e)
{
	if (e->cap)
		free(e->many);
	*e = (struct pf_exact){ 0 };
}

/* Make the digits of weights [from, to) exist. Returns the first of them. */
static int64_t *reach(struct pf_exact *e, int from, int to)
{
	if (!e->n)
		e->low = (int16_t)from;
	int low = e->low < from ? e->low : from;
	int high = e->low + e->n > to ? e->low + e->n : to;
	int n = high - low, shift = e->low - low;
	if (low == e->low && n == e->n)
		return digits(e) + (from - low);
	if (n > (e->cap ? e->cap : PF_EXACT_INLINE)) {
		int cap = n + n / 2;
		int64_t *many = pf_alloc((size_t)cap, sizeof *many);
		memcpy(many, digits(e), e->n * sizeof *many);
		if (e->cap)
			free(e->many);
		e->many = many;
		e->cap = (uint16_t)cap;
	}
	int64_t *d = digits(e);
	memmove(d + shift, d, e->n * sizeof *d);
	memset(d, 0, (size_t)shift * sizeof *d);
	memset(d + shift + e->n, 0, (size_t)(n - shift - e->n) * sizeof *d);
	e->low = (int16_t)low;
	e->n = (uint16_t)n;
	return d + (from - low);
}

static void carry(struct pf_exact *e)
{
	int64_t *d = digits(e), over = 0;
	for (int i = 0; i < e->n; i++) {
		int64_t v = d[i] + over;
		over = v >> 32;
		d[i] = v - over * BASE;
	}
	if (over) {
		int top = e->low + e->n;
		*reach(e, top, top + 1) = over;
	}
	e->terms = 0;
}

static void canonical(struct pf_exact *e)
{
	carry(e);
	int64_t *d = digits(e);
	int n = e->n, zeros = 0;
	if (n && (d[n - 1] < -(BASE / 2) || d[n - 1] >= BASE / 2)) {
		int64_t over = d[n - 1] >> 32;
		d[n - 1] -= over * BASE;
		int top = e->low + n;
		*reach(e, top, top + 1) = over;
		d = digits(e);
		n = e->n;
	}
	while (n && ((d[n - 1] == 0 && (n == 1 || d[n - 2] < BASE / 2)) ||
		     (d[n - 1] == -1 && n > 1 && d[n - 2] >= BASE / 2))) {
		if (d[n - 1] == -1)
			d[n - 2] -= BASE;
		n--;
	}
	while (zeros < n && !d[zeros])
		zeros++;
	memmove(d, d + zeros, (size_t)(n - zeros) * sizeof *d);
	e->low = (int16_t)(n == zeros ? 0 : e->low + zeros);
	e->n = (uint16_t)(n - zeros);
}

static void count_terms(struct pf_exact *e, uint32_t n)
{
	if (e->terms > MAX_TERMS - n)
		carry(e);
	e->terms += n;
}

static int floor_div32(int v)
{
	return v >= 0 ? v / 32 : -((31 - v) / 32);
}

/* e += +-v * 2^exponent */
static void add_bits(struct pf_exact *e, pf_u128 v, int exponent, bool negative)
{
	if (!v)
		return;
	int at = floor_div32(exponent), shift = exponent - 32 * at;
	uint32_t part[5];
	int n = 0;
	part[n++] = (uint32_t)(v << shift);
	for (v = v >> (32 - shift); v; v >>= 32)
		part[n++] = (uint32_t)v;
	count_terms(e, 1);
	int64_t *d = reach(e, at, at + n);
	for (int i = 0; i < n; i++)
		d[i] += negative ? -(int64_t)part[i] : (int64_t)part[i];
}

/* A finite double as +-m * 2^exponent, m odd or 0; false: it is not finite. */
static bool take_apart(struct pf_exact *e, double v, uint64_t *m, int *exponent,
		       bool *negative)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	int ex = bits >> 52 & 0x7ff;
	*m = bits & (((uint64_t)1 << 52) - 1);
	*negative = bits >> 63;
	if (ex == 0x7ff) {
		e->special |= *m ? WAS_NAN : *negative ? WAS_MINUS : WAS_PLUS;
		return false;
	}
	*exponent = ex ? ex - 1075 : -1074;
	if (ex)
		*m |= (uint64_t)1 << 52;
	if (*m) {
		int zeros = __builtin_ctzll(*m);
		*m >>= zeros;
		*exponent += zeros;
	}
	return true;
}

void pf_exact_add_double(struct pf_exact *e, double v)
{
	uint64_t m;
	int exponent;
	bool negative;
	if (take_apart(e, v, &m, &exponent, &negative))
		add_bits(e, m, exponent, negative);
}

void pf_exact_add_double_squared(struct pf_exact *e, double v)
{
	uint64_t m;
	int exponent;
	bool negative;
	struct pf_exact seen = { 0 };
	if (take_apart(&seen, v, &m, &exponent, &negative))
		add_bits(e, (pf_u128)m * m, 2 * exponent, false);
	e->special |= seen.special == WAS_MINUS ? WAS_PLUS : seen.special;
}

static pf_u128 magnitude(pf_i128 v)
{
	return v < 0 ? -(pf_u128)v : (pf_u128)v;
}

void pf_exact_add_int(struct pf_exact *e, pf_i128 v)
{
	add_bits(e, magnitude(v), 0, v < 0);
}

void pf_exact_add_int_squared(struct pf_exact *e, pf_i128 v)
{
	pf_u128 u = magnitude(v);
	uint64_t low = (uint64_t)u, high = (uint64_t)(u >> 64);
	add_bits(e, (pf_u128)low * low, 0, false);
	add_bits(e, (pf_u128)high * low, 65, false);
	add_bits(e, (pf_u128)high * high, 128, false);
}

static void copy(struct pf_exact *to, const struct pf_exact *from)
{
	*to = *from;
	if (from->cap) {
		to->many = pf_alloc(from->cap, sizeof *to->many);
		memcpy(to->many, from->many, from->n * sizeof *to->many);
	}
	canonical(to);
}

void pf_exact_add_product(struct pf_exact *e, const struct pf_exact *a,
			  const struct pf_exact *b, int sign)
{
	struct pf_exact x, y;
	copy(&x, a);
	copy(&y, b);
	for (int i = 0; i < x.n; i++)
		for (int j = 0; j < y.n; j++) {
			pf_i128 v = (pf_i128)digits(&x)[i] * digits(&y)[j];
			add_bits(e, magnitude(v), 32 * (x.low + y.low + i + j),
				 (v < 0) == (sign > 0));
		}
	pf_exact_free(&x);
	pf_exact_free(&y);
}

/* The 64 leading bits of a number above 0, the last of them set if anything
 * is left behind them. */
static uint64_t leading(const int64_t *d, int n, int *exponent)
{
	pf_u128 w = 0;
	int last = n > 3 ? n - 3 : 0;
	bool rest = false;
	for (int i = n - 1; i >= last; i--)
		w = w << 32 | (uint64_t)d[i];
	for (int i = 0; i < last; i++)
		rest |= d[i] != 0;
	*exponent = 32 * last;
	for (; w >> 64; w >>= 1) {
		rest |= w & 1;
		++*exponent;
	}
	return (uint64_t)w | rest;
}

double pf_exact_double(const struct pf_exact *e)
{
	if ((e->special & WAS_NAN) || e->special == (WAS_PLUS | WAS_MINUS))
		return NAN;
	if (e->special)
		return e->special == WAS_PLUS ? INFINITY : -INFINITY;
	struct pf_exact c;
	copy(&c, e);
	int64_t *d = digits(&c);
	bool negative = c.n && d[c.n - 1] < 0;
	for (int i = 0; negative && i < c.n; i++)
		d[i] = -d[i];
	canonical(&c);
	int exponent = 0;
	uint64_t top = leading(digits(&c), c.n, &exponent);
	double v = top ? ldexp((double)top, exponent + 32 * c.low) : 0;
	pf_exact_free(&c);
	return negative ? -v : v;
}

void pf_exact_write(const struct pf_exact *e, struct pf_buf *out)
{
	struct pf_exact c;
	copy(&c, e);
	if (c.n || c.special) {
		pf_buf_byte(out, c.special);
		pf_buf_add(out, &c.low, sizeof c.low);
	}
	for (int i = 0; i < c.n; i++) {
		uint32_t digit = (uint32_t)digits(&c)[i];
		pf_buf_add(out, &digit, sizeof digit);
	}
	pf_exact_free(&c);
}

bool pf_exact_add_bytes(struct pf_exact *e, struct pf_view bytes, int sign)
{
	int16_t low;
	if (!bytes.len)
		return true;
	if (bytes.len < 3 || (bytes.len - 3) % 4 || (bytes.len - 3) / 4 > MAX_DIGITS)
		return false;
	int n = (int)(bytes.len - 3) / 4;
	memcpy(&low, bytes.data + 1, sizeof low);
	if (bytes.data[0] & ~(WAS_NAN | WAS_PLUS | WAS_MINUS) || low < -MAX_DIGITS ||
	    low + n > MAX_DIGITS)
		return false;
	e->special |= bytes.data[0];
	if (!n)
		return true;
	count_terms(e, 1);
	int64_t *d = reach(e, low, low + n);
	for (int i = 0; i < n; i++) {
		uint32_t digit;
		memcpy(&digit, bytes.data + 3 + 4 * i, sizeof digit);
		int64_t v = i == n - 1 ? (int32_t)digit : (int64_t)digit;
		d[i] += sign > 0 ? v : -v;
	}
	return true;
}
