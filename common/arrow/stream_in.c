/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "arrow/control.h"
#include "arrow/convert.h"
#include "arrow/ipc_read.h"
#include "base/alloc.h"
#include "ext/hash.h"

struct pf_stream_in {
	char *name;
	size_t limit;
	struct pf_ipc_reader *reader;
	struct pf_convert *convert;
	struct pf_schema *schema; /* of the first stream */
	bool foreign;      /* the current stream, or one before it, is */
	bool streams_own;  /* the current stream has sent begin */
	bool done;         /* nothing follows */
	bool aborted;
	bool pending;      /* message is read and not handed out */
	struct pf_ipc_message message;
	struct pf_mark mark;
	struct pf_counts counts;
	int64_t rows, stream_rows, rows_since, stream_bytes;
	struct pf_xxh3_state *one, *whole, *since; /* message, stream, since mark */
	uint64_t ended;  /* hash of the last stream that ended and had rows */
	size_t streams;  /* that ended */
};

static void reset_stream(struct pf_stream_in *in)
{
	in->stream_rows = in->rows_since = in->stream_bytes = 0;
	pf_xxh3_reset(in->whole);
	pf_xxh3_reset(in->since);
}

/* The message belongs to the stream's hash. */
static void count_message(struct pf_stream_in *in)
{
	const struct pf_ipc_message *m = &in->message;
	pf_xxh3_reset(in->one);
	pf_xxh3_update(in->one, m->head.data, m->head.len);
	pf_xxh3_update(in->one, m->body.data, m->body.len);
	uint64_t hash = pf_xxh3_digest(in->one);
	pf_xxh3_update(in->whole, &hash, sizeof hash);
	pf_xxh3_update(in->since, &hash, sizeof hash);
	in->stream_bytes += (int64_t)(m->head.len + m->body.len);
}

/* Is the stream ParaFlow's own? begin, right behind the schema, says so. */
static int look_for_begin(struct pf_stream_in *in, struct pf_error *err)
{
	enum pf_control kind = PF_CONTROL_NONE;
	PF_TRY(pf_ipc_read_next(in->reader, &in->message, err));
	if (in->message.event == PF_IPC_BATCH && !in->message.rows)
		PF_TRY(pf_control_kind(in->message.meta, &kind, err));
	in->streams_own = kind == PF_CONTROL_BEGIN;
	in->pending = !in->streams_own;
	in->foreign |= !in->streams_own;
	if (!in->streams_own)
		return 0;
	PF_TRY(pf_control_get_begin(in->message.meta, err));
	count_message(in);
	pf_xxh3_reset(in->since);
	return 0;
}

static int open_stream(struct pf_stream_in *in, struct pf_error *err)
{
	const struct pf_arrow_schema *arrow;
	bool found;
	PF_TRY(pf_ipc_read_schema(in->reader, &arrow, &found, err));
	if (!found)
		return pf_fail(err, PF_E_TRUNCATED,
			       "the input is empty: not even a schema came");
	PF_TRY(pf_convert_new(arrow, in->limit, &in->convert, err));
	in->schema = pf_schema_ref(pf_convert_schema(in->convert));
	return look_for_begin(in, err);
}

int pf_stream_in_open(const struct pf_byte_source *source, size_t limit_bytes,
		      struct pf_stream_in **stream, struct pf_error *err)
{
	struct pf_stream_in *in = pf_zalloc(1, sizeof *in);
	in->name = pf_strdup(source->name);
	in->limit = limit_bytes;
	in->reader = pf_ipc_reader_new(source, limit_bytes);
	in->one = pf_xxh3_new();
	in->whole = pf_xxh3_new();
	in->since = pf_xxh3_new();
	int code = open_stream(in, err);
	if (code) {
		pf_context(err, "'%s'", in->name);
		pf_stream_in_close(in);
		return code;
	}
	*stream = in;
	return 0;
}

/* --- streams that follow one another --- */

