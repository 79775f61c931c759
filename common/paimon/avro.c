/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/avro.h"

#include <endian.h>
#include <stdlib.h>

#include "ext/codec.h"
#include "ext/hash.h"
#include "paimon/avro_schema.h"
#include "paimon/internal.h"

enum { DEPTH = 64 };

/* A count may exceed the bytes that are left by this much: items may have no
 * bytes at all, but then there is no telling how many there are. */
enum { EMPTY_ITEMS = 16 };

struct pf_avro_reader {
	char *name;
	struct pf_view file;
	size_t at; /* in file: the next block */
	uint8_t sync[16];
	enum pf_codec codec;
	struct pf_avro_cache *cache;
	struct pf_avro_schema *schema; /* its own; NULL: one in the cache */
	const struct pf_avro_type *top;
	struct pf_buf unpacked;
	struct pf_view block;
	size_t block_at;
	int64_t left; /* data in the block */
	size_t total; /* bytes unpacked so far */
};

/* --- primitives over a cursor --- */

struct cursor {
	const uint8_t *p, *end;
};

static bool get_long(struct cursor *c, int64_t *out)
{
	uint64_t v = 0;
	for (int shift = 0; shift < 70; shift += 7) {
		if (c->p == c->end)
			return false;
		uint8_t b = *c->p++;
		if (shift == 63 && b > 1)
			return false;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
			return true;
		}
	}
	return false;
}

static bool get_bytes(struct cursor *c, size_t len, struct pf_view *out)
{
	if (len > (size_t)(c->end - c->p))
		return false;
	*out = pf_view_of(c->p, len);
	c->p += len;
	return true;
}

static bool get_sized(struct cursor *c, struct pf_view *out)
{
	int64_t len;
	return get_long(c, &len) && len >= 0 && get_bytes(c, (size_t)len, out);
}

/* --- values --- */

struct decoder {
	struct cursor c;
	struct pf_arena *arena;
	int depth;
};

static bool decode(struct decoder *d, const struct pf_avro_type *t,
		   struct pf_avro_value *v);

/* Arrays and maps: blocks of items until an empty one; a negative count says
 * that the block's size in bytes follows. */
static bool decode_list(struct decoder *d, const struct pf_avro_type *t,
			struct pf_avro_value *v)
{
	size_t per = t->kind == PF_AVRO_MAP ? 2 : 1, cap = 0;
	v->list.items = NULL;
	v->list.n = 0;
	for (;;) {
		int64_t count, bytes;
		if (!get_long(&d->c, &count))
			return false;
		if (!count)
			return true;
		if (count < 0) {
			if (count == INT64_MIN || !get_long(&d->c, &bytes))
				return false;
			count = -count;
		}
		if (count > (d->c.end - d->c.p) + EMPTY_ITEMS)
			return false;
		size_t need = v->list.n + (size_t)count * per;
		if (need > cap) {
			cap = v->list.n ? pf_grow(cap, need) : need;
			struct pf_avro_value *items =
				pf_arena_get(d->arena, cap, sizeof *items);
			if (v->list.n)
				memcpy(items, v->list.items,
				       v->list.n * sizeof *items);
			v->list.items = items;
		}
		for (int64_t i = 0; i < count; i++) {
			struct pf_avro_value *item = &v->list.items[v->list.n];
			if (per == 2) {
				struct pf_view key;
				if (!get_sized(&d->c, &key))
					return false;
				*item = (struct pf_avro_value){
					.kind = PF_AVRO_STRING,
					.bytes = key,
				};
				item++;
			}
			if (!decode(d, t->types[0], item))
				return false;
			v->list.n += per;
		}
	}
}

static bool decode_record(struct decoder *d, const struct pf_avro_type *t,
			  struct pf_avro_value *v)
{
	v->list.n = t->n;
	v->list.items = pf_arena_get(d->arena, t->n + 1, sizeof *v->list.items);
	for (size_t i = 0; i < t->n; i++)
		if (!decode(d, t->types[i], &v->list.items[i]))
			return false;
	return true;
}

static bool decode_bytes(struct decoder *d, const struct pf_avro_type *t,
			 struct pf_avro_value *v)
{
	return t->kind == PF_AVRO_FIXED ? get_bytes(&d->c, t->size, &v->bytes)
					: get_sized(&d->c, &v->bytes);
}

static bool decode_float(struct decoder *d, struct pf_avro_value *v)
{
	struct pf_view bytes;
	if (v->kind == PF_AVRO_FLOAT) {
		uint32_t bits;
		float f;
		if (!get_bytes(&d->c, 4, &bytes))
			return false;
		memcpy(&bits, bytes.data, 4);
		bits = le32toh(bits);
		memcpy(&f, &bits, 4);
		v->d = (double)f;
		return true;
	}
	uint64_t bits;
	if (!get_bytes(&d->c, 8, &bytes))
		return false;
	memcpy(&bits, bytes.data, 8);
	bits = le64toh(bits);
	memcpy(&v->d, &bits, 8);
	return true;
}

