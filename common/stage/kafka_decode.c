/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/time.h"
#include "stage/adapt.h"
#include "stage/kafka_message.h"
#include "stage/nulls.h"

enum { CHUNK_RECORDS = 8192, CHUNK_BYTES = 1 << 20, BATCH_ROWS = 8192 };
/* One record decompresses to no more than this. */
enum { RECORD_LIMIT = 256 << 20 };

/* Where a text record stood. */
struct place {
	int32_t partition;
	int64_t offset;
};

/* How text is read. */
enum text_kind {
	TEXT_OWN,   /* JSON of ours: columns by name */
	TEXT_LINES, /* one line a record */
	TEXT_ALONE, /* its end is not a line's: a reader for it alone */
};

struct pf_decoder {
	struct pf_decode_options o;
	struct pf_decode_counts counts;
	struct pf_tabledef *own, *foreign; /* how text is read */

	/* Text records, as lines. */
	struct pf_buf chunk;
	struct place *places;
	size_t nplaces;
	enum text_kind kind;
	struct pf_memory_source memory;
	struct pf_byte_source bytes;
	struct pf_text *text;
	int64_t good, bad;          /* of the chunk so far */
	struct pf_reject why;       /* of a record that is read alone */
	struct pf_builder *rows;

	/* The record that comes behind the chunk. */
	struct pf_kafka_record held;
	bool has_held;

	/* An Arrow record. */
	struct pf_kafka_record record;
	struct pf_origin origin;
	bool in_record, ours;
	struct pf_stream_in *in;
	struct pf_adapt *adapt;
	int pos_column;
	int64_t record_rows;
	struct pf_nulls nulls;
};

/* The definition as text says it, changed so that a record is a row. */
static int foreign_definition(struct pf_decoder *d, struct pf_error *err)
{
	const char *text = pf_tabledef_text(d->o.definition);
	PF_TRY(pf_tabledef_parse(text, strlen(text), "definition", &d->foreign, err));
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

static void close_arrow(struct pf_decoder *d)
{
	pf_stream_in_close(d->in);
	pf_adapt_free(d->adapt);
	d->in = NULL;
	d->adapt = NULL;
	pf_kafka_release(&d->record);
	d->in_record = false;
}

static void close_text(struct pf_decoder *d)
{
	pf_text_close(d->text);
	d->text = NULL;
	d->chunk.len = 0;
	d->nplaces = 0;
	d->good = d->bad = 0;
}

void pf_decoder_free(struct pf_decoder *d)
{
	if (!d)
		return;
	close_arrow(d);
	close_text(d);
	if (d->has_held)
		pf_kafka_release(&d->held);
	pf_nulls_free(&d->nulls);
	pf_builder_free(d->rows);
	pf_buf_free(&d->chunk);
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
	       d->chunk.len >= CHUNK_BYTES || d->nplaces >= CHUNK_RECORDS;
}

bool pf_decoder_empty(const struct pf_decoder *d)
{
	return !d->has_held && !d->in_record && !d->nplaces;
}

/* --- what does not fit --- */

static int refuse(struct pf_decoder *d, int32_t partition, int64_t offset,
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

static int refuse_record(struct pf_decoder *d, const struct pf_kafka_record *r, int code,
			 const char *reason, struct pf_error *err)
{
	struct pf_reject x = { .code = code, .bytes = r->value };
	snprintf(x.reason, sizeof x.reason, "%s", reason);
	return refuse(d, r->partition, r->offset, &x, err);
}

/* --- Arrow --- */

/* A record that knows more than the definition we began with: leaving that out
 * would lose it for good, since the rows would count as loaded. */
static int check_not_newer(const struct pf_decoder *d, const struct pf_schema *s,
			   struct pf_error *err)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->fields[i].name, PF_POS_COLUMN))
			continue;
		int at = pf_schema_find(d->o.schema, s->fields[i].name);
		if (at >= 0 && pf_adapt_widens(s->fields[i].type,
					       d->o.schema->fields[at].type))
			continue;
		pf_fail(err, PF_E_STAGE_GREW,
			"the definition of topic '%s' changed while it was read: column '%s' is new or wider",
			d->o.topic, s->fields[i].name);
		return pf_hint(err, "run it again; it begins where the table stands");
	}
	return 0;
}

