/* SPDX-License-Identifier: Apache-2.0
 *
 * Compaction of a table with a primary key: all files of a bucket are merged by
 * the table's rules into files of the highest level, in which every key is there
 * once and none that was deleted. A bucket is due when it has as many sorted runs
 * as Paimon's num-sorted-run.compaction-trigger says (5), with `full` when it has
 * more than one, or deletes. Each bucket is committed by itself: a COMPACT
 * snapshot that goes through only if all its files are live still, so loads,
 * queries and other engines' compactions may run beside it.
 *
 * Source: Apache Paimon, MergeTreeCompactTask, Levels (reference
 * paimon-format.md section 8.8); of its universal compaction only the case that
 * takes all runs.
 */
#ifndef PF_LOAD_COMPACT_KEYED_H
#define PF_LOAD_COMPACT_KEYED_H

#include "load/compact.h"

/* As pf_compact(), which calls it. */
int pf_compact_keyed(struct pf_table *table, const struct pf_compact_options *options,
		     struct pf_compact_result *result, struct pf_error *err);

#endif
