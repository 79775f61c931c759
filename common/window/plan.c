/* SPDX-License-Identifier: Apache-2.0 */
#include "window/plan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"

bool pf_plan_invertible(const struct pf_shape *shape)
{
	for (size_t i = 0; i < shape->naggs; i++)
		if (!(shape->aggs[i]->algebra & PF_ALGEBRA_INVERTIBLE))
			return false;
	return true;
}

uint64_t pf_plan_content(const struct pf_ids *ids)
{
	return pf_xxh3(ids->items, ids->n * sizeof *ids->items);
}

/* The first cell of a day at or after this one. */
static size_t first_cell(const struct pf_state *s, int64_t day)
{
	size_t lo = 0, hi = s->ncells;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->cells[mid].day < day)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool pf_plan_any(const struct pf_state *s, int64_t from, int64_t to)
{
	size_t i = first_cell(s, from);
	return i < s->ncells && s->cells[i].day < to;
}

void pf_plan_ids(const struct pf_state *s, const struct pf_shape *shape, int64_t from_us,
		 int64_t to_us, struct pf_ids *ids)
{
	size_t to = first_cell(s, pf_shape_cell(shape, to_us));
	ids->n = 0;
	for (size_t i = first_cell(s, pf_shape_cell(shape, from_us)); i < to; i++)
		pf_ids_add(ids, s->cells[i].id);
	pf_ids_sort(ids);
}

/* --- the cover --- */

/* Position i is the i-th day of the window that has cells. */
struct cover {
	size_t *first;      /* cell that position i begins with; [n]: behind */
	size_t n;
	int64_t *cost;      /* of reaching position i */
	int64_t *answer;    /* by which edge: an answer's position, -1: the runs */
	size_t *back;       /* from where */
};

/* Are the runs of cells [from, to) exactly the answer's? */
static bool holds(const struct pf_state *s, const struct pf_state_window *w, size_t from,
		  size_t to)
{
	if (w->ids.n != to - from)
		return false;
	for (size_t i = from; i < to; i++)
		if (!pf_ids_has(&w->ids, s->cells[i].id))
			return false;
	return true;
}

static size_t position_of(const struct cover *c, size_t cell)
{
	size_t lo = 0, hi = c->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->first[mid] < cell)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void edge(struct cover *c, size_t from, size_t to, int64_t cost, int64_t answer)
{
	if (c->cost[from] + cost < c->cost[to]) {
		c->cost[to] = c->cost[from] + cost;
		c->answer[to] = answer;
		c->back[to] = from;
	}
}

struct span {
	size_t from, to; /* positions */
	int64_t answer;
};

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

/* The answers that can be a part of the window. */
static struct span *usable(const struct pf_state *s, const struct pf_shape *shape,
			   const struct cover *c, int64_t from_us, int64_t to_us, size_t *n)
{
	struct span *spans = pf_alloc(s->nwindows + 1, sizeof *spans);
	*n = 0;
	for (size_t i = 0; i < s->nwindows; i++) {
		const struct pf_state_window *w = &s->windows[i];
		if (w->lost || w->from_us < from_us || w->to_us > to_us ||
		    !pf_shape_is_bound(shape, w->from_us) ||
		    !pf_shape_is_bound(shape, w->to_us))
			continue;
		size_t from = first_cell(s, pf_shape_cell(shape, w->from_us));
		size_t to = first_cell(s, pf_shape_cell(shape, w->to_us));
		if (to > from && holds(s, w, from, to))
			spans[(*n)++] = (struct span){ position_of(c, from),
						       position_of(c, to), (int64_t)i };
	}
	if (*n)
		qsort(spans, *n, sizeof *spans, by_start);
	return spans;
}

