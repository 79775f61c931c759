/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorted runs: rows of partial or merged aggregates in key order, as the
 * messages of an Arrow IPC stream that stand one behind the other in a file.
 * A file of runs is a plain stream as a whole; a run is a stretch of it, and
 * is known by where it lies, how many rows it has, and the XXH3-64 of its
 * bytes, which is checked whenever it is read to its end.
 */
#ifndef PF_WINDOW_RUN_H
#define PF_WINDOW_RUN_H

#include "arrow/batch.h"

struct pf_sorted {
	int fd;           /* borrowed */
	const char *name; /* of the file; borrowed */
	uint64_t offset, bytes, hash;
	int64_t rows;
};

struct pf_run_out;

/* fd: an empty file, borrowed as name is; the schema is written. */
int pf_run_out_open(int fd, const char *name, struct pf_schema *schema,
		    struct pf_run_out **out, struct pf_error *err);
/* Rows of the run that is being written; they are collected into messages. */
int pf_run_out_batch(struct pf_run_out *out, const struct pf_batch *batch,
		     int64_t from, int64_t n, struct pf_error *err);
/* The run ends here, the next begins. */
int pf_run_out_cut(struct pf_run_out *out, struct pf_sorted *run, struct pf_error *err);
/* Another file's run of the same schema, as it stands, checked; between runs. */
int pf_run_out_copy(struct pf_run_out *out, const struct pf_sorted *from,
		    struct pf_sorted *run, struct pf_error *err);
/* Behind the last run: the stream's end. Does not sync. */
int pf_run_out_finish(struct pf_run_out *out, struct pf_error *err);
void pf_run_out_free(struct pf_run_out *out); /* NULL is fine */

struct pf_run_in;

int pf_run_in_open(const struct pf_sorted *run, struct pf_schema *schema,
		   struct pf_run_in **in, struct pf_error *err);
/* Valid until the next call; rows == 0 behind the last. PF_E_CORRUPT. */
int pf_run_in_next(struct pf_run_in *in, struct pf_batch *batch, struct pf_error *err);
void pf_run_in_free(struct pf_run_in *in); /* NULL is fine */

/* A file without a name for runs that nobody needs later; -1 in *fd on
 * failure. */
int pf_run_scratch(int *fd, struct pf_error *err);

#endif
