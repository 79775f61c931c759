/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows as lines of cells: csv, tsv, md; how each quotes or escapes what would end
 * a cell. Most columns of most batches repeat themselves, so for csv and tsv what
 * is the same in all rows of a batch is made once, and a time or a short text like
 * one of the last two of its column is copied. Appends to a buffer of the caller's.
 * Internal to text/; text/writer.h is the way in.
 */
#ifndef PF_TEXT_LINE_WRITE_H
#define PF_TEXT_LINE_WRITE_H

#include "text/writer.h"

struct pf_line_writer;

/* Of options format (csv, tsv or md), zone, no_header and human count. schema and
 * zone are the caller's and outlive it. */
struct pf_line_writer *pf_line_writer_new(const struct pf_schema *schema,
					  const struct pf_writer_options *options);
void pf_line_writer_free(struct pf_line_writer *w); /* NULL is fine */

/* The lines before the first row, if any. */
void pf_line_writer_header(const struct pf_line_writer *w, struct pf_buf *out);

/* Rows that come now are of this batch, which has some, until the next one. */
void pf_line_writer_batch(struct pf_line_writer *w, const struct pf_batch *batch);
void pf_line_writer_row(const struct pf_line_writer *w, const struct pf_batch *batch,
			int64_t row, struct pf_buf *out);

#endif
