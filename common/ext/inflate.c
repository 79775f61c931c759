/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/inflate.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"

enum { INPUT_BYTES = 256 * 1024 };

enum format { PLAIN, GZIP, ZSTD };

/* START: nothing of the next member or frame was decoded; input may end.
 * PADDING: zeros up to the end, as tapes and block devices leave them. */
enum state { START, INSIDE, PADDING };

struct pf_inflate {
	struct pf_byte_source source;
	enum format format;
	enum state state;
	uint64_t made;
	bool pending; /* the decoder may hold output that had no room */
	bool member;  /* a whole gzip member was decoded */
	bool ended;   /* the source has */
	z_stream gzip;
	ZSTD_DStream *zstd;
	const char *broken; /* why nothing more can be had; or NULL */
	size_t at, end; /* unread input */
	uint8_t input[INPUT_BYTES];
};

static const char *format_name(enum format format)
{
	return format == GZIP ? "gzip" : format == ZSTD ? "zstd" : NULL;
}

static int fill(struct pf_inflate *f, struct pf_error *err)
{
	size_t got;
	if (f->at == f->end)
		f->at = f->end = 0;
	PF_TRY(f->source.read(f->source.ctx, f->input + f->end, INPUT_BYTES - f->end,
			      &got, err));
	f->end += got;
	f->ended = !got;
	return 0;
}

/* What the bytes begin; *more when further bytes could decide otherwise. */
static enum format detect(const uint8_t *p, size_t n, bool *more)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b, 8 };
	static const uint8_t zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	static const uint8_t skip[] = { 0x50, 0x2a, 0x4d, 0x18 };
	*more = false;
	if (!memcmp(p, gzip, n < 3 ? n : 3)) {
		*more = n < 3;
		return GZIP;
	}
	uint8_t low[4];
	memcpy(low, p, n < 4 ? n : 4);
	low[0] &= 0xf0;
	size_t four = n < 4 ? n : 4;
	if (!memcmp(p, zstd, four) || !memcmp(low, skip, four)) {
		*more = n < 4;
		return ZSTD;
	}
	return PLAIN;
}

int pf_inflate_open(const struct pf_byte_source *source, struct pf_inflate **inflate,
		    struct pf_error *err)
{
	struct pf_inflate *f = pf_alloc(1, sizeof *f);
	memset(f, 0, offsetof(struct pf_inflate, input));
	f->source = *source;
	bool more = true;
	while (more && !f->ended) {
		int code = fill(f, err);
		if (code) {
			free(f);
			return code;
		}
		f->format = detect(f->input, f->end, &more);
	}
	if (more)
		f->format = PLAIN; /* the beginning of a magic and no more */
	if (f->format == GZIP && inflateInit2(&f->gzip, MAX_WBITS + 16) != Z_OK)
		pf_out_of_memory();
	if (f->format == ZSTD && !(f->zstd = ZSTD_createDStream()))
		pf_out_of_memory();
	*inflate = f;
	return 0;
}

const char *pf_inflate_format(const struct pf_inflate *inflate)
{
	return format_name(inflate->format);
}

static int malformed(const struct pf_inflate *f, const char *why,
		     struct pf_error *err)
{
	return pf_fail(err, PF_E_CODEC,
		       "'%s': malformed %s data after %llu plain bytes: %s",
		       f->source.name, format_name(f->format),
		       (unsigned long long)f->made, why);
}

