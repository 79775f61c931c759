/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "paimon/bucket.h"
#include "paimon/deletion.h"
#include "paimon/file_index.h"
#include "paimon/internal.h"
#include "paimon/place.h"
#include "paimon/verify_internal.h"
#include "parquet/reader.h"

enum { FILE_PROBLEMS = 100 };

/* One file while it is being looked through. */
struct look {
	struct pf_verify *v;
	const struct pf_data_file *file;
	struct pf_parquet_file *parquet;
	struct pf_file_index *index;
	struct pf_schema *schema; /* the columns that can be read */
	int *ordinals;
	struct pf_builder *rows;  /* of one row group */
	struct pf_builder *last;  /* the last row of the group before */
	int64_t *nulls;           /* per column */
};

static bool enough(const struct look *l)
{
	return l->v->in_file >= FILE_PROBLEMS;
}

#define PROBLEM(l, fmt, ...) \
	pf_verify_problem((l)->v, "'%s': " fmt, (l)->file->path, ##__VA_ARGS__)

static struct pf_datum value_of(const struct pf_parquet_value *v, struct pf_type t)
{
	struct pf_datum d = { .type = t };
	if (t.kind == PF_DECIMAL)
		d.dec = v->dec;
	else if (t.kind == PF_FLOAT || t.kind == PF_DOUBLE)
		d.d = v->d;
	else if (pf_kind_is_variable(t.kind))
		d.bytes = v->bytes;
	else
		d.i = v->i;
	return d;
}

/* What is really in rows of a column; NaN is beside the order. */
struct extremes {
	bool any;
	struct pf_datum min, max;
	int64_t nulls;
};

static void widen(struct extremes *e, const struct pf_datum *min,
		  const struct pf_datum *max)
{
	if (!e->any || pf_datum_cmp(min, &e->min) < 0)
		e->min = *min;
	if (!e->any || pf_datum_cmp(max, &e->max) > 0)
		e->max = *max;
	e->any = true;
}

static struct extremes look_at(const struct pf_column *c, struct pf_type t,
			       int64_t from, int64_t to)
{
	struct extremes e = { 0 };
	int64_t min = -1, max = -1;
	bool floats = t.kind == PF_FLOAT || t.kind == PF_DOUBLE;
	for (int64_t r = from; r < to; r++) {
		if (pf_is_null(c, r)) {
			e.nulls++;
			continue;
		}
		if (floats) {
			struct pf_datum d = pf_datum_at(t, c, r);
			if (d.d != d.d)
				continue;
		}
		if (min < 0 || pf_value_cmp(t.kind, c, r, c, min) < 0)
			min = r;
		if (max < 0 || pf_value_cmp(t.kind, c, r, c, max) > 0)
			max = r;
	}
	if (min >= 0) {
		struct pf_datum low = pf_datum_at(t, c, min);
		struct pf_datum high = pf_datum_at(t, c, max);
		widen(&e, &low, &high);
	}
	return e;
}

static void check_stats(struct look *l, const char *what, size_t column,
			const struct extremes *e, const struct pf_datum *min,
			const struct pf_datum *max, int64_t nulls)
{
	const char *name = l->schema->fields[column].name;
	if (e->any && ((min && pf_datum_cmp(&e->min, min) < 0) ||
		       (max && pf_datum_cmp(&e->max, max) > 0)))
		PROBLEM(l, "%s of column '%s' leave out rows", what, name);
	if (nulls >= 0 && e->nulls != nulls)
		PROBLEM(l, "%s of column '%s' count %" PRId64 " nulls, there are %" PRId64,
			what, name, nulls, e->nulls);
}

static void check_parquet_stats(struct look *l, const char *what, size_t column,
				const struct extremes *e,
				const struct pf_parquet_stats *s)
{
	struct pf_type t = l->schema->fields[column].type;
	struct pf_datum min = value_of(&s->min, t), max = value_of(&s->max, t);
	check_stats(l, what, column, e, s->min.known ? &min : NULL,
		    s->max.known ? &max : NULL, s->null_count);
}

/* The pages of a row group, then the whole of it. */
static int check_group_stats(struct look *l, size_t group, size_t column,
			     const struct pf_column *c, int64_t rows,
			     struct extremes *all, struct pf_error *err)
{
	struct pf_type t = l->schema->fields[column].type;
	size_t ordinal = (size_t)l->ordinals[column];
	const struct pf_parquet_pages *pages;
	PF_TRY(pf_parquet_pages(l->parquet, group, ordinal, &pages, err));
	*all = (struct extremes){ 0 };
	for (size_t p = 0; p < (pages ? pages->n : 1); p++) {
		int64_t from = pages ? pages->first_row[p] : 0;
		int64_t to = pages ? pages->first_row[p + 1] : rows;
		struct extremes e = look_at(c, t, from, to < rows ? to : rows);
		if (pages)
			check_parquet_stats(l, "the page index", column, &e,
					    &pages->stats[p]);
		all->nulls += e.nulls;
		if (e.any)
			widen(all, &e.min, &e.max);
	}
	struct pf_parquet_stats s = pf_parquet_group_stats(l->parquet, group, ordinal);
	check_parquet_stats(l, "the row group's statistics", column, all, &s);
	return 0;
}

static int check_bloom(struct look *l, size_t group, size_t column,
		       const struct pf_column *c, int64_t rows, struct pf_error *err)
{
	const struct pf_field *f = &l->schema->fields[column];
	size_t ordinal = (size_t)l->ordinals[column];
	if (!pf_parquet_has_bloom(l->parquet, group, ordinal))
		return 0;
	int64_t missing = 0;
	for (int64_t r = 0; r < rows; r++) {
		bool maybe;
		if (pf_is_null(c, r) ||
		    (r && !pf_is_null(c, r - 1) &&
		     !pf_value_cmp(f->type.kind, c, r, c, r - 1)))
			continue;
		struct pf_parquet_value v = pf_parquet_value_at(f->type.kind, c, r);
		PF_TRY(pf_parquet_bloom(l->parquet, group, ordinal, &v, &maybe, err));
		missing += !maybe;
	}
	if (missing)
		PROBLEM(l, "the bloom filter of column '%s' leaves out %" PRId64 " values",
			f->name, missing);
	return 0;
}

static void check_file_index(struct look *l, size_t column, const struct pf_column *c,
			     int64_t rows)
{
	const struct pf_field *f = &l->schema->fields[column];
	int64_t missing = 0;
	for (int64_t r = 0; l->index && r < rows; r++) {
		if (pf_is_null(c, r) ||
		    (r && !pf_is_null(c, r - 1) &&
		     !pf_value_cmp(f->type.kind, c, r, c, r - 1)))
			continue;
		struct pf_datum d = pf_datum_at(f->type, c, r);
		struct pf_range range = { .values = true, .has_min = true,
					  .has_max = true, .min = d, .max = d,
					  .has_set = true, .set = &d, .nset = 1 };
		missing += !pf_file_index_may_match(l->index, f->name, f->type, &range);
	}
	if (missing)
		PROBLEM(l, "the file index of column '%s' leaves out %" PRId64 " values",
			f->name, missing);
}

static int check_column(struct look *l, size_t group, size_t column,
			const struct pf_batch *b, struct pf_error *err)
{
	const struct pf_column *c = &b->columns[column];
	const struct pf_field *f = &l->schema->fields[column];
	struct extremes all;
	struct pf_column_stats m;
	PF_TRY(check_group_stats(l, group, column, c, b->rows, &all, err));
	if (pf_data_file_stats(l->file, f->id, f->type, &m))
		check_stats(l, "the manifest's statistics", column, &all,
			    m.min.null ? NULL : &m.min, m.max.null ? NULL : &m.max, -1);
	l->nulls[column] += all.nulls;
	check_file_index(l, column, c, b->rows);
	return check_bloom(l, group, column, c, b->rows, err);
}

/* -1, 0, 1: rows in the order that the footer claims. */
static int compare_rows(const struct look *l, const struct pf_parquet_sorting *by,
			size_t n, const struct pf_batch *a, int64_t row_a,
			const struct pf_batch *b, int64_t row_b)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < l->schema->n && l->ordinals[k] != by[i].column)
			k++;
		if (k == l->schema->n)
			return 0;
		bool na = pf_is_null(&a->columns[k], row_a);
		bool nb = pf_is_null(&b->columns[k], row_b);
		int c;
		if (na || nb) {
			c = na == nb ? 0 : na == by[i].nulls_first ? -1 : 1;
		} else {
			c = pf_value_cmp(l->schema->fields[k].type.kind, &a->columns[k],
					 row_a, &b->columns[k], row_b);
			if (by[i].descending)
				c = -c;
		}
		if (c)
			return c;
	}
	return 0;
}

