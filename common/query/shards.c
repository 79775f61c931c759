/* SPDX-License-Identifier: Apache-2.0 */
#include "query/shards.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "load/spill.h"

enum {
	BITS = 5,
	SHARDS = 1 << BITS,
	LEVELS = 64 / BITS,
	WAIT_LEAST = 4 << 10, /* bytes of a shard that wait to be written */
	WAIT_MOST = 256 << 10,
};

struct shard {
	struct pf_extent *pieces;
	size_t n, cap;
	unsigned level; /* how often its rows were split */
};

struct pf_shards {
	struct pf_schema *schema;
	size_t wait_bytes;
	struct pf_spill *spill;
	struct pf_builder *waiting[SHARDS];
	struct shard filling[SHARDS];
	unsigned level;      /* of those that fill */
	struct shard *stack; /* to be taken up */
	size_t nstack, stack_cap;
	struct shard up;     /* being read */
	size_t at;
	struct pf_builder *rows;
	uint32_t *picked;    /* rows of one shard */
	size_t picked_cap;
};

struct pf_shards *pf_shards_new(struct pf_schema *schema, size_t memory)
{
	struct pf_shards *s = pf_zalloc(1, sizeof *s);
	s->schema = pf_schema_ref(schema);
	s->wait_bytes = memory / SHARDS;
	if (s->wait_bytes < WAIT_LEAST)
		s->wait_bytes = WAIT_LEAST;
	if (s->wait_bytes > WAIT_MOST)
		s->wait_bytes = WAIT_MOST;
	return s;
}

void pf_shards_free(struct pf_shards *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		pf_builder_free(s->waiting[i]);
		free(s->filling[i].pieces);
	}
	for (size_t i = 0; i < s->nstack; i++)
		free(s->stack[i].pieces);
	free(s->stack);
	free(s->up.pieces);
	free(s->picked);
	pf_builder_free(s->rows);
	pf_spill_free(s->spill);
	pf_schema_unref(s->schema);
	free(s);
}

static int write_waiting(struct pf_shards *s, size_t shard, struct pf_error *err)
{
	struct shard *to = &s->filling[shard];
	struct pf_batch batch = pf_builder_batch(s->waiting[shard]);
	if (!batch.rows)
		return 0;
	if (!s->spill)
		s->spill = pf_spill_new(NULL);
	if (to->n == to->cap) {
		to->cap = pf_grow(to->cap, to->n + 1);
		to->pieces = pf_realloc(to->pieces, to->cap, sizeof *to->pieces);
	}
	PF_TRY(pf_spill_write(s->spill, &batch, &to->pieces[to->n], err));
	to->n++;
	pf_builder_reset(s->waiting[shard]);
	return 0;
}

static size_t shard_of(const struct pf_shards *s, uint64_t hash)
{
	return (size_t)(hash >> (64 - BITS * (s->level + 1))) & (SHARDS - 1);
}

int pf_shards_put(struct pf_shards *s, const struct pf_batch *batch,
		  const uint32_t *rows, const uint64_t *hashes, size_t n,
		  struct pf_error *err)
{
	if (s->level >= LEVELS)
		return pf_fail(err, PF_E_LIMIT,
			       "rows that were split %d times do not fit in memory", LEVELS);
	if (n > s->picked_cap) {
		s->picked_cap = n;
		s->picked = pf_realloc(s->picked, n, sizeof *s->picked);
	}
	for (size_t shard = 0; shard < SHARDS && n; shard++) {
		size_t m = 0;
		for (size_t i = 0; i < n; i++) {
			s->picked[m] = rows[i];
			m += shard_of(s, hashes[i]) == shard;
		}
		if (!m)
			continue;
		if (!s->waiting[shard])
			s->waiting[shard] = pf_builder_new(s->schema);
		pf_builder_gather(s->waiting[shard], batch, s->picked, m);
		if (pf_builder_bytes(s->waiting[shard]) >= s->wait_bytes)
			PF_TRY(write_waiting(s, shard, err));
	}
	return 0;
}

/* What was put is complete: it waits for its turn. */
static int seal(struct pf_shards *s, struct pf_error *err)
{
	for (size_t i = SHARDS; i-- > 0;) {
		if (s->waiting[i])
			PF_TRY(write_waiting(s, i, err));
		if (!s->filling[i].n)
			continue;
		if (s->nstack == s->stack_cap) {
			s->stack_cap = pf_grow(s->stack_cap, s->nstack + 1);
			s->stack = pf_realloc(s->stack, s->stack_cap, sizeof *s->stack);
		}
		s->filling[i].level = s->level + 1;
		s->stack[s->nstack++] = s->filling[i];
		s->filling[i] = (struct shard){ 0 };
	}
	return 0;
}

int pf_shards_next(struct pf_shards *s, bool *found, struct pf_error *err)
{
	PF_TRY(seal(s, err));
	free(s->up.pieces);
	s->up = (struct shard){ 0 };
	s->at = 0;
	*found = s->nstack;
	s->level = 0;
	if (!s->nstack)
		return s->spill ? pf_spill_reset(s->spill, err) : 0;
	s->up = s->stack[--s->nstack];
	s->level = s->up.level;
	return 0;
}

int pf_shards_read(struct pf_shards *s, struct pf_batch *batch, struct pf_error *err)
{
	if (!s->rows)
		s->rows = pf_builder_new(s->schema);
	pf_builder_reset(s->rows);
	if (s->at < s->up.n)
		PF_TRY(pf_spill_read(s->spill, &s->up.pieces[s->at++], s->rows, err));
	*batch = pf_builder_batch(s->rows);
	return 0;
}
