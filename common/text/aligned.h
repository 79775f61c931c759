/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows for people: a table with a header, columns aligned, numbers to the
 * right and fractions below each other by their points. The first 1,000 rows
 * set the widths, then rows stream; a cell that is wider is cut and marked, or
 * pushes its line out where the width of the line is free. Control characters
 * are escaped (text/escape.h). Text is appended to a buffer of the caller's.
 */
#ifndef PF_TEXT_ALIGNED_H
#define PF_TEXT_ALIGNED_H

#include "arrow/batch.h"
#include "base/buf.h"
#include "base/zone.h"

struct pf_aligned_options {
	const struct pf_zone *zone; /* of timestamp_ltz; NULL: UTC */
	size_t width;      /* columns of the terminal, 0: never cut a line */
	size_t page_rows;  /* the header again after so many rows, 0: once */
	bool bold_header;  /* between SGR 1 and 0 */
	bool ascii;        /* cut with ~, not an ellipsis */
	bool human;        /* counts of a listing (PF_UNIT_META) as 1.2M */
};

struct pf_aligned;

/* schema is the caller's and outlives it. */
struct pf_aligned *pf_aligned_new(const struct pf_schema *schema,
				  const struct pf_aligned_options *options);
void pf_aligned_row(struct pf_aligned *table, const struct pf_batch *batch, int64_t row,
		    struct pf_buf *out);
/* The header, if it was not yet, and all rows that waited for widths. */
void pf_aligned_flush(struct pf_aligned *table, struct pf_buf *out);
void pf_aligned_free(struct pf_aligned *table); /* NULL is fine */

#endif
