/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that lives and dies together: many small pieces, one free. Pieces
 * never move. Zero-initialised is empty.
 */
#ifndef PF_BASE_ARENA_H
#define PF_BASE_ARENA_H

#include <stddef.h>

#include "base/buf.h"

struct pf_arena {
	struct pf_arena_block *blocks;
	size_t left;   /* free bytes at the end of the newest block */
	size_t total;  /* bytes taken from the system */
};

/* Aligned for any type; not zeroed. */
void *pf_arena_get(struct pf_arena *a, size_t count, size_t size);
void *pf_arena_zero(struct pf_arena *a, size_t count, size_t size);
/* A copy; text gets a terminator. */
struct pf_view pf_arena_copy(struct pf_arena *a, const void *data, size_t len);
char *pf_arena_text(struct pf_arena *a, const void *text, size_t len);
void pf_arena_free(struct pf_arena *a);
/* Forget the pieces, keep a block for the next ones. */
void pf_arena_reset(struct pf_arena *a);

#endif
