/* SPDX-License-Identifier: Apache-2.0
 *
 * What changed in a table from one snapshot to another, as a source: with the
 * kind of each change as the last column, or only the rows that are new or
 * other than they were.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "query/file_changes.h"
#include "query/keyed_changes.h"
#include "query/keyed_scan.h"
#include "query/list.h"
#include "query/source.h"

struct changes_source {
	struct pf_source s;
	struct pf_between_options options;
	struct pf_table *table;
	struct pf_snapshot *ends[2];
	struct pf_rules *rules;   /* of a table with a primary key, or NULL */
	struct pf_schema *columns; /* wanted ones first, then all others */
	struct pf_filter keys;    /* conditions on the key alone */
	struct pf_keyed_changes *keyed;
	struct pf_file_changes *files;
	size_t nwanted;           /* without the kind */
	int kind;                 /* of the wanted columns; -1: not asked for */
	const struct pf_schema *wanted;
	struct pf_column *shown;
	struct pf_builder *kept;
	struct pf_colbuf kinds;
	uint32_t *rows;
	size_t cap;
};

static void release(struct changes_source *s)
{
	pf_keyed_changes_close(s->keyed);
	pf_file_changes_close(s->files);
	s->keyed = NULL;
	s->files = NULL;
	pf_key_filter_free(&s->keys);
	pf_schema_unref(s->columns);
	s->columns = NULL;
	pf_builder_free(s->kept);
	s->kept = NULL;
}

/* --- which snapshots --- */

static int find_ends(struct changes_source *s, struct pf_error *err)
{
	const struct pf_between_options *o = &s->options;
	const char *name = s->s.name;
	if (!o->from_nothing)
		PF_TRY(pf_find_snapshot(s->table, &o->from, &s->ends[PF_BEFORE], err));
	PF_TRY(pf_find_snapshot(s->table, &o->to, &s->ends[PF_AFTER], err));
	const struct pf_snapshot *a = s->ends[PF_BEFORE], *b = s->ends[PF_AFTER];
	if (a && b && a->id > b->id) {
		pf_fail(err, PF_E_USAGE, "--between: snapshot %lld of '%s' is newer than %lld",
			(long long)a->id, name, (long long)b->id);
		return pf_hint(err, "the older one comes first");
	}
	return b ? pf_table_travel(s->table, b->schema_id, err) : 0;
}

/* --- reading --- */

/* Wanted columns first, as conditions are bound to them. */
static void choose_columns(struct changes_source *s, const struct pf_schema *wanted)
{
	const struct pf_schema *all = pf_table_schema(s->table)->columns;
	s->kind = pf_schema_find(wanted, PF_KIND_COLUMN);
	s->columns = pf_schema_new();
	for (int pass = 0; pass < 2; pass++) {
		const struct pf_schema *of = pass ? all : wanted;
		for (size_t i = 0; i < of->n; i++) {
			const struct pf_field *f = &of->fields[i];
			if ((pass ? pf_schema_find(s->columns, f->name) >= 0 :
				    (int)i == s->kind))
				continue;
			pf_schema_add(s->columns, f->name, f->type, true)->id = f->id;
		}
		if (!pass)
			s->nwanted = s->columns->n;
	}
}

static int start(struct pf_source *source, const struct pf_wanted *w, struct pf_error *err)
{
	struct changes_source *s = (struct changes_source *)source;
	int *own = pf_alloc(w->schema->n + 1, sizeof *own);
	release(s);
	int code = pf_source_columns(source, w->schema, own, err);
	free(own);
	PF_TRY(code);
	s->wanted = w->schema;
	choose_columns(s, w->schema);
	s->shown = pf_realloc(s->shown, w->schema->n + 1, sizeof *s->shown);
	s->kept = pf_builder_new(s->columns);
	source->counts = (struct pf_scan_counts){ 0 };
	source->snapshot = s->ends[PF_AFTER] ? s->ends[PF_AFTER]->id : 0;
	if (!s->rules) {
		const struct pf_file_changes_of of = {
			.table = s->table, .before = s->ends[PF_BEFORE],
			.after = s->ends[PF_AFTER], .columns = s->columns,
			.needed = s->nwanted, .memory = w->memory, .counts = &source->counts };
		return pf_file_changes_open(&of, &s->files, err);
	}
	s->keys = pf_key_filter(w->filter, w->schema, pf_table_schema(s->table));
	const struct pf_keyed_changes_of of = {
		.table = s->table, .rules = s->rules, .before = s->ends[PF_BEFORE],
		.after = s->ends[PF_AFTER], .columns = s->columns, .filter = &s->keys,
		.prune = w->prune, .memory = w->memory, .counts = &source->counts };
	return pf_keyed_changes_open(&of, &s->keyed, err);
}

