/* SPDX-License-Identifier: Apache-2.0
 *
 * Which bucket (fiber) an entity's rows belong to: Paimon's default bucket
 * function, murmur3_x86_32 with seed 42 over the BinaryRow of the bucket key,
 * and abs(hash % buckets) with C's truncated remainder. Tested against 15 000
 * vectors that Paimon's Java code computed.
 */
#ifndef PF_PAIMON_BUCKET_H
#define PF_PAIMON_BUCKET_H

#include "paimon/row.h"

/* Buckets of rows [0, rows) of a one-column key. Nulls hash as Paimon's null
 * rows. buckets >= 1. PF_E_UNSUPPORTED for a kind that cannot be a key. */
int pf_bucket_rows(const struct pf_column *key, struct pf_type type, int64_t rows,
		   int32_t buckets, int32_t *out, struct pf_error *err);

/* Hash of the bytes of a BinaryRow (without arity; a multiple of 4). */
int32_t pf_bucket_hash(const void *row, size_t len);
int32_t pf_bucket_of_hash(int32_t hash, int32_t buckets);
/* Bucket of a key of any number of columns. */
int32_t pf_bucket_of(const struct pf_datum *values, size_t n, int32_t buckets);

#endif
