/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/option.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/near.h"
#include "base/number.h"
#include "base/time.h"

enum { NSETS = 2 };

/* A row that was found: its set and place. */
struct found {
	const struct pf_option *option;
	size_t set, row;
};

int pf_word_index(const char *words, char sep, const char *word, size_t len)
{
	for (int i = 0;; i++) {
		const char *end = strchr(words, sep);
		size_t n = end ? (size_t)(end - words) : strlen(words);
		if (n == len && !memcmp(words, word, n))
			return i;
		if (!end)
			return -1;
		words = end + 1;
	}
}

static size_t table_rows(const struct pf_option *table)
{
	size_t n = 0;
	while (table && table[n].name)
		n++;
	return n;
}

static bool find(const struct pf_arguments *a, char letter, const char *name,
		 size_t len, struct found *f)
{
	for (size_t s = 0; s < NSETS; s++) {
		const struct pf_option *o = a->sets[s].table;
		for (size_t i = 0; o && o[i].name; i++)
			if (letter ? o[i].letter == letter :
			    strlen(o[i].name) == len && !memcmp(o[i].name, name, len)) {
				*f = (struct found){ &o[i], s, i };
				return true;
			}
	}
	return false;
}

static void *place(const struct pf_arguments *a, const struct found *f)
{
	return (char *)a->sets[f->set].values + f->option->at;
}

static void add_item(struct pf_strings *list, const char *text, size_t len)
{
	list->items = pf_realloc(list->items, list->n + 1, sizeof(char *));
	list->items[list->n++] = pf_strndup(text, len);
}

/* Split at commas that stand outside of quotes and parentheses. */
static void add_columns(struct pf_strings *list, const char *text)
{
	const char *start = text;
	int depth = 0;
	char quote = 0;

	for (;; text++) {
		if (quote) {
			if (*text == quote)
				quote = 0;
		} else if (*text == '\'' || *text == '"' || *text == '`') {
			quote = *text;
		} else if (*text == '(') {
			depth++;
		} else if (*text == ')') {
			depth--;
		}
		if (!*text || (*text == ',' && !quote && depth <= 0)) {
			while (start < text && *start == ' ')
				start++;
			if (text > start)
				add_item(list, start, (size_t)(text - start));
			start = text + 1;
		}
		if (!*text)
			return;
	}
}

static int bad_word(const struct pf_option *o, const char *text,
		    struct pf_error *err)
{
	char quoted[80], copy[256];
	const char *words[32];
	size_t n = 0;

	pf_fail(err, PF_E_USAGE, "option '--%s' does not know '%s'", o->name,
		pf_quote(quoted, sizeof(quoted), text, strlen(text)));
	strncpy(copy, o->arg, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	for (char *at = copy; at && n < 32;) {
		words[n++] = at;
		at = strchr(at, '|');
		if (at)
			*at++ = '\0';
	}
	const char *near = pf_near_of(text, words, n);
	if (near)
		return pf_hint(err, "did you mean '%s'? it takes %s", near, o->arg);
	return pf_hint(err, "it takes one of %s", o->arg);
}

static int store_number(const struct pf_option *o, int64_t *to, const char *text,
			struct pf_error *err)
{
	int64_t value;
	int code = o->kind == PF_OPT_DURATION ? pf_parse_duration(text, &value, err) :
		pf_parse_count(text, &value, err);

	if (code)
		return pf_context(err, "option '--%s'", o->name);
	if (o->max > o->min && (value < o->min || value > o->max))
		return pf_fail(err, PF_E_USAGE,
			       "option '--%s': %s is not within %lld and %lld",
			       o->name, text, (long long)o->min, (long long)o->max);
	*to = value;
	return 0;
}

/* text is not NULL for the kinds that take a value. */
static int store(const struct pf_arguments *a, const struct found *f,
		 const char *text, struct pf_error *err)
{
	const struct pf_option *o = f->option;
	void *to = place(a, f);
	int word;

	switch (o->kind) {
	case PF_OPT_FLAG:
		*(bool *)to = true;
		return 0;
	case PF_OPT_COUNTER:
		++*(int *)to;
		return 0;
	case PF_OPT_STRING:
	case PF_OPT_PAIR: /* the first */
		*(const char **)to = text;
		return 0;
	case PF_OPT_OPTIONAL:
		*(const char **)to = text ? text : "";
		return 0;
	case PF_OPT_INT:
	case PF_OPT_SIZE:
	case PF_OPT_DURATION:
		return store_number(o, to, text, err);
	case PF_OPT_ENUM:
		word = pf_word_index(o->arg, '|', text, strlen(text));
		if (word < 0)
			return bad_word(o, text, err);
		*(int *)to = word;
		return 0;
	case PF_OPT_LIST:
		add_item(to, text, strlen(text));
		return 0;
	case PF_OPT_COLUMNS:
		add_columns(to, text);
		return 0;
	}
	return 0;
}

bool pf_option_takes_value(const struct pf_option *o)
{
	return o->kind != PF_OPT_FLAG && o->kind != PF_OPT_COUNTER &&
		o->kind != PF_OPT_OPTIONAL;
}

static const char *name_at(const void *ctx, size_t i)
{
	const struct pf_arguments *a = ctx;
	for (size_t s = 0; s < NSETS; s++) {
		size_t n = table_rows(a->sets[s].table);
		if (i < n)
			return a->sets[s].table[i].name;
		i -= n;
	}
	return NULL;
}

static int unknown(const struct pf_arguments *a, const char *text, size_t len,
		   struct pf_error *err)
{
	char quoted[80], word[64];
	const char *near = NULL;
	size_t dashes = len > 2 && text[1] == '-' ? 2 : 1;

