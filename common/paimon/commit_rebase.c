/* SPDX-License-Identifier: Apache-2.0
 *
 * Another writer has written to a bucket since the numbers of our rows were given
 * out: they move behind its rows, as if we had begun after it. The files have been
 * written already; they are written once more, under other names.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "paimon/commit_internal.h"
#include "paimon/internal.h"
#include "parquet/reader.h"
#include "parquet/shift.h"

enum { MOST_BYTES = 1 << 30 }; /* segments are far smaller */

/* Where a file of ours lies; the index into what was written. */
static size_t find_written(const struct pf_commit *c, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < c->nwritten; i++) {
		size_t n = strlen(c->written[i]);
		if (n > len && c->written[i][n - len - 1] == '/' &&
		    !strcmp(c->written[i] + n - len, name))
			return i;
	}
	return c->nwritten;
}

static int move_bytes(const struct pf_commit *c, struct pf_buf *bytes, int64_t by,
		      struct pf_error *err)
{
	const struct pf_view all = pf_view_of(bytes->data, bytes->len);
	struct pf_random_source source = pf_random_view(&all, "segment");
	struct pf_parquet_file *file;
	PF_TRY(pf_parquet_open(&source, &file, err));
	int code = pf_parquet_shift(file, bytes->data, bytes->len, c->schema->layout.nkey, by,
				    err);
	pf_parquet_close(file);
	return code;
}

static int write_again(struct pf_commit *c, struct pf_data_file *f, const char *prefix,
		       int64_t by, struct pf_error *err)
{
	struct pf_store *store = pf_table_store(c->table);
	struct pf_buf bytes = { 0 };
	char name[80];
	size_t at = find_written(c, f->name);
	if (at == c->nwritten)
		return pf_fail(err, PF_E_INTERNAL, "file '%s' was not written", f->name);
	PF_TRY(pf_store_read(store, c->written[at], MOST_BYTES, &bytes, err));
	int code = move_bytes(c, &bytes, by, err);
	snprintf(name, sizeof name, "%s-%s-%" PRId64 ".parquet", prefix, c->uuid,
		 c->next_file++);
	char *path = pf_asprintf("%.*s%s", (int)(strlen(c->written[at]) - strlen(f->name)),
				 c->written[at], name);
	if (!code)
		code = pf_commit_write(c, path, pf_view_of(bytes.data, bytes.len), err);
	if (!code) {
		pf_store_delete(store, c->written[at], NULL);
		f->name = pf_arena_text(&c->arena, name, strlen(name));
		f->min_sequence += by;
		f->max_sequence += by;
	}
	pf_buf_free(&bytes);
	free(path);
	return code;
}

/* By how much the numbers of a bucket's files have to move: 0 mostly. */
static int64_t behind(struct pf_commit *c, const struct pf_data_file *f)
{
	int64_t least = f->min_sequence, used = pf_cells_highest(c->cells, f);
	for (size_t i = 0; i < c->files.n; i++)
		if (pf_same_bucket(&c->files.items[i], f) &&
		    c->files.items[i].min_sequence < least)
			least = c->files.items[i].min_sequence;
	return least > used ? 0 : used + 1 - least;
}

static int move_bucket(struct pf_commit *c, struct pf_data_file of, struct pf_error *err)
{
	int64_t by = behind(c, &of);
	for (size_t i = 0; i < c->files.n && by; i++)
		if (pf_same_bucket(&c->files.items[i], &of))
			PF_TRY(write_again(c, &c->files.items[i], "data", by, err));
	for (size_t i = 0; i < c->changelogs.n && by; i++)
		if (pf_same_bucket(&c->changelogs.items[i], &of))
			PF_TRY(write_again(c, &c->changelogs.items[i], "changelog", by, err));
	return 0;
}

int pf_commit_renumber(struct pf_commit *c, struct pf_error *err)
{
	bool any = false;
	for (size_t i = 0; i < c->files.n && !any; i++)
		any = behind(c, &c->files.items[i]) > 0;
	if (!any)
		return 0;
	/* Their bytes are read back. */
	PF_TRY(pf_commit_sync(c, err));
	for (size_t i = 0; i < c->files.n; i++)
		PF_TRY(move_bucket(c, c->files.items[i], err));
	/* Directories with new names. */
	return pf_commit_sync(c, err);
}
