/* SPDX-License-Identifier: Apache-2.0 */
#include "load/runs.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "load/spill.h"

enum {
	EXTENT_ROWS = 8192,
	EXTENT_BYTES = 1 << 20,
	TEMPORARY_BYTES = 3 << 19, /* what reading a temporary run takes */
	MOST_SHARE_BYTES = 16 << 20,
};

/* Rows put aside, sorted. */
struct temporary {
	struct pf_spill *spill; /* borrowed */
	struct pf_extent *extents;
	size_t n, at;
	struct pf_builder *rows;
};

struct pf_runs {
	struct pf_schema *schema;
	int *keys;
	size_t n_keys;
	size_t memory_bytes;
	struct pf_spill *spill;
	struct pf_run *items;
	size_t n;
	struct pf_merge *merge;
};

struct pf_runs *pf_runs_new(struct pf_schema *schema, const int *keys, size_t n_keys,
			    size_t memory_bytes, const char *tmp_dir)
{
	struct pf_runs *r = pf_zalloc(1, sizeof *r);
	r->schema = pf_schema_ref(schema);
	r->keys = pf_alloc(n_keys + 1, sizeof *r->keys);
	for (size_t i = 0; i < n_keys; i++)
		r->keys[i] = keys[i];
	r->n_keys = n_keys;
	r->memory_bytes = memory_bytes;
	r->spill = pf_spill_new(tmp_dir);
	return r;
}

static void close_run(struct pf_run *run)
{
	if (run->close)
		run->close(run->merge.ctx);
	*run = (struct pf_run){ 0 };
}

void pf_runs_free(struct pf_runs *r)
{
	if (!r)
		return;
	pf_merge_free(r->merge);
	for (size_t i = 0; i < r->n; i++)
		close_run(&r->items[i]);
	free(r->items);
	pf_spill_free(r->spill);
	pf_schema_unref(r->schema);
	free(r->keys);
	free(r);
}

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

static void temporary_close(void *ctx)
{
	struct temporary *t = ctx;
	pf_builder_free(t->rows);
	free(t->extents);
	free(t);
}

static struct pf_run temporary_new(struct pf_runs *r, struct temporary **out)
{
	struct temporary *t = *out = pf_zalloc(1, sizeof *t);
	t->spill = r->spill;
	t->rows = pf_builder_new(r->schema);
	return (struct pf_run){
		.merge = { temporary_next, t, "temporary run" },
		.bytes = TEMPORARY_BYTES,
		.close = temporary_close,
	};
}

/* Rows of an extent, which is read at once. */
static int64_t extent_rows(const struct pf_batch *rows)
{
	size_t width = rows->rows ? pf_batch_bytes(rows) / (size_t)rows->rows + 1 : 1;
	size_t n = EXTENT_BYTES / width + 1;
	return n < EXTENT_ROWS ? (int64_t)n : EXTENT_ROWS;
}

static int add_extent(struct temporary *t, const struct pf_batch *rows,
		      struct pf_error *err)
{
	t->extents = pf_realloc(t->extents, t->n + 1, sizeof *t->extents);
	PF_TRY(pf_spill_write(t->spill, rows, &t->extents[t->n], err));
	t->n++;
	return 0;
}

static int temporary_add(struct temporary *t, const struct pf_batch *rows,
			 struct pf_error *err)
{
	int64_t most = extent_rows(rows);
	if (rows->rows <= most)
		return add_extent(t, rows, err);
	for (int64_t at = 0; at < rows->rows; at += most) {
		pf_builder_reset(t->rows);
		pf_builder_append(t->rows, rows, at,
				  rows->rows - at < most ? rows->rows - at : most);
		struct pf_batch piece = pf_builder_batch(t->rows);
		PF_TRY(add_extent(t, &piece, err));
	}
	return 0;
}

/* --- the list of runs --- */

void pf_runs_add(struct pf_runs *r, const struct pf_run *run)
{
	r->items = pf_realloc(r->items, r->n + 1, sizeof *r->items);
	r->items[r->n++] = *run;
}

