/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/alloc.h"
#include "keyed/fold_internal.h"

struct pf_keyed_fold {
	const struct pf_rules *rules;
	struct pf_schema *schema;
	bool keep_deletes;
	int *keys, *sequence;
	int number, kind; /* columns */
	pf_engine_fn *engine;
	const struct pf_column_rule **columns; /* NULL: the newest value */
	struct pf_keyed_value *values;
	struct pf_fold_group *groups;
	uint8_t *standing; /* by group */
	struct pf_builder *held; /* versions of the last key so far */
	struct pf_builder *out;
	/* Rows of a batch that go out as they are; gathered together. */
	uint32_t *picked;
	size_t n_picked, picked_cap;
	uint32_t *rows; /* of one key, in order */
	size_t rows_cap;
};

static int find_column(const struct pf_schema *s, const char *name, enum pf_kind kind,
		       int *at, struct pf_error *err)
{
	*at = pf_schema_find(s, name);
	if (*at < 0)
		return pf_fail(err, PF_E_INTERNAL, "versions have no column '%s'", name);
	if (s->fields[*at].type.kind != kind)
		return pf_fail(err, PF_E_INTERNAL, "'%s' is of another type", name);
	return 0;
}

static int find_columns(struct pf_keyed_fold *f, struct pf_error *err)
{
	const struct pf_rules *r = f->rules;
	f->keys = pf_alloc(r->nkeys + 1, sizeof *f->keys);
	f->sequence = pf_alloc(r->nsequence + 1, sizeof *f->sequence);
	PF_TRY(find_column(f->schema, PF_SEQUENCE_COLUMN, PF_BIGINT, &f->number, err));
	PF_TRY(find_column(f->schema, PF_KIND_COLUMN, PF_TINYINT, &f->kind, err));
	for (size_t i = 0; i < r->nkeys; i++) {
		f->keys[i] = pf_schema_find(f->schema, r->keys[i]);
		if (f->keys[i] < 0)
			return pf_fail(err, PF_E_INTERNAL, "versions have no key '%s'",
				       r->keys[i]);
	}
	for (size_t i = 0; i < r->nsequence; i++) {
		f->sequence[i] = pf_schema_find(f->schema, r->sequence[i]);
		if (f->sequence[i] < 0)
			return pf_fail(err, PF_E_INTERNAL, "versions have no column '%s'",
				       r->sequence[i]);
	}
	return 0;
}

/* Which rule goes for which column. */
static void find_rules(struct pf_keyed_fold *f)
{
	for (size_t i = 0; i < f->rules->ncolumns; i++) {
		const struct pf_column_rule *r = &f->rules->columns[i];
		int at = r->rule.column ? pf_schema_find(f->schema, r->rule.column) : -1;
		if (at >= 0)
			f->columns[at] = r;
	}
}

/* Where the fields are that order groups; of groups none of whose columns is
 * wanted they need not be there. */
static int find_groups(struct pf_keyed_fold *f, struct pf_error *err)
{
	const struct pf_rules *r = f->rules;
	f->groups = pf_zalloc(r->ngroups + 1, sizeof *f->groups);
	f->standing = pf_zalloc(r->ngroups + 1, sizeof *f->standing);
	for (size_t g = 0; g < r->ngroups; g++) {
		const struct pf_sequence_group *from = &r->groups[g];
		bool used = from->removes;
		for (size_t c = 0; c < f->schema->n; c++)
			used |= f->columns[c] && f->columns[c]->group == g + 1;
		f->groups[g].removes = from->removes;
		f->groups[g].fields = pf_alloc(from->n + 1, sizeof *f->groups[g].fields);
		for (size_t i = 0; i < from->n && used; i++) {
			int at = pf_schema_find(f->schema, from->fields[i]);
			if (at < 0)
				return pf_fail(err, PF_E_INTERNAL,
					       "versions have no column '%s'", from->fields[i]);
			f->groups[g].fields[f->groups[g].n++] = at;
		}
	}
	return 0;
}

