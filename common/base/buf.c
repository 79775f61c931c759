/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void pf_buf_free(struct pf_buf *b)
{
	free(b->data);
	*b = (struct pf_buf){ 0 };
}

uint8_t *pf_buf_grow(struct pf_buf *b, size_t more)
{
	size_t need = pf_add(b->len, more);
	/* Never NULL: what is given back is an argument of memcpy. */
	if (need > b->cap || !b->data) {
		b->cap = pf_grow(b->cap, need);
		b->data = pf_realloc(b->data, b->cap, 1);
	}
	return b->data + b->len;
}

void pf_buf_zeros(struct pf_buf *b, size_t n)
{
	if (n) {
		memset(pf_buf_room(b, n), 0, n);
		b->len += n;
	}
}

void pf_buf_printf(struct pf_buf *b, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n > 0) {
		vsnprintf((char *)pf_buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt,
			  again);
		b->len += (size_t)n;
	}
	va_end(again);
}

const char *pf_buf_cstr(struct pf_buf *b)
{
	*pf_buf_room(b, 1) = '\0';
	return (const char *)b->data;
}
