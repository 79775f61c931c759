/* SPDX-License-Identifier: Apache-2.0 */
#include "window/fold_keys.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "query/keyset.h"
#include "window/radix.h"

enum {
	FIRST_INDEX = 1024,
	NEIGHBOURS = 16, /* whole numbers next to each other in the index */
};

/* The cell in front of the bytes of a key. */
enum { CELL_BYTES = 4 };

/* The slot that a cell's last row went to. */
struct last {
	int64_t value;
	uint32_t slot;
	bool any;
};

struct pf_fold_keys {
	const struct pf_shape *shape;
	/* Keys that are one whole number each. */
	bool plain;
	enum pf_kind kind;
	size_t n, cap;
	int64_t *values;
	uint32_t *cells;
	struct last *lasts;
	size_t nlasts;
	uint32_t *index; /* slot + 1, 0: free; open addressing; NULL: not needed yet */
	size_t nindex;   /* a power of two */
	/* All others. */
	struct pf_keyset *set;
	struct pf_buf key, before;
};

struct pf_fold_keys *pf_fold_keys_new(const struct pf_shape *shape)
{
	struct pf_fold_keys *k = pf_zalloc(1, sizeof *k);
	k->shape = shape;
	if (shape->keys.n)
		k->kind = pf_expr_type(shape->keys.items[0].expr).kind;
	k->plain = shape->keys.n == 1 && pf_sortkey_is_int(k->kind);
	if (!k->plain)
		k->set = pf_keyset_new();
	return k;
}

static void free_numbers(struct pf_fold_keys *k)
{
	free(k->values);
	free(k->cells);
	free(k->lasts);
	free(k->index);
}

static void release(struct pf_fold_keys *k)
{
	free_numbers(k);
	pf_keyset_free(k->set);
	pf_buf_free(&k->key);
	pf_buf_free(&k->before);
}

void pf_fold_keys_free(struct pf_fold_keys *k)
{
	if (!k)
		return;
	release(k);
	free(k);
}

void pf_fold_keys_clear(struct pf_fold_keys *k)
{
	struct pf_fold_keys *new = pf_fold_keys_new(k->shape);
	release(k);
	*k = *new;
	free(new);
}

size_t pf_fold_keys_count(const struct pf_fold_keys *k)
{
	return k->plain ? k->n : pf_keyset_count(k->set);
}

size_t pf_fold_keys_bytes(const struct pf_fold_keys *k)
{
	size_t bytes = k->cap * (sizeof *k->values + sizeof *k->cells) +
		       k->nindex * sizeof *k->index + k->nlasts * sizeof *k->lasts;
	if (k->set)
		bytes += pf_keyset_bytes(k->set);
	return bytes + pf_fold_keys_count(k) * (2 * sizeof(struct pf_radix_item) +
						sizeof(pf_u128) + 2 * sizeof(uint32_t));
}

/* --- keys of bytes --- */

static void add_cell(struct pf_buf *key, uint32_t cell)
{
	pf_buf_add(key, &cell, CELL_BYTES);
}

static struct pf_view bytes_of(const struct pf_fold_keys *k, uint32_t slot)
{
	struct pf_view key = pf_keyset_at(k->set, slot);
	return pf_view_of(key.data + CELL_BYTES, key.len - CELL_BYTES);
}

static void byte_slots(struct pf_fold_keys *k, const struct pf_column *keys, int64_t n,
		       const uint32_t *cells, uint32_t cell, uint32_t *slots)
{
	uint32_t slot = 0;
	for (int64_t i = 0; i < n; i++) {
		struct pf_buf *key = &k->key;
		bool is_new;
		key->len = 0;
		add_cell(key, cells ? cells[i] : cell);
		for (size_t c = 0; c < k->shape->keys.n; c++)
			pf_sortkey_add(key, pf_expr_type(k->shape->keys.items[c].expr).kind,
				       &keys[c], i);
		/* Rows of an entity stand together in a sorted file. */
		if (!i || key->len != k->before.len ||
		    memcmp(key->data, k->before.data, key->len) != 0)
			slot = pf_keyset_put(k->set, key->data, key->len, &is_new);
		slots[i] = slot;
		struct pf_buf swap = k->before;
		k->before = *key;
		*key = swap;
	}
}

