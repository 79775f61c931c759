/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-stage: rows become durable, and are read again from any position.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/append.h"
#include "app/program.h"
#include "base/number.h"
#include "base/time.h"
#include "load/loaded.h"
#include "stage/status.h"
#include "text/guess.h"

struct options {
	struct pf_append_options append;
	/* read */
	bool from_start, follow, accept_gap;
	const char *offsets, *after;
	int64_t limit;
	/* trim */
	struct pf_strings consumers;
	int64_t grace_ms;
	bool dry_run;
};

enum { GROUP_START = 1 };

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 'S', "schema", PF_OPT_STRING, OPT(append.schema), "FILE",
	  .help = "table definition; makes the stage, or adds columns to it",
	  .commands = "append" },
	{ 0, "rejects", PF_OPT_STRING, OPT(append.rejects), "FILE",
	  .help = "append rows that do not fit here, and go on",
	  .more = "One JSON object a line: file, line, byte, code, column, reason, row. "
		  "The row stands as it was. "
		  "When it is not UTF-8, row_base64 stands for row.",
	  .commands = "append" },
	{ 0, "on-error", PF_OPT_ENUM, OPT(append.on_error), "stop|skip",
	  .help = "a row that does not fit stops, or is left out (exit 1)",
	  .commands = "append" },
	{ 0, "source", PF_OPT_STRING, OPT(append.source), "NAME",
	  .help = "name of the input: stdin with a name can be resumed",
	  .more = "Files are known by their content; a name overrides that.",
	  .commands = "append" },
	{ 0, "final-line", PF_OPT_FLAG, OPT(append.final_line), NULL,
	  .help = "the end of the input ends its last line", .commands = "append" },
	{ 0, "ack-fd", PF_OPT_INT, OPT(append.ack_fd), "N",
	  .help = "report durable positions on this descriptor", .def = "-1", .min = -1,
	  .max = 1 << 20,
	  .more = "One line each, with tabs between three fields. "
		  "They are: offset in the stage, bytes of the source, its name.",
	  .commands = "append" },
	{ 0, "wait", PF_OPT_DURATION, OPT(append.wait_ms), "TIME",
	  .help = "wait so long for a locked stage", .def = "0ms", .commands = "append" },
	{ 0, "segment-size", PF_OPT_SIZE, OPT(append.segment_bytes), "SIZE",
	  .help = "begin a new segment file at this size", .def = "64Mi", .min = 4096,
	  .max = (int64_t)1 << 40, .commands = "append", .minor = true },
	{ 0, "sync", PF_OPT_DURATION, OPT(append.group_ms), "TIME",
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

static int append(struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	return pf_append_operands(run, &o->append, err);
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
		PF_TRY(pf_loaded_read(o->consumers.items[i], pf_stage_uuid(stage),
				      pf_now_ms() - o->grace_ms, &loaded, err));
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
	PF_TRY(pf_input_text_format(run, &how.format, err));
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
		{ "append", append }, { "read", run_read },
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
