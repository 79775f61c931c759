/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/hash.h"
#include "parquet/bloom.h"
#include "parquet/encoder.h"

#define DICT_INTS 256
#define DICT_ENTRIES 65536
#define DICT_BYTES ((size_t)1 << 20)

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

static size_t codes_bytes(const struct pq_encoder *e)
{
	return e->n * pq_code_width(e) / 8;
}

static void choose_ints(struct pq_encoder *e)
{
	const int64_t *v = pq_ints(&e->dense);
	bool narrow = e->m->width == 4;
	e->encoding = e->old_readers ? PQ_PLAIN : PQ_DELTA_BINARY_PACKED;
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
	size_t other = e->n * e->m->width;
	e->raw.len = 0;
	if (!e->old_readers) {
		pq_delta_encode(&e->raw, v, e->n, narrow);
		other = e->raw.len;
		e->raw.len = 0;
	}
	pq_hybrid_encode(&e->raw, e->dict.codes, e->n, pq_code_width(e));
	if (e->raw.len + e->dict.n * e->m->width < other)
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
	const struct pf_view *v = pq_views(&e->dense);
	const size_t each = 4;
	e->encoding = PQ_PLAIN;
	if (e->sorted && !e->m->width) {
		size_t distinct;
		e->encoding = e->old_readers ? PQ_PLAIN : PQ_DELTA_BYTE_ARRAY;
		if (pq_dict_sorted_views(&e->dict, v, e->n, e->n / 4, DICT_BYTES,
					 &distinct))
			e->encoding = PQ_RLE_DICTIONARY;
		if (distinct)
			return;
		e->encoding = PQ_PLAIN;
	}
	/* Paimon Java 1.4.2 looks for a wide decimal in a dictionary by as few
	 * bytes as hold it, finds none, and skips the rows: its own writer makes
	 * no dictionaries of values of fixed width. */
	if (e->m->width)
		return;
	if (pq_dict_views(&e->dict, v, e->n, DICT_ENTRIES, DICT_BYTES) &&
	    codes_bytes(e) + e->dict.bytes + e->dict.n * each <
		    pq_views_bytes(v, e->n, each))
		e->encoding = PQ_RLE_DICTIONARY;
}

void pq_choose(struct pq_encoder *e, int64_t rows)
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
	/* Nothing but nulls: no reader stumbles over the plainest. */
	if (!e->n)
		e->encoding = PQ_PLAIN;
}

/* --- bloom filter --- */

static uint64_t hash_of(const struct pq_encoder *e, int64_t key)
{
	/* Little-endian: the low bytes come first. */
	return pf_xxh64(&key, e->m->width);
}

void pq_make_bloom(struct pq_encoder *e, struct pf_buf *bloom)
{
	bool dict = e->encoding == PQ_RLE_DICTIONARY;
	size_t n = dict ? e->dict.n : e->n, hashes = 0;
	e->hashes.len = 0;
	uint64_t *h = (uint64_t *)(void *)pf_buf_room(&e->hashes, (n + 1) * 8);
	if (e->kind == DENSE_VIEWS) {
		const struct pf_view *v = dict ? e->dict.views : pq_views(&e->dense);
		for (size_t i = 0; i < n; i++)
			if (dict || !i || v[i].len != v[i - 1].len ||
			    memcmp(v[i].data, v[i - 1].data, v[i].len))
				h[hashes++] = pf_xxh64(v[i].data, v[i].len);
	} else {
		const int64_t *v = dict ? e->dict.ints :
				   e->kind == DENSE_FLOATS ? pq_ints(&e->keys) :
							     pq_ints(&e->dense);
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
