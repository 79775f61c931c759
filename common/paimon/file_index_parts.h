/* SPDX-License-Identifier: Apache-2.0
 *
 * The bodies inside a file index (file_index.h): one module per index type,
 * each knowing how to collect values, how to write its body and how to ask
 * one. Private to common/paimon/file_index*.c.
 */
#ifndef PF_PAIMON_FILE_INDEX_PARTS_H
#define PF_PAIMON_FILE_INDEX_PARTS_H

#include "paimon/file_index.h"

/* --- big-endian bytes, as Java's DataOutput writes them --- */

static inline void pf_put_be(struct pf_buf *out, uint64_t v, size_t bytes)
{
	uint8_t *p = pf_buf_room(out, bytes);
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	out->len += bytes;
}

/* Takes bytes off the front of a view; false when there are too few. */
static inline bool pf_take(struct pf_view *from, size_t n, struct pf_view *out)
{
	if (from->len < n)
		return false;
	*out = pf_view_of(from->data, n);
	from->data += n;
	from->len -= n;
	return true;
}

static inline bool pf_take_be(struct pf_view *from, size_t bytes, uint64_t *v)
{
	struct pf_view p;
	if (!pf_take(from, bytes, &p))
		return false;
	*v = 0;
	for (size_t i = 0; i < bytes; i++)
		*v = *v << 8 | p.data[i];
	return true;
}

static inline bool pf_take_i32(struct pf_view *from, int32_t *v)
{
	uint64_t u = 0;
	if (!pf_take_be(from, 4, &u))
		return false;
	*v = (int32_t)(uint32_t)u;
	return true;
}

/* --- the container --- */

#define PF_INDEX_MAGIC UINT64_C(1493475289347502)
#define PF_INDEX_VERSION 1

/* An index of a column, of a type known to us or not. */
struct pf_index_part {
	struct pf_view column, type; /* as they stand: modified UTF-8 */
	struct pf_view body;         /* data NULL: not read yet */
	uint64_t start;              /* of the body */
	uint8_t *owned;              /* the body, if it was read */
};

struct pf_file_index {
	int64_t rows;
	struct pf_index_part *entries;
	size_t n;
	const struct pf_random_source *source; /* or NULL: all is in memory */
	struct pf_buf head;                    /* read from it */
};

/* Append a name: modified UTF-8 behind a uint16 length. */
void pf_index_put_name(struct pf_buf *out, const char *name);

bool pf_index_part_is(const struct pf_index_part *e, struct pf_view column,
		       enum pf_file_index_kind kind);

/* --- values --- */

/* The bits by which Java knows a float or double: all NaN are one. */
uint64_t pf_index_float_bits(enum pf_kind kind, double d);

/* The values that a range lists: its set, or the one value that its bounds
 * leave. False when there are others. */
bool pf_index_points(const struct pf_range *range, const struct pf_datum **points,
		     size_t *n);

/* --- bloom-filter --- */

bool pf_index_bloom_takes(enum pf_kind kind);

struct pf_index_bloom; /* collects hashes */
struct pf_index_bloom *pf_index_bloom_new(struct pf_type type, double fpp);
void pf_index_bloom_free(struct pf_index_bloom *b);
void pf_index_bloom_add(struct pf_index_bloom *b, const struct pf_column *c,
			int64_t rows);
void pf_index_bloom_finish(struct pf_index_bloom *b, struct pf_buf *out);

/* Of a value as the column stores it. */
uint64_t pf_index_hash_int(int64_t value);
uint64_t pf_index_hash_datum(struct pf_type type, const struct pf_datum *value);

bool pf_index_bloom_may_match(struct pf_view body, struct pf_type type,
			      const struct pf_range *range);

/* --- bitmap --- */

bool pf_index_bitmap_takes(enum pf_kind kind);

struct pf_index_bitmap; /* collects values and their rows */
struct pf_index_bitmap *pf_index_bitmap_new(struct pf_type type);
void pf_index_bitmap_free(struct pf_index_bitmap *b);
void pf_index_bitmap_add(struct pf_index_bitmap *b, const struct pf_column *c,
			 int64_t rows);
void pf_index_bitmap_finish(struct pf_index_bitmap *b, struct pf_buf *out);

/* Sets the bits (cleared before) of the rows within the range; bits may be
 * NULL when only *any matters: is there such a row? False when the body
 * cannot be made sense of. */
bool pf_index_bitmap_rows(struct pf_view body, struct pf_type type, int64_t rows,
			  const struct pf_range *range, uint8_t *bits, bool *any);

#endif