int pf_keyed_fold_new(const struct pf_rules *rules, struct pf_schema *versions,
		bool keep_deletes, struct pf_keyed_fold **fold, struct pf_error *err)
{
	struct pf_keyed_fold *f = pf_zalloc(1, sizeof *f);
	f->rules = rules;
	f->schema = pf_schema_ref(versions);
	f->keep_deletes = keep_deletes;
	f->engine = pf_engine_of(rules->engine);
	f->held = pf_builder_new(versions);
	f->out = pf_builder_new(versions);
	f->columns = pf_zalloc(versions->n + 1, sizeof *f->columns);
	f->values = pf_zalloc(versions->n + 1, sizeof *f->values);
	find_rules(f);
	int code = find_columns(f, err);
	if (!code)
		code = find_groups(f, err);
	if (code) {
		pf_keyed_fold_free(f);
		f = NULL;
	}
	*fold = f;
	return code;
}

void pf_keyed_fold_free(struct pf_keyed_fold *f)
{
	if (!f)
		return;
	for (size_t c = 0; c < f->schema->n; c++)
		pf_keyed_value_free(&f->values[c]);
	for (size_t g = 0; g < f->rules->ngroups && f->groups; g++)
		free(f->groups[g].fields);
	free(f->groups);
	free(f->standing);
	pf_schema_unref(f->schema);
	pf_builder_free(f->held);
	pf_builder_free(f->out);
	free(f->columns);
	free(f->values);
	free(f->keys);
	free(f->sequence);
	free(f->picked);
	free(f->rows);
	free(f);
}

/* --- order --- */

static bool same_key(const struct pf_keyed_fold *f, const struct pf_batch *a, int64_t row_a,
		     const struct pf_batch *b, int64_t row_b)
{
	/* The last column of a key differs most often. */
	for (size_t i = f->rules->nkeys; i--;) {
		int k = f->keys[i];
		if (pf_key_cmp(f->schema->fields[k].type.kind, &a->columns[k], row_a,
			       &b->columns[k], row_b))
			return false;
	}
	return true;
}

static int8_t kind_at(const struct pf_keyed_fold *f, const struct pf_batch *b, int64_t row)
{
	return ((const int8_t *)b->columns[f->kind].values)[row];
}

/* Is a version older than another one of its key? */
static bool is_older(const struct pf_keyed_fold *f, const struct pf_batch *b, uint32_t x,
		     uint32_t y)
{
	for (size_t i = 0; i < f->rules->nsequence; i++) {
		int s = f->sequence[i];
		const struct pf_column *c = &b->columns[s];
		bool no_x = pf_is_null(c, x), no_y = pf_is_null(c, y);
		if (no_x || no_y) {
			if (no_x != no_y)
				return no_x;
			continue;
		}
		int order = pf_key_cmp(f->schema->fields[s].type.kind, c, x, c, y);
		if (order)
			return f->rules->sequence_descends ? order > 0 : order < 0;
	}
	const int64_t *number = b->columns[f->number].values;
	if (number[x] != number[y])
		return number[x] < number[y];
	return pf_kind_retracts(kind_at(f, b, x)) && !pf_kind_retracts(kind_at(f, b, y));
}

/* Two neighbouring runs of rows, [0, half) and [half, n), become one; an equal
 * row of the first comes first. */
static void join_runs(const struct pf_keyed_fold *f, const struct pf_batch *b,
		      const uint32_t *in, size_t half, size_t n, uint32_t *out)
{
	size_t x = 0, y = half;
	for (size_t i = 0; i < n; i++) {
		bool second = x == half || (y < n && is_older(f, b, in[y], in[x]));
		out[i] = second ? in[y++] : in[x++];
	}
}

/* Versions of a key are few mostly, as many as there are sorted runs; of rows on
 * their way into a table there may be many, which came in order mostly. */
static const uint32_t *in_order(struct pf_keyed_fold *f, const struct pf_batch *b, int64_t from,
				size_t n)
{
	if (2 * n > f->rows_cap) {
		f->rows_cap = pf_grow(f->rows_cap, 2 * n);
		f->rows = pf_realloc(f->rows, f->rows_cap, sizeof *f->rows);
	}
	uint32_t *rows = f->rows, *spare = f->rows + n;
	bool sorted = true;
	for (size_t i = 0; i < n; i++) {
		rows[i] = (uint32_t)(from + (int64_t)i);
		sorted = sorted && (!i || !is_older(f, b, rows[i], rows[i - 1]));
	}
	for (size_t width = 1; width < n && !sorted; width *= 2) {
		for (size_t i = 0; i < n; i += 2 * width) {
			size_t here = n - i < 2 * width ? n - i : 2 * width;
			join_runs(f, b, rows + i, here < width ? here : width, here, spare + i);
		}
		uint32_t *swap = rows;
		rows = spare;
		spare = swap;
	}
	return rows;
}

