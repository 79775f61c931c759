/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/encoding.h"
#include "parquet/thrift.h"

/* What we write; others are read. */
#define BLOCK 128
#define MINIBLOCKS 4
#define MINIBLOCK (BLOCK / MINIBLOCKS)

/* --- DELTA_BINARY_PACKED --- */

/* Pack a miniblock. Writes up to 8 bytes more than it needs. */
static void pack(uint8_t *out, const uint64_t *v, unsigned width)
{
	uint64_t bits = 0;
	unsigned fill = 0;
	for (unsigned i = 0; i < MINIBLOCK; i++) {
		bits |= v[i] << fill;
		if (fill + width >= 64) {
			memcpy(out, &bits, sizeof bits);
			out += 8;
			bits = fill ? v[i] >> (64 - fill) : 0;
			fill += width - 64;
			if (!fill)
				bits = 0;
		} else {
			fill += width;
		}
	}
	memcpy(out, &bits, sizeof bits);
}

static inline int64_t delta_of(int64_t later, int64_t earlier, bool narrow)
{
	if (narrow)
		return (int32_t)((uint32_t)later - (uint32_t)earlier);
	return (int64_t)((uint64_t)later - (uint64_t)earlier);
}

static inline void encode(struct pf_buf *out, const int64_t *v, size_t n, bool narrow)
{
	th_varint(out, BLOCK);
	th_varint(out, MINIBLOCKS);
	th_varint(out, n);
	th_varint(out, th_zigzag(n ? v[0] : 0));
	for (size_t i = 1; i < n; i += BLOCK) {
		size_t m = n - i < BLOCK ? n - i : BLOCK;
		int64_t deltas[BLOCK];
		uint64_t rest[BLOCK];
		int64_t min = INT64_MAX;
		for (size_t k = 0; k < m; k++) {
			deltas[k] = delta_of(v[i + k], v[i + k - 1], narrow);
			min = deltas[k] < min ? deltas[k] : min;
		}
		for (size_t k = 0; k < m; k++)
			rest[k] = (uint64_t)deltas[k] - (uint64_t)min;
		for (size_t k = m; k < BLOCK; k++)
			rest[k] = 0;
		th_varint(out, th_zigzag(min));
		uint8_t *widths = pf_buf_room(out, MINIBLOCKS + BLOCK * 8 + 8);
		uint8_t *p = widths + MINIBLOCKS;
		for (unsigned b = 0; b < MINIBLOCKS; b++) {
			uint64_t all = 0;
			for (unsigned k = 0; k < MINIBLOCK; k++)
				all |= rest[b * MINIBLOCK + k];
			unsigned width = pq_bit_width(all);
			widths[b] = (uint8_t)width;
			if (b * MINIBLOCK < m && width) {
				pack(p, rest + b * MINIBLOCK, width);
				p += MINIBLOCK / 8 * width;
			}
		}
		out->len += (size_t)(p - widths);
	}
}

void pq_delta_encode(struct pf_buf *out, const int64_t *v, size_t n, bool narrow)
{
	/* Two copies, so that the inner loops have no choice to make. */
	if (narrow)
		encode(out, v, n, true);
	else
		encode(out, v, n, false);
}

/* n values of width bits; the bytes are there. */
static void unpack(const uint8_t *bits, unsigned width, size_t n, uint64_t *out)
{
	uint64_t bit = 0;
	if (width <= 56) {
		uint64_t mask = ((uint64_t)1 << width) - 1;
		for (size_t i = 0; i < n; i++, bit += width)
			out[i] = pq_load64(bits + (bit >> 3)) >> (bit & 7) & mask;
		return;
	}
	uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
	for (size_t i = 0; i < n; i++, bit += width) {
		const uint8_t *p = bits + (bit >> 3);
		unsigned shift = bit & 7;
		uint64_t v = pq_load64(p) >> shift;
		if (shift)
			v |= (uint64_t)p[8] << (64 - shift);
		out[i] = v & mask;
	}
}

