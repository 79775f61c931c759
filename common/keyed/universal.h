/* SPDX-License-Identifier: Apache-2.0
 *
 * Which sorted runs of a bucket are compacted together: universal compaction
 * as Paimon does it, so that a table may be compacted by either in turns. A
 * file of level 0 is a run by itself, each other level is one; newer versions
 * are always in the run that comes first. Only the newest runs are ever
 * taken together, never some in the middle, and what they become goes into
 * the highest level below the next older run's, or into the highest of all:
 *
 * - all runs, when what is newer than the oldest one takes too much beside it;
 * - else the newest, for as long as the next older one is not much larger than
 *   those taken so far;
 * - else, of more runs than the trigger, as many as make it the trigger.
 *
 * Nothing happens below the trigger. So reading a key meets at most that many
 * runs after each compaction, and a row is rewritten a logarithmic number of
 * times.
 *
 * Source: Apache Paimon, UniversalCompaction, EarlyFullCompaction, Levels
 * (reference paimon-format.md section 8.8), after RocksDB's, as of its master:
 * releases up to 2.0.0 stop at a larger run also within level 0, and then take
 * all of it and the next level along, whatever its size. What depends on
 * the time of the last compaction (compaction.optimization-interval, off-peak
 * hours) is not followed: a run of a program does not know it.
 */
#ifndef PF_KEYED_UNIVERSAL_H
#define PF_KEYED_UNIVERSAL_H

#include "paimon/scan.h"

/* What a table's options say, or Paimon's defaults. */
struct pf_universal {
	int64_t trigger;       /* num-sorted-run.compaction-trigger: 5 */
	int64_t amplification; /* compaction.max-size-amplification-percent: 200 */
	int64_t ratio;         /* compaction.size-ratio: 1 */
	int32_t levels;        /* num-levels: one more than the trigger */
	int64_t least_total;   /* compaction.total-size-threshold, 0: none */
	int64_t most_new;      /* compaction.incremental-size-threshold, 0: none */
	int64_t file_bytes;    /* target-file-size: 128 MiB */
	int64_t small_bytes;   /* compaction.small-file-ratio of it: 0.7 */
};

/* PF_E_TABLE_FEATURE: values that are none, a table of one level. */
int pf_universal_read(const struct pf_table_schema *schema, struct pf_universal *rules,
		      struct pf_error *err);

struct pf_keyed_run {
	int32_t level;
	int64_t bytes;
	size_t from, n; /* files, in the order of pf_keyed_runs() */
};

/* Put the files of one bucket in the order of their runs, newest first, and say
 * what these are. runs: room for n. Returns how many. */
size_t pf_keyed_runs(const struct pf_data_file **files, size_t n,
		     struct pf_keyed_run *runs);

struct pf_universal_pick {
	size_t n;        /* the newest so many runs */
	int32_t level;   /* what they become part of */
	const char *why; /* "size amplification", ... */
};

/* full: all of them, unless they are one run of the highest level. False: there
 * is nothing to do. */
bool pf_universal_choose(const struct pf_universal *rules, const struct pf_keyed_run *runs,
			 size_t n, bool full, struct pf_universal_pick *pick);

#endif
