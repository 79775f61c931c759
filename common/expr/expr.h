/* SPDX-License-Identifier: Apache-2.0
 *
 * The language of --where, of computed columns and of every other option that
 * takes an expression; pf-expr(7) is its definition.
 *
 * An expression is parsed once, bound once to the columns of a schema (where
 * every type error is found, before the first row), and evaluated a batch at
 * a time. It owns its working memory, so one thread at a time may use it.
 *
 * NULL follows SQL: three truth values, and a filter keeps a row only when
 * its condition is true. A row whose value cannot be computed (overflow,
 * division by zero) is an error, PF_E_EXPR_VALUE, only if the row's result
 * depends on it: `d <> 0 and n / d > 2` never fails.
 */
#ifndef PF_EXPR_EXPR_H
#define PF_EXPR_EXPR_H

#include "expr/datum.h"

struct pf_expr;

/* A column's name as an expression that means it, whatever its letters: in
 * backticks. Appended to out; the other allocates. */
void pf_expr_quote(struct pf_buf *out, const char *name);
char *pf_expr_quoted(const char *name);

/* Limits: 1 MiB of text, 200 nested parentheses or calls. what: where the
 * text stands, for messages ("--where"). PF_E_EXPR_SYNTAX with a caret in
 * err->detail. */
int pf_expr_parse(const char *text, size_t len, const char *what,
		  struct pf_expr **e, struct pf_error *err);
void pf_expr_free(struct pf_expr *e); /* NULL is fine */

/* Resolve names and types. zone: of the table's wall clock times, NULL is
 * UTC. May be called again for another schema. PF_E_UNKNOWN_COLUMN,
 * PF_E_UNKNOWN_FUNCTION, PF_E_EXPR_TYPE. */
int pf_expr_bind(struct pf_expr *e, const struct pf_schema *schema,
		 const char *zone, struct pf_error *err);

/* Bound as a condition: like pf_expr_bind, and the type must be boolean. */
int pf_expr_bind_filter(struct pf_expr *e, const struct pf_schema *schema,
			const char *zone, struct pf_error *err);

/* The type of the result of a bound expression. An untyped `null` is a
 * string. */
struct pf_type pf_expr_type(const struct pf_expr *e);

/* If the expression is nothing but a column: its position, else -1. */
int pf_expr_column(const struct pf_expr *e);

/* Which columns a bound expression reads: sets used[i], never clears. */
void pf_expr_columns(const struct pf_expr *e, bool *used);

/* The names of columns that a parsed expression mentions; borrowed. */
size_t pf_expr_names(const struct pf_expr *e, const char ***names);

/* Does a parsed expression call now(), and so mean something else tomorrow? */
bool pf_expr_has_now(const struct pf_expr *e);

/* Calls of functions that are the caller's and not the language's, before the
 * expression is bound: each for which `name` gives one becomes a column of that
 * name, with all that is in its brackets. function: its name; inner: the text
 * between the brackets. The outermost call counts. */
typedef const char *(*pf_expr_call_fn)(void *ctx, struct pf_view function,
				       struct pf_view whole, struct pf_view inner);
void pf_expr_take_calls(struct pf_expr *e, pf_expr_call_fn name, void *ctx);

/* Is it one of the language's own? */
bool pf_expr_is_function(struct pf_view name);

/* The rows for which a condition is true, ascending, into rows (room for
 * batch->rows). Batches hold at most 2^32 - 1 rows. */
int pf_expr_filter(struct pf_expr *e, const struct pf_batch *batch,
		   uint32_t *rows, size_t *n, struct pf_error *err);

/* The same among the *n rows that are in rows already: the others are not
 * looked at, also not for errors. */
int pf_expr_refine(struct pf_expr *e, const struct pf_batch *batch,
		   uint32_t *rows, size_t *n, struct pf_error *err);

/* Append the result for every row to a column of pf_expr_type's kind. */
int pf_expr_eval(struct pf_expr *e, const struct pf_batch *batch,
		 struct pf_colbuf *out, struct pf_error *err);

/* The canonical text of the expression, fully bracketed when bound. */
void pf_expr_print(const struct pf_expr *e, struct pf_buf *out);

/* What the condition says about one column: rows outside of the range cannot
 * satisfy it. Conservative; false when it says nothing. The range borrows
 * from the expression, until it is bound again or freed. */
bool pf_expr_bounds(struct pf_expr *e, int column, struct pf_range *range);

/* Statistics of a block of rows, by column of the bound schema. Returns false
 * when nothing is known; else fills what is (see pf_range_may_match), with
 * has_min and has_max for the values. */
struct pf_block_stats {
	bool has_min, has_max;
	bool no_nan; /* floats: the maximum covers all values */
	struct pf_datum min, max;
	int64_t nulls, rows; /* -1: not known */
};
typedef bool (*pf_block_stats_fn)(void *ctx, int column,
				  struct pf_block_stats *stats);

/* pf_range_may_match for such a block. */
bool pf_range_may_match_block(const struct pf_range *r, const struct pf_block_stats *s);

/* May the condition be true for some row of the block? Sees through and, or,
 * not, across columns. */
bool pf_expr_may_match(struct pf_expr *e, pf_block_stats_fn stats, void *ctx);

#endif
