/* SPDX-License-Identifier: Apache-2.0
 *
 * Variance and standard deviation from the exact sums of the values and of
 * their squares: n * squares - sum^2 is computed without rounding, so nothing
 * cancels, however large the mean is against the spread. Infinities and NaN
 * make the result NaN.
 */
#include "window/agg_kinds.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "window/exact.h"

struct spread {
	struct pf_exact sum, squares;
	int64_t n;
};

static int bind(struct pf_agg *a, struct pf_error *err)
{
	if (!pf_agg_is_number(a->types[0]))
		return pf_agg_fail_number(a, err);
	a->result = (struct pf_type){ .kind = PF_DOUBLE };
	a->algebra = pf_agg_is_real(a->types[0]) ? 0 : PF_ALGEBRA_INVERTIBLE;
	pf_agg_state_column(a, "", (struct pf_type){ .kind = PF_BYTES });
	pf_agg_state_column(a, ".squares", (struct pf_type){ .kind = PF_BYTES });
	pf_agg_state_column(a, ".n", (struct pf_type){ .kind = PF_BIGINT });
	return 0;
}

static void reserve(struct pf_agg_states *s, size_t n)
{
	pf_agg_array(s, n, sizeof(struct spread));
}

static size_t heap(const struct spread *v)
{
	return pf_exact_heap(&v->sum) + pf_exact_heap(&v->squares);
}

static void clear(struct pf_agg_states *s)
{
	struct spread *data = s->data;
	for (size_t i = 0; i < s->n; i++) {
		s->bytes -= heap(&data[i]);
		pf_exact_free(&data[i].sum);
		pf_exact_free(&data[i].squares);
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
	struct spread *data = s->data;
	struct pf_type type = s->agg->types[0];
	const struct pf_column *c = &rows->args[0];
	bool real = pf_agg_is_real(type);
	(void)err;
	for (int64_t i = 0; i < rows->n; i++) {
		if (pf_is_null(c, i))
			continue;
		struct spread *to = &data[rows->slots[i]];
		size_t before = heap(to);
		if (real) {
			double v = pf_agg_real_at(type, c, i);
			pf_exact_add_double(&to->sum, v);
			pf_exact_add_double_squared(&to->squares, v);
		} else {
			pf_i128 v = pf_agg_exact_at(type, c, i);
			pf_exact_add_int(&to->sum, v);
			pf_exact_add_int_squared(&to->squares, v);
		}
		to->n++;
		s->bytes += heap(to) - before;
	}
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	const int sign = in->minus ? -1 : 1;
	struct spread *data = s->data;
	const struct pf_column *c = in->columns;
	for (int64_t i = 0; i < in->n; i++) {
		int64_t row = in->from + i;
		if (pf_is_null(&c[0], row) || pf_is_null(&c[1], row) || pf_is_null(&c[2], row))
			return pf_agg_fail_state(s->agg, err);
		int64_t n = ((const int64_t *)c[2].values)[row];
		struct spread *to = &data[pf_agg_slot(in, i)];
		size_t before = heap(to);
		if (n < 0 || __builtin_add_overflow(to->n, sign * n, &to->n) || to->n < 0 ||
		    !pf_exact_add_bytes(&to->sum, pf_bytes_at(&c[0], row), sign) ||
		    !pf_exact_add_bytes(&to->squares, pf_bytes_at(&c[1], row), sign))
			return pf_agg_fail_state(s->agg, err);
		s->bytes += heap(to) - before;
	}
	return 0;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	const struct spread *data = s->data;
	struct pf_buf bytes = { 0 };
	(void)err;
	for (size_t i = 0; i < n; i++) {
		const struct spread *v = &data[slots ? slots[i] : i];
		bytes.len = 0;
		pf_exact_write(&v->sum, &bytes);
		pf_col_bytes(&out[0], bytes.data, bytes.len);
		bytes.len = 0;
		pf_exact_write(&v->squares, &bytes);
		pf_col_bytes(&out[1], bytes.data, bytes.len);
		pf_col_i64(&out[2], v->n);
	}
	pf_buf_free(&bytes);
	return 0;
}

static double variance(const struct spread *v, bool sample, double unit)
{
	struct pf_exact n = { 0 }, d = { 0 };
	double check = pf_exact_double(&v->sum), variance;
	if (v->sum.special || v->squares.special)
		return check - check; /* NaN */
	pf_exact_add_int(&n, v->n);
	pf_exact_add_product(&d, &n, &v->squares, 1);
	pf_exact_add_product(&d, &v->sum, &v->sum, -1);
	variance = pf_exact_double(&d) / (double)v->n / (double)(v->n - sample) /
		   (unit * unit);
	pf_exact_free(&n);
	pf_exact_free(&d);
	return variance;
}

static int finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		  const struct pf_agg_range *range, struct pf_colbuf *out,
		  struct pf_error *err)
{
	const struct spread *data = s->data;
	const struct pf_agg_kind *kind = s->agg->kind;
	bool sample = kind == &pf_agg_var || kind == &pf_agg_stddev;
	bool root = kind == &pf_agg_stddev || kind == &pf_agg_stddev_pop;
	double unit = pf_agg_unit(s->agg->types[0]);
	(void)range;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		const struct spread *v = &data[slots ? slots[i] : i];
		if (v->n <= sample) {
			pf_col_null(out);
			continue;
		}
		double value = variance(v, sample, unit);
		pf_col_f64(out, root ? sqrt(value) : value);
	}
	return 0;
}

#define SPREAD(symbol, word, text)                                           \
	const struct pf_agg_kind symbol = {                                  \
		.name = word, .help = text, .min_args = 1, .max_args = 1,    \
		.bind = bind, .reserve = reserve, .clear = clear,            \
		.release = release, .add = add, .merge = merge,              \
		.store = store, .finish = finish,      \
	}

SPREAD(pf_agg_var, "var", "variance of X, as of a sample");
SPREAD(pf_agg_var_pop, "var_pop", "variance of X, as of all there is");
SPREAD(pf_agg_stddev, "stddev", "standard deviation of X, as of a sample");
SPREAD(pf_agg_stddev_pop, "stddev_pop", "standard deviation of X, as of all there is");
