/* SPDX-License-Identifier: Apache-2.0 */
#include "window/tidy.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "window/combine.h"
#include "window/plan.h"

enum {
	PUBLISHED_MAX = 8,    /* remembered of one window */
	CELL_RUNS_MAX = 8,
	REPACK_BYTES = 64 << 10, /* smaller files are left as they are */
	FORGET_MIN = 64,      /* inputs */
};

/* --- what was given out --- */

static void drop_published(struct pf_state *s, size_t i)
{
	free(s->published[i].text);
	s->npublished--;
	memmove(&s->published[i], &s->published[i + 1],
		(s->npublished - i) * sizeof *s->published);
}

bool pf_state_publish(struct pf_state *s, const char *text, int64_t from_us,
		      int64_t to_us, uint64_t content)
{
	size_t same = 0, oldest = 0;
	for (size_t i = s->npublished; i-- > 0;) {
		struct pf_state_published *p = &s->published[i];
		if (strcmp(p->text, text) != 0)
			continue;
		if (p->from_us == from_us && p->to_us == to_us) {
			bool news = p->content != content;
			p->content = content;
			return news;
		}
		same++;
		oldest = i;
	}
	if (same >= PUBLISHED_MAX)
		drop_published(s, oldest);
	s->published = pf_realloc(s->published, s->npublished + 1, sizeof *s->published);
	s->published[s->npublished++] = (struct pf_state_published){
		pf_strdup(text), from_us, to_us, content };
	return true;
}

/* --- blocks and days --- */

static void drop_blocks(struct pf_state *s, const struct pf_tidy *t)
{
	struct pf_ids now = { 0 };
	for (size_t i = s->nwindows; i-- > 0;) {
		const struct pf_state_window *w = &s->windows[i];
		if (*w->text)
			continue;
		pf_plan_ids(s, t->shape, w->from_us, w->to_us, &now);
		if (w->from_us < t->from_us || w->to_us > t->to_us || now.n != w->ids.n ||
		    pf_plan_content(&now) != pf_plan_content(&w->ids))
			pf_state_drop_window(s, i);
	}
	pf_ids_free(&now);
}

static bool is_before(void *ctx, const struct pf_state_cell *cell)
{
	return cell->day < *(const int64_t *)ctx;
}

static void drop_days(struct pf_state *s, const struct pf_tidy *t)
{
	int64_t least = t->from_us;
	for (size_t i = 0; i < s->npublished; i++)
		if (s->published[i].from_us < least)
			least = s->published[i].from_us;
	if (least <= s->from_us)
		return;
	int64_t day = pf_shape_cell(t->shape, least);
	pf_state_drop_cells(s, is_before, &day);
	s->from_us = pf_shape_cell_us(t->shape, day);
}

/* --- cells of many runs --- */

/* The windows that were given out and are what the state has now. */
static bool *current_windows(const struct pf_state *s, const struct pf_shape *shape)
{
	bool *is = pf_zalloc(s->npublished + 1, sizeof *is);
	struct pf_ids now = { 0 };
	for (size_t i = 0; i < s->npublished; i++) {
		const struct pf_state_published *p = &s->published[i];
		pf_plan_ids(s, shape, p->from_us, p->to_us, &now);
		is[i] = pf_plan_content(&now) == p->content;
	}
	pf_ids_free(&now);
	return is;
}

static void publish_again(struct pf_state *s, const struct pf_shape *shape, const bool *is)
{
	struct pf_ids now = { 0 };
	for (size_t i = 0; i < s->npublished; i++) {
		struct pf_state_published *p = &s->published[i];
		if (!is[i])
			continue;
		pf_plan_ids(s, shape, p->from_us, p->to_us, &now);
		p->content = pf_plan_content(&now);
	}
	pf_ids_free(&now);
}

/* Behind the last run of a cell. */
static size_t cell_end(const struct pf_state *s, size_t i)
{
	size_t end = i + 1;
	while (end < s->ncells && s->cells[end].day == s->cells[i].day &&
	       s->cells[end].bucket == s->cells[i].bucket &&
	       s->cells[end].table == s->cells[i].table)
		end++;
	return end;
}

/* --- answers that are not written as they were given out --- */

/* Is a run live, and will it be so tomorrow? */
static bool stays(const struct pf_state *s, int64_t id)
{
	for (size_t i = 0, end; i < s->ncells; i = end) {
		end = cell_end(s, i);
		for (size_t k = i; k < end; k++)
			if (s->cells[k].id == id)
				return end - i <= CELL_RUNS_MAX;
	}
	return false;
}

/* Do those of ids that are not among others? */
static bool all_stay(const struct pf_state *s, const struct pf_ids *ids,
		     const struct pf_ids *others)
{
	for (size_t i = 0; i < ids->n; i++)
		if (!pf_ids_has(others, ids->items[i]) && !stays(s, ids->items[i]))
			return false;
	return true;
}

