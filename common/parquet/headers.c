/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/alloc.h"
#include "parquet/format.h"
#include "parquet/thrift.h"

/* --- pages --- */

static void parse_v1(struct th_reader *r, struct pq_page_header *h)
{
	struct th_field f;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		if (f.id == 1)
			h->values = th_int32(r, f.type, -1);
		else if (f.id == 2)
			h->encoding = th_int32(r, f.type, -1);
		else if (f.id == 3)
			h->level_encoding = th_int32(r, f.type, -1);
		else
			th_skip(r, f.type);
	}
}

static void parse_v2(struct th_reader *r, struct pq_page_header *h)
{
	struct th_field f;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		switch (f.id) {
		case 1:
			h->values = th_int32(r, f.type, -1);
			break;
		case 2:
			h->nulls = th_int32(r, f.type, -1);
			break;
		case 3:
			h->rows = th_int32(r, f.type, -1);
			break;
		case 4:
			h->encoding = th_int32(r, f.type, -1);
			break;
		case 5:
			h->def_bytes = th_int32(r, f.type, -1);
			break;
		case 6:
			h->rep_bytes = th_int32(r, f.type, -1);
			break;
		case 7:
			h->is_compressed = th_bool(f.type);
			th_skip(r, f.type);
			break;
		default:
			th_skip(r, f.type);
		}
	}
}

int pq_page_header_parse(const uint8_t *data, size_t len,
			 struct pq_page_header *h, size_t *used, bool *more,
			 struct pf_error *err)
{
	struct th_reader r = th_reader_of(data, len);
	struct th_field f;
	*h = (struct pq_page_header){
		.kind = -1, .uncompressed = -1, .compressed = -1, .values = -1,
		.encoding = -1, .level_encoding = PQ_RLE, .nulls = -1, .rows = -1,
		.is_compressed = true,
	};
	th_begin(&r, &f);
	while (th_field(&r, &f)) {
		if (f.id == 1) {
			h->kind = th_int32(&r, f.type, -1);
		} else if (f.id == 2) {
			h->uncompressed = th_int32(&r, f.type, -1);
		} else if (f.id == 3) {
			h->compressed = th_int32(&r, f.type, -1);
		} else if (f.id == 4) {
			/* An i32 that holds 32 bits; some write it unsigned. */
			h->crc = (uint32_t)th_int(&r, f.type, 0);
			h->has_crc = true;
		} else if (f.type != TH_STRUCT) {
			th_skip(&r, f.type);
		} else if (f.id == 5 || f.id == 7) {
			parse_v1(&r, h);
		} else if (f.id == 8) {
			parse_v2(&r, h);
		} else {
			th_skip(&r, f.type);
		}
	}
	*more = r.short_of_bytes;
	*used = (size_t)(r.at - data);
	if (r.bad || h->kind < 0 || h->uncompressed < 0 || h->compressed < 0)
		return pf_fail(err, PF_E_PARQUET, "malformed page header");
	return 0;
}

void pq_page_header_write(struct pf_buf *out, const struct pq_page_header *h)
{
	struct th_writer w = { .out = out };
	tw_i32(&w, 1, h->kind);
	tw_i32(&w, 2, h->uncompressed);
	tw_i32(&w, 3, h->compressed);
	if (h->has_crc)
		tw_i32(&w, 4, (int32_t)h->crc);
	if (h->kind == PQ_PAGE_DICTIONARY) {
		tw_struct(&w, 7);
		tw_i32(&w, 1, h->values);
		tw_i32(&w, 2, h->encoding);
		tw_end(&w);
	} else {
		tw_struct(&w, 5);
		tw_i32(&w, 1, h->values);
		tw_i32(&w, 2, h->encoding);
		tw_i32(&w, 3, PQ_RLE);
		tw_i32(&w, 4, PQ_RLE);
		tw_end(&w);
	}
	pf_buf_byte(out, TH_STOP);
}

/* --- bloom filters --- */

/* A union whose members are empty structs: which one? */
static int union_member(struct th_reader *r, uint8_t type)
{
	struct th_field f;
	int member = 0;
	if (type != TH_STRUCT) {
		th_skip(r, type);
		return 0;
	}
	th_begin(r, &f);
	while (th_field(r, &f)) {
		member = f.id;
		th_skip(r, f.type);
	}
	return member;
}

int pq_bloom_header_parse(const uint8_t *data, size_t len, int32_t *bytes,
			  size_t *used, struct pf_error *err)
{
	struct th_reader r = th_reader_of(data, len);
	struct th_field f;
	int algorithm = 0, hash = 0, compression = 0;
	*bytes = -1;
	th_begin(&r, &f);
	while (th_field(&r, &f)) {
		if (f.id == 1)
			*bytes = th_int32(&r, f.type, -1);
		else if (f.id == 2)
			algorithm = union_member(&r, f.type);
		else if (f.id == 3)
			hash = union_member(&r, f.type);
		else if (f.id == 4)
			compression = union_member(&r, f.type);
		else
			th_skip(&r, f.type);
	}
	*used = (size_t)(r.at - data);
	/* Split block, XXH64, uncompressed: there is no other (yet). */
	if (r.bad || *bytes < 32 || *bytes % 32 || algorithm != 1 || hash != 1 ||
	    compression != 1)
		return pf_fail(err, PF_E_PARQUET, "malformed bloom filter header");
	return 0;
}

