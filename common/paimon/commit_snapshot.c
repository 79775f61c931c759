/* SPDX-License-Identifier: Apache-2.0
 *
 * Publishing what an attempt resolved: its manifests, and the snapshot that is
 * the commit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/time.h"
#include "paimon/commit_internal.h"
#include "paimon/internal.h"

/* An attempt that stood still longer than this starts over: a snapshot of its
 * number may have come and expired meanwhile. */
enum { SLOWEST_MS = 5 * 60 * 1000 };

static int write_manifests(struct pf_attempt *a, struct pf_snapshot *s,
			   struct pf_error *err)
{
	struct pf_commit *c = a->c;
	struct pf_manifests base = { 0 }, delta = { 0 }, changelog = { 0 };
	int code = 0;
	if (a->base) {
		code = pf_manifest_list_read(c->table, a->base->base_list, &a->arena,
					     &base, err);
		if (!code)
			code = pf_manifest_list_read(c->table, a->base->delta_list,
						     &a->arena, &base, err);
	}
	if (!code)
		code = pf_manifest_out_merge(a->out, &base, &a->arena, err);
	if (!code)
		code = pf_manifest_out_list(a->out, &base, &a->arena, &s->base_list,
					    &s->base_list_size, err);
	if (!code)
		code = pf_manifest_out_files(a->out, a->deletes.items, a->deletes.n,
					     &a->arena, &delta, err);
	if (!code)
		code = pf_manifest_out_files(a->out, c->files.items, c->files.n,
					     &a->arena, &delta, err);
	if (!code)
		code = pf_manifest_out_list(a->out, &delta, &a->arena, &s->delta_list,
					    &s->delta_list_size, err);
	if (!code && c->changelogs.n) {
		code = pf_manifest_out_files(a->out, c->changelogs.items, c->changelogs.n,
					     &a->arena, &changelog, err);
		if (!code)
			code = pf_manifest_out_list(a->out, &changelog, &a->arena,
						    &s->changelog_list,
						    &s->changelog_list_size, err);
	}
	a->delta_list = s->delta_list;
	free(base.items);
	free(delta.items);
	free(changelog.items);
	return code;
}

/* The snapshot that follows the base. Texts are in the arena or borrowed. */
static void fill_snapshot(struct pf_attempt *a, struct pf_snapshot *s)
{
	const struct pf_snapshot *b = a->base;
	struct pf_commit *c = a->c;
	struct pf_buf json = { 0 };
	s->id = b ? b->id + 1 : 1;
	s->schema_id = pf_table_schema(c->table)->id;
	s->user = c->user;
	s->identifier = c->next_identifier;
	s->kind = (char *)(uintptr_t)(a->deletes.n ? "COMPACT" : "APPEND");
	s->time_ms = pf_now_ms();
	/* Files that replace others bring no rows, but may leave versions out. */
	s->delta_rows = a->rows;
	for (size_t i = 0; i < a->deletes.n; i++)
		s->delta_rows -= a->deletes.items[i].rows;
	s->total_rows = s->delta_rows;
	for (size_t i = 0; i < c->changelogs.n; i++)
		s->changelog_rows += c->changelogs.items[i].rows;
	if (b) {
		if (s->time_ms < b->time_ms)
			s->time_ms = b->time_ms;
		s->total_rows += b->total_rows;
		s->has_watermark = b->has_watermark;
		s->watermark = b->watermark;
		s->has_next_row_id = b->has_next_row_id;
		s->next_row_id = b->next_row_id;
		s->index_manifest = b->index_manifest;
		if (b->schema_id == s->schema_id)
			s->statistics = b->statistics;
	}
	if (a->request->silent && !a->map.snapshot)
		return;
	pf_offset_map_format(&a->map, &json);
	pf_meta_set(&s->properties, PF_OFFSETS_PROPERTY, pf_buf_cstr(&json));
	pf_buf_free(&json);
}

static bool is_ours(const struct pf_snapshot *s, const struct pf_commit *c,
		    const char *delta_list)
{
	return !strcmp(s->user, c->user) && s->identifier == c->next_identifier &&
	       (!delta_list || !strcmp(s->delta_list, delta_list));
}

