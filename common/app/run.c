/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "app/help.h"
#include "app/program.h"
#include "ext/versions.h"

enum { COMMON_MAX = 17, COMMANDS_MAX = 16 };

#define RUN(field) offsetof(struct pf_run, field)
static const struct pf_option common_options[] = {
	{ 'o', "output", PF_OPT_STRING, RUN(output), "FILE",
	  .help = "write here, whole or not at all", .group = PF_COMMON_OUTPUT },
	{ 'f', "force", PF_OPT_FLAG, RUN(force), NULL,
	  .help = "let -o replace a file, and binary reach a terminal",
	  .group = PF_COMMON_OUTPUT },
	{ 'O', "output-format", PF_OPT_ENUM, RUN(format),
	  "auto|arrow|table|csv|tsv|jsonl|json|md",
	  .help = "output format; auto: table on a terminal, else tsv",
	  .group = PF_COMMON_FORMAT },
	{ 0, "json-ints", PF_OPT_ENUM, RUN(json_ints), "number|string",
	  .help = "in JSON, bigint and decimal as digits, or in quotes",
	  .group = PF_COMMON_FORMAT, .minor = true },
	{ 0, "pager", PF_OPT_FLAG, RUN(pager), NULL,
	  .help = "show it by screens, on a terminal; PF_PAGER does, too",
	  .more = "The pager is what PF_PAGER names, else PAGER, else less(1). "
		  "--no-pager: none, whatever PF_PAGER says.",
	  .group = PF_COMMON_FORMAT, .minor = true },
	{ 'I', "input-format", PF_OPT_ENUM, RUN(input_format),
	  "auto|arrow|table|csv|tsv|jsonl|json|md|debezium-json|canal-json|maxwell-json",
	  .help = "input format; auto: by the first bytes", .group = PF_COMMON_INPUT },
	{ 'q', "quiet", PF_OPT_COUNTER, RUN(quiet), NULL,
	  .help = "no summary line; twice: no warnings", .config = true },
	{ 'v', "verbose", PF_OPT_COUNTER, RUN(verbose), NULL,
	  .help = "say more; twice: much more", .config = true },
	{ 0, "color", PF_OPT_ENUM, RUN(color), "auto|always|never",
	  .help = "colours; NO_COLOR is honoured", .minor = true, .config = true },
	{ 0, "errors", PF_OPT_ENUM, RUN(errors), "text|json",
	  .help = "how errors are printed", .minor = true, .config = true },
	{ 0, "progress", PF_OPT_ENUM, RUN(progress_when), "auto|always|never",
	  .help = "a line that says how far it is; always: a line every 10 s",
	  .minor = true, .config = true },
	{ 0, "config", PF_OPT_STRING, RUN(config), "FILE",
	  .help = "settings, instead of the user's file; none: no file", .minor = true },
	{ 'h', "help", PF_OPT_OPTIONAL, RUN(help), "all|json",
	  .help = "this page; all: every option" },
	{ 'V', "version", PF_OPT_FLAG, RUN(version), NULL, .help = "version" },
	{ 0 }
};

/* The rows that the program takes; their group is only the selector. */
static void choose_common(const struct pf_program *p, struct pf_option *to)
{
	for (const struct pf_option *o = common_options; o->name; o++)
		if (!o->group || (p->common & (unsigned)o->group)) {
			*to = *o;
			to->group = 0;
			to++;
		}
	*to = (struct pf_option){ 0 };
}

/* A descriptor that is closed would be given to the first file that is
 * opened. Fill the hole with one that fails when used in its own direction. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			_exit(4);
}

const struct pf_command *pf_command_of(const struct pf_run *run)
{
	const struct pf_command *c = run->program->commands;
	for (; run->command && c && c->name; c++)
		if (!strcmp(c->name, run->command))
			return c;
	return NULL;
}

static int print(struct pf_buf *text, FILE *to, struct pf_error *err)
{
	size_t done = fwrite(text->data, 1, text->len, to);
	bool whole = done == text->len && !fflush(to);
	pf_buf_free(text);
	return whole ? 0 : pf_fail_errno(err, PF_E_IO, errno, "cannot write to stdout");
}

/* Too few or too many operands, or a terminal where data should come from:
 * two lines, not a wait. */
