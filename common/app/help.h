/* SPDX-License-Identifier: Apache-2.0
 *
 * What a descriptor looks like to people and to tools: --help (one screen),
 * --help=all, --help=json, --help=man (the manual's OPTIONS in mdoc),
 * --help=bash, zsh, fish (completions).
 */
#ifndef PF_APP_HELP_H
#define PF_APP_HELP_H

#include "base/buf.h"
#include "base/error.h"

struct pf_run;

/* kind: "" or what stands behind "--help=". PF_E_USAGE when unknown. */
int pf_help(const struct pf_run *run, const char *kind, struct pf_buf *out,
	    struct pf_error *err);

/* Two lines: what to type. */
void pf_usage(const struct pf_run *run, struct pf_buf *out);

/* In app/complete.c. */
void pf_help_completion(const struct pf_run *run, const char *shell,
			struct pf_buf *out);

#endif
