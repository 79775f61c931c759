/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "paimon/bucket.h"
#include "paimon/internal.h"
#include "paimon/live.h"
#include "paimon/partition.h"

bool pf_data_file_stats(const struct pf_data_file *file, int32_t field_id,
			struct pf_type type, struct pf_column_stats *out)
{
	const struct pf_table_schema *s = file->schema;
	int f = s ? pf_table_field_by_id(s, field_id) : -1;
	if (f < 0 || !s->fields[f].known || s->fields[f].nested ||
	    !pf_type_equal(s->fields[f].type, type))
		return false;
	size_t at = (size_t)f, n = s->n;
	if (file->has_stats_columns) {
		n = file->nstats_columns;
		for (at = 0; at < n; at++)
			if (!strcmp(file->stats_columns[at], s->fields[f].name))
				break;
	}
	const struct pf_stats *v = &file->value_stats;
	if (at >= n || pf_row_arity(v->min) != n || pf_row_arity(v->max) != n)
		return false;
	out->nulls = at < v->n ? v->nulls[at] : -1;
	return !pf_row_get(v->min, at, type, &out->min, NULL) &&
	       !pf_row_get(v->max, at, type, &out->max, NULL);
}

/* --- the list --- */

struct named_deletion {
	const char *name; /* of the data file */
	struct pf_deletion at;
};

struct scan {
	struct pf_table *table;
	const struct pf_scan_filter *filter;
	struct pf_file_list *list;
	const struct pf_table_schema *schema; /* of the newest data */
	int32_t *buckets; /* of the filter's keys, by the count below */
	int32_t bucket_count;
	struct named_deletion *deletions; /* by name */
	size_t ndeletions;
};

/* Does a value of the bucket key, as we see it, hash as Paimon's did? Not
 * when it has lost digits, or is one of several. */
static bool keys_hash(const struct pf_table_schema *s)
{
	int f = s->nbucket_key == 1 ? pf_table_field_by_name(s, s->bucket_key[0]) : -1;
	return f >= 0 && s->fields[f].known && !s->fields[f].cut && !s->fields[f].nested &&
	       !strcmp(pf_table_option(s, "bucket-function.type", "default"), "default");
}

/* Can the file's bucket hold one of the keys? By the file's own count. */
static bool bucket_may_match(struct scan *s, const struct pf_data_file *f)
{
	size_t n = s->filter ? s->filter->nkeys : 0;
	if (!n || f->total_buckets < 1 || !keys_hash(s->schema))
		return true;
	if (s->bucket_count != f->total_buckets) {
		if (!s->buckets)
			s->buckets = pf_arena_get(&s->list->arena, n,
						  sizeof *s->buckets);
		for (size_t i = 0; i < n; i++)
			s->buckets[i] = pf_bucket_of(&s->filter->keys[i], 1,
						     f->total_buckets);
		s->bucket_count = f->total_buckets;
	}
	for (size_t i = 0; i < n; i++)
		if (s->buckets[i] == f->bucket)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named_deletion *)a)->name,
		      ((const struct named_deletion *)b)->name);
}

static void find_deletion(const struct scan *s, struct pf_data_file *f)
{
	const struct named_deletion key = { .name = f->name };
	const struct named_deletion *d =
		s->ndeletions ? bsearch(&key, s->deletions, s->ndeletions, sizeof key,
					by_name) : NULL;
	if (d)
		f->deletion = d->at;
}

/* What to say of a file that is not Parquet. */
static int refuse_format(const struct pf_data_file *f, struct pf_error *err)
{
	const char *dot = strrchr(f->name, '.');
	const char *format = !dot ? "of an unknown format" :
			     !strcmp(dot, ".orc") ? "ORC" :
			     !strcmp(dot, ".avro") ? "Avro" :
			     !strcmp(dot, ".blob") ? "a BLOB" : "not Parquet";
	return pf_fail(err, PF_E_TABLE_FEATURE, "data file '%s' is %s, which is not supported",
		       f->name, format);
}

/* Does the file hold only some columns, the others being in files beside it? */
static bool is_part(const struct pf_data_file *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->nwrite_columns; i++)
		n += pf_table_field_by_name(f->schema, f->write_columns[i]) >= 0;
	return f->has_write_columns && n < f->schema->n;
}

