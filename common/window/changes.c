/* SPDX-License-Identifier: Apache-2.0 */
#include "window/changes.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "query/keyset.h"

/* --- inputs by name --- */

/* A file with a deletion vector is another input than the same one without it
 * or with another: its rows have to be read anew. */
static char *input_name(const struct pf_data_file *f)
{
	const char *name = strrchr(f->path, '/');
	name = name ? name + 1 : f->path;
	if (!f->deletion.path)
		return pf_strdup(name);
	const char *index = strrchr(f->deletion.path, '/');
	return pf_asprintf("%s?without=%s:%lld", name,
			   index ? index + 1 : f->deletion.path,
			   (long long)f->deletion.offset);
}

/* A copied table has files of the same names. */
static char *input_key(size_t table, const char *dir, const char *name)
{
	return table ? pf_asprintf("%zu//%s/%s", table, dir, name) :
		       pf_asprintf("%s/%s", dir, name);
}

static uint32_t find_input(const struct pf_changes *c, const struct pf_data_file *f)
{
	char *name = input_name(f), *key = input_key(c->table, f->dir, name);
	uint32_t at = pf_keyset_find(c->names, key, strlen(key));
	free(key);
	free(name);
	return at;
}

static void name_inputs(struct pf_changes *c, const struct pf_state *s)
{
	c->names = pf_keyset_new();
	for (size_t i = 0; i < s->ninputs; i++) {
		const struct pf_state_input *in = &s->inputs[i];
		bool is_new;
		char *key = input_key(in->table, in->dir, in->name);
		pf_keyset_put(c->names, key, strlen(key), &is_new);
		free(key);
	}
}

static size_t make_input(struct pf_changes *c, struct pf_state *s,
			 const struct pf_data_file *f)
{
	bool is_new;
	char *name = input_name(f), *key = input_key(c->table, f->dir, name);
	uint32_t i = pf_keyset_put(c->names, key, strlen(key), &is_new);
	if (is_new) {
		const struct pf_state_input in = { .table = c->table, .dir = f->dir, .name = name,
						   .bucket = f->bucket, .rows = f->rows,
						   .bytes = f->size, .live = true };
		pf_state_add_input(s, &in);
		c->is_new = pf_realloc(c->is_new, s->ninputs, sizeof *c->is_new);
		c->is_new[i] = false;
	}
	s->inputs[i].live = true;
	free(key);
	free(name);
	return i;
}

static void add_file(struct pf_changes *c, struct pf_state *s, const struct pf_data_file *f)
{
	size_t i = make_input(c, s, f);
	pf_ids_free(&s->inputs[i].covers);
	c->is_new[i] = true;
	c->added = pf_realloc(c->added, c->nadded + 1, sizeof *c->added);
	c->added[c->nadded++] = (struct pf_added){ f, i };
}

/* A file that had to be read need not be. */
static void forget_added(struct pf_changes *c, size_t input)
{
	for (size_t i = 0; i < c->nadded; i++)
		if (c->added[i].input == input) {
			c->added[i] = c->added[--c->nadded];
			break;
		}
	c->is_new[input] = false;
}

/* An input and all that it was made of: what had to be read of that need not
 * be, what had been read is gone. */
static void add_gone(struct pf_changes *c, const struct pf_state *s, size_t input)
{
	size_t at = c->gone.n;
	pf_ids_add(&c->gone, (int64_t)input);
	for (; at < c->gone.n; at++) {
		const struct pf_ids *covers = &s->inputs[c->gone.items[at]].covers;
		if (c->is_new[c->gone.items[at]])
			forget_added(c, (size_t)c->gone.items[at]);
		for (size_t k = 0; k < covers->n; k++)
			pf_ids_add(&c->gone, covers->items[k]);
	}
}

static void remove_file(struct pf_changes *c, struct pf_state *s, size_t input)
{
	s->inputs[input].live = false;
	c->removed++;
	if (c->is_new[input])
		forget_added(c, input);
	else
		add_gone(c, s, input);
}

static bool is_mixed(const struct pf_changes *c, size_t input)
{
	for (size_t k = 0; k < c->nmixed; k++)
		if (c->mixed[k] == input)
			return true;
	return false;
}

/* --- walking --- */

static bool same_cell(const struct pf_data_file *a, const struct pf_data_file *b)
{
	return a->bucket == b->bucket && !strcmp(a->dir, b->dir);
}

/* Files of a compaction: what it deleted in a bucket is what it added there.
 * One that also has rows which are still to be read is remembered: its old
 * rows cannot be told from the new ones when it is read itself. */
