/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of an older schema as rows of the present one: columns by name, wider
 * types, null where there was no column.
 */
#ifndef PF_STAGE_ADAPT_H
#define PF_STAGE_ADAPT_H

#include "arrow/batch.h"

struct pf_adapt;

/* PF_E_SCHEMA_MISMATCH when a value of `from` may not fit into `to`, or a
 * column that must not be null is missing; name is that of the rows' source.
 * Columns that `to` does not have are left out. */
int pf_adapt_new(struct pf_schema *from, struct pf_schema *to, const char *name,
		 struct pf_adapt **adapt, struct pf_error *err);
void pf_adapt_free(struct pf_adapt *a); /* NULL is fine */

/* Rows [skip, skip + rows) of in, as a batch that is valid until the next
 * call. Copies only if it must. */
struct pf_batch pf_adapt_batch(struct pf_adapt *a, const struct pf_batch *in,
			       int64_t skip, int64_t rows);

/* Can every value of a column of type `from` be taken as type `to`? */
bool pf_adapt_widens(struct pf_type from, struct pf_type to);

#endif
