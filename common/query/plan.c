/* SPDX-License-Identifier: Apache-2.0 */
#include "query/plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "arrow/layout.h"
#include "base/alloc.h"
#include "base/time.h"

/* --- what is asked --- */

static const char *layout_word(const struct pf_schema *s, const char *key)
{
	const char *v = pf_meta_get(&s->meta, key);
	return v && *v ? v : NULL;
}

static int choose_column(const struct pf_query *q, const char *asked, const char *key,
			 const char *option, char **out, struct pf_error *err)
{
	const char *name = asked ? asked : layout_word(q->full, key);
	*out = name ? pf_strdup(name) : NULL;
	if (!asked || pf_schema_find(q->full, asked) >= 0)
		return 0;
	return pf_fail(err, PF_E_UNKNOWN_COLUMN, "unknown column '%s' in %s", asked, option);
}

/* --id 7 --id abc: id in (7, 'abc'), each read as the column's type. */
static int add_ids(struct pf_query *q, const struct pf_query_options *o,
		   struct pf_error *err)
{
	struct pf_buf text = { 0 };
	int c = q->id ? pf_schema_find(q->full, q->id) : -1, code = 0;
	if (c < 0) {
		pf_fail(err, PF_E_USAGE, "--id: the entity ID column is not known");
		return pf_hint(err, "--id-column names it, or use --where");
	}
	pf_expr_quote(&text, q->id);
	pf_buf_str(&text, " in (");
	for (size_t i = 0; i < o->nids && !code; i++) {
		struct pf_datum d;
		code = pf_datum_parse(q->full->fields[c].type, o->ids[i], strlen(o->ids[i]),
				      q->zone, &d, err);
		if (code) {
			pf_context(err, "--id");
		} else {
			pf_buf_str(&text, i ? ", " : "");
			pf_datum_print(&d, &text);
		}
	}
	pf_buf_byte(&text, ')');
	if (!code)
		code = pf_filter_add(&q->filter, pf_buf_cstr(&text), "--id", err);
	pf_buf_free(&text);
	return code;
}

/* The first value of the column's type at or behind a moment: a bound of
 * microseconds for a column of seconds or days. */
static void round_up(struct pf_type type, struct pf_datum *d)
{
	const int64_t day = (int64_t)86400 * 1000000;
	int64_t unit = type.kind == PF_DATE ? day : 1;
	for (int p = type.precision; type.kind != PF_DATE && p < 6; p++)
		unit *= 10;
	int64_t units = pf_floor_div(d->i, unit);
	if (units * unit < d->i)
		units++;
	if (type.kind == PF_DATE)
		*d = (struct pf_datum){ .type = type, .i = units };
	else if (__builtin_mul_overflow(units, unit, &d->i))
		d->i = INT64_MAX;
}

static int add_time(struct pf_query *q, const char *value, const char *option,
		    const char *op, struct pf_error *err)
{
	int c = q->time ? pf_schema_find(q->full, q->time) : -1;
	int64_t micros;
	if (c < 0) {
		pf_fail(err, PF_E_USAGE, "%s: the time column is not known", option);
		return pf_hint(err, "--time-column names it, or use --where");
	}
	struct pf_type type = q->full->fields[c].type;
	struct pf_datum d = { .type = { PF_TIMESTAMP_LTZ, 6, 0 } };
	PF_TRY(pf_time_argument(value, option, q->tz ? q->tz : q->zone, &micros, err));
	d.i = micros;
	if (type.kind == PF_TIMESTAMP || type.kind == PF_DATE) {
		int64_t sec = pf_floor_div(micros, 1000000);
		d.i = pf_zone_to_wall(q->zone, sec) * 1000000 + (micros - sec * 1000000);
		d.type.kind = PF_TIMESTAMP;
	} else if (type.kind != PF_TIMESTAMP_LTZ) {
		return pf_fail(err, PF_E_EXPR_TYPE, "%s: column '%s' is not a time", option,
			       q->time);
	}
	round_up(type, &d);
	struct pf_buf text = { 0 };
	pf_expr_quote(&text, q->time);
	pf_buf_printf(&text, " %s ", op);
	pf_datum_print(&d, &text);
	int code = pf_filter_add(&q->filter, pf_buf_cstr(&text), option, err);
	pf_buf_free(&text);
	return code;
}

