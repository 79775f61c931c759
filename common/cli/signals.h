/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals, in one place; nobody else calls signal or sigaction.
 *
 * SIGINT, SIGTERM, SIGHUP and SIGPIPE remove temporary files and are raised
 * again with their default effect, so that the shell sees why the program
 * ended. A program that follows its input asks for graceful stops instead:
 * then the first SIGINT or SIGTERM only makes pf_stopping() true, and a
 * second one, or 30 seconds, ends the process. A program that heads a line of
 * pipes asks for the time to tell the others: two seconds.
 */
#ifndef PF_CLI_SIGNALS_H
#define PF_CLI_SIGNALS_H

#include <stdbool.h>

/* Install the handlers; undoes an inherited "ignored" SIGPIPE. */
void pf_signals_install(void);

/* From now on the first SIGINT or SIGTERM asks instead of ending. */
void pf_signals_graceful(void);

/* The same for a moment only, to say that the work is cut short; what asked
 * for more keeps it. */
void pf_signals_brief(void);

/* What asked to stop, if anything did, ends the process now. */
void pf_signals_raise_again(void);

/* Has the user asked to stop? Loops that wait look at this. */
bool pf_stopping(void);
/* The same for the library, which knows no signals: not 0 means stop. */
const volatile int *pf_stop_flag(void);

/* Is a moment all there would be, and has it begun? The flag: not 0. */
bool pf_signals_are_brief(void);
const volatile int *pf_cut_flag(void);

#endif
