/* SPDX-License-Identifier: Apache-2.0 */
#include "app/maintain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/program.h"
#include "app/wording.h"
#include "base/number.h"
#include "keyed/rules.h"
#include "load/compact_keyed.h"
#include "paimon/alter.h"
#include "paimon/clean.h"
#include "paimon/expire.h"
#include "paimon/rollback.h"

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

static const char *step_name(const struct pf_keyed_job *j, const struct pf_data_file *f)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct pf_keyed_step *s = &j->steps[i];
		if (s->moved && !strcmp(s->moved->name, f->name))
			return "moves";
		for (size_t k = s->from; k < s->to; k++)
			for (size_t r = 0; r < j->sections.items[k].n; r++)
				for (size_t n = 0; n < j->sections.items[k].runs[r].n; n++)
					if (j->sections.items[k].runs[r].files[n] == f)
						return "is merged";
	}
	return "stays";
}

static void explain_job(const struct pf_keyed_job *j, struct pf_buf *text)
{
	char a[32], b[32];
	pf_buf_printf(text, "%s: %zu of %zu runs to level %" PRId32
		      ", %s rows, %s to rewrite%s: %s\n",
		      j->files[0].dir, j->runs, j->of_runs, j->level,
		      pf_group_digits(a, j->rows), pf_sized(j->bytes, b),
		      j->keep_deletes ? "" : ", deletes go", j->why);
	for (size_t i = 0; i < j->n; i++)
		pf_buf_printf(text, "  %s  level %" PRId32 ", %s rows, %s, %s\n",
			      j->files[i].name, j->files[i].level,
			      pf_group_digits(a, j->files[i].rows),
			      pf_sized(j->files[i].size, b), step_name(j, &j->files[i]));
}

