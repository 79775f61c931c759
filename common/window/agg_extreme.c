/* SPDX-License-Identifier: Apache-2.0
 *
 * min and max of any type, in the order of pf_value_cmp. Nulls are not looked
 * at; the extreme of nothing is null.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "window/agg_values.h"

static int bind(struct pf_agg *a, struct pf_error *err)
{
	(void)err;
	a->result = a->types[0];
	a->algebra = PF_ALGEBRA_IDEMPOTENT;
	pf_agg_state_column(a, "", a->result);
	return 0;
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	if (!s->data) {
		s->data = pf_alloc(1, sizeof(struct pf_agg_values));
		pf_agg_values_init(s->data, s->agg->types[0].kind);
	}
	pf_agg_values_reserve(s->data, n);
	s->n = n > s->n ? n : s->n;
	s->bytes = pf_agg_values_bytes(s->data);
}

static void clear(struct pf_agg_states *s)
{
	pf_agg_values_clear(s->data);
	s->n = 0;
	s->bytes = pf_agg_values_bytes(s->data);
}

static void release(struct pf_agg_states *s)
{
	if (s->data)
		pf_agg_values_free(s->data);
	free(s->data);
}

static int sign_of(const struct pf_agg_states *s)
{
	return s->agg->kind == &pf_agg_min ? 1 : -1;
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
	       struct pf_error *err)
{
	(void)err;
	pf_agg_values_extreme(s->data, rows->slots, &rows->args[0], 0, rows->n, sign_of(s));
	s->bytes = pf_agg_values_bytes(s->data);
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	(void)err;
	pf_agg_values_extreme(s->data, in->slots, &in->columns[0], in->from, in->n, sign_of(s));
	s->bytes = pf_agg_values_bytes(s->data);
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	(void)err;
	pf_agg_values_put(s->data, slots, n, out);
	return 0;
}

static int finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		  const struct pf_agg_range *range, struct pf_colbuf *out,
		  struct pf_error *err)
{
	(void)range;
	return store(s, slots, n, out, err);
}

#define EXTREME(symbol, word, text)                                          \
	const struct pf_agg_kind symbol = {                                  \
		.name = word, .help = text, .min_args = 1, .max_args = 1,    \
		.bind = bind, .reserve = reserve, .clear = clear,            \
		.release = release, .add = add, .merge = merge,              \
		.store = store, .finish = finish,                            \
	}

EXTREME(pf_agg_min, "min", "smallest value of X");
EXTREME(pf_agg_max, "max", "largest value of X");
