/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/writer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "parquet/encode.h"
#include "parquet/encoding.h"

#define PAGE_ROWS 20480
/* A row group is closed, too, when its strings have that many bytes. */
#define ROW_GROUP_BYTES ((size_t)64 << 20)
/* Raw bytes per stored byte, until a row group has shown its own. */
#define FIRST_GUESS 4

struct pf_parquet_writer {
	struct pf_byte_sink sink;
	struct pf_schema *schema;
	struct pq_mapping *mappings;
	struct pq_element *elements;
	bool *bloom, *movable;
	int *sort_columns;
	size_t n_sort;
	char *created_by;
	struct pf_meta meta;
	int64_t row_group_rows;

	struct pf_builder *rows; /* of the row group that is filling */
	struct pf_colbuf gathered; /* a column of a row group that came whole */
	struct pq_encoder *encoder;
	struct pq_group_done *groups;
	size_t n_groups, groups_cap;
	uint64_t offset;         /* bytes written */
	uint64_t raw_bytes;      /* of the rows written */
	int64_t n_rows;
	bool finished;
};

static int put(struct pf_parquet_writer *w, const void *data, size_t len,
	       struct pf_error *err)
{
	if (!len)
		return 0;
	PF_TRY(w->sink.write(w->sink.ctx, data, len, err));
	w->offset += len;
	return 0;
}

static int copy_options(struct pf_parquet_writer *w,
			const struct pf_parquet_options *o, struct pf_error *err)
{
	size_t n = w->schema->n;
	w->created_by = pf_strdup(o->created_by ? o->created_by :
						  "pf-pack version 0 (build 0)");
	w->row_group_rows = o->row_group_rows > 0 ? o->row_group_rows : PF_PARQUET_GROUP_ROWS;
	if (o->meta)
		pf_meta_copy(&w->meta, o->meta);
	w->bloom = pf_zalloc(n, sizeof *w->bloom);
	for (size_t i = 0; i < o->n_bloom; i++) {
		int c = o->bloom_columns[i];
		if (c < 0 || (size_t)c >= n)
			return pf_fail(err, PF_E_INTERNAL, "bloom column %d of %zu", c, n);
		w->bloom[c] = true;
	}
	w->movable = pf_zalloc(n, sizeof *w->movable);
	for (size_t i = 0; i < o->n_movable; i++) {
		int c = o->movable_columns[i];
		if (c < 0 || (size_t)c >= n || w->schema->fields[c].nullable ||
		    w->schema->fields[c].type.kind != PF_BIGINT)
			return pf_fail(err, PF_E_INTERNAL, "movable column %d of %zu", c, n);
		w->movable[c] = true;
	}
	w->sort_columns = pf_alloc(o->n_sort, sizeof *w->sort_columns);
	for (size_t i = 0; i < o->n_sort; i++) {
		int c = o->sort_columns[i];
		if (c < 0 || (size_t)c >= n)
			return pf_fail(err, PF_E_INTERNAL, "sort column %d of %zu", c, n);
		w->sort_columns[w->n_sort++] = c;
	}
	return 0;
}

static int map_schema(struct pf_parquet_writer *w, struct pf_error *err)
{
	size_t n = w->schema->n;
	w->mappings = pf_zalloc(n, sizeof *w->mappings);
	w->elements = pf_zalloc(n, sizeof *w->elements);
	for (size_t i = 0; i < n; i++) {
		const struct pf_field *f = &w->schema->fields[i];
		if (!pq_mapping_write(f, (int)i, &w->mappings[i], &w->elements[i])) {
			char type[40];
			return pf_fail(err, PF_E_UNSUPPORTED,
				       "column '%s': %s cannot be written to Parquet",
				       f->name, pf_type_name(f->type, type));
		}
	}
	return 0;
}

int pf_parquet_writer_open(const struct pf_byte_sink *sink,
			   const struct pf_schema *schema,
			   const struct pf_parquet_options *options,
			   struct pf_parquet_writer **writer,
			   struct pf_error *err)
{
	static const struct pf_parquet_options defaults;
	const struct pf_parquet_options *o = options ? options : &defaults;
	struct pf_parquet_writer *w = pf_zalloc(1, sizeof *w);
	*writer = NULL;
	w->sink = *sink;
	w->schema = pf_schema_copy(schema);
	int code = copy_options(w, o, err);
	if (!code)
		code = map_schema(w, err);
	if (!code)
		code = put(w, PQ_MAGIC, 4, err);
	if (code) {
		pf_parquet_writer_free(w);
		return code;
	}
	w->rows = pf_builder_new(w->schema);
	w->encoder = pq_encoder_new(o->zstd_level ? o->zstd_level : 1,
				    o->page_rows > 0 ? o->page_rows : PAGE_ROWS,
				    o->old_readers);
	*writer = w;
	return 0;
}

