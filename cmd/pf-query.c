/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-query: rows of tables, stages and files, filtered, aggregated, ordered.
 */
#include "app/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/rows.h"
#include "app/sources.h"
#include "app/wording.h"
#include "base/alloc.h"
#include "base/number.h"
#include "base/zone.h"
#include "query/list.h"
#include "query/query.h"

struct options {
	struct pf_strings ids, where, columns, group_by, order_by;
	const char *kafka_config;
	int64_t timeout_ms;
	const char *since, *until, *tz, *as_of, *between[2], *definition, *time, *id, *snapshot;
	int64_t limit, offset, memory;
	bool changelog, explain, files, snapshots, schema, human, no_prune, exit_status;
};

/* Of freed memory, for the next file's pages. */
enum { KEEP_BYTES = 8 << 20 };

enum { GROUP_VERSION = 1, GROUP_LIST };

/* Lists that are printed whole: nothing about rows goes with them. */
#define LISTS "files snapshots schema"

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 0, "id", PF_OPT_COLUMNS, OPT(ids), "ID,...",
	  .without = LISTS, .help = "rows of these entities, in time order" },
	{ 0, "since", PF_OPT_STRING, OPT(since), "TIME", .without = LISTS,
	  .help = "rows at or after",
	  .more = "RFC 3339, a date, @epoch, now, or a duration, meaning ago." },
	{ 0, "until", PF_OPT_STRING, OPT(until), "TIME", .without = LISTS,
	  .help = "rows before" },
	{ 0, "tz", PF_OPT_STRING, OPT(tz), "ZONE",
	  .help = "zone to read and print times in",
	  .more = "Of --since, --until and --as-of without an offset, and of timestamp_ltz "
		  "in text. Without it: the table's. Conditions keep to the table's." },
	{ 'w', "where", PF_OPT_LIST, OPT(where), "EXPR",
	  .without = LISTS, .help = "rows for which it is true; again: and",
	  .more = "The language is described in pf-expr(7)." },
	{ 'c', "columns", PF_OPT_COLUMNS, OPT(columns), "LIST", .columns = true,
	  .without = LISTS, .help = "columns: names, a-c, 'x*', #3, -x, expressions, aggregates",
	  .more = "An expression gets a name by name=expr or by expr as name. Aggregates "
		  "are count() sum(x) min(x) max(x) avg(x) distinct(x) first(x) last(x)." },
	{ 'g', "group-by", PF_OPT_COLUMNS, OPT(group_by), "LIST", .columns = true,
	  .without = LISTS, .help = "one row for each value of these" },
	{ 0, "order-by", PF_OPT_COLUMNS, OPT(order_by), "LIST", .columns = true,
	  .without = LISTS, .help = "sort: columns or expressions, each with desc, nulls first" },
	{ 'n', "limit", PF_OPT_INT, OPT(limit), "N", .without = LISTS,
	  .help = "at most so many rows",
	  .def = "-1", .min = -1, .max = INT64_MAX },
	{ 0, "offset", PF_OPT_INT, OPT(offset), "N", .without = LISTS,
	  .help = "leave out the first rows",
	  .def = "0", .min = 0, .max = INT64_MAX },
	{ 0, "snapshot", PF_OPT_STRING, OPT(snapshot), "N|TAG",
	  .help = "the table as of this snapshot or tag", .group = GROUP_VERSION },
	{ 0, "as-of", PF_OPT_STRING, OPT(as_of), "TIME",
	  .help = "the table as it was then",
	  .group = GROUP_VERSION },
	{ 0, "between", PF_OPT_PAIR, OPT(between), "FROM TO", .without = LISTS,
	  .help = "rows that are new or other in TO than they were in FROM",
	  .more = "Each is a snapshot's number, a tag, or a time; 0 is before the first.", .group = GROUP_VERSION },
	{ 0, "changelog", PF_OPT_FLAG, OPT(changelog), NULL, .with = "between",
	  .help = "with the kind of each change, and rows as they were",
	  .more = "Column _VALUE_KIND: +I new, -D gone, -U and +U what a row was and is." },
	{ 0, "explain", PF_OPT_FLAG, OPT(explain), NULL,
	  .help = "run, but print what was read and skipped, and why", .group = GROUP_LIST },
	{ 0, "files", PF_OPT_FLAG, OPT(files), NULL,
	  .help = "list the table's data files",
	  .more = "Column deleted: how many rows a deletion vector takes away. "
		  "Whoever reads the file by itself still sees them.",
	  .group = GROUP_LIST },
	{ 0, "snapshots", PF_OPT_FLAG, OPT(snapshots), NULL,
	  .help = "list the table's snapshots",
	  .group = GROUP_LIST },
	{ 0, "schema", PF_OPT_FLAG, OPT(schema), NULL, .help = "list the columns",
	  .group = GROUP_LIST },
	{ 0, "human", PF_OPT_FLAG, OPT(human), NULL, .with = "files snapshots",
	  .help = "list rows and bytes as 1.2M; --no-human: exactly",
	  .more = "k M G T are powers of 1000. In text; csv, json and jsonl are exact. "
		  "A table on a terminal does so by itself.", .minor = true },
	{ 'S', "definition", PF_OPT_STRING, OPT(definition), "FILE",
	  .help = "table definition, to read text",
	  .more = "Also for a topic whose records do not say what they hold." },
	{ 0, "kafka-config", PF_OPT_STRING, OPT(kafka_config), "FILE",
	  .help = "librdkafka properties for kafka:// operands", .config = true },
	{ 0, "connect-timeout", PF_OPT_DURATION, OPT(timeout_ms), "TIME",
	  .help = "give up when no broker of a topic answers for so long",
	  .def = "30s", .minor = true, .config = true },
	{ 't', "time-column", PF_OPT_STRING, OPT(time), "NAME", .columns = true,
	  .help = "event time, where the schema does not say it" },
	{ 0, "id-column", PF_OPT_STRING, OPT(id), "NAME", .columns = true,
	  .help = "entity ID, where the schema does not say it" },
	{ 0, "exit-status", PF_OPT_FLAG, OPT(exit_status), NULL,
	  .without = LISTS, .help = "exit 1 when no row matches" },
	{ 0, "memory", PF_OPT_SIZE, OPT(memory), "SIZE",
	  .help = "memory for groups and sorting",
	  .def = "256Mi", .min = 1 << 20, .max = (int64_t)1 << 40, .config = true },
	{ 0, "no-prune", PF_OPT_FLAG, OPT(no_prune), NULL,
	  .without = LISTS, .help = "read everything: the answer must be the same", .minor = true },
	{ 0 }
};

