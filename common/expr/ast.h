/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside expr/: the tree that lex and parse make, bind types and eval fills.
 * Every node lives in the expression's arena and owns the buffers of its
 * result, which the next batch reuses.
 */
#ifndef PF_EXPR_AST_H
#define PF_EXPR_AST_H

#include "base/arena.h"
#include "base/buf.h"
#include "expr/expr.h"

enum {
	PF_EXPR_BYTES_MAX = 1 << 20,
	PF_EXPR_NEST_MAX = 200,
	PF_EXPR_HEIGHT_MAX = 1000, /* of the tree: a + b + c ... is that high */
};

enum pf_node_op {
	PF_N_LITERAL,
	PF_N_COLUMN,
	PF_N_NOT,
	PF_N_NEG,
	PF_N_AND, /* and, or: any number of kids */
	PF_N_OR,
	PF_N_EQ, /* EQ .. GE in this order */
	PF_N_NE,
	PF_N_LT,
	PF_N_LE,
	PF_N_GT,
	PF_N_GE,
	PF_N_ADD,
	PF_N_SUB,
	PF_N_MUL,
	PF_N_DIV,
	PF_N_MOD,
	PF_N_IN,      /* kid 0 in the others */
	PF_N_BETWEEN, /* three kids */
	PF_N_LIKE,    /* two kids, three with escape */
	PF_N_MATCH,   /* two kids: text, regular expression */
	PF_N_IS_NULL,
	PF_N_CASE,    /* when then ... [else]: odd number with else */
	PF_N_CALL,
	PF_N_CONVERT, /* made by bind: kid 0 as x->type */
};

/* What a value is while it is computed. Timestamps of precision 0..3 count
 * milliseconds, 4..6 microseconds; intervals count microseconds. */
enum pf_xkind {
	PF_X_NULL, /* of the literal null, which fits everywhere */
	PF_X_BOOL,
	PF_X_INT,
	PF_X_DEC,
	PF_X_DOUBLE,
	PF_X_STRING,
	PF_X_BYTES,
	PF_X_DATE,
	PF_X_TIME,
	PF_X_TS,
	PF_X_LTZ,
	PF_X_INTERVAL,
};

struct pf_xtype {
	enum pf_xkind x;
	uint8_t precision, scale;
};

/* State of a row's value. Errors rank above null, null above valid, so that
 * an operation on several values takes the maximum. */
enum {
	PF_S_VALID,
	PF_S_NULL,
	PF_S_OVERFLOW,
	PF_S_DIV_ZERO,
	PF_S_BAD_CAST,
	PF_S_RANGE,
	PF_S_LONG,
};

/* A result: one element per row, or one for all rows (konst). Elements are
 * uint8_t (boolean), int64_t (int, times), double, pf_i128 or struct pf_view.
 * state NULL: all valid. */
struct pf_vec {
	const void *v;
	const uint8_t *state;
	bool konst;
};

struct pf_fn;
struct pf_regex;

struct pf_node {
	enum pf_node_op op;
	uint32_t at, len; /* place in the text */
	uint32_t nkids;
	uint32_t height;
	struct pf_node **kids;

	/* literals: as written */
	struct pf_datum lit;
	bool lit_interval; /* lit.i is microseconds */
	bool lit_bytes;
	struct pf_view name; /* column or function */

	/* bound */
	struct pf_xtype type;
	int column;
	enum pf_kind column_kind;
	const struct pf_fn *fn;
	const void *how;  /* private to the function or operator */
	bool konst;       /* the value does not depend on the row */
	struct pf_regex *regex;
	union pf_xvalue {
		uint8_t b;
		int64_t i;
		double d;
		pf_i128 dec;
		struct pf_view s;
	} value;          /* of a konst */
	uint8_t value_state;
	struct pf_datum *set; /* IN with constants: sorted; see bind.c */
	size_t nset;
	bool set_null;

	/* evaluated */
	struct pf_vec out;
	struct pf_buf vbuf, sbuf;
};

struct pf_expr {
	char *text;
	size_t text_len;
	char *what;
	struct pf_arena arena;  /* nodes and literals */
	struct pf_node *root;
	struct pf_node **all;   /* every node, to free their buffers */
	size_t nall, cap_all;
	const char **names;
	size_t nnames;

	const struct pf_schema *schema; /* bound; a reference */
	struct pf_zone *zone;
	int64_t now; /* microseconds, when it was bound */
	struct pf_arena bound;  /* what binding makes */
	struct pf_arena work;   /* strings made by the current batch */
	const struct pf_batch *batch;
	size_t n;
};

struct pf_node *pf_node_new(struct pf_expr *e, enum pf_node_op op, size_t at,
			    size_t len, size_t nkids);

/* Describe a failure at a place of the text: the message gets " in WHAT",
 * the detail the line and a caret. Returns code. */
