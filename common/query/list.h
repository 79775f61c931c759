/* SPDX-License-Identifier: Apache-2.0
 *
 * What a table is made of, as rows: its data files, its snapshots; and the
 * columns of any source.
 */
#ifndef PF_QUERY_LIST_H
#define PF_QUERY_LIST_H

#include "query/source.h"

/* New builders; the caller frees them. */
int pf_list_files(const char *table, const struct pf_table_source_options *options,
		  struct pf_builder **rows, struct pf_error *err);
int pf_list_snapshots(const char *table, struct pf_builder **rows, struct pf_error *err);
struct pf_builder *pf_list_columns(const struct pf_schema *schema);

/* The snapshot that the options name; NULL when the table has none at all. */
int pf_find_snapshot(struct pf_table *table, const struct pf_table_source_options *options,
		     struct pf_snapshot **snapshot, struct pf_error *err);

#endif
