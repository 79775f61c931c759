/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-stage: rows become durable, and are read again from any position.
 */
#include "app/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/time.h"
#include "load/loaded.h"
#include "stage/append.h"
#include "stage/rejects.h"
#include "stage/status.h"
#include "text/guess.h"

struct options {
	/* append */
	const char *schema, *rejects, *source;
	int on_error;
	int64_t ack_fd, wait_ms, segment_bytes, group_ms;
	bool final_line;
	/* read */
	bool from_start, follow, accept_gap;
	const char *offsets, *after;
	int64_t limit;
	/* trim */
	struct pf_strings consumers;
	int64_t grace_ms;
	bool dry_run;
};

enum { ON_ERROR_STOP, ON_ERROR_SKIP };
enum { GROUP_START = 1 };

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 'S', "schema", PF_OPT_STRING, OPT(schema), "FILE",
	  .help = "table definition; makes the stage, or adds columns to it",
	  .commands = "append" },
	{ 0, "rejects", PF_OPT_STRING, OPT(rejects), "FILE",
	  .help = "append rows that do not fit here, and go on",
	  .more = "One JSON object a line: file, line, byte, code, column, reason, row. "
		  "The row stands as it was. "
		  "When it is not UTF-8, row_base64 stands for row.",
	  .commands = "append" },
	{ 0, "on-error", PF_OPT_ENUM, OPT(on_error), "stop|skip",
	  .help = "a row that does not fit stops, or is left out (exit 1)",
	  .commands = "append" },
	{ 0, "source", PF_OPT_STRING, OPT(source), "NAME",
	  .help = "name of the input: stdin with a name can be resumed",
	  .more = "Files are known by their content; a name overrides that.",
	  .commands = "append" },
	{ 0, "final-line", PF_OPT_FLAG, OPT(final_line), NULL,
	  .help = "the end of the input ends its last line", .commands = "append" },
	{ 0, "ack-fd", PF_OPT_INT, OPT(ack_fd), "N",
	  .help = "report durable positions on this descriptor", .def = "-1", .min = -1,
	  .max = 1 << 20,
	  .more = "One line each, with tabs between three fields. "
		  "They are: offset in the stage, bytes of the source, its name.",
	  .commands = "append" },
	{ 0, "wait", PF_OPT_DURATION, OPT(wait_ms), "TIME",
	  .help = "wait so long for a locked stage", .def = "0ms", .commands = "append" },
	{ 0, "segment-size", PF_OPT_SIZE, OPT(segment_bytes), "SIZE",
	  .help = "begin a new segment file at this size", .def = "64Mi", .min = 4096,
	  .max = (int64_t)1 << 40, .commands = "append", .minor = true },
	{ 0, "sync", PF_OPT_DURATION, OPT(group_ms), "TIME",
	  .help = "commit at the latest after so long", .def = "50ms",
	  .more = "Also at 8 MiB, when the input would block, and at its end.",
	  .commands = "append", .minor = true },

	{ 0, "from-start", PF_OPT_FLAG, OPT(from_start), NULL,
	  .help = "read from the oldest row on (default)", .group = GROUP_START,
	  .commands = "read" },
	{ 0, "after", PF_OPT_STRING, OPT(after), "TABLE",
	  .help = "read what the table has not loaded", .group = GROUP_START,
	  .commands = "read" },
	{ 0, "offsets", PF_OPT_STRING, OPT(offsets), "N[@ANCHOR]",
	  .help = "read from row N on", .group = GROUP_START,
	  .more = "With the anchor of a mark: only if the rows before N are the same.",
	  .commands = "read" },
	{ 0, "follow", PF_OPT_FLAG, OPT(follow), NULL,
	  .help = "wait for more; a mark at most once a second", .commands = "read" },
	{ 'n', "limit", PF_OPT_INT, OPT(limit), "ROWS", .help = "read at most so many",
	  .def = "0", .min = 0, .max = INT64_MAX, .commands = "read" },
	{ 0, "accept-gap", PF_OPT_FLAG, OPT(accept_gap), NULL,
	  .help = "go on when rows were trimmed unread; the table records it",
	  .commands = "read" },

	{ 0, "consumer", PF_OPT_LIST, OPT(consumers), "TABLE",
	  .help = "a table that loads this stage; name them all", .commands = "trim" },
	{ 0, "grace", PF_OPT_DURATION, OPT(grace_ms), "TIME",
	  .help = "keep what was loaded more recently than this", .def = "10m",
	  .commands = "trim" },
	{ 0, "dry-run", PF_OPT_FLAG, OPT(dry_run), NULL,
	  .help = "only say what would be removed", .commands = "trim" },
	{ 0 }
};

