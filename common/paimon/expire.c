/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/expire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/time.h"
#include "ext/json.h"
#include "paimon/internal.h"
#include "paimon/manifest.h"
#include "paimon/offsets.h"
#include "paimon/refs.h"
#include "paimon/scan.h"

struct expiring {
	struct pf_table *table;
	struct pf_expire_plan *plan;
	struct pf_refs *keep;    /* names that others need */
	struct pf_refs *planned; /* names to delete */
	struct pf_refs_cache manifests;
};

void pf_expire_plan_free(struct pf_expire_plan *p)
{
	for (size_t i = 0; i < p->n_files; i++)
		free(p->files[i]);
	free(p->files);
	*p = (struct pf_expire_plan){ 0 };
}

/* --- up to which snapshot --- */

static void limit(struct pf_expire_plan *p, int64_t end, const char *why)
{
	if (end >= p->end)
		return;
	p->end = end;
	p->why = why;
	*p->consumer = 0;
}

/* A consumer's next snapshot; INT64_MAX when its file is not what it should
 * be or has gone. */
static int64_t next_of(struct pf_table *t, const char *name)
{
	struct pf_buf json = { 0 };
	struct pf_json *j = NULL;
	int64_t next = INT64_MAX;
	char *path = pf_asprintf("consumer/%s", name);
	if (!pf_store_read(t->store, path, 65536, &json, NULL) &&
	    !pf_json_parse(json.data, json.len, path, &j, NULL) &&
	    !pf_json_int(pf_json_get(j, "nextSnapshot"), &next))
		next = INT64_MAX;
	pf_json_free(j);
	pf_buf_free(&json);
	free(path);
	return next;
}

static int limit_by_consumers(struct pf_table *t, struct pf_expire_plan *p,
			      struct pf_error *err)
{
	static const char prefix[] = "consumer-";
	struct pf_names names;
	PF_TRY(pf_store_list(t->store, "consumer", &names, err));
	for (size_t i = 0; i < names.n; i++) {
		if (strncmp(names.names[i], prefix, sizeof prefix - 1))
			continue;
		/* Ours tells others where our map is. A kill may have left it
		 * behind, and the map itself was asked. */
		if (!strcmp(names.names[i], "consumer-paraflow"))
			continue;
		int64_t next = next_of(t, names.names[i]);
		if (next >= p->end)
			continue;
		limit(p, next, "a consumer has still to read it");
		snprintf(p->consumer, sizeof p->consumer, "%s",
			 names.names[i] + sizeof prefix - 1);
	}
	pf_names_free(&names);
	return 0;
}

/* A snapshot can be read until its successor comes, and a while longer. */
static int limit_by_age(struct pf_table *t, const struct pf_expire_options *o,
			struct pf_expire_plan *p, struct pf_error *err)
{
	int64_t now = o->now_ms ? o->now_ms : pf_now_ms();
	for (int64_t id = p->first; id < p->end; id++) {
		struct pf_snapshot *next;
		int code = pf_snapshot_read(t, id + 1, &next, err);
		if (code == PF_E_NO_FILE)
			return pf_fail(err, PF_E_CONFLICT,
				       "snapshot %" PRId64 " disappeared: somebody else expires, too",
				       id + 1);
		PF_TRY(code);
		int64_t age = now - next->time_ms;
		pf_snapshot_free(next);
		if (age < o->keep_ms)
			limit(p, id, "it was the newest until lately");
		else if (age < o->grace_ms)
			limit(p, id, "a query may be reading it");
	}
	return 0;
}

static int find_range(struct pf_table *t, const struct pf_expire_options *o,
		      struct pf_expire_plan *p, struct pf_error *err)
{
	int64_t *ids;
	size_t n;
	struct pf_offset_map map;
	PF_TRY(pf_snapshot_ids(t, &ids, &n, err));
	/* The last unbroken sequence: what lies before a gap is left over from
	 * an expiry that was cut short. */
	p->first = p->latest = n ? ids[n - 1] : 0;
	while (n > 1 && ids[n - 2] == p->first - 1) {
		p->first--;
		n--;
	}
	free(ids);
	if (!n)
		return 0;
	p->end = p->latest - (o->keep > 0 ? o->keep : 1) + 1;
	p->why = "it is among the newest";
	int code = pf_table_offsets(t, NULL, &map, err);
	if (code && code != PF_E_NO_OFFSETS)
		return code;
	if (map.snapshot)
		limit(p, map.snapshot, "it says what has been loaded");
	pf_offset_map_free(&map);
	PF_TRY(limit_by_consumers(t, p, err));
	PF_TRY(limit_by_age(t, o, p, err));
	if (p->end < p->first)
		p->end = p->first;
	return 0;
}

