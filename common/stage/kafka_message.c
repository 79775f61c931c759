/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/value_text.h"
#include "ext/hash.h"

enum { HEADER_BYTES = 256 };

static uint8_t *put_hex(uint8_t *p, uint64_t v)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		*p++ = (uint8_t)"0123456789abcdef"[v >> shift & 15];
	*p++ = ' ';
	return p;
}

static uint8_t *put_int(uint8_t *p, int64_t v)
{
	p = pf_put_int(p, v);
	*p++ = ' ';
	return p;
}

void pf_origin_form(const struct pf_origin *o, struct pf_origin_form *f)
{
	*f = (struct pf_origin_form){ 0 };
	uint8_t *p = f->source;
	*p++ = '1';
	*p++ = ' ';
	f->nsource = (size_t)(put_hex(p, o->source) - f->source);
	f->nsession = (size_t)(put_int(put_hex(f->session, o->session), o->group) -
			       f->session);
	p = put_int(put_int(f->of, o->of), o->partitions);
	f->nof = (size_t)(p - 1 - f->of);
}

/* One for every row of JSON: too many for printf. */
void pf_origin_fill(const struct pf_origin_form *f, int64_t to, int64_t rows, int32_t index,
		    struct pf_buf *out)
{
	uint8_t *p = pf_buf_room(out, HEADER_BYTES), *begin = p;
	memcpy(p, f->source, sizeof f->source);
	p = put_int(put_int(p + f->nsource, to), rows);
	memcpy(p, f->session, sizeof f->session);
	p = put_int(p + f->nsession, index);
	memcpy(p, f->of, sizeof f->of);
	out->len += (size_t)(p + f->nof - begin);
}

void pf_origin_write(const struct pf_origin *o, struct pf_buf *out)
{
	struct pf_origin_form f;
	pf_origin_form(o, &f);
	pf_origin_fill(&f, o->to, o->rows, o->index, out);
}

static bool take_hex(const char **p, uint64_t *out)
{
	if (strspn(*p, "0123456789abcdef") != 16)
		return false;
	char digits[17];
	memcpy(digits, *p, 16);
	digits[16] = '\0';
	*out = strtoull(digits, NULL, 16);
	*p += 16;
	return *(*p)++ == ' ';
}

static bool take_int(const char **p, char end, int64_t most, int64_t *out)
{
	char *stop;
	errno = 0;
	if (**p < '0' || **p > '9')
		return false;
	*out = strtoll(*p, &stop, 10);
	if (errno || *stop != end || *out > most)
		return false;
	*p = stop + (end != '\0');
	return true;
}

bool pf_origin_read(struct pf_view text, struct pf_origin *o)
{
	char copy[HEADER_BYTES];
	int64_t index, of, partitions;
	if (text.len >= sizeof copy || memchr(text.data, '\0', text.len))
		return false;
	if (text.len)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	const char *p = copy;
	*o = (struct pf_origin){ 0 };
	if (p[0] != '1' || p[1] != ' ')
		return false;
	p += 2;
	if (!take_hex(&p, &o->source) || !take_int(&p, ' ', INT64_MAX, &o->to) ||
	    !take_int(&p, ' ', INT64_MAX, &o->rows) || !take_hex(&p, &o->session) ||
	    !take_int(&p, ' ', INT64_MAX, &o->group) ||
	    !take_int(&p, ' ', PF_GROUP_RECORDS, &index) ||
	    !take_int(&p, ' ', PF_GROUP_RECORDS, &of) || index >= of ||
	    !take_int(&p, '\0', INT32_MAX, &partitions))
		return false;
	o->index = (int32_t)index;
	o->of = (int32_t)of;
	o->partitions = (int32_t)partitions;
	return true;
}

bool pf_origin_of(const struct pf_kafka_record *r, struct pf_origin *o)
{
	struct pf_view text;
	return pf_kafka_header(r, PF_ORIGIN_HEADER, &text) && pf_origin_read(text, o);
}

bool pf_record_is_arrow(const struct pf_kafka_record *r)
{
	return r->value.len >= 8 && !memcmp(r->value.data, "\xff\xff\xff\xff", 4);
}

/* --- anchors --- */

uint64_t pf_record_hash(const struct pf_kafka_record *r)
{
	uint64_t parts[4] = { (uint64_t)r->time_ms,
			      (uint64_t)r->has_key | (uint64_t)r->has_value << 1,
			      pf_xxh3(r->key.data, r->key.len),
			      pf_xxh3(r->value.data, r->value.len) };
	return pf_xxh3(parts, sizeof parts);
}

void pf_anchor_write(uint64_t hash, int64_t back, char out[PF_ANCHOR_BYTES])
{
	snprintf(out, PF_ANCHOR_BYTES, "%016" PRIx64 "-%" PRId64, hash,
		 back < 0 || back > (int64_t)999999999999999 ? 0 : back);
}

bool pf_anchor_read(const char *text, uint64_t *hash, int64_t *back)
{
	if (strspn(text, "0123456789abcdef") != 16 || text[16] != '-')
		return false;
	const char *p = text + 17;
	*hash = strtoull(text, NULL, 16);
	return take_int(&p, '\0', INT64_MAX, back) && *back > 0;
}

/* --- partitions --- */

/* Kafka's Utils.murmur2: MurmurHash2 (Austin Appleby), 32 bits, with this
 * seed. */
int32_t pf_murmur2(struct pf_view key)
{
	const uint32_t m = 0x5bd1e995;
	size_t len = key.len;
	const uint8_t *p = key.data;
	uint32_t h = 0x9747b28c ^ (uint32_t)len;
	for (; len >= 4; len -= 4, p += 4) {
		uint32_t k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			     (uint32_t)p[3] << 24;
		k *= m;
		k ^= k >> 24;
		h = h * m ^ k * m;
	}
	if (len == 3)
		h ^= (uint32_t)p[2] << 16;
	if (len >= 2)
		h ^= (uint32_t)p[1] << 8;
	if (len)
		h = (h ^ p[0]) * m;
	h ^= h >> 13;
	h *= m;
	h ^= h >> 15;
	return (int32_t)h;
}

int32_t pf_murmur2_partition(struct pf_view key, int32_t partitions)
{
	return (pf_murmur2(key) & INT32_MAX) % partitions;
}