static int explain_keyed(struct pf_run *run, struct pf_table *table,
			 const struct pf_compact_options *o, struct pf_error *err)
{
	struct pf_keyed_plan plan;
	struct pf_buf text = { 0 };
	char a[32], b[32], c[32];
	int64_t rewritten = 0, moved = 0;
	PF_TRY(pf_keyed_plan(table, o->full, &plan, err));
	for (size_t i = 0; i < plan.n_jobs; i++) {
		explain_job(&plan.jobs[i], &text);
		rewritten += (int64_t)plan.jobs[i].rewritten;
		moved += (int64_t)plan.jobs[i].moved;
	}
	pf_buf_printf(&text, "%s of %s files would be rewritten, %s get another level; ",
		      pf_group_digits(a, rewritten), pf_group_digits(b, (int64_t)plan.list.n),
		      pf_group_digits(c, moved));
	pf_buf_printf(&text, "%zu bucket%s, at most %zu runs in one; snapshot %" PRId64 "\n",
		      plan.buckets, plural((int64_t)plan.buckets), plan.most_runs,
		      plan.snapshot);
	if (plan.left_alone)
		pf_buf_printf(&text, "%zu of %zu buckets left as they are: %s\n",
			      plan.left_alone, plan.buckets, plan.left_alone_why);
	pf_keyed_plan_free(&plan);
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
		return pf_table_schema(table)->nprimary_keys ?
			       explain_keyed(run, table, &o, err) :
			       explain_compact(run, table, &o, err);
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

/* --- --expire --- */

static void explain_expire(const struct pf_expire_plan *p, struct pf_buf *text)
{
	char a[32], b[32], c[32];
	for (size_t i = 0; i < p->n_files; i++)
		pf_buf_printf(text, "delete %s\n", p->files[i]);
	if (p->first == p->end)
		pf_buf_printf(text, "no snapshot would expire");
	else
		pf_buf_printf(text, "snapshots %" PRId64 " to %" PRId64
			      " would expire, with %s data files and %s of metadata, %s",
			      p->first, p->end - 1, pf_group_digits(a, (int64_t)p->n_data),
			      pf_group_digits(b, (int64_t)(p->n_files - p->n_data)),
			      pf_sized(p->bytes, c));
	if (p->latest)
		pf_buf_printf(text, "; snapshot %" PRId64 " stays: %s%s%s", p->end, p->why,
			      *p->consumer ? ": " : "", p->consumer);
	pf_buf_byte(text, '\n');
}

int pf_maintain_expire(struct pf_run *run, struct pf_table *table,
		       const struct pf_maintain_options *options, struct pf_error *err)
{
	const struct pf_expire_options o = { .keep = options->keep,
					     .keep_ms = options->keep_ms,
					     .grace_ms = options->grace_ms };
	struct pf_expire_plan plan;
	char quoted[256], files[32], bytes[32];
	const char *name = pf_short_name(pf_table_name(table), quoted);
	PF_TRY(pf_expire_plan(table, &o, &plan, err));
	int code;
	if (options->explain) {
		struct pf_buf text = { 0 };
		explain_expire(&plan, &text);
		code = print(run, &text, err);
	} else {
		code = pf_expire_run(table, &plan, err);
	}
	if (!code && !options->explain && plan.first == plan.end)
		pf_diag_note(&run->diag, 0, "%s: nothing to expire", name);
	else if (!code && !options->explain)
		pf_diag_note(&run->diag, 0,
			     "%s: snapshots %" PRId64 " to %" PRId64
			     " expired, %s files deleted, %s",
			     name, plan.first, plan.end - 1,
			     pf_group_digits(files, (int64_t)plan.n_files),
			     pf_sized(plan.bytes, bytes));
	pf_expire_plan_free(&plan);
	return code;
}

/* --- --clean --- */

int pf_maintain_clean(struct pf_run *run, struct pf_table *table,
		      const struct pf_maintain_options *options, struct pf_error *err)
{
	struct pf_clean_plan plan;
	struct pf_buf text = { 0 };
	char quoted[256], files[32], bytes[32];
	const char *name = pf_short_name(pf_table_name(table), quoted);
	PF_TRY(pf_clean_plan(table, options->older_ms, &plan, err));
	pf_group_digits(files, (int64_t)plan.n);
	pf_sized(plan.bytes, bytes);
	int code;
	if (options->explain) {
		for (size_t i = 0; i < plan.n; i++)
			pf_buf_printf(&text, "delete %s\n", plan.files[i]);
		pf_buf_printf(&text, "%s orphan%s would go, %s\n", files,
			      plural((int64_t)plan.n), bytes);
		code = print(run, &text, err);
	} else {
		code = pf_clean_run(table, &plan, err);
		if (!code && plan.n)
			pf_diag_note(&run->diag, 0, "%s: %s orphan%s deleted, %s", name,
				     files, plural((int64_t)plan.n), bytes);
		else if (!code)
			pf_diag_note(&run->diag, 0, "%s: no orphans", name);
	}
	pf_clean_plan_free(&plan);
	return code;
}

/* --- --tag, --delete-tag --- */

int pf_maintain_tag(struct pf_run *run, struct pf_table *table, const char *tag,
		    const struct pf_maintain_options *o, struct pf_error *err)
{
	char quoted[256];
	const char *name = pf_short_name(pf_table_name(table), quoted);
	int64_t made = o->snapshot;
	bool existed;
	if (o->explain) {
		struct pf_buf text = { 0 };
		PF_TRY(pf_tag_plan(table, tag, &made, &existed, err));
		pf_buf_printf(&text, "snapshot %" PRId64 " %s '%s'%s\n", made,
			      existed ? "is" : "would be", tag, existed ? " already" : "");
		return print(run, &text, err);
	}
	PF_TRY(pf_tag_create(table, tag, o->snapshot, &made, &existed, err));
	pf_diag_note(&run->diag, 0, "%s: snapshot %" PRId64 " is '%s'%s", name, made, tag,
		     existed ? " already" : "");
	return 0;
}

int pf_maintain_delete_tag(struct pf_run *run, struct pf_table *table, const char *tag,
			   const struct pf_maintain_options *o, struct pf_error *err)
{
	char quoted[256];
	const char *name = pf_short_name(pf_table_name(table), quoted);
	if (o->explain) {
		struct pf_buf text = { 0 };
		int64_t snapshot;
		PF_TRY(pf_tag_delete_plan(table, tag, &snapshot, err));
		pf_buf_printf(&text, "tag '%s' of snapshot %" PRId64 " would go\n", tag,
			      snapshot);
		return print(run, &text, err);
	}
	PF_TRY(pf_tag_delete(table, tag, err));
	pf_diag_note(&run->diag, 0,
		     "%s: tag '%s' is gone; --clean deletes what only it kept", name, tag);
	return 0;
}

/* --- --rollback --- */

static void explain_rollback(const struct pf_rollback_plan *p, struct pf_buf *text)
{
	char a[32], b[32];
	for (size_t i = 0; i < p->n_snapshots; i++)
		pf_buf_printf(text, "delete snapshot %" PRId64 "\n", p->snapshots[i]);
	for (size_t i = 0; i < p->n_tags; i++)
		pf_buf_printf(text, "delete tag %s\n", p->tags[i]);
	pf_buf_printf(text, "%sthe table would have %s rows instead of %s, as of snapshot %"
		      PRId64 "\n",
		      p->from_tag ? "the tag's snapshot comes back; " : "",
		      pf_group_digits(a, p->rows), pf_group_digits(b, p->rows_now), p->to);
	pf_buf_str(text, "what was loaded since would be read from the stage again\n");
}

int pf_maintain_rollback(struct pf_run *run, struct pf_table *table, const char *target,
			 const struct pf_maintain_options *o, struct pf_error *err)
{
	struct pf_rollback_plan plan;
	char quoted[256], rows[32];
	const char *name = pf_short_name(pf_table_name(table), quoted);
	PF_TRY(pf_rollback_plan(table, target, &plan, err));
	int code;
	if (o->explain) {
		struct pf_buf text = { 0 };
		explain_rollback(&plan, &text);
		code = print(run, &text, err);
	} else {
		code = pf_rollback_run(table, &plan, err);
	}
	if (!code && !o->explain)
		pf_diag_note(&run->diag, 0,
			     "%s: back at snapshot %" PRId64 ", %s rows; what was loaded since is read from the stage again",
			     name, plan.to, pf_group_digits(rows, plan.rows));
	pf_rollback_plan_free(&plan);
	return code;
}

/* --- --alter --- */

static int check_drops(const struct pf_alter_plan *plan, struct pf_error *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (strncmp(plan->changes[i], "drop", 4))
			continue;
		pf_fail(err, PF_E_USAGE, "the definition would %s", plan->changes[i]);
		return pf_hint(err, "--drop does it; 'was: OLDNAME' renames a column");
	}
	return 0;
}

