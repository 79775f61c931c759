/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "parquet/bloom.h"
#include "parquet/file.h"

/* An index of one chunk may take that much; columns' indexes that lie within
 * the second are fetched together. */
#define INDEX_BYTES ((int64_t)64 << 20)
#define TOGETHER_BYTES ((int64_t)1 << 20)
/* A bloom filter's header; parsed out of this many bytes. */
#define BLOOM_HEADER_BYTES 64

struct pq_chunk_cache *pq_cache_of(struct pf_parquet_file *f, size_t group, size_t column)
{
	struct pq_chunk_cache **c = &f->caches[group * f->n_columns + column];
	if (!*c)
		*c = pf_zalloc(1, sizeof **c);
	return *c;
}

void pq_cache_free(struct pq_chunk_cache *c)
{
	if (!c)
		return;
	free(c->locations);
	free(c->first_row);
	free(c->stats);
	pf_buf_free(&c->column_index);
	free(c);
}

/* --- statistics --- */

/* Decimals in byte strings have signs, which many writers forget when they
 * compare them (polars 29347, ClickHouse 83754, parquet-go 592, arrow-rs 10860):
 * their bounds leave rows out, and not always so that it shows. */
static bool compares_decimals(const struct pf_parquet_file *f, const struct pq_mapping *m)
{
	static const char *const known[] = { "pf-", "parquet-mr", "parquet-cpp-arrow",
					     "DuckDB" };
	if (m->form != PQ_FORM_DECIMAL ||
	    (m->physical != PQ_FIXED && m->physical != PQ_BYTE_ARRAY))
		return true;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strncmp(f->created_by, known[i], strlen(known[i])))
			return true;
	return !strncmp(f->created_by, "parquet-rs", 10) && m->physical == PQ_FIXED;
}

/* Are min and max of the chunk in the order of the values? */
static bool type_ordered(const struct pf_parquet_file *f, size_t column)
{
	size_t leaf = f->leaves[column].leaf;
	if (!compares_decimals(f, &f->leaves[column].mapping))
		return false;
	return leaf < f->footer.n_orders && f->footer.orders[leaf] >= 1 &&
	       f->footer.orders[leaf] <= 2;
}

/* Types for which every writer ever meant the same order. */
static bool plain_order(const struct pq_mapping *m)
{
	return m->form == PQ_FORM_INT || m->form == PQ_FORM_BOOL ||
	       m->form == PQ_FORM_FLOAT || m->form == PQ_FORM_DOUBLE;
}

static void drop_bounds(struct pf_parquet_stats *s)
{
	s->min = s->max = (struct pf_parquet_value){ 0 };
}

/* Bounds are both there, in order, and both signs of zero are inside. */
static void check_bounds(const struct pq_mapping *m, struct pf_parquet_stats *s)
{
	if (!s->min.known || !s->max.known ||
	    pf_parquet_value_cmp(m->type.kind, &s->min, &s->max) > 0)
		drop_bounds(s);
}

/* Polars (seen in 1.44) says of each page how many nulls there were up to its end, and
 * of the chunk the sum of that. */
static bool miscounts_nulls(const struct pf_parquet_file *f)
{
	return !strncmp(f->created_by, "Polars", 6);
}

/* Nulls of the chunk as far as they can be believed, else -1. */
static int64_t null_count(const struct pf_parquet_file *f, int64_t rows, size_t column,
			  const struct pq_statistics *raw)
{
	if (!f->columns[column].nullable)
		return 0;
	if (raw->null_count > 0 && miscounts_nulls(f))
		return -1;
	/* Nothing but nulls, and yet they have a smallest? */
	if (raw->null_count == rows && rows && (raw->min_value.data || raw->min.data))
		return -1;
	return raw->null_count <= rows ? raw->null_count : -1;
}

