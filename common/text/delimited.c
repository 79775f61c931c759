/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV (RFC 4180), TSV, and lines that a regular expression takes apart. A row
 * is first cut into fields, and only when it is whole do values go into
 * columns.
 */
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/near.h"
#include "text/fast_value.h"
#include "text/reader_impl.h"

/* A field's bytes without quotes; coded: quotes doubled or escapes inside. */
struct field {
	const uint8_t *data;
	size_t len;
	bool quoted, coded;
	bool high; /* a byte has its top bit set: it may be no UTF-8 */
};

/* Where a column's value comes from: fields by number, joined by blanks. */
struct binding {
	uint32_t first; /* the only one, mostly */
	uint32_t *all;
	size_t n;       /* 0: the file's name */
};

struct pf_delimited {
	uint8_t delimiter, quote; /* quote 0: none */
	bool escapes;
	const char *comment;
	size_t comment_len;
	struct field *fields;
	size_t cap;
	size_t expected; /* fields of a row; 0: not fixed */
	size_t least;    /* fields that the bindings need */
	struct binding *bindings;
	size_t nbindings;
	bool ready; /* the header is complete, columns are bound */
	char **names; /* of the header */
	size_t nnames;
	char *unset; /* Zeek: what stands for nothing ... */
	char *empty; /* ... and for the empty text */
	regex_t *pattern; /* lines: what takes them apart; NULL: delimiters do */
	regmatch_t *groups;
	struct pf_buf scratch;
};

enum cut { CUT_ROW, CUT_MORE, CUT_BAD, CUT_NO_MATCH };

/* --- cutting a row into fields --- */

static struct field *add_field(struct pf_delimited *d, size_t n)
{
	if (n == d->cap) {
		d->cap = pf_grow(d->cap, n + 16);
		d->fields = pf_realloc(d->fields, d->cap, sizeof *d->fields);
	}
	return &d->fields[n];
}

/* p is behind the opening quote. Returns the closing one, NULL when there is
 * none before end. */
static const uint8_t *closing_quote(const struct pf_delimited *d, const uint8_t *p,
				    const uint8_t *end, bool *coded)
{
	for (;;) {
		p = memchr(p, d->quote, (size_t)(end - p));
		if (!p)
			return NULL;
		if (p + 1 == end || p[1] != d->quote)
			return p;
		*coded = true;
		p += 2;
	}
}

/* Cut the row at *at. Behind it comes *next; *lines counts its line ends. */
static enum cut cut_row(struct pf_delimited *d, const uint8_t *p, const uint8_t *end,
			size_t *n, const uint8_t **next, uint64_t *lines)
{
	const uint8_t delimiter = d->delimiter;
	size_t k = 0;
	*lines = 1;
	for (;;) {
		struct field *f = add_field(d, k++);
		*f = (struct field){ .data = p };
		if (d->quote && *p == d->quote && p < end) {
			const uint8_t *close = closing_quote(d, p + 1, end, &f->coded);
			if (!close || close + 1 == end)
				return CUT_MORE;
			f->quoted = f->high = true;
			f->data = p + 1;
			f->len = (size_t)(close - p) - 1;
			const uint8_t *q = p;
			while ((q = memchr(q, '\n', (size_t)(close - q)))) {
				++*lines;
				q++;
			}
			p = close + 1;
			if (*p == '\r') {
				if (p + 1 == end)
					return CUT_MORE;
				p += p[1] == '\n';
			}
			if (*p == '\n') {
				*n = k;
				*next = p + 1;
				return CUT_ROW;
			}
			if (*p != delimiter) {
				*next = p;
				return CUT_BAD;
			}
		} else {
			const uint8_t *q = pf_find_either(p, delimiter, '\n', &f->high);
			if (q >= end)
				return CUT_MORE;
			f->len = (size_t)(q - p);
			f->coded = d->escapes;
			p = q;
			if (*q == '\n') {
				if (f->len && q[-1] == '\r')
					f->len--;
				*n = k;
				*next = q + 1;
				return CUT_ROW;
			}
		}
		p++;
	}
}

/* The same for a line: its fields are the pattern's groups, empty where a
 * group took no part. */
