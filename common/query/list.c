/* SPDX-License-Identifier: Apache-2.0 */
#include "query/list.h"

#include <stdio.h>
#include <stdlib.h>

#include "arrow/layout.h"
#include "base/alloc.h"
#include "keyed/universal.h"
#include "paimon/refs.h"
#include "paimon/scan.h"

static const struct pf_type text = { .kind = PF_STRING };
static const struct pf_type number = { .kind = PF_BIGINT };
static const struct pf_type instant = { PF_TIMESTAMP_LTZ, 3, 0 };

static void add_count(struct pf_schema *s, const char *name, const char *unit,
		      bool nullable)
{
	pf_schema_add(s, name, number, nullable);
	pf_meta_set(&s->fields[s->n - 1].meta, PF_UNIT_META, unit);
}

static void put_text(struct pf_colbuf *c, const char *s)
{
	if (s)
		pf_col_bytes(c, s, strlen(s));
	else
		pf_col_null(c);
}

static int fail_no_snapshot(struct pf_table *table, int64_t id, struct pf_error *err)
{
	const char *name = pf_table_name(table);
	int64_t *ids;
	size_t n;
	PF_TRY(pf_snapshot_ids(table, &ids, &n, err));
	int64_t oldest = n ? ids[0] : 0;
	free(ids);
	if (id < oldest)
		pf_fail(err, PF_E_EXPIRED, "snapshot %lld of '%s' has expired, the oldest is %lld",
			(long long)id, name, (long long)oldest);
	else
		pf_fail(err, PF_E_USAGE, "'%s' has no snapshot %lld", name, (long long)id);
	return pf_hint(err, "pf-query --snapshots lists them");
}

static int find_as_of(struct pf_table *table, const struct pf_table_source_options *o,
		      struct pf_snapshot **snapshot, struct pf_error *err)
{
	PF_TRY(pf_snapshot_as_of(table, o->as_of_ms, snapshot, err));
	if (*snapshot)
		return 0;
	pf_fail(err, PF_E_USAGE, "'%s' has no snapshot that old", pf_table_name(table));
	return pf_hint(err, "pf-query --snapshots lists them");
}

int pf_find_snapshot(struct pf_table *table, const struct pf_table_source_options *o,
		     struct pf_snapshot **snapshot, struct pf_error *err)
{
	const char *name = pf_table_name(table);
	*snapshot = NULL;
	if (o->tag) {
		int code = pf_tag_read(table, o->tag, snapshot, err);
		if (code != PF_E_NO_FILE || o->has_as_of)
			return code == PF_E_NO_FILE ? find_as_of(table, o, snapshot, err) :
						      code;
		pf_fail(err, PF_E_USAGE, "'%s' has no tag '%s'", name, o->tag);
		return pf_hint(err, "pf-query --snapshots lists them");
	}
	if (o->snapshot) {
		int code = pf_snapshot_read(table, o->snapshot, snapshot, err);
		if (code != PF_E_NO_FILE)
			return code;
		return fail_no_snapshot(table, o->snapshot, err);
	}
	if (!o->has_as_of)
		return pf_snapshot_latest(table, snapshot, err);
	return find_as_of(table, o, snapshot, err);
}

static void put_file(struct pf_builder *b, const struct pf_data_file *f)
{
	/* dt=2024-01-31/bucket-3: the partition stands before the last part */
	const char *slash = strrchr(f->dir, '/');
	if (slash)
		pf_col_bytes(&b->columns[0], f->dir, (size_t)(slash - f->dir));
	else
		pf_col_null(&b->columns[0]);
	pf_col_i32(&b->columns[1], f->bucket);
	put_text(&b->columns[2], f->name);
	pf_col_i64(&b->columns[3], f->rows);
	pf_col_i64(&b->columns[4], f->size);
	pf_col_i32(&b->columns[5], f->level);
	pf_col_i64(&b->columns[6], f->schema_id);
	if (f->has_created)
		pf_col_i64(&b->columns[7], f->created_ms);
	else
		pf_col_null(&b->columns[7]);
	/* Whoever reads the file by itself sees these, too. */
	if (!f->deletion.path || f->deletion.rows >= 0)
		pf_col_i64(&b->columns[8], f->deletion.path ? f->deletion.rows : 0);
	else
		pf_col_null(&b->columns[8]);
}

