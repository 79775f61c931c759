/* SPDX-License-Identifier: Apache-2.0 */
#include "query/parquet_scan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "query/parquet_prune.h"

enum {
	CHUNK_ROWS = 128 * 1024, /* rows decoded at a time: a row group of ours */
	CHUNK_ROWS_MIN = 64,
	GROWTH = 16, /* where bytes count, from chunk to chunk at most */
};

/* A column that is read as another type. */
struct recast {
	struct pf_cast cast; /* not needed: it is not */
	const struct pf_zone *zone;
	int ordinal;
	struct pf_builder *rows;
};

struct pf_parquet_scan {
	struct pf_parquet_file *file;
	const struct pf_wanted *wanted;
	struct pf_scan_counts *counts;
	struct pf_parquet_counters before; /* counted already */
	int *columns;
	const struct pf_datum **constants; /* by wanted column; NULL: of the file */
	struct recast *recasts;            /* likewise; NULL: there are none */
	size_t n;
	/* Columns that conditions read, and the others: positions in wanted. */
	size_t *first, *rest;
	size_t nfirst, nrest;
	struct pf_builder *first_rows, *first_kept, *rest_rows, *rest_kept;
	struct pf_column *show;
	size_t group;      /* the next to be opened */
	int64_t base;      /* its first row, in the file */
	uint8_t *only;     /* rows of the file that can match; NULL: all */
	uint8_t *without;  /* rows that are not there any more; NULL: none */
	const struct pf_parquet_pages *pages; /* where chunks may end */
	struct pf_parquet_pruner pruner;
	size_t at_range;
	int64_t at_row;
	size_t step_bytes;  /* of rows decoded at a time; 0: as many as there are */
	int64_t step_rows;  /* decoded at a time, at most */
	int64_t chunk_rows; /* now */
	struct pf_row_ranges chunk, refined;
	int *ordinals;     /* scratch for reads */
};

/* --- reading --- */

/* Some of the wanted columns, as a schema of their own. */
static struct pf_builder *builder_of(const struct pf_wanted *w, const size_t *columns,
				     size_t n)
{
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; i < n; i++) {
		const struct pf_field *f = &w->schema->fields[columns[i]];
		pf_schema_add(s, f->name, f->type, true);
	}
	struct pf_builder *b = pf_builder_new(s);
	pf_schema_unref(s);
	return b;
}

static int read_cast(struct pf_parquet_scan *s, struct recast *c,
		     const struct pf_row_ranges *r, struct pf_colbuf *out,
		     struct pf_error *err)
{
	pf_builder_reset(c->rows);
	PF_TRY(pf_parquet_read(s->file, s->group - 1, &c->ordinal, 1, r->items, r->n,
			       c->rows, err));
	struct pf_column column = pf_colbuf_view(&c->rows->columns[0]);
	int64_t rows = c->rows->columns[0].rows;
	pf_colbuf_reset(out);
	return pf_cast_column(&c->cast, &column, rows, c->zone, out, err);
}

static int read_columns(struct pf_parquet_scan *s, const size_t *columns, size_t n,
			const struct pf_row_ranges *r, struct pf_builder *out,
			struct pf_error *err)
{
	pf_builder_reset(out);
	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		s->ordinals[i] = s->columns[columns[i]] < 0 ? -1 : s->columns[columns[i]];
	PF_TRY(pf_parquet_read(s->file, s->group - 1, s->ordinals, n, r->items, r->n,
			       out, err));
	for (size_t i = 0; i < n; i++) {
		const struct pf_datum *value = s->constants[columns[i]];
		if (s->recasts && s->recasts[columns[i]].cast.needed)
			PF_TRY(read_cast(s, &s->recasts[columns[i]], r, &out->columns[i],
					 err));
		if (!value)
			continue;
		size_t rows = (size_t)out->columns[i].rows;
		pf_colbuf_reset(&out->columns[i]);
		pf_datum_repeat(value, &out->columns[i], rows);
	}
	return 0;
}

