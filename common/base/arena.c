/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdlib.h>

enum { BLOCK_BYTES = 16 * 1024, ALIGN = 16 };

struct pf_arena_block {
	struct pf_arena_block *next;
	size_t size;
	_Alignas(16) uint8_t data[];
};

void *pf_arena_get(struct pf_arena *a, size_t count, size_t size)
{
	size_t want = pf_add(pf_mul(count, size), ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (want > a->left || !a->blocks) {
		size_t bytes = want > BLOCK_BYTES ? want : BLOCK_BYTES;
		struct pf_arena_block *b = pf_alloc(
			1, pf_add(bytes, sizeof(struct pf_arena_block)));
		b->size = bytes;
		b->next = a->blocks;
		a->blocks = b;
		a->left = bytes;
		a->total += bytes;
	}
	void *p = a->blocks->data + (a->blocks->size - a->left);
	a->left -= want;
	return p;
}

void *pf_arena_zero(struct pf_arena *a, size_t count, size_t size)
{
	void *p = pf_arena_get(a, count, size);
	memset(p, 0, count * size);
	return p;
}

struct pf_view pf_arena_copy(struct pf_arena *a, const void *data, size_t len)
{
	uint8_t *p = pf_arena_get(a, len ? len : 1, 1);
	if (len)
		memcpy(p, data, len);
	return pf_view_of(p, len);
}

char *pf_arena_text(struct pf_arena *a, const void *text, size_t len)
{
	char *p = pf_arena_get(a, pf_add(len, 1), 1);
	if (len)
		memcpy(p, text, len);
	p[len] = 0;
	return p;
}

void pf_arena_reset(struct pf_arena *a)
{
	struct pf_arena_block *keep = a->blocks;
	if (!keep)
		return;
	while (keep->next) {
		struct pf_arena_block *b = keep->next;
		keep->next = b->next;
		free(b);
	}
	a->left = a->total = keep->size;
}

void pf_arena_free(struct pf_arena *a)
{
	while (a->blocks) {
		struct pf_arena_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
	*a = (struct pf_arena){ 0 };
}
