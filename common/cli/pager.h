/* SPDX-License-Identifier: Apache-2.0
 *
 * A pager between the program and its terminal: a child that reads what is
 * written and shows it by screens. The command is $PF_PAGER, else $PAGER, else
 * less; "cat" and the empty command mean none. It runs by sh -c, with LESS=FRSX
 * where the user has set none: quit when all fits on a screen, keep colours, do
 * not fold lines.
 *
 * One pager at most. A signal that ends the program waits for the pager first
 * (cli/signals.c), so that two processes never read one terminal.
 */
#ifndef PF_CLI_PAGER_H
#define PF_CLI_PAGER_H

#include <stdbool.h>

#include "base/error.h"

/* Has the user asked for one by PF_PAGER? */
bool pf_pager_by_environment(void);

/* Start it. *fd is the pipe to write to, -1 when the command says none. */
int pf_pager_start(int *fd, struct pf_error *err);

/* Close the pipe and wait until the user has seen enough. */
void pf_pager_wait(int *fd);

/* The same from a signal handler: only what is allowed there. */
void pf_pager_wait_in_signal(void);

#endif
