/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranges of a stage that were lost and accepted as lost, as marks say them
 * (pf:gaps): a JSON object of partition to a list of [from, to).
 *
 *     {"0": [[10, 200]], "7": [[0, 3], [40, 41]]}
 */
#ifndef PF_ARROW_GAPS_H
#define PF_ARROW_GAPS_H

#include "base/error.h"

/* All ranges of both, by partition and beginning; each may be NULL. *out is
 * NULL when there are none, else to be freed. PF_E_CORRUPT when one of them is
 * no such object. */
int pf_gaps_merge(const char *a, const char *b, char **out, struct pf_error *err);

#endif
