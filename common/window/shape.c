/* SPDX-License-Identifier: Apache-2.0 */
#include "window/shape.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "base/zone.h"
#include "paimon/scan.h"
#include "window/agg_kinds.h"

static const int64_t day_us = 86400000000;

static const char *layout_word(const struct pf_schema *s, const char *key)
{
	const char *v = pf_meta_get(&s->meta, key);
	return v && *v ? v : NULL;
}

/* Of several inputs each needs the column: null would leave its rows out, or
 * make a key of none. */
static int check_present(const struct pf_field *f, const char *what, struct pf_error *err)
{
	const char *who = pf_meta_get(&f->meta, "pf:absent");
	return who ? pf_fail(err, PF_E_SCHEMA_MISMATCH, "'%s' has no column '%s', which is %s",
			     who, f->name, what) : 0;
}

static int find_time(struct pf_shape *s, const struct pf_schema *schema,
		     const char *asked, struct pf_error *err)
{
	const char *name = asked ? asked : layout_word(schema, "pf:time");
	if (!name) {
		pf_fail(err, PF_E_USAGE, "the time column is not known");
		return pf_hint(err, "--time-column names it");
	}
	int c = pf_schema_find(schema, name);
	if (c < 0)
		return pf_fail(err, PF_E_UNKNOWN_COLUMN, "unknown column '%s' in --time-column",
			       name);
	enum pf_kind kind = schema->fields[c].type.kind;
	if (kind != PF_DATE && !pf_kind_is_timestamp(kind))
		return pf_fail(err, PF_E_EXPR_TYPE, "column '%s' is not a time", name);
	s->time = pf_strdup(name);
	return check_present(&schema->fields[c], "the time", err);
}

/* Commands get the keys in front of their columns. */
static int set_external(struct pf_shape *s, struct pf_agg *a,
			const struct pf_shape_options *o, struct pf_error *err)
{
	char **keys = pf_zalloc(s->keys.n + 1, sizeof *keys);
	for (size_t i = 0; i < s->keys.n; i++) {
		struct pf_buf text = { 0 };
		pf_expr_print(s->keys.items[i].expr, &text);
		keys[i] = pf_strdup(pf_buf_cstr(&text));
		pf_buf_free(&text);
	}
	s->external = (struct pf_agg_external){ .reduce = o->reduce, .merge = o->merge,
						.nkeys = s->keys.n, .names = o->names,
						.nnames = o->nnames };
	s->by_commands = true;
	a->external = &s->external;
	int code = pf_agg_prepend(a, keys, s->keys.n, err);
	for (size_t i = 0; i < s->keys.n; i++)
		free(keys[i]);
	free(keys);
	return code;
}

static int parse_aggregates(struct pf_shape *s, const struct pf_shape_options *o,
			    struct pf_error *err)
{
	size_t n = o->naggregates ? o->naggregates : 1;
	s->aggs = pf_zalloc(n, sizeof *s->aggs);
	for (size_t i = 0; i < n; i++) {
		const char *text = o->naggregates ? o->aggregates[i] : "count";
		PF_TRY(pf_agg_parse(text, &s->aggs[i], err));
		s->naggs++;
		if (s->aggs[i]->kind == &pf_agg_reduce)
			PF_TRY(set_external(s, s->aggs[i], o, err));
	}
	return 0;
}

/* Bind everything to the whole input, and note what it reads. */
static int find_needed(struct pf_shape *s, const struct pf_schema *schema, bool *used,
		       struct pf_error *err)
{
	for (size_t i = 0; i < s->keys.n; i++) {
		PF_TRY(pf_expr_bind(s->keys.items[i].expr, schema, s->zone_name, err));
		pf_expr_columns(s->keys.items[i].expr, used);
		int c = pf_expr_column(s->keys.items[i].expr);
		if (c >= 0)
			PF_TRY(check_present(&schema->fields[c], "a key", err));
	}
	for (size_t i = 0; i < s->naggs; i++) {
		PF_TRY(pf_agg_bind(s->aggs[i], schema, s->zone_name, err));
		pf_agg_columns(s->aggs[i], used);
	}
	struct pf_filter f = { 0 };
	int code = 0;
	for (size_t i = 0; i < s->nwhere && !code; i++)
		code = pf_filter_add(&f, s->where[i], "--where", err);
	if (!code)
		code = pf_filter_bind(&f, schema, s->zone_name, err);
	if (!code)
		pf_filter_columns(&f, used);
	pf_filter_free(&f);
	s->only_cells = !used[pf_schema_find(schema, s->time)];
	for (size_t i = 0; i < s->naggs; i++)
		s->only_cells = s->only_cells && !s->aggs[i]->timed;
	used[pf_schema_find(schema, s->time)] = true;
	return code;
}

