/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "arrow/layout.h"
#include "base/alloc.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/source.h"

struct pf_fit {
	const struct pf_schema *wanted;
	int *from;                 /* column of the source, or one of these: */
#define MADE (-1)                  /* the partition, from the time */
#define ABSENT (-2)                /* younger than the source: null */
	struct pf_column *columns; /* what the batch shows */
	struct pf_builder *made;   /* widened columns, and dt */
	struct pf_type *types;     /* of the source */
	enum pf_grain grain;
	int time_column;
	struct pf_zone *zone;
};

bool pf_type_widens(struct pf_type a, struct pf_type b)
{
	if (a.kind == b.kind) {
		if (a.kind == PF_DECIMAL)
			return a.scale == b.scale && a.precision <= b.precision;
		return true;
	}
	if (pf_kind_is_integer(a.kind) && pf_kind_is_integer(b.kind))
		return a.kind < b.kind;
	return a.kind == PF_FLOAT && b.kind == PF_DOUBLE;
}

/* Same bytes in memory? */
static bool same_layout(struct pf_type a, struct pf_type b)
{
	return a.kind == b.kind && (!pf_kind_is_timestamp(a.kind) ||
				    pf_type_units(a) == pf_type_units(b));
}

static int fail_missing(const struct pf_source *s, const struct pf_field *f,
			struct pf_error *err)
{
	pf_fail(err, PF_E_SCHEMA_MISMATCH, "'%s' has no column '%s'", s->name, f->name);
	return pf_hint(err, "all operands need the same columns");
}

static int find(struct pf_fit *fit, const struct pf_source *s, size_t i,
		const char *name, struct pf_error *err)
{
	const struct pf_field *f = &fit->wanted->fields[i];
	int c = pf_schema_find(s->schema, name);
	fit->from[i] = *name ? c : ABSENT;
	if (!*name)
		return 0;
	if (c >= 0) {
		struct pf_type have = s->schema->fields[c].type;
		char a[40], b[40];
		fit->types[i] = have;
		if (!pf_type_widens(have, f->type) ||
		    (pf_kind_is_timestamp(have.kind) && have.precision > f->type.precision &&
		     pf_type_units(have) != pf_type_units(f->type)))
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column '%s' of '%s' is %s, elsewhere it is %s",
				       f->name, s->name, pf_type_name(have, a),
				       pf_type_name(f->type, b));
		return 0;
	}
	if (strcmp(f->name, PF_PARTITION_COLUMN) != 0 || f->type.kind != PF_STRING)
		return fail_missing(s, f, err);
	struct pf_layout layout;
	if (pf_layout_read(s->schema, &layout, NULL))
		return fail_missing(s, f, err);
	fit->grain = layout.grain;
	fit->time_column = layout.time_column;
	int code = pf_zone_open(layout.zone, &fit->zone, err);
	pf_layout_free(&layout);
	return code;
}

int pf_fit_new(const struct pf_source *s, const struct pf_schema *wanted,
	       const char *const *names, struct pf_fit **out, struct pf_error *err)
{
	struct pf_fit *fit = pf_zalloc(1, sizeof *fit);
	size_t n = wanted->n ? wanted->n : 1;
	fit->wanted = wanted;
	fit->from = pf_zalloc(n, sizeof *fit->from);
	fit->columns = pf_zalloc(n, sizeof *fit->columns);
	fit->made = pf_builder_new((struct pf_schema *)(uintptr_t)wanted);
	fit->types = pf_zalloc(n, sizeof *fit->types);
	for (size_t i = 0; i < wanted->n; i++) {
		int code = find(fit, s, i, names ? names[i] : wanted->fields[i].name, err);
		if (code) {
			pf_fit_free(fit);
			return code;
		}
	}
	*out = fit;
	return 0;
}

/* The value of dt for every row, as pf-partition makes it. */
static void make_partition(struct pf_fit *fit, const struct pf_batch *b,
			   struct pf_colbuf *out)
{
	const struct pf_column *c = &b->columns[fit->time_column];
	struct pf_type type = b->schema->fields[fit->time_column].type;
	char text[24];
	for (int64_t i = 0; i < b->rows; i++) {
		if (pf_is_null(c, i)) {
			pf_col_null(out);
			continue;
		}
		int64_t v = pf_int_at(c, type.kind, i), units = 1;
		if (type.kind == PF_DATE) {
			v *= 86400;
		} else {
			units = pf_type_units(type);
			if (type.kind == PF_TIMESTAMP_LTZ) {
				v = pf_zone_to_wall(fit->zone, pf_floor_div(v, units));
				units = 1;
			}
		}
		pf_col_bytes(out, text, pf_grain_format(fit->grain, v, units, text));
	}
}

static void widen(struct pf_colbuf *out, struct pf_type from, struct pf_type to,
		  const struct pf_column *c, int64_t rows)
{
	int64_t factor = 1;
	if (pf_kind_is_timestamp(to.kind))
		factor = pf_type_units(to) / pf_type_units(from);
	for (int64_t i = 0; i < rows; i++) {
		int64_t v;
		if (pf_is_null(c, i))
			pf_col_null(out);
		else if (from.kind == PF_FLOAT)
			pf_col_f64(out, (double)((const float *)c->values)[i]);
		else if (!factor) /* microseconds that are whole milliseconds */
			pf_col_int(out, pf_floor_div(pf_int_at(c, from.kind, i), 1000));
		else if (__builtin_mul_overflow(pf_int_at(c, from.kind, i), factor, &v))
			pf_col_null(out); /* beyond the year 290000 */
		else
			pf_col_int(out, v);
	}
}

struct pf_batch pf_fit_batch(struct pf_fit *fit, const struct pf_batch *b)
{
	pf_builder_reset(fit->made);
	for (size_t i = 0; i < fit->wanted->n; i++) {
		struct pf_type to = fit->wanted->fields[i].type;
		struct pf_colbuf *made = &fit->made->columns[i];
		if (fit->from[i] >= 0 && same_layout(fit->types[i], to)) {
			fit->columns[i] = b->columns[fit->from[i]];
			continue;
		}
		if (fit->from[i] == MADE)
			make_partition(fit, b, made);
		else if (fit->from[i] == ABSENT)
			for (int64_t r = 0; r < b->rows; r++)
				pf_col_null(made);
		else
			widen(made, fit->types[i], to, &b->columns[fit->from[i]], b->rows);
		fit->columns[i] = pf_colbuf_view(made);
	}
	return (struct pf_batch){ .schema = fit->wanted, .rows = b->rows,
				  .columns = fit->columns };
}

void pf_fit_free(struct pf_fit *fit)
{
	if (!fit)
		return;
	pf_builder_free(fit->made);
	free(fit->from);
	free(fit->columns);
	free(fit->types);
	pf_zone_close(fit->zone);
	free(fit);
}
