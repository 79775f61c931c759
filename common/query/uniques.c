/* SPDX-License-Identifier: Apache-2.0 */
#include "query/uniques.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "query/keyset.h"
#include "query/shards.h"

enum { ASIDE_ROWS = 4096 };

struct pf_uniques {
	size_t memory;
	struct pf_keyset *set; /* group and value */
	struct pf_buf key;
	bool frozen;
	/* Put aside: in shards, and those that wait for company. */
	struct pf_shards *shards;
	struct pf_builder *aside;
	uint64_t hashes[ASIDE_ROWS];
	uint32_t rows[ASIDE_ROWS];
	size_t n;
};

struct pf_uniques *pf_uniques_new(size_t memory)
{
	struct pf_uniques *u = pf_zalloc(1, sizeof *u);
	u->memory = memory;
	u->set = pf_keyset_new();
	for (uint32_t i = 0; i < ASIDE_ROWS; i++)
		u->rows[i] = i;
	return u;
}

void pf_uniques_free(struct pf_uniques *u)
{
	if (!u)
		return;
	pf_keyset_free(u->set);
	pf_buf_free(&u->key);
	pf_shards_free(u->shards);
	pf_builder_free(u->aside);
	free(u);
}

size_t pf_uniques_bytes(const struct pf_uniques *u)
{
	return pf_keyset_bytes(u->set) + (u->aside ? pf_builder_bytes(u->aside) : 0);
}

void pf_uniques_freeze(struct pf_uniques *u)
{
	u->frozen = true;
}

static int flush(struct pf_uniques *u, struct pf_error *err)
{
	struct pf_batch batch = pf_builder_batch(u->aside);
	PF_TRY(pf_shards_put(u->shards, &batch, u->rows, u->hashes, u->n, err));
	pf_builder_reset(u->aside);
	u->n = 0;
	return 0;
}

static int put_aside(struct pf_uniques *u, struct pf_view key, struct pf_error *err)
{
	if (!u->aside) {
		struct pf_schema *s = pf_schema_new();
		pf_schema_add(s, "key", (struct pf_type){ .kind = PF_BYTES }, false);
		u->aside = pf_builder_new(s);
		u->shards = pf_shards_new(s, u->memory / 4);
		pf_schema_unref(s);
	}
	pf_col_bytes(&u->aside->columns[0], key.data, key.len);
	u->hashes[u->n++] = pf_xxh3(key.data, key.len);
	return u->n < ASIDE_ROWS ? 0 : flush(u, err);
}

/* New for sure, or put aside when the set is full and does not know it. */
static int look(struct pf_uniques *u, struct pf_view key, bool *is_new,
		struct pf_error *err)
{
	*is_new = false;
	if (!u->frozen) {
		pf_keyset_put(u->set, key.data, key.len, is_new);
		return 0;
	}
	bool known = pf_keyset_find(u->set, key.data, key.len) != UINT32_MAX;
	return known ? 0 : put_aside(u, key, err);
}

int pf_uniques_add(struct pf_uniques *u, uint32_t group, const struct pf_buf *value,
		   bool *is_new, struct pf_error *err)
{
	u->key.len = 0;
	pf_buf_add(&u->key, &group, sizeof group);
	pf_buf_add(&u->key, value->data, value->len);
	return look(u, pf_view_of(u->key.data, u->key.len), is_new, err);
}

static void start_over(struct pf_uniques *u)
{
	pf_keyset_free(u->set);
	u->set = pf_keyset_new();
	u->frozen = false;
}

static int settle_shard(struct pf_uniques *u, void (*count)(void *ctx, uint32_t group),
			void *ctx, struct pf_error *err)
{
	struct pf_batch batch;
	for (;;) {
		PF_TRY(pf_shards_read(u->shards, &batch, err));
		if (!batch.rows)
			return 0;
		for (int64_t i = 0; i < batch.rows; i++) {
			struct pf_view key = pf_bytes_at(&batch.columns[0], i);
			uint32_t group;
			bool is_new;
			PF_TRY(look(u, key, &is_new, err));
			memcpy(&group, key.data, sizeof group);
			if (is_new)
				count(ctx, group);
		}
		u->frozen = u->frozen || pf_keyset_bytes(u->set) > u->memory / 2;
	}
}

int pf_uniques_settle(struct pf_uniques *u, void (*count)(void *ctx, uint32_t group),
		      void *ctx, struct pf_error *err)
{
	bool found = u->shards != NULL;
	while (found) {
		PF_TRY(flush(u, err));
		PF_TRY(pf_shards_next(u->shards, &found, err));
		start_over(u);
		if (found)
			PF_TRY(settle_shard(u, count, ctx, err));
	}
	start_over(u);
	return 0;
}
