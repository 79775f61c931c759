/* SPDX-License-Identifier: Apache-2.0 */
#include "load/heads.h"

/* A column's values as bits that compare like them; how many, or 0: none. */
static unsigned head_bits(enum pf_kind kind)
{
	switch (kind) {
	case PF_TINYINT:
		return 8;
	case PF_SMALLINT:
		return 16;
	case PF_INT:
	case PF_DATE:
	case PF_TIME:
		return 32;
	case PF_BIGINT:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		return 64;
	default:
		return 0;
	}
}

/* Text: its first bytes. Shorter ones are filled up by zeros, so two that
 * differ may have the same head, but never the wrong order. */
static void add_text_heads(const struct pf_column *c, size_t rows, unsigned left,
			   uint64_t *heads)
{
	for (size_t r = 0; r < rows; r++) {
		struct pf_view v = pf_bytes_at(c, (int64_t)r);
		uint64_t bits = 0;
		for (size_t i = 0; i < 8; i++)
			bits = bits << 8 | (i < v.len ? v.data[i] : 0);
		heads[r] |= bits >> (64 - left);
	}
}

/* The same for integers of so many bits, of which the upper `left` fit. */
static void add_int_heads(const struct pf_column *c, enum pf_kind kind, size_t rows,
			  unsigned bits, unsigned left, uint64_t *heads)
{
	const uint64_t sign = (uint64_t)1 << 63;
	unsigned up = 64 - bits, down = 64 - left;
	if (bits == 64 && left == 64) {
		const int64_t *v = c->values;
		for (size_t r = 0; r < rows; r++)
			heads[r] = (uint64_t)v[r] ^ sign;
		return;
	}
	for (size_t r = 0; r < rows; r++) {
		uint64_t v = (uint64_t)pf_int_at(c, kind, (int64_t)r) << up;
		heads[r] |= (v ^ sign) >> down;
	}
}

size_t pf_heads_set(const struct pf_schema *schema, const int *keys, size_t n,
		    const struct pf_batch *b, uint64_t *heads)
{
	size_t rows = (size_t)b->rows, whole = 0;
	unsigned left = 64;
	memset(heads, 0, rows * sizeof *heads);
	for (size_t i = 0; i < n; i++) {
		enum pf_kind kind = schema->fields[keys[i]].type.kind;
		const struct pf_column *column = &b->columns[keys[i]];
		unsigned bits = head_bits(kind);
		whole += whole == i && bits && bits <= left;
		if (left && bits)
			add_int_heads(column, kind, rows, bits, left, heads);
		else if (left && (kind == PF_STRING || kind == PF_BYTES))
			add_text_heads(column, rows, left, heads);
		if (!bits || bits >= left)
			left = 0;
		else
			left -= bits;
	}
	return whole;
}

int pf_heads_cmp(const struct pf_schema *schema, const int *keys, size_t n,
		 const struct pf_batch *a, int64_t row_a, const struct pf_batch *b,
		 int64_t row_b)
{
	int c = 0;
	for (size_t i = 0; i < n && !c; i++)
		c = pf_key_cmp(schema->fields[keys[i]].type.kind, &a->columns[keys[i]], row_a,
			       &b->columns[keys[i]], row_b);
	return c;
}
