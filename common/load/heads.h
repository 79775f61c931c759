/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads of keys: their first 64 bits as a number, so that most rows compare by one
 * instruction. Rows whose heads differ are in their order; those whose heads are
 * equal have equal keys if all of the key is in the head, and are compared column
 * by column otherwise.
 */
#ifndef PF_LOAD_HEADS_H
#define PF_LOAD_HEADS_H

#include "arrow/batch.h"

/* Of all rows of a batch, whose key columns have no nulls. Returns how many of the
 * columns, from the first on, a head holds in full: with all of them equal heads are
 * equal keys, of others only the rest needs to be compared. The answer is the same
 * for all batches of a schema. */
size_t pf_heads_set(const struct pf_schema *schema, const int *keys, size_t n,
		  const struct pf_batch *b, uint64_t *heads);

/* All of these columns, as pf_key_cmp() orders values. */
int pf_heads_cmp(const struct pf_schema *schema, const int *keys, size_t n,
		 const struct pf_batch *a, int64_t row_a, const struct pf_batch *b,
		 int64_t row_b);

#endif
