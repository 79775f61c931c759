/* SPDX-License-Identifier: Apache-2.0
 *
 * One typed value outside of a batch: a literal, a bound, an entity asked
 * for, a minimum in some statistics. A datum borrows its bytes; who made it
 * says for how long.
 *
 * Order is that of pf_value_cmp: unsigned bytes, false < true, NaN above
 * every number and equal to itself. Values of different numeric types compare
 * exactly (no rounding of int64 to double); a decimal meets a double as the
 * nearest double. Timestamps of different precision compare exactly.
 */
#ifndef PF_EXPR_DATUM_H
#define PF_EXPR_DATUM_H

#include "arrow/batch.h"
#include "base/zone.h"

struct pf_datum {
	struct pf_type type;
	bool null;
	union {
		int64_t i;           /* boolean, integers, date, time, timestamps */
		double d;            /* float, double */
		pf_i128 dec;         /* decimal, unscaled */
		struct pf_view bytes; /* string, bytes */
	};
};

/* The value of a row. Bytes point into the column. */
struct pf_datum pf_datum_at(struct pf_type type, const struct pf_column *c,
			    int64_t row);

/* Append a value n times to a column of its type. */
void pf_datum_repeat(const struct pf_datum *d, struct pf_colbuf *out, size_t n);

/* Can these types be compared at all? */
bool pf_datum_comparable(struct pf_type a, struct pf_type b);

/* -1, 0, 1. Neither is null; the types are comparable. */
int pf_datum_cmp(const struct pf_datum *a, const struct pf_datum *b);
/* The same of n values, the first that differ. */
int pf_datum_cmp_all(const struct pf_datum *a, const struct pf_datum *b, size_t n);

/* A value as a column of that type would store it, so that the two compare
 * equal. False when the column can hold no such value, and when it may have
 * several (NaN) or none (null). -0.0 and 0.0 are two values that are equal. */
bool pf_datum_exact(struct pf_type type, const struct pf_datum *value,
		    struct pf_datum *out);

/* Read a value as a person writes it on a command line: 4242, 1.50, abc,
 * 2024-07-01, 2024-07-01T10:00:00.5Z, true. String bytes point into text.
 * PF_E_USAGE when text is no such value. zone: for timestamps, NULL is UTC:
 * a wall clock with an offset is converted to the zone, an instant without
 * one is read in it. */
int pf_datum_parse(struct pf_type type, const char *text, size_t len,
		   const struct pf_zone *zone, struct pf_datum *out, struct pf_error *err);

/* Append as a person would write it in an expression: 'abc', 4242. */
void pf_datum_print(const struct pf_datum *d, struct pf_buf *out);

/* --- ranges: what a predicate says about one column ---
 *
 * A row can satisfy the predicate only if its value lies in the range. Bounds
 * are never rounded. Zero-initialised says that nothing matches;
 * pf_range_all() says that everything may. */
struct pf_range {
	bool nulls;   /* a null may match */
	bool values;  /* a value may match, namely one within: */
	bool has_min, has_max;
	bool min_open, max_open; /* the bound itself does not match */
	struct pf_datum min, max;
	/* If has_set: a value must be one of these, sorted, without repeats
	 * (min and max are then set to the first and last). */
	bool has_set;
	const struct pf_datum *set;
	size_t nset;
};

struct pf_range pf_range_all(void);

/* May a block of values hold a match? min, max: bounds of the block's values
 * (not null themselves; NULL pointer: not known), which need not be tight,
 * and ignore NaN. nulls: how many nulls, -1 not known; rows: how many rows,
 * -1 not known. */
bool pf_range_may_match(const struct pf_range *r, const struct pf_datum *min,
			const struct pf_datum *max, int64_t nulls, int64_t rows);

/* Is this one (non-null) value within? */
bool pf_range_has(const struct pf_range *r, const struct pf_datum *value);

#endif
