/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that wait in memory, as a list of chunks of bounded size. A chunk that
 * is given back keeps its memory for the next one that is taken: what a cell
 * leaves, another fills, without asking for pages again. A list begins small
 * and grows, so that many small ones stay small.
 */
#ifndef PF_LOAD_CHUNKS_H
#define PF_LOAD_CHUNKS_H

#include "arrow/batch.h"

/* Chunks given back; any thread may take and give. */
struct pf_chunk_pool;
struct pf_chunk_pool *pf_chunk_pool_new(struct pf_schema *schema);
void pf_chunk_pool_free(struct pf_chunk_pool *pool); /* NULL is fine */

/* Bytes of memory that wait to be taken; free them until so many are left. */
size_t pf_chunk_pool_bytes(struct pf_chunk_pool *pool);
void pf_chunk_pool_trim(struct pf_chunk_pool *pool, size_t most_bytes);

/* Zero-initialised is empty. */
struct pf_chunks {
	struct pf_builder **list; /* oldest rows first */
	size_t n, cap;
	size_t memory_bytes; /* that they hold */
};

void pf_chunks_append(struct pf_chunk_pool *pool, struct pf_chunks *c,
		      const struct pf_batch *src, int64_t from, int64_t n);

/* Give all back; the list is empty then. */
void pf_chunks_give(struct pf_chunk_pool *pool, struct pf_chunks *c);

#endif
