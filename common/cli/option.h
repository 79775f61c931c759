/* SPDX-License-Identifier: Apache-2.0
 *
 * Options as a typed table. A row says how an option is spelled, what it
 * takes, where in the program's options struct its value goes, and one line
 * of help; parsing, --help, the manual's OPTIONS and the shell completions
 * all come from it.
 *
 * --name VALUE and --name=VALUE, -x VALUE and -xVALUE, letters may be
 * bundled, -- ends the options, operands and options mix. Names are never
 * abbreviated. --no-name clears a flag. Values point into argv; lists are
 * allocated and released by pf_options_free.
 */
#ifndef PF_CLI_OPTION_H
#define PF_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What a row's place in the options struct is. */
enum pf_option_kind {
	PF_OPT_FLAG,     /* bool */
	PF_OPT_COUNTER,  /* int: how often it was given */
	PF_OPT_STRING,   /* const char * */
	PF_OPT_PAIR,     /* const char *[2]: long form only, two values follow */
	PF_OPT_OPTIONAL, /* const char *: "" when given without =VALUE */
	PF_OPT_INT,      /* int64_t, with k M G */
	PF_OPT_SIZE,     /* int64_t bytes, with k M G Ki Mi Gi */
	PF_OPT_DURATION, /* int64_t milliseconds */
	PF_OPT_ENUM,     /* int: position of the word in arg, "one|two" */
	PF_OPT_LIST,     /* struct pf_strings: one item each time it is given */
	PF_OPT_COLUMNS,  /* struct pf_strings: items between commas, also repeated;
			    commas in quotes, backticks, parentheses do not count */
};

struct pf_strings {
	char **items;
	size_t n;
};

struct pf_option {
	char letter;              /* 0: long form only */
	const char *name;         /* without dashes */
	enum pf_option_kind kind;
	size_t at;                /* offsetof in the options struct */
	const char *arg;          /* name of the value; ENUM: its words */
	const char *help;         /* one line: lower case, no full stop */
	const char *def;          /* default: parsed first, shown as [def] */
	const char *more;         /* further sentences for the manual, or NULL */
	int64_t min, max;         /* INT, SIZE: checked when max > min */
	int group;                /* at most one option of a group > 0 */
	const char *commands;     /* "append read": only with these; NULL: all */
	const char *with;         /* "expire clean": only beside one of these options */
	const char *without;      /* "files schema": beside none of these */
	bool columns;             /* names columns: completion asks the operands */
	bool minor;               /* shown by --help=all, not by --help */
	bool config;              /* may come from PF_NAME or a configuration file:
				     never what changes rows or values */
};

/* A table and the struct that its rows write to. Tables end with a row
 * without name. */
/* Must a value follow it? */
bool pf_option_takes_value(const struct pf_option *option);

struct pf_option_set {
	const struct pf_option *table;
	void *values;
};

struct pf_arguments {
	struct pf_option_set sets[2];
	const char *program;
	const char *command;  /* the first operand, where commands is not NULL */
	const char *const *commands; /* NULL-terminated names, or NULL */
	char **operands;
	size_t noperands;
	bool *given[2];       /* per set and row: given on the command line */
};

/* Fill in defaults, then read the arguments. PF_E_USAGE with a hint. */
int pf_options_parse(struct pf_arguments *a, int argc, char **argv,
		     struct pf_error *err);

/* Was an option given on the command line? (Else its value is the default.) */
bool pf_option_given(const struct pf_arguments *a, const char *name);

/* Set one option from text, as --name=text would. origin names the place. */
int pf_option_set_text(struct pf_arguments *a, const char *name, const char *text,
		       const char *origin, struct pf_error *err);

void pf_options_free(struct pf_arguments *a);

/* Does the word stand in a list of words separated by sep? Its position, or -1. */
int pf_word_index(const char *words, char sep, const char *word, size_t len);

#endif
