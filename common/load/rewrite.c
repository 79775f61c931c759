/* SPDX-License-Identifier: Apache-2.0 */
#include "load/rewrite.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "parquet/bloom_add.h"
#include "parquet/writer.h"

/* Rows between two looks at a file's size. */
enum { STEP_ROWS = 4096 };

struct pf_rewrite {
	const struct pf_rewrite_plan *plan;
	struct pf_commit *commit;
	const struct pf_cell *cell;
	int *blooms;
	size_t n_blooms;
	struct pf_file_index_builder *index; /* NULL: none is wished for */
	struct pf_buf index_bytes;
	/* The file in the making, or NULL. */
	struct pf_commit_file *file;
	struct pf_parquet_writer *writer;
	bool full;               /* closed where the entity ends */
	struct pf_builder *last; /* its last row */
	/* what was written */
	size_t files;
	uint64_t bytes;
	int64_t rows;
};

/* --- which indexes --- */

static int plan_indexes(struct pf_rewrite *r, struct pf_error *err)
{
	const struct pf_index_plan *wished = r->plan->indexes;
	struct pf_file_index_spec *specs = pf_alloc(wished->n + 1, sizeof *specs);
	size_t n = 0;
	r->blooms = pf_alloc(wished->n + 1, sizeof *r->blooms);
	r->blooms[r->n_blooms++] = r->plan->keys[0];
	for (size_t i = 0; i < wished->n; i++) {
		const struct pf_index_wish *w = &wished->wishes[i];
		int column = pf_schema_find(r->plan->rows, w->column);
		if (column < 0)
			continue;
		struct pf_type type = r->plan->rows->fields[column].type;
		if (w->native) {
			if (column != r->blooms[0] && type.kind != PF_BOOLEAN)
				r->blooms[r->n_blooms++] = column;
		} else if (pf_file_index_takes(w->kind, type)) {
			specs[n++] = (struct pf_file_index_spec){ w->kind, column, w->fpp };
		}
	}
	int code = n ? pf_file_index_builder_new(r->plan->rows, specs, n, &r->index, err) :
		       0;
	free(specs);
	return code;
}

int pf_rewrite_new(const struct pf_rewrite_plan *plan, struct pf_commit *commit,
		   const struct pf_cell *cell, struct pf_rewrite **rewrite,
		   struct pf_error *err)
{
	struct pf_rewrite *r = pf_zalloc(1, sizeof *r);
	r->plan = plan;
	r->commit = commit;
	r->cell = cell;
	r->last = pf_builder_new(plan->rows);
	int code = plan_indexes(r, err);
	if (code) {
		pf_rewrite_free(r);
		return code;
	}
	*rewrite = r;
	return 0;
}

void pf_rewrite_free(struct pf_rewrite *r)
{
	if (!r)
		return;
	pf_parquet_writer_free(r->writer);
	if (r->file)
		pf_commit_file_abandon(r->file);
	pf_file_index_builder_free(r->index);
	pf_builder_free(r->last);
	pf_buf_free(&r->index_bytes);
	free(r->blooms);
	free(r);
}

/* --- one file --- */

static int open_file(struct pf_rewrite *r, struct pf_error *err)
{
	const struct pf_rewrite_plan *p = r->plan;
	struct pf_parquet_options options = {
		.created_by = p->created_by,
		.zstd_level = p->zstd_level,
		.old_readers = p->old_readers || pf_index_plan_bitmaps(p->indexes),
		.sort_columns = p->keys,
		.n_sort = p->n_keys,
		.bloom_columns = r->blooms,
		.n_bloom = r->n_blooms,
		.meta = &p->rows->meta,
	};
	r->full = false;
	PF_TRY(pf_commit_file_open(r->commit, r->cell, p->buckets, &r->file, err));
	return pf_parquet_writer_open(pf_commit_file_sink(r->file), p->rows, &options,
				      &r->writer, err);
}

