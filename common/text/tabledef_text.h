/* SPDX-License-Identifier: Apache-2.0
 *
 * The canonical text of a table definition, which stages and topics keep: definitions
 * that mean the same print the same, and what was printed reads back as the same
 * definition. Internal to text/.
 */
#ifndef PF_TEXT_TABLEDEF_TEXT_H
#define PF_TEXT_TABLEDEF_TEXT_H

#include "text/tabledef.h"

/* A new string; the caller frees it. */
char *pf_tabledef_print(const struct pf_tabledef *def);

/* A YAML scalar: as it is where that is safe, else in double quotes. */
void pf_yaml_scalar(struct pf_buf *out, const char *text);

#endif