static void find_cover(const struct pf_state *s, const struct pf_shape *shape,
		       int64_t from_us, int64_t to_us, struct cover *c)
{
	size_t from = first_cell(s, pf_shape_cell(shape, from_us));
	size_t to = first_cell(s, pf_shape_cell(shape, to_us)), nspans, at = 0;
	c->first = pf_alloc(to - from + 2, sizeof *c->first);
	for (size_t i = from; i < to; i++)
		if (i == from || s->cells[i].day != s->cells[i - 1].day)
			c->first[c->n++] = i;
	c->first[c->n] = to;
	c->cost = pf_alloc(c->n + 1, sizeof *c->cost);
	c->answer = pf_alloc(c->n + 1, sizeof *c->answer);
	c->back = pf_zalloc(c->n + 1, sizeof *c->back);
	for (size_t i = 0; i <= c->n; i++)
		c->cost[i] = i ? INT64_MAX : 0;
	struct span *spans = usable(s, shape, c, from_us, to_us, &nspans);
	for (size_t i = 0; i < c->n; i++) {
		int64_t rows = 0;
		for (; at < nspans && spans[at].from == i; at++)
			edge(c, i, spans[at].to, s->windows[spans[at].answer].run.rows,
			     spans[at].answer);
		for (size_t k = c->first[i]; k < c->first[i + 1]; k++)
			rows += s->cells[k].run.rows;
		edge(c, i, i + 1, rows, -1);
	}
	free(spans);
}

static void free_cover(struct cover *c)
{
	free(c->first);
	free(c->cost);
	free(c->answer);
	free(c->back);
}

/* --- one answer and the difference --- */

/* A run by its id, wherever it is still known. */
static const struct pf_state_cell *find_run(const struct pf_state *s, int64_t id)
{
	for (size_t i = 0; i < s->nretired; i++)
		if (s->retired[i].id == id)
			return &s->retired[i];
	for (size_t i = 0; i < s->ncells; i++)
		if (s->cells[i].id == id)
			return &s->cells[i];
	return NULL;
}

struct difference {
	const struct pf_state_cell **plus, **minus;
	size_t nplus, nminus;
	int64_t rows;
};

static void free_difference(struct difference *d)
{
	free(d->plus);
	free(d->minus);
	*d = (struct difference){ 0 };
}

/* What an answer lacks and has too many; false when a run is not known any
 * more, or when it is dearer than `most`. */
static bool differ(const struct pf_state *s, const struct pf_state_window *w,
		   size_t from, size_t to, int64_t most, bool subtract,
		   struct difference *d)
{
	struct pf_ids here = { 0 };
	d->plus = pf_alloc(to - from + 1, sizeof *d->plus);
	d->minus = pf_alloc(w->ids.n + 1, sizeof *d->minus);
	d->rows = w->run.rows;
	bool ok = !w->lost && d->rows < most;
	for (size_t i = from; i < to && ok; i++) {
		if (!pf_ids_has(&w->ids, s->cells[i].id)) {
			d->plus[d->nplus++] = &s->cells[i];
			d->rows += s->cells[i].run.rows;
			ok = d->rows < most;
		}
		pf_ids_add(&here, s->cells[i].id);
	}
	pf_ids_sort(&here);
	for (size_t i = 0; i < w->ids.n && ok; i++) {
		if (pf_ids_has(&here, w->ids.items[i]))
			continue;
		const struct pf_state_cell *c = subtract ? find_run(s, w->ids.items[i]) : NULL;
		ok = c != NULL;
		if (ok) {
			d->minus[d->nminus++] = c;
			d->rows += c->run.rows;
			ok = d->rows < most;
		}
	}
	pf_ids_free(&here);
	return ok;
}

/* --- the plan --- */

static int add_run(struct pf_state *s, struct pf_plan *p, size_t file,
		   const struct pf_sorted *run, bool partial, bool minus, struct pf_error *err)
{
	if (p->n % 64 == 0)
		p->inputs = pf_realloc(p->inputs, p->n + 64, sizeof *p->inputs);
	struct pf_combine_input *in = &p->inputs[p->n++];
	*in = (struct pf_combine_input){ .partial = partial, .minus = minus };
	p->runs += partial && !minus;
	p->answers += !partial;
	p->minus += minus;
	return pf_state_run(s, file, run, &in->run, err);
}