static int close_file(struct pf_rewrite *r, struct pf_error *err)
{
	struct pf_commit_file *file = r->file;
	PF_TRY(pf_parquet_writer_finish(r->writer, err));
	int64_t rows = pf_parquet_writer_rows(r->writer);
	r->index_bytes.len = 0;
	if (r->index)
		PF_TRY(pf_file_index_builder_finish(r->index, NULL, &r->index_bytes, err));
	r->files++;
	r->rows += rows;
	r->bytes += pf_parquet_writer_bytes(r->writer);
	pf_parquet_writer_free(r->writer);
	r->writer = NULL;
	r->file = NULL;
	return pf_commit_file_close(file, rows,
				    pf_view_of(r->index_bytes.data, r->index_bytes.len),
				    err);
}

/* Rows [from, from + n) into the open file. */
static int add_rows(struct pf_rewrite *r, const struct pf_batch *b, int64_t from,
		    int64_t n, struct pf_error *err)
{
	PF_TRY(pf_parquet_writer_add(r->writer, b, from, n, err));
	if (!r->index)
		return 0;
	struct pf_builder *piece = pf_builder_new(r->plan->rows);
	pf_builder_append(piece, b, from, n);
	struct pf_batch rows = pf_builder_batch(piece);
	int code = pf_file_index_builder_add(r->index, &rows, err);
	pf_builder_free(piece);
	return code;
}

/* How many rows from `from` on are still of the entity that was written last. */
static int64_t same_entity(struct pf_rewrite *r, const struct pf_batch *b, int64_t from,
			   int64_t most)
{
	int id = r->plan->keys[0];
	enum pf_kind kind = b->schema->fields[id].type.kind;
	struct pf_batch last = pf_builder_batch(r->last);
	int64_t n = 0;
	while (n < most && !pf_value_cmp(kind, &b->columns[id], from + n,
					 &last.columns[id], 0))
		n++;
	return n;
}

static void remember(struct pf_rewrite *r, const struct pf_batch *b, int64_t row)
{
	pf_builder_reset(r->last);
	pf_builder_append(r->last, b, row, 1);
}

/* The next rows up to the next look at the size; *n: how many were taken. */
static int step(struct pf_rewrite *r, const struct pf_batch *b, int64_t from,
		int64_t *n, struct pf_error *err)
{
	if (!r->file)
		PF_TRY(open_file(r, err));
	int64_t most = STEP_ROWS - pf_parquet_writer_rows(r->writer) % STEP_ROWS;
	*n = b->rows - from < most ? b->rows - from : most;
	if (r->full) {
		int64_t same = same_entity(r, b, from, *n);
		bool ends = same < *n;
		*n = same;
		if (same)
			PF_TRY(add_rows(r, b, from, same, err));
		if (ends)
			return close_file(r, err);
	} else {
		PF_TRY(add_rows(r, b, from, *n, err));
	}
	int64_t bytes = (int64_t)pf_parquet_writer_bytes(r->writer);
	if (pf_parquet_writer_rows(r->writer) % STEP_ROWS || bytes < r->plan->target_bytes)
		return 0;
	r->full = true;
	if (bytes >= r->plan->most_bytes)
		return close_file(r, err);
	remember(r, b, from + *n - 1);
	return 0;
}

int pf_rewrite_add(struct pf_rewrite *r, const struct pf_batch *b, struct pf_error *err)
{
	for (int64_t from = 0, n; from < b->rows; from += n)
		PF_TRY(step(r, b, from, &n, err));
	return 0;
}

int pf_rewrite_finish(struct pf_rewrite *r, size_t *files, uint64_t *bytes,
		      int64_t *rows, struct pf_error *err)
{
	if (r->file)
		PF_TRY(close_file(r, err));
	*files = r->files;
	*bytes = r->bytes;
	*rows = r->rows;
	return 0;
}
