/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that take the place of stored ones: a COMPACT snapshot that adds them
 * and deletes those, which must all be live still. Rows stay what they are,
 * so the new files take over the old ones' sequence numbers.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "paimon/commit_internal.h"

int pf_commit_replace(struct pf_commit *c, const struct pf_cell *cell,
		      int32_t buckets, int64_t rows, struct pf_view parquet,
		      struct pf_view index, const struct pf_view *names, size_t n,
		      struct pf_error *err)
{
	if (!n)
		return pf_fail(err, PF_E_CORRUPT, "a segment replaces no file");
	PF_TRY(pf_commit_add(c, cell, buckets, rows, parquet, index, err));
	struct pf_data_file *e = &c->files.items[c->files.n - 1];
	e->has_source = true;
	e->source = 1;
	for (size_t i = 0; i < n; i++) {
		c->replaced = pf_realloc(c->replaced, c->nreplaced + 1,
					 sizeof *c->replaced);
		c->replaced[c->nreplaced++] = (struct pf_replaced){
			.file = c->files.n - 1,
			.name = pf_arena_text(&c->arena, names[i].data, names[i].len),
		};
	}
	return 0;
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
		struct pf_data_file **live, size_t n, struct pf_data_file **old,
		struct pf_error *err)
{
	const struct pf_data_file *made = &c->files.items[r->file];
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

static int resolve(struct pf_commit *c, struct pf_data_file **live, size_t n,
		   struct pf_data_files *deletes, struct pf_error *err)
{
	size_t at = 0;
	for (size_t i = 0; i < c->files.n; i++) {
		struct pf_data_file *made = &c->files.items[i], *old = NULL;
		int64_t rows = 0;
		made->min_sequence = INT64_MAX;
		made->max_sequence = -1;
		for (; at < c->nreplaced && c->replaced[at].file == i; at++) {
			PF_TRY(find(c, &c->replaced[at], live, n, &old, err));
			if (old->min_sequence < made->min_sequence)
				made->min_sequence = old->min_sequence;
			if (old->max_sequence > made->max_sequence)
				made->max_sequence = old->max_sequence;
			rows += old->rows;
			old->kind = 1;
			pf_data_files_add(deletes, old);
		}
		if (made->min_sequence == INT64_MAX)
			return pf_fail(err, PF_E_UNSUPPORTED,
				       "some segments replace files and others do not: put them apart");
		if (rows != made->rows)
			return pf_fail(err, PF_E_CORRUPT,
				       "a segment of %" PRId64 " rows replaces files of %" PRId64,
				       made->rows, rows);
	}
	return 0;
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
