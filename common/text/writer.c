/* SPDX-License-Identifier: Apache-2.0 */
#include "text/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

enum {
	FLUSH_BYTES = 64 << 10,
	MEASURED_ROWS = 1000,
	LEAST_WIDTH = 8, /* a column is not squeezed below this */
	GAP = 2,         /* between columns of a table */
};

/* Times often are those of the row before: the last one's text. */
struct last_time {
	int64_t value;
	size_t len; /* 0: none */
	uint8_t text[48];
};

struct pf_writer {
	struct pf_byte_sink sink;
	struct pf_schema *schema;
	struct pf_writer_options options;
	struct pf_buf out;
	int64_t rows;
	bool begun;    /* the header is written */
	bool finished;
	struct last_time *times; /* of each column */
	/* table: cells of the first rows, until widths are known */
	struct pf_buf cells;   /* their texts */
	struct pf_buf lengths; /* size_t each */
	int64_t waiting;
	size_t *widths;
	/* Of columns of floats: what stands before the point, and from it on. */
	size_t *before_point, *from_point;
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
	w->times = pf_zalloc(schema->n + 1, sizeof *w->times);
	w->widths = pf_zalloc(schema->n + 1, sizeof *w->widths);
	w->before_point = pf_zalloc(schema->n + 1, sizeof *w->before_point);
	w->from_point = pf_zalloc(schema->n + 1, sizeof *w->from_point);
	*writer = w;
	return 0;
}

void pf_writer_free(struct pf_writer *w)
{
	if (!w)
		return;
	pf_schema_unref(w->schema);
	pf_buf_free(&w->out);
	pf_buf_free(&w->cells);
	pf_buf_free(&w->lengths);
	free(w->times);
	free(w->widths);
	free(w->before_point);
	free(w->from_point);
	free(w);
}

int64_t pf_writer_rows(const struct pf_writer *w)
{
	return w->rows;
}

static int drain(struct pf_writer *w, struct pf_error *err)
{
	size_t len = w->out.len;
	w->out.len = 0;
	return len ? w->sink.write(w->sink.ctx, w->out.data, len, err) : 0;
}

/* --- csv, tsv --- */

static void csv_text(struct pf_buf *out, const uint8_t *p, size_t len)
{
	bool quote = !len;
	for (size_t i = 0; i < len && !quote; i++)
		quote = p[i] == ',' || p[i] == '"' || p[i] == '\n' || p[i] == '\r';
	if (!quote) {
		pf_buf_add(out, p, len);
		return;
	}
	pf_buf_byte(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '"')
			pf_buf_byte(out, '"');
		pf_buf_byte(out, p[i]);
	}
	pf_buf_byte(out, '"');
}

/* Backslash escapes for what would break the line or the field; the same
 * serves the table, where other control characters are shown, too. */
static void escaped_text(struct pf_buf *out, const uint8_t *p, size_t len,
			 bool all_controls)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = p[i];
		const char *s = c == '\t' ? "\\t" :
				c == '\n' ? "\\n" :
				c == '\r' ? "\\r" :
				c == '\\' && !all_controls ? "\\\\" : NULL;
		if (s)
			pf_buf_str(out, s);
		else if (all_controls && (c < 0x20 || c == 0x7f))
			pf_buf_printf(out, "\\x%02x", c);
		else if (all_controls && c == 0xc2 && i + 1 < len && p[i + 1] >= 0x80 &&
			 p[i + 1] < 0xa0)
			pf_buf_printf(out, "\\u%04x", p[++i]);
		else
			pf_buf_byte(out, c);
	}
}

static void md_text(struct pf_buf *out, const uint8_t *p, size_t len)
{
	size_t start = out->len;
	escaped_text(out, p, len, true);
	/* A bar would end the cell. */
	size_t bars = 0;
	for (size_t i = start; i < out->len; i++)
		bars += out->data[i] == '|';
	if (!bars)
		return;
	size_t n = out->len - start;
	pf_buf_room(out, bars);
	uint8_t *from = out->data + start + n, *to = from + bars;
	while (from > out->data + start) {
		*--to = *--from;
		if (*from == '|')
			*--to = '\\';
	}
	out->len += bars;
}

static void time_cell(struct pf_writer *w, size_t column, const struct pf_column *c,
		      int64_t row)
{
	const struct pf_type type = w->schema->fields[column].type;
	struct last_time *last = &w->times[column];
	int64_t value = pf_int_at(c, type.kind, row);
	size_t start = w->out.len;
	if (last->len && last->value == value) {
		pf_buf_add(&w->out, last->text, last->len);
		return;
	}
	pf_format_value(&w->out, type, c, row, PF_VALUE_PLAIN, w->options.zone);
	last->value = value;
	last->len = w->out.len - start;
	if (last->len > sizeof last->text)
		last->len = 0;
	memcpy(last->text, w->out.data + start, last->len);
}

