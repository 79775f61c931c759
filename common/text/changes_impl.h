/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of the three change streams (changes_formats.c) do with what
 * they find: rows and notices (changes.c). Internal to them.
 */
#ifndef PF_TEXT_CHANGES_IMPL_H
#define PF_TEXT_CHANGES_IMPL_H

#include <regex.h>

#include "arrow/layout.h"
#include "text/changes.h"
#include "text/json_members.h"

struct pf_changes {
	struct pf_json_rows *j;
	struct pf_text *text;
	const struct pf_tabledef *def;
	uint32_t kind;     /* the column of the kind */
	bool named[2];     /* there is an expression for database, table */
	regex_t names[2];
	/* The key as it was before an update. */
	struct pf_json_node keys;
	uint32_t *key;     /* columns; where there are partitions the time, too */
	size_t nkey;
	struct pf_builder *old;
	/* How values are written. */
	struct pf_coding *codings;
	struct pf_buf schema; /* the schema part that says so */
	/* The message at hand. */
	struct pf_builder *rows;
	size_t line_bytes, built;
	const uint8_t *message; /* its object, without Connect's wrapping */
	/* What was said. */
	struct pf_passed passed;
	char **unknown;
	size_t nunknown;
	struct pf_buf scratch;
};

/* The objects that make one image of a row, the later ones over the earlier. */
struct pf_image {
	struct pf_view objects[2];
	size_t n;
};

bool pf_changes_insert(struct pf_changes *c, const struct pf_image *after);
bool pf_changes_delete(struct pf_changes *c, const struct pf_image *before);
/* before->n is 0: the message has no row before the update, whose key is then
 * the same. */
bool pf_changes_update(struct pf_changes *c, const struct pf_image *before,
		       const struct pf_image *after);

/* A complaint of the whole message: false. */
bool pf_changes_refuse(struct pf_changes *c, const char *reason);

/* Do the definition's names take messages of this database and table (JSON
 * strings, or absent)? If not, it is counted. */
bool pf_changes_concern(struct pf_changes *c, struct pf_view database,
			struct pf_view table);

/* The schema has changed: told and counted. Always true. */
bool pf_changes_schema(struct pf_changes *c, struct pf_view database,
		       struct pf_view table, struct pf_view statement);

/* The messages. p: at the object's brace; they return true or complain. */
bool pf_changes_debezium(struct pf_changes *c, const uint8_t *p);
bool pf_changes_canal(struct pf_changes *c, const uint8_t *p);
bool pf_changes_maxwell(struct pf_changes *c, const uint8_t *p);

#endif
