/* SPDX-License-Identifier: Apache-2.0 */
#include "query/keyed_scan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "load/merge_keyed.h"

enum {
	MEMORY_BYTES = 256 << 20, /* of the runs of a section, unless said */
};

/* One sorted run being read, file after file. */
struct run {
	struct pf_keyed_scan *scan;
	const struct pf_sorted_run *files;
	size_t at, share_bytes;
	struct pf_parquet_scan *file;
};

struct pf_keyed_scan {
	const struct pf_rules *rules;
	const struct pf_wanted *wanted;
	struct pf_keyed_files files;
	struct pf_scan_counts *counts;
	struct pf_sections sections;
	size_t at;
	struct pf_parquet_scan *alone; /* a file that needs no merging */
	/* versions of rows: wanted columns first, then what merging needs */
	struct pf_schema *versions;
	struct pf_filter key_filter;
	struct pf_wanted wanted_versions;
	struct run *runs;
	struct pf_keyed_merge *merge; /* NULL: between sections */
	struct pf_builder *kept;
};

struct pf_filter pf_key_filter(const struct pf_filter *filter,
			       const struct pf_schema *columns,
			       const struct pf_table_schema *table)
{
	struct pf_filter f = { .nbounds = filter->nbounds };
	bool *used = pf_alloc(columns->n + 1, sizeof *used);
	f.items = pf_alloc(filter->n + 1, sizeof *f.items);
	f.bounds = pf_zalloc(filter->nbounds + 1, sizeof *f.bounds);
	for (size_t i = 0; i < filter->n; i++) {
		bool keys = true;
		memset(used, 0, columns->n * sizeof *used);
		pf_expr_columns(filter->items[i], used);
		for (size_t c = 0; c < columns->n; c++)
			keys &= !used[c] ||
				pf_rules_is_key(table, columns->fields[c].name);
		if (keys)
			f.items[f.n++] = filter->items[i];
	}
	for (size_t c = 0; c < f.nbounds; c++)
		if (pf_rules_is_key(table, columns->fields[c].name))
			f.bounds[c] = filter->bounds[c];
	free(used);
	return f;
}

void pf_key_filter_free(struct pf_filter *f)
{
	free(f->items);
	free(f->bounds);
	free(f->rows);
	*f = (struct pf_filter){ 0 };
}

/* --- what is read --- */

struct pf_schema *pf_keyed_versions(const struct pf_schema *wanted,
				    const struct pf_table_schema *t,
				    const struct pf_rules *r)
{
	struct pf_schema *s = pf_schema_copy(wanted);
	pf_rules_need(r, t, s);
	pf_schema_add(s, PF_SEQUENCE_COLUMN, (struct pf_type){ .kind = PF_BIGINT }, true);
	pf_schema_add(s, PF_KIND_COLUMN, (struct pf_type){ .kind = PF_TINYINT }, true);
	return s;
}

int pf_keyed_scan_new(const struct pf_file_list *list,
		      const struct pf_table_schema *table, const struct pf_rules *rules,
		      const struct pf_wanted *wanted, const struct pf_keyed_files *files,
		      struct pf_scan_counts *counts, struct pf_keyed_scan **out,
		      struct pf_error *err)
{
	struct pf_keyed_scan *s = pf_zalloc(1, sizeof *s);
	s->rules = rules;
	s->wanted = wanted;
	s->files = *files;
	s->counts = counts;
	s->versions = pf_keyed_versions(wanted->schema, table, rules);
	s->key_filter = pf_key_filter(wanted->filter, wanted->schema, table);
	s->wanted_versions = (struct pf_wanted){ .schema = s->versions,
						 .filter = &s->key_filter,
						 .prune = wanted->prune };
	s->kept = pf_builder_new(s->versions);
	int code = pf_sections_make(list, table, rules, &s->sections, err);
	if (code) {
		pf_keyed_scan_free(s);
		return code;
	}
	s->runs = pf_zalloc(s->sections.most_runs + 1, sizeof *s->runs);
	*out = s;
	return 0;
}

/* --- a section --- */

static int check_system_columns(const struct pf_keyed_scan *s, const struct pf_batch *b,
				struct pf_error *err)
{
	for (size_t c = s->versions->n - 2; c < s->versions->n; c++)
		if (b->columns[c].nulls)
			return pf_fail(err, PF_E_TABLE_CORRUPT,
				       "a row without %s, which files of such tables have",
				       s->versions->fields[c].name);
	return 0;
}

