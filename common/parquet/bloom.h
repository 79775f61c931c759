/* SPDX-License-Identifier: Apache-2.0
 *
 * Split-block bloom filters (apache/parquet-format, BloomFilter.md; Putze,
 * Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters"): a
 * hash picks one block of 32 bytes and one bit in each of its eight words.
 */
#ifndef PF_PARQUET_BLOOM_H
#define PF_PARQUET_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PQ_BLOOM_BLOCK 32

/* Bytes for that many distinct values: at least 8.5 bits a value (at most
 * about 3 % wrong answers), rounded up to a power of two because Arrow C++
 * reads no other sizes; 1 % on average. */
size_t pq_bloom_bytes(size_t distinct);

/* Where the hash's block begins in a filter of that size. */
size_t pq_bloom_block(uint64_t hash, size_t bytes);

void pq_bloom_add(uint8_t *filter, size_t bytes, uint64_t hash);
bool pq_bloom_check(const uint8_t block[PQ_BLOOM_BLOCK], uint64_t hash);

#endif
