/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/commit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/fault.h"
#include "base/random.h"
#include "base/time.h"
#include "paimon/commit_internal.h"
#include "paimon/internal.h"

enum { EMPTY_EVERY_MS = 60000, RETRIES = 50 };
enum { WAIT_MS = 10, WAIT_LONGEST_MS = 2000 };
/* An attempt that stood still longer than this starts over: a snapshot of its
 * number may have come and expired meanwhile. */
enum { SLOWEST_MS = 5 * 60 * 1000 };

int pf_commit_open(struct pf_table *table, const struct pf_commit_options *options,
		   struct pf_commit **commit, struct pf_error *err)
{
	char id[37];
	*commit = NULL;
	PF_TRY(pf_table_writable(pf_table_schema(table), err));
	struct pf_commit *c = pf_zalloc(1, sizeof *c);
	c->table = table;
	c->schema = pf_table_schema(table);
	if (options)
		c->options = *options;
	if (!c->options.empty_every_ms)
		c->options.empty_every_ms = EMPTY_EVERY_MS;
	if (!c->options.retries)
		c->options.retries = RETRIES;
	pf_random_uuid(id);
	snprintf(c->user, sizeof c->user, "paraflow-%s", id);
	pf_random_uuid(c->uuid);
	c->next_identifier = 1;
	c->cells = pf_cells_new();
	*commit = c;
	return 0;
}

/* --- one attempt --- */

/* What is to be published: the files, together with these marks of different
 * stages, or as a stream that is known by its hash. */
struct request {
	const struct pf_mark *marks;
	size_t nmarks;
	uint64_t stream; /* when there is no mark */
	bool silent;     /* says nothing about what was loaded */
};

enum outcome {
	COMMITTED,
	LOADED, /* the table had it already */
	LOST,   /* somebody else took the number: again */
};

struct attempt {
	struct pf_commit *c;
	const struct request *request;
	struct pf_snapshot *base; /* NULL: the table is empty */
	struct pf_offset_map map;
	struct pf_manifest_out *out;
	struct pf_arena arena;
	int64_t started_ms;
	int64_t rows, bytes;
	char *delta_list;
	struct pf_file_list live;      /* when files are replaced: the base's */
	struct pf_data_files deletes;  /* and those of it that go */
};

static int conflict(const struct attempt *a, const struct pf_mark *m,
		    struct pf_error *err)
{
	const struct pf_mark_part *p = &m->parts[0];
	for (size_t i = 0; i < m->nparts; i++)
		if (pf_offset_next(&a->map, m->stage, m->parts[i].partition, NULL) !=
		    m->parts[i].from)
			p = &m->parts[i];
	pf_fail(err, PF_E_CONFLICT,
		"the input has offsets %" PRId64 " to %" PRId64
		" of stage %s, partition %d, but table '%s' has loaded up to %" PRId64,
		p->from, p->to, m->stage, p->partition, a->c->table->path,
		pf_offset_next(&a->map, m->stage, p->partition, NULL));
	if (!pf_offset_next(&a->map, m->stage, p->partition, NULL))
		return pf_hint(err, "--restart loads it if it is meant to begin there");
	return pf_hint(err, "read the stage again with --after %s", a->c->table->path);
}

static bool covers_rows(const struct pf_mark *m)
{
	for (size_t i = 0; i < m->nparts; i++)
		if (m->parts[i].from < m->parts[i].to)
			return true;
	return false;
}

/* Compare and move the map. */
static int take_offsets(struct attempt *a, enum outcome *outcome,
			struct pf_error *err)
{
	const struct request *r = a->request;
	bool loaded = false;
	int code = pf_table_offsets(a->c->table, a->base, &a->map, err);
	if (r->silent)
		return code == PF_E_NO_OFFSETS ? 0 : code;
	if (code == PF_E_NO_OFFSETS && !a->c->options.restart)
		return pf_hint(err, "say where to start: pf-stage read --offsets or --from-start, and pf-put --restart");
	if (code && code != PF_E_NO_OFFSETS)
		return code;
	if (!r->nmarks) {
		if (pf_offset_has_stream(&a->map, r->stream))
			*outcome = LOADED;
		else
			pf_offset_add_stream(&a->map, r->stream);
		return 0;
	}
	*outcome = LOADED;
	for (size_t i = 0; i < r->nmarks; i++) {
		enum pf_mark_state state = pf_offset_compare(
			&a->map, &r->marks[i], a->c->options.restart);
		if (state == PF_MARK_OTHER)
			return conflict(a, &r->marks[i], err);
		if (state == PF_MARK_LOADED) {
			loaded |= covers_rows(&r->marks[i]);
			continue;
		}
		*outcome = COMMITTED;
		pf_offset_advance(&a->map, &r->marks[i]);
	}
	if (!loaded || *outcome == LOADED || !a->c->files.n)
		return 0;
	pf_fail(err, PF_E_CONFLICT,
		"the input has rows of several stages, and some of them are in table '%s' already",
		a->c->table->path);
	return pf_hint(err, "load one stage after the other");
}

