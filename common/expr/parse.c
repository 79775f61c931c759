/* SPDX-License-Identifier: Apache-2.0
 *
 * Recursive descent with a limit on nesting. From loose to tight:
 * or, and, not, comparisons (which do not chain), + -, * / %, unary minus.
 */
#include "expr/ast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct parser {
	struct pf_expr *e;
	struct pf_token t; /* the next one */
	size_t at;         /* behind it */
	size_t last_end;   /* end of the one before */
	unsigned depth;
	struct pf_error *err;
};

static int advance(struct parser *p)
{
	p->last_end = p->t.at + p->t.len;
	return pf_expr_lex(p->e, &p->at, &p->t, p->err);
}

static bool at_op(const struct parser *p, const char *op)
{
	return p->t.kind == PF_T_OP && !strcmp(p->t.op, op);
}

static bool at_word(const struct parser *p, const char *word)
{
	return p->t.kind == PF_T_NAME && pf_view_is(p->t.text, word);
}

static int fail_here(struct parser *p, const char *wanted)
{
	const struct pf_token *t = &p->t;
	char found[40];
	if (t->kind == PF_T_END)
		return pf_expr_fail(p->e, t->at, 1, PF_E_EXPR_SYNTAX, p->err,
				    "%s is missing at the end", wanted);
	pf_quote(found, sizeof found, p->e->text + t->at, t->len);
	return pf_expr_fail(p->e, t->at, t->len, PF_E_EXPR_SYNTAX, p->err,
			    "%s expected, not '%s'", wanted, found);
}

static int expect(struct parser *p, const char *op)
{
	char wanted[8];
	if (at_op(p, op))
		return advance(p);
	snprintf(wanted, sizeof wanted, "'%s'", op);
	return fail_here(p, wanted);
}

static int expect_word(struct parser *p, const char *word)
{
	char wanted[16];
	if (at_word(p, word))
		return advance(p);
	snprintf(wanted, sizeof wanted, "'%s'", word);
	return fail_here(p, wanted);
}

/* The node spans from its first token to the last one taken. */
static int finish(struct parser *p, struct pf_node *x, size_t start)
{
	x->at = (uint32_t)start;
	x->len = (uint32_t)(p->last_end - start);
	for (uint32_t i = 0; i < x->nkids; i++)
		if (x->kids[i]->height >= x->height)
			x->height = x->kids[i]->height + 1;
	if (x->height > PF_EXPR_HEIGHT_MAX)
		return pf_expr_fail(p->e, start, 1, PF_E_EXPR_SYNTAX, p->err,
				    "more than %d operations deep",
				    PF_EXPR_HEIGHT_MAX);
	return 0;
}

static struct pf_node *node1(struct parser *p, enum pf_node_op op,
			     struct pf_node *a)
{
	struct pf_node *x = pf_node_new(p->e, op, 0, 0, 1);
	x->kids[0] = a;
	return x;
}

static struct pf_node *node2(struct parser *p, enum pf_node_op op,
			     struct pf_node *a, struct pf_node *b)
{
	struct pf_node *x = pf_node_new(p->e, op, 0, 0, 2);
	x->kids[0] = a;
	x->kids[1] = b;
	return x;
}

/* A list of nodes of unknown length. */
struct list {
	struct pf_node **items;
	size_t n, cap;
};

static void push(struct list *l, struct pf_node *x)
{
	if (l->n == l->cap) {
		l->cap = pf_grow(l->cap, l->n + 1);
		l->items = pf_realloc(l->items, l->cap, sizeof *l->items);
	}
	l->items[l->n++] = x;
}

static struct pf_node *node_list(struct parser *p, enum pf_node_op op,
				 struct list *l)
{
	struct pf_node *x = pf_node_new(p->e, op, 0, 0, l->n);
	for (size_t i = 0; i < l->n; i++)
		x->kids[i] = l->items[i];
	return x;
}

static int parse_or(struct parser *p, struct pf_node **out);

/* Items separated by commas up to ')'. The '(' is taken. */
static int parse_list(struct parser *p, struct list *l)
{
	if (at_op(p, ")"))
		return advance(p);
	for (;;) {
		struct pf_node *x;
		PF_TRY(parse_or(p, &x));
		push(l, x);
		if (!at_op(p, ","))
			return expect(p, ")");
		PF_TRY(advance(p));
	}
}

/* A star alone, too: count(*). */
static int parse_arguments(struct parser *p, struct list *l)
{
	if (!at_op(p, "*"))
		return parse_list(p, l);
	PF_TRY(advance(p));
	return expect(p, ")");
}