/* --- append --- */

struct appending {
	const struct options *options;
	struct pf_rejects *rejects;
	struct pf_buf acks;
};

static int on_reject(void *ctx, const struct pf_reject *reject, struct pf_error *err)
{
	struct appending *a = ctx;
	return a->rejects ? pf_rejects_add(a->rejects, reject, err) : 0;
}

static int on_settle(void *ctx, struct pf_error *err)
{
	struct appending *a = ctx;
	return a->rejects ? pf_rejects_settle(a->rejects, err) : 0;
}

static int on_ack(void *ctx, const struct pf_append_ack *ack, struct pf_error *err)
{
	struct appending *a = ctx;
	char name[4096];
	a->acks.len = 0;
	pf_buf_printf(&a->acks, "%" PRId64 "\t%" PRIu64 "\t%s\n", ack->offset,
		      ack->position,
		      pf_quote(name, sizeof name, ack->source, strlen(ack->source)));
	return pf_write_full((int)a->options->ack_fd, "--ack-fd", a->acks.data,
			     a->acks.len, err);
}

static int text_format(const struct pf_run *run, enum pf_text_format *format,
		       struct pf_error *err)
{
	static const int formats[] = {
		[PF_FORMAT_AUTO] = PF_TEXT_AUTO,   [PF_FORMAT_ARROW] = PF_TEXT_AUTO,
		[PF_FORMAT_TABLE] = -1,            [PF_FORMAT_MD] = -1,
		[PF_FORMAT_CSV] = PF_TEXT_CSV,     [PF_FORMAT_TSV] = PF_TEXT_TSV,
		[PF_FORMAT_JSONL] = PF_TEXT_JSONL, [PF_FORMAT_JSON] = PF_TEXT_JSON,
	};
	if (formats[run->input_format] < 0) {
		pf_fail(err, PF_E_USAGE, "pf-stage cannot read that input format");
		return pf_hint(err, "it reads arrow, csv, tsv, jsonl and json");
	}
	*format = (enum pf_text_format)formats[run->input_format];
	return 0;
}

static int append_one(struct pf_run *run, struct pf_append *append,
		      const char *operand, struct pf_error *err)
{
	struct pf_input in;
	struct stat st;
	PF_TRY(pf_input_open(run, operand, &in, err));
	/* From here on a signal ends the input, not the program. */
	pf_signals_graceful();
	bool file = strcmp(operand, "-") != 0 && !fstat(in.fd, &st) &&
		    S_ISREG(st.st_mode);
	struct pf_append_input input = {
		.name = in.name,
		.path = file ? operand : NULL,
		.fd = file ? in.fd : -1,
		.packed = in.packed != in.kind,
		.arrow = run->input_format == PF_FORMAT_ARROW ||
			 (run->input_format == PF_FORMAT_AUTO &&
			  in.kind == PF_OPERAND_ARROW),
		.source = &in.source,
	};
	int code = 0;
	if (run->input_format == PF_FORMAT_AUTO && in.kind != PF_OPERAND_ARROW &&
	    in.kind != PF_OPERAND_TEXT && in.kind != PF_OPERAND_EMPTY) {
		code = pf_fail(err, PF_E_UNSUPPORTED, "'%s' is a file of kind %s", in.name,
			       pf_operand_kind_name(in.kind));
		pf_hint(err, "pf-stage append takes text and Arrow streams");
	} else if (in.kind != PF_OPERAND_EMPTY) {
		code = pf_append_input(append, &input, err);
	}
	pf_input_close(&in);
	return code;
}

