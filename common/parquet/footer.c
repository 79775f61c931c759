/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/alloc.h"
#include "parquet/format.h"
#include "parquet/thrift.h"

/* The schema may have this many elements, a file that many groups; of more
 * key-values than that the first are kept. */
#define MAX_ELEMENTS 100000
#define MAX_GROUPS 1000000
#define MAX_PAIRS 4096

/* --- schema --- */

static void parse_decimal(struct th_reader *r, struct pq_element *e)
{
	struct th_field f;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		if (f.id == 1)
			e->log_scale = th_int32(r, f.type, -1);
		else if (f.id == 2)
			e->log_precision = th_int32(r, f.type, -1);
		else
			th_skip(r, f.type);
	}
}

/* TimeType and TimestampType: 1 isAdjustedToUTC, 2 unit (a union of empty
 * structs whose member number is the unit). */
static void parse_time(struct th_reader *r, struct pq_element *e)
{
	struct th_field f, unit;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		if (f.id == 1) {
			e->log_flag = th_bool(f.type);
			th_skip(r, f.type);
		} else if (f.id == 2 && f.type == TH_STRUCT) {
			th_begin(r, &unit);
			while (th_field(r, &unit)) {
				if (unit.id >= 1 && unit.id <= 3)
					e->log_unit = unit.id;
				th_skip(r, unit.type);
			}
		} else {
			th_skip(r, f.type);
		}
	}
}

static void parse_integer(struct th_reader *r, struct pq_element *e)
{
	struct th_field f;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		if (f.id == 1) {
			e->log_bits = th_int32(r, f.type, 0);
		} else {
			if (f.id == 2)
				e->log_flag = th_bool(f.type);
			th_skip(r, f.type);
		}
	}
}

static void parse_logical(struct th_reader *r, struct pq_element *e)
{
	struct th_field f;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		e->logical = f.id;
		if (f.type != TH_STRUCT)
			th_skip(r, f.type);
		else if (f.id == PQ_LOG_DECIMAL)
			parse_decimal(r, e);
		else if (f.id == PQ_LOG_TIME || f.id == PQ_LOG_TIMESTAMP)
			parse_time(r, e);
		else if (f.id == PQ_LOG_INTEGER)
			parse_integer(r, e);
		else
			th_skip(r, f.type);
	}
}

static void parse_element(struct th_reader *r, struct pq_element *e)
{
	struct th_field f;
	*e = (struct pq_element){ .type = -1, .repetition = -1, .field_id = -1,
				  .converted = PQ_CONV_NONE };
	th_begin(r, &f);
	while (th_field(r, &f)) {
		switch (f.id) {
		case 1:
			e->type = th_int32(r, f.type, -2);
			break;
		case 2:
			e->length = th_int32(r, f.type, 0);
			break;
		case 3:
			e->repetition = th_int32(r, f.type, -2);
			break;
		case 4:
			e->name = th_binary(r, f.type);
			break;
		case 5:
			e->children = th_int32(r, f.type, -1);
			break;
		case 6:
			e->converted = th_int32(r, f.type, PQ_CONV_NONE);
			break;
		case 7:
			e->scale = th_int32(r, f.type, 0);
			break;
		case 8:
			e->precision = th_int32(r, f.type, 0);
			break;
		case 9:
			e->field_id = th_int32(r, f.type, -1);
			break;
		case 10:
			if (f.type == TH_STRUCT)
				parse_logical(r, e);
			else
				th_skip(r, f.type);
			break;
		default:
			th_skip(r, f.type);
		}
	}
	if (!e->name.data)
		r->bad = true;
}

static void parse_schema(struct th_reader *r, uint8_t type, struct pq_footer *t)
{
	uint8_t element;
	size_t n = th_list(r, type, &element);
	if (element != TH_STRUCT || t->elements || n > MAX_ELEMENTS) {
		r->bad = true;
		return;
	}
	size_t cap = 0;
	for (size_t i = 0; i < n && !r->bad; i++) {
		if (i == cap) {
			cap = pf_grow(cap, i + 1);
			t->elements = pf_realloc(t->elements, cap,
						 sizeof *t->elements);
		}
		parse_element(r, &t->elements[i]);
		t->n_elements = i + 1;
	}
}

static size_t count_leaves(const struct pq_footer *t)
{
	size_t leaves = 0;
	for (size_t i = 1; i < t->n_elements; i++)
		leaves += !t->elements[i].children;
	return leaves;
}

/* --- row groups --- */

static void parse_statistics(struct th_reader *r, struct pq_statistics *s)
{
	struct th_field f;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		switch (f.id) {
		case 1:
			s->max = th_binary(r, f.type);
			break;
		case 2:
			s->min = th_binary(r, f.type);
			break;
		case 3:
			s->null_count = th_int(r, f.type, -1);
			break;
		case 5:
			s->max_value = th_binary(r, f.type);
			break;
		case 6:
			s->min_value = th_binary(r, f.type);
			break;
		case 9:
			s->nan_count = th_int(r, f.type, -1);
			break;
		case 7:
		case 8:
			*(f.id == 7 ? &s->max_exact : &s->min_exact) = th_bool(f.type);
			th_skip(r, f.type);
			break;
		default:
			th_skip(r, f.type);
		}
	}
}

