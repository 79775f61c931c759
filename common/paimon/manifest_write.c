/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/manifest.h"

/* The layouts of Paimon 1.3. null is branch 0 of every union: releases before
 * August 2026 take the value to be branch 1. */
#define STATS_FIELDS                                                            \
	"[{\"name\":\"_MIN_VALUES\",\"type\":\"bytes\"},"                       \
	"{\"name\":\"_MAX_VALUES\",\"type\":\"bytes\"},"                        \
	"{\"name\":\"_NULL_COUNTS\",\"type\":[\"null\",{\"type\":\"array\","    \
	"\"items\":[\"null\",\"long\"]}],\"default\":null}]"
#define TOP                                                                     \
	"{\"type\":\"record\",\"name\":\"record\",\"namespace\":"               \
	"\"org.apache.paimon.avro.generated\",\"fields\":["
#define NULLABLE(name, type)                                                    \
	"{\"name\":\"" name "\",\"type\":[\"null\"," type "],\"default\":null}"
#define TEXTS "{\"type\":\"array\",\"items\":\"string\"}"

const char pf_manifest_schema[] = TOP
	"{\"name\":\"_VERSION\",\"type\":\"int\"},"
	"{\"name\":\"_KIND\",\"type\":\"int\"},"
	"{\"name\":\"_PARTITION\",\"type\":\"bytes\"},"
	"{\"name\":\"_BUCKET\",\"type\":\"int\"},"
	"{\"name\":\"_TOTAL_BUCKETS\",\"type\":\"int\"},"
	"{\"name\":\"_FILE\",\"type\":{\"type\":\"record\",\"name\":\"record__FILE\","
	"\"fields\":["
	"{\"name\":\"_FILE_NAME\",\"type\":\"string\"},"
	"{\"name\":\"_FILE_SIZE\",\"type\":\"long\"},"
	"{\"name\":\"_ROW_COUNT\",\"type\":\"long\"},"
	"{\"name\":\"_MIN_KEY\",\"type\":\"bytes\"},"
	"{\"name\":\"_MAX_KEY\",\"type\":\"bytes\"},"
	"{\"name\":\"_KEY_STATS\",\"type\":{\"type\":\"record\",\"name\":"
	"\"record__FILE__KEY_STATS\",\"fields\":" STATS_FIELDS "}},"
	"{\"name\":\"_VALUE_STATS\",\"type\":{\"type\":\"record\",\"name\":"
	"\"record__FILE__VALUE_STATS\",\"fields\":" STATS_FIELDS "}},"
	"{\"name\":\"_MIN_SEQUENCE_NUMBER\",\"type\":\"long\"},"
	"{\"name\":\"_MAX_SEQUENCE_NUMBER\",\"type\":\"long\"},"
	"{\"name\":\"_SCHEMA_ID\",\"type\":\"long\"},"
	"{\"name\":\"_LEVEL\",\"type\":\"int\"},"
	"{\"name\":\"_EXTRA_FILES\",\"type\":" TEXTS "},"
	NULLABLE("_CREATION_TIME",
		 "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}") ","
	NULLABLE("_DELETE_ROW_COUNT", "\"long\"") ","
	NULLABLE("_EMBEDDED_FILE_INDEX", "\"bytes\"") ","
	NULLABLE("_FILE_SOURCE", "\"int\"") ","
	NULLABLE("_VALUE_STATS_COLS", TEXTS) ","
	NULLABLE("_EXTERNAL_PATH", "\"string\"") ","
	NULLABLE("_FIRST_ROW_ID", "\"long\"") ","
	NULLABLE("_WRITE_COLS", TEXTS) "]}}]}";

const char pf_manifest_list_schema[] = TOP
	"{\"name\":\"_VERSION\",\"type\":\"int\"},"
	"{\"name\":\"_FILE_NAME\",\"type\":\"string\"},"
	"{\"name\":\"_FILE_SIZE\",\"type\":\"long\"},"
	"{\"name\":\"_NUM_ADDED_FILES\",\"type\":\"long\"},"
	"{\"name\":\"_NUM_DELETED_FILES\",\"type\":\"long\"},"
	"{\"name\":\"_PARTITION_STATS\",\"type\":{\"type\":\"record\",\"name\":"
	"\"record__PARTITION_STATS\",\"fields\":" STATS_FIELDS "}},"
	"{\"name\":\"_SCHEMA_ID\",\"type\":\"long\"},"
	NULLABLE("_MIN_BUCKET", "\"int\"") ","
	NULLABLE("_MAX_BUCKET", "\"int\"") ","
	NULLABLE("_MIN_LEVEL", "\"int\"") ","
	NULLABLE("_MAX_LEVEL", "\"int\"") ","
	NULLABLE("_MIN_ROW_ID", "\"long\"") ","
	NULLABLE("_MAX_ROW_ID", "\"long\"") "]}";

