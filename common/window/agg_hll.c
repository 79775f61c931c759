/* SPDX-License-Identifier: Apache-2.0
 *
 * hll: about how many different values of an expression there are. What a
 * sketch hashes (XXH3-64) are the bytes of window/agg_table.h, so that an
 * integer gives the same hash whatever the width of its type.
 */
#include "window/agg_kinds.h"

#include <math.h>
#include <stdlib.h>

#include "ext/hash.h"
#include "window/agg_table.h"
#include "window/hll.h"

enum { BLOCK_ROWS = 512 }; /* that are hashed at once */

static int bind(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_number(a, PF_HLL_MIN_P, PF_HLL_MAX_P, PF_HLL_DEFAULT_P, err);
}

static unsigned precision(const struct pf_agg_states *s)
{
	return (unsigned)pf_agg_number(s->agg);
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	pf_agg_array(s, n, sizeof(struct pf_hll));
}

static void clear(struct pf_agg_states *s)
{
	struct pf_hll *data = s->data;
	for (size_t i = 0; i < s->n; i++)
		pf_hll_free(&data[i]);
	s->n = 0;
	s->bytes = s->cap * sizeof *data;
}

static void release(struct pf_agg_states *s)
{
	clear(s);
	free(s->data);
}

/* --- hashes of values --- */

static void hash_ints(enum pf_kind kind, const struct pf_column *c, int64_t from, size_t n,
		      uint64_t *hashes)
{
	int64_t values[BLOCK_ROWS];
	pf_ints_at(c, kind, from, n, values);
	for (size_t i = 0; i < n; i++)
		hashes[i] = __builtin_bswap64((uint64_t)values[i] ^ (uint64_t)1 << 63);
	pf_hash_words(hashes, n);
}

static uint64_t hash_at(enum pf_kind kind, const struct pf_column *c, int64_t row,
			struct pf_buf *key)
{
	if (pf_kind_is_variable(kind)) {
		struct pf_view v = pf_bytes_at(c, row);
		return pf_hash_key(v.data, v.len);
	}
	key->len = 0;
	pf_agg_encode(key, kind, c, row);
	return pf_hash_key(key->data, key->len);
}

/* Of rows from `from` on, of which there are at most BLOCK_ROWS. What stands
 * for nulls is of no meaning. */
static void hash_rows(enum pf_kind kind, const struct pf_column *c, int64_t from, size_t n,
		      uint64_t *hashes, struct pf_buf *key)
{
	if (pf_kind_is_integer(kind)) {
		hash_ints(kind, c, from, n, hashes);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (!pf_is_null(c, from + (int64_t)i))
			hashes[i] = hash_at(kind, c, from + (int64_t)i, key);
}

/* --- states --- */

/* The rows from `from` on that go to one sketch: they often are many. */
static int64_t stretch(const struct pf_agg_rows *rows, int64_t from, int64_t to)
{
	const struct pf_column *c = &rows->args[0];
	int64_t i = from;
	if (rows->one && !c->nulls)
		return to - from;
	while (i < to && rows->slots[i] == rows->slots[from] && !pf_is_null(c, i))
		i++;
	return i - from;
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
	       struct pf_error *err)
{
	struct pf_hll *data = s->data;
	unsigned p = precision(s);
	uint64_t hashes[BLOCK_ROWS];
	struct pf_buf key = { 0 };
	(void)err;
	for (int64_t from = 0, to; from < rows->n; from = to) {
		to = rows->n - from < BLOCK_ROWS ? rows->n : from + BLOCK_ROWS;
		hash_rows(s->agg->types[0].kind, &rows->args[0], from, (size_t)(to - from),
			  hashes, &key);
		for (int64_t i = from, n; i < to; i += n ? n : 1) {
			struct pf_hll *h = &data[rows->slots[i]];
			size_t before = pf_hll_heap(h, p);
			n = stretch(rows, i, to);
			pf_hll_add(h, p, hashes + (i - from), (size_t)n);
			s->bytes += pf_hll_heap(h, p) - before;
		}
	}
	pf_buf_free(&key);
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	struct pf_hll *data = s->data;
	unsigned p = precision(s);
	for (int64_t i = 0; i < in->n; i++) {
		struct pf_hll *h = &data[pf_agg_slot(in, i)];
		size_t before = pf_hll_heap(h, p);
		if (pf_is_null(&in->columns[0], in->from + i) ||
		    !pf_hll_merge(h, p, pf_bytes_at(&in->columns[0], in->from + i)))
			return pf_agg_fail_state(s->agg, err);
		s->bytes += pf_hll_heap(h, p) - before;
	}
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	struct pf_hll *data = s->data;
	struct pf_buf bytes = { 0 };
	(void)err;
	for (size_t i = 0; i < n; i++) {
		bytes.len = 0;
		pf_hll_write(&data[slots ? slots[i] : i], precision(s), &bytes);
		pf_col_bytes(out, bytes.data, bytes.len);
	}
	pf_buf_free(&bytes);
	return 0;
}

static int finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		  const struct pf_agg_range *range, struct pf_colbuf *out,
		  struct pf_error *err)
{
	struct pf_hll *data = s->data;
	(void)range;
	(void)err;
	for (size_t i = 0; i < n; i++)
		pf_col_i64(out, llround(pf_hll_estimate(&data[slots ? slots[i] : i],
							precision(s))));
	return 0;
}

const struct pf_agg_kind pf_agg_hll = {
	.name = "hll",
	.help = "about how many different values of X, from 2^P registers",
	.min_args = 1,
	.max_args = 1,
	.max_params = 1,
	.bind = bind,
	.unbind = pf_agg_unbind,
	.reserve = reserve,
	.clear = clear,
	.release = release,
	.add = add,
	.merge = merge,
	.store = store,
	.finish = finish,
};
