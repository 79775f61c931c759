/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ext/codec.h"
#include "ext/hash.h"
#include "parquet/encoding.h"
#include "parquet/chunk.h"

struct pq_scan *pq_scan_new(void)
{
	struct pq_scan *s = pf_zalloc(1, sizeof *s);
	s->decompressor = pf_decompressor_new();
	return s;
}

void pq_scan_free(struct pq_scan *s)
{
	if (!s)
		return;
	struct pf_buf *bufs[] = { &s->page, &s->validity,
				  &s->decode.codes, &s->decode.values,
				  &s->decode.bytes, &s->decode.scratch,
				  &s->convert.ints, &s->convert.values,
				  &s->convert.spread };
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		pf_buf_free(bufs[i]);
	for (size_t i = 0; i < s->n_dictionaries; i++) {
		pf_buf_free(&s->dictionaries[i].page);
		pf_buf_free(&s->dictionaries[i].views);
	}
	free(s->dictionaries);
	pf_decompressor_free(s->decompressor);
	free(s);
}

/* Is the chunk's dictionary still there from the last read? */
static bool dictionary_kept(const struct pq_reading *c)
{
	const struct pq_dictionary *d = c->dictionary;
	return d->loaded && d->group == c->group;
}

/* --- data pages --- */

/* The old bit-packed levels: most significant bit first. */
static int legacy_levels(const uint8_t *data, size_t len, size_t n, uint8_t *bits,
			 size_t *ones, struct pf_error *err)
{
	if (len < (n + 7) / 8)
		return pf_fail(err, PF_E_PARQUET, "a page ends inside its levels");
	memset(bits, 0, n / 8 + 1);
	*ones = 0;
	for (size_t i = 0; i < n; i++)
		if (data[i >> 3] >> (7 - (i & 7)) & 1) {
			pf_bit_set(bits, (int64_t)i);
			++*ones;
		}
	return 0;
}

/* Definition levels as validity. *skip: the bytes they take in the body. */
static int take_levels(struct pq_reading *c, const struct pq_page *p, const uint8_t *data,
		       size_t len, size_t *skip, struct pq_page_rows *rows,
		       struct pf_error *err)
{
	size_t ones = rows->n, n = rows->n;
	bool v2 = p->h.kind == PQ_PAGE_DATA_V2;
	/* Flat columns need no repetition levels, but some write them. */
	*skip = v2 ? (size_t)p->h.rep_bytes + (size_t)p->h.def_bytes : 0;
	rows->valid = NULL;
	rows->dense.n = n;
	if (!c->nullable)
		return 0;
	c->s->validity.len = 0;
	uint8_t *bits = pf_buf_room(&c->s->validity, n / 8 + 1 + PQ_SLACK);
	if (v2) {
		PF_TRY(pq_hybrid_bitmap(data + p->h.rep_bytes, (size_t)p->h.def_bytes,
					n, bits, &ones, err));
	} else if (p->h.level_encoding == PQ_BIT_PACKED) {
		*skip = (n + 7) / 8;
		PF_TRY(legacy_levels(data, len, n, bits, &ones, err));
	} else {
		if (len < 4 || pq_load32(data) > len - 4)
			return pf_fail(err, PF_E_PARQUET, "a page ends inside its levels");
		*skip = 4 + (size_t)pq_load32(data);
		PF_TRY(pq_hybrid_bitmap(data + 4, *skip - 4, n, bits, &ones, err));
	}
	rows->dense.n = ones;
	if (ones < n)
		rows->valid = bits;
	return 0;
}

static int unpack_page(struct pq_reading *c, const struct pq_page *p, struct pf_error *err)
{
	const struct pq_page_header *h = &p->h;
	struct pf_buf *out = &c->s->page;
	out->len = 0;
	if (h->kind == PQ_PAGE_DATA)
		return pq_unpack(c, true, p->body, (size_t)h->compressed,
			      (size_t)h->uncompressed, out, err);
	/* V2: levels stand before what is compressed. */
	int64_t both = (int64_t)h->def_bytes + h->rep_bytes;
	if (h->def_bytes < 0 || h->rep_bytes < 0 || h->rows != h->values ||
	    both > h->compressed || both > h->uncompressed)
		return pf_fail(err, PF_E_PARQUET, "malformed page header");
	size_t levels = (size_t)both;
	PF_TRY(pq_unpack(c, false, p->body, levels, levels, out, err));
	return pq_unpack(c, h->is_compressed, p->body + levels,
		      (size_t)h->compressed - levels, (size_t)h->uncompressed - levels,
		      out, err);
}

/* Rows of the page up to the last that a range asks for: the others need no
 * decoding. */
static size_t rows_needed(const struct pq_reading *c, const struct pq_page *p)
{
	int64_t end = p->first_row + p->h.values, last = p->first_row;
	for (size_t i = c->at_range; i < c->n_ranges && c->ranges[i].from < end; i++)
		last = c->ranges[i].to < end ? c->ranges[i].to : end;
	return (size_t)(last > p->first_row ? last - p->first_row : 0);
}

