/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/encode.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "parquet/bloom.h"
#include "parquet/dict.h"
#include "parquet/encoding.h"

#define DICT_INTS 256
#define DICT_ENTRIES 65536
#define DICT_BYTES ((size_t)1 << 20)
/* A page is closed before its rows are enough when it has that many bytes. */
#define PAGE_BYTES ((size_t)4 << 20)

/* How the dense values of a chunk are held. */
enum dense { DENSE_BITS, DENSE_INTS, DENSE_FLOATS, DENSE_VIEWS };

struct pq_encoder {
	struct pf_compressor *compressor;
	int64_t page_rows;
	struct pq_dict dict;
	struct pf_buf dense;   /* int64, float or double, views */
	struct pf_buf keys;    /* floats as int64; bytes of decimals */
	struct pf_buf hashes;
	struct pf_buf raw, packed, scratch;
	struct pf_buf held_raw, held_packed; /* the dictionary page */
	struct pf_buf out;

	/* The chunk at hand. */
	const struct pq_mapping *m;
	const struct pf_column *column;
	bool nullable, sorted;
	enum dense kind;
	enum pq_encoding encoding;
	size_t n; /* dense values */
	uint8_t *used; /* a byte for each dictionary entry */
	size_t used_cap;
	int32_t codec; /* pq_compression, -1: not settled */
};

struct pq_encoder *pq_encoder_new(int zstd_level, int64_t page_rows)
{
	struct pq_encoder *e = pf_zalloc(1, sizeof *e);
	e->compressor = pf_compressor_new(zstd_level);
	e->page_rows = page_rows;
	return e;
}

void pq_encoder_free(struct pq_encoder *e)
{
	if (!e)
		return;
	pf_compressor_free(e->compressor);
	pq_dict_free(&e->dict);
	struct pf_buf *bufs[] = { &e->dense, &e->keys, &e->hashes, &e->raw,
				  &e->packed, &e->scratch, &e->held_raw,
				  &e->held_packed, &e->out };
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		pf_buf_free(bufs[i]);
	free(e->used);
	free(e);
}

void pq_chunk_done_free(struct pq_chunk_done *c)
{
	free(c->pages);
	pf_buf_free(&c->bounds);
	pf_buf_free(&c->bloom);
}

static inline int64_t *ints(struct pf_buf *b)
{
	return (int64_t *)(void *)b->data;
}

static inline struct pf_view *views(struct pf_buf *b)
{
	return (struct pf_view *)(void *)b->data;
}

/* --- dense values: the column without its nulls --- */

#define WIDEN(type)                                                        \
	do {                                                               \
		const type *in_ = c->values;                               \
		if (!valid)                                                \
			for (int64_t i_ = 0; i_ < rows; i_++)              \
				out[i_] = (int64_t)in_[i_];                \
		else                                                       \
			for (int64_t i_ = 0; i_ < rows; i_++) {            \
				out[n] = (int64_t)in_[i_];                 \
				n += pf_bit(valid, i_);                    \
			}                                                  \
	} while (0)

static void dense_ints(struct pq_encoder *e, int64_t rows, const uint8_t *valid)
{
	const struct pf_column *c = e->column;
	int64_t n = 0;
	e->dense.len = 0;
	int64_t *out = (int64_t *)(void *)pf_buf_room(&e->dense,
						      ((size_t)rows + 1) * 8);
	switch (pf_kind_width(e->m->type.kind)) {
	case 1:
		WIDEN(int8_t);
		break;
	case 2:
		WIDEN(int16_t);
		break;
	case 4:
		WIDEN(int32_t);
		break;
	case 8:
		WIDEN(int64_t);
		break;
	default:
		/* Decimals of at most 18 digits: the low half is the value. */
		for (int64_t i = 0; i < rows; i++)
			if (!valid || pf_bit(valid, i))
				memcpy(&out[n++], (const char *)c->values + 16 * i, 8);
		break;
	}
}

