/* SPDX-License-Identifier: Apache-2.0 */
#include "load/versions.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "load/heads.h"

struct pf_versions_plan {
	struct pf_schema *schema; /* of files */
	int *keys, *sequence;     /* columns of rows */
	size_t nkeys, nsequence;
	int kind;                 /* column of rows, -1: all are inserted */
	int *from;                /* column of files -> of rows; -1: made here */
};

static int find(const struct pf_schema *rows, const char *name, int *at,
		struct pf_error *err)
{
	*at = pf_schema_find(rows, name);
	return *at >= 0 ? 0 : pf_fail(err, PF_E_UNKNOWN_COLUMN,
				      "the rows have no column '%s'", name);
}

static void add(struct pf_versions_plan *p, const struct pf_field *f, const char *prefix,
		int32_t id, int from)
{
	char *name = pf_asprintf("%s%s", prefix, f->name);
	pf_schema_add(p->schema, name, f->type, *prefix ? false : f->nullable)->id = id;
	free(name);
	p->from[p->schema->n - 1] = from;
}

static int make(struct pf_versions_plan *p, const struct pf_schema *rows,
		const struct pf_layout *l, struct pf_error *err)
{
	p->keys = pf_alloc(l->nkey + 1, sizeof *p->keys);
	p->sequence = pf_alloc(l->nsequence + 1, sizeof *p->sequence);
	p->from = pf_alloc(rows->n + l->nkey + 2, sizeof *p->from);
	p->schema = pf_schema_new();
	p->kind = pf_schema_find(rows, PF_KIND_COLUMN);
	for (size_t i = 0; i < l->nkey; i++) {
		PF_TRY(find(rows, l->key[i], &p->keys[p->nkeys++], err));
		const struct pf_field *f = &rows->fields[p->keys[i]];
		add(p, f, "_KEY_", f->id < 0 ? -1 : f->id + PF_KEY_ID_BASE, p->keys[i]);
	}
	for (size_t i = 0; i < l->nsequence; i++)
		PF_TRY(find(rows, l->sequence[i], &p->sequence[p->nsequence++], err));
	pf_schema_add(p->schema, PF_SEQUENCE_COLUMN,
		      (struct pf_type){ .kind = PF_BIGINT }, false)->id = PF_SEQUENCE_ID;
	p->from[p->schema->n - 1] = -1;
	pf_schema_add(p->schema, PF_KIND_COLUMN,
		      (struct pf_type){ .kind = PF_TINYINT }, false)->id = PF_KIND_ID;
	p->from[p->schema->n - 1] = -1;
	for (size_t i = 0; i < rows->n; i++)
		if ((int)i != p->kind)
			add(p, &rows->fields[i], "", rows->fields[i].id, (int)i);
	return 0;
}

int pf_versions_plan_new(const struct pf_schema *rows, const struct pf_layout *layout,
			 struct pf_versions_plan **plan, struct pf_error *err)
{
	*plan = NULL;
	struct pf_versions_plan *p = pf_zalloc(1, sizeof *p);
	int code = make(p, rows, layout, err);
	if (code) {
		pf_versions_plan_free(p);
		return code;
	}
	*plan = p;
	return 0;
}

void pf_versions_plan_free(struct pf_versions_plan *p)
{
	if (!p)
		return;
	pf_schema_unref(p->schema);
	free(p->keys);
	free(p->sequence);
	free(p->from);
	free(p);
}

const struct pf_schema *pf_versions_schema(const struct pf_versions_plan *p)
{
	return p->schema;
}

const int *pf_versions_keys(const struct pf_versions_plan *p, size_t *n)
{
	*n = p->nkeys;
	return p->keys;
}

int pf_versions_column(const struct pf_versions_plan *p, int column)
{
	for (size_t i = p->nkeys; i < p->schema->n; i++)
		if (p->from[i] == column)
			return (int)i;
	return -1;
}

/* --- the newest version --- */

/* Of n sorted rows, with which of them does another key begin? The caller frees
 * the answer. */
