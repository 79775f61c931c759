/* SPDX-License-Identifier: Apache-2.0
 *
 * distinct and hist: how often each value was seen. Counts make both exact
 * under subtraction, too. hist puts numbers into bins of a width; a bin is
 * named by its lower end, bins without values are not shown.
 */
#include "window/agg_kinds.h"

#include <math.h>
#include <stdlib.h>

#include "arrow/value_text.h"
#include "base/alloc.h"
#include "expr/datum.h"
#include "window/agg_table.h"

struct sets {
	struct pf_agg_table table;
	struct pf_buf key;
};

/* What a value is counted as. */
struct bins {
	bool binned;
	pf_i128 width;        /* of integers and decimals, in their unit */
	double real_width;
	struct pf_type type;  /* of what is counted: BIGINT for numbers of bins */
	struct pf_type shown; /* decimal: the bin's number times the width */
};

static int distinct_bind(struct pf_agg *a, struct pf_error *err)
{
	struct bins *b = pf_zalloc(1, sizeof *b);
	(void)err;
	b->type = b->shown = a->types[0];
	a->own = b;
	a->result = (struct pf_type){ .kind = PF_BIGINT };
	a->algebra = PF_ALGEBRA_INVERTIBLE;
	pf_agg_state_column(a, "", (struct pf_type){ .kind = PF_BYTES });
	return 0;
}

static int hist_bind(struct pf_agg *a, struct pf_error *err)
{
	char quoted[80];
	struct pf_type t = a->types[0];
	struct pf_datum width;
	PF_TRY(distinct_bind(a, err));
	struct bins *b = a->own;
	a->result = (struct pf_type){ .kind = PF_STRING };
	if (!a->nparams)
		return 0;
	if (!pf_agg_is_number(t))
		return pf_agg_fail_number(a, err);
	/* A decimal of as many digits as it was written with. */
	const char *text = a->params[0], *dot = strchr(text, '.');
	struct pf_type as = { PF_DECIMAL, 38, 0 };
	as.scale = dot && strlen(dot + 1) < 38 ? (uint8_t)strlen(dot + 1) : 0;
	if (!pf_agg_is_real(t))
		as.scale = t.kind == PF_DECIMAL ? t.scale : 0;
	if (pf_datum_parse(as, text, strlen(text), NULL, &width, NULL) || width.dec <= 0)
		return pf_fail(err, PF_E_USAGE, "'%s' is no width of bins of %s",
			       pf_quote(quoted, sizeof quoted, text, strlen(text)), a->name);
	b->binned = true;
	b->width = width.dec;
	b->real_width = (double)width.dec / pf_agg_unit(as);
	b->type = (struct pf_type){ .kind = PF_BIGINT };
	b->shown = as;
	return 0;
}

static void count_bytes(struct pf_agg_states *s)
{
	struct sets *d = s->data;
	s->bytes = sizeof *d + pf_agg_table_bytes(&d->table) + d->key.cap;
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	if (!s->data)
		s->data = pf_zalloc(1, sizeof(struct sets));
	struct sets *d = s->data;
	pf_agg_table_reserve(&d->table, n);
	s->n = n > s->n ? n : s->n;
	count_bytes(s);
}

static void clear(struct pf_agg_states *s)
{
	struct sets *d = s->data;
	pf_agg_table_clear(&d->table);
	s->n = 0;
}

static void release(struct pf_agg_states *s)
{
	struct sets *d = s->data;
	if (d) {
		pf_agg_table_free(&d->table);
		pf_buf_free(&d->key);
	}
	free(d);
}

/* Its lower end in units of the width; of a damaged state it may be anything. */
static pf_i128 lower_end(const struct bins *b, int64_t bin)
{
	return (pf_i128)((pf_u128)bin * (pf_u128)b->width);
}

/* The bin of a number; false: it has none (NaN, beyond 64 bits) or its lower
 * end cannot be said. */
