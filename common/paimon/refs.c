/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/refs.h"

#include <stdlib.h>

#include "base/arena.h"
#include "ext/hash.h"
#include "paimon/internal.h"
#include "paimon/live.h"

struct pf_refs {
	struct pf_arena arena;
	const char **slots;
	size_t n, n_slots;
};

struct pf_refs *pf_refs_new(void)
{
	struct pf_refs *r = pf_zalloc(1, sizeof *r);
	r->n_slots = 1024;
	r->slots = pf_zalloc(r->n_slots, sizeof *r->slots);
	return r;
}

void pf_refs_free(struct pf_refs *r)
{
	if (!r)
		return;
	pf_arena_free(&r->arena);
	free(r->slots);
	free(r);
}

static size_t slot_of(const struct pf_refs *r, const char *name)
{
	size_t mask = r->n_slots - 1, at = pf_xxh3(name, strlen(name)) & mask;
	while (r->slots[at] && strcmp(r->slots[at], name))
		at = (at + 1) & mask;
	return at;
}

bool pf_refs_has(const struct pf_refs *r, const char *name)
{
	return r->slots[slot_of(r, name)] != NULL;
}

size_t pf_refs_count(const struct pf_refs *r)
{
	return r->n;
}

static void grow(struct pf_refs *r)
{
	const char **old = r->slots;
	size_t n = r->n_slots;
	r->n_slots *= 2;
	r->slots = pf_zalloc(r->n_slots, sizeof *r->slots);
	for (size_t i = 0; i < n; i++)
		if (old[i])
			r->slots[slot_of(r, old[i])] = old[i];
	free(old);
}

bool pf_refs_add(struct pf_refs *r, const char *name)
{
	size_t at = slot_of(r, name);
	if (r->slots[at])
		return false;
	r->slots[at] = pf_arena_text(&r->arena, name, strlen(name));
	if (++r->n * 2 > r->n_slots)
		grow(r);
	return true;
}

/* --- of a snapshot --- */

static int read_lists(struct pf_table *t, const struct pf_snapshot *s,
		      struct pf_arena *arena, struct pf_manifests *lists,
		      struct pf_error *err)
{
	PF_TRY(pf_manifest_list_read(t, s->base_list, arena, lists, err));
	PF_TRY(pf_manifest_list_read(t, s->delta_list, arena, lists, err));
	if (s->changelog_list)
		PF_TRY(pf_manifest_list_read(t, s->changelog_list, arena, lists, err));
	return 0;
}

static int add_index_files(struct pf_refs *r, struct pf_table *t,
			   const struct pf_snapshot *s, struct pf_arena *arena,
			   struct pf_error *err)
{
	struct pf_index_entry *entries;
	size_t n;
	if (!s->index_manifest)
		return 0;
	pf_refs_add(r, s->index_manifest);
	PF_TRY(pf_index_manifest_read(t, s->index_manifest, arena, &entries, &n, err));
	for (size_t i = 0; i < n; i++)
		pf_refs_add(r, entries[i].name);
	return 0;
}

int pf_refs_add_metadata(struct pf_refs *r, struct pf_table *table,
			 const struct pf_snapshot *s, struct pf_error *err)
{
	struct pf_arena arena = { 0 };
	struct pf_manifests lists = { 0 };
	int code = read_lists(table, s, &arena, &lists, err);
	for (size_t i = 0; !code && i < lists.n; i++)
		pf_refs_add(r, lists.items[i].name);
	if (!code)
		code = add_index_files(r, table, s, &arena, err);
	pf_refs_add(r, s->base_list);
	pf_refs_add(r, s->delta_list);
	if (s->changelog_list)
		pf_refs_add(r, s->changelog_list);
	if (s->statistics)
		pf_refs_add(r, s->statistics);
	free(lists.items);
	pf_arena_free(&arena);
	return code;
}

struct pf_cached_manifest {
	char *name;
	struct pf_arena arena;
	struct pf_data_files entries;
};

void pf_refs_cache_free(struct pf_refs_cache *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].name);
		free(c->items[i].entries.items);
		pf_arena_free(&c->items[i].arena);
	}
	free(c->items);
	*c = (struct pf_refs_cache){ 0 };
}

/* Append a manifest's entries; newest first, since lists grow at their end. */
static int add_manifest(struct pf_refs_cache *c, struct pf_table *t, const char *name,
			struct pf_data_files *files, struct pf_error *err)
{
	size_t at = c->n;
	while (at && strcmp(c->items[at - 1].name, name))
		at--;
	if (!at) {
		struct pf_cached_manifest m = { 0 };
		int code = pf_manifest_read(t, name, &m.arena, &m.entries, NULL, err);
		if (code) {
			free(m.entries.items);
			pf_arena_free(&m.arena);
			return code;
		}
		m.name = pf_strdup(name);
		c->items = pf_realloc(c->items, c->n + 1, sizeof *c->items);
		c->items[c->n++] = m;
		at = c->n;
	}
	const struct pf_data_files *from = &c->items[at - 1].entries;
	for (size_t i = 0; i < from->n; i++)
		pf_data_files_add(files, &from->items[i]);
	return 0;
}

/* What a list's manifests amount to. */
static int add_lists(struct pf_refs *r, struct pf_refs_cache *c, struct pf_table *t,
		     const char *const *names, size_t n, struct pf_error *err)
{
	struct pf_arena arena = { 0 };
	struct pf_manifests lists = { 0 };
	struct pf_data_files files = { 0 };
	int code = 0;
	for (size_t i = 0; !code && i < n; i++)
		code = pf_manifest_list_read(t, names[i], &arena, &lists, err);
	for (size_t i = 0; !code && i < lists.n; i++)
		code = add_manifest(c, t, lists.items[i].name, &files, err);
	if (!code)
		code = pf_live_files(&files, err);
	for (size_t i = 0; !code && i < files.n; i++) {
		const struct pf_data_file *f = &files.items[i];
		pf_refs_add(r, f->name);
		for (size_t k = 0; k < f->nextra_files; k++)
			pf_refs_add(r, f->extra_files[k]);
	}
	free(files.items);
	free(lists.items);
	pf_arena_free(&arena);
	return code;
}

int pf_refs_add_live(struct pf_refs *r, struct pf_refs_cache *cache,
		     struct pf_table *table, const struct pf_snapshot *s,
		     struct pf_error *err)
{
	const char *data[] = { s->base_list, s->delta_list };
	const char *changelog[] = { s->changelog_list };
	PF_TRY(add_lists(r, cache, table, data, 2, err));
	return s->changelog_list ? add_lists(r, cache, table, changelog, 1, err) : 0;
}
