/* SPDX-License-Identifier: Apache-2.0 */
#include "window/job_internal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/number.h"
#include "base/time.h"
#include "window/tidy.h"
#include "window/verify.h"

enum { MAX_RANGES = 100 };

static const int64_t day_us = 86400000000;

/* Bounds are dates where all of them are midnights. */
static struct pf_type bound_type(const struct pf_job *j)
{
	int64_t grain = pf_job_grain(j);
	if (grain == day_us && (!j->per_day || j->shape->grain_us == day_us))
		return (struct pf_type){ .kind = PF_DATE };
	return (struct pf_type){ PF_TIMESTAMP, grain ? 0 : 6, 0 };
}

/* --- late rows --- */

static int check_late(struct pf_job *j, struct pf_error *err)
{
	const struct pf_update *u = &j->update;
	char day[48];
	if (!u->nlate || j->late == PF_LATE_APPLY)
		return 0;
	if (j->late == PF_LATE_FAIL) {
		pf_fail(err, PF_E_LATE_DATA,
			"%zu cells that had been given out have changed, the first is %s, bucket %d",
			u->nlate,
			pf_window_format(pf_shape_cell_us(j->shape, u->late[0].day), day),
			(int)u->late[0].bucket);
		return pf_hint(err, "--late=report takes them in and lists them");
	}
	for (size_t i = 0; i < u->nlate; i++) {
		const struct pf_late *l = &u->late[i];
		bool several = j->ntables > 1;
		pf_job_note(j, pf_asprintf("late: %s bucket %d%s%s %s",
					   pf_window_format(pf_shape_cell_us(j->shape, l->day),
							    day),
					   (int)l->bucket, several ? " of " : "",
					   several ? j->st->tables[l->table].name : "",
					   l->rebuilt ? "was built anew" : "got more rows"));
	}
	return 0;
}

/* --- giving out --- */

static const struct pf_window *window_of(const struct pf_job *j, const char *text)
{
	for (size_t w = 0; w < j->nwindows; w++)
		if (!strcmp(j->parsed[w].text, text))
			return &j->parsed[w];
	return NULL;
}

static bool is_asked(const struct pf_job *j, const struct pf_window *w, int64_t to_us)
{
	for (size_t e = 0; e < j->nends; e++) {
		int64_t from, to;
		if (!pf_window_range(w, j->ends[e], &from, &to, NULL) && to == to_us)
			return true;
	}
	return false;
}

/* Was it given out, and is it not what it was? */
static bool was_given(const struct pf_job *j, const struct pf_asked_window *w, bool *differs)
{
	const struct pf_state *s = j->st;
	struct pf_ids now = { 0 };
	for (size_t i = 0; i < s->npublished; i++) {
		const struct pf_state_published *p = &s->published[i];
		if (p->from_us != w->from_us || p->to_us != w->to_us ||
		    strcmp(p->text, w->window->text) != 0)
			continue;
		pf_plan_ids(s, j->shape, p->from_us, p->to_us, &now);
		*differs = *differs || pf_plan_content(&now) != p->content;
		pf_ids_free(&now);
		return p->from_us >= s->from_us;
	}
	return false;
}

/* Windows side by side, of an end that all of them were given out for. */
static int revise_wide(struct pf_job *j, int64_t end, struct pf_error *err)
{
	struct pf_asked_window *w = pf_zalloc(j->nwindows, sizeof *w);
	bool given = true, asked = true, differs = false;
	for (size_t i = 0; i < j->nwindows && given; i++) {
		w[i].window = &j->parsed[i];
		given = !pf_window_range(w[i].window, end, &w[i].from_us, &w[i].to_us, NULL) &&
			was_given(j, &w[i], &differs);
		asked = asked && is_asked(j, w[i].window, w[i].to_us);
	}
	int code = 0;
	if (given && !asked && differs)
		code = pf_answer_windows(&j->answer, w, j->nwindows, err);
	free(w);
	return code;
}

