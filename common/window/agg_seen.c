/* SPDX-License-Identifier: Apache-2.0
 *
 * Who was active when: active (dau, wau, mau) keeps the day each value was
 * last seen on, so one state answers for every stretch of days that ends with
 * the window; retain keeps all days of each value. Days are those of the
 * wall clock; rows without time do not count.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "window/agg_table.h"

enum { DAY_BYTES = 4 };

struct seen {
	struct pf_agg_table table; /* active: the day; retain: rows of (value, day) */
	struct pf_buf key;
	const struct pf_entry **list;
	size_t list_cap;
};

/* A day as a number that is not 0, in order. */
static int64_t day_number(int32_t day)
{
	return day < 0 ? day : (int64_t)day + 1;
}

static int active_bind(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_days(a, PF_AGG_MOST_DAYS, PF_AGG_MOST_DAYS, err);
}

static int dau_bind(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_days(a, PF_AGG_MOST_DAYS, 1, err);
}

static int wau_bind(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_days(a, PF_AGG_MOST_DAYS, 7, err);
}

static int mau_bind(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_days(a, PF_AGG_MOST_DAYS, 30, err);
}

static int retain_bind(struct pf_agg *a, struct pf_error *err)
{
	PF_TRY(pf_agg_bind_days(a, PF_AGG_MOST_DAYS, 1, err));
	a->result = (struct pf_type){ .kind = PF_DOUBLE };
	a->algebra = PF_ALGEBRA_INVERTIBLE;
	return 0;
}

static void count_bytes(struct pf_agg_states *s)
{
	struct seen *d = s->data;
	s->bytes = sizeof *d + pf_agg_table_bytes(&d->table) + d->key.cap +
		   d->list_cap * sizeof *d->list;
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	if (!s->data)
		s->data = pf_zalloc(1, sizeof(struct seen));
	struct seen *d = s->data;
	pf_agg_table_reserve(&d->table, n);
	s->n = n > s->n ? n : s->n;
	count_bytes(s);
}

static void clear(struct pf_agg_states *s)
{
	struct seen *d = s->data;
	pf_agg_table_clear(&d->table);
	s->n = 0;
}

static void release(struct pf_agg_states *s)
{
	struct seen *d = s->data;
	if (d) {
		pf_agg_table_free(&d->table);
		pf_buf_free(&d->key);
		free(d->list);
	}
	free(d);
}

static bool by_pairs(const struct pf_agg *a)
{
	return a->kind == &pf_agg_retain;
}

static void put_day(struct pf_buf *key, int32_t day)
{
	struct pf_column c = { .values = &day };
	pf_agg_encode(key, PF_INT, &c, 0);
}

static int32_t day_of(struct pf_view value)
{
	const uint8_t *p = value.data + value.len - DAY_BYTES;
	uint32_t big = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (int32_t)(big ^ (uint32_t)1 << 31);
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
	       struct pf_error *err)
{
	struct seen *d = s->data;
	const struct pf_column *c = &rows->args[0];
	bool pairs = by_pairs(s->agg);
	for (int64_t i = 0; i < rows->n; i++) {
		if (pf_is_null(c, i) || rows->times[i] == INT64_MIN)
			continue;
		int32_t day = pf_agg_day(rows->times[i]);
		d->key.len = 0;
		pf_agg_encode(&d->key, s->agg->types[0].kind, c, i);
		if (pairs)
			put_day(&d->key, day);
		int64_t *n = pf_agg_table_at(&d->table, rows->slots[i],
					     pf_view_of(d->key.data, d->key.len));
		if (!n)
			return pf_agg_fail_many(s->agg, err);
		if (pairs)
			++*n;
		else if (!*n || *n < day_number(day))
			*n = day_number(day);
	}
	count_bytes(s);
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	const int sign = in->minus ? -1 : 1;
	struct seen *d = s->data;
	bool pairs = by_pairs(s->agg);
	size_t width = pf_agg_encoded_width(s->agg->types[0].kind), gone = 0;
	size_t tail = pairs ? DAY_BYTES : 0;
	for (int64_t i = 0; i < in->n; i++) {
		if (pf_is_null(&in->columns[0], in->from + i))
			return pf_agg_fail_state(s->agg, err);
		struct pf_view bytes = pf_bytes_at(&in->columns[0], in->from + i), value;
		while (bytes.len) {
			int64_t number, *n;
			if (!pf_agg_table_read(&bytes, &number, &value) || value.len < tail ||
			    (width && value.len != width + tail) || (pairs && number < 0))
				return pf_agg_fail_state(s->agg, err);
			n = pf_agg_table_at(&d->table, (uint32_t)pf_agg_slot(in, i), value);
			if (!n)
				return pf_agg_fail_many(s->agg, err);
			if (!pairs)
				*n = !*n || *n < number ? number : *n;
			else if (__builtin_add_overflow(*n, sign * number, n) || *n < 0)
				return pf_agg_fail_state(s->agg, err);
			gone += !*n;
		}
	}
	pf_agg_table_forget(&d->table, gone);
	count_bytes(s);
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	struct seen *d = s->data;
	struct pf_buf bytes = { 0 };
	(void)err;
	for (size_t i = 0; i < n; i++) {
		bytes.len = 0;
		pf_agg_table_write(&d->table, slots ? slots[i] : i, &bytes, &d->list,
				   &d->list_cap);
		pf_col_bytes(out, bytes.data, bytes.len);
	}
	pf_buf_free(&bytes);
	return 0;
}