static void report_append(struct pf_run *run, struct pf_stage_writer *writer,
			  const struct pf_append_counts *c)
{
	const struct options *o = run->options;
	const char *stage = pf_stage_path(pf_stage_writer_stage(writer));
	char rows[32], bad[32], twice[32], end[32], in[32];
	pf_diag_note(&run->diag, 0,
		     "%s: %s rows appended, %s rejected, %s duplicate; durable at %s",
		     stage, pf_group_digits(rows, c->rows), pf_group_digits(bad, c->rejected),
		     pf_group_digits(twice, c->duplicate),
		     pf_group_digits(end, pf_stage_durable(writer)));
	pf_diag_note(&run->diag, 1, "%s rows in = %s appended + %s rejected + %s duplicate",
		     pf_group_digits(in, c->rows + c->rejected + c->duplicate), rows, bad, twice);
	if (c->waiting)
		pf_diag_warn(&run->diag, "%zu bytes wait at the end of the input: a last "
			     "line without newline%s", c->waiting,
			     o->final_line ? "" : " (--final-line takes it)");
}

static int append_all(struct pf_run *run, struct pf_stage_writer *writer,
		      struct appending *a, struct pf_error *err)
{
	const struct options *o = run->options;
	struct pf_append_how how = {
		.source = o->source,
		.final_line = o->final_line,
		.group_ms = o->group_ms,
		.stopping = pf_stopping,
		.reject = o->rejects || o->on_error == ON_ERROR_SKIP ? on_reject : NULL,
		.settle = on_settle,
		.ack = o->ack_fd >= 0 ? on_ack : NULL,
		.ctx = a,
	};
	PF_TRY(text_format(run, &how.format, err));
	struct pf_append *append = pf_append_new(writer, &how);
	int code = 0;
	bool files = run->noperands > 1;
	for (size_t i = 0; !code && !pf_stopping() && i < pf_inputs(run); i++)
		code = append_one(run, append, pf_input_name(run, i), err);
	struct pf_error late = { 0 };
	int finish = pf_append_finish(append, &late);
	if (finish && !code) {
		*err = late;
		code = finish;
	}
	const struct pf_append_counts *c = pf_append_counts(append);
	if (!finish)
		report_append(run, writer, c);
	if (!code && files && pf_stopping())
		code = pf_fail(err, PF_E_INTERRUPTED,
			       "stopped by a signal before the end of the input");
	if (!code && !o->rejects && c->rejected)
		code = pf_fail(err, PF_E_ROWS_SKIPPED, "%" PRId64 " rows were left out",
			       c->rejected);
	pf_append_free(append);
	return code;
}

static int run_append(struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	struct appending a = { .options = o };
	struct pf_tabledef *def = NULL;
	struct pf_stage_writer *writer = NULL;
	if (o->source && run->noperands > 2)
		return pf_fail(err, PF_E_USAGE, "--source names one input, not %zu",
			       run->noperands - 1);
	if (o->schema)
		PF_TRY(pf_tabledef_load(o->schema, &def, err));
	struct pf_stage_write how = {
		.definition = def,
		.wait_ms = o->wait_ms,
		.segment_bytes = (uint64_t)o->segment_bytes,
	};
	int code = 0;
	if (o->rejects)
		code = pf_rejects_open(o->rejects, &a.rejects, err);
	if (!code)
		code = pf_stage_writer_open(run->operands[0], &how, &writer, err);
	if (!code)
		code = append_all(run, writer, &a, err);
	pf_stage_writer_close(writer);
	pf_rejects_close(a.rejects);
	pf_tabledef_free(def);
	pf_buf_free(&a.acks);
	return code;
}

/* --- read --- */