static bool *find_keys(const struct pf_versions_plan *p, const struct pf_batch *b,
		       const uint32_t *order, size_t n)
{
	uint64_t *heads = pf_alloc((size_t)b->rows + 1, sizeof *heads);
	bool *begins = pf_alloc(n + 1, sizeof *begins);
	size_t whole = pf_heads_set(b->schema, p->keys, p->nkeys, b, heads);
	begins[0] = true;
	for (size_t i = 1; i < n; i++)
		begins[i] = heads[order[i]] != heads[order[i - 1]];
	for (size_t i = 1; i < n && whole < p->nkeys; i++)
		begins[i] = begins[i] ||
			    pf_heads_cmp(b->schema, p->keys + whole, p->nkeys - whole, b,
					 order[i], b, order[i - 1]);
	free(heads);
	return begins;
}

/* Does the sequence say that x is newer than y, which came later? */
static bool is_newer(const struct pf_versions_plan *p, const struct pf_batch *b,
		     uint32_t x, uint32_t y, bool descends)
{
	for (size_t i = 0; i < p->nsequence; i++) {
		int s = p->sequence[i];
		const struct pf_column *c = &b->columns[s];
		bool no_x = pf_is_null(c, x), no_y = pf_is_null(c, y);
		if (no_x || no_y) {
			if (no_x != no_y)
				return no_y;
			continue;
		}
		int order = pf_key_cmp(b->schema->fields[s].type.kind, c, x, c, y);
		if (order)
			return descends ? order < 0 : order > 0;
	}
	return false;
}

size_t pf_versions_newest(const struct pf_versions_plan *p, const struct pf_batch *rows,
			  uint32_t *order, size_t n, bool descends)
{
	bool *begins = find_keys(p, rows, order, n);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t row = order[i];
		if (begins[i])
			order[kept++] = row;
		else if (!is_newer(p, rows, order[kept - 1], row, descends))
			order[kept - 1] = row;
	}
	free(begins);
	return kept;
}

struct version_order {
	const struct pf_versions_plan *plan;
	const struct pf_batch *rows;
	bool descends;
};

static int compare_versions(const void *a, const void *b, void *ctx)
{
	const struct version_order *o = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	if (is_newer(o->plan, o->rows, x, y, o->descends))
		return 1;
	if (is_newer(o->plan, o->rows, y, x, o->descends))
		return -1;
	return x < y ? -1 : x > y; /* as they came */
}

void pf_versions_sort(const struct pf_versions_plan *p, const struct pf_batch *rows,
		      uint32_t *order, size_t n, bool descends)
{
	struct version_order o = { p, rows, descends };
	if (!p->nsequence)
		return;
	bool *begins = find_keys(p, rows, order, n);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && !begins[to];)
			to++;
		if (to - from > 1)
			qsort_r(order + from, to - from, sizeof *order, compare_versions, &o);
	}
	free(begins);
}

/* --- columns --- */

struct pf_batch pf_versions_batch(const struct pf_versions_plan *p,
				  const struct pf_batch *rows,
				  struct pf_versions_room *room)
{
	size_t n = (size_t)rows->rows;
	if (!room->columns)
		room->columns = pf_zalloc(p->schema->n, sizeof *room->columns);
	if (n > room->cap) {
		free(room->numbers);
		free(room->kinds);
		room->numbers = pf_alloc(n, sizeof *room->numbers);
		room->kinds = pf_zalloc(n, sizeof *room->kinds);
		room->cap = n;
		for (size_t i = 0; i < n; i++)
			room->numbers[i] = (int64_t)i;
	}
	for (size_t i = 0; i < p->schema->n; i++)
		if (p->from[i] >= 0)
			room->columns[i] = rows->columns[p->from[i]];
	room->columns[p->nkeys] = (struct pf_column){ .values = room->numbers };
	room->columns[p->nkeys + 1] = p->kind >= 0 ? rows->columns[p->kind] :
				      (struct pf_column){ .values = room->kinds };
	return (struct pf_batch){ .schema = p->schema, .rows = rows->rows,
				  .columns = room->columns };
}

void pf_versions_room_free(struct pf_versions_room *room)
{
	free(room->columns);
	free(room->numbers);
	free(room->kinds);
	*room = (struct pf_versions_room){ 0 };
}
