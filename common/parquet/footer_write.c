/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/encode.h"
#include "parquet/thrift.h"

/* --- indexes --- */

static struct pf_view min_of(const struct pq_chunk_done *c, const struct pq_bounds *b)
{
	return pf_view_of(b->known ? c->bounds.data + b->min_at : NULL, b->min_len);
}

static struct pf_view max_of(const struct pq_chunk_done *c, const struct pq_bounds *b)
{
	return pf_view_of(b->known ? c->bounds.data + b->max_at : NULL, b->max_len);
}

/* 1: ascending, 2: descending, 0: neither. Over what stands in the index,
 * because that is what a reader searches. */
static int32_t boundary_order(const struct pq_mapping *m, const struct pq_chunk_done *c)
{
	bool up = true, down = true;
	const struct pq_bounds *last = NULL;
	for (size_t i = 0; i < c->n_pages; i++) {
		const struct pq_bounds *b = &c->pages[i].bounds;
		if (!b->known)
			continue;
		if (last) {
			struct pf_parquet_value low = pq_value_decode(m, min_of(c, last));
			struct pf_parquet_value high = pq_value_decode(m, max_of(c, last));
			struct pf_parquet_value l = pq_value_decode(m, min_of(c, b));
			struct pf_parquet_value h = pq_value_decode(m, max_of(c, b));
			int mins = pf_parquet_value_cmp(m->type.kind, &low, &l);
			int maxs = pf_parquet_value_cmp(m->type.kind, &high, &h);
			up = up && mins <= 0 && maxs <= 0;
			down = down && mins >= 0 && maxs >= 0;
		}
		last = b;
	}
	return up ? 1 : down ? 2 : 0;
}

void pq_column_index_write(struct pf_buf *out, const struct pq_mapping *m,
			   const struct pq_chunk_done *c)
{
	struct th_writer w = { .out = out };
	tw_list(&w, 1, TH_TRUE, c->n_pages);
	for (size_t i = 0; i < c->n_pages; i++)
		pf_buf_byte(out, c->pages[i].null_page ? TH_TRUE : TH_FALSE);
	tw_list(&w, 2, TH_BINARY, c->n_pages);
	for (size_t i = 0; i < c->n_pages; i++) {
		struct pf_view v = min_of(c, &c->pages[i].bounds);
		tw_element_binary(&w, v.data, v.len);
	}
	tw_list(&w, 3, TH_BINARY, c->n_pages);
	for (size_t i = 0; i < c->n_pages; i++) {
		struct pf_view v = max_of(c, &c->pages[i].bounds);
		tw_element_binary(&w, v.data, v.len);
	}
	tw_i32(&w, 4, boundary_order(m, c));
	tw_list(&w, 5, TH_I64, c->n_pages);
	for (size_t i = 0; i < c->n_pages; i++)
		tw_element_i64(&w, c->pages[i].nulls);
	pf_buf_byte(out, TH_STOP);
}

void pq_offset_index_write(struct pf_buf *out, const struct pq_chunk_done *c)
{
	struct th_writer w = { .out = out };
	tw_list(&w, 1, TH_STRUCT, c->n_pages);
	for (size_t i = 0; i < c->n_pages; i++) {
		tw_struct(&w, 0);
		tw_i64(&w, 1, c->offset + c->pages[i].offset);
		tw_i32(&w, 2, c->pages[i].bytes);
		tw_i64(&w, 3, c->pages[i].first_row);
		tw_end(&w);
	}
	pf_buf_byte(out, TH_STOP);
}

/* --- schema --- */

