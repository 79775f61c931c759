/* SPDX-License-Identifier: Apache-2.0 */
#include "load/compact_keyed.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "keyed/fold.h"
#include "keyed/sections.h"
#include "load/merge.h"
#include "load/stored.h"
#include "load/versions.h"
#include "paimon/commit.h"
#include "parquet/writer.h"

enum {
	TARGET_BYTES = 64 << 20,
	LEAST_MEMORY = 64 << 20,
	MOST_PIECE_BYTES = 16 << 20,
	LEAST_PIECE_BYTES = 64 << 10,
	TRIGGER_RUNS = 5,
	REPLANS = 10,
};

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
	struct pf_rules *rules;
	struct pf_schema *versions;       /* table columns, number, kind */
	struct pf_versions_plan *columns; /* of files */
	int *from;                        /* column of files -> of versions */
	int32_t top;                      /* the highest level */
	int64_t trigger;
	/* the bucket at hand */
	struct pf_commit *commit;
	struct pf_cell cell;
	struct made *made;
	size_t n_made;
	struct pf_commit_file *file; /* in the making, or NULL */
	struct pf_parquet_writer *writer;
};

static int64_t option_int(const struct pf_table_schema *s, const char *key, int64_t other)
{
	const char *text = pf_meta_get(&s->options, key);
	long long n = text ? strtoll(text, NULL, 10) : 0;
	return n > 0 && n < 1000 ? n : other;
}

static int prepare(struct work *w, struct pf_error *err)
{
	w->now = pf_table_schema(w->table);
	w->trigger = option_int(w->now, "num-sorted-run.compaction-trigger", TRIGGER_RUNS);
	w->top = (int32_t)option_int(w->now, "num-levels", w->trigger + 1) - 1;
	if (w->top < 1)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "the table has one level only (num-levels), which is not supported");
	PF_TRY(pf_rules_read(w->now, &w->rules, err));
	PF_TRY(pf_versions_plan_new(w->now->columns, &w->now->layout, &w->columns, err));
	w->versions = pf_stored_versions(w->now);
	const struct pf_schema *f = pf_versions_schema(w->columns);
	w->from = pf_alloc(f->n, sizeof *w->from);
	for (size_t i = 0; i < f->n; i++)
		w->from[i] = pf_schema_find(w->versions, i < w->rules->nkeys ?
						w->rules->keys[i] : f->fields[i].name);
	return 0;
}

static void clear(struct work *w)
{
	pf_rules_free(w->rules);
	pf_versions_plan_free(w->columns);
	pf_schema_unref(w->versions);
	free(w->from);
	w->rules = NULL;
	w->columns = NULL;
	w->versions = NULL;
	w->from = NULL;
}

/* --- which buckets --- */

static bool same_bucket(const struct pf_data_file *a, const struct pf_data_file *b)
{
	return a->bucket == b->bucket && !pf_view_cmp(a->partition, b->partition);
}

/* Each file of level 0 is a sorted run, and each other level. */
static bool is_due(const struct work *w, const struct pf_data_file *files, size_t n)
{
	int64_t runs = 0;
	bool deletes = false, levels[1000] = { false };
	for (size_t i = 0; i < n; i++) {
		int32_t level = files[i].level;
		deletes |= !files[i].has_deletes || files[i].deletes;
		if (level > 0 && level < 1000 && levels[level])
			continue;
		if (level > 0 && level < 1000)
			levels[level] = true;
		runs++;
	}
	return w->options->full ? runs > 1 || deletes : runs >= w->trigger;
}

/* --- writing --- */

static int close_file(struct work *w, struct pf_error *err)
{
	struct made *m = &w->made[w->n_made - 1];
	const struct pf_view none = { 0 };
	int code = pf_parquet_writer_finish(w->writer, err);
	m->bytes = (int64_t)pf_parquet_writer_bytes(w->writer);
	pf_parquet_writer_free(w->writer);
	w->writer = NULL;
	struct pf_commit_file *f = w->file;
	w->file = NULL;
	if (!code)
		return pf_commit_file_close(f, m->rows, none, err);
	pf_commit_file_abandon(f);
	return code;
}

