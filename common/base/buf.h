/* SPDX-License-Identifier: Apache-2.0
 *
 * Growable bytes. Zero-initialised is empty; pf_buf_free releases. Data may
 * move on every append, so keep positions, not pointers.
 */
#ifndef PF_BASE_BUF_H
#define PF_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

struct pf_buf {
	uint8_t *data;
	size_t len, cap;
};

/* Borrowed bytes. */
struct pf_view {
	const uint8_t *data;
	size_t len;
};

static inline struct pf_view pf_view_of(const void *data, size_t len)
{
	return (struct pf_view){ data, len };
}

static inline struct pf_view pf_view_str(const char *text)
{
	return (struct pf_view){ (const uint8_t *)text, strlen(text) };
}

/* <0, 0, >0 in unsigned byte order, the order of Paimon and Parquet. */
static inline int pf_view_cmp(struct pf_view a, struct pf_view b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.data, b.data, n) : 0;
	return c ? c : (a.len > b.len) - (a.len < b.len);
}

void pf_buf_free(struct pf_buf *b);

/* Room for more bytes behind len, which the caller then counts itself.
 * Returns where they go. */
uint8_t *pf_buf_grow(struct pf_buf *b, size_t more);
static inline uint8_t *pf_buf_room(struct pf_buf *b, size_t more)
{
	if (more <= b->cap - b->len && b->data)
		return b->data + b->len;
	return pf_buf_grow(b, more);
}

void pf_buf_zeros(struct pf_buf *b, size_t n);
void pf_buf_printf(struct pf_buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline void pf_buf_add(struct pf_buf *b, const void *data, size_t n)
{
	if (n) {
		memcpy(pf_buf_room(b, n), data, n);
		b->len += n;
	}
}

static inline void pf_buf_byte(struct pf_buf *b, uint8_t byte)
{
	*pf_buf_room(b, 1) = byte;
	b->len++;
}

static inline void pf_buf_str(struct pf_buf *b, const char *text)
{
	pf_buf_add(b, text, strlen(text));
}

/* The content as a C string, valid until the next append. */
const char *pf_buf_cstr(struct pf_buf *b);

#endif