static int bind_needed(struct pf_shape *s, const struct pf_schema *schema,
		       struct pf_error *err)
{
	bool *used = pf_zalloc(schema->n + 1, sizeof *used);
	int code = find_needed(s, schema, used, err);
	s->needed = pf_schema_new();
	for (size_t i = 0; i < schema->n && !code; i++) {
		const struct pf_field *f = &schema->fields[i];
		if (!used[i])
			continue;
		struct pf_field *to = pf_schema_add(s->needed, f->name, f->type, f->nullable);
		to->id = f->id;
		pf_meta_copy(&to->meta, &f->meta);
	}
	free(used);
	pf_meta_copy(&s->needed->meta, &schema->meta);
	const char *tag = pf_meta_get(&schema->meta, "pf:tag");
	s->tag_column = tag ? pf_schema_find(s->needed, tag) : -1;
	s->time_column = pf_schema_find(s->needed, s->time);
	for (size_t i = 0; i < s->keys.n && !code; i++)
		code = pf_expr_bind(s->keys.items[i].expr, s->needed, s->zone_name, err);
	for (size_t i = 0; i < s->naggs && !code; i++)
		code = pf_agg_bind(s->aggs[i], s->needed, s->zone_name, err);
	return code;
}

static int add_unique(struct pf_schema *to, const char *name, struct pf_type type,
		      bool nullable, struct pf_error *err)
{
	if (pf_schema_find(to, name) >= 0) {
		pf_fail(err, PF_E_USAGE, "two columns of the answer are called '%s'", name);
		return pf_hint(err, "NAME=... in front of an aggregate names it");
	}
	pf_schema_add(to, name, type, nullable);
	return 0;
}

static int make_schemas(struct pf_shape *s, struct pf_error *err)
{
	const struct pf_type big = { .kind = PF_BIGINT }, date = { .kind = PF_DATE },
			     bucket = { .kind = PF_INT }, moment = { PF_TIMESTAMP, 0, 0 };
	s->partial = pf_schema_new();
	s->merged = pf_schema_new();
	pf_schema_add(s->partial, "day", s->grain_us % day_us ? moment : date, false);
	pf_schema_add(s->partial, "bucket", bucket, false);
	for (size_t i = 0; i < s->keys.n; i++) {
		const char *name = s->keys.items[i].name;
		struct pf_type type = pf_expr_type(s->keys.items[i].expr);
		int c = pf_expr_column(s->keys.items[i].expr);
		bool nullable = c < 0 || s->needed->fields[c].nullable;
		if (type.kind == PF_STRINGS)
			return pf_fail(err, PF_E_EXPR_TYPE, "'%s' is a list, not a key", name);
		pf_schema_add(s->partial, name, type, nullable);
		pf_schema_add(s->merged, name, type, nullable);
	}
	pf_schema_add(s->partial, "rows", big, false);
	pf_schema_add(s->merged, "rows", big, false);
	for (size_t i = 0; i < s->naggs; i++) {
		const struct pf_agg *a = s->aggs[i];
		char *signature = pf_agg_signature(a);
		for (size_t k = 0; k < a->state->n; k++) {
			const struct pf_field *f = &a->state->fields[k];
			struct pf_field *p = pf_schema_add(s->partial, f->name, f->type, true);
			struct pf_field *m = pf_schema_add(s->merged, f->name, f->type, true);
			pf_meta_set(&p->meta, "pf:state", a->text);
			pf_meta_set(&m->meta, "pf:state", a->text);
			if (!k) {
				pf_meta_set(&p->meta, "pf:merge", signature);
				pf_meta_set(&m->meta, "pf:merge", signature);
			}
		}
		free(signature);
	}
	return 0;
}