static void show(struct pf_parquet_scan *s, const size_t *columns, size_t n,
		 struct pf_builder *b)
{
	if (!n)
		return;
	struct pf_batch batch = pf_builder_batch(b);
	for (size_t i = 0; i < n; i++)
		s->show[columns[i]] = batch.columns[i];
}

/* Open the next row group. Large ones (of other writers) are decoded in
 * pieces, which end where a page does if an index says where. */
static int open_group(struct pf_parquet_scan *s, struct pf_error *err)
{
	size_t group = s->group++;
	int64_t rows = pf_parquet_group_rows(s->file, group);
	s->at_range = 0;
	s->at_row = 0;
	s->pages = NULL;
	if (s->step_bytes) {
		int64_t fit = pf_parquet_rows_in(s->file, group, s->columns, s->n,
						 s->step_bytes);
		s->step_rows = fit < CHUNK_ROWS ? fit : CHUNK_ROWS;
	}
	s->chunk_rows = s->step_rows;
	PF_TRY(pf_parquet_prune(&s->pruner, group, s->base, err));
	s->base += rows;
	for (size_t i = 0; i < s->n && rows > s->step_rows && !s->pages; i++)
		if (s->columns[i] >= 0)
			PF_TRY(pf_parquet_pages(s->file, group, (size_t)s->columns[i],
						&s->pages, err));
	return 0;
}

/* The end of the last page that ends in (from, to]; to when there is none. */
static int64_t page_end(const struct pf_parquet_pages *pages, int64_t from, int64_t to)
{
	size_t lo = 0, hi = pages->n + 1; /* first_row[lo] <= to < first_row[hi] */
	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (pages->first_row[mid] <= to)
			lo = mid;
		else
			hi = mid;
	}
	return pages->first_row[lo] > from ? pages->first_row[lo] : to;
}

/* The next rows to look at, into s->chunk. */
static void next_chunk(struct pf_parquet_scan *s)
{
	int64_t left = s->chunk_rows;
	s->chunk.n = 0;
	while (left > 0 && s->at_range < s->pruner.ranges.n) {
		const struct pf_parquet_range *r = &s->pruner.ranges.items[s->at_range];
		int64_t from = s->at_row > r->from ? s->at_row : r->from;
		int64_t to = r->to;
		left -= to - from;
		if (left < 0) {
			to += left;
			if (s->pages)
				to = page_end(s->pages, from, to);
		}
		pf_ranges_push(&s->chunk, from, to);
		s->at_row = to;
		if (to == r->to)
			s->at_range++;
	}
}

/* The rows of the chunk that passed, as ranges of the group. */
static void refine(struct pf_parquet_scan *s, const uint32_t *rows, size_t n)
{
	size_t k = 0;
	int64_t base = 0; /* row of the batch where range k begins */
	s->refined.n = 0;
	for (size_t i = 0; i < n; i++) {
		while (rows[i] >= base + (s->chunk.items[k].to - s->chunk.items[k].from)) {
			base += s->chunk.items[k].to - s->chunk.items[k].from;
			k++;
		}
		int64_t row = s->chunk.items[k].from + (rows[i] - base);
		pf_ranges_push(&s->refined, row, row + 1);
	}
}

static void gather(const struct pf_batch *from, const uint32_t *rows, size_t n,
		   struct pf_builder *to)
{
	pf_builder_reset(to);
	pf_builder_gather(to, from, rows, n);
}

