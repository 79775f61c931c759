/* SPDX-License-Identifier: Apache-2.0 */
#include "load/compact_keyed.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "load/compact_internal.h"
#include "load/index.h"
#include "load/merge_keyed.h"
#include "load/stored.h"
#include "load/versions.h"
#include "parquet/writer.h"

enum {
	LEAST_MEMORY = 64 << 20,
	SHARES = 3, /* of the memory: runs, and two for a row group of output */
	MOST_GROUP_BYTES = 64 << 20,
	REPLANS = 10,
	MOST_ROUNDS = 16,
};
/* Written before it is committed by itself. */
static const int64_t commit_bytes = 1 << 30;

/* A file that was written. */
struct made {
	struct pf_versions_span span;
	int64_t rows, bytes;
};

struct work {
	struct pf_table *table;
	const struct pf_table_schema *now;
	const struct pf_compact_options *options;
	struct pf_compact_result *result;
	const struct pf_keyed_plan *plan;
	struct pf_schema *versions;       /* table columns, number, kind */
	struct pf_versions_plan *columns; /* of files */
	int *from;                        /* column of files -> of versions */
	struct pf_index_plan wishes;      /* of the table's options */
	struct pf_file_index_builder *index; /* NULL: none is wished for */
	struct pf_buf index_bytes;
	int *blooms;                      /* columns of files */
	size_t n_blooms;
	size_t memory_bytes;              /* of the runs */
	int64_t commit_bytes;
	struct pf_commit *commit;
	struct pf_compact_result waiting; /* since the last commit */
	/* the bucket at hand */
	struct pf_cell cell;
	bool plain; /* an old reader can read what is there */
	struct made *made;
	size_t n_made;
	struct pf_commit_file *file; /* in the making, or NULL */
	struct pf_parquet_writer *writer;
};

/* The ID's bloom filter, and what the table's options ask for. */
static int plan_indexes(struct work *w, struct pf_error *err)
{
	const struct pf_schema *f = pf_versions_schema(w->columns);
	int id = w->now->layout.id_column;
	pf_index_plan_options(&w->wishes, &w->now->options, PF_INDEX_FPP);
	struct pf_file_index_spec *specs = pf_alloc(w->wishes.n + 1, sizeof *specs);
	size_t n = 0;
	w->blooms = pf_alloc(w->wishes.n + 1, sizeof *w->blooms);
	if (id >= 0)
		w->blooms[w->n_blooms++] = pf_versions_column(w->columns, id);
	for (size_t i = 0; i < w->wishes.n; i++) {
		const struct pf_index_wish *wish = &w->wishes.wishes[i];
		int at = pf_schema_find(f, wish->column);
		if (at < 0)
			continue;
		struct pf_type type = f->fields[at].type;
		if (!wish->native && pf_file_index_takes(wish->kind, type))
			specs[n++] = (struct pf_file_index_spec){ wish->kind, at, wish->fpp };
		else if (wish->native && type.kind != PF_BOOLEAN &&
			 (!w->n_blooms || at != w->blooms[0]))
			w->blooms[w->n_blooms++] = at;
	}
	int code = n ? pf_file_index_builder_new(f, specs, n, &w->index, err) : 0;
	free(specs);
	return code;
}

static int prepare(struct work *w, struct pf_error *err)
{
	w->now = pf_table_schema(w->table);
	PF_TRY(pf_versions_plan_new(w->now->columns, &w->now->layout, &w->columns, err));
	w->versions = pf_stored_versions(w->now);
	const struct pf_schema *f = pf_versions_schema(w->columns);
	const struct pf_rules *rules = w->plan->rules;
	w->from = pf_alloc(f->n, sizeof *w->from);
	for (size_t i = 0; i < f->n; i++)
		w->from[i] = pf_schema_find(w->versions, i < rules->nkeys ?
						rules->keys[i] : f->fields[i].name);
	return plan_indexes(w, err);
}

static void clear(struct work *w)
{
	pf_versions_plan_free(w->columns);
	pf_schema_unref(w->versions);
	free(w->from);
	free(w->blooms);
	pf_index_plan_free(&w->wishes);
	pf_file_index_builder_free(w->index);
	w->columns = NULL;
	w->versions = NULL;
	w->from = w->blooms = NULL;
	w->n_blooms = 0;
	w->wishes = (struct pf_index_plan){ 0 };
	w->index = NULL;
}

