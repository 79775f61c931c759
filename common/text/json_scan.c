/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json_scan.h"

#include <string.h>

#include "base/utf8.h"
#include "text/scan.h"

static bool is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') < 10;
}

static int hex4(const uint8_t *p)
{
	int value = 0;
	for (int i = 0; i < 4; i++) {
		int c = p[i], lower = c | 0x20;
		int digit = c >= '0' && c <= '9'	     ? c - '0' :
			    lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 :
							   -1;
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* p: at a backslash. What follows the escape, or NULL. */
static const uint8_t *escape(struct pf_json_scan *s, const uint8_t *p)
{
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return p + 2;
	case 'u': {
		int high = hex4(p + 2);
		if (high < 0)
			return pf_json_bad(s, p, "malformed \\u escape");
		if (high < 0xd800 || high > 0xdfff)
			return p + 6;
		if (high > 0xdbff || p[6] != '\\' || p[7] != 'u')
			return pf_json_bad(s, p, "half of a surrogate pair");
		int low = hex4(p + 8);
		if (low < 0xdc00 || low > 0xdfff)
			return pf_json_bad(s, p, "half of a surrogate pair");
		return p + 12;
	}
	default:
		return pf_json_bad(s, p, "unknown escape");
	}
}

const uint8_t *pf_json_string(struct pf_json_scan *s, const uint8_t *p, bool *coded)
{
	const uint8_t *start = p;
	bool high = false;
	*coded = false;
	for (;;) {
		p = pf_find_string_end(p, &high);
		if (*p == '"')
			break;
		if (*p != '\\')
			return pf_json_bad(s, p, "control character or end inside a string");
		*coded = true;
		p = escape(s, p);
		if (!p)
			return NULL;
	}
	if (high && !pf_utf8_valid(start, (size_t)(p - start)))
		return pf_json_bad(s, start, "a string is not UTF-8");
	return p;
}

const uint8_t *pf_json_scan_number(struct pf_json_scan *s, const uint8_t *p)
{
	p += *p == '-';
	if (*p == '0') {
		p++;
	} else {
		if (!is_digit(*p))
			return pf_json_bad(s, p, "a value is expected");
		while (is_digit(*p))
			p++;
	}
	if (is_digit(*p))
		return pf_json_bad(s, p, "a number begins with zero");
	if (*p == '.') {
		p++;
		if (!is_digit(*p))
			return pf_json_bad(s, p, "a digit is missing behind the point");
		while (is_digit(*p))
			p++;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '-' || *p == '+';
		if (!is_digit(*p))
			return pf_json_bad(s, p, "a digit is missing in the exponent");
		while (is_digit(*p))
			p++;
	}
	return p;
}

static const uint8_t *key(struct pf_json_scan *s, const uint8_t *p)
{
	bool coded;
	if (*p != '"')
		return pf_json_bad(s, p, "a key in quotes is expected");
	p = pf_json_string(s, p + 1, &coded);
	if (!p)
		return NULL;
	p = pf_json_blanks(s, p + 1);
	if (*p != ':')
		return pf_json_bad(s, p, "a colon is expected");
	return pf_json_blanks(s, p + 1);
}

static const uint8_t *scalar(struct pf_json_scan *s, const uint8_t *p)
{
	bool coded;
	switch (*p) {
	case '"':
		p = pf_json_string(s, p + 1, &coded);
		return p ? p + 1 : NULL;
	case 't':
		if (p[1] == 'r' && p[2] == 'u' && p[3] == 'e')
			return p + 4;
		break;
	case 'f':
		if (p[1] == 'a' && p[2] == 'l' && p[3] == 's' && p[4] == 'e')
			return p + 5;
		break;
	case 'n':
		if (p[1] == 'u' && p[2] == 'l' && p[3] == 'l')
			return p + 4;
		break;
	default:
		return pf_json_scan_number(s, p);
	}
	return pf_json_bad(s, p, "a value is expected");
}

const uint8_t *pf_json_skip(struct pf_json_scan *s, const uint8_t *p)
{
	/* One bit per level: is it an object? */
	uint8_t objects[PF_JSON_DEPTH / 8];
	unsigned depth = 0;
	for (;;) {
		if (*p == '{' || *p == '[') {
			bool object = *p == '{';
			if (depth == PF_JSON_DEPTH)
				return pf_json_bad(s, p, "nested deeper than 512");
			unsigned at = depth & 7, below = (1u << at) - 1;
			uint8_t *bits = &objects[depth >> 3];
			*bits = (uint8_t)((at ? *bits & below : 0) | (unsigned)object << at);
			depth++;
			p = pf_json_blanks(s, p + 1);
			if (*p != (object ? '}' : ']')) {
				if (object && !(p = key(s, p)))
					return NULL;
				continue;
			}
			/* Empty: closed below. */
		} else {
			p = scalar(s, p);
			if (!p || !depth)
				return p;
			p = pf_json_blanks(s, p);
		}
		/* Behind a value, or at the end of an empty container. */
		for (;;) {
			bool object = objects[(depth - 1) >> 3] >> ((depth - 1) & 7) & 1;
			if (*p == (object ? '}' : ']')) {
				p++;
				if (!--depth)
					return p;
				p = pf_json_blanks(s, p);
				continue;
			}
			if (*p != ',')
				return pf_json_bad(s, p, object ? "a comma or } is expected" :
								  "a comma or ] is expected");
			p = pf_json_blanks(s, p + 1);
			if (object && !(p = key(s, p)))
				return NULL;
			break;
		}
	}
}

void pf_json_decode(const uint8_t *p, size_t len, struct pf_buf *out)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const uint8_t *end = p + len;
	uint8_t *at = pf_buf_room(out, len);
	uint8_t *start = at;
	while (p < end) {
		const uint8_t *slash = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((slash ? slash : end) - p);
		memcpy(at, p, plain);
		at += plain;
		p += plain;
		if (!slash)
			break;
		if (p[1] == 'u') {
			uint32_t cp = (uint32_t)hex4(p + 2);
			p += 6;
			if (cp >= 0xd800 && cp <= 0xdfff) {
				cp = 0x10000 + ((cp & 0x3ff) << 10) +
				     ((uint32_t)hex4(p + 2) & 0x3ff);
				p += 6;
			}
			at += pf_utf8_encode(cp, at);
			continue;
		}
		const char *named = memchr(from, p[1], 5);
		*at++ = (uint8_t)(named ? to[named - from] : p[1]);
		p += 2;
	}
	out->len += (size_t)(at - start);
}

void pf_json_compact(const uint8_t *p, size_t len, struct pf_buf *out)
{
	const uint8_t *end = p + len;
	uint8_t *at = pf_buf_room(out, len);
	uint8_t *start = at;
	while (p < end) {
		uint8_t c = *p++;
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		*at++ = c;
		if (c != '"')
			continue;
		/* The string as it is, to its closing quote. */
		const uint8_t *from = p;
		for (bool high = false; *(p = pf_find_string_end(p, &high)) == '\\';)
			p += 2;
		p++;
		memcpy(at, from, (size_t)(p - from));
		at += p - from;
	}
	out->len += (size_t)(at - start);
}

const uint8_t *pf_json_extent(const uint8_t *p, const uint8_t *end)
{
	unsigned depth = 0;
	while (p < end) {
		switch (*p++) {
		case '"':
			for (; p < end && *p != '"'; p++)
				p += *p == '\\';
			if (p >= end)
				return NULL;
			p++;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (!depth)
				return p - 1;
			if (!--depth)
				return p;
			break;
		case ',':
			if (!depth)
				return p - 1;
			break;
		default:
			break;
		}
	}
	return NULL;
}
