/* SPDX-License-Identifier: Apache-2.0
 *
 * Text as it is shown on one line: backslash escapes for what would break the
 * line or the field. What comes from data never reaches a terminal as a
 * control sequence.
 */
#ifndef PF_TEXT_ESCAPE_H
#define PF_TEXT_ESCAPE_H

#include "base/buf.h"

/* Appended to out with tab, newline, return and backslash escaped: a field of
 * TSV, which reads back. */
void pf_escape_field(struct pf_buf *out, const void *text, size_t len);

/* Appended to out with every control character escaped, C1 ones in UTF-8
 * too, and backslashes as they are: for people. */
void pf_escape_controls(struct pf_buf *out, const void *text, size_t len);

#endif
