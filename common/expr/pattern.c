/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns to programs: recursive descent over the pattern, code emitted as
 * it is read.
 */
#include "expr/pattern_impl.h"

#include <stdlib.h>
#include <string.h>

enum {
	STEPS_MAX = 8000,
	NEST_MAX = 100,
	REPEAT_MAX = 1000,
};

int pf_pattern_fail(struct pf_pattern_compiler *c, const char *why)
{
	return pf_fail(c->err, PF_E_EXPR_SYNTAX,
		       "%s at byte %zu of the pattern", why, c->at + 1);
}

static int insert(struct pf_pattern_compiler *c, int at, struct pf_step s)
{
	struct pf_regex *re = c->re;
	if (re->n >= STEPS_MAX)
		return pf_pattern_fail(c, "too many steps");
	if (re->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 32;
		re->steps = pf_realloc(re->steps, (size_t)c->cap, sizeof s);
	}
	memmove(re->steps + at + 1, re->steps + at,
		(size_t)(re->n - at) * sizeof s);
	re->steps[at] = s;
	re->n++;
	return 0;
}

int pf_pattern_emit(struct pf_pattern_compiler *c, struct pf_step s)
{
	return insert(c, c->re->n, s);
}

static int alternatives(struct pf_pattern_compiler *c);

static int atom(struct pf_pattern_compiler *c)
{
	uint32_t cp;
	bool is_class;
	uint8_t b = c->p.data[c->at];
	switch (b) {
	case '(':
		c->at++;
		if (pf_pattern_take(c, '?') && !pf_pattern_take(c, ':'))
			return pf_pattern_fail(c, "only (?: ) and a leading (?i) are known");
		if (++c->nest > NEST_MAX)
			return pf_pattern_fail(c, "nested too deep");
		PF_TRY(alternatives(c));
		c->nest--;
		return pf_pattern_take(c, ')') ? 0 : pf_pattern_fail(c, "the parenthesis is not closed");
	case '[':
		c->at++;
		return pf_pattern_bracket(c);
	case '.':
		c->at++;
		return pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_ANY });
	case '^':
		c->at++;
		return pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_BEGIN });
	case '$':
		c->at++;
		return pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_END });
	case '*':
	case '+':
	case '?':
		return pf_pattern_fail(c, "nothing to repeat");
	case '\\':
		c->at++;
		if (pf_pattern_more(c)) {
			b = c->p.data[c->at];
			if ((b | 32) == 'b') {
				c->at++;
				return pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_WORD,
							      .x = b == 'B' });
			}
			PF_TRY(pf_pattern_shorthand(c, &is_class));
			if (is_class)
				return 0;
		}
		PF_TRY(pf_pattern_escaped(c, &cp));
		break;
	default:
		c->at += pf_pattern_decode(c->p, c->at, &cp);
		break;
	}
	return pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_CHAR,
				      .cp = c->re->fold ? pf_lower_cp(cp) : cp });
}

static bool number(struct pf_pattern_compiler *c, int *n)
{
	size_t start = c->at;
	for (*n = 0; pf_pattern_more(c) && c->p.data[c->at] >= '0' && c->p.data[c->at] <= '9';
	     c->at++)
		*n = *n > REPEAT_MAX ? *n : *n * 10 + (c->p.data[c->at] - '0');
	return c->at > start;
}

/* {m}, {m,}, {m,n}; anything else is a plain brace. max -1: no end. */
static bool counts(struct pf_pattern_compiler *c, int *min, int *max)
{
	size_t start = c->at;
	if (pf_pattern_take(c, '{') && number(c, min)) {
		*max = *min;
		if (pf_pattern_take(c, ',') && !number(c, max))
			*max = -1;
		if (pf_pattern_take(c, '}'))
			return true;
	}
	c->at = start;
	return false;
}

static int copy(struct pf_pattern_compiler *c, int from, int n)
{
	for (int i = 0; i < n; i++)
		PF_TRY(pf_pattern_emit(c, c->re->steps[from + i]));
	return 0;
}

/* Around the n steps at the end: zero or one, or any number of times. */
static int optional(struct pf_pattern_compiler *c, int n, bool loop)
{
	int at = c->re->n - n;
	PF_TRY(insert(c, at, (struct pf_step){ .op = PF_STEP_SPLIT, .x = 1, .y = n + 1 + loop }));
	if (loop)
		return pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_JUMP, .x = -(n + 1) });
	return 0;
}

