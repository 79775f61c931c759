/* SPDX-License-Identifier: Apache-2.0 */
#include "window/answer_internal.h"

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

/* --- answers that are kept --- */

/* The answer that the state has for the window, or NULL. */
static struct pf_state_window *answer_of(const struct pf_answer *a, const struct pf_answer_part *p)
{
	for (size_t i = 0; i < a->state->nwindows; i++)
		if (!strcmp(a->state->windows[i].text, p->asked->window->text))
			return &a->state->windows[i];
	return NULL;
}

/* Does the plan go on from the window's own answer? */
static bool goes_on(const struct pf_answer *a, const struct pf_answer_part *p)
{
	const struct pf_state_window *own = answer_of(a, p);
	return own && p->plan.reused == own - a->state->windows;
}

/* Does it with so few rows that reading them again is cheaper than writing the
 * answer? */
static bool may_wait(const struct pf_answer *a, const struct pf_answer_part *p)
{
	enum { SHARE = 2, RUNS_MAX = 200 };
	const struct pf_state_window *own = answer_of(a, p);
	return goes_on(a, p) && p->plan.ids.n && p->plan.n <= RUNS_MAX &&
	       p->plan.rows - own->run.rows <= own->run.rows / SHARE;
}

/* The new answer takes the place of the window's old one. */
static void remember(struct pf_answer *a, struct pf_answer_part *p)
{
	const struct pf_asked_window *w = p->asked;
	struct pf_state_window n = { .text = (char *)(uintptr_t)w->window->text,
				     .from_us = w->from_us, .to_us = w->to_us,
				     .file = p->file, .run = p->run };
	for (size_t i = a->state->nwindows; i-- > 0;)
		if (!strcmp(a->state->windows[i].text, n.text))
			pf_state_drop_window(a->state, i);
	pf_ids_copy(&n.ids, &p->plan.ids);
	pf_state_add_window(a->state, &n);
	a->moved = true;
}

/* The answer is given out with runs that are not in it, or without some that
 * are. */
static void note_given(struct pf_answer *a, const struct pf_answer_part *p)
{
	struct pf_state_window *own = answer_of(a, p);
	const struct pf_asked_window *w = p->asked;
	const struct pf_ids *ids = &p->plan.ids;
	bool differs = pf_plan_content(&own->ids) != pf_plan_content(ids);
	a->moved = a->moved || own->from_us != w->from_us || own->to_us != w->to_us ||
		   pf_plan_content(pf_state_given(own)) != pf_plan_content(ids);
	own->from_us = w->from_us;
	own->to_us = w->to_us;
	pf_ids_free(&own->given);
	if (differs)
		pf_ids_copy(&own->given, ids);
}