/* Floats keep their width; the column itself serves when nothing is null. */
static void dense_floats(struct pq_encoder *e, int64_t rows, const uint8_t *valid)
{
	const struct pf_column *c = e->column;
	size_t width = e->m->width;
	e->dense.len = 0;
	uint8_t *out = pf_buf_room(&e->dense, ((size_t)rows + 1) * width);
	if (!valid) {
		memcpy(out, c->values, (size_t)rows * width);
		return;
	}
	if (width == 4) {
		const float *in = c->values;
		float *to = (float *)(void *)out;
		for (int64_t i = 0; i < rows; i++) {
			*to = in[i];
			to += pf_bit(valid, i);
		}
	} else {
		const double *in = c->values;
		double *to = (double *)(void *)out;
		for (int64_t i = 0; i < rows; i++) {
			*to = in[i];
			to += pf_bit(valid, i);
		}
	}
}

static void dense_views(struct pq_encoder *e, int64_t rows, const uint8_t *valid)
{
	const struct pf_column *c = e->column;
	const uint8_t *data = c->values;
	e->dense.len = 0;
	struct pf_view *out = (struct pf_view *)(void *)pf_buf_room(
		&e->dense, ((size_t)rows + 1) * sizeof *out);
	for (int64_t i = 0; i < rows; i++) {
		*out = pf_view_of(data + c->offsets[i],
				  (size_t)(c->offsets[i + 1] - c->offsets[i]));
		out += valid ? pf_bit(valid, i) : 1;
	}
}

/* Decimals of more than 18 digits: big-endian, of fixed width. */
static void dense_decimals(struct pq_encoder *e, int64_t rows, const uint8_t *valid)
{
	const struct pf_column *c = e->column;
	size_t width = e->m->width;
	e->dense.len = e->keys.len = 0;
	struct pf_view *out = (struct pf_view *)(void *)pf_buf_room(
		&e->dense, ((size_t)rows + 1) * sizeof *out);
	uint8_t *to = pf_buf_room(&e->keys, ((size_t)rows + 2) * 16);
	for (int64_t i = 0; i < rows; i++) {
		uint64_t low, high;
		uint8_t big[16];
		if (valid && !pf_bit(valid, i))
			continue;
		memcpy(&low, (const char *)c->values + 16 * i, 8);
		memcpy(&high, (const char *)c->values + 16 * i + 8, 8);
		low = __builtin_bswap64(low);
		high = __builtin_bswap64(high);
		memcpy(big, &high, 8);
		memcpy(big + 8, &low, 8);
		memcpy(to, big + 16 - width, width);
		*out++ = pf_view_of(to, width);
		to += width;
	}
}

/* --- choice of encoding --- */

static size_t views_bytes(const struct pf_view *v, size_t n, size_t each)
{
	size_t bytes = n * each;
	for (size_t i = 0; i < n; i++)
		bytes += v[i].len;
	return bytes;
}

static unsigned code_width(const struct pq_encoder *e)
{
	unsigned width = pq_bit_width(e->dict.n ? e->dict.n - 1 : 0);
	return width ? width : 1; /* Arrow writes no width 0, either */
}

static size_t codes_bytes(const struct pq_encoder *e)
{
	return e->n * code_width(e) / 8;
}

static void choose_ints(struct pq_encoder *e)
{
	const int64_t *v = ints(&e->dense);
	bool narrow = e->m->width == 4;
	e->encoding = PQ_DELTA_BINARY_PACKED;
	if (e->sorted) {
		size_t distinct;
		if (pq_dict_sorted_ints(&e->dict, v, e->n, e->n / 4, &distinct))
			e->encoding = PQ_RLE_DICTIONARY;
		/* Not sorted, against the promise: as any other column. */
		if (distinct)
			return;
	}
	if (!pq_dict_ints(&e->dict, v, e->n, DICT_INTS))
		return;
	e->raw.len = 0;
	pq_delta_encode(&e->raw, v, e->n, narrow);
	size_t delta = e->raw.len;
	e->raw.len = 0;
	pq_hybrid_encode(&e->raw, e->dict.codes, e->n, code_width(e));
	if (e->raw.len + e->dict.n * e->m->width < delta)
		e->encoding = PQ_RLE_DICTIONARY;
}

