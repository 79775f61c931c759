/* SPDX-License-Identifier: Apache-2.0
 *
 * Records that are text, one row each. They are gathered into a chunk, a line a
 * record, so that a batch is worth its while; one whose end is not a line's is read
 * by a reader of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/time.h"
#include "stage/kafka_decode_impl.h"

void pf_decoder_close_text(struct pf_decoder *d)
{
	pf_text_close(d->text);
	d->text = NULL;
	d->chunk.len = 0;
	d->nplaces = 0;
	d->good = d->bad = 0;
}

static struct pf_view without_mark(struct pf_view v)
{
	if (v.len >= 3 && !memcmp(v.data, "\xef\xbb\xbf", 3))
		return pf_view_of(v.data + 3, v.len - 3);
	return v;
}

static bool blank(struct pf_view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] != ' ' && v.data[i] != '\t' && v.data[i] != '\r' &&
		    v.data[i] != '\n')
			return false;
	return true;
}

/* A newline would make two lines of it, an open quote one of two. */
static enum text_kind kind_of(const struct pf_decoder *d, struct pf_view v, bool ours)
{
	if (ours)
		return TEXT_OWN;
	if (d->changes)
		return TEXT_LINES;
	char quote = d->foreign->input.has_quote ? d->foreign->input.quote : '"';
	if (memchr(v.data, '\n', v.len) || (d->o.csv && quote && memchr(v.data, quote, v.len)))
		return TEXT_ALONE;
	return TEXT_LINES;
}

static void add_line(struct pf_decoder *d, const struct pf_kafka_record *r,
		     enum text_kind kind, struct pf_view v)
{
	bool array = kind == TEXT_ALONE && !d->o.csv;
	if (!d->places)
		d->places = pf_alloc(PF_CHUNK_RECORDS, sizeof *d->places);
	d->kind = kind;
	d->places[d->nplaces++] = (struct place){ r->partition, r->offset };
	if (array)
		pf_buf_byte(&d->chunk, '[');
	pf_buf_add(&d->chunk, v.data, v.len);
	/* A message is a line; where JSON may have a newline, it may have a tab. */
	for (uint8_t *p = d->chunk.data + d->chunk.len - v.len, *end = p + v.len;
	     d->changes && (p = memchr(p, '\n', (size_t)(end - p)));)
		*p = '\t';
	if (array)
		pf_buf_byte(&d->chunk, ']');
	pf_buf_byte(&d->chunk, '\n');
}

int pf_decoder_take_text(struct pf_decoder *d, const struct pf_kafka_record *r,
			 bool *taken, struct pf_error *err)
{
	struct pf_origin origin;
	struct pf_view v = without_mark(r->value);
	bool ours = pf_origin_of(r, &origin);
	*taken = true;
	if (d->changes && !ours && (!r->has_value || blank(v))) {
		d->counts.filtered++; /* a tombstone: its key was deleted before */
		return 0;
	}
	if (!r->has_value || blank(v))
		return pf_decoder_refuse_record(d, r, PF_E_BAD_ROW, r->has_value ?
				     "the record is empty" : "the record has no value", err);
	enum text_kind kind = kind_of(d, v, ours);
	if (d->nplaces && (kind != d->kind || kind == TEXT_ALONE)) {
		*taken = false;
		return 0;
	}
	if (ours && origin.source) {
		if (origin.to <= pf_source_marks_get(d->o.marks, origin.source,
						     r->partition)) {
			d->counts.duplicate++;
			return 0;
		}
		pf_source_marks_set(d->o.marks, origin.source, r->partition, origin.to,
				    pf_now_ms() / 1000);
	}
	add_line(d, r, kind, v);
	return 0;
}

static int on_line(void *ctx, const struct pf_reject *reject, struct pf_error *err)
{
	struct pf_decoder *d = ctx;
	size_t i = reject->line ? (size_t)reject->line - 1 : 0;
	if (i >= d->nplaces)
		i = d->nplaces - 1;
	d->bad++;
	if (d->kind == TEXT_ALONE) {
		d->why = *reject;
		return 0;
	}
	return pf_decoder_refuse(d, d->places[i].partition, d->places[i].offset, reject, err);
}

