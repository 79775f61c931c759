/* SPDX-License-Identifier: Apache-2.0 */
#include "app/help.h"

#include <string.h>

#include "app/program.h"

enum { WIDTH = 80, HELP_AT = 30 };

static void usage_lines(const struct pf_run *run, struct pf_buf *out)
{
	const struct pf_program *p = run->program;
	const struct pf_command *chosen = pf_command_of(run);
	const char *lead = "usage:";

	for (const struct pf_command *c = p->commands; c && c->name; c++) {
		if (chosen && c != chosen)
			continue;
		pf_buf_printf(out, "%s %s %s [options] %s\n", lead, p->name, c->name,
			      c->synopsis ? c->synopsis : "");
		lead = "      ";
	}
	/* Where there are commands they tell more than the program's lines. */
	for (const char *const *s = p->synopsis; !p->commands && s && *s; s++) {
		pf_buf_printf(out, "%s %s %s\n", lead, p->name, *s);
		lead = "      ";
	}
}

void pf_usage(const struct pf_run *run, struct pf_buf *out)
{
	const struct pf_program *p = run->program;
	const struct pf_command *c = pf_command_of(run);

	if (c)
		pf_buf_printf(out, "usage: %s %s [options] %s\n", p->name, c->name,
			      c->synopsis ? c->synopsis : "");
	else if (p->commands) {
		pf_buf_printf(out, "usage: %s ", p->name);
		for (c = p->commands; c->name; c++)
			pf_buf_printf(out, "%s%s", c == p->commands ? "" : "|", c->name);
		pf_buf_str(out, " ...\n");
	} else {
		pf_buf_printf(out, "usage: %s %s\n", p->name,
			      p->synopsis ? p->synopsis[0] : "[options]");
	}
	pf_buf_printf(out, "'%s --help' tells more\n", p->name);
}

/* "-n, --limit N" */
static void spelling(const struct pf_option *o, struct pf_buf *out)
{
	if (o->letter)
		pf_buf_printf(out, "  -%c, --%s", o->letter, o->name);
	else
		pf_buf_printf(out, "      --%s", o->name);
	if (o->kind == PF_OPT_OPTIONAL)
		pf_buf_printf(out, "[=%s]", o->arg ? o->arg : "HOW");
	else if (o->kind == PF_OPT_ENUM)
		pf_buf_printf(out, " %s", strlen(o->arg) < 20 ? o->arg : "WORD");
	else if (o->kind != PF_OPT_FLAG && o->kind != PF_OPT_COUNTER)
		pf_buf_printf(out, " %s", o->arg ? o->arg : "VALUE");
}

/* Words of text from column at on, broken at the width. */
static void wrap(const char *text, size_t column, size_t at, struct pf_buf *out)
{
	while (*text) {
		const char *end = strchr(text, ' ');
		size_t len = end ? (size_t)(end - text) : strlen(text);
		if (column > at && column + 1 + len > WIDTH - 1) {
			pf_buf_printf(out, "\n%*s", (int)at, "");
			column = at;
		} else if (column > at) {
			pf_buf_byte(out, ' ');
			column++;
		}
		pf_buf_add(out, text, len);
		column += len;
		text += len;
		while (*text == ' ')
			text++;
	}
	pf_buf_byte(out, '\n');
}

/* -1 and 0 stand for no limit, no descriptor, the newest: nothing to read. */
static bool default_tells(const struct pf_option *o)
{
	return o->def && o->def[0] != '-' && strcmp(o->def, "0") != 0;
}

/* The default; one in angle brackets is only words. */
static void default_text(const struct pf_option *o, const char *before,
			 const char *after, struct pf_buf *out)
{
	size_t words = o->def[0] == '<' ? 1 : 0;

	pf_buf_str(out, before);
	pf_buf_add(out, o->def + words, strlen(o->def) - 2 * words);
	pf_buf_str(out, after);
}