/* Write one as it was given out. */
static int settle(struct pf_state *s, const struct pf_tidy *t, struct pf_state_window *w,
		  struct pf_error *err)
{
	struct pf_combine_input *inputs = pf_zalloc(w->given.n + w->ids.n + 1, sizeof *inputs);
	struct pf_run_out *out = NULL;
	struct pf_combine *m = NULL;
	size_t n, file;
	int code = pf_plan_given(s, w, inputs, &n, err);
	if (!code)
		code = pf_state_file_new(s, "window", &file, err);
	if (!code)
		code = pf_run_out_open(s->files[file].fd, "answer", t->shape->merged, &out, err);
	if (!code)
		code = pf_combine_open(t->shape, inputs, n, false, t->memory, &m, err);
	if (!code)
		code = pf_combine_write(m, out, &w->run, err);
	if (!code)
		code = pf_run_out_finish(out, err);
	pf_combine_free(m);
	pf_run_out_free(out);
	free(inputs);
	if (code)
		return code;
	w->file = file;
	pf_ids_free(&w->ids);
	w->ids = w->given;
	w->given = (struct pf_ids){ 0 };
	return 0;
}

static int settle_windows(struct pf_state *s, const struct pf_tidy *t, struct pf_error *err)
{
	for (size_t i = 0; i < s->nwindows; i++) {
		struct pf_state_window *w = &s->windows[i];
		const struct pf_ids *given = pf_state_given(w);
		if (!w->lost &&
		    (!all_stay(s, given, &w->ids) || !all_stay(s, &w->ids, given)))
			PF_TRY(settle(s, t, w, err));
	}
	return 0;
}

/* --- runs of a cell into one --- */

static void rename_in(struct pf_ids *ids, const struct pf_state_cell *cells, size_t n,
		      int64_t id)
{
	size_t kept = 0;
	for (size_t k = 0; k < ids->n; k++) {
		bool old = false;
		for (size_t c = 0; c < n; c++)
			old = old || cells[c].id == ids->items[k];
		if (!old)
			ids->items[kept++] = ids->items[k];
	}
	ids->n = kept;
	pf_ids_add(ids, id);
}

/* An answer that holds all of them holds the new one instead. One that holds
 * some is good for nothing but to say what was given out (--changes). */
static void rename_runs(struct pf_state *s, const struct pf_state_cell *cells, size_t n,
			int64_t id)
{
	for (size_t i = s->nwindows; i-- > 0;) {
		struct pf_ids *ids = &s->windows[i].ids;
		size_t has = 0;
		for (size_t k = 0; k < n; k++)
			has += pf_ids_has(ids, cells[k].id);
		if (has && has < n && !*s->windows[i].text)
			pf_state_drop_window(s, i);
		if (has < n)
			continue;
		rename_in(ids, cells, n, id);
		/* What is in one of them alone was written before (settle). */
		if (s->windows[i].given.n)
			rename_in(&s->windows[i].given, cells, n, id);
	}
}

static int join_runs(struct pf_state *s, const struct pf_tidy *t,
		     const struct pf_state_cell *cells, size_t n, struct pf_run_out *out,
		     struct pf_state_cell *joined, struct pf_error *err)
{
	struct pf_combine_input *inputs = pf_zalloc(n, sizeof *inputs);
	struct pf_combine *m = NULL;
	int code = 0;
	for (size_t i = 0; i < n && !code; i++) {
		inputs[i].partial = true;
		code = pf_state_run(s, cells[i].file, &cells[i].run, &inputs[i].run, err);
		for (size_t k = 0; k < cells[i].inputs.n; k++)
			pf_ids_add(&joined->inputs, cells[i].inputs.items[k]);
	}
	pf_ids_sort(&joined->inputs);
	if (!code)
		code = pf_combine_open(t->shape, inputs, n, true, t->memory, &m, err);
	if (!code)
		code = pf_combine_write(m, out, &joined->run, err);
	pf_combine_free(m);
	free(inputs);
	return code;
}

static bool is_joined(void *ctx, const struct pf_state_cell *cell)
{
	const struct pf_ids *gone = ctx;
	return pf_ids_has(gone, cell->id);
}

static int join_cells(struct pf_state *s, const struct pf_tidy *t, struct pf_error *err)
{
	struct pf_run_out *out = NULL;
	struct pf_ids gone = { 0 };
	struct pf_state_cell *made = NULL;
	size_t nmade = 0, file = 0;
	int code = 0;
	for (size_t i = 0, end; i < s->ncells && !code; i = end) {
		const struct pf_state_cell *c = &s->cells[i];
		end = cell_end(s, i);
		if (end - i <= CELL_RUNS_MAX)
			continue;
		if (!out)
			code = pf_state_file_new(s, "partials", &file, err);
		if (!code && !out)
			code = pf_run_out_open(s->files[file].fd, "partials",
					       t->shape->partial, &out, err);
		made = pf_realloc(made, nmade + 1, sizeof *made);
		made[nmade] = (struct pf_state_cell){ .day = c->day, .bucket = c->bucket,
						      .table = c->table,
						      .id = s->next_id++, .file = file };
		if (!code)
			code = join_runs(s, t, c, end - i, out, &made[nmade], err);
		nmade++;
		if (code)
			break;
		rename_runs(s, c, end - i, made[nmade - 1].id);
		for (size_t k = i; k < end; k++)
			pf_ids_add(&gone, s->cells[k].id);
	}
	if (out && !code)
		code = pf_run_out_finish(out, err);
	pf_run_out_free(out);
	pf_ids_sort(&gone);
	if (!code && nmade) {
		bool *is = current_windows(s, t->shape);
		pf_state_drop_cells(s, is_joined, &gone);
		for (size_t i = 0; i < nmade; i++)
			pf_state_add_cell(s, &made[i]);
		pf_state_sort_cells(s);
		publish_again(s, t->shape, is);
		free(is);
	}
	free(made);
	pf_ids_free(&gone);
	return code;
}

