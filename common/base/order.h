/* SPDX-License-Identifier: Apache-2.0
 *
 * Orders of plain numbers, for qsort and bsearch.
 */
#ifndef PF_BASE_ORDER_H
#define PF_BASE_ORDER_H

int pf_by_i64(const void *a, const void *b);
int pf_by_u32(const void *a, const void *b);

#endif