/* The text of a cell for formats of lines. */
static void line_cell(struct pf_writer *w, size_t column,
		      const struct pf_column *c, int64_t row)
{
	const struct pf_type type = w->schema->fields[column].type;
	const enum pf_rows_format format = w->options.format;
	switch (type.kind) {
	case PF_STRING:
	case PF_STRINGS:
		break;
	case PF_INT:
		pf_format_int(&w->out, ((const int32_t *)c->values)[row]);
		return;
	case PF_BIGINT:
		pf_format_int(&w->out, ((const int64_t *)c->values)[row]);
		return;
	case PF_DATE:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		time_cell(w, column, c, row);
		return;
	default:
		pf_format_value(&w->out, type, c, row, PF_VALUE_PLAIN, w->options.zone);
		return;
	}
	struct pf_view v;
	struct pf_buf list = { 0 };
	if (type.kind == PF_STRINGS) {
		pf_format_value(&list, type, c, row, PF_VALUE_PLAIN, NULL);
		v = pf_view_of(list.data, list.len);
	} else {
		v = pf_bytes_at(c, row);
	}
	if (format == PF_ROWS_CSV)
		csv_text(&w->out, v.data, v.len);
	else if (format == PF_ROWS_TSV)
		escaped_text(&w->out, v.data, v.len, false);
	else
		md_text(&w->out, v.data, v.len);
	pf_buf_free(&list);
}

static void header_line(struct pf_writer *w)
{
	const enum pf_rows_format format = w->options.format;
	const uint8_t between = format == PF_ROWS_CSV ? ',' : '\t';
	if (w->options.no_header || !w->schema->n)
		return;
	for (size_t i = 0; i < w->schema->n; i++) {
		const char *name = w->schema->fields[i].name;
		if (i)
			pf_buf_byte(&w->out, between);
		if (format == PF_ROWS_CSV)
			csv_text(&w->out, (const uint8_t *)name, strlen(name));
		else
			escaped_text(&w->out, (const uint8_t *)name, strlen(name), false);
	}
	pf_buf_byte(&w->out, '\n');
}

static void delimited_row(struct pf_writer *w, const struct pf_batch *b, int64_t row)
{
	const uint8_t between = w->options.format == PF_ROWS_CSV ? ',' : '\t';
	for (size_t i = 0; i < w->schema->n; i++) {
		if (i)
			pf_buf_byte(&w->out, between);
		if (!pf_is_null(&b->columns[i], row))
			line_cell(w, i, &b->columns[i], row);
	}
	pf_buf_byte(&w->out, '\n');
}

/* --- json --- */

static bool exact_as_string(const struct pf_writer *w, enum pf_kind kind)
{
	return w->options.json_ints_as_strings &&
	       (kind == PF_BIGINT || kind == PF_DECIMAL);
}

static void json_row(struct pf_writer *w, const struct pf_batch *b, int64_t row)
{
	pf_buf_byte(&w->out, '{');
	for (size_t i = 0; i < w->schema->n; i++) {
		const struct pf_field *f = &w->schema->fields[i];
		if (i)
			pf_buf_byte(&w->out, ',');
		pf_format_json_string(&w->out, f->name, strlen(f->name));
		pf_buf_byte(&w->out, ':');
		if (pf_is_null(&b->columns[i], row)) {
			pf_buf_str(&w->out, "null");
			continue;
		}
		bool quoted = exact_as_string(w, f->type.kind);
		if (quoted)
			pf_buf_byte(&w->out, '"');
		pf_format_value(&w->out, f->type, &b->columns[i], row, PF_VALUE_JSON,
				w->options.zone);
		if (quoted)
			pf_buf_byte(&w->out, '"');
	}
	pf_buf_byte(&w->out, '}');
}

/* --- markdown --- */

static bool right_aligned(enum pf_kind kind)
{
	return pf_kind_is_integer(kind) || kind == PF_FLOAT || kind == PF_DOUBLE ||
	       kind == PF_DECIMAL;
}

static void md_header(struct pf_writer *w)
{
	for (size_t i = 0; i < w->schema->n; i++) {
		const char *name = w->schema->fields[i].name;
		pf_buf_str(&w->out, i ? " | " : "| ");
		md_text(&w->out, (const uint8_t *)name, strlen(name));
	}
	pf_buf_str(&w->out, " |\n");
	for (size_t i = 0; i < w->schema->n; i++) {
		bool right = right_aligned(w->schema->fields[i].type.kind);
		pf_buf_str(&w->out, right ? "| ---: " : "| --- ");
	}
	pf_buf_str(&w->out, "|\n");
}

