/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/ast.h"

#include <math.h>
#include <stdlib.h>

bool pf_view_is(struct pf_view v, const char *word)
{
	size_t i = 0;
	for (; i < v.len && word[i]; i++) {
		uint8_t c = v.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + 32);
		if (c != (uint8_t)word[i])
			return false;
	}
	return i == v.len && !word[i];
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c >= 0x80;
}

static bool is_name(uint8_t c)
{
	return is_name_start(c) || is_digit(c);
}

/* A quoted piece, the quote doubled inside. */
static int lex_quoted(struct pf_expr *e, size_t *at, struct pf_token *t,
		      struct pf_error *err)
{
	const uint8_t *s = (const uint8_t *)e->text;
	size_t end = *at + 1, n = 0;
	uint8_t quote = s[*at];
	for (;; end++) {
		if (end >= e->text_len)
			return pf_expr_fail(e, *at, 1, PF_E_EXPR_SYNTAX, err,
					    "%s is not closed",
					    quote == '`' ? "quoted name" : "string");
		if (s[end] == quote) {
			if (end + 1 >= e->text_len || s[end + 1] != quote)
				break;
			end++;
		}
	}
	uint8_t *out = pf_arena_get(&e->arena, end - *at, 1);
	for (size_t i = *at + 1; i < end; i++) {
		i += s[i] == quote;
		out[n++] = s[i];
	}
	t->text = pf_view_of(out, n);
	t->at = *at;
	t->len = end + 1 - *at;
	*at = end + 1;
	return 0;
}

static int hex(uint8_t c)
{
	if (is_digit(c))
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int lex_bytes(struct pf_expr *e, size_t *at, struct pf_token *t,
		     struct pf_error *err)
{
	size_t start = (*at)++;
	PF_TRY(lex_quoted(e, at, t, err));
	t->kind = PF_T_BYTES;
	t->at = start;
	t->len++;
	uint8_t *out = pf_arena_get(&e->arena, t->text.len / 2 + 1, 1);
	for (size_t i = 0; i < t->text.len; i += 2) {
		int hi = hex(t->text.data[i]);
		int lo = i + 1 < t->text.len ? hex(t->text.data[i + 1]) : -1;
		if (hi < 0 || lo < 0)
			return pf_expr_fail(e, t->at, t->len, PF_E_EXPR_SYNTAX, err,
					    "x'..' takes pairs of hexadecimal digits");
		out[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	t->text = pf_view_of(out, t->text.len / 2);
	return 0;
}

struct unit {
	const char *name;
	int64_t factor;
	bool time; /* factor is microseconds */
};

/* m is minutes, M is millions, always. */
static const struct unit units[] = {
	{ "ms", 1000, true },
	{ "us", 1, true },
	{ "s", 1000000, true },
	{ "m", 60 * 1000000LL, true },
	{ "h", 3600 * 1000000LL, true },
	{ "d", 86400 * 1000000LL, true },
	{ "w", 7 * 86400 * 1000000LL, true },
	{ "k", 1000, false },
	{ "K", 1000, false },
	{ "M", 1000000, false },
	{ "G", 1000000000, false },
	{ "T", 1000000000000, false },
	{ "Ki", 1LL << 10, false },
	{ "Mi", 1LL << 20, false },
	{ "Gi", 1LL << 30, false },
	{ "Ti", 1LL << 40, false },
};

/* value with `scale` decimals times a unit, which must give a whole number. */
static int apply_unit(struct pf_expr *e, struct pf_token *t, pf_i128 value,
		      unsigned scale, struct pf_view suffix, struct pf_error *err)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strlen(units[i].name) != suffix.len ||
		    memcmp(units[i].name, suffix.data, suffix.len) != 0)
			continue;
		pf_i128 v, p = pf_pow10(scale);
		if (__builtin_mul_overflow(value, (pf_i128)units[i].factor, &v) ||
		    v % p || v / p > INT64_MAX)
			return pf_expr_fail(e, t->at, t->len, PF_E_EXPR_SYNTAX, err,
					    "not a whole number that fits");
		t->kind = units[i].time ? PF_T_INTERVAL : PF_T_NUMBER;
		t->lit = (struct pf_datum){ .type = { .kind = PF_BIGINT },
					    .i = (int64_t)(v / p) };
		return 0;
	}
	char name[32];
	pf_expr_fail(e, t->at, t->len, PF_E_EXPR_SYNTAX, err, "unknown unit '%s'",
		     pf_quote(name, sizeof name, suffix.data, suffix.len));
	return pf_hint(err, "durations: ms s m h d w; sizes: k M G T Ki Mi Gi Ti; "
			    "a name that begins with a digit needs backticks");
}

