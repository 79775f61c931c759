/* SPDX-License-Identifier: Apache-2.0
 *
 * days, bits, streak: a bit for each day on which there were rows. 8 bytes
 * answer for all lengths of up to 64 days at once; a late row sets a bit,
 * whatever the order. Days are those of the wall clock; rows without time do
 * not count.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "base/alloc.h"

enum {
	MOST_WORDS = 4096, /* of a state: 700 years */
	DEFAULT_BITS = 28,
};

/* Bit i of word w is day 64 * (low + w) + i. */
struct dayset {
	int32_t low;
	uint32_t n; /* words */
	union {
		uint64_t one;
		uint64_t *many; /* n > 1 */
	};
};

static const uint64_t *words(const struct dayset *d)
{
	return d->n > 1 ? d->many : &d->one;
}

static size_t heap(const struct dayset *d)
{
	return d->n > 1 ? d->n * sizeof *d->many : 0;
}

/* Make the word exist. False: the set would be too long. */
static uint64_t *reach(struct dayset *d, int32_t word)
{
	if (!d->n) {
		d->low = word;
		d->n = 1;
		d->one = 0;
	}
	int64_t low = d->low < word ? d->low : word;
	int64_t high = (int64_t)d->low + d->n > word + 1 ? (int64_t)d->low + d->n : word + 1;
	int64_t n = high - low;
	if (n > MOST_WORDS)
		return NULL;
	if (n > d->n) {
		uint64_t *many = pf_zalloc((size_t)n, sizeof *many);
		memcpy(many + (d->low - low), words(d), d->n * sizeof *many);
		if (d->n > 1)
			free(d->many);
		d->many = many;
		d->low = (int32_t)low;
		d->n = (uint32_t)n;
	}
	return d->n > 1 ? &d->many[word - d->low] : &d->one;
}

static int32_t word_of(int64_t day)
{
	return (int32_t)(day >= 0 ? day / 64 : -((63 - day) / 64));
}

static bool has(const struct dayset *d, int64_t day)
{
	int64_t w = word_of(day) - (int64_t)d->low;
	return w >= 0 && w < d->n && words(d)[w] >> (day & 63) & 1;
}

static int bind(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_days(a, PF_AGG_MOST_DAYS, PF_AGG_MOST_DAYS, err);
}

static int bits_bind(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_days(a, 63, DEFAULT_BITS, err);
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	pf_agg_array(s, n, sizeof(struct dayset));
}

static void clear(struct pf_agg_states *s)
{
	struct dayset *data = s->data;
	for (size_t i = 0; i < s->n; i++)
		if (data[i].n > 1)
			free(data[i].many);
	s->n = 0;
	s->bytes = s->cap * sizeof *data;
}

static void release(struct pf_agg_states *s)
{
	clear(s);
	free(s->data);
}

static int fail_long(const struct pf_agg *a, struct pf_error *err)
{
	return pf_fail(err, PF_E_LIMIT, "days of %s are more than 700 years apart", a->name);
}

static int set(struct pf_agg_states *s, size_t slot, int64_t day, struct pf_error *err)
{
	struct dayset *d = &((struct dayset *)s->data)[slot];
	size_t before = heap(d);
	uint64_t *w = reach(d, word_of(day));
	if (!w)
		return fail_long(s->agg, err);
	*w |= (uint64_t)1 << (day & 63);
	s->bytes += heap(d) - before;
	return 0;
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
	       struct pf_error *err)
{
	for (int64_t i = 0; i < rows->n; i++)
		if (rows->times[i] != INT64_MIN)
			PF_TRY(set(s, rows->slots[i], pf_agg_day(rows->times[i]), err));
	return 0;
}

/* Stored: nothing, or the first day (int32) and bits from it on, the first
 * and the last byte not 0. */
