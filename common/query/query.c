/* SPDX-License-Identifier: Apache-2.0 */
#include "query/query.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/layout.h"
#include "base/alloc.h"
#include "base/number.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/group.h"
#include "query/order.h"

enum { ATTEMPTS = 5 };

struct pf_query {
	struct pf_source **sources;
	size_t nsources, at;
	const struct pf_schema *full; /* of the source that decides */
	struct pf_schema *needed;     /* the columns that are read */
	struct pf_wanted wanted;
	struct pf_filter filter;
	char *zone_name, *time, *id;
	struct pf_zone *zone;
	struct pf_items keys, items, order_items;
	bool grouped;
	struct pf_group *group;
	struct pf_order *order;
	size_t norder;
	int *order_column;       /* of the result, -1: hidden */
	bool *order_on_result;   /* hidden: computed from the result */
	struct pf_schema *result, *sortable; /* result and hidden columns */
	int64_t limit, offset, given, skipped;
	size_t memory;
	bool prune;
	enum { READING, GROUPS, SORTED, DONE } state;
	struct pf_builder *kept; /* rows that passed, where the source does not filter */
	struct pf_builder *made; /* computed columns of sortable */
	struct pf_column *show;
	struct pf_builder *sliced;
};

/* --- opening: what is asked --- */

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

