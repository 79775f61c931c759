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

static int conflict(const struct pf_attempt *a, const struct pf_mark *m,
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
static int take_offsets(struct pf_attempt *a, enum pf_outcome *outcome,
			struct pf_error *err)
{
	const struct pf_commit_request *r = a->request;
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
			*outcome = PF_LOADED;
		else
			pf_offset_add_stream(&a->map, r->stream);
		return 0;
	}
	*outcome = PF_LOADED;
	for (size_t i = 0; i < r->nmarks; i++) {
		enum pf_mark_state state = pf_offset_compare(
			&a->map, &r->marks[i], a->c->options.restart);
		if (state == PF_MARK_OTHER)
			return conflict(a, &r->marks[i], err);
		if (state == PF_MARK_LOADED) {
			loaded |= covers_rows(&r->marks[i]);
			continue;
		}
		*outcome = PF_COMMITTED;
		pf_offset_advance(&a->map, &r->marks[i]);
	}
	if (!loaded || *outcome == PF_LOADED || !a->c->files.n)
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

static int try_commit(struct pf_attempt *a, enum pf_outcome *outcome, int64_t *id,
		      struct pf_error *err)
{
	struct pf_commit *c = a->c;
	*outcome = PF_COMMITTED;
	PF_TRY(pf_snapshot_latest(c->table, &a->base, err));
	PF_TRY(take_offsets(a, outcome, err));
	if (*outcome == PF_LOADED)
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
	return pf_attempt_publish(a, outcome, id, err);
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

static void attempt_free(struct pf_attempt *a)
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
	pf_commit_hints(c, id, has_map);
	if (c->files.n && !pf_commit_replaces(c))
		pf_cells_commit(c->cells, c->files.items, c->files.n, id);
	c->next_identifier++;
	c->last_commit_ms = pf_now_ms();
	pf_commit_keep(c);
}

/* One attempt with its result; *outcome PF_LOST asks for another one. */
static int attempt(struct pf_commit *c, const struct pf_commit_request *request,
		   struct pf_manifest_out *out, enum pf_outcome *outcome,
		   struct pf_commit_result *result, struct pf_error *err)
{
	struct pf_attempt a = { .c = c, .request = request, .out = out,
			     .started_ms = pf_now_ms() };
	int64_t id = 0;
	for (size_t i = 0; i < c->files.n; i++) {
		a.rows += c->files.items[i].rows;
		a.bytes += c->files.items[i].size;
	}
	*result = (struct pf_commit_result){ .files = (int64_t)c->files.n,
					     .rows = a.rows,
					     .bytes = a.bytes };
	*outcome = PF_LOST;
	int code = try_commit(&a, outcome, &id, err);
	bool has_snapshot = a.base != NULL;
	bool has_map = !request->silent || a.map.snapshot;
	attempt_free(&a);
	if (!code && *outcome == PF_COMMITTED) {
		pf_manifest_out_keep(out);
		finish(c, id, has_map, result);
		return 0;
	}
	if (c->unknown)
		pf_manifest_out_keep(out);
	else
		pf_manifest_out_drop(out);
	if (code || *outcome != PF_LOADED)
		return code;
	*result = (struct pf_commit_result){ .already_loaded = true };
	pf_commit_drop(c);
	/* Whoever made that snapshot may have died before its name was on the
	 * disk; what we call loaded has to stay loaded. */
	return has_snapshot ? pf_store_sync_dir(c->table->store, "snapshot", err) : 0;
}

static int publish(struct pf_commit *c, const struct pf_commit_request *request,
		   struct pf_commit_result *result, struct pf_error *err)
{
	struct pf_manifest_out out;
	enum pf_outcome outcome;
	int code = 0;
	pf_manifest_out_init(&out, c->table, c->schema);
	for (int tries = 0;; tries++) {
		code = attempt(c, request, &out, &outcome, result, err);
		/* Files of the base expired under us: there is a newer one. */
		if ((code == PF_E_NO_FILE || code == PF_E_VANISHED) && tries < 3 &&
		    !c->unknown) {
			code = 0;
			outcome = PF_LOST;
		}
		if (code || outcome != PF_LOST)
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
	struct pf_commit_request r = { .marks = c->pending, .nmarks = c->npending };
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
	struct pf_commit_request r = { .stream = hash };
	return publish(c, &r, result, err);
}

int pf_commit_compact(struct pf_commit *c, struct pf_commit_result *result,
		      struct pf_error *err)
{
	struct pf_commit_request r = { .silent = true };
	return publish(c, &r, result, err);
}
