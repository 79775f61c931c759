/* SPDX-License-Identifier: Apache-2.0 */
#include "query/table_files.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/zone.h"
#include "paimon/deletion.h"
#include "paimon/place.h"
#include "query/table_index.h"

struct pf_table_files {
	struct pf_table *table;
	int64_t snapshot;
	struct pf_scan_counts *counts;
	const struct pf_file_list *list;
	struct pf_store_file **held;          /* as the list's files */
	const struct pf_table_schema *mapped; /* schema that mapping is of */
	int *mapping;          /* field of the table -> field of that schema */
	struct pf_cast *casts; /* as the mapping */
	struct pf_zone *zone;
};

int pf_partition_key(const struct pf_table_schema *t, const char *name)
{
	for (size_t i = 0; i < t->npartition_keys; i++)
		if (!strcmp(t->partition_keys[i], name))
			return (int)i;
	return -1;
}

int pf_table_files_new(struct pf_table *table, int64_t snapshot,
		       struct pf_scan_counts *counts, struct pf_table_files **files,
		       struct pf_error *err)
{
	const struct pf_table_schema *t = pf_table_schema(table);
	struct pf_zone *zone;
	PF_TRY(pf_zone_open(t->layout.zone, &zone, err));
	struct pf_table_files *f = pf_zalloc(1, sizeof *f);
	f->table = table;
	f->snapshot = snapshot;
	f->counts = counts;
	f->mapping = pf_alloc(t->n + 1, sizeof *f->mapping);
	f->casts = pf_alloc(t->n + 1, sizeof *f->casts);
	f->zone = zone;
	*files = f;
	return 0;
}

static void release(struct pf_table_files *f)
{
	for (size_t i = 0; f->held && i < f->list->n; i++)
		pf_store_close_file(f->held[i]);
	free(f->held);
	f->held = NULL;
}

void pf_table_files_free(struct pf_table_files *f)
{
	if (!f)
		return;
	release(f);
	free(f->mapping);
	free(f->casts);
	pf_zone_close(f->zone);
	free(f);
}

int pf_table_files_gone(const struct pf_table_files *f, const char *path,
			struct pf_error *err)
{
	struct pf_snapshot *newest = NULL;
	int code = PF_E_VANISHED;
	if (!pf_snapshot_latest(f->table, &newest, NULL) && newest &&
	    newest->id == f->snapshot)
		code = PF_E_TABLE_CORRUPT;
	pf_snapshot_free(newest);
	return pf_fail(err, code, "'%s': file '%s' of snapshot %lld is gone",
		       pf_table_name(f->table), path, (long long)f->snapshot);
}

/* --- holding --- */

int pf_table_files_hold(struct pf_table_files *f, const struct pf_file_list *list,
			bool (*skip)(void *ctx, const struct pf_data_file *file),
			void *ctx, struct pf_error *err)
{
	release(f);
	f->list = list;
	f->held = pf_zalloc(list->n + 1, sizeof *f->held);
	pf_file_limit(list->n); /* one descriptor for each */
	for (size_t i = 0; i < list->n; i++) {
		if (skip && skip(ctx, &list->files[i]))
			continue;
		int code = pf_place_open(f->table, list->files[i].path, &f->held[i], err);
		if (code == PF_E_NO_FILE)
			return pf_table_files_gone(f, list->files[i].path, err);
		/* Out of descriptors: the others are opened when it is their turn. */
		if (code && (errno == EMFILE || errno == ENFILE))
			return 0;
		PF_TRY(code);
	}
	return 0;
}

/* --- reading --- */

/* Where the wanted columns lie in a file. */
static int map_columns(struct pf_table_files *f, const struct pf_data_file *d,
		       const struct pf_parquet_file *file, const struct pf_schema *wanted,
		       int *ordinals, struct pf_error *err)
{
	const struct pf_table_schema *t = pf_table_schema(f->table);
	if (f->mapped != d->schema) {
		PF_TRY(pf_scan_mapping(t, d->schema, f->mapping, f->casts, err));
		f->mapped = d->schema;
	}
	for (size_t i = 0; i < wanted->n; i++) {
		const char *name = wanted->fields[i].name;
		int field = pf_table_field_by_name(t, name);
		int from = field < 0 ? -1 : f->mapping[field];
		if (field < 0) /* a system column */
			ordinals[i] = pf_parquet_find(file, name);
		else
			ordinals[i] = from < 0 ? -1 :
				pf_parquet_find(file, d->schema->fields[from].name);
	}
	return 0;
}