/* Without keys there is one slot for each cell. */
static void cell_slots(struct pf_fold_keys *k, int64_t n, const uint32_t *cells,
		       uint32_t cell, uint32_t *slots)
{
	for (int64_t i = 0, to; i < n; i = to) {
		to = cells ? i + 1 : n;
		while (to < n && cells[to] == cells[i])
			to++;
		byte_slots(k, NULL, 1, NULL, cells ? cells[i] : cell, &slots[i]);
		for (int64_t row = i + 1; row < to; row++)
			slots[row] = slots[i];
	}
}

/* --- keys that are whole numbers --- */

/* A null has come: they are bytes from now on, with the same slots. */
static void make_bytes(struct pf_fold_keys *k)
{
	struct pf_fold_keys bytes = { .shape = k->shape, .kind = k->kind,
				      .set = pf_keyset_new(), .key = k->key,
				      .before = k->before };
	for (size_t i = 0; i < k->n; i++) {
		bool is_new;
		bytes.key.len = 0;
		add_cell(&bytes.key, k->cells[i]);
		pf_sortkey_add_int(&bytes.key, k->values[i]);
		pf_keyset_put(bytes.set, bytes.key.data, bytes.key.len, &is_new);
	}
	free_numbers(k);
	*k = bytes;
}

/* Where it is in the index, or would be. Neighbours stand side by side, as
 * rows come in order. */
static size_t place_of(const struct pf_fold_keys *k, uint32_t cell, int64_t value)
{
	uint64_t hash = ((uint64_t)value / NEIGHBOURS + (uint64_t)cell * 0xc2b2ae3d27d4eb4fu) *
			0x9e3779b97f4a7c15u;
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	size_t at = (size_t)(hash >> 24) * NEIGHBOURS + (uint64_t)value % NEIGHBOURS;
	for (at &= k->nindex - 1; k->index[at]; at = (at + 1) & (k->nindex - 1)) {
		uint32_t slot = k->index[at] - 1;
		if (k->values[slot] == value && k->cells[slot] == cell)
			break;
	}
	return at;
}

static void make_index(struct pf_fold_keys *k)
{
	size_t n = k->nindex ? k->nindex : FIRST_INDEX;
	while (n < k->n * 3)
		n *= 2;
	free(k->index);
	k->index = pf_zalloc(n, sizeof *k->index);
	k->nindex = n;
	for (size_t i = 0; i < k->n; i++)
		k->index[place_of(k, k->cells[i], k->values[i])] = (uint32_t)i + 1;
}

static uint32_t add_slot(struct pf_fold_keys *k, uint32_t cell, int64_t value)
{
	if (k->n == k->cap) {
		k->cap = pf_grow(k->cap, k->n + 1);
		k->values = pf_realloc(k->values, k->cap, sizeof *k->values);
		k->cells = pf_realloc(k->cells, k->cap, sizeof *k->cells);
	}
	k->values[k->n] = value;
	k->cells[k->n] = cell;
	return (uint32_t)k->n++;
}

static uint32_t find_slot(struct pf_fold_keys *k, uint32_t cell, int64_t value)
{
	if (k->n * 2 >= k->nindex)
		make_index(k);
	size_t at = place_of(k, cell, value);
	if (!k->index[at]) {
		uint32_t slot = add_slot(k, cell, value);
		k->index[at] = slot + 1;
	}
	return k->index[at] - 1;
}

static void room_for_cell(struct pf_fold_keys *k, uint32_t cell)
{
	if (cell < k->nlasts)
		return;
	size_t n = pf_grow(k->nlasts, (size_t)cell + 1);
	k->lasts = pf_realloc(k->lasts, n, sizeof *k->lasts);
	memset(k->lasts + k->nlasts, 0, (n - k->nlasts) * sizeof *k->lasts);
	k->nlasts = n;
}