/* Windows that were given out, and are not what they were: again. */
static int revise(struct pf_job *j, struct pf_error *err)
{
	struct pf_state *s = j->st;
	size_t n = s->npublished;
	struct pf_state_published *old = pf_alloc(n + 1, sizeof *old);
	int code = 0;
	for (size_t i = 0; i < n; i++)
		old[i] = s->published[i];
	for (size_t i = 0; i < n && !code; i++) {
		struct pf_asked_window w = { window_of(j, old[i].text), old[i].from_us,
					     old[i].to_us, 0 };
		bool differs = false;
		if (!w.window)
			continue;
		if (j->wide)
			code = revise_wide(j, old[i].to_us, err);
		else if (!is_asked(j, w.window, w.to_us) && was_given(j, &w, &differs) && differs)
			code = pf_answer_windows(&j->answer, &w, 1, err);
	}
	free(old);
	return code;
}

/* "30d: 2024-01-01 to 2024-01-31, 12 rows of 29 days of 30". */
static void say_range(struct pf_job *j, const struct pf_asked_window *w)
{
	int64_t days = 0, all = 0;
	char a[48], b[48], n[32];
	char *behind = NULL;
	if (j->nranges == MAX_RANGES)
		return;
	for (int64_t at = w->from_us; j->state && at < w->to_us; at += day_us, all++)
		days += pf_job_has_rows(j, at, at + day_us < w->to_us ? at + day_us : w->to_us);
	if (j->state)
		behind = pf_asprintf(", %lld of %lld days have rows", (long long)days,
				     (long long)all);
	j->ranges = pf_realloc(j->ranges, j->nranges + 1, sizeof *j->ranges);
	j->ranges[j->nranges++] = pf_asprintf("%s: %s to %s, %s row%s%s", w->window->text,
					      pf_window_format(w->from_us, a),
					      pf_window_format(w->to_us, b),
					      pf_group_digits(n, w->rows), w->rows == 1 ? "" : "s",
					      behind ? behind : "");
	free(behind);
}

/* A window that ends there is to be given out. last: where it ended before;
 * *same: it is that again, as a tumbling one may be. */
static int ask(struct pf_job *j, const struct pf_window *window, int64_t end, int64_t *last,
	       struct pf_asked_window *w, bool *same, struct pf_error *err)
{
	*w = (struct pf_asked_window){ .window = window };
	PF_TRY(pf_window_range(window, end, &w->from_us, &w->to_us, err));
	*same = w->to_us == *last;
	if (*same)
		return 0;
	*last = w->to_us;
	j->first_us = w->from_us < j->first_us ? w->from_us : j->first_us;
	j->last_us = w->to_us > j->last_us ? w->to_us : j->last_us;
	return j->state ? pf_job_check_missing(j, w->from_us, w->to_us, err) : 0;
}

static int answer_window(struct pf_job *j, const struct pf_window *window, int64_t end,
			 int64_t *last, struct pf_error *err)
{
	struct pf_answer *a = &j->answer;
	struct pf_asked_window w;
	int64_t keys = a->keys;
	bool same;
	PF_TRY(ask(j, window, end, last, &w, &same, err));
	if (same)
		return 0;
	if (j->per_day) {
		PF_TRY(pf_answer_days(a, w.from_us, w.to_us, err));
		w.rows = a->keys - keys;
	} else {
		PF_TRY(pf_answer_windows(a, &w, 1, err));
	}
	say_range(j, &w);
	return 0;
}

/* All windows of one end side by side. last: where they ended before. */
static int answer_wide(struct pf_job *j, int64_t end, int64_t *last, struct pf_error *err)
{
	struct pf_asked_window *w = pf_alloc(j->nwindows, sizeof *w);
	bool same = false, all_same = true;
	int code = 0;
	for (size_t i = 0; i < j->nwindows && !code; i++) {
		code = ask(j, &j->parsed[i], end, &last[i], &w[i], &same, err);
		all_same = all_same && same;
	}
	if (!code && !all_same)
		code = pf_answer_windows(&j->answer, w, j->nwindows, err);
	for (size_t i = 0; i < j->nwindows && !code && !all_same; i++)
		say_range(j, &w[i]);
	free(w);
	return code;
}

