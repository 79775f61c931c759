/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside window/: a state as it stands on disk: state.json (state_file.c) and
 * the lists that it names (state_lists.c).
 */
#ifndef PF_WINDOW_STATE_FILE_H
#define PF_WINDOW_STATE_FILE_H

#include "window/state.h"

enum { PF_STATE_FORMAT = 2 };

/* state.json and the lists it names. Nothing there: generation 0. */
int pf_state_load(struct pf_state *s, struct pf_error *err);
/* Write the lists of the next generation (synced), then its state.json. */
int pf_state_save(struct pf_state *s, struct pf_error *err);

/* The list of runs, and that of inputs, which is read first. name: of the file;
 * run: where the list is in it. Written synced. */
int pf_state_write_cells(const struct pf_state *s, const char *name, struct pf_sorted *run,
			 struct pf_error *err);
int pf_state_write_inputs(const struct pf_state *s, const char *name, struct pf_sorted *run,
			  struct pf_error *err);
int pf_state_read_cells(struct pf_state *s, const char *name, const struct pf_sorted *run,
			struct pf_error *err);
int pf_state_read_inputs(struct pf_state *s, const char *name, const struct pf_sorted *run,
			 struct pf_error *err);

/* PF_E_CORRUPT. */
int pf_state_malformed(const struct pf_state *s, const char *what, struct pf_error *err);

/* "DIR/NAME", allocated. */
char *pf_state_path(const struct pf_state *s, const char *name);
/* The number of a file by name, new if it is not known. */
size_t pf_state_file_of(struct pf_state *s, const char *name);

#endif