/* What a later stream must agree on besides names and types. */
static int check_follower(const struct pf_schema *a, const struct pf_schema *b,
			  struct pf_error *err)
{
	static const char *const keys[] = { "pf:id", "pf:time", "pf:zone",
					    "pf:partition-by", "pf:buckets" };
	PF_TRY(pf_schema_same(a, "the first stream", b, "a later one", err));
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *x = pf_meta_get(&a->meta, keys[i]);
		const char *y = pf_meta_get(&b->meta, keys[i]);
		if (strcmp(x ? x : "", y ? y : ""))
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "%s is '%s' in the first stream and '%s' in a later one",
				       keys[i], x ? x : "", y ? y : "");
	}
	for (size_t i = 0; i < a->n; i++)
		if (!a->fields[i].nullable && b->fields[i].nullable)
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column '%s' is not null in the first stream and may be null in a later one",
				       a->fields[i].name);
	return 0;
}

/* Behind an end-of-stream marker: another stream, or the end. */
static int next_stream(struct pf_stream_in *in, struct pf_error *err)
{
	const struct pf_arrow_schema *arrow;
	bool found;
	if (in->stream_rows)
		in->ended = pf_xxh3_digest(in->whole);
	in->streams++;
	reset_stream(in);
	pf_convert_free(in->convert);
	in->convert = NULL;
	in->done = true;
	PF_TRY(pf_ipc_read_schema(in->reader, &arrow, &found, err));
	if (!found)
		return 0;
	in->done = false;
	PF_TRY(pf_convert_new(arrow, in->limit, &in->convert, err));
	PF_TRY(check_follower(in->schema, pf_convert_schema(in->convert), err));
	return look_for_begin(in, err);
}

uint64_t pf_stream_in_hash(const struct pf_stream_in *in)
{
	return in->ended;
}

size_t pf_stream_in_streams(const struct pf_stream_in *in)
{
	return in->streams;
}

/* --- messages --- */

static int take_mark(struct pf_stream_in *in, struct pf_event *event,
		     struct pf_error *err)
{
	PF_TRY(pf_control_get_mark(in->message.meta, &in->mark, err));
	if (in->mark.rows != in->rows_since)
		return pf_fail(err, PF_E_CORRUPT,
			       "a mark counts %" PRId64 " rows where %" PRId64 " came",
			       in->mark.rows, in->rows_since);
	if (in->mark.hash != pf_xxh3_digest(in->since))
		return pf_fail(err, PF_E_CORRUPT,
			       "the hash of a mark is not that of the %" PRId64
			       " rows before it",
			       in->rows_since);
	count_message(in);
	pf_xxh3_reset(in->since);
	in->rows_since = 0;
	event->kind = PF_EVENT_MARK;
	event->mark = &in->mark;
	return 0;
}

static int take_end(struct pf_stream_in *in, struct pf_error *err)
{
	struct pf_control_end end;
	PF_TRY(pf_control_get_end(in->message.meta, &end, err));
	if (end.rows != in->stream_rows)
		return pf_fail(err, PF_E_CORRUPT,
			       "the end message counts %" PRId64 " rows where %" PRId64
			       " came",
			       end.rows, in->stream_rows);
	if (end.bytes != in->stream_bytes || end.hash != pf_xxh3_digest(in->whole))
		return pf_fail(err, PF_E_CORRUPT,
			       "the stream's bytes are not those that its end message was made for");
	in->counts.in += end.counts.in;
	in->counts.out += end.counts.out;
	in->counts.rejected += end.counts.rejected;
	in->counts.duplicate += end.counts.duplicate;
	in->counts.filtered += end.counts.filtered;
	PF_TRY(pf_ipc_read_next(in->reader, &in->message, err));
	if (in->message.event == PF_IPC_END)
		return pf_fail(err, PF_E_TRUNCATED,
			       "the stream ends without its end-of-stream marker after %" PRId64
			       " rows",
			       in->rows);
	if (in->message.event != PF_IPC_END_OF_STREAM)
		return pf_fail(err, PF_E_CORRUPT, "rows come behind the end message");
	return next_stream(in, err);
}

static int take_batch(struct pf_stream_in *in, struct pf_event *event,
		      struct pf_error *err)
{
	PF_TRY(pf_convert_batch(in->convert, &in->message, &event->batch, err));
	event->batch.schema = in->schema;
	if (!event->batch.meta->n)
		event->batch.meta = NULL;
	event->kind = PF_EVENT_BATCH;
	in->rows += event->batch.rows;
	in->stream_rows += event->batch.rows;
	in->rows_since += event->batch.rows;
	return 0;
}