struct pf_parquet_stats pf_parquet_group_stats(const struct pf_parquet_file *f,
					       size_t group, size_t column)
{
	struct pf_parquet_stats s = { .rows = f->footer.groups[group].rows,
				      .null_count = -1, .nan_count = -1 };
	if (f->columns[column].refused)
		return s;
	const struct pq_mapping *m = &f->leaves[column].mapping;
	const struct pq_chunk *c = pq_chunk_of(f, group, column);
	const struct pq_statistics *raw = &c->stats;
	bool is_float = m->type.kind == PF_FLOAT || m->type.kind == PF_DOUBLE;
	s.nan_count = is_float ? raw->nan_count : 0;
	s.null_count = null_count(f, s.rows, column, raw);
	if ((int32_t)m->physical != c->type)
		return s;
	if (raw->min_value.data && raw->max_value.data &&
	    (type_ordered(f, column) || plain_order(m))) {
		s.min = pq_value_decode(m, raw->min_value);
		s.max = pq_value_decode(m, raw->max_value);
		/* Only strings are ever cut; not all who cut say so. */
		if (m->form == PQ_FORM_BYTES) {
			s.min.exact = raw->min_exact == 1;
			s.max.exact = raw->max_exact == 1;
		}
	} else if (plain_order(m)) {
		s.min = pq_value_decode(m, raw->min);
		s.max = pq_value_decode(m, raw->max);
	}
	check_bounds(m, &s);
	return s;
}

/* --- bloom filters --- */

bool pf_parquet_has_bloom(const struct pf_parquet_file *f, size_t group, size_t column)
{
	return !f->columns[column].refused &&
	       pq_chunk_of(f, group, column)->bloom_offset > 0;
}

static int find_bloom(struct pf_parquet_file *f, const struct pq_chunk *c,
		      struct pq_chunk_cache *cache, struct pf_error *err)
{
	uint8_t header[BLOOM_HEADER_BYTES];
	int64_t size = (int64_t)f->source.size;
	size_t used;
	int32_t bytes;
	if (cache->bloom_tried)
		return 0;
	if (c->bloom_offset > 0 && c->bloom_offset < size) {
		size_t len = size - c->bloom_offset < BLOOM_HEADER_BYTES ?
				     (size_t)(size - c->bloom_offset) :
				     BLOOM_HEADER_BYTES;
		PF_TRY(pq_pread(f, header, len, c->bloom_offset, err));
		if (!pq_bloom_header_parse(header, len, &bytes, &used, NULL) &&
		    bytes <= size - c->bloom_offset - (int64_t)used &&
		    (c->bloom_bytes < 0 || c->bloom_bytes == (int64_t)used + bytes)) {
			cache->bloom_at = c->bloom_offset + (int64_t)used;
			cache->bloom_bytes = bytes;
		}
	}
	cache->bloom_tried = true;
	return 0;
}

int pf_parquet_bloom(struct pf_parquet_file *f, size_t group, size_t column,
		     const struct pf_parquet_value *value, bool *maybe,
		     struct pf_error *err)
{
	*maybe = true;
	if (!pf_parquet_has_bloom(f, group, column))
		return 0;
	const struct pq_mapping *m = &f->leaves[column].mapping;
	/* Several stored values become one (digits cut), or equal values are
	 * stored in several ways (zeros, NaN, byte strings of numbers). */
	if (m->divide != 1 || m->form == PQ_FORM_INT96 || m->form == PQ_FORM_HALF ||
	    (m->form == PQ_FORM_DECIMAL && m->physical != PQ_FIXED) ||
	    ((m->form == PQ_FORM_FLOAT || m->form == PQ_FORM_DOUBLE) &&
	     (value->d == 0 || value->d != value->d)))
		return 0;
	struct pq_chunk_cache *cache = pq_cache_of(f, group, column);
	PF_TRY(find_bloom(f, pq_chunk_of(f, group, column), cache, err));
	if (!cache->bloom_bytes)
		return 0;
	struct pf_buf plain = { 0 };
	f->counters.bloom_probes++;
	if (!pq_value_encode(m, value, &plain)) {
		pf_buf_free(&plain);
		*maybe = false;
		return 0;
	}
	uint64_t hash = pf_xxh64(plain.data, plain.len);
	pf_buf_free(&plain);
	uint8_t block[PQ_BLOOM_BLOCK];
	size_t at = pq_bloom_block(hash, (size_t)cache->bloom_bytes);
	PF_TRY(pq_pread(f, block, sizeof block, cache->bloom_at + (int64_t)at, err));
	*maybe = pq_bloom_check(block, hash);
	return 0;
}

