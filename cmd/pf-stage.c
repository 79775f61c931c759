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
#include "app/replay.h"
#include "text/guess.h"

struct options {
	struct pf_append_options append;
	struct pf_replay_options replay;
	/* of both */
	const char *schema, *rejects, *kafka_config;
	int on_error;
	int64_t timeout_ms;
};

enum { GROUP_START = 1 };

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 'S', "schema", PF_OPT_STRING, OPT(schema), "FILE",
	  .help = "table definition; makes the stage, or adds columns to it",
	  .more = "With read: what the records of a topic are that do not say so.",
	  .commands = "append read status" },
	{ 0, "rejects", PF_OPT_STRING, OPT(rejects), "FILE",
	  .help = "append rows that do not fit here, and go on",
	  .more = "One JSON object a line: file, line, byte, code, column, reason, row. "
		  "The row stands as it was. "
		  "When it is not UTF-8, row_base64 stands for row. "
		  "With read: records of a topic, with topic, partition and offset.",
	  .commands = "append read" },
	{ 0, "on-error", PF_OPT_ENUM, OPT(on_error), "stop|skip|reject",
	  .help = "a row that does not fit: the end, left out (exit 1), or to --rejects",
	  .commands = "append read" },
	{ 0, "max-errors", PF_OPT_INT, OPT(append.max_errors), "N",
	  .help = "stop when more rows than this do not fit", .def = "-1", .min = -1,
	  .max = INT64_MAX, .with = "rejects on-error", .commands = "append", .minor = true },
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
		  "They are: offset in the stage, bytes of the source, its name. "
		  "Of a topic the first is the number of rows of this run that are durable.",
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

	{ 0, "from-start", PF_OPT_FLAG, OPT(replay.from_start), NULL,
	  .help = "read from the oldest row on (default)", .group = GROUP_START,
	  .commands = "read" },
	{ 0, "after", PF_OPT_STRING, OPT(replay.after), "TABLE",
	  .help = "read what the table has not loaded", .group = GROUP_START,
	  .commands = "read" },
	{ 0, "offsets", PF_OPT_STRING, OPT(replay.offsets), "N[@ANCHOR]",
	  .help = "read from row N on", .group = GROUP_START,
	  .more = "With the anchor of a mark: only if the rows before N are the same. "
		  "Of a topic: P:N[@ANCHOR],... for partitions P; those not named begin at 0.",
	  .commands = "read" },
	{ 0, "follow", PF_OPT_FLAG, OPT(replay.follow), NULL,
	  .help = "wait for more; a mark at most once a second", .commands = "read" },
	{ 'n', "limit", PF_OPT_INT, OPT(replay.limit), "ROWS", .help = "read at most so many",
	  .def = "0", .min = 0, .max = INT64_MAX, .commands = "read" },
	{ 0, "accept-gap", PF_OPT_FLAG, OPT(replay.accept_gap), NULL,
	  .help = "go on when rows were trimmed unread; the table records it",
	  .commands = "read" },

	{ 0, "partitions", PF_OPT_STRING, OPT(replay.partitions), "LIST",
	  .help = "only these partitions of a topic: 0-3,7",
	  .more = "Several lines may load one table so, each its own partitions.",
	  .commands = "read" },
	{ 0, "kafka-config", PF_OPT_STRING, OPT(kafka_config), "FILE",
	  .help = "librdkafka properties for kafka://: how to get in",
	  .more = "One name=value a line. A file with a secret must be readable by its owner only.",
	  .commands = "append read status", .config = true },
	{ 0, "connect-timeout", PF_OPT_DURATION, OPT(timeout_ms), "TIME",
	  .help = "give up when no broker of a topic answers for so long",
	  .def = "30s", .commands = "append read status", .minor = true, .config = true },
	{ 0, "look-back", PF_OPT_DURATION, OPT(append.look_back_ms), "TIME",
	  .help = "how old messages of a topic may be that say where sources stand",
	  .more = "They are read from the end backwards, as far as needed, before the first row. "
		  "A source that was not appended to for so long is a new one.",
	  .def = "7d", .commands = "append", .minor = true },
	{ 0, "require-isr", PF_OPT_FLAG, OPT(append.require_isr), NULL,
	  .help = "refuse a topic that may lose a row with one broker",
	  .more = "That is: fewer than 3 replicas, or min.insync.replicas below 2. "
		  "Without this it is a warning.",
	  .commands = "append", .minor = true },
	{ 0, "payload", PF_OPT_STRING, OPT(append.payload), "arrow|json",
	  .help = "what a message of a topic holds: many rows, or one",
	  .more = "As payload= in the URL.", .commands = "append", .minor = true },
	{ 0, "partitioner", PF_OPT_STRING, OPT(append.partitioner), "fiber|murmur2",
	  .help = "which partition of a topic a row goes to",
	  .more = "As partitioner= in the URL.", .commands = "append", .minor = true },

	{ 0, "human", PF_OPT_FLAG, OPT(replay.human), NULL,
	  .help = "rows and bytes as 1.2M", .more = "k M G T are powers of 1000.",
	  .commands = "status" },
	{ 0, "consumer", PF_OPT_LIST, OPT(replay.consumers), "TABLE",
	  .help = "a table that loads this stage; name them all", .commands = "trim" },
	{ 0, "grace", PF_OPT_DURATION, OPT(replay.grace_ms), "TIME",
	  .help = "keep what was loaded more recently than this", .def = "10m",
	  .commands = "trim" },
	{ 0, "dry-run", PF_OPT_FLAG, OPT(replay.dry_run), NULL,
	  .help = "only say what would be removed", .commands = "trim" },
	{ 0 }
};

