/* SPDX-License-Identifier: Apache-2.0
 *
 * Dictionaries of the distinct values of a column, in order of appearance,
 * and the code of every value. Open addressing over an array that stays in
 * the nearest cache while there are few values; a column of many is given up
 * early, when its first thousands hardly repeat.
 */
#ifndef PF_PARQUET_DICT_H
#define PF_PARQUET_DICT_H

#include <stdbool.h>

#include "base/buf.h"

struct pq_dict {
	size_t n;              /* entries */
	size_t bytes;          /* of the entries, of views only */
	int64_t *ints;         /* the entries, of whichever kind was built */
	struct pf_view *views;
	uint32_t *codes;       /* of every value */
	/* Room, reused from column to column. */
	size_t ints_cap, views_cap, codes_cap;
	struct pq_slot {
		uint32_t tag, code; /* code + 1; 0: empty */
	} *slots;
	size_t n_slots;
};

void pq_dict_free(struct pq_dict *d);

/* false when there would be more entries (or bytes of entries) than allowed,
 * or the values hardly repeat. PQ_SLACK bytes behind views must be readable. */
bool pq_dict_ints(struct pq_dict *d, const int64_t *values, size_t n,
		  size_t max_entries);
bool pq_dict_views(struct pq_dict *d, const struct pf_view *values, size_t n,
		   size_t max_entries, size_t max_bytes);

/* The same for values that are sorted: entries are the runs, in order. false
 * when they are not sorted after all, or the limits are passed. *distinct:
 * number of runs counted, when sorted (also beyond the limits), else 0. */
bool pq_dict_sorted_ints(struct pq_dict *d, const int64_t *values, size_t n,
			 size_t max_entries, size_t *distinct);
bool pq_dict_sorted_views(struct pq_dict *d, const struct pf_view *values,
			  size_t n, size_t max_entries, size_t max_bytes,
			  size_t *distinct);

/* Number of distinct 64-bit hashes. */
size_t pq_count_distinct(const uint64_t *hashes, size_t n);

#endif