static uint32_t parse_encodings(struct th_reader *r, uint8_t type)
{
	uint8_t element;
	uint32_t bits = 0;
	size_t n = th_list(r, type, &element);
	for (size_t i = 0; i < n && !r->bad; i++) {
		int64_t encoding = th_int(r, element, -1);
		if (encoding >= 0 && encoding < 32)
			bits |= 1u << encoding;
	}
	return bits;
}

static void parse_chunk_meta(struct th_reader *r, struct pq_chunk *c)
{
	struct th_field f;
	unsigned seen = 0;
	th_begin(r, &f);
	while (th_field(r, &f)) {
		if (f.id >= 1 && f.id <= 9)
			seen |= 1u << f.id;
		switch (f.id) {
		case 1:
			c->type = th_int32(r, f.type, -1);
			break;
		case 2:
			c->encodings = parse_encodings(r, f.type);
			break;
		case 4:
			c->codec = th_int32(r, f.type, -1);
			break;
		case 5:
			c->num_values = th_int(r, f.type, -1);
			break;
		case 6:
			c->uncompressed_bytes = th_int(r, f.type, -1);
			break;
		case 7:
			c->compressed_bytes = th_int(r, f.type, -1);
			break;
		case 9:
			c->data_offset = th_int(r, f.type, -1);
			break;
		case 11:
			c->dictionary_offset = th_int(r, f.type, -1);
			break;
		case 12:
			if (f.type == TH_STRUCT)
				parse_statistics(r, &c->stats);
			else
				th_skip(r, f.type);
			break;
		case 14:
			c->bloom_offset = th_int(r, f.type, -1);
			break;
		case 15:
			c->bloom_bytes = th_int(r, f.type, -1);
			break;
		default:
			th_skip(r, f.type);
		}
	}
	unsigned required = 1u << 1 | 1u << 4 | 1u << 5 | 1u << 7 | 1u << 9;
	if ((seen & required) != required)
		r->bad = true;
	c->present = true;
}

static void parse_chunk(struct th_reader *r, struct pq_chunk *c)
{
	struct th_field f;
	*c = (struct pq_chunk){
		.dictionary_offset = -1, .bloom_offset = -1, .bloom_bytes = -1,
		.offset_index_offset = -1, .column_index_offset = -1,
		.stats = { .null_count = -1, .nan_count = -1, .min_exact = -1, .max_exact = -1 },
	};
	th_begin(r, &f);
	while (th_field(r, &f)) {
		switch (f.id) {
		case 1:
			c->elsewhere = th_binary(r, f.type).len > 0;
			break;
		case 3:
			if (f.type == TH_STRUCT)
				parse_chunk_meta(r, c);
			else
				th_skip(r, f.type);
			break;
		case 4:
			c->offset_index_offset = th_int(r, f.type, -1);
			break;
		case 5:
			c->offset_index_bytes = th_int(r, f.type, 0);
			break;
		case 6:
			c->column_index_offset = th_int(r, f.type, -1);
			break;
		case 7:
			c->column_index_bytes = th_int(r, f.type, 0);
			break;
		case 8:
		case 9:
			c->encrypted = true;
			th_skip(r, f.type);
			break;
		default:
			th_skip(r, f.type);
		}
	}
	/* A chunk whose metadata is not here can only be an encrypted one. */
	if (!c->present && !c->encrypted)
		r->bad = true;
}

static void parse_chunks(struct th_reader *r, uint8_t type, size_t leaves,
			 struct pq_group *g)
{
	uint8_t element;
	size_t n = th_list(r, type, &element);
	if (element != TH_STRUCT || n != leaves || g->chunks) {
		r->bad = true;
		return;
	}
	size_t cap = 0;
	for (size_t i = 0; i < n && !r->bad; i++) {
		if (i == cap) {
			cap = pf_grow(cap, i + 1);
			cap = cap > n ? n : cap;
			g->chunks = pf_realloc(g->chunks, cap, sizeof *g->chunks);
		}
		parse_chunk(r, &g->chunks[i]);
		g->n_chunks = i + 1;
	}
}

static void parse_sorting(struct th_reader *r, uint8_t type, struct pq_group *g)
{
	uint8_t element;
	size_t n = th_list(r, type, &element);
	if (!n)
		return;
	if (element != TH_STRUCT || g->sorting || n > MAX_ELEMENTS) {
		r->bad = true;
		return;
	}
	g->sorting = pf_zalloc(n, sizeof *g->sorting);
	for (size_t i = 0; i < n && !r->bad; i++) {
		struct pq_sorting *s = &g->sorting[i];
		struct th_field f;
		s->leaf = -1;
		th_begin(r, &f);
		while (th_field(r, &f)) {
			if (f.id == 1) {
				s->leaf = th_int32(r, f.type, -1);
				continue;
			}
			if (f.id == 2)
				s->descending = th_bool(f.type);
			else if (f.id == 3)
				s->nulls_first = th_bool(f.type);
			th_skip(r, f.type);
		}
		g->n_sorting = i + 1;
	}
}