static enum cut cut_line(struct pf_delimited *d, const uint8_t *p, const uint8_t *end,
			 size_t *n, const uint8_t **next)
{
	const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
	if (!stop)
		return CUT_MORE;
	*next = stop + 1;
	size_t len = (size_t)(stop - p);
	if (len && p[len - 1] == '\r')
		len--;
	size_t groups = d->pattern->re_nsub;
	d->groups[0] = (regmatch_t){ .rm_so = 0, .rm_eo = (regoff_t)len };
	if (memchr(p, '\0', len) ||
	    regexec(d->pattern, (const char *)p, groups + 1, d->groups, REG_STARTEND))
		return CUT_NO_MATCH;
	for (size_t i = 0; i < groups; i++) {
		const regmatch_t *g = &d->groups[i + 1];
		struct field *f = add_field(d, i);
		*f = (struct field){ .data = p, .high = true };
		if (g->rm_so >= 0) {
			f->data = p + g->rm_so;
			f->len = (size_t)(g->rm_eo - g->rm_so);
		}
	}
	*n = groups;
	return CUT_ROW;
}

static unsigned hex(uint8_t c)
{
	return c <= '9' ? c - 0x30u : (c | 0x20u) - 'a' + 10;
}

/* The field's text, decoded into scratch if it has to be. */
static struct pf_view field_text(struct pf_delimited *d, const struct field *f)
{
	if (!f->coded)
		return pf_view_of(f->data, f->len);
	size_t start = d->scratch.len;
	uint8_t *out = pf_buf_room(&d->scratch, f->len + 1);
	size_t n = 0;
	for (size_t i = 0; i < f->len; i++) {
		uint8_t c = f->data[i];
		if (f->quoted) {
			i += c == d->quote;
		} else if (c == '\\' && i + 1 < f->len) {
			c = f->data[++i];
			if (c == 'x' && i + 2 < f->len && isxdigit(f->data[i + 1]) &&
			    isxdigit(f->data[i + 2])) {
				c = (uint8_t)(hex(f->data[i + 1]) << 4 |
					      hex(f->data[i + 2]));
				i += 2;
			} else {
				c = c == 't' ? '\t' : c == 'n' ? '\n' :
				    c == 'r' ? '\r' : c;
			}
		}
		out[n++] = c;
	}
	d->scratch.len += n;
	return pf_view_of(d->scratch.data + start, n);
}

/* --- rows --- */

/* Why the row is bad. */
struct complaint {
	int code;
	const char *column;
	char reason[256];
};

static bool marks_null(const struct pf_delimited *d, const struct pf_conv *c,
		       const struct field *f, struct pf_view text)
{
	if (f->quoted)
		return false;
	if (d->unset && strlen(d->unset) == text.len &&
	    !memcmp(d->unset, text.data, text.len))
		return true;
	return c->nnulls && pf_conv_is_null(c, (const char *)text.data, text.len);
}

/* Several fields, joined by blanks. false: one of them is null. */
static bool joined(struct pf_delimited *d, const struct pf_conv *c,
		   const struct binding *b, struct pf_view *text)
{
	size_t total = b->n;
	for (size_t i = 0; i < b->n; i++)
		total += d->fields[b->all[i]].len;
	/* Room for the parts' decoding, too, so that nothing moves. */
	pf_buf_room(&d->scratch, 2 * total + 2 * b->n);
	struct pf_view parts[16];
	for (size_t i = 0; i < b->n; i++) {
		const struct field *f = &d->fields[b->all[i]];
		parts[i] = field_text(d, f);
		if (marks_null(d, c, f, parts[i]))
			return false;
	}
	size_t start = d->scratch.len;
	for (size_t i = 0; i < b->n; i++) {
		if (i)
			pf_buf_byte(&d->scratch, ' ');
		pf_buf_add(&d->scratch, parts[i].data, parts[i].len);
	}
	*text = pf_view_of(d->scratch.data + start, d->scratch.len - start);
	return true;
}

static bool append_null(const struct pf_conv *c, struct pf_colbuf *out,
			struct complaint *why)
{
	if (c->nullable) {
		pf_col_null(out);
		return true;
	}
	why->code = PF_E_NULL_VALUE;
	why->column = c->name;
	snprintf(why->reason, sizeof why->reason, "the value is missing");
	return false;
}

