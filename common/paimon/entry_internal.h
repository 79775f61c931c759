/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of a manifest entry: what entry.c (columns, statistics) and
 * entry_key.c (the primary key) share.
 */
#ifndef PF_PAIMON_ENTRY_INTERNAL_H
#define PF_PAIMON_ENTRY_INTERNAL_H

#include <stdlib.h>

#include "base/alloc.h"
#include "paimon/entry.h"

/* Is a column of the file what the table has, as far as Parquet can tell? */
bool pf_entry_same_type(struct pf_type file, struct pf_type table);

/* Statistics of n columns of the file from `first` on. */
void pf_entry_put_stats(const struct pf_parquet_file *file, size_t first,
			const struct pf_type *types, size_t n, struct pf_arena *arena,
			struct pf_stats *out);

/* Are the columns before the table's own those that a key needs? */
int pf_entry_check_system(const struct pf_table_schema *s,
			  const struct pf_parquet_file *file, struct pf_error *err);

/* Keys, their statistics, the count of deletes; nothing for append tables. */
int pf_entry_fill_key(const struct pf_table_schema *s, struct pf_parquet_file *file,
		      struct pf_arena *arena, struct pf_data_file *e,
		      struct pf_error *err);

#endif
