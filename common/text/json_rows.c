/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines and JSON arrays to rows, led by the definition: the columns'
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
#include "text/json_scan.h"
#include "text/reader_impl.h"

enum {
	LONGEST_LITERAL = 64, /* that is remembered */
	MOST_GUESSES = 512,
	DEEPEST_PATH = 32,
	MOST_PARTS = 16,
	WHOLE = -1,
};

/* What a value is for: a column, or one part of a column. */
struct sink {
	uint32_t column;
	int part;
};

struct node;

/* What stood before a value, and whose value it was (NULL: nobody's). */
struct guess {
	uint8_t literal[LONGEST_LITERAL];
	size_t len;
	struct node *child;
};

/* A key of the definition's paths; the root has none. */
struct node {
	char *key;
	size_t key_len;
	struct sink *sinks;
	size_t nsinks;
	struct node **children; /* by length, then bytes */
	size_t nchildren;
	struct guess *guesses;
	size_t nguesses, guess_cap;
	uint64_t seen; /* the row that had it last */
	enum pf_fast fast; /* of the only column, if there is nothing else */
	uint32_t column;
};

/* A part of a column, in the scratch. */
struct part {
	size_t at, len;
	uint64_t row;
	bool null;
};

enum state { BEFORE, OPENED, AFTER_VALUE, AFTER_COMMA, RESUMED, CLOSED };

struct pf_json_rows {
	struct pf_text *text;
	struct node root;
	struct pf_json_scan scan;
	struct part **parts; /* of columns with several sources, or NULL */
	enum state state;
	/* the row being read */
	struct pf_builder *builder;
	int64_t target; /* its number in the builder */
	uint64_t row;   /* its number, from 1 */
	size_t filled;
	int code; /* of a complaint, 0: none */
	const char *column;
	char reason[256];
	struct pf_buf scratch, key;
};

/* --- complaints --- */

static const uint8_t *complain(struct pf_json_rows *j, int code, const char *column,
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
	const struct pf_conv *c = &j->text->conv[column];
	if (!c->nullable)
		return complain(j, PF_E_NULL_VALUE, c->name, "the value is missing");
	pf_col_null(&j->builder->columns[column]);
	j->filled++;
	return true;
}

static bool append_text(struct pf_json_rows *j, uint32_t column, const uint8_t *p,
			size_t len)
{
	struct pf_conv *c = &j->text->conv[column];
	const char *text = (const char *)p;
	if (c->nnulls && pf_conv_is_null(c, text, len))
		return append_null(j, column);
	const char *why = pf_conv_append(c, &j->builder->columns[column], text, len);
	if (why)
		return complain_value(j, c, p, len, why);
	j->filled++;
	return true;
}

static bool is_time_kind(enum pf_kind kind)
{
	return kind == PF_DATE || kind == PF_TIME || pf_kind_is_timestamp(kind);
}

