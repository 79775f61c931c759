/* SPDX-License-Identifier: Apache-2.0 */
#include "text/line_write.h"

#include <stdlib.h>
#include <string.h>

#include "arrow/value_text.h"
#include "base/alloc.h"
#include "text/escape.h"

enum { BLOCK = 32 }; /* bytes that are copied at once */

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

struct pf_line_writer {
	const struct pf_schema *schema;
	enum pf_rows_format format;
	const struct pf_zone *zone;
	bool no_header;
	bool *human;            /* of each column: a count for people */
	struct last_two *lasts; /* of each column */
	/* csv, tsv: what stands between the columns that differ from row to row. */
	struct pf_buf same;
	struct piece *pieces;
	size_t npieces;
	size_t line_room; /* for all that is the same and numbers */
};

struct pf_line_writer *pf_line_writer_new(const struct pf_schema *schema,
					  const struct pf_writer_options *options)
{
	struct pf_line_writer *w = pf_zalloc(1, sizeof *w);
	w->schema = schema;
	w->format = options->format;
	w->zone = options->zone;
	w->no_header = options->no_header;
	w->human = pf_zalloc(schema->n + 1, sizeof *w->human);
	for (size_t i = 0; i < schema->n && options->human; i++)
		w->human[i] = options->format != PF_ROWS_CSV &&
			      pf_format_is_count(&schema->fields[i]);
	w->lasts = pf_zalloc(schema->n + 1, sizeof *w->lasts);
	w->pieces = pf_zalloc(schema->n + 1, sizeof *w->pieces);
	return w;
}

void pf_line_writer_free(struct pf_line_writer *w)
{
	if (!w)
		return;
	pf_buf_free(&w->same);
	free(w->pieces);
	free(w->lasts);
	free(w->human);
	free(w);
}

/* --- cells --- */

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

