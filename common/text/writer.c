/* SPDX-License-Identifier: Apache-2.0 */
#include "text/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/json_write.h"
#include "text/line_write.h"

enum { FLUSH_BYTES = 64 << 10 };

struct pf_writer {
	struct pf_byte_sink sink;
	struct pf_schema *schema;
	struct pf_writer_options options;
	struct pf_buf out;
	int64_t rows;
	bool begun;    /* the header is written */
	bool finished;
	/* One of them, by the format. */
	struct pf_aligned *table;
	struct pf_line_writer *lines;
	struct pf_json_writer *objects;
};

bool pf_rows_format_parse(const char *name, enum pf_rows_format *format)
{
	static const char *const names[] = { "table", "csv",  "tsv",
					     "jsonl", "json", "md" };
	for (int i = 0; i < 6; i++)
		if (!strcmp(name, names[i])) {
			*format = (enum pf_rows_format)i;
			return true;
		}
	return false;
}

int pf_writer_open(const struct pf_byte_sink *sink, const struct pf_schema *schema,
		   const struct pf_writer_options *options, struct pf_writer **writer,
		   struct pf_error *err)
{
	(void)err;
	struct pf_writer *w = pf_zalloc(1, sizeof *w);
	w->sink = *sink;
	w->schema = pf_schema_copy(schema);
	w->options = *options;
	w->options.table.zone = options->zone;
	w->options.table.human = options->human;
	switch (options->format) {
	case PF_ROWS_TABLE:
		w->table = pf_aligned_new(w->schema, &w->options.table);
		break;
	case PF_ROWS_CSV:
	case PF_ROWS_TSV:
	case PF_ROWS_MD:
		w->lines = pf_line_writer_new(w->schema, options);
		break;
	case PF_ROWS_JSONL:
	case PF_ROWS_JSON:
		w->objects = pf_json_writer_new(w->schema, &(struct pf_json_style){
			.zone = options->zone,
			.ints_as_strings = options->json_ints_as_strings });
		break;
	}
	*writer = w;
	return 0;
}

void pf_writer_free(struct pf_writer *w)
{
	if (!w)
		return;
	pf_aligned_free(w->table);
	pf_line_writer_free(w->lines);
	pf_json_writer_free(w->objects);
	pf_schema_unref(w->schema);
	pf_buf_free(&w->out);
	free(w);
}

int64_t pf_writer_rows(const struct pf_writer *w)
{
	return w->rows;
}

/* All of it, or as many whole blocks as there are: a file that grows by these
 * costs the system less. */
static int drain(struct pf_writer *w, bool all, struct pf_error *err)
{
	size_t len = all ? w->out.len : w->out.len - w->out.len % FLUSH_BYTES;
	if (!len)
		return 0;
	int code = w->sink.write(w->sink.ctx, w->out.data, len, err);
	w->out.len -= len;
	memmove(w->out.data, w->out.data + len, w->out.len);
	return code;
}

static void begin(struct pf_writer *w)
{
	if (w->begun)
		return;
	w->begun = true;
	if (w->lines)
		pf_line_writer_header(w->lines, &w->out);
	else if (w->options.format == PF_ROWS_JSON)
		pf_buf_byte(&w->out, '[');
}

static void write_row(struct pf_writer *w, const struct pf_batch *b, int64_t row)
{
	bool array = w->options.format == PF_ROWS_JSON;
	if (w->table) {
		pf_aligned_row(w->table, b, row, &w->out);
	} else if (w->lines) {
		pf_line_writer_row(w->lines, b, row, &w->out);
	} else {
		if (array)
			pf_buf_str(&w->out, w->rows ? ",\n " : "\n ");
		pf_json_writer_row(w->objects, b, row, &w->out);
		if (!array)
			pf_buf_byte(&w->out, '\n');
	}
	w->rows++;
}

int pf_writer_batch(struct pf_writer *w, const struct pf_batch *b,
		    struct pf_error *err)
{
	if (!b->rows)
		return 0;
	begin(w);
	if (w->lines)
		pf_line_writer_batch(w->lines, b);
	for (int64_t row = 0; row < b->rows; row++) {
		write_row(w, b, row);
		if (w->out.len >= FLUSH_BYTES)
			PF_TRY(drain(w, false, err));
	}
	return 0;
}

int pf_writer_flush(struct pf_writer *w, struct pf_error *err)
{
	if (w->table && w->rows)
		pf_aligned_flush(w->table, &w->out);
	return drain(w, true, err);
}

int pf_writer_finish(struct pf_writer *w, struct pf_error *err)
{
	if (w->finished)
		return 0;
	w->finished = true;
	begin(w);
	if (w->table)
		pf_aligned_flush(w->table, &w->out);
	if (w->options.format == PF_ROWS_JSON)
		pf_buf_str(&w->out, w->rows ? "\n]\n" : "]\n");
	return drain(w, true, err);
}
