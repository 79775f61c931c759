/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a deletion vector, whose length and checksum are made right, so
 * that they do not hide the rest: rows of the file, or refused. Vectors of
 * either form. A set of rows goes in, too, and comes out again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "paimon/deletion.h"
#include "paimon/roaring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put32(uint8_t *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* No row behind the last is ever deleted: the bits end there. */
static void decode(const uint8_t *data, size_t size, int64_t rows)
{
	uint8_t *bytes = pf_alloc(size + 8, 1), *deleted = pf_zalloc((size_t)rows / 8 + 1, 1);
	put32(bytes, (uint32_t)size);
	memcpy(bytes + 4, data, size);
	put32(bytes + 4 + size, pf_crc32(0, data, size));
	if (!pf_deletion_decode(pf_view_of(bytes, size + 8), rows, deleted, NULL))
		for (int64_t i = rows; i < (rows / 8 + 1) * 8; i++)
			if (deleted[i / 8] >> (i % 8) & 1)
				abort();
	free(deleted);
	free(bytes);
}

/* Each two bytes are how far the next row is. */
static void round_trip(const uint8_t *data, size_t size)
{
	uint32_t *rows = pf_alloc(size / 2, sizeof *rows), last = 0;
	struct pf_buf out = { 0 };
	size_t n = 0, used = 0, found = 0;
	for (size_t i = 0; i + 1 < size; i += 2) {
		last += (uint32_t)(data[i] << 8 | data[i + 1]) + (n > 0);
		rows[n++] = last;
	}
	uint8_t *bits = pf_zalloc((size_t)last / 8 + 1, 1);
	pf_roaring_write(&out, rows, n);
	if (pf_roaring_read(pf_view_of(out.data, out.len), (uint64_t)last + 1, bits, &used, NULL) ||
	    used != out.len)
		abort();
	for (uint64_t r = 0; r <= last; r++)
		if (bits[r / 8] >> (r % 8) & 1 && rows[found++] != r)
			abort();
	if (found != n)
		abort();
	pf_buf_free(&out);
	free(bits);
	free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (data[0] & 1)
		round_trip(data + 1, size - 1);
	else if (size > 5)
		decode(data + 1, size - 1, data[0] & 2 ? 100 : 200000);
	return 0;
}
