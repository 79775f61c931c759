/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/clean.h"

#include <stdlib.h>

#include "base/time.h"
#include "paimon/internal.h"
#include "paimon/refs.h"

/* Rounds of reading references while snapshots expire. */
enum { ROUNDS = 5 };

struct cleaning {
	struct pf_table *table;
	struct pf_clean_plan *plan;
	int64_t before_ms; /* changed before: old enough */
};

void pf_clean_plan_free(struct pf_clean_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->files[i]);
	free(p->files);
	*p = (struct pf_clean_plan){ 0 };
}

static bool begins(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool ends(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n >= m && !strcmp(name + n - m, suffix);
}

/* --- names that may be orphans --- */

/* ".<name>.<uuid>.tmp", ours and Paimon's. */
static bool is_temporary(const char *name)
{
	return *name == '.' && ends(name, ".tmp");
}

static bool is_data(const char *name)
{
	return is_temporary(name) || ends(name, ".parquet") || ends(name, ".orc") ||
	       ends(name, ".avro") || ends(name, ".index");
}

static bool is_manifest(const char *name)
{
	return is_temporary(name) || begins(name, "manifest-") ||
	       begins(name, "index-manifest-");
}

static bool is_index(const char *name)
{
	return is_temporary(name) || begins(name, "index-");
}

static bool is_statistics(const char *name)
{
	return is_temporary(name) || begins(name, "stat");
}

/* --- listing --- */

static int look_at(struct cleaning *c, const char *dir, const char *name,
		   struct pf_error *err)
{
	struct pf_clean_plan *p = c->plan;
	int64_t changed;
	char *path = pf_asprintf("%s/%s", dir, name);
	int code = pf_store_mtime(c->table->store, path, &changed, err);
	if (code || changed >= c->before_ms) {
		free(path);
		return code == PF_E_NO_FILE ? 0 : code;
	}
	p->files = pf_realloc(p->files, p->n + 1, sizeof *p->files);
	p->files[p->n++] = path;
	return 0;
}

static int look_into(struct cleaning *c, const char *dir, bool (*is)(const char *name),
		     struct pf_error *err)
{
	struct pf_names names;
	PF_TRY(pf_store_list(c->table->store, dir, &names, err));
	int code = 0;
	for (size_t i = 0; !code && i < names.n; i++)
		if (is(names.names[i]))
			code = look_at(c, dir, names.names[i], err);
	pf_names_free(&names);
	return code;
}

/* Bucket directories under dir ("" for the table's), below so many levels of
 * partitions. */
static int look_into_buckets(struct cleaning *c, const char *dir, size_t levels,
			     struct pf_error *err)
{
	struct pf_names names;
	PF_TRY(pf_store_list(c->table->store, dir, &names, err));
	int code = 0;
	for (size_t i = 0; !code && i < names.n; i++) {
		const char *name = names.names[i];
		char *path = pf_asprintf("%s%s%s", dir, *dir ? "/" : "", name);
		if (levels && strchr(name, '='))
			code = look_into_buckets(c, path, levels - 1, err);
		else if (!levels && begins(name, "bucket-"))
			code = look_into(c, path, is_data, err);
		free(path);
	}
	pf_names_free(&names);
	return code;
}

static int list_candidates(struct cleaning *c, struct pf_error *err)
{
	static const struct {
		const char *dir;
		bool (*is)(const char *name);
	} places[] = {
		{ "manifest", is_manifest }, { "index", is_index },
		{ "statistics", is_statistics }, { "snapshot", is_temporary },
		{ "changelog", is_temporary }, { "tag", is_temporary },
		{ "schema", is_temporary }, { "consumer", is_temporary },
	};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		PF_TRY(look_into(c, places[i].dir, places[i].is, err));
	return look_into_buckets(c, "", pf_table_schema(c->table)->npartition_keys, err);
}

/* --- references --- */

struct reading {
	struct pf_table *table;
	struct pf_refs *used;
	struct pf_refs_cache manifests;
};

static int add_snapshot(struct reading *r, const struct pf_snapshot *s,
			struct pf_error *err)
{
	PF_TRY(pf_refs_add_metadata(r->used, r->table, s, err));
	return pf_refs_add_live(r->used, &r->manifests, r->table, s, err);
}

static int add_tags(struct reading *r, struct pf_tags *tags, struct pf_error *err)
{
	int code = 0;
	for (size_t i = 0; !code && i < tags->n; i++)
		code = add_snapshot(r, tags->items[i].snapshot, err);
	pf_tags_free(tags);
	return code;
}

static int read_references(struct reading *r, struct pf_error *err)
{
	struct pf_tags tags;
	int64_t *ids;
	size_t n;
	PF_TRY(pf_tags_read(r->table, &tags, err));
	PF_TRY(add_tags(r, &tags, err));
	PF_TRY(pf_branches_read(r->table, &tags, err));
	PF_TRY(add_tags(r, &tags, err));
	PF_TRY(pf_snapshot_ids(r->table, &ids, &n, err));
	int code = 0;
	for (size_t i = 0; !code && i < n; i++) {
		struct pf_snapshot *s;
		code = pf_snapshot_read(r->table, ids[i], &s, err);
		if (!code)
			code = add_snapshot(r, s, err);
		pf_snapshot_free(s);
	}
	free(ids);
	return code;
}

/* Take out of the plan what is referred to. */
static int keep_used(struct cleaning *c, const struct pf_refs *used, struct pf_error *err)
{
	struct pf_clean_plan *p = c->plan;
	size_t kept = 0;
	int code = 0;
	for (size_t i = 0; i < p->n; i++) {
		const char *slash = strrchr(p->files[i], '/');
		bool exists = false;
		uint64_t size = 0;
		if (!code && !pf_refs_has(used, slash ? slash + 1 : p->files[i]))
			code = pf_store_stat(c->table->store, p->files[i], &exists,
					     &size, err);
		if (exists) {
			p->bytes += (int64_t)size;
			p->files[kept++] = p->files[i];
		} else {
			free(p->files[i]);
		}
	}
	p->n = kept;
	return code;
}

static int subtract_used(struct cleaning *c, struct pf_error *err)
{
	struct reading r = { .table = c->table };
	int code = PF_E_NO_FILE;
	/* A snapshot that expires while it is read: look again without it. */
	for (int i = 0; code == PF_E_NO_FILE && i < ROUNDS; i++) {
		pf_refs_free(r.used);
		r.used = pf_refs_new();
		code = read_references(&r, err);
	}
	if (!code)
		code = keep_used(c, r.used, err);
	pf_refs_free(r.used);
	pf_refs_cache_free(&r.manifests);
	return code;
}

int pf_clean_plan(struct pf_table *table, int64_t older_than_ms,
		  struct pf_clean_plan *plan, struct pf_error *err)
{
	struct cleaning c = { .table = table, .plan = plan,
			      .before_ms = pf_now_ms() - older_than_ms };
	*plan = (struct pf_clean_plan){ 0 };
	int code = list_candidates(&c, err);
	if (!code)
		code = subtract_used(&c, err);
	if (code)
		pf_clean_plan_free(plan);
	return code;
}

int pf_clean_run(struct pf_table *table, const struct pf_clean_plan *plan,
		 struct pf_error *err)
{
	for (size_t i = 0; i < plan->n; i++)
		PF_TRY(pf_store_delete(table->store, plan->files[i], err));
	return 0;
}