static int active_finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
			 const struct pf_agg_range *range, struct pf_colbuf *out,
			 struct pf_error *err)
{
	const struct pf_agg_table *t = &((const struct seen *)s->data)->table;
	int64_t days = pf_agg_number(s->agg);
	int64_t end = pf_agg_end_day(range), from = pf_agg_first_day(range);
	(void)err;
	if (from < end - days)
		from = end - days;
	for (size_t i = 0; i < n; i++) {
		int64_t values = 0;
		for (const struct pf_entry *e = pf_agg_table_first(t, slots ? slots[i] : i); e;
		     e = pf_agg_table_next(t, e))
			values += e->number >= day_number((int32_t)from) &&
				  e->number < day_number((int32_t)end);
		pf_col_i64(out, values);
	}
	return 0;
}

/* Of the values first seen in the range, `days` before its last day or
 * earlier: how many there are, and how many were seen again that long after. */
static void cohort(struct seen *d, size_t slot, int64_t days,
		   const struct pf_agg_range *range, int64_t *all, int64_t *again)
{
	const struct pf_agg_table *t = &d->table;
	int64_t end = pf_agg_end_day(range), from = pf_agg_first_day(range);
	size_t n = pf_agg_table_sorted(t, slot, DAY_BYTES, &d->list, &d->list_cap);
	struct pf_view who = { NULL, 0 };
	int64_t first = 0;
	bool has_first = false;
	*all = *again = 0;
	for (size_t i = 0; i < n; i++) {
		struct pf_view v = pf_agg_table_value(t, d->list[i]);
		int32_t day = day_of(v);
		v.len -= DAY_BYTES;
		if (!i || pf_view_cmp(who, v) != 0)
			has_first = false;
		who = v;
		if (day < from || day >= end)
			continue;
		if (!has_first) {
			has_first = true;
			first = day;
			*all += first + days < end;
		}
		*again += day == first + days;
	}
}

static int retain_finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
			 const struct pf_agg_range *range, struct pf_colbuf *out,
			 struct pf_error *err)
{
	int64_t days = pf_agg_number(s->agg), all, again;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		cohort(s->data, slots ? slots[i] : i, days, range, &all, &again);
		if (all)
			pf_col_f64(out, (double)again / (double)all);
		else
			pf_col_null(out);
	}
	return 0;
}

#define SEEN(symbol, word, params, binder, finisher, text)                   \
	const struct pf_agg_kind symbol = {                                  \
		.name = word, .help = text, .min_args = 1, .max_args = 1,    \
		.max_params = params, .bind = binder, .unbind = pf_agg_unbind, \
		.reserve = reserve, .clear = clear, .release = release,      \
		.add = add, .merge = merge, .store = store,                  \
		.finish = finisher,                                          \
	}

SEEN(pf_agg_active, "active", 1, active_bind, active_finish,
	"how many values of X were there in the last N days of the window");
SEEN(pf_agg_dau, "dau", 0, dau_bind, active_finish, "active:X:1");
SEEN(pf_agg_wau, "wau", 0, wau_bind, active_finish, "active:X:7");
SEEN(pf_agg_mau, "mau", 0, mau_bind, active_finish, "active:X:30");
SEEN(pf_agg_retain, "retain", 1, retain_bind, retain_finish,
	"share of values of X that were there again N days after their first day");