/* Has the table's schema moved on in a way that our files do not fit? */
static int check_schema(struct pf_commit *c, struct pf_error *err)
{
	PF_TRY(pf_table_refresh(c->table, err));
	const struct pf_table_schema *now = pf_table_schema(c->table);
	const char *what = NULL;
	if (now->id == c->schema->id)
		return 0;
	if (now->buckets != c->schema->buckets)
		what = "its bucket count";
	for (size_t i = 0; i < c->schema->n && !what; i++) {
		const struct pf_table_field *f = &c->schema->fields[i];
		int at = pf_table_field_by_id(now, f->id);
		if (at < 0 || strcmp(now->fields[at].type_text, f->type_text))
			what = f->name;
	}
	if (!what)
		return pf_table_writable(now, err);
	return pf_fail(err, PF_E_CONFLICT,
		       "table '%s' was altered meanwhile (%s): start over with the new schema",
		       c->table->path, what);
}

static int write_manifests(struct attempt *a, struct pf_snapshot *s,
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
static void fill_snapshot(struct attempt *a, struct pf_snapshot *s)
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
static int look_back(struct attempt *a, int64_t id, bool *there, bool *ours,
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
static int is_stale(struct attempt *a, int64_t id, bool *stale, struct pf_error *err)
{
	char path[48];
	bool exists = true;
	*stale = pf_now_ms() - a->started_ms > SLOWEST_MS;
	if (id > 1) {
		snprintf(path, sizeof path, "snapshot/snapshot-%" PRId64, id - 1);
		PF_TRY(pf_store_stat(a->c->table->store, path, &exists, NULL, err));
	}
	*stale |= !exists;
	return 0;
}

static int create_snapshot(struct attempt *a, const struct pf_snapshot *s,
			   enum outcome *outcome, struct pf_error *err)
{
	struct pf_buf json = { 0 };
	struct pf_error first = { 0 };
	char path[48];
	bool stale, there, ours;
	PF_TRY(is_stale(a, s->id, &stale, err));
	if (stale) {
		*outcome = LOST;
		return 0;
	}
	snprintf(path, sizeof path, "snapshot/snapshot-%" PRId64, s->id);
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
		*outcome = COMMITTED;
		return 0;
	}
	*outcome = LOST;
	if (code)
		return 0;
	a->c->unknown = true;
	return pf_fail(err, PF_E_TABLE_CORRUPT,
		       "snapshot %" PRId64 " of table '%s' was replaced by another committer just after it was made",
		       s->id, a->c->table->path);
}

/* Hints. They are advice: the commit stands whatever becomes of them. */
static void write_hints(struct pf_commit *c, int64_t id, bool has_map)
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

static int try_commit(struct attempt *a, enum outcome *outcome, int64_t *id,
		      struct pf_error *err)
{
	struct pf_commit *c = a->c;
	struct pf_snapshot s = { 0 };
	*outcome = COMMITTED;
	PF_TRY(pf_snapshot_latest(c->table, &a->base, err));
	PF_TRY(take_offsets(a, outcome, err));
	if (*outcome == LOADED)
		return 0;
	PF_TRY(check_schema(c, err));
	if (pf_commit_replaces(c)) {
		PF_TRY(pf_commit_resolve(c, a->base, &a->live, &a->deletes, err));
	} else if (c->files.n) {
		PF_TRY(pf_cells_update(c->cells, c->table, a->base, err));
		if (c->schema->nprimary_keys)
			PF_TRY(pf_commit_renumber(c, err));
		PF_TRY(c->schema->nprimary_keys ?
			       pf_cells_check(c->cells, c->files.items, c->files.n, err) :
			       pf_cells_number(c->cells, c->files.items, c->files.n, err));
	}
	PF_TRY(pf_commit_sync(c, err));
	pf_crash_point("X9");
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

/* --- until it is decided --- */

static void wait_some(int tries)
{
	int64_t ms = WAIT_MS;
	while (tries-- > 0 && ms < WAIT_LONGEST_MS)
		ms *= 2;
	ms = ms / 2 + pf_random_below((uint32_t)ms);
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

static void attempt_free(struct attempt *a)
{
	pf_snapshot_free(a->base);
	pf_offset_map_free(&a->map);
	pf_file_list_free(&a->live);
	free(a->deletes.items);
	pf_arena_free(&a->arena);
}

static int compare_views(const void *a, const void *b)
{
	return pf_view_cmp(*(const struct pf_view *)a, *(const struct pf_view *)b);
}

/* Distinct partitions among the files. */
static size_t count_partitions(const struct pf_commit *c)
{
	size_t n = 0;
	struct pf_view *all = pf_alloc(c->files.n + 1, sizeof *all);
	for (size_t i = 0; i < c->files.n; i++)
		all[i] = c->files.items[i].partition;
	qsort(all, c->files.n, sizeof *all, compare_views);
	for (size_t i = 0; i < c->files.n; i++)
		n += !i || pf_view_cmp(all[i - 1], all[i]);
	free(all);
	return n;
}

static void finish(struct pf_commit *c, int64_t id, bool has_map,
		   struct pf_commit_result *result)
{
	result->snapshot = id;
	result->partitions = count_partitions(c);
	write_hints(c, id, has_map);
	if (c->files.n && !pf_commit_replaces(c))
		pf_cells_commit(c->cells, c->files.items, c->files.n, id);
	c->next_identifier++;
	c->last_commit_ms = pf_now_ms();
	pf_commit_keep(c);
}

/* One attempt with its result; *outcome LOST asks for another one. */
static int attempt(struct pf_commit *c, const struct request *request,
		   struct pf_manifest_out *out, enum outcome *outcome,
		   struct pf_commit_result *result, struct pf_error *err)
{
	struct attempt a = { .c = c, .request = request, .out = out,
			     .started_ms = pf_now_ms() };
	int64_t id = 0;
	for (size_t i = 0; i < c->files.n; i++) {
		a.rows += c->files.items[i].rows;
		a.bytes += c->files.items[i].size;
	}
	*result = (struct pf_commit_result){ .files = (int64_t)c->files.n,
					     .rows = a.rows,
					     .bytes = a.bytes };
	*outcome = LOST;
	int code = try_commit(&a, outcome, &id, err);
	bool has_snapshot = a.base != NULL;
	bool has_map = !request->silent || a.map.snapshot;
	attempt_free(&a);
	if (!code && *outcome == COMMITTED) {
		pf_manifest_out_keep(out);
		finish(c, id, has_map, result);
		return 0;
	}
	if (c->unknown)
		pf_manifest_out_keep(out);
	else
		pf_manifest_out_drop(out);
	if (code || *outcome != LOADED)
		return code;
	*result = (struct pf_commit_result){ .already_loaded = true };
	pf_commit_drop(c);
	/* Whoever made that snapshot may have died before its name was on the
	 * disk; what we call loaded has to stay loaded. */
	return has_snapshot ? pf_store_sync_dir(c->table->store, "snapshot", err) : 0;
}

static int publish(struct pf_commit *c, const struct request *request,
		   struct pf_commit_result *result, struct pf_error *err)
{
	struct pf_manifest_out out;
	enum outcome outcome;
	int code = 0;
	pf_manifest_out_init(&out, c->table, c->schema);
	for (int tries = 0;; tries++) {
		code = attempt(c, request, &out, &outcome, result, err);
		/* Files of the base expired under us: there is a newer one. */
		if ((code == PF_E_NO_FILE || code == PF_E_VANISHED) && tries < 3 &&
		    !c->unknown) {
			code = 0;
			outcome = LOST;
		}
		if (code || outcome != LOST)
			break;
		if (tries >= c->options.retries) {
			code = pf_fail(err, PF_E_CONFLICT,
				       "table '%s' was committed to by others %d times in a row",
				       c->table->path, tries + 1);
			break;
		}
		wait_some(tries);
	}
	if (code)
		pf_commit_drop(c);
	pf_manifest_out_free(&out);
	return code;
}

/* Advances wait, one per stage. */
static int add_pending(struct pf_commit *c, const struct pf_mark *mark,
		       struct pf_error *err)
{
	for (size_t i = 0; i < c->npending; i++)
		if (!strcmp(c->pending[i].stage, mark->stage))
			return pf_mark_merge(&c->pending[i], mark, err);
	c->pending = pf_realloc(c->pending, c->npending + 1, sizeof *c->pending);
	c->pending[c->npending] = (struct pf_mark){ 0 };
	pf_mark_copy(&c->pending[c->npending++], mark);
	return 0;
}

int pf_commit_flush(struct pf_commit *c, struct pf_commit_result *result,
		    struct pf_error *err)
{
	*result = (struct pf_commit_result){ 0 };
	if (!c->npending)
		return 0;
	struct request r = { .marks = c->pending, .nmarks = c->npending };
	int code = publish(c, &r, result, err);
	pf_commit_drop_pending(c);
	return code;
}

int pf_commit_mark(struct pf_commit *c, const struct pf_mark *mark, bool now,
		   struct pf_commit_result *result, struct pf_error *err)
{
	*result = (struct pf_commit_result){ 0 };
	if (!mark->nparts)
		return pf_fail(err, PF_E_CORRUPT, "a mark of no partition");
	if (pf_commit_replaces(c))
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "segments that replace files stand before a mark");
	PF_TRY(add_pending(c, mark, err));
	if (mark->more) {
		result->postponed = true;
		return 0;
	}
	if (!c->files.n && !now && c->last_commit_ms &&
	    pf_now_ms() - c->last_commit_ms < c->options.empty_every_ms) {
		result->postponed = true;
		return 0;
	}
	return pf_commit_flush(c, result, err);
}

int pf_commit_stream(struct pf_commit *c, uint64_t hash,
		     struct pf_commit_result *result, struct pf_error *err)
{
	struct request r = { .stream = hash };
	return publish(c, &r, result, err);
}

int pf_commit_compact(struct pf_commit *c, struct pf_commit_result *result,
		      struct pf_error *err)
{
	struct request r = { .silent = true };
	return publish(c, &r, result, err);
}
