/* SPDX-License-Identifier: Apache-2.0
 *
 * Schema.fbs: fields and types out of the metadata of a schema message.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arrow/flatbuf.h"
#include "arrow/ipc.h"
#include "base/alloc.h"
#include "base/utf8.h"

/* Metadata becomes C strings: what stands behind a NUL byte is cut off. */
static char *text_of(struct pf_view v)
{
	return pf_strndup(v.data ? (const char *)v.data : "", v.data ? v.len : 0);
}

int pf_arrow_meta_read(struct pf_fb_table table, unsigned slot, struct pf_meta *meta,
		       struct pf_error *err)
{
	struct pf_fb_vector pairs = pf_fb_vector(table, slot, 4);
	for (uint32_t i = 0; i < pairs.n; i++) {
		struct pf_fb_table pair = pf_fb_item(pairs, i);
		struct pf_view key = pf_fb_string(pair, 0);
		struct pf_view value = pf_fb_string(pair, 1);
		if (pairs.fb->bad)
			return pf_fail(err, PF_E_ARROW, "malformed metadata: %s",
				       pairs.fb->bad);
		meta->items = pf_realloc(meta->items, pf_add(meta->n, 1),
					 sizeof *meta->items);
		meta->items[meta->n++] =
			(struct pf_pair){ text_of(key), text_of(value) };
	}
	return 0;
}

/* --- types --- */

static int refuse(const struct pf_arrow_field *f, struct pf_error *err,
		  const char *what, int64_t value)
{
	return pf_fail(err, PF_E_ARROW, "column '%s': %s %lld is not legal", f->name,
		       what, (long long)value);
}

static bool one_of(int64_t value, int a, int b, int c, int d)
{
	return value == a || value == b || value == c || value == d;
}

static int read_int(struct pf_arrow_field *f, struct pf_fb_table t,
		    struct pf_error *err)
{
	f->width = (int32_t)pf_fb_int(t, 0, 4, 0);
	f->is_signed = pf_fb_int(t, 1, 1, 0) != 0;
	return one_of(f->width, 8, 16, 32, 64) ? 0 :
						 refuse(f, err, "integer width", f->width);
}

static int read_float(struct pf_arrow_field *f, struct pf_fb_table t,
		      struct pf_error *err)
{
	int64_t precision = pf_fb_int(t, 0, 2, 0);
	if (!one_of(precision, 0, 1, 2, 2))
		return refuse(f, err, "float precision", precision);
	f->width = 16 << precision;
	return 0;
}

static int read_decimal(struct pf_arrow_field *f, struct pf_fb_table t,
			struct pf_error *err)
{
	f->precision = (int32_t)pf_fb_int(t, 0, 4, 0);
	f->scale = (int32_t)pf_fb_int(t, 1, 4, 0);
	f->width = (int32_t)pf_fb_int(t, 2, 4, 128);
	if (!one_of(f->width, 32, 64, 128, 256))
		return refuse(f, err, "decimal width", f->width);
	int most = f->width == 32 ? 9 : f->width == 64 ? 18 : f->width == 128 ? 38 : 76;
	if (f->precision < 1 || f->precision > most)
		return refuse(f, err, "decimal precision", f->precision);
	return 0;
}

static int read_time(struct pf_arrow_field *f, struct pf_fb_table t,
		     struct pf_error *err)
{
	int64_t unit = pf_fb_int(t, 0, 2, PF_UNIT_MS);
	f->width = (int32_t)pf_fb_int(t, 1, 4, 32);
	f->unit = (int)unit;
	bool legal = f->width == 32 ? one_of(unit, PF_UNIT_S, PF_UNIT_MS, PF_UNIT_MS, 0) :
		     f->width == 64 ? one_of(unit, PF_UNIT_US, PF_UNIT_NS, PF_UNIT_US,
					     PF_UNIT_US) :
				      false;
	return legal ? 0 : refuse(f, err, "time unit", unit);
}

