/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/fault.h"
#include "base/strings.h"
#include "paimon/alter.h"
#include "paimon/commit_internal.h"
#include "paimon/entry.h"
#include "paimon/internal.h"
#include "paimon/partition.h"
#include "parquet/shift.h"

/* file-index.in-manifest-threshold's default. */
enum { EMBEDDED_INDEX_BYTES = 500 };

static bool set_has(const struct pf_names_set *s, const char *text)
{
	/* Newest first: files come cell after cell. */
	for (size_t i = s->n; i--;)
		if (!strcmp(s->texts[i], text))
			return true;
	return false;
}

static void set_add(struct pf_names_set *s, const char *text)
{
	if (set_has(s, text))
		return;
	s->texts = pf_realloc(s->texts, s->n + 1, sizeof *s->texts);
	s->texts[s->n++] = pf_strdup(text);
}

static void set_clear(struct pf_names_set *s)
{
	pf_strings_free(s->texts, s->n);
	*s = (struct pf_names_set){ 0 };
}

/* A file in the making. */
struct pf_commit_file {
	struct pf_commit *commit;
	struct pf_cell cell; /* its partition is in the commit's arena */
	char *dir, *path, *name;
	bool changelog;
	struct pf_store_writer *writer;
	struct pf_byte_sink sink;
	uint64_t bytes;
};

void pf_commit_file_abandon(struct pf_commit_file *f)
{
	if (f->writer)
		pf_store_writer_abort(f->writer);
	f->commit->open = NULL;
	free(f->dir);
	free(f->path);
	free(f);
}

static void forget_files(struct pf_commit *c)
{
	if (c->open)
		pf_commit_file_abandon(c->open);
	for (size_t i = 0; i < c->nunsynced; i++)
		pf_store_writer_abort(c->unsynced[i]);
	c->nunsynced = 0;
	pf_strings_free(c->written, c->nwritten);
	c->written = NULL;
	c->nwritten = 0;
	free(c->files.items);
	c->files = (struct pf_data_files){ 0 };
	free(c->changelogs.items);
	c->changelogs = (struct pf_data_files){ 0 };
	free(c->replaced);
	c->replaced = NULL;
	c->nreplaced = 0;
	free(c->groups);
	c->groups = NULL;
	c->ngroups = 0;
	pf_arena_free(&c->arena);
	set_clear(&c->dirty);
}

void pf_commit_keep(struct pf_commit *c)
{
	forget_files(c);
}

void pf_commit_drop(struct pf_commit *c)
{
	/* What cannot be deleted is an orphan that no manifest names. */
	for (size_t i = 0; i < c->nwritten && !c->unknown; i++)
		pf_store_delete(pf_table_store(c->table), c->written[i], NULL);
	forget_files(c);
}

void pf_commit_drop_pending(struct pf_commit *c)
{
	for (size_t i = 0; i < c->npending; i++)
		pf_mark_free(&c->pending[i]);
	free(c->pending);
	c->pending = NULL;
	c->npending = 0;
}

void pf_commit_close(struct pf_commit *c)
{
	if (!c)
		return;
	pf_commit_drop(c);
	set_clear(&c->made);
	pf_cells_free(c->cells);
	pf_layout_free(&c->rows);
	pf_commit_drop_pending(c);
	free(c);
}

static int sync_files(struct pf_commit *c, struct pf_error *err)
{
	int code = 0;
	for (size_t i = 0; i < c->nunsynced; i++)
		if (code)
			pf_store_writer_abort(c->unsynced[i]);
		else
			code = pf_store_writer_finish(c->unsynced[i], false, err);
	c->nunsynced = 0;
	return code;
}

int pf_commit_sync(struct pf_commit *c, struct pf_error *err)
{
	PF_TRY(sync_files(c, err));
	for (size_t i = 0; i < c->dirty.n; i++)
		PF_TRY(pf_store_sync_dir(pf_table_store(c->table), c->dirty.texts[i],
					 err));
	set_clear(&c->dirty);
	return 0;
}

/* All of it is written: durable by and by, at the latest with the commit. */
static int take_writer(struct pf_commit *c, const char *path,
		       struct pf_store_writer *w, struct pf_error *err)
{
	int code = 0;
	pf_crash_point("X8");
	if (c->nunsynced == sizeof c->unsynced / sizeof *c->unsynced)
		code = sync_files(c, err);
	if (code) {
		pf_store_writer_abort(w);
		return code;
	}
	pf_store_writer_start(w);
	c->unsynced[c->nunsynced++] = w;
	c->written = pf_realloc(c->written, c->nwritten + 1, sizeof *c->written);
	c->written[c->nwritten++] = pf_strdup(path);
	char *dir = pf_strndup(path, (size_t)(strrchr(path, '/') - path));
	set_add(&c->dirty, dir);
	free(dir);
	return 0;
}

