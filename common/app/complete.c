/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "app/help.h"
#include "app/program.h"

typedef void option_writer(const struct pf_run *run, const struct pf_option *o,
			   struct pf_buf *out);

static void each_option(const struct pf_run *run, option_writer *write,
			struct pf_buf *out)
{
	for (int s = 0; s < 2; s++)
		for (const struct pf_option *o = run->arguments.sets[s].table;
		     o && o->name; o++)
			write(run, o, out);
}

static void spaced_words(const char *words, struct pf_buf *out)
{
	for (; *words; words++)
		pf_buf_byte(out, *words == '|' ? ' ' : (uint8_t)*words);
}

static bool goes_with(const struct pf_option *o, const char *command)
{
	return !command || !o->commands ||
		pf_word_index(o->commands, ' ', command, strlen(command)) >= 0;
}

/* The options of a command, or all. */
static void bash_words(const struct pf_run *run, const char *command, struct pf_buf *out)
{
	pf_buf_str(out, "COMPREPLY=($(compgen -W '");
	for (int s = 0; s < 2; s++)
		for (const struct pf_option *o = run->arguments.sets[s].table;
		     o && o->name; o++)
			if (goes_with(o, command))
				pf_buf_printf(out, " --%s", o->name);
	pf_buf_str(out, "' -- \"$cur\"))");
}

static void bash_options(const struct pf_run *run, struct pf_buf *out)
{
	const struct pf_command *c = run->program->commands;

	pf_buf_str(out, "\tif [[ $cur == -* ]]; then\n");
	if (c)
		pf_buf_str(out, "\t\tcase ${COMP_WORDS[1]} in\n");
	for (; c && c->name; c++) {
		pf_buf_printf(out, "\t\t%s) ", c->name);
		bash_words(run, c->name, out);
		pf_buf_str(out, " ;;\n");
	}
	pf_buf_str(out, run->program->commands ? "\t\t*) " : "\t\t");
	bash_words(run, NULL, out);
	pf_buf_str(out, run->program->commands ? " ;;\n\t\tesac\n" : "\n");
}

static void has_columns(const struct pf_run *run, const struct pf_option *o,
			struct pf_buf *out)
{
	(void)run;
	if (o->columns && !out->len)
		pf_buf_byte(out, 1);
}

/* Does an option take names of columns? */
static bool names_columns(const struct pf_run *run)
{
	struct pf_buf any = { 0 };
	each_option(run, has_columns, &any);
	bool is = any.len;
	pf_buf_free(&any);
	return is;
}

/* Print the columns of an operand, or of a table definition, one a line. */
#define ASK_OPERAND "pf-query --schema -O tsv -- \"$word\""
#define ASK_DEFINITION "pf-query --schema -O tsv -I jsonl -S \"$word\" /dev/null"
#define THEIR_NAMES " 2> /dev/null < /dev/null | tail -n +2 | cut -f 1"
#define ASK_COLUMNS "{ " ASK_OPERAND " || " ASK_DEFINITION "; }" THEIR_NAMES

static void bash_values(const struct pf_run *run, const struct pf_option *o,
			struct pf_buf *out)
{
	(void)run;
	if (o->kind != PF_OPT_ENUM && !o->columns)
		return;
	pf_buf_printf(out, "\t--%s", o->name);
	if (o->letter)
		pf_buf_printf(out, "|-%c", o->letter);
	if (o->columns) {
		pf_buf_str(out, ") _pf_columns; return ;;\n");
		return;
	}
	pf_buf_str(out, ") COMPREPLY=($(compgen -W '");
	spaced_words(o->arg, out);
	pf_buf_str(out, "' -- \"$cur\")); return ;;\n");
}

static void bash(const struct pf_run *run, struct pf_buf *out)
{
	const struct pf_program *p = run->program;
	char *function = pf_strdup(p->name);

	function[2] = '_';
	if (names_columns(run))
		pf_buf_str(out, "# The columns of the operands that are there, behind a comma, too.\n"
			   "_pf_columns()\n{\n\tlocal word list= before=\n"
			   "\t[[ $cur != *,* ]] || before=${cur%,*},\n"
			   "\tfor word in \"${COMP_WORDS[@]:1}\"; do\n"
			   "\t\t[[ $word != -* && -e $word ]] || continue\n"
			   "\t\tlist+=\" $(" ASK_COLUMNS ")\"\n\tdone\n"
			   "\tCOMPREPLY=($(compgen -P \"$before\" -W \"$list\" -- \"${cur##*,}\"))\n}\n");
	/* --name=value comes as three words. */
	pf_buf_printf(out, "_%s()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
		      "prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		      "\tif [[ $cur == = ]]; then cur=\n"
		      "\telif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
		      "\tcase $prev in\n", function);
	each_option(run, bash_values, out);
	pf_buf_str(out, "\tesac\n");
	bash_options(run, out);
	if (p->commands) {
		pf_buf_str(out, "\telif [[ $COMP_CWORD == 1 ]]; then\n"
			   "\t\tCOMPREPLY=($(compgen -W '");
		for (const struct pf_command *c = p->commands; c->name; c++)
			pf_buf_printf(out, " %s", c->name);
		pf_buf_str(out, "' -- \"$cur\"))\n");
	}
	pf_buf_printf(out, "\tfi\n}\ncomplete -o default -F _%s %s\n", function,
		      p->name);
	free(function);
}

