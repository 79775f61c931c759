/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/inflate.h"

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include "drip.h"
#include "unit.h"

static int drain(const void *packed, size_t len, size_t step, size_t piece,
		 const char **format, struct pf_buf *out, struct pf_error *err)
{
	struct drip drip = { { packed, len }, 0, step };
	struct pf_byte_source raw = { drip_read, NULL, &drip, "drip" };
	struct pf_inflate *f;
	int code = pf_inflate_open(&raw, &f, err);
	if (code)
		return code;
	if (format)
		*format = pf_inflate_format(f);
	struct pf_byte_source plain = pf_inflate_source(f);
	size_t got = 1;
	while (!code && got) {
		code = plain.read(plain.ctx, pf_buf_room(out, piece), piece, &got, err);
		if (!code)
			out->len += got;
	}
	pf_inflate_close(f);
	return code;
}

static void sample(struct pf_buf *b, size_t n)
{
	uint32_t x = 7;
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		pf_buf_byte(b, (uint8_t)(i % 50 < 30 ? 'x' : x >> 24));
	}
}

static void gzip_member(struct pf_buf *out, const void *data, size_t len)
{
	z_stream z = { 0 };
	deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
	size_t bound = deflateBound(&z, (uLong)len);
	z.next_in = data;
	z.avail_in = (uInt)len;
	z.next_out = pf_buf_room(out, bound);
	z.avail_out = (uInt)bound;
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
}

static void zstd_frame(struct pf_buf *out, const void *data, size_t len)
{
	size_t bound = ZSTD_compressBound(len);
	out->len += ZSTD_compress(pf_buf_room(out, bound), bound, data, len, 1);
}

/* data in four members or frames, two of them empty */
static void pack(bool zstd, const struct pf_buf *data, struct pf_buf *out)
{
	void (*member)(struct pf_buf *, const void *, size_t) =
		zstd ? zstd_frame : gzip_member;
	member(out, "", 0);
	member(out, data->data, data->len / 3);
	member(out, "", 0);
	member(out, data->data + data->len / 3, data->len - data->len / 3);
}

TEST(members_and_frames)
{
	struct pf_buf data = { 0 };
	struct pf_error err = { 0 };
	sample(&data, 700000);
	for (int zstd = 0; zstd < 2; zstd++) {
		struct pf_buf packed = { 0 };
		pack(zstd, &data, &packed);
		static const size_t steps[] = { 1, 7, 4096, 1 << 20 };
		for (int s = 0; s < 4; s++) {
			struct pf_buf out = { 0 };
			const char *format = "?";
			CHECK_OK(drain(packed.data, packed.len, steps[s], 10007, &format,
				       &out, &err),
				 &err);
			CHECK_STR(format, zstd ? "zstd" : "gzip");
			CHECK_INT(out.len, data.len);
			CHECK(!memcmp(out.data, data.data, data.len));
			pf_buf_free(&out);
		}
		pf_buf_free(&packed);
	}
	pf_buf_free(&data);
}

TEST(handed_through)
{
	static const struct {
		const char *bytes;
		size_t len;
	} plain[] = {
		{ "", 0 },           { "a,b\n1,2\n", 8 }, { "\x1f", 1 },
		{ "\x1f\x8b", 2 },   { "(\xb5/", 3 },     { "P*M", 3 },
		{ "\x1f\x8b\x09", 3 }, { "{}", 2 },
	};
	struct pf_error err = { 0 };
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		for (size_t step = 1; step < 10; step += 4) {
			struct pf_buf out = { 0 };
			const char *format = "?";
			CHECK_OK(drain(plain[i].bytes, plain[i].len, step, 3, &format,
				       &out, &err),
				 &err);
			CHECK(!format);
			CHECK_INT(out.len, plain[i].len);
			CHECK(!out.len || !memcmp(out.data, plain[i].bytes, out.len));
			pf_buf_free(&out);
		}
}

TEST(cut_off)
{
	struct pf_buf data = { 0 };
	sample(&data, 3000);
	for (int zstd = 0; zstd < 2; zstd++) {
		struct pf_buf packed = { 0 };
		if (zstd)
			zstd_frame(&packed, data.data, data.len);
		else
			gzip_member(&packed, data.data, data.len);
		for (size_t n = 4; n < packed.len; n += 13) {
			struct pf_buf out = { 0 };
			struct pf_error err = { 0 };
			CHECK_INT(drain(packed.data, n, 100, 999, NULL, &out, &err),
				  PF_E_TRUNCATED);
			CHECK(strstr(err.message, "'drip' ends inside its "));
			CHECK(out.len <= data.len &&
			      (!out.len || !memcmp(out.data, data.data, out.len)));
			pf_buf_free(&out);
		}
		pf_buf_free(&packed);
	}
	pf_buf_free(&data);
}

TEST(followed_by)
{
	struct pf_buf packed = { 0 }, out = { 0 };
	struct pf_error err = { 0 };
	gzip_member(&packed, "hello", 5);
	size_t member = packed.len;
	pf_buf_zeros(&packed, 1000);
	CHECK_OK(drain(packed.data, packed.len, 64, 64, NULL, &out, &err), &err);
	CHECK_INT(out.len, 5);
	pf_buf_str(&packed, "x");
	CHECK_INT(drain(packed.data, packed.len, 64, 64, NULL, &out, &err), PF_E_CODEC);
	packed.len = member;
	pf_buf_str(&packed, "garbage");
	CHECK_INT(drain(packed.data, packed.len, 64, 64, NULL, &out, &err), PF_E_CODEC);
	CHECK(strstr(err.message, "after 5 plain bytes"));
	packed.len = out.len = 0;
	zstd_frame(&packed, "hello", 5);
	pf_buf_str(&packed, "garbage");
	CHECK_INT(drain(packed.data, packed.len, 64, 64, NULL, &out, &err), PF_E_CODEC);
	CHECK_INT(out.len, 5);
	pf_buf_free(&packed);
	pf_buf_free(&out);
}

TEST(damaged)
{
	struct pf_buf data = { 0 }, packed = { 0 }, out = { 0 };
	sample(&data, 5000);
	gzip_member(&packed, data.data, data.len);
	packed.data[packed.len - 8] ^= 1; /* its CRC */
	CHECK_INT(drain(packed.data, packed.len, 4096, 999, NULL, &out, NULL),
		  PF_E_CODEC);
	/* All that came before is there, however much is asked for at once. */
	CHECK(out.len == data.len && !memcmp(out.data, data.data, out.len));
	out.len = 0;
	CHECK_INT(drain(packed.data, packed.len, packed.len, data.len + 9, NULL, &out, NULL),
		  PF_E_CODEC);
	CHECK_INT(out.len, data.len);
	pf_buf_free(&data);
	pf_buf_free(&packed);
	pf_buf_free(&out);
}

UNIT_MAIN(CASE(members_and_frames), CASE(handed_through), CASE(cut_off),
	  CASE(followed_by), CASE(damaged))
