/* SPDX-License-Identifier: Apache-2.0 */
#include "load/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "keyed/fold.h"
#include "load/sort.h"
#include "parquet/writer.h"

enum { MERGE_ROWS = 4096 }; /* that go through a fold at a time */

struct pf_encode_room {
	struct pf_builder *rows; /* fetched ones */
	struct pf_sorter *sorter;
	struct pf_parquet_writer *writer, *changelog;
	struct pf_versions_room versions;
	struct pf_builder *step; /* versions in order, some at a time */
	uint32_t *order; /* of rows that stay */
	size_t order_cap;
};

struct pf_encode_room *pf_encode_room_new(void)
{
	return pf_zalloc(1, sizeof(struct pf_encode_room));
}

static void room_clear(struct pf_encode_room *room)
{
	pf_builder_free(room->rows);
	pf_sorter_free(room->sorter);
	pf_parquet_writer_free(room->writer);
	pf_parquet_writer_free(room->changelog);
	pf_versions_room_free(&room->versions);
	pf_builder_free(room->step);
	free(room->order);
	*room = (struct pf_encode_room){ 0 };
}

void pf_encode_room_free(struct pf_encode_room *room)
{
	if (room)
		room_clear(room);
	free(room);
}

/* Rows handed to the writer between two looks at the segment's size: whole row
 * groups, which need no buffer; few when segments are to be small. */
static size_t step_rows(const struct pf_encode_plan *plan)
{
	return plan->segment_bytes < 8 << 20 ? 4096 : PF_PARQUET_GROUP_ROWS;
}

/* Are versions merged, so that the result is none of them? */
static bool merges(const struct pf_encode_plan *plan)
{
	return plan->rules && plan->rules->engine != PF_DEDUPLICATE;
}

size_t pf_encode_cost(const struct pf_encode_plan *plan, size_t row_bytes, int64_t rows)
{
	bool changelog = plan->rules && plan->rules->changelog;
	return row_bytes + row_bytes / 2 + (merges(plan) ? row_bytes : 0) +
	       (changelog ? row_bytes / 2 : 0) + pf_sort_bytes(rows) +
	       (plan->versions ? PF_VERSIONS_ROW_BYTES * (size_t)rows : 0);
}

/* All rows of the job in one place: as they are, or fetched into the room. */
static int fetch(const struct pf_encode_plan *plan, const struct pf_spill *spill,
		 struct pf_encode_room *room, struct pf_encode_job *job,
		 struct pf_batch *rows)
{
	if (!job->n_extents && job->rows.n == 1) {
		*rows = pf_builder_batch(job->rows.list[0]);
		return 0;
	}
	if (!room->rows)
		room->rows = pf_builder_new(plan->rows);
	pf_builder_reset(room->rows);
	for (size_t i = 0; i < job->n_extents; i++)
		PF_TRY(pf_spill_read(spill, &job->extents[i], room->rows, &job->error));
	for (size_t i = 0; i < job->rows.n; i++) {
		struct pf_batch chunk = pf_builder_batch(job->rows.list[i]);
		pf_builder_append(room->rows, &chunk, 0, chunk.rows);
	}
	pf_chunks_give(plan->chunks, &job->rows);
	*rows = pf_builder_batch(room->rows);
	return 0;
}

/* By the key's own columns, which stand first; the bloom filter is the table's
 * column's, as elsewhere. */
static int open_versions_writer(const struct pf_encode_plan *plan, bool changelog,
				const struct pf_byte_sink *sink,
				struct pf_parquet_writer **writer, struct pf_error *err)
{
	size_t n;
	pf_versions_keys(plan->versions, &n);
	int *sort_columns = pf_alloc(n, sizeof *sort_columns);
	for (size_t i = 0; i < n; i++)
		sort_columns[i] = (int)i;
	int sequence = (int)n;
	int id = pf_versions_column(plan->versions, plan->layout.id_column);
	struct pf_parquet_options options = {
		.created_by = plan->created_by,
		.zstd_level = plan->zstd_level,
		.old_readers = plan->old_readers,
		.sort_columns = sort_columns,
		.n_sort = n,
		.bloom_columns = &id,
		.n_bloom = !changelog, /* it is read from end to end */
		.movable_columns = &sequence,
		.n_movable = 1,
		.meta = &plan->rows->meta,
	};
	int code = pf_parquet_writer_open(sink, pf_versions_schema(plan->versions),
					  &options, writer, err);
	free(sort_columns);
	return code;
}

