/* SPDX-License-Identifier: Apache-2.0
 *
 * Other programs as functions: a shell command that reads bytes on its stdin
 * and answers on its stdout.
 */
#ifndef PF_BASE_COMMAND_H
#define PF_BASE_COMMAND_H

#include "base/buf.h"
#include "base/error.h"

/* Run `sh -c command` with input on stdin, and append what it prints to out
 * (at most limit bytes, else PF_E_LIMIT). stderr is ours. It may leave input
 * unread. PF_E_COMMAND when it exits with another status than 0. */
int pf_command_run(const char *command, struct pf_view input, size_t limit,
		   struct pf_buf *out, struct pf_error *err);

#endif
