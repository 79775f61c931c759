/* SPDX-License-Identifier: Apache-2.0
 *
 * How a window is put together from what the state has. The window is a set of
 * runs: those of all its cells. Answers that were put aside are sets, too, and
 * know their members, so two ways are compared by the rows they read:
 *
 *	the cheapest cover of the window's days by answers that hold exactly
 *	the runs of their days, and by single runs (a shortest path);
 *	one earlier answer, plus the runs that it lacks, minus those that it
 *	has too many, if the aggregates can be subtracted exactly or nothing
 *	has to be.
 *
 * Late rows, a day built anew, a longer or shorter window, another start, an
 * end that moves back: all only change the sets, so each is right by
 * construction.
 *
 * For aggregates that cannot be subtracted, blocks of 2^k days are kept as
 * answers, too (a dyadic tree), so that a window of n days is a few of them.
 *
 * Source: reference hourglass.md section 6.
 */
#ifndef PF_WINDOW_PLAN_H
#define PF_WINDOW_PLAN_H

#include "window/combine.h"
#include "window/state.h"

struct pf_plan {
	struct pf_combine_input *inputs;
	size_t n;
	struct pf_ids ids;      /* the runs of the window */
	size_t runs, answers, minus; /* single runs, answers, what is subtracted */
	int64_t rows;           /* to be read */
	int64_t rows_all;       /* if only single runs were */
	int64_t reused;         /* the answer gone on from (its position), -1: none */
	bool same;              /* the answer is the window, nothing else */
	bool deltas;            /* it is also what was given out, but for inputs
	                         * that are of the new answer only */
};

/* [from, to): whole cells. PF_E_CORRUPT when a file of the state is gone. */
int pf_plan_window(struct pf_state *s, const struct pf_shape *shape, int64_t from_us,
		   int64_t to_us, struct pf_plan *plan, struct pf_error *err);
void pf_plan_free(struct pf_plan *p);

/* Can states of the shape be subtracted? */
bool pf_plan_invertible(const struct pf_shape *shape);

/* Make the blocks that a window of these days is best put together from, as
 * far as they are not there. */
int pf_plan_blocks(struct pf_state *s, const struct pf_shape *shape, int64_t from_us,
		   int64_t to_us, size_t memory, struct pf_error *err);

/* A hash of a set of runs: is it the one that was given out? */
uint64_t pf_plan_content(const struct pf_ids *ids);

/* The runs of [from, to), as they are now. */
void pf_plan_ids(const struct pf_state *s, const struct pf_shape *shape, int64_t from_us,
		 int64_t to_us, struct pf_ids *ids);

/* What an answer was made of when it was given out; inputs: room for one more
 * than it has ids and given. PF_E_CORRUPT when one of them is not known any
 * more. */
int pf_plan_given(struct pf_state *s, const struct pf_state_window *w,
		  struct pf_combine_input *inputs, size_t *n, struct pf_error *err);

/* Is there a run of cells [from, to)? */
bool pf_plan_any(const struct pf_state *s, int64_t from, int64_t to);

#endif
