/* SPDX-License-Identifier: Apache-2.0 */
#include "text/aligned.h"

#include <stdlib.h>
#include <string.h>

#include "arrow/value_text.h"
#include "base/alloc.h"
#include "base/utf8.h"
#include "text/escape.h"

enum {
	MEASURED_ROWS = 1000,
	LEAST_WIDTH = 8, /* a column is not squeezed below this */
	GAP = 2,         /* between columns */
};

struct column {
	enum pf_kind kind;
	bool human; /* a count for people */
	size_t width;
	/* Of fractions: what stands before the point, and from it on. */
	size_t before_point, from_point;
};

struct pf_aligned {
	const struct pf_schema *schema;
	struct pf_aligned_options options;
	struct column *columns;
	bool begun;          /* widths are known, the header is written */
	size_t on_page;      /* rows since the header */
	/* Cells of the rows that wait, or of the one being written. */
	struct pf_buf cells;   /* their texts */
	struct pf_buf lengths; /* size_t each */
	size_t waiting;        /* rows */
};

struct pf_aligned *pf_aligned_new(const struct pf_schema *schema,
				  const struct pf_aligned_options *options)
{
	struct pf_aligned *t = pf_zalloc(1, sizeof *t);
	t->schema = schema;
	t->options = *options;
	t->columns = pf_zalloc(schema->n + 1, sizeof *t->columns);
	for (size_t i = 0; i < schema->n; i++) {
		t->columns[i].kind = schema->fields[i].type.kind;
		t->columns[i].human = options->human && pf_format_is_count(&schema->fields[i]);
	}
	return t;
}

void pf_aligned_free(struct pf_aligned *t)
{
	if (!t)
		return;
	pf_buf_free(&t->cells);
	pf_buf_free(&t->lengths);
	free(t->columns);
	free(t);
}

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

static void spaces(struct pf_buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pf_buf_byte(out, ' ');
}

/* Blanks behind a number, so that points stand below each other. */
static size_t pad_behind(const struct column *c, const uint8_t *p, size_t len)
{
	size_t own, most = c->from_point;
	if (!most || !point_of(p, len, &own) || own >= most ||
	    len + (most - own) > c->width)
		return 0;
	return most - own;
}

/* How many bytes fit in columns of a terminal; *columns becomes what they take. */
static size_t fitting(const uint8_t *p, size_t len, size_t *columns)
{
	size_t kept = 0, used = 0;
	while (kept < len) {
		uint32_t cp;
		unsigned n = pf_utf8_decode(p + kept, len - kept, &cp);
		n = n ? n : 1;
		size_t more = pf_utf8_width(p + kept, n);
		if (used + more > *columns)
			break;
		kept += n;
		used += more;
	}
	*columns = used;
	return kept;
}

/* A cell, padded to its column's width, cut if it must be. */
static void put_cell(const struct pf_aligned *t, size_t column, const uint8_t *p,
		     size_t len, struct pf_buf *out)
{
	const struct column *c = &t->columns[column];
	const bool right = pf_kind_is_number(c->kind), last = column + 1 == t->schema->n;
	size_t have = pf_utf8_width(p, len);
	const bool cut = have > c->width && t->options.width;
	if (cut) {
		have = c->width - 1; /* a place for the mark of the cut */
		len = fitting(p, len, &have);
		have++;
	}
	size_t behind = right ? pad_behind(c, p, len) : 0;
	size_t pad = have + behind < c->width ? c->width - have - behind : 0;
	if (right)
		spaces(out, pad);
	pf_buf_add(out, p, len);
	if (cut)
		pf_buf_str(out, t->options.ascii ? "~" : "\xe2\x80\xa6");
	if (!last)
		spaces(out, GAP + (right ? behind : pad));
}

static void put_header(struct pf_aligned *t, struct pf_buf *out)
{
	const size_t n = t->schema->n;
	if (t->options.bold_header)
		pf_buf_str(out, "\033[1m");
	for (size_t i = 0; i < n; i++) {
		struct pf_buf name = { 0 };
		const char *text = t->schema->fields[i].name;
		pf_escape_controls(&name, text, strlen(text));
		put_cell(t, i, name.data, name.len, out);
		pf_buf_free(&name);
	}
	if (t->options.bold_header)
		pf_buf_str(out, "\033[0m");
	pf_buf_byte(out, '\n');
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < t->columns[i].width; k++)
			pf_buf_byte(out, '-');
		pf_buf_str(out, i + 1 < n ? "  " : "\n");
	}
	t->on_page = 0;
}