static int open_file(struct work *w, struct pf_error *err)
{
	int id = w->now->layout.id_column;
	int bloom = id < 0 ? -1 : pf_versions_column(w->columns, id);
	int *sorted = pf_alloc(w->rules->nkeys, sizeof *sorted);
	for (size_t i = 0; i < w->rules->nkeys; i++)
		sorted[i] = (int)i;
	struct pf_parquet_options o = {
		.created_by = w->options->created_by,
		.zstd_level = w->options->zstd_level,
		.sort_columns = sorted,
		.n_sort = w->rules->nkeys,
		.bloom_columns = &bloom,
		.n_bloom = bloom >= 0,
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
	int64_t target = w->options->target_bytes ? w->options->target_bytes : TARGET_BYTES;
	if (!w->writer)
		PF_TRY(open_file(w, err));
	struct made *m = &w->made[w->n_made - 1];
	struct pf_column *columns = pf_alloc(f->n, sizeof *columns);
	for (size_t i = 0; i < f->n; i++)
		columns[i] = rows->columns[w->from[i]];
	const struct pf_batch b = { .schema = f, .rows = rows->rows, .columns = columns };
	int code = pf_parquet_writer_add(w->writer, &b, 0, b.rows, err);
	const int64_t *numbers = columns[w->rules->nkeys].values;
	for (int64_t i = 0; i < b.rows; i++) {
		m->span.least = numbers[i] < m->span.least ? numbers[i] : m->span.least;
		m->span.most = numbers[i] > m->span.most ? numbers[i] : m->span.most;
	}
	m->rows += b.rows;
	free(columns);
	if (!code && pf_parquet_writer_bytes(w->writer) >= (uint64_t)target)
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

static int pump(struct work *w, struct pf_merge *merge, struct pf_keyed_fold *fold,
		struct pf_error *err)
{
	for (bool end = false; !end;) {
		struct pf_batch in, out;
		if (w->options->stopping && w->options->stopping(w->options->ctx))
			return pf_fail(err, PF_E_INTERRUPTED, "interrupted");
		PF_TRY(pf_merge_next(merge, &in, err));
		end = !in.rows;
		PF_TRY(pf_keyed_fold_add(fold, &in, end, &out, err));
		if (out.rows)
			PF_TRY(write_rows(w, &out, err));
		if (w->options->progress)
			w->options->progress(w->options->ctx, in.rows);
	}
	return 0;
}

static int merge_section(struct work *w, const struct pf_section *section,
			 struct pf_error *err)
{
	size_t memory = w->options->memory_bytes > LEAST_MEMORY ?
			w->options->memory_bytes : LEAST_MEMORY;
	size_t share = memory / (4 * section->n);
	share = share > MOST_PIECE_BYTES ? MOST_PIECE_BYTES : share;
	struct run *runs = pf_zalloc(section->n, sizeof *runs);
	struct pf_merge_run *in = pf_alloc(section->n, sizeof *in);
	int *keys = pf_alloc(w->rules->nkeys, sizeof *keys);
	for (size_t i = 0; i < section->n; i++) {
		runs[i] = (struct run){ .w = w, .files = &section->runs[i],
					.piece_bytes = share > LEAST_PIECE_BYTES ?
						share : LEAST_PIECE_BYTES };
		in[i] = (struct pf_merge_run){ next_rows, &runs[i],
					       section->runs[i].files[0]->path };
	}
	for (size_t i = 0; i < w->rules->nkeys; i++)
		keys[i] = pf_schema_find(w->versions, w->rules->keys[i]);
	struct pf_merge *merge = pf_merge_new(w->versions, keys, w->rules->nkeys, in,
					      section->n);
	struct pf_keyed_fold *fold = NULL;
	int code = pf_keyed_fold_new(w->rules, w->versions, false, &fold, err);
	if (!code)
		code = pump(w, merge, fold, err);
	pf_keyed_fold_free(fold);
	pf_merge_free(merge);
	for (size_t i = 0; i < section->n; i++)
		pf_stored_close(runs[i].stored);
	free(runs);
	free(in);
	free(keys);
	return code;
}

/* --- a bucket --- */

static int commit(struct work *w, const struct pf_data_file *files, size_t n,
		  struct pf_error *err)
{
	struct pf_compact_result *r = w->result;
	struct pf_commit_result done;
	struct pf_view *names = pf_alloc(n, sizeof *names);
	struct pf_versions_span *spans = pf_alloc(w->n_made + 1, sizeof *spans);
	for (size_t i = 0; i < n; i++)
		names[i] = pf_view_str(files[i].name);
	for (size_t i = 0; i < w->n_made; i++)
		spans[i] = w->made[i].span;
	int code = pf_commit_replace_versions(w->commit, w->top, spans, w->n_made, names, n,
					      err);
	if (!code)
		code = pf_commit_compact(w->commit, &done, err);
	free(names);
	free(spans);
	PF_TRY(code);
	if (!r->commits++)
		r->first = done.snapshot;
	r->last = done.snapshot;
	for (size_t i = 0; i < n; i++) {
		r->files_before++;
		r->bytes_before += files[i].size;
		r->rows += files[i].rows;
	}
	for (size_t i = 0; i < w->n_made; i++) {
		r->files_after++;
		r->bytes_after += w->made[i].bytes;
	}
	return 0;
}

static int compact_bucket(struct work *w, struct pf_data_file *files, size_t n,
			  struct pf_error *err)
{
	struct pf_file_list list = { .files = files, .n = n };
	struct pf_sections sections;
	w->cell = (struct pf_cell){ .bucket = files[0].bucket };
	if (w->now->npartition_keys) {
		w->cell.has_partition = true;
		w->cell.partition = files[0].partition_values[0].bytes;
	}
	PF_TRY(pf_sections_make(&list, w->now, w->rules, &sections, err));
	int code = pf_commit_open(w->table, NULL, &w->commit, err);
	w->n_made = 0;
	for (size_t i = 0; i < sections.n && !code; i++)
		code = merge_section(w, &sections.items[i], err);
	if (!code && w->writer)
		code = close_file(w, err);
	if (!code)
		code = commit(w, files, n, err);
	pf_parquet_writer_free(w->writer);
	w->writer = NULL;
	w->file = NULL; /* the commit's own */
	pf_commit_close(w->commit);
	w->commit = NULL;
	free(w->made);
	w->made = NULL;
	pf_sections_free(&sections);
	return code;
}

/* Every bucket that is due in the newest snapshot. */
static int one_round(struct work *w, struct pf_error *err)
{
	struct pf_snapshot *snapshot;
	struct pf_file_list list;
	PF_TRY(pf_table_refresh(w->table, err));
	PF_TRY(pf_table_writable(pf_table_schema(w->table), err));
	PF_TRY(prepare(w, err));
	PF_TRY(pf_snapshot_latest(w->table, &snapshot, err));
	int code = pf_scan_files(w->table, snapshot, NULL, &list, err);
	pf_snapshot_free(snapshot);
	PF_TRY(code);
	for (size_t from = 0, to; from < list.n && !code; from = to) {
		for (to = from + 1; to < list.n &&
				    same_bucket(&list.files[from], &list.files[to]);)
			to++;
		if (is_due(w, list.files + from, to - from))
			code = compact_bucket(w, list.files + from, to - from, err);
	}
	pf_file_list_free(&list);
	return code;
}

int pf_compact_keyed(struct pf_table *table, const struct pf_compact_options *options,
		     struct pf_compact_result *result, struct pf_error *err)
{
	struct work w = { .table = table, .options = options, .result = result };
	int code = 0;
	*result = (struct pf_compact_result){ 0 };
	for (int lost = 0; lost <= REPLANS; lost++) {
		code = one_round(&w, err);
		clear(&w);
		/* Somebody else replaced a file, or it expired: look again. */
		if (code != PF_E_CONFLICT && code != PF_E_VANISHED && code != PF_E_NO_FILE)
			break;
	}
	return code;
}
