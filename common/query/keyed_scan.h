/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a table with a primary key, merged while they are read. Files whose
 * key ranges do not overlap are read as those of any table. The others go
 * through a merge by key, and only what it leaves is filtered: a condition on
 * another column than the key's might leave out a row's newest version and
 * let an older one through. Conditions on the key alone are asked of the files
 * too, with all their indexes, since all versions of a row agree on them.
 *
 * Memory: half of what the question may take, for the runs of a section; when
 * they are too many for that, they become temporary ones first (load/runs.h).
 */
#ifndef PF_QUERY_KEYED_SCAN_H
#define PF_QUERY_KEYED_SCAN_H

#include "keyed/sections.h"
#include "query/parquet_scan.h"

/* The columns of versions: those wanted, and what merging needs. The caller unrefs
 * it. */
struct pf_schema *pf_keyed_versions(const struct pf_schema *wanted,
				    const struct pf_table_schema *table,
				    const struct pf_rules *rules);

/* The conditions that all versions of a row agree on. Borrows from the filter
 * and from the schema, which it is bound to; free it by
 * pf_key_filter_free(). */
struct pf_filter pf_key_filter(const struct pf_filter *filter,
			       const struct pf_schema *columns,
			       const struct pf_table_schema *table);
void pf_key_filter_free(struct pf_filter *f);

/* Where files come from. */
struct pf_keyed_files {
	int (*open)(void *ctx, const struct pf_data_file *file,
		    const struct pf_wanted *wanted, struct pf_parquet_scan **scan,
		    struct pf_error *err);
	/* It has been read. */
	void (*done)(void *ctx, const struct pf_data_file *file);
	/* By the whole filter: can a row of the file match? */
	bool (*may_match)(void *ctx, const struct pf_data_file *file);
	/* NULL, or: is it no file, but rows in memory? They are not opened. */
	bool (*rows)(void *ctx, const struct pf_data_file *file, struct pf_batch *rows);
	void *ctx;
};

struct pf_keyed_scan;

/* All is borrowed. */
int pf_keyed_scan_new(const struct pf_file_list *list,
		      const struct pf_table_schema *table, const struct pf_rules *rules,
		      const struct pf_wanted *wanted, const struct pf_keyed_files *files,
		      struct pf_scan_counts *counts, struct pf_keyed_scan **scan,
		      struct pf_error *err);
void pf_keyed_scan_free(struct pf_keyed_scan *s); /* NULL is fine */

/* Rows of wanted->schema that pass, until the next call; rows == 0 behind the
 * last. */
int pf_keyed_scan_next(struct pf_keyed_scan *s, struct pf_batch *batch,
		       struct pf_error *err);

#endif