/* The short way: true if it was one. */
static inline bool append_fast(struct pf_conv *c, struct pf_colbuf *out,
			       const struct field *f)
{
	const uint8_t *stop = f->data + f->len;
	switch (c->fast) {
	case PF_FAST_INT:
		return pf_fast_int(c, out, f->data, stop);
	case PF_FAST_DOUBLE:
		return pf_fast_double(c, out, f->data, stop);
	case PF_FAST_STRING:
		if (f->high)
			return false;
		pf_fast_bytes(out, f->data, f->len);
		return true;
	case PF_FAST_TIME:
		return !pf_conv_append_time(c, out, (const char *)f->data, f->len);
	case PF_FAST_EPOCH:
		return pf_fast_epoch(c, out, f->data, stop);
	default:
		return false;
	}
}

/* The general way. */
static bool append_field(struct pf_text *t, size_t column, struct pf_colbuf *out,
			 struct complaint *why)
{
	struct pf_delimited *d = t->delimited;
	struct pf_conv *c = &t->conv[column];
	const struct binding *b = &d->bindings[column];
	struct pf_view text;
	if (b->n == 1) {
		const struct field *f = &d->fields[b->first];
		text = field_text(d, f);
		if (marks_null(d, c, f, text))
			return append_null(c, out, why);
		if (d->empty && !f->quoted && strlen(d->empty) == text.len &&
		    !memcmp(d->empty, text.data, text.len))
			text.len = 0;
	} else if (!b->n) {
		text = pf_view_str(t->constants[column]);
	} else if (!joined(d, c, b, &text)) {
		return append_null(c, out, why);
	}
	const char *bad = pf_conv_append(c, out, (const char *)text.data, text.len);
	if (!bad)
		return true;
	why->code = c->kind == PF_STRING ? PF_E_UTF8 : PF_E_BAD_VALUE;
	why->column = c->name;
	pf_text_reason(why->reason, sizeof why->reason, text.data, text.len, bad);
	return false;
}

static bool append_row(struct pf_text *t, struct pf_builder *b, size_t n,
		       struct complaint *why)
{
	struct pf_delimited *d = t->delimited;
	if (d->expected ? n != d->expected : n < d->least) {
		why->code = PF_E_FIELD_COUNT;
		why->column = NULL;
		snprintf(why->reason, sizeof why->reason,
			 "the line has %zu field%s, not %s%zu", n, n == 1 ? "" : "s",
			 d->expected ? "" : "at least ",
			 d->expected ? d->expected : d->least);
		return false;
	}
	d->scratch.len = 0;
	for (size_t i = 0; i < t->def->n; i++) {
		struct pf_conv *c = &t->conv[i];
		const struct field *f = &d->fields[d->bindings[i].first];
		/* Null markers are for the general way, mostly the empty one. */
		if (d->bindings[i].n == 1 && !f->coded && f->len && c->only_empty &&
		    !d->unset && append_fast(c, &b->columns[i], f))
			continue;
		if (!append_field(t, i, &b->columns[i], why))
			return false;
	}
	return true;
}

/* A line that is no row: blank, or a comment. NULL: it is a row. */
static const uint8_t *skip_line(const struct pf_delimited *d, const uint8_t *p,
				const uint8_t *end)
{
	const uint8_t *q = p;
	if (*q == '\r' && q + 1 < end)
		q++;
	/* With a single column a blank line is an empty value. */
	if (*q == '\n' && q < end && d->expected != 1)
		return q + 1;
	if (d->comment && (size_t)(end - p) > d->comment_len &&
	    !memcmp(p, d->comment, d->comment_len)) {
		q = memchr(p, '\n', (size_t)(end - p));
		return q ? q + 1 : NULL;
	}
	return NULL;
}

static bool maybe_comment(const struct pf_delimited *d, const uint8_t *p,
			  const uint8_t *end)
{
	size_t here = (size_t)(end - p);
	return d->comment &&
	       !memcmp(p, d->comment, here < d->comment_len ? here : d->comment_len);
}

