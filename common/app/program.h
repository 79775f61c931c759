/* SPDX-License-Identifier: Apache-2.0
 *
 * A program is a descriptor; the skeleton (run.c) owns the life of the
 * process: signals, options, --help, the first look at operands, the failure
 * message, the abort message downstream, the checked close of stdout, and
 * the exit status. A whole program:
 *
 *	struct options {
 *		const char *schema;
 *		int64_t memory;
 *		bool dry_run;
 *	};
 *
 *	#define OPT(field) offsetof(struct options, field)
 *	static const struct pf_option options[] = {
 *		{ 'S', "schema", PF_OPT_STRING, OPT(schema), "FILE", "table definition" },
 *		{ 0, "memory", PF_OPT_SIZE, OPT(memory), "SIZE", "memory to use",
 *		  .def = "64Mi", .min = 1 << 20, .max = INT64_MAX },
 *		{ 0, "dry-run", PF_OPT_FLAG, OPT(dry_run), NULL, "only say what would happen" },
 *		{ 0 }
 *	};
 *
 *	static int run(struct pf_run *run, struct pf_error *err)
 *	{
 *		const struct options *o = run->options;
 *		struct pf_input input;
 *		struct pf_stream_out *out;
 *
 *		for (size_t i = 0; i < pf_inputs(run); i++) {
 *			PF_TRY(pf_input_open(run, pf_input_name(run, i), &input, err));
 *			... pf_stream_in_open(&input.source, 0, &in, err) ...
 *			PF_TRY(pf_output_stream(run, schema, &out, err));  // owned by the run
 *			... pf_stream_out_batch(out, ...), pf_stream_out_end(out, ...) ...
 *			pf_input_close(&input);
 *		}
 *		return 0;
 *	}
 *
 *	static const struct pf_program program = {
 *		.name = "pf-pack",
 *		.summary = "sort rows and encode them as Parquet segments",
 *		.synopsis = (const char *const[]){ "[options] [FILE...]", NULL },
 *		.options = options, .options_bytes = sizeof(struct options),
 *		.common = PF_COMMON_OUTPUT, .max_operands = PF_ANY,
 *		.run = run,
 *	};
 *	PF_MAIN(program)
 */
#ifndef PF_APP_PROGRAM_H
#define PF_APP_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/input.h"
#include "app/operand.h"
#include "app/output.h"
#include "app/progress.h"
#include "base/error.h"
#include "cli/diag.h"
#include "cli/option.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#define PF_VERSION "0.1.0"

enum { PF_ANY = -1 };

/* Groups of common options that a program takes besides -h -V -q -v --color
 * --errors, which all have. */
enum {
	PF_COMMON_OUTPUT = 1 << 0, /* -o FILE, -f */
	PF_COMMON_FORMAT = 1 << 1, /* -O FORMAT */
	PF_COMMON_INPUT = 1 << 2,  /* -I FORMAT */
};

enum pf_format {
	PF_FORMAT_AUTO, /* out: table on a terminal, else tsv; in: by magic bytes */
	PF_FORMAT_ARROW,
	PF_FORMAT_TABLE,
	PF_FORMAT_CSV,
	PF_FORMAT_TSV,
	PF_FORMAT_JSONL,
	PF_FORMAT_JSON,
	PF_FORMAT_MD,
	PF_FORMAT_DEBEZIUM, /* from here on: input only */
	PF_FORMAT_CANAL,
	PF_FORMAT_MAXWELL,
};

struct pf_example {
	const char *command; /* a line to type; a long one is broken behind a pipe */
	const char *what;    /* what it does, or NULL */
};

/* A subcommand: pf-stage append. */
struct pf_command {
	const char *name, *summary;
	const char *synopsis; /* "STAGE [FILE...]" */
	int min_operands, max_operands;
	bool reads_stdin;     /* without operand beyond min: from stdin */
};

struct pf_run;

struct pf_program {
	const char *name;
	const char *summary;             /* one line: lower case, no full stop */
	const char *const *synopsis;     /* NULL-terminated; without the name */
	const struct pf_option *options; /* ends with an empty row, or NULL */
	size_t options_bytes;
	unsigned common;                 /* PF_COMMON_... */
	const struct pf_example *examples; /* ends with an empty row */
	const struct pf_command *commands; /* ends with an empty row, or NULL */
	int min_operands, max_operands;  /* without commands; PF_ANY */
	bool reads_stdin;                /* no operand beyond min: reads stdin */
	const char *exit_note;           /* what 1 means here, or NULL */
	int (*run)(struct pf_run *run, struct pf_error *err);
};

/* Where the progress line stands; see app/progress.h. */
struct pf_progress {
	int64_t rows, bytes, begin_ms, next_ms;
	int drawn; /* columns */
	bool off;
};

struct pf_run {
	const struct pf_program *program;
	void *options;          /* the program's own struct, filled in */
	const char *command;    /* which subcommand, or NULL */
	char **operands;        /* without the subcommand */
	size_t noperands;
	struct pf_arguments arguments; /* for pf_option_given */
	struct pf_diag diag;    /* for pf_diag_warn, pf_diag_note */

	/* common options */
	const char *help;
	bool version, force, pager;
	int quiet, verbose, color, errors, progress_when;
	int format, input_format; /* enum pf_format */
	int json_ints;            /* 1: in quotes */
	const char *output;       /* -o, or NULL */
	bool lasting;             /* set by programs that go on from what they gave
	                           * out: output to a file is on the disk before
	                           * pf_output_finish says that it is there */
	const char *config;       /* --config: a file, "none" or NULL */

	/* The skeleton's: see app/output.h; kept: values from files. */
	char **kept;
	size_t nkept;
	struct pf_progress progress;
	struct pf_output *out;
	int64_t unmarked; /* rows since the last mark, of all operands (app/records.h) */
	/* Called when run fails: tells downstream. Set by pf_output_stream. */
	void (*abort)(struct pf_run *run, const struct pf_error *err);
};

int pf_main(const struct pf_program *program, int argc, char **argv);

/* The command that was chosen; NULL: none, or the program has none. */
const struct pf_command *pf_command_of(const struct pf_run *run);

#define PF_MAIN(program)                                  \
	int main(int argc, char **argv)                   \
	{                                                 \
		return pf_main(&(program), argc, argv);   \
	}

#endif
