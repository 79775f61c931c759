/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows that are answered at once: a run that several of them have is read once
 * for all, and each has a lane of its own.
 */
#include "window/answer_internal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "query/keyset.h"

/* What they are combined from. */
struct mix {
	struct pf_combine_input *inputs;
	size_t n, cap;
	struct pf_keyset *seen; /* runs, and how they count */
};

/* A run of a lane; of several lanes that it counts alike in it is one input. */
static void mix_input(struct mix *x, const struct pf_combine_input *in, size_t lane)
{
	const int64_t key[] = { in->run.fd, (int64_t)in->run.offset, (int64_t)in->run.bytes,
				in->minus, in->side };
	bool is_new;
	uint32_t at = pf_keyset_put(x->seen, key, sizeof key, &is_new);
	if (is_new) {
		if (x->n == x->cap) {
			x->cap = pf_grow(x->cap, x->n + 1);
			x->inputs = pf_realloc(x->inputs, x->cap, sizeof *x->inputs);
		}
		x->inputs[x->n] = *in;
		x->inputs[x->n++].lanes = 0;
	}
	x->inputs[at].lanes |= (uint64_t)1 << lane;
}

static bool is_read(const struct pf_answer_output *o, const struct pf_answer_part *p)
{
	return o->labels || p->write;
}

static void mix_plans(struct mix *x, const struct pf_answer_output *o)
{
	for (size_t l = 0; l < o->n; l++)
		for (size_t i = 0; i < o->parts[l].plan.n && is_read(o, &o->parts[l]); i++)
			mix_input(x, &o->parts[l].plan.inputs[i], l);
}

static void mix_flight(struct mix *x, const struct pf_answer *a, const struct pf_answer_output *o)
{
	const struct pf_flight *f = a->flight;
	for (size_t l = 0; l < o->n; l++) {
		const struct pf_asked_window *w = o->parts[l].asked;
		int64_t from = pf_shape_cell(a->shape, w->from_us);
		int64_t to = pf_shape_cell(a->shape, w->to_us);
		for (size_t i = 0; i < f->n; i++)
			if (f->days[i] >= from && f->days[i] < to)
				mix_input(x, &f->runs[i], l);
	}
}

static int give(struct pf_answer *a, struct pf_combine *m, const struct pf_answer_output *o,
		struct pf_builder *rows, struct pf_error *err)
{
	struct pf_batch batch;
	if (o->was) {
		PF_TRY(pf_combine_changes(m, o->labels, &batch, err));
	} else {
		pf_builder_reset(rows);
		PF_TRY(pf_combine_finished(m, o->labels, rows, err));
		batch = pf_builder_batch(rows);
	}
	a->keys += batch.rows;
	for (size_t l = 0; l < o->n; l++)
		o->parts[l].asked->rows += o->was ? batch.rows : (int64_t)pf_combine_count(m, l);
	return batch.rows && a->put ? a->put(a->ctx, &batch, err) : 0;
}

/* Into the runs that are to be written. */
static int put_aside(struct pf_combine *m, const struct pf_answer_output *o, struct pf_error *err)
{
	for (size_t l = 0; l < o->n; l++) {
		struct pf_batch batch;
		if (!o->parts[l].out || !pf_combine_count(m, l))
			continue;
		PF_TRY(pf_combine_stored(m, l, &batch, err));
		PF_TRY(pf_run_out_batch(o->parts[l].out, &batch, 0, batch.rows, err));
	}
	return 0;
}

static int drain(struct pf_answer *a, struct pf_combine *m, const struct pf_answer_output *o,
		 struct pf_error *err)
{
	struct pf_builder *rows = pf_builder_new(a->result);
	size_t n = 0;
	int code;
	do {
		code = pf_combine_next(m, &n, err);
		if (!code && n)
			code = put_aside(m, o, err);
		if (!code && n && o->labels)
			code = give(a, m, o, rows, err);
	} while (!code && n);
	pf_builder_free(rows);
	return code;
}

static int open_written(struct pf_answer *a, const struct pf_answer_output *o, struct pf_error *err)
{
	for (size_t l = 0; l < o->n; l++) {
		struct pf_answer_part *p = &o->parts[l];
		if (!o->write || !p->write)
			continue;
		PF_TRY(pf_state_file_new(a->state, "window", &p->file, err));
		PF_TRY(pf_run_out_open(a->state->files[p->file].fd, "answer", a->shape->merged,
				       &p->out, err));
	}
	return 0;
}

static int finish_written(const struct pf_answer_output *o, struct pf_error *err)
{
	for (size_t l = 0; l < o->n; l++) {
		struct pf_answer_part *p = &o->parts[l];
		if (!p->out)
			continue;
		PF_TRY(pf_run_out_cut(p->out, &p->run, err));
		PF_TRY(pf_run_out_finish(p->out, err));
		pf_run_out_free(p->out);
		p->out = NULL;
	}
	return 0;
}

int pf_answer_combine(struct pf_answer *a, const struct pf_answer_output *o, bool flight,
		      struct pf_error *err)
{
	struct pf_combine *m = NULL;
	struct mix x = { .seen = pf_keyset_new() };
	mix_plans(&x, o);
	if (flight)
		mix_flight(&x, a, o);
	int code = open_written(a, o, err);
	if (!code)
		code = pf_combine_open_lanes(a->shape, x.inputs, x.n, o->n, a->memory, &m, err);
	if (!code && o->was)
		pf_combine_watch(m, o->was, a->result, o->only);
	if (!code)
		code = drain(a, m, o, err);
	if (!code)
		code = finish_written(o, err);
	pf_combine_free(m);
	pf_keyset_free(x.seen);
	free(x.inputs);
	return code;
}
