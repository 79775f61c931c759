/* SPDX-License-Identifier: Apache-2.0 */
#include "query/keyed_changes.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "query/keyed_parts.h"
#include "query/keyed_scan.h"
#include "query/table_files.h"

enum {
	GIVE_ROWS = 8192,
	GIVE_BYTES = 1 << 20,
};

/* One of the two states. */
struct state {
	struct pf_table_files *files;
	/* the part at hand */
	struct pf_file_list some;
	struct pf_keyed_scan *scan;
	struct pf_batch rows;
	int64_t at;
};

struct pf_keyed_changes {
	struct pf_keyed_changes_of of;
	struct pf_keyed_parts parts;
	struct pf_rules rules; /* shares what the table's point to */
	struct pf_schema *given;
	struct pf_filter filter;  /* borrows all but its scratch */
	struct pf_wanted wanted;
	int *keys;
	size_t at;               /* the part at hand */
	struct pf_table_files *hot_files;
	/* of the part at hand */
	struct pf_filter own, both; /* its keys; and the filter; borrows */
	bool open;               /* the part at hand is being read */
	struct state states[2];
	struct pf_builder *out;
};

static void count_files(struct pf_keyed_changes *c)
{
	struct pf_scan_counts *n = c->of.counts;
	const struct pf_between *b = &c->parts.between;
	for (int s = PF_BEFORE; s <= PF_AFTER; s++) {
		n->manifests += b->files[s].manifests;
		n->files += b->files[s].live;
		n->files_stats += b->files[s].live - (int64_t)c->parts.lists[s].n;
	}
}

/* --- reading --- */

static bool any(void *ctx, const struct pf_data_file *file)
{
	(void)ctx;
	(void)file;
	return true;
}

static void end_part(struct pf_keyed_changes *c)
{
	for (int s = PF_BEFORE; s <= PF_AFTER; s++) {
		pf_keyed_scan_free(c->states[s].scan);
		c->states[s].scan = NULL;
	}
	pf_filter_free(&c->own);
	for (size_t i = 0; i < c->both.nbounds; i++)
		free(c->both.bounds[i].ranges);
	pf_key_filter_free(&c->both);
	c->wanted.filter = &c->filter;
	c->open = false;
}

/* --- looking keys up --- */

/* "key in (1, 2, 3)", of the values that the first key column has in the files
 * that came and went. */
static int list_keys(struct pf_keyed_changes *c, const struct pf_keyed_part *p, struct pf_buf *text,
		     struct pf_error *err)
{
	const struct pf_field *f = &c->of.columns->fields[c->keys[0]];
	struct pf_schema *key = pf_schema_new();
	struct pf_filter all = { 0 };
	const struct pf_wanted wanted = { .schema = key, .filter = &all };
	const char *between = " in (";
	int code = 0;
	pf_schema_add(key, f->name, f->type, true)->id = f->id;
	pf_expr_quote(text, f->name);
	for (size_t i = 0; i < p->hot && !code; i++) {
		const struct pf_data_file *d = &c->parts.hot.files[p->hot_from + i];
		struct pf_parquet_scan *scan = NULL;
		struct pf_batch rows = { .rows = 1 };
		code = pf_table_files_open(c->hot_files, d, &wanted, &scan, err);
		while (!code && rows.rows) {
			code = pf_parquet_scan_next(scan, &rows, err);
			for (int64_t k = 0; k < rows.rows && !code; k++) {
				struct pf_datum v = pf_datum_at(f->type, &rows.columns[0], k);
				pf_buf_str(text, between);
				pf_datum_print(&v, text);
				between = ", ";
			}
		}
		pf_parquet_scan_free(scan);
		pf_table_files_done(c->hot_files, d);
	}
	pf_buf_byte(text, ')');
	free(all.rows);
	pf_schema_unref(key);
	return code;
}

/* Both filters as one, which borrows what they are made of. */
static void join_filters(struct pf_keyed_changes *c)
{
	const struct pf_filter *of[2] = { &c->own, &c->filter };
	struct pf_filter *f = &c->both;
	f->nbounds = c->own.nbounds;
	f->items = pf_alloc(c->own.n + c->filter.n, sizeof *f->items);
	f->bounds = pf_zalloc(f->nbounds + 1, sizeof *f->bounds);
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < of[i]->n; k++)
			f->items[f->n++] = of[i]->items[k];
	for (size_t col = 0; col < f->nbounds; col++) {
		struct pf_column_bounds *b = &f->bounds[col];
		size_t n = 0;
		for (int i = 0; i < 2; i++)
			n += pf_filter_bounds(of[i], (int)col)->n;
		b->ranges = pf_alloc(n + 1, sizeof *b->ranges);
		for (int i = 0; i < 2; i++) {
			const struct pf_column_bounds *a = pf_filter_bounds(of[i], (int)col);
			for (size_t k = 0; k < a->n; k++)
				b->ranges[b->n++] = a->ranges[k];
		}
	}
	c->wanted.filter = f;
}

