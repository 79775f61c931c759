/* SPDX-License-Identifier: Apache-2.0
 *
 * Which files of a table with a primary key have to be read to tell what changed
 * between two snapshots. The files of both states, and those that came and went
 * in between, are cut into sections by key (keyed/sections.h): one in which no key
 * can have changed is no part of the answer.
 *
 * Where a key may move from one bucket to another (its partition was written anew
 * with another count of buckets, buckets are dynamic) all buckets of the partition
 * are taken as one.
 */
#ifndef PF_QUERY_KEYED_PARTS_H
#define PF_QUERY_KEYED_PARTS_H

#include "query/between.h"

/* A section: keys that lie in no other one. */
struct pf_keyed_part {
	size_t from[2], n[2]; /* of the lists: files of both states */
	size_t hot_from, hot; /* files whose keys may have changed; 0: many, or
	                       * not known */
	int32_t bucket;
	bool mixed;           /* files of several buckets */
};

struct pf_keyed_parts {
	struct pf_between between;
	struct pf_keyed_part *items;
	size_t n;
	struct pf_file_list lists[2], hot; /* what is read, part by part */
};

/* The snapshots as in pf_between_find. look_up: fill hot where the keys that may
 * have changed are few enough to be looked up one by one. */
int pf_keyed_parts_find(struct pf_table *table, const struct pf_rules *rules,
			const struct pf_snapshot *before, const struct pf_snapshot *after,
			bool look_up, struct pf_keyed_parts *parts, struct pf_error *err);
void pf_keyed_parts_free(struct pf_keyed_parts *p);

#endif