static bool decode(struct decoder *d, const struct pf_avro_type *t,
		   struct pf_avro_value *v)
{
	bool ok = true;
	int64_t branch;
	*v = (struct pf_avro_value){ .kind = t->kind, .type = t };
	if (++d->depth > DEPTH)
		return false;
	switch (t->kind) {
	case PF_AVRO_NULL:
		break;
	case PF_AVRO_BOOLEAN:
		ok = d->c.p < d->c.end && *d->c.p <= 1;
		if (ok)
			v->i = *d->c.p++;
		break;
	case PF_AVRO_INT:
	case PF_AVRO_LONG:
		ok = get_long(&d->c, &v->i) &&
		     (t->kind == PF_AVRO_LONG ||
		      (v->i >= INT32_MIN && v->i <= INT32_MAX));
		break;
	case PF_AVRO_ENUM:
		ok = get_long(&d->c, &v->i) && v->i >= 0 && (size_t)v->i < t->n;
		break;
	case PF_AVRO_FLOAT:
	case PF_AVRO_DOUBLE:
		ok = decode_float(d, v);
		break;
	case PF_AVRO_BYTES:
	case PF_AVRO_STRING:
	case PF_AVRO_FIXED:
		ok = decode_bytes(d, t, v);
		break;
	case PF_AVRO_ARRAY:
	case PF_AVRO_MAP:
		ok = decode_list(d, t, v);
		break;
	case PF_AVRO_RECORD:
		ok = decode_record(d, t, v);
		break;
	case PF_AVRO_UNION:
		ok = get_long(&d->c, &branch) && branch >= 0 &&
		     (size_t)branch < t->n && decode(d, t->types[branch], v);
		break;
	}
	d->depth--;
	return ok;
}

const struct pf_avro_value *pf_avro_field(const struct pf_avro_value *record,
					  const char *name)
{
	if (record->kind != PF_AVRO_RECORD)
		return NULL;
	for (size_t i = 0; i < record->list.n; i++)
		if (!strcmp(record->type->names[i], name))
			return record->list.items[i].kind == PF_AVRO_NULL
				       ? NULL
				       : &record->list.items[i];
	return NULL;
}

/* --- the container --- */

static int malformed(const struct pf_avro_reader *r, const char *what,
		     struct pf_error *err)
{
	return pf_fail(err, PF_E_AVRO, "'%s': %s at byte %zu", r->name, what, r->at);
}

static int set_codec(struct pf_avro_reader *r, struct pf_view name,
		     struct pf_error *err)
{
	static const struct {
		const char *name;
		enum pf_codec codec;
	} codecs[] = { { "null", PF_CODEC_NONE },
		       { "deflate", PF_CODEC_DEFLATE },
		       { "snappy", PF_CODEC_SNAPPY },
		       { "zstandard", PF_CODEC_ZSTD } };
	for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
		if (!pf_view_cmp(name, pf_view_str(codecs[i].name))) {
			r->codec = codecs[i].codec;
			return 0;
		}
	char text[64];
	return pf_fail(err, PF_E_AVRO, "'%s': unknown codec '%s'", r->name,
		       pf_quote(text, sizeof text, name.data, name.len));
}

/* Kept schemas: tables have one of manifests and one of lists, a few more
 * after other engines' releases have written to them. */
enum { CACHED_SCHEMAS = 8 };

void pf_avro_cache_free(struct pf_avro_cache *cache)
{
	for (size_t i = 0; i < cache->n; i++)
		pf_avro_schema_free(cache->schemas[i]);
	free(cache->schemas);
	*cache = (struct pf_avro_cache){ 0 };
}

static int find_schema(struct pf_avro_reader *r, struct pf_view text,
		       struct pf_error *err)
{
	struct pf_avro_cache *c = r->cache;
	struct pf_avro_schema *s = NULL;
	for (size_t i = 0; c && i < c->n && !s; i++)
		if (!pf_view_cmp(pf_avro_schema_text(c->schemas[i]), text))
			s = c->schemas[i];
	if (!s) {
		PF_TRY(pf_avro_schema_parse(text, r->name, &s, err));
		if (c && c->n < CACHED_SCHEMAS) {
			c->schemas = pf_realloc(c->schemas, c->n + 1,
						sizeof *c->schemas);
			c->schemas[c->n++] = s;
		} else {
			r->schema = s;
		}
	}
	r->top = pf_avro_schema_top(s);
	return 0;
}