static int open_writer(const struct pf_encode_plan *plan, struct pf_encode_room *room,
		       const struct pf_byte_sink *sink, struct pf_error *err)
{
	if (room->writer)
		return pf_parquet_writer_restart(room->writer, sink, err);
	int sort_columns[] = { plan->layout.id_column, plan->layout.time_column };
	if (plan->versions)
		return open_versions_writer(plan, false, sink, &room->writer, err);
	struct pf_parquet_options options = {
		.created_by = plan->created_by,
		.zstd_level = plan->zstd_level,
		.old_readers = plan->old_readers,
		.sort_columns = sort_columns,
		.n_sort = 2,
		.bloom_columns = sort_columns,
		.n_bloom = 1,
		.meta = &plan->rows->meta,
	};
	return pf_parquet_writer_open(sink, plan->rows, &options, &room->writer, err);
}

/* Begin, fill and finish one segment from order[from ...); returns through
 * *n how many rows it took. */
static int write_segment(const struct pf_encode_plan *plan,
			 struct pf_encode_room *room, const struct pf_batch *batch,
			 const uint32_t *order, size_t n_rows, struct pf_encoded *out,
			 size_t *n, struct pf_error *err)
{
	struct pf_byte_sink sink = pf_sink_buf(&out->data);
	PF_TRY(open_writer(plan, room, &sink, err));
	struct pf_parquet_writer *w = room->writer;
	size_t done = 0, most = step_rows(plan);
	while (done < n_rows &&
	       (!done || pf_parquet_writer_bytes(w) < plan->segment_bytes)) {
		size_t step = n_rows - done < most ? n_rows - done : most;
		PF_TRY(pf_parquet_writer_gather(w, batch, order + done, step,
						done + step == n_rows, err));
		done += step;
	}
	PF_TRY(pf_parquet_writer_finish(w, err));
	out->rows = (int64_t)done;
	*n = done;
	return 0;
}

/* Rows that the rules leave out go. */
static size_t leave_out(const struct pf_encode_plan *plan, const struct pf_batch *rows,
			uint32_t *order, size_t n)
{
	int kind = pf_schema_find(rows->schema, PF_KIND_COLUMN);
	const int8_t *kinds = kind < 0 ? NULL : rows->columns[kind].values;
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!kinds || !pf_rules_ignore(plan->rules, kinds[order[i]]))
			order[kept++] = order[i];
	return kept;
}

/* All rows as they came, in the order of their keys and versions. */
static int write_changelog(const struct pf_encode_plan *plan, struct pf_encode_room *room,
			   const struct pf_batch *rows, size_t n, struct pf_encode_job *job)
{
	if (!n)
		return 0;
	pf_versions_sort(plan->versions, rows, room->order, n, plan->rules->sequence_descends);
	struct pf_batch all = pf_versions_batch(plan->versions, rows, &room->versions);
	struct pf_byte_sink sink = pf_sink_buf(&job->changelog);
	PF_TRY(room->changelog ?
		       pf_parquet_writer_restart(room->changelog, &sink, &job->error) :
		       open_versions_writer(plan, true, &sink, &room->changelog, &job->error));
	PF_TRY(pf_parquet_writer_gather(room->changelog, &all, room->order, n, true,
					&job->error));
	return pf_parquet_writer_finish(room->changelog, &job->error);
}

/* The rows that stay, sorted; with a key, *batch has the columns of files
 * then. */
static int sort(const struct pf_encode_plan *plan, struct pf_encode_room *room,
		struct pf_batch *batch, const uint32_t **sorted, size_t *n_rows,
		struct pf_encode_job *job)
{
	int columns[] = { plan->layout.id_column, plan->layout.time_column };
	size_t n, rows = (size_t)batch->rows;
	*n_rows = rows;
	if (!plan->versions) {
		*sorted = pf_sort_rows(room->sorter, batch, columns, 2);
		return 0;
	}
	const int *keys = pf_versions_keys(plan->versions, &n);
	const uint32_t *order = pf_sort_rows(room->sorter, batch, keys, n);
	if (rows > room->order_cap) {
		free(room->order);
		room->order = pf_alloc(rows, sizeof *room->order);
		room->order_cap = rows;
	}
	if (rows)
		memcpy(room->order, order, rows * sizeof *order);
	*sorted = room->order;
	*n_rows = leave_out(plan, batch, room->order, rows);
	job->ignored = (int64_t)(rows - *n_rows);
	if (plan->rules->changelog)
		PF_TRY(write_changelog(plan, room, batch, *n_rows, job));
	if (!merges(plan))
		*n_rows = pf_versions_newest(plan->versions, batch, room->order, *n_rows,
					     plan->rules->sequence_descends);
	*batch = pf_versions_batch(plan->versions, batch, &room->versions);
	return 0;
}

