/* SPDX-License-Identifier: Apache-2.0 */
#include "window/job_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/order.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/query.h"

static const int64_t day_us = 86400000000, hour_us = 3600000000, second_us = 1000000;

void pf_job_note(struct pf_job *j, char *text)
{
	j->notes = pf_realloc(j->notes, j->nnotes + 1, sizeof *j->notes);
	j->notes[j->nnotes++] = text;
}

/* --- times --- */

static int parse_end(const char *text, const char *option, const struct pf_zone *zone,
		     int64_t *out, struct pf_error *err)
{
	PF_TRY(pf_time_argument(text, option, zone, out, err));
	int64_t sec = pf_floor_div(*out, second_us);
	*out = pf_zone_to_wall(zone, sec) * second_us + (*out - sec * second_us);
	return 0;
}

/* --- the grain of cells --- */

/* The coarsest that all of these are whole multiples of; 0: none. */
static int64_t common_grain(const int64_t *times, size_t n)
{
	static const int64_t grains[] = { 86400000000, 3600000000, 60000000, 1000000 };
	for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
		bool whole = true;
		for (size_t i = 0; i < n; i++)
			whole = whole && times[i] % grains[g] == 0;
		if (whole)
			return grains[g];
	}
	return 0;
}

/* Everything that bounds of windows are made of. */
static size_t all_times(const struct pf_job *j, int64_t *out)
{
	size_t n = 0;
	for (size_t i = 0; i < j->nwindows; i++) {
		out[n++] = j->parsed[i].length_us;
		out[n++] = j->parsed[i].start_us;
	}
	for (size_t i = 0; i < j->nends; i++)
		out[n++] = j->ends[i];
	return n;
}

int64_t pf_job_end_after(const struct pf_job *j, int64_t wall_us)
{
	int64_t *lengths = pf_alloc(j->nwindows, sizeof *lengths);
	for (size_t i = 0; i < j->nwindows; i++)
		lengths[i] = j->parsed[i].length_us;
	int64_t grain = common_grain(lengths, j->nwindows);
	free(lengths);
	return pf_window_end_after(wall_us, grain ? grain : second_us);
}

int64_t pf_job_grain(const struct pf_job *j)
{
	int64_t *times = pf_alloc(2 * j->nwindows + j->nends + 1, sizeof *times);
	int64_t grain = common_grain(times, all_times(j, times));
	free(times);
	return grain;
}

static int fail_grain(const struct pf_job *j, struct pf_error *err)
{
	if (j->st->shape && j->st->grain_us == day_us) {
		pf_fail(err, PF_E_USAGE, "state '%s' is of days: its windows begin and end at midnight",
			j->state);
		return pf_hint(err, "a state that is made for windows of hours serves both");
	}
	pf_fail(err, PF_E_USAGE, "windows of a state begin and end with whole days or hours");
	return pf_hint(err, "leave --state out, then any time will do");
}

/* Without a state nothing is asked for but what lies between the bounds of
 * windows. (Commands get days, as they are told.) */
static int cut(struct pf_job *j, struct pf_shape_options *o, struct pf_error *err)
{
	size_t n = 0, kept = 0;
	j->cuts = pf_realloc(j->cuts, 2 * j->nwindows * j->nends, sizeof *j->cuts);
	for (size_t w = 0; w < j->nwindows; w++)
		for (size_t e = 0; e < j->nends; e++, n += 2)
			PF_TRY(pf_window_range(&j->parsed[w], j->ends[e], &j->cuts[n],
					       &j->cuts[n + 1], err));
	qsort(j->cuts, n, sizeof *j->cuts, pf_by_i64);
	for (size_t i = 0; i < n; i++)
		if (!kept || j->cuts[i] != j->cuts[kept - 1])
			j->cuts[kept++] = j->cuts[i];
	o->grain_us = day_us; /* of no meaning */
	o->cuts = j->cuts;
	o->ncuts = kept;
	return 0;
}

/* A state keeps the grain that it was made with. */
static int choose_grain(struct pf_job *j, struct pf_shape_options *o, struct pf_error *err)
{
	int64_t grain = pf_job_grain(j);
	o->grain_us = grain ? grain : day_us;
	if (j->state && j->st->shape) {
		if (!grain || grain % j->st->grain_us)
			return fail_grain(j, err);
		o->grain_us = j->st->grain_us;
	}
	if (j->state)
		return grain == day_us || grain == hour_us ? 0 : fail_grain(j, err);
	j->uneven = !grain && !j->nends;
	return j->nends && !j->per_day && (!j->reduce || !grain) ? cut(j, o, err) : 0;
}

/* --- opening --- */

static int set_ends(struct pf_job *j, const struct pf_zone *zone, struct pf_error *err)
{
	enum { MOST = 100000 };
	int64_t last, first;
	if (!j->end)
		return j->from ? pf_fail(err, PF_E_USAGE, "--from needs --end") : 0;
	PF_TRY(parse_end(j->end, "--end", zone, &last, err));
	first = last;
	if (j->from)
		PF_TRY(parse_end(j->from, "--from", zone, &first, err));
	if (j->every_us <= 0)
		return pf_fail(err, PF_E_USAGE, "--every must be longer than nothing");
	if (first > last)
		return pf_fail(err, PF_E_USAGE, "--from lies behind --end");
	if ((last - first) / j->every_us >= MOST)
		return pf_fail(err, PF_E_USAGE, "--from, --every and --end make more than %d windows",
			       MOST);
	j->nends = (size_t)((last - first) / j->every_us) + 1;
	j->ends = pf_alloc(j->nends, sizeof *j->ends);
	for (size_t i = 0; i < j->nends; i++)
		j->ends[i] = first + (int64_t)i * j->every_us;
	return 0;
}

