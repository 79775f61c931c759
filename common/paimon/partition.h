/* SPDX-License-Identifier: Apache-2.0
 *
 * Partitions: their values as BinaryRows in metadata, as directory names on
 * disk. The metadata decide; names are computed, never listed.
 *
 * Source: reference paimon-format.md section 1.3.
 */
#ifndef PF_PAIMON_PARTITION_H
#define PF_PAIMON_PARTITION_H

#include "paimon/row.h"
#include "paimon/table.h"

/* Values of a serialized partition row, one per partition key; text borrows
 * from the row. PF_E_TABLE_CORRUPT. */
int pf_partition_values(const struct pf_table_schema *s, struct pf_view row,
			struct pf_datum *values, struct pf_error *err);

/* Append "dt=2024-01-31/" ("" without partition keys). */
int pf_partition_path(const struct pf_table_schema *s, const struct pf_datum *values,
		      struct pf_buf *out, struct pf_error *err);

/* Append a path component, characters that Paimon escapes as %XX. */
void pf_partition_escape(struct pf_buf *out, struct pf_view text);

#endif
