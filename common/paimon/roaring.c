/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/roaring.h"

#include <string.h>

enum {
	COOKIE = 12346,      /* no run container */
	COOKIE_RUNS = 12347, /* container count - 1 in the upper half */
	NO_OFFSETS_BELOW = 4, /* with runs, so few containers have no offsets */
	ARRAY_MAX = 4096,
	BITSET_BYTES = 8192,
	CONTAINERS_MAX = 1 << 16,
};

static void put16(struct pf_buf *out, uint32_t v)
{
	uint8_t b[2] = { (uint8_t)v, (uint8_t)(v >> 8) };
	pf_buf_add(out, b, sizeof b);
}

static void put32(struct pf_buf *out, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
			 (uint8_t)(v >> 24) };
	pf_buf_add(out, b, sizeof b);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | get16(p + 2) << 16;
}

/* --- writing --- */

/* The rows of one container: all with the same upper half. */
struct piece {
	const uint32_t *rows;
	uint32_t n, runs;
};

static struct piece piece_at(const uint32_t *rows, size_t n)
{
	struct piece p = { .rows = rows, .n = 1, .runs = 1 };
	while (p.n < n && rows[p.n] >> 16 == rows[0] >> 16) {
		p.runs += rows[p.n] != rows[p.n - 1] + 1;
		p.n++;
	}
	return p;
}

static uint32_t plain_bytes(const struct piece *p)
{
	return p->n > ARRAY_MAX ? (uint32_t)BITSET_BYTES : 2 * p->n;
}

static bool is_run(const struct piece *p)
{
	return 2 + 4 * p->runs < plain_bytes(p);
}

static uint32_t piece_bytes(const struct piece *p)
{
	return is_run(p) ? 2 + 4 * p->runs : plain_bytes(p);
}

static void put_piece(struct pf_buf *out, const struct piece *p)
{
	if (is_run(p)) {
		put16(out, p->runs);
		for (uint32_t i = 0; i < p->n;) {
			uint32_t from = i++;
			while (i < p->n && p->rows[i] == p->rows[i - 1] + 1)
				i++;
			put16(out, p->rows[from] & 0xffff);
			put16(out, i - from - 1);
		}
	} else if (p->n > ARRAY_MAX) {
		uint8_t *bits = pf_buf_room(out, BITSET_BYTES);
		memset(bits, 0, BITSET_BYTES);
		for (uint32_t i = 0; i < p->n; i++) {
			uint32_t low = p->rows[i] & 0xffff;
			bits[low >> 3] = (uint8_t)(bits[low >> 3] | 1u << (low & 7));
		}
		out->len += BITSET_BYTES;
	} else {
		for (uint32_t i = 0; i < p->n; i++)
			put16(out, p->rows[i] & 0xffff);
	}
}

void pf_roaring_write(struct pf_buf *out, const uint32_t *rows, size_t n)
{
	uint32_t containers = 0;
	bool runs = false;
	for (size_t i = 0; i < n; containers++) {
		struct piece p = piece_at(rows + i, n - i);
		runs |= is_run(&p);
		i += p.n;
	}

	size_t start = out->len;
	if (runs) {
		put32(out, COOKIE_RUNS | (containers - 1) << 16);
		size_t flags = out->len;
		pf_buf_zeros(out, (containers + 7) / 8);
		uint32_t k = 0;
		for (size_t i = 0; i < n; k++) {
			struct piece p = piece_at(rows + i, n - i);
			if (is_run(&p))
				out->data[flags + k / 8] = (uint8_t)
					(out->data[flags + k / 8] | 1u << k % 8);
			i += p.n;
		}
	} else {
		put32(out, COOKIE);
		put32(out, containers);
	}

	for (size_t i = 0; i < n;) {
		struct piece p = piece_at(rows + i, n - i);
		put16(out, p.rows[0] >> 16);
		put16(out, p.n - 1);
		i += p.n;
	}
	if (!runs || containers >= NO_OFFSETS_BELOW) {
		uint32_t at = (uint32_t)(out->len - start) + 4 * containers;
		for (size_t i = 0; i < n;) {
			struct piece p = piece_at(rows + i, n - i);
			put32(out, at);
			at += piece_bytes(&p);
			i += p.n;
		}
	}
	for (size_t i = 0; i < n;) {
		struct piece p = piece_at(rows + i, n - i);
		put_piece(out, &p);
		i += p.n;
	}
}

