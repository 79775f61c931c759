/* SPDX-License-Identifier: Apache-2.0
 *
 * The pattern becomes a tree of sequences, checked from its end to its
 * beginning: what can follow an item must not be what the item could go on
 * with. Matching walks the tree without ever going back.
 */
#include "text/line_pattern.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum {
	MOST_ITEMS = 256,
	MOST_GROUPS = 64,
	DEEPEST = 8,
	NO_LIMIT = -1,
	MOST_REPEATS = 255,
};

struct set {
	uint64_t bits[4];
};

static bool has(const struct set *s, uint8_t c)
{
	return s->bits[c >> 6] >> (c & 63) & 1;
}

static void include(struct set *s, uint8_t c)
{
	s->bits[c >> 6] |= (uint64_t)1 << (c & 63);
}

static void unite(struct set *s, const struct set *other)
{
	for (int i = 0; i < 4; i++)
		s->bits[i] |= other->bits[i];
}

static bool meets(const struct set *a, const struct set *b)
{
	for (int i = 0; i < 4; i++)
		if (a->bits[i] & b->bits[i])
			return true;
	return false;
}

/* A byte of a set, so and so often; or a group of alternatives. */
struct item {
	bool is_group;
	struct set set;   /* of a group: what it can begin with */
	int least, most;  /* most NO_LIMIT: any number */
	int group;        /* number, from 1 */
	int alternatives; /* the first; each is a sequence */
	int next;         /* in the sequence, -1: its end */
};

/* A sequence of items, and the alternative behind it. */
struct sequence {
	struct set first;
	int item; /* -1: empty */
	int next; /* -1: the last */
};

struct pf_line_pattern {
	struct item items[MOST_ITEMS];
	struct sequence sequences[MOST_ITEMS];
	int nitems, nsequences, groups;
	int top;
	bool to_end; /* $ */
};

struct parse {
	struct pf_line_pattern *p;
	const char *at;
	int depth;
};

/* --- parsing; -1 or false: not simple --- */

static int parse_alternatives(struct parse *x);

static bool named_class(struct set *s, const char *name, size_t len)
{
	static const struct {
		const char *name;
		int (*test)(int);
	} classes[] = {
		{ "alpha", isalpha }, { "digit", isdigit }, { "alnum", isalnum },
		{ "upper", isupper }, { "lower", islower }, { "space", isspace },
		{ "punct", ispunct }, { "xdigit", isxdigit }, { "blank", isblank },
	};
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (strlen(classes[i].name) == len &&
		    !memcmp(classes[i].name, name, len)) {
			for (int c = 0; c < 128; c++)
				if (classes[i].test(c))
					include(s, (uint8_t)c);
			return true;
		}
	return false;
}

/* Behind the [. */
static bool parse_set(struct parse *x, struct set *s)
{
	const char *p = x->at;
	bool negated = *p == '^';
	p += negated;
	for (bool first = true; first || *p != ']'; first = false) {
		if (!*p || (unsigned char)*p >= 0x80)
			return false;
		if (p[0] == '[' && p[1] == ':') {
			const char *stop = strstr(p, ":]");
			if (!stop || !named_class(s, p + 2, (size_t)(stop - p) - 2))
				return false;
			p = stop + 2;
			continue;
		}
		if (p[0] == '[' && (p[1] == '.' || p[1] == '='))
			return false;
		uint8_t low = (uint8_t)*p++, high = low;
		if (p[0] == '-' && p[1] && p[1] != ']') {
			high = (uint8_t)p[1];
			if (high >= 0x80 || high < low || p[1] == '[')
				return false;
			p += 2;
		}
		for (unsigned c = low; c <= high; c++)
			include(s, (uint8_t)c);
	}
	x->at = p + 1;
	if (negated)
		for (int i = 0; i < 4; i++)
			s->bits[i] = ~s->bits[i];
	return true;
}

static bool parse_number(struct parse *x, int *n)
{
	if (!isdigit((unsigned char)*x->at))
		return false;
	for (*n = 0; isdigit((unsigned char)*x->at) && *n <= MOST_REPEATS; x->at++)
		*n = *n * 10 + (*x->at - '0');
	return *n <= MOST_REPEATS;
}