static struct pf_error *malformed(struct pf_error *err, int *code)
{
	*code = pf_fail(err, PF_E_PARQUET, "malformed delta encoding");
	return err;
}

static uint64_t varint(const uint8_t **at, const uint8_t *end, bool *bad)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		if (*at >= end)
			break;
		uint8_t b = *(*at)++;
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	*bad = true;
	return 0;
}

int pq_delta_decode(const uint8_t *data, size_t len, bool narrow, size_t total,
		    size_t n, int64_t *out, size_t *used, struct pf_error *err)
{
	const uint8_t *at = data, *end = data + len;
	bool bad = false;
	int code = 0;
	uint64_t block = varint(&at, end, &bad), minis = varint(&at, end, &bad);
	uint64_t count = varint(&at, end, &bad);
	uint64_t last = (uint64_t)th_unzigzag(varint(&at, end, &bad));
	*used = 0;
	if (bad || !minis || !block || block % minis || block / minis % 32 ||
	    block > 1 << 20 || minis > 4096 || count != total) {
		malformed(err, &code);
		return code;
	}
	size_t mini = (size_t)(block / minis), done = 0;
	if (n)
		out[done++] = narrow ? (int32_t)last : (int64_t)last;
	while (done < n) {
		uint64_t min = (uint64_t)th_unzigzag(varint(&at, end, &bad));
		if (bad || (uint64_t)(end - at) < minis) {
			malformed(err, &code);
			return code;
		}
		const uint8_t *widths = at;
		at += minis;
		for (size_t b = 0; b < minis && done < n; b++) {
			unsigned width = widths[b];
			size_t bytes = mini / 8 * width;
			size_t take = mini < n - done ? mini : n - done;
			/* The last miniblock may lack its padding. */
			size_t need = (take * width + 7) / 8;
			size_t left = (size_t)(end - at);
			if (width > 64 || need > left) {
				malformed(err, &code);
				return code;
			}
			uint64_t *raw = (uint64_t *)(void *)(out + done);
			if (width)
				unpack(at, width, take, raw);
			else
				memset(raw, 0, take * sizeof *raw);
			if (narrow)
				for (size_t k = 0; k < take; k++) {
					last += min + raw[k];
					out[done + k] = (int32_t)last;
				}
			else
				for (size_t k = 0; k < take; k++) {
					last += min + raw[k];
					out[done + k] = (int64_t)last;
				}
			done += take;
			at += bytes < left ? bytes : left;
		}
	}
	*used = (size_t)(at - data);
	return 0;
}

/* --- strings --- */

static size_t common_prefix(struct pf_view a, struct pf_view b)
{
	size_t n = a.len < b.len ? a.len : b.len, i = 0;
	for (; i + 8 <= n; i += 8) {
		uint64_t diff = pq_load64(a.data + i) ^ pq_load64(b.data + i);
		if (diff)
			return i + (size_t)__builtin_ctzll(diff) / 8;
	}
	while (i < n && a.data[i] == b.data[i])
		i++;
	return i;
}

void pq_delta_strings_encode(struct pf_buf *out, const struct pf_view *v,
			     size_t n, struct pf_buf *scratch)
{
	scratch->len = 0;
	int64_t *prefix = (int64_t *)(void *)pf_buf_room(scratch, pf_mul(n, 16));
	int64_t *suffix = prefix + n;
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		size_t same = 0;
		/* Runs share the pointer and need no look at the bytes. */
		if (i)
			same = v[i].data == v[i - 1].data && v[i].len == v[i - 1].len ?
				       v[i].len :
				       common_prefix(v[i], v[i - 1]);
		prefix[i] = (int64_t)same;
		suffix[i] = (int64_t)(v[i].len - same);
		bytes += v[i].len - same;
	}
	pq_delta_encode(out, prefix, n, true);
	pq_delta_encode(out, suffix, n, true);
	uint8_t *p = pf_buf_room(out, bytes);
	for (size_t i = 0; i < n; i++) {
		if (!suffix[i])
			continue;
		memcpy(p, v[i].data + prefix[i], (size_t)suffix[i]);
		p += suffix[i];
	}
	out->len += bytes;
}

