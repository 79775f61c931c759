/* SPDX-License-Identifier: Apache-2.0
 *
 * What a program says to a person, always on stderr, in one grammar:
 *
 *   pf-pack: cannot open 'x': No such file or directory (PF4005)
 *     hint: ...
 *
 * Errors are never silenced; -q removes notes, -qq also warnings; -v adds.
 */
#ifndef PF_CLI_DIAG_H
#define PF_CLI_DIAG_H

#include <stdbool.h>

#include "base/error.h"

struct pf_diag {
	const char *program;
	int quiet, verbose;
	bool json; /* --errors=json: errors as JSON lines */
};

/* Print an error described by the library. Nothing when it has no message. */
void pf_diag_error(const struct pf_diag *d, const struct pf_error *err);

/* Something is odd, the work goes on. */
void pf_diag_warn(const struct pf_diag *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* level 0: the one line of a program that commits something, removed by -q;
 * 1: with -v; 2: with -vv. */
void pf_diag_note(const struct pf_diag *d, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
