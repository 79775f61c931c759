/* SPDX-License-Identifier: Apache-2.0 */
#include "query/in_flight.h"

#include <stdlib.h>
#include <string.h>

#include "arrow/layout.h"
#include "base/alloc.h"
#include "keyed/fold.h"
#include "load/sort.h"
#include "paimon/bucket.h"

static char in_flight_name[] = "rows in flight";

/* Behind every number that was given out, or will be. */
static const int64_t first_number = (int64_t)1 << 62;

/* The rows of one bucket. */
struct run {
	struct pf_view partition; /* a serialized row, in the arena */
	struct pf_datum *values;
	int32_t bucket;
	struct pf_builder *rows;
	struct pf_view min_key, max_key;
};

struct pf_in_flight {
	struct pf_source *stage;
	const struct pf_table_schema *table;
	const struct pf_rules *rules;
	struct pf_schema *versions;
	struct pf_schema *asked; /* what the stage has of these */
	struct pf_wanted wanted; /* lives as long as the stage is read */
	int *from;               /* column of versions -> asked; -1: made here */
	struct pf_arena arena;
	struct run *runs;
	size_t n;
	size_t *guess;           /* the run of each bucket's last row */
	int *partition;          /* columns of asked */
	int64_t next_number;
	size_t bytes, most_bytes;
};

struct pf_in_flight *pf_in_flight_new(struct pf_source *stage)
{
	struct pf_in_flight *f = pf_zalloc(1, sizeof *f);
	f->stage = stage;
	return f;
}

static void clear(struct pf_in_flight *f)
{
	for (size_t i = 0; i < f->n; i++)
		pf_builder_free(f->runs[i].rows);
	free(f->runs);
	f->runs = NULL;
	f->n = f->bytes = 0;
	free(f->from);
	free(f->guess);
	free(f->partition);
	f->from = f->partition = NULL;
	f->guess = NULL;
	pf_schema_unref(f->asked);
	f->asked = NULL;
	pf_arena_free(&f->arena);
}

void pf_in_flight_free(struct pf_in_flight *f)
{
	if (!f)
		return;
	clear(f);
	pf_source_close(f->stage);
	free(f);
}

struct pf_source *pf_in_flight_stage(struct pf_in_flight *f)
{
	return f->stage;
}

/* --- columns --- */

static void need(struct pf_in_flight *f, const char *name)
{
	int at = pf_table_field_by_name(f->table, name);
	if (pf_schema_find(f->asked, name) < 0 && at >= 0)
		pf_schema_add(f->asked, name, f->table->fields[at].type, true)->id =
			f->table->fields[at].id;
}

/* The stage's part of the versions; and what says where they belong. */
static void choose_columns(struct pf_in_flight *f, const struct pf_schema *versions)
{
	bool kinds = pf_schema_find(f->stage->schema, PF_KIND_COLUMN) >= 0;
	f->asked = pf_schema_new();
	for (size_t i = 0; i < versions->n; i++) {
		const struct pf_field *c = &versions->fields[i];
		bool system = !strcmp(c->name, PF_SEQUENCE_COLUMN) ||
			      (!strcmp(c->name, PF_KIND_COLUMN) && !kinds);
		if (!system)
			pf_schema_add(f->asked, c->name, c->type, true)->id = c->id;
	}
	for (size_t i = 0; i < f->table->nbucket_key; i++)
		need(f, f->table->bucket_key[i]);
	for (size_t i = 0; i < f->table->npartition_keys; i++)
		need(f, f->table->partition_keys[i]);
	f->from = pf_alloc(versions->n + 1, sizeof *f->from);
	f->guess = pf_zalloc((size_t)f->table->buckets, sizeof *f->guess);
	f->partition = pf_alloc(f->table->npartition_keys + 1, sizeof *f->partition);
	for (size_t i = 0; i < f->table->npartition_keys; i++)
		f->partition[i] = pf_schema_find(f->asked, f->table->partition_keys[i]);
	for (size_t i = 0; i < versions->n; i++)
		f->from[i] = pf_schema_find(f->asked, versions->fields[i].name);
}

/* --- rows --- */

/* Is the row of the run's partition? */
static bool is_of(const struct pf_in_flight *f, const struct run *run,
		  const struct pf_batch *b, int64_t row)
{
	for (size_t i = 0; i < f->table->npartition_keys; i++) {
		int c = f->partition[i];
		const struct pf_datum *v = &run->values[i];
		bool null = pf_is_null(&b->columns[c], row);
		if (null || v->null) {
			if (null != v->null)
				return false;
			continue;
		}
		struct pf_datum d = pf_datum_at(f->asked->fields[c].type, &b->columns[c], row);
		if (pf_datum_cmp(&d, v))
			return false;
	}
	return true;
}