static int take_compaction(struct pf_changes *c, struct pf_state *s,
			   const struct pf_file_list *d, struct pf_error *err)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct pf_data_file *f = &d->files[i];
		bool mixed = false, any = false;
		if (f->kind)
			continue;
		size_t to = make_input(c, s, f);
		for (size_t k = 0; k < d->n; k++) {
			if (!d->files[k].kind || !same_cell(f, &d->files[k]))
				continue;
			uint32_t from = find_input(c, &d->files[k]);
			if (from == UINT32_MAX)
				return PF_E_VANISHED;
			any = true;
			mixed = mixed || c->is_new[from] || is_mixed(c, from);
			pf_ids_add(&s->inputs[to].covers, (int64_t)from);
		}
		pf_ids_sort(&s->inputs[to].covers);
		c->renamed++;
		if (!any) /* nothing went: rows that nobody knows */
			return pf_fail(err, PF_E_VANISHED, "a compaction that adds rows");
		if (mixed) {
			c->mixed = pf_realloc(c->mixed, c->nmixed + 1, sizeof *c->mixed);
			c->mixed[c->nmixed++] = to;
		}
	}
	for (size_t i = 0; i < d->n; i++)
		if (d->files[i].kind) {
			uint32_t from = find_input(c, &d->files[i]);
			if (from == UINT32_MAX)
				return PF_E_VANISHED;
			s->inputs[from].live = false;
		}
	return 0;
}

static int take_delta(struct pf_changes *c, struct pf_state *s,
		      const struct pf_snapshot *snapshot, const struct pf_file_list *d,
		      struct pf_error *err)
{
	if (!strcmp(snapshot->kind, "COMPACT"))
		return take_compaction(c, s, d, err);
	for (size_t i = 0; i < d->n; i++)
		if (d->files[i].kind) {
			uint32_t at = find_input(c, &d->files[i]);
			if (at == UINT32_MAX)
				return PF_E_VANISHED;
			remove_file(c, s, at);
		}
	for (size_t i = 0; i < d->n; i++)
		if (!d->files[i].kind)
			add_file(c, s, &d->files[i]);
	return 0;
}

/* One snapshot after the other. PF_E_VANISHED: the way is broken. */
static int walk(struct pf_changes *c, struct pf_state *s, struct pf_table *table,
		const struct pf_snapshot *to, struct pf_error *err)
{
	const struct pf_state_table *from = &s->tables[c->table];
	struct pf_snapshot *at;
	int code = pf_snapshot_read(table, from->snapshot, &at, err);
	if (code)
		return code == PF_E_NO_FILE ? PF_E_VANISHED : code;
	bool same = !strcmp(at->delta_list, from->snapshot_list) &&
		    at->time_ms == from->snapshot_ms && pf_snapshot_same_index(at, to);
	pf_snapshot_free(at);
	if (!same || to->id < from->snapshot)
		return PF_E_VANISHED;
	c->deltas = pf_zalloc((size_t)(to->id - from->snapshot) + 1, sizeof *c->deltas);
	for (int64_t id = from->snapshot + 1; id <= to->id; id++) {
		struct pf_file_list *d = &c->deltas[c->ndeltas];
		code = pf_snapshot_read(table, id, &at, err);
		if (code)
			return code == PF_E_NO_FILE ? PF_E_VANISHED : code;
		code = pf_scan_delta(table, at, d, err);
		if (!code) {
			c->ndeltas++;
			c->snapshots++;
			code = take_delta(c, s, at, d, err);
		}
		pf_snapshot_free(at);
		if (code)
			return code == PF_E_NO_FILE ? PF_E_VANISHED : code;
	}
	return 0;
}

/* --- comparing --- */

static int compare(struct pf_changes *c, struct pf_state *s, struct pf_table *table,
		   const struct pf_snapshot *snapshot, struct pf_error *err)
{
	size_t known = s->ninputs;
	for (size_t i = 0; i < known; i++)
		c->compared = c->compared || s->inputs[i].table == c->table;
	PF_TRY(pf_changes_list(c, table, snapshot, err));
	bool *seen = pf_zalloc(s->ninputs + 1, sizeof *seen);
	for (size_t i = 0; i < c->live.n; i++) {
		uint32_t at = find_input(c, &c->live.files[i]);
		if (at < known && s->inputs[at].live)
			seen[at] = true;
	}
	for (size_t i = 0; i < known; i++)
		if (s->inputs[i].table == c->table && s->inputs[i].live && !seen[i])
			remove_file(c, s, i);
	for (size_t i = 0; i < c->live.n; i++) {
		uint32_t at = find_input(c, &c->live.files[i]);
		if (at >= known || !seen[at])
			add_file(c, s, &c->live.files[i]);
	}
	free(seen);
	return 0;
}

