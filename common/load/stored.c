/* SPDX-License-Identifier: Apache-2.0 */
#include "load/stored.h"

#include <stdlib.h>

#include "base/alloc.h"

enum {
	PIECE_BYTES = 1 << 20,
	GROWTH = 16, /* of rows, from piece to piece at most */
	MOST_ROWS = 131072,
};
/* Of an index beside its file. */
static const size_t largest_index = 256 << 20;

struct pf_stored {
	struct pf_table *table;
	const struct pf_table_schema *now;
	const struct pf_data_file *file;
	struct pf_store_file *bytes;
	struct pf_parquet_file *parquet;
	int *ordinals; /* of the file's columns, by those of now; -1: none */
	struct pf_builder *rows;
	size_t n; /* columns: the table's, or two more */
	size_t piece_bytes;
	int64_t piece_rows;
	size_t group;
	int64_t at; /* row of the group */
};

/* --- opening --- */

/* Every column is known: fields and columns have the same positions. */
static int map_columns(struct pf_stored *s, struct pf_error *err)
{
	const struct pf_table_schema *then = s->file->schema;
	PF_TRY(pf_scan_mapping(s->now, then, s->ordinals, NULL, err));
	for (size_t i = 0; i < s->now->n; i++)
		if (s->ordinals[i] >= 0)
			s->ordinals[i] = pf_parquet_find(
				s->parquet, then->fields[s->ordinals[i]].name);
	for (size_t i = s->now->n; i < s->n; i++) {
		const char *name = s->rows->schema->fields[i].name;
		s->ordinals[i] = pf_parquet_find(s->parquet, name);
		if (s->ordinals[i] < 0)
			return pf_fail(err, PF_E_TABLE_CORRUPT, "there is no column '%s'",
				       name);
	}
	return 0;
}

static int open_file(struct pf_stored *s, struct pf_error *err)
{
	PF_TRY(pf_store_open_file(pf_table_store(s->table), s->file->path, &s->bytes,
				  err));
	PF_TRY(pf_parquet_open(pf_store_file_source(s->bytes), &s->parquet, err));
	if (pf_parquet_rows(s->parquet) != s->file->rows)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "the file has %lld rows, its entry says %lld",
			       (long long)pf_parquet_rows(s->parquet),
			       (long long)s->file->rows);
	return map_columns(s, err);
}

