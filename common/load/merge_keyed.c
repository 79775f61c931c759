/* SPDX-License-Identifier: Apache-2.0 */
#include "load/merge_keyed.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "keyed/fold.h"

/* What a file takes to be read at the least: a page of each kind, as stored and
 * unpacked, and dictionaries; a small file takes less. */
enum {
	FILE_BYTES = 2 << 20,
	LEAST_FILE_BYTES = 128 << 10,
	UNPACKED = 8, /* bytes of rows per byte of a small file, at the worst */
};

struct pf_keyed_merge {
	const struct pf_rules *rules;
	struct pf_schema *versions;
	bool keep_deletes, ended;
	struct pf_runs *runs;
	struct pf_merge *merge; /* theirs; NULL: not begun */
	struct pf_keyed_fold *fold; /* NULL: the newest version is the row */
};

size_t pf_keyed_run_bytes(const struct pf_sorted_run *files)
{
	int64_t largest = 0;
	for (size_t i = 0; i < files->n; i++)
		if (files->files[i]->size > largest)
			largest = files->files[i]->size;
	int64_t bytes = largest < FILE_BYTES ? UNPACKED * largest : FILE_BYTES;
	bytes = bytes < FILE_BYTES ? bytes : FILE_BYTES;
	return bytes < LEAST_FILE_BYTES ? LEAST_FILE_BYTES : (size_t)bytes;
}

/* Is a row what its newest version is? */
static bool newest_is_row(const struct pf_rules *r)
{
	return r->engine == PF_DEDUPLICATE && !r->ignore_delete;
}

int pf_keyed_merge_new(const struct pf_rules *rules, struct pf_schema *versions,
		       const struct pf_keyed_merge_options *options,
		       struct pf_keyed_merge **merge, struct pf_error *err)
{
	struct pf_keyed_merge *m = pf_zalloc(1, sizeof *m);
	int *keys = pf_alloc(rules->nkeys + 1, sizeof *keys);
	for (size_t i = 0; i < rules->nkeys; i++)
		keys[i] = pf_schema_find(versions, rules->keys[i]);
	m->rules = rules;
	m->versions = pf_schema_ref(versions);
	m->keep_deletes = options->keep_deletes;
	m->runs = pf_runs_new(versions, keys, rules->nkeys, options->memory_bytes,
			      options->tmp_dir);
	free(keys);
	int code = newest_is_row(rules) ? 0 :
		   pf_keyed_fold_new(rules, versions, m->keep_deletes, &m->fold, err);
	if (code)
		pf_keyed_merge_free(m);
	else
		*merge = m;
	return code;
}

void pf_keyed_merge_free(struct pf_keyed_merge *m)
{
	if (!m)
		return;
	pf_keyed_fold_free(m->fold);
	pf_runs_free(m->runs);
	pf_schema_unref(m->versions);
	free(m);
}

void pf_keyed_merge_add(struct pf_keyed_merge *m, const struct pf_run *run)
{
	pf_runs_add(m->runs, run);
}

static int begin(struct pf_keyed_merge *m, struct pf_error *err)
{
	const struct pf_rules *r = m->rules;
	PF_TRY(pf_runs_merge(m->runs, &m->merge, err));
	if (m->fold)
		return 0;
	int *sequence = pf_alloc(r->nsequence + 1, sizeof *sequence);
	for (size_t i = 0; i < r->nsequence; i++)
		sequence[i] = pf_schema_find(m->versions, r->sequence[i]);
	const struct pf_merge_newest how = {
		.sequence = sequence,
		.n_sequence = r->nsequence,
		.descends = r->sequence_descends,
		.number = pf_schema_find(m->versions, PF_SEQUENCE_COLUMN),
		.kind = pf_schema_find(m->versions, PF_KIND_COLUMN),
		.keep_deletes = m->keep_deletes,
	};
	pf_merge_keep_newest(m->merge, &how);
	free(sequence);
	return 0;
}

int pf_keyed_merge_next(struct pf_keyed_merge *m, struct pf_batch *batch,
			struct pf_error *err)
{
	struct pf_batch in;
	if (!m->merge)
		PF_TRY(begin(m, err));
	if (!m->fold)
		return pf_merge_next(m->merge, batch, err);
	for (batch->rows = 0; !batch->rows && !m->ended;) {
		PF_TRY(pf_merge_next(m->merge, &in, err));
		m->ended = !in.rows;
		PF_TRY(pf_keyed_fold_add(m->fold, &in, m->ended, batch, err));
	}
	return 0;
}