static void md_row(struct pf_writer *w, const struct pf_batch *b, int64_t row)
{
	for (size_t i = 0; i < w->schema->n; i++) {
		pf_buf_str(&w->out, i ? " | " : "| ");
		if (pf_is_null(&b->columns[i], row))
			pf_buf_str(&w->out, "NULL");
		else
			line_cell(w, i, &b->columns[i], row);
	}
	pf_buf_str(&w->out, " |\n");
}

/* --- table --- */

/* How much of a number stands from its point (or exponent) on; false when it
 * is none. */
static bool point_of(const uint8_t *p, size_t len, size_t *from_point)
{
	size_t i = len && *p == '-';
	if (i >= len || p[i] < '0' || p[i] > '9')
		return false;
	while (i < len && p[i] >= '0' && p[i] <= '9')
		i++;
	*from_point = len - i;
	return true;
}

/* Blanks behind a number, so that points stand below each other. */
static size_t pad_behind(const struct pf_writer *w, size_t column, const uint8_t *p,
			 size_t len)
{
	size_t own, most = w->from_point[column];
	if (!most || !point_of(p, len, &own) || own >= most ||
	    len + (most - own) > w->widths[column])
		return 0;
	return most - own;
}

/* Write a cell, padded to its column's width, cut if it must be. */
static void table_cell(struct pf_writer *w, size_t column, const uint8_t *p,
		       size_t len, bool right)
{
	const size_t width = w->widths[column];
	const bool last = column + 1 == w->schema->n;
	size_t have = pf_utf8_width(p, len);
	bool cut = have > width && w->options.width;
	if (cut) {
		/* Characters that leave a place for the mark of the cut. */
		size_t kept = 0, columns = 0;
		while (kept < len) {
			uint32_t cp;
			unsigned n = pf_utf8_decode(p + kept, len - kept, &cp);
			n = n ? n : 1;
			size_t more = pf_utf8_width(p + kept, n);
			if (columns + more + 1 > width)
				break;
			kept += n;
			columns += more;
		}
		len = kept;
		have = columns + 1;
	}
	size_t behind = right ? pad_behind(w, column, p, len) : 0;
	size_t pad = have + behind < width ? width - have - behind : 0;
	if (right)
		for (size_t i = 0; i < pad; i++)
			pf_buf_byte(&w->out, ' ');
	pf_buf_add(&w->out, p, len);
	if (cut)
		pf_buf_str(&w->out, w->options.ascii ? "~" : "\xe2\x80\xa6");
	size_t after = last ? 0 : GAP + (right ? behind : pad);
	for (size_t i = 0; i < after; i++)
		pf_buf_byte(&w->out, ' ');
}

static void table_text(struct pf_buf *out, struct pf_type type,
		       const struct pf_column *c, int64_t row,
		       const struct pf_zone *zone)
{
	if (pf_is_null(c, row)) {
		pf_buf_str(out, "NULL");
		return;
	}
	if (type.kind == PF_STRING) {
		struct pf_view v = pf_bytes_at(c, row);
		escaped_text(out, v.data, v.len, true);
		return;
	}
	pf_format_value(out, type, c, row, PF_VALUE_PLAIN, zone);
}

/* Widths as measured; when the terminal is narrower, the widest give way. */
static void fit_widths(struct pf_writer *w)
{
	const size_t n = w->schema->n;
	size_t total = n ? (n - 1) * GAP : 0;
	for (size_t i = 0; i < n; i++)
		total += w->widths[i];
	while (w->options.width && total > w->options.width) {
		size_t widest = 0;
		for (size_t i = 1; i < n; i++)
			if (w->widths[i] > w->widths[widest])
				widest = i;
		if (w->widths[widest] <= LEAST_WIDTH)
			break;
		w->widths[widest]--;
		total--;
	}
	for (size_t i = 0; i < n; i++)
		if (w->widths[i] < w->before_point[i] + w->from_point[i])
			w->from_point[i] = 0;
}

static void table_header(struct pf_writer *w)
{
	const size_t n = w->schema->n;
	if (w->options.bold_header)
		pf_buf_str(&w->out, "\033[1m");
	for (size_t i = 0; i < n; i++) {
		struct pf_buf name = { 0 };
		const struct pf_field *f = &w->schema->fields[i];
		escaped_text(&name, (const uint8_t *)f->name, strlen(f->name), true);
		table_cell(w, i, name.data, name.len, right_aligned(f->type.kind));
		pf_buf_free(&name);
	}
	if (w->options.bold_header)
		pf_buf_str(&w->out, "\033[0m");
	pf_buf_byte(&w->out, '\n');
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < w->widths[i]; k++)
			pf_buf_byte(&w->out, '-');
		pf_buf_str(&w->out, i + 1 < n ? "  " : "\n");
	}
}