static int add_filters(struct pf_query *q, const struct pf_query_options *o,
		       struct pf_error *err)
{
	if (o->nids)
		PF_TRY(add_ids(q, o, err));
	if (o->since)
		PF_TRY(add_time(q, o->since, "--since", ">=", err));
	if (o->until)
		PF_TRY(add_time(q, o->until, "--until", "<", err));
	for (size_t i = 0; i < o->nwhere; i++)
		PF_TRY(pf_filter_add(&q->filter, o->where[i], "--where", err));
	return 0;
}

static bool is_key(const struct pf_query *q, const char *name)
{
	for (size_t k = 0; k < q->keys.n; k++)
		if (!strcmp(q->keys.items[k].name, name))
			return true;
	return false;
}

/* What an expression over groups may name: keys, and aggregates by theirs. */
static bool of_groups(const struct pf_query *q, const char *name)
{
	for (size_t i = 0; i < q->items.n; i++)
		if (q->items.items[i].aggregate && !strcmp(q->items.items[i].name, name))
			return true;
	return is_key(q, name);
}

static int fail_ungrouped(const char *name, struct pf_error *err)
{
	pf_fail(err, PF_E_EXPR_TYPE, "'%s' is neither an aggregate nor a key of --group-by",
		name);
	return pf_hint(err, "aggregates: count() sum(x) min(x) max(x) "
			    "avg(x) distinct(x) first(x) last(x)");
}

/* Grouped: -c lists aggregates and expressions over them and keys; keys may
 * stand there, too, and come first. */
static int check_grouped(struct pf_query *q, struct pf_error *err)
{
	struct pf_items *list = &q->items;
	size_t n = 0;
	int code = 0;
	for (size_t i = 0; i < list->n; i++) {
		struct pf_item item = list->items[i];
		const char **names;
		size_t nnames = item.expr ? pf_expr_names(item.expr, &names) : 0;
		if (!item.aggregate && is_key(q, item.name) && !code) {
			free(item.name);
			pf_expr_free(item.expr);
			continue;
		}
		if (!item.aggregate && !item.over_groups && !code) {
			item.over_groups = true;
			for (size_t k = 0; k < nnames; k++)
				item.over_groups = item.over_groups && of_groups(q, names[k]);
			if (!item.over_groups)
				code = fail_ungrouped(item.name, err);
		}
		list->items[n++] = item;
	}
	list->n = n;
	return code;
}

static void push_item(struct pf_items *list, struct pf_item item)
{
	list->items = pf_realloc(list->items, list->n + 1, sizeof *list->items);
	list->items[list->n++] = item;
}

/* Hand the aggregates over, those within expressions, too. An item of the
 * result that is one keeps its name only. */
static int find_aggregates(struct pf_query *q, struct pf_error *err)
{
	struct pf_items *list = &q->items;
	bool over = false;
	for (size_t i = 0; i < list->n; i++) {
		struct pf_item *item = &list->items[i];
		over |= item->over_groups;
		if (!item->aggregate)
			continue;
		push_item(&q->aggregates, *item);
		q->aggregates.items[q->aggregates.n - 1].name = pf_strdup(item->name);
		item->expr = NULL;
	}
	for (size_t i = 0; i < list->ncalls; i++)
		push_item(&q->aggregates, list->calls[i]);
	list->ncalls = 0;
	/* Keys, then items: each a column of what grouping gives, or more. */
	for (size_t i = 0; over && i < q->keys.n; i++)
		PF_TRY(pf_items_add_column(&q->outer, q->keys.items[i].name, err));
	for (size_t i = 0; over && i < list->n; i++) {
		struct pf_item *item = &list->items[i];
		if (!item->over_groups) {
			PF_TRY(pf_items_add_column(&q->outer, item->name, err));
			continue;
		}
		push_item(&q->outer, *item);
		q->outer.items[q->outer.n - 1].name = pf_strdup(item->name);
		item->expr = NULL;
	}
	return 0;
}