static int read_union(struct pf_arrow_field *f, struct pf_fb_table t,
		      struct pf_error *err)
{
	int64_t mode = pf_fb_int(t, 0, 2, 0);
	struct pf_fb_vector ids = pf_fb_vector(t, 1, 4);
	if (mode != 0 && mode != 1)
		return refuse(f, err, "union mode", mode);
	f->dense = mode == 1;
	memset(f->codes, -1, sizeof f->codes);
	if (f->n > 127 || (ids.items && ids.n != f->n))
		return refuse(f, err, "number of union type codes", ids.n);
	for (size_t i = 0; i < f->n; i++) {
		int64_t code = (int64_t)i;
		if (ids.items) {
			int32_t id;
			memcpy(&id, ids.items + 4 * i, sizeof id);
			code = id;
		}
		if (code < 0 || code > 127 || f->codes[code] >= 0)
			return refuse(f, err, "union type code", code);
		f->codes[code] = (int8_t)i;
	}
	return 0;
}

static int read_run_end(struct pf_arrow_field *f, struct pf_error *err)
{
	const struct pf_arrow_field *ends = f->children;
	if (ends->id != PF_ARROW_INT || !ends->is_signed || ends->width == 8 ||
	    ends->dictionary)
		return pf_fail(err, PF_E_ARROW,
			       "column '%s': run ends are not int16, int32 or int64",
			       f->name);
	return 0;
}

/* How many children a type has; -1: any number. */
static int arity(enum pf_arrow_id id)
{
	switch (id) {
	case PF_ARROW_STRUCT:
	case PF_ARROW_UNION:
		return -1;
	case PF_ARROW_LIST:
	case PF_ARROW_LARGE_LIST:
	case PF_ARROW_LIST_VIEW:
	case PF_ARROW_LARGE_LIST_VIEW:
	case PF_ARROW_FIXED_LIST:
	case PF_ARROW_MAP:
		return 1;
	case PF_ARROW_RUN_END:
		return 2;
	default:
		return 0;
	}
}

/* The type's own table; the children are there already. */
static int read_type(struct pf_arrow_field *f, struct pf_fb_table t,
		     struct pf_error *err)
{
	int children = arity(f->id);
	if (children >= 0 && f->n != (size_t)children)
		return refuse(f, err, "number of children", (int64_t)f->n);
	int64_t unit;
	switch (f->id) {
	case PF_ARROW_INT:
		return read_int(f, t, err);
	case PF_ARROW_FLOAT:
		return read_float(f, t, err);
	case PF_ARROW_DECIMAL:
		return read_decimal(f, t, err);
	case PF_ARROW_DATE:
		unit = pf_fb_int(t, 0, 2, 1);
		f->unit = unit ? PF_UNIT_MS : PF_UNIT_DAY;
		f->width = unit ? 64 : 32;
		return unit == 0 || unit == 1 ? 0 : refuse(f, err, "date unit", unit);
	case PF_ARROW_TIME:
		return read_time(f, t, err);
	case PF_ARROW_TIMESTAMP: {
		unit = pf_fb_int(t, 0, 2, PF_UNIT_S);
		f->unit = (int)unit;
		f->width = 64;
		struct pf_view zone = pf_fb_string(t, 1);
		if (zone.data && zone.len)
			f->zone = text_of(zone);
		return one_of(unit, 0, 1, 2, 3) ? 0 :
						  refuse(f, err, "timestamp unit", unit);
	}
	case PF_ARROW_DURATION:
		unit = pf_fb_int(t, 0, 2, PF_UNIT_MS);
		f->unit = (int)unit;
		f->width = 64;
		return one_of(unit, 0, 1, 2, 3) ? 0 :
						  refuse(f, err, "duration unit", unit);
	case PF_ARROW_INTERVAL:
		unit = pf_fb_int(t, 0, 2, 0);
		f->unit = (int)unit;
		f->width = unit == 0 ? 32 : unit == 1 ? 64 : 128;
		return one_of(unit, 0, 1, 2, 2) ? 0 :
						  refuse(f, err, "interval unit", unit);
	case PF_ARROW_UNION:
		return read_union(f, t, err);
	case PF_ARROW_FIXED_BINARY:
	case PF_ARROW_FIXED_LIST:
		f->width = (int32_t)pf_fb_int(t, 0, 4, 0);
		return f->width >= 0 ? 0 : refuse(f, err, "fixed size", f->width);
	case PF_ARROW_MAP:
		f->sorted = pf_fb_int(t, 0, 1, 0) != 0;
		if (f->children->id != PF_ARROW_STRUCT || f->children->n != 2)
			return pf_fail(err, PF_E_ARROW,
				       "column '%s': a map's entries are not pairs",
				       f->name);
		return 0;
	case PF_ARROW_RUN_END:
		return read_run_end(f, err);
	default:
		return 0;
	}
}

