/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs of lines that have no delimiter but a well-known form.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/guess_shape.h"

#define COMMON "^([^ ]+) ([^ ]+) ([^ ]+) \\[([^]]+)\\] \"([^\"]*)\" ([0-9]+) ([0-9]+|-)"

/* The most telling first. A name of "_" is a group that no column takes. */
static const struct {
	const char *pattern;
	const char *names[10];
} forms[] = {
	{ COMMON " \"([^\"]*)\" \"([^\"]*)",
	  { "client", "ident", "user", "ts", "request", "status", "bytes", "referrer",
	    "agent" } },
	{ COMMON,
	  { "client", "ident", "user", "ts", "request", "status", "bytes" } },
	{ "^([A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}) ([^ ]+) ([^ :[]+)(\\[([0-9]+)\\])?: (.*)$",
	  { "ts", "host", "program", "_", "pid", "message" } },
	{ "^([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}[^ ]*) ([^ ]+) ([^ :[]+)(\\[([0-9]+)\\])?: (.*)$",
	  { "ts", "host", "program", "_", "pid", "message" } },
	{ "^([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+[^ ]*) +\\[?([A-Z]{4,8})\\]? +(.*)$",
	  { "ts", "level", "message" } },
};

enum { LOOK = 100 };

/* Percent of the first lines that the pattern takes apart. */
static int matching(const regex_t *regex, const char *p, const char *end)
{
	int lines = 0, hits = 0;
	while (p < end && lines < LOOK) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			break;
		regmatch_t line = { .rm_so = 0, .rm_eo = (regoff_t)(stop - p) };
		lines++;
		hits += !memchr(p, 0, (size_t)(stop - p)) &&
			!regexec(regex, p, 1, &line, REG_STARTEND);
		p = stop + 1;
	}
	return lines ? hits * 100 / lines : 0;
}

static void take_form(struct pf_guess_shape *s, size_t form, size_t groups)
{
	s->input.format = PF_TEXT_LINES;
	s->input.pattern = pf_strdup(forms[form].pattern);
	s->input.header = PF_HEADER_NAMES;
	s->input.names = pf_zalloc(groups, sizeof *s->input.names);
	s->input.nnames = groups;
	for (size_t i = 0; i < groups; i++) {
		const char *name = forms[form].names[i];
		s->input.names[i] = pf_strdup(name);
		if (!strcmp(name, "_"))
			continue;
		s->columns = pf_realloc(s->columns, s->n + 1, sizeof *s->columns);
		s->columns[s->n++] = (struct pf_guess_column){ .name = pf_strdup(name) };
	}
}

bool pf_guess_lines(struct pf_guess_shape *s, const char *data, const char *end)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		regex_t regex;
		if (regcomp(&regex, forms[i].pattern, REG_EXTENDED | REG_NEWLINE))
			continue;
		bool fits = matching(&regex, data, end) >= 95;
		if (fits)
			take_form(s, i, regex.re_nsub);
		regfree(&regex);
		if (fits)
			return true;
	}
	return false;
}
