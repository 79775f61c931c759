/* SPDX-License-Identifier: Apache-2.0
 *
 * Where results go: stdout, or with -o FILE a file written beside it and
 * renamed when the run has succeeded. Binary never reaches a terminal. The
 * skeleton finishes the output after run returned 0 and reports what only
 * the last write or close learns; when run failed it drops the file, or tells
 * the programs downstream with an abort message.
 */
#ifndef PF_APP_OUTPUT_H
#define PF_APP_OUTPUT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/io.h"

struct pf_run;
struct pf_schema;
struct pf_stream_out;

/* The sink of the run; opened at the first call. binary: Arrow or Parquet.
 * Unbuffered: writers hand over whole blocks. */
int pf_output_sink(struct pf_run *run, bool binary, struct pf_byte_sink *sink,
		   struct pf_error *err);

/* A record stream to the sink; schema and begin are written. The run owns it:
 * the program ends it with pf_stream_out_end, the skeleton closes it. */
int pf_output_stream(struct pf_run *run, const struct pf_schema *schema,
		     struct pf_stream_out **out, struct pf_error *err);

/* The format to write: -O, else table on a terminal, else tsv. (enum pf_format) */
int pf_output_format(const struct pf_run *run);

/* Does a pager stand between the program and its terminal? */
bool pf_output_is_paged(const struct pf_run *run);

/* For the skeleton. Programs that write no stream do not link its code, hence
 * the pointer. */
void pf_output_own_stream(struct pf_run *run, struct pf_stream_out *stream,
			  void (*close_stream)(struct pf_stream_out *stream));
struct pf_stream_out *pf_output_owned_stream(const struct pf_run *run);
int pf_output_finish(struct pf_run *run, struct pf_error *err);
void pf_output_drop(struct pf_run *run);

#endif