static int read_dictionary(struct pf_arrow_field *f, struct pf_fb_table field,
			   struct pf_error *err)
{
	struct pf_fb_table d = pf_fb_table(field, 4);
	if (!d.fb)
		return 0;
	struct pf_fb_table index = pf_fb_table(d, 1);
	f->dictionary = true;
	f->dictionary_id = pf_fb_int(d, 0, 8, 0);
	f->index_width = index.fb ? (int32_t)pf_fb_int(index, 0, 4, 0) : 32;
	f->index_signed = !index.fb || pf_fb_int(index, 1, 1, 0) != 0;
	f->ordered = pf_fb_int(d, 2, 1, 0) != 0;
	if (!one_of(f->index_width, 8, 16, 32, 64))
		return refuse(f, err, "index width", f->index_width);
	return 0;
}

/* --- fields --- */

static int read_fields(struct pf_fb_vector v, size_t depth, size_t *total,
		       struct pf_arrow_field **fields, size_t *n,
		       struct pf_error *err);

static int read_field(struct pf_fb_table t, size_t depth, size_t *total,
		      struct pf_arrow_field *f, struct pf_error *err)
{
	struct pf_view name = pf_fb_string(t, 0);
	if (name.data && (memchr(name.data, '\0', name.len) ||
			  !pf_utf8_valid(name.data, name.len)))
		return pf_fail(err, PF_E_ARROW, "a column's name is not text");
	f->name = text_of(name);
	f->nullable = pf_fb_int(t, 1, 1, 0) != 0;
	int64_t id = pf_fb_int(t, 2, 1, 0);
	struct pf_fb_vector children = pf_fb_vector(t, 5, 4);
	struct pf_fb_table type = pf_fb_table(t, 3);
	if (!t.fb || t.fb->bad)
		return pf_fail(err, PF_E_ARROW, "malformed schema: %s",
			       t.fb ? t.fb->bad : "a field is missing");
	if (id < PF_ARROW_NULL || id > PF_ARROW_LARGE_LIST_VIEW || !type.fb)
		return pf_fail(err, PF_E_ARROW, "column '%s' has an unknown type %lld",
			       f->name, (long long)id);
	f->id = (enum pf_arrow_id)id;
	PF_TRY(read_fields(children, depth + 1, total, &f->children, &f->n, err));
	PF_TRY(read_type(f, type, err));
	PF_TRY(read_dictionary(f, t, err));
	PF_TRY(pf_arrow_meta_read(t, 6, &f->meta, err));
	if (t.fb->bad)
		return pf_fail(err, PF_E_ARROW, "malformed schema: %s", t.fb->bad);
	return 0;
}

static int read_fields(struct pf_fb_vector v, size_t depth, size_t *total,
		       struct pf_arrow_field **fields, size_t *n, struct pf_error *err)
{
	/* Children may be shared between parents, so that a small message could
	 * name exponentially many: all are counted. */
	*total += v.n;
	if (v.n && depth >= PF_ARROW_DEPTH)
		return pf_fail(err, PF_E_ARROW, "columns are nested more than %d deep",
			       PF_ARROW_DEPTH);
	if (*total > PF_ARROW_FIELDS)
		return pf_fail(err, PF_E_ARROW, "the schema has more than %d fields",
			       PF_ARROW_FIELDS);
	*fields = pf_zalloc(v.n, sizeof **fields);
	*n = v.n;
	for (uint32_t i = 0; i < v.n; i++)
		PF_TRY(read_field(pf_fb_item(v, i), depth, total, &(*fields)[i], err));
	return 0;
}

int pf_arrow_schema_read(struct pf_fb_table header, struct pf_arrow_schema *schema,
			 struct pf_error *err)
{
	size_t total = 0;
	*schema = (struct pf_arrow_schema){ 0 };
	if (pf_fb_int(header, 0, 2, 0) != 0)
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "big-endian Arrow data is not supported");
	struct pf_fb_vector fields = pf_fb_vector(header, 1, 4);
	int code = read_fields(fields, 0, &total, &schema->fields, &schema->n, err);
	if (!code)
		code = pf_arrow_meta_read(header, 2, &schema->meta, err);
	if (!code && header.fb->bad)
		code = pf_fail(err, PF_E_ARROW, "malformed schema: %s", header.fb->bad);
	if (code)
		pf_arrow_schema_free(schema);
	return code;
}