/* Is snapshot-N ours? Asked when creating it failed, and once more when it
 * succeeded: another committer's rename may have replaced it. */
static int look_back(struct pf_attempt *a, int64_t id, bool *there, bool *ours,
		     struct pf_error *err)
{
	struct pf_snapshot *s;
	int code = pf_snapshot_read(a->c->table, id, &s, err);
	*there = code == 0;
	*ours = false;
	if (code == PF_E_NO_FILE)
		return 0;
	PF_TRY(code);
	*ours = is_ours(s, a->c, a->delta_list);
	pf_snapshot_free(s);
	return 0;
}

/* Somebody may have held this process up until snapshots came and went. */
static int is_stale(struct pf_attempt *a, int64_t id, bool *stale, struct pf_error *err)
{
	char path[48];
	bool exists = true;
	*stale = pf_now_ms() - a->started_ms > SLOWEST_MS;
	if (id > 1) {
		pf_snapshot_path(path, id - 1);
		PF_TRY(pf_store_stat(a->c->table->store, path, &exists, NULL, err));
	}
	*stale |= !exists;
	return 0;
}

static int create_snapshot(struct pf_attempt *a, const struct pf_snapshot *s,
			   enum pf_outcome *outcome, struct pf_error *err)
{
	struct pf_buf json = { 0 };
	struct pf_error first = { 0 };
	char path[48];
	bool stale, there, ours;
	PF_TRY(is_stale(a, s->id, &stale, err));
	if (stale) {
		*outcome = PF_LOST;
		return 0;
	}
	pf_snapshot_path(path, s->id);
	pf_snapshot_format(s, &json);
	/* From here on the outcome is unknown until it is known. */
	a->c->unknown = true;
	int code = pf_store_create(a->c->table->store, path, json.data, json.len,
				   &first);
	pf_buf_free(&json);
	PF_TRY(look_back(a, s->id, &there, &ours, err));
	if (code && code != PF_E_CONFLICT) {
		/* Not there: nothing happened. There and ours: committed, but
		 * perhaps not durable; the files must stay. */
		if (!there || !ours)
			a->c->unknown = false;
		if (err)
			*err = first;
		return code;
	}
	a->c->unknown = false;
	if (ours) {
		*outcome = PF_COMMITTED;
		return 0;
	}
	*outcome = PF_LOST;
	if (code)
		return 0;
	a->c->unknown = true;
	return pf_fail(err, PF_E_TABLE_CORRUPT,
		       "snapshot %" PRId64 " of table '%s' was replaced by another committer just after it was made",
		       s->id, a->c->table->path);
}

int pf_attempt_publish(struct pf_attempt *a, enum pf_outcome *outcome, int64_t *id,
		       struct pf_error *err)
{
	struct pf_snapshot s = { 0 };
	int code = write_manifests(a, &s, err);
	if (!code)
		code = pf_manifest_out_sync(a->out, err);
	if (!code) {
		pf_crash_point("X10");
		fill_snapshot(a, &s);
		*id = s.id;
		code = create_snapshot(a, &s, outcome, err);
	}
	pf_meta_free(&s.properties);
	return code;
}

void pf_commit_hints(struct pf_commit *c, int64_t id, bool has_map)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%" PRId64, id);
	struct pf_store *store = c->table->store;
	pf_store_replace(store, "snapshot/LATEST", text, (size_t)n, NULL);
	if (id == 1)
		pf_store_replace(store, "snapshot/EARLIEST", text, (size_t)n, NULL);
	if (!has_map)
		return;
	/* Other engines' expiry keeps what a consumer still has to read: the
	 * snapshot that holds our offsets. */
	n = snprintf(text, sizeof text, "{\n  \"nextSnapshot\" : %" PRId64 "\n}", id);
	if (!c->has_consumer)
		c->has_consumer = !pf_store_mkdirs(store, "consumer", NULL);
	if (c->has_consumer)
		pf_store_replace(store, "consumer/consumer-paraflow", text, (size_t)n,
				 NULL);
}
