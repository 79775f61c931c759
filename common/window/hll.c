/* SPDX-License-Identifier: Apache-2.0
 *
 * A code is index << 6 | rank: the first 26 bits of the hash, and 1 + the
 * zeros that follow them, at most 39. Of several codes of an index the largest
 * counts. As soon as there are more indexes than a quarter of the registers,
 * codes take more memory than registers and become such.
 */
#include "window/hll.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/order.h"

enum { INDEX_BITS = 26, RANK_BITS = 6, MAX_RANK = 64 - INDEX_BITS + 1, DENSE = 128, FEW = 32 };

void pf_hll_free(struct pf_hll *h)
{
	free(h->codes);
	*h = (struct pf_hll){ 0 };
}

size_t pf_hll_heap(const struct pf_hll *h, unsigned p)
{
	return h->dense ? (size_t)1 << p : h->cap * sizeof *h->codes;
}

/* Most sketches are of a few values. */
static void sort_few(uint32_t *codes, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		uint32_t v = codes[i], k = i;
		for (; k && codes[k - 1] > v; k--)
			codes[k] = codes[k - 1];
		codes[k] = v;
	}
}

static void raise(uint8_t *registers, size_t i, unsigned rank)
{
	if (registers[i] < rank)
		registers[i] = (uint8_t)rank;
}

/* A code's register, and its rank there. */
static size_t register_of(uint32_t code, unsigned p, unsigned *rank)
{
	uint32_t index = code >> RANK_BITS;
	unsigned below = INDEX_BITS - p;
	uint32_t rest = index & (((uint32_t)1 << below) - 1);
	*rank = code & ((1 << RANK_BITS) - 1);
	*rank = rest ? below - (31 - (unsigned)__builtin_clz(rest)) : *rank + below;
	return index >> below;
}

static void make_dense(struct pf_hll *h, unsigned p)
{
	uint8_t *registers = pf_zalloc((size_t)1 << p, 1);
	for (uint32_t i = 0; i < h->n; i++) {
		unsigned rank;
		size_t at = register_of(h->codes[i], p, &rank);
		raise(registers, at, rank);
	}
	free(h->codes);
	*h = (struct pf_hll){ .registers = registers, .dense = true };
}

/* Sort codes, drop those with a larger one of their index behind them. */
static void tidy(struct pf_hll *h, unsigned p)
{
	uint32_t n = 0;
	if (h->dense || h->sorted == h->n)
		return;
	if (h->n <= FEW)
		sort_few(h->codes, h->n);
	else
		qsort(h->codes, h->n, sizeof *h->codes, pf_by_u32);
	for (uint32_t i = 0; i < h->n; i++)
		if (i + 1 == h->n || h->codes[i] >> RANK_BITS != h->codes[i + 1] >> RANK_BITS)
			h->codes[n++] = h->codes[i];
	h->n = h->sorted = n;
	if (n > (uint32_t)1 << (p - 2))
		make_dense(h, p);
}

static void add_code(struct pf_hll *h, unsigned p, uint32_t code)
{
	if (!h->dense && h->n == h->cap) {
		tidy(h, p);
		if (!h->dense && h->n * 2 >= h->cap) {
			h->cap = h->cap ? h->cap * 2 : 4;
			h->codes = pf_realloc(h->codes, h->cap, sizeof *h->codes);
		}
	}
	if (h->dense) {
		unsigned rank;
		size_t at = register_of(code, p, &rank);
		raise(h->registers, at, rank);
	} else {
		h->codes[h->n++] = code;
	}
}

/* 1 + the zeros behind the first bits of a hash; all that follow may be such. */
static unsigned rank_behind(uint64_t hash, unsigned bits)
{
	return (unsigned)__builtin_clzll(hash << bits | (uint64_t)1 << (bits - 1)) + 1;
}

void pf_hll_add(struct pf_hll *h, unsigned p, const uint64_t *hashes, size_t n)
{
	size_t i = 0;
	for (; i < n && !h->dense; i++)
		add_code(h, p, (uint32_t)(hashes[i] >> (64 - INDEX_BITS)) << RANK_BITS |
			       rank_behind(hashes[i], INDEX_BITS));
	/* As register_of says of the code, without making it. */
	for (uint8_t *registers = h->registers; i < n; i++)
		raise(registers, hashes[i] >> (64 - p), rank_behind(hashes[i], p));
}

/* --- estimate --- */

static double sigma(double x)
{
	double y = 1, z = x, before;
	if (x == 1)
		return INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double tau(double x)
{
	double y = 1, z = 1 - x, before;
	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

double pf_hll_estimate(struct pf_hll *h, unsigned p)
{
	static const double half_ln2_inverse = 0.72134752044448170368;
	tidy(h, p);
	if (!h->dense) { /* linear counting */
		double m = (double)(1 << INDEX_BITS);
		return -m * log1p(-(double)h->n / m);
	}
	size_t counts[66] = { 0 }, m = (size_t)1 << p;
	unsigned q = 64 - p;
	for (size_t i = 0; i < m; i++)
		counts[h->registers[i]]++;
	double z = (double)m * tau(1 - (double)counts[q + 1] / (double)m);
	for (unsigned k = q; k >= 1; k--)
		z = 0.5 * (z + (double)counts[k]);
	z += (double)m * sigma((double)counts[0] / (double)m);
	return half_ln2_inverse * (double)m * (double)m / z;
}

/* --- stored --- */

void pf_hll_write(struct pf_hll *h, unsigned p, struct pf_buf *out)
{
	tidy(h, p);
	if (h->dense) {
		pf_buf_byte(out, (uint8_t)(DENSE | p));
		pf_buf_add(out, h->registers, (size_t)1 << p);
		return;
	}
	if (h->n)
		pf_buf_byte(out, (uint8_t)p);
	uint32_t before = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		uint32_t v = h->codes[i] - before;
		for (before = h->codes[i]; v >= 0x80; v >>= 7)
			pf_buf_byte(out, (uint8_t)(v | 0x80));
		pf_buf_byte(out, (uint8_t)v);
	}
}

static bool merge_dense(struct pf_hll *h, unsigned p, struct pf_view bytes)
{
	if (bytes.len != (size_t)1 << p)
		return false;
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.data[i] > 64 - p + 1)
			return false;
	if (!h->dense)
		make_dense(h, p);
	for (size_t i = 0; i < bytes.len; i++)
		raise(h->registers, i, bytes.data[i]);
	return true;
}

bool pf_hll_merge(struct pf_hll *h, unsigned p, struct pf_view bytes)
{
	uint64_t code = 0;
	if (!bytes.len)
		return true;
	uint8_t head = bytes.data[0];
	if ((head & ~DENSE) != (int)p)
		return false;
	if (head & DENSE)
		return merge_dense(h, p, pf_view_of(bytes.data + 1, bytes.len - 1));
	for (size_t i = 1; i < bytes.len; i++) {
		uint64_t v = 0;
		for (unsigned shift = 0;; shift += 7, i++) {
			if (i == bytes.len || shift > 28)
				return false;
			v |= (uint64_t)(bytes.data[i] & 0x7f) << shift;
			if (!(bytes.data[i] & 0x80))
				break;
		}
		code += v;
		unsigned rank = code & ((1 << RANK_BITS) - 1);
		if (code > UINT32_MAX || !rank || rank > MAX_RANK)
			return false;
		add_code(h, p, (uint32_t)code);
	}
	return true;
}