static int check_file(const struct scan *s, const struct pf_data_file *f,
		      struct pf_error *err)
{
	enum pf_scan_use use = s->filter ? s->filter->use : PF_SCAN_REWRITE;
	size_t len = strlen(f->name);
	if (use == PF_SCAN_LIST)
		return 0;
	if (len < 8 || strcmp(f->name + len - 8, ".parquet"))
		return refuse_format(f, err);
	if (is_part(f))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "data file '%s' holds only some of the columns (data evolution), which is not supported",
			       f->name);
	if (use == PF_SCAN_READ)
		return 0;
	if (f->external_path)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "data file '%s' lies outside of the table (_EXTERNAL_PATH), which is not supported here",
			       f->name);
	if (f->deletion.path)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "data file '%s' has a deletion vector, which is not supported here",
			       f->name);
	return 0;
}

/* Its directory and path: where its metadata says, or in its bucket. */
static void fill_place(struct scan *s, struct pf_data_file *f, const char *prefix,
		       size_t prefix_len)
{
	char bucket[32];
	struct pf_arena *a = &s->list->arena;
	if (f->external_path) {
		const char *slash = strrchr(f->external_path, '/');
		f->path = f->external_path;
		f->dir = pf_arena_text(a, f->path, slash ? (size_t)(slash - f->path) : 0);
		return;
	}
	if (f->bucket == -2)
		snprintf(bucket, sizeof bucket, "bucket-postpone");
	else
		snprintf(bucket, sizeof bucket, "bucket-%" PRId32, f->bucket);
	size_t blen = strlen(bucket), nlen = strlen(f->name);
	f->dir = pf_arena_get(a, prefix_len + blen + 1, 1);
	if (prefix_len)
		memcpy(f->dir, prefix, prefix_len);
	memcpy(f->dir + prefix_len, bucket, blen + 1);
	f->path = pf_arena_get(a, prefix_len + blen + nlen + 2, 1);
	memcpy(f->path, f->dir, prefix_len + blen);
	f->path[prefix_len + blen] = '/';
	memcpy(f->path + prefix_len + blen + 1, f->name, nlen + 1);
}

static int fill_file(struct scan *s, struct pf_data_file *f, const char *prefix,
		     size_t prefix_len, struct pf_datum *values,
		     struct pf_error *err)
{
	fill_place(s, f, prefix, prefix_len);
	f->partition_values = values;
	find_deletion(s, f);
	return pf_table_schema_of(s->table, f->schema_id, &f->schema, err);
}

static bool same_partition(const struct pf_data_file *a, const struct pf_data_file *b)
{
	return !pf_view_cmp(a->partition, b->partition);
}

/* data-file.path-directory stands before the partition's own. */
static void put_directory(const struct pf_table_schema *s, struct pf_buf *prefix)
{
	const char *dir = pf_table_option(s, "data-file.path-directory", "");
	size_t len = strlen(dir);
	while (len && dir[len - 1] == '/')
		len--;
	pf_buf_add(prefix, dir, len);
	if (len)
		pf_buf_byte(prefix, '/');
}

/* Files [from, to) are those of one partition. Keeps them from *kept on. */
static int take_partition(struct scan *s, struct pf_data_file *files, size_t from,
			  size_t to, size_t *kept, struct pf_error *err)
{
	const struct pf_scan_filter *f = s->filter;
	struct pf_buf prefix = { 0 };
	struct pf_datum *values = pf_arena_zero(&s->list->arena,
						s->schema->npartition_keys + 1,
						sizeof *values);
	int code = pf_partition_values(s->schema, files[from].partition, values, err);
	if (!code && f && f->partition &&
	    !f->partition(f->ctx, values, s->schema->npartition_keys)) {
		s->list->pruned_partition += (int64_t)(to - from);
		return 0;
	}
	if (!code) {
		put_directory(s->schema, &prefix);
		code = pf_partition_path(s->schema, values, &prefix, err);
	}
	for (size_t i = from; !code && i < to; i++) {
		struct pf_data_file file = files[i];
		if (!bucket_may_match(s, &file)) {
			s->list->pruned_bucket++;
			continue;
		}
		code = fill_file(s, &file, (char *)prefix.data, prefix.len, values,
				 err);
		if (!code)
			code = check_file(s, &file, err);
		if (!code && f && f->file && !f->file(f->ctx, &file)) {
			s->list->pruned_file++;
			continue;
		}
		s->list->rows += file.rows;
		s->list->bytes += file.size;
		files[(*kept)++] = file;
	}
	pf_buf_free(&prefix);
	return code;
}

struct order {
	const struct pf_data_file *file;
	size_t at;
};

