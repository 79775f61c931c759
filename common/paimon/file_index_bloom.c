/* SPDX-License-Identifier: Apache-2.0
 *
 * bloom-filter: int32 k, then a bit array of whole bytes. k probes per value
 * from one 64-bit hash (Kirsch and Mitzenmacher, "Less hashing, same
 * performance", ESA 2006), with Java's int arithmetic. The hash is XXH64 for
 * text and Thomas Wang's 64-bit mix for numbers.
 */
#include <math.h>
#include <stdlib.h>

#include "ext/hash.h"
#include "paimon/file_index_parts.h"

/* Bits are counted in Java's int. */
enum { BITS_MAX = INT32_MAX - 15 };

bool pf_index_bloom_takes(enum pf_kind kind)
{
	return pf_kind_is_integer(kind) || pf_kind_is_timestamp(kind) ||
	       kind == PF_DATE || kind == PF_TIME || kind == PF_FLOAT ||
	       kind == PF_DOUBLE || kind == PF_STRING || kind == PF_BYTES;
}

/* --- hashing --- */

/* Java shifts arithmetically here where Wang shifts zeros in. */
static uint64_t shift_right(uint64_t v, int by)
{
	return (uint64_t)((int64_t)v >> by);
}

uint64_t pf_index_hash_int(int64_t value)
{
	uint64_t k = (uint64_t)value;
	k = ~k + (k << 21);
	k ^= shift_right(k, 24);
	k = k + (k << 3) + (k << 8);
	k ^= shift_right(k, 14);
	k = k + (k << 2) + (k << 4);
	k ^= shift_right(k, 28);
	return k + (k << 31);
}

static uint64_t hash_float(enum pf_kind kind, double d)
{
	uint64_t bits = pf_index_float_bits(kind, d);
	return pf_index_hash_int(kind == PF_FLOAT ? (int32_t)(uint32_t)bits
						  : (int64_t)bits);
}

uint64_t pf_index_hash_datum(struct pf_type type, const struct pf_datum *value)
{
	switch (type.kind) {
	case PF_FLOAT:
	case PF_DOUBLE:
		return hash_float(type.kind, value->d);
	case PF_STRING:
	case PF_BYTES:
		return pf_xxh64(value->bytes.data, value->bytes.len);
	default:
		return pf_index_hash_int(value->i);
	}
}

/* --- collecting: a set of hashes, so that the filter fits the column --- */

struct pf_index_bloom {
	struct pf_type type;
	double fpp;
	uint64_t *slots; /* 0: free; the hash 0 is kept apart */
	size_t capacity, n; /* capacity: 0 or a power of two */
	bool has_zero;
};

struct pf_index_bloom *pf_index_bloom_new(struct pf_type type, double fpp)
{
	struct pf_index_bloom *b = pf_zalloc(1, sizeof *b);
	b->type = type;
	b->fpp = fpp;
	return b;
}

void pf_index_bloom_free(struct pf_index_bloom *b)
{
	if (b) {
		free(b->slots);
		free(b);
	}
}

static bool insert(uint64_t *slots, size_t mask, uint64_t hash)
{
	/* Wang's mix leaves small integers apart in all bits; fold the upper
	 * half in for those of others. */
	size_t i = (size_t)(hash ^ hash >> 32) & mask;
	while (slots[i] && slots[i] != hash)
		i = (i + 1) & mask;
	if (slots[i])
		return false;
	slots[i] = hash;
	return true;
}

static void grow(struct pf_index_bloom *b)
{
	size_t capacity = b->capacity ? pf_mul(b->capacity, 2) : 1024;
	uint64_t *slots = pf_zalloc(capacity, sizeof *slots);
	for (size_t i = 0; i < b->capacity; i++)
		if (b->slots[i])
			insert(slots, capacity - 1, b->slots[i]);
	free(b->slots);
	b->slots = slots;
	b->capacity = capacity;
}

static void collect(struct pf_index_bloom *b, uint64_t hash)
{
	if (!hash) {
		b->has_zero = true;
		return;
	}
	if (b->n >= b->capacity / 2)
		grow(b);
	b->n += insert(b->slots, b->capacity - 1, hash);
}

