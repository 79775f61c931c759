/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/dict.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "parquet/encoding.h"

#define FIRST_SLOTS 1024
/* After that many values: at least a quarter must have been seen before. */
#define TRIAL 4096

void pq_dict_free(struct pq_dict *d)
{
	free(d->ints);
	free(d->views);
	free(d->codes);
	free(d->slots);
	*d = (struct pq_dict){ 0 };
}

static void begin(struct pq_dict *d, size_t n)
{
	d->n = d->bytes = 0;
	if (d->codes_cap < n) {
		d->codes_cap = n;
		d->codes = pf_realloc(d->codes, n, sizeof *d->codes);
	}
}

static void clear_slots(struct pq_dict *d, size_t n_slots)
{
	if (n_slots > d->n_slots || !d->slots) {
		free(d->slots);
		d->slots = pf_zalloc(n_slots, sizeof *d->slots);
	} else {
		memset(d->slots, 0, n_slots * sizeof *d->slots);
	}
	d->n_slots = n_slots;
}

/* Four times as many slots; the tags alone say where an entry goes, because
 * a tag has the low bits of the hash and slots are fewer than 2^32. */
static void more_slots(struct pq_dict *d)
{
	size_t old_n = d->n_slots, mask = old_n * 4 - 1;
	struct pq_slot *old = d->slots;
	d->slots = pf_zalloc(old_n * 4, sizeof *d->slots);
	d->n_slots = old_n * 4;
	for (size_t i = 0; i < old_n; i++) {
		if (!old[i].code)
			continue;
		size_t at = old[i].tag & mask;
		while (d->slots[at].code)
			at = (at + 1) & mask;
		d->slots[at] = old[i];
	}
	free(old);
}

static void room_for_int(struct pq_dict *d)
{
	if (d->n == d->ints_cap) {
		d->ints_cap = pf_grow(d->ints_cap, d->n + 1);
		d->ints = pf_realloc(d->ints, d->ints_cap, sizeof *d->ints);
	}
}

static void room_for_view(struct pq_dict *d)
{
	if (d->n == d->views_cap) {
		d->views_cap = pf_grow(d->views_cap, d->n + 1);
		d->views = pf_realloc(d->views, d->views_cap, sizeof *d->views);
	}
}

/* --- hashes: quick and fixed, for slots only --- */

#define MULTIPLIER 0x9e3779b97f4a7c15u

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t hash_int(int64_t v)
{
	uint64_t h = (uint64_t)v * MULTIPLIER;
	return (uint32_t)(h >> 32 ^ h >> 15);
}

static inline uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	memcpy(&v, p, n);
	return v;
}

static inline uint32_t hash_view(struct pf_view v)
{
	const uint8_t *p = v.data;
	size_t n = v.len;
	uint64_t h = n * MULTIPLIER;
	for (; n > 16; p += 16, n -= 16)
		h = mix(load(p, 8) ^ h, load(p + 8, 8) ^ MULTIPLIER);
	if (n >= 8)
		h = mix(load(p, 8) ^ h, load(p + n - 8, 8) ^ MULTIPLIER);
	else
		h = mix(pq_head(pf_view_of(p, n)) ^ h, MULTIPLIER);
	return (uint32_t)(h >> 32 ^ h);
}

static inline bool same_view(struct pf_view a, struct pf_view b)
{
	if (a.len != b.len)
		return false;
	if (a.data == b.data)
		return true;
	if (a.len < 8)
		return pq_head(a) == pq_head(b);
	if (a.len <= 16)
		return load(a.data, 8) == load(b.data, 8) &&
		       load(a.data + a.len - 8, 8) == load(b.data + a.len - 8, 8);
	return !memcmp(a.data, b.data, a.len);
}

/* --- by hash --- */

