/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/order.h"
#include "paimon/internal.h"

int64_t pf_numbered(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	if (strncmp(name, prefix, len))
		return -1;
	int64_t v = 0;
	const char *p = name + len;
	if (!*p || strlen(p) > 18)
		return -1;
	for (; *p; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		v = v * 10 + (*p - '0');
	}
	return v;
}

/* --- opening --- */

static int newest_schema(struct pf_store *store, int64_t *id, struct pf_error *err)
{
	struct pf_names names;
	*id = -1;
	PF_TRY(pf_store_list(store, "schema", &names, err));
	for (size_t i = 0; i < names.n; i++) {
		int64_t n = pf_numbered(names.names[i], "schema-");
		if (n > *id)
			*id = n;
	}
	pf_names_free(&names);
	return 0;
}

bool pf_is_table(const char *path)
{
	struct pf_store *store;
	int64_t id = -1;
	char *first = pf_asprintf("%s/schema/schema-0", path);
	bool yes = access(first, F_OK) == 0;
	free(first);
	if (!yes && !pf_store_open(path, &store, NULL)) {
		newest_schema(store, &id, NULL);
		pf_store_close(store);
		yes = id >= 0;
	}
	return yes;
}

/* TABLE/branch/branch-NAME has schemas and snapshots of its own, but its files
 * are those of the table. Also seen from within. */
static bool is_branch(const char *path)
{
	char *whole = realpath(path, NULL);
	const char *p = whole ? whole : path, *name = strrchr(p, '/');
	bool yes = name && name - p > 7 && !strncmp(name, "/branch-", 8) &&
		   !strncmp(name - 7, "/branch", 7);
	free(whole);
	return yes;
}

int pf_table_open(const char *path, struct pf_table **table, struct pf_error *err)
{
	struct pf_store *store;
	*table = NULL;
	if (is_branch(path))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "'%s' is a branch of a table, which is not supported", path);
	PF_TRY(pf_store_open(path, &store, err));
	struct pf_table *t = pf_zalloc(1, sizeof *t);
	t->path = pf_strdup(path);
	t->store = store;
	int code = pf_table_refresh(t, err);
	if (code)
		pf_table_close(t);
	else
		*table = t;
	return code;
}

void pf_table_close(struct pf_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nschemas; i++)
		pf_table_schema_free(t->schemas[i]);
	free(t->schemas);
	pf_avro_cache_free(&t->avro);
	pf_store_close(t->store);
	free(t->path);
	free(t);
}

struct pf_store *pf_table_store(struct pf_table *t)
{
	return t->store;
}

const char *pf_table_name(const struct pf_table *t)
{
	return t->path;
}

const struct pf_table_schema *pf_table_schema(const struct pf_table *t)
{
	return t->newest;
}

int pf_table_refresh(struct pf_table *t, struct pf_error *err)
{
	int64_t id;
	PF_TRY(newest_schema(t->store, &id, err));
	if (id < 0) {
		pf_fail(err, PF_E_NOT_A_TABLE, "'%s' is not a table: it has no schema",
			t->path);
		return pf_hint(err, "pf-put --create SCHEMA.yaml %s makes one", t->path);
	}
	return pf_table_schema_of(t, id, &t->newest, err);
}

int pf_table_travel(struct pf_table *t, int64_t schema_id, struct pf_error *err)
{
	return pf_table_schema_of(t, schema_id, &t->newest, err);
}

int pf_table_schema_of(struct pf_table *t, int64_t id,
		       const struct pf_table_schema **schema, struct pf_error *err)
{
	for (size_t i = 0; i < t->nschemas; i++)
		if (t->schemas[i]->id == id) {
			*schema = t->schemas[i];
			return 0;
		}
	char path[48], *name;
	struct pf_buf json = { 0 };
	struct pf_table_schema *s = NULL;
	snprintf(path, sizeof path, "schema/schema-%" PRId64, id);
	name = pf_asprintf("%s/%s", t->path, path);
	int code = pf_store_read(t->store, path, PF_JSON_LIMIT, &json, err);
	if (code == PF_E_NO_FILE)
		code = pf_fail(err, PF_E_TABLE_CORRUPT, "'%s' is missing", name);
	if (!code)
		code = pf_table_schema_parse(json.data, json.len, name, &s, err);
	if (!code && s->id != id) {
		code = pf_fail(err, PF_E_TABLE_CORRUPT, "'%s' says that its id is %" PRId64,
			       name, s->id);
		pf_table_schema_free(s);
	}
	if (!code) {
		t->schemas = pf_realloc(t->schemas, t->nschemas + 1,
					sizeof *t->schemas);
		t->schemas[t->nschemas++] = s;
		*schema = s;
	}
	pf_buf_free(&json);
	free(name);
	return code;
}

/* --- snapshots --- */