void pq_bloom_header_write(struct pf_buf *out, int32_t bytes)
{
	struct th_writer w = { .out = out };
	tw_i32(&w, 1, bytes);
	for (int16_t id = 2; id <= 4; id++) {
		tw_struct(&w, id);
		tw_struct(&w, 1);
		tw_end(&w);
		tw_end(&w);
	}
	pf_buf_byte(out, TH_STOP);
}

/* --- page index --- */

int pq_offset_index_parse(const uint8_t *data, size_t len,
			  struct pq_page_location **locations, size_t *n,
			  struct pf_error *err)
{
	struct th_reader r = th_reader_of(data, len);
	struct th_field f, g;
	*locations = NULL;
	*n = 0;
	th_begin(&r, &f);
	while (th_field(&r, &f)) {
		if (f.id != 1 || *locations) {
			th_skip(&r, f.type);
			continue;
		}
		uint8_t element;
		size_t count = th_list(&r, f.type, &element);
		if (element != TH_STRUCT)
			break;
		*locations = pf_zalloc(count, sizeof **locations);
		for (*n = 0; *n < count && !r.bad; ++*n) {
			struct pq_page_location *l = &(*locations)[*n];
			*l = (struct pq_page_location){ -1, -1, -1 };
			th_begin(&r, &g);
			while (th_field(&r, &g)) {
				if (g.id == 1)
					l->offset = th_int(&r, g.type, -1);
				else if (g.id == 2)
					l->bytes = th_int32(&r, g.type, -1);
				else if (g.id == 3)
					l->first_row = th_int(&r, g.type, -1);
				else
					th_skip(&r, g.type);
			}
			if (l->offset < 0 || l->bytes < 0 || l->first_row < 0)
				r.bad = true;
		}
	}
	if (!r.bad && *locations)
		return 0;
	free(*locations);
	*locations = NULL;
	*n = 0;
	return pf_fail(err, PF_E_PARQUET, "malformed offset index");
}

static size_t parse_views(struct th_reader *r, uint8_t type, struct pf_view **views)
{
	uint8_t element;
	size_t n = th_list(r, type, &element);
	if (*views || element != TH_BINARY) {
		r->bad = true;
		return 0;
	}
	*views = pf_zalloc(n, sizeof **views);
	for (size_t i = 0; i < n && !r->bad; i++)
		(*views)[i] = th_binary(r, TH_BINARY);
	return n;
}

int pq_column_index_parse(const uint8_t *data, size_t len,
			  struct pq_column_index *x, struct pf_error *err)
{
	struct th_reader r = th_reader_of(data, len);
	struct th_field f;
	size_t n_mins = 0, n_maxs = 0, n_counts = 0;
	uint8_t element;
	*x = (struct pq_column_index){ 0 };
	th_begin(&r, &f);
	while (th_field(&r, &f)) {
		if (f.id == 1 && !x->null_pages) {
			x->n = th_list(&r, f.type, &element);
			x->null_pages = pf_zalloc(x->n, 1);
			if (element != TH_TRUE && element != TH_FALSE)
				r.bad = true;
			for (size_t i = 0; i < x->n && !r.bad; i++)
				x->null_pages[i] = th_list_bool(&r);
		} else if (f.id == 2) {
			n_mins = parse_views(&r, f.type, &x->mins);
		} else if (f.id == 3) {
			n_maxs = parse_views(&r, f.type, &x->maxs);
		} else if (f.id == 5 && !x->null_counts) {
			n_counts = th_list(&r, f.type, &element);
			if (element != TH_I64)
				r.bad = true;
			x->null_counts = pf_zalloc(n_counts, sizeof *x->null_counts);
			for (size_t i = 0; i < n_counts && !r.bad; i++)
				x->null_counts[i] = th_int(&r, TH_I64, -1);
		} else {
			th_skip(&r, f.type);
		}
		if (r.bad)
			break;
	}
	if (!r.bad && x->null_pages && n_mins == x->n && n_maxs == x->n &&
	    (!x->null_counts || n_counts == x->n))
		return 0;
	pq_column_index_free(x);
	return pf_fail(err, PF_E_PARQUET, "malformed column index");
}

void pq_column_index_free(struct pq_column_index *x)
{
	free(x->null_pages);
	free(x->mins);
	free(x->maxs);
	free(x->null_counts);
	*x = (struct pq_column_index){ 0 };
}
