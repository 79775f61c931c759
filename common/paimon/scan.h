/* SPDX-License-Identifier: Apache-2.0
 *
 * The data files of a snapshot: live(S) = ADD entries of the base and delta
 * manifests minus the identifiers of DELETE entries. Manifests whose
 * partition range or bucket range cannot match are not even opened.
 *
 * Sources: reference paimon-format.md sections 4.2-4.8, 6.4, 12.
 */
#ifndef PF_PAIMON_SCAN_H
#define PF_PAIMON_SCAN_H

#include "base/arena.h"
#include "paimon/row.h"
#include "paimon/table.h"

/* Minimum, maximum (serialized rows) and null counts of some columns. */
struct pf_stats {
	struct pf_view min, max;
	int64_t *nulls; /* -1: not known; NULL: there is no such list */
	size_t n;       /* of nulls */
};

/* Where the deletion vector of a file is (see paimon/deletion.h). */
struct pf_deletion {
	char *path;   /* of the index file, for pf_place_open; NULL: no vector */
	int64_t offset, length;
	int64_t rows; /* how many are deleted; -1: not known */
};

/* A manifest entry. Everything is in the list's arena. */
struct pf_data_file {
	int32_t kind;             /* 0 ADD, 1 DELETE */
	struct pf_view partition; /* serialized row; 12 bytes when none */
	int32_t bucket, total_buckets;
	char *name;
	int64_t size, rows;
	struct pf_view min_key, max_key;
	struct pf_stats key_stats, value_stats;
	int64_t min_sequence, max_sequence;
	int64_t schema_id;
	int32_t level;
	char **extra_files;
	size_t nextra_files;
	bool has_created, has_deletes, has_index, has_source, has_stats_columns;
	bool has_first_row_id, has_write_columns;
	int64_t created_ms;       /* writer's wall clock read as UTC */
	int64_t deletes;
	struct pf_view index;     /* embedded file index */
	int32_t source;           /* 0 APPEND, 1 COMPACT */
	char **stats_columns;
	size_t nstats_columns;
	char *external_path;      /* or NULL */
	int64_t first_row_id;
	char **write_columns;
	size_t nwrite_columns;
	/* Filled by the scan. */
	char *dir;                /* "dt=2024-01-31/bucket-3" */
	char *path;               /* dir/name, for the store; of a file outside of
				   * the table its URI (see paimon/place.h) */
	struct pf_deletion deletion;
	struct pf_datum *partition_values; /* one per partition key */
	const struct pf_table_schema *schema; /* of schema_id */
};

/* Are they of one bucket of one partition? */
static inline bool pf_same_bucket(const struct pf_data_file *a, const struct pf_data_file *b)
{
	return a->bucket == b->bucket && !pf_view_cmp(a->partition, b->partition);
}

/* Statistics of a column by field id. False when the file has none that may
 * be used: not written, or the column's type is not `type` in the file's
 * schema. min and max may be null datums when only the count is known (or
 * when all values are null: nulls == rows). */
struct pf_column_stats {
	struct pf_datum min, max;
	int64_t nulls; /* -1: not known */
};
bool pf_data_file_stats(const struct pf_data_file *file, int32_t field_id,
			struct pf_type type, struct pf_column_stats *out);

/* What the files are wanted for. Rewriting a table refuses, by name, what it
 * would get wrong: deletion vectors, files outside of the table. Whoever reads
 * rows applies the vectors, and only lists take files that are not Parquet. */
enum pf_scan_use { PF_SCAN_REWRITE, PF_SCAN_READ, PF_SCAN_LIST };

struct pf_scan_filter {
	enum pf_scan_use use;
	/* Partitions to keep (values in partition-key order); NULL: all. Asked
	 * once per partition. */
	bool (*partition)(void *ctx, const struct pf_datum *values, size_t n);
	/* Can a manifest whose partitions lie between these matter? A null
	 * datum is no bound. NULL: all are read. */
	bool (*partition_range)(void *ctx, const struct pf_datum *min,
				const struct pf_datum *max, size_t n);
	/* Values of the (one-column) bucket key, any of which a file's bucket
	 * must hold; nkeys 0: any bucket. */
	const struct pf_datum *keys;
	size_t nkeys;
	/* Files to keep, after the others; NULL: all. */
	bool (*file)(void *ctx, const struct pf_data_file *file);
	void *ctx;
};

struct pf_file_list {
	struct pf_data_file *files; /* by partition bytes, bucket, then as committed */
	size_t n;
	int64_t rows, bytes;
	/* What the filter did. */
	int64_t manifests, manifests_skipped;
	int64_t live;   /* files before pruning, as far as manifests were read */
	int64_t pruned_partition, pruned_bucket, pruned_file;
	struct pf_arena arena;
};

/* The snapshot's live files that pass the filter (NULL: all, to rewrite).
 * snapshot NULL: an empty list. */
int pf_scan_files(struct pf_table *table, const struct pf_snapshot *snapshot,
		  const struct pf_scan_filter *filter, struct pf_file_list *list,
		  struct pf_error *err);
void pf_file_list_free(struct pf_file_list *list);

/* The changes that made one snapshot: entries of its delta, kinds and all,
 * without deletion vectors (which change with the index manifest). */
int pf_scan_delta(struct pf_table *table, const struct pf_snapshot *snapshot,
		  struct pf_file_list *list, struct pf_error *err);

/* The files that its commit kept with rows as they came, of any format; none where
 * there is no changelog. They are no data files: a key may be there many times. */
int pf_scan_changelog(struct pf_table *table, const struct pf_snapshot *snapshot,
		      struct pf_file_list *list, struct pf_error *err);

/* Can values of one type be read as the other without loss? What the Parquet
 * reader does. */
bool pf_scan_widens(struct pf_type from, struct pf_type to);

struct pf_cast;

/* How the columns that a reader wants lie in a file: mapping[i] is the
 * position of wanted field i (by id) in the file's own schema, whose name of
 * it is the Parquet column's, or -1 when the file is older than the column
 * (all null). Types that have changed in another way than widening need the
 * cast of casts[i] (see paimon/cast.h); where there is none, and for a caller
 * that gives no room for them (NULL), PF_E_TABLE_FEATURE. */
int pf_scan_mapping(const struct pf_table_schema *wanted,
		    const struct pf_table_schema *file_schema, int *mapping,
		    struct pf_cast *casts, struct pf_error *err);

#endif
