/* SPDX-License-Identifier: Apache-2.0
 *
 * An Apache Paimon table as a directory of files: its schemas and snapshots.
 * Reading takes nothing but the layout on disk (no catalog). What we cannot
 * do right is refused by name (PF_E_TABLE_FEATURE), at the latest point where
 * it matters: metadata of any table can be listed, rows can be read from
 * most (of tables with a primary key by keyed/), commits go to the tables that pf_table_writable() accepts.
 *
 * Sources: reference paimon-format.md sections 1-3, 10.3, 12.
 */
#ifndef PF_PAIMON_TABLE_H
#define PF_PAIMON_TABLE_H

#include "arrow/layout.h"
#include "store/store.h"

struct pf_table_field {
	char *name;
	char *type_text;  /* as the schema says it, "TIMESTAMP(9)", "ROW" */
	int32_t id;
	bool known;       /* type is one of ours */
	bool cut;         /* read as timestamp(6), has more digits in the table */
	char *nested;     /* the whole of a nested type, which is read as a string
			   * of JSON text (see parquet/nested.h); else NULL */
	bool nullable;
	struct pf_type type;
};

/* schema/schema-N. Immutable once read; lives as long as its table. */
struct pf_table_schema {
	int64_t id;
	int32_t highest_id;
	struct pf_table_field *fields;
	size_t n;
	char **partition_keys;
	size_t npartition_keys;
	char **primary_keys;
	size_t nprimary_keys;
	struct pf_meta options;
	int32_t buckets;      /* option bucket; -1 unaware, -2 postpone */
	char **bucket_key;    /* names; none for unaware tables */
	size_t nbucket_key;
	int64_t time_ms;
	struct pf_schema *columns; /* the known ones, in order, with their ids;
				    * metadata pf:id, pf:time, ... when known */
	/* From the options pf.id, pf.time, pf.zone, pf.partition-by of tables
	 * that we made. Of others: id is a one-column bucket key, time is "".
	 * Positions are those in columns, -1: unknown. */
	struct pf_layout layout;
};

struct pf_table;

/* Does the directory look like a table (schema/schema-0 or later)? */
bool pf_is_table(const char *path);

/* Opens and reads the newest schema. PF_E_NOT_A_TABLE. */
int pf_table_open(const char *path, struct pf_table **table, struct pf_error *err);
void pf_table_close(struct pf_table *table); /* NULL is fine */
struct pf_store *pf_table_store(struct pf_table *table);
const char *pf_table_name(const struct pf_table *table); /* its path */
const struct pf_table_schema *pf_table_schema(const struct pf_table *table);
/* Look again for a newer schema. */
int pf_table_refresh(struct pf_table *table, struct pf_error *err);

/* Take a schema of the past for the newest, until refreshed: an old snapshot is
 * read with the columns that it had. */
int pf_table_travel(struct pf_table *table, int64_t schema_id, struct pf_error *err);

/* A schema by id, kept. Not safe between threads. */
int pf_table_schema_of(struct pf_table *table, int64_t id,
		       const struct pf_table_schema **schema, struct pf_error *err);

/* Of one that belongs to no table; NULL is fine. */
void pf_table_schema_free(struct pf_table_schema *s);

/* Position of a field by id or name, -1 if there is none. */
int pf_table_field_by_id(const struct pf_table_schema *s, int32_t id);
int pf_table_field_by_name(const struct pf_table_schema *s, const char *name);

/* May rows be read (a table of Parquet files without features that
 * change their meaning)? All columns of a known type? Is every row of a file
 * a row of the table (no primary key)? May we commit? 0 or PF_E_TABLE_FEATURE,
 * naming the feature. */
int pf_table_readable(const struct pf_table_schema *s, struct pf_error *err);
int pf_table_append_only(const struct pf_table_schema *s, struct pf_error *err);
int pf_table_all_known(const struct pf_table_schema *s, struct pf_error *err);
int pf_table_writable(const struct pf_table_schema *s, struct pf_error *err);

/* --- snapshots --- */

struct pf_snapshot {
	int64_t id, schema_id;
	char *base_list, *delta_list;
	int64_t base_list_size, delta_list_size; /* -1: not said */
	char *changelog_list, *index_manifest, *statistics; /* or NULL */
	char *user;
	int64_t identifier;
	char *kind;                /* APPEND, COMPACT, OVERWRITE, ANALYZE */
	int64_t time_ms;
	int64_t total_rows, delta_rows, changelog_rows;
	int64_t changelog_list_size; /* -1: not said */
	bool has_watermark, has_next_row_id;
	int64_t watermark, next_row_id;
	struct pf_meta properties;
};

/* The newest one; *snapshot is NULL when the table has none. Robust against a
 * LATEST that is missing, garbage, too low or too high. */
int pf_snapshot_latest(struct pf_table *table, struct pf_snapshot **snapshot,
		       struct pf_error *err);
/* PF_E_NO_FILE when there is none (any more). */
int pf_snapshot_read(struct pf_table *table, int64_t id,
		     struct pf_snapshot **snapshot, struct pf_error *err);
/* The newest with time_ms <= ms; NULL when all are younger. */
int pf_snapshot_as_of(struct pf_table *table, int64_t ms,
		      struct pf_snapshot **snapshot, struct pf_error *err);
void pf_snapshot_free(struct pf_snapshot *s); /* NULL is fine */
/* Have they the same index manifest? Deletion vectors come and go with it, without a
 * file in any delta: where it differs, lists of files, which know them, are compared. */
bool pf_snapshot_same_index(const struct pf_snapshot *a, const struct pf_snapshot *b);

/* Ids that exist now, ascending. */
int pf_snapshot_ids(struct pf_table *table, int64_t **ids, size_t *n,
		    struct pf_error *err);

#endif
