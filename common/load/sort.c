/* SPDX-License-Identifier: Apache-2.0 */
#include "load/sort.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"

enum {
	DIGIT_BITS = 11, /* 2048 counters: 16 KiB, half of a first-level cache */
	DIGITS = 1 << DIGIT_BITS,
	FEW_ROWS = 48, /* below this, insertion beats counting */
};

/* One row's key and where the row is. */
struct item {
	uint64_t key;
	uint32_t row;
};

/* A distinct variable-length value: its first row and what was found first. */
struct distinct {
	uint64_t prefix; /* first eight bytes, big-endian: memcmp in one go */
	uint32_t first;
	uint32_t code;
};

struct pf_sorter {
	struct item *items, *spare;
	uint32_t *order;
	uint64_t *keys; /* of one column */
	size_t cap;
	/* grouping of variable-length values */
	uint32_t *codes;      /* code of each row */
	uint32_t *ranks;      /* rank of each code */
	struct distinct *distinct;
	size_t n_distinct, distinct_cap, codes_cap;
	struct slot {
		uint64_t hash;
		uint32_t code; /* + 1; 0 is empty */
	} *slots;
	size_t n_slots;
	/* what the comparison of distinct values needs */
	const struct pf_column *column;
	enum pf_kind kind;
};

struct pf_sorter *pf_sorter_new(void)
{
	return pf_zalloc(1, sizeof(struct pf_sorter));
}

void pf_sorter_free(struct pf_sorter *s)
{
	if (!s)
		return;
	free(s->items);
	free(s->spare);
	free(s->order);
	free(s->keys);
	free(s->codes);
	free(s->ranks);
	free(s->distinct);
	free(s->slots);
	free(s);
}

size_t pf_sort_bytes(int64_t rows)
{
	/* Items twice, the order or codes and ranks, and keys. */
	return (size_t)rows * (2 * sizeof(struct item) + 2 * sizeof(uint32_t) +
			       sizeof(uint64_t));
}

static void reserve(struct pf_sorter *s, size_t rows)
{
	if (rows <= s->cap)
		return;
	s->cap = rows;
	free(s->items);
	free(s->spare);
	free(s->order);
	free(s->keys);
	s->items = pf_alloc(rows, sizeof *s->items);
	s->spare = pf_alloc(rows, sizeof *s->spare);
	s->order = pf_alloc(rows, sizeof *s->order);
	s->keys = pf_alloc(rows, sizeof *s->keys);
}

/* --- from values to unsigned integers of the same order --- */

static uint64_t double_key(double v)
{
	if (v != v)
		return UINT64_MAX;
	if (v == 0)
		v = 0; /* -0.0 equals 0.0 */
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	return bits >> 63 ? ~bits : bits | 1ull << 63;
}

static struct pf_view variable_at(const struct pf_sorter *s, uint32_t row)
{
	if (s->kind == PF_DECIMAL)
		return pf_view_of((const char *)s->column->values + 16 * (size_t)row, 16);
	return pf_bytes_at(s->column, row);
}

static uint64_t prefix_of(struct pf_view v)
{
	uint64_t word = 0;
	memcpy(&word, v.data, v.len < 8 ? v.len : 8);
	return __builtin_bswap64(word);
}

static int cmp_distinct(const void *a, const void *b, void *ctx)
{
	const struct distinct *x = a, *y = b;
	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	const struct pf_sorter *s = ctx;
	return pf_value_cmp(s->kind, s->column, x->first, s->column, y->first);
}

static void grow_slots(struct pf_sorter *s, size_t n)
{
	struct slot *old = s->slots;
	size_t old_n = s->n_slots;
	s->slots = pf_zalloc(n, sizeof *s->slots);
	s->n_slots = n;
	for (size_t i = 0; i < old_n; i++) {
		if (!old[i].code)
			continue;
		size_t at = old[i].hash & (n - 1);
		while (s->slots[at].code)
			at = (at + 1) & (n - 1);
		s->slots[at] = old[i];
	}
	free(old);
}

