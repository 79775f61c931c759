/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the local store: what reading (store.c) and writing (write.c)
 * share. Nobody else includes it.
 */
#ifndef PF_STORE_LOCAL_H
#define PF_STORE_LOCAL_H

#include <limits.h>

#include "store/store.h"

enum { PF_STORE_DEPTH = 16 };

struct pf_store {
	char *root;
	int fd; /* O_PATH of the root */
};

/* The code that an errno of a file operation maps to. */
int pf_store_code(int errnum);

int pf_store_fail(struct pf_store *s, int errnum, const char *doing,
		  const char *path, struct pf_error *err);

/* Check the path and open the directory that holds its last component,
 * following no symbolic link. The caller closes *dir. */
int pf_store_walk(struct pf_store *s, const char *path, const char *doing, int *dir,
		  const char **last, struct pf_error *err);

#endif