static void number_slots(struct pf_fold_keys *k, const struct pf_column *key, int64_t n,
			 const uint32_t *cells, uint32_t cell, uint32_t *slots)
{
	const int64_t *wide = pf_kind_width(k->kind) == 8 ? key->values : NULL;
	for (int64_t i = 0; i < n; i++) {
		int64_t value = wide ? wide[i] : pf_int_at(key, k->kind, i);
		if (cells)
			cell = cells[i];
		room_for_cell(k, cell);
		struct last *last = &k->lasts[cell];
		if (!last->any || last->value != value) {
			bool behind = !last->any || value > last->value;
			*last = (struct last){
				value, !k->index && behind ? add_slot(k, cell, value) :
							     find_slot(k, cell, value), true };
		}
		slots[i] = last->slot;
	}
}

bool pf_fold_keys_slots(struct pf_fold_keys *k, const struct pf_column *keys, int64_t n,
			const uint32_t *cells, uint32_t cell, uint32_t *slots)
{
	if (k->plain && keys[0].nulls)
		make_bytes(k);
	if (k->plain)
		number_slots(k, keys, n, cells, cell, slots);
	else if (k->shape->keys.n)
		byte_slots(k, keys, n, cells, cell, slots);
	else
		cell_slots(k, n, cells, cell, slots);
	return !k->shape->keys.n && !cells;
}

/* --- giving out --- */

uint32_t pf_fold_keys_cell(const struct pf_fold_keys *k, uint32_t slot)
{
	uint32_t cell;
	if (k->plain)
		return k->cells[slot];
	memcpy(&cell, pf_keyset_at(k->set, slot).data, sizeof cell);
	return cell;
}

void pf_fold_keys_put(const struct pf_fold_keys *k, const uint32_t *slots, size_t n,
		      struct pf_colbuf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (k->plain) {
			pf_col_int(out, k->values[slots[i]]);
			continue;
		}
		struct pf_view key = bytes_of(k, slots[i]);
		for (size_t c = 0; c < k->shape->keys.n; c++)
			pf_sortkey_take(&key, &out[c]);
	}
}

static pf_u128 head_of(const struct pf_fold_keys *k, uint32_t slot)
{
	if (k->plain)
		return (uint64_t)k->values[slot] ^ (uint64_t)1 << 63;
	struct pf_view key = bytes_of(k, slot);
	return pf_sortkey_head(key.data, key.len);
}

static int by_bytes(void *ctx, const struct pf_radix_item *x, const struct pf_radix_item *y)
{
	return pf_view_cmp(bytes_of(ctx, x->a), bytes_of(ctx, y->a));
}

/* Slots that stand one behind the other, of one cell. */
static void sort_cell(struct pf_fold_keys *k, uint32_t *slots, size_t n,
		      struct pf_radix *order)
{
	bool sorted = k->plain;
	for (size_t i = 1; i < n && sorted; i++)
		sorted = k->values[slots[i - 1]] < k->values[slots[i]];
	if (sorted)
		return;
	order->n = 0;
	pf_radix_room(order, n);
	for (size_t i = 0; i < n; i++)
		pf_radix_push(order, head_of(k, slots[i]), slots[i], 0);
	pf_radix_sort(order, !k->plain, false, by_bytes, k);
	for (size_t i = 0; i < n; i++)
		slots[i] = order->items[i].a;
}

uint32_t *pf_fold_keys_sorted(struct pf_fold_keys *k, const uint32_t *ranks, size_t ncells)
{
	size_t n = pf_fold_keys_count(k);
	uint32_t *slots = pf_alloc(n + 1, sizeof *slots);
	size_t *at = pf_zalloc(ncells + 2, sizeof *at);
	struct pf_radix order = { 0 };
	for (size_t i = 0; i < n; i++)
		at[ranks[pf_fold_keys_cell(k, (uint32_t)i)] + 1]++;
	for (size_t i = 0; i < ncells; i++)
		at[i + 1] += at[i];
	for (size_t i = 0; i < n; i++)
		slots[at[ranks[pf_fold_keys_cell(k, (uint32_t)i)]]++] = (uint32_t)i;
	/* Each is where the next cell begins, now. */
	for (size_t i = 0; i < ncells; i++) {
		size_t from = i ? at[i - 1] : 0;
		sort_cell(k, slots + from, at[i] - from, &order);
	}
	pf_radix_free(&order);
	free(at);
	return slots;
}
