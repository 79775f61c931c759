/* SPDX-License-Identifier: Apache-2.0 */
#include "window/job_internal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/query.h"

static const int64_t day_us = 86400000000, second_us = 1000000;

static int64_t to_wall(const struct pf_job *j, int64_t us)
{
	int64_t sec = pf_floor_div(us, second_us);
	return pf_zone_to_wall(j->shape->zone, sec) * second_us + (us - sec * second_us);
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

/* Of nothing no window has rows: one that begins at a moment must not end before
 * it, though. */
static int64_t end_of_nothing(const struct pf_job *j)
{
	int64_t start = -1;
	for (size_t w = 0; w < j->nwindows; w++)
		start = j->parsed[w].start_us > start ? j->parsed[w].start_us : start;
	return pf_job_end_after(j, start);
}

void pf_job_default_end(struct pf_job *j)
{
	if (j->nends)
		return;
	newest_of_cells(j);
	j->no_rows = !j->has_newest || j->newest_us == -1;
	j->ends = pf_alloc(1, sizeof *j->ends);
	j->ends[j->nends++] = j->no_rows ? end_of_nothing(j) :
					   pf_job_end_after(j, j->newest_us);
	if (j->no_rows && j->state)
		pf_job_note(j, pf_asprintf("there is no row%s", j->nwhere ?
						   " that --where lets pass" : ""));
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

/* All rows of sources as cells, into a new file. */
static int fold_sources(struct pf_job *j, struct pf_source **sources, size_t n,
			int64_t from_us, int64_t to_us, size_t *file,
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
		code = pf_update_write(j->st, fold, j->shape->partial, file, cells, ncells,
				       err);
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
	size_t ncells = 0, file;
	int64_t from = INT64_MIN, to = INT64_MAX;
	if (j->nends) {
		from = first_needed(j);
		to = j->shape->ncuts ? j->cuts[j->shape->ncuts - 1] : j->ends[j->nends - 1];
	}
	int code = fold_sources(j, sources, n, from, to, &file, &cells, &ncells, err);
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
		PF_TRY(pf_snapshot_read(j->tables[0].table, snapshot->id, &j->snapshots[0],
					err));
	j->tables[0].snapshot = j->snapshots[0];
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

/* How many of the operands are tables: they come first. */
static int count_tables(struct pf_source **sources, size_t n, size_t *ntables,
			struct pf_error *err)
{
	*ntables = 0;
	for (size_t i = 0; i < n; i++) {
		bool table = !strcmp(sources[i]->kind, "table");
		*ntables += table;
		if (table || (!strcmp(sources[i]->kind, "stage") && *ntables))
			continue;
		pf_fail(err, PF_E_USAGE, "--state goes with tables, and stages behind one: '%s' is a %s",
			sources[i]->name, sources[i]->kind);
		return pf_hint(err, "--input NAME takes rows of files and pipes into a state");
	}
	return 0;
}

static int find_snapshots(struct pf_job *j, struct pf_error *err)
{
	for (size_t i = 0; i < j->ntables; i++) {
		PF_TRY(pf_snapshot_latest(j->tables[i].table, &j->snapshots[i], err));
		j->tables[i].snapshot = j->snapshots[i];
	}
	return 0;
}

/* The first run of all begins where its windows do. */
static int first_run(struct pf_job *j, struct pf_source **sources, int64_t *from,
		     struct pf_error *err)
{
	struct pf_source **again = pf_alloc(j->ntables, sizeof *again);
	size_t n = 0;
	int code = 0;
	for (; n < j->ntables && !code; n += !code) {
		int at = j->ntables == 1 ? 0 : pf_job_table(j->st, sources[n]->name);
		const struct pf_table_source_options of = {
			.snapshot = j->snapshots[at] ? j->snapshots[at]->id : 0 };
		code = pf_source_table(sources[n]->name, &of, &again[n], err);
	}
	const char *tag = pf_meta_get(&sources[0]->schema->meta, "pf:tag");
	if (!code && tag)
		code = pf_sources_tag(again, n, tag, err);
	j->has_newest = false;
	if (!code)
		code = pf_job_newest(j, again, n, j->memory, err);
	else
		while (n)
			pf_source_close(again[--n]);
	free(again);
	PF_TRY(code);
	const int64_t end = pf_job_end_after(j, j->newest_us);
	j->has_newest = j->has_newest && j->newest_us != -1;
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
	u->tables = j->tables;
	u->from_us = from_us;
	u->memory = j->memory;
	u->keep_dropped = j->keep_dropped;
	u->all_late = j->late != PF_LATE_APPLY;
	return pf_state_update(j->st, u, err);
}

/* Bring the state to the newest snapshots of its tables, and find what is in
 * flight behind exactly that of the only one. */
int pf_job_read_state(struct pf_job *j, struct pf_source **sources, size_t n,
		      struct pf_error *err)
{
	int64_t from = j->nends ? first_needed(j) : INT64_MAX;
	size_t ntables;
	PF_TRY(count_tables(sources, n, &ntables, err));
	if (j->st->ninputs && !*j->st->inputs[0].dir)
		return pf_fail(err, PF_E_USAGE, "state '%s' is of rows that came with --input",
			       j->state);
	if (n > ntables && j->shape->tag_column >= 0)
		return pf_fail(err, PF_E_USAGE,
			       "--tag with --state: rows of stage '%s' would be the table's later",
			       sources[ntables]->name);
	if (!j->st->ntables)
		j->update.moved = true;
	PF_TRY(pf_job_open_tables(j, sources, ntables, err));
	if (n > ntables)
		PF_TRY(read_flight(j, sources, n, err));
	else
		PF_TRY(find_snapshots(j, err));
	if (!j->nends && j->st->from_us == INT64_MAX)
		PF_TRY(first_run(j, sources, &from, err));
	PF_TRY(update(j, from, err));
	/* All that the state had has left the table: what is newest now lies
	 * before the days that it keeps. */
	if (!j->nends && !j->st->ncells) {
		PF_TRY(first_run(j, sources, &from, err));
		if (from < j->st->from_us)
			PF_TRY(update(j, from, err));
	}
	pf_job_default_end(j);
	from = first_needed(j);
	return from < j->st->from_us ? update(j, from, err) : 0;
}

static size_t named_input(struct pf_state *s, const char *name)
{
	for (size_t i = 0; i < s->ninputs; i++)
		if (!strcmp(s->inputs[i].name, name))
			return i;
	return pf_state_add_input(s, &(struct pf_state_input){
		.dir = (char *)(uintptr_t)"", .name = (char *)(uintptr_t)name,
		.live = true });
}

static bool is_of_input(void *ctx, const struct pf_state_cell *cell)
{
	return pf_ids_has(&cell->inputs, *(const int64_t *)ctx);
}

static int check_named(const struct pf_job *j, struct pf_source **sources, size_t n,
		       struct pf_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(sources[i]->kind, "table") || !strcmp(sources[i]->kind, "stage"))
			return pf_fail(err, PF_E_USAGE, "--input names rows of files and pipes, '%s' is a %s",
				       sources[i]->name, sources[i]->kind);
	if (j->st->ntables)
		return pf_fail(err, PF_E_USAGE, "state '%s' is a table's, it takes no other rows",
			       j->state);
	if (j->verify > 0 || j->late != PF_LATE_APPLY)
		return pf_fail(err, PF_E_USAGE, "--verify and --late need a table");
	return 0;
}

int pf_job_read_named(struct pf_job *j, struct pf_source **sources, size_t n,
		      struct pf_error *err)
{
	struct pf_state *s = j->st;
	struct pf_fold_cell *cells = NULL;
	size_t ncells = 0, file;
	PF_TRY(check_named(j, sources, n, err));
	int64_t input = (int64_t)named_input(s, j->input);
	int code = fold_sources(j, sources, n, INT64_MIN, INT64_MAX, &file, &cells, &ncells,
				err);
	if (!code)
		pf_state_drop_cells(s, is_of_input, &input);
	for (size_t i = 0; i < ncells && !code; i++) {
		struct pf_state_cell c = { .day = cells[i].day, .bucket = cells[i].bucket,
					   .id = s->next_id++, .file = file,
					   .run = cells[i].run };
		pf_ids_add(&c.inputs, input);
		pf_state_add_cell(s, &c);
	}
	pf_state_sort_cells(s);
	free(cells);
	s->inputs[input].rows = j->update.rows;
	s->from_us = PF_SHAPE_FIRST_US;
	j->update.moved = true;
	pf_job_default_end(j);
	return code;
}

int pf_job_read_plain(struct pf_job *j, struct pf_source **sources, size_t n,
		      struct pf_error *err)
{
	if (j->has_newest) {
		pf_job_default_end(j);
		PF_TRY(pf_job_shape(j, sources[0]->schema, err));
	}
	if (j->uneven)
		return pf_fail(err, PF_E_USAGE,
			       "without --end, windows begin and end with whole seconds");
	PF_TRY(read_all(j, sources, n, err));
	pf_job_default_end(j);
	return 0;
}
