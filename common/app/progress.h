/* SPDX-License-Identifier: Apache-2.0
 *
 * A line on stderr that says how far a long run has come: only on a terminal,
 * only after a second, ten times a second at most, erased at the end. Of a
 * pipeline only the last program draws (its stdout is no pipe), so programs
 * do not fight for the line. --progress=always prints a plain line every ten
 * seconds instead, for logs; --progress=never nothing.
 */
#ifndef PF_APP_PROGRESS_H
#define PF_APP_PROGRESS_H

#include <stdint.h>

struct pf_run;

/* What has been done since the last call; meant to be called once a batch. */
void pf_progress(struct pf_run *run, int64_t rows, int64_t bytes);

/* Erase the line; messages come after this. The skeleton calls it. */
void pf_progress_end(struct pf_run *run);

#endif
