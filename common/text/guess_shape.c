/* SPDX-License-Identifier: Apache-2.0 */
#include "text/guess_shape.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "ext/json.h"
#include "text/json_scan.h"

enum {
	LOOK_LINES = 200,
	LOOK_JSON_BYTES = 4 << 20,
	DEEPEST = 4,
	MOST_COLUMNS = 80,
	MOST_FIELDS = 2000,
};

static struct pf_guess_column *add_column(struct pf_guess_shape *s)
{
	s->columns = pf_realloc(s->columns, s->n + 1, sizeof *s->columns);
	struct pf_guess_column *c = &s->columns[s->n++];
	*c = (struct pf_guess_column){ 0 };
	return c;
}

/* A name that a column can have: unique, not reserved, not empty. */
static char *free_name(const struct pf_guess_shape *s, const char *wanted)
{
	struct pf_buf name = { 0 };
	size_t len = strlen(wanted);
	if (pf_utf8_valid(wanted, len) && len < 200)
		for (size_t i = 0; i < len; i++)
			pf_buf_byte(&name, (uint8_t)wanted[i] < 0x20 || wanted[i] == 0x7f ?
						   '_' : (uint8_t)wanted[i]);
	if (!name.len || !strncmp(wanted, "_KEY_", 5) || !strcmp(wanted, "dt") ||
	    !strcmp(wanted, "rowkind") || !strcmp(wanted, "filename"))
		pf_buf_printf(&name, "%scolumn", name.len ? "_" : "");
	size_t stem = name.len;
	for (int k = 2;; k++) {
		bool taken = false;
		pf_buf_cstr(&name);
		for (size_t i = 0; i < s->n && !taken; i++)
			taken = s->columns[i].name &&
				!strcmp(s->columns[i].name, (char *)name.data);
		if (!taken)
			break;
		name.len = stem;
		pf_buf_printf(&name, "_%d", k);
	}
	return (char *)name.data;
}

/* --- JSON --- */

struct leaf {
	char *path;      /* escaped, with dots */
	char *top;       /* its first key */
	bool text, nested, inner;
};

struct leaves {
	struct leaf *items;
	size_t n;
};

static void escape_key(struct pf_buf *path, const char *key)
{
	for (; *key; key++) {
		if (*key == '.' || *key == '\\')
			pf_buf_byte(path, '\\');
		pf_buf_byte(path, (uint8_t)*key);
	}
}

static struct leaf *leaf_at(struct leaves *l, const char *path, const char *top)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i].path, path))
			return &l->items[i];
	l->items = pf_realloc(l->items, l->n + 1, sizeof *l->items);
	struct leaf *leaf = &l->items[l->n++];
	*leaf = (struct leaf){ .path = pf_strdup(path), .top = pf_strdup(top) };
	return leaf;
}

/* Recursion is as deep as DEEPEST. */
static void walk(struct leaves *l, const struct pf_json *object, struct pf_buf *path,
		 const char *top, int depth)
{
	void *iter = NULL;
	const char *key;
	const struct pf_json *value;
	while (pf_json_each(object, &iter, &key, &value)) {
		enum pf_json_kind kind = pf_json_kind(value);
		size_t len = path->len;
		if (len)
			pf_buf_byte(path, '.');
		escape_key(path, key);
		if (!*key || l->n >= MOST_FIELDS) {
			path->len = len;
			continue;
		}
		const char *first = depth ? top : key;
		if (kind == PF_JSON_OBJECT && depth + 1 < DEEPEST) {
			walk(l, value, path, first, depth + 1);
		} else {
			struct leaf *leaf = leaf_at(l, pf_buf_cstr(path), first);
			leaf->inner = depth > 0;
			leaf->text = leaf->text || kind == PF_JSON_TEXT;
			leaf->nested = leaf->nested || kind == PF_JSON_ARRAY ||
				       kind == PF_JSON_OBJECT;
		}
		path->len = len;
	}
}

/* The next object of lines or of an array; NULL at the end of what is there. */
static const uint8_t *next_object(const uint8_t **at, const uint8_t *end, bool lines,
				  size_t *len)
{
	const uint8_t *p = *at;
	while (p < end && (isspace(*p) || (!lines && (*p == ',' || *p == '['))))
		p++;
	if (p >= end)
		return NULL;
	const uint8_t *stop = lines ? memchr(p, '\n', (size_t)(end - p)) :
				      pf_json_extent(p, end);
	if (!stop || stop == p)
		return NULL;
	*len = (size_t)(stop - p);
	*at = stop;
	return p;
}

