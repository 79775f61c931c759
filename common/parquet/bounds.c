/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "parquet/encode.h"

/* As parquet-java cuts in its column indexes. */
#define MOST 64

/* The longest prefix of at most MOST bytes that ends between characters. */
static size_t cut(struct pf_view v, bool text)
{
	size_t n = MOST;
	if (!text)
		return n;
	while (n > MOST - 4 && (v.data[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Make the text of n bytes the next greater one of characters: count the
 * last up, drop it when there is no greater. Returns the length, 0: none. */
static size_t next_text(uint8_t *text, size_t n)
{
	while (n) {
		size_t start = n - 1;
		while (start && n - start < 4 && (text[start] & 0xc0) == 0x80)
			start--;
		uint32_t cp;
		if (pf_utf8_decode(text + start, n - start, &cp) == n - start &&
		    cp < 0x10ffff) {
			cp = cp == 0xd7ff ? 0xe000 : cp + 1;
			return start + pf_utf8_encode(cp, text + start);
		}
		n = start;
	}
	return 0;
}

static size_t next_bytes(uint8_t *bytes, size_t n)
{
	while (n && bytes[n - 1] == 0xff)
		n--;
	if (n)
		bytes[n - 1]++;
	return n;
}

bool pq_bound_write(const struct pq_mapping *m, const struct pf_parquet_value *v,
		    bool is_max, struct pf_buf *out)
{
	if (m->form != PQ_FORM_BYTES || v->bytes.len <= MOST) {
		(void)pq_value_encode(m, v, out);
		return true;
	}
	bool text = m->type.kind == PF_STRING;
	uint8_t part[MOST + 4];
	size_t n = cut(v->bytes, text);
	memcpy(part, v->bytes.data, n);
	if (is_max)
		n = text ? next_text(part, n) : next_bytes(part, n);
	/* Nothing greater of that length: the value itself must do. */
	if (!n) {
		pf_buf_add(out, v->bytes.data, v->bytes.len);
		return true;
	}
	pf_buf_add(out, part, n);
	return false;
}
