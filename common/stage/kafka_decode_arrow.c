/* SPDX-License-Identifier: Apache-2.0
 *
 * Records that are Arrow streams: ours, whose rows have numbers and may have been
 * read before, and those of others.
 */
#include <inttypes.h>

#include "base/time.h"
#include "stage/kafka_decode_impl.h"

void pf_decoder_close_arrow(struct pf_decoder *d)
{
	pf_stream_in_close(d->in);
	pf_adapt_free(d->adapt);
	d->in = NULL;
	d->adapt = NULL;
	pf_kafka_release(&d->record);
	d->in_record = false;
}

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
	PF_TRY(pf_stream_in_open(&d->bytes, PF_RECORD_LIMIT, &d->in, err));
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
	return pf_decoder_refuse(d, d->record.partition, d->record.offset, reject, err);
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
	pf_decoder_close_arrow(d);
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
		code = pf_decoder_refuse_record(d, &d->record, why->code, why->message, err);
	}
	if (!code)
		pf_decoder_close_arrow(d);
	return code;
}

int pf_decoder_next_arrow(struct pf_decoder *d, struct pf_batch *batch,
			  struct pf_error *err)
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
	if (!pf_record_is_arrow(r) || pf_stream_in_open(&bytes, PF_RECORD_LIMIT, &in, NULL))
		return NULL;
	const char *text = pf_meta_get(&pf_stream_in_schema(in)->meta, PF_DEFINITION_KEY);
	if (text && pf_tabledef_parse(text, strlen(text), "definition of the topic", &def,
				      NULL))
		def = NULL;
	pf_stream_in_close(in);
	return def;
}
