/* SPDX-License-Identifier: Apache-2.0 */
#include "query/keyed_parts.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "keyed/sections.h"

enum { MOST_KEYS = 4096 }; /* that are looked up one by one */

/* A file of either state, or one that came or went in between. */
struct entry {
	struct pf_data_file file;
	const struct pf_data_file *of[2]; /* where it is in the states */
	bool hot;                         /* its keys may have changed */
};

struct work {
	struct pf_table *table;
	const struct pf_rules *rules;
	bool look_up;
	struct pf_keyed_parts *parts;
	struct entry *entries;
	size_t nentries;
	struct pf_file_list all; /* the entries' files */
};

static bool visible(const struct work *c, const struct pf_data_file *f)
{
	return !c->rules->compacted_only || f->level > 0;
}

static void add_entry(struct work *c, const struct pf_data_file *f, int state,
		      bool hot)
{
	struct entry *e = &c->entries[c->nentries++];
	*e = (struct entry){ .file = *f, .hot = hot };
	if (state >= 0)
		e->of[state] = f;
}

static void gather_entries(struct work *c)
{
	struct pf_between *b = &c->parts->between;
	size_t n = b->files[PF_BEFORE].n + b->files[PF_AFTER].n;
	for (size_t i = 0; i < b->ndeltas; i++)
		n += b->deltas[i].n;
	c->entries = pf_alloc(n + 1, sizeof *c->entries);
	for (int s = PF_BEFORE; s <= PF_AFTER; s++)
		for (size_t i = 0; i < b->files[s].n; i++)
			if (visible(c, &b->files[s].files[i]))
				add_entry(c, &b->files[s].files[i], s, false);
	for (size_t i = 0; i < b->ndeltas && b->walked; i++)
		for (size_t k = 0; k < b->deltas[i].n; k++)
			add_entry(c, &b->deltas[i].files[k], -1, true);
}

static int by_partition(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return pf_view_cmp(x->file.partition, y->file.partition);
}

static int by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = pf_view_cmp(x->file.partition, y->file.partition);
	if (!c)
		c = (x->file.bucket > y->file.bucket) - (x->file.bucket < y->file.bucket);
	return c ? c : strcmp(x->file.path, y->file.path);
}

/* Does a row stay in its partition, and in its bucket, as long as it lives? */
static bool rows_wander(const struct pf_table_schema *t)
{
	for (size_t i = 0; i < t->npartition_keys; i++) {
		bool in_key = false;
		for (size_t k = 0; k < t->nprimary_keys; k++)
			in_key |= !strcmp(t->partition_keys[i], t->primary_keys[k]);
		if (!in_key)
			return true;
	}
	return false;
}

/* Where a key may have moved to another bucket, all of them are one: they are
 * called 0, and of no partition if that may change, too. */
static void join_buckets(struct work *c)
{
	static const uint8_t none[12] = { 0 };
	const struct pf_table_schema *t = pf_table_schema(c->table);
	bool wander = rows_wander(t);
	qsort(c->entries, c->nentries, sizeof *c->entries, by_partition);
	for (size_t from = 0, to; from < c->nentries; from = to) {
		bool join = wander || t->buckets < 1;
		for (to = from; to < c->nentries &&
		     !by_partition(&c->entries[from], &c->entries[to]); to++)
			join |= c->entries[to].file.total_buckets !=
				c->entries[from].file.total_buckets;
		for (size_t i = from; i < to && join; i++) {
			c->entries[i].file.bucket = 0;
			if (wander)
				c->entries[i].file.partition = pf_view_of(none, sizeof none);
		}
	}
}

/* One entry for each file. */
static void merge_entries(struct work *c)
{
	size_t n = 0;
	join_buckets(c);
	qsort(c->entries, c->nentries, sizeof *c->entries, by_path);
	for (size_t i = 0; i < c->nentries; i++) {
		struct entry *e = &c->entries[i], *last = n ? &c->entries[n - 1] : NULL;
		if (!last || by_path(last, e)) {
			c->entries[n++] = *e;
			continue;
		}
		for (int s = PF_BEFORE; s <= PF_AFTER; s++)
			if (e->of[s])
				last->of[s] = e->of[s];
		last->hot |= e->hot;
	}
	c->nentries = n;
	for (size_t i = 0; i < n && !c->parts->between.walked; i++) {
		struct entry *e = &c->entries[i];
		e->hot = !e->of[PF_BEFORE] || !e->of[PF_AFTER] ||
			 !pf_between_same(e->of[PF_BEFORE], e->of[PF_AFTER]);
	}
}

