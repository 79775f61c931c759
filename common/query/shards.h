/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows put aside by the hash of their key, to be taken up again shard by shard:
 * what hash aggregation does when its table is full (G. Graefe, "Query
 * Evaluation Techniques for Large Databases", 1993, 4.2). All rows of a key are
 * in one shard, in the order they came. A shard that is too large for memory
 * again is split by further bits of the hash.
 *
 *	put ... put
 *	while (next)         what was put is split; one shard is up
 *		read ... read    its rows; those that do not fit are put again
 */
#ifndef PF_QUERY_SHARDS_H
#define PF_QUERY_SHARDS_H

#include "arrow/batch.h"

struct pf_shards;

/* memory: for the rows that wait to be written. The temporary file comes into
 * being with the first. */
struct pf_shards *pf_shards_new(struct pf_schema *schema, size_t memory);
void pf_shards_free(struct pf_shards *s); /* NULL is fine */

/* Put n rows of a batch aside; hashes[i] is that of the key of rows[i].
 * PF_E_LIMIT when shards were split too often to go on. */
int pf_shards_put(struct pf_shards *s, const struct pf_batch *batch,
		  const uint32_t *rows, const uint64_t *hashes, size_t n,
		  struct pf_error *err);

/* Take the next shard up; *found is false when there is none. */
int pf_shards_next(struct pf_shards *s, bool *found, struct pf_error *err);
/* Its next rows, until the next call; rows == 0: no more. */
int pf_shards_read(struct pf_shards *s, struct pf_batch *batch, struct pf_error *err);

#endif
