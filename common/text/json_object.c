/* SPDX-License-Identifier: Apache-2.0
 *
 * A JSON object becomes a row, led by the definition: the columns'
 * paths form a tree, and each object of it remembers the text that stood
 * between its values in the row before ('","price":'). Where the next row has
 * the same bytes there, the key is known without being parsed. Every other key
 * takes the general way and is remembered in turn. Values have a short way per
 * type and a general one, which accept the same texts.
 *
 * Of duplicate keys the last wins. Keys that no column wants are checked and
 * passed by.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "text/fast_value.h"
#include "text/changes.h"
#include "text/json_rows.h"

/* --- complaints --- */

const uint8_t *pf_json_complain(struct pf_json_rows *j, int code, const char *column,
				const char *reason)
{
	j->code = code;
	j->column = column;
	snprintf(j->reason, sizeof j->reason, "%s", reason);
	return NULL;
}

static const uint8_t *complain_value(struct pf_json_rows *j, const struct pf_conv *c,
				     const void *value, size_t len, const char *why)
{
	j->code = PF_E_BAD_VALUE;
	j->column = c->name;
	pf_text_reason(j->reason, sizeof j->reason, value, len, why);
	return NULL;
}

/* --- values, the general way --- */

static bool append_null(struct pf_json_rows *j, uint32_t column)
{
	const struct pf_conv *c = &j->conv[column];
	if (!c->nullable)
		return pf_json_complain(j, PF_E_NULL_VALUE, c->name, "the value is missing");
	pf_col_null(&j->columns[column]);
	j->filled++;
	return true;
}

static bool append_text(struct pf_json_rows *j, uint32_t column, const uint8_t *p,
			size_t len)
{
	struct pf_conv *c = &j->conv[column];
	const char *text = (const char *)p;
	if (c->nnulls && pf_conv_is_null(c, text, len))
		return append_null(j, column);
	const char *why = pf_conv_append(c, &j->columns[column], text, len);
	if (why)
		return complain_value(j, c, p, len, why);
	j->filled++;
	return true;
}

/* A value that is written as the stream's schema says becomes text. */
static bool decode(struct pf_json_rows *j, const struct pf_conv *c,
		   const struct pf_coding *coding, struct pf_view value, struct pf_view *text)
{
	char reason[256];
	if (coding->kind == PF_CODING_UNKNOWN) {
		snprintf(reason, sizeof reason,
			 "the message's schema names the type '%.150s', which is not known",
			 coding->name);
		return pf_json_complain(j, PF_E_BAD_VALUE, c->name, reason);
	}
	size_t start = j->scratch.len;
	const char *why = pf_coding_text(coding, value, &j->scratch);
	size_t quotes = *value.data == '"';
	if (why)
		return complain_value(j, c, value.data + quotes, value.len - 2 * quotes, why);
	*text = pf_view_of(j->scratch.data + start, j->scratch.len - start);
	return true;
}

/* A value [p, end) that was scanned goes where the node says. */
static bool to_sink(struct pf_json_rows *j, struct pf_json_sink sink, const uint8_t *p,
		    const uint8_t *end)
{
	struct pf_conv *c = &j->conv[sink.column];
	const struct pf_coding *coding = j->codings ? &j->codings[sink.column] : NULL;
	uint8_t first = *p;
	bool decoded = false;
	struct pf_view text = pf_view_of(p, (size_t)(end - p));
	if (coding && coding->kind && first != 'n') {
		if (!decode(j, c, coding, text, &text))
			return false;
		decoded = true;
		first = '"';
	} else if (first == '"') {
		text = pf_view_of(p + 1, text.len - 2);
		if (memchr(text.data, '\\', text.len)) {
			size_t start = j->scratch.len;
			pf_json_decode(text.data, text.len, &j->scratch);
			text = pf_view_of(j->scratch.data + start,
					  j->scratch.len - start);
			decoded = true;
		}
	}
	if (sink.part != PF_JSON_WHOLE) {
		struct pf_json_part *part = &j->parts[sink.column][sink.part];
		/* What was decoded lies in the scratch already, which may move. */
		size_t start = j->scratch.len - (decoded ? text.len : 0);
		if (!decoded)
			pf_buf_add(&j->scratch, text.data, text.len);
		*part = (struct pf_json_part){ .at = start, .len = text.len, .row = j->row,
				       .null = first == 'n' };
		if (first == '{' || first == '[')
			return complain_value(j, c, p, text.len, "is not a single value");
		return true;
	}
	if (first == 'n')
		return append_null(j, sink.column);
	if (first == '{' || first == '[') {
		if (c->kind != PF_STRING)
			return complain_value(j, c, p, text.len, "is not a single value");
		size_t start = j->scratch.len;
		pf_json_compact(p, text.len, &j->scratch);
		pf_col_bytes(&j->columns[sink.column],
			     j->scratch.data + start, j->scratch.len - start);
		j->filled++;
		return true;
	}
	if (first != '"' && pf_kind_is_time(c->kind) &&
	    c->format.kind <= PF_TIMEFMT_RFC3339)
		return complain_value(j, c, p, text.len,
				      "is a number; say 'format: epoch_ms' or the like");
	return append_text(j, sink.column, text.data, text.len);
}