/* The text of a cell that is not null. */
static void line_cell(const struct pf_line_writer *w, size_t column,
		      const struct pf_column *c, int64_t row, struct pf_buf *out)
{
	const struct pf_type type = w->schema->fields[column].type;
	switch (type.kind) {
	case PF_STRING:
	case PF_STRINGS:
		break;
	case PF_INT:
		pf_format_int(out, ((const int32_t *)c->values)[row]);
		return;
	case PF_BIGINT:
		if (w->human[column])
			pf_format_count(out, type, c, row);
		else
			pf_format_int(out, ((const int64_t *)c->values)[row]);
		return;
	default:
		pf_format_value(out, type, c, row, PF_VALUE_PLAIN, w->zone);
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
	if (w->format == PF_ROWS_CSV)
		csv_text(out, v.data, v.len);
	else if (w->format == PF_ROWS_TSV)
		pf_escape_field(out, v.data, v.len);
	else
		md_text(out, v.data, v.len);
	pf_buf_free(&list);
}

/* --- csv, tsv --- */

static void header_line(const struct pf_line_writer *w, struct pf_buf *out)
{
	const uint8_t between = w->format == PF_ROWS_CSV ? ',' : '\t';
	if (w->no_header || !w->schema->n)
		return;
	for (size_t i = 0; i < w->schema->n; i++) {
		const char *name = w->schema->fields[i].name;
		if (i)
			pf_buf_byte(out, between);
		if (w->format == PF_ROWS_CSV)
			csv_text(out, (const uint8_t *)name, strlen(name));
		else
			pf_escape_field(out, name, strlen(name));
	}
	pf_buf_byte(out, '\n');
}

/* Has a column one value in all rows of a batch, of one at least? Only of kinds whose values
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
static void make_pieces(struct pf_line_writer *w, const struct pf_batch *b)
{
	const uint8_t between = w->format == PF_ROWS_CSV ? ',' : '\t';
	size_t from = 0;
	w->same.len = w->npieces = 0;
	for (size_t i = 0; i < w->schema->n; i++) {
		const struct pf_column *c = &b->columns[i];
		if (i)
			pf_buf_byte(&w->same, between);
		if (is_same(w->schema->fields[i].type.kind, c, b->rows)) {
			if (!c->nulls)
				line_cell(w, i, c, 0, &w->same);
			continue;
		}
		w->pieces[w->npieces++] = (struct piece){
			.from = from, .len = w->same.len - from, .column = i,
			.cell = w->human[i] ? CELL_OTHER :
				cell_of(w->schema->fields[i].type.kind, c),
			.ints = c->values, .wide = c->values, .lasts = &w->lasts[i] };
		from = w->same.len;
	}
	pf_buf_byte(&w->same, '\n');
	w->pieces[w->npieces++] = (struct piece){
		.from = from, .len = w->same.len - from, .cell = CELL_END };
	pf_buf_zeros(&w->same, BLOCK); /* that copies may read, too */
	w->line_room = w->same.len + w->npieces * sizeof(((struct last *)0)->text);
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

static uint8_t *any_cell(const struct pf_line_writer *w, const struct piece *p,
			 const struct pf_column *c, int64_t row, struct pf_buf *out,
			 uint8_t *to)
{
	out->len = (size_t)(to - out->data);
	line_cell(w, p->column, c, row, out);
	return pf_buf_room(out, w->line_room);
}

static uint8_t *new_cell(const struct pf_line_writer *w, const struct piece *p,
			 const struct pf_column *c, int64_t row, uint64_t code,
			 struct pf_buf *out, uint8_t *to)
{
	size_t start = (size_t)(to - out->data);
	to = any_cell(w, p, c, row, out, to);
	size_t len = out->len - start;
	if (len > sizeof p->lasts->of->text)
		return to;
	p->lasts->newest ^= 1;
	struct last *last = &p->lasts->of[p->lasts->newest];
	last->code = code;
	last->len = len;
	memcpy(last->text, out->data + start, len);
	return to;
}

/* A cell that is often one of the last two. */
static inline uint8_t *coded_cell(const struct pf_line_writer *w, const struct piece *p,
				  const struct pf_column *c, int64_t row, uint64_t code,
				  struct pf_buf *out, uint8_t *to)
{
	struct last_two *lasts = p->lasts;
	for (unsigned i = 0; i < 2; i++)
		if (lasts->of[i].len && lasts->of[i].code == code) {
			lasts->newest = i;
			return copy(to, lasts->of[i].text, lasts->of[i].len);
		}
	return new_cell(w, p, c, row, code, out, to);
}

static uint8_t *cell(const struct pf_line_writer *w, const struct piece *p,
		     const struct pf_column *c, int64_t row, struct pf_buf *out, uint8_t *to)
{
	uint64_t code;
	if (p->cell == CELL_DATE)
		return coded_cell(w, p, c, row, (uint64_t)p->ints[row], out, to);
	if (p->cell == CELL_TIME)
		return coded_cell(w, p, c, row, (uint64_t)p->wide[row], out, to);
	if (p->cell == CELL_TEXT && code_of(pf_bytes_at(c, row), &code))
		return coded_cell(w, p, c, row, code, out, to);
	return any_cell(w, p, c, row, out, to);
}

static void delimited_row(const struct pf_line_writer *w, const struct pf_batch *b, int64_t row,
			  struct pf_buf *out)
{
	uint8_t *to = pf_buf_room(out, w->line_room);
	for (size_t i = 0; i < w->npieces; i++) {
		const struct piece *p = &w->pieces[i];
		const struct pf_column *c = &b->columns[p->column];
		to = copy(to, w->same.data + p->from, p->len);
		if (p->cell == CELL_BIGINT) {
			to = pf_put_int(to, p->wide[row]);
		} else if (p->cell == CELL_INT) {
			to = pf_put_int(to, p->ints[row]);
		} else if (p->cell != CELL_END && !pf_is_null(c, row)) {
			to = cell(w, p, c, row, out, to);
		}
	}
	out->len = (size_t)(to - out->data);
}

/* --- md --- */

static void md_header(const struct pf_line_writer *w, struct pf_buf *out)
{
	for (size_t i = 0; i < w->schema->n; i++) {
		const char *name = w->schema->fields[i].name;
		pf_buf_str(out, i ? " | " : "| ");
		md_text(out, (const uint8_t *)name, strlen(name));
	}
	pf_buf_str(out, " |\n");
	for (size_t i = 0; i < w->schema->n; i++) {
		bool right = pf_kind_is_number(w->schema->fields[i].type.kind);
		pf_buf_str(out, right ? "| ---: " : "| --- ");
	}
	pf_buf_str(out, "|\n");
}

static void md_row(const struct pf_line_writer *w, const struct pf_batch *b, int64_t row,
		   struct pf_buf *out)
{
	for (size_t i = 0; i < w->schema->n; i++) {
		pf_buf_str(out, i ? " | " : "| ");
		if (pf_is_null(&b->columns[i], row))
			pf_buf_str(out, "NULL");
		else
			line_cell(w, i, &b->columns[i], row, out);
	}
	pf_buf_str(out, " |\n");
}

/* --- all of them --- */

void pf_line_writer_header(const struct pf_line_writer *w, struct pf_buf *out)
{
	if (w->format == PF_ROWS_MD)
		md_header(w, out);
	else
		header_line(w, out);
}

void pf_line_writer_batch(struct pf_line_writer *w, const struct pf_batch *b)
{
	if (w->format != PF_ROWS_MD)
		make_pieces(w, b);
}

void pf_line_writer_row(const struct pf_line_writer *w, const struct pf_batch *b, int64_t row,
			struct pf_buf *out)
{
	if (w->format == PF_ROWS_MD)
		md_row(w, b, row, out);
	else
		delimited_row(w, b, row, out);
}