static void check_order(struct look *l, size_t group, const struct pf_batch *b)
{
	size_t n;
	const struct pf_parquet_sorting *by =
		pf_parquet_group_sorting(l->parquet, group, &n);
	if (!by || !n || !b->rows)
		return;
	int64_t wrong = 0;
	if (l->last->columns[0].rows) {
		struct pf_batch last = pf_builder_batch(l->last);
		wrong += compare_rows(l, by, n, &last, 0, b, 0) > 0;
	}
	for (int64_t r = 1; r < b->rows; r++)
		wrong += compare_rows(l, by, n, b, r - 1, b, r) > 0;
	if (wrong)
		PROBLEM(l, "%" PRId64 " rows stand before smaller ones in row group %zu, which claims to be sorted",
			wrong, group);
	pf_builder_reset(l->last);
	pf_builder_append(l->last, b, b->rows - 1, 1);
}

static int check_buckets(struct look *l, const struct pf_batch *b, struct pf_error *err)
{
	const struct pf_table_schema *s = l->file->schema;
	if (l->file->total_buckets < 1 || s->nbucket_key != 1)
		return 0;
	int k = pf_schema_find(l->schema, s->bucket_key[0]);
	if (k < 0)
		return 0;
	int32_t *buckets = pf_alloc((size_t)b->rows + 1, sizeof *buckets);
	int code = pf_bucket_rows(&b->columns[k], l->schema->fields[k].type, b->rows,
				  l->file->total_buckets, buckets, err);
	int64_t wrong = 0;
	for (int64_t r = 0; !code && r < b->rows; r++)
		wrong += buckets[r] != l->file->bucket;
	if (wrong)
		PROBLEM(l, "%" PRId64 " rows belong to other buckets", wrong);
	free(buckets);
	return code;
}

