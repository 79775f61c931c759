/* SPDX-License-Identifier: Apache-2.0 */
#include "text/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

enum { MOST_DIGITS = 38, EXPONENT_LIMIT = 100000 };

bool pf_number_read(const char *text, size_t len, struct pf_number *n)
{
	const char *p = text, *end = text + len;
	pf_u128 m = 0;
	int64_t exponent = 0, zeros = 0;
	int used = 0;
	bool any = false, point = false;
	*n = (struct pf_number){ 0 };
	if (p < end && (*p == '-' || *p == '+'))
		n->negative = *p++ == '-';
	for (; p < end; p++) {
		if (*p == '.') {
			if (point)
				return false;
			point = true;
			continue;
		}
		if (!is_digit(*p))
			break;
		any = true;
		exponent -= point;
		if (*p == '0') {
			/* Zeros count only when another digit follows. */
			zeros++;
			continue;
		}
		int64_t shift = (m ? zeros : 0) + 1;
		if (used + shift > MOST_DIGITS) {
			/* What follows is beyond any type: keep its size only. */
			n->inexact = true;
			zeros++;
			continue;
		}
		for (int64_t k = 0; k < shift; k++)
			m *= 10;
		m += (unsigned)(*p - '0');
		used += (int)shift;
		zeros = 0;
	}
	if (!any)
		return false;
	if (p < end && (*p == 'e' || *p == 'E')) {
		bool negative = false;
		int64_t e = 0;
		p++;
		if (p < end && (*p == '-' || *p == '+'))
			negative = *p++ == '-';
		if (p == end)
			return false;
		for (; p < end && is_digit(*p); p++)
			e = e > EXPONENT_LIMIT ? e : e * 10 + (*p - '0');
		exponent += negative ? -e : e;
	}
	if (p != end)
		return false;
	exponent += zeros;
	n->mantissa = m;
	n->exponent = m == 0			     ? 0 :
		      exponent > EXPONENT_LIMIT  ? EXPONENT_LIMIT :
		      exponent < -EXPONENT_LIMIT ? -EXPONENT_LIMIT :
						   (int32_t)exponent;
	return true;
}

enum pf_number_fit pf_number_int64(const struct pf_number *n, int64_t *out)
{
	pf_u128 m = n->mantissa;
	if (n->exponent < 0)
		return PF_FIT_FRACTION;
	for (int32_t e = n->exponent; e > 0; e--) {
		if (m > UINT64_MAX)
			return PF_FIT_RANGE;
		m *= 10;
	}
	const pf_u128 limit = (pf_u128)INT64_MAX + n->negative;
	if (m > limit || n->inexact)
		return PF_FIT_RANGE;
	*out = n->negative ? (int64_t)(0 - (uint64_t)m) : (int64_t)m;
	return PF_FIT;
}

static pf_u128 power_of_ten(unsigned n)
{
	pf_u128 p = 1;
	while (n--)
		p *= 10;
	return p;
}

enum pf_number_fit pf_number_decimal(const struct pf_number *n, unsigned precision,
				     unsigned scale, bool round_down, pf_i128 *out)
{
	pf_u128 m = n->mantissa;
	int64_t shift = (int64_t)n->exponent + scale;
	if (n->inexact && shift >= 0)
		return PF_FIT_RANGE;
	if (n->inexact && !round_down)
		return PF_FIT_FRACTION;
	if (shift < 0) {
		if (!round_down)
			return PF_FIT_FRACTION;
		m = -shift > MOST_DIGITS ? 0 : m / power_of_ten((unsigned)-shift);
	}
	const pf_u128 limit = power_of_ten(precision);
	for (; shift > 0 && m; shift--) {
		if (m >= limit)
			return PF_FIT_RANGE;
		m *= 10;
	}
	if (m >= limit)
		return PF_FIT_RANGE;
	*out = n->negative ? -(pf_i128)m : (pf_i128)m;
	return PF_FIT;
}

static bool special_double(const char *p, size_t len, double *out)
{
	bool negative = false;
	if (len && (*p == '-' || *p == '+')) {
		negative = *p++ == '-';
		len--;
	}
	if (len == 3 && !strncasecmp(p, "nan", 3))
		*out = (double)NAN;
	else if ((len == 3 && !strncasecmp(p, "inf", 3)) ||
		 (len == 8 && !strncasecmp(p, "infinity", 8)))
		*out = (double)INFINITY;
	else
		return false;
	if (negative)
		*out = -*out;
	return true;
}

/* Powers of ten that a double holds exactly. */
static const double exact_powers[] = {
	1e0,  1e1,  1e2,  1e3,	1e4,  1e5,  1e6,  1e7,	1e8,  1e9,  1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* Digits, point, exponent already known to be well-formed. One of the two. */
static void by_library(const char *text, size_t len, double *d, float *f)
{
	char small[64];
	char *copy = len < sizeof small ? small : pf_alloc(len + 1, 1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	/* glibc hands out a static object for the C locale. */
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (d)
		*d = strtod_l(copy, NULL, c);
	else
		*f = strtof_l(copy, NULL, c);
	freelocale(c);
	if (copy != small)
		free(copy);
}

float pf_float_of(double d, const char *text, size_t len)
{
	/* Rounding twice errs only where the double lies exactly between two
	 * floats (or floats are subnormal): there the digits decide. */
	uint64_t bits;
	float f = (float)d;
	memcpy(&bits, &d, sizeof bits);
	bool halfway = (bits & 0x1fffffff) == 0x10000000;
	if (!isfinite(d) || (!halfway && fabs(d) >= (double)FLT_MIN))
		return f;
	by_library(text, len, NULL, &f);
	return f;
}

bool pf_double_read(const char *text, size_t len, bool special, double *out)
{
	const char *p = text, *end = text + len;
	uint64_t m = 0;
	int64_t exponent = 0;
	int used = 0;
	bool any = false, point = false, negative = false, exact = true;
	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	for (; p < end; p++) {
		unsigned digit = (unsigned char)(*p - '0');
		if (digit < 10) {
			any = true;
			if (used < 19) {
				m = m * 10 + digit;
				used += m != 0;
				exponent -= point;
			} else {
				exact = false;
			}
		} else if (*p == '.' && !point) {
			point = true;
		} else {
			break;
		}
	}
	if (!any)
		return special && special_double(text, len, out);
	if (p < end && (*p == 'e' || *p == 'E')) {
		bool minus = false;
		int64_t e = 0;
		p++;
		if (p < end && (*p == '-' || *p == '+'))
			minus = *p++ == '-';
		if (p == end)
			return false;
		for (; p < end && is_digit(*p); p++)
			e = e > EXPONENT_LIMIT ? e : e * 10 + (*p - '0');
		exponent += minus ? -e : e;
	}
	if (p != end)
		return false;
	/* Both factors exact: one rounding, the right one (Clinger 1990). */
	if (exact && m <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22) {
		double d = (double)m;
		d = exponent < 0 ? d / exact_powers[-exponent] :
				   d * exact_powers[exponent];
		*out = negative ? -d : d;
		return true;
	}
	by_library(text, len, out, NULL);
	return true;
}