static void set_casts(struct pf_table_files *f, const struct pf_schema *wanted,
		      const int *ordinals, struct pf_parquet_scan *scan)
{
	const struct pf_table_schema *t = pf_table_schema(f->table);
	for (size_t i = 0; i < wanted->n; i++) {
		int field = pf_table_field_by_name(t, wanted->fields[i].name);
		if (field >= 0 && ordinals[i] >= 0 && f->casts[field].needed)
			pf_parquet_scan_cast(scan, i, ordinals[i], &f->casts[field],
					     f->zone);
	}
}

/* The partition is what the manifest says: files that came from elsewhere
 * need not have its columns. */
static void set_partition(const struct pf_table_files *f, const struct pf_data_file *d,
			  const struct pf_schema *wanted, struct pf_parquet_scan *scan)
{
	for (size_t i = 0; i < wanted->n; i++) {
		int key = pf_partition_key(pf_table_schema(f->table),
					   wanted->fields[i].name);
		if (key >= 0)
			pf_parquet_scan_constant(scan, i, &d->partition_values[key]);
	}
}

static int set_deleted(struct pf_table_files *f, const struct pf_data_file *d,
		       int64_t rows, struct pf_parquet_scan *scan, struct pf_error *err)
{
	uint8_t *deleted;
	if (!d->deletion.path)
		return 0;
	if (rows != d->rows)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "the file has %lld rows, its entry says %lld",
			       (long long)rows, (long long)d->rows);
	int code = pf_deletion_read(f->table, d, &deleted, err);
	if (code == PF_E_NO_FILE)
		return pf_table_files_gone(f, d->deletion.path, err);
	if (!code)
		pf_parquet_scan_without(scan, deleted);
	return code;
}

static int open_scan(struct pf_table_files *f, const struct pf_data_file *d,
		     const struct pf_wanted *w, struct pf_parquet_scan **scan,
		     int64_t *rows, struct pf_error *err)
{
	struct pf_store_file **held = &f->held[d - f->list->files];
	struct pf_parquet_file *file;
	if (!*held) {
		int code = pf_place_open(f->table, d->path, held, err);
		if (code == PF_E_NO_FILE)
			return pf_table_files_gone(f, d->path, err);
		PF_TRY(code);
	}
	const struct pf_random_source *bytes = pf_store_file_source(*held);
	PF_TRY(pf_parquet_open(bytes, &file, err));
	int *ordinals = pf_alloc(w->schema->n + 1, sizeof *ordinals);
	int code = map_columns(f, d, file, w->schema, ordinals, err);
	if (code) {
		free(ordinals);
		pf_parquet_close(file);
		return code;
	}
	if (w->skip)
		ordinals[w->skip - 1] = -1;
	f->counts->bytes_stored += (int64_t)bytes->size;
	*rows = pf_parquet_rows(file);
	bool indexed = w->prune && w->filter->n && *rows == d->rows;
	code = pf_parquet_scan_new(file, ordinals, w, f->counts, scan, err);
	if (!code)
		set_casts(f, w->schema, ordinals, *scan);
	free(ordinals);
	PF_TRY(code);
	set_partition(f, d, w->schema, *scan);
	if (indexed)
		pf_parquet_scan_only(*scan, pf_table_index_rows(f->table, d, w));
	return 0;
}

int pf_table_files_open(void *ctx, const struct pf_data_file *d, const struct pf_wanted *w,
			struct pf_parquet_scan **scan, struct pf_error *err)
{
	struct pf_table_files *f = ctx;
	int64_t rows;
	PF_TRY(open_scan(f, d, w, scan, &rows, err));
	return set_deleted(f, d, rows, *scan, err);
}

int pf_table_files_open_only(struct pf_table_files *f, const struct pf_data_file *d,
			     const struct pf_wanted *w, uint8_t *without,
			     struct pf_parquet_scan **scan, struct pf_error *err)
{
	int64_t rows;
	if (!without)
		return pf_table_files_open(f, d, w, scan, err);
	int code = open_scan(f, d, w, scan, &rows, err);
	if (code) {
		free(without);
		return code;
	}
	pf_parquet_scan_without(*scan, without);
	return rows == d->rows ? 0 :
	       pf_fail(err, PF_E_TABLE_CORRUPT, "the file has %lld rows, its entry says %lld",
		       (long long)rows, (long long)d->rows);
}

void pf_table_files_done(void *ctx, const struct pf_data_file *d)
{
	struct pf_table_files *f = ctx;
	struct pf_store_file **held = &f->held[d - f->list->files];
	pf_store_close_file(*held);
	*held = NULL;
}