void pf_snapshot_path(char out[48], int64_t id)
{
	snprintf(out, 48, "snapshot/snapshot-%" PRId64, id);
}

int pf_snapshot_read(struct pf_table *t, int64_t id, struct pf_snapshot **snapshot,
		     struct pf_error *err)
{
	char path[48];
	struct pf_buf json = { 0 };
	*snapshot = NULL;
	pf_snapshot_path(path, id);
	int code = pf_store_read(t->store, path, PF_JSON_LIMIT, &json, err);
	if (!code) {
		char *name = pf_asprintf("%s/%s", t->path, path);
		code = pf_snapshot_parse(json.data, json.len, name, snapshot, err);
		if (!code && (*snapshot)->id != id) {
			code = pf_fail(err, PF_E_TABLE_CORRUPT,
				       "'%s' says that its id is %" PRId64, name,
				       (*snapshot)->id);
			pf_snapshot_free(*snapshot);
			*snapshot = NULL;
		}
		free(name);
	}
	pf_buf_free(&json);
	return code;
}

int pf_snapshot_ids(struct pf_table *t, int64_t **ids, size_t *n,
		    struct pf_error *err)
{
	struct pf_names names;
	*ids = NULL;
	*n = 0;
	PF_TRY(pf_store_list(t->store, "snapshot", &names, err));
	*ids = pf_alloc(names.n + 1, sizeof **ids);
	for (size_t i = 0; i < names.n; i++) {
		int64_t id = pf_numbered(names.names[i], "snapshot-");
		if (id > 0)
			(*ids)[(*n)++] = id;
	}
	pf_names_free(&names);
	qsort(*ids, *n, sizeof **ids, pf_by_i64);
	return 0;
}

static int snapshot_exists(struct pf_table *t, int64_t id, bool *exists,
			   struct pf_error *err)
{
	char path[48];
	pf_snapshot_path(path, id);
	return pf_store_stat(t->store, path, exists, NULL, err);
}

/* LATEST, trusted only when its snapshot exists and the next does not: it may
 * be missing, garbage, too low (a committer died) or too high. */
static int hinted_latest(struct pf_table *t, int64_t *id, struct pf_error *err)
{
	struct pf_buf b = { 0 };
	bool here = false, next = true;
	*id = -1;
	if (!pf_store_read(t->store, "snapshot/LATEST", 64, &b, NULL)) {
		while (b.len && (b.data[b.len - 1] == '\n' || b.data[b.len - 1] == '\r'))
			b.len--;
		*id = pf_numbered(pf_buf_cstr(&b), "");
	}
	pf_buf_free(&b);
	if (*id < 1) {
		*id = -1;
		return 0;
	}
	PF_TRY(snapshot_exists(t, *id, &here, err));
	PF_TRY(snapshot_exists(t, *id + 1, &next, err));
	if (!here || next)
		*id = -1;
	return 0;
}

int pf_snapshot_latest(struct pf_table *t, struct pf_snapshot **snapshot,
		       struct pf_error *err)
{
	*snapshot = NULL;
	for (int tries = 0;; tries++) {
		int64_t id;
		PF_TRY(hinted_latest(t, &id, err));
		if (id < 0) {
			int64_t *ids;
			size_t n;
			PF_TRY(pf_snapshot_ids(t, &ids, &n, err));
			id = n ? ids[n - 1] : 0;
			free(ids);
		}
		if (!id)
			return 0;
		int code = pf_snapshot_read(t, id, snapshot, err);
		/* Expired between looking and reading: there is a newer one. */
		if (code != PF_E_NO_FILE || tries == 10)
			return code;
	}
}

int pf_snapshot_as_of(struct pf_table *t, int64_t ms, struct pf_snapshot **snapshot,
		      struct pf_error *err)
{
	int64_t *ids;
	size_t n;
	int code = pf_snapshot_ids(t, &ids, &n, err);
	*snapshot = NULL;
	/* Times do not decrease; the answer is in [low - 1]. */
	size_t low = 0, high = n;
	while (!code && low < high) {
		size_t mid = low + (high - low) / 2;
		struct pf_snapshot *s;
		code = pf_snapshot_read(t, ids[mid], &s, err);
		if (code == PF_E_NO_FILE) {
			code = 0; /* the oldest expire first */
			low = mid + 1;
		} else if (!code) {
			if (s->time_ms <= ms) {
				pf_snapshot_free(*snapshot);
				*snapshot = s;
				low = mid + 1;
			} else {
				pf_snapshot_free(s);
				high = mid;
			}
		}
	}
	free(ids);
	return code;
}

bool pf_snapshot_same_index(const struct pf_snapshot *a, const struct pf_snapshot *b)
{
	return !a->index_manifest ? !b->index_manifest :
	       b->index_manifest && !strcmp(a->index_manifest, b->index_manifest);
}
