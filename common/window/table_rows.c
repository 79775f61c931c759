/* SPDX-License-Identifier: Apache-2.0 */
#include "window/table_rows.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "paimon/deletion.h"
#include "paimon/place.h"
#include "query/parquet_scan.h"

struct pf_table_rows {
	const struct pf_shape *shape;
	struct pf_table *table;
	const char *name;
	/* All conditions; and those on the table's own columns, which the scan
	 * evaluates. */
	struct pf_filter filter, below;
	bool all_below;
	struct pf_filter conditions; /* those below without the stretch */
	struct pf_filter times;      /* the stretch alone */
	struct pf_wanted wanted, whole;
	struct pf_builder *tags, *kept;
	struct pf_column *columns;
	struct pf_scan_counts counts;
	int *mapping, *ordinals;
	struct pf_cast *casts; /* as the mapping */
	struct pf_zone *zone;
	const struct pf_table_schema *mapped;
	const struct pf_data_file *file;
	struct pf_store_file *held;
	struct pf_parquet_scan *scan;
};

int pf_table_rows_open(const struct pf_shape *shape, struct pf_table *table,
		       const char *name, int64_t from_us, int64_t to_us, struct pf_table_rows **out,
		       struct pf_error *err)
{
	struct pf_table_rows *r = pf_zalloc(1, sizeof *r);
	r->shape = shape;
	r->table = table;
	r->name = name;
	r->wanted = (struct pf_wanted){ shape->needed, &r->below, .prune = true };
	r->whole = (struct pf_wanted){ shape->needed, &r->conditions, .prune = true };
	r->tags = pf_builder_new(shape->needed);
	r->kept = pf_builder_new(shape->needed);
	r->columns = pf_alloc(shape->needed->n + 1, sizeof *r->columns);
	r->mapping = pf_alloc(pf_table_schema(table)->n + 1, sizeof *r->mapping);
	r->casts = pf_alloc(pf_table_schema(table)->n + 1, sizeof *r->casts);
	r->ordinals = pf_alloc(shape->needed->n + 1, sizeof *r->ordinals);
	int code = pf_zone_open(pf_table_schema(table)->layout.zone, &r->zone, err);
	if (!code)
		code = pf_shape_filter(shape, from_us, to_us, NULL, &r->filter, err);
	if (!code)
		code = pf_shape_filter(shape, from_us, to_us, pf_table_schema(table)->columns,
				       &r->below, err);
	if (!code)
		code = pf_shape_filter(shape, INT64_MIN, INT64_MAX,
				       pf_table_schema(table)->columns, &r->conditions, err);
	struct pf_shape bare = *shape;
	bare.nwhere = 0;
	if (!code)
		code = pf_shape_filter(&bare, from_us, to_us, NULL, &r->times, err);
	r->all_below = r->below.n == r->filter.n;
	if (code) {
		pf_table_rows_close(r);
		return code;
	}
	*out = r;
	return 0;
}

static void end_file(struct pf_table_rows *r)
{
	pf_parquet_scan_free(r->scan);
	pf_store_close_file(r->held);
	r->scan = NULL;
	r->held = NULL;
}

void pf_table_rows_close(struct pf_table_rows *r)
{
	if (!r)
		return;
	end_file(r);
	pf_filter_free(&r->filter);
	pf_filter_free(&r->below);
	pf_filter_free(&r->conditions);
	pf_filter_free(&r->times);
	pf_builder_free(r->tags);
	pf_builder_free(r->kept);
	free(r->columns);
	free(r->mapping);
	free(r->casts);
	pf_zone_close(r->zone);
	free(r->ordinals);
	free(r);
}

struct stats_of {
	const struct pf_table_rows *rows;
	const struct pf_data_file *file;
};

static bool file_stats(void *ctx, int column, struct pf_block_stats *out)
{
	const struct stats_of *s = ctx;
	const struct pf_schema *own = pf_table_schema(s->rows->table)->columns;
	int c = pf_schema_find(own, s->rows->shape->needed->fields[column].name);
	struct pf_column_stats stats;
	if (c < 0 ||
	    pf_cast_since(pf_table_schema(s->rows->table), s->file->schema, own->fields[c].id) ||
	    !pf_data_file_stats(s->file, own->fields[c].id, own->fields[c].type, &stats))
		return false;
	*out = (struct pf_block_stats){ .nulls = stats.nulls, .rows = s->file->rows,
					.has_min = !stats.min.null,
					.has_max = !stats.max.null,
					.min = stats.min, .max = stats.max };
	return true;
}

bool pf_table_rows_may(const struct pf_table_rows *r, const struct pf_data_file *file)
{
	struct stats_of s = { r, file };
	return pf_filter_may_match(&r->below, file_stats, &s);
}

bool pf_table_rows_in_time(const struct pf_table_rows *r, const struct pf_data_file *file)
{
	struct stats_of s = { r, file };
	return pf_filter_may_match(&r->times, file_stats, &s);
}

const struct pf_wanted *pf_table_rows_wanted(const struct pf_table_rows *r)
{
	return &r->wanted;
}

