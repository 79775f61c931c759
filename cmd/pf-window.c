/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-window: aggregates per key over a window of the time column.
 */
#include "app/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/progress.h"
#include "app/rows.h"
#include "app/sources.h"
#include "arrow/layout.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/time.h"
#include "window/job.h"

/* Freed memory that is kept for the next window's buffers. */
enum { KEEP_BYTES = 8 << 20 };

struct options {
	struct pf_strings windows, group_by, where, as;
	const char *reduce, *merge, *input;
	const char *kafka_config;
	int64_t timeout_ms;
	const char *end, *from, *every, *state, *wait, *tag, *definition, *time;
	int64_t memory;
	bool fresh, allow_missing, changes, revise, wide, per_day, state_out, keep_dropped, explain;
	int late;
	const char *verify, *stats;
};

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 'W', "window", PF_OPT_LIST, OPT(windows), "WINDOW",
	  .help = "30d, since=DATE, week, month, tumble=7d; may be repeated" },
	{ 'g', "group-by", PF_OPT_COLUMNS, OPT(group_by), "LIST", .columns = true,
	  .help = "one row for each value of these" },
	{ 0, "end", PF_OPT_STRING, OPT(end), "TIME",
	  .help = "end of the window, exclusive; else behind the newest row, at midnight" },
	{ 0, "from", PF_OPT_STRING, OPT(from), "TIME",
	  .help = "windows for a range of ends: this is the first, --end the last" },
	{ 0, "every", PF_OPT_STRING, OPT(every), "DURATION", .def = "1d",
	  .help = "the step from one end to the next, with --from" },
	{ 'w', "where", PF_OPT_LIST, OPT(where), "EXPR",
	  .help = "only rows for which it is true" },
	{ 's', "state", PF_OPT_STRING, OPT(state), "DIR",
	  .help = "partial aggregates to go on from: only what changed is read" },
	{ 0, "input", PF_OPT_STRING, OPT(input), "NAME", .minor = true,
	  .with = "state", .help = "with --state: the rows are no table's, and are known by that name" },
	{ 0, "fresh", PF_OPT_FLAG, OPT(fresh), .minor = true,
	  .with = "state", .help = "build the state anew" },
	{ 0, "allow-missing", PF_OPT_FLAG, OPT(allow_missing),
	  .help = "with --state: days without rows are no error" },
	{ 0, "reduce", PF_OPT_STRING, OPT(reduce), "COMMAND", .minor = true,
	  .help = "makes a partial of the rows of a key, for reduce:X:Y" },
	{ 0, "merge", PF_OPT_STRING, OPT(merge), "COMMAND", .minor = true,
	  .help = "makes one partial of several of a key" },
	{ 0, "as", PF_OPT_COLUMNS, OPT(as), "LIST", .minor = true,
	  .help = "names of the columns that they print behind the keys" },
	{ 0, "late", PF_OPT_ENUM, OPT(late), "apply|report|fail",
	  .with = "state", .help = "with --state: rows for days that had been given out" },
	{ 0, "revise", PF_OPT_FLAG, OPT(revise),
	  .with = "state", .help = "with --state: windows given out before that late rows changed, too" },
	{ 0, "changes", PF_OPT_FLAG, OPT(changes),
	  .with = "state", .help = "with --state: only keys whose values changed, as they were (-) and are (+)" },
	{ 0, "keep-dropped", PF_OPT_FLAG, OPT(keep_dropped), .minor = true,
	  .with = "state", .help = "with --state: what a partition had that was dropped whole still counts" },
	{ 0, "verify", PF_OPT_STRING, OPT(verify), "SHARE", .minor = true,
	  .with = "state", .help = "with --state: compute that share of its days again and compare" },
	{ 0, "wide", PF_OPT_FLAG, OPT(wide),
	  .help = "windows side by side: count_7d, count_30d" },
	{ 0, "per-day", PF_OPT_FLAG, OPT(per_day),
	  .help = "one row for each day and key of the window" },
	{ 0, "state-out", PF_OPT_FLAG, OPT(state_out),
	  .help = "states instead of values, for merge: in another pf-window; with -O arrow" },
	{ 0, "explain", PF_OPT_FLAG, OPT(explain),
	  .help = "say how the answer would be put together" },
	{ 0, "stats", PF_OPT_STRING, OPT(stats), "FILE", .minor = true,
	  .help = "what it took, as JSON" },
	{ 0, "wait", PF_OPT_STRING, OPT(wait), "DURATION", .minor = true,
	  .with = "state", .help = "wait so long for a state that is in use" },
	{ 0, "tag", PF_OPT_STRING, OPT(tag), "NAME",
	  .help = "a column of that name says which operand a row is from" },
	{ 't', "time-column", PF_OPT_STRING, OPT(time), "NAME", .columns = true,
	  .help = "event time, where the schema does not say it" },
	{ 'S', "definition", PF_OPT_STRING, OPT(definition), "FILE",
	  .help = "table definition, to read text" },
	{ 0, "kafka-config", PF_OPT_STRING, OPT(kafka_config), "FILE",
	  .help = "librdkafka properties for kafka:// operands", .config = true },
	{ 0, "connect-timeout", PF_OPT_DURATION, OPT(timeout_ms), "TIME",
	  .help = "give up when no broker of a topic answers for so long",
	  .def = "30s", .minor = true, .config = true },
	{ 0, "memory", PF_OPT_SIZE, OPT(memory), "SIZE", .help = "memory for groups",
	  .def = "256Mi", .min = 1 << 20, .max = (int64_t)1 << 40, .config = true },
	{ 0 }
};

