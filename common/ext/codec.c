/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/codec.h"

#include <dlfcn.h>
#include <limits.h>
#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"

/* Output that grows is extended by pieces of this size. */
enum { PIECE = 64 * 1024 };

struct pf_compressor {
	ZSTD_CCtx *zstd;
	bool quick; /* level 1 */
};

struct pf_compressor *pf_compressor_new(int zstd_level)
{
	struct pf_compressor *c = pf_alloc(1, sizeof *c);
	c->zstd = ZSTD_createCCtx();
	if (!c->zstd)
		pf_out_of_memory();
	ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, zstd_level);
	c->quick = zstd_level == 1;
	return c;
}

void pf_compressor_free(struct pf_compressor *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->zstd);
	free(c);
}

/* The context is made when first needed: its tables take 100 KiB, which most
 * inputs of other codecs never touch. */
struct pf_decompressor {
	ZSTD_DCtx *zstd;
};

struct pf_decompressor *pf_decompressor_new(void)
{
	return pf_zalloc(1, sizeof(struct pf_decompressor));
}

void pf_decompressor_free(struct pf_decompressor *d)
{
	if (!d)
		return;
	ZSTD_freeDCtx(d->zstd);
	free(d);
}

int pf_zstd_compress(struct pf_compressor *c, const void *data, size_t len,
		     struct pf_buf *out, struct pf_error *err)
{
	/* Smaller tables of matches, which the first-level cache holds beside the
	 * data: up to a fifth faster, and no text of the data sets grows by more
	 * than a fiftieth. */
	if (c->quick)
		ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_hashLog, len > 128 << 10 ? 13 : 12);
	size_t bound = ZSTD_compressBound(len);
	size_t n = ZSTD_compress2(c->zstd, pf_buf_room(out, bound), bound, data, len);
	if (ZSTD_isError(n))
		return pf_fail(err, PF_E_INTERNAL, "zstd cannot compress: %s",
			       ZSTD_getErrorName(n));
	out->len += n;
	return 0;
}

/* Where decompressed bytes go: a block of known size, or a growing buffer. */
struct target {
	uint8_t *fixed;
	size_t size; /* of fixed, or the limit of grow */
	struct pf_buf *grow;
	size_t used;
};

/* Room for more output; *room is 0 when nothing more may come. */
static uint8_t *target_room(struct target *t, size_t *room)
{
	size_t left = t->size - t->used;
	if (t->fixed) {
		*room = left;
		return t->fixed + t->used;
	}
	*room = left < PIECE ? left : PIECE;
	return pf_buf_room(t->grow, *room);
}

static void target_add(struct target *t, size_t n)
{
	t->used += n;
	if (!t->fixed)
		t->grow->len += n;
}

static int too_long(const char *what, const struct target *t, struct pf_error *err)
{
	return pf_fail(err, PF_E_CODEC, "%s data gives more than %zu bytes", what,
		       t->size);
}

static int cut_off(const char *what, struct pf_error *err)
{
	return pf_fail(err, PF_E_CODEC, "%s data ends early", what);
}

static int inflate_block(bool raw, const void *data, size_t len, struct target *t,
			 struct pf_error *err)
{
	const char *what = raw ? "deflate" : "gzip";
	z_stream z = { .next_in = data };
	size_t left = len;
	int code = 0, r = inflateInit2(&z, raw ? -MAX_WBITS : MAX_WBITS + 32);
	if (r != Z_OK)
		return pf_fail(err, PF_E_MEMORY, "zlib cannot start");
	for (;;) {
		uint8_t spare;
		size_t room;
		uint8_t *out = target_room(t, &room);
		z.avail_in = left < UINT_MAX ? (uInt)left : UINT_MAX;
		z.next_out = room ? out : &spare;
		z.avail_out = !room ? 1 : room < UINT_MAX ? (uInt)room : UINT_MAX;
		uInt in = z.avail_in, space = z.avail_out;
		r = inflate(&z, Z_NO_FLUSH);
		left -= in - z.avail_in;
		if (!room && z.avail_out < space) {
			code = too_long(what, t, err);
			break;
		}
		target_add(t, space - z.avail_out);
		if (r == Z_STREAM_END) {
			if (!left)
				break;
			if (raw) {
				code = pf_fail(err, PF_E_CODEC,
					       "deflate data is followed by %zu other bytes",
					       left);
				break;
			}
			inflateReset(&z);
		} else if (r == Z_BUF_ERROR || (r == Z_OK && !left && z.avail_out)) {
			code = cut_off(what, err);
			break;
		} else if (r != Z_OK) {
			code = pf_fail(err, PF_E_CODEC, "malformed %s data: %s", what,
				       z.msg ? z.msg : "unknown");
			break;
		}
	}
	inflateEnd(&z);
	return code;
}

