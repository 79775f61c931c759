/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a job as one sorted run: sorted files are read side by side;
 * unsorted ones are sorted piece by piece into temporary runs first, and so are
 * runs that are too many for the memory, neighbours with neighbours.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "load/compact_internal.h"
#include "load/sort.h"
#include "load/spill.h"
#include "load/stored.h"

enum {
	/* What reading a file or a temporary run takes at most, decoding
	 * included; a small file takes less. */
	RUN_BYTES = 4 << 20,
	LEAST_RUN_BYTES = 256 << 10,
	UNPACKED = 8, /* bytes of rows per byte of file, at the worst */
	MOST_PIECE_BYTES = 16 << 20,
	EXTENT_ROWS = 4096,
};

/* Rows put aside, sorted. */
struct temporary {
	struct pf_spill *spill; /* borrowed */
	struct pf_extent *extents;
	size_t n, at;
	struct pf_builder *rows;
};

/* A sorted run: one of both. */
struct source {
	struct pf_stored *stored;
	struct temporary *temporary;
	const char *name;
	size_t cost;
};

struct pf_compact_reader {
	struct pf_table *table;
	const struct pf_table_schema *now;
	int keys[2];
	size_t n_keys;
	size_t memory_bytes;
	struct pf_spill *spill;
	struct source *sources; /* oldest first */
	size_t n;
	struct pf_merge *merge;
	/* while unsorted files are read */
	struct pf_builder *pending;
	struct pf_sorter *sorter;
};

/* --- temporary runs --- */

static int temporary_next(void *ctx, struct pf_batch *batch, struct pf_error *err)
{
	struct temporary *t = ctx;
	pf_builder_reset(t->rows);
	if (t->at < t->n)
		PF_TRY(pf_spill_read(t->spill, &t->extents[t->at++], t->rows, err));
	*batch = pf_builder_batch(t->rows);
	return 0;
}

static void temporary_free(struct temporary *t)
{
	if (!t)
		return;
	pf_builder_free(t->rows);
	free(t->extents);
	free(t);
}

static struct temporary *temporary_new(struct pf_compact_reader *r)
{
	struct temporary *t = pf_zalloc(1, sizeof *t);
	t->spill = r->spill;
	t->rows = pf_builder_new(r->now->columns);
	return t;
}

static int temporary_add(struct temporary *t, const struct pf_batch *rows,
			 struct pf_error *err)
{
	t->extents = pf_realloc(t->extents, t->n + 1, sizeof *t->extents);
	PF_TRY(pf_spill_write(t->spill, rows, &t->extents[t->n], err));
	t->n++;
	return 0;
}

/* --- the list of runs --- */

static struct source *add_source(struct pf_compact_reader *r)
{
	r->sources = pf_realloc(r->sources, r->n + 1, sizeof *r->sources);
	r->sources[r->n] = (struct source){ 0 };
	return &r->sources[r->n++];
}

static void add_temporary(struct pf_compact_reader *r, struct temporary *t)
{
	*add_source(r) = (struct source){ .temporary = t, .name = "temporary run",
					  .cost = LEAST_RUN_BYTES };
}

static void source_free(struct source *s)
{
	pf_stored_close(s->stored);
	temporary_free(s->temporary);
}

static struct pf_merge_run run_of(const struct source *s)
{
	if (s->stored)
		return (struct pf_merge_run){ pf_stored_next, s->stored, s->name };
	return (struct pf_merge_run){ temporary_next, s->temporary, s->name };
}

static struct pf_merge *merge_of(const struct pf_compact_reader *r,
				 const struct source *sources, size_t n)
{
	struct pf_merge_run *runs = pf_alloc(n + 1, sizeof *runs);
	/* Larger pieces decode fewer pages twice. */
	size_t share = r->memory_bytes / (2 * (n ? n : 1));
	if (share > MOST_PIECE_BYTES)
		share = MOST_PIECE_BYTES;
	for (size_t i = 0; i < n; i++) {
		size_t least = sources[i].cost / 2;
		runs[i] = run_of(&sources[i]);
		if (sources[i].stored)
			pf_stored_pieces(sources[i].stored, share > least ? share : least);
	}
	struct pf_merge *m = pf_merge_new(r->now->columns, r->keys, r->n_keys, runs, n);
	free(runs);
	return m;
}

/* --- sorting --- */