/* Inside single quotes; brackets and colons mean something to zsh. */
static void zsh_text(const char *text, struct pf_buf *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			pf_buf_str(out, "'\\''");
		else if (strchr("[]:\\", *text))
			pf_buf_printf(out, "\\%c", *text);
		else
			pf_buf_byte(out, (uint8_t)*text);
	}
}

static void zsh_option(const struct pf_run *run, const struct pf_option *o,
		       struct pf_buf *out)
{
	(void)run;
	for (int form = o->letter ? 0 : 1; form < 2; form++) {
		pf_buf_str(out, "\t'*");
		if (form)
			pf_buf_printf(out, "--%s%s", o->name, pf_option_takes_value(o) ? "=" : "");
		else
			pf_buf_printf(out, "-%c%s", o->letter, pf_option_takes_value(o) ? "+" : "");
		pf_buf_byte(out, '[');
		zsh_text(o->help, out);
		pf_buf_byte(out, ']');
		if (o->kind == PF_OPT_ENUM) {
			pf_buf_str(out, ":word:(");
			spaced_words(o->arg, out);
			pf_buf_byte(out, ')');
		} else if (pf_option_takes_value(o)) {
			pf_buf_str(out, ":");
			zsh_text(o->arg, out);
			pf_buf_str(out, o->columns ? ":_pf_columns" : ":_files");
		}
		pf_buf_str(out, "' \\\n");
	}
}

static void zsh(const struct pf_run *run, struct pf_buf *out)
{
	const struct pf_program *p = run->program;

	pf_buf_printf(out, "#compdef %s\n", p->name);
	if (names_columns(run))
		pf_buf_str(out, "_pf_columns()\n{\n\tlocal word\n\tlocal -a names\n"
			   "\tfor word in ${(Q)words[2,-1]}; do\n"
			   "\t\t[[ $word != -* && -e $word ]] || continue\n"
			   "\t\tnames+=(${(f)\"$(" ASK_COLUMNS ")\"})\n\tdone\n"
			   "\t_sequence compadd - $names\n}\n");
	pf_buf_str(out, "_arguments \\\n");
	each_option(run, zsh_option, out);
	if (p->commands) {
		pf_buf_str(out, "\t'1:command:(");
		for (const struct pf_command *c = p->commands; c->name; c++)
			pf_buf_printf(out, "%s%s", c == p->commands ? "" : " ", c->name);
		pf_buf_str(out, ")' \\\n");
	}
	pf_buf_str(out, "\t'*:file:_files'\n");
}

static void fish_option(const struct pf_run *run, const struct pf_option *o,
			struct pf_buf *out)
{
	pf_buf_printf(out, "complete -c %s -l %s", run->program->name, o->name);
	if (o->commands)
		pf_buf_printf(out, " -n '__fish_seen_subcommand_from %s'", o->commands);
	if (o->letter)
		pf_buf_printf(out, " -s %c", o->letter);
	if (o->kind == PF_OPT_ENUM) {
		pf_buf_str(out, " -x -a '");
		spaced_words(o->arg, out);
		pf_buf_byte(out, '\'');
	} else if (o->columns) {
		pf_buf_str(out, " -x -a '(__fish_append , (__pf_columns))'");
	} else if (pf_option_takes_value(o)) {
		pf_buf_str(out, " -r");
	}
	pf_buf_str(out, " -d '");
	for (const char *t = o->help; *t; t++)
		pf_buf_printf(out, *t == '\'' || *t == '\\' ? "\\%c" : "%c", *t);
	pf_buf_str(out, "'\n");
}

static void fish(const struct pf_run *run, struct pf_buf *out)
{
	const struct pf_program *p = run->program;

	if (names_columns(run))
		pf_buf_str(out, "function __pf_columns\n\tfor word in (commandline -opc)[2..-1]\n"
			   "\t\tstring match -q -- '-*' $word; or not test -e $word; or begin\n"
			   "\t\t\t" ASK_OPERAND "; or " ASK_DEFINITION "\n\t\tend" THEIR_NAMES
			   "\n\tend\nend\n");
	each_option(run, fish_option, out);
	for (const struct pf_command *c = p->commands; c && c->name; c++)
		pf_buf_printf(out, "complete -c %s -n __fish_use_subcommand -a %s\n",
			      p->name, c->name);
}

void pf_help_completion(const struct pf_run *run, const char *shell,
			struct pf_buf *out)
{
	if (!strcmp(shell, "bash"))
		bash(run, out);
	else if (!strcmp(shell, "zsh"))
		zsh(run, out);
	else
		fish(run, out);
}
