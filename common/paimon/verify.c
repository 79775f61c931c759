/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "paimon/internal.h"
#include "paimon/levels.h"
#include "paimon/manifest.h"
#include "paimon/verify_internal.h"

void pf_verify_problem(struct pf_verify *v, const char *fmt, ...)
{
	char line[1200];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	v->report->problems++;
	v->in_file++;
	v->say(v->ctx, line);
}

/* Files are missed: it may have expired since its number was read. */
static int check_expired(const struct pf_verify *v, struct pf_error *err)
{
	char path[48];
	bool exists;
	pf_snapshot_path(path, v->snapshot);
	PF_TRY(pf_store_stat(v->table->store, path, &exists, NULL, err));
	return exists ? 0 : pf_fail(err, PF_E_VANISHED,
				    "snapshot %" PRId64 " of table '%s' expired while it was looked through",
				    v->snapshot, pf_table_name(v->table));
}

/* What can be wrong with what is there is a problem, not an error: the
 * message is said, and 0 returned. */
static int as_problem(struct pf_verify *v, int code, const struct pf_error *why,
		      struct pf_error *err)
{
	if (!code)
		return 0;
	bool missing = code == PF_E_NO_FILE || code == PF_E_VANISHED;
	if (missing)
		PF_TRY(check_expired(v, err));
	if (pf_exit_status(code) == 3 || missing) {
		pf_verify_problem(v, "%s", why->message);
		return 0;
	}
	if (err)
		*err = *why;
	return code;
}

static int check_size(struct pf_verify *v, const char *dir, const char *name,
		      int64_t want, struct pf_error *err)
{
	bool exists;
	uint64_t size = 0;
	char *path = pf_asprintf("%s/%s", dir, name);
	int code = pf_store_stat(v->table->store, path, &exists, &size, err);
	if (!code && !exists)
		code = check_expired(v, err);
	if (!code && !exists)
		pf_verify_problem(v, "'%s' is missing", path);
	else if (!code && want >= 0 && (int64_t)size != want)
		pf_verify_problem(v, "'%s' has %" PRIu64 " bytes, not %" PRId64, path,
				  size, want);
	free(path);
	return code;
}

static void check_counts(struct pf_verify *v, const struct pf_manifest *m,
			 const struct pf_data_files *files)
{
	int64_t added = 0, deleted = 0;
	for (size_t i = 0; i < files->n; i++) {
		const struct pf_data_file *f = &files->items[i];
		added += f->kind == 0;
		deleted += f->kind == 1;
		if (m->has_buckets &&
		    (f->bucket < m->min_bucket || f->bucket > m->max_bucket))
			pf_verify_problem(v, "manifest '%s' holds bucket %d outside of %d to %d",
					  m->name, f->bucket, m->min_bucket,
					  m->max_bucket);
		if (m->has_levels &&
		    (f->level < m->min_level || f->level > m->max_level))
			pf_verify_problem(v, "manifest '%s' holds level %d outside of %d to %d",
					  m->name, f->level, m->min_level,
					  m->max_level);
	}
	if (added != m->added || deleted != m->deleted)
		pf_verify_problem(v, "manifest '%s' adds %" PRId64 " and deletes %" PRId64
				  " files, its list says %" PRId64 " and %" PRId64,
				  m->name, added, deleted, m->added, m->deleted);
}

/* A list, and the manifests that it names. */
static int check_list(struct pf_verify *v, const char *name, int64_t size,
		      struct pf_error *err)
{
	struct pf_arena arena = { 0 };
	struct pf_manifests lists = { 0 };
	struct pf_error why = { 0 };
	int code = check_size(v, "manifest", name, size, err);
	if (!code)
		code = as_problem(v, pf_manifest_list_read(v->table, name, &arena, &lists,
							   &why),
				  &why, err);
	for (size_t i = 0; !code && i < lists.n; i++) {
		struct pf_data_files files = { 0 };
		const struct pf_manifest *m = &lists.items[i];
		code = check_size(v, "manifest", m->name, m->size, err);
		int read = pf_manifest_read(v->table, m->name, &arena, &files, NULL,
					    &why);
		if (!code)
			code = as_problem(v, read, &why, err);
		if (!read)
			check_counts(v, m, &files);
		free(files.items);
	}
	free(lists.items);
	pf_arena_free(&arena);
	return code;
}

static int check_manifests(struct pf_verify *v, const struct pf_snapshot *s,
			   struct pf_error *err)
{
	PF_TRY(check_list(v, s->base_list, s->base_list_size, err));
	return check_list(v, s->delta_list, s->delta_list_size, err);
}

