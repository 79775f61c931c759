/* SPDX-License-Identifier: Apache-2.0
 *
 * Floats and doubles to text.
 */
#include "arrow/value_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The least digits that read back equal: 15 always survive a text, 17 always
 * suffice for a double (6 and 9 for a float). */
static void shortest(struct pf_buf *out, double value, int least, int most,
		     bool single)
{
	char text[40];
	if (isnan(value)) {
		pf_buf_str(out, "NaN");
		return;
	}
	if (isinf(value)) {
		pf_buf_str(out, value < 0 ? "-Infinity" : "Infinity");
		return;
	}
	/* Subnormal numbers have fewer digits than others. */
	if (fabs(value) < (single ? (double)FLT_MIN : DBL_MIN))
		least = 1;
	for (int digits = least; digits <= most; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (single ? strtof(text, NULL) == (float)value :
			     strtod(text, NULL) == value)
			break;
	}
	/* A locale's comma would be no number elsewhere. */
	char *comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	pf_buf_str(out, text);
}

/* --- doubles of everyday size, exactly, in 128 bits --- */

/* A double as a whole number of units of 10^-places, exactly: `whole`, and the
 * rest in 2^shift parts. */
struct scaled {
	uint64_t mantissa;
	pf_u128 step;     /* what one in the mantissa is, in those parts */
	pf_u128 parts;    /* all of it: mantissa * step */
	unsigned shift;
	uint64_t whole;   /* 17 digits */
	pf_u128 rest;
	int exponent;     /* of ten, of the first digit */
};

enum { DIGITS = 17, LEAST_DIGITS = 15 };

static const uint64_t least_whole = 10000000000000000, most_whole = 99999999999999999;

static void scale(struct scaled *s, uint64_t mantissa, int exponent)
{
	s->mantissa = mantissa;
	s->exponent = ((exponent + 52) * 78913) >> 18; /* log10(2), rounded down */
	for (;;) {
		int places = DIGITS - 1 - s->exponent, twos = exponent + places;
		uint64_t fives = 1;
		for (int i = 0; i < places; i++)
			fives *= 5;
		s->shift = twos < 0 ? (unsigned)-twos : 0;
		s->step = (pf_u128)fives << (twos > 0 ? twos : 0);
		s->parts = s->step * mantissa;
		s->whole = (uint64_t)(s->parts >> s->shift);
		s->rest = s->parts & (((pf_u128)1 << s->shift) - 1);
		if (s->whole > most_whole)
			s->exponent++;
		else if (s->whole < least_whole)
			s->exponent--;
		else
			return;
	}
}

/* The nearest number of so many digits; is it read back as the same double?
 * unit: 10^(17 - digits). */
static bool round_to(const struct scaled *s, uint64_t unit, uint64_t *digits)
{
	pf_u128 rest = ((pf_u128)(s->whole % unit) << s->shift) | s->rest;
	pf_u128 half = (pf_u128)unit << s->shift; /* twice as much, as rest is below */
	*digits = s->whole / unit;
	if (2 * rest > half || (2 * rest == half && *digits & 1))
		++*digits;
	/* In quarters of parts: half a step to the next double, and a quarter to
	 * the one below a power of two. */
	pf_u128 is = s->parts << 2, read = (pf_u128)(*digits * unit) << (s->shift + 2);
	pf_u128 up = s->step << 1;
	pf_u128 down = s->mantissa == (uint64_t)1 << 52 ? s->step : up;
	pf_u128 off = read > is ? read - is : is - read, most = read > is ? up : down;
	return off < most || (off == most && !(s->mantissa & 1));
}

/* As %g does: digits are n of them. */
static void put_general(struct pf_buf *out, bool negative, uint64_t digits, int n,
			int exponent)
{
	char text[DIGITS + 1], *p = text + DIGITS;
	char *to = (char *)pf_buf_room(out, 40), *begin = to;
	int precision = n;
	for (; n > 1 && digits % 10 == 0; n--)
		digits /= 10;
	for (int i = 0; i < n; i++, digits /= 10)
		*--p = (char)('0' + digits % 10);
	if (negative)
		*to++ = '-';
	bool general = exponent < -4 || exponent >= precision;
	int before = general ? 1 : exponent + 1; /* digits before the point */
	if (before <= 0) {
		*to++ = '0';
		*to++ = '.';
		for (int i = before; i < 0; i++)
			*to++ = '0';
		before = 0;
	}
	for (int i = 0; i < n || i < before; i++) {
		if (i == before && before)
			*to++ = '.';
		*to++ = i < n ? p[i] : '0';
	}
	if (general) {
		unsigned e = (unsigned)(exponent < 0 ? -exponent : exponent);
		*to++ = 'e';
		*to++ = exponent < 0 ? '-' : '+';
		*to++ = (char)('0' + e / 10);
		*to++ = (char)('0' + e % 10);
	}
	out->len += (size_t)(to - begin);
}

/* The same text as shortest, without printing and reading back; false for
 * sizes whose digits would not fit. */
static bool exact_double(struct pf_buf *out, double value)
{
	struct scaled s;
	uint64_t bits, digits, unit = 100;
	double size = fabs(value);
	int n = LEAST_DIGITS;
	if (!(size >= 1e-5 && size < 1e15))
		return false;
	memcpy(&bits, &value, sizeof bits);
	const uint64_t hidden = (uint64_t)1 << 52;
	scale(&s, (bits & (hidden - 1)) | hidden, (int)(bits >> 52 & 0x7ff) - 1075);
	while (!round_to(&s, unit, &digits) && n < DIGITS) {
		unit /= 10;
		n++;
	}
	/* 999.9999... rounded up has one digit more. */
	uint64_t above = 1;
	for (int i = 0; i < n; i++)
		above *= 10;
	bool carried = digits == above;
	put_general(out, value < 0, carried ? digits / 10 : digits, n, s.exponent + carried);
	return true;
}

void pf_format_double(struct pf_buf *out, double value)
{
	if (!exact_double(out, value))
		shortest(out, value, 15, 17, false);
}

void pf_format_float(struct pf_buf *out, float value)
{
	shortest(out, (double)value, 6, 9, true);
}