static void check_partition(struct look *l, const struct pf_batch *b)
{
	const struct pf_table_schema *s = l->file->schema;
	for (size_t i = 0; i < s->npartition_keys; i++) {
		int k = pf_schema_find(l->schema, s->partition_keys[i]);
		const struct pf_datum *want = &l->file->partition_values[i];
		int64_t wrong = 0;
		for (int64_t r = 0; k >= 0 && r < b->rows; r++) {
			bool null = pf_is_null(&b->columns[k], r);
			struct pf_datum d = { .null = true };
			if (!null)
				d = pf_datum_at(l->schema->fields[k].type,
						&b->columns[k], r);
			wrong += null != want->null || (!null && pf_datum_cmp(&d, want));
		}
		if (wrong)
			PROBLEM(l, "%" PRId64 " rows belong to other partitions", wrong);
	}
}

static int check_group(struct look *l, size_t group, struct pf_error *err)
{
	pf_builder_reset(l->rows);
	PF_TRY(pf_parquet_read(l->parquet, group, l->ordinals, l->schema->n, NULL, 0,
			       l->rows, err));
	struct pf_batch b = pf_builder_batch(l->rows);
	if (b.rows != pf_parquet_group_rows(l->parquet, group))
		PROBLEM(l, "row group %zu has %" PRId64 " rows, not %" PRId64, group,
			b.rows, pf_parquet_group_rows(l->parquet, group));
	PF_TRY(check_buckets(l, &b, err));
	check_partition(l, &b);
	check_order(l, group, &b);
	for (size_t i = 0; i < l->schema->n && !enough(l); i++)
		PF_TRY(check_column(l, group, i, &b, err));
	return 0;
}

