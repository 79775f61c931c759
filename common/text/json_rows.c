/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines, and the elements of one JSON array: where rows begin and end, and
 * what becomes of bad ones.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/changes.h"
#include "text/json_rows.h"

/* The object is whole, its text took len bytes: is it a row? */
static bool finish_row(struct pf_text *t, struct pf_builder *b, size_t len)
{
	char reason[256];
	if (!pf_json_finish_row(t->json))
		return false;
	if (!pf_text_too_large(t, b, len, reason, sizeof reason))
		return true;
	pf_json_complain(t->json, PF_E_ROW_SIZE, NULL, reason);
	return false;
}

/* What stands between p and the line's end is one row. */
static bool read_line(struct pf_text *t, struct pf_builder *b, const uint8_t *p,
		      const uint8_t *end)
{
	struct pf_json_rows *j = t->json;
	const uint8_t *q = pf_json_row(j, p);
	if (q)
		q = pf_json_blanks(&j->scan, q);
	if (q && q != end)
		q = pf_json_complain(j, PF_E_JSON, NULL, "text follows the JSON object");
	return q && finish_row(t, b, (size_t)(end - t->data) - t->at);
}

static int parse_lines(struct pf_text *t, struct pf_builder *b,
		       const struct pf_text_limits *limits, bool *more,
		       struct pf_error *err)
{
	struct pf_json_rows *j = t->json;
	int64_t rows = b->schema->n ? b->columns[0].rows : 0;
	*more = true;
	while (t->at < t->len) {
		const uint8_t *p = t->data + t->at;
		const uint8_t *end = memchr(p, '\n', t->len - t->at);
		if (!end)
			return 0;
		/* Messages may have many rows. */
		if (pf_text_full(b, rows, t->base + t->at, limits) ||
		    (j->changes && pf_builder_bytes(b) >= limits->built)) {
			*more = false;
			return 0;
		}
		const uint8_t *q = pf_json_blanks(&j->scan, p);
		if (q != end) {
			j->target = rows;
			if (j->changes ? pf_changes_line(j->changes, b, q, end) :
					 read_line(t, b, q, end)) {
				t->rows += b->columns[0].rows - rows;
				rows = b->columns[0].rows;
			} else {
				pf_builder_truncate(b, rows);
				PF_TRY(pf_text_reject(t, j->code, j->column,
						      (size_t)(end - p), j->reason,
						      err));
			}
		}
		t->at = (size_t)(end + 1 - t->data);
		t->line++;
	}
	return 0;
}

/* Move to p, counting the lines on the way. */
static void advance(struct pf_text *t, const uint8_t *p)
{
	const uint8_t *q = t->data + t->at;
	while ((q = memchr(q, '\n', (size_t)(p - q)))) {
		t->line++;
		q++;
	}
	t->at = (size_t)(p - t->data);
}

static int no_array(const struct pf_text *t, const char *what, struct pf_error *err)
{
	return pf_fail(err, PF_E_JSON, "%s:%llu: byte %llu: %s", t->file,
		       (unsigned long long)t->line + 1,
		       (unsigned long long)(t->base + t->at), what);
}

/* What stands between elements. *element: one begins at the cursor. */
static int between(struct pf_text *t, bool *element, struct pf_error *err)
{
	struct pf_json_rows *j = t->json;
	const uint8_t *end = t->data + t->len;
	*element = false;
	for (;;) {
		const uint8_t *p = pf_json_blanks(&j->scan, t->data + t->at);
		advance(t, p < end ? p : end);
		if (t->at == t->len)
			return 0;
		switch (j->state) {
		case PF_JSON_BEFORE:
			if (*p != '[') {
				no_array(t, "this is no JSON array", err);
				return *p == '{' ? pf_hint(err, "one object a line is jsonl") :
						   PF_E_JSON;
			}
			j->state = PF_JSON_OPENED;
			j->end_byte = t->base + t->at + 1;
			j->end_line = t->line;
			break;
		case PF_JSON_CLOSED:
			return no_array(t, "text follows the JSON array", err);
		default:
			if (*p == ']' && j->state != PF_JSON_AFTER_COMMA) {
				j->state = PF_JSON_CLOSED;
			} else if (*p == ',' && (j->state == PF_JSON_AFTER_VALUE ||
						 j->state == PF_JSON_RESUMED)) {
				j->state = PF_JSON_AFTER_COMMA;
			} else if (j->state == PF_JSON_AFTER_VALUE) {
				return no_array(t, "a comma or ] is expected", err);
			} else if (*p == ',' || *p == ']') {
				return no_array(t, "a value is expected", err);
			} else {
				*element = true;
				return 0;
			}
		}
		t->at++;
	}
}

