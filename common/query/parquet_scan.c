/* SPDX-License-Identifier: Apache-2.0 */
#include "query/parquet_scan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "query/source.h"

enum {
	CHUNK_ROWS = 128 * 1024, /* rows decoded at a time */
	GAP_ROWS = 128, /* skipping fewer costs more than reading them */
};

struct ranges {
	struct pf_parquet_range *items;
	size_t n, cap;
};

struct pf_parquet_scan {
	struct pf_parquet_file *file;
	const struct pf_wanted *wanted;
	struct pf_scan_counts *counts;
	struct pf_parquet_counters before; /* counted already */
	int *columns;
	size_t n;
	/* Columns that conditions read, and the others: positions in wanted. */
	size_t *first, *rest;
	size_t nfirst, nrest;
	struct pf_builder *first_rows, *first_kept, *rest_rows, *rest_kept;
	struct pf_column *show;
	size_t group;      /* the next to be opened */
	int64_t base;      /* its first row, in the file */
	uint8_t *only;     /* rows of the file that can match; NULL: all */
	bool open;         /* ranges are those of group - 1 */
	struct ranges ranges;
	size_t at_range;
	int64_t at_row;
	struct ranges chunk, refined;
	int *ordinals;     /* scratch for reads */
};

static void push(struct ranges *r, int64_t from, int64_t to)
{
	if (r->n && r->items[r->n - 1].to == from) {
		r->items[r->n - 1].to = to;
		return;
	}
	if (r->n == r->cap) {
		r->cap = pf_grow(r->cap, r->n + 1);
		r->items = pf_realloc(r->items, r->cap, sizeof *r->items);
	}
	r->items[r->n++] = (struct pf_parquet_range){ from, to };
}

/* a becomes what a and b share. */
static void intersect(struct ranges *a, const struct ranges *b)
{
	struct ranges out = { 0 };
	size_t i = 0, k = 0;
	while (i < a->n && k < b->n) {
		int64_t from = a->items[i].from > b->items[k].from ? a->items[i].from :
								      b->items[k].from;
		int64_t to = a->items[i].to < b->items[k].to ? a->items[i].to :
								b->items[k].to;
		if (from < to)
			push(&out, from, to);
		if (a->items[i].to < b->items[k].to)
			i++;
		else
			k++;
	}
	free(a->items);
	*a = out;
}

static int64_t rows_of(const struct ranges *r)
{
	int64_t rows = 0;
	for (size_t i = 0; i < r->n; i++)
		rows += r->items[i].to - r->items[i].from;
	return rows;
}

/* --- what the file says about its values --- */

/* A bound as a datum of the file's type. */
static struct pf_datum datum(struct pf_type type, const struct pf_parquet_value *v)
{
	struct pf_datum d = { .type = type };
	switch (type.kind) {
	case PF_FLOAT:
	case PF_DOUBLE:
		d.d = v->d;
		break;
	case PF_DECIMAL:
		d.dec = v->dec;
		break;
	case PF_STRING:
	case PF_BYTES:
		d.bytes = v->bytes;
		break;
	default:
		d.i = v->i;
		break;
	}
	return d;
}

static void block_stats(struct pf_type type, const struct pf_parquet_stats *p,
			struct pf_block_stats *s)
{
	*s = (struct pf_block_stats){ .nulls = p->null_count, .rows = p->rows };
	s->has_min = p->min.known;
	s->has_max = p->max.known;
	if (s->has_min)
		s->min = datum(type, &p->min);
	if (s->has_max)
		s->max = datum(type, &p->max);
}

/* The type of a wanted column in the file; false when the file lacks it. */
static bool file_type(const struct pf_parquet_scan *s, int column, struct pf_type *type)
{
	if (s->columns[column] < 0)
		return false;
	*type = pf_parquet_column(s->file, (size_t)s->columns[column])->type;
	return true;
}

static bool group_stats(void *ctx, int column, struct pf_block_stats *out)
{
	const struct pf_parquet_scan *s = ctx;
	struct pf_type type;
	int64_t rows = pf_parquet_group_rows(s->file, s->group);
	if (!file_type(s, column, &type)) {
		*out = (struct pf_block_stats){ .nulls = rows, .rows = rows };
		return true;
	}
	struct pf_parquet_stats p = pf_parquet_group_stats(
		s->file, s->group, (size_t)s->columns[column]);
	block_stats(type, &p, out);
	return true;
}

/* A value as the file's bloom filter knows it, if it is to be asked. */
static struct pf_parquet_value bloom_value(const struct pf_datum *d, struct pf_type type)
{
	struct pf_parquet_value v = { .exact = true };
	struct pf_datum stored;
	v.known = pf_datum_exact(type, d, &stored);
	if (!v.known)
		return v;
	if (type.kind == PF_DECIMAL)
		v.dec = stored.dec;
	else if (type.kind == PF_FLOAT || type.kind == PF_DOUBLE)
		v.d = stored.d;
	else if (type.kind == PF_STRING || type.kind == PF_BYTES)
		v.bytes = stored.bytes;
	else
		v.i = stored.i;
	return v;
}

static int bloom_column(struct pf_parquet_scan *s, int column, bool *skip,
			struct pf_error *err)
{
	const struct pf_column_bounds *all = pf_filter_bounds(s->wanted->filter, column);
	struct pf_type type;
	if (!all->n || !file_type(s, column, &type))
		return 0;
	size_t ordinal = (size_t)s->columns[column];
	for (size_t i = 0; i < all->n; i++) {
		const struct pf_range *r = &all->ranges[i];
		bool any = r->nulls || !r->has_set || r->nset > 100;
		if (any || !pf_parquet_has_bloom(s->file, s->group, ordinal))
			continue;
		for (size_t k = 0; k < r->nset && !any; k++) {
			struct pf_parquet_value v = bloom_value(&r->set[k], type);
			any = true;
			if (v.known)
				PF_TRY(pf_parquet_bloom(s->file, s->group, ordinal, &v,
							&any, err));
		}
		*skip = *skip || !any;
	}
	return 0;
}

