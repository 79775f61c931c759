/* SPDX-License-Identifier: Apache-2.0
 *
 * Days of a window without rows: missing, unless the table has rows that the
 * conditions leave out.
 */
#include "window/job_internal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "window/plan.h"
#include "window/table_rows.h"

static const int64_t day_us = 86400000000;

bool pf_job_has_rows(const struct pf_job *j, int64_t from_us, int64_t to_us)
{
	int64_t from = pf_shape_cell(j->shape, from_us), to = pf_shape_cell(j->shape, to_us);
	for (size_t i = 0; i < j->flight.n; i++)
		if (j->flight.days[i] >= from && j->flight.days[i] < to)
			return true;
	return pf_plan_any(j->st, from, to);
}

/* --- days whose rows do not count --- */

/* Days of the window from `first` on: which of them are empty. */
struct days {
	int64_t first_us;
	bool *empty;
	size_t n;
	size_t nempty;
};

/* Told of rows' times; true: it knows enough. */
typedef bool (*take_fn)(void *ctx, const int64_t *times, int64_t n);

static bool take_days(void *ctx, const int64_t *times, int64_t n)
{
	struct days *d = ctx;
	for (int64_t i = 0; i < n; i++) {
		if (times[i] < d->first_us)
			continue;
		size_t day = (size_t)((times[i] - d->first_us) / day_us);
		if (day < d->n && d->empty[day]) {
			d->empty[day] = false;
			d->nempty--;
		}
	}
	return !d->nempty;
}

struct before {
	int64_t us;
	bool any;
};

static bool take_before(void *ctx, const int64_t *times, int64_t n)
{
	struct before *b = ctx;
	for (int64_t i = 0; i < n && !b->any; i++)
		b->any = times[i] != INT64_MIN && times[i] < b->us;
	return b->any;
}

static int look_into(const struct pf_shape *shape, struct pf_table_rows *rows,
		     const struct pf_data_file *file, take_fn take, void *ctx, bool *enough,
		     struct pf_error *err)
{
	int64_t *times = NULL;
	struct pf_batch batch = { .rows = 1 };
	int code = pf_table_rows_file(rows, file, false, err);
	while (!code && batch.rows && !*enough) {
		code = pf_table_rows_next(rows, &batch, err);
		if (code || !batch.rows)
			continue;
		times = pf_realloc(times, (size_t)batch.rows, sizeof *times);
		pf_shape_times(shape, &batch, times);
		*enough = take(ctx, times, batch.rows);
	}
	free(times);
	return code;
}

/* The times of a table's rows of a stretch, and perhaps some others, of those
 * that --where leaves out, too. */
static int look(const struct pf_job *j, const struct pf_update_table *t, int64_t from_us,
		int64_t to_us, take_fn take, void *ctx, struct pf_error *err)
{
	const struct pf_shape_options all = { .time = j->shape->time, .grain_us = day_us };
	const struct pf_scan_filter read = { .use = PF_SCAN_READ };
	struct pf_file_list files;
	struct pf_table_rows *rows = NULL;
	struct pf_shape *shape;
	bool enough = false;
	PF_TRY(pf_shape_new(pf_table_schema(t->table)->columns, &all, &shape, err));
	int code = pf_scan_files(t->table, t->snapshot, &read, &files, err);
	if (code) {
		pf_shape_free(shape);
		return code;
	}
	code = pf_table_rows_open(shape, t->table, NULL, from_us, to_us, &rows, err);
	for (size_t i = 0; i < files.n && !enough && !code; i++)
		if (pf_table_rows_may(rows, &files.files[i]))
			code = look_into(shape, rows, &files.files[i], take, ctx, &enough, err);
	pf_table_rows_close(rows);
	pf_file_list_free(&files);
	pf_shape_free(shape);
	return code;
}

/* --- what is said of them --- */

static char *say(size_t n, const char *what, int64_t from_us, int64_t to_us, int64_t first_us)
{
	char a[48], b[48], day[48];
	return pf_asprintf("%zu of the days from %s to %s %s %s, the first is %s", n,
			   pf_window_format(from_us, a), pf_window_format(to_us, b),
			   n == 1 ? "has" : "have", what, pf_window_format(first_us, day));
}

