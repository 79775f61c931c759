/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash of short keys, compiled in: the way through the library to the
 * variant for the processor takes longer than hashing a few bytes.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ext/hash.h"

uint64_t pf_hash_key(const void *data, size_t len)
{
	return XXH3_64bits(data, len);
}

void pf_hash_words(uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		words[i] = XXH3_64bits(&words[i], sizeof words[i]);
}