static struct pf_encoded *add_segment(struct pf_encode_job *job)
{
	job->segments = pf_realloc(job->segments, job->n_segments + 1,
				   sizeof *job->segments);
	struct pf_encoded *s = &job->segments[job->n_segments++];
	*s = (struct pf_encoded){ 0 };
	return s;
}

static int write_chosen(const struct pf_encode_plan *plan, struct pf_encode_room *room,
			const struct pf_batch *batch, const uint32_t *order, size_t n_rows,
			struct pf_encode_job *job)
{
	for (size_t done = 0, n = 0; done < n_rows; done += n)
		PF_TRY(write_segment(plan, room, batch, order + done, n_rows - done,
				     add_segment(job), &n, &job->error));
	return 0;
}

/* Rows of a fold; a segment that is large enough is finished. */
static int write_rows(const struct pf_encode_plan *plan, struct pf_encode_room *room,
		      const struct pf_batch *rows, bool last, bool *open,
		      struct pf_byte_sink *sink, struct pf_encode_job *job)
{
	if (rows->rows && !*open) {
		*sink = pf_sink_buf(&add_segment(job)->data);
		PF_TRY(open_writer(plan, room, sink, &job->error));
		*open = true;
	}
	if (rows->rows) {
		PF_TRY(pf_parquet_writer_add(room->writer, rows, 0, rows->rows,
					     &job->error));
		job->segments[job->n_segments - 1].rows += rows->rows;
	}
	if (!*open || (!last && pf_parquet_writer_bytes(room->writer) < plan->segment_bytes))
		return 0;
	*open = false;
	return pf_parquet_writer_finish(room->writer, &job->error);
}

/* Versions in order through the fold, step by step. */
static int write_merged(const struct pf_encode_plan *plan, struct pf_encode_room *room,
			const struct pf_batch *batch, const uint32_t *order, size_t n_rows,
			struct pf_encode_job *job)
{
	struct pf_schema *schema = (struct pf_schema *)(uintptr_t)batch->schema;
	struct pf_keyed_fold *fold;
	struct pf_byte_sink sink;
	bool open = false;
	int code = 0;
	if (!room->step)
		room->step = pf_builder_new(schema);
	PF_TRY(pf_keyed_fold_new(plan->rules, schema, true, &fold, &job->error));
	for (size_t done = 0, n; done < n_rows && !code; done += n) {
		struct pf_batch step, rows;
		n = n_rows - done < MERGE_ROWS ? n_rows - done : MERGE_ROWS;
		bool last = done + n == n_rows;
		pf_builder_reset(room->step);
		pf_builder_gather(room->step, batch, order + done, n);
		step = pf_builder_batch(room->step);
		code = pf_keyed_fold_add(fold, &step, last, &rows, &job->error);
		if (!code)
			code = write_rows(plan, room, &rows, last, &open, &sink, job);
	}
	pf_keyed_fold_free(fold);
	return code;
}

void pf_encode_run(const struct pf_encode_plan *plan, const struct pf_spill *spill,
		   struct pf_encode_room *room, struct pf_encode_job *job)
{
	struct pf_batch batch;
	job->code = fetch(plan, spill, room, job, &batch);
	if (job->code)
		return;
	if (!room->sorter)
		room->sorter = pf_sorter_new();
	struct pf_batch all = batch;
	size_t n_rows;
	const uint32_t *order;
	job->code = sort(plan, room, &batch, &order, &n_rows, job);
	if (!job->code)
		job->code = merges(plan) ?
				    write_merged(plan, room, &batch, order, n_rows, job) :
				    write_chosen(plan, room, &batch, order, n_rows, job);
	if (job->n_segments) {
		job->segments[0].changelog = job->changelog;
		job->changelog = (struct pf_buf){ 0 };
	}
	job->superseded = all.rows - job->ignored;
	for (size_t i = 0; i < job->n_segments; i++)
		job->superseded -= job->segments[i].rows;
	if (pf_encode_cost(plan, pf_batch_bytes(&all), all.rows) > plan->keep_bytes)
		room_clear(room);
	pf_chunks_give(plan->chunks, &job->rows);
}

static void encoded_free(struct pf_encoded *s)
{
	pf_buf_free(&s->data);
	pf_buf_free(&s->changelog);
}

void pf_encode_job_free(const struct pf_encode_plan *plan, struct pf_encode_job *job)
{
	if (!job)
		return;
	for (size_t i = 0; i < job->n_segments; i++)
		encoded_free(&job->segments[i]);
	pf_buf_free(&job->changelog);
	free(job->segments);
	pf_chunks_give(plan->chunks, &job->rows);
	free(job->extents);
	free(job->partition);
	free(job);
}
