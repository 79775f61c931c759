/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows of a row group: ascending, disjoint ranges that do not touch.
 * Zero-initialised is none.
 */
#ifndef PF_QUERY_ROW_RANGES_H
#define PF_QUERY_ROW_RANGES_H

#include "parquet/reader.h"

struct pf_row_ranges {
	struct pf_parquet_range *items;
	size_t n, cap;
};

/* [from, to) at or behind the end of the last range. */
void pf_ranges_push(struct pf_row_ranges *r, int64_t from, int64_t to);
/* a becomes what both share. */
void pf_ranges_intersect(struct pf_row_ranges *a, const struct pf_row_ranges *b);
int64_t pf_ranges_rows(const struct pf_row_ranges *r);
void pf_ranges_free(struct pf_row_ranges *r);

#endif