/* Only advice: what cannot be looked up is read. */
static void look_up(struct pf_keyed_changes *c, const struct pf_keyed_part *p)
{
	struct pf_buf text = { 0 };
	if (!p->hot)
		return;
	int code = list_keys(c, p, &text, NULL);
	if (!code)
		code = pf_filter_add(&c->own, pf_buf_cstr(&text), "the key", NULL);
	if (!code)
		code = pf_filter_bind(&c->own, c->of.columns,
				      pf_table_schema(c->of.table)->layout.zone, NULL);
	if (!code)
		join_filters(c);
	else
		pf_filter_free(&c->own);
	pf_buf_free(&text);
}

static int begin_part(struct pf_keyed_changes *c, struct pf_error *err)
{
	const struct pf_keyed_part *p = &c->parts.items[c->at];
	look_up(c, p);
	for (int i = PF_BEFORE; i <= PF_AFTER; i++) {
		struct state *s = &c->states[i];
		const struct pf_keyed_files files = {
			.open = pf_table_files_open, .done = pf_table_files_done,
			.may_match = any, .ctx = s->files };
		s->some = (struct pf_file_list){ .files = c->parts.lists[i].files + p->from[i],
						 .n = p->n[i] };
		s->rows.rows = s->at = 0;
		PF_TRY(pf_keyed_scan_new(&s->some, pf_table_schema(c->of.table), &c->rules,
					 &c->wanted, &files, c->of.counts, &s->scan, err));
	}
	c->open = true;
	return 0;
}

/* Is there a row at hand? */
static int fetch(struct state *s, bool *there, struct pf_error *err)
{
	if (s->scan && s->at == s->rows.rows) {
		PF_TRY(pf_keyed_scan_next(s->scan, &s->rows, err));
		s->at = 0;
		if (!s->rows.rows) {
			pf_keyed_scan_free(s->scan);
			s->scan = NULL;
		}
	}
	*there = s->at < s->rows.rows;
	return 0;
}

static int compare(const struct pf_schema *schema, int column, const struct state *a,
		   const struct state *b)
{
	const struct pf_column *x = &a->rows.columns[column], *y = &b->rows.columns[column];
	bool no_x = pf_is_null(x, a->at), no_y = pf_is_null(y, b->at);
	if (no_x || no_y)
		return (int)no_y - (int)no_x;
	return pf_key_cmp(schema->fields[column].type.kind, x, a->at, y, b->at);
}

static int compare_keys(const struct pf_keyed_changes *c)
{
	int order = 0;
	for (size_t i = 0; i < c->rules.nkeys && !order; i++)
		order = compare(c->of.columns, c->keys[i], &c->states[PF_BEFORE],
				&c->states[PF_AFTER]);
	return order;
}

static bool same_values(const struct pf_keyed_changes *c)
{
	for (size_t i = 0; i < c->of.columns->n; i++)
		if (compare(c->of.columns, (int)i, &c->states[PF_BEFORE],
			    &c->states[PF_AFTER]))
			return false;
	return true;
}

static void give(struct pf_keyed_changes *c, int state, enum pf_row_kind kind)
{
	const struct state *s = &c->states[state];
	pf_builder_append(c->out, &s->rows, s->at, 1);
	pf_col_i8(&c->out->columns[c->of.columns->n], (int8_t)kind);
}

/* One key more; *end: the part has none. */
static int step(struct pf_keyed_changes *c, bool *end, struct pf_error *err)
{
	struct state *before = &c->states[PF_BEFORE], *after = &c->states[PF_AFTER];
	bool old, now;
	PF_TRY(fetch(before, &old, err));
	PF_TRY(fetch(after, &now, err));
	*end = !old && !now;
	if (*end)
		return 0;
	int order = !old ? 1 : !now ? -1 : compare_keys(c);
	if (order < 0) {
		give(c, PF_BEFORE, PF_ROW_DELETE);
	} else if (order > 0) {
		give(c, PF_AFTER, PF_ROW_INSERT);
	} else if (!same_values(c)) {
		give(c, PF_BEFORE, PF_ROW_BEFORE);
		give(c, PF_AFTER, PF_ROW_AFTER);
	}
	before->at += order <= 0;
	after->at += order >= 0;
	return 0;
}