/* --- append, read, status, trim --- */

/* --rejects says it all; the word may be there, too. */
static int check_on_error(const struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	if (o->on_error == PF_ON_ERROR_REJECT && !o->rejects) {
		pf_fail(err, PF_E_USAGE, "--on-error=reject: where to?");
		return pf_hint(err, "--rejects FILE takes the rows");
	}
	if (o->rejects && o->on_error != PF_ON_ERROR_REJECT &&
	    pf_option_given(&run->arguments, "on-error"))
		return pf_fail(err, PF_E_USAGE, "options '--rejects' and '--on-error=%s' "
			       "exclude each other",
			       o->on_error == PF_ON_ERROR_SKIP ? "skip" : "stop");
	return 0;
}

static int append(struct pf_run *run, struct pf_error *err)
{
	struct options *o = run->options;
	PF_TRY(check_on_error(run, err));
	o->append.schema = o->schema;
	o->append.rejects = o->rejects;
	o->append.on_error = o->on_error;
	o->append.kafka_config = o->kafka_config;
	o->append.timeout_ms = o->timeout_ms;
	return pf_append_operands(run, &o->append, err);
}

static struct pf_replay_options replay(struct pf_run *run)
{
	struct options *o = run->options;
	o->replay.schema = o->schema;
	o->replay.rejects = o->rejects;
	o->replay.on_error = o->on_error;
	o->replay.kafka_config = o->kafka_config;
	o->replay.timeout_ms = o->timeout_ms;
	return o->replay;
}

static int run_read(struct pf_run *run, struct pf_error *err)
{
	struct pf_replay_options o = replay(run);
	PF_TRY(check_on_error(run, err));
	return pf_replay(run, &o, err);
}

static int run_status(struct pf_run *run, struct pf_error *err)
{
	struct pf_replay_options o = replay(run);
	return pf_replay_status(run, &o, err);
}

static int run_trim(struct pf_run *run, struct pf_error *err)
{
	struct pf_replay_options o = replay(run);
	return pf_replay_trim(run, &o, err);
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
	if (pf_text_format_changes(how.format)) {
		pf_fail(err, PF_E_UNSUPPORTED, "nothing is guessed from %s",
			pf_text_format_name(how.format));
		return pf_hint(err, "guess from the rows as jsonl, then add primary_key: [...]");
	}
	PF_TRY(pf_input_open(run, operand, &in, err));
	if (strcmp(operand, "-") != 0)
		how.file = operand;
	if (in.packed == in.kind && !fstat(in.fd, &st) && S_ISREG(st.st_mode))
		how.total_bytes = (uint64_t)st.st_size;
	int code = pf_schema_guess(&in.source, &how, &out, err);
	struct pf_byte_sink sink;
	if (!code)
		code = pf_output_sink(run, false, &sink, err);
	if (!code)
		code = sink.write(sink.ctx, out.data, out.len, err);
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
