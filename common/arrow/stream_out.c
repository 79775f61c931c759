/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "arrow/control.h"
#include "arrow/ipc_write.h"
#include "base/alloc.h"
#include "ext/hash.h"

/* BUFFER: what is gathered into one write. DIRECT: pieces from here on are
 * not worth copying. */
enum { BUFFER = 256 * 1024, DIRECT = 64 * 1024 };

struct pf_stream_out {
	struct pf_byte_sink sink;
	struct pf_schema *schema;
	struct pf_ipc_writer *writer;
	struct pf_buf buffer;
	size_t hashed; /* of the buffer */
	struct pf_xxh3_state *whole, *since; /* since: the last mark */
	int64_t rows, rows_since, bytes;
	bool begun; /* messages count from behind begin or the last mark on */
};

/* Bytes enter the hashes in large pieces. */
static void hash_bytes(struct pf_stream_out *out, const void *data, size_t len)
{
	pf_xxh3_update(out->whole, data, len);
	if (out->begun)
		pf_xxh3_update(out->since, data, len);
	out->bytes += (int64_t)len;
}

static void hash_buffer(struct pf_stream_out *out)
{
	hash_bytes(out, out->buffer.data + out->hashed, out->buffer.len - out->hashed);
	out->hashed = out->buffer.len;
}

int pf_stream_out_flush(struct pf_stream_out *out, struct pf_error *err)
{
	if (!out->buffer.len)
		return 0;
	hash_buffer(out);
	size_t len = out->buffer.len;
	out->buffer.len = out->hashed = 0;
	return out->sink.write(out->sink.ctx, out->buffer.data, len, err);
}

static int send_pieces(struct pf_stream_out *out, const struct pf_view *pieces,
		       size_t n, struct pf_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct pf_view *p = &pieces[i];
		if (out->buffer.len + p->len > BUFFER)
			PF_TRY(pf_stream_out_flush(out, err));
		if (p->len < DIRECT) {
			pf_buf_add(&out->buffer, p->data, p->len);
			continue;
		}
		PF_TRY(pf_stream_out_flush(out, err));
		hash_bytes(out, p->data, p->len);
		PF_TRY(out->sink.write(out->sink.ctx, p->data, p->len, err));
	}
	return 0;
}

/* Put a control message into the buffer; frees meta. */
static void put_control(struct pf_stream_out *out, struct pf_meta *meta, bool hashed)
{
	struct pf_batch batch = { .schema = out->schema, .meta = meta };
	hash_buffer(out);
	pf_ipc_append_batch(out->writer, &batch, &out->buffer);
	if (!hashed)
		out->hashed = out->buffer.len;
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
	out->whole = pf_xxh3_new();
	out->since = pf_xxh3_new();
	pf_buf_room(&out->buffer, BUFFER);
	pf_ipc_append_schema(out->writer, &out->buffer);
	out->hashed = out->buffer.len;
	pf_control_put_begin(&meta);
	put_control(out, &meta, true);
	int code = pf_stream_out_flush(out, err);
	out->begun = true;
	if (code) {
		pf_stream_out_close(out);
		return code;
	}
	*stream = out;
	return 0;
}

int pf_stream_out_batch(struct pf_stream_out *out, const struct pf_batch *batch,
			struct pf_error *err)
{
	size_t n;
	if (!batch->rows)
		return 0;
	out->rows += batch->rows;
	out->rows_since += batch->rows;
	const struct pf_view *pieces = pf_ipc_write_batch(out->writer, batch, &n);
	return send_pieces(out, pieces, n, err);
}

int pf_stream_out_mark(struct pf_stream_out *out, const struct pf_mark *mark,
		       struct pf_error *err)
{
	struct pf_mark filled = *mark;
	struct pf_meta meta = { 0 };
	hash_buffer(out);
	filled.rows = out->rows_since;
	filled.hash = pf_xxh3_digest(out->since);
	pf_control_put_mark(&meta, &filled);
	out->begun = false;
	put_control(out, &meta, true);
	int code = pf_stream_out_flush(out, err);
	out->begun = true;
	out->rows_since = 0;
	pf_xxh3_reset(out->since);
	return code;
}

static int finish(struct pf_stream_out *out, struct pf_meta *meta, struct pf_error *err)
{
	put_control(out, meta, false);
	pf_buf_add(&out->buffer, pf_ipc_end_of_stream, sizeof pf_ipc_end_of_stream);
	out->hashed = out->buffer.len;
	return pf_stream_out_flush(out, err);
}

int pf_stream_out_end(struct pf_stream_out *out, const struct pf_counts *counts,
		      struct pf_error *err)
{
	struct pf_meta meta = { 0 };
	hash_buffer(out);
	struct pf_control_end end = { .rows = out->rows,
				      .bytes = out->bytes,
				      .hash = pf_xxh3_digest(out->whole) };
	if (counts)
		end.counts = *counts;
	pf_control_put_end(&meta, &end);
	return finish(out, &meta, err);
}

int pf_stream_out_abort(struct pf_stream_out *out, const char *who, const char *why,
			struct pf_error *err)
{
	struct pf_meta meta = { 0 };
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
	pf_xxh3_free(out->whole);
	pf_xxh3_free(out->since);
	free(out);
}
