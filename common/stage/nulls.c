/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/nulls.h"

#include <inttypes.h>
#include <stdio.h>

#include "text/writer.h"

/* The first column of a row that must not be null and is, or -1. */
static int bad_column(const struct pf_batch *b, int64_t row)
{
	for (size_t i = 0; i < b->schema->n; i++)
		if (!b->schema->fields[i].nullable && pf_is_null(&b->columns[i], row))
			return (int)i;
	return -1;
}

static bool any_null(const struct pf_batch *b)
{
	for (size_t i = 0; i < b->schema->n; i++)
		if (!b->schema->fields[i].nullable && b->columns[i].nulls)
			return true;
	return false;
}

static void row_as_json(const struct pf_batch *b, int64_t row, struct pf_buf *out)
{
	out->len = 0;
	for (size_t i = 0; i < b->schema->n; i++) {
		const struct pf_field *f = &b->schema->fields[i];
		pf_buf_str(out, i ? ", " : "{");
		pf_format_json_string(out, f->name, strlen(f->name));
		pf_buf_str(out, ": ");
		if (pf_is_null(&b->columns[i], row))
			pf_buf_str(out, "null");
		else
			pf_format_value(out, f->type, &b->columns[i], row,
					PF_VALUE_JSON, NULL);
	}
	pf_buf_byte(out, '}');
}

int pf_nulls_refuse(struct pf_nulls *n, const struct pf_batch *in, const char *file,
		    int64_t first_row,
		    int (*reject)(void *ctx, const struct pf_reject *reject,
				  struct pf_error *err),
		    void *ctx, struct pf_batch *out, struct pf_error *err)
{
	*out = *in;
	n->rejected = 0;
	if (!any_null(in))
		return 0;
	if (!n->builder)
		n->builder = pf_builder_new((struct pf_schema *)in->schema);
	pf_builder_reset(n->builder);
	if (n->before)
		*n->before = n->builder;
	int64_t from = 0;
	int code = 0;
	for (int64_t r = 0; r <= in->rows; r++) {
		int column = r < in->rows ? bad_column(in, r) : -1;
		if (r < in->rows && column < 0)
			continue;
		pf_builder_append(n->builder, in, from, r - from);
		from = r + 1;
		if (r == in->rows)
			break;
		const char *name = in->schema->fields[column].name;
		if (!reject) {
			code = pf_fail(err, PF_E_NULL_VALUE,
				       "'%s', row %" PRId64
				       ": null in column '%s', which must not be null",
				       file, first_row + r, name);
			break;
		}
		struct pf_reject x = { .code = PF_E_NULL_VALUE, .file = file,
				       .line = (uint64_t)(first_row + r),
				       .column = name };
		row_as_json(in, r, &n->row);
		x.bytes = pf_view_of(n->row.data, n->row.len);
		snprintf(x.reason, sizeof x.reason, "null, which column '%s' must not be",
			 name);
		n->rejected++;
		code = reject(ctx, &x, err);
		if (code)
			break;
	}
	*out = pf_builder_batch(n->builder);
	return code;
}

void pf_nulls_free(struct pf_nulls *n)
{
	pf_builder_free(n->builder);
	pf_buf_free(&n->row);
	*n = (struct pf_nulls){ 0 };
}