static int repeat(struct pf_pattern_compiler *c, int start, int min, int max)
{
	int n = c->re->n - start;
	if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && max < min))
		return pf_pattern_fail(c, "a repetition is at most {1000}");
	if (max == 0) {
		c->re->n = start;
		return 0;
	}
	/* x{2,4} is x x (x (x)?)?, but flat: each x? alone says the same. */
	for (int i = 1; i < min; i++)
		PF_TRY(copy(c, start, n));
	if (max < 0) {
		if (min > 0)
			PF_TRY(copy(c, start, n));
		return optional(c, n, true);
	}
	if (min == 0)
		PF_TRY(optional(c, n, false));
	for (int i = min ? min : 1; i < max; i++) {
		PF_TRY(copy(c, start + (min == 0), n));
		PF_TRY(optional(c, n, false));
	}
	return 0;
}

static int branch(struct pf_pattern_compiler *c)
{
	while (pf_pattern_more(c) && c->p.data[c->at] != '|' && c->p.data[c->at] != ')') {
		int start = c->re->n, min, max;
		PF_TRY(atom(c));
		for (;;) {
			if (pf_pattern_take(c, '*'))
				min = 0, max = -1;
			else if (pf_pattern_take(c, '+'))
				min = 1, max = -1;
			else if (pf_pattern_take(c, '?'))
				min = 0, max = 1;
			else if (!counts(c, &min, &max))
				break;
			pf_pattern_take(c, '?'); /* lazy: the same without captures */
			PF_TRY(repeat(c, start, min, max));
		}
	}
	return 0;
}

static int alternatives(struct pf_pattern_compiler *c)
{
	struct pf_regex *re = c->re;
	int last = -1; /* chain of jumps to the end, through x */
	for (;;) {
		int start = re->n;
		PF_TRY(branch(c));
		if (!pf_pattern_take(c, '|'))
			break;
		PF_TRY(insert(c, start, (struct pf_step){ .op = PF_STEP_SPLIT, .x = 1,
						       .y = re->n - start + 2 }));
		PF_TRY(pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_JUMP, .x = last }));
		last = re->n - 1;
	}
	while (last >= 0) {
		int before = re->steps[last].x;
		re->steps[last].x = re->n - last;
		last = before;
	}
	return 0;
}

/* Characters that follow ^ one by one; a count or choice begins with a split. */
static void find_prefix(struct pf_pattern_compiler *c)
{
	struct pf_regex *re = c->re;
	struct pf_buf text = { 0 };
	for (int i = 1; re->anchored && !re->fold && re->steps[i].op == PF_STEP_CHAR; i++) {
		uint8_t bytes[4];
		uint32_t cp = re->steps[i].cp;
		if (cp >= PF_PATTERN_INVALID)
			break;
		pf_buf_add(&text, bytes, pf_utf8_encode(cp, bytes));
	}
	re->prefix = pf_arena_copy(c->arena, text.data, text.len);
	pf_buf_free(&text);
}

static void seal(struct pf_pattern_compiler *c)
{
	struct pf_regex *re = c->re;
	size_t n = (size_t)re->n;
	struct pf_step *steps = pf_arena_get(c->arena, n, sizeof *steps);
	memcpy(steps, re->steps, n * sizeof *steps);
	free(re->steps);
	re->steps = steps;
	struct pf_char_class *classes = pf_arena_get(c->arena, (size_t)re->nclasses + 1,
					     sizeof *classes);
	if (re->nclasses)
		memcpy(classes, re->classes, (size_t)re->nclasses * sizeof *classes);
	free(re->classes);
	re->classes = classes;
	re->now = pf_arena_get(c->arena, n, sizeof *re->now);
	re->next = pf_arena_get(c->arena, n, sizeof *re->next);
	re->stack = pf_arena_get(c->arena, n + 1, 2 * sizeof *re->stack);
	re->mark = pf_arena_zero(c->arena, n, sizeof *re->mark);
	re->anchored = re->steps[0].op == PF_STEP_BEGIN;
	find_prefix(c);
	pf_pattern_first_bytes(re);
}

/* Nothing but characters, perhaps behind ^: a search for bytes. */
static void literal(struct pf_pattern_compiler *c)
{
	struct pf_regex *re = c->re;
	int i = re->steps[0].op == PF_STEP_BEGIN, end = re->n - 1;
	bool to_end = end > i && re->steps[end - 1].op == PF_STEP_END;
	struct pf_buf text = { 0 };
	if (re->fold)
		return;
	for (int k = i; k < end - to_end; k++) {
		uint8_t bytes[4];
		if (re->steps[k].op != PF_STEP_CHAR || re->steps[k].cp >= 0x110000 ||
		    (re->steps[k].cp >= 0xd800 && re->steps[k].cp < 0xe000)) {
			pf_buf_free(&text);
			return;
		}
		pf_buf_add(&text, bytes, pf_utf8_encode(re->steps[k].cp, bytes));
	}
	re->like = true;
	re->pieces = pf_arena_get(c->arena, 1, sizeof *re->pieces);
	re->npieces = 1;
	re->pieces[0] = pf_arena_copy(c->arena, text.data, text.len);
	re->free_head = !i;
	re->free_tail = !to_end;
	pf_buf_free(&text);
}

