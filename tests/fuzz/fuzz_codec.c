/* SPDX-License-Identifier: Apache-2.0
 *
 * Compressed bytes: streams of gzip and zstd read at once and in small steps,
 * which must give the same, and blocks of every codec, for a size that is known
 * and one that is not. The first byte chooses.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "ext/codec.h"
#include "ext/hash.h"
#include "ext/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 20 };

struct source {
	struct pf_view left;
	size_t step;
};

static int give(void *ctx, void *data, size_t len, size_t *got, struct pf_error *err)
{
	struct source *s = ctx;
	(void)err;
	*got = s->left.len < len ? s->left.len : len;
	*got = *got < s->step ? *got : s->step;
	if (*got)
		memcpy(data, s->left.data, *got);
	s->left = pf_view_of(s->left.data + *got, s->left.len - *got);
	return 0;
}

/* Bytes before the end, or before an error; *code says which. */
static size_t inflate(struct pf_view bytes, size_t step, uint64_t *hash, int *code)
{
	struct source s = { bytes, step };
	const struct pf_byte_source source = { .read = give, .ctx = &s, .name = "fuzz" };
	struct pf_inflate *f;
	struct pf_buf out = { 0 };
	size_t got = 1, n;
	*code = pf_inflate_open(&source, &f, NULL);
	if (*code)
		return 0;
	struct pf_byte_source plain = pf_inflate_source(f);
	while (!*code && got && out.len < MOST) {
		*code = plain.read(plain.ctx, pf_buf_room(&out, 5000), 5000, &got, NULL);
		out.len += *code ? 0 : got;
	}
	n = out.len < MOST ? out.len : MOST;
	*hash = pf_xxh3(out.data, n);
	if (out.len >= MOST)
		*code = 0;
	pf_inflate_close(f);
	pf_buf_free(&out);
	return n;
}

static void blocks(enum pf_codec codec, struct pf_view bytes, size_t len)
{
	struct pf_buf any = { 0 };
	uint8_t *out = pf_alloc(len, 1);
	int known = pf_decompress(NULL, codec, bytes.data, bytes.len, out, len, NULL);
	int unknown = pf_decompress_any(codec, bytes.data, bytes.len, MOST, &any, NULL);
	if (any.len > MOST)
		abort();
	if (!known && !unknown && any.len == len && len && memcmp(any.data, out, len) != 0)
		abort();
	pf_buf_free(&any);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t a = 0, b = 0;
	int code_a, code_b;
	if (size < 4)
		return 0;
	struct pf_view bytes = pf_view_of(data + 3, size - 3);
	if (data[0] & 1) {
		blocks((enum pf_codec)(data[0] / 2 % (PF_CODEC_LZ4_HADOOP + 1)), bytes,
		       (size_t)(data[1] << 8 | data[2]));
		return 0;
	}
	size_t n = inflate(bytes, SIZE_MAX, &a, &code_a);
	size_t m = inflate(bytes, (size_t)data[1] + 1, &b, &code_b);
	/* Of damaged zstd more comes out the less goes in at a time. */
	bool zstd = bytes.len && bytes.data[0] != 0x1f && code_a;
	if (code_a != code_b || (!zstd && (n != m || a != b)))
		abort();
	return 0;
}