/* Rows whose pages can hold a match, by one column's page index. */
static int page_ranges(struct pf_parquet_scan *s, int column, struct pf_error *err)
{
	const struct pf_column_bounds *all = pf_filter_bounds(s->wanted->filter, column);
	const struct pf_parquet_pages *pages;
	struct pf_type type;
	if (!all->n || !file_type(s, column, &type))
		return 0;
	/* The other columns' indexes will be needed, too, and stand near. */
	PF_TRY(pf_parquet_pages_prefetch(s->file, s->group, s->columns,
					 s->wanted->schema->n, err));
	PF_TRY(pf_parquet_pages(s->file, s->group, (size_t)s->columns[column], &pages,
				err));
	if (!pages)
		return 0;
	struct ranges keep = { 0 };
	for (size_t i = 0; i < pages->n; i++) {
		struct pf_block_stats b;
		bool may = true;
		block_stats(type, &pages->stats[i], &b);
		for (size_t k = 0; k < all->n && may; k++)
			may = pf_range_may_match(&all->ranges[k], b.has_min ? &b.min : NULL,
						 b.has_max ? &b.max : NULL, b.nulls,
						 b.rows);
		if (may)
			push(&keep, pages->first_row[i], pages->first_row[i + 1]);
		s->counts->pages++;
		s->counts->pages_skipped += !may;
	}
	intersect(&s->ranges, &keep);
	free(keep.items);
	return 0;
}

/* Rows that the file index leaves, of those in ranges. */
static void index_ranges(struct pf_parquet_scan *s)
{
	struct ranges keep = { 0 };
	for (size_t i = 0; i < s->ranges.n; i++) {
		const struct pf_parquet_range *r = &s->ranges.items[i];
		int64_t last = r->from - 1; /* put into keep */
		for (int64_t row = r->from; row < r->to; row++) {
			if (!pf_bit(s->only, s->base + row))
				continue;
			bool near = last >= r->from && row - last <= GAP_ROWS;
			push(&keep, near ? last + 1 : row, row + 1);
			last = row;
		}
	}
	free(s->ranges.items);
	s->ranges = keep;
}

/* Decide what of the group has to be read. */
static int open_group(struct pf_parquet_scan *s, struct pf_error *err)
{
	int64_t rows = pf_parquet_group_rows(s->file, s->group);
	s->ranges.n = s->at_range = 0;
	s->at_row = 0;
	s->counts->groups++;
	if (rows)
		push(&s->ranges, 0, rows);
	if (!s->wanted->prune || !s->wanted->filter->n)
		return 0;
	if (!pf_filter_may_match(s->wanted->filter, group_stats, s)) {
		s->counts->groups_stats++;
		s->ranges.n = 0;
		return 0;
	}
	for (size_t i = 0; i < s->nfirst; i++) {
		bool skip = false;
		PF_TRY(bloom_column(s, (int)s->first[i], &skip, err));
		if (skip) {
			s->counts->groups_bloom++;
			s->ranges.n = 0;
			return 0;
		}
	}
	for (size_t i = 0; i < s->nfirst && s->ranges.n; i++)
		PF_TRY(page_ranges(s, (int)s->first[i], err));
	if (rows && !s->ranges.n)
		s->counts->groups_pages++;
	if (s->only && s->ranges.n) {
		index_ranges(s);
		s->counts->groups_index += !s->ranges.n;
	}
	return 0;
}

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

static int read_columns(struct pf_parquet_scan *s, const size_t *columns, size_t n,
			const struct ranges *r, struct pf_builder *out,
			struct pf_error *err)
{
	pf_builder_reset(out);
	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		s->ordinals[i] = s->columns[columns[i]];
	return pf_parquet_read(s->file, s->group - 1, s->ordinals, n, r->items, r->n,
			       out, err);
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

/* The next rows to look at, into s->chunk. */
static void next_chunk(struct pf_parquet_scan *s)
{
	int64_t left = CHUNK_ROWS;
	s->chunk.n = 0;
	while (left && s->at_range < s->ranges.n) {
		const struct pf_parquet_range *r = &s->ranges.items[s->at_range];
		int64_t from = s->at_row > r->from ? s->at_row : r->from;
		int64_t to = r->to - from > left ? from + left : r->to;
		push(&s->chunk, from, to);
		left -= to - from;
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
		push(&s->refined, row, row + 1);
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
	int64_t rows = rows_of(&s->chunk);
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
}

int pf_parquet_scan_next(struct pf_parquet_scan *s, struct pf_batch *batch,
			 struct pf_error *err)
{
	*batch = (struct pf_batch){ .schema = s->wanted->schema, .columns = s->show };
	for (;;) {
		if (s->at_range >= s->ranges.n) {
			if (s->group >= pf_parquet_groups(s->file)) {
				count(s);
				return 0;
			}
			PF_TRY(open_group(s, err));
			s->base += pf_parquet_group_rows(s->file, s->group);
			s->group++;
			continue;
		}
		size_t n;
		next_chunk(s);
		PF_TRY(filter_chunk(s, &n, err));
		s->counts->rows += rows_of(&s->chunk);
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
	s->columns = pf_alloc(n + 1, sizeof *s->columns);
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
	free(s->ranges.items);
	free(s->chunk.items);
	free(s->refined.items);
	free(s->only);
	free(s->columns);
	free(s->first);
	free(s->rest);
	free(s->show);
	free(s->ordinals);
	free(s);
}
