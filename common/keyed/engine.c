/* SPDX-License-Identifier: Apache-2.0 */
#include "keyed/fold_internal.h"

static int8_t kind_of(const struct pf_versions *v, size_t i)
{
	return v->kinds[v->rows[i]];
}

static int newest(struct pf_versions *v, struct pf_error *err)
{
	(void)err;
	for (size_t i = v->n; i--;)
		if (!v->rules->ignore_delete || !pf_kind_retracts(kind_of(v, i))) {
			v->row = v->rows[i];
			v->kind = kind_of(v, i);
			return 0;
		}
	v->nothing = true;
	return 0;
}

static int oldest(struct pf_versions *v, struct pf_error *err)
{
	for (size_t i = 0; i < v->n; i++) {
		if (!pf_kind_retracts(kind_of(v, i))) {
			v->row = v->rows[i];
			v->kind = kind_of(v, i);
			return 0;
		}
		if (!v->rules->ignore_delete)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "a table that keeps the first row has deletes, and does not ignore them (ignore-delete)");
	}
	v->nothing = true;
	return 0;
}

static struct pf_datum value_at(const struct pf_versions *v, size_t column, size_t i)
{
	return pf_datum_at(v->batch->schema->fields[column].type,
			   &v->batch->columns[column], v->rows[i]);
}

static void begin(struct pf_versions *v)
{
	for (size_t c = 0; c < v->batch->schema->n; c++)
		pf_keyed_value_begin(&v->values[c], v->batch->schema->fields[c].type);
	v->row = -1;
	v->kind = PF_ROW_INSERT;
}

/* All values of a version; nulls, too. */
static void start_over(struct pf_versions *v, size_t i)
{
	for (size_t c = 0; c < v->batch->schema->n; c++)
		v->values[c].now = value_at(v, c, i);
}

static int partial_update(struct pf_versions *v, struct pf_error *err)
{
	bool filled = false, inserted = false, deleted = false;
	begin(v);
	for (size_t i = 0; i < v->n; i++) {
		int8_t kind = kind_of(v, i);
		deleted = false;
		if (pf_kind_retracts(kind)) {
			/* The first version gives the columns that may not be
			 * null, whatever it is. */
			if (!filled)
				start_over(v, i);
			filled = true;
			if (v->rules->ignore_delete)
				continue;
			if (!v->rules->remove_on_delete)
				return pf_fail(err, PF_E_TABLE_FEATURE,
					       "a table of partial updates has deletes, and neither ignore-delete nor "
					       "partial-update.remove-record-on-delete is set");
			deleted = kind == PF_ROW_DELETE;
			if (deleted)
				start_over(v, i);
			continue;
		}
		for (size_t c = 0; c < v->batch->schema->n; c++)
			if (!pf_is_null(&v->batch->columns[c], v->rows[i]))
				v->values[c].now = value_at(v, c, i);
		inserted = filled = true;
	}
	v->kind = deleted || !inserted ? PF_ROW_DELETE : PF_ROW_INSERT;
	return 0;
}

static int aggregate(struct pf_versions *v, struct pf_error *err)
{
	bool deleted = false;
	begin(v);
	for (size_t i = 0; i < v->n; i++) {
		int8_t kind = kind_of(v, i);
		deleted = v->rules->remove_on_delete && kind == PF_ROW_DELETE;
		if (deleted) {
			start_over(v, i);
			continue;
		}
		for (size_t c = 0; c < v->batch->schema->n; c++) {
			const struct pf_column_rule *r = v->columns[c];
			struct pf_datum in = value_at(v, c, i);
			if (!r)
				v->values[c].now = in;
			else
				PF_TRY(pf_keyed_value_put(&v->values[c], r->function,
							 &r->rule, &in,
							 pf_kind_retracts(kind), err));
		}
	}
	v->kind = deleted ? PF_ROW_DELETE : PF_ROW_INSERT;
	return 0;
}

pf_engine_fn *pf_engine_of(enum pf_merge_engine engine)
{
	static pf_engine_fn *const table[] = {
		[PF_DEDUPLICATE] = newest,
		[PF_PARTIAL_UPDATE] = partial_update,
		[PF_AGGREGATION] = aggregate,
		[PF_FIRST_ROW] = oldest,
	};
	return table[engine];
}
