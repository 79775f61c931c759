/* SPDX-License-Identifier: Apache-2.0
 *
 * Characters of a pattern that are more than themselves: brackets, shorthands
 * like \d, escapes.
 */
#include "expr/pattern_impl.h"

#include <stdlib.h>
#include <string.h>

enum {
	CLASSES_MAX = 1000,
	RANGES_MAX = 256,
};

static int add_range(struct pf_pattern_compiler *c, struct pf_char_class *k, uint32_t lo, uint32_t hi)
{
	if (k->n >= RANGES_MAX)
		return pf_pattern_fail(c, "too many ranges in a bracket");
	k->ranges[k->n][0] = lo;
	k->ranges[k->n++][1] = hi;
	return 0;
}

/* \d \w \s and their opposites. */
static bool add_shorthand(struct pf_pattern_compiler *c, struct pf_char_class *k, uint8_t letter,
			  int *code)
{
	static const struct {
		char letter;
		uint32_t r[6][2];
	} sets[] = {
		{ 'd', { { '0', '9' } } },
		{ 'w', { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } } },
		{ 's', { { '\t', '\r' }, { ' ', ' ' } } },
	};
	for (size_t i = 0; i < 3; i++) {
		if ((letter | 32) != sets[i].letter)
			continue;
		bool opposite = letter != (uint8_t)sets[i].letter;
		uint32_t from = 0;
		*code = 0;
		for (int j = 0; j < 6 && sets[i].r[j][1] && !*code; j++) {
			if (!opposite)
				*code = add_range(c, k, sets[i].r[j][0], sets[i].r[j][1]);
			else
				*code = add_range(c, k, from, sets[i].r[j][0] - 1);
			from = sets[i].r[j][1] + 1;
		}
		if (opposite && !*code)
			*code = add_range(c, k, from, PF_PATTERN_INVALID + 255);
		return true;
	}
	return false;
}

