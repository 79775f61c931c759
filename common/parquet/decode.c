/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "parquet/encoding.h"
#include "parquet/file.h"

static int too_short(size_t n, struct pf_error *err)
{
	return pf_fail(err, PF_E_PARQUET, "a page ends before its %zu values", n);
}

static struct pf_view *view_room(struct pf_buf *b, size_t n)
{
	b->len = 0;
	return (struct pf_view *)(void *)pf_buf_room(b, pf_mul(n + 1, sizeof(struct pf_view)));
}

/* --- PLAIN --- */

static void spread_bits(const uint8_t *bits, size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = bits[i >> 3] >> (i & 7) & 1;
}

static int decode_plain(const struct pq_mapping *m, const uint8_t *data, size_t len,
			size_t n, struct pf_buf *values, struct pq_dense *dense,
			struct pf_error *err)
{
	if (m->physical == PQ_BOOLEAN) {
		if (len < (n + 7) / 8)
			return too_short(n, err);
		uint8_t *out = pq_room(values, n, 1);
		spread_bits(data, n, out);
		dense->fixed = out;
		return 0;
	}
	if (m->physical != PQ_BYTE_ARRAY) {
		if (n > len / m->width)
			return too_short(n, err);
		dense->fixed = data;
		return 0;
	}
	/* Each string takes at least its length's four bytes. */
	if (n > len / 4)
		return too_short(n, err);
	struct pf_view *out = view_room(values, n);
	dense->views = out;
	return pq_plain_strings_decode(data, len, n, out, err);
}

/* --- dictionaries --- */

int pq_decode_dictionary(const struct pq_mapping *m, size_t n,
			 struct pq_dictionary *d, struct pf_error *err)
{
	struct pq_dense dense = { 0 };
	if (m->physical == PQ_BOOLEAN)
		return pf_fail(err, PF_E_PARQUET, "a dictionary of booleans");
	PF_TRY(decode_plain(m, d->page.data, d->page.len, n, &d->views, &dense, err));
	d->n = n;
	d->loaded = true;
	return 0;
}

#define PICK(type)                                                         \
	do {                                                               \
		for (size_t i_ = 0; i_ < n; i_++)                          \
			memcpy(out + i_ * sizeof(type),                    \
			       dict + codes[i_] * sizeof(type),            \
			       sizeof(type));                              \
	} while (0)

static void pick_fixed(const uint8_t *dict, size_t width, const uint32_t *codes,
		       size_t n, uint8_t *out)
{
	if (width == 4)
		PICK(uint32_t);
	else if (width == 8)
		PICK(uint64_t);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(out + i * width, dict + codes[i] * width, width);
}

static int decode_codes(const struct pq_mapping *m, const struct pq_dictionary *d,
			const uint8_t *data, size_t len, size_t n,
			struct pq_decode_room *room, struct pq_dense *dense,
			struct pf_error *err)
{
	if (!d->loaded)
		return pf_fail(err, PF_E_PARQUET, "a page wants a dictionary and there is none");
	if (n && (len < 1 || !d->n))
		return too_short(n, err);
	uint32_t *codes = (uint32_t *)(void *)pq_room(&room->codes, n, 4);
	if (n)
		PF_TRY(pq_hybrid_decode(data + 1, len - 1, data[0], n,
					(uint32_t)(d->n - 1), codes, err));
	if (m->physical == PQ_BYTE_ARRAY) {
		const struct pf_view *dict = (const struct pf_view *)(const void *)d->views.data;
		struct pf_view *out = view_room(&room->values, n);
		for (size_t i = 0; i < n; i++)
			out[i] = dict[codes[i]];
		dense->views = out;
	} else {
		uint8_t *out = pq_room(&room->values, n, m->width);
		pick_fixed(d->page.data, m->width, codes, n, out);
		dense->fixed = out;
	}
	return 0;
}

/* --- the others --- */

static int decode_delta(const struct pq_mapping *m, const uint8_t *data, size_t len,
			size_t total, size_t n, struct pq_decode_room *room,
			struct pq_dense *dense, struct pf_error *err)
{
	size_t used;
	if (m->physical != PQ_INT32 && m->physical != PQ_INT64)
		return pf_fail(err, PF_E_PARQUET, "delta encoding of other than integers");
	int64_t *wide = (int64_t *)(void *)pq_room(&room->values, n, 8);
	PF_TRY(pq_delta_decode(data, len, m->width == 4, total, n, wide, &used, err));
	if (m->width == 4) {
		/* In place: the narrow ones never overtake the wide. */
		uint8_t *out = room->values.data;
		for (size_t i = 0; i < n; i++)
			memcpy(out + 4 * i, &wide[i], 4);
	}
	dense->fixed = room->values.data;
	return 0;
}

