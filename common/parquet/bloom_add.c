/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/bloom_add.h"

#include <stdlib.h>

#include "ext/hash.h"
#include "parquet/bloom.h"
#include "parquet/dict.h"
#include "parquet/file.h"
#include "parquet/thrift.h"

/* Field ids of parquet.thrift. */
enum {
	FILE_ROW_GROUPS = 4,
	GROUP_COLUMNS = 1,
	CHUNK_META_DATA = 3,
	META_BLOOM_OFFSET = 14,
	META_BLOOM_LENGTH = 15,
};

/* The footer's length and the magic behind it. */
enum { TAIL_BYTES = 8 };

/* --- which columns --- */

const char *pf_parquet_bloom_refused(const struct pf_parquet_file *f, size_t column)
{
	const struct pq_mapping *m = &f->leaves[column].mapping;
	if (f->columns[column].refused)
		return f->columns[column].refused;
	switch (m->form) {
	case PQ_FORM_INT:
		/* What is read is not what is stored. */
		return m->divide == 1 ? NULL : "its values have more digits than ours";
	case PQ_FORM_UINT:
	case PQ_FORM_FLOAT:
	case PQ_FORM_DOUBLE:
	case PQ_FORM_BYTES:
		return NULL;
	case PQ_FORM_DECIMAL:
		return m->physical == PQ_FIXED ? NULL
					       : "its decimals are of no fixed length";
	case PQ_FORM_BOOL:
		return "it is boolean";
	case PQ_FORM_HALF:
	case PQ_FORM_INT96:
		break;
	}
	return "its physical type has no defined hash";
}

static bool has_bloom(const struct pf_parquet_file *f, size_t group, size_t column)
{
	return pq_chunk_of(f, group, column)->bloom_offset >= 0;
}

bool pf_parquet_bloom_complete(const struct pf_parquet_file *f, size_t column)
{
	for (size_t g = 0; g < f->footer.n_groups; g++)
		if (!has_bloom(f, g, column))
			return false;
	return true;
}

/* --- filters --- */

/* Where the filter of a chunk stands; length 0: not added. */
struct place {
	int64_t offset;
	int32_t length;
};

struct adding {
	struct pf_parquet_file *f;
	struct pf_buf *out;
	size_t base; /* where the file begins in out */
	struct place *places; /* groups x leaves */
	size_t leaves;
	struct pf_buf hashes, scratch;
};

static void add_hash(struct adding *a, uint64_t hash)
{
	pf_buf_add(&a->hashes, &hash, sizeof hash);
}

static void hash_value(struct adding *a, const struct pq_mapping *m,
		       const struct pf_parquet_value *v)
{
	a->scratch.len = 0;
	if (pq_value_encode(m, v, &a->scratch))
		add_hash(a, pf_xxh64(a->scratch.data, a->scratch.len));
}

/* Hashes of the values as they are stored; neighbours that are equal count
 * once. */
static void hash_column(struct adding *a, const struct pq_mapping *m,
			const struct pf_column *c, int64_t rows)
{
	enum pf_kind kind = m->type.kind;
	struct pf_parquet_value last = { 0 };
	a->hashes.len = 0;
	for (int64_t r = 0; r < rows; r++) {
		if (pf_is_null(c, r))
			continue;
		struct pf_parquet_value v = pf_parquet_value_at(kind, c, r);
		if (last.known && !pf_parquet_value_cmp(kind, &last, &v))
			continue;
		last = v;
		if (m->form == PQ_FORM_BYTES)
			add_hash(a, pf_xxh64(v.bytes.data, v.bytes.len));
		else if (m->form == PQ_FORM_INT && kind != PF_DECIMAL)
			/* Little-endian: the low bytes come first. */
			add_hash(a, pf_xxh64(&v.i, m->width));
		else
			hash_value(a, m, &v);
		/* To a comparison the two zeros are one value. */
		if ((kind == PF_FLOAT || kind == PF_DOUBLE) && v.d == 0) {
			struct pf_parquet_value other = v;
			other.d = -v.d;
			hash_value(a, m, &other);
		}
	}
}

static void write_filter(struct adding *a, struct place *place)
{
	const uint64_t *hashes = (const uint64_t *)(const void *)a->hashes.data;
	size_t n = a->hashes.len / sizeof *hashes, at = a->out->len;
	size_t bytes = pq_bloom_bytes(pq_count_distinct(hashes, n));
	pq_bloom_header_write(a->out, (int32_t)bytes);
	size_t filter = a->out->len;
	pf_buf_zeros(a->out, bytes);
	for (size_t i = 0; i < n; i++)
		pq_bloom_add(a->out->data + filter, bytes, hashes[i]);
	place->offset = (int64_t)(at - a->base);
	place->length = (int32_t)(a->out->len - at);
}

static int add_filter(struct adding *a, size_t group, int column, struct pf_error *err)
{
	struct pf_parquet_file *f = a->f;
	size_t leaf = f->leaves[column].leaf;
	struct place *place = &a->places[group * a->leaves + leaf];
	if (place->length || has_bloom(f, group, (size_t)column))
		return 0;
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, f->columns[column].name, f->columns[column].type, true);
	struct pf_builder *rows = pf_builder_new(schema);
	int code = pf_parquet_read(f, group, &column, 1, NULL, 0, rows, err);
	if (!code) {
		struct pf_batch batch = pf_builder_batch(rows);
		hash_column(a, &f->leaves[column].mapping, batch.columns, batch.rows);
		write_filter(a, place);
	}
	pf_builder_free(rows);
	pf_schema_unref(schema);
	return code;
}

