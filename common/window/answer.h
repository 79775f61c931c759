/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows from a state: each is planned, combined, given out, and put aside in
 * the state, so that the next one goes on from it. What is given out depends
 * on the runs only, never on the way they were put together.
 */
#ifndef PF_WINDOW_ANSWER_H
#define PF_WINDOW_ANSWER_H

#include "window/plan.h"
#include "window/window.h"

/* Rows that are in answers but never in the state: those in flight. */
struct pf_flight {
	struct pf_combine_input *runs;
	int64_t *days; /* of each */
	size_t n;
};

struct pf_answer {
	/* in */
	struct pf_state *state;
	const struct pf_shape *shape;
	const struct pf_flight *flight; /* or NULL */
	struct pf_schema *result;       /* of pf_shape_result for these: */
	struct pf_shape_columns columns;
	size_t memory;
	bool put_aside;       /* keep answers for the next run */
	int (*put)(void *ctx, const struct pf_batch *batch, struct pf_error *err);
	void *ctx;
	struct pf_buf *explain; /* or NULL: a line for each window goes there */
	/* out, added up */
	int64_t windows, keys, rows_read, rows_all;
	int64_t runs, answers, minus;
	bool moved;           /* the state is not what it was */
};

struct pf_asked_window {
	const struct pf_window *window;
	int64_t from_us, to_us;
	int64_t rows; /* out: keys that have rows in it, or changes */
};

/* One window, or at most PF_LANES_MAX side by side (columns.wide), whose end is
 * that of the last. With columns.change, only keys whose values differ from those
 * of the answer that the state had for them: "-" what they were, "+" what they
 * are. */
int pf_answer_windows(struct pf_answer *a, struct pf_asked_window *windows, size_t n,
		      struct pf_error *err);

/* One row for each cell of time and key; columns.day. Nothing is put aside. */
int pf_answer_days(struct pf_answer *a, int64_t from_us, int64_t to_us,
		   struct pf_error *err);

#endif