/* Filter the chunk; what passes is shown. *n: how many rows. */
static int filter_chunk(struct pf_parquet_scan *s, size_t *n, struct pf_error *err)
{
	int64_t rows = pf_ranges_rows(&s->chunk);
	struct pf_filter *f = s->wanted->filter;
	PF_TRY(read_columns(s, s->first, s->nfirst, &s->chunk, s->first_rows, err));
	show(s, s->first, s->nfirst, s->first_rows);
	struct pf_batch batch = { .schema = s->wanted->schema, .rows = rows,
				  .columns = s->show };
	PF_TRY(pf_filter_rows(f, &batch, n, err));
	if (!*n)
		return 0;
	if (*n == (size_t)rows) {
		PF_TRY(read_columns(s, s->rest, s->nrest, &s->chunk, s->rest_rows, err));
		show(s, s->rest, s->nrest, s->rest_rows);
		return 0;
	}
	if (s->nfirst) {
		struct pf_batch all = pf_builder_batch(s->first_rows);
		gather(&all, f->rows, *n, s->first_kept);
		show(s, s->first, s->nfirst, s->first_kept);
	}
	if (!s->nrest)
		return 0;
	refine(s, f->rows, *n);
	/* Many small pieces cost more than rows that are thrown away. */
	if (s->refined.n > 64 && s->refined.n > *n / 4) {
		PF_TRY(read_columns(s, s->rest, s->nrest, &s->chunk, s->rest_rows, err));
		struct pf_batch all = pf_builder_batch(s->rest_rows);
		gather(&all, f->rows, *n, s->rest_kept);
		show(s, s->rest, s->nrest, s->rest_kept);
		return 0;
	}
	PF_TRY(read_columns(s, s->rest, s->nrest, &s->refined, s->rest_rows, err));
	show(s, s->rest, s->nrest, s->rest_rows);
	return 0;
}

static void count(struct pf_parquet_scan *s)
{
	const struct pf_parquet_counters *c = pf_parquet_counters(s->file);
	s->counts->reads += c->reads - s->before.reads;
	s->counts->bytes += c->bytes - s->before.bytes;
	s->counts->pages_decoded += c->pages_decoded - s->before.pages_decoded;
	s->before = *c;
}

void pf_parquet_scan_only(struct pf_parquet_scan *s, uint8_t *rows)
{
	free(s->only);
	s->only = rows;
	s->pruner.only = rows;
}

void pf_parquet_scan_without(struct pf_parquet_scan *s, uint8_t *rows)
{
	free(s->without);
	s->without = rows;
	s->pruner.without = rows;
}

void pf_parquet_scan_constant(struct pf_parquet_scan *s, size_t column,
			      const struct pf_datum *value)
{
	s->columns[column] = -1;
	s->constants[column] = value;
}

void pf_parquet_scan_bytes(struct pf_parquet_scan *s, size_t bytes)
{
	s->step_bytes = bytes;
}

/* So many rows were decoded: how many next time? */
static void set_step(struct pf_parquet_scan *s, int64_t rows)
{
	size_t bytes = pf_builder_bytes(s->first_rows) + pf_builder_bytes(s->rest_rows);
	if (!s->step_bytes || !rows)
		return;
	size_t fit = s->step_bytes / (bytes / (size_t)rows + 1) + 1;
	int64_t next = fit < CHUNK_ROWS ? (int64_t)fit : CHUNK_ROWS;
	s->step_rows = next < GROWTH * rows ? next : GROWTH * rows;
	s->chunk_rows = s->step_rows;
}

void pf_parquet_scan_cast(struct pf_parquet_scan *s, size_t column, int ordinal,
			  const struct pf_cast *cast, const struct pf_zone *zone)
{
	struct pf_schema *one = pf_schema_new();
	if (!s->recasts)
		s->recasts = pf_zalloc(s->n, sizeof *s->recasts);
	pf_schema_add(one, s->wanted->schema->fields[column].name, cast->from, true);
	s->recasts[column] = (struct recast){ *cast, zone, ordinal, pf_builder_new(one) };
	/* Beside another table the column may be wider still. */
	s->recasts[column].cast.to = s->wanted->schema->fields[column].type;
	pf_schema_unref(one);
	s->columns[column] = PF_PRUNE_UNKNOWN;
}

