/* SPDX-License-Identifier: Apache-2.0
 *
 * A table and a stage as sources. The table fixes a snapshot and holds its
 * files open; the stage begins exactly where that snapshot ends.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "paimon/offsets.h"
#include "query/in_flight.h"
#include "query/keyed_scan.h"
#include "query/list.h"
#include "query/source.h"
#include "query/table_files.h"
#include "query/table_index.h"
#include "stage/stage.h"

struct table_source {
	struct pf_source s;
	struct pf_table_source_options options;
	struct pf_table *table;
	struct pf_snapshot *snapshot;
	struct pf_file_list files;
	struct pf_table_files *held;
	const struct pf_wanted *wanted;
	size_t at;
	struct pf_parquet_scan *scan;
	struct pf_rules *rules;      /* of a table with a primary key, or NULL */
	struct pf_filter key_filter; /* what may leave out files of it */
	struct pf_keyed_scan *keyed;
	struct pf_in_flight *flight; /* rows of a stage to be merged, or NULL */
	struct pf_schema *versions;  /* of it */
	int *own;       /* wanted column -> column of s.schema */
	int64_t skipped_by_index; /* files, while listing */
};

static void table_release(struct table_source *s)
{
	pf_parquet_scan_free(s->scan);
	s->scan = NULL;
	pf_keyed_scan_free(s->keyed);
	s->keyed = NULL;
	pf_key_filter_free(&s->key_filter);
	pf_schema_unref(s->versions);
	s->versions = NULL;
	pf_table_files_free(s->held);
	s->held = NULL;
	pf_file_list_free(&s->files);
	s->files = (struct pf_file_list){ 0 };
	pf_snapshot_free(s->snapshot);
	s->snapshot = NULL;
	s->at = 0;
}

/* --- pruning by metadata --- */

/* The value of a partition column for all rows of a file. */
struct partition_ctx {
	const struct table_source *s;
	const struct pf_datum *values;
	const struct pf_data_file *file;
};

static int partition_key(const struct table_source *s, const char *name)
{
	return pf_partition_key(pf_table_schema(s->table), name);
}

static bool partition_stats(void *ctx, int column, struct pf_block_stats *out)
{
	const struct partition_ctx *c = ctx;
	const char *name = c->s->wanted->schema->fields[column].name;
	int key = partition_key(c->s, name);
	if (key < 0)
		return false;
	const struct pf_datum *v = &c->values[key];
	*out = (struct pf_block_stats){ .nulls = v->null ? 1 : 0, .rows = 1 };
	out->has_min = out->has_max = !v->null;
	out->min = out->max = *v;
	return true;
}

static bool keep_partition(void *ctx, const struct pf_datum *values, size_t n)
{
	struct table_source *s = ctx;
	struct partition_ctx c = { .s = s, .values = values };
	(void)n;
	return pf_filter_may_match(s->wanted->filter, partition_stats, &c);
}

static bool partition_range_stats(void *ctx, int column, struct pf_block_stats *out)
{
	const struct pf_datum *const *minmax = (void *)((void **)ctx)[1];
	const struct table_source *s = ((void **)ctx)[0];
	int key = partition_key(s, s->wanted->schema->fields[column].name);
	if (key < 0)
		return false;
	*out = (struct pf_block_stats){ .nulls = -1, .rows = -1 };
	out->has_min = !minmax[0][key].null;
	out->has_max = !minmax[1][key].null;
	out->min = minmax[0][key];
	out->max = minmax[1][key];
	return true;
}

static bool keep_partition_range(void *ctx, const struct pf_datum *min,
				 const struct pf_datum *max, size_t n)
{
	struct table_source *s = ctx;
	const struct pf_datum *minmax[2] = { min, max };
	void *both[2] = { s, minmax };
	(void)n;
	return pf_filter_may_match(s->wanted->filter, partition_range_stats, both);
}

