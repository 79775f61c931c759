/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/rollback.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/strings.h"
#include "paimon/internal.h"
#include "paimon/offsets.h"

/* Rounds of deleting what others commit meanwhile. */
enum { ROUNDS = 100 };

/* --- tags --- */

/* The bytes of a snapshot, as whoever made it wrote them. */
static int read_bytes(struct pf_table *t, int64_t id, struct pf_buf *json,
		      struct pf_error *err)
{
	char path[48];
	pf_snapshot_path(path, id);
	int code = pf_store_read(t->store, path, PF_JSON_LIMIT, json, err);
	if (code != PF_E_NO_FILE)
		return code;
	pf_fail(err, PF_E_USAGE, "'%s' has no snapshot %" PRId64, t->path, id);
	return pf_hint(err, "pf-query --snapshots lists them");
}

static int existing_tag(struct pf_table *t, const char *name, int64_t id,
			struct pf_error *err)
{
	struct pf_snapshot *s;
	PF_TRY(pf_tag_read(t, name, &s, err));
	int64_t other = s->id;
	pf_snapshot_free(s);
	if (other == id)
		return 0;
	return pf_fail(err, PF_E_USAGE, "tag '%s' exists already: it is snapshot %" PRId64,
		       name, other);
}

/* Was the snapshot there until its tag was? Else its files may be gone. */
static int check_still_there(struct pf_table *t, const char *path, int64_t id,
			     struct pf_error *err)
{
	char snapshot[48];
	bool exists;
	pf_snapshot_path(snapshot, id);
	PF_TRY(pf_store_stat(t->store, snapshot, &exists, NULL, err));
	if (exists)
		return 0;
	pf_store_delete(t->store, path, NULL);
	return pf_fail(err, PF_E_CONFLICT, "snapshot %" PRId64 " expired meanwhile", id);
}

/* Which snapshot it is, and its bytes. */
static int find_tagged(struct pf_table *table, const char *name, int64_t *snapshot,
		       struct pf_buf *json, struct pf_error *err)
{
	struct pf_snapshot *latest = NULL;
	PF_TRY(pf_tag_check_name(name, err));
	if (!*snapshot) {
		PF_TRY(pf_snapshot_latest(table, &latest, err));
		if (!latest)
			return pf_fail(err, PF_E_USAGE, "'%s' has no snapshot yet",
				       table->path);
		*snapshot = latest->id;
		pf_snapshot_free(latest);
	}
	return read_bytes(table, *snapshot, json, err);
}

int pf_tag_plan(struct pf_table *table, const char *name, int64_t *snapshot,
		bool *existed, struct pf_error *err)
{
	struct pf_buf json = { 0 };
	char *path = pf_asprintf("tag/tag-%s", name);
	*existed = false;
	int code = find_tagged(table, name, snapshot, &json, err);
	if (!code)
		code = pf_store_stat(table->store, path, existed, NULL, err);
	if (!code && *existed)
		code = existing_tag(table, name, *snapshot, err);
	pf_buf_free(&json);
	free(path);
	return code;
}

int pf_tag_create(struct pf_table *table, const char *name, int64_t snapshot,
		  int64_t *made, bool *existed, struct pf_error *err)
{
	struct pf_buf json = { 0 };
	*existed = false;
	*made = snapshot;
	int code = find_tagged(table, name, made, &json, err);
	if (!code)
		code = pf_store_mkdirs(table->store, "tag", err);
	char *path = pf_asprintf("tag/tag-%s", name);
	if (!code)
		code = pf_store_create(table->store, path, json.data, json.len, err);
	if (code == PF_E_CONFLICT) {
		*existed = true;
		code = existing_tag(table, name, *made, err);
	} else if (!code) {
		code = check_still_there(table, path, *made, err);
	}
	free(path);
	pf_buf_free(&json);
	return code;
}

int pf_tag_delete_plan(struct pf_table *table, const char *name, int64_t *snapshot,
		       struct pf_error *err)
{
	struct pf_snapshot *s;
	int code = pf_tag_read(table, name, &s, err);
	if (code == PF_E_NO_FILE) {
		pf_fail(err, PF_E_USAGE, "'%s' has no tag '%s'", table->path, name);
		return pf_hint(err, "pf-query --snapshots lists them");
	}
	PF_TRY(code);
	*snapshot = s->id;
	pf_snapshot_free(s);
	return 0;
}

int pf_tag_delete(struct pf_table *table, const char *name, struct pf_error *err)
{
	int64_t snapshot;
	PF_TRY(pf_tag_delete_plan(table, name, &snapshot, err));
	char *path = pf_asprintf("tag/tag-%s", name);
	int code = pf_store_delete(table->store, path, err);
	free(path);
	return code;
}

/* --- rolling back --- */

void pf_rollback_plan_free(struct pf_rollback_plan *p)
{
	pf_strings_free(p->tags, p->n_tags);
	free(p->snapshots);
	free(p->tag);
	*p = (struct pf_rollback_plan){ 0 };
}

/* Snapshots after `to`, ascending. */
static int later(struct pf_table *t, int64_t to, int64_t **ids, size_t *n,
		 struct pf_error *err)
{
	size_t kept = 0;
	PF_TRY(pf_snapshot_ids(t, ids, n, err));
	for (size_t i = 0; i < *n; i++)
		if ((*ids)[i] > to)
			(*ids)[kept++] = (*ids)[i];
	*n = kept;
	return 0;
}

