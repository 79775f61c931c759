/* SPDX-License-Identifier: Apache-2.0
 *
 * sum and avg of floats and doubles: the exact sum of the values, rounded once
 * when it is finished (window/exact.h), so that the order of rows and the way
 * they were grouped into states cannot be seen in the result. It could even
 * be subtracted from, but for infinities and NaN, which would stay.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "window/exact.h"

struct real {
	struct pf_exact total;
	int64_t n;
};

static void reserve(struct pf_agg_states *s, size_t n)
{
	pf_agg_array(s, n, sizeof(struct real));
}

static void clear(struct pf_agg_states *s)
{
	struct real *data = s->data;
	for (size_t i = 0; i < s->n; i++) {
		s->bytes -= pf_exact_heap(&data[i].total);
		pf_exact_free(&data[i].total);
	}
	s->n = 0;
}

static void release(struct pf_agg_states *s)
{
	clear(s);
	free(s->data);
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows,
	       struct pf_error *err)
{
	struct real *data = s->data;
	struct pf_type type = s->agg->types[0];
	const struct pf_column *c = &rows->args[0];
	(void)err;
	for (int64_t i = 0; i < rows->n; i++) {
		if (pf_is_null(c, i))
			continue;
		struct real *to = &data[rows->slots[i]];
		size_t before = pf_exact_heap(&to->total);
		pf_exact_add_double(&to->total, pf_agg_real_at(type, c, i));
		to->n++;
		s->bytes += pf_exact_heap(&to->total) - before;
	}
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	struct real *data = s->data;
	for (int64_t i = 0; i < in->n; i++) {
		int64_t row = in->from + i;
		if (pf_is_null(&in->columns[0], row) || pf_is_null(&in->columns[1], row))
			return pf_agg_fail_state(s->agg, err);
		int64_t n = ((const int64_t *)in->columns[1].values)[row];
		struct real *to = &data[pf_agg_slot(in, i)];
		size_t before = pf_exact_heap(&to->total);
		if (n < 0 || __builtin_add_overflow(to->n, n, &to->n) ||
		    !pf_exact_add_bytes(&to->total, pf_bytes_at(&in->columns[0], row), 1))
			return pf_agg_fail_state(s->agg, err);
		s->bytes += pf_exact_heap(&to->total) - before;
	}
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	const struct real *data = s->data;
	struct pf_buf bytes = { 0 };
	(void)err;
	for (size_t i = 0; i < n; i++) {
		const struct real *v = &data[slots ? slots[i] : i];
		bytes.len = 0;
		pf_exact_write(&v->total, &bytes);
		pf_col_bytes(&out[0], bytes.data, bytes.len);
		pf_col_i64(&out[1], v->n);
	}
	pf_buf_free(&bytes);
	return 0;
}

static void finish_all(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		       bool avg, struct pf_colbuf *out)
{
	const struct real *data = s->data;
	for (size_t i = 0; i < n; i++) {
		const struct real *v = &data[slots ? slots[i] : i];
		if (v->n)
			pf_col_f64(out, pf_exact_double(&v->total) / (avg ? (double)v->n : 1));
		else
			pf_col_null(out);
	}
}

static int finish_sum(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		      const struct pf_agg_range *range, struct pf_colbuf *out,
		      struct pf_error *err)
{
	(void)range;
	(void)err;
	finish_all(s, slots, n, false, out);
	return 0;
}

static int finish_avg(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		      const struct pf_agg_range *range, struct pf_colbuf *out,
		      struct pf_error *err)
{
	(void)range;
	(void)err;
	finish_all(s, slots, n, true, out);
	return 0;
}

static int bind_sum(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_real(a, false, err);
}

static int bind_avg(struct pf_agg *a, struct pf_error *err)
{
	return pf_agg_bind_real(a, true, err);
}

#define REAL(symbol, word, binder, finisher)                                 \
	static const struct pf_agg_kind symbol = {                           \
		.name = word, .min_args = 1, .max_args = 1, .bind = binder,  \
		.reserve = reserve, .clear = clear, .release = release,      \
		.add = add, .merge = merge, .store = store,                  \
		.finish = finisher,                                          \
	}

REAL(real_sum, "sum", bind_sum, finish_sum);
REAL(real_avg, "avg", bind_avg, finish_avg);

int pf_agg_bind_real(struct pf_agg *a, bool avg, struct pf_error *err)
{
	(void)err;
	a->kind = avg ? &real_avg : &real_sum;
	a->result = (struct pf_type){ .kind = PF_DOUBLE };
	a->algebra = 0;
	pf_agg_state_column(a, "", (struct pf_type){ .kind = PF_BYTES });
	pf_agg_state_column(a, ".n", (struct pf_type){ .kind = PF_BIGINT });
	return 0;
}
