/* SPDX-License-Identifier: Apache-2.0 */
#include "window/key.h"

#include <endian.h>

enum { VALUE = 1, NOTHING = 2 };

static const uint64_t sign = (uint64_t)1 << 63;

static void add_u64(struct pf_buf *key, uint64_t v)
{
	v = htobe64(v);
	pf_buf_add(key, &v, sizeof v);
}

/* Zeros within are escaped, two zeros end it. */
static void add_bytes(struct pf_buf *key, struct pf_view v)
{
	static const uint8_t zero[2] = { 0, 0xff }, end[2] = { 0, 0 };
	while (v.len) {
		const uint8_t *z = memchr(v.data, 0, v.len);
		size_t n = z ? (size_t)(z - v.data) : v.len;
		pf_buf_add(key, v.data, n);
		if (z)
			pf_buf_add(key, zero, 2);
		n += z != NULL;
		v = pf_view_of(v.data + n, v.len - n);
	}
	pf_buf_add(key, end, 2);
}

void pf_sortkey_add_int(struct pf_buf *key, int64_t value)
{
	pf_buf_byte(key, VALUE);
	add_u64(key, (uint64_t)value ^ sign);
}

void pf_sortkey_add(struct pf_buf *key, enum pf_kind kind, const struct pf_column *c,
		    int64_t row)
{
	if (pf_is_null(c, row)) {
		pf_buf_byte(key, NOTHING);
		return;
	}
	pf_buf_byte(key, VALUE);
	if (pf_kind_is_variable(kind)) {
		add_bytes(key, pf_bytes_at(c, row));
	} else if (kind == PF_DECIMAL) {
		pf_i128 v;
		memcpy(&v, (const uint8_t *)c->values + row * 16, 16);
		add_u64(key, (uint64_t)((pf_u128)v >> 64) ^ sign);
		add_u64(key, (uint64_t)v);
	} else if (kind == PF_FLOAT || kind == PF_DOUBLE) {
		double d = kind == PF_FLOAT ? (double)((const float *)c->values)[row] :
					      ((const double *)c->values)[row];
		uint64_t bits;
		d = d != d ? __builtin_nan("") : d == 0 ? 0.0 : d;
		memcpy(&bits, &d, sizeof bits);
		add_u64(key, bits & sign ? ~bits : bits | sign);
	} else {
		add_u64(key, (uint64_t)pf_int_at(c, kind, row) ^ sign);
	}
}

bool pf_sortkey_is_int(enum pf_kind kind)
{
	return !pf_kind_is_variable(kind) && kind != PF_DECIMAL && kind != PF_FLOAT &&
	       kind != PF_DOUBLE;
}

pf_u128 pf_sortkey_int_head(int64_t value)
{
	return (pf_u128)VALUE << 120 | (pf_u128)((uint64_t)value ^ sign) << 56;
}

static uint64_t take_u64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return be64toh(v);
}

/* The bytes up to the end; returns how many of the key they take. */
static size_t take_bytes(struct pf_view key, struct pf_colbuf *out)
{
	struct pf_buf plain = { 0 };
	size_t i = 0;
	while (key.data[i] || key.data[i + 1]) {
		if (key.data[i]) {
			pf_buf_byte(&plain, key.data[i++]);
		} else {
			pf_buf_byte(&plain, 0);
			i += 2;
		}
	}
	pf_col_bytes(out, plain.data, plain.len);
	pf_buf_free(&plain);
	return i + 2;
}

void pf_sortkey_take(struct pf_view *key, struct pf_colbuf *out)
{
	const uint8_t *p = key->data + 1;
	size_t used = 8;
	if (key->data[0] == NOTHING) {
		pf_col_null(out);
		used = 0;
	} else if (pf_kind_is_variable(out->kind)) {
		used = take_bytes(pf_view_of(p, key->len - 1), out);
	} else if (out->kind == PF_DECIMAL) {
		pf_col_i128(out, (pf_i128)((pf_u128)(take_u64(p) ^ sign) << 64 |
					   take_u64(p + 8)));
		used = 16;
	} else if (out->kind == PF_FLOAT || out->kind == PF_DOUBLE) {
		uint64_t bits = take_u64(p);
		double d;
		bits = bits & sign ? bits & ~sign : ~bits;
		memcpy(&d, &bits, sizeof d);
		if (out->kind == PF_FLOAT)
			pf_col_f32(out, (float)d);
		else
			pf_col_f64(out, d);
	} else if (out->kind == PF_BOOLEAN) {
		pf_col_bool(out, (take_u64(p) ^ sign) != 0);
	} else {
		pf_col_int(out, (int64_t)(take_u64(p) ^ sign));
	}
	*key = pf_view_of(p + used, key->len - 1 - used);
}

pf_u128 pf_sortkey_head(const uint8_t *key, size_t len)
{
	uint8_t head[16] = { 0 };
	if (len)
		memcpy(head, key, len < 16 ? len : 16);
	return (pf_u128)take_u64(head) << 64 | take_u64(head + 8);
}