int pq_delta_length_decode(const uint8_t *data, size_t len, size_t n,
			   struct pf_view *out, struct pf_buf *scratch,
			   struct pf_error *err)
{
	size_t used;
	scratch->len = 0;
	int64_t *lengths = (int64_t *)(void *)pf_buf_room(scratch, pf_mul(n, 8));
	PF_TRY(pq_delta_decode(data, len, true, n, n, lengths, &used, err));
	const uint8_t *at = data + used;
	size_t left = len - used;
	for (size_t i = 0; i < n; i++) {
		if (lengths[i] < 0 || (uint64_t)lengths[i] > left)
			return pf_fail(err, PF_E_PARQUET,
				       "string %zu of %zu is longer than its page", i, n);
		out[i] = pf_view_of(at, (size_t)lengths[i]);
		at += lengths[i];
		left -= (size_t)lengths[i];
	}
	return 0;
}

int pq_delta_strings_decode(const uint8_t *data, size_t len, size_t n,
			    size_t limit, struct pf_view *out,
			    struct pf_buf *bytes, struct pf_buf *scratch,
			    struct pf_error *err)
{
	size_t used, total = 0;
	scratch->len = 0;
	int64_t *prefix = (int64_t *)(void *)pf_buf_room(scratch, pf_mul(n, 16));
	int64_t *suffix = prefix + n;
	PF_TRY(pq_delta_decode(data, len, true, n, n, prefix, &used, err));
	const uint8_t *at = data + used;
	size_t left = len - used;
	PF_TRY(pq_delta_decode(at, left, true, n, n, suffix, &used, err));
	at += used;
	left -= used;

	/* Check all lengths first, so that the room is sized once. */
	int64_t before = 0;
	size_t rest = left;
	for (size_t i = 0; i < n; i++) {
		if (prefix[i] < 0 || suffix[i] < 0 || prefix[i] > before ||
		    (uint64_t)suffix[i] > rest)
			return pf_fail(err, PF_E_PARQUET,
				       "string %zu of %zu does not fit its page", i, n);
		rest -= (size_t)suffix[i];
		before = prefix[i] + suffix[i];
		/* A string equal to the one before shares its bytes. */
		if (suffix[i] || (i && (size_t)prefix[i] != (size_t)(prefix[i - 1] + suffix[i - 1])))
			total += (size_t)before;
		if (total > limit)
			return pf_fail(err, PF_E_LIMIT,
				       "strings of a page take more than %zu bytes",
				       limit);
	}
	bytes->len = 0;
	uint8_t *p = pf_buf_room(bytes, total + PQ_SLACK);
	struct pf_view last = pf_view_of(p, 0);
	for (size_t i = 0; i < n; i++) {
		size_t same = (size_t)prefix[i], more = (size_t)suffix[i];
		if (more || same != last.len) {
			memmove(p, last.data, same);
			memcpy(p + same, at, more);
			at += more;
			last = pf_view_of(p, same + more);
			p += same + more;
		}
		out[i] = last;
	}
	bytes->len = total;
	return 0;
}

int pq_plain_strings_decode(const uint8_t *data, size_t len, size_t n,
			    struct pf_view *out, struct pf_error *err)
{
	const uint8_t *at = data, *end = data + len;
	for (size_t i = 0; i < n; i++) {
		size_t left = (size_t)(end - at);
		if (left < 4 || pq_load32(at) > left - 4)
			return pf_fail(err, PF_E_PARQUET,
				       "string %zu of %zu is longer than its page", i, n);
		out[i] = pf_view_of(at + 4, pq_load32(at));
		at += 4 + out[i].len;
	}
	return 0;
}

/* --- BYTE_STREAM_SPLIT --- */

void pq_split_decode(const uint8_t *data, size_t n, size_t width, uint8_t *out)
{
	for (size_t b = 0; b < width; b++)
		for (size_t i = 0; i < n; i++)
			out[i * width + b] = data[b * n + i];
}
