/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and times without rounding that nobody asked for.
 */
#include "expr/ast.h"

#include <math.h>
#include <stdlib.h>

#include "arrow/value_text.h"
#include "base/time.h"

pf_i128 pf_pow10(unsigned n)
{
	pf_i128 v = 1;
	while (n--)
		v *= 10;
	return v;
}

bool pf_dec_parse(struct pf_view text, pf_i128 *out, unsigned *scale,
		  unsigned *digits)
{
	size_t i = 0;
	bool negative = false, dot = false;
	unsigned any = 0;
	pf_u128 v = 0;
	*scale = *digits = 0;
	if (i < text.len && (text.data[i] == '-' || text.data[i] == '+'))
		negative = text.data[i++] == '-';
	for (; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '.' && !dot) {
			dot = true;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		any++;
		if (v || c != '0')
			++*digits;
		if (dot)
			++*scale;
		if (*digits > 38 || *scale > 38)
			return false;
		v = v * 10 + (unsigned)(c - '0');
	}
	*out = negative ? -(pf_i128)v : (pf_i128)v;
	return any > 0;
}

double pf_dec_to_double(pf_i128 v, unsigned scale)
{
	static const double exact[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,
					1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
					1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
					1e18, 1e19, 1e20, 1e21, 1e22 };
	/* Both exact, so the division rounds once. */
	if (scale <= 22 && v < (1LL << 53) && v > -(1LL << 53))
		return (double)v / exact[scale];
	char text[PF_FORMAT_DECIMAL_ROOM + 1];
	*pf_put_decimal((uint8_t *)text, v, scale) = '\0';
	return strtod(text, NULL);
}

int pf_cmp_double(double a, double b)
{
	if (a < b)
		return -1;
	if (a > b)
		return 1;
	if (a == b)
		return 0;
	return (a != a) - (b != b);
}

int pf_cmp_int_double(int64_t a, double b)
{
	if (b != b || b >= 9223372036854775808.0)
		return -1;
	if (b < -9223372036854775808.0)
		return 1;
	double whole = trunc(b);
	int64_t w = (int64_t)whole;
	if (a != w)
		return a < w ? -1 : 1;
	return b > whole ? -1 : b < whole;
}

int pf_cmp_dec(pf_i128 a, unsigned sa, pf_i128 b, unsigned sb)
{
	if (sa == sb)
		return (a > b) - (a < b);
	pf_i128 pa = pf_pow10(sa), pb = pf_pow10(sb);
	pf_i128 qa = a / pa, qb = b / pb;
	if (qa != qb)
		return qa < qb ? -1 : 1;
	/* The whole parts agree; the rests have at most 38 digits at a common
	 * scale. */
	pf_i128 ra = a % pa, rb = b % pb;
	if (sa < sb)
		ra *= pf_pow10(sb - sa);
	else
		rb *= pf_pow10(sa - sb);
	return (ra > rb) - (ra < rb);
}

bool pf_dec_rescale(pf_i128 v, unsigned from, unsigned to, pf_i128 *out)
{
	pf_i128 limit = pf_pow10(38) - 1;
	if (to >= from) {
		pf_i128 r;
		if (__builtin_mul_overflow(v, pf_pow10(to - from), &r) ||
		    r > limit || r < -limit)
			return false;
		*out = r;
		return true;
	}
	pf_i128 p = pf_pow10(from - to), q = v / p, r = v % p;
	if (r < 0)
		r = -r;
	if (r >= p - r)
		q += v < 0 ? -1 : 1;
	*out = q;
	return true;
}

static bool digits(struct pf_view t, size_t *i, unsigned n, unsigned *out)
{
	*out = 0;
	for (unsigned k = 0; k < n; k++, ++*i) {
		if (*i >= t.len || t.data[*i] < '0' || t.data[*i] > '9')
			return false;
		*out = *out * 10 + (unsigned)(t.data[*i] - '0');
	}
	return true;
}

static bool is_char(struct pf_view t, size_t i, char c)
{
	return i < t.len && t.data[i] == (uint8_t)c;
}

/* HH:MM[:SS[.ffffff]] from *i on. */
static bool time_of_day(struct pf_view t, size_t *i, int64_t *micros)
{
	unsigned h, m, s = 0;
	int64_t fraction = 0, unit = 100000;
	if (!digits(t, i, 2, &h) || !is_char(t, *i, ':'))
		return false;
	++*i;
	if (!digits(t, i, 2, &m))
		return false;
	if (is_char(t, *i, ':')) {
		++*i;
		if (!digits(t, i, 2, &s))
			return false;
		if (is_char(t, *i, '.') || is_char(t, *i, ',')) {
			size_t from = ++*i;
			for (; *i < t.len && t.data[*i] >= '0' && t.data[*i] <= '9';
			     ++*i, unit /= 10) {
				/* A seventh digit could only be rounded. */
				if (!unit && t.data[*i] != '0')
					return false;
				fraction += unit * (t.data[*i] - '0');
			}
			if (*i == from)
				return false;
		}
	}
	if (h > 23 || m > 59 || s > 59)
		return false;
	*micros = ((int64_t)h * 3600 + m * 60 + s) * 1000000 + fraction;
	return true;
}

bool pf_timeofday_parse(struct pf_view text, int64_t *micros)
{
	size_t i = 0;
	return time_of_day(text, &i, micros) && i == text.len;
}

bool pf_time_parse(struct pf_view t, int64_t *micros, bool *has_zone,
		   bool *date_only)
{
	size_t i = 0;
	unsigned y, mo, d, zh, zm = 0;
	int64_t of_day = 0, offset = 0;
	*has_zone = *date_only = false;
	if (!digits(t, &i, 4, &y) || !is_char(t, i, '-'))
		return false;
	i++;
	if (!digits(t, &i, 2, &mo) || !is_char(t, i, '-'))
		return false;
	i++;
	if (!digits(t, &i, 2, &d) || !pf_civil_valid(y, mo, d))
		return false;
	*date_only = i == t.len;
	if (!*date_only) {
		if (!is_char(t, i, 'T') && !is_char(t, i, 't') && !is_char(t, i, ' '))
			return false;
		i++;
		if (!time_of_day(t, &i, &of_day))
			return false;
	}
	if (is_char(t, i, 'Z') || is_char(t, i, 'z')) {
		*has_zone = true;
		i++;
	} else if (is_char(t, i, '+') || is_char(t, i, '-')) {
		bool west = t.data[i] == '-';
		*has_zone = true;
		i++;
		if (!digits(t, &i, 2, &zh))
			return false;
		if (is_char(t, i, ':'))
			i++;
		if (i < t.len && !digits(t, &i, 2, &zm))
			return false;
		if (zh > 23 || zm > 59)
			return false;
		offset = ((int64_t)zh * 3600 + zm * 60) * 1000000;
		offset = west ? -offset : offset;
	}
	*micros = pf_days_from_civil(y, mo, d) * 86400000000 + of_day - offset;
	return i == t.len;
}
