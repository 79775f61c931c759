/* SPDX-License-Identifier: Apache-2.0
 *
 * Changing a table's schema to what a definition says: columns are added
 * (nullable), renamed (`was:` names the old one), widened, dropped, and put into
 * the definition's order. Files stay as they are and are read by field id, which
 * a column keeps through renames and never shares; so what is added is null in
 * old rows, and what is dropped disappears, also when another column gets its
 * name later.
 *
 * Not changed: what the rows' places depend on (ID and its type, time, zone,
 * partition, buckets, partition columns). A schema is a new file, created only
 * if absent; a racing change is PF_E_CONFLICT.
 *
 * Sources: reference paimon-format.md 2.3, 2.6, 12; Apache Paimon,
 * SchemaManager.
 */
#ifndef PF_PAIMON_ALTER_H
#define PF_PAIMON_ALTER_H

#include "paimon/table.h"
#include "text/tabledef.h"

struct pf_alter_plan {
	char **changes; /* for people: "add column 'country' string" */
	size_t n;
	size_t dropped; /* of them, columns that go */
	int64_t id;     /* of the new schema */
	struct pf_buf json;
};

/* No change: n is 0. PF_E_SCHEMA_MISMATCH for what cannot be changed. */
int pf_alter_plan(struct pf_table *table, const struct pf_tabledef *def,
		  struct pf_alter_plan *plan, struct pf_error *err);
void pf_alter_plan_free(struct pf_alter_plan *plan);
int pf_alter_run(struct pf_table *table, const struct pf_alter_plan *plan,
		 struct pf_error *err);

/* --- rows of older schemas --- */

/* The newest schema of the table, also one of the past, whose columns but the
 * generated one are these by name, type and order; NULL: there is none. */
int pf_table_schema_like(struct pf_table *table, const struct pf_schema *rows,
			 const struct pf_table_schema **schema, struct pf_error *err);

/* May files of an older schema still be added to the table? All that must not
 * be null is there, types only have become wider, and rows have the same
 * places. */
bool pf_table_schema_accepts(const struct pf_table_schema *now,
			     const struct pf_table_schema *older);

#endif
