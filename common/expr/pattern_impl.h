/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside expr/: what a compiled pattern is. Steps name others by distance, so
 * that code can be moved and copied while it is compiled.
 */
#ifndef PF_EXPR_PATTERN_IMPL_H
#define PF_EXPR_PATTERN_IMPL_H

#include "base/utf8.h"
#include "expr/pattern.h"

enum {
	PF_PATTERN_INVALID = 0x110000, /* + byte: a byte that is not UTF-8 */
};

enum pf_step_op {
	PF_STEP_CHAR,
	PF_STEP_CLASS,
	PF_STEP_ANY,     /* not a newline */
	PF_STEP_ALL,
	PF_STEP_SPLIT,   /* to pc + x and pc + y */
	PF_STEP_JUMP,    /* to pc + x */
	PF_STEP_BEGIN,
	PF_STEP_END,
	PF_STEP_WORD,    /* at a word boundary; x: not */
	PF_STEP_MATCH,
};

struct pf_step {
	enum pf_step_op op;
	int x, y; /* distances, so that code can be moved and copied */
	uint32_t cp;
};

struct pf_char_class {
	bool negated;
	uint16_t n;
	uint32_t (*ranges)[2];
	uint8_t ascii[16]; /* bitmap, negation included */
};

struct pf_regex {
	bool like;  /* segments, below */
	bool fold;
	bool anchored;
	struct pf_step *steps;
	int n;
	struct pf_char_class *classes;
	int nclasses;
	uint8_t first[32]; /* bytes that a match can begin with */
	bool any_first;
	/* threads: dense lists with a mark per step */
	int *now, *next, *stack;
	uint32_t *mark;
	uint32_t generation;
	/* LIKE without _, and literals: pieces that follow one another */
	struct pf_view *pieces;
	size_t npieces;
	bool free_head, free_tail;
	struct pf_view prefix; /* of an anchored program */
};

static inline unsigned pf_pattern_decode(struct pf_view t, size_t i, uint32_t *cp)
{
	if (t.data[i] < 0x80) {
		*cp = t.data[i];
		return 1;
	}
	unsigned n = pf_utf8_decode(t.data + i, t.len - i, cp);
	if (!n) {
		*cp = PF_PATTERN_INVALID + t.data[i];
		return 1;
	}
	return n;
}

/* fold: in either case. */
bool pf_class_has(const struct pf_char_class *k, uint32_t cp, bool fold);

/* Bytes that a match can begin with, into re->first. */
void pf_pattern_first_bytes(struct pf_regex *re);

/* --- while it is compiled --- */

struct pf_pattern_compiler {
	struct pf_regex *re;
	struct pf_arena *arena;
	struct pf_view p;
	size_t at;
	int cap, nest;
	struct pf_error *err;
};

/* PF_E_EXPR_SYNTAX, with the place. */
int pf_pattern_fail(struct pf_pattern_compiler *c, const char *why);
/* Append a step. */
int pf_pattern_emit(struct pf_pattern_compiler *c, struct pf_step s);

static inline bool pf_pattern_more(const struct pf_pattern_compiler *c)
{
	return c->at < c->p.len;
}

static inline bool pf_pattern_take(struct pf_pattern_compiler *c, char ch)
{
	if (!pf_pattern_more(c) || c->p.data[c->at] != (uint8_t)ch)
		return false;
	c->at++;
	return true;
}

/* Behind '[': a step that takes one of its characters. */
int pf_pattern_bracket(struct pf_pattern_compiler *c);
/* Behind a backslash: \d \w \s or their opposites, as such a step; else *is is
 * false and nothing is taken. */
int pf_pattern_shorthand(struct pf_pattern_compiler *c, bool *is);
/* Behind a backslash: the character that is meant. */
int pf_pattern_escaped(struct pf_pattern_compiler *c, uint32_t *cp);

#endif
