/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/entry_internal.h"

#include "base/time.h"
#include "base/utf8.h"
#include "paimon/internal.h"

enum { STRING_CHARACTERS = 16 };

/* Parquet knows the unit of a time, not how many digits of it are used:
 * timestamp(0) comes back as timestamp(3). */
bool pf_entry_same_type(struct pf_type file, struct pf_type table)
{
	if (file.kind == table.kind && pf_kind_is_timestamp(file.kind))
		return pf_type_units(file) == pf_type_units(table);
	if (file.kind == PF_TIME)
		return table.kind == PF_TIME;
	return pf_type_equal(file, table);
}

int pf_entry_check(const struct pf_table_schema *s, const struct pf_parquet_file *file,
		   struct pf_error *err)
{
	size_t n = pf_parquet_columns(file), before = pf_entry_system_columns(s);
	PF_TRY(pf_entry_check_system(s, file, err));
	for (size_t i = 0; i < s->n && before + i < n; i++) {
		const struct pf_table_field *f = &s->fields[i];
		const struct pf_parquet_column *c = pf_parquet_column(file, before + i);
		char a[40], b[40];
		if (strcmp(c->name, f->name))
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column %zu is '%s' in the segment and '%s' in the table",
				       i + 1, c->name, f->name);
		if (c->refused || !pf_entry_same_type(c->type, f->type))
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column '%s' is %s in the segment and %s in the table",
				       f->name,
				       c->refused ? c->refused
						  : pf_type_name(c->type, a),
				       pf_type_name(f->type, b));
		if (c->id >= 0 && c->id != f->id)
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column '%s' has field id %d in the segment and %d in the table",
				       f->name, c->id, f->id);
		if (c->nullable && !f->nullable)
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column '%s' may be null in the segment but not in the table",
				       f->name);
	}
	if (n != before + s->n)
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "the segment has %zu columns, the table %zu", n, s->n);
	return 0;
}

/* --- statistics --- */

/* Bytes of the first so many characters; 0 and *ok false for what is no
 * UTF-8. */
static size_t prefix_bytes(struct pf_view v, size_t characters, bool *ok)
{
	size_t at = 0;
	*ok = pf_utf8_valid(v.data, v.len);
	while (*ok && at < v.len && characters--) {
		uint32_t cp;
		at += pf_utf8_decode(v.data + at, v.len - at, &cp);
	}
	return at;
}

static bool cut_min(struct pf_view *v)
{
	bool ok;
	v->len = prefix_bytes(*v, STRING_CHARACTERS, &ok);
	return ok;
}

/* The bound above: the prefix with its last character that can be made
 * greater made so, and what follows dropped. */
static bool cut_max(struct pf_view *v, struct pf_arena *arena)
{
	bool ok;
	size_t len = prefix_bytes(*v, STRING_CHARACTERS, &ok);
	if (!ok || len == v->len)
		return ok;
	while (len) {
		size_t at = len - 1;
		uint32_t cp;
		while (at && (v->data[at] & 0xc0) == 0x80)
			at--;
		pf_utf8_decode(v->data + at, len - at, &cp);
		cp = cp == 0xd7ff ? 0xe000 : cp + 1;
		if (cp <= 0x10ffff) {
			uint8_t *p = pf_arena_get(arena, at + 4, 1);
			if (at)
				memcpy(p, v->data, at);
			*v = pf_view_of(p, at + pf_utf8_encode(cp, p + at));
			return true;
		}
		len = at;
	}
	return false;
}

static struct pf_datum from_parquet(struct pf_type type,
				    const struct pf_parquet_value *v)
{
	struct pf_datum d = { .type = type };
	if (type.kind == PF_DECIMAL)
		d.dec = v->dec;
	else if (type.kind == PF_FLOAT || type.kind == PF_DOUBLE)
		d.d = v->d;
	else if (type.kind == PF_STRING)
		d.bytes = v->bytes;
	else
		d.i = v->i;
	return d;
}

/* As Paimon's extractor of Parquet statistics: bytes have no bounds, and floats
 * none when there is a NaN among them. To its readers NaN is the greatest of
 * all, and no bound that leaves it out would be one. */
