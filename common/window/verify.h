/* SPDX-License-Identifier: Apache-2.0
 *
 * A share of a state's days computed again from the table and compared with
 * what the state has, to the byte.
 */
#ifndef PF_WINDOW_VERIFY_H
#define PF_WINDOW_VERIFY_H

#include "window/update.h"

struct pf_verify {
	const struct pf_shape *shape;
	const struct pf_update_table *tables; /* the state's */
	size_t memory;
	double share;    /* 0 to 1: of the days; always the same ones of a snapshot */
	int64_t days, rows; /* out: checked */
};

/* PF_E_STATE_DIFFERS, naming the first day that does. */
int pf_state_verify(struct pf_state *s, struct pf_verify *v, struct pf_error *err);

#endif