/* A level above 0 is one run: its files follow one another. */
static int check_levels(struct pf_verify *v, const struct pf_file_list *list,
			struct pf_error *err)
{
	const struct pf_data_file **files, *pair[2];
	if (!pf_table_schema(v->table)->nprimary_keys)
		return 0;
	files = pf_alloc(list->n + 1, sizeof *files);
	for (size_t i = 0; i < list->n; i++)
		files[i] = &list->files[i];
	int code = pf_levels_overlap(pf_table_schema(v->table), files, list->n, pair, err);
	free(files);
	if (!code && pair[0])
		pf_verify_problem(v, "'%s' and '%s' overlap in level %" PRId32, pair[0]->path,
				  pair[1]->path, pair[0]->level);
	return code;
}

static int check_file(struct pf_verify *v, const struct pf_data_file *f,
		      struct pf_error *err)
{
	struct pf_error why = { 0 };
	v->in_file = 0;
	return as_problem(v, pf_verify_file(v, f, &why), &why, err);
}

static int check_files(struct pf_verify *v, const struct pf_snapshot *s,
		       struct pf_error *err)
{
	struct pf_file_list list;
	struct pf_error why = { 0 };
	const struct pf_scan_filter read = { .use = PF_SCAN_READ };
	int scanned = pf_scan_files(v->table, s, &read, &list, &why);
	PF_TRY(as_problem(v, scanned, &why, err));
	if (scanned)
		return 0;
	v->report->files = (int64_t)list.n;
	v->report->rows = list.rows;
	v->report->bytes = list.bytes;
	if (s->total_rows != list.rows)
		pf_verify_problem(v, "snapshot %" PRId64 " says that it has %" PRId64
				  " rows, its files have %" PRId64,
				  s->id, s->total_rows, list.rows);
	int code = as_problem(v, check_levels(v, &list, &why), &why, err);
	for (size_t i = 0; !code && i < list.n; i++)
		code = check_file(v, &list.files[i], err);
	pf_file_list_free(&list);
	return code;
}

/* --- changelogs --- */

/* Of one in another format no more is looked at than that it is there. */
static int check_kept(struct pf_verify *v, const struct pf_data_file *f,
		      struct pf_error *err)
{
	const char *dot = strrchr(f->name, '.');
	if (!dot || strcmp(dot, ".parquet"))
		return f->external_path ? 0 : check_size(v, f->dir, f->name, f->size, err);
	return check_file(v, f, err);
}

static int check_changelog(struct pf_verify *v, const struct pf_snapshot *s,
			   struct pf_error *err)
{
	struct pf_file_list list;
	struct pf_error why = { 0 };
	if (!s->changelog_list)
		return 0;
	PF_TRY(check_list(v, s->changelog_list, s->changelog_list_size, err));
	int scanned = pf_scan_changelog(v->table, s, &list, &why);
	PF_TRY(as_problem(v, scanned, &why, err));
	if (scanned)
		return 0;
	v->report->changelogs += (int64_t)list.n;
	v->report->changes += list.rows;
	if (s->changelog_rows != list.rows)
		pf_verify_problem(v, "snapshot %" PRId64 " says that its changelog has %" PRId64
				  " rows, its files have %" PRId64,
				  s->id, s->changelog_rows, list.rows);
	int code = 0;
	for (size_t i = 0; !code && i < list.n; i++)
		code = check_kept(v, &list.files[i], err);
	pf_file_list_free(&list);
	return code;
}

/* Of every snapshot: who follows the table reads them one after the other. What
 * expires meanwhile nobody needs. */
static int check_changelogs(struct pf_verify *v, struct pf_error *err)
{
	int64_t *ids;
	size_t n;
	PF_TRY(pf_snapshot_ids(v->table, &ids, &n, err));
	int code = 0;
	v->changelog = true;
	for (size_t i = 0; i < n && !code; i++) {
		struct pf_snapshot *s;
		struct pf_error why = { 0 };
		v->snapshot = ids[i];
		int read = pf_snapshot_read(v->table, ids[i], &s, &why);
		code = as_problem(v, read, &why, err);
		if (!read)
			code = check_changelog(v, s, err);
		pf_snapshot_free(s);
		code = code == PF_E_VANISHED ? 0 : code;
	}
	v->changelog = false;
	free(ids);
	return code;
}

int pf_table_verify(struct pf_table *table, pf_verify_say *say, void *ctx,
		    struct pf_verify_report *report, struct pf_error *err)
{
	struct pf_verify v = { .table = table, .say = say, .ctx = ctx,
			       .report = report };
	struct pf_snapshot *s;
	*report = (struct pf_verify_report){ 0 };
	PF_TRY(pf_table_readable(pf_table_schema(table), err));
	PF_TRY(pf_snapshot_latest(table, &s, err));
	if (!s)
		return 0;
	report->snapshot = v.snapshot = s->id;
	int code = check_manifests(&v, s, err);
	if (!code)
		code = check_files(&v, s, err);
	if (!code)
		code = check_changelogs(&v, err);
	pf_snapshot_free(s);
	return code;
}