static int alter(struct pf_run *run, struct pf_table *table,
		 const struct pf_alter_plan *plan, const struct pf_maintain_options *o,
		 struct pf_error *err)
{
	char quoted[256];
	struct pf_buf text = { 0 };
	const char *name = pf_short_name(pf_table_name(table), quoted);
	if (o->explain) {
		for (size_t i = 0; i < plan->n; i++)
			pf_buf_printf(&text, "%s\n", plan->changes[i]);
		if (!plan->n)
			pf_buf_str(&text, "the table is as the definition says\n");
		if (plan->dropped && !o->drop)
			pf_buf_str(&text, "refused without --drop\n");
		return print(run, &text, err);
	}
	if (plan->dropped && !o->drop)
		return check_drops(plan, err);
	PF_TRY(pf_alter_run(table, plan, err));
	if (!plan->n) {
		pf_diag_note(&run->diag, 0, "%s: is as the definition says", name);
		return 0;
	}
	for (size_t i = 0; i < plan->n; i++)
		pf_buf_printf(&text, "%s%s", i ? "; " : "", plan->changes[i]);
	pf_diag_note(&run->diag, 0, "%s: schema %" PRId64 ": %s", name, plan->id,
		     pf_buf_cstr(&text));
	pf_buf_free(&text);
	return 0;
}

int pf_maintain_alter(struct pf_run *run, struct pf_table *table,
		      const char *definition, const struct pf_maintain_options *o,
		      struct pf_error *err)
{
	struct pf_tabledef *def;
	struct pf_alter_plan plan;
	PF_TRY(pf_tabledef_load(definition, &def, err));
	int code = pf_rules_check(def, err);
	if (!code)
		code = pf_alter_plan(table, def, &plan, err);
	if (!code) {
		code = alter(run, table, &plan, o, err);
		pf_alter_plan_free(&plan);
	}
	pf_tabledef_free(def);
	return code;
}
