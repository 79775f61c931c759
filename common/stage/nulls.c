/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/nulls.h"

#include <inttypes.h>
#include <stdio.h>

#include "text/json_write.h"

/* The first column of a row that must not be null and is, or -1. */
static int bad_column(const struct pf_batch *b, int64_t row)
{
	for (size_t i = 0; i < b->schema->n; i++)
		if (!b->schema->fields[i].nullable && pf_is_null(&b->columns[i], row))
			return (int)i;
	return -1;
}

/* Bytes of strings and such in a row; the rest is the same for every row. */
static size_t variable_bytes(const struct pf_batch *b, int64_t row)
{
	size_t bytes = 0;
	for (size_t i = 0; i < b->schema->n; i++) {
		const struct pf_column *c = &b->columns[i];
		if (c->child)
			bytes += (size_t)(c->child->offsets[c->offsets[row + 1]] -
					  c->child->offsets[c->offsets[row]]);
		else if (c->offsets || c->offsets64)
			bytes += pf_bytes_at(c, row).len;
	}
	return bytes;
}

static bool too_large(const struct pf_nulls *n, const struct pf_batch *b, int64_t row,
		      char *reason, size_t reason_bytes)
{
	return n->limit.suspect_bytes && variable_bytes(b, row) >= n->limit.suspect_bytes &&
	       !n->limit.fits(n->limit.ctx, b, row, reason, reason_bytes);
}

static bool any_null(const struct pf_batch *b)
{
	for (size_t i = 0; i < b->schema->n; i++)
		if (!b->schema->fields[i].nullable && b->columns[i].nulls)
			return true;
	return false;
}

/* Why a row is refused: the reject's code, column and reason. */
static bool bad_row(const struct pf_nulls *n, const struct pf_batch *b, int64_t row,
		    struct pf_reject *x)
{
	int column = bad_column(b, row);
	if (column >= 0) {
		x->code = PF_E_NULL_VALUE;
		x->column = b->schema->fields[column].name;
		snprintf(x->reason, sizeof x->reason,
			 "null in column '%s', which must not be null", x->column);
		return true;
	}
	x->code = PF_E_ROW_SIZE;
	return too_large(n, b, row, x->reason, sizeof x->reason);
}

int pf_nulls_refuse(struct pf_nulls *n, const struct pf_batch *in, const char *file,
		    int64_t first_row,
		    int (*reject)(void *ctx, const struct pf_reject *reject,
				  struct pf_error *err),
		    void *ctx, struct pf_batch *out, struct pf_error *err)
{
	bool large = n->limit.suspect_bytes && pf_batch_bytes(in) >= n->limit.suspect_bytes;
	*out = *in;
	n->rejected = 0;
	if (!any_null(in) && !large)
		return 0;
	if (!n->builder) {
		n->builder = pf_builder_new((struct pf_schema *)in->schema);
		n->objects = pf_json_writer_new(in->schema, &(struct pf_json_style){ .spaced = true });
	}
	pf_builder_reset(n->builder);
	if (n->before)
		*n->before = n->builder;
	int64_t from = 0;
	int code = 0;
	for (int64_t r = 0; !code && r <= in->rows; r++) {
		struct pf_reject x = { .file = file, .line = (uint64_t)(first_row + r) };
		if (r < in->rows && !bad_row(n, in, r, &x))
			continue;
		pf_builder_append(n->builder, in, from, r - from);
		from = r + 1;
		if (r == in->rows)
			break;
		if (!reject) {
			code = pf_fail(err, x.code, "'%s', row %" PRIu64 ": %s", file, x.line,
				       x.reason);
			break;
		}
		n->row.len = 0;
		pf_json_writer_row(n->objects, in, r, &n->row);
		x.bytes = pf_view_of(n->row.data, n->row.len);
		n->rejected++;
		code = reject(ctx, &x, err);
	}
	*out = pf_builder_batch(n->builder);
	return code;
}

void pf_nulls_free(struct pf_nulls *n)
{
	pf_builder_free(n->builder);
	pf_json_writer_free(n->objects);
	pf_buf_free(&n->row);
	*n = (struct pf_nulls){ 0 };
}
