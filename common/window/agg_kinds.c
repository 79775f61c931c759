/* SPDX-License-Identifier: Apache-2.0
 *
 * The aggregates there are, and what many of them share.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/number.h"
#include "base/time.h"

const struct pf_agg_kind *const pf_agg_kinds[] = {
	&pf_agg_count,	    &pf_agg_count_if, &pf_agg_sum,	&pf_agg_avg,
	&pf_agg_var,	    &pf_agg_var_pop,  &pf_agg_stddev,	&pf_agg_stddev_pop,
	&pf_agg_min,	    &pf_agg_max,      &pf_agg_first,	&pf_agg_last,
	&pf_agg_min_by,	    &pf_agg_max_by,   &pf_agg_distinct, &pf_agg_hll,
	&pf_agg_hist,	    &pf_agg_days,     &pf_agg_bits,	&pf_agg_streak,
	&pf_agg_streak_max, &pf_agg_dau,      &pf_agg_wau,	&pf_agg_mau,
	&pf_agg_active,	    &pf_agg_retain,   &pf_agg_merge,
	&pf_agg_reduce,
	NULL,
};

void *pf_agg_array(struct pf_agg_states *s, size_t n, size_t size)
{
	if (n > s->cap) {
		size_t cap = pf_grow(s->cap, n);
		s->data = pf_realloc(s->data, cap, size);
		s->bytes += (cap - s->cap) * size;
		s->cap = cap;
	}
	if (n > s->n) {
		memset((uint8_t *)s->data + s->n * size, 0, (n - s->n) * size);
		s->n = n;
	}
	return s->data;
}

void pf_agg_array_clear(struct pf_agg_states *s)
{
	s->n = 0;
}

void pf_agg_array_release(struct pf_agg_states *s)
{
	free(s->data);
}

bool pf_agg_is_real(struct pf_type t)
{
	return t.kind == PF_FLOAT || t.kind == PF_DOUBLE;
}

bool pf_agg_is_number(struct pf_type t)
{
	return pf_kind_is_integer(t.kind) || t.kind == PF_DECIMAL || pf_agg_is_real(t);
}

double pf_agg_real_at(struct pf_type t, const struct pf_column *c, int64_t row)
{
	if (t.kind == PF_FLOAT)
		return (double)((const float *)c->values)[row];
	return ((const double *)c->values)[row];
}

pf_i128 pf_agg_exact_at(struct pf_type t, const struct pf_column *c, int64_t row)
{
	pf_i128 v;
	if (t.kind != PF_DECIMAL)
		return pf_int_at(c, t.kind, row);
	memcpy(&v, (const uint8_t *)c->values + row * 16, 16);
	return v;
}

double pf_agg_unit(struct pf_type t)
{
	double unit = 1;
	for (unsigned i = 0; t.kind == PF_DECIMAL && i < t.scale; i++)
		unit *= 10;
	return unit;
}

int pf_agg_fail_number(const struct pf_agg *a, struct pf_error *err)
{
	char name[40];
	pf_fail(err, PF_E_EXPR_TYPE, "%s needs numbers, this is %s", a->name,
		pf_type_name(a->types[0], name));
	return pf_hint(err, "int() and double() read numbers from text");
}

int pf_agg_fail_many(const struct pf_agg *a, struct pf_error *err)
{
	return pf_fail(err, PF_E_LIMIT, "%s has more than 4294967294 values", a->name);
}

int pf_agg_fail_state(const struct pf_agg *a, struct pf_error *err)
{
	return pf_fail(err, PF_E_CORRUPT, "a stored state of %s is malformed", a->name);
}

int pf_agg_param(const struct pf_agg *a, size_t i, int64_t min, int64_t max,
		 int64_t fallback, int64_t *value, struct pf_error *err)
{
	char quoted[80];
	*value = fallback;
	if (i >= a->nparams)
		return 0;
	if (!pf_parse_count(a->params[i], value, NULL) && *value >= min && *value <= max)
		return 0;
	return pf_fail(err, PF_E_USAGE, "'%s' is not a whole number of %lld to %lld, for %s",
		       pf_quote(quoted, sizeof quoted, a->params[i], strlen(a->params[i])),
		       (long long)min, (long long)max, a->kind->name);
}

int pf_agg_bind_number(struct pf_agg *a, int64_t min, int64_t max, int64_t fallback,
		       struct pf_error *err)
{
	int64_t *number = pf_alloc(1, sizeof *number);
	a->own = number;
	a->result = (struct pf_type){ .kind = PF_BIGINT };
	a->algebra = PF_ALGEBRA_IDEMPOTENT;
	pf_agg_state_column(a, "", (struct pf_type){ .kind = PF_BYTES });
	return pf_agg_param(a, 0, min, max, fallback, number, err);
}

int pf_agg_bind_days(struct pf_agg *a, int64_t max, int64_t fallback, struct pf_error *err)
{
	a->timed = true;
	return pf_agg_bind_number(a, 1, max, fallback, err);
}

int64_t pf_agg_number(const struct pf_agg *a)
{
	return *(const int64_t *)a->own;
}

void pf_agg_unbind(struct pf_agg *a)
{
	free(a->own);
}

enum { DAY_SECONDS = 86400 };

int32_t pf_agg_day(int64_t us)
{
	return (int32_t)pf_floor_div(us, (int64_t)DAY_SECONDS * 1000000);
}

int32_t pf_agg_end_day(const struct pf_agg_range *range)
{
	return pf_agg_day(range->to_us - 1) + 1;
}

int32_t pf_agg_first_day(const struct pf_agg_range *range)
{
	return pf_agg_day(range->from_us);
}
