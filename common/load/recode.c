/* SPDX-License-Identifier: Apache-2.0 */
#include "load/recode.h"

#include <stdlib.h>

#include "arrow/layout.h"
#include "base/alloc.h"
#include "parquet/bloom_add.h"
#include "parquet/writer.h"

/* Columns are those of the file, all of them: positions are ordinals. */
struct recode {
	struct pf_parquet_file *f;
	struct pf_schema *schema;
	int *ordinals, *blooms, *sorted;
	size_t n_blooms, n_sorted;
};

static int all_columns(struct recode *r, struct pf_error *err)
{
	for (size_t i = 0; i < pf_parquet_columns(r->f); i++) {
		const struct pf_parquet_column *c = pf_parquet_column(r->f, i);
		if (c->refused)
			return pf_fail(err, PF_E_UNSUPPORTED,
				       "a bitmap asks for a file without DELTA encodings, and column '%s' cannot be written anew: %s",
				       c->name, c->refused);
		if (pf_parquet_bloom_complete(r->f, i) && !pf_parquet_bloom_refused(r->f, i))
			r->blooms[r->n_blooms++] = (int)i;
	}
	return 0;
}

static bool is_ours(const struct pf_parquet_file *f)
{
	return !strncmp(pf_parquet_created_by(f), "pf-", 3);
}

/* What all row groups say, if that is a claim about the file: one of several
 * row groups is only ours. */
static void sorting(struct recode *r)
{
	size_t groups = pf_parquet_groups(r->f), most = pf_parquet_columns(r->f);
	if (!groups || (groups > 1 && !is_ours(r->f)))
		return;
	for (size_t g = 0; g < groups; g++) {
		size_t n, same = 0;
		const struct pf_parquet_sorting *by = pf_parquet_group_sorting(r->f, g, &n);
		while (same < n && same < (g ? r->n_sorted : most) && by[same].column >= 0 &&
		       !by[same].descending && (!g || by[same].column == r->sorted[same])) {
			r->sorted[same] = by[same].column;
			same++;
		}
		r->n_sorted = same;
	}
}

static int copy_rows(struct recode *r, struct pf_parquet_writer *w, struct pf_error *err)
{
	struct pf_builder *rows = pf_builder_new(r->schema);
	int code = 0;
	for (size_t g = 0; !code && g < pf_parquet_groups(r->f); g++) {
		pf_builder_reset(rows);
		code = pf_parquet_read(r->f, g, r->ordinals, r->schema->n, NULL, 0, rows,
				       err);
		if (!code) {
			struct pf_batch batch = pf_builder_batch(rows);
			code = pf_parquet_writer_add(w, &batch, 0, batch.rows, err);
		}
	}
	pf_builder_free(rows);
	return code ? code : pf_parquet_writer_finish(w, err);
}

static int recode(struct recode *r, struct pf_buf *out, struct pf_error *err)
{
	PF_TRY(all_columns(r, err));
	sorting(r);
	struct pf_byte_sink sink = pf_sink_buf(out);
	/* The numbers of rows with a primary key are still to be moved. */
	int number = pf_schema_find(r->schema, PF_SEQUENCE_COLUMN);
	if (number >= 0 && (r->schema->fields[number].nullable ||
			    r->schema->fields[number].type.kind != PF_BIGINT))
		number = -1;
	struct pf_parquet_options options = {
		.created_by = is_ours(r->f) ? pf_parquet_created_by(r->f) : NULL,
		.old_readers = true,
		.sort_columns = r->sorted,
		.n_sort = r->n_sorted,
		.bloom_columns = r->blooms,
		.n_bloom = r->n_blooms,
		.movable_columns = &number,
		.n_movable = number >= 0,
		.meta = &r->schema->meta,
	};
	struct pf_parquet_writer *w;
	PF_TRY(pf_parquet_writer_open(&sink, r->schema, &options, &w, err));
	int code = copy_rows(r, w, err);
	pf_parquet_writer_free(w);
	return code;
}

int pf_recode(struct pf_parquet_file *f, struct pf_buf *out, struct pf_error *err)
{
	size_t n = pf_parquet_columns(f) + 1;
	struct recode r = { .f = f };
	r.ordinals = pf_alloc(n, sizeof *r.ordinals);
	r.blooms = pf_alloc(n, sizeof *r.blooms);
	r.sorted = pf_alloc(n, sizeof *r.sorted);
	r.schema = pf_parquet_schema(f, r.ordinals);
	int code = recode(&r, out, err);
	pf_schema_unref(r.schema);
	free(r.ordinals);
	free(r.blooms);
	free(r.sorted);
	return code;
}
