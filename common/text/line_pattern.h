/* SPDX-License-Identifier: Apache-2.0
 *
 * Extended regular expressions that take lines apart in one pass. Patterns for
 * logs are mostly such that the next byte always says how to go on: each repeat
 * is followed by something that it cannot match itself ("[^ ]+ "). Those are
 * matched here, a hundred times as fast as by regexec(3) and with the same
 * groups, because there is only one way. All others are refused, and left to
 * regexec.
 *
 * Bytes stand for themselves: a pattern with bytes beyond ASCII is refused.
 */
#ifndef PF_TEXT_LINE_PATTERN_H
#define PF_TEXT_LINE_PATTERN_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pf_line_pattern;

/* NULL: not of the simple kind (or no expression at all). */
struct pf_line_pattern *pf_line_pattern_open(const char *pattern);
void pf_line_pattern_close(struct pf_line_pattern *p); /* NULL is fine */

/* Does the line match? Then groups[1 ..] are set, as by regexec (-1: took no
 * part). The line holds no newline and no NUL. */
bool pf_line_pattern_match(const struct pf_line_pattern *p, const uint8_t *line,
			   size_t len, regmatch_t *groups);

#endif