static void choose_floats(struct pq_encoder *e)
{
	e->keys.len = 0;
	int64_t *keys = (int64_t *)(void *)pf_buf_room(&e->keys, (e->n + 1) * 8);
	if (e->m->width == 4)
		for (size_t i = 0; i < e->n; i++)
			keys[i] = pq_load32(e->dense.data + 4 * i);
	else
		memcpy(keys, e->dense.data, 8 * e->n);
	e->encoding = PQ_PLAIN;
	if (pq_dict_ints(&e->dict, keys, e->n, e->n / 4) &&
	    codes_bytes(e) + e->dict.n * e->m->width < e->n * e->m->width / 4 * 3)
		e->encoding = PQ_RLE_DICTIONARY;
}

static void choose_views(struct pq_encoder *e)
{
	const struct pf_view *v = views(&e->dense);
	size_t each = e->m->width ? 0 : 4;
	e->encoding = PQ_PLAIN;
	if (e->sorted && !e->m->width) {
		size_t distinct;
		e->encoding = PQ_DELTA_BYTE_ARRAY;
		if (pq_dict_sorted_views(&e->dict, v, e->n, e->n / 4, DICT_BYTES,
					 &distinct))
			e->encoding = PQ_RLE_DICTIONARY;
		if (distinct)
			return;
		e->encoding = PQ_PLAIN;
	}
	if (pq_dict_views(&e->dict, v, e->n, DICT_ENTRIES, DICT_BYTES) &&
	    codes_bytes(e) + e->dict.bytes + e->dict.n * each <
		    views_bytes(v, e->n, each))
		e->encoding = PQ_RLE_DICTIONARY;
}

/* --- bloom filter --- */

static uint64_t hash_of(const struct pq_encoder *e, int64_t key)
{
	/* Little-endian: the low bytes come first. */
	return pf_xxh64(&key, e->m->width);
}

static void make_bloom(struct pq_encoder *e, struct pf_buf *bloom)
{
	bool dict = e->encoding == PQ_RLE_DICTIONARY;
	size_t n = dict ? e->dict.n : e->n, hashes = 0;
	e->hashes.len = 0;
	uint64_t *h = (uint64_t *)(void *)pf_buf_room(&e->hashes, (n + 1) * 8);
	if (e->kind == DENSE_VIEWS) {
		const struct pf_view *v = dict ? e->dict.views : views(&e->dense);
		for (size_t i = 0; i < n; i++)
			if (dict || !i || v[i].len != v[i - 1].len ||
			    memcmp(v[i].data, v[i - 1].data, v[i].len))
				h[hashes++] = pf_xxh64(v[i].data, v[i].len);
	} else {
		const int64_t *v = dict ? e->dict.ints :
				   e->kind == DENSE_FLOATS ? ints(&e->keys) :
							     ints(&e->dense);
		for (size_t i = 0; i < n; i++)
			if (dict || !i || v[i] != v[i - 1])
				h[hashes++] = hash_of(e, v[i]);
	}
	size_t bytes = pq_bloom_bytes(dict ? hashes : pq_count_distinct(h, hashes));
	bloom->len = 0;
	pf_buf_zeros(bloom, bytes);
	for (size_t i = 0; i < hashes; i++)
		pq_bloom_add(bloom->data, bytes, h[i]);
}

/* --- bounds of dense values [from, to) --- */

static bool bounds_ints(const struct pq_encoder *e, size_t from, size_t to,
			struct pf_parquet_value *min, struct pf_parquet_value *max)
{
	const int64_t *v = (const int64_t *)(const void *)e->dense.data;
	int64_t low = v[from], high = v[from];
	for (size_t i = from; i < to; i++) {
		low = v[i] < low ? v[i] : low;
		high = v[i] > high ? v[i] : high;
	}
	min->i = low;
	min->dec = low;
	max->i = high;
	max->dec = high;
	return true;
}

/* NaN is left out; zeros get the sign that makes them bounds of both. */
static bool bounds_floats(const struct pq_encoder *e, size_t from, size_t to,
			  struct pf_parquet_value *min,
			  struct pf_parquet_value *max, int64_t *nans)
{
	double low = INFINITY, high = -INFINITY;
	size_t numbers = 0;
	if (e->m->width == 4) {
		const float *v = (const float *)(const void *)e->dense.data;
		for (size_t i = from; i < to; i++) {
			double d = (double)v[i];
			low = d < low ? d : low;
			high = d > high ? d : high;
			numbers += d == d;
		}
	} else {
		const double *v = (const double *)(const void *)e->dense.data;
		for (size_t i = from; i < to; i++) {
			low = v[i] < low ? v[i] : low;
			high = v[i] > high ? v[i] : high;
			numbers += v[i] == v[i];
		}
	}
	*nans += (int64_t)(to - from - numbers);
	min->d = low == 0 ? -0.0 : low;
	max->d = high == 0 ? 0.0 : high;
	return numbers > 0;
}

