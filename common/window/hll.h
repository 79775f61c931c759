/* SPDX-License-Identifier: Apache-2.0
 *
 * HyperLogLog: how many different values there are, from 2^p registers
 * (Flajolet et al., HyperLogLog, 2007). Few values are kept as sorted codes
 * of 26 + 6 bits (Heule et al., HyperLogLog in Practice, 2013), which count
 * nearly exactly; the estimate of registers is Ertl's (New cardinality
 * estimation algorithms for HyperLogLog sketches, 2017), which needs no tables
 * and has no bias. Standard error 1.04 / sqrt(2^p): 0.81 % at p = 14.
 *
 * A sketch depends on the set of hashes alone: not on their order, nor on the
 * sketches they were merged from. Zero-initialised is empty.
 */
#ifndef PF_WINDOW_HLL_H
#define PF_WINDOW_HLL_H

#include <stdbool.h>

#include "base/buf.h"

enum { PF_HLL_MIN_P = 4, PF_HLL_MAX_P = 20, PF_HLL_DEFAULT_P = 14 };

struct pf_hll {
	union {
		uint32_t *codes;
		uint8_t *registers;
	};
	uint32_t n, sorted, cap; /* of codes */
	bool dense;
};

void pf_hll_free(struct pf_hll *h);
size_t pf_hll_heap(const struct pf_hll *h, unsigned p); /* bytes */

/* All sketches that meet have the same p. */
void pf_hll_add(struct pf_hll *h, unsigned p, const uint64_t *hashes, size_t n);
double pf_hll_estimate(struct pf_hll *h, unsigned p);

/* As bytes: nothing when empty; p; then codes as varints of their differences,
 * or 128 + p and the registers. */
void pf_hll_write(struct pf_hll *h, unsigned p, struct pf_buf *out);
/* Merge such bytes. False: malformed, or of another p. */
bool pf_hll_merge(struct pf_hll *h, unsigned p, struct pf_view bytes);

#endif
