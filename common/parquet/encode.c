/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/encode.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "parquet/encoder.h"

/* A page is closed before its rows are enough when it has that many bytes. */
#define PAGE_BYTES ((size_t)4 << 20)
/* Strings that stand in full are most of what a look-up unpacks: their pages
 * are short, unless they compress so well that there must be much alike from
 * one page to the next, which short pages would lose. */
#define PLAIN_PAGE_BYTES ((size_t)64 << 10)
#define MUCH_ALIKE 5
/* A chunk's first pages, of at least that many bytes, tell whether it is worth
 * compressing. A page alone may not: it may be all nulls. */
#define SAMPLE_BYTES ((size_t)64 << 10)

struct pq_encoder *pq_encoder_new(int zstd_level, int64_t page_rows,
				  bool old_readers)
{
	struct pq_encoder *e = pf_zalloc(1, sizeof *e);
	e->compressor = pf_compressor_new(zstd_level);
	e->page_rows = page_rows;
	e->old_readers = old_readers;
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
	free(e->held);
	free(e);
}

void pq_chunk_done_free(struct pq_chunk_done *c)
{
	free(c->pages);
	pf_buf_free(&c->bounds);
	pf_buf_free(&c->bloom);
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
	size_t bytes = pq_views_bytes(v, n, lengths ? 4 : 0);
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
		pf_buf_byte(&e->raw, (uint8_t)pq_code_width(e));
		pq_hybrid_encode(&e->raw, e->dict.codes + from, n, pq_code_width(e));
		break;
	case PQ_DELTA_BINARY_PACKED:
		pq_delta_encode(&e->raw, pq_ints(&e->dense) + from, n, width == 4);
		break;
	case PQ_DELTA_BYTE_ARRAY:
		pq_delta_strings_encode(&e->raw, pq_views(&e->dense) + from, n,
					&e->scratch);
		break;
	default:
		if (e->kind == DENSE_FLOATS)
			pf_buf_add(&e->raw, e->dense.data + from * width, n * width);
		else if (e->kind == DENSE_INTS)
			put_plain_ints(&e->raw, pq_ints(&e->dense) + from, n, width);
		else
			put_plain_views(&e->raw, pq_views(&e->dense) + from, n, !width);
	}
}

/* Write a page of raw bytes, packed being their compressed form. */
static void put_page(struct pq_encoder *e, enum pq_page_kind kind, size_t values,
		     struct pf_view raw, struct pf_view packed,
		     struct pq_chunk_done *done)
{
	struct pf_view body = e->codec == PQ_ZSTD ? packed : raw;
	enum pq_encoding encoding = kind == PQ_PAGE_DICTIONARY ? PQ_PLAIN : e->encoding;
	struct pq_page_header h = {
		.kind = (int32_t)kind,
		.uncompressed = (int32_t)raw.len,
		.compressed = (int32_t)body.len,
		.has_crc = !e->movable,
		.crc = e->movable ? 0 : pf_crc32(0, body.data, body.len),
		.values = (int32_t)values,
		.encoding = (int32_t)encoding,
	};
	size_t start = e->out.len;
	pq_page_header_write(&e->out, &h);
	size_t header = e->out.len - start;
	pf_buf_add(&e->out, body.data, body.len);
	done->uncompressed_bytes += (int64_t)(header + raw.len);
	done->compressed_bytes += (int64_t)(header + body.len);
	done->encodings |= 1u << encoding;
	if (kind == PQ_PAGE_DICTIONARY) {
		done->dictionary_bytes = (int64_t)e->out.len;
		return;
	}
	struct pq_page_done *page = &done->pages[e->n_put++];
	page->offset = (int64_t)start;
	page->bytes = (int32_t)(e->out.len - start);
}

/* Compression that saves less than a twentieth only costs its reader. Decide,
 * and write what waited for it. */
static void settle_codec(struct pq_encoder *e, struct pq_chunk_done *done)
{
	size_t raw = 0, packed = 0;
	done->compressed = e->held_packed.len < e->held_raw.len - e->held_raw.len / 20;
	e->codec = done->compressed ? PQ_ZSTD : PQ_UNCOMPRESSED;
	for (size_t i = 0; i < e->n_held; i++) {
		const struct pq_held_page *h = &e->held[i];
		put_page(e, h->kind, h->values,
			 pf_view_of(e->held_raw.data + raw, h->raw),
			 pf_view_of(e->held_packed.data + packed, h->packed), done);
		raw += h->raw;
		packed += h->packed;
	}
	e->n_held = e->held_raw.len = e->held_packed.len = 0;
}

static void hold(struct pq_encoder *e, enum pq_page_kind kind, size_t values)
{
	if (e->n_held == e->held_cap) {
		e->held_cap = pf_grow(e->held_cap, e->n_held + 1);
		e->held = pf_realloc(e->held, e->held_cap, sizeof *e->held);
	}
	e->held[e->n_held++] = (struct pq_held_page){ kind, values, e->raw.len,
						      e->packed.len };
	pf_buf_add(&e->held_raw, e->raw.data, e->raw.len);
	pf_buf_add(&e->held_packed, e->packed.data, e->packed.len);
}

