/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers out of text, exactly. A text that is not entirely a number (sign,
 * digits, point, exponent; no blanks) is refused.
 */
#ifndef PF_TEXT_NUMBER_H
#define PF_TEXT_NUMBER_H

#include "arrow/type.h"

/* mantissa x 10^exponent; trailing zeros of the text are in the exponent. */
struct pf_number {
	pf_u128 mantissa;
	int32_t exponent;
	bool negative;
	bool inexact; /* more than 38 significant digits */
};

bool pf_number_read(const char *text, size_t len, struct pf_number *n);

enum pf_number_fit { PF_FIT, PF_FIT_FRACTION, PF_FIT_RANGE };

/* 17850.0 and 1e3 are integers, 17850.5 is a fraction. */
enum pf_number_fit pf_number_int64(const struct pf_number *n, int64_t *out);

/* FRACTION: more digits than the scale has, and not round_down (towards
 * zero). RANGE: more than precision digits. */
enum pf_number_fit pf_number_decimal(const struct pf_number *n, unsigned precision,
				     unsigned scale, bool round_down, pf_i128 *out);

/* The nearest double; also takes nan, inf, infinity (any case) when
 * special. false: not a number. Too large is infinite. */
bool pf_double_read(const char *text, size_t len, bool special, double *out);

/* The float nearest to the digits, of which d is the nearest double. */
float pf_float_of(double d, const char *text, size_t len);

#endif