/* Does what was given out lie between what the answer holds and these runs: came
 * and went nothing for it that would have to come and go again? */
static bool is_between(const struct pf_state_window *w, const struct pf_ids *now)
{
	const struct pf_ids *given = pf_state_given(w);
	bool between = true;
	for (size_t i = 0; i < given->n && between; i++)
		between = pf_ids_has(&w->ids, given->items[i]) ||
			  pf_ids_has(now, given->items[i]);
	for (size_t i = 0; i < w->ids.n && between; i++)
		between = pf_ids_has(given, w->ids.items[i]) ||
			  !pf_ids_has(now, w->ids.items[i]);
	return between;
}

static int take_difference(struct pf_state *s, const struct difference *d, size_t answer,
			   struct pf_plan *p, struct pf_error *err)
{
	const struct pf_state_window *w = &s->windows[answer];
	const struct pf_ids *given = pf_state_given(w);
	p->reused = (int64_t)answer;
	p->rows = d->rows;
	p->same = !d->nplus && !d->nminus;
	p->deltas = is_between(w, &p->ids);
	PF_TRY(add_run(s, p, w->file, &w->run, false, false, err));
	for (size_t i = 0; i < d->nplus; i++) {
		PF_TRY(add_run(s, p, d->plus[i]->file, &d->plus[i]->run, true, false, err));
		if (!pf_ids_has(given, d->plus[i]->id))
			p->inputs[p->n - 1].side = PF_OF_NEW;
	}
	for (size_t i = 0; i < d->nminus; i++) {
		PF_TRY(add_run(s, p, d->minus[i]->file, &d->minus[i]->run, true, true, err));
		if (pf_ids_has(given, d->minus[i]->id))
			p->inputs[p->n - 1].side = PF_OF_NEW;
	}
	return 0;
}

static int take_cover(struct pf_state *s, const struct cover *c, struct pf_plan *p,
		      struct pf_error *err)
{
	p->rows = c->n ? c->cost[c->n] : 0;
	for (size_t at = c->n; at > 0; at = c->back[at]) {
		if (c->answer[at] >= 0) {
			const struct pf_state_window *w = &s->windows[c->answer[at]];
			PF_TRY(add_run(s, p, w->file, &w->run, false, false, err));
			continue;
		}
		for (size_t k = c->first[c->back[at]]; k < c->first[at]; k++)
			PF_TRY(add_run(s, p, s->cells[k].file, &s->cells[k].run, true, false,
				       err));
	}
	return 0;
}

int pf_plan_window(struct pf_state *s, const struct pf_shape *shape, int64_t from_us,
		   int64_t to_us, struct pf_plan *p, struct pf_error *err)
{
	size_t from = first_cell(s, pf_shape_cell(shape, from_us));
	size_t to = first_cell(s, pf_shape_cell(shape, to_us)), answer = 0;
	struct difference best = { 0 };
	struct cover c = { 0 };
	bool subtract = pf_plan_invertible(shape), found = false;
	*p = (struct pf_plan){ .reused = -1 };
	pf_plan_ids(s, shape, from_us, to_us, &p->ids);
	for (size_t i = from; i < to; i++)
		p->rows_all += s->cells[i].run.rows;
	find_cover(s, shape, from_us, to_us, &c);
	int64_t most = c.n ? c.cost[c.n] : 0;
	for (size_t i = 0; i < s->nwindows; i++) {
		struct difference d = { 0 };
		/* An answer that is the whole window costs as much as its cover. */
		if (differ(s, &s->windows[i], from, to, found ? most : most + 1, subtract,
			   &d)) {
			free_difference(&best);
			best = d;
			most = d.rows;
			answer = i;
			found = true;
		} else {
			free_difference(&d);
		}
	}
	int code = found ? take_difference(s, &best, answer, p, err) :
			   take_cover(s, &c, p, err);
	free_difference(&best);
	free_cover(&c);
	if (code)
		pf_plan_free(p);
	return code;
}

void pf_plan_free(struct pf_plan *p)
{
	free(p->inputs);
	pf_ids_free(&p->ids);
	*p = (struct pf_plan){ 0 };
}

