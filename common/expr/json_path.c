/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/json_path.h"

#include <string.h>

#include "base/utf8.h"

/* What is left of the text. */
struct cursor {
	const uint8_t *p, *end;
};

static bool at(const struct cursor *c, char what)
{
	return c->p < c->end && *c->p == (uint8_t)what;
}

static void blanks(struct cursor *c)
{
	while (at(c, ' ') || at(c, '\n') || at(c, '\t') || at(c, '\r'))
		c->p++;
}

static bool take(struct cursor *c, char what)
{
	blanks(c);
	if (!at(c, what))
		return false;
	c->p++;
	blanks(c);
	return true;
}

static bool skip_string(struct cursor *c)
{
	for (c->p++; c->p < c->end; c->p++) {
		if (*c->p == '"') {
			c->p++;
			return true;
		}
		if (*c->p == '\\')
			c->p++;
	}
	return false;
}

/* Brackets are counted, not matched by kind. */
static bool skip_nested(struct cursor *c)
{
	size_t depth = 0;
	while (c->p < c->end) {
		uint8_t b = *c->p;
		if (b == '"') {
			if (!skip_string(c))
				return false;
			continue;
		}
		c->p++;
		if (b == '{' || b == '[')
			depth++;
		else if ((b == '}' || b == ']') && !--depth)
			return true;
	}
	return false;
}

static bool skip_value(struct cursor *c, struct pf_view *value)
{
	const uint8_t *start = c->p;
	bool ok;
	if (at(c, '"')) {
		ok = skip_string(c);
	} else if (at(c, '{') || at(c, '[')) {
		ok = skip_nested(c);
	} else {
		while (c->p < c->end && !memchr(",]} \t\r\n:\"[{", *c->p, 12))
			c->p++;
		ok = c->p > start;
	}
	*value = pf_view_of(start, (size_t)(c->p - start));
	return ok;
}

static int hex(const uint8_t *p, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		uint8_t c = p[i], letter = c | 0x20;
		uint32_t digit = c >= '0' && c <= '9' ? c - (uint32_t)'0' :
				 letter >= 'a' && letter <= 'f' ? letter - (uint32_t)'a' + 10 :
								  16;
		if (digit > 15)
			return -1;
		*out = *out << 4 | digit;
	}
	return 0;
}

/* \uXXXX, two of them for what is beyond the first plane; p is at the u. */
static size_t code_unit(const uint8_t *p, const uint8_t *end, uint32_t *cp)
{
	uint32_t low;
	if (end - p < 5 || hex(p + 1, cp))
		return 0;
	if (*cp < 0xd800 || *cp > 0xdfff)
		return 5;
	bool pair = *cp < 0xdc00 && end - p >= 11 && p[5] == '\\' && p[6] == 'u' &&
		    !hex(p + 7, &low) && low >= 0xdc00 && low <= 0xdfff;
	*cp = pair ? 0x10000 + ((*cp - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
	return pair ? 11 : 5;
}

bool pf_json_unescape(struct pf_view value, uint8_t *out, size_t *len)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t n = 0;
	*len = 0;
	if (value.len < 2 || value.data[0] != '"' || value.data[value.len - 1] != '"')
		return false;
	const uint8_t *p = value.data + 1, *end = value.data + value.len - 1;
	while (p < end) {
		if (*p != '\\') {
			out[n++] = *p++;
			continue;
		}
		if (++p == end)
			return false;
		const char *hit = *p ? strchr(from, *p) : NULL;
		uint32_t cp;
		if (hit) {
			out[n++] = (uint8_t)to[hit - from];
			p++;
			continue;
		}
		size_t used = *p == 'u' ? code_unit(p, end, &cp) : 0;
		if (!used)
			return false;
		n += pf_utf8_encode(cp, out + n);
		p += used;
	}
	*len = n;
	return true;
}

static bool is_key(struct pf_view quoted, struct pf_view key)
{
	enum { LONGEST = 256 };
	uint8_t plain[LONGEST];
	size_t n = quoted.len - 2;
	if (!memchr(quoted.data, '\\', quoted.len))
		return n == key.len && (!n || !memcmp(quoted.data + 1, key.data, n));
	return quoted.len <= LONGEST && pf_json_unescape(quoted, plain, &n) &&
	       n == key.len && (!n || !memcmp(plain, key.data, n));
}

static bool member(struct cursor *c, struct pf_view key, struct pf_view *value)
{
	struct pf_view name;
	if (!take(c, '{'))
		return false;
	while (at(c, '"')) {
		if (!skip_value(c, &name) || !take(c, ':') || !skip_value(c, value))
			return false;
		if (is_key(name, key))
			return true;
		if (!take(c, ','))
			return false;
	}
	return false;
}

static bool element(struct cursor *c, struct pf_view key, struct pf_view *value)
{
	size_t want = 0;
	for (size_t i = 0; i < key.len; i++) {
		if (key.data[i] < '0' || key.data[i] > '9' || want > SIZE_MAX / 100)
			return false;
		want = want * 10 + (size_t)(key.data[i] - '0');
	}
	if (!key.len || !take(c, '['))
		return false;
	for (size_t i = 0; !at(c, ']') && skip_value(c, value); i++) {
		if (i == want)
			return true;
		if (!take(c, ','))
			return false;
	}
	return false;
}

bool pf_json_path(struct pf_view text, struct pf_view path, struct pf_view *value)
{
	struct cursor c = { text.data, text.data + text.len };
	blanks(&c);
	if (!path.len)
		return skip_value(&c, value);
	const uint8_t *p = path.data, *end = path.data + path.len;
	for (;;) {
		const uint8_t *dot = memchr(p, '.', (size_t)(end - p));
		struct pf_view key = pf_view_of(p, (size_t)((dot ? dot : end) - p));
		if (!(at(&c, '[') ? element(&c, key, value) : member(&c, key, value)))
			return false;
		if (!dot)
			return true;
		c = (struct cursor){ value->data, value->data + value->len };
		p = dot + 1;
	}
}
