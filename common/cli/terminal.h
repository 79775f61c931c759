/* SPDX-License-Identifier: Apache-2.0
 *
 * What is on the other end of a file descriptor: a person, who gets aligned tables
 * in colour, page by page, or a program, which gets plain lines. Decided from the
 * descriptor, the option and the environment; nothing is kept.
 */
#ifndef PF_CLI_TERMINAL_H
#define PF_CLI_TERMINAL_H

#include <stdbool.h>

enum pf_color { PF_COLOR_AUTO, PF_COLOR_ALWAYS, PF_COLOR_NEVER };

bool pf_is_terminal(int fd);

/* Colour for fd? --color first, then NO_COLOR, CLICOLOR_FORCE, TERM=dumb. */
bool pf_want_color(int fd, enum pf_color color);

/* Columns and rows of the terminal; COLUMNS and LINES, else 80 x 24. */
int pf_terminal_width(int fd);
int pf_terminal_height(int fd);

#endif
