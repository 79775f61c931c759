/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void pf_out_of_memory(void)
{
	fputs("out of memory (PF4001)\n", stderr);
	exit(pf_exit_status(PF_E_MEMORY));
}

size_t pf_mul(size_t a, size_t b)
{
	size_t r;
	if (__builtin_mul_overflow(a, b, &r))
		pf_out_of_memory();
	return r;
}

size_t pf_add(size_t a, size_t b)
{
	size_t r;
	if (__builtin_add_overflow(a, b, &r))
		pf_out_of_memory();
	return r;
}

void *pf_alloc(size_t count, size_t size)
{
	size_t bytes = pf_mul(count, size);
	void *p = malloc(bytes ? bytes : 1);
	if (!p)
		pf_out_of_memory();
	return p;
}

void *pf_zalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (!p)
		pf_out_of_memory();
	return p;
}

void *pf_realloc(void *old, size_t count, size_t size)
{
	size_t bytes = pf_mul(count, size);
	void *p = realloc(old, bytes ? bytes : 1);
	if (!p)
		pf_out_of_memory();
	return p;
}

char *pf_strndup(const char *text, size_t len)
{
	char *p = pf_alloc(pf_add(len, 1), 1);
	memcpy(p, text, len);
	p[len] = '\0';
	return p;
}

char *pf_strdup(const char *text)
{
	return pf_strndup(text, strlen(text));
}

char *pf_asprintf(const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		pf_out_of_memory();
	char *p = pf_alloc((size_t)n + 1, 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

void pf_alloc_keep(size_t bytes)
{
	mallopt(M_MMAP_THRESHOLD, (int)bytes);
	mallopt(M_TRIM_THRESHOLD, (int)bytes);
}

size_t pf_grow(size_t capacity, size_t need)
{
	if (capacity >= need)
		return capacity;
	size_t half = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity + capacity / 2;
	size_t next = half < 64 ? 64 : half;
	return next < need ? need : next;
}