static void option_line(const struct pf_option *o, bool all, struct pf_buf *out)
{
	struct pf_buf left = { 0 }, right = { 0 };

	spelling(o, &left);
	pf_buf_str(&right, o->help);
	if (o->kind == PF_OPT_ENUM && strlen(o->arg) >= 20)
		pf_buf_printf(&right, " (%s)", o->arg);
	if (default_tells(o))
		default_text(o, " [", "]", &right);
	if (all && o->more)
		pf_buf_printf(&right, ". %s", o->more);
	pf_buf_add(out, left.data, left.len);
	size_t column = left.len;
	if (column + 2 > HELP_AT) {
		if (column + 2 + right.len > WIDTH - 1 || all) {
			pf_buf_printf(out, "\n%*s", HELP_AT, "");
			column = HELP_AT;
		} else {
			pf_buf_str(out, "  ");
			column += 2;
		}
	} else {
		pf_buf_printf(out, "%*s", (int)(HELP_AT - column), "");
		column = HELP_AT;
	}
	wrap(pf_buf_cstr(&right), column, column, out);
	pf_buf_free(&left);
	pf_buf_free(&right);
}

/* Where a command line may be broken so that its first part fits: behind a
 * pipe, else before an option. 0: nowhere. */
static size_t break_at(const char *command, size_t len, size_t room)
{
	size_t pipe = 0, option = 0;

	for (size_t i = 0; i + 3 < len && i + 2 < room; i++) {
		if (!memcmp(command + i, " | ", 3))
			pipe = i + 2;
		else if (!memcmp(command + i, " -", 2))
			option = i;
	}
	return pipe ? pipe : option;
}

static void example_lines(const char *command, struct pf_buf *out)
{
	size_t indent = 2, len = strlen(command), cut;

	while (indent + len > WIDTH &&
	       (cut = break_at(command, len, WIDTH - indent)) != 0) {
		pf_buf_printf(out, "%*s%.*s%s\n", (int)indent, "", (int)cut, command,
			      command[cut - 1] == '|' ? "" : " \\");
		command += cut + 1;
		len -= cut + 1;
		indent = 6;
	}
	pf_buf_printf(out, "%*s%s\n", (int)indent, "", command);
}

/* Does the option stand on this page? A program with commands shows those of
 * the command that was named, or, on its first page, those that all have. */
static bool shown(const struct pf_run *run, const struct pf_option *o, bool all)
{
	if (run->command && o->commands &&
	    pf_word_index(o->commands, ' ', run->command, strlen(run->command)) < 0)
		return false;
	if (all)
		return true;
	return !o->minor && (run->command || !o->commands);
}

static void examples(const struct pf_program *p, bool all, struct pf_buf *out)
{
	for (const struct pf_example *e = p->examples; e && e->command; e++) {
		if (all && e->what)
			pf_buf_printf(out, "  # %s\n", e->what);
		example_lines(e->command, out);
	}
	if (p->examples && p->examples->command)
		pf_buf_byte(out, '\n');
}

static void common_line(const struct pf_run *run, bool hidden, struct pf_buf *out)
{
	struct pf_buf text = { 0 };

	for (const struct pf_option *o = run->arguments.sets[1].table; o->name; o++)
		if (!o->minor)
			pf_buf_printf(&text, "-%c, ", o->letter);
	pf_buf_printf(&text, "--color, ...: common options, pf(7)%s",
		      hidden ? "; --help=all lists all" : "");
	pf_buf_str(out, "  ");
	wrap(pf_buf_cstr(&text), 2, 2, out);
	pf_buf_free(&text);
}

