/* SPDX-License-Identifier: Apache-2.0
 *
 * The shape of a windowed question, bound to its input: by which keys rows
 * are brought together, which aggregates are made of them, which rows count,
 * and to which cell of time a row belongs. What does not depend on the window
 * asked for is here, so a state of one shape serves all windows.
 *
 * Partial aggregates of a shape are rows of `partial`:
 *
 *	day (date; timestamp for grains below a day), bucket (int), the keys,
 *	rows (bigint: rows behind it, also those whose values are null), and
 *	the columns of each aggregate's state
 *
 * and `merged` is the same without day and bucket.
 */
#ifndef PF_WINDOW_SHAPE_H
#define PF_WINDOW_SHAPE_H

#include "query/items.h"
#include "query/source.h"
#include "window/aggregate.h"

struct pf_zone;

/* The years 1 to 9999: bounds beyond are none, text cannot say them. */
#define PF_SHAPE_FIRST_US (-62135596800000000)
#define PF_SHAPE_LAST_US 253402300800000000

enum { PF_PARTIAL_DAY, PF_PARTIAL_BUCKET, PF_PARTIAL_KEYS };

struct pf_shape_options {
	char *const *group_by;
	size_t ngroup_by;
	char *const *aggregates;
	size_t naggregates; /* 0: count */
	char *const *where;
	size_t nwhere;
	const char *time;   /* NULL: the schema says it */
	const char *reduce, *merge; /* commands for the aggregate reduce, or NULL */
	char *const *names; /* of the columns that they print */
	size_t nnames;
	int64_t grain_us;   /* of a cell: a day or a part of it */
	const int64_t *cuts; /* not NULL: cells are the stretches between these,
	                      * ascending, instead */
	size_t ncuts;
};

struct pf_shape {
	struct pf_items keys;
	struct pf_agg **aggs;
	size_t naggs;
	struct pf_agg_external external; /* borrows from the options */
	bool by_commands;            /* one of the aggregates is */
	char **where;                /* conditions, as text */
	size_t nwhere;
	struct pf_schema *needed;    /* columns to read */
	struct pf_schema *partial, *merged;
	char *time;
	int time_column;             /* of needed */
	int tag_column;              /* that says which input a row is of; or -1 */
	bool only_cells;             /* times say of which cell a row is, no more */
	char *zone_name;
	struct pf_zone *zone;
	int64_t grain_us;
	int64_t *cuts;               /* see the options */
	size_t ncuts;
	/* Told of every batch of rows that is read, for progress; or NULL. */
	void (*tick)(void *ctx, int64_t rows);
	void *tick_ctx;
	char *text;                  /* all of it: two shapes of the same text have
	                              * the same partials */
};

/* schema: of the input. PF_E_USAGE, PF_E_EXPR_*, PF_E_UNKNOWN_COLUMN. */
int pf_shape_new(const struct pf_schema *schema, const struct pf_shape_options *options,
		 struct pf_shape **shape, struct pf_error *err);
void pf_shape_free(struct pf_shape *s); /* NULL is fine */

/* What an answer looks like:
 *
 *	change ("+" or "-"), day, the keys, the window's name, window_start and
 *	window_end, the aggregates or the columns of their states
 *
 * or, of several windows side by side, the aggregates of one after the other,
 * named "count_30d".
 */
struct pf_shape_columns {
	bool change, day, name, start, end, states;
	struct pf_type bound; /* of day, window_start, window_end */
	char *const *wide;    /* names of windows side by side; borrowed */
	size_t nwide;       /* 0: values of one */
};
/* A new reference. PF_E_USAGE when two columns would have one name. */
int pf_shape_result(const struct pf_shape *s, const struct pf_shape_columns *columns,
		    struct pf_schema **schema, struct pf_error *err);

/* Wall clock microseconds of the rows' times; INT64_MIN where there is none.
 * out: room for batch->rows. */
void pf_shape_times(const struct pf_shape *s, const struct pf_batch *batch, int64_t *out);

/* Are all rows of a data file of one cell and within [from, to), as its
 * statistics say, and are times good for nothing else? own: its table's
 * columns. *wall_us: one of the times. */
struct pf_data_file;
bool pf_shape_whole(const struct pf_shape *s, const struct pf_data_file *file,
		    const struct pf_schema *own, int64_t from_us, int64_t to_us, int64_t *wall_us);

/* The cell of a time, and where a cell begins. */
int64_t pf_shape_cell(const struct pf_shape *s, int64_t wall_us);
int64_t pf_shape_cell_us(const struct pf_shape *s, int64_t cell);
/* Does a cell begin there? */
bool pf_shape_is_bound(const struct pf_shape *s, int64_t wall_us);

/* The conditions, and that the time lies in [from, to) as far as pruning can
 * tell: rows of a wider stretch may pass. INT64_MIN, INT64_MAX: no bound. has:
 * only conditions on columns of this schema; NULL: all. */
int pf_shape_filter(const struct pf_shape *s, int64_t from_us, int64_t to_us,
		    const struct pf_schema *has, struct pf_filter *filter,
		    struct pf_error *err);

#endif
