/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that take the place of stored ones: a COMPACT snapshot that adds them
 * and deletes those, which must all be live still. Rows stay what they are,
 * so the new files take over the old ones' sequence numbers.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "paimon/commit_internal.h"
#include "paimon/levels.h"

static int mixed(struct pf_error *err)
{
	return pf_fail(err, PF_E_UNSUPPORTED,
		       "some segments replace files and others do not: put them apart");
}

/* The last n_files files become a group. */
static int add_group(struct pf_commit *c, size_t n_files, struct pf_error *err)
{
	size_t before = c->ngroups ? c->groups[c->ngroups - 1] : 0;
	if (before + n_files != c->files.n)
		return mixed(err);
	c->groups = pf_realloc(c->groups, c->ngroups + 1, sizeof *c->groups);
	c->groups[c->ngroups++] = c->files.n;
	return 0;
}

/* The next group takes the place of that file. */
static void add_replaced(struct pf_commit *c, struct pf_view name, int32_t level)
{
	c->replaced = pf_realloc(c->replaced, c->nreplaced + 1, sizeof *c->replaced);
	c->replaced[c->nreplaced++] = (struct pf_replaced){
		.group = c->ngroups,
		.name = pf_arena_text(&c->arena, name.data, name.len),
		.level = level,
	};
}

static void set_compacted(struct pf_commit *c, size_t n_files)
{
	for (size_t i = c->files.n - n_files; i < c->files.n; i++) {
		c->files.items[i].has_source = true;
		c->files.items[i].source = 1;
	}
}

int pf_commit_replace_files(struct pf_commit *c, size_t n_files,
			    const struct pf_view *names, size_t n,
			    struct pf_error *err)
{
	PF_TRY(pf_table_append_only(c->schema, err));
	if (!n_files || !n)
		return pf_fail(err, PF_E_CORRUPT, "a segment replaces no file");
	set_compacted(c, n_files);
	for (size_t i = 0; i < n; i++)
		add_replaced(c, names[i], -1);
	return add_group(c, n_files, err);
}

int pf_commit_replace_versions(struct pf_commit *c, const struct pf_versions_step *step,
			       struct pf_error *err)
{
	set_compacted(c, step->n_files);
	for (size_t i = 0; i < step->n_files; i++) {
		struct pf_data_file *f = &c->files.items[c->files.n - step->n_files + i];
		f->level = step->level;
		f->min_sequence = step->spans[i].least;
		f->max_sequence = step->spans[i].most;
	}
	for (size_t i = 0; i < step->n_from; i++)
		add_replaced(c, pf_view_str(step->from[i]->name), step->from[i]->level);
	for (size_t i = 0; i < step->n_moved; i++) {
		struct pf_data_file f = *step->moved[i];
		add_replaced(c, pf_view_str(f.name), f.level);
		f.level = step->level;
		pf_data_files_add(&c->files, &f);
	}
	return add_group(c, step->n_files + step->n_moved, err);
}

int pf_commit_replace(struct pf_commit *c, const struct pf_cell *cell,
		      int32_t buckets, int64_t rows, struct pf_view parquet,
		      struct pf_view index, const struct pf_view *names, size_t n,
		      struct pf_error *err)
{
	PF_TRY(pf_commit_add(c, cell, buckets, rows, parquet, index, err));
	return pf_commit_replace_files(c, 1, names, n, err);
}

bool pf_commit_replaces(const struct pf_commit *c)
{
	return c->nreplaced > 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct pf_data_file *const *)a)->name,
		      (*(const struct pf_data_file *const *)b)->name);
}

static int compare_name(const void *key, const void *file)
{
	return strcmp(key, (*(const struct pf_data_file *const *)file)->name);
}

static int gone(const struct pf_commit *c, const char *name, struct pf_error *err)
{
	pf_fail(err, PF_E_CONFLICT,
		"file '%s' of table '%s' was replaced or deleted meanwhile", name,
		pf_table_name(c->table));
	return pf_hint(err, "make the segments anew from what the table holds now");
}

/* The live file of that name, in the new file's cell. */
static int find(const struct pf_commit *c, const struct pf_replaced *r,
		const struct pf_data_file *made, struct pf_data_file **live, size_t n,
		struct pf_data_file **old, struct pf_error *err)
{
	struct pf_data_file **at = n ? bsearch(r->name, live, n, sizeof *live,
					       compare_name) : NULL;
	if (!at || (r->level >= 0 && (*at)->level != r->level))
		return gone(c, r->name, err);
	*old = *at;
	if (made && ((*old)->bucket != made->bucket ||
		     pf_view_cmp((*old)->partition, made->partition)))
		return pf_fail(err, PF_E_CORRUPT,
			       "a segment replaces '%s', which is of another partition or bucket",
			       r->name);
	if ((*old)->kind)
		return pf_fail(err, PF_E_CORRUPT, "file '%s' is replaced twice", r->name);
	return 0;
}

