/* SPDX-License-Identifier: Apache-2.0
 *
 * A row as a JSON object, its values as arrow/value_text.h prints them. What stands
 * before each value (the mark between members, the name in quotes, the colon) is
 * made once for all rows. Appends to a buffer of the caller's.
 */
#ifndef PF_TEXT_JSON_WRITE_H
#define PF_TEXT_JSON_WRITE_H

#include "arrow/batch.h"
#include "base/buf.h"
#include "base/zone.h"

struct pf_json_style {
	const struct pf_zone *zone; /* of timestamp_ltz; NULL: UTC. Outlives the writer */
	bool ints_as_strings;       /* bigint and decimal in quotes */
	bool spaced;                /* a blank behind comma and colon: for people */
};

struct pf_json_writer;

/* For rows of these columns. */
struct pf_json_writer *pf_json_writer_new(const struct pf_schema *schema,
					  const struct pf_json_style *style);
void pf_json_writer_free(struct pf_json_writer *w); /* NULL is fine */

/* The batch may have more columns behind those of the schema. */
void pf_json_writer_row(const struct pf_json_writer *w, const struct pf_batch *batch,
			int64_t row, struct pf_buf *out);

#endif
