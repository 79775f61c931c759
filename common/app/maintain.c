/* SPDX-License-Identifier: Apache-2.0 */
#include "app/maintain.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/program.h"
#include "app/wording.h"
#include "base/number.h"
#include "load/compact.h"

/* Write a plan to stdout; frees the text. */
static int print(struct pf_run *run, struct pf_buf *text, struct pf_error *err)
{
	struct pf_byte_sink sink;
	int code = pf_output_sink(run, false, &sink, err);
	if (!code)
		code = sink.write(sink.ctx, text->data, text->len, err);
	pf_buf_free(text);
	return code;
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* --- --compact --- */

static void progress(void *ctx, int64_t rows)
{
	pf_progress(ctx, rows, 0);
}

static bool stopping(void *ctx)
{
	(void)ctx;
	return pf_stopping();
}

static int explain_compact(struct pf_run *run, struct pf_table *table,
			   const struct pf_compact_options *o, struct pf_error *err)
{
	struct pf_compact_plan plan;
	struct pf_buf text = { 0 };
	char a[32], b[32];
	PF_TRY(pf_compact_plan(table, o, &plan, err));
	for (size_t i = 0; i < plan.n_jobs; i++) {
		const struct pf_compact_job *j = &plan.jobs[i];
		pf_buf_printf(&text, "%s: %zu file%s in %zu run%s, %s rows, %s: %s\n",
			      plan.files[j->from]->dir, j->n, plural((int64_t)j->n),
			      j->runs, plural((int64_t)j->runs),
			      pf_group_digits(a, j->rows), pf_sized(j->bytes, b), j->why);
		for (size_t k = j->from; k < j->from + j->n; k++)
			pf_buf_printf(&text, "  %s  %s rows, %s\n", plan.files[k]->name,
				      pf_group_digits(a, plan.files[k]->rows),
				      pf_sized(plan.files[k]->size, b));
	}
	pf_buf_printf(&text, "%s of %s files would be rewritten, ",
		      pf_group_digits(a, plan.job_files),
		      pf_group_digits(b, (int64_t)plan.list.n));
	pf_buf_printf(&text, "%s rows, %s; snapshot %" PRId64 "\n",
		      pf_group_digits(a, plan.job_rows), pf_sized(plan.job_bytes, b),
		      plan.snapshot);
	if (plan.left_alone)
		pf_buf_printf(&text, "%zu of %zu buckets left as they are: %s\n",
			      plan.left_alone, plan.cells, plan.left_alone_why);
	pf_compact_plan_free(&plan);
	return print(run, &text, err);
}

int pf_maintain_compact(struct pf_run *run, struct pf_table *table,
			const struct pf_maintain_options *options,
			struct pf_error *err)
{
	struct pf_compact_options o = {
		.full = options->full,
		.memory_bytes = (size_t)options->memory,
		.tmp_dir = options->tmp,
		.created_by = "pf-put version " PF_VERSION " (build release)",
		.ctx = run, .progress = progress, .stopping = stopping,
	};
	struct pf_compact_result r;
	char quoted[256], before[32], after[32], rows[32], size[32];
	const char *name = pf_short_name(pf_table_name(table), quoted);
	if (options->explain)
		return explain_compact(run, table, &o, err);
	pf_signals_graceful();
	int code = pf_compact(table, &o, &r, err);
	if (r.left_alone)
		pf_diag_warn(&run->diag, "%s: %zu bucket%s left as %s: %s", name,
			     r.left_alone, plural((int64_t)r.left_alone),
			     r.left_alone == 1 ? "it is" : "they are", r.left_alone_why);
	if (r.commits)
		pf_diag_note(&run->diag, 0,
			     "%s: snapshot %" PRId64 ", %s file%s with %s rows are %s file%s now, %s",
			     name, r.last, pf_group_digits(before, r.files_before),
			     plural(r.files_before), pf_group_digits(rows, r.rows),
			     pf_group_digits(after, r.files_after), plural(r.files_after),
			     pf_sized(r.bytes_after, size));
	else if (!code)
		pf_diag_note(&run->diag, 0, "%s: nothing to compact", name);
	return code;
}