/* --- page index --- */

static bool inside(const struct pf_parquet_file *f, int64_t offset, int64_t len)
{
	return offset > 0 && len > 0 && len <= INDEX_BYTES &&
	       offset <= (int64_t)f->source.size - len;
}

/* Pages in file order, without overlap, rows ascending from 0. */
static bool plausible(const struct pf_parquet_file *f, int64_t rows,
		      const struct pq_page_location *l, size_t n)
{
	int64_t end = 0, row = 0;
	if (!n || l[0].first_row != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (l[i].bytes <= 0 || l[i].offset < end || l[i].first_row < row ||
		    l[i].first_row > rows ||
		    l[i].offset > (int64_t)f->source.size - l[i].bytes)
			return false;
		end = l[i].offset + l[i].bytes;
		row = l[i].first_row;
	}
	return true;
}

static void page_stats(const struct pq_mapping *m, const struct pq_column_index *x,
		       size_t page, struct pf_parquet_stats *s)
{
	if (x->null_counts && x->null_counts[page] >= 0 &&
	    x->null_counts[page] <= s->rows)
		s->null_count = x->null_counts[page];
	if (x->null_pages[page]) {
		s->null_count = s->rows;
		return;
	}
	s->min = pq_value_decode(m, x->mins[page]);
	s->max = pq_value_decode(m, x->maxs[page]);
	/* The index does not tell cut bounds from values. */
	s->min.exact = s->max.exact = m->form != PQ_FORM_BYTES;
	check_bounds(m, s);
}

/* Do the nulls of the pages add up to those of the chunk? There are writers
 * that call pages null of which they know nothing. */
static bool nulls_agree(const struct pf_parquet_file *f, size_t group, size_t column,
			const struct pq_column_index *x,
			const struct pf_parquet_pages *pages)
{
	int64_t want = pf_parquet_group_stats(f, group, column).null_count, sum = 0;
	if (want < 0 && miscounts_nulls(f))
		return false;
	for (size_t i = 0; i < x->n; i++) {
		if (x->null_pages[i])
			sum += pages->stats[i].rows;
		else if (x->null_counts)
			sum += x->null_counts[i];
	}
	return want < 0 || (x->null_counts ? sum == want : sum <= want);
}

static int load_column_index(struct pf_parquet_file *f, size_t group, size_t column,
			     const struct pq_chunk *c, struct pq_chunk_cache *cache,
			     struct pf_error *err)
{
	const struct pq_mapping *m = &f->leaves[column].mapping;
	struct pq_column_index x;
	if (!inside(f, c->column_index_offset, c->column_index_bytes) ||
	    (!type_ordered(f, column) && !plain_order(m)))
		return 0;
	size_t len = (size_t)c->column_index_bytes;
	PF_TRY(pq_pread(f, pf_buf_room(&cache->column_index, len), len,
			c->column_index_offset, err));
	if (pq_column_index_parse(cache->column_index.data, len, &x, NULL))
		return 0;
	if (x.n == cache->pages.n && nulls_agree(f, group, column, &x, &cache->pages))
		for (size_t i = 0; i < x.n; i++)
			page_stats(m, &x, i, &cache->stats[i]);
	pq_column_index_free(&x);
	return 0;
}