struct asked {
	struct pf_operand_sources sources;
	struct pf_job job;
	char **aggregates;
	size_t naggregates;
	struct pf_rows_out *out;
	struct pf_run *run;
	struct pf_buf plan;
	int stats;            /* descriptor of its file, -1: none */
};

/* Rows of a key that come and go are counted only where they are merged. */
static int refuse_kinds(const struct asked *a, struct pf_error *err)
{
	for (size_t i = 0; i < a->sources.n; i++) {
		const struct pf_source *s = a->sources.items[i];
		if (pf_schema_find(s->schema, PF_KIND_COLUMN) < 0)
			continue;
		pf_fail(err, PF_E_USAGE, "'%s' has changes of rows, not rows: '" PF_KIND_COLUMN
			"' says what became of each", s->name);
		return pf_hint(err, "their table, before a stage or alone, has the rows as they are");
	}
	return 0;
}

static int open_sources(struct pf_run *run, struct asked *a, struct pf_error *err)
{
	const struct options *o = run->options;
	const struct pf_operand_options operands = { .definition = o->definition,
						     .kafka_config = o->kafka_config,
						     .timeout_ms = o->timeout_ms };
	PF_TRY(pf_sources_open(run, &operands, &a->sources, err));
	PF_TRY(refuse_kinds(a, err));
	return o->tag ? pf_sources_tag(a->sources.items, a->sources.n, o->tag, err) : 0;
}

static bool reads_pipe(const struct pf_run *run)
{
	bool pipe = !run->noperands;
	for (size_t i = 0; i < run->noperands; i++)
		pipe = pipe || !strcmp(run->operands[i], "-");
	return pipe;
}

/* Without a state, the newest row is found before the others are read, so
 * that only the window is. The sources are read up by that. */
static int find_newest(struct pf_run *run, struct asked *a, struct pf_error *err)
{
	const struct options *o = run->options;
	int code = pf_job_newest(&a->job, a->sources.items, a->sources.n, (size_t)o->memory,
				 err);
	a->sources.n = 0; /* they are closed */
	pf_sources_close(&a->sources);
	return code ? code : open_sources(run, a, err);
}

static int put_rows(void *ctx, const struct pf_batch *batch, struct pf_error *err)
{
	return pf_rows_batch(((struct asked *)ctx)->out, batch, err);
}

static void tick(void *ctx, int64_t rows)
{
	pf_progress(((struct asked *)ctx)->run, rows, 0);
}

static int begin_rows(void *ctx, const struct pf_schema *schema, struct pf_error *err)
{
	struct asked *a = ctx;
	return pf_rows_open(a->run, schema, a->job.zone_name, &a->out, err);
}

/* What was asked, as the job takes it. */
static int set_job(struct pf_run *run, struct asked *a, struct pf_error *err)
{
	const struct options *o = run->options;
	int64_t ms = 0;
	a->job = (struct pf_job){
		.windows = o->windows.items, .nwindows = o->windows.n,
		.group_by = o->group_by.items, .ngroup_by = o->group_by.n,
		.aggregates = a->aggregates, .naggregates = a->naggregates,
		.where = o->where.items, .nwhere = o->where.n,
		.reduce = o->reduce, .merge = o->merge, .names = o->as.items, .nnames = o->as.n,
		.time = o->time, .end = o->end, .from = o->from,
		.input = o->input, .state = o->state, .fresh = o->fresh, .allow_missing = o->allow_missing,
		.changes = o->changes, .revise = o->revise, .wide = o->wide,
		.per_day = o->per_day,
		.state_out = o->state_out, .keep_dropped = o->keep_dropped, .late = o->late,
		.explain = o->explain ? &a->plan : NULL,
		.memory = (size_t)o->memory,
		.begin = begin_rows, .put = put_rows, .tick = tick, .ctx = a,
	};
	if (pf_parse_duration(o->every, &ms, err))
		return pf_context(err, "--every");
	a->job.every_us = ms * 1000;
	if (o->verify) {
		char *end;
		a->job.verify = strtod(o->verify, &end);
		if (end == o->verify || *end || !(a->job.verify >= 0 && a->job.verify <= 1))
			return pf_fail(err, PF_E_USAGE, "--verify is a share from 0 to 1");
	}
	if (o->wait && pf_parse_duration(o->wait, &a->job.wait_ms, err))
		return pf_context(err, "--wait");
	return 0;
}

