/* SPDX-License-Identifier: Apache-2.0 */
#include "text/writer.h"

#include <stdlib.h>
#include <string.h>

#include "arrow/value_text.h"
#include "base/alloc.h"
#include "text/escape.h"

enum {
	FLUSH_BYTES = 64 << 10,
	BLOCK = 32, /* bytes that are copied at once */
};

/* Times and short texts often are those of the row before, or of the one before
 * that, where what was and what is stand in turn: how the last two were written. */
struct last_two {
	struct last {
		uint64_t code; /* code_of */
		size_t len;    /* 0: none */
		uint8_t text[64];
	} of[2];
	unsigned newest;
};

/* Bytes that all rows of a batch have, and the cell behind them. */
struct piece {
	size_t from, len;
	size_t column;
	enum cell { CELL_END, CELL_INT, CELL_BIGINT, CELL_DATE, CELL_TIME, CELL_TEXT,
		    CELL_OTHER } cell;
	const int32_t *ints;    /* values of CELL_INT, of which none is null, and _DATE */
	const int64_t *wide;    /* of CELL_BIGINT, likewise, and _TIME */
	struct last_two *lasts; /* of CELL_DATE, _TIME, _TEXT */
};

struct pf_writer {
	struct pf_byte_sink sink;
	struct pf_schema *schema;
	struct pf_writer_options options;
	struct pf_buf out;
	int64_t rows;
	bool begun;    /* the header is written */
	bool finished;
	struct last_two *lasts; /* of each column */
	/* csv, tsv: what stands between the columns that differ from row to row. */
	struct pf_buf same;
	struct piece *pieces;
	size_t npieces;
	size_t line_room; /* for all that is the same and numbers */
	struct pf_aligned *table; /* for format table */
	bool *human; /* of each column: a count for people */
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
	w->human = pf_zalloc(schema->n + 1, sizeof *w->human);
	for (size_t i = 0; i < schema->n && options->human; i++)
		w->human[i] = options->format != PF_ROWS_CSV &&
			      pf_format_is_count(&schema->fields[i]);
	w->lasts = pf_zalloc(schema->n + 1, sizeof *w->lasts);
	w->pieces = pf_zalloc(schema->n + 1, sizeof *w->pieces);
	if (options->format == PF_ROWS_TABLE)
		w->table = pf_aligned_new(w->schema, &w->options.table);
	*writer = w;
	return 0;
}

void pf_writer_free(struct pf_writer *w)
{
	if (!w)
		return;
	pf_aligned_free(w->table);
	pf_schema_unref(w->schema);
	pf_buf_free(&w->out);
	pf_buf_free(&w->same);
	free(w->pieces);
	free(w->lasts);
	free(w->human);
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

static void md_text(struct pf_buf *out, const uint8_t *p, size_t len)
{
	size_t start = out->len;
	pf_escape_controls(out, p, len);
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
		if (w->human[column])
			pf_format_count(&w->out, type, c, row);
		else
			pf_format_int(&w->out, ((const int64_t *)c->values)[row]);
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
		pf_escape_field(&w->out, v.data, v.len);
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
			pf_escape_field(&w->out, name, strlen(name));
	}
	pf_buf_byte(&w->out, '\n');
}

/* Has a column one value in all rows of a batch? Only of kinds whose values
 * are easily told apart. */
static bool is_same(enum pf_kind kind, const struct pf_column *c, int64_t rows)
{
	size_t width = pf_kind_width(kind);
	if (c->nulls)
		return c->nulls == rows;
	if (kind == PF_STRING) {
		struct pf_view first = pf_bytes_at(c, 0);
		for (int64_t i = 1; i < rows; i++)
			if (pf_view_cmp(first, pf_bytes_at(c, i)) != 0)
				return false;
		return true;
	}
	if (width != 4 && width != 8)
		return false;
	const uint8_t *values = c->values;
	return !memcmp(values, values + width, (size_t)(rows - 1) * width);
}

static enum cell cell_of(enum pf_kind kind, const struct pf_column *c)
{
	if (kind == PF_INT && !c->nulls)
		return CELL_INT;
	if (kind == PF_BIGINT && !c->nulls)
		return CELL_BIGINT;
	return kind == PF_STRING	  ? CELL_TEXT :
	       kind == PF_DATE		  ? CELL_DATE :
	       pf_kind_is_timestamp(kind) ? CELL_TIME :
					    CELL_OTHER;
}