static void put_line(struct pf_aligned *t, const uint8_t *texts, const size_t *lengths,
		     struct pf_buf *out)
{
	if (t->options.page_rows && t->on_page == t->options.page_rows)
		put_header(t, out);
	for (size_t i = 0; i < t->schema->n; i++) {
		put_cell(t, i, texts, lengths[i], out);
		texts += lengths[i];
	}
	pf_buf_byte(out, '\n');
	t->on_page++;
}

static void put_waiting(struct pf_aligned *t, struct pf_buf *out)
{
	const uint8_t *texts = t->cells.data;
	const size_t *lengths = (const size_t *)(const void *)t->lengths.data;
	for (size_t row = 0; row < t->waiting; row++) {
		put_line(t, texts, lengths, out);
		for (size_t i = 0; i < t->schema->n; i++)
			texts += *lengths++;
	}
	t->waiting = 0;
	t->cells.len = t->lengths.len = 0;
}

/* Names and numbers widen columns; where the terminal is narrower, the widest
 * give way. */
static void set_widths(struct pf_aligned *t)
{
	const size_t n = t->schema->n;
	size_t total = n ? (n - 1) * GAP : 0;
	for (size_t i = 0; i < n; i++) {
		struct column *c = &t->columns[i];
		const char *name = t->schema->fields[i].name;
		const size_t wide = pf_utf8_width(name, strlen(name));
		const size_t number = c->before_point + c->from_point;
		c->width = wide > c->width ? wide : c->width;
		c->width = number > c->width ? number : c->width;
		/* Room for the mark of a cut; no more than there is. */
		if (!c->width)
			c->width = 1;
		if (t->options.width && c->width > t->options.width)
			c->width = t->options.width;
		total += c->width;
	}
	while (t->options.width && total > t->options.width) {
		struct column *widest = &t->columns[0];
		for (size_t i = 1; i < n; i++)
			if (t->columns[i].width > widest->width)
				widest = &t->columns[i];
		if (widest->width <= LEAST_WIDTH)
			break;
		widest->width--;
		total--;
	}
	for (size_t i = 0; i < n; i++) {
		struct column *c = &t->columns[i];
		if (c->width < c->before_point + c->from_point)
			c->from_point = 0;
	}
}

void pf_aligned_flush(struct pf_aligned *t, struct pf_buf *out)
{
	if (!t->begun) {
		t->begun = true;
		set_widths(t);
		put_header(t, out);
	}
	put_waiting(t, out);
}

static void measure(struct column *c, const uint8_t *p, size_t len)
{
	size_t width = pf_utf8_width(p, len), from_point;
	if (width > c->width)
		c->width = width;
	if ((c->kind != PF_FLOAT && c->kind != PF_DOUBLE) ||
	    !point_of(p, len, &from_point))
		return;
	if (len - from_point > c->before_point)
		c->before_point = len - from_point;
	if (from_point > c->from_point)
		c->from_point = from_point;
}

static void cell_text(struct pf_buf *out, struct pf_type type, bool human,
		      const struct pf_column *c, int64_t row, const struct pf_zone *zone)
{
	if (pf_is_null(c, row)) {
		pf_buf_str(out, "NULL");
	} else if (human) {
		pf_format_count(out, type, c, row);
	} else if (type.kind == PF_STRING) {
		struct pf_view v = pf_bytes_at(c, row);
		pf_escape_controls(out, v.data, v.len);
	} else {
		pf_format_value(out, type, c, row, PF_VALUE_PLAIN, zone);
	}
}

void pf_aligned_row(struct pf_aligned *t, const struct pf_batch *b, int64_t row,
		    struct pf_buf *out)
{
	for (size_t i = 0; i < t->schema->n; i++) {
		size_t before = t->cells.len;
		cell_text(&t->cells, t->schema->fields[i].type, t->columns[i].human,
			  &b->columns[i], row, t->options.zone);
		size_t len = t->cells.len - before;
		pf_buf_add(&t->lengths, &len, sizeof len);
		if (!t->begun)
			measure(&t->columns[i], t->cells.data + before, len);
	}
	t->waiting++;
	if (t->begun || t->waiting == MEASURED_ROWS)
		pf_aligned_flush(t, out);
}
