/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows from a state: each is planned, merged, given out, and put aside in
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
	const struct pf_schema *result; /* of pf_shape_result */
	size_t memory;
	bool named;           /* the result has the windows' names */
	bool put_aside;       /* keep answers for the next run */
	int (*put)(void *ctx, const struct pf_batch *batch, struct pf_error *err);
	void *ctx;
	/* out, added up */
	int64_t windows, keys, rows_read, rows_all;
	int64_t runs, answers, minus;
};

int pf_answer_window(struct pf_answer *a, const struct pf_window *w, int64_t from_us,
		     int64_t to_us, struct pf_error *err);

#endif