/* --- row groups --- */

/* The builder's rows as a batch whose values have the slack that encoders
 * may read. */
static struct pf_batch lend(struct pf_parquet_writer *w)
{
	for (size_t i = 0; i < w->schema->n; i++)
		pf_buf_room(&w->rows->columns[i].values, PQ_SLACK);
	return pf_builder_batch(w->rows);
}

static struct pq_group_done *next_group(struct pf_parquet_writer *w)
{
	if (w->n_groups == w->groups_cap) {
		w->groups_cap = pf_grow(w->groups_cap, w->n_groups + 1);
		w->groups = pf_realloc(w->groups, w->groups_cap, sizeof *w->groups);
	}
	struct pq_group_done *g = &w->groups[w->n_groups++];
	*g = (struct pq_group_done){ .offset = (int64_t)w->offset };
	g->chunks = pf_zalloc(w->schema->n, sizeof *g->chunks);
	return g;
}

static int put_chunk(struct pf_parquet_writer *w, struct pq_group_done *g, size_t i,
		     const struct pf_column *column, struct pf_error *err)
{
	struct pf_view bytes;
	bool sorted = w->n_sort && w->sort_columns[0] == (int)i;
	int code = pq_encode_chunk(w->encoder, &w->mappings[i],
				   w->schema->fields[i].nullable, sorted, w->bloom[i],
				   w->movable[i], column, g->rows, &g->chunks[i], &bytes, err);
	if (code)
		return pf_context(err, "column '%s'", w->schema->fields[i].name);
	g->chunks[i].offset = (int64_t)w->offset;
	return put(w, bytes.data, bytes.len, err);
}

static int flush_group(struct pf_parquet_writer *w, struct pf_error *err)
{
	struct pf_batch batch = lend(w);
	if (!batch.rows)
		return 0;
	struct pq_group_done *g = next_group(w);
	g->rows = batch.rows;
	w->raw_bytes += pf_builder_bytes(w->rows);
	for (size_t i = 0; i < w->schema->n; i++)
		PF_TRY(put_chunk(w, g, i, &batch.columns[i], err));
	pf_builder_reset(w->rows);
	return 0;
}

/* Is every string the same? As the column of the partition is. */
static bool is_constant(const struct pf_column *c, int64_t rows)
{
	if (!c->offsets || c->child || c->nulls || rows < 2)
		return false;
	const uint8_t *data = c->values;
	int32_t len = c->offsets[1];
	size_t bytes = (size_t)len * (size_t)rows;
	if ((size_t)c->offsets[rows] != bytes ||
	    memcmp(data, data + len, bytes - (size_t)len) != 0)
		return false;
	int32_t other = 0;
	for (int64_t i = 1; i < rows; i++)
		other |= (c->offsets[i + 1] - c->offsets[i]) ^ len;
	return !other;
}

/* A whole row group, nothing being buffered: one column at a time, which then
 * is still in the cache when it is encoded. */
static int gather_group(struct pf_parquet_writer *w, const struct pf_batch *batch,
			const uint32_t *rows, size_t n, struct pf_error *err)
{
	struct pq_group_done *g = next_group(w);
	g->rows = (int64_t)n;
	for (size_t i = 0; i < w->schema->n; i++) {
		struct pf_colbuf *c = &w->gathered;
		c->kind = w->schema->fields[i].type.kind;
		pf_colbuf_reset(c);
		/* Of values that are all the same, any rows will do. */
		if (is_constant(&batch->columns[i], batch->rows))
			pf_col_append(c, &batch->columns[i], 0, (int64_t)n);
		else
			pf_col_gather(c, &batch->columns[i], rows, n);
		pf_buf_room(&c->values, PQ_SLACK);
		w->raw_bytes += pf_colbuf_bytes(c);
		struct pf_column column = pf_colbuf_view(c);
		PF_TRY(put_chunk(w, g, i, &column, err));
	}
	return 0;
}

/* --- rows --- */

/* Bytes of strings in a row of the batch: what decides, besides their number,
 * how many rows make a group. */
static size_t string_bytes(const struct pf_parquet_writer *w,
			   const struct pf_batch *batch, int64_t from, int64_t to)
{
	size_t bytes = 0;
	for (size_t i = 0; i < w->schema->n; i++)
		if (batch->columns[i].offsets)
			bytes += (size_t)(batch->columns[i].offsets[to] -
					  batch->columns[i].offsets[from]);
	return bytes;
}