static int compare_files(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	int c = pf_view_cmp(x->file->partition, y->file->partition);
	if (!c)
		c = (x->file->bucket > y->file->bucket) -
		    (x->file->bucket < y->file->bucket);
	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static struct pf_data_file *sorted(struct pf_arena *a, const struct pf_data_file *files,
				   size_t n)
{
	struct order *order = pf_alloc(n + 1, sizeof *order);
	struct pf_data_file *out = pf_arena_get(a, n + 1, sizeof *out);
	for (size_t i = 0; i < n; i++)
		order[i] = (struct order){ &files[i], i };
	qsort(order, n, sizeof *order, compare_files);
	for (size_t i = 0; i < n; i++)
		out[i] = *order[i].file;
	free(order);
	return out;
}

static int take_all(struct scan *s, const struct pf_data_files *live,
		    struct pf_error *err)
{
	struct pf_data_file *files = sorted(&s->list->arena, live->items, live->n);
	size_t kept = 0;
	for (size_t from = 0; from < live->n;) {
		size_t to = from + 1;
		while (to < live->n && same_partition(&files[to], &files[from]))
			to++;
		PF_TRY(take_partition(s, files, from, to, &kept, err));
		from = to;
	}
	s->list->files = files;
	s->list->n = kept;
	return 0;
}

static bool manifest_may_match(struct scan *s, const struct pf_manifest *m)
{
	const struct pf_scan_filter *f = s->filter;
	size_t n = s->schema->npartition_keys;
	if (!f || !f->partition_range || !n || pf_row_arity(m->partitions.min) != n ||
	    pf_row_arity(m->partitions.max) != n)
		return true;
	struct pf_datum *min = pf_arena_zero(&s->list->arena, 2 * n, sizeof *min);
	struct pf_datum *max = min + n;
	if (pf_partition_values(s->schema, m->partitions.min, min, NULL) ||
	    pf_partition_values(s->schema, m->partitions.max, max, NULL))
		return true;
	/* Nulls lie outside of the bounds. */
	for (size_t i = 0; i < n; i++)
		if (i >= m->partitions.n || m->partitions.nulls[i] != 0)
			return true;
	return f->partition_range(f->ctx, min, max, n);
}

static int read_manifests(struct scan *s, const struct pf_snapshot *snapshot,
			  struct pf_data_files *entries, struct pf_error *err)
{
	struct pf_manifests lists = { 0 };
	struct pf_arena *a = &s->list->arena;
	int code = pf_manifest_list_read(s->table, snapshot->base_list, a, &lists, err);
	if (!code)
		code = pf_manifest_list_read(s->table, snapshot->delta_list, a, &lists,
					     err);
	for (size_t i = 0; !code && i < lists.n; i++) {
		if (!manifest_may_match(s, &lists.items[i])) {
			s->list->manifests_skipped++;
			continue;
		}
		s->list->manifests++;
		code = pf_manifest_read(s->table, lists.items[i].name, a, entries, NULL,
					err);
	}
	free(lists.items);
	return code;
}

/* --- deletion vectors --- */

static char *index_path(struct scan *s, const struct pf_index_entry *e,
			struct pf_error *err)
{
	struct pf_arena *a = &s->list->arena;
	struct pf_buf path = { 0 };
	if (e->external_path)
		return e->external_path;
	bool beside = !strcasecmp(pf_table_option(s->schema, "index-file-in-data-file-dir",
						  "false"), "true");
	bool there = true;
	pf_buf_printf(&path, "index/%s", e->name);
	/* The option may be younger than the file, or the release older. */
	if (beside && pf_store_stat(pf_table_store(s->table), pf_buf_cstr(&path), &there,
				    NULL, err)) {
		pf_buf_free(&path);
		return NULL;
	}
	if (beside && !there) {
		path.len = 0;
		struct pf_datum *values = pf_arena_zero(a, s->schema->npartition_keys + 1,
							sizeof *values);
		put_directory(s->schema, &path);
		if (pf_partition_values(s->schema, e->partition, values, err) ||
		    pf_partition_path(s->schema, values, &path, err)) {
			pf_buf_free(&path);
			return NULL;
		}
		pf_buf_printf(&path, "bucket-%" PRId32 "/%s", e->bucket, e->name);
	}
	char *text = pf_arena_text(a, path.data, path.len);
	pf_buf_free(&path);
	return text;
}

static int add_deletions(struct scan *s, const struct pf_index_entry *e,
			 struct pf_error *err)
{
	char *path = index_path(s, e, err);
	if (!path)
		return err ? (int)err->code : PF_E_IO;
	s->deletions = pf_realloc(s->deletions, s->ndeletions + e->nranges + 1,
				  sizeof *s->deletions);
	for (size_t i = 0; i < e->nranges; i++)
		s->deletions[s->ndeletions++] = (struct named_deletion){
			.name = e->ranges[i].name,
			.at = { path, e->ranges[i].offset, e->ranges[i].length,
				e->ranges[i].rows },
		};
	return 0;
}

/* Which rows of its files a snapshot leaves out. Other kinds of indexes are
 * advice, or belong to tables that are refused already. */
static int read_deletions(struct scan *s, const struct pf_snapshot *snapshot,
			  struct pf_error *err)
{
	struct pf_index_entry *entries;
	size_t n;
	if (!snapshot->index_manifest)
		return 0;
	PF_TRY(pf_index_manifest_read(s->table, snapshot->index_manifest,
				      &s->list->arena, &entries, &n, err));
	for (size_t i = 0; i < n; i++)
		if (!strcmp(entries[i].type, "DELETION_VECTORS"))
			PF_TRY(add_deletions(s, &entries[i], err));
	qsort(s->deletions, s->ndeletions, sizeof *s->deletions, by_name);
	return 0;
}

/* A snapshot whose files vanish while they are read has expired. */
static int expired(int code, const struct pf_snapshot *snapshot, struct pf_error *err)
{
	if (code != PF_E_NO_FILE || !err)
		return code == PF_E_NO_FILE ? PF_E_VANISHED : code;
	err->code = PF_E_VANISHED;
	return pf_context(err, "snapshot %" PRId64, snapshot->id);
}

int pf_scan_files(struct pf_table *table, const struct pf_snapshot *snapshot,
		  const struct pf_scan_filter *filter, struct pf_file_list *list,
		  struct pf_error *err)
{
	*list = (struct pf_file_list){ 0 };
	if (!snapshot)
		return 0;
	struct scan s = { .table = table, .filter = filter, .list = list };
	struct pf_data_files entries = { 0 };
	int code = pf_table_schema_of(table, snapshot->schema_id, &s.schema, err);
	if (!code)
		code = read_deletions(&s, snapshot, err);
	if (!code)
		code = read_manifests(&s, snapshot, &entries, err);
	if (!code)
		code = pf_live_files(&entries, err);
	if (!code) {
		list->live = (int64_t)entries.n;
		code = take_all(&s, &entries, err);
	}
	free(entries.items);
	free(s.deletions);
	if (code) {
		pf_file_list_free(list);
		code = expired(code, snapshot, err);
	}
	return code;
}

static int scan_list(struct pf_table *table, const struct pf_snapshot *snapshot,
		     const char *manifests, enum pf_scan_use use, struct pf_file_list *list,
		     struct pf_error *err)
{
	*list = (struct pf_file_list){ 0 };
	const struct pf_scan_filter any = { .use = use };
	struct scan s = { .table = table, .list = list, .filter = &any };
	struct pf_data_files entries = { 0 };
	struct pf_manifests lists = { 0 };
	int code = pf_table_schema_of(table, snapshot->schema_id, &s.schema, err);
	if (!code)
		code = pf_manifest_list_read(table, manifests, &list->arena, &lists, err);
	for (size_t i = 0; !code && i < lists.n; i++)
		code = pf_manifest_read(table, lists.items[i].name, &list->arena,
					&entries, NULL, err);
	list->manifests = (int64_t)lists.n;
	list->live = (int64_t)entries.n;
	if (!code)
		code = take_all(&s, &entries, err);
	free(lists.items);
	free(entries.items);
	if (code) {
		pf_file_list_free(list);
		code = expired(code, snapshot, err);
	}
	return code;
}

int pf_scan_delta(struct pf_table *table, const struct pf_snapshot *snapshot,
		  struct pf_file_list *list, struct pf_error *err)
{
	return scan_list(table, snapshot, snapshot->delta_list, PF_SCAN_READ, list, err);
}

int pf_scan_changelog(struct pf_table *table, const struct pf_snapshot *snapshot,
		      struct pf_file_list *list, struct pf_error *err)
{
	*list = (struct pf_file_list){ 0 };
	if (!snapshot->changelog_list)
		return 0;
	return scan_list(table, snapshot, snapshot->changelog_list, PF_SCAN_LIST, list, err);
}

void pf_file_list_free(struct pf_file_list *list)
{
	pf_arena_free(&list->arena);
	*list = (struct pf_file_list){ 0 };
}