/* A snapshot's number, or a tag. */
static int snapshot_option(const char *text, struct pf_table_source_options *t,
			   struct pf_error *err)
{
	if (!text || strspn(text, "0123456789") != strlen(text)) {
		t->tag = text;
		return 0;
	}
	/* The newest one has no number. */
	t->snapshot = strtoll(text, NULL, 10);
	if (t->snapshot < 1 || t->snapshot == INT64_MAX)
		return pf_fail(err, PF_E_USAGE, "'%s' is no snapshot", text);
	return 0;
}

static int time_option(const char *text, const char *option, const struct pf_zone *zone,
		       struct pf_table_source_options *t, struct pf_error *err)
{
	int64_t micros;
	PF_TRY(pf_time_argument(text, option, zone, &micros, err));
	t->has_as_of = true;
	t->as_of_ms = micros / 1000 - (micros % 1000 < 0);
	return 0;
}

/* One end of --between: what is no number is a tag, or else a time. */
static int end_option(const char *text, const struct pf_zone *zone,
		      struct pf_table_source_options *t, struct pf_error *err)
{
	*t = (struct pf_table_source_options){ 0 };
	PF_TRY(snapshot_option(text, t, err));
	if (t->tag)
		time_option(text, "--between", zone, t, NULL);
	return 0;
}

