/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

unsigned pf_utf8_decode(const void *bytes, size_t len, uint32_t *cp)
{
	const uint8_t *p = bytes;
	if (!len)
		return 0;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	unsigned n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len < n)
		return 0;
	uint32_t c = p[0] & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

unsigned pf_utf8_encode(uint32_t cp, uint8_t *out)
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

bool pf_utf8_valid(const void *bytes, size_t len)
{
	const uint8_t *p = bytes, *end = p + len;
	while (p < end) {
		/* Most text is ASCII: eight bytes at a time. */
		uint64_t word;
		while ((size_t)(end - p) >= sizeof word) {
			memcpy(&word, p, sizeof word);
			if (word & 0x8080808080808080u)
				break;
			p += sizeof word;
		}
		if (p == end)
			break;
		uint32_t cp;
		unsigned n = pf_utf8_decode(p, (size_t)(end - p), &cp);
		if (!n)
			return false;
		p += n;
	}
	return true;
}

struct range {
	uint32_t first, last;
};

static bool inside(uint32_t cp, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cp >= ranges[i].first && cp <= ranges[i].last)
			return true;
	return false;
}

/* Unicode 15, EastAsianWidth W and F, coarse; and the common combining
 * blocks. Exactness here only moves a column, never a value. */
static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x2e80, 0x303e },
	{ 0x3041, 0x33ff }, { 0x3400, 0x4dbf }, { 0x4e00, 0x9fff },
	{ 0xa000, 0xa4cf }, { 0xa960, 0xa97c }, { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff01, 0xff60 },
	{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};
static const struct range zero[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd },
	{ 0x0610, 0x061a }, { 0x064b, 0x065f }, { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

size_t pf_utf8_width(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t width = 0;
	for (size_t i = 0; i < len;) {
		uint32_t cp;
		unsigned n = pf_utf8_decode(p + i, len - i, &cp);
		if (!n) {
			i++, width++;
			continue;
		}
		i += n;
		if (cp < 0x300)
			width++;
		else if (inside(cp, zero, sizeof zero / sizeof *zero))
			continue;
		else
			width += inside(cp, wide, sizeof wide / sizeof *wide) ? 2 : 1;
	}
	return width;
}
