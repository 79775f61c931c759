/* SPDX-License-Identifier: Apache-2.0 */
#include "window/answer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "window/tidy.h"

static const int64_t day_us = 86400000000;

/* A bound as a value of the result's column. */
static int64_t as_bound(struct pf_type type, int64_t us)
{
	if (type.kind == PF_DATE)
		return pf_floor_div(us, day_us);
	return us / (1000000 / pf_type_units(type));
}

static struct pf_combine_label label_of(const struct pf_answer *a, const char *window,
					int64_t from_us, int64_t to_us)
{
	return (struct pf_combine_label){
		.columns = &a->columns, .change = "+", .window = window,
		.range = { from_us, to_us },
		.start = as_bound(a->columns.bound, from_us),
		.end = as_bound(a->columns.bound, to_us),
	};
}

/* What becomes of combined rows. */
struct output {
	const struct pf_combine_label *label; /* given out under it; NULL: not */
	const struct pf_combine_label *was; /* not NULL: those that changed are, and
	                                     * this is what they were */
	bool only;            /* no others are looked at */
	bool write;           /* all are put aside: */
	size_t file;
	struct pf_sorted run;
};

static int give(struct pf_answer *a, struct pf_combine *m, const struct output *o,
		struct pf_builder *rows, struct pf_error *err)
{
	struct pf_batch batch;
	if (o->was) {
		PF_TRY(pf_combine_changes(m, o->label, &batch, err));
	} else {
		pf_builder_reset(rows);
		PF_TRY(pf_combine_finished(m, o->label, rows, err));
		batch = pf_builder_batch(rows);
	}
	a->keys += batch.rows;
	return batch.rows && a->put ? a->put(a->ctx, &batch, err) : 0;
}

/* Combined rows out, and into a run if there is one to be written. */
static int drain(struct pf_answer *a, struct pf_combine *m, struct output *o,
		 struct pf_run_out *out, struct pf_error *err)
{
	struct pf_builder *rows = pf_builder_new(a->result);
	size_t n = 0;
	int code;
	do {
		struct pf_batch batch;
		code = pf_combine_next(m, &n, err);
		if (!code && n && out)
			code = pf_combine_stored(m, &batch, err);
		if (!code && n && out)
			code = pf_run_out_batch(out, &batch, 0, batch.rows, err);
		if (!code && n && o->label)
			code = give(a, m, o, rows, err);
	} while (!code && n);
	pf_builder_free(rows);
	if (!code && out)
		code = pf_run_out_cut(out, &o->run, err);
	return code;
}

/* The new answer takes the place of the window's old one. */
static void remember(struct pf_answer *a, const struct pf_window *w, int64_t from_us,
		     int64_t to_us, const struct output *o, const struct pf_ids *ids)
{
	struct pf_state_window n = { .text = (char *)(uintptr_t)w->text, .from_us = from_us,
				     .to_us = to_us, .file = o->file, .run = o->run };
	for (size_t i = a->state->nwindows; i-- > 0;)
		if (!strcmp(a->state->windows[i].text, w->text))
			pf_state_drop_window(a->state, i);
	pf_ids_copy(&n.ids, ids);
	pf_state_add_window(a->state, &n);
	a->moved = true;
}

/* Combine what the plan says; the answer is written beside the output. */
static int combine(struct pf_answer *a, const struct pf_plan *p, struct output *o,
		   struct pf_error *err)
{
	struct pf_combine *m = NULL;
	struct pf_run_out *out = NULL;
	if (o->write) {
		PF_TRY(pf_state_file_new(a->state, "window", &o->file, err));
		PF_TRY(pf_run_out_open(a->state->files[o->file].fd, "answer",
				       a->shape->merged, &out, err));
	}
	int code = pf_combine_open(a->shape, p->inputs, p->n, false, a->memory, &m, err);
	if (!code && o->was)
		pf_combine_watch(m, o->was, a->result, o->only);
	if (!code)
		code = drain(a, m, o, out, err);
	if (!code && out)
		code = pf_run_out_finish(out, err);
	pf_combine_free(m);
	pf_run_out_free(out);
	return code;
}

/* What stands in the plan, and the rows in flight. */
static int combine_flight(struct pf_answer *a, struct pf_plan *p,
			  const struct pf_combine_label *label, int64_t from_us,
			  int64_t to_us, struct pf_error *err)
{
	const struct pf_flight *f = a->flight;
	struct output o = { .label = label };
	int64_t from = pf_shape_cell(a->shape, from_us), to = pf_shape_cell(a->shape, to_us);
	p->inputs = pf_realloc(p->inputs, p->n + f->n + 1, sizeof *p->inputs);
	for (size_t i = 0; i < f->n; i++)
		if (f->days[i] >= from && f->days[i] < to)
			p->inputs[p->n++] = f->runs[i];
	return combine(a, p, &o, err);
}