int pf_commit_write(struct pf_commit *c, const char *path, struct pf_view data,
		    struct pf_error *err)
{
	struct pf_store_writer *w;
	PF_TRY(pf_store_writer_open(pf_table_store(c->table), path, &w, err));
	int code = pf_store_writer_add(w, data.data, data.len, err);
	if (code) {
		pf_store_writer_abort(w);
		return code;
	}
	return take_writer(c, path, w, err);
}

static int make_dir(struct pf_commit *c, const char *dir, struct pf_error *err)
{
	if (set_has(&c->made, dir))
		return 0;
	PF_TRY(pf_store_mkdirs(pf_table_store(c->table), dir, err));
	set_add(&c->made, dir);
	return 0;
}

static int check_cell(const struct pf_commit *c, const struct pf_cell *cell,
		      int32_t buckets, struct pf_error *err)
{
	const struct pf_table_schema *s = c->schema;
	if (buckets != s->buckets)
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "the segments are of %d buckets, table '%s' has %d",
			       buckets, pf_table_name(c->table), s->buckets);
	if (cell->bucket < 0 || cell->bucket >= buckets)
		return pf_fail(err, PF_E_CORRUPT, "a segment of bucket %d among %d",
			       cell->bucket, buckets);
	if (cell->has_partition != (s->npartition_keys == 1))
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       cell->has_partition
				       ? "the segments have partitions, table '%s' has none"
				       : "the segments have no partitions, table '%s' has",
			       pf_table_name(c->table));
	return 0;
}

/* A file of an older schema, from a stage whose definition is older than the
 * table's: it is read by field id as all older files are. */
static int older_entry(struct pf_commit *c, struct pf_parquet_file *file,
		       const struct pf_cell *cell, struct pf_data_file *e, bool *found)
{
	*found = false;
	for (int64_t id = c->schema->id - 1; id >= 0 && !*found; id--) {
		const struct pf_table_schema *s;
		if (pf_table_schema_of(c->table, id, &s, NULL))
			return 0;
		*found = pf_table_schema_accepts(c->schema, s) &&
			 !pf_entry_check(s, file, NULL);
		if (*found)
			return pf_entry_make(s, file, cell, &c->arena, e, NULL);
	}
	return 0;
}

static int make_entry(struct pf_commit *c, struct pf_parquet_file *file,
		      const struct pf_cell *cell, struct pf_data_file *e,
		      struct pf_error *err)
{
	int code = pf_entry_make(c->schema, file, cell, &c->arena, e, err);
	bool found;
	if (code != PF_E_SCHEMA_MISMATCH)
		return code;
	int older = older_entry(c, file, cell, e, &found);
	if (found)
		return older;
	return pf_hint(err, "pf-put --alter changes the table's schema");
}

static int read_entry(struct pf_commit *c, const struct pf_cell *cell, int64_t rows,
		      const struct pf_random_source *source, struct pf_data_file *e,
		      struct pf_error *err)
{
	struct pf_parquet_file *file;
	PF_TRY(pf_parquet_open(source, &file, err));
	int code = make_entry(c, file, cell, e, err);
	if (!code && rows >= 0 && e->rows != rows)
		code = pf_fail(err, PF_E_CORRUPT,
			       "a segment of %" PRId64 " rows says that it has %" PRId64,
			       e->rows, rows);
	e->size = (int64_t)source->size;
	pf_parquet_close(file);
	return code;
}

static int sink_write(void *ctx, const void *data, size_t len, struct pf_error *err)
{
	struct pf_commit_file *f = ctx;
	PF_TRY(pf_store_writer_add(f->writer, data, len, err));
	f->bytes += len;
	pf_crash_point("X7");
	return 0;
}