static void table_line(struct pf_writer *w, const uint8_t *texts,
		       const size_t *lengths)
{
	for (size_t i = 0; i < w->schema->n; i++) {
		table_cell(w, i, texts, lengths[i],
			   right_aligned(w->schema->fields[i].type.kind));
		texts += lengths[i];
	}
	pf_buf_byte(&w->out, '\n');
}

/* Widths are known, or all rows are here: header and what waited. */
static void table_begin(struct pf_writer *w)
{
	if (w->begun)
		return;
	w->begun = true;
	for (size_t i = 0; i < w->schema->n; i++) {
		const char *name = w->schema->fields[i].name;
		size_t width = pf_utf8_width(name, strlen(name));
		if (width > w->widths[i])
			w->widths[i] = width;
		width = w->before_point[i] + w->from_point[i];
		if (width > w->widths[i])
			w->widths[i] = width;
	}
	fit_widths(w);
	table_header(w);
	const uint8_t *texts = w->cells.data;
	const size_t *lengths = (const size_t *)(const void *)w->lengths.data;
	for (int64_t row = 0; row < w->waiting; row++) {
		table_line(w, texts, lengths);
		for (size_t i = 0; i < w->schema->n; i++)
			texts += *lengths++;
	}
	w->waiting = 0;
	w->cells.len = w->lengths.len = 0;
}

static void measure(struct pf_writer *w, size_t column, const uint8_t *p, size_t len)
{
	enum pf_kind kind = w->schema->fields[column].type.kind;
	size_t width = pf_utf8_width(p, len), from_point;
	if (width > w->widths[column])
		w->widths[column] = width;
	if ((kind != PF_FLOAT && kind != PF_DOUBLE) || !point_of(p, len, &from_point))
		return;
	if (len - from_point > w->before_point[column])
		w->before_point[column] = len - from_point;
	if (from_point > w->from_point[column])
		w->from_point[column] = from_point;
}

static void table_row(struct pf_writer *w, const struct pf_batch *b, int64_t row)
{
	size_t start = w->cells.len, first = w->lengths.len;
	for (size_t i = 0; i < w->schema->n; i++) {
		size_t before = w->cells.len;
		table_text(&w->cells, w->schema->fields[i].type, &b->columns[i], row,
			   w->options.zone);
		size_t len = w->cells.len - before;
		pf_buf_add(&w->lengths, &len, sizeof len);
		if (!w->begun)
			measure(w, i, w->cells.data + before, len);
	}
	if (!w->begun) {
		if (++w->waiting == MEASURED_ROWS)
			table_begin(w);
		return;
	}
	table_line(w, w->cells.data + start,
		   (const size_t *)(const void *)(w->lengths.data + first));
	w->cells.len = w->lengths.len = 0;
}

/* --- the whole --- */

static void begin(struct pf_writer *w)
{
	if (w->begun || w->options.format == PF_ROWS_TABLE)
		return;
	w->begun = true;
	switch (w->options.format) {
	case PF_ROWS_CSV:
	case PF_ROWS_TSV:
		header_line(w);
		break;
	case PF_ROWS_JSON:
		pf_buf_byte(&w->out, '[');
		break;
	case PF_ROWS_MD:
		md_header(w);
		break;
	default:
		break;
	}
}

static void write_row(struct pf_writer *w, const struct pf_batch *b, int64_t row)
{
	switch (w->options.format) {
	case PF_ROWS_TABLE:
		table_row(w, b, row);
		break;
	case PF_ROWS_CSV:
	case PF_ROWS_TSV:
		delimited_row(w, b, row);
		break;
	case PF_ROWS_JSONL:
		json_row(w, b, row);
		pf_buf_byte(&w->out, '\n');
		break;
	case PF_ROWS_JSON:
		pf_buf_str(&w->out, w->rows ? ",\n " : "\n ");
		json_row(w, b, row);
		break;
	case PF_ROWS_MD:
		md_row(w, b, row);
		break;
	}
	w->rows++;
}

int pf_writer_batch(struct pf_writer *w, const struct pf_batch *b,
		    struct pf_error *err)
{
	if (b->rows)
		begin(w);
	for (int64_t row = 0; row < b->rows; row++) {
		write_row(w, b, row);
		if (w->out.len >= FLUSH_BYTES)
			PF_TRY(drain(w, err));
	}
	return 0;
}

int pf_writer_flush(struct pf_writer *w, struct pf_error *err)
{
	if (w->options.format == PF_ROWS_TABLE && w->waiting)
		table_begin(w);
	return drain(w, err);
}

int pf_writer_finish(struct pf_writer *w, struct pf_error *err)
{
	if (w->finished)
		return 0;
	w->finished = true;
	begin(w);
	if (w->options.format == PF_ROWS_TABLE)
		table_begin(w);
	if (w->options.format == PF_ROWS_JSON)
		pf_buf_str(&w->out, w->rows ? "\n]\n" : "]\n");
	return drain(w, err);
}
