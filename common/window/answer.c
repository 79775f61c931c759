/* SPDX-License-Identifier: Apache-2.0 */
#include "window/answer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"

static const int64_t day_us = 86400000000;

/* A bound as a value of the result's column. */
static int64_t as_bound(struct pf_type type, int64_t us)
{
	if (type.kind == PF_DATE)
		return pf_floor_div(us, day_us);
	return us / (1000000 / pf_type_units(type));
}

/* Merged rows out, and into a run if there is one to be written. */
static int drain(struct pf_answer *a, struct pf_combine *m, const struct pf_combine_label *label,
		 struct pf_run_out *out, struct pf_sorted *run, struct pf_error *err)
{
	struct pf_builder *rows = pf_builder_new((struct pf_schema *)(uintptr_t)a->result);
	size_t n = 0;
	int code;
	do {
		struct pf_batch batch;
		code = pf_combine_next(m, &n, err);
		if (!code && n && out)
			code = pf_combine_stored(m, &batch, err);
		if (!code && n && out)
			code = pf_run_out_batch(out, &batch, 0, batch.rows, err);
		if (code || !n || !label)
			continue;
		pf_builder_reset(rows);
		code = pf_combine_finished(m, label, rows, err);
		batch = pf_builder_batch(rows);
		a->keys += batch.rows;
		if (!code)
			code = a->put(a->ctx, &batch, err);
	} while (!code && n);
	pf_builder_free(rows);
	if (!code && out)
		code = pf_run_out_cut(out, run, err);
	return code;
}

/* The new answer takes the place of the window's old one. */
static void remember(struct pf_answer *a, const struct pf_window *w, int64_t from_us,
		     int64_t to_us, size_t file, const struct pf_sorted *run,
		     struct pf_ids *ids)
{
	struct pf_state_window n = { .text = (char *)(uintptr_t)w->text, .from_us = from_us,
				     .to_us = to_us, .file = file, .run = *run };
	for (size_t i = a->state->nwindows; i-- > 0;)
		if (!strcmp(a->state->windows[i].text, w->text))
			pf_state_drop_window(a->state, i);
	pf_ids_copy(&n.ids, ids);
	pf_state_add_window(a->state, &n);
}

/* Merge what the plan says; the answer is written beside the output. */
static int merge(struct pf_answer *a, const struct pf_plan *p,
		 const struct pf_combine_label *label, struct pf_sorted *run, size_t *file,
		 struct pf_error *err)
{
	struct pf_combine *m = NULL;
	struct pf_run_out *out = NULL;
	bool write = run != NULL;
	if (write) {
		PF_TRY(pf_state_file_new(a->state, "window", file, err));
		PF_TRY(pf_run_out_open(a->state->files[*file].fd, "answer",
				       a->shape->merged, &out, err));
	}
	int code = pf_combine_open(a->shape, p->inputs, p->n, false, a->memory, &m, err);
	if (!code)
		code = drain(a, m, label, out, run, err);
	if (!code && write)
		code = pf_run_out_finish(out, err);
	pf_combine_free(m);
	pf_run_out_free(out);
	return code;
}

static bool in_range(const struct pf_answer *a, int64_t day, int64_t from_us, int64_t to_us)
{
	return day >= pf_shape_cell(a->shape, from_us) && day < pf_shape_cell(a->shape, to_us);
}

/* What stands in the plan, and the rows in flight. */
static int merge_flight(struct pf_answer *a, struct pf_plan *p,
			const struct pf_combine_label *label, int64_t from_us, int64_t to_us,
			struct pf_error *err)
{
	const struct pf_flight *f = a->flight;
	struct pf_combine *m = NULL;
	p->inputs = pf_realloc(p->inputs, p->n + f->n + 1, sizeof *p->inputs);
	for (size_t i = 0; i < f->n; i++)
		if (in_range(a, f->days[i], from_us, to_us))
			p->inputs[p->n++] = f->runs[i];
	int code = pf_combine_open(a->shape, p->inputs, p->n, false, a->memory, &m, err);
	if (!code)
		code = drain(a, m, label, NULL, NULL, err);
	pf_combine_free(m);
	return code;
}

static bool wants_blocks(const struct pf_answer *a, int64_t from_us, int64_t to_us)
{
	enum { DAYS_MIN = 4 };
	return a->put_aside && !pf_plan_invertible(a->shape) &&
	       pf_shape_cell(a->shape, to_us) - pf_shape_cell(a->shape, from_us) >= DAYS_MIN;
}

int pf_answer_window(struct pf_answer *a, const struct pf_window *w, int64_t from_us,
		     int64_t to_us, struct pf_error *err)
{
	struct pf_type bound = a->result->fields[a->shape->keys.n + a->named].type;
	const struct pf_combine_label label = {
		.window = a->named ? w->text : NULL,
		.range = { from_us, to_us },
		.start = as_bound(bound, from_us),
		.end = as_bound(bound, to_us),
	};
	struct pf_plan p;
	struct pf_sorted run;
	size_t file = 0;
	bool flight = a->flight && a->flight->n;
	PF_TRY(pf_plan_window(a->state, a->shape, from_us, to_us, &p, err));
	if (p.reused < 0 && wants_blocks(a, from_us, to_us)) {
		pf_plan_free(&p);
		PF_TRY(pf_plan_blocks(a->state, a->shape, from_us, to_us, a->memory, err));
		PF_TRY(pf_plan_window(a->state, a->shape, from_us, to_us, &p, err));
	}
	a->windows++;
	a->rows_read += p.rows;
	a->rows_all += p.rows_all;
	a->runs += (int64_t)p.runs;
	a->answers += (int64_t)p.answers;
	a->minus += (int64_t)p.minus;
	bool write = a->put_aside && !p.same;
	int code = 0;
	if (write || !flight)
		code = merge(a, &p, flight ? NULL : &label, write ? &run : NULL, &file, err);
	if (!code && flight)
		code = merge_flight(a, &p, &label, from_us, to_us, err);
	if (!code && write)
		remember(a, w, from_us, to_us, file, &run, &p.ids);
	pf_plan_free(&p);
	return code;
}