static void help_screen(const struct pf_run *run, bool all, struct pf_buf *out)
{
	const struct pf_program *p = run->program;
	const struct pf_command *c = pf_command_of(run);
	struct pf_buf exits = { 0 };
	bool hidden = false;

	pf_buf_printf(out, "%s - ", p->name);
	wrap(p->summary, strlen(p->name) + 3, strlen(p->name) + 3, out);
	pf_buf_byte(out, '\n');
	usage_lines(run, out);
	pf_buf_byte(out, '\n');
	examples(p, all, out);
	if (c && c->summary) {
		pf_buf_printf(out, "%s: ", c->name);
		wrap(c->summary, strlen(c->name) + 2, strlen(c->name) + 2, out);
	}
	for (c = p->commands; c && c->name && !run->command; c++) {
		pf_buf_printf(out, "  %-12s", c->name);
		wrap(c->summary ? c->summary : "", 14, 14, out);
	}
	for (const struct pf_option *o = p->options; o && o->name; o++) {
		if (shown(run, o, all))
			option_line(o, all, out);
		else
			hidden |= o->minor && !all;
	}
	if (all)
		for (const struct pf_option *o = run->arguments.sets[1].table; o->name; o++)
			option_line(o, all, out);
	else if (p->commands && !run->command)
		pf_buf_printf(out, "\n'%s COMMAND --help' lists the options of a command, "
			      "--help=all\nthose of all.\n", p->name);
	else
		common_line(run, hidden, out);
	pf_buf_printf(&exits, "exit: 0 done, 1 %s, 2 usage, 3 bad data, 4 system, 5 upstream "
		      "failed, 75 try again", p->exit_note ? p->exit_note : "partial");
	pf_buf_byte(out, '\n');
	wrap(pf_buf_cstr(&exits), 0, 0, out);
	pf_buf_free(&exits);
}

static void json_text(struct pf_buf *out, const char *text)
{
	if (!text) {
		pf_buf_str(out, "null");
		return;
	}
	pf_buf_byte(out, '"');
	for (; *text; text++) {
		if (*text == '\n') {
			pf_buf_str(out, "\\n");
			continue;
		}
		if (*text == '"' || *text == '\\')
			pf_buf_byte(out, '\\');
		pf_buf_byte(out, (uint8_t)*text);
	}
	pf_buf_byte(out, '"');
}

static const char *kind_name(enum pf_option_kind kind)
{
	static const char *const names[] = {
		[PF_OPT_FLAG] = "flag",         [PF_OPT_COUNTER] = "counter",
		[PF_OPT_STRING] = "string",     [PF_OPT_PAIR] = "pair",
		[PF_OPT_OPTIONAL] = "optional", [PF_OPT_INT] = "int",
		[PF_OPT_SIZE] = "size",         [PF_OPT_DURATION] = "duration",
		[PF_OPT_ENUM] = "enum",         [PF_OPT_LIST] = "list",
		[PF_OPT_COLUMNS] = "columns",
	};
	return names[kind];
}

static void json_options(const struct pf_option *o, bool common, bool *first,
			 struct pf_buf *out)
{
	for (; o && o->name; o++) {
		pf_buf_printf(out, "%s\n    {\"name\": \"%s\", \"letter\": ",
			      *first ? "" : ",", o->name);
		*first = false;
		if (o->letter)
			pf_buf_printf(out, "\"%c\"", o->letter);
		else
			pf_buf_str(out, "null");
		pf_buf_printf(out, ", \"kind\": \"%s\", \"common\": %s, \"arg\": ",
			      kind_name(o->kind), common ? "true" : "false");
		json_text(out, o->arg);
		pf_buf_str(out, ", \"default\": ");
		json_text(out, o->def);
		pf_buf_str(out, ", \"commands\": ");
		json_text(out, o->commands);
		pf_buf_printf(out, ", \"config\": %s", o->config ? "true" : "false");
		pf_buf_str(out, ", \"help\": ");
		json_text(out, o->help);
		pf_buf_byte(out, '}');
	}
}

static void help_json(const struct pf_run *run, struct pf_buf *out)
{
	const struct pf_program *p = run->program;
	bool first = true;

	pf_buf_printf(out, "{\n  \"name\": \"%s\",\n  \"summary\": ", p->name);
	json_text(out, p->summary);
	pf_buf_printf(out, ",\n  \"version\": \"%s\",\n  \"commands\": [", PF_VERSION);
	for (const struct pf_command *c = p->commands; c && c->name; c++) {
		pf_buf_printf(out, "%s\n    {\"name\": \"%s\", \"synopsis\": ",
			      c == p->commands ? "" : ",", c->name);
		json_text(out, c->synopsis);
		pf_buf_str(out, ", \"summary\": ");
		json_text(out, c->summary);
		pf_buf_byte(out, '}');
	}
	pf_buf_str(out, "],\n  \"examples\": [");
	for (const struct pf_example *e = p->examples; e && e->command; e++) {
		pf_buf_str(out, e == p->examples ? "\n    " : ",\n    ");
		json_text(out, e->command);
	}
	pf_buf_str(out, "],\n  \"options\": [");
	json_options(p->options, false, &first, out);
	json_options(run->arguments.sets[1].table, true, &first, out);
	pf_buf_str(out, "]\n}\n");
}

