/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorted runs brought together key by key: states of one key are merged, or
 * subtracted where a run counts as minus, and keys without rows behind them
 * disappear. Memory depends on how many runs there are, not on how many keys;
 * more runs than memory allows at a time are merged in several passes.
 *
 * Several answers can be made in one pass, each in a lane of its own: the keys
 * are brought together once, and a run that several answers have is read once.
 *
 * Columns are handled a stretch at a time: the rows of one run between two
 * changes of batch are handed to each aggregate as one vector of slots.
 */
#ifndef PF_WINDOW_COMBINE_H
#define PF_WINDOW_COMBINE_H

#include "window/run.h"
#include "window/shape.h"

/* Where two answers are compared (pf_combine_watch): which of them a run is of.
 * When runs are of the old one only, none is of both. */
enum pf_combine_side { PF_OF_BOTH, PF_OF_OLD, PF_OF_NEW };

enum { PF_LANES_MAX = 64 };

struct pf_combine_input {
	struct pf_sorted run;
	bool partial; /* of shape->partial; else of shape->merged */
	bool minus;   /* take its states out */
	enum pf_combine_side side;
	uint64_t lanes; /* whose it is, a bit each; 0: the only one's */
};

struct pf_combine;

/* by_cell: day and bucket belong to the key, and all inputs are partial. */
int pf_combine_open(const struct pf_shape *shape, const struct pf_combine_input *inputs,
		  size_t n, bool by_cell, size_t memory, struct pf_combine **merge,
		  struct pf_error *err);
/* The same with several lanes, at most PF_LANES_MAX; not by cell. */
int pf_combine_open_lanes(const struct pf_shape *shape, const struct pf_combine_input *inputs,
			  size_t n, size_t lanes, size_t memory, struct pf_combine **merge,
			  struct pf_error *err);
/* The next keys, ascending; *n == 0 behind the last. A key may have no rows in
 * some of the lanes. */
int pf_combine_next(struct pf_combine *m, size_t *n, struct pf_error *err);
/* How many of them have rows in a lane. */
size_t pf_combine_count(const struct pf_combine *m, size_t lane);
/* Those and their states, as rows of shape->partial (by_cell) or ->merged;
 * valid until the next call. */
int pf_combine_stored(struct pf_combine *m, size_t lane, struct pf_batch *batch,
		      struct pf_error *err);
/* Append all of them to a builder of pf_shape_result's schema for these columns.
 * labels: one for each lane; what is said once, the first says. */
struct pf_combine_label {
	const struct pf_shape_columns *columns;
	const char *change, *window;
	struct pf_agg_range range;
	int64_t start, end; /* as values of the bound's type; day is start */
};
int pf_combine_finished(struct pf_combine *m, const struct pf_combine_label *labels,
			struct pf_builder *out, struct pf_error *err);

/* Before the first key: the old answer is compared with the new one, which
 * the other calls give. was: label the old one; borrowed. only: no other
 * keys are given out, or looked at more than needed, than those that runs of
 * one answer alone have. */
void pf_combine_watch(struct pf_combine *m, const struct pf_combine_label *was,
		      struct pf_schema *result, bool only);
/* Rows of the keys that pf_combine_next has come to whose values differ: what
 * was, what is. Bounds of windows are not compared, they always differ. Valid
 * until the next call. */
int pf_combine_changes(struct pf_combine *m, const struct pf_combine_label *is,
		       struct pf_batch *batch, struct pf_error *err);

void pf_combine_free(struct pf_combine *m); /* NULL is fine */

/* All of it as one run of that schema, appended to an open file. */
int pf_combine_write(struct pf_combine *m, struct pf_run_out *out, struct pf_sorted *run,
		   struct pf_error *err);

#endif
