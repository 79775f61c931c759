/* SPDX-License-Identifier: Apache-2.0
 *
 * The aggregates there are.
 */
#include "window/agg_kinds.h"

const struct pf_agg_kind *const pf_agg_kinds[] = {
	&pf_agg_count, &pf_agg_sum, &pf_agg_min, &pf_agg_max,
	NULL,
};
