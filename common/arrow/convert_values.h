/* SPDX-License-Identifier: Apache-2.0
 *
 * One node of a conversion: an array becomes a column. convert.c decides
 * which function does it and what is nested; convert_values.c has those that
 * make single values.
 */
#ifndef PF_ARROW_CONVERT_VALUES_H
#define PF_ARROW_CONVERT_VALUES_H

#include "arrow/batch.h"
#include "arrow/ipc.h"

struct pf_convert_node;
typedef int pf_convert_run(struct pf_convert_node *n, const struct pf_array *a,
			   struct pf_column *out, struct pf_error *err);

struct pf_convert_node {
	const struct pf_arrow_field *field;
	const char *name; /* of the column, for messages */
	struct pf_type type;
	pf_convert_run *run;
	size_t *room;     /* what the batch may still grow by */
	struct pf_buf values, offsets, validity; /* results that are not borrowed */
	struct pf_convert_node *child; /* dictionary, runs, lists */
	struct pf_column child_column;
	struct pf_builder *decoded;    /* dictionary or runs, then a null */
	struct pf_builder *gathered;
	struct pf_dictionary *dictionary; /* that was decoded */
};

/* Count bytes against the limit. */
int pf_convert_room(struct pf_convert_node *n, int64_t count, size_t bytes,
		    struct pf_error *err);

/* The conversion of a plain (not nested, not encoded) type, and the type it
 * makes. NULL: there is none. */
pf_convert_run *pf_convert_plain(const struct pf_arrow_field *f, struct pf_type *type);

#endif
