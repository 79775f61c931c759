/* SPDX-License-Identifier: Apache-2.0 */
#include "load/compact.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "load/compact_internal.h"
#include "load/compact_keyed.h"
#include "load/rewrite.h"
#include "load/stored.h"

enum {
	LEAST_MEMORY = 64 << 20,
	SHARES = 3, /* of the memory: runs, and two for a row group of output */
	REPLANS = 5,
};
static const int64_t target_bytes = 64 << 20;
/* Written before it is committed by itself. */
static const int64_t commit_bytes = 1 << 30;

struct work {
	struct pf_table *table;
	const struct pf_table_schema *now;
	const struct pf_compact_options *options;
	struct pf_compact_result *result;
	struct pf_commit *commit;
	size_t memory_bytes; /* of the runs */
	int keys[2];
	size_t n_keys;
	/* since the last commit */
	struct pf_compact_result waiting;
};

/* --- one job --- */

/* The indexes that the table asks for and those that the files have; *plain: an
 * old reader can read all of them, so it shall what takes their place. */
static int plan_indexes(const struct work *w, const struct pf_data_file *const *files,
			size_t n, struct pf_index_plan *plan, bool *plain,
			struct pf_error *err)
{
	*plain = true;
	pf_index_plan_options(plan, &w->now->options, PF_INDEX_FPP);
	for (size_t i = 0; i < n; i++) {
		struct pf_stored *s;
		PF_TRY(pf_stored_open(w->table, w->now, files[i], &s, err));
		int code = pf_stored_indexes(s, w->keys[0], plan, err);
		*plain &= !pf_stored_has_delta(s);
		pf_stored_close(s);
		PF_TRY(code);
	}
	return 0;
}

static int copy_rows(struct work *w, struct pf_compact_reader *from,
		     struct pf_rewrite *to, struct pf_error *err)
{
	const struct pf_compact_options *o = w->options;
	for (;;) {
		struct pf_batch batch;
		if (o->stopping && o->stopping(o->ctx))
			return pf_fail(err, PF_E_INTERRUPTED,
				       "stopped by a signal; what was committed stays");
		PF_TRY(pf_compact_reader_next(from, &batch, err));
		if (!batch.rows)
			return 0;
		PF_TRY(pf_rewrite_add(to, &batch, err));
		if (o->progress)
			o->progress(o->ctx, batch.rows);
	}
}

static int replace_files(struct work *w, struct pf_rewrite *out,
			 const struct pf_data_file *const *files,
			 const struct pf_compact_job *job, struct pf_error *err)
{
	size_t made;
	uint64_t bytes;
	int64_t rows;
	PF_TRY(pf_rewrite_finish(out, &made, &bytes, &rows, err));
	if (rows != job->rows)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "%lld rows were read, the entries say %lld",
			       (long long)rows, (long long)job->rows);
	struct pf_view *names = pf_alloc(job->n + 1, sizeof *names);
	for (size_t i = 0; i < job->n; i++)
		names[i] = pf_view_str(files[i]->name);
	int code = pf_commit_replace_files(w->commit, made, names, job->n, err);
	free(names);
	w->waiting.files_before += (int64_t)job->n;
	w->waiting.files_after += (int64_t)made;
	w->waiting.bytes_before += job->bytes;
	w->waiting.bytes_after += (int64_t)bytes;
	w->waiting.rows += rows;
	return code;
}

static int rewrite(struct work *w, const struct pf_data_file *const *files,
		   const struct pf_compact_job *job, const struct pf_index_plan *indexes,
		   bool plain, struct pf_error *err)
{
	const struct pf_compact_options *o = w->options;
	int64_t target = o->target_bytes ? o->target_bytes : target_bytes;
	struct pf_rewrite_plan plan = {
		.rows = w->now->columns, .keys = w->keys, .n_keys = w->n_keys,
		.buckets = w->now->buckets, .indexes = indexes,
		.target_bytes = target, .most_bytes = 2 * target,
		.zstd_level = o->zstd_level, .old_readers = plain,
		.created_by = o->created_by,
	};
	struct pf_cell cell = { .bucket = files[0]->bucket };
	struct pf_compact_reader *in;
	struct pf_rewrite *out = NULL;
	if (w->now->npartition_keys) {
		cell.has_partition = true;
		cell.partition = files[0]->partition_values[0].bytes;
	}
	PF_TRY(pf_compact_reader_open(w->table, w->now, files, job->n, w->memory_bytes,
				      o->tmp_dir, &in, err));
	int code = pf_rewrite_new(&plan, w->commit, &cell, &out, err);
	if (!code)
		code = copy_rows(w, in, out, err);
	if (!code)
		code = replace_files(w, out, files, job, err);
	pf_rewrite_free(out);
	pf_compact_reader_close(in);
	return code;
}

