/* SPDX-License-Identifier: Apache-2.0
 *
 * Every codec against bytes made by its own library (here) or written out by
 * hand, and what must be refused: short, long, cut, garbage.
 */
#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#include "ext/codec.h"
#include "unit.h"

enum { N = 200000 };

static uint8_t *sample(void)
{
	uint8_t *p = pf_alloc(N, 1);
	uint32_t x = 1;
	for (size_t i = 0; i < N; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (uint8_t)(i % 97 < 60 ? 'a' + i % 7 : x >> 24);
	}
	return p;
}

static void pack_zlib(const void *data, size_t len, int bits, struct pf_buf *out)
{
	z_stream z = { 0 };
	CHECK(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	size_t bound = deflateBound(&z, (uLong)len);
	z.next_in = data;
	z.avail_in = (uInt)len;
	z.next_out = pf_buf_room(out, bound);
	z.avail_out = (uInt)bound;
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
}

static void pack(enum pf_codec codec, const uint8_t *data, size_t len,
		 struct pf_buf *out)
{
	struct pf_error err = { 0 };
	size_t n;
	switch (codec) {
	case PF_CODEC_NONE:
		pf_buf_add(out, data, len);
		break;
	case PF_CODEC_SNAPPY:
		n = snappy_max_compressed_length(len);
		CHECK(snappy_compress((const char *)data, len,
				      (char *)pf_buf_room(out, n), &n) == SNAPPY_OK);
		out->len += n;
		break;
	case PF_CODEC_GZIP: /* two members */
		pack_zlib(data, len / 3, MAX_WBITS + 16, out);
		pack_zlib(data + len / 3, len - len / 3, MAX_WBITS + 16, out);
		break;
	case PF_CODEC_DEFLATE:
		pack_zlib(data, len, -MAX_WBITS, out);
		break;
	case PF_CODEC_ZSTD: {
		struct pf_compressor *c = pf_compressor_new(1);
		CHECK_OK(pf_zstd_compress(c, data, len / 2, out, &err), &err);
		CHECK_OK(pf_zstd_compress(c, data + len / 2, len - len / 2, out, &err),
			 &err);
		pf_compressor_free(c);
		break;
	}
	case PF_CODEC_LZ4_RAW:
		n = (size_t)LZ4_compressBound((int)len);
		out->len += (size_t)LZ4_compress_default((const char *)data,
							 (char *)pf_buf_room(out, n),
							 (int)len, (int)n);
		break;
	case PF_CODEC_LZ4_FRAME:
		n = LZ4F_compressFrameBound(len, NULL);
		out->len += LZ4F_compressFrame(pf_buf_room(out, n), n, data, len, NULL);
		break;
	case PF_CODEC_LZ4_HADOOP:
		for (size_t at = 0; at < len;) {
			size_t piece = len - at < 65536 ? len - at : 65536;
			struct pf_buf block = { 0 };
			pack(PF_CODEC_LZ4_RAW, data + at, piece, &block);
			for (int k = 24; k >= 0; k -= 8)
				pf_buf_byte(out, (uint8_t)(piece >> k));
			for (int k = 24; k >= 0; k -= 8)
				pf_buf_byte(out, (uint8_t)(block.len >> k));
			pf_buf_add(out, block.data, block.len);
			pf_buf_free(&block);
			at += piece;
		}
		break;
	}
}

static const enum pf_codec all[] = {
	PF_CODEC_NONE, PF_CODEC_SNAPPY,  PF_CODEC_GZIP,      PF_CODEC_DEFLATE,
	PF_CODEC_ZSTD, PF_CODEC_LZ4_RAW, PF_CODEC_LZ4_FRAME, PF_CODEC_LZ4_HADOOP,
};
enum { CODECS = sizeof all / sizeof *all };

TEST(round_trip)
{
	uint8_t *data = sample(), *back = pf_alloc(N + 1, 1);
	static const size_t sizes[] = { 0, 1, 10, 1000, 65536, N };
	struct pf_error err = { 0 };
	for (int c = 0; c < CODECS; c++)
		for (size_t s = 0; s < 6; s++) {
			struct pf_buf out = { 0 };
			memset(back, 0, N);
			pack(all[c], data, sizes[s], &out);
			CHECK_OK(pf_decompress(NULL, all[c], out.data, out.len, back,
					       sizes[s], &err),
				 &err);
			CHECK(!memcmp(back, data, sizes[s]));
			pf_buf_free(&out);
		}
	free(data);
	free(back);
}

TEST(wrong_size)
{
	uint8_t *data = sample(), *back = pf_alloc(N + 1, 1);
	for (int c = 0; c < CODECS; c++) {
		struct pf_buf out = { 0 };
		pack(all[c], data, 5000, &out);
		CHECK_INT(pf_decompress(NULL, all[c], out.data, out.len, back, 4999, NULL),
			  PF_E_CODEC);
		CHECK_INT(pf_decompress(NULL, all[c], out.data, out.len, back, 5001, NULL),
			  PF_E_CODEC);
		pf_buf_free(&out);
	}
	free(data);
	free(back);
}

/* Any proper prefix fails, and nothing behind the end is written. */
TEST(cut_off)
{
	uint8_t *data = sample(), *back = pf_alloc(5001, 1);
	for (int c = 1; c < CODECS; c++) {
		struct pf_buf out = { 0 };
		pack(all[c], data, 5000, &out);
		for (size_t n = 0; n < out.len; n += n < 40 ? 1 : 37) {
			uint8_t *copy = pf_alloc(n, 1);
			if (n)
				memcpy(copy, out.data, n);
			back[5000] = 0x5a;
			CHECK_INT(pf_decompress(NULL, all[c], copy, n, back, 5000, NULL),
				  PF_E_CODEC);
			CHECK(back[5000] == 0x5a);
			free(copy);
		}
		pf_buf_free(&out);
	}
	free(data);
	free(back);
}

TEST(garbage)
{
	uint8_t *data = sample(), back[600];
	for (int c = 1; c < CODECS; c++)
		for (size_t i = 0; i < 200; i++)
			CHECK_INT(pf_decompress(NULL, all[c], data + 60 + i * 97, 37, back,
						600, NULL),
				  PF_E_CODEC);
	free(data);
}

TEST(unknown_size)
{
	uint8_t *data = sample();
	struct pf_error err = { 0 };
	for (int c = 0; c < CODECS; c++) {
		struct pf_buf out = { 0 }, back = { 0 };
		pack(all[c], data, N, &out);
		pf_buf_str(&back, "head");
		int code = pf_decompress_any(all[c], out.data, out.len, N, &back, &err);
		if (all[c] == PF_CODEC_LZ4_RAW || all[c] == PF_CODEC_LZ4_HADOOP) {
			CHECK_INT(code, PF_E_UNSUPPORTED);
		} else {
			CHECK_OK(code, &err);
			CHECK_INT(back.len, N + 4);
			CHECK(!memcmp(back.data, "head", 4));
			CHECK(!memcmp(back.data + 4, data, N));
			back.len = 4;
			CHECK_INT(pf_decompress_any(all[c], out.data, out.len, N - 1,
						    &back, &err),
				  PF_E_CODEC);
			CHECK_INT(back.len, 4);
		}
		pf_buf_free(&out);
		pf_buf_free(&back);
	}
	free(data);
}

/* A page of codec 5 that holds a bare block, as parquet-cpp once wrote it. */
TEST(hadoop_without_sizes)
{
	uint8_t *data = sample(), back[5000];
	struct pf_buf out = { 0 };
	struct pf_error err = { 0 };
	pack(PF_CODEC_LZ4_RAW, data, 5000, &out);
	CHECK_OK(pf_decompress(NULL, PF_CODEC_LZ4_HADOOP, out.data, out.len, back, 5000, &err),
		 &err);
	CHECK(!memcmp(back, data, 5000));
	pf_buf_free(&out);
	free(data);
}

TEST(zstd_has_content_size)
{
	struct pf_compressor *c = pf_compressor_new(1);
	struct pf_buf out = { 0 };
	struct pf_error err = { 0 };
	CHECK_OK(pf_zstd_compress(c, "hello hello hello", 17, &out, &err), &err);
	/* magic, then a descriptor with the single-segment flag and one byte
	 * of content size */
	CHECK(out.len > 6 && !memcmp(out.data, "\x28\xb5\x2f\xfd", 4));
	CHECK_INT(out.data[4] & 0x20, 0x20);
	CHECK_INT(out.data[5], 17);
	pf_buf_free(&out);
	pf_compressor_free(c);
}

UNIT_MAIN(CASE(round_trip), CASE(wrong_size), CASE(cut_off), CASE(garbage),
	  CASE(unknown_size), CASE(hadoop_without_sizes), CASE(zstd_has_content_size))