static void take_abort(struct pf_stream_in *in, struct pf_event *event)
{
	pf_control_get_abort(in->message.meta, event);
	event->kind = PF_EVENT_ABORT;
	event->rows = in->rows;
	in->aborted = true;
}

/* *again: the message gave no event. */
static int take_message(struct pf_stream_in *in, struct pf_event *event, bool *again,
			struct pf_error *err)
{
	enum pf_control kind = PF_CONTROL_NONE;
	*again = false;
	if (in->message.event == PF_IPC_BATCH && !in->message.rows)
		PF_TRY(pf_control_kind(in->message.meta, &kind, err));
	if (kind != PF_CONTROL_NONE && !in->streams_own)
		return pf_fail(err, PF_E_CORRUPT,
			       "a control message comes in a stream that has no begin");
	switch (kind) {
	case PF_CONTROL_MARK:
		return take_mark(in, event, err);
	case PF_CONTROL_ABORT:
		take_abort(in, event);
		return 0;
	case PF_CONTROL_END:
		*again = true;
		return take_end(in, err);
	case PF_CONTROL_BEGIN:
		return pf_fail(err, PF_E_CORRUPT, "begin comes a second time");
	case PF_CONTROL_NONE:
		break;
	}
	count_message(in);
	*again = !in->message.rows;
	return *again ? 0 : take_batch(in, event, err);
}

static int take_end_of_stream(struct pf_stream_in *in, struct pf_error *err)
{
	if (in->streams_own)
		return pf_fail(err, PF_E_TRUNCATED,
			       "the stream ended without its end message after %" PRId64
			       " rows",
			       in->rows);
	if (in->message.event == PF_IPC_END)
		return pf_fail(err, PF_E_TRUNCATED,
			       "the stream ended without an end-of-stream marker after %" PRId64
			       " rows",
			       in->rows);
	return next_stream(in, err);
}

static int next_event(struct pf_stream_in *in, struct pf_event *event,
		      struct pf_error *err)
{
	bool again = true;
	if (in->aborted)
		return pf_fail(err, PF_E_UPSTREAM, "the stream was aborted");
	while (again && !in->done) {
		if (!in->pending)
			PF_TRY(pf_ipc_read_next(in->reader, &in->message, err));
		in->pending = false;
		if (in->message.event == PF_IPC_END_OF_STREAM ||
		    in->message.event == PF_IPC_END)
			PF_TRY(take_end_of_stream(in, err));
		else
			PF_TRY(take_message(in, event, &again, err));
	}
	if (again) {
		event->kind = PF_EVENT_END;
		event->rows = in->rows;
		event->counts = in->counts;
	}
	return 0;
}

int pf_stream_in_next(struct pf_stream_in *in, struct pf_event *event,
		      struct pf_error *err)
{
	*event = (struct pf_event){ 0 };
	int code = next_event(in, event, err);
	if (code)
		pf_context(err, "'%s'", in->name);
	return code;
}

/* --- the rest --- */

struct pf_schema *pf_stream_in_schema(struct pf_stream_in *in)
{
	return in->schema;
}

bool pf_stream_in_foreign(const struct pf_stream_in *in)
{
	return in->foreign;
}

bool pf_stream_in_ready(struct pf_stream_in *in, int timeout_ms)
{
	return in->done || in->aborted || in->pending || pf_ipc_reader_ready(in->reader, timeout_ms);
}

int64_t pf_stream_in_rows(const struct pf_stream_in *in)
{
	return in->rows;
}

void pf_stream_in_close(struct pf_stream_in *in)
{
	if (!in)
		return;
	pf_convert_free(in->convert);
	pf_ipc_reader_free(in->reader);
	pf_schema_unref(in->schema);
	pf_mark_free(&in->mark);
	pf_xxh3_free(in->one);
	pf_xxh3_free(in->whole);
	pf_xxh3_free(in->since);
	free(in->name);
	free(in);
}
