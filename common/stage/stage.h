/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded stage: a directory where accepted rows wait, durable, until a
 * table has them. One writer at a time (flock on stage.lock), any number of
 * readers. Rows are counted from 0; an offset is the number of rows before it.
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

/* Open for reading. PF_E_NOT_A_STAGE when there is none. */
int pf_stage_open(const char *path, struct pf_stage **stage,
		  struct pf_error *err);
void pf_stage_close(struct pf_stage *stage); /* NULL is fine */

const char *pf_stage_path(const struct pf_stage *stage);
const char *pf_stage_uuid(const struct pf_stage *stage);
const struct pf_tabledef *pf_stage_definition(const struct pf_stage *stage);
/* The definition's columns with the layout as metadata; borrowed. */
struct pf_schema *pf_stage_schema(struct pf_stage *stage);

/* First offset that is still there, and the end of the durable rows now. */
int pf_stage_range(struct pf_stage *stage, int64_t *first, int64_t *end,
		   struct pf_error *err);

/* --- reading --- */

struct pf_stage_read {
	int64_t from;        /* offset of the first row wanted */
	const char *anchor;  /* what was known of the history before `from`; NULL
			      * or "": nothing, do not check */
	int64_t limit;       /* at most so many rows; 0: no limit */
	bool follow;         /* wait for more at the durable end */
	bool accept_gap;     /* rows trimmed away are skipped, and the mark says so */
	bool hold;           /* open every segment needed now, so that a later
			      * trim cannot take it away */
	bool (*stopping)(void); /* follow: end when it says so; may be NULL */
	int mark_ms;         /* follow: a mark at most this often (0: 1000) */
};

/* Set from and anchor by "N" or "N@ANCHOR" (which borrows from text). */
int pf_stage_read_from(const char *text, struct pf_stage_read *how,
		       struct pf_error *err);

struct pf_stage_reader;

/* PF_E_STAGE_CHANGED when the anchor differs or `from` lies beyond the end,
 * PF_E_STAGE_GAP when rows at `from` are gone, naming the range. */
int pf_stage_reader_open(struct pf_stage *stage, const struct pf_stage_read *how,
			 struct pf_stage_reader **reader, struct pf_error *err);

/* BATCH: rows in stage order, in the stage's present schema (columns added
 * since are null, types widened); valid until the next call; each hash was
 * verified before. MARK: [from, to) of partition 0 with the anchor at `to`,
 * not before all its rows; exactly one before END in a bounded read, also
 * when there was no row. END: nothing follows.
 * PF_E_VANISHED when a segment was trimmed meanwhile, PF_E_STAGE_GREW when the
 * definition got columns or wider types, PF_E_STAGE_CORRUPT when a segment is
 * damaged. */
int pf_stage_reader_next(struct pf_stage_reader *reader, struct pf_event *event,
			 struct pf_error *err);
/* Would next() return without waiting? Always in a bounded read. */
bool pf_stage_reader_ready(struct pf_stage_reader *reader);
/* Where a bounded read ends: fixed when it was opened. */
int64_t pf_stage_reader_end(const struct pf_stage_reader *reader);
void pf_stage_reader_close(struct pf_stage_reader *reader); /* NULL is fine */

#endif