static void parse_group(struct th_reader *r, size_t leaves, struct pq_group *g)
{
	struct th_field f;
	*g = (struct pq_group){ .rows = -1 };
	th_begin(r, &f);
	while (th_field(r, &f)) {
		switch (f.id) {
		case 1:
			parse_chunks(r, f.type, leaves, g);
			break;
		case 3:
			g->rows = th_int(r, f.type, -1);
			break;
		case 4:
			parse_sorting(r, f.type, g);
			break;
		default:
			th_skip(r, f.type);
		}
	}
	if (g->rows < 0 || g->n_chunks != leaves)
		r->bad = true;
}

static void parse_groups(struct th_reader *r, uint8_t type, struct pq_footer *t)
{
	uint8_t element;
	size_t n = th_list(r, type, &element);
	size_t leaves = count_leaves(t), cap = 0;
	if ((n && element != TH_STRUCT) || t->groups || n > MAX_GROUPS ||
	    !t->elements) {
		r->bad = true;
		return;
	}
	for (size_t i = 0; i < n && !r->bad; i++) {
		if (i == cap) {
			cap = pf_grow(cap, i + 1);
			t->groups = pf_realloc(t->groups, cap, sizeof *t->groups);
		}
		parse_group(r, leaves, &t->groups[i]);
		t->n_groups = i + 1;
	}
}

/* --- the rest --- */

/* Key-values are text for us: a value is cut at a NUL byte. */
static void parse_meta(struct th_reader *r, uint8_t type, struct pf_meta *meta)
{
	uint8_t element;
	size_t n = th_list(r, type, &element);
	for (size_t i = 0; i < n && !r->bad; i++) {
		struct th_field f;
		struct pf_view key = { 0 }, value = { 0 };
		if (element != TH_STRUCT) {
			r->bad = true;
			return;
		}
		th_begin(r, &f);
		while (th_field(r, &f)) {
			if (f.id == 1)
				key = th_binary(r, f.type);
			else if (f.id == 2)
				value = th_binary(r, f.type);
			else
				th_skip(r, f.type);
		}
		if (!key.data || r->bad || i >= MAX_PAIRS)
			continue;
		char *k = pf_strndup((const char *)key.data, key.len);
		char *v = pf_strndup(value.data ? (const char *)value.data : "",
				     value.len);
		pf_meta_set(meta, k, v);
		free(k);
		free(v);
	}
}

static void parse_orders(struct th_reader *r, uint8_t type, struct pq_footer *t)
{
	uint8_t element;
	size_t n = th_list(r, type, &element);
	if ((n && element != TH_STRUCT) || t->orders) {
		r->bad = true;
		return;
	}
	t->orders = pf_zalloc(n, 1);
	for (size_t i = 0; i < n && !r->bad; i++) {
		struct th_field f;
		th_begin(r, &f);
		while (th_field(r, &f)) {
			t->orders[i] = (uint8_t)(f.id > 0 && f.id < 200 ? f.id : 0);
			th_skip(r, f.type);
		}
		t->n_orders = i + 1;
	}
}

int pq_footer_parse(const uint8_t *data, size_t len, struct pq_footer *t,
		    struct pf_error *err)
{
	struct th_reader r = th_reader_of(data, len);
	struct th_field f;
	*t = (struct pq_footer){ .rows = -1 };
	th_begin(&r, &f);
	while (th_field(&r, &f)) {
		switch (f.id) {
		case 2:
			parse_schema(&r, f.type, t);
			break;
		case 3:
			t->rows = th_int(&r, f.type, -1);
			break;
		case 4:
			parse_groups(&r, f.type, t);
			break;
		case 5:
			parse_meta(&r, f.type, &t->meta);
			break;
		case 6:
			t->created_by = th_binary(&r, f.type);
			break;
		case 7:
			parse_orders(&r, f.type, t);
			break;
		case 8:
			t->encrypted = true;
			th_skip(&r, f.type);
			break;
		default:
			th_skip(&r, f.type);
		}
		if (r.bad)
			break;
	}
	if (!r.bad && t->n_elements && t->rows >= 0)
		return 0;
	size_t at = (size_t)(r.at - data);
	pq_footer_free(t);
	return pf_fail(err, PF_E_PARQUET, "malformed Parquet footer (near byte %zu of %zu)",
		       at, len);
}

void pq_footer_free(struct pq_footer *t)
{
	for (size_t i = 0; i < t->n_groups; i++) {
		free(t->groups[i].chunks);
		free(t->groups[i].sorting);
	}
	free(t->groups);
	free(t->elements);
	free(t->orders);
	pf_meta_free(&t->meta);
	*t = (struct pq_footer){ 0 };
}
