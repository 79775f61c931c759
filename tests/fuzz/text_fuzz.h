/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads fuzzed bytes as text of one format, twice: at once and in small steps.
 * Both must give the same rows and rejects, and every row is accounted for.
 */
#ifndef PF_TESTS_TEXT_FUZZ_H
#define PF_TESTS_TEXT_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "ext/hash.h"
#include "text/reader.h"

struct fuzz_source {
	const uint8_t *data;
	size_t len, at, step;
};

static int fuzz_read(void *ctx, void *data, size_t len, size_t *got,
		     struct pf_error *err)
{
	struct fuzz_source *s = ctx;
	(void)err;
	size_t n = s->len - s->at;
	n = n < len ? n : len;
	n = n < s->step ? n : s->step;
	if (n)
		memcpy(data, s->data + s->at, n);
	s->at += n;
	*got = n;
	return 0;
}

struct fuzz_result {
	int code;
	int64_t rows, rejected;
	uint64_t hash;
};

static int fuzz_reject(void *ctx, const struct pf_reject *r, struct pf_error *err)
{
	struct fuzz_result *f = ctx;
	(void)err;
	f->hash = f->hash * 31 + r->byte * 7 + r->line + (uint64_t)r->code;
	f->hash += pf_xxh3(r->bytes.data, r->bytes.len);
	return 0;
}

static void hash_columns(struct fuzz_result *f, const struct pf_batch *b)
{
	for (size_t i = 0; i < b->schema->n; i++)
		for (int64_t row = 0; row < b->rows; row++) {
			const struct pf_column *c = &b->columns[i];
			enum pf_kind kind = b->schema->fields[i].type.kind;
			uint64_t h = 1;
			if (pf_is_null(c, row))
				h = 2;
			else if (kind == PF_STRING || kind == PF_BYTES) {
				struct pf_view v = pf_bytes_at(c, row);
				h = pf_xxh3(v.data, v.len);
			} else if (pf_kind_width(kind)) {
				size_t w = pf_kind_width(kind);
				h = pf_xxh3((const char *)c->values + w * (size_t)row, w);
			}
			f->hash = f->hash * 1099511628211u + h;
		}
}

static struct fuzz_result fuzz_once(const struct pf_tabledef *def, const uint8_t *data,
				    size_t len, size_t step)
{
	struct fuzz_result f = { 0 };
	struct pf_error err = { 0 };
	struct fuzz_source s = { data, len, 0, step };
	const struct pf_byte_source source = { .read = fuzz_read, .ctx = &s,
					       .name = "fuzz" };
	const struct pf_text_options options = {
		.file = "fuzz-1.csv", .final_line = true, .reject = fuzz_reject,
		.reject_ctx = &f,
	};
	struct pf_text *t;
	f.code = pf_text_open(&source, def, &options, &t, &err);
	if (f.code)
		return f;
	struct pf_schema *schema = pf_tabledef_schema(def);
	struct pf_builder *b = pf_builder_new(schema);
	struct pf_text_position p;
	for (bool end = false; !end && !f.code;) {
		f.code = pf_text_next(t, b, 5, 0, &end, &err);
		struct pf_batch batch = pf_builder_batch(b);
		for (size_t i = 0; i < schema->n; i++)
			if (b->columns[i].rows != batch.rows)
				abort();
		hash_columns(&f, &batch);
		f.rows += batch.rows;
		pf_builder_reset(b);
	}
	pf_text_position(t, &p);
	/* An array's position stays behind its last element. */
	bool whole = p.byte == len || pf_text_format(t) == PF_TEXT_JSON;
	if (p.rows != f.rows || p.byte > len || (!f.code && !whole))
		abort();
	f.rejected = p.rejected;
	pf_text_close(t);
	pf_builder_free(b);
	pf_schema_unref(schema);
	return f;
}

/* *kept is made from yaml at the first call. */
static inline void fuzz_text(const char *yaml, struct pf_tabledef **kept,
			     const uint8_t *data, size_t len)
{
	struct pf_error err;
	if (!*kept && pf_tabledef_parse(yaml, strlen(yaml), "fuzz", kept, &err))
		abort();
	const struct pf_tabledef *def = *kept;
	struct fuzz_result a = fuzz_once(def, data, len, SIZE_MAX);
	struct fuzz_result b = fuzz_once(def, data, len, 3);
	/* Malformed rows in a broken array are told apart by what is here. */
	if (a.code != b.code || a.rows != b.rows || a.rejected != b.rejected ||
	    a.hash != b.hash)
		abort();
}

#endif
