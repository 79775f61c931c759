/* SPDX-License-Identifier: Apache-2.0
 *
 * Two answers against each other: for each key whose values differ, the row
 * that was and the row that is. Bounds of the windows are not compared, as
 * they always differ.
 *
 * Where one came of the other by adding and taking out some runs (the deltas),
 * only keys that are in those can differ, and others are not looked at.
 */
#ifndef PF_WINDOW_DIFFERENCE_H
#define PF_WINDOW_DIFFERENCE_H

#include "window/combine.h"

struct pf_difference {
	const struct pf_shape *shape;
	struct pf_schema *result; /* with the column change */
	size_t memory;
	/* What each is combined of. deltas: both of the new inputs, of which some
	 * are deltas; the old one is what the others are. */
	const struct pf_combine_input *old_inputs, *new_inputs;
	size_t nold, nnew; /* nold 0: there is no old answer */
	bool deltas;
	struct pf_combine_label old_label, new_label;
	int (*put)(void *ctx, const struct pf_batch *batch, struct pf_error *err);
	void *ctx;
	int64_t rows; /* given out */
};

int pf_difference_give(struct pf_difference *d, struct pf_error *err);

#endif
