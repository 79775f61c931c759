/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is checked once, here. A filter that runs out of memory cannot
 * finish its work: it says so, the atexit handlers remove its temporary
 * files, and it exits 4; downstream programs see a stream without its end.
 * So these functions never return NULL. Sizes are count x size, multiplied
 * with a check.
 */
#ifndef PF_BASE_ALLOC_H
#define PF_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

void *pf_alloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
void *pf_zalloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
void *pf_realloc(void *old, size_t count, size_t size) __attribute__((warn_unused_result));
char *pf_strdup(const char *text) __attribute__((malloc, warn_unused_result));
char *pf_strndup(const char *text, size_t len) __attribute__((malloc, warn_unused_result));
char *pf_asprintf(const char *fmt, ...)
	__attribute__((malloc, warn_unused_result, format(printf, 1, 2)));

/* Say so and end the program: for what libraries could not allocate, and for
 * rows that would not fit into 32-bit offsets. */
_Noreturn void pf_out_of_memory(void);

/* Keep up to that many freed bytes for the next allocations instead of giving
 * them back: a query makes and drops the same buffers for file after file, and
 * a page that comes fresh from the system costs more than it takes to fill. */
void pf_alloc_keep(size_t bytes);

/* A capacity of at least need, growing by half; for amortised appends. */
size_t pf_grow(size_t capacity, size_t need);

/* a * b and a + b, or the end of the program: for sizes of our own making.
 * Sizes that come from input are checked with __builtin_mul_overflow at the
 * place that can name the input. */
size_t pf_mul(size_t a, size_t b);
size_t pf_add(size_t a, size_t b);

#endif
