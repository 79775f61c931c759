/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arrow/ipc_write.h"
#include "base/fault.h"
#include "base/file.h"
#include "ext/hash.h"
#include "stage/backend.h"
#include "stage/end.h"
#include "stage/frame.h"
#include "stage/open.h"
#include "stage/syncer.h"

#define SEGMENT_BYTES ((uint64_t)64 << 20)
/* Encoded bytes go out in pieces of this size, or with their seal. */
#define PIECE_BYTES ((size_t)1 << 20)

struct embedded_writer {
	struct pf_stage_writer base;
	uint64_t segment_bytes;
	bool no_sync;
	int lock;
	struct pf_error failed;  /* after a failed write nothing is taken */

	int fd;                  /* of the open segment, or -1 */
	char *name;
	bool dir_dirty;          /* its name is not yet durable */
	uint64_t size;           /* bytes in the file or in out */
	uint64_t group_at;       /* where the group began */
	int64_t group_from, offset;
	char anchor[PF_HASH_DIGITS + 1], last[PF_HASH_DIGITS + 1];

	struct pf_buf out;       /* encoded, not yet written */
	struct pf_xxh3_state *hash; /* of the group's bytes */
	struct pf_ipc_writer *encoder;
	struct pf_syncer *syncer;
};

static int fail_writer(struct embedded_writer *w, int code, const struct pf_error *err)
{
	if (code && !w->failed.code && err)
		w->failed = *err;
	return code;
}

static int flush_out(struct embedded_writer *w, struct pf_error *err)
{
	size_t done = 0;
	if (pf_crash_armed("X4")) {
		/* Die with half of it written. */
		done = w->out.len / 2;
		PF_TRY(pf_write_full(w->fd, w->name, w->out.data, done, err));
		pf_crash_point("X4");
	}
	PF_TRY(pf_write_full(w->fd, w->name, w->out.data + done, w->out.len - done,
			     err));
	/* Let the disk begin now, not at the sync. Only a request: no error of it
	 * matters. */
	if (!w->no_sync)
		sync_file_range(w->fd, (off_t)(w->size - w->out.len),
				(off_t)w->out.len, SYNC_FILE_RANGE_WRITE);
	w->out.len = 0;
	return 0;
}

/* Count what was encoded behind `from` in out. */
static void take_encoded(struct embedded_writer *w, size_t from)
{
	pf_xxh3_update(w->hash, w->out.data + from, w->out.len - from);
	w->size += w->out.len - from;
}

/* A control message: a batch without rows. */
static void encode_control(struct embedded_writer *w, struct pf_meta *meta)
{
	struct pf_builder *none = pf_builder_new(w->base.stage->schema);
	struct pf_batch batch = pf_builder_batch(none);
	batch.meta = meta;
	pf_ipc_append_batch(w->encoder, &batch, &w->out);
	pf_builder_free(none);
}

static void set_number(struct pf_meta *m, const char *key, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, value);
	pf_meta_set(m, key, text);
}

static void encode_head(struct embedded_writer *w)
{
	struct pf_meta m = { 0 };
	struct pf_buf json = { 0 };
	pf_sources_forget(&w->base.sources, PF_SOURCES_KEPT);
	pf_sources_write(&w->base.sources, true, &json);
	pf_meta_set(&m, "pf:control", "head");
	pf_meta_set(&m, "pf:stage", w->base.stage->id.uuid);
	set_number(&m, "pf:from", (uint64_t)w->offset);
	pf_meta_set(&m, "pf:prev", w->last);
	pf_meta_set(&m, "pf:anchor", w->anchor);
	pf_meta_set(&m, "pf:sources", pf_buf_cstr(&json));
	encode_control(w, &m);
	pf_meta_free(&m);
	pf_buf_free(&json);
}