static struct run *add_run(struct pf_in_flight *f, const struct pf_batch *b, int64_t row,
			   int32_t bucket)
{
	size_t n = f->table->npartition_keys;
	struct pf_datum *values = pf_arena_zero(&f->arena, n + 1, sizeof *values);
	struct pf_buf bytes = { 0 };
	for (size_t i = 0; i < n; i++) {
		int c = f->partition[i];
		values[i] = pf_datum_at(f->asked->fields[c].type, &b->columns[c], row);
		if (!values[i].null && pf_kind_is_variable(values[i].type.kind))
			values[i].bytes = pf_arena_copy(&f->arena, values[i].bytes.data,
							values[i].bytes.len);
	}
	pf_row_serialize(&bytes, values, n);
	f->runs = pf_realloc(f->runs, f->n + 1, sizeof *f->runs);
	struct run *run = &f->runs[f->n++];
	*run = (struct run){ .bucket = bucket, .values = values,
			     .rows = pf_builder_new(f->versions) };
	run->partition = pf_arena_copy(&f->arena, bytes.data, bytes.len);
	pf_buf_free(&bytes);
	return run;
}

/* Rows of a bucket mostly come from one partition, one after the other. */
static struct run *find_run(struct pf_in_flight *f, const struct pf_batch *b, int64_t row,
			    int32_t bucket)
{
	size_t guess = f->guess[bucket];
	if (guess < f->n && f->runs[guess].bucket == bucket &&
	    is_of(f, &f->runs[guess], b, row))
		return &f->runs[guess];
	size_t at = 0;
	while (at < f->n && !(f->runs[at].bucket == bucket && is_of(f, &f->runs[at], b, row)))
		at++;
	f->guess[bucket] = at;
	return at < f->n ? &f->runs[at] : add_run(f, b, row, bucket);
}

static void append(struct pf_in_flight *f, struct run *run, const struct pf_batch *b,
		   int64_t at)
{
	for (size_t c = 0; c < f->versions->n; c++) {
		struct pf_colbuf *to = &run->rows->columns[c];
		if (f->from[c] >= 0) {
			pf_col_append(to, &b->columns[f->from[c]], at, 1);
			continue;
		}
		bool number = to->kind == PF_BIGINT; /* or the kind */
		pf_col_int(to, number ? f->next_number : PF_ROW_INSERT);
	}
	f->next_number++;
}

static int add_batch(struct pf_in_flight *f, const struct pf_batch *b, struct pf_error *err)
{
	int key = pf_schema_find(f->asked, f->table->bucket_key[0]);
	int32_t *buckets = pf_alloc((size_t)b->rows + 1, sizeof *buckets);
	int code = pf_bucket_rows(&b->columns[key], f->asked->fields[key].type, b->rows,
				  f->table->buckets, buckets, err);
	int kind = pf_schema_find(f->asked, PF_KIND_COLUMN);
	const int8_t *kinds = kind < 0 ? NULL : b->columns[kind].values;
	for (int64_t at = 0; !code && at < b->rows; at++) {
		if (kinds && pf_rules_ignore(f->rules, kinds[at]))
			continue;
		if (kinds && pf_kind_retracts(kinds[at]))
			code = pf_rules_take(f->rules, kinds[at], err);
		if (!code)
			append(f, find_run(f, b, at, buckets[at]), b, at);
	}
	free(buckets);
	f->bytes += pf_batch_bytes(b);
	if (!code && f->bytes > f->most_bytes) {
		pf_fail(err, PF_E_LIMIT, "the rows in flight of '%s' do not fit in memory",
			f->stage->name);
		return pf_hint(err, "load them, or raise --memory");
	}
	return code;
}

static struct pf_view key_at(struct pf_in_flight *f, const struct pf_batch *b, int64_t row)
{
	size_t n = f->rules->nkeys;
	struct pf_datum *values = pf_alloc(n, sizeof *values);
	struct pf_buf bytes = { 0 };
	for (size_t i = 0; i < n; i++) {
		int c = pf_schema_find(f->versions, f->rules->keys[i]);
		values[i] = pf_datum_at(f->versions->fields[c].type, &b->columns[c], row);
	}
	pf_row_serialize(&bytes, values, n);
	struct pf_view v = pf_arena_copy(&f->arena, bytes.data, bytes.len);
	pf_buf_free(&bytes);
	free(values);
	return v;
}