static int between_option(const struct options *o, const struct pf_zone *zone,
			  struct pf_between_options *b, struct pf_error *err)
{
	*b = (struct pf_between_options){ .changelog = o->changelog,
					  .from_nothing = !strcmp(o->between[0], "0") };
	if (!b->from_nothing)
		PF_TRY(end_option(o->between[0], zone, &b->from, err));
	return end_option(o->between[1], zone, &b->to, err);
}

static int table_options(const struct options *o, struct pf_table_source_options *t,
			 struct pf_between_options *b, struct pf_error *err)
{
	struct pf_zone *zone;
	*t = (struct pf_table_source_options){ 0 };
	PF_TRY(snapshot_option(o->snapshot, t, err));
	if (pf_zone_open(o->tz, &zone, err)) {
		err->code = PF_E_USAGE;
		pf_context(err, "--tz");
		return err->code;
	}
	int code = o->as_of ? time_option(o->as_of, "--as-of", zone, t, err) : 0;
	if (!code && o->between[0]) {
		code = between_option(o, zone, b, err);
		t->between = b;
	}
	pf_zone_close(zone);
	return code;
}

static int list(struct pf_run *run, const struct pf_table_source_options *t,
		struct pf_error *err)
{
	const struct options *o = run->options;
	struct pf_builder *rows;
	struct pf_list_runs runs = { 0 };
	char name[256];
	if (run->noperands != 1)
		return pf_fail(err, PF_E_USAGE, "%s takes one table",
			       o->files ? "--files" : "--snapshots");
	PF_TRY(o->files ? pf_list_files(run->operands[0], t, &rows, &runs, err) :
			  pf_list_snapshots(run->operands[0], &rows, err));
	bool human = pf_option_given(&run->arguments, "human") ? o->human :
								 pf_rows_are_seen(run);
	int code = pf_rows_put(run, rows, o->tz, human, err);
	pf_builder_free(rows);
	if (!code && runs.buckets)
		pf_diag_note(&run->diag, pf_rows_are_seen(run) ? 0 : 1,
			     "%s: %zu bucket%s, a key is looked for in %.1f sorted runs on average, at most %zu (%s)",
			     pf_short_name(run->operands[0], name), runs.buckets,
			     runs.buckets == 1 ? "" : "s",
			     (double)runs.runs / (double)runs.buckets, runs.most, runs.where);
	return code;
}

static int explain(struct pf_run *run, struct pf_query *q, struct pf_error *err)
{
	struct pf_batch batch;
	struct pf_byte_sink sink;
	struct pf_buf text = { 0 };
	int64_t rows = 0;
	for (bool end = false; !end; rows += batch.rows)
		PF_TRY(pf_query_next(q, &batch, &end, err));
	pf_query_explain(q, &text);
	pf_buf_printf(&text, "result      %lld rows\n", (long long)rows);
	int code = pf_output_sink(run, false, &sink, err);
	if (!code)
		code = sink.write(sink.ctx, text.data, text.len, err);
	pf_buf_free(&text);
	return code;
}

/* What a person at a terminal reads below the table, on stderr. */
static void footer(struct pf_run *run, const struct pf_query *q, int64_t rows)
{
	const struct options *o = run->options;
	char shown[32], n[32], of[32], limit[64] = "", files[96] = "";
	int64_t all, read;
	pf_query_files(q, &all, &read);
	if (rows == o->limit)
		snprintf(limit, sizeof limit, " (--limit %s)", pf_group_digits(n, o->limit));
	if (all)
		snprintf(files, sizeof files, "; %s of %s file%s read", pf_group_digits(n, read),
			 pf_group_digits(of, all), all == 1 ? "" : "s");
	pf_diag_note(&run->diag, 0, "%s row%s%s%s", pf_group_digits(shown, rows),
		     rows == 1 ? "" : "s", limit, files);
}