/* The page in e->raw is complete. */
static int end_page(struct pq_encoder *e, enum pq_page_kind kind, size_t values,
		    struct pq_chunk_done *done, struct pf_error *err)
{
	if (e->raw.len > INT32_MAX)
		return pf_fail(err, PF_E_LIMIT, "a page takes more than 2 GiB");
	e->packed.len = 0;
	if (e->codec != PQ_UNCOMPRESSED)
		PF_TRY(pf_zstd_compress(e->compressor, e->raw.data, e->raw.len,
					&e->packed, err));
	if (e->codec >= 0) {
		put_page(e, kind, values, pf_view_of(e->raw.data, e->raw.len),
			 pf_view_of(e->packed.data, e->packed.len), done);
		return 0;
	}
	hold(e, kind, values);
	if (kind == PQ_PAGE_DATA && e->held_raw.len >= SAMPLE_BYTES)
		settle_codec(e, done);
	return 0;
}

static int put_dictionary(struct pq_encoder *e, struct pq_chunk_done *done,
			  struct pf_error *err)
{
	e->raw.len = 0;
	if (e->kind == DENSE_VIEWS)
		put_plain_views(&e->raw, e->dict.views, e->dict.n, !e->m->width);
	else
		put_plain_ints(&e->raw, e->dict.ints, e->dict.n, e->m->width);
	return end_page(e, PQ_PAGE_DICTIONARY, e->dict.n, done, err);
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

static size_t most_bytes(const struct pq_encoder *e, const struct pq_chunk_done *done)
{
	bool alike = done->uncompressed_bytes > MUCH_ALIKE * done->compressed_bytes;
	return e->encoding == PQ_PLAIN && !alike ? PLAIN_PAGE_BYTES : PAGE_BYTES;
}

/* Rows of the page that begins at row `from`. */
static int64_t page_end(const struct pq_encoder *e, const struct pq_chunk_done *done,
			int64_t from, int64_t rows)
{
	int64_t end = rows - from < e->page_rows ? rows : from + e->page_rows;
	if (e->kind != DENSE_VIEWS || e->m->width)
		return end;
	const int32_t *offsets = e->column->offsets;
	size_t most = most_bytes(e, done);
	if ((size_t)(offsets[end] - offsets[from]) <= most)
		return end;
	int64_t stop = from + 1;
	while (stop < end && (size_t)(offsets[stop + 1] - offsets[from]) <= most)
		stop++;
	return stop;
}

/* Does a page that ends there end between the pages of other columns? Then
 * nobody may skip by it: the readers of Spark and of Paimon (1.2 to 2.0.0) give
 * wrong values of DELTA_BINARY_PACKED pages of which they want some rows only
 * (their VectorizedDeltaBinaryPackedReader takes a request for no value for
 * the first one). */
static bool loose(const struct pq_encoder *e, int64_t end, int64_t rows)
{
	return !e->old_readers && end < rows && end % e->page_rows;
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
	struct pf_parquet_value min, max;
	page->null_page = from == to;
	if (e->movable)
		return;
	if (!pq_bounds_of(e, row, row_end, from, to, &min, &max, &done->nans)) {
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
		int64_t end = page_end(e, done, row, rows), nulls = 0;
		for (int64_t i = row; valid && i < end; i++)
			nulls += !pf_bit(valid, i);
		size_t to = from + (size_t)(end - row - nulls);
		struct pq_page_done *page = next_page(done);
		done->index = done->index && !loose(e, end, rows);
		page_bounds(e, row, end, from, to, done, page, all);
		e->raw.len = 0;
		if (e->nullable)
			put_levels(e, row, end - row, nulls);
		if (e->kind == DENSE_BITS)
			put_bits(e, row, end);
		else
			put_values(e, from, to);
		page->first_row = row;
		page->nulls = nulls;
		PF_TRY(end_page(e, PQ_PAGE_DATA, (size_t)(end - row), done, err));
		from = to;
		row = end;
	}
	if (e->codec < 0)
		settle_codec(e, done);
	if (all[0].known)
		put_bounds(e, done, &all[0], &all[1], &done->all);
	return 0;
}

int pq_encode_chunk(struct pq_encoder *e, const struct pq_mapping *m,
		    bool nullable, bool sorted, bool bloom, bool movable,
		    const struct pf_column *column, int64_t rows,
		    struct pq_chunk_done *done, struct pf_view *bytes,
		    struct pf_error *err)
{
	e->m = m;
	e->column = column;
	e->nullable = nullable;
	e->sorted = sorted;
	e->n = (size_t)(rows - column->nulls);
	e->movable = movable;
	e->codec = movable ? PQ_UNCOMPRESSED : -1;
	e->out.len = e->n_put = 0;
	e->n_held = e->held_raw.len = e->held_packed.len = 0;
	*done = (struct pq_chunk_done){ .rows = rows, .nulls = column->nulls,
					.index = !movable, .nans = -1 };
	if (m->form == PQ_FORM_FLOAT || m->form == PQ_FORM_DOUBLE)
		done->nans = 0;
	/* Levels are RLE; readers look for it in the list. */
	done->encodings = 1u << PQ_RLE;
	pq_choose(e, rows);
	if (movable)
		e->encoding = PQ_PLAIN;
	done->encoding = e->encoding;
	if (bloom && e->kind != DENSE_BITS)
		pq_make_bloom(e, &done->bloom);
	if (e->encoding == PQ_RLE_DICTIONARY)
		PF_TRY(put_dictionary(e, done, err));
	PF_TRY(put_pages(e, rows, done, err));
	*bytes = pf_view_of(e->out.data, e->out.len);
	return 0;
}