static int decode_delta_strings(const struct pq_mapping *m, bool prefixes,
				const uint8_t *data, size_t len, size_t n,
				struct pq_decode_room *room,
				struct pq_dense *dense, struct pf_error *err)
{
	if (m->physical != PQ_BYTE_ARRAY && m->physical != PQ_FIXED)
		return pf_fail(err, PF_E_PARQUET, "delta encoding of other than strings");
	struct pf_view *out = view_room(&room->values, n);
	if (prefixes)
		PF_TRY(pq_delta_strings_decode(data, len, n, (size_t)PQ_PAGE_BYTES, out,
					       &room->bytes, &room->scratch, err));
	else
		PF_TRY(pq_delta_length_decode(data, len, n, out, &room->scratch, err));
	dense->views = out;
	if (m->physical == PQ_BYTE_ARRAY)
		return 0;
	uint8_t *fixed = pq_room(&room->codes, n, m->width);
	for (size_t i = 0; i < n; i++) {
		if (out[i].len != m->width)
			return pf_fail(err, PF_E_PARQUET, "a value of %zu bytes, not %zu",
				       out[i].len, m->width);
		memcpy(fixed + i * m->width, out[i].data, m->width);
	}
	dense->fixed = fixed;
	return 0;
}

static int decode_rle_bools(const struct pq_mapping *m, const uint8_t *data, size_t len,
			    size_t n, struct pq_decode_room *room,
			    struct pq_dense *dense, struct pf_error *err)
{
	size_t ones;
	if (m->physical != PQ_BOOLEAN)
		return pf_fail(err, PF_E_PARQUET, "RLE encoding of other than booleans");
	if (len < 4 || pq_load32(data) > len - 4)
		return too_short(n, err);
	uint8_t *bits = pq_room(&room->codes, n / 8 + 1, 1);
	PF_TRY(pq_hybrid_bitmap(data + 4, pq_load32(data), n, bits, &ones, err));
	uint8_t *out = pq_room(&room->values, n, 1);
	spread_bits(bits, n, out);
	dense->fixed = out;
	return 0;
}

static int decode_split(const struct pq_mapping *m, const uint8_t *data, size_t len,
			size_t total, struct pq_decode_room *room,
			struct pq_dense *dense, struct pf_error *err)
{
	if (!m->width || m->physical == PQ_INT96)
		return pf_fail(err, PF_E_PARQUET, "stream-split encoding of other than numbers");
	if (total > len / m->width)
		return too_short(total, err);
	uint8_t *out = pq_room(&room->values, total, m->width);
	pq_split_decode(data, total, m->width, out);
	dense->fixed = out;
	return 0;
}

int pq_decode_values(const struct pq_mapping *m, int32_t encoding,
		     const struct pq_dictionary *d, const uint8_t *data,
		     size_t len, size_t total, size_t n,
		     struct pq_decode_room *room, struct pq_dense *dense,
		     struct pf_error *err)
{
	*dense = (struct pq_dense){ .n = n };
	/* Pages of nulls may have no bytes at all. */
	if (!n)
		return 0;
	switch (encoding) {
	case PQ_PLAIN:
		return decode_plain(m, data, len, n, &room->values, dense, err);
	case PQ_PLAIN_DICTIONARY:
	case PQ_RLE_DICTIONARY:
		return decode_codes(m, d, data, len, n, room, dense, err);
	case PQ_DELTA_BINARY_PACKED:
		return decode_delta(m, data, len, total, n, room, dense, err);
	case PQ_DELTA_LENGTH_BYTE_ARRAY:
	case PQ_DELTA_BYTE_ARRAY:
		return decode_delta_strings(m, encoding == PQ_DELTA_BYTE_ARRAY, data,
					    len, total, room, dense, err);
	case PQ_RLE:
		return decode_rle_bools(m, data, len, n, room, dense, err);
	case PQ_BYTE_STREAM_SPLIT:
		return decode_split(m, data, len, total, room, dense, err);
	default:
		return pf_fail(err, PF_E_UNSUPPORTED, "encoding %d is not supported",
			       encoding);
	}
}
