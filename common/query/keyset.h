/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of byte strings, numbered in the order they came: the keys of groups,
 * the values of a distinct count. Also how a row's values become such a key:
 * equal values (null and null, NaN and NaN, -0.0 and 0.0) give equal bytes,
 * and the values come back out.
 */
#ifndef PF_QUERY_KEYSET_H
#define PF_QUERY_KEYSET_H

#include "arrow/batch.h"

struct pf_keyset;

struct pf_keyset *pf_keyset_new(void);
void pf_keyset_free(struct pf_keyset *k); /* NULL is fine */

/* The number of the key; *is_new: it was not there before. At most 2^32 - 2
 * keys. */
uint32_t pf_keyset_put(struct pf_keyset *k, const void *key, size_t len, bool *is_new);
/* The number of the key if it is there, else UINT32_MAX. */
uint32_t pf_keyset_find(const struct pf_keyset *k, const void *key, size_t len);
size_t pf_keyset_count(const struct pf_keyset *k);
struct pf_view pf_keyset_at(const struct pf_keyset *k, uint32_t number);
size_t pf_keyset_bytes(const struct pf_keyset *k);

/* Append the bytes of one value to a key. */
void pf_key_add(struct pf_buf *key, enum pf_kind kind, const struct pf_column *c,
		int64_t row);
/* Append the next value of a key to a column, and move on. */
void pf_key_take(struct pf_view *key, struct pf_colbuf *out);

/* --- many rows at once --- */

enum { PF_KEY_ROWS = 256 };

/* The keys of up to PF_KEY_ROWS rows. Zero-initialised is empty. */
struct pf_keys {
	struct pf_buf bytes;
	size_t n;
	size_t ends[PF_KEY_ROWS]; /* key i is bytes [ends[i - 1], ends[i]) */
	uint64_t hashes[PF_KEY_ROWS];
};

static inline struct pf_view pf_keys_at(const struct pf_keys *keys, size_t i)
{
	size_t from = i ? keys->ends[i - 1] : 0;
	return pf_view_of(keys->bytes.data + from, keys->ends[i] - from);
}

/* The keys of rows [from, from + n), made of the values of ncolumns columns. */
void pf_keys_of_rows(struct pf_keys *keys, const enum pf_kind *kinds,
		     const struct pf_column *columns, size_t ncolumns, int64_t from,
		     size_t n);
/* Their numbers; those that are not there are added, or without add get
 * UINT32_MAX. */
void pf_keyset_numbers(struct pf_keyset *k, const struct pf_keys *keys, bool add,
		       uint32_t *numbers);

#endif
