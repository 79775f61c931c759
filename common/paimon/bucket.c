/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/bucket.h"

#include <endian.h>
#include <stdlib.h>

#define SEED 42u

/* Rows of one column: 8 bytes of null bits, one slot. Bit 8 is the null bit
 * of column 0. */
#define NULL_WORD 0x100u

static inline uint32_t rotl(uint32_t x, int r)
{
	return x << r | x >> (32 - r);
}

static inline uint32_t mix(uint32_t h, uint32_t k)
{
	k *= 0xcc9e2d51u;
	k = rotl(k, 15);
	k *= 0x1b873593u;
	return rotl(h ^ k, 13) * 5 + 0xe6546b64u;
}

static inline uint32_t mix64(uint32_t h, uint64_t v)
{
	return mix(mix(h, (uint32_t)v), (uint32_t)(v >> 32));
}

static inline int32_t finish(uint32_t h, size_t len)
{
	h ^= (uint32_t)len;
	h ^= h >> 16;
	h *= 0x85ebca6bu;
	h ^= h >> 13;
	h *= 0xc2b2ae35u;
	h ^= h >> 16;
	return (int32_t)h;
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

/* Up to 7 bytes, the rest zero. */
static inline uint64_t load_tail(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline int32_t bucket_of(int32_t hash, int32_t buckets)
{
	int32_t r = hash % buckets;
	return r < 0 ? -r : r;
}

int32_t pf_bucket_of_hash(int32_t hash, int32_t buckets)
{
	return buckets <= 1 ? 0 : bucket_of(hash, buckets);
}

int32_t pf_bucket_hash(const void *row, size_t len)
{
	const uint8_t *p = row;
	uint32_t h = SEED;
	for (size_t i = 0; i + 8 <= len; i += 8)
		h = mix64(h, load64(p + i));
	if (len & 4) {
		uint32_t w;
		memcpy(&w, p + (len & ~(size_t)7), sizeof w);
		h = mix(h, le32toh(w));
	}
	return finish(h, len);
}

int32_t pf_bucket_of(const struct pf_datum *values, size_t n, int32_t buckets)
{
	struct pf_buf row = { 0 };
	pf_row_encode(&row, values, n);
	int32_t b = pf_bucket_of_hash(pf_bucket_hash(row.data, row.len), buckets);
	pf_buf_free(&row);
	return b;
}

/* The hash of a row of one slot, `head` being mix64(SEED, 0). */
static inline int32_t hash_slot(uint32_t head, uint64_t slot)
{
	return finish(mix64(head, slot), 16);
}

static inline int32_t hash_bytes(uint32_t head, const uint8_t *p, size_t len)
{
	if (len <= 7)
		return hash_slot(head, load_tail(p, len) |
					       (uint64_t)(0x80 | len) << 56);
	uint32_t h = mix64(head, (uint64_t)16 << 32 | len);
	size_t i = 0;
	for (; i + 8 <= len; i += 8)
		h = mix64(h, load64(p + i));
	if (i < len)
		h = mix64(h, load_tail(p + i, len - i));
	return finish(h, 16 + ((len + 7) & ~(size_t)7));
}

/* Kinds whose row needs the general encoder. */
static void bucket_general(const struct pf_column *key, struct pf_type type,
			   int64_t rows, int32_t buckets, int32_t *out)
{
	struct pf_buf row = { 0 };
	for (int64_t i = 0; i < rows; i++) {
		struct pf_datum v = { .type = type, .null = pf_is_null(key, i) };
		row.len = 0;
		if (!v.null && type.kind == PF_DECIMAL)
			memcpy(&v.dec, (const uint8_t *)key->values + 16 * i,
			       sizeof v.dec);
		else if (!v.null)
			v.i = pf_int_at(key, type.kind, i);
		pf_row_encode(&row, &v, 1);
		out[i] = bucket_of(pf_bucket_hash(row.data, row.len), buckets);
	}
	pf_buf_free(&row);
}

/* SLOT is the value's slot as an unsigned number: the cast to the unsigned
 * type of the same width is what leaves the rest of the slot zero. */
#define EACH_FIXED(ctype, SLOT)                                              \
	do {                                                                 \
		const ctype *values = key->values;                           \
		for (int64_t i = 0; i < rows; i++) {                         \
			ctype v = values[i];                                 \
			out[i] = bucket_of(hash_slot(head, (SLOT)), buckets); \
		}                                                            \
	} while (0)

int pf_bucket_rows(const struct pf_column *key, struct pf_type type, int64_t rows,
		   int32_t buckets, int32_t *out, struct pf_error *err)
{
	const uint32_t head = mix64(SEED, 0);
	char name[40];
	if (buckets < 1)
		return pf_fail(err, PF_E_UNSUPPORTED, "%d buckets", buckets);
	switch (type.kind) {
	case PF_BOOLEAN:
		for (int64_t i = 0; i < rows; i++)
			out[i] = bucket_of(hash_slot(head, pf_bit(key->values, i)),
					   buckets);
		break;
	case PF_TINYINT:
		EACH_FIXED(uint8_t, v);
		break;
	case PF_SMALLINT:
		EACH_FIXED(uint16_t, v);
		break;
	case PF_INT:
	case PF_DATE:
	case PF_TIME:
	case PF_FLOAT:
		EACH_FIXED(uint32_t, v);
		break;
	case PF_BIGINT:
	case PF_DOUBLE:
		EACH_FIXED(uint64_t, v);
		break;
	case PF_DECIMAL:
		if (type.precision > 18) {
			bucket_general(key, type, rows, buckets, out);
			return 0;
		}
		EACH_FIXED(pf_i128, (uint64_t)v);
		break;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		if (type.precision > 3) {
			bucket_general(key, type, rows, buckets, out);
			return 0;
		}
		EACH_FIXED(uint64_t, v);
		break;
	case PF_STRING:
	case PF_BYTES:
		for (int64_t i = 0; i < rows; i++) {
			struct pf_view v = pf_bytes_at(key, i);
			out[i] = bucket_of(hash_bytes(head, v.data, v.len), buckets);
		}
		break;
	case PF_LARGE_BYTES:
	case PF_STRINGS:
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "a column of type %s cannot be the bucket key",
			       pf_type_name(type, name));
	}
	if (key->validity && key->nulls != 0) {
		int32_t b = bucket_of(finish(mix64(mix64(SEED, NULL_WORD), 0), 16),
				      buckets);
		for (int64_t i = 0; i < rows; i++)
			if (!pf_bit(key->validity, i))
				out[i] = b;
	}
	return 0;
}
