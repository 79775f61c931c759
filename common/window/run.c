/* SPDX-License-Identifier: Apache-2.0 */
#include "window/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrow/convert.h"
#include "arrow/ipc_read.h"
#include "arrow/ipc_write.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/tempfile.h"
#include "ext/hash.h"

enum {
	MESSAGE_ROWS = 4096,
	MESSAGE_BYTES = 256 << 10,
	SLICE_ROWS = 256, /* MESSAGE_ROWS are some of these */
	READ_BYTES = 32 << 10,
};

/* --- writing --- */

struct pf_run_out {
	int fd;
	const char *name;
	struct pf_ipc_writer *ipc;
	struct pf_builder *rows;
	struct pf_xxh3_state *hash;
	struct pf_buf wire;
	uint64_t at, run_at; /* position in the file, of the run's beginning */
	bool stays;          /* it has a name, so it will be synced: */
	uint64_t sent;
	int64_t run_rows;
};

static int put(struct pf_run_out *o, struct pf_error *err)
{
	int code = pf_write_full(o->fd, o->name, o->wire.data, o->wire.len, err);
	pf_xxh3_update(o->hash, o->wire.data, o->wire.len);
	o->at += o->wire.len;
	o->wire.len = 0;
	if (o->stays)
		pf_write_behind(o->fd, &o->sent, o->at);
	return code;
}

int pf_run_out_open(int fd, const char *name, struct pf_schema *schema,
		    struct pf_run_out **out, struct pf_error *err)
{
	struct pf_run_out *o = pf_zalloc(1, sizeof *o);
	struct stat st;
	o->fd = fd;
	o->name = name;
	o->stays = !fstat(fd, &st) && st.st_nlink;
	o->ipc = pf_ipc_writer_new(schema);
	o->rows = pf_builder_new(schema);
	o->hash = pf_xxh3_new();
	pf_xxh3_reset(o->hash);
	pf_ipc_append_schema(o->ipc, &o->wire);
	int code = put(o, err);
	if (code) {
		pf_run_out_free(o);
		return code;
	}
	pf_xxh3_reset(o->hash);
	o->run_at = o->at;
	*out = o;
	return 0;
}

static int flush(struct pf_run_out *o, struct pf_error *err)
{
	struct pf_batch batch = pf_builder_batch(o->rows);
	if (!batch.rows)
		return 0;
	pf_ipc_append_batch(o->ipc, &batch, &o->wire);
	pf_builder_reset(o->rows);
	return put(o, err);
}

/* A message ends where the rows before it say, however they came: the same rows
 * are the same bytes. */
int pf_run_out_batch(struct pf_run_out *o, const struct pf_batch *batch, int64_t from,
		     int64_t n, struct pf_error *err)
{
	while (n) {
		int64_t room = SLICE_ROWS - o->rows->columns[0].rows % SLICE_ROWS;
		int64_t some = n < room ? n : room;
		pf_builder_append(o->rows, batch, from, some);
		o->run_rows += some;
		from += some;
		n -= some;
		if (some == room && (o->rows->columns[0].rows == MESSAGE_ROWS ||
				     pf_builder_bytes(o->rows) >= MESSAGE_BYTES))
			PF_TRY(flush(o, err));
	}
	return 0;
}

int pf_run_out_cut(struct pf_run_out *o, struct pf_sorted *run, struct pf_error *err)
{
	PF_TRY(flush(o, err));
	*run = (struct pf_sorted){ .fd = o->fd, .name = o->name, .offset = o->run_at,
				.bytes = o->at - o->run_at,
				.hash = pf_xxh3_digest(o->hash), .rows = o->run_rows };
	pf_xxh3_reset(o->hash);
	o->run_at = o->at;
	o->run_rows = 0;
	return 0;
}

int pf_run_out_copy(struct pf_run_out *o, const struct pf_sorted *from,
		    struct pf_sorted *run, struct pf_error *err)
{
	enum { SOME = 1 << 20 };
	for (uint64_t at = 0; at < from->bytes; at += o->wire.len) {
		uint64_t left = from->bytes - at;
		size_t n = left < SOME ? (size_t)left : SOME;
		o->wire.len = 0;
		PF_TRY(pf_pread_full(from->fd, from->name, pf_buf_room(&o->wire, n), n,
				     (off_t)(from->offset + at), err));
		o->wire.len = n;
		PF_TRY(pf_write_full(o->fd, o->name, o->wire.data, n, err));
		pf_xxh3_update(o->hash, o->wire.data, n);
		o->at += n;
	}
	o->wire.len = 0;
	o->run_rows = from->rows;
	PF_TRY(pf_run_out_cut(o, run, err));
	if (run->hash == from->hash)
		return 0;
	return pf_fail(err, PF_E_CORRUPT, "'%s' is damaged between %llu and %llu", from->name,
		       (unsigned long long)from->offset,
		       (unsigned long long)(from->offset + from->bytes));
}

