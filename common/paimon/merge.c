/* SPDX-License-Identifier: Apache-2.0
 *
 * Which manifests are merged when (reference paimon-format.md 4.9).
 */
#include <stdlib.h>

#include "paimon/internal.h"
#include "paimon/live.h"
#include "paimon/manifest_out.h"

/* Everything is merged when so many times a manifest's size could be. */
enum { FULL_TIMES = 2, MIN_COUNT = 30 };

static size_t min_count(const struct pf_table_schema *s)
{
	long n = strtol(pf_table_option(s, "manifest.merge-min-count", "0"), NULL, 10);
	return n > 1 && n < 10000 ? (size_t)n : MIN_COUNT;
}

/* Manifests [from, to) of the list become what their entries amount to; kept
 * as they are when one of them holds what we do not know. */
static int merge_run(struct pf_manifest_out *out, const struct pf_manifests *in,
		     size_t from, size_t to, struct pf_arena *arena,
		     struct pf_manifests *merged, struct pf_error *err)
{
	struct pf_data_files entries = { 0 };
	const char *foreign = NULL;
	int code = 0;
	for (size_t i = from; !code && !foreign && i < to && to - from > 1; i++)
		code = pf_manifest_read(out->table, in->items[i].name, arena, &entries,
					&foreign, err);
	if (!code && (foreign || to - from == 1)) {
		for (size_t i = from; i < to; i++)
			pf_manifests_add(merged, &in->items[i]);
	} else if (!code) {
		pf_live_merge(&entries);
		code = pf_manifest_out_files(out, entries.items, entries.n, arena,
					     merged, err);
	}
	free(entries.items);
	return code;
}

static int merge_minor(struct pf_manifest_out *out, struct pf_manifests *in,
		       struct pf_arena *arena, struct pf_manifests *merged,
		       struct pf_error *err)
{
	size_t from = 0, to = 0;
	int64_t bytes = 0;
	for (; to < in->n; to++) {
		bytes += in->items[to].size;
		if (bytes < out->bytes_limit)
			continue;
		PF_TRY(merge_run(out, in, from, to + 1, arena, merged, err));
		from = to + 1;
		bytes = 0;
	}
	if (to - from >= min_count(out->schema))
		return merge_run(out, in, from, to, arena, merged, err);
	for (; from < to; from++)
		pf_manifests_add(merged, &in->items[from]);
	return 0;
}

/* Everything small or with deletions is rewritten, and large manifests only if
 * a deletion names one of their files. Simple and rare: all are read. */
static int merge_full(struct pf_manifest_out *out, struct pf_manifests *in,
		      struct pf_arena *arena, struct pf_manifests *merged,
		      struct pf_error *err)
{
	struct pf_data_files entries = { 0 };
	const char *foreign = NULL;
	int64_t deletions = 0;
	int code = 0;
	for (size_t i = 0; i < in->n; i++)
		deletions += in->items[i].deleted;
	for (size_t i = 0; !code && !foreign && i < in->n; i++) {
		struct pf_manifest *m = &in->items[i];
		if (!deletions && m->size >= out->bytes_limit)
			pf_manifests_add(merged, m);
		else
			code = pf_manifest_read(out->table, m->name, arena, &entries,
						&foreign, err);
	}
	if (!code && foreign) {
		merged->n = 0;
		for (size_t i = 0; i < in->n; i++)
			pf_manifests_add(merged, &in->items[i]);
	} else if (!code) {
		code = pf_live_files(&entries, err);
		if (!code)
			code = pf_manifest_out_files(out, entries.items, entries.n,
						     arena, merged, err);
	}
	free(entries.items);
	return code;
}

int pf_manifest_out_merge(struct pf_manifest_out *out, struct pf_manifests *list,
			  struct pf_arena *arena, struct pf_error *err)
{
	struct pf_manifests merged = { 0 };
	int64_t small = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct pf_manifest *m = &list->items[i];
		if (m->foreign)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "the manifest list says '%s', which is not known here: committing would lose it",
				       m->foreign);
		if (m->deleted > 0 || m->size < out->bytes_limit)
			small += m->size;
	}
	int code = small >= FULL_TIMES * out->bytes_limit
			   ? merge_full(out, list, arena, &merged, err)
			   : merge_minor(out, list, arena, &merged, err);
	if (code) {
		free(merged.items);
		return code;
	}
	free(list->items);
	*list = merged;
	return 0;
}