static int zstd_block(const void *data, size_t len, struct target *t,
		      struct pf_error *err)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	if (!d)
		return pf_fail(err, PF_E_MEMORY, "zstd cannot start");
	ZSTD_inBuffer in = { data, len, 0 };
	size_t r = 1;
	int code = 0;
	while (!code && (in.pos < in.size || r)) {
		uint8_t spare;
		size_t room, before = in.pos;
		uint8_t *bytes = target_room(t, &room);
		ZSTD_outBuffer out = { room ? bytes : &spare, room ? room : 1, 0 };
		r = ZSTD_decompressStream(d, &out, &in);
		if (ZSTD_isError(r))
			code = pf_fail(err, PF_E_CODEC, "malformed zstd data: %s",
				       ZSTD_getErrorName(r));
		else if (!room && out.pos)
			code = too_long("zstd", t, err);
		else if (r && in.pos == before && !out.pos)
			code = cut_off("zstd", err);
		else
			target_add(t, out.pos);
	}
	ZSTD_freeDCtx(d);
	return code;
}

static int lz4_frame_block(const void *data, size_t len, struct target *t,
			   struct pf_error *err)
{
	LZ4F_dctx *d;
	if (LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)))
		return pf_fail(err, PF_E_MEMORY, "lz4 cannot start");
	const uint8_t *in = data;
	size_t left = len, r = 1;
	int code = 0;
	while (!code && (left || r)) {
		uint8_t spare;
		size_t room, taken = left;
		uint8_t *out = target_room(t, &room);
		size_t made = room ? room : 1;
		r = LZ4F_decompress(d, room ? out : &spare, &made, in, &taken, NULL);
		if (LZ4F_isError(r))
			code = pf_fail(err, PF_E_CODEC, "malformed lz4 data: %s",
				       LZ4F_getErrorName(r));
		else if (!room && made)
			code = too_long("lz4", t, err);
		else if (r && !taken && !made)
			code = cut_off("lz4", err);
		else
			target_add(t, made);
		in += taken;
		left -= taken;
	}
	LZ4F_freeDecompressionContext(d);
	return code;
}

static int lz4_raw_block(const uint8_t *data, size_t len, uint8_t *out,
			 size_t out_len, struct pf_error *err)
{
	if (len > INT_MAX || out_len > INT_MAX)
		return pf_fail(err, PF_E_CODEC, "lz4 block of %zu bytes is too long",
			       len > out_len ? len : out_len);
	int n = LZ4_decompress_safe((const char *)data, (char *)out, (int)len,
				    (int)out_len);
	if (n < 0)
		return pf_fail(err, PF_E_CODEC, "malformed lz4 block");
	if ((size_t)n != out_len)
		return pf_fail(err, PF_E_CODEC,
			       "lz4 block gives %d bytes instead of %zu", n, out_len);
	return 0;
}

static uint32_t big_endian_32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Blocks, each behind its two sizes. Some old writers put a bare block under
 * the same codec number; that is tried when the sizes make no sense. */
static int lz4_hadoop_block(const uint8_t *data, size_t len, uint8_t *out,
			    size_t out_len, struct pf_error *err)
{
	size_t at = 0, used = 0;
	bool framed = true;
	while (framed && at < len) {
		if (len - at < 8)
			break;
		size_t raw = big_endian_32(data + at);
		size_t packed = big_endian_32(data + at + 4);
		framed = packed <= len - at - 8 && raw <= out_len - used &&
			 !lz4_raw_block(data + at + 8, packed, out + used, raw, NULL);
		at += 8 + packed;
		used += raw;
	}
	if (framed && at == len && used == out_len)
		return 0;
	return lz4_raw_block(data, len, out, out_len, err);
}

/* Snappy is written in C++, whose runtime takes longer to load than a lookup
 * takes: it is loaded when its first block comes, and stays. */
struct snappy {
	__typeof__(&snappy_uncompressed_length) length;
	__typeof__(&snappy_uncompress) uncompress;
};