static void collect_float(struct pf_index_bloom *b, double d)
{
	collect(b, hash_float(b->type.kind, d));
	/* To a comparison the two zeros are one value. */
	if (d == 0)
		collect(b, hash_float(b->type.kind, -d));
}

void pf_index_bloom_add(struct pf_index_bloom *b, const struct pf_column *c,
			int64_t rows)
{
	enum pf_kind kind = b->type.kind;
	for (int64_t r = 0; r < rows; r++) {
		if (pf_is_null(c, r))
			continue;
		if (kind == PF_STRING || kind == PF_BYTES) {
			struct pf_view v = pf_bytes_at(c, r);
			collect(b, pf_xxh64(v.data, v.len));
		} else if (kind == PF_FLOAT) {
			collect_float(b, (double)((const float *)c->values)[r]);
		} else if (kind == PF_DOUBLE) {
			collect_float(b, ((const double *)c->values)[r]);
		} else {
			collect(b, pf_index_hash_int(pf_int_at(c, kind, r)));
		}
	}
}

/* --- the body --- */

/* Probe i (from 1) of a hash; Java's int wraps and its remainder is signed. */
static uint32_t probe(uint64_t hash, uint32_t i, uint32_t bits)
{
	int32_t at = (int32_t)((uint32_t)hash + i * (uint32_t)(hash >> 32));
	return (uint32_t)(at < 0 ? ~at : at) % bits;
}

static void put(uint8_t *array, uint32_t bits, uint32_t k, uint64_t hash)
{
	for (uint32_t i = 1; i <= k; i++) {
		uint32_t at = probe(hash, i, bits);
		array[at >> 3] = (uint8_t)(array[at >> 3] | 1u << (at & 7));
	}
}

void pf_index_bloom_finish(struct pf_index_bloom *b, struct pf_buf *out)
{
	const double ln2 = 0.6931471805599453;
	double items = (double)(b->n + b->has_zero);
	double want = items * -log(b->fpp) / (ln2 * ln2);
	uint32_t bits = want < (double)BITS_MAX ? (uint32_t)want : (uint32_t)BITS_MAX;
	bits = (bits | 7) + 1;
	uint32_t k = 1;
	if (items > 0)
		k = (uint32_t)lround(fmin(fmax((double)bits / items * ln2, 1), 64));

	pf_put_be(out, k, 4);
	uint8_t *array = pf_buf_room(out, bits / 8);
	memset(array, 0, bits / 8);
	out->len += bits / 8;
	if (b->has_zero)
		put(array, bits, k, 0);
	for (size_t i = 0; i < b->capacity; i++)
		if (b->slots[i])
			put(array, bits, k, b->slots[i]);

	free(b->slots);
	*b = (struct pf_index_bloom){ .type = b->type, .fpp = b->fpp };
}

/* --- asking --- */

static bool has(struct pf_view array, uint32_t k, uint64_t hash)
{
	uint32_t bits = (uint32_t)(array.len * 8);
	for (uint32_t i = 1; i <= k; i++) {
		uint32_t at = probe(hash, i, bits);
		if (!(array.data[at >> 3] >> (at & 7) & 1))
			return false;
	}
	return true;
}

static bool has_point(struct pf_view array, uint32_t k, struct pf_type type,
		      const struct pf_datum *point)
{
	bool is_float = type.kind == PF_FLOAT || type.kind == PF_DOUBLE;
	if (has(array, k, pf_index_hash_datum(type, point)))
		return true;
	if (!is_float || point->d != 0)
		return false;
	return has(array, k, hash_float(type.kind, -point->d));
}

bool pf_index_bloom_may_match(struct pf_view body, struct pf_type type,
			      const struct pf_range *range)
{
	const struct pf_datum *points;
	size_t n;
	int32_t k;
	if (range->nulls || !pf_index_bloom_takes(type.kind))
		return true;
	if (!range->values)
		return false;
	if (!pf_index_points(range, &points, &n) || !pf_take_i32(&body, &k))
		return true;
	if (k < 1 || k > 1024 || !body.len || body.len > INT32_MAX / 8)
		return true;
	for (size_t i = 0; i < n; i++) {
		struct pf_datum exact;
		if (!pf_datum_exact(type, &points[i], &exact) ||
		    has_point(body, (uint32_t)k, type, &exact))
			return true;
	}
	return false;
}