/* Each chunk is read anew, and so are its columns. */
static bool said_before(struct pf_decoder *d, const char *text)
{
	enum { MOST_SAID = 256 };
	for (size_t k = 0; k < d->nsaid; k++)
		if (!strcmp(d->said[k], text))
			return true;
	if (d->nsaid == MOST_SAID)
		return true;
	d->said = pf_realloc(d->said, d->nsaid + 1, sizeof *d->said);
	d->said[d->nsaid++] = pf_strdup(text);
	return false;
}

static void on_notice(void *ctx, const struct pf_notice *notice)
{
	struct pf_decoder *d = ctx;
	struct pf_notice n = *notice;
	size_t i = n.line ? (size_t)n.line - 1 : 0;
	if (!d->o.notice || (n.once && said_before(d, n.text)))
		return;
	n.topic = d->o.topic;
	n.partition = d->places[i < d->nplaces ? i : d->nplaces - 1].partition;
	n.offset = d->places[i < d->nplaces ? i : d->nplaces - 1].offset;
	d->o.notice(d->o.notice_ctx, &n);
}

static int open_text(struct pf_decoder *d, struct pf_error *err)
{
	d->memory = (struct pf_memory_source){
		.view = pf_view_of(d->chunk.data, d->chunk.len) };
	d->bytes = pf_source_memory(&d->memory, d->o.topic);
	struct pf_text_options options = {
		.format = d->kind == TEXT_OWN ? PF_TEXT_JSONL :
			  d->o.csv ? PF_TEXT_CSV :
			  d->changes ? d->foreign->input.format :
			  d->kind == TEXT_ALONE ? PF_TEXT_JSON : PF_TEXT_JSONL,
		.file = d->o.topic,
		.final_line = true,
		.reject = on_line,
		.reject_ctx = d,
		.notice = on_notice,
		.notice_ctx = d,
	};
	return pf_text_open(&d->bytes, d->kind == TEXT_OWN ? d->own : d->foreign, &options,
			    &d->text, err);
}

/* A record that is read alone must be one row, no more and no less. */
static int next_alone(struct pf_decoder *d, struct pf_batch *batch, struct pf_error *err)
{
	struct pf_error why = { 0 };
	bool end = false;
	pf_builder_reset(d->rows);
	int code = open_text(d, &why);
	while (!code && !end)
		code = pf_text_next(d->text, d->rows, PF_DECODE_ROWS, 0, &end, &why);
	*batch = pf_builder_batch(d->rows);
	if (code && why.code / 1000 != 3) {
		*err = why;
		return code;
	}
	bool one = !code && batch->rows + d->bad == 1;
	if (one && !d->bad) {
		pf_decoder_close_text(d);
		return 0;
	}
	struct pf_reject x = d->why;
	if (!one) {
		x = (struct pf_reject){ .code = code ? code : PF_E_BAD_ROW };
		snprintf(x.reason, sizeof x.reason, "%.500s", code ? why.message :
			 "the record is not exactly one row");
	}
	x.bytes = pf_view_of(d->chunk.data, d->chunk.len - 1);
	batch->rows = 0;
	code = pf_decoder_refuse(d, d->places[0].partition, d->places[0].offset, &x, err);
	pf_decoder_close_text(d);
	return code;
}

static int next_lines(struct pf_decoder *d, struct pf_batch *batch, struct pf_error *err)
{
	bool end = false;
	if (!d->text)
		PF_TRY(open_text(d, err));
	pf_builder_reset(d->rows);
	while (!end && !(batch->rows = d->rows->schema->n ? d->rows->columns[0].rows : 0))
		PF_TRY(pf_text_next(d->text, d->rows, PF_DECODE_ROWS, 0, &end, err));
	*batch = pf_builder_batch(d->rows);
	d->good += batch->rows;
	if (end) {
		struct pf_text_position p;
		pf_text_position(d->text, &p);
		/* Comments are no rows and no mistakes. */
		d->counts.filtered += d->changes && d->kind != TEXT_OWN ?
			p.passed.schema_changes + p.passed.empty + p.passed.other :
			(int64_t)d->nplaces - d->good - d->bad;
		pf_decoder_close_text(d);
	}
	return 0;
}

int pf_decoder_next_text(struct pf_decoder *d, struct pf_batch *batch,
			 struct pf_error *err)
{
	return d->kind == TEXT_ALONE ? next_alone(d, batch, err) : next_lines(d, batch, err);
}
