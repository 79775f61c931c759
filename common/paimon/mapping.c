/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a reader finds its columns in a file that is older than the table's schema.
 */
#include <inttypes.h>

#include "paimon/cast.h"
#include "paimon/scan.h"

bool pf_scan_widens(struct pf_type from, struct pf_type to)
{
	if (pf_type_equal(from, to))
		return true;
	if (pf_kind_is_integer(from.kind) && pf_kind_is_integer(to.kind))
		return to.kind >= from.kind;
	if (from.kind == PF_FLOAT && to.kind == PF_DOUBLE)
		return true;
	if (from.kind == PF_DECIMAL && to.kind == PF_DECIMAL)
		return from.scale == to.scale && to.precision >= from.precision;
	return from.kind == to.kind && pf_kind_is_timestamp(from.kind) &&
	       to.precision >= from.precision;
}

int pf_scan_mapping(const struct pf_table_schema *wanted,
		    const struct pf_table_schema *file_schema, int *mapping,
		    struct pf_cast *casts, struct pf_error *err)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const struct pf_table_field *w = &wanted->fields[i];
		struct pf_cast cast = { 0 };
		mapping[i] = pf_table_field_by_id(file_schema, w->id);
		if (casts)
			casts[i] = cast;
		if (mapping[i] < 0)
			continue;
		const struct pf_table_field *f = &file_schema->fields[mapping[i]];
		enum pf_cast_need need = w->known && f->known ?
						 pf_cast_between(f, w, &cast) :
						 PF_CAST_NONE;
		if (casts)
			casts[i] = cast;
		if (need == PF_CAST_NEVER && f->nested && w->nested)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "column '%s' of type %s was altered inside after schema %" PRId64
				       ", which is not supported",
				       w->name, w->type_text, file_schema->id);
		if (need == PF_CAST_NEVER || (need == PF_CAST_VALUES && !casts))
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "column '%s' was of type %s in schema %" PRId64
				       " and is %s now: such a change is not supported",
				       w->name, f->type_text, file_schema->id,
				       w->type_text);
	}
	return 0;
}
