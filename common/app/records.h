/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of one operand, whatever carries them: a record stream, or text
 * that a table definition explains. What pf-partition and the commands behind
 * it read. Stages and tables are read by pf-stage and pf-query.
 */
#ifndef PF_APP_RECORDS_H
#define PF_APP_RECORDS_H

#include "app/input.h"
#include "arrow/stream.h"

struct pf_run;
struct pf_tabledef;
struct pf_records;

/* definition: for text; NULL: text is refused with a hint. */
int pf_records_open(struct pf_run *run, const char *operand,
		    const struct pf_tabledef *definition,
		    struct pf_records **records, struct pf_error *err);
void pf_records_close(struct pf_records *r); /* NULL is fine */

/* From here on upstream decides when a stream on stdin ends: a signal reaches
 * the whole line, its head ends its stream, and what arrives is finished. (A
 * second signal, or 30 seconds, end the program.) */
void pf_records_obey(const struct pf_records *r);

struct pf_schema *pf_records_schema(struct pf_records *r); /* borrowed */

/* As pf_stream_in_next. */
int pf_records_next(struct pf_records *r, struct pf_event *event,
		    struct pf_error *err);
bool pf_records_ready(struct pf_records *r, int timeout_ms);

/* What a program returns when it meets an abort: forwards it to `out` (may be
 * NULL) with its origin, describes it, PF_E_UPSTREAM. */
int pf_records_abort(struct pf_stream_out *out, const struct pf_event *event,
		     struct pf_error *err);

#endif