/* What was written is remembered last: it moves the list that plans speak of. */
static void keep(struct pf_answer *a, const struct pf_answer_output *o)
{
	for (size_t l = 0; l < o->n; l++)
		if (!o->parts[l].write && goes_on(a, &o->parts[l]))
			note_given(a, &o->parts[l]);
	for (size_t l = 0; l < o->n; l++)
		if (o->parts[l].write)
			remember(a, &o->parts[l]);
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
static bool is_delta(const struct pf_answer *a, const struct pf_answer_part *p)
{
	const struct pf_state_window *old = answer_of(a, p);
	const struct pf_asked_window *w = p->asked;
	return goes_on(a, p) && p->plan.deltas &&
	       ((old->from_us == w->from_us && old->to_us == w->to_us) ||
		same_anywhere(a->shape));
}

static bool any_new(const struct pf_answer_output *o)
{
	for (size_t l = 0; l < o->n; l++)
		for (size_t i = 0; i < o->parts[l].plan.n; i++)
			if (o->parts[l].plan.inputs[i].side == PF_OF_NEW)
				return true;
	return false;
}

/* All of the old answer beside all of the new one. */
static int set_apart(struct pf_answer *a, struct pf_answer_part *part, struct pf_error *err)
{
	const struct pf_state_window *old = answer_of(a, part);
	struct pf_plan *p = &part->plan;
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

/* was: labels the windows' old answers. */
static int give_changes(struct pf_answer *a, struct pf_answer_output *o, struct pf_combine_label *was,
			struct pf_error *err)
{
	int64_t end = INT64_MIN;
	o->was = was;
	for (size_t l = 0; l < o->n; l++) {
		struct pf_answer_part *p = &o->parts[l];
		const struct pf_state_window *old = answer_of(a, p);
		if (old) {
			was[l] = label_of(a, old->text, old->from_us, old->to_us);
			end = was[l].end > end ? was[l].end : end;
		}
		was[l].change = "-";
		bool delta = is_delta(a, p);
		p->write = !delta || !may_wait(a, p);
		if (!delta)
			PF_TRY(set_apart(a, p, err));
		o->write = o->write || p->write;
	}
	was[0].end = end;
	o->only = !o->write;
	return o->write || any_new(o) ? pf_answer_combine(a, o, false, err) : 0;
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

/* --- windows --- */

/* Without changes: straight from the plans. */
static int give_plans(struct pf_answer *a, struct pf_answer_output *o, struct pf_error *err)
{
	const struct pf_combine_label *labels = o->labels;
	bool flight = a->flight && a->flight->n;
	for (size_t l = 0; l < o->n; l++) {
		struct pf_answer_part *p = &o->parts[l];
		p->write = a->put_aside && !p->plan.same && !may_wait(a, p);
		o->write = o->write || p->write;
	}
	if (flight) {
		/* What is put aside has no rows in flight. */
		o->labels = NULL;
		if (o->write)
			PF_TRY(pf_answer_combine(a, o, false, err));
		o->labels = labels;
		o->write = false;
	}
	return pf_answer_combine(a, o, flight, err);
}

static int give_parts(struct pf_answer *a, struct pf_answer_part *parts, size_t n, struct pf_error *err)
{
	struct pf_combine_label *is = pf_alloc(n, sizeof *is), *was = pf_alloc(n, sizeof *was);
	struct pf_answer_output o = { .parts = parts, .n = n, .labels = is };
	for (size_t l = 0; l < n; l++) {
		const struct pf_asked_window *w = parts[l].asked;
		is[l] = was[l] = label_of(a, w->window->text, w->from_us, w->to_us);
		is[0].end = is[l].end > is[0].end ? is[l].end : is[0].end;
	}
	int code = a->columns.change ? give_changes(a, &o, was, err) : give_plans(a, &o, err);
	if (!code && a->put_aside)
		keep(a, &o);
	free(is);
	free(was);
	return code;
}

static int plan_parts(struct pf_answer *a, struct pf_answer_part *parts, size_t n, struct pf_error *err)
{
	for (size_t l = 0; l < n; l++) {
		const struct pf_asked_window *w = parts[l].asked;
		PF_TRY(plan(a, w->from_us, w->to_us, &parts[l].plan, err));
		count(a, w->window->text, &parts[l].plan, w->from_us, w->to_us);
	}
	return 0;
}

int pf_answer_windows(struct pf_answer *a, struct pf_asked_window *windows, size_t n,
		      struct pf_error *err)
{
	struct pf_answer_part *parts = pf_zalloc(n, sizeof *parts);
	for (size_t l = 0; l < n; l++) {
		parts[l].asked = &windows[l];
		windows[l].rows = 0;
	}
	int code = plan_parts(a, parts, n, err);
	if (!code)
		code = give_parts(a, parts, n, err);
	for (size_t l = 0; l < n; l++) {
		const struct pf_answer_part *p = &parts[l];
		if (!code && a->put_aside &&
		    pf_state_publish(a->state, p->asked->window->text, p->asked->from_us,
				     p->asked->to_us, pf_plan_content(&p->plan.ids)))
			a->moved = true;
		pf_plan_free(&parts[l].plan);
		pf_run_out_free(parts[l].out);
	}
	free(parts);
	return code;
}

/* --- days --- */

/* One cell of time. */
static int answer_day(struct pf_answer *a, int64_t from_us, int64_t to_us, struct pf_error *err)
{
	const struct pf_combine_label label = label_of(a, NULL, from_us, to_us);
	struct pf_asked_window day = { .from_us = from_us, .to_us = to_us };
	struct pf_answer_part part = { .asked = &day };
	const struct pf_answer_output o = { .parts = &part, .n = 1, .labels = &label };
	PF_TRY(plan(a, from_us, to_us, &part.plan, err));
	count(a, "day", &part.plan, from_us, to_us);
	int code = pf_answer_combine(a, &o, a->flight && a->flight->n, err);
	pf_plan_free(&part.plan);
	return code;
}

static bool has_rows(const struct pf_answer *a, int64_t cell)
{
	bool any = pf_plan_any(a->state, cell, cell + 1);
	for (size_t i = 0; a->flight && i < a->flight->n && !any; i++)
		any = a->flight->days[i] == cell;
	return any;
}

int pf_answer_days(struct pf_answer *a, int64_t from_us, int64_t to_us,
		   struct pf_error *err)
{
	bool aside = a->put_aside;
	int code = 0;
	a->put_aside = false;
	for (int64_t at = from_us, next; at < to_us && !code; at = next) {
		int64_t cell = pf_shape_cell(a->shape, at);
		next = pf_shape_cell_us(a->shape, cell + 1);
		if (has_rows(a, cell))
			code = answer_day(a, at, next, err);
	}
	a->put_aside = aside;
	return code;
}
