/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/chunk.h"

#include <inttypes.h>

#include "ext/hash.h"

/* A page header is short unless statistics make it long. */
#define HEADER_BYTES 512
#define HEADER_MOST ((int64_t)1 << 20)
/* Neighbouring pages are fetched together, up to that. */
#define AHEAD_BYTES ((int64_t)4 << 20)
/* Some old writers left a header out of the chunk's size (PARQUET-816): its
 * last page may reach that much further, but no page begins there. */
#define CHUNK_SLACK 100

int pq_chunk_extent(const struct pf_parquet_file *f, const struct pq_chunk *c,
		    int64_t *begin, int64_t *end, struct pf_error *err)
{
	int64_t size = (int64_t)f->source.size;
	*begin = c->data_offset;
	/* Some writers say 0 for "none". */
	if (c->dictionary_offset >= 4 && c->dictionary_offset < *begin)
		*begin = c->dictionary_offset;
	if (*begin < 4 || *begin >= size || c->compressed_bytes < 0 ||
	    c->compressed_bytes > size - *begin)
		return pf_fail(err, PF_E_PARQUET, "its pages are not inside the file");
	*end = *begin + c->compressed_bytes;
	*end = size - *end < CHUNK_SLACK ? size : *end + CHUNK_SLACK;
	return 0;
}

/* --- bytes of pages --- */

/* Have len bytes at offset in memory; while at it, those up to ahead. */
static int need(struct pq_reading *c, int64_t offset, int64_t len, int64_t ahead,
		const uint8_t **bytes, struct pf_error *err)
{
	if (len > c->end - offset)
		return pf_fail(err, PF_E_PARQUET, "a page at %" PRId64
			       " reaches beyond its column", offset);
	if (!pq_in_memory(c->f, (size_t)len, offset)) {
		int64_t more = ahead - offset;
		more = more > AHEAD_BYTES ? AHEAD_BYTES : more;
		more = more > c->end - offset ? c->end - offset : more;
		PF_TRY(pq_fetch(c->f, (size_t)(more > len ? more : len), offset, err));
	}
	*bytes = pq_in_memory(c->f, (size_t)len, offset);
	return 0;
}

/* The header of the page at offset. */
static int page_header(struct pq_reading *c, int64_t offset, int64_t ahead,
		       struct pq_page_header *h, int64_t *used, struct pf_error *err)
{
	for (int64_t len = HEADER_BYTES; ; len *= 8) {
		const uint8_t *bytes;
		size_t n;
		bool more;
		int64_t left = c->end - offset;
		len = len > left ? left : len;
		PF_TRY(need(c, offset, len, ahead, &bytes, err));
		int code = pq_page_header_parse(bytes, (size_t)len, h, &n, &more, err);
		if (code && more && len < left && len < HEADER_MOST)
			continue;
		if (code)
			return code;
		*used = (int64_t)n;
		return 0;
	}
}

static enum pf_codec codec_of(int32_t codec)
{
	switch (codec) {
	case PQ_SNAPPY:
		return PF_CODEC_SNAPPY;
	case PQ_GZIP:
		return PF_CODEC_GZIP;
	case PQ_LZ4:
		return PF_CODEC_LZ4_HADOOP;
	case PQ_ZSTD:
		return PF_CODEC_ZSTD;
	case PQ_LZ4_RAW:
		return PF_CODEC_LZ4_RAW;
	default:
		return PF_CODEC_NONE;
	}
}

/* How many times its size can a page be, unpacked? What no compressor can
 * reach is a lie, and no reason to make room. */
static int64_t most_unpacked(int32_t codec, int64_t packed)
{
	int64_t ratio = codec == PQ_UNCOMPRESSED ? 1 :
			codec == PQ_SNAPPY ? 64 :
			codec == PQ_LZ4 || codec == PQ_LZ4_RAW ? 256 :
			codec == PQ_GZIP ? 1100 : 32768;
	return packed * ratio + 64;
}

static int check_sizes(const struct pq_reading *c, const struct pq_page_header *h,
		       struct pf_error *err)
{
	if (h->compressed > PQ_PAGE_BYTES || h->uncompressed > PQ_PAGE_BYTES)
		return pf_fail(err, PF_E_LIMIT, "a page of more than 256 MiB");
	if (h->uncompressed > most_unpacked(c->meta->codec, h->compressed))
		return pf_fail(err, PF_E_PARQUET,
			       "a page of %d bytes cannot unpack to %d", h->compressed,
			       h->uncompressed);
	return 0;
}

static int check_crc(const struct pq_page_header *h, const uint8_t *body,
		     int64_t offset, struct pf_error *err)
{
	if (!h->has_crc || pf_crc32(0, body, (size_t)h->compressed) == h->crc)
		return 0;
	return pf_fail(err, PF_E_CORRUPT, "the checksum of the page at %" PRId64
		       " is wrong", offset);
}

/* Unpack len bytes into out_len at the end of out, with slack. */
int pq_unpack(const struct pq_reading *c, bool compressed, const uint8_t *data,
		  size_t len, size_t out_len, struct pf_buf *out, struct pf_error *err)
{
	uint8_t *to = pf_buf_room(out, out_len + PQ_SLACK);
	if (!compressed || c->meta->codec == PQ_UNCOMPRESSED) {
		if (len != out_len)
			return pf_fail(err, PF_E_PARQUET,
				       "a page of %zu bytes that should be %zu", len,
				       out_len);
		if (len)
			memcpy(to, data, len);
	} else if (out_len) {
		PF_TRY(pf_decompress(c->s->decompressor, codec_of(c->meta->codec),
				     data, len, to, out_len, err));
	}
	out->len += out_len;
	return 0;
}

/* --- dictionary page --- */

int pq_take_dictionary(struct pq_reading *c, const struct pq_page_header *h,
			   const uint8_t *body, struct pf_error *err)
{
	struct pq_dictionary *d = c->dictionary;
	d->loaded = false;
	if (h->values < 0 || h->values > PQ_PAGE_VALUES ||
	    (h->encoding != PQ_PLAIN && h->encoding != PQ_PLAIN_DICTIONARY))
		return pf_fail(err, PF_E_PARQUET, "malformed dictionary page");
	d->page.len = 0;
	PF_TRY(pq_unpack(c, true, body, (size_t)h->compressed, (size_t)h->uncompressed,
		      &d->page, err));
	d->group = c->group;
	return pq_decode_dictionary(c->m, (size_t)h->values, d, err);
}

/* The page at offset: header, whole body, checksum. */
int pq_load_page(struct pq_reading *c, int64_t offset, int64_t ahead, struct pq_page *p,
		     int64_t *next, struct pf_error *err)
{
	int64_t used;
	PF_TRY(page_header(c, offset, ahead, &p->h, &used, err));
	PF_TRY(check_sizes(c, &p->h, err));
	p->offset = offset;
	*next = offset + used + p->h.compressed;
	return 0;
}

int pq_load_body(struct pq_reading *c, struct pq_page *p, int64_t next, int64_t ahead,
		     struct pf_error *err)
{
	PF_TRY(need(c, next - p->h.compressed, p->h.compressed, ahead, &p->body, err));
	return check_crc(&p->h, p->body, p->offset, err);
}

int pq_load_dictionary(struct pq_reading *c, int64_t offset, struct pf_error *err)
{
	struct pq_page p;
	int64_t next;
	PF_TRY(pq_load_page(c, offset, c->end, &p, &next, err));
	PF_TRY(pq_load_body(c, &p, next, c->end, err));
	return pq_take_dictionary(c, &p.h, p.body, err);
}