/* The key comes a second time in this row: what the first left is taken back. */
static void forget(struct pf_json_rows *j, struct pf_json_node *n)
{
	if (n->seen != j->row)
		return;
	n->seen = 0;
	for (size_t i = 0; i < n->nsinks; i++) {
		const struct pf_json_sink s = n->sinks[i];
		if (s.part != PF_JSON_WHOLE) {
			j->parts[s.column][s.part].row = 0;
			continue;
		}
		struct pf_colbuf *c = &j->columns[s.column];
		if (c->rows > j->target) {
			pf_col_truncate(c, j->target);
			j->filled--;
		}
	}
	for (size_t i = 0; i < n->nchildren; i++)
		forget(j, n->children[i]);
}

static const uint8_t *object(struct pf_json_rows *j, struct pf_json_node *n,
			     const uint8_t *p);

static const uint8_t *general_value(struct pf_json_rows *j, struct pf_json_node *n,
				    const uint8_t *p)
{
	const uint8_t *end;
	/* More blanks than the row before had. */
	p = pf_json_blanks(&j->scan, p);
	if (n->nchildren && *p == '{') {
		end = object(j, n, p + 1);
		if (!end || !n->nsinks)
			return end;
	} else {
		end = pf_json_skip(&j->scan, p);
		if (!end)
			return NULL;
	}
	for (size_t i = 0; i < n->nsinks; i++)
		if (!to_sink(j, n->sinks[i], p, end))
			return NULL;
	return end;
}

/* --- values, the short ways: NULL means the general way --- */

static inline const uint8_t *short_string(struct pf_json_rows *j, struct pf_conv *c,
					  struct pf_colbuf *out, const uint8_t *p)
{
	bool high = false;
	if (*p != '"')
		return NULL;
	const uint8_t *start = p + 1;
	p = pf_find_string_end(start, &high);
	size_t len = (size_t)(p - start);
	if (*p != '"' || (high && !pf_utf8_valid(start, len)))
		return NULL;
	if (c->fast == PF_FAST_STRING) {
		pf_fast_bytes(out, start, len);
		return p + 1;
	}
	const char *why = pf_conv_append_time(c, out, (const char *)start, len);
	if (why)
		complain_value(j, c, start, len, why);
	return p + 1;
}

static inline const uint8_t *short_value(struct pf_json_rows *j, enum pf_fast fast,
					 uint32_t column, const uint8_t *p)
{
	struct pf_conv *c = &j->conv[column];
	struct pf_colbuf *out = &j->columns[column];
	if (*p == 'n' && c->nullable && !memcmp(p, "null", 4) && pf_fast_end(p + 4, NULL)) {
		pf_col_null(out);
		return p + 4;
	}
	switch (fast) {
	case PF_FAST_INT:
		return pf_fast_int(c, out, p, NULL);
	case PF_FAST_DOUBLE:
		return pf_fast_double(c, out, p, NULL);
	case PF_FAST_DECIMAL:
		return pf_fast_decimal(c, out, p, NULL);
	case PF_FAST_STRING:
	case PF_FAST_TIME:
		return short_string(j, c, out, p);
	case PF_FAST_EPOCH:
		return pf_fast_epoch(c, out, p, NULL);
	case PF_FAST_BOOL:
		if (!memcmp(p, "true", 4) && pf_fast_end(p + 4, NULL)) {
			pf_col_bool(out, true);
			return p + 4;
		}
		if (!memcmp(p, "false", 5) && pf_fast_end(p + 5, NULL)) {
			pf_col_bool(out, false);
			return p + 5;
		}
		return NULL;
	default:
		return NULL;
	}
}

static inline const uint8_t *value(struct pf_json_rows *j, struct pf_json_node *n,
				   const uint8_t *p)
{
	if (!n)
		return pf_json_skip(&j->scan, pf_json_blanks(&j->scan, p));
	if (n->seen == j->row)
		forget(j, n);
	n->seen = j->row;
	if (n->fast) {
		const uint8_t *end = short_value(j, n->fast, n->column, p);
		if (j->code)
			return NULL;
		if (end) {
			j->filled++;
			return end;
		}
	}
	return general_value(j, n, p);
}

/* --- keys --- */

static void remember(struct pf_json_node *n, size_t at, const uint8_t *p, size_t len,
		     struct pf_json_node *child)
{
	if (len > PF_JSON_LONGEST_LITERAL || at >= PF_JSON_MOST_GUESSES)
		return;
	if (at >= n->guess_cap) {
		n->guess_cap = pf_grow(n->guess_cap, at + 8);
		n->guesses = pf_realloc(n->guesses, n->guess_cap, sizeof *n->guesses);
	}
	/* Places before `at` that were not remembered stay as they were, or
	 * never match. */
	while (n->nguesses <= at)
		n->guesses[n->nguesses++].len = 0;
	struct pf_json_guess *g = &n->guesses[at];
	memset(g->literal, 0, sizeof g->literal);
	memcpy(g->literal, p, len);
	g->len = len;
	g->child = child;
}

