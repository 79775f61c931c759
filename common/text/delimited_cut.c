/* SPDX-License-Identifier: Apache-2.0
 *
 * A row becomes fields.
 */
#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "text/delimited.h"
#include "text/scan.h"

static struct pf_field_text *add_field(struct pf_delimited *d, size_t n)
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

static enum pf_cut cut_row(struct pf_delimited *d, const uint8_t *p, const uint8_t *end,
			size_t *n, const uint8_t **next, uint64_t *lines)
{
	const uint8_t delimiter = d->delimiter;
	size_t k = 0;
	*lines = 1;
	for (;;) {
		struct pf_field_text *f = add_field(d, k++);
		*f = (struct pf_field_text){ .data = p };
		if (d->quote && *p == d->quote && p < end) {
			const uint8_t *close = closing_quote(d, p + 1, end, &f->coded);
			if (!close || close + 1 == end)
				return PF_CUT_MORE;
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
					return PF_CUT_MORE;
				p += p[1] == '\n';
			}
			if (*p == '\n') {
				*n = k;
				*next = p + 1;
				return PF_CUT_ROW;
			}
			if (*p != delimiter) {
				*next = p;
				return PF_CUT_BAD;
			}
		} else {
			const uint8_t *q = pf_find_either(p, delimiter, '\n', &f->high);
			if (q >= end)
				return PF_CUT_MORE;
			f->len = (size_t)(q - p);
			f->coded = d->escapes;
			p = q;
			if (*q == '\n') {
				if (f->len && q[-1] == '\r')
					f->len--;
				*n = k;
				*next = q + 1;
				return PF_CUT_ROW;
			}
		}
		p++;
	}
}

/* The same for a line: its fields are the pattern's groups, empty where a
 * group took no part. */
static enum pf_cut cut_line(struct pf_delimited *d, const uint8_t *p, const uint8_t *end,
			 size_t *n, const uint8_t **next)
{
	const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
	if (!stop)
		return PF_CUT_MORE;
	*next = stop + 1;
	size_t len = (size_t)(stop - p);
	if (len && p[len - 1] == '\r')
		len--;
	size_t groups = d->pattern->re_nsub;
	d->groups[0] = (regmatch_t){ .rm_so = 0, .rm_eo = (regoff_t)len };
	bool matches = !memchr(p, '\0', len);
	if (matches && d->simple)
		matches = pf_line_pattern_match(d->simple, p, len, d->groups);
	else if (matches)
		matches = !regexec(d->pattern, (const char *)p, groups + 1, d->groups,
				   REG_STARTEND);
	if (!matches)
		return PF_CUT_NO_MATCH;
	for (size_t i = 0; i < groups; i++) {
		const regmatch_t *g = &d->groups[i + 1];
		struct pf_field_text *f = add_field(d, i);
		*f = (struct pf_field_text){ .data = p, .high = true };
		if (g->rm_so >= 0) {
			f->data = p + g->rm_so;
			f->len = (size_t)(g->rm_eo - g->rm_so);
		}
	}
	*n = groups;
	return PF_CUT_ROW;
}

enum pf_cut pf_delimited_cut(struct pf_delimited *d, const uint8_t *p,
			     const uint8_t *end, size_t *n, const uint8_t **next,
			     uint64_t *lines)
{
	*lines = 1;
	return d->pattern ? cut_line(d, p, end, n, next) :
			    cut_row(d, p, end, n, next, lines);
}

static unsigned hex(uint8_t c)
{
	return c <= '9' ? c - 0x30u : (c | 0x20u) - 'a' + 10;
}

struct pf_view pf_delimited_text(struct pf_delimited *d, const struct pf_field_text *f)
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

const uint8_t *pf_delimited_skip(const struct pf_delimited *d, const uint8_t *p,
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

bool pf_delimited_maybe_comment(const struct pf_delimited *d, const uint8_t *p,
				const uint8_t *end)
{
	size_t here = (size_t)(end - p);
	return d->comment &&
	       !memcmp(p, d->comment, here < d->comment_len ? here : d->comment_len);
}
