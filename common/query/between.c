/* SPDX-License-Identifier: Apache-2.0 */
#include "query/between.h"

#include <stdlib.h>

#include "base/alloc.h"

bool pf_between_same(const struct pf_data_file *a, const struct pf_data_file *b)
{
	if (strcmp(a->path, b->path) != 0)
		return false;
	if (!a->deletion.path || !b->deletion.path)
		return !a->deletion.path && !b->deletion.path;
	return !strcmp(a->deletion.path, b->deletion.path) &&
	       a->deletion.offset == b->deletion.offset;
}

/* Do compactions change what is seen? */
static bool compactions_show(const struct pf_table_schema *s, const struct pf_rules *rules)
{
	return rules && (rules->compacted_only ||
			 pf_meta_get(&s->options, "record-level.expire-time"));
}

/* Is a snapshot that a tag keeps still the table's own of that number? */
static int is_there(struct pf_table *table, const struct pf_snapshot *s, bool *there,
		    struct pf_error *err)
{
	struct pf_snapshot *now;
	int code = pf_snapshot_read(table, s->id, &now, err);
	*there = !code && !strcmp(now->delta_list, s->delta_list);
	pf_snapshot_free(now);
	return code == PF_E_NO_FILE ? 0 : code;
}

static int take_delta(struct pf_between *b, struct pf_table *table,
		      const struct pf_snapshot *s, struct pf_error *err)
{
	if (!strcmp(s->kind, "COMPACT"))
		return 0;
	b->deltas = pf_realloc(b->deltas, b->ndeltas + 1, sizeof *b->deltas);
	struct pf_file_list *d = &b->deltas[b->ndeltas];
	PF_TRY(pf_scan_delta(table, s, d, err));
	b->ndeltas++;
	for (size_t i = 0; i < d->n; i++)
		b->appended = b->appended && !d->files[i].kind;
	return 0;
}

/* One snapshot after the other; b->walked says whether all were there. */
static int walk(struct pf_between *b, struct pf_table *table,
		const struct pf_snapshot *before, const struct pf_snapshot *after,
		struct pf_error *err)
{
	int64_t first = before ? before->id : 0;
	bool there = true;
	if (before)
		PF_TRY(is_there(table, before, &there, err));
	if (there)
		PF_TRY(is_there(table, after, &there, err));
	if (!there)
		return 0;
	b->appended = true;
	for (int64_t id = first + 1; id <= after->id; id++) {
		struct pf_snapshot *s;
		int code = pf_snapshot_read(table, id, &s, err);
		/* Vectors come and go without a file in any delta. */
		bool same = !code && (before ? pf_snapshot_same_index(before, s) : !s->index_manifest);
		if (same)
			code = take_delta(b, table, s, err);
		pf_snapshot_free(s);
		if (code == PF_E_NO_FILE || code == PF_E_VANISHED)
			return 0;
		PF_TRY(code);
		if (!same)
			return 0;
		b->snapshots++;
	}
	b->walked = true;
	return 0;
}

int pf_between_find(struct pf_table *table, const struct pf_rules *rules,
		    const struct pf_snapshot *before, const struct pf_snapshot *after,
		    struct pf_between *b, struct pf_error *err)
{
	const struct pf_scan_filter read = { .use = PF_SCAN_READ };
	*b = (struct pf_between){ 0 };
	if (!after)
		return 0;
	int code = pf_scan_files(table, before, &read, &b->files[PF_BEFORE], err);
	if (!code)
		code = pf_scan_files(table, after, &read, &b->files[PF_AFTER], err);
	if (!code && !compactions_show(pf_table_schema(table), rules))
		code = walk(b, table, before, after, err);
	if (code)
		pf_between_free(b);
	return code;
}

void pf_between_free(struct pf_between *b)
{
	pf_file_list_free(&b->files[PF_BEFORE]);
	pf_file_list_free(&b->files[PF_AFTER]);
	for (size_t i = 0; i < b->ndeltas; i++)
		pf_file_list_free(&b->deltas[i]);
	free(b->deltas);
	*b = (struct pf_between){ 0 };
}
