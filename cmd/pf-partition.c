/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-partition: give every row its partition and its fiber, and regroup rows
 * so that each batch belongs to one of each.
 */
#include <inttypes.h>
#include <string.h>

#include "app/program.h"
#include "app/records.h"
#include "load/route.h"
#include "paimon/table.h"
#include "text/tabledef.h"

struct options {
	const char *schema, *table;
	int64_t memory;
};

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 'S', "schema", PF_OPT_STRING, OPT(schema), "FILE",
	  .help = "table definition: for text, and for streams that carry none" },
	{ 'T', "table", PF_OPT_STRING, OPT(table), "TABLE",
	  .help = "take partition, buckets and columns from this table" },
	{ 0, "memory", PF_OPT_SIZE, OPT(memory), "SIZE",
	  .help = "memory for rows that are being regrouped", .def = "64Mi",
	  .min = 1 << 20, .max = INT64_MAX, .config = true },
	{ 0 },
};

static const struct pf_example examples[] = {
	{ "pf-partition -S events.yaml events.jsonl | pf-pack | pf-put --append wh/default.db/events",
	  "load a file without a stage" },
	{ "pf-stage read stage/ | pf-partition -v > /dev/null",
	  "how evenly do the entities spread?" },
	{ 0 },
};

/* How long input may pause before rows that wait are sent on. */
enum { IDLE_MS = 10 };

struct state {
	struct pf_run *run;
	struct pf_tabledef *definition;
	struct pf_table *table;
	struct pf_schema *schema; /* of the rows, with layout */
	struct pf_router *router;
	struct pf_stream_out *out;
	struct pf_counts counts;
};

static int emit(void *ctx, const struct pf_cell *cell, const struct pf_batch *batch,
		struct pf_error *err)
{
	struct state *s = ctx;
	(void)cell;
	s->counts.out += batch->rows;
	return pf_stream_out_batch(s->out, batch, err);
}

/* The layout of the rows: the table's or the definition's if one was named,
 * else the stream's own. */
static int choose_schema(struct state *s, struct pf_schema *rows,
			 struct pf_error *err)
{
	if (!s->table && !s->definition) {
		s->schema = pf_schema_ref(rows);
		return 0;
	}
	if (s->table)
		s->schema = pf_schema_without_partition(
			pf_table_schema(s->table)->columns);
	else
		s->schema = pf_tabledef_schema(s->definition);
	return pf_schema_same(s->schema, s->table ? "the table" : "the definition",
			      rows, "the rows", err);
}

static int begin(struct state *s, struct pf_schema *rows, struct pf_error *err)
{
	const struct options *o = s->run->options;
	PF_TRY(choose_schema(s, rows, err));
	int code = pf_router_new(s->schema, (size_t)o->memory, emit, s, &s->router,
				 err);
	if (code == PF_E_NO_SCHEMA)
		return pf_hint(err, "-S FILE or -T TABLE says how rows are laid out");
	PF_TRY(code);
	return pf_output_stream(s->run, pf_router_schema(s->router), &s->out, err);
}

static int relay(struct state *s, struct pf_records *in, struct pf_error *err)
{
	struct pf_event event;
	for (;;) {
		if (!pf_records_ready(in, 0)) {
			if (pf_router_waiting(s->router) &&
			    !pf_records_ready(in, IDLE_MS))
				PF_TRY(pf_router_flush(s->router, err));
			PF_TRY(pf_stream_out_flush(s->out, err));
		}
		PF_TRY(pf_records_next(in, &event, err));
		switch (event.kind) {
		case PF_EVENT_BATCH:
			s->counts.in += event.batch.rows;
			PF_TRY(pf_router_add(s->router, &event.batch, err));
			break;
		case PF_EVENT_MARK:
			PF_TRY(pf_router_flush(s->router, err));
			PF_TRY(pf_stream_out_mark(s->out, event.mark, err));
			break;
		case PF_EVENT_ABORT:
			return pf_records_abort(s->out, &event, err);
		case PF_EVENT_END:
			return 0;
		}
	}
}

static void report_skew(const struct state *s)
{
	struct pf_skew k = pf_router_skew(s->router);
	pf_diag_note(&s->run->diag, 1,
		     "%" PRId64 " rows in, %" PRId64 " out, in %" PRId64
		     " batches of one partition and bucket",
		     s->counts.in, s->counts.out, k.batches);
	if (k.rows)
		pf_diag_note(&s->run->diag, 1,
			     "fullest bucket %d: %" PRId64 " rows (%.1f %%); emptiest bucket %d: %" PRId64,
			     k.most_bucket, k.most,
			     100.0 * (double)k.most / (double)k.rows, k.least_bucket,
			     k.least);
}

static int partition(struct state *s, struct pf_error *err)
{
	const struct options *o = s->run->options;
	if (o->schema)
		PF_TRY(pf_input_definition(s->run, o->schema, &s->definition, err));
	if (o->table)
		PF_TRY(pf_table_open(o->table, &s->table, err));
	for (size_t i = 0; i < pf_inputs(s->run); i++) {
		struct pf_records *in;
		PF_TRY(pf_records_open(s->run, pf_input_name(s->run, i),
				       s->definition, &in, err));
		pf_records_obey(in);
		struct pf_schema *rows = pf_records_schema(in);
		int code = !s->router ?
				   begin(s, rows, err) :
				   pf_schema_same(s->schema,
						  pf_input_name(s->run, 0), rows,
						  pf_input_name(s->run, i), err);
		if (!code)
			code = relay(s, in, err);
		pf_records_close(in);
		PF_TRY(code);
	}
	PF_TRY(pf_router_flush(s->router, err));
	PF_TRY(pf_stream_out_end(s->out, &s->counts, err));
	report_skew(s);
	return 0;
}

static int run(struct pf_run *run, struct pf_error *err)
{
	struct state s = { .run = run };
	int code = partition(&s, err);
	pf_router_free(s.router);
	pf_schema_unref(s.schema);
	pf_tabledef_free(s.definition);
	pf_table_close(s.table);
	return code;
}

static const struct pf_program program = {
	.name = "pf-partition",
	.summary = "give every row its partition and its bucket, and regroup rows by them",
	.synopsis = (const char *const[]){ "[options] [FILE...]", NULL },
	.options = options,
	.options_bytes = sizeof(struct options),
	.common = PF_COMMON_OUTPUT | PF_COMMON_INPUT,
	.examples = examples,
	.max_operands = PF_ANY,
	.reads_stdin = true,
	.run = run,
};
PF_MAIN(program)