static struct pf_regex *new_regex(struct pf_arena *a, bool fold)
{
	struct pf_regex *re = pf_arena_zero(a, 1, sizeof *re);
	re->fold = fold;
	return re;
}

static int finish(struct pf_pattern_compiler *c, int code, struct pf_regex **out)
{
	if (!code)
		code = pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_MATCH });
	if (code) {
		free(c->re->steps);
		free(c->re->classes);
		return code;
	}
	seal(c);
	*out = c->re;
	return 0;
}

int pf_regex_compile(struct pf_arena *a, struct pf_view pattern, bool fold,
		     struct pf_regex **out, struct pf_error *err)
{
	struct pf_pattern_compiler c = { .arena = a, .p = pattern, .err = err };
	if (pattern.len >= 4 && !memcmp(pattern.data, "(?i)", 4)) {
		fold = true;
		c.at = 4;
	}
	c.re = new_regex(a, fold);
	int code = alternatives(&c);
	if (!code && pf_pattern_more(&c))
		code = pf_pattern_fail(&c, "a parenthesis too many");
	PF_TRY(finish(&c, code, out));
	literal(&c);
	return 0;
}

static int like_program(struct pf_pattern_compiler *c, uint32_t escape)
{
	PF_TRY(pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_BEGIN }));
	while (pf_pattern_more(c)) {
		uint32_t cp;
		c->at += pf_pattern_decode(c->p, c->at, &cp);
		if (cp == escape && escape) {
			if (!pf_pattern_more(c))
				return pf_pattern_fail(c, "nothing behind the escape");
			c->at += pf_pattern_decode(c->p, c->at, &cp);
		} else if (cp == '%' || cp == '_') {
			PF_TRY(pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_ALL }));
			if (cp == '%')
				PF_TRY(optional(c, 1, true));
			continue;
		}
		PF_TRY(pf_pattern_emit(c, (struct pf_step){
				       .op = PF_STEP_CHAR,
				       .cp = c->re->fold ? pf_lower_cp(cp) : cp }));
	}
	return pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_END });
}

/* LIKE with nothing but % as a wildcard. */
static int like_pieces(struct pf_pattern_compiler *c, uint32_t escape)
{
	struct pf_regex *re = c->re;
	uint8_t *text = pf_arena_get(c->arena, c->p.len + 1, 1);
	size_t n = 0, start = 0;
	re->like = true;
	re->pieces = pf_arena_get(c->arena, c->p.len + 1, sizeof *re->pieces);
	while (pf_pattern_more(c)) {
		uint32_t cp;
		size_t from = c->at;
		c->at += pf_pattern_decode(c->p, c->at, &cp);
		if (cp == escape && escape) {
			if (!pf_pattern_more(c))
				return pf_pattern_fail(c, "nothing behind the escape");
			from = c->at;
			c->at += pf_pattern_decode(c->p, c->at, &cp);
		} else if (cp == '%') {
			if (n > start)
				re->pieces[re->npieces++] =
					pf_view_of(text + start, n - start);
			else if (!re->npieces)
				re->free_head = true;
			start = n;
			re->free_tail = true;
			continue;
		}
		re->free_tail = false;
		memcpy(text + n, c->p.data + from, c->at - from);
		n += c->at - from;
	}
	if (n > start || !re->npieces)
		re->pieces[re->npieces++] = pf_view_of(text + start, n - start);
	return 0;
}

int pf_like_compile(struct pf_arena *a, struct pf_view pattern,
		    struct pf_view escape, bool fold, struct pf_regex **out,
		    struct pf_error *err)
{
	struct pf_pattern_compiler c = { .arena = a, .p = pattern, .err = err };
	uint32_t esc = 0;
	if (escape.len && pf_pattern_decode(escape, 0, &esc) != escape.len)
		return pf_fail(err, PF_E_EXPR_SYNTAX, "escape takes one character");
	c.re = new_regex(a, fold);
	if (!fold && !(pattern.len && memchr(pattern.data, '_', pattern.len))) {
		*out = c.re;
		return like_pieces(&c, esc);
	}
	return finish(&c, like_program(&c, esc), out);
}
