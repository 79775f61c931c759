/* SPDX-License-Identifier: Apache-2.0
 *
 * ADD and DELETE entries of manifests brought together. Which entries are of one
 * file pf_data_file_same says (paimon/manifest.h); those that are left keep their
 * order. In time and memory linear in the number of entries.
 */
#ifndef PF_PAIMON_LIVE_H
#define PF_PAIMON_LIVE_H

#include "paimon/manifest.h"

/* Reduce the entries of a whole snapshot to its live files: ADDs whose
 * identifier no DELETE names, wherever it stands. A file added twice is
 * PF_E_TABLE_CORRUPT. */
int pf_live_files(struct pf_data_files *entries, struct pf_error *err);

/* Entries of some manifests only: an ADD and its DELETE cancel, a DELETE
 * whose ADD is elsewhere stays. */
void pf_live_merge(struct pf_data_files *entries);

#endif