int pf_parquet_scan_next(struct pf_parquet_scan *s, struct pf_batch *batch,
			 struct pf_error *err)
{
	*batch = (struct pf_batch){ .schema = s->wanted->schema, .columns = s->show };
	for (;;) {
		if (s->at_range >= s->pruner.ranges.n) {
			if (s->group >= pf_parquet_groups(s->file)) {
				count(s);
				return 0;
			}
			PF_TRY(open_group(s, err));
			continue;
		}
		size_t n, range = s->at_range;
		int64_t row = s->at_row;
		next_chunk(s);
		int code = filter_chunk(s, &n, err);
		if (code == PF_E_LIMIT && s->chunk_rows > CHUNK_ROWS_MIN) {
			/* Texts so long that they do not fit a batch: fewer rows. */
			s->chunk_rows /= 16;
			s->at_range = range;
			s->at_row = row;
			continue;
		}
		PF_TRY(code);
		set_step(s, pf_ranges_rows(&s->chunk));
		s->counts->rows += pf_ranges_rows(&s->chunk);
		s->counts->matched += (int64_t)n;
		if (n) {
			count(s);
			batch->rows = (int64_t)n;
			return 0;
		}
	}
}

int pf_parquet_scan_new(struct pf_parquet_file *file, const int *columns,
			const struct pf_wanted *wanted,
			struct pf_scan_counts *counts,
			struct pf_parquet_scan **out, struct pf_error *err)
{
	struct pf_parquet_scan *s = pf_zalloc(1, sizeof *s);
	size_t n = wanted->schema->n;
	(void)err;
	s->file = file;
	s->wanted = wanted;
	s->counts = counts;
	s->n = n;
	s->step_rows = CHUNK_ROWS;
	s->columns = pf_alloc(n + 1, sizeof *s->columns);
	s->constants = pf_zalloc(n + 1, sizeof *s->constants);
	s->first = pf_alloc(n + 1, sizeof *s->first);
	s->rest = pf_alloc(n + 1, sizeof *s->rest);
	s->show = pf_zalloc(n + 1, sizeof *s->show);
	s->ordinals = pf_alloc(n + 1, sizeof *s->ordinals);
	bool *used = pf_zalloc(n + 1, sizeof *used);
	pf_filter_columns(wanted->filter, used);
	for (size_t i = 0; i < n; i++) {
		s->columns[i] = columns[i];
		if (used[i])
			s->first[s->nfirst++] = i;
		else
			s->rest[s->nrest++] = i;
	}
	free(used);
	s->first_rows = builder_of(wanted, s->first, s->nfirst);
	s->first_kept = builder_of(wanted, s->first, s->nfirst);
	s->rest_rows = builder_of(wanted, s->rest, s->nrest);
	s->rest_kept = builder_of(wanted, s->rest, s->nrest);
	s->pruner = (struct pf_parquet_pruner){
		.file = file, .wanted = wanted, .counts = counts, .columns = s->columns,
		.constants = s->constants, .tested = s->first, .ntested = s->nfirst,
	};
	*out = s;
	return 0;
}

void pf_parquet_scan_free(struct pf_parquet_scan *s)
{
	if (!s)
		return;
	count(s);
	pf_parquet_close(s->file);
	pf_builder_free(s->first_rows);
	pf_builder_free(s->first_kept);
	pf_builder_free(s->rest_rows);
	pf_builder_free(s->rest_kept);
	pf_ranges_free(&s->pruner.ranges);
	pf_ranges_free(&s->chunk);
	pf_ranges_free(&s->refined);
	free(s->only);
	free(s->without);
	free(s->columns);
	free(s->constants);
	for (size_t i = 0; s->recasts && i < s->n; i++)
		pf_builder_free(s->recasts[i].rows);
	free(s->recasts);
	free(s->first);
	free(s->rest);
	free(s->show);
	free(s->ordinals);
	free(s);
}
