/* SPDX-License-Identifier: Apache-2.0
 *
 * The data files of a snapshot, held open and read as rows of the table's
 * columns of now: found by field id, cast where a type has changed, the
 * partition as the metadata says it, without the rows that deletion vectors
 * take away. System columns (_SEQUENCE_NUMBER ...) are found by name.
 */
#ifndef PF_QUERY_TABLE_FILES_H
#define PF_QUERY_TABLE_FILES_H

#include "paimon/scan.h"
#include "query/parquet_scan.h"

struct pf_table_files;

/* table and counts are borrowed. snapshot: whose files they are, for messages. */
int pf_table_files_new(struct pf_table *table, int64_t snapshot,
		       struct pf_scan_counts *counts, struct pf_table_files **files,
		       struct pf_error *err);
void pf_table_files_free(struct pf_table_files *f); /* NULL is fine */

/* Open the files of a list, which must stay where it is, so that nobody can take
 * them away; when the system gives no more descriptors the others are opened in
 * their turn. skip: files that are none (or NULL). PF_E_VANISHED when one is
 * gone. */
int pf_table_files_hold(struct pf_table_files *f, const struct pf_file_list *list,
			bool (*skip)(void *ctx, const struct pf_data_file *file),
			void *ctx, struct pf_error *err);

/* Begin to read one of the files for the columns and by the filter given; it has
 * been read. ctx: the struct pf_table_files. */
int pf_table_files_open(void *ctx, const struct pf_data_file *file,
			const struct pf_wanted *wanted, struct pf_parquet_scan **scan,
			struct pf_error *err);
void pf_table_files_done(void *ctx, const struct pf_data_file *file);

/* Of a file, only these rows: a bit each, to be freed by the scan; NULL: those
 * that its deletion vector leaves. As pf_table_files_open. */
int pf_table_files_open_only(struct pf_table_files *f, const struct pf_data_file *file,
			     const struct pf_wanted *wanted, uint8_t *without,
			     struct pf_parquet_scan **scan, struct pf_error *err);

/* A file or vector that is not there. PF_E_VANISHED, or if the snapshot is the
 * newest one PF_E_TABLE_CORRUPT: files of an old one go when it expires. */
int pf_table_files_gone(const struct pf_table_files *f, const char *path,
			struct pf_error *err);

/* Position of a partition column among the partition's; -1: it is none. */
int pf_partition_key(const struct pf_table_schema *schema, const char *name);

#endif