static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	for (int64_t i = 0; i < in->n; i++) {
		if (pf_is_null(&in->columns[0], in->from + i))
			return pf_agg_fail_state(s->agg, err);
		struct pf_view v = pf_bytes_at(&in->columns[0], in->from + i);
		int32_t first;
		if (!v.len)
			continue;
		if (v.len < 5 || v.len > MOST_WORDS * 8 || !(v.data[4] & 1) ||
		    !v.data[v.len - 1])
			return pf_agg_fail_state(s->agg, err);
		memcpy(&first, v.data, sizeof first);
		for (size_t bit = 0; bit < 8 * (v.len - 4); bit++)
			if (pf_bit(v.data + 4, (int64_t)bit))
				PF_TRY(set(s, pf_agg_slot(in, i), first + (int64_t)bit, err));
	}
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	const struct dayset *data = s->data;
	struct pf_buf bytes = { 0 };
	(void)err;
	for (size_t i = 0; i < n; i++) {
		const struct dayset *d = &data[slots ? slots[i] : i];
		int32_t first = 0;
		size_t bits = 0;
		bytes.len = 0;
		for (uint32_t w = 0; w < d->n; w++)
			for (uint64_t left = words(d)[w]; left; left &= left - 1) {
				int64_t day = 64 * ((int64_t)d->low + w) + __builtin_ctzll(left);
				if (!bytes.len) {
					first = (int32_t)day;
					pf_buf_add(&bytes, &first, sizeof first);
				}
				size_t bit = (size_t)(day - first);
				for (; bits <= bit; bits += 8)
					pf_buf_byte(&bytes, 0);
				pf_bit_set(bytes.data + 4, (int64_t)bit);
			}
		pf_col_bytes(out, bytes.data, bytes.len);
	}
	pf_buf_free(&bytes);
	return 0;
}

struct days {
	int64_t count, bits, streak, longest;
};

/* Of the last `days` days of the range. */
static struct days look(const struct dayset *d, int64_t days, const struct pf_agg_range *range)
{
	struct days r = { 0 };
	int64_t end = pf_agg_end_day(range), from = pf_agg_first_day(range), run = 0;
	bool unbroken = true;
	if (from < end - days)
		from = end - days;
	if (d->n && from < 64 * (int64_t)d->low)
		from = 64 * (int64_t)d->low;
	for (int64_t day = end - 1; d->n && day >= from; day--) {
		bool is = has(d, day);
		r.count += is;
		run = is ? run + 1 : 0;
		unbroken = unbroken && is;
		r.streak += unbroken;
		r.longest = run > r.longest ? run : r.longest;
		if (is && end - 1 - day < 63)
			r.bits |= (int64_t)1 << (end - 1 - day);
	}
	return r;
}

static int finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		  const struct pf_agg_range *range, struct pf_colbuf *out,
		  struct pf_error *err)
{
	const struct dayset *data = s->data;
	const struct pf_agg_kind *kind = s->agg->kind;
	int64_t days = pf_agg_number(s->agg);
	(void)err;
	for (size_t i = 0; i < n; i++) {
		struct days r = look(&data[slots ? slots[i] : i], days, range);
		pf_col_i64(out, kind == &pf_agg_days   ? r.count :
				kind == &pf_agg_bits   ? r.bits :
				kind == &pf_agg_streak ? r.streak :
							 r.longest);
	}
	return 0;
}

#define DAYS(symbol, word, params, binder, text)                             \
	const struct pf_agg_kind symbol = {                                  \
		.name = word, .help = text, .max_params = params,            \
		.bind = binder, .unbind = pf_agg_unbind, .reserve = reserve, \
		.clear = clear, .release = release, .add = add,              \
		.merge = merge, .store = store, .finish = finish,            \
	}

DAYS(pf_agg_days, "days", 1, bind, "days with rows, of the window's last N");
DAYS(pf_agg_bits, "bits", 1, bits_bind,
	"a bit for each of the last N days with rows, the last day's is 1");
DAYS(pf_agg_streak, "streak", 0, bind, "days with rows up to the window's last, unbroken");
DAYS(pf_agg_streak_max, "streak_max", 0, bind, "the most days in a row with rows");
