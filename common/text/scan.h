/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching bytes sixteen at a time (SSE2, which every amd64 has; plain loops
 * elsewhere). All may read up to 16 bytes behind what they find, and all need
 * a byte that stops them: the reader's window ends with a newline.
 */
#ifndef PF_TEXT_SCAN_H
#define PF_TEXT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

static inline __m128i pf_load16(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}
#endif

/* The first byte that is a or b. *high becomes true when a byte before it has
 * its top bit set. */
static inline const uint8_t *pf_find_either(const uint8_t *p, uint8_t a, uint8_t b,
					    bool *high)
{
#ifdef __SSE2__
	const __m128i va = _mm_set1_epi8((char)a), vb = _mm_set1_epi8((char)b);
	for (;; p += 16) {
		__m128i x = pf_load16(p);
		unsigned hit = (unsigned)_mm_movemask_epi8(
			_mm_or_si128(_mm_cmpeq_epi8(x, va), _mm_cmpeq_epi8(x, vb)));
		unsigned top = (unsigned)_mm_movemask_epi8(x);
		if (hit) {
			unsigned at = (unsigned)__builtin_ctz(hit);
			*high = *high || (top & ((1u << at) - 1));
			return p + at;
		}
		*high = *high || top;
	}
#else
	for (; *p != a && *p != b; p++)
		*high = *high || *p >= 0x80;
	return p;
#endif
}

/* Inside a JSON string: the first quote, backslash or control character.
 * *high becomes true when a byte before it has its top bit set. */
static inline const uint8_t *pf_find_string_end(const uint8_t *p, bool *high)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);
	for (;; p += 16) {
		__m128i x = pf_load16(p);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(x, quote),
					    _mm_cmpeq_epi8(x, slash));
		stop = _mm_or_si128(
			stop, _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
		unsigned hit = (unsigned)_mm_movemask_epi8(stop);
		unsigned top = (unsigned)_mm_movemask_epi8(x);
		if (hit) {
			unsigned at = (unsigned)__builtin_ctz(hit);
			*high = *high || (top & ((1u << at) - 1));
			return p + at;
		}
		*high = *high || top;
	}
#else
	for (; *p != '"' && *p != '\\' && *p >= 0x20; p++)
		*high = *high || *p >= 0x80;
	return p;
#endif
}

/* Are the n <= 32 bytes equal? Both may be read for 32 bytes. */
static inline bool pf_same32(const uint8_t *a, const uint8_t *b, size_t n)
{
#ifdef __SSE2__
	unsigned low = (unsigned)_mm_movemask_epi8(
		_mm_cmpeq_epi8(pf_load16(a), pf_load16(b)));
	if (n <= 16)
		return !(~low & ((1u << n) - 1));
	unsigned high = (unsigned)_mm_movemask_epi8(
		_mm_cmpeq_epi8(pf_load16(a + 16), pf_load16(b + 16)));
	return low == 0xffff && !(~high & ((1u << (n - 16)) - 1));
#else
	return !memcmp(a, b, n);
#endif
}

#endif