/* --- writing --- */

static int close_file(struct work *w, struct pf_error *err)
{
	struct made *m = &w->made[w->n_made - 1];
	int code = pf_parquet_writer_finish(w->writer, err);
	w->index_bytes.len = 0;
	if (!code && w->index)
		code = pf_file_index_builder_finish(w->index, NULL, &w->index_bytes, err);
	m->bytes = (int64_t)pf_parquet_writer_bytes(w->writer);
	pf_parquet_writer_free(w->writer);
	w->writer = NULL;
	struct pf_commit_file *f = w->file;
	w->file = NULL;
	if (!code)
		return pf_commit_file_close(f, m->rows,
					    pf_view_of(w->index_bytes.data,
						       w->index_bytes.len), err);
	pf_commit_file_abandon(f);
	return code;
}

/* Rows that are wide make smaller row groups. */
static int64_t group_rows(const struct work *w, const struct pf_batch *first)
{
	size_t most = w->memory_bytes / 2;
	size_t width = pf_batch_bytes(first) / (size_t)first->rows + 1;
	most = most < MOST_GROUP_BYTES ? most : MOST_GROUP_BYTES;
	int64_t rows = (int64_t)(most / width) + 1;
	return rows < PF_PARQUET_GROUP_ROWS ? rows : PF_PARQUET_GROUP_ROWS;
}

static int open_file(struct work *w, const struct pf_batch *first, struct pf_error *err)
{
	size_t nkeys = w->plan->rules->nkeys;
	int *sorted = pf_alloc(nkeys, sizeof *sorted);
	for (size_t i = 0; i < nkeys; i++)
		sorted[i] = (int)i;
	struct pf_parquet_options o = {
		.created_by = w->options->created_by,
		.zstd_level = w->options->zstd_level,
		.old_readers = w->plain || pf_index_plan_bitmaps(&w->wishes),
		.row_group_rows = group_rows(w, first),
		.sort_columns = sorted,
		.n_sort = nkeys,
		.bloom_columns = w->blooms,
		.n_bloom = w->n_blooms,
		.meta = &w->now->columns->meta,
	};
	int code = pf_commit_file_open(w->commit, &w->cell, w->now->buckets, &w->file, err);
	if (!code)
		code = pf_parquet_writer_open(pf_commit_file_sink(w->file),
					      pf_versions_schema(w->columns), &o,
					      &w->writer, err);
	free(sorted);
	w->made = pf_realloc(w->made, w->n_made + 1, sizeof *w->made);
	w->made[w->n_made++] = (struct made){ .span = { INT64_MAX, INT64_MIN } };
	return code;
}

static int write_rows(struct work *w, const struct pf_batch *rows, struct pf_error *err)
{
	const struct pf_schema *f = pf_versions_schema(w->columns);
	if (!w->writer)
		PF_TRY(open_file(w, rows, err));
	struct made *m = &w->made[w->n_made - 1];
	struct pf_column *columns = pf_alloc(f->n, sizeof *columns);
	for (size_t i = 0; i < f->n; i++)
		columns[i] = rows->columns[w->from[i]];
	const struct pf_batch b = { .schema = f, .rows = rows->rows, .columns = columns };
	int code = pf_parquet_writer_add(w->writer, &b, 0, b.rows, err);
	if (!code && w->index)
		code = pf_file_index_builder_add(w->index, &b, err);
	const int64_t *numbers = columns[w->plan->rules->nkeys].values;
	for (int64_t i = 0; i < b.rows; i++) {
		m->span.least = numbers[i] < m->span.least ? numbers[i] : m->span.least;
		m->span.most = numbers[i] > m->span.most ? numbers[i] : m->span.most;
	}
	m->rows += b.rows;
	free(columns);
	if (!code && (int64_t)pf_parquet_writer_bytes(w->writer) >= w->plan->how.file_bytes)
		code = close_file(w, err);
	return code;
}

/* --- reading --- */

/* One sorted run, file after file. */
struct run {
	const struct work *w;
	const struct pf_sorted_run *files;
	size_t at, piece_bytes;
	struct pf_stored *stored;
};