	pf_fail(err, PF_E_USAGE, "unknown option '%s'",
		pf_quote(quoted, sizeof(quoted), text, len));
	if (len - dashes < sizeof(word)) {
		memcpy(word, text + dashes, len - dashes);
		word[len - dashes] = '\0';
		if (len - dashes > 1)
			near = pf_near(word, name_at, a);
	}
	if (near)
		return pf_hint(err, "did you mean '--%s'?", near);
	return pf_hint(err, "'%s --help=all' lists all options", a->program);
}

static int note_given(struct pf_arguments *a, const struct found *f,
		      struct pf_error *err)
{
	const struct pf_option *o = f->option, *table = a->sets[f->set].table;

	a->given[f->set][f->row] = true;
	for (size_t i = 0; o->group && table[i].name; i++)
		if (&table[i] != o && table[i].group == o->group &&
		    a->given[f->set][i])
			return pf_fail(err, PF_E_USAGE,
				       "options '--%s' and '--%s' exclude each other",
				       table[i].name, o->name);
	return 0;
}

/* -n or --limit, where the second of two values was forgotten; -2 is none. */
static bool looks_like_option(const char *text)
{
	return text[0] == '-' && (text[1] == '-' || isalpha((unsigned char)text[1]));
}

/* --name, --name=value, --no-name. *i is moved past a separate value. */
static int long_option(struct pf_arguments *a, int argc, char **argv, int *i,
		       struct pf_error *err)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const char *value = equals ? equals + 1 : NULL;
	struct found f;

	if (!find(a, 0, name, len, &f)) {
		if (len > 3 && !memcmp(name, "no-", 3) && !equals &&
		    find(a, 0, name + 3, len - 3, &f) &&
		    f.option->kind == PF_OPT_FLAG) {
			*(bool *)place(a, &f) = false;
			a->given[f.set][f.row] = true;
			return 0;
		}
		return unknown(a, argv[*i], len + 2, err);
	}
	if (pf_option_takes_value(f.option) && !value) {
		if (*i + 1 >= argc)
			return pf_fail(err, PF_E_USAGE, "option '--%s' needs %s",
				       f.option->name, f.option->arg);
		value = argv[++*i];
	}
	if (f.option->kind == PF_OPT_PAIR) {
		if (*i + 1 >= argc || looks_like_option(value) ||
		    looks_like_option(argv[*i + 1]))
			return pf_fail(err, PF_E_USAGE, "option '--%s' needs %s",
				       f.option->name, f.option->arg);
		((const char **)place(a, &f))[1] = argv[++*i];
	}
	if (value && !pf_option_takes_value(f.option) && f.option->kind != PF_OPT_OPTIONAL)
		return pf_fail(err, PF_E_USAGE, "option '--%s' takes no value",
			       f.option->name);
	PF_TRY(note_given(a, &f, err));
	return store(a, &f, value, err);
}

/* -abc, -xVALUE, -x VALUE. */
static int short_options(struct pf_arguments *a, int argc, char **argv, int *i,
			 struct pf_error *err)
{
	const char *at = argv[*i] + 1;
	struct found f;

	while (*at) {
		char letter[3] = { '-', *at, '\0' };
		const char *value = NULL;

		if (!find(a, *at, NULL, 0, &f))
			return unknown(a, at == argv[*i] + 1 ? argv[*i] : letter,
				       at == argv[*i] + 1 ? strlen(argv[*i]) : 2, err);
		at++;
		if (pf_option_takes_value(f.option)) {
			value = at;
			if (!*value) {
				if (*i + 1 >= argc)
					return pf_fail(err, PF_E_USAGE,
						       "option '-%c' needs %s",
						       letter[1], f.option->arg);
				value = argv[++*i];
			}
			at = "";
		}
		PF_TRY(note_given(a, &f, err));
		PF_TRY(store(a, &f, value, err));
	}
	return 0;
}

static int set_defaults(struct pf_arguments *a, struct pf_error *err)
{
	for (size_t s = 0; s < NSETS; s++) {
		const struct pf_option *o = a->sets[s].table;
		a->given[s] = pf_zalloc(table_rows(o) + 1, sizeof(bool));
		for (size_t i = 0; o && o[i].name; i++) {
			struct found f = { &o[i], s, i };
			/* Words in angle brackets only tell the reader. */
			if (o[i].def && o[i].def[0] != '<')
				PF_TRY(store(a, &f, o[i].def, err));
		}
	}
	return 0;
}

