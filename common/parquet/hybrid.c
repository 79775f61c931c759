/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/encoding.h"
#include "parquet/thrift.h"

/* --- encoding --- */

/* Pack 8 values into width bytes. 8 bytes more may be written. */
static inline uint8_t *pack8(uint8_t *out, const uint32_t *v, unsigned width)
{
	if (width <= 8) {
		uint64_t bits = 0;
		for (unsigned i = 0; i < 8; i++)
			bits |= (uint64_t)v[i] << i * width;
		memcpy(out, &bits, sizeof bits);
	} else if (width <= 16) {
		uint64_t lo = 0, hi = 0;
		for (unsigned i = 0; i < 4; i++) {
			lo |= (uint64_t)v[i] << i * width;
			hi |= (uint64_t)v[i + 4] << i * width;
		}
		/* 4 x width is a multiple of 4 bits: the halves meet inside
		 * a byte when width is odd. */
		unsigned bits = 4 * width;
		if (bits < 64) {
			uint64_t low = lo | hi << bits, high = hi >> (64 - bits);
			memcpy(out, &low, sizeof low);
			memcpy(out + 8, &high, sizeof high);
		} else {
			memcpy(out, &lo, sizeof lo);
			memcpy(out + 8, &hi, sizeof hi);
		}
	} else {
		uint64_t bits = 0;
		unsigned fill = 0;
		uint8_t *p = out;
		for (unsigned i = 0; i < 8; i++) {
			bits |= (uint64_t)v[i] << fill;
			fill += width;
			if (fill >= 32) {
				uint32_t word = (uint32_t)bits;
				memcpy(p, &word, sizeof word);
				p += 4;
				bits >>= 32;
				fill -= 32;
			}
		}
		memcpy(p, &bits, sizeof bits);
	}
	return out + width;
}

static void put_packed(struct pf_buf *out, const uint32_t *v, size_t n,
		       unsigned width)
{
	if (!n)
		return;
	size_t groups = (n + 7) / 8;
	th_varint(out, groups << 1 | 1);
	uint8_t *p = pf_buf_room(out, groups * width + 8);
	for (size_t i = 0; i + 8 <= n; i += 8)
		p = pack8(p, v + i, width);
	if (n % 8) {
		uint32_t last[8] = { 0 };
		memcpy(last, v + n / 8 * 8, n % 8 * sizeof *v);
		pack8(p, last, width);
	}
	out->len += groups * width;
}

static void put_run(struct pf_buf *out, uint32_t value, size_t n, unsigned width)
{
	th_varint(out, (uint64_t)n << 1);
	pf_buf_add(out, &value, (width + 7) / 8);
}

/* Are the eight values equal to the first? */
static inline bool eight_equal(const uint32_t *v)
{
	uint64_t pair = v[0] | (uint64_t)v[0] << 32, w[4];
	memcpy(w, v, sizeof w);
	return !((w[0] ^ pair) | (w[1] ^ pair) | (w[2] ^ pair) | (w[3] ^ pair));
}

void pq_hybrid_encode(struct pf_buf *out, const uint32_t *v, size_t n,
		      unsigned width)
{
	size_t packed = 0, i = 0;
	while (i < n) {
		if (n - i < 8 || !eight_equal(v + i)) {
			i += n - i < 8 ? n - i : 8;
			continue;
		}
		size_t end = i + 8;
		while (end < n && v[end] == v[i])
			end++;
		put_packed(out, v + packed, i - packed, width);
		put_run(out, v[i], end - i, width);
		packed = i = end;
	}
	put_packed(out, v + packed, n - packed, width);
}

/* 8 bits of a bitmap at any position; bits behind n are 0. */
static inline uint8_t bits8(const uint8_t *bits, size_t at, size_t n)
{
	unsigned v = 0;
	for (unsigned i = 0; i < 8 && at + i < n; i++)
		v |= (unsigned)(bits[(at + i) >> 3] >> ((at + i) & 7) & 1) << i;
	return (uint8_t)v;
}

void pq_hybrid_encode_bitmap(struct pf_buf *out, const uint8_t *bits,
			     size_t from, size_t n)
{
	size_t end = from + n, packed = from, i = from;
	while (i <= end) {
		uint8_t first = i < end ? bits8(bits, i, end) : 0x55;
		bool run = end - i >= 8 && (first == 0 || first == 0xff);
		if (!run && i < end) {
			i += end - i < 8 ? end - i : 8;
			continue;
		}
		if (i > packed) {
			size_t groups = (i - packed + 7) / 8;
			th_varint(out, groups << 1 | 1);
			for (size_t g = 0; g < groups; g++)
				pf_buf_byte(out, bits8(bits, packed + 8 * g, i));
		}
		if (i == end)
			break;
		size_t stop = i + 8;
		while (end - stop >= 8 && bits8(bits, stop, end) == first)
			stop += 8;
		while (stop < end && (bits[stop >> 3] >> (stop & 7) & 1) == (first & 1))
			stop++;
		put_run(out, first & 1, stop - i, 1);
		packed = i = stop;
		if (i == end)
			break;
	}
}

/* --- decoding --- */

struct run {
	bool packed;
	size_t n;            /* values; of a packed run maybe more than stand */
	uint32_t value;
	const uint8_t *bits; /* packed */
};

