/* SPDX-License-Identifier: Apache-2.0 */
#include "window/state.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/order.h"

void pf_ids_add(struct pf_ids *ids, int64_t id)
{
	if (ids->n == ids->cap) {
		ids->cap = pf_grow(ids->cap, ids->n + 1);
		ids->items = pf_realloc(ids->items, ids->cap, sizeof *ids->items);
	}
	ids->items[ids->n++] = id;
}

bool pf_ids_has(const struct pf_ids *ids, int64_t id)
{
	size_t lo = 0, hi = ids->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ids->items[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < ids->n && ids->items[lo] == id;
}

void pf_ids_copy(struct pf_ids *to, const struct pf_ids *from)
{
	to->n = 0;
	for (size_t i = 0; i < from->n; i++)
		pf_ids_add(to, from->items[i]);
}

void pf_ids_sort(struct pf_ids *ids)
{
	size_t n = 0;
	if (ids->n)
		qsort(ids->items, ids->n, sizeof *ids->items, pf_by_i64);
	for (size_t i = 0; i < ids->n; i++)
		if (!n || ids->items[n - 1] != ids->items[i])
			ids->items[n++] = ids->items[i];
	ids->n = n;
}

void pf_ids_free(struct pf_ids *ids)
{
	free(ids->items);
	*ids = (struct pf_ids){ 0 };
}

/* Not negative. Thousands of cells have such lists: printf would be felt. */
static void print(struct pf_buf *out, int64_t id)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + id % 10);
	while (id /= 10);
	pf_buf_add(out, digits + at, sizeof digits - at);
}

void pf_ids_print(const struct pf_ids *ids, struct pf_buf *out)
{
	for (size_t i = 0, end; i < ids->n; i = end) {
		end = i + 1;
		while (end < ids->n && ids->items[end] == ids->items[end - 1] + 1)
			end++;
		if (i)
			pf_buf_byte(out, ',');
		print(out, ids->items[i]);
		if (end - i > 1) {
			pf_buf_byte(out, '-');
			print(out, ids->items[end - 1]);
		}
	}
}

static bool number(const char **p, const char *end, int64_t *v)
{
	const char *begin = *p;
	*v = 0;
	while (*p < end && **p >= '0' && **p <= '9')
		if (__builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, *(*p)++ - '0', v))
			return false;
	return *p > begin;
}

int pf_ids_parse(const char *text, size_t len, struct pf_ids *ids, struct pf_error *err)
{
	enum { MOST = 1 << 26 };
	const char *p = text, *end = text + len;
	while (p < end) {
		int64_t from, to;
		bool ok = number(&p, end, &from);
		to = from;
		if (ok && p < end && *p == '-')
			ok = p++, number(&p, end, &to);
		ok = ok && to >= from && to - from < MOST - (int64_t)ids->n &&
		     (!ids->n || ids->items[ids->n - 1] < from);
		if (ok && p < end)
			ok = *p++ == ',' && p < end;
		if (!ok)
			return pf_fail(err, PF_E_CORRUPT, "malformed list of numbers");
		for (; from <= to; from++)
			pf_ids_add(ids, from);
	}
	return 0;
}
