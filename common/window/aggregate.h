/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregates as an algebra of states. A state sums up some rows of one key: it
 * can be made from rows, merged with the state of other rows, stored as plain
 * Arrow columns (which is its portable form: any program can read and merge
 * it), and finished to a value. Whatever order rows and states come in, the
 * stored state of the same multiset of rows finishes to the same value, to
 * the last bit: incremental answers equal recomputed ones.
 *
 * A kind (struct pf_agg_kind) is what a name like "sum" means; an aggregate
 * (struct pf_agg) is one that was asked for, bound to the types of its
 * arguments; states (struct pf_agg_states) are a column of them, indexed by
 * slot: the number that the caller gave a key. Everything works on vectors of
 * slots. Kinds are in agg_*.c, listed in agg_kinds.c.
 *
 * Source: reference hourglass.md sections 6 and 7; the three roles of a state
 * (storable, mergeable, finalisable apart) as in ClickHouse's -State/-Merge.
 */
#ifndef PF_WINDOW_AGGREGATE_H
#define PF_WINDOW_AGGREGATE_H

#include "expr/expr.h"

enum {
	PF_AGG_ARGS = 24,  /* expressions */
	PF_AGG_PARAMS = 8, /* constants behind them */
};

enum pf_algebra {
	/* subtract undoes merge exactly. Never set where the arithmetic rounds. */
	PF_ALGEBRA_INVERTIBLE = 1 << 0,
	/* Merging a state twice is merging it once. */
	PF_ALGEBRA_IDEMPOTENT = 1 << 1,
};

/* Of an aggregate whose rows are stored states. */
struct pf_agg_merges {
	char *column, *signature;
};

/* Of one whose work other programs do: agg_reduce.c. Borrowed. */
struct pf_agg_external {
	const char *reduce, *merge; /* shell commands */
	size_t nkeys;               /* the first arguments are the keys */
	char *const *names;         /* of the columns that they print */
	size_t nnames;
};

struct pf_agg {
	const struct pf_agg_kind *kind;
	char *name; /* of the output column */
	char *text; /* canonical and bound: "sum(price)"; what a state is of */
	struct pf_expr *args[PF_AGG_ARGS];
	size_t nargs;
	struct pf_type types[PF_AGG_ARGS]; /* of the arguments */
	char *params[PF_AGG_PARAMS];
	size_t nparams;
	/* Not NULL: args are the columns of stored states, types those that the
	 * states are of. */
	struct pf_agg_merges *merges;
	const struct pf_agg_external *external; /* or NULL */
	/* Filled by the kind's bind. */
	struct pf_type result;
	struct pf_schema *results; /* not NULL: several columns, named, instead */
	struct pf_schema *state; /* the columns of a stored state, at least one */
	unsigned algebra;
	bool timed;              /* add looks at the rows' times */
	void *own;               /* the kind's, freed by unbind */
};

/* Rows to take in. */
struct pf_agg_rows {
	int64_t n;
	const uint32_t *slots;        /* n: whose each row is */
	const struct pf_column *args; /* nargs of them, n rows each */
	const int64_t *times;         /* n: wall clock microseconds of the zone;
	                               * INT64_MIN: the row has no time. NULL when
	                               * no aggregate is timed */
	bool one;                     /* all rows are of slots[0] */
};

/* Stored states to take in: rows [from, from + n) of columns of agg->state.
 * slots[i]: whose row from + i is; NULL: slot i. */
struct pf_agg_stored {
	int64_t from, n;
	const uint32_t *slots;
	const struct pf_column *columns;
	/* Taken out again instead, to the bit as if it had never been merged. Only
	 * with PF_ALGEBRA_INVERTIBLE, and only what was merged before. */
	bool minus;
};

/* The stretch of time that an answer covers: [from, to), wall clock
 * microseconds. Activity bits, streaks and retention count from its end. */
struct pf_agg_range {
	int64_t from_us, to_us;
};

struct pf_agg_states {
	const struct pf_agg *agg;
	size_t n, cap;   /* slots in use, room */
	size_t bytes;    /* of memory, all of it, for bounds: kept up by the kind */
	void *data;      /* the kind's */
};

