/* SPDX-License-Identifier: Apache-2.0
 *
 * xxHash (libxxhash): XXH64 for the bloom filters of Parquet and Paimon,
 * XXH3-64 for streams and stage; CRC-32 (zlib polynomial) where Parquet
 * and Avro prescribe it.
 */
#ifndef PF_EXT_HASH_H
#define PF_EXT_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t pf_xxh64(const void *data, size_t len); /* seed 0 */
uint64_t pf_xxh3(const void *data, size_t len);  /* seed 0 */
uint64_t pf_hash_key(const void *data, size_t len); /* pf_xxh3, quick for a few bytes */
/* Each word becomes pf_xxh3 of its eight bytes. */
void pf_hash_words(uint64_t *words, size_t n);
uint32_t pf_crc32(uint32_t crc, const void *data, size_t len);

/* Incremental XXH3-64. */
struct pf_xxh3_state;
struct pf_xxh3_state *pf_xxh3_new(void);
void pf_xxh3_reset(struct pf_xxh3_state *s);
void pf_xxh3_update(struct pf_xxh3_state *s, const void *data, size_t len);
uint64_t pf_xxh3_digest(const struct pf_xxh3_state *s);
void pf_xxh3_free(struct pf_xxh3_state *s);

#endif