static bool bin_of(const struct bins *b, struct pf_type t, const struct pf_column *c,
		   int64_t row, int64_t *bin)
{
	pf_i128 low;
	if (pf_agg_is_real(t)) {
		double d = floor(pf_agg_real_at(t, c, row) / b->real_width);
		if (!(d >= -9e18 && d <= 9e18))
			return false;
		*bin = (int64_t)d;
	} else {
		pf_i128 v = pf_agg_exact_at(t, c, row), q = v / b->width;
		q -= v % b->width < 0;
		*bin = (int64_t)q;
		if (q != *bin)
			return false;
	}
	return !__builtin_mul_overflow((pf_i128)*bin, b->width, &low);
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
	       struct pf_error *err)
{
	struct sets *d = s->data;
	const struct bins *b = s->agg->own;
	struct pf_type type = s->agg->types[0];
	const struct pf_column *c = &rows->args[0];
	for (int64_t i = 0; i < rows->n; i++) {
		int64_t bin;
		if (pf_is_null(c, i))
			continue;
		d->key.len = 0;
		if (b->binned) {
			struct pf_column bins = { .values = &bin };
			if (!bin_of(b, type, c, i, &bin))
				return pf_fail(err, PF_E_EXPR_VALUE,
					       "a value of %s is in no bin", s->agg->name);
			pf_agg_encode(&d->key, PF_BIGINT, &bins, 0);
		} else {
			pf_agg_encode(&d->key, type.kind, c, i);
		}
		int64_t *n = pf_agg_table_at(&d->table, rows->slots[i],
					     pf_view_of(d->key.data, d->key.len));
		if (!n)
			return pf_agg_fail_many(s->agg, err);
		++*n;
	}
	count_bytes(s);
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	const int sign = in->minus ? -1 : 1;
	struct sets *d = s->data;
	const struct bins *b = s->agg->own;
	size_t width = pf_agg_encoded_width(b->type.kind), gone = 0;
	for (int64_t i = 0; i < in->n; i++) {
		if (pf_is_null(&in->columns[0], in->from + i))
			return pf_agg_fail_state(s->agg, err);
		struct pf_view bytes = pf_bytes_at(&in->columns[0], in->from + i), value;
		while (bytes.len) {
			int64_t more, *n;
			if (!pf_agg_table_read(&bytes, &more, &value) || more < 0 ||
			    (width && value.len != width))
				return pf_agg_fail_state(s->agg, err);
			n = pf_agg_table_at(&d->table, (uint32_t)pf_agg_slot(in, i), value);
			if (!n)
				return pf_agg_fail_many(s->agg, err);
			if (__builtin_add_overflow(*n, sign * more, n) || *n < 0)
				return pf_agg_fail_state(s->agg, err);
			gone += !*n;
		}
	}
	pf_agg_table_forget(&d->table, gone);
	count_bytes(s);
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	const struct sets *d = s->data;
	const struct pf_entry **list = NULL;
	struct pf_buf bytes = { 0 };
	size_t cap = 0;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		bytes.len = 0;
		pf_agg_table_write(&d->table, slots ? slots[i] : i, &bytes, &list, &cap);
		pf_col_bytes(out, bytes.data, bytes.len);
	}
	free(list);
	pf_buf_free(&bytes);
	return 0;
}

static int distinct_finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
			   const struct pf_agg_range *range, struct pf_colbuf *out,
			   struct pf_error *err)
{
	const struct pf_agg_table *t = &((const struct sets *)s->data)->table;
	(void)range;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		int64_t values = 0;
		for (const struct pf_entry *e = pf_agg_table_first(t, slots ? slots[i] : i); e;
		     e = pf_agg_table_next(t, e))
			values++;
		pf_col_i64(out, values);
	}
	return 0;
}

/* A value, or the lower end of its bin, as the name of a JSON member. */
static void print_value(const struct bins *b, struct pf_view value, struct pf_builder *one,
			struct pf_buf *out)
{
	struct pf_buf text = { 0 };
	pf_builder_reset(one);
	pf_agg_decode(value, &one->columns[0]);
	struct pf_column c = pf_colbuf_view(&one->columns[0]);
	if (b->binned) {
		pf_format_decimal(&text, lower_end(b, ((const int64_t *)c.values)[0]),
				  b->shown.scale);
	} else {
		pf_format_value(&text, b->type, &c, 0, PF_VALUE_PLAIN, NULL);
	}
	pf_format_json_string(out, text.data, text.len);
	pf_buf_free(&text);
}

static int hist_finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		       const struct pf_agg_range *range, struct pf_colbuf *out,
		       struct pf_error *err)
{
	const struct pf_agg_table *t = &((const struct sets *)s->data)->table;
	const struct bins *b = s->agg->own;
	const struct pf_entry **list = NULL;
	struct pf_schema *schema = pf_schema_new();
	struct pf_buf text = { 0 };
	size_t cap = 0;
	(void)range;
	(void)err;
	pf_schema_add(schema, "value", b->type, false);
	struct pf_builder *one = pf_builder_new(schema);
	for (size_t i = 0; i < n; i++) {
		size_t values = pf_agg_table_sorted(t, slots ? slots[i] : i, 0, &list, &cap);
		text.len = 0;
		for (size_t k = 0; k < values; k++) {
			pf_buf_byte(&text, k ? ',' : '{');
			print_value(b, pf_agg_table_value(t, list[k]), one, &text);
			pf_buf_printf(&text, ":%lld", (long long)list[k]->number);
		}
		pf_buf_str(&text, values ? "}" : "{}");
		pf_col_bytes(out, text.data, text.len);
	}
	pf_builder_free(one);
	pf_schema_unref(schema);
	free(list);
	pf_buf_free(&text);
	return 0;
}

#define SETS(symbol, word, params, binder, finisher, text)                   \
	const struct pf_agg_kind symbol = {                                  \
		.name = word, .help = text, .min_args = 1, .max_args = 1,    \
		.max_params = params, .bind = binder, .unbind = pf_agg_unbind, \
		.reserve = reserve, .clear = clear, .release = release,      \
		.add = add, .merge = merge,                                  \
		.store = store, .finish = finisher,                          \
	}

SETS(pf_agg_distinct, "distinct", 0, distinct_bind, distinct_finish,
	"how many different values of X");
SETS(pf_agg_hist, "hist", 1, hist_bind, hist_finish,
	"how often each value of X, or bin of a width, as JSON");