static void put_logical(struct th_writer *w, const struct pq_element *e)
{
	tw_struct(w, 10);
	tw_struct(w, (int16_t)e->logical);
	switch (e->logical) {
	case PQ_LOG_DECIMAL:
		tw_i32(w, 1, e->log_scale);
		tw_i32(w, 2, e->log_precision);
		break;
	case PQ_LOG_TIME:
	case PQ_LOG_TIMESTAMP:
		tw_bool(w, 1, e->log_flag);
		tw_struct(w, 2);
		tw_struct(w, (int16_t)e->log_unit);
		tw_end(w);
		tw_end(w);
		break;
	case PQ_LOG_INTEGER:
		tw_i8(w, 1, (int8_t)e->log_bits);
		tw_bool(w, 2, e->log_flag);
		break;
	default:
		break;
	}
	tw_end(w);
	tw_end(w);
}

static void put_element(struct th_writer *w, const struct pq_element *e)
{
	tw_struct(w, 0);
	tw_i32(w, 1, e->type);
	if (e->type == PQ_FIXED)
		tw_i32(w, 2, e->length);
	tw_i32(w, 3, e->repetition);
	tw_binary(w, 4, e->name.data, e->name.len);
	if (e->converted >= 0)
		tw_i32(w, 6, e->converted);
	if (e->logical == PQ_LOG_DECIMAL) {
		tw_i32(w, 7, e->scale);
		tw_i32(w, 8, e->precision);
	}
	tw_i32(w, 9, e->field_id);
	if (e->logical)
		put_logical(w, e);
	tw_end(w);
}

static void put_schema(struct th_writer *w, const struct pq_footer_parts *p)
{
	static const char root[] = "paimon_schema";
	tw_list(w, 2, TH_STRUCT, p->schema->n + 1);
	tw_struct(w, 0);
	tw_binary(w, 4, root, sizeof root - 1);
	tw_i32(w, 5, (int32_t)p->schema->n);
	tw_end(w);
	for (size_t i = 0; i < p->schema->n; i++)
		put_element(w, &p->elements[i]);
}

/* --- row groups --- */

static void put_statistics(struct th_writer *w, const struct pq_chunk_done *c)
{
	const struct pq_bounds *b = &c->all;
	tw_struct(w, 12);
	tw_i64(w, 3, c->nulls);
	if (b->known) {
		struct pf_view min = min_of(c, b), max = max_of(c, b);
		tw_binary(w, 5, max.data, max.len);
		tw_binary(w, 6, min.data, min.len);
		tw_bool(w, 7, b->max_exact);
		tw_bool(w, 8, b->min_exact);
	}
	if (c->nans >= 0)
		tw_i64(w, 9, c->nans);
	tw_end(w);
}

/* Which pages have which encoding: only with these do Java readers dare to
 * look for a value in the dictionary alone. */
static void put_encoding_stats(struct th_writer *w, const struct pq_chunk_done *c)
{
	bool dictionary = c->dictionary_bytes > 0;
	tw_list(w, 13, TH_STRUCT, dictionary ? 2 : 1);
	if (dictionary) {
		tw_struct(w, 0);
		tw_i32(w, 1, PQ_PAGE_DICTIONARY);
		tw_i32(w, 2, PQ_PLAIN);
		tw_i32(w, 3, 1);
		tw_end(w);
	}
	tw_struct(w, 0);
	tw_i32(w, 1, PQ_PAGE_DATA);
	tw_i32(w, 2, (int32_t)c->encoding);
	tw_i32(w, 3, (int32_t)c->n_pages);
	tw_end(w);
}