/* 4242; 'abc', 7: as an expression would have it. */
static void put_key(struct pf_colbuf *c, const struct pf_table_schema *s,
		    struct pf_view row)
{
	struct pf_buf out = { 0 };
	struct pf_datum v;
	bool good = !pf_row_check(row, s->layout.nkey, "a key", NULL);
	for (size_t i = 0; good && i < s->layout.nkey; i++) {
		int f = pf_table_field_by_name(s, s->layout.key[i]);
		good = !pf_row_get(row, i, s->fields[f].type, &v, NULL);
		pf_buf_str(&out, i ? ", " : "");
		if (good)
			pf_datum_print(&v, &out);
	}
	put_text(c, good ? pf_buf_cstr(&out) : NULL);
	pf_buf_free(&out);
}

static void put_versions(struct pf_builder *b, const struct pf_table_schema *s,
			 const struct pf_data_file *f, size_t run)
{
	pf_col_i32(&b->columns[9], (int32_t)run);
	put_key(&b->columns[10], s, f->min_key);
	put_key(&b->columns[11], s, f->max_key);
	if (f->has_deletes)
		pf_col_i64(&b->columns[12], f->deletes);
	else
		pf_col_null(&b->columns[12]);
}

/* Run by run, as whoever reads or compacts them counts. */
static void put_runs(struct pf_builder *b, const struct pf_table_schema *s,
		     const struct pf_file_list *list, struct pf_list_runs *sum)
{
	const struct pf_data_file **files = pf_alloc(list->n + 1, sizeof *files);
	struct pf_keyed_run *runs = pf_alloc(list->n + 1, sizeof *runs);
	for (size_t from = 0, to; from < list->n; from = to) {
		for (to = from; to < list->n &&
				pf_same_bucket(&list->files[from], &list->files[to]); to++)
			files[to - from] = &list->files[to];
		size_t n = pf_keyed_runs(files, to - from, runs);
		for (size_t r = 0; r < n; r++)
			for (size_t i = runs[r].from; i < runs[r].from + runs[r].n; i++) {
				put_file(b, files[i]);
				put_versions(b, s, files[i], r + 1);
			}
		sum->buckets++;
		sum->runs += n;
		if (n <= sum->most)
			continue;
		sum->most = n;
		snprintf(sum->where, sizeof sum->where, "%s", files[0]->dir);
	}
	free(files);
	free(runs);
}

static int list_files(struct pf_table *table, const struct pf_table_source_options *o,
		      struct pf_builder *b, struct pf_list_runs *runs,
		      struct pf_error *err)
{
	struct pf_snapshot *snapshot;
	struct pf_file_list list = { 0 };
	PF_TRY(pf_find_snapshot(table, o, &snapshot, err));
	const struct pf_scan_filter all = { .use = PF_SCAN_LIST };
	int code = pf_scan_files(table, snapshot, &all, &list, err);
	if (!code && pf_table_schema(table)->nprimary_keys)
		put_runs(b, pf_table_schema(table), &list, runs);
	else
		for (size_t i = 0; i < list.n && !code; i++)
			put_file(b, &list.files[i]);
	pf_file_list_free(&list);
	pf_snapshot_free(snapshot);
	return code;
}

int pf_list_files(const char *path, const struct pf_table_source_options *o,
		  struct pf_builder **rows, struct pf_list_runs *runs,
		  struct pf_error *err)
{
	const struct pf_type whole = { .kind = PF_INT };
	struct pf_list_runs none;
	struct pf_table *table;
	runs = runs ? runs : &none;
	*runs = (struct pf_list_runs){ 0 };
	PF_TRY(pf_table_open(path, &table, err));
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "partition", text, true);
	pf_schema_add(s, "bucket", whole, false);
	pf_schema_add(s, "file", text, false);
	add_count(s, "rows", "rows", false);
	add_count(s, "bytes", "bytes", false);
	pf_schema_add(s, "level", whole, false);
	pf_schema_add(s, "schema", number, false);
	pf_schema_add(s, "created", instant, true);
	add_count(s, "deleted", "rows", true);
	if (pf_table_schema(table)->nprimary_keys) {
		pf_schema_add(s, "run", whole, false);
		pf_schema_add(s, "first_key", text, true);
		pf_schema_add(s, "last_key", text, true);
		add_count(s, "deletes", "rows", true);
	}
	*rows = pf_builder_new(s);
	pf_schema_unref(s);
	int code = list_files(table, o, *rows, runs, err);
	pf_table_close(table);
	if (code)
		pf_builder_free(*rows);
	return code;
}

