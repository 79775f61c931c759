/* SPDX-License-Identifier: Apache-2.0 */
#include "query/group.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "query/keyset.h"
#include "query/shards.h"
#include "query/uniques.h"

/* LOOK_ROWS: how often to see what groups take. */
enum { OUT_ROWS = 8192, LOOK_ROWS = 256 };

/* One aggregate of one group. */
struct state {
	int64_t n; /* values that went in */
	int64_t time;
	union {
		pf_i128 sum;
		struct {
			double total, rest;
		} d;
	};
	struct pf_buf value; /* min, max, first, last: as a key */
};

/* A column of the result. */
struct part {
	struct pf_expr *expr;    /* NULL: count of rows */
	enum pf_aggregate aggregate;
	struct pf_type type;     /* of the argument */
	struct pf_builder *args; /* its values for the batch; NULL: a column */
	int column;
	struct pf_uniques *seen; /* distinct */
};

struct pf_group {
	struct part *keys, *parts;
	size_t nkeys, nparts;
	struct pf_keyset *set;
	struct state *states;    /* nparts for each group */
	size_t cap;
	struct pf_schema *schema;
	const struct pf_schema *input;
	int time;
	size_t memory, value_bytes;
	struct pf_buf key;
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

static int make_part(struct part *p, const struct pf_item *item,
		     size_t memory)
{
	p->expr = item->expr;
	p->aggregate = item->aggregate;
	p->column = -1;
	if (!p->expr)
		return 0;
	p->type = pf_expr_type(p->expr);
	p->column = pf_expr_column(p->expr);
	if (p->column < 0) {
		struct pf_schema *s = pf_schema_new();
		pf_schema_add(s, item->name, p->type, true);
		p->args = pf_builder_new(s);
		pf_schema_unref(s);
	}
	if (p->aggregate == PF_AGG_DISTINCT)
		p->seen = pf_uniques_new(memory / 2);
	return 0;
}

static bool is_number(struct pf_type t)
{
	return pf_kind_is_integer(t.kind) || t.kind == PF_FLOAT || t.kind == PF_DOUBLE ||
	       t.kind == PF_DECIMAL;
}

static int result_type(const struct pf_item *item, const struct part *p,
		       struct pf_type *type, struct pf_error *err)
{
	char name[40];
	*type = (struct pf_type){ .kind = PF_BIGINT };
	switch (item->aggregate) {
	case PF_AGG_COUNT:
	case PF_AGG_DISTINCT:
		return 0;
	case PF_AGG_SUM:
	case PF_AGG_AVG:
		if (!is_number(p->type)) {
			pf_fail(err, PF_E_EXPR_TYPE, "%s needs numbers, this is %s",
				item->name, pf_type_name(p->type, name));
			return pf_hint(err, "int() and double() read numbers from text");
		}
		if (item->aggregate == PF_AGG_AVG || p->type.kind == PF_FLOAT ||
		    p->type.kind == PF_DOUBLE)
			type->kind = PF_DOUBLE;
		else if (p->type.kind == PF_DECIMAL)
			*type = (struct pf_type){ PF_DECIMAL, 38, p->type.scale };
		return 0;
	default:
		*type = p->type;
		return 0;
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
	g->parts = pf_zalloc(items->n + 1, sizeof *g->parts);
	g->set = pf_keyset_new();
	g->schema = pf_schema_new();
	g->input = schema;
	g->time = time;
	g->memory = memory;
	g->nothing_out = !keys->n;
	int code = 0;
	for (size_t i = 0; i < keys->n; i++) {
		make_part(&g->keys[i], &keys->items[i], memory);
		pf_schema_add(g->schema, keys->items[i].name, g->keys[i].type, true);
	}
	for (size_t i = 0; i < items->n && !code; i++) {
		struct pf_type type;
		make_part(&g->parts[i], &items->items[i], memory);
		code = result_type(&items->items[i], &g->parts[i], &type, err);
		if (!code)
			pf_schema_add(g->schema, items->items[i].name, type, true);
	}
	if (code) {
		pf_group_free(g);
		return code;
	}
	g->out = pf_builder_new(g->schema);
	*out = g;
	return 0;
}

static void free_parts(struct part *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pf_builder_free(p[i].args);
		pf_uniques_free(p[i].seen);
	}
	free(p);
}

static void free_states(struct pf_group *g)
{
	for (size_t i = 0; i < pf_keyset_count(g->set) * g->nparts; i++)
		pf_buf_free(&g->states[i].value);
	free(g->states);
	g->states = NULL;
	g->cap = g->value_bytes = 0;
}

void pf_group_free(struct pf_group *g)
{
	if (!g)
		return;
	free_states(g);
	pf_shards_free(g->shards);
	free(g->aside);
	free(g->aside_hashes);
	free_parts(g->keys, g->nkeys);
	free_parts(g->parts, g->nparts);
	pf_keyset_free(g->set);
	pf_schema_unref(g->schema);
	pf_builder_free(g->out);
	pf_buf_free(&g->key);
	free(g);
}

struct pf_schema *pf_group_schema(struct pf_group *g)
{
	return g->schema;
}

/* --- taking in --- */

/* The values of an argument for the batch. */
static int evaluate(struct part *p, const struct pf_batch *batch,
		    struct pf_column *column, struct pf_error *err)
{
	if (!p->expr)
		return 0;
	if (p->column >= 0) {
		*column = batch->columns[p->column];
		return 0;
	}
	pf_builder_reset(p->args);
	PF_TRY(pf_expr_eval(p->expr, batch, &p->args->columns[0], err));
	*column = pf_builder_batch(p->args).columns[0];
	return 0;
}

static pf_i128 exact_at(struct pf_type t, const struct pf_column *c, int64_t row)
{
	pf_i128 v;
	if (t.kind != PF_DECIMAL)
		return pf_int_at(c, t.kind, row);
	memcpy(&v, (const uint8_t *)c->values + row * 16, 16);
	return v;
}

static double double_at(struct pf_type t, const struct pf_column *c, int64_t row)
{
	if (t.kind == PF_FLOAT)
		return (double)((const float *)c->values)[row];
	return ((const double *)c->values)[row];
}

static void add_double(struct state *s, double v)
{
	double t = s->d.total + v;
	double big = s->d.total < 0 ? -s->d.total : s->d.total, abs = v < 0 ? -v : v;
	if (big >= abs)
		s->d.rest += (s->d.total - t) + v;
	else
		s->d.rest += (v - t) + s->d.total;
	s->d.total = t;
}

static void keep_value(struct pf_group *g, struct state *s, struct pf_type t,
		       const struct pf_column *c, int64_t row)
{
	size_t before = s->value.cap;
	s->value.len = 0;
	pf_key_add(&s->value, t.kind, c, row);
	g->value_bytes += s->value.cap - before;
}

/* Is the row's value below (sign -1) or above (1) what the state holds? */
static bool beats(const struct state *s, struct pf_type t, const struct pf_column *c,
		  int64_t row, int sign)
{
	/* The kept value as a column of one row. */
	const uint8_t *p = s->value.data + 1;
	int32_t offsets[2] = { 0, 0 };
	struct pf_column kept = { .values = p };
	union {
		int8_t i8;
		int16_t i16;
		int32_t i32;
		uint8_t bit;
	} narrow;
	if (pf_kind_is_variable(t.kind)) {
		uint64_t len;
		memcpy(&len, p, 8);
		offsets[1] = (int32_t)len;
		kept.offsets = offsets;
		kept.values = p + 8;
	} else if (t.kind != PF_FLOAT && t.kind != PF_DOUBLE && t.kind != PF_DECIMAL) {
		int64_t v;
		memcpy(&v, p, 8);
		size_t width = pf_kind_width(t.kind);
		kept.values = &narrow;
		if (t.kind == PF_BOOLEAN)
			narrow.bit = (uint8_t)v;
		else if (width == 1)
			narrow.i8 = (int8_t)v;
		else if (width == 2)
			narrow.i16 = (int16_t)v;
		else if (width == 4)
			narrow.i32 = (int32_t)v;
		else
			kept.values = &v;
		return sign * pf_value_cmp(t.kind, c, row, &kept, 0) > 0;
	} else {
		pf_i128 aligned;
		memcpy(&aligned, p, pf_kind_width(t.kind));
		kept.values = &aligned;
		return sign * pf_value_cmp(t.kind, c, row, &kept, 0) > 0;
	}
	return sign * pf_value_cmp(t.kind, c, row, &kept, 0) > 0;
}

static int take_distinct(struct pf_group *g, struct part *p, struct state *s,
			 uint32_t group, const struct pf_column *c, int64_t row,
			 struct pf_error *err)
{
	bool is_new;
	g->key.len = 0;
	pf_key_add(&g->key, p->type.kind, c, row);
	PF_TRY(pf_uniques_add(p->seen, group, &g->key, &is_new, err));
	s->n += is_new;
	return 0;
}

static int take(struct pf_group *g, struct part *p, struct state *s, uint32_t group,
		const struct pf_column *c, int64_t row, int64_t time, struct pf_error *err)
{
	if (!p->expr) {
		s->n++;
		return 0;
	}
	bool null = pf_is_null(c, row);
	switch (p->aggregate) {
	case PF_AGG_FIRST:
		if (!s->n || time < s->time) {
			keep_value(g, s, p->type, c, row);
			s->time = time;
		}
		s->n++;
		return 0;
	case PF_AGG_LAST:
		if (!s->n || time >= s->time) {
			keep_value(g, s, p->type, c, row);
			s->time = time;
		}
		s->n++;
		return 0;
	default:
		break;
	}
	if (null)
		return 0;
	switch (p->aggregate) {
	case PF_AGG_DISTINCT:
		return take_distinct(g, p, s, group, c, row, err);
	case PF_AGG_SUM:
	case PF_AGG_AVG:
		if (p->type.kind == PF_FLOAT || p->type.kind == PF_DOUBLE)
			add_double(s, double_at(p->type, c, row));
		else if (__builtin_add_overflow(s->sum, exact_at(p->type, c, row), &s->sum))
			return pf_fail(err, PF_E_EXPR_VALUE, "a sum does not fit 128 bits");
		break;
	case PF_AGG_MIN:
		if (!s->n || beats(s, p->type, c, row, -1))
			keep_value(g, s, p->type, c, row);
		break;
	case PF_AGG_MAX:
		if (!s->n || beats(s, p->type, c, row, 1))
			keep_value(g, s, p->type, c, row);
		break;
	default:
		break;
	}
	s->n++;
	return 0;
}

static void add_group(struct pf_group *g)
{
	size_t n = pf_keyset_count(g->set);
	if (n > g->cap) {
		size_t cap = pf_grow(g->cap, n);
		g->states = pf_realloc(g->states, pf_mul(cap, g->nparts ? g->nparts : 1),
				       sizeof *g->states);
		g->cap = cap;
	}
	if (g->nparts)
		memset(&g->states[(n - 1) * g->nparts], 0, g->nparts * sizeof *g->states);
}

static size_t bytes_used(const struct pf_group *g)
{
	size_t bytes = pf_keyset_bytes(g->set) +
		       g->cap * g->nparts * sizeof *g->states + g->value_bytes;
	for (size_t i = 0; i < g->nparts; i++)
		if (g->parts[i].seen)
			bytes += pf_uniques_bytes(g->parts[i].seen);
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
		if (g->parts[i].seen)
			pf_uniques_freeze(g->parts[i].seen);
}

static int check_memory(const struct pf_group *g, struct pf_error *err)
{
	if (bytes_used(g) <= g->memory)
		return 0;
	pf_fail(err, PF_E_LIMIT, "%zu groups take more than %zu MiB of memory",
		pf_keyset_count(g->set), g->memory >> 20);
	return pf_hint(err, "--memory raises the bound; --where or a coarser key lowers the need");
}

/* The group of the key in g->key; false when it is to be put aside. */
static bool find_group(struct pf_group *g, int64_t row, uint32_t *group)
{
	bool is_new;
	if (!g->full) {
		*group = pf_keyset_put(g->set, g->key.data, g->key.len, &is_new);
		if (is_new)
			add_group(g);
		return true;
	}
	*group = pf_keyset_find(g->set, g->key.data, g->key.len);
	if (*group != UINT32_MAX)
		return true;
	if (g->naside == g->aside_cap) {
		g->aside_cap = pf_grow(g->aside_cap, g->naside + 1);
		g->aside = pf_realloc(g->aside, g->aside_cap, sizeof *g->aside);
		g->aside_hashes = pf_realloc(g->aside_hashes, g->aside_cap,
					     sizeof *g->aside_hashes);
	}
	g->aside[g->naside] = (uint32_t)row;
	g->aside_hashes[g->naside++] = pf_xxh3(g->key.data, g->key.len);
	return false;
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

int pf_group_add(struct pf_group *g, const struct pf_batch *batch, struct pf_error *err)
{
	struct pf_column *keys = pf_zalloc(g->nkeys + 1, sizeof *keys);
	struct pf_column *args = pf_zalloc(g->nparts + 1, sizeof *args);
	int code = 0;
	for (size_t i = 0; i < g->nkeys && !code; i++)
		code = evaluate(&g->keys[i], batch, &keys[i], err);
	for (size_t i = 0; i < g->nparts && !code; i++)
		code = evaluate(&g->parts[i], batch, &args[i], err);
	const struct pf_column *times = g->time < 0 ? NULL : &batch->columns[g->time];
	enum pf_kind time_kind = g->time < 0 ? PF_BIGINT : g->input->fields[g->time].type.kind;
	g->naside = 0;
	for (int64_t row = 0; row < batch->rows && !code; row++) {
		uint32_t group;
		int64_t time = 0;
		if (row % LOOK_ROWS == 0)
			look_at_memory(g);
		g->key.len = 0;
		for (size_t i = 0; i < g->nkeys; i++)
			pf_key_add(&g->key, g->keys[i].type.kind, &keys[i], row);
		if (!find_group(g, row, &group))
			continue;
		if (times) /* a row without time is the earliest of all */
			time = pf_is_null(times, row) ? INT64_MIN :
							pf_int_at(times, time_kind, row);
		for (size_t i = 0; i < g->nparts && !code; i++)
			code = take(g, &g->parts[i], &g->states[group * g->nparts + i],
				    group, &args[i], row, time, err);
	}
	free(keys);
	free(args);
	if (!code)
		code = put_aside(g, batch, err);
	return code ? code : check_memory(g, err);
}

/* --- giving out --- */

static int fail_sum(const struct pf_group *g, size_t column, struct pf_error *err)
{
	pf_fail(err, PF_E_EXPR_VALUE, "%s does not fit its type",
		g->schema->fields[column].name);
	return pf_hint(err, "sum(decimal(x, 38, 0)) has 38 digits, sum(double(x)) rounds");
}

/* An infinite total has no rest. */
static double real_sum(const struct state *s)
{
	return isfinite(s->d.total) ? s->d.total + s->d.rest : s->d.total;
}

static int put(struct pf_group *g, const struct part *p, const struct state *s,
	       size_t column, struct pf_error *err)
{
	struct pf_colbuf *out = &g->out->columns[column];
	static const pf_i128 max38 = ((pf_i128)10000000000000000000ULL) *
				     ((pf_i128)10000000000000000000ULL) - 1;
	bool real = p->type.kind == PF_FLOAT || p->type.kind == PF_DOUBLE;
	if (p->aggregate == PF_AGG_COUNT || p->aggregate == PF_AGG_DISTINCT) {
		pf_col_i64(out, s->n);
		return 0;
	}
	if (!s->n) {
		pf_col_null(out);
		return 0;
	}
	switch (p->aggregate) {
	case PF_AGG_SUM:
		if (real) {
			pf_col_f64(out, real_sum(s));
		} else if (p->type.kind == PF_DECIMAL) {
			if (s->sum > max38 || s->sum < -max38)
				return fail_sum(g, column, err);
			pf_col_i128(out, s->sum);
		} else {
			if (s->sum > INT64_MAX || s->sum < INT64_MIN)
				return fail_sum(g, column, err);
			pf_col_i64(out, (int64_t)s->sum);
		}
		return 0;
	case PF_AGG_AVG: {
		double sum = real ? real_sum(s) : (double)s->sum;
		double unit = 1;
		for (unsigned i = 0; p->type.kind == PF_DECIMAL && i < p->type.scale; i++)
			unit *= 10;
		sum /= unit;
		pf_col_f64(out, sum / (double)s->n);
		return 0;
	}
	default: {
		struct pf_view v = pf_view_of(s->value.data, s->value.len);
		pf_key_take(&v, out);
		return 0;
	}
	}
}

struct counted {
	struct state *states;
	size_t nparts, part;
};

static void count_one(void *ctx, uint32_t group)
{
	struct counted *c = ctx;
	c->states[group * c->nparts + c->part].n++;
}

/* The groups are complete once their distinct values are counted. */
static int settle(struct pf_group *g, struct pf_error *err)
{
	g->settled = true;
	g->at = 0;
	for (size_t i = 0; i < g->nparts; i++) {
		struct counted c = { g->states, g->nparts, i };
		if (g->parts[i].seen)
			PF_TRY(pf_uniques_settle(g->parts[i].seen, count_one, &c, err));
	}
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
	free_states(g);
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
			PF_TRY(put(g, &g->parts[i], &g->states[g->at * g->nparts + i],
				   g->nkeys + i, err));
	}
	return 0;
}

int pf_group_next(struct pf_group *g, struct pf_batch *batch, struct pf_error *err)
{
	struct state *none = NULL;
	bool found = true;
	pf_builder_reset(g->out);
	if (!g->settled)
		PF_TRY(settle(g, err));
	if (g->nothing_out && !pf_keyset_count(g->set)) {
		none = pf_zalloc(g->nparts + 1, sizeof *none);
		for (size_t i = 0; i < g->nparts; i++)
			put(g, &g->parts[i], &none[i], i, NULL);
		free(none);
	}
	g->nothing_out = false;
	while (g->at == pf_keyset_count(g->set) && found && !g->out->columns[0].rows)
		PF_TRY(take_up(g, &found, err));
	PF_TRY(give(g, err));
	*batch = pf_builder_batch(g->out);
	return 0;
}