/* Before anything is given out: a name that cannot be is said in time. */
static int open_stats(struct asked *a, const char *path, struct pf_error *err)
{
	a->stats = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return a->stats < 0 ? pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'", path) : 0;
}

static int put_stats(struct asked *a, const char *path, struct pf_error *err)
{
	struct pf_buf text = { 0 };
	pf_job_stats(&a->job, &text);
	int code = pf_write_full(a->stats, path, text.data, text.len, err);
	if (pf_close(&a->stats, path, code ? NULL : err) && !code)
		code = PF_E_IO;
	pf_buf_free(&text);
	return code;
}

static int put_explain(struct pf_run *run, const struct asked *a, struct pf_error *err)
{
	struct pf_byte_sink sink;
	struct pf_buf text = { 0 };
	pf_job_explain(&a->job, &text);
	int code = pf_output_sink(run, false, &sink, err);
	if (!code)
		code = sink.write(sink.ctx, text.data, text.len, err);
	pf_buf_free(&text);
	return code;
}

static int answer(struct pf_run *run, struct asked *a, struct pf_error *err)
{
	const struct options *o = run->options;
	run->lasting = o->state != NULL;
	PF_TRY(set_job(run, a, err));
	if (o->stats)
		PF_TRY(open_stats(a, o->stats, err));
	PF_TRY(open_sources(run, a, err));
	PF_TRY(pf_job_open(&a->job, a->sources.items[0]->schema, err));
	if (!o->state && !o->end && !reads_pipe(run))
		PF_TRY(find_newest(run, a, err));
	PF_TRY(pf_job_answer(&a->job, a->sources.items, a->sources.n, err));
	if (o->explain)
		PF_TRY(put_explain(run, a, err));
	else
		PF_TRY(pf_rows_finish(a->out, err));
	PF_TRY(pf_output_finish(run, err));
	if (o->stats)
		PF_TRY(put_stats(a, o->stats, err));
	if (o->explain)
		return 0;
	/* What was said is out, and on the disk where it goes to a file: now the
	 * state may move. A crash in between only makes the next run say it again. */
	PF_TRY(pf_job_commit(&a->job, err));
	return 0;
}

static void warn(struct pf_run *run, const struct asked *a)
{
	bool seen = !run->output && pf_is_terminal(STDOUT_FILENO);
	for (size_t i = 0; i < a->job.nranges && seen; i++)
		pf_diag_note(&run->diag, 0, "%s", a->job.ranges[i]);
	for (size_t i = 0; i < a->job.nnotes; i++)
		pf_diag_warn(&run->diag, "%s", a->job.notes[i]);
	if (a->job.verified_days)
		pf_diag_note(&run->diag, 0, "%lld days are what the table gives, of %lld rows",
			     (long long)a->job.verified_days,
			     (long long)a->job.verified_rows);
}

/* What is no file may have been meant as an aggregate. */
static int check_operands(const struct pf_run *run, struct pf_error *err)
{
	for (size_t i = 0; i < run->noperands; i++) {
		const char *o = run->operands[i];
		if (strcmp(o, "-") != 0 && !strstr(o, "://") && access(o, F_OK))
			PF_TRY(pf_agg_refuse(o, err));
	}
	return 0;
}

static int run_window(struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	struct asked a = { .run = run, .aggregates = run->operands, .stats = -1 };
	if (!o->windows.n) {
		pf_fail(err, PF_E_USAGE, "--window is needed");
		return pf_hint(err, "-W 30d, since=2024-01-01, week, month, year, tumble=7d");
	}
	pf_alloc_keep(KEEP_BYTES);
	while (a.naggregates < run->noperands && pf_agg_is(run->operands[a.naggregates]))
		a.naggregates++;
	run->operands += a.naggregates;
	run->noperands -= a.naggregates;
	int code = check_operands(run, err);
	if (!code && !run->noperands && pf_is_terminal(STDIN_FILENO)) {
		code = pf_fail(err, PF_E_USAGE, "rows should come from stdin, which is a terminal");
		pf_hint(err, "name a table, a stage or a file behind the aggregates");
	}
	if (!code)
		code = answer(run, &a, err);
	warn(run, &a);
	pf_job_close(&a.job);
	pf_rows_free(a.out);
	pf_buf_free(&a.plan);
	if (a.stats >= 0)
		close(a.stats);
	pf_sources_close(&a.sources);
	run->operands -= a.naggregates;
	run->noperands += a.naggregates;
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