/* Files whose old rows must be read again although they have new ones, too:
 * all of them is new then, and what they were made of is gone. */
static int resolve_mixed(struct pf_changes *c, struct pf_state *s, struct pf_table *table,
			 const struct pf_snapshot *snapshot, struct pf_error *err)
{
	PF_TRY(pf_changes_list(c, table, snapshot, err));
	for (size_t i = 0; i < c->live.n; i++) {
		uint32_t at = find_input(c, &c->live.files[i]);
		if (!is_mixed(c, at))
			continue;
		add_gone(c, s, at);
		add_file(c, s, &c->live.files[i]);
	}
	return 0;
}

/* Directories of which nothing is left: their partition was dropped. */
static void keep_dropped(struct pf_changes *c, const struct pf_state *s)
{
	struct pf_keyset *dirs = pf_keyset_new();
	size_t n = 0;
	bool is_new;
	for (size_t i = 0; i < s->ninputs; i++) {
		const char *d = s->inputs[i].dir, *end = strrchr(d, '/');
		if (s->inputs[i].table == c->table && s->inputs[i].live)
			pf_keyset_put(dirs, d, end ? (size_t)(end - d) : 0, &is_new);
	}
	for (size_t i = 0; i < c->gone.n; i++) {
		const char *d = s->inputs[c->gone.items[i]].dir, *end = strrchr(d, '/');
		if (pf_keyset_find(dirs, d, end ? (size_t)(end - d) : 0) != UINT32_MAX)
			c->gone.items[n++] = c->gone.items[i];
	}
	c->gone.n = n;
	pf_keyset_free(dirs);
}

/* --- both --- */

/* Everything as it was before a walk that failed. */
static void start_over(struct pf_changes *c, struct pf_state *s, size_t ninputs,
		       const bool *live)
{
	for (size_t i = ninputs; i < s->ninputs; i++) {
		free(s->inputs[i].dir);
		free(s->inputs[i].name);
		pf_ids_free(&s->inputs[i].covers);
	}
	s->ninputs = ninputs;
	for (size_t i = 0; i < ninputs; i++)
		s->inputs[i].live = live[i];
	size_t table = c->table;
	pf_changes_free(c);
	c->table = table;
	name_inputs(c, s);
	c->is_new = pf_zalloc(s->ninputs + 1, sizeof *c->is_new);
}

int pf_changes_find(struct pf_changes *c, struct pf_state *s, size_t at, struct pf_table *table,
		    const struct pf_snapshot *snapshot, const struct pf_changes_how *how,
		    struct pf_error *err)
{
	size_t before = s->ninputs;
	bool *live = pf_zalloc(before + 1, sizeof *live);
	*c = (struct pf_changes){ .table = at };
	for (size_t i = 0; i < before; i++)
		live[i] = s->inputs[i].live;
	name_inputs(c, s);
	c->is_new = pf_zalloc(before + 1, sizeof *c->is_new);
	int code = PF_E_VANISHED;
	if (s->tables[at].snapshot && snapshot)
		code = walk(c, s, table, snapshot, err);
	if (code == PF_E_VANISHED) {
		start_over(c, s, before, live);
		code = compare(c, s, table, snapshot, err);
	}
	if (!code && c->nmixed && (c->gone.n || how->back))
		code = resolve_mixed(c, s, table, snapshot, err);
	if (!code) {
		pf_ids_sort(&c->gone);
		if (how->keep_dropped)
			keep_dropped(c, s);
	}
	free(live);
	if (code)
		pf_changes_free(c);
	return code;
}

int pf_changes_list(struct pf_changes *c, struct pf_table *table,
		    const struct pf_snapshot *snapshot, struct pf_error *err)
{
	if (c->listed)
		return 0;
	const struct pf_scan_filter read = { .use = PF_SCAN_READ };
	PF_TRY(pf_scan_files(table, snapshot, &read, &c->live, err));
	c->listed = true;
	return 0;
}

bool pf_changes_is_old(const struct pf_changes *c, const struct pf_state *s,
		       const struct pf_data_file *file, size_t *input)
{
	uint32_t at = find_input(c, file);
	*input = at;
	return at != UINT32_MAX && s->inputs[at].live && !c->is_new[at];
}

void pf_changes_free(struct pf_changes *c)
{
	free(c->added);
	free(c->is_new);
	free(c->mixed);
	pf_ids_free(&c->gone);
	if (c->listed)
		pf_file_list_free(&c->live);
	for (size_t i = 0; i < c->ndeltas; i++)
		pf_file_list_free(&c->deltas[i]);
	free(c->deltas);
	pf_keyset_free(c->names);
	*c = (struct pf_changes){ 0 };
}
