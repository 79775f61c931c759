/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside window/: the kinds by name, for their list.
 */
#ifndef PF_WINDOW_AGG_KINDS_H
#define PF_WINDOW_AGG_KINDS_H

#include "window/aggregate.h"

extern const struct pf_agg_kind pf_agg_count; /* agg_sum.c */
extern const struct pf_agg_kind pf_agg_sum;
extern const struct pf_agg_kind pf_agg_min;   /* agg_extreme.c */
extern const struct pf_agg_kind pf_agg_max;

#endif