static bool bounds_bits(const struct pq_encoder *e, int64_t from, int64_t to,
			struct pf_parquet_value *min, struct pf_parquet_value *max)
{
	const uint8_t *valid = e->column->nulls ? e->column->validity : NULL;
	bool any[2] = { false, false };
	for (int64_t i = from; i < to && !(any[0] && any[1]); i++)
		if (!valid || pf_bit(valid, i))
			any[pf_bit(e->column->values, i)] = true;
	min->i = !any[0];
	max->i = any[1];
	return any[0] || any[1];
}

/* First eight bytes, so that most comparisons need no more. */
static inline uint64_t head_of(struct pf_view v)
{
	uint8_t head[8] = { 0 };
	memcpy(head, v.data, v.len < 8 ? v.len : 8);
	return __builtin_bswap64(pq_load64(head));
}

static void bounds_scan(const struct pf_view *v, size_t n, struct pf_view *low,
			struct pf_view *high)
{
	uint64_t low_head = head_of(*low), high_head = head_of(*high);
	for (size_t i = 0; i < n; i++) {
		uint64_t head = head_of(v[i]);
		if (head < low_head || (head == low_head && pf_view_cmp(v[i], *low) < 0)) {
			*low = v[i];
			low_head = head;
		} else if (head > high_head ||
			   (head == high_head && pf_view_cmp(v[i], *high) > 0)) {
			*high = v[i];
			high_head = head;
		}
	}
}

/* Decimals in fixed bytes: bounds by their numbers. */
static void bounds_decimals(const struct pf_view *v, size_t n, pf_i128 *low,
			    pf_i128 *high)
{
	for (size_t i = 0; i < n; i++) {
		pf_i128 d = 0;
		(void)pq_decimal_of(v[i].data, v[i].len, &d);
		*low = d < *low ? d : *low;
		*high = d > *high ? d : *high;
	}
}

static bool bounds_views(struct pq_encoder *e, size_t from, size_t to,
			 struct pf_parquet_value *min, struct pf_parquet_value *max)
{
	const struct pf_view *v = views(&e->dense);
	if (e->m->form == PQ_FORM_DECIMAL) {
		(void)pq_decimal_of(v[from].data, v[from].len, &min->dec);
		max->dec = min->dec;
		bounds_decimals(v + from, to - from, &min->dec, &max->dec);
		return true;
	}
	min->bytes = max->bytes = v[from];
	if (e->encoding != PQ_RLE_DICTIONARY) {
		bounds_scan(v + from, to - from, &min->bytes, &max->bytes);
		return true;
	}
	/* Compare each entry of the dictionary that the page uses once. */
	if (e->used_cap < e->dict.n) {
		e->used_cap = e->dict.n;
		e->used = pf_realloc(e->used, e->used_cap, 1);
	}
	memset(e->used, 0, e->dict.n);
	for (size_t i = from; i < to; i++)
		e->used[e->dict.codes[i]] = 1;
	for (size_t i = 0; i < e->dict.n; i++)
		if (e->used[i])
			bounds_scan(&e->dict.views[i], 1, &min->bytes, &max->bytes);
	return true;
}

/* --- pages --- */

static void put_levels(struct pq_encoder *e, int64_t from, int64_t rows, int64_t nulls)
{
	size_t at = e->raw.len;
	pf_buf_zeros(&e->raw, 4);
	if (!nulls) {
		uint32_t one = 1;
		uint8_t run[8];
		size_t n = 0;
		for (uint64_t v = (uint64_t)rows << 1; ; v >>= 7) {
			run[n++] = (uint8_t)(v >= 0x80 ? v | 0x80 : v);
			if (v < 0x80)
				break;
		}
		pf_buf_add(&e->raw, run, n);
		pf_buf_add(&e->raw, &one, 1);
	} else {
		pq_hybrid_encode_bitmap(&e->raw, e->column->validity,
					(size_t)from, (size_t)rows);
	}
	uint32_t bytes = (uint32_t)(e->raw.len - at - 4);
	memcpy(e->raw.data + at, &bytes, sizeof bytes);
}

