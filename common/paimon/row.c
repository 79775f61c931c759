/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/row.h"

#include <endian.h>

static size_t null_bytes(size_t n)
{
	return (n + 63 + 8) / 64 * 8;
}

static void put64(uint8_t *at, uint64_t v)
{
	v = htole64(v);
	memcpy(at, &v, sizeof v);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof v);
	return le64toh(v);
}

static size_t pad8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* Values that reserve variable bytes even when they are null. */
static bool reserves(struct pf_type t)
{
	return (t.kind == PF_DECIMAL && t.precision > 18) ||
	       (pf_kind_is_timestamp(t.kind) && t.precision > 3);
}

/* Big-endian two's complement of minimal length; returns the length. */
static size_t put_decimal(uint8_t *out, pf_i128 v)
{
	uint8_t all[16];
	for (int i = 0; i < 16; i++)
		all[i] = (uint8_t)((pf_u128)v >> (120 - 8 * i));
	size_t skip = 0;
	while (skip < 15 && ((all[skip] == 0 && !(all[skip + 1] & 0x80)) ||
			     (all[skip] == 0xff && (all[skip + 1] & 0x80))))
		skip++;
	memcpy(out, all + skip, 16 - skip);
	return 16 - skip;
}

static void encode_bytes(struct pf_buf *out, size_t row, size_t slot,
			 struct pf_view v)
{
	if (v.len <= 7) {
		uint8_t *s = out->data + slot;
		if (v.len)
			memcpy(s, v.data, v.len);
		s[7] = (uint8_t)(0x80 | v.len);
		return;
	}
	uint64_t offset = out->len - row;
	put64(out->data + slot, offset << 32 | v.len);
	pf_buf_add(out, v.data, v.len);
	pf_buf_zeros(out, pad8(v.len) - v.len);
}

static void encode_value(struct pf_buf *out, size_t row, size_t slot,
			 const struct pf_datum *v)
{
	struct pf_type t = v->type;
	uint8_t *s = out->data + slot;
	uint64_t offset = (uint64_t)(out->len - row) << 32;
	float f;
	uint32_t bits;
	switch (t.kind) {
	case PF_BOOLEAN:
		s[0] = v->i != 0;
		break;
	case PF_TINYINT:
		s[0] = (uint8_t)v->i;
		break;
	case PF_SMALLINT:
		put64(s, (uint16_t)v->i);
		break;
	case PF_INT:
	case PF_DATE:
	case PF_TIME:
		put64(s, (uint32_t)v->i);
		break;
	case PF_BIGINT:
		put64(s, (uint64_t)v->i);
		break;
	case PF_FLOAT:
		f = (float)v->d;
		memcpy(&bits, &f, sizeof bits);
		put64(s, bits);
		break;
	case PF_DOUBLE: {
		uint64_t wide;
		memcpy(&wide, &v->d, sizeof wide);
		put64(s, wide);
		break;
	}
	case PF_DECIMAL:
		if (t.precision <= 18) {
			put64(s, (uint64_t)v->dec);
		} else {
			uint8_t bytes[16] = { 0 };
			put64(s, offset | put_decimal(bytes, v->dec));
			pf_buf_add(out, bytes, sizeof bytes);
		}
		break;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		if (t.precision <= 3) {
			put64(s, (uint64_t)v->i);
		} else {
			int64_t ms = v->i / 1000 - (v->i % 1000 < 0);
			uint64_t nanos = (uint64_t)(v->i - ms * 1000) * 1000;
			uint8_t bytes[8];
			put64(s, offset | nanos);
			put64(bytes, (uint64_t)ms);
			pf_buf_add(out, bytes, sizeof bytes);
		}
		break;
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		encode_bytes(out, row, slot, v->bytes);
		break;
	case PF_STRINGS:
		break;
	}
}

void pf_row_encode(struct pf_buf *out, const struct pf_datum *values, size_t n)
{
	size_t row = out->len, nulls = null_bytes(n);
	pf_buf_zeros(out, nulls + 8 * n);
	for (size_t i = 0; i < n; i++) {
		size_t slot = row + nulls + 8 * i;
		if (!values[i].null) {
			encode_value(out, row, slot, &values[i]);
			continue;
		}
		pf_bit_set(out->data + row, (int64_t)i + 8);
		if (reserves(values[i].type)) {
			put64(out->data + slot, (uint64_t)(out->len - row) << 32);
			pf_buf_zeros(out, values[i].type.kind == PF_DECIMAL ? 16 : 8);
		}
	}
}

void pf_row_serialize(struct pf_buf *out, const struct pf_datum *values, size_t n)
{
	uint32_t arity = htobe32((uint32_t)n);
	pf_buf_add(out, &arity, sizeof arity);
	pf_row_encode(out, values, n);
}

