/* SPDX-License-Identifier: Apache-2.0
 *
 * Moving the numbers of a column where they lie: whoever writes a file does
 * not always know from where on its rows will be counted. A movable column
 * (pf_parquet_options) stands in plain pages without compression, checksum,
 * bounds and index, so that adding to each of its values changes nothing but
 * these values' bytes.
 */
#ifndef PF_PARQUET_SHIFT_H
#define PF_PARQUET_SHIFT_H

#include "parquet/reader.h"

struct pf_parquet_span {
	int64_t least, most; /* of the values; least > most: there are none */
};

/* What a movable column's values span. PF_E_PARQUET when the column is not as a
 * movable one must be. bytes: those that f was opened on. */
int pf_parquet_movable_span(const struct pf_parquet_file *f, struct pf_view bytes,
			  size_t column, struct pf_parquet_span *span,
			  struct pf_error *err);

/* Add `by` to its values in a copy of these bytes. */
int pf_parquet_shift(const struct pf_parquet_file *f, uint8_t *copy, size_t len,
		     size_t column, int64_t by, struct pf_error *err);

#endif