static int copy_rows(struct pf_run *run, struct pf_stage_reader *reader,
		     struct pf_stage *stage, struct pf_error *err)
{
	struct pf_stream_out *out;
	struct pf_event event;
	PF_TRY(pf_output_stream(run, pf_stage_schema(stage), &out, err));
	for (;;) {
		if (!pf_stage_reader_ready(reader))
			PF_TRY(pf_stream_out_flush(out, err));
		PF_TRY(pf_stage_reader_next(reader, &event, err));
		if (event.kind == PF_EVENT_BATCH) {
			PF_TRY(pf_stream_out_batch(out, &event.batch, err));
		} else if (event.kind == PF_EVENT_MARK) {
			PF_TRY(pf_stream_out_mark(out, event.mark, err));
		} else {
			int64_t rows = pf_stream_out_rows(out);
			struct pf_counts counts = { .in = rows, .out = rows };
			return pf_stream_out_end(out, &counts, err);
		}
	}
}

static int run_read(struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	struct pf_stage_read how = {
		.limit = o->limit,
		.follow = o->follow,
		.accept_gap = o->accept_gap,
		.stopping = pf_stopping,
	};
	struct pf_stage *stage;
	struct pf_stage_reader *reader = NULL;
	struct pf_loaded loaded;
	int64_t end;
	if (o->follow)
		pf_signals_graceful();
	PF_TRY(pf_stage_open(run->operands[0], &stage, err));
	int code = 0;
	if (o->offsets) {
		code = pf_stage_read_from(o->offsets, &how, err);
	} else if (o->after) {
		code = pf_loaded_read(o->after, pf_stage_uuid(stage), 0, &loaded, err);
		how.from = loaded.next;
		how.anchor = loaded.anchor;
	} else {
		code = pf_stage_range(stage, &how.from, &end, err);
	}
	if (!code)
		code = pf_stage_reader_open(stage, &how, &reader, err);
	if (!code)
		code = copy_rows(run, reader, stage, err);
	pf_stage_reader_close(reader);
	pf_stage_close(stage);
	return code;
}

/* --- status --- */

static int print_text(struct pf_run *run, const struct pf_buf *text,
		      struct pf_error *err)
{
	struct pf_byte_sink sink;
	PF_TRY(pf_output_sink(run, false, &sink, err));
	return sink.write(sink.ctx, text->data, text->len, err);
}

static int print_table(struct pf_buf *out, const char *path, const char *stage,
		       const struct pf_stage_status *s, struct pf_error *err)
{
	struct pf_loaded loaded;
	char quoted[4096];
	PF_TRY(pf_loaded_read(path, stage, 0, &loaded, err));
	pf_buf_printf(out, "table\t%s\t%" PRId64 " loaded\t%" PRId64 " behind\n",
		      pf_quote(quoted, sizeof quoted, path, strlen(path)), loaded.next,
		      s->end - loaded.next);
	return 0;
}

static int run_status(struct pf_run *run, struct pf_error *err)
{
	struct pf_stage *stage;
	struct pf_stage_status s;
	struct pf_buf out = { 0 };
	PF_TRY(pf_stage_open(run->operands[0], &stage, err));
	int code = pf_stage_status(stage, &s, err);
	if (!code) {
		pf_stage_status_print(stage, &s, &out);
		for (size_t i = 1; !code && i < run->noperands; i++)
			code = print_table(&out, run->operands[i], pf_stage_uuid(stage),
					   &s, err);
		pf_stage_status_free(&s);
	}
	if (!code)
		code = print_text(run, &out, err);
	pf_buf_free(&out);
	pf_stage_close(stage);
	return code;
}

/* --- trim --- */