int pf_keyed_changes_next(struct pf_keyed_changes *c, struct pf_batch *rows,
			  int32_t *bucket, struct pf_error *err)
{
	pf_builder_reset(c->out);
	const struct pf_colbuf *kinds = &c->out->columns[c->of.columns->n];
	for (; c->at < c->parts.n; c->at++) {
		const struct pf_keyed_part *p = &c->parts.items[c->at];
		bool end = false;
		if (!c->open)
			PF_TRY(begin_part(c, err));
		*bucket = p->mixed ? INT32_MIN : p->bucket;
		while (!end && kinds->rows < GIVE_ROWS &&
		       (kinds->rows % 64 || pf_builder_bytes(c->out) < GIVE_BYTES))
			PF_TRY(step(c, &end, err));
		if (!end)
			break;
		end_part(c);
		if (kinds->rows) {
			c->at++;
			break;
		}
	}
	*rows = pf_builder_batch(c->out);
	return 0;
}

/* --- opening and closing --- */

static int hold(struct pf_keyed_changes *c, struct pf_error *err)
{
	const struct pf_snapshot *of[2] = { c->of.before, c->of.after };
	for (int s = PF_BEFORE; s <= PF_AFTER; s++) {
		PF_TRY(pf_table_files_new(c->of.table, of[s] ? of[s]->id : 0, c->of.counts,
					  &c->states[s].files, err));
		PF_TRY(pf_table_files_hold(c->states[s].files, &c->parts.lists[s], NULL,
					   NULL, err));
	}
	PF_TRY(pf_table_files_new(c->of.table, c->of.after ? c->of.after->id : 0, c->of.counts,
				  &c->hot_files, err));
	/* One that is gone is no harm. */
	int code = pf_table_files_hold(c->hot_files, &c->parts.hot, NULL, NULL, NULL);
	for (size_t i = 0; code && i < c->parts.n; i++)
		c->parts.items[i].hot = 0;
	return 0;
}

int pf_keyed_changes_open(const struct pf_keyed_changes_of *of,
			  struct pf_keyed_changes **changes, struct pf_error *err)
{
	struct pf_keyed_changes *c = pf_zalloc(1, sizeof *c);
	c->of = *of;
	c->rules = *of->rules;
	c->rules.compacted_only = false; /* only what is seen is read */
	c->wanted = (struct pf_wanted){ .schema = of->columns, .prune = of->prune,
					.memory = of->memory };
	c->wanted.filter = &c->filter;
	if (of->filter) {
		c->filter = *of->filter;
		c->filter.rows = NULL;
		c->filter.cap = 0;
		if (c->filter.nbounds > of->columns->n) /* the kind's */
			c->filter.nbounds = of->columns->n;
	}
	c->given = pf_schema_copy(of->columns);
	pf_schema_add(c->given, PF_KIND_COLUMN, (struct pf_type){ .kind = PF_TINYINT }, false);
	c->out = pf_builder_new(c->given);
	c->keys = pf_alloc(of->rules->nkeys + 1, sizeof *c->keys);
	int code = 0;
	for (size_t i = 0; i < of->rules->nkeys && !code; i++) {
		c->keys[i] = pf_schema_find(of->columns, of->rules->keys[i]);
		if (c->keys[i] < 0)
			code = pf_fail(err, PF_E_INTERNAL, "the key's '%s' is not read",
				       of->rules->keys[i]);
	}
	if (!code)
		code = pf_keyed_parts_find(of->table, of->rules, of->before, of->after,
					   of->prune, &c->parts, err);
	if (!code) {
		count_files(c);
		code = hold(c, err);
	}
	if (code) {
		pf_keyed_changes_close(c);
		return code;
	}
	*changes = c;
	return 0;
}

void pf_keyed_changes_close(struct pf_keyed_changes *c)
{
	if (!c)
		return;
	end_part(c);
	for (int s = PF_BEFORE; s <= PF_AFTER; s++)
		pf_table_files_free(c->states[s].files);
	pf_table_files_free(c->hot_files);
	pf_keyed_parts_free(&c->parts);
	free(c->filter.rows);
	free(c->keys);
	pf_schema_unref(c->given);
	pf_builder_free(c->out);
	free(c);
}

const struct pf_between *pf_keyed_changes_between(const struct pf_keyed_changes *c)
{
	return &c->parts.between;
}
