/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a stage from an offset on, across segments, each group verified
 * before one of its rows is handed out. Knows nothing of marks or waiting:
 * the reader says how far the durable rows reach.
 */
#ifndef PF_STAGE_CURSOR_H
#define PF_STAGE_CURSOR_H

#include "stage/end.h"
#include "stage/open.h"

struct pf_cursor;

/* At offset `from`, which lies within what `end` found. hold opens all files
 * from there on now. */
int pf_cursor_open(struct pf_stage *stage, const struct pf_stage_end *end,
		   int64_t from, bool hold, struct pf_cursor **cursor,
		   struct pf_error *err);
void pf_cursor_close(struct pf_cursor *c); /* NULL is fine */

/* Rows before `until`, in the stage's schema, valid until the next call;
 * rows == 0 at `until`. There must be groups up to there. */
int pf_cursor_next(struct pf_cursor *c, int64_t until, struct pf_batch *batch,
		   struct pf_error *err);

/* The next row, and the anchor of the last seal at or before it. */
int64_t pf_cursor_offset(const struct pf_cursor *c);
const char *pf_cursor_anchor(const struct pf_cursor *c);

#endif
