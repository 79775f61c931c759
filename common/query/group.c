/* SPDX-License-Identifier: Apache-2.0 */
#include "query/group.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "query/tally.h"
#include "query/keyset.h"
#include "query/shards.h"

enum { OUT_ROWS = 8192 };

/* Where the values of a key or an argument come from. */
struct input {
	struct pf_expr *expr; /* NULL: rows are counted */
	struct pf_type type;
	int column;              /* of the batch, or -1: */
	struct pf_builder *made; /* computed for the batch */
};

struct pf_group {
	struct input *keys, *args;
	enum pf_kind *key_kinds;
	struct pf_tally **parts;
	size_t nkeys, nparts;
	struct pf_keyset *set;
	struct pf_schema *schema;
	const struct pf_schema *input;
	int time;
	size_t memory;
	struct pf_keys chunk;
	/* No more groups fit: rows of others are put aside. */
	bool full;
	struct pf_shards *shards;
	uint32_t *aside;
	uint64_t *aside_hashes;
	size_t naside, aside_cap;
	struct pf_builder *out;
	size_t at;
	bool settled;     /* these groups are complete */
	bool nothing_out; /* the one group without keys is still to come */
};

static void make_input(struct input *in, const struct pf_item *item)
{
	in->expr = item->expr;
	in->column = -1;
	if (!in->expr)
		return;
	in->type = pf_expr_type(in->expr);
	in->column = pf_expr_column(in->expr);
	if (in->column < 0) {
		struct pf_schema *s = pf_schema_new();
		pf_schema_add(s, item->name, in->type, true);
		in->made = pf_builder_new(s);
		pf_schema_unref(s);
	}
}

int pf_group_new(struct pf_items *keys, struct pf_items *items,
		 const struct pf_schema *schema, int time, size_t memory,
		 struct pf_group **out, struct pf_error *err)
{
	struct pf_group *g = pf_zalloc(1, sizeof *g);
	g->nkeys = keys->n;
	g->nparts = items->n;
	g->keys = pf_zalloc(keys->n + 1, sizeof *g->keys);
	g->key_kinds = pf_zalloc(keys->n + 1, sizeof *g->key_kinds);
	g->args = pf_zalloc(items->n + 1, sizeof *g->args);
	g->parts = pf_zalloc(items->n + 1, sizeof *g->parts);
	g->set = pf_keyset_new();
	g->schema = pf_schema_new();
	g->input = schema;
	g->time = time;
	g->memory = memory;
	g->nothing_out = !keys->n;
	int code = 0;
	for (size_t i = 0; i < keys->n; i++) {
		make_input(&g->keys[i], &keys->items[i]);
		g->key_kinds[i] = g->keys[i].type.kind;
		pf_schema_add(g->schema, keys->items[i].name, g->keys[i].type, true);
	}
	for (size_t i = 0; i < items->n && !code; i++) {
		const struct pf_item *item = &items->items[i];
		make_input(&g->args[i], item);
		code = pf_tally_new(item, g->args[i].type, memory / 2,
					  &g->parts[i], err);
		if (!code)
			pf_schema_add(g->schema, item->name,
				      pf_tally_type(g->parts[i]), true);
	}
	if (code) {
		pf_group_free(g);
		return code;
	}
	g->out = pf_builder_new(g->schema);
	*out = g;
	return 0;
}

static void free_inputs(struct input *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pf_builder_free(in[i].made);
	free(in);
}

void pf_group_free(struct pf_group *g)
{
	if (!g)
		return;
	pf_shards_free(g->shards);
	free(g->aside);
	free(g->aside_hashes);
	free_inputs(g->keys, g->nkeys);
	free_inputs(g->args, g->nparts);
	free(g->key_kinds);
	for (size_t i = 0; i < g->nparts; i++)
		pf_tally_free(g->parts[i]);
	free(g->parts);
	pf_keyset_free(g->set);
	pf_schema_unref(g->schema);
	pf_builder_free(g->out);
	pf_buf_free(&g->chunk.bytes);
	free(g);
}

