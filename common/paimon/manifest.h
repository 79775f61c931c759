/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests (which files were added and deleted), manifest lists (which
 * manifests a snapshot has) and index manifests, read in every layout since
 * Paimon 0.8 and written in that of 1.3 (20 fields of _FILE, 11 of the list).
 *
 * A field that we do not know and that says something makes its record
 * `foreign`: such a record can be read, but not written anew.
 *
 * Source: reference paimon-format.md section 4.
 */
#ifndef PF_PAIMON_MANIFEST_H
#define PF_PAIMON_MANIFEST_H

#include "paimon/avro.h"
#include "paimon/scan.h"

/* An entry of a manifest list. */
struct pf_manifest {
	char *name;
	int64_t size, added, deleted;
	struct pf_stats partitions;
	int64_t schema_id;
	bool has_buckets, has_levels, has_row_ids;
	int32_t min_bucket, max_bucket, min_level, max_level;
	int64_t min_row_id, max_row_id;
	const char *foreign; /* a field that we do not know, or NULL */
};

struct pf_manifests {
	struct pf_manifest *items;
	size_t n, cap;
};

/* Append the entries of manifest/<name> to the list; all in the arena. */
int pf_manifest_list_read(struct pf_table *table, const char *name,
			  struct pf_arena *arena, struct pf_manifests *list,
			  struct pf_error *err);

struct pf_data_files {
	struct pf_data_file *items;
	size_t n, cap;
};

/* Append the entries of a manifest. Only what is in the file is filled in.
 * *foreign (may be NULL): a field that we do not know, or NULL. */
int pf_manifest_read(struct pf_table *table, const char *name,
		     struct pf_arena *arena, struct pf_data_files *files,
		     const char **foreign, struct pf_error *err);

/* Where a data file's deletion vector stands in an index file. */
struct pf_index_range {
	char *name; /* of the data file */
	int64_t offset, length;
	int64_t rows; /* deleted; -1: not known (before Paimon 1.0) */
};

/* Items of an index manifest. */
struct pf_index_entry {
	char *type; /* DELETION_VECTORS, HASH, ... */
	char *name;
	int64_t size, rows;
	struct pf_view partition; /* serialized row */
	int32_t bucket;
	char *external_path;      /* or NULL */
	struct pf_index_range *ranges;
	size_t nranges;
};
int pf_index_manifest_read(struct pf_table *table, const char *name,
			   struct pf_arena *arena, struct pf_index_entry **entries,
			   size_t *n, struct pf_error *err);

/* Add a record's body to a writer begun with the schema. */
extern const char pf_manifest_schema[];
extern const char pf_manifest_list_schema[];
int pf_manifest_put(struct pf_avro_writer *w, const struct pf_data_file *file,
		    struct pf_error *err);
int pf_manifest_list_put(struct pf_avro_writer *w, const struct pf_manifest *m,
			 struct pf_error *err);

/* A shallow copy at the end of a growing array. */
void pf_data_files_add(struct pf_data_files *files, const struct pf_data_file *file);
void pf_manifests_add(struct pf_manifests *list, const struct pf_manifest *m);

/* Same (partition, bucket, level, name, extra files, embedded index, external
 * path): what a DELETE names. */
bool pf_data_file_same(const struct pf_data_file *a, const struct pf_data_file *b);
uint64_t pf_data_file_hash(const struct pf_data_file *f);

#endif
