/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of a table with a primary key, looked through: its keys ascend and are
 * there once each (but in a changelog), they lie within the entry's first and last key, sequence numbers
 * lie where the entry says, as many rows take one away as it counts.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "paimon/internal.h"
#include "paimon/verify_internal.h"
#include "parquet/reader.h"

/* A file being looked through. */
struct keys {
	struct pf_verify *v;
	const struct pf_data_file *file;
	struct pf_parquet_file *parquet;
	struct pf_schema *schema; /* keys, sequence number, kind */
	int *ordinals;
	size_t nkeys;
	struct pf_builder *rows, *last;
	int64_t disorder, repeated, unnumbered, deletes;
};

#define PROBLEM(k, fmt, ...) \
	pf_verify_problem((k)->v, "'%s': " fmt, (k)->file->path, ##__VA_ARGS__)

static void add_column(struct keys *k, const char *name, const char *other,
		       struct pf_type type)
{
	int at = pf_parquet_find(k->parquet, name);
	if (at < 0 && other)
		at = pf_parquet_find(k->parquet, other);
	if (at < 0)
		PROBLEM(k, "column '%s' is missing", name);
	k->ordinals[k->schema->n] = at;
	pf_schema_add(k->schema, name, type, true);
}

static void choose_columns(struct keys *k)
{
	const struct pf_table_schema *s = k->file->schema;
	k->nkeys = s->layout.nkey;
	k->schema = pf_schema_new();
	k->ordinals = pf_alloc(k->nkeys + 2, sizeof *k->ordinals);
	for (size_t i = 0; i < k->nkeys; i++) {
		int f = pf_table_field_by_name(s, s->layout.key[i]);
		char *name = pf_asprintf("_KEY_%s", s->layout.key[i]);
		add_column(k, name, s->layout.key[i], s->fields[f].type);
		free(name);
	}
	add_column(k, PF_SEQUENCE_COLUMN, NULL, (struct pf_type){ .kind = PF_BIGINT });
	add_column(k, PF_KIND_COLUMN, NULL, (struct pf_type){ .kind = PF_TINYINT });
	k->rows = pf_builder_new(k->schema);
	k->last = pf_builder_new(k->schema);
}

static int compare(const struct keys *k, const struct pf_batch *a, int64_t row_a,
		   const struct pf_batch *b, int64_t row_b)
{
	int c = 0;
	for (size_t i = 0; i < k->nkeys && !c; i++)
		c = pf_key_cmp(k->schema->fields[i].type.kind, &a->columns[i], row_a,
			       &b->columns[i], row_b);
	return c;
}

/* Does the first key (sign -1) or the last one (1) lie within the bounds? They may
 * be wider: Paimon's writer names the last key that it has seen, also when that
 * row was a delete and has gone. */
static void check_key(struct keys *k, const struct pf_batch *b, int64_t row,
		      struct pf_view bound, int sign)
{
	int c = 0;
	bool sound = !pf_row_check(bound, k->nkeys, "a key", NULL);
	for (size_t i = 0; sound && i < k->nkeys && !c; i++) {
		struct pf_type type = k->schema->fields[i].type;
		struct pf_datum want, is = pf_datum_at(type, &b->columns[i], row);
		sound = !pf_row_get(bound, i, type, &want, NULL) && !want.null;
		c = sound ? pf_datum_cmp(&is, &want) : 0;
	}
	if (!sound)
		PROBLEM(k, "the entry has no %s key", sign < 0 ? "first" : "last");
	else if (c * sign > 0)
		PROBLEM(k, "its %s key lies outside of what the entry says",
			sign < 0 ? "first" : "last");
}

static bool has_nulls(struct keys *k, const struct pf_batch *b)
{
	for (size_t i = 0; i < k->schema->n; i++)
		if (b->columns[i].nulls) {
			PROBLEM(k, "rows without %s", k->schema->fields[i].name);
			return true;
		}
	return false;
}

static void check_rows(struct keys *k, const struct pf_batch *b)
{
	const struct pf_data_file *f = k->file;
	const int64_t *numbers = b->columns[k->nkeys].values;
	const int8_t *kinds = b->columns[k->nkeys + 1].values;
	struct pf_batch last = pf_builder_batch(k->last);
	for (int64_t r = 0; r < b->rows; r++) {
		int c = -1;
		if (r)
			c = compare(k, b, r - 1, b, r);
		else if (last.rows)
			c = compare(k, &last, 0, b, 0);
		k->repeated += c == 0;
		k->disorder += c > 0;
		k->unnumbered += numbers[r] < f->min_sequence ||
				 numbers[r] > f->max_sequence;
		k->deletes += pf_kind_retracts(kinds[r]);
	}
	if (!last.rows)
		check_key(k, b, 0, f->min_key, -1);
	pf_builder_reset(k->last);
	pf_builder_append(k->last, b, b->rows - 1, 1);
}

static void report(struct keys *k)
{
	const struct pf_data_file *f = k->file;
	struct pf_batch last = pf_builder_batch(k->last);
	if (last.rows)
		check_key(k, &last, 0, f->max_key, 1);
	if (k->disorder)
		PROBLEM(k, "%" PRId64 " keys stand before smaller ones", k->disorder);
	if (k->repeated && !k->v->changelog)
		PROBLEM(k, "%" PRId64 " keys are there more than once", k->repeated);
	if (k->unnumbered)
		PROBLEM(k, "%" PRId64 " sequence numbers are not among %" PRId64 " to %" PRId64
			", as the entry says", k->unnumbered, f->min_sequence,
			f->max_sequence);
	if (f->has_deletes && k->deletes != f->deletes)
		PROBLEM(k, "%" PRId64 " rows are deletes, the entry says %" PRId64,
			k->deletes, f->deletes);
}

int pf_verify_key(struct pf_verify *v, const struct pf_data_file *file,
		  struct pf_parquet_file *parquet, struct pf_error *err)
{
	struct keys k = { .v = v, .file = file, .parquet = parquet };
	int code = 0;
	if (!file->schema->nprimary_keys)
		return 0;
	choose_columns(&k);
	bool whole = true;
	for (size_t i = 0; i < k.schema->n; i++)
		whole &= k.ordinals[i] >= 0;
	for (size_t g = 0; whole && !code && g < pf_parquet_groups(parquet); g++) {
		pf_builder_reset(k.rows);
		code = pf_parquet_read(parquet, g, k.ordinals, k.schema->n, NULL, 0, k.rows,
				       err);
		struct pf_batch b = pf_builder_batch(k.rows);
		whole = !code && b.rows && !has_nulls(&k, &b);
		if (whole)
			check_rows(&k, &b);
	}
	if (whole && !code)
		report(&k);
	free(k.ordinals);
	pf_builder_free(k.rows);
	pf_builder_free(k.last);
	pf_schema_unref(k.schema);
	return code;
}
