/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that take the place of stored ones: a COMPACT snapshot that adds them
 * and deletes those, which must all be live still. Rows stay what they are,
 * so the new files take over the old ones' sequence numbers.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "paimon/commit_internal.h"

static int mixed(struct pf_error *err)
{
	return pf_fail(err, PF_E_UNSUPPORTED,
		       "some segments replace files and others do not: put them apart");
}

static int replace_files(struct pf_commit *c, size_t n_files,
			 const struct pf_view *names, size_t n, struct pf_error *err)
{
	size_t before = c->ngroups ? c->groups[c->ngroups - 1] : 0;
	if (!n)
		return pf_fail(err, PF_E_CORRUPT, "a segment replaces no file");
	if (before + n_files != c->files.n)
		return mixed(err);
	for (size_t i = c->files.n - n_files; i < c->files.n; i++) {
		c->files.items[i].has_source = true;
		c->files.items[i].source = 1;
	}
	for (size_t i = 0; i < n; i++) {
		c->replaced = pf_realloc(c->replaced, c->nreplaced + 1,
					 sizeof *c->replaced);
		c->replaced[c->nreplaced++] = (struct pf_replaced){
			.group = c->ngroups,
			.name = pf_arena_text(&c->arena, names[i].data, names[i].len),
		};
	}
	c->groups = pf_realloc(c->groups, c->ngroups + 1, sizeof *c->groups);
	c->groups[c->ngroups++] = c->files.n;
	return 0;
}

int pf_commit_replace_files(struct pf_commit *c, size_t n_files,
			    const struct pf_view *names, size_t n,
			    struct pf_error *err)
{
	PF_TRY(pf_table_append_only(c->schema, err));
	if (!n_files)
		return pf_fail(err, PF_E_CORRUPT, "a segment replaces no file");
	return replace_files(c, n_files, names, n, err);
}

int pf_commit_replace_versions(struct pf_commit *c, int32_t level,
			       const struct pf_versions_span *spans, size_t n_files,
			       const struct pf_view *names, size_t n,
			       struct pf_error *err)
{
	PF_TRY(replace_files(c, n_files, names, n, err));
	for (size_t i = 0; i < n_files; i++) {
		struct pf_data_file *f = &c->files.items[c->files.n - n_files + i];
		f->level = level;
		f->min_sequence = spans[i].least;
		f->max_sequence = spans[i].most;
	}
	return 0;
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

/* The live file of that name, in the new file's cell and of the same level. */
static int find(const struct pf_commit *c, const struct pf_replaced *r,
		const struct pf_data_file *made, struct pf_data_file **live, size_t n,
		struct pf_data_file **old, struct pf_error *err)
{
	struct pf_data_file **at = n ? bsearch(r->name, live, n, sizeof *live,
					       compare_name) : NULL;
	if (!at)
		return gone(c, r->name, err);
	*old = *at;
	if ((*old)->bucket != made->bucket ||
	    pf_view_cmp((*old)->partition, made->partition))
		return pf_fail(err, PF_E_CORRUPT,
			       "a segment replaces '%s', which is of another partition or bucket",
			       r->name);
	if ((*old)->kind)
		return pf_fail(err, PF_E_CORRUPT, "file '%s' is replaced twice", r->name);
	return 0;
}

/* The versions of a bucket: all are of one cell, and in the level that the new
 * files go to nothing may be left. */
static int resolve_versions(struct pf_commit *c, size_t group, size_t from, size_t to,
			    size_t *at, struct pf_data_file **live, size_t n,
			    struct pf_data_files *deletes, struct pf_error *err)
{
	struct pf_data_file *made = c->files.items, *old = NULL, *first = NULL;
	for (; *at < c->nreplaced && c->replaced[*at].group == group; ++*at) {
		const char *name = c->replaced[*at].name;
		struct pf_data_file **found =
			n ? bsearch(name, live, n, sizeof *live, compare_name) : NULL;
		if (!found)
			return gone(c, name, err);
		first = first ? first : *found;
		PF_TRY(find(c, &c->replaced[*at], from < to ? &made[from] : first, live, n,
			    &old, err));
		old->kind = 1;
		pf_data_files_add(deletes, old);
	}
	for (size_t i = 0; i < n && from < to; i++)
		if (!live[i]->kind && live[i]->level == made[from].level &&
		    live[i]->bucket == made[from].bucket &&
		    !pf_view_cmp(live[i]->partition, made[from].partition))
			return gone(c, live[i]->name, err);
	return 0;
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