/* The code of a value: equal values get equal codes, in order of appearance. */
static uint32_t code_of(struct pf_sorter *s, struct pf_view v, uint32_t row)
{
	uint64_t hash = pf_xxh3(v.data, v.len);
	size_t mask = s->n_slots - 1, at = hash & mask;
	for (; s->slots[at].code; at = (at + 1) & mask) {
		if (s->slots[at].hash != hash)
			continue;
		const struct distinct *d = &s->distinct[s->slots[at].code - 1];
		if (!pf_view_cmp(variable_at(s, d->first), v))
			return d->code;
	}
	if (s->n_distinct == s->distinct_cap) {
		s->distinct_cap = pf_grow(s->distinct_cap, s->n_distinct + 1);
		s->distinct = pf_realloc(s->distinct, s->distinct_cap,
					 sizeof *s->distinct);
	}
	uint32_t code = (uint32_t)s->n_distinct++;
	s->distinct[code] = (struct distinct){
		.prefix = s->kind == PF_DECIMAL ? 0 : prefix_of(v),
		.first = row,
		.code = code,
	};
	s->slots[at] = (struct slot){ hash, code + 1 };
	if (s->n_distinct * 2 > s->n_slots)
		grow_slots(s, s->n_slots * 2);
	return code;
}

/* keys[i] = rank of the value of the row among the distinct ones. */
static void rank_values(struct pf_sorter *s, const struct pf_column *column,
			enum pf_kind kind, size_t rows, uint64_t *keys)
{
	s->column = column;
	s->kind = kind;
	s->n_distinct = 0;
	if (s->n_slots < 1024)
		grow_slots(s, 1024);
	memset(s->slots, 0, s->n_slots * sizeof *s->slots);
	if (rows > s->codes_cap) {
		s->codes_cap = rows;
		free(s->codes);
		free(s->ranks);
		s->codes = pf_alloc(rows, sizeof *s->codes);
		s->ranks = pf_alloc(rows, sizeof *s->ranks);
	}
	struct pf_view last = { 0 };
	uint32_t last_code = 0;
	bool any = false;
	for (size_t i = 0; i < rows; i++) {
		struct pf_view v = variable_at(s, (uint32_t)i);
		if (!any || pf_view_cmp(v, last)) {
			last_code = code_of(s, v, (uint32_t)i);
			last = v;
			any = true;
		}
		s->codes[i] = last_code;
	}
	if (s->n_distinct)
		qsort_r(s->distinct, s->n_distinct, sizeof *s->distinct, cmp_distinct, s);
	for (size_t i = 0; i < s->n_distinct; i++)
		s->ranks[s->distinct[i].code] = (uint32_t)i;
	for (size_t i = 0; i < rows; i++)
		keys[i] = s->ranks[s->codes[i]];
}

/* The keys of a column, and what there is to know about them. */
struct keys {
	uint64_t *list;
	uint64_t least, largest;
	bool sorted;
};

static void look_at(struct keys *k, size_t rows)
{
	k->least = UINT64_MAX;
	k->largest = 0;
	k->sorted = true;
	uint64_t last = 0;
	for (size_t i = 0; i < rows; i++) {
		uint64_t key = k->list[i];
		k->least = key < k->least ? key : k->least;
		k->largest = key > k->largest ? key : k->largest;
		k->sorted &= last <= key;
		last = key;
	}
}

#define KEYS(type, expr)                                            \
	do {                                                        \
		const type *values_ = column->values;               \
		for (size_t i = 0; i < rows; i++) {                 \
			type v = values_[i];                        \
			keys[i] = (expr);                           \
		}                                                   \
	} while (0)

/* Signed to unsigned of the same order. */
#define FLIP(v) ((uint64_t)(int64_t)(v) ^ (uint64_t)1 << 63)

static struct keys key_values(struct pf_sorter *s, const struct pf_column *column,
			      enum pf_kind kind, size_t rows)
{
	uint64_t *keys = s->keys;
	struct keys found = { .list = keys };
	switch (kind) {
	case PF_TINYINT:
		KEYS(int8_t, FLIP(v));
		break;
	case PF_SMALLINT:
		KEYS(int16_t, FLIP(v));
		break;
	case PF_INT:
	case PF_DATE:
	case PF_TIME:
		KEYS(int32_t, FLIP(v));
		break;
	case PF_BIGINT:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		KEYS(int64_t, FLIP(v));
		break;
	case PF_FLOAT:
		KEYS(float, double_key((double)v));
		break;
	case PF_DOUBLE:
		KEYS(double, double_key(v));
		break;
	case PF_BOOLEAN:
		for (size_t i = 0; i < rows; i++)
			keys[i] = pf_bit(column->values, (int64_t)i);
		break;
	default:
		rank_values(s, column, kind, rows, keys);
		break;
	}
	look_at(&found, rows);
	return found;
}

/* --- sorting --- */

static void insertion_sort(struct item *items, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct item x = items[i];
		size_t j = i;
		for (; j && items[j - 1].key > x.key; j--)
			items[j] = items[j - 1];
		items[j] = x;
	}
}

