/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside window/: the state's lists as they stand on disk.
 */
#ifndef PF_WINDOW_STATE_FILE_H
#define PF_WINDOW_STATE_FILE_H

#include "window/state.h"

enum { PF_STATE_FORMAT = 2 };

/* state.json and the lists it names. Nothing there: generation 0. */
int pf_state_load(struct pf_state *s, struct pf_error *err);
/* Write the lists of the next generation (synced), then its state.json. */
int pf_state_save(struct pf_state *s, struct pf_error *err);

/* "DIR/NAME", allocated. */
char *pf_state_path(const struct pf_state *s, const char *name);
/* The number of a file by name, new if it is not known. */
size_t pf_state_file_of(struct pf_state *s, const char *name);

#endif