/* --- which files --- */

/* Another snapshot that goes may have lost its metadata to an expiry that was
 * cut short: nothing more is known of it, its files are orphans. */
static int or_gone(int code)
{
	return code == PF_E_NO_FILE || code == PF_E_VANISHED ? 0 : code;
}

static int add_path(struct expiring *e, const char *dir, const char *name,
		    struct pf_error *err)
{
	struct pf_expire_plan *p = e->plan;
	bool exists;
	uint64_t size = 0;
	if (pf_refs_has(e->keep, name) || !pf_refs_add(e->planned, name))
		return 0;
	char *path = pf_asprintf("%s/%s", dir, name);
	int code = pf_store_stat(e->table->store, path, &exists, &size, err);
	if (code || !exists) {
		free(path);
		return code;
	}
	p->files = pf_realloc(p->files, p->n_files + 1, sizeof *p->files);
	p->files[p->n_files++] = path;
	p->bytes += (int64_t)size;
	return 0;
}

/* Files that this snapshot's commit took out of the table: nobody after it
 * needs them. */
static int add_deleted(struct expiring *e, const struct pf_snapshot *s,
		       struct pf_error *err)
{
	struct pf_file_list list;
	struct pf_refs *added = NULL;
	int code = pf_scan_delta(e->table, s, &list, err);
	if (code)
		return or_gone(code);
	/* Deleted and added again at another level: it is still there. */
	added = pf_refs_new();
	for (size_t i = 0; i < list.n; i++)
		if (!list.files[i].kind)
			pf_refs_add(added, list.files[i].name);
	for (size_t i = 0; !code && i < list.n; i++) {
		const struct pf_data_file *f = &list.files[i];
		if (!f->kind || pf_refs_has(added, f->name))
			continue;
		if (f->external_path) {
			code = pf_fail(err, PF_E_TABLE_FEATURE,
				       "data file '%s' lies outside of the table (_EXTERNAL_PATH), which is not supported here",
				       f->name);
			break;
		}
		code = add_path(e, f->dir, f->name, err);
		for (size_t k = 0; !code && k < f->nextra_files; k++)
			code = add_path(e, f->dir, f->extra_files[k], err);
	}
	pf_refs_free(added);
	pf_file_list_free(&list);
	return code;
}

/* What its commit kept as a changelog: nobody asks for it without the snapshot. */
static int add_changelog(struct expiring *e, const struct pf_snapshot *s,
			 struct pf_error *err)
{
	struct pf_file_list list;
	int code = pf_scan_changelog(e->table, s, &list, err);
	if (code)
		return or_gone(code);
	for (size_t i = 0; !code && i < list.n; i++)
		code = add_path(e, list.files[i].dir, list.files[i].name, err);
	pf_file_list_free(&list);
	return code;
}

static int add_list(struct expiring *e, const char *name, struct pf_error *err)
{
	struct pf_arena arena = { 0 };
	struct pf_manifests list = { 0 };
	int code = or_gone(pf_manifest_list_read(e->table, name, &arena, &list, err));
	for (size_t i = 0; !code && i < list.n; i++)
		code = add_path(e, "manifest", list.items[i].name, err);
	if (!code)
		code = add_path(e, "manifest", name, err);
	free(list.items);
	pf_arena_free(&arena);
	return code;
}

static int add_metadata(struct expiring *e, const struct pf_snapshot *s,
			struct pf_error *err)
{
	PF_TRY(add_list(e, s->base_list, err));
	PF_TRY(add_list(e, s->delta_list, err));
	if (s->changelog_list)
		PF_TRY(add_list(e, s->changelog_list, err));
	if (s->statistics)
		PF_TRY(add_path(e, "statistics", s->statistics, err));
	return 0;
}

