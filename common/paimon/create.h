/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a table from a definition: schema-0 in an append table, or one with
 * a primary key, with fixed buckets of the ID column and the generated partition column dt. What the
 * definition says about the layout goes into the table's options (pf.id,
 * pf.time, pf.zone, pf.partition-by), so that the table alone tells it.
 */
#ifndef PF_PAIMON_CREATE_H
#define PF_PAIMON_CREATE_H

#include "paimon/table.h"
#include "text/tabledef.h"

/* PF_E_TABLE_EXISTS when there is one. */
int pf_table_create(const char *path, const struct pf_tabledef *def,
		    struct pf_error *err);

/* The schema that a table of such rows would be made with, by their layout
 * (arrow/layout.h); pf_table_schema_free() frees it. */
int pf_table_schema_of_rows(const struct pf_schema *rows, struct pf_table_schema **schema,
			    struct pf_error *err);

#endif
