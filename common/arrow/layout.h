/* SPDX-License-Identifier: Apache-2.0
 *
 * How rows are laid out in a table, carried as metadata of the schema:
 * pf:table, pf:id, pf:time, pf:zone, pf:partition-by, pf:buckets, of tables with
 * a primary key pf:primary-key, pf:sequence, pf:merge and what else says how
 * versions are merged, Paimon's options by their names (pf:option:NAME); and
 * which cell (partition, bucket) a batch belongs to: pf:partition, pf:bucket.
 */
#ifndef PF_ARROW_LAYOUT_H
#define PF_ARROW_LAYOUT_H

#include "arrow/batch.h"

/* Name of the generated partition column. */
#define PF_PARTITION_COLUMN "dt"

/* Columns of rows that are versions of a row with a primary key, as Paimon's
 * files name them: the order in which they came, and what became of the row. On
 * streams the kind is the last of the table's columns (tinyint, never null);
 * without it all rows are inserted. */
#define PF_SEQUENCE_COLUMN "_SEQUENCE_NUMBER"
#define PF_KIND_COLUMN "_VALUE_KIND"

/* Metadata of the kind's field in what pf-query prints: text says +I, not 0. */
#define PF_KIND_META "pf:row-kind"

/* Metadata of the fields of its listings that count "rows" or "bytes". */
#define PF_UNIT_META "pf:unit"

enum { /* their field ids, and what a key column's is above its own */
	PF_SEQUENCE_ID = 2147483646,
	PF_KIND_ID = 2147483645,
	PF_KEY_ID_BASE = 1073741823,
};

enum pf_row_kind { PF_ROW_INSERT, PF_ROW_BEFORE, PF_ROW_AFTER, PF_ROW_DELETE };

/* Does it take a row away? */
static inline bool pf_kind_retracts(int8_t kind)
{
	return kind == PF_ROW_BEFORE || kind == PF_ROW_DELETE;
}

enum pf_grain { PF_GRAIN_NONE, PF_GRAIN_YEAR, PF_GRAIN_MONTH, PF_GRAIN_DAY };

struct pf_layout {
	char *table;  /* "" when unknown */
	char *id;     /* name of the entity ID column */
	char *time;   /* name of the event time column */
	char *zone;   /* "UTC" */
	enum pf_grain grain;
	int32_t buckets;
	int id_column, time_column; /* positions in the schema */
	int partition_column;       /* position of dt, -1: not there (yet) */
	/* The primary key without dt, in its order; none: rows are only added. */
	char **key;
	size_t nkey;
	char **sequence; /* columns that say which version is newer */
	size_t nsequence;
	char *merge;     /* "deduplicate" ...; NULL without key */
	struct pf_meta options; /* of merging, where they are not the default */
};

const char *pf_grain_name(enum pf_grain grain); /* "day" ... "none" */
int pf_grain_parse(const char *text, enum pf_grain *grain, struct pf_error *err);

/* PF_E_NO_SCHEMA when the metadata is missing, PF_E_UNKNOWN_COLUMN when it
 * names columns that are not there. */
int pf_layout_read(const struct pf_schema *schema, struct pf_layout *layout,
		   struct pf_error *err);
/* Of metadata alone, only what concerns the key; into an empty layout. */
void pf_layout_read_key(const struct pf_schema *schema, struct pf_layout *layout);
void pf_layout_write(const struct pf_layout *layout, struct pf_schema *schema);
void pf_layout_free(struct pf_layout *layout);

/* Is it one of Paimon's options that say what becomes of versions, besides the
 * merge engine and the sequence? */
bool pf_is_merge_option(const char *key);
/* Is the option set to true? What fields.COLUMN.WHAT says, or NULL. */
bool pf_option_is_on(const struct pf_meta *options, const char *key);
const char *pf_option_of_field(const struct pf_meta *options, const char *column,
			       const char *what);
/* Those of a table's options that differ from the default. */
void pf_layout_take_options(struct pf_layout *layout, const struct pf_meta *options);

/* Of rows without the generated column: the field id that it will have. Said in
 * the metadata only when it is not the next after the last column's. */
void pf_layout_partition_id(struct pf_schema *rows, int32_t id);
int32_t pf_layout_partition_id_of(const struct pf_schema *rows); /* -1: not known */

/* A copy of a table's columns without dt: the rows as they are before
 * pf-partition. The caller unrefs it. */
struct pf_schema *pf_schema_without_partition(const struct pf_schema *schema);

/* The text of dt for a time value (in units per second) that is wall clock
 * already: "2024-01-31", "2024-01", "2024". out of 24 bytes; returns length. */
size_t pf_grain_format(enum pf_grain grain, int64_t value, int64_t units,
		       char *out);

/* One (partition, bucket). partition: value of dt; has_partition false for
 * tables without partitions. */
struct pf_cell {
	struct pf_view partition;
	bool has_partition;
	int32_t bucket;
};

/* Read the cell out of a batch's metadata; the view points into it (the
 * partition's text is stored bare: pf:partition = 2024-01-31, absent when the
 * table has no partitions). PF_E_NOT_PARTITIONED when pf:bucket is absent. */
int pf_cell_read(const struct pf_meta *meta, struct pf_cell *cell,
		 struct pf_error *err);
void pf_cell_write(const struct pf_cell *cell, struct pf_meta *meta);

#endif
