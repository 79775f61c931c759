/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of fields become values. A row is cut into fields first, and only when it
 * is whole do values go into columns.
 */
#include <stdio.h>
#include <string.h>

#include "text/delimited.h"
#include "text/fast_value.h"

/* Why the row is bad. */
struct complaint {
	int code;
	const char *column;
	char reason[256];
};

static bool marks_null(const struct pf_delimited *d, const struct pf_conv *c,
		       const struct pf_field_text *f, struct pf_view text)
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
		   const struct pf_binding *b, struct pf_view *text)
{
	size_t total = b->n;
	for (size_t i = 0; i < b->n; i++)
		total += d->fields[b->all[i]].len;
	/* Room for the parts' decoding, too, so that nothing moves. */
	pf_buf_room(&d->scratch, 2 * total + 2 * b->n);
	struct pf_view parts[16];
	for (size_t i = 0; i < b->n; i++) {
		const struct pf_field_text *f = &d->fields[b->all[i]];
		parts[i] = pf_delimited_text(d, f);
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
			       const struct pf_field_text *f)
{
	const uint8_t *stop = f->data + f->len;
	switch (c->fast) {
	case PF_FAST_INT:
		return pf_fast_int(c, out, f->data, stop);
	case PF_FAST_DOUBLE:
		return pf_fast_double(c, out, f->data, stop);
	case PF_FAST_DECIMAL:
		return pf_fast_decimal(c, out, f->data, stop);
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
	const struct pf_binding *b = &d->bindings[column];
	struct pf_view text;
	if (b->n == 1) {
		const struct pf_field_text *f = &d->fields[b->first];
		text = pf_delimited_text(d, f);
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
		const struct pf_field_text *f = &d->fields[d->bindings[i].first];
		/* What may be a marker of null is for the general way. */
		if (d->bindings[i].n == 1 && !f->coded && f->len > d->bindings[i].marker &&
		    append_fast(c, &b->columns[i], f))
			continue;
		if (!append_field(t, i, &b->columns[i], why))
			return false;
	}
	return true;
}

static bool row_fits(const struct pf_text *t, struct pf_builder *b, size_t len,
		     struct complaint *why)
{
	if (!pf_text_too_large(t, b, len, why->reason, sizeof why->reason))
		return true;
	why->code = PF_E_ROW_SIZE;
	why->column = NULL;
	return false;
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
		if ((next = pf_delimited_skip(d, p, end))) {
			t->at = (size_t)(next - t->data);
			t->line++;
			continue;
		}
		if (pf_delimited_maybe_comment(d, p, end))
			return 0;
		size_t n = 0;
		uint64_t lines = 1;
		enum pf_cut cut = pf_delimited_cut(d, p, end, &n, &next, &lines);
		if (cut == PF_CUT_MORE)
			return 0;
		struct complaint why;
		if (cut == PF_CUT_ROW && append_row(t, b, n, &why) &&
		    row_fits(t, b, (size_t)(next - p), &why)) {
			rows++;
			t->rows++;
		} else {
			if (cut == PF_CUT_BAD) {
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
			if (cut == PF_CUT_NO_MATCH)
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