static int read_items(struct pf_query *q, const struct pf_query_options *o,
		      struct pf_error *err)
{
	if (o->ngroup_by)
		PF_TRY(pf_items_parse(&q->keys, o->group_by, o->ngroup_by, "--group-by",
				      q->full, false, err));
	bool all = !o->ncolumns && !o->ngroup_by && !o->group;
	const char *left_out = q->sources[0]->left_out;
	if (all && left_out) {
		pf_fail(err, PF_E_TABLE_FEATURE, "%s", left_out);
		return pf_hint(err, "name the columns to read: -c");
	}
	for (size_t i = 0; all && i < q->full->n; i++) {
		char position[32];
		snprintf(position, sizeof position, "#%zu", i + 1);
		PF_TRY(pf_items_add(&q->items, position, "--columns", q->full, false, err));
	}
	if (o->ncolumns)
		PF_TRY(pf_items_parse(&q->items, o->columns, o->ncolumns, "--columns",
				      q->full, true, err));
	else if (!all)
		PF_TRY(pf_items_add(&q->items, "count()", "--columns", q->full, true, err));
	q->grouped = q->keys.n || o->group;
	for (size_t i = 0; i < q->items.n; i++)
		q->grouped = q->grouped || q->items.items[i].aggregate ||
			     q->items.items[i].over_groups;
	if (!q->grouped)
		return 0;
	PF_TRY(check_grouped(q, err));
	return find_aggregates(q, err);
}

/* Names of the result, so that --order-by can mean them. */
static struct pf_schema *result_names(const struct pf_query *q)
{
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; q->grouped && i < q->keys.n; i++)
		pf_schema_add(s, q->keys.items[i].name, (struct pf_type){ 0 }, true);
	for (size_t i = 0; i < q->items.n; i++)
		pf_schema_add(s, q->items.items[i].name, (struct pf_type){ 0 }, true);
	return s;
}

static int read_order(struct pf_query *q, const struct pf_query_options *o,
		      struct pf_error *err)
{
	struct pf_schema *names = result_names(q);
	int code = 0;
	for (size_t i = 0; i < o->norder_by && !code; i++)
		code = pf_items_add_order(&q->order_items, o->order_by[i], names, err);
	/* An entity's history is told in time order. */
	if (!code && !o->norder_by && o->nids && !q->grouped && q->time) {
		struct pf_schema *none = pf_schema_new();
		char *time = pf_expr_quoted(q->time);
		code = pf_items_add_order(&q->order_items, time, none, err);
		pf_schema_unref(none);
		free(time);
	}
	q->norder = q->order_items.n;
	q->order_column = pf_alloc(q->norder + 1, sizeof *q->order_column);
	q->order_on_result = pf_zalloc(q->norder + 1, sizeof *q->order_on_result);
	for (size_t i = 0; i < q->norder; i++) {
		const struct pf_item *item = &q->order_items.items[i];
		q->order_column[i] = o->norder_by && item->name[0] != '#' ?
					     pf_schema_find(names, item->name) : -1;
	}
	pf_schema_unref(names);
	return code;
}

/* --- what is read --- */

static int use_names(const struct pf_query *q, struct pf_expr *e, bool *used,
		     struct pf_error *err)
{
	const char **names;
	size_t n = pf_expr_names(e, &names);
	for (size_t i = 0; i < n; i++) {
		int c = pf_schema_find(q->full, names[i]);
		if (c < 0) /* says so, with the nearest of all columns */
			return pf_expr_bind(e, q->full, q->zone_name, err);
		used[c] = true;
	}
	return 0;
}

