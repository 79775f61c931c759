/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rows.h"

#include <stdlib.h>
#include <unistd.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/zone.h"
#include "text/writer.h"

struct pf_rows_out {
	struct pf_stream_out *stream; /* the run's */
	struct pf_writer *writer;
	struct pf_zone *zone;
	int64_t rows;
};

static enum pf_rows_format rows_format(int format)
{
	switch (format) {
	case PF_FORMAT_TABLE:
		return PF_ROWS_TABLE;
	case PF_FORMAT_CSV:
		return PF_ROWS_CSV;
	case PF_FORMAT_JSONL:
		return PF_ROWS_JSONL;
	case PF_FORMAT_JSON:
		return PF_ROWS_JSON;
	case PF_FORMAT_MD:
		return PF_ROWS_MD;
	default:
		return PF_ROWS_TSV;
	}
}

/* A screen less the two lines of the header and the prompt. */
static size_t rows_of_a_screen(void)
{
	int height = pf_terminal_height(STDOUT_FILENO);
	return height > 8 ? (size_t)height - 3 : 5;
}

static int open_text(struct pf_run *run, const struct pf_schema *schema, int format,
		     struct pf_rows_out *out, struct pf_error *err)
{
	struct pf_byte_sink sink;
	struct pf_writer_options options = { .format = rows_format(format),
					     .zone = out->zone,
					     .json_ints_as_strings = run->json_ints };
	PF_TRY(pf_output_sink(run, false, &sink, err));
	if (!run->output && pf_is_terminal(STDOUT_FILENO)) {
		options.table.width = (size_t)pf_terminal_width(STDOUT_FILENO);
		if (!pf_output_is_paged(run))
			options.table.page_rows = rows_of_a_screen();
	}
	options.table.bold_header = !run->output &&
		pf_want_color(STDOUT_FILENO, (enum pf_color)run->color);
	return pf_writer_open(&sink, schema, &options, &out->writer, err);
}

int pf_rows_open(struct pf_run *run, const struct pf_schema *schema, const char *zone,
		 struct pf_rows_out **result, struct pf_error *err)
{
	struct pf_rows_out *out = pf_zalloc(1, sizeof *out);
	int format = pf_output_format(run);
	int code = pf_zone_open(zone, &out->zone, err);
	if (!code && format == PF_FORMAT_ARROW)
		code = pf_output_stream(run, schema, &out->stream, err);
	else if (!code)
		code = open_text(run, schema, format, out, err);
	if (code) {
		pf_rows_free(out);
		return code;
	}
	*result = out;
	return 0;
}

int pf_rows_batch(struct pf_rows_out *out, const struct pf_batch *batch,
		  struct pf_error *err)
{
	out->rows += batch->rows;
	return out->stream ? pf_stream_out_batch(out->stream, batch, err) :
			     pf_writer_batch(out->writer, batch, err);
}

int pf_rows_flush(struct pf_rows_out *out, struct pf_error *err)
{
	return out->writer ? pf_writer_flush(out->writer, err) : 0;
}

int pf_rows_finish(struct pf_rows_out *out, struct pf_error *err)
{
	struct pf_counts counts = { .in = out->rows, .out = out->rows };
	return out->stream ? pf_stream_out_end(out->stream, &counts, err) :
			     pf_writer_finish(out->writer, err);
}

int64_t pf_rows_count(const struct pf_rows_out *out)
{
	return out->rows;
}

void pf_rows_free(struct pf_rows_out *out)
{
	if (!out)
		return;
	pf_writer_free(out->writer);
	pf_zone_close(out->zone);
	free(out);
}

int pf_rows_put(struct pf_run *run, struct pf_builder *rows, const char *zone,
		struct pf_error *err)
{
	struct pf_rows_out *out;
	struct pf_batch batch = pf_builder_batch(rows);
	PF_TRY(pf_rows_open(run, rows->schema, zone, &out, err));
	int code = batch.rows ? pf_rows_batch(out, &batch, err) : 0;
	if (!code)
		code = pf_rows_finish(out, err);
	pf_rows_free(out);
	return code;
}
