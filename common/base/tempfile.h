/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that must not outlive the process: made with O_EXCL under a name
 * nobody else uses, on a list that atexit and the signal handlers walk
 * (unlink only, so it is safe inside a handler). Only SIGKILL leaves one.
 *
 * The list is the one piece of state that a process has to share with its
 * signal handler. A forked child removes nothing: entries remember their pid.
 */
#ifndef PF_BASE_TEMPFILE_H
#define PF_BASE_TEMPFILE_H

#include "base/error.h"

struct pf_tempfile;

/* A new empty file beside path (same directory, so that rename is atomic). */
int pf_tempfile_beside(const char *path, int *fd, struct pf_tempfile **t,
		       struct pf_error *err);

/* A new empty file in $TMPDIR or /tmp. */
int pf_tempfile_scratch(const char *name, int *fd, struct pf_tempfile **t,
			struct pf_error *err);

/* Where much goes that is read again: dir, or if that is NULL $TMPDIR, or
 * /var/tmp (/tmp may be memory). */
const char *pf_tempfile_dir(const char *dir);
/* A file without a name there. */
int pf_tempfile_unnamed(const char *dir, int *fd, struct pf_error *err);

const char *pf_tempfile_path(const struct pf_tempfile *t);

/* Take its final name, replacing what is there. The file leaves the list. t is freed
 * also on failure, and then the file is removed. */
int pf_tempfile_rename(struct pf_tempfile *t, const char *path,
		       struct pf_error *err);

/* Remove the file. NULL is fine. */
void pf_tempfile_remove(struct pf_tempfile *t);

/* Remove all; async-signal-safe. */
void pf_tempfile_remove_all(void);

#endif
