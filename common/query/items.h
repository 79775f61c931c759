/* SPDX-License-Identifier: Apache-2.0
 *
 * What -c, --group-by and --order-by ask for: columns by name, range (a-c),
 * glob (ts_*), position (#3), exclusion (-x); expressions, named by
 * `name=expr` or `expr as name`; aggregates, count(), sum(expr), or sum:expr;
 * expressions over aggregates, sum(a) / count(), whose calls become columns of
 * the same text and wait in a list of their own.
 */
#ifndef PF_QUERY_ITEMS_H
#define PF_QUERY_ITEMS_H

#include "expr/expr.h"

enum pf_aggregate {
	PF_AGG_NONE,
	PF_AGG_COUNT,    /* rows, or values that are not null */
	PF_AGG_SUM,
	PF_AGG_MIN,
	PF_AGG_MAX,
	PF_AGG_AVG,
	PF_AGG_DISTINCT, /* how many different values */
	PF_AGG_FIRST,    /* by time */
	PF_AGG_LAST,
};

struct pf_item {
	char *name;
	struct pf_expr *expr; /* NULL: count of rows */
	enum pf_aggregate aggregate;
	bool over_groups;     /* expr reads keys and aggregates, not rows */
	bool descending;      /* order only */
	bool nulls_first, has_nulls; /* order only: nulls first|last was said */
};

struct pf_items {
	struct pf_item *items;
	size_t n;
	struct pf_item *calls; /* aggregates within expressions, each text once */
	size_t ncalls;
};

/* Add what one piece of a list stands for. option: for messages. Columns are
 * those of schema. aggregates: may it be one? */
int pf_items_add(struct pf_items *list, const char *text, const char *option,
		 const struct pf_schema *schema, bool aggregates,
		 struct pf_error *err);

/* Add the column of that name. */
int pf_items_add_column(struct pf_items *list, const char *name, struct pf_error *err);

/* A list that consists of exclusions only means all other columns; NULL or no
 * texts mean all. */
int pf_items_parse(struct pf_items *list, char *const *texts, size_t n,
		   const char *option, const struct pf_schema *schema,
		   bool aggregates, struct pf_error *err);

/* "price desc nulls last": a column of the result or an expression; the
 * expression is parsed, not bound. */
int pf_items_add_order(struct pf_items *list, const char *text,
		       const struct pf_schema *result, struct pf_error *err);

void pf_items_free(struct pf_items *list);

#endif
