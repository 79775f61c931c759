/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to the run's output, in the format that was asked for: a record stream
 * with -O arrow, else text.
 */
#ifndef PF_APP_ROWS_H
#define PF_APP_ROWS_H

#include "app/program.h"
#include "arrow/batch.h"

struct pf_rows_out;

/* zone: of instants in text; NULL is UTC. */
int pf_rows_open(struct pf_run *run, const struct pf_schema *schema, const char *zone,
		 struct pf_rows_out **out, struct pf_error *err);
int pf_rows_batch(struct pf_rows_out *out, const struct pf_batch *batch,
		  struct pf_error *err);
/* Everything so far leaves, before the caller waits. */
int pf_rows_flush(struct pf_rows_out *out, struct pf_error *err);
int pf_rows_finish(struct pf_rows_out *out, struct pf_error *err);
int64_t pf_rows_count(const struct pf_rows_out *out);
void pf_rows_free(struct pf_rows_out *out); /* NULL is fine */

/* Would a person look at them: a table on a terminal? */
bool pf_rows_are_seen(const struct pf_run *run);

/* All of a listing, opened and finished. human: text says its counts
 * (PF_UNIT_META) as 1.2M; csv and JSON never do. */
int pf_rows_put(struct pf_run *run, struct pf_builder *rows, const char *zone, bool human,
		struct pf_error *err);

#endif