static void put_optional(struct pf_buf *b, bool has, int64_t v)
{
	pf_avro_put_long(b, has);
	if (has)
		pf_avro_put_long(b, v);
}

static void put_texts(struct pf_buf *b, char *const *texts, size_t n)
{
	if (n)
		pf_avro_put_long(b, (int64_t)n);
	for (size_t i = 0; i < n; i++)
		pf_avro_put_bytes(b, pf_view_str(texts[i]));
	pf_avro_put_long(b, 0);
}

static void put_stats(struct pf_buf *b, const struct pf_stats *s)
{
	pf_avro_put_bytes(b, s->min);
	pf_avro_put_bytes(b, s->max);
	pf_avro_put_long(b, s->nulls != NULL);
	if (!s->nulls)
		return;
	if (s->n)
		pf_avro_put_long(b, (int64_t)s->n);
	for (size_t i = 0; i < s->n; i++)
		put_optional(b, s->nulls[i] >= 0, s->nulls[i]);
	pf_avro_put_long(b, 0);
}

int pf_manifest_put(struct pf_avro_writer *w, const struct pf_data_file *f,
		    struct pf_error *err)
{
	struct pf_buf *b = &w->block;
	pf_avro_put_long(b, 2);
	pf_avro_put_long(b, f->kind);
	pf_avro_put_bytes(b, f->partition);
	pf_avro_put_long(b, f->bucket);
	pf_avro_put_long(b, f->total_buckets);
	pf_avro_put_bytes(b, pf_view_str(f->name));
	pf_avro_put_long(b, f->size);
	pf_avro_put_long(b, f->rows);
	pf_avro_put_bytes(b, f->min_key);
	pf_avro_put_bytes(b, f->max_key);
	put_stats(b, &f->key_stats);
	put_stats(b, &f->value_stats);
	pf_avro_put_long(b, f->min_sequence);
	pf_avro_put_long(b, f->max_sequence);
	pf_avro_put_long(b, f->schema_id);
	pf_avro_put_long(b, f->level);
	put_texts(b, f->extra_files, f->nextra_files);
	put_optional(b, f->has_created, f->created_ms);
	put_optional(b, f->has_deletes, f->deletes);
	pf_avro_put_long(b, f->has_index);
	if (f->has_index)
		pf_avro_put_bytes(b, f->index);
	put_optional(b, f->has_source, f->source);
	pf_avro_put_long(b, f->has_stats_columns);
	if (f->has_stats_columns)
		put_texts(b, f->stats_columns, f->nstats_columns);
	pf_avro_put_long(b, f->external_path != NULL);
	if (f->external_path)
		pf_avro_put_bytes(b, pf_view_str(f->external_path));
	put_optional(b, f->has_first_row_id, f->first_row_id);
	pf_avro_put_long(b, f->has_write_columns);
	if (f->has_write_columns)
		put_texts(b, f->write_columns, f->nwrite_columns);
	return pf_avro_record_done(w, err);
}

int pf_manifest_list_put(struct pf_avro_writer *w, const struct pf_manifest *m,
			 struct pf_error *err)
{
	struct pf_buf *b = &w->block;
	pf_avro_put_long(b, 2);
	pf_avro_put_bytes(b, pf_view_str(m->name));
	pf_avro_put_long(b, m->size);
	pf_avro_put_long(b, m->added);
	pf_avro_put_long(b, m->deleted);
	put_stats(b, &m->partitions);
	pf_avro_put_long(b, m->schema_id);
	put_optional(b, m->has_buckets, m->min_bucket);
	put_optional(b, m->has_buckets, m->max_bucket);
	put_optional(b, m->has_levels, m->min_level);
	put_optional(b, m->has_levels, m->max_level);
	put_optional(b, m->has_row_ids, m->min_row_id);
	put_optional(b, m->has_row_ids, m->max_row_id);
	return pf_avro_record_done(w, err);
}
