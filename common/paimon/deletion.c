/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/deletion.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ext/hash.h"
#include "paimon/internal.h"
#include "paimon/place.h"
#include "paimon/roaring.h"

enum {
	MAGIC_32 = 1581511376, /* big-endian */
	MAGIC_64 = 1681511377, /* little-endian, as in Iceberg's puffin files */
	FRAME = 8,             /* length before, checksum behind */
};
/* A vector is smaller than a bit for each row that a file can have. */
static const int64_t most_bytes = 1 << 30;

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static int malformed(const char *what, struct pf_error *err)
{
	return pf_fail(err, PF_E_TABLE_CORRUPT, "its deletion vector %s", what);
}

/* Bitmaps of 2^32 rows each, by the upper half of the row. */
static int decode_64(struct pf_view v, uint64_t rows, uint8_t *deleted,
		     struct pf_error *err)
{
	if (v.len < 8)
		return malformed("is cut", err);
	uint32_t n = le32(v.data);
	if (le32(v.data + 4))
		return malformed("has too many bitmaps", err);
	v = pf_view_of(v.data + 8, v.len - 8);
	for (uint32_t i = 0; i < n; i++) {
		size_t used;
		if (v.len < 4)
			return malformed("is cut", err);
		uint64_t base = (uint64_t)le32(v.data) << 32;
		if (base >= rows)
			return malformed("names a row that the file does not have", err);
		PF_TRY(pf_roaring_read(pf_view_of(v.data + 4, v.len - 4), rows - base,
				       deleted + (base >> 3), &used, err));
		v = pf_view_of(v.data + 4 + used, v.len - 4 - used);
	}
	return 0;
}

int pf_deletion_decode(struct pf_view bytes, int64_t rows, uint8_t *deleted,
		       struct pf_error *err)
{
	if (bytes.len < FRAME + 4 || be32(bytes.data) != bytes.len - FRAME)
		return malformed("is not as long as it says", err);
	struct pf_view body = pf_view_of(bytes.data + 4, bytes.len - FRAME);
	if (pf_crc32(0, body.data, body.len) != be32(bytes.data + 4 + body.len))
		return malformed("has a wrong checksum", err);
	struct pf_view bitmap = pf_view_of(body.data + 4, body.len - 4);
	int code;
	if (be32(body.data) == MAGIC_32)
		code = pf_roaring_read(bitmap, (uint64_t)rows, deleted, NULL, err);
	else if (le32(body.data) == MAGIC_64)
		code = decode_64(bitmap, (uint64_t)rows, deleted, err);
	else
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "its deletion vector is of a kind that is not supported");
	return code ? malformed("is damaged", err) : 0;
}

static int64_t count(const uint8_t *bits, int64_t rows)
{
	int64_t n = 0;
	for (int64_t i = 0; i < (rows + 7) / 8; i++)
		n += __builtin_popcount(bits[i]);
	return n;
}

/* The vector as it stands in the index file, frame and all: the length that
 * the manifest gives has no frame for 32-bit ones. */
static int read_bytes(const struct pf_random_source *file, const struct pf_deletion *d,
		      struct pf_buf *out, struct pf_error *err)
{
	uint8_t head[8];
	if (d->offset < 0 || d->length < FRAME || d->length > most_bytes ||
	    (uint64_t)d->offset > file->size || file->size - (uint64_t)d->offset < FRAME)
		return malformed("is beyond its file's end", err);
	PF_TRY(file->pread(file->ctx, head, sizeof head, (uint64_t)d->offset, err));
	uint64_t len = (uint64_t)be32(head) + FRAME;
	if (len != (uint64_t)d->length && len != (uint64_t)d->length + FRAME)
		return malformed("is not as long as the manifest says", err);
	if (len > file->size - (uint64_t)d->offset)
		return malformed("is beyond its file's end", err);
	PF_TRY(file->pread(file->ctx, pf_buf_room(out, (size_t)len), (size_t)len,
			   (uint64_t)d->offset, err));
	out->len += (size_t)len;
	return 0;
}

static int read_vector(const struct pf_random_source *source,
		       const struct pf_data_file *file, uint8_t *deleted,
		       struct pf_error *err)
{
	struct pf_buf bytes = { 0 };
	int code = read_bytes(source, &file->deletion, &bytes, err);
	if (!code)
		code = pf_deletion_decode(pf_view_of(bytes.data, bytes.len), file->rows,
					  deleted, err);
	pf_buf_free(&bytes);
	if (!code && file->deletion.rows >= 0 &&
	    count(deleted, file->rows) != file->deletion.rows)
		code = malformed("does not have as many rows as the manifest says", err);
	return code;
}

int pf_deletion_read(struct pf_table *table, const struct pf_data_file *file,
		     uint8_t **deleted, struct pf_error *err)
{
	struct pf_store_file *index;
	*deleted = NULL;
	if (!file->deletion.path)
		return 0;
	if (file->rows < 0 || file->rows / 8 > most_bytes)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "'%s' with a deletion vector cannot have %" PRId64 " rows",
			       file->path, file->rows);
	PF_TRY(pf_place_open(table, file->deletion.path, &index, err));
	uint8_t *bits = pf_zalloc((size_t)file->rows / 8 + 1, 1);
	int code = read_vector(pf_store_file_source(index), file, bits, err);
	if (code) {
		code = pf_context(err, "'%s', for '%s'", file->deletion.path, file->path);
		free(bits);
	} else {
		*deleted = bits;
	}
	pf_store_close_file(index);
	return code;
}
