/* SPDX-License-Identifier: Apache-2.0
 *
 * What the manifest says about a file of a table with a primary key beyond its
 * columns' statistics: its first and last key in full, the statistics of the
 * key, how many of its rows take one away.
 */
#include "paimon/entry_internal.h"

enum { BATCH_ROWS = 65536 };

size_t pf_entry_system_columns(const struct pf_table_schema *s)
{
	return s->nprimary_keys ? s->layout.nkey + 2 : 0;
}

static const struct pf_table_field *key_field(const struct pf_table_schema *s, size_t i)
{
	return &s->fields[pf_table_field_by_name(s, s->layout.key[i])];
}

static int check_column(const struct pf_parquet_file *file, size_t at, const char *prefix,
			const char *name, struct pf_type type, struct pf_error *err)
{
	const struct pf_parquet_column *c =
		at < pf_parquet_columns(file) ? pf_parquet_column(file, at) : NULL;
	size_t len = strlen(prefix);
	if (c && !strncmp(c->name, prefix, len) && !strcmp(c->name + len, name) &&
	    !c->nullable && !c->refused && pf_entry_same_type(c->type, type))
		return 0;
	pf_fail(err, PF_E_SCHEMA_MISMATCH,
		"column %zu of the segment is not '%s%s', as the table's primary key needs it",
		at + 1, prefix, name);
	return pf_hint(err, "partition and pack the rows by the table's definition (-T)");
}

int pf_entry_check_system(const struct pf_table_schema *s,
			  const struct pf_parquet_file *file, struct pf_error *err)
{
	size_t n = s->layout.nkey;
	if (!s->nprimary_keys)
		return 0;
	for (size_t i = 0; i < n; i++)
		PF_TRY(check_column(file, i, "_KEY_", s->layout.key[i],
				    key_field(s, i)->type, err));
	PF_TRY(check_column(file, n, "", PF_SEQUENCE_COLUMN,
			    (struct pf_type){ .kind = PF_BIGINT }, err));
	return check_column(file, n + 1, "", PF_KIND_COLUMN,
			    (struct pf_type){ .kind = PF_TINYINT }, err);
}

/* One row's key as a serialized row in the arena. */
static int read_key(const struct pf_table_schema *s, struct pf_parquet_file *file,
		    size_t group, int64_t row, struct pf_arena *arena,
		    struct pf_view *out, struct pf_error *err)
{
	size_t n = s->layout.nkey;
	struct pf_schema *schema = pf_schema_new();
	int *columns = pf_alloc(n, sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		pf_schema_add(schema, s->layout.key[i], key_field(s, i)->type, false);
		columns[i] = (int)i;
	}
	struct pf_builder *b = pf_builder_new(schema);
	const struct pf_parquet_range range = { row, row + 1 };
	int code = pf_parquet_read(file, group, columns, n, &range, 1, b, err);
	if (!code) {
		struct pf_batch key = pf_builder_batch(b);
		struct pf_datum *values = pf_alloc(n, sizeof *values);
		struct pf_buf bytes = { 0 };
		for (size_t i = 0; i < n; i++)
			values[i] = pf_datum_at(schema->fields[i].type, &key.columns[i], 0);
		pf_row_serialize(&bytes, values, n);
		*out = pf_arena_copy(arena, bytes.data, bytes.len);
		pf_buf_free(&bytes);
		free(values);
	}
	pf_builder_free(b);
	pf_schema_unref(schema);
	free(columns);
	return code;
}

static int count_deletes(const struct pf_table_schema *s, struct pf_parquet_file *file,
			 int64_t *deletes, struct pf_error *err)
{
	int column = (int)s->layout.nkey + 1;
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, PF_KIND_COLUMN, (struct pf_type){ .kind = PF_TINYINT }, false);
	struct pf_builder *b = pf_builder_new(schema);
	int code = 0;
	*deletes = 0;
	for (size_t g = 0; g < pf_parquet_groups(file) && !code; g++) {
		int64_t rows = pf_parquet_group_rows(file, g);
		for (int64_t at = 0; at < rows && !code; at += BATCH_ROWS) {
			const struct pf_parquet_range range = {
				at, rows - at < BATCH_ROWS ? rows : at + BATCH_ROWS
			};
			pf_builder_reset(b);
			code = pf_parquet_read(file, g, &column, 1, &range, 1, b, err);
			struct pf_batch kinds = pf_builder_batch(b);
			const int8_t *v = kinds.columns[0].values;
			for (int64_t i = 0; !code && i < kinds.rows; i++)
				*deletes += pf_kind_retracts(v[i]);
		}
	}
	pf_builder_free(b);
	pf_schema_unref(schema);
	return code;
}

int pf_entry_fill_key(const struct pf_table_schema *s, struct pf_parquet_file *file,
		      struct pf_arena *arena, struct pf_data_file *e, struct pf_error *err)
{
	size_t n = s->layout.nkey, groups = pf_parquet_groups(file);
	if (!s->nprimary_keys)
		return 0;
	if (!e->rows)
		return pf_fail(err, PF_E_CORRUPT, "a segment without rows");
	PF_TRY(read_key(s, file, 0, 0, arena, &e->min_key, err));
	PF_TRY(read_key(s, file, groups - 1, pf_parquet_group_rows(file, groups - 1) - 1,
			arena, &e->max_key, err));
	struct pf_type *types = pf_alloc(n, sizeof *types);
	for (size_t i = 0; i < n; i++)
		types[i] = key_field(s, i)->type;
	pf_entry_put_stats(file, 0, types, n, arena, &e->key_stats);
	free(types);
	return count_deletes(s, file, &e->deletes, err);
}
