/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/random.h"
#include "ext/codec.h"
#include "paimon/avro.h"

enum { BLOCK_BYTES = 64000, ZSTD_LEVEL = 3 };

void pf_avro_put_long(struct pf_buf *out, int64_t v)
{
	uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
	uint8_t *p = pf_buf_room(out, 10);
	size_t n = 0;
	while (z >= 0x80) {
		p[n++] = (uint8_t)(z | 0x80);
		z >>= 7;
	}
	p[n++] = (uint8_t)z;
	out->len += n;
}

void pf_avro_put_bytes(struct pf_buf *out, struct pf_view v)
{
	pf_avro_put_long(out, (int64_t)v.len);
	pf_buf_add(out, v.data, v.len);
}

void pf_avro_begin(struct pf_avro_writer *w, const char *schema)
{
	*w = (struct pf_avro_writer){ .zstd = pf_compressor_new(ZSTD_LEVEL) };
	pf_random_bytes(w->sync, sizeof w->sync);
	pf_buf_add(&w->file, "Obj\1", 4);
	pf_avro_put_long(&w->file, 2);
	pf_avro_put_bytes(&w->file, pf_view_str("avro.codec"));
	pf_avro_put_bytes(&w->file, pf_view_str("zstandard"));
	pf_avro_put_bytes(&w->file, pf_view_str("avro.schema"));
	pf_avro_put_bytes(&w->file, pf_view_str(schema));
	pf_avro_put_long(&w->file, 0);
	pf_buf_add(&w->file, w->sync, sizeof w->sync);
}

static int end_block(struct pf_avro_writer *w, struct pf_error *err)
{
	struct pf_buf packed = { 0 };
	if (!w->count)
		return 0;
	int code = pf_zstd_compress(w->zstd, w->block.data, w->block.len, &packed, err);
	if (!code) {
		pf_avro_put_long(&w->file, w->count);
		pf_avro_put_bytes(&w->file, pf_view_of(packed.data, packed.len));
		pf_buf_add(&w->file, w->sync, sizeof w->sync);
	}
	pf_buf_free(&packed);
	w->block.len = 0;
	w->count = 0;
	return code;
}

int pf_avro_record_done(struct pf_avro_writer *w, struct pf_error *err)
{
	w->count++;
	return w->block.len >= BLOCK_BYTES ? end_block(w, err) : 0;
}

int pf_avro_finish(struct pf_avro_writer *w, struct pf_error *err)
{
	return end_block(w, err);
}

void pf_avro_writer_free(struct pf_avro_writer *w)
{
	pf_buf_free(&w->file);
	pf_buf_free(&w->block);
	pf_compressor_free(w->zstd);
	*w = (struct pf_avro_writer){ 0 };
}
