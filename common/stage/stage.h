/* SPDX-License-Identifier: Apache-2.0
 *
 * A stage: where accepted rows wait, durable, until a table has them. Either
 * embedded, a directory, or a Kafka topic (see stage/kafka_stage.h); whoever
 * reads does not see which.
 *
 * The embedded stage is a directory of segment files. One writer at a time
 * (flock on stage.lock), any number of readers. Rows are counted from 0; an
 * offset is the number of rows before it.
 *
 *   stage.json                    identity (UUID), format, table definition
 *   stage.lock                    held by the writer
 *   00000000000000000000.arrows   a segment, named by its first offset
 *   00000000000001048576.arrows
 *
 * A segment is a legal Arrow IPC stream: schema, head, then batches and
 * seals, and the end-of-stream marker once it is full. Head and seal are
 * zero-row batches with metadata (see stage/frame.h). A group commit ends with
 * a seal and fdatasync; rows count when their seal is durable. Bytes after the
 * last good seal with no good seal behind them are a torn tail and are cut by
 * the next writer; anything else is damage and refused by name.
 *
 * A seal's hash covers every byte since the seal before it and names that
 * seal's hash, so one hash (the anchor) stands for all of history: a stage
 * that was cut back and written differently is told from the one a reader
 * knew.
 */
#ifndef PF_STAGE_STAGE_H
#define PF_STAGE_STAGE_H

#include "arrow/stream.h"

struct pf_tabledef; /* text/tabledef.h */
struct pf_stage;

#define PF_STAGE_FORMAT 1

/* Is the path a directory with a stage.json? */
bool pf_stage_is(const char *path);

/* How to get at a topic; nothing of it concerns the embedded stage. */
struct pf_stage_access {
	const struct pf_kafka_config *kafka; /* stage/kafka_config.h; NULL: none */
	/* What its rows are. NULL: as the topic's own records say; and when they
	 * say nothing, as fallback does (a table's columns; may be NULL). */
	const struct pf_tabledef *definition, *fallback;
	int64_t timeout_ms; /* for a first answer of the brokers; 0: 30 s */
};

/* Open for reading: a directory, or kafka://host[,host]/topic[?options]; how
 * may be NULL. PF_E_NOT_A_STAGE when there is none. */
int pf_stage_open(const char *path, const struct pf_stage_access *how,
		  struct pf_stage **stage, struct pf_error *err);
void pf_stage_close(struct pf_stage *stage); /* NULL is fine */

const char *pf_stage_path(const struct pf_stage *stage);
const char *pf_stage_uuid(const struct pf_stage *stage);
const struct pf_tabledef *pf_stage_definition(const struct pf_stage *stage);
/* The definition's columns with the layout as metadata; borrowed. */
struct pf_schema *pf_stage_schema(struct pf_stage *stage);

/* --- reading --- */

/* Where reading begins in a partition (the embedded stage is partition 0). */
struct pf_stage_start {
	int32_t partition;
	int64_t offset;  /* of the first record wanted */
	char anchor[33]; /* what was known of the history before it; "": nothing, do
			  * not check */
};

/* "N", "N@ANCHOR", "P:N@ANCHOR,..."; the caller frees it. */
int pf_stage_starts_parse(const char *text, struct pf_stage_start **starts, size_t *n,
			  struct pf_error *err);

struct pf_reject; /* text/reader.h */
struct pf_notice;

struct pf_stage_read {
	bool oldest;         /* from the oldest record; else from starts: */
	const struct pf_stage_start *starts; /* partitions not named begin at 0 */
	size_t nstarts;
	int64_t limit;       /* at most so many rows; 0: no limit. Of a topic: no
			      * further record once there are so many */
	bool follow;         /* wait for more at the durable end */
	bool accept_gap;     /* rows trimmed away are skipped, and the mark says so */
	bool hold;           /* open every segment needed now, so that a later
			      * trim cannot take it away */
	bool (*stopping)(void); /* follow: end when it says so; may be NULL */
	int mark_ms;         /* follow: a mark at most this often (0: 1000) */

	/* Topics only. */
	const char *sources;    /* up to where rows of each source are known, as marks
				 * say it; NULL: of none */
	const char *partitions; /* "0-3,7"; NULL: all */
	const int32_t *fibers;  /* only rows of these are wanted: partitions that
				 * cannot hold any need not be read */
	size_t nfibers;         /* 0: of all */
	/* A record that does not fit: 0 goes on without it. NULL: an error. */
	int (*reject)(void *ctx, const struct pf_reject *reject, struct pf_error *err);
	/* As in pf_text_options, of records that are messages of a change stream. */
	void (*notice)(void *ctx, const struct pf_notice *notice);
	void *notice_ctx;
	/* Before a mark that vouches for what was rejected; or NULL. */
	int (*settle)(void *ctx, struct pf_error *err);
	void *ctx;
};

struct pf_stage_reader;

/* PF_E_STAGE_CHANGED when an anchor differs or a start lies beyond the end,
 * PF_E_STAGE_GAP when rows at a start are gone, naming the range. */
int pf_stage_reader_open(struct pf_stage *stage, const struct pf_stage_read *how,
			 struct pf_stage_reader **reader, struct pf_error *err);

/* BATCH: rows in stage order (of a topic: of each partition), in the stage's
 * present schema (columns added since are null, types widened); valid until the
 * next call; each hash was verified before. MARK: [from, to) of each partition
 * with the anchor at `to`, not before all its rows; exactly one before END in a bounded read, also
 * when there was no row. END: nothing follows.
 * PF_E_VANISHED when a segment was trimmed meanwhile, PF_E_STAGE_GREW when the
 * definition got columns or wider types, PF_E_STAGE_CORRUPT when a segment is
 * damaged. */
int pf_stage_reader_next(struct pf_stage_reader *reader, struct pf_event *event,
			 struct pf_error *err);
/* Would next() return without waiting? Always in a bounded read. */
bool pf_stage_reader_ready(struct pf_stage_reader *reader);
/* Rows that were left out: rejected, and seen before. */
void pf_stage_reader_counts(const struct pf_stage_reader *reader,
			    struct pf_counts *counts);
void pf_stage_reader_close(struct pf_stage_reader *reader); /* NULL is fine */

#endif
