/* SPDX-License-Identifier: Apache-2.0 */
#include "window/agg_table.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"

enum { FIRST_INDEX = 64, MOST_ENTRIES = 0xfffffffe };

void pf_agg_table_reserve(struct pf_agg_table *t, size_t nslots)
{
	if (nslots > t->slot_cap) {
		t->slot_cap = pf_grow(t->slot_cap, nslots);
		t->heads = pf_realloc(t->heads, t->slot_cap, sizeof *t->heads);
	}
	if (nslots > t->nslots) {
		memset(t->heads + t->nslots, 0, (nslots - t->nslots) * sizeof *t->heads);
		t->nslots = nslots;
	}
}

void pf_agg_table_clear(struct pf_agg_table *t)
{
	t->n = t->gone = t->nslots = 0;
	t->bytes.len = 0;
	if (t->nindex)
		memset(t->index, 0, t->nindex * sizeof *t->index);
}

void pf_agg_table_free(struct pf_agg_table *t)
{
	free(t->entries);
	free(t->heads);
	free(t->index);
	pf_buf_free(&t->bytes);
	*t = (struct pf_agg_table){ 0 };
}

size_t pf_agg_table_bytes(const struct pf_agg_table *t)
{
	return t->cap * sizeof *t->entries + t->slot_cap * sizeof *t->heads +
	       t->nindex * sizeof *t->index + t->bytes.cap;
}

static void put_index(struct pf_agg_table *t, uint32_t i)
{
	size_t at = t->entries[i].hash & (t->nindex - 1);
	while (t->index[at])
		at = (at + 1) & (t->nindex - 1);
	t->index[at] = i + 1;
}

static void rebuild_index(struct pf_agg_table *t, size_t n)
{
	if (n != t->nindex) {
		free(t->index);
		t->index = pf_alloc(n, sizeof *t->index);
		t->nindex = n;
	}
	memset(t->index, 0, n * sizeof *t->index);
	for (size_t i = 0; i < t->n; i++)
		put_index(t, (uint32_t)i);
}

static uint32_t hash_of(uint32_t slot, struct pf_view value)
{
	uint64_t h = pf_xxh3(value.data, value.len) ^ slot * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h ^ h >> 32);
}

int64_t *pf_agg_table_at(struct pf_agg_table *t, uint32_t slot, struct pf_view value)
{
	uint32_t hash = hash_of(slot, value);
	if (t->n * 2 >= t->nindex)
		rebuild_index(t, t->nindex ? t->nindex * 2 : FIRST_INDEX);
	size_t at = hash & (t->nindex - 1);
	for (; t->index[at]; at = (at + 1) & (t->nindex - 1)) {
		struct pf_entry *e = &t->entries[t->index[at] - 1];
		if (e->hash == hash && e->slot == slot && e->len == value.len &&
		    !pf_view_cmp(pf_agg_table_value(t, e), value))
			return &e->number;
	}
	if (t->n == MOST_ENTRIES || value.len > UINT32_MAX)
		return NULL;
	if (t->n == t->cap) {
		t->cap = pf_grow(t->cap, t->n + 1);
		t->entries = pf_realloc(t->entries, t->cap, sizeof *t->entries);
	}
	struct pf_entry *e = &t->entries[t->n];
	*e = (struct pf_entry){ .slot = slot, .hash = hash, .len = (uint32_t)value.len,
				.next = t->heads[slot] };
	if (value.len > PF_ENTRY_INLINE) {
		e->at = t->bytes.len;
		pf_buf_add(&t->bytes, value.data, value.len);
	} else if (value.len) {
		memcpy(e->few, value.data, value.len);
	}
	t->index[at] = t->heads[slot] = (uint32_t)++t->n;
	return &e->number;
}

void pf_agg_table_forget(struct pf_agg_table *t, size_t more)
{
	t->gone += more;
	if (t->gone < 1024 || t->gone * 2 < t->n)
		return;
	struct pf_buf bytes = { 0 };
	size_t kept = 0;
	memset(t->heads, 0, t->nslots * sizeof *t->heads);
	for (size_t i = 0; i < t->n; i++) {
		struct pf_entry e = t->entries[i];
		if (!e.number)
			continue;
		if (e.len > PF_ENTRY_INLINE) {
			size_t at = bytes.len;
			pf_buf_add(&bytes, t->bytes.data + e.at, e.len);
			e.at = at;
		}
		e.next = t->heads[e.slot];
		t->entries[kept++] = e;
		t->heads[e.slot] = (uint32_t)kept;
	}
	pf_buf_free(&t->bytes);
	t->bytes = bytes;
	t->n = kept;
	t->gone = 0;
	rebuild_index(t, t->nindex);
}

static const struct pf_entry *skip_gone(const struct pf_agg_table *t, uint32_t i)
{
	while (i && !t->entries[i - 1].number)
		i = t->entries[i - 1].next;
	return i ? &t->entries[i - 1] : NULL;
}

const struct pf_entry *pf_agg_table_first(const struct pf_agg_table *t, size_t slot)
{
	return skip_gone(t, t->heads[slot]);
}

const struct pf_entry *pf_agg_table_next(const struct pf_agg_table *t,
					 const struct pf_entry *e)
{
	return skip_gone(t, e->next);
}

struct order {
	const struct pf_agg_table *t;
	size_t tail;
};

static int compare(const void *x, const void *y, void *order)
{
	const struct order *o = order;
	struct pf_view a = pf_agg_table_value(o->t, *(const struct pf_entry *const *)x);
	struct pf_view b = pf_agg_table_value(o->t, *(const struct pf_entry *const *)y);
	a.len -= o->tail;
	b.len -= o->tail;
	int c = pf_view_cmp(a, b);
	return c || !o->tail ? c : memcmp(a.data + a.len, b.data + b.len, o->tail);
}

