/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of a segment: rows by (ID, time), ties as they came. Keys become
 * integers first (numbers shifted to their minimum, strings replaced by the
 * rank of their distinct value), are joined into one 64-bit key where they
 * fit, and sorted by a stable least-significant-digit radix sort, which only
 * makes passes over bits that differ. Rows themselves do not move.
 *
 * Method: D. Knuth, TAOCP 3, 5.2.5; grouping before sorting because IDs
 * repeat: comparing distinct IDs once is cheaper than comparing every row's.
 */
#ifndef PF_LOAD_SORT_H
#define PF_LOAD_SORT_H

#include "arrow/batch.h"

/* Scratch memory that is kept between calls; one per thread. */
struct pf_sorter;
struct pf_sorter *pf_sorter_new(void);
void pf_sorter_free(struct pf_sorter *s); /* NULL is fine */

/* The stable order of a batch (at most 2^32 - 1 rows) by the given columns:
 * order[i] is the row that comes i-th, valid until the next call. Order of
 * values as pf_value_cmp. The columns hold no nulls: an ID and a time are
 * never null once a row was accepted. */
const uint32_t *pf_sort_rows(struct pf_sorter *s, const struct pf_batch *batch,
			     const int *columns, size_t n_columns);

/* Scratch bytes that sorting so many rows takes, for memory bounds. */
size_t pf_sort_bytes(int64_t rows);

#endif
