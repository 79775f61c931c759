/* SPDX-License-Identifier: Apache-2.0
 *
 * The record stream between programs (pf-stream(5)): an Arrow IPC stream in
 * which zero-row batches with metadata are control messages.
 *
 *   schema  begin  (batch | mark)*  (end | abort)  end-of-stream
 *
 * begin is first; a stream without it is foreign: its rows are taken and the
 * end-of-stream marker ends it. mark: all rows before it are those of the
 * stage from .. to. end: rows, bytes and hash of the whole stream; when it is
 * missing the stream was cut. abort: who failed and why.
 *
 * Every encapsulated message (prefix, metadata, body) has an XXH3-64 as it
 * stands on the wire. The hash of a stream is the XXH3-64 of those numbers, 8
 * bytes each, little-endian, of all messages after the schema and before end
 * or abort; that of a mark covers the messages between the begin or mark
 * before it and itself.
 *
 * Streams may follow one another ("cat a b") when their schemas agree.
 */
#ifndef PF_ARROW_STREAM_H
#define PF_ARROW_STREAM_H

#include "arrow/batch.h"
#include "base/io.h"

/* Position of one partition of a stage. The anchor identifies the last record
 * before `to` ("" when to is the stage's beginning). */
struct pf_mark_part {
	int32_t partition;
	int64_t from, to;
	char anchor[33];
};

struct pf_mark {
	char stage[64]; /* the stage's identity (UUID), never its path */
	struct pf_mark_part *parts; /* ascending by partition, each once */
	size_t nparts;
	int64_t rows;   /* rows since the last mark of this stream */
	uint64_t hash;  /* XXH3-64 as above, since the last mark */
	char *sources;  /* marks of sources (arrow/source_marks.h), or NULL */
	char *gaps;     /* ranges accepted as lost (arrow/gaps.h), or NULL */
	/* Another stage's mark follows at once: the rows before are of both, and
	 * are published together or not at all. */
	bool more;
};

void pf_mark_free(struct pf_mark *m);
void pf_mark_copy(struct pf_mark *to, const struct pf_mark *from);

/* Make `into` cover `later` too, which follows it in the same stage.
 * PF_E_CORRUPT when the ranges do not meet. */
int pf_mark_merge(struct pf_mark *into, const struct pf_mark *later,
		  struct pf_error *err);

/* What a program did with its rows: in = out + rejected + duplicate + filtered. */
struct pf_counts {
	int64_t in, out, rejected, duplicate, filtered;
};

enum pf_event_kind {
	PF_EVENT_BATCH, /* rows > 0 */
	PF_EVENT_MARK,
	PF_EVENT_END,   /* nothing follows; also the end of a foreign stream */
	PF_EVENT_ABORT,
};

struct pf_event {
	enum pf_event_kind kind;
	struct pf_batch batch;       /* BATCH; valid until the next call */
	const struct pf_mark *mark;  /* MARK; valid until the next call */
	char who[64];                /* ABORT */
	char why[512];
	int64_t rows;                /* END, ABORT: rows of the whole stream */
	struct pf_counts counts;     /* END: the sender's */
};

struct pf_stream_in;

/* Reads the schema. limit_bytes bounds one message (0: 256 MiB). */
int pf_stream_in_open(const struct pf_byte_source *source, size_t limit_bytes,
		      struct pf_stream_in **in, struct pf_error *err);
/* PF_E_TRUNCATED when the stream was cut, naming the rows seen. */
int pf_stream_in_next(struct pf_stream_in *in, struct pf_event *event,
		      struct pf_error *err);
struct pf_schema *pf_stream_in_schema(struct pf_stream_in *in); /* borrowed */
bool pf_stream_in_foreign(const struct pf_stream_in *in);
/* Would next() return without waiting for input? */
bool pf_stream_in_ready(struct pf_stream_in *in, int timeout_ms);
int64_t pf_stream_in_rows(const struct pf_stream_in *in);
/* How many streams have ended. */
size_t pf_stream_in_streams(const struct pf_stream_in *in);
/* XXH3-64 of the last one of them that had rows: the identity of a carried
 * file. */
uint64_t pf_stream_in_hash(const struct pf_stream_in *in);
void pf_stream_in_close(struct pf_stream_in *in); /* NULL is fine */

struct pf_stream_out;

/* Sends the schema and begin. */
int pf_stream_out_open(const struct pf_byte_sink *sink,
		       const struct pf_schema *schema,
		       struct pf_stream_out **out, struct pf_error *err);
/* From when *stop is not 0, batches, marks and the end are refused with
 * PF_E_INTERRUPTED: what can be said then is abort. */
void pf_stream_out_stop_at(struct pf_stream_out *out, const volatile int *stop);
/* The batch's own meta (pf:partition, pf:bucket) goes with it. Small batches
 * wait in a buffer until 256 KiB are there, a control message comes, or
 * flush: call it before input would block. Batches without rows are dropped. */
int pf_stream_out_batch(struct pf_stream_out *out, const struct pf_batch *batch,
			struct pf_error *err);
/* rows and hash are filled in here. */
int pf_stream_out_mark(struct pf_stream_out *out, const struct pf_mark *mark,
		       struct pf_error *err);
int pf_stream_out_end(struct pf_stream_out *out, const struct pf_counts *counts,
		      struct pf_error *err);
/* Does nothing behind an end or an abort: who failed first has said so. */
int pf_stream_out_abort(struct pf_stream_out *out, const char *who,
			const char *why, struct pf_error *err);
int pf_stream_out_flush(struct pf_stream_out *out, struct pf_error *err);
int64_t pf_stream_out_rows(const struct pf_stream_out *out);
void pf_stream_out_close(struct pf_stream_out *out); /* frees; writes nothing */

#endif
