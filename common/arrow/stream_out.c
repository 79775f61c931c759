/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "arrow/control.h"
#include "arrow/ipc_write.h"
#include "base/alloc.h"
#include "ext/hash.h"

/* BUFFER: what is gathered into one write. SMALL: messages up to here are
 * copied into it whole. DIRECT: pieces of others that are not copied. */
enum { BUFFER = 256 * 1024, SMALL = 64 * 1024, DIRECT = 32 * 1024 };

struct pf_stream_out {
	struct pf_byte_sink sink;
	struct pf_schema *schema;
	struct pf_ipc_writer *writer;
	struct pf_buf buffer;
	struct pf_xxh3_state *message; /* being written */
	struct pf_xxh3_state *whole, *since; /* since: the last mark */
	int64_t rows, rows_since, bytes;
	bool ended; /* end or abort has left */
	const volatile int *stop; /* or NULL */
};

/* A message has left. */
static void count_message(struct pf_stream_out *out, uint64_t hash, size_t bytes)
{
	pf_xxh3_update(out->whole, &hash, sizeof hash);
	pf_xxh3_update(out->since, &hash, sizeof hash);
	out->bytes += (int64_t)bytes;
}

int pf_stream_out_flush(struct pf_stream_out *out, struct pf_error *err)
{
	size_t len = out->buffer.len;
	out->buffer.len = 0;
	return len ? out->sink.write(out->sink.ctx, out->buffer.data, len, err) : 0;
}

static int put_small(struct pf_stream_out *out, const struct pf_view *pieces, size_t n,
		     size_t total, struct pf_error *err)
{
	if (out->buffer.len + total > BUFFER)
		PF_TRY(pf_stream_out_flush(out, err));
	size_t from = out->buffer.len;
	for (size_t i = 0; i < n; i++)
		pf_buf_add(&out->buffer, pieces[i].data, pieces[i].len);
	count_message(out, pf_xxh3(out->buffer.data + from, total), total);
	return 0;
}

static int put_large(struct pf_stream_out *out, const struct pf_view *pieces, size_t n,
		     size_t total, struct pf_error *err)
{
	pf_xxh3_reset(out->message);
	for (size_t i = 0; i < n; i++) {
		const struct pf_view *p = &pieces[i];
		pf_xxh3_update(out->message, p->data, p->len);
		if (out->buffer.len + p->len > BUFFER || p->len >= DIRECT)
			PF_TRY(pf_stream_out_flush(out, err));
		if (p->len >= DIRECT)
			PF_TRY(out->sink.write(out->sink.ctx, p->data, p->len, err));
		else
			pf_buf_add(&out->buffer, p->data, p->len);
	}
	count_message(out, pf_xxh3_digest(out->message), total);
	return 0;
}

/* Put a control message into the buffer; frees meta. end and abort are not
 * counted. */
static void put_control(struct pf_stream_out *out, struct pf_meta *meta, bool counted)
{
	struct pf_batch batch = { .schema = out->schema, .meta = meta };
	size_t from = out->buffer.len;
	pf_ipc_append_batch(out->writer, &batch, &out->buffer);
	size_t len = out->buffer.len - from;
	if (counted)
		count_message(out, pf_xxh3(out->buffer.data + from, len), len);
	pf_meta_free(meta);
}

int pf_stream_out_open(const struct pf_byte_sink *sink, const struct pf_schema *schema,
		       struct pf_stream_out **stream, struct pf_error *err)
{
	struct pf_stream_out *out = pf_zalloc(1, sizeof *out);
	struct pf_meta meta = { 0 };
	out->sink = *sink;
	/* Counting references changes nothing that others see. */
	out->schema = pf_schema_ref((struct pf_schema *)(uintptr_t)schema);
	out->writer = pf_ipc_writer_new(schema);
	out->message = pf_xxh3_new();
	out->whole = pf_xxh3_new();
	out->since = pf_xxh3_new();
	pf_buf_room(&out->buffer, BUFFER);
	pf_ipc_append_schema(out->writer, &out->buffer);
	pf_control_put_begin(&meta);
	put_control(out, &meta, true);
	pf_xxh3_reset(out->since);
	int code = pf_stream_out_flush(out, err);
	if (code) {
		pf_stream_out_close(out);
		return code;
	}
	*stream = out;
	return 0;
}

void pf_stream_out_stop_at(struct pf_stream_out *out, const volatile int *stop)
{
	out->stop = stop;
}

static int go_on(const struct pf_stream_out *out, struct pf_error *err)
{
	if (!out->stop || !*out->stop)
		return 0;
	return pf_fail(err, PF_E_INTERRUPTED, "stopped by a signal");
}

int pf_stream_out_batch(struct pf_stream_out *out, const struct pf_batch *batch,
			struct pf_error *err)
{
	size_t n, total = 0;
	PF_TRY(go_on(out, err));
	if (!batch->rows)
		return 0;
	out->rows += batch->rows;
	out->rows_since += batch->rows;
	const struct pf_view *pieces = pf_ipc_write_batch(out->writer, batch, &n);
	for (size_t i = 0; i < n; i++)
		total += pieces[i].len;
	return total <= SMALL ? put_small(out, pieces, n, total, err) :
				put_large(out, pieces, n, total, err);
}

int pf_stream_out_mark(struct pf_stream_out *out, const struct pf_mark *mark,
		       struct pf_error *err)
{
	struct pf_mark filled = *mark;
	struct pf_meta meta = { 0 };
	PF_TRY(go_on(out, err));
	filled.rows = out->rows_since;
	filled.hash = pf_xxh3_digest(out->since);
	pf_control_put_mark(&meta, &filled);
	put_control(out, &meta, true);
	out->rows_since = 0;
	pf_xxh3_reset(out->since);
	return pf_stream_out_flush(out, err);
}

static int finish(struct pf_stream_out *out, struct pf_meta *meta, struct pf_error *err)
{
	out->ended = true;
	put_control(out, meta, false);
	pf_buf_add(&out->buffer, pf_ipc_end_of_stream, sizeof pf_ipc_end_of_stream);
	return pf_stream_out_flush(out, err);
}

int pf_stream_out_end(struct pf_stream_out *out, const struct pf_counts *counts,
		      struct pf_error *err)
{
	struct pf_meta meta = { 0 };
	struct pf_control_end end = { .rows = out->rows,
				      .bytes = out->bytes,
				      .hash = pf_xxh3_digest(out->whole) };
	PF_TRY(go_on(out, err));
	if (counts)
		end.counts = *counts;
	pf_control_put_end(&meta, &end);
	return finish(out, &meta, err);
}

int pf_stream_out_abort(struct pf_stream_out *out, const char *who, const char *why,
			struct pf_error *err)
{
	struct pf_meta meta = { 0 };
	if (out->ended)
		return 0;
	pf_control_put_abort(&meta, who, why, out->rows);
	return finish(out, &meta, err);
}

int64_t pf_stream_out_rows(const struct pf_stream_out *out)
{
	return out->rows;
}

void pf_stream_out_close(struct pf_stream_out *out)
{
	if (!out)
		return;
	pf_ipc_writer_free(out->writer);
	pf_schema_unref(out->schema);
	pf_buf_free(&out->buffer);
	pf_xxh3_free(out->message);
	pf_xxh3_free(out->whole);
	pf_xxh3_free(out->since);
	free(out);
}
