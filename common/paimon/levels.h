/* SPDX-License-Identifier: Apache-2.0
 *
 * The levels of a table with a primary key: the files of a bucket that share
 * a level above 0 are one sorted run, so their ranges of keys must not
 * overlap. Paimon's committers refuse a commit after which they would.
 *
 * Source: Apache Paimon, ConflictDetection (reference paimon-format.md sections
 * 8.8, 10.2).
 */
#ifndef PF_PAIMON_LEVELS_H
#define PF_PAIMON_LEVELS_H

#include "paimon/scan.h"

/* Two files of one bucket and level above 0 whose keys overlap, into pair, or
 * NULL twice. PF_E_TABLE_CORRUPT: a key that is none. */
int pf_levels_overlap(const struct pf_table_schema *schema,
		      const struct pf_data_file *const *files, size_t n,
		      const struct pf_data_file *pair[2], struct pf_error *err);

#endif