static void put_bits(struct pq_encoder *e, int64_t from, int64_t to)
{
	const uint8_t *valid = e->column->nulls ? e->column->validity : NULL;
	size_t start = e->raw.len, n = 0;
	uint8_t *out = pf_buf_room(&e->raw, (size_t)(to - from) / 8 + 1);
	memset(out, 0, (size_t)(to - from) / 8 + 1);
	for (int64_t i = from; i < to; i++)
		if (!valid || pf_bit(valid, i)) {
			out[n >> 3] = (uint8_t)(out[n >> 3] |
						pf_bit(e->column->values, i) << (n & 7));
			n++;
		}
	e->raw.len = start + (n + 7) / 8;
}

static void put_plain_views(struct pf_buf *out, const struct pf_view *v, size_t n,
			    bool lengths)
{
	size_t bytes = views_bytes(v, n, lengths ? 4 : 0);
	uint8_t *p = pf_buf_room(out, bytes + PQ_SLACK);
	for (size_t i = 0; i < n; i++) {
		if (lengths) {
			uint32_t len = (uint32_t)v[i].len;
			memcpy(p, &len, sizeof len);
			p += sizeof len;
		}
		/* Sixteen bytes at once for the many short ones: there is
		 * room behind both. */
		if (v[i].len <= PQ_SLACK)
			memcpy(p, v[i].data, PQ_SLACK);
		else
			memcpy(p, v[i].data, v[i].len);
		p += v[i].len;
	}
	out->len += bytes;
}

static void put_plain_ints(struct pf_buf *out, const int64_t *v, size_t n, size_t width)
{
	uint8_t *p = pf_buf_room(out, n * width);
	if (width == 8)
		memcpy(p, v, n * 8);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(p + 4 * i, &v[i], 4);
	out->len += n * width;
}

static void put_values(struct pq_encoder *e, size_t from, size_t to)
{
	size_t width = e->m->width, n = to - from;
	switch (e->encoding) {
	case PQ_RLE_DICTIONARY:
		pf_buf_byte(&e->raw, (uint8_t)code_width(e));
		pq_hybrid_encode(&e->raw, e->dict.codes + from, n, code_width(e));
		break;
	case PQ_DELTA_BINARY_PACKED:
		pq_delta_encode(&e->raw, ints(&e->dense) + from, n, width == 4);
		break;
	case PQ_DELTA_BYTE_ARRAY:
		pq_delta_strings_encode(&e->raw, views(&e->dense) + from, n,
					&e->scratch);
		break;
	default:
		if (e->kind == DENSE_FLOATS)
			pf_buf_add(&e->raw, e->dense.data + from * width, n * width);
		else if (e->kind == DENSE_INTS)
			put_plain_ints(&e->raw, ints(&e->dense) + from, n, width);
		else
			put_plain_views(&e->raw, views(&e->dense) + from, n, !width);
	}
}

/* Write a page of raw bytes, packed being their compressed form. */
static void put_page(struct pq_encoder *e, enum pq_page_kind kind, size_t values,
		     enum pq_encoding encoding, const struct pf_buf *raw,
		     const struct pf_buf *packed, struct pq_chunk_done *done)
{
	const struct pf_buf *body = e->codec == PQ_ZSTD ? packed : raw;
	struct pq_page_header h = {
		.kind = (int32_t)kind,
		.uncompressed = (int32_t)raw->len,
		.compressed = (int32_t)body->len,
		.crc = pf_crc32(0, body->data, body->len),
		.values = (int32_t)values,
		.encoding = (int32_t)encoding,
	};
	size_t start = e->out.len;
	pq_page_header_write(&e->out, &h);
	size_t header = e->out.len - start;
	pf_buf_add(&e->out, body->data, body->len);
	done->uncompressed_bytes += (int64_t)(header + raw->len);
	done->compressed_bytes += (int64_t)(header + body->len);
	done->encodings |= 1u << encoding;
}

