/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "ext/hash.h"

/* Bit by bit, as the definition has it. */
static uint32_t slow_crc(uint32_t crc, const uint8_t *p, size_t len)
{
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

TEST(crc32_of_every_length)
{
	uint8_t bytes[1100];
	uint32_t x = 12345;
	for (size_t i = 0; i < sizeof bytes; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 24);
	}
	CHECK_INT(pf_crc32(0, "123456789", 9), 0xcbf43926);
	for (size_t len = 0; len < 700; len++)
		for (size_t at = 0; at < 3; at++)
			CHECK_INT(pf_crc32(0, bytes + at, len), slow_crc(0, bytes + at, len));
	/* In pieces. */
	for (size_t cut = 0; cut <= sizeof bytes; cut += 37)
		CHECK_INT(pf_crc32(pf_crc32(0, bytes, cut), bytes + cut, sizeof bytes - cut),
			  slow_crc(0, bytes, sizeof bytes));
}

/* All ways to the same hash: sketches and filters on disk depend on it. */
TEST(xxh3_of_short_keys)
{
	uint64_t words[70], hashes[70], x = 1;
	for (size_t i = 0; i < 70; i++) {
		words[i] = x;
		x = x * 6364136223846793005u + 1442695040888963407u;
	}
	CHECK(pf_xxh3("", 0) == 0x2d06800538d394c2);
	for (size_t len = 0; len <= sizeof words; len++)
		CHECK(pf_hash_key(words, len) == pf_xxh3(words, len));
	memcpy(hashes, words, sizeof words);
	pf_hash_words(hashes, 70);
	for (size_t i = 0; i < 70; i++)
		CHECK(hashes[i] == pf_xxh3(&words[i], sizeof words[i]));
}

UNIT_MAIN(CASE(crc32_of_every_length), CASE(xxh3_of_short_keys))
