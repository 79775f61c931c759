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

/* --- partial updates --- */

/* How version i stands to what its group's fields have been so far. A missing
 * value is less than any. */
static uint8_t compare_group(const struct pf_versions *v, size_t i,
			     const struct pf_fold_group *g)
{
	bool empty = true;
	for (size_t k = 0; k < g->n && empty; k++)
		empty = pf_is_null(&v->batch->columns[g->fields[k]], v->rows[i]);
	if (empty)
		return 3;
	for (size_t k = 0; k < g->n; k++) {
		struct pf_datum in = value_at(v, (size_t)g->fields[k], i);
		const struct pf_datum *now = &v->values[g->fields[k]].now;
		if (in.null && now->null)
			continue;
		int order = in.null || now->null ? now->null - in.null :
						   pf_datum_cmp(&in, now);
		if (order)
			return order > 0 ? 1 : 2;
	}
	return 1;
}

/* Before the fields change: what is in the group follows the same answer. */
static uint8_t standing(struct pf_versions *v, size_t i, size_t group)
{
	if (!v->standing[group])
		v->standing[group] = compare_group(v, i, &v->groups[group]);
	return v->standing[group];
}

static int update_column(struct pf_versions *v, size_t i, size_t c, struct pf_error *err)
{
	const struct pf_column_rule *r = v->columns[c];
	const struct pf_datum in = value_at(v, c, i);
	uint8_t is = r && r->group ? standing(v, i, r->group - 1) : 0;
	if (is == 3)
		return 0;
	if (is == 2)
		return r->function ? pf_keyed_value_put_before(&v->values[c], r->function,
							       &r->rule, &in, err) : 0;
	if (r && r->function)
		return pf_keyed_value_put(&v->values[c], r->function, &r->rule, &in, false,
					  err);
	if (is == 1 || !in.null)
		v->values[c].now = in;
	return 0;
}

static int retract_column(struct pf_versions *v, size_t i, size_t c, struct pf_error *err)
{
	const struct pf_column_rule *r = v->columns[c];
	if (!r || !r->group)
		return 0;
	const struct pf_datum in = value_at(v, c, i);
	uint8_t is = standing(v, i, r->group - 1);
	if (is == 3)
		return 0;
	if (is == 1 && r->orders)
		v->values[c].now = in;
	else if (r->function)
		return pf_keyed_value_put(&v->values[c], r->function, &r->rule, &in, true,
					  err);
	else if (is == 1)
		v->values[c].now.null = true;
	return 0;
}

/* A delete that is newer in a group which removes rows. */
static bool removes_row(struct pf_versions *v, size_t i)
{
	for (size_t g = 0; g < v->rules->ngroups; g++)
		if (v->groups[g].removes && standing(v, i, g) == 1)
			return true;
	return false;
}

static int retract(struct pf_versions *v, size_t i, bool *deleted, struct pf_error *err)
{
	bool deletes = kind_of(v, i) == PF_ROW_DELETE;
	*deleted = false;
	if (!v->rules->ngroups && !v->rules->remove_on_delete)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "a table of partial updates has deletes, and neither ignore-delete nor "
			       "partial-update.remove-record-on-delete is set");
	*deleted = deletes && (v->rules->ngroups ? removes_row(v, i) : true);
	if (*deleted)
		start_over(v, i);
	else
		for (size_t c = 0; c < v->batch->schema->n; c++)
			PF_TRY(retract_column(v, i, c, err));
	return 0;
}

static int partial_update(struct pf_versions *v, struct pf_error *err)
{
	bool filled = false, inserted = false, deleted = false;
	begin(v);
	for (size_t i = 0; i < v->n; i++) {
		for (size_t g = 0; g < v->rules->ngroups; g++)
			v->standing[g] = 0;
		deleted = false;
		if (pf_kind_retracts(kind_of(v, i))) {
			/* The first version gives the columns that may not be
			 * null, whatever it is. */
			if (!filled)
				start_over(v, i);
			filled = true;
			if (!v->rules->ignore_delete)
				PF_TRY(retract(v, i, &deleted, err));
			continue;
		}
		for (size_t c = 0; c < v->batch->schema->n; c++)
			PF_TRY(update_column(v, i, c, err));
		inserted = filled = true;
	}
	v->kind = deleted || !inserted ? PF_ROW_DELETE : PF_ROW_INSERT;
	return 0;
}

/* --- aggregation --- */

/* Of retracts alone that a column ignores nothing is left: where it may not be
 * null, the first version gives it, as it does to partial updates. */
static void keep_not_null(struct pf_versions *v)
{
	const struct pf_schema *s = v->batch->schema;
	for (size_t c = 0; c < s->n; c++)
		if (!s->fields[c].nullable && v->values[c].now.null)
			v->values[c].now = value_at(v, c, 0);
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
	if (!deleted)
		keep_not_null(v);
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
