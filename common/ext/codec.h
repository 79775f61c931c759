/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole-block compression: what Parquet pages, Avro blocks and Arrow buffers
 * use. zstd is what ParaFlow writes; the others are read. Streaming input
 * (gzip and zstd files) is ext/inflate.h.
 */
#ifndef PF_EXT_CODEC_H
#define PF_EXT_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum pf_codec {
	PF_CODEC_NONE,
	PF_CODEC_SNAPPY,      /* raw */
	PF_CODEC_GZIP,        /* members; zlib header accepted, too */
	PF_CODEC_DEFLATE,     /* raw (Avro) */
	PF_CODEC_ZSTD,
	PF_CODEC_LZ4_RAW,
	PF_CODEC_LZ4_FRAME,   /* Arrow */
	PF_CODEC_LZ4_HADOOP,  /* Parquet codec 5: big-endian size pairs */
};

/* A worker's compression context; reuse saves its set-up. Not shared between
 * threads. */
struct pf_compressor;
struct pf_compressor *pf_compressor_new(int zstd_level);
void pf_compressor_free(struct pf_compressor *c);

/* Append the zstd frame of data (content size in its header) to out. */
int pf_zstd_compress(struct pf_compressor *c, const void *data, size_t len,
		     struct pf_buf *out, struct pf_error *err);

/* The same for what is read. */
struct pf_decompressor;
struct pf_decompressor *pf_decompressor_new(void);
void pf_decompressor_free(struct pf_decompressor *d); /* NULL is fine */

/* Decompress into exactly out_len bytes; anything else is PF_E_CODEC. d NULL:
 * a context for this call alone. */
int pf_decompress(struct pf_decompressor *d, enum pf_codec codec, const void *data,
		  size_t len, void *out, size_t out_len, struct pf_error *err);

/* When the size is not known beforehand (Avro): append to out, at most limit
 * bytes, else PF_E_CODEC. */
int pf_decompress_any(enum pf_codec codec, const void *data, size_t len,
		      size_t limit, struct pf_buf *out, struct pf_error *err);

#endif