static void free_fields(struct pf_arrow_field *fields, size_t n)
{
	for (size_t i = 0; fields && i < n; i++) {
		free_fields(fields[i].children, fields[i].n);
		free(fields[i].name);
		free(fields[i].zone);
		pf_meta_free(&fields[i].meta);
	}
	free(fields);
}

void pf_arrow_schema_free(struct pf_arrow_schema *schema)
{
	free_fields(schema->fields, schema->n);
	pf_meta_free(&schema->meta);
	*schema = (struct pf_arrow_schema){ 0 };
}

/* --- names --- */

static const char *const plain_names[] = {
	[PF_ARROW_NULL] = "null",
	[PF_ARROW_BINARY] = "binary",
	[PF_ARROW_UTF8] = "utf8",
	[PF_ARROW_BOOL] = "bool",
	[PF_ARROW_LIST] = "list",
	[PF_ARROW_STRUCT] = "struct",
	[PF_ARROW_MAP] = "map",
	[PF_ARROW_LARGE_BINARY] = "large_binary",
	[PF_ARROW_LARGE_UTF8] = "large_utf8",
	[PF_ARROW_LARGE_LIST] = "large_list",
	[PF_ARROW_RUN_END] = "run_end_encoded",
	[PF_ARROW_BINARY_VIEW] = "binary_view",
	[PF_ARROW_UTF8_VIEW] = "utf8_view",
	[PF_ARROW_LIST_VIEW] = "list_view",
	[PF_ARROW_LARGE_LIST_VIEW] = "large_list_view",
};
static const char *const unit_names[] = { "s", "ms", "us", "ns", "day" };
static const char *const interval_names[] = { "months", "day_time", "month_day_nano" };

static void name_type(const struct pf_arrow_field *f, struct pf_buf *out)
{
	if (f->dictionary)
		pf_buf_printf(out, "dictionary<%sint%d, ", f->index_signed ? "" : "u",
			      f->index_width);
	switch (f->id) {
	case PF_ARROW_INT:
		pf_buf_printf(out, "%sint%d", f->is_signed ? "" : "u", f->width);
		break;
	case PF_ARROW_FLOAT:
		pf_buf_printf(out, "float%d", f->width);
		break;
	case PF_ARROW_DECIMAL:
		pf_buf_printf(out, "decimal%d(%d, %d)", f->width, f->precision, f->scale);
		break;
	case PF_ARROW_DATE:
		pf_buf_printf(out, "date%d", f->width);
		break;
	case PF_ARROW_TIME:
		pf_buf_printf(out, "time%d[%s]", f->width, unit_names[f->unit]);
		break;
	case PF_ARROW_TIMESTAMP:
		pf_buf_printf(out, "timestamp[%s%s%s]", unit_names[f->unit],
			      f->zone ? ", " : "", f->zone ? f->zone : "");
		break;
	case PF_ARROW_DURATION:
		pf_buf_printf(out, "duration[%s]", unit_names[f->unit]);
		break;
	case PF_ARROW_INTERVAL:
		pf_buf_printf(out, "interval[%s]", interval_names[f->unit]);
		break;
	case PF_ARROW_UNION:
		pf_buf_str(out, f->dense ? "dense_union" : "sparse_union");
		break;
	case PF_ARROW_FIXED_BINARY:
		pf_buf_printf(out, "fixed_size_binary[%d]", f->width);
		break;
	case PF_ARROW_FIXED_LIST:
		pf_buf_printf(out, "fixed_size_list[%d]", f->width);
		break;
	default:
		pf_buf_str(out, plain_names[f->id]);
	}
	for (size_t i = 0; i < f->n && i < 8; i++) {
		pf_buf_str(out, i ? ", " : "<");
		if (f->id == PF_ARROW_STRUCT)
			pf_buf_printf(out, "%s: ", f->children[i].name);
		name_type(&f->children[i], out);
	}
	if (f->n)
		pf_buf_str(out, f->n > 8 ? ", ...>" : ">");
	if (f->dictionary)
		pf_buf_str(out, ">");
}

char *pf_arrow_type_name(const struct pf_arrow_field *field, char *out, size_t bytes)
{
	struct pf_buf name = { 0 };
	name_type(field, &name);
	pf_quote(out, bytes, name.data, name.len);
	pf_buf_free(&name);
	return out;
}