int pf_run_out_finish(struct pf_run_out *o, struct pf_error *err)
{
	pf_buf_add(&o->wire, pf_ipc_end_of_stream, sizeof pf_ipc_end_of_stream);
	return put(o, err);
}

void pf_run_out_free(struct pf_run_out *o)
{
	if (!o)
		return;
	pf_ipc_writer_free(o->ipc);
	pf_builder_free(o->rows);
	pf_xxh3_free(o->hash);
	pf_buf_free(&o->wire);
	free(o);
}

/* --- reading --- */

struct pf_run_in {
	struct pf_sorted run;
	struct pf_byte_source source;
	struct pf_buf schema; /* the message that a stream begins with */
	size_t schema_at;
	uint64_t at;          /* read from the file */
	uint8_t *buffer;
	size_t have, used;
	struct pf_xxh3_state *hash;
	struct pf_ipc_reader *ipc;
	struct pf_convert *convert;
	int64_t rows;
};

static int damaged(const struct pf_run_in *in, const char *what, struct pf_error *err)
{
	pf_fail(err, PF_E_CORRUPT, "'%s' is damaged between %llu and %llu: %s", in->run.name,
		(unsigned long long)in->run.offset,
		(unsigned long long)(in->run.offset + in->run.bytes), what);
	return pf_hint(err, "the state can be built anew from the table: --fresh");
}

static int fetch(struct pf_run_in *in, void *data, size_t len, struct pf_error *err)
{
	PF_TRY(pf_pread_full(in->run.fd, in->run.name, data, len,
			     (off_t)(in->run.offset + in->at), err));
	pf_xxh3_update(in->hash, data, len);
	in->at += len;
	return 0;
}

static int read_source(void *ctx, void *data, size_t len, size_t *got, struct pf_error *err)
{
	struct pf_run_in *in = ctx;
	uint64_t left = in->run.bytes - in->at;
	if (in->schema_at < in->schema.len) {
		*got = in->schema.len - in->schema_at < len ? in->schema.len - in->schema_at : len;
		memcpy(data, in->schema.data + in->schema_at, *got);
		in->schema_at += *got;
		return 0;
	}
	if (in->used == in->have && len >= READ_BYTES) {
		*got = len < left ? len : (size_t)left;
		return fetch(in, data, *got, err);
	}
	if (in->used == in->have) {
		in->have = left < READ_BYTES ? (size_t)left : READ_BYTES;
		in->used = 0;
		PF_TRY(fetch(in, in->buffer, in->have, err));
	}
	*got = in->have - in->used < len ? in->have - in->used : len;
	memcpy(data, in->buffer + in->used, *got);
	in->used += *got;
	return 0;
}

int pf_run_in_open(const struct pf_sorted *run, struct pf_schema *schema,
		   struct pf_run_in **out, struct pf_error *err)
{
	struct pf_run_in *in = pf_zalloc(1, sizeof *in);
	const struct pf_arrow_schema *arrow;
	struct pf_ipc_writer *w = pf_ipc_writer_new(schema);
	bool found = false;
	in->run = *run;
	in->buffer = pf_alloc(READ_BYTES, 1);
	in->hash = pf_xxh3_new();
	pf_xxh3_reset(in->hash);
	pf_ipc_append_schema(w, &in->schema);
	pf_ipc_writer_free(w);
	in->source = (struct pf_byte_source){ .read = read_source, .ctx = in,
					      .name = in->run.name };
	in->ipc = pf_ipc_reader_new(&in->source, 0);
	int code = pf_ipc_read_schema(in->ipc, &arrow, &found, err);
	if (!code)
		code = pf_convert_new(arrow, 0, &in->convert, err);
	if (code) {
		pf_run_in_free(in);
		return code;
	}
	*out = in;
	return 0;
}

int pf_run_in_next(struct pf_run_in *in, struct pf_batch *batch, struct pf_error *err)
{
	struct pf_ipc_message m;
	PF_TRY(pf_ipc_read_next(in->ipc, &m, err));
	if (m.event == PF_IPC_BATCH) {
		PF_TRY(pf_convert_batch(in->convert, &m, batch, err));
		in->rows += batch->rows;
		return batch->rows ? 0 : damaged(in, "an empty batch", err);
	}
	batch->rows = 0;
	if (in->rows != in->run.rows || in->at != in->run.bytes)
		return damaged(in, "rows are missing", err);
	if (pf_xxh3_digest(in->hash) != in->run.hash)
		return damaged(in, "its checksum is wrong", err);
	return 0;
}

void pf_run_in_free(struct pf_run_in *in)
{
	if (!in)
		return;
	pf_convert_free(in->convert);
	pf_ipc_reader_free(in->ipc);
	pf_xxh3_free(in->hash);
	pf_buf_free(&in->schema);
	free(in->buffer);
	free(in);
}

int pf_run_scratch(int *fd, struct pf_error *err)
{
	struct pf_tempfile *t;
	PF_TRY(pf_tempfile_scratch("pf-window", fd, &t, err));
	pf_tempfile_remove(t); /* the descriptor keeps it */
	return 0;
}
