/* SPDX-License-Identifier: Apache-2.0 */
#include "window/radix.h"

#include <stdlib.h>

#include "base/alloc.h"

typedef int (*compare)(void *ctx, const struct pf_radix_item *x, const struct pf_radix_item *y);

void pf_radix_room(struct pf_radix *o, size_t more)
{
	if (o->n + more <= o->cap)
		return;
	o->cap = pf_grow(o->cap, o->n + more);
	o->items = pf_realloc(o->items, o->cap, sizeof *o->items);
	o->other = pf_realloc(o->other, o->cap, sizeof *o->other);
	o->heads = pf_realloc(o->heads, o->cap, sizeof *o->heads);
}

void pf_radix_free(struct pf_radix *o)
{
	free(o->items);
	free(o->other);
	free(o->heads);
	*o = (struct pf_radix){ 0 };
}

static unsigned zeros_before(pf_u128 v)
{
	uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
	if (high)
		return (unsigned)__builtin_clzll(high);
	return low ? 64 + (unsigned)__builtin_clzll(low) : 127;
}

/* The 64 bits of each head from the first one on in which they differ, as a
 * small number. Returns the bits of those numbers that differ. */
static uint64_t make_parts(struct pf_radix *o, bool longer)
{
	pf_u128 differ = 0;
	for (size_t i = 1; i < o->n; i++)
		differ |= o->heads[i] ^ o->heads[0];
	unsigned skip = zeros_before(differ);
	uint64_t parts = (uint64_t)(differ << skip >> 64);
	unsigned drop = parts ? (unsigned)__builtin_ctzll(parts) : 0;
	o->exact = !longer && !(uint64_t)(differ << skip);
	for (size_t i = 0; i < o->n; i++)
		o->items[i].part = (uint64_t)(o->heads[i] << skip >> 64) >> drop;
	return parts >> drop;
}

/* Least significant byte first, and only bytes that differ. Stable. */
static void sort_parts(struct pf_radix *o, uint64_t differ)
{
	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t at[257] = { 0 };
		if (!(uint8_t)(differ >> shift))
			continue;
		for (size_t i = 0; i < o->n; i++)
			at[(uint8_t)(o->items[i].part >> shift) + 1]++;
		for (size_t i = 0; i < 256; i++)
			at[i + 1] += at[i];
		for (size_t i = 0; i < o->n; i++)
			o->other[at[(uint8_t)(o->items[i].part >> shift)]++] = o->items[i];
		struct pf_radix_item *swap = o->items;
		o->items = o->other;
		o->other = swap;
	}
}

static void sift(struct pf_radix_item *x, size_t i, size_t n, compare cmp, void *ctx)
{
	struct pf_radix_item moving = x[i];
	for (size_t kid; (kid = 2 * i + 1) < n; i = kid) {
		if (kid + 1 < n && cmp(ctx, &x[kid], &x[kid + 1]) < 0)
			kid++;
		if (cmp(ctx, &moving, &x[kid]) >= 0)
			break;
		x[i] = x[kid];
	}
	x[i] = moving;
}

/* Those whose parts agree. Heap sort: no worst case. */
static void sort_ties(struct pf_radix_item *x, size_t n, compare cmp, void *ctx)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(x, i, n, cmp, ctx);
	while (n > 1) {
		struct pf_radix_item top = x[0];
		x[0] = x[--n];
		x[n] = top;
		sift(x, 0, n, cmp, ctx);
	}
}

void pf_radix_sort(struct pf_radix *o, bool longer, bool sorted, compare cmp, void *ctx)
{
	if (!o->n)
		return;
	uint64_t differ = make_parts(o, longer);
	if (sorted)
		return;
	sort_parts(o, differ);
	for (size_t i = 0, end; i < o->n && !o->exact; i = end) {
		end = i + 1;
		while (end < o->n && o->items[end].part == o->items[i].part)
			end++;
		if (end - i > 1)
			sort_ties(o->items + i, end - i, cmp, ctx);
	}
}