/* Values of one of the windows side by side; NULL: of the only one. */
static int add_values(const struct pf_shape *s, const char *window, struct pf_schema *r,
		      struct pf_error *err)
{
	int code = 0;
	for (size_t i = 0; i < s->naggs; i++) {
		const struct pf_agg *a = s->aggs[i];
		for (size_t k = 0; k < pf_agg_width(a) && !code; k++) {
			const char *name = a->results ? a->results->fields[k].name : a->name;
			char *wide = window ? pf_asprintf("%s_%s", name, window) : NULL;
			code = add_unique(r, wide ? wide : name,
					  a->results ? a->results->fields[k].type : a->result,
					  true, err);
			free(wide);
		}
	}
	return code;
}

static int add_columns(const struct pf_shape *s, const struct pf_shape_columns *c,
		       struct pf_schema *r, struct pf_error *err)
{
	const struct pf_type text = { .kind = PF_STRING };
	const struct pf_schema *m = s->merged;
	if (c->change)
		PF_TRY(add_unique(r, "change", text, false, err));
	if (c->day)
		PF_TRY(add_unique(r, "day", c->bound, false, err));
	for (size_t i = 0; i < s->keys.n; i++)
		PF_TRY(add_unique(r, m->fields[i].name, m->fields[i].type,
				  m->fields[i].nullable, err));
	if (c->name)
		PF_TRY(add_unique(r, "window", text, false, err));
	if (c->start)
		PF_TRY(add_unique(r, "window_start", c->bound, false, err));
	if (c->end)
		PF_TRY(add_unique(r, "window_end", c->bound, false, err));
	for (size_t i = s->keys.n + 1; i < m->n && c->states; i++) {
		PF_TRY(add_unique(r, m->fields[i].name, m->fields[i].type,
				  m->fields[i].nullable, err));
		pf_meta_copy(&r->fields[r->n - 1].meta, &m->fields[i].meta);
	}
	for (size_t i = 0; i < c->nwide; i++)
		PF_TRY(add_values(s, c->wide[i], r, err));
	return c->states || c->nwide ? 0 : add_values(s, NULL, r, err);
}

int pf_shape_result(const struct pf_shape *s, const struct pf_shape_columns *columns,
		    struct pf_schema **out, struct pf_error *err)
{
	struct pf_schema *r = pf_schema_new();
	int code = add_columns(s, columns, r, err);
	if (code) {
		pf_schema_unref(r);
		return code;
	}
	pf_meta_set(&r->meta, "pf:zone", s->zone_name);
	if (columns->day || columns->states)
		pf_meta_set(&r->meta, "pf:time", columns->day ? "day" : "window_start");
	*out = r;
	return 0;
}

static void describe(struct pf_shape *s)
{
	struct pf_buf b = { 0 };
	char type[40];
	for (size_t i = 0; i < s->keys.n; i++) {
		pf_buf_printf(&b, "key %s ", s->keys.items[i].name);
		pf_expr_print(s->keys.items[i].expr, &b);
		pf_buf_printf(&b, " %s\n",
			      pf_type_name(pf_expr_type(s->keys.items[i].expr), type));
	}
	for (size_t i = 0; i < s->naggs; i++) {
		pf_buf_printf(&b, "aggregate %s %s", s->aggs[i]->name, s->aggs[i]->text);
		for (size_t k = 0; k < s->aggs[i]->nargs; k++)
			pf_buf_printf(&b, " %s", pf_type_name(s->aggs[i]->types[k], type));
		pf_buf_byte(&b, '\n');
	}
	for (size_t i = 0; i < s->nwhere; i++)
		pf_buf_printf(&b, "where %s\n", s->where[i]);
	if (s->by_commands)
		pf_buf_printf(&b, "reduce %s\nmerge %s\n", s->external.reduce,
			      s->external.merge);
	if (s->tag_column >= 0)
		pf_buf_printf(&b, "tag %s\n", s->needed->fields[s->tag_column].name);
	pf_buf_printf(&b, "time %s zone %s grain %lld s\n", s->time, s->zone_name,
		      (long long)(s->grain_us / 1000000));
	s->text = pf_strdup(pf_buf_cstr(&b));
	pf_buf_free(&b);
}