struct pf_schema *pf_stored_versions(const struct pf_table_schema *now)
{
	struct pf_schema *s = pf_schema_copy(now->columns);
	pf_schema_add(s, PF_SEQUENCE_COLUMN, (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(s, PF_KIND_COLUMN, (struct pf_type){ .kind = PF_TINYINT }, false);
	return s;
}

static int open_rows(struct pf_table *table, const struct pf_table_schema *now,
		     struct pf_schema *rows, const struct pf_data_file *file,
		     struct pf_stored **stored, struct pf_error *err)
{
	struct pf_stored *s = pf_zalloc(1, sizeof *s);
	s->table = table;
	s->now = now;
	s->file = file;
	s->n = rows->n;
	s->ordinals = pf_alloc(s->n + 1, sizeof *s->ordinals);
	s->rows = pf_builder_new(rows);
	s->piece_bytes = PIECE_BYTES;
	*stored = s;
	int code = open_file(s, err);
	if (!code)
		return 0;
	pf_stored_close(s);
	*stored = NULL;
	return code == PF_E_NO_FILE ? code : pf_context(err, "'%s'", file->path);
}

int pf_stored_open(struct pf_table *table, const struct pf_table_schema *now,
		   const struct pf_data_file *file, struct pf_stored **stored,
		   struct pf_error *err)
{
	return open_rows(table, now, now->columns, file, stored, err);
}

int pf_stored_open_versions(struct pf_table *table, const struct pf_table_schema *now,
			    const struct pf_data_file *file, struct pf_stored **stored,
			    struct pf_error *err)
{
	struct pf_schema *rows = pf_stored_versions(now);
	int code = open_rows(table, now, rows, file, stored, err);
	pf_schema_unref(rows);
	return code;
}

void pf_stored_close(struct pf_stored *s)
{
	if (!s)
		return;
	pf_parquet_close(s->parquet);
	pf_store_close_file(s->bytes);
	pf_builder_free(s->rows);
	free(s->ordinals);
	free(s);
}

bool pf_stored_has_delta(const struct pf_stored *s)
{
	return pf_parquet_has_delta(s->parquet);
}

void pf_stored_pieces(struct pf_stored *s, size_t bytes)
{
	s->piece_bytes = bytes;
}

/* --- what is known about it --- */

bool pf_stored_sorted(const struct pf_stored *s, const int *keys, size_t n_keys)
{
	size_t groups = pf_parquet_groups(s->parquet);
	if (groups > 1 && strncmp(pf_parquet_created_by(s->parquet), "pf-", 3))
		return false;
	for (size_t g = 0; g < groups; g++) {
		size_t n;
		const struct pf_parquet_sorting *by =
			pf_parquet_group_sorting(s->parquet, g, &n);
		if (n < n_keys)
			return false;
		for (size_t i = 0; i < n_keys; i++)
			if (by[i].descending || by[i].column < 0 ||
			    by[i].column != s->ordinals[keys[i]])
				return false;
	}
	return true;
}

bool pf_stored_has_nulls(const struct pf_stored *s, const int *keys, size_t n_keys)
{
	for (size_t k = 0; k < n_keys; k++) {
		int at = s->ordinals[keys[k]];
		if (at < 0)
			return s->file->rows > 0;
		if (!pf_parquet_column(s->parquet, (size_t)at)->nullable)
			continue;
		for (size_t g = 0; g < pf_parquet_groups(s->parquet); g++)
			if (pf_parquet_group_stats(s->parquet, g, (size_t)at).null_count)
				return true;
	}
	return false;
}

/* --- rows --- */

/* The partition is what the manifest says: files that came from elsewhere
 * need not have its columns. */
static void set_partition(struct pf_stored *s, size_t rows)
{
	for (size_t k = 0; k < s->now->npartition_keys; k++) {
		int c = pf_table_field_by_name(s->now, s->now->partition_keys[k]);
		if (c < 0)
			continue;
		pf_colbuf_reset(&s->rows->columns[c]);
		pf_datum_repeat(&s->file->partition_values[k], &s->rows->columns[c], rows);
	}
}

static int read_piece(struct pf_stored *s, int64_t left, struct pf_error *err)
{
	for (;;) {
		int64_t n = left < s->piece_rows ? left : s->piece_rows;
		struct pf_parquet_range range = { s->at, s->at + n };
		pf_builder_reset(s->rows);
		int code = pf_parquet_read(s->parquet, s->group, s->ordinals, s->n,
					   &range, 1, s->rows, err);
		/* Texts so long that they do not fit a batch: fewer rows. */
		if (code == PF_E_LIMIT && s->piece_rows > 1) {
			s->piece_rows = s->piece_rows / 16 + 1;
			continue;
		}
		s->at += n;
		if (!code)
			set_partition(s, (size_t)n);
		return code;
	}
}

int pf_stored_next(void *ctx, struct pf_batch *batch, struct pf_error *err)
{
	struct pf_stored *s = ctx;
	int64_t left = 0;
	*batch = (struct pf_batch){ .schema = s->rows->schema };
	while (s->group < pf_parquet_groups(s->parquet)) {
		left = pf_parquet_group_rows(s->parquet, s->group) - s->at;
		if (left > 0)
			break;
		s->group++;
		s->at = 0;
	}
	if (left <= 0)
		return 0;
	if (!s->at)
		s->piece_rows = pf_parquet_rows_in(s->parquet, s->group, s->ordinals, s->n,
						   s->piece_bytes);
	s->piece_rows = s->piece_rows < MOST_ROWS ? s->piece_rows : MOST_ROWS;
	if (read_piece(s, left, err))
		return pf_context(err, "'%s'", s->file->path);
	*batch = pf_builder_batch(s->rows);
	size_t wide = pf_builder_bytes(s->rows) / (size_t)batch->rows + 1;
	size_t rows = s->piece_bytes / wide + 1;
	s->piece_rows = rows < (size_t)(GROWTH * batch->rows) ? (int64_t)rows :
								  GROWTH * batch->rows;
	return 0;
}

/* --- indexes --- */

int pf_stored_index(struct pf_table *table, const struct pf_data_file *f,
		    struct pf_buf *room, struct pf_view *index, struct pf_error *err)
{
	static const char suffix[] = ".index";
	*index = f->has_index ? f->index : (struct pf_view){ 0 };
	for (size_t i = 0; i < f->nextra_files && !index->data; i++) {
		size_t len = strlen(f->extra_files[i]);
		if (len < sizeof suffix ||
		    strcmp(f->extra_files[i] + len - (sizeof suffix - 1), suffix))
			continue;
		char *path = pf_asprintf("%s/%s", f->dir, f->extra_files[i]);
		room->len = 0;
		int code = pf_store_read(pf_table_store(table), path, largest_index,
					 room, err);
		free(path);
		if (code && code != PF_E_NO_FILE)
			return code;
		if (!code)
			*index = pf_view_of(room->data, room->len);
	}
	return 0;
}

/* Has any row group a bloom filter of the column? */
static bool has_bloom(const struct pf_stored *s, int ordinal)
{
	for (size_t g = 0; ordinal >= 0 && g < pf_parquet_groups(s->parquet); g++)
		if (pf_parquet_has_bloom(s->parquet, g, (size_t)ordinal))
			return true;
	return false;
}

int pf_stored_indexes(const struct pf_stored *s, int id, struct pf_index_plan *plan,
		      struct pf_error *err)
{
	static const enum pf_file_index_kind kinds[] = { PF_FILE_INDEX_BLOOM,
							 PF_FILE_INDEX_BITMAP };
	struct pf_file_index *index = NULL;
	struct pf_buf room = { 0 };
	struct pf_view bytes;
	int code = pf_stored_index(s->table, s->file, &room, &bytes, err);
	/* One that is damaged is as if it were not there. */
	if (!code && bytes.len)
		pf_file_index_open(bytes, s->file->rows, &index, NULL);
	for (size_t i = 0; !code && i < s->now->n; i++) {
		const char *name = s->now->fields[i].name;
		int then = pf_table_field_by_id(s->file->schema, s->now->fields[i].id);
		if ((int)i != id && has_bloom(s, s->ordinals[i]))
			pf_index_plan_bloom(plan, name);
		for (size_t k = 0; then >= 0 && k < 2; k++)
			if (pf_file_index_has(index, s->file->schema->fields[then].name,
					      kinds[k]))
				pf_index_plan_kind(plan, name, kinds[k]);
	}
	pf_file_index_free(index);
	pf_buf_free(&room);
	return code;
}
