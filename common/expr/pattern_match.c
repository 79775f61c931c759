/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a pattern's program over a text: all threads in lock step.
 */
#include "expr/pattern_impl.h"

#include <string.h>

static bool is_word(uint32_t cp)
{
	return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
	       (cp >= '0' && cp <= '9') || cp == '_';
}

static bool in_ranges(const struct pf_char_class *k, uint32_t cp)
{
	for (int i = 0; i < k->n; i++)
		if (cp >= k->ranges[i][0] && cp <= k->ranges[i][1])
			return true;
	return false;
}

bool pf_class_has(const struct pf_char_class *k, uint32_t cp, bool fold)
{
	bool in = in_ranges(k, cp) || (fold && (in_ranges(k, pf_lower_cp(cp)) ||
						in_ranges(k, pf_upper_cp(cp))));
	return in != k->negated;
}

static bool pieces_match(const struct pf_regex *re, struct pf_view t)
{
	size_t at = 0, last = re->npieces - 1;
	for (size_t i = 0; i <= last; i++) {
		struct pf_view p = re->pieces[i];
		bool head = i == 0 && !re->free_head;
		bool tail = i == last && !re->free_tail;
		if (t.len - at < p.len)
			return false;
		if (head) {
			if (p.len && memcmp(t.data, p.data, p.len) != 0)
				return false;
			if (tail)
				return t.len == p.len;
			at = p.len;
		} else if (tail) {
			return !p.len || !memcmp(t.data + t.len - p.len, p.data, p.len);
		} else if (p.len) {
			const uint8_t *hit = memmem(t.data + at, t.len - at, p.data, p.len);
			if (!hit)
				return false;
			at = (size_t)(hit - t.data) + p.len;
		}
	}
	return true;
}

struct place {
	struct pf_view t;
	size_t at;
	uint32_t before, here; /* code points, PF_PATTERN_INVALID - 1: none */
};

enum { NO_CP = 0xffffffff };

static bool assertion(const struct pf_step *s, const struct place *p)
{
	switch (s->op) {
	case PF_STEP_BEGIN:
		return p->at == 0;
	case PF_STEP_END:
		return p->at == p->t.len;
	default:
		return (is_word(p->before) != is_word(p->here)) == !s->x;
	}
}

/* Follow everything that takes no character. Returns true at a match. */
static bool add(struct pf_regex *re, int *list, int *n, int pc,
		const struct place *p)
{
	int depth = 0;
	re->stack[depth++] = pc;
	while (depth) {
		pc = re->stack[--depth];
		if (re->mark[pc] == re->generation)
			continue;
		re->mark[pc] = re->generation;
		const struct pf_step *s = &re->steps[pc];
		switch (s->op) {
		case PF_STEP_JUMP:
			re->stack[depth++] = pc + s->x;
			break;
		case PF_STEP_SPLIT:
			re->stack[depth++] = pc + s->y;
			re->stack[depth++] = pc + s->x;
			break;
		case PF_STEP_BEGIN:
		case PF_STEP_END:
		case PF_STEP_WORD:
			if (assertion(s, p))
				re->stack[depth++] = pc + 1;
			break;
		case PF_STEP_MATCH:
			return true;
		default:
			list[(*n)++] = pc;
			break;
		}
	}
	return false;
}

static bool takes(const struct pf_regex *re, const struct pf_step *s, uint32_t cp)
{
	switch (s->op) {
	case PF_STEP_CHAR:
		return s->cp == (re->fold ? pf_lower_cp(cp) : cp);
	case PF_STEP_CLASS: {
		const struct pf_char_class *k = &re->classes[s->x];
		if (cp < 128)
			return k->ascii[cp >> 3] >> (cp & 7) & 1;
		return pf_class_has(k, cp, re->fold);
	}
	case PF_STEP_ANY:
		return cp != '\n';
	default:
		return true;
	}
}

void pf_pattern_first_bytes(struct pf_regex *re)
{
	/* Assertions count as passed: more can begin than really does. */
	int depth = 0;
	re->generation = 1;
	re->stack[depth++] = 0;
	while (depth) {
		int pc = re->stack[--depth];
		if (re->mark[pc] == 1)
			continue;
		re->mark[pc] = 1;
		const struct pf_step *s = &re->steps[pc];
		if (s->op == PF_STEP_MATCH) {
			re->any_first = true;
		} else if (s->op == PF_STEP_JUMP) {
			re->stack[depth++] = pc + s->x;
		} else if (s->op == PF_STEP_SPLIT) {
			re->stack[depth++] = pc + s->y;
			re->stack[depth++] = pc + s->x;
		} else if (s->op == PF_STEP_BEGIN || s->op == PF_STEP_END || s->op == PF_STEP_WORD) {
			re->stack[depth++] = pc + 1;
		} else {
			for (uint32_t b = 0; b < 256; b++)
				if (b >= 128 || takes(re, s, b))
					re->first[b >> 3] =
						(uint8_t)(re->first[b >> 3] | 1 << (b & 7));
		}
	}
}

static void next_generation(struct pf_regex *re)
{
	if (++re->generation == 0) {
		memset(re->mark, 0, (size_t)re->n * sizeof *re->mark);
		re->generation = 1;
	}
}

bool pf_regex_search(struct pf_regex *re, struct pf_view t)
{
	if (re->like)
		return pieces_match(re, t);
	int *now = re->now, *next = re->next, n = 0;
	struct place p = { .t = t, .before = NO_CP };
	next_generation(re);
	for (;;) {
		if (!n && !re->any_first) {
			/* Nothing under way: on to where something can begin. */
			if (re->anchored && p.at)
				return false;
			size_t from = p.at;
			while (p.at < t.len && !(re->first[t.data[p.at] >> 3] >>
						 (t.data[p.at] & 7) & 1))
				p.at++;
			if (p.at == t.len || (re->anchored && p.at))
				return false;
			if (p.at > from)
				p.before = t.data[p.at - 1]; /* ASCII: others begin */
		}
		unsigned len = 0;
		p.here = NO_CP;
		if (p.at < t.len)
			len = pf_pattern_decode(t, p.at, &p.here);
		if ((!re->anchored || !p.at) && add(re, now, &n, 0, &p))
			return true;
		if (!len)
			return false;
		struct place after = { t, p.at + len, p.here, NO_CP };
		if (after.at < t.len)
			pf_pattern_decode(t, after.at, &after.here);
		next_generation(re);
		int m = 0;
		for (int i = 0; i < n; i++)
			if (takes(re, &re->steps[now[i]], p.here) &&
			    add(re, next, &m, now[i] + 1, &after))
				return true;
		int *swap = now;
		now = next;
		next = swap;
		n = m;
		p = after;
	}
}

struct pf_view pf_regex_prefix(const struct pf_regex *re)
{
	if (re->like && !re->free_head)
		return re->pieces[0];
	return re->like ? pf_view_of("", 0) : re->prefix;
}