static int pack(struct pq_encoder *e, const struct pf_buf *raw, struct pf_buf *packed,
		struct pf_error *err)
{
	packed->len = 0;
	if (raw->len > INT32_MAX)
		return pf_fail(err, PF_E_LIMIT, "a page takes more than 2 GiB");
	if (e->codec == PQ_UNCOMPRESSED)
		return 0;
	return pf_zstd_compress(e->compressor, raw->data, raw->len, packed, err);
}

/* The dictionary page waits until the first data page settles the codec. */
static int hold_dictionary(struct pq_encoder *e, struct pf_error *err)
{
	e->held_raw.len = e->held_packed.len = 0;
	if (e->encoding != PQ_RLE_DICTIONARY)
		return 0;
	if (e->kind == DENSE_VIEWS)
		put_plain_views(&e->held_raw, e->dict.views, e->dict.n, !e->m->width);
	else
		put_plain_ints(&e->held_raw, e->dict.ints, e->dict.n, e->m->width);
	return pack(e, &e->held_raw, &e->held_packed, err);
}

/* Compression that saves less than a twentieth only costs its reader. */
static void settle_codec(struct pq_encoder *e, struct pq_chunk_done *done)
{
	size_t raw = e->held_raw.len + e->raw.len;
	size_t packed = e->held_packed.len + e->packed.len;
	done->compressed = packed < raw - raw / 20;
	e->codec = done->compressed ? PQ_ZSTD : PQ_UNCOMPRESSED;
	if (e->encoding == PQ_RLE_DICTIONARY) {
		put_page(e, PQ_PAGE_DICTIONARY, e->dict.n, PQ_PLAIN, &e->held_raw,
			 &e->held_packed, done);
		done->dictionary_bytes = (int64_t)e->out.len;
	}
}

static void put_bounds(struct pq_encoder *e, struct pq_chunk_done *done,
		       const struct pf_parquet_value *min,
		       const struct pf_parquet_value *max, struct pq_bounds *b)
{
	b->known = true;
	b->min_at = done->bounds.len;
	b->min_exact = pq_bound_write(e->m, min, false, &done->bounds);
	b->min_len = done->bounds.len - b->min_at;
	b->max_at = done->bounds.len;
	b->max_exact = pq_bound_write(e->m, max, true, &done->bounds);
	b->max_len = done->bounds.len - b->max_at;
}

/* Rows of the page that begins at row `from`. */
static int64_t page_end(const struct pq_encoder *e, int64_t from, int64_t rows)
{
	int64_t end = rows - from < e->page_rows ? rows : from + e->page_rows;
	if (e->kind != DENSE_VIEWS || e->m->width)
		return end;
	const int32_t *offsets = e->column->offsets;
	if ((size_t)(offsets[end] - offsets[from]) <= PAGE_BYTES)
		return end;
	int64_t stop = from + 1;
	while (stop < end && (size_t)(offsets[stop + 1] - offsets[from]) <= PAGE_BYTES)
		stop++;
	return stop;
}

static struct pq_page_done *next_page(struct pq_chunk_done *done)
{
	if (done->n_pages == done->pages_cap) {
		done->pages_cap = pf_grow(done->pages_cap, done->n_pages + 1);
		done->pages = pf_realloc(done->pages, done->pages_cap,
					 sizeof *done->pages);
	}
	struct pq_page_done *p = &done->pages[done->n_pages++];
	*p = (struct pq_page_done){ 0 };
	return p;
}

static void page_bounds(struct pq_encoder *e, int64_t row, int64_t row_end,
			size_t from, size_t to, struct pq_chunk_done *done,
			struct pq_page_done *page, struct pf_parquet_value all[2])
{
	struct pf_parquet_value min = { .known = true, .exact = true }, max = min;
	bool known = false;
	page->null_page = from == to;
	if (from < to) {
		if (e->kind == DENSE_BITS)
			known = bounds_bits(e, row, row_end, &min, &max);
		else if (e->kind == DENSE_INTS)
			known = bounds_ints(e, from, to, &min, &max);
		else if (e->kind == DENSE_FLOATS)
			known = bounds_floats(e, from, to, &min, &max, &done->nans);
		else
			known = bounds_views(e, from, to, &min, &max);
	}
	if (!known) {
		/* A page of NaNs alone: the index has no word for it. */
		done->index = done->index && page->null_page;
		return;
	}
	put_bounds(e, done, &min, &max, &page->bounds);
	enum pf_kind kind = e->m->type.kind;
	if (!all[0].known || pf_parquet_value_cmp(kind, &min, &all[0]) < 0)
		all[0] = min;
	if (!all[1].known || pf_parquet_value_cmp(kind, &max, &all[1]) > 0)
		all[1] = max;
}