/* A hidden order key may also be made of the result's columns. */
static bool names_result(const struct pf_query *q, struct pf_expr *e)
{
	struct pf_schema *names = result_names(q);
	const char **all;
	size_t n = pf_expr_names(e, &all);
	bool is = true;
	for (size_t i = 0; i < n; i++)
		is = is && pf_schema_find(names, all[i]) >= 0;
	pf_schema_unref(names);
	return is;
}

static int find_used(struct pf_query *q, bool *used, struct pf_error *err)
{
	for (size_t i = 0; i < q->filter.n; i++)
		PF_TRY(use_names(q, q->filter.items[i], used, err));
	for (size_t i = 0; i < q->keys.n; i++)
		PF_TRY(use_names(q, q->keys.items[i].expr, used, err));
	const struct pf_items *read = q->grouped ? &q->aggregates : &q->items;
	for (size_t i = 0; i < read->n; i++) {
		const struct pf_item *item = &read->items[i];
		if (item->expr)
			PF_TRY(use_names(q, item->expr, used, err));
		int time = q->time ? pf_schema_find(q->full, q->time) : -1;
		if (time >= 0 && (item->aggregate == PF_AGG_FIRST ||
				  item->aggregate == PF_AGG_LAST))
			used[time] = true;
	}
	for (size_t i = 0; i < q->norder; i++) {
		struct pf_expr *e = q->order_items.items[i].expr;
		if (q->order_column[i] >= 0)
			continue;
		q->order_on_result[i] = q->grouped || names_result(q, e);
		if (!q->order_on_result[i])
			PF_TRY(use_names(q, e, used, err));
	}
	return 0;
}

static int narrow(struct pf_query *q, struct pf_error *err)
{
	bool *used = pf_zalloc(q->full->n + 1, sizeof *used);
	int code = find_used(q, used, err);
	q->needed = pf_schema_new();
	for (size_t i = 0; i < q->full->n; i++) {
		const struct pf_field *f = &q->full->fields[i];
		if (!used[i])
			continue;
		struct pf_field *to = pf_schema_add(q->needed, f->name, f->type, f->nullable);
		to->id = f->id;
		pf_meta_copy(&to->meta, &f->meta);
	}
	pf_meta_copy(&q->needed->meta, &q->full->meta);
	free(used);
	return code;
}

static int bind_items(struct pf_query *q, struct pf_items *items, struct pf_error *err)
{
	for (size_t i = 0; i < items->n; i++)
		if (items->items[i].expr)
			PF_TRY(pf_expr_bind(items->items[i].expr, q->needed, q->zone_name,
					    err));
	return 0;
}

/* Expressions over groups see keys and aggregates only. */
static int bind_outer(struct pf_query *q, const struct pf_schema *groups,
		      struct pf_error *err)
{
	for (size_t i = 0; i < q->outer.n; i++) {
		struct pf_item *item = &q->outer.items[i];
		const char **names;
		size_t n = pf_expr_names(item->expr, &names);
		for (size_t k = 0; k < n; k++)
			if (pf_schema_find(groups, names[k]) < 0)
				return fail_ungrouped(names[k], err);
		PF_TRY(pf_expr_bind(item->expr, groups, q->zone_name, err));
		pf_schema_add(q->result, item->name, pf_expr_type(item->expr), true);
	}
	return 0;
}