/* mdoc: backslashes, and words that begin with a quote or a dot. */
static void mdoc_text(struct pf_buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		pf_buf_str(out, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			pf_buf_str(out, "\\e");
		else
			pf_buf_byte(out, (uint8_t)*text);
	}
}

static void mdoc_option(const struct pf_option *o, struct pf_buf *out)
{
	bool value = o->kind != PF_OPT_FLAG && o->kind != PF_OPT_COUNTER;

	pf_buf_str(out, ".It");
	if (o->letter)
		pf_buf_printf(out, " Fl %c ,", o->letter);
	pf_buf_printf(out, " Fl -%s", o->name);
	if (o->kind == PF_OPT_OPTIONAL) {
		pf_buf_printf(out, " Ns Op = Ns Ar ");
		mdoc_text(out, o->arg ? o->arg : "HOW");
	} else if (value) {
		pf_buf_str(out, " Ar ");
		mdoc_text(out, o->arg ? o->arg : "VALUE");
	}
	pf_buf_byte(out, '\n');
	struct pf_buf text = { 0 };
	pf_buf_str(&text, o->help);
	if (text.len && text.data[0] >= 'a' && text.data[0] <= 'z')
		text.data[0] = (uint8_t)(text.data[0] - 'a' + 'A');
	mdoc_text(out, pf_buf_cstr(&text));
	pf_buf_free(&text);
	pf_buf_str(out, ".\n");
	if (o->more) {
		/* One sentence per line, as mdoc wants it. */
		for (const char *at = o->more; *at;) {
			const char *dot = strstr(at, ". ");
			size_t n = dot ? (size_t)(dot - at) : strlen(at);
			bool stop = n && at[n - 1] == '.';
			pf_buf_add(&text, at, n);
			mdoc_text(out, pf_buf_cstr(&text));
			pf_buf_str(out, stop ? "\n" : ".\n");
			pf_buf_free(&text);
			text = (struct pf_buf){ 0 };
			at += n + (dot ? 2 : 0);
		}
	}
	if (o->config)
		pf_buf_str(out, "May also be set by the configuration, see\n"
			   ".Xr pf-config 5 .\n");
	if (o->commands) {
		pf_buf_str(out, "Only with ");
		mdoc_text(out, o->commands);
		pf_buf_str(out, ".\n");
	}
	if (default_tells(o)) {
		bool words = o->def[0] == '<';
		pf_buf_str(out, words ? "The default is " : "The default is\n.Cm ");
		default_text(o, "", "", &text);
		mdoc_text(out, pf_buf_cstr(&text));
		pf_buf_free(&text);
		pf_buf_str(out, words ? ".\n" : " .\n");
	}
}

static void help_man(const struct pf_run *run, struct pf_buf *out)
{
	pf_buf_str(out, ".Bl -tag -width Ds\n");
	for (const struct pf_option *o = run->program->options; o && o->name; o++)
		mdoc_option(o, out);
	for (const struct pf_option *o = run->arguments.sets[1].table; o->name; o++)
		if (!o->minor)
			mdoc_option(o, out);
	pf_buf_str(out, ".El\n.Pp\nOptions that all have and that are not here, such as\n"
		   ".Fl -color ,\nare told in\n.Xr pf 7 .\n");
}

int pf_help(const struct pf_run *run, const char *kind, struct pf_buf *out,
	    struct pf_error *err)
{
	if (!*kind || !strcmp(kind, "all"))
		help_screen(run, *kind != '\0', out);
	else if (!strcmp(kind, "json"))
		help_json(run, out);
	else if (!strcmp(kind, "man"))
		help_man(run, out);
	else if (!strcmp(kind, "bash") || !strcmp(kind, "zsh") || !strcmp(kind, "fish"))
		pf_help_completion(run, kind, out);
	else {
		pf_fail(err, PF_E_USAGE, "no such help: '%.40s'", kind);
		return pf_hint(err, "--help, --help=all, --help=json");
	}
	return 0;
}
