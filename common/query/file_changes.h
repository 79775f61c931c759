/* SPDX-License-Identifier: Apache-2.0
 *
 * What changed in a table without a primary key from one snapshot to another:
 * rows that were added (+I) and rows that are gone (-D), as sets in which a row
 * may be several times.
 *
 * Where files were only added, and compacted, the rows of those added are it, in
 * the order of the commits. Otherwise the files that only one of the two
 * snapshots has are told apart partition by partition; if both sides have some,
 * or a compaction stands between, the rows of both are sorted and what is in
 * both is left out. Deletion vectors are compared bit by bit.
 *
 * Memory: that of two sorts, which put aside what they have no room for.
 */
#ifndef PF_QUERY_FILE_CHANGES_H
#define PF_QUERY_FILE_CHANGES_H

#include "query/between.h"
#include "query/filter.h"
#include "query/source.h"

struct pf_file_changes_of {
	struct pf_table *table; /* with the schema that rows are to have */
	const struct pf_snapshot *before, *after; /* before NULL: nothing */
	/* All of the table's. Of them, so many are given out; the others are only
	 * compared, where that has to be. */
	const struct pf_schema *columns;
	size_t needed;
	size_t memory;
	struct pf_scan_counts *counts;
};

struct pf_file_changes;

/* All is borrowed. The files are held open when this returns. */
int pf_file_changes_open(const struct pf_file_changes_of *of, struct pf_file_changes **changes,
			 struct pf_error *err);
void pf_file_changes_close(struct pf_file_changes *c); /* NULL is fine */

/* The next rows, all of one kind, of the columns; rows == 0 behind the last.
 * Valid until the next call; others may stand behind the columns needed. */
int pf_file_changes_next(struct pf_file_changes *c, struct pf_batch *rows,
			 enum pf_row_kind *kind, struct pf_error *err);

#endif