static int make_result(struct pf_query *q, struct pf_error *err)
{
	if (q->grouped) {
		int time = q->time ? pf_schema_find(q->needed, q->time) : -1;
		PF_TRY(pf_group_new(&q->keys, &q->aggregates, q->needed, time, q->memory,
				    &q->group, err));
		if (!q->outer.n) {
			q->result = pf_schema_ref(pf_group_schema(q->group));
			return 0;
		}
		q->result = pf_schema_new();
		return bind_outer(q, pf_group_schema(q->group), err);
	}
	q->result = pf_schema_new();
	for (size_t i = 0; i < q->items.n; i++) {
		const struct pf_item *item = &q->items.items[i];
		int c = pf_expr_column(item->expr);
		bool nullable = c < 0 || q->needed->fields[c].nullable;
		struct pf_field *f = pf_schema_add(q->result, item->name,
						   pf_expr_type(item->expr), nullable);
		if (c < 0)
			continue;
		f->id = q->needed->fields[c].id;
		pf_meta_copy(&f->meta, &q->needed->fields[c].meta);
	}
	/* The layout stays known where its columns do. */
	if (q->id && q->time && pf_schema_find(q->result, q->id) >= 0 &&
	    pf_schema_find(q->result, q->time) >= 0)
		pf_meta_copy(&q->result->meta, &q->needed->meta);
	return 0;
}

static int make_order(struct pf_query *q, struct pf_error *err)
{
	q->sortable = pf_schema_new();
	for (size_t i = 0; i < q->result->n; i++)
		pf_schema_add(q->sortable, q->result->fields[i].name,
			      q->result->fields[i].type, q->result->fields[i].nullable);
	struct pf_order_key *keys = pf_zalloc(q->norder + 1, sizeof *keys);
	int code = 0;
	for (size_t i = 0; i < q->norder && !code; i++) {
		const struct pf_item *item = &q->order_items.items[i];
		keys[i].column = q->order_column[i];
		keys[i].descending = item->descending;
		keys[i].nulls_first = item->nulls_first;
		if (keys[i].column >= 0)
			continue;
		code = pf_expr_bind(item->expr,
				    q->order_on_result[i] ? q->result : q->needed,
				    q->zone_name, err);
		keys[i].column = (int)q->sortable->n;
		if (!code)
			pf_schema_add(q->sortable, item->name, pf_expr_type(item->expr), true);
	}
	int64_t limit = q->limit < 0 || __builtin_add_overflow(q->limit, q->offset, &limit) ?
				-1 : q->limit + q->offset;
	if (!code && q->norder)
		code = pf_order_new(q->sortable, keys, q->norder, q->result->n, limit,
				    q->memory, &q->order, err);
	free(keys);
	return code;
}

int pf_query_plan(struct pf_query *q, const struct pf_query_options *o,
		  struct pf_error *err)
{
	/* A table knows most: its dt, its field ids. */
	q->full = q->sources[0]->schema;
	for (size_t i = q->nsources; i-- > 0;)
		if (!strcmp(q->sources[i]->kind, "table"))
			q->full = q->sources[i]->schema;
	const char *zone = layout_word(q->full, "pf:zone");
	q->zone_name = pf_strdup(zone ? zone : "UTC");
	PF_TRY(pf_zone_open(q->zone_name, &q->zone, err));
	if (o->tz)
		PF_TRY(pf_zone_open(o->tz, &q->tz, err));
	PF_TRY(choose_column(q, o->id, "pf:id", "--id-column", &q->id, err));
	PF_TRY(choose_column(q, o->time, "pf:time", "--time-column", &q->time, err));
	PF_TRY(add_filters(q, o, err));
	PF_TRY(read_items(q, o, err));
	PF_TRY(read_order(q, o, err));
	PF_TRY(narrow(q, err));
	PF_TRY(pf_filter_bind(&q->filter, q->needed, q->zone_name, err));
	PF_TRY(bind_items(q, &q->keys, err));
	PF_TRY(bind_items(q, q->grouped ? &q->aggregates : &q->items, err));
	PF_TRY(make_result(q, err));
	PF_TRY(make_order(q, err));
	q->kept = pf_builder_new(q->needed);
	q->made = pf_builder_new(q->sortable);
	q->sliced = pf_builder_new(q->result);
	q->show = pf_zalloc(q->sortable->n + 1, sizeof *q->show);
	q->wanted = (struct pf_wanted){ .schema = q->needed, .filter = &q->filter, .memory = q->memory,
					.prune = q->prune };
	return 0;
}