/* --- rows --- */

static void flush(struct pf_keyed_fold *f, const struct pf_batch *b)
{
	if (f->n_picked)
		pf_builder_gather(f->out, b, f->picked, f->n_picked);
	f->n_picked = 0;
}

static void pick(struct pf_keyed_fold *f, int64_t row)
{
	if (f->n_picked == f->picked_cap) {
		f->picked_cap = pf_grow(f->picked_cap, f->n_picked + 1);
		f->picked = pf_realloc(f->picked, f->picked_cap, sizeof *f->picked);
	}
	f->picked[f->n_picked++] = (uint32_t)row;
}

static void append_value(struct pf_colbuf *to, const struct pf_datum *v)
{
	if (v->null)
		pf_col_null(to);
	else if (v->type.kind == PF_BOOLEAN)
		pf_col_bool(to, v->i != 0);
	else if (v->type.kind == PF_FLOAT)
		pf_col_f32(to, (float)v->d);
	else if (v->type.kind == PF_DOUBLE)
		pf_col_f64(to, v->d);
	else if (v->type.kind == PF_DECIMAL)
		pf_col_i128(to, v->dec);
	else if (v->type.kind == PF_STRING || v->type.kind == PF_BYTES)
		pf_col_bytes(to, v->bytes.data, v->bytes.len);
	else
		pf_col_int(to, v->i);
}

static void append_values(struct pf_keyed_fold *f, const struct pf_versions *v)
{
	const int64_t *number = v->batch->columns[f->number].values;
	for (size_t c = 0; c < f->schema->n; c++) {
		if ((int)c == f->number)
			pf_col_i64(&f->out->columns[c], number[v->rows[v->n - 1]]);
		else if ((int)c == f->kind)
			pf_col_i8(&f->out->columns[c], v->kind);
		else
			append_value(&f->out->columns[c], &v->values[c].now);
	}
}

/* The versions [from, from + n) of a batch are those of one key. */
static int fold_key(struct pf_keyed_fold *f, const struct pf_batch *b, int64_t from, size_t n,
		    struct pf_error *err)
{
	struct pf_versions v = { .batch = b, .n = n, .rules = f->rules, .row = from };
	v.kinds = b->columns[f->kind].values;
	v.values = f->values;
	v.columns = f->columns;
	v.groups = f->groups;
	v.standing = f->standing;
	v.kind = v.kinds[from];
	if (n > 1) {
		v.rows = in_order(f, b, from, n);
		PF_TRY(f->engine(&v, err));
	}
	if (v.nothing || (!f->keep_deletes && pf_kind_retracts(v.kind)))
		return 0;
	if (v.row >= 0) {
		pick(f, v.row);
		return 0;
	}
	flush(f, b);
	append_values(f, &v);
	return 0;
}

static int64_t key_end(const struct pf_keyed_fold *f, const struct pf_batch *b, int64_t from)
{
	int64_t to = from + 1;
	while (to < b->rows && same_key(f, b, from, b, to))
		to++;
	return to;
}

/* The versions that wait, completed by the first of a batch. *from: those. */
static int finish_held(struct pf_keyed_fold *f, const struct pf_batch *b, bool end,
		       int64_t *from, struct pf_error *err)
{
	struct pf_batch held = pf_builder_batch(f->held);
	*from = 0;
	if (!held.rows)
		return 0;
	while (*from < b->rows && same_key(f, &held, 0, b, *from))
		++*from;
	if (*from) {
		pf_builder_append(f->held, b, 0, *from);
		held = pf_builder_batch(f->held);
	}
	if (*from == b->rows && !end)
		return 0;
	PF_TRY(fold_key(f, &held, 0, (size_t)held.rows, err));
	flush(f, &held);
	pf_builder_reset(f->held);
	return 0;
}

int pf_keyed_fold_add(struct pf_keyed_fold *f, const struct pf_batch *b, bool end,
		struct pf_batch *rows, struct pf_error *err)
{
	int64_t from;
	pf_builder_reset(f->out);
	PF_TRY(finish_held(f, b, end, &from, err));
	while (from < b->rows) {
		int64_t to = key_end(f, b, from);
		if (to == b->rows && !end) {
			pf_builder_append(f->held, b, from, to - from);
			break;
		}
		PF_TRY(fold_key(f, b, from, (size_t)(to - from), err));
		from = to;
	}
	flush(f, b);
	*rows = pf_builder_batch(f->out);
	return 0;
}