static int open_file(struct pf_commit_file *f, struct pf_error *err)
{
	struct pf_commit *c = f->commit;
	struct pf_datum dt = { .type = { .kind = PF_STRING },
			       .bytes = f->cell.partition };
	struct pf_buf dir = { 0 };
	char name[80];
	int code = pf_partition_path(c->schema, &dt, &dir, err);
	pf_buf_printf(&dir, "bucket-%" PRId32, f->cell.bucket);
	f->dir = pf_strdup(pf_buf_cstr(&dir));
	pf_buf_free(&dir);
	PF_TRY(code);
	PF_TRY(make_dir(c, f->dir, err));
	snprintf(name, sizeof name, "%s-%s-%" PRId64 ".parquet",
		 f->changelog ? "changelog" : "data", c->uuid, c->next_file++);
	f->name = pf_arena_text(&c->arena, name, strlen(name));
	f->path = pf_asprintf("%s/%s", f->dir, name);
	return pf_store_writer_open(pf_table_store(c->table), f->path, &f->writer, err);
}

static int open_new(struct pf_commit *c, const struct pf_cell *cell, int32_t buckets,
		    bool changelog, struct pf_commit_file **file, struct pf_error *err)
{
	*file = NULL;
	PF_TRY(check_cell(c, cell, buckets, err));
	struct pf_commit_file *f = pf_zalloc(1, sizeof *f);
	f->commit = c;
	f->changelog = changelog;
	f->cell = *cell;
	f->cell.partition = pf_arena_copy(&c->arena, cell->partition.data,
					  cell->partition.len);
	f->sink = (struct pf_byte_sink){ .write = sink_write, .ctx = f,
					 .name = "data file" };
	c->open = f;
	int code = open_file(f, err);
	if (code)
		pf_commit_file_abandon(f);
	else
		*file = f;
	return code;
}

int pf_commit_file_open(struct pf_commit *c, const struct pf_cell *cell,
			int32_t buckets, struct pf_commit_file **file,
			struct pf_error *err)
{
	return open_new(c, cell, buckets, false, file, err);
}

const struct pf_byte_sink *pf_commit_file_sink(const struct pf_commit_file *f)
{
	return &f->sink;
}

/* In the manifest when it is small, else beside the file. */
static int put_index(struct pf_commit_file *f, struct pf_view index,
		     struct pf_data_file *e, struct pf_error *err)
{
	struct pf_commit *c = f->commit;
	if (!index.len)
		return 0;
	if (index.len <= EMBEDDED_INDEX_BYTES) {
		e->has_index = true;
		e->index = pf_arena_copy(&c->arena, index.data, index.len);
		return 0;
	}
	char *side = pf_asprintf("%s.index", f->path);
	const char *last = side + strlen(f->dir) + 1;
	int code = pf_commit_write(c, side, index, err);
	e->extra_files = pf_arena_get(&c->arena, 1, sizeof *e->extra_files);
	e->extra_files[0] = pf_arena_text(&c->arena, last, strlen(last));
	e->nextra_files = 1;
	free(side);
	return code;
}

/* Written, checked already: the file becomes one of the commit's. */
static int finish_file(struct pf_commit_file *f, struct pf_view index,
		       struct pf_data_file *e, struct pf_error *err)
{
	struct pf_store_writer *w = f->writer;
	f->writer = NULL;
	e->name = f->name;
	PF_TRY(take_writer(f->commit, f->path, w, err));
	PF_TRY(put_index(f, index, e, err));
	pf_data_files_add(f->changelog ? &f->commit->changelogs : &f->commit->files, e);
	return 0;
}

int pf_commit_file_close(struct pf_commit_file *f, int64_t rows, struct pf_view index,
			 struct pf_error *err)
{
	struct pf_data_file e;
	struct pf_store_file *stored;
	int code = pf_store_open_file(pf_table_store(f->commit->table), f->path, &stored,
				      err);
	if (!code) {
		code = read_entry(f->commit, &f->cell, rows,
				  pf_store_file_source(stored), &e, err);
		pf_store_close_file(stored);
	}
	if (!code)
		code = finish_file(f, index, &e, err);
	pf_commit_file_abandon(f);
	return code;
}

/* --- whole files --- */

/* A file that lies in memory, and what its entry will say. */
struct whole {
	struct pf_view parquet;
	struct pf_buf moved;
	struct pf_data_file entry;
	struct pf_parquet_span span; /* of the numbers of its rows */
};

static int read_span(const struct pf_commit *c, struct whole *w, struct pf_error *err)
{
	struct pf_random_source source = pf_random_view(&w->parquet, "segment");
	struct pf_parquet_file *file;
	PF_TRY(pf_parquet_open(&source, &file, err));
	int code = pf_parquet_movable_span(file, w->parquet, c->schema->layout.nkey, &w->span,
					   err);
	/* No more numbers than a file has rows or a packer has seen. */
	if (!code && (w->span.least < 0 || w->span.most > INT64_MAX / 4))
		code = pf_fail(err, PF_E_CORRUPT, "a segment whose rows are numbered from %" PRId64
			       " to %" PRId64, w->span.least, w->span.most);
	pf_parquet_close(file);
	return code;
}