/* --- answers that are kept --- */

/* The answer that the state has for the window, or NULL. */
static struct pf_state_window *answer_of(const struct pf_answer *a, const char *text)
{
	for (size_t i = 0; i < a->state->nwindows; i++)
		if (!strcmp(a->state->windows[i].text, text))
			return &a->state->windows[i];
	return NULL;
}

/* Does the plan go on from this answer? */
static bool goes_on(const struct pf_answer *a, const struct pf_state_window *w,
		    const struct pf_plan *p)
{
	return w && p->reused == w - a->state->windows;
}

/* Does the plan go on from the window's own answer with so few rows that reading
 * them again is cheaper than writing the answer? */
static bool may_wait(const struct pf_answer *a, const struct pf_state_window *w,
		     const struct pf_plan *p)
{
	enum { SHARE = 2, RUNS_MAX = 200 };
	return goes_on(a, w, p) && p->ids.n && p->n <= RUNS_MAX &&
	       p->rows - w->run.rows <= w->run.rows / SHARE;
}

/* The answer is given out with runs that are not in it, or without some that
 * are. */
static void note_given(struct pf_answer *a, struct pf_state_window *w, const struct pf_ids *ids,
		       int64_t from_us, int64_t to_us)
{
	bool differs = pf_plan_content(&w->ids) != pf_plan_content(ids);
	a->moved = a->moved || w->from_us != from_us || w->to_us != to_us ||
		   pf_plan_content(pf_state_given(w)) != pf_plan_content(ids);
	w->from_us = from_us;
	w->to_us = to_us;
	pf_ids_free(&w->given);
	if (differs)
		pf_ids_copy(&w->given, ids);
}

/* --- what changed --- */

/* Do values depend on nothing but the rows, wherever the window ends? */
static bool same_anywhere(const struct pf_shape *shape)
{
	for (size_t i = 0; i < shape->naggs; i++)
		if (shape->aggs[i]->timed)
			return false;
	return !shape->by_commands;
}

/* Is the plan the window's own answer and some runs, so that only keys of these
 * can have changed? */
static bool is_delta(const struct pf_answer *a, const struct pf_state_window *old,
		     const struct pf_plan *p, int64_t from_us, int64_t to_us)
{
	return goes_on(a, old, p) && p->deltas &&
	       ((old->from_us == from_us && old->to_us == to_us) || same_anywhere(a->shape));
}

static bool any_new(const struct pf_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->inputs[i].side == PF_OF_NEW)
			return true;
	return false;
}

/* All of the old answer beside all of the new one. */
static int set_apart(struct pf_answer *a, const struct pf_state_window *old, struct pf_plan *p,
		     struct pf_error *err)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		p->inputs[i].side = PF_OF_NEW;
	if (!old)
		return 0;
	p->inputs = pf_realloc(p->inputs, p->n + old->ids.n + old->given.n + 1,
			       sizeof *p->inputs);
	PF_TRY(pf_plan_given(a->state, old, p->inputs + p->n, &n, err));
	for (; n; n--)
		p->inputs[p->n++].side = PF_OF_OLD;
	return 0;
}

static int give_changes(struct pf_answer *a, const struct pf_window *w, struct pf_plan *p,
			int64_t from_us, int64_t to_us, struct pf_error *err)
{
	struct pf_state_window *old = answer_of(a, w->text);
	const struct pf_combine_label is = label_of(a, w->text, from_us, to_us);
	struct pf_combine_label was = is;
	struct output o = { .label = &is, .was = &was };
	if (old)
		was = label_of(a, w->text, old->from_us, old->to_us);
	was.change = "-";
	if (is_delta(a, old, p, from_us, to_us))
		o.only = may_wait(a, old, p);
	else
		PF_TRY(set_apart(a, old, p, err));
	o.write = !o.only;
	if (o.write || any_new(p))
		PF_TRY(combine(a, p, &o, err));
	if (o.write)
		remember(a, w, from_us, to_us, &o, &p->ids);
	else
		note_given(a, old, &p->ids, from_us, to_us);
	return 0;
}

/* --- planning --- */

