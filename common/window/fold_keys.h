/* SPDX-License-Identifier: Apache-2.0
 *
 * The groups that rows are folded into: (cell, key) to slots 0, 1, 2, ... in
 * the order in which they came. Cells are numbers that the caller gives.
 *
 * Rows of a data file are sorted by their entity. So a key that is one whole
 * number is kept as it is, and is only looked for when it is less than the
 * last one of its cell: the hash index is made when that happens. Other keys
 * are bytes in a hash set. Where there are no keys, each cell is a slot.
 */
#ifndef PF_WINDOW_FOLD_KEYS_H
#define PF_WINDOW_FOLD_KEYS_H

#include "window/shape.h"

struct pf_fold_keys;

struct pf_fold_keys *pf_fold_keys_new(const struct pf_shape *shape);
void pf_fold_keys_free(struct pf_fold_keys *k); /* NULL is fine */
void pf_fold_keys_clear(struct pf_fold_keys *k);

size_t pf_fold_keys_count(const struct pf_fold_keys *k);
/* Of memory, with what sorting takes. */
size_t pf_fold_keys_bytes(const struct pf_fold_keys *k);

/* Whose n rows are: keys, a column for each; cells, of each row, or NULL: all
 * are of `cell`. True: there are no keys, and all rows are of one slot. */
bool pf_fold_keys_slots(struct pf_fold_keys *k, const struct pf_column *keys, int64_t n,
			const uint32_t *cells, uint32_t cell, uint32_t *slots);

uint32_t pf_fold_keys_cell(const struct pf_fold_keys *k, uint32_t slot);
/* Append the keys of slots to columns of their types. */
void pf_fold_keys_put(const struct pf_fold_keys *k, const uint32_t *slots, size_t n,
		      struct pf_colbuf *out);

/* All slots by the rank of their cell, then by key. Allocated. ranks: of the
 * ncells cells, each once. */
uint32_t *pf_fold_keys_sorted(struct pf_fold_keys *k, const uint32_t *ranks,
			      size_t ncells);

#endif