/* Append the rows of the page that the ranges ask for. */
static int take_page(struct pq_reading *c, const struct pq_page *p, struct pf_error *err)
{
	struct pq_page_rows rows = { .n = (size_t)p->h.values };
	struct pf_column column;
	size_t skip;
	int64_t end = p->first_row + p->h.values;
	PF_TRY(unpack_page(c, p, err));
	const struct pf_buf *page = &c->s->page;
	PF_TRY(take_levels(c, p, page->data, page->len, &skip, &rows, err));
	size_t total = rows.dense.n;
	rows.n = rows_needed(c, p);
	size_t needed = rows.valid ? rows.n - (size_t)pf_count_nulls(rows.valid, (int64_t)rows.n) :
				     rows.n;
	PF_TRY(pq_decode_values(c->m, p->h.encoding, c->dictionary,
				page->data + skip, page->len - skip, total, needed,
				&c->s->decode, &rows.dense, err));
	PF_TRY(pq_convert(c->m, c->to, &rows, &c->s->convert, &column, err));
	c->f->counters.pages_decoded++;
	for (; c->at_range < c->n_ranges; c->at_range++) {
		const struct pf_parquet_range *r = &c->ranges[c->at_range];
		int64_t from = r->from > p->first_row ? r->from : p->first_row;
		int64_t to = r->to < end ? r->to : end;
		if (from < to)
			PF_TRY(pq_append(&rows, c->m->width, &column,
					 from - p->first_row, to - p->first_row,
					 c->out, err));
		if (r->to > end)
			break;
	}
	return 0;
}

static bool wanted(const struct pq_reading *c, int64_t from, int64_t to)
{
	for (size_t i = c->at_range; i < c->n_ranges && c->ranges[i].from < to; i++)
		if (c->ranges[i].to > from && c->ranges[i].from < c->ranges[i].to)
			return true;
	return false;
}

static int check_page(const struct pq_reading *c, const struct pq_page *p, struct pf_error *err)
{
	const struct pq_page_header *h = &p->h;
	if (h->values < 0 || h->values > c->rows - p->first_row)
		return pf_fail(err, PF_E_PARQUET, "its pages have more rows than the row group");
	if (h->values > PQ_PAGE_VALUES)
		return pf_fail(err, PF_E_LIMIT, "a page of more than 16 Mi values");
	return 0;
}

/* Page by page, from the chunk's beginning or where the last walk came to. */
static int walk(struct pq_reading *c, struct pq_chunk_cache *cache, struct pf_error *err)
{
	int64_t offset = c->begin, row = 0;
	if (cache->walk_row && c->ranges[0].from >= cache->walk_row) {
		offset = cache->walk_offset;
		row = cache->walk_row;
	}
	while (row < c->rows && c->at_range < c->n_ranges) {
		struct pq_page p = { .first_row = row };
		int64_t next;
		if (offset >= c->begin + c->meta->compressed_bytes)
			break;
		PF_TRY(pq_load_page(c, offset, c->end, &p, &next, err));
		if (p.h.kind == PQ_PAGE_DICTIONARY) {
			if (cache->dictionary_at && cache->dictionary_at != offset)
				return pf_fail(err, PF_E_PARQUET, "a second dictionary");
			cache->dictionary_at = offset;
		} else if (pq_is_data(&p.h)) {
			PF_TRY(check_page(c, &p, err));
			bool take = wanted(c, row, row + p.h.values);
			/* The dictionary is only worth its bytes now. */
			if (take && cache->dictionary_at && !dictionary_kept(c))
				PF_TRY(pq_load_dictionary(c, cache->dictionary_at, err));
			if (take) {
				PF_TRY(pq_load_body(c, &p, next, c->end, err));
				PF_TRY(take_page(c, &p, err));
			}
			cache->walk_row = row;
			cache->walk_offset = offset;
			row += p.h.values;
		}
		offset = next;
	}
	return 0;
}

/* --- by the offset index --- */

/* The dictionary stands before the first data page. */
static int indexed_dictionary(struct pq_reading *c, int64_t first_page, int64_t ahead,
			      struct pf_error *err)
{
	struct pq_page p = { 0 };
	int64_t next;
	if (c->begin >= first_page || dictionary_kept(c))
		return 0;
	PF_TRY(pq_load_page(c, c->begin, ahead, &p, &next, err));
	if (p.h.kind != PQ_PAGE_DICTIONARY)
		return 0;
	PF_TRY(pq_load_body(c, &p, next, ahead, err));
	return pq_take_dictionary(c, &p.h, p.body, err);
}

/* End of the run of wanted pages that begins with page i, so that they come
 * in one pread. */