bool pq_dict_ints(struct pq_dict *d, const int64_t *values, size_t n,
		  size_t max_entries)
{
	begin(d, n);
	clear_slots(d, FIRST_SLOTS);
	size_t mask = d->n_slots - 1;
	for (size_t i = 0; i < n; i++) {
		int64_t v = values[i];
		if (i && v == values[i - 1]) {
			d->codes[i] = d->codes[i - 1];
			continue;
		}
		uint32_t tag = hash_int(v);
		size_t at = tag & mask;
		while (d->slots[at].code &&
		       (d->slots[at].tag != tag ||
			d->ints[d->slots[at].code - 1] != v))
			at = (at + 1) & mask;
		if (!d->slots[at].code) {
			if (d->n == max_entries || (i >= TRIAL && d->n > i / 4 * 3))
				return false;
			room_for_int(d);
			d->ints[d->n++] = v;
			d->slots[at] = (struct pq_slot){ tag, (uint32_t)d->n };
			d->codes[i] = (uint32_t)(d->n - 1);
			if (d->n * 2 > d->n_slots) {
				more_slots(d);
				mask = d->n_slots - 1;
			}
			continue;
		}
		d->codes[i] = d->slots[at].code - 1;
	}
	return true;
}

bool pq_dict_views(struct pq_dict *d, const struct pf_view *values, size_t n,
		   size_t max_entries, size_t max_bytes)
{
	begin(d, n);
	clear_slots(d, FIRST_SLOTS);
	size_t mask = d->n_slots - 1;
	for (size_t i = 0; i < n; i++) {
		struct pf_view v = values[i];
		uint32_t tag = hash_view(v);
		size_t at = tag & mask;
		while (d->slots[at].code &&
		       (d->slots[at].tag != tag ||
			!same_view(d->views[d->slots[at].code - 1], v)))
			at = (at + 1) & mask;
		if (!d->slots[at].code) {
			d->bytes += v.len;
			if (d->n == max_entries || d->bytes > max_bytes ||
			    (i >= TRIAL && d->n > i / 4 * 3))
				return false;
			room_for_view(d);
			d->views[d->n++] = v;
			d->slots[at] = (struct pq_slot){ tag, (uint32_t)d->n };
			d->codes[i] = (uint32_t)(d->n - 1);
			if (d->n * 2 > d->n_slots) {
				more_slots(d);
				mask = d->n_slots - 1;
			}
			continue;
		}
		d->codes[i] = d->slots[at].code - 1;
	}
	return true;
}

/* --- by order --- */

bool pq_dict_sorted_ints(struct pq_dict *d, const int64_t *values, size_t n,
			 size_t max_entries, size_t *distinct)
{
	begin(d, n);
	size_t runs = 0;
	*distinct = 0;
	for (size_t i = 0; i < n; i++) {
		if (!i || values[i] != values[i - 1]) {
			if (i && values[i] < values[i - 1])
				return false;
			if (runs++ < max_entries) {
				room_for_int(d);
				d->ints[d->n++] = values[i];
			}
		}
		d->codes[i] = (uint32_t)(runs - 1);
	}
	*distinct = runs;
	return runs <= max_entries;
}

bool pq_dict_sorted_views(struct pq_dict *d, const struct pf_view *values,
			  size_t n, size_t max_entries, size_t max_bytes,
			  size_t *distinct)
{
	begin(d, n);
	size_t runs = 0;
	*distinct = 0;
	for (size_t i = 0; i < n; i++) {
		if (!i || !same_view(values[i], values[i - 1])) {
			if (i && pf_view_cmp(values[i], values[i - 1]) < 0)
				return false;
			d->bytes += values[i].len;
			if (runs++ < max_entries) {
				room_for_view(d);
				d->views[d->n++] = values[i];
			}
		}
		d->codes[i] = (uint32_t)(runs - 1);
	}
	*distinct = runs;
	return runs <= max_entries && d->bytes <= max_bytes;
}

size_t pq_count_distinct(const uint64_t *hashes, size_t n)
{
	size_t slots = 1024, distinct = 0;
	while (slots < 2 * n)
		slots *= 2;
	uint64_t *table = pf_zalloc(slots, sizeof *table);
	bool zero = false;
	for (size_t i = 0; i < n; i++) {
		uint64_t h = hashes[i];
		if (!h) {
			distinct += !zero;
			zero = true;
			continue;
		}
		size_t at = h & (slots - 1);
		while (table[at] && table[at] != h)
			at = (at + 1) & (slots - 1);
		distinct += !table[at];
		table[at] = h;
	}
	free(table);
	return distinct;
}