static int trim(struct pf_run *run, struct pf_stage *stage, struct pf_error *err)
{
	const struct options *o = run->options;
	int64_t before = INT64_MAX;
	struct pf_trimmed t;
	char rows[32], bytes[32];
	for (size_t i = 0; i < o->consumers.n; i++) {
		struct pf_loaded loaded;
		int64_t as_of = o->grace_ms ? pf_now_ms() - o->grace_ms : 0;
		PF_TRY(pf_loaded_read(o->consumers.items[i], pf_stage_uuid(stage), as_of,
				      &loaded, err));
		if (loaded.next < before)
			before = loaded.next;
	}
	PF_TRY(pf_stage_trim(stage, before, o->dry_run, &t, err));
	pf_diag_note(&run->diag, 0, "%s: %zu segments %s, %s bytes; begins at row %s",
		     pf_stage_path(stage), t.segments,
		     o->dry_run ? "would be removed" : "removed",
		     pf_group_digits(bytes, (int64_t)t.bytes), pf_group_digits(rows, t.first));
	return 0;
}

static int run_trim(struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	struct pf_stage *stage;
	if (!o->consumers.n) {
		pf_fail(err, PF_E_USAGE, "trim needs to know who reads the stage");
		return pf_hint(err, "name every table that loads it: --consumer TABLE");
	}
	PF_TRY(pf_stage_open(run->operands[0], &stage, err));
	int code = trim(run, stage, err);
	pf_stage_close(stage);
	return code;
}

/* --- schema --- */

static int run_schema(struct pf_run *run, struct pf_error *err)
{
	struct pf_input in;
	struct stat st;
	struct pf_buf out = { 0 };
	const char *operand = pf_input_name(run, 0);
	struct pf_guess_options how = { 0 };
	PF_TRY(text_format(run, &how.format, err));
	PF_TRY(pf_input_open(run, operand, &in, err));
	if (strcmp(operand, "-") != 0)
		how.file = operand;
	if (in.packed == in.kind && !fstat(in.fd, &st) && S_ISREG(st.st_mode))
		how.total_bytes = (uint64_t)st.st_size;
	int code = pf_schema_guess(&in.source, &how, &out, err);
	if (!code)
		code = print_text(run, &out, err);
	pf_buf_free(&out);
	pf_input_close(&in);
	return code;
}

/* --- the program --- */

static int run_command(struct pf_run *run, struct pf_error *err)
{
	static const struct {
		const char *name;
		int (*run)(struct pf_run *run, struct pf_error *err);
	} table[] = {
		{ "append", run_append }, { "read", run_read },
		{ "status", run_status }, { "trim", run_trim },
		{ "schema", run_schema },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(run->command, table[i].name))
			return table[i].run(run, err);
	return pf_fail(err, PF_E_INTERNAL, "no command '%s'", run->command);
}

static const struct pf_command commands[] = {
	{ "append", "make rows durable", "STAGE [FILE...]", 1, PF_ANY, true },
	{ "read", "replay rows", "STAGE", 1, 1, false },
	{ "status", "what it holds, and how far tables are behind",
	  "STAGE [TABLE...]", 1, PF_ANY, false },
	{ "trim", "remove what every consumer has loaded",
	  "STAGE --consumer TABLE...", 1, 1, false },
	{ "schema", "guess a table definition", "[FILE]", 0, 1, true },
	{ 0 }
};

static const struct pf_example examples[] = {
	{ "pf-stage schema events.jsonl > events.yaml", "guess, then edit" },
	{ "pf-stage append -S events.yaml stage events.jsonl", "accepted = on disk" },
	{ "pf-stage append --rejects bad.jsonl stage more.jsonl", NULL },
	{ "pf-stage read stage --after wh/default.db/events", "what is not loaded" },
	{ 0 }
};

static const struct pf_program program = {
	.name = "pf-stage",
	.summary = "make rows durable, and read them again from any position",
	.synopsis = (const char *const[]){ "append [-S FILE] STAGE [FILE...]",
					   "read STAGE [--after TABLE] [--follow]",
					   "status STAGE [TABLE...]",
					   "trim STAGE --consumer TABLE...",
					   "schema [FILE]", NULL },
	.options = options,
	.options_bytes = sizeof(struct options),
	.common = PF_COMMON_OUTPUT | PF_COMMON_INPUT,
	.examples = examples,
	.commands = commands,
	.exit_note = "rows were left out under --on-error=skip",
	.run = run_command,
};

PF_MAIN(program)
