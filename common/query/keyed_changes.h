/* SPDX-License-Identifier: Apache-2.0
 *
 * What changed in a table with a primary key from one snapshot to another: the
 * rows of keys whose merged value is not what it was, with their kinds: +I a new
 * key, -D one that is gone, -U and +U what a row was and is.
 *
 * Only files are read whose key ranges overlap those of files that came or went
 * (which ones is said by query/between.h); of these, both states are merged by
 * key, side by side. A few keys are looked up with all their indexes.
 *
 * Memory: of each sorted run of a section, before and after, one batch.
 */
#ifndef PF_QUERY_KEYED_CHANGES_H
#define PF_QUERY_KEYED_CHANGES_H

#include "query/between.h"
#include "query/filter.h"
#include "query/source.h"

struct pf_keyed_changes_of {
	struct pf_table *table; /* with the schema that rows are to have */
	const struct pf_rules *rules;
	const struct pf_snapshot *before, *after; /* before NULL: nothing */
	/* The columns that are compared and given out; the key's must be among
	 * them. */
	const struct pf_schema *columns;
	/* Bound to columns: conditions on the key alone; rows that do not pass
	 * may be left out. NULL: none. */
	const struct pf_filter *filter;
	bool prune;
	size_t memory;
	struct pf_scan_counts *counts;
};

struct pf_keyed_changes;

/* All is borrowed. The files are held open when this returns. */
int pf_keyed_changes_open(const struct pf_keyed_changes_of *of,
			  struct pf_keyed_changes **changes, struct pf_error *err);
void pf_keyed_changes_close(struct pf_keyed_changes *c); /* NULL is fine */

/* The next rows: the columns and PF_KIND_COLUMN, by partition, bucket and key,
 * -U before +U; rows == 0 behind the last. Valid until the next call. *bucket:
 * theirs; INT32_MIN: not known, their partition was written anew with another
 * count of buckets. */
int pf_keyed_changes_next(struct pf_keyed_changes *c, struct pf_batch *rows,
			  int32_t *bucket, struct pf_error *err);

/* How many snapshots were walked, and whether all of them were there. */
const struct pf_between *pf_keyed_changes_between(const struct pf_keyed_changes *c);

#endif