static void put_snapshot(struct pf_builder *b, const struct pf_snapshot *s,
			 const struct pf_tags *tags)
{
	struct pf_buf names = { 0 };
	for (size_t i = 0; i < tags->n; i++)
		if (tags->items[i].snapshot->id == s->id)
			pf_buf_printf(&names, "%s%s", names.len ? "," : "",
				      tags->items[i].name);
	pf_col_i64(&b->columns[0], s->id);
	pf_col_i64(&b->columns[1], s->time_ms);
	put_text(&b->columns[2], s->kind);
	pf_col_i64(&b->columns[3], s->total_rows);
	pf_col_i64(&b->columns[4], s->delta_rows);
	pf_col_i64(&b->columns[5], s->schema_id);
	put_text(&b->columns[6], s->user);
	put_text(&b->columns[7], names.len ? pf_buf_cstr(&names) : NULL);
	pf_buf_free(&names);
}

/* Those that have expired but for their tags come first. */
static int list_snapshots(struct pf_table *table, struct pf_builder *b,
			  struct pf_error *err)
{
	int64_t *ids;
	size_t n;
	struct pf_tags tags;
	PF_TRY(pf_snapshot_ids(table, &ids, &n, err));
	int code = pf_tags_read(table, &tags, err);
	for (size_t i = 0; i < tags.n && !code; i++) {
		const struct pf_snapshot *s = tags.items[i].snapshot;
		bool first = !i || tags.items[i - 1].snapshot->id != s->id;
		if (first && (!n || s->id < ids[0]))
			put_snapshot(b, s, &tags);
	}
	for (size_t i = 0; i < n && !code; i++) {
		struct pf_snapshot *s;
		code = pf_snapshot_read(table, ids[i], &s, err);
		if (!code)
			put_snapshot(b, s, &tags);
		pf_snapshot_free(s);
		if (code == PF_E_NO_FILE) /* expired since we looked */
			code = 0;
	}
	pf_tags_free(&tags);
	free(ids);
	return code;
}

int pf_list_snapshots(const char *path, struct pf_builder **rows, struct pf_error *err)
{
	struct pf_table *table;
	PF_TRY(pf_table_open(path, &table, err));
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "snapshot", number, false);
	pf_schema_add(s, "time", instant, false);
	pf_schema_add(s, "kind", text, true);
	add_count(s, "rows", "rows", false);
	add_count(s, "added", "rows", false);
	pf_schema_add(s, "schema", number, false);
	pf_schema_add(s, "user", text, true);
	pf_schema_add(s, "tags", text, true);
	*rows = pf_builder_new(s);
	pf_schema_unref(s);
	int code = list_snapshots(table, *rows, err);
	pf_table_close(table);
	if (code)
		pf_builder_free(*rows);
	return code;
}

static bool is(const struct pf_schema *s, const char *key, const char *name)
{
	const char *v = pf_meta_get(&s->meta, key);
	return v && !strcmp(v, name);
}

struct pf_builder *pf_list_columns(const struct pf_schema *schema)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "column", text, false);
	pf_schema_add(s, "type", text, false);
	pf_schema_add(s, "nullable", (struct pf_type){ .kind = PF_BOOLEAN }, false);
	pf_schema_add(s, "role", text, true);
	struct pf_builder *b = pf_builder_new(s);
	pf_schema_unref(s);
	for (size_t i = 0; i < schema->n; i++) {
		const struct pf_field *f = &schema->fields[i];
		char name[40];
		put_text(&b->columns[0], f->name);
		put_text(&b->columns[1], pf_type_name(f->type, name));
		pf_col_bool(&b->columns[2], f->nullable);
		put_text(&b->columns[3], is(schema, "pf:id", f->name) ? "id" :
			 is(schema, "pf:time", f->name) ? "time" :
			 pf_meta_get(&schema->meta, "pf:id") &&
			 !strcmp(f->name, "dt") ? "partition" : NULL);
	}
	return b;
}
