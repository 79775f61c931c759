/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/flatbuf.h"

#include <stdlib.h>

#include "base/alloc.h"

/* --- reading --- */

static const struct pf_fb_table no_table;

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint16_t get_u16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static void spoil(struct pf_fb *fb, const char *what)
{
	if (!fb->bad)
		fb->bad = what;
}

static bool inside(const struct pf_fb *fb, uint64_t pos, uint64_t n)
{
	return pos <= fb->len && n <= fb->len - pos;
}

static struct pf_fb_table table_at(struct pf_fb *fb, uint64_t pos)
{
	if (pos % 4 || !inside(fb, pos, 4)) {
		spoil(fb, "a table lies outside");
		return no_table;
	}
	int32_t back = (int32_t)get_u32(fb->data + pos);
	int64_t vtable = (int64_t)pos - back;
	if (vtable < 0 || vtable % 2 || !inside(fb, (uint64_t)vtable, 4)) {
		spoil(fb, "a vtable lies outside");
		return no_table;
	}
	struct pf_fb_table t = { .fb = fb,
				 .pos = (uint32_t)pos,
				 .vtable = (uint32_t)vtable,
				 .vtable_bytes = get_u16(fb->data + vtable),
				 .bytes = get_u16(fb->data + vtable + 2) };
	if (t.vtable_bytes < 4 || t.vtable_bytes % 2 || t.bytes < 4 ||
	    !inside(fb, t.vtable, t.vtable_bytes) || !inside(fb, pos, t.bytes)) {
		spoil(fb, "a table is longer than the message");
		return no_table;
	}
	return t;
}

struct pf_fb_table pf_fb_root(struct pf_fb *fb)
{
	/* Positions are 32 bits wide; no metadata comes near that. */
	if (fb->len < 4 || fb->len > INT32_MAX) {
		spoil(fb, "it has no root");
		return no_table;
	}
	return table_at(fb, get_u32(fb->data));
}

/* Position of a slot's value of n bytes, or 0 (the root offset is there). */
static uint32_t slot_at(struct pf_fb_table t, unsigned slot, unsigned n)
{
	unsigned entry = 4 + 2 * slot;
	if (!t.fb || entry + 2 > t.vtable_bytes)
		return 0;
	unsigned offset = get_u16(t.fb->data + t.vtable + entry);
	if (!offset)
		return 0;
	if (offset < 4 || offset + n > t.bytes) {
		spoil(t.fb, "a field lies outside its table");
		return 0;
	}
	return t.pos + offset;
}

int64_t pf_fb_int(struct pf_fb_table t, unsigned slot, unsigned width, int64_t absent)
{
	uint32_t at = slot_at(t, slot, width);
	if (!at)
		return absent;
	const uint8_t *p = t.fb->data + at;
	switch (width) {
	case 1:
		return (int8_t)*p;
	case 2:
		return (int16_t)get_u16(p);
	case 4:
		return (int32_t)get_u32(p);
	default:
		return pf_fb_i64(p);
	}
}

/* Follow the offset in a slot, or 0. */
static uint64_t follow(struct pf_fb_table t, unsigned slot)
{
	uint32_t at = slot_at(t, slot, 4);
	return at ? (uint64_t)at + get_u32(t.fb->data + at) : 0;
}

struct pf_fb_table pf_fb_table(struct pf_fb_table t, unsigned slot)
{
	uint64_t at = follow(t, slot);
	return at ? table_at(t.fb, at) : no_table;
}

struct pf_fb_vector pf_fb_vector(struct pf_fb_table t, unsigned slot,
				 size_t item_bytes)
{
	struct pf_fb_vector v = { .fb = t.fb };
	uint64_t at = follow(t, slot);
	if (!at)
		return v;
	if (!inside(t.fb, at, 4)) {
		spoil(t.fb, "a vector lies outside");
		return v;
	}
	uint32_t n = get_u32(t.fb->data + at);
	if (!inside(t.fb, at + 4, (uint64_t)n * item_bytes)) {
		spoil(t.fb, "a vector is longer than the message");
		return v;
	}
	v.items = t.fb->data + at + 4;
	v.n = n;
	return v;
}

struct pf_view pf_fb_string(struct pf_fb_table t, unsigned slot)
{
	struct pf_fb_vector v = pf_fb_vector(t, slot, 1);
	return (struct pf_view){ v.items, v.n };
}

struct pf_fb_table pf_fb_item(struct pf_fb_vector v, uint32_t i)
{
	if (i >= v.n)
		return no_table;
	const uint8_t *p = v.items + 4 * (size_t)i;
	return table_at(v.fb, (uint64_t)(p - v.fb->data) + get_u32(p));
}