/* While there are too many columns, the object with most leaves stays whole. */
static void collapse(struct pf_guess_shape *s, struct leaves *l)
{
	while (l->n > MOST_COLUMNS) {
		const char *widest = NULL;
		size_t most = 1;
		for (size_t i = 0; i < l->n; i++) {
			size_t same = 0;
			for (size_t k = 0; k < l->n && l->items[i].inner; k++)
				same += !strcmp(l->items[i].top, l->items[k].top);
			if (same > most) {
				most = same;
				widest = l->items[i].top;
			}
		}
		if (!widest)
			break;
		char *top = pf_strdup(widest);
		size_t kept = 0;
		bool first = true;
		for (size_t i = 0; i < l->n; i++) {
			struct leaf *leaf = &l->items[i];
			bool hit = !strcmp(leaf->top, top);
			if (hit && !first) {
				free(leaf->path);
				free(leaf->top);
				continue;
			}
			if (hit) {
				struct pf_buf path = { 0 };
				escape_key(&path, top);
				free(leaf->path);
				pf_buf_cstr(&path);
				leaf->path = (char *)path.data;
				leaf->nested = true;
				leaf->inner = false;
				first = false;
				s->collapsed++;
			}
			l->items[kept++] = *leaf;
		}
		l->n = kept;
		free(top);
	}
}

static int json_columns(struct pf_guess_shape *s, const uint8_t *data, size_t len,
			const char *file, struct pf_error *err)
{
	struct leaves l = { 0 };
	struct pf_buf path = { 0 };
	const uint8_t *at = data, *object;
	size_t object_len, objects = 0;
	bool lines = s->input.format == PF_TEXT_JSONL;
	const uint8_t *end = data + (len < LOOK_JSON_BYTES ? len : LOOK_JSON_BYTES);
	while ((object = next_object(&at, end, lines, &object_len))) {
		struct pf_json *v;
		if (pf_json_parse(object, object_len, file, &v, NULL))
			continue;
		objects += pf_json_kind(v) == PF_JSON_OBJECT;
		walk(&l, v, &path, NULL, 0);
		pf_json_free(v);
	}
	collapse(s, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct leaf *leaf = &l.items[i];
		struct pf_buf name = { 0 };
		for (const char *p = leaf->path; *p; p++)
			if (*p != '\\')
				pf_buf_byte(&name, (uint8_t)(*p == '.' ? '_' : *p));
		struct pf_guess_column *c = add_column(s);
		c->name = free_name(s, pf_buf_cstr(&name));
		c->text_in_json = leaf->text;
		c->nested = leaf->nested;
		if (strcmp(c->name, leaf->path))
			c->from = pf_strdup(leaf->path);
		pf_buf_free(&name);
		free(leaf->path);
		free(leaf->top);
	}
	free(l.items);
	pf_buf_free(&path);
	if (!objects)
		return pf_fail(err, PF_E_BAD_ROW, "'%s' holds no JSON object", file);
	return 0;
}

/* --- CSV and the like --- */

/* Fields of a line, delimiters inside quotes not counted. */
static size_t count_fields(const char *p, const char *end, char delimiter)
{
	size_t n = 1;
	bool quoted = false;
	for (; p < end; p++) {
		if (*p == '"')
			quoted = !quoted;
		n += *p == delimiter && !quoted;
	}
	return n;
}

/* How many of the first lines have the number of fields that most have. */
static int agreement(const char *p, const char *end, char comment, char delimiter,
		     size_t *fields)
{
	size_t counts[LOOK_LINES];
	int n = 0, best = 0;
	while (p < end && n < LOOK_LINES) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		if (*p != comment && *p != '\n' && *p != '\r')
			counts[n++] = count_fields(p, stop, delimiter);
		p = stop + 1;
	}
	for (int i = 0; i < n; i++) {
		int same = 0;
		for (int k = 0; k < n; k++)
			same += counts[k] == counts[i];
		if (same > best) {
			best = same;
			*fields = counts[i];
		}
	}
	return n ? best * 100 / n : 0;
}

static const char *first_line(const char *p, const char *end, char comment)
{
	while (p < end && (*p == comment || *p == '\n' || *p == '\r')) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			return end;
		p = stop + 1;
	}
	return p;
}

/* The fields of one line, quotes taken off; the caller frees. */
static char **split(const char *p, const char *end, char delimiter, size_t *n)
{
	char **words = NULL;
	*n = 0;
	if (end > p && end[-1] == '\r')
		end--;
	for (;;) {
		struct pf_buf word = { 0 };
		bool quoted = p < end && *p == '"';
		p += quoted;
		for (; p < end; p++) {
			if (quoted && *p == '"' && p + 1 < end && p[1] == '"')
				p++;
			else if (quoted ? *p == '"' : *p == delimiter)
				break;
			pf_buf_byte(&word, (uint8_t)*p);
		}
		if (quoted && p < end)
			p++;
		words = pf_realloc(words, *n + 1, sizeof *words);
		pf_buf_cstr(&word);
		words[(*n)++] = (char *)word.data;
		if (p >= end || *p != delimiter)
			return words;
		p++;
	}
}

