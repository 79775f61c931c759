/* SPDX-License-Identifier: Apache-2.0 */
#include "load/encode.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/io.h"
#include "load/sort.h"
#include "parquet/writer.h"

struct pf_encode_room {
	struct pf_builder *rows; /* fetched ones */
	struct pf_sorter *sorter;
	struct pf_parquet_writer *writer;
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

size_t pf_encode_cost(size_t row_bytes, int64_t rows)
{
	return row_bytes + row_bytes / 2 + pf_sort_bytes(rows);
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

static int open_writer(const struct pf_encode_plan *plan, struct pf_encode_room *room,
		       const struct pf_byte_sink *sink, struct pf_error *err)
{
	if (room->writer)
		return pf_parquet_writer_restart(room->writer, sink, err);
	int sort_columns[] = { plan->layout.id_column, plan->layout.time_column };
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

void pf_encode_run(const struct pf_encode_plan *plan, const struct pf_spill *spill,
		   struct pf_encode_room *room, struct pf_encode_job *job)
{
	struct pf_batch batch;
	job->code = fetch(plan, spill, room, job, &batch);
	if (job->code)
		return;
	if (!room->sorter)
		room->sorter = pf_sorter_new();
	int columns[] = { plan->layout.id_column, plan->layout.time_column };
	const uint32_t *order = pf_sort_rows(room->sorter, &batch, columns, 2);
	size_t n_rows = (size_t)batch.rows;
	for (size_t done = 0, n = 0; done < n_rows && !job->code; done += n) {
		job->segments = pf_realloc(job->segments, job->n_segments + 1,
					   sizeof *job->segments);
		struct pf_encoded *s = &job->segments[job->n_segments++];
		*s = (struct pf_encoded){ 0 };
		job->code = write_segment(plan, room, &batch, order + done,
					  n_rows - done, s, &n, &job->error);
	}
	if (pf_encode_cost(pf_batch_bytes(&batch), batch.rows) > plan->keep_bytes)
		room_clear(room);
	pf_chunks_give(plan->chunks, &job->rows);
}

void pf_encode_job_free(const struct pf_encode_plan *plan, struct pf_encode_job *job)
{
	if (!job)
		return;
	for (size_t i = 0; i < job->n_segments; i++)
		pf_buf_free(&job->segments[i].data);
	free(job->segments);
	pf_chunks_give(plan->chunks, &job->rows);
	free(job->extents);
	free(job->partition);
	free(job);
}