/* Lines of a batch as pieces: what is the same in all of them is made once. */
static void make_pieces(struct pf_writer *w, const struct pf_batch *b)
{
	const uint8_t between = w->options.format == PF_ROWS_CSV ? ',' : '\t';
	size_t start = w->out.len, from = 0;
	w->same.len = w->npieces = 0;
	for (size_t i = 0; i < w->schema->n; i++) {
		const struct pf_column *c = &b->columns[i];
		if (i)
			pf_buf_byte(&w->out, between);
		if (is_same(w->schema->fields[i].type.kind, c, b->rows)) {
			if (!c->nulls)
				line_cell(w, i, c, 0);
			continue;
		}
		size_t to = w->out.len - start;
		w->pieces[w->npieces++] = (struct piece){
			.from = from, .len = to - from, .column = i,
			.cell = w->human[i] ? CELL_OTHER :
				cell_of(w->schema->fields[i].type.kind, c),
			.ints = c->values, .wide = c->values, .lasts = &w->lasts[i] };
		from = to;
	}
	pf_buf_byte(&w->out, '\n');
	w->pieces[w->npieces++] = (struct piece){
		.from = from, .len = w->out.len - start - from, .cell = CELL_END };
	pf_buf_add(&w->same, w->out.data + start, w->out.len - start);
	pf_buf_zeros(&w->same, BLOCK); /* that copies may read, too */
	w->line_room = w->same.len + w->npieces * sizeof(((struct last *)0)->text);
	w->out.len = start;
}

/* Whole blocks at a time, so some bytes more. */
static uint8_t *copy(uint8_t *to, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n; i += BLOCK)
		memcpy(to + i, from + i, BLOCK);
	return to + n;
}

/* The text and its length, if that is short; the same code is the same text. */
static bool code_of(struct pf_view v, uint64_t *code)
{
	if (v.len >= sizeof *code)
		return false;
	*code = v.len;
	for (size_t i = 0; i < v.len; i++)
		*code = *code << 8 | v.data[i];
	return true;
}

static uint8_t *any_cell(struct pf_writer *w, const struct piece *p, const struct pf_column *c,
			 int64_t row, uint8_t *to)
{
	w->out.len = (size_t)(to - w->out.data);
	line_cell(w, p->column, c, row);
	return pf_buf_room(&w->out, w->line_room);
}

static uint8_t *new_cell(struct pf_writer *w, const struct piece *p, const struct pf_column *c,
			 int64_t row, uint64_t code, uint8_t *to)
{
	size_t start = (size_t)(to - w->out.data);
	to = any_cell(w, p, c, row, to);
	size_t len = w->out.len - start;
	if (len > sizeof p->lasts->of->text)
		return to;
	p->lasts->newest ^= 1;
	struct last *last = &p->lasts->of[p->lasts->newest];
	last->code = code;
	last->len = len;
	memcpy(last->text, w->out.data + start, len);
	return to;
}

/* A cell that is often one of the last two. */
static inline uint8_t *coded_cell(struct pf_writer *w, const struct piece *p,
				  const struct pf_column *c, int64_t row, uint64_t code,
				  uint8_t *to)
{
	struct last_two *lasts = p->lasts;
	for (unsigned i = 0; i < 2; i++)
		if (lasts->of[i].len && lasts->of[i].code == code) {
			lasts->newest = i;
			return copy(to, lasts->of[i].text, lasts->of[i].len);
		}
	return new_cell(w, p, c, row, code, to);
}

static uint8_t *cell(struct pf_writer *w, const struct piece *p, const struct pf_column *c,
		     int64_t row, uint8_t *to)
{
	uint64_t code;
	if (p->cell == CELL_DATE)
		return coded_cell(w, p, c, row, (uint64_t)p->ints[row], to);
	if (p->cell == CELL_TIME)
		return coded_cell(w, p, c, row, (uint64_t)p->wide[row], to);
	if (p->cell == CELL_TEXT && code_of(pf_bytes_at(c, row), &code))
		return coded_cell(w, p, c, row, code, to);
	return any_cell(w, p, c, row, to);
}

static void delimited_row(struct pf_writer *w, const struct pf_batch *b, int64_t row)
{
	uint8_t *to = pf_buf_room(&w->out, w->line_room);
	for (size_t i = 0; i < w->npieces; i++) {
		const struct piece *p = &w->pieces[i];
		const struct pf_column *c = &b->columns[p->column];
		to = copy(to, w->same.data + p->from, p->len);
		if (p->cell == CELL_BIGINT) {
			to = pf_put_int(to, p->wide[row]);
		} else if (p->cell == CELL_INT) {
			to = pf_put_int(to, p->ints[row]);
		} else if (p->cell != CELL_END && !pf_is_null(c, row)) {
			to = cell(w, p, c, row, to);
		}
	}
	w->out.len = (size_t)(to - w->out.data);
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

static void md_header(struct pf_writer *w)
{
	for (size_t i = 0; i < w->schema->n; i++) {
		const char *name = w->schema->fields[i].name;
		pf_buf_str(&w->out, i ? " | " : "| ");
		md_text(&w->out, (const uint8_t *)name, strlen(name));
	}
	pf_buf_str(&w->out, " |\n");
	for (size_t i = 0; i < w->schema->n; i++) {
		bool right = pf_kind_is_number(w->schema->fields[i].type.kind);
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

/* --- the whole --- */

static void begin(struct pf_writer *w)
{
	if (w->begun || w->table)
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
		pf_aligned_row(w->table, b, row, &w->out);
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
	if (b->rows && (w->options.format == PF_ROWS_CSV || w->options.format == PF_ROWS_TSV))
		make_pieces(w, b);
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