/* An empty window is an error before anything is read. */
static int check_ranges(const struct pf_job *j, struct pf_error *err)
{
	int64_t from, to;
	for (size_t w = 0; w < j->nwindows; w++)
		for (size_t e = 0; e < j->nends; e++)
			PF_TRY(pf_window_range(&j->parsed[w], j->ends[e], &from, &to, err));
	return 0;
}

int pf_job_shape(struct pf_job *j, const struct pf_schema *schema, struct pf_error *err)
{
	struct pf_shape_options o = {
		.group_by = j->group_by, .ngroup_by = j->ngroup_by,
		.aggregates = j->aggregates, .naggregates = j->naggregates,
		.where = j->where, .nwhere = j->nwhere, .time = j->time,
		.reduce = j->reduce, .merge = j->merge, .names = j->names, .nnames = j->nnames,
	};
	PF_TRY(choose_grain(j, &o, err));
	pf_shape_free(j->shape);
	j->shape = NULL;
	PF_TRY(pf_shape_new(schema, &o, &j->shape, err));
	j->shape->tick = j->tick;
	j->shape->tick_ctx = j->ctx;
	j->zone_name = j->shape->zone_name;
	return 0;
}

static int fail_now(const char *where, struct pf_error *err)
{
	pf_fail(err, PF_E_USAGE, "%s says now(), which is another time in the next run: "
		"what a state has counted would not fit", where);
	return pf_hint(err, "windows and --end say which time counts; or leave --state out");
}

/* Rows are taken into a state once. */
static int check_lasting(const struct pf_job *j, struct pf_error *err)
{
	const struct pf_shape *s = j->shape;
	for (size_t i = 0; i < s->keys.n; i++)
		if (pf_expr_has_now(s->keys.items[i].expr))
			return fail_now("--group-by", err);
	for (size_t i = 0; i < s->naggs; i++)
		for (size_t k = 0; k < s->aggs[i]->nargs; k++)
			if (pf_expr_has_now(s->aggs[i]->args[k]))
				return fail_now(s->aggs[i]->name, err);
	for (size_t i = 0; i < s->nwhere; i++) {
		struct pf_expr *e = NULL;
		PF_TRY(pf_expr_parse(s->where[i], strlen(s->where[i]), "--where", &e, err));
		bool now = pf_expr_has_now(e);
		pf_expr_free(e);
		if (now)
			return fail_now("--where", err);
	}
	return 0;
}

int pf_job_open(struct pf_job *j, const struct pf_schema *schema, struct pf_error *err)
{
	struct pf_zone *zone;
	j->flight_fd = -1;
	j->first_us = INT64_MAX;
	j->last_us = INT64_MIN;
	j->parsed = pf_zalloc(j->nwindows, sizeof *j->parsed);
	PF_TRY(pf_zone_open(pf_meta_get(&schema->meta, "pf:zone"), &zone, err));
	int code = 0;
	for (size_t i = 0; i < j->nwindows && !code; i++)
		code = pf_window_parse(j->windows[i], zone, &j->parsed[i], err);
	if (!code)
		code = set_ends(j, zone, err);
	pf_zone_close(zone);
	PF_TRY(code);
	PF_TRY(check_ranges(j, err));
	PF_TRY(pf_state_open(j->state, j->wait_ms, j->fresh, &j->st, err));
	PF_TRY(pf_job_shape(j, schema, err));
	if (j->state)
		PF_TRY(check_lasting(j, err));
	PF_TRY(pf_state_check(j->st, j->shape, err));
	for (size_t i = 0; i < j->st->nstrangers; i++)
		pf_job_note(j, pf_asprintf("'%s/%s' is not part of the state: left alone", j->state,
				    j->st->strangers[i]));
	return 0;
}

void pf_job_close(struct pf_job *j)
{
	pf_shape_free(j->shape);
	pf_state_close(j->st);
	pf_schema_unref(j->result);
	for (size_t i = 0; i < j->ntables; i++) {
		pf_snapshot_free(j->snapshots[i]);
		pf_rules_free(j->tables[i].rules);
		pf_table_close(j->tables[i].table);
	}
	free(j->snapshots);
	free(j->tables);
	pf_update_free(&j->update);
	pf_run_out_free(j->flight_out);
	if (j->shape && j->flight_fd >= 0)
		close(j->flight_fd);
	free(j->flight.runs);
	free(j->flight.days);
	free(j->parsed);
	free(j->ends);
	free(j->cuts);
	for (size_t i = 0; i < j->nnotes; i++)
		free(j->notes[i]);
	free(j->notes);
	for (size_t i = 0; i < j->nranges; i++)
		free(j->ranges[i]);
	free(j->ranges);
}

