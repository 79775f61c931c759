/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside answer: answer.c plans the windows that are asked for together, and
 * keeps what the next run goes on from; answer_combine.c makes them of their
 * runs in one pass.
 */
#ifndef PF_WINDOW_ANSWER_INTERNAL_H
#define PF_WINDOW_ANSWER_INTERNAL_H

#include "window/answer.h"

/* One of the windows that are answered at once, in a lane of its own. */
struct pf_answer_part {
	struct pf_asked_window *asked;
	struct pf_plan plan;
	bool write;           /* the answer is put aside: */
	size_t file;
	struct pf_run_out *out;
	struct pf_sorted run;
};

/* What becomes of combined rows. */
struct pf_answer_output {
	struct pf_answer_part *parts;
	size_t n;
	bool write;           /* all that are put aside are written */
	const struct pf_combine_label *labels; /* given out under these; NULL: not */
	const struct pf_combine_label *was; /* not NULL: those that changed are, and
	                                     * this is what they were */
	bool only;            /* no others are looked at */
};

/* Combine what the plans say, with the rows in flight or without: given out, put
 * aside, or both. */
int pf_answer_combine(struct pf_answer *a, const struct pf_answer_output *o, bool flight,
		      struct pf_error *err);

#endif