static int check_operands(struct pf_run *run, struct pf_error *err)
{
	const struct pf_program *p = run->program;
	const struct pf_command *c = pf_command_of(run);
	int min = c ? c->min_operands : p->min_operands;
	int max = c ? c->max_operands : p->max_operands;
	bool reads = c ? c->reads_stdin : p->reads_stdin;
	struct pf_buf text = { 0 };
	const char *what = NULL;
	char quoted[80];

	if (p->commands && !c)
		what = "no command given";
	else if (run->noperands < (size_t)min)
		what = "too few operands";
	else if (reads && run->noperands == (size_t)min && pf_is_terminal(STDIN_FILENO))
		what = "";
	if (what) {
		pf_usage(run, &text);
		if (*what)
			fprintf(stderr, "%s: %s\n", p->name, what);
		print(&text, stderr, err);
		err->message[0] = '\0';
		return PF_E_USAGE;
	}
	if (max != PF_ANY && run->noperands > (size_t)max) {
		const char *extra = run->operands[max];
		pf_fail(err, PF_E_USAGE, "extra operand '%s'",
			pf_quote(quoted, sizeof(quoted), extra, strlen(extra)));
		return pf_hint(err, "'%s --help' shows what it takes", p->name);
	}
	return 0;
}

static int parse(struct pf_run *run, const char *const *commands,
		 struct pf_option *common, int argc, char **argv,
		 struct pf_error *err)
{
	struct pf_arguments *a = &run->arguments;
	int code;

	choose_common(run->program, common);
	a->program = run->program->name;
	a->commands = run->program->commands ? commands : NULL;
	a->sets[0] = (struct pf_option_set){ run->program->options, run->options };
	a->sets[1] = (struct pf_option_set){ common, run };
	code = pf_options_parse(a, argc, argv, err);
	run->command = a->command;
	run->operands = a->operands;
	run->noperands = a->noperands;
	if (!code && !run->help && !run->version)
		code = pf_config_apply(run, err);
	run->diag.quiet = run->quiet;
	run->diag.verbose = run->verbose;
	run->diag.json = run->errors == 1;
	return code;
}

static int run_program(struct pf_run *run, struct pf_error *err)
{
	struct pf_buf text = { 0 };
	int code;

	if (run->help) {
		PF_TRY(pf_help(run, run->help, &text, err));
		return print(&text, stdout, err);
	}
	if (run->version) {
		pf_buf_printf(&text, "%s (ParaFlow) %s\nArrow IPC metadata V5, Parquet 2, "
			      "Paimon table format 1.2\n", run->program->name, PF_VERSION);
		pf_ext_versions(&text);
		pf_buf_byte(&text, '\n');
		return print(&text, stdout, err);
	}
	PF_TRY(check_operands(run, err));
	code = run->program->run(run, err);
	pf_progress_end(run);
	/* 1xxx: done, and the answer is partial. The output is whole. */
	if (code && pf_exit_status(code) != 1) {
		if (run->abort)
			run->abort(run, err);
		pf_output_drop(run);
		return code;
	}
	struct pf_error *late = code ? &(struct pf_error){ 0 } : err;
	int finish = pf_output_finish(run, late);
	if (finish && code)
		*err = *late;
	return finish ? finish : code;
}

/* What only the last flush and close of stdout learn. */
static int close_stdout(struct pf_error *err)
{
	bool failed = ferror(stdout);

	errno = 0;
	if (fclose(stdout))
		failed = true;
	if (!failed)
		return 0;
	return pf_fail_errno(err, errno == ENOSPC ? PF_E_SPACE : PF_E_IO, errno,
			     "cannot write to stdout");
}

int pf_main(const struct pf_program *program, int argc, char **argv)
{
	struct pf_run run = { .program = program };
	struct pf_option common[COMMON_MAX];
	const char *commands[COMMANDS_MAX] = { 0 };
	struct pf_error err = { 0 }, late = { 0 };

	fill_standard_descriptors();
	pf_signals_install();
	run.diag.program = program->name;
	run.options = pf_zalloc(1, program->options_bytes + 1);
	for (int i = 0; program->commands && program->commands[i].name &&
	     i < COMMANDS_MAX - 1; i++)
		commands[i] = program->commands[i].name;

	int code = parse(&run, commands, common, argc, argv, &err);
	if (!code)
		code = run_program(&run, &err);
	/* The signal that we obeyed ended the head of the line, too: that is what
	 * there is to say, and the last program says it for all. */
	bool cut = pf_stopping() && (code == PF_E_TRUNCATED || code == PF_E_UPSTREAM);
	bool told = run.abort && (cut || code == PF_E_INTERRUPTED);
	if (code && !told)
		pf_diag_error(&run.diag, &err);
	if (cut || code == PF_E_INTERRUPTED)
		pf_signals_raise_again();
	if (close_stdout(&late) && (!code || pf_exit_status(code) == 1)) {
		code = late.code;
		pf_diag_error(&run.diag, &late);
	}
	pf_options_free(&run.arguments);
	while (run.nkept)
		free(run.kept[--run.nkept]);
	free(run.kept);
	free(run.options);
	return code ? pf_exit_status(code) : 0;
}