static int next_versions(void *ctx, struct pf_batch *batch, struct pf_error *err)
{
	struct run *r = ctx;
	struct pf_keyed_scan *s = r->scan;
	int64_t matched = s->counts->matched;
	batch->rows = 0;
	while (!batch->rows && r->at < r->files->n) {
		const struct pf_data_file *f = r->files->files[r->at];
		if (s->files.rows && s->files.rows(s->files.ctx, f, batch)) {
			r->at++;
			break;
		}
		if (!r->file) {
			PF_TRY(s->files.open(s->files.ctx, f, &s->wanted_versions,
					     &r->file, err));
			pf_parquet_scan_bytes(r->file, r->share_bytes);
		}
		PF_TRY(pf_parquet_scan_next(r->file, batch, err));
		if (batch->rows)
			break;
		pf_parquet_scan_free(r->file);
		r->file = NULL;
		s->files.done(s->files.ctx, f);
		r->at++;
	}
	/* Versions, not yet rows. */
	s->counts->matched = matched;
	return batch->rows ? check_system_columns(s, batch, err) : 0;
}

static void end_merge(struct pf_keyed_scan *s)
{
	pf_keyed_merge_free(s->merge);
	s->merge = NULL;
}

/* A third is for the rows: they grow, and are decoded from as much beside them. */
static void set_share(void *ctx, size_t bytes)
{
	((struct run *)ctx)->share_bytes = bytes / 3;
}

static void close_run(void *ctx)
{
	struct run *r = ctx;
	pf_parquet_scan_free(r->file);
	r->file = NULL;
}

static int begin_merge(struct pf_keyed_scan *s, const struct pf_section *section,
		       struct pf_error *err)
{
	const struct pf_keyed_merge_options o = {
		.memory_bytes = s->wanted->memory ? s->wanted->memory / 2 : MEMORY_BYTES,
	};
	PF_TRY(pf_keyed_merge_new(s->rules, s->versions, &o, &s->merge, err));
	for (size_t i = 0; i < section->n; i++) {
		const struct pf_data_file *first = section->runs[i].files[0];
		s->runs[i] = (struct run){ .scan = s, .files = &section->runs[i] };
		const struct pf_run run = {
			.merge = { next_versions, &s->runs[i], first->path },
			.bytes = pf_keyed_run_bytes(&section->runs[i]),
			.share = set_share,
			.close = close_run,
		};
		pf_keyed_merge_add(s->merge, &run);
	}
	return 0;
}

/* Of merged rows, those that the question is about. */
static int filter_rows(struct pf_keyed_scan *s, struct pf_batch *b, struct pf_error *err)
{
	size_t n;
	PF_TRY(pf_filter_rows(s->wanted->filter, b, &n, err));
	s->counts->matched += (int64_t)n;
	if (n == (size_t)b->rows)
		return 0;
	pf_builder_reset(s->kept);
	if (n)
		pf_builder_gather(s->kept, b, s->wanted->filter->rows, n);
	*b = pf_builder_batch(s->kept);
	return 0;
}

static int next_merged(struct pf_keyed_scan *s, struct pf_batch *batch,
		       struct pf_error *err)
{
	for (;;) {
		struct pf_batch rows;
		PF_TRY(pf_keyed_merge_next(s->merge, &rows, err));
		if (!rows.rows)
			break;
		PF_TRY(filter_rows(s, &rows, err));
		if (!rows.rows)
			continue;
		*batch = rows;
		batch->schema = s->wanted->schema;
		return 0;
	}
	end_merge(s);
	s->at++;
	return 0;
}

static int next_alone(struct pf_keyed_scan *s, const struct pf_data_file *f,
		      struct pf_batch *batch, struct pf_error *err)
{
	if (!s->alone) {
		if (!s->files.may_match(s->files.ctx, f)) {
			s->files.done(s->files.ctx, f);
			s->at++;
			return 0;
		}
		PF_TRY(s->files.open(s->files.ctx, f, s->wanted, &s->alone, err));
	}
	PF_TRY(pf_parquet_scan_next(s->alone, batch, err));
	if (batch->rows)
		return 0;
	pf_parquet_scan_free(s->alone);
	s->alone = NULL;
	s->files.done(s->files.ctx, f);
	s->at++;
	return 0;
}

int pf_keyed_scan_next(struct pf_keyed_scan *s, struct pf_batch *batch,
		       struct pf_error *err)
{
	batch->rows = 0;
	while (!batch->rows && s->at < s->sections.n) {
		const struct pf_section *section = &s->sections.items[s->at];
		const struct pf_data_file *first = section->runs[0].files[0];
		int code;
		if (section->merge) {
			code = s->merge ? 0 : begin_merge(s, section, err);
			if (!code)
				code = next_merged(s, batch, err);
		} else {
			code = next_alone(s, first, batch, err);
		}
		if (code)
			return pf_context(err, "'%s'", first->dir);
	}
	return 0;
}

void pf_keyed_scan_free(struct pf_keyed_scan *s)
{
	if (!s)
		return;
	end_merge(s);
	pf_parquet_scan_free(s->alone);
	free(s->runs);
	pf_sections_free(&s->sections);
	pf_key_filter_free(&s->key_filter);
	pf_schema_unref(s->versions);
	pf_builder_free(s->kept);
	free(s);
}
