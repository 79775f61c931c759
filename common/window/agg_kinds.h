/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside window/: the kinds of aggregates by name, for their list, and what many of
 * them share: states that are arrays, one number as parameter, values of numbers,
 * days, errors. window/aggregate.h says what a kind is.
 */
#ifndef PF_WINDOW_AGG_KINDS_H
#define PF_WINDOW_AGG_KINDS_H

#include "window/aggregate.h"

extern const struct pf_agg_kind pf_agg_count, pf_agg_count_if; /* agg_count.c */
extern const struct pf_agg_kind pf_agg_sum, pf_agg_avg;        /* agg_sum.c */
extern const struct pf_agg_kind pf_agg_var, pf_agg_var_pop, pf_agg_stddev,
	pf_agg_stddev_pop;                                     /* agg_var.c */
extern const struct pf_agg_kind pf_agg_min, pf_agg_max;        /* agg_extreme.c */
extern const struct pf_agg_kind pf_agg_first, pf_agg_last, pf_agg_min_by,
	pf_agg_max_by;                                         /* agg_by.c */
extern const struct pf_agg_kind pf_agg_distinct, pf_agg_hist;  /* agg_set.c */
extern const struct pf_agg_kind pf_agg_active, pf_agg_dau, pf_agg_wau, pf_agg_mau,
	pf_agg_retain;                                         /* agg_seen.c */
extern const struct pf_agg_kind pf_agg_hll;                    /* agg_hll.c */
extern const struct pf_agg_kind pf_agg_days, pf_agg_bits, pf_agg_streak,
	pf_agg_streak_max;                                     /* agg_days.c */

extern const struct pf_agg_kind pf_agg_merge;                  /* agg_merge.c */

extern const struct pf_agg_kind pf_agg_reduce;                 /* agg_reduce.c */

/* Bind merge: it becomes the kind of the states in its column. */
int pf_agg_bind_merge(struct pf_agg *a, const struct pf_schema *schema, const char *zone,
		      struct pf_error *err);

/* sum and avg of floats and doubles become these when they are bound. */
int pf_agg_bind_real(struct pf_agg *a, bool avg, struct pf_error *err); /* agg_real.c */

/* States that are an array of structs: room for slots [0, n), the new ones
 * zero. Sets n and adds to bytes. Returns the array. */
void *pf_agg_array(struct pf_agg_states *s, size_t n, size_t size);
void pf_agg_array_clear(struct pf_agg_states *s);
void pf_agg_array_release(struct pf_agg_states *s);

static inline size_t pf_agg_slot(const struct pf_agg_stored *in, int64_t i)
{
	return in->slots ? in->slots[i] : (size_t)i;
}

bool pf_agg_is_number(struct pf_type t);
bool pf_agg_is_real(struct pf_type t);

/* The value of a float or double column; of an integer or decimal column. */
double pf_agg_real_at(struct pf_type t, const struct pf_column *c, int64_t row);
pf_i128 pf_agg_exact_at(struct pf_type t, const struct pf_column *c, int64_t row);

/* 10 ^ scale of a decimal, 1 of others. */
double pf_agg_unit(struct pf_type t);

int pf_agg_fail_number(const struct pf_agg *a, struct pf_error *err);
/* It has more values than pf_agg_table_at can hold. */
int pf_agg_fail_many(const struct pf_agg *a, struct pf_error *err);
/* The stored bytes of the aggregate are no state. */
int pf_agg_fail_state(const struct pf_agg *a, struct pf_error *err);

/* A parameter that is a whole number of [min, max]; fallback when there is
 * none. */
int pf_agg_param(const struct pf_agg *a, size_t i, int64_t min, int64_t max,
		 int64_t fallback, int64_t *value, struct pf_error *err);

/* Bind a kind whose state is bytes that may be merged twice, and whose only parameter
 * is a whole number, which pf_agg_number gives; of days, the number is how many. */
int pf_agg_bind_number(struct pf_agg *a, int64_t min, int64_t max, int64_t fallback,
		       struct pf_error *err);
enum { PF_AGG_MOST_DAYS = 36500 };
int pf_agg_bind_days(struct pf_agg *a, int64_t max, int64_t fallback, struct pf_error *err);
int64_t pf_agg_number(const struct pf_agg *a);
void pf_agg_unbind(struct pf_agg *a); /* own is one piece of memory */

/* The day of a moment; the day behind the last of a range, and its first. */
int32_t pf_agg_day(int64_t us);
int32_t pf_agg_end_day(const struct pf_agg_range *range);
int32_t pf_agg_first_day(const struct pf_agg_range *range);

#endif