/* All its numbers by so many. */
static int move_numbers(const struct pf_commit *c, struct whole *w, int64_t by,
			struct pf_error *err)
{
	struct pf_random_source source = pf_random_view(&w->parquet, "segment");
	struct pf_parquet_file *file;
	PF_TRY(pf_parquet_open(&source, &file, err));
	pf_buf_add(&w->moved, w->parquet.data, w->parquet.len);
	int code = pf_parquet_shift(file, w->moved.data, w->moved.len,
				    c->schema->layout.nkey, by, err);
	pf_parquet_close(file);
	w->parquet = pf_view_of(w->moved.data, w->moved.len);
	w->entry.min_sequence = w->span.least + by;
	w->entry.max_sequence = w->span.most + by;
	return code;
}

/* Rows of a primary key carry their numbers: move them behind those in use, those
 * of the changelog with them. */
static int number_rows(struct pf_commit *c, struct whole *data, struct whole *changelog,
		       struct pf_error *err)
{
	if (!c->files.n) {
		struct pf_snapshot *base;
		PF_TRY(pf_snapshot_latest(c->table, &base, err));
		int code = pf_cells_update(c->cells, c->table, base, err);
		pf_snapshot_free(base);
		PF_TRY(code);
	}
	PF_TRY(read_span(c, data, err));
	struct pf_parquet_span all = data->span;
	if (changelog->parquet.len) {
		PF_TRY(read_span(c, changelog, err));
		all.least = changelog->span.least < all.least ? changelog->span.least : all.least;
		all.most = changelog->span.most > all.most ? changelog->span.most : all.most;
	}
	pf_cells_take(c->cells, &data->entry, all.most - all.least + 1);
	int64_t by = data->entry.min_sequence - all.least;
	PF_TRY(move_numbers(c, data, by, err));
	return changelog->parquet.len ? move_numbers(c, changelog, by, err) : 0;
}

static int write_whole(struct pf_commit *c, const struct pf_cell *cell, int32_t buckets,
		       struct whole *w, bool changelog, struct pf_view index,
		       struct pf_error *err)
{
	struct pf_commit_file *f;
	size_t half = w->parquet.len / 2;
	PF_TRY(open_new(c, cell, buckets, changelog, &f, err));
	int code = sink_write(f, w->parquet.data, half, err);
	if (!code)
		code = sink_write(f, w->parquet.data + half, w->parquet.len - half, err);
	if (!code)
		code = finish_file(f, index, &w->entry, err);
	pf_commit_file_abandon(f);
	return code;
}

/* Only the schema and the count of its rows are to be seen in it. */
static int read_changelog(struct pf_commit *c, const struct pf_cell *cell, struct whole *w,
			  struct pf_error *err)
{
	struct pf_random_source source = pf_random_view(&w->parquet, "changelog");
	const char *producer = pf_table_option(c->schema, "changelog-producer", "none");
	if (w->parquet.len && strcasecmp(producer, "input"))
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "a segment comes with a changelog, which the table does not keep");
	return w->parquet.len ? read_entry(c, cell, -1, &source, &w->entry, err) : 0;
}

void pf_commit_changelog(struct pf_commit *c, struct pf_view parquet)
{
	c->changelog = parquet;
}

int pf_commit_add(struct pf_commit *c, const struct pf_cell *cell, int32_t buckets,
		  int64_t rows, struct pf_view parquet, struct pf_view index,
		  struct pf_error *err)
{
	struct pf_random_source source = pf_random_view(&parquet, "segment");
	struct whole data = { .parquet = parquet }, changelog = { .parquet = c->changelog };
	const struct pf_view none = { 0 };
	c->changelog = none;
	PF_TRY(check_cell(c, cell, buckets, err));
	PF_TRY(read_entry(c, cell, rows, &source, &data.entry, err));
	PF_TRY(pf_commit_check_rules(c, data.entry.schema_id, err));
	PF_TRY(read_changelog(c, cell, &changelog, err));
	int code = c->schema->nprimary_keys ? number_rows(c, &data, &changelog, err) : 0;
	if (!code)
		code = write_whole(c, cell, buckets, &data, false, index, err);
	if (!code && changelog.parquet.len)
		code = write_whole(c, cell, buckets, &changelog, true, none, err);
	pf_buf_free(&data.moved);
	pf_buf_free(&changelog.moved);
	return code;
}
