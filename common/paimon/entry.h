/* SPDX-License-Identifier: Apache-2.0
 *
 * The manifest entry of a new Parquet file, made from its footer: nobody's
 * word is taken for what is in the file.
 */
#ifndef PF_PAIMON_ENTRY_H
#define PF_PAIMON_ENTRY_H

#include "arrow/layout.h"
#include "parquet/reader.h"
#include "paimon/manifest.h"

/* Columns that a file has before the table's own: those of a primary key. */
size_t pf_entry_system_columns(const struct pf_table_schema *s);

/* Does the file have the table's columns: names, types, order, field ids?
 * PF_E_SCHEMA_MISMATCH, naming the first difference. */
int pf_entry_check(const struct pf_table_schema *s, const struct pf_parquet_file *file,
		   struct pf_error *err);

/* An ADD without name, directory and sequence numbers. Everything is in the
 * arena. */
int pf_entry_make(const struct pf_table_schema *s, struct pf_parquet_file *file,
		  const struct pf_cell *cell, struct pf_arena *arena,
		  struct pf_data_file *entry, struct pf_error *err);

/* Minimum and maximum of a column over all row groups. Strings are cut to 16
 * characters, as Paimon does (truncate(16)), never tightening a bound;
 * nothing is said about floats (a NaN may hide) and bytes. */
void pf_entry_stats(const struct pf_parquet_file *file, size_t column,
		    struct pf_type type, struct pf_arena *arena,
		    struct pf_column_stats *out);

#endif