struct pf_agg_kind {
	const char *name;
	const char *help;            /* "sum of X, exact for integers and decimals" */
	size_t min_args, max_args;   /* expressions */
	size_t min_params, max_params;

	/* Types are known: check them, say what the result and the stored state
	 * are. PF_E_EXPR_TYPE, PF_E_USAGE. unbind may be NULL. */
	int (*bind)(struct pf_agg *a, struct pf_error *err);
	void (*unbind)(struct pf_agg *a);

	/* Make room for slots [0, n); those from s->n on are empty states. Sets
	 * s->n. */
	void (*reserve)(struct pf_agg_states *s, size_t n);
	/* Back to no slot; memory may be kept. */
	void (*clear)(struct pf_agg_states *s);
	void (*release)(struct pf_agg_states *s);

	/* All of these may fail with PF_E_EXPR_VALUE (overflow); merge also with
	 * PF_E_CORRUPT when the stored bytes are no state. Slots are below s->n. */
	int (*add)(struct pf_agg_states *s, const struct pf_agg_rows *rows,
		   struct pf_error *err);
	int (*merge)(struct pf_agg_states *s, const struct pf_agg_stored *in,
		     struct pf_error *err);

	/* Append the states of n slots (slots NULL: 0 to n - 1), a row each, to
	 * the columns of agg->state. The same state always gives the same bytes. */
	int (*store)(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		     struct pf_colbuf *out, struct pf_error *err);
	/* Append the values to a column of agg->result (or columns of results). */
	int (*finish)(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		      const struct pf_agg_range *range, struct pf_colbuf *out,
		      struct pf_error *err);
};

/* All kinds, NULL behind the last: agg_kinds.c. */
extern const struct pf_agg_kind *const pf_agg_kinds[];
const struct pf_agg_kind *pf_agg_kind_find(const char *name, size_t len); /* or NULL */

/* Does an operand look like an aggregate: NAME= before, or a kind's name and
 * then nothing, ':' or '('? */
bool pf_agg_is(const char *text);

/* PF_E_USAGE if an operand that is no file looks like an aggregate: misspelt, or
 * behind the operands. */
int pf_agg_refuse(const char *text, struct pf_error *err);

/* "count", "sum:price", "sum(price)", "hll:user_id:14", "n=count",
 * "min_by(price, ts) as first_price": expressions, then parameters, apart by
 * ':' in the one form and ',' in the other (not within brackets and quotes).
 * PF_E_USAGE, PF_E_EXPR_SYNTAX. */
int pf_agg_parse(const char *text, struct pf_agg **agg, struct pf_error *err);

/* Resolve the arguments; may be called again for a schema of the same types.
 * zone: as for pf_expr_bind. */
int pf_agg_bind(struct pf_agg *a, const struct pf_schema *schema, const char *zone,
		struct pf_error *err);
void pf_agg_free(struct pf_agg *a); /* NULL is fine */

/* Which columns of the schema the bound arguments read: sets, never clears. */
void pf_agg_columns(const struct pf_agg *a, bool *used);

/* Add a column to the state while binding: "" names a single one like the
 * aggregate, ".n" is "sum(price).n". */
void pf_agg_state_column(struct pf_agg *a, const char *suffix, struct pf_type type);

/* Take in rows: add, or merge where the rows are stored states. */
int pf_agg_take(struct pf_agg_states *s, const struct pf_agg_rows *rows,
		struct pf_error *err);

/* How many columns it gives. */
static inline size_t pf_agg_width(const struct pf_agg *a)
{
	return a->results ? a->results->n : 1;
}

/* Arguments in front of the others, from text: the keys. */
int pf_agg_prepend(struct pf_agg *a, char *const *texts, size_t n, struct pf_error *err);

/* Of what the states are: "sum(decimal(10,2))", "hll(string):12". Allocated. */
char *pf_agg_signature(const struct pf_agg *a);

struct pf_agg_states *pf_agg_states_new(const struct pf_agg *a);
void pf_agg_states_free(struct pf_agg_states *s); /* NULL is fine */
#endif
