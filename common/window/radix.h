/* SPDX-License-Identifier: Apache-2.0
 *
 * Things put in the order of their keys: by counting sort of the few bytes in
 * which the first 16 bytes of the keys differ, then by comparing those that
 * agree in these. Linear for short keys; no worst case beyond n log n.
 */
#ifndef PF_WINDOW_RADIX_H
#define PF_WINDOW_RADIX_H

#include "window/key.h"

struct pf_radix_item {
	uint64_t part;  /* of the key's head: bits in which the heads differ */
	uint32_t a, b;  /* what it is: the caller's */
};

struct pf_radix {
	struct pf_radix_item *items, *other;
	pf_u128 *heads;  /* of items, until they are sorted */
	size_t n, cap;
	bool exact;      /* sorted: equal parts are equal keys */
};

void pf_radix_room(struct pf_radix *o, size_t more);
/* After making room. */
static inline void pf_radix_push(struct pf_radix *o, pf_u128 head, uint32_t a, uint32_t b)
{
	o->heads[o->n] = head;
	o->items[o->n++] = (struct pf_radix_item){ 0, a, b };
}

/* cmp: by whole keys, heads included; never 0 for two different items. longer:
 * heads may be equal where keys are not. sorted: they are in order, and only
 * parts are wanted. */
void pf_radix_sort(struct pf_radix *o, bool longer, bool sorted,
		   int (*cmp)(void *ctx, const struct pf_radix_item *x,
			      const struct pf_radix_item *y),
		   void *ctx);
void pf_radix_free(struct pf_radix *o);

#endif