size_t pf_row_arity(struct pf_view row)
{
	uint32_t arity;
	if (row.len < 12)
		return 0;
	memcpy(&arity, row.data, sizeof arity);
	arity = be32toh(arity);
	/* A slot is 8 bytes: more columns than that are not there. */
	if (arity > row.len / 8 || null_bytes(arity) + 8 * (size_t)arity > row.len - 4)
		return 0;
	return arity;
}

int pf_row_check(struct pf_view row, size_t n, const char *what,
		 struct pf_error *err)
{
	uint32_t arity = 0;
	if (row.len >= 4) {
		memcpy(&arity, row.data, sizeof arity);
		arity = be32toh(arity);
	}
	if (row.len < 12 || (n && pf_row_arity(row) != n) || (!n && arity))
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "%s is a row of %u columns in %zu bytes, not one of %zu columns",
			       what, arity, row.len, n);
	return 0;
}

static int get_variable(struct pf_view row, uint64_t slot, size_t len,
			struct pf_view *out, struct pf_error *err)
{
	size_t offset = slot >> 32;
	if (offset > row.len || len > row.len - offset)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "a value of %zu bytes at %zu lies outside of its row of %zu bytes",
			       len, offset, row.len);
	*out = pf_view_of(row.data + offset, len);
	return 0;
}

static int get_decimal(struct pf_view row, uint64_t slot, pf_i128 *out,
		       struct pf_error *err)
{
	struct pf_view v = { 0 };
	size_t len = slot & 0xffffffff;
	if (len < 1 || len > 16)
		return pf_fail(err, PF_E_TABLE_CORRUPT, "a decimal has %zu bytes",
			       len);
	PF_TRY(get_variable(row, slot, len, &v, err));
	pf_u128 d = v.data[0] & 0x80 ? ~(pf_u128)0 : 0;
	for (size_t i = 0; i < len; i++)
		d = d << 8 | v.data[i];
	*out = (pf_i128)d;
	return 0;
}

/* Milliseconds behind the row, nanoseconds of the last in the slot. */
static int get_micros(struct pf_view row, uint64_t slot, int64_t *out, struct pf_error *err)
{
	struct pf_view v = { 0 };
	int64_t us;
	PF_TRY(get_variable(row, slot, 8, &v, err));
	int64_t ms = (int64_t)get64(v.data);
	if (!__builtin_mul_overflow(ms, 1000, &us) &&
	    !__builtin_add_overflow(us, (int64_t)(slot & 0xffffffff) / 1000, out))
		return 0;
	return pf_fail(err, PF_E_TABLE_CORRUPT,
		       "a timestamp of %lld milliseconds is out of range", (long long)ms);
}

/* Up to seven bytes stand in the slot itself, their number in its last byte. */
static int get_bytes(struct pf_view row, const uint8_t *at, struct pf_view *out,
		     struct pf_error *err)
{
	size_t len = at[7] & 0x7f;
	uint64_t slot = get64(at);
	if (!(at[7] & 0x80))
		return get_variable(row, slot, slot & 0xffffffff, out, err);
	if (len > 7)
		return pf_fail(err, PF_E_TABLE_CORRUPT, "a short text has %zu bytes", len);
	*out = pf_view_of(at, len);
	return 0;
}

int pf_row_get(struct pf_view row, size_t column, struct pf_type type,
	       struct pf_datum *out, struct pf_error *err)
{
	size_t n = pf_row_arity(row), nulls = null_bytes(n);
	*out = (struct pf_datum){ .type = type };
	if (column >= n)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "column %zu of a row of %zu columns", column, n);
	row = pf_view_of(row.data + 4, row.len - 4);
	if (pf_bit(row.data, (int64_t)column + 8)) {
		out->null = true;
		return 0;
	}
	const uint8_t *at = row.data + nulls + 8 * column;
	uint64_t slot = get64(at);
	float f;
	switch (type.kind) {
	case PF_BOOLEAN:
		out->i = at[0] != 0;
		return 0;
	case PF_TINYINT:
		out->i = (int8_t)slot;
		return 0;
	case PF_SMALLINT:
		out->i = (int16_t)slot;
		return 0;
	case PF_INT:
	case PF_DATE:
	case PF_TIME:
		out->i = (int32_t)slot;
		return 0;
	case PF_BIGINT:
		out->i = (int64_t)slot;
		return 0;
	case PF_FLOAT: {
		uint32_t bits = (uint32_t)slot;
		memcpy(&f, &bits, sizeof f);
		out->d = (double)f;
		return 0;
	}
	case PF_DOUBLE:
		memcpy(&out->d, &slot, sizeof out->d);
		return 0;
	case PF_DECIMAL:
		if (type.precision > 18)
			return get_decimal(row, slot, &out->dec, err);
		out->dec = (int64_t)slot;
		return 0;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		if (type.precision > 3)
			return get_micros(row, slot, &out->i, err);
		out->i = (int64_t)slot;
		return 0;
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		return get_bytes(row, at, &out->bytes, err);
	case PF_STRINGS:
		break;
	}
	return pf_fail(err, PF_E_TABLE_CORRUPT, "a list cannot be in a row");
}