/* Stable by the bits of `used`. Leaves the result in s->items. */
static void radix_sort(struct pf_sorter *s, size_t n, uint64_t used)
{
	if (n <= FEW_ROWS) {
		insertion_sort(s->items, n);
		return;
	}
	uint32_t counts[DIGITS];
	while (used) {
		int shift = __builtin_ctzll(used);
		uint64_t mask = (DIGITS - 1ull) << shift;
		memset(counts, 0, sizeof counts);
		for (size_t i = 0; i < n; i++)
			counts[s->items[i].key >> shift & (DIGITS - 1)]++;
		uint32_t sum = 0;
		for (size_t d = 0; d < DIGITS; d++) {
			uint32_t c = counts[d];
			counts[d] = sum;
			sum += c;
		}
		for (size_t i = 0; i < n; i++) {
			size_t d = s->items[i].key >> shift & (DIGITS - 1);
			s->spare[counts[d]++] = s->items[i];
		}
		struct item *t = s->items;
		s->items = s->spare;
		s->spare = t;
		used &= ~mask;
	}
}

/* Sorted by the bits from `width` on; put rows that agree in these in the
 * order of the bits below. Times come nearly in order, so few rows move a few
 * places. False when they do not and this would cost too much; nothing has
 * been lost then, only the order of equal upper bits. */
static bool mend_runs(struct item *items, size_t n, unsigned width)
{
	size_t moves = 0;
	for (size_t i = 1; i < n; i++) {
		if (items[i - 1].key <= items[i].key ||
		    items[i - 1].key >> width != items[i].key >> width)
			continue;
		struct item x = items[i];
		size_t j = i;
		for (; j && items[j - 1].key > x.key; j--)
			items[j] = items[j - 1];
		items[j] = x;
		moves += i - j;
		if (moves > 8 * n)
			return false;
	}
	return true;
}

/* By all bits below `top`, of which those below `low` are probably in order
 * already where the upper ones agree. */
static void sort_items(struct pf_sorter *s, size_t n, unsigned low, uint64_t all)
{
	uint64_t upper = low && low < 64 ? all >> low << low : all;
	if (n <= FEW_ROWS || upper == all) {
		radix_sort(s, n, all);
		return;
	}
	radix_sort(s, n, upper);
	if (!mend_runs(s->items, n, low)) {
		/* Equal keys may only be told apart by their rows now. */
		for (size_t i = 0; i < n; i++)
			s->spare[s->items[i].row] = s->items[i];
		struct item *t = s->items;
		s->items = s->spare;
		s->spare = t;
		radix_sort(s, n, all);
	}
}

static unsigned bits_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

const uint32_t *pf_sort_rows(struct pf_sorter *s, const struct pf_batch *batch,
			     const int *columns, size_t n_columns)
{
	size_t rows = (size_t)batch->rows;
	reserve(s, rows);
	for (size_t i = 0; i < rows; i++)
		s->items[i] = (struct item){ 0, (uint32_t)i };
	/* From the least significant column on; those that fit in one key are
	 * sorted together. `width` bits of the key are taken so far. */
	unsigned width = 0, low = 0;
	uint64_t all = 0;
	bool first = true; /* no sort yet: items stand in the order of rows */
	for (size_t c = n_columns; c-- > 0;) {
		const struct pf_column *column = &batch->columns[columns[c]];
		enum pf_kind kind = batch->schema->fields[columns[c]].type.kind;
		struct keys keys = key_values(s, column, kind, rows);
		unsigned need = bits_of(rows ? keys.largest - keys.least : 0);
		/* The last column in order already: stability keeps it so. */
		if (keys.sorted && c == n_columns - 1)
			continue;
		if (width && width + need > 64) {
			radix_sort(s, rows, all);
			for (size_t i = 0; i < rows; i++)
				s->items[i].key = 0;
			first = false;
			width = low = 0;
			all = 0;
		}
		for (size_t i = 0; i < rows; i++) {
			uint64_t key = keys.list[s->items[i].row] - keys.least;
			s->items[i].key |= width < 64 ? key << width : 0;
		}
		all |= need ? (UINT64_MAX >> (64 - need)) << width : 0;
		if (c == n_columns - 1)
			low = need;
		width += need;
	}
	sort_items(s, rows, first ? low : 0, all);
	for (size_t i = 0; i < rows; i++)
		s->order[i] = s->items[i].row;
	return s->order;
}
