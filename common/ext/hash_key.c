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