/* --- files --- */

static int repack(struct pf_state *s, const struct pf_shape *shape, size_t file,
		  struct pf_error *err)
{
	struct pf_run_out *out;
	size_t to;
	PF_TRY(pf_state_file_new(s, "partials", &to, err));
	PF_TRY(pf_run_out_open(s->files[to].fd, "partials", shape->partial, &out, err));
	int code = 0;
	for (size_t i = 0; i < s->ncells && !code; i++) {
		struct pf_sorted run;
		if (s->cells[i].file != file)
			continue;
		code = pf_state_run(s, file, &s->cells[i].run, &run, err);
		if (!code)
			code = pf_run_out_copy(out, &run, &s->cells[i].run, err);
		s->cells[i].file = to;
	}
	if (!code)
		code = pf_run_out_finish(out, err);
	pf_run_out_free(out);
	return code;
}

/* Partials of which less than half is still needed. */
static int repack_files(struct pf_state *s, const struct pf_shape *shape,
			struct pf_error *err)
{
	size_t n = s->nfiles;
	uint64_t *used = pf_zalloc(n + 1, sizeof *used);
	int code = 0;
	for (size_t i = 0; i < s->ncells; i++)
		used[s->cells[i].file] += s->cells[i].run.bytes;
	for (size_t i = 0; i < n && !code; i++) {
		uint64_t size = used[i] ? pf_state_file_bytes(s, i) : 0;
		if (size > REPACK_BYTES && used[i] < size / 2)
			code = repack(s, shape, i, err);
	}
	free(used);
	return code;
}

/* --- inputs --- */

static void mark(const struct pf_state *s, bool *needed, size_t i)
{
	if (needed[i])
		return;
	needed[i] = true;
	struct pf_ids todo = { 0 };
	pf_ids_add(&todo, (int64_t)i);
	for (size_t at = 0; at < todo.n; at++) {
		const struct pf_ids *covers = &s->inputs[todo.items[at]].covers;
		for (size_t k = 0; k < covers->n; k++)
			if (!needed[covers->items[k]]) {
				needed[covers->items[k]] = true;
				pf_ids_add(&todo, covers->items[k]);
			}
	}
	pf_ids_free(&todo);
}

static void renumber(struct pf_ids *ids, const int64_t *to)
{
	size_t n = 0;
	for (size_t k = 0; k < ids->n; k++)
		if (to[ids->items[k]] >= 0)
			ids->items[n++] = to[ids->items[k]];
	ids->n = n;
}

static void forget_inputs(struct pf_state *s)
{
	bool *needed = pf_zalloc(s->ninputs + 1, sizeof *needed);
	int64_t *to = pf_alloc(s->ninputs + 1, sizeof *to);
	size_t n = 0;
	for (size_t i = 0; i < s->ncells; i++)
		for (size_t k = 0; k < s->cells[i].inputs.n; k++)
			needed[s->cells[i].inputs.items[k]] = true;
	for (size_t i = 0; i < s->ninputs; i++) {
		bool cell = needed[i];
		needed[i] = false;
		if (s->inputs[i].live || cell)
			mark(s, needed, i);
	}
	for (size_t i = 0; i < s->ninputs; i++)
		to[i] = needed[i] ? (int64_t)n++ : -1;
	if (s->ninputs - n > FORGET_MIN && s->ninputs - n > s->ninputs / 4) {
		for (size_t i = 0; i < s->ncells; i++)
			renumber(&s->cells[i].inputs, to);
		for (size_t i = 0; i < s->ninputs; i++) {
			struct pf_state_input *in = &s->inputs[i];
			if (to[i] >= 0) {
				renumber(&in->covers, to);
				s->inputs[to[i]] = *in;
				continue;
			}
			free(in->dir);
			free(in->name);
			pf_ids_free(&in->covers);
		}
		s->ninputs = n;
	}
	free(needed);
	free(to);
}

int pf_state_tidy(struct pf_state *s, const struct pf_tidy *t, struct pf_error *err)
{
	drop_blocks(s, t);
	if (!t->keep_all)
		drop_days(s, t);
	PF_TRY(settle_windows(s, t, err));
	if (!t->keep_all)
		PF_TRY(join_cells(s, t, err));
	PF_TRY(repack_files(s, t->shape, err));
	forget_inputs(s);
	return 0;
}