int pf_expr_fail(const struct pf_expr *e, size_t at, size_t len, int code,
		 struct pf_error *err, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* Fill in the names that the expression mentions, anew. */
void pf_expr_collect_names(struct pf_expr *e);

/* --- lexer --- */

enum pf_token_kind {
	PF_T_END,
	PF_T_NAME,     /* bare: may be a keyword */
	PF_T_QUOTED,   /* `name` */
	PF_T_STRING,
	PF_T_BYTES,    /* x'00ff' */
	PF_T_NUMBER,   /* value in lit */
	PF_T_INTERVAL, /* 2h */
	PF_T_OP,       /* one or two characters, in op */
};

struct pf_token {
	enum pf_token_kind kind;
	size_t at, len;
	char op[3];
	struct pf_view text; /* names and strings, unquoted */
	struct pf_datum lit;
};

/* The next token from *at on, which moves behind it. */
int pf_expr_lex(struct pf_expr *e, size_t *at, struct pf_token *t,
		struct pf_error *err);

bool pf_view_is(struct pf_view v, const char *word); /* ignoring ASCII case */

/* --- bind and eval --- */

static inline bool pf_x_is_time(enum pf_xkind x)
{
	return x == PF_X_DATE || x == PF_X_TS || x == PF_X_LTZ;
}

static inline bool pf_x_is_number(enum pf_xkind x)
{
	return x == PF_X_INT || x == PF_X_DEC || x == PF_X_DOUBLE;
}

static inline int64_t pf_x_units(struct pf_xtype t)
{
	return t.x == PF_X_INTERVAL ? 1000000 : t.precision <= 3 ? 1000 : 1000000;
}

size_t pf_x_width(enum pf_xkind x);
struct pf_type pf_x_type(struct pf_xtype t);
struct pf_xtype pf_x_of(struct pf_type t);

/* The bound constant as a datum of its type. */
struct pf_datum pf_node_datum(const struct pf_node *x);

/* Fill x->out for e->n rows of e->batch. */
void pf_node_eval(struct pf_expr *e, struct pf_node *x);

/* Room for a result of n elements; the state buffer starts as all valid. */
void *pf_node_values(struct pf_expr *e, struct pf_node *x, size_t n);
uint8_t *pf_node_state(struct pf_expr *e, struct pf_node *x, size_t n);

/* The states of the kids, combined: NULL when all rows are valid. The result
 * is x's own buffer, or a kid's. */
const uint8_t *pf_node_merge_states(struct pf_expr *e, struct pf_node *x);

/* --- functions --- */

struct pf_fn {
	const char *name;
	uint8_t min_args, max_args; /* 255: any number */
	/* Check the kids' types, set x->type (and x->how). */
	int (*bind)(struct pf_expr *e, struct pf_node *x, struct pf_error *err);
	void (*eval)(struct pf_expr *e, struct pf_node *x);
	const char *signature;
};

const struct pf_fn *pf_fn_find(struct pf_view name);
const struct pf_fn *pf_fn_at(size_t i); /* NULL behind the last */

/* Give a string literal (or null) the type that its neighbour asks for. */
int pf_bind_coerce(struct pf_expr *e, struct pf_node *x, struct pf_xtype to,
		   struct pf_error *err);
/* The type that values of both fit into; false: there is none. */
bool pf_bind_common(struct pf_xtype a, struct pf_xtype b, struct pf_xtype *out);
/* Unify the types of every step-th kid from first on: string literals adapt,
 * conversions are put above the others. */
int pf_bind_unify(struct pf_expr *e, struct pf_node *x, uint32_t first,
		  uint32_t step, struct pf_xtype *out, struct pf_error *err);
void pf_bind_convert(struct pf_expr *e, struct pf_node *x, uint32_t kid,
		     struct pf_xtype to);
int pf_bind_fail_type(struct pf_expr *e, const struct pf_node *x,
		      const char *wanted, struct pf_error *err);
char *pf_x_name(struct pf_xtype t, char *out); /* out of 40 bytes */

/* An element of a result. */
#define PF_AT(T, vec, i) (((const T *)(vec)->v)[(vec)->konst ? 0 : (i)])
static inline uint8_t pf_state_at(const struct pf_vec *v, size_t i)
{
	return v->state ? v->state[v->konst ? 0 : i] : (uint8_t)PF_S_VALID;
}

/* --- exact arithmetic shared by datum, eval and functions --- */

pf_i128 pf_pow10(unsigned n); /* n <= 38 */
double pf_dec_to_double(pf_i128 v, unsigned scale);
int pf_cmp_int_double(int64_t a, double b);
int pf_cmp_dec(pf_i128 a, unsigned sa, pf_i128 b, unsigned sb);
int pf_cmp_double(double a, double b);
/* Change the scale; rounding half away from zero when it shrinks. False on
 * overflow of 38 digits. */
bool pf_dec_rescale(pf_i128 v, unsigned from, unsigned to, pf_i128 *out);
/* "[+-]digits[.digits]" whole text; scale: as many digits as written. */
bool pf_dec_parse(struct pf_view text, pf_i128 *out, unsigned *scale,
		  unsigned *digits);

/* Times as text. Values in `units` per second, wall clock or instant;
 * *has_zone says whether the text carried an offset (value is then UTC).
 * micros are exact; false when malformed. Date alone is midnight. */
bool pf_time_parse(struct pf_view text, int64_t *micros, bool *has_zone,
		   bool *date_only);
bool pf_timeofday_parse(struct pf_view text, int64_t *micros);

#endif
