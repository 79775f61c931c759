/* SPDX-License-Identifier: Apache-2.0
 *
 * first, last, min_by, max_by: the value of the row in which something else
 * (the time, an expression) is least or greatest. Of several such rows, the
 * first and min_by take the smallest value, the others the largest; a null
 * loses against every value. So the result does not depend on the order of
 * rows. Rows whose second argument is null are not looked at.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "window/agg_values.h"

struct by {
	struct pf_agg_values value, key; /* a slot without key has seen no row */
};

static bool by_time(const struct pf_agg *a)
{
	return a->kind == &pf_agg_first || a->kind == &pf_agg_last;
}

static struct pf_type key_type(const struct pf_agg *a)
{
	return by_time(a) ? (struct pf_type){ .kind = PF_BIGINT } : a->types[1];
}

static int bind(struct pf_agg *a, struct pf_error *err)
{
	(void)err;
	a->result = a->types[0];
	a->algebra = PF_ALGEBRA_IDEMPOTENT;
	a->timed = by_time(a);
	pf_agg_state_column(a, "", a->result);
	pf_agg_state_column(a, by_time(a) ? ".time_us" : ".by", key_type(a));
	return 0;
}

static void count_bytes(struct pf_agg_states *s)
{
	struct by *b = s->data;
	s->bytes = sizeof *b + pf_agg_values_bytes(&b->value) + pf_agg_values_bytes(&b->key);
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	struct by *b = s->data;
	if (!b) {
		s->data = b = pf_alloc(1, sizeof *b);
		pf_agg_values_init(&b->value, s->agg->types[0].kind);
		pf_agg_values_init(&b->key, key_type(s->agg).kind);
	}
	pf_agg_values_reserve(&b->value, n);
	pf_agg_values_reserve(&b->key, n);
	s->n = n > s->n ? n : s->n;
	count_bytes(s);
}

static void clear(struct pf_agg_states *s)
{
	struct by *b = s->data;
	pf_agg_values_clear(&b->value);
	pf_agg_values_clear(&b->key);
	s->n = 0;
	count_bytes(s);
}

static void release(struct pf_agg_states *s)
{
	struct by *b = s->data;
	if (b) {
		pf_agg_values_free(&b->value);
		pf_agg_values_free(&b->key);
	}
	free(b);
}

/* sign: 1 for the least, -1 for the greatest. */
static void take(struct by *b, uint32_t slot, const struct pf_column *value,
		 const struct pf_column *key, int64_t row, int sign)
{
	bool null = pf_is_null(value, row);
	int wins = 1;
	if (b->key.has[slot])
		wins = sign * pf_agg_values_cmp(&b->key, slot, key, row);
	if (wins == 0)
		wins = null		   ? -1 :
		       b->value.has[slot] ? sign * pf_agg_values_cmp(&b->value, slot, value, row) :
					    1;
	if (wins <= 0)
		return;
	pf_agg_values_set(&b->key, slot, key, row);
	if (null)
		pf_agg_values_unset(&b->value, slot);
	else
		pf_agg_values_set(&b->value, slot, value, row);
}

/* Does the slot's time or number come first for sure? Most rows are none. */
static bool loses(const struct by *b, uint32_t slot, const int64_t *keys, int64_t row,
		  int sign)
{
	int64_t have;
	if (!keys || !b->key.has[slot])
		return false;
	memcpy(&have, b->key.bytes + slot * sizeof have, sizeof have);
	return sign > 0 ? have < keys[row] : have > keys[row];
}

/* The keys as whole numbers, if they are. */
static const int64_t *whole_keys(const struct by *b, const struct pf_column *key)
{
	bool whole = b->key.width == 8 && b->key.kind != PF_DOUBLE;
	return whole && !pf_kind_is_variable(b->key.kind) ? key->values : NULL;
}

static int sign_of(const struct pf_agg_states *s)
{
	const struct pf_agg_kind *kind = s->agg->kind;
	return kind == &pf_agg_first || kind == &pf_agg_min_by ? 1 : -1;
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
	       struct pf_error *err)
{
	struct pf_column times = { .values = rows->times };
	const struct pf_column *key = by_time(s->agg) ? &times : &rows->args[1];
	const int64_t *keys = whole_keys(s->data, key);
	int sign = sign_of(s);
	(void)err;
	for (int64_t i = 0; i < rows->n; i++)
		if (!pf_is_null(key, i) && !loses(s->data, rows->slots[i], keys, i, sign))
			take(s->data, rows->slots[i], &rows->args[0], key, i, sign);
	count_bytes(s);
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	const int64_t *keys = whole_keys(s->data, &in->columns[1]);
	int sign = sign_of(s);
	(void)err;
	for (int64_t i = 0; i < in->n; i++) {
		uint32_t slot = (uint32_t)pf_agg_slot(in, i);
		int64_t row = in->from + i;
		if (!pf_is_null(&in->columns[1], row) && !loses(s->data, slot, keys, row, sign))
			take(s->data, slot, &in->columns[0], &in->columns[1], row, sign);
	}
	count_bytes(s);
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	struct by *b = s->data;
	(void)err;
	pf_agg_values_put(&b->value, slots, n, &out[0]);
	pf_agg_values_put(&b->key, slots, n, &out[1]);
	return 0;
}

static int finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		  const struct pf_agg_range *range, struct pf_colbuf *out,
		  struct pf_error *err)
{
	struct by *b = s->data;
	(void)range;
	(void)err;
	pf_agg_values_put(&b->value, slots, n, out);
	return 0;
}

#define BY(symbol, word, args, text)                                         \
	const struct pf_agg_kind symbol = {                                  \
		.name = word, .help = text, .min_args = args,                \
		.max_args = args, .bind = bind, .reserve = reserve,          \
		.clear = clear, .release = release, .add = add,              \
		.merge = merge, .store = store, .finish = finish,            \
	}

BY(pf_agg_first, "first", 1, "X of the earliest row");
BY(pf_agg_last, "last", 1, "X of the latest row");
BY(pf_agg_min_by, "min_by", 2, "X of the row with the least Y");
BY(pf_agg_max_by, "max_by", 2, "X of the row with the greatest Y");
