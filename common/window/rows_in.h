/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of any source (a table read whole, a stage, a file, a pipe) into a fold: those
 * that pass the conditions and whose time lies in a range, with the columns that the
 * shape needs. Sources read by the filters in here, so it must not move meanwhile.
 */
#ifndef PF_WINDOW_ROWS_IN_H
#define PF_WINDOW_ROWS_IN_H

#include "window/fold.h"

struct pf_rows_in {
	const struct pf_shape *shape;
	struct pf_filter filter, conditions; /* with the times, without them */
	struct pf_wanted wanted, less;
	int64_t from_us, to_us;
	bool whole;       /* the data file that is read is of one cell, */
	int64_t whole_us; /* that of this time */
	struct pf_builder *kept;
};

/* For times in [from, to). Must stay where it is while sources read by it. */
int pf_rows_in_open(struct pf_rows_in *r, const struct pf_shape *shape, int64_t from_us,
		    int64_t to_us, struct pf_error *err);
void pf_rows_in_close(struct pf_rows_in *r);

/* All rows of a source that was started with &r->wanted. */
int pf_rows_in_read(struct pf_rows_in *r, struct pf_source *source, struct pf_fold *fold,
		    struct pf_error *err);

#endif
