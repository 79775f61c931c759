/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/bloom.h"

#include <string.h>

/* 2^27 bytes is the most that parquet-java and Arrow read. */
#define MAX_BYTES ((size_t)1 << 27)

static const uint32_t salt[8] = {
	0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
	0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
};

size_t pq_bloom_bytes(size_t distinct)
{
	size_t bytes = PQ_BLOOM_BLOCK;
	while (bytes < MAX_BYTES && bytes * 16 < distinct * 17)
		bytes *= 2;
	return bytes;
}

size_t pq_bloom_block(uint64_t hash, size_t bytes)
{
	return (size_t)((hash >> 32) * (bytes / PQ_BLOOM_BLOCK) >> 32) *
	       PQ_BLOOM_BLOCK;
}

static inline uint32_t bit_of(uint64_t hash, unsigned word)
{
	return (uint32_t)1 << ((uint32_t)hash * salt[word] >> 27);
}

void pq_bloom_add(uint8_t *filter, size_t bytes, uint64_t hash)
{
	uint8_t *block = filter + pq_bloom_block(hash, bytes);
	uint32_t words[8];
	memcpy(words, block, sizeof words);
	for (unsigned i = 0; i < 8; i++)
		words[i] |= bit_of(hash, i);
	memcpy(block, words, sizeof words);
}

bool pq_bloom_check(const uint8_t block[PQ_BLOOM_BLOCK], uint64_t hash)
{
	uint32_t words[8], missing = 0;
	memcpy(words, block, sizeof words);
	for (unsigned i = 0; i < 8; i++)
		missing |= ~words[i] & bit_of(hash, i);
	return !missing;
}