static int next_rows(void *ctx, struct pf_batch *batch, struct pf_error *err)
{
	struct run *r = ctx;
	batch->rows = 0;
	while (r->at < r->files->n) {
		if (!r->stored) {
			PF_TRY(pf_stored_open_versions(r->w->table, r->w->now,
						       r->files->files[r->at], &r->stored,
						       err));
			pf_stored_pieces(r->stored, r->piece_bytes);
		}
		PF_TRY(pf_stored_next(r->stored, batch, err));
		if (batch->rows)
			return 0;
		pf_stored_close(r->stored);
		r->stored = NULL;
		r->at++;
	}
	return 0;
}

/* A third is the piece's: it grows, and is decoded from as much beside it. */
static void set_share(void *ctx, size_t bytes)
{
	((struct run *)ctx)->piece_bytes = bytes / 3;
}

static void close_run(void *ctx)
{
	struct run *r = ctx;
	pf_stored_close(r->stored);
	r->stored = NULL;
}

static int pump(struct work *w, struct pf_keyed_merge *merge, struct pf_error *err)
{
	for (;;) {
		struct pf_batch rows;
		if (w->options->stopping && w->options->stopping(w->options->ctx))
			return pf_fail(err, PF_E_INTERRUPTED,
				       "stopped by a signal; what was committed stays");
		PF_TRY(pf_keyed_merge_next(merge, &rows, err));
		if (!rows.rows)
			return 0;
		PF_TRY(write_rows(w, &rows, err));
		if (w->options->progress)
			w->options->progress(w->options->ctx, rows.rows);
	}
}

static int merge_section(struct work *w, const struct pf_section *section,
			 bool keep_deletes, struct pf_error *err)
{
	const struct pf_keyed_merge_options o = { .keep_deletes = keep_deletes,
						  .memory_bytes = w->memory_bytes,
						  .tmp_dir = w->options->tmp_dir };
	struct pf_keyed_merge *merge;
	PF_TRY(pf_keyed_merge_new(w->plan->rules, w->versions, &o, &merge, err));
	struct run *runs = pf_zalloc(section->n, sizeof *runs);
	for (size_t i = 0; i < section->n; i++) {
		runs[i] = (struct run){ .w = w, .files = &section->runs[i] };
		const struct pf_run run = {
			.merge = { next_rows, &runs[i], section->runs[i].files[0]->path },
			.bytes = pf_keyed_run_bytes(&section->runs[i]),
			.share = set_share,
			.close = close_run,
		};
		pf_keyed_merge_add(merge, &run);
	}
	int code = pump(w, merge, err);
	pf_keyed_merge_free(merge);
	free(runs);
	return code;
}

/* --- a bucket --- */

/* What a job reads and what only moves. */
static void split_files(const struct pf_keyed_job *j, const struct pf_data_file **from,
			const struct pf_data_file **moved, struct pf_versions_step *step)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct pf_keyed_step *s = &j->steps[i];
		if (s->moved)
			moved[step->n_moved++] = s->moved;
		for (size_t k = s->from; k < s->to; k++)
			for (size_t r = 0; r < j->sections.items[k].n; r++) {
				const struct pf_sorted_run *run =
					&j->sections.items[k].runs[r];
				for (size_t f = 0; f < run->n; f++)
					from[step->n_from++] = run->files[f];
			}
	}
	step->from = from;
	step->moved = moved;
}

static int replace(struct work *w, const struct pf_keyed_job *j, struct pf_error *err)
{
	struct pf_compact_result *r = &w->waiting;
	struct pf_versions_span *spans = pf_alloc(w->n_made + 1, sizeof *spans);
	const struct pf_data_file **from = pf_alloc(j->n, sizeof *from);
	const struct pf_data_file **moved = pf_alloc(j->n, sizeof *moved);
	struct pf_versions_step step = { .level = j->level, .spans = spans,
					 .n_files = w->n_made };
	for (size_t i = 0; i < w->n_made; i++)
		spans[i] = w->made[i].span;
	split_files(j, from, moved, &step);
	int code = pf_commit_replace_versions(w->commit, &step, err);
	r->files_before += (int64_t)(step.n_from + step.n_moved);
	r->files_after += (int64_t)(w->n_made + step.n_moved);
	r->rows += j->rows;
	r->bytes_before += j->bytes;
	for (size_t i = 0; i < w->n_made; i++)
		r->bytes_after += w->made[i].bytes;
	free(spans);
	free(from);
	free(moved);
	return code;
}

