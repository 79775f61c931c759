/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32 by folding: V. Gopal et al., "Fast CRC Computation for Generic
 * Polynomials Using PCLMULQDQ Instruction" (Intel, 2009). Four 16-byte lanes
 * are carried forward over 64 bytes with a carry-less multiplication each,
 * then onto one another; what remains is 16 bytes with the CRC of the whole,
 * which zlib finishes. Every page of a Parquet file that is written or read
 * passes here.
 */
#include "ext/hash.h"

#include <zlib.h>

#if defined(__x86_64__)
#include <wmmintrin.h>

/* x^n modulo the polynomial, bit-reflected, of n = 4 * 128 + 32 and
 * 4 * 128 - 32, then of n = 128 + 32 and 128 - 32: they carry the lower and
 * the upper half of a lane that far. */
#define FOUR_LOW 0x0154442bd4
#define FOUR_HIGH 0x01c6e41596
#define ONE_LOW 0x01751997d0
#define ONE_HIGH 0x00ccaa009e
/* Below that zlib is as fast. */
#define FOLD_BYTES 128

#define FOLDS __attribute__((target("pclmul")))

FOLDS static __m128i carry(__m128i lane, __m128i by, __m128i next)
{
	__m128i low = _mm_clmulepi64_si128(lane, by, 0x00);
	__m128i high = _mm_clmulepi64_si128(lane, by, 0x11);
	return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

static __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* len is a multiple of 64. */
FOLDS static uint32_t fold(uint32_t crc, const uint8_t *p, size_t len)
{
	const __m128i four = _mm_set_epi64x(FOUR_HIGH, FOUR_LOW);
	const __m128i one = _mm_set_epi64x(ONE_HIGH, ONE_LOW);
	__m128i a = load(p), b = load(p + 16), c = load(p + 32), d = load(p + 48);
	uint8_t rest[16];
	a = _mm_xor_si128(a, _mm_cvtsi32_si128((int)~crc));
	for (p += 64, len -= 64; len; p += 64, len -= 64) {
		a = carry(a, four, load(p));
		b = carry(b, four, load(p + 16));
		c = carry(c, four, load(p + 32));
		d = carry(d, four, load(p + 48));
	}
	a = carry(carry(carry(a, one, b), one, c), one, d);
	_mm_storeu_si128((__m128i *)(void *)rest, a);
	/* Its initial value is in there already. */
	return (uint32_t)crc32_z(UINT32_MAX, rest, sizeof rest);
}
#endif

uint32_t pf_crc32(uint32_t crc, const void *data, size_t len)
{
#if defined(__x86_64__)
	if (len >= FOLD_BYTES && __builtin_cpu_supports("pclmul")) {
		size_t whole = len & ~(size_t)63;
		crc = fold(crc, data, whole);
		data = (const uint8_t *)data + whole;
		len -= whole;
	}
#endif
	return (uint32_t)crc32_z(crc, data, len);
}