/* Names have letters, no digits in front, and come once each. */
static bool looks_like_names(char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool letter = false;
		for (const char *p = words[i]; *p; p++)
			letter = letter || isalpha((unsigned char)*p) ||
				 (unsigned char)*p >= 0x80;
		if (!letter || isdigit((unsigned char)words[i][0]) ||
		    strlen(words[i]) > 60)
			return false;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(words[i], words[k]))
				return false;
	}
	return true;
}

static bool all_names_again(const char *p, const char *end, char delimiter)
{
	/* A second line of the same kind: then the first is no header. */
	size_t n;
	const char *stop = memchr(p, '\n', (size_t)(end - p));
	char **words = split(p, stop ? stop : end, delimiter, &n);
	bool names = looks_like_names(words, n);
	pf_strings_free(words, n);
	return names;
}

static void zeek_columns(struct pf_guess_shape *s, const char *p, const char *end)
{
	while (p < end && *p == '#') {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			return;
		if (!strncmp(p, "#fields\t", 8)) {
			size_t n;
			char **words = split(p + 8, stop, '\t', &n);
			for (size_t i = 0; i < n; i++) {
				struct pf_guess_column *c = add_column(s);
				c->name = free_name(s, words[i]);
				free(words[i]);
			}
			free(words);
			return;
		}
		p = stop + 1;
	}
}

static int delimited_columns(struct pf_guess_shape *s, const char *file,
			     const char *data, const char *end, struct pf_error *err)
{
	static const char delimiters[] = { '\t', ',', ';', '|' };
	char best = '\0', comment = *data == '#' ? '#' : '\0';
	size_t fields = 1;
	int score = 0;
	for (size_t i = 0; i < sizeof delimiters; i++) {
		size_t n = 1;
		int agree = agreement(data, end, comment, delimiters[i], &n);
		if (n > 1 && agree > score) {
			score = agree;
			best = delimiters[i];
			fields = n;
		}
	}
	if (!best)
		return pf_fail(err, PF_E_BAD_ROW,
			       "'%s' has no delimiter that its lines share", file);
	s->input.format = best == '\t' ? PF_TEXT_TSV : PF_TEXT_CSV;
	if (best != '\t' && best != ',')
		s->input.delimiter = best;
	if (comment)
		s->input.comment = pf_strdup("#");
	const char *line = first_line(data, end, comment);
	const char *stop = memchr(line, '\n', (size_t)(end - line));
	size_t n = 0;
	char **words = split(line, stop ? stop : end, best, &n);
	s->header = n == fields && looks_like_names(words, n) &&
		    (!stop || stop + 1 >= end || !all_names_again(stop + 1, end, best));
	s->input.header = s->header ? PF_HEADER_LINE : PF_HEADER_NONE;
	for (size_t i = 0; i < (s->header ? n : fields); i++) {
		struct pf_guess_column *c = add_column(s);
		char number[24];
		if (s->header) {
			c->name = free_name(s, words[i]);
			if (strcmp(c->name, words[i]))
				c->from = pf_strdup(words[i]);
		} else {
			snprintf(number, sizeof number, "c%zu", i + 1);
			c->name = pf_strdup(number);
			snprintf(number, sizeof number, "#%zu", i + 1);
			c->from = pf_strdup(number);
		}
	}
	pf_strings_free(words, n);
	return 0;
}

int pf_guess_shape(const char *file, enum pf_text_format format, const uint8_t *data,
		   size_t len, struct pf_guess_shape *s, struct pf_error *err)
{
	const uint8_t *p = data, *end = data + len;
	*s = (struct pf_guess_shape){ 0 };
	if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	while (p < end && isspace(*p))
		p++;
	if (p == end)
		return pf_fail(err, PF_E_BAD_ROW, "'%s' is empty: nothing to learn from",
			       file);
	bool delimited = format == PF_TEXT_CSV || format == PF_TEXT_TSV;
	if (!delimited && (*p == '{' || *p == '[')) {
		s->input.format = *p == '{' ? PF_TEXT_JSONL : PF_TEXT_JSON;
		return json_columns(s, p, (size_t)(end - p), file, err);
	}
	if (format == PF_TEXT_JSON || format == PF_TEXT_JSONL)
		return pf_fail(err, PF_E_JSON, "'%s' does not begin like JSON", file);
	if ((size_t)(end - p) > 10 && !memcmp(p, "#separator", 10)) {
		s->input.format = PF_TEXT_TSV;
		s->input.header = PF_HEADER_ZEEK;
		zeek_columns(s, (const char *)p, (const char *)end);
		if (s->n)
			return 0;
	}
	if (!delimited && pf_guess_lines(s, (const char *)p, (const char *)end))
		return 0;
	return delimited_columns(s, file, (const char *)p, (const char *)end, err);
}

void pf_guess_shape_free(struct pf_guess_shape *s)
{
	for (size_t i = 0; i < s->n; i++)
		pf_guess_free(&s->columns[i]);
	free(s->columns);
	pf_strings_free(s->input.names, s->input.nnames);
	free(s->input.pattern);
	free(s->input.comment);
}
