/* SPDX-License-Identifier: Apache-2.0 */
#include "load/encode.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/io.h"
#include "load/sort.h"
#include "parquet/writer.h"

/* Rows handed to the writer between two looks at the segment's size. Many, so
 * that a column stays in the second-level cache while it is gathered; few when
 * segments are to be small. */
static size_t step_rows(const struct pf_encode_plan *plan)
{
	return plan->segment_bytes < 8 << 20 ? 4096 : 65536;
}

size_t pf_encode_row_cost(void)
{
	return pf_sort_bytes(1);
}

static int fetch(const struct pf_spill *spill, struct pf_encode_job *job,
		 const struct pf_encode_plan *plan, struct pf_builder **rows)
{
	if (!job->n_extents) {
		*rows = job->rows;
		return 0;
	}
	struct pf_builder *all = pf_builder_new(plan->rows);
	int code = 0;
	for (size_t i = 0; i < job->n_extents && !code; i++)
		code = pf_spill_read(spill, &job->extents[i], all, &job->error);
	if (job->rows && !code) {
		struct pf_batch rest = pf_builder_batch(job->rows);
		pf_builder_append(all, &rest, 0, rest.rows);
	}
	pf_builder_free(job->rows);
	job->rows = all;
	*rows = all;
	return code;
}

/* Begin, fill and finish one segment from order[from ...); returns through
 * *n how many rows it took. */
static int write_segment(const struct pf_encode_plan *plan,
			 const struct pf_batch *batch, const uint32_t *order,
			 size_t n_rows, struct pf_encoded *out, size_t *n,
			 struct pf_error *err)
{
	int sort_columns[] = { plan->layout.id_column, plan->layout.time_column };
	struct pf_parquet_options options = {
		.created_by = plan->created_by,
		.zstd_level = plan->zstd_level,
		.sort_columns = sort_columns,
		.n_sort = 2,
		.bloom_columns = sort_columns,
		.n_bloom = 1,
		.meta = &plan->rows->meta,
	};
	struct pf_byte_sink sink = pf_sink_buf(&out->data);
	struct pf_parquet_writer *w;
	PF_TRY(pf_parquet_writer_open(&sink, plan->rows, &options, &w, err));
	int code = 0;
	size_t done = 0, most = step_rows(plan);
	while (!code && done < n_rows &&
	       (!done || pf_parquet_writer_bytes(w) < plan->segment_bytes)) {
		size_t step = n_rows - done < most ? n_rows - done : most;
		code = pf_parquet_writer_gather(w, batch, order + done, step, err);
		done += step;
	}
	if (!code)
		code = pf_parquet_writer_finish(w, err);
	pf_parquet_writer_free(w);
	out->rows = (int64_t)done;
	*n = done;
	return code;
}

void pf_encode_run(const struct pf_encode_plan *plan, const struct pf_spill *spill,
		   struct pf_encode_job *job)
{
	struct pf_builder *rows;
	job->code = fetch(spill, job, plan, &rows);
	if (job->code)
		return;
	struct pf_batch batch = pf_builder_batch(rows);
	struct pf_sorter *sorter = pf_sorter_new();
	int columns[] = { plan->layout.id_column, plan->layout.time_column };
	const uint32_t *order = pf_sort_rows(sorter, &batch, columns, 2);
	size_t n_rows = (size_t)batch.rows;
	for (size_t done = 0, n = 0; done < n_rows && !job->code; done += n) {
		job->segments = pf_realloc(job->segments, job->n_segments + 1,
					   sizeof *job->segments);
		struct pf_encoded *s = &job->segments[job->n_segments++];
		*s = (struct pf_encoded){ 0 };
		job->code = write_segment(plan, &batch, order + done, n_rows - done,
					  s, &n, &job->error);
	}
	pf_sorter_free(sorter);
	pf_builder_free(job->rows);
	job->rows = NULL;
}

void pf_encode_job_free(struct pf_encode_job *job)
{
	if (!job)
		return;
	for (size_t i = 0; i < job->n_segments; i++)
		pf_buf_free(&job->segments[i].data);
	free(job->segments);
	pf_builder_free(job->rows);
	free(job->extents);
	free(job->partition);
	free(job);
}