static int answer_all(struct pf_job *j, struct pf_error *err)
{
	int64_t *last = pf_alloc(j->nwindows, sizeof *last);
	int code = j->revise ? revise(j, err) : 0;
	for (size_t w = 0; w < j->nwindows; w++)
		last[w] = INT64_MIN;
	for (size_t e = 0; e < j->nends && j->wide && !code; e++)
		code = answer_wide(j, j->ends[e], last, err);
	for (size_t w = 0; w < j->nwindows && !j->wide; w++)
		for (size_t e = 0; e < j->nends && !code; e++)
			code = answer_window(j, &j->parsed[w], j->ends[e], &last[w], err);
	free(last);
	return code;
}

static int check_options(const struct pf_job *j, struct pf_error *err)
{
	bool flight = j->flight.n > 0;
	if (!j->state && j->input)
		return pf_fail(err, PF_E_USAGE, "--input needs --state");
	if (!j->state && (j->changes || j->revise || j->verify > 0 ||
			  j->late != PF_LATE_APPLY))
		return pf_fail(err, PF_E_USAGE, "--changes, --revise, --late and --verify need --state");
	if (j->changes && (j->revise || j->per_day || j->state_out || j->nends > 1))
		return pf_fail(err, PF_E_USAGE,
			       "--changes goes with one end, without --revise, --per-day, --state-out");
	if (j->changes && flight) {
		pf_fail(err, PF_E_USAGE, "--changes of rows in flight are not known");
		return pf_hint(err, "leave the stage out");
	}
	if (j->wide && (j->per_day || j->state_out))
		return pf_fail(err, PF_E_USAGE, "--wide goes without --per-day and --state-out");
	if (j->wide && j->nwindows > PF_LANES_MAX)
		return pf_fail(err, PF_E_USAGE, "--wide goes with %d windows at most",
			       PF_LANES_MAX);
	if (j->per_day && (j->nwindows > 1 || j->nends > 1 || j->revise))
		return pf_fail(err, PF_E_USAGE, "--per-day goes with one window");
	return 0;
}

static int verify(struct pf_job *j, struct pf_error *err)
{
	struct pf_verify v = { .shape = j->shape, .tables = j->tables, .memory = j->memory, .share = j->verify };
	if (!(j->verify > 0))
		return 0;
	PF_TRY(pf_state_verify(j->st, &v, err));
	j->verified_days = v.days;
	j->verified_rows = v.rows;
	return 0;
}

int pf_job_answer(struct pf_job *j, struct pf_source **sources, size_t n,
		  struct pf_error *err)
{
	int64_t begin = pf_mono_us();
	PF_TRY(check_options(j, err));
	PF_TRY(!j->state ? pf_job_read_plain(j, sources, n, err) :
	       j->input	 ? pf_job_read_named(j, sources, n, err) :
			   pf_job_read_state(j, sources, n, err));
	PF_TRY(check_options(j, err));
	PF_TRY(check_late(j, err));
	PF_TRY(verify(j, err));
	j->read_us = pf_mono_us() - begin;
	j->answer = (struct pf_answer){
		.state = j->st, .shape = j->shape, .flight = &j->flight, .memory = j->memory,
		.columns = { .change = j->changes, .day = j->per_day,
			     .name = j->nwindows > 1 && !j->wide,
			     .start = !j->per_day && !j->wide, .end = !j->per_day,
			     .states = j->state_out, .bound = bound_type(j),
			     .wide = j->windows, .nwide = j->wide ? j->nwindows : 0 },
		.put_aside = j->state || j->nends > 1,
		.explain = j->explain,
		.put = j->explain ? NULL : j->put, .ctx = j->ctx,
	};
	PF_TRY(pf_shape_result(j->shape, &j->answer.columns, &j->result, err));
	j->answer.result = j->result;
	if (!j->explain)
		PF_TRY(j->begin(j->ctx, j->result, err));
	PF_TRY(answer_all(j, err));
	j->answer_us = pf_mono_us() - begin - j->read_us;
	return 0;
}

