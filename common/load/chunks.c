/* SPDX-License-Identifier: Apache-2.0 */
#include "load/chunks.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"

/* Large enough that a chunk is worth a write to the temporary file, small
 * enough that one half full is no waste. */
#define CHUNK_BYTES ((size_t)1 << 20)

struct pf_chunk_pool {
	struct pf_schema *schema;
	pthread_mutex_t lock; /* guards what follows */
	struct pf_builder **list;
	size_t n, cap, bytes;
};

struct pf_chunk_pool *pf_chunk_pool_new(struct pf_schema *schema)
{
	struct pf_chunk_pool *pool = pf_zalloc(1, sizeof *pool);
	pool->schema = pf_schema_ref(schema);
	pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

void pf_chunk_pool_free(struct pf_chunk_pool *pool)
{
	if (!pool)
		return;
	pf_chunk_pool_trim(pool, 0);
	free(pool->list);
	pthread_mutex_destroy(&pool->lock);
	pf_schema_unref(pool->schema);
	free(pool);
}

size_t pf_chunk_pool_bytes(struct pf_chunk_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	size_t bytes = pool->bytes;
	pthread_mutex_unlock(&pool->lock);
	return bytes;
}

static struct pf_builder *pop(struct pf_chunk_pool *pool)
{
	struct pf_builder *b = pool->list[--pool->n];
	pool->bytes -= pf_builder_capacity(b);
	return b;
}

void pf_chunk_pool_trim(struct pf_chunk_pool *pool, size_t most_bytes)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->n && pool->bytes > most_bytes)
		pf_builder_free(pop(pool));
	pthread_mutex_unlock(&pool->lock);
}

static struct pf_builder *take(struct pf_chunk_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	struct pf_builder *b = pool->n ? pop(pool) : NULL;
	pthread_mutex_unlock(&pool->lock);
	return b ? b : pf_builder_new(pool->schema);
}

/* Only a chunk that was about full is worth keeping, and only one that is not
 * much larger than others. */
static void give(struct pf_chunk_pool *pool, struct pf_builder *b)
{
	size_t bytes = pf_builder_capacity(b);
	if (bytes < CHUNK_BYTES / 2 || bytes > CHUNK_BYTES * 2) {
		pf_builder_free(b);
		return;
	}
	pf_builder_reset(b);
	pthread_mutex_lock(&pool->lock);
	if (pool->n == pool->cap) {
		pool->cap = pf_grow(pool->cap, pool->n + 1);
		pool->list = pf_realloc(pool->list, pool->cap, sizeof(struct pf_builder *));
	}
	pool->list[pool->n++] = b;
	pool->bytes += bytes;
	pthread_mutex_unlock(&pool->lock);
}

static void add_chunk(struct pf_chunks *c, struct pf_builder *b)
{
	if (c->n == c->cap) {
		c->cap = pf_grow(c->cap, c->n + 1);
		c->list = pf_realloc(c->list, c->cap, sizeof(struct pf_builder *));
	}
	c->list[c->n++] = b;
	c->memory_bytes += pf_builder_capacity(b);
}

void pf_chunks_append(struct pf_chunk_pool *pool, struct pf_chunks *c,
		      const struct pf_batch *src, int64_t from, int64_t n)
{
	if (!c->n)
		add_chunk(c, pf_builder_new(pool->schema));
	else if (pf_builder_bytes(c->list[c->n - 1]) >= CHUNK_BYTES)
		add_chunk(c, take(pool));
	struct pf_builder *last = c->list[c->n - 1];
	size_t before = pf_builder_capacity(last);
	pf_builder_append(last, src, from, n);
	c->memory_bytes += pf_builder_capacity(last) - before;
}

void pf_chunks_give(struct pf_chunk_pool *pool, struct pf_chunks *c)
{
	for (size_t i = 0; i < c->n; i++)
		give(pool, c->list[i]);
	free(c->list);
	*c = (struct pf_chunks){ 0 };
}