static int64_t run_end(const struct pq_reading *c, const struct pq_chunk_cache *cache, size_t i)
{
	const struct pq_page_location *l = cache->locations;
	int64_t end = l[i].offset + l[i].bytes;
	for (size_t k = i + 1; k < cache->pages.n && l[k].offset == end &&
			       wanted(c, cache->first_row[k], cache->first_row[k + 1]);
	     k++)
		end = l[k].offset + l[k].bytes;
	return end;
}

/* *agrees: false when index and pages contradict each other; then the pages
 * are right. */
static int by_index(struct pq_reading *c, const struct pq_chunk_cache *cache, bool *agrees,
		    struct pf_error *err)
{
	const struct pq_page_location *l = cache->locations;
	bool first = true;
	*agrees = false;
	if (l[0].offset < c->begin ||
	    l[cache->pages.n - 1].offset + l[cache->pages.n - 1].bytes > c->end)
		return 0;
	for (size_t i = 0; i < cache->pages.n; i++) {
		struct pq_page p = { .first_row = cache->first_row[i] };
		int64_t next;
		if (!wanted(c, cache->first_row[i], cache->first_row[i + 1]))
			continue;
		int64_t ahead = run_end(c, cache, i);
		if (first)
			PF_TRY(indexed_dictionary(c, l[0].offset,
						  i ? l[0].offset : ahead, err));
		first = false;
		struct pf_error ignored;
		if (pq_load_page(c, l[i].offset, ahead, &p, &next, &ignored) ||
		    !pq_is_data(&p.h) || next != l[i].offset + l[i].bytes ||
		    p.h.values != cache->first_row[i + 1] - cache->first_row[i])
			return 0;
		PF_TRY(check_page(c, &p, err));
		PF_TRY(pq_load_body(c, &p, next, ahead, err));
		PF_TRY(take_page(c, &p, err));
	}
	*agrees = true;
	return 0;
}

int64_t pq_rows_asked(const struct pf_parquet_range *ranges, size_t n)
{
	int64_t rows = 0;
	for (size_t i = 0; i < n; i++)
		rows += ranges[i].to - ranges[i].from;
	return rows;
}

static int scan(struct pq_reading *c, struct pq_chunk_cache *cache,
		const struct pf_parquet_pages *pages, struct pf_error *err)
{
	int64_t before = c->out->rows;
	int64_t want = pq_rows_asked(c->ranges, c->n_ranges);
	bool agrees = false;
	if (!dictionary_kept(c))
		c->dictionary->loaded = false;
	if (pages)
		PF_TRY(by_index(c, cache, &agrees, err));
	if (!agrees) {
		pf_col_truncate(c->out, before);
		c->dictionary->loaded = false;
		c->at_range = 0;
		PF_TRY(walk(c, cache, err));
	}
	if (c->out->rows - before != want)
		return pf_fail(err, PF_E_PARQUET, "its pages have fewer rows than the row group");
	return 0;
}

static struct pq_dictionary *dictionary_of(struct pf_parquet_file *f, size_t column)
{
	struct pq_scan *s = f->scan;
	if (!s->dictionaries) {
		s->dictionaries = pf_zalloc(f->n_columns, sizeof *s->dictionaries);
		s->n_dictionaries = f->n_columns;
	}
	return &s->dictionaries[column];
}

int pq_scan_column(struct pf_parquet_file *f, size_t group, size_t column,
		   const struct pf_parquet_range *ranges, size_t n_ranges,
		   struct pf_type to, struct pf_colbuf *out, struct pf_error *err)
{
	struct pq_reading c = {
		.f = f, .s = f->scan, .meta = pq_chunk_of(f, group, column),
		.m = &f->leaves[column].mapping,
		.nullable = f->columns[column].nullable,
		.rows = f->footer.groups[group].rows, .to = to, .out = out,
		.group = group, .dictionary = dictionary_of(f, column),
		.ranges = ranges, .n_ranges = n_ranges,
	};
	if (c.meta->type != (int32_t)c.m->physical)
		return pf_fail(err, PF_E_PARQUET, "schema and pages differ in its type");
	if (c.meta->num_values != c.rows)
		return pf_fail(err, PF_E_PARQUET,
			       "it has %" PRId64 " values in a row group of %" PRId64 " rows",
			       c.meta->num_values, c.rows);
	if (!pq_rows_asked(ranges, n_ranges))
		return 0;
	PF_TRY(pq_chunk_extent(f, c.meta, &c.begin, &c.end, err));
	const struct pf_parquet_pages *pages = NULL;
	bool all = n_ranges == 1 && ranges[0].from == 0 && ranges[0].to == c.rows;
	/* Whoever wants everything needs no index to find it. */
	if (!all)
		PF_TRY(pf_parquet_pages(f, group, column, &pages, err));
	return scan(&c, pq_cache_of(f, group, column), pages, err);
}
