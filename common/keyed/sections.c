/* SPDX-License-Identifier: Apache-2.0 */
#include "keyed/sections.h"

#include <stdlib.h>

#include "base/alloc.h"

/* A file with its key range. */
struct range {
	const struct pf_data_file *file;
	struct pf_datum *min, *max;
	size_t nkeys;
};

static int read_key(struct pf_view row, const struct pf_table_schema *s,
		    const struct pf_rules *r, struct pf_datum *out, struct pf_error *err)
{
	PF_TRY(pf_row_check(row, r->nkeys, "a key", err));
	for (size_t i = 0; i < r->nkeys; i++) {
		int f = pf_table_field_by_name(s, r->keys[i]);
		PF_TRY(pf_row_get(row, i, s->fields[f].type, &out[i], err));
		if (out[i].null)
			return pf_fail(err, PF_E_TABLE_CORRUPT, "a key without '%s'",
				       r->keys[i]);
	}
	return 0;
}

static int read_range(struct range *range, const struct pf_table_schema *s,
		      const struct pf_rules *r, struct pf_arena *arena,
		      struct pf_error *err)
{
	const struct pf_data_file *f = range->file;
	range->nkeys = r->nkeys;
	range->min = pf_arena_get(arena, 2 * r->nkeys, sizeof *range->min);
	range->max = range->min + r->nkeys;
	int code = read_key(f->min_key, s, r, range->min, err);
	if (!code)
		code = read_key(f->max_key, s, r, range->max, err);
	return code ? pf_context(err, "file '%s'", f->path) : 0;
}

static int by_key(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int c = pf_datum_cmp_all(x->min, y->min, x->nkeys);
	return c ? c : pf_datum_cmp_all(x->max, y->max, x->nkeys);
}

static struct pf_section *add(struct pf_sections *s, size_t nruns)
{
	struct pf_section *at = &s->items[s->n++];
	*at = (struct pf_section){
		.runs = pf_arena_zero(&s->arena, nruns, sizeof *at->runs)
	};
	return at;
}

/* Ranges [0, n), sorted, overlap: put each behind the first run that ends
 * before it. */
static void make_runs(struct pf_sections *s, const struct range *ranges, size_t n)
{
	struct pf_section *section = add(s, n);
	const struct range **last = pf_alloc(n, sizeof *last);
	size_t *run_of = pf_alloc(n, sizeof *run_of);
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < section->n && pf_datum_cmp_all(last[k]->max, ranges[i].min,
							  ranges[i].nkeys) >= 0)
			k++;
		section->n += k == section->n;
		section->runs[k].n++;
		last[k] = &ranges[i];
		run_of[i] = k;
	}
	for (size_t k = 0; k < section->n; k++) {
		struct pf_sorted_run *r = &section->runs[k];
		r->files = pf_arena_get(&s->arena, r->n, sizeof *r->files);
		r->n = 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct pf_sorted_run *r = &section->runs[run_of[i]];
		r->files[r->n++] = ranges[i].file;
	}
	const struct pf_data_file *only = ranges[0].file;
	section->merge = n > 1 || !only->has_deletes || only->deletes;
	if (section->n > s->most_runs)
		s->most_runs = section->n;
	free(last);
	free(run_of);
}

static void cut(struct pf_sections *s, struct range *ranges, size_t n)
{
	qsort(ranges, n, sizeof *ranges, by_key);
	for (size_t from = 0; from < n;) {
		const struct pf_datum *end = ranges[from].max;
		size_t to = from + 1;
		while (to < n && pf_datum_cmp_all(ranges[to].min, end, ranges[to].nkeys) <= 0) {
			if (pf_datum_cmp_all(ranges[to].max, end, ranges[to].nkeys) > 0)
				end = ranges[to].max;
			to++;
		}
		make_runs(s, ranges + from, to - from);
		from = to;
	}
}

/* A file as it is: its rows are single. */
static void add_alone(struct pf_sections *s, const struct pf_data_file *f)
{
	struct pf_section *section = add(s, 1);
	section->n = section->runs[0].n = 1;
	section->runs[0].files = pf_arena_get(&s->arena, 1, sizeof f);
	section->runs[0].files[0] = f;
	s->most_runs = s->most_runs ? s->most_runs : 1;
}

int pf_sections_make(const struct pf_file_list *list, const struct pf_table_schema *schema,
		     const struct pf_rules *rules, struct pf_sections *s,
		     struct pf_error *err)
{
	struct range *ranges = pf_alloc(list->n + 1, sizeof *ranges);
	int code = 0;
	*s = (struct pf_sections){ 0 };
	s->items = pf_arena_get(&s->arena, list->n + 1, sizeof *s->items);
	for (size_t from = 0; from < list->n && !code;) {
		size_t n = 0, to = from;
		for (; to < list->n && !code &&
		       pf_same_bucket(&list->files[from], &list->files[to]); to++) {
			const struct pf_data_file *f = &list->files[to];
			if (rules->compacted_only) {
				if (f->level > 0)
					add_alone(s, f);
				else
					s->hidden++;
				continue;
			}
			ranges[n].file = f;
			code = read_range(&ranges[n++], schema, rules, &s->arena, err);
		}
		if (!code && n)
			cut(s, ranges, n);
		from = to;
	}
	free(ranges);
	if (code)
		pf_sections_free(s);
	return code;
}

void pf_sections_free(struct pf_sections *s)
{
	pf_arena_free(&s->arena);
	*s = (struct pf_sections){ 0 };
}
