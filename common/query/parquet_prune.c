/* SPDX-License-Identifier: Apache-2.0 */
#include "query/parquet_prune.h"

#include "base/alloc.h"

enum {
	GAP_ROWS = 128, /* skipping fewer costs more than reading them */
};

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
	s->no_nan = p->nan_count == 0;
}

/* The type of a wanted column in the file; false when the file lacks it. */
static bool file_type(const struct pf_parquet_pruner *p, int column, struct pf_type *type)
{
	if (p->columns[column] < 0)
		return false;
	*type = pf_parquet_column(p->file, (size_t)p->columns[column])->type;
	return true;
}

static bool group_stats(void *ctx, int column, struct pf_block_stats *out)
{
	const struct pf_parquet_pruner *p = ctx;
	struct pf_type type;
	int64_t rows = pf_parquet_group_rows(p->file, p->group);
	const struct pf_datum *constant = p->constants[column];
	if (constant) {
		*out = (struct pf_block_stats){ .nulls = constant->null ? rows : 0,
						.rows = rows };
		out->has_min = out->has_max = !constant->null;
		out->min = out->max = *constant;
		return true;
	}
	if (p->columns[column] == PF_PRUNE_UNKNOWN)
		return false;
	if (!file_type(p, column, &type)) {
		*out = (struct pf_block_stats){ .nulls = rows, .rows = rows };
		return true;
	}
	struct pf_parquet_stats stats = pf_parquet_group_stats(
		p->file, p->group, (size_t)p->columns[column]);
	block_stats(type, &stats, out);
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

static int bloom_column(struct pf_parquet_pruner *p, int column, bool *skip,
			struct pf_error *err)
{
	const struct pf_column_bounds *all = pf_filter_bounds(p->wanted->filter, column);
	struct pf_type type;
	if (!all->n || !file_type(p, column, &type))
		return 0;
	size_t ordinal = (size_t)p->columns[column];
	for (size_t i = 0; i < all->n; i++) {
		const struct pf_range *r = &all->ranges[i];
		bool any = r->nulls || !r->has_set || r->nset > 100;
		if (any || !pf_parquet_has_bloom(p->file, p->group, ordinal))
			continue;
		for (size_t k = 0; k < r->nset && !any; k++) {
			struct pf_parquet_value v = bloom_value(&r->set[k], type);
			any = true;
			if (v.known)
				PF_TRY(pf_parquet_bloom(p->file, p->group, ordinal, &v,
							&any, err));
		}
		*skip = *skip || !any;
	}
	return 0;
}

/* Rows whose pages can hold a match, by one column's page index. */
static int page_ranges(struct pf_parquet_pruner *p, int column, struct pf_error *err)
{
	const struct pf_column_bounds *all = pf_filter_bounds(p->wanted->filter, column);
	const struct pf_parquet_pages *pages;
	struct pf_type type;
	if (!all->n || !file_type(p, column, &type))
		return 0;
	/* The other columns' indexes will be needed, too, and stand near. */
	PF_TRY(pf_parquet_pages_prefetch(p->file, p->group, p->columns,
					 p->wanted->schema->n, err));
	PF_TRY(pf_parquet_pages(p->file, p->group, (size_t)p->columns[column], &pages,
				err));
	if (!pages)
		return 0;
	struct pf_row_ranges keep = { 0 };
	for (size_t i = 0; i < pages->n; i++) {
		struct pf_block_stats b;
		bool may = true;
		block_stats(type, &pages->stats[i], &b);
		for (size_t k = 0; k < all->n && may; k++)
			may = pf_range_may_match(&all->ranges[k], b.has_min ? &b.min : NULL,
						 b.has_max ? &b.max : NULL, b.nulls,
						 b.rows);
		if (may)
			pf_ranges_push(&keep, pages->first_row[i], pages->first_row[i + 1]);
		p->counts->pages++;
		p->counts->pages_skipped += !may;
	}
	pf_ranges_intersect(&p->ranges, &keep);
	pf_ranges_free(&keep);
	return 0;
}

/* Rows that the file index leaves, of those in ranges. */
static void index_ranges(struct pf_parquet_pruner *p)
{
	struct pf_row_ranges keep = { 0 };
	for (size_t i = 0; i < p->ranges.n; i++) {
		const struct pf_parquet_range *r = &p->ranges.items[i];
		int64_t last = r->from - 1; /* put into keep */
		for (int64_t row = r->from; row < r->to; row++) {
			if (!pf_bit(p->only, p->base + row))
				continue;
			bool near = last >= r->from && row - last <= GAP_ROWS;
			pf_ranges_push(&keep, near ? last + 1 : row, row + 1);
			last = row;
		}
	}
	pf_ranges_free(&p->ranges);
	p->ranges = keep;
}

/* Take out the rows that are not there any more: exactly those. */
static void cut_deleted(struct pf_parquet_pruner *p)
{
	struct pf_row_ranges keep = { 0 };
	for (size_t i = 0; i < p->ranges.n; i++) {
		const struct pf_parquet_range *r = &p->ranges.items[i];
		for (int64_t from = r->from, to; from < r->to; from = to + 1) {
			for (to = from; to < r->to && !pf_bit(p->without, p->base + to);)
				to++;
			if (to > from)
				pf_ranges_push(&keep, from, to);
		}
	}
	pf_ranges_free(&p->ranges);
	p->ranges = keep;
}

static int prune(struct pf_parquet_pruner *p, size_t group, int64_t base,
		 struct pf_error *err)
{
	int64_t rows = pf_parquet_group_rows(p->file, group);
	p->group = group;
	p->base = base;
	p->ranges.n = 0;
	p->counts->groups++;
	if (rows)
		pf_ranges_push(&p->ranges, 0, rows);
	if (!p->wanted->prune || !p->wanted->filter->n)
		return 0;
	if (!pf_filter_may_match(p->wanted->filter, group_stats, p)) {
		p->counts->groups_stats++;
		p->ranges.n = 0;
		return 0;
	}
	for (size_t i = 0; i < p->ntested; i++) {
		bool skip = false;
		PF_TRY(bloom_column(p, (int)p->tested[i], &skip, err));
		if (skip) {
			p->counts->groups_bloom++;
			p->ranges.n = 0;
			return 0;
		}
	}
	for (size_t i = 0; i < p->ntested && p->ranges.n; i++)
		PF_TRY(page_ranges(p, (int)p->tested[i], err));
	if (rows && !p->ranges.n)
		p->counts->groups_pages++;
	if (p->only && p->ranges.n) {
		index_ranges(p);
		p->counts->groups_index += !p->ranges.n;
	}
	return 0;
}

int pf_parquet_prune(struct pf_parquet_pruner *p, size_t group, int64_t base,
		     struct pf_error *err)
{
	PF_TRY(prune(p, group, base, err));
	if (p->without)
		cut_deleted(p);
	return 0;
}