/* What the manifest says about a column of a file. */
static bool file_stats(void *ctx, int column, struct pf_block_stats *out)
{
	const struct partition_ctx *c = ctx;
	/* Another table may know the column by another number and type. */
	const struct pf_field *f = &c->s->s.schema->fields[c->s->own[column]];
	struct pf_column_stats stats;
	if (partition_key(c->s, f->name) >= 0)
		return partition_stats(ctx, column, out);
	if (pf_cast_since(pf_table_schema(c->s->table), c->file->schema, f->id) ||
	    !pf_data_file_stats(c->file, f->id, f->type, &stats))
		return false;
	*out = (struct pf_block_stats){ .nulls = stats.nulls, .rows = c->file->rows };
	out->has_min = !stats.min.null;
	out->has_max = !stats.max.null;
	out->min = stats.min;
	out->max = stats.max;
	return true;
}

static bool may_match(struct table_source *s, const struct pf_wanted *w,
		      const struct pf_data_file *file)
{
	struct partition_ctx c = { .s = s, .values = file->partition_values,
				   .file = file };
	if (!pf_filter_may_match(w->filter, file_stats, &c))
		return false;
	bool may = pf_table_index_may_match(s->table, file, w);
	s->skipped_by_index += !may;
	return may;
}

/* Where versions of a row may lie in several files, by the key alone. */
static bool keep_file(void *ctx, const struct pf_data_file *file)
{
	struct table_source *s = ctx;
	struct pf_wanted w = *s->wanted;
	if (s->rules)
		w.filter = &s->key_filter;
	return may_match(s, &w, file);
}

/* A file whose rows need no merging. */
static bool keep_single(void *ctx, const struct pf_data_file *file)
{
	struct table_source *s = ctx;
	int64_t by_index = s->skipped_by_index;
	if (!s->wanted->prune || !s->wanted->filter->n ||
	    may_match(s, s->wanted, file))
		return true;
	by_index = s->skipped_by_index - by_index;
	s->s.counts.files_index += by_index;
	s->s.counts.files_stats += !by_index;
	return false;
}

/* A value that is asked for, in the type that buckets are made of. */
static bool as_key(const struct pf_datum *v, struct pf_type type, struct pf_datum *out)
{
	*out = *v;
	out->type = type;
	if (pf_kind_is_integer(type.kind))
		return pf_kind_is_integer(v->type.kind);
	if (type.kind == PF_STRING)
		return v->type.kind == PF_STRING;
	return pf_type_equal(type, v->type);
}

size_t pf_wanted_keys(const struct pf_wanted *w, const char *name, struct pf_type type,
		      struct pf_datum **keys)
{
	*keys = NULL;
	int column = pf_schema_find(w->schema, name);
	const struct pf_column_bounds *b = pf_filter_bounds(w->filter, column);
	for (size_t i = 0; i < b->n; i++) {
		const struct pf_range *r = &b->ranges[i];
		if (!r->has_set || r->nulls || r->nset > 10000)
			continue;
		struct pf_datum *out = pf_alloc(r->nset + 1, sizeof *out);
		size_t n = 0;
		for (size_t k = 0; k < r->nset; k++)
			if (as_key(&r->set[k], type, &out[n]))
				n++;
		if (n == r->nset && n) {
			*keys = out;
			return n;
		}
		free(out);
	}
	return 0;
}

/* The values of the bucket key that are asked for. */
static size_t bucket_keys(const struct table_source *s, struct pf_datum **keys)
{
	const struct pf_table_schema *t = pf_table_schema(s->table);
	int c = t->nbucket_key == 1 ? pf_schema_find(s->s.schema, t->bucket_key[0]) : -1;
	return c < 0 ? 0 : pf_wanted_keys(s->wanted, t->bucket_key[0],
					  s->s.schema->fields[c].type, keys);
}

static int list_files(struct table_source *s, struct pf_error *err)
{
	struct pf_scan_filter f = { .ctx = s, .use = PF_SCAN_READ };
	struct pf_datum *keys = NULL;
	s->skipped_by_index = 0;
	if (s->wanted->prune && s->wanted->filter->n) {
		f.partition = keep_partition;
		f.partition_range = keep_partition_range;
		f.nkeys = bucket_keys(s, &keys);
		f.keys = keys;
		f.file = keep_file;
	}
	int code = pf_scan_files(s->table, s->snapshot, &f, &s->files, err);
	free(keys);
	return code;
}

