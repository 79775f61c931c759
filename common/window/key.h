/* SPDX-License-Identifier: Apache-2.0
 *
 * Values as bytes whose order under memcmp is the order of the values: the
 * keys of partial aggregates, which are kept sorted. Order is that of
 * pf_value_cmp, nulls last; equal values (-0.0 and 0.0, NaN and NaN) give
 * equal bytes; no key is the beginning of another. The values come back out.
 */
#ifndef PF_WINDOW_KEY_H
#define PF_WINDOW_KEY_H

#include "arrow/batch.h"

/* Append the bytes of one value. */
void pf_sortkey_add(struct pf_buf *key, enum pf_kind kind, const struct pf_column *c,
		    int64_t row);
/* Of a whole number. */
void pf_sortkey_add_int(struct pf_buf *key, int64_t value);
/* Append the next value of a key to a column, and move on. */
void pf_sortkey_take(struct pf_view *key, struct pf_colbuf *out);

/* Is it a whole number to a key: boolean, integers, date, time, timestamps? */
bool pf_sortkey_is_int(enum pf_kind kind);
/* pf_sortkey_head of one that is a key by itself. */
pf_u128 pf_sortkey_int_head(int64_t value);

/* The first 16 bytes as a number in the same order; short keys as if zeros
 * followed. */
pf_u128 pf_sortkey_head(const uint8_t *key, size_t len);

#endif