int pf_delimited_parse(struct pf_text *t, struct pf_builder *b,
		       const struct pf_text_limits *limits, bool *more,
		       struct pf_error *err)
{
	struct pf_delimited *d = t->delimited;
	const uint8_t *end = t->data + t->len;
	int64_t rows = b->schema->n ? b->columns[0].rows : 0;
	*more = true;
	while (t->at < t->len && d->ready) {
		const uint8_t *p = t->data + t->at, *next;
		if (pf_text_full(b, rows, t->base + t->at, limits)) {
			*more = false;
			return 0;
		}
		if ((next = skip_line(d, p, end))) {
			t->at = (size_t)(next - t->data);
			t->line++;
			continue;
		}
		if (maybe_comment(d, p, end))
			return 0;
		size_t n = 0;
		uint64_t lines = 1;
		enum cut cut = d->pattern ? cut_line(d, p, end, &n, &next) :
					    cut_row(d, p, end, &n, &next, &lines);
		if (cut == CUT_MORE)
			return 0;
		struct complaint why;
		if (cut == CUT_ROW && append_row(t, b, n, &why)) {
			rows++;
			t->rows++;
		} else {
			if (cut == CUT_BAD) {
				const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
				if (!stop)
					return 0;
				why.code = PF_E_BAD_ROW;
				why.column = NULL;
				snprintf(why.reason, sizeof why.reason,
					 "text follows a closing quote (at byte %zu of the row)",
					 (size_t)(next - p));
				next = stop + 1;
				lines = 1;
			}
			if (cut == CUT_NO_MATCH)
				why = (struct complaint){
					.code = PF_E_BAD_ROW,
					.reason = "the line does not match the pattern",
				};
			pf_builder_truncate(b, rows);
			PF_TRY(pf_text_reject(t, why.code, why.column,
					      (size_t)(next - p) - 1, why.reason, err));
		}
		t->at = (size_t)(next - t->data);
		t->line += lines;
	}
	return 0;
}

/* --- the header --- */

static void set_names(struct pf_delimited *d, size_t n)
{
	d->names = pf_zalloc(n + 1, sizeof *d->names);
	d->nnames = n;
	for (size_t i = 0; i < n; i++) {
		struct pf_view v = field_text(d, &d->fields[i]);
		d->names[i] = pf_strndup((const char *)v.data, v.len);
		d->scratch.len = 0;
	}
	d->expected = n;
}

/* More input until cut gives a row. false: there is none. */
static int next_row(struct pf_text *t, size_t *n, bool *found, struct pf_error *err)
{
	struct pf_delimited *d = t->delimited;
	for (;;) {
		const uint8_t *p = t->data + t->at, *end = t->data + t->len, *next;
		uint64_t lines = 1;
		*found = false;
		if (t->at < t->len && (next = skip_line(d, p, end))) {
			t->at = (size_t)(next - t->data);
			t->line++;
			continue;
		}
		if (t->at < t->len && !maybe_comment(d, p, end)) {
			enum cut cut = cut_row(d, p, end, n, &next, &lines);
			if (cut == CUT_BAD)
				return pf_fail(err, PF_E_BAD_ROW,
					       "'%s' line %llu: malformed header",
					       t->file, (unsigned long long)t->line + 1);
			if (cut == CUT_ROW) {
				t->at = (size_t)(next - t->data);
				t->line += lines;
				*found = true;
				return 0;
			}
		}
		if (t->eof && (t->at == t->len || !t->options.final_line ||
			       t->data[t->len - 1] == '\n'))
			return 0;
		if (t->eof) {
			pf_text_pretend_newline(t);
			continue;
		}
		if (t->len - t->at >= PF_TEXT_LINE_LIMIT)
			return pf_fail(err, PF_E_LINE_LENGTH,
				       "'%s': the header is longer than 16 MiB", t->file);
		PF_TRY(pf_text_fill(t, err));
	}
}

/* The word behind a Zeek keyword, \xHH decoded. */
static char *zeek_word(struct pf_delimited *d, const struct field *f)
{
	struct field coded = *f;
	coded.coded = true;
	coded.quoted = false;
	struct pf_view v = field_text(d, &coded);
	char *word = pf_strndup((const char *)v.data, v.len);
	d->scratch.len = 0;
	return word;
}

