/* SPDX-License-Identifier: Apache-2.0 */
#include "query/keyset.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"

/* The upper half of the hash stands beside the number, so that most of what is
 * not the key is passed over without a look at its bytes. */
struct slot {
	uint32_t number; /* + 1; 0: free */
	uint32_t tag;
};

struct pf_keyset {
	struct pf_buf bytes;
	size_t *ends;      /* key i is bytes [ends[i - 1], ends[i]) */
	uint64_t *hashes;
	size_t n, cap;
	struct slot *slots; /* open addressing */
	size_t nslots;      /* a power of two */
};

/* AHEAD: so many keys before it is looked for a slot is fetched. */
enum { FIRST_SLOTS = 256, AHEAD = 8 };

struct pf_keyset *pf_keyset_new(void)
{
	struct pf_keyset *k = pf_zalloc(1, sizeof *k);
	k->nslots = FIRST_SLOTS;
	k->slots = pf_zalloc(k->nslots, sizeof *k->slots);
	pf_buf_room(&k->bytes, 1); /* keys may be empty, their place is not */
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

static struct slot slot_for(size_t number, uint64_t hash)
{
	return (struct slot){ (uint32_t)number + 1, (uint32_t)(hash >> 32) };
}

static void grow_slots(struct pf_keyset *k)
{
	free(k->slots);
	k->nslots *= 2;
	k->slots = pf_zalloc(k->nslots, sizeof *k->slots);
	for (size_t i = 0; i < k->n; i++) {
		size_t s = k->hashes[i] & (k->nslots - 1);
		while (k->slots[s].number)
			s = (s + 1) & (k->nslots - 1);
		k->slots[s] = slot_for(i, k->hashes[i]);
	}
}

/* Keys are short: a call to memcmp would take longer than this. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t x, y;
	if (n < sizeof x)
		return !n || !memcmp(a, b, n);
	for (size_t i = 0; i + sizeof x < n; i += sizeof x) {
		memcpy(&x, a + i, sizeof x);
		memcpy(&y, b + i, sizeof y);
		if (x != y)
			return false;
	}
	memcpy(&x, a + n - sizeof x, sizeof x);
	memcpy(&y, b + n - sizeof y, sizeof y);
	return x == y;
}

static bool same_key(struct pf_view a, struct pf_view b)
{
	return a.len == b.len && same_bytes(a.data, b.data, a.len);
}

/* The slot where the key is, or would be. */
static struct slot *slot_of(const struct pf_keyset *k, struct pf_view key, uint64_t hash)
{
	size_t mask = k->nslots - 1;
	for (size_t s = hash & mask;; s = (s + 1) & mask) {
		struct slot *slot = &k->slots[s];
		if (!slot->number)
			return slot;
		if (slot->tag == (uint32_t)(hash >> 32) &&
		    same_key(pf_keyset_at(k, slot->number - 1), key))
			return slot;
	}
}

static uint32_t put_hashed(struct pf_keyset *k, struct pf_view key, uint64_t hash,
			   bool *is_new)
{
	struct slot *slot = slot_of(k, key, hash);
	*is_new = !slot->number;
	if (!*is_new)
		return slot->number - 1;
	if (k->n == k->cap) {
		k->cap = pf_grow(k->cap, k->n + 1);
		k->ends = pf_realloc(k->ends, k->cap, sizeof *k->ends);
		k->hashes = pf_realloc(k->hashes, k->cap, sizeof *k->hashes);
	}
	pf_buf_add(&k->bytes, key.data, key.len);
	k->ends[k->n] = k->bytes.len;
	k->hashes[k->n] = hash;
	*slot = slot_for(k->n++, hash);
	if (k->n * 2 > k->nslots)
		grow_slots(k);
	return (uint32_t)(k->n - 1);
}

uint32_t pf_keyset_find(const struct pf_keyset *k, const void *key, size_t len)
{
	return slot_of(k, pf_view_of(key, len), pf_hash_key(key, len))->number - 1;
}

uint32_t pf_keyset_put(struct pf_keyset *k, const void *key, size_t len, bool *is_new)
{
	return put_hashed(k, pf_view_of(key, len), pf_hash_key(key, len), is_new);
}

/* --- values as bytes of a key --- */

enum { KEY_NULL, KEY_VALUE };

/* At most so many bytes does a value of fixed width take, or the head of one
 * that is not. */
enum { KEY_ROOM = 17 };

static inline uint8_t *write_bytes(uint8_t *p, const void *data, size_t n)
{
	memcpy(p, data, n);
	return p + n;
}

/* Of any length, mostly short: in pieces that overlap, without a call. */
static inline uint8_t *write_text(uint8_t *p, const uint8_t *data, size_t n)
{
	if (n > 16)
		return write_bytes(p, data, n);
	if (n >= 8) {
		memcpy(p, data, 8);
		memcpy(p + n - 8, data + n - 8, 8);
	} else if (n >= 4) {
		memcpy(p, data, 4);
		memcpy(p + n - 4, data + n - 4, 4);
	} else {
		for (size_t i = 0; i < n; i++)
			p[i] = data[i];
	}
	return p + n;
}

/* There is room. Returns the place behind. */
static inline uint8_t *write_value(uint8_t *p, enum pf_kind kind,
				   const struct pf_column *c, int64_t row)
{
	if (pf_is_null(c, row)) {
		*p++ = KEY_NULL;
		return p;
	}
	*p++ = KEY_VALUE;
	if (kind == PF_FLOAT) {
		float f;
		memcpy(&f, (const uint8_t *)c->values + row * 4, 4);
		f = f != f ? __builtin_nanf("") : f == 0 ? 0.0f : f;
		return write_bytes(p, &f, 4);
	}
	if (kind == PF_DOUBLE) {
		double d;
		memcpy(&d, (const uint8_t *)c->values + row * 8, 8);
		d = d != d ? __builtin_nan("") : d == 0 ? 0.0 : d;
		return write_bytes(p, &d, 8);
	}
	if (pf_kind_is_variable(kind)) {
		struct pf_view v = pf_bytes_at(c, row);
		uint64_t len = v.len;
		p = write_bytes(p, &len, sizeof len);
		return write_text(p, v.data, v.len);
	}
	if (kind == PF_DECIMAL)
		return write_bytes(p, (const uint8_t *)c->values + row * 16, 16);
	int64_t i = pf_int_at(c, kind, row);
	return write_bytes(p, &i, 8);
}

static size_t room_for(enum pf_kind kind, const struct pf_column *c, int64_t row)
{
	if (!pf_kind_is_variable(kind) || pf_is_null(c, row))
		return KEY_ROOM;
	return KEY_ROOM + pf_bytes_at(c, row).len;
}

void pf_key_add(struct pf_buf *key, enum pf_kind kind, const struct pf_column *c,
		int64_t row)
{
	uint8_t *p = pf_buf_room(key, room_for(kind, c, row));
	key->len += (size_t)(write_value(p, kind, c, row) - p);
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

/* --- many rows at once --- */

void pf_keys_of_rows(struct pf_keys *keys, const enum pf_kind *kinds,
		     const struct pf_column *columns, size_t ncolumns, int64_t from,
		     size_t n)
{
	keys->bytes.len = 0;
	keys->n = n;
	pf_buf_room(&keys->bytes, 1);
	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < ncolumns; c++)
			pf_key_add(&keys->bytes, kinds[c], &columns[c],
				   from + (int64_t)i);
		keys->ends[i] = keys->bytes.len;
	}
	for (size_t i = 0; i < n; i++) {
		struct pf_view key = pf_keys_at(keys, i);
		keys->hashes[i] = pf_hash_key(key.data, key.len);
	}
}

void pf_keyset_numbers(struct pf_keyset *k, const struct pf_keys *keys, bool add,
		       uint32_t *numbers)
{
	bool is_new;
	for (size_t i = 0; i < keys->n; i++) {
		struct pf_view key = pf_keys_at(keys, i);
		uint64_t hash = keys->hashes[i];
		if (i + AHEAD < keys->n)
			__builtin_prefetch(&k->slots[keys->hashes[i + AHEAD] &
						     (k->nslots - 1)]);
		/* Rows of one key often stand together. */
		if (i && hash == keys->hashes[i - 1] &&
		    same_key(key, pf_keys_at(keys, i - 1)))
			numbers[i] = numbers[i - 1];
		else if (add)
			numbers[i] = put_hashed(k, key, hash, &is_new);
		else
			numbers[i] = slot_of(k, key, hash)->number - 1;
	}
}