struct pf_schema *pf_group_schema(struct pf_group *g)
{
	return g->schema;
}

/* --- taking in --- */

/* The values of an input for the batch. */
static int evaluate(struct input *in, const struct pf_batch *batch,
		    struct pf_column *column, struct pf_error *err)
{
	if (!in->expr)
		return 0;
	if (in->column >= 0) {
		*column = batch->columns[in->column];
		return 0;
	}
	pf_builder_reset(in->made);
	PF_TRY(pf_expr_eval(in->expr, batch, &in->made->columns[0], err));
	*column = pf_builder_batch(in->made).columns[0];
	return 0;
}

static size_t bytes_used(const struct pf_group *g)
{
	size_t bytes = pf_keyset_bytes(g->set);
	for (size_t i = 0; i < g->nparts; i++)
		bytes += pf_tally_bytes(g->parts[i]);
	return bytes;
}

/* When half of the memory is taken no more groups come in, and distinct counts
 * know no more values; the other half is for those that are there to grow, and
 * for rows on their way to the disk. */
static void look_at_memory(struct pf_group *g)
{
	if (g->full || bytes_used(g) <= g->memory / 2)
		return;
	g->full = true;
	for (size_t i = 0; i < g->nparts; i++)
		pf_tally_freeze(g->parts[i]);
}

static int check_memory(const struct pf_group *g, struct pf_error *err)
{
	if (bytes_used(g) <= g->memory)
		return 0;
	pf_fail(err, PF_E_LIMIT, "%zu groups take more than %zu MiB of memory",
		pf_keyset_count(g->set), g->memory >> 20);
	return pf_hint(err, "--memory raises the bound; --where or a coarser key lowers the need");
}

/* The row's group is none of those in memory. */
static void remember_aside(struct pf_group *g, uint32_t row, uint64_t hash)
{
	if (g->naside == g->aside_cap) {
		g->aside_cap = pf_grow(g->aside_cap, g->naside + 1);
		g->aside = pf_realloc(g->aside, g->aside_cap, sizeof *g->aside);
		g->aside_hashes = pf_realloc(g->aside_hashes, g->aside_cap,
					     sizeof *g->aside_hashes);
	}
	g->aside[g->naside] = row;
	g->aside_hashes[g->naside++] = hash;
}

static int put_aside(struct pf_group *g, const struct pf_batch *batch,
		     struct pf_error *err)
{
	if (!g->naside)
		return 0;
	if (!g->shards)
		g->shards = pf_shards_new((struct pf_schema *)(uintptr_t)g->input,
					  g->memory / 8);
	return pf_shards_put(g->shards, batch, g->aside, g->aside_hashes, g->naside, err);
}

/* A row without time is the earliest of all. */
static void times_of(const struct pf_group *g, const struct pf_batch *batch,
		     const struct pf_grouped_rows *r, int64_t *times)
{
	const struct pf_column *c = &batch->columns[g->time];
	enum pf_kind kind = g->input->fields[g->time].type.kind;
	for (size_t i = 0; i < r->n; i++)
		times[i] = pf_is_null(c, r->rows[i]) ? INT64_MIN :
						       pf_int_at(c, kind, r->rows[i]);
}

/* Rows [from, from + n): what their keys and arguments are is known. */
static int add_chunk(struct pf_group *g, const struct pf_batch *batch,
		     const struct pf_column *keys, const struct pf_column *args,
		     int64_t from, size_t n, struct pf_error *err)
{
	uint32_t rows[PF_KEY_ROWS], groups[PF_KEY_ROWS];
	int64_t times[PF_KEY_ROWS];
	struct pf_grouped_rows grouped = { .rows = rows, .groups = groups };
	look_at_memory(g);
	pf_keys_of_rows(&g->chunk, g->key_kinds, keys, g->nkeys, from, n);
	pf_keyset_numbers(g->set, &g->chunk, !g->full, groups);
	for (size_t i = 0; i < n; i++) {
		uint32_t row = (uint32_t)from + (uint32_t)i;
		if (groups[i] == UINT32_MAX) {
			remember_aside(g, row, g->chunk.hashes[i]);
			continue;
		}
		rows[grouped.n] = row;
		groups[grouped.n++] = groups[i];
	}
	if (g->time >= 0) {
		times_of(g, batch, &grouped, times);
		grouped.times = times;
	}
	for (size_t i = 0; i < g->nparts; i++) {
		pf_tally_groups(g->parts[i], pf_keyset_count(g->set));
		PF_TRY(pf_tally_add(g->parts[i], &args[i], &grouped, err));
	}
	return 0;
}

