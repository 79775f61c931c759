/* SPDX-License-Identifier: Apache-2.0
 *
 * One value outside of any column: what statistics, page indexes and bloom
 * filters speak about. The order is that of pf_value_cmp (unsigned bytes,
 * false < true, -0.0 equal to 0.0).
 */
#ifndef PF_PARQUET_VALUE_H
#define PF_PARQUET_VALUE_H

#include "arrow/batch.h"

struct pf_parquet_value {
	bool known;  /* false: absent, or present and not to be trusted */
	bool exact;  /* false: a bound that no row need have (truncated) */
	int64_t i;   /* boolean, integers, date, time, timestamps (its units) */
	double d;    /* float, double */
	pf_i128 dec; /* decimal, unscaled */
	struct pf_view bytes; /* string, bytes; borrowed */
};

/* min <= every value <= max, except that a NaN may hide in a float column
 * (pf_value_cmp takes NaN for the greatest): look at nan_count. */
struct pf_parquet_stats {
	struct pf_parquet_value min, max;
	int64_t rows;
	int64_t null_count; /* -1: not known */
	int64_t nan_count;  /* -1: not known; 0 for other than floats */
};

/* The value of a row that is not null; bytes point into the column. */
struct pf_parquet_value pf_parquet_value_at(enum pf_kind kind,
					    const struct pf_column *c, int64_t row);

/* <0, 0, >0; both must be known. */
int pf_parquet_value_cmp(enum pf_kind kind, const struct pf_parquet_value *a,
			 const struct pf_parquet_value *b);

#endif