static int next_files(struct changes_source *s, struct pf_batch *rows, struct pf_error *err)
{
	enum pf_row_kind kind;
	do {
		PF_TRY(pf_file_changes_next(s->files, rows, &kind, err));
	} while (rows->rows && kind == PF_ROW_DELETE && !s->options.changelog);
	pf_colbuf_reset(&s->kinds);
	for (int64_t i = 0; i < rows->rows; i++)
		pf_col_i8(&s->kinds, (int8_t)kind);
	return 0;
}

/* Without a kind beside them, rows that are gone say nothing. */
static void keep_new(struct changes_source *s, struct pf_batch *rows)
{
	const int8_t *kinds = rows->columns[s->columns->n].values;
	size_t n = 0;
	if ((size_t)rows->rows > s->cap) {
		s->cap = pf_grow(s->cap, (size_t)rows->rows);
		s->rows = pf_realloc(s->rows, s->cap, sizeof *s->rows);
	}
	for (int64_t i = 0; i < rows->rows; i++)
		if (!pf_kind_retracts(kinds[i]))
			s->rows[n++] = (uint32_t)i;
	pf_builder_reset(s->kept);
	if (n)
		pf_builder_gather(s->kept, rows, s->rows, n);
	*rows = pf_builder_batch(s->kept);
}

static int next_keyed(struct changes_source *s, struct pf_batch *rows, struct pf_error *err)
{
	int32_t bucket;
	for (;;) {
		PF_TRY(pf_keyed_changes_next(s->keyed, rows, &bucket, err));
		if (!rows->rows || s->options.changelog)
			return 0;
		keep_new(s, rows);
		if (rows->rows)
			return 0;
	}
}

static int next(struct pf_source *source, struct pf_batch *batch, struct pf_error *err)
{
	struct changes_source *s = (struct changes_source *)source;
	struct pf_batch rows;
	int64_t matched = source->counts.matched;
	int code = s->keyed ? next_keyed(s, &rows, err) : next_files(s, &rows, err);
	source->counts.matched = matched; /* rows, not yet changes */
	batch->rows = 0;
	if (code)
		return pf_context(err, "'%s'", source->name);
	if (!rows.rows)
		return 0;
	for (size_t i = 0; i < s->nwanted; i++)
		s->shown[i + (s->kind >= 0 && (int)i >= s->kind)] = rows.columns[i];
	if (s->kind >= 0)
		s->shown[s->kind] = s->keyed ? rows.columns[s->columns->n] :
					       pf_colbuf_view(&s->kinds);
	*batch = (struct pf_batch){ .schema = s->wanted, .rows = rows.rows,
				   .columns = s->shown };
	return 0;
}

static void close_source(struct pf_source *source)
{
	struct changes_source *s = (struct changes_source *)source;
	release(s);
	pf_snapshot_free(s->ends[PF_BEFORE]);
	pf_snapshot_free(s->ends[PF_AFTER]);
	pf_rules_free(s->rules);
	pf_table_close(s->table);
	pf_colbuf_free(&s->kinds);
	free(s->shown);
	free(s->rows);
	free(s);
}

static const struct pf_source_ops changes_ops = { .start = start, .next = next,
						  .close = close_source };

static int open_table(struct changes_source *s, struct pf_error *err)
{
	PF_TRY(pf_table_open(s->s.name, &s->table, err));
	PF_TRY(find_ends(s, err));
	const struct pf_table_schema *t = pf_table_schema(s->table);
	PF_TRY(pf_table_readable(t, err));
	return t->nprimary_keys ? pf_rules_read(t, &s->rules, err) : 0;
}

int pf_source_changes(const char *path, const struct pf_between_options *options,
		      struct pf_source **out, struct pf_error *err)
{
	struct changes_source *s = pf_zalloc(1, sizeof *s);
	s->s = (struct pf_source){ .ops = &changes_ops, .name = pf_strdup(path),
				   .kind = "table" };
	s->options = *options;
	s->kinds.kind = PF_TINYINT;
	int code = open_table(s, err);
	if (code) {
		pf_source_close(&s->s);
		return code;
	}
	struct pf_error why = { 0 };
	if (pf_table_all_known(pf_table_schema(s->table), &why))
		s->s.left_out = pf_strdup(why.message);
	s->s.schema = pf_schema_copy(pf_table_schema(s->table)->columns);
	if (options->changelog) {
		struct pf_field *f = pf_schema_add(s->s.schema, PF_KIND_COLUMN,
						   (struct pf_type){ .kind = PF_TINYINT },
						   false);
		pf_meta_set(&f->meta, PF_KIND_META, "paimon");
	}
	*out = &s->s;
	return 0;
}
