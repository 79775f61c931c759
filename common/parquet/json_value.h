/* SPDX-License-Identifier: Apache-2.0
 *
 * Single values of a page as JSON, for columns that are read as text (see
 * parquet/nested.h).
 */
#ifndef PF_PARQUET_JSON_VALUE_H
#define PF_PARQUET_JSON_VALUE_H

#include "parquet/file.h"

/* A string with its quotes; what is no UTF-8 goes in as it is. */
void pq_json_text(struct pf_buf *out, struct pf_view text);

/* Value i of a page's dense ones; column: what pq_convert made of them. */
void pq_json_value(struct pf_buf *out, const struct pq_mapping *m,
		   const struct pq_page_rows *rows, const struct pf_column *column,
		   size_t i);

#endif