static int do_job(struct work *w, const struct pf_data_file *const *files,
		  const struct pf_compact_job *job, struct pf_error *err)
{
	struct pf_index_plan indexes = { 0 };
	bool plain;
	int code = plan_indexes(w, files, job->n, &indexes, &plain, err);
	if (!code)
		code = rewrite(w, files, job, &indexes, plain, err);
	pf_index_plan_free(&indexes);
	return code;
}

/* --- all of a plan --- */

int pf_compact_commit(struct pf_commit *commit, struct pf_compact_result *waiting,
		      struct pf_compact_result *result, struct pf_error *err)
{
	struct pf_commit_result done;
	if (!waiting->files_before)
		return 0;
	PF_TRY(pf_commit_compact(commit, &done, err));
	if (!result->commits++)
		result->first = done.snapshot;
	result->last = done.snapshot;
	result->files_before += waiting->files_before;
	result->files_after += waiting->files_after;
	result->bytes_before += waiting->bytes_before;
	result->bytes_after += waiting->bytes_after;
	result->rows += waiting->rows;
	*waiting = (struct pf_compact_result){ 0 };
	return 0;
}

static int do_plan(struct work *w, const struct pf_compact_plan *plan,
		   struct pf_error *err)
{
	for (size_t i = 0; i < plan->n_jobs; i++) {
		const struct pf_compact_job *job = &plan->jobs[i];
		PF_TRY(do_job(w, plan->files + job->from, job, err));
		if (w->waiting.bytes_after >= commit_bytes)
			PF_TRY(pf_compact_commit(w->commit, &w->waiting, w->result, err));
	}
	return pf_compact_commit(w->commit, &w->waiting, w->result, err);
}

/* A plan with a commit of its own: what fails leaves no files behind. */
static int one_round(struct work *w, bool *done, struct pf_error *err)
{
	struct pf_compact_plan plan;
	PF_TRY(pf_compact_plan(w->table, w->options, &plan, err));
	w->now = pf_table_schema(w->table);
	w->n_keys = pf_compact_keys(w->now, w->keys);
	w->result->left_alone = plan.left_alone;
	w->result->left_alone_why = plan.left_alone_why;
	w->waiting = (struct pf_compact_result){ 0 };
	*done = !plan.n_jobs;
	int code = 0;
	if (plan.n_jobs)
		code = pf_commit_open(w->table, NULL, &w->commit, err);
	if (plan.n_jobs && !code) {
		code = do_plan(w, &plan, err);
		pf_commit_close(w->commit);
	}
	pf_compact_plan_free(&plan);
	return code;
}

int pf_compact(struct pf_table *table, const struct pf_compact_options *options,
	       struct pf_compact_result *result, struct pf_error *err)
{
	struct work w = { .table = table, .options = options, .result = result };
	size_t memory = options->memory_bytes > LEAST_MEMORY ? options->memory_bytes :
							       LEAST_MEMORY;
	if (pf_table_append_only(pf_table_schema(table), NULL))
		return pf_compact_keyed(table, options, result, err);
	*result = (struct pf_compact_result){ 0 };
	w.memory_bytes = memory / SHARES;
	bool done = false;
	for (int lost = 0; !done;) {
		int code = one_round(&w, &done, err);
		/* Somebody else replaced an input, or it expired: look again. */
		if ((code == PF_E_CONFLICT || code == PF_E_VANISHED ||
		     code == PF_E_NO_FILE) && ++lost <= REPLANS)
			continue;
		PF_TRY(code);
	}
	return 0;
}