static void put_chunk_meta(struct th_writer *w, const struct pq_mapping *m,
			   const char *name, const struct pq_chunk_done *c)
{
	tw_struct(w, 3);
	tw_i32(w, 1, (int32_t)m->physical);
	tw_list(w, 2, TH_I32, (size_t)__builtin_popcount(c->encodings));
	for (int32_t e = 0; e < 32; e++)
		if (c->encodings >> e & 1)
			tw_element_i32(w, e);
	tw_list(w, 3, TH_BINARY, 1);
	tw_element_binary(w, name, strlen(name));
	tw_i32(w, 4, c->compressed ? PQ_ZSTD : PQ_UNCOMPRESSED);
	tw_i64(w, 5, c->rows);
	tw_i64(w, 6, c->uncompressed_bytes);
	tw_i64(w, 7, c->compressed_bytes);
	tw_i64(w, 9, c->offset + c->dictionary_bytes);
	if (c->dictionary_bytes)
		tw_i64(w, 11, c->offset);
	put_statistics(w, c);
	put_encoding_stats(w, c);
	if (c->bloom_bytes) {
		tw_i64(w, 14, c->bloom_offset);
		tw_i32(w, 15, (int32_t)c->bloom_bytes);
	}
	tw_end(w);
}

static void put_chunk(struct th_writer *w, const struct pq_mapping *m,
		      const char *name, const struct pq_chunk_done *c)
{
	tw_struct(w, 0);
	tw_i64(w, 2, 0);
	put_chunk_meta(w, m, name, c);
	tw_i64(w, 4, c->offset_index_offset);
	tw_i32(w, 5, (int32_t)c->offset_index_bytes);
	if (c->column_index_bytes) {
		tw_i64(w, 6, c->column_index_offset);
		tw_i32(w, 7, (int32_t)c->column_index_bytes);
	}
	tw_end(w);
}

static void put_group(struct th_writer *w, const struct pq_footer_parts *p, size_t at)
{
	const struct pq_group_done *g = &p->groups[at];
	int64_t raw = 0, stored = 0;
	tw_struct(w, 0);
	tw_list(w, 1, TH_STRUCT, p->schema->n);
	for (size_t i = 0; i < p->schema->n; i++) {
		put_chunk(w, &p->mappings[i], p->schema->fields[i].name, &g->chunks[i]);
		raw += g->chunks[i].uncompressed_bytes;
		stored += g->chunks[i].compressed_bytes;
	}
	tw_i64(w, 2, raw);
	tw_i64(w, 3, g->rows);
	if (p->n_sort) {
		tw_list(w, 4, TH_STRUCT, p->n_sort);
		for (size_t i = 0; i < p->n_sort; i++) {
			tw_struct(w, 0);
			tw_i32(w, 1, p->sort_columns[i]);
			tw_bool(w, 2, false);
			tw_bool(w, 3, false);
			tw_end(w);
		}
	}
	tw_i64(w, 5, g->offset);
	tw_i64(w, 6, stored);
	/* The ordinal has 16 bits; it is optional. */
	if (at <= INT16_MAX)
		tw_i16(w, 7, (int16_t)at);
	tw_end(w);
}

void pq_footer_write(struct pf_buf *out, const struct pq_footer_parts *p)
{
	struct th_writer w = { .out = out };
	tw_i32(&w, 1, 1);
	put_schema(&w, p);
	tw_i64(&w, 3, p->rows);
	tw_list(&w, 4, TH_STRUCT, p->n_groups);
	for (size_t i = 0; i < p->n_groups; i++)
		put_group(&w, p, i);
	if (p->meta && p->meta->n) {
		tw_list(&w, 5, TH_STRUCT, p->meta->n);
		for (size_t i = 0; i < p->meta->n; i++) {
			const struct pf_pair *pair = &p->meta->items[i];
			tw_struct(&w, 0);
			tw_binary(&w, 1, pair->key, strlen(pair->key));
			tw_binary(&w, 2, pair->value, strlen(pair->value));
			tw_end(&w);
		}
	}
	tw_binary(&w, 6, p->created_by, strlen(p->created_by));
	/* Every leaf: TYPE_ORDER, without which min and max mean nothing. */
	tw_list(&w, 7, TH_STRUCT, p->schema->n);
	for (size_t i = 0; i < p->schema->n; i++) {
		tw_struct(&w, 0);
		tw_struct(&w, 1);
		tw_end(&w);
		tw_end(&w);
	}
	pf_buf_byte(out, TH_STOP);
}
