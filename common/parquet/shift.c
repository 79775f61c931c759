/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/shift.h"

#include "parquet/file.h"

/* The values of a page, and the page behind it. */
struct page {
	size_t at, n; /* offset of the values, how many */
	size_t end;
};

static int not_movable(const struct pf_parquet_file *f, size_t column, const char *why,
		     struct pf_error *err)
{
	return pf_fail(err, PF_E_PARQUET, "'%s': the numbers of column '%s' cannot be moved: %s",
		       f->source.name, f->columns[column].name, why);
}

static const struct pq_chunk *chunk_of(const struct pf_parquet_file *f, size_t group,
				       size_t column)
{
	return &f->footer.groups[group].chunks[f->leaves[column].leaf];
}

static int check_chunk(const struct pf_parquet_file *f, const struct pq_chunk *c,
		       size_t column, size_t len, struct pf_error *err)
{
	const struct pf_parquet_column *what = &f->columns[column];
	if (what->refused || what->type.kind != PF_BIGINT || what->nullable)
		return not_movable(f, column, "it is no bigint that is never null", err);
	if (!c->present || c->elsewhere || c->encrypted || c->dictionary_offset > 0 ||
	    c->codec != PQ_UNCOMPRESSED)
		return not_movable(f, column, "it is packed", err);
	if (c->stats.min_value.data || c->stats.max_value.data || c->stats.min.data ||
	    c->stats.max.data || c->column_index_offset > 0)
		return not_movable(f, column, "statistics tell what they are", err);
	if (c->data_offset < 4 || c->compressed_bytes < 0 ||
	    (uint64_t)c->data_offset > len ||
	    (uint64_t)c->compressed_bytes > len - (uint64_t)c->data_offset)
		return not_movable(f, column, "its pages are not in the file", err);
	return 0;
}

static int next_page(const struct pf_parquet_file *f, const uint8_t *bytes, size_t at,
		     size_t end, size_t column, struct page *p, struct pf_error *err)
{
	struct pq_page_header h;
	size_t used;
	bool more;
	PF_TRY(pq_page_header_parse(bytes + at, end - at, &h, &used, &more, err));
	if (h.kind != PQ_PAGE_DATA || h.encoding != PQ_PLAIN || h.has_crc || h.values < 0 ||
	    h.compressed != h.uncompressed || (int64_t)h.compressed != 8 * (int64_t)h.values ||
	    (size_t)h.compressed > end - at - used)
		return not_movable(f, column, "a page is not plain", err);
	*p = (struct page){ .at = at + used, .n = (size_t)h.values,
			    .end = at + used + (size_t)h.compressed };
	return 0;
}

/* Look at all values, or change them. */
static int walk(const struct pf_parquet_file *f, const uint8_t *bytes, uint8_t *change,
		size_t len, size_t column, int64_t by, struct pf_parquet_span *span,
		struct pf_error *err)
{
	*span = (struct pf_parquet_span){ INT64_MAX, INT64_MIN };
	for (size_t g = 0; g < f->footer.n_groups; g++) {
		const struct pq_chunk *c = chunk_of(f, g, column);
		PF_TRY(check_chunk(f, c, column, len, err));
		size_t at = (size_t)c->data_offset;
		size_t end = at + (size_t)c->compressed_bytes;
		int64_t rows = 0;
		while (at < end) {
			struct page p = { 0 };
			PF_TRY(next_page(f, bytes, at, end, column, &p, err));
			for (size_t i = 0; i < p.n; i++) {
				int64_t v;
				memcpy(&v, bytes + p.at + 8 * i, 8);
				if (__builtin_add_overflow(v, by, &v))
					return not_movable(f, column, "they grow too large",
							 err);
				span->least = v < span->least ? v : span->least;
				span->most = v > span->most ? v : span->most;
				if (change)
					memcpy(change + p.at + 8 * i, &v, 8);
			}
			rows += (int64_t)p.n;
			at = p.end;
		}
		if (rows != f->footer.groups[g].rows)
			return not_movable(f, column, "there are not as many as rows", err);
	}
	return 0;
}

int pf_parquet_movable_span(const struct pf_parquet_file *f, struct pf_view bytes,
			  size_t column, struct pf_parquet_span *span,
			  struct pf_error *err)
{
	return walk(f, bytes.data, NULL, bytes.len, column, 0, span, err);
}

int pf_parquet_shift(const struct pf_parquet_file *f, uint8_t *copy, size_t len,
		     size_t column, int64_t by, struct pf_error *err)
{
	struct pf_parquet_span span;
	return walk(f, copy, copy, len, column, by, &span, err);
}
