/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of any numbers without rounding: a fixed point number as wide as its
 * terms need it, in digits of 32 bits that are added to without carrying (a
 * superaccumulator: R. Neal, Fast exact summation using small and large
 * superaccumulators, 2015). What is read out is the exact sum, rounded once,
 * so it depends on the terms alone and not on their order or grouping.
 *
 * Zero-initialised is 0; pf_exact_free releases. A sum may be moved with its
 * struct, so an array of them may be reallocated.
 */
#ifndef PF_WINDOW_EXACT_H
#define PF_WINDOW_EXACT_H

#include "arrow/type.h"
#include "base/buf.h"

enum { PF_EXACT_INLINE = 4 };

struct pf_exact {
	int16_t low;     /* the first digit's weight is 2^(32 low) */
	uint16_t n;      /* digits in use */
	uint16_t cap;    /* of the heap's; 0: inline */
	uint8_t special; /* bits: a term was NaN, +infinity, -infinity */
	uint32_t terms;  /* since digits were carried, at most */
	union {
		int64_t few[PF_EXACT_INLINE];
		int64_t *many;
	};
};

void pf_exact_free(struct pf_exact *e);
static inline size_t pf_exact_heap(const struct pf_exact *e) /* bytes */
{
	return e->cap * sizeof *e->many;
}

void pf_exact_add_double(struct pf_exact *e, double v);
void pf_exact_add_int(struct pf_exact *e, pf_i128 v);

/* The squares of those. */
void pf_exact_add_double_squared(struct pf_exact *e, double v);
void pf_exact_add_int_squared(struct pf_exact *e, pf_i128 v);

/* e += sign * a * b, of the finite parts. sign: 1, -1. */
void pf_exact_add_product(struct pf_exact *e, const struct pf_exact *a,
			  const struct pf_exact *b, int sign);

/* The sum to the nearest double, ties to even; infinities and NaN as if they
 * had been added. */
double pf_exact_double(const struct pf_exact *e);

/* As bytes: nothing for 0; else the special bits, low (int16), and digits as
 * a little-endian two's complement number, so that the sum is
 * digits * 2^(32 low). The same sum gives the same bytes. */
void pf_exact_write(const struct pf_exact *e, struct pf_buf *out);

/* Add such bytes (sign 1), or take them out (sign -1; infinities and NaN stay).
 * False: they are no sum. */
bool pf_exact_add_bytes(struct pf_exact *e, struct pf_view bytes, int sign);

#endif
