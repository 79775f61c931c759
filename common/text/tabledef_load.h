/* SPDX-License-Identifier: Apache-2.0
 *
 * How a table definition is read out of YAML: pieces that its parts share.
 * Every failure is PF_E_SCHEMA_FILE with the file's name and the line. Internal
 * to text/.
 */
#ifndef PF_TEXT_TABLEDEF_LOAD_H
#define PF_TEXT_TABLEDEF_LOAD_H

#include "ext/yaml.h"
#include "text/tabledef.h"

struct pf_def_load {
	const char *name; /* of the file */
	struct pf_tabledef *def;
	struct pf_error *err;
};

/* The definition is wrong in this line (0: nowhere in particular). */
int pf_def_refuse(const struct pf_def_load *l, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* An error of another module gets the place in front. */
int pf_def_placed(const struct pf_def_load *l, unsigned line, int code);

/* Every key of the mapping is one of the n. */
int pf_def_keys(const struct pf_def_load *l, const struct pf_yaml *map,
		const char *where, const char *const *keys, size_t n);

/* The text of a member, NULL when absent; and a copy of it. */
int pf_def_word(const struct pf_def_load *l, const struct pf_yaml *map,
		const char *key, const char **out);
int pf_def_copy(const struct pf_def_load *l, const struct pf_yaml *map,
		const char *key, char **out);

int pf_def_bool(const struct pf_def_load *l, const struct pf_yaml *node, bool *out);

/* A scalar or a sequence of scalars. */
int pf_def_words(const struct pf_def_load *l, const struct pf_yaml *node,
		 char ***out, size_t *n);

int pf_def_regex(const struct pf_def_load *l, unsigned line, const char *key,
		 const char *text, size_t *groups);

/* The column of that name, which `what` names. */
int pf_def_column(const struct pf_def_load *l, unsigned line, const char *what,
		  const char *name, struct pf_coldef **column);

/* The members `input` and `columns`. */
int pf_def_input(const struct pf_def_load *l, const struct pf_yaml *node);
int pf_def_columns(const struct pf_def_load *l, const struct pf_yaml *node);

/* The members of rows that are updated, once the columns are known. */
int pf_def_key(const struct pf_def_load *l, const struct pf_yaml *root);
bool pf_def_is_key(const struct pf_tabledef *def, const char *column);
/* Of the whole definition: which kinds of rows it refuses, which it needs
 * (tabledef_kinds.c). */
void pf_def_kinds(struct pf_tabledef *def);

#endif
