/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that come piece by piece from several columns of one kind: what a merge of
 * sorted runs gives. Most pieces are of one row, so they are copied without a call
 * each. The sources are the caller's and stay; together with what the column has,
 * texts must fit its offsets (2 GiB), which whoever sizes a batch sees to.
 */
#ifndef PF_ARROW_PIECES_H
#define PF_ARROW_PIECES_H

#include "arrow/batch.h"

/* Rows [at, at + n) of source number `from`. */
struct pf_piece {
	uint32_t from, n;
	int64_t at;
};

/* Append the rows of the pieces, in their order. */
void pf_col_append_pieces(struct pf_colbuf *c, const struct pf_column *const *sources,
			  const struct pf_piece *pieces, size_t n);

#endif