/* "#key<separator>word ...": #separator itself is followed by a blank. */
static int zeek_header(struct pf_text *t, struct pf_error *err)
{
	struct pf_delimited *d = t->delimited;
	const char *comment = d->comment;
	d->comment = NULL;
	for (bool found = true; found;) {
		size_t n = 0;
		while (t->at == t->len && !t->eof)
			PF_TRY(pf_text_fill(t, err));
		if (t->data[t->at] != '#')
			break;
		PF_TRY(next_row(t, &n, &found, err));
		if (!found)
			break;
		const struct field *f = d->fields;
		const char *separator = "#separator ";
		size_t len = strlen(separator);
		if (f->len > len && !memcmp(f->data, separator, len)) {
			struct field rest = { .data = f->data + len,
					      .len = f->len - len };
			char *word = zeek_word(d, &rest);
			d->delimiter = (uint8_t)word[0];
			free(word);
		} else if (n > 1 && f->len == 12 && !memcmp(f->data, "#unset_field", 12)) {
			free(d->unset);
			d->unset = zeek_word(d, &f[1]);
		} else if (n > 1 && f->len == 12 && !memcmp(f->data, "#empty_field", 12)) {
			free(d->empty);
			d->empty = zeek_word(d, &f[1]);
		} else if (n > 1 && f->len == 7 && !memcmp(f->data, "#fields", 7)) {
			memmove(d->fields, d->fields + 1, (n - 1) * sizeof *f);
			set_names(d, n - 1);
		}
	}
	d->comment = comment;
	if (!d->names && t->at < t->len)
		return pf_fail(err, PF_E_BAD_ROW,
			       "'%s' has no #fields line, which 'header: zeek' needs",
			       t->file);
	return 0;
}

static int read_header(struct pf_text *t, struct pf_error *err)
{
	struct pf_delimited *d = t->delimited;
	const struct pf_text_input *in = &t->def->input;
	bool found;
	size_t n = 0;
	switch (in->header) {
	case PF_HEADER_NONE:
		return 0;
	case PF_HEADER_NAMES:
		d->names = pf_zalloc(in->nnames + 1, sizeof *d->names);
		d->nnames = d->expected = in->nnames;
		for (size_t i = 0; i < in->nnames; i++)
			d->names[i] = pf_strdup(in->names[i]);
		return 0;
	case PF_HEADER_ZEEK:
		return zeek_header(t, err);
	default:
		PF_TRY(next_row(t, &n, &found, err));
		if (found)
			set_names(d, n);
		return 0;
	}
}

/* --- columns to fields --- */

static int field_by_name(struct pf_text *t, const struct pf_coldef *c,
			 const char *name, uint32_t *at, struct pf_error *err)
{
	const struct pf_delimited *d = t->delimited;
	if (*name == '#' && isdigit((unsigned char)name[1])) {
		char *stop;
		unsigned long n = strtoul(name + 1, &stop, 10);
		if (!*stop && n >= 1 && n <= 100000) {
			*at = (uint32_t)n - 1;
			return 0;
		}
	}
	int hits = 0;
	for (size_t i = 0; i < d->nnames; i++)
		if (!strcmp(d->names[i], name)) {
			*at = (uint32_t)i;
			hits++;
		}
	if (hits == 1)
		return 0;
	char shown[96];
	pf_quote(shown, sizeof shown, name, strlen(name));
	if (hits)
		return pf_fail(err, PF_E_UNKNOWN_COLUMN,
			       "'%s': the header has '%s' %d times (column '%s')",
			       t->file, shown, hits, c->name);
	pf_fail(err, PF_E_UNKNOWN_COLUMN,
		"'%s': the header has no '%s' (column '%s')", t->file, shown, c->name);
	const char *near = pf_near_of(name, (const char *const *)d->names, d->nnames);
	if (near)
		return pf_hint(err, "did you mean '%s'? Then say 'from: %s'", near, near);
	struct pf_buf list = { 0 };
	for (size_t i = 0; i < d->nnames && list.len < 300; i++) {
		pf_quote(shown, sizeof shown, d->names[i], strlen(d->names[i]));
		pf_buf_printf(&list, "%s%s", i ? ", " : "", shown);
	}
	pf_hint(err, "it has: %s", pf_buf_cstr(&list));
	pf_buf_free(&list);
	return PF_E_UNKNOWN_COLUMN;
}

