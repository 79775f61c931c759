/* SPDX-License-Identifier: Apache-2.0
 *
 * Which files are compacted together.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "load/compact_internal.h"
#include "load/stored.h"

/* A sorted run of a cell: one file, or several that were made together. */
struct run {
	size_t from, n; /* files */
	int64_t bytes;
	bool unsorted, old_schema;
};

struct planning {
	struct pf_table *table;
	const struct pf_table_schema *now;
	const struct pf_compact_options *options;
	struct pf_compact_plan *plan;
	struct run *runs;
	size_t n_runs;
};

size_t pf_compact_keys(const struct pf_table_schema *s, int keys[2])
{
	size_t n = 0;
	if (s->layout.id_column >= 0)
		keys[n++] = s->layout.id_column;
	if (n && s->layout.time_column >= 0)
		keys[n++] = s->layout.time_column;
	return n;
}

/* Oldest first; what shares a range of sequence numbers as it was committed. */
static int by_age(const void *a, const void *b)
{
	const struct pf_data_file *x = *(const struct pf_data_file *const *)a;
	const struct pf_data_file *y = *(const struct pf_data_file *const *)b;
	if (x->min_sequence != y->min_sequence)
		return x->min_sequence < y->min_sequence ? -1 : 1;
	if (x->max_sequence != y->max_sequence)
		return x->max_sequence < y->max_sequence ? -1 : 1;
	return (x > y) - (x < y); /* all are in one array, as committed */
}

const char *pf_compact_refused(const struct pf_table_schema *now, const struct pf_data_file *f)
{
	if (f->total_buckets != now->buckets)
		return "files of another number of buckets";
	if (now->npartition_keys && f->partition_values[0].null)
		return "a partition that is null";
	return NULL;
}

/* Look into a file: is it sorted, has it rows without ID? */
static int look(struct planning *p, const struct pf_data_file *f, struct run *run,
		const char **why, struct pf_error *err)
{
	struct pf_stored *stored;
	int keys[2];
	size_t n_keys = pf_compact_keys(p->now, keys);
	PF_TRY(pf_stored_open(p->table, p->now, f, &stored, err));
	if (pf_stored_has_nulls(stored, keys, n_keys))
		*why = "rows without ID or time";
	run->unsorted |= !pf_stored_sorted(stored, keys, n_keys);
	run->old_schema |= f->schema_id != p->now->id;
	pf_stored_close(stored);
	return 0;
}

/* The runs among files [from, to). */
static int find_runs(struct planning *p, size_t from, size_t to, const char **why,
		     struct pf_error *err)
{
	const struct pf_data_file **files = p->plan->files;
	p->n_runs = 0;
	for (size_t i = from; i < to && !*why; i++) {
		const struct pf_data_file *f = files[i];
		struct run *last = p->n_runs ? &p->runs[p->n_runs - 1] : NULL;
		bool same = last && f->has_source && f->source == 1 &&
			    files[i - 1]->has_source && files[i - 1]->source == 1 &&
			    f->min_sequence == files[i - 1]->min_sequence &&
			    f->max_sequence == files[i - 1]->max_sequence;
		if (!same) {
			last = &p->runs[p->n_runs++];
			*last = (struct run){ .from = i };
		}
		last->n++;
		last->bytes += f->size;
		*why = pf_compact_refused(p->now, f);
		if (!*why)
			PF_TRY(look(p, f, last, why, err));
	}
	return 0;
}

/* Runs [from, to) become one. */
static void add_job(struct planning *p, size_t from, size_t to, const char *why)
{
	struct pf_compact_plan *plan = p->plan;
	struct pf_compact_job job = { .from = p->runs[from].from, .runs = to - from,
				      .why = why };
	for (size_t r = from; r < to; r++)
		job.n += p->runs[r].n;
	for (size_t i = job.from; i < job.from + job.n; i++) {
		job.bytes += plan->files[i]->size;
		job.rows += plan->files[i]->rows;
	}
	plan->jobs = pf_realloc(plan->jobs, plan->n_jobs + 1, sizeof *plan->jobs);
	plan->jobs[plan->n_jobs++] = job;
	plan->job_files += (int64_t)job.n;
	plan->job_bytes += job.bytes;
	plan->job_rows += job.rows;
}

static void plan_full(struct planning *p)
{
	bool unsorted = false, old_schema = false;
	for (size_t r = 0; r < p->n_runs; r++) {
		unsorted |= p->runs[r].unsorted;
		old_schema |= p->runs[r].old_schema;
	}
	if (p->n_runs > 1 || unsorted || old_schema)
		add_job(p, 0, p->n_runs, "full");
}

static void plan_tiers(struct planning *p)
{
	for (size_t high = p->n_runs, low; high; high = low) {
		low = high - 1;
		int64_t bytes = p->runs[low].bytes;
		bool unsorted = p->runs[low].unsorted;
		while (low && p->runs[low - 1].bytes <= PF_COMPACT_RATIO * bytes) {
			low--;
			bytes += p->runs[low].bytes;
			unsorted |= p->runs[low].unsorted;
		}
		if (high - low > 1)
			add_job(p, low, high, "runs of like size");
		else if (unsorted)
			add_job(p, low, high, "unsorted");
	}
}

static int plan_cell(struct planning *p, size_t from, size_t to, struct pf_error *err)
{
	const char *why = NULL;
	p->plan->cells++;
	PF_TRY(find_runs(p, from, to, &why, err));
	if (why) {
		p->plan->left_alone++;
		p->plan->left_alone_why = why;
		return 0;
	}
	if (p->options->full)
		plan_full(p);
	else
		plan_tiers(p);
	return 0;
}

static int plan_cells(struct planning *p, struct pf_error *err)
{
	struct pf_compact_plan *plan = p->plan;
	size_t n = plan->list.n;
	plan->files = pf_alloc(n + 1, sizeof *plan->files);
	p->runs = pf_alloc(n + 1, sizeof *p->runs);
	for (size_t i = 0; i < n; i++)
		plan->files[i] = &plan->list.files[i];
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && pf_same_bucket(plan->files[from], plan->files[to]);)
			to++;
		qsort(plan->files + from, to - from, sizeof *plan->files, by_age);
		PF_TRY(plan_cell(p, from, to, err));
	}
	return 0;
}

int pf_compact_plan(struct pf_table *table, const struct pf_compact_options *options,
		    struct pf_compact_plan *plan, struct pf_error *err)
{
	struct planning p = { .table = table, .options = options, .plan = plan };
	struct pf_snapshot *snapshot;
	*plan = (struct pf_compact_plan){ 0 };
	PF_TRY(pf_table_refresh(table, err));
	p.now = pf_table_schema(table);
	PF_TRY(pf_table_writable(p.now, err));
	PF_TRY(pf_table_append_only(p.now, err));
	PF_TRY(pf_snapshot_latest(table, &snapshot, err));
	if (!snapshot)
		return 0;
	plan->snapshot = snapshot->id;
	int code = pf_scan_files(table, snapshot, NULL, &plan->list, err);
	pf_snapshot_free(snapshot);
	if (!code)
		code = plan_cells(&p, err);
	free(p.runs);
	/* Expired while it was looked at: there is a newer one. */
	if (code == PF_E_NO_FILE && err)
		err->code = PF_E_VANISHED;
	if (code)
		pf_compact_plan_free(plan);
	return code == PF_E_NO_FILE ? PF_E_VANISHED : code;
}

void pf_compact_plan_free(struct pf_compact_plan *plan)
{
	pf_file_list_free(&plan->list);
	free(plan->files);
	free(plan->jobs);
	*plan = (struct pf_compact_plan){ 0 };
}
