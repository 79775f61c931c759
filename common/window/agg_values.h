/* SPDX-License-Identifier: Apache-2.0
 *
 * One value of any type for each slot, or none: what min, max, first, last
 * keep. Fixed-width values stand in an array, strings and bytes in memory of
 * their own.
 */
#ifndef PF_WINDOW_AGG_VALUES_H
#define PF_WINDOW_AGG_VALUES_H

#include "arrow/batch.h"

struct pf_agg_values {
	enum pf_kind kind;
	size_t width;    /* of a slot's bytes; a struct for strings */
	size_t n, cap;
	uint8_t *has;    /* a byte each */
	uint8_t *bytes;  /* width each */
	size_t heap;     /* bytes of all strings */
};

void pf_agg_values_init(struct pf_agg_values *v, enum pf_kind kind);
void pf_agg_values_reserve(struct pf_agg_values *v, size_t n); /* new ones: none */
void pf_agg_values_clear(struct pf_agg_values *v);
void pf_agg_values_free(struct pf_agg_values *v);

/* The column's value, which is not null, becomes the slot's; -0.0 as 0.0 and
 * any NaN as one, since those are equal. */
void pf_agg_values_set(struct pf_agg_values *v, uint32_t slot, const struct pf_column *c,
		       int64_t row);
void pf_agg_values_unset(struct pf_agg_values *v, uint32_t slot);

/* For rows [from, from + n) that are not null: each becomes the value of its
 * slot (slots NULL: 0 to n - 1) if there is none or a greater one (sign 1; -1:
 * a less one). */
void pf_agg_values_extreme(struct pf_agg_values *v, const uint32_t *slots,
			   const struct pf_column *c, int64_t from, int64_t n, int sign);

/* pf_value_cmp of the slot's value, which there is, and the column's. */
int pf_agg_values_cmp(const struct pf_agg_values *v, uint32_t slot,
		      const struct pf_column *c, int64_t row);

/* Append a value for each slot, null where there is none. slots NULL: 0 to
 * n - 1. */
void pf_agg_values_put(const struct pf_agg_values *v, const uint32_t *slots, size_t n,
		       struct pf_colbuf *out);

size_t pf_agg_values_bytes(const struct pf_agg_values *v);

#endif