/* An old reader that can read all files shall read what takes their place. */
static int look_for_delta(struct work *w, const struct pf_keyed_job *j,
			  struct pf_error *err)
{
	w->plain = true;
	for (size_t i = 0; i < j->n && w->plain; i++) {
		struct pf_stored *s;
		PF_TRY(pf_stored_open(w->table, w->now, &j->files[i], &s, err));
		w->plain = !pf_stored_has_delta(s);
		pf_stored_close(s);
	}
	return 0;
}

static int do_steps(struct work *w, const struct pf_keyed_job *j, struct pf_error *err)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		for (size_t k = j->steps[i].from; k < j->steps[i].to; k++)
			PF_TRY(merge_section(w, &j->sections.items[k], j->keep_deletes,
					     err));
		if (w->writer)
			PF_TRY(close_file(w, err));
	}
	return replace(w, j, err);
}

static int do_job(struct work *w, const struct pf_keyed_job *j, struct pf_error *err)
{
	w->cell = (struct pf_cell){ .bucket = j->files[0].bucket };
	if (w->now->npartition_keys) {
		w->cell.has_partition = true;
		w->cell.partition = j->files[0].partition_values[0].bytes;
	}
	w->n_made = 0;
	int code = look_for_delta(w, j, err);
	if (!code)
		code = do_steps(w, j, err);
	pf_parquet_writer_free(w->writer);
	w->writer = NULL;
	w->file = NULL; /* the commit's own */
	free(w->made);
	w->made = NULL;
	return code ? pf_context(err, "'%s'", j->files[0].dir) : 0;
}

/* --- all of a plan --- */

static int do_plan(struct work *w, struct pf_error *err)
{
	for (size_t i = 0; i < w->plan->n_jobs; i++) {
		PF_TRY(do_job(w, &w->plan->jobs[i], err));
		if (w->waiting.bytes_after >= w->commit_bytes)
			PF_TRY(pf_compact_commit(w->commit, &w->waiting, w->result, err));
	}
	return pf_compact_commit(w->commit, &w->waiting, w->result, err);
}

/* A plan with a commit of its own: what fails leaves no files behind. */
static int one_round(struct work *w, bool full, bool *done, struct pf_error *err)
{
	struct pf_keyed_plan plan;
	PF_TRY(pf_keyed_plan(w->table, full, &plan, err));
	w->plan = &plan;
	w->result->left_alone = plan.left_alone;
	w->result->left_alone_why = plan.left_alone_why;
	w->waiting = (struct pf_compact_result){ 0 };
	*done = !plan.n_jobs;
	int code = plan.n_jobs ? prepare(w, err) : 0;
	if (plan.n_jobs && !code)
		code = pf_commit_open(w->table, NULL, &w->commit, err);
	if (plan.n_jobs && !code) {
		code = do_plan(w, err);
		pf_commit_close(w->commit);
		w->commit = NULL;
	}
	clear(w);
	pf_keyed_plan_free(&plan);
	return code;
}

int pf_compact_keyed(struct pf_table *table, const struct pf_compact_options *options,
		     struct pf_compact_result *result, struct pf_error *err)
{
	size_t memory = options->memory_bytes > LEAST_MEMORY ? options->memory_bytes :
							       LEAST_MEMORY;
	struct work w = { .table = table, .options = options, .result = result,
			  .memory_bytes = memory / SHARES, .commit_bytes = commit_bytes };
	bool done = false;
	int code = 0;
	*result = (struct pf_compact_result){ 0 };
	/* A load that never ends brings runs that never end. */
	for (int lost = 0, rounds = 0; !code && !done && rounds < MOST_ROUNDS;) {
		code = one_round(&w, options->full, &done, err);
		rounds = options->full ? MOST_ROUNDS : rounds + 1;
		/* Somebody else replaced a file, or it expired: look again, and
		 * lose no more than a bucket to the next one. */
		if ((code == PF_E_CONFLICT || code == PF_E_VANISHED ||
		     code == PF_E_NO_FILE) && ++lost <= REPLANS) {
			w.commit_bytes = 0;
			rounds = 0;
			code = 0;
			done = false;
		}
	}
	pf_buf_free(&w.index_bytes);
	return code;
}
