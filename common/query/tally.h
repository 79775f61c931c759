/* SPDX-License-Identifier: Apache-2.0
 *
 * One aggregate over many groups: counts, exact sums, extremes, first and last
 * values. Rows come as lists of row numbers and of their groups, so that what
 * happens to each of them is one tight loop over columns.
 *
 * Sums of integers and decimals are exact; one that does not fit its result
 * type is an error, not a wrong number. Sums of doubles carry their rounding
 * error along (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation
 * endlicher Summen", 1974), so that the order of rows hardly matters. Null
 * values count in count() only; min, max, sum and avg of nothing are null.
 */
#ifndef PF_QUERY_TALLY_H
#define PF_QUERY_TALLY_H

#include "query/items.h"

struct pf_tally;

/* Rows of a batch, their groups, and for first and last their times (NULL: the
 * order of rows is that of time). At most PF_KEY_ROWS of them. */
struct pf_grouped_rows {
	const uint32_t *rows, *groups;
	const int64_t *times;
	size_t n;
};

/* argument: the type of the item's expression. memory: for distinct values. */
int pf_tally_new(const struct pf_item *item, struct pf_type argument,
		       size_t memory, struct pf_tally **a, struct pf_error *err);
void pf_tally_free(struct pf_tally *a); /* NULL is fine */

struct pf_type pf_tally_type(const struct pf_tally *a); /* of results */
size_t pf_tally_bytes(const struct pf_tally *a);

/* There are so many groups now: new ones are empty. */
void pf_tally_groups(struct pf_tally *a, size_t n);
/* Take in rows; column: the argument's values, NULL for a count of rows. */
int pf_tally_add(struct pf_tally *a, const struct pf_column *column,
		       const struct pf_grouped_rows *rows, struct pf_error *err);
/* Memory is full: a distinct count puts aside what it does not know. */
void pf_tally_freeze(struct pf_tally *a);

/* Behind the last row, once, before results are asked for. */
int pf_tally_settle(struct pf_tally *a, struct pf_error *err);
/* Append the result of a group. */
int pf_tally_put(const struct pf_tally *a, size_t group,
		       struct pf_colbuf *out, struct pf_error *err);
/* No groups, as in the beginning. */
void pf_tally_clear(struct pf_tally *a);

#endif