static int print(struct pf_run *run, struct pf_query *q, struct pf_error *err)
{
	const struct options *o = run->options;
	struct pf_rows_out *out;
	struct pf_batch batch;
	PF_TRY(pf_rows_open(run, pf_query_schema(q), o->tz ? o->tz : pf_query_zone(q), &out,
			    err));
	int code = 0;
	for (bool end = false; !end && !code;) {
		/* What is there leaves before we wait for more. */
		if (!pf_query_ready(q))
			code = pf_rows_flush(out, err);
		if (!code)
			code = pf_query_next(q, &batch, &end, err);
		if (!code && batch.rows)
			code = pf_rows_batch(out, &batch, err);
	}
	if (!code)
		code = pf_rows_finish(out, err);
	if (!code && pf_rows_are_seen(run) && !(code = pf_output_finish(run, err)))
		footer(run, q, pf_rows_count(out));
	if (!code && o->exit_status && !pf_rows_count(out))
		code = PF_E_NO_ROWS; /* as grep: the status says it */
	pf_rows_free(out);
	return code;
}

static int ask(struct pf_run *run, struct pf_operand_sources *s, struct pf_error *err)
{
	const struct options *o = run->options;
	struct pf_query *q;
	const struct pf_query_options query = {
		.ids = o->ids.items, .nids = o->ids.n,
		.since = o->since, .until = o->until, .tz = o->tz,
		.where = o->where.items, .nwhere = o->where.n,
		.columns = o->columns.items, .ncolumns = o->columns.n,
		.group_by = o->group_by.items, .ngroup_by = o->group_by.n,
		.order_by = o->order_by.items, .norder_by = o->order_by.n,
		.limit = o->limit, .offset = o->offset,
		.time = o->time, .id = o->id,
		.memory = (size_t)o->memory,
		.no_prune = o->no_prune,
		.fixed_snapshot = o->snapshot || o->as_of || o->between[0],
	};
	size_t n = s->n;
	s->n = 0;
	PF_TRY(pf_query_open(s->items, n, &query, &q, err));
	int code = o->explain ? explain(run, q, err) : print(run, q, err);
	pf_query_close(q);
	return code;
}

static int run_query(struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	struct pf_operand_options operands = { .definition = o->definition,
					       .kafka_config = o->kafka_config,
					       .timeout_ms = o->timeout_ms };
	struct pf_between_options between;
	struct pf_operand_sources s;
	pf_alloc_keep(KEEP_BYTES);
	PF_TRY(table_options(o, &operands.table, &between, err));
	if (o->files || o->snapshots)
		return list(run, &operands.table, err);
	PF_TRY(pf_sources_open(run, &operands, &s, err));
	int code = 0;
	if (o->schema) {
		struct pf_builder *rows = pf_list_columns(s.items[0]->schema);
		code = pf_rows_put(run, rows, NULL, false, err);
		pf_builder_free(rows);
	} else {
		code = ask(run, &s, err);
	}
	pf_sources_close(&s);
	return code;
}

static const struct pf_example examples[] = {
	{ "pf-query wh/events stage/ --id 4242 --since 2h",
	  "an entity's last two hours, rows in flight included" },
	{ "pf-query wh/events -w \"price > 100\" -c user_id,ts,price -n 10", NULL },
	{ "pf-query wh/events -g user_id -c 'count(), sum(price)' --order-by 'count desc' -n 5",
	  "the five busiest" },
	{ "pf-query wh/users --between 40 50 --changelog",
	  "what ten commits changed, as +/- rows" },
	{ 0 }
};

static const struct pf_program program = {
	.name = "pf-query",
	.summary = "ask tables, stages and files",
	.synopsis = (const char *const[]){ "[options] [TABLE|STAGE|FILE...]", NULL },
	.options = options,
	.options_bytes = sizeof(struct options),
	.common = PF_COMMON_OUTPUT | PF_COMMON_FORMAT | PF_COMMON_INPUT,
	.examples = examples,
	.max_operands = PF_ANY,
	.reads_stdin = true,
	.exit_note = "no row matched, with --exit-status",
	.run = run_query,
};
PF_MAIN(program)
