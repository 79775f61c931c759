/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/strings.h"
#include "stage/kafka_decode_impl.h"

/* The definition as text says it, changed so that a record is a row. */
static int foreign_definition(struct pf_decoder *d, struct pf_error *err)
{
	const char *text = pf_tabledef_text(d->o.definition);
	PF_TRY(pf_tabledef_parse(text, strlen(text), "definition", &d->foreign, err));
	d->changes = !d->o.csv && pf_text_format_changes(d->foreign->input.format);
	if (d->o.csv && (d->foreign->input.header == PF_HEADER_AUTO ||
			 d->foreign->input.header == PF_HEADER_LINE))
		d->foreign->input.header = PF_HEADER_NONE;
	return 0;
}

int pf_decoder_new(const struct pf_decode_options *options, struct pf_decoder **decoder,
		   struct pf_error *err)
{
	struct pf_decoder *d = pf_zalloc(1, sizeof *d);
	d->o = *options;
	d->rows = pf_builder_new(options->schema);
	int code = foreign_definition(d, err);
	if (!code)
		code = pf_tabledef_from_schema(options->schema, &d->own, err);
	if (code) {
		pf_decoder_free(d);
		return code;
	}
	*decoder = d;
	return 0;
}

void pf_decoder_free(struct pf_decoder *d)
{
	if (!d)
		return;
	pf_decoder_close_arrow(d);
	pf_decoder_close_text(d);
	if (d->has_held)
		pf_kafka_release(&d->held);
	pf_nulls_free(&d->nulls);
	pf_builder_free(d->rows);
	pf_buf_free(&d->chunk);
	pf_strings_free(d->said, d->nsaid);
	free(d->places);
	pf_tabledef_free(d->own);
	pf_tabledef_free(d->foreign);
	free(d);
}

const struct pf_decode_counts *pf_decoder_counts(const struct pf_decoder *d)
{
	return &d->counts;
}

bool pf_decoder_full(const struct pf_decoder *d)
{
	return d->has_held || d->in_record || d->text ||
	       d->chunk.len >= PF_CHUNK_BYTES || d->nplaces >= PF_CHUNK_RECORDS;
}

bool pf_decoder_empty(const struct pf_decoder *d)
{
	return !d->has_held && !d->in_record && !d->nplaces;
}

/* --- what does not fit --- */

int pf_decoder_refuse(struct pf_decoder *d, int32_t partition, int64_t offset,
		      const struct pf_reject *why, struct pf_error *err)
{
	struct pf_reject x = *why;
	x.file = d->o.topic;
	x.topic = d->o.topic;
	x.partition = partition;
	x.offset = offset;
	if (d->o.reject) {
		PF_TRY(d->o.reject(d->o.ctx, &x, err));
		d->counts.rejected++;
		return 0;
	}
	return pf_fail(err, x.code, "topic '%s', partition %" PRId32 ", offset %" PRId64
		       "%s%s%s: %s", d->o.topic, partition, offset,
		       x.column ? ", column '" : "", x.column ? x.column : "",
		       x.column ? "'" : "", x.reason);
}

int pf_decoder_refuse_record(struct pf_decoder *d, const struct pf_kafka_record *r,
			     int code, const char *reason, struct pf_error *err)
{
	struct pf_reject x = { .code = code, .bytes = r->value };
	snprintf(x.reason, sizeof x.reason, "%s", reason);
	return pf_decoder_refuse(d, r->partition, r->offset, &x, err);
}

/* --- both kinds --- */

static int begin(struct pf_decoder *d, struct pf_kafka_record *r, struct pf_error *err)
{
	bool taken = true;
	if (!pf_record_is_arrow(r)) {
		int code = pf_decoder_take_text(d, r, &taken, err);
		if (taken) {
			pf_kafka_release(r);
			return code;
		}
	} else if (!d->nplaces) {
		d->record = *r;
		d->ours = pf_origin_of(r, &d->origin);
		d->in_record = true;
		return 0;
	}
	d->held = *r;
	d->has_held = true;
	return 0;
}

int pf_decoder_add(struct pf_decoder *d, struct pf_kafka_record *r, struct pf_error *err)
{
	int code = begin(d, r, err);
	*r = (struct pf_kafka_record){ 0 };
	return code;
}

int pf_decoder_next(struct pf_decoder *d, struct pf_batch *batch, struct pf_error *err)
{
	*batch = (struct pf_batch){ .schema = d->o.schema };
	for (;;) {
		if (d->nplaces)
			PF_TRY(pf_decoder_next_text(d, batch, err));
		else if (d->in_record)
			PF_TRY(pf_decoder_next_arrow(d, batch, err));
		if (batch->rows || pf_decoder_empty(d))
			return 0;
		if (d->has_held && !d->nplaces && !d->in_record) {
			d->has_held = false;
			PF_TRY(begin(d, &d->held, err));
		}
	}
}