int pf_pattern_escaped(struct pf_pattern_compiler *c, uint32_t *cp)
{
	static const char from[] = "ntrfv", to[] = "\n\t\r\f\v";
	if (!pf_pattern_more(c))
		return pf_pattern_fail(c, "nothing behind the backslash");
	uint8_t b = c->p.data[c->at];
	const char *known = strchr(from, b);
	if (b && known) {
		*cp = (uint8_t)to[known - from];
		c->at++;
		return 0;
	}
	if (b == 'x') {
		char digits[3] = { 0 };
		if (c->at + 2 >= c->p.len)
			return pf_pattern_fail(c, "two hexadecimal digits follow \\x");
		memcpy(digits, c->p.data + c->at + 1, 2);
		char *end;
		*cp = (uint32_t)strtoul(digits, &end, 16);
		if (end != digits + 2 || digits[0] == '-' || digits[0] == '+')
			return pf_pattern_fail(c, "two hexadecimal digits follow \\x");
		c->at += 3;
		return 0;
	}
	if ((b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z'))
		return pf_pattern_fail(c, b >= '1' && b <= '9' ? "no back references" :
						      "unknown escape");
	c->at += pf_pattern_decode(c->p, c->at, cp);
	return 0;
}

static int new_class(struct pf_pattern_compiler *c, struct pf_char_class **k)
{
	struct pf_regex *re = c->re;
	if (re->nclasses >= CLASSES_MAX)
		return pf_pattern_fail(c, "too many brackets");
	if (!(re->nclasses & 15))
		re->classes = pf_realloc(re->classes, (size_t)re->nclasses + 16,
					 sizeof *re->classes);
	*k = &re->classes[re->nclasses++];
	**k = (struct pf_char_class){ .ranges = pf_arena_get(c->arena, RANGES_MAX,
						     sizeof *(*k)->ranges) };
	return 0;
}

static int end_class(struct pf_pattern_compiler *c, struct pf_char_class *k)
{
	for (uint32_t cp = 0; cp < 128; cp++) {
		if (pf_class_has(k, cp, c->re->fold))
			k->ascii[cp >> 3] = (uint8_t)(k->ascii[cp >> 3] | 1 << (cp & 7));
	}
	return pf_pattern_emit(c, (struct pf_step){ .op = PF_STEP_CLASS, .x = c->re->nclasses - 1 });
}

static bool posix_class(struct pf_pattern_compiler *c, struct pf_char_class *k, int *code)
{
	static const struct {
		const char *name;
		uint32_t r[3][2];
	} sets[] = {
		{ "alpha", { { 'A', 'Z' }, { 'a', 'z' } } },
		{ "digit", { { '0', '9' } } },
		{ "alnum", { { '0', '9' }, { 'A', 'Z' }, { 'a', 'z' } } },
		{ "upper", { { 'A', 'Z' } } },
		{ "lower", { { 'a', 'z' } } },
		{ "space", { { '\t', '\r' }, { ' ', ' ' } } },
		{ "blank", { { '\t', '\t' }, { ' ', ' ' } } },
		{ "punct", { { '!', '/' }, { ':', '@' }, { '[', '`' } } },
		{ "xdigit", { { '0', '9' }, { 'A', 'F' }, { 'a', 'f' } } },
	};
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		size_t n = strlen(sets[i].name);
		const uint8_t *s = c->p.data + c->at;
		if (c->p.len - c->at < n + 4 || memcmp(s, "[:", 2) != 0 ||
		    memcmp(s + 2, sets[i].name, n) != 0 || memcmp(s + 2 + n, ":]", 2) != 0)
			continue;
		*code = 0;
		for (int j = 0; j < 3 && sets[i].r[j][1] && !*code; j++)
			*code = add_range(c, k, sets[i].r[j][0], sets[i].r[j][1]);
		if (n == 5 && !strcmp(sets[i].name, "punct") && !*code)
			*code = add_range(c, k, '{', '~');
		c->at += n + 4;
		return true;
	}
	return false;
}

static int class_char(struct pf_pattern_compiler *c, uint32_t *cp)
{
	if (pf_pattern_take(c, '\\'))
		return pf_pattern_escaped(c, cp);
	c->at += pf_pattern_decode(c->p, c->at, cp);
	return 0;
}

int pf_pattern_bracket(struct pf_pattern_compiler *c)
{
	struct pf_char_class *k;
	PF_TRY(new_class(c, &k));
	k->negated = pf_pattern_take(c, '^');
	for (bool first = true;; first = false) {
		int code;
		uint32_t lo, hi;
		if (!pf_pattern_more(c))
			return pf_pattern_fail(c, "the bracket is not closed");
		if (!first && pf_pattern_take(c, ']'))
			return end_class(c, k);
		if (posix_class(c, k, &code)) {
			PF_TRY(code);
			continue;
		}
		if (c->p.data[c->at] == '\\' && c->at + 1 < c->p.len &&
		    add_shorthand(c, k, c->p.data[c->at + 1], &code)) {
			PF_TRY(code);
			c->at += 2;
			continue;
		}
		PF_TRY(class_char(c, &lo));
		hi = lo;
		if (c->at + 1 < c->p.len && c->p.data[c->at] == '-' &&
		    c->p.data[c->at + 1] != ']') {
			c->at++;
			PF_TRY(class_char(c, &hi));
			if (hi < lo)
				return pf_pattern_fail(c, "the range is backwards");
		}
		PF_TRY(add_range(c, k, lo, hi));
	}
}

int pf_pattern_shorthand(struct pf_pattern_compiler *c, bool *is)
{
	struct pf_char_class *k;
	int code;
	uint8_t letter = c->p.data[c->at];
	*is = letter && strchr("dDwWsS", letter);
	if (!*is)
		return 0;
	PF_TRY(new_class(c, &k));
	add_shorthand(c, k, letter, &code);
	PF_TRY(code);
	c->at++;
	return end_class(c, k);
}
