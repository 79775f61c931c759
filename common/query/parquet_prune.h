/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows of a row group have to be looked at: statistics, then bloom
 * filters, then the page index of every column that a condition reads, then
 * what a file index has said. A missing index says nothing; none of them ever
 * leaves out a row that matches. Rows that a deletion vector names are no part
 * of the answer in any case.
 */
#ifndef PF_QUERY_PARQUET_PRUNE_H
#define PF_QUERY_PARQUET_PRUNE_H

#include "expr/datum.h"
#include "query/row_ranges.h"
#include "query/source.h"

struct pf_parquet_pruner {
	struct pf_parquet_file *file;
	const struct pf_wanted *wanted;
	struct pf_scan_counts *counts;
	/* Of wanted, in the file; -1: not there, all null. */
#define PF_PRUNE_UNKNOWN (-2)  /* there, but nothing is known about it */
	const int *columns;
	const struct pf_datum **constants; /* of wanted: in all rows, or NULL */
	const size_t *tested;  /* columns of wanted that conditions read */
	size_t ntested;
	const uint8_t *only;   /* rows of the file that can match; NULL: all */
	const uint8_t *without; /* rows that are not there; NULL: none */
	size_t group;
	int64_t base;          /* its first row, in the file */
	struct pf_row_ranges ranges; /* the result */
};

/* Fills p->ranges. base: rows of the file before the group. */
int pf_parquet_prune(struct pf_parquet_pruner *p, size_t group, int64_t base,
		     struct pf_error *err);

#endif