void pf_entry_stats(const struct pf_parquet_file *file, size_t column,
		    struct pf_type type, struct pf_arena *arena,
		    struct pf_column_stats *out)
{
	struct pf_parquet_value min = { 0 }, max = { 0 };
	bool known = type.kind != PF_BYTES;
	out->min = out->max = (struct pf_datum){ .type = type, .null = true };
	out->nulls = 0;
	for (size_t g = 0; g < pf_parquet_groups(file); g++) {
		struct pf_parquet_stats s = pf_parquet_group_stats(file, g, column);
		if (s.null_count < 0)
			out->nulls = -1;
		else if (out->nulls >= 0)
			out->nulls += s.null_count;
		if (s.null_count >= 0 && s.null_count == s.rows)
			continue;
		known &= s.min.known && s.max.known && s.nan_count == 0;
		if (!known)
			continue;
		if (!min.known || pf_parquet_value_cmp(type.kind, &s.min, &min) < 0)
			min = s.min;
		if (!max.known || pf_parquet_value_cmp(type.kind, &s.max, &max) > 0)
			max = s.max;
	}
	if (!known || !min.known)
		return;
	struct pf_datum low = from_parquet(type, &min), high = from_parquet(type, &max);
	if (type.kind == PF_STRING &&
	    (!cut_min(&low.bytes) || !cut_max(&high.bytes, arena)))
		return;
	out->min = low;
	out->max = high;
}

void pf_entry_put_stats(const struct pf_parquet_file *file, size_t first,
			const struct pf_type *types, size_t n, struct pf_arena *arena,
			struct pf_stats *out)
{
	struct pf_datum *min = pf_arena_get(arena, n + 1, sizeof *min);
	struct pf_datum *max = pf_arena_get(arena, n + 1, sizeof *max);
	struct pf_buf row = { 0 };
	out->nulls = pf_arena_get(arena, n + 1, sizeof *out->nulls);
	out->n = n;
	for (size_t i = 0; i < n; i++) {
		struct pf_column_stats c;
		pf_entry_stats(file, first + i, types[i], arena, &c);
		min[i] = c.min;
		max[i] = c.max;
		out->nulls[i] = c.nulls;
	}
	pf_row_serialize(&row, min, n);
	out->min = pf_arena_copy(arena, row.data, row.len);
	row.len = 0;
	pf_row_serialize(&row, max, n);
	out->max = pf_arena_copy(arena, row.data, row.len);
	pf_buf_free(&row);
}

int pf_entry_make(const struct pf_table_schema *s, struct pf_parquet_file *file,
		  const struct pf_cell *cell, struct pf_arena *arena,
		  struct pf_data_file *e, struct pf_error *err)
{
	struct pf_buf row = { 0 };
	PF_TRY(pf_entry_check(s, file, err));
	pf_row_serialize(&row, NULL, 0);
	struct pf_view empty = pf_arena_copy(arena, row.data, row.len);
	struct pf_stats none = { .min = empty, .max = empty,
				 .nulls = pf_arena_zero(arena, 1, sizeof(int64_t)) };
	struct pf_datum dt = { .type = { .kind = PF_STRING },
			       .bytes = cell->partition };
	row.len = 0;
	pf_row_serialize(&row, &dt, s->npartition_keys);
	*e = (struct pf_data_file){
		.partition = pf_arena_copy(arena, row.data, row.len),
		.bucket = cell->bucket,
		.total_buckets = s->buckets,
		.rows = pf_parquet_rows(file),
		.min_key = empty,
		.max_key = empty,
		.key_stats = none,
		.schema_id = s->id,
		.has_created = true,
		.created_ms = pf_now_ms(),
		.has_deletes = true,
		.has_source = true,
		.schema = s,
	};
	pf_buf_free(&row);
	struct pf_type *types = pf_alloc(s->n + 1, sizeof *types);
	for (size_t i = 0; i < s->n; i++)
		types[i] = s->fields[i].type;
	pf_entry_put_stats(file, pf_entry_system_columns(s), types, s->n, arena,
			   &e->value_stats);
	free(types);
	return pf_entry_fill_key(s, file, arena, e, err);
}
