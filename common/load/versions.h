/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows on their way into a table with a primary key: which of them are
 * versions of one row, and the columns that its files have. A file has one row
 * per key, sorted by it: of tables that deduplicate the newest version, by the
 * sequence columns and then by the order in which rows came; of others what the
 * merge engine makes of the versions (keyed/fold.h).
 *
 * The sequence numbers written are those of the arrival, from 0: the committer
 * moves them behind the ones in use (parquet/shift.h).
 *
 * Source: Apache Paimon, KeyValue and MergeTreeWriter (reference
 * paimon-format.md sections 8.1-8.4).
 */
#ifndef PF_LOAD_VERSIONS_H
#define PF_LOAD_VERSIONS_H

#include "arrow/layout.h"

/* What does not change from file to file. */
struct pf_versions_plan;

/* rows: the schema of the rows as they come. */
int pf_versions_plan_new(const struct pf_schema *rows, const struct pf_layout *layout,
			 struct pf_versions_plan **plan, struct pf_error *err);
void pf_versions_plan_free(struct pf_versions_plan *p); /* NULL is fine */

/* The columns of files: _KEY_ columns, sequence number, kind, table columns.
 * Borrowed, as all of the following. */
const struct pf_schema *pf_versions_schema(const struct pf_versions_plan *p);
const int *pf_versions_keys(const struct pf_versions_plan *p, size_t *n);  /* in rows */
int pf_versions_column(const struct pf_versions_plan *p, int column); /* of rows, in files */

/* What the next two take beside a batch of rows. */
#define PF_VERSIONS_ROW_BYTES 9

/* The newest versions among n rows of a batch, named by `order`, in which they
 * are sorted by the keys, equal ones as they came. Returns how many; they are the
 * first of order then. descends: the least sequence is the newest. */
size_t pf_versions_newest(const struct pf_versions_plan *p, const struct pf_batch *rows,
			  uint32_t *order, size_t n, bool descends);

/* Put the n rows named by `order`, sorted as above, into the order of their
 * versions, too: the newest of each key last. */
void pf_versions_sort(const struct pf_versions_plan *p, const struct pf_batch *rows,
		      uint32_t *order, size_t n, bool descends);

/* The batch with the columns of files; it borrows from rows and room. */
struct pf_versions_room {
	struct pf_column *columns;
	int64_t *numbers;
	int8_t *kinds;
	size_t cap;
};
struct pf_batch pf_versions_batch(const struct pf_versions_plan *p,
				  const struct pf_batch *rows,
				  struct pf_versions_room *room);
void pf_versions_room_free(struct pf_versions_room *room);

#endif