/* A value [p, end) that was scanned goes where the node says. */
static bool to_sink(struct pf_json_rows *j, struct sink sink, const uint8_t *p,
		    const uint8_t *end)
{
	struct pf_conv *c = &j->text->conv[sink.column];
	const uint8_t first = *p;
	struct pf_view text = pf_view_of(p, (size_t)(end - p));
	if (first == '"') {
		text = pf_view_of(p + 1, text.len - 2);
		if (memchr(text.data, '\\', text.len)) {
			size_t start = j->scratch.len;
			pf_json_decode(text.data, text.len, &j->scratch);
			text = pf_view_of(j->scratch.data + start,
					  j->scratch.len - start);
		}
	}
	if (sink.part != WHOLE) {
		struct part *part = &j->parts[sink.column][sink.part];
		size_t start = j->scratch.len;
		pf_buf_room(&j->scratch, text.len);
		pf_buf_add(&j->scratch, text.data, text.len);
		*part = (struct part){ .at = start, .len = text.len, .row = j->row,
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
		pf_col_bytes(&j->builder->columns[sink.column],
			     j->scratch.data + start, j->scratch.len - start);
		j->filled++;
		return true;
	}
	if (first != '"' && is_time_kind(c->kind) &&
	    c->format.kind <= PF_TIMEFMT_RFC3339)
		return complain_value(j, c, p, text.len,
				      "is a number; say 'format: epoch_ms' or the like");
	return append_text(j, sink.column, text.data, text.len);
}

/* The key comes a second time in this row: what the first left is taken back. */
static void forget(struct pf_json_rows *j, struct node *n)
{
	if (n->seen != j->row)
		return;
	n->seen = 0;
	for (size_t i = 0; i < n->nsinks; i++) {
		const struct sink s = n->sinks[i];
		if (s.part != WHOLE) {
			j->parts[s.column][s.part].row = 0;
			continue;
		}
		struct pf_colbuf *c = &j->builder->columns[s.column];
		if (c->rows > j->target) {
			pf_col_truncate(c, j->target);
			j->filled--;
		}
	}
	for (size_t i = 0; i < n->nchildren; i++)
		forget(j, n->children[i]);
}

static const uint8_t *object(struct pf_json_rows *j, struct node *n,
			     const uint8_t *p);

static const uint8_t *general_value(struct pf_json_rows *j, struct node *n,
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
	struct pf_conv *c = &j->text->conv[column];
	struct pf_colbuf *out = &j->builder->columns[column];
	switch (fast) {
	case PF_FAST_INT:
		return pf_fast_int(c, out, p, NULL);
	case PF_FAST_DOUBLE:
		return pf_fast_double(c, out, p, NULL);
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

static inline const uint8_t *value(struct pf_json_rows *j, struct node *n,
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

static int compare_key(const struct node *n, const void *key, size_t len)
{
	if (n->key_len != len)
		return n->key_len < len ? -1 : 1;
	return memcmp(n->key, key, len);
}

static struct node *find_child(const struct node *n, const void *key, size_t len)
{
	size_t low = 0, high = n->nchildren;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = compare_key(n->children[middle], key, len);
		if (!c)
			return n->children[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void remember(struct node *n, size_t at, const uint8_t *p, size_t len,
		     struct node *child)
{
	if (len > LONGEST_LITERAL || at >= MOST_GUESSES)
		return;
	if (at >= n->guess_cap) {
		n->guess_cap = pf_grow(n->guess_cap, at + 8);
		n->guesses = pf_realloc(n->guesses, n->guess_cap, sizeof *n->guesses);
	}
	/* Places before `at` that were not remembered stay as they were, or
	 * never match. */
	while (n->nguesses <= at)
		n->guesses[n->nguesses++].len = 0;
	struct guess *g = &n->guesses[at];
	memset(g->literal, 0, sizeof g->literal);
	memcpy(g->literal, p, len);
	g->len = len;
	g->child = child;
}

static inline bool matches(const struct guess *g, const uint8_t *p)
{
	if (g->len <= 32)
		return g->len && pf_same32(p, g->literal, g->len);
	return pf_same32(p, g->literal, 32) &&
	       pf_same32(p + 32, g->literal + 32, g->len - 32);
}

/* p: behind { or a value, at whatever comes. Returns the value's first byte. */
static const uint8_t *general_key(struct pf_json_rows *j, struct node *n, size_t at,
				  const uint8_t *p, bool first, struct node **child)
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
	*child = find_child(n, key, len);
	p = pf_json_blanks(&j->scan, p + 1);
	if (*p != ':')
		return pf_json_bad(&j->scan, p, "a colon is expected");
	p = pf_json_blanks(&j->scan, p + 1);
	remember(n, at, start, (size_t)(p - start), *child);
	return p;
}

/* p: behind {. Returns what follows the matching }, or NULL. Recursion is as
 * deep as the definition's paths. */
static const uint8_t *object(struct pf_json_rows *j, struct node *n, const uint8_t *p)
{
	struct node *child = NULL;
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

/* --- rows --- */

static bool finish_column(struct pf_json_rows *j, uint32_t i)
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
		const struct part *part = &j->parts[i][k];
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

static bool finish_row(struct pf_json_rows *j)
{
	const struct pf_tabledef *def = j->text->def;
	for (uint32_t i = 0; j->filled < def->n && i < def->n; i++)
		if (j->builder->columns[i].rows == j->target && !finish_column(j, i))
			return false;
	return true;
}

/* The row at p. Returns what follows it; NULL with a complaint. */
static const uint8_t *row(struct pf_json_rows *j, const uint8_t *p)
{
	const uint8_t *start = p;
	j->row++;
	j->filled = 0;
	j->code = 0;
	j->scratch.len = 0;
	if (*p != '{')
		return complain(j, PF_E_JSON, NULL, "the row is no JSON object");
	p = object(j, &j->root, p + 1);
	if (!p && !j->code) {
		char reason[160];
		snprintf(reason, sizeof reason,
			 "malformed JSON at byte %zu of the row: %s",
			 (size_t)(j->scan.where - start), j->scan.why);
		complain(j, PF_E_JSON, NULL, reason);
	}
	return p;
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
		if (pf_text_full(b, rows, t->base + t->at, limits)) {
			*more = false;
			return 0;
		}
		const uint8_t *q = pf_json_blanks(&j->scan, p);
		if (q != end) {
			j->target = rows;
			q = row(j, q);
			if (q)
				q = pf_json_blanks(&j->scan, q);
			if (q && q != end)
				q = complain(j, PF_E_JSON, NULL,
					     "text follows the JSON object");
			if (q && finish_row(j)) {
				rows++;
				t->rows++;
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
	return pf_fail(err, PF_E_JSON, "'%s' line %llu (byte %llu): %s", t->file,
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
		case BEFORE:
			if (*p != '[') {
				no_array(t, "this is no JSON array", err);
				return *p == '{' ? pf_hint(err, "one object a line is jsonl") :
						   PF_E_JSON;
			}
			j->state = OPENED;
			break;
		case CLOSED:
			return no_array(t, "text follows the JSON array", err);
		default:
			if (*p == ']' && j->state != AFTER_COMMA) {
				j->state = CLOSED;
			} else if (*p == ',' && (j->state == AFTER_VALUE ||
						 j->state == RESUMED)) {
				j->state = AFTER_COMMA;
			} else if (j->state == AFTER_VALUE) {
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
	if (t->options.byte && j->state == BEFORE)
		j->state = RESUMED;
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
		const uint8_t *q = row(j, p);
		if (q && q <= end && finish_row(j)) {
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
		j->state = AFTER_VALUE;
	}
}

int pf_json_rows_parse(struct pf_text *t, struct pf_builder *b,
		       const struct pf_text_limits *limits, bool *more,
		       struct pf_error *err)
{
	t->json->builder = b;
	return t->format == PF_TEXT_JSONL ? parse_lines(t, b, limits, more, err) :
					    parse_array(t, b, limits, more, err);
}

bool pf_json_rows_closed(const struct pf_text *t)
{
	return t->json->state == CLOSED || t->json->state == BEFORE;
}

/* --- the tree --- */

static struct node *add_child(struct node *n, const char *key, size_t len)
{
	struct node *child = find_child(n, key, len);
	if (child)
		return child;
	child = pf_zalloc(1, sizeof *child);
	child->key = pf_strndup(key, len);
	child->key_len = len;
	n->children = pf_realloc(n->children, n->nchildren + 1, sizeof *n->children);
	size_t at = n->nchildren++;
	for (; at && compare_key(n->children[at - 1], key, len) > 0; at--)
		n->children[at] = n->children[at - 1];
	n->children[at] = child;
	return child;
}

/* "actor.id" is id in actor; "\." is a dot; "$." in front is the row itself. */
static int add_path(struct pf_json_rows *j, const struct pf_coldef *c,
		    const char *path, struct sink sink, struct pf_error *err)
{
	struct node *n = &j->root;
	if (path[0] == '$' && path[1] == '.')
		path += 2;
	int depth = 0;
	for (const char *p = path;;) {
		j->key.len = 0;
		for (; *p && *p != '.'; p++) {
			if (*p == '\\' && (p[1] == '.' || p[1] == '\\'))
				p++;
			pf_buf_byte(&j->key, (uint8_t)*p);
		}
		if (!j->key.len || ++depth > DEEPEST_PATH)
			return pf_fail(err, PF_E_SCHEMA_FILE,
				       "the column '%s' has a malformed path '%s'",
				       c->name, path);
		n = add_child(n, (const char *)j->key.data, j->key.len);
		if (!*p++)
			break;
	}
	n->sinks = pf_realloc(n->sinks, n->nsinks + 1, sizeof *n->sinks);
	n->sinks[n->nsinks++] = sink;
	return 0;
}

/* Where a value is for one column and nothing else, it can go the short way. */
static void find_fast(struct pf_json_rows *j, struct node *n)
{
	if (n->nsinks == 1 && !n->nchildren && n->sinks[0].part == WHOLE) {
		n->column = n->sinks[0].column;
		n->fast = j->text->conv[n->column].fast;
	}
	for (size_t i = 0; i < n->nchildren; i++)
		find_fast(j, n->children[i]);
}

static int add_column(struct pf_json_rows *j, uint32_t i, struct pf_error *err)
{
	const struct pf_coldef *c = &j->text->def->columns[i];
	if (c->from_filename)
		return 0;
	if (c->nfrom <= 1)
		return add_path(j, c, c->nfrom ? c->from[0] : c->name,
				(struct sink){ i, WHOLE }, err);
	if (c->nfrom > MOST_PARTS)
		return pf_fail(err, PF_E_SCHEMA_FILE,
			       "the column '%s' is made of more than %d values",
			       c->name, MOST_PARTS);
	j->parts[i] = pf_zalloc(c->nfrom, sizeof *j->parts[i]);
	for (size_t k = 0; k < c->nfrom; k++)
		PF_TRY(add_path(j, c, c->from[k], (struct sink){ i, (int)k }, err));
	return 0;
}

int pf_json_rows_open(struct pf_text *t, struct pf_error *err)
{
	struct pf_json_rows *j = pf_zalloc(1, sizeof *j);
	t->json = j;
	j->text = t;
	j->scan.lines = t->format == PF_TEXT_JSONL;
	j->parts = pf_zalloc(t->def->n, sizeof *j->parts);
	for (size_t i = 0; i < t->def->n; i++)
		PF_TRY(add_column(j, (uint32_t)i, err));
	find_fast(j, &j->root);
	return 0;
}

/* Recursion is as deep as the paths. */
static void clear_node(struct node *n)
{
	for (size_t i = 0; i < n->nchildren; i++) {
		clear_node(n->children[i]);
		free(n->children[i]);
	}
	free(n->children);
	free(n->guesses);
	free(n->sinks);
	free(n->key);
}

void pf_json_rows_close(struct pf_json_rows *j)
{
	if (!j)
		return;
	clear_node(&j->root);
	for (size_t i = 0; i < j->text->def->n; i++)
		free(j->parts[i]);
	free(j->parts);
	pf_buf_free(&j->scratch);
	pf_buf_free(&j->key);
	free(j);
}