static struct entry *entry_of(const struct work *c, const struct pf_data_file *f)
{
	return &c->entries[f - c->all.files];
}

/* A few changed keys are read first, to be looked up in both states. The lists
 * alone do not tell: what a compaction wrote is not what changed. */
static void keep_lookups(struct work *c, struct pf_keyed_part *p)
{
	int64_t rows = 0, all = 0;
	for (size_t i = 0; i < p->hot; i++)
		rows += c->parts->hot.files[p->hot_from + i].rows;
	for (int s = PF_BEFORE; s <= PF_AFTER; s++)
		for (size_t i = 0; i < p->n[s]; i++)
			all += c->parts->lists[s].files[p->from[s] + i].rows;
	if (c->parts->between.walked && c->look_up && rows <= MOST_KEYS && rows < all / 4)
		return;
	c->parts->hot.n = p->hot_from;
	p->hot = 0;
}

static void add_part(struct work *c, const struct pf_section *section)
{
	struct pf_keyed_part *p = &c->parts->items[c->parts->n];
	bool hot = false;
	*p = (struct pf_keyed_part){ .bucket = INT32_MIN, .hot_from = c->parts->hot.n };
	for (int s = PF_BEFORE; s <= PF_AFTER; s++)
		p->from[s] = c->parts->lists[s].n;
	for (size_t r = 0; r < section->n; r++)
		for (size_t i = 0; i < section->runs[r].n; i++) {
			const struct entry *e = entry_of(c, section->runs[r].files[i]);
			hot |= e->hot;
			if (e->hot)
				c->parts->hot.files[c->parts->hot.n++] = e->file;
			for (int s = PF_BEFORE; s <= PF_AFTER; s++) {
				struct pf_file_list *l = &c->parts->lists[s];
				if (!e->of[s])
					continue;
				p->mixed |= p->bucket != INT32_MIN &&
					    p->bucket != e->of[s]->bucket;
				p->bucket = e->of[s]->bucket;
				l->files[l->n] = *e->of[s];
				l->files[l->n].bucket = e->file.bucket;
				l->files[l->n++].partition = e->file.partition;
			}
		}
	for (int s = PF_BEFORE; s <= PF_AFTER; s++) {
		struct pf_file_list *l = &c->parts->lists[s];
		p->n[s] = l->n - p->from[s];
		if (!hot)
			l->n = p->from[s];
	}
	p->hot = c->parts->hot.n - p->hot_from;
	keep_lookups(c, p);
	c->parts->n += hot && (p->n[PF_BEFORE] || p->n[PF_AFTER]);
}

static int find_parts(struct work *c, struct pf_error *err)
{
	struct pf_sections sections;
	struct pf_rules rules = *c->rules;
	rules.compacted_only = false; /* what is not seen was left out above */
	gather_entries(c);
	merge_entries(c);
	c->all.n = c->nentries;
	c->all.files = pf_alloc(c->nentries + 1, sizeof *c->all.files);
	for (size_t i = 0; i < c->nentries; i++)
		c->all.files[i] = c->entries[i].file;
	PF_TRY(pf_sections_make(&c->all, pf_table_schema(c->table), &rules, &sections, err));
	c->parts->items = pf_alloc(sections.n + 1, sizeof *c->parts->items);
	c->parts->hot.files = pf_alloc(c->nentries + 1, sizeof *c->parts->hot.files);
	for (int s = PF_BEFORE; s <= PF_AFTER; s++)
		c->parts->lists[s].files = pf_alloc(c->nentries + 1,
						    sizeof *c->parts->lists[s].files);
	for (size_t i = 0; i < sections.n; i++)
		add_part(c, &sections.items[i]);
	pf_sections_free(&sections);
	return 0;
}

int pf_keyed_parts_find(struct pf_table *table, const struct pf_rules *rules,
			const struct pf_snapshot *before, const struct pf_snapshot *after,
			bool look_up, struct pf_keyed_parts *parts, struct pf_error *err)
{
	struct work w = { .table = table, .rules = rules, .look_up = look_up,
			  .parts = parts };
	*parts = (struct pf_keyed_parts){ 0 };
	PF_TRY(pf_between_find(table, rules, before, after, &parts->between, err));
	int code = find_parts(&w, err);
	free(w.entries);
	free(w.all.files);
	if (code)
		pf_keyed_parts_free(parts);
	return code;
}

void pf_keyed_parts_free(struct pf_keyed_parts *p)
{
	free(p->items);
	free(p->hot.files);
	for (int s = PF_BEFORE; s <= PF_AFTER; s++)
		free(p->lists[s].files);
	pf_between_free(&p->between);
	*p = (struct pf_keyed_parts){ 0 };
}