static size_t buffered_string_bytes(const struct pf_parquet_writer *w)
{
	size_t bytes = 0;
	for (size_t i = 0; i < w->schema->n; i++)
		if (pf_kind_is_variable(w->schema->fields[i].type.kind))
			bytes += w->rows->columns[i].values.len;
	return bytes;
}

static int check_nulls(const struct pf_parquet_writer *w,
		       const struct pf_batch *batch, const uint32_t *rows,
		       int64_t from, int64_t n, struct pf_error *err)
{
	for (size_t i = 0; i < w->schema->n; i++) {
		const struct pf_column *c = &batch->columns[i];
		if (w->schema->fields[i].nullable || !c->validity || !c->nulls)
			continue;
		for (int64_t k = 0; k < n; k++)
			if (pf_is_null(c, rows ? (int64_t)rows[k] : from + k))
				return pf_fail(err, PF_E_BAD_ROW,
					       "column '%s' is not nullable and row %" PRId64
					       " has no value in it",
					       w->schema->fields[i].name,
					       w->n_rows + k);
	}
	return 0;
}

static int64_t rows_left(const struct pf_parquet_writer *w)
{
	return w->row_group_rows - (w->schema->n ? w->rows->columns[0].rows : 0);
}

int pf_parquet_writer_add(struct pf_parquet_writer *w,
			  const struct pf_batch *batch, int64_t from, int64_t n,
			  struct pf_error *err)
{
	PF_TRY(check_nulls(w, batch, NULL, from, n, err));
	while (n > 0) {
		int64_t take = n < rows_left(w) ? n : rows_left(w);
		size_t have = buffered_string_bytes(w);
		/* The group ends with the row that fills it. */
		if (have + string_bytes(w, batch, from, from + take) >= ROW_GROUP_BYTES) {
			int64_t low = 1, high = take;
			while (low < high) {
				int64_t mid = low + (high - low) / 2;
				if (have + string_bytes(w, batch, from, from + mid) >=
				    ROW_GROUP_BYTES)
					high = mid;
				else
					low = mid + 1;
			}
			take = low;
			pf_builder_append(w->rows, batch, from, take);
			w->n_rows += take;
			PF_TRY(flush_group(w, err));
		} else {
			pf_builder_append(w->rows, batch, from, take);
			w->n_rows += take;
			if (!rows_left(w))
				PF_TRY(flush_group(w, err));
		}
		from += take;
		n -= take;
	}
	return 0;
}

int pf_parquet_writer_gather(struct pf_parquet_writer *w,
			     const struct pf_batch *batch, const uint32_t *rows,
			     size_t n, bool last, struct pf_error *err)
{
	PF_TRY(check_nulls(w, batch, rows, 0, (int64_t)n, err));
	/* Rows are looked at one by one only if their strings could fill the
	 * group at all. */
	size_t all = string_bytes(w, batch, 0, batch->rows);
	while (n > 0) {
		size_t most = n < (size_t)rows_left(w) ? n : (size_t)rows_left(w);
		size_t have = buffered_string_bytes(w), take = 0;
		if (have + all < ROW_GROUP_BYTES)
			take = most;
		while (take < most && have < ROW_GROUP_BYTES) {
			have += string_bytes(w, batch, rows[take], (int64_t)rows[take] + 1);
			take++;
		}
		bool full = take == (size_t)rows_left(w) ||
			    have >= ROW_GROUP_BYTES || (last && take == n);
		w->n_rows += (int64_t)take;
		if (full && rows_left(w) == w->row_group_rows) {
			PF_TRY(gather_group(w, batch, rows, take, err));
		} else {
			pf_builder_gather(w->rows, batch, rows, take);
			if (full)
				PF_TRY(flush_group(w, err));
		}
		rows += take;
		n -= take;
	}
	return 0;
}

int64_t pf_parquet_writer_rows(const struct pf_parquet_writer *w)
{
	return w->n_rows;
}

uint64_t pf_parquet_writer_bytes(const struct pf_parquet_writer *w)
{
	if (w->finished)
		return w->offset;
	uint64_t buffered = pf_builder_bytes(w->rows);
	/* What the row groups so far took for their raw bytes. */
	if (w->raw_bytes)
		return w->offset + (uint64_t)((double)buffered * (double)w->offset /
					      (double)w->raw_bytes);
	return w->offset + buffered / FIRST_GUESS;
}

size_t pf_parquet_writer_memory(const struct pf_parquet_writer *w)
{
	return w->finished ? 0 : pf_builder_bytes(w->rows);
}

/* --- the end of the file --- */