static int parse_array(struct pf_text *t, struct pf_builder *b,
		       const struct pf_text_limits *limits, bool *more,
		       struct pf_error *err)
{
	struct pf_json_rows *j = t->json;
	const uint8_t *end = t->data + t->len;
	int64_t rows = b->schema->n ? b->columns[0].rows : 0;
	if (t->options.byte && j->state == PF_JSON_BEFORE) {
		j->state = PF_JSON_RESUMED;
		j->end_byte = t->base + t->at;
		j->end_line = t->line;
	}
	*more = true;
	for (;;) {
		bool element;
		if (pf_text_full(b, rows, t->base + t->at, limits)) {
			*more = false;
			return 0;
		}
		PF_TRY(between(t, &element, err));
		if (!element)
			return 0;
		const uint8_t *p = t->data + t->at;
		j->target = rows;
		const uint8_t *q = pf_json_row(j, p);
		if (q && q <= end && finish_row(t, b, (size_t)(q - p))) {
			rows++;
			t->rows++;
		} else {
			pf_builder_truncate(b, rows);
			/* Bad, or only not here yet? */
			const uint8_t *stop = q && q <= end ? q : pf_json_extent(p, end);
			if (!stop)
				return 0;
			PF_TRY(pf_text_reject(t, j->code, j->column,
					      (size_t)(stop - p), j->reason, err));
			q = stop;
		}
		advance(t, q);
		j->state = PF_JSON_AFTER_VALUE;
		j->end_byte = t->base + t->at;
		j->end_line = t->line;
	}
}

int pf_json_rows_parse(struct pf_text *t, struct pf_builder *b,
		       const struct pf_text_limits *limits, bool *more,
		       struct pf_error *err)
{
	t->json->builder = b;
	t->json->columns = b->columns;
	t->json->conv = t->conv;
	return t->format == PF_TEXT_JSON ? parse_array(t, b, limits, more, err) :
					   parse_lines(t, b, limits, more, err);
}

bool pf_json_rows_closed(const struct pf_text *t)
{
	return t->json->state == PF_JSON_CLOSED || t->json->state == PF_JSON_BEFORE;
}

void pf_json_rows_position(const struct pf_text *t, struct pf_text_position *p)
{
	if (t->json && t->json->changes)
		p->passed = *pf_changes_passed(t->json->changes);
	if (!t->json || t->json->state != PF_JSON_CLOSED)
		return;
	p->byte = t->json->end_byte;
	p->line = t->json->end_line;
}

int pf_json_rows_open(struct pf_text *t, struct pf_error *err)
{
	struct pf_json_rows *j = pf_zalloc(1, sizeof *j);
	t->json = j;
	j->text = t;
	j->scan.lines = t->format != PF_TEXT_JSON;
	j->parts = pf_zalloc(t->def->n, sizeof *j->parts);
	if (pf_text_format_changes(t->format))
		PF_TRY(pf_changes_open(j, err));
	return pf_json_tree_open(j, err);
}

void pf_json_rows_close(struct pf_json_rows *j)
{
	if (!j)
		return;
	pf_changes_close(j->changes);
	pf_json_tree_close(j);
	for (size_t i = 0; i < j->text->def->n; i++)
		free(j->parts[i]);
	free(j->parts);
	pf_buf_free(&j->scratch);
	pf_buf_free(&j->key);
	free(j);
}