static bool wants_blocks(const struct pf_answer *a, int64_t from_us, int64_t to_us)
{
	enum { DAYS_MIN = 4 };
	return a->put_aside && !pf_plan_invertible(a->shape) &&
	       pf_shape_cell(a->shape, to_us) - pf_shape_cell(a->shape, from_us) >= DAYS_MIN;
}

static int plan(struct pf_answer *a, int64_t from_us, int64_t to_us, struct pf_plan *p,
		struct pf_error *err)
{
	PF_TRY(pf_plan_window(a->state, a->shape, from_us, to_us, p, err));
	bool answer = p->reused >= 0 && *a->state->windows[p->reused].text;
	if (answer || !wants_blocks(a, from_us, to_us))
		return 0;
	pf_plan_free(p);
	PF_TRY(pf_plan_blocks(a->state, a->shape, from_us, to_us, a->memory, err));
	return pf_plan_window(a->state, a->shape, from_us, to_us, p, err);
}

static void count(struct pf_answer *a, const char *window, const struct pf_plan *p,
		  int64_t from_us, int64_t to_us)
{
	char from[48], to[48];
	a->windows++;
	a->rows_read += p->rows;
	a->rows_all += p->rows_all;
	a->runs += (int64_t)p->runs;
	a->answers += (int64_t)p->answers;
	a->minus += (int64_t)p->minus;
	if (!a->explain)
		return;
	pf_buf_printf(a->explain, "window %s from %s to %s: ", window,
		      pf_window_format(from_us, from), pf_window_format(to_us, to));
	if (p->same)
		pf_buf_str(a->explain, "the kept answer");
	else if (p->reused >= 0)
		pf_buf_printf(a->explain, "an earlier answer, plus %zu runs, minus %zu",
			      p->runs, p->minus);
	else
		pf_buf_printf(a->explain, "%zu kept answers and blocks, %zu runs",
			      p->answers, p->runs);
	pf_buf_printf(a->explain, "; %lld rows of partials instead of %lld\n",
		      (long long)p->rows, (long long)p->rows_all);
}

/* Without changes: straight from the plan. */
static int give_plan(struct pf_answer *a, const struct pf_window *w, struct pf_plan *p,
		     int64_t from_us, int64_t to_us, struct pf_error *err)
{
	const struct pf_combine_label label = label_of(a, w->text, from_us, to_us);
	struct pf_state_window *own = answer_of(a, w->text);
	bool flight = a->flight && a->flight->n;
	struct output o = { .label = flight ? NULL : &label,
			    .write = a->put_aside && !p->same && !may_wait(a, own, p) };
	if (o.write || !flight)
		PF_TRY(combine(a, p, &o, err));
	if (flight)
		PF_TRY(combine_flight(a, p, &label, from_us, to_us, err));
	if (o.write)
		remember(a, w, from_us, to_us, &o, &p->ids);
	else if (a->put_aside && goes_on(a, own, p))
		note_given(a, own, &p->ids, from_us, to_us);
	return 0;
}

int pf_answer_window(struct pf_answer *a, const struct pf_window *w, int64_t from_us,
		     int64_t to_us, struct pf_error *err)
{
	struct pf_plan p;
	PF_TRY(plan(a, from_us, to_us, &p, err));
	count(a, w->text, &p, from_us, to_us);
	int code = a->columns.change ? give_changes(a, w, &p, from_us, to_us, err) :
				       give_plan(a, w, &p, from_us, to_us, err);
	if (!code && a->put_aside && pf_state_publish(a->state, w->text, from_us, to_us,
						      pf_plan_content(&p.ids)))
		a->moved = true;
	pf_plan_free(&p);
	return code;
}

int pf_answer_days(struct pf_answer *a, int64_t from_us, int64_t to_us,
		   struct pf_error *err)
{
	bool aside = a->put_aside;
	int code = 0;
	a->put_aside = false;
	for (int64_t at = from_us, next; at < to_us && !code; at = next) {
		struct pf_plan p;
		next = pf_shape_cell_us(a->shape, pf_shape_cell(a->shape, at) + 1);
		const struct pf_combine_label label = label_of(a, NULL, at, next);
		code = plan(a, at, next, &p, err);
		if (code)
			break;
		count(a, "day", &p, at, next);
		struct output o = { .label = &label };
		code = a->flight && a->flight->n ?
			       combine_flight(a, &p, &label, at, next, err) :
			       combine(a, &p, &o, err);
		pf_plan_free(&p);
	}
	a->put_aside = aside;
	return code;
}