static bool rows_in_flight(void *ctx, const struct pf_data_file *file,
			   struct pf_batch *rows)
{
	return pf_in_flight_rows(((struct table_source *)ctx)->flight, file, rows);
}

/* The stage begins where the snapshot ends; its rows are newer. */
static int merge_flight(struct table_source *s, struct pf_error *err)
{
	enum { MOST_BYTES = 256 << 20 };
	const struct pf_table_schema *t = pf_table_schema(s->table);
	struct pf_wanted w = *s->wanted;
	if (!s->flight)
		return 0;
	s->versions = pf_keyed_versions(w.schema, t, s->rules);
	w.schema = s->versions;
	w.filter = &s->key_filter;
	PF_TRY(pf_in_flight_read(s->flight, t, s->rules, &w,
				 w.memory ? w.memory : MOST_BYTES, err));
	pf_in_flight_add(s->flight, &s->files);
	s->s.counts.rows += pf_in_flight_stage(s->flight)->counts.rows;
	s->s.rejected = pf_in_flight_stage(s->flight)->rejected;
	return 0;
}

static bool is_in_flight(void *ctx, const struct pf_data_file *file)
{
	struct pf_batch rows;
	return rows_in_flight(ctx, file, &rows);
}

static void count_list(struct table_source *s)
{
	struct pf_scan_counts *c = &s->s.counts;
	*c = (struct pf_scan_counts){
		.manifests = s->files.manifests,
		.manifests_skipped = s->files.manifests_skipped,
		.files = s->files.live,
		.files_partition = s->files.pruned_partition,
		.files_bucket = s->files.pruned_bucket,
		.files_stats = s->files.pruned_file - s->skipped_by_index,
		.files_index = s->skipped_by_index,
	};
}

/* What of it has to be read. */
static const struct pf_wanted *enough(const struct table_source *s,
				      const struct pf_data_file *d)
{
	const struct pf_wanted *w = s->wanted;
	return w->may_skip && w->may_skip(w->ctx, d, s->s.schema) ? w->less : w;
}

static int open_file(void *ctx, const struct pf_data_file *d, const struct pf_wanted *w,
		     struct pf_parquet_scan **scan, struct pf_error *err)
{
	return pf_table_files_open(((struct table_source *)ctx)->held, d, w, scan, err);
}

static void close_file(void *ctx, const struct pf_data_file *d)
{
	pf_table_files_done(((struct table_source *)ctx)->held, d);
}

static int start_keyed(struct table_source *s, struct pf_error *err)
{
	const struct pf_keyed_files files = { .open = open_file, .done = close_file,
					      .may_match = keep_single,
					      .rows = rows_in_flight, .ctx = s };
	int code = pf_keyed_scan_new(&s->files, pf_table_schema(s->table), s->rules,
				     s->wanted, &files, &s->s.counts, &s->keyed, err);
	return code ? pf_context(err, "'%s'", s->s.name) : 0;
}

static int table_start(struct pf_source *source, const struct pf_wanted *w,
		       struct pf_error *err)
{
	struct table_source *s = (struct table_source *)source;
	table_release(s);
	s->wanted = w;
	s->own = pf_realloc(s->own, w->schema->n + 1, sizeof *s->own);
	PF_TRY(pf_source_columns(source, w->schema, s->own, err));
	PF_TRY(pf_find_snapshot(s->table, &s->options, &s->snapshot, err));
	source->snapshot = s->snapshot ? s->snapshot->id : 0;
	if (s->rules)
		s->key_filter = pf_key_filter(w->filter, w->schema,
					      pf_table_schema(s->table));
	PF_TRY(list_files(s, err));
	count_list(s);
	PF_TRY(merge_flight(s, err));
	PF_TRY(pf_table_files_new(s->table, source->snapshot, &source->counts, &s->held, err));
	PF_TRY(pf_table_files_hold(s->held, &s->files, is_in_flight, s, err));
	return s->rules ? start_keyed(s, err) : 0;
}

