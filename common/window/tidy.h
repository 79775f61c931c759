/* SPDX-License-Identifier: Apache-2.0
 *
 * Housekeeping of a state before it is committed: it drops what no window needs any
 * more and joins cells of many runs. It changes no answer, now or later, but may make
 * one read more.
 */
#ifndef PF_WINDOW_TIDY_H
#define PF_WINDOW_TIDY_H

#include "window/state.h"

struct pf_tidy {
	const struct pf_shape *shape;
	size_t memory;
	int64_t from_us, to_us; /* what was asked for in this run */
	bool keep_all;          /* nothing can be read again: days stay, and runs
	                         * stay apart, one for each input */
};

/* Blocks that no window needs any more are dropped; days before all windows
 * that were given out lately, too (they are read again when they are asked
 * for); answers that were given out with runs that will be gone are written;
 * cells of many runs become one run; files of which most is not needed
 * any more are written anew; inputs that are long gone are forgotten. */
int pf_state_tidy(struct pf_state *s, const struct pf_tidy *t, struct pf_error *err);

/* A window has been given out. False: that was known. */
bool pf_state_publish(struct pf_state *s, const char *text, int64_t from_us,
		      int64_t to_us, uint64_t content);

#endif