static int bind(struct pf_text *t, struct pf_error *err)
{
	struct pf_delimited *d = t->delimited;
	const struct pf_tabledef *def = t->def;
	uint32_t next = 0;
	d->bindings = pf_zalloc(def->n, sizeof *d->bindings);
	d->nbindings = def->n;
	for (size_t i = 0; i < def->n; i++) {
		const struct pf_coldef *c = &def->columns[i];
		struct binding *b = &d->bindings[i];
		if (c->from_filename)
			continue;
		b->n = c->nfrom ? c->nfrom : 1;
		if (b->n > 16)
			return pf_fail(err, PF_E_SCHEMA_FILE,
				       "the column '%s' is made of more than 16 fields",
				       c->name);
		b->all = pf_zalloc(b->n, sizeof *b->all);
		for (size_t k = 0; k < b->n; k++) {
			const char *name = c->nfrom ? c->from[k] : c->name;
			if (!d->names && !c->nfrom)
				b->all[k] = next++;
			else
				PF_TRY(field_by_name(t, c, name, &b->all[k], err));
			if (b->all[k] >= d->least)
				d->least = b->all[k] + 1;
		}
		b->first = b->all[0];
	}
	if (d->names && d->least > d->nnames)
		return pf_fail(err, PF_E_UNKNOWN_COLUMN,
			       "'%s' has %zu fields, and the definition names #%zu",
			       t->file, d->nnames, d->least);
	/* Without names every field must be meant, unless numbers pick some. */
	if (!d->names && next == d->least)
		d->expected = d->least;
	return 0;
}

static int open_pattern(struct pf_delimited *d, const char *pattern,
			struct pf_error *err)
{
	if (!pattern) {
		pf_fail(err, PF_E_SCHEMA_FILE, "lines need a pattern that takes them apart");
		return pf_hint(err, "'input: {format: lines, pattern: ...}' in the definition");
	}
	regex_t *regex = pf_zalloc(1, sizeof *regex);
	if (regcomp(regex, pattern, REG_EXTENDED | REG_NEWLINE)) {
		free(regex);
		return pf_fail(err, PF_E_SCHEMA_FILE, "malformed expression '%s'",
			       pattern);
	}
	d->pattern = regex;
	d->groups = pf_zalloc(regex->re_nsub + 1, sizeof *d->groups);
	return 0;
}

int pf_delimited_open(struct pf_text *t, struct pf_error *err)
{
	const struct pf_text_input *in = &t->def->input;
	struct pf_delimited *d = pf_zalloc(1, sizeof *d);
	bool tsv = t->format == PF_TEXT_TSV;
	t->delimited = d;
	d->delimiter = (uint8_t)(in->delimiter ? in->delimiter : tsv ? '\t' : ',');
	d->quote = (uint8_t)(in->has_quote ? in->quote : tsv ? 0 : '"');
	d->escapes = in->escapes;
	d->comment = in->comment ? in->comment :
		     in->header == PF_HEADER_ZEEK ? "#" : NULL;
	d->comment_len = d->comment ? strlen(d->comment) : 0;
	if (t->format == PF_TEXT_LINES)
		PF_TRY(open_pattern(d, in->pattern, err));
	PF_TRY(read_header(t, err));
	/* Nothing at all is no rows; a header that is not whole waits. */
	if (!d->names && in->header != PF_HEADER_NONE)
		return 0;
	PF_TRY(bind(t, err));
	d->ready = true;
	return 0;
}

void pf_delimited_close(struct pf_delimited *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->nnames; i++)
		free(d->names[i]);
	free(d->names);
	for (size_t i = 0; i < d->nbindings; i++)
		free(d->bindings[i].all);
	free(d->bindings);
	free(d->fields);
	free(d->unset);
	free(d->empty);
	if (d->pattern)
		regfree(d->pattern);
	free(d->pattern);
	free(d->groups);
	pf_buf_free(&d->scratch);
	free(d);
}