/* The next run; false when the bytes are malformed or at their end. */
static bool next_run(const uint8_t **at, const uint8_t *end, unsigned width,
		     struct run *run)
{
	uint64_t head = 0;
	unsigned shift = 0;
	const uint8_t *p = *at;
	for (;; shift += 7) {
		if (p >= end || shift > 35)
			return false;
		head |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80))
			break;
	}
	size_t left = (size_t)(end - p);
	run->packed = head & 1;
	if (run->packed) {
		size_t groups = (size_t)(head >> 1);
		size_t bytes = groups * width;
		/* The last run may be cut short of its padding. */
		if (bytes > left) {
			bytes = left;
			run->n = width ? left * 8 / width : 0;
		} else {
			run->n = groups * 8;
		}
		run->bits = p;
		*at = p + bytes;
	} else {
		size_t bytes = (width + 7) / 8;
		if (bytes > left)
			return false;
		run->n = (size_t)(head >> 1);
		run->value = 0;
		memcpy(&run->value, p, bytes);
		*at = p + bytes;
	}
	return true;
}

static inline void unpack(const uint8_t *bits, unsigned width, size_t n,
			  uint32_t *out)
{
	uint64_t mask = ((uint64_t)1 << width) - 1, bit = 0;
	for (size_t i = 0; i < n; i++, bit += width)
		out[i] = (uint32_t)(pq_load64(bits + (bit >> 3)) >> (bit & 7) & mask);
}

/* Constant widths let the compiler unroll. */
static void unpack_any(const uint8_t *bits, unsigned width, size_t n, uint32_t *out)
{
	switch (width) {
#define CASE(w) case w: unpack(bits, w, n, out); break;
	CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
	CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15) CASE(16)
#undef CASE
	default:
		unpack(bits, width, n, out);
	}
}

int pq_hybrid_decode(const uint8_t *data, size_t len, unsigned width, size_t n,
		     uint32_t limit, uint32_t *out, struct pf_error *err)
{
	const uint8_t *at = data, *end = data + len;
	struct run run;
	uint32_t high = 0;
	if (width > 32)
		return pf_fail(err, PF_E_PARQUET, "indices %u bits wide", width);
	for (size_t done = 0; done < n;) {
		if (!next_run(&at, end, width, &run))
			return pf_fail(err, PF_E_PARQUET,
				       "runs end at value %zu of %zu", done, n);
		size_t take = run.n < n - done ? run.n : n - done;
		if (run.packed) {
			unpack_any(run.bits, width, take, out + done);
			for (size_t i = done; i < done + take; i++)
				high = out[i] > high ? out[i] : high;
		} else if (take) {
			high = run.value > high ? run.value : high;
			for (size_t i = done; i < done + take; i++)
				out[i] = run.value;
		}
		done += take;
	}
	if (n && high > limit)
		return pf_fail(err, PF_E_PARQUET, "index %u beyond %u", high, limit);
	return 0;
}

static void set_bits(uint8_t *bits, size_t from, size_t n)
{
	size_t end = from + n;
	for (; from < end && from % 8; from++)
		bits[from >> 3] = (uint8_t)(bits[from >> 3] | 1u << (from & 7));
	memset(bits + from / 8, 0xff, (end - from) / 8);
	for (from += (end - from) / 8 * 8; from < end; from++)
		bits[from >> 3] = (uint8_t)(bits[from >> 3] | 1u << (from & 7));
}

static void copy_bits(uint8_t *bits, size_t at, const uint8_t *src, size_t n)
{
	size_t i = 0;
	if (at % 8 == 0) {
		memcpy(bits + at / 8, src, n / 8);
		i = n / 8 * 8;
	}
	for (; i < n; i++)
		if (src[i >> 3] >> (i & 7) & 1)
			bits[(at + i) >> 3] = (uint8_t)(bits[(at + i) >> 3] |
							1u << ((at + i) & 7));
}

static size_t count_ones(const uint8_t *bits, size_t n)
{
	size_t ones = 0, bytes = (n + 7) / 8, i = 0;
	for (; i + 8 <= bytes; i += 8)
		ones += (size_t)__builtin_popcountll(pq_load64(bits + i));
	for (; i < bytes; i++)
		ones += (size_t)__builtin_popcount(bits[i]);
	return ones;
}

int pq_hybrid_bitmap(const uint8_t *data, size_t len, size_t n, uint8_t *bits,
		     size_t *ones, struct pf_error *err)
{
	const uint8_t *at = data, *end = data + len;
	struct run run;
	memset(bits, 0, (n + 7) / 8);
	for (size_t done = 0; done < n;) {
		if (!next_run(&at, end, 1, &run))
			return pf_fail(err, PF_E_PARQUET,
				       "runs end at value %zu of %zu", done, n);
		size_t take = run.n < n - done ? run.n : n - done;
		if (run.packed)
			copy_bits(bits, done, run.bits, take);
		else if (run.value > 1)
			return pf_fail(err, PF_E_PARQUET, "level %u beyond 1",
				       run.value);
		else if (run.value)
			set_bits(bits, done, take);
		done += take;
	}
	*ones = count_ones(bits, n);
	return 0;
}