static int check_rows(struct look *l, struct pf_error *err)
{
	for (size_t g = 0; g < pf_parquet_groups(l->parquet) && !enough(l); g++)
		PF_TRY(check_group(l, g, err));
	for (size_t i = 0; i < l->schema->n && !enough(l); i++) {
		struct pf_column_stats m;
		const struct pf_field *f = &l->schema->fields[i];
		if (pf_data_file_stats(l->file, f->id, f->type, &m) && m.nulls >= 0 &&
		    m.nulls != l->nulls[i])
			PROBLEM(l, "the manifest's statistics of column '%s' count %" PRId64
				" nulls, there are %" PRId64,
				f->name, m.nulls, l->nulls[i]);
	}
	return 0;
}

/* The columns of the file's schema, by its names. */
static void choose_columns(struct look *l)
{
	const struct pf_table_schema *s = l->file->schema;
	l->schema = pf_schema_new();
	l->ordinals = pf_alloc(s->n + 1, sizeof *l->ordinals);
	for (size_t i = 0; i < s->n; i++) {
		const struct pf_table_field *f = &s->fields[i];
		int at = pf_parquet_find(l->parquet, f->name);
		const struct pf_parquet_column *c =
			at < 0 ? NULL : pf_parquet_column(l->parquet, (size_t)at);
		if (!c) {
			if (!f->nullable)
				PROBLEM(l, "column '%s' is missing", f->name);
			continue;
		}
		if (!f->known || c->refused)
			continue;
		l->ordinals[l->schema->n] = at;
		pf_schema_add(l->schema, f->name, f->type, f->nullable)->id = f->id;
	}
}

static int open_index(struct look *l, struct pf_buf *side, struct pf_error *err)
{
	const struct pf_data_file *f = l->file;
	struct pf_view bytes = f->index;
	for (size_t i = 0; i < f->nextra_files; i++) {
		const char *name = f->extra_files[i];
		size_t len = strlen(name);
		if (len < 6 || strcmp(name + len - 6, ".index"))
			continue;
		char *path = pf_asprintf("%s/%s", f->dir, name);
		int code = pf_store_read(l->v->table->store, path, PF_MANIFEST_LIMIT,
					 side, err);
		free(path);
		PF_TRY(code);
		bytes = pf_view_of(side->data, side->len);
	}
	if (!bytes.len)
		return 0;
	return pf_file_index_open(bytes, f->rows, &l->index, err);
}

/* Its deletion vector says of itself whether it is sound. */
static int check_deleted(struct pf_verify *v, const struct pf_data_file *file,
			 struct pf_error *err)
{
	uint8_t *deleted;
	PF_TRY(pf_deletion_read(v->table, file, &deleted, err));
	free(deleted);
	return 0;
}

int pf_verify_file(struct pf_verify *v, const struct pf_data_file *file,
		   struct pf_error *err)
{
	struct look l = { .v = v, .file = file };
	struct pf_store_file *stored;
	struct pf_buf side = { 0 };
	PF_TRY(check_deleted(v, file, err));
	PF_TRY(pf_place_open(v->table, file->path, &stored, err));
	const struct pf_random_source *source = pf_store_file_source(stored);
	if ((int64_t)source->size != file->size)
		PROBLEM(&l, "the file has %" PRIu64 " bytes, its entry says %" PRId64,
			source->size, file->size);
	int code = open_index(&l, &side, err);
	if (!code)
		code = pf_parquet_open(source, &l.parquet, err);
	if (!code) {
		if (pf_parquet_rows(l.parquet) != file->rows)
			PROBLEM(&l, "the file has %" PRId64 " rows, its entry says %" PRId64,
				pf_parquet_rows(l.parquet), file->rows);
		choose_columns(&l);
		l.rows = pf_builder_new(l.schema);
		l.last = pf_builder_new(l.schema);
		l.nulls = pf_zalloc(l.schema->n + 1, sizeof *l.nulls);
		code = l.schema->n ? check_rows(&l, err) : 0;
		if (!code)
			code = pf_verify_key(v, file, l.parquet, err);
	}
	free(l.nulls);
	free(l.ordinals);
	pf_builder_free(l.rows);
	pf_builder_free(l.last);
	pf_schema_unref(l.schema);
	pf_file_index_free(l.index);
	pf_parquet_close(l.parquet);
	pf_store_close_file(stored);
	pf_buf_free(&side);
	return code;
}