static int load_pages(struct pf_parquet_file *f, size_t group, size_t column,
		      struct pq_chunk_cache *cache, struct pf_error *err)
{
	const struct pq_chunk *c = pq_chunk_of(f, group, column);
	int64_t rows = f->footer.groups[group].rows;
	size_t n;
	/* Left over when the bytes could not be read the last time. */
	free(cache->locations);
	free(cache->first_row);
	free(cache->stats);
	cache->locations = NULL;
	cache->first_row = NULL;
	cache->stats = NULL;
	cache->pages.n = cache->column_index.len = 0;
	if ((int32_t)f->leaves[column].mapping.physical != c->type ||
	    !inside(f, c->offset_index_offset, c->offset_index_bytes))
		return 0;
	size_t len = (size_t)c->offset_index_bytes;
	struct pf_buf bytes = { 0 };
	int code = pq_pread(f, pf_buf_room(&bytes, len), len, c->offset_index_offset, err);
	if (!code && pq_offset_index_parse(bytes.data, len, &cache->locations, &n, NULL))
		n = 0;
	pf_buf_free(&bytes);
	if (code)
		return code;
	if (!n || !plausible(f, rows, cache->locations, n))
		return 0;
	cache->first_row = pf_alloc(n + 1, sizeof *cache->first_row);
	cache->stats = pf_zalloc(n, sizeof *cache->stats);
	for (size_t i = 0; i < n; i++)
		cache->first_row[i] = cache->locations[i].first_row;
	cache->first_row[n] = rows;
	/* No NaN in the chunk is none in its pages. */
	int64_t nans = pf_parquet_group_stats(f, group, column).nan_count ? -1 : 0;
	for (size_t i = 0; i < n; i++) {
		cache->stats[i].rows = cache->first_row[i + 1] - cache->first_row[i];
		cache->stats[i].null_count = -1;
		cache->stats[i].nan_count = nans;
	}
	cache->pages = (struct pf_parquet_pages){ n, cache->first_row, cache->stats };
	return load_column_index(f, group, column, c, cache, err);
}

int pf_parquet_pages(struct pf_parquet_file *f, size_t group, size_t column,
		     const struct pf_parquet_pages **pages, struct pf_error *err)
{
	*pages = NULL;
	if (f->columns[column].refused)
		return 0;
	struct pq_chunk_cache *cache = pq_cache_of(f, group, column);
	if (!cache->pages_tried)
		PF_TRY(load_pages(f, group, column, cache, err));
	cache->pages_tried = true;
	if (cache->pages.n)
		*pages = &cache->pages;
	return 0;
}

static void widen(const struct pf_parquet_file *f, int64_t offset, int64_t len,
		  int64_t *begin, int64_t *end)
{
	if (!inside(f, offset, len))
		return;
	*begin = offset < *begin ? offset : *begin;
	*end = offset + len > *end ? offset + len : *end;
}

int pf_parquet_pages_prefetch(struct pf_parquet_file *f, size_t group,
			      const int *columns, size_t n, struct pf_error *err)
{
	int64_t begin = INT64_MAX, end = 0;
	for (size_t i = 0; i < n; i++) {
		if (columns[i] < 0 || f->columns[columns[i]].refused ||
		    pq_cache_of(f, group, (size_t)columns[i])->pages_tried)
			continue;
		const struct pq_chunk *c = pq_chunk_of(f, group, (size_t)columns[i]);
		widen(f, c->offset_index_offset, c->offset_index_bytes, &begin, &end);
		widen(f, c->column_index_offset, c->column_index_bytes, &begin, &end);
	}
	if (begin < end && end - begin <= TOGETHER_BYTES)
		PF_TRY(pq_fetch(f, (size_t)(end - begin), begin, err));
	/* At once: pages will come to stand where the indexes are now. */
	for (size_t i = 0; i < n; i++) {
		const struct pf_parquet_pages *pages;
		if (columns[i] >= 0)
			PF_TRY(pf_parquet_pages(f, group, (size_t)columns[i], &pages, err));
	}
	return 0;
}
