/* SPDX-License-Identifier: Apache-2.0
 *
 * Roaring bitmaps of 32-bit row numbers in their portable serialized form
 * (RoaringFormatSpec: cookies 12346 and 12347; array, bitset and run
 * containers; little-endian). Paimon's bitmap file index is made of these.
 *
 * There is no bitmap in memory to work with: rows go in ascending, and come
 * out as bits set in a plain array as long as the file has rows.
 */
#ifndef PF_PAIMON_ROARING_H
#define PF_PAIMON_ROARING_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

/* Append the set of these rows (ascending, without repeats; n >= 1). Each
 * container is the smallest of the three kinds. */
void pf_roaring_write(struct pf_buf *out, const uint32_t *rows, size_t n);

/* Set bit r of bits for every row r of the bitmap at the start of bytes.
 * PF_E_CORRUPT when it is malformed or holds a row >= rows; bits may then be
 * partly set. used (may be NULL): its length. */
int pf_roaring_read(struct pf_view bytes, uint64_t rows, uint8_t *bits,
		    size_t *used, struct pf_error *err);

#endif
