/* SPDX-License-Identifier: Apache-2.0
 *
 * A Parquet file once more, in encodings of which others can skip rows: the
 * vectorized readers of Spark (3.5.6) and of Paimon (1.2 to 2.0.0) give
 * wrong values of a DELTA_BINARY_PACKED page when they want single rows of it,
 * for their VectorizedDeltaBinaryPackedReader takes a request for no value for
 * one for the first. Nothing but a bitmap index makes them want single rows:
 * the page index of our files lets them skip whole pages only.
 *
 * Rows, their order, types, field ids, key-values and bloom filters stay;
 * statistics and page index are made anew.
 */
#ifndef PF_LOAD_RECODE_H
#define PF_LOAD_RECODE_H

#include "parquet/reader.h"

/* Append the file to out. PF_E_UNSUPPORTED names a column that cannot be read;
 * else the errors of reading Parquet. */
int pf_recode(struct pf_parquet_file *f, struct pf_buf *out, struct pf_error *err);

#endif