int pf_group_add(struct pf_group *g, const struct pf_batch *batch, struct pf_error *err)
{
	struct pf_column *keys = pf_zalloc(g->nkeys + 1, sizeof *keys);
	struct pf_column *args = pf_zalloc(g->nparts + 1, sizeof *args);
	int code = 0;
	for (size_t i = 0; i < g->nkeys && !code; i++)
		code = evaluate(&g->keys[i], batch, &keys[i], err);
	for (size_t i = 0; i < g->nparts && !code; i++)
		code = evaluate(&g->args[i], batch, &args[i], err);
	g->naside = 0;
	for (int64_t row = 0; row < batch->rows && !code; row += PF_KEY_ROWS) {
		int64_t left = batch->rows - row;
		size_t n = left < PF_KEY_ROWS ? (size_t)left : PF_KEY_ROWS;
		code = add_chunk(g, batch, keys, args, row, n, err);
	}
	free(keys);
	free(args);
	if (!code)
		code = put_aside(g, batch, err);
	return code ? code : check_memory(g, err);
}

/* --- giving out --- */

/* The groups are complete once their distinct values are counted. */
static int settle(struct pf_group *g, struct pf_error *err)
{
	g->settled = true;
	g->at = 0;
	for (size_t i = 0; i < g->nparts; i++)
		PF_TRY(pf_tally_settle(g->parts[i], err));
	return 0;
}

/* Make groups of the next rows that were put aside. */
static int take_up(struct pf_group *g, bool *found, struct pf_error *err)
{
	struct pf_batch batch;
	*found = false;
	if (!g->shards)
		return 0;
	PF_TRY(pf_shards_next(g->shards, found, err));
	if (!*found)
		return 0;
	for (size_t i = 0; i < g->nparts; i++)
		pf_tally_clear(g->parts[i]);
	pf_keyset_free(g->set);
	g->set = pf_keyset_new();
	g->full = false;
	do {
		PF_TRY(pf_shards_read(g->shards, &batch, err));
		if (batch.rows)
			PF_TRY(pf_group_add(g, &batch, err));
	} while (batch.rows);
	return settle(g, err);
}

static int give(struct pf_group *g, struct pf_error *err)
{
	size_t end = g->at + OUT_ROWS, n = pf_keyset_count(g->set);
	for (end = end < n ? end : n; g->at < end; g->at++) {
		struct pf_view key = pf_keyset_at(g->set, (uint32_t)g->at);
		for (size_t i = 0; i < g->nkeys; i++)
			pf_key_take(&key, &g->out->columns[i]);
		for (size_t i = 0; i < g->nparts; i++)
			PF_TRY(pf_tally_put(
				g->parts[i], g->at, &g->out->columns[g->nkeys + i], err));
	}
	return 0;
}

int pf_group_next(struct pf_group *g, struct pf_batch *batch, struct pf_error *err)
{
	bool found = true;
	pf_builder_reset(g->out);
	if (!g->settled)
		PF_TRY(settle(g, err));
	if (g->nothing_out && !pf_keyset_count(g->set)) {
		for (size_t i = 0; i < g->nparts; i++) {
			pf_tally_groups(g->parts[i], 1);
			PF_TRY(pf_tally_put(g->parts[i], 0, &g->out->columns[i],
						  err));
		}
	}
	g->nothing_out = false;
	while (g->at == pf_keyset_count(g->set) && found && !g->out->columns[0].rows)
		PF_TRY(take_up(g, &found, err));
	PF_TRY(give(g, err));
	*batch = pf_builder_batch(g->out);
	return 0;
}
