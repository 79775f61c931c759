/* SPDX-License-Identifier: Apache-2.0 */
#include "query/plan.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { ATTEMPTS = 5 };

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
	int code = pf_query_plan(q, o, err);
	if (!code)
		code = start_sources(q, o->fixed_snapshot, err);
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
	pf_items_free(&q->aggregates);
	pf_items_free(&q->outer);
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
	pf_zone_close(q->tz);
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
	const struct pf_item *items = grouped ? q->outer.items : q->items.items;
	pf_builder_reset(q->made);
	struct pf_colbuf *made = q->made->columns;
	for (size_t i = 0; i < n && items; i++) {
		struct pf_expr *e = items[i].expr;
		if (pf_expr_column(e) < 0)
			PF_TRY(pf_expr_eval(e, rows, &made[i], err));
	}
	for (size_t i = 0; i < n; i++) {
		int c = items ? pf_expr_column(items[i].expr) : (int)i;
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