/* One step of the decoder: takes input, gives *got bytes. */
static int gunzip(struct pf_inflate *f, uint8_t *out, size_t len, size_t *got,
		  struct pf_error *err)
{
	if (f->state == START && f->member) {
		/* Behind a member: another one, or zeros. */
		if (!f->input[f->at]) {
			f->state = PADDING;
			return 0;
		}
		if (f->input[f->at] != 0x1f)
			return malformed(f, "other bytes follow its end", err);
		inflateReset(&f->gzip);
	}
	f->state = INSIDE;
	uInt room = len < INPUT_BYTES ? (uInt)len : INPUT_BYTES;
	f->gzip.next_in = f->input + f->at;
	f->gzip.avail_in = (uInt)(f->end - f->at);
	f->gzip.next_out = out;
	f->gzip.avail_out = room;
	int r = inflate(&f->gzip, Z_NO_FLUSH);
	f->at = f->end - f->gzip.avail_in;
	*got = room - f->gzip.avail_out;
	f->pending = !f->gzip.avail_out;
	if (r == Z_STREAM_END) {
		f->state = START;
		f->member = true;
		f->pending = false;
	} else if (r != Z_OK && r != Z_BUF_ERROR) {
		/* What came before the damage is handed out first. */
		f->broken = f->gzip.msg ? f->gzip.msg : "unknown";
	}
	return 0;
}

static int unzstd(struct pf_inflate *f, uint8_t *out, size_t len, size_t *got,
		  struct pf_error *err)
{
	ZSTD_inBuffer in = { f->input, f->end, f->at };
	ZSTD_outBuffer to = { out, len, 0 };
	size_t r = ZSTD_decompressStream(f->zstd, &to, &in);
	if (ZSTD_isError(r))
		return malformed(f, ZSTD_getErrorName(r), err);
	f->at = in.pos;
	*got = to.pos;
	f->pending = to.pos == len && r;
	f->state = r ? INSIDE : START;
	return 0;
}

static int read_packed(struct pf_inflate *f, uint8_t *out, size_t len, size_t *got,
		       struct pf_error *err)
{
	*got = 0;
	while (!*got) {
		if (f->broken)
			return malformed(f, f->broken, err);
		if (f->at == f->end && !f->pending) {
			if (!f->ended)
				PF_TRY(fill(f, err));
			if (f->ended && f->state == INSIDE)
				return pf_fail(err, PF_E_TRUNCATED,
					       "'%s' ends inside its %s data, after %llu plain bytes",
					       f->source.name, format_name(f->format),
					       (unsigned long long)f->made);
			if (f->ended)
				return 0;
		}
		if (f->state == PADDING) {
			while (f->at < f->end)
				if (f->input[f->at++])
					return malformed(f, "other bytes follow its end",
							 err);
			continue;
		}
		PF_TRY(f->format == GZIP ? gunzip(f, out, len, got, err) :
					   unzstd(f, out, len, got, err));
		f->made += *got;
	}
	return 0;
}

static int inflate_read(void *ctx, void *data, size_t len, size_t *got,
			struct pf_error *err)
{
	struct pf_inflate *f = ctx;
	if (!len) {
		*got = 0;
		return 0;
	}
	if (f->format != PLAIN)
		return read_packed(f, data, len, got, err);
	size_t left = f->end - f->at;
	if (left) {
		*got = left < len ? left : len;
		memcpy(data, f->input + f->at, *got);
		f->at += *got;
		return 0;
	}
	if (f->ended) {
		*got = 0;
		return 0;
	}
	/* Nothing left of the first bytes: straight from the source. */
	return f->source.read(f->source.ctx, data, len, got, err);
}

static bool inflate_ready(void *ctx, int timeout_ms)
{
	struct pf_inflate *f = ctx;
	return f->at < f->end || f->pending || f->ended || !f->source.ready ||
	       f->source.ready(f->source.ctx, timeout_ms);
}

struct pf_byte_source pf_inflate_source(struct pf_inflate *inflate)
{
	return (struct pf_byte_source){ inflate_read, inflate_ready, inflate,
					inflate->source.name };
}

void pf_inflate_close(struct pf_inflate *inflate)
{
	if (!inflate)
		return;
	if (inflate->format == GZIP)
		inflateEnd(&inflate->gzip);
	ZSTD_freeDStream(inflate->zstd);
	free(inflate);
}
