/* SPDX-License-Identifier: Apache-2.0
 *
 * Which runs of which buckets become one, and what has to be rewritten for it.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "load/compact_internal.h"
#include "load/compact_keyed.h"

struct planning {
	const struct pf_table_schema *now;
	struct pf_keyed_plan *plan;
	bool full;
	const struct pf_data_file **files; /* room for those of a bucket */
	struct pf_keyed_run *runs;
};

/* --- one job --- */

static void add_step(struct pf_keyed_job *j, struct pf_keyed_step step)
{
	j->steps = pf_realloc(j->steps, j->n_steps + 1, sizeof *j->steps);
	j->steps[j->n_steps++] = step;
}

/* Sections [from, to) are merged. */
static void add_merge(struct pf_keyed_job *j, size_t from, size_t to)
{
	add_step(j, (struct pf_keyed_step){ .from = from, .to = to });
	for (size_t i = from; i < to; i++) {
		const struct pf_section *s = &j->sections.items[i];
		for (size_t r = 0; r < s->n; r++)
			for (size_t k = 0; k < s->runs[r].n; k++) {
				j->rewritten++;
				j->rows += s->runs[r].files[k]->rows;
				j->bytes += s->runs[r].files[k]->size;
			}
	}
}

static const struct pf_data_file *only_file(const struct pf_section *s)
{
	return s->n == 1 && s->runs[0].n == 1 ? s->runs[0].files[0] : NULL;
}

/* The file of section i gets the job's level; in the highest one there are no
 * deletes. */
static void add_move(struct pf_keyed_job *j, size_t i, int32_t top)
{
	const struct pf_data_file *f = only_file(&j->sections.items[i]);
	if (f->level == j->level) {
		j->kept++;
	} else if (j->level == top && (!f->has_deletes || f->deletes)) {
		add_merge(j, i, i + 1);
	} else {
		add_step(j, (struct pf_keyed_step){ .moved = f });
		j->moved++;
	}
}

/* What came before a large file that stands alone: sections [from, to). */
static void add_before(struct pf_keyed_job *j, size_t from, size_t to, int32_t top)
{
	if (to - from == 1 && only_file(&j->sections.items[from]))
		add_move(j, from, top);
	else if (to > from)
		add_merge(j, from, to);
}

static void plan_steps(const struct planning *p, struct pf_keyed_job *j, int32_t top)
{
	size_t from = 0;
	for (size_t i = 0; i < j->sections.n; i++) {
		const struct pf_data_file *f = only_file(&j->sections.items[i]);
		if (!f || f->size < p->plan->how.small_bytes)
			continue;
		add_before(j, from, i, top);
		add_move(j, i, top);
		from = i + 1;
	}
	add_before(j, from, j->sections.n, top);
}

static void job_clear(struct pf_keyed_job *j)
{
	pf_sections_free(&j->sections);
	free(j->steps);
	free(j->files);
	*j = (struct pf_keyed_job){ 0 };
}

static int add_job(struct planning *p, size_t n_runs, const struct pf_universal_pick *pick,
		   struct pf_error *err)
{
	struct pf_keyed_plan *plan = p->plan;
	struct pf_keyed_job j = { .runs = pick->n, .of_runs = n_runs, .level = pick->level,
				  .why = pick->why, .keep_deletes = pick->n < n_runs };
	int32_t highest = p->runs[n_runs - 1].level;
	int32_t top = highest > plan->how.levels - 1 ? highest : plan->how.levels - 1;
	for (size_t r = 0; r < pick->n; r++)
		j.n += p->runs[r].n;
	j.files = pf_alloc(j.n, sizeof *j.files);
	for (size_t i = 0; i < j.n; i++)
		j.files[i] = *p->files[i];
	const struct pf_file_list list = { .files = j.files, .n = j.n };
	int code = pf_sections_make(&list, p->now, plan->rules, &j.sections, err);
	if (!code)
		plan_steps(p, &j, top);
	if (code || !j.n_steps) {
		job_clear(&j);
		return code;
	}
	plan->jobs = pf_realloc(plan->jobs, plan->n_jobs + 1, sizeof *plan->jobs);
	plan->jobs[plan->n_jobs++] = j;
	return 0;
}

/* --- all buckets --- */

static int plan_bucket(struct planning *p, const struct pf_data_file *files, size_t n,
		       struct pf_error *err)
{
	struct pf_universal_pick pick;
	p->plan->buckets++;
	for (size_t i = 0; i < n; i++) {
		const char *why = pf_compact_refused(p->now, &files[i]);
		p->files[i] = &files[i];
		if (!why)
			continue;
		p->plan->left_alone++;
		p->plan->left_alone_why = why;
		return 0;
	}
	size_t runs = pf_keyed_runs(p->files, n, p->runs);
	if (runs > p->plan->most_runs)
		p->plan->most_runs = runs;
	if (!pf_universal_choose(&p->plan->how, p->runs, runs, p->full, &pick))
		return 0;
	return add_job(p, runs, &pick, err);
}

static int plan_buckets(struct planning *p, struct pf_error *err)
{
	const struct pf_file_list *list = &p->plan->list;
	p->files = pf_alloc(list->n + 1, sizeof *p->files);
	p->runs = pf_alloc(list->n + 1, sizeof *p->runs);
	for (size_t from = 0, to; from < list->n; from = to) {
		for (to = from + 1; to < list->n &&
				    pf_same_bucket(&list->files[from], &list->files[to]);)
			to++;
		PF_TRY(plan_bucket(p, list->files + from, to - from, err));
	}
	return 0;
}

int pf_keyed_plan(struct pf_table *table, bool full, struct pf_keyed_plan *plan,
		  struct pf_error *err)
{
	struct planning p = { .plan = plan, .full = full };
	struct pf_snapshot *snapshot;
	*plan = (struct pf_keyed_plan){ 0 };
	PF_TRY(pf_table_refresh(table, err));
	p.now = pf_table_schema(table);
	PF_TRY(pf_table_writable(p.now, err));
	PF_TRY(pf_universal_read(p.now, &plan->how, err));
	PF_TRY(pf_rules_read(p.now, &plan->rules, err));
	int code = pf_snapshot_latest(table, &snapshot, err);
	if (!code && snapshot) {
		plan->snapshot = snapshot->id;
		code = pf_scan_files(table, snapshot, NULL, &plan->list, err);
		pf_snapshot_free(snapshot);
	}
	if (!code)
		code = plan_buckets(&p, err);
	free(p.files);
	free(p.runs);
	if (code)
		pf_keyed_plan_free(plan);
	return code;
}

void pf_keyed_plan_free(struct pf_keyed_plan *plan)
{
	for (size_t i = 0; i < plan->n_jobs; i++)
		job_clear(&plan->jobs[i]);
	free(plan->jobs);
	pf_rules_free(plan->rules);
	pf_file_list_free(&plan->list);
	*plan = (struct pf_keyed_plan){ 0 };
}