static int snappy_load(struct snappy *s, struct pf_error *err)
{
	void *lib = dlopen("libsnappy.so.1", RTLD_NOW | RTLD_LOCAL);
	void *length = lib ? dlsym(lib, "snappy_uncompressed_length") : NULL;
	void *uncompress = lib ? dlsym(lib, "snappy_uncompress") : NULL;
	if (!length || !uncompress)
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "snappy data needs the library libsnappy.so.1");
	memcpy(&s->length, &length, sizeof length);
	memcpy(&s->uncompress, &uncompress, sizeof uncompress);
	return 0;
}

static int snappy_block(const void *data, size_t len, struct target *t,
			struct pf_error *err)
{
	struct snappy snappy = { 0 };
	size_t size;
	PF_TRY(snappy_load(&snappy, err));
	if (snappy.length(data, len, &size) != SNAPPY_OK)
		return pf_fail(err, PF_E_CODEC, "malformed snappy data");
	if (size > t->size)
		return too_long("snappy", t, err);
	/* The claimed size is believed only when the input could hold it: a
	 * copy element makes at most 64 bytes out of 2. */
	if (size / 64 > len)
		return cut_off("snappy", err);
	uint8_t *out = t->fixed ? t->fixed : pf_buf_room(t->grow, size);
	if (snappy.uncompress(data, len, (char *)out, &size) != SNAPPY_OK)
		return pf_fail(err, PF_E_CODEC, "malformed snappy data");
	target_add(t, size);
	return 0;
}

static int run(enum pf_codec codec, const void *data, size_t len, struct target *t,
	       struct pf_error *err)
{
	switch (codec) {
	case PF_CODEC_NONE:
		if (len > t->size)
			return pf_fail(err, PF_E_CODEC,
				       "%zu plain bytes where %zu have room", len,
				       t->size);
		if (len)
			memcpy(t->fixed ? t->fixed : pf_buf_room(t->grow, len), data,
			       len);
		target_add(t, len);
		return 0;
	case PF_CODEC_SNAPPY:
		return snappy_block(data, len, t, err);
	case PF_CODEC_GZIP:
		return inflate_block(false, data, len, t, err);
	case PF_CODEC_DEFLATE:
		return inflate_block(true, data, len, t, err);
	case PF_CODEC_ZSTD:
		return zstd_block(data, len, t, err);
	case PF_CODEC_LZ4_FRAME:
		return lz4_frame_block(data, len, t, err);
	case PF_CODEC_LZ4_RAW:
	case PF_CODEC_LZ4_HADOOP:
		break;
	}
	return pf_fail(err, PF_E_UNSUPPORTED,
		       "codec %d does not say how long its data is", (int)codec);
}

/* One call instead of the streaming loop: pages are many and small. */
static int zstd_exact(struct pf_decompressor *d, const void *data, size_t len,
		      void *out, size_t out_len, struct pf_error *err)
{
	if (d && !d->zstd)
		d->zstd = ZSTD_createDCtx();
	size_t n = d && d->zstd ?
			   ZSTD_decompressDCtx(d->zstd, out, out_len, data, len) :
			   ZSTD_decompress(out, out_len, data, len);
	if (ZSTD_isError(n))
		return pf_fail(err, PF_E_CODEC, "malformed zstd data: %s",
			       ZSTD_getErrorName(n));
	if (n != out_len)
		return pf_fail(err, PF_E_CODEC,
			       "zstd data gives %zu bytes instead of %zu", n, out_len);
	return 0;
}

int pf_decompress(struct pf_decompressor *d, enum pf_codec codec, const void *data,
		  size_t len, void *out, size_t out_len, struct pf_error *err)
{
	uint8_t nowhere[8];
	/* An empty result still has an address: the libraries want one. */
	uint8_t *to = out_len ? out : nowhere;
	if (codec == PF_CODEC_ZSTD)
		return zstd_exact(d, data, len, to, out_len, err);
	if (codec == PF_CODEC_LZ4_RAW)
		return lz4_raw_block(data, len, to, out_len, err);
	if (codec == PF_CODEC_LZ4_HADOOP)
		return lz4_hadoop_block(data, len, to, out_len, err);
	struct target t = { .fixed = to, .size = out_len };
	PF_TRY(run(codec, data, len, &t, err));
	if (t.used != out_len)
		return pf_fail(err, PF_E_CODEC,
			       "compressed data gives %zu bytes instead of %zu",
			       t.used, out_len);
	return 0;
}

int pf_decompress_any(enum pf_codec codec, const void *data, size_t len,
		      size_t limit, struct pf_buf *out, struct pf_error *err)
{
	struct target t = { .size = limit, .grow = out };
	size_t before = out->len;
	int code = run(codec, data, len, &t, err);
	if (code)
		out->len = before;
	return code;
}