/* The rows gathered become a temporary run. */
static int sort_pending(struct pf_compact_reader *r, struct pf_error *err)
{
	struct pf_batch all = pf_builder_batch(r->pending);
	if (!all.rows)
		return 0;
	struct temporary *t = temporary_new(r);
	const uint32_t *order = pf_sort_rows(r->sorter, &all, r->keys, r->n_keys);
	int code = 0;
	for (int64_t at = 0; !code && at < all.rows; at += EXTENT_ROWS) {
		int64_t n = all.rows - at < EXTENT_ROWS ? all.rows - at : EXTENT_ROWS;
		pf_builder_reset(t->rows);
		pf_builder_gather(t->rows, &all, order + at, (size_t)n);
		struct pf_batch piece = pf_builder_batch(t->rows);
		code = temporary_add(t, &piece, err);
	}
	add_temporary(r, t);
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

/* A file's descriptor and footer are held until it has been read. */
static int open_file(struct pf_compact_reader *r, const struct pf_data_file *f,
		     struct pf_error *err)
{
	struct pf_stored *s;
	PF_TRY(pf_stored_open(r->table, r->now, f, &s, err));
	if (pf_stored_sorted(s, r->keys, r->n_keys)) {
		/* What came before it has to be before it among the runs. */
		int code = sort_pending(r, err);
		*add_source(r) = (struct source){ .stored = s, .name = f->path,
						  .cost = cost_of(f) };
		return code;
	}
	int code = sort_file(r, s, err);
	pf_stored_close(s);
	return code ? pf_context(err, "'%s'", f->path) : 0;
}

static size_t cost_of_all(const struct pf_compact_reader *r)
{
	size_t cost = 0;
	for (size_t i = 0; i < r->n; i++)
		cost += r->sources[i].cost;
	return cost;
}

/* Runs [from, to) become a temporary one, in *out. */
static int merge_some(struct pf_compact_reader *r, size_t from, size_t to,
		      struct source *out, struct pf_error *err)
{
	struct temporary *t = temporary_new(r);
	struct pf_merge *m = merge_of(r, r->sources + from, to - from);
	struct pf_batch batch;
	int code;
	while (!(code = pf_merge_next(m, &batch, err)) && batch.rows)
		if ((code = temporary_add(t, &batch, err)))
			break;
	pf_merge_free(m);
	for (size_t i = from; i < to; i++)
		source_free(&r->sources[i]);
	*out = (struct source){ .temporary = t, .name = "temporary run",
				.cost = LEAST_RUN_BYTES };
	return code;
}

/* One pass over all runs: as many neighbours as the memory allows become one. */
static int merge_pass(struct pf_compact_reader *r, struct pf_error *err)
{
	size_t kept = 0;
	int code = 0;
	for (size_t from = 0, to; from < r->n; from = to) {
		size_t cost = r->sources[from].cost;
		for (to = from + 1; to < r->n; to++) {
			cost += r->sources[to].cost;
			if (cost > r->memory_bytes && to - from >= 2)
				break;
		}
		struct source merged = r->sources[from];
		if (to - from > 1 && !code)
			code = merge_some(r, from, to, &merged, err);
		else if (to - from > 1)
			for (size_t i = from + 1; i < to; i++)
				source_free(&r->sources[i]);
		r->sources[kept++] = merged;
	}
	r->n = kept;
	return code;
}

static int open_runs(struct pf_compact_reader *r, const struct pf_data_file *const *files,
		     size_t n, struct pf_error *err)
{
	r->pending = pf_builder_new(r->now->columns);
	r->sorter = pf_sorter_new();
	for (size_t i = 0; i < n; i++) {
		PF_TRY(open_file(r, files[i], err));
		/* Descriptors are few, too: so many runs become one at a time. */
		if (r->n > 256)
			PF_TRY(merge_pass(r, err));
	}
	PF_TRY(sort_pending(r, err));
	while (r->n > 2 && cost_of_all(r) > r->memory_bytes)
		PF_TRY(merge_pass(r, err));
	r->merge = merge_of(r, r->sources, r->n);
	return 0;
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
	r->spill = pf_spill_new(tmp_dir);
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
	pf_merge_free(r->merge);
	for (size_t i = 0; i < r->n; i++)
		source_free(&r->sources[i]);
	free(r->sources);
	pf_spill_free(r->spill);
	free(r);
}