static bool parse_repeat(struct parse *x, struct item *it)
{
	it->least = it->most = 1;
	switch (*x->at) {
	case '*':
	case '+':
		it->least = *x->at++ == '+';
		it->most = NO_LIMIT;
		break;
	case '?':
		x->at++;
		it->least = 0;
		break;
	case '{':
		x->at++;
		if (!parse_number(x, &it->least))
			return false;
		it->most = it->least;
		if (*x->at == ',') {
			x->at++;
			it->most = NO_LIMIT;
			if (*x->at != '}' && !parse_number(x, &it->most))
				return false;
		}
		if (*x->at++ != '}' || it->most == 0 ||
		    (it->most != NO_LIMIT && it->most < it->least))
			return false;
		break;
	default:
		return true;
	}
	/* One repeat of a repeat is nobody's intention. */
	return !*x->at || !strchr("*+?{", *x->at);
}

static bool parse_item(struct parse *x, struct item *it)
{
	char c = *x->at++;
	it->next = it->alternatives = -1;
	switch (c) {
	case '(':
		if (x->p->groups + 1 >= MOST_GROUPS || ++x->depth > DEEPEST)
			return false;
		it->is_group = true;
		it->group = ++x->p->groups;
		it->alternatives = parse_alternatives(x);
		x->depth--;
		if (it->alternatives < 0 || *x->at++ != ')')
			return false;
		break;
	case '[':
		if (!parse_set(x, &it->set))
			return false;
		break;
	case '.':
		memset(&it->set, 0xff, sizeof it->set);
		break;
	case '\\':
		c = *x->at++;
		if (!c || isalnum((unsigned char)c) || strchr("<>`'", c))
			return false;
		include(&it->set, (uint8_t)c);
		break;
	case '^':
	case '$':
	case '*':
	case '+':
	case '?':
	case '{':
		return false;
	default:
		if ((unsigned char)c >= 0x80)
			return false;
		include(&it->set, (uint8_t)c);
		break;
	}
	if (!parse_repeat(x, it))
		return false;
	/* Groups come once, or not at all. */
	return !it->is_group || (it->most == 1);
}

static bool at_end_of_sequence(const struct parse *x)
{
	return !*x->at || *x->at == '|' || *x->at == ')' ||
	       (*x->at == '$' && !x->at[1] && !x->depth);
}

static int parse_sequence(struct parse *x)
{
	struct pf_line_pattern *p = x->p;
	if (p->nsequences == MOST_ITEMS)
		return -1;
	int self = p->nsequences++, last = -1;
	p->sequences[self] = (struct sequence){ .item = -1, .next = -1 };
	while (!at_end_of_sequence(x)) {
		if (p->nitems == MOST_ITEMS)
			return -1;
		int i = p->nitems++;
		p->items[i] = (struct item){ 0 };
		/* The item may grow the arrays' use, never move them. */
		if (!parse_item(x, &p->items[i]))
			return -1;
		if (last < 0)
			p->sequences[self].item = i;
		else
			p->items[last].next = i;
		last = i;
	}
	return self;
}

/* Recursion is as deep as DEEPEST. */
static int parse_alternatives(struct parse *x)
{
	int first = parse_sequence(x), last = first;
	while (first >= 0 && *x->at == '|') {
		x->at++;
		int next = parse_sequence(x);
		if (next < 0)
			return -1;
		x->p->sequences[last].next = next;
		last = next;
	}
	return first;
}

/* --- is there only one way? --- */

/* What can come at some place: these bytes; and, if open, the end of the pattern
 * whatever the line goes on with. */
struct next {
	struct set bytes;
	bool open;
};

static bool nullable_item(const struct pf_line_pattern *p, const struct item *it);

static bool nullable_sequence(const struct pf_line_pattern *p, int s)
{
	for (int i = p->sequences[s].item; i >= 0; i = p->items[i].next)
		if (!nullable_item(p, &p->items[i]))
			return false;
	return true;
}

static bool nullable_item(const struct pf_line_pattern *p, const struct item *it)
{
	bool nullable = !it->least;
	for (int s = it->alternatives; s >= 0; s = p->sequences[s].next)
		nullable = nullable || nullable_sequence(p, s);
	return nullable;
}