/* --- reading --- */

/* Bytes not yet consumed. */
struct cursor {
	const uint8_t *at, *end;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
	if ((size_t)(c->end - c->at) < n)
		return NULL;
	const uint8_t *p = c->at;
	c->at += n;
	return p;
}

static void set(uint8_t *bits, uint32_t row)
{
	bits[row >> 3] = (uint8_t)(bits[row >> 3] | 1u << (row & 7));
}

static void set_range(uint8_t *bits, uint32_t from, uint32_t n)
{
	while (n && from & 7) {
		set(bits, from++);
		n--;
	}
	memset(bits + (from >> 3), 0xff, n >> 3);
	for (from += n & ~7u, n &= 7; n; n--)
		set(bits, from++);
}

static bool read_array(struct cursor *c, uint32_t high, uint32_t n,
		       uint64_t rows, uint8_t *bits)
{
	const uint8_t *p = take(c, (size_t)2 * n);
	if (!p)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t low = get16(p + 2 * i);
		if ((high | low) >= rows || (i && low <= get16(p + 2 * (i - 1))))
			return false;
		set(bits, high | low);
	}
	return true;
}

static bool read_bitset(struct cursor *c, uint32_t high, uint32_t n,
			uint64_t rows, uint8_t *bits)
{
	const uint8_t *p = take(c, BITSET_BYTES);
	uint32_t seen = 0;
	if (!p)
		return false;
	for (uint32_t i = 0; i < BITSET_BYTES; i++) {
		if (!p[i])
			continue;
		uint32_t last = high + 8 * i + 31u - (uint32_t)__builtin_clz(p[i]);
		if (last >= rows)
			return false;
		seen += (uint32_t)__builtin_popcount(p[i]);
		bits[(high >> 3) + i] |= p[i];
	}
	return seen == n;
}

static bool read_runs(struct cursor *c, uint32_t high, uint32_t n,
		      uint64_t rows, uint8_t *bits)
{
	const uint8_t *p = take(c, 2);
	uint32_t runs = p ? get16(p) : 0, seen = 0, next = 0;
	if (!p || !(p = take(c, (size_t)4 * runs)))
		return false;
	for (uint32_t i = 0; i < runs; i++, p += 4) {
		uint32_t from = get16(p), len = get16(p + 2) + 1;
		if (from < next || from + len > 1u << 16 ||
		    (uint64_t)high + from + len > rows)
			return false;
		set_range(bits, high | from, len);
		next = from + len;
		seen += len;
	}
	return seen == n;
}

static int malformed(struct pf_error *err)
{
	return pf_fail(err, PF_E_CORRUPT, "malformed roaring bitmap");
}

int pf_roaring_read(struct pf_view bytes, uint64_t rows, uint8_t *bits,
		    size_t *used, struct pf_error *err)
{
	struct cursor c = { bytes.data, bytes.data + bytes.len };
	const uint8_t *p = take(&c, 4), *run_flags = NULL, *keys;
	if (!p)
		return malformed(err);
	uint32_t cookie = get32(p), n;
	if (cookie == COOKIE) {
		if (!(p = take(&c, 4)))
			return malformed(err);
		n = get32(p);
	} else if ((cookie & 0xffff) == COOKIE_RUNS) {
		n = (cookie >> 16) + 1;
		if (!(run_flags = take(&c, (n + 7) / 8)))
			return malformed(err);
	} else {
		return malformed(err);
	}
	if (n > CONTAINERS_MAX || !(keys = take(&c, (size_t)4 * n)))
		return malformed(err);
	/* The containers follow in order, so their offsets say nothing new. */
	if ((!run_flags || n >= NO_OFFSETS_BELOW) && !take(&c, (size_t)4 * n))
		return malformed(err);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t key = get16(keys + 4 * i), count = get16(keys + 4 * i + 2) + 1;
		uint32_t high = key << 16;
		bool ok;
		if (i && key <= get16(keys + 4 * (i - 1)))
			return malformed(err);
		if (run_flags && run_flags[i / 8] >> i % 8 & 1)
			ok = read_runs(&c, high, count, rows, bits);
		else if (count > ARRAY_MAX)
			ok = read_bitset(&c, high, count, rows, bits);
		else
			ok = read_array(&c, high, count, rows, bits);
		if (!ok)
			return malformed(err);
	}
	if (used)
		*used = (size_t)(c.at - bytes.data);
	return 0;
}