/* The runs of ids that are not among others, as inputs. */
static int add_others(struct pf_state *s, const struct pf_ids *ids, const struct pf_ids *others,
		      bool minus, struct pf_combine_input *inputs, size_t *n,
		      struct pf_error *err)
{
	for (size_t i = 0; i < ids->n; i++) {
		if (pf_ids_has(others, ids->items[i]))
			continue;
		const struct pf_state_cell *c = find_run(s, ids->items[i]);
		if (!c)
			return pf_fail(err, PF_E_CORRUPT,
				       "a run that was given out is not in the state");
		inputs[*n] = (struct pf_combine_input){ .partial = true, .minus = minus };
		PF_TRY(pf_state_run(s, c->file, &c->run, &inputs[(*n)++].run, err));
	}
	return 0;
}

int pf_plan_given(struct pf_state *s, const struct pf_state_window *w,
		  struct pf_combine_input *inputs, size_t *n, struct pf_error *err)
{
	const struct pf_ids *given = pf_state_given(w);
	*n = 1;
	inputs[0] = (struct pf_combine_input){ 0 };
	PF_TRY(pf_state_run(s, w->file, &w->run, &inputs[0].run, err));
	PF_TRY(add_others(s, given, &w->ids, false, inputs, n, err));
	return add_others(s, &w->ids, given, true, inputs, n, err);
}

/* --- blocks --- */

static bool has_block(const struct pf_state *s, const struct pf_shape *shape,
		      int64_t from_us, int64_t to_us)
{
	size_t from = first_cell(s, pf_shape_cell(shape, from_us));
	size_t to = first_cell(s, pf_shape_cell(shape, to_us));
	if (to - from < 2)
		return true; /* a single run is a block */
	for (size_t i = 0; i < s->nwindows; i++)
		if (!s->windows[i].lost && s->windows[i].from_us == from_us &&
		    s->windows[i].to_us == to_us && holds(s, &s->windows[i], from, to))
			return true;
	return false;
}

static int make_block(struct pf_state *s, const struct pf_shape *shape, int64_t from_us,
		      int64_t to_us, size_t memory, size_t *file, struct pf_run_out **out,
		      struct pf_error *err)
{
	struct pf_plan p;
	struct pf_combine *m = NULL;
	struct pf_state_window w = { .text = (char *)(uintptr_t)"", .from_us = from_us,
				     .to_us = to_us };
	if (!*out) {
		PF_TRY(pf_state_file_new(s, "window", file, err));
		PF_TRY(pf_run_out_open(s->files[*file].fd, "block", shape->merged, out, err));
	}
	PF_TRY(pf_plan_window(s, shape, from_us, to_us, &p, err));
	int code = pf_combine_open(shape, p.inputs, p.n, false, memory, &m, err);
	if (!code)
		code = pf_combine_write(m, *out, &w.run, err);
	pf_combine_free(m);
	if (!code) {
		w.file = *file;
		pf_ids_copy(&w.ids, &p.ids);
		pf_state_add_window(s, &w);
	}
	pf_plan_free(&p);
	return code;
}

int pf_plan_blocks(struct pf_state *s, const struct pf_shape *shape, int64_t from_us,
		   int64_t to_us, size_t memory, struct pf_error *err)
{
	struct pf_run_out *out = NULL;
	size_t file = 0;
	int64_t from = pf_shape_cell(shape, from_us), to = pf_shape_cell(shape, to_us);
	int code = 0;
	for (int64_t size, at = from; at < to && !code; at += size) {
		size = 1;
		while (at % (size * 2) == 0 && at + size * 2 <= to)
			size *= 2;
		int64_t a = pf_shape_cell_us(shape, at), b = pf_shape_cell_us(shape, at + size);
		if (size > 1 && !has_block(s, shape, a, b))
			code = make_block(s, shape, a, b, memory, &file, &out, err);
	}
	if (out && !code)
		code = pf_run_out_finish(out, err);
	pf_run_out_free(out);
	return code;
}