int pf_job_commit(struct pf_job *j, struct pf_error *err)
{
	const struct pf_tidy t = { .shape = j->shape, .memory = j->memory,
				   .from_us = j->first_us, .to_us = j->last_us,
				   .keep_all = j->input != NULL };
	if (!j->state)
		return 0;
	if (!j->answer.moved && !j->update.moved) {
		pf_state_clean(j->st);
		return 0;
	}
	PF_TRY(pf_state_tidy(j->st, &t, err));
	return pf_state_commit(j->st, err);
}

/* --- telling --- */

static void explain_state(const struct pf_job *j, struct pf_buf *out)
{
	pf_buf_printf(out, "state: %zu runs of %s", j->st->ncells,
		      j->shape->grain_us == day_us ? "days" : "hours");
	for (size_t i = 0; i < j->st->ntables; i++) {
		const struct pf_state_table *t = &j->st->tables[i];
		pf_buf_printf(out, "%s snapshot %lld", i ? "," : ", of", (long long)t->snapshot);
		if (j->st->ntables > 1)
			pf_buf_printf(out, " of %s", t->name);
	}
	pf_buf_byte(out, '\n');
}

void pf_job_explain(const struct pf_job *j, struct pf_buf *out)
{
	const struct pf_update *u = &j->update;
	struct pf_buf windows = *j->explain;
	if (j->state)
		explain_state(j, out);
	if (j->state && u->compared)
		pf_buf_str(out, "table: snapshots are gone in between: file lists were compared\n");
	else if (j->state)
		pf_buf_printf(out, "table: %lld snapshots since the state's\n",
			      (long long)u->snapshots);
	if (j->state)
		pf_buf_printf(out, "files: %lld came, %lld were made by compactions, %lld are gone\n",
			      (long long)u->files_new, (long long)u->files_renamed,
			      (long long)u->files_gone);
	pf_buf_printf(out, "read: %lld rows", (long long)u->rows);
	if (j->state)
		pf_buf_printf(out, " of %lld files; cells: %lld new, %lld got more, %lld built anew, %zu late",
			      (long long)u->files_read, (long long)u->cells_new,
			      (long long)u->cells_merged, (long long)u->cells_rebuilt, u->nlate);
	pf_buf_byte(out, '\n');
	pf_buf_add(out, windows.data, windows.len);
}

void pf_job_stats(const struct pf_job *j, struct pf_buf *out)
{
	const struct pf_update *u = &j->update;
	const struct pf_answer *a = &j->answer;
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{ "rows_read", u->rows }, { "bytes_read", u->bytes },
		{ "snapshots", u->snapshots }, { "lists_compared", u->compared },
		{ "files_new", u->files_new }, { "files_renamed", u->files_renamed },
		{ "files_gone", u->files_gone }, { "files_read", u->files_read },
		{ "cells_new", u->cells_new }, { "cells_merged", u->cells_merged },
		{ "cells_rebuilt", u->cells_rebuilt }, { "cells_late", (int64_t)u->nlate },
		{ "windows", a->windows }, { "rows_out", a->keys },
		{ "runs", a->runs }, { "runs_subtracted", a->minus },
		{ "answers_reused", a->answers }, { "partials_read", a->rows_read },
		{ "partials_all", a->rows_all },
	};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		pf_buf_printf(out, "%s\"%s\": %lld", i ? ", " : "{", numbers[i].name,
			      (long long)numbers[i].value);
	pf_buf_printf(out, ", \"seconds_read\": %.6f, \"seconds_answer\": %.6f}\n",
		      (double)j->read_us / 1e6, (double)j->answer_us / 1e6);
}