/* [first, end) go, end was made from what they left. */
static int plan_files(struct expiring *e, struct pf_error *err)
{
	struct pf_expire_plan *p = e->plan;
	for (int64_t id = p->first; id <= p->end; id++) {
		struct pf_snapshot *s;
		int code = pf_snapshot_read(e->table, id, &s, err);
		if (code == PF_E_NO_FILE)
			continue;
		PF_TRY(code);
		if (id > p->first)
			code = add_deleted(e, s, err);
		if (!code && id < p->end)
			code = add_changelog(e, s, err);
		pf_snapshot_free(s);
		PF_TRY(code);
	}
	p->n_data = p->n_files;
	for (int64_t id = p->first; id < p->end; id++) {
		struct pf_snapshot *s;
		int code = pf_snapshot_read(e->table, id, &s, err);
		if (code == PF_E_NO_FILE)
			continue;
		PF_TRY(code);
		code = add_metadata(e, s, err);
		pf_snapshot_free(s);
		PF_TRY(code);
	}
	return 0;
}

/* Everything that tags, branches and the first snapshot that stays need. */
static int keep_tags(struct expiring *e, const struct pf_tags *tags,
		     struct pf_error *err)
{
	for (size_t i = 0; i < tags->n; i++) {
		PF_TRY(pf_refs_add_metadata(e->keep, e->table, tags->items[i].snapshot,
					    err));
		PF_TRY(pf_refs_add_live(e->keep, &e->manifests, e->table,
					tags->items[i].snapshot, err));
	}
	return 0;
}

static int find_kept(struct expiring *e, struct pf_error *err)
{
	struct pf_tags tags;
	struct pf_snapshot *s;
	PF_TRY(pf_tags_read(e->table, &tags, err));
	int code = keep_tags(e, &tags, err);
	pf_tags_free(&tags);
	PF_TRY(code);
	PF_TRY(pf_branches_read(e->table, &tags, err));
	code = keep_tags(e, &tags, err);
	pf_tags_free(&tags);
	PF_TRY(code);
	PF_TRY(pf_snapshot_read(e->table, e->plan->end, &s, err));
	code = pf_refs_add_metadata(e->keep, e->table, s, err);
	if (!code)
		code = pf_refs_add_live(e->keep, &e->manifests, e->table, s, err);
	pf_snapshot_free(s);
	return code;
}

/* A changelog that outlives its snapshots is not for us to part from them. */
static int check_changelog(const struct pf_table_schema *s, struct pf_error *err)
{
	static const char *const options[] = { "changelog.num-retained.max",
					       "changelog.num-retained.min",
					       "changelog.time-retained" };
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (pf_meta_get(&s->options, options[i]))
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "the table has a changelog that is kept for itself (%s), which is not supported here",
				       options[i]);
	return 0;
}

int pf_expire_plan(struct pf_table *table, const struct pf_expire_options *options,
		   struct pf_expire_plan *plan, struct pf_error *err)
{
	struct expiring e = { .table = table, .plan = plan };
	*plan = (struct pf_expire_plan){ 0 };
	PF_TRY(pf_table_readable(pf_table_schema(table), err));
	PF_TRY(check_changelog(pf_table_schema(table), err));
	PF_TRY(find_range(table, options, plan, err));
	if (plan->first == plan->end)
		return 0;
	e.keep = pf_refs_new();
	e.planned = pf_refs_new();
	int code = find_kept(&e, err);
	if (!code)
		code = plan_files(&e, err);
	pf_refs_free(e.keep);
	pf_refs_free(e.planned);
	pf_refs_cache_free(&e.manifests);
	if (code)
		pf_expire_plan_free(plan);
	return code;
}

/* --- doing it --- */

int pf_expire_run(struct pf_table *table, const struct pf_expire_plan *plan,
		  struct pf_error *err)
{
	char text[48];
	if (plan->first == plan->end)
		return 0;
	for (int64_t id = plan->first; id < plan->end; id++) {
		pf_snapshot_path(text, id);
		PF_TRY(pf_store_delete(table->store, text, err));
		pf_crash_point("X13");
	}
	int n = snprintf(text, sizeof text, "%" PRId64, plan->end);
	PF_TRY(pf_store_replace(table->store, "snapshot/EARLIEST", text, (size_t)n, err));
	/* No snapshot may come back after a crash without its files. */
	PF_TRY(pf_store_sync_dir(table->store, "snapshot", err));
	for (size_t i = 0; i < plan->n_files; i++) {
		PF_TRY(pf_store_delete(table->store, plan->files[i], err));
		pf_crash_point("X14");
	}
	return 0;
}