static int64_t first_of(const struct days *d, const bool *was)
{
	for (size_t i = 0; i < d->n; i++)
		if (was ? was[i] && !d->empty[i] : d->empty[i])
			return d->first_us + (int64_t)i * day_us;
	return d->first_us;
}

/* Take out of the empty days those of which the tables have rows. */
static int tell_apart(struct pf_job *j, struct days *d, int64_t from_us, int64_t to_us,
		      struct pf_error *err)
{
	size_t before = d->nempty;
	bool *was = pf_alloc(d->n, sizeof *was);
	int code = 0;
	memcpy(was, d->empty, d->n * sizeof *was);
	for (size_t i = 0; i < j->ntables && d->nempty && !code; i++)
		code = look(j, &j->tables[i], d->first_us, d->first_us + (int64_t)d->n * day_us,
			    take_days, d, err);
	if (!code && d->nempty < before)
		pf_job_note(j, say(before - d->nempty, "rows, but none that --where lets pass",
				   from_us, to_us, first_of(d, was)));
	free(was);
	return code;
}

/* The day of the first row that ever was, as far as it matters for a window from
 * there on: a state does not know what lies before its own days. (Old versions
 * of rows of a table with a primary key say nothing.) */
static int first_day(const struct pf_job *j, int64_t from_us, int64_t to_us, int64_t *first,
		     struct pf_error *err)
{
	struct before b = { .us = from_us };
	*first = j->st->first_us == INT64_MAX ? to_us :
		 pf_floor_div(j->st->first_us, day_us) * day_us;
	for (size_t i = 0; i < j->ntables && *first > from_us && !b.any; i++)
		if (!j->tables[i].rules)
			PF_TRY(look(j, &j->tables[i], INT64_MIN, from_us, take_before, &b,
				    err));
	if (b.any)
		*first = from_us;
	return 0;
}

int pf_job_check_missing(struct pf_job *j, int64_t from_us, int64_t to_us,
			 struct pf_error *err)
{
	int64_t first;
	char day[48], a[48], b[48];
	if (j->no_rows)
		return 0;
	PF_TRY(first_day(j, from_us, to_us, &first, err));
	if (first > from_us && first < to_us)
		pf_job_note(j, pf_asprintf("the window from %s to %s has rows from %s on only",
					   pf_window_format(from_us, a),
					   pf_window_format(to_us, b),
					   pf_window_format(first, day)));
	if (first >= to_us && !pf_job_has_rows(j, from_us, to_us))
		pf_job_note(j, pf_asprintf("no row is of the window from %s to %s, or of a time before it",
					   pf_window_format(from_us, a),
					   pf_window_format(to_us, b)));
	struct days d = { .first_us = from_us > first ? from_us : first };
	if (d.first_us >= to_us)
		return 0;
	d.empty = pf_zalloc((size_t)((to_us - d.first_us) / day_us) + 1, sizeof *d.empty);
	for (int64_t at = d.first_us; at < to_us; at += day_us, d.n++) {
		int64_t end = at + day_us < to_us ? at + day_us : to_us;
		d.empty[d.n] = !pf_job_has_rows(j, at, end);
		d.nempty += d.empty[d.n];
	}
	int code = 0;
	if (d.nempty && j->nwhere && !j->allow_missing)
		code = tell_apart(j, &d, from_us, to_us, err);
	if (!code && d.nempty) {
		char *text = say(d.nempty, j->nwhere && j->allow_missing ?
				 "no row that --where lets pass" : "no row", from_us, to_us,
				 first_of(&d, NULL));
		if (j->allow_missing) {
			pf_job_note(j, text);
		} else {
			code = pf_fail(err, PF_E_MISSING_DAY, "%s", text);
			pf_hint(err, "--allow-missing takes such days for empty");
			free(text);
		}
	}
	free(d.empty);
	return code;
}
