/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

void pf_base64_encode(const void *bytes, size_t len, struct pf_buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = bytes;
	uint8_t *to = pf_buf_room(out, pf_mul(len / 3 + 1, 4)), *begin = to;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)p[i] << 16;
		bits |= n > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		bits |= n > 2 ? p[i + 2] : 0;
		*to++ = (uint8_t)digits[bits >> 18];
		*to++ = (uint8_t)digits[bits >> 12 & 63];
		*to++ = n > 1 ? (uint8_t)digits[bits >> 6 & 63] : '=';
		*to++ = n > 2 ? (uint8_t)digits[bits & 63] : '=';
	}
	out->len += (size_t)(to - begin);
}

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool pf_base64_decode(const char *text, size_t len, uint8_t *out, size_t *n)
{
	uint32_t bits = 0;
	*n = 0;
	if (len % 4 == 0 && len && text[len - 1] == '=')
		len -= text[len - 2] == '=' ? 2 : 1;
	if (len % 4 == 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		int digit = digit_of(text[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4)
			out[(*n)++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return !(len % 4 && bits & (len % 4 == 2 ? 0xfu : 0x3u));
}