/* --- the footer --- */

/* Copy the field's value, of which the header has been read. */
static void copy_value(struct th_reader *r, struct th_writer *w, struct th_field f)
{
	const uint8_t *from = r->at;
	th_skip(r, f.type);
	tw_field(w, f.id, f.type);
	if (!r->bad)
		pf_buf_add(w->out, from, (size_t)(r->at - from));
}

static void put_place(struct th_writer *w, const struct place *place)
{
	if (!place->length)
		return;
	tw_i64(w, META_BLOOM_OFFSET, place->offset);
	tw_i32(w, META_BLOOM_LENGTH, place->length);
}

static void copy_meta(struct th_reader *r, struct th_writer *w,
		      const struct place *place)
{
	struct th_field f;
	bool put = false;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		if (!put && f.id > META_BLOOM_OFFSET) {
			put_place(w, place);
			put = true;
		}
		/* Where there was no offset, a length says nothing. */
		if (place->length && f.id == META_BLOOM_LENGTH)
			th_skip(r, f.type);
		else
			copy_value(r, w, f);
	}
	if (!put)
		put_place(w, place);
	tw_end(w);
}

static void copy_chunk(struct th_reader *r, struct th_writer *w,
		       const struct place *place)
{
	struct th_field f;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		if (f.id == CHUNK_META_DATA && f.type == TH_STRUCT) {
			tw_struct(w, f.id);
			copy_meta(r, w, place);
		} else {
			copy_value(r, w, f);
		}
	}
	tw_end(w);
}

static void copy_group(struct th_reader *r, struct th_writer *w,
		       const struct place *places, size_t leaves)
{
	struct th_field f;
	uint8_t element;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		if (f.id != GROUP_COLUMNS || f.type != TH_LIST) {
			copy_value(r, w, f);
			continue;
		}
		size_t n = th_list(r, f.type, &element);
		if (element != TH_STRUCT || n != leaves)
			r->bad = true;
		tw_list(w, f.id, TH_STRUCT, n);
		for (size_t i = 0; i < n && !r->bad; i++) {
			tw_struct(w, 0);
			copy_chunk(r, w, &places[i]);
		}
	}
	tw_end(w);
}

static bool copy_footer(struct pf_view footer, const struct adding *a)
{
	struct th_reader r = th_reader_of(footer.data, footer.len);
	struct th_writer w = { .out = a->out };
	size_t groups = a->f->footer.n_groups;
	struct th_field f;
	uint8_t element;
	th_begin(&r, &f);
	while (th_field(&r, &f)) {
		if (f.id != FILE_ROW_GROUPS || f.type != TH_LIST) {
			copy_value(&r, &w, f);
			continue;
		}
		size_t n = th_list(&r, f.type, &element);
		if (element != TH_STRUCT || n != groups)
			r.bad = true;
		tw_list(&w, f.id, TH_STRUCT, n);
		for (size_t i = 0; i < n && !r.bad; i++) {
			tw_struct(&w, 0);
			copy_group(&r, &w, a->places + i * a->leaves, a->leaves);
		}
	}
	tw_end(&w);
	return !r.bad;
}

static int write_footer(struct adding *a, struct pf_view footer, struct pf_error *err)
{
	size_t at = a->out->len;
	if (!copy_footer(footer, a))
		return pf_fail(err, PF_E_PARQUET, "'%s': the footer is malformed",
			       a->f->source.name);
	size_t len = a->out->len - at;
	uint8_t tail[TAIL_BYTES] = { (uint8_t)len, (uint8_t)(len >> 8),
				     (uint8_t)(len >> 16), (uint8_t)(len >> 24),
				     'P', 'A', 'R', '1' };
	pf_buf_add(a->out, tail, sizeof tail);
	return 0;
}

/* --- all together --- */

static size_t leaf_count(const struct pf_parquet_file *f)
{
	return f->footer.n_groups ? f->footer.groups[0].n_chunks : 0;
}

int pf_parquet_bloom_add(struct pf_parquet_file *f, struct pf_view bytes,
			 const int *columns, size_t n, struct pf_buf *out,
			 struct pf_error *err)
{
	if (f->footer.encrypted)
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "'%s': an encrypted file cannot be given bloom filters",
			       f->source.name);
	for (size_t i = 0; i < n; i++) {
		const char *why = pf_parquet_bloom_refused(f, (size_t)columns[i]);
		if (why)
			return pf_fail(err, PF_E_UNSUPPORTED,
				       "column '%s' cannot have a bloom filter: %s",
				       f->columns[columns[i]].name, why);
	}
	/* The reader has checked that the footer lies in the file. */
	const uint8_t *tail = bytes.data + bytes.len - TAIL_BYTES;
	size_t footer_len = (size_t)tail[0] | (size_t)tail[1] << 8 |
			    (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
	size_t data_len = bytes.len - TAIL_BYTES - footer_len;
	struct adding a = { .f = f, .out = out, .base = out->len,
			    .leaves = leaf_count(f) };
	int code = 0;
	a.places = pf_zalloc(pf_mul(f->footer.n_groups, a.leaves), sizeof *a.places);
	pf_buf_add(out, bytes.data, data_len);
	for (size_t g = 0; !code && g < f->footer.n_groups; g++)
		for (size_t i = 0; !code && i < n; i++)
			code = add_filter(&a, g, columns[i], err);
	if (!code)
		code = write_footer(&a, pf_view_of(bytes.data + data_len, footer_len),
				    err);
	free(a.places);
	pf_buf_free(&a.hashes);
	pf_buf_free(&a.scratch);
	return code;
}