size_t pf_agg_table_sorted(const struct pf_agg_table *t, size_t slot, size_t tail,
			   const struct pf_entry ***list, size_t *cap)
{
	struct order order = { t, tail };
	size_t n = 0;
	for (const struct pf_entry *e = pf_agg_table_first(t, slot); e;
	     e = pf_agg_table_next(t, e)) {
		if (n == *cap) {
			*cap = pf_grow(*cap, n + 1);
			*list = pf_realloc(*list, *cap, sizeof **list);
		}
		(*list)[n++] = e;
	}
	if (n > 1)
		qsort_r(*list, n, sizeof **list, compare, &order);
	return n;
}

/* --- stored --- */

static void put_varint(struct pf_buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		pf_buf_byte(out, (uint8_t)(v | 0x80));
	pf_buf_byte(out, (uint8_t)v);
}

static bool take_varint(struct pf_view *in, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; in->len && shift < 64; shift += 7) {
		uint8_t byte = *in->data++;
		in->len--;
		if (shift == 63 && byte > 1)
			return false;
		*v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

void pf_agg_table_write(const struct pf_agg_table *t, size_t slot, struct pf_buf *out,
			const struct pf_entry ***list, size_t *cap)
{
	size_t n = pf_agg_table_sorted(t, slot, 0, list, cap);
	for (size_t i = 0; i < n; i++) {
		const struct pf_entry *e = (*list)[i];
		struct pf_view value = pf_agg_table_value(t, e);
		put_varint(out, (uint64_t)e->number << 1 ^ (uint64_t)(e->number >> 63));
		put_varint(out, value.len);
		pf_buf_add(out, value.data, value.len);
	}
}

bool pf_agg_table_read(struct pf_view *in, int64_t *number, struct pf_view *value)
{
	uint64_t zigzag, len;
	if (!take_varint(in, &zigzag) || !take_varint(in, &len) || len > in->len)
		return false;
	*number = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
	*value = pf_view_of(in->data, (size_t)len);
	in->data += len;
	in->len -= (size_t)len;
	return *number != 0;
}

/* --- values as bytes --- */

size_t pf_agg_encoded_width(enum pf_kind kind)
{
	return pf_kind_is_variable(kind) ? 0 : kind == PF_BOOLEAN ? 1 : pf_kind_width(kind);
}

static void put_big(struct pf_buf *out, pf_u128 v, size_t width)
{
	uint8_t big[16];
	for (size_t i = 0; i < width; i++)
		big[i] = (uint8_t)(v >> 8 * (width - 1 - i));
	pf_buf_add(out, big, width);
}

static pf_u128 take_big(struct pf_view value)
{
	pf_u128 v = 0;
	for (size_t i = 0; i < value.len; i++)
		v = v << 8 | value.data[i];
	return v;
}

static pf_u128 sign_bit(size_t width)
{
	return (pf_u128)1 << (8 * width - 1);
}

void pf_agg_encode(struct pf_buf *out, enum pf_kind kind, const struct pf_column *c,
		   int64_t row)
{
	size_t width = pf_agg_encoded_width(kind);
	if (!width) {
		struct pf_view v = pf_bytes_at(c, row);
		pf_buf_add(out, v.data, v.len);
	} else if (kind == PF_FLOAT || kind == PF_DOUBLE) {
		double d = kind == PF_DOUBLE ? ((const double *)c->values)[row] :
					       (double)((const float *)c->values)[row];
		uint64_t bits;
		d = d != d ? __builtin_nan("") : d == 0 ? 0 : d;
		if (kind == PF_FLOAT) {
			float f = (float)d;
			uint32_t half;
			memcpy(&half, &f, sizeof half);
			half = half >> 31 ? ~half : half | (uint32_t)1 << 31;
			bits = half;
		} else {
			memcpy(&bits, &d, sizeof bits);
			bits = bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
		}
		put_big(out, bits, width);
	} else if (kind == PF_DECIMAL) {
		pf_i128 v;
		memcpy(&v, (const uint8_t *)c->values + row * 16, 16);
		put_big(out, (pf_u128)v ^ sign_bit(width), width);
	} else if (kind == PF_BOOLEAN) {
		pf_buf_byte(out, pf_bit(c->values, row));
	} else {
		put_big(out, (pf_u128)pf_int_at(c, kind, row) ^ sign_bit(width), width);
	}
}

void pf_agg_decode(struct pf_view value, struct pf_colbuf *out)
{
	if (pf_kind_is_variable(out->kind)) {
		pf_col_bytes(out, value.data, value.len);
		return;
	}
	pf_u128 v = take_big(value);
	if (out->kind == PF_BOOLEAN) {
		pf_col_bool(out, v != 0);
	} else if (out->kind == PF_FLOAT) {
		uint32_t bits = (uint32_t)v;
		bits = bits >> 31 ? bits & ~((uint32_t)1 << 31) : ~bits;
		pf_col_fixed(out, &bits, sizeof bits);
	} else if (out->kind == PF_DOUBLE) {
		uint64_t bits = (uint64_t)v;
		bits = bits >> 63 ? bits & ~((uint64_t)1 << 63) : ~bits;
		pf_col_fixed(out, &bits, sizeof bits);
	} else {
		v ^= sign_bit(value.len); /* the bytes are its low ones, little-endian */
		pf_col_fixed(out, &v, value.len);
	}
}