/* Item i and those behind it, before `follow`. false: there are several ways.
 * *first becomes what they can begin with. Recursion is as deep as the pattern
 * is long. */
static bool check_items(struct pf_line_pattern *p, int i, const struct next *follow,
			struct next *first);

static bool check_group(struct pf_line_pattern *p, struct item *it,
			const struct next *follow)
{
	it->set = (struct set){ 0 };
	for (int s = it->alternatives; s >= 0; s = p->sequences[s].next) {
		struct sequence *q = &p->sequences[s];
		bool alone = s == it->alternatives && q->next < 0 && it->least;
		struct next first = { 0 };
		/* Choices are made by the first byte: there must be one. */
		if (q->item < 0 || (!alone && nullable_sequence(p, s)) ||
		    !check_items(p, q->item, follow, &first) ||
		    meets(&it->set, &first.bytes))
			return false;
		q->first = first.bytes;
		unite(&it->set, &first.bytes);
	}
	return true;
}

static bool check_items(struct pf_line_pattern *p, int i, const struct next *follow,
			struct next *first)
{
	struct item *it = &p->items[i];
	struct next rest = *follow;
	if (it->next >= 0 && !check_items(p, it->next, follow, &rest))
		return false;
	if (it->is_group && !check_group(p, it, &rest))
		return false;
	/* A group that could be left out, at a place where anything may follow:
	 * it is left out, too, when only its beginning is there. */
	if (it->is_group && !it->least && rest.open)
		return false;
	if (it->least != it->most && meets(&it->set, &rest.bytes))
		return false;
	*first = (struct next){ .bytes = it->set };
	if (nullable_item(p, it)) {
		unite(&first->bytes, &rest.bytes);
		first->open = rest.open;
	}
	return true;
}

struct pf_line_pattern *pf_line_pattern_open(const char *pattern)
{
	if (*pattern != '^')
		return NULL;
	struct pf_line_pattern *p = pf_zalloc(1, sizeof *p);
	struct parse x = { .p = p, .at = pattern + 1 };
	struct next first, behind = { 0 };
	p->top = parse_sequence(&x);
	p->to_end = p->top >= 0 && *x.at == '$';
	x.at += p->to_end;
	behind.open = !p->to_end;
	if (p->top < 0 || *x.at || p->sequences[p->top].item < 0 ||
	    !check_items(p, p->sequences[p->top].item, &behind, &first)) {
		free(p);
		return NULL;
	}
	return p;
}

void pf_line_pattern_close(struct pf_line_pattern *p)
{
	free(p);
}

/* --- matching --- */

/* The items from i on, at `at`. Where the match ends, or NULL. Recursion is as
 * deep as groups are nested. */
static const uint8_t *match(const struct pf_line_pattern *p, int i,
			    const uint8_t *line, const uint8_t *at,
			    const uint8_t *end, regmatch_t *groups)
{
	for (; i >= 0; i = p->items[i].next) {
		const struct item *it = &p->items[i];
		if (!it->is_group) {
			const uint8_t *stop = it->most == NO_LIMIT ||
					      end - at < it->most ? end : at + it->most;
			const uint8_t *from = at;
			while (at < stop && has(&it->set, *at))
				at++;
			if (at - from < it->least)
				return NULL;
			continue;
		}
		int s = it->alternatives;
		bool alone = it->least && p->sequences[s].next < 0;
		while (s >= 0 && !alone &&
		       (at == end || !has(&p->sequences[s].first, *at)))
			s = p->sequences[s].next;
		if (s < 0) {
			if (it->least)
				return NULL;
			continue;
		}
		groups[it->group].rm_so = (regoff_t)(at - line);
		at = match(p, p->sequences[s].item, line, at, end, groups);
		if (!at)
			return NULL;
		groups[it->group].rm_eo = (regoff_t)(at - line);
	}
	return at;
}

bool pf_line_pattern_match(const struct pf_line_pattern *p, const uint8_t *line,
			   size_t len, regmatch_t *groups)
{
	for (int i = 1; i <= p->groups; i++)
		groups[i].rm_so = groups[i].rm_eo = -1;
	const uint8_t *end = line + len;
	const uint8_t *at = match(p, p->sequences[p->top].item, line, line, end, groups);
	return at && (!p->to_end || at == end);
}