static int parse_case_into(struct parser *p, struct list *l)
{
	struct pf_node *x;
	if (!at_word(p, "when"))
		return fail_here(p, "'when'");
	while (at_word(p, "when")) {
		PF_TRY(advance(p));
		PF_TRY(parse_or(p, &x));
		push(l, x);
		PF_TRY(expect_word(p, "then"));
		PF_TRY(parse_or(p, &x));
		push(l, x);
	}
	if (at_word(p, "else")) {
		PF_TRY(advance(p));
		PF_TRY(parse_or(p, &x));
		push(l, x);
	}
	return expect_word(p, "end");
}

static int parse_group(struct parser *p, enum pf_node_op op,
		       int (*into)(struct parser *, struct list *),
		       struct pf_node *first, struct pf_node **out)
{
	struct list l = { 0 };
	if (first)
		push(&l, first);
	int code = into(p, &l);
	if (!code)
		*out = node_list(p, op, &l);
	free(l.items);
	return code;
}

static bool is_keyword(struct pf_view v)
{
	static const char *const words[] = { "and",  "or",   "not",  "in",
					     "between", "like", "ilike", "is",
					     "when", "then", "else", "end",
					     "escape", "as" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (pf_view_is(v, words[i]))
			return true;
	return false;
}

static struct pf_node *literal(struct parser *p, struct pf_datum lit)
{
	struct pf_node *x = pf_node_new(p->e, PF_N_LITERAL, 0, 0, 0);
	x->lit = lit;
	return x;
}

static int parse_name(struct parser *p, struct pf_node **out)
{
	struct pf_token name = p->t;
	if (is_keyword(name.text)) {
		fail_here(p, "a value");
		return pf_hint(p->err, "a column of that name needs backticks: `%.*s`",
			       (int)(name.len < 40 ? name.len : 40),
			       (const char *)name.text.data);
	}
	PF_TRY(advance(p));
	if (at_op(p, "(")) {
		PF_TRY(advance(p));
		PF_TRY(parse_group(p, PF_N_CALL, parse_arguments, NULL, out));
		(*out)->name = name.text;
		return 0;
	}
	if (pf_view_is(name.text, "true") || pf_view_is(name.text, "false")) {
		*out = literal(p, (struct pf_datum){ .type = { .kind = PF_BOOLEAN },
						     .i = name.len == 4 });
		return 0;
	}
	if (pf_view_is(name.text, "null")) {
		*out = literal(p, (struct pf_datum){ .null = true });
		return 0;
	}
	if (pf_view_is(name.text, "case"))
		return parse_group(p, PF_N_CASE, parse_case_into, NULL, out);
	*out = pf_node_new(p->e, PF_N_COLUMN, 0, 0, 0);
	(*out)->name = name.text;
	return 0;
}

static int parse_primary(struct parser *p, struct pf_node **out)
{
	size_t start = p->t.at;
	struct pf_token t = p->t;
	struct pf_datum lit = t.lit;
	switch (t.kind) {
	case PF_T_NAME:
		PF_TRY(parse_name(p, out));
		break;
	case PF_T_QUOTED:
		PF_TRY(advance(p));
		*out = pf_node_new(p->e, PF_N_COLUMN, 0, 0, 0);
		(*out)->name = t.text;
		break;
	case PF_T_STRING:
	case PF_T_BYTES:
		PF_TRY(advance(p));
		lit.type.kind = t.kind == PF_T_STRING ? PF_STRING : PF_BYTES;
		lit.bytes = t.text;
		*out = literal(p, lit);
		break;
	case PF_T_NUMBER:
	case PF_T_INTERVAL:
		PF_TRY(advance(p));
		*out = literal(p, lit);
		(*out)->lit_interval = t.kind == PF_T_INTERVAL;
		break;
	default:
		if (!at_op(p, "("))
			return fail_here(p, "a value");
		PF_TRY(advance(p));
		PF_TRY(parse_or(p, out));
		return expect(p, ")");
	}
	return finish(p, *out, start);
}

/* The sign belongs to a number: -9223372036854775808 is a bigint. */
static bool negate_literal(struct pf_node *x)
{
	if (x->op != PF_N_LITERAL || x->lit.null)
		return false;
	switch (x->lit.type.kind) {
	case PF_BIGINT:
		x->lit.i = -x->lit.i;
		return true;
	case PF_DOUBLE:
		x->lit.d = -x->lit.d;
		return true;
	case PF_DECIMAL:
		x->lit.dec = -x->lit.dec;
		if (!x->lit.type.scale && x->lit.dec == INT64_MIN)
			x->lit = (struct pf_datum){ .type = { .kind = PF_BIGINT },
						    .i = INT64_MIN };
		return true;
	default:
		return false;
	}
}

static int parse_unary(struct parser *p, struct pf_node **out)
{
	size_t start = p->t.at, minuses = 0;
	bool any = false;
	while (at_op(p, "-") || at_op(p, "+")) {
		minuses += at_op(p, "-");
		any = true;
		PF_TRY(advance(p));
	}
	bool number = any && (p->t.kind == PF_T_NUMBER || p->t.kind == PF_T_INTERVAL);
	PF_TRY(parse_primary(p, out));
	if (!any)
		return 0;
	if (number) {
		if (minuses & 1)
			negate_literal(*out);
		return finish(p, *out, start);
	}
	*out = node1(p, PF_N_NEG, *out);
	PF_TRY(finish(p, *out, start));
	if (!(minuses & 1)) { /* + or --: checks that it is a number */
		*out = node1(p, PF_N_NEG, *out);
		PF_TRY(finish(p, *out, start));
	}
	return 0;
}

static int parse_product(struct parser *p, struct pf_node **out)
{
	size_t start = p->t.at;
	PF_TRY(parse_unary(p, out));
	while (at_op(p, "*") || at_op(p, "/") || at_op(p, "%")) {
		enum pf_node_op op = at_op(p, "*") ? PF_N_MUL :
				     at_op(p, "/") ? PF_N_DIV : PF_N_MOD;
		struct pf_node *b;
		PF_TRY(advance(p));
		PF_TRY(parse_unary(p, &b));
		*out = node2(p, op, *out, b);
		PF_TRY(finish(p, *out, start));
	}
	return 0;
}

static int parse_sum(struct parser *p, struct pf_node **out)
{
	size_t start = p->t.at;
	PF_TRY(parse_product(p, out));
	while (at_op(p, "+") || at_op(p, "-")) {
		enum pf_node_op op = at_op(p, "+") ? PF_N_ADD : PF_N_SUB;
		struct pf_node *b;
		PF_TRY(advance(p));
		PF_TRY(parse_product(p, &b));
		*out = node2(p, op, *out, b);
		PF_TRY(finish(p, *out, start));
	}
	return 0;
}

static bool at_comparison(const struct parser *p, enum pf_node_op *op)
{
	static const struct {
		char text[3];
		enum pf_node_op op;
	} ops[] = { { "=", PF_N_EQ }, { "==", PF_N_EQ }, { "!=", PF_N_NE },
		    { "<>", PF_N_NE }, { "<", PF_N_LT }, { "<=", PF_N_LE },
		    { ">", PF_N_GT }, { ">=", PF_N_GE }, { "~", PF_N_MATCH },
		    { "=~", PF_N_MATCH }, { "!~", PF_N_MATCH } };
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (at_op(p, ops[i].text)) {
			*op = ops[i].op;
			return true;
		}
	return false;
}

/* in (...), between a and b, like p [escape c]; not in front is taken. */
static int parse_word_comparison(struct parser *p, struct pf_node **out)
{
	struct pf_node *a = *out, *lo, *hi;
	if (at_word(p, "in")) {
		PF_TRY(advance(p));
		PF_TRY(expect(p, "("));
		if (at_op(p, ")"))
			return fail_here(p, "a value");
		return parse_group(p, PF_N_IN, parse_list, a, out);
	}
	if (at_word(p, "between")) {
		PF_TRY(advance(p));
		PF_TRY(parse_sum(p, &lo));
		PF_TRY(expect_word(p, "and"));
		PF_TRY(parse_sum(p, &hi));
		*out = pf_node_new(p->e, PF_N_BETWEEN, 0, 0, 3);
		(*out)->kids[0] = a;
		(*out)->kids[1] = lo;
		(*out)->kids[2] = hi;
		return 0;
	}
	bool fold = at_word(p, "ilike");
	if (!fold && !at_word(p, "like"))
		return fail_here(p, "'in', 'between' or 'like'");
	PF_TRY(advance(p));
	PF_TRY(parse_sum(p, &lo));
	hi = NULL;
	if (at_word(p, "escape")) {
		PF_TRY(advance(p));
		PF_TRY(parse_primary(p, &hi));
	}
	*out = pf_node_new(p->e, PF_N_LIKE, 0, 0, hi ? 3 : 2);
	(*out)->kids[0] = a;
	(*out)->kids[1] = lo;
	if (hi)
		(*out)->kids[2] = hi;
	(*out)->lit.i = fold;
	return 0;
}

static int parse_is(struct parser *p, struct pf_node **out, bool *negative)
{
	PF_TRY(advance(p));
	*negative = at_word(p, "not");
	if (*negative)
		PF_TRY(advance(p));
	PF_TRY(expect_word(p, "null"));
	*out = node1(p, PF_N_IS_NULL, *out);
	return 0;
}

static int parse_comparison(struct parser *p, struct pf_node **out)
{
	size_t start = p->t.at;
	enum pf_node_op op;
	bool negative = false;
	PF_TRY(parse_sum(p, out));
	if (at_comparison(p, &op)) {
		struct pf_node *b;
		negative = at_op(p, "!~");
		PF_TRY(advance(p));
		PF_TRY(parse_sum(p, &b));
		*out = node2(p, op, *out, b);
	} else if (at_word(p, "is")) {
		PF_TRY(parse_is(p, out, &negative));
	} else if (at_word(p, "not") || at_word(p, "in") || at_word(p, "between") ||
		   at_word(p, "like") || at_word(p, "ilike")) {
		negative = at_word(p, "not");
		if (negative)
			PF_TRY(advance(p));
		PF_TRY(parse_word_comparison(p, out));
	} else {
		return 0;
	}
	PF_TRY(finish(p, *out, start));
	if (negative) {
		*out = node1(p, PF_N_NOT, *out);
		PF_TRY(finish(p, *out, start));
	}
	if (at_comparison(p, &op)) {
		fail_here(p, "'and' or 'or'");
		return pf_hint(p->err, "comparisons do not chain; "
				       "a range is written x between 1 and 5");
	}
	return 0;
}

static int parse_not(struct parser *p, struct pf_node **out)
{
	size_t start = p->t.at;
	size_t nots = 0;
	while (at_word(p, "not") || at_op(p, "!")) {
		nots++;
		PF_TRY(advance(p));
	}
	PF_TRY(parse_comparison(p, out));
	if (nots > 1)
		nots = 2 - (nots & 1); /* not not x checks that x is boolean */
	for (; nots; nots--) {
		*out = node1(p, PF_N_NOT, *out);
		PF_TRY(finish(p, *out, start));
	}
	return 0;
}

static int parse_and_into(struct parser *p, struct list *l)
{
	struct pf_node *x;
	while (at_word(p, "and") || at_op(p, "&&")) {
		PF_TRY(advance(p));
		PF_TRY(parse_not(p, &x));
		push(l, x);
	}
	return 0;
}

static int parse_and(struct parser *p, struct pf_node **out)
{
	size_t start = p->t.at;
	PF_TRY(parse_not(p, out));
	if (!at_word(p, "and") && !at_op(p, "&&"))
		return 0;
	PF_TRY(parse_group(p, PF_N_AND, parse_and_into, *out, out));
	return finish(p, *out, start);
}

static int parse_or_into(struct parser *p, struct list *l)
{
	struct pf_node *x;
	while (at_word(p, "or") || at_op(p, "||")) {
		PF_TRY(advance(p));
		PF_TRY(parse_and(p, &x));
		push(l, x);
	}
	return 0;
}

static int parse_or(struct parser *p, struct pf_node **out)
{
	size_t start = p->t.at;
	if (++p->depth > PF_EXPR_NEST_MAX)
		return pf_expr_fail(p->e, start, 1, PF_E_EXPR_SYNTAX, p->err,
				    "nested more than %d deep", PF_EXPR_NEST_MAX);
	PF_TRY(parse_and(p, out));
	if (at_word(p, "or") || at_op(p, "||")) {
		PF_TRY(parse_group(p, PF_N_OR, parse_or_into, *out, out));
		PF_TRY(finish(p, *out, start));
	}
	p->depth--;
	return 0;
}

int pf_expr_parse(const char *text, size_t len, const char *what,
		  struct pf_expr **out, struct pf_error *err)
{
	*out = NULL;
	if (len > PF_EXPR_BYTES_MAX)
		return pf_fail(err, PF_E_EXPR_SYNTAX,
			       "more than %d bytes of text in %s",
			       PF_EXPR_BYTES_MAX, what);
	struct pf_expr *e = pf_zalloc(1, sizeof *e);
	e->text = pf_strndup(text, len);
	/* strndup stops at a zero byte, the rest of which cannot be meant */
	e->text_len = strlen(e->text);
	e->what = pf_strdup(what);
	struct parser p = { .e = e, .err = err };
	int code = e->text_len != len ?
			   pf_expr_fail(e, e->text_len, 1, PF_E_EXPR_SYNTAX, err,
					"a zero byte stands") :
			   advance(&p);
	if (!code)
		code = parse_or(&p, &e->root);
	if (!code && p.t.kind != PF_T_END)
		code = fail_here(&p, "an operator or the end");
	if (code) {
		pf_expr_free(e);
		return code;
	}
	pf_expr_collect_names(e);
	*out = e;
	return 0;
}
