/* SPDX-License-Identifier: Apache-2.0
 *
 * Crash points: places in the code where tests kill the program, to see that
 * a rerun puts everything right. Names are those of the reliability notes,
 * X1 .. X20; where each one stands and what must be true after it is said at
 * the call.
 *
 * PF_CRASH_AT=name[:n] in the environment kills the process with SIGKILL at
 * the n-th passing of that point (default 1). Without it a passing costs one
 * look into the environment, so a point belongs where input or output is
 * done anyway, never into a loop over rows.
 */
#ifndef PF_BASE_FAULT_H
#define PF_BASE_FAULT_H

#include <stdbool.h>

void pf_crash_point(const char *name);

/* Is that point the one armed? For points that need a preparation, such as
 * half a write. */
bool pf_crash_armed(const char *name);

#endif