/* Where the columns lie in the file. */
static int map_columns(struct pf_table_rows *r, const struct pf_parquet_file *parquet,
		       struct pf_error *err)
{
	const struct pf_table_schema *t = pf_table_schema(r->table);
	if (r->mapped != r->file->schema) {
		PF_TRY(pf_scan_mapping(t, r->file->schema, r->mapping, r->casts, err));
		r->mapped = r->file->schema;
	}
	for (size_t i = 0; i < r->shape->needed->n; i++) {
		int field = pf_table_field_by_name(t, r->shape->needed->fields[i].name);
		int from = field < 0 ? -1 : r->mapping[field];
		r->ordinals[i] = from < 0 ? -1 :
				 pf_parquet_find(parquet, r->file->schema->fields[from].name);
	}
	return 0;
}

static void set_casts(struct pf_table_rows *r)
{
	const struct pf_table_schema *t = pf_table_schema(r->table);
	for (size_t i = 0; i < r->shape->needed->n; i++) {
		int field = pf_table_field_by_name(t, r->shape->needed->fields[i].name);
		if (field >= 0 && r->ordinals[i] >= 0 && r->casts[field].needed)
			pf_parquet_scan_cast(r->scan, i, r->ordinals[i],
					     &r->casts[field], r->zone);
	}
}

static void set_partition(struct pf_table_rows *r)
{
	const struct pf_table_schema *t = pf_table_schema(r->table);
	for (size_t i = 0; i < r->shape->needed->n; i++)
		for (size_t k = 0; k < t->npartition_keys; k++)
			if (!strcmp(r->shape->needed->fields[i].name,
				    t->partition_keys[k]))
				pf_parquet_scan_constant(
					r->scan, i, &r->file->partition_values[k]);
}

static int set_deleted(struct pf_table_rows *r, int64_t rows, struct pf_error *err)
{
	uint8_t *deleted;
	if (!r->file->deletion.path)
		return 0;
	if (rows != r->file->rows)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "'%s' has %lld rows, its entry says %lld", r->file->path,
			       (long long)rows, (long long)r->file->rows);
	int code = pf_deletion_read(r->table, r->file, &deleted, err);
	if (code == PF_E_NO_FILE)
		return pf_fail(err, PF_E_VANISHED, "'%s' is gone", r->file->deletion.path);
	if (!code)
		pf_parquet_scan_without(r->scan, deleted);
	return code;
}

static int open_file(struct pf_table_rows *r, bool whole, struct pf_error *err)
{
	struct pf_parquet_file *parquet;
	int code = pf_place_open(r->table, r->file->path, &r->held, err);
	if (code == PF_E_NO_FILE)
		return pf_fail(err, PF_E_VANISHED, "data file '%s' is gone", r->file->path);
	PF_TRY(code);
	PF_TRY(pf_parquet_open(pf_store_file_source(r->held), &parquet, err));
	code = map_columns(r, parquet, err);
	if (code) {
		pf_parquet_close(parquet);
		return code;
	}
	int64_t rows = pf_parquet_rows(parquet);
	if (whole)
		r->ordinals[r->shape->time_column] = -1;
	PF_TRY(pf_parquet_scan_new(parquet, r->ordinals, whole ? &r->whole : &r->wanted,
				   &r->counts, &r->scan, err));
	set_casts(r);
	set_partition(r);
	return set_deleted(r, rows, err);
}

bool pf_table_rows_whole(const struct pf_table_rows *r, const struct pf_data_file *file,
			 int64_t from_us, int64_t to_us, int64_t *wall_us)
{
	return r->all_below && pf_shape_whole(r->shape, file, pf_table_schema(r->table)->columns,
					      from_us, to_us, wall_us);
}

int pf_table_rows_file(struct pf_table_rows *r, const struct pf_data_file *file,
		       bool whole, struct pf_error *err)
{
	end_file(r);
	r->file = file;
	int code = open_file(r, whole, err);
	return code ? pf_context(err, "'%s'", pf_table_name(r->table)) : 0;
}

int pf_table_rows_finish(struct pf_table_rows *r, struct pf_batch *batch,
			 struct pf_error *err)
{
	int tag = r->shape->tag_column;
	if (tag >= 0) {
		struct pf_colbuf *tags = &r->tags->columns[tag];
		while (tags->rows < batch->rows)
			pf_col_bytes(tags, r->name, strlen(r->name));
		memcpy(r->columns, batch->columns,
		       r->shape->needed->n * sizeof *r->columns);
		r->columns[tag] = pf_colbuf_view(tags);
		batch->columns = r->columns;
	}
	if (r->all_below)
		return 0;
	size_t n;
	PF_TRY(pf_filter_rows(&r->filter, batch, &n, err));
	pf_builder_reset(r->kept);
	pf_builder_gather(r->kept, batch, r->filter.rows, n);
	*batch = pf_builder_batch(r->kept);
	return 0;
}

int pf_table_rows_next(struct pf_table_rows *r, struct pf_batch *batch,
		       struct pf_error *err)
{
	bool end;
	do {
		int code = pf_parquet_scan_next(r->scan, batch, err);
		end = !code && !batch->rows;
		if (!code && !end)
			code = pf_table_rows_finish(r, batch, err);
		if (code)
			return pf_context(err, "'%s/%s'", pf_table_name(r->table),
					  r->file->path);
	} while (!end && !batch->rows);
	return 0;
}

int64_t pf_table_rows_bytes(const struct pf_table_rows *r)
{
	return r->counts.bytes;
}