static int table_next(struct pf_source *source, struct pf_batch *batch,
		      struct pf_error *err)
{
	struct table_source *s = (struct table_source *)source;
	batch->rows = 0;
	if (s->keyed) {
		int code = pf_keyed_scan_next(s->keyed, batch, err);
		return code ? pf_context(err, "'%s'", source->name) : 0;
	}
	while (s->at < s->files.n) {
		const struct pf_data_file *d = &s->files.files[s->at];
		int code = s->scan ? 0 : open_file(s, d, enough(s, d), &s->scan, err);
		if (!code)
			code = pf_parquet_scan_next(s->scan, batch, err);
		if (code)
			return pf_context(err, "'%s/%s'", source->name, d->path);
		if (batch->rows)
			return 0;
		pf_parquet_scan_free(s->scan);
		s->scan = NULL;
		close_file(s, d);
		s->at++;
	}
	return 0;
}

static void table_close(struct pf_source *source)
{
	struct table_source *s = (struct table_source *)source;
	table_release(s);
	pf_table_close(s->table);
	pf_rules_free(s->rules);
	pf_in_flight_free(s->flight);
	free(s->own);
	free(s);
}

static const struct pf_source_ops table_ops = { .start = table_start,
						.next = table_next,
						.close = table_close };

/* An old snapshot is read with the schema that it had. */
static int travel(struct table_source *s, struct pf_error *err)
{
	const struct pf_table_source_options *o = &s->options;
	struct pf_snapshot *snapshot;
	if (!o->snapshot && !o->tag && !o->has_as_of)
		return 0;
	PF_TRY(pf_find_snapshot(s->table, o, &snapshot, err));
	int code = snapshot ? pf_table_travel(s->table, snapshot->schema_id, err) : 0;
	pf_snapshot_free(snapshot);
	return code;
}

int pf_source_table(const char *path, const struct pf_table_source_options *options,
		    struct pf_source **out, struct pf_error *err)
{
	struct table_source *s = pf_zalloc(1, sizeof *s);
	s->s = (struct pf_source){ .ops = &table_ops, .name = pf_strdup(path),
				   .kind = "table", .filtered = true };
	s->options = *options;
	int code = pf_table_open(path, &s->table, err);
	if (!code)
		code = travel(s, err);
	if (!code)
		code = pf_table_readable(pf_table_schema(s->table), err);
	if (!code && pf_table_schema(s->table)->nprimary_keys)
		code = pf_rules_read(pf_table_schema(s->table), &s->rules, err);
	if (code) {
		pf_source_close(&s->s);
		return code;
	}
	struct pf_error why = { 0 };
	if (pf_table_all_known(pf_table_schema(s->table), &why))
		s->s.left_out = pf_strdup(why.message);
	s->s.schema = pf_schema_ref(pf_table_schema(s->table)->columns);
	*out = &s->s;
	return 0;
}

int pf_source_merge_stage(struct pf_source *source, struct pf_source *stage,
			  bool *merged, struct pf_error *err)
{
	struct table_source *s = (struct table_source *)source;
	*merged = false;
	if (!source || source->ops != &table_ops || !s->rules)
		return 0;
	PF_TRY(pf_table_writable(pf_table_schema(s->table), err));
	if (s->flight)
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "'%s' has a primary key: rows of one stage can be merged over it, not of two",
			       source->name);
	s->flight = pf_in_flight_new(stage);
	*merged = true;
	return 0;
}

bool pf_source_merges_stage(const struct pf_source *source)
{
	return source->ops == &table_ops && ((const struct table_source *)source)->flight;
}

struct pf_table *pf_source_table_of(struct pf_source *source,
				    const struct pf_snapshot **snapshot)
{
	struct table_source *s = (struct table_source *)source;
	if (source->ops != &table_ops)
		return NULL;
	*snapshot = s->snapshot;
	return s->table;
}