int pf_shape_new(const struct pf_schema *schema, const struct pf_shape_options *o,
		 struct pf_shape **out, struct pf_error *err)
{
	struct pf_shape *s = pf_zalloc(1, sizeof *s);
	const char *zone = layout_word(schema, "pf:zone");
	s->grain_us = o->grain_us;
	s->ncuts = o->ncuts;
	s->cuts = pf_alloc(o->ncuts + 1, sizeof *s->cuts);
	if (o->ncuts)
		memcpy(s->cuts, o->cuts, o->ncuts * sizeof *s->cuts);
	s->zone_name = pf_strdup(zone ? zone : "UTC");
	s->where = pf_alloc(o->nwhere + 1, sizeof *s->where);
	for (size_t i = 0; i < o->nwhere; i++)
		s->where[s->nwhere++] = pf_strdup(o->where[i]);
	int code = pf_zone_open(zone, &s->zone, err);
	if (!code)
		code = find_time(s, schema, o->time, err);
	if (!code && o->ngroup_by)
		code = pf_items_parse(&s->keys, o->group_by, o->ngroup_by, "--group-by",
				      schema, false, err);
	if (!code)
		code = parse_aggregates(s, o, err);
	if (!code)
		code = bind_needed(s, schema, err);
	if (!code)
		code = make_schemas(s, err);
	if (code) {
		pf_shape_free(s);
		return code;
	}
	describe(s);
	*out = s;
	return 0;
}

void pf_shape_free(struct pf_shape *s)
{
	if (!s)
		return;
	pf_items_free(&s->keys);
	for (size_t i = 0; i < s->naggs; i++)
		pf_agg_free(s->aggs[i]);
	free(s->aggs);
	for (size_t i = 0; i < s->nwhere; i++)
		free(s->where[i]);
	free(s->where);
	pf_schema_unref(s->needed);
	pf_schema_unref(s->partial);
	pf_schema_unref(s->merged);
	free(s->cuts);
	free(s->time);
	free(s->zone_name);
	pf_zone_close(s->zone);
	free(s->text);
	free(s);
}

/* A column of times. */
static void walls(const struct pf_shape *s, const struct pf_column *c, int64_t n, int64_t *out)
{
	struct pf_type type = s->needed->fields[s->time_column].type;
	int64_t unit = type.kind == PF_DATE ? day_us : 1000000 / pf_type_units(type);
	int32_t offset = 0;
	bool fixed = pf_zone_fixed(s->zone, &offset);
	for (int64_t i = 0; i < n; i++) {
		int64_t v, sec;
		if (pf_is_null(c, i) ||
		    __builtin_mul_overflow(pf_int_at(c, type.kind, i), unit, &v)) {
			out[i] = INT64_MIN;
			continue;
		}
		if (type.kind != PF_TIMESTAMP_LTZ) {
			out[i] = v;
			continue;
		}
		sec = pf_floor_div(v, 1000000);
		int64_t wall = fixed ? sec + offset : pf_zone_to_wall(s->zone, sec);
		if (__builtin_mul_overflow(wall, (int64_t)1000000, &out[i]))
			out[i] = INT64_MIN;
		else
			out[i] += v - sec * 1000000;
	}
}

void pf_shape_times(const struct pf_shape *s, const struct pf_batch *batch, int64_t *out)
{
	walls(s, &batch->columns[s->time_column], batch->rows, out);
}

bool pf_shape_whole(const struct pf_shape *s, const struct pf_data_file *file,
		    const struct pf_schema *own, int64_t from_us, int64_t to_us, int64_t *wall_us)
{
	struct pf_type type = s->needed->fields[s->time_column].type;
	int column = pf_schema_find(own, s->time);
	struct pf_column_stats stats;
	int32_t days[2];
	int64_t ends[2], wall[2];
	/* Elsewhere the clock is set back now and then. */
	bool ordered = type.kind != PF_TIMESTAMP_LTZ || pf_zone_fixed(s->zone, NULL);
	if (!s->only_cells || !ordered || column < 0 ||
	    !pf_data_file_stats(file, own->fields[column].id, type, &stats) ||
	    stats.nulls || stats.min.null || stats.max.null)
		return false;
	ends[0] = stats.min.i;
	ends[1] = stats.max.i;
	days[0] = (int32_t)ends[0];
	days[1] = (int32_t)ends[1];
	struct pf_column c = { .values = pf_kind_width(type.kind) == 4 ? (void *)days :
									    (void *)ends };
	walls(s, &c, 2, wall);
	*wall_us = wall[0];
	return wall[0] >= from_us && wall[1] < to_us && wall[0] <= wall[1] &&
	       pf_shape_cell(s, wall[0]) == pf_shape_cell(s, wall[1]);
}

