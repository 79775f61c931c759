/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/adapt.h"

#include <stdlib.h>

#include "base/alloc.h"

struct pf_adapt {
	struct pf_schema *to;
	bool same;   /* nothing to change but the rows' range */
	int *from;   /* column of the input for each column, -1: none */
	enum pf_kind *kinds; /* of those */
	int64_t *factor;     /* timestamps: units grow by */
	struct pf_builder *builder;
};

bool pf_adapt_widens(struct pf_type from, struct pf_type to)
{
	if (pf_type_equal(from, to))
		return true;
	if (pf_kind_is_integer(from.kind) && pf_kind_is_integer(to.kind))
		return from.kind < to.kind;
	if (from.kind == PF_FLOAT && to.kind == PF_DOUBLE)
		return true;
	if (from.kind != to.kind)
		return false;
	if (from.kind == PF_DECIMAL)
		return from.scale == to.scale && from.precision <= to.precision;
	return (pf_kind_is_timestamp(from.kind) || from.kind == PF_TIME) &&
	       from.precision <= to.precision;
}

static int map_column(struct pf_adapt *a, size_t i, const struct pf_schema *from,
		      const char *name, struct pf_error *err)
{
	const struct pf_field *f = &a->to->fields[i];
	int at = pf_schema_find(from, f->name);
	a->from[i] = at;
	a->factor[i] = 1;
	if (at < 0) {
		a->same = false;
		if (f->nullable)
			return 0;
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "'%s' lacks column '%s', which must not be null", name,
			       f->name);
	}
	struct pf_type was = from->fields[at].type;
	a->kinds[i] = was.kind;
	if (!pf_adapt_widens(was, f->type)) {
		char t1[40], t2[40];
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "column '%s' of '%s' is %s, which does not fit %s",
			       f->name, name, pf_type_name(was, t1),
			       pf_type_name(f->type, t2));
	}
	if (pf_kind_is_timestamp(was.kind))
		a->factor[i] = pf_type_units(f->type) / pf_type_units(was);
	if (at != (int)i || was.kind != f->type.kind || a->factor[i] != 1)
		a->same = false;
	return 0;
}

int pf_adapt_new(struct pf_schema *from, struct pf_schema *to, const char *name,
		 struct pf_adapt **adapt, struct pf_error *err)
{
	struct pf_adapt *a = pf_zalloc(1, sizeof *a);
	a->to = pf_schema_ref(to);
	a->same = from->n == to->n;
	a->from = pf_zalloc(to->n + 1, sizeof *a->from);
	a->kinds = pf_zalloc(to->n + 1, sizeof *a->kinds);
	a->factor = pf_zalloc(to->n + 1, sizeof *a->factor);
	int code = 0;
	for (size_t i = 0; !code && i < to->n; i++)
		code = map_column(a, i, from, name, err);
	if (code) {
		pf_adapt_free(a);
		return code;
	}
	*adapt = a;
	return 0;
}

void pf_adapt_free(struct pf_adapt *a)
{
	if (!a)
		return;
	pf_schema_unref(a->to);
	free(a->from);
	free(a->kinds);
	free(a->factor);
	pf_builder_free(a->builder);
	free(a);
}

/* All values of a column into one of a wider type. */
static void widen(struct pf_colbuf *to, const struct pf_column *c, enum pf_kind kind,
		  int64_t factor, int64_t skip, int64_t rows)
{
	for (int64_t r = skip; r < skip + rows; r++) {
		int64_t v;
		if (pf_is_null(c, r))
			pf_col_null(to);
		else if (kind == PF_FLOAT)
			pf_col_f64(to, ((const float *)c->values)[r]);
		else if (!__builtin_mul_overflow(pf_int_at(c, kind, r), factor, &v))
			pf_col_int(to, v);
		else /* beyond what microseconds can say: year 294247 */
			pf_col_null(to);
	}
}

struct pf_batch pf_adapt_batch(struct pf_adapt *a, const struct pf_batch *in,
			       int64_t skip, int64_t rows)
{
	if (a->same && skip == 0 && rows == in->rows) {
		struct pf_batch out = *in;
		out.schema = a->to;
		return out;
	}
	if (!a->builder)
		a->builder = pf_builder_new(a->to);
	pf_builder_reset(a->builder);
	for (size_t i = 0; i < a->to->n; i++) {
		struct pf_colbuf *to = &a->builder->columns[i];
		const struct pf_column *c = a->from[i] < 0 ? NULL :
			&in->columns[a->from[i]];
		if (!c)
			for (int64_t r = 0; r < rows; r++)
				pf_col_null(to);
		else if (a->kinds[i] == to->kind && a->factor[i] == 1)
			pf_col_append(to, c, skip, rows);
		else
			widen(to, c, a->kinds[i], a->factor[i], skip, rows);
	}
	struct pf_batch out = pf_builder_batch(a->builder);
	out.meta = in->meta;
	return out;
}
