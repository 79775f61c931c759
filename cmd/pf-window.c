/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-window: aggregates per key over a window of the time column.
 */
#include "app/program.h"

#include <stdlib.h>
#include <string.h>

#include "app/rows.h"
#include "app/sources.h"
#include "base/alloc.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/query.h"
#include "window/window.h"

struct options {
	const char *kafka_config;
	const char *window, *end, *state, *definition, *time;
	struct pf_strings group_by, where;
	int64_t memory;
};

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 'W', "window", PF_OPT_STRING, OPT(window), "WINDOW",
	  .help = "30d: that long; since=DATE: from then on" },
	{ 'g', "group-by", PF_OPT_COLUMNS, OPT(group_by), "LIST",
	  .help = "one row for each value of these" },
	{ 0, "end", PF_OPT_STRING, OPT(end), "TIME",
	  .help = "end of the window, exclusive; else the midnight after the newest row" },
	{ 'w', "where", PF_OPT_LIST, OPT(where), "EXPR",
	  .help = "only rows for which it is true" },
	{ 's', "state", PF_OPT_STRING, OPT(state), "DIR",
	  .help = "partial aggregates to go on from (not yet: refused)", .minor = true },
	{ 't', "time-column", PF_OPT_STRING, OPT(time), "NAME",
	  .help = "event time, where the schema does not say it" },
	{ 'S', "definition", PF_OPT_STRING, OPT(definition), "FILE",
	  .help = "table definition, to read text" },
	{ 0, "kafka-config", PF_OPT_STRING, OPT(kafka_config), "FILE",
	  .help = "librdkafka properties for kafka:// operands", .config = true },
	{ 0, "memory", PF_OPT_SIZE, OPT(memory), "SIZE", .help = "memory for groups",
	  .def = "256Mi", .min = 1 << 20, .max = (int64_t)1 << 40 },
	{ 0 }
};

static bool is_aggregate(const char *operand)
{
	static const char *const names[] = { "count", "sum", "min", "max", "avg",
					     "distinct", "first", "last" };
	size_t n = strcspn(operand, ":(");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && !strncmp(names[i], operand, n))
			return true;
	return false;
}

/* What the first source's schema says about the layout. */
static char *layout_word(const struct pf_operand_sources *s, const char *key)
{
	const char *v = pf_meta_get(&s->items[0]->schema->meta, key);
	return v && *v ? pf_strdup(v) : NULL;
}

struct asked {
	struct pf_operand_sources sources;
	struct pf_zone *zone;
	char *time;
	struct pf_window window;
	int64_t from_us, to_us; /* wall clock */
};

static struct pf_query_options question(const struct options *o, const struct asked *a)
{
	return (struct pf_query_options){ .where = o->where.items, .nwhere = o->where.n,
					  .time = a->time, .limit = -1,
					  .memory = (size_t)o->memory };
}

static int open_query(struct asked *a, const struct pf_query_options *query,
		      struct pf_query **q, struct pf_error *err)
{
	size_t n = a->sources.n;
	a->sources.n = 0; /* the query's from here on */
	return pf_query_open(a->sources.items, n, query, q, err);
}

static int64_t to_wall(const struct asked *a, int64_t us)
{
	int64_t sec = pf_floor_div(us, 1000000);
	return pf_zone_to_wall(a->zone, sec) * 1000000 + (us - sec * 1000000);
}

/* A time column's value as wall clock microseconds. */
static int64_t wall_us(const struct asked *a, const struct pf_datum *d)
{
	if (d->type.kind == PF_DATE)
		return d->i * 86400000000;
	int64_t us = d->i * (1000000 / pf_type_units(d->type));
	return d->type.kind == PF_TIMESTAMP ? us : to_wall(a, us);
}

static int open_sources(struct pf_run *run, struct asked *a, struct pf_error *err)
{
	const struct options *o = run->options;
	const struct pf_table_source_options newest = { 0 };
	PF_TRY(pf_sources_open(run, o->definition, o->kafka_config, &newest, &a->sources, err));
	free(a->time);
	a->time = o->time ? pf_strdup(o->time) : layout_word(&a->sources, "pf:time");
	if (a->time)
		return 0;
	pf_fail(err, PF_E_USAGE, "the time column is not known");
	return pf_hint(err, "--time-column names it");
}

/* The midnight after the newest row; none: 1970. Reads the sources up. */
static int find_end(struct pf_run *run, struct asked *a, int64_t *end_us,
		    struct pf_error *err)
{
	struct pf_query_options query = question(run->options, a);
	struct pf_query *q;
	struct pf_batch batch;
	char *newest = pf_asprintf("max(`%s`)", a->time);
	query.columns = &newest;
	query.ncolumns = 1;
	int code = open_query(a, &query, &q, err);
	free(newest);
	if (code)
		return code;
	*end_us = 0;
	for (bool end = false; !end && !code;) {
		code = pf_query_next(q, &batch, &end, err);
		if (code || !batch.rows)
			continue;
		struct pf_type type = batch.schema->fields[0].type;
		struct pf_datum d = pf_datum_at(type, &batch.columns[0], 0);
		if (type.kind != PF_DATE && !pf_kind_is_timestamp(type.kind))
			code = pf_fail(err, PF_E_EXPR_TYPE, "column '%s' is not a time",
				       a->time);
		else if (!d.null)
			*end_us = pf_window_end_after(wall_us(a, &d));
	}
	pf_query_close(q);
	return code;
}