static inline bool matches(const struct pf_json_guess *g, const uint8_t *p)
{
	if (g->len <= 32)
		return g->len && pf_same32(p, g->literal, g->len);
	return pf_same32(p, g->literal, 32) &&
	       pf_same32(p + 32, g->literal + 32, g->len - 32);
}

/* p: behind { or a value, at whatever comes. Returns the value's first byte. */
static const uint8_t *general_key(struct pf_json_rows *j, struct pf_json_node *n,
				  size_t at, const uint8_t *p, bool first,
				  struct pf_json_node **child)
{
	const uint8_t *start = p;
	bool coded;
	p = pf_json_blanks(&j->scan, p);
	if (!first) {
		if (*p != ',')
			return pf_json_bad(&j->scan, p, "a comma or } is expected");
		p = pf_json_blanks(&j->scan, p + 1);
	}
	if (*p != '"')
		return pf_json_bad(&j->scan, p, "a key in quotes is expected");
	const uint8_t *key = p + 1;
	p = pf_json_string(&j->scan, key, &coded);
	if (!p)
		return NULL;
	size_t len = (size_t)(p - key);
	if (coded) {
		j->key.len = 0;
		pf_json_decode(key, len, &j->key);
		key = j->key.data;
		len = j->key.len;
	}
	*child = pf_json_child(n, key, len);
	if (!*child && n == &j->root && j->changes)
		pf_changes_unknown(j->changes, pf_view_of(key, len));
	p = pf_json_blanks(&j->scan, p + 1);
	if (*p != ':')
		return pf_json_bad(&j->scan, p, "a colon is expected");
	p = pf_json_blanks(&j->scan, p + 1);
	remember(n, at, start, (size_t)(p - start), *child);
	return p;
}

/* p: behind {. Returns what follows the matching }, or NULL. Recursion is as
 * deep as the definition's paths. */
static const uint8_t *object(struct pf_json_rows *j, struct pf_json_node *n,
			     const uint8_t *p)
{
	struct pf_json_node *child = NULL;
	for (size_t i = 0;; i++) {
		if (i < n->nguesses && matches(&n->guesses[i], p)) {
			p += n->guesses[i].len;
			child = n->guesses[i].child;
		} else if (i && i + 1 < n->nguesses &&
			   matches(&n->guesses[i + 1], p)) {
			i++;
			p += n->guesses[i].len;
			child = n->guesses[i].child;
		} else {
			const uint8_t *q = pf_json_blanks(&j->scan, p);
			if (*q == '}')
				return q + 1;
			p = general_key(j, n, i, p, i == 0, &child);
			if (!p)
				return NULL;
		}
		p = value(j, child, p);
		if (!p)
			return NULL;
		if (*p == '}')
			return p + 1;
	}
}

/* --- the whole row --- */

bool pf_json_finish_column(struct pf_json_rows *j, uint32_t i)
{
	struct pf_text *t = j->text;
	const struct pf_coldef *def = &t->def->columns[i];
	if (t->constants[i])
		return append_text(j, i, (const uint8_t *)t->constants[i],
				   strlen(t->constants[i]));
	if (!j->parts[i])
		return append_null(j, i);
	size_t start = j->scratch.len;
	for (size_t k = 0; k < def->nfrom; k++) {
		const struct pf_json_part *part = &j->parts[i][k];
		if (part->row != j->row || part->null)
			return append_null(j, i);
		/* Room first: the part lies in the buffer that grows. */
		pf_buf_room(&j->scratch, part->len + 1);
		if (k)
			pf_buf_byte(&j->scratch, ' ');
		pf_buf_add(&j->scratch, j->scratch.data + part->at, part->len);
	}
	return append_text(j, i, j->scratch.data + start, j->scratch.len - start);
}

bool pf_json_finish_row(struct pf_json_rows *j)
{
	const struct pf_tabledef *def = j->text->def;
	for (uint32_t i = 0; j->filled < def->n && i < def->n; i++)
		if (j->columns[i].rows == j->target && !pf_json_finish_column(j, i))
			return false;
	return true;
}

void pf_json_begin(struct pf_json_rows *j)
{
	j->row++;
	j->filled = 0;
	j->code = 0;
	j->scratch.len = 0;
}

const uint8_t *pf_json_malformed(struct pf_json_rows *j, const uint8_t *start)
{
	char reason[160];
	snprintf(reason, sizeof reason, "malformed JSON at byte %zu of the row: %s",
		 (size_t)(j->scan.where - start), j->scan.why);
	return pf_json_complain(j, PF_E_JSON, NULL, reason);
}

const uint8_t *pf_json_object(struct pf_json_rows *j, struct pf_json_node *root,
			      const uint8_t *p)
{
	const uint8_t *start = p;
	p = object(j, root, p + 1);
	return p || j->code ? p : pf_json_malformed(j, start);
}

const uint8_t *pf_json_row(struct pf_json_rows *j, const uint8_t *p)
{
	pf_json_begin(j);
	if (*p != '{')
		return pf_json_complain(j, PF_E_JSON, NULL, "the row is no JSON object");
	return pf_json_object(j, &j->root, p);
}