int pf_runs_put(struct pf_runs *r, const struct pf_batch *rows, const uint32_t *order,
		struct pf_error *err)
{
	struct temporary *t;
	struct pf_run run = temporary_new(r, &t);
	pf_runs_add(r, &run);
	int64_t most = extent_rows(rows);
	for (int64_t at = 0; at < rows->rows; at += most) {
		int64_t n = rows->rows - at < most ? rows->rows - at : most;
		pf_builder_reset(t->rows);
		pf_builder_gather(t->rows, rows, order + at, (size_t)n);
		struct pf_batch piece = pf_builder_batch(t->rows);
		PF_TRY(add_extent(t, &piece, err));
	}
	return 0;
}

/* --- merging --- */

static struct pf_merge *merge_of(const struct pf_runs *r, size_t from, size_t to)
{
	size_t n = to - from;
	struct pf_merge_run *runs = pf_alloc(n + 1, sizeof *runs);
	/* Larger pieces decode fewer pages twice. */
	size_t share = r->memory_bytes / (n ? n : 1);
	share = share > MOST_SHARE_BYTES ? MOST_SHARE_BYTES : share;
	for (size_t i = 0; i < n; i++) {
		const struct pf_run *run = &r->items[from + i];
		runs[i] = run->merge;
		if (run->share)
			run->share(run->merge.ctx, share > run->bytes ? share : run->bytes);
	}
	struct pf_merge *m = pf_merge_new(r->schema, r->keys, r->n_keys, runs, n);
	free(runs);
	return m;
}

/* Runs [from, to) become a temporary one in their place. */
static int merge_some(struct pf_runs *r, size_t from, size_t to, struct pf_error *err)
{
	struct temporary *t;
	struct pf_run made = temporary_new(r, &t);
	struct pf_merge *m = merge_of(r, from, to);
	struct pf_batch batch;
	int code;
	while (!(code = pf_merge_next(m, &batch, err)) && batch.rows)
		if ((code = temporary_add(t, &batch, err)))
			break;
	pf_merge_free(m);
	for (size_t i = from; i < to; i++)
		close_run(&r->items[i]);
	r->items[from] = made;
	memmove(&r->items[from + 1], &r->items[to], (r->n - to) * sizeof *r->items);
	r->n -= to - from - 1;
	return code;
}

static size_t bytes_of_all(const struct pf_runs *r)
{
	size_t bytes = 0;
	for (size_t i = 0; i < r->n; i++)
		bytes += r->items[i].bytes;
	return bytes;
}

static bool too_large(const struct pf_runs *r)
{
	return bytes_of_all(r) > r->memory_bytes;
}

/* From `from` on, as many neighbours become one as fit in the memory and as
 * have to; two always do. */
static int merge_group(struct pf_runs *r, size_t from, size_t most, struct pf_error *err)
{
	size_t bytes = r->items[from].bytes, all = bytes_of_all(r), to = from + 1;
	for (; to < r->n; to++) {
		size_t left = r->n - (to - from) + 1;
		bool enough = left <= most &&
			      all - bytes + TEMPORARY_BYTES <= r->memory_bytes;
		if (to - from >= 2 &&
		    (enough || bytes + r->items[to].bytes > r->memory_bytes))
			break;
		bytes += r->items[to].bytes;
	}
	return to - from > 1 ? merge_some(r, from, to, err) : 0;
}

static int reduce(struct pf_runs *r, size_t most, bool memory, struct pf_error *err)
{
	for (size_t at = 0; r->n > 2 && (r->n > most || (memory && too_large(r))); at++) {
		if (at >= r->n - 1)
			at = 0;
		PF_TRY(merge_group(r, at, most, err));
	}
	return 0;
}

int pf_runs_limit(struct pf_runs *r, size_t most, struct pf_error *err)
{
	return reduce(r, most, false, err);
}

int pf_runs_merge(struct pf_runs *r, struct pf_merge **merge, struct pf_error *err)
{
	enum { MOST_RUNS = 4096 };
	PF_TRY(reduce(r, MOST_RUNS, true, err));
	*merge = r->merge = merge_of(r, 0, r->n);
	return 0;
}
