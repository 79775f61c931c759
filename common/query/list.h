/* SPDX-License-Identifier: Apache-2.0
 *
 * What a table is made of, as rows: its data files, its snapshots; and the
 * columns of any source.
 */
#ifndef PF_QUERY_LIST_H
#define PF_QUERY_LIST_H

#include "query/source.h"

/* How many sorted runs a reader of a table with a primary key has to merge. */
struct pf_list_runs {
	size_t buckets, runs; /* 0 buckets: no such table, or it is empty */
	size_t most;          /* runs of one bucket, */
	char where[128];      /* which is there */
};

/* New builders; the caller frees them. Files of a table with a primary key come
 * by bucket, newest run first, with their keys and deletes. runs: NULL is fine. */
int pf_list_files(const char *table, const struct pf_table_source_options *options,
		  struct pf_builder **rows, struct pf_list_runs *runs,
		  struct pf_error *err);
int pf_list_snapshots(const char *table, struct pf_builder **rows, struct pf_error *err);
struct pf_builder *pf_list_columns(const struct pf_schema *schema);

/* The snapshot that the options name; NULL when the table has none at all. */
int pf_find_snapshot(struct pf_table *table, const struct pf_table_source_options *options,
		     struct pf_snapshot **snapshot, struct pf_error *err);

#endif