static int open_segment(struct embedded_writer *w, struct pf_error *err)
{
	char name[PF_STAGE_NAME_BYTES];
	pf_stage_segment_name(w->offset, name);
	free(w->name);
	w->name = pf_stage_segment_path(&w->base.stage->dir, w->offset);
	/* A crash may have left one that never came to a seal. */
	w->fd = openat(w->base.stage->dir.fd, name,
		       O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (w->fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot create '%s'", w->name);
	w->dir_dirty = true;
	w->size = w->group_at = 0;
	w->group_from = w->offset;
	pf_xxh3_reset(w->hash);
	w->out.len = 0;
	pf_ipc_append_schema(w->encoder, &w->out);
	encode_head(w);
	take_encoded(w, 0);
	return 0;
}

/* Write the end-of-stream marker, so that the segment is finished for good. */
static int close_segment(struct embedded_writer *w, struct pf_error *err)
{
	PF_TRY(pf_syncer_wait(w->syncer, err));
	PF_TRY(pf_write_full(w->fd, w->name, pf_ipc_end_of_stream,
			     sizeof pf_ipc_end_of_stream, err));
	if (!w->no_sync) {
		PF_TRY(pf_fdatasync(w->fd, w->name, err));
		if (w->dir_dirty)
			PF_TRY(pf_fsync(w->base.stage->dir.fd, w->base.stage->dir.path, err));
	}
	return pf_close(&w->fd, w->name, err);
}

/* --- opening --- */

/* Does the segment begin with the schema as it is now? */
static int same_schema(struct embedded_writer *w, bool *same, struct pf_error *err)
{
	struct pf_buf now = { 0 };
	pf_ipc_append_schema(w->encoder, &now);
	uint8_t *was = pf_alloc(now.len, 1);
	int code = pf_pread_full(w->fd, w->name, was, now.len, 0, err);
	*same = !code && !memcmp(was, now.data, now.len);
	free(was);
	pf_buf_free(&now);
	return code;
}

static int recover(struct embedded_writer *w, const struct pf_stage_end *end,
		   struct pf_error *err)
{
	w->offset = w->group_from = end->place.offset;
	memcpy(w->anchor, end->place.anchor, sizeof w->anchor);
	memcpy(w->last, end->place.last, sizeof w->last);
	if (end->last == end->nsegments)
		return 0;
	if (strcmp(end->stage, w->base.stage->id.uuid) != 0)
		return pf_fail(err, PF_E_STAGE_CORRUPT,
			       "'%s' holds segments of another stage (%s)",
			       w->base.stage->dir.path, end->stage);
	char name[PF_STAGE_NAME_BYTES];
	pf_stage_segment_name(end->segments[end->last], name);
	w->name = pf_stage_segment_path(&w->base.stage->dir, end->segments[end->last]);
	w->fd = openat(w->base.stage->dir.fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (w->fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'", w->name);
	w->size = w->group_at = end->place.at;
	if (!end->closed && end->bytes > w->size && ftruncate(w->fd, (off_t)w->size))
		return pf_fail_errno(err, PF_E_IO, errno, "cannot cut '%s'", w->name);
	if (lseek(w->fd, (off_t)w->size, SEEK_SET) < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot seek in '%s'", w->name);
	/* Whoever wrote these rows, or the end-of-stream marker, may have died
	 * before they were on the disk. */
	if (!w->no_sync) {
		PF_TRY(pf_fdatasync(w->fd, w->name, err));
		PF_TRY(pf_fsync(w->base.stage->dir.fd, w->base.stage->dir.path, err));
	}
	if (end->closed)
		return pf_close(&w->fd, w->name, err);
	bool same;
	PF_TRY(same_schema(w, &same, err));
	return same && w->size < w->segment_bytes ? 0 : close_segment(w, err);
}

static int open_stage(const char *path, const struct pf_stage_write *how,
		      struct embedded_writer *w, struct pf_error *err)
{
	struct pf_stage_dir dir;
	bool found = false;
	if (!how->definition && !pf_stage_is(path)) {
		pf_fail(err, PF_E_NOT_A_STAGE, "there is no stage '%s'", path);
		return pf_hint(err, "-S schema.yaml makes one");
	}
	if (how->definition)
		PF_TRY(pf_stage_dir_make(path, &dir, err));
	else
		PF_TRY(pf_stage_dir_open(path, &dir, err));
	int code = pf_stage_lock(&dir, how->wait_ms, &w->lock, err);
	if (code) {
		pf_stage_dir_close(&dir);
		return code;
	}
	PF_TRY(pf_stage_take(&dir, &found, &w->base.stage, err));
	if (!found)
		return pf_stage_make(&dir, how->definition, &w->base.stage, err);
	return how->definition ? pf_stage_evolve(w->base.stage, how->definition, err) : 0;
}

static const struct pf_stage_writer_ops writer_ops;
static void writer_close(struct pf_stage_writer *base);

int pf_embedded_writer_open(const char *path, const struct pf_stage_write *how,
			    struct pf_stage_writer **writer, struct pf_error *err)
{
	struct embedded_writer *w = pf_zalloc(1, sizeof *w);
	w->base.ops = &writer_ops;
	w->lock = w->fd = -1;
	w->no_sync = how->no_sync;
	w->segment_bytes = how->segment_bytes ? how->segment_bytes : SEGMENT_BYTES;
	w->hash = pf_xxh3_new();
	w->syncer = pf_syncer_new();
	int code = open_stage(path, how, w, err);
	struct pf_stage_end end = { 0 };
	if (!code)
		w->encoder = pf_ipc_writer_new(w->base.stage->schema);
	if (!code)
		code = pf_stage_end_find(&w->base.stage->dir, true, &w->base.sources, &end, err);
	if (!code)
		code = recover(w, &end, err);
	pf_stage_end_free(&end);
	pf_syncer_set_durable(w->syncer, w->offset);
	if (code) {
		writer_close(&w->base);
		return code;
	}
	*writer = &w->base;
	return 0;
}

/* --- appending --- */

static int append(struct embedded_writer *w, const struct pf_batch *batch,
		  struct pf_error *err)
{
	if (w->fd < 0)
		PF_TRY(open_segment(w, err));
	size_t from = w->out.len;
	struct pf_batch bare = *batch;
	bare.meta = NULL;
	pf_ipc_append_batch(w->encoder, &bare, &w->out);
	take_encoded(w, from);
	w->offset += batch->rows;
	return w->out.len >= PIECE_BYTES ? flush_out(w, err) : 0;
}

static int writer_append(struct pf_stage_writer *base, const struct pf_batch *batch,
			 const int64_t *numbers, int64_t *taken, struct pf_error *err)
{
	struct embedded_writer *w = (struct embedded_writer *)base;
	(void)numbers;
	*taken = batch->rows;
	if (w->failed.code) {
		*err = w->failed;
		return w->failed.code;
	}
	return batch->rows ? fail_writer(w, append(w, batch, err), err) : 0;
}

static uint64_t pending_bytes(const struct pf_stage_writer *base)
{
	const struct embedded_writer *w = (const struct embedded_writer *)base;
	return w->fd < 0 ? 0 : w->size - w->group_at;
}

static int64_t pending_rows(const struct pf_stage_writer *base)
{
	const struct embedded_writer *w = (const struct embedded_writer *)base;
	return w->offset - w->group_from;
}

static void encode_seal(struct embedded_writer *w, char hash[PF_HASH_DIGITS + 1])
{
	struct pf_meta m = { 0 };
	struct pf_buf json = { 0 };
	pf_meta_set(&m, "pf:control", "seal");
	set_number(&m, "pf:start", w->group_at);
	set_number(&m, "pf:from", (uint64_t)w->group_from);
	set_number(&m, "pf:to", (uint64_t)w->offset);
	pf_meta_set(&m, "pf:prev", w->last);
	if (pf_sources_write(&w->base.sources, false, &json))
		pf_meta_set(&m, "pf:sources", pf_buf_cstr(&json));
	/* Once with zeros to be hashed, once with the hash: only the digits
	 * differ. */
	pf_meta_set(&m, "pf:hash", "0000000000000000");
	size_t from = w->out.len;
	encode_control(w, &m);
	take_encoded(w, from);
	snprintf(hash, PF_HASH_DIGITS + 1, "%016" PRIx64, pf_xxh3_digest(w->hash));
	pf_meta_set(&m, "pf:hash", hash);
	w->out.len = from;
	encode_control(w, &m);
	pf_meta_free(&m);
	pf_buf_free(&json);
}

static bool anything_new(const struct embedded_writer *w)
{
	if (w->offset > w->group_from)
		return true;
	for (size_t i = 0; i < w->base.sources.n; i++)
		if (w->base.sources.items[i]->dirty)
			return true;
	return false;
}

static int commit(struct embedded_writer *w, struct pf_error *err)
{
	char hash[PF_HASH_DIGITS + 1];
	if (!anything_new(w))
		return 0;
	if (w->fd < 0)
		PF_TRY(open_segment(w, err));
	PF_TRY(pf_syncer_wait(w->syncer, err));
	encode_seal(w, hash);
	PF_TRY(flush_out(w, err));
	memcpy(w->last, hash, sizeof w->last);
	if (w->offset > w->group_from)
		memcpy(w->anchor, hash, sizeof w->anchor);
	w->group_at = w->size;
	w->group_from = w->offset;
	pf_xxh3_reset(w->hash);
	pf_sources_clean(&w->base.sources);
	if (w->no_sync) {
		pf_syncer_set_durable(w->syncer, w->offset);
	} else {
		pf_syncer_start(w->syncer, w->fd,
				w->dir_dirty ? w->base.stage->dir.fd : -1, w->name,
				w->offset);
		w->dir_dirty = false;
	}
	return w->size >= w->segment_bytes ? close_segment(w, err) : 0;
}

static int writer_commit(struct pf_stage_writer *base, struct pf_error *err)
{
	struct embedded_writer *w = (struct embedded_writer *)base;
	if (w->failed.code) {
		*err = w->failed;
		return w->failed.code;
	}
	return fail_writer(w, commit(w, err), err);
}

static bool writer_busy(struct pf_stage_writer *base)
{
	return pf_syncer_busy(((struct embedded_writer *)base)->syncer);
}

static int writer_sync(struct pf_stage_writer *base, struct pf_error *err)
{
	struct embedded_writer *w = (struct embedded_writer *)base;
	return fail_writer(w, pf_syncer_wait(w->syncer, err), err);
}

static int64_t accepted(const struct pf_stage_writer *base)
{
	return ((const struct embedded_writer *)base)->offset;
}

static int64_t durable(struct pf_stage_writer *base)
{
	return pf_syncer_durable(((struct embedded_writer *)base)->syncer);
}

static void writer_close(struct pf_stage_writer *base)
{
	struct embedded_writer *w = (struct embedded_writer *)base;
	pf_syncer_free(w->syncer);
	/* What has no seal would be cut by the next writer; a full disk is glad
	 * of the room now. */
	if (w->fd >= 0) {
		if (ftruncate(w->fd, (off_t)w->group_at))
			errno = 0;
		close(w->fd);
	}
	if (w->lock >= 0)
		close(w->lock);
	free(w->name);
	pf_buf_free(&w->out);
	pf_xxh3_free(w->hash);
	pf_ipc_writer_free(w->encoder);
	pf_sources_free(&w->base.sources);
	pf_stage_close(w->base.stage);
	free(w);
}

static const struct pf_stage_writer_ops writer_ops = {
	.append = writer_append,
	.pending_bytes = pending_bytes,
	.pending_rows = pending_rows,
	.commit = writer_commit,
	.busy = writer_busy,
	.sync = writer_sync,
	.accepted = accepted,
	.durable = durable,
	.close = writer_close,
};
