/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of a table with a primary key: rows of equal keys are versions of
 * one row, and the options of the table say which of them is newer and what
 * becomes of them (its merge engine). What cannot be followed to the letter is
 * refused by name, since any other reading would give other rows.
 *
 * Sources: Apache Paimon, CoreOptions, MergeFunctionFactory and its engines
 * (reference paimon-format.md sections 2.5, 8.5, 8.7).
 */
#ifndef PF_KEYED_RULES_H
#define PF_KEYED_RULES_H

#include "arrow/layout.h"
#include "keyed/function.h"
#include "paimon/table.h"

enum pf_merge_engine {
	PF_DEDUPLICATE,    /* the newest version */
	PF_PARTIAL_UPDATE, /* of each column, the newest value */
	PF_AGGREGATION,    /* of each column, a function over all values */
	PF_FIRST_ROW,      /* the oldest version */
};

/* What aggregation does with a column. */
struct pf_column_rule {
	const struct pf_keyed_function *function; /* NULL: unknown column type */
	struct pf_keyed_rule rule;
};

struct pf_rules {
	enum pf_merge_engine engine;
	/* The primary key without the partition's columns: what versions of a row
	 * share within a bucket. Names are the schema's. */
	const char **keys;
	size_t nkeys;
	/* The columns that say which version is newer, before the order in which
	 * they came. */
	char **sequence;
	size_t nsequence;
	bool sequence_descends;
	bool ignore_delete;
	bool remove_on_delete; /* a delete removes the row, not only its values */
	/* Rows are seen once they have been compacted, and are single then:
	 * tables with deletion vectors, and of the first row. */
	bool compacted_only;
	/* Aggregation: a rule per field of the schema. */
	struct pf_column_rule *columns;
	size_t ncolumns;
};

/* The rules of a schema with a primary key, which must outlive them.
 * PF_E_TABLE_FEATURE. */
int pf_rules_read(const struct pf_table_schema *schema, struct pf_rules **rules,
		  struct pf_error *err);
void pf_rules_free(struct pf_rules *rules); /* NULL is fine */

/* Is a column part of the primary key, or of the partition? All versions of a
 * row agree on it. */
bool pf_rules_is_key(const struct pf_table_schema *schema, const char *column);

#endif
