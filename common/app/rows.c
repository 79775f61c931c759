/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rows.h"

#include <stdlib.h>
#include <unistd.h>

#include "arrow/layout.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/zone.h"
#include "text/writer.h"

struct pf_rows_out {
	struct pf_stream_out *stream; /* the run's */
	struct pf_writer *writer;
	struct pf_zone *zone;
	struct pf_schema *schema; /* of the text, if it is not the rows' */
	int64_t rows;
	bool human; /* counts of a listing are scaled */
	int kind; /* column that text says as +I, -U, +U, -D; -1: none */
	struct pf_builder *kinds;
	struct pf_column *columns;
};

/* A change's kind is a number on streams and a word in text. */
static void find_kind(struct pf_rows_out *out, const struct pf_schema *schema)
{
	out->kind = pf_schema_find(schema, PF_KIND_COLUMN);
	if (out->kind < 0 || !pf_meta_get(&schema->fields[out->kind].meta, PF_KIND_META)) {
		out->kind = -1;
		return;
	}
	struct pf_schema *words = pf_schema_new(), *s = pf_schema_copy(schema);
	pf_schema_add(words, PF_KIND_COLUMN, (struct pf_type){ .kind = PF_STRING }, false);
	out->kinds = pf_builder_new(words);
	s->fields[out->kind].type = (struct pf_type){ .kind = PF_STRING };
	out->schema = s;
	out->columns = pf_alloc(schema->n, sizeof *out->columns);
	pf_schema_unref(words);
}

static struct pf_batch say_kinds(struct pf_rows_out *out, const struct pf_batch *batch)
{
	static const char words[4][3] = { "+I", "-U", "+U", "-D" };
	const int8_t *kinds = batch->columns[out->kind].values;
	struct pf_batch b = *batch;
	pf_builder_reset(out->kinds);
	for (int64_t i = 0; i < b.rows; i++)
		pf_col_bytes(&out->kinds->columns[0], words[kinds[i] & 3], 2);
	memcpy(out->columns, b.columns, out->schema->n * sizeof *out->columns);
	out->columns[out->kind] = pf_builder_batch(out->kinds).columns[0];
	b.schema = out->schema;
	b.columns = out->columns;
	return b;
}

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

bool pf_rows_are_seen(const struct pf_run *run)
{
	return !run->output && pf_is_terminal(STDOUT_FILENO) &&
		pf_output_format(run) == PF_FORMAT_TABLE;
}

static int open_text(struct pf_run *run, const struct pf_schema *schema, int format,
		     struct pf_rows_out *out, struct pf_error *err)
{
	struct pf_byte_sink sink;
	struct pf_writer_options options = { .format = rows_format(format),
					     .zone = out->zone,
					     .human = out->human,
					     .json_ints_as_strings = run->json_ints };
	PF_TRY(pf_output_sink(run, false, &sink, err));
	if (!run->output && pf_is_terminal(STDOUT_FILENO)) {
		options.table.width = (size_t)pf_terminal_width(STDOUT_FILENO);
		if (!pf_output_is_paged(run))
			options.table.page_rows = rows_of_a_screen();
	}
	options.table.bold_header = !run->output &&
		pf_want_color(STDOUT_FILENO, (enum pf_color)run->color);
	find_kind(out, schema);
	return pf_writer_open(&sink, out->schema ? out->schema : schema, &options, &out->writer,
			      err);
}

static int open_rows(struct pf_run *run, const struct pf_schema *schema, const char *zone,
		     bool human, struct pf_rows_out **result, struct pf_error *err)
{
	struct pf_rows_out *out = pf_zalloc(1, sizeof *out);
	out->human = human;
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

int pf_rows_open(struct pf_run *run, const struct pf_schema *schema, const char *zone,
		 struct pf_rows_out **out, struct pf_error *err)
{
	return open_rows(run, schema, zone, false, out, err);
}

int pf_rows_batch(struct pf_rows_out *out, const struct pf_batch *batch,
		  struct pf_error *err)
{
	out->rows += batch->rows;
	if (!out->stream && out->schema) {
		struct pf_batch said = say_kinds(out, batch);
		return pf_writer_batch(out->writer, &said, err);
	}
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
	pf_schema_unref(out->schema);
	pf_builder_free(out->kinds);
	free(out->columns);
	free(out);
}

int pf_rows_put(struct pf_run *run, struct pf_builder *rows, const char *zone, bool human,
		struct pf_error *err)
{
	struct pf_rows_out *out;
	struct pf_batch batch = pf_builder_batch(rows);
	PF_TRY(open_rows(run, rows->schema, zone, human, &out, err));
	int code = batch.rows ? pf_rows_batch(out, &batch, err) : 0;
	if (!code)
		code = pf_rows_finish(out, err);
	pf_rows_free(out);
	return code;
}