static int put_pages(struct pq_encoder *e, int64_t rows, struct pq_chunk_done *done,
		     struct pf_error *err)
{
	const uint8_t *valid = e->column->nulls ? e->column->validity : NULL;
	struct pf_parquet_value all[2] = { 0 };
	size_t from = 0;
	for (int64_t row = 0; row < rows;) {
		int64_t end = page_end(e, row, rows), nulls = 0;
		for (int64_t i = row; valid && i < end; i++)
			nulls += !pf_bit(valid, i);
		size_t to = from + (size_t)(end - row - nulls);
		struct pq_page_done *page = next_page(done);
		page_bounds(e, row, end, from, to, done, page, all);
		e->raw.len = 0;
		if (e->nullable)
			put_levels(e, row, end - row, nulls);
		if (e->kind == DENSE_BITS)
			put_bits(e, row, end);
		else
			put_values(e, from, to);
		PF_TRY(pack(e, &e->raw, &e->packed, err));
		if (e->codec < 0)
			settle_codec(e, done);
		page->offset = (int64_t)e->out.len;
		put_page(e, PQ_PAGE_DATA, (size_t)(end - row), e->encoding, &e->raw,
			 &e->packed, done);
		page->bytes = (int32_t)((int64_t)e->out.len - page->offset);
		page->first_row = row;
		page->nulls = nulls;
		from = to;
		row = end;
	}
	if (all[0].known)
		put_bounds(e, done, &all[0], &all[1], &done->all);
	return 0;
}

static void make_dense(struct pq_encoder *e, int64_t rows)
{
	const uint8_t *valid = e->column->nulls ? e->column->validity : NULL;
	switch (e->m->form) {
	case PQ_FORM_BOOL:
		e->kind = DENSE_BITS;
		e->encoding = PQ_PLAIN;
		break;
	case PQ_FORM_INT:
		e->kind = DENSE_INTS;
		dense_ints(e, rows, valid);
		choose_ints(e);
		break;
	case PQ_FORM_FLOAT:
	case PQ_FORM_DOUBLE:
		e->kind = DENSE_FLOATS;
		dense_floats(e, rows, valid);
		choose_floats(e);
		break;
	default:
		e->kind = DENSE_VIEWS;
		if (e->m->form == PQ_FORM_DECIMAL)
			dense_decimals(e, rows, valid);
		else
			dense_views(e, rows, valid);
		choose_views(e);
		break;
	}
}

int pq_encode_chunk(struct pq_encoder *e, const struct pq_mapping *m,
		    bool nullable, bool sorted, bool bloom,
		    const struct pf_column *column, int64_t rows,
		    struct pq_chunk_done *done, struct pf_view *bytes,
		    struct pf_error *err)
{
	e->m = m;
	e->column = column;
	e->nullable = nullable;
	e->sorted = sorted;
	e->n = (size_t)(rows - column->nulls);
	e->codec = -1;
	e->out.len = 0;
	*done = (struct pq_chunk_done){ .rows = rows, .nulls = column->nulls,
					.index = true, .nans = -1 };
	if (m->form == PQ_FORM_FLOAT || m->form == PQ_FORM_DOUBLE)
		done->nans = 0;
	/* Levels are RLE; readers look for it in the list. */
	done->encodings = 1u << PQ_RLE;
	make_dense(e, rows);
	if (bloom && e->kind != DENSE_BITS)
		make_bloom(e, &done->bloom);
	PF_TRY(hold_dictionary(e, err));
	PF_TRY(put_pages(e, rows, done, err));
	*bytes = pf_view_of(e->out.data, e->out.len);
	return 0;
}