/* Memory that the stream reads, for as long as it is open. */
static int open_arrow(struct pf_decoder *d, struct pf_error *err)
{
	d->memory = (struct pf_memory_source){ .view = d->record.value };
	d->bytes = pf_source_memory(&d->memory, d->o.topic);
	d->record_rows = 0;
	PF_TRY(pf_stream_in_open(&d->bytes, RECORD_LIMIT, &d->in, err));
	struct pf_schema *schema = pf_stream_in_schema(d->in);
	d->pos_column = pf_schema_find(schema, PF_POS_COLUMN);
	if (d->pos_column >= 0 && schema->fields[d->pos_column].type.kind != PF_BIGINT)
		d->pos_column = -1;
	if (d->ours && d->pos_column < 0)
		return pf_fail(err, PF_E_ARROW, "column '%s' is missing", PF_POS_COLUMN);
	if (d->ours)
		PF_TRY(check_not_newer(d, schema, err));
	return pf_adapt_new(schema, d->o.schema, d->o.topic, &d->adapt, err);
}

static int on_null(void *ctx, const struct pf_reject *reject, struct pf_error *err)
{
	struct pf_decoder *d = ctx;
	return refuse(d, d->record.partition, d->record.offset, reject, err);
}

/* How many of the rows are known already: numbers ascend. */
static int64_t known_rows(const struct pf_decoder *d, const struct pf_batch *b)
{
	if (!d->ours || !d->origin.source)
		return 0;
	const struct pf_column *c = &b->columns[d->pos_column];
	const int64_t *numbers = c->values;
	int64_t mark = pf_source_marks_get(d->o.marks, d->origin.source,
					   d->record.partition);
	int64_t low = 0, high = b->rows;
	while (low < high) {
		int64_t mid = low + (high - low) / 2;
		if (numbers[mid] <= mark)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int arrow_rows(struct pf_decoder *d, const struct pf_batch *in,
		      struct pf_batch *out, struct pf_error *err)
{
	int64_t skip = known_rows(d, in);
	d->counts.duplicate += skip;
	if (skip == in->rows) {
		out->rows = 0;
		return 0;
	}
	struct pf_batch batch = pf_adapt_batch(d->adapt, in, skip, in->rows - skip);
	return pf_nulls_refuse(&d->nulls, &batch, d->o.topic, 1, on_null, d, out, err);
}

static void leave_arrow(struct pf_decoder *d)
{
	if (d->ours && d->origin.source)
		pf_source_marks_set(d->o.marks, d->origin.source, d->record.partition,
				    d->origin.to, pf_now_ms() / 1000);
	close_arrow(d);
}

/* A record that is not what it should be: ours is damage, another's a row that
 * does not fit. */
static int bad_arrow(struct pf_decoder *d, const struct pf_error *why,
		     struct pf_error *err)
{
	int code;
	if (why->code == PF_E_STAGE_GREW || why->code / 1000 == 4) {
		*err = *why;
		code = why->code;
	} else if (d->ours || d->record_rows) {
		code = pf_fail(err, PF_E_STAGE_CORRUPT,
			       "topic '%s', partition %" PRId32 ", offset %" PRId64 ": %s",
			       d->o.topic, d->record.partition, d->record.offset,
			       why->message);
	} else {
		code = refuse_record(d, &d->record, why->code, why->message, err);
	}
	if (!code)
		close_arrow(d);
	return code;
}

static int next_arrow(struct pf_decoder *d, struct pf_batch *batch, struct pf_error *err)
{
	struct pf_error why = { 0 };
	struct pf_event event;
	if (!d->in && open_arrow(d, &why))
		return bad_arrow(d, &why, err);
	for (;;) {
		if (pf_stream_in_next(d->in, &event, &why))
			return bad_arrow(d, &why, err);
		if (event.kind == PF_EVENT_END || event.kind == PF_EVENT_ABORT)
			break;
		if (event.kind != PF_EVENT_BATCH)
			continue;
		d->record_rows += event.batch.rows;
		if (d->ours && event.batch.columns[d->pos_column].nulls) {
			pf_fail(&why, PF_E_ARROW, "column '%s' has nulls", PF_POS_COLUMN);
			return bad_arrow(d, &why, err);
		}
		PF_TRY(arrow_rows(d, &event.batch, batch, err));
		if (batch->rows)
			return 0;
	}
	if (d->ours && d->record_rows != d->origin.rows) {
		pf_fail(&why, PF_E_ARROW, "%" PRId64 " rows where its header says %" PRId64,
			d->record_rows, d->origin.rows);
		return bad_arrow(d, &why, err);
	}
	leave_arrow(d);
	return 0;
}

struct pf_tabledef *pf_record_definition(const struct pf_kafka_record *r)
{
	struct pf_memory_source memory = { .view = r->value };
	struct pf_byte_source bytes = pf_source_memory(&memory, "record");
	struct pf_stream_in *in;
	struct pf_tabledef *def = NULL;
	if (!pf_record_is_arrow(r) || pf_stream_in_open(&bytes, RECORD_LIMIT, &in, NULL))
		return NULL;
	const char *text = pf_meta_get(&pf_stream_in_schema(in)->meta, PF_DEFINITION_KEY);
	if (text && pf_tabledef_parse(text, strlen(text), "definition of the topic", &def,
				      NULL))
		def = NULL;
	pf_stream_in_close(in);
	return def;
}

/* --- text --- */

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
		d->places = pf_alloc(CHUNK_RECORDS, sizeof *d->places);
	d->kind = kind;
	d->places[d->nplaces++] = (struct place){ r->partition, r->offset };
	if (array)
		pf_buf_byte(&d->chunk, '[');
	pf_buf_add(&d->chunk, v.data, v.len);
	if (array)
		pf_buf_byte(&d->chunk, ']');
	pf_buf_byte(&d->chunk, '\n');
}

/* *taken false: it must wait until the chunk has left. */
static int take_text(struct pf_decoder *d, const struct pf_kafka_record *r, bool *taken,
		     struct pf_error *err)
{
	struct pf_origin origin;
	struct pf_view v = without_mark(r->value);
	bool ours = pf_origin_of(r, &origin);
	*taken = true;
	if (!r->has_value || blank(v))
		return refuse_record(d, r, PF_E_BAD_ROW, r->has_value ?
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
	return refuse(d, d->places[i].partition, d->places[i].offset, reject, err);
}

static int open_text(struct pf_decoder *d, struct pf_error *err)
{
	d->memory = (struct pf_memory_source){
		.view = pf_view_of(d->chunk.data, d->chunk.len) };
	d->bytes = pf_source_memory(&d->memory, d->o.topic);
	struct pf_text_options options = {
		.format = d->kind == TEXT_OWN ? PF_TEXT_JSONL :
			  d->o.csv ? PF_TEXT_CSV :
			  d->kind == TEXT_ALONE ? PF_TEXT_JSON : PF_TEXT_JSONL,
		.file = d->o.topic,
		.final_line = true,
		.reject = on_line,
		.reject_ctx = d,
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
		code = pf_text_next(d->text, d->rows, BATCH_ROWS, 0, &end, &why);
	*batch = pf_builder_batch(d->rows);
	if (code && why.code / 1000 != 3) {
		*err = why;
		return code;
	}
	bool one = !code && batch->rows + d->bad == 1;
	if (one && !d->bad) {
		close_text(d);
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
	code = refuse(d, d->places[0].partition, d->places[0].offset, &x, err);
	close_text(d);
	return code;
}

static int next_lines(struct pf_decoder *d, struct pf_batch *batch, struct pf_error *err)
{
	bool end = false;
	if (!d->text)
		PF_TRY(open_text(d, err));
	pf_builder_reset(d->rows);
	while (!end && !(batch->rows = d->rows->schema->n ? d->rows->columns[0].rows : 0))
		PF_TRY(pf_text_next(d->text, d->rows, BATCH_ROWS, 0, &end, err));
	*batch = pf_builder_batch(d->rows);
	d->good += batch->rows;
	if (end) {
		/* Comments are no rows and no mistakes. */
		d->counts.filtered += (int64_t)d->nplaces - d->good - d->bad;
		close_text(d);
	}
	return 0;
}

/* --- both --- */

static int begin(struct pf_decoder *d, struct pf_kafka_record *r, struct pf_error *err)
{
	bool taken = true;
	if (!pf_record_is_arrow(r)) {
		int code = take_text(d, r, &taken, err);
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
		if (d->nplaces && d->kind == TEXT_ALONE)
			PF_TRY(next_alone(d, batch, err));
		else if (d->nplaces)
			PF_TRY(next_lines(d, batch, err));
		else if (d->in_record)
			PF_TRY(next_arrow(d, batch, err));
		if (batch->rows || pf_decoder_empty(d))
			return 0;
		if (d->has_held && !d->nplaces && !d->in_record) {
			d->has_held = false;
			PF_TRY(begin(d, &d->held, err));
		}
	}
}
