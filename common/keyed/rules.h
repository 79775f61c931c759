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
#include "text/tabledef.h"

enum pf_merge_engine {
	PF_DEDUPLICATE,    /* the newest version */
	PF_PARTIAL_UPDATE, /* of each column, the newest value */
	PF_AGGREGATION,    /* of each column, a function over all values */
	PF_FIRST_ROW,      /* the oldest version */
};

/* Columns that are updated together in a partial update: only by a version
 * whose own values in `fields` are not less than those seen so far. */
struct pf_sequence_group {
	char **fields; /* that say which update is newer */
	size_t n;
	bool removes;  /* a newer delete removes the row */
};

/* What becomes of a column's values. */
struct pf_column_rule {
	/* NULL: the newest value (partial updates), or of an unknown type. */
	const struct pf_keyed_function *function;
	struct pf_keyed_rule rule;
	size_t group; /* 1 + its sequence group; 0: none */
	bool orders;  /* it is one of the group's fields */
	bool nullable;
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
	bool changelog;        /* writers keep versions as they come, besides */
	bool ignore_delete;
	bool ignore_before;    /* versions before an update say nothing */
	bool remove_on_delete; /* a delete removes the row, not only its values */
	/* Rows are seen once they have been compacted, and are single then:
	 * tables with deletion vectors, and of the first row. */
	bool compacted_only;
	/* Aggregation and partial updates: a rule per field of the schema. */
	struct pf_column_rule *columns;
	size_t ncolumns;
	struct pf_sequence_group *groups; /* of partial updates */
	size_t ngroups;
};

/* The rules of a schema with a primary key, which must outlive them.
 * PF_E_TABLE_FEATURE. */
int pf_rules_read(const struct pf_table_schema *schema, struct pf_rules **rules,
		  struct pf_error *err);
void pf_rules_free(struct pf_rules *rules); /* NULL is fine */

/* Does a table of that definition have rules that can be followed? */
int pf_rules_check(const struct pf_tabledef *def, struct pf_error *err);

/* Does a writer leave versions of that kind out? */
bool pf_rules_ignore(const struct pf_rules *r, int8_t kind);

/* Can the engine make sense of a version that takes a row away, whatever comes
 * before and after it? PF_E_BAD_ROW, saying what is missing. */
int pf_rules_take(const struct pf_rules *r, int8_t kind, struct pf_error *err);

/* Add to the columns of versions what merging them needs: keys, sequence, and of
 * groups what says which update is newer. */
void pf_rules_need(const struct pf_rules *r, const struct pf_table_schema *schema,
		   struct pf_schema *versions);

/* Is a column part of the primary key, or of the partition? All versions of a
 * row agree on it. */
bool pf_rules_is_key(const struct pf_table_schema *schema, const char *column);

#endif
