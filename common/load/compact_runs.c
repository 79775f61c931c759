/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a job as one sorted run: sorted files are read side by side;
 * unsorted ones are sorted piece by piece into temporary runs first.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "load/compact_internal.h"
#include "load/runs.h"
#include "load/sort.h"
#include "load/stored.h"

enum {
	/* What reading a file takes at most, decoding included; a small file
	 * takes less. */
	RUN_BYTES = 4 << 20,
	LEAST_RUN_BYTES = 256 << 10,
	UNPACKED = 8, /* bytes of rows per byte of file, at the worst */
	MOST_FILES = 256, /* open at a time: descriptors are few */
};

struct pf_compact_reader {
	struct pf_table *table;
	const struct pf_table_schema *now;
	int keys[2];
	size_t n_keys;
	size_t memory_bytes;
	struct pf_runs *runs;
	struct pf_merge *merge;
	/* while unsorted files are read */
	struct pf_builder *pending;
	struct pf_sorter *sorter;
};

/* --- sorting --- */

/* The rows gathered become a temporary run. */
static int sort_pending(struct pf_compact_reader *r, struct pf_error *err)
{
	struct pf_batch all = pf_builder_batch(r->pending);
	if (!all.rows)
		return 0;
	const uint32_t *order = pf_sort_rows(r->sorter, &all, r->keys, r->n_keys);
	int code = pf_runs_put(r->runs, &all, order, err);
	pf_builder_free(r->pending);
	r->pending = pf_builder_new(r->now->columns);
	return code;
}

/* Read an unsorted file to its end. */
static int sort_file(struct pf_compact_reader *r, struct pf_stored *s,
		     struct pf_error *err)
{
	struct pf_batch batch;
	for (;;) {
		PF_TRY(pf_stored_next(s, &batch, err));
		if (!batch.rows)
			return 0;
		for (size_t k = 0; k < r->n_keys; k++)
			if (batch.columns[r->keys[k]].nulls)
				return pf_fail(err, PF_E_BAD_ROW,
					       "a row without a value of '%s'",
					       batch.schema->fields[r->keys[k]].name);
		pf_builder_append(r->pending, &batch, 0, batch.rows);
		size_t bytes = pf_builder_capacity(r->pending) +
			       pf_sort_bytes(r->pending->columns[0].rows);
		if (bytes > r->memory_bytes)
			PF_TRY(sort_pending(r, err));
	}
}

/* --- opening --- */

static size_t cost_of(const struct pf_data_file *f)
{
	int64_t unpacked = f->size < RUN_BYTES ? UNPACKED * f->size : RUN_BYTES;
	if (unpacked > RUN_BYTES)
		return RUN_BYTES;
	return unpacked < LEAST_RUN_BYTES ? LEAST_RUN_BYTES : (size_t)unpacked;
}

/* A third is the piece's: it grows, and is decoded from as much beside it. */
static void set_share(void *ctx, size_t bytes)
{
	pf_stored_pieces(ctx, bytes / 3);
}

static void close_stored(void *ctx)
{
	pf_stored_close(ctx);
}

/* A file's descriptor and footer are held until it has been read. */
static int open_file(struct pf_compact_reader *r, const struct pf_data_file *f,
		     struct pf_error *err)
{
	struct pf_stored *s;
	PF_TRY(pf_stored_open(r->table, r->now, f, &s, err));
	if (pf_stored_sorted(s, r->keys, r->n_keys)) {
		const struct pf_run run = { .merge = { pf_stored_next, s, f->path },
					    .bytes = cost_of(f), .share = set_share,
					    .close = close_stored };
		/* What came before it has to be before it among the runs. */
		int code = sort_pending(r, err);
		pf_runs_add(r->runs, &run);
		return code;
	}
	int code = sort_file(r, s, err);
	pf_stored_close(s);
	return code ? pf_context(err, "'%s'", f->path) : 0;
}

static int open_runs(struct pf_compact_reader *r, const struct pf_data_file *const *files,
		     size_t n, struct pf_error *err)
{
	r->pending = pf_builder_new(r->now->columns);
	r->sorter = pf_sorter_new();
	for (size_t i = 0; i < n; i++) {
		PF_TRY(open_file(r, files[i], err));
		PF_TRY(pf_runs_limit(r->runs, MOST_FILES, err));
	}
	PF_TRY(sort_pending(r, err));
	return pf_runs_merge(r->runs, &r->merge, err);
}

int pf_compact_reader_open(struct pf_table *table, const struct pf_table_schema *now,
			   const struct pf_data_file *const *files, size_t n,
			   size_t memory_bytes, const char *tmp_dir,
			   struct pf_compact_reader **reader, struct pf_error *err)
{
	struct pf_compact_reader *r = pf_zalloc(1, sizeof *r);
	r->table = table;
	r->now = now;
	r->n_keys = pf_compact_keys(now, r->keys);
	r->memory_bytes = memory_bytes;
	r->runs = pf_runs_new(now->columns, r->keys, r->n_keys, memory_bytes, tmp_dir);
	int code = open_runs(r, files, n, err);
	pf_builder_free(r->pending);
	pf_sorter_free(r->sorter);
	r->pending = NULL;
	r->sorter = NULL;
	if (code)
		pf_compact_reader_close(r);
	else
		*reader = r;
	return code;
}

int pf_compact_reader_next(struct pf_compact_reader *r, struct pf_batch *batch,
			   struct pf_error *err)
{
	return pf_merge_next(r->merge, batch, err);
}

void pf_compact_reader_close(struct pf_compact_reader *r)
{
	if (!r)
		return;
	pf_runs_free(r->runs);
	free(r);
}
