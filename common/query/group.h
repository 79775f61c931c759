/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to groups and aggregates (tally.h), by hashing, within a bound of
 * memory: rows of groups that do not fit wait on disk until the others are given
 * out. First and last go by time, ties by the order in which rows came.
 */
#ifndef PF_QUERY_GROUP_H
#define PF_QUERY_GROUP_H

#include "query/items.h"

struct pf_group;

/* keys and items are bound to schema; both must outlive the group. time: the
 * column for first and last, -1: rows are in order. */
int pf_group_new(struct pf_items *keys, struct pf_items *items,
		 const struct pf_schema *schema, int time, size_t memory,
		 struct pf_group **group, struct pf_error *err);
void pf_group_free(struct pf_group *g); /* NULL is fine */

/* Keys, then aggregates. Borrowed. */
struct pf_schema *pf_group_schema(struct pf_group *g);

/* Take in the rows of a batch. PF_E_LIMIT when the values of the groups that
 * fitted grow beyond the memory. */
int pf_group_add(struct pf_group *g, const struct pf_batch *batch, struct pf_error *err);

/* Behind the last row: the next groups, in the order they came as far as they
 * fit in memory; rows == 0 behind the last. Without keys there is one group, also of no rows. */
int pf_group_next(struct pf_group *g, struct pf_batch *batch, struct pf_error *err);

#endif