/* No keys may overlap in the levels of the bucket, with the new files and without
 * those that go: another compaction may have been there. */
static int check_levels(const struct pf_commit *c, size_t from, size_t to,
			struct pf_data_file **live, size_t n, struct pf_error *err)
{
	const struct pf_data_file *made = c->files.items, *pair[2];
	const struct pf_data_file **all = pf_alloc(n + to - from + 1, sizeof *all);
	size_t at = 0;
	for (size_t i = from; i < to; i++)
		all[at++] = &made[i];
	for (size_t i = 0; i < n && from < to; i++)
		if (!live[i]->kind && live[i]->bucket == made[from].bucket &&
		    !pf_view_cmp(live[i]->partition, made[from].partition))
			all[at++] = live[i];
	int code = pf_levels_overlap(c->schema, all, at, pair, err);
	free(all);
	if (code || !pair[0])
		return code;
	pf_fail(err, PF_E_CONFLICT,
		"files '%s' and '%s' of table '%s' would overlap in level %" PRId32,
		pair[0]->name, pair[1]->name, pf_table_name(c->table), pair[0]->level);
	return pf_hint(err, "another compaction was there first: run it again");
}

/* The versions of a bucket: all are of one cell. */
static int resolve_versions(struct pf_commit *c, size_t group, size_t from, size_t to,
			    size_t *at, struct pf_data_file **live, size_t n,
			    struct pf_data_files *deletes, struct pf_error *err)
{
	struct pf_data_file *old = NULL;
	const struct pf_data_file *cell = from < to ? &c->files.items[from] : NULL;
	for (; *at < c->nreplaced && c->replaced[*at].group == group; ++*at) {
		PF_TRY(find(c, &c->replaced[*at], cell, live, n, &old, err));
		cell = cell ? cell : old;
		old->kind = 1;
		pf_data_files_add(deletes, old);
	}
	return check_levels(c, from, to, live, n, err);
}

/* Files [from, to) of the commit replace the files named from *at on. All of
 * them take over the whole range of sequence numbers: files that share one are
 * known to be parts of one sorted run. */
static int resolve_group(struct pf_commit *c, size_t group, size_t from, size_t to,
			 size_t *at, struct pf_data_file **live, size_t n,
			 struct pf_data_files *deletes, struct pf_error *err)
{
	struct pf_data_file *made = c->files.items, *old = NULL;
	int64_t low = INT64_MAX, high = -1, before = 0, after = 0;
	for (; *at < c->nreplaced && c->replaced[*at].group == group; ++*at) {
		PF_TRY(find(c, &c->replaced[*at], &made[from], live, n, &old, err));
		low = old->min_sequence < low ? old->min_sequence : low;
		high = old->max_sequence > high ? old->max_sequence : high;
		before += old->rows;
		old->kind = 1;
		pf_data_files_add(deletes, old);
	}
	for (size_t i = from; i < to; i++) {
		made[i].min_sequence = low;
		made[i].max_sequence = high;
		after += made[i].rows;
	}
	if (before != after)
		return pf_fail(err, PF_E_CORRUPT,
			       "a segment of %" PRId64 " rows replaces files of %" PRId64,
			       after, before);
	return 0;
}

static int resolve(struct pf_commit *c, struct pf_data_file **live, size_t n,
		   struct pf_data_files *deletes, struct pf_error *err)
{
	size_t at = 0, from = 0;
	for (size_t g = 0; g < c->ngroups; from = c->groups[g++])
		PF_TRY(c->schema->nprimary_keys ?
			       resolve_versions(c, g, from, c->groups[g], &at, live, n,
						deletes, err) :
			       resolve_group(c, g, from, c->groups[g], &at, live, n,
					     deletes, err));
	return from < c->files.n ? mixed(err) : 0;
}

int pf_commit_resolve(struct pf_commit *c, const struct pf_snapshot *base,
		      struct pf_file_list *list, struct pf_data_files *deletes,
		      struct pf_error *err)
{
	PF_TRY(pf_scan_files(c->table, base, NULL, list, err));
	struct pf_data_file **live = pf_alloc(list->n, sizeof *live);
	for (size_t i = 0; i < list->n; i++)
		live[i] = &list->files[i];
	qsort(live, list->n, sizeof *live, by_name);
	int code = resolve(c, live, list->n, deletes, err);
	free(live);
	return code;
}
