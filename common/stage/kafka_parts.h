/* SPDX-License-Identifier: Apache-2.0
 *
 * The partitions of a topic that a reader reads, and where it is in each. Where it
 * begins is settled before the first row: each start must be within what the broker
 * has, and the record before it must be the one that was loaded. What is gone is
 * named, never skipped in silence (reliability notes, section 4).
 */
#ifndef PF_STAGE_KAFKA_PARTS_H
#define PF_STAGE_KAFKA_PARTS_H

#include "stage/kafka_anchor.h"

struct pf_kafka_part {
	int32_t partition;
	int64_t first;        /* that the broker has, when reading began */
	int64_t marked, at;   /* up to where marks were given; next record */
	int64_t end;          /* read no further; INT64_MAX: on and on */
	bool running;         /* is being read; the reader's */
	uint64_t hash;        /* of the last record before at */
	int64_t last;         /* its offset; -1: not known */
	struct pf_kafka_anchor known; /* when it was last checked, or the first
				       * record since */
};

struct pf_kafka_parts {
	struct pf_kafka_part *items;
	size_t n;
	int32_t *place;     /* of each of the topic's partitions in items, or -1 */
	int32_t npartitions;
	struct pf_buf gaps; /* that were accepted, as a mark says them; or empty */
};

/* Those that `how` chooses. PF_E_STAGE_CHANGED when the topic is another one or ends
 * before a start, PF_E_STAGE_GAP when records are gone and no gap is accepted. */
int pf_kafka_parts_open(struct pf_kafka_parts *parts, struct pf_kafka_stage *s,
			const struct pf_stage_read *how, struct pf_error *err);
void pf_kafka_parts_close(struct pf_kafka_parts *parts);

/* NULL: it is not among them. */
struct pf_kafka_part *pf_kafka_parts_find(const struct pf_kafka_parts *parts,
					  int32_t partition);

/* The last record that was taken, as what the partition is known by. */
struct pf_kafka_anchor pf_kafka_part_anchor(const struct pf_kafka_part *part);

#endif