/* The token is digits with an exponent. */
static int take_double(struct pf_expr *e, struct pf_token *t, struct pf_error *err)
{
	char text[128];
	size_t n = 0, dots = 0;
	for (size_t i = t->at; i < t->at + t->len && n < sizeof text - 1; i++) {
		dots += e->text[i] == '.';
		if (e->text[i] != '_')
			text[n++] = e->text[i];
	}
	text[n] = '\0';
	double d = strtod(text, NULL);
	if (dots > 1 || !isfinite(d) || n == sizeof text - 1)
		return pf_expr_fail(e, t->at, t->len, PF_E_EXPR_SYNTAX, err, "not a number");
	t->lit = (struct pf_datum){ .type = { .kind = PF_DOUBLE }, .d = d };
	return 0;
}

static int lex_number(struct pf_expr *e, size_t *at, struct pf_token *t,
		      struct pf_error *err)
{
	const uint8_t *s = (const uint8_t *)e->text;
	size_t i = *at, end = e->text_len, n = 0;
	char digits[64];
	bool too_long = false, exponent = false;
	for (; i < end && (is_digit(s[i]) || s[i] == '_' || s[i] == '.'); i++) {
		if (s[i] == '_')
			continue;
		if (n < 60)
			digits[n++] = (char)s[i];
		else
			too_long = true;
	}
	if (i < end && (s[i] | 32) == 'e') {
		size_t j = i + 1;
		if (j < end && (s[j] == '+' || s[j] == '-'))
			j++;
		if (j < end && is_digit(s[j])) {
			exponent = true;
			while (j < end && is_digit(s[j]))
				j++;
			i = j;
		}
	}
	size_t suffix = i;
	while (i < end && is_name(s[i]))
		i++;
	t->kind = PF_T_NUMBER;
	t->at = *at;
	t->len = i - *at;
	*at = i;
	if (exponent && suffix == i)
		return take_double(e, t, err);
	pf_i128 value;
	unsigned scale, nd;
	if (too_long || exponent ||
	    !pf_dec_parse(pf_view_of(digits, n), &value, &scale, &nd)) {
		pf_expr_fail(e, t->at, t->len, PF_E_EXPR_SYNTAX, err,
			     "not a number of at most 38 digits");
		return pf_hint(err, "1e40 is a double");
	}
	if (suffix < i)
		return apply_unit(e, t, value, scale,
				  pf_view_of(s + suffix, i - suffix), err);
	if (scale == 0 && value <= INT64_MAX) {
		t->lit = (struct pf_datum){ .type = { .kind = PF_BIGINT },
					    .i = (int64_t)value };
	} else {
		if (nd < scale)
			nd = scale;
		t->lit = (struct pf_datum){
			.type = { PF_DECIMAL, (uint8_t)(nd ? nd : 1), (uint8_t)scale },
			.dec = value
		};
	}
	return 0;
}

static int lex_op(struct pf_expr *e, size_t *at, struct pf_token *t,
		  struct pf_error *err)
{
	static const char two[][3] = { "==", "!=", "<>", "<=", ">=", "&&", "||",
				       "!~", "=~" };
	const char *s = e->text + *at;
	size_t left = e->text_len - *at;
	t->kind = PF_T_OP;
	t->at = *at;
	t->len = 1;
	for (size_t i = 0; left >= 2 && i < sizeof two / sizeof *two; i++)
		if (s[0] == two[i][0] && s[1] == two[i][1])
			t->len = 2;
	memcpy(t->op, s, t->len);
	if (t->len == 1 && (!s[0] || !strchr("=<>!~+-*/%(),", s[0]))) {
		char c[8];
		uint8_t byte = (uint8_t)s[0];
		return pf_expr_fail(e, *at, 1, PF_E_EXPR_SYNTAX, err,
				    "unexpected '%s'",
				    pf_quote(c, sizeof c, &byte, 1));
	}
	*at += t->len;
	return 0;
}

int pf_expr_lex(struct pf_expr *e, size_t *at, struct pf_token *t,
		struct pf_error *err)
{
	const uint8_t *s = (const uint8_t *)e->text;
	size_t i = *at;
	while (i < e->text_len && (s[i] == ' ' || (s[i] >= '\t' && s[i] <= '\r')))
		i++;
	*t = (struct pf_token){ .kind = PF_T_END, .at = i };
	*at = i;
	if (i >= e->text_len)
		return 0;
	if (is_digit(s[i]) ||
	    (s[i] == '.' && i + 1 < e->text_len && is_digit(s[i + 1])))
		return lex_number(e, at, t, err);
	if ((s[i] | 32) == 'x' && i + 1 < e->text_len && s[i + 1] == '\'')
		return lex_bytes(e, at, t, err);
	if (s[i] == '\'' || s[i] == '"' || s[i] == '`') {
		t->kind = s[i] == '`' ? PF_T_QUOTED : PF_T_STRING;
		return lex_quoted(e, at, t, err);
	}
	if (!is_name_start(s[i]))
		return lex_op(e, at, t, err);
	/* actor.id is one name: columns picked out of JSON are called so. */
	while (i < e->text_len &&
	       (is_name(s[i]) ||
		(s[i] == '.' && i + 1 < e->text_len && is_name_start(s[i + 1]))))
		i++;
	t->kind = PF_T_NAME;
	t->at = *at;
	t->len = i - *at;
	t->text = pf_view_of(s + *at, t->len);
	*at = i;
	return 0;
}