/* --- building --- */

void pf_fbb_reset(struct pf_fbb *b)
{
	b->used = 0;
}

void pf_fbb_free(struct pf_fbb *b)
{
	free(b->data);
	*b = (struct pf_fbb){ 0 };
}

/* Make room for n bytes in front, padded behind them so that they start at a
 * multiple of align counted from the end. The finished buffer is a multiple of
 * 8 long, so that holds counted from its beginning, too. */
static uint8_t *push(struct pf_fbb *b, size_t n, size_t align)
{
	size_t pad = (align - (b->used + n) % align) % align;
	size_t need = pf_add(b->used, n + pad);
	if (need > b->cap || !b->cap) {
		size_t cap = pf_grow(b->cap, need);
		uint8_t *data = pf_alloc(cap, 1);
		if (b->used)
			memcpy(data + cap - b->used, b->data + b->cap - b->used,
			       b->used);
		free(b->data);
		b->data = data;
		b->cap = cap;
	}
	memset(b->data + b->cap - b->used - pad, 0, pad);
	b->used = need;
	return b->data + b->cap - need;
}

static void put_u32(struct pf_fbb *b, uint32_t v)
{
	memcpy(push(b, 4, 4), &v, 4);
}

pf_fbb_ref pf_fbb_string(struct pf_fbb *b, const char *text)
{
	size_t len = strlen(text);
	/* The length word in front must be aligned, so pad behind the text. */
	size_t pad = (4 - (b->used + len + 1) % 4) % 4;
	uint8_t *p = push(b, len + 1 + pad, 1);
	memcpy(p, text, len);
	memset(p + len, 0, 1 + pad);
	put_u32(b, (uint32_t)len);
	return (pf_fbb_ref)b->used;
}

/* The offset from the place about to be written to ref. */
static void put_offset(struct pf_fbb *b, pf_fbb_ref ref)
{
	uint8_t *p = push(b, 4, 4);
	uint32_t v = (uint32_t)b->used - ref;
	memcpy(p, &v, 4);
}

pf_fbb_ref pf_fbb_refs(struct pf_fbb *b, const pf_fbb_ref *refs, size_t n)
{
	push(b, 0, 4);
	for (size_t i = n; i-- > 0;)
		put_offset(b, refs[i]);
	put_u32(b, (uint32_t)n);
	return (pf_fbb_ref)b->used;
}

pf_fbb_ref pf_fbb_structs(struct pf_fbb *b, const void *items, size_t n,
			  size_t item_bytes)
{
	uint8_t *p = push(b, pf_mul(n, item_bytes), 8);
	if (n)
		memcpy(p, items, n * item_bytes);
	put_u32(b, (uint32_t)n);
	return (pf_fbb_ref)b->used;
}

void pf_fbb_begin(struct pf_fbb *b)
{
	memset(b->slots, 0, sizeof b->slots);
	b->table_end = (uint32_t)b->used;
}

void pf_fbb_int(struct pf_fbb *b, unsigned slot, unsigned width, int64_t value)
{
	uint8_t *p = push(b, width, width);
	memcpy(p, &value, width); /* little-endian */
	b->slots[slot] = (uint32_t)b->used;
}

void pf_fbb_ref_slot(struct pf_fbb *b, unsigned slot, pf_fbb_ref ref)
{
	if (!ref)
		return;
	put_offset(b, ref);
	b->slots[slot] = (uint32_t)b->used;
}

pf_fbb_ref pf_fbb_end(struct pf_fbb *b)
{
	put_u32(b, 0); /* the way to the vtable, known below */
	uint32_t table = (uint32_t)b->used;
	unsigned n = PF_FBB_SLOTS;
	while (n && !b->slots[n - 1])
		n--;
	uint16_t vtable[2 + PF_FBB_SLOTS];
	vtable[0] = (uint16_t)(4 + 2 * n);
	vtable[1] = (uint16_t)(table - b->table_end);
	for (unsigned i = 0; i < n; i++)
		vtable[2 + i] = (uint16_t)(b->slots[i] ? table - b->slots[i] : 0);
	memcpy(push(b, vtable[0], 2), vtable, vtable[0]);
	uint32_t back = (uint32_t)b->used - table;
	memcpy(b->data + b->cap - table, &back, 4);
	return table;
}

struct pf_view pf_fbb_finish(struct pf_fbb *b, pf_fbb_ref root)
{
	uint8_t *p = push(b, 4, 8);
	uint32_t v = (uint32_t)b->used - root;
	memcpy(p, &v, 4);
	return (struct pf_view){ p, b->used };
}