static int find_target(struct pf_table *t, const char *target,
		       struct pf_rollback_plan *p, struct pf_error *err)
{
	struct pf_snapshot *s = NULL;
	int64_t id = pf_numbered(target, "");
	int code = id > 0 ? pf_snapshot_read(t, id, &s, err) :
			    pf_tag_read(t, target, &s, err);
	if (code == PF_E_NO_FILE) {
		pf_fail(err, PF_E_USAGE, "'%s' has no %s '%s'", t->path,
			id > 0 ? "snapshot" : "tag", target);
		return pf_hint(err, "pf-query --snapshots lists them");
	}
	PF_TRY(code);
	p->to = s->id;
	p->rows = s->total_rows;
	pf_snapshot_free(s);
	if (id > 0)
		return 0;
	char path[48];
	bool exists;
	p->tag = pf_strdup(target);
	pf_snapshot_path(path, p->to);
	PF_TRY(pf_store_stat(t->store, path, &exists, NULL, err));
	p->from_tag = !exists;
	return 0;
}

static int find_rest(struct pf_table *t, struct pf_rollback_plan *p, struct pf_error *err)
{
	struct pf_tags tags;
	struct pf_snapshot *latest;
	PF_TRY(pf_snapshot_latest(t, &latest, err));
	p->rows_now = latest ? latest->total_rows : 0;
	pf_snapshot_free(latest);
	PF_TRY(later(t, p->to, &p->snapshots, &p->n_snapshots, err));
	PF_TRY(pf_tags_read(t, &tags, err));
	p->tags = pf_alloc(tags.n + 1, sizeof *p->tags);
	for (size_t i = 0; i < tags.n; i++)
		if (tags.items[i].snapshot->id > p->to)
			p->tags[p->n_tags++] = pf_strdup(tags.items[i].name);
	pf_tags_free(&tags);
	return 0;
}

int pf_rollback_plan(struct pf_table *table, const char *target,
		     struct pf_rollback_plan *plan, struct pf_error *err)
{
	*plan = (struct pf_rollback_plan){ 0 };
	int code = find_target(table, target, plan, err);
	if (!code)
		code = find_rest(table, plan, err);
	if (code)
		pf_rollback_plan_free(plan);
	return code;
}

static int write_hint(struct pf_table *t, const char *path, int64_t id,
		      struct pf_error *err)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%" PRId64, id);
	return pf_store_replace(t->store, path, text, (size_t)n, err);
}

/* The tag's snapshot has expired: it is written again, all others are later. */
static int bring_back(struct pf_table *t, const struct pf_rollback_plan *p,
		      struct pf_error *err)
{
	char path[48];
	struct pf_buf json = { 0 };
	char *tag = pf_asprintf("tag/tag-%s", p->tag);
	pf_snapshot_path(path, p->to);
	int code = pf_store_read(t->store, tag, PF_JSON_LIMIT, &json, err);
	if (!code)
		code = pf_store_create(t->store, path, json.data, json.len, err);
	if (code == PF_E_CONFLICT)
		code = 0;
	if (!code)
		code = write_hint(t, "snapshot/EARLIEST", p->to, err);
	free(tag);
	pf_buf_free(&json);
	return code;
}

/* Our consumer file names the snapshot that holds the map: now an older one. */
static int move_consumer(struct pf_table *t, struct pf_error *err)
{
	static const char path[] = "consumer/consumer-paraflow";
	struct pf_offset_map map;
	char text[64];
	bool exists;
	PF_TRY(pf_store_stat(t->store, path, &exists, NULL, err));
	if (!exists)
		return 0;
	int code = pf_table_offsets(t, NULL, &map, err);
	int64_t id = map.snapshot;
	pf_offset_map_free(&map);
	if (code == PF_E_NO_OFFSETS)
		return 0;
	PF_TRY(code);
	int n = snprintf(text, sizeof text, "{\n  \"nextSnapshot\" : %" PRId64 "\n}",
			 id ? id : 1);
	return pf_store_replace(t->store, path, text, (size_t)n, err);
}

static int delete_later(struct pf_table *t, int64_t to, bool *more, struct pf_error *err)
{
	int64_t *ids;
	size_t n;
	char path[48];
	PF_TRY(later(t, to, &ids, &n, err));
	*more = n > 0;
	int code = 0;
	/* From the newest on: what is left is whole at any time. */
	while (!code && n--) {
		pf_snapshot_path(path, ids[n]);
		code = pf_store_delete(t->store, path, err);
		pf_crash_point("X15");
	}
	free(ids);
	return code;
}

int pf_rollback_run(struct pf_table *table, const struct pf_rollback_plan *plan,
		    struct pf_error *err)
{
	bool more = true;
	if (plan->from_tag)
		PF_TRY(bring_back(table, plan, err));
	/* A hint that is too high makes a table look broken to Paimon's Java. */
	PF_TRY(write_hint(table, "snapshot/LATEST", plan->to, err));
	for (int i = 0; more; i++) {
		if (i == ROUNDS)
			return pf_fail(err, PF_E_CONFLICT,
				       "others commit to '%s' all the time", table->path);
		PF_TRY(delete_later(table, plan->to, &more, err));
	}
	PF_TRY(write_hint(table, "snapshot/LATEST", plan->to, err));
	PF_TRY(pf_store_sync_dir(table->store, "snapshot", err));
	for (size_t i = 0; i < plan->n_tags; i++) {
		char *path = pf_asprintf("tag/tag-%s", plan->tags[i]);
		int code = pf_store_delete(table->store, path, err);
		free(path);
		PF_TRY(code);
	}
	return move_consumer(table, err);
}
