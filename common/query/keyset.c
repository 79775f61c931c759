/* SPDX-License-Identifier: Apache-2.0 */
#include "query/keyset.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"

struct pf_keyset {
	struct pf_buf bytes;
	size_t *ends;      /* key i is bytes [ends[i - 1], ends[i]) */
	uint64_t *hashes;
	size_t n, cap;
	uint32_t *slots;   /* number + 1, 0: free; open addressing */
	size_t nslots;     /* a power of two */
};

enum { FIRST_SLOTS = 256 };

struct pf_keyset *pf_keyset_new(void)
{
	struct pf_keyset *k = pf_zalloc(1, sizeof *k);
	k->nslots = FIRST_SLOTS;
	k->slots = pf_zalloc(k->nslots, sizeof *k->slots);
	return k;
}

void pf_keyset_free(struct pf_keyset *k)
{
	if (!k)
		return;
	pf_buf_free(&k->bytes);
	free(k->ends);
	free(k->hashes);
	free(k->slots);
	free(k);
}

size_t pf_keyset_count(const struct pf_keyset *k)
{
	return k->n;
}

struct pf_view pf_keyset_at(const struct pf_keyset *k, uint32_t i)
{
	size_t from = i ? k->ends[i - 1] : 0;
	return pf_view_of(k->bytes.data + from, k->ends[i] - from);
}

size_t pf_keyset_bytes(const struct pf_keyset *k)
{
	return k->bytes.cap + k->cap * (sizeof *k->ends + sizeof *k->hashes) +
	       k->nslots * sizeof *k->slots;
}

static void grow_slots(struct pf_keyset *k)
{
	free(k->slots);
	k->nslots *= 2;
	k->slots = pf_zalloc(k->nslots, sizeof *k->slots);
	for (size_t i = 0; i < k->n; i++) {
		size_t s = k->hashes[i] & (k->nslots - 1);
		while (k->slots[s])
			s = (s + 1) & (k->nslots - 1);
		k->slots[s] = (uint32_t)i + 1;
	}
}

/* The slot where the key is, or would be. */
static size_t slot_of(const struct pf_keyset *k, const void *key, size_t len,
		      uint64_t hash)
{
	size_t s = hash & (k->nslots - 1);
	for (; k->slots[s]; s = (s + 1) & (k->nslots - 1)) {
		uint32_t i = k->slots[s] - 1;
		if (k->hashes[i] != hash)
			continue;
		struct pf_view old = pf_keyset_at(k, i);
		if (old.len == len && (!len || !memcmp(old.data, key, len)))
			break;
	}
	return s;
}

uint32_t pf_keyset_find(const struct pf_keyset *k, const void *key, size_t len)
{
	size_t s = slot_of(k, key, len, pf_xxh3(key, len));
	return k->slots[s] ? k->slots[s] - 1 : UINT32_MAX;
}

uint32_t pf_keyset_put(struct pf_keyset *k, const void *key, size_t len, bool *is_new)
{
	uint64_t hash = pf_xxh3(key, len);
	size_t s = slot_of(k, key, len, hash);
	*is_new = !k->slots[s];
	if (!*is_new)
		return k->slots[s] - 1;
	if (k->n == k->cap) {
		k->cap = pf_grow(k->cap, k->n + 1);
		k->ends = pf_realloc(k->ends, k->cap, sizeof *k->ends);
		k->hashes = pf_realloc(k->hashes, k->cap, sizeof *k->hashes);
	}
	pf_buf_add(&k->bytes, key, len);
	k->ends[k->n] = k->bytes.len;
	k->hashes[k->n] = hash;
	k->slots[s] = (uint32_t)++k->n;
	if (k->n * 2 > k->nslots)
		grow_slots(k);
	return (uint32_t)(k->n - 1);
}

enum { KEY_NULL, KEY_VALUE };

void pf_key_add(struct pf_buf *key, enum pf_kind kind, const struct pf_column *c,
		int64_t row)
{
	if (pf_is_null(c, row)) {
		pf_buf_byte(key, KEY_NULL);
		return;
	}
	pf_buf_byte(key, KEY_VALUE);
	if (kind == PF_FLOAT) {
		float f;
		memcpy(&f, (const uint8_t *)c->values + row * 4, 4);
		f = f != f ? __builtin_nanf("") : f == 0 ? 0.0f : f;
		pf_buf_add(key, &f, 4);
	} else if (kind == PF_DOUBLE) {
		double d;
		memcpy(&d, (const uint8_t *)c->values + row * 8, 8);
		d = d != d ? __builtin_nan("") : d == 0 ? 0.0 : d;
		pf_buf_add(key, &d, 8);
	} else if (pf_kind_is_variable(kind)) {
		struct pf_view v = pf_bytes_at(c, row);
		uint64_t len = v.len;
		pf_buf_add(key, &len, sizeof len);
		pf_buf_add(key, v.data, v.len);
	} else if (kind == PF_DECIMAL) {
		pf_buf_add(key, (const uint8_t *)c->values + row * 16, 16);
	} else {
		int64_t i = pf_int_at(c, kind, row);
		pf_buf_add(key, &i, 8);
	}
}

void pf_key_take(struct pf_view *key, struct pf_colbuf *out)
{
	const uint8_t *p = key->data + 1;
	size_t width = 8;
	if (key->data[0] == KEY_NULL) {
		pf_col_null(out);
		*key = pf_view_of(p, key->len - 1);
		return;
	}
	if (out->kind == PF_FLOAT || out->kind == PF_DECIMAL) {
		width = pf_kind_width(out->kind);
		pf_col_fixed(out, p, width);
	} else if (out->kind == PF_DOUBLE) {
		pf_col_fixed(out, p, 8);
	} else if (pf_kind_is_variable(out->kind)) {
		uint64_t len;
		memcpy(&len, p, sizeof len);
		pf_col_bytes(out, p + 8, (size_t)len);
		width += (size_t)len;
	} else {
		int64_t i;
		memcpy(&i, p, 8);
		if (out->kind == PF_BOOLEAN)
			pf_col_bool(out, i != 0);
		else
			pf_col_int(out, i);
	}
	*key = pf_view_of(p + width, key->len - 1 - width);
}