static char *quoted(const char *name)
{
	struct pf_buf b = { 0 };
	pf_buf_byte(&b, '`');
	for (; *name; name++) {
		if (*name == '`')
			pf_buf_byte(&b, '`');
		pf_buf_byte(&b, (uint8_t)*name);
	}
	pf_buf_byte(&b, '`');
	char *text = pf_strdup(pf_buf_cstr(&b));
	pf_buf_free(&b);
	return text;
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
	char *name = quoted(q->id);
	pf_buf_printf(&text, "%s in (", name);
	free(name);
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

static int add_time(struct pf_query *q, const char *value, const char *option,
		    const char *op, struct pf_error *err)
{
	int c = q->time ? pf_schema_find(q->full, q->time) : -1;
	int64_t micros;
	if (c < 0) {
		pf_fail(err, PF_E_USAGE, "%s: the time column is not known", option);
		return pf_hint(err, "--time-column names it, or use --where");
	}
	enum pf_kind kind = q->full->fields[c].type.kind;
	struct pf_datum d = { .type = { PF_TIMESTAMP_LTZ, 6, 0 } };
	PF_TRY(pf_time_argument(value, option, q->zone, &micros, err));
	d.i = micros;
	if (kind == PF_TIMESTAMP || kind == PF_DATE) {
		int64_t sec = pf_floor_div(micros, 1000000);
		d.i = pf_zone_to_wall(q->zone, sec) * 1000000 + (micros - sec * 1000000);
		d.type.kind = PF_TIMESTAMP;
	} else if (kind != PF_TIMESTAMP_LTZ) {
		return pf_fail(err, PF_E_EXPR_TYPE, "%s: column '%s' is not a time", option,
			       q->time);
	}
	struct pf_buf text = { 0 };
	char *name = quoted(q->time);
	pf_buf_printf(&text, "%s %s ", name, op);
	pf_datum_print(&d, &text);
	free(name);
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

/* Grouped: -c lists aggregates; keys may stand there, too, and come first. */
static int check_grouped(struct pf_query *q, struct pf_error *err)
{
	size_t n = 0;
	for (size_t i = 0; i < q->items.n; i++) {
		struct pf_item *item = &q->items.items[i];
		bool key = false;
		for (size_t k = 0; k < q->keys.n; k++)
			key = key || !strcmp(q->keys.items[k].name, item->name);
		if (item->aggregate) {
			q->items.items[n++] = *item;
			continue;
		}
		if (!key) {
			pf_fail(err, PF_E_EXPR_TYPE,
				"'%s' is neither an aggregate nor a key of --group-by",
				item->name);
			/* the tail must still be freed once */
			while (i < q->items.n)
				q->items.items[n++] = q->items.items[i++];
			q->items.n = n;
			return pf_hint(err, "aggregates: count() sum(x) min(x) max(x) "
					    "avg(x) distinct(x) first(x) last(x)");
		}
		free(item->name);
		pf_expr_free(item->expr);
	}
	q->items.n = n;
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
		q->grouped = q->grouped || q->items.items[i].aggregate;
	return q->grouped ? check_grouped(q, err) : 0;
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
		char *time = quoted(q->time);
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

/* --- opening: what is read --- */

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
	for (size_t i = 0; i < q->items.n; i++) {
		const struct pf_item *item = &q->items.items[i];
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

static int make_result(struct pf_query *q, struct pf_error *err)
{
	if (q->grouped) {
		int time = q->time ? pf_schema_find(q->needed, q->time) : -1;
		PF_TRY(pf_group_new(&q->keys, &q->items, q->needed, time, q->memory,
				    &q->group, err));
		q->result = pf_schema_ref(pf_group_schema(q->group));
		return 0;
	}
	q->result = pf_schema_new();
	for (size_t i = 0; i < q->items.n; i++) {
		const struct pf_item *item = &q->items.items[i];
		int c = pf_expr_column(item->expr);
		bool nullable = c < 0 || q->needed->fields[c].nullable;
		struct pf_field *f = pf_schema_add(q->result, item->name,
						   pf_expr_type(item->expr), nullable);
		if (c >= 0)
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

/* Everything from one state of the world; when something vanishes meanwhile,
 * from a newer one. */
static int start_sources(struct pf_query *q, bool fixed, struct pf_error *err)
{
	int code = 0;
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		code = 0;
		for (size_t i = 0; i < q->nsources && !code; i++)
			code = q->sources[i]->ops->start(q->sources[i], &q->wanted, err);
		/* NO_FILE: a manifest or snapshot that expired under our eyes. */
		bool again = code == PF_E_VANISHED || code == PF_E_STAGE_GAP ||
			     code == PF_E_NO_FILE;
		if (fixed || !again)
			return code;
	}
	return code;
}

static int set_up(struct pf_query *q, const struct pf_query_options *o,
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
	PF_TRY(choose_column(q, o->id, "pf:id", "--id-column", &q->id, err));
	PF_TRY(choose_column(q, o->time, "pf:time", "--time-column", &q->time, err));
	PF_TRY(add_filters(q, o, err));
	PF_TRY(read_items(q, o, err));
	PF_TRY(read_order(q, o, err));
	PF_TRY(narrow(q, err));
	PF_TRY(pf_filter_bind(&q->filter, q->needed, q->zone_name, err));
	PF_TRY(bind_items(q, &q->keys, err));
	PF_TRY(bind_items(q, &q->items, err));
	PF_TRY(make_result(q, err));
	PF_TRY(make_order(q, err));
	q->kept = pf_builder_new(q->needed);
	q->made = pf_builder_new(q->sortable);
	q->sliced = pf_builder_new(q->result);
	q->show = pf_zalloc(q->sortable->n + 1, sizeof *q->show);
	q->wanted = (struct pf_wanted){ .schema = q->needed, .filter = &q->filter,
					.prune = q->prune };
	return start_sources(q, o->fixed_snapshot, err);
}

int pf_query_open(struct pf_source **sources, size_t n,
		  const struct pf_query_options *o, struct pf_query **out,
		  struct pf_error *err)
{
	struct pf_query *q = pf_zalloc(1, sizeof *q);
	q->sources = pf_alloc(n + 1, sizeof *q->sources);
	memcpy(q->sources, sources, n * sizeof *sources);
	q->nsources = n;
	q->limit = o->limit;
	q->offset = o->offset;
	q->memory = o->memory;
	q->prune = !o->no_prune;
	int code = set_up(q, o, err);
	if (code) {
		pf_query_close(q);
		return code;
	}
	*out = q;
	return 0;
}

void pf_query_close(struct pf_query *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->nsources; i++)
		pf_source_close(q->sources[i]);
	free(q->sources);
	pf_filter_free(&q->filter);
	pf_items_free(&q->keys);
	pf_items_free(&q->items);
	pf_items_free(&q->order_items);
	pf_group_free(q->group);
	pf_order_free(q->order);
	free(q->order_column);
	free(q->order_on_result);
	pf_builder_free(q->kept);
	pf_builder_free(q->made);
	pf_builder_free(q->sliced);
	free(q->show);
	pf_schema_unref(q->needed);
	pf_schema_unref(q->result);
	pf_schema_unref(q->sortable);
	pf_zone_close(q->zone);
	free(q->zone_name);
	free(q->time);
	free(q->id);
	free(q);
}

struct pf_schema *pf_query_schema(struct pf_query *q)
{
	return q->result;
}

const char *pf_query_zone(const struct pf_query *q)
{
	return q->zone_name;
}

/* --- running --- */

/* Rows of the needed columns that pass, or none yet. */
static int next_rows(struct pf_query *q, struct pf_batch *batch, struct pf_error *err)
{
	struct pf_source *s = q->sources[q->at];
	size_t n;
	PF_TRY(s->ops->next(s, batch, err));
	if (!batch->rows) {
		q->at++;
		return 0;
	}
	if (s->filtered)
		return 0;
	PF_TRY(pf_filter_rows(&q->filter, batch, &n, err));
	s->counts.matched += (int64_t)n;
	if (n == (size_t)batch->rows)
		return 0;
	pf_builder_reset(q->kept);
	if (n)
		pf_builder_gather(q->kept, batch, q->filter.rows, n);
	*batch = pf_builder_batch(q->kept);
	return 0;
}

/* The result's columns (and hidden ones) of needed or grouped rows. */
static int project(struct pf_query *q, const struct pf_batch *rows, bool grouped,
		   struct pf_batch *out, struct pf_error *err)
{
	size_t n = q->result->n;
	pf_builder_reset(q->made);
	struct pf_colbuf *made = q->made->columns;
	for (size_t i = 0; i < n && !grouped; i++) {
		struct pf_expr *e = q->items.items[i].expr;
		if (pf_expr_column(e) < 0)
			PF_TRY(pf_expr_eval(e, rows, &made[i], err));
	}
	for (size_t i = 0; i < n; i++) {
		int c = grouped ? (int)i : pf_expr_column(q->items.items[i].expr);
		q->show[i] = c >= 0 ? rows->columns[c] : pf_colbuf_view(&made[i]);
	}
	*out = (struct pf_batch){ .schema = q->result, .rows = rows->rows,
				  .columns = q->show };
	for (size_t i = 0, c = n; i < q->norder; i++) {
		if (q->order_column[i] >= 0)
			continue;
		PF_TRY(pf_expr_eval(q->order_items.items[i].expr,
				    q->order_on_result[i] ? out : rows, &made[c], err));
		q->show[c] = pf_colbuf_view(&made[c]);
		c++;
	}
	return 0;
}

/* Apply --offset and -n to rows on their way out. */
static void cut(struct pf_query *q, struct pf_batch *batch)
{
	int64_t from = 0, rows = batch->rows;
	if (q->skipped < q->offset) {
		from = q->offset - q->skipped < rows ? q->offset - q->skipped : rows;
		q->skipped += from;
	}
	rows -= from;
	if (q->limit >= 0 && q->limit - q->given < rows)
		rows = q->limit - q->given;
	q->given += rows;
	if (rows == batch->rows)
		return;
	pf_builder_reset(q->sliced);
	if (rows)
		pf_builder_append(q->sliced, batch, from, rows);
	*batch = pf_builder_batch(q->sliced);
	batch->schema = q->result;
}

/* One step; *out has rows when some are ready to leave. */
static int step(struct pf_query *q, struct pf_batch *out, struct pf_error *err)
{
	struct pf_batch rows;
	out->rows = 0;
	switch (q->state) {
	case READING:
		if (q->at >= q->nsources) {
			q->state = q->grouped ? GROUPS : q->order ? SORTED : DONE;
			return 0;
		}
		PF_TRY(next_rows(q, &rows, err));
		if (!rows.rows)
			return 0;
		if (q->grouped)
			return pf_group_add(q->group, &rows, err);
		PF_TRY(project(q, &rows, false, out, err));
		break;
	case GROUPS:
		PF_TRY(pf_group_next(q->group, &rows, err));
		if (!rows.rows) {
			q->state = q->order ? SORTED : DONE;
			return 0;
		}
		PF_TRY(project(q, &rows, true, out, err));
		break;
	case SORTED:
		PF_TRY(pf_order_next(q->order, out, err));
		if (!out->rows)
			q->state = DONE;
		return 0;
	case DONE:
		return 0;
	}
	if (!q->order)
		return 0;
	out->schema = q->sortable;
	int code = pf_order_add(q->order, out, err);
	out->rows = 0;
	return code;
}

int pf_query_next(struct pf_query *q, struct pf_batch *batch, bool *end,
		  struct pf_error *err)
{
	*batch = (struct pf_batch){ .schema = q->result };
	if (q->limit >= 0 && q->given >= q->limit)
		q->state = DONE;
	PF_TRY(step(q, batch, err));
	if (batch->rows) {
		batch->schema = q->result;
		cut(q, batch);
	}
	*end = q->state == DONE;
	return 0;
}

bool pf_query_ready(struct pf_query *q)
{
	if (q->state != READING || q->at >= q->nsources)
		return true;
	struct pf_source *s = q->sources[q->at];
	return !s->ops->ready || s->ops->ready(s);
}

/* --- explaining --- */

static void line(struct pf_buf *out, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void line(struct pf_buf *out, const char *label, const char *fmt, ...)
{
	va_list args;
	char text[1024];
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	pf_buf_printf(out, "  %-11s %s\n", label, text);
}

static char *digits(int64_t v, char *out)
{
	return pf_group_digits(out, v);
}

static void explain_source(const struct pf_source *s, struct pf_buf *out)
{
	const struct pf_scan_counts *c = &s->counts;
	char a[32], b[32], d[32], e[32];
	pf_buf_printf(out, "%s '%s'", s->kind, s->name);
	if (!strcmp(s->kind, "table"))
		pf_buf_printf(out, ", snapshot %lld", (long long)s->snapshot);
	pf_buf_byte(out, '\n');
	if (c->manifests || c->manifests_skipped)
		line(out, "manifests", "%s read, %s skipped by partition or bucket",
		     digits(c->manifests - c->manifests_skipped, a),
		     digits(c->manifests_skipped, b));
	if (!strcmp(s->kind, "table")) {
		int64_t skipped = c->files_partition + c->files_bucket +
				  c->files_stats + c->files_index;
		line(out, "files", "%s of %s read; skipped: %s by partition, %s by bucket, "
		     "%s by statistics, %s by file index", digits(c->files - skipped, a),
		     digits(c->files, b), digits(c->files_partition, d),
		     digits(c->files_bucket, e), digits(c->files_stats, (char[32]){ 0 }),
		     digits(c->files_index, (char[32]){ 0 }));
	}
	if (s->filtered) {
		int64_t skipped = c->groups_stats + c->groups_bloom +
				  c->groups_pages + c->groups_index;
		line(out, "row groups", "%s of %s read; skipped: %s by statistics, %s by "
		     "bloom filter, %s by page index, %s by file index",
		     digits(c->groups - skipped, a), digits(c->groups, b),
		     digits(c->groups_stats, d), digits(c->groups_bloom, e),
		     digits(c->groups_pages, (char[32]){ 0 }),
		     digits(c->groups_index, (char[32]){ 0 }));
		line(out, "pages", "%s decoded; page index: %s of %s skipped",
		     digits(c->pages_decoded, a), digits(c->pages_skipped, b),
		     digits(c->pages, d));
	}
	line(out, "rows", "%s looked at, %s matched", digits(c->rows, a),
	     digits(c->matched, b));
	if (s->filtered)
		line(out, "bytes", "%s read by %s reads, of %s in the opened files",
		     digits(c->bytes, a), digits(c->reads, b), digits(c->bytes_stored, d));
}

void pf_query_explain(const struct pf_query *q, struct pf_buf *out)
{
	for (size_t i = 0; i < q->filter.n; i++) {
		pf_buf_str(out, i ? "and   " : "where ");
		pf_expr_print(q->filter.items[i], out);
		pf_buf_byte(out, '\n');
	}
	pf_buf_str(out, "columns");
	for (size_t i = 0; i < q->needed->n; i++)
		pf_buf_printf(out, "%s %s", i ? "," : "", q->needed->fields[i].name);
	pf_buf_byte(out, '\n');
	for (size_t i = 0; i < q->nsources; i++)
		explain_source(q->sources[i], out);
}