/* The last cut that is not behind it; -1: it is before all. */
static int64_t cut_before(const struct pf_shape *s, int64_t wall_us)
{
	size_t lo = 0, hi = s->ncuts;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->cuts[mid] <= wall_us)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (int64_t)lo - 1;
}

int64_t pf_shape_cell(const struct pf_shape *s, int64_t wall_us)
{
	return s->ncuts ? cut_before(s, wall_us) : pf_floor_div(wall_us, s->grain_us);
}

bool pf_shape_is_bound(const struct pf_shape *s, int64_t wall_us)
{
	return pf_shape_cell_us(s, pf_shape_cell(s, wall_us)) == wall_us;
}

int64_t pf_shape_cell_us(const struct pf_shape *s, int64_t cell)
{
	int64_t us;
	if (s->ncuts)
		return cell < 0 ? INT64_MIN : cell < (int64_t)s->ncuts ? s->cuts[cell] :
			INT64_MAX;
	if (__builtin_mul_overflow(cell, s->grain_us, &us))
		return cell < 0 ? INT64_MIN : INT64_MAX;
	return us;
}

/* Values of the time column that can be in [from, to): a wall clock may be
 * off by the zone's jumps, so instants get a day on either side. */
static void add_bound(const struct pf_shape *s, int64_t us, const char *op,
		      struct pf_buf *out)
{
	struct pf_type type = s->needed->fields[s->time_column].type;
	struct pf_datum d = { .type = { PF_TIMESTAMP, 6, 0 }, .i = us };
	bool upper = *op == '<';
	int64_t unit = 1; /* of the column's last digit */
	for (int p = type.precision; p < 6; p++)
		unit *= 10;
	if (type.kind == PF_TIMESTAMP_LTZ) {
		d.type.kind = PF_TIMESTAMP_LTZ;
		d.i += upper ? day_us : -day_us;
	}
	if (type.kind == PF_DATE)
		d = (struct pf_datum){ .type = type,
				       .i = pf_floor_div(us + (upper ? day_us - 1 : 0), day_us) };
	else
		d.i = pf_floor_div(d.i + (upper ? unit - 1 : 0), unit) * unit;
	pf_expr_quote(out, s->time);
	pf_buf_printf(out, " %s ", op);
	pf_datum_print(&d, out);
}

static int add_time_bound(const struct pf_shape *s, int64_t us, const char *op,
			  struct pf_filter *filter, struct pf_error *err)
{
	struct pf_buf text = { 0 };
	add_bound(s, us, op, &text);
	int code = pf_filter_add(filter, pf_buf_cstr(&text), "the window", err);
	pf_buf_free(&text);
	return code;
}

static void drop_foreign(struct pf_filter *filter, const struct pf_schema *has)
{
	const char **names;
	size_t n = pf_expr_names(filter->items[filter->n - 1], &names);
	for (size_t i = 0; i < n; i++)
		if (pf_schema_find(has, names[i]) < 0) {
			pf_expr_free(filter->items[--filter->n]);
			return;
		}
}

int pf_shape_filter(const struct pf_shape *s, int64_t from_us, int64_t to_us,
		    const struct pf_schema *has, struct pf_filter *filter,
		    struct pf_error *err)
{
	*filter = (struct pf_filter){ 0 };
	if (from_us >= PF_SHAPE_LAST_US)
		from_us = PF_SHAPE_LAST_US - 1;
	int code = 0;
	if (from_us >= PF_SHAPE_FIRST_US)
		code = add_time_bound(s, from_us, ">=", filter, err);
	if (!code && to_us < PF_SHAPE_LAST_US)
		code = add_time_bound(s, to_us, "<", filter, err);
	for (size_t i = 0; i < s->nwhere && !code; i++) {
		code = pf_filter_add(filter, s->where[i], "--where", err);
		if (!code && has)
			drop_foreign(filter, has);
	}
	if (!code)
		code = pf_filter_bind(filter, s->needed, s->zone_name, err);
	if (code)
		pf_filter_free(filter);
	return code;
}