static bool reads_pipe(const struct pf_run *run)
{
	bool pipe = !run->noperands;
	for (size_t i = 0; i < run->noperands; i++)
		pipe = pipe || !strcmp(run->operands[i], "-");
	return pipe;
}

static int find_range(struct pf_run *run, struct asked *a, struct pf_error *err)
{
	const struct options *o = run->options;
	int64_t end_us;
	char *zone = layout_word(&a->sources, "pf:zone");
	int code = pf_zone_open(zone, &a->zone, err);
	free(zone);
	PF_TRY(code);
	if (o->end) {
		PF_TRY(pf_time_argument(o->end, "--end", a->zone, &end_us, err));
		end_us = to_wall(a, end_us);
	} else if (reads_pipe(run)) {
		pf_fail(err, PF_E_USAGE, "--end is needed when rows come from a pipe");
		return pf_hint(err, "else the newest row decides, and that is found first");
	} else {
		PF_TRY(find_end(run, a, &end_us, err));
		pf_sources_close(&a->sources);
		PF_TRY(open_sources(run, a, err));
	}
	return pf_window_range(&a->window, end_us, &a->from_us, &a->to_us, err);
}

static int print(struct pf_run *run, struct pf_query *q, struct pf_error *err)
{
	struct pf_rows_out *out;
	struct pf_batch batch;
	PF_TRY(pf_rows_open(run, pf_query_schema(q), pf_query_zone(q), &out, err));
	int code = 0;
	for (bool end = false; !end && !code;) {
		code = pf_query_next(q, &batch, &end, err);
		if (!code && batch.rows)
			code = pf_rows_batch(out, &batch, err);
	}
	if (!code)
		code = pf_rows_finish(out, err);
	pf_rows_free(out);
	return code;
}

/* A bound as a column of its own, a date where it is a midnight. */
static char *bound_column(const char *name, int64_t wall)
{
	char text[48];
	pf_window_format(wall, text);
	return pf_asprintf("%s=%s('%s')", name, strlen(text) > 10 ? "timestamp" : "date",
			   text);
}

static int ask(struct pf_run *run, struct asked *a, char **aggregates, size_t n,
	       struct pf_error *err)
{
	const struct options *o = run->options;
	struct pf_query_options query = question(o, a);
	struct pf_query *q;
	char since[48], until[48], *count[] = { "count()" };
	char **keys = pf_alloc(o->group_by.n + 2, sizeof *keys);
	for (size_t i = 0; i < o->group_by.n; i++)
		keys[i] = o->group_by.items[i];
	keys[o->group_by.n] = bound_column("window_start", a->from_us);
	keys[o->group_by.n + 1] = bound_column("window_end", a->to_us);
	query.since = pf_window_format(a->from_us, since);
	query.until = pf_window_format(a->to_us, until);
	query.group_by = keys;
	query.ngroup_by = o->group_by.n + 2;
	query.columns = n ? aggregates : count;
	query.ncolumns = n ? n : 1;
	query.order_by = o->group_by.items;
	query.norder_by = o->group_by.n;
	int code = open_query(a, &query, &q, err);
	free(keys[o->group_by.n]);
	free(keys[o->group_by.n + 1]);
	free(keys);
	if (code)
		return code;
	code = print(run, q, err);
	pf_query_close(q);
	return code;
}

static int run_window(struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	struct asked a = { 0 };
	char **aggregates = run->operands;
	size_t n = 0;
	if (o->state) {
		pf_fail(err, PF_E_UNSUPPORTED, "--state comes with incremental windows, which are not there yet");
		return pf_hint(err, "without it every run reads the whole window: the answer is the same");
	}
	if (!o->window)
		return pf_fail(err, PF_E_USAGE, "--window is needed");
	PF_TRY(pf_window_parse(o->window, &a.window, err));
	while (n < run->noperands && is_aggregate(run->operands[n]))
		n++;
	run->operands += n;
	run->noperands -= n;
	int code = open_sources(run, &a, err);
	if (!code)
		code = find_range(run, &a, err);
	if (!code)
		code = ask(run, &a, aggregates, n, err);
	pf_sources_close(&a.sources);
	pf_zone_close(a.zone);
	free(a.time);
	run->operands -= n;
	run->noperands += n;
	return code;
}

static const struct pf_example examples[] = {
	{ "pf-window -W 30d -g user_id count sum:price wh/events",
	  "thirty days up to the newest row" },
	{ "pf-window -W since=2024-01-01 --end 2024-07-01 -g country max:price wh/events",
	  NULL },
	{ 0 }
};

static const struct pf_program program = {
	.name = "pf-window",
	.summary = "aggregates per key over a window of time",
	.synopsis = (const char *const[]){
		"-W WINDOW [-g LIST] [AGGREGATE...] [TABLE|STAGE|FILE...]", NULL },
	.options = options,
	.options_bytes = sizeof(struct options),
	.common = PF_COMMON_OUTPUT | PF_COMMON_FORMAT | PF_COMMON_INPUT,
	.examples = examples,
	.max_operands = PF_ANY,
	.reads_stdin = true,
	.run = run_window,
};
PF_MAIN(program)
