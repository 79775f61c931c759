/* SPDX-License-Identifier: Apache-2.0
 *
 * Which files of a bucket have to be read together: those whose key ranges
 * overlap, directly or through others, make a section; all versions of a key
 * lie in one. Within a section, files that follow one another by key make a
 * sorted run. A section of one file in which nothing is deleted holds each row
 * once, and needs no merging.
 *
 * Source: Apache Paimon, IntervalPartition and MergeTreeSplitGenerator
 * (reference paimon-format.md section 8.5).
 */
#ifndef PF_KEYED_SECTIONS_H
#define PF_KEYED_SECTIONS_H

#include "keyed/rules.h"
#include "paimon/scan.h"

struct pf_sorted_run {
	const struct pf_data_file **files; /* ascending by key, not overlapping */
	size_t n;
};

struct pf_section {
	struct pf_sorted_run *runs;
	size_t n;
	bool merge;
};

struct pf_sections {
	struct pf_section *items; /* by partition, bucket, key */
	size_t n;
	size_t most_runs; /* of a section */
	int64_t hidden;   /* files that are not seen before they are compacted */
	struct pf_arena arena;
};

/* The sections of the list's files, which must outlive them. All files of a
 * bucket must be there, except those that no wanted key can be in. */
int pf_sections_make(const struct pf_file_list *list, const struct pf_table_schema *schema,
		     const struct pf_rules *rules, struct pf_sections *sections,
		     struct pf_error *err);
void pf_sections_free(struct pf_sections *s);

#endif
