/* SPDX-License-Identifier: Apache-2.0
 *
 * Where rows come from: a table, a stage, a Parquet file, a record stream,
 * text. A source is opened (its schema is known then), told what is wanted
 * (which columns under which names and types, and a filter), held (everything
 * it needs is open, so that nobody can take it away) and read.
 */
#ifndef PF_QUERY_SOURCE_H
#define PF_QUERY_SOURCE_H

#include "base/io.h"
#include "query/filter.h"

/* What reading took, and what it was spared. */
struct pf_scan_counts {
	int64_t manifests, manifests_skipped;
	int64_t files;            /* live in the snapshot, or given */
	int64_t files_partition;  /* skipped by partition, bucket, statistics */
	int64_t files_bucket;
	int64_t files_stats;
	int64_t files_index;      /* by Paimon's file index */
	int64_t groups;           /* row groups of the files that were opened */
	int64_t groups_stats;     /* skipped by statistics, bloom filter, pages */
	int64_t groups_bloom;
	int64_t groups_pages;
	int64_t groups_index;     /* by rows that the file index names */
	int64_t pages, pages_skipped; /* of the columns read, by the page index */
	int64_t pages_decoded;
	int64_t rows;             /* looked at */
	int64_t matched;
	int64_t reads, bytes;     /* preads and what they brought */
	int64_t bytes_stored;     /* size of the files that were opened */
};

struct pf_data_file;

/* What is asked of all sources. */
struct pf_wanted {
	const struct pf_schema *schema; /* the columns needed, by name */
	struct pf_filter *filter;       /* bound to schema */
	bool prune;
	size_t memory;                  /* 0: as much as is sensible */
	size_t skip;                    /* column + 1 that is not to be read: null;
					 * 0: none */
	/* Asked before a data file of a table without a primary key is read,
	 * unless NULL: is `less` enough, since all its rows pass the conditions
	 * that this has not? */
	bool (*may_skip)(void *ctx, const struct pf_data_file *file,
			 const struct pf_schema *own); /* the table's */
	void *ctx;
	const struct pf_wanted *less;
};

struct pf_datum;
/* The values of a column that the conditions name, if they name them, in the
 * type that buckets are made of; the caller frees the array. 0: any. */
size_t pf_wanted_keys(const struct pf_wanted *w, const char *column, struct pf_type type,
		      struct pf_datum **keys);

struct pf_source;

struct pf_source_ops {
	/* Fix what will be read and hold it open. PF_E_VANISHED and
	 * PF_E_STAGE_GAP are worth another try. */
	int (*start)(struct pf_source *s, const struct pf_wanted *w,
		     struct pf_error *err);
	/* Rows of wanted->schema, valid until the next call; rows == 0 behind
	 * the last. filtered: the filter has been applied. */
	int (*next)(struct pf_source *s, struct pf_batch *batch, struct pf_error *err);
	/* Would next return without waiting? NULL: always. */
	bool (*ready)(struct pf_source *s);
	void (*close)(struct pf_source *s);
};

struct pf_source {
	const struct pf_source_ops *ops;
	char *name;               /* as given, for messages */
	const char *kind;         /* "table", "stage", ... */
	struct pf_schema *schema; /* all it has; a reference */
	char *left_out;           /* why a column is not in it, or NULL */
	int64_t rejected;         /* records that are no rows: left out */
	bool filtered;
	int64_t snapshot;         /* tables: the one that was read */
	struct pf_scan_counts counts;
};

void pf_source_close(struct pf_source *s); /* NULL is fine */

/* --- kinds --- */

struct pf_table_source_options {
	int64_t snapshot; /* 0: the newest */
	const char *tag;  /* or the one of that name; NULL: none */
	bool has_as_of;   /* or as of then; also if there is no such tag */
	int64_t as_of_ms;
	const struct pf_between_options *between; /* not rows, but changes; or NULL */
};
int pf_source_table(const char *path, const struct pf_table_source_options *options,
		    struct pf_source **s, struct pf_error *err);

/* What changed in a table from one snapshot to another: rows that are new, or
 * other than they were; changelog: with the kind of each change as the last
 * column (PF_KIND_COLUMN), and rows as they were before. */
struct pf_between_options {
	struct pf_table_source_options from, to;
	bool from_nothing; /* from before the first snapshot */
	bool changelog;
};
int pf_source_changes(const char *path, const struct pf_between_options *options,
		      struct pf_source **s, struct pf_error *err);

/* The rows of the stage that the table source (NULL: none) does not hold. The
 * table must be started before the stage. access: of a topic; must stay. */
struct pf_stage_access;
/* Merge the rows of a stage over those of a table with a primary key, which owns
 * the stage from here on; *merged is false when the table (or NULL) has none. */
int pf_source_merge_stage(struct pf_source *table, struct pf_source *stage,
			  bool *merged, struct pf_error *err);
bool pf_source_merges_stage(const struct pf_source *table);
int pf_source_stage(const char *path, const struct pf_stage_access *access,
		    struct pf_source *table, struct pf_source **s,
		    struct pf_error *err);

int pf_source_parquet(const char *path, struct pf_source **s, struct pf_error *err);
/* The same of an open file, which is closed with the source; name: for messages. */
int pf_source_parquet_fd(int fd, const char *name, struct pf_source **s,
			 struct pf_error *err);

/* bytes must outlive the source. */
int pf_source_stream(const struct pf_byte_source *bytes, struct pf_source **s,
		     struct pf_error *err);

struct pf_tabledef;
struct pf_text_options;
int pf_source_text(const struct pf_byte_source *bytes,
		   const struct pf_tabledef *definition,
		   const struct pf_text_options *options, struct pf_source **s,
		   struct pf_error *err);

/* Makes sources alike: each gets the columns of all of them, null where it
 * lacks one, and a string that is its name. A field's metadata pf:absent names
 * a source that lacks it; the schema's pf:tag is the column. */
int pf_sources_tag(struct pf_source **sources, size_t n, const char *column,
		   struct pf_error *err);

/* --- shared by the kinds --- */

/* Puts batches of one schema into the columns wanted: by name, widened where
 * the wanted type is wider; a missing dt is made from the time column. */
struct pf_fit;
/* names: what the wanted columns are called in the source, "" for one that it
 * has not yet: null; NULL: as they are called here. PF_E_SCHEMA_MISMATCH when a
 * column is missing or of another type. */
int pf_fit_new(const struct pf_source *s, const struct pf_schema *wanted,
	       const char *const *names, struct pf_fit **fit, struct pf_error *err);
struct pf_batch pf_fit_batch(struct pf_fit *fit, const struct pf_batch *batch);
void pf_fit_free(struct pf_fit *fit); /* NULL is fine */

/* Where the columns wanted are in the source's schema. PF_E_SCHEMA_MISMATCH when
 * one is missing, or cannot be read as the type that is wanted. */
int pf_source_columns(const struct pf_source *s, const struct pf_schema *wanted, int *columns,
		      struct pf_error *err);

/* Can values of type a be read as b without loss? */
bool pf_type_widens(struct pf_type a, struct pf_type b);

/* The snapshot that a started table source reads, and the table. */
struct pf_table;
struct pf_snapshot;
struct pf_table *pf_source_table_of(struct pf_source *s,
				    const struct pf_snapshot **snapshot);

#endif
