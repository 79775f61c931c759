/* SPDX-License-Identifier: Apache-2.0 */
#include "window/job.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/query.h"

static const int64_t day_us = 86400000000, hour_us = 3600000000, second_us = 1000000;

static void note(struct pf_job *j, char *text)
{
	j->notes = pf_realloc(j->notes, j->nnotes + 1, sizeof *j->notes);
	j->notes[j->nnotes++] = text;
}

/* --- times --- */

static int64_t to_wall(const struct pf_job *j, int64_t us)
{
	int64_t sec = pf_floor_div(us, second_us);
	return pf_zone_to_wall(j->shape->zone, sec) * second_us + (us - sec * second_us);
}

static int parse_end(const char *text, const char *option, const struct pf_zone *zone,
		     int64_t *out, struct pf_error *err)
{
	PF_TRY(pf_time_argument(text, option, zone, out, err));
	int64_t sec = pf_floor_div(*out, second_us);
	*out = pf_zone_to_wall(zone, sec) * second_us + (*out - sec * second_us);
	return 0;
}

/* --- the grain of cells --- */

/* A day, an hour, ... : the coarsest that all of these are whole multiples of;
 * 0: none. */
static int64_t grain_of(const int64_t *times, size_t n)
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
static size_t all_times(const struct pf_job *j, const int64_t *ends, size_t nends,
			int64_t *out)
{
	size_t n = 0;
	for (size_t i = 0; i < j->nwindows; i++) {
		out[n++] = j->parsed[i].length_us;
		out[n++] = j->parsed[i].start_us;
	}
	for (size_t i = 0; i < nends; i++)
		out[n++] = ends[i];
	return n;
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

/* A state keeps the grain that it was made with. */
static int choose_grain(struct pf_job *j, const int64_t *ends, size_t nends,
			struct pf_shape_options *o, struct pf_error *err)
{
	int64_t *times = pf_alloc(2 * j->nwindows + nends + 1, sizeof *times);
	size_t n = all_times(j, ends, nends, times);
	int64_t grain = grain_of(times, n);
	free(times);
	o->grain_us = grain ? grain : day_us;
	if (j->state && j->st->shape) {
		if (!grain || grain % j->st->grain_us)
			return fail_grain(j, err);
		o->grain_us = j->st->grain_us;
	}
	if (j->state)
		return grain == day_us || grain == hour_us ? 0 : fail_grain(j, err);
	if (j->nwindows == 1 && nends == 1) {
		o->one = true;
		j->uneven = false;
		return pf_window_range(&j->parsed[0], ends[0], &o->one_from_us, &o->one_to_us,
				       err);
	}
	j->uneven = !grain;
	return 0;
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

static int make_shape(struct pf_job *j, const struct pf_schema *schema, struct pf_error *err)
{
	struct pf_shape_options o = {
		.stored = j->state_out,
		.group_by = j->group_by, .ngroup_by = j->ngroup_by,
		.aggregates = j->aggregates, .naggregates = j->naggregates,
		.where = j->where, .nwhere = j->nwhere, .time = j->time,
	};
	PF_TRY(choose_grain(j, j->ends, j->nends, &o, err));
	pf_shape_free(j->shape);
	j->shape = NULL;
	PF_TRY(pf_shape_new(schema, &o, &j->shape, err));
	j->zone_name = j->shape->zone_name;
	return 0;
}

int pf_job_open(struct pf_job *j, const struct pf_schema *schema, struct pf_error *err)
{
	struct pf_zone *zone;
	j->flight_fd = -1;
	j->parsed = pf_zalloc(j->nwindows, sizeof *j->parsed);
	for (size_t i = 0; i < j->nwindows; i++)
		PF_TRY(pf_window_parse(j->windows[i], &j->parsed[i], err));
	PF_TRY(pf_zone_open(pf_meta_get(&schema->meta, "pf:zone"), &zone, err));
	int code = set_ends(j, zone, err);
	pf_zone_close(zone);
	PF_TRY(code);
	PF_TRY(check_ranges(j, err));
	PF_TRY(pf_state_open(j->state, j->wait_ms, j->fresh, &j->st, err));
	PF_TRY(make_shape(j, schema, err));
	PF_TRY(pf_state_check(j->st, j->shape, err));
	for (size_t i = 0; i < j->st->nstrangers; i++)
		note(j, pf_asprintf("'%s/%s' is not part of the state: left alone", j->state,
				    j->st->strangers[i]));
	return 0;
}

void pf_job_close(struct pf_job *j)
{
	pf_shape_free(j->shape);
	pf_state_close(j->st);
	pf_schema_unref(j->result);
	pf_snapshot_free(j->snapshot);
	pf_table_close(j->table);
	pf_update_free(&j->update);
	pf_run_out_free(j->flight_out);
	if (j->shape && j->flight_fd >= 0)
		close(j->flight_fd);
	free(j->flight.runs);
	free(j->flight.days);
	free(j->parsed);
	free(j->ends);
	for (size_t i = 0; i < j->nnotes; i++)
		free(j->notes[i]);
	free(j->notes);
}

/* --- the newest row --- */

/* A time column's value as wall clock microseconds. */
static int64_t wall_us(const struct pf_job *j, const struct pf_datum *d)
{
	if (d->type.kind == PF_DATE)
		return d->i * day_us;
	int64_t us = d->i * (second_us / pf_type_units(d->type));
	return d->type.kind == PF_TIMESTAMP ? us : to_wall(j, us);
}

static void take_newest(struct pf_job *j, int64_t us)
{
	if (!j->has_newest || us > j->newest_us)
		j->newest_us = us;
	j->has_newest = true;
}

int pf_job_newest(struct pf_job *j, struct pf_source **sources, size_t n, size_t memory,
		  struct pf_error *err)
{
	char *newest = pf_asprintf("max(`%s`)", j->shape->time);
	struct pf_query_options query = { .where = j->where, .nwhere = j->nwhere,
					  .time = j->shape->time, .limit = -1,
					  .columns = &newest, .ncolumns = 1,
					  .memory = memory };
	struct pf_query *q;
	struct pf_batch batch;
	int code = pf_query_open(sources, n, &query, &q, err);
	free(newest);
	if (code)
		return code;
	for (bool end = false; !end && !code;) {
		code = pf_query_next(q, &batch, &end, err);
		if (code || !batch.rows)
			continue;
		struct pf_datum d = pf_datum_at(batch.schema->fields[0].type,
						&batch.columns[0], 0);
		take_newest(j, d.null ? -1 : wall_us(j, &d));
	}
	pf_query_close(q);
	return code;
}

static void newest_of_cells(struct pf_job *j)
{
	int64_t us;
	if (j->st->ncells) {
		us = pf_shape_cell_us(j->shape, j->st->cells[j->st->ncells - 1].day);
		take_newest(j, us);
	}
	for (size_t i = 0; i < j->flight.n; i++)
		take_newest(j, pf_shape_cell_us(j->shape, j->flight.days[i]));
}

static void default_end(struct pf_job *j)
{
	if (j->nends)
		return;
	newest_of_cells(j);
	j->ends = pf_alloc(1, sizeof *j->ends);
	j->ends[j->nends++] = j->has_newest && j->newest_us != -1 ?
		pf_window_end_after(j->newest_us, j->state ? j->shape->grain_us : day_us) : 0;
}

/* --- reading --- */

static int64_t first_needed(const struct pf_job *j)
{
	int64_t least = INT64_MAX, from, to;
	for (size_t e = 0; e < j->nends; e++)
		for (size_t w = 0; w < j->nwindows; w++)
			if (!pf_window_range(&j->parsed[w], j->ends[e], &from, &to, NULL) &&
			    from < least)
				least = from;
	return least;
}

/* All of one state of the world: a stage begins where its table ends. */
static int start(struct pf_source **sources, size_t n,
		 const struct pf_rows_in *first, const struct pf_rows_in *others,
		 struct pf_error *err)
{
	enum { ATTEMPTS = 5 };
	int code = 0;
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		code = 0;
		for (size_t i = 0; i < n && !code; i++)
			code = sources[i]->ops->start(sources[i],
						      i ? &others->wanted : &first->wanted,
						      err);
		if (code != PF_E_VANISHED && code != PF_E_NO_FILE && code != PF_E_STAGE_GAP)
			break;
	}
	return code;
}

/* All rows of sources as cells, into an open file. */
static int fold_sources(struct pf_job *j, struct pf_source **sources, size_t n,
			int64_t from_us, int64_t to_us, struct pf_run_out *out,
			struct pf_fold_cell **cells, size_t *ncells, struct pf_error *err)
{
	struct pf_rows_in in;
	struct pf_fold *fold = pf_fold_new(j->shape, j->memory);
	int code = pf_rows_in_open(&in, j->shape, from_us, to_us, err);
	if (!code)
		code = start(sources, n, &in, &in, err);
	for (size_t i = 0; i < n && !code; i++)
		code = pf_rows_in_read(&in, sources[i], fold, err);
	if (!code)
		code = pf_fold_write(fold, out, cells, ncells, err);
	j->update.rows += pf_fold_rows(fold);
	pf_rows_in_close(&in);
	pf_fold_free(fold);
	return code;
}

/* Without a state: everything that the windows need. */
static int read_all(struct pf_job *j, struct pf_source **sources, size_t n,
		    struct pf_error *err)
{
	struct pf_fold_cell *cells = NULL;
	struct pf_run_out *out;
	size_t ncells = 0, file;
	int64_t from = INT64_MIN, to = INT64_MAX;
	if (j->nends) {
		from = first_needed(j);
		to = j->ends[j->nends - 1];
	}
	PF_TRY(pf_state_file_new(j->st, "partials", &file, err));
	PF_TRY(pf_run_out_open(j->st->files[file].fd, "temporary state", j->shape->partial,
			       &out, err));
	int code = fold_sources(j, sources, n, from, to, out, &cells, &ncells, err);
	pf_run_out_free(out);
	for (size_t i = 0; i < ncells && !code; i++)
		pf_state_add_cell(j->st, &(struct pf_state_cell){
			.day = cells[i].day, .bucket = cells[i].bucket,
			.id = j->st->next_id++, .file = file, .run = cells[i].run });
	free(cells);
	return code;
}

/* The table is started only for its snapshot: no time is before year 1. */
static int fold_flight(struct pf_job *j, struct pf_source **sources, size_t n,
		       struct pf_fold_cell **cells, size_t *ncells, struct pf_error *err)
{
	struct pf_rows_in in, nothing;
	struct pf_fold *fold = pf_fold_new(j->shape, j->memory);
	int code = pf_rows_in_open(&in, j->shape, INT64_MIN, INT64_MAX, err);
	if (!code)
		code = pf_rows_in_open(&nothing, j->shape, PF_SHAPE_FIRST_US, PF_SHAPE_FIRST_US + 1, err);
	if (!code)
		code = start(sources, n, &nothing, &in, err);
	for (size_t i = 1; i < n && !code; i++)
		code = pf_rows_in_read(&in, sources[i], fold, err);
	if (!code)
		code = pf_fold_write(fold, j->flight_out, cells, ncells, err);
	pf_rows_in_close(&in);
	pf_rows_in_close(&nothing);
	pf_fold_free(fold);
	return code;
}

/* Rows that no snapshot has yet: they stand beside the state. */
static int read_flight(struct pf_job *j, struct pf_source **sources, size_t n,
		       struct pf_error *err)
{
	struct pf_fold_cell *cells = NULL;
	size_t ncells = 0;
	const struct pf_snapshot *snapshot = NULL;
	PF_TRY(pf_run_scratch(&j->flight_fd, err));
	PF_TRY(pf_run_out_open(j->flight_fd, "rows in flight", j->shape->partial,
			       &j->flight_out, err));
	PF_TRY(fold_flight(j, sources, n, &cells, &ncells, err));
	pf_source_table_of(sources[0], &snapshot);
	if (snapshot)
		PF_TRY(pf_snapshot_read(j->table, snapshot->id, &j->snapshot, err));
	j->flight.runs = pf_alloc(ncells + 1, sizeof *j->flight.runs);
	j->flight.days = pf_alloc(ncells + 1, sizeof *j->flight.days);
	for (size_t i = 0; i < ncells; i++) {
		j->flight.runs[i] = (struct pf_combine_input){ .run = cells[i].run,
							     .partial = true };
		j->flight.days[i] = cells[i].day;
	}
	j->flight.n = ncells;
	free(cells);
	return 0;
}

static int check_operands(struct pf_source **sources, size_t n, struct pf_error *err)
{
	for (size_t i = 0; i < n; i++) {
		bool right = !strcmp(sources[i]->kind, i ? "stage" : "table");
		if (right)
			continue;
		pf_fail(err, PF_E_USAGE, "--state goes with one table, and stages: '%s' is a %s",
			sources[i]->name, sources[i]->kind);
		return pf_hint(err, "without --state any mix of operands will do");
	}
	return 0;
}

/* The first run of all begins where its windows do. */
static int first_run(struct pf_job *j, const char *table, int64_t *from,
		     struct pf_error *err)
{
	struct pf_source *source;
	const struct pf_table_source_options at = {
		.snapshot = j->snapshot ? j->snapshot->id : 0 };
	PF_TRY(pf_source_table(table, &at, &source, err));
	PF_TRY(pf_job_newest(j, &source, 1, j->memory, err));
	const int64_t end = pf_window_end_after(j->newest_us, j->shape->grain_us);
	j->has_newest = false; /* the cells will say it */
	*from = end;
	for (size_t w = 0; w < j->nwindows; w++) {
		int64_t begin, to;
		if (!pf_window_range(&j->parsed[w], end, &begin, &to, NULL) && begin < *from)
			*from = begin;
	}
	return 0;
}

static int update(struct pf_job *j, int64_t from_us, struct pf_error *err)
{
	struct pf_update *u = &j->update;
	u->shape = j->shape;
	u->table = j->table;
	u->snapshot = j->snapshot;
	u->from_us = from_us;
	u->memory = j->memory;
	return pf_state_update(j->st, u, err);
}

/* Bring the state to the table's newest snapshot, and find what is in flight
 * behind exactly that. */
static int read_state(struct pf_job *j, struct pf_source **sources, size_t n,
		      struct pf_error *err)
{
	int64_t from = j->nends ? first_needed(j) : INT64_MAX;
	PF_TRY(check_operands(sources, n, err));
	PF_TRY(pf_table_open(sources[0]->name, &j->table, err));
	if (n > 1)
		PF_TRY(read_flight(j, sources, n, err));
	else
		PF_TRY(pf_snapshot_latest(j->table, &j->snapshot, err));
	if (!j->nends && j->st->from_us == INT64_MAX)
		PF_TRY(first_run(j, sources[0]->name, &from, err));
	PF_TRY(update(j, from, err));
	default_end(j);
	from = first_needed(j);
	return from < j->st->from_us ? update(j, from, err) : 0;
}

static int read_plain(struct pf_job *j, struct pf_source **sources, size_t n,
		      struct pf_error *err)
{
	if (j->has_newest) {
		default_end(j);
		PF_TRY(make_shape(j, sources[0]->schema, err));
	}
	if (j->uneven)
		return pf_fail(err, PF_E_USAGE, "%s begin and end with whole seconds",
			       j->nends ? "several windows" : "without --end, windows");
	PF_TRY(read_all(j, sources, n, err));
	default_end(j);
	return 0;
}

/* --- answering --- */

/* Days are named, also where a bound is none. */
static struct pf_type bound_type(const struct pf_job *j)
{
	int64_t *times = pf_alloc(2 * j->nwindows + j->nends + 1, sizeof *times);
	size_t n = all_times(j, j->ends, j->nends, times);
	int64_t grain = grain_of(times, n);
	free(times);
	if (grain == day_us)
		return (struct pf_type){ .kind = PF_DATE };
	return (struct pf_type){ PF_TIMESTAMP, grain ? 0 : 6, 0 };
}

static bool has_rows(const struct pf_job *j, int64_t from_us, int64_t to_us)
{
	int64_t from = pf_shape_cell(j->shape, from_us), to = pf_shape_cell(j->shape, to_us);
	for (size_t i = 0; i < j->flight.n; i++)
		if (j->flight.days[i] >= from && j->flight.days[i] < to)
			return true;
	return pf_plan_any(j->st, from, to);
}

/* Days within the window that nothing is known of. Before the first day that
 * ever was there is nothing to miss. */
static int check_missing(struct pf_job *j, int64_t from_us, int64_t to_us,
			 struct pf_error *err)
{
	int64_t first = j->st->first_us, missing = 0, example = 0;
	char day[48], a[48], b[48];
	if (first != INT64_MAX)
		first = pf_floor_div(first, day_us) * day_us;
	for (int64_t at = from_us > first ? from_us : first; at < to_us; at += day_us)
		if (!has_rows(j, at, at + day_us < to_us ? at + day_us : to_us)) {
			example = missing++ ? example : at;
		}
	if (!missing)
		return 0;
	char *text = pf_asprintf("%lld of the days from %s to %s %s no row, the first is %s",
				 (long long)missing, pf_window_format(from_us, a),
				 pf_window_format(to_us, b), missing == 1 ? "has" : "have",
				 pf_window_format(example, day));
	if (j->allow_missing) {
		note(j, text);
		return 0;
	}
	pf_fail(err, PF_E_MISSING_DAY, "%s", text);
	free(text);
	return pf_hint(err, "--allow-missing takes such days for empty");
}

static int answer_all(struct pf_job *j, struct pf_error *err)
{
	struct pf_answer *a = &j->answer;
	*a = (struct pf_answer){ .state = j->st, .shape = j->shape, .flight = &j->flight,
				 .result = j->result, .memory = j->memory,
				 .named = j->nwindows > 1,
				 .put_aside = j->state || j->nends > 1, .put = j->put,
				 .ctx = j->ctx };
	for (size_t w = 0; w < j->nwindows; w++) {
		int64_t last = INT64_MIN;
		for (size_t e = 0; e < j->nends; e++) {
			int64_t from, to;
			PF_TRY(pf_window_range(&j->parsed[w], j->ends[e], &from, &to, err));
			if (to == last)
				continue; /* the same tumbling window again */
			last = to;
			if (j->state)
				PF_TRY(check_missing(j, from, to, err));
			PF_TRY(pf_answer_window(a, &j->parsed[w], from, to, err));
		}
	}
	return 0;
}

int pf_job_answer(struct pf_job *j, struct pf_source **sources, size_t n,
		  struct pf_error *err)
{
	PF_TRY(j->state ? read_state(j, sources, n, err) : read_plain(j, sources, n, err));
	PF_TRY(pf_shape_result(j->shape, j->nwindows > 1, bound_type(j), &j->result, err));
	PF_TRY(j->begin(j->ctx, j->result, err));
	return answer_all(j, err);
}

int pf_job_commit(struct pf_job *j, struct pf_error *err)
{
	return j->state ? pf_state_commit(j->st, err) : 0;
}