/* Sorted versions become one for each key, as they will when they are loaded. */
static int merge_run(struct pf_in_flight *f, struct run *run, const struct pf_batch *sorted,
		     struct pf_error *err)
{
	struct pf_keyed_fold *fold;
	struct pf_batch rows;
	PF_TRY(pf_keyed_fold_new(f->rules, f->versions, true, &fold, err));
	int code = pf_keyed_fold_add(fold, sorted, true, &rows, err);
	pf_builder_reset(run->rows);
	if (!code)
		pf_builder_append(run->rows, &rows, 0, rows.rows);
	pf_keyed_fold_free(fold);
	return code;
}

static int sort_run(struct pf_in_flight *f, struct run *run, struct pf_sorter *sorter,
		    struct pf_error *err)
{
	size_t n = f->rules->nkeys;
	int *keys = pf_alloc(n, sizeof *keys);
	for (size_t i = 0; i < n; i++)
		keys[i] = pf_schema_find(f->versions, f->rules->keys[i]);
	struct pf_batch all = pf_builder_batch(run->rows);
	struct pf_builder *sorted = pf_builder_new(f->versions);
	pf_builder_gather(sorted, &all, pf_sort_rows(sorter, &all, keys, n),
			  (size_t)all.rows);
	all = pf_builder_batch(sorted);
	run->min_key = key_at(f, &all, 0);
	run->max_key = key_at(f, &all, all.rows - 1);
	free(keys);
	int code = merge_run(f, run, &all, err);
	pf_builder_free(sorted);
	return code;
}

int pf_in_flight_read(struct pf_in_flight *f, const struct pf_table_schema *table,
		      const struct pf_rules *rules, const struct pf_wanted *wanted,
		      size_t memory_bytes, struct pf_error *err)
{
	struct pf_batch b;
	clear(f);
	f->table = table;
	f->rules = rules;
	f->versions = (struct pf_schema *)(uintptr_t)wanted->schema;
	f->most_bytes = memory_bytes;
	f->next_number = first_number;
	choose_columns(f, wanted->schema);
	f->wanted = *wanted;
	f->wanted.schema = f->asked;
	PF_TRY(f->stage->ops->start(f->stage, &f->wanted, err));
	do {
		PF_TRY(f->stage->ops->next(f->stage, &b, err));
		if (b.rows)
			PF_TRY(add_batch(f, &b, err));
	} while (b.rows);
	struct pf_sorter *sorter = pf_sorter_new();
	int code = 0;
	for (size_t i = 0; i < f->n && !code; i++)
		code = sort_run(f, &f->runs[i], sorter, err);
	pf_sorter_free(sorter);
	return code;
}

/* --- as files --- */

static int compare(const void *a, const void *b)
{
	const struct pf_data_file *x = a, *y = b;
	int c = pf_view_cmp(x->partition, y->partition);
	if (!c)
		c = (x->bucket > y->bucket) - (x->bucket < y->bucket);
	return c ? c : pf_view_cmp(pf_view_str(x->path), pf_view_str(y->path));
}

void pf_in_flight_add(struct pf_in_flight *f, struct pf_file_list *list)
{
	struct pf_data_file *files = pf_arena_get(&list->arena, list->n + f->n + 1,
						  sizeof *files);
	if (list->n)
		memcpy(files, list->files, list->n * sizeof *files);
	for (size_t i = 0; i < f->n; i++)
		files[list->n + i] = (struct pf_data_file){
			.partition = f->runs[i].partition,
			.bucket = f->runs[i].bucket,
			.name = in_flight_name,
			.path = in_flight_name,
			.dir = in_flight_name,
			.rows = f->runs[i].rows->columns[0].rows,
			.min_key = f->runs[i].min_key,
			.max_key = f->runs[i].max_key,
			.partition_values = f->runs[i].values,
			.first_row_id = (int64_t)i,
			.schema = f->table,
		};
	list->files = files;
	list->n += f->n;
	qsort(list->files, list->n, sizeof *list->files, compare);
}

bool pf_in_flight_rows(const struct pf_in_flight *f, const struct pf_data_file *file,
		       struct pf_batch *rows)
{
	if (!f || file->name != in_flight_name)
		return false;
	*rows = pf_builder_batch(f->runs[file->first_row_id].rows);
	return true;
}