/* The first operand names the command. */
static int take_command(struct pf_arguments *a, struct pf_error *err)
{
	size_t n = 0;
	char quoted[80];

	if (!a->commands || !a->noperands)
		return 0;
	for (; a->commands[n]; n++)
		if (!strcmp(a->commands[n], a->operands[0])) {
			a->command = a->commands[n];
			a->operands++;
			a->noperands--;
			return 0;
		}
	const char *near = pf_near_of(a->operands[0], a->commands, n);
	pf_fail(err, PF_E_USAGE, "unknown command '%s'",
		pf_quote(quoted, sizeof(quoted), a->operands[0],
			 strlen(a->operands[0])));
	if (near)
		return pf_hint(err, "did you mean '%s'?", near);
	return pf_hint(err, "'%s --help' lists the commands", a->program);
}

/* Does every option that was given belong to the command? */
static int check_commands(const struct pf_arguments *a, struct pf_error *err)
{
	for (size_t s = 0; a->command && s < NSETS; s++) {
		const struct pf_option *o = a->sets[s].table;
		for (size_t i = 0; o && o[i].name; i++)
			if (a->given[s][i] && o[i].commands &&
			    pf_word_index(o[i].commands, ' ', a->command,
					  strlen(a->command)) < 0) {
				pf_fail(err, PF_E_USAGE,
					"option '--%s' does not belong to '%s %s'",
					o[i].name, a->program, a->command);
				return pf_hint(err, "it belongs to: %s", o[i].commands);
			}
	}
	return 0;
}

/* The first option of a list of words that was given, or NULL. */
static const struct pf_option *any_given(const struct pf_arguments *a, const char *words)
{
	for (size_t len; *words; words += len + (words[len] == ' ')) {
		struct found f;
		len = strcspn(words, " ");
		if (find(a, 0, words, len, &f) && a->given[f.set][f.row])
			return f.option;
	}
	return NULL;
}

/* Options that say how another one does what it does; options that say
 * nothing about it. */
static int check_company(const struct pf_arguments *a, struct pf_error *err)
{
	for (size_t s = 0; s < NSETS; s++) {
		const struct pf_option *o = a->sets[s].table;
		for (size_t i = 0; o && o[i].name; i++) {
			if (!a->given[s][i])
				continue;
			if (o[i].with && !any_given(a, o[i].with)) {
				pf_fail(err, PF_E_USAGE, "option '--%s' says nothing here",
					o[i].name);
				return pf_hint(err, "it goes with: %s", o[i].with);
			}
			const struct pf_option *other =
				o[i].without ? any_given(a, o[i].without) : NULL;
			if (other)
				return pf_fail(err, PF_E_USAGE,
					       "options '--%s' and '--%s' exclude each other",
					       other->name, o[i].name);
		}
	}
	return 0;
}

int pf_options_parse(struct pf_arguments *a, int argc, char **argv,
		     struct pf_error *err)
{
	bool only_operands = false;
	size_t n = 0;

	PF_TRY(set_defaults(a, err));
	a->operands = argv + 1;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		if (only_operands || arg[0] != '-' || !arg[1])
			a->operands[n++] = argv[i];
		else if (!strcmp(arg, "--"))
			only_operands = true;
		else if (arg[1] == '-')
			PF_TRY(long_option(a, argc, argv, &i, err));
		else
			PF_TRY(short_options(a, argc, argv, &i, err));
	}
	a->noperands = n;
	PF_TRY(take_command(a, err));
	PF_TRY(check_commands(a, err));
	return check_company(a, err);
}

bool pf_option_given(const struct pf_arguments *a, const char *name)
{
	struct found f;
	return find(a, 0, name, strlen(name), &f) && a->given[f.set][f.row];
}

int pf_option_set_text(struct pf_arguments *a, const char *name, const char *text,
		       const char *origin, struct pf_error *err)
{
	struct found f;
	int code = 0;

	if (!find(a, 0, name, strlen(name), &f))
		code = unknown(a, name, strlen(name), err);
	else if (pf_option_takes_value(f.option) || f.option->kind == PF_OPT_OPTIONAL)
		code = store(a, &f, text, err);
	else if (!strcmp(text, "true") || !strcmp(text, "1"))
		code = store(a, &f, NULL, err);
	else if (strcmp(text, "false") && strcmp(text, "0"))
		code = pf_fail(err, PF_E_USAGE, "option '--%s' is true or false, not '%.40s'",
			       name, text);
	return code ? pf_context(err, "%s", origin) : 0;
}

void pf_options_free(struct pf_arguments *a)
{
	for (size_t s = 0; s < NSETS; s++) {
		const struct pf_option *o = a->sets[s].table;
		for (size_t i = 0; o && o[i].name; i++) {
			struct found f = { &o[i], s, i };
			if (o[i].kind != PF_OPT_LIST && o[i].kind != PF_OPT_COLUMNS)
				continue;
			struct pf_strings *list = place(a, &f);
			for (size_t k = 0; k < list->n; k++)
				free(list->items[k]);
			free(list->items);
			*list = (struct pf_strings){ 0 };
		}
		free(a->given[s]);
		a->given[s] = NULL;
	}
}