/* Filters of all row groups: after the data, so that row groups stay whole. */
static int put_blooms(struct pf_parquet_writer *w, struct pf_error *err)
{
	struct pf_buf header = { 0 };
	int code = 0;
	for (size_t g = 0; g < w->n_groups && !code; g++)
		for (size_t i = 0; i < w->schema->n && !code; i++) {
			struct pq_chunk_done *c = &w->groups[g].chunks[i];
			if (!c->bloom.len)
				continue;
			c->bloom_offset = (int64_t)w->offset;
			c->bloom_bytes = (int64_t)c->bloom.len;
			header.len = 0;
			pq_bloom_header_write(&header, (int32_t)c->bloom.len);
			c->bloom_bytes += (int64_t)header.len;
			code = put(w, header.data, header.len, err);
			if (!code)
				code = put(w, c->bloom.data, c->bloom.len, err);
		}
	pf_buf_free(&header);
	return code;
}

/* The indexes of a row group stand side by side: a reader fetches them
 * together. */
static int put_indexes(struct pf_parquet_writer *w, struct pf_error *err)
{
	struct pf_buf out = { 0 };
	for (size_t g = 0; g < w->n_groups; g++) {
		for (size_t i = 0; i < w->schema->n; i++) {
			struct pq_chunk_done *c = &w->groups[g].chunks[i];
			if (!c->index)
				continue;
			size_t start = out.len;
			c->column_index_offset = (int64_t)(w->offset + start);
			pq_column_index_write(&out, &w->mappings[i], c);
			c->column_index_bytes = (int64_t)(out.len - start);
		}
		for (size_t i = 0; i < w->schema->n; i++) {
			struct pq_chunk_done *c = &w->groups[g].chunks[i];
			size_t start = out.len;
			c->offset_index_offset = (int64_t)(w->offset + start);
			pq_offset_index_write(&out, c);
			c->offset_index_bytes = (int64_t)(out.len - start);
		}
	}
	int code = put(w, out.data, out.len, err);
	pf_buf_free(&out);
	return code;
}

static int put_footer(struct pf_parquet_writer *w, struct pf_error *err)
{
	struct pf_buf out = { 0 };
	struct pq_footer_parts parts = {
		.schema = w->schema, .mappings = w->mappings,
		.elements = w->elements, .groups = w->groups,
		.n_groups = w->n_groups, .sort_columns = w->sort_columns,
		.n_sort = w->n_sort, .rows = w->n_rows,
		.created_by = w->created_by, .meta = &w->meta,
	};
	pq_footer_write(&out, &parts);
	int code = 0;
	if (out.len > INT32_MAX)
		code = pf_fail(err, PF_E_LIMIT, "the Parquet footer takes more than 2 GiB");
	uint32_t bytes = (uint32_t)out.len;
	pf_buf_add(&out, &bytes, sizeof bytes);
	pf_buf_add(&out, PQ_MAGIC, 4);
	if (!code)
		code = put(w, out.data, out.len, err);
	pf_buf_free(&out);
	return code;
}

int pf_parquet_writer_finish(struct pf_parquet_writer *w, struct pf_error *err)
{
	PF_TRY(flush_group(w, err));
	PF_TRY(put_blooms(w, err));
	PF_TRY(put_indexes(w, err));
	PF_TRY(put_footer(w, err));
	w->finished = true;
	return 0;
}

static void free_groups(struct pf_parquet_writer *w)
{
	for (size_t g = 0; g < w->n_groups; g++) {
		for (size_t i = 0; i < w->schema->n; i++)
			pq_chunk_done_free(&w->groups[g].chunks[i]);
		free(w->groups[g].chunks);
	}
	w->n_groups = 0;
}

int pf_parquet_writer_restart(struct pf_parquet_writer *w,
			      const struct pf_byte_sink *sink, struct pf_error *err)
{
	free_groups(w);
	pf_builder_reset(w->rows);
	w->sink = *sink;
	w->offset = w->raw_bytes = 0;
	w->n_rows = 0;
	w->finished = false;
	return put(w, PQ_MAGIC, 4, err);
}

void pf_parquet_writer_free(struct pf_parquet_writer *w)
{
	if (!w)
		return;
	free_groups(w);
	free(w->groups);
	pf_colbuf_free(&w->gathered);
	pq_encoder_free(w->encoder);
	pf_builder_free(w->rows);
	pf_schema_unref(w->schema);
	pf_meta_free(&w->meta);
	free(w->mappings);
	free(w->elements);
	free(w->bloom);
	free(w->movable);
	free(w->sort_columns);
	free(w->created_by);
	free(w);
}