static int read_header(struct pf_avro_reader *r, struct pf_error *err)
{
	struct cursor c = { r->file.data, r->file.data + r->file.len };
	struct pf_view schema = { 0 }, magic, sync;
	if (r->file.len >= 3 && !memcmp(r->file.data, "ORC", 3))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "'%s' is an ORC file; only manifests in Avro are supported",
			       r->name);
	if (r->file.len >= 4 && !memcmp(r->file.data, "PAR1", 4))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "'%s' is a Parquet file; only manifests in Avro are supported",
			       r->name);
	if (!get_bytes(&c, 4, &magic) || memcmp(magic.data, "Obj\1", 4))
		return malformed(r, "not an Avro container", err);
	for (;;) {
		int64_t count, bytes;
		if (!get_long(&c, &count))
			return malformed(r, "the header ends early", err);
		if (!count)
			break;
		if (count < 0) {
			if (count == INT64_MIN || !get_long(&c, &bytes))
				return malformed(r, "the header ends early", err);
			count = -count;
		}
		for (int64_t i = 0; i < count; i++) {
			struct pf_view key, value;
			if (!get_sized(&c, &key) || !get_sized(&c, &value))
				return malformed(r, "the header ends early", err);
			if (!pf_view_cmp(key, pf_view_str("avro.schema")))
				schema = value;
			else if (!pf_view_cmp(key, pf_view_str("avro.codec")))
				PF_TRY(set_codec(r, value, err));
		}
	}
	if (!get_bytes(&c, 16, &sync))
		return malformed(r, "the header ends early", err);
	memcpy(r->sync, sync.data, 16);
	r->at = (size_t)(c.p - r->file.data);
	if (!schema.data)
		return malformed(r, "no schema in the header", err);
	return find_schema(r, schema, err);
}

int pf_avro_open(struct pf_view file, const char *name, struct pf_avro_cache *cache,
		 struct pf_avro_reader **reader, struct pf_error *err)
{
	struct pf_avro_reader *r = pf_zalloc(1, sizeof *r);
	*reader = NULL;
	r->name = pf_strdup(name);
	r->file = file;
	r->cache = cache;
	int code = read_header(r, err);
	if (code)
		pf_avro_close(r);
	else
		*reader = r;
	return code;
}

const struct pf_avro_type *pf_avro_schema(const struct pf_avro_reader *r)
{
	return r->top;
}

static int unpack(struct pf_avro_reader *r, struct pf_view packed,
		  struct pf_error *err)
{
	struct pf_error mine = { 0 };
	r->block_at = 0;
	if (r->codec == PF_CODEC_NONE) {
		r->block = packed;
		return 0;
	}
	struct pf_view body = packed;
	uint32_t crc = 0;
	if (r->codec == PF_CODEC_SNAPPY) {
		if (body.len < 4)
			return malformed(r, "a block ends early", err);
		body.len -= 4;
		memcpy(&crc, body.data + body.len, 4);
	}
	r->unpacked.len = 0;
	if (pf_decompress_any(r->codec, body.data, body.len,
			      PF_MANIFEST_LIMIT - r->total, &r->unpacked, &mine))
		return pf_fail(err, PF_E_AVRO, "'%s': block before byte %zu: %s",
			       r->name, r->at, mine.message);
	if (r->codec == PF_CODEC_SNAPPY &&
	    pf_crc32(0, r->unpacked.data, r->unpacked.len) != be32toh(crc))
		return malformed(r, "a block's checksum is wrong", err);
	r->total += r->unpacked.len;
	r->block = pf_view_of(r->unpacked.data, r->unpacked.len);
	return 0;
}

static int next_block(struct pf_avro_reader *r, struct pf_error *err)
{
	struct cursor c = { r->file.data + r->at, r->file.data + r->file.len };
	struct pf_view packed, sync;
	int64_t count;
	if (!get_long(&c, &count) || count < 0 || !get_sized(&c, &packed) ||
	    !get_bytes(&c, 16, &sync))
		return malformed(r, "a block ends early", err);
	if (memcmp(sync.data, r->sync, 16))
		return malformed(r, "a block without its sync marker", err);
	r->at = (size_t)(c.p - r->file.data);
	PF_TRY(unpack(r, packed, err));
	if ((uint64_t)count > r->block.len + EMPTY_ITEMS)
		return malformed(r, "a block claims more than it can hold", err);
	r->left = count;
	return 0;
}

int pf_avro_next(struct pf_avro_reader *r, struct pf_arena *arena,
		 struct pf_avro_value *value, bool *more, struct pf_error *err)
{
	*more = false;
	while (!r->left) {
		if (r->block_at != r->block.len)
			return malformed(r, "a block holds more than it claims", err);
		if (r->at == r->file.len)
			return 0;
		PF_TRY(next_block(r, err));
	}
	struct decoder d = {
		.c = { r->block.data + r->block_at, r->block.data + r->block.len },
		.arena = arena,
	};
	if (!decode(&d, r->top, value))
		return malformed(r, "a record is malformed in the block", err);
	r->block_at = (size_t)(d.c.p - r->block.data);
	r->left--;
	*more = true;
	return 0;
}

void pf_avro_close(struct pf_avro_reader *r)
{
	if (!r)
		return;
	pf_avro_schema_free(r->schema);
	pf_buf_free(&r->unpacked);
	free(r->name);
	free(r);
}
