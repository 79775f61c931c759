/* SPDX-License-Identifier: Apache-2.0
 *
 * The header, and which of its fields each column takes.
 */
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strings.h"
#include "base/near.h"
#include "text/delimited.h"

/* --- the header --- */

static void set_names(struct pf_delimited *d, size_t n)
{
	d->names = pf_zalloc(n + 1, sizeof *d->names);
	d->nnames = n;
	for (size_t i = 0; i < n; i++) {
		struct pf_view v = pf_delimited_text(d, &d->fields[i]);
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
		if (t->at < t->len && (next = pf_delimited_skip(d, p, end))) {
			t->at = (size_t)(next - t->data);
			t->line++;
			continue;
		}
		if (t->at < t->len && !pf_delimited_maybe_comment(d, p, end)) {
			enum pf_cut cut = pf_delimited_cut(d, p, end, n, &next, &lines);
			if (cut == PF_CUT_BAD)
				return pf_fail(err, PF_E_BAD_ROW,
					       "%s:%llu: malformed header",
					       t->file, (unsigned long long)t->line + 1);
			if (cut == PF_CUT_ROW) {
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
static char *zeek_word(struct pf_delimited *d, const struct pf_field_text *f)
{
	struct pf_field_text coded = *f;
	coded.coded = true;
	coded.quoted = false;
	struct pf_view v = pf_delimited_text(d, &coded);
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
		const struct pf_field_text *f = d->fields;
		const char *separator = "#separator ";
		size_t len = strlen(separator);
		if (f->len > len && !memcmp(f->data, separator, len)) {
			struct pf_field_text rest = { .data = f->data + len,
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

static size_t longer(size_t len, const char *word)
{
	size_t other = word ? strlen(word) : 0;
	return other > len ? other : len;
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
		struct pf_binding *b = &d->bindings[i];
		if (c->from_filename)
			continue;
		b->n = c->nfrom ? c->nfrom : 1;
		for (size_t k = 0; k < t->conv[i].nnulls; k++)
			b->marker = longer(b->marker, t->conv[i].nulls[k]);
		b->marker = longer(b->marker, d->unset);
		b->marker = longer(b->marker, d->empty);
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
	d->simple = pf_line_pattern_open(pattern);
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
	pf_strings_free(d->names, d->nnames);
	for (size_t i = 0; i < d->nbindings; i++)
		free(d->bindings[i].all);
	free(d->bindings);
	free(d->fields);
	free(d->unset);
	free(d->empty);
	pf_line_pattern_close(d->simple);
	if (d->pattern)
		regfree(d->pattern);
	free(d->pattern);
	free(d->groups);
	pf_buf_free(&d->scratch);
	free(d);
}
