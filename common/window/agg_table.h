/* SPDX-License-Identifier: Apache-2.0
 *
 * For each slot a set of byte strings, with a number each: values and how
 * often they were seen (distinct, hist), or when last (active). One hash table
 * for all slots, so that a slot with two values costs two entries and no
 * more. An entry whose number is 0 is not there.
 *
 * Also values as byte strings: in the order of pf_value_cmp under memcmp, and
 * equal values give equal bytes.
 */
#ifndef PF_WINDOW_AGG_TABLE_H
#define PF_WINDOW_AGG_TABLE_H

#include "arrow/batch.h"

enum { PF_ENTRY_INLINE = 8 };

struct pf_entry {
	int64_t number;
	uint32_t slot, next; /* of the slot's, + 1 */
	uint32_t hash, len;
	union {
		uint8_t few[PF_ENTRY_INLINE];
		size_t at; /* in bytes, if len is larger */
	};
};

struct pf_agg_table {
	struct pf_entry *entries;
	size_t n, cap, gone; /* gone: number is 0, perhaps */
	uint32_t *heads;     /* of slots: entry + 1 */
	size_t nslots, slot_cap;
	uint32_t *index;     /* entry + 1, 0: free; open addressing */
	size_t nindex;       /* a power of two, or 0 */
	struct pf_buf bytes;
};

void pf_agg_table_reserve(struct pf_agg_table *t, size_t nslots);
void pf_agg_table_clear(struct pf_agg_table *t);
void pf_agg_table_free(struct pf_agg_table *t);
size_t pf_agg_table_bytes(const struct pf_agg_table *t);

/* The number of the slot's entry, made with 0 where there is none. Valid
 * until the next call. PF_E_LIMIT beyond 2^32 - 2 entries: NULL. */
int64_t *pf_agg_table_at(struct pf_agg_table *t, uint32_t slot, struct pf_view value);

/* Numbers became 0: forget such entries when there are many. */
void pf_agg_table_forget(struct pf_agg_table *t, size_t more);

/* The slot's entries, in no order: for (e = first; e; e = next). */
const struct pf_entry *pf_agg_table_first(const struct pf_agg_table *t, size_t slot);
const struct pf_entry *pf_agg_table_next(const struct pf_agg_table *t,
					 const struct pf_entry *e);
static inline struct pf_view pf_agg_table_value(const struct pf_agg_table *t,
						const struct pf_entry *e)
{
	return pf_view_of(e->len > PF_ENTRY_INLINE ? t->bytes.data + e->at : e->few, e->len);
}

/* The slot's entries in the order of their values but for the last `tail`
 * bytes, then of those. *list has room for *cap and is grown. Returns n. */
size_t pf_agg_table_sorted(const struct pf_agg_table *t, size_t slot, size_t tail,
			   const struct pf_entry ***list, size_t *cap);

/* Append a stored state: for each entry in order, its number (zigzag varint),
 * the length of the value (varint) and the value. */
void pf_agg_table_write(const struct pf_agg_table *t, size_t slot, struct pf_buf *out,
			const struct pf_entry ***list, size_t *cap);
/* The next entry of such bytes; false: malformed. */
bool pf_agg_table_read(struct pf_view *in, int64_t *number, struct pf_view *value);

/* Append a value that is not null. */
void pf_agg_encode(struct pf_buf *out, enum pf_kind kind, const struct pf_column *c,
		   int64_t row);
/* Bytes of any value of the kind, 0: it varies. */
size_t pf_agg_encoded_width(enum pf_kind kind);
/* The reverse: append it to a column of that kind. */
void pf_agg_decode(struct pf_view value, struct pf_colbuf *out);

#endif
