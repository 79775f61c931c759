/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a table by the paths that its metadata gives: relative to the table
 * or, where an option of the table says so, somewhere else as a whole URI
 * (_EXTERNAL_PATH). Only places of this machine can be read.
 */
#ifndef PF_PAIMON_PLACE_H
#define PF_PAIMON_PLACE_H

#include "paimon/table.h"

/* Is it an URI or an absolute path, not one within the table? */
bool pf_place_is_elsewhere(const char *path);

/* PF_E_TABLE_FEATURE for a scheme other than file:. */
int pf_place_open(struct pf_table *table, const char *path, struct pf_store_file **file,
		  struct pf_error *err);

#endif
